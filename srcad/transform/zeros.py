"""Adjoints known to be zero: the first contribution is an assignment.

Reversal starts every adjoint at zero and adds to it. Where flow analysis shows that a scalar
adjoint is still zero, ``x_b += e`` becomes ``x_b = e``; the assignment of zero before it is then
dead and pruned::

    t_b = 0.0                  (dropped)
    t_b += math.cos(t) * s_b   t_b = math.cos(t) * s_b
"""

from dataclasses import replace

from srcad.analysis.flow import exposed, scalars, writes_of
from srcad.ir.build import converted, literal, negate
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Const,
    Expr,
    For,
    Function,
    If,
    Stmt,
    Var,
    While,
    with_blocks,
)
from srcad.ir.types import is_complex


def propagate_zeros(function: Function, adjoints: set[str]) -> Function:
    """The function with additions to zero adjoints (of these names) made assignments."""
    body, _ = _block(function.body, frozenset(), adjoints)
    return replace(function, body=body)


def _block(block: Block, zero: frozenset[str], adjoints: set[str]) -> tuple[Block, frozenset[str]]:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Assign() if stmt.target.name in adjoints:
                value = _without_zero(stmt.value, stmt.target, zero)
                out.append(stmt if value is stmt.value else replace(stmt, value=value))
                is_zero = isinstance(value, Const) and value.value == 0.0
                is_zero = is_zero or (isinstance(value, Var) and value.name in zero)
                zero = zero | {stmt.target.name} if is_zero else zero - {stmt.target.name}
            case If():
                body, one = _block(stmt.body, zero, adjoints)
                orelse, two = _block(stmt.orelse, zero, adjoints)
                out.append(with_blocks(stmt, (body, orelse)))
                zero = one & two
            case For() | While():
                head = zero
                while True:
                    body, end = _block(stmt.body, head, adjoints)
                    if head <= end:
                        break
                    head &= end
                out.append(with_blocks(stmt, ((*_at_head(body, head), *body),)))
                zero = head
            case _:
                out.append(stmt)
                zero -= set(writes_of(stmt))
    return tuple(out), zero


def _at_head(body: Block, zero: frozenset[str]) -> Block:
    """Assignments of zero to adjoints that each iteration of a loop finds to be zero.

    With them the adjoint is the iteration's own; those at its end, for the next one, are dead.
    """
    own = scalars(body)
    names = sorted(zero & exposed(body) & own.keys())
    return tuple(Assign(own[name], literal(0.0, own[name].kind)) for name in names)


def _without_zero(value: Expr, target: Var, zero: frozenset[str]) -> Expr:
    if isinstance(value, Binary) and value.op in "+-" and value.a == target and target.name in zero:
        term = value.b if value.op == "+" else negate(value.b)
        return converted(term, target.kind) if is_complex(target.kind) else term
    return value
