"""``np.linalg``: values NumPy's, derivatives against central differences; real, complex, stacked."""

import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import srcad
from tests import oracles

RNG = np.random.default_rng(5)
SQUARE = RNG.standard_normal((4, 4))
TALL = RNG.standard_normal((5, 3))
WIDE = np.ascontiguousarray(TALL.T) + 0.1
SYMMETRIC = SQUARE + SQUARE.T
POSITIVE = SQUARE @ SQUARE.T + 4.0 * np.eye(4)
STACK = RNG.standard_normal((2, 3, 3))
GRAMS = STACK @ STACK.transpose(0, 2, 1) + 3.0 * np.eye(3)
EVEN = STACK + STACK.transpose(0, 2, 1)
VECTOR = RNG.standard_normal(4)
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, -1.0]])
COMPLEX = SQUARE + 1j * RNG.standard_normal((4, 4))
COMPLEX_TALL = TALL + 1j * RNG.standard_normal((5, 3))
COMPLEX_WIDE = np.ascontiguousarray(COMPLEX_TALL.T)
HERMITIAN = COMPLEX + COMPLEX.conj().T
COMPLEX_POSITIVE = COMPLEX @ COMPLEX.conj().T + 4.0 * np.eye(4)
W = np.sin(np.arange(100.0)) + 0.3
"""Weights: ``weigh`` makes a number of a result that depends on all of its elements."""

CASES = [
    ("weigh(np.linalg.inv(a))", SQUARE, COMPLEX, STACK),
    ("weigh(np.linalg.solve(a, a[0]))", SQUARE, COMPLEX),
    ("weigh(np.linalg.solve(a, a.T @ a))", SQUARE, COMPLEX),
    ("weigh(np.linalg.solve(a, a * a))", STACK),
    ("weigh(np.linalg.solve(a, a[0]))", STACK),
    ("weigh(np.linalg.det(a) * np.ones(1))", SQUARE, COMPLEX, SINGULAR),
    ("weigh(np.linalg.det(a))", STACK),
    ("np.linalg.slogdet(a)[1]", SQUARE, COMPLEX),
    ("weigh(np.linalg.slogdet(a)[0] * np.linalg.slogdet(a).logabsdet * np.ones(1))", COMPLEX),
    ("weigh(np.linalg.slogdet(a)[1])", STACK),
    ("weigh(np.linalg.cholesky(a))", POSITIVE, COMPLEX_POSITIVE, GRAMS),
    ("weigh(np.linalg.cholesky(a, upper=True))", POSITIVE),
    ("weigh(np.linalg.qr(a)[0]) + weigh(np.linalg.qr(a)[1])", SQUARE, TALL, WIDE),
    ("weigh(np.linalg.qr(a).Q) + weigh(np.linalg.qr(a).R)", COMPLEX, COMPLEX_TALL, COMPLEX_WIDE),
    ("weigh(np.linalg.svd(a, full_matrices=False).S)", SQUARE, TALL, WIDE, COMPLEX_TALL),
    ("low_rank(*np.linalg.svd(a, full_matrices=False))", SQUARE, TALL, WIDE),
    ("low_rank(*np.linalg.svd(a, full_matrices=False))", COMPLEX, COMPLEX_TALL, COMPLEX_WIDE),
    ("weigh(np.linalg.svd(a)[1]) + weigh(np.linalg.svd(a, compute_uv=False))", SQUARE),
    ("weigh(np.linalg.svdvals(a))", TALL),
    ("weigh(np.linalg.eigh(a)[0])", SYMMETRIC, HERMITIAN, EVEN),
    ("root(*np.linalg.eigh(a))", SYMMETRIC, HERMITIAN),
    ("weigh(np.linalg.eigh(a).eigenvectors * np.linalg.eigh(a).eigenvectors[0])", SYMMETRIC),
    ("weigh(np.linalg.eigvalsh(a)) + weigh(np.linalg.eigvalsh(a, 'U') ** 2)", SYMMETRIC, EVEN),
    ("weigh(np.abs(np.linalg.eig(a)[0])) + weigh(np.abs(np.linalg.eig(a)[1]) ** 2)", SQUARE),
    ("weigh(np.abs(np.linalg.eig(a)[0])) + weigh(np.abs(np.linalg.eig(a)[1]) ** 2)", COMPLEX),
    ("weigh(np.abs(np.linalg.eigvals(a)))", SQUARE, COMPLEX),
    ("weigh(np.linalg.pinv(a))", SQUARE, TALL, WIDE, COMPLEX_TALL),
    ("least_squares(*np.linalg.lstsq(a, a[:, 0] ** 2, rcond=None))", TALL),
    ("weigh(np.linalg.lstsq(a, a @ a.T * a[:, :1], rcond=1e-9)[0])", TALL),
    ("np.linalg.cond(a) + np.linalg.cond(a, 1) + np.linalg.cond(a, -2)", SQUARE),
    ("np.linalg.matrix_rank(a) * np.sum(a * a)", TALL),
    ("weigh(np.linalg.matrix_power(a, 3)) + weigh(np.linalg.matrix_power(a, -2))", SQUARE),
    ("weigh(np.linalg.matrix_power(a, 0) * a)", SQUARE),
    ("np.linalg.norm(a)", VECTOR, TALL, COMPLEX, STACK),
    ("np.linalg.norm(a, 1) + np.linalg.norm(a, np.inf) + np.linalg.norm(a, -np.inf)", VECTOR, TALL),
    ("np.linalg.norm(a, 3) + np.linalg.norm(a, 0) + np.linalg.norm(a, 0.5)", VECTOR),
    ("np.linalg.norm(a, 2) + np.linalg.norm(a, -2) + np.linalg.norm(a, 'nuc')", TALL, WIDE),
    ("np.linalg.norm(a, 'fro') + np.linalg.norm(a, -1)", TALL),
    ("weigh(np.linalg.norm(a, axis=0)) + weigh(np.linalg.norm(a, np.inf, axis=1))", TALL),
    ("weigh(np.linalg.norm(a, axis=1, keepdims=True) * a)", TALL),
    ("weigh(np.linalg.norm(a, 3, axis=-1)) + weigh(np.linalg.norm(a, keepdims=True) * a)", TALL),
    ("np.linalg.vector_norm(a) + np.linalg.matrix_norm(a)", TALL),
]
ROWS = [(text, a) for text, *arguments in CASES for a in arguments]

