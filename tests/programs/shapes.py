"""Other shapes of an array: views that share memory, copies that do not; views that are rebound."""

import numpy as np

from tests.programs.registry import grid, program, wave


@program(lambda: (wave(6),))
def reshape_and_read(x):
    y = x.reshape(2, 3)
    return np.sum(y[0] * y[1] ** 2)


@program(lambda: (wave(6),))
def reshape_and_write(x):
    y = x.reshape((3, 2))
    y[1, :] *= x[0]
    y[:, 1] += 2.0 * y[:, 0]
    return np.sum(x * x) + y[2, 1]


@program(lambda: (wave(6),))
def base_written_after(x):
    y = np.reshape(x, (2, -1))
    x[0] = x[5] * x[4]
    x[3] += y[0, 0]
    return np.sum(y * y) + y[1, 0]


@program(lambda: (grid(2, 3),))
def ravel_shares(a):
    v = a.ravel()
    v[1:5] *= v[0]
    return np.sum(a**3)


@program(lambda: (grid(2, 3),))
def flatten_copies(a):
    v = a.flatten()
    v[1:5] *= v[0]
    a[0, 0] = 2.0
    return np.sum(a**3) + np.dot(v, v)


@program(lambda: (grid(2, 3),))
def ravel_of_transpose_copies(a):
    v = a.T.ravel()
    v[2] = a[0, 0] * 3.0
    a[1, 1] *= 2.0
    return np.sum(v * v) + np.sum(a)


@program(lambda: (grid(2, 3),))
def reshape_of_transpose_copies(a):
    v = a.T.reshape(-1)
    v *= v[0]
    return np.sum(v * a.ravel())


@program(lambda: (grid(4, 3),))
def reshape_of_rows(a):
    block = a[1:3].reshape(6)
    block[2] = block[0] * block[5]
    return np.sum(a * a) + block[1]


@program(lambda: (grid(4, 6),))
def reshape_of_one_row(a):
    row = a[2].reshape(2, 3)
    row[0] += row[1] ** 2
    return np.sum(a * a)


@program(lambda: (grid(4, 3),))
def column_as_matrix(a):
    c = a[:, 1].reshape(-1, 1)
    c *= 2.0
    return np.sum(c * a)


@program(lambda: (wave(4),))
def column_vector(x):
    c = x.reshape(-1, 1)
    return np.sum((c - c.T) ** 2 * c)


@program(lambda: (wave(4),))
def column_vector_by_length(x):
    c = x.reshape(x.size, 1)
    c[1, 0] = x[0] * x[2]
    return np.sum(c * x)


@program(lambda: (grid(3, 4),))
def chain_of_shapes(a):
    b = a.reshape(2, 6).reshape(-1)[2:8].reshape(3, 2)
    b[1] = b[0] * b[2]
    return np.sum(a**2)


@program(lambda: (wave(8),))
def batches(x):
    s = 0.0
    for row in x.reshape(4, 2):
        row[0] *= row[1]
        s += row[0] ** 2
    return s + np.sum(x)


@program(lambda: (wave(6), 3), lambda: (wave(6), 0))
def reshape_in_a_loop(x, n):
    for k in range(n):
        y = (x * (k + 1.0)).reshape(2, 3)
        y[0] += y[1]
        x = y.reshape(-1)
    return np.sum(x * x)


@program(lambda: (grid(2, 3),))
def expand_and_squeeze(a):
    e = np.expand_dims(a, 1)
    e[0, 0, 1] *= 3.0
    s = np.squeeze(e, axis=1)
    s[1] += s[0] ** 2
    return np.sum(a * s)


@program(lambda: (wave(24).reshape(2, 3, 4),))
def axes_permuted(a):
    b = np.swapaxes(a, 0, 2)
    c = np.moveaxis(a, 0, -1)
    d = a.transpose(1, 0, 2)
    b[1, 2, 0] = c[0, 1, 1] * d[2, 1, 3]
    return np.sum(a**2) + np.sum(b[0] * d[:, :, 0])


@program(lambda: (wave(7), 4), lambda: (wave(7), 0))
def shrinking_view(x, n):
    w = x
    s = 0.0
    for _ in range(n):
        w = w[1:]
        w[0] *= w[-1]
        s += np.sum(w * w)
    return s + np.sum(x**2)


@program(lambda: (grid(2, 4), 3), lambda: (grid(2, 4), 2), lambda: (grid(2, 4), 0))
def swapped_rows(a, n):
    p = a[0]
    q = a[1]
    for k in range(n):
        for i in range(1, 4):
            p[i] = np.sin(q[i]) + q[i - 1] * p[i]
        p, q = q, p
    return np.sum(p * p) + p[1] * np.sum(q)


@program(lambda: (wave(6), 3))
def flipped_each_time(x, n):
    for k in range(n):
        x = x[::-1]
        x[1:] += x[:-1] * x[k]
    return np.sum(x * np.linspace(0.0, 5.0, 6))


