"""``while``: convergence loops, ``break``, ``continue``, early ``return``."""

import math

import numpy as np

from tests.programs.registry import program, ramp, wave


@program(lambda: (2.0,), lambda: (30.0,), lambda: (0.7,))
def newton_square_root(a):
    x = a
    while abs(x * x - a) > 1e-13 * a:
        x = 0.5 * (x + a / x)
    return x


@program(lambda: (0.9, 0.3), lambda: (2.6, 0.7))
def kepler(mean_anomaly, eccentricity):
    e = mean_anomaly
    k = 0
    while k < 50:
        step = (e - eccentricity * math.sin(e) - mean_anomaly) / (1.0 - eccentricity * math.cos(e))
        e -= step
        k += 1
        if abs(step) < 1e-12:
            break
    return math.cos(e) * k


@program(lambda: (1.0,), lambda: (100.0,), lambda: (7.0,))
def halve_until_small(x):
    n = 0
    while x > 1.5:
        x = x / 2.0 + 0.1
        n += 1
    return x * x + n


@program(lambda: (wave(6), 0.4), lambda: (wave(6), -5.0), lambda: (wave(6), 50.0))
def sum_until_limit(x, limit):
    i = 0
    s = 0.0
    while i < x.size and s < limit:
        s += x[i] ** 2
        i += 1
    return s * limit


@program(lambda: (wave(6),))
def skip_negative(x):
    s = 1.0
    i = -1
    while i < x.size - 1:
        i += 1
        if x[i] < 0.0:
            continue
        s = s * x[i] + 1.0
    return s


@program(lambda: (wave(6), 1.5), lambda: (wave(6), 9.0))
def first_over(x, limit):
    s = 0.0
    for i in range(x.size):
        s += abs(x[i])
        if s > limit:
            return s * x[i]
    return s - limit


@program(lambda: (0.4,), lambda: (5.0,))
def forever_with_break(x):
    s = x
    while True:
        s = 1.3 * s + 0.2
        if s > 4.0:
            break
    return s * x


@program(lambda: (1.2,), lambda: (9.0,), lambda: (61.0,))
def while_in_while(x):
    s = x
    trips = 0
    while s < 60.0:
        t = s
        while t > 2.0:
            t = t * 0.5 + 0.1 * math.sin(t)
            trips += 1
        s = s * 1.9 + t
    return s + trips * x


@program(lambda: (wave(5), 0.9), lambda: (wave(5), 3.0))
def break_out_of_inner(x, limit):
    s = 0.1
    for i in range(x.size):
        for j in range(i, x.size):
            if abs(x[j]) > limit:
                break
            s += x[i] * x[j] * s
        s *= 0.9
    return s


@program(lambda: (wave(7),))
def continue_and_break(x):
    s = 0.0
    for i in range(x.size):
        if i % 3 == 1:
            continue
        s = s * 0.7 + x[i]
        if s > 1.2:
            break
        s += 0.05
    return s * s


@program(lambda: (wave(5), 3), lambda: (wave(5), 99))
def search_and_return(x, key):
    total = 0.0
    for i in range(x.size):
        for j in range(x.size):
            total += x[i] * x[j]
            if i * x.size + j == key:
                return total * x[i]
    return total


@program(lambda: (0.3, 0.8), lambda: (1.7, 0.2))
def bisection_step_count(a, tolerance):
    low = 0.0
    high = 4.0
    n = 0
    while high - low > tolerance:
        mid = 0.5 * (low + high)
        if mid * mid * mid > a:
            high = mid
        else:
            low = mid
        n += 1
    return (low + high) * a * n + tolerance


@program(lambda: (ramp(4), 6), lambda: (ramp(4), 1))
def while_over_index(x, n):
    i = 0
    s = 1.0
    while n > 0:
        s += x[i] * s
        i = (i + 1) % x.size
        n -= 1
    return s


@program(lambda: (0.5,))
def never_entered(x):
    y = x * 3.0
    while x > 10.0:
        y *= x
        x -= 1.0
    return y * x


@program(lambda: (0.5, 1.2), lambda: (3.5, 0.4))
def condition_of_carried_values(x, y):
    n = 0
    while not (x > 3.0 or n >= 6):
        x, y = x + y * y, y * 0.8
        n += 1
    return x * y


@program(lambda: (wave(4),), lambda: (np.array([5.0, 1.0, 1.0, 1.0]),))
def return_from_while(x):
    i = 0
    s = 0.0
    while i < x.size:
        s += x[i]
        if s > 3.0:
            return s * s
        i += 1
    return s * 0.5


@program(lambda: (4.1, 0.01), lambda: (0.2, 0.5))
def adaptive_euler(y, h):
    t = 0.0
    n = 0
    while t < 1.0 and n < 12:
        slope = -y * y + math.sin(t)
        if h > 1.0 - t:
            h = 1.0 - t
        y += h * slope
        t += h
        if abs(slope) < 1.0:
            h *= 1.5
        n += 1
    return y + h


@program(lambda: (0.7, 12), lambda: (0.7, 1))
def collatz_weighted(x, n):
    s = x
    while n != 1:
        if n % 2 == 0:
            n = n // 2
            s = s * 0.9 + x
        else:
            n = 3 * n + 1
            s = math.sin(s) + x * x
    return s


@program(lambda: (0.8, 1.1), lambda: (3.0, 2.0))
def arithmetic_geometric_mean(a, b):
    for _ in range(20):
        if abs(a - b) < 1e-14:
            break
        a, b = 0.5 * (a + b), math.sqrt(a * b)
    return a
