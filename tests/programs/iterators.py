"""Loops and comprehensions over what ``itertools`` and ``np.ndindex`` give."""

import math
from itertools import accumulate, chain, combinations, islice, pairwise, product, repeat

import numpy as np

from tests.programs.registry import grid, program, wave


@program(lambda: (wave(4), wave(3, 1.0)))
def products_of_what_the_body_changes(x, y):
    x = x.copy()
    s = 0.0
    for a, b in product(x, y):  # the items of before
        s += a * a * b
        x[0] += b * 0.1
        x[3] *= 0.5
    for i, j in product(range(len(x)), range(len(y))):
        if x[i] > 0.9 and j == 1:
            continue
        s += x[i] * y[j]
        x[i] = 0.9 * x[i] + y[j]
        if s > 2.5:
            break
    return s + np.sum(x)


@program(lambda: (grid(4, 3), 4.0), lambda: (grid(4, 3), 0.5))
def pairs_of_points(points, far):
    energy = 0.0
    for i, j in combinations(range(len(points)), 2):
        d = points[i] - points[j]
        energy += 1.0 / np.sqrt(d @ d + 0.1)
    for a, b, c in combinations(points[:, 0], 3):
        if a * b * c > far:
            break
        energy += a * b * c
    last = sum(a * b**2 for a, b in combinations(points[0], 2))
    return energy + last + sum(u * v for u, v in combinations([far, last, energy], 2))


@program(lambda: (wave(3), 3), lambda: (wave(3), 1), lambda: (wave(3), 0))
def counters_that_are_read_afterwards(x, n):
    i = j = 2
    s = 0.0
    for i, j in combinations(range(n), 2):
        s += x[i] * x[j]
    s += x[i] * (1 + j)
    for i, j in product(range(3), range(n)):
        s += x[i] ** 2 * j
    return s * x[i] + j


@program(lambda: (grid(3, 3),))
def left_early(a):
    s = 0.0
    for i, j in np.ndindex(a.shape):
        s += a[i, j] ** 2
        if s > 1.0:
            break
    for at, v in np.ndenumerate(a):
        if at[0] == 2:
            return s * v + a[at]
        s += v * v
    return s


@program(lambda: (wave(5), wave(2, 1.0)))
def rows_of_iterators(x, y):
    s = 0.0
    for a, b in pairwise(x):
        s += (b - a) ** 2
    for k, v in enumerate(chain(x, y, [s])):
        s += v * v * k
    for v in islice(x, 1, 10, 2):
        s += math.sin(v)
    for v, w in zip(islice(x, 3), repeat(s, 2)):
        s += v * w
    for i, j in product(range(2), repeat=2):
        s += x[i] * x[j + 1]
    return s + sum(u * v for u, v in pairwise([x[0], x[2], s]))


@program(lambda: (wave(5),))
def choices_of_known_items(x):
    s = 0.0
    for c in product(x, repeat=0):
        s += x[0] + len(c)
    for c in combinations(x, 0):
        s += x[1] + len(c)
    for i, j in combinations((0, 1, 3, 4), 2):
        s += x[i] * x[j] * j
    few = sum(x[i] * x[j] for i, j in product(range(3), (1, 4)))
    return few * s + sum(x[i % 5] * x[j % 5] * (k + 1) for i, j, k in product(range(5), repeat=3))


@program(lambda: (wave(3), 2), lambda: (wave(3), 0))
def sums_of_a_part(x, n):
    return sum(accumulate(x[:n])) + sum(v * v for v in accumulate(x[:n], max)) + x[2]


@program(lambda: (wave(4),))
def lists_of_iterators(x):
    s = sum(accumulate(x)) + sum(accumulate(x, lambda a, b: a * b))
    s += sum(accumulate(x, max, initial=0.1)) + sum(a * b for a, b in product(x, x[1:]))
    return s * np.array([a + b for a, b in product(x, (1.0, 2.0))]).prod()
