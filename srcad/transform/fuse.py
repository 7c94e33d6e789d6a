"""Neighbouring loops over the same elements become one loop.

Elementwise statements on arrays arrive as one loop each. Two neighbours with the same range are
fused where no element passes from one to the other except at its own index, so that a function
of sixty array statements is one loop: it compiles several times faster, and its intermediate
values stay in registers and cache::

    for i in range(n): y[i] = sin(x[i])         for i in range(n):
    for j in range(n): z[j] = y[j] * y[j]   ->      y[i] = sin(x[i])
                                                    z[i] = y[i] * y[i]

Nests over the same elements of several axes are fused as a whole, whatever their inner counters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.analysis.alias import Aliases, Sites
from srcad.analysis.flow import names_of, reads_of, writes_of
from srcad.analysis.iterations import offset_from
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
    blocks,
    children,
    expressions,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.transform.bounds import Lengths


def fuse(body: Block, sites: Sites, lengths: Lengths) -> Block:
    """The body with neighbouring element loops fused; ``lengths`` says which ranges are equal."""
    return _Fuser(body, sites, lengths).block(body, at_top=True)


Places = dict[str, set[tuple[Expr, ...]]]
"""Elements of arrays: the indices, by the name of the array."""


class _Facts:
    """What statements do; a loop that grows is not gone through again at each step."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.read: set[str] = set()
        self.counters: set[str] = set()
        self.is_simple = True
        """Whether there is nothing but assignments, stores, branches and counted loops."""
        self.stored: Places = {}
        self.touched: Places = {}
        """Elements stored or loaded."""

    def note(self, stmt: Stmt) -> None:
        """Add what a statement does itself."""
        self.made.update(writes_of(stmt))
        self.read |= reads_of(stmt)
        self.is_simple &= isinstance(stmt, Assign | Store | For | If)
        if isinstance(stmt, For):
            self.counters.add(stmt.var.name)
            self.is_simple &= stmt.until is None
        if isinstance(stmt, Store):
            self.stored.setdefault(stmt.array, set()).add(stmt.index)
            self.touched.setdefault(stmt.array, set()).add(stmt.index)
        for expr in expressions(stmt):
            for e in walk(expr):
                if isinstance(e, Load):
                    self.touched.setdefault(e.array, set()).add(e.index)

    def absorb(self, other: _Facts) -> None:
        """Add what other statements do."""
        self.made |= other.made
        self.read |= other.read
        self.counters |= other.counters
        self.is_simple &= other.is_simple
        for own, more in ((self.stored, other.stored), (self.touched, other.touched)):
            for array, places in more.items():
                own.setdefault(array, set()).update(places)


