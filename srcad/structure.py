"""Values taken apart into the leaves that generated code works on, and put together again.

A derivative is compiled for numbers and arrays; tuples, dicts and dataclasses are a matter of the
caller. ``lower`` turns an argument into its leaves, ``Rebuild`` turns leaves into a result:

>>> from srcad.ir.types import Scalar, Tuple
>>> pair = Tuple((Scalar("float64"), Scalar("int64")))
>>> lower((0.5, 3), pair)
[0.5, 3]
>>> value(pair, iter([0.5, 3])), gradient(pair, iter([2.0]))
((0.5, 3), (2.0, None))
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from srcad.ir.members import assemble, label, members
from srcad.ir.types import (
    BOOL,
    COMPLEX,
    COMPLEX64,
    FLOAT32,
    INT,
    Array,
    Scalar,
    Tuple,
    Type,
    is_inexact,
)

_CLASSES: dict[str, Callable[[Any], Any]] = {
    BOOL: bool,
    INT: int,
    FLOAT32: np.float32,
    COMPLEX: complex,
    COMPLEX64: np.complex64,
}


class NamedArray(NamedTuple):
    """An array in an argument: ``pair[0]`` to the user, ``pair_0`` in generated code."""

    name: str
    label: str
    array: np.ndarray


class _Writable:
    """Read-only memory under a writable label: generated code never writes its arguments."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface


def plain(array: np.ndarray) -> np.ndarray:
    """The array itself if it is C-contiguous, aligned and writable; else a view or a copy that is.

    One layout means one compiled variant. The view is only ever read.
    """
    if array.flags.carray and array.dtype.isnative:
        return array
    if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative and array.size:
        return np.asarray(_Writable(array))
    return fresh(array)


def fresh(array: np.ndarray) -> np.ndarray:
    """A C-contiguous copy in native byte order."""
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True, subok=False)


def lower(argument: Any, type_: Type, copy: bool = False) -> list[Any]:
    """The dynamic leaves of an argument, as generated code takes them; copied if ``copy``."""
    match type_:
        case Scalar(kind=kind):
            return [number(argument, kind)]
        case Array():
            return [fresh(argument) if copy else plain(argument)]
        case Tuple(items=items, cls=cls, keys=keys):
            return [
                leaf
                for member, t in zip(members(argument, cls, keys), items, strict=True)
                for leaf in lower(member, t, copy)
            ]
        case _:
            return []


def number(found: Any, kind: str) -> Any:
    """A number as the Python class that stands for its kind (NumPy's in single precision)."""
    return _CLASSES.get(kind, float)(found)


def arrays(argument: Any, type_: Type, name: str, generated: str = "") -> list[NamedArray]:
    """The arrays in an argument, as they are, with their names."""
    generated = generated or name
    match type_:
        case Array():
            return [NamedArray(name, generated, argument)]
        case Tuple(items=items, cls=cls, keys=keys):
            pairs = enumerate(zip(members(argument, cls, keys), items, strict=True))
            return [
                found
                for k, (member, t) in pairs
                for found in arrays(
                    member, t, name + label(cls, keys, k), f"{generated}_{keys[k] if keys else k}"
                )
            ]
        case _:
            return []


def count(type_: Type | None, floats_only: bool) -> int:
    """How many leaves a value of this type has."""
    match type_:
        case Scalar(kind=kind) | Array(dtype=kind):
            return int(not floats_only or is_inexact(kind))
        case Tuple(items=items):
            return sum(count(t, floats_only) for t in items)
        case _:
            return 0


def value(type_: Type | None, leaves: Iterator[Any]) -> Any:
    """The value of a type made of its leaves."""
    match type_:
        case Scalar(kind=kind):
            return number(next(leaves), kind)
        case Array():
            return np.asarray(next(leaves))
        case Tuple(items=items, cls=cls, keys=keys):
            return assemble(cls, keys, [value(t, leaves) for t in items])
        case None:
            return None
        case _:
            return getattr(type_, "value", getattr(type_, "function", None))


def gradient(type_: Type, leaves: Iterator[Any]) -> Any:
    """The gradient of a value of this type: its structure, ``None`` where it has no floats."""
    match type_:
        case Scalar(kind=kind) if is_inexact(kind):
            return number(next(leaves), kind)
        case Array(dtype=dtype) if is_inexact(dtype):
            return np.asarray(next(leaves), dtype)
        case Tuple(items=items, cls=cls, keys=keys):
            return assemble(cls, keys, [gradient(t, leaves) for t in items])
        case _:
            return None


def maker(type_: Type | None) -> Callable[[Any], Any] | None:
    """What makes a float or an array of floats of its leaf; None for any other type."""
    match type_:
        case Scalar(kind=kind) if is_inexact(kind):
            return _CLASSES.get(kind, float)
        case Array(dtype=name) if is_inexact(name):
            dtype = np.dtype(name)
            return lambda leaf: np.asarray(leaf, dtype)
        case _:
            return None


def arranged(type_: Type, items: Iterator[Any]) -> Any:
    """One item for each float of a type, in its structure; None where it has no floats.

    >>> from srcad.ir.types import FLOAT, INT
    >>> arranged(Tuple((Scalar(FLOAT), Scalar(INT), Scalar(FLOAT))), iter("ab"))
    ('a', None, 'b')
    """
    match type_:
        case Tuple(items=members, cls=cls, keys=keys):
            return assemble(cls, keys, [arranged(t, items) for t in members])
        case Scalar(kind=kind) | Array(dtype=kind) if is_inexact(kind):
            return next(items)
        case _:
            return None


def as_leaves(returned: Any, size: int) -> Iterator[Any]:
    """What generated code returned: a bare value where there is one, else a tuple."""
    return iter((returned,) if size == 1 else returned or ())
