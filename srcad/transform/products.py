"""Products of matrices are written where they are needed.

A product that an iteration makes is an array of its own, and what is added to a shadow is such a
product, added element by element. Small matrices spend their time there, large ones take twice the
memory. What is only added is added at once, and in a loop, where the lengths are known before it, a
product is made in memory from there::

    for t in range(n):                          y = np.empty(f.shape[0])
        y = np.dot(f, x)                        for t in range(n):
        ...                                         set_product(y, f, x, False, False)
        share = np.dot(f.T, y_b)        ->          ...
        for i in range(share.shape[0]):             add_product(x_b, f, y_b, True, False)
            x_b[i] += share[i]

``set_product`` and ``add_product`` (``srcad.runtime.products``) are loops where there is little
to do and calls of BLAS where there is more; the last two arguments say which factor is transposed.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.alias import points_to
from srcad.analysis.flow import assigned, exposed, mentions, times_bound
from srcad.analysis.held import Holders, held_arrays
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.build import ONE, ZERO, added_to
from srcad.ir.nodes import (
    Alloc,
    Bind,
    Block,
    Const,
    Copy,
    Extent,
    For,
    Function,
    If,
    Invoke,
    Keep,
    Load,
    MatMul,
    Pop,
    Push,
    Span,
    Stmt,
    Store,
    Var,
    While,
    Window,
    ZerosLike,
    blocks,
    names_read,
    statements,
    with_blocks,
)
from srcad.ir.types import BOOL

Loop = For | While


def set_product(stmt: MatMul) -> Invoke:
    """The product in the array that its target denotes."""
    return _call("set_product", stmt.target, stmt)


def _call(function: str, out: str, stmt: MatMul) -> Invoke:
    flags = Const(stmt.ta, BOOL), Const(stmt.tb, BOOL)
    return Invoke((), function, (out, stmt.a, stmt.b, *flags), (out,), 0, stmt.at)


class Plain:
    """Which products can be made in an array: by BLAS, of contiguous arrays."""

    def __init__(self, function: Function) -> None:
        self.arrays = function.arrays
        self.strided = strided(function.body)

    def __contains__(self, stmt: MatMul) -> bool:
        """Whether this is one."""
        plain = stmt.batch is None and not stmt.ca and not stmt.cb
        named = {stmt.target, stmt.a, stmt.b}
        return plain and len({self.arrays[n][0] for n in named}) == 1 and not named & self.strided


def products(function: Function) -> Function:
    """The function with the products of its loops written so."""
    if not any(isinstance(s, MatMul) for s in statements(function.body)):
        return function
    writer = _Writer(function)
    return replace(function, body=writer.block(function.body, Sizes(function.arrays)))


class _Writer:
    def __init__(self, function: Function) -> None:
        self.arrays = function.arrays
        self.sites = points_to(function.body, set(function.arrays))
        self.bound = times_bound(function.body)
        self.used = mentions(function.body)
        self.held = held_arrays(function)
        self.holders = Holders(function)
        self.plain = Plain(function)
        self.strided = self.plain.strided

    def block(self, block: Block, sizes: Sizes) -> Block:
        """A block with what the products in its loops need in front of these."""
        out: list[Stmt] = []
        k = 0
        while k < len(block):
            stmt = block[k]
            k += 1
            match stmt:
                case For(parallel=False) | While():
                    out += self._loop(stmt, sizes.copy())
                case If():
                    parts = tuple(self.block(b, sizes.copy()) for b in blocks(stmt))
                    out.append(with_blocks(stmt, parts))
                case MatMul() if stmt in self.plain and k < len(block):
                    found = self._added(stmt, block[k], self._after(stmt, sizes))
                    out.append(found or stmt)
                    if found is not None:
                        sizes_after(block[k - 1 : k + 1], sizes)
                        k += 1
                        continue
                case _:
                    out.append(stmt)
            sizes_after((stmt,), sizes)
        return tuple(out)

    def _loop(self, loop: Loop, before: Sizes) -> list[Stmt]:
        sizes = sizes_inside(loop, before)
        made: list[Stmt] = []
        body = self._within(loop.body, loop, sizes, made)
        return [*made, with_blocks(loop, (body,))]

    def _within(self, block: Block, loop: Loop, sizes: Sizes, made: list[Stmt]) -> Block:
        """A block in a loop; ``made`` are the arrays that are made in front of it."""
        out: list[Stmt] = []
        k = 0
        while k < len(block):
            stmt = block[k]
            k += 1
            match stmt:
                case For(parallel=False) | While():
                    out += self._loop(stmt, sizes.copy())
                case If():
                    parts = tuple(self._within(b, loop, sizes.copy(), made) for b in blocks(stmt))
                    out.append(with_blocks(stmt, parts))
                case MatMul() if stmt in self.plain:
                    after = self._after(stmt, sizes)
                    found = self._added(stmt, block[k], after) if k < len(block) else None
                    if found is not None:
                        out.append(found)
                        sizes = sizes_after(block[k - 1 : k + 1], sizes)
                        k += 1
                        continue
                    out += self._in_place(stmt, loop, after, made)
                case _:
                    out.append(stmt)
            sizes_after((stmt,), sizes)
        return tuple(out)

    def _after(self, stmt: Stmt, sizes: Sizes) -> Sizes:
        after = sizes.copy()
        after.after(stmt)
        return after

    def _added(self, stmt: MatMul, then: Stmt, sizes: Sizes) -> Invoke | None:
        """A product and the loops that only add it to an array, or store it there, as one."""
        ndim = self.arrays[stmt.target][1]
        counters: list[Var] = []
        inner: Stmt = then
        while isinstance(inner, For) and len(inner.body) == 1:
            length = sizes.known(inner.stop)
            axis = Extent(stmt.target, len(counters))
            if inner.start != ZERO or inner.step != ONE or len(counters) == ndim:
                return None
            if length != sizes.known(axis) or inner.until is not None:
                return None
            counters.append(inner.var)
            (inner,) = inner.body
        if not isinstance(inner, Store) or inner.index != tuple(counters) or len(counters) != ndim:
            return None
        out = inner.array
        share = Load(stmt.target, inner.index, inner.value.kind)
        if inner.value == share:
            title = "set_product"
        elif added_to(inner.value, Load(out, inner.index, inner.value.kind)) == share:
            title = "add_product"
        else:
            return None
        later = mentions((then,))[stmt.target]
        alone = self.used[stmt.target] == 1 + later and self.bound[stmt.target] == 1
        apart = not self._memory(out) & (self._memory(stmt.a) | self._memory(stmt.b))
        alike = self.arrays[out] == self.arrays[stmt.target] and out not in self.strided
        if not (alone and apart and alike and sizes.shape(out) == sizes.shape(stmt.target)):
            return None
        return _call(title, out, stmt)

    def _memory(self, array: str) -> frozenset[str]:
        return self.sites.get(array, frozenset((array,)))

    def _in_place(self, stmt: MatMul, loop: Loop, sizes: Sizes, made: list[Stmt]) -> list[Stmt]:
        """A product in an array from before the loop, or as it is."""
        name = stmt.target
        shape, dtype = sizes.shape(name), self.arrays[name][0]
        changing = assigned((loop,))
        known = all(isinstance(e, Extent | Const) and not names_read(e) & changing for e in shape)
        free = name not in self.held or self.holders.is_free(name, loop)
        if known and free and self.bound[name] == 1 and name not in exposed(loop.body):
            made.append(Alloc(name, shape, dtype, False, stmt.at))
            return [set_product(stmt)]
        if name in (stmt.a, stmt.b):
            return [stmt]
        return [Alloc(name, self._lengths(stmt), dtype, False, stmt.at), set_product(stmt)]

    def _lengths(self, stmt: MatMul) -> tuple[Extent, ...]:
        """The lengths of a product, by its factors."""
        rank_a, rank_b = self.arrays[stmt.a][1], self.arrays[stmt.b][1]
        left = (Extent(stmt.a, 1 if stmt.ta else 0),) if rank_a > 1 else ()
        return (*left, Extent(stmt.b, 0 if stmt.tb else 1)) if rank_b > 1 else left


def strided(body: Block) -> set[str]:
    """Array names that can denote memory that is not that of rows, one after the other."""
    out: set[str] = set()
    size = -1
    while size != (size := len(out)):
        for stmt in statements(body):
            match stmt:
                case Invoke():
                    out |= {t for t in stmt.targets if isinstance(t, str)}
                case Keep(strided=True):
                    out.add(stmt.target)
                case Window():
                    if stmt.source in out or not _is_row(stmt):
                        out.add(stmt.target)
                case Bind():
                    pairs = zip(stmt.targets, stmt.sources, strict=True)
                    out |= {t for t, s in pairs if s in out}
                case Copy() | ZerosLike() if stmt.source in out:
                    out.add(stmt.target)
                case Push() if stmt.array in out:
                    out.add(stmt.target)
                case Pop() if stmt.source in out:
                    out.add(stmt.array)
    return out


def _is_row(stmt: Window) -> bool:
    """Whether a view has all elements behind its leading indices, in their order."""
    spans = [k for k, key in enumerate(stmt.keys) if isinstance(key, Span)]
    whole = all(stmt.keys[k] == Span(ZERO, Extent(stmt.source, k), 1) for k in spans)
    last = list(range(len(stmt.keys) - len(spans), len(stmt.keys)))
    return whole and spans == last and list(stmt.order) == last
