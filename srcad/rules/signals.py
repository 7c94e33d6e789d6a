"""Samples of functions: convolved, interpolated, integrated, differenced; windows for them."""

import math

import numpy as np

from srcad.rules.registry import expand
from srcad.rules.sorting import insertion_point

# ---------------------------------------------------------------- convolution


@expand(np.convolve)
def convolve(a, v, mode="full"):
    """Products of all pairs of samples, added up by the sum of their places."""
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    return trimmed(all_pairs(a, v), a.shape[0], v.shape[0], mode, False)


@expand(np.correlate)
def correlate(a, v, mode="valid"):
    """Products of all pairs of samples, added up by the difference of their places."""
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    backwards = v.shape[0] > a.shape[0]
    return trimmed(all_pairs(a, np.conj(v)[::-1]), a.shape[0], v.shape[0], mode, backwards)


def all_pairs(a, v):
    """The convolution at every place where the two overlap."""
    n, m = a.shape[0], v.shape[0]
    if n == 0 or m == 0:
        raise ValueError("np.convolve and np.correlate take vectors that are not empty")
    out = np.zeros(n + m - 1, dtype=np.result_type(a, v))
    for i in range(n):
        for j in range(m):
            out[i + j] += a[i] * v[j]
    return out


def trimmed(full, n, m, mode, backwards):
    """The part of a convolution that a mode asks for."""
    if mode == "full":
        return full
    less = min(n, m) - 1
    if mode == "valid":
        return full[less : full.shape[0] - less].copy()
    if mode != "same":
        raise ValueError("mode must be 'full', 'same' or 'valid'")
    start = less - less // 2 if backwards else less // 2
    return full[start : start + max(n, m)].copy()


# ---------------------------------------------------------------- interpolation


@expand(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """The polygon through the points (xp, fp) at x; at one of them the slope to its right."""
    if period is not None:
        raise NotImplementedError("np.interp with a period: reduce x and xp by % first")
    xp, fp = np.asarray(xp), np.asarray(fp)
    if xp.shape[0] != fp.shape[0] or xp.shape[0] == 0:
        raise ValueError("np.interp: xp and fp must have the same length, not 0")
    if np.ndim(x) == 0:
        return interpolated(x, xp, fp, left, right)
    x = np.asarray(x)
    out = np.empty(x.shape, dtype=np.complex128 if np.iscomplexobj(fp) else np.float64)
    for at in np.ndindex(x.shape):
        out[at] = interpolated(x[at], xp, fp, left, right)
    return out


def interpolated(x, xp, fp, left, right):
    """The polygon at one point."""
    last = xp.shape[0] - 1
    if x < xp[0]:
        return fp[0] if left is None else left
    if x > xp[last]:
        return fp[last] if right is None else right
    if last == 0:
        return fp[0]
    k = min(insertion_point(xp, x, "right"), last) - 1
    return fp[k] + (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k]) * (x - xp[k])


@expand(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2.0 * math.pi):
    """Multiples of the period added, so that no jump is longer than half of it."""
    p = np.asarray(p)
    longest = period / 2.0 if discont is None else max(discont, period / 2.0)
    if p.ndim == 1:
        return unwrapped(p, longest, period)
    out = np.empty_like(p)
    lanes, found = np.moveaxis(p, axis, -1), np.moveaxis(out, axis, -1)
    for at in np.ndindex(lanes.shape[:-1]):
        found[at] = unwrapped(lanes[at], longest, period)
    return out


def unwrapped(p, longest, period):
    """``np.unwrap`` of a vector."""
    out = p.copy()
    turns = 0.0
    for i in range(1, p.shape[0]):
        gap = p[i] - p[i - 1]
        if abs(gap) >= longest:
            turns += whole_turns(gap, period)
        out[i] -= turns * period
    return out


def whole_turns(gap, period):
    """How many periods a jump is to be shortened by; half a period keeps its sign."""
    share = gap / period + 0.5
    turns = np.floor(share)
    return turns - 1.0 if share == turns and gap > 0.0 else turns


# ---------------------------------------------------------------- integrals and differences


