"""Comparisons, ``and``, ``or``, ``not`` and conditional expressions.

What is known when the code is generated is decided here: ``mode == "fast"``, ``x is None``,
``isinstance``. The rest is evaluated as Python does it, from the left and no further than needed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gast

from srcad.frontend import arrays, scalars
from srcad.frontend.builder import Builder
from srcad.frontend.program import ResultUnknown
from srcad.frontend.values import (
    ArrayValue,
    MaybeUnbound,
    ObjectValue,
    OptionalValue,
    Outside,
    RangeValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import FALSE, ZERO, compare, integer, logic, negation, sub
from srcad.ir.nodes import Assign, Binary, Const, Expr, If, Stmt
from srcad.ir.types import BOOL, INT

if TYPE_CHECKING:
    from srcad.frontend.heap import Moment

_COMPARE = {
    gast.Eq: "==",
    gast.NotEq: "!=",
    gast.Lt: "<",
    gast.LtE: "<=",
    gast.Gt: ">",
    gast.GtE: ">=",
}
_CONTAINERS = (str, frozenset, range)


class Conditions(ABC):
    """Evaluates what Python evaluates lazily or answers with a bool."""

    b: Builder
    scope: Any

    @abstractmethod
    def value(self, node: Any) -> Value:
        """The value of an expression."""

    @abstractmethod
    def values(self, nodes: list[Any]) -> list[Value]:
        """Several expressions from the left."""

    @abstractmethod
    def merged(self, one: Moment, b1: list[Stmt], two: Moment, b2: list[Stmt]) -> Moment:
        """What names and cells denote after two branches."""

    @abstractmethod
    def moment(self) -> Moment:
        """What names and cells denote here."""

    @abstractmethod
    def resume(self, moment: Moment) -> None:
        """Go on where names and cells denote this."""

    @abstractmethod
    def are_distinct(self, one: ObjectValue, two: ObjectValue) -> bool:
        """Whether two objects are known to be different ones."""

    @abstractmethod
    def sequence(self, value: Value) -> Value:
        """What a loop over a value runs over: the keys of a dict, else the value itself."""

    @abstractmethod
    def joined(self, name: str, v1: Value, b1: list[Stmt], v2: Value, b2: list[Stmt]) -> Value:
        """One value for two, each valid after its own branch."""

    # ------------------------------------------------------------ conditions

    def condition(self, node: Any) -> Expr:
        """An expression of which only the truth matters."""
        match node:
            case gast.BoolOp(op=op, values=items):
                word = "and" if isinstance(op, gast.And) else "or"
                test = self.condition(items[0])
                for item in items[1:]:
                    test = self._then(word, test, lambda item=item: self.condition(item))
                return test
            case gast.UnaryOp(op=gast.Not(), operand=operand):
                return negation(self.condition(operand))
        return scalars.truth(self.b, self.value(node))

    def _then(self, op: str, test: Expr, rest: Callable[[], Expr]) -> Expr:
        """``test op rest()``, where the rest is evaluated only if it is needed."""
        if isinstance(test, Const):
            return rest() if bool(test.value) == (op == "and") else test
        second, body, before = self._aside(rest)
        if not body and self.moment().cells == before.cells:
            return logic(op, (test, second))
        out = self.b.store(test, "test")
        body.append(Assign(out, second, self.b.at))
        guard = out if op == "and" else negation(out)
        self._maybe(guard, body, before)
        return out

    def _aside(self, evaluate: Callable[[], Any]) -> tuple[Any, list[Stmt], Moment]:
        """A value, the statements that it needs, and what names denoted before these."""
        before = self.moment()
        body: list[Stmt] = []
        with self.b.into(body):
            found = evaluate()
        return found, body, before

    def _maybe(self, test: Expr, body: list[Stmt], before: Moment) -> None:
        """Statements that run only if a test holds; the scope is that after them."""
        orelse: list[Stmt] = []
        self.resume(self.merged(self.moment(), body, before, orelse))
        self.b.emit(If(test, tuple(body), tuple(orelse), self.b.at))

    # ------------------------------------------------------------ and, or, if else, as values

    def either(self, node: Any) -> Value:
        """``a and b`` or ``a or b``: the operand that decides."""
        op = "and" if isinstance(node.op, gast.And) else "or"
        return self._operands(op, node.values, node)

    def _operands(self, op: str, nodes: list[Any], node: Any) -> Value:
        left = self.value(nodes[0])
        if len(nodes) == 1:
            return left
        test = scalars.truth(self.b, left)
        if isinstance(test, Const):
            goes_on = bool(test.value) == (op == "and")
            return self._operands(op, nodes[1:], node) if goes_on else left
        if isinstance(left, Expr) and left.kind != BOOL:
            left = self.b.hold(left, "t")
            test = scalars.truth(self.b, left)
        right, body, before = self._aside(lambda: self._operands(op, nodes[1:], node))
        if isinstance(right, Expr) and left == test and right.kind == BOOL:
            if not body and self.moment().cells == before.cells:
                return logic(op, (test, right))
            out = self.b.store(test, "test")
            body.append(Assign(out, right, self.b.at))
            self._maybe(out if op == "and" else negation(out), body, before)
            return out
        after = self.moment()
        self.resume(before)
        sides = (right, body, after), (left, [], before)
        yes, no = sides if op == "and" else sides[::-1]
        return self._picked(test, yes, no, node)

    def if_expression(self, node: Any) -> Value:
        """``a if test else b``."""
        test = self.condition(node.test)
        if isinstance(test, Const):
            return self.value(node.body if test.value else node.orelse)
        left, yes, before = self._aside(lambda: self._if_known(node.body))
        after_yes = self.moment()
        self.resume(before)
        right, no, _ = self._aside(lambda: self._if_known(node.orelse))
        if left is None or right is None:  # a recursive call: the other one tells the type
            known = left if left is not None else right
            if known is None:
                raise ResultUnknown
            return known
        return self._picked(test, (left, yes, after_yes), (right, no, self.moment()), node)

    def _if_known(self, node: Any) -> Value | None:
        """A value; None if it hangs on a recursive result that is not known yet."""
        try:
            return self.value(node)
        except ResultUnknown:
            return None

    def _picked(
        self,
        test: Expr,
        one: tuple[Value, list[Stmt], Moment],
        two: tuple[Value, list[Stmt], Moment],
        node: Any,
    ) -> Value:
        """The value of one of two branches that were evaluated aside."""
        (left, yes, env1), (right, no, env2) = one, two
        if isinstance(left, Expr) and isinstance(right, Expr):
            if not yes and not no and env1.cells == env2.cells:
                return scalars.choice(self.b, test, left, right)
            kind = scalars.alternative(self.b, left, right)
            out: Value = scalars.picked(self.b, left, right, kind)
            yes.append(Assign(out, self.b.convert(left, kind), self.b.at))
            no.append(Assign(out, self.b.convert(right, kind), self.b.at))
        else:
            name = f"$picked_{node.lineno}_{node.col_offset}"
            env1.names[name], env2.names[name] = left, right
            after = self.merged(env1, yes, env2, no)
            out = after.names.pop(name)
            self.resume(after)
            self.b.emit(If(test, tuple(yes), tuple(no), self.b.at))
            if isinstance(out, MaybeUnbound):
                raise self.b.refuse(
                    "the values of this expression are of different kinds",
                    "write an if statement, or give both the same kind",
                )
            return out
        self.resume(self.merged(env1, yes, env2, no))
        self.b.emit(If(test, tuple(yes), tuple(no), self.b.at))
        return out

    # ------------------------------------------------------------ comparisons

    def comparison(self, node: Any) -> Value:
        """``a < b``, also chained."""
        if len(node.ops) == 1:
            left, right = self.values([node.left, node.comparators[0]])
            return self.relation(node.ops[0], left, right)
        left = self._held(self.value(node.left))
        rest = list(zip(node.ops, node.comparators, strict=True))

        def link(k: int, left: Value) -> Expr:
            op, comparator = rest[k]
            right = self.value(comparator)
            if k < len(rest) - 1:
                right = self._held(right)
            test = scalars.truth(self.b, self.relation(op, left, right))
            if k == len(rest) - 1:
                return test
            return self._then("and", test, lambda: link(k + 1, right))

        return link(0, left)

    def _held(self, value: Value) -> Value:
        return self.b.hold(value, "t") if isinstance(value, Expr) else value

    def relation(self, op: Any, left: Value, right: Value) -> Value:
        """``left op right`` of one comparison."""
        if isinstance(left, OptionalValue) or isinstance(right, OptionalValue):
            return self._optional_relation(op, left, right)
        if any(isinstance(v, ObjectValue | Outside) for v in (left, right)):
            found = self._of_objects(op, left, right)
            if found is not None:
                return found
        if isinstance(op, gast.Is | gast.IsNot):
            same = self._identical(left, right)
            return same if isinstance(op, gast.Is) else negation(same)
        if isinstance(op, gast.In | gast.NotIn):
            found = self._membership(left, right)
            return found if isinstance(op, gast.In) else negation(found)
        word = _COMPARE[type(op)]
        left, right = _comparable(left, right)
        if isinstance(left, StaticValue) or isinstance(right, StaticValue):
            return self._static_relation(word, left, right)
        if isinstance(left, TupleValue) and isinstance(right, TupleValue) and word in ("==", "!="):
            equal = self._equal_items(left, right)
            return equal if word == "==" else negation(equal)
        return scalars.relation(self.b, word, left, right)

    def _of_objects(self, op: Any, left: Value, right: Value) -> Value | None:
        """A comparison of dicts and objects; None for ``in``."""
        if isinstance(op, gast.In | gast.NotIn):
            return None
        if isinstance(op, gast.Is | gast.IsNot):
            if isinstance(left, ObjectValue) and isinstance(right, ObjectValue):
                is_one = left.id == right.id
                if not is_one and not self.are_distinct(left, right):
                    raise self.b.refuse(
                        "whether two names hold one object is not decided here",
                        "compare members, or pass a flag",
                    )
                return Const(is_one == isinstance(op, gast.Is), BOOL)
            return None
        if StaticValue(None) in (left, right) and isinstance(op, gast.Eq | gast.NotEq):
            return Const(isinstance(op, gast.NotEq), BOOL)
        raise self.b.refuse("comparing dicts and objects is not supported", "compare their members")

    def _optional_relation(self, op: Any, left: Value, right: Value) -> Value:
        """A comparison of what may be None: with None itself, else of the value."""
        nones = [isinstance(v, StaticValue) and v.value is None for v in (left, right)]
        if any(nones) and isinstance(op, gast.Is | gast.IsNot | gast.Eq | gast.NotEq):
            found = right if nones[0] else left
            assert isinstance(found, OptionalValue)
            return negation(found.given) if isinstance(op, gast.Is | gast.Eq) else found.given
        return self.relation(op, scalars.given(self.b, left), scalars.given(self.b, right))

    def _static_relation(self, word: str, left: Value, right: Value) -> Value:
        if isinstance(left, StaticValue) and isinstance(right, StaticValue):
            pair = left.value, right.value
            if word in ("==", "!="):
                return Const(bool(pair[0] == pair[1]) == (word == "=="), BOOL)
            if isinstance(pair[0], str) and isinstance(pair[1], str):
                ordered = pair if word[0] == "<" else pair[::-1]
                less = ordered[0] < ordered[1]  # type: ignore[operator]
                return Const(less or (word[1:] == "=" and pair[0] == pair[1]), BOOL)
        if word not in ("==", "!="):
            raise self.b.refuse(
                "only == and != compare strings and other static values",
                "compare numbers with numbers",
            )
        return Const(word == "!=", BOOL)

    def _equal_items(self, left: TupleValue, right: TupleValue) -> Expr:
        if len(left.items) != len(right.items) or (left.cls is list) != (right.cls is list):
            return FALSE
        pairs = zip(left.items, right.items, strict=True)
        tests = [scalars.truth(self.b, self.relation(gast.Eq(), a, c)) for a, c in pairs]
        return logic("and", tuple(tests))

    def _identical(self, left: Value, right: Value) -> Expr:
        if isinstance(left, StaticValue) and isinstance(right, StaticValue):
            return Const(left.value is right.value, BOOL)
        if isinstance(left, StaticValue) or isinstance(right, StaticValue):
            return FALSE
        if isinstance(left, Expr) and isinstance(right, Expr):
            if left.kind == right.kind == BOOL:
                return compare("==", left, right)
            if BOOL in (left.kind, right.kind):
                return FALSE
        if isinstance(left, ArrayValue) and isinstance(right, ArrayValue):
            bases = [
                v.view.base if v.view and arrays.is_base(self.b, v) else "" for v in (left, right)
            ]
            if bases[0] and bases[0] == bases[1]:
                return Const(True, BOOL)
            if all(bases) and all(map(self.b.is_settled, bases)):
                return FALSE
        elif type(left) is not type(right) and not (
            isinstance(left, Expr) and isinstance(right, Expr)
        ):
            return FALSE
        raise self.b.refuse(
            "`is` between two numbers, tuples or views is not supported",
            "compare values with ==, or test for None",
        )

    def _membership(self, left: Value, right: Value) -> Expr:
        right = self.sequence(right)
        if isinstance(left, Expr) and isinstance(right, RangeValue):
            return self._in_range(left, right)
        match left, right:
            case _, TupleValue(items=items):
                tests = [
                    scalars.truth(self.b, self.relation(gast.Eq(), left, item)) for item in items
                ]
                return logic("or", tuple(tests))
            case StaticValue(value=item), StaticValue(value=held) if isinstance(held, _CONTAINERS):
                return Const(item in held, BOOL)  # type: ignore[operator]
            case Const(value=item), StaticValue(value=held) if isinstance(held, frozenset):
                return Const(item in held, BOOL)
        raise self.b.refuse(
            "`in` takes a tuple, a list of known length, a range or a string here",
            "write the comparisons, or a loop over the elements",
        )

    def _in_range(self, item: Expr, held: RangeValue) -> Expr:
        if not isinstance(held.step, Const):
            raise self.b.refuse(
                "`in` takes a range with a literal step", "write the comparisons out"
            )
        item = self.b.hold(item, "t")
        step = int(held.step.value)
        low, high = ("<=", "<") if step > 0 else (">=", ">")
        tests = [compare(low, held.start, item), compare(high, item, held.stop)]
        if abs(step) != 1 or item.kind != INT:
            kind = scalars.join_kinds(item.kind, INT)
            gap = sub(item, held.start) if kind == INT else Binary("-", item, held.start, kind)
            tests.append(compare("==", Binary("%", gap, integer(abs(step)), kind), ZERO))
        return logic("and", tuple(tests))


def plain_number(value: Value) -> Value:
    """An integer in place of the member of an ``IntEnum``."""
    if isinstance(value, StaticValue) and isinstance(value.value, int):
        return Const(int(value.value), INT)
    return value


def _comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Two values, an enum member beside a number as the number that it is."""
    if isinstance(left, StaticValue) and isinstance(right, StaticValue):
        return left, right
    return plain_number(left), plain_number(right)
