"""The loops of reverse sweeps in the form that one would write by hand, and when they are left."""

import math
import re

import numpy as np
import pytest

import srcad
from srcad.config import Options
from srcad.frontend.source import find_source
from srcad.pipeline import Request, compile_request
from tests import oracles
from tests.passes.support import INTEGER, F, M, V, gradient_text
from tests.passes.test_strips import agrees


def reverse_sweep(*args):
    text = gradient_text(*args)
    return text[text.index("# reverse sweep") :]


# ---------------------------------------------------------------- order


def test_independent_iterations_run_forward():
    def f(x, y):
        s = 0.0
        for i in range(x.size):
            s += math.sin(x[i]) * y[i]
        return s

    assert "-1, -1" not in reverse_sweep(f, (V, V), "x", "y")


def test_a_recurrence_runs_backward():
    def f(x):
        s = 1.0
        for i in range(x.size):
            s = math.sin(s * x[i])
        return s

    assert "range(x.shape[0] - 1, -1, -1)" in reverse_sweep(f, (V,), "x")


def test_what_is_in_place_runs_backward():
    def f(x):
        for i in range(1, x.size):
            x[i] = math.sin(x[i - 1]) * x[i]
        return np.sum(x)

    assert "range(x.shape[0] - 1, 0, -1)" in reverse_sweep(f, (V,), "x")


# ---------------------------------------------------------------- registers and sums


def test_a_sum_into_one_element_is_a_register():
    def f(x, a, k):
        s = 0.0
        for i in range(a.size):
            s += math.sin(a[i]) * x[k]
        return s

    text = reverse_sweep(f, (V, V, INTEGER), "x")
    assert "x_b_sum = plus(x_b_sum, sin(a[i]) * s_b)" in text
    assert "    if a.shape[0] > 0:\n        x_b[k] += x_b_sum" in text


def test_where_the_gradient_is_zero_the_second_derivative_is_not():
    """An element is added to where there is one, not where the sum is another number than zero."""

    def direct(x, n):
        s = 0.0
        for _ in range(n):
            s += x[0] * x[0]
        return s

    def branched(x, n):
        s = 0.0
        for i in range(n):
            if i > 0:
                s += x[0] * x[0]
        return s

    for f, expected in ((direct, 6.0), (branched, 4.0)):
        x, v = np.array([0.0, 1.0]), np.array([1.0, 0.0])
        np.testing.assert_array_equal(srcad.hvp(f, (x, 3), v, jit=False), [expected, 0.0])
        found = srcad.hessian(f, jit=False)(x, 3)
        np.testing.assert_array_equal(found, [[expected, 0.0], [0.0, 0.0]])
        assert srcad.hvp(f, (np.zeros(0), 0), np.zeros(0), jit=False).size == 0


def test_a_parameter_that_a_branch_binds_has_two_values():
    """``k`` is 5 in the branch alone: with -1 two iterations meet at the last element."""

    def f(x, k):
        y = x.copy()
        if x[0] > 100.0:
            k = 5
        for i in range(x.size + 1):
            y[i + k] = y[i + k] * y[i + k] * x[0]
        return np.sum(y)

    x = np.array([0.3, 0.7, 0.5])
    found = srcad.grad(f, jit=False)(x, -1)
    np.testing.assert_allclose(found, oracles.complex_step(f, (x, -1), 0), rtol=1e-12)


@pytest.mark.parametrize("few", [0, 1, 2])
@pytest.mark.parametrize("many", [0, 3])
def test_a_register_that_two_loops_add_to_is_stored_if_one_of_them_runs(few, many):
    """Of a roll of one element, the loop over what comes first has no iteration."""

    def f(x, a, k, n):
        s = 0.0
        for t in range(2):
            for i in range(k):
                s += math.sin(a[i]) * x[0] * x[0]
            for i in range(n):
                s += math.cos(a[i] + t) * x[0]
        return s

    args = (np.array([0.3, 0.7]), np.array([0.5, 1.5, 2.5]), few, many)
    for jit in (True, False):
        found = srcad.grad(f, jit=jit)(*args)
        np.testing.assert_allclose(found, oracles.complex_step(f, args, 0), rtol=1e-12)


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("few", [0, 1])
def test_a_register_that_a_loop_and_a_branch_add_to(few, flag):
    def f(x, a, k, flag):
        s = 0.0
        for t in range(2):
            for i in range(k):
                s += math.sin(a[i]) * x[0] * x[0]
            if flag:
                s += math.cos(a[t]) * x[0]
        return s

    args = (np.array([0.3, 0.7]), np.array([0.5, 1.5, 2.5]), few, flag)
    for jit in (True, False):
        found = srcad.grad(f, jit=jit)(*args)
        np.testing.assert_allclose(found, oracles.complex_step(f, args, 0), rtol=1e-12)


