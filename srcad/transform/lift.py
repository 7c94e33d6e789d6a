"""What every iteration of a loop computes alike is computed before the loop.

A Jacobian by rows runs the forward sweep of its function once for each row, but only the seeds
differ. Statements that depend on nothing that the loop changes move in front of it, together with
what they fill, where the loop certainly runs. Where it may not, integers move that cost a division
and cannot raise::

    for row in range(2):                    angle = math.sqrt(s)
        seed = 1.0 if row == 0 else 0.0     for row in range(2):
        angle = math.sqrt(s)           ->       seed = 1.0 if row == 0 else 0.0
        s_b = 0.5 / angle * seed                s_b = 0.5 / angle * seed
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.flow import exposed, writes_of
from srcad.analysis.held import held_arrays
from srcad.analysis.liveness import Live, live_at_end, live_before
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Check,
    Comment,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    If,
    IndexCheck,
    Invoke,
    Load,
    MatMul,
    Print,
    Raise,
    Return,
    Stmt,
    Store,
    Var,
    While,
    ZerosLike,
    blocks,
    expressions,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import INT

_EFFECTS = Check | IndexCheck | Raise | Print | Invoke | Return | While


def lift(function: Function) -> Function:
    """The function with such statements in front of the loops that they stand in."""
    lifter = _Lifter(points_to(function.body, set(function.arrays)), held_arrays(function))
    return replace(function, body=lifter.block(function.body, frozenset(function.exports)))


@dataclass
class _Uses:
    """What a statement reads and writes: names, and contents of arrays (``@site``)."""

    reads: set[str]
    writes: set[str]
    binds: set[str]
    """What it makes without regard to what was there."""


class _Lifter:
    def __init__(self, sites: Sites, held: set[str]) -> None:
        self.sites = sites
        self.held = held

    def block(self, block: Block, live: Live) -> Block:
        """The block; ``live`` are the names that are read after it."""
        out: list[Stmt] = []
        for stmt in reversed(block):
            before = live_before(stmt, live)
            match stmt:
                case For(parallel=False):
                    body = self.block(stmt.body, live_at_end(stmt, live))
                    lifted, rest = self._divided(replace(stmt, body=body), live)
                    out += [rest, *reversed(lifted)]
                case For() | While():
                    end = live_at_end(stmt, live)
                    out.append(with_blocks(stmt, (self.block(stmt.body, end),)))
                case If():
                    parts = tuple(self.block(b, live) for b in blocks(stmt))
                    out.append(with_blocks(stmt, parts))
                case _:
                    out.append(stmt)
            live = before
        return tuple(reversed(out))

    def _divided(self, loop: For, live: Live) -> tuple[list[Stmt], For]:
        """What is computed before a loop, and the loop with the rest."""
        body = loop.body
        runs = _runs(loop)
        alike = {k for k, s in enumerate(body) if _may_move(s, runs, live) and not self._keeps(s)}
        if runs:
            effect = next((k for k, s in enumerate(body) if isinstance(s, _EFFECTS)), len(body))
            alike = {k for k in alike if k < effect or not _touches_memory(body[k])}
        if not alike:
            return [], loop
        counters = {s.var.name for s in statements(body) if isinstance(s, For)}
        others = {n for s in statements(body) if not isinstance(s, For) for n in writes_of(s)}
        private = counters - others - live - set[str]().union(*(exposed((s,)) for s in body))
        uses = [self._uses(s, private) for s in body]
        size = -1
        while size != (size := len(alike)):
            alike = {k for k in alike if self._is_alike(k, alike, uses, loop.var.name)}
        if not any(not isinstance(body[k], Alloc) for k in alike):
            return [], loop
        lifted = [s for k, s in enumerate(body) if k in alike]
        rest = tuple(s for k, s in enumerate(body) if k not in alike)
        return lifted, replace(loop, body=rest)

    def _keeps(self, stmt: Stmt) -> bool:
        """Whether a statement makes arrays that somebody has when the next iteration makes its."""
        made = {s.target for s in statements((stmt,)) if isinstance(s, Alloc | ZerosLike)}
        return bool(made & self.held)

    def _is_alike(self, k: int, alike: set[int], uses: list[_Uses], counter: str) -> bool:
        """Whether a statement does the same in each iteration, if those in ``alike`` do."""
        own = uses[k]
        if counter in own.reads | own.writes:
            return False
        defined: set[str] = set()
        changed: set[str] = set()
        for j, other in enumerate(uses):
            if j in alike:
                changed |= other.writes
                if j < k:
                    defined |= other.binds
                continue
            if other.writes & (own.reads | own.writes) or (j < k and other.reads & own.writes):
                return False
        # what it finds there must have been made in the same iteration
        return not (own.reads & changed) - defined

    def _uses(self, stmt: Stmt, private: set[str]) -> _Uses:
        """What a statement uses; ``private`` are counters that nobody reads after their loops."""
        reads: set[str] = set(exposed((stmt,)))
        writes: set[str] = set()
        for s in statements((stmt,)):
            writes |= set(writes_of(s))
            for x in expressions(s):
                for e in walk(x):
                    if isinstance(e, Load):
                        reads |= self._contents(e.array)
            match s:
                case Store():
                    writes |= self._contents(s.array)
                case Copy():
                    reads |= self._contents(s.source)
                    writes |= self._contents(s.target)
                case MatMul():
                    reads |= self._contents(s.a) | self._contents(s.b)
                    writes |= self._contents(s.target)
                case Alloc() | ZerosLike():
                    writes |= self._contents(s.target)
                case Invoke():
                    named = [*s.writes, *(t for t in s.targets if isinstance(t, str))]
                    writes |= {c for n in named for c in self._contents(n)}
                    given = [a for a in s.args if isinstance(a, str)]
                    reads |= {c for n in given for c in self._contents(n)}
                case Print() | Return():
                    given = [i for i in s.items if isinstance(i, str)]
                    reads |= {c for n in given for c in self._contents(n)}
        binds = set(writes) if isinstance(stmt, Assign | Alloc | ZerosLike) else set[str]()
        return _Uses(reads, writes - private, binds)

    def _contents(self, array: str) -> set[str]:
        return {f"@{site}" for site in self.sites.get(array, frozenset((array,)))}


def _runs(loop: For) -> bool:
    """Whether a loop certainly has an iteration."""
    ends = [e.value if isinstance(e, Const) else None for e in (loop.start, loop.stop, loop.step)]
    if None in ends or loop.until is not None:
        return False
    start, stop, step = (int(n) for n in ends if n is not None)
    return bool(step) and len(range(start, stop, step)) > 0


def _may_move(stmt: Stmt, runs: bool, live: Live) -> bool:
    """Whether a statement can be run before the loop, once, as far as its kind goes."""
    if not runs:
        return (
            isinstance(stmt, Assign)
            and stmt.target.kind == INT
            and stmt.target.name not in live
            and _is_safe(stmt.value)
        )
    simple = Assign | Store | Alloc | ZerosLike | For
    return isinstance(stmt, simple) and all(
        isinstance(s, simple | Comment) and not (isinstance(s, For) and s.until is not None)
        for s in statements((stmt,))
    )


def _is_safe(value: Expr) -> bool:
    """Whether an integer can be computed wherever its operands are known: it cannot raise."""
    match value:
        case Const() | Var() | Extent():
            return value.kind == INT
        case Call(function="max" | "min"):
            return all(map(_is_safe, value.args))
    if not isinstance(value, Binary) or value.kind != INT:
        return False
    if value.op in ("//", "%"):
        match value.b:
            case Call(function="max", args=least):
                pass
            case _:
                least = (value.b,)
        if not any(isinstance(e, Const) and e.value > 0 for e in least):
            return False
    return value.op in ("+", "-", "*", "//", "%") and _is_safe(value.a) and _is_safe(value.b)


def _touches_memory(stmt: Stmt) -> bool:
    """Whether a statement reads or writes elements of arrays."""
    return any(
        isinstance(s, Store) or any(isinstance(e, Load) for x in expressions(s) for e in walk(x))
        for s in statements((stmt,))
    )
