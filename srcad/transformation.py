"""What a derivative is of, said so that the compiler can read it where a function calls it."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Hashable
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
    refused: str = ""
    """Why no function of a program may call it, if none may."""
    mode: str = "auto"
    """For a Jacobian: "fwd" by columns, "rev" by rows, "auto" what is less work."""


def transformation_of(function: object) -> Transformation | None:
    """What a derivative is of; None for what is no derivative."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Transformation) else None


def is_transform(function: object) -> bool:
    """Whether it is a function of ``srcad.transforms``, such as ``srcad.grad`` itself."""
    module = sys.modules.get("srcad.transforms")
    named = getattr(module, getattr(function, "__name__", ""), None)
    return named is not None and named is function


def innermost(function: Any) -> Any:
    """The user's own function under derivatives of derivatives, partials and bound methods."""
    while (inner := _inner(function)) is not None:
        function = inner
    return function


def is_made_of_another(function: object) -> bool:
    """Whether it is a derivative, a partial or a bound method."""
    return _inner(function) is not None


def held_by_name(function: Any) -> frozenset[str]:
    """The parameters of the innermost function that partials give by their names."""
    found: set[str] = set()
    while (inner := _inner(function)) is not None:
        if isinstance(function, functools.partial):
            found |= set(function.keywords)
        function = inner
    return frozenset(found)


def _inner(function: Any) -> Any:
    """What a derivative, a partial or a bound method is made of; None for a plain function."""
    known = transformation_of(function)
    if known is not None:
        return known.function
    if isinstance(function, types.MethodType):
        return function.__func__
    return function.func if isinstance(function, functools.partial) else None


def recipe_of(function: object) -> tuple[Hashable, ...] | None:
    """The transformations that made this of a plain function, to tell one from another.

    None if there is more to it, such as the arguments that a partial holds.
    """
    found = transformation_of(function)
    if found is None:
        return () if isinstance(function, types.FunctionType) else None
    inner = recipe_of(found.function)
    if inner is None:
        return None
    asked = found.kind, found.wrt, found.is_single, found.has_aux
    return (*inner, (*asked, repr(found.axes), found.refused, found.mode))


def suffix_of(function: object) -> str:
    """What the name of the user's own function is followed by: one word for each transformation."""
    found = transformation_of(function)
    if found is None:
        return ""
    return suffix_of(found.function) + ("_batch" if found.kind == "batch" else "_grad")


@dataclass(frozen=True)
class Equation:
    """How the compiler reads a function that an equation defines.

    Each entry is a pair of functions, for points that are numbers and for arrays. ``solve`` takes
    the user's function of the point alone, the start, the tolerance and the number of steps;
    ``back`` and ``ahead`` take the function whose derivative counts (``of_gradient``: the gradient
    of the user's), the solution, and the cotangent of the solution or the change of the function.
    """

    name: str
    solve: tuple[Callable[..., Any], Callable[..., Any]]
    back: tuple[Callable[..., Any], Callable[..., Any]]
    ahead: tuple[Callable[..., Any], Callable[..., Any]]
    of_point: Callable[..., Any]
    """Makes of a function and its parameters a function of the point alone."""
    of_gradient: bool = False


def equation_of(function: object) -> Equation | None:
    """The equation that defines a function; None if none does."""
    found = getattr(function, "__srcad_equation__", None)
    return found if isinstance(found, Equation) else None
