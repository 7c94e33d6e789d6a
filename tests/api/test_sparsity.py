"""Sparse Jacobians and Hessians: patterns found, given, remembered and refused."""

import math

import numpy as np
import pytest
from scipy import sparse

import srcad
from srcad import sparsity
from srcad.errors import ArgumentError, ArgumentValueError, UnsupportedError
from srcad.specialise import Variant


def tridiagonal(x):
    y = np.zeros_like(x)
    n = len(x)
    for i in range(1, n - 1):
        y[i] = x[i - 1] - 2.0 * x[i] * x[i] + math.sin(x[i + 1])
    y[0] = x[0] * x[1]
    y[n - 1] = x[n - 1] * x[n - 2]
    return y


def tridiagonal_exactly(x):
    n = len(x)
    main = -4.0 * x
    main[0], main[-1] = x[1], x[-2]
    low, high = np.ones(n - 1), np.cos(x[1:])
    high[0], low[-1] = x[0], x[-1]
    return sparse.diags_array([low, main, high], offsets=[-1, 0, 1]).toarray()


def chained(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def chained_exactly(x):
    n = len(x)
    main = np.zeros(n)
    main[:-1] += 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    main[1:] += 200.0
    side = -400.0 * x[:-1]
    return sparse.diags_array([side, main, side], offsets=[-1, 0, 1]).toarray()


X = np.linspace(-0.9, 1.3, 9)


@pytest.fixture
def runs(monkeypatch):
    """The kinds of the programs that run, once for each lane."""
    found = []
    run = Variant.run

    def spy(self, leaves, *args):
        found.extend([self.kind] * (leaves[-1].shape[-1] if self.program.lanes else 1))
        return run(self, leaves, *args)

    monkeypatch.setattr(Variant, "run", spy)
    return found


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("mode", "kind"), [("fwd", "jvp"), ("rev", "vjp"), ("auto", "jvp")])
def test_three_sweeps(mode, kind, jit, runs):
    f = srcad.jacobian(tridiagonal, mode=mode, sparsity="detect", jit=jit)
    found = f(X)
    assert sparse.issparse(found)
    assert found.format == "csr"
    assert found.has_canonical_format
    np.testing.assert_allclose(found.toarray(), tridiagonal_exactly(X), rtol=1e-14)
    assert runs.count(kind) == 3
    assert found.nnz == 3 * len(X) - 2


@pytest.mark.parametrize("jit", [False, True])
def test_hessian_in_three_products(jit, runs):
    found = srcad.hessian(chained, sparsity="detect", jit=jit)(X)
    np.testing.assert_allclose(found.toarray(), chained_exactly(X), rtol=1e-13)
    assert runs.count("hvp") == 3
    assert abs(found - found.T).max() <= 1e-10 * abs(found).max()


def test_a_large_tridiagonal_one(runs):
    x = np.linspace(0.1, 2.0, 100_000)
    found = srcad.jacobian(tridiagonal, sparsity="detect")(x)
    assert runs.count("jvp") == 3
    assert found.nnz == 3 * len(x) - 2
    np.testing.assert_allclose(found.diagonal(1)[1:], np.cos(x[2:]), rtol=1e-14)
    np.testing.assert_allclose(found.diagonal()[1:-1], -4.0 * x[1:-1], rtol=1e-14)


def test_an_arrow_takes_two_products(runs):
    def f(x):
        return np.sum(x * x) + x[0] * np.sum(np.sin(x))

    x = np.linspace(0.1, 1.0, 300)
    found = srcad.hessian(f, sparsity="detect", jit=False)(x)
    assert runs.count("hvp") == 2
    wanted = np.diag(2.0 - x[0] * np.sin(x))
    wanted[0] += np.cos(x)
    wanted[:, 0] += np.cos(x)
    np.testing.assert_allclose(found.toarray(), wanted, rtol=1e-13)


