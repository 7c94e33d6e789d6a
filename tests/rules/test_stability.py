"""Derivatives where floats are extreme: against differences of a thousand digits.

The reference is mpmath's function, differenced with a step of 1e-390 in enough digits for the
difference to be exact in all digits of a float. What is found may be off by what a rounding of the
argument would change (the condition number), times a few units in the last place. Where the value
or the derivative overflows there is nothing to compare; below the smallest normal float, 0 will do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import srcad
from tests.rules import test_arithmetic, test_elementary, test_special
from tests.rules.support import write

EPS = 2.0**-52
UNITS = 8.0
TINY = np.finfo(float).tiny
STEP = mp.mpf(2) ** -1300
Point = tuple[float, ...]

ALL = (5e-324, 1e-310, 1e-300, 1e-160, 1e-20, 1e-5, 5e-4, 0.01, 0.24, 0.3, 1.0, 1.0 + EPS, 3.0, 20.0, 37.0, 300.0,
       1e8, 1e100, 1e153, 1e160, 1e300, 1.7e308)  # fmt: skip
EXPONENTS = (1e-310, 1e-20, 1e-5, 0.3, 1.0, 20.0, 37.0, 300.0, 709.0, 745.0)
NEAR_ONE = (1e-310, 1e-20, 1e-5, 0.3, 0.9, 1.0 - 1e-10, 1.0 - EPS)
GRID = (1e-310, 1e-160, 1e-5, 1.0 + 1e-9, 709.0, 1e160, 1.7e308)
MODERATE = (1e-310, 0.3, 37.0, 709.0)


def both(points: Iterable[float]) -> list[Point]:
    """Points of both signs."""
    return [(s * x,) for x in points for s in (1.0, -1.0)]


def positive(points: Iterable[float]) -> list[Point]:
    return [(x,) for x in points]


def pairs(points: Iterable[float], *, signs: bool = True) -> list[Point]:
    """All pairs, the second of alternating sign."""
    points = tuple(points)
    found = list(product(points, points))
    return [(x, -y if signs and k % 2 else y) for k, (x, y) in enumerate(found)]


def log_add(a: Any, b: Any) -> Any:
    return mp.log(mp.exp(a) + mp.exp(b))


def log_add_2(a: Any, b: Any) -> Any:
    return log_add(a * mp.ln2, b * mp.ln2) / mp.ln2


def normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


REFERENCES: dict[str, tuple[Callable[..., Any], list[Point]]] = {
    "/": (lambda a, b: a / b, pairs(GRID)),
    "**": (mp.power, [(a, b) for a in (1e-8, 0.5, 1.0, 3.0, 1e8)
                      for b in (1e-300, 1e-3, 0.5, -0.5, 1.0, 2.0, -30.0)]),
    "abs": (abs, both(ALL)),
    "math.sqrt": (mp.sqrt, positive(ALL)),
    "np.cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), both(ALL)),
    "np.reciprocal": (lambda x: 1 / x, both(ALL)),
    "math.hypot": (lambda a, b: mp.sqrt(a * a + b * b), [*pairs(GRID[1:]), (1e-310, 1.0), (0.0, 2.0)]),
    "math.exp": (mp.exp, both(EXPONENTS)),
    "np.exp2": (lambda x: mp.power(2, x), both(EXPONENTS)),
    "math.expm1": (mp.expm1, both(EXPONENTS)),
    "math.log": (mp.log, positive(ALL)),
    "math.log2": (lambda x: mp.log(x, 2), positive(ALL)),
    "math.log10": (mp.log10, positive(ALL)),
    "math.log1p": (lambda x: mp.log(1 + x), [*positive(ALL), *((-x,) for (x,) in positive(NEAR_ONE))]),
    "np.logaddexp": (log_add, [*pairs(MODERATE), (1e10, 1e10 + 1.0), (1e15 + 1.0, 1e15), (-1e4, -1e4)]),
    "np.logaddexp2": (log_add_2, [*pairs(MODERATE), (1e10, 1e10 + 1.0), (-1e4, -1e4)]),
    "math.sin": (mp.sin, both(x for x in ALL if x < 1e154)),
    "math.cos": (mp.cos, both(x for x in ALL if x < 1e154)),
    "math.tan": (mp.tan, both(x for x in ALL if x < 1e154)),
    "math.asin": (mp.asin, both(NEAR_ONE)),
    "math.acos": (mp.acos, both(NEAR_ONE)),
    "math.atan": (mp.atan, both(ALL)),
    "math.atan2": (mp.atan2, pairs(GRID)),
    "np.sinc": (lambda x: mp.sinc(mp.pi * x), both(x for x in ALL if x < 1e15)),
    "math.sinh": (mp.sinh, both(EXPONENTS)),
    "math.cosh": (mp.cosh, both(EXPONENTS)),
    "math.asinh": (mp.asinh, both(x for x in ALL if x < 1e154)),
    "math.acosh": (mp.acosh, positive((1.0 + EPS, 1.1, 3.0, 1e8, 1e153, 1e160, 1.7e308))),
    "math.atanh": (mp.atanh, both(NEAR_ONE)),
    "math.erf": (mp.erf, both((1e-310, 1e-20, 1e-5, 0.3, 1.0, 6.0, 20.0, 26.0))),
    "math.erfc": (mp.erfc, both((1e-310, 1e-20, 1e-5, 0.3, 1.0, 6.0, 20.0, 26.0))),
    "special.expit": (lambda x: 1 / (1 + mp.exp(-x)), both(EXPONENTS)),
    "special.log_expit": (lambda x: -mp.log(1 + mp.exp(-x)), both(EXPONENTS)),
    "special.logit": (lambda x: mp.log(x / (1 - x)), positive(NEAR_ONE)),
    "special.entr": (lambda x: -x * mp.log(x), positive(ALL)),
    "special.xlogy": (lambda a, b: a * mp.log(b), pairs(GRID, signs=False)),
    "special.xlog1py": (lambda a, b: a * mp.log(1 + b), pairs(GRID, signs=False)),
    "special.rel_entr": (lambda a, b: a * mp.log(a / b), pairs(GRID, signs=False)),
    "special.kl_div": (lambda a, b: a * mp.log(a / b) - a + b, pairs(GRID, signs=False)),
    "special.pseudo_huber": (lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1),
                             [(d, d * r) for d in (1e-100, 1.0, 1e100) for r in (1e-9, -1.0, 1e3)]),
    "special.ndtr": (normal, both((1e-310, 1e-5, 0.3, 1.0, 6.0, 20.0, 37.0))),
    "special.log_ndtr": (lambda x: mp.log(normal(x)), both((1e-310, 1e-5, 0.3, 1.0, 6.0, 20.0, 37.0))),
}  # fmt: skip
"""mpmath's function by rule, and where it is compared."""

