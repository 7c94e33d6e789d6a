"""Sums down the columns of a matrix run along its rows.

A loop that sums over the first index of a matrix, for one column after the other, reads elements
that are far apart. With a sum for each column, all columns are summed together, row by row::

    for j in range(n):                          for j in range(n):
        s = 0.0                                     s_row[j] = 0.0
        for i in range(m):                      for i in range(m):
            s += x[i] * a[i, j]       ->            for j in range(n):
        y[j] = math.tanh(s)                             s_row[j] += x[i] * a[i, j]
                                                for j in range(n):
                                                    s = s_row[j]
                                                    y[j] = math.tanh(s)

Each sum has the same terms in the same order. What is summed must not hang on what the loop over
the columns does otherwise. The adjoint of the nest then goes along the rows as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed, names_of, reads_of
from srcad.analysis.iterations import is_still, is_sum, offset_from
from srcad.ir.build import ONE, at_least_zero, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Const,
    Expr,
    Extent,
    For,
    Invoke,
    Load,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.transform.reverse.loops import position

FEWEST = 8
"""Iterations that are worth it, where their number is a literal."""

Arrays = dict[str, tuple[str, int]]


def interchange(body: Block, live: frozenset[str], names: Names, arrays: Arrays) -> Block:
    """The body with such loops interchanged; ``live`` are the scalars that are read after it.

    ``arrays`` learns of the arrays that hold the sums.
    """
    changer = _Changer(Aliases(body, points_to(body, set(arrays))), names, arrays)
    found, made = changer.block(body, live)
    return (*made, *found)


@dataclass(frozen=True)
class _Nest:
    """A loop over columns with a loop over rows in it."""

    outer: For
    before: Block
    """What precedes the sums, without their starts."""
    inner: For
    after: Block
    starts: dict[Var, Expr]
    """The sums, and what each starts from."""


class _Changer:
    def __init__(self, aliases: Aliases, names: Names, arrays: Arrays) -> None:
        self.aliases = aliases
        self.names = names
        self.arrays = arrays

    def block(self, block: Block, live: frozenset[str]) -> tuple[Block, list[Alloc]]:
        """A block with its loops interchanged, and arrays to be made anywhere before it."""
        out: list[Stmt] = []
        waiting: list[Alloc] = []
        for k, stmt in enumerate(block):
            if not blocks(stmt):
                out.append(stmt)
                continue
            after = live | exposed(block[k + 1 :])
            inner = after | exposed((stmt,)) if isinstance(stmt, For | While) else after
            parts = [self.block(b, inner) for b in blocks(stmt)]
            made = [a for _, allocs in parts for a in allocs]
            stmt = with_blocks(stmt, tuple(b for b, _ in parts))
            changed: list[Stmt] = [stmt]
            nest = self._nest(stmt, after) if isinstance(stmt, For) else None
            if nest is not None:
                changed, rows = self._interchanged(nest)
                made += rows
            bound = assigned((stmt, *block[:k])) if made else set[str]()
            here = [a for a in made if any(names_read(e) & bound for e in a.shape)]
            out += here
            out += changed
            waiting += [a for a in made if not any(a is h for h in here)]
        return tuple(out), waiting

    # ------------------------------------------------------------ which loops

    def _nest(self, loop: For, live: frozenset[str]) -> _Nest | None:
        """The two loops, if they can be interchanged and should be."""
        at = next((k for k, s in enumerate(loop.body) if isinstance(s, For)), None)
        if at is None or not _is_plain(loop) or not isinstance(inner := loop.body[at], For):
            return None
        before, after = loop.body[:at], loop.body[at + 1 :]
        carried = assigned(inner.body) & exposed(inner.body)
        own = assigned((inner,)) - carried
        changing = assigned((loop,))
        before, starts = _starts(before, carried, after)
        if (
            not _is_plain(inner)
            or not carried
            or not all(isinstance(s, Assign) for s in inner.body)
            or not all(isinstance(s, Assign | Store) for s in before)
            or carried != {v.name for v in starts}
            or not all(is_still(e, changing) for e in starts.values())
            or any(carried & names_of(s) for s in before)
            or not all(is_sum(n, inner.body) for n in carried)
            or not all(is_still(e, changing) for e in (inner.start, inner.stop))
            or own & (live | exposed(after) | exposed(loop.body))
            or (reads_of_block(inner.body) & changing) - own - carried - {loop.var.name}
            or self._meet(inner, (*before, *after))
            or not _goes_down(inner, loop.var)
        ):
            return None
        return _Nest(loop, before, inner, after, starts)

    def _meet(self, inner: For, rest: Block) -> bool:
        """Whether the sums may read what the rest of the loop writes."""
        read = {
            e.array
            for s in inner.body
            for x in expressions(s)
            for e in walk(x)
            if isinstance(e, Load)
        }
        written: set[str] = set()
        for stmt in statements(rest):
            match stmt:
                case Store():
                    written.add(stmt.array)
                case Invoke():
                    written |= set(stmt.writes)
        if read & assigned(rest):
            return True
        return any(self.aliases.may(a, b) for a in read for b in written)

    # ------------------------------------------------------------ what becomes of them

    def _interchanged(self, nest: _Nest) -> tuple[list[Stmt], list[Alloc]]:
        outer, inner = nest.outer, nest.inner
        at = next(s.at for s in inner.body if isinstance(s, Assign) and s.target in nest.starts)
        place = position(outer)
        length = sub(outer.stop, outer.start)
        shape = length if isinstance(length, Extent | Const) else at_least_zero(length)
        rows = {v: self.names.fresh(f"{v.name}_row") for v in nest.starts}
        self.arrays |= {row: (v.kind, 1) for v, row in rows.items()}
        loads = {v: Load(row, (place,), v.kind) for v, row in rows.items()}
        first = tuple(Store(rows[v], (place,), e, False, at) for v, e in nest.starts.items())
        adding = tuple(_with_rows(s, loads) for s in inner.body)
        taken = tuple(Assign(v, load, at, dear=True) for v, load in loads.items())
        made = [Alloc(row, (shape,), v.kind, False, at) for v, row in rows.items()]
        return [
            replace(outer, body=first),
            replace(inner, body=(replace(outer, body=adding),)),
            replace(outer, body=(*nest.before, *taken, *nest.after)),
        ], made


def _starts(before: Block, sums: set[str], after: Block) -> tuple[Block, dict[Var, Expr]]:
    """What precedes the sums without what starts them, and what they start from.

    That may have been stored in an element first, which takes the sum in the end.
    """
    rest: list[Stmt] = []
    starts: dict[Var, Expr] = {}
    for stmt in before:
        if not isinstance(stmt, Assign) or stmt.target.name not in sums:
            rest.append(stmt)
            continue
        if stmt.target in starts:
            return before, {}
        value, last = stmt.value, rest[-1] if rest else None
        if isinstance(last, Store) and value == Load(last.array, last.index, stmt.target.kind):
            value = last.value
            if after and after[0] == replace(last, value=stmt.target):
                rest.pop()
        starts[stmt.target] = value
    return tuple(rest), starts


def reads_of_block(block: Block) -> set[str]:
    """All names that the statements of a block read."""
    return set[str]().union(*map(reads_of, statements(block)))


def _is_plain(loop: For) -> bool:
    """Whether a loop counts up by one to its end, and is worth changing."""
    length = sub(loop.stop, loop.start)
    few = isinstance(length, Const) and length.value < FEWEST
    return loop.until is None and loop.checkpoints is None and loop.step == ONE and not few


def _goes_down(inner: For, column: Var) -> bool:
    """Whether what is summed lies in columns, and nothing of it in rows."""
    down = False
    for stmt in inner.body:
        for expr in expressions(stmt):
            for e in walk(expr):
                if isinstance(e, Load) and len(e.index) > 1:
                    *leading, last = e.index
                    moves = any(inner.var.name in names_read(k) for k in leading)
                    if moves and offset_from(last, column) is not None:
                        down = True
                    elif inner.var.name in names_read(last) and any(
                        column.name in names_read(k) for k in leading
                    ):
                        return False
    return down


def _with_rows(stmt: Stmt, loads: dict[Var, Load]) -> Stmt:
    """A statement of the inner loop, with elements of rows in place of the sums."""

    def changed(expr: Expr) -> Expr:
        if isinstance(expr, Var) and expr in loads:
            return loads[expr]
        parts = children(expr)
        return rebuild(expr, tuple(map(changed, parts))) if parts else expr

    assert isinstance(stmt, Assign)
    value = changed(stmt.value)
    if stmt.target not in loads:
        return replace(stmt, value=value)
    row = loads[stmt.target]
    return Store(row.array, row.index, value, False, stmt.at)
