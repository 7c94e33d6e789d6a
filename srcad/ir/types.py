"""The types of values that the compiler distinguishes.

A type is what decides the generated code: the kind of a scalar, the dtype and rank of an array
and which of its axes are known to have length 1 (so that broadcasting is settled before the run),
the members of a structure, and the value of a static option (a string, ``None``, an enum member).
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


def is_float(kind: str) -> bool:
    """Whether values of this kind carry derivatives."""
    return kind in (FLOAT, FLOAT32)
