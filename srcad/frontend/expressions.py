"""From the expressions of the user's program to values: one method for each kind of node."""

from __future__ import annotations

import builtins
import functools
import inspect
import math
import operator
import random
import types
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gast
import numpy as np

from srcad.analysis.flow import writes_of
from srcad.errors import ArgumentError, ArgumentValueError, SrcadError, UndefinedNameError
from srcad.frontend import (
    arrays,
    axes,
    choosing,
    grids,
    indexing,
    library,
    products,
    ruleless,
    scalars,
    stores,
)
from srcad.frontend.builder import Builder
from srcad.frontend.catalogue import METHODS, array_method, library_function
from srcad.frontend.conditions import Conditions, plain_number
from srcad.frontend.functions import BUILTINS
from srcad.frontend.parameters import parameters_of
from srcad.frontend.refusals import ATTRIBUTES, function_refusal, refusal_of
from srcad.frontend.ruleless import title_of
from srcad.frontend.syntax import spoken
from srcad.frontend.values import (
    ArrayValue,
    BoundCall,
    LocalFunction,
    MaybeUnbound,
    ObjectValue,
    Outside,
    StarredValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, ZERO, imag_part, integer, negation, real_part
from srcad.ir.nodes import (
    Const,
    Expr,
    Invoke,
    Store,
    Var,
    names_read,
    statements,
)
from srcad.ir.types import BOOL, COMPLEX, FLOAT, INT, is_complex
from srcad.rules.library import CallRule, call_rule_of, expansion_of, rule_of

if TYPE_CHECKING:
    from srcad.frontend.heap import Moment

BINARY = {
    gast.Add: "+",
    gast.Sub: "-",
    gast.Mult: "*",
    gast.Div: "/",
    gast.FloorDiv: "//",
    gast.Mod: "%",
    gast.Pow: "**",
    gast.MatMult: "@",
    gast.BitAnd: "&",
    gast.BitOr: "|",
    gast.BitXor: "^",
    gast.LShift: "<<",
    gast.RShift: ">>",
}
_UNARY = {gast.USub: "-", gast.UAdd: "+", gast.Invert: "~"}


OPERATORS: dict[Any, Any] = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.floordiv: "//",
    operator.mod: "%",
    operator.pow: "**",
    operator.matmul: "@",
    operator.neg: "-",
    operator.pos: "+",
    operator.not_: "not",
    operator.getitem: "[]",
    operator.and_: "&",
    operator.or_: "|",
    operator.xor: "^",
    operator.lshift: "<<",
    operator.rshift: ">>",
    operator.invert: "~",
    np.bitwise_and: "&",
    np.bitwise_or: "|",
    np.bitwise_xor: "^",
    np.left_shift: "<<",
    np.right_shift: ">>",
    np.invert: "~",
    operator.lt: gast.Lt(),
    operator.le: gast.LtE(),
    operator.gt: gast.Gt(),
    operator.ge: gast.GtE(),
    operator.eq: gast.Eq(),
    operator.ne: gast.NotEq(),
    np.less: gast.Lt(),
    np.less_equal: gast.LtE(),
    np.greater: gast.Gt(),
    np.greater_equal: gast.GtE(),
    np.equal: gast.Eq(),
    np.not_equal: gast.NotEq(),
}
"""Functions of the module ``operator`` and of NumPy, and the operators that they are."""

_UNARY_FUNCTIONS = (operator.neg, operator.pos, operator.not_, operator.invert, np.invert)


class ReadBeforeAssignment(Exception):
    """A name is read in a loop before the loop assigns it; carries the name."""


@dataclass
class Scope:
    """The names of one function while it is inlined; ``key`` says which inlining it is."""

    key: str
    source: Any
    env: dict[str, Value] = field(default_factory=dict)
    parent: Scope | None = None
    caller: Scope | None = None
    pending: set[str] = field(default_factory=set)
    """Names assigned somewhere in the loops being read."""
    local: frozenset[str] = frozenset()
    """Names that the function assigns anywhere: never looked up outside."""