@program(lambda: (wave(6), 0.3), lambda: (wave(6), -0.3))
def view_by_branch(x, c):
    v = x[1:4] if c > 0.0 else x[::-2]
    v *= c
    v[0] += x[2] * x[3]
    return np.sum(x * x) + v[1]


@program(lambda: (wave(5), wave(5, 0.8), 4))
def reversed_swap(x, y, n):
    w = y[::-1]
    for k in range(n):
        x, w = w, x[::-1]
        x[0] = x[1] * w[2] + x[3]
    return np.sum(x * w)


@program(lambda: (grid(3, 3), 3))
def transposed_each_time(a, n):
    for k in range(n):
        a = a.T
        a[0] += a[k % 3, 1] * a[1]
    return np.sum(a[0] * a[:, 1])


@program(lambda: (grid(4, 4), 2))
def corner_shrinks(a, n):
    w = a
    for _ in range(n):
        w[0, :] *= w[1, 0]
        w = w[1:, 1:]
    return np.sum(a**2) + w[0, 0]


@program(lambda: (grid(3, 4), 5), lambda: (grid(3, 4), 1))
def walks_over_rows(a, n):
    row = a[0]
    k = 0
    s = 0.0
    while k < n:
        if row[k % 4] > 0.2:
            row = a[(k + 1) % 3]
        else:
            row = a[2, ::-1]
        row[1] = row[0] * row[2] + 0.5 * row[1]
        s += row[3] ** 2
        k += 1
    return s + np.sum(a)


@program(lambda: (grid(3, 4),))
def view_from_helper(a):
    def half(u, k):
        return u[k::2]

    v = half(a[1], 0)
    v *= 2.0
    w = half(v, 1)
    w[0] = v[0] ** 2
    return np.sum(a * a)


@program(lambda: (wave(6),))
def helper_keeps_its_argument(x):
    def scaled(u, c):
        u *= c
        return u

    y = scaled(x, 2.0)
    z = scaled(y[1:3], y[0])
    z[1] += x[5]
    return np.sum(x * y)


@program(lambda: (wave(6), 2))
def ring_of_three(x, n):
    a, b, c = x[0:2], x[2:4], x[4:6]
    for _ in range(n):
        a[0] = b[1] * c[0]
        c[1] += a[0]
        a, b, c = b, c, a
    return np.sum(x * x) + a[0] * b[1]


@program(lambda: (wave(6), 3))
def newest_history(x, n):
    old = x[:3]
    new = x[3:]
    for k in range(n):
        made = old * new + x[k]
        old = new
        new = made
    return np.sum(old * new)


@program(lambda: (grid(2, 3),))
def asarray_shares(a):
    b = np.asarray(a)
    b[0, 1] *= a[1, 1]
    c = np.asarray(a, dtype=np.float64)
    c[1, 0] = 0.5
    d = np.array(a)
    d[0, 0] = 3.0
    return np.sum(a * a) + np.sum(d)


@program(lambda: (grid(2, 3),))
def contiguous_shares_or_copies(a):
    b = np.ascontiguousarray(a[1])
    b[0] *= a[0, 0]
    c = np.ascontiguousarray(a[:, 1])
    c[0] *= a[0, 0]
    return np.sum(a * a) + np.sum(c * c)


@program(lambda: (wave(4), wave(4, 0.9)), lambda: (-wave(4), wave(4, 0.2)))
def written_under_an_alias(x, y):
    x = y if -0.268 < y[3] < 0.532 else y[::-1]
    w = x
    y[:] = np.sin(y * w + y[1])
    return y[3] + w[0]


@program(lambda: (wave(4), wave(4, 0.9)), lambda: (wave(4) * 0.5, wave(4, 0.9)))
def one_of_two_comes_back(x, y):
    def mixed(u, v, c):
        for i in range(u.size):
            if u[i] > 0.8:
                return u
            u[i] = np.sin(u[i] + c * v[i])
        return v

    y = mixed(x, y, x[1])
    y[1:-1] = 0.6 * x[1:-1] + 0.2 * (x[2:] - x[:-2])
    return x[2] + y[1] ** 2


@program(lambda: (grid(4, 5), grid(2, 3), 2), lambda: (grid(4, 5), grid(2, 3), 0))
def patches(image, weights, k):
    out = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            patch = image[i : i + 2, j : j + 3]
            out[i, j] = np.dot(patch.reshape(-1), weights.ravel()) + patch.ravel()[k]
    return np.sum(out**2)


@program(lambda: (wave(24).reshape(2, 3, 4),))
def middle_slice_flattened(a):
    v = a[:, 1, 1:3].reshape(-1)
    v[0] = v[1] * v[2]
    a[0, 1, 2] = 3.0
    return np.sum(v * v) + np.sum(a**2)


@program(lambda: (wave(8), 0.4), lambda: (wave(8), -0.4))
def reshape_of_either(x, c):
    v = x[::2] if c > 0.0 else x[4:]
    g = v.reshape(2, 2)
    return np.sum(g @ g.T)