class _Fuser:
    def __init__(self, body: Block, sites: Sites, lengths: Lengths) -> None:
        self.mentions: Counter[str] = Counter()
        for stmt in statements(body):
            self.mentions.update(names_of(stmt))
        self.sites = sites
        self.aliases = Aliases(body, sites)
        self.lengths = lengths
        self.sharing: dict[str, set[str]] = {}
        """For each site the arrays that can denote it."""
        for array, found in sites.items():
            for site in found:
                self.sharing.setdefault(site, set()).add(array)
        self.known: dict[int, tuple[For | While | If, _Facts]] = {}

    def block(self, block: Block, at_top: bool = False) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case Check() if at_top:
                    self.lengths.learn(stmt.test)
                case For() | While():
                    stmt = with_blocks(stmt, (self.block(stmt.body),))
                case If():
                    stmt = with_blocks(stmt, (self.block(stmt.body), self.block(stmt.orelse)))
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
        whole = self._facts(first)
        for stmt in passed:
            if reads_of(stmt) & whole.made or not whole.made.isdisjoint(writes_of(stmt)):
                return False
            if not whole.read.isdisjoint(writes_of(stmt)):
                return False
            if any(a in whole.stored for array in _loaded(stmt) for a in self._twins(array)):
                return False
        grown = self._nests_joined(first, loop) or self._loops_joined(first, loop)
        if grown is None:
            return False
        del out[k - 1 :]
        out += passed
        out.append(grown)
        return True

    def _loops_joined(self, first: For, loop: For) -> For | None:
        """Two loops as one, where each iteration of the second may follow that of the first."""
        renamed = _renamed(loop.body, loop.var, first.var)
        whole, more = self._facts(first), self._facts_of(renamed)
        if not self._independent((first.var,), whole, more):
            return None
        nested = _nested(first.body, renamed)
        merged = (*first.body, *renamed)
        grown = replace(first, body=self.block(merged) if nested else merged)
        if not nested:
            whole.absorb(more)
            self.known[id(grown)] = grown, whole
        return grown

    def _nests_joined(self, first: For, loop: For) -> For | None:
        """Two nests over the same elements of several axes as one."""
        one, two = _perfect(first), _perfect(loop)
        if len(one) != len(two) or len(one) == 1:
            return None
        for a, b in zip(one[1:], two[1:], strict=True):
            same = _is_plain(a) and _is_plain(b) and self.lengths.same(a.stop, b.stop)
            if not same or self.mentions[b.var.name] != _mentions(loop, b.var.name):
                return None
        body = two[-1].body
        for a, b in zip(one, two, strict=True):
            body = _renamed(body, b.var, a.var)
        counters = tuple(a.var for a in one)
        if not self._independent(counters, self._facts(first), self._facts_of(body)):
            return None
        inner = (*one[-1].body, *body)
        for a in reversed(one):
            inner = (replace(a, body=inner),)
        (grown,) = inner
        return grown if isinstance(grown, For) else None

    def _facts(self, stmt: For | While | If) -> _Facts:
        """What a statement does, with all that is in it."""
        known = self.known.get(id(stmt))
        if known is None:
            facts = _Facts()
            facts.note(stmt)
            for block in blocks(stmt):
                facts.absorb(self._facts_of(block))
            known = self.known[id(stmt)] = stmt, facts
        return known[1]

    def _facts_of(self, block: Block) -> _Facts:
        facts = _Facts()
        for stmt in block:
            if isinstance(stmt, For | While | If):
                facts.absorb(self._facts(stmt))
            else:
                facts.note(stmt)
        return facts

    def _twins(self, array: str) -> set[str]:
        """The arrays that can denote the same memory."""
        found = (self.sharing.get(site, {site}) for site in self._sites(array))
        return {a for a in {array}.union(*found) if self.aliases.may(array, a)}

    def _sites(self, array: str) -> frozenset[str]:
        return self.sites.get(array, frozenset((array,)))

    def _independent(self, own: tuple[Var, ...], one: _Facts, two: _Facts) -> bool:
        """Whether an iteration of the second loop may run right after that of the first.

        ``own`` are the counters that say which iteration it is.
        """
        if not (one.is_simple and two.is_simple):
            return False
        counters = one.counters | two.counters
        made = two.made - counters
        if one.made & ((two.read | two.made) - counters) or made & one.read:
            return False
        return self._in_step(own, one, two) and self._in_step(own, two, one)

    def _in_step(self, own: tuple[Var, ...], writers: _Facts, others: _Facts) -> bool:
        """Whether elements that some write are touched by the others at the same place only."""
        few = writers.stored if len(writers.stored) < len(others.touched) else others.touched
        for array in few:
            for twin in self._twins(array):
                one, two = (array, twin) if few is writers.stored else (twin, array)
                if one in writers.stored and two in others.touched:
                    places = writers.stored[one]
                    if one != two or places != others.touched[two] or len(places) > 1:
                        return False
                    if not _is_own(next(iter(places)), own):
                        return False
        return True


def _is_own(index: tuple[Expr, ...], own: tuple[Var, ...]) -> bool:
    """Whether no two iterations touch the same element: each axis is a counter, and a number.

    That is not negative, as the elements before the first one count from the end.
    """
    offsets = [offset_from(e, c) for e, c in zip(index, own, strict=False)]
    return len(index) >= len(own) and all(k is not None and k >= 0 for k in offsets)


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


def _perfect(loop: For) -> list[For]:
    """The loops of a nest, down to the first that has anything but one loop in it."""
    out = [loop]
    while len(out[-1].body) == 1 and isinstance(inner := out[-1].body[0], For):
        out.append(inner)
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
