"""Arrays sorted, joined, rolled, summed so far; extremes along an axis; diagonals, norms."""

import numpy as np

from tests.programs.registry import grid, program, wave


@program(lambda: (wave(6),), lambda: (wave(1),), lambda: (wave(7, 1.4),))
def sorted_values(x):
    y = np.sort(x)
    return np.sum(y * np.arange(x.size)) + y[0] ** 2


@program(lambda: (wave(6), grid(3, 4)))
def sorted_in_place(x, a):
    x.sort()
    a.sort(axis=0)
    x[2:].sort()
    return np.sum(x**2 * np.arange(6)) + np.sum(a[1] ** 3)


@program(lambda: (grid(3, 4),))
def sorted_along_axes(a):
    weights = np.arange(12.0).reshape(3, 4)
    flat = np.sort(a, axis=None)
    return np.sum(np.sort(a, axis=0) * weights) + np.sum(np.sort(a) ** 2 * weights) + flat[3]


@program(lambda: (wave(6), wave(6, 1.2)))
def sorted_by_a_key(x, key):
    order = np.argsort(key, kind="stable")
    x[:] = x[order]
    rows = np.argsort(key.reshape(2, 3), axis=1)
    return np.sum(x * np.arange(6)) + x[x.argsort()[2]] ** 2 + np.sum(rows * x[:3])


@program(lambda: (np.array([0.5, 0.1, 0.5, 0.1, 0.3]), wave(5)), cross_checked=False)
def stable_among_equals(key, x):
    order = np.argsort(key, kind="stable")
    return np.sum(x[order] * np.arange(5.0)) + key[0]


@program(lambda: (wave(6),))
def searched(x):
    edges = np.linspace(-0.8, 1.0, 5)
    k = np.searchsorted(edges, 0.37)
    j = np.searchsorted(edges, x, side="right")
    return x[k] ** 2 + np.sum(x * edges[np.minimum(j, 4)])


@program(lambda: (grid(3, 4),), oracle="differences", cross_checked=False)
def extremes_along_axes(a):
    top = np.max(a, axis=0)
    low = a.min(axis=1, keepdims=True)
    return np.sum(top**2) + np.sum(a * low) + np.sum(a.max(axis=-1) * np.arange(3))


@program(lambda: (grid(3, 4),))
def places_of_extremes(a):
    at = np.argmax(a, axis=1)
    flat = np.argmin(a)
    return np.sum(a[np.arange(3), at] ** 2) + a.ravel()[flat] * np.argmax(a) + a[a.argmin(0)[1], 1]


@program(lambda: (wave(5), 2), lambda: (wave(5), -7), lambda: (wave(5), 0))
def rolled(x, n):
    return np.sum(np.roll(x, n) * x * np.arange(5)) + np.sum(np.roll(x, 1) * x)


@program(lambda: (grid(3, 4),))
def rolled_along_axes(a):
    lap = np.roll(a, 1, axis=0) + np.roll(a, -1, axis=1) - 2.0 * a
    return np.sum(lap**2)


@program(lambda: (grid(3, 4),))
def flipped(a):
    b = np.flipud(a)
    b[0] *= 2.0
    return np.sum(np.flip(a) * a) + np.sum(np.fliplr(a) * b) + np.sum(np.flip(a, axis=1)[0] ** 3)


@program(lambda: (wave(5),))
def sums_so_far(x):
    y = np.cumsum(x)
    z = np.cumprod(x + 1.0)
    return np.sum(y * y) + np.prod(x) + np.sum(z) + x.cumsum()[2] * x.prod()


@program(lambda: (grid(3, 4),))
def sums_so_far_along_axes(a):
    return (
        np.sum(np.cumsum(a, axis=0) ** 2)
        + np.sum(np.cumsum(a, axis=1) ** 3)
        + np.sum(a.cumsum() * np.arange(12))
        + np.sum(np.prod(a, axis=0) ** 2)
        + np.sum(np.prod(a, axis=1, keepdims=True) * a)
    )


@program(lambda: (wave(6), grid(3, 4)))
def differences_of_neighbours(x, a):
    d = np.diff(x)
    return np.sum(d**2) + np.sum(np.diff(x, n=2) ** 3) + np.sum(np.diff(a, axis=0) * a[1:])


