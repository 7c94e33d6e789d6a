"""`jacobian` and `hessian`: shapes, structures, modes, errors; values against complex step and sympy."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pytest
import sympy

import srcad
from srcad.errors import ArgumentError, ArgumentValueError, UnsupportedError
from tests import oracles

MODES = ("fwd", "rev", "auto")


def columns(f, args, k):
    """The Jacobian of an array function by its argument k, a column at a time by complex step."""
    x = np.asarray(args[k])
    found = []
    for place in np.ndindex(x.shape):
        direction = np.zeros(x.shape)
        direction[place] = 1.0
        directions = [None] * len(args)
        directions[k] = direction if isinstance(args[k], np.ndarray) else float(direction)
        directions = [
            np.zeros(np.shape(a)) if d is None and oracles.is_differentiable(a) else d
            for a, d in zip(args, directions, strict=True)
        ]
        (tangent,) = oracles.tangent(f, args, directions)
        found.append(np.asarray(tangent))
    return np.stack(found, -1).reshape(found[0].shape + x.shape)


def filtered(x, k):
    y = np.zeros(x.shape[0] - 1)
    for i in range(x.shape[0] - 1):
        y[i] = math.sin(k * x[i]) * x[i + 1] ** 2
    return y


def outer(a, b):
    return a[:, None] * np.exp(b)[None, :] + a[0] * b[0]


def norm(x, k):
    return k * np.sqrt(np.sum(x * x))


def curve(t):
    return np.array([math.cos(t), math.sin(t), t * t])


X = np.array([0.3, -1.2, 0.7, 1.9])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("jit", [False, True])
def test_of_arrays(mode, jit):
    found = srcad.jacobian(filtered, mode=mode, jit=jit)(X, 1.3)
    assert found.shape == (3, 4)
    np.testing.assert_allclose(found, columns(filtered, (X, 1.3), 0), rtol=1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_several_arguments(mode):
    a, b = np.array([0.5, -0.7]), np.array([0.1, 0.2, 0.3])
    by_b, by_a = srcad.jacobian(outer, wrt=("b", 0), mode=mode, jit=False)(a, b)
    assert (by_a.shape, by_b.shape) == ((2, 3, 2), (2, 3, 3))
    np.testing.assert_allclose(by_a, columns(outer, (a, b), 0), rtol=1e-13)
    np.testing.assert_allclose(by_b, columns(outer, (a, b), 1), rtol=1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_matrices_in_and_out(mode):
    def f(m, s):
        return s * (m @ m)

    m = np.array([[0.4, -1.1, 0.2], [0.9, 1.4, -0.6], [0.3, 0.5, -0.8]])
    found = srcad.jacobian(f, mode=mode, jit=False)(m, 1.5)
    assert found.shape == (3, 3, 3, 3)
    np.testing.assert_allclose(found, columns(f, (m, 1.5), 0), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("mode", MODES)
def test_numbers(mode):
    """Two numbers give a number; one of them gives the shape of the other."""
    by_x = srcad.jacobian(norm, mode=mode, jit=False)(X, 2.0)
    assert by_x.shape == (4,)
    np.testing.assert_allclose(by_x, 2.0 * X / np.linalg.norm(X), rtol=1e-13)
    by_k = srcad.jacobian(norm, wrt="k", mode=mode, jit=False)(X, 2.0)
    assert type(by_k) is float
    assert by_k == pytest.approx(np.linalg.norm(X), rel=1e-14)
    by_t = srcad.jacobian(curve, mode=mode, jit=False)(0.5)
    assert by_t.shape == (3,)
    np.testing.assert_allclose(by_t, [-math.sin(0.5), math.cos(0.5), 1.0], rtol=1e-14)


class Pair(NamedTuple):
    low: float
    high: np.ndarray


@dataclasses.dataclass
class State:
    u: np.ndarray
    name: str = "heat"
    rate: float = 1.0


@pytest.mark.parametrize("mode", MODES)
def test_structures(mode):
    """The structure of the result, and within it that of the argument."""

    def f(pair, state, n):
        u = state.rate * state.u * pair.low
        return {"u": u, "rest": (np.sum(pair.high) * state.u[0], n)}

    pair, state = Pair(2.0, np.array([1.0, 3.0])), State(np.array([0.5, -0.5, 1.5]), rate=4.0)
    by_pair, by_state = srcad.jacobian(f, wrt=(0, "state"), mode=mode, jit=False)(pair, state, 7)
    assert list(by_pair) == ["u", "rest"]
    assert isinstance(by_pair["u"], Pair)
    np.testing.assert_array_equal(by_pair["u"].low, 4.0 * state.u)
    np.testing.assert_array_equal(by_pair["u"].high, np.zeros((3, 2)))
    first, none = by_pair["rest"]
    assert none is None
    assert first.low == 0.0
    np.testing.assert_array_equal(first.high, [0.5, 0.5])
    assert isinstance(by_state["u"], State)
    assert by_state["u"].name is None
    np.testing.assert_array_equal(by_state["u"].u, 8.0 * np.eye(3))
    np.testing.assert_array_equal(by_state["u"].rate, 2.0 * state.u)
    np.testing.assert_array_equal(by_state["rest"][0].u, [4.0, 0.0, 0.0])
    assert by_state["rest"][0].rate == 0.0


@pytest.mark.parametrize("mode", MODES)
def test_single_precision(mode):
    found = srcad.jacobian(filtered, wrt=(0, 1), mode=mode, jit=False)(
        X.astype(np.float32), np.float32(1.3)
    )
    wanted = [columns(filtered, (X, 1.3), k) for k in (0, 1)]
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == np.float32 or a.dtype == np.float64  # the result of filtered is float64
        np.testing.assert_allclose(a, b, rtol=1e-5)

    def squares(x):
        return x * x

    found = srcad.jacobian(squares, mode=mode, jit=False)(X.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.diag(2.0 * X.astype(np.float32)))


@pytest.mark.parametrize("mode", MODES)
def test_complex_results_of_real_arguments(mode):
    def wave(x):
        return np.exp(1j * x) * x[0]

    found = srcad.jacobian(wave, mode=mode, jit=False)(X)
    wanted = np.diag(1j * np.exp(1j * X) * X[0])
    wanted[:, 0] += np.exp(1j * X)
    assert found.dtype == np.complex128
    np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("mode", MODES)
def test_arguments_that_f_writes(mode):
    def step(u, v, dt):
        v += dt * np.sin(u)
        u += dt * v

    u, v = X.copy(), np.ones(4)
    jacobian = srcad.jacobian(step, wrt=("u", "v"), mode=mode, outputs=("u", "v"), jit=False)
    (uu, vu), (uv, vv) = jacobian(u, v, 0.1)
    assert np.array_equal(u, X)
    slope = np.diag(0.1 * np.cos(X))
    np.testing.assert_allclose(uu, np.eye(4) + 0.1 * slope, rtol=1e-14)
    np.testing.assert_allclose(vu, slope, rtol=1e-14)
    np.testing.assert_allclose(uv, 0.1 * np.eye(4), rtol=1e-14)
    np.testing.assert_allclose(vv, np.eye(4), rtol=1e-14)


def test_layouts():
    """Strides, read-only memory and order do not matter."""
    m = np.arange(1.0, 7.0).reshape(2, 3)
    f = srcad.jacobian(lambda a: a * a[::-1], jit=False)
    wanted = f(m)
    frozen = m.copy()
    frozen.flags.writeable = False
    wide = np.zeros((4, 6))
    wide[::2, ::-2] = m
    for same in (np.asfortranarray(m), frozen, wide[::2, ::-2]):
        np.testing.assert_array_equal(f(same), wanted)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_to_differentiate(mode):
    """No inputs, no outputs."""
    f = srcad.jacobian(lambda x, y: x * y, wrt=0, mode=mode, jit=False)
    assert f(np.empty(0), np.empty(0)).shape == (0, 0)
    g = srcad.jacobian(lambda x, n: np.zeros(n) + 0.0 * np.sum(x), mode=mode, jit=False)
    assert g(np.empty(0), 3).shape == (3, 0)
    assert g(np.ones(2), 0).shape == (0, 2)
    assert srcad.hessian(lambda x: np.sum(x * x), jit=False)(np.empty(0)).shape == (0, 0)


def test_auto_follows_the_shapes():
    tall = srcad.jacobian(lambda x, n: np.zeros(n) + x[0] * x[1], jit=False)
    assert tall(np.ones(2), 5).shape == (5, 2)
    assert "x_d" in tall.source()
    assert tall(np.ones(2), 1).shape == (1, 2)
    assert "seed" in tall.source()
    for inputs, name in ((16, "lanes"), (17, "seed")):  # columns share a run
        assert tall(np.ones(inputs), 4).shape == (4, inputs)
        assert name in tall.source()
    gradient = srcad.jacobian(norm, jit=False)
    np.testing.assert_allclose(gradient(X, 1.0), X / np.linalg.norm(X), rtol=1e-14)
    assert "x_d" not in gradient.source()


def only_back(x):
    return x**3


@srcad.rule.pullback(only_back)
def _(y, x):
    srcad.rule.d[x] += 3.0 * x * x * srcad.rule.d[y]


def test_auto_takes_the_mode_that_there_is():
    """A function with a rule for reverse mode only."""

    def f(x):
        return only_back(x[:2])

    x = np.array([1.0, 2.0, 3.0])
    wanted = [[3.0, 0.0, 0.0], [0.0, 12.0, 0.0]]
    np.testing.assert_allclose(srcad.jacobian(f, jit=False)(x), wanted)
    g = srcad.jacobian(lambda t: only_back(np.array([t, t])), jit=False)
    np.testing.assert_allclose(g(2.0), [12.0, 12.0])
    np.testing.assert_allclose(g(2.0), [12.0, 12.0])
    with pytest.raises(UnsupportedError, match="reverse mode only"):
        srcad.jacobian(f, mode="fwd", jit=False)(x)


@pytest.mark.parametrize("mode", MODES)
def test_random_numbers_are_the_same_in_all_sweeps(mode):
    def noisy(x):
        return x * np.random.normal(0.0, 1.0, 3)

    x = np.array([1.0, 2.0, 3.0])
    np.random.seed(5)
    wanted = np.random.normal(0.0, 1.0, 3)
    later = np.random.normal()
    np.random.seed(5)
    jacobian = srcad.jacobian(noisy, mode=mode, jit=False)
    jacobian.source(x)
    np.testing.assert_array_equal(jacobian(x), np.diag(wanted))
    assert np.random.normal() == later


def test_metadata_and_decorators():
    @srcad.jacobian(mode="rev", jit=False)
    def f(x, k=2.0):
        """Squares."""
        return k * x * x

    @srcad.hessian(wrt="x", jit=False)
    def g(x, k=2.0):
        return k * x**3

    np.testing.assert_array_equal(f(np.array([1.0, 2.0]), k=3.0), [[6.0, 0.0], [0.0, 12.0]])
    assert (f.__name__, f.__doc__) == ("f", "Squares.")
    assert f.primal(2.0) == 8.0
    assert repr(f) == "<srcad.jacobian of f(x, k=2.0), wrt='x'>"
    assert g(1.0) == 12.0
    assert repr(g) == "<srcad.hessian of g(x, k=2.0), wrt='x'>"
    assert f.compile(np.ones(2)) is f
    assert "def f_vjp(x, k, seed" in f.source()


def test_show(capsys):
    srcad.hessian(lambda x: x**3, jit=False).show(1.0)
    assert "_hvp" in capsys.readouterr().out


def test_captured_values_are_read_at_each_call():
    scale = [2.0]
    f = srcad.jacobian(lambda x: scale[0] * x, jit=False)
    assert f(1.0) == 2.0
    scale[0] = 5.0
    assert f(1.0) == 5.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: srcad.jacobian(norm, wrt=2), ArgumentValueError, "out of range"),
        (lambda: srcad.jacobian(norm, mode="both"), ArgumentValueError, "mode must be"),
        (lambda: srcad.jacobian(norm, speed=1), ArgumentError, "no option"),
        (lambda: srcad.jacobian(norm)(np.arange(3), 1.0), ArgumentError, "only floats"),
        (lambda: srcad.jacobian(norm)(X * 1j, 1.0), ArgumentError, "holomorphic"),
        (lambda: srcad.jacobian(lambda x: 3, jit=False)(1.0), ArgumentError, "no derivative"),
        (lambda: srcad.hessian(filtered, jit=False)(X, 1.0), ArgumentError, "one float scalar"),
        (lambda: srcad.hessian(norm)(X * 1j, 1.0), ArgumentError, "holomorphic"),
        (lambda: srcad.jacobian(norm, outputs="z"), ArgumentValueError, "no parameter"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("kind", ["jacobian", "hessian"])
def test_sizes_types_and_functions_that_change_between_calls(kind):
    """A call that is like an earlier one takes a shorter way; it must not be taken by others."""

    def slope(x):
        return np.sin(x)

    def f(x, n):
        y = np.zeros(n)
        for i in range(n):
            y[i] = slope(x[i]) * x[-1]
        return np.sum(y) if kind == "hessian" else y

    made = getattr(srcad, kind)(f, jit=False)

    def expected(x, n):
        if kind == "jacobian":
            return columns(f, (x, n), 0)
        tangents = np.eye(len(x))
        return np.stack([srcad.hvp(f, (x, n), t, jit=False) for t in tangents])

    long, short = np.array([0.3, 0.7, 1.1, 0.2]), np.array([0.5, 0.4])
    for _ in range(2):
        for x, n in ((long, 4), (long, 2), (short, 2), (long[::-1], 4), (long, 0)):
            found = made(x, n)
            np.testing.assert_allclose(found, expected(x, n), rtol=1e-12, atol=1e-14)
    single = made(long.astype(np.float32), 4)
    np.testing.assert_allclose(single, expected(long, 4), rtol=1e-5, atol=1e-6)
    with pytest.raises(ArgumentError, match="int64 array"):
        made(np.arange(4), 4)
    with pytest.raises(ArgumentError, match="positional argument"):
        made(long, 4, 5)

    def slope(x):  # noqa: F811 (what f captures is another function now)
        return x * x * x

    np.testing.assert_allclose(made(long, 4), expected(long, 4), rtol=1e-12, atol=1e-14)


def test_overlapping_memory_is_refused():
    def f(u, v):
        u += v

    x = np.ones(4)
    with pytest.raises(ArgumentValueError, match="overlap"):
        srcad.jacobian(f, outputs="u", jit=False)(x[:3], x[1:])


# -------------------------------------------------------------------- Hessians against sympy


def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def powell(x):
    """The extended Powell singular function."""
    total = 0.0
    for i in range(0, len(x), 4):
        total += (x[i] + 10.0 * x[i + 1]) ** 2
        total += 5.0 * (x[i + 2] - x[i + 3]) ** 2
        total += (x[i + 1] - 2.0 * x[i + 2]) ** 4
        total += 10.0 * (x[i] - x[i + 3]) ** 4
    return total


DATA = np.array([[0.3, -0.8, 1.1], [1.4, 0.2, -0.5], [-0.6, 0.9, 0.7], [0.1, -1.3, 0.4]])


def log_sum_exp(x):
    """A soft maximum over four scores, plus a ridge."""
    score = DATA @ x
    top = np.max(score)
    return top + math.log(np.sum(np.exp(score - top))) + 0.1 * np.sum(x * x)


def log_sum_exp_in_sympy(x):
    scores = [sum(float(a) * v for a, v in zip(row, x, strict=True)) for row in DATA]
    squares = sum(v * v for v in x)
    return sympy.log(sum(sympy.exp(s) for s in scores)) + sympy.Float(0.1) * squares


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    ("f", "symbolic", "x"),
    [
        (rosenbrock, rosenbrock, [-1.2, 1.0, 0.4, 1.7, -0.3]),
        (powell, powell, [3.0, -1.0, 0.5, 1.0, 0.7, 0.2, -1.1, 2.0]),
        (log_sum_exp, log_sum_exp_in_sympy, [0.7, -0.4, 1.2]),
    ],
)
def test_hessian_against_sympy(f, symbolic, x, jit):
    symbols = sympy.symbols(f"x:{len(x)}")
    wanted = sympy.hessian(symbolic(symbols), symbols).subs(dict(zip(symbols, x, strict=True)))
    wanted = np.array(wanted.evalf(30), dtype=float)
    found = srcad.hessian(f, jit=jit)(np.array(x))
    size = np.max(np.abs(wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12 * size)
    assert np.max(np.abs(found - found.T)) <= 1e-10 * size


def test_hessian_of_structures():
    """Blocks of each pair of arguments, in the structure of the first and, within, the second."""

    def f(p, k):
        return p["a"] * np.sum(p["b"] ** 3) * k + p["a"] ** 2

    p = {"a": 2.0, "b": np.array([1.0, -1.0]), "n": 3}
    (pp, pk), (kp, kk) = srcad.hessian(f, wrt=(0, 1), jit=False)(p, 1.5)
    assert pp["a"]["a"] == 2.0
    np.testing.assert_allclose(pp["a"]["b"], [4.5, 4.5])
    np.testing.assert_allclose(pp["b"]["a"], [4.5, 4.5])
    np.testing.assert_allclose(pp["b"]["b"], np.diag([18.0, -18.0]))
    assert pp["n"] is None
    assert pk["a"] == 0.0
    np.testing.assert_allclose(pk["b"], [6.0, 6.0])
    np.testing.assert_allclose(kp["b"], [6.0, 6.0])
    assert kk == 0.0


def growing(x, k):
    """Its adjoint keeps tapes."""
    total = 0.0
    for i in range(k):
        x = x + 0.1 * np.sin(x) * x[i]
        total += np.sum(x * x)
    return total


def test_eject(tmp_path):
    """A module whose function returns the whole matrix."""

    def ejected(made, name, *args):
        path = made.eject(tmp_path / f"{name}.py", *args)
        scope: dict = {"__name__": name}
        exec(compile(path.read_text(), str(path), "exec"), scope)
        assert "srcad." not in path.read_text()
        return scope[name](*args)

    a, b = np.array([0.5, -0.7]), np.array([0.1, 0.2, 0.3])
    for made, name, args in (
        (srcad.jacobian(outer, wrt="b", jit=False), "outer_jacobian", (a, b)),
        (srcad.jacobian(curve, jit=False), "curve_jacobian", (0.5,)),
        (srcad.jacobian(norm, jit=False), "norm_jacobian", (X, 2.0)),
        (srcad.hessian(growing), "growing_hessian", (X, 3)),
    ):
        found, wanted = ejected(made, name, *args), made(*args)
        assert np.shape(found) == np.shape(wanted)
        np.testing.assert_allclose(found, wanted, rtol=1e-13)
    for made in (
        srcad.jacobian(outer, wrt=(0, 1), jit=False),
        srcad.jacobian(outer, mode="rev", jit=False),
        srcad.jacobian(outer, sparsity="detect", jit=False),
    ):
        with pytest.raises(ArgumentError, match=r"can be ejected|cannot be ejected"):
            made.eject(tmp_path / "refused.py", a, b)
