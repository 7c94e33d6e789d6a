"""Rolled copies read from one padded copy: for arrays of any length, unless one may change."""

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.transform.padded import padded
from srcad.transform.settle import settle
from tests import oracles
from tests.passes.support import INTEGER, M, V, elaborated, lines, text


def after(function, *types) -> str:
    """The body of a function with its rolled copies padded."""
    program = elaborated(function, *types)
    return lines(padded(settle(program.body), program.arrays, program.escaping(), program.names))


def agrees(function, *args, jit=False) -> None:
    found: Any = srcad.grad(function, jit=jit)(*args)
    np.testing.assert_allclose(found, oracles.complex_step(function, args, 0), atol=1e-12)
    value: Any
    value, _ = srcad.value_and_grad(function, jit=jit)(*args)  # type: ignore[misc]
    np.testing.assert_allclose(value, function(*args), rtol=1e-12)


def rows(n, m=None):
    random = np.random.default_rng(n)
    return random.normal(size=n if m is None else (n, m))


def product(x):
    return np.sum(np.roll(x, 1) * np.roll(x, -1))


def test_what_is_written():
    assert after(product, V) == text("""
        x_padded = np.empty(x.shape[0] + 2)
        for i_5 in range(x.shape[0]):
            x_padded[i_5 + 1] = x[i_5]
        x_padded[0] = x_padded[x.shape[0]]
        x_padded[x.shape[0] + 1] = x_padded[1]
        shift = 1 % max(1, x.shape[0])
        stay = x.shape[0] - shift
        shift_1 = -1 % max(1, x.shape[0])
        stay_1 = x.shape[0] - shift_1
        s = 0.0
        for i_4 in range(x.shape[0]):
            s += x_padded[i_4] * x_padded[i_4 + 2]
    """)


def stencil(x):
    y = np.sin(x)
    z = np.roll(y, 3) * y + np.roll(y, -4) * np.roll(y, 1) - np.roll(y, -1) ** 2
    return np.sum(z * y)


def stepped(x, n):
    for t in range(n):
        x = x + 0.1 * (np.roll(x, -1) - 2.0 * x + np.roll(x, 1)) * x
    return np.sum(x * x)


def both_axes(u):
    s = np.roll(u, 1, axis=0) + np.roll(u, -1, 0) + np.roll(u, 2, axis=1) + np.roll(u, -1, axis=1)
    return np.sum((s - 4.0 * u) ** 2 * np.roll(u, 1, 1))


def last_axis(u):
    return np.sum(np.roll(u, 1, axis=-1) * np.roll(u, -1, axis=-1) * u)


def conditional(x):
    s = 0.0
    left, right = np.roll(x, 1), np.roll(x, -1)
    for i in range(1, len(x)):
        if left[i] > right[i - 1]:
            s += left[i] * right[i]
        else:
            s -= np.sin(left[i - 1])
    return s


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("function", [product, stencil, conditional])
def test_vectors_of_any_length(function, n):
    assert "_padded = np.empty" in after(function, V)
    agrees(function, rows(n))


@pytest.mark.parametrize("n", [0, 1, 2, 6])
def test_steps(n):
    assert "_padded = np.empty" in after(stepped, V, INTEGER)
    agrees(stepped, rows(n), 3)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (1, 4), (2, 3), (3, 2), (4, 5)])
@pytest.mark.parametrize("function", [both_axes, last_axis])
def test_matrices_of_any_shape(function, shape):
    assert "_padded = np.empty" in after(function, M)
    agrees(function, rows(*shape))


def test_compiled():
    agrees(stepped, rows(7), 4, jit=True)
    agrees(both_axes, rows(4, 5), jit=True)
    agrees(both_axes, rows(1, 1), jit=True)


def test_second_derivatives_and_forward_mode():
    x = rows(5)
    srcad.check_grads(stencil, (x,), order=2, jit=False)
    srcad.check_grads(both_axes, (rows(3, 4),), order=1, modes=("rev", "fwd"), jit=False)


# ---------------------------------------------------------------- left as they are


def one_roll(x):
    return np.sum(np.roll(x, 1) * x)


def far(x):
    return np.sum(np.roll(x, 7) * np.roll(x, -8))


def number_of_places(x, n):
    return np.sum(np.roll(x, n) * np.roll(x, -n))


def written_between(x):
    y = x * 2.0
    a = np.roll(y, 1)
    y[0] = x[1] * x[1]
    b = np.roll(y, -1)
    return np.sum(a * b)


def from_the_end(x):
    a, b = np.roll(x, 1), np.roll(x, -1)
    return a[-1] * b[-2] + np.sum(a * b)


def copy_is_written(x):
    a, b = np.roll(x, 1), np.roll(x, -1)
    a[0] = x[2] ** 2
    return np.sum(a * b)


def reversed_copy(x):
    a, b = np.roll(x, 1), np.roll(x, -1)
    return np.sum(a[::-1] * b)


def in_branches(x):
    a = np.roll(x, 1) if x[0] > 0.0 else np.roll(x, -1)
    return np.sum(a * a * x)


def rolled_twice(x):
    a = np.roll(np.roll(x, 1), 2)
    return np.sum(a * x)


LEFT = [
    one_roll,
    far,
    written_between,
    from_the_end,
    copy_is_written,
    reversed_copy,
    in_branches,
    rolled_twice,
]


@pytest.mark.parametrize("function", LEFT)
def test_left_as_they_are(function):
    assert "_padded = np.empty" not in after(function, V)
    agrees(function, rows(6))


def test_shift_known_at_run_time():
    assert "_padded = np.empty" not in after(number_of_places, V, INTEGER)
    for n in (-7, 0, 2, 13):
        agrees(number_of_places, rows(5), n)


def test_source_written_afterwards():
    def f(x):
        y = x * 2.0
        a, b = np.roll(y, 1), np.roll(y, -1)
        y[1] = x[0] * 3.0
        return np.sum(a * b * y)

    assert "_padded = np.empty" in after(f, V)
    for n in (2, 3, 6):
        agrees(f, rows(n))


def test_source_bound_anew_between():
    def f(x, n):
        for t in range(n):
            a = np.roll(x, 1)
            x = x * 1.5
            x = np.sin(a * np.roll(x, -1))
        return np.sum(x)

    for n in (1, 2, 5):
        agrees(f, rows(n), 3)


def test_returned_copies():
    def f(x):
        a, b = np.roll(x, 1), np.roll(x, -1)
        return a, np.sum(a * b)

    out, pullback = srcad.vjp(f, rows(4), jit=False)
    np.testing.assert_allclose(out[0], np.roll(rows(4), 1))
    seed = np.array([1.0, -2.0, 0.5, 3.0])
    x = rows(4)
    expected = np.roll(seed, -1) + 2.0 * oracles.complex_step(lambda x: f(x)[1], (x,), 0)
    np.testing.assert_allclose(pullback((seed, 2.0))[0], expected, atol=1e-12)
