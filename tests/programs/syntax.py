"""Syntax: match, unpacking, del, assert, walrus, and/or as values, membership, loops with else."""

import enum
import math

import numba
import numpy as np
from numba import prange

from tests.programs.registry import grid, program, ramp, wave

SQUARE, CUBE = 2, 3


class Scheme(enum.Enum):
    """Named choices."""

    EULER = 1
    HEUN = 2


CHOSEN = Scheme.HEUN

# ------------------------------------------------------------------------------------- match


@program(lambda: (0.7, 0), lambda: (0.7, 1), lambda: (0.7, 2), lambda: (0.7, 5))
def match_integers(x, k):
    match k:
        case 0:
            y = x
        case 1 | 2:
            y = x * x * k
        case _:
            y = math.sin(x)
    return y * x


@program(lambda: (0.7, "fast"))
def match_strings(x, mode):
    match mode:
        case "slow":
            return x
        case "fast" | "faster":
            return x**3
    return 0.0 * x


@program(lambda: (0.7, 2), lambda: (-0.7, 2), lambda: (0.7, 9))
def match_with_guards(x, k):
    match k:
        case 2 if x > 0.0:
            return x * x
        case 2:
            return -x
        case n if n > 5:
            return x * n
        case _:
            return x


@program(lambda: (0.7, 1.4))
def match_a_number(x, y):
    match x * y:
        case v if v > 10.0:
            return x
        case v:
            return v * v


@program(lambda: (0.7, 3), lambda: (0.7, 2))
def match_constants_of_the_module(x, k):
    match k:
        case math.inf:
            return x
        case Scheme.EULER.value:
            return 2.0 * x
    match (k, 1.0):
        case (2, c):
            return x * c + x
        case (n, _):
            return x**n


@program(lambda: (0.7, None))
def match_none(x, option):
    match option:
        case None:
            scale = 2.0
        case True | False:
            scale = 3.0
        case other:
            scale = other
    return x * x * scale


@program(lambda: (0.7, 1.3, 1), lambda: (0.7, 1.3, 0))
def match_tuples(x, y, k):
    s = 0.0
    for item in ((1, x), (2, y), (k, x * y), (0, 0, x)):
        match item:
            case (0, 0, c):
                s += c
            case (1, a) if a < 0.5:
                s += 5.0 * a
            case (1 | 2 as n, a):
                s += n * a
            case (_, a):
                s -= a
    return s


@program(lambda: (wave(6), 6), lambda: (wave(6), 3))
def match_in_a_loop(x, n):
    s = 0.1
    for i in range(n):
        match i % 4:
            case 0:
                continue
            case 1:
                s += x[i] * s
            case 2 if x[i] > 0.0:
                s = math.sin(s)
            case 3:
                if s > 100.0:
                    break
                s *= x[i]
    return s


@program(lambda: (0.7,))
def match_an_enum(x):
    match CHOSEN:
        case Scheme.EULER:
            return x
        case Scheme.HEUN:
            return x + 0.5 * x * x


# ------------------------------------------------------------------------------------- unpacking


@program(lambda: (0.7, 1.3))
def starred_targets(x, y):
    t = (x, y, x * y, 2.0)
    first, *rest = t
    *head, last = rest
    a, *middle, b = (*t, x + y)
    return first * rest[1] + head[0] * last + sum(middle) * b + a * len(rest)


@program(lambda: (0.7, 1.3))
def starred_displays(x, y):
    t = (x, y)
    u = (*t, x * y)
    v = [0.5, *u, *range(2)]
    return sum(v) + u[2] * max(*u, 1.0)


@program(lambda: (0.7, 1.3))
def nested_targets(x, y):
    (a, (b, c)), [d, *e] = (x, (y, x * y)), (x + y, 2.0, y)
    return a * b + c * d + e[1] * e[0]


@program(lambda: (0.7, 1.3))
def chained_assignment(x, y):
    a = b = x * y
    a += 1.0
    c, d = e = (a, b)
    p = q = 0
    p = p + 0.5 * x
    values = [3.0, 4.0][q]
    return c * d + e[0] * b + p * values


@program(lambda: (wave(4),))
def chained_arrays_are_one(x):
    a = b = np.zeros(4)
    a[1] = x[0]
    b[2] = x[1] * a[1]
    u, v = w = (x * 2.0, x + 1.0)
    u[0] = x[3]
    return np.sum(a * x) + w[0][0] * w[1][1] + np.sum(v)


