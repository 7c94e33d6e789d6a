"""Polynomials, by their coefficients."""

import numpy as np
from numpy.polynomial import polynomial

from srcad.rules.registry import expand

# ---------------------------------------------------------------- values


@expand(np.polyval)
def polyval(p, x):
    """The value of a polynomial, the coefficient of the highest power first."""
    p = np.asarray(p)
    if np.ndim(x) == 0:
        return horner(p, np.float64(x) if isinstance(x, int) else np.asarray(x))
    x = np.asarray(x)
    out = np.empty(x.shape, dtype=np.result_type(p, x))
    for at in np.ndindex(x.shape):
        out[at] = horner(p, x[at])
    return out


@expand(polynomial.polyval)
def polyval_ascending(x, c):
    """The same with the constant coefficient first."""
    c = np.asarray(c)
    if c.ndim != 1:
        raise NotImplementedError("polyval of several polynomials: loop over them")
    return polyval(c[::-1], x)


def horner(p, x):
    """A polynomial at a point."""
    total = 0.0 * x
    for k in range(p.shape[0]):
        total = total * x + p[k]
    return total


@expand(np.vander)
def vander(x, N=None, increasing=False):
    """Powers of the elements, those of one in each row."""
    x = np.asarray(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    columns = x.shape[0] if N is None else N
    out = np.empty((x.shape[0], columns), dtype=x.dtype)
    for i in range(x.shape[0]):
        for j in range(columns):
            out[i, j if increasing else columns - 1 - j] = x[i] ** j
    return out


# ---------------------------------------------------------------- fitting


@expand(np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """The coefficients of least squares, of columns scaled to length 1 as NumPy's are."""
    if full or cov:
        raise NotImplementedError("polyfit with full or cov: the coefficients alone are supported")
    columns, values = np.vander(x, deg + 1), np.asarray(y)
    if w is not None:
        weights = np.asarray(w)
        columns = columns * weights[:, None]
        values = values * (weights if values.ndim == 1 else weights[:, None])
    lengths = np.sqrt(np.sum(columns * columns, axis=0))
    smallest = len(x) * 2.220446049250313e-16 if rcond is None else rcond
    found = np.linalg.lstsq(columns / lengths, values, smallest)[0]
    return found / (lengths if values.ndim == 1 else lengths[:, None])


# ---------------------------------------------------------------- arithmetic


@expand(np.polyadd)
def polyadd(a1, a2):
    """The sum, the highest power first."""
    return polyadd_ascending(np.asarray(a1)[::-1], np.asarray(a2)[::-1])[::-1].copy()


@expand(np.polysub)
def polysub(a1, a2):
    """The difference, the highest power first."""
    return polyadd(a1, -np.asarray(a2))


@expand(np.polymul)
def polymul(a1, a2):
    """The product, the highest power first."""
    one, two = without_zeros(np.asarray(a1)[::-1]), without_zeros(np.asarray(a2)[::-1])
    return np.convolve(one, two)[::-1].copy()


@expand(polynomial.polyadd)
def ascending_sum(c1, c2):
    """The sum, the constant coefficient first, without zeros at the end."""
    return without_zeros(polyadd_ascending(np.asarray(c1), np.asarray(c2)))


@expand(polynomial.polysub)
def ascending_difference(c1, c2):
    """The difference, likewise."""
    return without_zeros(polyadd_ascending(np.asarray(c1), -np.asarray(c2)))


@expand(polynomial.polymul)
def ascending_product(c1, c2):
    """The product, likewise."""
    return without_zeros(np.convolve(np.asarray(c1), np.asarray(c2)))


@expand(polynomial.polyint)
def ascending_integral(c, m=1):
    """The integral of a polynomial from 0, m times."""
    c = np.asarray(c)
    for _ in range(m):
        c = np.append(0.0, c / np.arange(1, c.shape[0] + 1))
    return c


def without_zeros(c):
    """The coefficients, the constant one first, up to the last that is not 0."""
    stop = c.shape[0]
    while stop > 1 and c[stop - 1] == 0.0:
        stop -= 1
    return c[:stop].copy()


def polyadd_ascending(c1, c2):
    """The sum, the constant coefficient first."""
    out = np.zeros(max(c1.shape[0], c2.shape[0]), dtype=np.result_type(c1, c2))
    out[: c1.shape[0]] += c1
    out[: c2.shape[0]] += c2
    return out


@expand(np.polyder)
def polyder(p, m=1):
    """The derivative of a polynomial, m times."""
    p = np.asarray(p)
    for _ in range(m):
        n = p.shape[0]
        p = p[: n - 1] * np.arange(n - 1, 0, -1)
    return p


@expand(np.polyint)
def polyint(p, m=1):
    """The integral of a polynomial from 0, m times."""
    p = np.asarray(p)
    for _ in range(m):
        n = p.shape[0]
        p = np.append(p / np.arange(n, 0, -1), 0.0)
    return p


# ---------------------------------------------------------------- roots


@expand(np.poly)
def poly(seq_of_zeros):
    """The coefficients of a polynomial with these roots."""
    zeros = np.asarray(seq_of_zeros)
    if zeros.ndim != 1:
        raise NotImplementedError("np.poly of a matrix: pass its eigenvalues")
    out = np.zeros(zeros.shape[0] + 1, dtype=np.result_type(zeros, 1.0))
    out[0] = 1.0
    for k in range(zeros.shape[0]):
        for j in range(k + 1, 0, -1):
            out[j] -= zeros[k] * out[j - 1]
    return out


@expand(np.roots)
def roots(p):
    """The roots, complex, as the eigenvalues of the companion matrix."""
    p = np.asarray(p)
    start, stop = 0, p.shape[0]
    while start < stop and p[start] == 0.0:
        start += 1
    while stop > start and p[stop - 1] == 0.0:
        stop -= 1
    out = np.zeros(max(p.shape[0] - start - 1, 0), dtype=np.complex128)
    if stop - start > 1:
        out[: stop - start - 1] = companion_roots(p[start:stop])
    return out


def companion_roots(p):
    """The roots of a polynomial whose first and last coefficients are not 0."""
    n = p.shape[0] - 1
    companion = np.zeros((n, n), dtype=np.complex128)
    for k in range(n):
        companion[0, k] = -p[k + 1] / p[0]
        if k > 0:
            companion[k, k - 1] = 1.0
    return np.linalg.eigvals(companion)
