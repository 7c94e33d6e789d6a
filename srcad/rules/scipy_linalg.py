"""Functions of ``scipy.linalg`` written out in loops, and those that are NumPy's."""

import numpy as np
from scipy import linalg

from srcad.inside import refuse
from srcad.rules.linalg import from_lower, h
from srcad.rules.registry import expand


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
    x = (b / 1.0).astype(np.result_type(a, b / 1.0))
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
    x = (b / 1.0).astype(np.result_type(ab, b / 1.0))
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
    """The x of ``a @ x = b``; of a symmetric or Hermitian matrix one triangle is read."""
    if assume_a in (None, "gen", "general"):
        m = a
    elif assume_a in ("her", "hermitian", "pos", "positive definite"):
        m = from_lower(a if lower else h(a))
    elif assume_a in ("sym", "symmetric"):
        low = a if lower else a.T
        m = np.tril(low) + np.tril(low, -1).T
    else:
        refuse("solve with this assume_a", "leave it out")
        m = a
    return np.linalg.solve(m.T.copy() if transposed else m, b)


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
        refuse("norm with keepdims", "use np.linalg.norm")
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


@expand(linalg.block_diag)
def block_diag(*arrs):
    """Matrices along the diagonal of one."""
    rows, columns = 0, 0
    for a in arrs:
        if a.ndim != 2:
            refuse("block_diag of vectors", "make matrices of them: a[None]")
        rows += a.shape[0]
        columns += a.shape[1]
    out = np.zeros((rows, columns), dtype=np.result_type(*arrs))
    row, column = 0, 0
    for a in arrs:
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                out[row + i, column + j] = a[i, j]
        row += a.shape[0]
        column += a.shape[1]
    return out


@expand(linalg.solve_toeplitz)
def solve_toeplitz(c_or_cr, b, check_finite=True):
    """The x of ``toeplitz(c, r) @ x = b``."""
    a = toeplitz(*c_or_cr) if isinstance(c_or_cr, tuple) else toeplitz(c_or_cr)
    return np.linalg.solve(a, b)


@expand(linalg.solveh_banded)
def solveh_banded(ab, b, overwrite_ab=False, overwrite_b=False, lower=False, check_finite=True):
    """The x of ``a @ x = b`` for a positive definite matrix of few diagonals; Cholesky."""
    width, n = ab.shape[0] - 1, ab.shape[1]
    if b.shape[0] != n:
        raise ValueError("solveh_banded: as many right-hand sides as columns are needed")
    factor = np.zeros((n, width + 1), dtype=ab.dtype)  # factor[i, i - j] is that of row i, column j
    for i in range(n):
        for j in range(max(0, i - width), i + 1):
            s = ab[i - j, j] if lower else np.conj(ab[width + j - i, i])
            for k in range(max(0, i - width), j):
                s -= factor[i, i - k] * np.conj(factor[j, j - k])
            if j < i:
                factor[i, i - j] = s / factor[j, 0]
            else:
                if np.real(s) <= 0.0:
                    raise ValueError("solveh_banded: the matrix is not positive definite")
                factor[i, 0] = np.sqrt(np.real(s))
    x = (b / 1.0).astype(np.result_type(ab, b / 1.0))
    for i in range(n):
        for k in range(max(0, i - width), i):
            x[i] -= factor[i, i - k] * x[k]
        x[i] /= factor[i, 0]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, min(n, i + width + 1)):
            x[i] -= np.conj(factor[k, k - i]) * x[k]
        x[i] /= factor[i, 0]
    return x
