"""Functions of NumPy that are written out as Python, row by row (``tests.rules.expressions``)."""

import numpy as np
import pytest

import srcad
from tests.rules.expressions import check, written

THEMES = {
    "statistics": """
        np.median(x)
        np.median(a)
        np.median(a, axis=0)
        np.median(a, axis=-1, keepdims=True)
        np.median(t, axis=(0, 2))
        np.median(x[:5], keepdims=True)
        np.quantile(x, 0.3)
        np.quantile(x, 0.2 + 0.1 * s)
        np.quantile(a, [0.1, 0.6], axis=1)
        np.quantile(a, np.array([0.1, 0.6]), axis=0, keepdims=True)
        np.quantile(x, 0.37, method="hazen")
        np.quantile(x, 0.37, method="weibull")
        np.quantile(x, 0.37, method="lower")
        np.quantile(x, 0.37, method="higher")
        np.quantile(x, 0.37, method="nearest")
        np.quantile(x, 0.37, method="midpoint")
        np.quantile(x, 0.37, method="median_unbiased")
        np.quantile(x, 0.37, method="normal_unbiased")
        np.quantile(x, 0.37, method="interpolated_inverted_cdf")
        np.quantile(x, 1.0)
        np.percentile(x, 30.0)
        np.percentile(a, [25, 75], axis=0)
        np.percentile(x, [25, 75])
        np.nanpercentile(n, [25, 75])
        np.ptp(x)
        np.ptp(a, axis=1)
        np.ptp(a, axis=0, keepdims=True)
        np.average(x)
        np.average(x, weights=y)
        np.average(a, axis=0, weights=z)
        np.average(a, axis=1, weights=a * a)
        np.average(a, weights=a * a, axis=0, keepdims=True)
        np.cov(x)
        np.cov(a)
        np.cov(a, rowvar=False, bias=True)
        np.cov(x, y)
        np.cov(x, y, ddof=0)
        np.corrcoef(x, y)
        np.corrcoef(a)
        np.bincount(np.array([1, 0, 3, 1, 1, 0]), weights=x)
        np.histogram(x, bins=4)[1]
    """,
    "axes": """
        np.max(t, axis=(0, 2))
        np.min(t, axis=(1, -1), keepdims=True)
        np.max(a, keepdims=True)
        t.max(axis=(0, 1, 2))
        np.prod(t, axis=(0, 1))
        np.prod(2.0 * a, keepdims=True)
        np.prod(a, axis=1, keepdims=True)
        np.sum(a, keepdims=True)
        np.sum(t, axis=(0, 1), keepdims=True)
        np.sum(t, axis=(0, 1, 2), keepdims=True)
        np.mean(t, axis=(0, 2))
        np.mean(a, keepdims=True)
        np.var(t, axis=(0, 2), ddof=1)
        np.var(a, keepdims=True)
        np.std(t, axis=(1, 2), keepdims=True)
        a.std(axis=0, keepdims=True)
        np.where(np.any(a > 0.5, axis=0), a[0], a[1])
        np.where(np.all(a > 0.2, axis=1, keepdims=True), a, 2.0 * a)
        np.where(np.argmax(a, axis=1, keepdims=True) > 1, a, -a)
        np.sum(a, axis=0, dtype=np.float64)
        np.sum(a > 0.5, dtype=np.float64) * s
        a.mean(0, keepdims=True, dtype=np.float64)
        np.prod(a, 1, np.float64)
        np.cumsum(a, axis=1, dtype=np.float64)
        np.clip(x, 0.4, None)
        np.clip(x, None, 0.6)
        np.clip(x, min=0.3, max=0.6)
        x.clip(0.3, 0.6)
        np.linalg.norm(a, axis=1)
        np.linalg.norm(t, axis=(1, 2))
        np.linalg.norm(a, axis=0, keepdims=True)
        np.linalg.norm(a, 3, axis=0)
    """,
    "without NaN": """
        np.nansum(n)
        np.nansum(n, axis=0)
        np.nanprod(n, axis=1)
        np.nancumsum(n)
        np.nancumprod(n, axis=1)
        np.nanmean(n)
        np.nanmean(n, axis=1, keepdims=True)
        np.nanvar(n, axis=0)
        np.nanvar(n, ddof=1)
        np.nanstd(n, axis=1)
        np.nanmax(n)
        np.nanmax(n, axis=0)
        np.nanmin(n, axis=1, keepdims=True)
        np.nanmedian(n)
        np.nanmedian(n, axis=1)
        np.nanquantile(n, 0.4)
        np.nanquantile(n, [0.4, 0.7], axis=0)
        np.nanpercentile(n, 40, axis=1)
        a[0, np.nanargmax(n, axis=1)]
        a[0, np.nanargmin(n, axis=1)]
        np.nan_to_num(n)
        np.nan_to_num(n, nan=2.5)
    """,
    "signals": """
        np.convolve(x, z)
        np.convolve(z, x, "same")
        np.convolve(x, z, mode="same")
        np.convolve(x, y[:4], mode="same")
        np.convolve(y[:4], x, mode="same")
        np.convolve(x, z, "valid")
        np.convolve(z, x, "valid")
        np.correlate(x, z)
        np.correlate(x, z, "full")
        np.correlate(z, x, "full")
        np.correlate(x, y[:4], "same")
        np.correlate(y[:4], x, "same")
        np.correlate(z, x, "same")
        np.correlate(z, x, "valid")
        np.interp(s, np.cumsum(x), y)
        np.interp(z, np.cumsum(x * 0.3), y)
        np.interp(a, np.cumsum(x * 0.2), y, left=0.4, right=0.2)
        np.unwrap(9.0 * x)
        np.unwrap(20.0 * a, axis=0)
        np.unwrap(9.0 * x, period=2.0)
        np.unwrap(9.0 * x, discont=4.0)
        np.trapezoid(x)
        np.trapezoid(a, dx=0.3)
        np.trapezoid(a, axis=0)
        np.trapezoid(y, x)
        np.trapezoid(a, x=np.cumsum(z), axis=0)
        np.diff(x, append=0.0)
        np.diff(a, axis=0, prepend=s)
        np.diff(a, n=2, prepend=a[:, -1:], append=3)
        np.diff(x, prepend=[1.0, s], append=z)
        np.ediff1d(a)
        np.ediff1d(x, to_end=z, to_begin=s)
        np.gradient(x)
        np.gradient(x, 0.3)
        np.gradient(x, s, edge_order=2)
        np.gradient(y, np.cumsum(x))
        np.gradient(y, np.cumsum(x), edge_order=2)
        np.gradient(a, axis=1)
        np.gradient(a, 0.2, z[0], axis=(0, 1))[1]
        np.gradient(a)[0]
        np.kaiser(5, 3.0 * s)
        np.hanning(6) * x
        np.hamming(6) * x
        np.blackman(6) * x
        np.bartlett(6) * x
    """,
    "polynomials": """
        np.polyfit(x, y, 2)
        np.polyfit(x, y, 1, w=0.5 + x * y)
        np.polyfit(z, a.T[:3, :2], deg=1)
        np.polyval(z, s)
        np.polyval(z, x)
        np.polyval([1.0, 2.0, 3.0], a)
        np.polynomial.polynomial.polyval(x, z)
        np.vander(z)
        np.vander(z, 4, increasing=True)
        np.vander(z, N=2)
        np.polyadd(x, z)
        np.polysub(z, x)
        np.polymul(x, z)
        np.polymul(np.append(0.0, x), z)
        np.polynomial.polynomial.polyadd(x, z)
        np.polynomial.polynomial.polysub(x, np.append(z, x[3:]))
        np.polynomial.polynomial.polymul(x, z)
        np.polynomial.polynomial.polyint(z)
        np.polyder(x)
        np.polyder(x, 2)
        np.polyint(z)
        np.poly(z)
        np.real(np.roots(z)) * 1.0
        np.sort(np.abs(np.roots(y)))
        np.sort(np.abs(np.roots(np.concatenate((np.zeros(1), z, np.zeros(1))))))
    """,
    "methods of ufuncs": """
        np.maximum.accumulate(x)
        np.maximum.accumulate(a, axis=1)
        np.minimum.accumulate(t, axis=-1)
        np.add.accumulate(x)
        np.add.accumulate(a, 1)
        np.multiply.accumulate(a)
        np.add.reduce(a)
        np.add.reduce(t, axis=(0, 2), keepdims=True)
        np.add.reduce(a, axis=None)
        np.multiply.reduce(a)
        np.maximum.reduce(a, axis=1)
        np.minimum.reduce(t, axis=None)
        functools.reduce(lambda p, q: p * q + s, x, 2.0)
        functools.reduce(operator.mul, [x[0], y[1], s])
        functools.reduce(lambda p, q: p + q[0] * q[1], zip(x, y), s)
        math.hypot(s, u, x[0], x[1])
        np.where(np.digitize(x, [0.3, 0.6]) > 1, x, y)
        np.where(np.searchsorted([0.2, 0.5], x) > 1, x, y)
        np.subtract.outer(x, z)
        np.multiply.outer(a, z)
        np.power.outer(x, z)
        np.add.outer(s, x)
        np.hypot.outer(z, u)
        np.where(np.less.outer(x, z), x[:, None], z)
    """,
    "choices": """
        np.select([x > 0.6, x > 0.4], [x * x, y], 3.0)
        np.select([x > 0.6], [x * x])
        np.choose(np.array([0, 2, 1, 1, 0, 2]), [x, y, x * y])
        np.heaviside(x - 0.5, 0.5) * x
        np.where(np.isclose(x, x + 1e-12), x, y)
        np.where(np.allclose(x, y), x, y)
        np.where(np.less(x, y), x, y)
        np.where(np.greater_equal(x, 0.5), x, y)
        np.where(np.logical_xor(x > 0.5, y > 0.5), x, y)
        np.where(np.bitwise_and(x > 0.5, y > 0.5), x, y)
        np.where(np.invert(x > 0.5), x, y)
        np.where(np.signbit(x - 0.5), x, y)
        np.where(np.isin(np.arange(6), [1, 3]), x, y)
        np.unique(x)
        np.union1d(x, z)
        np.setdiff1d(x, x[:2])
        np.intersect1d(x, x[:2])
        np.setxor1d(x, x[:2])
        np.trim_zeros(np.concatenate((np.zeros(2), x, np.zeros(1))))
        np.partition(a, 1, axis=0)[1]
        a[1, np.argpartition(a[0], 0)[:1]]
        x[np.digitize(y, np.array([0.2, 0.5, 0.8]))]
        x[np.digitize(y, np.array([0.8, 0.5, 0.2]), right=True)]
        np.ldexp(x, 3)
        np.divmod(x, 0.3)[1]
        np.round(z, 1) * z
        np.around(x) * x
        x * np.gcd(12, 18)
        x * np.lcm(4, 6)
        np.logspace(s, 2.0, 5)
        np.geomspace(s, 2.0, 5)
        np.geomspace(s, 2.0, 5, endpoint=False)
        np.logspace(s, 2.0, 5, False)
        np.linspace(s, u, 5, endpoint=False)
        z.round(1) * z
    """,
}


