"""Elements that are written again before anybody reads them are not put back.

Reversal puts back what a statement overwrote. Where the next statement to be reversed wrote to the
same elements, they are put back twice, and the first time is for nothing; what it read of a tape
was saved for nothing::

    for t in range(n):                          for t in range(n):
        for i in range(m):                          for i in range(m):
            x_tape[t, i] = x[i]
            x[i] += h * v[i]                            x[i] += h * v[i]
        ...                                         ...
        for i in range(m):                          for i in range(m):
            x_tape_1[t, i] = x[i]                       x_tape_1[t, i] = x[i]
            x[i] += h * v[i]                            x[i] += h * v[i]
    for t in range(n - 1, -1, -1):       ->     for t in range(n - 1, -1, -1):
        for i in range(m):                          for i in range(m):
            x[i] = x_tape_1[t, i]                       x[i] = x_tape_1[t, i]
            v_b[i] += h * x_b[i]                        v_b[i] += h * x_b[i]
        ...                                         ...
        for i in range(m):                          for i in range(m):
            x[i] = x_tape[t, i]
            v_b[i] += h * x_b[i]                        v_b[i] += h * x_b[i]

What is written is an element, or what loops write whose ranges stay the same. From there on the
program is followed, around the loops and past their ends, up to a statement that writes the same
elements again. On no way may there be one before that reads of the array other than elements that
are certainly others: those of ``j < i``, when a loop over ``i`` goes down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, bound_in, bound_within, named_in, names_of
from srcad.analysis.iterations import BY_ELEMENT, span
from srcad.analysis.sizes import difference, with_offset
from srcad.ir.build import ONE, add, integer, sub
from srcad.ir.nodes import (
    Attempt,
    Block,
    Const,
    Expr,
    For,
    Function,
    Load,
    Stmt,
    Store,
    Var,
    While,
    ZerosLike,
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
from srcad.transform.cost import tapes_of


def unread(function: Function) -> Function:
    """The function without restoring elements that are stored again before they are read."""
    tapes = tapes_of(function)
    dead = unread_stores(function, lambda s: isinstance(s.value, Load) and s.value.array in tapes)
    return replace(function, body=without(function.body, dead)) if dead else function


def unread_stores(function: Function, wanted: Callable[[Store], bool]) -> set[int]:
    """Those of the ``wanted`` stores, by identity, whose elements are written again unread."""
    if any(isinstance(s, Attempt) for s in statements(function.body)):
        return set()
    finder = _Finder(function, wanted)
    finder.block(function.body, None)
    return finder.dead


def without(block: Block, dead: set[int]) -> Block:
    """The block without some statements, by identity."""
    out: list[Stmt] = []
    for stmt in block:
        if id(stmt) in dead:
            continue
        parts = tuple(without(b, dead) for b in blocks(stmt))
        same = all(a is b for a, b in zip(parts, blocks(stmt), strict=True))
        out.append(stmt if same else with_blocks(stmt, parts))
    return tuple(out)


_DEEP = 4
"""How many loops are looked through for the bounds of a counter."""
_Loops = tuple[For, ...]


@dataclass(frozen=True)
class _Limit:
    """A counter is at least, or at most, so much."""

    counter: Var
    least: bool
    bound: Expr


@dataclass(frozen=True)
class _Place:
    """A place in the program: behind a statement of a block."""

    block: Block
    next: int
    """The number of the statement that follows."""
    owner: Stmt | None
    """The loop or branch that the block belongs to."""
    outer: _Place | None
    """Behind that one."""

    def loops(self) -> tuple[For, ...]:
        """The loops around it, innermost first."""
        found = (self.owner,) if isinstance(self.owner, For) else ()
        return found + (self.outer.loops() if self.outer is not None else ())


@dataclass(frozen=True)
class _Region:
    """Elements of an array: of an index made of counters, each with its range.

    A counter of which the iteration is over is named ``i then``; what it was is known by limits.
    """

    array: str
    index: tuple[Expr, ...]
    spans: tuple[tuple[Expr, Expr], ...]
    limits: tuple[_Limit, ...] = ()

    def names(self) -> set[str]:
        """What they depend on."""
        limits = (e for limit in self.limits for e in (limit.counter, limit.bound))
        found = [*self.index, *(e for s in self.spans for e in s), *limits]
        return set[str]().union(*map(names_read, found))

    def after(self, loop: For) -> tuple[_Region, tuple[_Limit, ...]] | None:
        """The elements when an iteration is over, and what is so in later ones.

        None: that cannot be said, as the loop changes more than its counter.
        """
        changing, ends = bound_in(loop) & self.names(), span(loop)
        if not changing:
            return self, ()
        inside = assigned(loop.body)
        if ends is None or inside & {loop.var.name, *_names(ends)} or changing & inside:
            return None
        then = Var(f"{loop.var.name} then", INT)

        def over(expr: Expr) -> Expr:
            return then if expr == loop.var else rebuild(expr, tuple(map(over, children(expr))))

        least, most = ends[0], sub(ends[1], ONE)
        limits = [_Limit(x.counter, x.least, over(x.bound)) for x in self.limits]
        own = [_Limit(then, True, least), _Limit(then, False, most)]
        spans = tuple((over(a), over(b)) for a, b in self.spans)
        index = tuple(map(over, self.index))
        now = add(loop.var, ONE) if loop.step != ONE else sub(loop.var, ONE)
        later = _Limit(then, loop.step != ONE, now)
        return _Region(self.array, index, spans, (*limits, *own)), (later,)


_Numbers = dict[str, list[int]]
"""Numbers of statements, by what they name or bind."""


def _numbers(block: Block, names: Callable[[Stmt], Set[str]]) -> _Numbers:
    found: _Numbers = {}
    for k, stmt in enumerate(block):
        for name in names(stmt):
            found.setdefault(name, []).append(k)
    return found


class _Finder:
    """Finds stores of what a tape holds that nobody reads."""

    def __init__(self, function: Function, wanted: Callable[[Store], bool]) -> None:
        self.wanted = wanted
        self.exports = frozenset(function.exports)
        self.sites = points_to(function.body, set(function.arrays))
        self.aliases = Aliases(function.body, self.sites)
        self.dead: set[int] = set()
        self.known: dict[int, tuple[Stmt, set[str], frozenset[str]]] = {}
        """What statements read of arrays, and what they bind, by identity."""
        self.numbers: dict[int, tuple[Block, _Numbers, _Numbers]] = {}
        """Which statements of a block name something, and which bind it, by its identity."""

    def block(self, block: Block, outer: _Place | None, owner: Stmt | None = None) -> None:
        """Look at the stores of a block."""
        for k, stmt in enumerate(block):
            place = _Place(block, k + 1, owner, outer)
            for store, region in _written(stmt):
                if not self.wanted(store):
                    continue
                alone = stmt is store or self._reads_before(stmt, store)
                if alone and self._unread(region, place):
                    self.dead.add(id(store))
            for inner in blocks(stmt):
                self.block(inner, place, stmt)

    def _unread(self, region: _Region, place: _Place) -> bool:
        """Whether, from a place on, the elements are written again before they are read."""
        found = self._unread_in(place.block, slice(place.next, None), region, place.loops())
        if found is not None:
            return found
        owner, outer = place.owner, place.outer
        if owner is None or outer is None:
            sites = self.sites.get(region.array, frozenset((region.array,)))
            given = {s for n in self.exports for s in self.sites.get(n, frozenset((n,)))}
            return not sites & given
        if isinstance(owner, For):
            after = region.after(owner)
            if after is None:
                return False
            region, later = after
            again = replace(region, limits=(*region.limits, *later))
            steps = slice(None) if later else slice(place.next)
            if self._unread_in(place.block, steps, again, place.loops()) is False:
                return False
        elif isinstance(owner, While):
            if bound_in(owner) & region.names() or self._reads_in(owner.test, region.array):
                return False
            steps = slice(place.next)
            if self._unread_in(place.block, steps, region, place.loops()) is False:
                return False
        return self._unread(region, outer)

    def _unread_in(self, block: Block, steps: slice, region: _Region, loops: _Loops) -> bool | None:
        """Whether steps of a block do not read the elements; True: they write them again before."""
        names = region.names()
        for stmt in self._concerned(block, steps, region.array, names):
            if self._covers(stmt, region):
                return True
            _, _, bound = self._uses(stmt)
            if region.array in bound or bound & names:
                return False
            if self._reads(stmt, region.array) and not self._misses(stmt, region, loops):
                return False
        return None

    def _concerned(self, block: Block, steps: slice, array: str, names: Set[str]) -> list[Stmt]:
        """Those steps of a block that name what may be the array, or bind one of the names."""
        if id(block) not in self.numbers:
            self.numbers[id(block)] = block, _numbers(block, named_in), _numbers(block, bound_in)
        _, naming, binding = self.numbers[id(block)]
        found = {k for name in self.aliases.sharing(array) for k in naming.get(name, ())}
        found |= {k for name in names for k in binding.get(name, ())}
        wanted = range(len(block))[steps]
        return [block[k] for k in sorted(found) if k in wanted]

    def _covers(self, stmt: Stmt, region: _Region) -> bool:
        """Whether a statement writes all of the elements, and reads none of the array before."""
        found = [s for s, r in _written(stmt) if r == region and id(s) not in self.dead]
        if not found:
            return False
        if stmt is found[0]:
            return not any(self._reads_in(e, region.array) for e in expressions(stmt))
        return not self._reads(stmt, region.array)

    def _misses(self, stmt: Stmt, region: _Region, loops: _Loops) -> bool:
        """Whether a statement certainly reads other elements only; ``loops`` are around it."""
        if not isinstance(stmt, BY_ELEMENT):
            return not self._reads(stmt, region.array)
        loads = [e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)]
        read = [e for e in loads if self.aliases.may(e.array, region.array)]
        if not all(e.array == region.array and _apart(region, e.index, loops) for e in read):
            return False
        inner = (stmt, *loops) if isinstance(stmt, For) else loops
        return all(self._misses(s, region, inner) for b in blocks(stmt) for s in b)

    def _reads(self, stmt: Stmt, array: str) -> bool:
        """Whether a statement may read elements of an array, or names it as a whole."""
        _, names, _ = self._uses(stmt)
        return not names.isdisjoint(self.aliases.sharing(array))

    def _reads_before(self, nest: Stmt, store: Store) -> bool:
        """Whether a nest reads, of the array of its store, that element and before it at most."""
        before = True
        for stmt in statements((nest,)):
            loads = [e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)]
            read = [e for e in loads if self.aliases.may(e.array, store.array)]
            own = before and all((e.array, e.index) == (store.array, store.index) for e in read)
            before = before and stmt is not store
            if read and not own:
                return False
            if not isinstance(stmt, BY_ELEMENT) and self._reads(stmt, store.array):
                return False
        return True

    def _uses(self, stmt: Stmt) -> tuple[Stmt, set[str], frozenset[str]]:
        """The statement, the arrays that it reads, and the names that it binds."""
        if id(stmt) not in self.known:
            self.known[id(stmt)] = stmt, _read(stmt), bound_in(stmt)
        return self.known[id(stmt)]

    def _reads_in(self, expr: Expr, array: str) -> bool:
        loads = (e.array for e in walk(expr) if isinstance(e, Load))
        return not self.aliases.sharing(array).isdisjoint(loads)


def _read(stmt: Stmt) -> set[str]:
    """The arrays of which a statement, or one in it, reads elements, or which it names whole."""
    found: set[str] = set()
    for s in statements((stmt,)):
        found |= {e.array for x in expressions(s) for e in walk(x) if isinstance(e, Load)}
        if isinstance(s, ZerosLike):
            found.add(s.target)
        elif not isinstance(s, BY_ELEMENT):
            found |= names_of(s)
    return found


def _written(stmt: Stmt) -> list[tuple[Store, _Region]]:
    """The stores of a statement, or of a nest of loops, with the elements that they write."""
    spans: list[tuple[Expr, Expr]] = []
    counters: list[Var] = []
    block: Block = (stmt,)
    while True:
        stores = [s for s in block if isinstance(s, Store)]
        loops = [s for s in block if isinstance(s, For)]
        if stores or len(loops) != 1:
            break
        (loop,) = loops
        ends = None if loop.until is not None or loop.parallel else span(loop)
        changing = bound_within(loop)
        if ends is None or loop.var.name in changing or loop.var in counters:
            return []
        counters.append(loop.var)
        if any(names_read(e) & (changing | {v.name for v in counters}) for e in ends):
            return []
        spans.append(ends)
        block = loop.body
    inside = assigned(block)
    found: list[tuple[Store, _Region]] = []
    for store in stores:
        used = set[str]().union(*map(names_read, store.index)) if store.index else set()
        if used & inside or any(isinstance(e, Load) for x in store.index for e in walk(x)):
            continue
        if not spans:
            found.append((store, _Region(store.array, store.index, ())))
        elif set(counters) <= set(store.index):
            found.append((store, _region(store, counters, spans)))
    return found


def _region(store: Store, counters: list[Var], spans: list[tuple[Expr, Expr]]) -> _Region:
    """What a store writes in loops, with counters by their axes and not by their names."""
    at = {v: store.index.index(v) for v in counters}
    named = {v: Var(f"axis {axis}", INT) for v, axis in at.items()}
    index = tuple(named.get(e, e) if isinstance(e, Var) else e for e in store.index)
    ranges = tuple(s for _, s in sorted(zip(at.values(), spans, strict=True), key=lambda p: p[0]))
    return _Region(store.array, index, ranges)


# ---------------------------------------------------------------- elements that are others


def _apart(region: _Region, index: tuple[Expr, ...], loops: _Loops) -> bool:
    """Whether an index is certainly of none of the elements, in these loops."""
    limits = list(region.limits)
    for k, loop in enumerate(loops):
        ends = span(loop)
        fixed = bound_within(loop) | {x.var.name for x in loops[:k]}
        if ends is not None and not fixed & {loop.var.name, *_names(ends)}:
            limits += [_Limit(loop.var, True, ends[0]), _Limit(loop.var, False, sub(ends[1], ONE))]
    return any(
        _is_more(a, b, limits) or _is_more(b, a, limits)
        for a, b in zip(region.index, index, strict=True)
    )


def _is_more(a: Expr, b: Expr, limits: list[_Limit]) -> bool:
    """Whether ``a > b``, and both count from the start of an axis."""
    low, high = list(_bounds(a, True, limits)), list(_bounds(b, False, limits))
    gaps = (difference(x, y) for x in low for y in high)
    if not any(gap is not None and gap > 0 for gap in gaps):
        return False
    return any(isinstance(x, Const) and x.value >= 0 for x in _bounds(b, True, limits))


def _bounds(expr: Expr, least: bool, limits: list[_Limit], depth: int = _DEEP) -> Iterator[Expr]:
    """What an integer is at least, or at most, seen from further and further outside."""
    yield expr
    counter, offset = with_offset(expr)
    for limit in limits if depth else ():
        if limit.counter == counter and limit.least == least:
            yield from _bounds(add(limit.bound, integer(offset)), least, limits, depth - 1)


def _names(exprs: Iterable[Expr]) -> set[str]:
    return set[str]().union(*map(names_read, exprs))
