"""The products of NumPy for all ranks, and powers of matrices."""

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.rules.multilinear import check, made


def dot(x, y):
    return np.dot(x, y)


def dot_method(x, y):
    return x.dot(y)


def at(x, y):
    return x @ y


def matmul(x, y):
    return np.matmul(x, y)


def inner(x, y):
    return np.inner(x, y)


def outer(x, y):
    return np.outer(x, y)


def linalg_outer(x, y):
    return np.linalg.outer(x, y)


def kron(x, y):
    return np.kron(x, y)


def vdot(x, y):
    return np.vdot(x, y)


def vecdot(x, y):
    return np.vecdot(x, y)


def vecdot_first(x, y):
    return np.vecdot(x, y, axis=0)


def linalg_vecdot(x, y):
    return np.linalg.vecdot(x, y, axis=0)


def matvec(x, y):
    return np.matvec(x, y)


def vecmat(x, y):
    return np.vecmat(x, y)


def tensordot(x, y):
    return np.tensordot(x, y)


def tensordot_0(x, y):
    return np.tensordot(x, y, axes=0)


def tensordot_1(x, y):
    return np.tensordot(x, y, 1)


def tensordot_pair(x, y):
    return np.tensordot(x, y, (0, 1))


def tensordot_lists(x, y):
    return np.tensordot(x, y, axes=[[1, 0], [0, 1]])


def tensordot_negative(x, y):
    return np.linalg.tensordot(x, y, axes=((-1,), (0,)))


RANKS = [
    (dot, (), ()),
    (dot, (), (2, 3)),
    (dot, (2, 3), ()),
    (dot, (3,), (3,)),
    (dot, (2, 3), (3,)),
    (dot, (3,), (3, 2)),
    (dot, (2, 3), (3, 4)),
    (dot, (2, 4, 3), (3,)),
    (dot, (3,), (2, 3, 4)),
    (dot, (2, 4, 3), (3, 2)),
    (dot, (2, 3), (2, 3, 4)),
    (dot, (2, 2, 3), (2, 3, 4)),
    (dot_method, (2, 4, 3), (3, 2)),
    (dot_method, (3,), (3,)),
    (at, (3,), (3,)),
    (at, (2, 3), (3,)),
    (at, (3,), (3, 2)),
    (at, (2, 3), (3, 4)),
    (at, (2, 4, 3), (3,)),
    (at, (3,), (2, 3, 4)),
    (at, (2, 4, 3), (3, 2)),
    (at, (4, 3), (2, 3, 5)),
    (at, (2, 4, 3), (2, 3, 5)),
    (matmul, (2, 2, 4, 3), (2, 3, 5)),
    (matmul, (2, 4, 3), (5, 2, 3, 2)),
    (matmul, (2, 2, 4, 3), (2, 2, 3, 5)),
    (inner, (), (3,)),
    (inner, (3,), (3,)),
    (inner, (2, 3), (3,)),
    (inner, (2, 3), (4, 3)),
    (inner, (2, 2, 3), (4, 3)),
    (outer, (2,), (3,)),
    (outer, (2, 2), (3,)),
    (outer, (), (3,)),
    (outer, (2,), ()),
    (outer, (2, 2), (2, 1, 2)),
    (linalg_outer, (2,), (3,)),
    (kron, (), (2,)),
    (kron, (2,), (3,)),
    (kron, (2, 3), (2, 2)),
    (kron, (2,), (2, 3)),
    (kron, (2, 3), (2,)),
    (kron, (2, 1, 2), (2, 2)),
    (kron, (2, 2, 2), (2, 1, 3)),
    (vdot, (3,), (3,)),
    (vdot, (2, 3), (3, 2)),
    (vdot, (2, 3), (6,)),
    (vdot, (), ()),
    (vecdot, (3,), (3,)),
    (vecdot, (2, 3), (3,)),
    (vecdot, (2, 3), (2, 3)),
    (vecdot_first, (3, 2), (3, 2)),
    (linalg_vecdot, (3, 2), (3, 2)),
    (matvec, (2, 3), (3,)),
    (matvec, (4, 2, 3), (3,)),
    (matvec, (2, 3), (4, 3)),
    (matvec, (4, 2, 3), (4, 3)),
    (vecmat, (3,), (3, 2)),
    (vecmat, (4, 3), (4, 3, 2)),
    (vecmat, (4, 3), (3, 2)),
    (tensordot, (2, 3, 4), (3, 4, 2)),
    (tensordot, (2, 3), (2, 3)),
    (tensordot_0, (2, 3), (2,)),
    (tensordot_1, (2, 3, 4), (4, 3)),
    (tensordot_pair, (3, 2), (2, 3)),
    (tensordot_lists, (2, 3, 4), (3, 2, 2)),
    (tensordot_negative, (2, 3), (3, 2)),
]


