"""The elementary functions of ``math`` and NumPy: one row for each rule."""

import pytest

from tests.rules.support import INF, Row, check_array, check_scalar, row, write

PLAIN = (0.3, -1.4, 2.2, 0.0)
UNIT = (0.3, -0.8, 0.0)
POSITIVE = (0.3, 1.0, 12.5)
PLANE = ((3.0, 4.0), (-0.4, 0.7), (0.5, -1.2), (-2.0, -0.3))

# fmt: off
ROWS = (
    row("math.sqrt", "math.sqrt(a)", "np.sqrt(a)", *POSITIVE, edges={0.0: INF}),
    row("np.cbrt", "np.cbrt(a)", "np.cbrt(a)", *POSITIVE, -1.4, edges={0.0: INF}),
    row("np.square", "np.square(a)", "np.square(a)", *PLAIN),
    row("np.reciprocal", "np.reciprocal(a)", "np.reciprocal(a)", 0.8, -1.4, 2.2),
    row("math.hypot", "math.hypot(a, b)", "np.hypot(a, b)", *PLANE, (0.0, 2.0),
        edges={(0.0, 0.0): (0.0, 0.0)}),
    row("math.exp", "math.exp(a)", "np.exp(a)", *PLAIN),
    row("np.exp2", "np.exp2(a)", "np.exp2(a)", *PLAIN),
    row("math.expm1", "math.expm1(a)", "np.expm1(a)", *PLAIN),
    row("math.log", "math.log(a)", "np.log(a)", *POSITIVE),
    row("math.log2", "math.log2(a)", "np.log2(a)", *POSITIVE),
    row("math.log10", "math.log10(a)", "np.log10(a)", *POSITIVE),
    row("math.log1p", "math.log1p(a)", "np.log1p(a)", *POSITIVE, 0.0, -0.6),
    row("np.logaddexp", "np.logaddexp(a, b)", "np.logaddexp(a, b)", *PLANE,
        edges={(800.0, 0.0): (1.0, 0.0), (-800.0, -800.0): (0.5, 0.5)}),
    row("np.logaddexp2", "np.logaddexp2(a, b)", "np.logaddexp2(a, b)", *PLANE,
        edges={(2000.0, 0.0): (1.0, 0.0), (-2000.0, -2000.0): (0.5, 0.5)}),
    row("math.sin", "math.sin(a)", "np.sin(a)", *PLAIN),
    row("math.cos", "math.cos(a)", "np.cos(a)", *PLAIN),
    row("math.tan", "math.tan(a)", "np.tan(a)", *UNIT),
    row("math.asin", "math.asin(a)", "np.arcsin(a)", *UNIT, edges={1.0: INF, -1.0: INF}),
    row("math.acos", "math.acos(a)", "np.arccos(a)", *UNIT, edges={1.0: -INF, -1.0: -INF}),
    row("math.atan", "math.atan(a)", "np.arctan(a)", *PLAIN),
    row("math.atan2", "math.atan2(a, b)", "np.arctan2(a, b)", *PLANE, (0.0, 1.0), (1.0, 0.0)),
    row("np.sinc", "np.sinc(a)", "np.sinc(a)", *PLAIN),
    row("math.sinh", "math.sinh(a)", "np.sinh(a)", *PLAIN),
    row("math.cosh", "math.cosh(a)", "np.cosh(a)", *PLAIN),
    row("math.tanh", "math.tanh(a)", "np.tanh(a)", *PLAIN, edges={40.0: 0.0}),
    row("math.asinh", "math.asinh(a)", "np.arcsinh(a)", *PLAIN),
    row("math.acosh", "math.acosh(a)", "np.arccosh(a)", 1.4, 3.0, edges={1.0: INF}),
    row("math.atanh", "math.atanh(a)", "np.arctanh(a)", *UNIT),
    row("math.radians", "math.radians(a)", "np.radians(a)", *PLAIN),
    row("math.degrees", "math.degrees(a)", "np.degrees(a)", *PLAIN),
    row("math.copysign", "math.copysign(a, b)", "np.copysign(a, b)", *PLANE,
        edges={(0.0, -1.0): (0.0, 0.0)}),
    row("math.erf", "math.erf(a)", None, *PLAIN),
    row("math.erfc", "math.erfc(a)", None, *PLAIN),
    row("math.gamma", "math.gamma(a)", None, 0.7, 3.4, -1.5),
    row("math.lgamma", "math.lgamma(a)", None, 0.7, 3.4, 20.0, -1.5),
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
