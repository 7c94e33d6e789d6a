"""``check_grads`` passes what is right, and catches what is wrong."""

import math

import numpy as np
import pytest

import srcad
from srcad import GradientCheckError, UnsupportedError, check_grads, checking


def smooth(x, c):
    s = 0.0
    for i in range(x.size):
        s += math.sin(c * x[i]) * x[i]
    return s


def several(x, c):
    return x * c, np.sum(x * x) * c


def fill(y, x):
    for i in range(x.size):
        y[i] = y[i] * x[i] * x[i]


def branches(x):
    if x > 1.0:
        return x * x
    return 3.0 * x


def in_tuple(p, n):
    return p[0] * p[1][n] * p[1][n]


def root(x):
    return np.sqrt(x)


def kink(x):
    return abs(x)


WAVE = np.sin(np.arange(5.0)) + 0.2


@pytest.mark.parametrize(
    ("function", "args", "outputs"),
    [
        (smooth, (WAVE, 0.7), ()),
        (several, (WAVE, 0.7), ()),
        (fill, (WAVE, WAVE + 1.0), ("y",)),
        (branches, (2.0,), ()),
        (in_tuple, ((2.0, WAVE), 3), ()),
        (smooth, (WAVE.astype(np.float32), 0.7), ()),
        (smooth, (np.zeros(0), 0.7), ()),
    ],
)
def test_passes(function, args, outputs):
    before = [np.array(a) if isinstance(a, np.ndarray) else a for a in args]
    assert check_grads(function, args, outputs=outputs, jit=False) is None
    for a, b in zip(args, before, strict=True):
        assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


def test_large_arguments_are_sampled():
    check_grads(smooth, (np.sin(np.arange(500.0)), 0.7), entries=10, jit=False)


def wrong(monkeypatch, change):
    """Let the pullback that is checked answer wrongly."""
    right = checking.vjp

    def vjp(f, *args, **keywords):
        out, pullback = right(f, *args, **keywords)
        return out, lambda seed: change(list(pullback(seed)))

    monkeypatch.setattr(checking, "vjp", vjp)


def scale_one(entry, factor):
    def change(cotangents):
        cotangents[0] = cotangents[0].copy()
        cotangents[0][entry] *= factor
        return cotangents

    return change


def set_one(entry, value):
    def change(cotangents):
        cotangents[0] = cotangents[0].copy()
        cotangents[0][entry] = value
        return cotangents

    return change


@pytest.mark.parametrize(
    "change", [scale_one(3, 1.001), scale_one(3, -1.0), set_one(3, 0.0), set_one(3, math.nan)]
)
def test_catches(monkeypatch, change):
    wrong(monkeypatch, change)
    with pytest.raises(GradientCheckError, match=r"smooth is wrong at x\[3\]") as caught:
        check_grads(smooth, (WAVE, 0.7), jit=False)
    for word in ("got", "expected", "absolute error", "relative error"):
        assert word in str(caught.value)


def test_catches_a_wrong_number(monkeypatch):
    wrong(monkeypatch, lambda found: [found[0], found[1] * 1.0001])
    with pytest.raises(GradientCheckError, match="at c"):
        check_grads(smooth, (WAVE, 0.7), jit=False)


def test_catches_what_is_not_drawn(monkeypatch):
    wrong(monkeypatch, lambda found: [found[0] * 1.01, found[1]])
    with pytest.raises(GradientCheckError, match="at x"):
        check_grads(smooth, (np.sin(np.arange(500.0)), 0.7), entries=1, jit=False)


def test_catches_a_zero_gradient(monkeypatch):
    wrong(monkeypatch, lambda found: [0.0 * found[0], 0.0])
    with pytest.raises(GradientCheckError):
        check_grads(several, (WAVE, 0.7), jit=False)


def test_infinities_are_errors():
    with pytest.raises(GradientCheckError, match="root"), np.errstate(invalid="ignore"):
        check_grads(root, (0.0,))


def test_catches_a_wrong_tangent(monkeypatch):
    right = checking.jvp

    def jvp(f, primals, tangents, **keywords):
        out, tangent = right(f, primals, tangents, **keywords)
        return out, tangent + 1e-4 if tangents[0] is not None and tangents[0][3] else tangent

    monkeypatch.setattr(checking, "jvp", jvp)
    with pytest.raises(GradientCheckError, match=r"smooth is wrong at x\[3\], in forward mode"):
        check_grads(smooth, (WAVE, 0.7), jit=False)
    check_grads(smooth, (WAVE, 0.7), modes="rev", jit=False)


def halved(x):
    return 0.5 * x


@srcad.rule.pullback(halved)
def _(y, x):
    srcad.rule.d[x] += 0.5 * srcad.rule.d[y]


def test_a_rule_for_reverse_mode_only():
    check_grads(lambda x: halved(x) * x, (0.3,), modes=("rev",), jit=False)
    with pytest.raises(UnsupportedError, match="halved has a rule for reverse mode only"):
        check_grads(lambda x: halved(x) * x, (0.3,), jit=False)


def several_in(p, w, *rest):
    return p["a"] * np.sum(w * w) * rest[0] + p["b"][1] ** 3 * rest[1][0][1] + rest[2]


@pytest.mark.parametrize("jit", [False, True])
def test_second_order(jit):
    check_grads(smooth, (WAVE, 0.7), order=2, jit=jit)
    p = {"a": 0.4, "b": (2, 1.3), "name": "p"}
    check_grads(several_in, (p, WAVE[:3], 0.9, (WAVE[3:5], 1), 3), order=2, jit=jit)


def test_second_order_of_complex_and_single_numbers():
    check_grads(lambda z: np.sum(abs(z * z - 0.3) ** 2), (np.exp(1j * WAVE),), order=2, jit=False)
    check_grads(smooth, (WAVE.astype(np.float32), np.float32(0.7)), order=2, jit=False)


def crooked(x):
    return x**3


@srcad.rule.partials(crooked)
def _(y, x):
    return srcad.stop_gradient(3.0 * x) * x


def test_catches_a_wrong_second_derivative():
    """The first one is right: its rule hides that it depends on x twice."""
    check_grads(lambda x: np.sum(crooked(x)), (WAVE,), jit=False)
    with pytest.raises(GradientCheckError, match=r"at x.*second order, forward over reverse"):
        check_grads(lambda x: np.sum(crooked(x)), (WAVE,), order=2, jit=False)


def test_catches_one_wrong_entry_of_second_order(monkeypatch):
    right = checking.hvp

    def hvp(*args, **keywords):
        by_x, by_c = right(*args, **keywords)
        by_x[3] += 1e-4
        return by_x, by_c

    monkeypatch.setattr(checking, "hvp", hvp)
    with pytest.raises(GradientCheckError, match=r"smooth is wrong at x\[3\], in second order"):
        check_grads(smooth, (WAVE, 0.7), order=2, jit=False)


def test_not_available():
    with pytest.raises(UnsupportedError, match="order 3"):
        check_grads(smooth, (WAVE, 0.7), order=3)
    with pytest.raises(srcad.ArgumentError, match="one float scalar"):
        check_grads(several, (WAVE, 0.7), order=2, jit=False)
    with pytest.raises(srcad.ArgumentValueError, match="no outputs"):
        check_grads(fill, (WAVE, WAVE), order=2, outputs="y")
    with pytest.raises(srcad.ArgumentValueError, match="modes"):
        check_grads(smooth, (WAVE, 0.7), modes=("reverse",))
    with pytest.raises(srcad.ArgumentError, match="tuple"):
        check_grads(smooth, WAVE)