class Expressions(Conditions):
    """Evaluates expressions; what needs statements is left to the subclass."""

    b: Builder
    scope: Scope

    @abstractmethod
    def call_user(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        """Inline a call of a function of the user's."""

    @abstractmethod
    def call_ruled(
        self, rule: CallRule, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A call of a function that has a rule of its own."""

    @abstractmethod
    def fits(self, rule: CallRule, values: list[Value], keywords: dict[str, Value]) -> bool:
        """Whether a rule is made for arguments of these ranks and names."""

    @abstractmethod
    def assign_name(self, name: str, value: Value) -> None:
        """``name = value`` in the current scope."""

    @abstractmethod
    def own_alias(self, value: ArrayValue) -> ArrayValue:
        """The same elements under a name that is never rebound."""

    @abstractmethod
    def captured(self, name: str, scope: Scope) -> Value:
        """The value of a name that is not local."""

    @abstractmethod
    def captured_attribute(self, owner: object, name: str) -> Value:
        """An attribute of a Python object known beforehand."""

    @abstractmethod
    def new_list(self, items: tuple[Value, ...]) -> Value:
        """A list of known items."""

    @abstractmethod
    def unstarred(self, value: Value, *, is_open: bool) -> list[Value]:
        """The items of ``*value``; one starred value for all if there may be any number."""

    @abstractmethod
    def item_at(self, owner: TupleValue, key: Expr) -> Value:
        """An item of a tuple or list at a place that is known at run time only."""

    @abstractmethod
    def call_method(
        self, method: DictMethod, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A method of a dict or a namedtuple."""

    @abstractmethod
    def opened(self, function: Any) -> Value:
        """A partial or a bound method that is known as a Python object."""

    @abstractmethod
    def class_of(self, value: Value) -> type | None:
        """The class of a structure or an object; None for a plain tuple and for other values."""

    @abstractmethod
    def is_dict(self, value: Value) -> bool:
        """Whether a value is a dict."""

    @abstractmethod
    def member(self, owner: Value, name: str) -> Value:
        """``owner.name`` of a structure or an object."""

    @abstractmethod
    def item(self, owner: Value, keys: list[object]) -> Value:
        """``owner[key]`` of a dict."""

    @abstractmethod
    def display(self, node: Any) -> Value:
        """``{"a": x, **other}``."""

    @abstractmethod
    def spread(self, value: Value) -> list[tuple[Any, Value]]:
        """The members of a dict after ``**``."""

    @abstractmethod
    def items_of(self, value: Value) -> Value:
        """What can be indexed in place of an iterable."""

    @abstractmethod
    def call_special(
        self, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """A call of a class or a built-in function that takes structures; None if it is none."""

    @abstractmethod
    def operator_method(self, op: str, left: Value, right: Value) -> Value | None:
        """``left op right`` by a method of the class of one of them; None if neither has one."""

    @abstractmethod
    def callable_of(self, value: Value) -> Value | None:
        """The method that a call of an object runs; None if it has none."""

    @abstractmethod
    def has_written(self, before: Moment) -> bool:
        """Whether an object that existed at a moment has been written since."""

    # ------------------------------------------------------------ entry

    def value(self, node: Any) -> Value:
        """The value of an expression."""
        saved = self.b.here
        self.b.here = self.scope.source.position(node)
        try:
            return self._value(node)
        finally:
            self.b.here = saved

    def _value(self, node: Any) -> Value:
        match node:
            case gast.Constant():
                return self._constant(node.value)
            case gast.Name():
                return self.name(node.id)
            case gast.Tuple():
                return TupleValue(tuple(self.values(node.elts)))
            case gast.List():
                return self.new_list(tuple(self.values(node.elts, is_open=True)))
            case gast.Dict():
                return self.display(node)
            case gast.BinOp():
                left, right = self.values([node.left, node.right])
                return self.binary(BINARY[type(node.op)], left, right)
            case gast.UnaryOp(op=gast.Not()):
                return negation(self.condition(node.operand))
            case gast.UnaryOp():
                return scalars.unary(self.b, _UNARY[type(node.op)], self.value(node.operand))
            case gast.Compare():
                return self.comparison(node)
            case gast.BoolOp():
                return self.either(node)
            case gast.IfExp():
                return self.if_expression(node)
            case gast.Call():
                return self._call(node)
            case gast.Attribute():
                return self.attribute(self.value(node.value), node.attr)
            case gast.Subscript():
                return self.subscript(*self.target_of(node))
            case gast.Lambda():
                return self.local_function(node)
            case gast.NamedExpr():
                self.assign_name(node.target.id, self.value(node.value))
                return self.name(node.target.id)
        raise self.b.refuse(**refusal_of(node).words())

    def values(
        self, nodes: list[Any], titles: tuple[str, ...] = (), *, is_open: bool = False
    ) -> list[Value]:
        """Several expressions from the left; what a later one changes is read before it.

        ``titles`` are what arrays are called that they make. With ``is_open``, what is starred may
        have any number of items.
        """
        out: list[Value] = []
        marks: list[int] = []
        for k, node in enumerate(nodes):
            start = len(self.b.block)
            if titles:
                self.b.wanted = titles[k]
            value = self.value(node.value if isinstance(node, gast.Starred) else node)
            written = written_names(self.b, self.b.block[start:])
            if written:
                for k, earlier in enumerate(out):
                    out[k] = self._settled(earlier, written, marks[k])
            is_starred = isinstance(node, gast.Starred)
            found = self.unstarred(value, is_open=is_open) if is_starred else [value]
            out += found
            marks += [len(self.b.block)] * len(found)
        return out

    def _settled(self, value: Value, written: set[str], mark: int) -> Value:
        """The value as it was at ``mark``, where a later operand writes what it reads."""
        if isinstance(value, TupleValue):
            return value.of(self._settled(v, written, mark) for v in value.items)
        block = self.b.block
        head, tail = block[:mark], block[mark:]
        if isinstance(value, Expr) and names_read(value) & written:
            with self.b.into(head):
                value = self.b.store(value, "t")
        elif isinstance(value, ArrayValue) and value.view is None and value.reads & written:
            with self.b.into(head):
                value = arrays.materialise(self.b, value, "t")
        elif isinstance(value, StarredValue) and value.contents.reads & written:
            with self.b.into(head):
                value = StarredValue(arrays.materialise(self.b, value.contents, "t"))
        block[:] = head + tail
        return value

    # ------------------------------------------------------------ leaves

    def _constant(self, value: object) -> Value:
        if isinstance(value, bool):
            return Const(value, BOOL)
        if isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise self.b.refuse("this integer does not fit into 64 bits", "write it as a float")
            return Const(value, INT)
        if isinstance(value, float):
            return Const(value, FLOAT)
        if isinstance(value, complex):
            return Const(value, COMPLEX)
        return StaticValue(value)

    def name(self, name: str) -> Value:
        """The value of a name, as Python looks it up."""
        scope: Scope | None = self.scope
        while scope is not None:
            if name in scope.env:
                value = scope.env[name]
                return (
                    self._unbound_checked(name, value, scope)
                    if isinstance(value, MaybeUnbound)
                    else value
                )
            if name in scope.pending:
                raise ReadBeforeAssignment(name)
            if name in scope.local:
                raise UndefinedNameError(
                    f"name {name!r} is read before it is assigned", self.b.here
                )
            if scope.parent is None:
                return self.captured(name, scope)
            scope = scope.parent
        raise UndefinedNameError(f"name {name!r} is not defined", self.b.here)

    def _unbound_checked(self, name: str, value: MaybeUnbound, scope: Scope) -> Value:
        if is_marker(value.value):
            marker = value.value.value
            raise self.b.refuse(marker.what.format(spoken(name)), marker.hint)
        key = (scope.key, name)
        if key not in self.b.decisions.flagged:
            self.b.decisions.add(self.b.decisions.flagged, key)
        self.b.check(self.flag(scope, name), "UnboundLocalError", _unbound(name))
        return value.value

    def flag(self, scope: Scope, name: str) -> Var:
        """The variable that tells whether a name is bound."""
        raise NotImplementedError

    # ------------------------------------------------------------ operators

    def binary(self, op: str, left: Value, right: Value) -> Value:
        """``left op right``, of numbers, arrays, tuples or static values."""
        found = self.operator_method(op, left, right)
        if found is not None:
            return found
        if op == "@":
            if isinstance(left, ArrayValue) and isinstance(right, ArrayValue):
                return products.matmul(self.b, left, right)
            raise self.b.refuse("@ takes two arrays", "use * for a product with a number")
        for side in (left, right):
            if isinstance(side, TupleValue) and side.keys and side.cls is not None:
                raise self.b.refuse(f"{side.cls.__name__} has no operator {op}")
        if isinstance(left, TupleValue) and isinstance(right, TupleValue) and op == "+":
            return TupleValue(left.items + right.items, left.cls)
        if isinstance(left, TupleValue) and isinstance(right, Const) and op == "*":
            return TupleValue(left.items * int(right.value), left.cls)
        left, right = plain_number(left), plain_number(right)
        if isinstance(left, StaticValue) and isinstance(right, StaticValue):
            raise self.b.refuse(
                "arithmetic on str or other objects is not supported",
                "compute it outside and pass the number",
            )
        return scalars.combine(self.b, op, left, right)

    # ------------------------------------------------------------ attributes and items

    def attribute(self, owner: Value, name: str) -> Value:
        """``owner.name``."""
        owner = scalars.given(self.b, owner)
        match owner:
            case ArrayValue():
                return self._array_attribute(owner, name)
            case TupleValue(cls=cls) if cls is not None:
                return self.member(owner, name)
            case ObjectValue() | Outside():
                return self.member(owner, name)
            case StaticValue():
                return self.captured_attribute(owner.value, name)
        if isinstance(owner, Expr):
            if name in ("real", "imag"):
                return real_part(owner) if name == "real" else imag_part(owner)
            if name in ("conj", "conjugate", "item"):
                return StaticValue(BoundMethod(name, owner))
            raise self.b.refuse(f"a number has no attribute {name!r} here")
        what = "a tuple" if isinstance(owner, TupleValue) else "this value"
        raise self.b.refuse(
            f"the attribute {name!r} of {what} is not supported", "use a variable or an array"
        )

    def _array_attribute(self, value: ArrayValue, name: str) -> Value:
        match name:
            case "shape":
                return TupleValue(value.extents)
            case "size":
                size: Expr = ONE
                for e in value.extents:
                    size = e if size == ONE else scalars.binary("*", size, e, INT)
                return size
            case "ndim":
                return integer(value.ndim)
            case "T":
                return arrays.transpose(value)
            case "mT":
                return axes.matrix_transpose(self.b, value)
            case "itemsize":
                return integer(np.dtype(value.dtype).itemsize)
            case "nbytes":
                bytes_each = self._array_attribute(value, "itemsize")
                return scalars.combine(
                    self.b, "*", self._array_attribute(value, "size"), bytes_each
                )
            case "dtype":
                return StaticValue(np.dtype(value.dtype))
            case "real" | "imag":
                return arrays.part(self.b, value, name)
            case "flat":
                return choosing.flat(self.b, value)
        if array_method(name) is not None or name in METHODS:
            return StaticValue(BoundMethod(name, value))
        refusal = ATTRIBUTES.get(name)
        if refusal is not None:
            raise self.b.refuse(**refusal.words())
        raise self.b.refuse(
            f"the array attribute .{name} is not supported yet",
            "use the functions of NumPy listed in docs/coverage.md",
        )

    def target_of(self, node: Any) -> tuple[Value, list[object]]:
        """Owner and keys of a subscript."""
        owner = scalars.given(self.b, self.value(node.value))
        parts = node.slice.elts if isinstance(node.slice, gast.Tuple) else [node.slice]
        keys: list[object] = []
        for part in parts:
            if isinstance(part, gast.Slice):
                bounds = [
                    None if p is None else self._bound(p)
                    for p in (part.lower, part.upper, part.step)
                ]
                keys.append(tuple(bounds))
                continue
            key = scalars.given(self.b, self.value(part))
            if isinstance(key, StaticValue) and (key.value is None or key.value is Ellipsis):
                keys.append(key.value)
            elif isinstance(key, TupleValue):
                whole = part is node.slice and key.cls is not list
                keys.extend(self._keys(key.items) if whole else [self._index_list(key)])
            else:
                keys.append(scalars.operand(self.b, key) if isinstance(key, ArrayValue) else key)
        return owner, keys

    def _keys(self, items: tuple[Value, ...]) -> list[object]:
        """The members of a tuple as keys."""
        return [self._index_list(k) if isinstance(k, TupleValue) else _key(k) for k in items]

    def _index_list(self, key: TupleValue) -> Value:
        """A list of integers as an index array."""
        if not key.items:
            return arrays.allocate(self.b, "k", (ZERO,), INT, None)
        return library.as_array(self.b, key)

    def _bound(self, node: Any) -> Expr | None:
        value = self.value(node)
        if isinstance(value, StaticValue) and value.value is None:
            return None
        return scalars.operand(self.b, value)  # type: ignore[return-value]

    def subscript(self, owner: Value, keys: list[object]) -> Value:
        """``owner[keys]``."""
        owner = scalars.given(self.b, owner)
        match owner:
            case ArrayValue():
                return indexing.select(self.b, owner, keys)
            case TupleValue():
                return self._item(owner, keys)
            case ObjectValue() | Outside() if self.is_dict(owner):
                return self.item(owner, keys)
            case StaticValue(value=grid) if grids.is_grid(grid):
                return grids.indexed(self.b, grid, keys)
        if isinstance(owner, Expr):
            raise ArgumentError("a number cannot be indexed", self.b.here)
        raise self.b.refuse("this object cannot be indexed here", "use an array or a tuple")

    def _item(self, owner: TupleValue, keys: list[object]) -> Value:
        if len(keys) == 1 and isinstance(keys[0], tuple):
            bounds = [
                None if e is None else library.static_int(self.b, e, "a bound of a slice")
                for e in keys[0]
            ]
            return TupleValue(owner.items[slice(*bounds)], owner.cls if owner.cls is list else None)
        if owner.keys:
            raise ArgumentError(f"a {owner.cls.__name__} cannot be indexed", self.b.here)  # type: ignore[union-attr]
        known = self.b.constant(keys[0])
        literal = isinstance(keys[0], Const) or (
            known is not None and -len(owner.items) <= known < len(owner.items)
        )
        if len(keys) == 1 and isinstance(keys[0], Expr) and not literal:
            return self.item_at(owner, keys[0])
        if len(keys) != 1 or known is None:
            raise self.b.refuse(
                "a tuple or list is indexed by an integer here", "use an array, or unroll the loop"
            )
        k = known
        if not -len(owner.items) <= k < len(owner.items):
            raise ArgumentValueError(
                f"tuple index {k} out of range: it has {len(owner.items)} items", self.b.here
            )
        return owner.items[k]

    # ------------------------------------------------------------ calls

    @abstractmethod
    def local_function(self, node: Any) -> LocalFunction:
        """A function or lambda defined here, its defaults evaluated."""

    def _call(self, node: Any) -> Value:
        size = len(node.keywords)
        values = self.values(
            [node.func, *node.args, *(k.value for k in node.keywords)], is_open=True
        )
        values = self._unstarred_in(values, node)
        function, *positional = values[: len(values) - size]
        keywords: dict[str, Value] = {}
        for keyword, value in zip(node.keywords, values[len(values) - size :], strict=True):
            given = [(keyword.arg, value)] if keyword.arg is not None else self.spread(value)
            for name, item in given:
                if name in keywords:
                    raise ArgumentError(f"several values for argument {name!r}", self.b.here)
                keywords[name] = item
        return self.call_value(function, positional, keywords, node)

    def _unstarred_in(self, values: list[Value], node: Any) -> list[Value]:
        """A function and its arguments, where ``*items`` gives as many as the function still takes.

        A function of ``*args`` gets those that are left as they are.
        """
        starred = [(k, v) for k, v in enumerate(values) if isinstance(v, StarredValue)]
        if not starred:
            return values
        (place, star), *others = starred
        names = [k.arg for k in node.keywords]
        after = len(values) - len(names) - place - 1
        if _is_of_one(values[0]) and place == 1 and not after:
            return [values[0], star.contents, *values[2:]]
        found = parameters_of(values[0])
        if others or found is None or None in names or (found.is_variadic and after):
            raise self.b.refuse(
                "this call takes any number of items, and has several arguments after *, or "
                "another * or **"
                if found is not None
                else "how many items the function takes is not known",
                "write the items out",
            )
        free = [p for p in found.positional[place - 1 :] if p.name not in names]
        optional = [p.name for p in free if p.has_default]
        if optional:
            raise self.b.refuse(
                f"whether the items after * give {optional[0]!r}, too, is known at run time only",
                f"name it in the call: {optional[0]}=...",
            )
        items = star.contents
        count = len(free) - after
        if count < 0:
            raise ArgumentError(f"{after - count} arguments too many are given", self.b.here)
        length = items.extents[0]
        wanted = scalars.compare(">=" if found.is_variadic else "==", length, integer(count))
        self.b.check(wanted, "TypeError", f"not the {count} items that the call takes after *")
        given: list[Value] = [indexing.select(self.b, items, [integer(k)]) for k in range(count)]
        if found.is_variadic:
            rest = indexing.select(self.b, items, [(integer(count), None, None)])
            assert isinstance(rest, ArrayValue)
            given.append(StarredValue(rest))
        return values[:place] + given + values[place + 1 :]

    def call_value(
        self, function: Value, positional: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        """``function(*positional, **keywords)``."""
        match function:
            case LocalFunction():
                return self.call_user(function, positional, keywords, node)
            case BoundCall(function=inner, args=args, keywords=given):
                return self.call_value(inner, [*args, *positional], dict(given) | keywords, node)
            case StaticValue(value=found):
                return self._call_object(found, positional, keywords, node)
        method = self.callable_of(function)
        if method is None:
            raise ArgumentError("this value cannot be called", self.b.here)
        return self.call_value(method, positional, keywords, node)

    def _call_object(
        self, function: Any, values: list[Value], keywords: dict[str, Value], node: Any
    ) -> Value:
        if isinstance(function, BoundMethod):
            entry = array_method(function.name)
            if entry is None:
                owned = [function.owner, *values]
                result = self._call_object(getattr(np, function.name), owned, keywords, node)
                if function.name not in ("partition", "sort"):
                    return result
                assert isinstance(function.owner, ArrayValue) and isinstance(result, ArrayValue)
                stores.assign_into(self.b, stores.writable(self.b, function.owner), result)
                return StaticValue(None)
            return self._library_call(
                entry, [function.owner, *values], keywords, f".{function.name}()"
            )
        if isinstance(function, DictMethod):
            return self.call_method(function, values, keywords)
        known = expansion_of(function) is not None or call_rule_of(function) is not None
        if isinstance(getattr(function, "__self__", None), np.random.RandomState) and not known:
            refusal = function_refusal(function)
            if refusal is not None:
                raise self.b.refuse(**refusal.words())
            raise self.b.refuse(
                f"np.random.{function.__name__} has no stream in common with compiled code",
                "draw the numbers outside, and pass them as an argument",
            )
        if isinstance(getattr(function, "__self__", None), random.Random) and not known:
            raise self.b.refuse(
                f"random.{function.__name__} is not supported: compiled code cannot draw from it",
                "use np.random, or draw the numbers outside and pass them as an argument",
            )
        if isinstance(function, functools.partial | types.MethodType) and not known:
            return self.call_value(self.opened(function), values, keywords, node)
        found = self.call_special(function, values, keywords)
        if found is not None:
            return found
        is_operator = getattr(function, "__module__", "") == "_operator"
        if (is_operator or isinstance(function, np.ufunc)) and function in OPERATORS:
            return self._operator(function, values, keywords)
        if is_by_key(function, keywords):
            values = [self.items_of(v) for v in values]
            return self._expanded(function, expansion_of(function), values, keywords, node)
        if function in (min, max, sum):
            values = [self.sequence(v) for v in values]
        special = (
            BUILTINS.get(function)
            if isinstance(function, types.BuiltinFunctionType | type)
            else None
        )
        if special is not None and not (function in (min, max) and len(values) != 1):
            return special(self.b, values, keywords)
        rule = rule_of(function)
        if rule is not None:
            out = keywords.pop("out", None)
            if isinstance(out, ArrayValue) and isinstance(function, np.ufunc):
                found = self._call_object(function, values, keywords, node)
                stores.assign_into(self.b, out, scalars.operand(self.b, found))
                return out
            if out is not None:
                keywords["out"] = out
            if keywords:
                name = next(iter(keywords))
                raise self.b.refuse(
                    f"the keyword {name!r} of {title_of(function)} is not supported",
                    "assign to an array instead",
                )
            if function is builtins.round and len(values) > 1:
                raise self.b.refuse(
                    "round to a number of digits is not supported",
                    "scale by a power of 10 and back",
                )
            if _is_real_only(function):
                self._require_real(function, values)
            if function is math.log and len(values) == 2:
                logs = [scalars.apply(self.b, rule, [v]) for v in values]
                return scalars.combine(self.b, "/", *logs)
            if function is math.hypot and len(values) > 2:
                first = scalars.apply(self.b, rule, values[:2])
                return self._call_object(function, [first, *values[2:]], {}, node)
            found = scalars.apply(self.b, rule, values)
            return self.b.of_numpy(found) if function is np.float64 else found
        call_rule = call_rule_of(function)
        if call_rule is not None and self.fits(call_rule, values, keywords):
            if call_rule.signature is None:
                return self.call_user(function, values, keywords, node)
            return self.call_ruled(call_rule, function, values, keywords)
        expansion = expansion_of(function)
        if expansion is not None:
            return self._expanded(function, expansion, values, keywords, node)
        entry = library_function(function)
        if entry is not None:
            return self._library_call(entry, values, keywords, title_of(function))
        is_python = isinstance(function, types.FunctionType) or hasattr(function, "py_func")
        package = (getattr(function, "__module__", None) or "").split(".")[0]
        if is_python and package not in ("numpy", "scipy"):
            return self.call_user(function, values, keywords, node)
        refusal = function_refusal(function)
        if refusal is not None:
            raise self.b.refuse(**refusal.words())
        if isinstance(function, type) and not function.__module__.startswith(("builtins", "numpy")):
            raise self.b.refuse(
                f"objects of the class {function.__qualname__} cannot be made here",
                "make it a dataclass or a namedtuple, or make the object outside",
            )
        raise self.b.refuse(
            f"no rule for {title_of(function)}", ruleless.hint(function, len(values), keywords)
        )

    def _expanded(
        self,
        function: Any,
        expansion: Any,
        values: list[Value],
        keywords: dict[str, Value],
        node: Any,
    ) -> Value:
        """A call of a function that another one stands for; an error is told where it is called."""
        if not expansion.__module__.startswith("srcad.rules."):
            return self.call_user(expansion, values, keywords, node)
        here = self.b.here
        self._require_form(expansion, values, keywords, title_of(function))
        try:
            return self.call_user(expansion, values, keywords, node)
        except SrcadError as error:
            file = expansion.__code__.co_filename
            if error.position is None or error.position.file != file:
                raise
            title = "" if title_of(function) in error.what else f"{title_of(function)}: "
            raise type(error)(f"{title}{error.what}", here, error.hint) from None

    def _require_real(self, function: Any, values: list[Value]) -> None:
        found = [scalars.operand(self.b, v) for v in values]
        if any(is_complex(v.dtype if isinstance(v, ArrayValue) else v.kind) for v in found):
            raise ArgumentError(
                f"{title_of(function)} does not take complex numbers",
                self.b.here,
                "use the function of NumPy or cmath, or take .real, .imag or abs(...)",
            )

    def _operator(self, function: Any, values: list[Value], keywords: dict[str, Value]) -> Value:
        """A function that is an operator."""
        op = OPERATORS[function]
        size = 1 if function in _UNARY_FUNCTIONS else 2
        if keywords or len(values) != size:
            raise ArgumentError(f"{title_of(function)} takes {size} operands", self.b.here)
        if function is operator.not_:
            return negation(scalars.truth(self.b, values[0]))
        if size == 1:
            return scalars.unary(self.b, op, values[0])
        if function is operator.getitem:
            return self.subscript(values[0], [values[1]])
        if isinstance(op, str):
            return self.binary(op, values[0], values[1])
        return self.relation(op, values[0], values[1])

    def _library_call(
        self, entry: library.Entry, values: list[Value], keywords: dict[str, Value], title: str
    ) -> Value:
        self._require_form(entry, [self.b, *values], keywords, title)
        return entry(self.b, *values, **keywords)

    def _require_form(
        self, function: Any, values: list[Any], keywords: dict[str, Value], title: str
    ) -> None:
        """Raise unless a function takes these arguments."""
        try:
            inspect.signature(function).bind(*values, **keywords)
        except TypeError as error:
            raise self.b.refuse(
                f"{title}: {error}; this form of the call is not supported yet",
                "leave the argument out, or compute the same with other functions",
            ) from None


@dataclass(frozen=True)
class DictMethod:
    """A method of a dict or a namedtuple, not called yet."""

    name: str
    owner: Value

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True)
class BoundMethod:
    """A method of an array or number, not called yet."""

    name: str
    owner: ArrayValue | Expr

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True, eq=False)
class Marker:
    """Stands for a value that a name has lost: why it cannot be read."""

    what: str
    hint: str


CONFLICT = Marker(
    "{} holds values of different kinds on its paths (a scalar here, an array there, or arrays of "
    "different ranks or dtypes)",
    "give them different names (or one dtype, with .astype(...))",
)

UNLIKE = Marker(
    "the items of the list {} are of one kind on one path and of another on the other (numbers and "
    "arrays, or arrays of different ranks or dtypes)",
    "keep one list for each kind of item",
)

UNEVEN = Marker(
    "{} is one of several lists, by the path taken, and these differ in length",
    "make one list, and append to it",
)

LOST = Marker(
    "{} is bound in the loop to an object and read after it",
    "assign the name before the loop as well",
)

STALE = Marker(
    "{} is one of several lists, by the path taken, and one of these was changed since",
    "choose the list again after the change, or hold a copy: list(...)",
)


TAKEN = Marker(
    "{} is a list that another name stands for by now, which may be another list as well",
    "hold a copy before: list(...)",
)

FUNCTIONS = Marker(
    "{} is one of several functions, by the path taken",
    "choose with if and elif where it is called",
)


def _is_of_one(function: Value) -> bool:
    """Whether a function of one sequence is the same as of its items."""
    return isinstance(function, StaticValue) and function.value in (max, min)


def is_marker(value: Value) -> bool:
    """Whether this stands for a value that a name has lost."""
    return isinstance(value, StaticValue) and isinstance(value.value, Marker)


def is_attached(value: Value) -> bool:
    """Whether this is a method together with the value of the program that it belongs to."""
    return isinstance(value, StaticValue) and isinstance(value.value, BoundMethod | DictMethod)


def _is_real_only(function: Any) -> bool:
    """Whether a function refuses complex numbers though its rule, shared with others, does not."""
    return function is np.fabs or getattr(function, "__module__", "") == "math"


def _key(value: Value) -> object:
    """A member of a tuple of keys: ``None`` and ``...`` stand for themselves."""
    if isinstance(value, StaticValue) and (value.value is None or value.value is Ellipsis):
        return value.value
    return value


def _unbound(name: str) -> str:
    return f"cannot access local variable {name!r} where it is not associated with a value"


def written_names(b: Builder, block: list) -> set[str]:
    """Names of variables, and of arrays whose elements may change, that statements write."""
    bound: set[str] = set()
    stored: set[str] = set()
    for stmt in statements(tuple(block)):
        bound.update(writes_of(stmt))
        match stmt:
            case Store():
                stored.add(stmt.array)
            case Invoke():
                stored.update(stmt.writes)
    return bound | arrays.sharing(b, stored) if stored else bound


def is_by_key(function: Any, keywords: dict[str, Value]) -> bool:
    """Whether a call picks or orders items, whatever these are, by numbers that stand for them."""
    return function is sorted or (function in (min, max) and bool(keywords))
