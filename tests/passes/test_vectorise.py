"""Which loops call srcad's own elementary functions, and that they compute the same."""

import math

import numpy as np
import pytest

from srcad import grad, value_and_grad
from srcad.config import Options
from srcad.frontend.source import find_source
from srcad.ir.types import Array
from srcad.pipeline import Request, compile_request
from tests.passes.support import INTEGER, IV, F, M, V

SINGLE = Array("float32", 1, (False,))


def primal(function, *types, **options) -> str:
    """The text of a function, as the compiler writes it."""
    parameters = tuple(zip(function.__code__.co_varnames, types, strict=False))
    source = find_source(function)
    return compile_request(
        Request(source, parameters, (), "primal", options=Options(**options))
    ).text


def elementwise(x, a):
    y = np.empty_like(x)
    for i in range(len(x)):
        y[i] = math.exp(-x[i]) * a + np.sqrt(x[i]) ** 2
    return y


def test_loop_over_elements():
    text = primal(elementwise, V, F)
    assert "from srcad.elementary.exponentials import exp\n" in text
    assert "y[i] = exp(-x[i]) * a" in text
    assert "np.float32(exp(-x[i]) * a" in primal(elementwise, SINGLE, F)


def test_option():
    for options in ({"vector_math": False}, {"jit": False}):
        text = primal(elementwise, V, F, **options)
        assert "math.exp(-x[i])" in text
        assert "elementary" not in text


def test_sums():
    def f(x):
        s = 0.0
        t = 1.0
        for i in range(len(x)):
            s += math.log(x[i])
            t -= x[i]
        return s * t

    text = primal(f, V)
    assert "s = plus(s, log(x[i]))" in text
    assert "t = plus(t, -x[i])" in text


def test_names_that_the_program_has():
    def f(x, exp, plus):
        s = exp * plus
        for i in range(len(x)):
            s += math.exp(x[i])
        return s

    text = primal(f, V, F, F)
    assert "import exp as exp_1" in text
    assert "s = plus(s, exp_1(x[i]))" in text


def test_powers():
    def f(x, a):
        for i in range(len(x)):
            x[i] = x[i] ** a + x[i] ** 3 + x[i] ** 0.5
        return x

    assert "x[i] = power(x[i], a) + x[i] ** 3 + x[i] ** 0.5" in primal(f, V, F)
    assert "math.exp" not in primal(lambda x, n: np.exp(x) ** n, V, F)


def recurrence(x):
    s = 1.0
    for i in range(len(x)):
        s = math.sin(s + x[i])
    return s


def sum_that_is_read(x):
    s = 0.0
    for i in range(len(x)):
        s += math.exp(x[i])
        x[i] = s
    return s


def neighbours(x):
    for i in range(1, len(x)):
        x[i] = math.sin(x[i - 1])
    return x[0]


def view(x):
    y = x[1:]
    for i in range(len(y)):
        y[i] = math.sin(x[i])
    return y[0]


def branch(x):
    for i in range(len(x)):
        if x[i] > 0.0:
            x[i] = math.log(x[i])
    return x[0]


def other_call(x):
    for i in range(len(x)):
        x[i] = math.erf(x[i]) * math.exp(x[i])
    return x[0]


def complex_number(x):
    for i in range(len(x)):
        x[i] = (np.exp(x[i] * 1j) * 2.0).real
    return x[0]


def gather(x, k):
    y = np.empty(len(k))
    for i in range(len(k)):
        y[i] = math.exp(x[k[i]])
    return y


def scatter(x, k):
    for i in range(len(k)):
        x[k[i]] += math.exp(x[k[i]])
    return x


def same_element(x):
    y = np.zeros(3)
    for i in range(len(x)):
        y[1] += math.exp(x[i])
    return y


def column(x):
    for j in range(x.shape[1]):
        for i in range(x.shape[0]):
            x[i, j] = math.exp(x[i, j])
    return x


def two_rows(x, k):
    for i in range(x.shape[1]):
        x[k, i] = math.exp(x[k + 1, i])
    return x


def nothing_new(x, a):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * math.log(a)
    return s


def leaves(x):
    n = 0
    for i in range(len(x)):
        if math.exp(x[i]) > 2.0:
            break
        n += 1
    return n


@pytest.mark.parametrize(("function", "types"), [(column, (M,)), (branch, (V,))])
def test_loops_that_become_such_loops(function, types):
    text = primal(function, *types)  # by srcad.transform.abreast
    assert "strip + lane] = " in text and "srcad.elementary" in text


@pytest.mark.parametrize(
    ("function", "types"),
    [
        *((f, (V,)) for f in (recurrence, sum_that_is_read, neighbours, view, other_call)),
        *((f, (V,)) for f in (complex_number, same_element, leaves)),
        *((f, (V, IV)) for f in (gather, scatter)),
        (two_rows, (M, INTEGER)),
        (nothing_new, (V, F)),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_other_loops(function, types):
    assert "elementary" not in primal(function, *types)


def test_rows():
    def f(x, n):
        for k in range(n):
            for i in range(x.shape[0]):
                for j in range(x.shape[1]):
                    x[i, j] = math.tanh(x[i, j])
        return x

    assert "= tanh(x[i, j])" in primal(f, M, INTEGER)


def test_reversed_loops_run_forward():
    def f(x):
        y = np.empty(len(x))
        for i in range(1, len(x)):
            y[i] = np.exp(x[i]) * x[i]
        return np.sum(y * y)

    reverse = grad(f).source(np.ones(3)).partition("# reverse sweep")[2]
    assert "for i in range(1, x.shape[0]):" in reverse


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values(dtype):
    def f(x, y):
        z = np.tanh(x) * np.log1p(y * y) + np.sin(x * y)
        return np.sum(z * np.exp(-z)) + np.sum(np.log(y + 3.0) * (x * x) ** 1.3)

    x = np.linspace(-3.0, 3.0, 37).astype(dtype)
    y = np.cos(x) * dtype(2.0)
    value, gradient = value_and_grad(f, wrt=(0, 1))(x, y)
    expected, expected_gradient = value_and_grad(f, wrt=(0, 1), jit=False)(x, y)
    tolerance = 64 * np.finfo(dtype).eps
    np.testing.assert_allclose(value, expected, rtol=tolerance)
    for found, right in zip(gradient, expected_gradient, strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance * abs(right).max())


def test_an_integer_that_is_counted_stays_one():
    """Compiled, as LLVM's free addition is of floats."""

    def f(x):
        n = 0
        s = 0.0
        for i in range(len(x)):
            s += math.exp(x[i])
            n += 1
        return s * n

    x = np.linspace(0.0, 1.0, 5)
    value, slope = value_and_grad(f)(x)
    assert value == pytest.approx(5.0 * np.sum(np.exp(x)), rel=1e-14)
    np.testing.assert_allclose(slope, 5.0 * np.exp(x), rtol=1e-14)
