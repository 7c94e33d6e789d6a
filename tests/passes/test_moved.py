"""Variables whose values are arrays: one shadow for all of them, where nobody else has the arrays."""

import re
from typing import Any

import numpy as np
import pytest

import srcad
from tests import oracles

F = np.array([[0.9, 0.2, -0.1], [0.3, 0.8, 0.05], [0.0, -0.4, 1.1]])
x3 = np.array([0.4, -0.7, 1.2])


def powers(x, n):
    for _ in range(n):
        x = F @ x
    return np.sum(x * x)


def from_a_parameter(x, n):
    y = x
    for _ in range(n):
        y = np.sin(F @ y) + 0.1 * x
    return np.sum(y * y) + x[0] * y[1]


def twice_an_iteration(x, n):
    y = x * x
    for _ in range(n):
        y = F @ y
        y = np.tanh(y) + x[1] * y
    return np.sum(y)


def driven(x, n):
    y = x * 1.0
    for _ in range(n):
        y = np.sin(F @ y) + x
        y = y * y[0]
    return np.sum(y)


def driven_in_place(x, n):
    y = x * 1.0
    for _ in range(n):
        y = F @ y + x
        y[0] += y[1] * y[2]
        y[2] *= 0.5
    return np.sum(y * y)


def in_a_branch(x, n):
    y = x + 1.0
    for k in range(n):
        if k % 2 == 0:
            y = F @ y
        elif y[0] > 0.0:
            y = y * y
    return np.sum(y * x)


def nested(x, n):
    y = np.ones(3)
    s = 0.0
    for k in range(n):
        for j in range(k):
            y = F @ y + x * j
        y = 0.5 * y
        s += y[0] * y[1]
    return s + np.sum(y)


def started_anew(x, n):
    s = 0.0
    for k in range(n):
        y = x.copy()
        for _ in range(k):
            y = F @ (y * y)
        s += np.sum(y)
    return s


def with_the_one_before(x, n):
    y, before = x.copy(), x * 2.0
    for _ in range(n):
        new = 1.2 * y - 0.3 * before + 0.1 * np.sin(y)
        before = y
        y = new
    return np.sum(y * before)


def exchanged(x, n):
    y, z = x * 2.0, x * x
    for _ in range(n):
        y, z = F @ z, np.cos(y)
    return np.sum(y) + z[2]


def changed_in_place(x, n):
    y = x * 1.0
    for _ in range(n):
        y = F @ y
        y[0] += y[1] * y[2]
        y[2] *= 0.5
    return np.sum(y * y)


def used_by_its_first_name(x, n):
    y = x * 1.0
    s = 0.0
    for _ in range(n):
        z = F @ y
        y = z
        s += z[0] * z[0]
    return s + y[1]


def listed(x, n):
    y = x * 1.0
    found = []
    for _ in range(n):
        y = F @ y
        found.append(y)
    s = 0.0
    for k in range(n):
        s += np.sum(found[k]) * (k + 1)
    return s + y[0]


def through_a_view(x, n):
    y = x * 1.0
    s = 0.0
    for _ in range(n):
        y = F @ y
        head = y[:2]
        head *= 0.7
        s += np.sum(head * head)
    return s + np.sum(y)


def until_small(x, n):
    y = x * 1.0
    while np.sum(y * y) > 0.01 and n > 0:
        y = 0.6 * (F @ y)
        n -= 1
    return np.sum(np.sin(y)) + y[0] ** 2


def left_early(x, n):
    y = x * 1.0
    for k in range(n):
        y = F @ y + 0.1
        if k == 2:
            break
    return np.sum(y**3)


def growing(x, n):
    y = x * 1.0
    for _ in range(n):
        y = np.concatenate((y, y[:1] * y[:1]))
    return np.sum(y * y)


def matrices(x, n):
    p = np.outer(x, x) + np.eye(3)
    for _ in range(n):
        s = F @ p @ F.T + np.eye(3)
        k = p @ np.linalg.inv(s)
        p = p - k @ p
    return np.linalg.det(p) + p[0, 1]


def not_in_the_loop(x, n):
    y = x * 1.0
    for _ in range(n):
        pass
    y = F @ y
    return np.sum(y * y)


