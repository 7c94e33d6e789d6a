"""Functions of NumPy that make or shape arrays, and that are refused."""

import numpy as np

from tests.refused.registry import refused

VECTOR = lambda: (np.array([0.5, 1.5, 2.5]),)  # noqa: E731
MATRIX = lambda: (np.array([[0.5, 1.5], [2.5, 0.3]]),)  # noqa: E731


def half(v):
    return 0.5 * v


@refused(VECTOR, "np.vectorize", hint="loop")
def vectorized(x):
    return np.sum(np.vectorize(half)(x))  # <-- here


@refused(VECTOR, "np.frombuffer", hint="outside")
def from_a_buffer(x):
    return np.sum(x * np.frombuffer(b"12345678"))  # <-- here


@refused(VECTOR, "np.fromiter", hint="np.array")
def from_an_iterable(x):
    return np.sum(np.fromiter(x, float))  # <-- here


@refused(VECTOR, "np.fromstring", hint="outside")
def from_a_text(x):
    return np.sum(x * np.fromstring("1 2 3", sep=" "))  # <-- here


@refused(VECTOR, "np.fromfile", hint="outside")
def from_a_file(x):
    return np.sum(x * np.fromfile("numbers"))  # <-- here


@refused(VECTOR, "np.nditer", hint="ndindex")
def iterated(x):
    s = 0.0
    for v in np.nditer(x):  # <-- here
        s += v
    return s


@refused(MATRIX, "np.apply_over_axes", hint="tuple")
def over_axes(a):
    return np.apply_over_axes(np.sum, a, [0, 1])[0, 0]  # <-- here


@refused(MATRIX, "np.fromfunction", hint="indices")
def from_a_function(a):
    return np.sum(a * np.fromfunction(half, (2, 2)))  # <-- here


@refused(MATRIX, "view of an array", hint="copy")
def diagonal_read_after_a_write(a):
    d = np.diagonal(a)  # <-- here
    a[0, 0] = 2.0
    return np.sum(d * d)


@refused(MATRIX, "known beforehand", hint="loop")
def rows_of_unknown_number(a):
    return np.unstack(a)[0][0]  # <-- here


@refused(MATRIX, "np.pad", "mean", hint="modes")
def padded_with_the_mean(a):
    return np.sum(np.pad(a, 1, mode="mean"))  # <-- here


@refused(lambda: (np.eye(3),), "read-only", error=ValueError)
def diagonal_written(a):
    np.diagonal(a)[0] = 3.0
    return np.sum(a)
