"""Elements that are overwritten twice: what lay between is computed again, not saved.

A solver eliminates forward and substitutes back, in place. What the first loop leaves in an element
is overwritten by the second one, and the reverse sweep needs both. But the second loop runs against
the first, so that its reversal runs along with it, and meets the elements in the order in which
they were made, each with the neighbours that it was made of::

    for i in range(1, n - 1):                   for i in range(1, n - 1):   # the second, reversed
        x[i] = c[i] * (d[i] + x[i - 1])             x[i] = x_tape[i - 1]
    for i in range(n - 2, 0, -1):                   c_b[i] += x[i + 1] * x_b[i]
        x[i] += c[i] * x[i + 1]                     x_b[i + 1] += c[i] * x_b[i]

There ``x[i] = c[i] * (d[i] + x[i - 1])`` puts back what ``x_tape`` held, to the bit. So it is done
where a statement of a few operations made the element, from what nobody changes until the element
is overwritten: from other arrays, and from elements of the same array that are made before it and
overwritten after it, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from srcad.analysis.alias import Sites
from srcad.analysis.flow import assigned, writes_of
from srcad.analysis.iterations import Bounds, is_still, offset_from
from srcad.analysis.places import arrays_written
from srcad.analysis.sizes import difference
from srcad.ir.build import ONE, add, integer
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Call,
    Expr,
    For,
    Load,
    Select,
    Stmt,
    Store,
    Unary,
    Var,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
)
from srcad.ir.rename import with_expressions
from srcad.transform.cost import dear_calls

_OPERATIONS = 24
"""At most so many operations make an element that is not saved."""
_APART = 64
"""At most so many statements apart stand the loops that make and overwrite it."""
_BACKWARDS = integer(-1)


@dataclass(frozen=True)
class Maker:
    """What makes the element that a store overwrites, in terms of the counters of that store."""

    steps: tuple[Assign, ...]
    value: Expr


@dataclass(frozen=True)
class _Nest:
    """A store of a block, in counted loops only, and what is assigned on the way to it."""

    store: Store
    loops: tuple[For, ...]
    steps: tuple[Assign, ...]
    inner: frozenset[int]
    """The steps (by id) that stand in the block of the store."""


def remade(body: Block, sites: Sites, saved: Collection[int]) -> dict[int, Maker]:
    """The stores (by identity) that overwrite such elements, and what makes these.

    ``saved`` are the stores that are asked about: those whose elements would be saved.
    """
    search = _Search(sites, Bounds(body), saved)
    search.block(body)
    return search.found


class _Search:
    def __init__(self, sites: Sites, bounds: Bounds, saved: Collection[int]) -> None:
        self.sites = sites
        self.bounds = bounds
        self.saved = saved
        self.found: dict[int, Maker] = {}

    def block(self, block: Block) -> None:
        latest: dict[str, int] = {}
        for k, stmt in enumerate(block):
            if isinstance(stmt, For):
                with self.bounds.within(stmt):
                    self.block(stmt.body)
            else:
                for part in blocks(stmt):
                    self.block(part)
            for store in (s for s in statements((stmt,)) if id(s) in self.saved):
                assert isinstance(store, Store)
                first = max(latest.get(site, -1) for site in self.family(store.array))
                if first >= 0 and k - first <= _APART:
                    self._pair(store, block[first : k + 1])
            latest |= dict.fromkeys(self.written((stmt,)), k)

    def _pair(self, store: Store, block: Block) -> None:
        """See whether the first statement of a block makes what a store in the last overwrites."""
        made = [s for s in statements(block[:1]) if isinstance(s, Store) and s.array == store.array]
        family = self.family(store.array)
        writers = [
            s for s in statements(block) for a in arrays_written(s) if self.family(a) & family
        ]
        if len(made) != 1 or len(writers) != 2:
            return
        one, two = _nest(made[0], block[0], (), ()), _nest(store, block[-1], (), ())
        maker = None if one is None or two is None else _Pair(one, two, block, self).maker()
        if maker is not None:
            self.found[id(store)] = maker

    def family(self, array: str) -> frozenset[str]:
        """The arrays that a name may denote."""
        return self.sites.get(array, frozenset((array,)))

    def written(self, block: Block) -> set[str]:
        """The arrays that the statements of a block write."""
        names = (a for s in statements(block) for a in arrays_written(s))
        return {site for name in names for site in self.family(name)}


def _nest(
    store: Store, stmt: Stmt, loops: tuple[For, ...], steps: tuple[Assign, ...]
) -> _Nest | None:
    """The nest of a store that stands in a statement."""
    if stmt is store:
        return _Nest(store, loops, steps, frozenset())
    if not isinstance(stmt, For) or stmt.until is not None or stmt.checkpoints is not None:
        return None
    if stmt.step not in (ONE, _BACKWARDS) or stmt.var.name in assigned(stmt.body):
        return None
    before: list[Assign] = []
    for inner in stmt.body:
        if any(s is store for s in statements((inner,))):
            found = _nest(store, inner, (*loops, stmt), (*steps, *before))
            if found is not None and inner is store:
                found = replace(found, inner=frozenset(map(id, before)))
            return found
        if isinstance(inner, Assign):
            before.append(inner)
    return None


@dataclass
class _Pair:
    """A store that makes elements, and one that overwrites them, as parts of one block."""

    made: _Nest
    over: _Nest
    block: Block
    """From the statement with the one to the statement with the other."""
    search: _Search

    def maker(self) -> Maker | None:
        """What makes an element, where that can be run again just before it is overwritten."""
        changing = assigned(self.block)
        counters = self._counters(changing)
        if counters is None or self.made.store.array in changing:
            return None
        steps = self._steps()
        kept = {s.target.name for s in steps} | {c.var.name for c in self.made.loops}
        exprs = [s.value for s in steps] + [self.made.store.value]
        read = set[str]().union(*map(names_read, exprs))
        if read & changing - kept or not self._is_simple(exprs):
            return None
        early = [s.value for s in steps if id(s) not in self.made.inner]
        if not self._is_as_it_was(exprs) or self._own(early):
            return None
        if not all(map(self._is_between, self._own(exprs))):
            return None

        def moved(expr: Expr) -> Expr:
            if isinstance(expr, Var) and expr.name in counters:
                return counters[expr.name]
            parts = children(expr)
            return rebuild(expr, tuple(map(moved, parts))) if parts else expr

        new = with_expressions(steps, moved)
        return Maker(tuple(s for s in new if isinstance(s, Assign)), moved(self.made.store.value))

    # ------------------------------------------------------------ the same elements

    def _counters(self, changing: set[str]) -> dict[str, Expr] | None:
        """The counters of the first nest by those of the second, if they run over one box."""
        free, left = list(self.made.loops), list(self.over.loops)
        out: dict[str, Expr] = {}
        indices = zip(self.made.store.index, self.over.store.index, strict=True)
        for one, two in indices:
            a, b = _counter_of(one, free), _counter_of(two, left)
            if a is None and b is None:
                if one != two or not is_still(one, changing):
                    return None
                continue
            if a is None or b is None:
                return None
            (loop, ahead), (other, more) = a, b
            low, high = _ends(loop)
            if not is_still(loop.start, changing) or not is_still(loop.stop, changing):
                return None
            if (add(low, integer(ahead)), add(high, integer(ahead))) != tuple(
                add(end, integer(more)) for end in _ends(other)
            ):
                return None
            least = self.search.bounds.least(add(low, integer(ahead)))
            if least is None or least < 0:
                return None  # negative ones count from the end
            free.remove(loop)
            left.remove(other)
            out[loop.var.name] = add(other.var, integer(more - ahead))
        return None if free or left else out

    # ------------------------------------------------------------ what makes an element

    def _steps(self) -> tuple[Assign, ...]:
        """What is assigned in the first nest for the value that is stored."""
        needed, out = names_read(self.made.store.value), list[Assign]()
        times = [n for s in statements(self.block[:1]) for n in writes_of(s)]
        for step in reversed(self.made.steps):
            name = step.target.name
            if name in needed and times.count(name) == 1:
                needed = needed - {name} | names_read(step.value)
                out.append(step)
        out = [s for s in out if s.target.name not in needed]  # one that reads what it was before
        return tuple(reversed(out))

    def _is_simple(self, exprs: list[Expr]) -> bool:
        """Whether to compute it again takes little."""
        stored = [Store("", (), e) for e in exprs]
        operations = Binary | Unary | Call | Select
        count = sum(isinstance(e, operations) for x in exprs for e in walk(x))
        return count <= _OPERATIONS and not any(map(dear_calls, stored))

    # ------------------------------------------------------------ what it is made of

    def _is_as_it_was(self, exprs: list[Expr]) -> bool:
        """Whether nobody writes other arrays that it is made of."""
        array = self.made.store.array
        loaded = {e.array for x in exprs for e in walk(x) if isinstance(e, Load)} - {array}
        sites = {site for a in loaded for site in self.search.family(a)}
        return not sites & self.search.written(self.block)

    def _own(self, exprs: list[Expr]) -> list[Load]:
        """The elements of the same array that it is made of."""
        loads = [e for x in exprs for e in walk(x) if isinstance(e, Load)]
        return [e for e in loads if e.array == self.made.store.array]

    def _is_between(self, load: Load) -> bool:
        """Whether an element is made before and overwritten after the one that is made of it.

        So the second nest must run against the first. If it does not wait for its own elements,
        it is faster without that.
        """
        if not self._own(list(expressions(self.over.store))):
            return False
        ahead: dict[int, int] = {}
        for axis, (place, own) in enumerate(zip(load.index, self.made.store.index, strict=True)):
            loops = list(self.made.loops)
            found, apart = _counter_of(own, loops), difference(place, own)
            least = self._least(place)
            if apart is None or least is None or least < 0:
                return False
            if found is None and apart:
                least = self.search.bounds.least(own)
                return least is not None and least >= 0  # elements that neither nest writes
            ahead[axis] = apart
        return self._first(self.made, ahead) < 0 < self._first(self.over, ahead)

    def _least(self, index: Expr) -> int | None:
        """A lower bound of an index in the first nest."""
        bounds = self.search.bounds
        for loop in self.made.loops:
            found = offset_from(index, loop.var)
            if found is not None:
                least = bounds.least(_ends(loop)[0])
                return None if least is None else least + found
        return bounds.least(index)

    def _first(self, nest: _Nest, ahead: dict[int, int]) -> int:
        """How far ahead of another one an element is, in the outermost loop that tells."""
        for loop in nest.loops:
            for axis, apart in ahead.items():
                if offset_from(nest.store.index[axis], loop.var) is not None and apart:
                    return apart if loop.step == ONE else -apart
        return 0


def _counter_of(index: Expr, loops: list[For]) -> tuple[For, int] | None:
    """The loop that an index counts with, and how far ahead of its counter it is."""
    found = ((loop, offset_from(index, loop.var)) for loop in loops)
    return next(((loop, ahead) for loop, ahead in found if ahead is not None), None)


def _ends(loop: For) -> tuple[Expr, Expr]:
    """The least value of the counter of a loop, and the one after the greatest."""
    if loop.step == ONE:
        return loop.start, loop.stop
    return add(loop.stop, ONE), add(loop.start, ONE)
