"""Arrays made once for all iterations, unless something may still hold one of an earlier one."""

import re

import numpy as np
import pytest

import srcad
from srcad.ir.build import ONE, ZERO
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Bind,
    Compare,
    Copy,
    Extent,
    For,
    Function,
    If,
    Load,
    Return,
    Store,
    Var,
    ZerosLike,
)
from srcad.ir.types import INT
from srcad.transform.reuse import reuse
from tests import oracles
from tests.passes.support import lines

x4 = np.array([0.9, 0.4, 1.3, -0.6])


def made_in_loops(function, *args) -> list[str]:
    """The arrays that the loops of a gradient make."""
    text = srcad.grad(function, jit=False).source(*args)
    found = re.findall(r"^ {8,}(\w+) = np\.(?:empty|zeros|zeros_like)\(", text, re.M)
    return found


def agrees(function, *args) -> None:
    before = [np.copy(a) for a in args]
    found = srcad.grad(function, jit=False)(*args)
    expected = oracles.complex_step(function, args, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)


def waves(x, n):
    s = 0.0
    for k in range(n):
        y = np.sin(x * k)
        z = np.cumsum(y) * s
        s += np.sum(z * z) + y[0]
    return s


def test_work_arrays_are_made_once():
    assert made_in_loops(waves, x4, 3) == []
    agrees(waves, x4, 3)


def test_work_arrays_of_branches_are_made_once_too():
    assert made_in_loops(in_branches, x4, 3) == []


