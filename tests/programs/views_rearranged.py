"""Parts, turned and reordered arrays that share memory with the array that they are made of."""

import numpy as np

from tests.programs.registry import grid, program, wave


@program(lambda: (wave(6),), outputs=("x",))
def parts_written(x):
    p, q, r = np.split(x, 3)
    p[0] = q[1] * 3.0
    q *= r


@program(lambda: (grid(3, 4),))
def parts_side_by_side(a):
    left, right = np.hsplit(a, 2)
    left += right
    right[:] = right * right
    return np.sum(a * np.arange(12.0).reshape(3, 4))


@program(lambda: (grid(5, 4),))
def nearly_equal_parts(a):
    parts = np.array_split(a, 2)
    parts[1][:] *= 2.0
    for part in parts:
        part[0] = part[0] * part[-1]
    return np.sum(a**2)


@program(lambda: (wave(7), 2, 5), lambda: (wave(7), -3, 20))
def parts_between_places(x, i, j):
    first, second, third = np.split(x, [i, j])
    second *= 3.0
    third += 1.0
    return np.sum(x**2) + np.sum(first)


@program(lambda: (grid(3, 4),))
def turned_and_written(a):
    b = np.rot90(a)
    b[0] *= 2.0
    c = np.atleast_3d(a)
    c[1, :, 0] += 1.0
    d = np.expand_dims(a, (0, 3))
    d[0, 2, :, 0] *= 3.0
    e = np.moveaxis(a[None], (0, 1), (2, 0))
    e[0] += a[1, 1]
    f = np.flip(a, (0, 1))
    f[0, 0] *= 5.0
    return np.sum(a**2)


@program(lambda: (grid(3, 4),))
def first_index_fastest(a):
    z = np.zeros((3, 4), order="F")
    z[:] = a
    column = z.T.ravel()
    column *= 2.0
    copy = a.reshape(-1, order="F")
    copy *= 2.0
    other = np.asfortranarray(a)
    other[0] *= 2.0
    return np.sum(z * a) + np.sum(copy**2) + np.sum(other**3)


@program(lambda: (grid(3, 4),))
def other_names(a):
    b = np.asarray(a)
    c = np.asanyarray(b)
    d = a.view()
    b[0] *= 2.0
    c[1] *= 3.0
    d[2] *= 4.0
    return np.sum(a**2)


@program(lambda: (grid(3, 4),))
def diagonals_read_before_the_write(a):
    for k in range(3):
        d = np.diag(a)
        a[k, k] = np.sum(d) * 2.0
    kept = np.diag(a).copy()
    kept[0] *= 3.0
    a[1, 1] += kept[0]
    return np.sum(a**2)


@program(lambda: (wave(4),))
def grids_copy(x):
    rows, columns = np.meshgrid(x, x)
    (same,) = np.meshgrid(x, copy=False)
    x[0] = 7.0
    rows[0] *= 2.0
    return np.sum(same**2) + np.sum(rows * columns)


@program(lambda: (wave(5), 1), lambda: (wave(5), -2))
def inserted_and_removed_are_copies(x, k):
    y = np.insert(x, k, 3.0)
    y[0] = 2.0
    z = np.delete(x, k)
    z[0] = 3.0
    return np.sum(x**2) + np.sum(y * y) + np.sum(z**2)


@program(lambda: (wave(4), grid(2, 4)))
def broadcast_and_read(x, a):
    wide = np.broadcast_to(x, (2, 4))
    one, two = np.broadcast_arrays(x, a)
    total = np.sum(wide * a) + np.sum(one * two)
    windows = np.lib.stride_tricks.sliding_window_view(x, 2)
    return total + np.sum(windows[1] ** 2) + np.sum(np.prod(windows, axis=1))


@program(lambda: (grid(3, 4), np.array([2, 0, 1])))
def written_by_index(a, k):
    np.put(a, [0, 5], a[1, :2])
    np.put_along_axis(a, k[:, None], a[:, :1] * 2.0, axis=1)
    np.putmask(a, a > 0.5, a * a)
    np.place(a, a < -0.5, [0.25, 0.5])
    np.fill_diagonal(a, a[2, :3])
    np.copyto(a, a[0], where=a < 0.1)
    return np.sum(a**2 * np.arange(12.0).reshape(3, 4))


@program(lambda: (grid(3, 4),))
def applied_along_axes(a):
    first = np.apply_along_axis(lambda v: v[0] * np.sum(v), 0, a)
    second = np.apply_along_axis(np.cumsum, 1, a)
    return np.sum(first**2) + np.sum(second * a)


@program(lambda: (wave(5), grid(3, 4)), oracle="differences")
def padded(x, a):
    y = np.pad(x, (2, 6), mode="reflect")
    b = np.pad(a, ((1, 2), (0, 3)), mode="symmetric")
    c = np.pad(a, 1, constant_values=2.0)
    return np.sum(y**2 * np.arange(13)) + np.sum(b**3) + np.sum(c[1:, :-1] * c[:-1, 1:])
