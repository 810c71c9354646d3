"""Weights with names, and what has them."""
from __future__ import annotations

import difflib
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, Self

from ._rnncell import Array, InvalidArgumentError
from .arrays import array
from .exports import form_of
from .files import Path


class Parameters(Mapping[str, Array]):
    """Named arrays: a snapshot that does not change when training goes on."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Array:
        try:
            return self._arrays[name]
        except KeyError:
            near = difflib.get_close_matches(str(name), self._arrays, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise KeyError(f"there is no parameter {name!r}{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        rows = "".join(f"\n  {name}: {list(value.shape)}" for name, value in self.items())
        count = sum(value.size for value in self.values())
        return f"<rnncell.{type(self).__name__}, {count} numbers:{rows}>"


class Learned:
    """What has weights with names: networks and models."""

    _handle: Any
    _info: Mapping[str, Any]

    @classmethod
    def _read(cls, path: Path) -> Any:
        raise NotImplementedError

    @classmethod
    def _wrap(cls, handle: Any) -> Self:
        raise NotImplementedError

    @property
    def layers(self) -> int:
        """How many layers."""
        return self._info["layers"]

    @property
    def parameter_count(self) -> int:
        """How many learned numbers there are, of a model those around the layers too."""
        return self._info["weight_count"]

    def parameters(self) -> Parameters:
        """The weights by name, as a snapshot."""
        return Parameters(self._handle.parameters())

    def load_parameters(self, values: Mapping[str, object], *, strict: bool = True) -> None:
        """Takes weights by name; on a failure nothing is changed.

        strict: every parameter must be there; otherwise those that are not stay as they are.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"parameters are a mapping from names, not {type(values).__name__}")
        old = self.parameters()
        missing = [name for name in old if name not in values]
        if strict and missing:
            raise InvalidArgumentError(
                f"{missing[0]!r} is missing ({len(missing)} in all); pass it, or strict=False")
        written: list[str] = []
        try:
            for name, value in values.items():
                part = value if isinstance(value, Array) else array(value)
                if name not in old:
                    raise InvalidArgumentError(f"there is no parameter {name!r}; parameters() has all")
                if part.shape != old[name].shape:
                    raise InvalidArgumentError(f"{name} has shape {list(part.shape)}, and "
                                               f"{list(old[name].shape)} is needed")
                self._handle.write(name, part)
                written.append(name)
        except BaseException:
            for name in written:
                self._handle.write(name, old[name])
            raise

    def export(self, path: Path, to: str | None = None) -> None:
        """Writes it for others to run.

        to: "torch" or "jax": source that reads the safetensors that `save` writes; "c": one C99 file with
        the weights, which allocates nothing; "onnx": a model with free length and batch. None: by the
        ending .py (torch), .c or .onnx.
        """
        self._handle.export(form_of(os.fspath(path), to), path)

    def save(self, path: Path) -> None:
        """Saves cells and weights, of a language model also the vocabulary, as safetensors."""
        self._handle.save(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Loads what `save` wrote."""
        return cls._wrap(cls._read(path))

    def __reduce__(self) -> tuple[object, ...]:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "saved.safetensors")
            self.save(path)
            return _from_bytes, (type(self), path.read_bytes())


def _from_bytes(kind: type[Learned], data: bytes) -> Learned:
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "saved.safetensors")
        path.write_bytes(data)
        return kind.load(path)
