"""Every function that HIPS autograd differentiates: the same gradient, or the reason why not.

A row is an expression in ``a``, ``b`` and ``c``, read twice: by srcad over NumPy and SciPy, by
autograd over its own wrappers. Both differentiate its sum weighted by ``w``. Complex numbers are
built inside (``a + 1j * b``), so that no convention for complex gradients takes part.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import srcad

pytest.importorskip("autograd")

import autograd
import autograd.numpy as anp
import autograd.scipy.integrate
import autograd.scipy.linalg
import autograd.scipy.signal
import autograd.scipy.special
import autograd.scipy.stats
from autograd.core import primitive_vjps

RANDOM = np.random.default_rng(7)
V, U, P = RANDOM.normal(size=5), RANDOM.normal(size=5), RANDOM.uniform(0.2, 0.9, 5)
G, K = P + 1.3, np.array([2.0, 1.0, 4.0, 3.0, 0.0])
M, N, Q = (RANDOM.normal(size=(3, 4)) for _ in range(3))
T, R3 = RANDOM.normal(size=(2, 3, 4)), RANDOM.normal(size=(4, 3))
C, D = RANDOM.normal(size=(4, 4)), RANDOM.normal(size=(4, 4))
X3, Y3 = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(2, 3))
F, F2, F3 = RANDOM.normal(size=8), RANDOM.normal(size=(4, 6)), RANDOM.normal(size=(2, 4, 6))
H, H2, H3 = RANDOM.normal(size=8), RANDOM.normal(size=(4, 6)), RANDOM.normal(size=(2, 4, 6))
S, S2 = 0.7, 1.9


def each(form: str, names: str, *inputs: Any) -> list[tuple[str, str, tuple[Any, ...]]]:
    """The same form of call for several functions."""
    return [(name, form.replace("F", name.rpartition(".")[2]), inputs) for name in names.split()]


def one(name: str, *forms: Any) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Several forms of one function: an expression and its inputs."""
    return [(name, form, inputs) for form, *inputs in forms]


