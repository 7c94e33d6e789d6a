"""The elementary functions against mpmath: at most 1 ulp, at ordinary, special and extreme points.

They run in two ways: with NumPy's arithmetic, which fuses nothing, and compiled.
"""

import ast
import functools
import inspect
import math
import re

import mpmath
import numpy as np
import pytest
from numba import njit

from srcad.elementary import exponentials, lanes, logarithms, powers, primitives, trigonometry
from srcad.runtime.hints import plus

FUNCTIONS = {
    "exp": (exponentials.exp, 745.5, 712.0),
    "exp2": (exponentials.exp2, 1076.0, 1026.0),
    "expm1": (exponentials.expm1, 60.0, 712.0),
    "sinh": (exponentials.sinh, 712.0, 712.0),
    "cosh": (exponentials.cosh, 712.0, 712.0),
    "tanh": (exponentials.tanh, 25.0, 25.0),
    "log": (logarithms.log, 0.0, 1e308),
    "log2": (logarithms.log2, 0.0, 1e308),
    "log10": (logarithms.log10, 0.0, 1e308),
    "log1p": (logarithms.log1p, 1.0, 1e308),
    "sin": (trigonometry.sin, 1e300, 1e300),
    "cos": (trigonometry.cos, 1e300, 1e300),
    "tan": (trigonometry.tan, 1e300, 1e300),
}
"""Each function, and how far its domain (or what is of interest of it) goes down and up."""
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.0, 1000.0, 5e-324, -5e-324, 1e-310]
LIMITS = {
    "exp": [709.782712893384, 709.7827128933841, -745.1332191019411, -745.1332191019412, -708.4],
    "exp2": [1023.9999999999999, 1024.0, -1022.0, -1022.5, -1074.0, -1075.0, -1075.1, 0.5, 3.0],
    "expm1": [709.782712893384, 709.7827128933841, -37.5, 0.34657359027997264, 1e-16],
    "sinh": [710.4758600739439, 710.475860073944, 22.0, 0.34657359027997264],
    "cosh": [710.4758600739439, 710.475860073944, 22.0, 18.5],
    "tanh": [19.06, 18.7, 0.34657359027997264, 0.5493061443340549, 1e-160],
    "log": [
        np.nextafter(1.0, 0.0),
        np.nextafter(1.0, 2.0),
        0.7071067811865476,
        1.7976931348623157e308,
    ],
    "log1p": [-0.9999999999999999, 1e-17, -1e-17, 0.41421356237309503, -0.2928932188134524, 1e17],
    "sin": [3.141592653589793, 1647098.9999, 1647099.1, 1e22, 6381956970095103.0 * 2.0**797],
    "cos": [1.5707963267948966, 1647098.9999, 1647099.1, 1e22, 6381956970095103.0 * 2.0**797],
    "tan": [1.5707963267948966, 3.141592653589793, 0.7853981633974483, 1647099.1, 1e22],
}


def points(name, count, seed):
    """Points spread evenly, in magnitude and near 1, with the special ones among them."""
    _, down, up = FUNCTIONS[name]
    random = np.random.default_rng(seed)
    sizes = np.exp(random.uniform(-710.0, np.log(up), count))
    found = [random.uniform(-min(down, 1e6), min(up, 1e6), count), random.uniform(-1.0, 5.0, count)]
    found += [
        sizes,
        -sizes,
        1.0 + random.normal(size=count) * 10.0 ** random.uniform(-16, 0, count),
    ]
    if name in ("sin", "cos", "tan"):  # next to multiples of pi/2
        found.append(random.integers(-1000000, 1000000, count) * 1.5707963267948966)
    found = np.concatenate([*found, SPECIAL, LIMITS.get(name, LIMITS["log"])])
    with np.errstate(all="ignore"):
        outside = np.isfinite(found) & ~((found >= -down) & (found <= up))
    return found[~outside | np.isin(found, SPECIAL)]


def ulps(name, x, y):
    """How far y is from the function at x, in units of the last place; what is special agrees.

    Beyond the range of their reduction, the circular functions are those of the C library.
    """
    exact = {"exp2": lambda t: mpmath.power(2, t), "log2": lambda t: mpmath.log(t, 2)}
    function = exact.get(name, getattr(mpmath, name, None))
    with np.errstate(all="ignore"):
        nearby = getattr(np, name)(x)
    special = ~np.isfinite(nearby) | (nearby == 0.0)
    same = (nearby == y) & (np.signbit(nearby) == np.signbit(y)) | np.isnan(nearby) & np.isnan(y)
    assert same[special].all(), (name, x[special][~same[special]])
    errors = np.zeros(len(x))
    far = (name in ("sin", "cos", "tan")) & ~special & (abs(x) > 1647099.0)
    assert all(y[k] == getattr(math, name)(x[k]) for k in np.flatnonzero(far)), name
    with mpmath.workprec(130):
        for k in np.flatnonzero(~special & ~far):
            true = function(mpmath.mpf(float(x[k])))
            errors[k] = abs(mpmath.mpf(float(y[k])) - true) / float(np.spacing(abs(nearby[k])))
    return errors


