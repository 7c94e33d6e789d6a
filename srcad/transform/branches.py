"""Neighbouring branches with the same test become one.

The reverse sweep computes anew what a branch computed, and then reverses the branch: two branches
that are taken together. Once they are one, it is seen that what the second reads is made by the
first, whatever came before, so no value of an earlier iteration is kept or computed for it::

    if x[j] > 0.5:                      if x[j] > 0.5:
        u = exp(x[j])                       u = exp(x[j])
    if x[j] > 0.5:              ->          x_b[j] += 2.0 * u * u
        x_b[j] += 2.0 * u * u

>>> from srcad.ir.build import compare
>>> from srcad.ir.nodes import Var
>>> x, u, v = (Var(name, "float64") for name in "xuv")
>>> test = compare(">", x, u)
>>> merged = merge_branches((If(test, (Assign(v, x),), ()), If(test, (Assign(u, v),), ())))
>>> len(merged), len(merged[0].body)
(1, 2)
"""

from dataclasses import replace

from srcad.analysis.flow import assigned
from srcad.ir.nodes import (
    Assign,
    Block,
    Comment,
    Expr,
    Extent,
    For,
    If,
    Load,
    Stmt,
    While,
    names_read,
    statements,
    walk,
)


def merge_branches(block: Block) -> Block:
    """The block with neighbouring branches of the same test merged, in nested blocks too."""
    out: list[Stmt] = []
    for stmt in block:
        last = out[-1] if out else None
        if isinstance(stmt, If) and isinstance(last, If) and _decides_alike(last, stmt.test):
            both = (*last.body, *stmt.body), (*last.orelse, *stmt.orelse)
            out[-1] = replace(last, body=both[0], orelse=both[1])
        else:
            out.append(stmt)
    return tuple(_inside(stmt) for stmt in out)


def _inside(stmt: Stmt) -> Stmt:
    match stmt:
        case For() | While():
            return replace(stmt, body=merge_branches(stmt.body))
        case If():
            both = merge_branches(stmt.body), merge_branches(stmt.orelse)
            return replace(stmt, body=both[0], orelse=both[1])
    return stmt


def _decides_alike(branch: If, test: Expr) -> bool:
    """Whether a test right after a branch has the same outcome as the branch's own."""
    inside = (*branch.body, *branch.orelse)
    if test != branch.test or names_read(test) & assigned(inside):
        return False
    if not any(isinstance(e, Load | Extent) for e in walk(test)):
        return True
    return all(isinstance(s, Assign | If | Comment) for s in statements(inside))
