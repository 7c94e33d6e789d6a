"""Elementary functions that compiled code evaluates for several elements at once.

The C library's exp takes one number, so a loop that calls it cannot become vector instructions.
Where nothing else prevents that, the loop calls srcad's own (``srcad.elementary``), and adds its
sums in an order that LLVM may choose::

    for i in range(n):                       for i in range(n):
        y[i] = math.exp(x[i])        ->          y[i] = exp(x[i])
        s += a[i] * y[i]                         s = plus(s, a[i] * y[i])

Such a loop has straight-line code, passes nothing from one iteration to the next but sums, and
goes through its arrays one element after the other. For one number at a time the C library is as
fast, and in a chain of dependent calls faster: all other loops keep it.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned
from srcad.analysis.iterations import is_sum
from srcad.ir.build import ONE, integer
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
    Function,
    Load,
    Stmt,
    Store,
    Var,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import FLOAT, FLOAT32, INT, is_complex
from srcad.transform.sums import freed, sums_of

_MODULES = {
    **dict.fromkeys(("math.exp", "np.exp2", "math.expm1"), "exponentials"),
    **dict.fromkeys(("math.sinh", "math.cosh", "math.tanh"), "exponentials"),
    **dict.fromkeys(("math.log", "math.log2", "math.log10", "math.log1p"), "logarithms"),
    **dict.fromkeys(("math.sin", "math.cos", "math.tan"), "trigonometry"),
}
"""The functions that ``srcad.elementary`` has, and the module that each is in."""
_POWER = "powers.power"
_INSTRUCTIONS = {
    *("abs", "min", "max", "float", "math.sqrt", "math.copysign", "math.isnan", "math.isinf"),
    *("plus", "over", "np.float32", "np.square", "np.reciprocal", "np.floor", "np.ceil", "np.sign"),
}
"""Other functions of which LLVM makes vector instructions."""
_CHECKS = 128
"""The most pairs of arrays that LLVM tests for common memory before a loop.

It knows of arrays that are made here that they are apart from others.
"""

Place = tuple[str, tuple[Expr, ...]]
"""An element of an array, by its index."""


def vectorise(
    functions: tuple[Function, ...], names: Names
) -> tuple[tuple[Function, ...], dict[str, str]]:
    """The functions of a module, and what they import: ``module.function`` by the name it gets."""
    imported: dict[str, str] = {}
    changed = []
    for function in functions:
        aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))
        lanes = _Lanes(aliases, names, imported)
        changed.append(replace(function, body=lanes.block(function.body)))
    return tuple(changed), {local: path for path, local in imported.items()}


def has_lanes(loop: For, aliases: Aliases, *, rows: bool = True) -> bool:
    """Whether a loop is one that evaluates its elementary functions for several elements.

    ``rows``: rows of one array with variable numbers count as the same, and what LLVM tests is
    counted.
    """
    return _Lanes(aliases, Names(), {}, rows).has_lanes(loop)


def meets(block: Block, aliases: Aliases) -> bool:
    """Whether straight-line code writes a row and reads or writes what may be the same to LLVM."""
    lanes = _Lanes(aliases, Names(), {})
    read, written = places(block)
    return any(lanes.meet(a, b) for a in written for b in read | written)


def places(block: Block) -> tuple[set[Place], set[Place]]:
    """The places that straight-line code reads, and those that it writes."""
    parts = (part for s in block for e in expressions(s) for part in walk(e))
    read = {(part.array, part.index) for part in parts if isinstance(part, Load)}
    return read, {(s.array, s.index) for s in block if isinstance(s, Store)}


class _Lanes:
    def __init__(
        self, aliases: Aliases, names: Names, imported: dict[str, str], rows: bool = True
    ) -> None:
        self.aliases = aliases
        self.names = names
        self.imported = imported
        self.rows = rows

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            if isinstance(stmt, For) and self.has_lanes(stmt):
                out.append(self._in_lanes(stmt))
            else:
                parts = tuple(map(self.block, blocks(stmt)))
                out.append(with_blocks(stmt, parts) if parts else stmt)
        return tuple(out)

    # ------------------------------------------------------------ which loops

    def has_lanes(self, loop: For) -> bool:
        """Whether LLVM is expected to make vector instructions of the loop, its calls replaced."""
        if loop.until is not None or loop.step not in (ONE, integer(-1)):
            return False
        if not all(isinstance(s, Assign | Store | Comment) for s in loop.body):
            return False
        parts = [part for s in loop.body for e in expressions(s) for part in walk(e)]
        own = assigned(loop.body)
        changing = {loop.var.name, *own}
        return (
            any(is_elementary(part) and names_read(part) & changing for part in parts)
            and all(map(can_be_vector, parts))
            and all(is_sum(name, loop.body) for name in sums_of(loop.body))
            and self._goes_along(loop, changing)
        )

    def _goes_along(self, loop: For, changing: set[str]) -> bool:
        """Whether each iteration has elements of its own in the arrays that the loop writes."""
        read, written = places(loop.body)
        every = read | written
        steps = {place: _step(place, loop.var, changing) for place in every}
        if None in steps.values() or any(steps[place] == 0 for place in written):
            return False
        if any(self.meet(a, b) for a in written for b in every):
            return False
        given = {place for place in every if place[0] not in self.aliases.made}
        stored, other = len(written & given), len(given - written)
        return not self.rows or stored * (stored - 1) // 2 + stored * other <= _CHECKS

    def meet(self, a: Place, b: Place) -> bool:
        """Whether iterations may find each other's elements at two places.

        They do not in two rows of one array. But LLVM makes its tests for common memory once for
        all iterations of the loop outside, where variable rows overlap.
        """
        if a[0] != b[0]:
            return self.aliases.may(a[0], b[0])
        (*rows, i), (*others, j) = a[1], b[1]
        vary = not all(isinstance(e, Const) for e in rows + others)
        return i != j or (self.rows and rows != others and vary)

    # ------------------------------------------------------------ what becomes of them

    def _in_lanes(self, loop: For) -> For:
        body = freed(loop.body, sums_of(loop.body))
        return replace(loop, body=with_expressions(body, self._called))

    def _called(self, expr: Expr) -> Expr:
        """The expression with calls of srcad's own functions."""
        parts = tuple(map(self._called, children(expr)))
        if not is_elementary(expr):
            return rebuild(expr, parts) if parts else expr
        if isinstance(expr, Binary):
            return Call(self._name(_POWER), parts, expr.kind)
        assert isinstance(expr, Call)
        path = f"{_MODULES[expr.function]}.{expr.function.partition('.')[2]}"
        return replace(expr, function=self._name(path), args=parts)

    def _name(self, path: str) -> str:
        """The name that a function has in the module that is written."""
        if path not in self.imported:
            self.imported[path] = self.names.fresh(path.rpartition(".")[2])
        return self.imported[path]


