"""An elementary function of the same number is evaluated once, and its value gets a name.

What a rule says of a partial derivative often is the value itself, or another one that the program
has just computed. Where a call comes again in a run of statements, and nothing it reads was written
in between, its value is the one of before::

    seed = 2.0 * (a * exp(-b * x) - y) * s_b         exp_value = exp(-b * x)
    exp_value = exp(-b * x)                    ->    seed = 2.0 * (a * exp_value - y) * s_b
    a_b += exp(-b * x) * seed                        a_b += exp_value * seed
    b_b -= x * exp_value * a * seed                  b_b -= x * exp_value * a * seed

A call that is evaluated on a condition only (in a branch, or behind ``and``) may use a value of
before, but is none for what follows.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, times_bound
from srcad.ir.names import Names, value_name
from srcad.ir.nodes import (
    Assign,
    Block,
    Call,
    Check,
    Comment,
    Expr,
    For,
    Function,
    If,
    Load,
    Logic,
    Return,
    Select,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.transform.cost import aliases_of, is_dear


def common(function: Function, names: Names) -> Function:
    """The function with each elementary function of a number evaluated once."""
    finder = _Finder(aliases_of(function), function)
    placed = finder.block(function.body, _Known({}, {}, {}))
    if not finder.is_any:
        return function
    return replace(function, body=tuple(_emitted(placed, names)))


@dataclass(eq=False, slots=True)
class _Value:
    """A call that was evaluated."""

    call: Expr
    name: Var | None
    """The variable that holds it, if the program has one."""
    is_assigned: bool
    """Whether the program assigns it where it is evaluated first."""
    is_used: bool = False


_Values = dict[Expr, _Value]


@dataclass(eq=False, slots=True)
class _Known:
    """The calls whose values hold, found also by the names that make them stale.

    To ask each call at each statement would take four times as long for twice the statements.
    """

    values: _Values
    readers: dict[str, list[Expr]]
    """For each name, the calls that no longer hold when it is bound anew."""
    loads: dict[str, list[Expr]]
    """For each array, the calls that read its elements."""

    def copy(self) -> _Known:
        return _Known(
            dict(self.values),
            {name: list(calls) for name, calls in self.readers.items()},
            {array: list(calls) for array, calls in self.loads.items()},
        )

    def add(self, value: _Value) -> None:
        self.values[value.call] = value
        for name in names_read(value.call):
            self.readers.setdefault(name, []).append(value.call)
        for array in {e.array for e in walk(value.call) if isinstance(e, Load)}:
            self.loads.setdefault(array, []).append(value.call)
        if value.name is not None:
            self.named(value)

    def named(self, value: _Value) -> None:
        """The value has a name, which holds it until it is bound anew."""
        assert value.name is not None
        self.readers.setdefault(value.name.name, []).append(value.call)

    def forget(self, names: Set[str], stored: Set[str], aliases: Aliases) -> None:
        """Drop what is stale where names are bound and elements of arrays are stored."""
        stale = [call for name in names for call in self.readers.pop(name, ())]
        if stored:
            changed = [a for a in self.loads if any(aliases.may(a, b) for b in stored)]
            stale += [call for array in changed for call in self.loads.pop(array)]
        for call in stale:
            self.values.pop(call, None)

    def clear(self) -> None:
        for table in (self.values, self.readers, self.loads):
            table.clear()


@dataclass(eq=False, slots=True)
class _Placed:
    """A statement, what it evaluates first, and what it can take from before."""

    stmt: Stmt
    first: list[_Value] = field(default_factory=list)
    known: _Values = field(default_factory=dict)
    inner: list[list[_Placed]] = field(default_factory=list)
    dropped_for: _Value | None = None
    """The value whose name it assigns: another statement does, further up."""


class _Finder:
    def __init__(self, aliases: Aliases, function: Function) -> None:
        self.aliases = aliases
        self.times = times_bound(function.body)
        self.given = {p if isinstance(p, str) else p.name for p in function.parameters}
        self.is_any = False

    def block(self, block: Block, known: _Known) -> list[_Placed]:
        """The statements with what they share; ``known`` becomes what holds after them."""
        return [self._statement(stmt, known) for stmt in block]

    def _statement(self, stmt: Stmt, known: _Known) -> _Placed:
        placed = _Placed(stmt)
        match stmt:
            case Comment():
                return placed
            case Assign(target=target, value=value) if _is_shared(value):
                self._assigned(placed, target, value, known)
            case Assign() | Store() | Check() | Return() | If():
                for expr in expressions(stmt):
                    self._find(expr, placed, known, is_certain=True)
            case For() | While():
                if isinstance(stmt, For):
                    for expr in (stmt.start, stmt.stop, stmt.step):
                        self._find(expr, placed, known, is_certain=False)
                self._forget(stmt, known)
                if isinstance(stmt, While):
                    self._find(stmt.test, placed, known, is_certain=False)
            case _:
                known.clear()
                return placed
        placed.inner = [self.block(b, known.copy()) for b in blocks(stmt)]
        if placed.dropped_for is None:
            self._forget(stmt, known)
        if isinstance(stmt, Assign) and placed.first and placed.first[-1].is_assigned:
            known.add(placed.first[-1])
        return placed

    def _assigned(self, placed: _Placed, target: Var, call: Expr, known: _Known) -> None:
        """``target = call``: its value has a name, or takes this one where it was met before."""
        value = known.values.get(call)
        if value is None:
            for part in children(call):
                self._find(part, placed, known, is_certain=True)
            if target.name not in names_read(call):
                placed.first.append(_Value(call, target, is_assigned=True))
            return
        self._use(value, placed)
        is_only = self.times[target.name] == 1 and target.name not in self.given
        if value.name is None and is_only:
            value.name, placed.dropped_for = target, value
            known.named(value)

    def _find(self, expr: Expr, placed: _Placed, known: _Known, *, is_certain: bool) -> None:
        """Meet the calls of an expression in the order in which they are evaluated."""
        if _is_shared(expr) and expr in known.values:
            self._use(known.values[expr], placed)
            return
        always = len(children(expr))
        if isinstance(expr, Select | Logic):
            always = 1
        for k, part in enumerate(children(expr)):
            self._find(part, placed, known, is_certain=is_certain and k < always)
        if _is_shared(expr) and is_certain:
            placed.first.append(_Value(expr, None, is_assigned=False))
            known.add(placed.first[-1])

    def _use(self, value: _Value, placed: _Placed) -> None:
        value.is_used = self.is_any = True
        placed.known[value.call] = value

    def _forget(self, stmt: Stmt, known: _Known) -> None:
        """What a statement, with all in it, writes makes values stale that were computed of it."""
        if not known.values:
            return
        if not all(isinstance(s, _PLAIN) for s in statements((stmt,))):
            known.clear()
            return
        stored = {s.array for s in statements((stmt,)) if isinstance(s, Store)}
        known.forget(assigned((stmt,)), stored, self.aliases)


_PLAIN = (Assign, Store, Check, Comment, Return, If, For, While)


def _is_shared(expr: Expr) -> bool:
    return is_dear(expr) or (isinstance(expr, Call) and expr.function == "math.sqrt")


def _emitted(placed: list[_Placed], names: Names) -> Iterator[Stmt]:
    """The statements, and before each the assignments of what it is the first to evaluate."""
    for one in placed:
        known = dict(one.known)
        for value in one.first:
            if value.is_used and not value.is_assigned:
                value.name = value.name or Var(names.fresh(value_name(value.call)), value.call.kind)
                yield Assign(value.name, _within(value.call, known), one.stmt.at)
                known[value.call] = value
        if one.dropped_for is not None:
            continue
        stmt = with_blocks(one.stmt, ((),) * len(one.inner))
        if known:
            (stmt,) = with_expressions((stmt,), functools.partial(_named, known=known))
        inner = tuple(tuple(_emitted(block, names)) for block in one.inner)
        yield with_blocks(stmt, inner)


def _named(expr: Expr, known: _Values) -> Expr:
    """An expression that takes the values of calls from their names."""
    value = known.get(expr) if _is_shared(expr) else None
    if value is not None and value.is_used:
        assert value.name is not None
        return value.name
    return _within(expr, known)


def _within(expr: Expr, known: _Values) -> Expr:
    parts = children(expr)
    return rebuild(expr, tuple(_named(e, known) for e in parts)) if parts else expr
