"""What a derivative is of, said so that the compiler can read it where a function calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "__srcad_transformation__"
"""Where the objects that the transformations return have theirs."""


@dataclass(frozen=True)
class Transformation:
    """A derivative of a function with respect to some of its parameters.

    ``kind`` is the public name: "grad", "value_and_grad", ...
    """

    kind: str
    function: Callable[..., Any]
    """What the transformation was given: a function, a partial, a method, another derivative."""
    wrt: tuple[int | str, ...] = (0,)
    is_single: bool = True
    """Whether the answer is for one parameter, not a tuple of answers."""
    has_aux: bool = False


def transformation_of(function: object) -> Transformation | None:
    """What a derivative is of; None for what is no derivative."""
    return getattr(function, ATTRIBUTE, None)


def innermost(function: Any) -> Any:
    """The user's own function under derivatives of derivatives."""
    while (found := transformation_of(function)) is not None:
        function = found.function
    return function


def depth_of(function: object) -> int:
    """How many derivatives are between a function and the user's own."""
    found = transformation_of(function)
    return 0 if found is None else 1 + depth_of(found.function)
