"""Functions of ``scipy.special`` of whole arrays, and those in terms of others."""

import numpy as np
from scipy import special

from srcad.rules.registry import expand, same_as


def fixed(x):
    """x, to which nothing flows back."""
    return x


same_as("stop_gradient", fixed)


@expand(special.logsumexp)
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """``log(sum(b * exp(a)))`` along an axis, without overflow."""
    if return_sign:
        raise NotImplementedError("scipy.special.logsumexp with return_sign")
    if axis is None:
        total = log_of_sum(np.sum(scaled_exp(a, b, finite_max(a))), finite_max(a))
        return np.full((1,) * a.ndim, total) if keepdims else total
    top = np.max(a, axis=axis, keepdims=True)
    top = fixed(np.where(np.isfinite(top), top, 0.0))
    total = np.sum(scaled_exp(a, b, top), axis=axis, keepdims=keepdims)
    if keepdims:
        return log_of_sum(total, top)
    return log_of_sum(total, np.sum(top, axis=axis))


def finite_max(a):
    """The maximum, 0 where it is infinite: what is taken off before exp."""
    top = np.max(a)
    return fixed(top if np.isfinite(top) else 0.0)


def scaled_exp(a, b, top):
    """The terms of the sum, times ``exp(-top)``."""
    return np.exp(a - top) if b is None else b * np.exp(a - top)


def log_of_sum(total, top):
    """The logarithm of ``exp(top) * total``; nothing flows back from a sum without terms."""
    return np.where(total == 0.0, -np.inf, np.log(total) + top)


@expand(special.softmax)
def softmax(x, axis=None):
    """``exp(x)`` over its sum along an axis."""
    if axis is None:
        e = np.exp(x - fixed(np.max(x)))
        return e / np.sum(e)
    e = np.exp(x - fixed(np.max(x, axis=axis, keepdims=True)))
    return e / np.sum(e, axis=axis, keepdims=True)


@expand(special.log_softmax)
def log_softmax(x, axis=None):
    """The logarithm of ``softmax``, without underflow."""
    if axis is None:
        gap = x - fixed(np.max(x))
        return gap - np.log(np.sum(np.exp(gap)))
    gap = x - fixed(np.max(x, axis=axis, keepdims=True))
    return gap - np.log(np.sum(np.exp(gap), axis=axis, keepdims=True))


@expand(special.polygamma)
def polygamma(n, x):
    """Derivative number n of psi."""
    if n == 0:
        return special.psi(x)
    sign = -1.0 if n % 2 == 0 else 1.0
    return sign * special.gamma(n + 1.0) * special.zeta(n + 1.0, x)


@expand(special.multigammaln)
def multigammaln(a, d):
    """The logarithm of the multivariate gamma function of dimension d."""
    if d < 1:
        raise ValueError("d should be a positive integer (dimension)")
    if np.any(np.asarray(a) <= 0.5 * (d - 1)):
        raise ValueError("condition a > 0.5 * (d - 1) not met")
    total = special.gammaln(a) + 0.25 * d * (d - 1) * 1.1447298858494002
    for j in range(1, d):
        total = total + special.gammaln(a - 0.5 * j)
    return total


@expand(special.comb)
def comb(N, k, exact=False, repetition=False):
    """The number of ways to choose k of N."""
    if exact:
        raise NotImplementedError("scipy.special.comb with exact=True")
    if repetition:
        return comb(N + k - 1, k)
    return np.where((k <= N) & (N >= 0) & (k >= 0), special.binom(N, k), 0.0)


@expand(special.factorial)
def factorial(n, exact=False):
    """``gamma(n + 1)``, 0 for negative n."""
    if exact:
        raise NotImplementedError("scipy.special.factorial with exact=True")
    return np.where(n < 0, 0.0, special.gamma(n + 1.0))
