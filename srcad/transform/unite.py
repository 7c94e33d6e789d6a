"""The shadows of fields that a step exchanges become one array, which each step updates in place.

A step writes ``v`` from ``u``, and its adjoint takes the shadow of ``v`` to that of ``u``. What is
taken is zero afterwards, so that of the two shadows one is zero wherever the other is looked at:
their sum, in one array, says all. Each row is taken before anything is added to it, as what the
step adds is kept for a few rows (``roll.py``)::

    for t in range(steps):                  for t in range(steps):
        v_b, u_b = u_b, v_b                     for i in range(1, n + 1):
        for i in range(1, n - 1):                   if i < n - 1:
            for j in range(1, m - 1):                   for j in range(1, m - 1):
                w = k * v_b[i, j]                           w = k * u_b[i, j]
                u_b[i, j] += v_b[i, j]    ->                w_ring[i % 3, j + 1] = w
                v_b[i, j] = 0.0                     for j in range(m):
                u_b[i - 1, j] += w                      u_b[i - 1, j] += w_ring[i % 3, j + 1] + ...
                u_b[i, j + 1] += w
    x_b += v_b; x_b += u_b                  x_b += u_b

In a leapfrog step, ``before, now, after = now, after, before``, the shadow that is taken and that
of the field before it are one array, ``w = u_b[i, j]; u_b[i, j] = -w``, and two are exchanged in
place of three.

Where a step takes nothing, at the border say, the sum is of two values. That is the same to whoever
adds both arrays to a third; for whom it is not, the arrays are left apart.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, named_in
from srcad.analysis.iterations import Access, accesses, offset_from
from srcad.analysis.sizes import Sizes, sizes_after
from srcad.ir.build import ZERO, accumulate, add, added_to, integer, is_const, unclamped
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    If,
    Load,
    Stmt,
    Store,
    While,
    ZerosLike,
    blocks,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import renamed
from srcad.transform.roll import Roller
from srcad.transform.scatter import KEPT, Nest, Offsets, nest_of, receiver

Region = tuple[tuple[Expr, ...], ...]
"""Elements of an array: along each axis the two ends of a range, or one position."""

Regions = frozenset[Region] | None
"""Where something holds; None: everywhere."""


def unite(
    body: Block,
    start: int,
    shadows: Collection[str],
    aliases: Aliases,
    names: Names,
    arrays: dict[str, tuple[str, int]],
) -> Block:
    """The body with such shadows united; the reverse sweep is what follows ``start``.

    ``arrays`` learns of the rings, which are made at the start of the sweep where they can be.
    """
    tried: set[tuple[str, str]] = set()
    while True:
        for pair in _pairs(body[start:], frozenset(shadows), arrays):
            if pair in tried:
                continue
            tried |= {pair, (pair[1], pair[0])}
            if not _is_alone(pair, body, aliases):
                continue
            try:
                made = _Union(pair, body, start, shadows, aliases, names, arrays).body()
            except _Apart:
                continue
            body = made
            break
        else:
            return body


def _pairs(
    sweep: Block, shadows: frozenset[str], arrays: dict[str, tuple[str, int]]
) -> Iterator[tuple[str, str]]:
    """A shadow that a nest takes, and one of its kind that the nest adds to."""
    for stmt in statements(sweep):
        nest = nest_of(stmt, least=1) if isinstance(stmt, For) else None
        if nest is None:
            continue
        found = set(accesses(nest.body))
        taken = sorted({a.array for a in found if a.how == "store"} & shadows)
        added = sorted({a.array for a in found if a.how == "add"} & shadows)
        yield from ((x, y) for x in taken for y in added if x != y and arrays[x] == arrays[y])


def _is_alone(pair: tuple[str, str], body: Block, aliases: Aliases) -> bool:
    """Whether nothing but what is exchanged with two arrays can be their memory."""
    group = set(pair) | _third(pair, body)
    memory = set().union(*(aliases.sites[name] for name in group))
    return memory <= group and not any(
        found & memory for name, found in aliases.sites.items() if name not in group
    )


def _third(pair: tuple[str, str], body: Block) -> set[str]:
    """The array that two arrays are exchanged with."""
    found: set[str] = set()
    for stmt in statements(body):
        if isinstance(stmt, Bind) and set(stmt.targets) & set(pair):
            found |= _cycle(stmt, pair[0]) | _cycle(stmt, pair[1])
    return found - set(pair)


def _cycle(stmt: Bind, name: str) -> set[str]:
    """The names that one gets its array from in a permutation, one after the other."""
    sources = dict(zip(stmt.targets, stmt.sources, strict=True))
    found: set[str] = set()
    while name in sources and name not in found:
        found.add(name)
        name = sources[name]
    return found


class _Apart(Exception):
    """Two shadows that cannot be one array."""


@dataclass
class _State:
    """What is known between two statements."""

    zero: dict[str, Regions]
    """Where each shadow is zero."""
    sound: Regions = None
    """Where the array of the pair is their sum."""
    sound_third: Regions = None
    """Where the array of the third is the third."""

    def copy(self) -> _State:
        return replace(self, zero=dict(self.zero))

    def become(self, other: _State) -> None:
        self.zero, self.sound, self.sound_third = other.zero, other.sound, other.sound_third


def _both(one: Regions, two: Regions) -> Regions:
    if one is None or two is None:
        return two if one is None else one
    return one & two


def _meet(one: _State, two: _State) -> _State:
    """What holds whichever way was taken."""
    zero = {name: _both(one.zero[name], two.zero[name]) for name in one.zero}
    sound = _both(one.sound, two.sound)
    return _State(zero, sound, _both(one.sound_third, two.sound_third))


class _Union:
    """Two shadows as one array: the body rewritten, with proofs along its way."""

    def __init__(
        self,
        pair: tuple[str, str],
        body: Block,
        start: int,
        shadows: Collection[str],
        aliases: Aliases,
        names: Names,
        arrays: dict[str, tuple[str, int]],
    ) -> None:
        self.ahead, self.sweep = body[:start], body[start:]
        self.shadows, self.aliases = frozenset(shadows), aliases
        self.names, self.arrays = names, arrays
        third = _third(pair, body)
        if len(third) > 1:
            raise _Apart
        made = [s.target for s in body if isinstance(s, ZerosLike | Alloc) and s.target in pair]
        if len(made) != 2:
            raise _Apart
        self.one, self.two = self.pair = pair if third else (made[0], made[1])
        self.third = min(third, default=None)
        self.group = {*pair, *third}
        self.changing = assigned(self.sweep)
        self.made: set[str] = set()
        self.rings: list[Alloc] = []
        self.spilled: str | None = None
        """The array that one of the pair has been added to, where the other has not been yet."""
        self.gone: set[str] = set()
        """Those that nobody may look at any more."""
        self.sizes = Sizes(arrays)
        """What was known of lengths when the last of them was made."""
        self.proving = False
        """Whether statements are only looked at, not written."""

    def body(self) -> Block:
        """Raises ``_Apart`` if somebody could tell the difference."""
        state = _State(dict.fromkeys(self.group, frozenset()))
        sizes = Sizes(self.arrays)
        ahead = self._block(self.ahead, state, sizes)
        sizes = sizes_after(self.ahead, sizes)
        comment, *rest = self._block(self.sweep, state, sizes)
        if self.made != self.group or self.spilled is not None:
            raise _Apart
        return (*ahead, comment, *self.rings, *rest)

    def _mentions(self, stmt: Stmt, found: Collection[str]) -> bool:
        return not named_in(stmt).isdisjoint(found)

    def _named(self, *block: Stmt) -> Block:
        """A block with the sum in place of the two."""
        return () if self.proving else renamed(block, {self.two: self.one})

    # ------------------------------------------------------------ statements

    def _block(self, block: Block, state: _State, sizes: Sizes | None) -> list[Stmt]:
        """A block with the two united; ``state`` is brought to its end.

        ``sizes``: what is known of lengths before it, of a block that runs once.
        """
        out: list[Stmt] = []
        for stmt in block:
            if self._mentions(stmt, self.group):
                self._stmt(stmt, state, sizes, out)
            elif self.spilled is not None and self._mentions(stmt, {self.spilled}):
                raise _Apart
            else:
                out.append(stmt)
            if sizes is not None:
                sizes = sizes_after((stmt,), sizes)
        return out

    def _stmt(self, stmt: Stmt, state: _State, sizes: Sizes | None, out: list[Stmt]) -> None:
        """One statement that mentions them."""
        if self._mentions(stmt, self.gone):
            raise _Apart
        if sizes is not None and self._spills(stmt, state, sizes, out):
            return
        if self.spilled is not None:
            raise _Apart
        match stmt:
            case ZerosLike() | Alloc(zeros=True) if sizes is not None:
                out += self._makes(stmt, state, sizes)
            case Bind():
                exchange = self._exchanged(stmt, state)
                if not exchange and out and isinstance(out[-1], Comment):
                    out.pop()
                out += exchange
            case For() if (nest := nest_of(stmt, least=1)) is not None and self._takes(nest):
                out += self._nest(nest, state)
            case For(checkpoints=None) | While():
                self._look(stmt, state)
                out += self._loop(stmt, state)
            case If():
                self._look(stmt, state)
                out += self._branches(stmt, state)
            case Assign() | Store():
                self._look(stmt, state)
                out += self._named(stmt)
            case _:
                raise _Apart

    def _makes(self, stmt: ZerosLike | Alloc, state: _State, sizes: Sizes) -> Block:
        """Where one of them is made, full of zeros; they are of one shape."""
        known = sizes_after((stmt,), sizes.copy())
        rank = self.arrays[self.one][1]
        for other in self.made:
            for axis in range(rank):
                lengths = (known.known(Extent(a, axis)) for a in (stmt.target, other))
                if len(set(lengths)) > 1:
                    raise _Apart
        if stmt.target in self.made:
            raise _Apart
        state.zero[stmt.target] = None
        self.sizes = known
        second = stmt.target in self.pair and self.made & set(self.pair)
        self.made.add(stmt.target)
        return () if second else self._named(stmt)

    def _exchanged(self, stmt: Bind, state: _State) -> Block:
        """An exchange of names: none of the two; the sum's for the third's, if that takes part."""
        sources = dict(zip(stmt.targets, stmt.sources, strict=True))
        ours = {name: sources.pop(name) for name in self.group & set(sources)}
        if set(ours) != set(ours.values()) or self.group & set(sources.values()):
            raise _Apart
        ours = {name: ours.get(name, name) for name in self.group}
        if self.third is not None and ours[self.third] != self.third:
            (idle,) = {ours[name] for name in self.pair} - {self.third}
            still = state.zero[idle]  # what is elsewhere goes with the other one
            sound, third = state.sound, state.sound_third
            state.sound, state.sound_third = _both(third, still), _both(sound, still)
            sources |= {self.third: self.one, self.one: self.third}
        state.zero = {name: state.zero[source] for name, source in ours.items()}
        if not sources:
            return ()
        return (replace(stmt, targets=tuple(sources), sources=tuple(sources.values())),)

    def _loop(self, loop: For | While, state: _State) -> Block:
        """A loop, with what is known at the start of all its iterations."""
        proving, self.proving = self.proving, True
        while True:
            end = state.copy()
            self._block(loop.body, end, None)
            met = _meet(state, end)
            if met == state:
                break
            state.become(met)
        self.proving = proving
        body = self._block(loop.body, state.copy(), None)
        return self._named(with_blocks(loop, (tuple(body),)))

    def _branches(self, stmt: If, state: _State) -> Block:
        ends = [state.copy() for _ in blocks(stmt)]
        parts = [self._block(b, end, None) for b, end in zip(blocks(stmt), ends, strict=True)]
        state.become(functools.reduce(_meet, ends))
        return self._named(with_blocks(stmt, tuple(map(tuple, parts))))

    def _spills(self, stmt: Stmt, state: _State, sizes: Sizes, out: list[Stmt]) -> bool:
        """Whether one of the two is added to the other, or to where the other is added too.

        It is left out then, with the comment before it.
        """
        if not isinstance(stmt, For) or (self.gone and self.spilled is None):
            return False
        for name, other in (self.pair, self.pair[::-1]):
            target = receiver(stmt, name, sizes)
            if target is None or target == self.third or state.sound is not None:
                continue
            if state.zero[other] is None and self.spilled is None:
                continue  # the sum is the one
            if self.spilled is not None:
                if target != self.spilled:
                    return False
                out += self._named(stmt)
                self.spilled = None
                self.gone |= {name, other}
                return True
            if target == other:
                state.zero[name] = None
            else:
                self.spilled = target
            self.gone.add(name)
            if out and isinstance(out[-1], Comment):
                out.pop()
            return True
        return False

    # ------------------------------------------------------------ elements

    def _look(self, stmt: Stmt, state: _State) -> None:
        """What a statement by itself reads and writes of them."""
        found = list(accesses((with_blocks(stmt, tuple(() for _ in blocks(stmt))),)))
        self._take([a for a in found if a.how != "add"], (), state)
        self._add([a for a in found if a.how == "add"], state)
        if isinstance(stmt, Store) and stmt.array in self.group and not is_const(stmt.value, 0.0):
            state.zero[stmt.array] = frozenset()

    def _take(self, found: Iterable[Access], loops: Sequence[For], state: _State) -> None:
        """Elements are read, and set to zero, in a nest of loops."""
        for access in found:
            if access.array not in self.group:
                continue
            region = self._region(access.index, loops)
            self._demand(access.array, region, state)
            if access.how == "store" and region is not None:
                self._clear(access.array, region, state)

    def _clear(self, name: str, region: Region, state: _State) -> None:
        """Elements are zero now."""
        known = state.zero[name]
        lengths = [
            self.sizes.known(unclamped(ends[1])) if len(ends) == 2 and ends[0] == ZERO else None
            for ends in region
        ]
        whole = tuple(lengths) == tuple(map(unclamped, self.sizes.shape(self.one)))
        state.zero[name] = None if whole or known is None else known | {region}

    def _add(self, found: Iterable[Access], state: _State) -> None:
        """Elements are added to."""
        for access in found:
            if access.array in self.group:
                state.zero[access.array] = frozenset()

    def _demand(self, name: str, region: Region | None, state: _State) -> None:
        """That elements of an array of the program are those of what it is now."""
        if name == self.third:
            facts = [state.sound_third]
        else:
            facts = [state.sound, state.zero[self.two if name == self.one else self.one]]
        if any(known is not None and region not in known for known in facts):
            raise _Apart

    def _region(self, index: tuple[Expr, ...], loops: Sequence[For]) -> Region | None:
        """The elements that all iterations of a nest touch; None: it is not said."""
        ranges = {loop.var: (loop.start, loop.stop) for loop in loops}
        out: list[tuple[Expr, ...]] = []
        for expr in index:
            ends: tuple[Expr, ...] = (expr,)
            for counter in [c for c in ranges if offset_from(expr, c) is not None]:
                offset = integer(offset_from(expr, counter) or 0)
                ends = tuple(add(e, offset) for e in ranges.pop(counter))
            read = {n for e in ends for n in names_read(e)}
            loads = any(isinstance(x, Load) for e in ends for x in walk(e))
            if loads or read & self.changing:
                return None
            out.append(ends)
        return None if ranges else tuple(out)

    def _takes(self, nest: Nest) -> bool:
        """Whether a nest does more to them than to add."""
        return any(a.array in self.group and a.how != "add" for a in accesses(nest.body))

    def _is_moved(self, nest: Nest, state: _State) -> bool:
        """Whether a nest only moves elements from one of the pair to the other: the sum stays."""
        body = [s for s in nest.body if not isinstance(s, Comment)]
        match body:
            case [
                Assign(target=seed, value=Load(array=source, index=index)),
                Store(array=cleared, index=there, value=Const() as zero),
                Store(array=target, index=here, value=value),
            ] if {source, target} == set(self.pair) and source == cleared:
                if not index == there == here or not is_const(zero, 0.0):
                    return False
                if added_to(value, Load(target, here, value.kind)) != seed:
                    return False
                region = self._region(index, nest.loops)
                if region is not None:
                    self._clear(source, region, state)
                state.zero[target] = frozenset()
                return True
        return False

    def _nest(self, nest: Nest, state: _State) -> Block:
        """A nest that takes one of them, or the third, and may add to the others."""
        found = [a for a in accesses(nest.body) if a.array in self.pair]
        taken = {a.array for a in found if a.how != "add"}
        added = {a.array for a in found if a.how == "add"}
        if len(taken) > 1 or len(added) > 1 or taken & added:
            raise _Apart
        scatter = Roller(nest, self.shadows, self.aliases, self.names, self.arrays)
        if self._is_moved(nest, state):
            return ()
        here, *others = {scatter.offsets(a.index) for a in found if a.how != "add"} or {None}
        places = {scatter.offsets(a.index) for a in found if a.how == "add"}
        if taken and added:
            if here is None or others or None in places:
                raise _Apart
            if places != {here} and not _is_ordered(nest, here, places):
                raise _Apart
        stores = [s for s in nest.body if isinstance(s, Store) and s.array in taken]
        if len(stores) > 1 or any(not is_const(s.value, 0.0) for s in stores):
            raise _Apart
        every = list(accesses(nest.body))
        self._take([a for a in every if a.how != "add"], nest.loops, state)
        self._add([a for a in every if a.how == "add"], state)
        if not (taken and added) or self.proving:
            return self._named(nest.loops[0])
        (source,), (target,) = taken, added
        core, terms = scatter.core(target)
        core, terms = scatter.left_in_place(source, core, terms)
        neighbours = {offsets: found for offsets, found in terms.items() if offsets != here}
        kept = scatter.kept(core, neighbours)
        assert here is not None
        if here in terms and not {v.name for v in scatter.kept(core, terms)} <= {
            v.name for v in kept
        }:
            (index,) = {a.index for a in found if a.array == source}
            core = _at_once(Load(source, index, self.arrays[source][0]), core, terms[here])
            terms = neighbours
        if not neighbours:
            taken_only = all(isinstance(s, Comment) or _is_load(s, source) for s in core)
            return () if taken_only else self._named(scatter.around(core))
        if not 0 < len(kept) <= KEPT:
            raise _Apart
        if min(offsets[0] for offsets in terms) > here[0]:
            terms = terms | {here: []}  # no row is added to before it is taken
        rings, loops = scatter.written(target, core, terms, kept)
        still = all(not names_read(e) & self.changing for ring in rings for e in ring.shape)
        self.rings += rings if still else ()
        return self._named(*(loops if still else [*rings, *loops]))


def _is_ordered(nest: Nest, here: Offsets, places: Collection[Offsets | None]) -> bool:
    """Whether no row is added to before it is taken, if what is scattered is behind a ring.

    The row that an iteration adds to must not be a later one, nor one that counts from the end.
    """
    first = nest.loops[0].start
    least = min(offsets[0] for offsets in places if offsets is not None)
    begins = isinstance(first, Const) and int(first.value.real) + least >= 0
    return len(nest.loops) > 1 and least <= here[0] and begins


def _at_once(element: Load, core: Block, terms: list[Expr]) -> Block:
    """An iteration that replaces what it takes by what it adds there."""
    kept = tuple(s for s in core if not isinstance(s, Store) or s.array != element.array)
    rest = [element, *terms] if len(kept) == len(core) else terms
    return (*kept, Store(element.array, element.index, functools.reduce(accumulate, rest)))


def _is_load(stmt: Stmt, source: str) -> bool:
    """Whether a statement only names an element of an array."""
    value = stmt.value if isinstance(stmt, Assign) else None
    return isinstance(value, Load) and value.array == source