def test_a_roll_of_an_array_of_one_element():
    def f(x, y, a, m):
        h = np.zeros((m + 1, x.size))
        h[0] = y
        for t in range(m):
            h[t + 1] = h[t // 2] + 0.2 * np.roll(x + a.T[2], -2)
        return 0.1 * np.sum(h * h)

    args = (np.array([0.6]), np.array([0.1]), np.array([[-0.3, 0.7, 0.1]]), 2)
    for k in range(3):
        found = srcad.grad(f, wrt=k)(*args)
        np.testing.assert_allclose(found, oracles.complex_step(f, args, k), rtol=1e-12)


def test_what_is_read_is_no_register():
    def f(x, k):
        y = x * 1.0
        for i in range(3):
            y[k] = math.sin(y[k]) * x[i]
        return np.sum(y)

    assert "_sum" not in reverse_sweep(f, (V, INTEGER), "x")


def test_sums_of_the_program_keep_their_order_where_its_value_is_asked_for():
    from tests.passes.support import written

    def f(x):
        s = 0.0
        for i in range(x.size):
            s += x[i] * x[i]
        return math.log(s)

    assert "s = plus(s, x[i] * x[i])" in written(f, (V,), ("x",)).text
    assert "plus" not in written(f, (V,), ("x",), "value_and_gradient").text


# ---------------------------------------------------------------- gather


def test_a_stencil_gathers():
    def f(u, k):
        v = np.zeros_like(u)
        for i in range(1, u.size - 1):
            v[i] = k[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        return np.sum(v * v)

    text = reverse_sweep(f, (V, V), "u", "k")
    assert text.count("u_b[i - 1] = u_b[i - 1] + seed_1 + u_b_next\n") == 1
    assert "    if 1 < u.shape[0] - 1:\n        u_b[u.shape[0] - 2] += u_b_next\n" in text
    assert text.index("total = ") < text.index("u_b[i - 1] = ")  # LLVM needs it in this order
    assert "u_b[i + 1]" not in text and "_row" not in text


def _smooth(a):
    return a / (1.0 + a * a)


def distant(u, k):
    """Neighbours far away, for which too many variables would wait."""
    v = np.zeros_like(u)
    for i in range(5, u.size):
        v[i] = k[i] * (u[i - 5] - u[i])
    return np.sum(v * v)


def gapped(u, k):
    """The elements between are not touched; nor is what an iteration hands on a factor."""
    v = np.zeros(u.size)
    for i in range(u.size - 4):
        v[i] = _smooth(k[0] * (u[i] + 3.0 * u[i + 3] - u[i + 4]))
    return np.sum(v * v)


def of_sines(u, k):
    """Elementary functions are evaluated for several elements at once, if nothing is carried."""
    s = 0.0
    for i in range(1, u.size - 1):
        s += math.sin(u[i - 1] - u[i] * u[i + 1]) * k[i]
    return s


def two_rows(u, k):
    """Two rows of one array are stencils: the second has a buffer."""
    s = 0.0
    for i in range(u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            a = u[i, j - 1] - 2.0 * u[i, j] + u[i, j + 1]
            s += math.sin(a * (u[i + 1, j - 1] + k[j] * u[i + 1, j + 1]))
    return s


def two_fields(u, k):
    """Two arrays are stencils, and a third one by its own elements."""
    s = 0.0
    for i in range(1, u.size - 1):
        s += _smooth(u[i - 1] - u[i] * u[i + 1]) * (k[i] * k[i - 1])
    return s


def behind_a_branch(u, k):
    s = 0.0
    for i in range(1, u.size - 1):
        if k[i] > 0.5:
            s += math.sin(u[i - 1] - u[i]) * u[i + 1]
        s += u[i - 1] * u[i] * u[i + 1]
    return s


@pytest.mark.parametrize("f", [distant, gapped, of_sines, two_rows, two_fields, behind_a_branch])
def test_stencils_with_and_without_buffers(f):
    rank = 2 if f is two_rows else 1
    text = reverse_sweep(f, (M if rank == 2 else V, V), "u", "k")
    assert ("_row" in text) == (f not in (gapped, two_fields))
    assert ("u_b_next" in text) == (f in (gapped, two_fields))
    found = [srcad.grad(f, wrt=("u", "k"), jit=jit) for jit in (False, True)]
    random = np.random.default_rng(8)
    for n in (1, 2, 3, 4, 5, 6, 9):
        args = random.random((3, n) if rank == 2 else n), random.random(n)
        expected = [oracles.complex_step(f, args, k) for k in (0, 1)]
        for gradient in found:
            for one, other in zip(gradient(*args), expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)


def test_threads_take_buffers():
    """What goes from an iteration to the next would keep them in order."""
    for threads in (False, True):
        options = Options(parallel=threads)
        given = find_source(gapped), (("u", V), ("k", V)), ("u",), "gradient"
        text = compile_request(Request(*given, options=options)).text
        assert ("_next" in text) != threads and ("_row" in text) == threads


def windows(x, u):
    s = 0.0
    for i in range(x.shape[0]):
        s += math.sin(x[i] * (u[i] - 2.0 * u[i + 1] + u[i + 2] * u[i + 1]))
    return s


@pytest.mark.parametrize("jit", [False, True])
def test_a_stencil_that_may_have_no_iteration(jit):
    """Then there may be no elements to add zeros to."""
    found = srcad.grad(windows, wrt=("x", "u"), jit=jit)
    random = np.random.default_rng(3)
    for n, more in ((0, 0), (0, 1), (0, 2), (0, 5), (1, 2), (2, 2), (2, 4), (5, 2), (40, 2)):
        x, u = random.normal(size=n), random.normal(size=n + more)
        for k, gradient in enumerate(found(x, u)):
            expected = oracles.complex_step(windows, (x, u), k)
            np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-13)


def around(x, u):
    s = 0.0
    for i in range(x.shape[0]):
        s += math.sin(x[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1]))
    return s


def beside(x, u):
    s = 0.0
    for k in range(4):
        for i in range(x.shape[0]):
            s += math.sin(x[i] * (u[k, i] - 2.0 * u[k, i + 1] * u[k, i]))
    return s


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("function", [around, beside])
def test_a_stencil_without_iterations_touches_nothing(function, jit):
    """Elements before the first one count from the end; rows may not be there."""
    found = srcad.grad(function, wrt=("x", "u"), jit=jit)
    shapes = [(0,), (1,), (3,)] if function is around else [(0, 0), (1, 0), (2, 5), (4, 2)]
    for shape in shapes:
        for n in (0, 1) if min(shape) > 1 else (0,):
            x, u = np.full(n, 0.5), np.random.default_rng(1).normal(size=shape)
            if n and function is beside and shape[0] < 4:
                continue
            for k, gradient in enumerate(found(x, u)):
                expected = oracles.complex_step(function, (x, u), k)
                np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-13)


