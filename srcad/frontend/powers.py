"""Powers of matrices whose exponent is known when the code is generated."""

import numpy as np

from srcad.frontend import library
from srcad.frontend.builder import Builder
from srcad.frontend.library import as_array, entry, static_int
from srcad.frontend.values import ArrayValue, StaticValue, Value
from srcad.ir.nodes import Const
from srcad.ir.types import BOOL
from srcad.rules.products import is_literal, literal_power


@entry(is_literal)
def known(b: Builder, n: Value) -> Value:
    """Whether an integer is known now."""
    return Const(isinstance(n, Const), BOOL)


@entry(literal_power)
def unrolled(b: Builder, a: Value, n: Value) -> Value:
    """Squares, multiplied where the exponent has a binary digit 1."""
    base, left = as_array(b, a), static_int(b, n, "n")
    if left == 0:
        return library.eye(b, base.extents[0], StaticValue(np.dtype(base.dtype)))
    if left == 1:
        return library.copy(b, base)
    out: Value | None = None
    square: Value = base
    while left:
        assert isinstance(square, ArrayValue)
        if left % 2:
            out = square if out is None else library.dot(b, as_array(b, out), square)
        left //= 2
        square = library.dot(b, square, square) if left else square
    assert out is not None
    return out
