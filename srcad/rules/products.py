"""Products of several matrices, written out as products of two."""

import numpy as np

from srcad.rules.registry import expand


@expand(np.linalg.multi_dot)
def multi_dot(arrays):
    """The product of matrices: of three the cheaper order, of more from the left.

    The first and the last may be vectors; with one at the end, from there.
    """
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    if arrays[-1].ndim == 1:
        out = arrays[-1]
        for factor in arrays[-2::-1]:
            out = np.dot(factor, out)
        return out
    if len(arrays) == 3 and arrays[0].ndim == 2:
        return three_matrices(*arrays)
    out = arrays[0]
    for factor in arrays[1:]:
        out = np.dot(out, factor)
    return out


def three_matrices(a, b, c):
    """``a @ b @ c`` with the fewest multiplications."""
    p, q = a.shape
    r, s = c.shape
    if p * r * (q + s) < q * s * (p + r):
        return np.dot(np.dot(a, b), c)
    return np.dot(a, np.dot(b, c))


@expand(np.linalg.matrix_power)
def matrix_power(a, n):
    """A power of a square matrix; a negative one is a power of its inverse."""
    if a.ndim != 2:
        raise NotImplementedError("np.linalg.matrix_power of a stack of matrices")
    if a.shape[0] != a.shape[1]:
        raise ValueError("np.linalg.matrix_power takes a square matrix")
    if n < 0:
        return power(np.linalg.inv(a), -n)
    return power(a, n)


def power(a, n):
    """A power of a matrix by squaring, ``n`` not negative; of a literal ``n`` without branches."""
    if is_literal(n):
        return literal_power(a, n)
    out = np.eye(a.shape[0], dtype=a.dtype)
    square = a.copy()
    while n > 0:
        if n % 2 == 1:
            out = out @ square
        n //= 2
        if n > 0:
            square = square @ square
    return out


def is_literal(n):
    """Whether an integer is known when the code is generated (an entry of the front end)."""
    raise NotImplementedError


def literal_power(a, n):
    """A power for such an integer: the products one after the other (an entry of the front end)."""
    raise NotImplementedError
