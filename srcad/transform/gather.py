"""Scatters of a stencil become gathers: each element is added to in one iteration.

The adjoint of ``v[i] = k[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])`` adds to three elements in each
iteration, so that none can start before the one before it has ended, and nothing vectorises. Here
the loop is split: what goes to the neighbours is kept for one row, in a buffer with zeros at both
ends, and a second loop fetches it, element by element::

    for i in range(1, n - 1):           w = np.zeros(n + 1)
        seed = k[i] * v_b[i]
        v_b[i] = 0.0                    for i in range(1, n - 1):
        u_b[i - 1] += seed                  w[i + 1] = k[i] * v_b[i]
        u_b[i] -= 2.0 * seed      ->        v_b[i] = 0.0
        u_b[i + 1] += seed              for i in range(0, n):
                                            u_b[i] += w[i + 2] - 2.0 * w[i + 1] + w[i]

It is done for innermost loops, along their axis: the rows above and below are loops of their own.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned
from srcad.analysis.iterations import (
    Access,
    Bounds,
    Index,
    accesses,
    commute,
    is_still,
    offset_from,
    rows_apart,
)
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.build import (
    ONE,
    accumulate,
    add,
    added_to,
    compare,
    integer,
    literal,
    sub,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    If,
    Load,
    Select,
    Stmt,
    Store,
    Unary,
    Var,
    While,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.terms import added
from srcad.transform.vectorise import is_elementary

CHEAP = 7
"""Nodes of a term that the second loop may compute again."""

FAR = 4
"""The most iterations that an element may wait in variables for what it receives."""


@dataclass(frozen=True)
class _Row:
    """The elements along the axis of a loop: an index, but for the counter at ``axis``."""

    array: str
    axis: int
    others: Index

    def at(self, position: Expr) -> Index:
        """The index of a position."""
        return (*self.others[: self.axis], position, *self.others[self.axis :])


@dataclass(frozen=True)
class _Buffer:
    """Zeros before the values of one iteration each, and after them."""

    alloc: Alloc
    range: tuple[Expr, Expr]
    """Of the counter: as long as it is the same, the zeros stay where they are."""


Rows = dict[_Row, dict[int, list[Expr]]]
"""What is added to a row: for each offset from the counter the terms."""


def gather(
    block: Block,
    live: Live,
    shadows: Collection[str],
    aliases: Aliases,
    bounds: Bounds,
    names: Names,
    arrays: dict[str, tuple[str, int]],
    *,
    carries: bool,
    threads: bool,
) -> Block:
    """The block with scatters into the shadows made gathers.

    ``live`` are the names read after the block; ``arrays`` learns of the buffers. ``carries``:
    iterations may hand on what they add, for which they have to run one after the other; with
    ``threads``, only those of loops inside of others, which are what threads divide.
    """
    gatherer = _Gatherer(frozenset(shadows), aliases, bounds, names, arrays, carries, threads)
    return gatherer.block(block, live, None)[0]


class _Gatherer:
    def __init__(
        self,
        shadows: frozenset[str],
        aliases: Aliases,
        bounds: Bounds,
        names: Names,
        arrays: dict[str, tuple[str, int]],
        carries: bool,
        threads: bool,
    ) -> None:
        self.shadows = shadows
        self.aliases = aliases
        self.bounds = bounds
        self.names = names
        self.arrays = arrays
        self.carries = carries
        self.threads = threads

    def block(
        self, block: Block, live: Live, changing: set[str] | None
    ) -> tuple[Block, list[_Buffer]]:
        """The block, and the buffers that can be made before the loop around it.

        ``changing`` are the names that this loop assigns; None: there is none.
        """
        out: list[Stmt] = []
        early: list[_Buffer] = []
        for stmt in reversed(block):
            before = live_before(stmt, live)
            new, buffers = self._statement(stmt, live, changing)
            for buffer in buffers:
                if changing is not None and all(is_still(e, changing) for e in buffer.range):
                    early.append(buffer)
                else:
                    new.insert(0, buffer.alloc)
            out += reversed(new)
            live = before
        return tuple(reversed(out)), early

    def _statement(
        self, stmt: Stmt, live: Live, changing: set[str] | None
    ) -> tuple[list[Stmt], list[_Buffer]]:
        match stmt:
            case If():
                parts = [self.block(b, live, changing) for b in blocks(stmt)]
                buffers = [buffer for _, found in parts for buffer in found]
                return [with_blocks(stmt, tuple(b for b, _ in parts))], buffers
            case For() if stmt.step == ONE:
                carries = self.carries and not (self.threads and changing is None)
                split = self._split(stmt, live, carries)
                if split is not None:
                    return split
                with self.bounds.within(stmt):
                    return self._inside(stmt, live)
            case For():
                with self.bounds.within(stmt):
                    return self._inside(stmt, live)
            case While():
                return self._inside(stmt, live)
        return [stmt], []

    def _inside(self, loop: For | While, live: Live) -> tuple[list[Stmt], list[_Buffer]]:
        body, buffers = self.block(loop.body, live_at_end(loop, live), assigned((loop,)))
        return [replace(loop, body=body)], buffers

    def _split(
        self, loop: For, live: Live, carries: bool
    ) -> tuple[list[Stmt], list[_Buffer]] | None:
        """A loop without its scatters, and the loops that gather."""
        scattered = self._scattered(loop)
        if not scattered or not commute(loop, live, self.aliases, self.bounds):
            return None
        rows: Rows = {}
        core = self._core(loop.body, loop, scattered, rows)
        core += self._totals(rows)
        before, inside, after = self._carried(loop, core, rows) if carries else ((), (), ())
        if not rows:
            return [*before, replace(loop, body=(*core, *inside)), *after], []
        spread = max(max(found) - min(found) for found in rows.values())
        local = {v for found in rows.values() for ts in found.values() for t in ts for v in walk(t)}
        kept = sorted(
            (v for v in local if isinstance(v, Var) and v.name in assigned(core)),
            key=lambda v: v.name,
        )
        always = self._may_always_run(loop, rows)
        buffers, places = self._buffers(kept, loop, spread, always)
        filled = [Store(buffers[v.name].alloc.target, (places(loop.var),), v, True) for v in kept]

        def fetched(expr: Expr, at: Expr) -> Expr:
            if isinstance(expr, Var) and expr.name in buffers:
                return Load(buffers[expr.name].alloc.target, (places(at),), expr.kind)
            if expr == loop.var:
                return at
            return rebuild(expr, tuple(fetched(e, at) for e in children(expr)))

        core += inside
        out: list[Stmt] = [*before, replace(loop, body=(*core, *filled)), *after]
        alone = {row: found for row, found in rows.items() if len(found) == 1}
        for together in _apart(alone):
            adding = [
                self._adding(row, add(loop.var, integer(k)), [fetched(t, loop.var) for t in terms])
                for row in together
                for k, terms in alone[row].items()
            ]
            out.append(replace(loop, body=tuple(adding)))
        size = None if always else Extent(buffers[kept[0].name].alloc.target, 0)  # of all of them
        for row, found in rows.items():
            if row not in alone:
                out.append(self._gathered(loop, row, found, fetched, size, spread))
        return out, list(buffers.values())

    def _carried(self, loop: For, core: Block, rows: Rows) -> tuple[Block, Block, Block]:
        """What stands before the loop, at the end of an iteration and after the loop for rows
        whose elements receive all in one loop; these are taken out of ``rows``.
        """
        before: list[Stmt] = []
        sums: list[Stmt] = []
        stores: list[Stmt] = []
        turns: list[Stmt] = []
        after: list[Stmt] = []
        for row in [r for r in rows if self._can_carry(loop, core, r, rows)]:
            found = rows.pop(row)
            kind = self.arrays[row.array][0]
            first, last = min(found), max(found)
            ahead = [Var(self.names.fresh(f"{row.array}_next"), kind) for _ in range(first, last)]
            before += [Assign(v, literal(0.0, kind)) for v in ahead]
            for k, var in enumerate(ahead, 1):
                terms = [*found.get(first + k, ()), *ahead[k : k + 1]]
                if len(terms) > 1 or not isinstance(terms[0], Var):
                    total = Var(self.names.fresh("total"), kind)
                    sums.append(Assign(total, functools.reduce(accumulate, terms)))
                    terms = [total]
                turns.append(Assign(var, terms[0]))
            here = add(loop.var, integer(first))
            stores.append(self._adding(row, here, [*found[first], ahead[0]]))
            after += [
                self._adding(row, add(loop.stop, integer(first + k)), [var])
                for k, var in enumerate(ahead)
            ]
        runs = self.bounds.least(sub(loop.stop, loop.start))
        if after and (runs is None or runs < 1):
            after = [If(compare("<", loop.start, loop.stop), tuple(after), ())]
        return tuple(before), (*sums, *stores, *turns), tuple(after)

    def _can_carry(self, loop: For, core: Block, row: _Row, rows: Rows) -> bool:
        """Whether the elements of a row can receive all in one loop, in vectors."""
        found = rows[row]
        if not 0 < max(found) - min(found) <= FAR:
            return False
        if not all(isinstance(s, Assign | Store | Comment) for s in core):
            return False
        parts = (part for s in core for e in expressions(s) for part in walk(e))
        if any(map(is_elementary, parts)):  # of several elements at once, without what is carried
            return False
        least = self.bounds.least(add(loop.start, integer(min(found))))
        if least is None or least < 0:
            return False
        others = [r for r in rows if r != row and len(rows[r]) > 1]
        touched = {a.array for a in accesses(core)} | {r.array for r in others}
        return not any(self.aliases.may(row.array, array) for array in touched)

    def _totals(self, rows: Rows) -> Block:
        """Names for sums of several terms of one offset, in place of these in ``rows``."""
        out: list[Stmt] = []
        for row, found in rows.items():
            for offset, terms in found.items():
                if len(found) > 1 and len(terms) > 1:
                    share = Var(self.names.fresh("share"), self.arrays[row.array][0])
                    total = functools.reduce(accumulate, terms)
                    out.append(Assign(share, total))
                    found[offset] = [share]
        return tuple(out)

    def _gathered(
        self,
        loop: For,
        row: _Row,
        found: dict[int, list[Expr]],
        fetched: Callable[[Expr, Expr], Expr],
        size: Expr | None,
        spread: int,
    ) -> For:
        """The loop over all elements of a row that the iterations add to.

        It ends by the length of the buffers, which is ``size``, and short if there are no
        iterations: LLVM does not vectorise it in an ``if``. Without ``size``, by that of the row.
        """
        first, last = min(found), max(found)
        start = add(loop.start, integer(first))
        if size is None:
            ends = add(loop.stop, integer(last)), Extent(row.array, row.axis)
            stop: Expr = Call("min", ends, INT)
        else:
            stop = add(_plus(size, _origin(loop, spread)), integer(last - spread))
        terms = [
            fetched(term, add(loop.var, integer(-offset)))
            for offset in sorted(found)
            for term in found[offset]
        ]
        return replace(loop, start=start, stop=stop, body=(self._adding(row, loop.var, terms),))

    def _may_always_run(self, loop: For, rows: Rows) -> bool:
        """Whether zeros may be fetched where a loop has no iteration, by the elements there are.

        Nobody has looked then whether there are any. So the rows are whole arrays, their elements
        count from the start, and the range of the loop does not end before it begins.
        """
        least = self.bounds.least(loop.stop)
        if not isinstance(loop.start, Const) or least is None or least < loop.start.value:
            return False
        start = int(loop.start.value.real)
        return all(not row.others and start + min(found) >= 0 for row, found in rows.items())

    def _adding(self, row: _Row, position: Expr, terms: list[Expr]) -> Store:
        index = row.at(position)
        place = Load(row.array, index, self.arrays[row.array][0])
        return Store(row.array, index, added(place, terms))

    def _scattered(self, loop: For) -> frozenset[_Row]:
        """The rows of shadows that a loop adds to at several offsets from its counter.

        There are none if it touches others in a way that is not that of a stencil. With them go
        those of shadows to which it adds in several rows: LLVM does not vectorise a loop that does.
        """
        simple = Assign | Store | If | Comment
        if not all(isinstance(s, simple) for s in statements(loop.body)):
            return frozenset()
        changing = assigned((loop,))
        found = set(accesses(loop.body))
        out: set[_Row] = set()
        beside: set[_Row] = set()
        for array in {a.array for a in found if a.how == "add"} & self.shadows:
            every = {a for a in found if self.aliases.may(array, a.array)}
            with self.bounds.within(loop):
                groups = rows_apart(every, changing, self.bounds)
            only_added = (rows for rows in groups if all(a.how == "add" for a in rows))
            touched = set[Access]().union(*only_added)
            places = [_row_of(a.array, a.index, loop.var, changing) for a in touched]
            if None in places:
                return frozenset()
            rows: dict[_Row, set[int]] = {}
            for row, offset in filter(None, places):
                rows.setdefault(row, set()).add(offset)
            several = any(len(offsets) > 1 for offsets in rows.values())
            if len(rows) < 2 and not several:
                continue
            if self._always_there(array, rows, loop, changing):
                (out if several else beside).update(rows)
        return frozenset(out | beside) if out else frozenset()

    def _always_there(
        self, array: str, rows: dict[_Row, set[int]], loop: For, changing: set[str]
    ) -> bool:
        """Whether there are elements at all offsets in all iterations, also behind a branch."""
        certain: dict[_Row, set[int]] = {row: set() for row in rows}
        for stmt in loop.body:
            if isinstance(stmt, Store) and stmt.array == array:
                place = _row_of(array, stmt.index, loop.var, changing)
                if place is not None and place[0] in certain:
                    certain[place[0]].add(place[1])
        return all(
            certain[row] and min(certain[row]) <= min(offsets) and max(offsets) <= max(certain[row])
            for row, offsets in rows.items()
        )

    def _core(self, block: Block, loop: For, scattered: frozenset[_Row], rows: Rows) -> Block:
        """The body without the scatters; ``rows`` collects them."""
        once = _assigned_once(block)
        changing = assigned((loop,))
        head: list[Stmt] = []

        def without(block: Block, nested: bool) -> Block:
            out: list[Stmt] = []
            for stmt in block:
                place = None
                if isinstance(stmt, If):
                    parts = tuple(without(b, True) for b in blocks(stmt))
                    stmt = with_blocks(stmt, parts)
                elif isinstance(stmt, Store):
                    place = _row_of(stmt.array, stmt.index, loop.var, changing)
                if isinstance(stmt, Store) and place is not None and place[0] in scattered:
                    own = Load(stmt.array, stmt.index, stmt.value.kind)
                    term = added_to(stmt.value, own)
                    assert term is not None
                    row, offset = place
                    if nested or not _is_cheap(term, once, changing, loop.var):
                        share = Var(self.names.fresh("share"), own.kind)
                        if nested:
                            head.append(Assign(share, literal(0.0, own.kind)))
                        out.append(Assign(share, term, stmt.at))
                        term = share
                    rows.setdefault(row, {}).setdefault(offset, []).append(term)
                    continue
                out.append(stmt)
            return tuple(out)

        core = without(block, False)
        return (*head, *core)

    def _buffers(
        self, kept: list[Var], loop: For, spread: int, always: bool
    ) -> tuple[dict[str, _Buffer], Callable[[Expr], Expr]]:
        """A buffer for each variable, and where the value of an iteration is in it."""
        origin = _origin(loop, spread)

        def place(at: Expr) -> Expr:
            return sub(at, origin)

        size = add(sub(loop.stop, origin), integer(spread))
        if not always:
            size = Select(compare("<", loop.start, loop.stop), size, integer(0), INT)

        buffers: dict[str, _Buffer] = {}
        for var in kept:
            name = self.names.fresh(f"{var.name}_row")
            self.arrays[name] = (var.kind, 1)
            alloc = Alloc(name, (size,), var.kind, True)
            buffers[var.name] = _Buffer(alloc, (loop.start, loop.stop))
        return buffers, place


def _apart(rows: Iterable[_Row]) -> list[list[_Row]]:
    """Rows for one loop each: LLVM does not vectorise one that writes two rows of an array."""
    out: list[list[_Row]] = []
    for row in rows:
        for together in out:
            if all(row.array != other.array for other in together):
                together.append(row)
                break
        else:
            out.append([row])
    return out


def _origin(loop: For, spread: int) -> Expr:
    """The position that is the first of a buffer; the counter starts ``spread`` after it or more.

    >>> from srcad.ir.nodes import Extent
    >>> _origin(For(Var("i", INT), ONE, Extent("u", 0), ONE, ()), 2)
    Const(value=-1, kind='int64')
    """
    if isinstance(loop.start, Const):
        return integer(min(0, int(loop.start.value) - spread))
    return sub(loop.start, integer(spread))


def _plus(a: Expr, b: Expr) -> Expr:
    return add(a, b) if isinstance(b, Const) else Binary("+", a, b, INT)


def _row_of(array: str, index: Index, counter: Var, changing: set[str]) -> tuple[_Row, int] | None:
    """The row of an index and its offset from the counter there; None for any other index."""
    offsets = [offset_from(e, counter) for e in index]
    axes = [k for k, offset in enumerate(offsets) if offset is not None]
    if len(axes) != 1:
        return None
    axis = axes[0]
    others = (*index[:axis], *index[axis + 1 :])
    if not all(is_still(e, changing) for e in others):
        return None
    return _Row(array, axis, others), offsets[axis] or 0


def _is_cheap(term: Expr, once: set[str], changing: set[str], counter: Var) -> bool:
    """Whether a term is a few operations on what is kept of an iteration."""
    parts = list(walk(term))
    names = names_read(term) & (changing - {counter.name})
    simple = all(isinstance(e, Const | Var | Unary | Binary) for e in parts)
    return simple and len(parts) <= CHEAP and bool(names) and names <= once


def _assigned_once(block: Block) -> set[str]:
    """Scalars that a block assigns once, not in a branch."""
    counts = Counter(s.target.name for s in statements(block) if isinstance(s, Assign))
    return {s.target.name for s in block if isinstance(s, Assign) and counts[s.target.name] == 1}
