"""``jvp`` and ``hvp``: arguments, structures, errors; closed forms."""

import math
from collections import namedtuple

import numpy as np
import pytest

import srcad

Pair = namedtuple("Pair", "x n")


def scaled(x, c, n=2):
    return x * c**n, n, {"twice": 2.0 * x, "name": "scaled"}


def test_structure_of_the_tangent():
    x = np.array([1.0, 2.0])
    out, tangent = srcad.jvp(scaled, (x, 3.0), (np.array([1.0, 0.0]), 0.5), jit=False)
    np.testing.assert_allclose(out[0], [9.0, 18.0])
    np.testing.assert_allclose(tangent[0], [9.0 + 3.0, 6.0])
    assert out[1] == 2
    assert tangent[1] is None
    np.testing.assert_allclose(tangent[2]["twice"], [2.0, 0.0])
    assert list(tangent[2]) == ["twice", "name"]


def test_none_is_zero_and_keywords_do_not_move():
    x = np.array([1.0, 2.0])
    _, tangent = srcad.jvp(scaled, (x, 3.0), (None, 1.0), n=3, jit=False)
    np.testing.assert_allclose(tangent[0], 27.0 * x)
    _, tangent = srcad.jvp(scaled, (x,), (np.ones(2),), c=3.0, jit=False)
    np.testing.assert_allclose(tangent[0], [9.0, 9.0])


def of_pair(p, w):
    return p.x * w[0] + p.n * w[1]


def test_tangents_of_structures():
    args = Pair(2.0, 3), [0.5, 4.0]
    _, tangent = srcad.jvp(of_pair, args, (Pair(1.0, None), [1.0, None]), jit=False)
    assert tangent == pytest.approx(0.5 + 2.0)


def filled(out, x):
    out[:] = x * x
    out[0] = 1.0


def test_outputs():
    out, x = np.zeros(3), np.arange(1.0, 4.0)
    y, y_d = srcad.jvp(filled, (out, x), (np.ones(3), np.ones(3)), outputs="out", jit=False)
    np.testing.assert_allclose(y, [1.0, 4.0, 9.0])
    np.testing.assert_allclose(y_d, [0.0, 4.0, 6.0])
    assert not out.any()


def test_single_precision():
    x = np.arange(1.0, 4.0, dtype=np.float32)
    y, y_d = srcad.jvp(lambda x: np.sin(x) * 2.0, (x,), (np.ones(3, np.float32),), jit=False)
    assert y.dtype == y_d.dtype == np.float32
    np.testing.assert_allclose(y_d, 2.0 * np.cos(x), rtol=1e-6)


def test_a_zero_tangent_wins():
    _, y_d = srcad.jvp(lambda x, y: np.sqrt(x) + y, (0.0, 1.0), (0.0, 2.0), jit=False)
    assert y_d == 2.0
    with np.errstate(divide="ignore"):
        _, y_d = srcad.jvp(lambda x: np.sqrt(x), (0.0,), (1.0,), jit=False)
    assert y_d == np.inf


def test_on_backward_is_the_identity():
    _, y_d = srcad.jvp(
        lambda x: srcad.on_backward(x * x, lambda g: 0.0 * g), (3.0,), (1.0,), jit=False
    )
    assert y_d == 6.0


@pytest.mark.parametrize(
    ("tangents", "error", "words"),
    [
        ((np.ones(3), None), srcad.ArgumentValueError, "the tangent of x has shape"),
        ((np.ones(2),), srcad.ArgumentError, "one entry for each of 2 arguments"),
        (("one", None), srcad.ArgumentError, "the tangent of x must be a float"),
        ((np.ones(2), (1.0,)), srcad.ArgumentError, "the tangent of c"),
    ],
)
def test_wrong_tangents(tangents, error, words):
    with pytest.raises(error, match=words):
        srcad.jvp(scaled, (np.ones(2), 3.0), tangents, jit=False)


def test_primals_are_a_tuple():
    with pytest.raises(srcad.ArgumentError, match="primals must be a tuple"):
        srcad.jvp(scaled, 3.0, (1.0,))


# ------------------------------------------------------------ second order


def rosenbrock(x):
    s = 0.0
    for i in range(x.size - 1):
        s += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return s


def rosenbrock_hessian(x):
    h = np.zeros((x.size, x.size))
    for i in range(x.size - 1):
        h[i, i] += 1200.0 * x[i] ** 2 - 400.0 * x[i + 1] + 2.0
        h[i + 1, i + 1] += 200.0
        h[i, i + 1] -= 400.0 * x[i]
        h[i + 1, i] -= 400.0 * x[i]
    return h


@pytest.mark.parametrize("jit", [False, True], ids=["python", "compiled"])
def test_hvp_of_rosenbrock(jit):
    x = np.linspace(-1.2, 1.0, 6)
    rows = [srcad.hvp(rosenbrock, (x,), v, jit=jit) for v in np.eye(6)]
    np.testing.assert_allclose(rows, rosenbrock_hessian(x), rtol=1e-12, atol=1e-10)


def ratio(x):
    q = x[0] / x[1]
    return q * q + x[0] * math.log(x[1])


def test_an_adjoint_that_is_zero_has_a_tangent():
    """The strong zero of the quotient is a product to the second derivative, and no branch."""
    x = np.array([0.0, 2.0])
    rows = [srcad.hvp(ratio, (x,), v, jit=False) for v in np.eye(2)]
    np.testing.assert_allclose(rows, [[0.5, 0.5], [0.5, 0.0]], rtol=1e-14)


def test_hvp_with_respect_to_several():
    def f(x, c, k):
        return c * np.sum(x * x) * k

    x, v = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    x_h, c_h = srcad.hvp(f, (x, 3.0, 2), (v, 0.25), wrt=("x", "c"), jit=False)
    np.testing.assert_allclose(x_h, 2.0 * (2.0 * 3.0 * v + 2.0 * x * 0.25))
    assert c_h == pytest.approx(2.0 * 2.0 * float(x @ v))
    with pytest.raises(srcad.ArgumentError, match="2 arguments in wrt"):
        srcad.hvp(f, (x, 3.0, 2), v[:1], wrt=("x", "c"), jit=False)
    with pytest.raises(srcad.ArgumentError, match="'k', which is an int"):
        srcad.hvp(f, (x, 3.0, 2), 1.0, wrt="k", jit=False)


def descending(x, n):
    return 1.0 if n == 0 else x * descending(math.sin(x), n - 1)


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_functions_that_call_themselves(jit):
    """x sin(x) sin(sin(x)): both derivatives in closed form."""

    def first(x):
        s, t = math.sin(x), math.sin(math.sin(x))
        s_d = math.cos(x)
        return s * t + x * s_d * t + x * s * math.cos(s) * s_d

    _, y_d = srcad.jvp(descending, (0.7, 3), (1.0, None), jit=jit)
    assert y_d == pytest.approx(first(0.7), rel=1e-14)
    h = 1e-4
    slope = (8 * (first(0.7 + h) - first(0.7 - h)) - first(0.7 + 2 * h) + first(0.7 - 2 * h)) / (
        12 * h
    )
    assert srcad.hvp(descending, (0.7, 3), 1.0, jit=jit) == pytest.approx(slope, rel=1e-9)
