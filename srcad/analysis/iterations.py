"""Whether the iterations of a loop can run in another order.

They can if no iteration reads what another one writes: an array that is written is touched, in
each iteration, at elements of its own, and a scalar is assigned before it is read. Sums are an
exception, as their terms can come in any order (the result differs by rounding)::

    for i in range(n):
        w = k[i] * v_b[i]       # w: assigned first; v_b: at i only
        v_b[i] = 0.0
        u_b[i] += w             # u_b: only added to, at whatever elements
        u_b[i + 1] -= w
        s += w                  # s: a sum that nothing else reads
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, bound_within, exposed, names_of, times_bound
from srcad.analysis.liveness import Live
from srcad.analysis.sizes import with_offset
from srcad.ir.build import ONE, add, added_to, integer
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Check,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    If,
    IndexCheck,
    Load,
    Store,
    Var,
    While,
    ZerosLike,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
)
from srcad.ir.types import INT

Index = tuple[Expr, ...]

BY_ELEMENT = Assign | Store | For | While | If | Check | IndexCheck | Comment
"""Statements that name arrays as accesses to elements only."""


@dataclass(frozen=True)
class Access:
    """An element that a statement touches."""

    array: str
    index: Index
    how: Literal["load", "store", "add"]


def accesses(block: Block) -> Iterator[Access]:
    """The elements that a block touches, nested blocks included."""
    for stmt in statements(block):
        if isinstance(stmt, Store):
            own = Load(stmt.array, stmt.index, stmt.value.kind)
            term = added_to(stmt.value, own)
            yield Access(stmt.array, stmt.index, "store" if term is None else "add")
            read = (*stmt.index, stmt.value if term is None else term)
        else:
            read = expressions(stmt)
        for expr in read:
            for e in walk(expr):
                if isinstance(e, Load):
                    yield Access(e.array, e.index, "load")


def span(loop: For) -> tuple[Expr, Expr] | None:
    """The least value of a counter that takes steps of one, and the one after the greatest."""
    if loop.step == ONE:
        return loop.start, loop.stop
    if loop.step == integer(-1):
        return add(loop.stop, ONE), add(loop.start, ONE)
    return None


class Bounds:
    """Lower bounds of integers: of counters by their ranges, of names that are bound once.

    A name that may be read before it is bound, as a parameter is, has another value there.
    """

    def __init__(self, body: Block) -> None:
        self.values: dict[str, int] = {}
        self.counters: dict[str, int | None] = {}
        once = {name for name, count in times_bound(body).items() if count == 1}
        self._note(body, once - exposed(body))

    def _note(self, block: Block, once: set[str]) -> None:
        """Take note of what is bound in a block, as it is there."""
        for stmt in block:
            match stmt:
                case Assign(target=target) if target.kind == INT and target.name in once:
                    least = self.least(stmt.value)
                    if least is not None:
                        self.values[target.name] = least
                case For():
                    with self.within(stmt):
                        self._note(stmt.body, once)
                case _:
                    for part in blocks(stmt):
                        self._note(part, once)

    @contextmanager
    def within(self, loop: For) -> Iterator[None]:
        """What holds in the iterations of a loop."""
        name = loop.var.name
        outer, known = self.counters.get(name), name in self.counters
        self.counters[name] = None if name in bound_within(loop) else self.least_counter(loop)
        yield
        if known:
            self.counters[name] = outer
        else:
            del self.counters[name]

    def least_counter(self, loop: For) -> int | None:
        """A lower bound of the counter of a loop, in its iterations."""
        step = loop.step.value if isinstance(loop.step, Const) else 0
        if step > 0:
            return self.least(loop.start)
        least = self.least(loop.stop) if step < 0 else None
        return None if least is None else least + 1

    def least(self, expr: Expr) -> int | None:
        """A lower bound of an integer; None: not known."""
        match expr:
            case Const(value=int(value)):
                return value
            case Extent():
                return 0
            case Var() if expr.name in self.counters:
                return self.counters[expr.name]
            case Var():
                return self.values.get(expr.name)
            case Binary(op="+" | "*"):
                a, b = self.least(expr.a), self.least(expr.b)
                if a is None or b is None:
                    return None
                if expr.op == "+":
                    return a + b
                return a * b if a >= 0 and b >= 0 else None
            case Binary(op="-", a=a, b=Const(value=int(value))):
                least = self.least(a)
                return None if least is None else least - value
            case Binary(op="//", a=a, b=Const(value=int(value))) if value > 0:
                least = self.least(a)
                return None if least is None else least // value
            case Call(function="max"):
                known = [n for n in map(self.least, expr.args) if n is not None]
                return max(known, default=None)
        return None


def named_otherwise(block: Block) -> set[str]:
    """Names that other statements mention than assignments, stores, checks and control flow."""
    simple = Assign | Store | If | For | While | Comment | Check | IndexCheck
    others = (s for s in statements(block) if not isinstance(s, simple))
    return set[str]().union(*map(names_of, others))


def commute(
    loop: For,
    live: Live,
    aliases: Aliases,
    bounds: Bounds,
    private: Collection[str] = (),
) -> bool:
    """Whether the iterations of a loop can run in any order; ``live`` are the names read later.

    ``private`` are arrays of which each iteration has its own.
    """
    simple = Assign | Store | For | If | While | Comment
    if loop.until is not None or loop.var.name in live:
        return False
    for stmt in statements(loop.body):
        if not isinstance(stmt, simple) and not (
            isinstance(stmt, Alloc | ZerosLike) and stmt.target in private
        ):
            return False
    changing = assigned(loop.body)
    early = exposed(loop.body)
    if loop.var.name in changing or (changing - early) & live:
        return False
    if not all(is_sum(name, loop.body) for name in changing & early):
        return False
    touched = _touched(loop.body, private)
    with bounds.within(loop):
        for array, places in touched.items():
            if all(a.how == "load" for a in places):
                continue
            every = {a for other in touched if aliases.may(array, other) for a in touched[other]}
            for found in rows_apart(every, changing | {loop.var.name}, bounds):
                written = any(a.how != "load" for a in found)
                summed = all(a.how == "add" for a in found)
                if written and not summed and not _own_elements(found, loop.var, changing, bounds):
                    return False
    return True


def of_each(loop: For, aliases: Aliases, bounds: Bounds, private: Collection[str] = ()) -> set[str]:
    """The arrays that an iteration of a loop touches at elements of its own, or only reads.

    Nothing else in the loop writes these elements, under whatever name.
    """
    changing = assigned(loop.body)
    touched = _touched(loop.body, private)
    found: set[str] = set()
    with bounds.within(loop):
        for array in touched.keys() - changing:
            every = {a for other in touched if aliases.may(array, other) for a in touched[other]}
            if all(a.how == "load" for a in every) or _own_elements(
                every, loop.var, changing, bounds
            ):
                found.add(array)
    return found


def _touched(block: Block, private: Collection[str]) -> dict[str, set[Access]]:
    """The accesses of a block to each array that is not private."""
    touched: dict[str, set[Access]] = {}
    for access in accesses(block):
        if access.array not in private:
            touched.setdefault(access.array, set()).add(access)
    return touched


def rows_apart(found: set[Access], changing: set[str], bounds: Bounds) -> list[set[Access]]:
    """Accesses that may be of the same elements, in rows that a loop stays in all along.

    Rows of one array are others where their numbers differ by a literal, and none of them counts
    from the end: ``u[t, i - 1]`` and ``u[t + 1, i]``, in a loop over i.
    """
    if len({a.array for a in found}) > 1:
        return [found]
    for axis in range(min((len(a.index) for a in found), default=0)):
        rows: dict[int, set[Access]] = {}
        bases: set[Expr] = set()
        for access in found:
            base, offset = with_offset(access.index[axis])
            bases.add(base)
            rows.setdefault(offset, set()).add(access)
        if len(rows) > 1 and len(bases) == 1:
            numbers = [a.index[axis] for a in found]
            least = [bounds.least(e) for e in numbers if is_still(e, changing)]
            if len(least) == len(numbers) and all(k is not None and k >= 0 for k in least):
                return list(rows.values())
    return [found]


def is_sum(name: str, block: Block) -> bool:
    """Whether a block only adds to a scalar."""
    for stmt in statements(block):
        if name not in names_of(stmt):
            continue
        if not isinstance(stmt, Assign) or added_to(stmt.value, stmt.target) is None:
            return False
        if stmt.target.name != name:
            return False
    return True


def _own_elements(found: set[Access], counter: Var, changing: set[str], bounds: Bounds) -> bool:
    """Whether accesses are of one array, and of other elements in every iteration."""
    if len({a.array for a in found}) > 1:
        return False
    for positions in zip(*(a.index for a in found), strict=True):
        position = positions[0]
        least = bounds.least(position)
        if (
            len(set(positions)) == 1
            and is_own(position, counter, changing)
            and least is not None
            and least >= 0  # negative ones count from the end
        ):
            return True
    return False


def is_own(index: Expr, counter: Var, changing: set[str]) -> bool:
    """Whether an index differs from one iteration to every other."""
    if index == counter:
        return True
    if not isinstance(index, Binary) or index.op not in "+-*":
        return False
    for moving, still in ((index.a, index.b), (index.b, index.a)):
        if is_own(moving, counter, changing):
            if index.op == "*":
                return isinstance(still, Const) and still.value != 0
            return is_still(still, changing)
    return False


def is_still(expr: Expr, changing: set[str]) -> bool:
    """Whether an expression, of scalars and lengths, is the same in every iteration."""
    return not any(isinstance(e, Load) for e in walk(expr)) and not names_read(expr) & changing


def varies(expr: Expr, scalars: Set[str], arrays: Set[str]) -> bool:
    """Whether an expression reads some scalars, or elements of some arrays."""
    return any(
        (isinstance(e, Var) and e.name in scalars) or (isinstance(e, Load) and e.array in arrays)
        for e in walk(expr)
    )


def offset_from(expr: Expr, counter: Var) -> int | None:
    """The ``c`` of ``counter + c``."""
    match expr:
        case Var():
            return 0 if expr == counter else None
        case Binary(op="+" | "-" as op, a=a, b=Const(value=int(value))):
            inner = offset_from(a, counter)
            return None if inner is None else inner + (value if op == "+" else -value)
    return None