HEAD = """
import numpy as np
from tests.rules.test_linalg import W

def weigh(y):
    z = y.ravel()
    return np.sum(W[: z.size] * np.real(z)) + np.sum(W[1 : z.size + 1] * np.imag(z))

def low_rank(u, s, vh):
    return weigh((u * s**3) @ vh) + weigh((u[:, :2] * s[:2]) @ vh[:2])

def root(w, v):
    return weigh((v * np.exp(0.1 * w)) @ np.conj(v).T)

def least_squares(x, residuals, rank, s):
    return weigh(x) + residuals[0] * rank + weigh(s)
"""


@pytest.fixture(scope="module")
def module():
    folder = Path(tempfile.mkdtemp(prefix="srcad_linalg_"))
    path = folder / f"linalg_{folder.name[-8:]}.py"
    rows = "\n".join(f"def row_{k}(a):\n    return {text}\n" for k, (text, _) in enumerate(ROWS))
    path.write_text(HEAD + rows)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found
    spec.loader.exec_module(found)
    return found


def differences(f, a):
    """The derivative by differences; for complex numbers that of both parts."""
    if not np.iscomplexobj(a):
        return oracles.ORACLES["differences"](f, (a,), 0, {})

    def of_parts(x, y):
        return f(x + 1j * y)

    parts = a.real.copy(), a.imag.copy()
    x, y = (oracles.ORACLES["differences"](of_parts, parts, k, {}) for k in (0, 1))
    return x + 1j * y


