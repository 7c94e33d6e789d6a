"""Quotients by what stays the same in a loop may become products with its reciprocal.

A division takes several times as long as a product, and LLVM replaces one by the other only if it
is told that it may, as the last digit can differ. Quotients of adjoints and tangents are freed
where the divisor is the same in all iterations of the innermost loop::

    for j in range(n):                          for j in range(n):
        x_b[j] += y_b[j] / c        ->              x_b[j] += over(y_b[j], c)

So are the quotients of the program, where nothing but the gradient is asked for, and where no digit
decides anything: where floats are neither compared nor rounded (``int(x / h)`` must be the same).
The reciprocal of a number below 6e-309 is infinite, which shows.

Where the rows of a matrix are divided by one vector, or a time loop divides by one, its reciprocals
are made once, before the loops that leave it as it is::

                                                w_reciprocal = np.empty(w.shape[0])
    for i in range(n):                          for k in range(w.shape[0]):
        for j in range(m):          ->              w_reciprocal[k] = 1.0 / w[k]
            x_b[i, j] += y_b[i, j] / w[j]       for i in range(n):
                                                    for j in range(m):
                                                        x_b[i, j] += y_b[i, j] * w_reciprocal[j]
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, names_of, reads_of, writes_of
from srcad.analysis.iterations import BY_ELEMENT
from srcad.ir.build import real
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Compare,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    Invoke,
    Load,
    Select,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    ZerosLike,
    all_expressions,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import FLOAT, FLOAT32, is_inexact, kind_of
from srcad.transform.nest import nest

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
_PRODUCTS = frozenset({"set_product", "add_product", "add_products", "set_inverse"})
"""What is called for matrices, of which the same can be said."""
_APART = BY_ELEMENT | Alloc | ZerosLike | Tape
"""Statements that write no array but those that they store to by element."""


def free_quotients(
    function: Function, adjoints: Set[str], names: Names, *, every: bool
) -> Function:
    """The function with quotients of adjoints and tangents freed, or with ``every`` one."""
    body, arrays = function.body, dict(function.arrays)
    if not any(isinstance(e, Binary) and e.op == "/" for e in all_expressions(body)):
        return function
    aliases = Aliases(body, points_to(body, set(arrays)))
    free = every and is_smooth(body)
    freer = _Freer(derived_from(body, adjoints), free, aliases, names, arrays)
    return replace(function, body=freer.block(body, ()), arrays=arrays)


@dataclass(frozen=True)
class _Loop:
    """A loop, and what is made before it."""

    counter: str
    changing: Set[str]
    """The names that it binds, and those of arrays that it writes."""
    known: dict[str, str]
    """The reciprocals of arrays, by the name of the array, that are there before it."""
    wanted: dict[str, str]
    """Those that it asks for beside them."""


@dataclass(frozen=True)
class _Freer:
    derived: Set[str]
    every: bool
    aliases: Aliases
    names: Names
    arrays: dict[str, tuple[str, int]]

    def block(self, block: Block, around: tuple[_Loop, ...]) -> Block:
        """A block; ``around`` are the loops around it, outermost first."""
        out: list[Stmt] = []
        known: dict[str, str] = {}
        for stmt in block:
            before = stmt
            if isinstance(stmt, For | While):
                counter = stmt.var.name if isinstance(stmt, For) else ""
                loop = _Loop(counter, self._changed(stmt), known, {})
                parts = (self.block(part, (*around, loop)) for part in blocks(stmt))
                stmt = with_blocks(stmt, tuple(parts))
                for array, name in loop.wanted.items():
                    out += self._reciprocals(array, name)
                known |= loop.wanted
            elif blocks(stmt):
                parts = (self.block(part, around) for part in blocks(stmt))
                stmt = with_blocks(stmt, tuple(parts))
            elif isinstance(stmt, Assign | Store) and around:
                stmt = replace(stmt, value=self._freed(stmt.value, around, False))
            out.append(stmt)
            for array in known.keys() & self._changed(before):
                del known[array]
        return tuple(out)

    def _freed(self, expr: Expr, around: tuple[_Loop, ...], strong: bool) -> Expr:
        """An expression; ``strong``: it is a factor of the product that reversal made of a seed."""
        strong = strong or (isinstance(expr, Select) and expr.strong)
        parts = tuple(self._freed(e, around, strong) for e in children(expr))
        expr = rebuild(expr, parts) if parts else expr
        match expr:
            case Binary(op="/", a=a, b=b, kind=kind) if kind in (FLOAT, FLOAT32):
                free = self.every or strong or not names_read(a).isdisjoint(self.derived)
                if not free or not a.kind == b.kind == kind:
                    return expr
                changing = around[-1].changing
                if _is_same(b, changing):
                    return expr if _is_same(a, changing) else Call("over", (a, b), kind)
                if isinstance(b, Load) and (row := self._row(b, around)) is not None:
                    return Binary("*", a, replace(b, array=row), kind)
        return expr

    def _row(self, divisor: Load, around: tuple[_Loop, ...]) -> str | None:
        """The reciprocals of a vector, where the loops around go through it more than once."""
        array = divisor.array
        place = len(around)
        while place and array not in around[place - 1].changing:
            place -= 1
        counters = {loop.counter for loop in around[place:]}
        if len(divisor.index) != 1 or len(counters) < 2:
            return None
        (at,) = divisor.index
        if not isinstance(at, Var) or at.name not in counters:
            return None
        loop = around[place]
        found = loop.known.get(array) or loop.wanted.get(array)
        if found is None:
            found = self.names.fresh(f"{array}_reciprocal")
            loop.wanted[array] = found
            self.arrays[found] = self.arrays[array]
        return found

    def _reciprocals(self, array: str, name: str) -> list[Stmt]:
        """Statements that make the reciprocals of a vector."""
        dtype, _ = self.arrays[array]
        kind = kind_of(dtype)

        def reciprocal(at: tuple[Expr, ...]) -> list[Stmt]:
            return [Store(name, at, Binary("/", real(1.0, kind), Load(array, at, kind), kind))]

        return [Alloc(name, (Extent(array, 0),), dtype), *nest(self.names, array, 1, reciprocal)]

    def _changed(self, stmt: Stmt) -> set[str]:
        """The names that a statement binds, and those of arrays that it writes."""
        bound = assigned((stmt,))
        touched = {s.array for s in statements((stmt,)) if isinstance(s, Store)}
        others = (s for s in statements((stmt,)) if not isinstance(s, _APART))
        touched |= set[str]().union(*map(names_of, others)) & self.arrays.keys()
        return bound | {a for a in self.arrays for b in touched if self.aliases.may(a, b)}


def _is_same(expr: Expr, changing: Set[str]) -> bool:
    """Whether an expression is the same in every iteration of a loop."""
    return names_read(expr).isdisjoint(changing)


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


def _sources(stmt: Stmt) -> frozenset[str]:
    """The names that what a statement makes is made of."""
    return names_read(stmt.value) if isinstance(stmt, Assign | Store) else reads_of(stmt)


def is_smooth(block: Block) -> bool:
    """Whether the last digit of a float of the program decides nothing."""
    for stmt in statements(block):
        if isinstance(stmt, Invoke) and stmt.function not in _PRODUCTS:
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