def test_lengths_that_hang_on_a_branch():
    def f(x, n):
        s = 0.0
        for k in range(4):
            if n > 0:
                y = np.zeros(12 // n)
                y[0] = x[k]
                s += np.sum(y * y)
        return s

    for n in (0, 3):
        agrees(f, x4, n)


ROW, COLUMN, T, N = (Var(n, INT) for n in "ijtn")


def reused(*body, returned=()) -> str:
    """What becomes of a loop over ``t`` that makes the shadow ``u_b`` of a matrix ``u``."""
    shadow = ZerosLike("u_b", "u")
    whole = (For(T, ZERO, N, ONE, (shadow, *body)), Return(returned))
    matrices = {n: ("float64", 2) for n in ("u", "v", "w", "u_b")}
    return lines(reuse(Function("f", ("u", "v", N), whole, matrices), Names()).body)


def added(index, *, of=(ROW, COLUMN), stop=None) -> For:
    """``u_b[index] += v[of]`` for all ``i`` and ``j``."""
    place = Load("u_b", index, "float64")
    value = Binary("+", place, Load("v", of, "float64"), "float64")
    inner = For(COLUMN, ZERO, stop or Extent("u", 1), ONE, (Store("u_b", index, value),))
    return For(ROW, ZERO, Extent("u", 0), ONE, (inner,))


def test_zeros_that_are_added_to_first_are_not_filled():
    found = reused(added((ROW, COLUMN)))
    assert "u_b[i, j] = v[i, j]" in found and "= 0.0" not in found
    assert found.startswith("u_b = np.empty((u.shape[0], u.shape[1]))\nfor t in range(n):")


@pytest.mark.parametrize(
    "first",
    [
        added((COLUMN, ROW)),  # another shape
        added((ROW, ROW)),  # some elements, several times
        added((ROW, ZERO)),
        added((ROW, COLUMN), stop=N),  # not known to be all of them
        If(Compare("<", T, ONE), (added((ROW, COLUMN)),)),
        Assign(Var("s", "float64"), Load("u_b", (ZERO, ZERO), "float64")),
        Copy("w", "u_b"),
    ],
    ids=["transposed", "diagonal", "column", "part", "branch", "read", "copied"],
)
def test_zeros_that_something_else_sees_are_filled(first):
    found = reused(first, added((ROW, COLUMN)))
    assert "= 0.0" in found and "u_b[i, j] += v[i, j]" in found


def test_what_is_bound_is_made_in_each_iteration():
    found = reused(added((ROW, COLUMN)), Bind(("v",), ("u_b",)))
    assert found.startswith("for t in range(n):")


def test_a_loop_that_does_not_run():
    assert srcad.grad(waves, jit=False)(x4, 0).tolist() == [0.0] * 4


def a_list_of_them(x, n):
    kept = []
    for k in range(n):
        y = np.sin(x * (k + 1.0))
        kept.append(y)
    return kept[0][0] * kept[1][1] * kept[2][2]


def carried_to_the_next_iteration(x, n):
    y = x * 1.0
    for k in range(n):
        z = y * y + k
        y = z
    return np.sum(y)


def the_one_before_the_last(x, n):
    old = x * 1.0
    new = x * 2.0
    for k in range(n):
        made = np.sin(new) + old * k
        old = new
        new = made
    return np.sum(old * new)


def the_best_so_far(x, n):
    best = x * 0.5
    for k in range(n):
        y = np.sin(x * (k + 1.0))
        if np.sum(np.real(y)) > np.sum(np.real(best)):
            best = y
    return best[0] * best[1] + best[2]


def a_view_outlives_the_iteration(x, n):
    view = x[1:]
    s = 0.0
    for k in range(n):
        s += np.sum(view * view)
        y = x * (k + 1.0)
        view = y[1:]
    return s + view[0]


def a_shape_that_changes(x, n):
    s = 0.0
    for k in range(n):
        y = np.zeros(k + 1)
        for i in range(k + 1):
            y[i] += x[i] * x[i]
        s += np.sum(y * y)
    return s


def read_before_it_is_made(x, n):
    y = np.zeros(4)
    s = 0.0
    for k in range(n):
        s += y[k] * x[0]
        y = np.empty(4)
        for i in range(4):
            y[i] = x[i] * s + x[k]
    return s


def partly_filled(x, n):
    s = 0.0
    for k in range(n):
        y = np.zeros(4)
        y[k] = x[k] ** 2
        y[0] += x[1]
        s += y[0] * y[k] + y[3]
    return s


def summed_into_some(x, n):
    s = 0.0
    for k in range(n):
        y = np.sin(x) * (k + 1.0)
        for i in range(3):
            s += y[i] * y[i + 1] * s
        s += y[k]
    return s


def made_in_an_inner_loop(x, n):
    s = 0.0
    for k in range(n):
        for m in range(k):
            y = x * s + m
            z = y[::-1] * x
            s += 0.01 * np.sum(z)
        s += x[k]
    return s


def a_copy(x, n):
    s = 0.0
    y = x * 1.0
    for k in range(n):
        before = y.copy()
        y[k] = y[k] * y[k + 1]
        s += np.sum(before * y)
    return s


def while_it_is_large(x, n):
    s = 8.0
    while np.real(s) > 1.0:
        y = x / n
        s = s * 0.5 + 0.1 * np.sum(y * y)
    return s


def integers_in_it(x, n):
    s = 0.0
    for k in range(n):
        index = np.zeros(2, dtype=np.int64)
        index[0] = k
        s += x[index[0]] * x[index[1]]
    return s


def in_branches(x, n):
    s = 0.0
    for k in range(n):
        if x[k] > 0.5:
            y = x * k
            z = np.cumsum(y)
            s += np.sum(y * z)
        elif k > 0:
            w = np.zeros(x.shape[0] + 1)
            w[k] = s
            s = np.sum(w * w) + w[k] * x[0]
    return s


def read_after_branches(x, n):
    s = 0.0
    y = x.copy()
    for k in range(n):
        if x[k] > 0.5:
            y = np.cumsum(x * (k + 1.0))
        s += np.sum(y * y)
    return s + y[0]


PROGRAMS = [v for v in list(globals().values()) if getattr(v, "__code__", None) is not None]
PROGRAMS = [f for f in PROGRAMS if f.__code__.co_varnames[:2] == ("x", "n")]


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_the_gradient_is_that_of_the_program(function):
    agrees(function, x4, 3)


def test_what_a_function_of_the_user_keeps_is_its_own():
    seen = []

    def f(x):
        s = 0.0
        for k in range(3):
            y = srcad.on_backward(x * (k + 1.0), lambda g: seen.append(g))
            s += np.sum(y * y)
        return s

    srcad.grad(f, jit=False)(np.ones(2))
    assert [v.tolist() for v in seen] == [[6.0, 6.0], [4.0, 4.0], [2.0, 2.0]]


def test_lengths_that_cannot_be():
    def f(x, n):
        s = 0.0
        for k in range(2):
            y = np.zeros(n)
            s += np.sum(y) + x[k]
        return s

    with pytest.raises(ValueError, match="negative dimensions"):
        srcad.grad(f, jit=False)(x4, -1)
    assert srcad.grad(f, jit=False)(x4, 0).tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("rows", [0, 2])
def test_members_of_a_batch(rows):
    def f(x):
        y = np.sin(x)
        z = np.cumsum(y)
        return z[::-1] * y

    x = np.arange(3.0 * rows).reshape(rows, 3)
    found = srcad.batch(f, jit=False)(x)
    expected = np.array([f(row) for row in x]).reshape(rows, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_arrays_of_loops_that_are_written_out_are_as_many_as_the_names_that_hold_them():
    def f(x):
        count = np.zeros(3)
        for i in range(3):
            count[i] += 1.0
            x = np.tanh(x)
        return np.sum(x * x) + count[2]

    found = srcad.grad(f, jit=False)(x4)
    np.testing.assert_allclose(found, oracles.complex_step(f, (x4,), 0), rtol=1e-12)


def test_an_array_from_before_a_loop_that_does_not_run():
    def f(x, n):
        u = x * 1.0
        v = x.copy()
        for t in range(n):
            v = u.copy()
            u *= 0.9
        return np.sum(u * u) + np.sum(v * v * 0.5)

    for n in (0, 1, 3):
        agrees(f, x4, n)
