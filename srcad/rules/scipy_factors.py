"""Decompositions of ``scipy.linalg`` and the exponential of a matrix.

Those that are NumPy's go to the rules of ``srcad.rules.linalg``. The eigenvectors of ``eigh`` are
not: LAPACK computes them in another way there, with other signs.
"""

import math

import numpy as np
from scipy import linalg

from srcad.inside import refuse
from srcad.rules.linalg import h
from srcad.rules.registry import d, expand, pullback, pushforward
from srcad.rules.scipy_linalg import solve_triangular

# ---------------------------------------------------------------- those of NumPy


@expand(linalg.eigvalsh)
def eigvalsh(a, b=None, *, lower=True, overwrite_a=False, overwrite_b=False, type=1,
             check_finite=True, subset_by_index=None, subset_by_value=None, driver=None):  # fmt: skip
    """The eigenvalues of a Hermitian matrix, of which one triangle is read."""
    if b is not None:
        refuse("eigvalsh of two matrices", "bring it to one by a Cholesky factor")
    if subset_by_index is not None or subset_by_value is not None:
        refuse("eigvalsh of a subset", "take them from all of them")
    return np.linalg.eigvalsh(a if lower else h(a))


@expand(linalg.eigvals)
def eigvals(a, b=None, overwrite_a=False, check_finite=True, homogeneous_eigvals=False):
    """The eigenvalues, complex for a real matrix too."""
    if b is not None or homogeneous_eigvals:
        refuse("eigvals of two matrices", "solve with the second one")
    return np.linalg.eigvals(a)


@expand(linalg.eig)
def eig(a, b=None, left=False, right=True, overwrite_a=False, overwrite_b=False,
        check_finite=True, homogeneous_eigvals=False):  # fmt: skip
    """Eigenvalues and right eigenvectors, complex for a real matrix too."""
    if b is not None or left or not right or homogeneous_eigvals:
        refuse("eig with these options", "eig(a) is, and eigvals(a)")
    return np.linalg.eig(a)


@expand(linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, overwrite_a=False, check_finite=True,
        lapack_driver="gesdd"):  # fmt: skip
    """The singular value decomposition."""
    return np.linalg.svd(a, full_matrices, compute_uv)


@expand(linalg.svdvals)
def svdvals(a, overwrite_a=False, check_finite=True):
    """The singular values."""
    return np.linalg.svdvals(a)


@expand(linalg.qr)
def qr(a, overwrite_a=False, lwork=None, mode="full", pivoting=False, check_finite=True):
    """The QR decomposition; a full one of a matrix that is not tall."""
    if pivoting or mode not in ("full", "economic"):
        refuse("qr with these options", 'write mode="economic"')
    if mode == "full" and a.shape[0] > a.shape[1]:
        raise ValueError(
            "scipy.linalg.qr of a tall matrix: only the thin decomposition has a derivative; "
            'pass mode="economic"'
        )
    return np.linalg.qr(a)


@expand(linalg.pinv)
def pinv(a, *, atol=None, rtol=None, return_rank=False, check_finite=True):
    """The pseudo-inverse."""
    if atol is not None or return_rank:
        refuse("pinv with atol or return_rank", "pass rtol")
    cut = max(a.shape[0], a.shape[1]) * np.finfo(a.dtype).eps if rtol is None else rtol
    return np.linalg.pinv(a, cut)


@expand(linalg.lstsq)
def lstsq(a, b, cond=None, overwrite_a=False, overwrite_b=False, check_finite=True,
          lapack_driver=None):  # fmt: skip
    """The least squares solution, its residuals, the rank, and the singular values."""
    return np.linalg.lstsq(a, b, np.finfo(a.dtype).eps if cond is None else cond)


# ---------------------------------------------------------------- Gauss


@expand(linalg.lu_factor)
def lu_factor(a, overwrite_a=False, check_finite=True):
    """The factors in one matrix, and the rows that were exchanged."""
    if a.ndim != 2:
        refuse("lu_factor of a stack of matrices", "loop over them")
    return factored(a * 1.0)


def factored(a):
    """Gauss with the largest element of a column as its pivot."""
    n = a.shape[0]
    if a.shape[1] != n:
        raise ValueError("lu_factor: the matrix is not square")
    lu = a.copy()
    pivots = np.zeros(n, dtype=np.int32)
    for j in range(n):
        p = j
        for i in range(j + 1, n):
            if abs(lu[i, j]) > abs(lu[p, j]):
                p = i
        pivots[j] = p
        if p != j:
            for k in range(n):
                s = lu[j, k]
                lu[j, k] = lu[p, k]
                lu[p, k] = s
        if lu[j, j] != 0.0:
            for i in range(j + 1, n):
                lu[i, j] /= lu[j, j]
                for k in range(j + 1, n):
                    lu[i, k] -= lu[i, j] * lu[j, k]
    return lu, pivots


@pullback(factored)
def _(y, a):
    lu, pivots = y
    lu_adjoint, _ = d[y]
    low = np.tril(lu, -1) + np.eye(lu.shape[0], dtype=lu.dtype)
    up = np.triu(lu)
    m = np.tril(h(low) @ np.tril(lu_adjoint, -1), -1) + np.triu(np.triu(lu_adjoint) @ h(up))
    m = np.linalg.solve(h(low), h(np.linalg.solve(up, h(m))))
    for j in range(lu.shape[0] - 1, -1, -1):
        m = exchanged(m, j, pivots[j])
    d[a] += m


@pushforward(factored)
def _(y, a):
    lu, pivots = y
    change = d[a].copy()
    for j in range(lu.shape[0]):
        change = exchanged(change, j, pivots[j])
    low = np.tril(lu, -1) + np.eye(lu.shape[0], dtype=lu.dtype)
    up = np.triu(lu)
    m = h(np.linalg.solve(h(up), h(np.linalg.solve(low, change))))
    d[y] = low @ np.tril(m, -1) + np.triu(m) @ up, None


def exchanged(a, i, j):
    """A matrix with two rows exchanged."""
    out = a.copy()
    for k in range(a.shape[1]):
        out[i, k] = a[j, k]
        out[j, k] = a[i, k]
    return out


@expand(linalg.lu_solve)
def lu_solve(lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True):
    """The x of ``a @ x = b`` from the factors of a."""
    lu, pivots = lu_and_piv
    n = lu.shape[0]
    if b.shape[0] != n:
        raise ValueError("lu_solve: as many right-hand sides as rows are needed")
    if trans == 0:
        x = b[rows_of(pivots)]
        y = solve_triangular(lu, x, 0, True, True)
        return solve_triangular(lu, y, 0, False)
    y = solve_triangular(lu, b, trans, False)
    return solve_triangular(lu, y, trans, True, True)[np.argsort(rows_of(pivots))]


def rows_of(pivots):
    """Where each row came from."""
    rows = np.arange(pivots.shape[0])
    for j in range(pivots.shape[0]):
        s = rows[j]
        rows[j] = rows[pivots[j]]
        rows[pivots[j]] = s
    return rows


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
