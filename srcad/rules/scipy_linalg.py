"""Functions of ``scipy.linalg`` written out in loops, and those that are NumPy's."""

import math

import numpy as np
from scipy import linalg

from srcad.rules.linalg import h
from srcad.rules.registry import d, expand, pullback, pushforward


@expand(linalg.solve_triangular)
def solve_triangular(
    a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True
):
    """The x of ``a @ x = b`` for a triangle of a, the other one not read."""
    n = a.shape[0]
    if a.shape[1] != n or b.shape[0] != n:
        raise ValueError("solve_triangular takes a square matrix and as many right-hand sides")
    if trans == 2 or trans == "C":  # noqa: PLR1714
        t = np.conj(a).T
    elif trans == 1 or trans == "T":  # noqa: PLR1714
        t = a.T
    else:
        t = a
    x = b / 1.0
    if lower == (trans == 0 or trans == "N"):  # noqa: PLR1714
        for i in range(n):
            for k in range(i):
                x[i] -= t[i, k] * x[k]
            divide(x, i, t, unit_diagonal)
    else:
        for i in range(n - 1, -1, -1):
            for k in range(i + 1, n):
                x[i] -= t[i, k] * x[k]
            divide(x, i, t, unit_diagonal)
    return x


def divide(x, i, t, unit_diagonal):
    """Divide a row of the solution by its element of the diagonal."""
    if not unit_diagonal:
        if t[i, i] == 0.0:
            raise ValueError("singular matrix: an element of the diagonal is zero")
        x[i] /= t[i, i]


@expand(linalg.cholesky)
def cholesky(a, lower=False, overwrite_a=False, check_finite=True):
    """The factor of a positive definite matrix: the upper one, unless lower."""
    if lower:
        return np.linalg.cholesky(a)
    return np.conj(np.linalg.cholesky(np.conj(a.T))).T.copy()


@expand(linalg.cho_factor)
def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """The factor and whether it is the lower one; the other triangle is that of a."""
    factor = a.copy()
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if (j <= i) if lower else (i <= j):
                factor[i, j] = 0.0
    return factor + cholesky(a, lower), lower


@expand(linalg.cho_solve)
def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """The x of ``a @ x = b`` from the factor of a."""
    c, lower = c_and_lower
    if lower:
        return solve_triangular(c, solve_triangular(c, b, 0, True), 2, True)
    return solve_triangular(c, solve_triangular(c, b, 2, False), 0, False)


@expand(linalg.solve_banded)
def solve_banded(l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True):
    """The x of ``a @ x = b`` for a matrix of few diagonals; Gauss with row exchanges."""
    below, above = l_and_u
    n = ab.shape[1]
    if ab.shape[0] != below + above + 1:
        raise ValueError("solve_banded: ab must have as many rows as there are diagonals")
    if b.shape[0] != n:
        raise ValueError("solve_banded: as many right-hand sides as columns are needed")
    width = below + above
    u = np.zeros((n, below + width + 1), dtype=ab.dtype)  # row i from column i - below on
    for i in range(n):
        for j in range(max(0, i - below), min(n, i + above + 1)):
            u[i, j - i + below] = ab[above + i - j, j]
    x = b / 1.0
    for j in range(n):
        pivot = j
        for i in range(j + 1, min(n, j + below + 1)):
            if abs(u[i, j - i + below]) > abs(u[pivot, j - pivot + below]):
                pivot = i
        if u[pivot, j - pivot + below] == 0.0:
            raise ValueError("solve_banded: the matrix is singular")
        if pivot != j:
            for k in range(j, min(n, j + width + 1)):
                s = u[j, k - j + below]
                u[j, k - j + below] = u[pivot, k - pivot + below]
                u[pivot, k - pivot + below] = s
            if b.ndim == 1:
                x[j], x[pivot] = x[pivot], x[j]
            else:
                for k in range(b.shape[1]):
                    x[j, k], x[pivot, k] = x[pivot, k], x[j, k]
        for i in range(j + 1, min(n, j + below + 1)):
            factor = u[i, j - i + below] / u[j, below]
            for k in range(j + 1, min(n, j + width + 1)):
                u[i, k - i + below] -= factor * u[j, k - j + below]
            x[i] -= factor * x[j]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, min(n, i + width + 1)):
            x[i] -= u[i, k - i + below] * x[k]
        x[i] /= u[i, below]
    return x


