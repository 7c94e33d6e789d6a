"""Quotients by what stays the same in a loop may become products with its reciprocal.

A division takes several times as long as a product, and LLVM replaces one by the other only if it
is told that it may, as the last digit can differ. Quotients of adjoints and tangents are freed
where the divisor is the same in all iterations of the innermost loop::

    for j in range(n):                          for j in range(n):
        x_b[j] += y_b[j] / c        ->              x_b[j] += over(y_b[j], c)

So are the quotients of the program, where nothing but the gradient is asked for, and where no digit
decides anything: where floats are neither compared nor rounded (``int(x / h)`` must be the same).
The reciprocal of a number below 6e-309 is infinite, which shows.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from srcad.analysis.flow import assigned, reads_of, writes_of
from srcad.analysis.iterations import is_still
from srcad.ir.nodes import (
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Compare,
    Copy,
    Expr,
    For,
    Function,
    Invoke,
    Select,
    Stmt,
    Store,
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
from srcad.ir.types import FLOAT, FLOAT32, is_inexact

_CONTINUOUS = frozenset(
    {
        *("abs", "min", "max", "float", "plus", "np.float32", "np.float64", "math.fabs"),
        *("math.sqrt", "np.cbrt", "math.exp", "np.exp2", "math.expm1", "math.log", "math.log2"),
        *("math.log10", "math.log1p", "math.sin", "math.cos", "math.tan", "math.asin"),
        *("math.acos", "math.atan", "math.sinh", "math.cosh", "math.tanh", "math.asinh"),
        *("math.acosh", "math.atanh", "math.hypot", "np.maximum", "np.minimum", "np.square"),
        *("np.reciprocal", "math.erf", "math.erfc"),
    }
)
"""Functions whose result changes by its last digits if an argument does."""


def free_quotients(function: Function, adjoints: Set[str], *, every: bool) -> Function:
    """The function with quotients of adjoints and tangents freed, or with ``every`` one."""
    body = function.body
    freer = _Freer(derived_from(body, adjoints), every and is_smooth(body))
    return replace(function, body=freer.block(body, None))


@dataclass(frozen=True)
class _Freer:
    derived: Set[str]
    every: bool

    def block(self, block: Block, changing: set[str] | None) -> Block:
        """A block; ``changing`` is what the innermost loop around it assigns, if there is one."""
        out: list[Stmt] = []
        for stmt in block:
            inner = assigned((stmt,)) if isinstance(stmt, For | While) else changing
            parts = tuple(self.block(b, inner) for b in blocks(stmt))
            if parts:
                stmt = with_blocks(stmt, parts)
            elif isinstance(stmt, Assign | Store) and changing is not None:
                stmt = replace(stmt, value=self._freed(stmt.value, changing, False))
            out.append(stmt)
        return tuple(out)

    def _freed(self, expr: Expr, changing: set[str], strong: bool) -> Expr:
        """An expression; ``strong``: it is a factor of the product that reversal made of a seed."""
        strong = strong or (isinstance(expr, Select) and expr.strong)
        parts = tuple(self._freed(e, changing, strong) for e in children(expr))
        expr = rebuild(expr, parts) if parts else expr
        match expr:
            case Binary(op="/", a=a, b=b, kind=kind) if kind in (FLOAT, FLOAT32):
                free = self.every or strong or not names_read(a).isdisjoint(self.derived)
                alike = a.kind == b.kind == kind
                if free and alike and is_still(b, changing) and not is_still(a, changing):
                    return Call("over", (a, b), kind)
        return expr


def derived_from(block: Block, adjoints: Set[str]) -> Set[str]:
    """The adjoints, and every name whose value is made of them."""
    makers = [s for s in statements(block) if isinstance(s, Assign | Store | Copy | Bind | Invoke)]
    found = set(adjoints)
    while True:
        more = {
            name
            for s in makers
            if not _sources(s).isdisjoint(found)
            for name in ((s.array,) if isinstance(s, Store) else writes_of(s))
        }
        if more <= found:
            return found
        found |= more


def _sources(stmt: Stmt) -> set[str]:
    """The names that what a statement makes is made of."""
    return names_read(stmt.value) if isinstance(stmt, Assign | Store) else reads_of(stmt)


def is_smooth(block: Block) -> bool:
    """Whether the last digit of a float of the program decides nothing."""
    for stmt in statements(block):
        if isinstance(stmt, Invoke):
            return False
        for expr in expressions(stmt):
            nodes = list(walk(expr))
            strong = {id(e.test) for e in nodes if isinstance(e, Select) and e.strong}
            if any(_decides(e) for e in nodes if id(e) not in strong):
                return False
    return True


def _decides(expr: Expr) -> bool:
    """Whether an expression may jump, or be an integer or a truth value, by a digit of a float."""
    match expr:
        case Compare(a=a, b=b):
            return is_inexact(a.kind) or is_inexact(b.kind)
        case Binary(op="//" | "%"):
            return is_inexact(expr.kind)
        case Call(function=function, args=args):
            return function not in _CONTINUOUS and any(is_inexact(a.kind) for a in args)
    return False
