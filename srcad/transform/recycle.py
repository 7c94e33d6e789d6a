"""Arrays are made late, in the memory of arrays that nobody reads any more.

The shadows of a gradient are as large as the arrays of the program, and many of these are of no use
by the time when a shadow is needed: what was computed from them has been reversed, or does not ask
for their values. So an array is made where it is first used, and if another one of its kind has
just served its last purpose, it is that one's memory. Where each element is read for the last time
in the same iteration in which the new array gets it, one can follow the other::

    b = np.empty(n)                             b = np.empty(n)
    b_b = np.zeros(n)                           ...
    u_b = np.zeros(n)                           b_b = b
    ...                                         for i in range(n):
    for i in range(n):                  ->          b_b[i] = 2.0 * b[i] * s_b
        b_b[i] += 2.0 * b[i] * s_b              ...
    ...                                         u_b = b_b
    for i in range(n):                          for i in range(n):
        u_b[i] += 3.0 * b_b[i]                      u_b[i] = 3.0 * b_b[i]

It is done with arrays that the function itself makes, once, outside of loops and branches. One that
gives its memory away has no other name and no view, is on no list, and is neither returned nor
given to a function of the user's. Zeros that are added to first are not written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import repeat

from srcad.analysis.flow import (
    bound_in,
    bound_within,
    named_in,
    names_of,
    reads_of,
    times_bound,
)
from srcad.analysis.held import held_arrays
from srcad.analysis.iterations import BY_ELEMENT
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.build import added_to, converted, unclamped, zero_of
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Attempt,
    Bind,
    Block,
    Comment,
    Compare,
    Copy,
    Expr,
    For,
    Function,
    If,
    Load,
    Logic,
    MatMul,
    Reshape,
    Stmt,
    Store,
    Window,
    ZerosLike,
    expressions,
    names_read,
    remembered,
    statements,
    walk,
)
from srcad.ir.rename import renamed
from srcad.ir.types import INT, is_complex, is_inexact, kind_of
from srcad.transform.nest import copied_by, nest
from srcad.transform.reuse import trips

_Making = Alloc | ZerosLike | Copy
_TOUCHING = BY_ELEMENT | Alloc
"""Statements that touch arrays by their elements only."""


def recycle(function: Function, names: Names) -> Function:
    """The function with arrays made late, and in the memory of others."""
    once = _made_once(function)
    if not once or any(isinstance(s, Attempt) for s in statements(function.body)):
        return function
    late = replace(function, body=_late(function, once))
    return replace(late, body=_Recycler(late, once, names).body())


def _made_once(function: Function) -> frozenset[str]:
    """The arrays that the function makes in one place, outside of loops and branches."""
    times = times_bound(function.body)
    made = (s.target for s in function.body if isinstance(s, _Making | MatMul))
    return frozenset(n for n in made if times[n] == 1)


@remembered("_touched")
def _touched(stmt: Stmt) -> frozenset[str]:
    """The names of which a statement uses more than the lengths; nested statements count."""
    return frozenset[str]().union(*map(_touched_by, statements((stmt,))))


def _touched_by(stmt: Stmt) -> set[str]:
    """Those of the statement itself."""
    found = {e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)}
    match stmt:
        case ZerosLike() | Alloc():
            found.add(stmt.target)
        case Store():
            found.add(stmt.array)
        case _ if not isinstance(stmt, _TOUCHING):
            found |= names_of(stmt)
    return found


# ---------------------------------------------------------------- late


def _late(function: Function, once: frozenset[str]) -> Block:
    """The body with shadows, and empty arrays, made before the first statement that has them."""
    body = list(function.body)
    sure = _surely_made(function)
    for k in range(len(body) - 1, -1, -1):
        stmt = body[k]
        if id(stmt) not in sure or not isinstance(stmt, Alloc | ZerosLike):
            continue
        needed = reads_of(stmt)
        place = k + 1
        while place < len(body) and not _ends(body[place], stmt.target, needed):
            place += 1
        if stmt.target in once and k + 1 < place < len(body):
            body.insert(place, stmt)
            del body[k]
    return _in_order(body)


def _in_order(body: list[Stmt]) -> Block:
    """The body, what is made for a statement in the order in which that one touches it."""
    out: list[Stmt] = []
    made: list[Alloc | ZerosLike] = []
    for stmt in body:
        if isinstance(stmt, Alloc | ZerosLike):
            made.append(stmt)
            continue
        if len(made) > 1 and not set[str]().union(*map(reads_of, made)) & {s.target for s in made}:
            seen = [n for s in statements((stmt,)) for n in sorted(_touched_by(s))]
            made.sort(key=lambda s: seen.index(s.target) if s.target in seen else -1)
        out += [*made, stmt]
        made = []
    return (*out, *made)


def _ends(stmt: Stmt, array: str, needed: frozenset[str]) -> bool:
    """Whether a statement mentions an array, or binds what its lengths are made of."""
    return array in named_in(stmt) or not needed.isdisjoint(bound_in(stmt))


def _surely_made(function: Function) -> set[int]:
    """The statements that make an array and certainly raise nothing, by identity."""
    sizes, found, followed = Sizes(function.arrays), set[int](), list[Stmt]()
    for stmt in function.body:
        if isinstance(stmt, ZerosLike):
            found.add(id(stmt))
        elif isinstance(stmt, Alloc):
            sizes_after(followed, sizes)
            followed.clear()
            least = [sizes.range(sizes.known(e))[0] for e in stmt.shape]
            read = any(isinstance(e, Load) for x in stmt.shape for e in walk(x))
            if not read and all(n is not None and n >= 0 for n in least):
                found.add(id(stmt))
        followed.append(stmt)
    return found


# ---------------------------------------------------------------- in the memory of others


class _Recycler:
    def __init__(self, function: Function, once: frozenset[str], names: Names) -> None:
        self.names = names
        self.arrays = function.arrays
        self.once = once
        self.takers = once.difference(p for p in function.parameters if isinstance(p, str))
        self.donors = once - held_arrays(function) - _shown(function)
        self.rest: list[Block] = [(s,) for s in function.body]
        """The statements of the body, each of which may be replaced."""
        self.places: dict[str, list[int]] = {}
        """In which statements each array is touched."""
        for k, stmt in enumerate(function.body):
            for name in _touched(stmt):
                self.places.setdefault(name, []).append(k)
        self.last = {name: places[-1] for name, places in self.places.items()}
        self.reached: dict[int, Sizes] = {}
        """What is known before a statement that first touches an array."""
        self.layouts: dict[str, str] = {}
        self.free: list[str] = []
        """The arrays that can give their memory away once they are done with."""
        self.followed: list[tuple[int, int, str]] = []
        """Where arrays are made that may follow a donor, in which loop, and the donor."""

    def body(self) -> Block:
        """The body with arrays in the memory of others."""
        sizes, followed = Sizes(self.arrays), list[Stmt]()
        for k, found in enumerate(self.rest):
            for stmt in found:
                followed.append(stmt)
                if not isinstance(stmt, _Making | MatMul) or stmt.target not in self.once:
                    continue
                self._lay(stmt)
                if isinstance(stmt, _Making) and stmt.target in self.takers:
                    sizes_after(followed, sizes)
                    followed.clear()
                    self.rest[k] = self._made(stmt, k, sizes)
                if stmt.target in self.donors:
                    self.free.append(stmt.target)
        for place in self.followed:
            self._divide(*place)
        return tuple(s for block in self.rest for s in block)

    def _lay(self, stmt: _Making | MatMul) -> None:
        """Take note of the order of elements in memory: rows, or as an array that was given."""
        like = isinstance(stmt, ZerosLike | Copy) and self.arrays[stmt.target][1] > 1
        source = stmt.source if isinstance(stmt, ZerosLike | Copy) else ""
        self.layouts[stmt.target] = self.layouts.get(source, source) if like else ""

    def _made(self, stmt: _Making, k: int, sizes: Sizes) -> Block:
        """What makes an array: in the memory of one that was done with last, if there is one."""
        name = stmt.target
        kind = kind_of(self.arrays[name][0])
        if not is_inexact(kind) and kind != INT:
            return (stmt,)
        for donor in sorted(self.free, key=lambda n: -self.last[n]):
            found = self._from(stmt, donor, k, sizes) if self._alike(name, donor, sizes) else None
            if found is not None:
                self.free.remove(donor)
                return (*self._taken(name, donor), *found)
        if isinstance(stmt, ZerosLike) and self.arrays[name][1] > 1:  # of a row it is not much
            found = self._if_alike(stmt, k, sizes)
            if found is not None:
                return found
        return (self._unfilled(stmt, k, sizes),)

    def _unfilled(self, stmt: _Making, k: int, sizes: Sizes) -> Stmt:
        """What makes an array, without its zeros where the next loops overwrite all of them."""
        if isinstance(stmt, Copy) or (isinstance(stmt, Alloc) and not stmt.zeros):
            return stmt
        first = self._first(stmt.target, k)
        begun = None if first is None else self._begun(stmt.target, "", True, first, k, sizes)
        if first is None or begun is None:
            return stmt
        self.rest[first] = (begun,)
        filled = {"empty": True} if isinstance(stmt, ZerosLike) else {"zeros": False}
        return replace(stmt, **filled)

    def _taken(self, name: str, donor: str) -> Block:
        return Comment(f"{name} takes the place of {donor}"), Bind((name,), (donor,))

    def _if_alike(self, stmt: ZerosLike, k: int, sizes: Sizes) -> Block | None:
        """What makes an array: in that of which the next loops read all, if lengths are equal."""
        name, first = stmt.target, self._first(stmt.target, k)
        for donor in self.free:
            if first is None or self.last[donor] != first:
                continue
            if self.arrays[name] != self.arrays[donor] or self.layouts[donor]:
                continue
            pairs = zip(sizes.shape(name), sizes.shape(donor), strict=True)
            tests = [Compare("==", a, b) for a, b in pairs if a != b]
            begun = self._begun(name, donor, True, first, k, sizes) if tests else None
            if begun is not None:
                self.rest[first] = (begun,)
                self.free.remove(donor)
                test = Logic("and", tuple(tests)) if len(tests) > 1 else tests[0]
                self.followed.append((k, first, donor))
                return (If(test, self._taken(name, donor), (stmt,), stmt.at),)
        return None

    def _divide(self, k: int, first: int, donor: str) -> None:
        """Have loops in which an array follows a donor, if that is as long, in both branches.

        LLVM would ask whether the two arrays overlap, and take one element after the other where
        they are the same.
        """
        (test,), (loop,) = self.rest[k], self.rest[first]
        assert isinstance(test, If)
        (stmt,) = test.orelse
        assert isinstance(stmt, ZerosLike)
        between = tuple(s for b in self.rest[k + 1 : first] for s in b)
        if isinstance(loop, For) and not any(stmt.target in named_in(s) for s in between):
            inside = renamed((loop,), {donor: stmt.target})
            copied = copied_by(inside[0])
            if copied is not None and (copied.target, copied.to) == (copied.source, copied.at):
                inside = ()
            self.rest[k] = ()
            self.rest[first] = (replace(test, body=(*test.body, *inside), orelse=(stmt, loop)),)

    def _alike(self, one: str, other: str, sizes: Sizes) -> bool:
        """Whether an array can have the memory of another one."""
        order = self.layouts[other] in ("", self.layouts[one])
        same = order and self.arrays[one] == self.arrays[other]
        return same and sizes.shape(one) == sizes.shape(other)

    def _from(self, stmt: _Making, donor: str, k: int, sizes: Sizes) -> Block | None:
        """What follows when an array has the memory of another; None: it cannot have it."""
        name, last = stmt.target, self.last[donor]
        if isinstance(stmt, Copy):
            if stmt.source == donor:
                return () if last == k else None
            source = stmt.source
            return self._filled(name, lambda at, kind: Load(source, at, kind)) if last < k else None
        zeros = not isinstance(stmt, Alloc) or stmt.zeros
        first = self._first(name, k)
        if last < k and not zeros:
            return ()
        if first is not None and (last < k or last == first):
            begun = self._begun(name, donor, zeros, first, k, sizes)
            if begun is not None:
                copied = copied_by(begun)
                itself = copied is not None and (copied.target, copied.source) == (name, donor)
                self.rest[first] = () if itself else (begun,)
                return ()
        return self._filled(name, lambda _, kind: zero_of(kind)) if last < k else None

    def _first(self, name: str, k: int) -> int | None:
        """The statement after the one with number ``k`` that first touches an array."""
        later = (j for j in self.places.get(name, ()) if j > k)
        return next((j for j in later if any(name in _touched(s) for s in self.rest[j])), None)

    def _begun(
        self, name: str, donor: str, zeros: bool, first: int, k: int, sizes: Sizes
    ) -> Stmt | None:
        """The statement that first touches an array, which then need not be zero before."""
        if len(self.rest[first]) != 1:
            return None
        known = self.reached.get(first)
        if known is None:
            between = (s for b in self.rest[k + 1 : first] for s in b)
            known = self.reached[first] = sizes_after(between, sizes.copy())
        return _Start(name, donor, zeros).of(self.rest[first][0], {}, known)

    def _filled(self, name: str, value: Callable[[tuple[Expr, ...], str], Expr]) -> Block:
        """Loops that give every element of an array a value."""
        dtype, rank = self.arrays[name]
        kind = kind_of(dtype)
        return tuple(nest(self.names, name, rank, lambda at: [Store(name, at, value(at, kind))]))


def _shown(function: Function) -> set[str]:
    """Arrays that there are views of."""
    return {s.source for s in statements(function.body) if isinstance(s, Window | Reshape)}


@dataclass(frozen=True)
class _Start:
    """Loops that give each element of an array its first value, and read a donor before."""

    name: str
    donor: str
    """The array whose memory it has; empty: it has its own."""
    zeros: bool
    """Whether the array is zero before."""

    def of(self, stmt: Stmt, around: dict[Expr, Expr], sizes: Sizes) -> Stmt | None:
        """The statement with values in place of sums into zeros; None: it is no such loops.

        ``around``: the counters of the loops around it, and how many values each has.
        """
        if not isinstance(stmt, For) or stmt.var.name in bound_within(stmt) or stmt.parallel:
            return None
        inside = sizes_inside(stmt, sizes)
        length = trips(stmt, inside)
        arrays = {self.name, self.donor}
        places = [k for k, s in enumerate(stmt.body) if not arrays.isdisjoint(_touched(s))]
        if length is None or names_read(length) & bound_in(stmt) or not places:
            return None
        around = {**around, stmt.var: length}
        first = places[0]
        if len(places) == 1 and isinstance(stmt.body[first], For):
            inside = sizes_after(stmt.body[:first], inside)
            begun = self.of(stmt.body[first], around, inside)
        else:
            first = next(k for k in places if self.name in _touched(stmt.body[k]))
            begun = self._begun(stmt.body, first, around, inside)
        if begun is None:
            return None
        return replace(stmt, body=(*stmt.body[:first], begun, *stmt.body[first + 1 :]))

    def _begun(
        self, body: Block, first: int, around: dict[Expr, Expr], sizes: Sizes
    ) -> Stmt | None:
        """The statement of an iteration that first touches the array, as said above."""
        stmt = body[first]
        if not isinstance(stmt, Store) or stmt.array != self.name:
            return None
        index, later = stmt.index, body[first + 1 :]
        shape = sizes.shape(self.donor or self.name)
        lengths = list(map(unclamped, shape))
        whole = (
            len(around) == len(index) == len(set(index))
            and [around.get(e) for e in index] == lengths
        )
        if not whole or any(self.donor in _touched(s) for s in later):
            return None
        arrays = {self.name, self.donor}
        touching = (s for s in statements(body) if not arrays.isdisjoint(_touched(s)))
        if not all(map(self._at, touching, repeat(index))):
            return None
        own = Load(self.name, index, stmt.value.kind)
        term = added_to(stmt.value, own) if self.zeros else None
        if term is None:
            return None if self.name in names_read(stmt.value) else stmt
        return replace(stmt, value=converted(term, own.kind) if is_complex(own.kind) else term)

    def _at(self, stmt: Stmt, index: tuple[Expr, ...]) -> bool:
        """Whether a statement touches the two arrays, if at all, at this place."""
        if not isinstance(stmt, _TOUCHING):
            return not {self.name, self.donor} & _touched(stmt)
        found = [e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)]
        found += [Load(stmt.array, stmt.index, "")] if isinstance(stmt, Store) else []
        return all(e.index == index for e in found if e.array in (self.name, self.donor))
