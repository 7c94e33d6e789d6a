"""Zeros that are overwritten are not written.

An array of adjoints that serves every iteration of a loop is zero when an iteration begins, and is
set to zero again when it ends. Where the first thing that an iteration does to each element is to
add to it, it can as well be assigned, and nobody finds what was there before::

    w_b = np.zeros(n)                           w_b = np.zeros(n)
    for t in range(m):                          for t in range(m):
        for j in range(n):                          for j in range(n):
            w_b[j] += c * v_b[j]        ->              w_b[j] = c * v_b[j]
        for j in range(n):                          for j in range(n):
            u_b[j] += a[j] * w_b[j]                     u_b[j] += a[j] * w_b[j]
            w_b[j] = 0.0

The same goes for elements by number that are added to after a loop that fills a whole array with
zeros; the loop then begins after them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import Bounds, is_still, span
from srcad.ir.build import ONE, ZERO, added_to, converted, integer, is_const
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    Function,
    If,
    IndexCheck,
    Load,
    Stmt,
    Store,
    While,
    ZerosLike,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import is_complex


def overwrite(function: Function) -> Function:
    """The function with assignments in place of additions to zeros, and without the zeros."""
    aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))
    alone = frozenset(
        a
        for a, (_, rank) in function.arrays.items()
        if rank == 1
        and a not in function.exports
        and aliases.sharing(a) & function.arrays.keys() == {a}
    )
    return replace(function, body=_Overwriter(function.body, alone).block(function.body))


class _Overwriter:
    def __init__(self, body: Block, alone: frozenset[str]) -> None:
        self.bounds = Bounds(body)
        self.alone = alone
        self.named = Counter(n for s in statements(body) for n in names_of(s) & alone)

    def block(self, block: Block) -> Block:
        out = [with_blocks(s, tuple(map(self.block, blocks(s)))) if blocks(s) else s for s in block]
        used = _Uses(out, self.alone)
        for k, stmt in enumerate(out):
            match stmt:
                case ZerosLike(target=array) | Alloc(target=array, zeros=True):
                    loop = self._only_user(array, out, k, used)
                    if loop is not None:
                        stmt = out[loop]
                        assert isinstance(stmt, For | While)
                        body = _each_iteration(stmt.body, array, self.bounds)
                        out[loop] = replace(stmt, body=body)
                        used.changed(out, loop)
                case For() if (filled := _filled(stmt)) in self.alone and filled is not None:
                    old, out[k:] = out[k:], list(_after_filling(stmt, tuple(out[k + 1 :]), filled))
                    for j, (one, other) in enumerate(zip(old, out[k:], strict=True), k):
                        if one is not other:
                            used.changed(out, j)
        return tuple(out)

    def _only_user(self, array: str, block: list[Stmt], made: int, used: _Uses) -> int | None:
        """The place of the loop in which an array is used, if it is nowhere else."""
        users = [k for k in used.places[array] if k != made and _mentions(block[k], array)]
        if array not in self.alone or len(users) != 1 or used.named[array] != self.named[array]:
            return None
        return users[0] if users[0] > made and isinstance(block[users[0]], For | While) else None


class _Uses:
    """Where arrays are named in a block, nested blocks included."""

    def __init__(self, block: list[Stmt], arrays: frozenset[str]) -> None:
        self.arrays = arrays
        self.named: Counter[str] = Counter()
        """How many statements name an array."""
        self.places: defaultdict[str, set[int]] = defaultdict(set)
        """In which statements of the block itself it is named."""
        self.counts: list[Counter[str]] = []
        for k in range(len(block)):
            self.counts.append(Counter())
            self.changed(block, k)

    def changed(self, block: list[Stmt], k: int) -> None:
        """Take note of another statement in place k."""
        self.named.subtract(self.counts[k])
        for name in self.counts[k]:
            self.places[name].discard(k)
        inner = statements((block[k],))
        self.counts[k] = Counter(n for s in inner for n in names_of(s) & self.arrays)
        self.named.update(self.counts[k])
        for name in self.counts[k]:
            self.places[name].add(k)


def _mentions(stmt: Stmt, array: str) -> bool:
    """Whether a statement, or one inside of it, names an array; its shape does not count."""
    return any(_names(s, array) for s in statements((stmt,)))


def _names(stmt: Stmt, array: str) -> bool:
    if array not in names_of(stmt):
        return False
    match stmt:
        case Store() if stmt.array == array:
            return True
        case Assign() | Store() | Alloc() | Check() | IndexCheck() | For() | While() | If():
            made = isinstance(stmt, Alloc) and stmt.target == array
            parts = (e for x in expressions(stmt) for e in walk(x))
            return made or any(isinstance(e, Load) and e.array == array for e in parts)
        case ZerosLike():
            return stmt.target == array
    return True


# ---------------------------------------------------------------- arrays of each iteration


def _each_iteration(body: Block, array: str, bounds: Bounds) -> Block:
    """A loop's body without the zeros with which it leaves the array, which it finds as zeros."""
    users = [k for k, s in enumerate(body) if _mentions(s, array)]
    if not users:
        return body
    first, last = body[users[0]], body[users[-1]]
    if not isinstance(first, For) or not isinstance(last, For):
        return body
    adding, zeroing = _first_addition(first, array), _last_zero(last, array)
    if adding is None or zeroing is None or not _same_range(first, last, body, bounds):
        return body
    out = list(body)
    stmt = first.body[adding]
    assert isinstance(stmt, Store)
    made = [*first.body]
    made[adding] = _assigned(stmt)
    if first is last:
        del made[zeroing]
        out[users[0]] = replace(first, body=tuple(made))
        return tuple(out)
    out[users[0]] = replace(first, body=tuple(made))
    rest = (*last.body[:zeroing], *last.body[zeroing + 1 :])
    if any(not isinstance(s, Comment) for s in rest):
        out[users[-1]] = replace(last, body=rest)
    else:
        del out[users[-1]]
    return tuple(out)


