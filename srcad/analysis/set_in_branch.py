"""What a block reads before it sets it, where branches under one test are told apart.

In ::

    if x > 0.0:
        old = y
        y = 2.0 * y
    z = y * y
    if x > 0.0:
        y = old

``old`` is set whenever it is read, as nothing changes the test in between. ``flow.exposed``, which
looks at each branch by itself, says that it may be read unset.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, reads_of, writes_of
from srcad.ir.build import negation
from srcad.ir.nodes import (
    Block,
    Expr,
    For,
    If,
    Load,
    Stmt,
    Store,
    While,
    names_read,
    statements,
    walk,
)


def read_unset(block: Block, aliases: Aliases) -> set[str]:
    """The names that a block may read before it sets them."""
    found: set[str] = set()
    _go(block, _Known(), found, aliases)
    return found


@dataclass(slots=True)
class _Known:
    """What is known at a place: names that are set, and what is known besides under a test.

    What is noted under a test is what holds there and not elsewhere, and is never changed: copies
    share it. (With all that holds there, each branch would double what is noted.)
    """

    names: set[str] = field(default_factory=set[str])
    under: dict[Expr, _Known] = field(default_factory=dict[Expr, "_Known"])
    tested: set[str] = field(default_factory=set[str])
    """What the tests read."""
    noted: list[Expr] = field(default_factory=list[Expr])
    """The tests under which more is known than where the branch began."""

    def copy(self) -> _Known:
        return _Known(set(self.names), dict(self.under), set(self.tested))

    def where(self, test: Expr) -> _Known:
        """What is known where a test holds."""
        more = self.under.get(test)
        return self.copy() if more is None else self.also(more)

    def also(self, other: _Known) -> _Known:
        """What both say."""
        under = dict(self.under)
        for test, more in other.under.items():
            mine = under.get(test)
            under[test] = more if mine is None or mine is more else mine.also(more)
        return _Known(self.names | other.names, under, self.tested | other.tested)

    def beyond(self, other: _Known) -> _Known:
        """What was found out since the branch began, at a place where only the other is known."""
        under = {test: self.under[test] for test in self.noted if test in self.under}
        return _Known(self.names - other.names, under, _read_by(under))

    def note(self, test: Expr, more: _Known) -> None:
        """Note what is known besides where a test holds."""
        mine = self.under.get(test)
        self.under[test] = more if mine is None else mine.also(more)
        self.noted.append(test)
        self.tested |= names_read(test) | more.tested

    def without(self, changed: Set[str], stored: Set[str], aliases: Aliases) -> _Known:
        """What is still known where names are bound and elements of arrays are stored."""
        may = any(aliases.may(a, b) for a in self.tested for b in stored)
        if not may and self.tested.isdisjoint(changed):
            return self
        under = {
            test: known.without(changed, stored, aliases)
            for test, known in self.under.items()
            if not aliases.may_change(test, changed, stored)
        }
        return _Known(self.names, under, _read_by(under))

    def forget(self, stmt: Stmt, aliases: Aliases) -> None:
        """Drop the tests that a statement may change."""
        stored = {s.array for s in statements((stmt,)) if isinstance(s, Store)}
        left = self.without(assigned((stmt,)), stored, aliases)
        self.under, self.tested = left.under, left.tested


def _read_by(tests: dict[Expr, _Known]) -> set[str]:
    return set[str]().union(*(names_read(test) | known.tested for test, known in tests.items()))


def _go(block: Block, known: _Known, found: set[str], aliases: Aliases) -> None:
    """Collect what is read unset, and update what is known."""
    for stmt in block:
        found |= reads_of(stmt) - known.names
        match stmt:
            case If():
                one, two = known.where(stmt.test), known.where(negation(stmt.test))
                _go(stmt.body, one, found, aliases)
                _go(stmt.orelse, two, found, aliases)
                known.forget(stmt, aliases)
                known.names |= one.names & two.names
                _note(known, stmt, one, two)
            case For() | While():
                known.forget(stmt, aliases)
                inner = known.copy()
                if isinstance(stmt, For):
                    inner.names.add(stmt.var.name)
                _go(stmt.body, inner, found, aliases)
            case _:
                known.forget(stmt, aliases)
                known.names.update(writes_of(stmt))


def _note(known: _Known, branch: If, one: _Known, two: _Known) -> None:
    """Note what each branch set, if neither changes the test."""
    changed = assigned((branch,))
    loads = any(isinstance(e, Load) for e in walk(branch.test))
    stores = any(isinstance(s, Store) for s in statements((branch,)))
    if not names_read(branch.test) & changed and not (loads and stores):
        for test, there in ((branch.test, one), (negation(branch.test), two)):
            known.note(test, there.beyond(known))