def test_rows_are_fewer(runs):
    """A sum and a few single outputs: row by row."""

    def f(x):
        return np.array([np.sum(x * x), x[0], x[1] * x[2]])

    found = srcad.jacobian(f, sparsity="detect", jit=False)(X)
    assert runs.count("vjp") == 2
    wanted = np.zeros((3, len(X)))
    wanted[0], wanted[1, 0], wanted[2, 1:3] = 2.0 * X, 1.0, X[2:0:-1]
    np.testing.assert_allclose(found.toarray(), wanted)
    assert found.nnz == len(X) + 3


def test_detection_is_linear():
    """As many unions as the program has operations, however many inputs a sum has."""
    for f in (tridiagonal, chained, lambda x: np.cumsum(x) * x[0]):
        counts = []
        for n in (200, 400):
            jacobian = srcad.jacobian(f, sparsity="detect", jit=False)
            jacobian.pattern(np.linspace(0.0, 1.0, n))
            (used,) = jacobian._detector._lengths.values()
            counts.append(used)
        assert counts[1] == pytest.approx(2 * counts[0], rel=0.05)
        assert counts[1] < 6 * 400


# -------------------------------------------------------------------- what the pattern hangs on


def test_a_pattern_by_shape_is_found_once(runs):
    f = srcad.jacobian(tridiagonal, sparsity="detect", jit=False)
    for x in (X, X + 1.0):
        np.testing.assert_allclose(f(x).toarray(), tridiagonal_exactly(x), rtol=1e-14)
    assert runs.count("pattern") <= 2  # the table is too short at first
    before = runs.count("pattern")
    f(X[:5])
    assert runs.count("pattern") > before


def test_a_pattern_that_hangs_on_values_is_found_at_each_call():
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            if x[i] > 0.0:
                y[i] = x[i] * x[0]
            else:
                y[i] = x[i] * x[-1]
        return y

    jacobian = srcad.jacobian(f, sparsity="detect", jit=False)
    for x in (np.array([1.0, -2.0, 3.0, 4.0]), np.array([-1.0, 2.0, -3.0, 4.0])):
        wanted = np.diag(np.where(x > 0.0, x[0], x[-1]))
        wanted[:, 0] += np.where(x > 0.0, x, 0.0)
        wanted[:, -1] += np.where(x > 0.0, 0.0, x)
        np.testing.assert_allclose(jacobian(x).toarray(), wanted)


def test_a_pattern_that_hangs_on_integers(runs):
    def f(x, k, places):
        return x * x[places] + np.roll(x, k)

    jacobian = srcad.jacobian(f, sparsity="detect", jit=False)
    dense = srcad.jacobian(f, jit=False)
    x = np.array([1.0, 2.0, 3.0, 4.0])
    for k, places in ((1, [0, 1, 2, 3]), (2, [0, 1, 2, 3]), (2, [3, 3, 0, 0]), (2, [3, 3, 0, 0])):
        args = x, k, np.array(places)
        np.testing.assert_allclose(jacobian(*args).toarray(), dense(*args))
    count = runs.count("pattern")
    jacobian(*args)
    assert runs.count("pattern") == count


SHIFT = 1


def shifted(x):
    return x * np.roll(x, SHIFT)


def test_a_pattern_that_hangs_on_captured_values(monkeypatch):
    jacobian, dense = (srcad.jacobian(shifted, sparsity=s, jit=False) for s in ("detect", None))
    for shift in (1, 2, 0):
        monkeypatch.setitem(globals(), "SHIFT", shift)
        np.testing.assert_allclose(jacobian(X).toarray(), dense(X))


def test_random_branches():
    """Detection and sweeps see the same numbers, and the stream moves on once."""

    def f(x):
        return x * np.where(np.random.random(len(x)) < 0.5, x[0], x[1])

    jacobian = srcad.jacobian(f, sparsity="detect", jit=False)
    for seed in range(5):
        np.random.seed(seed)
        draws = np.random.random(len(X))
        wanted = np.diag(np.where(draws < 0.5, X[0], X[1]))
        wanted[:, 0] += np.where(draws < 0.5, X, 0.0)
        wanted[:, 1] += np.where(draws < 0.5, 0.0, X)
        np.random.seed(seed)
        np.testing.assert_allclose(jacobian(X).toarray(), wanted)
        after = np.random.random()
        np.random.seed(seed)
        np.random.random(len(X))
        assert np.random.random() == after


