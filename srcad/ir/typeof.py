"""The type of a Python value that is passed to a derivative.

``typeof`` decides which code a call needs; two calls with equal types share it. What srcad cannot
differentiate is refused here, by name, before anything is generated. ``quick_key`` is its cheap
companion for the hot path: equal quick keys mean equal types (the converse need not hold).

>>> typeof(1.5), typeof(True), typeof("upwind")
(Scalar(kind='float64'), Scalar(kind='bool'), Static(value='upwind'))
>>> typeof(np.zeros((3, 1), dtype=np.float32))
Array(dtype='float32', ndim=2, units=(False, True))
"""

import enum
import functools
import types
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from srcad.errors import ArgumentError
from srcad.ir.compressed import FIELDS, SPARSE, stand_in
from srcad.ir.members import field_names, is_dataclass_instance, is_object, members
from srcad.ir.types import (
    BOOL,
    COMPLEX,
    COMPLEX64,
    FLOAT,
    FLOAT32,
    INT,
    Array,
    Function,
    Receiver,
    Scalar,
    Static,
    Tuple,
    Type,
    is_dtype,
    is_inexact,
    is_single,
)

_NUMBERS: dict[type, Scalar] = {
    float: Scalar(FLOAT),
    np.float64: Scalar(FLOAT),
    np.float32: Scalar(FLOAT32),
    complex: Scalar(COMPLEX),
    np.complex128: Scalar(COMPLEX),
    np.complex64: Scalar(COMPLEX64),
    bool: Scalar(BOOL),
    np.bool_: Scalar(BOOL),
    int: Scalar(INT),
    **{
        getattr(np, f"{sign}int{bits}"): Scalar(INT)
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
    np.longlong: Scalar(INT),
    np.ulonglong: Scalar(INT),
}

PLAIN = frozenset(_NUMBERS)
"""Classes of numbers that are their own quick key."""

_ABSENT = object()

LONGEST_LIST = 128
"""A list is taken apart into variables; a longer one belongs into an array."""

_DEEPEST = 30
"""Objects within objects beyond this many hold one another."""

_STATIC_CLASSES = (np.generic, bool, int, float, complex)
_DICTS = (dict, OrderedDict)


def typeof(value: object, name: str = "") -> Type:
    """The type of an argument.

    Parameters
    ----------
    value
        A number, a NumPy array of floats, complex numbers, integers or booleans, a string,
        ``None``, a function, an enum member, or a tuple, namedtuple, list, dict or dataclass of
        these.
    name
        The argument's name, for the message.

    Raises
    ------
    ArgumentError
        The value is of a kind that srcad does not support (yet).
    """
    found = _NUMBERS.get(type(value))
    if found is not None:
        return found
    if isinstance(value, np.ndarray):
        return _typeof_array(value, name)
    if value is None:
        return Static(None)
    if isinstance(value, enum.Enum | Receiver):
        return value if isinstance(value, Receiver) else Static(value)
    if isinstance(value, str):
        return Static(str(value))
    if type(value) in _DICTS:
        return _typeof_dict(value, name)  # type: ignore[arg-type]
    if is_dataclass_instance(value):
        return _typeof_dataclass(value, name)
    if isinstance(value, tuple | list):
        return _typeof_sequence(value, name)
    if is_function(value):
        return Function(value)
    sparse = stand_in(value)
    if sparse is not None:
        parts = tuple([typeof(getattr(value, n), f"{name}.{n}") for n in FIELDS])
        return Tuple(parts, sparse, FIELDS)
    if isinstance(value, type) and issubclass(value, _STATIC_CLASSES):
        return Static(value)
    if isinstance(value, float) and not isinstance(value, np.generic):
        return Scalar(FLOAT)
    if isinstance(value, int):
        return Scalar(INT)
    if isinstance(value, complex) and not isinstance(value, np.generic):
        return Scalar(COMPLEX)
    if is_object(value):
        return _typeof_object(value, name)
    raise _refusal(value, name)


def quick_key(value: object) -> Hashable:
    """A key that is cheap to compute; values with equal keys have equal types."""
    kind = type(value)
    if kind is np.ndarray:
        shape = value.shape  # type: ignore[attr-defined]
        units = tuple([n == 1 for n in shape]) if 1 in shape else len(shape)
        return value.dtype.char, units  # type: ignore[attr-defined]
    if kind in PLAIN or value is None:
        return kind
    if kind is Receiver:
        return value
    if kind in _DICTS:
        members = value.values()  # type: ignore[attr-defined]
        return kind, tuple(value), tuple([quick_key(v) for v in members])  # type: ignore[arg-type]
    if isinstance(value, tuple | list):
        if len(value) > LONGEST_LIST or not (kind in (tuple, list) or hasattr(value, "_fields")):
            typeof(value)
        return kind, tuple([quick_key(v) for v in value])
    if is_dataclass_instance(value):
        return kind, tuple([quick_key(getattr(value, n, _ABSENT)) for n in field_names(kind)])
    return typeof(value)


def is_function(value: object) -> bool:
    """Whether a value is a function of Python, NumPy or Numba, not a class or callable object."""
    if isinstance(value, functools.partial | types.MethodType):
        return True
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | np.ufunc):
        return True
    if isinstance(getattr(value, "py_func", None), types.FunctionType):
        return True
    is_numpy = (type(value).__module__ or "").startswith("numpy") and callable(value)
    return hasattr(value, "__srcad_primal__") or (is_numpy and hasattr(value, "__wrapped__"))