@program(lambda: (0.7, 1.3))
def chained_swap(x, y):
    a, b = x, y
    a, b = c = b, a
    return a * 2.0 + b * c[1] + c[0] ** 2


@program(lambda: (0.7,))
def deleted_names(x):
    y = x * x
    z = y * x
    del y
    if z > 0.0:
        w = z
        del z
        z = w * w
    y = 2.0
    return z * y


@program(lambda: (0.7, 3), lambda: (0.7, 0))
def deleted_in_a_loop(x, n):
    s = x
    for i in range(n):
        t = s * i
        s += t * x
        del t
    return s


@program(lambda: (0.7, 2))
def asserts_with_messages(x, n):
    """A docstring."""
    assert n > 0, f"{n} is not positive"
    assert x < 10.0, "x is " + str(x)
    if n > 5:
        raise ValueError(f"n = {n} is too large for {x:.3f}")
    y: float = x * n
    z: int
    pass
    z = 2
    return y**z


@program(lambda: (0.7, 1.3))
def walrus(x, y):
    if (s := x * y) > 0.5 and (t := s + x) > 0.0:
        return s * t
    return (u := x) * u


@program(lambda: (0.7, 0.1), lambda: (0.7, 2.0))
def walrus_on_the_right_of_and(x, c):
    k = 1
    if x > c and (k := x * 3.0) > 0.0:
        k = k * x
    return k * x


# ------------------------------------------------------------------------------------- values


@program(
    lambda: (0.7, 0.0),
    lambda: (0.0, 1.3),
    lambda: (0.7, 1.3),
    lambda: (0.0, 0.0),
    cross_checked=False,
)
def and_or_of_numbers(x, y):
    a = x or y
    b = x and y
    c = x or 2.0 * y or 3.0
    return a * a + b * 2.0 + c * a


def _scaled(x, factor=None, offset=None):
    factor = factor or 2.0
    return x * factor + (offset and offset * x or 1.0)


@program(lambda: (0.7,))
def or_of_a_default(x):
    return _scaled(x) + _scaled(x, 3.0) * _scaled(x, offset=x)


@program(lambda: (0.7, 3), lambda: (0.7, 0), lambda: (-0.7, 3))
def conditions_of_conditions(x, n):
    flag = x > 0.0 and n > 1
    other = not flag or n == 0
    y = x if flag else -x if other else 0.0
    return y * (2.0 if flag and not other else 3.0)


@program(lambda: (0.7, 3), lambda: (0.7, 2), lambda: (0.7, 7))
def membership(x, k):
    y = x
    if k in (1, 2, 3):
        y = y * x
    if k not in [2, 5]:
        y = y + x
    if k in range(3, 12, 2) or k in range(0):
        y = math.sin(y)
    if "eul" in "euler" and "x" not in ("y", "z"):
        y *= 3.0
    return y


@program(lambda: (0.7, 1.5, "euler", (1.0, 2.0), None), oracle="differences", cross_checked=False)
def questions_of_type(x, v, name, t, option):
    y = 0.0
    if isinstance(v, float) and not isinstance(v, (int, str)):
        y += x
    if isinstance(name, str) and name == "euler" and name < "heun":
        y += x * x
    if isinstance(t, tuple) and type(x) is float and type(t) is not list:
        y += x**3
    if option is None and callable(math.sin) and hasattr(math, "tau"):
        y *= 2.0
    return y


@program(lambda: (wave(3), 0.5))
def number_or_array(x, c):
    def total(v):
        return np.sum(v) if isinstance(v, np.ndarray) else v * v

    return total(x) * total(c)


@program(lambda: (2.7, 0.7), lambda: (-2.7, 0.7), oracle="differences", cross_checked=False)
def divmod_and_pow(x, y):
    q, r = divmod(x, y)
    return q * r + pow(abs(x), y) + math.prod((x, y, 2.0))


@program(lambda: (0.7, 1.3, 3))
def texts_that_are_known(x, y, n):
    name = f"{'eu'}ler"
    if name == "euler" and f"{2}-{name!s}" != "":
        return x * y
    return x


# ------------------------------------------------------------------------------------- loops


@program(lambda: (wave(6), 0.9), lambda: (wave(6), 5.0))
def for_else(x, c):
    s = 1.0
    for v in x:
        if v > c:
            s *= v
            break
        s += v * v
    else:
        s = s * 3.0
    return s


