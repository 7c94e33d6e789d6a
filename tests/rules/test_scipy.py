"""Functions of SciPy that are written out as Python: values as SciPy's, derivatives by steps."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import integrate, linalg, special

import srcad

RNG = np.random.default_rng(5)
A = RNG.normal(size=(4, 4)) + 4.0 * np.eye(4)
SPD = A @ A.T
V = RNG.normal(size=4)
W = RNG.normal(size=(4, 3))
X = np.array([0.0, 0.3, 0.5, 1.1, 1.4])
Y = RNG.normal(size=5)
BAND = RNG.normal(size=(4, 6)) + np.array([[0.0], [0.0], [5.0], [0.0]])
LONG = RNG.normal(size=6)
SPD_BAND = np.vstack([0.5 * np.sin(np.arange(12.0)).reshape(2, 6), np.full((1, 6), 4.0)])
LU = A[::-1].copy()


def check(function, *args):
    """The value is SciPy's; the gradient of a weighted sum of it agrees with differences."""
    expected = function(*args)
    one = np.ones(1)  # functions of numbers come in arrays too
    losses = (
        lambda a: np.sum(one * np.sin(function(a))),
        lambda a, b: np.sum(one * np.sin(function(a, b))),
    )
    value, gradients = srcad.value_and_grad(
        losses[len(args) - 1], wrt=tuple(range(len(args))), jit=False
    )(*args)
    assert np.isclose(value, np.sum(np.sin(expected)), rtol=1e-12, atol=1e-12)
    for k, arg in enumerate(args):
        found = np.asarray(gradients[k])
        wanted = np.zeros_like(arg)
        for at in np.ndindex(arg.shape):
            step = np.zeros_like(arg)
            step[at] = 1e-5
            ends = [
                np.sum(np.sin(function(*args[:k], arg + s * step, *args[k + 1 :])))
                for s in (1.0, -1.0)
            ]
            wanted[at] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


