"""Loops marked by ``srcad.checkpoint``: what the mark says, and the loop without it.

::

    for t in srcad.checkpoint(range(n), snapshots=10):    ->    for t in range(n):    # 10 snapshots
"""

from __future__ import annotations

from typing import Any, Protocol

import gast

from srcad import inside
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import scalars
from srcad.frontend.builder import Builder
from srcad.frontend.values import StaticValue, Value
from srcad.ir.build import ONE, compare
from srcad.ir.nodes import Checkpoints, Const, Expr
from srcad.ir.types import INT


class Evaluator(Protocol):
    """What evaluates the expressions of a program."""

    b: Builder

    def value(self, node: Any) -> Value:
        """The value of an expression."""
        ...


def is_marked(program: Evaluator, iterable: Any) -> bool:
    """Whether what a loop runs over is a call of ``srcad.checkpoint``."""
    match iterable:
        case gast.Call(func=gast.Name() | gast.Attribute(value=gast.Name(), attr="checkpoint")):
            called = program.value(iterable.func)
            return isinstance(called, StaticValue) and called.value is inside.checkpoint
    return False


def snapshots_of(program: Evaluator, call: Any) -> Expr:
    """How many snapshots a call of ``srcad.checkpoint`` asks for."""
    given = dict(zip(("snapshots",), call.args[1:], strict=False))
    given |= {k.arg: k.value for k in call.keywords}
    if len(call.args) != 1 + len(given) - len(call.keywords) or set(given) != {"snapshots"}:
        raise ArgumentError(
            "srcad.checkpoint takes what the loop runs over and the number of snapshots",
            program.b.here,
            "for t in srcad.checkpoint(range(n), snapshots=10):",
        )
    count = scalars.operand(program.b, program.value(given["snapshots"]))
    if not isinstance(count, Expr) or count.kind != INT:
        raise ArgumentError("the number of snapshots is an integer", program.b.here)
    text = "a checkpointed loop needs at least one snapshot"
    if isinstance(count, Const) and count.value < 1:
        raise ArgumentValueError(text, program.b.here)
    if not isinstance(count, Const):
        program.b.check(compare(">=", count, ONE), "ValueError", text)
    return count


def unmarked(node: Any, marks: Checkpoints) -> Any:
    """The loop over what ``srcad.checkpoint`` was given, which carries the marks."""
    new = gast.For(node.target, node.iter.args[0], node.body, node.orelse, None)
    gast.copy_location(new, node)
    new.until = getattr(node, "until", None)
    new.checkpoints = marks
    return new
