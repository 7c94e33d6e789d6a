"""Rules in forward mode and to second order, also where a partial hides a removable singularity."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import srcad
from tests.rules import test_arithmetic, test_elementary, test_special
from tests.rules.support import Row, write

TABLES = (test_arithmetic, test_elementary, test_special)
ROWS: list[Any] = [
    pytest.param(table.MODULE, k, each, id=each.rule)
    for table in TABLES
    for k, each in enumerate(table.ROWS)
]
STEP = 1e-3


@pytest.mark.parametrize(("module", "k", "each"), ROWS)
def test_forward_equals_reverse(module: Any, k: int, each: Row):
    function, count = getattr(module, f"scalar_{k}"), len(each.points[0])
    gradient: Any = srcad.grad(function, wrt=tuple(range(count)), jit=False)
    for i, point in enumerate(each.points):
        tangents = tuple(np.random.default_rng(i).uniform(0.5, 1.5, count).tolist())
        _, found = srcad.jvp(function, (*point, 1.3), (*tangents, 0.0), jit=False)
        wanted = sum(g * t for g, t in zip(gradient(*point, 1.3), tangents, strict=True))
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("module", "k", "each"), ROWS)
def test_second_order(module: Any, k: int, each: Row):
    """Along a direction, against differences of order four of the gradient."""
    function, count = getattr(module, f"scalar_{k}"), len(each.points[0])
    wrt = tuple(range(count))
    gradient: Any = srcad.grad(function, wrt=wrt, jit=False)
    for point in each.points:
        v = (1.0, 0.6)[:count]

        def at(h: float, point: Any = point, v: Any = v) -> Any:
            moved = (p + h * t for p, t in zip(point, v, strict=True))
            return np.array(gradient(*moved, 1.0))

        near, far = at(STEP) - at(-STEP), at(2.0 * STEP) - at(-2.0 * STEP)
        wanted = (8.0 * near - far) / (12.0 * STEP)
        found = srcad.hvp(function, (*point, 1.0), v, wrt=wrt, jit=False)
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-8)


SINGULAR = (
    ("a ** b", (2.0, 0.0), lambda a, b: a**b),
    ("special.xlogy(a, b)", (0.0, 2.0), lambda a, b: a * mpmath.log(b)),
    ("special.xlog1py(a, b)", (0.0, 2.0), lambda a, b: a * mpmath.log(1 + b)),
    ("special.spence(a)", (1.0,), lambda a: mpmath.polylog(2, 1 - a)),
    ("special.spence(a)", (1.002,), lambda a: mpmath.polylog(2, 1 - a)),
    ("special.ellipk(a)", (0.0,), mpmath.ellipk),
    ("special.ellipk(a)", (9e-4,), mpmath.ellipk),
    ("special.ellipe(a)", (0.0,), mpmath.ellipe),
    ("special.ellipe(a)", (9e-4,), mpmath.ellipe),
    ("special.boxcox(a, b)", (2.0, 0.0), lambda a, b: mpmath.quad(lambda t: t ** (b - 1), [1, a])),
    ("np.sinc(a)", (0.0,), mpmath.sincpi),
    ("np.sinc(a)", (0.019,), mpmath.sincpi),
)
HIDDEN = write(tuple(Row(text, text, None, (point,)) for text, point, _ in SINGULAR))


@pytest.mark.parametrize(
    ("k", "point", "exact"),
    [pytest.param(k, p, e, id=f"{t}-{p}") for k, (t, p, e) in enumerate(SINGULAR)],
)
def test_second_order_at_removable_singularities(k: int, point: tuple[float, ...], exact: Any):
    """The Hessian, column by column, against mpmath."""
    function, count = getattr(HIDDEN, f"scalar_{k}"), len(point)
    for j in range(count):
        unit = tuple(float(i == j) for i in range(count))
        found = srcad.hvp(function, (*point, 1.0), unit, wrt=tuple(range(count)), jit=False)
        with mpmath.workdps(40):
            orders = [tuple((i == j) + (i == m) for i in range(count)) for m in range(count)]
            wanted = [
                float(
                    mpmath.re(
                        mpmath.diff(exact, point, n)
                        if count > 1
                        else mpmath.diff(exact, point[0], n[0])
                    )
                )
                for n in orders
            ]
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
