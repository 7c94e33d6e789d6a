"""Programs compiled with the passes that they need: for one type after the other, by any Numba."""

import math

import numpy as np
import pytest

import srcad
from srcad.backend import compiler, parts
from tests.oracles import complex_step

X, Y = np.linspace(0.1, 0.5, 5), np.array([0.1, 0.2, 0.3])


def layouts(a):
    """The same numbers in arrays of several types."""
    yield a.copy()
    yield np.repeat(a, 2)[::2]
    fixed = a.copy()
    fixed.flags.writeable = False
    yield fixed


def long(x, y):
    s = 0.0
    s += math.sin(x[0] * y[1])
    for i in range(x.size):
        s += math.exp(x[i]) * y[i % 3]
    t = s * s
    for i in range(x.size):
        t += x[i] * s
    n = 3
    u = t if t > 1.0 else 2.0 * t
    for i in range(n):
        u += y[i] / (1.0 + x[i] * t)
    return u * s


@pytest.mark.parametrize("shares", [True, False])
def test_arguments_of_further_types(monkeypatch, tmp_path, shares):
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(parts, "_LONG", 4)
    monkeypatch.setattr(parts, "_SIZE", 2)
    if not shares:
        monkeypatch.setattr(compiler, "_LowerResult", None)
    expected = complex_step(long_of_complex, (X, Y), 0)
    gradient = srcad.grad(long)
    for x in layouts(X):
        for y in layouts(Y):
            np.testing.assert_allclose(gradient(x, y), expected, rtol=1e-12)


def long_of_complex(x, y):
    s = np.sin(x[0] * y[1])
    s = s + sum(np.exp(x[i]) * y[i % 3] for i in range(5))
    t = s * s + sum(x[i] * s for i in range(5))
    u = t if t.real > 1.0 else 2.0 * t
    u = u + sum(y[i] / (1.0 + x[i] * t) for i in range(3))
    return u * s