# -------------------------------------------------------------------- patterns that are given


@pytest.mark.parametrize("mode", ["fwd", "rev", "auto"])
@pytest.mark.parametrize(
    "given",
    [lambda p: p, lambda p: p.toarray(), lambda p: p.tocoo(), lambda p: sparse.csc_matrix(p)],
)
def test_given(mode, given):
    pattern = srcad.jacobian(tridiagonal, jit=False).pattern(X)
    assert pattern.dtype == np.bool_
    assert np.array_equal(pattern.toarray(), tridiagonal_exactly(X) != 0.0)
    f = srcad.jacobian(tridiagonal, mode=mode, sparsity=given(pattern), jit=False)
    np.testing.assert_allclose(f(X).toarray(), tridiagonal_exactly(X), rtol=1e-14)


def test_stored_zeros_are_entries():
    """The Jacobian found at one point is a pattern, though an entry happens to be zero there."""
    first = srcad.jacobian(tridiagonal, sparsity="detect", jit=False)(0.0 * X)
    f = srcad.jacobian(tridiagonal, sparsity=first, jit=False)
    np.testing.assert_allclose(f(X).toarray(), tridiagonal_exactly(X), rtol=1e-14)


@pytest.mark.parametrize("mode", ["fwd", "rev"])
@pytest.mark.parametrize("single", [False, True])
def test_an_entry_that_is_missing_is_noticed(mode, single):
    """Each of them, whether it is added to another or lost."""
    x = X.astype(np.float32) if single else X
    dense = tridiagonal_exactly(X) != 0.0
    for i, j in zip(*np.nonzero(dense), strict=True):
        if tridiagonal_exactly(X)[i, j] == 0.0 or abs(tridiagonal_exactly(X)[i, j]) < 0.02:
            continue
        lacking = dense.copy()
        lacking[i, j] = False
        f = srcad.jacobian(tridiagonal, mode=mode, sparsity=lacking, jit=False)
        with pytest.raises(ArgumentValueError, match="lacks entries"):
            f(x)


def test_a_hessian_entry_that_is_missing_is_noticed():
    pattern = srcad.hessian(chained, jit=False).pattern(X).toarray()
    assert np.array_equal(pattern, pattern.T)
    half = np.triu(pattern)
    f = srcad.hessian(chained, sparsity=half, jit=False)  # the mirror image is implied
    np.testing.assert_allclose(f(X).toarray(), chained_exactly(X), rtol=1e-13)
    half[3, 4] = False
    with pytest.raises(ArgumentValueError, match="lacks entries"):
        srcad.hessian(chained, sparsity=half, jit=False)(X)
    with pytest.raises(ArgumentValueError, match="lacks entries"):
        srcad.hessian(chained, sparsity=np.zeros((9, 9)), jit=False)(X)


def test_infinite_entries_are_no_complaint():
    def f(x):
        return np.sqrt(x) + np.roll(x, 1)

    pattern = srcad.jacobian(f, jit=False).pattern(X)
    x = np.abs(X)
    x[3] = 0.0
    found = srcad.jacobian(f, sparsity=pattern, jit=False)(x).toarray()
    assert np.isposinf(found[3, 3])
    assert np.isfinite(np.delete(found.ravel(), 3 * 9 + 3)).all()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("all", ArgumentError, "'detect'"),
        ([[True]], ArgumentError, "boolean array"),
        (np.ones(9, bool), ArgumentValueError, "2 axes"),
        (np.ones((9, 8), bool), ArgumentValueError, r"shape \(9, 8\)"),
        (np.ones((8, 9), bool), ArgumentValueError, r"shape \(8, 9\)"),
        (np.zeros((8, 9), bool), ArgumentValueError, r"shape \(8, 9\)"),
        (np.ones((8, 8), bool), ArgumentValueError, "9 inputs"),
    ],
)
def test_refused(given, error, message):
    with pytest.raises(error, match=message):
        srcad.jacobian(tridiagonal, sparsity=given, jit=False)(X)
    with pytest.raises(error, match=message):
        srcad.hessian(chained, sparsity=given, jit=False)(X)


