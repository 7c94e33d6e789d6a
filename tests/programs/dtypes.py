"""float32, integers and booleans as data, arrays of odd memory layout."""

import math

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (wave(4).astype(np.float32),), single=True)
def single_precision_sum(x):
    s = np.float32(0.0)
    for i in range(x.size):
        s += x[i] * x[i] * x[i]
    return s


@program(lambda: (wave(4).astype(np.float32), 3), single=True)
def single_precision_in_place(x, n):
    for _ in range(n):
        x[1:] += x[:-1] * x[1:]
    return np.sum(x)


@program(lambda: (grid(2, 2).astype(np.float32), wave(2)), single=True)
def single_beside_double(a, x):
    s = 0.0
    for i in range(2):
        for j in range(2):
            s += a[i, j] * x[j] * x[i]
    return s


@program(lambda: (wave(4), np.array([True, False, True, True])))
def mask_as_data(x, mask):
    s = 0.0
    for i in range(x.size):
        if mask[i]:
            s += x[i] * x[i]
        else:
            s *= x[i]
    return s


@program(lambda: (wave(4), np.array([3, -1, 0, 2])))
def integer_weights(x, w):
    return np.sum(w * x * x) + w[0] * x[3] + np.dot(x, x) * w.size


@program(lambda: (wave(5),))
def integer_work_array(x):
    order = np.zeros(5, dtype=np.int64)
    for i in range(5):
        order[i] = (2 * i + 1) % 5
    s = 1.0
    for k in order:
        s = s * 0.5 + x[k] ** 2 * k
    return s


@program(lambda: (wave(5),))
def boolean_work_array(x):
    seen = np.zeros(5, dtype=np.bool_)
    i = 0
    s = 0.3
    while not seen[i]:
        seen[i] = True
        s += x[i] * s
        i = (i + 2) % 5
    return s


@program(lambda: (wave(4), np.array([[0, 1], [2, 3], [1, 0]])))
def edges_of_a_graph(x, edges):
    s = 0.0
    for e in range(edges.shape[0]):
        d = x[edges[e, 0]] - x[edges[e, 1]]
        s += d * d * (e + 1)
    return s


@program(lambda: (np.asfortranarray(grid(3, 2)),))
def fortran_order(a):
    s = 0.0
    for i in range(3):
        for j in range(2):
            s = s * 0.5 + a[i, j] * a[2 - i, j]
    return s


@program(lambda: (wave(8)[::2], wave(8)[::-1][:4]))
def strided_arguments(x, y):
    s = 0.0
    for i in range(4):
        x[i] += y[i] * y[i]
        s += x[i] * y[3 - i]
    return s


@program(lambda: (np.zeros(0), 0.4), lambda: (wave(3), 0.4))
def empty_array(x, c):
    s = c * c
    for v in x:
        s += v * c
    return s + np.sum(x * x)


@program(lambda: (wave(4), 2, 1.7), lambda: (wave(4), -1, 0.7))
def conversions(x, k, c):
    n = int(c * 2.0)
    return float(k) * x[n] + float(n) * c + x[k] * c


@program(lambda: (np.float64(0.4), 2.0))
def numpy_scalar_argument(x, y):
    return x * y + x**2


@program(lambda: (wave(3), np.array([2, 1, 2])))
def histogram(x, bins):
    counts = np.zeros(3)
    hits = np.zeros(3, dtype=np.int64)
    for i in range(x.size):
        counts[bins[i]] += math.exp(x[i])
        hits[bins[i]] += 1
    s = 0.0
    for b in range(3):
        if hits[b] > 0:
            s += counts[b] ** 2 / hits[b]
    return s


@program(lambda: (ramp(3).astype(np.float32), np.float32(0.5)), single=True, outputs=("y",))
def single_precision_procedure(y, a):
    for i in range(y.size):
        y[i] = a * y[i] * y[i]


@program(lambda: (wave(4).astype(np.float32), np.float32(0.1)), single=True)
def single_beside_literals(x, c):
    s = x[0] * 2.0
    if c < 0.25:
        s += x[1] / 3.0
    for v in x:
        if v > 0.1:
            s += np.hypot(v, c) + max(v, c) + np.log1p(v * v) * 0.5
    return s