@functools.cache
def looped(name):
    """A compiled loop that fills an array."""
    function = FUNCTIONS[name][0]

    @njit(error_model="numpy")
    def loop(x, y):
        for i in range(len(x)):
            y[i] = function(x[i])

    return loop


def compiled(name, x):
    y = np.empty_like(x)
    looped(name)(x, y)
    return y


def check(name, count, seed):
    x = points(name, count, seed)
    for y in (FUNCTIONS[name][0](x), compiled(name, x)):
        errors = ulps(name, x, y)
        worst = np.argmax(errors)
        assert errors[worst] <= 1.0, (name, x[worst], y[worst], errors[worst])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_at_most_one_ulp(name):
    check(name, 60, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_at_most_one_ulp_at_many_points(name, seed):
    check(name, 5000, seed)


def test_powers_at_most_one_ulp():
    random = np.random.default_rng(0)
    x = np.exp(np.concatenate([random.uniform(-700, 700, 300), random.normal(size=300) * 1e-9]))
    y = random.uniform(-1.0, 1.0, 600) * 744.0 / np.maximum(abs(np.log(x)), 1e-15)
    values = np.array([*SPECIAL, 0.5, 3.0, -2.0, -3.0, 1e300])
    x = np.concatenate([x, np.repeat(values, len(values))])
    y = np.concatenate([y, np.tile(values, len(values))])

    @njit(error_model="numpy")
    def loop(x, y, z):
        for i in range(len(x)):
            z[i] = powers.power(x[i], y[i])

    z = np.empty_like(x)
    loop(x, y, z)
    (code,) = loop.inspect_llvm().values()
    assert re.search(r"f(add|mul) <\d+ x double>", code)
    with np.errstate(all="ignore"):
        nearby = np.power(x, y)
    for found in (z, powers.power(x, y)):
        special = ~(np.isfinite(nearby) & np.isfinite(x) & np.isfinite(y) & (x > 0.0))
        special |= abs(nearby) < 2.3e-308
        np.testing.assert_array_equal(found[special], nearby[special])
        signed = special & ~np.isnan(nearby)
        assert (np.signbit(found) == np.signbit(nearby))[signed].all()
        with mpmath.workprec(160):
            for k in np.flatnonzero(~special):
                true = mpmath.power(mpmath.mpf(float(x[k])), mpmath.mpf(float(y[k])))
                assert abs(mpmath.mpf(float(found[k])) - true) <= float(np.spacing(abs(nearby[k])))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vector_instructions(name):
    loop = looped(name)
    loop(np.ones(3), np.ones(3))
    (code,) = loop.inspect_llvm().values()
    assert re.search(r"f(add|mul) <\d+ x double>", code)


def test_lanes_beyond_the_range_of_reduction():
    """One lane of a vector is left to the C library, whichever it is, and its neighbours are not."""
    for lane in range(9):
        x = np.linspace(-2.0, 2.0, 16)
        x[lane] = 1e10
        y = compiled("sin", x)
        assert y[lane] == np.sin(1e10)
        assert abs(y - np.sin(x)).max() < 3e-16


def test_single_precision_is_the_double_rounded():
    x = np.linspace(-5.0, 5.0, 101, dtype=np.float32)
    for name in ("exp", "tanh", "sin"):
        y = compiled(name, x)
        expected = getattr(np, name)(x.astype(np.float64)).astype(np.float32)
        assert y.dtype == FUNCTIONS[name][0](x).dtype == np.float32
        assert (y == expected).all()
        assert (FUNCTIONS[name][0](x) == expected).all()


def test_fastmath_of_the_caller_changes_nothing():
    expm1, log1p = exponentials.expm1, logarithms.log1p

    def fill(x, y):
        for i in range(len(x)):
            y[i] = expm1(x[i])
            y[i] += log1p(x[i])

    x = np.abs(points("log1p", 40, seed=3))
    x = x[x < 700.0]
    plain, fast = np.empty_like(x), np.empty_like(x)
    njit(error_model="numpy")(fill)(x, plain)
    njit(error_model="numpy", fastmath=True)(fill)(x, fast)
    assert (plain == fast).all()


def test_sums_in_any_order():
    @njit
    def total(x):
        s = x[0] * np.float32(0.0)
        for i in range(len(x)):
            s = plus(s, x[i])
        return s

    for dtype in (np.float32, np.float64):
        x = np.arange(100, dtype=dtype)
        assert total(x) == 4950.0
    assert plus(np.float32(1.0), np.float32(2.0)).dtype == np.float32


def test_modules_share_no_names():
    """Ejected, they are one module."""
    modules = lanes, primitives, exponentials, logarithms, powers, trigonometry
    names = [n for m in modules for n in _defined(ast.parse(inspect.getsource(m)))]
    assert len(names) == len(set(names))


def _defined(module):
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name))
