"""Elements that are read only where they are put back are read from the tape.

Reversal puts an element back before it reverses the statement that overwrote it. Where every
element of an array that the reverse sweep reads has been put back just before, in the same
iteration, it can be read from the tape, and nothing has to be put back. What is read before, by
statements that follow the overwriting, is what the overwriting stored: that is computed again from
the tape, if it takes a few operations, in place of an element that is saved where it is next
overwritten::

    for t in range(n):                          for t in range(n):
        for j in range(m):                          for j in range(m):
            x_tape[t, j] = x[j]
            x[j] = u[t, j]                              x[j] = u[t, j]
        for j in range(m):                          for j in range(m):
            x_tape_1[t, j] = x[j]                       x_tape_1[t, j] = x[j]
            x[j] = c * x[j]                             x[j] = c * x[j]
            s += math.exp(x[j])                         s += math.exp(x[j])
    # reverse sweep                             # reverse sweep
    for t in range(n - 1, -1, -1):         ->   for t in range(n - 1, -1, -1):
        for j in range(m):                          for j in range(m):
            x_b[j] += math.exp(x[j]) * s_b              y = math.exp(c * x_tape_1[t, j])
            x[j] = x_tape_1[t, j]                       x_b[j] += y * s_b
            c_b += x[j] * x_b[j]                        c_b += x_tape_1[t, j] * x_b[j]
            ...                                         ...
        for j in range(m):
            x[j] = x_tape[t, j]

It is done for an array only if nothing of it is read in another way; ``prune`` drops the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.flow import assigned, bound_in, named_in, names_of, writes_of
from srcad.analysis.places import arrays_written, start_of_reverse
from srcad.analysis.sizes import difference, with_offset
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Call,
    Const,
    Copy,
    Expr,
    Extent,
    Function,
    Invoke,
    Load,
    Reshape,
    Return,
    Select,
    Stmt,
    Store,
    Unary,
    Var,
    Window,
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
from srcad.ir.rename import with_expressions
from srcad.ir.types import INT
from srcad.transform.cost import dear_calls, tapes_of
from srcad.transform.prune import prune

_OPERATIONS = 4
"""At most so many operations compute again what was stored."""

Index = tuple[Expr, ...]


@dataclass(frozen=True)
class _Overwriting:
    """A store to an element that was saved just before, and whether its block has no other one."""

    store: Store
    alone: bool


def put_back(function: Function) -> Function:
    """The function with elements read from tapes that are read only where they are put back."""
    body = function.body
    start = start_of_reverse(body)
    tapes = tapes_of(function)
    if start is None or not tapes:
        return function
    sites = points_to(body, set(function.arrays))
    shared = {s for name, found in sites.items() for s in found if name != s}
    kept = {n for s in statements(body) if isinstance(s, Return) for n in names_of(s)}
    sweep = body[start:]
    bound = assigned(body)
    arrays = {a for s in statements(body) for a in arrays_written(s)}
    written = {s for a in arrays for s in sites.get(a, frozenset((a,)))}
    restored = {s.array for s in statements(sweep) if isinstance(s, Store) and _is_saved(s, tapes)}
    for array in sorted(restored - tapes - shared - kept - set(function.exports)):
        if sites.get(array, frozenset((array,))) == frozenset((array,)):
            reader = _Reader(array, tapes, body, start, bound, written, sites)
            sweep = reader.sweep(sweep) or sweep
    if sweep == body[start:]:
        return function
    return prune(replace(function, body=(*body[:start], *sweep)))


def _is_saved(store: Store, tapes: Collection[str]) -> bool:
    return isinstance(store.value, Load) and store.value.array in tapes


class _ReadOtherwiseError(Exception):
    """An array is read in another way."""


class _Reader:
    """The reading of one array."""

    def __init__(
        self,
        array: str,
        tapes: Collection[str],
        body: Block,
        start: int,
        bound: Set[str],
        written: Set[str],
        sites: Sites,
    ) -> None:
        self.array = array
        self.tapes = tapes
        self.bound = bound
        self.written = written
        self.sites = sites
        self.saved: dict[Load, _Overwriting | None] = {}
        self._note(body[:start])

    def _note(self, block: Block) -> None:
        """Remember what overwrites elements that were saved just before."""
        naming = tuple(s for s in block if self.array in named_in(s))
        alone = sum(self.array in arrays_written(s) for s in statements(naming)) == 1
        for before, stmt in pairwise(block):
            if self.array not in named_in(stmt):
                continue
            match before, stmt:
                case (
                    Store(array=tape, index=slot, value=Load(array=a, index=index) as old),
                    Store(array=b, index=place),
                ) if a == b == self.array and index == place and tape in self.tapes:
                    key = Load(tape, slot, old.kind)
                    new = None if key in self.saved else _Overwriting(stmt, alone)
                    self.saved[key] = new
        for stmt in naming:
            for part in blocks(stmt):
                self._note(part)

    def sweep(self, sweep: Block) -> Block | None:
        """The reverse sweep that reads nothing of the array, or None."""
        try:
            return self._block(sweep, {})
        except _ReadOtherwiseError:
            return None

    def _block(self, block: Block, numbers: dict[str, Expr]) -> Block:
        out: list[Stmt] = []
        here: dict[Index, Load] = {}
        """The elements that were put back and are still there."""
        numbers = dict(numbers)
        """What integers are, in terms of others that stay as they are."""
        for k, stmt in enumerate(block):
            inside = blocks(stmt)
            changed = bound_in(stmt)
            if self.array not in named_in(stmt):
                out.append(stmt)
            elif inside:
                self._refuse(stmt)
                fixed = {n: e for n, e in numbers.items() if not ({n} | names_read(e)) & changed}
                parts = tuple(self._block(b, fixed) for b in inside)
                out.append(with_blocks(stmt, parts))
                if any(self.array in arrays_written(s) for s in statements((stmt,))):
                    here = {}
            else:
                out.append(self._statement(stmt, here, block[k + 1 :]))
                if isinstance(stmt, Store) and stmt.array == self.array:
                    here = {i: t for i, t in here.items() if _differ(i, stmt.index, numbers)}
                    if _is_saved(stmt, self.tapes) and isinstance(stmt.value, Load):
                        here[stmt.index] = stmt.value
            here = {i: t for i, t in here.items() if not _names((*i, *t.index)) & changed}
            numbers = {n: e for n, e in numbers.items() if not ({n} | names_read(e)) & changed}
            if isinstance(stmt, Assign) and stmt.target.kind == INT and _is_arithmetic(stmt):
                numbers[stmt.target.name] = stmt.value
        return tuple(out)

    def _statement(self, stmt: Stmt, here: dict[Index, Load], rest: Block) -> Stmt:
        """A statement that reads from tapes; ``rest`` comes after it."""
        if not isinstance(stmt, Assign | Store):
            self._refuse(stmt)
            return stmt
        (new,) = with_expressions((stmt,), lambda e: self._read(e, here, rest))
        return new

    def _refuse(self, stmt: Stmt) -> None:
        """Statements that read of the array more than its lengths."""
        loads = (e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load))
        if any(e.array == self.array for e in loads) or self.array in writes_of(stmt):
            raise _ReadOtherwiseError
        if self.array in names_of(stmt) and not isinstance(stmt, ZerosLike):
            inside = {e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Extent)}
            if self.array not in inside or isinstance(stmt, Invoke | Copy | Window | Reshape):
                raise _ReadOtherwiseError

    def _read(self, expr: Expr, here: dict[Index, Load], rest: Block) -> Expr:
        """An expression with elements of the array from tapes."""
        if isinstance(expr, Load) and expr.array == self.array:
            return here[expr.index] if expr.index in here else self._made(expr, rest)
        parts = children(expr)
        return rebuild(expr, tuple(self._read(e, here, rest) for e in parts)) if parts else expr

    def _made(self, load: Load, rest: Block) -> Expr:
        """What the statement stored whose reversal puts the element back next."""
        back = self._next(load, rest)
        found = None if back is None else self.saved.get(back)
        if back is None or found is None or not found.alone or found.store.index != load.index:
            raise _ReadOtherwiseError
        value, old = found.store.value, Load(self.array, load.index, back.kind)
        counters = {e.name for i in back.index for e in walk(i) if isinstance(e, Var)}
        counters = {n for n in counters if any(_counts(i, n) for i in back.index)}
        operations = sum(isinstance(e, Binary | Unary | Call | Select) for e in walk(value))
        if value.kind != load.kind or operations > _OPERATIONS or dear_calls(found.store):
            raise _ReadOtherwiseError
        if any(isinstance(e, Binary) and e.op == "/" for e in walk(value)):
            raise _ReadOtherwiseError

        def moved(expr: Expr) -> Expr:
            if expr == old:
                return back
            match expr:
                case Var(name=name) if name in self.bound - counters:
                    raise _ReadOtherwiseError
                case Load(array=array) | Extent(array=array):
                    family = self.sites.get(array, frozenset((array,)))
                    if array in self.bound or family & self.written:
                        raise _ReadOtherwiseError
                case _:
                    pass
            parts = children(expr)
            return rebuild(expr, tuple(map(moved, parts))) if parts else expr

        return moved(value)

    def _next(self, load: Load, rest: Block) -> Load | None:
        """From which place of a tape the element is put back next."""
        changed: set[str] = set()
        for stmt in rest:
            if isinstance(stmt, Store) and stmt.array == self.array:
                back = stmt.value
                if stmt.index != load.index or not isinstance(back, Load):
                    return None
                if back.array not in self.tapes or _names((*stmt.index, *back.index)) & changed:
                    return None
                return back
            if any(self.array in arrays_written(s) for s in statements((stmt,))):
                return None
            changed |= bound_in(stmt)
        return None


def _names(index: Index) -> set[str]:
    return set[str]().union(*map(names_read, index))


def _counts(index: Expr, name: str) -> bool:
    """Whether an index is a counter and a literal."""
    number, _ = with_offset(index)
    return isinstance(number, Var) and number.name == name


def _is_arithmetic(stmt: Assign) -> bool:
    """Whether a variable gets a number that is made of others, and not of itself."""
    simple = all(isinstance(e, Var | Const | Binary | Extent) for e in walk(stmt.value))
    return simple and stmt.target.name not in names_read(stmt.value)


def _differ(one: Index, two: Index, numbers: dict[str, Expr]) -> bool:
    """Whether two indices are certainly of different elements."""

    def told(expr: Expr) -> Expr:
        return numbers.get(expr.name, expr) if isinstance(expr, Var) else expr

    apart = (difference(told(a), told(b)) for a, b in zip(one, two, strict=True))
    return any(d is not None and d != 0 for d in apart)
