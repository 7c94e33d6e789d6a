"""``scipy.sparse``: matrices given by their arrays, and the solution of sparse systems.

The systems are solved by SciPy's SuperLU, in Python also where compiled code calls it. The arrays
of a matrix by rows, read as those of one by columns, are its transpose: so that each of the two
solvers is the other one's way back.
"""

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from srcad.callback import ArrayCall
from srcad.inside import refuse
from srcad.ir.compressed import CompressedColumns, CompressedRows
from srcad.rules.registry import d, expand, pullback, pushforward


@expand(sparse.csr_array, sparse.csr_matrix)
def csr_array(arg1, shape=None, dtype=None, copy=False):
    """A matrix by rows from its arrays."""
    data, indices, indptr = arrays_of(arg1, CompressedRows)
    size = (indptr.shape[0] - 1, np.max(indices) + 1) if shape is None else shape
    if indptr.shape[0] != size[0] + 1 or indices.shape[0] != data.shape[0]:
        raise ValueError("csr_array: the lengths of indices and indptr do not fit data and shape")
    return CompressedRows(cast(data, dtype), indices, indptr, size)


@expand(sparse.csc_array, sparse.csc_matrix)
def csc_array(arg1, shape=None, dtype=None, copy=False):
    """A matrix by columns from its arrays."""
    data, indices, indptr = arrays_of(arg1, CompressedColumns)
    size = (np.max(indices) + 1, indptr.shape[0] - 1) if shape is None else shape
    if indptr.shape[0] != size[1] + 1 or indices.shape[0] != data.shape[0]:
        raise ValueError("csc_array: the lengths of indices and indptr do not fit data and shape")
    return CompressedColumns(cast(data, dtype), indices, indptr, size)


def cast(data, dtype):
    """The elements, of another type where one is named."""
    return data if dtype is None else data.astype(dtype)


def arrays_of(given, own):
    """``(data, indices, indptr)`` of what a matrix is made of."""
    if isinstance(given, own):
        given = given.data, given.indices, given.indptr
    if not isinstance(given, tuple) or len(given) != 3:
        refuse(
            "a sparse matrix is made of its arrays here",
            "write ((data, indices, indptr), shape=...)",
        )
    return given


@expand(linalg.spsolve)
def spsolve(A, b, permc_spec=None, use_umfpack=True):
    """The x of ``A @ x = b``."""
    if A.shape[0] != A.shape[1] or A.shape[0] != b.shape[0]:
        raise ValueError("spsolve takes a square matrix and as many right-hand sides")
    if isinstance(A, CompressedRows):
        solve = solve_rows if b.ndim == 1 else solve_rows_many
    else:
        solve = solve_columns if b.ndim == 1 else solve_columns_many
    return solve(A.data, A.indices, A.indptr, b)


def adjoint(data):
    """The elements of the conjugate transpose."""
    return np.conj(data) if np.iscomplexobj(data) else data


def _solved(data, indices, indptr, b, trans):
    """SuperLU's solution; it is given copies, because it sorts what it is given."""
    n = b.shape[0]
    a = sparse.csc_array((data, indices, indptr), shape=(n, n), copy=True)
    if not np.array_equal(indices, np.clip(indices, 0, n - 1)):
        raise IndexError("spsolve: an index of the sparse matrix is out of bounds")
    try:
        return linalg.splu(a).solve(np.ascontiguousarray(b), trans)
    except RuntimeError as error:
        if "singular" not in str(error):
            raise
        raise np.linalg.LinAlgError("spsolve: the sparse matrix is singular") from None


def _solved_rows(data, indices, indptr, b):
    return _solved(data, indices, indptr, b, "T")


def _solved_columns(data, indices, indptr, b):
    return _solved(data, indices, indptr, b, "N")


solve_rows = ArrayCall(_solved_rows)
solve_rows_many = ArrayCall(_solved_rows)
solve_columns = ArrayCall(_solved_columns)
solve_columns_many = ArrayCall(_solved_columns)


@pullback(solve_rows, "(e),int(e),int(p),(n)->(n)", name="solve_rows")
def _(x, data, indices, indptr, b):
    w = solve_columns(adjoint(data), indices, indptr, d[x])
    d[b] += w
    for i in range(x.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            d[data][k] -= w[i] * np.conj(x[indices[k]])


@pushforward(solve_rows)
def _(x, data, indices, indptr, b):
    change = d[b].copy()
    for i in range(x.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            change[i] -= d[data][k] * x[indices[k]]
    d[x] = solve_rows(data, indices, indptr, change)


@pullback(solve_columns, "(e),int(e),int(p),(n)->(n)", name="solve_columns")
def _(x, data, indices, indptr, b):
    w = solve_rows(adjoint(data), indices, indptr, d[x])
    d[b] += w
    for j in range(x.shape[0]):
        for k in range(indptr[j], indptr[j + 1]):
            d[data][k] -= w[indices[k]] * np.conj(x[j])


@pushforward(solve_columns)
def _(x, data, indices, indptr, b):
    change = d[b].copy()
    for j in range(x.shape[0]):
        for k in range(indptr[j], indptr[j + 1]):
            change[indices[k]] -= d[data][k] * x[j]
    d[x] = solve_columns(data, indices, indptr, change)


@pullback(solve_rows_many, "(e),int(e),int(p),(n,m)->(n,m)", name="solve_rows")
def _(x, data, indices, indptr, b):
    w = solve_columns_many(adjoint(data), indices, indptr, d[x])
    d[b] += w
    for i in range(x.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            for j in range(x.shape[1]):
                d[data][k] -= w[i, j] * np.conj(x[indices[k], j])


@pushforward(solve_rows_many)
def _(x, data, indices, indptr, b):
    change = d[b].copy()
    for i in range(x.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            for j in range(x.shape[1]):
                change[i, j] -= d[data][k] * x[indices[k], j]
    d[x] = solve_rows_many(data, indices, indptr, change)


@pullback(solve_columns_many, "(e),int(e),int(p),(n,m)->(n,m)", name="solve_columns")
def _(x, data, indices, indptr, b):
    w = solve_rows_many(adjoint(data), indices, indptr, d[x])
    d[b] += w
    for i in range(x.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            for j in range(x.shape[1]):
                d[data][k] -= w[indices[k], j] * np.conj(x[i, j])


@pushforward(solve_columns_many)
def _(x, data, indices, indptr, b):
    change = d[b].copy()
    for i in range(x.shape[0]):
        for k in range(indptr[i], indptr[i + 1]):
            for j in range(x.shape[1]):
                change[indices[k], j] -= d[data][k] * x[i, j]
    d[x] = solve_columns_many(data, indices, indptr, change)