ROWS = [row.strip() for text in THEMES.values() for row in text.strip().split("\n")]


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    return written(tmp_path_factory.mktemp("rows"), "rows_of_numpy", ROWS)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", ROWS)
def test_row(functions, text):
    check(functions[text], text)


def negative_place(x):
    return np.sum(np.bincount(np.array([1, -1, 0]), weights=x))


def short_weights(x):
    return np.sum(np.bincount(np.array([1, 1, 0, 2]), weights=x))


def unknown_choice(x):
    return np.sum(np.choose(np.array([0, 2, 1]), [x, 2.0 * x]))


def wrong_spacing(x):
    return np.sum(np.gradient(x, np.arange(4.0)))


def disordered_bins(x):
    return x[np.digitize(0.3, np.array([0.1, 0.5, 0.2]))]


def weights_of_sum_zero(x):
    return np.average(x, weights=np.array([1.0, -1.0, 0.0]))


def level_beyond_one(x):
    return np.quantile(x, 1.5)


def no_known_mode(x):
    return np.sum(np.convolve(x, x, "some"))


def no_points(x):
    return np.interp(0.3, x[:0], x[:0])


@pytest.mark.parametrize(
    "function",
    [
        negative_place,
        short_weights,
        unknown_choice,
        wrong_spacing,
        disordered_bins,
        weights_of_sum_zero,
        level_beyond_one,
        no_known_mode,
        no_points,
    ],
)
def test_raises_as_numpy_does(function):
    x = np.array([0.3, 0.9, 0.5])
    with pytest.raises((ValueError, ZeroDivisionError)) as wanted:
        function(x)
    with pytest.raises(wanted.type):
        srcad.grad(function, jit=False)(x)


def whole_numbers(x, k):
    middle = np.median(k) + np.quantile(k, 0.3) + np.percentile(k, [25, 75])[1]
    return x * (middle + np.nanmean(k) + np.ptp(k) + np.average(k) + np.histogram(k, 3)[0][1])


def test_statistics_of_integers():
    k = np.array([[3, 1, 4], [1, 5, 9]])
    assert srcad.grad(whole_numbers, jit=False)(2.0, k) == pytest.approx(whole_numbers(1.0, k))


COMPILED = (
    "np.median(a, axis=-1, keepdims=True)",
    "np.quantile(a, [0.1, 0.6], axis=1)",
    "np.nanvar(n, axis=0)",
    'np.correlate(z, x, "full")',
    "np.interp(z, np.cumsum(x * 0.3), y)",
    "np.unwrap(20.0 * a, axis=0)",
    "np.gradient(y, np.cumsum(x), edge_order=2)",
    "np.polyval(z, x)",
    "np.select([x > 0.6, x > 0.4], [x * x, y], 3.0)",
    "np.max(t, axis=(0, 2))",
)


@pytest.mark.slow
@pytest.mark.parametrize("text", COMPILED)
def test_compiled(functions, text):
    check(functions[text], text, jit=True)
