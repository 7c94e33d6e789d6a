"""Parts of matrices and vectors written out in loops: diagonals, triangles, grids, moments."""

import math

import numpy as np

from srcad.rules.registry import expand


@expand(np.array_equal)
def array_equal(a1, a2):
    """Whether two arrays have the same shape and elements."""
    if a1.ndim != a2.ndim or a1.shape != a2.shape:
        return False
    return np.all(a1 == a2)


# ---------------------------------------------------------------- moments and norms


@expand(np.var)
def var(a, axis=None, ddof=0, keepdims=False):
    """The variance along an axis, or several."""
    if axis is None and not keepdims:
        gaps = squares(a - np.mean(a))
        return np.sum(gaps) / (a.size - ddof)
    gaps = squares(a - np.mean(a, axis=axis, keepdims=True))
    return np.sum(gaps, axis=axis, keepdims=keepdims) / (np.size(a, axis) - ddof)


def squares(a):
    """Squares of the absolute values."""
    if np.iscomplexobj(a):
        return a.real * a.real + a.imag * a.imag
    return a * a


@expand(np.std)
def std(a, axis=None, ddof=0, keepdims=False):
    """The standard deviation along an axis."""
    return root(var(a, axis, ddof, keepdims))


def root(total, power=None):
    """The root of a sum of squares (or another power), which as a norm has derivative 0 at 0."""
    if np.ndim(total) == 0:
        if total == 0.0:
            return 0.0 * total
        return np.sqrt(total) if power is None else total**power
    roots = np.sqrt(total) if power is None else total**power
    return np.where(total != 0.0, roots, 0.0 * total)


@expand(math.dist)
def dist(p, q):
    """The distance of two points."""
    if len(p) != len(q):
        raise ValueError("both points must have the same number of dimensions")
    total = 0.0
    for i in range(len(p)):
        total += (p[i] - q[i]) ** 2
    return root(total)