def is_elementary(expr: Expr) -> bool:
    """Whether srcad has a function for what is computed."""
    if isinstance(expr, Binary):
        floats = expr.a.kind == expr.b.kind == expr.kind and expr.kind in (FLOAT, FLOAT32)
        return expr.op == "**" and floats and not _is_small_power(expr)
    return isinstance(expr, Call) and expr.function in _MODULES


def _is_small_power(expr: Binary) -> bool:
    """Whether products or a root are made of a power."""
    if not isinstance(expr.b, Const):
        return False
    return expr.b.value in (range(-8, 9) if expr.b.kind == INT else (0.5, 1.0, 2.0))


def can_be_vector(expr: Expr) -> bool:
    """Whether LLVM has vector instructions for an operation, or srcad a function."""
    if isinstance(expr, Call) and not _is_vector_call(expr):
        return False
    return _is_vector_operation(expr)


def _is_vector_call(call: Call) -> bool:
    if call.function in _MODULES:
        return call.kind in (FLOAT, FLOAT32) and all(a.kind == call.kind for a in call.args)
    return call.function in _INSTRUCTIONS


def _is_vector_operation(expr: Expr) -> bool:
    """Not so: complex numbers, quotients and powers of integers."""
    if isinstance(expr, Binary):
        if expr.op == "**":
            return is_elementary(expr) or (_is_small_power(expr) and not is_complex(expr.kind))
        if expr.op in ("%", "//"):
            return False
    return not is_complex(expr.kind)


def _step(place: Place, counter: Var, changing: set[str]) -> int | None:
    """By how many elements a place moves in an iteration: one or none; None: otherwise."""
    *leading, last = place[1] or (integer(0),)
    if any(names_read(e) & changing for e in leading):
        return None
    slope = _slope(last, counter, changing)
    return slope if slope in (-1, 0, 1) else None


def _slope(expr: Expr, counter: Var, changing: set[str]) -> int | None:
    if expr == counter:
        return 1
    if not names_read(expr) & changing:
        return 0
    if isinstance(expr, Binary) and expr.op in ("+", "-"):
        a, b = (_slope(e, counter, changing) for e in (expr.a, expr.b))
        if a is not None and b is not None:
            return a + b if expr.op == "+" else a - b
    return None