def has_float(type_: Type) -> bool:
    """Whether a value of this type carries a derivative, itself or in a member."""
    match type_:
        case Scalar(kind=kind) | Array(dtype=kind):
            return is_inexact(kind)
        case Tuple(cls=cls) if cls in SPARSE:
            return False
        case Tuple(items=items):
            return any(has_float(t) for t in items)
        case _:
            return False


def has_single(type_: Type) -> bool:
    """Whether a value of this type is of single precision, itself or in a member."""
    match type_:
        case Scalar(kind=kind) | Array(dtype=kind):
            return is_single(kind)
        case Tuple(items=items):
            return any(map(has_single, items))
        case _:
            return False


def with_origin(type_: Type, value: Any) -> Type:
    """The type, with a note for each number whether it is one of Python's or of NumPy's.

    >>> with_origin(Scalar("float64"), np.float64(0.5)).python
    False
    """
    match type_:
        case Scalar():
            return replace(type_, python=not isinstance(value, np.generic))
        case Tuple(items=items, cls=cls, keys=keys) if cls not in SPARSE:
            pairs = zip(items, members(value, cls, keys), strict=True)
            return replace(type_, items=tuple([with_origin(t, v) for t, v in pairs]))
        case _:
            return type_


def describe(type_: Type | None) -> str:
    """A type in a user's words.

    >>> describe(Array("int64", 1)), describe(Scalar("bool")), describe(Static(None))
    ('an int64 array', 'a bool', 'None')
    """
    match type_:
        case None | Static(value=None):
            return "None"
        case Scalar(kind=kind):
            return f"{_article(kind)} {kind}"
        case Array(dtype=dtype):
            return f"{_article(dtype)} {dtype} array"
        case Tuple(cls=cls) if cls in SPARSE:
            return "a sparse matrix"
        case Tuple(items=items, cls=cls, keys=keys):
            if keys and cls is not None and not issubclass(cls, dict):
                return f"the dataclass {cls.__name__}"
            return f"a {'tuple' if cls is None else cls.__name__} of {len(items)}"
        case Receiver(value=value):
            return f"an object of type {type(value).__name__}"
        case Static(value=value):
            return f"the {type(value).__name__} {value!r}"
        case Function(function=function):
            return f"the function {getattr(function, '__name__', function)!r}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeio" else "a"


def _subject(name: str) -> str:
    return f"argument {name!r}" if name else "the value"


def _typeof_array(value: np.ndarray, name: str) -> Type:
    if type(value) is not np.ndarray and not isinstance(value, np.memmap):
        raise ArgumentError(
            f"{_subject(name)} is a {type(value).__module__}.{type(value).__name__}, "
            "whose operations differ from those of a plain array",
            hint="pass a plain array, such as np.asarray(...) of it",
        )
    dtype = value.dtype.name
    if not is_dtype(dtype):
        raise _refused_dtype(value.dtype, f"{_subject(name)} is an array")
    return Array(dtype, value.ndim, tuple([n == 1 for n in value.shape]))


