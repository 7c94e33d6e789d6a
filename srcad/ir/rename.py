"""A block with other names: what stands for the arguments of a rule becomes those of a call."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from srcad.ir.nodes import (
    Block,
    Checkpoints,
    Expr,
    Extent,
    Load,
    Span,
    Stmt,
    Var,
    children,
    rebuild,
)


def renamed(block: Block, names: dict[str, str]) -> Block:
    """The block with scalars and arrays renamed.

    >>> from srcad.ir.nodes import Assign
    >>> renamed((Assign(Var("y", "float64"), Var("x", "float64")),), {"x": "a"})[0].value.name
    'a'
    """
    return tuple(_statement(stmt, names) for stmt in block)


def renamed_expr(expr: Expr, names: dict[str, str]) -> Expr:
    """An expression with other names."""
    match expr:
        case Var():
            return replace(expr, name=names.get(expr.name, expr.name))
        case Extent():
            return replace(expr, array=names.get(expr.array, expr.array))
        case Load():
            expr = replace(expr, array=names.get(expr.array, expr.array))
    parts = children(expr)
    return rebuild(expr, tuple(renamed_expr(e, names) for e in parts)) if parts else expr


def with_expressions(block: Block, change: Callable[[Expr], Expr]) -> Block:
    """The block with every expression that a statement evaluates replaced."""
    return tuple(_changed(stmt, change) for stmt in block)


def _changed(value: Any, change: Callable[[Expr], Expr]) -> Any:
    """A field of a statement with its expressions changed: itself, if none is another one."""
    if isinstance(value, Expr):
        return change(value)
    if isinstance(value, tuple):
        made = tuple([_changed(v, change) for v in value])
        return value if all(map(operator.is_, made, value)) else made
    if isinstance(value, Stmt):
        old = {n: getattr(value, n) for n in _evaluated(type(value))}
        new = {n: _changed(v, change) for n, v in old.items()}
        return value if all(new[n] is old[n] for n in old) else replace(value, **new)
    if isinstance(value, Span):
        return replace(value, start=change(value.start), length=change(value.length))
    if isinstance(value, Checkpoints):
        on_disk = None if value.on_disk is None else change(value.on_disk)
        return replace(value, amount=change(value.amount), on_disk=on_disk)
    return value


@functools.cache
def _evaluated(kind: type) -> tuple[str, ...]:
    """The fields of a statement that may hold expressions or blocks."""
    left = (*_OTHERS, "target", "targets", "var", "until", "fresh", "zeros", "dear", "parallel")
    return tuple(f.name for f in fields(kind) if f.name not in left)


_NAMES = ("array", "target", "source", "a", "b")
"""Fields of statements that hold the name of an array."""
_OTHERS = ("at", "pullback", "pushforward", "function", "dtype", "message", "error", "what")
"""Fields that hold no names, or those of a rule."""


def _statement(stmt: Stmt, names: dict[str, str]) -> Stmt:
    changed: dict[str, Any] = {}
    for field in fields(stmt):
        if field.name in _OTHERS:
            continue
        value = getattr(stmt, field.name)
        if isinstance(value, str):
            if field.name in _NAMES:
                changed[field.name] = names.get(value, value)
        else:
            changed[field.name] = _part(value, names)
    return replace(stmt, **changed)


def _part(value: Any, names: dict[str, str]) -> Any:
    """A field of a statement: an expression, a name, a block, or a tuple of those."""
    if isinstance(value, tuple):
        return tuple(_part(v, names) for v in value)
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Span):
        start, length = (renamed_expr(e, names) for e in (value.start, value.length))
        return replace(value, start=start, length=length)
    if isinstance(value, Checkpoints):
        on_disk = None if value.on_disk is None else renamed_expr(value.on_disk, names)
        return replace(value, amount=renamed_expr(value.amount, names), on_disk=on_disk)
    if isinstance(value, Expr):
        return renamed_expr(value, names)
    return _statement(value, names) if isinstance(value, Stmt) else value
