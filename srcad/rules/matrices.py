"""Parts of matrices and vectors written out in loops: diagonals, triangles, grids, moments."""

import numpy as np

from srcad.rules.registry import expand


@expand(np.diagonal)
def diagonal(a, offset=0):
    """A diagonal of a matrix (a copy: NumPy's view cannot be written either)."""
    first_row = max(0, -offset)
    first_column = max(0, offset)
    n = max(0, min(a.shape[0] - first_row, a.shape[1] - first_column))
    out = np.empty(n, dtype=a.dtype)
    for i in range(n):
        out[i] = a[first_row + i, first_column + i]
    return out


@expand(np.diag)
def diag(v, k=0):
    """The matrix with a diagonal, or the diagonal of a matrix."""
    v = np.asarray(v)
    if v.ndim == 2:
        return diagonal(v, k)
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


@expand(np.cross)
def cross(a, b):
    """The product of two vectors in space, or of the rows of two matrices."""
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError("np.cross takes vectors of length 3 here")
    x = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    y = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    z = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if a.ndim == b.ndim == 1:
        return np.array([x, y, z])
    out = np.empty((x.shape[0], 3))
    out[:, 0], out[:, 1], out[:, 2] = x, y, z
    return out


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
