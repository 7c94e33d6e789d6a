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

from dataclasses import dataclass, field

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, reads_of, writes_of
from srcad.ir.build import negation
from srcad.ir.nodes import Block, Expr, For, If, Load, Store, While, names_read, statements, walk


def read_unset(block: Block, aliases: Aliases) -> set[str]:
    """The names that a block may read before it sets them."""
    found: set[str] = set()
    _go(block, _Known(), found, aliases)
    return found


@dataclass
class _Known:
    """What is known at a place: names that are set, and what is known besides under a test."""

    names: set[str] = field(default_factory=set[str])
    under: dict[Expr, _Known] = field(default_factory=dict[Expr, "_Known"])

    def copy(self) -> _Known:
        return _Known(set(self.names), {test: k.copy() for test, k in self.under.items()})

    def where(self, test: Expr) -> _Known:
        """What is known where a test holds."""
        made, more = self.copy(), self.under.get(test)
        if more is not None:
            made.names |= more.names
            made.under |= more.copy().under
        return made

    def forget(self, block: Block, aliases: Aliases) -> None:
        """Drop the tests that a block may change."""
        changed = assigned(block)
        stored = {s.array for s in statements(block) if isinstance(s, Store)}
        for test in list(self.under):
            if aliases.may_change(test, changed, stored):
                del self.under[test]
            else:
                self.under[test].forget(block, aliases)


def _go(block: Block, known: _Known, found: set[str], aliases: Aliases) -> None:
    """Collect what is read unset, and update what is known."""
    for stmt in block:
        found |= reads_of(stmt) - known.names
        match stmt:
            case If():
                one, two = known.where(stmt.test), known.where(negation(stmt.test))
                _go(stmt.body, one, found, aliases)
                _go(stmt.orelse, two, found, aliases)
                known.forget((stmt,), aliases)
                known.names |= one.names & two.names
                _note(known, stmt, one, two)
            case For() | While():
                known.forget((stmt,), aliases)
                inner = known.copy()
                if isinstance(stmt, For):
                    inner.names.add(stmt.var.name)
                _go(stmt.body, inner, found, aliases)
            case _:
                known.forget((stmt,), aliases)
                known.names.update(writes_of(stmt))


def _note(known: _Known, branch: If, one: _Known, two: _Known) -> None:
    """Note what each branch set, if neither changes the test."""
    changed = assigned((branch,))
    loads = any(isinstance(e, Load) for e in walk(branch.test))
    stores = any(isinstance(s, Store) for s in statements((branch,)))
    if not names_read(branch.test) & changed and not (loads and stores):
        known.under |= {branch.test: one, negation(branch.test): two}
