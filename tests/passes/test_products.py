"""Products, inverses and lists of arrays in loops: made in place, in rows, and by BLAS or not."""

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.build import ONE, ZERO
from srcad.ir.nodes import (
    Alloc,
    Binary,
    Bind,
    Extent,
    For,
    Function,
    Load,
    MatMul,
    Return,
    Store,
    Var,
    Window,
)
from srcad.ir.types import INT
from srcad.transform.products import products
from tests import oracles
from tests.passes.support import lines

x3 = np.array([0.4, -0.7, 1.2])
F = np.array([[0.9, 0.2, -0.1], [0.3, 0.8, 0.05], [0.0, -0.4, 1.1]])
ROW, COLUMN, T, N = (Var(n, INT) for n in "ijtn")


def written(*body, before=()) -> str:
    """What becomes of a loop over ``t`` with these statements."""
    whole = (*before, For(T, ZERO, N, ONE, body), Return(("u",)))
    names = ("u", "v", "w", "f", "g", "share")
    matrices = {n: ("float64", 2) for n in names}
    made = products(Function("f", ("u", "v", "f", "g", N), whole, matrices))
    return lines(made.body)


def stored(value, index=(ROW, COLUMN), stop="share") -> For:
    inner = For(COLUMN, ZERO, Extent(stop, 1), ONE, (Store("u", index, value),))
    return For(ROW, ZERO, Extent(stop, 0), ONE, (inner,))


SHARE = Load("share", (ROW, COLUMN), "float64")
SUM = Binary("+", Load("u", (ROW, COLUMN), "float64"), SHARE, "float64")
PRODUCT = MatMul("share", "f", "g", True, False)
MADE = Alloc("u", (Extent("f", 1), Extent("g", 1)), "float64", True)


def test_a_product_that_is_only_added_is_added_at_once():
    found = written(PRODUCT, stored(SUM), before=(MADE,))
    assert "    add_product(u, f, g, True, False)" in found and "share" not in found


def test_a_product_that_is_only_stored_is_made_there():
    found = written(PRODUCT, stored(SHARE), before=(MADE,))
    assert "    set_product(u, f, g, True, False)" in found and "share" not in found


def test_it_needs_no_loop_around():
    names = ("u", "f", "g", "share")
    body = (MADE, PRODUCT, stored(SUM), MatMul("share", "f", "u"), Return(("share",)))
    matrices = {n: ("float64", 2) for n in names}
    found = lines(products(Function("f", ("u", "f", "g"), body, matrices)).body)
    assert "add_product" not in found  # the product has its name twice
    body = (MADE, PRODUCT, stored(SUM), Return(("u",)))
    found = lines(products(Function("f", ("u", "f", "g"), body, matrices)).body)
    assert "\nadd_product(u, f, g, True, False)\n" in found and "share" not in found


@pytest.mark.parametrize("jit", [False, True], ids=["python", "compiled"])
def test_layers_without_a_loop(jit):
    def layers(w, v, x):
        h = np.tanh(x @ w)
        return np.sum((h @ v + x @ w @ v) ** 2)

    random = np.random.default_rng(7)
    args = [random.normal(size=s) for s in ((3, 20), (20, 30), (9, 3))]
    assert "share" not in srcad.grad(layers, wrt=("w", "v")).source(*args)
    found = srcad.grad(layers, wrt=("w", "v"), jit=jit)(*args)
    for k in (0, 1):
        d = random.normal(size=args[k].shape)
        moved = [[a + e * d if j == k else a for j, a in enumerate(args)] for e in (1e-6, -1e-6)]
        ends = [layers(*given) for given in moved]
        np.testing.assert_allclose(np.sum(found[k] * d), (ends[0] - ends[1]) / 2e-6, rtol=1e-7)


@pytest.mark.parametrize(
    ("then", "before"),
    [
        (stored(SUM, index=(COLUMN, ROW)), MADE),  # its transpose
        (stored(SUM, stop="f"), MADE),  # another number of elements
        (stored(Binary("*", SUM.a, SHARE, "float64")), MADE),
        (stored(SUM), Alloc("u", (N, N), "float64", True)),  # not known to be of its shape
        (stored(SUM), Bind(("u",), ("f",))),  # a factor itself
        (stored(SUM), Window("u", "v", (ZERO, ZERO), (None, None))),  # not contiguous
    ],
    ids=["transposed", "part", "times", "shape", "same", "view"],
)
def test_other_loops_stay(then, before):
    found = written(PRODUCT, then, before=(before,))
    assert "add_product" not in found and "set_product(u" not in found


