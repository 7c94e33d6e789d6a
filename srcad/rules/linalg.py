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