def _typeof_dict(value: dict[object, object], name: str) -> Type:
    for key in value:
        if type(key) not in (str, int):
            raise ArgumentError(
                f"{_subject(name)} is a {type(value).__name__} with the key {key!r}",
                hint="use strings (or integers) as keys",
            )
    items = tuple([typeof(item, f"{name}[{key!r}]") for key, item in value.items()])
    return Tuple(items, type(value), tuple(value))  # type: ignore[arg-type]


def _typeof_dataclass(value: object, name: str) -> Type:
    cls = type(value)
    if isinstance(value, tuple | dict | list | str | float | int | np.ndarray):
        raise ArgumentError(
            f"{_subject(name)} is the dataclass {cls.__name__}, which is derived from a built-in "
            "class as well",
            hint="make the dataclass of fields alone",
        )
    names = field_names(cls)
    absent = [n for n in names if not hasattr(value, n)]
    if absent:
        raise ArgumentError(
            f"{_subject(name)} is a {cls.__name__} whose field {absent[0]!r} is not set",
            hint="set all fields",
        )
    return Tuple(tuple([typeof(getattr(value, n), f"{name}.{n}") for n in names]), cls, names)


def _typeof_object(value: object, name: str) -> Type:
    if name.count(".") > _DEEPEST:
        raise ArgumentError(
            f"{_subject(name.partition('.')[0])} is an object that holds itself",
            hint="pass the numbers and arrays that are needed",
        )
    names = tuple(vars(value))
    items = tuple([typeof(item, f"{name}.{n}") for n, item in vars(value).items()])
    return Tuple(items, type(value), names)


def _typeof_sequence(value: tuple[object, ...] | list[object], name: str) -> Type:
    cls: type | None = type(value)
    if cls is tuple:
        cls = None
    elif cls is not list and not hasattr(value, "_fields"):
        raise _refusal(value, name)
    if cls is list and len(value) > LONGEST_LIST:
        raise ArgumentError(
            f"{_subject(name)} is a list of {len(value)} items; each would become a variable",
            hint="pass np.array(...) of it",
        )
    items = tuple([typeof(item, f"{name}[{k}]") for k, item in enumerate(value)])
    return Tuple(items, cls)


def _refused_dtype(dtype: np.dtype, subject: str) -> ArgumentError:
    label = "structured " + str(dtype) if dtype.names else dtype.name
    if dtype.char in "gG":
        label += " (longdouble)"
    hints = {
        "c": "convert it with .astype(np.complex128)",
        "f": "convert it with .astype(np.float64)",
        "O": "convert it with .astype(np.float64), or pass the objects as arguments of their own",
        "V": "pass each field as an argument of its own",
        "M": "convert it to float64 in a fixed unit",
        "m": "convert it to float64 in a fixed unit",
    }
    return ArgumentError(
        f"{subject} of dtype {label}, which is not supported; "
        "float64, float32, complex128, complex64, integers and bool are",
        hint=hints.get(dtype.kind, "pass numbers, as float64"),
    )


def _refusal(value: object, name: str) -> ArgumentError:
    subject, cls = _subject(name), type(value)
    if isinstance(value, np.generic):
        return _refused_dtype(value.dtype, f"{subject} is a NumPy scalar")
    if isinstance(value, Mapping):
        return ArgumentError(
            f"{subject} is a {cls.__module__}.{cls.__name__}, a mapping that is no plain dict",
            hint="pass dict(...) of it",
        )
    if hasattr(value, "__array__"):
        return ArgumentError(
            f"{subject} is a {cls.__module__}.{cls.__name__}, not a NumPy array",
            hint="pass np.asarray(...) of it",
        )
    return ArgumentError(
        f"{subject} is of type {cls.__name__}; a set or an arbitrary object cannot be an argument"
        if isinstance(value, set | frozenset)
        else f"{subject} is an object of type {cls.__name__}, which is not supported",
        hint="pass numbers, NumPy arrays, strings, functions, or tuples, dicts, dataclasses and "
        "objects of your own classes with these",
    )