def _first_addition(loop: For, array: str) -> int | None:
    """Where a loop first touches the array: where it adds to the element of each iteration."""
    k = next((k for k, s in enumerate(loop.body) if _mentions(s, array)), None)
    if k is None or not _own_elements(loop, array):
        return None
    stmt = loop.body[k]
    if not isinstance(stmt, Store) or stmt.array != array:
        return None
    term = added_to(stmt.value, Load(array, stmt.index, stmt.value.kind))
    return None if term is None or array in names_read(term) else k


def _last_zero(loop: For, array: str) -> int | None:
    """Where a loop last touches the array: where it sets the element of each iteration to zero."""
    k = max(k for k, s in enumerate(loop.body) if _mentions(s, array))
    stmt = loop.body[k]
    if not isinstance(stmt, Store) or stmt.array != array or not is_const(stmt.value, 0.0):
        return None
    return k if _own_elements(loop, array) else None


def _own_elements(loop: For, array: str) -> bool:
    """Whether a loop touches, in each iteration, only the element of its counter."""
    if loop.until is not None or loop.var.name in assigned(loop.body):
        return False
    for stmt in statements(loop.body):
        if array in names_of(stmt):
            if isinstance(stmt, Store) and stmt.array == array and stmt.index != (loop.var,):
                return False
            loads = [e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)]
            if any(e.array == array and e.index != (loop.var,) for e in loads):
                return False
            if not isinstance(stmt, Store) and not loads:
                return False
    return True


def _same_range(one: For, other: For, body: Block, bounds: Bounds) -> bool:
    """Whether two loops of a body take the same values, none negative, in each of its runs."""
    changing, ends = assigned(body), span(one)
    if ends is None or ends != span(other) or not all(is_still(e, changing) for e in ends):
        return False
    least = bounds.least(ends[0])
    return least is not None and least >= 0


def _assigned(stmt: Store) -> Store:
    """An addition to zero as an assignment."""
    kind = stmt.value.kind
    term = added_to(stmt.value, Load(stmt.array, stmt.index, kind))
    assert term is not None
    return replace(stmt, value=converted(term, kind) if is_complex(kind) else term)


# ---------------------------------------------------------------- elements by number


def after_filling(block: Block, array: str) -> Block:
    """A block that may begin with such a loop, with assignments in place of additions.

    The array is one that nothing else denotes.
    """
    if block and isinstance(block[0], For) and _filled(block[0]) == array:
        return _after_filling(block[0], block[1:], array)
    return block


def _filled(loop: For) -> str | None:
    """The array that a loop fills with zeros from its start to its end."""
    match loop:
        case For(var=var, body=(Store(array=array, index=index, value=value),)):
            whole = loop.start == ZERO and loop.stop == Extent(array, 0) and loop.step == ONE
            if whole and index == (var,) and is_const(value, 0.0) and loop.until is None:
                return array
    return None


def _after_filling(zeros: For, block: Block, array: str) -> Block:
    """A loop that fills an array with zeros, from the first that is not overwritten, and the rest.

    Elements are known when an addition to zero was made an assignment.
    """
    known: set[int] = set()
    out: list[Stmt] = list(block)
    for k, stmt in enumerate(block):
        if not _mentions(stmt, array):
            continue
        place = _added(stmt, array)
        if place is not None and place not in known:
            assert isinstance(stmt, Store)
            out[k] = _assigned(stmt)
            known.add(place)
        elif not _stays_within(stmt, array, known):
            break
    first = 0
    while first in known:
        first += 1
    return replace(zeros, start=integer(first)), *out


def _added(stmt: Stmt, array: str) -> int | None:
    """The number of the element that a statement adds to."""
    match stmt:
        case Store(array=name, index=(Const(value=int(place)),)) if name == array and place >= 0:
            term = added_to(stmt.value, Load(array, stmt.index, stmt.value.kind))
            return None if term is None or array in names_read(term) else place
    return None


def _stays_within(stmt: Stmt, array: str, known: set[int]) -> bool:
    """Whether a statement touches no elements of the array but those of these numbers."""
    counters: dict[Expr, set[int]] = {}
    for s in statements((stmt,)):
        match s:
            case For(
                start=Const(value=int(start)),
                stop=Const(value=int(stop)),
                step=Const(value=int(step)),
            ):
                counters[s.var] = set(range(start, stop, step))
        if not _names(s, array):
            continue
        parts = [part for e in expressions(s) for part in walk(e)]
        places = [e.index for e in parts if isinstance(e, Load) and e.array == array]
        if isinstance(s, Store) and s.array == array:
            places.append(s.index)
        found = [_numbers(place, counters) for (place,) in places]
        if not found or not all(numbers is not None and numbers <= known for numbers in found):
            return False
    return True


def _numbers(place: Expr, counters: dict[Expr, set[int]]) -> set[int] | None:
    """The values that a position takes, if they are known."""
    return {int(place.value)} if isinstance(place, Const) else counters.get(place)
