"""Small questions about the syntax tree of a function."""

from __future__ import annotations

import re
from typing import Any

import gast

from srcad.frontend.jumps import RESULT, RETURNED


def parameters_of(args: Any) -> list[Any]:
    """The parameters of a function, in the order of its signature."""
    extra = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def is_docstring(stmt: Any) -> bool:
    """Whether a statement is a string and nothing else."""
    return (
        isinstance(stmt, gast.Expr)
        and isinstance(stmt.value, gast.Constant)
        and isinstance(stmt.value.value, str)
    )


def target_names(target: Any) -> frozenset[str]:
    """Names in the target of an assignment."""
    return frozenset(n.id for n in gast.walk(target) if isinstance(n, gast.Name))


def assigned_names(body: list[Any]) -> frozenset[str]:
    """Names that statements assign, those of inner functions left out."""
    out: set[str] = set()
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, gast.FunctionDef | gast.AsyncFunctionDef | gast.ClassDef):
            out.add(node.name)
            continue
        if isinstance(node, gast.Lambda):
            continue
        if isinstance(node, gast.Name) and isinstance(node.ctx, gast.Store):
            out.add(node.id)
        if isinstance(node, gast.Return):
            out |= {RESULT, RETURNED}
        pending.extend(gast.iter_child_nodes(node))
    return frozenset(out)


def free_names(function: Any) -> frozenset[str]:
    """Names that a function, or one inside it, reads of the scopes around it."""
    is_lambda = isinstance(function, gast.Lambda)
    body = [function.body] if is_lambda else function.body
    out: set[str] = set()
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, gast.FunctionDef | gast.Lambda):
            out |= free_names(node)
            pending += [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
            continue
        if isinstance(node, gast.Name) and isinstance(node.ctx, gast.Load):
            out.add(node.id)
        pending.extend(gast.iter_child_nodes(node))
    return frozenset(out) - assigned_names(body) - {a.id for a in parameters_of(function.args)}


def assigned_by_walrus(node: Any) -> set[str]:
    """Names that an expression assigns."""
    return {n.target.id for n in gast.walk(node) if isinstance(n, gast.NamedExpr)}


def plain(name: str) -> str:
    """A name of the program, or of a cell (up to ``|``), as the base of a generated one.

    >>> plain("x"), plain("_"), plain("$k_12_4")
    ('x', 'k', 'k')
    """
    name = name.partition("|")[0]
    if name.startswith("$"):
        name = re.sub(r"(_\d+)*$", "", name[1:])
    return name if name.strip("_") else "k"


def spoken(name: str) -> str:
    """A name of the program in a message; hidden ones are described."""
    return "this expression" if name.startswith("$") else repr(name)
