"""Items chosen and ordered by keys: ``max``, ``min`` and ``sorted``, ``sum`` from a start."""

import contextlib
import math

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (wave(6),), oracle="differences", cross_checked=False)
def largest_by_key(x):
    far = max(x, key=abs)
    near = min(x, key=lambda v: (v - 0.3) ** 2)
    return far * far * near + max(x[0], x[1], 0.2, key=lambda v: -v)


@program(lambda: (wave(6),), oracle="differences", cross_checked=False)
def index_of_the_largest(x):
    i = max(range(len(x)), key=lambda k: x[k])
    j = min(range(1, len(x), 2), key=lambda k: x[k])
    return x[i] ** 2 * x[j]


@program(lambda: (wave(5), ramp(5)), oracle="differences", cross_checked=False)
def tuples_by_a_member(x, y):
    pairs = [(x[0], y[1]), (x[1], y[2]), (x[2], y[0])]
    a, b = min(pairs, key=lambda p: p[0])
    c, d = max(zip(x, y), key=lambda p: p[0] * p[1])
    return a * b + c * c * d


@program(lambda: (wave(6),), lambda: (wave(6, 2.0),), oracle="differences", cross_checked=False)
def tuples_in_a_list_that_grows(x):
    rows = []
    for k, v in enumerate(x):
        if v > 0.0:
            rows.append((v, k))
    v, k = max(rows, key=lambda r: r[0])
    first = sorted(rows, key=lambda r: -r[1])[0][0]
    return v * v * (k + 1) + first


@program(lambda: (wave(6),), lambda: (wave(6) + 5.0,), oracle="differences", cross_checked=False)
def default_of_an_empty_list(x):
    s = max([v for v in x if v > 3.0], default=x[0] ** 2)
    return s * min((v for v in x if v < -3.0), default=x[1])


@program(lambda: (wave(6),), oracle="differences", cross_checked=False)
def generator_with_keywords(x):
    """The keyword stands behind a generator expression."""
    s = sum((v * v for v in x if v > 0.2), start=x[0] * x[1])
    t = sum((v * v for v in x if v > 0.2), x[2] ** 3)
    return s * t + max((v * v for v in x if v > 0.2), key=lambda v: -v)


@program(lambda: (wave(3),), oracle="differences", cross_checked=False)
def generator_of_known_length_with_keywords(x):
    s = sum((v * v for v in (x[0], x[1])), start=x[2])
    return (
        s
        + math.prod((x[k] for k in range(2)), start=x[2] * x[2])
        + min((x[k] * x[k] for k in range(3)), key=lambda v: -v)
    )


@program(lambda: (wave(6), 6), oracle="differences", cross_checked=False)
def sorted_numbers(x, n):
    up, down = sorted(x), sorted([x[k] * x[k] for k in range(n)], reverse=True)
    s = 0.0
    for k in range(n):
        s += up[k] * down[k] * (k + 1)
    return s + sorted((x[0], x[1], 0.1))[1] * len(up)


@program(lambda: (wave(6),), oracle="differences", cross_checked=False)
def order_of_indices(x):
    s = 0.0
    for rank, k in enumerate(sorted(range(x.size), key=lambda k: -x[k])):
        s += x[k] * (rank + 1) ** 2
    return s


@program(lambda: (grid(4, 3),), oracle="differences", cross_checked=False)
def rows_in_order(a):
    longest = max(a, key=np.linalg.norm)
    low, high = sorted([a[0], a[1]], key=lambda r: r[1])
    return np.sum(longest**3) + low @ high + low[0] * high[2] ** 2


@program(lambda: (ramp(4),), oracle="differences", cross_checked=False)
def equal_keys_keep_their_order(x):
    pairs = sorted([(1, x[0]), (0, x[1]), (1, x[2]), (0, x[3])], key=lambda p: p[0])
    back = sorted([(1, x[0]), (0, x[1]), (1, x[2])], key=lambda p: p[0], reverse=True)
    return sum((k + 1) * p[1] ** 2 for k, p in enumerate(pairs)) + back[0][1] * back[1][1] ** 3


@program(lambda: (wave(5),), oracle="differences", cross_checked=False)
def keys_of_two_numbers(x):
    pairs = sorted([(k % 2, v) for k, v in enumerate(x)], key=lambda p: (-p[0], p[1]))
    fixed = sorted([(1, x[0]), (0, x[1]), (1, x[2])])
    s = fixed[0][1] * fixed[1][1] ** 2
    for k, p in enumerate(pairs):
        s += (k + 1) * p[1] ** 2
    return s


@program(lambda: (wave(5), ramp(5)), oracle="differences", cross_checked=False)
def list_of_pairs(x, y):
    pairs = list(zip(x, y))
    s = 0.0
    for a, b in pairs:
        s += a * b * b
    return s * pairs[1][0] * len(list(enumerate(x)))


@program(lambda: (wave(6),))
def quiet_division(x):
    s = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for v in x:
            with np.errstate(all="ignore"), contextlib.nullcontext():
                if v < 0.0:
                    continue
                s += 1.0 / (v + 1.0)
                if s > 2.0:
                    break
        return s + np.sum(x * x)


@program(lambda: (wave(6),), oracle="differences", cross_checked=False)
def best_so_far(x):
    top, low = np.maximum.accumulate(x), np.minimum.accumulate(x[::-1])
    return np.sum(top * low) + np.sum(np.subtract.outer(x, x[:2]) ** 3)