ROWS = [
    *each("np.F(a)", "numpy.exp numpy.exp2 numpy.expm1 numpy.log numpy.log2 numpy.log10", P),
    *each("np.F(a)", "numpy.log1p numpy.sin numpy.cos numpy.tan numpy.arcsin numpy.arccos", P),
    *each("np.F(a)", "numpy.arctan numpy.sinh numpy.cosh numpy.tanh numpy.arcsinh", P),
    *each("np.F(a)", "numpy.arctanh numpy.rad2deg numpy.degrees numpy.deg2rad numpy.radians", P),
    *each("np.F(a)", "numpy.arccosh", G),
    *each("np.F(a)", "numpy.square numpy.sqrt numpy.sinc numpy.reciprocal numpy.negative", P),
    *each("np.F(a)", "numpy.absolute numpy.fabs numpy.nan_to_num numpy.ravel numpy.real", V),
    *each("np.F(a, b)", "numpy.add numpy.multiply numpy.subtract numpy.divide numpy.maximum", V, U),
    *each("np.F(a, b)", "numpy.minimum numpy.fmax numpy.fmin numpy.logaddexp", V, U),
    *each("np.F(a, b)", "numpy.logaddexp2 numpy.arctan2 numpy.hypot numpy.remainder", V, U),
    *each("np.F(a, b)", "numpy.power numpy.remainder", G, P),
    *each("np.F(a, b)", "numpy.add numpy.multiply numpy.subtract numpy.divide", M, N[0]),
    *each("np.F(a, b)", "numpy.maximum numpy.logaddexp numpy.hypot numpy.arctan2", M, S),
    *each("np.F(a)", "numpy.sum numpy.mean numpy.prod numpy.var numpy.std numpy.max", M),
    *each("np.F(a)", "numpy.min numpy.amax numpy.amin numpy.cumsum numpy.transpose", M),
    *each("np.F(a, axis=1)", "numpy.sum numpy.mean numpy.prod numpy.var numpy.std numpy.max", T),
    *each("np.F(a, axis=0)", "numpy.min numpy.amax numpy.amin numpy.cumsum", T),
    *each("np.F(a, axis=-1, keepdims=True)", "numpy.sum numpy.mean numpy.var numpy.max", T),
    *each("np.F(a, axis=(0, 2))", "numpy.sum numpy.mean", T),
    *each("np.F(a, axis=0, ddof=1)", "numpy.var numpy.std", M),
    *one("numpy.reshape", ("np.reshape(a, (4, 3))", M), ("np.reshape(a, -1)", T)),
    *one("numpy.roll", ("np.roll(a, 2)", V), ("np.roll(a, 1, axis=1)", M)),
    *one("numpy.array_split", ("np.array_split(a, 2)[0]", V)),
    *one("numpy.split", ("np.split(a, 2, axis=1)[1]", M)),
    *one("numpy.vsplit", ("np.vsplit(a, 3)[1]", M)),
    *one("numpy.hsplit", ("np.hsplit(a, 2)[1]", M)),
    *one("numpy.dsplit", ("np.dsplit(a, 2)[1]", T)),
    *one("numpy.expand_dims", ("np.expand_dims(a, 1)", M)),
    *one("numpy.squeeze", ("np.squeeze(a[:1], axis=0)", M)),
    *one("numpy.diag", ("np.diag(a)", V), ("np.diag(a)", C)),
    *each("np.F(a)", "numpy.flipud numpy.fliplr numpy.rot90 numpy.trace numpy.triu", C),
    *each("np.F(a, 1)", "numpy.tril numpy.triu numpy.trace", C),
    *one("numpy.diagonal", ("np.diagonal(a, 0, -1, -2)", C)),
    *one("numpy.full", ("np.full((2, 3), a)", S)),
    *one("numpy.clip", ("np.clip(a, -0.5, 0.6)", V)),
    *one("numpy.swapaxes", ("np.swapaxes(a, 0, 2)", T)),
    *one("numpy.moveaxis", ("np.moveaxis(a, 0, 2)", T)),
    *one("numpy.rollaxis", ("np.rollaxis(a, 2, 0)", T)),
    *one("numpy.transpose", ("np.transpose(a, (1, 2, 0))", T)),
    *one("numpy.imag", ("np.imag((a + 1j * b) ** 2)", V, U)),
    *one("numpy.real", ("np.real(np.exp(a + 1j * b))", V, U)),
    *one("numpy.conjugate", ("np.imag(np.conjugate(a + 1j * b) * (b + 1j * a * a))", V, U)),
    *one("numpy.angle", ("np.angle(a + 1j * b)", V, U)),
    *one("numpy.absolute", ("np.abs(a + 1j * b)", V, U)),
    *one("numpy.where", ("np.where(a > 0.1, a, b)", V, U), ("np.where(a > b, 1.0, a * b)", M, N)),
    *one("numpy.cross", ("np.cross(a, b)", X3, Y3), ("np.cross(a, b)", X3[0], Y3[1])),
    *one("numpy.linspace", ("np.linspace(a, b, 5)", S, S2)),
    *one("numpy.diff", ("np.diff(a)", V), ("np.diff(a, 2, axis=1)", M)),
    *one("numpy.gradient", ("np.gradient(a)", V)),
    *one("numpy.repeat", ("np.repeat(a, 3)", V), ("np.repeat(a, 2, axis=1)", M)),
    *one("numpy.tile", ("np.tile(a, 3)", V), ("np.tile(a, (2, 2))", M)),
    *one("numpy.kron", ("np.kron(a, b)", M, X3)),
    *one("numpy.broadcast_to", ("np.broadcast_to(a[:1], (3, 4))", M)),
    *one("numpy.inner", ("np.inner(a, b)", M, N), ("np.inner(a, b)", V, U)),
    *one("numpy.matmul", ("np.matmul(a, b)", M, R3), ("a @ b", M, N[0]), ("a @ b", T, R3)),
    *one("numpy.dot", ("np.dot(a, b)", V, U), ("np.dot(a, b)", M, R3), ("np.dot(a, b)", T, R3)),
    *one("numpy.tensordot", ("np.tensordot(a, b, 1)", M, R3)),
    *one("numpy.tensordot", ("np.tensordot(a, b, axes=([0, 1], [1, 0]))", M, R3)),
    *one("numpy.outer", ("np.outer(a, b)", V, U)),
    *one("numpy.sort", ("np.sort(a)", V)),
    *one("numpy.partition", ("np.partition(a, 2)[2]", V)),
    *one("numpy.atleast_1d", ("np.atleast_1d(a)", S)),
    *one("numpy.atleast_2d", ("np.atleast_2d(a)", V)),
    *one("numpy.atleast_3d", ("np.atleast_3d(a)", M)),
    *one("numpy.einsum", ("np.einsum('ij,jk->ik', a, b)", M, R3), ("np.einsum('ij->j', a)", C)),
    *one("numpy.einsum", ("np.einsum('kij,jl,l->ki', a, b, c)", T, R3, X3[0])),
    *one(
        "numpy.pad",
        ("np.pad(a, 2, mode='constant')", V),
        ("np.pad(a, ((1, 0), (2, 1)), mode='constant')", M),
    ),
    *each("np.real(np.fft.F(a) * (0.3 + 0.8j))", "numpy.fft.fft numpy.fft.ifft", F),
    *each("np.real(np.fft.F(a + 1j * b) * (0.3 + 0.8j))", "numpy.fft.fft numpy.fft.ifft", F, H),
    *each("np.real(np.fft.F(a) * (0.3 + 0.8j))", "numpy.fft.rfft", F),
    *each("np.fft.F(a + 1j * b)", "numpy.fft.irfft", F, H),
    *each("np.real(np.fft.F(a + 1j * b) * (0.3 + 0.8j))", "numpy.fft.fft2 numpy.fft.ifft2", F2, H2),
    *each("np.real(np.fft.F(a + 1j * b) * (0.3 + 0.8j))", "numpy.fft.fftn numpy.fft.ifftn", F3, H3),
    *each("np.real(np.fft.F(a) * (0.3 + 0.8j))", "numpy.fft.rfft2", F2),
    *each("np.real(np.fft.F(a) * (0.3 + 0.8j))", "numpy.fft.rfftn", F3),
    *each("np.fft.F(a + 1j * b)", "numpy.fft.irfft2", F2, H2),
    *each("np.fft.F(a + 1j * b)", "numpy.fft.irfftn", F3, H3),
    *each("np.fft.F(a)", "numpy.fft.fftshift numpy.fft.ifftshift", V),
    *one("numpy.linalg.det", ("np.linalg.det(a)", C)),
    *one("numpy.linalg.slogdet", ("np.linalg.slogdet(a)[1]", C)),
    *one("numpy.linalg.inv", ("np.linalg.inv(a)", C)),
    *one("numpy.linalg.pinv", ("np.linalg.pinv(a)", M), ("np.linalg.pinv(a)", R3)),
    *one("numpy.linalg.solve", ("np.linalg.solve(a, b)", C, D), ("np.linalg.solve(a, b)", C, D[0])),
    *one("numpy.linalg.norm", ("np.linalg.norm(a)", V), ("np.linalg.norm(a, axis=1)", M)),
    *one("numpy.linalg.norm", ("np.linalg.norm(a, 'nuc')", M), ("np.linalg.norm(a, 3)", V)),
    *one("numpy.linalg.eigh", ("np.linalg.eigh(a @ a.T)[0]", C)),
    *one("numpy.linalg.eigh", ("np.linalg.eigh(a @ a.T)[1] ** 2", C)),
    *one("numpy.linalg.eig", ("np.real(np.linalg.eig(a + a.T)[0] ** 2)", C)),
    *one("numpy.linalg.cholesky", ("np.linalg.cholesky(a @ a.T + np.eye(4))", C)),
    *one("numpy.linalg.svd", ("np.linalg.svd(a, full_matrices=False)[1]", M)),
    *one("numpy.linalg.svd", ("np.linalg.svd(a, full_matrices=False)[0] ** 2", M)),
    *one(
        "scipy.linalg.solve_triangular", ("scipy.linalg.solve_triangular(a, b, lower=True)", C, D)
    ),
    *one("scipy.linalg.solve_banded", ("scipy.linalg.solve_banded((1, 1), a, b)", M + 3.0, N[0])),
    *each("special.F(a)", "special.gamma special.gammaln special.rgamma special.psi", G),
    *each("special.F(a)", "special.j0 special.j1 special.y0 special.y1 special.i0 special.i1", G),
    *each("special.F(a)", "special.erf special.erfc special.erfinv special.erfcinv", P),
    *each("special.F(a)", "special.logit special.expit", P),
    *each("special.F(a, b)", "special.beta special.betaln", G, P),
    *each("special.F(2.5, a)", "special.gammainc special.gammaincc special.iv", G),
    *one("special.jv", ("special.jn(2.5, a)", G)),
    *each("special.F(2.5, a)", "special.ive", G),
    *one("special.yn", ("special.yn(2, a)", G)),
    *one("special.polygamma", ("special.polygamma(1, a)", G)),
    *one(
        "special.multigammaln",
        ("special.multigammaln(a, 3)", S + 2.0),
        ("special.multigammaln(a, 2)", G),
    ),
    *one("special.betainc", ("special.betainc(1.4, 2.2, a)", P)),
    *one("special.logsumexp", ("special.logsumexp(a)", V), ("special.logsumexp(a, axis=1)", M)),
    *one("numpy.astype", ("a.astype(float) * a", V)),
    *one("autograd.numpy.numpy_wrapper.concatenate_args", ("np.concatenate((a, b))", V, U)),
    *one("autograd.numpy.numpy_wrapper.concatenate_args", ("np.vstack((a, b))", V, U)),
    *one("autograd.numpy.numpy_wrapper.array_from_args", ("np.array([a, b, a * b])", S, S2)),
    *one("autograd.numpy.numpy_boxes.__getitem__", ("a[1:, ::-2]", M), ("a[[0, 2, 2]]", V)),
]