@program(lambda: (wave(4), wave(3, 1.1)))
def joined_vectors(x, y):
    z = np.concatenate((x, y * x[0], x[:2]))
    w = np.append(z, x[1])
    v = np.hstack([y, x])
    return np.sum(z**2) + np.sum(w * np.arange(10)) + np.sum(v[2:5] ** 3)


@program(lambda: (grid(3, 4), wave(4)))
def joined_matrices(a, x):
    wide = np.concatenate((a, a[:, :2] * 2.0), axis=1)
    tall = np.vstack((a, x, x * x))
    flat = np.concatenate([a, a], axis=None)
    columns = np.column_stack((a[:, 0], a))
    return np.sum(wide**2) + np.sum(tall[2:] ** 3) + np.sum(flat * flat) + np.sum(columns[:, 0])


@program(lambda: (wave(4), wave(4, 1.1)))
def stacked(x, y):
    rows = np.stack((x, y))
    columns = np.stack([x, y * y], axis=1)
    return np.sum(rows[0] * rows[1]) + np.sum(columns @ np.array([[1.0, 2.0], [3.0, 4.0]]))


@program(lambda: (wave(4), 2), lambda: (wave(4), 0))
def repeated(x, n):
    y = np.repeat(x, n)
    z = np.tile(x, n)
    return np.sum(y * z) + np.sum(np.repeat(x, 3)[1::3] ** 2) + np.sum(y * y)


@program(lambda: (grid(2, 3),))
def repeated_matrices(a):
    b = np.repeat(a, 2, axis=0)
    c = np.tile(a, (2, 2))
    return np.sum(b**2) + np.sum(c * np.arange(24.0).reshape(4, 6)) + np.sum(np.tile(a[0], (2, 1)))


@program(lambda: (grid(3, 4),), oracle="differences", cross_checked=False)
def moments(a):
    spread = np.std(a, axis=0, keepdims=True)
    normal = (a - np.mean(a, axis=0, keepdims=True)) / spread
    return np.var(a) + a.std(ddof=1) + np.sum(normal**3) + np.sum(np.var(a, axis=1) ** 2)


@program(lambda: (grid(3, 4),), oracle="differences", cross_checked=False)
def norms(a):
    s = np.linalg.norm(a) + np.linalg.norm(a[0]) + np.linalg.norm(a[1], 1)
    return s + np.linalg.norm(a[2], np.inf) + np.sum(np.linalg.norm(a, axis=1) ** 3)


@program(lambda: (grid(3, 4), wave(3)))
def diagonals(a, v):
    d = np.diag(a)
    m = np.diag(v, 1)
    s = np.sum(d**2) + np.sum(np.diagonal(a, -1) * v[:2]) + np.sum(m @ m.T)
    np.fill_diagonal(a, v[0] * d[1])
    return s + np.sum(a * a)


@program(lambda: (grid(3, 4),))
def triangles(a):
    return np.sum(np.triu(a, 1) ** 2) + np.sum(np.tril(a) * a[0]) + np.sum(np.triu(a, -1) ** 3)


@program(lambda: (wave(3), wave(4, 1.1)))
def coordinates_of_a_grid(x, y):
    columns, rows = np.meshgrid(x, y)
    u, v = np.meshgrid(x, y, indexing="ij")
    return np.sum(columns * rows**2) + np.sum(u[1:] ** 2 * v[1:])


@program(lambda: (wave(6), 6))
def ranges_at_run_time(x, n):
    a = np.arange(0.5, 3.5, 0.5)
    s = np.sum(x * a) + np.sum(np.arange(0, n, n // 3) * x[0])
    return s + np.sum(np.arange(10, -1, -n) * x[1]) + np.sum(np.arange(1.0, 0.0, -0.3) * x[2])


@program(lambda: (grid(3, 4), 0.5))
def shape_functions(a, c):
    n = np.size(a) + np.size(a, 1) + np.ndim(a) + np.ndim(c) + np.size(c)
    return n * a[0, 0] ** 2 * c + np.shape(a)[1] * a[1, 1]


@program(lambda: (wave(6),))
def median_filter(x):
    y = np.zeros_like(x)
    for i in range(1, x.size - 1):
        y[i] = np.sort(x[i - 1 : i + 2])[1]
    return np.sum(y * y * x)


@program(lambda: (wave(8), 3), lambda: (wave(8), 1))
def sum_of_the_largest(x, k):
    order = np.argsort(-x)
    return np.sum(x[order[:k]] ** 2)
