"""``if/elif/else``, conditional expressions, ``and/or/not``, comparisons, names bound on some paths."""

import math

import numpy as np

from tests.programs.registry import program, wave


@program(lambda: (-2.0,), lambda: (-0.5,), lambda: (0.5,), lambda: (2.0,))
def elif_chain(x):
    if x < -1.0:
        y = x * x
    elif x < 0.0:
        y = -x
    elif x < 1.0:
        y = math.exp(x)
    else:
        y = math.log(x) * x
    return y * x


@program(lambda: (2.0,), lambda: (-1.0,))
def guarded_root(x):
    y = math.sqrt(x) if x > 0.0 else 0.0
    return y * 3.0 + x


@program(lambda: (0.7,), lambda: (0.2,), lambda: (3.0,))
def chained_comparison(x):
    if 0.0 < x < 1.0 <= x + 0.5 != 7.0:
        return x * x * x
    return 2.0 * x


@program(lambda: (0.8, True), lambda: (0.8, False))
def bound_in_one_branch(x, flag):
    if flag:
        y = x * x
    z = math.sin(x)
    if flag:
        z = z * y
    return z


@program(lambda: (wave(3), 2), lambda: (wave(3), 0), lambda: (wave(3) + 9.5, 1))
def short_circuit(a, n):
    s = 0.0
    if n > 0 and a[n - 1] > 0.5:
        s = a[n - 1] ** 2
    if n == 0 or a[0] < 9.0:
        s += a[-1]
    return s


@program(lambda: (0.5, 1.5), lambda: (1.5, 0.5), lambda: (-0.5, -1.5))
def nested_branches(x, y):
    if x > 0.0:
        if y > x:
            z = x * y
        else:
            z = x - y
            y = y * 2.0
    else:
        z = y * y
        x = -x
    return z * x + y


@program(lambda: (0.3,), lambda: (0.8,), lambda: (-0.4,))
def nested_conditional_expressions(x):
    return (x * x if x > 0.5 else math.sin(x)) if x > 0.0 else -x * 2.0


@program(lambda: (0.3, 1), lambda: (0.3, 2), lambda: (0.3, 3), lambda: (0.3, 7))
def select_by_integer(x, kind):
    if kind == 1:
        return x * x
    elif kind == 2:
        return math.sin(x)
    elif kind == 3:
        return math.exp(-x)
    return x


@program(lambda: (0.3, 1.1), lambda: (1.3, 0.1))
def early_return(x, y):
    if x > y:
        return x * x - y
    x = x * y
    return x + y * y


@program(lambda: (wave(6),))
def relu_sum(x):
    s = 0.0
    for i in range(x.size):
        if x[i] > 0.0:
            s += x[i] * x[i]
        elif x[i] < -0.5:
            s -= 0.1 * x[i]
    return s


@program(lambda: (wave(6), 0.3))
def huber(r, delta):
    s = 0.0
    for v in r:
        a = abs(v)
        s += 0.5 * v * v if a <= delta else delta * (a - 0.5 * delta)
    return s


@program(lambda: (0.4, -0.9), lambda: (2.4, 0.9))
def builtin_min_max(x, y):
    a = max(x, y)
    b = min(x, y, 0.7)
    return a * b + max(x, 1.0, y) ** 2


@program(lambda: (1.4, 3), lambda: (-1.4, 4))
def parity(x, n):
    if not n % 2:
        x = x * 2.0
    if n > 2 and not x < 0.0:
        x = x * x
    return x


@program(lambda: (0.4,), lambda: (-0.4,))
def condition_changed_in_its_branch(x):
    y = x
    if y > 0.0:
        y = -2.0 * y * y
    if y > 0.0:
        y = y * 3.0
    return y * x


@program(lambda: (0.4, False), lambda: (0.4, True))
def flag_computed(x, invert):
    positive = x > 0.0
    choose = positive != invert
    if choose:
        x = math.cos(x)
    return x * x


@program(lambda: (wave(5),))
def maximum_by_hand(x):
    best = x[0]
    where = 0
    for i in range(1, x.size):
        if x[i] > best:
            best = x[i]
            where = i
    return best * best * (where + 1)


@program(lambda: (0.4, 2), lambda: (0.4, 0))
def scalar_first_array_later(x, n):
    y = x * x
    s = y
    y = np.zeros(3)
    for i in range(3):
        y[i] = s * i + n
    return np.sum(y * y)


@program(lambda: (wave(3),))
def array_first_scalar_later(x):
    y = x * 2.0
    y = np.sum(y * x)
    y = y * y
    return y + x[0]


@program(lambda: (1.7,))
def integer_first_float_later(x):
    s = 0
    for k in range(3):
        s = s + x * k
    return s * s


@program(lambda: (1.7, 4), lambda: (0.2, 4))
def integer_or_float(x, n):
    step = 1
    if x > 1.0:
        step = x / 2
    return step * x * n


@program(lambda: (0.5, 0.6), lambda: (0.9, 0.1))
def pass_and_empty_else(x, y):
    if x > y:
        pass
    else:
        x = x + y
    if x == 12.5:
        pass
    return x * y


@program(lambda: (0.2,), lambda: (1.4,), lambda: (2.7,))
def piecewise_table(x):
    knots = np.array([0.0, 1.0, 2.0])
    values = np.array([0.5, -0.25, 1.5])
    s = 0.0
    for k in range(3):
        if knots[k] <= x < knots[k] + 1.0:
            s = values[k] * (x - knots[k]) ** 2 + values[k]
    return s


@program(lambda: (0.5, 2.0, 1), lambda: (0.5, 2.0, -1))
def conditional_expression_in_call(x, y, sign):
    return math.atan2(x if sign > 0 else -x, y) * (y if sign > 0 else 1.0)


@program(lambda: (0.1, 0.7, 0.3), lambda: (0.7, 0.3, 0.1), lambda: (0.3, 0.1, 0.7))
def median_of_three(a, b, c):
    if a > b:
        a, b = b, a
    if b > c:
        b, c = c, b
    if a > b:
        a, b = b, a
    return a + 10.0 * b * b + 100.0 * c * a
