"""Elementary functions that both sweeps evaluate are evaluated once, and their values saved.

What an iteration can run again when it is reversed is not saved, as arithmetic costs less than
memory. An exponential costs more: about ten times what it takes to store a number and to load it.
So where the forward sweep evaluates one anyhow, its value gets a name, and reversal is told that
it is dear::

    while abs(d) > 1e-9:                        while abs(d) > 1e-9:
        d = (x - e * sin(x)) / ...      ->          y = math.sin(x)        # dear: saved
        x = x - d                                   d = (x - e * y) / ...
                                                    x = x - d

Which calls these are is seen in the adjoint as it is without that: they stand in two loops, the one
that runs forward and the one that is reversed. Where a loop evaluates elementary functions for
several elements at once (``vectorise.py``), they cost no more than the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from srcad.analysis.flow import assigned, exposed, times_bound
from srcad.ir.names import Names, value_name
from srcad.ir.nodes import (
    Assign,
    Block,
    Expr,
    For,
    Function,
    Invoke,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    children,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.transform.cost import aliases_of, dear_calls, in_lanes

Held = dict[int, frozenset[Expr]]
"""Which calls of which statements (by identity) are to be saved."""


def repeated(function: Function) -> Held:
    """The statements of an adjoint with dear calls that stand in several of its loops."""
    found = [(own, calls) for own, calls in _loops(function) if calls]
    held: Held = {}
    for own, calls in found:
        elsewhere = frozenset(c for _, others in found if others is not calls for c in others)
        for stmt in own:
            again = calls & elsewhere & dear_calls(stmt)
            if again and isinstance(stmt, Assign | Store):
                held[id(stmt)] = again
    return held


def _loops(function: Function) -> Iterator[tuple[list[Stmt], frozenset[Expr]]]:
    """The statements of each loop, those in loops inside of it left out, and their dear calls."""
    aliases = aliases_of(function)
    for loop in statements(function.body):
        if isinstance(loop, For | While) and not in_lanes(loop, aliases):
            own = _own(loop.body)
            yield own, frozenset(c for stmt in own for c in dear_calls(stmt))


def _own(block: Block) -> list[Stmt]:
    """The statements of a block outside of loops."""
    out: list[Stmt] = []
    for stmt in block:
        if not isinstance(stmt, For | While):
            out += [stmt, *(s for b in blocks(stmt) for s in _own(b))]
    return out


def hold(body: Block, wanted: Held, names: Names) -> Block:
    """The body with these calls, where every iteration evaluates them, named and saved."""
    return _Holder(wanted, names, body).block(body, None)


class _Holder:
    def __init__(self, wanted: Held, names: Names, body: Block) -> None:
        self.wanted = wanted
        self.names = names
        self.bound = times_bound(body)

    def block(self, block: Block, early: set[str] | None) -> Block:
        """A block in a loop, whose iterations find the names ``early``; None: in no loop."""
        out: list[Stmt] = []
        held: dict[Expr, Var] = {}
        """Calls whose values are in variables, and still what the calls would give."""
        for stmt in block:
            if blocks(stmt):
                inner = exposed(stmt.body) if isinstance(stmt, For | While) else early
                stmt = with_blocks(stmt, tuple(self.block(b, inner) for b in blocks(stmt)))
                out.append(stmt)
            elif early is not None and isinstance(stmt, Assign | Store):
                out += self._statement(stmt, held, early)
            else:
                out.append(stmt)
            _forget(held, stmt)
        return tuple(out)

    def _statement(
        self, stmt: Assign | Store, held: dict[Expr, Var], early: set[str]
    ) -> list[Stmt]:
        calls = self.wanted.get(id(stmt), frozenset())
        if (
            isinstance(stmt, Assign)
            and stmt.value in calls
            and self.bound[stmt.target.name] == 1
            and stmt.target.name not in early
        ):
            held[stmt.value] = stmt.target
            return [replace(stmt, dear=True)]
        out: list[Stmt] = []
        value = self._named(stmt.value, held, out, stmt)
        return [*out, replace(stmt, value=value) if value != stmt.value else stmt]

    def _named(
        self, expr: Expr, held: dict[Expr, Var], out: list[Stmt], stmt: Assign | Store
    ) -> Expr:
        """An expression with variables in place of the calls; ``out`` are their assignments."""
        if expr in held:
            return held[expr]
        certain = 1 if isinstance(expr, Select | Logic) else len(children(expr))
        parts = tuple(
            self._named(e, held, out, stmt) if k < certain else e
            for k, e in enumerate(children(expr))
        )
        made = rebuild(expr, parts) if parts else expr
        if expr not in self.wanted.get(id(stmt), ()):
            return made
        held[expr] = Var(self.names.fresh(value_name(expr)), expr.kind)
        out.append(Assign(held[expr], made, stmt.at, dear=True))
        return held[expr]


def _forget(held: dict[Expr, Var], stmt: Stmt) -> None:
    """Drop the calls that a statement may have changed the value of."""
    for call in [c for c in held if _may_change(c, (stmt,))]:
        del held[call]


def _may_change(expr: Expr, block: Block) -> bool:
    """Whether a block may change what an expression gives."""
    if names_read(expr) & assigned(block):
        return True
    reads = any(isinstance(e, Load) for e in walk(expr))
    return reads and any(isinstance(s, Store | Invoke) for s in statements(block))


def known_by_name(made: list[Stmt], block: Block, k: int) -> list[Stmt]:
    """The reverse of a block's statement ``k``, without calls whose values other statements saved.

    The sine of x is saved beside its cosine, and the partial derivative of either is the other.
    """
    known = {
        s.value: s.target
        for m, s in enumerate(block)
        if isinstance(s, Assign) and s.dear and m != k
        if not _may_change(s.value, block[m:k] if m < k else block[k:m])
    }
    if not known:
        return made

    def named(expr: Expr) -> Expr:
        if expr in known:
            return known[expr]
        parts = children(expr)
        return rebuild(expr, tuple(map(named, parts))) if parts else expr

    return list(with_expressions(tuple(made), named))
