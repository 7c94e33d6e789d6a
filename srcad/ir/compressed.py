"""Sparse matrices as programs have them: three arrays, and products that are loops over them.

``scipy.sparse.csr_array`` and its kin are these structures inside of a differentiated function;
their methods are read by the compiler like the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from srcad.inside import refuse


@dataclass(frozen=True, eq=False)
class Compressed:
    """What matrices by rows and by columns have in common."""

    data: Any
    indices: Any
    indptr: Any
    shape: Any

    @property
    def ndim(self):
        """The number of axes."""
        return 2

    @property
    def dtype(self):
        """The dtype of the elements."""
        return self.data.dtype

    @property
    def nnz(self):
        """The number of stored elements."""
        return self.indptr[self.indptr.shape[0] - 1]

    def transpose(self):
        """The transpose, which shares the arrays."""
        return self.T  # type: ignore[attr-defined]

    def conj(self):
        """The complex conjugate."""
        return replace(self, data=np.conj(self.data))

    def conjugate(self):
        """The complex conjugate."""
        return replace(self, data=np.conj(self.data))

    def copy(self):
        """A matrix with elements of its own."""
        return replace(self, data=self.data.copy())

    def dot(self, other):
        """The product with a vector or a matrix."""
        return self @ other  # type: ignore[operator]

    def toarray(self):
        """The matrix with its zeros."""
        return self @ np.eye(self.shape[1], dtype=self.data.dtype)  # type: ignore[operator]

    def __rmatmul__(self, x):
        if x.ndim == 1:
            return self.T @ x  # type: ignore[attr-defined]
        return (self.T @ x.T).T  # type: ignore[attr-defined]

    def __mul__(self, factor):
        if np.ndim(factor) != 0:
            refuse("a sparse matrix times an array", "write @ for the matrix product")
        return replace(self, data=self.data * factor)

    def __rmul__(self, factor):
        return self * factor

    def __truediv__(self, factor):
        return self * (1.0 / factor)


class CompressedRows(Compressed):
    """A sparse matrix by rows: row i has ``data[indptr[i]:indptr[i + 1]]`` at ``indices``."""

    @property
    def T(self):
        """The transpose, which shares the arrays."""
        return CompressedColumns(
            self.data, self.indices, self.indptr, (self.shape[1], self.shape[0])
        )

    def __matmul__(self, x):
        return rows_product(self.data, self.indices, self.indptr, self.shape, x)


class CompressedColumns(Compressed):
    """A sparse matrix by columns: column j has ``data[indptr[j]:indptr[j + 1]]`` at ``indices``."""

    @property
    def T(self):
        """The transpose, which shares the arrays."""
        return CompressedRows(self.data, self.indices, self.indptr, (self.shape[1], self.shape[0]))

    def __matmul__(self, x):
        return columns_product(self.data, self.indices, self.indptr, self.shape, x)


def rows_product(data, indices, indptr, shape, x: Any):
    """A matrix by rows times a vector or a matrix."""
    if isinstance(x, Compressed):
        refuse("the product of two sparse matrices is not supported", "multiply by vectors")
    if x.shape[0] != shape[1]:
        raise ValueError("dimension mismatch in the product of a sparse matrix")
    y = np.zeros((shape[0], *x.shape[1:]), dtype=np.result_type(data, x))
    if x.ndim == 1:
        for i in range(shape[0]):
            total = 0.0
            for k in range(indptr[i], indptr[i + 1]):
                total += data[k] * x[indices[k]]
            y[i] = total
    else:
        for i in range(shape[0]):
            for k in range(indptr[i], indptr[i + 1]):
                for j in range(x.shape[1]):
                    y[i, j] += data[k] * x[indices[k], j]
    return y


def columns_product(data, indices, indptr, shape, x: Any):
    """A matrix by columns times a vector or a matrix."""
    if isinstance(x, Compressed):
        refuse("the product of two sparse matrices is not supported", "multiply by vectors")
    if x.shape[0] != shape[1]:
        raise ValueError("dimension mismatch in the product of a sparse matrix")
    y = np.zeros((shape[0], *x.shape[1:]), dtype=np.result_type(data, x))
    for i in range(shape[1]):
        for k in range(indptr[i], indptr[i + 1]):
            if x.ndim == 1:
                y[indices[k]] += data[k] * x[i]
            else:
                for j in range(x.shape[1]):
                    y[indices[k], j] += data[k] * x[i, j]
    return y


SPARSE = (CompressedRows, CompressedColumns)
FIELDS = ("data", "indices", "indptr", "shape")


def stand_in(value: object) -> type | None:
    """The structure that a sparse matrix of SciPy is inside of a program; None for what is none."""
    if not type(value).__module__.startswith("scipy.sparse"):
        return None
    form = getattr(value, "format", "")
    return CompressedRows if form == "csr" else CompressedColumns if form == "csc" else None
