"""Parts of matrices and vectors written out in loops: diagonals, triangles, grids, moments."""

import numpy as np

from srcad.rules.registry import expand


@expand(np.diag)
def diag(v, k=0):
    """The matrix with a diagonal, or the diagonal of a matrix."""
    v = np.asarray(v)
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0] + abs(k)
    out = np.zeros((n, n), dtype=v.dtype)
    for i in range(v.shape[0]):
        out[i + max(0, -k), i + max(0, k)] = v[i]
    return out


@expand(np.array_equal)
def array_equal(a1, a2):
    """Whether two arrays have the same shape and elements."""
    if a1.ndim != a2.ndim or a1.shape != a2.shape:
        return False
    return np.all(a1 == a2)


@expand(np.fill_diagonal)
def fill_diagonal(a, val):
    """Write the diagonal of a matrix."""
    for i in range(min(a.shape[0], a.shape[1])):
        if np.ndim(val) == 0:
            a[i, i] = val
        else:
            a[i, i] = val[i % val.shape[0]]


@expand(np.triu)
def triu(m, k=0):
    """The upper triangle of a matrix."""
    out = np.zeros_like(m)
    for i in range(m.shape[0]):
        for j in range(max(0, i + k), m.shape[1]):
            out[i, j] = m[i, j]
    return out


@expand(np.tril)
def tril(m, k=0):
    """The lower triangle of a matrix."""
    out = np.zeros_like(m)
    for i in range(m.shape[0]):
        for j in range(min(m.shape[1], i + k + 1)):
            out[i, j] = m[i, j]
    return out


@expand(np.meshgrid)
def meshgrid(x, y, indexing="xy"):
    """The coordinates of a grid."""
    if indexing == "ij":
        columns, rows = np.empty((x.shape[0], y.shape[0])), np.empty((x.shape[0], y.shape[0]))
        columns[:, :] = x[:, None]
        rows[:, :] = y
        return columns, rows
    columns, rows = np.empty((y.shape[0], x.shape[0])), np.empty((y.shape[0], x.shape[0]))
    columns[:, :] = x
    rows[:, :] = y[:, None]
    return columns, rows


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
