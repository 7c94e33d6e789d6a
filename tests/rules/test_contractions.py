"""Contractions: their errors, views of them, in loops, and compiled."""

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.rules.multilinear import made

A, B, V, T = np.ones((2, 3)), np.ones((3, 4)), np.ones(3), np.ones((2, 3, 4))


def refused(function, *args, error=ValueError, match=""):
    """Where it is run, NumPy raises as well (unless srcad alone refuses)."""
    with pytest.raises(error, match=match) as found:
        srcad.vjp(function, *args, jit=False)
    return str(found.value)


WRONG = [
    (lambda a: np.einsum("ij,jk->ik", a), (A,), "fewer operands provided"),
    (lambda a, b: np.einsum("ij->ij", a, b), (A, B), "more operands provided"),
    (lambda a: np.einsum("ijk->ij", a), (A,), "too many subscripts for operand 0"),
    (lambda a: np.einsum("i->i", a), (A,), "more dimensions than subscripts"),
    (lambda a: np.einsum("ij->k", a), (A,), "which never appeared in an input"),
    (lambda a: np.einsum("ij->ii", a), (A,), "multiple times"),
    (lambda a: np.einsum("i$->i", a), (A,), "subscripts must be letters"),
    (lambda a: np.einsum("i...->i", a), (A,), "'...'"),
    (lambda a: np.einsum("...i...->i", a), (A,), "more than one '...'"),
    (lambda a: np.einsum("ii->i", a), (A,), "collapsing index 'i' don't match"),
    (lambda a, b: np.einsum("ij,ij->ij", a, b), (A, B), "could not be broadcast"),
    (lambda a, b: np.einsum("ij,kj->ik", a, b), (A, B), "could not be broadcast"),
    (lambda a, b: np.dot(a, b), (A, A), "not aligned"),
    (lambda a, b: np.dot(a, b), (T, A), "not aligned"),
    (lambda a, b: np.inner(a, b), (A, B), "not aligned"),
    (lambda a, b: np.matmul(a, b), (T, A), "mismatch in their core dimension"),
    (lambda a, b: np.matmul(a, b), (np.ones((2, 3, 4)), np.ones((3, 4, 2))), "mismatch"),
    (lambda a: np.matmul(a, 2.0), (A,), "does not have enough dimensions"),
    (lambda a, b: np.tensordot(a, b), (A, B), "shape-mismatch for sum"),
    (lambda a, b: np.tensordot(a, b, ((0, 1), (0,))), (A, B), "shape-mismatch for sum"),
    (lambda a, b: np.linalg.outer(a, b), (A, V), "must be one-dimensional"),
    (lambda a, b: np.vecdot(a, b), (A, B), "mismatch"),
    (lambda a, b: np.matvec(a, b), (V, V), "axes"),
    (lambda a: np.trace(a), (V,), "two are needed"),
    (lambda a: np.trace(a, axis1=1, axis2=1), (T,), "cannot be the same"),
    (lambda a: np.linalg.matrix_power(a, 2), (A,), "square"),
    (lambda a: np.linalg.multi_dot([a]), (A,), "at least two"),
    (lambda a, b: np.vdot(a, b), (A, B), "not aligned"),
]


@pytest.mark.parametrize(("function", "args", "match"), WRONG)
def test_wrong_shapes_and_subscripts(function, args, match):
    with pytest.raises(ValueError):
        function(*args)
    assert "test_contractions.py" in refused(function, *args, match=match) or match in (
        "square",
        "at least two",
    )


@pytest.mark.parametrize(
    ("function", "args", "match"),
    [
        (lambda a, b: np.einsum(a, [0, 1], b, [1, 2]), (A, B), "string"),
        (
            lambda a, b: np.einsum("ij,jk", a, b, optimize=["einsum_path", (0, 1)]),
            (A, B),
            "optimize",
        ),
        (lambda a: np.einsum("ij->i", a, dtype=np.float32), (A,), "dtype"),
        (lambda a: np.einsum("ij->i", a > 0.0), (A,), "bools"),
        (lambda a: a @ 2.0, (A,), "two arrays"),
    ],
)
def test_what_is_refused(function, args, match):
    shown = refused(function, *args, error=srcad.UnsupportedError, match=match)
    assert "^" in shown


def strategies(a, b):
    one = np.einsum("ij,jk->ik", a, b, optimize=True)
    two = np.einsum("ij,jk->ik", a, b, optimize="greedy")
    return np.sum(one * two) + np.sum(np.einsum("ij,jk->ik", a, b, optimize=False))


def test_optimize_is_accepted():
    rng = np.random.default_rng(0)
    a, b = made(rng, (2, 3)), made(rng, (3, 4))
    value, found = srcad.value_and_grad(strategies, jit=False)(a, b)
    assert value == pytest.approx(strategies(a, b), rel=1e-13)
    expected = oracles.ORACLES["differences"](strategies, (a, b), 0, {})
    assert oracles.mismatch(found, expected, 1e-8) is None


def written_diagonal(a):
    d = np.einsum("ii->i", a)
    d[0] = 2.0
    return np.sum(a * a) + np.sum(d)


