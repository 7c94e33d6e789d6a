"""Arrays that an iteration of a loop updates once, after everything that reads them.

A time step computes what it needs from a state, and then writes the next state over it, element by
element. Going back, the elements of such an array can be put back first of all: the whole step then
finds the state that it began with, and what it computed from that can be computed again. ::

    for t in range(n):
        for i in range(1, m):
            k[i] = x[i] - x[i - 1]
        for i in range(m):
            x[i] = x[i] + h * k[i]      # the only update of x, and nothing reads x after it
"""

from __future__ import annotations

from dataclasses import dataclass

from srcad.analysis.alias import Sites
from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import offset_from
from srcad.ir.build import ONE
from srcad.ir.nodes import (
    Const,
    Expr,
    For,
    Load,
    Stmt,
    Store,
    Var,
    expressions,
    names_read,
    statements,
    walk,
)


@dataclass(frozen=True)
class Update:
    """The one store to an array in an iteration, and the counted loops around it."""

    store: Store
    loops: tuple[For, ...]


def updates(loop: For, sites: Sites) -> dict[str, Update]:
    """The arrays that a loop so updates, by name; each is denoted by no other name."""
    stored = [s.array for s in statements(loop.body) if isinstance(s, Store)]
    shared = {s for name, found in sites.items() for s in found if name != s}
    out: dict[str, Update] = {}
    for name in sorted(set(stored)):
        own = sites.get(name, frozenset((name,))) == frozenset((name,)) and name not in shared
        if own and stored.count(name) == 1 and name not in assigned((loop,)):
            found = _update(loop, name)
            if found is not None and not found.store.fresh:
                out[name] = found
    return out


def _update(loop: For, name: str) -> Update | None:
    """The update of an array with one store in the loop."""
    (k,) = (k for k, s in enumerate(loop.body) if _stores(s, name))
    if any(_reads(s, name) for s in statements(loop.body[k + 1 :])):
        return None
    found = _nest(loop.body[k], name, ())
    if found is None:
        return None
    changing = assigned(loop.body)
    for inner in found.loops:
        ends = (inner.start, inner.stop, inner.step)
        if set[str]().union(*map(names_read, ends)) & changing or any(map(_loads, ends)):
            return None
    counters = [inner.var for inner in found.loops]
    if not _is_one_each(found.store.index, found.loops, changing - {c.name for c in counters}):
        return None
    nest = list(statements((loop.body[k],)))
    end = next(j for j, s in enumerate(nest) if s is found.store)
    if any(_reads(s, name, found.store.index) for s in nest[: end + 1]):
        return None
    return None if any(_reads(s, name) for s in nest[end + 1 :]) else found


def _nest(stmt: Stmt, name: str, around: tuple[For, ...]) -> Update | None:
    """The store to an array that stands in loops only."""
    if isinstance(stmt, Store):
        return Update(stmt, around)
    if not isinstance(stmt, For) or stmt.until is not None or stmt.step != ONE:
        return None
    (inner,) = (s for s in stmt.body if _stores(s, name))
    return _nest(inner, name, (*around, stmt))


def _is_one_each(index: tuple[Expr, ...], loops: tuple[For, ...], changing: set[str]) -> bool:
    """Whether each iteration of the loops has an element of its own."""
    free = list(loops)
    for place in index:
        own = [inner for inner in free if offset_from(place, inner.var) is not None]
        if own:
            start = own[0].start
            offset = offset_from(place, own[0].var) or 0
            if not isinstance(start, Const) or int(start.value) + offset < 0:
                return False  # -1 is the last element
            free.remove(own[0])
        elif not isinstance(place, Const | Var) or names_read(place) & changing:
            return False
    return not free


def _stores(stmt: Stmt, name: str) -> bool:
    return any(isinstance(s, Store) and s.array == name for s in statements((stmt,)))


def _loads(expr: Expr) -> bool:
    return any(isinstance(e, Load) for e in walk(expr))


def _reads(stmt: Stmt, name: str, but: tuple[Expr, ...] | None = None) -> bool:
    """Whether a statement itself reads elements of an array, other than one."""
    for expr in expressions(stmt):
        if any(isinstance(e, Load) and e.array == name and e.index != but for e in walk(expr)):
            return True
    if isinstance(stmt, Store):
        return False
    return name in names_of(stmt) - set[str]().union(*map(names_read, expressions(stmt)))
