"""Several names for one array, views, copies, buffers that change places, names rebound on conditions."""

import numpy as np

from tests.programs.registry import grid, program, wave


@program(lambda: (wave(5), 3), lambda: (wave(5), 2), lambda: (wave(5), 0))
def buffer_swap(u, n):
    v = np.zeros(u.size)
    for _ in range(n):
        for i in range(1, u.size - 1):
            v[i] = u[i] + 0.2 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
    return np.sum(u * u)


@program(lambda: (wave(4), wave(4, 2.0)))
def three_buffers_rotate(a, b):
    c = np.zeros(4)
    for _ in range(4):
        for i in range(4):
            c[i] = 2.0 * b[i] - a[i] * b[i] * 0.1
        a, b, c = b, c, a
    return np.dot(a, b) + c[0]


@program(lambda: (wave(4),))
def copy_is_independent(x):
    y = x.copy()
    y[0] = x[1] * 3.0
    x[1] = y[0] * y[2]
    return np.sum(x * y)


@program(lambda: (wave(5),))
def write_through_a_view(x):
    v = x[1:4]
    v[0] = x[0] * x[4]
    v *= 2.0
    return np.sum(x * x)


@program(lambda: (wave(5),))
def read_a_view_after_its_base(x):
    v = x[2:]
    x[3] = x[0] * x[1]
    return v[1] * v[0] + v[2]


@program(lambda: (grid(3, 3),))
def row_is_a_view(a):
    for i in range(3):
        row = a[i]
        row[0] = row[1] * row[2]
        row += 0.5
    return np.sum(a * a)


@program(lambda: (grid(2, 3),))
def transposed_view(a):
    t = a.T
    t[2, 0] = t[0, 1] * t[1, 1]
    return np.sum(a * a) + t[2, 0]


@program(lambda: (wave(6),))
def view_of_a_view(x):
    v = x[1:]
    w = v[::2]
    w[1] = v[0] * x[0]
    v[3] += w[2]
    return np.sum(x * x * x)


@program(lambda: (wave(3), wave(3, 1.5), True), lambda: (wave(3), wave(3, 1.5), False))
def chosen_array(a, b, first):
    if first:  # noqa: SIM108
        c = a
    else:
        c = b
    c[0] = a[1] * b[1]
    return np.sum(a * a) + np.sum(b) * c[2]


@program(lambda: (wave(3), 2), lambda: (wave(3), 5))
def rebound_when_large(x, n):
    y = x
    for k in range(n):
        if k == 3:
            y = x * 2.0
        y = y + 0.1 * y * y
    return np.sum(y)


@program(lambda: (wave(3),))
def rebound_to_new_arrays(x):
    for _ in range(3):
        x = x * x + 0.3
    return np.sum(x)


@program(lambda: (wave(4),))
def augmented_changes_the_other_name(x):
    y = x * 1.0
    z = y
    z += x
    y *= z
    return np.sum(z)


@program(lambda: (wave(4),))
def scalar_name_is_not_shared(x):
    a = x[0]
    b = a
    b += 1.0
    b *= b
    x[0] = 5.0
    return a * b + x[0] * x[1]


@program(lambda: (wave(4), 3), lambda: (wave(4), 4), outputs=("u",))
def swap_and_keep_the_argument(u, n):
    w = u
    v = u * 0.0
    for _ in range(n):
        v[:] = 0.5 * u + u * u
        u, v = v, u
    w[0] += u[1]


@program(lambda: (wave(3), 2), lambda: (wave(3), 3))
def keep_the_previous(x, n):
    old = x.copy()
    new = x.copy()
    for _ in range(n):
        old[:] = new
        for i in range(3):
            new[i] = old[i] * old[(i + 1) % 3] + 0.5
    return np.sum((new - old) ** 2)


@program(
    lambda: (wave(3), wave(3, 1.5), 0),
    lambda: (wave(3), wave(3, 1.5), 1),
    lambda: (wave(3), wave(3, 1.5), 2),
)
def view_kept_while_its_base_is_swapped(x, y, n):
    v = x[1:]
    for _ in range(n):
        x, y = y, x
    v[0] = y[0] * y[2]
    return np.sum(x * x) + 10.0 * np.sum(y * v[0]) + v[1]


@program(lambda: (wave(3), wave(3, 1.5), 1), lambda: (wave(3), wave(3, 1.5), 2))
def tuple_kept_while_names_swap(x, y, n):
    t = (x, y)
    for _ in range(n):
        x, y = y, x
    t[0][0] = y[1] * 2.0
    return x[0] + 10.0 * y[0] ** 2 + 100.0 * t[0][0]


def _swapped(u, v):
    u, v = v, u
    u[0] = u[1] * v[0]
    return u


@program(lambda: (wave(3), wave(3, 1.5), 1), lambda: (wave(3), wave(3, 1.5), 2))
def result_of_a_call_kept_while_names_swap(x, y, n):
    z = _swapped(x, y)
    for _ in range(n):
        x, y = y, x
    return z[0] * x[0] + 10.0 * x[0] + 100.0 * y[0] ** 2


@program(lambda: (wave(2), wave(2, 1.5), 0), lambda: (wave(2), wave(2, 1.5), 2))
def transpose_kept_while_its_base_is_rebound(x, y, n):
    a = np.outer(x, y)
    b = a.T
    for _ in range(n):
        a = a * a + 0.5
    return b[0, 1] + 10.0 * a[0, 1] * b[1, 0]


@program(lambda: (wave(3), wave(3, 1.5), 0), lambda: (wave(3), wave(3, 1.5), 1))
def second_name_kept_when_the_first_is_rebound(x, y, n):
    z = x
    if n > 0:
        x = y
    z[0] = y[1] * y[2]
    return x[0] ** 2 + 10.0 * z[0] * z[1] + 100.0 * y[0]


@program(
    lambda: (wave(3), wave(3, 1.5), 0),
    lambda: (wave(3), wave(3, 1.5), 1),
    lambda: (wave(3), wave(3, 1.5), 2),
)
def second_name_of_a_chosen_array(x, y, n):
    if n > 0:
        x = y
    z = x
    if n > 1:
        x = z * z
    z[0] = z[1] * y[2]
    return x[0] ** 2 + 10.0 * z[0] * z[1] + 100.0 * y[0]


@program(lambda: (wave(3), wave(3, 1.5), 0), lambda: (wave(3), wave(3, 1.5), 3))
def three_names_of_two_arrays(x, y, n):
    x, y, z = y, x, x
    for _ in range(n):
        x, y, z = z, x, y
        z[0] += z[1] * x[2]
    return x[0] ** 2 + 10.0 * y[0] + 100.0 * z[0] * y[1]


@program(lambda: (wave(3), 0), lambda: (wave(3), 3))
def loop_over_an_array_whose_name_is_rebound(x, n):
    y = x * x
    s = 0.0
    for v in x:
        x, y = y, x
        s = s * 0.5 + v * x[0]
    for _ in range(n):
        x = x * x + 0.5
    return s + np.sum(x * y)


@program(lambda: (wave(4), wave(4, 1.5), 0), lambda: (wave(4), wave(4, 1.5), 2))
def view_made_before_a_swap_in_the_same_iteration(x, y, n):
    for i in range(n):
        w = y[1:]
        w[0] = w[i % 3] * w[2]
        y, x = x, y
    return x[1] * 2.0 + y[1] * x[2]
