"""Arrays read and written by element: buffers, in-place updates, ranks one to three, allocation."""

import math

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (wave(5),))
def squares_in_a_buffer(x):
    y = np.zeros(x.size)
    for i in range(x.size):
        y[i] = x[i] * x[i]
    s = 0.0
    for i in range(x.size):
        s += y[i] * x[-1 - i]
    return s


@program(lambda: (wave(5),))
def overwrite_the_argument(x):
    for i in range(x.size):
        x[i] = x[i] * x[i] + i
    s = 1.0
    for i in range(x.size):
        s += s * 0.1 * x[i]
    return s


@program(lambda: (wave(5),))
def prefix_sums_in_place(x):
    for i in range(1, x.shape[0]):
        x[i] += x[i - 1]
    return x[x.shape[0] - 1] * x[2]


@program(lambda: (wave(4),))
def element_stored_twice(x):
    y = np.zeros(3)
    y[0] = x[0] * x[1]
    s = y[0] * y[0]
    y[0] = x[2] * x[3]
    s += y[0] * y[0]
    y[0] += s
    return y[0] * x[0]


@program(lambda: (wave(4), 1.3))
def scaled_in_place(x, c):
    for i in range(x.size):
        x[i] *= c
        x[i] /= 1.0 + x[i] * x[i]
        x[i] -= c
        x[i] **= 2
    return x[0] + x[1] * x[2] * x[3]


@program(lambda: (wave(4), 0, 2), lambda: (wave(4), 1, 1))
def swap_elements(x, i, j):
    x[i], x[j] = x[j], x[i]
    return x[i] * 2.0 + x[j] * x[j] * 5.0


@program(lambda: (wave(5),))
def bubble_sort(x):
    y = x.copy()
    for i in range(y.size):
        for j in range(y.size - 1 - i):
            if y[j] > y[j + 1]:
                t = y[j]
                y[j] = y[j + 1]
                y[j + 1] = t
    s = 0.0
    for i in range(y.size):
        s += (i + 1) * y[i] * y[i]
    return s


@program(lambda: (wave(5), np.array([2, 0, 2, 4])))
def scatter_by_index(x, where):
    y = np.ones(5)
    for k in range(where.size):
        y[where[k]] += x[k] * y[where[k]]
    return np.sum(y * y)


@program(lambda: (wave(5), np.array([2, 0, 2, 4])))
def gather_by_index(x, where):
    s = 0.0
    for k in where:
        s = s * x[k] + x[k] ** 2
    return s


@program(lambda: (grid(3, 3),))
def transpose_in_place(a):
    for i in range(3):
        for j in range(i):
            a[i, j], a[j, i] = a[j, i], a[i, j] * 2.0
    return a[0, 1] * a[1, 0] + a[2, 0] ** 2 * a[0, 2] + a[2, 1]


@program(lambda: (grid(3, 4),))
def cumulative_table(a):
    t = np.empty((3, 4))
    for i in range(3):
        for j in range(4):
            t[i, j] = a[i, j]
            if i > 0:
                t[i, j] += t[i - 1, j]
            if j > 0:
                t[i, j] += t[i, j - 1]
            if i > 0 and j > 0:
                t[i, j] -= t[i - 1, j - 1]
    return t[2, 3] * t[1, 1]


@program(lambda: (wave(8).reshape(2, 2, 2), 0.4))
def rank_three(a, c):
    b = np.zeros((2, 2, 2))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(a.shape[2]):
                b[k, i, j] = a[i, j, k] * c + a[j, i, k] ** 2
    s = 0.0
    for i in range(2):
        s += b[i, 0, 1] * b[1, i, 0]
    return s


@program(lambda: (wave(4),))
def empty_then_filled(x):
    y = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        y[i] = math.exp(x[i])
    total = 0.0
    for v in y:
        total += v
    for i in range(x.shape[0]):
        y[i] = y[i] / total
    return y[0] * y[3] - y[1] * y[2]


@program(lambda: (wave(4), 0.7))
def full_and_likes(x, c):
    a = np.full(4, c)
    b = np.full_like(x, c * c)
    d = np.ones_like(x)
    e = np.zeros_like(x)
    f = np.empty_like(x)
    for i in range(4):
        f[i] = a[i] * x[i]
        d[i] += b[i] * f[i]
        e[i] -= d[i]
    return np.sum(d * e)


@program(lambda: (wave(3),))
def buffer_reused(x):
    t = np.zeros(2)
    s = 0.0
    for i in range(x.size):
        t[0] = x[i]
        t[1] = t[0] * t[0]
        s += t[1] * t[0]
    return s


@program(lambda: (wave(3), 2), lambda: (wave(3), 0))
def allocated_in_the_loop(x, n):
    s = x[0]
    for k in range(n):
        y = np.zeros(3)
        for i in range(3):
            y[i] += x[i] * s
        s = y[0] + y[1] * y[2] + k
    return s


@program(lambda: (wave(3), ramp(3)))
def writes_an_inactive_argument(x, w):
    w[0] = x[0] * x[1]
    w[1] += x[2]
    return w[0] * w[1] * w[2]


@program(lambda: (wave(5),))
def gauss_seidel_sweeps(x):
    for _ in range(3):
        for i in range(1, x.size - 1):
            x[i] = 0.25 * (x[i - 1] + x[i + 1]) + 0.5 * x[i] * x[i]
    return x[1] + x[2] * x[3]


@program(lambda: (wave(4),))
def indices_computed(x):
    n = len(x)
    s = 0.0
    for i in range(2 * n):
        s = 0.5 * s + x[(3 * i + 1) % n] * x[i // 2]
    return s


@program(lambda: (wave(6), 0.5), lambda: (wave(6), -0.5))
def compress_in_place(x, limit):
    k = 0
    for i in range(x.size):
        if x[i] > limit:
            x[k] = x[i] * x[i]
            k += 1
    s = 0.0
    for i in range(k):
        s += x[i] * (i + 1)
    return s


@program(lambda: (grid(3, 3),))
def lower_triangular_fill(a):
    low = np.zeros_like(a)
    for i in range(a.shape[0]):
        for j in range(i + 1):
            low[i, j] = a[i, j] * a[j, i]
    return np.sum(low * a)


@program(lambda: (wave(3),))
def two_names_of_one_array(x):
    b = x
    b[0] = x[1] * x[2]
    return x[0] * x[0] + b[1]


@program(lambda: (wave(3),), outputs=("x",))
def procedure_in_place(x):
    for i in range(x.size):
        x[i] = math.sin(x[i]) * x[0]


@program(lambda: (wave(4), np.zeros(3)), outputs=("out",))
def procedure_with_out(x, out):
    for i in range(out.size):
        out[i] = x[i + 1] * x[i]


@program(lambda: (wave(3), ramp(3), 2), outputs=("x", "v"))
def leapfrog_procedure(x, v, n):
    h = 0.1
    for _ in range(n):
        for i in range(x.size):
            v[i] -= h * math.sin(x[i])
        for i in range(x.size):
            x[i] += h * v[i]


@program(lambda: (wave(3), 0.5), outputs=("x",))
def procedure_that_also_returns(x, c):
    s = 0.0
    for i in range(x.size):
        s += x[i] * c
        x[i] = s * s
    return s


@program(lambda: (wave(4),), whole=True)
def array_result(x):
    y = np.zeros(4)
    for i in range(4):
        y[i] = x[i] * x[3 - i]
    return y
