"""List comprehensions, generator expressions, and lists that are made, grow and change."""

import math

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (0.7,))
def of_a_literal_range(x):
    parts = [x**k / (k + 1) for k in range(5)]
    return parts[0] + parts[1] * parts[4] + sum(parts[2:4])


@program(lambda: (0.7, 1.3))
def of_a_tuple(x, y):
    return sum([math.sin(v) * v for v in (x, y, x * y)])


@program(lambda: (wave(4), 4), lambda: (wave(4), 0), lambda: (wave(4), 1))
def of_a_run_time_range(x, n):
    squares = [x[i] * x[i] for i in range(n)]
    return sum(squares) * 0.5 + len(squares)


@program(lambda: (wave(5),))
def of_an_array(x):
    y = np.array([math.exp(v) for v in x])
    return np.sum(y * x)


@program(lambda: (wave(5), ramp(5)))
def of_zip_and_enumerate(x, y):
    a = [u * v for u, v in zip(x, y)]
    b = [k * v for k, v in enumerate(a)]
    return sum(a) + b[2] * b[-1]


@program(lambda: (wave(5), 5))
def indexed_and_iterated(x, n):
    y = [math.sin(x[i]) for i in range(n)]
    s = 0.0
    for k, v in enumerate(y):
        s += v * y[n - 1 - k] * (k + 1)
    return s * max(y)


@program(lambda: (wave(6),))
def filtered_at_run_time(x):
    kept = [v * v for v in x if v > 0.0]
    return sum(kept) * len(kept)


@program(lambda: (0.7,))
def filtered_when_written(x):
    return sum([x * k for k in range(8) if k % 2 == 0 if k > 2])


@program(lambda: (0.7, 1.3))
def filtered_tuple_at_run_time(x, y):
    kept = [v for v in (x, y, -x) if v > 0.0]
    return kept[0] * kept[1] + len(kept)


@program(lambda: (0.4, 3), lambda: (0.4, 0))
def nested_generators(x, n):
    terms = [x ** (i + j) for i in range(n) for j in range(i)]
    return sum(terms) + x


@program(lambda: (0.4,))
def nested_lists(x):
    table = [[x * (i + 1) + j for j in range(3)] for i in range(2)]
    return table[0][1] * table[1][2] + sum([sum(row) for row in table])


@program(lambda: (0.4,))
def the_same_name_inside(x):
    k = x * 2.0
    rows = [sum([k * x for k in range(k + 1)]) for k in range(3)]
    return rows[2] * k


@program(lambda: (wave(5), 5), lambda: (wave(5), 0))
def generator_in_sum(x, n):
    return sum(x[i] * x[i] for i in range(n)) + sum(math.cos(v) for v in x)


@program(lambda: (wave(5),))
def generator_with_a_condition(x):
    return sum(v**3 for v in x if v < 0.5) + max(v * v for v in x) - min(2.0 * v for v in x)


@program(lambda: (wave(5), 0.4), lambda: (wave(5), 5.0))
def any_and_all(x, c):
    if any(v > c for v in x) and not all(v > -c for v in x):
        return np.sum(x) * c
    return np.sum(x * x) + (1.0 if any((c > 2.0, c < 0.0)) else c)


@program(lambda: (grid(3, 2),))
def over_rows(a):
    return sum([row[0] * row[1] for row in a]) + sum(p / (q + 3.0) for p, q in a)


@program(lambda: (wave(4),))
def arrays_in_a_list(x):
    layers = [x * (k + 1) for k in range(3)]
    s = 0.0
    for u in layers:
        s += np.sum(u * layers[0])
    return s


@program(lambda: (wave(4), 2), lambda: (wave(4), -3))
def array_of_a_list_by_index(x, k):
    layers = [x * x, np.sin(x), x + 1.0]
    return np.sum(layers[k] * x)


@program(lambda: (0.7, 1.3, 1), lambda: (0.7, 1.3, -1), lambda: (0.7, 1.3, 0))
def number_of_a_tuple_by_index(x, y, k):
    t = (x, y, x * y)
    return t[k] * x


@program(lambda: (0.7, 8), lambda: (0.7, 0), lambda: (0.7, -9))
def number_of_a_long_list_by_index(x, k):
    c = [x**j for j in range(9)]
    return c[k] * x + c[3]


@program(lambda: (0.7, 4), lambda: (0.7, 0))
def coefficients_by_index_in_a_loop(x, n):
    b = (1.0, 0.5, x, 0.25)
    s = 0.0
    for i in range(n):
        s += b[i] * x**i
    return s