CASES = {
    "logsumexp": (lambda a: special.logsumexp(a), W),
    "logsumexp axis": (lambda a: special.logsumexp(a, axis=0), W),
    "logsumexp keepdims": (lambda a: special.logsumexp(a, axis=1, keepdims=True), W),
    "logsumexp b": (lambda a, b: special.logsumexp(a, b=b), V, np.abs(V)),
    "logsumexp b axis": (lambda a, b: special.logsumexp(a, axis=-1, b=b), W, np.abs(W)),
    "softmax": (lambda a: special.softmax(a), W),
    "softmax axis": (lambda a: special.softmax(a, axis=-1), W),
    "log_softmax": (lambda a: special.log_softmax(a), V),
    "log_softmax axis": (lambda a: special.log_softmax(a, axis=0), W),
    "polygamma 0": (lambda x: special.polygamma(0, x), np.abs(V)),
    "polygamma 3": (lambda x: special.polygamma(3, x), 1.0 + np.abs(V)),
    "factorial": (lambda x: special.factorial(x), np.abs(V)),
    "comb": (lambda x: special.comb(x + 3.0, 2.0), np.abs(V)),
    "triangular": (lambda a, b: linalg.solve_triangular(a, b), A, V),
    "triangular lower": (lambda a, b: linalg.solve_triangular(a, b, lower=True), A, W),
    "triangular trans": (lambda a, b: linalg.solve_triangular(a, b, trans="T"), A, V),
    "triangular trans lower": (lambda a, b: linalg.solve_triangular(a, b, 1, True), A, V),
    "triangular unit": (
        lambda a, b: linalg.solve_triangular(a, b, lower=True, unit_diagonal=True), A, V),
    "cholesky": (lambda a: linalg.cholesky(a + a.T, lower=True), SPD),
    "cholesky upper": (lambda a: linalg.cholesky(a + a.T), SPD),
    "cho_solve": (lambda a, b: linalg.cho_solve(linalg.cho_factor(a + a.T), b), SPD, V),
    "cho_solve lower": (
        lambda a, b: linalg.cho_solve(linalg.cho_factor(a + a.T, lower=True), b), SPD, W),
    "banded": (lambda a, b: linalg.solve_banded((1, 2), a, b), BAND, LONG),
    "banded matrix": (
        lambda a, b: linalg.solve_banded((2, 1), a, b), BAND[::-1].copy() + 5 * (np.arange(4) == 1)[:, None], RNG.normal(size=(6, 2))),
    "banded complex": (
        lambda a, b: np.abs(linalg.solve_banded((1, 2), a * (1.0 + 0.5j), b)), BAND, LONG),
    "hermitian banded": (lambda a, b: linalg.solveh_banded(a, b), SPD_BAND, LONG),
    "hermitian banded lower": (
        lambda a, b: linalg.solveh_banded(a[::-1], b, lower=True), SPD_BAND[:2] * 0.1 + 4.0 * np.eye(2)[:, 1:], np.outer(LONG, [1.0, -0.5])),
    "hermitian banded complex": (
        lambda a, b: np.abs(linalg.solveh_banded(a + 0.3j * (np.arange(3) < 2)[:, None], b)), SPD_BAND, LONG),
    "lu": (lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b), LU, V),
    "lu transposed": (lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b, trans=1), LU, W),
    "lu factor": (lambda a: linalg.lu_factor(a)[0], LU),
    "lu complex": (
        lambda a, b: np.abs(linalg.lu_solve(linalg.lu_factor(a * (1.0 - 2.0j) + 1j), b, 2)), LU, V + 1.0),
    "expm": (lambda a: linalg.expm(a), 0.3 * A),
    "expm large": (lambda a: linalg.expm(a), 2.0 * A - 2.0 * A.T),
    "expm stack": (lambda a: linalg.expm(np.stack((a, 0.5 * a))), 0.3 * A),
    "solve pos": (lambda a, b: linalg.solve(a, b, assume_a="pos"), SPD, V),
    "solve pos lower": (lambda a, b: linalg.solve(a, b, True, assume_a="pos"), SPD, V),
    "solve sym": (lambda a, b: linalg.solve(a, b, assume_a="sym"), A + A.T, W),
    "solve her": (
        lambda a, b: np.abs(linalg.solve(a + 1j * (a - a.T), b, assume_a="her")), A + A.T, V),
    "eigvalsh": (lambda a: linalg.eigvalsh(a), SPD),
    "eigvalsh upper": (lambda a: linalg.eigvalsh(a, lower=False), SPD),
    "eigvals": (lambda a: np.abs(linalg.eigvals(a)), A),
    "eig": (lambda a: np.abs(linalg.eig(a)[1]), A),
    "svd": (lambda a: linalg.svd(a, full_matrices=False)[1], W),
    "svdvals": (lambda a: linalg.svdvals(a), W),
    "qr": (lambda a: linalg.qr(a)[1] + linalg.qr(a)[0], A),
    "qr economic": (lambda a: linalg.qr(a, mode="economic")[1], W),
    "pinv": (lambda a: linalg.pinv(a), W),
    "lstsq": (lambda a, b: linalg.lstsq(a, b)[0], W, V),
    "block_diag": (lambda a, b: linalg.block_diag(a, b, b.T), A, W),
    "solve_toeplitz": (lambda c, b: linalg.solve_toeplitz(c, b), V + 5.0 * np.eye(4)[0], W),
    "solve_toeplitz row": (
        lambda c, b: linalg.solve_toeplitz((c, 0.5 * c), b), V + 5.0 * np.eye(4)[0], V),
    "solve": (lambda a, b: linalg.solve(a, b), A, V),
    "solve transposed": (lambda a, b: linalg.solve(a, b, transposed=True), A, V),
    "inv": (lambda a: linalg.inv(a), A),
    "det": (lambda a: linalg.det(a), A),
    "norm": (lambda a: linalg.norm(a), A),
    "toeplitz": (lambda c: linalg.toeplitz(c), V),
    "toeplitz row": (lambda c, r: linalg.toeplitz(c, r), V, LONG),
    "circulant": (lambda c: linalg.circulant(c), V),
    "trapezoid": (lambda y: integrate.trapezoid(y), Y),
    "trapezoid x": (lambda y, x: integrate.trapezoid(y, x), Y, X),
    "trapezoid dx": (lambda y: integrate.trapezoid(y, dx=0.3, axis=0), W),
    "trapezoid x axis": (lambda y, x: integrate.trapezoid(y, x=x, axis=0), W, X[:4].copy()),
    "cumulative": (lambda y, x: integrate.cumulative_trapezoid(y, x), Y, X),
    "cumulative initial": (lambda y: integrate.cumulative_trapezoid(y, dx=0.5, initial=0), Y),
    "simpson odd": (lambda y, x: integrate.simpson(y, x=x), Y, X),
    "simpson even": (lambda y, x: integrate.simpson(y, x=x), Y[:4].copy(), X[:4].copy()),
    "simpson dx": (lambda y: integrate.simpson(y, dx=0.5), LONG),
    "simpson two": (lambda y: integrate.simpson(y, dx=0.5), Y[:2].copy()),
}  # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", CASES)
def test_derivative(name: str):
    check(*CASES[name])