def check(f, a, jit):
    value, found = srcad.value_and_grad(f, jit=jit)(a)
    assert value == pytest.approx(f(a), rel=1e-10)
    expected = differences(f, a)
    assert oracles.mismatch(np.real(found), np.real(expected), 2e-6) is None
    assert oracles.mismatch(np.imag(found), np.imag(expected), 2e-6) is None


@pytest.mark.parametrize("k", range(len(ROWS)), ids=[text for text, _ in ROWS])
def test_row(module, k):
    check(getattr(module, f"row_{k}"), ROWS[k][1], jit=False)


@pytest.mark.slow
@pytest.mark.parametrize("k", range(len(ROWS)), ids=[text for text, _ in ROWS])
def test_row_compiled(module, k):
    check(getattr(module, f"row_{k}"), ROWS[k][1], jit=True)


def decompositions(a, b):
    q, r = np.linalg.qr(a)
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    w, v = np.linalg.eigh(a @ a.T)
    factor = np.linalg.cholesky(a @ a.T + np.eye(4))
    total = np.sum(q[:, 0] * r[0]) + np.sum(s) + np.sum((u * s) @ vh * a) + np.dot(w, v[0] ** 2)
    for k in range(2):
        b = np.linalg.solve(a + 0.1 * k * factor, b)
        total += np.dot(b, b) / np.linalg.det(a)
    return total


def test_compiled_together():
    srcad.check_grads(decompositions, (SQUARE, VECTOR))


@pytest.mark.parametrize("a", [SQUARE, COMPLEX], ids=["real", "complex"])
def test_forward_mode(a):
    """The pushforwards, read by the compiler, agree with the pullbacks."""

    def f(a):
        q, r = np.linalg.qr(a)
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        w, v = np.linalg.eigh(a @ np.conj(a.T))
        p = np.linalg.pinv(a[:, :2]) @ np.linalg.eig(a)[1] * np.linalg.eigvals(a)
        total = np.sum(np.abs(p) ** 2) + np.linalg.slogdet(a)[1]
        total += (
            np.sum(s * np.abs(vh) ** 2) + np.sum(np.abs(u[:2]) ** 2) + np.sum(w * np.abs(v) ** 2)
        )
        return (
            total + np.sum(np.abs(q * r) ** 2) + np.sum(np.linalg.eigvalsh(a @ np.conj(a.T)) ** 2)
        )

    tangent = np.cos(np.arange(16.0)).reshape(4, 4) * a[0]
    _, found = srcad.jvp(f, (a,), (tangent,), jit=False)
    step = 1e-6
    assert found == pytest.approx(
        (f(a + step * tangent) - f(a - step * tangent)) / (2 * step), rel=1e-6
    )
    gradient = srcad.grad(f, jit=False)(a)
    assert found == pytest.approx(np.vdot(gradient, tangent).real, rel=1e-9)


def test_float32_stays_float32():
    def f(a):
        return np.sum(np.linalg.inv(a)) + np.linalg.eigvalsh(a @ a.T)[0]

    value, found = srcad.value_and_grad(f, jit=False)(SQUARE.astype(np.float32))
    assert found.dtype == np.float32
    exact = srcad.grad(f, jit=False)(SQUARE)
    np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-3)
    assert np.asarray(value).dtype in (np.float32, np.float64)


def test_integers_become_floats():
    def f(a, x):
        return np.sum(np.linalg.solve(a, x * x))

    a = np.array([[2, 1], [1, 3]])
    found = srcad.grad(f, wrt="x", jit=False)(a, np.array([1.0, 2.0]))
    np.testing.assert_allclose(found, 2.0 * np.array([1.0, 2.0]) * np.linalg.inv(a.T).sum(axis=1))


@pytest.mark.parametrize("n", [2, 3])
def test_equal_eigenvalues_of_a_function_of_a_matrix(n):
    """``sum(exp(a))`` by way of eigenvalues that are equal: the derivative exists, and is finite."""

    def f(a):
        w, v = np.linalg.eigh(a)
        return np.sum(w * w) + np.sum(((v * w) @ v.T) ** 2)

    a = 1.5 * np.eye(n)
    np.testing.assert_allclose(srcad.grad(f, jit=False)(a), 4.0 * a, atol=1e-12)


