"""Neighbouring loops over the same elements become one loop.

Elementwise statements on arrays arrive as one loop each. Two neighbours with the same range are
fused where no element passes from one to the other except at its own index, so that a function
of sixty array statements is one loop: it compiles several times faster, and its intermediate
values stay in registers and cache::

    for i in range(n): y[i] = sin(x[i])         for i in range(n):
    for j in range(n): z[j] = y[j] * y[j]   ->      y[i] = sin(x[i])
                                                    z[i] = y[i] * y[i]
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.analysis.alias import Sites
from srcad.analysis.flow import assigned, names_of, reads_of, writes_of
from srcad.ir.build import ONE, ZERO
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Expr,
    For,
    If,
    Load,
    Stmt,
    Store,
    Var,
    While,
    children,
    expressions,
    rebuild,
    statements,
    walk,
)
from srcad.transform.bounds import Lengths


def fuse(body: Block, sites: Sites, lengths: Lengths) -> Block:
    """The body with neighbouring element loops fused; ``lengths`` says which ranges are equal."""
    return _Fuser(body, sites, lengths).block(body, at_top=True)


class _Fuser:
    def __init__(self, body: Block, sites: Sites, lengths: Lengths) -> None:
        self.mentions: Counter[str] = Counter()
        for stmt in statements(body):
            self.mentions.update(names_of(stmt))
        self.sites = sites
        self.lengths = lengths

    def block(self, block: Block, at_top: bool = False) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case Check() if at_top:
                    self.lengths.learn(stmt.test)
                case For() | While():
                    stmt = replace(stmt, body=self.block(stmt.body))
                case If():
                    stmt = replace(stmt, body=self.block(stmt.body), orelse=self.block(stmt.orelse))
            if isinstance(stmt, For) and self._joined(out, stmt):
                continue
            out.append(stmt)
        return tuple(out)

    def _joined(self, out: list[Stmt], loop: For) -> bool:
        """Fuse a loop into the last loop of ``out``, past the allocations after that."""
        passed: list[Stmt] = []
        k = len(out)
        while k and isinstance(out[k - 1], Alloc | Assign | Check):
            k -= 1
            passed.insert(0, out[k])
        if not k or not isinstance(out[k - 1], For):
            return False
        first = out[k - 1]
        assert isinstance(first, For)
        if (
            not _is_plain(first)
            or not _is_plain(loop)
            or not self.lengths.same(first.stop, loop.stop)
        ):
            return False
        if self.mentions[loop.var.name] != _mentions(loop, loop.var.name):
            return False  # the counter is read after the loop
        made = assigned(first.body) | {first.var.name}
        stored = {
            s for x in statements(first.body) if isinstance(x, Store) for s in self._sites(x.array)
        }
        for stmt in passed:
            if reads_of(stmt) & made or set(writes_of(stmt)) & _mentioned(first):
                return False
            if any(self._sites(array) & stored for array in _loaded(stmt)):
                return False
        renamed = _renamed(loop.body, loop.var, first.var)
        if not self._independent(first, renamed):
            return False
        merged = (
            self.block((*first.body, *renamed))
            if _nested(first.body, renamed)
            else (*first.body, *renamed)
        )
        del out[k - 1 :]
        out += passed
        out.append(replace(first, body=merged))
        return True

    def _sites(self, array: str) -> frozenset[str]:
        return self.sites.get(array, frozenset((array,)))

    def _independent(self, first: For, body: Block) -> bool:
        """Whether iteration k of the second loop may run right after iteration k of the first."""
        one, two = list(statements(first.body)), list(statements(body))
        simple = (Assign, Store, For, If)
        if any(not isinstance(s, simple) for s in (*one, *two)):
            return False
        if any(isinstance(s, For) and s.until is not None for s in (*one, *two)):
            return False
        made_1, made_2 = assigned(first.body), assigned(body)
        read_1 = {n for s in one for n in reads_of(s)}
        read_2 = {n for s in two for n in reads_of(s)}
        counters = {s.var.name for s in (*one, *two) if isinstance(s, For)}
        if (made_1 & (read_2 | made_2) - counters) or (made_2 & read_1 - counters):
            return False
        return self._in_step(first.var, one, two) and self._in_step(first.var, two, one)

    def _in_step(self, counter: Var, writers: list[Stmt], others: list[Stmt]) -> bool:
        """Whether elements that some write are touched by the others at the same place only."""
        places: dict[str, set[tuple[Expr, ...]]] = {}
        for s in writers:
            if isinstance(s, Store):
                places.setdefault(s.array, set()).add(s.index)
        if not places:
            return True
        for s in others:
            touched = [e for x in expressions(s) for e in walk(x) if isinstance(e, Load)]
            found = [(e.array, e.index) for e in touched]
            if isinstance(s, Store):
                found.append((s.array, s.index))
            for array, index in found:
                for written, indices in places.items():
                    if not self._sites(array) & self._sites(written):
                        continue
                    if array != written or indices != {index} or index[0] != counter:
                        return False
        return True


def _loaded(stmt: Stmt) -> set[str]:
    """Arrays that a statement reads elements of."""
    return {e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)}


def _mentions(loop: For, name: str) -> int:
    return sum(name in names_of(s) for s in statements((loop,)))


def _is_plain(loop: For) -> bool:
    whole = loop.until is None and loop.checkpoints is None
    return loop.start == ZERO and loop.step == ONE and whole


def _nested(one: Block, two: Block) -> bool:
    return any(isinstance(s, For) for s in one) and any(isinstance(s, For) for s in two)


def _mentioned(loop: For) -> set[str]:
    out = assigned((loop,))
    for stmt in statements((loop,)):
        out |= reads_of(stmt)
    return out


def _renamed(body: Block, old: Var, new: Var) -> Block:
    """The body with another loop counter."""
    return tuple(_statement(s, old, new) for s in body)


def _expr(expr: Expr, old: Var, new: Var) -> Expr:
    if expr == old:
        return new
    return rebuild(expr, tuple(_expr(e, old, new) for e in children(expr)))


def _statement(stmt: Stmt, old: Var, new: Var) -> Stmt:
    match stmt:
        case Assign():
            return replace(stmt, value=_expr(stmt.value, old, new))
        case Store():
            index = tuple(_expr(e, old, new) for e in stmt.index)
            return replace(stmt, index=index, value=_expr(stmt.value, old, new))
        case For():
            return replace(
                stmt,
                start=_expr(stmt.start, old, new),
                stop=_expr(stmt.stop, old, new),
                step=_expr(stmt.step, old, new),
                body=_renamed(stmt.body, old, new),
            )
        case While() | Check():
            test = _expr(stmt.test, old, new)
            if isinstance(stmt, While):
                return replace(stmt, test=test, body=_renamed(stmt.body, old, new))
            return replace(stmt, test=test)
        case If():
            return replace(
                stmt,
                test=_expr(stmt.test, old, new),
                body=_renamed(stmt.body, old, new),
                orelse=_renamed(stmt.orelse, old, new),
            )
    return stmt
