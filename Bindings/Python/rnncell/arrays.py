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


def token_ids(values: object) -> Array:
    """An int32 array of token ids; an array that is one already is taken as it is."""
    if isinstance(values, Array) and values.dtype == "int32":
        return values
    if not isinstance(values, Iterable):
        raise TypeError(f"token ids are a sequence of integers, not {type(values).__name__}")
    return _rnncell.tokens(list(values))


def concatenated(parts: list[Array]) -> Array:
    """The elements of float32 arrays one after another, [sum of sizes]."""
    floats = _array.array("f")
    for part in parts:
        floats.frombytes(memoryview(part).tobytes())
    return _rnncell.array(floats)


def positive(name: str, value: float, *, allow_zero: bool = False) -> float:
    """The value, if it is a number above zero.

    The C interface reads zero as "the default", which `None` says here.
    """
    if not isinstance(value, (int, float)) and not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if value > 0 or (allow_zero and value == 0):
        return value
    raise InvalidArgumentError(f"{name} is {value}; pass a positive number")


def positive_int(name: str, value: int) -> int:
    """The value, if it is a whole number above zero."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
    positive(name, number)
    return number


def seed_of(value: int) -> int:
    """The seed, if it is a whole number of 64 bits without sign."""
    number = operator.index(value)
    if 0 <= number < 1 << 64:
        return number
    raise InvalidArgumentError(f"seed is {number}; pass a number from 0 to 2**64 - 1")


def _restore(data: bytes, shape: tuple[int, ...], dtype: str) -> Array:
    if dtype == "int32":
        return _rnncell.tokens(_array.array("i", data).tolist())
    return _rnncell.array(_array.array("f", data))._view(0, shape)


def _reduce(value: Array) -> tuple[object, ...]:
    return _restore, (memoryview(value).tobytes(), value.shape, value.dtype)


copyreg.pickle(Array, _reduce)  # type: ignore[arg-type]
