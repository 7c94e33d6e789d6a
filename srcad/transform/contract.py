"""Arrays that live for one iteration become scalars.

After fusion many arrays are written and read at the same index of the same loop and nowhere else.
Such an array needs no memory: each of its elements is a variable of the iteration. Its adjoint is
then a variable too::

    y = np.empty(n)
    for i in range(n):              for i in range(n):
        y[i] = sin(x[i])                y_i = sin(x[i])
        s += y[i] * y[i]       ->       s += y_i * y_i

One that is only stored in another array needs no variable either.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.analysis.flow import names_of, reads_of
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Expr,
    For,
    If,
    IndexCheck,
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


def contract(body: Block, kept: set[str], names: Names) -> Block:
    """The body with such arrays contracted; ``kept`` are needed afterwards (results, outputs)."""
    mentions: Counter[str] = Counter()
    for stmt in statements(body):
        mentions.update(names_of(stmt))
    return _Contractor(mentions, kept, names).block(body)


class _Contractor:
    def __init__(self, mentions: Counter[str], kept: set[str], names: Names) -> None:
        self.mentions = mentions
        self.kept = kept
        self.names = names
        self.where: dict[int, tuple[Block, dict[str, list[Stmt]]]] = {}
        """For each block the statements in it, nested blocks included, that mention a name."""

    def block(self, block: Block) -> Block:
        made = {s.target for s in block if isinstance(s, Alloc)} - self.kept
        out: list[Stmt] = []
        gone: set[str] = set()
        for stmt in block:
            match stmt:
                case For():
                    scalars = self._contractible(stmt, made)
                    gone |= set(scalars)
                    body = _replaced(stmt.body, scalars) if scalars else stmt.body
                    body = _stored_at_once(body, {v.name for v in scalars.values()})
                    stmt = replace(stmt, body=self.block(body))
                case While():
                    stmt = with_blocks(stmt, (self.block(stmt.body),))
                case If():
                    stmt = with_blocks(stmt, (self.block(stmt.body), self.block(stmt.orelse)))
            out.append(stmt)
        return tuple(s for s in out if not (isinstance(s, Alloc) and s.target in gone))

    def _contractible(self, loop: For, made: set[str]) -> dict[str, Var]:
        """The arrays that nothing but this loop needs, and the scalars that take their place."""
        inside: Counter[str] = Counter()
        for stmt in statements((loop,)):
            inside.update(made & names_of(stmt))
        out: dict[str, Var] = {}
        for array in sorted(inside):
            if inside[array] != self.mentions[array] - 1:
                continue
            found = self._place(loop.body, array, (loop.var,))
            if found is not None and self._only_there(loop, array, found[0]):
                index, kind = found
                out[array] = Var(self.names.fresh(f"{array}_{index[-1].name}"), kind)
        return out

    def _touching(self, block: Block, array: str) -> list[Stmt]:
        """The statements of a block that mention an array, in order."""
        known = self.where.get(id(block))
        if known is None:
            found: dict[str, list[Stmt]] = {}
            for stmt in block:
                for name in set[str]().union(*map(names_of, statements((stmt,)))):
                    found.setdefault(name, []).append(stmt)
            known = self.where[id(block)] = block, found
        return known[1].get(array, [])

    def _place(
        self, block: Block, array: str, counters: tuple[Var, ...]
    ) -> tuple[tuple[Var, ...], str] | None:
        """Index and kind of the first write of an array, if nothing in front of it reads it."""
        for stmt in self._touching(block, array):
            match stmt:
                case Store() if stmt.array == array:
                    index = stmt.index
                    if not stmt.fresh or index != counters:
                        return None
                    if any(
                        array in {e.array for e in walk(x) if isinstance(e, Load)}
                        for x in expressions(stmt)
                    ):
                        return None
                    return counters, stmt.value.kind
                case For() if array in {n for s in statements((stmt,)) for n in reads_of(s)}:
                    return self._place(stmt.body, array, (*counters, stmt.var))
                case _:
                    if any(array in reads_of(s) for s in statements((stmt,))):
                        return None
        return None

    def _only_there(self, loop: For, array: str, index: tuple[Var, ...]) -> bool:
        """Whether every mention of the array in the loop is of the element at ``index``."""
        inner: Block = loop.body
        for counter in index[1:]:
            touching = self._touching(inner, array)
            holders = [s for s in touching if any(array in reads_of(x) for x in statements((s,)))]
            if len(holders) != 1 or not isinstance(holders[0], For) or holders[0].var != counter:
                return False
            inner = holders[0].body
        touching = tuple(self._touching(inner, array))
        for stmt in statements(touching):
            if isinstance(stmt, Store) and stmt.array == array and stmt.index != index:
                return False
            if isinstance(stmt, IndexCheck | Check) and array in reads_of(stmt):
                return False
            for expr in expressions(stmt):
                for e in walk(expr):
                    if getattr(e, "array", None) == array and not (
                        isinstance(e, Load) and e.index == index
                    ):
                        return False
        simple = (Assign, Store, For, If)
        return all(isinstance(s, simple) for s in statements(touching) if array in reads_of(s))


def _stored_at_once(block: Block, scalars: set[str]) -> Block:
    """The block without scalars that are computed only to be stored by the next statement."""
    if not scalars:
        return block
    mentions = Counter(n for s in statements(block) for n in names_of(s) & scalars)
    once = {n for n, count in mentions.items() if count == 2}

    def stored(block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For | If):
                stmt = with_blocks(stmt, tuple(map(stored, blocks(stmt))))
            last = out[-1] if out else None
            if (
                isinstance(stmt, Store)
                and isinstance(last, Assign)
                and last.target.name in once
                and stmt.value == last.target
                and last.target.name not in {n for e in stmt.index for n in names_read(e)}
            ):
                out[-1] = replace(stmt, value=last.value)
            else:
                out.append(stmt)
        return tuple(out)

    return stored(block)


def _replaced(block: Block, scalars: dict[str, Var]) -> Block:
    """The block with the elements of arrays replaced by scalars."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Store() if stmt.array in scalars:
                out.append(Assign(scalars[stmt.array], _expr(stmt.value, scalars), stmt.at))
            case Store():
                index = tuple(_expr(e, scalars) for e in stmt.index)
                out.append(replace(stmt, index=index, value=_expr(stmt.value, scalars)))
            case Assign():
                out.append(replace(stmt, value=_expr(stmt.value, scalars)))
            case For():
                out.append(replace(stmt, body=_replaced(stmt.body, scalars)))
            case If():
                parts = _replaced(stmt.body, scalars), _replaced(stmt.orelse, scalars)
                out.append(
                    replace(stmt, test=_expr(stmt.test, scalars), body=parts[0], orelse=parts[1])
                )
            case _:
                out.append(stmt)
    return tuple(out)


def _expr(expr: Expr, scalars: dict[str, Var]) -> Expr:
    if isinstance(expr, Load) and expr.array in scalars:
        return scalars[expr.array]
    parts = children(expr)
    return rebuild(expr, tuple(_expr(e, scalars) for e in parts)) if parts else expr