def test_too_many_sets(monkeypatch):
    monkeypatch.setattr(sparsity, "_SETS", 1000)
    with pytest.raises(ArgumentValueError, match="sets of inputs, which are too many"):
        srcad.jacobian(lambda x: np.cumsum(x), sparsity="detect", jit=False)(np.ones(1500))


# -------------------------------------------------------------------- blocks, kinds, rules


def test_blocks():
    """Each pair of an output and an argument has a matrix, by all numbers of both."""

    def f(m, k, p):
        return {"rows": m * k, "total": np.sum(m[0] * p["v"]), "n": 3}

    m, p = np.arange(1.0, 7.0).reshape(2, 3), {"v": np.array([1.0, 2.0, 3.0])}
    for mode in ("fwd", "rev"):
        by_m, by_k, by_p = srcad.jacobian(
            f, wrt=(0, 1, "p"), mode=mode, sparsity="detect", jit=False
        )(m, 2.0, p)
        np.testing.assert_array_equal(by_m["rows"].toarray(), 2.0 * np.eye(6))
        assert by_m["rows"].nnz == 6
        np.testing.assert_array_equal(by_m["total"].toarray(), [[1.0, 2.0, 3.0, 0.0, 0.0, 0.0]])
        assert by_m["n"] is None
        np.testing.assert_array_equal(by_k["rows"].toarray(), m.reshape(6, 1))
        assert (by_k["total"].shape, by_k["total"].nnz) == ((1, 1), 0)
        np.testing.assert_array_equal(by_p["total"]["v"].toarray(), [[1.0, 2.0, 3.0]])


def test_hessian_blocks():
    def f(x, k):
        return np.sum(x[1:] * x[:-1] ** 2) * k

    (xx, xk), (kx, kk) = srcad.hessian(f, wrt=(0, 1), sparsity="detect", jit=False)(X, 2.0)
    (dxx, dxk), (_, dkk) = srcad.hessian(f, wrt=(0, 1), jit=False)(X, 2.0)
    np.testing.assert_allclose(xx.toarray(), dxx)
    assert (xk.shape, kx.shape, kk.shape) == ((9, 1), (1, 9), (1, 1))
    np.testing.assert_allclose(xk.toarray().ravel(), dxk)
    np.testing.assert_allclose(kx.toarray().ravel(), dxk)
    assert kk.toarray()[0, 0] == dkk == 0.0


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_kinds(mode):
    """Single precision stays, and complex results have their imaginary parts."""
    found = srcad.jacobian(lambda x: x * x, mode=mode, sparsity="detect", jit=False)(
        X.astype(np.float32)
    )
    assert found.dtype == np.float32
    wave = srcad.jacobian(
        lambda x: (np.exp(1j * x), x[1:] * x[:-1]), mode=mode, sparsity="detect", jit=False
    )
    waves, products = wave(X)
    np.testing.assert_allclose(waves.toarray(), np.diag(1j * np.exp(1j * X)), rtol=1e-14)
    assert products.dtype == np.float64
    wanted = np.eye(8, 9) * X[1:, None] + np.eye(8, 9, 1) * X[:-1, None]
    np.testing.assert_allclose(products.toarray(), wanted, rtol=1e-14)


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_arguments_that_f_writes(mode):
    def step(u, k):
        for _ in range(2):
            u[1:-1] += k * (u[:-2] - 2.0 * u[1:-1] + u[2:])

    f = srcad.jacobian(step, mode=mode, sparsity="detect", outputs="u", jit=False)
    dense = srcad.jacobian(step, outputs="u", jit=False)
    u = X.copy()
    found = f(u, 0.2)
    assert np.array_equal(u, X)
    np.testing.assert_allclose(found.toarray(), dense(u, 0.2), rtol=1e-14)
    assert found.nnz == 2 * 1 + 2 * 4 + 5 * 5


