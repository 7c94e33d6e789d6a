"""Arrays whose elements a list has copied: whether one is written after that.

A list of arrays that grows holds copies of their elements (``srcad.frontend.histories``), which is
what Python's list shows as long as nobody writes the arrays::

    out.append(u)    # copies u
    u = 0.5 * u      # fine: another array
    u[0] = 7.0       # the list would have to show it

The block is followed in order, loop bodies twice. A statement that makes an array makes another
one each time; so a write by the name of that statement is one to the latest, by any other name to
any that was made there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from srcad.analysis.alias import Sites
from srcad.analysis.flow import writes_of
from srcad.ir.nodes import (
    Bind,
    Block,
    For,
    If,
    Invoke,
    Pop,
    Reshape,
    Stmt,
    Store,
    While,
    Window,
    names_read,
    statements,
)

Pairs = frozenset[tuple[str, str]]


def written_later(block: Block, kept: Mapping[str, set[str]], sites: Sites) -> Pairs:
    """The pairs of a list and an array of ``kept`` that the block writes after copying it."""
    aliases = {
        name
        for stmt in statements(block)
        if isinstance(stmt, Bind | Window | Reshape | Pop)
        for name in writes_of(stmt)
    }
    search = _Search(kept, sites, aliases)
    search.after(block, frozenset())
    return frozenset(search.found)


@dataclass
class _Search:
    kept: Mapping[str, set[str]]
    sites: Sites
    aliases: set[str]
    """Names that other statements than the one that makes an array bind."""
    ever: set[tuple[str, str, str]] = field(default_factory=set)
    """List, array and site of all copies so far."""
    found: set[tuple[str, str]] = field(default_factory=set)

    def after(
        self, block: Block, latest: frozenset[tuple[str, str, str]]
    ) -> frozenset[tuple[str, str, str]]:
        """The copies of the latest array of each site, after a block."""
        for stmt in block:
            match stmt:
                case If():
                    latest = self.after(stmt.body, latest) | self.after(stmt.orelse, latest)
                case For() | While():
                    for _ in range(2):
                        latest |= self.after(stmt.body, latest)
                case _:
                    self._check(stmt, latest)
                    made = set(writes_of(stmt))
                    latest = frozenset(c for c in latest if c[2] not in made) | self._copied(stmt)
        return latest

    def _copied(self, stmt: Stmt) -> frozenset[tuple[str, str, str]]:
        if not isinstance(stmt, Store):
            return frozenset()
        lists = [name for name in self.kept if stmt.array in (name, *self.sites[name])]
        read = names_read(stmt.value) if lists else set()
        found = {
            (name, source, site)
            for name in lists
            for source in self.kept[name] & read
            for site in self.sites[source]
        }
        self.ever |= found
        return frozenset(found)

    def _check(self, stmt: Stmt, latest: frozenset[tuple[str, str, str]]) -> None:
        match stmt:
            case Store(fresh=False):
                names: tuple[str, ...] = (stmt.array,)
            case Invoke():
                names = stmt.writes
            case _:
                return
        for name in names:
            copies = self.ever if name in self.aliases else latest
            written = self.sites[name]
            self.found |= {(c[0], c[1]) for c in copies if c[2] in written}
