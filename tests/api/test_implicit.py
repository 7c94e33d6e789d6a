"""Solutions of equations and their derivatives, against closed forms, differences and mpmath."""

import math

import numpy as np
import pytest

import srcad
from tests.api.test_nested import slopes

NO_JIT = {"jit": False}


def heron(x, a):
    return 0.5 * (x + a / x)


def square_root(a):
    return srcad.fixed_point(heron, 1.0, a)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_square_root(order):
    """The derivative of the step is 0 at the solution, that of the derivative is not."""
    g = square_root
    for _ in range(order):
        g = srcad.grad(g, **NO_JIT)
    wanted = [0.5 * 2**-0.5, -0.25 * 2**-1.5, 0.375 * 2**-2.5][order - 1]
    assert g(2.0) == pytest.approx(wanted, rel=1e-9)


def kepler(c):
    return srcad.fixed_point(lambda x: c * x + 1.0, 0.3, tol=1e-15)


def cubic(c):
    return srcad.root(lambda x, a: x - 0.25 * x**3 - a, 0.3, c, tol=1e-14)


def test_order_four():
    """``x = 1 / (1 - c)``, of which ``step`` closes over c."""
    g = kepler
    for k in range(1, 5):
        g = srcad.grad(g, **NO_JIT)
        assert g(0.25) == pytest.approx(math.factorial(k) / 0.75 ** (k + 1), rel=1e-9)


def test_root_of_a_number():
    x = cubic(0.5)
    slope = 1.0 / (1.0 - 0.75 * x * x)
    assert x - 0.25 * x**3 == pytest.approx(0.5, rel=1e-13)
    assert srcad.grad(cubic, **NO_JIT)(0.5) == pytest.approx(slope, rel=1e-12)
    bent = srcad.grad(srcad.grad(cubic), **NO_JIT)(0.5)
    assert bent == pytest.approx(1.5 * x * slope**3, rel=1e-11)


A = np.array([[0.2, 0.1, 0.0], [0.05, 0.3, 0.1], [0.0, 0.2, 0.1]])
b3 = np.array([0.3, -0.2, 0.9])
v3 = np.array([1.0, 2.0, 3.0])


def settled(b):
    def step(x):
        return A @ np.tanh(x) + b

    return np.sum(srcad.fixed_point(step, np.zeros(3), tol=1e-13) ** 2)


def slope_by_hand(b):
    x = np.zeros(3)
    for _ in range(200):
        x = A @ np.tanh(x) + b
    return np.linalg.solve((np.eye(3) - A * (1 - np.tanh(x) ** 2)).T, 2 * x)


@pytest.mark.parametrize("jit", [False, True])
def test_fixed_point_of_arrays(jit):
    wanted = slope_by_hand(b3)
    np.testing.assert_allclose(srcad.grad(settled, jit=jit)(b3), wanted, rtol=1e-10)
    moved = srcad.jvp(settled, (b3,), (v3,), jit=jit)[1]
    assert moved == pytest.approx(wanted @ v3, rel=1e-10)


def test_second_derivatives_of_a_fixed_point():
    wanted = slopes(lambda b: slope_by_hand(b) @ v3, b3)
    np.testing.assert_allclose(srcad.hvp(settled, (b3,), v3, **NO_JIT), wanted, rtol=1e-8)
    back = srcad.vjp(srcad.grad(settled), b3, **NO_JIT)[1]
    np.testing.assert_allclose(back(v3)[0], wanted, rtol=1e-8)


def circle(x, p):
    r = np.empty(2)
    r[0] = x[0] ** 2 + x[1] ** 2 - p[0]
    r[1] = x[0] - p[1] * x[1]
    return r


def crossing(p):
    x = srcad.root(circle, np.array([1.0, 1.0]), p)
    return x[0] * x[0] * x[1]


def crossing_by_hand(p):
    y = math.sqrt(p[0] / (1 + p[1] ** 2))
    return (p[1] * y) ** 2 * y


def test_root_of_arrays():
    p, v = np.array([2.0, 1.5]), np.array([1.0, 2.0])
    wanted = slopes(crossing_by_hand, p)
    np.testing.assert_allclose(srcad.grad(crossing, **NO_JIT)(p), wanted, rtol=1e-9)
    assert srcad.jvp(crossing, (p,), (v,), **NO_JIT)[1] == pytest.approx(wanted @ v, rel=1e-9)
    second = slopes(lambda p: slopes(crossing_by_hand, p) @ v, p)
    np.testing.assert_allclose(srcad.hvp(crossing, (p,), v, **NO_JIT), second, rtol=1e-7)
    back = srcad.vjp(srcad.grad(crossing), p, **NO_JIT)[1]
    np.testing.assert_allclose(back(v)[0], second, rtol=1e-7)


