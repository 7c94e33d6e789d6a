"""Dicts, dataclasses, namedtuples and objects from outside: members, methods, construction."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import types
from typing import Any

from srcad.errors import ArgumentError, UndefinedNameError
from srcad.frontend.captures import Captures, Fetch
from srcad.frontend.expressions import DictMethod
from srcad.frontend.values import (
    ArrayValue,
    BoundCall,
    ObjectValue,
    Outside,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import integer
from srcad.ir.members import HEAP_TYPE, field_names
from srcad.ir.nodes import Const, Expr
from srcad.ir.types import BOOL, INT

_ABSENT: Any = object()
_OPERATORS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "truediv",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
    "@": "matmul",
}
_DICT_METHODS = ("keys", "values", "items", "get", "copy", "update")
_TUPLE_METHODS = ("_replace", "_asdict")


class Structures(Captures):
    """Reads, writes, makes and calls structures."""

    # ------------------------------------------------------------ members

    def class_of(self, value: Value) -> type | None:
        """The class of a structure or an object; None for a plain tuple and for other values."""
        match value:
            case ObjectValue(cls=cls) | TupleValue(cls=cls):
                return cls
            case Outside(value=found):
                return type(found)
        return None

    def pairs_of(self, value: Value) -> list[tuple[Any, Value]] | None:
        """Keys and values of a dict, a dataclass or a namedtuple; None for what is none."""
        match value:
            case ObjectValue():
                return self.members_of(value)
            case Outside():
                return self.captured_members(value)
            case TupleValue(items=items, cls=cls, keys=keys):
                names = keys or getattr(cls, "_fields", None)
                return None if names is None else list(zip(names, items, strict=True))
        return None

    def is_dict(self, value: Value) -> bool:
        """Whether a value is a dict."""
        cls = self.class_of(value)
        return cls is not None and issubclass(cls, dict)

    def sequence(self, value: Value) -> Value:
        """What a loop over a value runs over: the keys of a dict, else the value itself."""
        if not self.is_dict(value):
            return value
        return TupleValue(tuple(_static(k) for k, _ in self.pairs_of(value) or ()))

    def member(self, owner: Value, name: str) -> Value:
        """``owner.name`` of a structure or an object."""
        cls = self.class_of(owner)
        assert cls is not None
        if issubclass(cls, dict):
            if name not in _DICT_METHODS:
                raise self.b.refuse(
                    f"the dict method .{name} is not supported",
                    f"one of {', '.join(_DICT_METHODS)} is, and d[key]",
                )
            return StaticValue(DictMethod(name, owner))
        if "__getattribute__" in own_names(cls):
            raise self.b.refuse(
                f"{cls.__name__} defines __getattribute__", "read the value outside the function"
            )
        found = inspect.getattr_static(cls, name, _ABSENT)
        if isinstance(found, functools.cached_property) and isinstance(owner, Outside):
            return self.object_attribute(owner, name)
        if isinstance(found, property | functools.cached_property):
            getter = found.fget if isinstance(found, property) else found.func
            self.guard_class(cls, name, found)
            return self.call_user(getter, [owner], {}, None)
        if isinstance(owner, Outside):
            return self._outside_member(owner, cls, name, found)
        if name in getattr(cls, "_fields", ()) or name in getattr(cls, "__dataclass_fields__", ()):
            for key, value in self.pairs_of(owner) or ():
                if key == name:
                    return value
        if issubclass(cls, tuple) and name in _TUPLE_METHODS:
            return StaticValue(DictMethod(name, owner))
        if found is _ABSENT:
            raise UndefinedNameError(
                f"{cls.__name__!r} object has no attribute {name!r} (its fields are "
                f"{', '.join(str(k) for k, _ in self.pairs_of(owner) or ())})",
                self.b.here,
            )
        return self._class_member(owner, cls, name, found)

    def _outside_member(self, owner: Outside, cls: type, name: str, found: object) -> Value:
        is_own = name in getattr(owner.value, "__dict__", ())
        methods = types.FunctionType | classmethod | staticmethod
        if not is_own and (isinstance(found, methods) or hasattr(found, "py_func")):
            return self._class_member(owner, cls, name, found)
        if found is _ABSENT and not is_own:
            hint = "read the value outside the function"
            if hasattr(cls, "__getattr__"):
                raise self.b.refuse(f"{name!r} of a {cls.__name__} comes from __getattr__", hint)
        return self.object_attribute(owner, name)

    def _class_member(self, owner: Value, cls: type, name: str, found: Any) -> Value:
        """A method or a constant of a class."""
        if isinstance(found, staticmethod):
            self.guard_class(cls, name, found.__func__, owner=owner)
            return StaticValue(found.__func__)
        if isinstance(found, classmethod):
            self.guard_class(cls, name, found.__func__, owner=owner, is_bound=True)
            return BoundCall(StaticValue(found.__func__), (StaticValue(cls),))
        if isinstance(found, types.FunctionType) or hasattr(found, "py_func"):
            is_bound = isinstance(owner, Outside)
            self.guard_class(cls, name, found, owner=owner, is_bound=is_bound)
            return BoundCall(StaticValue(found), (owner,))
        return self.captured_attribute(cls, name)

    def guard_class(
        self,
        cls: type,
        name: str,
        found: object,
        owner: Value | None = None,
        is_bound: bool = False,
    ) -> None:
        """The program is valid while the class (and the object from outside) has this member."""
        key: object = (id(cls), name)
        fetch: Fetch = lambda: getattr(cls, name)  # noqa: E731
        if isinstance(owner, Outside):  # the object may get an attribute of this name
            held: Fetch = owner.fetch
            key, fetch = (owner.path, name), lambda: getattr(held(), name)
        self.guard(key, (lambda: fetch().__func__) if is_bound else fetch, found)

    def item(self, owner: Value, keys: list[object]) -> Value:
        """``owner[key]`` of a dict."""
        key = self.key_of(keys)
        if isinstance(owner, Outside):
            return self.captured_member(owner, key)
        assert isinstance(owner, ObjectValue)
        known = self.keys_of(owner)
        if key not in known:
            raise ArgumentError(
                f"the dict has no key {key!r}; its keys are {list(known)}", self.b.here
            )
        return self.cell(owner, key)

    def key_of(self, keys: list[object]) -> str | int:
        """The key of a subscript, which must be known beforehand."""
        if len(keys) == 1:
            match keys[0]:
                case StaticValue(value=str() as key):
                    return str(key)
                case Const(value=value, kind="int64"):
                    return int(value)
        raise self.b.refuse(
            "the key of a dict must be known beforehand: a string or an integer literal",
            "use an array, or a literal as the key",
        )

    # ------------------------------------------------------------ writing

    def write_item(self, owner: Value, keys: list[object], value: Value) -> None:
        """``owner[key] = value`` of a dict."""
        key = self.key_of(keys)
        self.write(self._writable(owner), key, value)

    def write_member(self, owner: Value, name: str, value: Value) -> None:
        """``owner.name = value``."""
        target = self._writable(owner)
        cls = target.cls
        if "__setattr__" in own_names(cls):
            raise self.b.refuse(
                f"{cls.__name__} defines __setattr__", "make a new object with dataclasses.replace"
            )
        if issubclass(cls, dict) or name not in field_names(cls):
            raise self.b.refuse(
                f"{name!r} is no field of {cls.__name__}", "declare it as a field of the dataclass"
            )
        self.write(target, name, value)

    def _writable(self, owner: Value) -> ObjectValue:
        match owner:
            case ObjectValue():
                return owner
            case Outside(name=name):
                raise self.b.refuse(
                    f"writing into {name!r}, which lives outside the function",
                    "copy it inside (dict(...) or dataclasses.replace), or pass it as an argument",
                )
            case TupleValue(cls=None):
                raise self.b.refuse(
                    "a tuple cannot be written", "use an array, or separate variables"
                )
            case TupleValue(cls=cls) if cls is list:
                raise self.b.refuse(
                    "writing the items of a list is not supported",
                    "use an array, or separate variables",
                )
            case TupleValue(cls=cls) if cls is not None:
                how = "s._replace(...)" if issubclass(cls, tuple) else "dataclasses.replace"
                raise self.b.refuse(
                    f"{cls.__name__} is immutable: its fields cannot be written",
                    f"make a new one with {how}",
                )
        raise self.b.refuse(
            "writing an attribute of this value is not supported", "use a variable or an array"
        )

    # ------------------------------------------------------------ making

    def structure(self, cls: Any, pairs: list[tuple[Any, Value]], label: str = "") -> Value:
        """A structure of a class, made of its members."""
        params = getattr(cls, "__dataclass_params__", None)
        if params is not None and params.frozen:
            return TupleValue(tuple(v for _, v in pairs), cls, tuple(k for k, _ in pairs))
        return self.allocate(cls, pairs, label or cls.__name__.lower())

    def display(self, node: Any) -> Value:
        """``{"a": x, **other}``."""
        nodes = [n for pair in zip(node.keys, node.values, strict=True) for n in pair if n]
        values = iter(self.values(nodes))
        members: dict[Any, Value] = {}
        for key_node in node.keys:
            if key_node is None:
                members |= dict(self.spread(next(values)))
            else:
                key = self.key_of([next(values)])
                members[key] = next(values)
        return self.allocate(dict, members.items(), self._label())

    def _label(self) -> str:
        return self.b.wanted if self.b.wanted not in ("t", "result") else "d"

    def spread(self, value: Value) -> list[tuple[Any, Value]]:
        """The members of a dict after ``**``."""
        if not self.is_dict(value):
            raise self.b.refuse("** takes a dict", "write the members out")
        return self.pairs_of(value) or []

    def construct(self, cls: Any, values: list[Value], keywords: dict[str, Value]) -> Value:
        """``cls(...)`` of a namedtuple or a dataclass."""
        if issubclass(cls, tuple):
            fields = cls._fields
            if any(n in own_names(cls, until="_fields") for n in ("__new__", "__init__")):
                raise self._own_constructor(cls)
            defaults = {
                k: self._python_value(v, k)
                for k, v in cls._field_defaults.items()
                if k not in keywords and fields.index(k) >= len(values)
            }
            given = defaults | self._given(cls, fields, values, keywords)
            self._require_all(cls, fields, given)
            return TupleValue(tuple(given[f] for f in fields), cls)
        init = inspect.getattr_static(cls, "__init__")
        if not is_generated(init):
            raise self._own_constructor(cls)
        fields = dataclasses.fields(cls)
        if len(fields) < len([f for f in cls.__dataclass_fields__.values() if _is_argument(f)]):
            raise self.b.refuse(
                f"{cls.__name__} has an InitVar", "make it a field, or compute it outside"
            )
        names = [f.name for f in fields if f.init and not f.kw_only]
        given = self._given(cls, names, values, keywords, [f.name for f in fields if f.init])
        for f in fields:
            if f.name not in given:
                if f.default is not dataclasses.MISSING:
                    given[f.name] = self._python_value(f.default, f.name)
                elif f.default_factory is not dataclasses.MISSING:
                    given[f.name] = self._made(f.default_factory)
        after = inspect.getattr_static(cls, "__post_init__", None)
        wanted = [f.name for f in fields if f.init or after is None]
        self._require_all(cls, wanted, given)
        made = self.structure(cls, [(f.name, given[f.name]) for f in fields if f.name in given])
        if after is not None:
            self.call_user(after, [made], {}, None)
            present = [k for k, _ in self.pairs_of(made) or ()]
            self._require_all(cls, [f.name for f in fields], dict.fromkeys(present))
        return made

    def _given(
        self,
        cls: type,
        names: Any,
        values: list[Value],
        keywords: dict[str, Value],
        allowed: Any = None,
    ) -> dict[str, Value]:
        if len(values) > len(names):
            raise ArgumentError(
                f"{cls.__name__}() takes {len(names)} positional arguments, "
                f"{len(values)} were given",
                self.b.here,
            )
        given = dict(zip(names, values, strict=False))
        for name, value in keywords.items():
            if name in given or name not in (allowed or names):
                what = "several values for" if name in given else "an unexpected keyword"
                raise ArgumentError(f"{cls.__name__}() got {what} argument {name!r}", self.b.here)
            given[name] = value
        return given

    def _require_all(self, cls: type, names: Any, given: Any) -> None:
        missing = [n for n in names if n not in given]
        if missing:
            raise ArgumentError(
                f"{cls.__name__}() is missing the argument {missing[0]!r}", self.b.here
            )

    def _own_constructor(self, cls: type) -> Exception:
        return self.b.refuse(
            f"{cls.__name__} has a constructor of its own, which cannot be run here",
            "make it a dataclass or a namedtuple, or make the object outside",
        )

    def _made(self, factory: Any) -> Value:
        if factory is list:
            return TupleValue((), list)
        if factory is dict:
            return self.allocate(dict, (), "d")
        return self._call_object(factory, [], {}, None)

    def replaced(self, value: Value, changes: dict[str, Value]) -> Value:
        """``dataclasses.replace(value, ...)`` and ``value._replace(...)``."""
        cls, pairs = self.class_of(value), self.pairs_of(value)
        if cls is None or pairs is None or issubclass(cls, dict):
            raise self.b.refuse("replace takes a dataclass", "make a new object of the members")
        members = dict(pairs)
        unknown = [k for k in changes if k not in members]
        if unknown:
            raise ArgumentError(f"{cls.__name__} has no field {unknown[0]!r}", self.b.here)
        if issubclass(cls, tuple):
            return TupleValue(tuple((members | changes).values()), cls)
        inits = {f.name for f in dataclasses.fields(cls) if f.init}
        return self.construct(cls, [], {k: v for k, v in (members | changes).items() if k in inits})

    # ------------------------------------------------------------ calls

    def call_method(
        self, method: DictMethod, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A method of a dict or a namedtuple."""
        owner = method.owner
        pairs = self.pairs_of(owner) or []
        match method.name, values:
            case "_replace", []:
                return self.replaced(owner, keywords)
            case "_asdict", []:
                return self.allocate(dict, pairs, "d")
            case "keys", []:
                return TupleValue(tuple(_static(k) for k, _ in pairs))
            case "values", []:
                return TupleValue(tuple(v for _, v in pairs))
            case "items", []:
                return TupleValue(tuple(TupleValue((_static(k), v)) for k, v in pairs))
            case "copy", []:
                return self.allocate(self.class_of(owner) or dict, pairs, "d")
            case "get", [key] | [key, _]:
                found = dict(pairs).get(self.key_of([key]))
                if found is not None:
                    return found
                return values[1] if len(values) == 2 else StaticValue(None)
            case "update", [] | [_]:
                changes = self.spread(values[0]) if values else []
                for key, value in [*changes, *keywords.items()]:
                    self.write(self._writable(owner), key, value)
                return StaticValue(None)
        raise self.b.refuse(
            f"this form of .{method.name}() is not supported", "write the members out"
        )

    def opened(self, function: Any) -> Value:
        """A partial or a bound method that is known as a Python object."""
        return self._captured_value(
            id(function), function_name(function), lambda: function, function
        )

    def call_special(
        self, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """A call of a class or a built-in function that takes structures; None if it is none."""
        first = values[0] if values else None
        if function is functools.partial and values:
            kept = tuple(self.kept(v) for v in values[1:])
            return BoundCall(values[0], kept, tuple((k, self.kept(v)) for k, v in keywords.items()))
        if function is dict:
            members = dict(self.spread(first)) if first is not None else {}
            return self.allocate(dict, (members | keywords).items(), self._label())
        if isinstance(function, type) and (
            hasattr(function, "__dataclass_fields__")
            or (issubclass(function, tuple) and hasattr(function, "_fields"))
        ):
            return self.construct(function, values, keywords)
        if first is None:
            return None
        if function is dataclasses.replace:
            return self.replaced(first, keywords)
        if function in (copy.copy, copy.deepcopy):
            return self._copied(first, function is copy.deepcopy)
        if function is len and self.is_dict(first):
            return integer(len(self.pairs_of(first) or ()))
        if function in (list, tuple) and (self.is_dict(first) or isinstance(first, TupleValue)):
            items = self.sequence(first)
            assert isinstance(items, TupleValue)
            return TupleValue(items.items, list if function is list else None)
        if function is getattr and len(values) in (2, 3) and isinstance(values[1], StaticValue):
            return self.attribute(first, str(values[1].value))
        if function is isinstance and len(values) == 2 and self.class_of(first) is not None:
            return self._isinstance(first, values[1])
        return None

    def _copied(self, value: Value, deep: bool) -> Value:
        if deep:
            return self._deep_copy(value, {}, [])
        if isinstance(value, ArrayValue):
            return self.attribute_call(value, "copy")
        if isinstance(value, TupleValue):
            return self.list_of(value) if value.cls is list else value
        pairs, cls = self.pairs_of(value), self.class_of(value)
        return value if pairs is None or cls is None else self.structure(cls, pairs)

    def _deep_copy(self, value: Value, made: dict[str, Value], arrays: list[str]) -> Value:
        """A copy of all that a value holds; what it holds twice is one object in the copy too."""
        match value:
            case ArrayValue(view=view):
                if view is not None and view.base in arrays:
                    raise self.b.refuse(
                        "deepcopy of a structure that holds one array twice",
                        "copy its members one by one",
                    )
                arrays += [] if view is None else [view.base]
                return self.attribute_call(value, "copy")
            case TupleValue():
                if value.tag is not None and not value.tag.fixed:
                    raise self.b.refuse(
                        "deepcopy of a list is not supported", "make a list of copies of its items"
                    )
                return value.of(self._deep_copy(v, made, arrays) for v in value.items)
            case ObjectValue():
                if value.id not in made:
                    pairs = self.members_of(value)
                    copies = [(k, self._deep_copy(v, made, arrays)) for k, v in pairs]
                    made[value.id] = self.structure(value.cls, copies)
                return made[value.id]
            case Outside():
                if self.class_of(value) is None or self.pairs_of(value) is None:
                    return value
                raise self.b.refuse(
                    "deepcopy of an object from outside is not supported",
                    "pass it as an argument, or copy its members",
                )
        return value

    def attribute_call(self, value: Value, name: str) -> Value:
        """``value.name()``."""
        method = self.attribute(value, name)
        assert isinstance(method, StaticValue)
        return self._call_object(method.value, [], {}, None)

    def _isinstance(self, value: Value, wanted: Value) -> Value:
        match wanted:
            case StaticValue(value=type() as found):
                classes: tuple[Any, ...] = (found,)
            case TupleValue(items=items) if all(isinstance(i, StaticValue) for i in items):
                classes = tuple(i.value for i in items)  # type: ignore[union-attr]
            case _:
                raise self.b.refuse("isinstance takes classes here", "name the class")
        cls = self.class_of(value)
        if isinstance(value, TupleValue) and cls is None:
            cls = tuple
        elif isinstance(value, StaticValue):
            cls = type(value.value)
        elif isinstance(value, Expr):
            cls = {INT: int, BOOL: bool}.get(value.kind, float)
        if cls is None:
            raise self.b.refuse(
                "isinstance of this value is not supported", "decide it outside the function"
            )
        return Const(issubclass(cls, classes), BOOL)

    def operator_method(self, op: str, left: Value, right: Value) -> Value | None:
        """``left op right`` by a method of the class of one of them; None if neither has one."""
        for prefix, owner, other in (("__", left, right), ("__r", right, left)):
            cls = self.class_of(owner)
            name = f"{prefix}{_OPERATORS.get(op, '')}__"
            found = None if cls is None else inspect.getattr_static(cls, name, None)
            if isinstance(found, types.FunctionType) and cls is not None:
                self.guard_class(cls, name, found)
                return self.call_user(found, [owner, other], {}, None)
        return None

    def callable_of(self, value: Value) -> Value | None:
        """The method that a call of an object runs; None if it has none."""
        cls = self.class_of(value)
        found = None if cls is None else inspect.getattr_static(cls, "__call__", None)
        if cls is None or not isinstance(found, types.FunctionType):
            return None
        self.guard_class(cls, "__call__", found)
        return BoundCall(StaticValue(found), (value,))


def function_name(function: Any) -> str:
    """The name of the function in a partial or a bound method."""
    inner = getattr(function, "func", function)
    return getattr(inner, "__name__", "f")


def _static(key: object) -> Value:
    return StaticValue(key) if isinstance(key, str) else integer(int(key))  # type: ignore[call-overload]


def is_generated(function: Any) -> bool:
    """Whether a function has no text of the user's: ``dataclass`` makes such ones."""
    return getattr(getattr(function, "__code__", None), "co_filename", "") == "<string>"


def own_names(cls: type, until: str = "") -> set[str]:
    """Names that the user's classes define, those of a frozen dataclass's machinery left out."""
    out: set[str] = set()
    for base in cls.__mro__:
        if until and until in base.__dict__:
            break
        if not base.__flags__ & HEAP_TYPE:
            continue
        out |= {name for name, value in base.__dict__.items() if not is_generated(value)}
    return out


def _is_argument(field: Any) -> bool:
    return "CLASSVAR" not in str(field._field_type)
