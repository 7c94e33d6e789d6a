"""A pullback and its pushforward are adjoint, and the pushforward is the derivative.

The texts of the rules are run as plain Python, with a ``d`` that holds arrays, so that the compiler
has no part in it: ``Re<d[y], J v> == Re<d[a], v>`` for random numbers, and J against central
differences of the function, or, where LAPACK's choice of signs or phases is not smooth, against
the equations that the result satisfies.
"""

from inspect import signature
from types import FunctionType

import numpy as np
import pytest
from scipy import fft, integrate, linalg, sparse, special  # noqa: F401 (their tables are read)

from srcad.rules import linalg as lapack
from srcad.rules import registry, scipy_factors
from srcad.rules import sparse as superlu
from srcad.rules.library import all_rules

all_rules()
RULES = {
    function: rule
    for function, rule in registry._calls.items()
    if rule.pullback is not None and rule.pullback.__module__.startswith("srcad.rules.")
}
INTEGER = {np.linalg.matrix_rank}
"""Functions whose result has no tangent."""


class Adjoints:
    """``d`` of a rule that Python runs: what belongs to an object, by its identity."""

    def __init__(self, entries):
        self.entries = {id(of): value for of, value in entries}

    def __getitem__(self, of):
        return self.entries[id(of)]

    def __setitem__(self, of, value):
        assert id(of) in self.entries
        self.entries[id(of)] = value


def run(rule, d, *args):
    space = dict(rule.__globals__) | {"d": d}
    FunctionType(rule.__code__, space, "rule", rule.__defaults__)(*args)


# ---------------------------------------------------------------- arguments


def draw(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype is complex else x).astype(dtype)


def square(rng, dtype):
    return (draw(rng, (4, 4), dtype) + np.diag([1.0, 2.0, 3.0, 4.0]),)


def hermitian(rng, dtype):
    (a,) = square(rng, dtype)
    return (a + a.conj().T,)


def positive(rng, dtype):
    (a,) = square(rng, dtype)
    return (a @ a.conj().T + np.eye(4),)


def tall(rng, dtype):
    return (draw(rng, (5, 3), dtype),)


def wide(rng, dtype):
    return (draw(rng, (3, 5), dtype),)


def singular(rng, dtype):
    (a,) = square(rng, dtype)
    a[0] = a[1] + a[2]
    return (a,)


def system(rng, dtype):
    return *square(rng, dtype), draw(rng, 4, dtype)


def systems(rng, dtype):
    return *square(rng, dtype), draw(rng, (4, 3), dtype)


def sparse_system(shape):
    def make(rng, dtype):
        (a,) = square(rng, dtype)
        a = sparse.csr_array(a * (rng.random((4, 4)) < 0.6) + 3.0 * np.eye(4))
        return a.data, a.indices, a.indptr, draw(rng, shape, dtype)

    return make


def signal(shape):
    return lambda rng, dtype: (draw(rng, shape, dtype),)


CASES = {
    np.linalg.inv: [square],
    np.linalg.solve: [system],
    lapack.solve_columns: [systems],
    np.linalg.det: [square, singular],
    lapack.cofactors: [square, singular],
    np.linalg.slogdet: [square],
    np.linalg.cholesky: [positive],
    np.linalg.qr: [square, tall, wide],
    lapack.thin_svd: [square, tall, wide],
    np.linalg.eigh: [hermitian],
    np.linalg.eigvalsh: [hermitian],
    lapack.complex_eig: [square],
    np.linalg.pinv: [square, tall, wide],
    scipy_factors.factored: [square],
    scipy_factors.exponential: [square, lambda rng, t: (5.0 * square(rng, t)[0],)],
    superlu.solve_rows: [sparse_system(4)],
    superlu.solve_columns: [sparse_system(4)],
    superlu.solve_rows_many: [sparse_system((4, 2))],
    superlu.solve_columns_many: [sparse_system((4, 2))],
}
COMPLEX_ONLY = {lapack.complex_eig}
ROWS = [
    pytest.param(f, make, dtype, id=f"{RULES[f].name or f.__name__}-{k}-{dtype.__name__}")
    for f, makers in CASES.items()
    for k, make in enumerate(makers)
    for dtype in (float, complex)
    if dtype is complex or f not in COMPLEX_ONLY
]


def test_every_pullback_has_a_pushforward_and_a_row():
    assert len(RULES) > 20
    for function, rule in RULES.items():
        if function in INTEGER or rule.is_linear:
            continue
        assert rule.pushforward is not None, rule.name
        assert function in CASES, rule.name
        ahead, back = rule.pushforward, rule.pullback
        assert signature(ahead) == signature(back), rule.name


def is_float(x):
    return np.asarray(x).dtype.kind in "fc"


def parts(y):
    return tuple(y) if isinstance(y, tuple) else (y,)