def bowl(x, a, c):
    s = 0.0
    for i in range(len(x)):
        s += c * math.cosh(x[i] - a[i]) + 0.5 * x[i] ** 2
    return s + 0.1 * x[0] * x[1]


def lowest(a, c):
    return np.sum(srcad.argmin(bowl, np.zeros(2), a, c) * np.array([1.0, -2.0]))


def lowest_by_hand(a, c):
    x = np.zeros(2)
    for _ in range(60):
        g = c * np.sinh(x - a) + x + 0.1 * x[::-1]
        h = np.diag(c * np.cosh(x - a) + 1) + 0.1 * (1 - np.eye(2))
        x = x - np.linalg.solve(h, g)
    return np.sum(x * np.array([1.0, -2.0]))


@pytest.mark.parametrize("jit", [False, True])
def test_argmin(jit):
    a = np.array([1.0, -0.4])
    ga, gc = srcad.grad(lowest, wrt=(0, 1), jit=jit)(a, 0.7)
    np.testing.assert_allclose(ga, slopes(lambda a: lowest_by_hand(a, 0.7), a), rtol=1e-9)
    np.testing.assert_allclose(gc, slopes(lambda c: lowest_by_hand(a, c), 0.7), rtol=1e-9)
    moved = srcad.jvp(lowest, (a, 0.7), (None, 1.0), jit=jit)[1]
    assert moved == pytest.approx(float(gc), rel=1e-11)


def test_plain_calls():
    x = srcad.argmin(lambda x, a: (x - a) ** 4 + x * x, 0.3, 2.0, **NO_JIT)
    assert 4 * (x - 2.0) ** 3 + 2 * x == pytest.approx(0.0, abs=1e-12)
    start = np.array([1.0, 1.0])
    x = srcad.root(circle, start, np.array([2.0, 1.5]), **NO_JIT)
    np.testing.assert_allclose(circle(x, [2.0, 1.5]), 0.0, atol=1e-12)
    np.testing.assert_array_equal(start, 1.0)


def test_single_precision():
    x = srcad.fixed_point(heron, np.float32(1.0), np.float32(2.0), **NO_JIT)
    assert x == pytest.approx(math.sqrt(2.0), rel=1e-6)


def test_memory_does_not_grow_with_the_iterations():
    """The adjoint keeps the solution only: nothing in it is a tape or a list."""
    text = srcad.grad(settled, **NO_JIT).source(b3)
    assert "tape" not in text and "_list" not in text


FAILING = [
    (lambda: srcad.fixed_point(lambda x: 2.0 * x + 1.0, 1.0, **NO_JIT), "not converged"),
    (lambda: srcad.root(lambda x: x * x + 1.0, 1.0, **NO_JIT), "derivative of the residual is 0"),
    (lambda: srcad.argmin(lambda x: -x * x, 0.0, **NO_JIT), "no minimum"),
    (lambda: srcad.argmin(lambda x: -x * x, 1.0, **NO_JIT), "not converged"),
]


@pytest.mark.parametrize(("call", "what"), FAILING)
def test_no_solution(call, what):
    with pytest.raises(RuntimeError, match=what):
        call()


def test_singular():
    def residual(x):
        return np.array([x[0] + x[1], 2.0 * x[0] + 2.0 * x[1] + 1.0])

    with pytest.raises(np.linalg.LinAlgError):
        srcad.root(residual, np.ones(2), **NO_JIT)


def test_arrays_outside_are_not_written():
    w = np.zeros(2)

    def step(x):
        w[0] = x[0]
        return 0.5 * x + w

    with pytest.raises(srcad.UnsupportedError, match="writes an array from outside"):
        srcad.fixed_point(step, np.ones(2), **NO_JIT)


def test_results_of_another_kind():
    with pytest.raises(srcad.UnsupportedError, match="another kind of value than x0"):
        srcad.fixed_point(lambda x: np.ones(2) * x, 1.0, **NO_JIT)


def test_a_step_that_reads_nothing():
    """There is nothing to differentiate by: the derivative is 0 in both modes."""

    def f(x):
        return x + srcad.fixed_point(lambda y: 0.5 * y + 1.0, 0.0) * 0.0

    def g(x):
        return np.sum(srcad.fixed_point(lambda y: 0.5 * y + 1.0, x))

    assert srcad.grad(f, **NO_JIT)(2.0) == 1.0
    np.testing.assert_array_equal(srcad.grad(g, **NO_JIT)(np.ones(2)), 0.0)
    assert srcad.jvp(g, (np.ones(2),), (np.ones(2),), **NO_JIT)[1] == 0.0
