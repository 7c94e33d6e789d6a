"""Rules of the user's that would be silently wrong are refused."""

import numpy as np
import pytest

import srcad

d = srcad.rule.d


def doubled(a):
    return a * 2.0


@srcad.rule.pullback(doubled)
def _(y, a):
    d[a] = 2.0 * d[y]


def tripled(a):
    return a * 3.0


@srcad.rule.pullback(tripled)
def _(y, a):
    d[a] += 3.0 * d[y]
    a[0] = 0.0


def halved(a):
    return a * 0.5


@srcad.rule.pullback(halved)
def _(y, a):
    d[a] += 0.5 * d[y]


@srcad.rule.pushforward(halved)
def _(y, a):
    d[a] += 0.5 * d[y]


def test_an_adjoint_is_not_overwritten():
    with pytest.raises(srcad.UnsupportedError, match=r"d\[a\] is overwritten") as caught:
        srcad.grad(lambda x: doubled(x) + x, jit=False)(1.0)
    assert "d[a] = 2.0 * d[y]" in str(caught.value)


def test_an_argument_is_not_written():
    with pytest.raises(srcad.UnsupportedError, match="writes an array") as caught:
        srcad.grad(lambda x: np.sum(tripled(x) * x), jit=False)(np.ones(2))
    assert "a[0] = 0.0" in str(caught.value)


def test_a_pushforward_assigns_the_result():
    with pytest.raises(srcad.UnsupportedError, match=r"a pushforward reads d\[a\]"):
        srcad.jvp(lambda x: halved(x), (np.ones(2),), (np.ones(2),), jit=False)