def test_what_a_stencil_adds_to_all_of_an_array_of_zeros_is_assigned():
    def f(x, n):
        for _ in range(n):
            w = np.zeros(x.shape[0] + 2)
            for i in range(x.shape[0]):
                w[i + 1] = x[i] * x[i]
            w[0] = w[x.shape[0]]
            for i in range(x.shape[0]):
                x[i] = math.sin(w[i] * w[i + 1] - w[i + 2])
        return np.sum(x)

    text = reverse_sweep(f, (V, INTEGER), "x")
    assert re.search(r"w_b = np\.empty", text)
    assert re.search(r" w_b\[i\w*\] = (?!0\.0)", text)
    assert not re.search(r" w_b\[i\w*\] = 0\.0", text)
    for n in (0, 1, 2, 7):
        agrees(f, (np.linspace(0.3, 0.9, n), 3), wrt="x")


def test_rows_are_added_to_in_loops_of_their_own():
    def f(u):
        v = np.zeros_like(u)
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                v[i, j] = math.sin(u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
        return np.sum(v * v)

    text = reverse_sweep(f, (M,), "u")
    assert "u_b[i + 1, j] +=" in text and "u_b[i - 1, j] +=" in text
    assert "u_b[i, j + 1]" not in text


def test_no_stencil_in_place():
    def f(u):
        for i in range(1, u.size - 1):
            u[i] = math.sin(u[i - 1]) * u[i + 1]
        return np.sum(u)

    text = reverse_sweep(f, (V,), "u")
    assert "_row" not in text and "_next" not in text


def staggered(x, y, steps):
    """The shadow of ``y`` is added to in two rows, that of ``x`` at two places of a row."""
    n, m = x.shape
    h = np.zeros((n, m))
    for _ in range(steps):
        for i in range(n - 1):
            for j in range(m - 1):
                h[i, j] -= 0.7 * (x[i, j + 1] - x[i, j] + y[i + 1, j] - y[i, j])
        for i in range(n):
            for j in range(m):
                x[i, j] = x[i, j] * h[i, j]
    return np.sum(h * h)


def test_rows_beside_a_stencil_have_loops_of_their_own():
    text = reverse_sweep(staggered, (M, M, INTEGER), "x", "y")
    assert "                y_b[i + 1, j] += seed_2_row[j]\n            for j in range(" in text
    assert "                y_b[i, j] -= seed_2_row[j]\n    return" in text


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 4), (4, 1), (2, 2), (4, 5)])
def test_rows_beside_a_stencil(shape):
    random = np.random.default_rng(5)
    agrees(staggered, (random.random(shape), random.random(shape), 2), wrt=("x", "y"))