def by_minors(a):
    """The derivatives of the determinant, from those of smaller matrices."""
    n = len(a)
    found = np.zeros_like(a)
    for i, j in np.ndindex(n, n):
        rest = np.delete(np.delete(a, i, 0), j, 1)
        found[i, j] = (-1) ** (i + j) * (np.linalg.det(rest) if n > 1 else 1.0)
    return found


def of_rank(n, rank, kind):
    """A matrix that elimination takes apart without rounding, so that its determinant is 0."""
    lower, upper = np.eye(n) - np.eye(n, k=-1), np.eye(n) + np.eye(n, k=1) - np.eye(n, k=2)
    middle = np.array([1.0, -2.0, 4.0, 0.5])[:n] * (1j if kind is complex else 1.0)
    middle[rank:] = 0.0
    return (lower * middle) @ upper


def determinant(a):
    return np.real(np.linalg.det(a))


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("jit", [False, True])
def test_determinants_of_matrices_of_any_rank(kind, jit):
    slope = srcad.grad(determinant, jit=jit)
    for n in range(1, 5):
        for rank in range(n + 1):
            a = of_rank(n, rank, kind)
            np.testing.assert_allclose(slope(a), by_minors(a).conj(), rtol=1e-12, atol=1e-11)
    tiny = np.diag([1e-200, 1e-200])  # its determinant is 0 for want of smaller numbers
    np.testing.assert_allclose(slope(tiny.astype(kind)), tiny, rtol=1e-14)


def test_cofactors_are_a_function_of_the_runtime(tmp_path):
    """A call of an object of this process would keep the program from the disk."""
    slope = srcad.grad(determinant)
    assert "import cofactors" in slope.source(SINGULAR)
    path = slope.eject(tmp_path / "slope_of_det.py", SINGULAR)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    np.testing.assert_allclose(module.determinant_grad(SINGULAR), by_minors(SINGULAR), atol=1e-12)


@pytest.mark.parametrize("jit", [False, True])
def test_second_derivatives_of_determinants_of_any_rank(jit):
    curvature = srcad.hessian(determinant, jit=jit)
    for n in range(1, 5):
        for rank in range(n + 1):
            a = of_rank(n, rank, float)
            expected = np.zeros((n, n, n, n))
            for i, j in np.ndindex(n, n):
                step = np.zeros((n, n))
                step[i, j] = 1.0  # exact: an element is in no term twice
                expected[:, :, i, j] = (by_minors(a + step) - by_minors(a - step)) / 2
            np.testing.assert_allclose(curvature(a), expected, rtol=1e-10, atol=1e-10)


def curved(a):
    return np.sum(np.cos(np.arange(81.0)).reshape(3, 3, 3, 3) * srcad.hessian(determinant)(a))


def test_third_derivatives_of_determinants():
    for a in (np.zeros((3, 3)), np.diag([0.0, 2.0, 0.0]), SINGULAR):
        found = srcad.grad(curved, jit=False)(a)
        for i, j in np.ndindex(3, 3):
            step = np.zeros((3, 3))
            step[i, j] = 1.0  # exact: the third derivative of a cubic
            expected = (curved(a + step) - curved(a - step)) / 2
            np.testing.assert_allclose(found[i, j], expected, rtol=1e-10, atol=1e-10)


def test_a_matrix_that_is_not_square_needs_the_thin_decomposition():
    def f(a):
        return np.sum(np.linalg.svd(a)[1])

    with pytest.raises(ValueError, match="full_matrices=False"):
        srcad.grad(f, jit=False)(TALL)


def test_errors_are_those_of_numpy():
    def f(a):
        return np.sum(np.linalg.inv(a))

    for jit in (False, True):
        with pytest.raises(np.linalg.LinAlgError):
            srcad.grad(f, jit=jit)(np.ones((2, 2)))
        found = srcad.grad(f, jit=jit)(np.eye(2))
        np.testing.assert_allclose(found, -np.ones((2, 2)))
