"""Functions that call themselves: numbers, tuples and arrays come back; arguments are written."""

import math

import numpy as np

from tests.programs.registry import program, wave


def smoothed(u, f, level):
    u = u.copy()
    for _ in range(2):
        u[1:-1] = 0.5 * (u[2:] + u[:-2] - f[1:-1])
    if level == 0:
        return u
    r = np.zeros_like(f)
    r[1:-1] = f[1:-1] - (u[2:] - 2 * u[1:-1] + u[:-2])
    coarse = r[::2].copy()
    e = smoothed(np.zeros_like(coarse), coarse, level - 1)
    u[::2] += e
    u[1::2] += 0.5 * (e[1:] + e[:-1])
    return u


@program(lambda: (wave(9), wave(9, 0.7)), whole=True)
def v_cycle(u, f):
    return smoothed(u, f, 2)


@program(lambda: (wave(5), wave(5, 0.7), 3), lambda: (wave(5), wave(5, 0.7), 0))
def v_cycles_in_a_loop(u, f, n):
    for _ in range(n):
        u = smoothed(u, f, 1) * u[3]
    return np.sum(u * u)


def split(x, depth):
    if depth == 0:
        return x[0] * 2.0, x.copy()
    a, b = split(x * x[1], depth - 1)
    b[0] += a
    return a * b[1], b + x


@program(lambda: (np.array([0.5, 0.9, 0.3]), 3), lambda: (np.array([0.5, 0.9, 0.3]), 0))
def number_and_array(x, depth):
    a, b = split(x, depth)
    return a + np.sum(b)


def halved(x):
    n = x.size
    if n == 1:
        return x.copy()
    even, odd = halved(x[::2]), halved(x[1::2])
    out = np.empty(n)
    for k in range(n // 2):
        w = np.cos(0.4 * k)
        out[k] = even[k] + w * odd[k]
        out[k + n // 2] = even[k] - w * odd[k]
    return out


@program(lambda: (wave(8),), whole=True)
def divide_and_conquer(x):
    return halved(x)


def sorted_by_merging(x):
    if x.size < 2:
        return x.copy()
    m = x.size // 2
    a, b = sorted_by_merging(x[:m]), sorted_by_merging(x[m:])
    out = np.empty(x.size)
    i = j = 0
    for k in range(x.size):
        if j >= b.size or (i < a.size and a[i] <= b[j]):
            out[k] = a[i]
            i += 1
        else:
            out[k] = b[j]
            j += 1
    return out


@program(lambda: (wave(7),), lambda: (wave(4),))
def merge_sort(x):
    y = sorted_by_merging(x)
    return np.sum(y * np.linspace(1.0, 2.0, x.size))


def swept(u, left, right):
    """In place, depth first."""
    if right - left < 2:
        u[left] *= 1.0 + u[0]
        return
    m = (left + right) // 2
    swept(u, left, m)
    u[m] += u[m - 1] ** 2
    swept(u, m, right)


@program(lambda: (wave(6),), outputs=("u",))
def halving_in_place(u):
    swept(u, 0, u.size)


def even_steps(x, n):
    return x * 0.5 if n == 0 else odd_steps(np.sin(x), n - 1)


def odd_steps(x, n):
    if n == 0:
        return x * x
    return even_steps(x + 0.1, n - 1) * x


@program(lambda: (0.7, 4), lambda: (0.7, 3), lambda: (0.7, 0))
def each_other(x, n):
    return even_steps(x, n)


def quadrature(f_a, f_b, a, b, k, depth):
    c = 0.5 * (a + b)
    f_c = np.sin(k * c) * c
    rough = 0.5 * (b - a) * (f_a + f_b)
    fine = 0.25 * (b - a) * (f_a + 2.0 * f_c + f_b)
    if depth == 0 or abs(fine - rough) < 1e-2:
        return fine
    return quadrature(f_a, f_c, a, c, k, depth - 1) + quadrature(f_c, f_b, c, b, k, depth - 1)


@program(
    lambda: (0.2, 2.3, 1.7),
)
def adaptive_quadrature(a, b, k):
    return quadrature(np.sin(k * a) * a, np.sin(k * b) * b, a, b, k, 5)


def relaxed(u, f, n):
    u[1:-1] = 0.5 * (u[2:] + u[:-2] - f[1:-1])
    if n == 0:
        return u
    u = relaxed(u, f * 0.9, n - 1)
    u[0] *= u[1]
    return u


@program(lambda: (wave(5), wave(5, 0.7), 2), lambda: (wave(5), wave(5, 0.7), 0), whole=True)
def argument_comes_back(u, f, n):
    v = relaxed(u, f, n)
    v[2] += u[1]
    return v, u[0] * 2.0


def first_large(u, v, c):
    for i in range(u.size):
        if u[i] > 0.8:
            return u
        u[i] = math.sin(u[i] + c * v[i])
    return v


def folded(u, depth):
    if depth <= 0 or u.size < 2:
        return u * 0.5
    w = folded(u[::-1] * u[0], depth - 1)
    w[0] += math.sin(u[-1])
    return w


@program(lambda: (wave(4), wave(4, 0.9)), lambda: (wave(4, 2.0), wave(4, 1.1)))
def early_return_recursed(x, y):
    """What a function returns on several paths, given to one that calls itself."""
    y = first_large(y, x, 1.163)
    return np.sum(folded(y, 2) * y)


def v_cycle(u, f, h):
    """The name of the argument is given to a copy, and later to other arrays."""
    u = u.copy()
    for _ in range(2):
        u[1:-1] = 0.5 * (u[:-2] + u[2:] + h * h * f[1:-1])
    if len(u) <= 3:
        return u
    r = np.zeros_like(u)
    r[1:-1] = f[1:-1] + (u[:-2] - 2.0 * u[1:-1] + u[2:]) / (h * h)
    coarse = r[::2].copy()
    found = v_cycle(np.zeros_like(coarse), coarse, 2.0 * h)
    e = np.zeros_like(u)
    e[::2] = found
    e[1::2] = 0.5 * (found[:-1] + found[1:])
    u = u + e
    u[1:-1] = 0.5 * (u[:-2] + u[2:] + h * h * f[1:-1])
    return u


@program(lambda: (wave(9), 0.3))
def two_v_cycles(f, h):
    u = np.zeros_like(f)
    for _ in range(2):
        u = v_cycle(u, f, h)
    return np.sum(u * u * f)


def exchanged(u, v, n):
    """Names of arguments exchanged in a loop, and bound to new arrays on both paths at the end."""
    w = u
    for k in range(n):
        w = w + v * k
        u, v = v, w
    if n > 1:
        u = exchanged(w.copy(), v, n - 1) * 0.5
    else:
        u = w * 2.0
    return u


@program(lambda: (wave(4), 3), lambda: (wave(4), 1))
def arguments_exchanged(x, n):
    return np.sum(exchanged(x, np.cos(x), n) ** 2)


def written_then_left(u, n):
    """The argument is written, and then its name given to another array."""
    u[0] *= u[1]
    if n > 0:
        u = written_then_left(u * u, n - 1) + u
        u[1] = u[0] * u[2]
    else:
        u = u * 1.5
    return u


@program(lambda: (wave(4), 2))
def argument_written_and_left(x, n):
    y = x * x
    z = written_then_left(y, n)
    return np.sum(z * y) + z[1]
