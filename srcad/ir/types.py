"""The types of values that the compiler distinguishes.

A type is what decides the generated code: the kind of a scalar, the dtype and rank of an array
and which of its axes are known to have length 1 (so that broadcasting is settled before the run),
the members of a structure, and the value of a static option (a string, ``None``, an enum member).
Types are hashable: the tuple of argument types is the key of a specialisation.
"""

from dataclasses import dataclass, field

import numpy as np

BOOL, INT, FLOAT, FLOAT32 = "bool", "int64", "float64", "float32"
COMPLEX, COMPLEX64 = "complex128", "complex64"
"""Kinds of scalars and dtypes of array elements, by their NumPy names."""

_REAL_PARTS = {COMPLEX: FLOAT, COMPLEX64: FLOAT32}
_COMPLEX_OF = {FLOAT32: COMPLEX64, COMPLEX64: COMPLEX64}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number; ``kind`` is "bool", "int64", or a kind of float or complex number.

    ``python`` says whether it is a number of Python's, which takes the precision of what it meets;
    None where that does not matter or is not known.
    """

    kind: str
    python: bool | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Array:
    """A NumPy array; ``units[k]`` says that axis k is known to have length 1."""

    dtype: str
    ndim: int
    units: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Tuple:
    """A structure: a tuple (``cls`` None), list, namedtuple, dict or dataclass of known members."""

    items: tuple["Type", ...]
    cls: type | None = None
    keys: tuple[str | int, ...] = ()
    """The keys of a dict in its order, the names of the fields of a dataclass."""


@dataclass(frozen=True, slots=True, eq=False)
class Static:
    """A value fixed when the code is generated: a string, ``None``, an enum member, a class."""

    value: object

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static) or type(self.value) is not type(other.value):
            return False
        return bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True, eq=False)
class Receiver:
    """The object that a bound method belongs to: itself a type, and its attributes are captured."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Receiver) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True, slots=True)
class Function:
    """A function passed as a value; it is inlined where it is called."""

    function: object


Type = Scalar | Array | Tuple | Static | Function | Receiver


def is_inexact(kind: str) -> bool:
    """Whether values of this kind, floats and complex numbers, carry derivatives."""
    return kind in (FLOAT, FLOAT32, COMPLEX, COMPLEX64)


def is_complex(kind: str) -> bool:
    """Whether values of this kind are complex numbers."""
    return kind in (COMPLEX, COMPLEX64)


def is_dtype(name: str) -> bool:
    """Whether arrays of this dtype are supported."""
    return name == BOOL or is_inexact(name) or name.startswith(("int", "uint"))


def kind_of(dtype: str) -> str:
    """The kind of an element of an array of this dtype: integers of all widths are int64."""
    return dtype if dtype == BOOL or is_inexact(dtype) else INT


def width_of(dtype: str) -> int:
    """The bytes of an element."""
    return np.dtype(dtype).itemsize


def real_kind(kind: str) -> str:
    """The kind of the real part.

    >>> real_kind("complex64"), real_kind("int64")
    ('float32', 'int64')
    """
    return _REAL_PARTS.get(kind, kind)


def complex_kind(kind: str) -> str:
    """The kind of a complex number whose parts are of this kind.

    >>> complex_kind("float32"), complex_kind("int64")
    ('complex64', 'complex128')
    """
    return _COMPLEX_OF.get(kind, COMPLEX)


def is_single(kind: str) -> bool:
    """Whether values of this kind are floats of 32 bits or made of two of them."""
    return kind in (FLOAT32, COMPLEX64)


def single_kind(kind: str) -> str:
    """The kind of the same number in single precision.

    >>> single_kind("complex128"), single_kind("int64"), single_kind("bool")
    ('complex64', 'float32', 'bool')
    """
    if kind == BOOL:
        return BOOL
    return COMPLEX64 if is_complex(kind) else FLOAT32
