"""Elementary functions that both sweeps evaluate are evaluated once, and their values saved.

What an iteration can run again when it is reversed is not saved, as arithmetic costs less than
memory. An exponential costs more: about ten times what it takes to store a number and to load it.
So where the forward sweep evaluates one anyhow, its value gets a name, and reversal is told that
it is dear::

    while abs(d) > 1e-9:                        while abs(d) > 1e-9:
        d = (x - e * sin(x)) / ...      ->          y = math.sin(x)        # dear: saved
        x = x - d                                   d = (x - e * y) / ...
                                                    x = x - d

Which calls these are is seen in the adjoint as it is without that: they stand in two loops, the one
that runs forward and the one that is reversed. Where a loop evaluates elementary functions for
several elements at once (``vectorise.py``), they cost no more than the memory.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.flow import assigned, exposed, times_bound
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Call,
    Const,
    Expr,
    For,
    Function,
    Invoke,
    Load,
    Logic,
    Select,
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
from srcad.ir.rename import with_expressions
from srcad.ir.types import FLOAT, FLOAT32
from srcad.transform.vectorise import has_lanes

_CHEAP = frozenset(
    {
        *("abs", "min", "max", "float", "plus", "int", "bool", "round", "stop_gradient"),
        *("math.sqrt", "math.copysign", "math.isnan", "math.isinf", "math.isfinite"),
        *("math.floor", "math.ceil", "math.trunc", "math.fabs", "math.radians", "math.degrees"),
        *("np.float32", "np.float64", "np.square", "np.reciprocal", "np.floor", "np.ceil"),
        *("np.sign", "np.signbit", "np.trunc", "np.rint", "np.maximum", "np.minimum"),
        *("np.fmax", "np.fmin", "np.spacing", "straight_through"),
    }
)
"""Functions that are an instruction or a few."""


def repeated(function: Function) -> frozenset[Expr]:
    """The dear calls of an adjoint that stand in several loops."""
    found = _calls(function)
    every = [call for calls in found for call in calls]
    return frozenset(call for call in every if every.count(call) > 1)


def evaluations(function: Function) -> int:
    """How many dear calls the loops of a function have, those that are the same counted once."""
    return sum(map(len, _calls(function)))


def _calls(function: Function) -> list[set[Expr]]:
    """The dear calls in each loop, those in loops inside of it left out."""
    sites = points_to(function.body, set(function.arrays))
    out: list[set[Expr]] = []
    for loop in statements(function.body):
        if isinstance(loop, For | While) and not _in_lanes(loop, sites):
            own = (e for s in _own(loop.body) for e in expressions(s))
            calls = {part for e in own for part in walk(e) if _is_dear(part)}
            if calls:
                out.append(calls)
    return out


def _in_lanes(loop: For | While, sites: Sites) -> bool:
    return isinstance(loop, For) and has_lanes(loop, sites)


def _own(block: Block) -> list[Stmt]:
    """The statements of a block outside of loops."""
    out: list[Stmt] = []
    for stmt in block:
        if not isinstance(stmt, For | While):
            out += [stmt, *(s for b in blocks(stmt) for s in _own(b))]
    return out


def _is_dear(expr: Expr) -> bool:
    """Whether an expression takes longer to compute than a number to save."""
    if expr.kind not in (FLOAT, FLOAT32):
        return False
    if isinstance(expr, Binary):
        return expr.op == "**" and not isinstance(expr.b, Const)
    return isinstance(expr, Call) and expr.function not in _CHEAP


def hold(body: Block, calls: frozenset[Expr], names: Names) -> Block:
    """The body with these calls, where a loop is certain to evaluate them, named and saved."""
    return _Holder(calls, names, body).block(body, None)


class _Holder:
    def __init__(self, calls: frozenset[Expr], names: Names, body: Block) -> None:
        self.calls = calls
        self.names = names
        self.bound = times_bound(body)

    def block(self, block: Block, early: set[str] | None) -> Block:
        """A block in a loop, whose iterations find the names ``early``; None: in no loop."""
        out: list[Stmt] = []
        held: dict[Expr, Var] = {}
        """Calls whose values are in variables, and still what the calls would give."""
        for stmt in block:
            if blocks(stmt):
                inner = exposed(stmt.body) if isinstance(stmt, For | While) else early
                stmt = with_blocks(stmt, tuple(self.block(b, inner) for b in blocks(stmt)))
                out.append(stmt)
            elif early is not None and isinstance(stmt, Assign | Store):
                out += self._statement(stmt, held, early)
            else:
                out.append(stmt)
            _forget(held, stmt)
        return tuple(out)

    def _statement(
        self, stmt: Assign | Store, held: dict[Expr, Var], early: set[str]
    ) -> list[Stmt]:
        if (
            isinstance(stmt, Assign)
            and stmt.value in self.calls
            and self.bound[stmt.target.name] == 1
            and stmt.target.name not in early
        ):
            held[stmt.value] = stmt.target
            return [replace(stmt, dear=True)]
        out: list[Stmt] = []
        value = self._named(stmt.value, held, out, stmt)
        return [*out, replace(stmt, value=value) if value != stmt.value else stmt]

    def _named(
        self, expr: Expr, held: dict[Expr, Var], out: list[Stmt], stmt: Assign | Store
    ) -> Expr:
        """An expression with variables in place of the calls; ``out`` are their assignments."""
        if expr in held:
            return held[expr]
        certain = 1 if isinstance(expr, Select | Logic) else len(children(expr))
        parts = tuple(
            self._named(e, held, out, stmt) if k < certain else e
            for k, e in enumerate(children(expr))
        )
        made = rebuild(expr, parts) if parts else expr
        if expr not in self.calls:
            return made
        held[expr] = Var(self.names.fresh(_name(expr)), expr.kind)
        out.append(Assign(held[expr], made, stmt.at, dear=True))
        return held[expr]


def _name(call: Expr) -> str:
    """What a value is called: ``sin_x`` for the sine of x, else ``y``."""
    match call:
        case Call(args=(Var(name=name),)):
            return f"{call.function.rpartition('.')[2]}_{name}"
    return "y"


def _forget(held: dict[Expr, Var], stmt: Stmt) -> None:
    """Drop the calls that a statement may have changed the value of."""
    for call in [c for c in held if _may_change(c, (stmt,))]:
        del held[call]


def _may_change(expr: Expr, block: Block) -> bool:
    """Whether a block may change what an expression gives."""
    if names_read(expr) & assigned(block):
        return True
    reads = any(isinstance(e, Load) for e in walk(expr))
    return reads and any(isinstance(s, Store | Invoke) for s in statements(block))


def known_by_name(made: list[Stmt], block: Block, k: int) -> list[Stmt]:
    """The reverse of a block's statement ``k``, without calls whose values other statements saved.

    The sine of x is saved beside its cosine, and the partial derivative of either is the other.
    """
    known = {
        s.value: s.target
        for m, s in enumerate(block)
        if isinstance(s, Assign) and s.dear and m != k
        if not _may_change(s.value, block[m:k] if m < k else block[k:m])
    }
    if not known:
        return made

    def named(expr: Expr) -> Expr:
        if expr in known:
            return known[expr]
        parts = children(expr)
        return rebuild(expr, tuple(map(named, parts))) if parts else expr

    return list(with_expressions(tuple(made), named))

