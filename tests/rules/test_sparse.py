"""``scipy.sparse``: values SciPy's own, derivatives by ``check_grads``; solutions, errors, memory."""

import gc
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

import srcad

RNG = np.random.default_rng(8)
WIDE = sparse.random_array((4, 6), density=0.5, format="csr", rng=RNG)
SQUARE = sparse.csr_array(
    sparse.random_array((5, 5), density=0.4, rng=RNG) + 3 * sparse.eye_array(5)
)
SQUARE = sparse.csr_array(SQUARE + 0.1 * np.diag(np.arange(4), 1)[:5, :5])
COLUMNS = sparse.csc_array(SQUARE)
U = RNG.normal(size=6)
V = RNG.normal(size=4)
B = RNG.normal(size=5)
X = RNG.normal(size=(6, 3))
MANY = RNG.normal(size=(5, 2))
W = np.cos(np.arange(60.0)) + 0.2


def weigh(y):
    z = y.ravel()
    return np.sum(W[: z.size] * np.real(z)) + np.sum(W[1 : z.size + 1] * np.imag(z * z))


PRODUCTS = {
    "vector": lambda data, x, i, p: weigh(sparse.csr_array((data, i, p), shape=(4, 6)) @ x),
    "matrix": lambda data, x, i, p: weigh(
        sparse.csr_matrix((data, i, p), shape=(4, 6)).dot(np.outer(x, x))),
    "left": lambda data, x, i, p: weigh(x[:4] @ sparse.csr_array((data, i, p), shape=(4, 6))),
    "left matrix": lambda data, x, i, p: weigh(
        np.outer(x, x[:4]) @ sparse.csr_array((data, i, p), shape=(4, 6))),
    "transpose": lambda data, x, i, p: weigh(
        sparse.csr_array((data, i, p), shape=(4, 6)).T @ x[:4]),
    "transpose matrix": lambda data, x, i, p: weigh(
        sparse.csr_array((data, i, p), shape=(4, 6)).transpose() @ np.outer(x[:4], x)),
    "columns": lambda data, x, i, p: weigh(sparse.csc_array((data, i, p), shape=(6, 4)) @ x[:4]),
    "no shape": lambda data, x, i, p: weigh(sparse.csr_array((data, i, p)) @ x),
    "gram": lambda data, x, i, p: weigh(
        2.0 * sparse.csr_array((data, i, p), shape=(4, 6)).conj().T / 3.0
        @ (sparse.csr_array((data, i, p), shape=(4, 6)) @ x)),
    "dense": lambda data, x, i, p: weigh(
        sparse.csr_array((data, i, p), shape=(4, 6)).toarray() * x),
    "squares": lambda data, x, i, p: weigh(
        sparse.csr_array((np.exp(0.1 * data), i, p), shape=(4, 6)) @ np.sin(x)),
}  # fmt: skip

SOLUTIONS = {
    "rows": lambda data, b, i, p: weigh(spsolve(sparse.csr_array((data, i, p), shape=(5, 5)), b)),
    "columns": lambda data, b, i, p: weigh(
        spsolve(sparse.csc_matrix((data, i, p), shape=(5, 5)), b)),
    "transposed": lambda data, b, i, p: weigh(
        spsolve(sparse.csr_array((data, i, p), shape=(5, 5)).T, b * b)),
}  # fmt: skip


def complex_of(a):
    return a + 0.5j * np.sin(3.0 * np.arange(a.size)).reshape(a.shape)


def check(f, args, jit=False):
    value, _ = srcad.value_and_grad(f, wrt=(0, 1), jit=jit)(*args)
    assert value == pytest.approx(f(*args), rel=1e-12)
    srcad.check_grads(f, args, jit=jit)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", ["real", "complex", "both"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name, kind):
    data, x = WIDE.data, U
    if kind != "real":
        x = complex_of(x)
    if kind == "both":
        data = complex_of(data)
    check(PRODUCTS[name], (data, x, WIDE.indices, WIDE.indptr))


@pytest.mark.parametrize("right", [B, MANY], ids=["vector", "matrix"])
@pytest.mark.parametrize("kind", ["real", "complex", "both"])
@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions(name, kind, right):
    data = SQUARE.data if kind == "real" else complex_of(SQUARE.data)
    right = complex_of(right) if kind == "both" else right
    check(SOLUTIONS[name], (data, right, SQUARE.indices, SQUARE.indptr))


def test_unsorted_and_repeated_elements():
    data, i, p = (
        np.array([1.0, 2.0, 0.5, 3.0, 4.0]),
        np.array([1, 0, 0, 2, 1]),
        np.array([0, 3, 4, 5]),
    )
    f = lambda data, b, i, p: weigh(  # noqa: E731
        spsolve(sparse.csr_array((data, i, p), shape=(3, 3)), b))  # fmt: skip
    kept = data.copy(), i.copy()
    found, _ = srcad.grad(f, wrt=(0, 1), jit=False)(data, B[:3].copy(), i, p)
    full = np.zeros((3, 3))
    for r in range(3):
        for k in range(p[r], p[r + 1]):
            full[r, i[k]] += data[k]
    x = np.linalg.solve(full, B[:3])
    w = np.linalg.solve(full.T, W[:3])
    rows = np.repeat(np.arange(3), np.diff(p))
    np.testing.assert_allclose(found, -w[rows] * x[i], rtol=1e-12)
    np.testing.assert_array_equal(data, kept[0])
    np.testing.assert_array_equal(i, kept[1])


# ---------------------------------------------------------------- matrices from outside

HELD = {"a": WIDE}


def residual(x):
    y = HELD["a"] @ x
    return np.dot(y, y) + np.sum(HELD["a"].T @ y)


