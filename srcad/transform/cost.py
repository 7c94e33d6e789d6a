"""What an adjoint costs beside plain arithmetic: to choose among several ways of writing one.

The unit is a number that is saved on a tape, or loaded from there. A quotient takes three times as
long, an elementary function twenty times, or four times where a loop evaluates several at once. The
loops that run inside of others count for more, and what one iteration computes twice counts once::

    for i in range(n):
        s_tape[i] = s                                   # 1
        s = math.exp(s) + math.exp(s) / x[i]            # 20 + 3
"""

from __future__ import annotations

from collections.abc import Iterator

from srcad.analysis.alias import Aliases, points_to
from srcad.ir.nodes import (
    Binary,
    Block,
    Call,
    Const,
    Expr,
    For,
    Function,
    Load,
    Stack,
    Stmt,
    Store,
    Tape,
    While,
    blocks,
    children,
    expressions,
    statements,
    walk,
)
from srcad.ir.types import FLOAT, FLOAT32, is_inexact
from srcad.transform.partials import logistic_of
from srcad.transform.vectorise import has_lanes

_CHEAP = frozenset(
    {
        *("abs", "min", "max", "float", "plus", "over", "int", "bool", "round", "stop_gradient"),
        *("math.sqrt", "math.copysign", "math.isnan", "math.isinf", "math.isfinite"),
        *("math.floor", "math.ceil", "math.trunc", "math.fabs", "math.radians", "math.degrees"),
        *("np.float32", "np.float64", "np.square", "np.reciprocal", "np.floor", "np.ceil"),
        *("np.sign", "np.signbit", "np.trunc", "np.rint", "np.maximum", "np.minimum"),
        *("np.fmax", "np.fmin", "np.spacing", "straight_through"),
    }
)
"""Functions that are an instruction or a few."""


_TIMES = 8
"""How many iterations a loop is taken to have."""


def cost(function: Function) -> int:
    """What the loops of an adjoint cost."""
    return _Counter(tapes_of(function), aliases_of(function)).block(function.body, 0, False)


def saved(function: Function) -> int:
    """How many numbers the loops of an adjoint save."""
    tapes = tapes_of(function)

    def within(block: Block, weight: int) -> int:
        stores = sum(isinstance(s, Store) and s.array in tapes for s in block)
        inner = ((s, weight * _TIMES if isinstance(s, For | While) else weight) for s in block)
        return weight * stores + sum(within(b, w) for s, w in inner for b in blocks(s))

    return within(function.body, 1)


def tapes_of(function: Function) -> set[str]:
    """The tapes of an adjoint."""
    return {s.target for s in statements(function.body) if isinstance(s, Tape | Stack)}


class _Counter:
    def __init__(self, tapes: set[str], aliases: Aliases) -> None:
        self.tapes = tapes
        self.aliases = aliases

    def block(self, block: Block, weight: int, lanes: bool) -> int:
        found, seen = 0, set[Expr]()
        for stmt in block:
            if isinstance(stmt, For | While):
                inner = (weight or 1) * _TIMES
                found += self.block(stmt.body, inner, in_lanes(stmt, self.aliases))
            else:
                found += sum(self.block(b, weight, lanes) for b in blocks(stmt))
            if isinstance(stmt, Store) and stmt.array in self.tapes:
                found += weight
            seen |= {part for e in expressions(stmt) for part in walk(e)}
        return found + weight * sum(self.price(e, lanes) for e in seen)

    def price(self, expr: Expr, lanes: bool) -> int:
        match expr:
            case Load():
                return int(expr.array in self.tapes)
            case Binary(op="/") if is_inexact(expr.kind):
                return 3
            case Call(function="math.sqrt"):
                return 4
        return (4 if lanes else 20) if is_dear(expr) else 0


def is_dear(expr: Expr) -> bool:
    """Whether an expression takes longer to compute than a number to save."""
    if expr.kind not in (FLOAT, FLOAT32):
        return False
    if isinstance(expr, Binary):
        return expr.op == "**" and not isinstance(expr.b, Const)
    return isinstance(expr, Call) and expr.function not in _CHEAP


def dear_calls(stmt: Stmt) -> frozenset[Expr]:
    """The dear calls that a statement evaluates itself; a logistic function is one."""
    return frozenset(part for e in expressions(stmt) for part in _dear(e))


def _dear(expr: Expr) -> Iterator[Expr]:
    u = logistic_of(expr)
    if u is not None or is_dear(expr):
        yield expr
    for part in children(expr) if u is None else (u,):
        yield from _dear(part)


def aliases_of(function: Function) -> Aliases:
    """Which arrays of a function may share memory."""
    return Aliases(function.body, points_to(function.body, set(function.arrays)))


def in_lanes(loop: For | While, aliases: Aliases) -> bool:
    """Whether a loop evaluates its elementary functions for several elements at once."""
    return isinstance(loop, For) and has_lanes(loop, aliases)
