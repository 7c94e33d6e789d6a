"""Order statistics, averages and covariances, and the reductions that leave NaN out."""

import numpy as np

from srcad.rules.matrices import root, squares
from srcad.rules.registry import expand
from srcad.rules.sorting import insertion_point

# ---------------------------------------------------------------- ranges and averages


@expand(np.ptp)
def ptp(a, axis=None, keepdims=False):
    """The largest element less the smallest."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@expand(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """The weighted mean."""
    a = np.asarray(a)
    if returned:
        raise NotImplementedError("np.average with returned=True: compute the sum of the weights")
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    w = weights_along(np.asarray(weights), a, axis)
    total = np.sum(w * np.ones(a.shape), axis=axis, keepdims=keepdims)
    if np.any(total == 0.0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return np.sum(a * w, axis=axis, keepdims=keepdims) / total


def weights_along(weights, a, axis):
    """Weights as they broadcast: a vector lies along the axis."""
    if weights.ndim == a.ndim:
        return weights
    if weights.ndim != 1 or axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    if weights.shape[0] != a.shape[axis]:
        raise ValueError(
            "Shape of weights must be consistent with shape of a along specified axis."
        )
    after = a.ndim - 1 - axis % a.ndim
    return np.expand_dims(weights, tuple(range(1, 1 + after)))


@expand(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None):
    """Covariances of the rows (of the columns: ``rowvar=False``)."""
    m = np.asarray(m)
    if m.ndim == 1 and y is None:
        c = m - np.mean(m)
        return np.sum(c * np.conj(c)) / (m.shape[0] - freedom(bias, ddof))
    rows = as_variables(m, rowvar)
    if y is not None:
        rows = np.concatenate((rows, as_variables(np.asarray(y), rowvar)), axis=0)
    if rows.shape[0] == 1:
        raise ValueError("np.cov of one variable: pass it as a vector")
    c = rows - np.mean(rows, axis=1, keepdims=True)
    return c @ np.conj(c).T / (rows.shape[1] - freedom(bias, ddof))


def as_variables(m, rowvar):
    """A matrix with one variable in each row."""
    if m.ndim == 1:
        return m[np.newaxis]
    return m if rowvar else m.T


def freedom(bias, ddof):
    """What is taken off the number of observations."""
    if ddof is None:
        return 0 if bias else 1
    return ddof


@expand(np.corrcoef)
def corrcoef(x, y=None, rowvar=True):
    """Coefficients of correlation of the rows."""
    c = np.cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    d = np.sqrt(np.real(np.diag(c)))
    return c / np.outer(d, d)


# ---------------------------------------------------------------- quantiles


@expand(np.median)
def median(a, axis=None, *, keepdims=False):
    """The element in the middle, or the mean of the two there."""
    return over_lanes(middle, a, axis, keepdims)


@expand(np.nanmedian)
def nanmedian(a, axis=None, *, keepdims=False):
    """The median of what is not NaN."""
    return over_lanes(middle_of_numbers, a, axis, keepdims)


@expand(np.quantile)
def quantile(a, q, axis=None, *, method="linear", keepdims=False):
    """The element below which a share q lies."""
    return at_levels(q, a, axis, keepdims, method, False)


@expand(np.percentile)
def percentile(a, q, axis=None, *, method="linear", keepdims=False):
    """The same with q in percent."""
    return at_levels(levels(q), a, axis, keepdims, method, False)


@expand(np.nanquantile)
def nanquantile(a, q, axis=None, *, method="linear", keepdims=False):
    """The quantile of what is not NaN."""
    return at_levels(q, a, axis, keepdims, method, True)


@expand(np.nanpercentile)
def nanpercentile(a, q, axis=None, *, method="linear", keepdims=False):
    """The same with q in percent."""
    return at_levels(levels(q), a, axis, keepdims, method, True)


def levels(q):
    """Shares from percents."""
    return q / 100.0 if np.ndim(q) == 0 else np.asarray(q) / 100.0


def over_lanes(reduce, a, axis, keepdims):
    """``reduce`` of the lanes of one axis, or of several at once."""
    a = np.asarray(a)
    if axis is None:
        found = reduce(np.ravel(a))
        return np.full((1,) * a.ndim, found) if keepdims else found
    lanes = lanes_of(a, axis)
    if lanes.ndim == 1:
        found = reduce(lanes)
        return np.full((1,) * a.ndim, found) if keepdims else found
    out = np.empty(lanes.shape[:-1])
    for at in np.ndindex(lanes.shape[:-1]):
        out[at] = reduce(lanes[at])
    return np.expand_dims(out, axis) if keepdims else out


def lanes_of(a, axis):
    """The array with an axis last; several become one."""
    if not isinstance(axis, tuple):
        return np.moveaxis(a, axis, -1)
    moved = np.moveaxis(a, axis, tuple(range(-len(axis), 0)))
    return moved.reshape((*moved.shape[: a.ndim - len(axis)], -1))


def at_levels(q, a, axis, keepdims, method, skips):
    """Quantiles of lanes; an array of levels is the first axis of the result."""
    if np.ndim(q) == 0:
        return over_lanes(lambda v: quantile_of(v, q, method, skips), a, axis, keepdims)
    q = np.asarray(q)
    if q.ndim != 1:
        raise NotImplementedError("quantiles at a matrix of levels: pass a vector of them")
    first = over_lanes(lambda v: quantile_of(v, q[0], method, skips), a, axis, keepdims)
    out = np.empty((q.shape[0], *np.shape(first)))
    for k in range(q.shape[0]):
        out[k] = over_lanes(lambda v, k=k: quantile_of(v, q[k], method, skips), a, axis, keepdims)
    return out


def middle(v):
    """The median of a vector; NaN if it has one."""
    n = v.shape[0]
    s = np.sort(v)
    if n == 0:
        return np.nan
    if np.isnan(s[n - 1]):
        return s[n - 1]
    return s[n // 2] if n % 2 == 1 else 0.5 * (s[n // 2 - 1] + s[n // 2])


def middle_of_numbers(v):
    """The median of what is not NaN in a vector."""
    return middle(v[~np.isnan(v)])


def quantile_of(v, q, method, skips):
    """A quantile of a vector."""
    if not 0.0 <= q <= 1.0:
        raise ValueError("Quantiles must be in the range [0, 1]")
    s = np.sort(v[~np.isnan(v)]) if skips else np.sort(v)
    n = s.shape[0]
    if n == 0:
        return np.nan
    if np.isnan(s[n - 1]):
        return s[n - 1]
    place = min(max(place_of(q, n, method), 0.0), n - 1.0)
    if method == "lower":
        return s[int(np.floor(place))]
    if method == "higher":
        return s[int(np.ceil(place))]
    if method == "nearest":
        return s[int(np.rint(place))]
    k = min(int(np.floor(place)), max(n - 2, 0))
    upper = s[min(k + 1, n - 1)]
    if method == "midpoint":
        return s[k] if place == k else 0.5 * (s[k] + upper)
    return s[k] + (place - k) * (upper - s[k])


def place_of(q, n, method):
    """Where a quantile lies in the order, from 0 (R. Hyndman and Y. Fan, 1996)."""
    if method == "weibull":
        return q * (n + 1) - 1.0
    if method == "hazen":
        return q * n - 0.5
    if method == "median_unbiased":
        return q * (n + 1.0 / 3.0) - 2.0 / 3.0
    if method == "normal_unbiased":
        return q * (n + 0.25) - 0.625
    if method == "interpolated_inverted_cdf":
        return q * n - 1.0
    if method not in ("linear", "lower", "higher", "nearest", "midpoint"):
        raise NotImplementedError("this method of np.quantile: use linear")
    return q * (n - 1)


# ---------------------------------------------------------------- without NaN


@expand(np.nansum)
def nansum(a, axis=None, keepdims=False):
    """The sum of what is not NaN."""
    return np.sum(np.where(np.isnan(a), 0.0, a), axis=axis, keepdims=keepdims)


@expand(np.nanprod)
def nanprod(a, axis=None, keepdims=False):
    """The product of what is not NaN."""
    return np.prod(np.where(np.isnan(a), 1.0, a), axis=axis, keepdims=keepdims)


@expand(np.nancumsum)
def nancumsum(a, axis=None):
    """Sums so far of what is not NaN."""
    return np.cumsum(np.where(np.isnan(a), 0.0, a), axis=axis)


@expand(np.nancumprod)
def nancumprod(a, axis=None):
    """Products so far of what is not NaN."""
    return np.cumprod(np.where(np.isnan(a), 1.0, a), axis=axis)


@expand(np.nanmean)
def nanmean(a, axis=None, keepdims=False):
    """The mean of what is not NaN."""
    count = np.sum(~np.isnan(a), axis=axis, keepdims=keepdims)
    return np.nansum(a, axis=axis, keepdims=keepdims) / count


@expand(np.nanvar)
def nanvar(a, axis=None, ddof=0, keepdims=False):
    """The variance of what is not NaN."""
    count = np.sum(~np.isnan(a), axis=axis, keepdims=keepdims)
    gaps = np.where(np.isnan(a), 0.0, a - np.nanmean(a, axis=axis, keepdims=True))
    return np.sum(squares(gaps), axis=axis, keepdims=keepdims) / (count - ddof)


@expand(np.nanstd)
def nanstd(a, axis=None, ddof=0, keepdims=False):
    """The standard deviation of what is not NaN."""
    return root(nanvar(a, axis, ddof, keepdims))


@expand(np.nanmax)
def nanmax(a, axis=None, keepdims=False):
    """The largest element that is not NaN."""
    peak = np.max(np.where(np.isnan(a), -np.inf, a), axis=axis, keepdims=keepdims)
    return np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, peak)


@expand(np.nanmin)
def nanmin(a, axis=None, keepdims=False):
    """The smallest element that is not NaN."""
    pit = np.min(np.where(np.isnan(a), np.inf, a), axis=axis, keepdims=keepdims)
    return np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, pit)


@expand(np.nanargmax)
def nanargmax(a, axis=None):
    """Where the largest element is that is not NaN."""
    if np.any(np.all(np.isnan(a), axis=axis)):
        raise ValueError("All-NaN slice encountered")
    return np.argmax(np.where(np.isnan(a), -np.inf, a), axis=axis)


@expand(np.nanargmin)
def nanargmin(a, axis=None):
    """Where the smallest element is that is not NaN."""
    if np.any(np.all(np.isnan(a), axis=axis)):
        raise ValueError("All-NaN slice encountered")
    return np.argmin(np.where(np.isnan(a), np.inf, a), axis=axis)


@expand(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """Numbers in place of NaN and infinities."""
    if not copy:
        raise NotImplementedError("np.nan_to_num with copy=False: assign the result")
    high = np.finfo(np.float64).max if posinf is None else posinf
    low = -np.finfo(np.float64).max if neginf is None else neginf
    finite = np.where(x == np.inf, high, np.where(x == -np.inf, low, x))
    return np.where(np.isnan(x), nan, finite)


# ---------------------------------------------------------------- counts


@expand(np.bincount)
def bincount(x, weights=None, minlength=0):
    """How often each number occurs, or the sums of their weights."""
    x = np.asarray(x)
    if np.any(x < 0):
        raise ValueError("'list' argument must have no negative elements")
    size = max(np.max(x) + 1 if x.shape[0] > 0 else 0, minlength)
    if weights is None:
        counts = np.zeros(size, dtype=np.int64)
        for i in range(x.shape[0]):
            counts[x[i]] += 1
        return counts
    if weights.shape[0] != x.shape[0]:
        raise ValueError("The weights and list don't have the same length.")
    out = np.zeros(size)
    for i in range(x.shape[0]):
        out[x[i]] += weights[i]
    return out


@expand(np.histogram)
def histogram(a, bins=10, range=None):
    """How many elements lie in each bin, and the edges of the bins."""
    v = np.ravel(a)
    edges = edges_of(v, bins, range)
    last = edges.shape[0] - 1
    counts = np.zeros(last, dtype=np.int64)
    for x in v:
        if edges[0] <= x <= edges[last]:
            counts[min(insertion_point(edges, x, "right"), last) - 1] += 1
    return counts, edges


def edges_of(v, bins, limits):
    """The edges of bins of the same width, or those given."""
    if np.ndim(bins) > 0:
        return np.asarray(bins)
    low, high = (np.min(v), np.max(v)) if limits is None else limits
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)