def test_a_product_read_later_keeps_its_array():
    again = Store("v", (ZERO, ZERO), Load("share", (ZERO, ZERO), "float64"))
    found = written(PRODUCT, stored(SUM), again, before=(MADE,))
    assert (
        found.startswith("u = np.zeros") and "\nshare = np.empty((f.shape[1], g.shape[1]))" in found
    )
    assert "set_product(share, f, g, True, False)" in found and "add_product" not in found


def test_the_array_of_the_iteration_before_is_not_written_while_it_is_read():
    square = Alloc("w", (Extent("f", 0), Extent("f", 0)), "float64", True)
    step = MatMul("share", "f", "w"), Bind(("w",), ("share",))
    found = written(*step, before=(square,))
    assert "    share = np.empty((f.shape[0], w.shape[1]))" in found
    other = MatMul("g", "f", "w"), Bind(("w",), ("g",))
    found = written(*step, *other, before=(square,))
    assert "    set_product(share, f, w, False, False)" in found
    assert "np.empty" not in found.split("for t")[1]


def recurrence(x, n):
    y = x * 1.0
    a = np.outer(x, x) + np.eye(3)
    s = 0.0
    for _ in range(n):
        y = F @ y + x
        a = F @ a @ F.T + np.eye(3)
        b = np.linalg.inv(a)
        s += y @ b @ y + np.log(np.linalg.det(a)) + np.sum(b @ a[:2].T)
    return s


def in_nested_loops(x, n):
    s = 0.0
    for k in range(n):
        for j in range(2, 0, -1):
            y = F @ np.sin(x * (k + j))
            s += np.sum(y * y * y)
    return s


def in_a_branch(x, n):
    y = x * 1.0
    for k in range(n):
        if k % 2 == 0:
            z = F @ np.tanh(y)
            y = x + z * z
    return np.sum(y)


def kept_between_outer_iterations(x, n):
    y = x * 1.0
    s = 0.0
    for k in range(n):
        s += np.sum(y * y * y)
        for j in range(k):
            z = np.sin(F @ y) + x * j
            s += y[0] * z[1]
            y = z
    return s + np.sum(y)


def of_several_sizes(x, n):
    a = np.outer(x, np.arange(1.0, 41.0)) * 0.01
    b = a.T * 1.0
    for _ in range(n):
        c = np.tanh(a @ b)  # 3 x 40 x 3
        b = b @ c + 0.1 * a.T
    return np.sum(b * b)


def determinants(x, n):
    s = 0.0
    for k in range(1, n):
        a = np.outer(x, x * x) + k * np.eye(3)
        s += np.linalg.det(a) + np.linalg.det(a[:2, :2] * x[0]) + np.sum(np.linalg.inv(a[1:, 1:]))
    return s


PROGRAMS = [
    recurrence,
    in_nested_loops,
    in_a_branch,
    kept_between_outer_iterations,
    of_several_sizes,
    determinants,
]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("jit", [False, True], ids=["python", "compiled"])
@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients(function, jit):
    gradient: Any = srcad.grad(function, jit=jit)
    for n in (4, 0, 1):
        expected = oracles.complex_step(function, (x3, n), 0)
        np.testing.assert_allclose(gradient(x3.copy(), n), expected, rtol=1e-9, atol=1e-11)


def test_what_iterations_keep_are_rows():
    text = srcad.grad(recurrence, jit=False).source(x3, 3)
    assert "_list" not in text and "_tape[" in text and "np.dot" not in text


def test_a_loop_whose_length_is_not_known_keeps_lists():
    def program(x, n):
        y = x * 1.0
        while np.sum(y * y) > 0.1:
            y = np.sin(0.5 * (F @ y)) * y
        return np.sum(y)

    found = srcad.grad(program, jit=False)
    assert "_list" in found.source(x3, 3)
    expected = oracles.complex_step(program, (x3, 3), 0)
    np.testing.assert_allclose(found(x3, 3), expected, rtol=1e-9)


def test_a_singular_matrix_raises():
    def program(x):
        s = 0.0
        for k in range(2):
            s += np.sum(np.linalg.inv(np.array([[x[0], 2.0], [1.0, k * x[1]]])))
        return s

    gradient = srcad.grad(program)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        gradient(np.array([1.0, 2.0]))
    expected = oracles.complex_step(program, (np.array([3.0, 2.0]),), 0)
    np.testing.assert_allclose(gradient(np.array([3.0, 2.0])), expected, rtol=1e-12)


def test_the_determinant_of_a_singular_matrix():
    def program(x):
        return np.linalg.det(np.array([[x[0], 2.0], [1.0, x[1]]]))

    np.testing.assert_allclose(srcad.grad(program)(np.array([1.0, 2.0])), [2.0, 1.0], rtol=1e-12)