OWN = "autograd's own machinery, not a function of NumPy or SciPy"
OBJECT = (
    "a method of a distribution, which is an object: write the formula, as autograd's rule does"
)

DENSITIES = ("cdf", "logpdf", "pdf")

REASONS = {
    "autograd.builtins._make_dict": OWN,
    "autograd.builtins.container_take": OWN,
    "autograd.builtins.container_untake": OWN,
    "autograd.builtins.make_sequence": OWN,
    "autograd.builtins.sequence_extend_left": OWN,
    "autograd.builtins.sequence_extend_right": OWN,
    "autograd.core.add": OWN,
    "autograd.core.covector": OWN,
    "autograd.core.inner_prod": OWN,
    "autograd.core.mut_add": OWN,
    "autograd.core.scalar_mul": OWN,
    "autograd.core.sparse_add": OWN,
    "autograd.numpy.fft.truncate_pad": OWN,
    "autograd.numpy.numpy_vjps.dot_adjoint_0": OWN,
    "autograd.numpy.numpy_vjps.dot_adjoint_1": OWN,
    "autograd.numpy.numpy_vjps.tensordot_adjoint_0": OWN,
    "autograd.numpy.numpy_vjps.tensordot_adjoint_1": OWN,
    "autograd.numpy.numpy_vjps.untake": OWN,
    "autograd.numpy.numpy_wrapper._array_from_scalar_or_array": OWN,
    "autograd.numpy.numpy_wrapper.make_diagonal": OWN,
    "autograd.scipy.signal.convolve": "autograd's own, with axes; np.convolve has a rule",
    "integrate.odeint": "an adaptive solver; write the steps in a loop",
    "numpy.real_if_close": "the type of its result depends on values, which Numba cannot compile",
    "scipy.linalg.sqrtm": "no rule yet; for symmetric matrices np.linalg.eigh",
    "scipy.linalg.solve_sylvester": "no rule yet; np.linalg.solve with np.kron",
    "special.gammasgn": "piecewise constant; no rule yet",
    **dict.fromkeys(
        (
            *(f"stats.{d}.{f}" for d in ("beta", "chi2", "gamma", "t") for f in DENSITIES),
            *(f"stats.norm.{f}" for f in (*DENSITIES, "logcdf", "logsf", "sf")),
            *(f"stats.poisson.{f}" for f in ("cdf", "logpmf", "pmf")),
            *(f"stats.multivariate_normal.{f}" for f in ("entropy", "logpdf", "pdf")),
            "stats.t.logcdf",
            "stats.dirichlet.logpdf",
            "stats.dirichlet.pdf",
        ),
        OBJECT,
    ),
}