def test_captured_matrix_is_read_at_each_call():
    gradient = srcad.grad(residual, jit=False)
    dense = WIDE.toarray()
    expected = 2.0 * dense.T @ dense @ U + dense.T @ dense @ np.ones(6)
    np.testing.assert_allclose(gradient(U), expected, rtol=1e-12)
    HELD["a"] = sparse.csr_array(2.0 * WIDE[:2])
    dense = 2.0 * dense[:2]
    expected = 2.0 * dense.T @ dense @ U + dense.T @ dense @ np.ones(6)
    np.testing.assert_allclose(gradient(U), expected, rtol=1e-12)
    HELD["a"] = sparse.csc_array(HELD["a"])
    np.testing.assert_allclose(gradient(U), expected, rtol=1e-12)
    HELD["a"] = WIDE


def energy(a, x):
    return np.sum(np.sin(a @ x))


@pytest.mark.parametrize("form", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
def test_matrix_as_an_argument(form):
    a = getattr(sparse, form)(WIDE)
    found = srcad.grad(energy, wrt="x", jit=False)(a, U)
    dense = WIDE.toarray()
    np.testing.assert_allclose(found, dense.T @ np.cos(dense @ U), rtol=1e-12)
    _, pullback = srcad.vjp(energy, a, U, jit=False)
    assert pullback(1.0)[0] is None


def test_gradient_for_a_matrix_as_a_whole_is_refused():
    with pytest.raises(srcad.ArgumentError, match="sparse"):
        srcad.grad(energy, wrt="a", jit=False)(WIDE, U)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x: np.sum((WIDE + WIDE) @ x), srcad.UnsupportedError),
        (lambda x: np.sum(WIDE[0] * x), srcad.ArgumentError),
        (lambda x: np.sum(WIDE * x), srcad.UnsupportedError),
        (lambda x: np.sum((WIDE @ WIDE.T) @ x[:4]), srcad.UnsupportedError),
        (lambda x: np.sum(np.sin(WIDE) @ x), (srcad.UnsupportedError, srcad.ArgumentError)),
        (lambda x: np.sum((-WIDE) @ x), srcad.UnsupportedError),
        (lambda x: sum(np.sum(row @ x) for row in WIDE), (srcad.UnsupportedError, srcad.ArgumentError)),
        (lambda x: np.sum(WIDE @ x[:4]), ValueError),
        (lambda x: np.sum(x @ WIDE), ValueError),
        (lambda x: np.sum(sparse.csr_array(np.outer(x, x)) @ x), srcad.UnsupportedError),
        (lambda x: np.sum(sparse.coo_array(np.eye(6)) @ x), srcad.UnsupportedError),
    ],
)  # fmt: skip
def test_refused(function, error):
    with pytest.raises(error):
        srcad.grad(lambda x: function(x), jit=False)(U)


# ---------------------------------------------------------------- compiled


def steps(data, b, i, p):
    """Implicit steps of diffusion: products and solutions with one matrix."""
    a = sparse.csr_array((data, i, p), shape=(5, 5))
    for _ in range(3):
        b = spsolve(a, b) + 0.1 * (a.T @ b)
    return np.dot(b, b)


@pytest.fixture(scope="module")
def compiled():
    return srcad.value_and_grad(steps, wrt=(0, 1))


def test_compiled(compiled):
    args = SQUARE.data, B, SQUARE.indices, SQUARE.indptr
    value, found = compiled(*args)
    assert value == pytest.approx(steps(*args), rel=1e-12)
    _, plain = srcad.value_and_grad(steps, wrt=(0, 1), jit=False)(*args)
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    srcad.check_grads(steps, args)


def test_float32_stays_float32():
    single = SQUARE.data.astype(np.float32), B.astype(np.float32), SQUARE.indices, SQUARE.indptr
    found = srcad.grad(steps, wrt=(0, 1), jit=False)(*single)
    exact = srcad.grad(steps, wrt=(0, 1), jit=False)(SQUARE.data, B, *single[2:])
    for a, b in zip(found, exact, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=2e-4)


def test_a_singular_matrix_raises_and_the_next_call_works(compiled):
    args = SQUARE.data, B, SQUARE.indices, SQUARE.indptr
    for gradient in (compiled, srcad.value_and_grad(steps, wrt=(0, 1), jit=False)):
        with pytest.raises(np.linalg.LinAlgError, match="singular"):
            gradient(0.0 * SQUARE.data, *args[1:])
        assert gradient(*args)[0] == pytest.approx(steps(*args), rel=1e-12)


def test_arrays_that_do_not_fit_raise(compiled):
    with pytest.raises(ValueError, match="lengths"):
        compiled(SQUARE.data, B, SQUARE.indices, SQUARE.indptr[:-1].copy())
    bad = SQUARE.indices.copy()
    bad[0] = 77
    with pytest.raises(IndexError):
        compiled(SQUARE.data, B, bad, SQUARE.indptr)


def test_memory_is_given_back(compiled):
    n = 400
    a = sparse.csr_array(
        sparse.random_array((5, 5), density=0.9, rng=RNG) + 3 * sparse.eye_array(5)
    )
    args = a.data, B, a.indices, a.indptr
    compiled(*args)
    gc.collect()
    tracemalloc.start()
    for _ in range(n):
        compiled(*args)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 50 * n


def test_eject_is_refused(tmp_path):
    args = SQUARE.data, B, SQUARE.indices, SQUARE.indptr
    with pytest.raises(srcad.ArgumentError, match="solve_rows"):
        srcad.grad(steps, jit=False).eject(tmp_path / "steps.py", *args)
