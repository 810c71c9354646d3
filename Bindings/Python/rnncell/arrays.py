"""Arrays: what goes in is any float32 buffer, what comes out is `Array`."""
from __future__ import annotations

import array as _array
import copyreg
import operator
from collections.abc import Iterable

from . import _rnncell
from ._rnncell import Array, InvalidArgumentError

__all__ = ["Array", "array"]


def array(values: object) -> Array:
    """A float32 copy of a buffer, a tensor with `__dlpack__`, or nested lists."""
    return _rnncell.array(values)


def token_ids(values: object, name: str = "token id") -> Array:
    """An int32 array of token ids; an array that is one already is taken as it is.

    name: of one of the values, for errors.
    """
    if isinstance(values, Array) and values.dtype == "int32":
        return values
    if not isinstance(values, Iterable):
        raise TypeError(f"token ids are a sequence of integers, not {type(values).__name__}")
    ids = [*map(operator.index, values)]
    for id in (min(ids, default=0), max(ids, default=0)):
        if not 0 <= id < 1 << 31:
            raise InvalidArgumentError(f"a {name} is {id}; pass numbers from 0 to 2**31 - 1")
    return _rnncell.tokens(ids)


def concatenated(parts: list[Array]) -> Array:
    """The elements of float32 arrays one after another, [sum of sizes]."""
    floats = _array.array("f")
    for part in parts:
        floats.frombytes(memoryview(part).tobytes())
    return _rnncell.array(floats)


def _kind_of(value: object) -> str:
    """The letter of a NumPy value's type, "b" of its bools; "" for what is none."""
    return getattr(getattr(value, "dtype", None), "kind", "")


def number(name: str, value: object) -> float:
    """The value as a float, if it is a real number, of Python, NumPy or another kind."""
    try:
        if isinstance(value, (bool, str, bytes)) or _kind_of(value) in ("b", "c"):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}") from None


def positive(name: str, value: object) -> float:
    """The value, if it is a number above zero.

    The C interface reads zero as "the default", which `None` says here.
    """
    checked = number(name, value)
    if checked > 0:
        return checked
    raise InvalidArgumentError(f"{name} is {value}; pass a positive number")


def whole(name: str, value: object) -> int:
    """The value, if it is a whole number."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None


def positive_int(name: str, value: object) -> int:
    """The value, if it is a whole number above zero."""
    count = whole(name, value)
    if count > 0:
        return count
    raise InvalidArgumentError(f"{name} is {count}; pass a positive number")


def flag(name: str, value: object) -> bool:
    """The value, if it is True or False, also NumPy's."""
    if isinstance(value, bool) or _kind_of(value) == "b":
        return bool(value)
    raise TypeError(f"{name} must be True or False, not {value!r}")


def seed_of(value: object) -> int:
    """The seed, if it is a whole number of 64 bits without sign."""
    seed = whole("seed", value)
    if 0 <= seed < 1 << 64:
        return seed
    raise InvalidArgumentError(f"seed is {seed}; pass a number from 0 to 2**64 - 1")


def _restore(data: bytes, shape: tuple[int, ...], dtype: str) -> Array:
    if dtype == "int32":
        return _rnncell.tokens(_array.array("i", data).tolist())
    return _rnncell.array(_array.array("f", data))._view(0, shape)


def _reduce(value: Array) -> tuple[object, ...]:
    return _restore, (memoryview(value).tobytes(), value.shape, value.dtype)


copyreg.pickle(Array, _reduce)  # type: ignore[arg-type]