@pytest.mark.parametrize(("function", "one", "two"), RANKS)
def test_products_of_all_ranks(function, one, two):
    rng = np.random.default_rng(2)
    check(function, made(rng, one), made(rng, two))


CONJUGATED = (vdot, vecdot, vecdot_first, linalg_vecdot, vecmat)


@pytest.mark.parametrize(
    "dtypes",
    [
        (complex, complex),
        (float, complex),
        (complex, float),
        (np.float32, np.float32),
        (float, int),
    ],
)
@pytest.mark.parametrize(("function", "one", "two"), RANKS[::2])
def test_products_of_other_dtypes(function, one, two, dtypes):
    rng = np.random.default_rng(2)
    args = made(rng, one, dtypes[0]), made(rng, two, dtypes[1])
    given = (0,) if function in CONJUGATED and complex in dtypes[:1] else ()
    check(function, *args, rtol=2e-5 if np.float32 in dtypes else 1e-12, conjugated=given)


@pytest.mark.parametrize("function", [vdot, vecdot])
def test_the_conjugated_argument(function):
    rng = np.random.default_rng(2)
    x, y = made(rng, (3,), complex), made(rng, (3,), complex)
    for which in (0, 1):
        found = srcad.vjp(function, x, y, jit=False)[1](1.5 - 0.5j)[which]
        seed = 1.5 - 0.5j
        expected = y * np.conj(seed) if which == 0 else x * seed
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def of_integers(n, m, x):
    return x * np.sum(np.dot(n, m) * (n @ m)) + np.sum(np.einsum("ij,jk", n, m) @ n)


def test_products_of_integers():
    n, m = np.array([[1, 2], [3, 4]], np.int32), np.array([[5, -6], [7, 8]])
    value, found = srcad.value_and_grad(of_integers, wrt=2, jit=False)(n, m, 1.5)
    assert value == of_integers(n, m, 1.5)
    assert found == of_integers(n, m, 1.0) - of_integers(n, m, 0.0)


@pytest.mark.parametrize("function", [dot, matmul, inner, outer, kron, vdot, tensordot_1])
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.float32, np.int64),
        (np.float32, np.complex128),
        (np.int32, np.float32),
        (np.float32, np.float64),
    ],
)
def test_common_dtypes(function, left, right):
    shape = (3,) if function is vdot else (3, 3)
    x, y = np.arange(9.0)[: np.prod(shape)].reshape(shape).astype(left), np.ones(shape, right)
    value, _ = srcad.vjp(function, x, y, jit=False)
    expected = function(x, y)
    assert np.asarray(value).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("function", [dot, inner, outer, kron, tensordot_0])
def test_numbers_beside_single_precision(function):
    x = np.array([1.0, 2.0], np.float32)
    for number in (1.5, 2):
        value, pull = srcad.vjp(function, number, x, jit=False)
        assert value.dtype == function(number, x).dtype == np.float64
        np.testing.assert_array_equal(value, function(number, x))
        assert pull(value)[1].dtype == np.float32


@pytest.mark.parametrize(
    ("function", "one", "two"),
    [
        (dot, (2, 0), (0, 3)),
        (at, (0, 2, 3), (0, 3, 2)),
        (at, (2, 2, 0), (2, 0, 3)),
        (outer, (0,), (2,)),
        (inner, (2, 0), (3, 0)),
        (kron, (0,), (2,)),
        (matvec, (2, 0, 3), (2, 3)),
        (tensordot_1, (2, 2, 0), (0, 2)),
    ],
)
def test_empty_arrays(function, one, two):
    check(function, np.ones(one), np.ones(two))


