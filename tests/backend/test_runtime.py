"""Tapes and stacks: the same in Python and in compiled code, in the pool and beside it."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit

from srcad.runtime.inverses import cofactors, determinant, set_inverse
from srcad.runtime.products import add_product, add_products, matmul_into, set_product
from srcad.runtime.tapes import grow, stack, tape

DTYPES = (np.float64, np.float32, np.int64, np.bool_)


def _carve(pool: Any, n: int) -> Any:
    return (
        tape(pool, n, np.float64),
        tape(pool, n, np.float32),
        tape(pool, n, np.int64),
        tape(pool, n, np.bool_),
    )


def _squares(pool: Any, n: int) -> Any:
    values = stack(pool, np.int64)
    top = 0
    for i in range(n):
        if top == values.size:
            values = grow(pool, values)
        values[top] = i * i
        top += 1
    return values, top


def _one(pool: Any, n: int) -> Any:
    return tape(pool, n, np.float64)


def _pool(size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(size, np.uint8), np.zeros(8, np.int64)


@pytest.fixture(scope="module", params=["python", "compiled"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    if request.param == "python":
        return lambda function: function
    compiled = {f: njit(error_model="numpy", nogil=True)(f) for f in (_carve, _squares, _one)}
    return compiled.__getitem__


def test_tapes_lie_in_the_pool_one_behind_the_other(run: Any) -> None:
    pool = _pool(4096)
    tapes = run(_carve)(pool, 10)
    for array, dtype in zip(tapes, DTYPES, strict=True):
        assert array.dtype == dtype
        assert array.shape == (10,)
        assert np.shares_memory(array, pool[0])
        array[:] = 1
    starts = [a.ctypes.data - pool[0].ctypes.data for a in tapes]
    assert starts == [0, 128, 192, 320]
    assert pool[1].tolist() == [384] + 7 * [0]
    assert all((a == 1).all() for a in tapes)


@pytest.mark.parametrize("size", [0, 100])
def test_a_pool_that_is_too_small_learns_what_was_needed(run: Any, size: int) -> None:
    pool = _pool(size)
    tapes = run(_carve)(pool, 10)
    for array, dtype in zip(tapes, DTYPES, strict=True):
        assert array.dtype == dtype
        assert array.shape == (10,)
    assert not np.shares_memory(tapes[1], pool[0])
    assert pool[1][0] == 384


def test_what_fits_exactly_fits(run: Any) -> None:
    pool = _pool(80)
    assert np.shares_memory(run(_one)(pool, 10), pool[0])
    pool = _pool(79)
    assert not np.shares_memory(run(_one)(pool, 10), pool[0])


def test_an_empty_tape_is_empty(run: Any) -> None:
    assert run(_one)(_pool(64), 0).shape == (0,)


@pytest.mark.parametrize("size", [-1, -(2**60), 2**60, 2**61])
def test_an_impossible_size_raises_and_never_gives_foreign_memory(run: Any, size: int) -> None:
    with pytest.raises((ValueError, MemoryError, OverflowError)):
        run(_one)(_pool(4096), size)


def test_a_tape_outlives_the_pool(run: Any) -> None:
    pool = _pool(8192)
    array = run(_one)(pool, 1000)
    array[:] = 3.0
    del pool
    _pool(8192)[0][:] = 7
    assert (array == 3.0).all()


@pytest.mark.parametrize("n", [0, 1, 256, 257, 5000])
def test_a_stack_grows_and_the_pool_remembers_its_length(run: Any, n: int) -> None:
    pool = _pool(0)
    values, top = run(_squares)(pool, n)
    assert (values[:top] == np.arange(n) ** 2).all()
    needed = int(pool[1][0])
    again = np.zeros(needed, np.uint8), np.array([0, 0, pool[1][2], 0])
    values, top = run(_squares)(again, n)
    assert (values[:top] == np.arange(n) ** 2).all()
    assert np.shares_memory(values, again[0])  # the second call takes no fresh memory
    assert again[1][0] <= needed


def _multiplied(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    matmul_into(a.T, b, out)


@pytest.mark.parametrize("run", [_multiplied, njit(_multiplied)], ids=["python", "compiled"])
@pytest.mark.parametrize("shape", [(3, 2, 4), (9, 8, 10), (0, 2, 3), (3, 0, 2), (2, 4), (20, 30)])
def test_products_small_and_large(run: Any, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    a, b = random.random(shape[:2]), random.random((shape[0], *shape[2:]))
    out = np.full((shape[1], *shape[2:]), np.nan)
    run(a, b, out)
    np.testing.assert_allclose(out, a.T @ b, rtol=1e-13)


def _in_place(out: np.ndarray, a: np.ndarray, b: np.ndarray, ta: bool, tb: bool, add: bool) -> None:
    if add:
        add_product(out, a, b, ta, tb)
    else:
        set_product(out, a, b, ta, tb)


@pytest.mark.parametrize("run", [_in_place, njit(_in_place)], ids=["python", "compiled"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_products_in_place(run: Any, dtype: Any) -> None:
    random = np.random.default_rng(1)
    close = 1e-4 if dtype is np.float32 else 1e-12

    def made(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(dtype)

    sizes = [(1, 1, 1), (3, 2, 5), (4, 4, 4), (0, 2, 3), (2, 0, 3), (9, 10, 11), (70, 1, 8)]
    sizes += itertools.product((1, 2, 5), (1, 3), (2, 3, 6, 7))
    for (m, inner, n), ta, tb in itertools.product(sizes, (False, True), (False, True)):
        a, b = made(*((inner, m) if ta else (m, inner))), made(*((n, inner) if tb else (inner, n)))
        x = made(inner)
        left, right = (a.T if ta else a), (b.T if tb else b)
        for one, two, expected in ((a, b, left @ right), (a, x, left @ x), (x, b, x @ right)):
            turned = ta and one is a, tb and two is b
            out = np.full(expected.shape, np.nan, dtype)
            run(out, one, two, *turned, False)
            np.testing.assert_allclose(out, expected, rtol=close, atol=close)
            run(out, one, two, *turned, True)
            np.testing.assert_allclose(out, 2 * expected, rtol=close, atol=close)


def _sums(out: Any, rows: Any, columns: Any, terms: int, top: int, left: int) -> None:
    add_products(out, rows, columns, terms, top, left)


@pytest.mark.parametrize("run", [_sums, njit(_sums)], ids=["python", "compiled"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (4, 5), (0, 3), (3, 0), (20, 30)])
def test_outer_products_that_are_added(run: Any, dtype: Any, shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    rows, columns = (random.normal(size=(16, n)).astype(dtype) for n in shape)
    close = 1e-4 if dtype is np.float32 else 1e-12
    for terms, top, left in itertools.product((0, 1, 2, 16), (0, 1, 4), (0, 2)):
        rows[terms:], columns[terms:] = np.nan, np.inf
        rows[:, :top], columns[:, :left] = np.inf, np.nan
        out = random.normal(size=(shape[0] + 1, shape[1] + 2)).astype(dtype)
        expected = out.copy()
        for k in range(terms):
            for i in range(top, shape[0]):
                for j in range(left, shape[1]):
                    expected[i, j] += rows[k, i] * columns[k, j]
        run(out, rows, columns, terms, top, left)
        np.testing.assert_allclose(out, expected, rtol=close, atol=close)
        rows, columns = (random.normal(size=(16, n)).astype(dtype) for n in shape)


@pytest.mark.parametrize("run", [_in_place, njit(_in_place)], ids=["python", "compiled"])
def test_small_products_of_infinities(run: Any) -> None:
    out = np.zeros((2, 2))
    with np.errstate(invalid="ignore"):
        run(out, np.array([[np.inf, 1.0], [1.0, 1.0]]), np.ones((2, 2)), False, False, False)
    np.testing.assert_array_equal(out, [[np.inf, np.inf], [2.0, 2.0]])
    run(out[0], np.array([[np.inf], [1.0]]), np.ones(1), False, False, False)
    np.testing.assert_array_equal(out[0], [np.inf, 1.0])


def _inverted(a: np.ndarray) -> tuple[np.ndarray, Any]:
    out = np.empty(a.shape, a.dtype)
    set_inverse(out, a)
    return out, determinant(a)


@pytest.mark.parametrize("run", [_inverted, njit(_inverted)], ids=["python", "compiled"])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_inverses_and_determinants(run: Any, dtype: Any) -> None:
    random = np.random.default_rng(2)
    for n in (0, 1, 2, 2, 2, 3, 7, 20):
        a = random.normal(size=(n, n)).astype(dtype)
        if dtype is np.complex128:
            a = a + 1j * random.normal(size=(n, n))
        found, size = run(a)
        scale = 10 * np.finfo(float).eps * (np.linalg.cond(a) if n else 1.0)
        expected = np.linalg.inv(a)
        largest = np.max(np.abs(expected), initial=0.0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=scale * largest)
        np.testing.assert_allclose(size, np.linalg.det(a), rtol=10 * scale)


@pytest.mark.parametrize("run", [_inverted, njit(_inverted)], ids=["python", "compiled"])
@pytest.mark.parametrize(
    "rows", [[[0.0]], [[1, 2], [2, 4]], [[0, 1], [0, 3]], [[-1, 1], [1, -1]], [[1.0] * 3] * 3]
)
def test_singular_matrices(run: Any, rows: list[list[float]]) -> None:
    a = np.array(rows, float)
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        run(a)
    size = njit(determinant)(a) if run is not _inverted else determinant(a)
    assert size == 0.0 and np.copysign(1.0, size) == 1.0


def _others(a: np.ndarray) -> np.ndarray:
    return cofactors(a)


@pytest.mark.parametrize("run", [_others, njit(_others)], ids=["python", "compiled"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_cofactors(run: Any, dtype: Any) -> None:
    close = 1e-5 if np.finfo(dtype).bits == 32 else 1e-13
    for a in ([[2.0, 3.0], [5.0, 7.0]], [[1.0, 2.0], [2.0, 4.0]]):
        given = np.array(a, dtype) * (1.0 if np.isrealobj(dtype(0)) else 1j)
        before = given.copy()
        found = run(given[::1, ::-1])
        assert found.dtype == dtype
        expected = [[given[1, 0], -given[1, 1]], [-given[0, 0], given[0, 1]]]
        np.testing.assert_allclose(found, expected, rtol=close, atol=close)
        np.testing.assert_array_equal(given, before)
    assert run(np.zeros((0, 0), dtype)).shape == (0, 0)
    np.testing.assert_allclose(run(np.zeros((1, 1), dtype)), [[1.0]])
    assert np.isnan(run(np.full((2, 2), np.nan, dtype))).all()
