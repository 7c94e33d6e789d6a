"""Arrays of integers as indices: gathers, scatters, where the new axes go, loops over indices."""

import numpy as np

from tests.programs.registry import grid, program, wave


def cube(phase=0.3):
    return wave(24, phase).reshape(2, 3, 4)


def ints(*values, dtype=np.int64):
    return np.array(values, dtype=dtype)


@program(lambda: (wave(5), ints(0, 3, 3, -1)), lambda: (wave(5), ints()))
def gather_with_repeats(x, index):
    y = x[index]
    return np.sum(y * y * y)


@program(lambda: (wave(5), ints(0, 3, 1), wave(3, 1.1)), lambda: (wave(5), ints(2, 2, 2), wave(3)))
def scatter_last_wins(x, index, v):
    x[index] = v * x[0]
    return np.sum(x**3)


@program(lambda: (wave(5), ints(0, 3, 3), wave(3, 1.1)))
def scatter_a_number(x, index, v):
    x[index] = v[0] * v[1]
    return np.sum(x * x) + v[2]


@program(lambda: (wave(5), ints(0, 3, 3), wave(3, 1.1)))
def buffered_update(x, index, v):
    x[index] += v * x[index]
    x[index] *= 2.0
    return np.sum(x**3)


@program(
    lambda: (wave(5), ints(0, 3, 3, -2), wave(4, 1.1)), oracle="differences", cross_checked=False
)
def unbuffered_update(x, index, v):
    np.add.at(x, index, v * x[index])
    np.subtract.at(x, index[:2], v[2:] ** 2)
    np.multiply.at(x, index, v)
    return np.sum(x**3)


@program(lambda: (wave(5), wave(5, 0.9)), oracle="differences", cross_checked=False)
def unbuffered_at_a_number(x, v):
    np.add.at(x, 2, v[0])
    np.add.at(x, [1, 1], 0.5 * v[1])
    return np.sum(x * x)


@program(lambda: (grid(3, 4), ints(0, 2, -1), ints(1, 1, -4)))
def two_index_arrays(a, i, j):
    return np.sum(a[i, j] ** 2) + np.sum(a[i, 0] * a[1, j[:3]])


@program(lambda: (grid(3, 4), ints(0, 0, 2), ints(1, 1, 3)))
def two_index_arrays_written(a, i, j):
    a[i, j] += a[1, :3]
    a[i, j] = a[i, j] * a[j - 1, i]
    return np.sum(a * a)


@program(lambda: (wave(6), ints(0, 5, 2, 2, 1, -1).reshape(2, 3)))
def index_matrix(x, index):
    y = x[index]
    y[1] *= y[0]
    return np.sum(y**2) + np.sum(x[index.T] * 0.5)


@program(lambda: (grid(3, 4), ints(0, 2, 1, 1).reshape(2, 2)))
def rows_by_a_matrix(a, index):
    b = a[index]
    return np.sum(b[:, :, 1] * b[:, 0, 2]) + b.shape[2]


@program(lambda: (cube(), ints(0, 2), ints(1, 3)))
def adjacent_arrays_stay_in_place(c, i, j):
    y = c[:, i, j]
    return np.sum(y * y * np.array([[1.0, 2.0], [3.0, 4.0]]))


@program(lambda: (cube(), ints(0, 1), ints(1, 3)))
def separated_arrays_go_in_front(c, i, j):
    y = c[i, :, j]
    return np.sum(y * y * np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))


@program(lambda: (cube(), ints(1, 3)))
def number_and_array_separated(c, j):
    y = c[0, :, j]
    z = c[0, 1, j]
    w = c[:, 0, j]
    return np.sum(y * y * np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])) + np.sum(z**3) + w[1, 0]


@program(lambda: (cube(), ints(0, 1), ints(1, 3)))
def new_axis_between_arrays(c, i, j):
    y = c[i, None, j - 1]
    return np.sum(y * y) * y.shape[1] + y[1, 0, 2]


@program(lambda: (cube(), ints(1, 3, 0)))
def ellipsis_and_array(c, j):
    y = c[..., j]
    c[..., j] = y[:, ::-1] * c[..., :3]
    return np.sum(c * c) + np.sum(y[0, 0] ** 3)


@program(lambda: (cube(), ints(0, 1), ints(1, 3)))
def ellipsis_for_no_axis(c, i, j):
    y = c[..., i, :, j]
    z = c[..., 1:, i, j]
    w = c[:, i, ..., j]
    return np.sum(y * y) + np.sum(z**3) + w[0, 1] * z[0, 1]


@program(lambda: (cube(), ints(0, 2).reshape(2, 1), ints(1, 3, 0)))
def broadcast_index_arrays(c, i, j):
    y = c[1, i, j]
    return np.sum(y * y) + y[1, 2] * y[0, 0]


@program(lambda: (cube(), ints(0, 2).reshape(1, 2), ints(1, 3).reshape(2, 1)))
def matrix_indices_with_a_slice(c, i, j):
    y = c[1:, i, j]
    return np.sum(y * y * np.array([[1.0, 2.0], [3.0, 4.0]]))


@program(lambda: (wave(6),))
def lists_as_indices(x):
    x[[0, -1]] = x[[-1, 0]]
    x[[1, 1, 2]] += [1.0, 2.0, 3.0]
    return np.sum(x[[2, 0, 1, 5]] ** 3) + np.sum(x[[]]) + x[np.array([4])][0]