PROGRAMS = [
    powers,
    from_a_parameter,
    twice_an_iteration,
    driven,
    driven_in_place,
    in_a_branch,
    nested,
    started_anew,
    with_the_one_before,
    exchanged,
    changed_in_place,
    used_by_its_first_name,
    listed,
    through_a_view,
    until_small,
    left_early,
    growing,
    matrices,
    not_in_the_loop,
]


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients(function, n):
    given = x3.copy()
    expected = oracles.complex_step(function, (x3, n), 0)
    gradient: Any = srcad.grad(function, jit=False)
    found = gradient(given, n)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(given, x3)


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_the_gradient_of_the_gradient(function):
    """A Hessian-vector product against the central difference of gradients."""
    direction = np.array([0.3, -0.2, 0.5])
    gradient: Any = srcad.grad(function, jit=False)
    expected = (gradient(x3 + 1e-5 * direction, 3) - gradient(x3 - 1e-5 * direction, 3)) / 2e-5
    found = srcad.hvp(function, (x3, 3), direction, jit=False)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_compiled():
    for function in (from_a_parameter, matrices, changed_in_place):
        expected = oracles.complex_step(function, (x3, 4), 0)
        gradient: Any = srcad.grad(function)
        np.testing.assert_allclose(gradient(x3, 4), expected, rtol=1e-9)


def text_of(function) -> str:
    return srcad.grad(function, jit=False).source(x3, 3)


def test_no_shadow_is_listed_where_the_values_are_moved():
    for function in (driven, driven_in_place, matrices):
        assert not re.search(r"_b_list", text_of(function)), function.__name__


def test_shapes_that_may_change():
    """Of a matrix that is not square the first iteration is the only one."""

    def once(x, f, n):
        for _ in range(n):
            x = f @ x
        return np.sum(x * x)

    found = srcad.grad(once, jit=False)(x3, F[:2], 1)
    np.testing.assert_allclose(found, 2.0 * F[:2].T @ (F[:2] @ x3), rtol=1e-12)
    with pytest.raises(ValueError, match="not aligned"):
        srcad.grad(once, jit=False)(x3, F[:2], 2)


def test_the_shadow_follows_arrays_that_have_two_names():
    for function in (with_the_one_before, listed, powers):
        assert re.search(r"_b_list", text_of(function)), function.__name__


def written_by_another_name(x, n):
    """``v`` and ``w`` denote one array; ``w`` is exchanged on a path that is not taken."""
    v = x
    w = x
    x = x[::-1].copy()
    if n > 7:
        x, w = w, x
    w[1] = v[0] * x[1] * 0.9 + 0.1
    return v[1]


def written_by_another_name_in_a_loop(x, n):
    v = x
    w = x
    x = x[::-1].copy()
    for _ in range(n):
        w[1] = v[0] * x[1] * 0.9 + 0.1
        if x[0] < 0.2:
            x, w = w, x
    x = w.copy()
    return np.sum(v * x) + v[1]


@pytest.mark.parametrize("f", [written_by_another_name, written_by_another_name_in_a_loop])
def test_an_array_that_is_written_by_another_name_is_no_value(f):
    x = np.array([0.3, -0.5, 0.8])
    for n in (0, 1, 4):
        expected = oracles.differences(f, (x, n), 0)
        np.testing.assert_allclose(srcad.grad(f, jit=False)(x, n), expected, rtol=1e-8, atol=1e-8)


def kept_by_another_name(x, n):
    """``u`` and ``v`` denote one array; only ``v`` gets another."""
    u = x.copy()
    v = u
    w = np.cos(x)
    u, v = v, u
    for _ in range(n):
        w[1:] = u[:-1] * 0.1 + w[1:]
        v = x
    return w[1] * v[0]


def test_an_array_that_has_another_name_is_not_moved():
    x = np.array([0.3, -0.5, 0.8])
    for n in (0, 3):
        expected = oracles.complex_step(kept_by_another_name, (x, n), 0)
        np.testing.assert_allclose(
            srcad.grad(kept_by_another_name, jit=False)(x, n), expected, rtol=1e-12
        )
