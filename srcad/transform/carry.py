"""What an iteration stores and the next one reads goes there in a register.

The adjoint of a recurrence adds to the element that the next iteration begins with. To the memory,
and back from there, takes longer than the arithmetic between, and LLVM has to go that way, as other
stores of the iteration might be to the same element. They are not, so the number is kept in a
variable::

    for i in range(n - 1, 0, -1):           x_b_next = x_b[n - 1] if n - 1 > 0 else 0.0
        seed = x_b[i]                       for i in range(n - 1, 0, -1):
        x_b[i] = 0.0                            seed = x_b_next
        k_b[i] += x[i - 1] * seed               x_b[i] = 0.0
        x_b[i - 1] += k[i] * seed     ->        k_b[i] += x[i - 1] * seed
                                                x_b_next = x_b[i - 1] + k[i] * seed
                                            if n - 1 > 0:
                                                x_b[0] = x_b_next

Where the next iteration overwrites the element, as here, only the last one is stored; elsewhere all
of them are. It is done for innermost loops without branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned
from srcad.analysis.iterations import Access, Bounds, Index, accesses, is_still, offset_from
from srcad.analysis.sizes import with_offset
from srcad.ir.build import ONE, add, compare, integer, literal
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Call,
    Comment,
    Const,
    Expr,
    For,
    If,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Var,
    blocks,
    children,
    expressions,
    rebuild,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import FLOAT, FLOAT32


def carry(
    block: Block, aliases: Aliases, bounds: Bounds, names: Names, arrays: dict[str, tuple[str, int]]
) -> Block:
    """The block with such elements kept in variables."""
    carrier = _Carrier(aliases, bounds, names, arrays)
    return carrier.block(block)


@dataclass(frozen=True)
class _Carried:
    """An element that an iteration stores for the next, which reads it first."""

    place: int
    """Where the store is in the body of the loop."""
    store: Store
    read: Load
    """The element as the next iteration names it."""
    axis: int
    offset: int
    """From the counter, along this axis."""
    end: int
    """The statement that overwrites the element; the length of the body if there is none."""

    def at(self, counter: Expr) -> Index:
        """What an iteration reads first, for a value of the counter."""
        index = self.read.index
        position = add(counter, integer(self.offset))
        return (*index[: self.axis], position, *index[self.axis + 1 :])


class _Carrier:
    def __init__(
        self,
        aliases: Aliases,
        bounds: Bounds,
        names: Names,
        arrays: dict[str, tuple[str, int]],
    ) -> None:
        self.aliases = aliases
        self.bounds = bounds
        self.names = names
        self.arrays = arrays

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For):
                with self.bounds.within(stmt):
                    if _is_simple(stmt):
                        out += self._loop(stmt)
                    else:
                        out.append(with_blocks(stmt, (self.block(stmt.body),)))
            else:
                parts = tuple(map(self.block, blocks(stmt)))
                out.append(with_blocks(stmt, parts) if parts else stmt)
        return tuple(out)

    def _loop(self, loop: For) -> list[Stmt]:
        """A loop with its carried elements in variables, and what stands around it."""
        changing = assigned((loop,))
        before: list[Stmt] = []
        after: list[Stmt] = []
        while True:
            tried = (self._carried(loop, k, changing) for k in range(len(loop.body)))
            found = next((c for c in tried if c is not None), None)
            if found is None:
                return [*before, loop, *after]
            array, kind = found.store.array, found.store.value.kind
            var = Var(self.names.fresh(f"{array}_next"), kind)
            runs = compare("<" if loop.step == ONE else ">", loop.start, loop.stop)
            first = Load(array, found.at(loop.start), kind)
            before.append(Assign(var, Select(runs, first, literal(0.0, kind), kind)))
            if found.end < len(loop.body):
                after.append(If(runs, (Store(array, found.at(loop.stop), var),)))
            loop = replace(loop, body=_with_variable(loop.body, found, var))

    def _carried(self, loop: For, place: int, changing: set[str]) -> _Carried | None:
        """What a statement in the body of a loop stores for the next iteration."""
        store = loop.body[place]
        if not isinstance(store, Store) or store.value.kind not in (FLOAT, FLOAT32):
            return None
        offsets = [offset_from(e, loop.var) for e in store.index]
        axes = [axis for axis, offset in enumerate(offsets) if offset is not None]
        others = [e for axis, e in enumerate(store.index) if axis not in axes]
        if len(axes) != 1 or not all(is_still(e, changing) for e in others):
            return None
        if self.arrays[store.array][0] != store.value.kind:
            return None
        later = [a for stmt in loop.body[place + 1 :] for a in accesses((stmt,))]
        if any(self._may_be(a, store.array, store.index) for a in later):
            return None
        (axis,) = axes
        assert isinstance(loop.step, Const)
        offset = (offsets[axis] or 0) - int(loop.step.value)
        read = Load(store.array, store.index, store.value.kind)
        found = _Carried(place, store, read, axis, offset, len(loop.body))
        return self._read_first(
            loop.body, replace(found, read=replace(read, index=found.at(loop.var)))
        )

    def _read_first(self, body: Block, found: _Carried) -> _Carried | None:
        """The same with its end, if an iteration reads the element before it stores to it."""
        element = found.read.array, found.read.index
        read = False
        for k, stmt in enumerate(body):
            for access in accesses((stmt,)):
                if not self._may_be(access, *element):
                    continue
                if (access.array, access.index) != element or k > found.place:
                    return None
                read = read or access.how == "add" or _always_reads(stmt, found.read)
                if not read:
                    return None
            if isinstance(stmt, Store) and (stmt.array, stmt.index) == element:
                return replace(found, end=k)
        return found if read else None

    def _may_be(self, access: Access, array: str, index: Index) -> bool:
        """Whether an access may be to this element, in the same iteration."""
        if access.array != array:
            return self.aliases.may(access.array, array)
        return not any(self._differ(a, b) for a, b in zip(access.index, index, strict=True))

    def _differ(self, a: Expr, b: Expr) -> bool:
        """Whether two positions differ by a literal, and neither counts from the end."""
        (one, m), (two, n) = with_offset(a), with_offset(b)
        least = self.bounds.least(a), self.bounds.least(b)
        return one == two and m != n and all(k is not None and k >= 0 for k in least)


def _is_simple(loop: For) -> bool:
    """Whether a loop counts by one and has nothing in it but sums and products."""
    plain = all(isinstance(s, Assign | Store | Comment) for s in loop.body)
    parts = (e for s in loop.body for x in expressions(s) for e in walk(x))
    if (
        not plain
        or any(map(_is_dear, parts))
        or loop.until is not None
        or loop.var.name in assigned(loop.body)
    ):
        return False
    reads = any(isinstance(e, Load) for x in (loop.start, loop.stop) for e in walk(x))
    return loop.step in (ONE, integer(-1)) and not reads


def _is_dear(expr: Expr) -> bool:
    """Whether an operation is more than a sum or a product."""
    return isinstance(expr, Call) or (isinstance(expr, Binary) and expr.op not in "+-*")


def _always_reads(stmt: Stmt, element: Load) -> bool:
    """Whether a statement reads an element in any case."""
    return any(e == element for x in expressions(stmt) for e in _always(x))


def _always(expr: Expr) -> Iterator[Expr]:
    """The parts of an expression that are evaluated in any case."""
    yield expr
    if not isinstance(expr, Select | Logic):
        for part in children(expr):
            yield from _always(part)


def _with_variable(body: Block, found: _Carried, var: Var) -> Block:
    """The body that reads the variable up to where the element ends, and sets it."""

    def read(expr: Expr) -> Expr:
        if expr == found.read:
            return var
        parts = children(expr)
        return rebuild(expr, tuple(map(read, parts))) if parts else expr

    out: list[Stmt] = []
    for k, stmt in enumerate(body):
        (new,) = with_expressions((stmt,), read) if k <= found.end else (stmt,)
        if k == found.place:
            assert isinstance(new, Store)
            out.append(Assign(var, new.value, new.at))
            new = replace(new, value=var)
            if found.end < len(body):
                continue
        out.append(new)
    return tuple(out)