ROWS = tuple(
    row
    for row in (*test_arithmetic.ROWS, *test_elementary.ROWS, *test_special.ROWS)
    if row.rule in REFERENCES
)
MODULE = write(ROWS)


def test_every_reference_has_a_row():
    assert {row.rule for row in ROWS} == set(REFERENCES)


def exact(function: Callable[..., Any], point: Point, k: int) -> tuple[Any, float] | None:
    """A partial derivative, and how much roundings of the arguments change it."""

    def at(*steps: int) -> Any:
        return function(*(mp.mpf(x) + s * STEP for x, s in zip(point, steps, strict=True)))

    here = (0,) * len(point)
    ahead, behind = (tuple(s if j == k else 0 for j in range(len(point))) for s in (1, -1))
    one, two, three = at(*ahead), at(*here), at(*behind)
    slope = (one - three) / (2 * STEP)
    if max(abs(two), abs(slope)) >= mp.mpf(2) ** 1024:
        return None
    if not slope:
        return slope, 0.0
    condition = abs(point[k] * (one - 2 * two + three) / STEP**2 / slope)
    if len(point) == 2:
        bend = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * STEP**2)
        condition += abs(point[1 - k] * bend / slope)
    return slope, float(min(condition, mp.mpf(10) ** 16))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.rule)
def test_extremes(row: Any):
    function, points = REFERENCES[row.rule]
    count = len(points[0])
    scalar = getattr(MODULE, f"scalar_{ROWS.index(row)}")
    gradient = srcad.grad(scalar, wrt=tuple(range(count)), jit=False)
    compared = 0
    algebraic = row.rule in ("/", "math.hypot", "math.atan2")
    with mp.workprec(6500 if algebraic else 4500):
        for point, k in product(points, range(count)):
            found = gradient(*point, 1.0)[k]
            reference = exact(function, point, k)
            if reference is None:
                continue
            slope, condition = reference
            what = f"{point}, argument {k}: {found}, expected {mp.nstr(slope, 17)}"
            assert math.isfinite(found), what
            allowed = UNITS * EPS * (1.0 + condition) * abs(slope) + TINY
            assert abs(mp.mpf(found) - slope) <= allowed, what
            compared += 1
    assert compared > len(points) // 2


# ---------------------------------------------------------------- compositions


def softplus(x):
    return np.logaddexp(0.0, x)


def softplus_by_log1p(x):
    return math.log1p(math.exp(x))


def softplus_by_where(x):
    return np.where(x > 0.0, x + np.log1p(np.exp(-x)), np.log1p(np.exp(x)))


def softplus_by_branches(x):
    if x > 0.0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


def logistic(x: float) -> Any:
    return 1 / (1 + mp.exp(-mp.mpf(x)))


@pytest.mark.parametrize(
    "form", [softplus, softplus_by_where, softplus_by_branches, softplus_by_log1p]
)
@pytest.mark.parametrize("x", [-745.0, -709.0, -40.0, -1e-300, 0.0, 1e-20, 1.0, 37.0, 709.0, 800.0])
def test_softplus(form: Callable[..., float], x: float):
    if form is softplus_by_log1p and x > 709.0:
        pytest.skip("exp(x), which is part of the program, overflows")
    found = srcad.grad(form, jit=False)(x)
    assert abs(found - logistic(x)) <= 4.0 * EPS * (1.0 + abs(x)) * logistic(x) + TINY


def impossible_and_possible(a, b, c):
    return np.logaddexp(np.logaddexp(a, b), c)


def test_logaddexp_of_terms_that_are_zero():
    """exp(-inf) = 0: nothing flows back to such a term, and no NaN to the others."""
    gradient = srcad.grad(impossible_and_possible, wrt=(0, 1, 2), jit=False)
    assert gradient(-math.inf, -math.inf, 1.5) == (0.0, 0.0, 1.0)
    assert gradient(-math.inf, 0.3, -math.inf) == (0.0, 1.0, 0.0)
    assert gradient(-math.inf, -math.inf, -math.inf) == (0.0, 0.0, 0.0)


def roots(x):
    return np.sum(np.where(x > 0.0, np.sqrt(x), 0.0))


def roots_in_a_loop(x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            total += math.sqrt(x[i])
    return total


@pytest.mark.parametrize("form", [roots, roots_in_a_loop])
def test_a_root_that_is_not_taken(form: Callable[..., float]):
    x = np.array([0.0, 1e-300, 5e-324, -1.0, 4.0])
    found = srcad.grad(form, jit=False)(x)
    assert found[0] == 0.0 and found[3] == 0.0
    taken = x > 0.0
    np.testing.assert_allclose(found[taken], 0.5 / np.sqrt(x[taken]), rtol=4.0 * EPS)
