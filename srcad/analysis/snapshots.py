"""Copies that stand for views: whether one is read after the memory that it shows was written.

The block is followed in order, loop bodies twice (what one iteration writes, the next may read),
both branches of an ``if``. A copy is fresh when it is made, stale once an element of a source is
written, and must not be read then.

    w = copy of x    # fresh
    y = w[0]         # fine
    x[0] = 7.0       # stale
    z = w[0]         # not what a view holds
"""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.alias import Sites
from srcad.analysis.flow import reads_of, writes_of
from srcad.ir.nodes import Block, For, If, Invoke, Stmt, Store, While, statements


def stale_reads(
    block: Block, copies: Mapping[str, frozenset[str]], sites: Sites, results: frozenset[str]
) -> frozenset[str]:
    """Which copies (with the arrays that each shows) are read, or returned, when they are stale."""
    shown = {
        copy: frozenset(s for source in sources for s in sites[source])
        for copy, sources in copies.items()
    }
    found: set[str] = set()
    stale = _after(block, frozenset(), shown, sites, found)
    found |= {copy for copy in stale if any(copy in sites[name] for name in results)}
    return frozenset(found)


def _after(
    block: Block,
    stale: frozenset[str],
    shown: Mapping[str, frozenset[str]],
    sites: Sites,
    found: set[str],
) -> frozenset[str]:
    """The copies that are stale after a block; adds those that are read meanwhile."""
    for stmt in block:
        read = {s for name in reads_of(stmt) for s in sites.get(name, ())}
        found |= stale & read
        match stmt:
            case If():
                stale = _after(stmt.body, stale, shown, sites, found) | _after(
                    stmt.orelse, stale, shown, sites, found
                )
            case For() | While():
                for _ in range(2):
                    stale |= _after(stmt.body, stale, shown, sites, found)
            case _:
                stale -= frozenset(writes_of(stmt))
                written = _written(stmt, sites)
                stale |= {copy for copy, sources in shown.items() if sources & written}
    return stale


def rewritten(block: Block, sites: Sites) -> frozenset[str]:
    """The arrays of which a block writes elements that had a value."""
    return frozenset(s for stmt in statements(block) for s in _written(stmt, sites))


def _written(stmt: Stmt, sites: Sites) -> frozenset[str]:
    """The arrays of which a statement writes elements that had a value."""
    match stmt:
        case Store(fresh=False):
            return frozenset(sites[stmt.array])
        case Invoke():
            return frozenset(s for name in stmt.writes for s in sites[name])
    return frozenset()
