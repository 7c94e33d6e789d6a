"""What the tests of the passes share: programs elaborated, and IR as text.

``F``, ``V`` and so on are the types of arguments; ``body_of`` gives the core IR of a function
before any pass, ``lines`` the text of a block without its indentation at the left.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad import grad
from srcad.analysis.alias import points_to
from srcad.frontend.elaborate import Elaborated, elaborate
from srcad.frontend.source import find_source
from srcad.ir.nodes import Block, Function, Return
from srcad.ir.printer import print_block
from srcad.ir.types import Array, Scalar, Type
from srcad.pipeline import Kind, Program, Request, compile_request
from srcad.transform.adjoint import result_leaves
from srcad.transform.bounds import settle_checks
from srcad.transform.fuse import fuse
from tests.oracles import complex_step

F, INTEGER, B = Scalar("float64"), Scalar("int64"), Scalar("bool")
V, M = Array("float64", 1, (False,)), Array("float64", 2, (False, False))
IV = Array("int64", 1, (False,))


def elaborated(function: Callable[..., Any], *types: Type) -> Elaborated:
    """The core IR of a function for these types of its parameters."""
    names = inspect.signature(function).parameters
    return elaborate(find_source(function), tuple(zip(names, types, strict=True)))


def body_of(function: Callable[..., Any], *types: Type) -> Block:
    """The body of a function before any pass."""
    return elaborated(function, *types).body


def written(
    function: Callable[..., Any],
    types: tuple[Type, ...],
    wrt: tuple[str, ...],
    kind: Kind = "gradient",
    outputs: tuple[str, ...] = (),
) -> Program:
    """The program that the compiler writes."""
    names = inspect.signature(function).parameters
    parameters = tuple(zip(names, types, strict=True))
    return compile_request(Request(find_source(function), parameters, wrt, kind, outputs))


def gradient_text(function: Callable[..., Any], types: tuple[Type, ...], *wrt: str) -> str:
    """The adjoint that the compiler writes, without imports."""
    text = written(function, types, wrt).text
    return text[text.index("def ") :].rstrip("\n")


def lines(block: Block) -> str:
    """The text of a block."""
    return "\n".join(print_block(block, 0))


def text(expected: str) -> str:
    """A block of text as a test writes it: indented, with a line before and after."""
    return textwrap.dedent(expected).strip("\n")


def function_of(function: Callable[..., Any], *types: Type) -> Function:
    """A function as core IR before any pass, with its return."""
    e = elaborated(function, *types)
    body = (*e.body, Return(tuple(result_leaves(e.result))))
    return Function(e.name, e.parameters, body, dict(e.arrays))


def without_return(function: Function) -> str:
    """The text of a function's body, up to its return."""
    assert isinstance(function.body[-1], Return)
    found = lines(function.body[:-1])
    return "" if found == "pass" else found


def settled(function: Callable[..., Any], *types: Type) -> str:
    """The text of a body once its index checks are proved or hoisted."""
    e = elaborated(function, *types)
    body, _ = settle_checks(e.body, _inputs(e))
    return _PLACE.sub("", lines(body))


def fused(function: Callable[..., Any], *types: Type, checked: bool = True) -> str:
    """The text of a body with its checks settled and its loops fused."""
    e = elaborated(function, *types)
    body, same = settle_checks(e.body, _inputs(e), checked)
    return _PLACE.sub("", lines(fuse(body, points_to(body, set(e.arrays)), same)))


_PLACE = re.compile(r" \([^()]*\.py:\d+\)")
"""Where the program is, in a message."""


def _inputs(e: Elaborated) -> set[str]:
    return {p if isinstance(p, str) else p.name for p in e.parameters}


def is_exact(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    *wrt: str,
    tolerance: tuple[float, float] = (1e-11, 1e-12),
    compiled: tuple[dict[str, Any], ...] = ({},),
) -> None:
    """The gradients are those of a complex step, and the arguments stay as they are."""
    names = list(inspect.signature(function).parameters)
    expected = [complex_step(function, args, names.index(name)) for name in wrt]
    gradients_are(expected, function, args, wrt, tolerance, compiled)


def gradients_are(
    expected: list[Any],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    wrt: tuple[str, ...],
    tolerance: tuple[float, float],
    compiled: tuple[dict[str, Any], ...] = ({},),
) -> None:
    """As Python each gradient by itself; compiled all of them at once, with these options."""

    def same(found: Any, right: Any) -> None:
        np.testing.assert_allclose(found, right, rtol=tolerance[0], atol=tolerance[1])
        for now, before in zip(given, args, strict=True):
            np.testing.assert_array_equal(now, before)

    given = tuple(map(_own, args))
    for name, right in zip(wrt, expected, strict=True):
        same(grad(function, wrt=name, jit=False)(*given), right)
    for options in compiled:
        together = wrt if len(wrt) > 1 else wrt[0]
        found = grad(function, wrt=together, **options)(*given)
        for one, right in zip(found if len(wrt) > 1 else (found,), expected, strict=True):
            same(one, right)


def slopes_agree(function: Callable[..., Any], args: tuple[Any, ...], *, wrt: tuple[str, ...]):
    """Gradients with respect to floats and arrays agree with central differences, in Python."""
    names = list(inspect.signature(function).parameters)
    slopes = []
    for name in wrt:
        k = names.index(name)
        x = np.asarray(args[k], float)
        expected = np.zeros(x.shape)
        for place in np.ndindex(x.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = x.copy()
                moved[place] += step
                given = moved if x.shape else float(moved)
                ends.append(function(*(given if j == k else _own(a) for j, a in enumerate(args))))
            expected[place] = (ends[0] - ends[1]) / 2e-6
        slopes.append(expected)
    gradients_are(slopes, function, args, wrt, (2e-6, 2e-6))


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
