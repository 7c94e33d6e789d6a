"""``np.einsum``: its subscripts read, and the sum left to ``contraction``."""

from __future__ import annotations

from collections import Counter

import numpy as np

from srcad.errors import ArgumentValueError
from srcad.frontend.builder import Builder
from srcad.frontend.contraction import contract
from srcad.frontend.library import entry
from srcad.frontend.products import operand
from srcad.frontend.terms import Label, Labels, Term
from srcad.frontend.values import StaticValue, Value
from srcad.ir.nodes import Const

_DOTS = "."
"""``...`` as one character."""
_MISMATCH = "operands could not be broadcast together: lengths of one subscript differ"


@entry(np.einsum)
def einsum(b: Builder, *operands: Value, optimize: Value | None = None) -> Value:
    """The sum of products that subscripts describe; ``optimize`` makes no difference."""
    if not operands or not isinstance(operands[0], StaticValue | str):
        raise b.refuse(
            "the subscripts of np.einsum must be a string known when the code is generated",
            "write them as in np.einsum('ij,jk->ik', a, b)",
        )
    text = operands[0].value if isinstance(operands[0], StaticValue) else operands[0]
    if not isinstance(text, str):
        raise b.refuse(
            "np.einsum with lists of axes is not supported", "write np.einsum('ij,jk->ik', a, b)"
        )
    _require_strategy(b, optimize)
    values = [operand(b, v) for v in operands[1:]]
    inputs, output = _read(b, text, [v.ndim for v in values])
    terms = [Term(v, labels) for v, labels in zip(values, inputs, strict=True)]
    known = tuple({x for labels in inputs for x in labels})
    return contract(b, terms, output, _MISMATCH, known)


def _require_strategy(b: Builder, optimize: Value | None) -> None:
    """Pairs are multiplied in an order of our own: a path is refused."""
    known = optimize is None or isinstance(optimize, Const)
    if isinstance(optimize, StaticValue):
        known = optimize.value in (None, "greedy", "optimal")
    if not known:
        raise b.refuse(
            "this value of optimize= is not supported",
            "leave it out: operands are multiplied in pairs, the cheapest first",
        )


def _read(b: Builder, text: str, ranks: list[int]) -> tuple[list[Labels], Labels]:
    """The labels of the axes of each operand and of the result."""
    given, arrow, wanted = text.replace(" ", "").replace("...", _DOTS).partition("->")
    parts = given.split(",")
    for character in given + wanted:
        if not (character.isascii() and character.isalpha()) and character not in (",", _DOTS):
            raise _error(
                b,
                f"invalid subscript {character!r} in einstein sum subscripts string, "
                "subscripts must be letters",
            )
    if len(parts) != len(ranks):
        which = "fewer" if len(ranks) < len(parts) else "more"
        raise _error(
            b,
            f"{which} operands provided to einstein sum function than specified in the "
            f"subscripts string: {len(ranks)} and {len(parts)}",
        )
    extra = [_left_over(b, k, part, ranks[k]) for k, part in enumerate(parts)]
    dots = tuple(range(-max(extra), 0))
    inputs = [_labels(part, dots[len(dots) - n :]) for part, n in zip(parts, extra, strict=True)]
    if not arrow:
        counts = Counter(x for x in given if x.isalpha())
        wanted = _DOTS + "".join(sorted(x for x, n in counts.items() if n == 1))
    elif dots and _DOTS not in wanted:
        raise _error(
            b, "output has fewer dimensions than the '...' of the operands: write '...' in it"
        )
    output = _labels(wanted, dots)
    _require_output(b, output, {x for labels in inputs for x in labels})
    return inputs, output


def _left_over(b: Builder, k: int, part: str, ndim: int) -> int:
    """How many axes of operand ``k`` its ``...`` stands for."""
    letters, dots = sum(x.isalpha() for x in part), part.count(_DOTS)
    if dots > 1:
        raise _error(b, "einstein sum subscripts string contains more than one '...' in a term")
    if letters > ndim:
        raise _error(
            b,
            f"einstein sum subscripts string contains too many subscripts for operand {k}, "
            f"which has {ndim} axes",
        )
    if letters < ndim and not dots:
        raise _error(
            b,
            f"operand {k} has more dimensions than subscripts given in einstein sum, but no "
            "'...' ellipsis provided to broadcast the extra dimensions",
        )
    return ndim - letters


def _labels(part: str, dots: tuple[int, ...]) -> Labels:
    """Letters, and numbers for the axes of ``...``, counted from the last."""
    out: list[Label] = []
    for character in part:
        out += dots if character == _DOTS else (character,)
    return tuple(out)


def _require_output(b: Builder, output: Labels, known: set[Label]) -> None:
    for label in output:
        if label not in known:
            raise _error(
                b,
                f"einstein sum subscripts string includes output subscript {label!r} which "
                "never appeared in an input",
            )
        if output.count(label) > 1:
            raise _error(
                b,
                "einstein sum subscripts string includes output subscript "
                f"{label!r} multiple times",
            )


def _error(b: Builder, what: str) -> ArgumentValueError:
    return ArgumentValueError(what, b.here)