@program(lambda: (grid(3, 4), 0.95), lambda: (grid(3, 4), 0.2), lambda: (grid(3, 4), 5.0))
def for_else_nested(a, c):
    s = 0.5
    for row in a:
        for v in row:
            if v > c:
                break
            s += v * s
        else:
            s *= 2.0
            continue
        s -= row[0]
        if s < 0.0:
            break
    else:
        s += 10.0 * a[0, 0]
    return s


@program(lambda: (0.9, 10), lambda: (0.9, 2), lambda: (3.0, 50))
def while_else(x, n):
    k = 0
    while k < n:
        x = x * 0.9 + 0.05
        k += 1
        if x < 0.6:
            x *= 3.0
            break
    else:
        x = x * x
    return x


@program(lambda: (grid(3, 3), 0.4), lambda: (grid(3, 3), 9.0))
def return_out_of_loops_with_else(a, c):
    for i in range(3):
        for j in range(3):
            if a[i, j] > c:
                return a[i, j] * i + a[0, 0]
        else:
            c -= 0.1 * a[i, 0]
    else:
        return c * a[1, 1]
    return 0.0


@program(lambda: (0.3,), lambda: (2.0,))
def while_true(x):
    k = 0
    while True:
        k += 1
        x = x * 1.3
        if x > 3.0:
            break
        if k > 4:
            x += 1.0
            break
    return x * k


@program(lambda: (wave(4), ramp(4)))
def nested_loop_targets(x, y):
    s = 0.0
    for i, (a, b) in enumerate(zip(x, y)):
        s += a * b * (i + 1)
    for (i, a), b in zip(enumerate(x, start=2), reversed(y)):
        s += a * b * i
    for a, i, j in zip(x, range(1, 9, 2), range(7, -9, -3), strict=False):
        s += a**i * j
    return s


@program(lambda: (wave(9), 1, 9, 3), lambda: (wave(9), 7, 0, 2), lambda: (wave(9), 0, 8, 2))
def ranges_with_names(x, a, b, c):
    r = range(a, b, c)
    b = 0
    s = 0.5
    for i in r:
        s += x[i] * s
    for i in r:
        s += x[i]
    for i in reversed(range(a, 9, 2)):
        s = s * x[i] + 1.0
    return s + len(r) + len(range(a, 9, 3)) + b


@program(lambda: (wave(4), ramp(4)))
def zip_strict(x, y):
    s = 0.0
    for a, b in zip(x, y, strict=True):
        s += a * b
    for a, b in zip((x[0], x[1]), (2.0, y[0]), strict=True):
        s += a * b
    return s


@program(lambda: (grid(4, 2),))
def rows_columns_and_steps(a):
    s = 0.0
    for p, q in a:
        s += p * q
    for column in a.T:
        s += column[0] * column[3]
    for v in a[::2, 1]:
        s += v**3
    for row in a[::-1]:
        s = s * 0.5 + row[1]
    return s


@program(lambda: (wave(5),))
def parallel_ranges(x):
    s = 0.0
    for i in prange(len(x)):
        s += x[i] ** 2
    for i in numba.prange(1, len(x)):
        s += x[i] * x[i - 1]
    return s


@program(lambda: (wave(6), 6), lambda: (wave(6), 0))
def loop_variable_changed_inside(x, n):
    s = 0.3
    i = 9
    for i in range(n):
        i = i * 2 % 6
        s += x[i] * s
    return s * (i + 1)


@program(lambda: (wave(5), np.array([3, 1, 2, 0, 4])))
def bound_read_from_a_changed_array(x, counts):
    s = 0.1
    counts = counts.copy()
    for k in range(counts[0]):
        counts[0] = 1
        for j in range(counts[k]):
            counts[k] -= 1
            s += x[j] * x[k]
    return s


@program(lambda: (0.7, "abc"))
def loop_over_a_text(x, text):
    s = x
    for c in text:
        s = s * x if c == "b" else s + x
    return s


@program(lambda: (wave(3), True), lambda: (wave(3), False))
def conditional_of_arrays_and_tuples(x, flag):
    u = x * 2.0
    v = u if flag else x
    a, b = (x[0], 1.0) if flag else (x[1], x[2])
    w = (x, u) if flag else (u, x)
    return np.sum(v * w[0]) + a * b


@program(lambda: (0.7, 2), oracle="differences", cross_checked=False)
def import_inside(x, n):
    import math
    from math import sin as s

    import numpy as np

    return math.cos(x) * s(x) * np.float64(n)