@expand(linalg.solve)
def solve(a, b, lower=False, overwrite_a=False, overwrite_b=False, check_finite=True,
          assume_a=None, transposed=False):  # fmt: skip
    """The x of ``a @ x = b``."""
    if assume_a is not None and assume_a != "gen":
        raise NotImplementedError("scipy.linalg.solve with assume_a")
    if transposed:
        return np.linalg.solve(a.T.copy(), b)
    return np.linalg.solve(a, b)


@expand(linalg.inv)
def inv(a, overwrite_a=False, check_finite=True):
    """The inverse of a square matrix."""
    return np.linalg.inv(a)


@expand(linalg.det)
def det(a, overwrite_a=False, check_finite=True):
    """The determinant."""
    return np.linalg.det(a)


@expand(linalg.norm)
def norm(a, ord=None, axis=None, keepdims=False, check_finite=True):
    """The norm of a vector or of a matrix."""
    if keepdims:
        raise NotImplementedError("scipy.linalg.norm with keepdims")
    return np.linalg.norm(a, ord, axis)


@expand(linalg.toeplitz)
def toeplitz(c, r=None):
    """The matrix of constant diagonals with this first column and row."""
    row = np.conj(c) if r is None else r
    out = np.empty((c.shape[0], row.shape[0]), dtype=(c[:1] + row[:1]).dtype)
    for i in range(c.shape[0]):
        for j in range(row.shape[0]):
            out[i, j] = c[i - j] if i >= j else row[j - i]
    return out


@expand(linalg.circulant)
def circulant(c):
    """The matrix whose columns are the vector moved on in a circle."""
    n = c.shape[0]
    out = np.empty((n, n), dtype=c.dtype)
    for i in range(n):
        for j in range(n):
            out[i, j] = c[(i - j) % n]
    return out


# ---------------------------------------------------------------- functions of matrices


@expand(linalg.expm)
def expm(A):
    """The exponentials of a stack of matrices."""
    if A.ndim == 2:
        return exponential(A * 1.0)
    flat = A.reshape((-1, A.shape[-2], A.shape[-1])) * 1.0
    out = np.empty_like(flat)
    for k in range(flat.shape[0]):
        out[k] = exponential(flat[k])
    return out.reshape(A.shape)


def exponential(a):
    """The exponential of a matrix: scaled, a Pade approximant of order 13, squared.

    N. Higham, The scaling and squaring method for the matrix exponential revisited (2005).
    """
    norm = np.linalg.norm(a)
    squarings = 0
    if 5.37 < norm < np.inf:
        squarings = math.ceil(math.log2(norm / 5.37))
    b = a / 2.0**squarings
    one = np.eye(a.shape[0], dtype=a.dtype)
    b2 = b @ b
    b4 = b2 @ b2
    b6 = b4 @ b2
    odd = b @ (
        b6 @ (b6 + 16380.0 * b4 + 40840800.0 * b2)
        + 33522128640.0 * b6 + 10559470521600.0 * b4 + 1187353796428800.0 * b2
        + 32382376266240000.0 * one
    )  # fmt: skip
    even = (
        b6 @ (182.0 * b6 + 960960.0 * b4 + 1323241920.0 * b2)
        + 670442572800.0 * b6 + 129060195264000.0 * b4 + 7771770303897600.0 * b2
        + 64764752532480000.0 * one
    )  # fmt: skip
    y = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        y = y @ y
    return y


def exponential_along(a, change):
    """The derivative of ``exponential`` along a matrix: the corner of that of a block matrix.

    It is linear in the matrix, which is scaled so that the block needs no more squarings than a.
    """
    n = a.shape[0]
    size = np.sum(np.abs(change))
    if size == 0.0:
        size = 1.0
    block = np.zeros((2 * n, 2 * n), dtype=a.dtype)
    for i in range(n):
        for j in range(n):
            block[i, j] = a[i, j]
            block[n + i, n + j] = a[i, j]
            block[i, n + j] = change[i, j] / size
    return size * exponential(block)[:n, n:]


@pullback(exponential)
def _(y, a):
    d[a] += exponential_along(h(a), d[y])


@pushforward(exponential)
def _(y, a):
    d[y] = exponential_along(a, d[a])
