"""Tuples: packed, unpacked, indexed, passed and returned."""

import math

import numpy as np

from tests.programs.registry import grid, program, wave


def _derivatives(state, p):
    x, y = state
    return p * x - x * y, x * y - y


def _minmax(a, b):
    return (a, b) if a < b else (b, a)


@program(lambda: (0.7, 1.3))
def pack_and_index(x, y):
    t = (x * y, x + y, 2.0)
    return t[0] * t[1] + t[2] * t[-3]


@program(lambda: (0.7, 1.3))
def nested_tuples(x, y):
    t = ((x, y), x * y)
    (a, b), c = t
    return a * c + b * t[0][0]


@program(lambda: (0.7, 1.3, 3), lambda: (0.7, 1.3, 0))
def state_tuple_in_a_loop(x, y, n):
    state = (x, y)
    for _ in range(n):
        dx, dy = _derivatives(state, 1.1)
        state = (state[0] + 0.1 * dx, state[1] + 0.1 * dy)
    return state[0] * state[1]


@program(lambda: (0.7, 1.3), lambda: (1.3, 0.7))
def tuple_from_branches(x, y):
    low, high = _minmax(x, y)
    return low * low + 3.0 * high


@program(lambda: (0.7, 1.3), whole=True)
def returns_two(x, y):
    return x * y, math.sin(x)


@program(lambda: (wave(3), 0.4), whole=True)
def returns_array_and_number(x, c):
    y = x * c
    return y, np.sum(y * y)


@program(lambda: (wave(3), 0.4), whole=True)
def returns_a_single_member(x, c):
    return (np.sum(x) * c,)


@program(lambda: (grid(2, 3),))
def shape_unpacked(a):
    rows, columns = a.shape
    s = 0.0
    for i in range(rows):
        for j in range(columns):
            s += a[i, j] ** 2 * (i * columns + j)
    return s / (rows * columns)


@program(lambda: (wave(3),))
def array_unpacked(p):
    a, b, c = p
    return a * b + math.exp(c)


@program(lambda: (wave(2), wave(2, 1.0)))
def arrays_in_a_tuple(x, y):
    t = (x, y)
    t[0][1] = t[1][0] * 2.0
    return np.sum(x * x) + t[1][1]


@program(lambda: ((0.4, 1.5), 2.0))
def tuple_argument(pair, c):
    a, b = pair
    return a * b * c + pair[0] ** 2


@program(lambda: (0.4, 1.6, 0.3), whole=True)
def rk4_step(x, y, h):
    p = 1.1
    k1 = _derivatives((x, y), p)
    k2 = _derivatives((x + 0.5 * h * k1[0], y + 0.5 * h * k1[1]), p)
    k3 = _derivatives((x + 0.5 * h * k2[0], y + 0.5 * h * k2[1]), p)
    k4 = _derivatives((x + h * k3[0], y + h * k3[1]), p)
    return (
        x + h / 6.0 * (k1[0] + 2.0 * k2[0] + 2.0 * k3[0] + k4[0]),
        y + h / 6.0 * (k1[1] + 2.0 * k2[1] + 2.0 * k3[1] + k4[1]),
    )


@program(lambda: (0.4, 1.6))
def tuple_swapped_in_place(x, y):
    pair = (x, y)
    pair = pair[1], pair[0] * 2.0
    x, y = pair
    return x - y * y * x


@program(lambda: (0.4, 1.6, 0), lambda: (0.4, 1.6, 3))
def tuple_swapped_in_a_loop(x, y, n):
    s = (x, y)
    for _ in range(n):
        s = (s[1], s[0] * 0.9 + s[1] ** 2)
    return s[0] + 10.0 * s[1]


@program(lambda: (0.4, 1.6))
def tuples_exchange_members(x, y):
    s = (x, y)
    t = s
    s = (t[1], t[0])
    s, t = t, s
    return s[0] * s[1] + 10.0 * t[0] ** 2 + 100.0 * t[1]