def like(rng, y):
    """Random numbers of the shape and kind of a result."""
    drawn = tuple(
        draw(rng, np.shape(p), complex if np.iscomplexobj(p) else float) if is_float(p) else None
        for p in parts(y)
    )
    return drawn if isinstance(y, tuple) else drawn[0]


def inner(a, b):
    pairs = zip(parts(a), parts(b), strict=True)
    return sum(np.vdot(p, q).real for p, q in pairs if p is not None)


def forward(function, y, args, tangents):
    """J v, by the pushforward."""
    pairs = [(a, t) for a, t in zip(args, tangents, strict=True) if t is not None]
    d = Adjoints([*pairs, (y, None)])
    run(RULES[function].pushforward, d, y, *args)
    return d[y]


@pytest.mark.parametrize(("function", "make", "dtype"), ROWS)
def test_adjoint(function, make, dtype):
    rng = np.random.default_rng(11)
    args = make(rng, dtype)
    tangents = [draw(rng, a.shape, dtype) if is_float(a) else None for a in args]
    y = function(*args)
    seed = like(rng, y)
    back = Adjoints([*((a, np.zeros_like(a)) for a in args if is_float(a)), (y, seed)])
    run(RULES[function].pullback, back, y, *args)
    found = forward(function, y, args, tangents)
    left = inner(seed, found)
    right = sum(
        np.vdot(back[a], t).real for a, t in zip(args, tangents, strict=True) if t is not None
    )
    assert left == pytest.approx(right, rel=1e-9)
    assert abs(left) > 1e-6


@pytest.mark.parametrize(("function", "make", "dtype"), ROWS)
def test_pushforward_is_the_derivative(function, make, dtype):
    rng = np.random.default_rng(12)
    args = make(rng, dtype)
    tangents = [draw(rng, a.shape, dtype) if is_float(a) else None for a in args]
    y = function(*args)
    found = forward(function, y, args, tangents)
    if dtype is complex and function in EQUATIONS:
        for row in EQUATIONS[function](args[0], tangents[0], y, found):
            np.testing.assert_allclose(row, np.zeros_like(row), atol=1e-10)
        return
    step = 1e-6 / max(1.0, np.abs(args[0]).max() / 10.0)

    def moved(sign):
        pairs = zip(args, tangents, strict=True)
        return parts(function(*(a if t is None else a + sign * step * t for a, t in pairs)))

    for got, high, low in zip(parts(found), moved(1.0), moved(-1.0), strict=True):
        if not is_float(high):
            assert np.array_equal(high, low)
            continue
        expected = (high - low) / (2.0 * step)
        size = max(1.0, np.max(np.abs(expected)))
        np.testing.assert_allclose(np.asarray(got) / size, expected / size, atol=2e-7)


def of_svd(a, da, y, dy):
    (u, s, vh), (du, ds, dvh) = y, dy
    yield (du * s) @ vh + (u * ds) @ vh + (u * s) @ dvh - da
    yield u.conj().T @ du + du.conj().T @ u
    yield vh @ dvh.conj().T + dvh @ vh.conj().T
    yield np.imag(ds)


def of_eigh(a, da, y, dy):
    (w, v), (dw, dv) = y, dy
    low = np.tril(da, -1)
    full = low + low.conj().T + np.diag(np.real(np.diag(da)))
    yield full @ v + a @ dv - dv * w - v * dw
    yield v.conj().T @ dv + dv.conj().T @ v


def of_eig(a, da, y, dy):
    (w, v), (dw, dv) = y, dy
    yield da @ v + a @ dv - dv * w - v * dw
    yield np.real(np.sum(v.conj() * dv, axis=0))


EQUATIONS = {lapack.thin_svd: of_svd, np.linalg.eigh: of_eigh, lapack.complex_eig: of_eig}
"""What the tangents satisfy, for results that are fixed but for phases."""


@pytest.mark.parametrize(
    "function", [f for f, r in RULES.items() if r.is_linear], ids=lambda f: f.__name__
)
def test_linear(function):
    """A linear function is its own pushforward."""
    rng = np.random.default_rng(13)
    rule = RULES[function]
    dims = rule.signature.arguments[0]
    shape = (3, 6)[-len(dims) :]
    is_real = function.__name__.startswith("rfft")
    v = draw(rng, shape, float if is_real else complex)
    extra = (
        [2 * shape[-1] - 2 + k for k in range(2)] if len(rule.signature.arguments) > 1 else [None]
    )
    for n in extra:
        more = () if n is None else (n,)
        a = np.zeros_like(v)
        y = function(a, *more)
        seed = like(rng, y)
        back = Adjoints([(a, np.zeros_like(a)), (y, seed)])
        run(rule.pullback, back, y, a, *more)
        found = function(v, *more)
        assert inner(seed, found) == pytest.approx(np.vdot(back[a], v).real, rel=1e-11)
        np.testing.assert_allclose(function(2.5 * v, *more), 2.5 * found, rtol=1e-11, atol=1e-12)
