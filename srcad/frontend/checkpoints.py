"""Loops marked by ``srcad.checkpoint``: what the mark says, and the loop without it.

::

    for t in srcad.checkpoint(range(n), snapshots=10):    ->    for t in range(n):    # 10 snapshots
"""

from __future__ import annotations

from typing import Any, Protocol

import gast

from srcad import inside
from srcad.config import in_bytes
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import scalars
from srcad.frontend.builder import Builder
from srcad.frontend.values import StaticValue, Value
from srcad.ir.build import ONE, compare, integer
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


def marks_of(program: Evaluator, call: Any) -> Checkpoints:
    """What a call of ``srcad.checkpoint`` asks for: so many snapshots, or so many bytes of them."""
    given = dict(zip(("snapshots", "memory"), call.args[1:], strict=False))
    given |= {k.arg: k.value for k in call.keywords}
    if len(call.args) + len(call.keywords) != 1 + len(given) or len(given) != 1:
        raise ArgumentError(
            "srcad.checkpoint takes what the loop runs over, and the number of snapshots or the "
            "memory for them",
            program.b.here,
            'for t in srcad.checkpoint(range(n), snapshots=10):  # or memory="200MB"',
        )
    ((word, node),) = given.items()
    if word not in ("snapshots", "memory"):
        raise ArgumentError(f"srcad.checkpoint has no argument {word!r}", program.b.here)
    value = program.value(node)
    if word == "memory" and isinstance(value, StaticValue) and isinstance(value.value, str):
        try:
            return Checkpoints(integer(in_bytes(value.value)), True)
        except ValueError as error:
            raise ArgumentValueError(str(error), program.b.here) from None
    amount = scalars.operand(program.b, value)
    if not isinstance(amount, Expr) or amount.kind != INT:
        what = "the number of snapshots" if word == "snapshots" else "memory in bytes"
        raise ArgumentError(f"{what} is an integer", program.b.here)
    text = "a checkpointed loop needs at least one snapshot"
    if isinstance(amount, Const) and amount.value < 1:
        raise ArgumentValueError(text, program.b.here)
    if not isinstance(amount, Const):
        program.b.check(compare(">=", amount, ONE), "ValueError", text)
    return Checkpoints(amount, word == "memory")


def unmarked(node: Any, marks: Checkpoints) -> Any:
    """The loop over what ``srcad.checkpoint`` was given, which carries the marks."""
    new = gast.For(node.target, node.iter.args[0], node.body, node.orelse, None)
    gast.copy_location(new, node)
    new.until = getattr(node, "until", None)
    new.checkpoints = marks
    return new
