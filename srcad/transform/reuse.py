"""Arrays that every iteration of a loop makes anew, of one shape, are made once before the loop.

An iteration that makes an array, uses it and leaves it behind pays for memory each time: more than
for what it computes, if the array is small. Where nothing can hold on to the array, and its lengths
are known before the loop, all iterations use one. What was made of zeros is filled with them, or,
where the first thing done is to add to every element, with what is added::

    for t in range(n):                      y = np.empty(4)
        y = np.empty(4)                     y_b = np.empty(4)
        y_b = np.zeros_like(y)       ->     for t in range(n):
        for i in range(4):                      for i in range(4):
            y[i] = x[t, i] ** 2                     y[i] = x[t, i] ** 2
        for i in range(4):                      for i in range(4):
            y_b[i] += w[i] * s_b                    y_b[i] = w[i] * s_b

An array that a branch of an iteration makes is made before the loop too, if its lengths follow from
those of arguments.

Nothing is reused that is put on a list, returned, or given to a function of the user's, or bound to
another name that still denotes it when it is made again: whoever has it may want it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from srcad.analysis.flow import assigned, exposed, names_of, times_bound
from srcad.analysis.held import Holders, held_arrays
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.analysis.sizes import Shape, Sizes, sizes_after, sizes_inside
from srcad.ir.build import (
    ONE,
    ZERO,
    add,
    added_to,
    at_least_zero,
    integer,
    unclamped,
    zero_of,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Check,
    Compare,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    If,
    Load,
    Select,
    Stmt,
    Store,
    Var,
    While,
    ZerosLike,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import kind_of
from srcad.transform.nest import nest

_Making = Alloc | ZerosLike | Copy
_Made = (Alloc, ZerosLike, Copy)
Loop = For | While


def reuse(function: Function, names: Names) -> Function:
    """The function with such arrays made once."""
    if not any(isinstance(s, _Made) for s in statements(function.body)):
        return function
    reuser = _Reuser(function, names)
    body = reuser.block(function.body, Sizes(function.arrays), frozenset(function.exports))
    return replace(function, body=_once_each(body, reuser.held))


class _Reuser:
    def __init__(self, function: Function, names: Names) -> None:
        self.arrays = function.arrays
        self.names = names
        self.times = times_bound(function.body)
        arrays = (p for p in function.parameters if isinstance(p, str))
        self.given = {p for p in arrays if not self.times[p]}
        self.held = held_arrays(function)
        self.holders = Holders(function)

    def block(self, block: Block, sizes: Sizes, live: Live) -> Block:
        """A block with what its loops need made in front of them.

        ``sizes``: what is known before it; ``live``: the names that are read after it.
        """
        out: list[Stmt] = []
        lives = [live]
        for stmt in reversed(block):
            lives.append(live_before(stmt, lives[-1]))
        for stmt, after in zip(block, lives[-2::-1], strict=True):
            match stmt:
                case For(parallel=False) | While():
                    before = sizes.copy()
                    sizes = sizes_after((stmt,), sizes)
                    made, loop = self._loop(stmt, before, after)
                    out += [*made, loop]
                    continue
                case If():
                    parts = tuple(self.block(b, sizes.copy(), after) for b in blocks(stmt))
                    out.append(with_blocks(stmt, parts))
                case _:
                    out.append(stmt)
            sizes = sizes_after((stmt,), sizes)
        return tuple(out)

    def _loop(self, loop: Loop, before: Sizes, live: Live) -> tuple[list[Stmt], Loop]:
        """What is made before a loop, and the loop without it; ``live`` are names read later.

        Such a name may denote what it did before, if the loop never runs.
        """
        if not any(isinstance(s, _Made) for s in statements(loop.body)):
            return [], loop
        sizes = sizes_inside(loop, before)
        body = self.block(loop.body, sizes.copy(), live_at_end(loop, live))
        turn = _Turn(loop, live, times_bound(body), exposed(body), assigned((loop,)))
        out = self._turn(body, sizes, turn)
        return turn.made, cast(Loop, with_blocks(loop, (tuple(out),)))

    def _turn(self, body: Block, sizes: Sizes, turn: _Turn, always: bool = True) -> list[Stmt]:
        """An iteration, or a branch of it, without what is made before the loop."""
        out: list[Stmt] = []
        while body:
            stmt, body = body[0], body[1:]
            found = None
            if isinstance(stmt, _Made) and self._may_be_one(stmt, turn):
                found = self._lengths(stmt, sizes, turn.changing)
            if isinstance(stmt, If):
                parts = (self._turn(b, sizes.copy(), turn, False) for b in blocks(stmt))
                stmt = with_blocks(stmt, tuple(tuple(p) for p in parts))
            if isinstance(stmt, _Made) and found is not None and (always or self._is_safe(found)):
                once = Alloc(stmt.target, found.shape, self.arrays[stmt.target][0], False, stmt.at)
                turn.made.append(once)
                sizes.after(once)
                front, body = filled(stmt, body, sizes, self.arrays, self.names)
                out += [*found.checks, *front]
            else:
                out.append(stmt)
                sizes = sizes_after((stmt,), sizes)
        return out

    def _may_be_one(self, stmt: _Making, turn: _Turn) -> bool:
        """Whether all iterations may have one array, as far as its name goes."""
        target = stmt.target
        return (
            turn.times[target] == 1
            and target not in turn.early
            and (target not in turn.live or self.times[target] == 1)
            and (target not in self.held or self.holders.is_free(target, turn.loop))
        )

    def _is_safe(self, found: _Lengths) -> bool:
        """Whether lengths can be computed where a branch that uses them is not taken."""
        return all(self._is_plain(e) for length in found.shape for e in walk(length))

    def _is_plain(self, expr: Expr) -> bool:
        """Whether this part of an expression has a value at every place of the function."""
        match expr:
            case Extent(array=array):
                return array in self.given
            case Binary(op=op):
                return op in ("+", "-", "*")
            case Call(function=function):
                return function == "max"
            case _:
                return isinstance(expr, Const)

    def _lengths(self, stmt: _Making, sizes: Sizes, changing: set[str]) -> _Lengths | None:
        """The lengths of what a statement makes, known before the loop, and what checks them."""
        made = sizes.copy()
        made.after(stmt)
        own = made.copy()
        own.equal.clear()
        shape: list[Expr] = []
        checks: list[Stmt] = []
        for one, other in zip(own.shape(stmt.target), made.shape(stmt.target), strict=True):
            length = other if names_read(one) & (changing | {stmt.target}) else one
            if names_read(length) & (changing | {stmt.target}):
                return None
            least, _ = made.range(length)
            if least is None or least < 0:
                test = Compare(">=", length, ZERO)
                checks.append(Check(test, "ValueError", "negative dimensions are not allowed"))
            shape.append(length if not checks else at_least_zero(length))
        return _Lengths(tuple(shape), checks)


@dataclass(frozen=True)
class _Lengths:
    shape: Shape
    checks: list[Stmt]


@dataclass(frozen=True)
class _Turn:
    """An iteration of a loop."""

    loop: Loop
    live: Live
    """Names that are read after the loop."""
    times: Counter[str]
    """How often the iteration binds each name."""
    early: set[str]
    """Names that it reads before it binds them, on some path."""
    changing: set[str]
    """Names that the loop binds."""
    made: list[Stmt] = field(default_factory=list[Stmt])
    """What is made before the loop."""


# ---------------------------------------------------------------- zeros that are added to


def filled(
    stmt: _Making, rest: Block, sizes: Sizes, arrays: Mapping[str, tuple[str, int]], names: Names
) -> tuple[list[Stmt], Block]:
    """What is done instead of making an array, where one is there, and what is done then."""
    target = stmt.target
    dtype, ndim = arrays[target]
    kind = kind_of(dtype)
    match stmt:
        case Copy(source=source):
            return nest(
                names, target, ndim, lambda at: [Store(target, at, Load(source, at, kind))]
            ), rest
        case Alloc(zeros=False):
            return [], rest
    given = _added_first(target, rest, sizes)
    if given is not None:
        return [], given
    return nest(names, target, ndim, lambda at: [Store(target, at, zero_of(kind))]), rest


def _added_first(array: str, block: Block, sizes: Sizes) -> Block | None:
    """The block with the first sum into every element of an array of zeros as its value.

    None if the block does not begin with one, as far as the array goes.
    """
    first = next((k for k, s in enumerate(block) if _touches(s, array)), None)
    if first is None:
        return None
    loop = block[first]
    if not isinstance(loop, For):
        return None
    known = sizes_after(block[:first], sizes.copy())
    given = _given(loop, array, (), known)
    if given is None:
        return _given_to_the_end(block, first, array, known)
    return (*block[:first], given, *block[first + 1 :])


def _given_to_the_end(block: Block, first: int, array: str, sizes: Sizes) -> Block | None:
    """The same of a loop that adds to all but the last elements, and additions to these then.

    So it is where elements receive what they do in variables (``gather.py``)::

        for i in range(n):                  for i in range(n):
            y[i] += a[i] + b                    y[i] = a[i] + b
            b = c[i]                ->          b = c[i]
        if 0 < n:                           y[n] = b if 0 < n else 0.0
            y[n] += b
    """
    last = next((k for k, s in enumerate(block) if k > first and _touches(s, array)), first)
    loop, ends = block[first], block[last]
    if not isinstance(loop, For) or not isinstance(ends, If) or ends.orelse or loop.until:
        return None
    least, _ = sizes.range(loop.stop)
    inside = [k for k, s in enumerate(loop.body) if _touches(s, array)]
    if (loop.start, loop.step, len(inside)) != (ZERO, ONE, 1) or least is None or least < 0:
        return None
    changing = assigned(block[first : last + 1]) - {loop.var.name}
    if loop.var.name in assigned(loop.body) or names_read(loop.stop) & (changing | {loop.var.name}):
        return None
    length = unclamped(sizes.known(add(loop.stop, integer(len(ends.body)))))
    if unclamped(sizes.known(Extent(array, 0))) != length:
        return None
    made = _assigned(loop.body[inside[0]], array, loop.var)
    if made is None:
        return None
    out: list[Stmt] = [
        replace(loop, body=(*loop.body[: inside[0]], made, *loop.body[inside[0] + 1 :]))
    ]
    for k, stmt in enumerate(ends.body):
        made = _assigned(stmt, array, add(loop.stop, integer(k)))
        if made is None or not isinstance(made.value, Var):
            return None
        zero = zero_of(made.value.kind)
        out.append(replace(made, value=Select(ends.test, made.value, zero, zero.kind)))
    return (*block[:first], out[0], *block[first + 1 : last], *out[1:], *block[last + 1 :])


def _assigned(stmt: Stmt, array: str, place: Expr) -> Store | None:
    """An addition to an element of the array, which is zero, as an assignment."""
    match stmt:
        case Store(index=index, value=value) if stmt.array == array and index == (place,):
            term = added_to(value, Load(array, index, value.kind))
            made = None if term is None else replace(stmt, value=term)
            return None if made is None or _loads(made, array) else made
    return None


def _given(loop: For, array: str, around: tuple[tuple[Var, Expr], ...], sizes: Sizes) -> For | None:
    """A loop nest with its one sum into each element of an array as an assignment."""
    length = trips(loop, sizes)
    inside = [k for k, s in enumerate(loop.body) if _touches(s, array)]
    if length is None or len(inside) != 1 or loop.var.name in assigned(loop.body):
        return None
    around = (*around, (loop.var, length))
    stmt = loop.body[inside[0]]
    made: Stmt | None = None
    match stmt:
        case For():
            made = _given(stmt, array, around, sizes_after(loop.body[: inside[0]], sizes.copy()))
        case Store(index=index, value=value) if stmt.array == array:
            term = added_to(value, Load(array, index, value.kind))
            extents = dict(around)
            whole = len(extents) == len(index) == len(set(index)) and all(
                isinstance(e, Var) and extents.get(e) == unclamped(sizes.known(Extent(array, axis)))
                for axis, e in enumerate(index)
            )
            if term is not None and whole:
                made = replace(stmt, value=term)
    if made is None or _loads(made, array):
        return None
    if loop.start == ZERO and isinstance(loop.stop, Call):  # the shorter of two equal lengths
        loop = replace(loop, stop=length)
    return replace(loop, body=(*loop.body[: inside[0]], made, *loop.body[inside[0] + 1 :]))


def trips(loop: For, sizes: Sizes) -> Expr | None:
    """The number of iterations of a loop over all of ``range(n)``, in either direction."""
    if loop.until is not None:
        return None
    if loop.start == ZERO and loop.step == ONE:
        return unclamped(sizes.known(loop.stop))
    if loop.step == loop.stop == integer(-1):
        return unclamped(sizes.known(add(loop.start, ONE)))
    return None


def _touches(stmt: Stmt, array: str) -> bool:
    """Whether a statement uses the elements of an array."""
    return _loads(stmt, array) or any(
        isinstance(s, Store) and s.array == array for s in statements((stmt,))
    )


def _loads(stmt: Stmt, array: str) -> bool:
    """Whether a statement reads elements of an array, or names it as a whole."""
    for s in statements((stmt,)):
        found = [e for x in expressions(s) for e in walk(x)]
        if any(isinstance(e, Load) and e.array == array for e in found):
            return True
        named = names_of(s) if not isinstance(s, _BY_ELEMENT) else set()
        if array in named and not (isinstance(s, ZerosLike) and s.source == array):
            return True
    return False


_BY_ELEMENT = Assign | Store | For | While | If | Check | Alloc
"""Statements that name arrays in expressions only, and what they store to."""


# ---------------------------------------------------------------- arrays of two loops


def _once_each(body: Block, held: set[str]) -> Block:
    """The block without arrays that are made again, of the same shape, for a second loop."""
    times, changing = times_bound(body), assigned(body)
    made = (s for s in body if isinstance(s, Alloc) and not s.zeros)
    same = Counter(s for s in made if s.target not in held)
    seen: set[str] = set()
    out: list[Stmt] = []
    for stmt in body:
        if isinstance(stmt, Alloc) and same[stmt] > 1 and same[stmt] == times[stmt.target]:
            lasting = not set[str]().union(*map(names_read, stmt.shape)) & changing
            if lasting and stmt.target in seen:
                continue
            seen.add(stmt.target)
        out.append(stmt)
    return tuple(out)
