"""Boolean arrays as indices: selections, updates under a mask, and what the mask is made of."""

import numpy as np

from tests.programs.registry import grid, program, wave


def bools(*values):
    return np.array(values, dtype=bool)


@program(lambda: (wave(6),), lambda: (-np.ones(6),), lambda: (np.ones(6),))
def sum_of_the_positive(x):
    return np.sum(x[x > 0.0] ** 2) + x[0]


@program(lambda: (wave(6),))
def selection_kept(x):
    y = x[x > 0.2]
    y[0] *= 2.0
    return np.dot(y, y) * y.size


@program(lambda: (wave(6), bools(1, 0, 0, 1, 1, 0)), lambda: (wave(6), bools(0, 0, 0, 0, 0, 0)))
def mask_argument(x, mask):
    y = x[mask]
    z = x[~mask]
    return np.sum(y * y) + np.sum(z**3) + np.sum(x[mask] * x[mask] * 2.0)


@program(lambda: (wave(6),), lambda: (np.full(6, 0.1),))
def doubled_where_large(x):
    x[x > 0.5] *= 2.0
    x[x < -0.3] = -0.3
    return np.sum(x**3)


@program(lambda: (wave(6), wave(6, 1.3)))
def update_by_another_array(x, y):
    mask = y > 0.0
    x[mask] += y[mask] * x[mask]
    x[~mask] = y[~mask] ** 2
    return np.sum(x * x)


@program(lambda: (wave(6), wave(6, 1.3)))
def one_mask_written_twice(x, y):
    x[x > 0.0] = y[x > 0.0] * x[x > 0.0]
    x[y > 0.0] -= y[y > 0.0]
    return np.sum(x**2)


@program(lambda: (wave(6), wave(3, 1.3), bools(1, 0, 0, 1, 1, 0)))
def array_of_matching_length(x, v, mask):
    x[mask] = v * x[0]
    x[mask] += x[:3]
    return np.sum(x**3)


@program(lambda: (wave(6), bools(1, 0, 0, 1, 1, 0)))
def selection_reads_elsewhere(x, mask):
    x[mask] = x[::-1][mask] * 2.0
    x[mask] += x[mask][::-1]
    return np.sum(x * x)


@program(lambda: (grid(3, 4),))
def mask_of_a_matrix(a):
    b = a[a > 0.3]
    a[a < 0.0] *= -0.5
    return np.sum(b * b) + np.sum(a**2) + np.mean(a[a > 0.1])


@program(lambda: (grid(3, 4), bools(1, 0, 1)))
def rows_by_mask(a, rows):
    b = a[rows]
    a[rows] *= a[1]
    a[rows] += 1.0
    return np.sum(b**3) + np.sum(a * a)


@program(lambda: (grid(3, 4), bools(1, 0, 0, 1)))
def columns_by_mask(a, columns):
    a[:, columns] = a[:, ~columns] * 2.0
    a[1, columns] -= a[0, columns]
    return np.sum(a * a) + np.sum(a[:, columns])


@program(lambda: (grid(3, 4), bools(1, 0, 1), bools(0, 1, 0, 1)))
def mask_beside_other_keys(a, rows, columns):
    y = a[rows, columns]
    z = a[rows, 1:3]
    w = a[rows, 2] * a[1, columns]
    v = a[rows, [0, 3]]
    return np.sum(y * y) + np.sum(z**3) + np.sum(w) + v[1] * z[0, 0]


@program(lambda: (wave(24).reshape(2, 3, 4), bools(1, 0, 1, 0, 1, 1).reshape(2, 3)))
def leading_axes_by_mask(c, mask):
    y = c[mask]
    c[mask] = y * y
    c[mask, 1] = 0.5
    return np.sum(c * c) + np.sum(y[:, 0])


@program(lambda: (wave(24).reshape(2, 3, 4), bools(1, 0, 1)))
def middle_axis_by_mask(c, mask):
    y = c[:, mask, 1:]
    z = c[..., [0, 2]][:, mask]
    return np.sum(y * y) + np.sum(z**3)