def registered() -> set[str]:
    """The functions with a reverse rule in autograd, by module (or distribution) and name."""

    def name(primitive: Any) -> str:
        function = primitive.fun
        owner = getattr(function, "__self__", None)
        if hasattr(owner, "_parse_args") or type(owner).__module__.startswith("scipy.stats"):
            kind = type(owner).__name__.removesuffix("_gen")
            return f"stats.{kind}.{function.__name__}"
        if isinstance(function, np.ufunc):
            home = "numpy" if getattr(np, function.__name__, None) is function else "special"
            return f"{home}.{function.__name__}"
        module = function.__module__
        for public in ("integrate", "linalg", "special"):
            if module.startswith(f"scipy.{public}."):
                return f"{'scipy.' if public == 'linalg' else ''}{public}.{function.__name__}"
        return f"{module}.{function.__name__}"

    return {name(primitive) for primitive in primitive_vjps}


def in_autograd(k: int) -> Callable[..., Any]:
    """A row as autograd reads it."""
    _, text, inputs = ROWS[k]
    names = {"np": anp, "special": autograd.scipy.special, "scipy": autograd.scipy}
    return eval(f"lambda {', '.join('abc'[: len(inputs)])}: {text}", names)


def number(k: int) -> bool:
    """Whether a row's value is a number, which needs no sum."""
    return np.ndim(in_autograd(k)(*ROWS[k][2])) == 0