def trace(x):
    return np.trace(x)


def trace_offset(x):
    return x.trace(offset=-1) + np.trace(x, 1) * 2.0 + np.trace(x, offset=7)


def trace_axes(x):
    return np.trace(x, axis1=0, axis2=2)


def trace_run_time(x, k):
    return np.trace(x, k) + np.trace(x, -k)


def linalg_trace(x):
    return np.linalg.trace(x, offset=1)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (trace, (3, 3)),
        (trace, (2, 4)),
        (trace, (3, 2, 4)),
        (trace_offset, (4, 3)),
        (trace_axes, (2, 3, 4)),
        (linalg_trace, (2, 3, 4)),
    ],
)
def test_trace(function, shape):
    check(function, made(np.random.default_rng(1), shape))


@pytest.mark.parametrize("k", [0, 1, -2, 5])
def test_trace_with_an_offset_of_run_time(k):
    check(trace_run_time, made(np.random.default_rng(1), (3, 4)), k)


def multi_2(x, y):
    return np.linalg.multi_dot([x, y])


def multi_3(x, y, z):
    return np.linalg.multi_dot((x, y, z))


def multi_4(x, y, z, w):
    return np.linalg.multi_dot([x, y, z, w])


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (multi_2, [(2, 3), (3, 4)]),
        (multi_2, [(3,), (3,)]),
        (multi_3, [(2, 3), (3, 4), (4, 2)]),
        (multi_3, [(4, 2), (2, 4), (4, 5)]),
        (multi_3, [(3,), (3, 4), (4, 2)]),
        (multi_3, [(2, 3), (3, 4), (4,)]),
        (multi_4, [(2, 3), (3, 4), (4, 2), (2, 3)]),
        (multi_4, [(2,), (2, 4), (4, 2), (2,)]),
    ],
)
def test_multi_dot(function, shapes):
    rng = np.random.default_rng(4)
    check(function, *(made(rng, s) for s in shapes))


def power(x, w):
    return np.sum(w * np.linalg.matrix_power(x, 5)) + np.sum(w * np.linalg.matrix_power(x, 2))


def small_powers(x, w):
    return np.sum(w * (np.linalg.matrix_power(x, 0) + 2.0 * np.linalg.matrix_power(x, 1)))


def inverse_power(x, w):
    return np.sum(w * np.linalg.matrix_power(x, -3))


def run_time_power(x, w, n):
    return np.sum(w * np.linalg.matrix_power(x, n))


@pytest.mark.parametrize(
    ("function", "more"),
    [(power, ()), (small_powers, ()), (inverse_power, ())]
    + [(run_time_power, (n,)) for n in (0, 1, 2, 6, 7, -2)],
)
def test_matrix_power(function, more):
    rng = np.random.default_rng(4)
    args = made(rng, (3, 3)) + 2.0 * np.eye(3), made(rng, (3, 3)), *more
    value, found = srcad.value_and_grad(function, jit=False)(*args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-12)
    expected = oracles.ORACLES["differences"](function, args, 0, {})
    assert oracles.mismatch(found, expected, 1e-8) is None


def into(x, y):
    c = np.empty((3, 3))
    d = np.empty((2, 3, 3))
    np.dot(x, y, out=c)
    np.dot(c, y, c)
    np.matmul(np.stack((x, c)), y, out=d)
    np.outer(d[0, 0], d[1, 1], out=c)
    return np.sum(c * x) + np.sum(d**2)


def test_results_written_into_an_array():
    rng = np.random.default_rng(9)
    args = made(rng, (3, 3)), made(rng, (3, 3))
    value, found = srcad.value_and_grad(into, wrt=(0, 1), jit=False)(*args)
    assert value == pytest.approx(into(*args), rel=1e-12)
    for k in (0, 1):
        expected = oracles.ORACLES["differences"](into, args, k, {})
        assert oracles.mismatch(found[k], expected, 1e-8) is None


def into_a_wrong_shape(x):
    c = np.empty((2, 2))
    np.dot(x, x, out=c)
    return np.sum(c)


def test_a_result_of_the_wrong_shape():
    with pytest.raises(ValueError):
        srcad.grad(into_a_wrong_shape, jit=False)(np.ones((3, 3)))