@program(lambda: (grid(3, 4),))
def mask_by_a_column(a):
    a[a[:, 0] > 0.2] *= a[0]
    a[a[:, 1] > 0.0, 1] = 3.0 * a[1, 1]
    return np.sum(a**2)


@program(lambda: (wave(6), 3), lambda: (wave(6), 0))
def masks_in_a_loop(x, n):
    for k in range(n):
        over = x > 0.4
        x[over] = 0.4 + 0.5 * (x[over] - 0.4) * x[k]
        x[~over] += 0.1
    return np.sum(x * x)


@program(lambda: (wave(6),))
def several_tests(x):
    y = np.zeros_like(x)
    y[(x > 0.0) & (x < 0.6)] = 2.0
    y[np.logical_or(x < -0.2, x > 0.9)] = x[0]
    y[np.abs(x) > 0.5] *= np.sin(x[np.abs(x) > 0.5])
    return np.sum(y * x)


@program(lambda: (wave(6),), lambda: (-np.ones(6),))
def where_alone(x):
    (index,) = np.where(x > 0.0)
    other = np.nonzero(x < 0.0)[0]
    x[index] *= 3.0
    return np.sum(x[other] ** 2) + np.sum(x[np.flatnonzero(x > 0.5)]) + np.sum(x * x)


@program(lambda: (grid(3, 4),))
def where_alone_of_a_matrix(a):
    i, j = np.nonzero(a > 0.3)
    at = np.argwhere(a < 0.0)
    s = np.sum(a[i, j] ** 2 * (i + j)) + np.sum(a[np.where(a > 0.6)] ** 3)
    for k in range(at.shape[0]):
        s += a[at[k, 0], at[k, 1]] * k
    return s + np.sum(a.ravel()[np.flatnonzero(a > 0.5)])


@program(lambda: (wave(6),), lambda: (np.full(6, 0.7),))
def any_and_all(x):
    s = 0.0
    if np.any(x > 0.5):
        s += x[0] ** 2
    if (x > 0.5).all() or not np.all(x < 2.0):
        s += x[1] ** 3
    if not (x > 5.0).any() and any((x[0] > 0.0, x[1] > 0.0)):
        s += np.count_nonzero(x > 0.0) * x[2]
    return s


@program(lambda: (grid(3, 4), bools(1, 0, 1)))
def compress_and_extract(a, rows):
    y = np.compress(rows, a, axis=0)
    z = np.compress([False, True, True, False], a, axis=1)
    return np.sum(y**2) + np.sum(z**3) + np.sum(np.extract(a > 0.2, a) ** 2)


@program(lambda: (grid(3, 4), wave(4)))
def copies_under_a_mask(a, v):
    np.putmask(a, a > 0.5, a * a)
    np.copyto(a, v * 2.0, where=a < -0.3)
    np.copyto(a[0], v)
    np.copyto(a, 0.5 * a, where=np.array([True, False, True, False]))
    return np.sum(a**2)


@program(lambda: (wave(5), bools(1, 0, 1, 1, 0)))
def mask_changed_later(x, mask):
    y = x[mask]
    mask[0] = False
    x[mask] = y[1:] * 2.0
    mask[:] = True
    return np.sum(x * x) + y[0]


@program(lambda: (wave(6), np.array([1, 0, 2, 0, 0, 3])))
def mask_of_integers(x, kind):
    x[kind == 2] = 5.0 * x[0]
    x[kind > 0] += kind[kind > 0] * x[kind > 0]
    return np.sum(x**2)


@program(lambda: (wave(6),), whole=True)
def selected_result(x):
    return x[x > 0.0] * 2.0


@program(lambda: (wave(6),), outputs=("x",))
def clipped_procedure(x):
    x[x > 0.5] = 0.5
    x[x < -0.5] *= 0.1
