"""Loops marked by ``srcad.checkpoint``: what the mark says, and the loop without it.

::

    for t in srcad.checkpoint(range(n), snapshots=10):    ->    for t in range(n):    # 10 snapshots
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Protocol

import gast

from srcad import inside
from srcad.config import in_bytes
from srcad.disk import calls_for
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import scalars
from srcad.frontend.builder import Builder
from srcad.frontend.values import StaticValue, Value
from srcad.ir.build import ONE, ZERO, compare, integer
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


_WORDS: tuple[str, ...] = ("snapshots", "memory", "schedule", "disk", "disk_snapshots")
SCHEDULES = ("binomial", "two-level", "periodic")


def marks_of(program: Evaluator, call: Any) -> Checkpoints:
    """What a call of ``srcad.checkpoint`` asks for: so many snapshots, or so many bytes of them."""
    here = program.b.here
    given = dict(zip(_WORDS, call.args[1:], strict=False))
    given |= {k.arg: k.value for k in call.keywords}
    unknown = [word for word in given if word not in _WORDS]
    if unknown:
        raise ArgumentError(f"srcad.checkpoint has no argument {unknown[0]!r}", here)
    amounts = [word for word in given if word in ("snapshots", "memory")]
    if len(call.args) + len(call.keywords) != 1 + len(given) or len(amounts) != 1:
        raise ArgumentError(
            "srcad.checkpoint takes what the loop runs over, and the number of snapshots or the "
            "memory for them",
            here,
            'for t in srcad.checkpoint(range(n), snapshots=10):  # or memory="200MB"',
        )
    marks = _amount(program, amounts[0], given[amounts[0]])
    if "disk" in given:
        if "schedule" in given:
            raise ArgumentError("with snapshots on disk, there is no choice of a schedule", here)
        return _with_disk(program, marks, given)
    if "disk_snapshots" in given:
        raise ArgumentError("disk_snapshots is given, but not the directory for them", here)
    if "schedule" in given:
        schedule = _text(program, given["schedule"])
        if schedule not in SCHEDULES:
            known = ", ".join(map(repr, SCHEDULES))
            raise ArgumentValueError(f"the schedule is one of {known}", here)
        return replace(marks, schedule=schedule)
    return marks


def _amount(program: Evaluator, word: str, node: Any) -> Checkpoints:
    """The number of snapshots, or the memory for them."""
    value = program.value(node)
    if word == "memory" and isinstance(value, StaticValue) and isinstance(value.value, str):
        try:
            return Checkpoints(integer(in_bytes(value.value)), True)
        except ValueError as error:
            raise ArgumentValueError(str(error), program.b.here) from None
    what = "the number of snapshots" if word == "snapshots" else "memory in bytes"
    amount = _integer(program, value, what)
    text = "a checkpointed loop needs at least one snapshot"
    _require_positive(program, amount, text)
    return Checkpoints(amount, word == "memory")


def _with_disk(program: Evaluator, marks: Checkpoints, given: dict[str, Any]) -> Checkpoints:
    """The marks of a loop that has snapshots on disk too."""
    directory = _text(program, given["disk"])
    if not directory:
        raise ArgumentError(
            "the directory for snapshots is a string (or a path) that is known when the derivative "
            "is written",
            program.b.here,
        )
    most: Expr = ZERO
    if "disk_snapshots" in given:
        value = program.value(given["disk_snapshots"])
        most = _integer(program, value, "the number of snapshots on disk")
        _require_positive(program, most, "a loop with a disk has at least one snapshot on it")
    calls = tuple(program.b.external(c, c.title) for c in calls_for(directory, program.b.here))
    return replace(marks, schedule="two-level", on_disk=most, calls=calls)


def _text(program: Evaluator, node: Any) -> str | None:
    """A string or path that is known beforehand."""
    value = program.value(node)
    if isinstance(value, StaticValue) and isinstance(value.value, str | os.PathLike):
        return os.fspath(value.value)
    return None


def _integer(program: Evaluator, value: Value, what: str) -> Expr:
    amount = scalars.operand(program.b, value)
    if not isinstance(amount, Expr) or amount.kind != INT:
        raise ArgumentError(f"{what} is an integer", program.b.here)
    return amount


def _require_positive(program: Evaluator, amount: Expr, text: str) -> None:
    if isinstance(amount, Const) and amount.value < 1:
        raise ArgumentValueError(text, program.b.here)
    if not isinstance(amount, Const):
        program.b.check(compare(">=", amount, ONE), "ValueError", text)


def unmarked(node: Any, marks: Checkpoints) -> Any:
    """The loop over what ``srcad.checkpoint`` was given, which carries the marks."""
    new = gast.For(node.target, node.iter.args[0], node.body, node.orelse, None)
    gast.copy_location(new, node)
    new.until = getattr(node, "until", None)
    new.checkpoints = marks
    return new
