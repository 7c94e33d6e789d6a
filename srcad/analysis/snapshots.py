"""Copies that stand for views: whether one is read after the memory that it shows was written.

The block is followed in order, loop bodies twice (what one iteration writes, the next may read),
both branches of an ``if``. A copy is fresh when it is made, stale once an element of a source is
written, and must not be read then.

    w = copy of x    # fresh
    y = w[0]         # fine
    x[0] = 7.0       # stale
    z = w[0]         # not what a view holds

A copy that one assignment makes and reads, as in ``K += np.tanh(stop_gradient(K))``, is read as a
whole before that assignment writes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from srcad.analysis.alias import Sites
from srcad.analysis.flow import reads_of, writes_of
from srcad.ir.nodes import Block, For, If, Invoke, Stmt, Store, While, statements
from srcad.position import Position

Some = Callable[[Stmt], bool]


def stale_reads(
    block: Block,
    copies: Mapping[str, frozenset[str]],
    sites: Sites,
    results: frozenset[str],
    within: Position | None = None,
) -> frozenset[str]:
    """Which copies (with the arrays that each shows) are read, or returned, when they are stale.

    ``within``: the assignment that makes the copies and evaluates what it assigns before it writes;
    only what others write meanwhile makes its own reads stale.
    """
    shown = {
        copy: frozenset(s for source in sources for s in sites[source])
        for copy, sources in copies.items()
    }

    def is_own(stmt: Stmt) -> bool:
        return within is not None and stmt.at == within and not isinstance(stmt, Invoke)

    found: set[str] = set()
    stale = _after(block, frozenset(), shown, sites, found, lambda s: not is_own(s), _any)
    found |= {copy for copy in stale if any(copy in sites[name] for name in results)}
    if within is not None:
        _after(block, frozenset(), shown, sites, found, is_own, lambda s: not is_own(s))
    return frozenset(found)


def _any(_: Stmt) -> bool:
    return True


def _after(
    block: Block,
    stale: frozenset[str],
    shown: Mapping[str, frozenset[str]],
    sites: Sites,
    found: set[str],
    asks: Some,
    counts: Some,
) -> frozenset[str]:
    """The copies that are stale after a block; adds those that are read meanwhile.

    ``asks``: whose reads are looked at; ``counts``: whose writes make copies stale.
    """
    for stmt in block:
        if asks(stmt):
            found |= stale & {s for name in reads_of(stmt) for s in sites.get(name, ())}
        match stmt:
            case If():
                stale = _after(stmt.body, stale, shown, sites, found, asks, counts) | _after(
                    stmt.orelse, stale, shown, sites, found, asks, counts
                )
            case For() | While():
                for _ in range(2):
                    stale |= _after(stmt.body, stale, shown, sites, found, asks, counts)
            case _:
                stale -= frozenset(writes_of(stmt))
                written = _written(stmt, sites) if counts(stmt) else frozenset[str]()
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