@pytest.mark.parametrize(
    ("entries", "weights"),
    [
        ((-np.inf, 1.0, 2.0), (0.0, 1.0 / (1.0 + np.e), np.e / (1.0 + np.e))),
        ((-np.inf, -np.inf), (0.0, 0.0)),
        ((1000.0, 1000.0), (0.5, 0.5)),
    ],
)
def test_logsumexp_of_extremes(entries: tuple[float, ...], weights: tuple[float, ...]):
    a = np.array(entries)
    value, gradient = srcad.value_and_grad(lambda a: special.logsumexp(a), jit=False)(a)
    assert value == pytest.approx(special.logsumexp(a))
    np.testing.assert_allclose(gradient, weights, rtol=1e-14)


def test_an_active_order_is_refused():
    with pytest.raises(srcad.UnsupportedError, match=r"derivative of special\.jv in argument 0"):
        srcad.grad(lambda v: special.jv(v, 1.2), jit=False)(0.5)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: special.logsumexp(x, return_sign=True),
        lambda x: special.comb(x[0], 2.0, exact=True),
        lambda x: np.sum(special.lambertw(x)),
    ],
)
def test_refused(function):
    with pytest.raises(NotImplementedError):
        srcad.grad(lambda x: function(x), jit=False)(np.ones(3))


def test_singular_triangle():
    gradient = srcad.grad(lambda a: np.sum(linalg.solve_triangular(a, np.ones(2))), jit=False)
    with pytest.raises(ValueError, match="singular"):
        gradient(np.array([[1.0, 2.0], [0.0, 0.0]]))


def mixture(x):
    return np.sum(special.erfinv(x) * special.log_ndtr(-x) + special.polygamma(1, x))


def test_compiled():
    x = np.array([0.2, 0.4, 0.7])
    gradient = srcad.grad(mixture)
    np.testing.assert_allclose(gradient(x), srcad.grad(mixture, jit=False)(x), rtol=1e-13)
    single = gradient(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, gradient(x), rtol=1e-5)


@pytest.mark.slow
def test_ejected(tmp_path):
    x = np.array([0.2, 0.4, 0.7])
    path = srcad.grad(mixture).eject(tmp_path / "ejected_mixture.py", x)
    script = (
        "import sys; sys.modules['srcad'] = None\n"
        "import numpy as np, ejected_mixture as m\n"
        "print(*m.mixture_grad(np.array([0.2, 0.4, 0.7])))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=path.parent, capture_output=True, text=True, check=True
    )
    found = [float(word) for word in run.stdout.split()]
    np.testing.assert_allclose(found, srcad.grad(mixture, jit=False)(x), rtol=1e-13)
