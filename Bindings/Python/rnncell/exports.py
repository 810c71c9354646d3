"""What networks and models can be exported as."""
from __future__ import annotations

from ._rnncell import InvalidArgumentError

#: By the name that `export(to=)` takes.
FORMS = {"torch": 1, "jax": 2, "c": 3, "onnx": 4}
#: By the ending of a file's name.
_ENDINGS = {".py": "torch", ".c": "c", ".onnx": "onnx"}


def form_of(path: str, to: str | None) -> int:
    """The form's number, from its name or the ending of the file."""
    name = to or next((form for ending, form in _ENDINGS.items() if path.endswith(ending)), None)
    if name not in FORMS:
        raise InvalidArgumentError(
            f"{name or path!r} says no form; pass to= one of {', '.join(FORMS)}")
    return FORMS[name]
