"""Slices read and written: overlapping updates, steps, rows and columns, broadcasting."""

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (wave(5),))
def overlap_forward(u):
    u[1:] += u[:-1]
    return np.sum(u * u)


@program(lambda: (wave(5),))
def overlap_backward(u):
    u[:-1] += u[1:] * u[:-1]
    return np.sum(u * u)


@program(lambda: (wave(6), 0.2, 3), lambda: (wave(6), 0.2, 0))
def diffusion_by_slices(u, k, steps):
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return np.sum(u**2)


@program(lambda: (wave(6),))
def even_and_odd(x):
    y = np.zeros(6)
    y[::2] = x[:3] * x[3:]
    y[1::2] = y[::2] ** 2
    return np.sum(y * x)


@program(lambda: (wave(5),))
def reversed_slice(x):
    y = x[::-1] * x
    y[1:4] = x[3:0:-1] * 2.0
    return np.dot(y, x)


@program(lambda: (wave(5), 0.7))
def assign_a_scalar(x, c):
    x[1:3] = c
    x[-1:] = c * c
    return np.sum(x * x)


@program(lambda: (grid(3, 4),))
def rows_and_columns(a):
    a[0, :] = a[1, :] * a[2, :]
    a[:, 0] = 0.0
    a[:, 1] *= a[:, 2]
    return np.sum(a * a)


@program(
    lambda: (grid(4, 5), 1, 0),
    lambda: (grid(3, 1), 0, 0),
    lambda: (grid(1, 3), 0, 2),
    lambda: (grid(4, 4), 2, 2),
)
def lines_side_by_side(a, i, j):
    """One line is made of others, which may be itself: no element of them is read in another."""
    a[0, :] = a[-1, :] * a[i, :]
    a[:, -1] = a[:, 0] + a[:, j] ** 2
    a[:, 0] += a[:, j - 1]
    a[i, ::-1] = a[j % len(a), ::-1] * a[i, ::-1]
    return np.sum(a * a)


@program(lambda: (grid(4, 4), 1), lambda: (grid(3, 3), 0))
def lines_across(a, j):
    """A row that is made of a column, and lines that are shifted: they meet elsewhere."""
    a[0, :] = a[:, -1] * a[:, j]
    a[1:, -1] = a[:-1, j] * a[:-1, -1]
    a[:, 0] = a[::-1, j]
    return np.sum(a * a)


@program(lambda: (grid(4, 4), 0.1), oracle="differences")
def inner_block(a, k):
    a[1:-1, 1:-1] += k * (a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:])
    return np.sum(a[1:3, 1:3] ** 3)


@program(lambda: (grid(2, 3), wave(3), ramp(2)))
def broadcast_row(a, row, scale):
    a[:, :] = a * row + 1.0
    a[0] *= scale[0]
    a[1] -= scale[1] * a[0]
    return np.sum(a * a)


@program(lambda: (grid(3, 3), wave(3)))
def column_updates_in_a_loop(m, v):
    for j in range(m.shape[1]):
        m[:, j] = m[:, j] * v[j] + v
    return np.sum(m * m)


@program(lambda: (wave(6), 1, 4), lambda: (wave(6), 2, 2), lambda: (wave(6), 0, 99))
def bounds_at_run_time(x, i, j):
    x[i:j] *= 2.0
    s = np.sum(x[i:] * x[i:])
    return s + np.sum(x[:j])


@program(lambda: (wave(7),))
def negative_bounds(x):
    x[-3:-1] = x[-6:-4] * x[1:3]
    return np.sum(x[-5:] ** 2) * x[-7]


@program(lambda: (wave(5),))
def whole_array_replaced(x):
    x[:] = x * x
    x[:] = x[::-1] + x
    return np.dot(x, x)


@program(lambda: (wave(4), wave(4, 1.1)))
def shifted_products(x, y):
    z = x[1:] * y[:-1] - x[:-1] * y[1:]
    z[1:] -= z[:-1]
    return np.sum(z * z)


@program(lambda: (np.sin(np.arange(12.0)).reshape(2, 3, 2) + 0.1,))
def planes_of_a_cube(a):
    a[0] += a[1] * a[0]
    a[:, 1, :] = a[:, 0, :] * 0.5
    a[:, :, 0] -= a[:, :, 1]
    return np.sum(a * a)


@program(lambda: (wave(5), 2), lambda: (wave(5), 0))
def slices_shrink_in_a_loop(x, n):
    for k in range(n):
        x[k + 1 :] = x[k + 1 :] - x[k] * x[k + 1 :]
    return x[-1] * x[0] + x[2]


@program(lambda: (wave(8),))
def pairwise_tree(x):
    n = x.size
    while n > 1:
        n //= 2
        x[:n] = x[:n] * x[n : 2 * n] + x[:n]
    return x[0]


@program(lambda: (wave(3), 0.5), outputs=("y",))
def saxpy_procedure(y, a):
    y[:] = a * y + y[0]


@program(lambda: (grid(3, 3),), whole=True)
def row_of_products(a):
    return a[0] * a[1] - a[:, 2]


@program(lambda: (wave(6),), whole=True)
def prefix_returned(x):
    return x[:3]


@program(lambda: (wave(6),))
def prefix_copied(x):
    y = x[:3].copy()
    y *= x[1]
    return np.sum(y * y)


@program(lambda: (wave(6), grid(6, 6)))
def leading_block_times_prefix(x, a):
    return np.sum(a[:3, :4] @ x[:4]) + np.sum(a[:2, :5].T @ x[:2])


@program(lambda: (wave(6), 3))
def prefix_in_a_loop(x, n):
    w = x[:4]
    for k in range(n):
        w = w[:3] * x[k] if k == 1 else w[:4]
        w[0] += x[5]
    return np.sum(w)


@program(lambda: (grid(3, 4), wave(3)))
def slices_of_one_element(a, x):
    y = np.where(a[:, :1] > 0.3, a[0], 2.0) * x[2:3]
    a[1:] += a[:1] * x[-1:]
    return np.sum(y * y * a)