@expand(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of a polygon."""
    v = np.moveaxis(np.asarray(y), axis, -1)
    means = 0.5 * (v[..., 1:] + v[..., :-1])
    if x is None:
        return dx * np.sum(means, axis=-1)
    x = np.asarray(x)
    widths = np.diff(x) if x.ndim == 1 else np.diff(np.moveaxis(x, axis, -1))
    return np.sum(widths * means, axis=-1)


@expand(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    """Differences of neighbours in the order of the elements, with numbers before and after."""
    gaps = np.diff(np.ravel(ary))
    if to_begin is not None:
        gaps = np.concatenate((np.ravel(to_begin), gaps))
    if to_end is not None:
        gaps = np.concatenate((gaps, np.ravel(to_end)))
    return gaps


@expand(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """Slopes of samples: central differences inside, one-sided ones at the edges."""
    f = np.asarray(f)
    if axis is None:
        return slopes_along(f, varargs, tuple(range(f.ndim)), edge_order)
    if isinstance(axis, tuple):
        return slopes_along(f, varargs, axis, edge_order)
    return slopes(f, spacing_of(varargs, 0), axis, edge_order)


def slopes_along(f, varargs, axes, edge_order):
    """Slopes along each of several axes; of one axis without a tuple."""
    if len(axes) == 1:
        return slopes(f, spacing_of(varargs, 0), axes[0], edge_order)
    return tuple([slopes(f, spacing_of(varargs, k), axes[k], edge_order) for k in range(len(axes))])


def spacing_of(varargs, k):
    """The spacing of an axis: a number, or the places of the samples."""
    if len(varargs) == 0:
        return 1.0
    return varargs[0] if len(varargs) == 1 else varargs[k]


def slopes(f, h, axis, edge_order):
    """Slopes along one axis."""
    v = np.moveaxis(f, axis, 0)
    if v.shape[0] < edge_order + 1:
        raise ValueError("np.gradient: an axis has too few elements")
    out = np.empty_like(v)
    if np.ndim(h) == 0:
        out[1:-1] = (v[2:] - v[:-2]) / (2.0 * h)
        if edge_order == 1:
            out[0] = (v[1] - v[0]) / h
            out[-1] = (v[-1] - v[-2]) / h
        else:
            out[0] = (-1.5 * v[0] + 2.0 * v[1] - 0.5 * v[2]) / h
            out[-1] = (1.5 * v[-1] - 2.0 * v[-2] + 0.5 * v[-3]) / h
        return np.moveaxis(out, 0, axis)
    if np.asarray(h).shape[0] != v.shape[0]:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    gaps = np.diff(np.asarray(h))
    for i in range(1, v.shape[0] - 1):
        a, b = gaps[i - 1], gaps[i]
        out[i] = (a * a * v[i + 1] + (b * b - a * a) * v[i] - b * b * v[i - 1]) / (a * b * (a + b))
    if edge_order == 1:
        out[0] = (v[1] - v[0]) / gaps[0]
        out[-1] = (v[-1] - v[-2]) / gaps[-1]
    else:
        out[0] = edge_slope(v[0], v[1], v[2], gaps[0], gaps[1])
        out[-1] = -edge_slope(v[-1], v[-2], v[-3], gaps[-1], gaps[-2])
    return np.moveaxis(out, 0, axis)


def edge_slope(first, second, third, a, b):
    """The slope at the first of three samples of a parabola."""
    return (
        -(2.0 * a + b) / (a * (a + b)) * first
        + (a + b) / (a * b) * second
        - a / (b * (a + b)) * third
    )


# ---------------------------------------------------------------- windows


def odd_numbers(M):
    """``1 - M, 3 - M, ..., M - 1``."""
    return np.arange(1 - M, M, 2)


@expand(np.bartlett)
def bartlett(M):
    n = odd_numbers(M)
    return 1.0 - np.abs(n) / max(M - 1, 1)


@expand(np.hanning)
def hanning(M):
    return 0.5 + 0.5 * np.cos(np.pi * odd_numbers(M) / max(M - 1, 1))


@expand(np.hamming)
def hamming(M):
    return 0.54 + 0.46 * np.cos(np.pi * odd_numbers(M) / max(M - 1, 1))


@expand(np.blackman)
def blackman(M):
    n = odd_numbers(M) / max(M - 1, 1)
    return 0.42 + 0.5 * np.cos(np.pi * n) + 0.08 * np.cos(2.0 * np.pi * n)


@expand(np.kaiser)
def kaiser(M, beta):
    out = np.empty(max(M, 0))
    for k in range(max(M, 0)):
        n = (2.0 * k - (M - 1)) / max(M - 1, 1)
        out[k] = bessel_i0(beta * beta * (1.0 - n * n)) / bessel_i0(beta * beta)
    return out


def bessel_i0(square):
    """The modified Bessel function of order 0 of the root of a number, by its series."""
    total = 1.0
    term = 1.0
    k = 1
    while abs(term) > 1e-17 * total:
        term *= 0.25 * square / (k * k)
        total += term
        k += 1
    return total
