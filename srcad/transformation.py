"""What a derivative is of, said so that the compiler can read it where a function calls it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "__srcad_transformation__"
"""Where the objects that the transformations return have theirs."""


@dataclass(frozen=True)
class Transformation:
    """A derivative of a function with respect to some of its parameters, or a batch of calls of it.

    ``kind`` is the public name: "grad", "value_and_grad", ..., "batch".
    """

    kind: str
    function: Callable[..., Any]
    """What the transformation was given: a function, a partial, a method, another derivative."""
    wrt: tuple[int | str, ...] = (0,)
    is_single: bool = True
    """Whether the answer is for one parameter, not a tuple of answers."""
    has_aux: bool = False
    axes: object = None
    """For a batch: the axes of the arguments that the members lie along."""


def transformation_of(function: object) -> Transformation | None:
    """What a derivative is of; None for what is no derivative."""
    return getattr(function, ATTRIBUTE, None)


def is_transform(function: object) -> bool:
    """Whether it is a function of ``srcad.transforms``, such as ``srcad.grad`` itself."""
    module = sys.modules.get("srcad.transforms")
    named = getattr(module, getattr(function, "__name__", ""), None)
    return named is not None and named is function


def innermost(function: Any) -> Any:
    """The user's own function under derivatives of derivatives."""
    while (found := transformation_of(function)) is not None:
        function = found.function
    return function


def suffix_of(function: object) -> str:
    """What the name of the user's own function is followed by: one word for each transformation."""
    found = transformation_of(function)
    if found is None:
        return ""
    return suffix_of(found.function) + ("_batch" if found.kind == "batch" else "_grad")
