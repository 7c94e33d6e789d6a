"""Linear algebra written out in loops: differentiated like the user's own code."""

import numpy as np

from srcad.rules.registry import expand


@expand(np.linalg.cholesky)
def cholesky(a):
    """The lower factor l of ``a = l @ l.T``; only the lower triangle of a is read."""
    n = a.shape[0]
    if a.shape[1] != n:
        raise ValueError("np.linalg.cholesky takes a square matrix")
    factor = np.zeros_like(a)
    for j in range(n):
        pivot = a[j, j]
        for k in range(j):
            pivot -= factor[j, k] * factor[j, k]
        if not pivot > 0.0:
            raise ValueError("np.linalg.cholesky: the matrix is not positive definite")
        factor[j, j] = np.sqrt(pivot)
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s -= factor[i, k] * factor[j, k]
            factor[i, j] = s / factor[j, j]
    return factor


@expand(np.linalg.solve)
def solve(a, b):
    """The x of ``a @ x = b`` for a vector b or a matrix of columns; Gauss with row exchanges."""
    n = a.shape[0]
    if a.shape[1] != n or b.shape[0] != n:
        raise ValueError("np.linalg.solve takes a square matrix and as many right-hand sides")
    u = a.copy()
    x = b.copy()
    for j in range(n):
        pivot = j
        for i in range(j + 1, n):
            if abs(u[i, j]) > abs(u[pivot, j]):
                pivot = i
        if u[pivot, j] == 0.0:
            raise ValueError("np.linalg.solve: the matrix is singular")
        if pivot != j:
            for k in range(j, n):
                u[j, k], u[pivot, k] = u[pivot, k], u[j, k]
            if b.ndim == 1:
                x[j], x[pivot] = x[pivot], x[j]
            else:
                for k in range(b.shape[1]):
                    x[j, k], x[pivot, k] = x[pivot, k], x[j, k]
        for i in range(j + 1, n):
            factor = u[i, j] / u[j, j]
            for k in range(j + 1, n):
                u[i, k] -= factor * u[j, k]
            x[i] -= factor * x[j]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= u[i, k] * x[k]
        x[i] /= u[i, i]
    return x


@expand(np.linalg.inv)
def inv(a):
    """The inverse of a square matrix."""
    return np.linalg.solve(a, np.eye(a.shape[0]))


@expand(np.linalg.det)
def det(a):
    """The product of the pivots of Gauss elimination with row exchanges."""
    n = a.shape[0]
    if a.shape[1] != n:
        raise ValueError("np.linalg.det takes a square matrix")
    u = a.copy()
    value = 1.0
    for j in range(n):
        pivot = j
        for i in range(j + 1, n):
            if abs(u[i, j]) > abs(u[pivot, j]):
                pivot = i
        if pivot != j:
            for k in range(j, n):
                u[j, k], u[pivot, k] = u[pivot, k], u[j, k]
            value = -value
        value *= u[j, j]
        if u[j, j] != 0.0:
            for i in range(j + 1, n):
                factor = u[i, j] / u[j, j]
                for k in range(j + 1, n):
                    u[i, k] -= factor * u[j, k]
    return value