@program(lambda: (grid(4, 4), ints(0, 2), ints(1, 3, 0)))
def open_mesh(a, i, j):
    block = a[np.ix_(i, j)]
    a[np.ix_(i, [0, 1])] *= 2.0
    return np.sum(block**2) + np.sum(a * a)


@program(lambda: (wave(6), ints(0, 2, 4)))
def index_arithmetic(x, index):
    return np.sum(x[index + 1] * x[index]) + np.sum(x[-index - 1] ** 2) + np.sum(x[index // 2])


@program(lambda: (wave(7), ints(1, -1, 2)))
def index_of_a_slice(x, index):
    y = x[1:5]
    y[index] = y[::-1][index] * 2.0
    return np.sum(x * x) + np.sum((x * x[0])[2:][index])


@program(lambda: (wave(5), ints(3, 1, 2)))
def indices_changed_later(x, index):
    y = x[index]
    index[0] = 0
    x[index] = y
    index[:] = 4
    return np.sum(x**3)


@program(lambda: (wave(5), ints(2, 0, 1)))
def index_of_an_index(x, index):
    index[index] = index[::-1]
    return np.sum(x[index[index]] * np.array([1.0, 2.0, 3.0]) * x[:3])


@program(
    lambda: (
        wave(5),
        ints(1, -2, dtype=np.int8),
        ints(1, 3, dtype=np.int32),
        ints(1, 3, dtype=np.uint8),
        ints(1, 3, dtype=np.uint64),
    )
)
def index_dtypes(x, a, b, c, d):
    x[c] += x[1:][d] * x[b]
    return np.sum(x[a] * x[b] * x[c] * x[d]) + np.sum(x[d] ** 2)


@program(
    lambda: (wave(6), ints(0, 1, 1, 4), ints(1, 2, 5, 5)), oracle="differences", cross_checked=False
)
def edges_of_a_mesh(x, start, end):
    force = np.zeros_like(x)
    pull = (x[start] - x[end]) ** 3
    np.add.at(force, start, pull)
    np.subtract.at(force, end, pull)
    return np.sum(force * force)


@program(lambda: (wave(5), grid(2, 2), ints(0, 1, 1, 2, 3, 4).reshape(3, 2)))
def finite_elements(u, stiffness, nodes):
    residual = np.zeros(u.size)
    for e in range(nodes.shape[0]):
        residual[nodes[e]] += stiffness @ u[nodes[e]]
    return np.sum(residual**2)


@program(lambda: (wave(5), ints(3, 1, 2, 3), 3), lambda: (wave(5), ints(3, 1, 2, 3), 0))
def permuted_again_and_again(x, index, n):
    for _ in range(n):
        x[1:] = x[index] * x[:-1]
    return np.sum(x * x)


@program(lambda: (grid(3, 3), ints(2, 0, 1)))
def permuted_rows_and_columns(a, order):
    a[order] = a[:, order] * a
    a[:, order[:2]] -= a[:, 1:]
    return np.sum(a**2)


@program(lambda: (grid(3, 4), ints(0, 5, -1)))
def take_and_put(a, index):
    y = np.take(a, index)
    z = a.take([0, 2], axis=1)[:2] * np.take(a, index[:2] * 0 + 1, axis=0)[:, :2]
    np.put(a, index, y * y)
    return np.sum(a * a) + np.sum(z[:, 0]) + np.take(y, 1)


@program(lambda: (grid(3, 4), 3), lambda: (grid(3, 4), 0))
def all_indices(a, n):
    s = 0.0
    for i, j in np.ndindex(n, 4):
        s += a[i, j] * (i + 2 * j)
    for at in np.ndindex(a.shape):
        s += a[at] ** 2
    return s


@program(lambda: (grid(3, 4),))
def all_indices_and_items(a):
    s = 0.0
    for (i, j), v in np.ndenumerate(a):
        s += v**3 * i * j
        a[i, j] = v * 2.0
    for (k,), v in np.ndenumerate(a[0]):
        s += v * k
    return s + np.sum(a * a)


@program(lambda: (grid(3, 4),))
def flat_items(a):
    s = 0.0
    for v in a.flat:
        s += v * v
    a.flat[3] *= a.flat[2]
    for v in a.T.flat:
        s = s * 0.5 + v
    return s + a.flat[5] + a[:1, 1].item() + a.item(2, 1) + np.sum(a)


@program(lambda: (wave(6), 5), lambda: (wave(6), 2))
def flat_positions(x, n):
    i, j = np.unravel_index(n, (2, 3))
    return x[np.ravel_multi_index((i, j), (2, 3))] ** 2 * (i + j + 1)


@program(lambda: (wave(5), wave(4, 0.8)))
def interpolated(table, where):
    grid_points = np.linspace(-1.0, 1.2, 5)
    k = np.searchsorted(grid_points, where) - 1
    t = (where - grid_points[k]) / (grid_points[k + 1] - grid_points[k])
    return np.sum((1.0 - t) * table[k] + t * table[k + 1])


@program(lambda: (wave(5), ints(3, 1)), whole=True)
def gathered_result(x, index):
    return x[index] * x[index[0]]


@program(lambda: (wave(5), ints(3, 1, 1)), outputs=("x",))
def scattered_procedure(x, index):
    x[index] = x[:3] * x[index]