def write(folder: Path) -> ModuleType:
    """A module with a function for each row, as srcad reads it."""
    lines = ["import numpy as np", "import scipy.linalg", "from scipy import special", ""]
    for k, (_, text, inputs) in enumerate(ROWS):
        arguments = ", ".join("abc"[: len(inputs)])
        total = "" if number(k) else "np.sum"
        lines += [f"def row_{k}({arguments}, w):", f"    return {total}(w * ({text}))", ""]
    path = folder / "against_autograd.py"
    path.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return write(tmp_path_factory.mktemp("autograd"))


@pytest.mark.parametrize(
    "k", [pytest.param(k, id=f"{name}-{k}") for k, (name, _, _) in enumerate(ROWS)]
)
def test_same_gradient(k: int, module: ModuleType):
    _, _, inputs = ROWS[k]
    theirs = in_autograd(k)
    weights = np.random.default_rng(k).uniform(0.5, 1.5, np.shape(theirs(*inputs)))
    count = tuple(range(len(inputs)))
    wanted = autograd.grad(lambda *args: anp.sum(weights * theirs(*args)), count)(*inputs)
    w = weights if weights.ndim else float(weights)
    found = srcad.grad(getattr(module, f"row_{k}"), wrt=count, jit=False)(*inputs, w)
    for f, g in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, g, rtol=1e-9, atol=1e-11)
    assert any(np.any(np.asarray(g) != 0.0) for g in wanted)


def test_every_function_is_a_row_or_has_a_reason():
    rows = {name for name, _, _ in ROWS}
    assert not rows & set(REASONS)
    assert rows | set(REASONS) == registered()