@program(lambda: (0.7,))
def grows_step_by_step(x):
    out = []
    out.append(x)
    out.append(out[0] * x)
    out += [x + 1.0]
    out.extend((1.0, x))
    x = x * 2.0
    return sum(out) * x + len(out)


@program(lambda: (wave(3), 12), lambda: (wave(3), 0), lambda: (wave(3), 30))
def grows_in_a_loop(x, n):
    out = []
    for i in range(n):
        out.append(math.sin(x[i % 3] * i))
    return np.sum(np.array(out) ** 2) + x[0]


@program(lambda: (0.3,), lambda: (6.0,))
def grows_in_a_while_loop(x):
    values = [1.0]
    while x < 5.0:
        x *= 1.1
        values.append(x * values[-1])
    return values[len(values) - 1] * values[0] + len(values)


@program(lambda: (wave(6),))
def grows_on_a_condition(x):
    out = [2.0]
    for v in x:
        if v > 0.0:
            out.append(v * out[-1])
        elif v < -0.5:
            out.append(v)
    s = 0.0
    for k, v in enumerate(out):
        s += v * v * (k + 1)
    return s


@program(lambda: (wave(6), 6))
def appended_at_two_places(x, n):
    xs, ys = [], []
    for i in range(n):
        xs.append(x[i] * x[i])
        if i % 2:
            ys.append(x[i])
            ys.append(i)
    return sum(xs) * sum(ys)


@program(lambda: (0.5, 9))
def grows_and_shrinks(x, n):
    stack = [x]
    for k in range(n):
        if k % 3 == 2:
            top = stack.pop()
            stack[-1] *= top
        else:
            stack.append(math.sin(x * k) + 1.5)
    s = 1.0
    while len(stack) > 0:
        s = s * 0.5 + stack.pop()
    return s


@program(lambda: (0.5, 20))
def one_list_two_names(x, n):
    a = [x]
    b = a
    b.append(x * x)
    for k in range(n):
        a.append(b[k] * 0.9 + x)
    return a[-1] + len(b)


@program(lambda: (0.5,))
def aliases_of_a_written_list(x):
    a = [x, 2.0 * x]
    b = a
    c = a[:]
    b[0] = x * x
    a.append(3.0 * x)
    c.append(1.0)
    return a[0] * b[2] + c[0] * len(b) + len(c)


@program(lambda: (0.5, 1.5))
def methods_of_a_list(x, y):
    a = [x, y]
    a.insert(1, x * y)
    a.reverse()
    last = a.pop()
    first = a.pop(0)
    a[0] += last
    return a[0] * first + len(a)


def _collected(x, n):
    out = []
    for i in range(n):
        out.append(x[i] * (i + 1))
    return out


@program(lambda: (wave(4), 4))
def list_made_in_a_function(x, n):
    u, v = _collected(x, n), _collected(x * x, n)
    return sum(a * b for a, b in zip(u, v))


@program(lambda: (wave(4), 4))
def list_of_repeated_numbers(x, n):
    out = [0.0] * n
    for i in range(n):
        out[i] = x[i] * x[i]
        out[i] += out[i - 1]
    ones = [1.0] * 3
    ones[1] = x[0]
    return sum(out) + sum(ones)


@program(lambda: (wave(5), 3))
def list_again_in_each_step(x, n):
    s = 0.0
    for k in range(n):
        row = []
        for v in x:
            if v > 0.1 * k:
                row.append(v * (k + 1))
        s += sum(row) * len(row)
    return s


@program(lambda: (wave(4),))
def unpacks_what_it_collects(x):
    out = []
    for v in x[:3]:
        out.append(math.exp(v))
    a, b, c = out
    return a * b - c


@program(lambda: (0.4, 4))
def list_of_a_range(x, n):
    ks = list(range(n))
    js = list(range(3))
    return x ** ks[2] + sum([x**j for j in js]) + len(ks)


@program(lambda: (wave(5),))
def squared_errors(x):
    model = lambda t: x[0] + x[1] * t  # noqa: E731
    return sum((model(t) - v) ** 2 for t, v in enumerate(x[2:], start=1)) / len(x)


@program(lambda: (wave(4),))
def walrus_in_a_comprehension(x):
    last = 0.0
    total = sum([(last := v * v + last) for v in (x[0], x[1], x[2])])
    return total * last


@program(lambda: (wave(4), 4))
def slice_of_a_collected_list(x, n):
    y = [x[i] * 2.0 for i in range(n)]
    z = y[1:]
    z[0] = x[3]
    return sum(z) * y[1] + sum(y[:-1])
