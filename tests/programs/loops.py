"""``for`` over ``range`` and over arrays: carried values, any step, zero trips, nests."""

import math

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (wave(4), 4), lambda: (wave(4), 0), lambda: (wave(4), 1))
def carried_scalar(x, n):
    s = 0.5
    for i in range(n):
        s = math.sin(s + x[i] * x[i])
    return s


@program(lambda: (0.3, 5), lambda: (0.3, 0))
def power_by_loop(x, n):
    p = 1.0
    for _ in range(n):
        p *= x + 1.0
    return p


@program(lambda: (wave(5),))
def backwards(x):
    s = 0.2
    for i in range(len(x) - 1, -1, -1):
        s = s * x[i] + 1.0
    return s


@program(lambda: (wave(7), 1, 7, 2), lambda: (wave(7), 6, 0, -2), lambda: (wave(7), 3, 3, 1))
def any_range(x, start, stop, step):
    s = 0.1
    for i in range(start, stop, step):
        s += x[i] * s + x[i] ** 2
    return s


@program(lambda: (wave(5),))
def odd_then_even(x):
    s = 1.0
    for i in range(1, x.size, 2):
        s *= x[i] + 2.0
    for i in range(0, x.size, 2):
        s += x[i] * s
    return s


@program(lambda: (grid(3, 4),))
def nested_carried(a):
    s = 0.3
    for i in range(a.shape[0]):
        row = 0.0
        for j in range(a.shape[1]):
            row += a[i, j] * s
        s = math.tanh(s + row)
    return s


@program(lambda: (wave(4),))
def triangular(x):
    s = 0.0
    for i in range(x.size):
        for j in range(i):
            s += x[i] * x[j] * (i - j)
    return s


@program(lambda: (wave(5),))
def triangular_upper(x):
    s = 1.0
    for i in range(x.size):
        for j in range(i + 1, x.size):
            s += math.sin(x[i] - x[j]) * s * 0.1
    return s


@program(lambda: (0.4, np.array([2, 0, 3])), lambda: (0.4, np.array([0, 0, 0])))
def bounds_from_data(x, counts):
    s = x
    for c in range(counts.size):
        p = 1.0
        for _ in range(counts[c]):
            p = p * s + x
        s += p
    return s


@program(lambda: (wave(5),), lambda: (np.array([0.4]),))
def over_an_array(x):
    s = 0.0
    for v in x:
        s = 0.5 * s + v * v
    return s


@program(lambda: (grid(3, 2),))
def over_rows(a):
    s = 0.0
    for row in a:
        s += row[0] * row[1] + s * row[0]
    return s


@program(lambda: (wave(4), np.array([1, -2, 3])))
def over_integers(x, weights):
    s = 1.0
    for w in weights:
        s += w * x[0] * s
    return s * x[3]


@program(lambda: (1.3, 4), lambda: (1.3, 1))
def counter_after_the_loop(x, n):
    s = 0.0
    for k in range(n):
        s += x**k
    return s * k + x


@program(lambda: (1.3, 3), lambda: (1.3, 0))
def value_after_no_trips(x, n):
    last = x * 2.0
    for k in range(n):
        last = x * k
    return last * x


@program(lambda: (0.6, 3))
def bound_rebound_inside(x, n):
    s = 1.0
    for _ in range(n):
        n = n + 5
        s = s * x + n
    return s


@program(lambda: (0.6, 3))
def counter_overwritten(x, n):
    s = 0.0
    for i in range(n):
        i = 2 * i + 1
        s = s * 0.5 + x**i
    return s


@program(lambda: (2.7,), lambda: (0.3,))
def trips_from_a_float(x):
    s = x
    for k in range(int(x * 2.0) + 1):
        s = s * 0.9 + x * k
    return s


@program(lambda: (wave(6),))
def two_carried_values(x):
    a = 1.0
    b = 0.0
    for i in range(x.size):
        a, b = b + x[i] * a, a * 0.5
    return a * b


@program(lambda: (wave(6),))
def fibonacci_like(x):
    prev = x[0]
    curr = x[1]
    for i in range(2, x.size):
        prev, curr = curr, curr * x[i] + prev
    return curr


@program(lambda: (ramp(5),))
def running_product_of_logs(x):
    total = 0.0
    product = 1.0
    for i in range(x.size):
        product *= x[i]
        total += math.log(product) / (i + 1)
    return total


@program(lambda: (wave(4), 0.3))
def horner(coefficients, x):
    s = 0.0
    for k in range(len(coefficients)):
        s = s * x + coefficients[k]
    return s


@program(lambda: (0.2, 8))
def logistic_map(x, n):
    r = 3.2
    for _ in range(n):
        x = r * x * (1.0 - x)
    return x


@program(lambda: (grid(2, 3), grid(3, 2, 0.9)))
def matrix_product_trace(a, b):
    s = 0.0
    for i in range(a.shape[0]):
        for k in range(b.shape[1]):
            c = 0.0
            for j in range(a.shape[1]):
                c += a[i, j] * b[j, k]
            if i == k:
                s += c * c
    return s


@program(lambda: (wave(3), 2), lambda: (wave(3), 0))
def zero_trips_inside(x, n):
    s = 1.0
    for i in range(x.size):
        for j in range(n - 1):
            s += x[i] * s * (j + 1)
    return s


@program(lambda: (wave(8),))
def reset_each_iteration(x):
    best = 0.0
    for i in range(0, 8, 4):
        block = 0.0
        weight = 1.0
        for j in range(i, i + 4):
            block += weight * x[j]
            weight *= 0.5
        best += block * block
    return best


@program(lambda: (0.4,))
def constant_bounds(x):
    s = x
    for i in range(2):
        for j in range(3):
            s += math.cos(s * (i + 1)) / (j + 1)
    return s


@program(lambda: (wave(5), 3))
def loop_in_a_loop_over_values(x, n):
    s = 0.0
    for v in x:
        t = v
        for k in range(n):
            t = t * t * 0.3 + v * k
        s += t
    return s


@program(lambda: (wave(4), ramp(4)))
def negative_indices(x, y):
    s = 0.0
    for i in range(1, x.size + 1):
        s += x[-i] * y[i - 1] * s + y[-i]
    return s


@program(lambda: (wave(4), 3), whole=True)
def the_array_of_the_last_iteration(x, n):
    """Made anew in each iteration, and a result after the loop."""
    for t in range(n):
        y = np.empty(x.size)
        for i in range(x.size):
            y[i] = np.sin(x[i] * (t + 1))
        z = y * x
    return y, z


@program(lambda: (wave(4),))
def the_same_array_in_each_iteration(x):
    """Made alike each time: its shadow is not."""
    s = [np.sin(x)]
    for t in range(4):
        x = np.tanh(np.array(s)[0])
    return np.sum(np.cos(x))
