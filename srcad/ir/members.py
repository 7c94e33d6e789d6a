"""The members of structures: tuples, lists, namedtuples, dicts, dataclasses, objects of classes.

>>> members({"a": 1.0, "b": 2.0}, dict, ("a", "b")), assemble(dict, ("a", "b"), [3.0, 4.0])
([1.0, 2.0], {'a': 3.0, 'b': 4.0})
"""

import abc
import dataclasses
import functools
import inspect
from collections.abc import Sequence
from typing import Any

Keys = tuple[str | int, ...]

HEAP_TYPE = 1 << 9
"""The flag of a class that was made by a ``class`` statement."""

HOOKS = ("__new__", "__getattribute__", "__getattr__", "__setattr__", "__delattr__")
"""What a class may define so that its attributes are not what they seem."""

_LIBRARIES = ("builtins", "functools", "numba", "numpy", "scipy", "srcad", "typing")


def is_dataclass_instance(value: object) -> bool:
    """Whether a value is an instance of a dataclass."""
    return hasattr(type(value), "__dataclass_fields__")


@functools.cache
def field_names(cls: type) -> tuple[str, ...]:
    """The names of the fields of a dataclass, in order."""
    return tuple(f.name for f in dataclasses.fields(cls))


def is_ordinary(cls: Any) -> bool:
    """Whether a value is a class that the user wrote, of no special kind.

    >>> import types
    >>> pendulum = type("Pendulum", (), {"__module__": "simulation"})
    >>> is_ordinary(pendulum), is_ordinary(dict), is_ordinary(types.SimpleNamespace)
    (True, False, False)
    """
    return (
        isinstance(cls, type)
        and type(cls) in (type, abc.ABCMeta)
        and not hasattr(cls, "__dataclass_fields__")
        and all(base.__flags__ & HEAP_TYPE for base in cls.__mro__[:-1])
        and (cls.__module__ or "").partition(".")[0] not in _LIBRARIES
        and not inspect.isabstract(cls)
    )


@functools.cache
def _has_attributes_only(cls: type) -> bool:
    """Whether the objects of a class are their attributes: nothing steps in, nothing is hidden."""
    bases = cls.__mro__[:-1]
    own = {name for base in bases for name in base.__dict__}
    return is_ordinary(cls) and not own & {*HOOKS, "__slots__", "__array__", "__iter__", "__len__"}


def is_object(value: object) -> bool:
    """Whether a value is an object of an ordinary class that can be an argument: its attributes."""
    return _has_attributes_only(type(value)) and hasattr(value, "__dict__")


def members(value: Any, cls: type | None, keys: Keys) -> Sequence[Any]:
    """The members of a structure, in the order of its type."""
    if not keys:
        return () if cls is not None and not issubclass(cls, tuple | list) else value
    assert cls is not None
    if issubclass(cls, dict):
        return [value[k] for k in keys]
    return [getattr(value, str(k)) for k in keys]


def assemble(cls: type | None, keys: Keys, items: Sequence[Any]) -> Any:
    """A structure made of its members; no code of a dataclass runs (``__post_init__`` does not)."""
    if cls is None:
        return tuple(items)
    if cls is list:
        return list(items)
    if issubclass(cls, dict):
        return cls(zip(keys, items, strict=True))
    if issubclass(cls, tuple):
        return cls._make(items)  # type: ignore[attr-defined]
    made = object.__new__(cls)
    for key, item in zip(keys, items, strict=True):
        object.__setattr__(made, str(key), item)
    return made


def label(cls: type | None, keys: Keys, k: int) -> str:
    """How a user writes member ``k`` after the name of the structure."""
    if not keys:
        return f"[{k}]"
    assert cls is not None
    return f"[{keys[k]!r}]" if issubclass(cls, dict) else f".{keys[k]}"


def shape_of(value: object) -> tuple[type | None, Keys] | None:
    """The class and the keys of a structure, as a type has them; None if it is none."""
    cls = type(value)
    if isinstance(value, dict):
        return cls, tuple(value)
    if isinstance(value, tuple | list):
        return (None if cls is tuple else cls), ()
    if is_dataclass_instance(value):
        return cls, field_names(cls)
    return (cls, tuple(vars(value))) if is_object(value) else None


def can_change(value: object) -> bool:
    """Whether a structure is a dict, an object, or a dataclass that is not frozen."""
    params = getattr(type(value), "__dataclass_params__", None)
    return isinstance(value, dict) or (not params.frozen if params else is_object(value))


def like(value: object, cls: type | None, keys: Keys, size: int) -> Sequence[Any] | None:
    """The members of a value given for a structure of this class; None if it does not fit.

    A tuple or a list is taken for any sequence, and keys may come in any order.
    """
    if cls is None or issubclass(cls, tuple | list):
        return value if isinstance(value, tuple | list) and len(value) == size else None
    if issubclass(cls, dict):
        fits = isinstance(value, dict) and set(value) == set(keys)
    else:
        fits = isinstance(value, cls) and all(hasattr(value, str(k)) for k in keys)
    return members(value, cls, keys) if fits else None


def described(value: object) -> str:
    """A structure in a user's words.

    >>> described({"a": 1.0}), described((1.0, 2.0))
    ("a dict with the keys ['a']", 'a tuple of 2')
    """
    if isinstance(value, dict):
        return f"a {type(value).__name__} with the keys {list(value)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
