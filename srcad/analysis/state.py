"""The state of a loop: what its iterations read that earlier iterations changed.

Saved at the start of an iteration and put back later, the state lets the loop run again from
there. It is made of scalars, of arrays whose elements change, and of array names that the loop
binds anew; an array that the iterations only write is not part of it::

    for t in range(n):
        d[t] = u[5]               # d: written only
        v = step(u, v)            # v: bound anew
        u, v = v, u               # u, v: swapped
        s = s + u[0]              # s: a scalar

What an iteration does to its arrays is followed by names (``srcad.analysis.alias``), from those
that hold an array when it begins.
"""

from __future__ import annotations

from dataclasses import dataclass

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed, scalars
from srcad.analysis.liveness import Live
from srcad.ir.nodes import (
    Bind,
    Block,
    Copy,
    For,
    If,
    Invoke,
    Load,
    MatMul,
    Print,
    Push,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    expressions,
    plain_statements,
    statements,
    walk,
)


@dataclass(frozen=True)
class State:
    """What a loop carries from one iteration to the next."""

    scalars: tuple[Var, ...]
    changed: tuple[str, ...]
    """Arrays whose elements change, under names that the loop does not bind."""
    swapped: tuple[str, ...]
    """Array names that an iteration permutes."""
    rebound: tuple[str, ...]
    """Other array names that an iteration binds."""
    written: tuple[str, ...]
    """Arrays that are written and not read: no part of the state."""
    rewritten: tuple[str, ...]
    """Those rebound names whose arrays, as an iteration finds them, it writes."""
    entangled: tuple[str, str] | None
    """Two names of one array, of which the loop binds one and writes elements through one."""

    @property
    def arrays(self) -> tuple[str, ...]:
        """The names of all arrays of the state."""
        return (*self.changed, *self.swapped, *self.rebound)


def state_of(loop: For | While, arrays: set[str], aliases: Aliases, after: Live) -> State:
    """The state of a loop; ``after`` are the names that are read after it."""
    bound = assigned(loop.body) & arrays
    early = exposed((loop,))
    carried = {n for n in bound if n in early or n in after}
    local = bound - carried
    denoted = _Denoted(loop.body, arrays, carried)
    written = denoted.by(_elements_written(loop.body))
    read = denoted.by(_read(loop.body))
    still = written - carried
    changed = {n for n in still if any(aliases.may(n, other) for other in read)}
    mentioned = _read(loop.body) | _elements_written(loop.body) | _bound(loop.body) & arrays
    swapped = _swapped(loop.body) & carried
    others = mentioned - swapped
    if any(aliases.may(n, other) for n in swapped for other in others):
        swapped = set()  # put back into the arrays that they denote, they would change that one
    entangled = None
    for name in sorted(carried):
        for other in sorted(mentioned - local - {name}):
            if {name, other} & written and aliases.may(name, other):
                entangled = entangled or (name, other)
    early_scalars = [v for n, v in sorted(scalars(loop.body).items()) if n in early]
    return State(
        tuple(early_scalars),
        tuple(sorted(changed)),
        tuple(sorted(swapped)),
        tuple(sorted(carried - swapped)),
        tuple(sorted(still - changed)),
        tuple(sorted((carried - swapped) & written)),
        entangled,
    )


class _Denoted:
    """Which arrays that exist when a block begins the names in it can denote."""

    def __init__(self, block: Block, arrays: set[str], carried: set[str]) -> None:
        """``carried`` are those names that the block binds and that denote an array before it."""
        heads = {n: f"{n}@head" for n in carried}
        entry = tuple(Bind((n,), (head,)) for n, head in sorted(heads.items()))
        self.held = points_to((*entry, *block), arrays | set(heads.values()))
        self.names = {head: n for n, head in heads.items()}
        self.bound = assigned(block)

    def by(self, names: set[str]) -> set[str]:
        """The arrays that some names can denote, by the names that they have before the block."""
        sites = {site for n in names for site in self.held.get(n, frozenset((n,)))}
        return {self.names.get(s, s) for s in sites if s in self.names or s not in self.bound}


def written_after(block: Block, place: Stmt, arrays: set[str]) -> set[str]:
    """The arrays that exist after a statement of a block, and are written after it, by name."""
    later = _following(block, place)
    return _denoted_after(later, arrays).by(_elements_written(later))


def read_after(block: Block, place: Stmt, arrays: set[str], kept: frozenset[str]) -> set[str]:
    """Those that are read after it, or at the end of the block denoted by names that are kept."""
    later = _following(block, place)
    return _denoted_after(later, arrays).by(_read(later) | kept)


def _denoted_after(later: Block, arrays: set[str]) -> _Denoted:
    return _Denoted(later, arrays, assigned(later) & exposed(later) & arrays)


def _following(block: Block, place: Stmt) -> Block:
    """What runs after a statement of a block; a loop around it begins anew."""
    for k, stmt in enumerate(block):
        if stmt is place:
            return block[k + 1 :]
        inner = next((b for b in blocks(stmt) if any(s is place for s in statements(b))), None)
        if inner is not None:
            again = (stmt,) if isinstance(stmt, For | While) else ()
            return (*_following(inner, place), *again, *block[k + 1 :])
    return ()


def _elements_written(body: Block) -> set[str]:
    """Names through which elements of arrays are written."""
    out: set[str] = set()
    for stmt in statements(body):
        match stmt:
            case Store():
                out.add(stmt.array)
            case Invoke():
                out |= set(stmt.writes)
    return out


def _read(body: Block) -> set[str]:
    """Names through which elements of arrays are read."""
    out = {
        e.array
        for stmt in statements(body)
        for x in expressions(stmt)
        for e in walk(x)
        if isinstance(e, Load)
    }
    for stmt in statements(body):
        match stmt:
            case Copy():
                out.add(stmt.source)
            case MatMul():
                out |= {stmt.a, stmt.b}
            case Invoke():
                out |= {a for a in stmt.args if isinstance(a, str)}
            case Print():
                out |= {i for i in stmt.items if isinstance(i, str) and i.isidentifier()}
            case Push():
                out.add(stmt.array)
    return out


def _bound(body: Block) -> set[str]:
    """Names that are bound, and those of the arrays that they are bound to."""
    binds = [s for s in statements(body) if isinstance(s, Bind)]
    return assigned(body) | {source for stmt in binds for source in stmt.sources}


def _swapped(body: Block) -> set[str]:
    """Array names that are bound by permutations only, outside of inner loops."""
    found: set[str] = set()
    others: set[str] = set()
    outer = {id(s) for s in plain_statements(body)}
    for stmt in statements(body):
        match stmt:
            case Bind() if set(stmt.targets) == set(stmt.sources) and id(stmt) in outer:
                found |= set(stmt.targets)
            case _:
                others |= assigned((stmt,)) if not isinstance(stmt, For | While | If) else set()
    while True:
        mixed = {
            n
            for s in statements(body)
            if isinstance(s, Bind) and set(s.targets) & others
            for n in s.targets
        }
        if mixed <= others:
            return found - others
        others |= mixed
