"""The register of programs and calls that srcad must refuse, each a row.

A row says the class of the error, words that the message must hold (``a|b``: one of them) and, if
the source has a line marked ``# <-- here``, that the caret stands there. ``hint`` holds words of
the part after "Instead:"; every ``UnsupportedError`` must have a hint.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from srcad.errors import UnsupportedError

MARK = "# <-- here"


@dataclass(frozen=True)
class Refusal:
    """A call that must raise."""

    name: str
    call: Callable[[Any, bool], Any]
    """Takes srcad and the option jit."""
    error: type[BaseException] | tuple[type[BaseException], ...]
    words: tuple[str, ...]
    hint: tuple[str, ...] = ()
    line: int | None = None
    needs_hint: bool = False
    compiles: bool = False
    """The error is raised by the running program, so that it is worth a compilation."""
    python_runs: bool = False
    """Plain Python runs the program: a limitation that shows when it runs."""


REFUSALS: list[Refusal] = []


def _marked_line(function) -> int | None:
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return None
    at = [first + k for k, text in enumerate(lines) if MARK in text]
    return at[0] if at else None


def refused(
    args,
    *words,
    error=UnsupportedError,
    hint=(),
    wrt=0,
    compiles=False,
    python_runs=False,
    kwargs=None,
):
    """A program whose gradient is refused at the first call at the latest."""
    hint = (hint,) if isinstance(hint, str) else hint

    def register(function):
        def call(srcad, jit):
            return srcad.grad(function, wrt=wrt, jit=jit)(*args(), **(kwargs or {}))

        REFUSALS.append(
            Refusal(
                function.__name__,
                call,
                error,
                words,
                hint,
                _marked_line(function),
                error is UnsupportedError,
                compiles,
                python_runs,
            )
        )
        return function

    return register


def raises(args, error, *words, wrt=0):
    """A program that raises in Python for these arguments; its gradient must raise the same."""

    def register(function):
        def call(srcad, jit):
            return srcad.grad(function, wrt=wrt, jit=jit)(*args())

        REFUSALS.append(Refusal(function.__name__, call, error, words, compiles=True))
        return function

    return register


def wrong_call(error, *words):
    """A function ``(srcad, jit)`` that calls srcad wrongly."""

    def register(function):
        REFUSALS.append(Refusal(function.__name__, function, error, words))
        return function

    return register
