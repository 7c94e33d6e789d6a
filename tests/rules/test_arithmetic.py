"""Operators, kinks, conversions and what has no derivative: one row for each rule."""

import pytest

from tests.rules.support import Row, check_array, check_scalar, row, write

PAIRS = ((1.7, 0.6), (-1.3, 2.4), (0.4, -3.1))
TIE = {(0.8, 0.8): (0.5, 0.5)}
FLAT = (0.3, -1.6, 2.2)

# fmt: off
ROWS = (
    row("+", "a + b", "a + b", *PAIRS, (0.0, 0.0)),
    row("-", "a - b", "a - b", *PAIRS, (0.0, 0.0)),
    row("*", "a * b", "a * b", *PAIRS, (0.0, 0.0), (0.0, 2.0)),
    row("/", "a / b", "a / b", *PAIRS, (0.0, 2.0)),
    row("%", "a % b", "a % b", (1.7, 0.6), (-1.3, 2.4), (0.4, -3.1), (5.3, 1.0)),
    row("**", "a ** b", "a ** b", (1.7, 0.6), (1.4, -3.1), (2.0, 0.0), (1.0, 5.0),
        edges={(0.0, 2.0): (0.0, 0.0), (0.0, 1.0): (1.0, 0.0), (0.0, 0.0): (0.0, 0.0)}),
    row("np.fmod", "math.fmod(a, b)", "np.fmod(a, b)", (1.7, 0.6), (-1.3, 2.4), (-5.4, 3.1)),
    row("neg", "-a", "-a", 0.0, 1.2, -0.7),
    row("pos", "+a", "+a", 0.0, 1.2, -0.7),
    row("abs", "abs(a)", "np.abs(a)", 1.2, -0.7, edges={0.0: 0.0}),
    row("max", "max(a, b)", None, *PAIRS, edges=TIE),
    row("min", "min(a, b)", None, *PAIRS, edges=TIE),
    row("np.maximum", "np.maximum(a, b)", "np.maximum(a, b)", *PAIRS, edges=TIE),
    row("np.minimum", "np.minimum(a, b)", "np.minimum(a, b)", *PAIRS, edges=TIE),
    row("np.fmax", "np.fmax(a, b)", "np.fmax(a, b)", *PAIRS, edges=TIE),
    row("np.fmin", "np.fmin(a, b)", "np.fmin(a, b)", *PAIRS, edges=TIE),
    row("float", "float(a)", None, *FLAT),
    row("//", "a // b", "a // b", *PAIRS),
    row("int", "int(a)", None, *FLAT, edges={1.0: 0.0}),
    row("np.int64", "np.int64(a)", None, *FLAT, edges={1.0: 0.0}),
    row("bool", "bool(a)", None, *FLAT, edges={0.0: 0.0}),
    row("np.floor", "np.floor(a)", "np.floor(a)", *FLAT, edges={1.0: 0.0}),
    row("np.ceil", "np.ceil(a)", "np.ceil(a)", *FLAT, edges={1.0: 0.0}),
    row("np.trunc", "np.trunc(a)", "np.trunc(a)", *FLAT, edges={1.0: 0.0}),
    row("np.rint", "np.rint(a)", "np.rint(a)", *FLAT, edges={1.5: 0.0}),
    row("np.spacing", "np.spacing(a)", "np.spacing(a)", *FLAT),
    row("np.signbit", "np.signbit(a)", "np.signbit(a)", *FLAT, edges={0.0: 0.0}),
    row("round", "round(a)", None, *FLAT, edges={1.5: 0.0}),
    row("np.sign", "np.sign(a)", "np.sign(a)", *FLAT, edges={0.0: 0.0}),
    row("math.floor", "math.floor(a)", None, *FLAT, edges={1.0: 0.0}),
    row("math.ceil", "math.ceil(a)", None, *FLAT, edges={1.0: 0.0}),
    row("math.trunc", "math.trunc(a)", None, *FLAT, edges={1.0: 0.0}),
    row("math.isnan", "math.isnan(a)", "np.isnan(a)", *FLAT),
    row("math.isinf", "math.isinf(a)", "np.isinf(a)", *FLAT),
    row("math.isfinite", "math.isfinite(a)", "np.isfinite(a)", *FLAT),
)
# fmt: on

MODULE = write(ROWS)
SCALARS = [pytest.param(k, r, id=r.rule) for k, r in enumerate(ROWS)]
ARRAYS = [pytest.param(k, r, id=r.rule) for k, r in enumerate(ROWS) if r.array is not None]


@pytest.mark.parametrize(("k", "each"), SCALARS)
def test_scalar(k: int, each: Row):
    check_scalar(MODULE, k, each)


@pytest.mark.parametrize(("k", "each"), ARRAYS)
def test_array(k: int, each: Row):
    check_array(MODULE, k, each)
