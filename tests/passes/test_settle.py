"""Lengths that checks and literals fix become literals, from the check on."""

import numpy as np

import srcad
from srcad.analysis.sizes import Sizes
from srcad.ir.nodes import Alloc, Assign, Bind, Call, Check, Compare, Const, Extent, IndexCheck, Var
from srcad.ir.types import INT
from srcad.transform.coalesce import coalesce
from srcad.transform.settle import settle
from tests.passes.support import INTEGER, F, V, elaborated, lines

N, K = Var("n", INT), Var("k", INT)
X, Y = Extent("x", 0), Extent("y", 0)


def number(value: int) -> Const:
    return Const(value, INT)


def settled(function, *types) -> str:
    e = elaborated(function, *types)
    return lines(settle(coalesce(e.body), e.arrays))


def test_slices_of_an_array_that_was_indexed_beyond_them():
    def f(p):
        w = p[14]
        y = p[11:14] - p[3:6]
        return w * np.sum(y * y)

    assert "np.empty(3)" in settled(f, V) or "range(3)" in settled(f, V)


def test_fields_that_are_exchanged_keep_their_length():
    def f(x, n):
        u = x.copy()
        v = np.empty_like(x)
        for _ in range(n):
            for i in range(u.size - 1):
                v[i] = u[i + 1] * 0.5
            u, v = v, u
        return u[: u.size // 2].sum()

    text = settled(f, V, INTEGER)
    assert "for i in range(x.shape[0] - 1):" in text
    assert "u.shape" not in text
    assert "v.shape" not in text


def test_fields_of_other_lengths_do_not():
    def f(x, n):
        u = x.copy()
        v = np.zeros(x.size + 1)
        for _ in range(n):
            for i in range(u.size):
                v[i] = u[i] * 0.5
            u, v = v, u
            x = v.copy()
        return u.sum() + x.sum()

    text = settled(f, V, INTEGER)
    assert "stop = u.shape[0]" in text
    assert "for i in range(stop):" in text


def test_nothing_is_known_before_the_check():
    def f(p):
        s = np.sum(p[0:3] * p[0:3])
        return s * p[5]

    assert "range(3)" not in settled(f, V)
    for size in (6, 7):
        x = np.arange(1.0, size + 1)
        found = srcad.grad(f, jit=False)(x)
        expected = np.zeros(size)
        expected[:3], expected[5] = 2 * x[:3] * x[5], x[:3] @ x[:3]
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_what_a_check_says_is_not_taken_for_the_check():
    def f(p):
        a, b, c = p
        return a * b * c

    assert "!= 3" in settled(f, V)


def test_what_one_branch_checks_is_not_known_after_it():
    def f(p, n):
        s = 0.0
        if n > 0:
            s = p[5]
        return s + np.sum(p[:3])

    assert "range(3)" not in settled(f, V, INTEGER)


def test_a_name_bound_anew_is_another_number():
    sizes = Sizes()
    sizes.after(Assign(N, number(3)))
    sizes.after(Assign(K, N))
    sizes.after(Assign(N, Call("len", (), INT)))
    assert sizes.range(N) == (None, None)
    assert sizes.range(K) == (3, 3)


def test_a_fact_about_an_array_is_forgotten_with_it():
    sizes = Sizes()
    sizes.after(IndexCheck("x", 0, number(6)))
    assert sizes.range(X) == (7, None)
    sizes.after(Bind(("x",), ("y",)))
    assert sizes.range(sizes.known(X)) == (0, None)


def test_arrays_that_are_exchanged_exchange_their_lengths():
    sizes = Sizes()
    sizes.after(Alloc("x", (number(2),), "float64"))
    sizes.after(Alloc("y", (number(5),), "float64"))
    sizes.after(Bind(("x", "y"), ("y", "x")))
    assert (sizes.known(X), sizes.known(Y)) == (number(5), number(2))


def test_equal_lengths():
    sizes = Sizes()
    sizes.after(Check(Compare("==", X, Y), "ValueError", ""))
    sizes.after(IndexCheck("y", 0, number(-2)))
    assert sizes.range(sizes.known(X)) == (2, None)
    sizes.after(Check(Compare("<=", Y, number(2)), "ValueError", ""))
    assert sizes.known(X) == number(2)


def test_a_loop_that_may_not_run_says_nothing():
    def f(p, n):
        s = 0.0
        for k in range(n):
            s += p[5] * k
        return s + np.sum(p[:3])

    assert "range(3)" not in settled(f, V, INTEGER)
    assert srcad.grad(f, jit=False)(np.ones(2), 0).tolist() == [1.0, 1.0]


def test_lengths_that_change_in_a_loop():
    def f(x, a):
        y = np.zeros(2)
        s = 0.0
        for k in range(3):
            s += a * np.sum(y)
            y = x[: k + 1] * a
        return s

    assert "range(2)" not in settled(f, V, F).partition("for k")[2]
    x = np.array([1.0, 2.0, 3.0])
    step = 1e-6
    expected = (f(x, 1.3 + step) - f(x, 1.3 - step)) / (2 * step)
    assert abs(srcad.grad(f, wrt="a", jit=False)(x, 1.3) - expected) < 1e-7