def turned_view(a):
    c = a * 1.0
    t = np.einsum("ij->ji", c)
    t[0] *= 2.0
    return np.sum(c * c)


def test_views():
    a = made(np.random.default_rng(0), (3, 3))
    with pytest.raises((srcad.UnsupportedError, ValueError)):
        srcad.grad(written_diagonal, jit=False)(a.copy())
    factor = np.ones((3, 3))
    factor[:, 0] = 4.0
    found = srcad.grad(turned_view, jit=False)(a)
    np.testing.assert_allclose(found, 2.0 * factor * a, rtol=1e-13)


def layers(w, x):
    for k in range(w.shape[0]):
        x = np.tanh(np.einsum("ij,bj->bi", w[k], x))
    return np.sum(x * x)


def sweeps(a, x):
    total = 0.0
    for k in range(3):
        for m in range(2):
            y = np.einsum("ijk,kl->ijl", a, x) * (k + 1.0)
            x = x + 0.1 * np.einsum("ijk,ijl->kl", a, y)
            total += np.sum(np.einsum("ijl,ijl->i", y, y) ** 2) * (m + 1.0)
    return total + np.sum(x)


def moving(a, x):
    for k in range(3):
        x = np.sin(np.matvec(a, x)) + np.matmul(x[:, None, :], a)[:, 0]
        a = a * 0.5 + np.einsum("bi,bj->bij", x, x)
    return np.sum(x * x)


LOOPS = [(layers, (3, 2, 2), (4, 2)), (sweeps, (2, 2, 3), (3, 3)), (moving, (2, 3, 3), (2, 3))]


@pytest.mark.parametrize(("function", "one", "two"), LOOPS)
def test_contractions_in_loops(function, one, two):
    rng = np.random.default_rng(6)
    args = 0.5 * made(rng, one), made(rng, two)
    value, found = srcad.value_and_grad(function, wrt=(0, 1), jit=False)(*args)
    assert value == pytest.approx(function(*args), rel=1e-12)
    for k in (0, 1):
        expected = oracles.ORACLES["complex"](function, args, k, {})
        assert oracles.mismatch(found[k], expected, 1e-10) is None


def many(a, b, x, w):
    """Most forms in one program: a compilation takes seconds."""
    c = np.einsum("bij,bjk->bik", a, b)
    d = np.einsum("ijk,kl->ijl", c, w)
    e = np.einsum("bij,kj->bki", d, w)
    s = np.sum(e * np.einsum("bij,b->bji", d, x)) + np.einsum("bii,i->", e, x)
    s += np.sum(np.matmul(a, w) ** 2) + np.sum(np.dot(w, b)) + np.vdot(a, b)
    s += np.sum(np.matvec(a, x)) + np.tensordot(a, b, ((0, 2, 1), (0, 1, 2)))
    return s + np.sum(np.kron(w, w)) + np.sum(np.vecmat(x, a) ** 2) + np.trace(w, 1)


def conjugated(z, y):
    c = np.einsum("bij,bkj->bik", z, y) + np.einsum("bij,bjk->bik", y, z)
    return np.sum(np.abs(c) ** 2) + np.vdot(z, y).real


def powers(a, n):
    p = np.linalg.multi_dot([np.linalg.matrix_power(a, 3), a, np.linalg.matrix_power(a, n)])
    return np.sum(p)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "shapes", "dtype", "more"),
    [
        (many, [(3, 3, 3), (3, 3, 3), (3,), (3, 3)], float, ()),
        (conjugated, [(2, 3, 3), (2, 3, 3)], complex, ()),
        (powers, [(2, 2)], float, (3,)),
        (layers, [(3, 2, 2), (4, 2)], float, ()),
        (sweeps, [(2, 2, 3), (3, 3)], float, ()),
    ],
)
@pytest.mark.filterwarnings("error")
def test_compiled(function, shapes, dtype, more):
    rng = np.random.default_rng(8)
    args = *(0.5 * made(rng, s, dtype) for s in shapes), *more
    wrt = tuple(range(len(shapes)))
    value, found = srcad.value_and_grad(function, wrt=wrt)(*args)
    assert value == pytest.approx(function(*args), rel=1e-12)
    _, expected = srcad.value_and_grad(function, wrt=wrt, jit=False)(*args)
    for k in wrt:
        np.testing.assert_allclose(found[k], expected[k], rtol=1e-12, atol=1e-12)
        if dtype is float:
            other = oracles.ORACLES["differences"](function, args, k, {})
            assert oracles.mismatch(found[k], other, 1e-7) is None


def test_conjugated_products_by_differences():
    rng = np.random.default_rng(8)
    z, y = made(rng, (2, 3, 3), complex), made(rng, (2, 3, 3), complex)
    found = srcad.grad(conjugated, wrt=(0, 1), jit=False)(z, y)
    step = made(rng, (2, 3, 3), complex)
    for k, h in enumerate(found):
        ends = [
            conjugated(*(v + t * step if n == k else v for n, v in enumerate((z, y))))
            for t in (1e-5, -1e-5)
        ]
        slope = (ends[0] - ends[1]) / 2e-5
        assert np.sum(h.conj() * step).real == pytest.approx(slope, rel=1e-8)
