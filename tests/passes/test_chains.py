"""Short chains in loops whose iterations wait for each other: what is written, and that it is right."""

import math
from typing import Any

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, F, V, gradient_text, written

P = np.array([1.1, 0.4, 0.1, 0.4])


def prey(p, x, y, n):
    a, b, c, d = p[0], p[1], p[2], p[3]
    for _ in range(n):
        k = a * x - b * x * y
        l = c * x * y - d * y  # noqa: E741
        u = x + 0.05 * k
        v = y + 0.05 * l
        x = x + 0.1 * (a * u - b * u * v)
        y = y + 0.1 * (c * u * v - d * v)
    return x * x + 2.0 * y * y


TYPES = (V, F, F, INTEGER)


def is_right(f: Any, *args: Any, jit: bool = False) -> None:
    for k in range(len(args) - 1):
        found: Any = srcad.grad(f, wrt=k, jit=jit)(*args)
        np.testing.assert_allclose(found, complex_step(f, args, k), rtol=1e-11)
        _, found = srcad.value_and_grad(f, wrt=k, jit=jit)(*args)  # type: ignore[misc]
        np.testing.assert_allclose(found, complex_step(f, args, k), rtol=1e-11)


def test_partials_come_before_seeds():
    text = gradient_text(prey, TYPES, "p")
    assert "k_1 = x * (a - b * y)" in text
    assert "x_b += (a - b * y) * k_1_b" in text
    assert "y_b += (c * x - d) * l_b" in text
    for n in (0, 1, 5):
        is_right(prey, P, 1.5, 0.7, n)
    is_right(prey, P, 1.5, 0.7, 3, jit=True)


def test_programs_keep_their_rounding_where_the_value_is_asked_for():
    text = written(prey, TYPES, ("p",), "value_and_gradient").text
    assert "k_1 = a * x - b * x * y" in text
    assert "x_b += (a - b * y) * k_1_b" in text
    value, _ = srcad.value_and_grad(prey, jit=False)(P, 1.5, 0.7, 7)  # type: ignore[misc]
    assert value == prey(P, 1.5, 0.7, 7)


def compared(p, x, y, n):
    for _ in range(n):
        k = p[0] * x - p[1] * x * y
        if k > 0.2:
            x = x - 0.1 * k
        y = y + 0.1 * x * y
        x = x + 0.1 * k
    return x * y


def test_where_digits_decide():
    assert "x * (" not in gradient_text(compared, TYPES, "p")
    is_right(compared, P, 1.5, 0.7, 4)


def overwritten(p, x, y, n):
    """Names are bound again between the seed and where it is used."""
    for _ in range(n):
        z = x * y
        x = z * p[0] + z * x * p[1]
        z = z - x * z * y
        y = y * z + x * z
        x = x * y - x * p[2] * z
    return x + y * y


def multiplied(p, x, y, n):
    """Adjoints that are multiplied, not added to, and sums between which they are read."""
    for _ in range(n):
        x = x * p[0] * y
        y = y * x - y * p[1]
        x = -x
        y = x * y - (x - y) * p[2] * x
    return x * y


def called(p, x, y, n):
    for _ in range(n):
        s = math.sin(x * y)
        x = x + 0.1 * s * y - 0.2 * s * p[0] * y
        y = y / (1.0 + x * x) + s * x
    return x * y


def while_loop(p, x, y, n):
    k = 0
    while k < n:
        x, y = x + 0.1 * (p[0] * x - x * y * p[1]), y + 0.1 * (x * y - p[3] * y)
        k += 1
    return x * y


def array_history(p, x, y, n):
    h = np.zeros(n + 1)
    for t in range(n):
        h[t] = x * y - x * p[0]
        x = x + 0.1 * h[t] * x - 0.1 * h[t] * y * p[1]
        y = y * x - y * h[t]
    return np.sum(h) + x


@pytest.mark.parametrize("f", [overwritten, multiplied, called, while_loop, array_history])
def test_others_are_right(f):
    for n in (1, 4):
        is_right(f, P, 0.6, 0.7, n)


def test_complex_and_single():
    srcad.check_grads(prey, (P + 0.1j, 1.5 + 0.2j, 0.7, 3), modes=("rev",), jit=False)
    single = srcad.grad(prey, jit=False)(P.astype(np.float32), np.float32(1.5), 0.7, 3)
    np.testing.assert_allclose(single, srcad.grad(prey, jit=False)(P, 1.5, 0.7, 3), rtol=1e-4)


def test_second_derivatives():
    srcad.check_grads(prey, (P, 1.5, 0.7, 3), order=2, jit=False)