def test_whole_array_calls_are_dense():
    """A product or a factorisation depends on all that it is given; the rest keeps its pattern."""
    a = np.array([[2.0, 0.3, 0.1], [0.2, 3.0, 0.4], [0.0, 0.1, 1.5]])

    def f(x):
        return np.concatenate((a @ x[:3], np.linalg.solve(a, x[3:6]) * x[6:9]))

    found = srcad.jacobian(f, sparsity="detect", jit=False)(X)
    np.testing.assert_allclose(found.toarray(), srcad.jacobian(f, jit=False)(X), rtol=1e-12)
    assert found.nnz == 9 + 3 * 4


def test_products_of_matrices_by_row_and_column():
    def f(m, n):
        return m @ n

    rng = np.random.default_rng(0)
    m, n = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    by_m, by_n = srcad.jacobian(f, wrt=(0, 1), sparsity="detect", jit=False)(m, n)
    dense = srcad.jacobian(f, wrt=(0, 1), jit=False)(m, n)
    np.testing.assert_allclose(by_m.toarray(), dense[0].reshape(6, 12))
    np.testing.assert_allclose(by_n.toarray(), dense[1].reshape(6, 8))
    assert by_m.nnz == 3 * 2 * 4
    assert by_n.nnz == 3 * 2 * 4


def factorial_like(x, n):
    return x if n == 0 else x * factorial_like(x, n - 1)


@pytest.mark.parametrize("jit", [False, True])
def test_recursive_functions(jit):
    """A function that calls itself is taken as a whole."""

    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = factorial_like(x[i], 2)
        return y

    found = srcad.jacobian(f, sparsity="detect", jit=jit)(X)
    assert found.nnz == len(X)
    np.testing.assert_allclose(found.toarray(), np.diag(3.0 * X**2), rtol=1e-14)
    curved = srcad.hessian(lambda x: np.sum(f(x)), sparsity="detect", jit=jit)(X)
    np.testing.assert_allclose(curved.toarray(), np.diag(6.0 * X), rtol=1e-14)


def only_back(x):
    return x**3


@srcad.rule.pullback(only_back)
def _(y, x):
    srcad.rule.d[x] += 3.0 * x * x * srcad.rule.d[y]


def test_a_rule_for_reverse_mode_only():
    def f(x):
        return only_back(x[:2]) * x[2:4]

    jacobian = srcad.jacobian(f, sparsity="detect", jit=False)
    dense = srcad.jacobian(f, mode="rev", jit=False)(X)
    np.testing.assert_allclose(jacobian(X).toarray(), dense, rtol=1e-14)
    with pytest.raises(UnsupportedError, match="reverse mode only"):
        srcad.jacobian(f, mode="fwd", sparsity="detect", jit=False)(X)


def test_nothing_depends_on_anything():
    f = srcad.jacobian(lambda x: np.floor(x) + 1.0, sparsity="detect", jit=False)
    found = f(X)
    assert (found.shape, found.nnz) == ((9, 9), 0)
    assert srcad.hessian(lambda x: np.sum(x), sparsity="detect", jit=False)(X).nnz == 0
    assert f(np.empty(0)).shape == (0, 0)


def test_what_is_returned_is_the_callers():
    """Whatever is done to a matrix, the next one is right."""
    f = srcad.jacobian(tridiagonal, sparsity="detect", jit=False)
    first = f(X)
    first.indices[:] = 0
    first.data[:] = 7.0
    first.indptr[:] = 0
    np.testing.assert_allclose(f(X).toarray(), tridiagonal_exactly(X), rtol=1e-14)
