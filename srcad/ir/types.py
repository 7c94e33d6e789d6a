"""The types of values that the compiler distinguishes.

A type is what decides the generated code: the kind of a scalar, the dtype and rank of an array
and which of its axes are known to have length 1 (so that broadcasting is settled before the run),
the members of a tuple, and the value of a static option (a string, ``None``, a bool literal).
Types are hashable: the tuple of argument types is the key of a specialisation.
"""

from dataclasses import dataclass

BOOL, INT, FLOAT, FLOAT32 = "bool", "int64", "float64", "float32"
"""Kinds of scalars and dtypes of array elements, by their NumPy names."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number; ``kind`` is one of "bool", "int64", "float64", "float32"."""

    kind: str


@dataclass(frozen=True, slots=True)
class Array:
    """A NumPy array; ``units[k]`` says that axis k is known to have length 1."""

    dtype: str
    ndim: int
    units: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple of values of known types; ``names`` and ``cls`` are set for a namedtuple."""

    items: tuple["Type", ...]
    cls: type | None = None


@dataclass(frozen=True, slots=True)
class Static:
    """A value fixed when the code is generated: a string or ``None``."""

    value: object


@dataclass(frozen=True, slots=True)
class Function:
    """A function passed as a value; it is inlined where it is called."""

    function: object


Type = Scalar | Array | Tuple | Static | Function


def is_float(kind: str) -> bool:
    """Whether values of this kind carry derivatives."""
    return kind in (FLOAT, FLOAT32)
