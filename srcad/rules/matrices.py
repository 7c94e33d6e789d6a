"""Parts of matrices and vectors written out in loops: diagonals, triangles, grids, moments."""

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
    """The variance along an axis."""
    if axis is None:
        gaps = squares(a - np.mean(a))
        return np.sum(gaps) / (a.size - ddof)
    gaps = squares(a - np.mean(a, axis=axis, keepdims=True))
    return np.sum(gaps, axis=axis, keepdims=keepdims) / (a.shape[axis] - ddof)


def squares(a):
    """Squares of the absolute values."""
    if np.iscomplexobj(a):
        return a.real * a.real + a.imag * a.imag
    return a * a


@expand(np.std)
def std(a, axis=None, ddof=0, keepdims=False):
    """The standard deviation along an axis."""
    return np.sqrt(var(a, axis, ddof, keepdims))


@expand(np.linalg.norm)
def norm(x, ord=None, axis=None):
    """The norm of a vector, or the Frobenius norm of a matrix."""
    if axis is not None:
        return norm_along(x, ord, axis)
    if ord is None or (ord == 2 and np.ndim(x) == 1) or (ord == "fro" and np.ndim(x) == 2):
        total = np.sum(squares(x))
        return np.sqrt(total) if total != 0.0 else 0.0 * total
    if np.ndim(x) == 2:
        raise NotImplementedError("np.linalg.norm of a matrix: only the Frobenius norm")
    if ord == 1:
        return np.sum(np.abs(x))
    if ord == np.inf:
        return np.max(np.abs(x))
    return np.sum(np.abs(x) ** ord) ** (1.0 / ord)  # type: ignore[operator]


def norm_along(x, ord, axis):
    """Norms of the vectors along an axis."""
    if ord is None or ord == 2:
        return np.sqrt(np.sum(squares(x), axis=axis))
    if ord == 1:
        return np.sum(np.abs(x), axis=axis)
    return np.max(np.abs(x), axis=axis)
