"""Iterations that do not depend on each other run side by side, a strip of them at a time.

A loop whose iterations each solve a small problem in work arrays of their own has short inner
loops, which the processor runs one number at a time. Where the iterations can come in any order,
those of a strip take each step together: the work arrays and the variables of an iteration get a
lane for each, and the innermost loops run over the lanes::

    for i in range(n):                  w_lanes = np.empty((d, 64))
        w = np.empty(d)                 for strip in range(0, n, 64):
        for j in range(d):                  lanes = min(64, n - strip)
            w[j] = k[j] * x[i]    ->        for j in range(d):
        s = 0.0                                 for lane in range(lanes):
        for j in range(d):                          w_lanes[j, lane] = k[j] * x[strip + lane]
            s += w[j] * w[j]                for lane in range(lanes):
        y_b[i] += s                             s_lanes[lane] = 0.0
                                            ...

It pays where work arrays are small, which is asked when the loop runs: the loop as it was is kept
for large ones, and for a few iterations.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed, mentions
from srcad.analysis.invariant import before_loop
from srcad.analysis.iterations import Bounds, accesses, commute, span, varies
from srcad.analysis.liveness import Live
from srcad.analysis.places import start_of_reverse
from srcad.ir.build import ONE, ZERO, add, binary, compare, integer, literal, logic, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Call,
    Comment,
    Expr,
    Extent,
    For,
    Function,
    If,
    Load,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    ZerosLike,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.nest import nest
from srcad.transform.outermost import Outermost

LANES = 64
"""Iterations of a strip."""
FEWEST = 16
"""Iterations that are worth a strip."""
LONGEST = 64
"""The longest axis of a work array: its loops are short, and all lanes of it stay in the cache."""
MOST = 4096
"""The most that a tape of one iteration holds."""


def in_strips(function: Function, names: Names) -> Function:
    """The function with such loops of its reverse sweep in strips; itself if there is none."""
    body = function.body
    start = start_of_reverse(body)
    if start is None:
        return function
    arrays = dict(function.arrays)
    stripper = _Stripper(body, arrays, names)
    sweep = stripper.block(body[start:], frozenset(function.exports))
    if sum(1 for _ in statements(sweep)) == sum(1 for _ in statements(body[start:])):
        return function
    return replace(function, body=(*body[:start], *sweep), arrays=arrays)


class _Stripper(Outermost):
    def __init__(self, body: Block, arrays: dict[str, tuple[str, int]], names: Names) -> None:
        self.aliases = Aliases(body, points_to(body, set(arrays)))
        self.bounds = Bounds(body)
        self.tapes = {s.target: s for s in statements(body) if isinstance(s, Tape)}
        self.mentions = mentions(body)
        self.arrays = arrays
        self.names = names

    def written(self, loop: For, live: Live) -> If | None:
        """The loop in strips where that pays, and as it is where it does not."""
        shapes, ends = self._shapes(loop), span(loop)
        if not shapes or ends is None:
            return None
        if not commute(loop, live, self.aliases, self.bounds, shapes.keys()):
            return None
        lanes = _lanes(loop, frozenset(shapes))
        if lanes is None or not lanes.pay():
            return None
        first, stop = ends
        tests = [compare(">=", sub(stop, first), integer(FEWEST))]
        for name, shape in sorted(shapes.items()):
            if name in lanes.made:
                tests += [compare("<=", e, integer(LONGEST)) for e in shape]
            elif name in self.tapes:
                size = functools.reduce(lambda a, b: binary("*", a, b, INT), shape)
                tests.append(compare("<=", size, integer(MOST)))
        test = logic("and", tuple(dict.fromkeys(tests)))
        return If(test, self._strips(loop, lanes, shapes, first, stop), (loop,), loop.at)

    def _shapes(self, loop: For) -> dict[str, tuple[Expr, ...]]:
        """The arrays that each iteration has for itself, and their shapes.

        They are made in the iteration, or are tapes that only the iteration writes and reads.
        """
        found: dict[str, tuple[Expr, ...]] = {}
        inside = mentions(loop.body)
        for stmt in statements(loop.body):
            if isinstance(stmt, Alloc):
                shape = tuple(before_loop(e, loop.body, loop.var) for e in stmt.shape)
                if None in shape or found.setdefault(stmt.target, shape) != shape:  # type: ignore[arg-type]
                    return {}
            elif isinstance(stmt, ZerosLike) and stmt.source in found:
                found[stmt.target] = found[stmt.source]
        if not found:
            return {}
        for name, tape in self.tapes.items():
            own = inside.get(name, 0)
            if own and own == self.mentions[name] - 1 and not _indexed_by(loop, name):
                found[name] = tuple(Extent(name, k) for k in range(len(tape.shape)))
        others = set(inside) & set(self.arrays) - set(found)
        if any(self.aliases.may(name, other) for name in found for other in others):
            return {}
        return found

    def _strips(
        self,
        loop: For,
        lanes: _Lanes,
        shapes: dict[str, tuple[Expr, ...]],
        first: Expr,
        stop: Expr,
    ) -> Block:
        strip = Var(self.names.fresh("strip"), INT)
        count = Var(self.names.fresh("lanes"), INT)
        lane = Var(self.names.fresh("lane"), INT)
        written = _Writer(loop, lanes, strip, count, lane, self.names, self.arrays)
        inner = written.block()
        out: list[Stmt] = [Comment(f"{LANES} iterations side by side")]
        for name, found in written.wide.items():
            shape = (*shapes.get(name, ()), integer(LANES))
            out.append(Alloc(found, shape, self.arrays[found][0]))
        size = Assign(count, Call("min", (integer(LANES), sub(stop, strip)), INT))
        body = (size, *inner)
        out.append(For(strip, first, stop, integer(LANES), body, None, loop.at))
        return tuple(out)


@dataclass(frozen=True)
class _Lanes:
    """What of a loop differs from lane to lane."""

    loop: For
    own: frozenset[str]
    """Arrays that each iteration has for itself."""
    varying: frozenset[str]
    """Scalars that differ from one iteration to another, the counter among them."""
    sums: frozenset[str]
    """Scalars that the iterations only add to."""

    @property
    def made(self) -> set[str]:
        """The arrays made in the loop."""
        return {s.target for s in statements(self.loop.body) if isinstance(s, Alloc)}

    def varies(self, expr: Expr) -> bool:
        """Whether the value of an expression differs from lane to lane."""
        return varies(expr, self.varying, self.own)

    def together(self, stmt: Stmt) -> bool:
        """Whether a statement is executed for each lane, next to others."""
        match stmt:
            case Assign():
                return stmt.target.name in self.varying | self.sums
            case If():
                return self.varies(stmt.test)
        return isinstance(stmt, Store)

    def pay(self) -> bool:
        """Whether the innermost loops work on own arrays, and on others along the lanes."""
        depth, deepest = _deepest(self.loop.body)
        if depth == 0:
            return False
        found = list(accesses(deepest))
        return any(a.array in self.own for a in found) and all(
            a.array in self.own or self._goes_along(a.index) for a in found
        )

    def _goes_along(self, index: tuple[Expr, ...]) -> bool:
        """Whether the lanes have one element, or neighbours."""
        *rows, last = index
        if any(map(self.varies, rows)):
            return False
        return not self.varies(last) or last == self.loop.var


def _lanes(loop: For, own: frozenset[str]) -> _Lanes | None:
    """What differs from lane to lane; None if lanes would take different paths through loops."""
    changing = assigned(loop.body)
    sums = frozenset(changing & exposed(loop.body))
    varying = {loop.var.name}
    while True:
        lanes = _Lanes(loop, own, frozenset(varying), sums)
        found = varying | _varying(loop.body, lanes)
        if found == varying:
            break
        varying = found
    for stmt in statements(loop.body):
        inner = isinstance(stmt, For) and (
            stmt.until is not None or any(map(lanes.varies, expressions(stmt)))
        )
        apart = (
            isinstance(stmt, If)
            and lanes.varies(stmt.test)
            and any(isinstance(s, For | Alloc | ZerosLike) for s in statements((stmt,)))
        )
        if inner or apart or isinstance(stmt, While):
            return None
    return lanes


def _varying(block: Block, lanes: _Lanes, apart: bool = False) -> set[str]:
    """Scalars of a block that differ from lane to lane; ``apart``: only some lanes run it."""
    out: set[str] = set()
    for stmt in block:
        if (
            isinstance(stmt, Assign)
            and stmt.target.name not in lanes.sums
            and (apart or lanes.varies(stmt.value))
        ):
            out.add(stmt.target.name)
        inner = apart or (isinstance(stmt, If) and lanes.varies(stmt.test))
        for part in blocks(stmt):
            out |= _varying(part, lanes, inner)
    return out


class _Writer:
    """Writes the body of a strip."""

    def __init__(
        self,
        loop: For,
        lanes: _Lanes,
        strip: Var,
        count: Var,
        lane: Var,
        names: Names,
        arrays: dict[str, tuple[str, int]],
    ) -> None:
        self.loop = loop
        self.lanes = lanes
        self.strip = strip
        self.count = count
        self.lane = lane
        self.names = names
        self.arrays = arrays
        self.wide: dict[str, str] = {}
        """Arrays with an axis of lanes, by the names of the arrays and scalars that they hold."""

    def block(self) -> Block:
        """The body of the loop, for all lanes of a strip."""
        body = self._grouped(self.loop.body)
        groups = [s for s in statements(body) if isinstance(s, For) and s.var == self.lane]
        early = set[str]().union(*(exposed(group.body) for group in groups))
        mentioned = mentions(body)
        for name in sorted(self.lanes.own & mentioned.keys()):
            kind, ndim = self.arrays[name]
            self._widen(name, kind, ndim)
        kinds = {s.target.name: s.target.kind for s in statements(body) if isinstance(s, Assign)}
        for name in sorted(early & self.lanes.varying - {self.loop.var.name}):
            self._widen(name, kinds[name], 0)
        return self._widened(body)

    def _widen(self, name: str, kind: str, ndim: int) -> None:
        self.wide[name] = self.names.fresh(f"{name}_lanes")
        self.arrays[self.wide[name]] = (kind, ndim + 1)

    def _grouped(self, block: Block) -> Block:
        """The block with loops over the lanes around what these execute next to each other."""
        out: list[Stmt] = []
        group: list[Stmt] = []
        for stmt in (*block, None):
            if stmt is not None and (isinstance(stmt, Comment) or self.lanes.together(stmt)):
                group.append(stmt)
                continue
            if any(not isinstance(s, Comment) for s in group):
                out.append(For(self.lane, ZERO, self.count, ONE, tuple(group)))
            else:
                out += group
            group = []
            if isinstance(stmt, ZerosLike):
                out += self._grouped(self._zeros(stmt.target))
            elif isinstance(stmt, Alloc):
                out += self._grouped(self._zeros(stmt.target)) if stmt.zeros else ()
            elif stmt is not None:
                parts = tuple(map(self._grouped, blocks(stmt)))
                out.append(with_blocks(stmt, parts) if parts else stmt)
        return tuple(out)

    def _zeros(self, name: str) -> Block:
        kind, ndim = self.arrays[name]
        return tuple(nest(self.names, name, ndim, lambda at: [Store(name, at, literal(0.0, kind))]))

    def _widened(self, block: Block) -> Block:
        return tuple(self._statement(stmt) for stmt in block)

    def _statement(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Assign(target=target) if target.name in self.wide:
                value = self._expr(stmt.value)
                return Store(self.wide[target.name], (self.lane,), value, False, stmt.at)
            case Assign():
                return replace(stmt, value=self._expr(stmt.value))
            case Store():
                place = self._expr(Load(stmt.array, stmt.index, stmt.value.kind))
                assert isinstance(place, Load)
                value = self._expr(stmt.value)
                return replace(stmt, array=place.array, index=place.index, value=value)
            case If():
                stmt = replace(stmt, test=self._expr(stmt.test))
            case For():
                start, stop, step = map(self._expr, (stmt.start, stmt.stop, stmt.step))
                stmt = replace(stmt, start=start, stop=stop, step=step)
        return with_blocks(stmt, tuple(map(self._widened, blocks(stmt))))

    def _expr(self, expr: Expr) -> Expr:
        if expr == self.loop.var:
            return add(self.strip, self.lane)
        if isinstance(expr, Var) and expr.name in self.wide:
            return Load(self.wide[expr.name], (self.lane,), expr.kind)
        if isinstance(expr, Extent) and expr.array in self.wide:
            return replace(expr, array=self.wide[expr.array])
        parts = tuple(map(self._expr, children(expr)))
        if isinstance(expr, Load) and expr.array in self.wide:
            return Load(self.wide[expr.array], (*parts, self.lane), expr.kind)
        return rebuild(expr, parts) if parts else expr


def _deepest(block: Block) -> tuple[int, Block]:
    """How many loops are around the innermost statements of a block, and these statements."""
    depth = 0
    found: Block = tuple(s for s in block if not isinstance(s, For))
    for stmt in _loops(block):
        inner, body = _deepest(stmt.body)
        if inner + 1 > depth:
            depth, found = inner + 1, body
        elif inner + 1 == depth:
            found += body
    return depth, found


def _loops(block: Block) -> Iterator[For]:
    """The outermost loops of a block, those in branches too."""
    for stmt in block:
        if isinstance(stmt, For):
            yield stmt
        elif isinstance(stmt, If):
            for part in blocks(stmt):
                yield from _loops(part)


def _indexed_by(loop: For, array: str) -> bool:
    """Whether the counter of a loop picks the elements of an array in it."""
    indices = (a.index for a in accesses(loop.body) if a.array == array)
    return any(loop.var.name in names_read(e) for index in indices for e in index)
