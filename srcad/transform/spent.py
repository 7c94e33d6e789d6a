"""What is added to an element that is then read for the last time is not stored.

An adjoint of an array that a step makes gets its last share where it is used. There its element is
added to and read again at once, and nobody reads it before the next step assigns it::

    for i in range(n):                          for i in range(n):
        k_b[i] = h * x_b[i]                         k_b[i] = h * x_b[i]
    for i in range(n):                  ->      for i in range(n):
        k_b[i] += h * y_b[i]                        seed = k_b[i] + h * y_b[i]
        seed = k_b[i]                               x_b[i] += a[i] * seed
        x_b[i] += a[i] * seed

That the elements are written again before they are read is seen by ``srcad.transform.unread``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from srcad.analysis.flow import assigned, names_of
from srcad.ir.nodes import (
    Assign,
    Block,
    Expr,
    For,
    Function,
    Load,
    Stmt,
    Store,
    blocks,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.transform.unread import unread_stores, without


class _Pair(NamedTuple):
    """A store and the last reading of what it stored, by their identities."""

    store: int
    load: int


def spent(function: Function) -> Function:
    """The function without such stores."""
    times = Counter(map(id, statements(function.body)))  # one object may stand in both sweeps
    pairs = [p for p in _pairs(function.body) if times[p.store] == times[p.load] == 1]
    while pairs:
        stored: dict[int, Store] = {}
        handed = replace(function, body=_handed(function.body, pairs, stored))
        made = set(map(id, stored.values()))
        dead = unread_stores(handed, lambda s, made=made: id(s) in made)
        left = [p for p in pairs if id(stored[p.store]) in dead]
        if len(left) == len(pairs):
            return replace(function, body=without(handed.body, dead))
        pairs = left
    return function


def _pairs(block: Block) -> Iterator[_Pair]:
    """Stores in loops whose element is read once more in the same block, into a variable."""
    for stmt in block:
        for inner in blocks(stmt):
            if isinstance(stmt, For) and not any(map(blocks, inner)):
                yield from _pairs_of(inner)
            yield from _pairs(inner)


def _pairs_of(block: Block) -> Iterator[_Pair]:
    for k, stmt in enumerate(block):
        if not isinstance(stmt, Store) or not _reads(stmt.value, stmt.array):
            continue
        users = [s for s in block if s is not stmt and stmt.array in names_of(s)]
        match users:
            case [Assign(value=Load() as load) as last]:
                place = next(j for j, s in enumerate(block) if s is last)
                same = (load.array, load.index, load.kind) == (
                    stmt.array,
                    stmt.index,
                    stmt.value.kind,
                )
                if same and place > k and _may_move(last, stmt, block[k + 1 : place], block):
                    yield _Pair(id(stmt), id(last))
            case _:
                pass


def _may_move(last: Assign, store: Store, between: Block, block: Block) -> bool:
    """Whether the variable can get its value where the store is."""
    name, index = last.target.name, set[str]().union(*map(names_read, store.index))
    own = [e for e in walk(store.value) if isinstance(e, Load) and e.array == store.array]
    return (
        all(e.index == store.index for e in own)
        and last.target.kind == store.value.kind
        and not any(name in names_of(s) for s in between)
        and name not in index | names_read(store.value)
        and not index & assigned(block)
    )


def _reads(expr: Expr, array: str) -> bool:
    return any(isinstance(e, Load) and e.array == array for e in walk(expr))


def _handed(block: Block, pairs: list[_Pair], stored: dict[int, Store]) -> Block:
    """The block in which variables get what is stored; ``stored`` are the new stores."""
    stores, loads = {p.store for p in pairs}, {p.load for p in pairs}
    into = {
        s.value.array: s.target
        for s in block
        if id(s) in loads and isinstance(s, Assign) and isinstance(s.value, Load)
    }
    out: list[Stmt] = []
    for stmt in block:
        if id(stmt) in loads:
            continue
        if id(stmt) in stores and isinstance(stmt, Store):
            target = into[stmt.array]
            made = replace(stmt, value=target)
            stored[id(stmt)] = made
            out += [Assign(target, stmt.value, stmt.at), made]
        elif any(blocks(stmt)):
            out.append(with_blocks(stmt, tuple(_handed(b, pairs, stored) for b in blocks(stmt))))
        else:
            out.append(stmt)
    return tuple(out)