def states(u, k, n):
    """Each step writes a row of its own, from that before."""
    x = np.zeros((n + 1, u.size))
    x[0] = u
    for t in range(n):
        for i in range(1, u.size - 1):
            x[t + 1, i] = x[t, i] + k * x[t, i] * (x[t, i - 1] - 2.0 * x[t, i] + x[t, i + 1])
    return np.sum(x[n] * x[n])


def one_row_for_all(u, k, n):
    """The row that it reads may be the one that it writes: a step waits for the one before."""
    x = np.zeros((2, u.size))
    x[0] = u
    for t in range(n):
        for i in range(1, u.size - 1):
            x[t % 2, i] = k * (x[0, i - 1] * x[0, i - 1] + x[1, i + 1])
    return np.sum(x * x)


def test_rows_that_are_others_are_gathered():
    text = reverse_sweep(states, (V, F, INTEGER), "u", "k")
    assert "for t in range(n - 1, -1, -1):" in text
    assert "x_b[t, i_1] = x_b[t, i_1] +" in text and "x_b[t, i_1 + 1]" not in text
    assert "_row" not in reverse_sweep(one_row_for_all, (V, F, INTEGER), "u", "k")
    for f in (states, one_row_for_all):
        agrees(f, (np.array([0.3, 0.9, 0.5, 0.2, 0.7]), 0.4, 3), wrt=("u",))


def round_the_end(x, b):
    """The first element has the last one for a neighbour."""
    w = np.empty_like(x)
    for i in range(x.size):
        w[i] = x[i] + b * x[i] * x[i - 1]
    return np.sum(np.tanh(w))


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_neighbours_round_the_end(n):
    x = np.linspace(0.2, 0.9, n)
    found = [srcad.grad(round_the_end, jit=jit)(x, 0.3) for jit in (True, False)]
    np.testing.assert_allclose(found[0], oracles.complex_step(round_the_end, (x, 0.3), 0))
    np.testing.assert_allclose(found[1], found[0])


# ---------------------------------------------------------------- less to save


def test_a_sum_in_place_is_saved_once():
    def f(a, x):
        y = x * 1.0
        for i in range(x.size):
            for j in range(i):
                y[i] -= a[i, j] * y[j]
            y[i] = math.sin(y[i])
        return np.sum(y)

    text = gradient_text(f, (M, V), "a", "x")
    assert "grow(" not in text  # as for slots of i and j, whose number is not known beforehand
    assert "y_sum" in text


def test_a_sum_that_reads_its_element_is_not():
    def f(x, k):
        for j in range(k + 1):
            x[k] += x[j] * x[0]
        return x[k]

    assert "x_sum" not in gradient_text(f, (V, INTEGER), "x")


def test_a_work_array_is_not_saved():
    def f(x, h):
        w = np.zeros(x.shape[1])
        s = 0.0
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                w[j] = math.sin(h * x[i, j])
            for j in range(1, x.shape[1]):
                s += w[j] * w[j - 1]
        return s

    text = gradient_text(f, (M, F), "x", "h")
    assert "tape" not in text
    assert text.count("np.empty(x.shape[1])") == 1


def test_a_counter_is_counted_back():
    def f(x):
        p = 0
        s = 0.0
        for i in range(4):
            for _j in range(i):
                s += math.sin(s) * x[p]
                p += 1
        return s

    text = gradient_text(f, (V,), "x")
    assert "p_tape" not in text
    assert "p -= 1" in text
    assert "x_b[p] +=" in text


def test_a_new_array_leaves_what_is_read_as_it_was():
    def f(x, h):
        for _ in range(5):
            k = np.sin(x)
            x = x + h * k
        return np.sum(x)

    text = gradient_text(f, (V, F), "x")
    assert "k_list" not in text


def test_rows_of_one_array_have_a_loop_each():
    """LLVM does not vectorise a loop that writes two rows of an array."""

    def f(u, k):
        s = 0.0
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                q = k * (u[i + 1, j] + u[i - 1, j] - 2.0 * u[i, j + 1] + u[i, j - 1])
                s += math.sin(q)
        return s

    text = reverse_sweep(f, (M, F), "u", "k")
    above, below = (text.index(f"u_b[i {sign} 1, j] +=") for sign in "+-")
    assert "for j in range" in text[min(above, below) : max(above, below)]
    agrees(f, (np.random.default_rng(2).normal(size=(5, 6)), 0.7), wrt=("u",))
