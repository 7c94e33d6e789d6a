"""Values that the program reads from outside: globals, closures, attributes, defaults.

Numbers and arrays are read at each call. What decides the code (functions, strings, the class of an
object, the length of a tuple, the keys of a dict) is guarded: a call that finds it changed gets a
program of its own.
"""

from __future__ import annotations

import builtins
import enum
import functools
import types
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from srcad.errors import ArgumentError, UndefinedNameError
from srcad.frontend import arrays
from srcad.frontend.expressions import Scope
from srcad.frontend.heap import Heap
from srcad.frontend.program import CapturedValue
from srcad.frontend.refusals import FUNCTIONS
from srcad.frontend.values import (
    BoundCall,
    ListTag,
    Outside,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import integer
from srcad.ir.compressed import FIELDS, stand_in
from srcad.ir.members import HEAP_TYPE, field_names, is_dataclass_instance
from srcad.ir.nodes import Const, Extent, Var
from srcad.ir.types import (
    BOOL,
    COMPLEX,
    COMPLEX64,
    FLOAT,
    FLOAT32,
    INT,
    Array,
    Scalar,
    is_dtype,
)
from srcad.rules.library import call_rule_of, expansion_of
from srcad.transformation import innermost, transformation_of

_CACHED: Any = type(functools.lru_cache(lambda: None))
_OPEN = types.ModuleType | type | np.dtype | np.finfo | np.iinfo | np.ufunc | types.FunctionType
"""Objects whose attributes may be read."""

_LONGEST = 128
"""A captured list is taken apart into variables; a longer one belongs into an array."""

Fetch = Callable[[], Any]


class Captures(Heap):
    """Reads what is not local to the program."""

    captures: dict[object, tuple[CapturedValue, Value]]
    guards: dict[object, tuple[Fetch, object]]
    objects: dict[object, Fetch]
    """The objects from outside whose members are read."""

    def captured(self, name: str, scope: Scope) -> Value:
        """The value of a name that is not local."""
        source = scope.source
        try:
            value = source.lookup(name)
        except KeyError:
            raise UndefinedNameError(f"name {name!r} is not defined", self.b.here) from None
        return self._captured_value(
            (id(source.function), name), name, lambda: source.lookup(name), value
        )

    def captured_attribute(self, owner: object, name: str) -> Value:
        """An attribute of a module, a class, a function or an enum member."""
        if isinstance(owner, enum.Enum) and name in ("value", "name"):
            return self._python_value(getattr(owner, name), name)
        method = getattr(owner, name, None)
        if isinstance(method, types.MethodType) and expansion_of(method) is not None:
            return StaticValue(method)
        if isinstance(owner, np.random.Generator):
            raise self.b.refuse(**FUNCTIONS[np.random.default_rng].words())
        if not isinstance(owner, _OPEN | enum.Enum):
            raise self.b.refuse(
                f"attributes of {type(owner).__name__} objects are not supported yet",
                "pass the value as an argument of the function",
            )
        try:
            value = getattr(owner, name)
        except AttributeError:
            raise UndefinedNameError(
                f"{getattr(owner, '__name__', owner)!r} has no attribute {name!r}", self.b.here
            ) from None
        module = getattr(owner, "__name__", "")
        if (
            module in ("math", "cmath", "numpy")
            or module.startswith("numpy.")
            or isinstance(owner, np.finfo | np.iinfo | np.ufunc)
        ):
            if isinstance(value, float | np.floating):
                return Const(float(value), FLOAT)
            if isinstance(value, int | np.integer) and not isinstance(value, bool):
                return integer(int(value))
            if isinstance(value, complex):
                return Const(value, COMPLEX)
            return StaticValue(value)
        return self._captured_value((id(owner), name), name, lambda: getattr(owner, name), value)

    def captured_member(self, owner: Outside, key: object) -> Value:
        """An item of a dict from outside."""
        fetch: Fetch = owner.fetch
        try:
            value = owner.value[key]  # type: ignore[index]
        except KeyError:
            raise ArgumentError(f"{owner.name} has no key {key!r}", self.b.here) from None
        return self._captured_value(
            (owner.path, key), f"{owner.name}_{key}", lambda: fetch()[key], value
        )

    def captured_members(self, owner: Outside) -> list[tuple[Any, Value]]:
        """All keys and members of a dict or a dataclass from outside."""
        if isinstance(owner.value, dict):
            keys, fetch = tuple(owner.value), cast(Fetch, owner.fetch)
            self.guard((owner.path, "keys"), lambda: tuple(fetch()) == keys, True)
            return [(k, self.captured_member(owner, k)) for k in keys]
        if not is_dataclass_instance(owner.value):
            raise self.b.refuse(
                f"an object of type {type(owner.value).__name__} is used as a whole here",
                "read its attributes, or make its class a dataclass",
            )
        return [(k, self.object_attribute(owner, k)) for k in field_names(type(owner.value))]

    def object_attribute(self, owner: Outside, name: str) -> Value:
        """What an object from outside has under a name now, read at each call."""
        try:
            value = getattr(owner.value, name)
        except AttributeError:
            raise UndefinedNameError(
                f"{type(owner.value).__name__!r} object has no attribute {name!r}", self.b.here
            ) from None
        return self._captured_value(
            (owner.path, name),
            f"{owner.name}_{name}",
            lambda: getattr(owner.fetch(), name),
            value,
        )

    def guard(self, key: object, fetch: Fetch, value: object) -> None:
        """The program is valid while ``fetch() is value``."""
        self.guards.setdefault(key, (fetch, value))

    def _captured_value(self, key: object, name: str, fetch: Fetch, value: Any) -> Value:
        if key in self.captures:
            return self.captures[key][1]
        kind = _kind_of_number(value)
        if kind is not None:
            var = Var(self.b.names.fresh(name), kind)
            self.b.numbers.note(var.name, not isinstance(value, np.generic), None)
            self.captures[key] = (CapturedValue(fetch, var.name, Scalar(kind)), var)
            if kind == INT:
                self.b.deciders[var.name] = lambda: self._decided(key, fetch, value)
            return var
        if isinstance(value, np.ndarray):
            return self._captured_array(key, name, fetch, value)
        if isinstance(value, tuple | list):
            return self._captured_sequence(key, name, fetch, value)
        if isinstance(value, functools.partial | types.MethodType):
            return self._captured_call(key, name, fetch, value)
        if isinstance(value, _CACHED):  # what it remembers is what it would compute
            self.guard((key, "cached"), lambda: isinstance(fetch(), _CACHED), True)
            inner = (key, "function")
            return self._captured_value(inner, name, lambda: fetch().__wrapped__, value.__wrapped__)
        sparse = stand_in(value)
        if sparse is not None:
            return self._captured_sparse(key, name, fetch, value, sparse)
        if transformation_of(value) is not None:
            self.guard(key, fetch, value)
            self._captured_value((key, "of"), name, lambda: innermost(fetch()), innermost(value))
            return StaticValue(value)
        if _is_object(value) and call_rule_of(value) is None:
            cls = type(value)
            self.guard(key, lambda: type(fetch()), cls)
            self.objects[key] = fetch
            return Outside(key, value, fetch, name)
        if not isinstance(value, types.ModuleType) and not _is_builtin(name, value):
            self.guard(key, fetch, value)
            function = getattr(value, "py_func", value)
            if isinstance(function, types.FunctionType):  # an editor may replace what is in it
                self.guard((key, "code"), lambda: function.__code__, function.__code__)
                self.guard((key, "defaults"), lambda: function.__defaults__, function.__defaults__)
        return StaticValue(value)

    def _decided(self, key: object, fetch: Fetch, value: Any) -> int:
        """An integer from outside of which another value needs another program."""
        self.guard((key, "value"), fetch, value)
        return int(value)

    def _captured_array(self, key: object, name: str, fetch: Fetch, value: np.ndarray) -> Value:
        dtype = value.dtype.name
        if not is_dtype(dtype):
            raise self.b.refuse(
                f"the captured array {name!r} has dtype {dtype}, which is not supported yet",
                "convert it to float64 outside",
            )
        base = self.b.names.fresh(name)
        units = tuple(n == 1 for n in value.shape)
        self.b.arrays[base] = (dtype, value.ndim)
        self.b.extents[base] = tuple(Extent(base, k) for k in range(value.ndim))
        found: Value = arrays.whole(self.b, base, units)
        self.captures[key] = (CapturedValue(fetch, base, Array(dtype, value.ndim, units)), found)
        return found

    def _captured_sequence(
        self, key: object, name: str, fetch: Fetch, value: tuple[Any, ...] | list[Any]
    ) -> Value:
        cls, size = type(value), len(value)
        if cls is not tuple and cls is not list and not hasattr(cls, "_fields"):
            raise self.b.refuse(
                f"{name!r} is of class {cls.__name__}, derived from {cls.__base__.__name__}",  # type: ignore[union-attr]
                "use a plain tuple or list, a namedtuple or a dataclass",
            )
        if cls is list and size > _LONGEST:
            raise self.b.refuse(
                f"{name!r} is a list of {size} items; each would become a variable",
                "make it an array with np.array(...)",
            )

        def has_changed() -> bool:
            now = fetch()
            return type(now) is not cls or len(now) != size

        self.guard((key, "length"), has_changed, False)
        items = [
            self._captured_value((key, k), f"{name}_{k}", lambda k=k: fetch()[k], item)
            for k, item in enumerate(value)
        ]
        tag = ListTag(fixed=True) if cls is list else None
        return TupleValue(tuple(items), None if cls is tuple else cls, tag=tag)

    def _captured_sparse(
        self, key: object, name: str, fetch: Fetch, value: Any, cls: type
    ) -> Value:
        """A sparse matrix: its arrays are read at each call."""
        self.guard((key, "format"), lambda: stand_in(fetch()), cls)
        items = tuple(
            self._captured_value(
                (key, n), f"{name}_{n}", lambda n=n: getattr(fetch(), n), getattr(value, n)
            )
            for n in FIELDS
        )
        return TupleValue(items, cls, FIELDS)

    def _captured_call(
        self, key: object, name: str, fetch: Fetch, value: functools.partial[Any] | types.MethodType
    ) -> Value:
        """A partial or a bound method: its function is guarded, what it holds is captured."""
        if isinstance(value, types.MethodType):
            inner = self._captured_value((key, "f"), name, lambda: fetch().__func__, value.__func__)
            owner = self._captured_value(
                (key, "self"), "self", lambda: fetch().__self__, value.__self__
            )
            return BoundCall(inner, (owner,))
        inner = self._captured_value((key, "f"), name, lambda: fetch().func, value.func)
        args = self._captured_value((key, "args"), name, lambda: fetch().args, value.args)
        words = tuple(value.keywords)
        self.guard((key, "words"), lambda: tuple(fetch().keywords) == words, True)
        assert isinstance(args, TupleValue)
        keywords = tuple(
            (w, self._captured_value((key, w), w, lambda w=w: fetch().keywords[w], given))
            for w, given in value.keywords.items()
        )
        return BoundCall(inner, args.items, keywords)

    def _python_value(self, value: object, name: str) -> Value:
        """A default argument: a Python object."""
        if isinstance(value, enum.Enum):
            return StaticValue(value)
        if isinstance(value, bool):
            return Const(value, BOOL)
        if isinstance(value, int | np.integer):
            return integer(int(value))
        if isinstance(value, float | np.floating):
            return Const(float(value), FLOAT)
        if isinstance(value, complex | np.complexfloating):
            return Const(complex(value), COMPLEX)
        if isinstance(value, tuple) and type(value) is tuple:
            return TupleValue(tuple(self._python_value(v, name) for v in value))
        structures = tuple | list | np.ndarray | functools.partial | types.MethodType
        if isinstance(value, structures) or _is_object(value):
            return self._captured_value((id(value), "default"), name, lambda: value, value)
        return StaticValue(value)


def _kind_of_number(value: Any) -> str | None:
    if isinstance(value, enum.Enum):
        return None
    if isinstance(value, (bool, np.bool_)):
        return BOOL
    if isinstance(value, (int, np.integer)):
        return INT
    if type(value) is np.float32:
        return FLOAT32
    if isinstance(value, float):  # np.float64 is one
        return FLOAT
    if type(value) is np.complex64:
        return COMPLEX64
    if isinstance(value, complex):  # np.complex128 is one
        return COMPLEX
    return None


def _is_builtin(name: str, value: object) -> bool:
    """Whether a name is one of Python's own functions, which programs do not bind anew."""
    return hasattr(builtins, name) and getattr(builtins, name) is value


def _is_object(value: Any) -> bool:
    """Whether a value is a dict, or an instance of a class of the user's."""
    if isinstance(value, dict):
        return True
    if isinstance(value, type | enum.Enum | str):
        return False
    cls = type(value)
    library = (cls.__module__ or "").partition(".")[0] in ("numpy", "numba", "scipy", "srcad")
    return bool(cls.__flags__ & HEAP_TYPE) and not library
