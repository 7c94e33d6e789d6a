"""Objects of ordinary classes, made inside of the program: ``__init__``, attributes, ``super``.

An object is one of the heap, and starts without members; ``__init__`` is inlined as any function
of the user's is, and what it assigns to ``self`` are the members:

    class Pendulum:
        def __init__(self, length):         pendulum_length = length
            self.length = length            pendulum_angle = 1.0
            self.angle = 1.0
                                            pendulum_angle += dt * ...
        def step(self, dt):
            self.angle += dt * ...
"""

from __future__ import annotations

import builtins
import dis
import functools
import inspect
import types
from dataclasses import dataclass
from typing import Any

from srcad.errors import ArgumentError, UndefinedNameError
from srcad.frontend.structures import Structures, is_generated, own_names
from srcad.frontend.values import BoundCall, ObjectValue, StaticValue, Value
from srcad.ir.members import HOOKS, is_ordinary
from srcad.rules.registry import call_rule_of, expansion_of

_ABSENT: Any = object()
_CACHED = functools.cached_property


@dataclass(frozen=True)
class Above:
    """What ``super()`` gives: ``owner`` with the methods of the classes after ``cls``."""

    cls: type
    owner: Value


class Instances(Structures):
    """Makes objects of ordinary classes, and reads and writes their attributes."""

    # ------------------------------------------------------------ making

    def call_special(
        self, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """``cls(...)`` of an ordinary class, and ``super()``; what else ``Structures`` knows."""
        if function is builtins.super and not values:
            return self._above()
        if is_ordinary(function) and not (call_rule_of(function) or expansion_of(function)):
            return self.instance(function, values, keywords)
        return super().call_special(function, values, keywords)

    def construct(self, cls: Any, values: list[Value], keywords: dict[str, Value]) -> Value:
        """``cls(...)`` of a namedtuple or a dataclass, which may have written its ``__init__``."""
        init = inspect.getattr_static(cls, "__init__")
        params = getattr(cls, "__dataclass_params__", None)
        is_own = isinstance(init, types.FunctionType) and not is_generated(init)
        if params is not None and not params.frozen and is_own:
            return self.instance(cls, values, keywords)
        return super().construct(cls, values, keywords)

    def instance(self, cls: type, values: list[Value], keywords: dict[str, Value]) -> Value:
        """``cls(...)``, by the ``__init__`` that the user wrote."""
        hooks = [name for name in HOOKS if name in own_names(cls)]
        if hooks:
            raise self.b.refuse(
                f"objects of the class {cls.__qualname__}, which defines {hooks[0]}, "
                "cannot be made here",
                "make it a dataclass or a namedtuple, or make the object outside",
            )
        changing = [
            (name, self.captured_attribute(cls, name))
            for name in sorted(_names_stored(cls))
            if isinstance(inspect.getattr_static(cls, name, None), bool | int | float)
        ]  # constants of the class until a method assigns to them, perhaps in a loop
        made = self.allocate(cls, changing, cls.__name__.lower())
        init = inspect.getattr_static(cls, "__init__")
        if isinstance(init, types.FunctionType):
            self.guard_class(cls, "__init__", init)
            self.call_user(init, [made, *values], keywords, None)
        elif values or keywords:
            raise ArgumentError(f"{cls.__name__}() takes no arguments", self.b.here)
        return made

    # ------------------------------------------------------------ attributes

    def attribute(self, owner: Value, name: str) -> Value:
        """``owner.name``."""
        if isinstance(owner, StaticValue) and isinstance(owner.value, Above):
            return self._member_above(owner.value, name)
        return super().attribute(owner, name)

    def member(self, owner: Value, name: str) -> Value:
        """``owner.name`` of a structure or an object."""
        if not isinstance(owner, ObjectValue) or issubclass(owner.cls, dict | list):
            return super().member(owner, name)
        found = inspect.getattr_static(owner.cls, name, _ABSENT)
        if is_ordinary(owner.cls) and name in self.keys_of(owner):
            if not isinstance(found, property):
                return self.cell(owner, name)
        elif isinstance(found, _CACHED):
            return self._cached(owner, name, found)
        return super().member(owner, name)

    def _cached(self, owner: ObjectValue, name: str, found: functools.cached_property) -> Value:
        """The value of a cached property, which is computed when it is read first."""
        self.guard_class(owner.cls, name, found)
        value = self.call_user(found.func, [owner], {}, None)
        if is_ordinary(owner.cls):
            self.write(owner, name, value)
            return self.cell(owner, name)
        if owner.cls in self.written_classes:
            raise self.b.refuse(
                f"the cached property {name!r} of a {owner.cls.__name__} whose fields are written",
                "make it a property, or a field",
            )
        return value

    def write_member(self, owner: Value, name: str, value: Value) -> None:
        """``owner.name = value``."""
        if not isinstance(owner, ObjectValue) or not is_ordinary(owner.cls):
            return super().write_member(owner, name, value)
        cls = owner.cls
        found = inspect.getattr_static(cls, name, _ABSENT)
        slot = isinstance(found, types.MemberDescriptorType | types.GetSetDescriptorType)
        if isinstance(found, property):
            if found.fset is None:
                raise ArgumentError(f"the property {name!r} has no setter", self.b.here)
            self.guard_class(cls, name, found)
            self.call_user(found.fset, [owner, value], {}, None)
        elif hasattr(type(found), "__set__") and not slot:
            raise self.b.refuse(
                f"{name!r} of {cls.__name__} is a descriptor", "assign to a plain attribute"
            )
        else:
            self.write(owner, name, value)
        return None

    # ------------------------------------------------------------ super

    def _above(self) -> Value:
        """``super()`` in a method."""
        scope = self.scope
        function = getattr(scope.source, "function", None)
        code = getattr(function, "__code__", None)
        first = [a.id for a in [*scope.source.node.args.posonlyargs, *scope.source.node.args.args]]
        owner = scope.env.get(first[0]) if first else None
        if scope.parent is not None or code is None or "__class__" not in code.co_freevars:
            raise self.b.refuse(
                "super() outside of a method", "name the class: Base.method(self, ...)"
            )
        cell = function.__closure__[code.co_freevars.index("__class__")]  # type: ignore[union-attr]
        if owner is None or not issubclass(self.class_of(owner) or object, cell.cell_contents):
            raise self.b.refuse(
                "super() of a class method", "name the class: Base.method(cls, ...)"
            )
        return StaticValue(Above(cell.cell_contents, owner))

    def _member_above(self, above: Above, name: str) -> Value:
        cls = self.class_of(above.owner)
        assert cls is not None
        after = cls.__mro__[cls.__mro__.index(above.cls) + 1 :]
        base = next((c for c in after if name in c.__dict__), None)
        if base is None:
            raise UndefinedNameError(f"'super' object has no attribute {name!r}", self.b.here)
        found = base.__dict__[name]
        if base is object and name == "__init__":
            return BoundCall(StaticValue(_of_object), (above.owner,))
        if isinstance(found, property) and found.fget is not None:
            self.guard_class(base, name, found)
            return self.call_user(found.fget, [above.owner], {}, None)
        if isinstance(found, staticmethod):
            self.guard_class(base, name, found.__func__)
            return StaticValue(found.__func__)
        if isinstance(found, types.FunctionType):
            self.guard_class(base, name, found)
            return BoundCall(StaticValue(found), (above.owner,))
        return self.captured_attribute(base, name)


@functools.cache
def _names_stored(cls: type) -> frozenset[str]:
    """Names of the attributes that methods of a class assign to."""
    methods = [m for base in cls.__mro__ for m in base.__dict__.values()]
    functions = [f for m in methods for f in (m, *_accessors(m)) if hasattr(f, "__code__")]
    found = (dis.get_instructions(f) for f in functions)
    return frozenset(i.argval for every in found for i in every if i.opname == "STORE_ATTR")


def _accessors(method: Any) -> tuple[Any, ...]:
    return (method.fget, method.fset) if isinstance(method, property) else ()


def _of_object(_self: object) -> None:
    """``object.__init__``."""
    return None
