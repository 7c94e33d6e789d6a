"""Neighbouring element loops become one, unless an element passes from one to the other."""

import numpy as np
import pytest

from tests.passes.support import INTEGER, F, M, V, body_of, fused, lines, text


def loops(found: str) -> int:
    return sum(line.lstrip().startswith("for ") for line in found.splitlines())


def test_element_by_element():
    def f(x):
        y = np.sin(x)
        return y * y

    assert loops(lines(body_of(f, V))) == 2
    found = fused(f, V)
    assert loops(found) == 1
    assert found.endswith(
        text("""
        for i in range(x.shape[0]):
            y[i] = math.sin(x[i])
            result[i] = y[i] * y[i]
        """)
    )


def test_many_statements():
    def f(x, y):
        a = x + y
        b = a * a
        c = np.exp(b) - x
        d = c / a
        return np.sum(d)

    assert loops(fused(f, V, V)) == 1


def test_shifted_read():
    def f(x):
        y = np.sin(x)
        return y[1:] * y[:-1]

    assert loops(fused(f, V)) == 2


def test_shifted_read_over_the_same_range():
    def f(x, n):
        y = np.zeros(n)
        z = np.zeros(n)
        for i in range(n):
            y[i] = x[i]
        for i in range(n):
            z[i] = y[i - 1]
        return z

    assert loops(fused(f, V, INTEGER)) == 2


def test_reversed_read():
    def f(x, n):
        y = np.zeros(n)
        z = np.zeros(n)
        for i in range(n):
            y[i] = x[i]
        for i in range(n):
            z[i] = y[n - 1 - i]
        return z

    assert loops(fused(f, V, INTEGER)) == 2


def test_write_ahead_of_a_read():
    """The first loop reads y[i + 1] before the second writes it."""

    def f(x, y, n):
        z = np.zeros(n)
        for i in range(n - 1):
            z[i] = y[i + 1]
        for i in range(n - 1):
            y[i] = x[i]
        return z

    assert loops(fused(f, V, V, INTEGER)) == 2


def test_a_sum_of_all_elements():
    def f(x):
        return x / np.sum(x)

    assert loops(fused(f, V)) == 2


def test_different_ranges():
    def f(x, n):
        y = np.sin(x)
        for i in range(n):
            y[i] = 2.0
        return y

    assert loops(fused(f, V, INTEGER)) == 2


def test_lengths_of_different_arrays():
    def f(x, y):
        return np.sum(x * x) + np.sum(y * y)

    assert loops(fused(f, V, V)) == 2


def test_carried_scalar():
    """The second loop reads what the first carries from iteration to iteration."""

    def f(x, s):
        y = np.zeros(len(x))
        for i in range(len(x)):
            s = 0.5 * s + x[i]
        for i in range(len(x)):
            y[i] = s
        return y

    assert loops(fused(f, V, F)) == 2


def test_names_of_one_array():
    """u and y denote the same memory: y[i] is written where u[0] is read."""

    def f(x, y):
        u = y
        z = np.zeros(len(x))
        for i in range(len(x)):
            y[i] = x[i]
        for i in range(len(x)):
            z[i] = u[0]
        return z

    assert loops(fused(f, V, V)) == 2


def test_statement_between_reads_the_elements():
    def f(x):
        y = np.sin(x)
        s = y[-1]
        z = y * s
        return z

    assert loops(fused(f, V)) == 2


def test_transposed_read():
    def f(a):
        b = np.sin(a)
        return b.T * b

    assert loops(fused(f, M)) == 4


def test_matrices():
    def f(a):
        b = np.sin(a)
        return b * b

    assert loops(fused(f, M)) == 2


def test_matrix_updated_in_place():
    def f(a):
        a = a.copy()
        for t in range(3):
            b = np.sin(a)
            a[:] = a + b * a
        return a

    assert loops(fused(f, M)) == 3


def of_the_transposed(a):
    b = np.sin(a)
    return np.sum(b * b.T)


def of_the_row_above(a, n):
    b = np.zeros((n, n))
    c = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            b[i, j] = a[i, j]
    for k in range(n):
        for m in range(n):
            c[k, m] = b[k, m - 1] + b[k - 1, m]
    return c


def of_sums_of_rows(a, n):
    b = np.zeros((n, n))
    c = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            b[i, i] += a[i, j]
    for k in range(n):
        for m in range(n):
            c[k, m] = b[k, k]
    return c


def of_counters_that_stay(a, n):
    b = np.zeros((n, n))
    c = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            b[i, j] = a[i, j]
    for k in range(n):
        for m in range(n):
            c[k, m] = b[k, m] * 2.0
    return c[0, m]


@pytest.mark.parametrize(
    ("f", "count"),
    [
        (of_the_transposed, 4),
        (of_the_row_above, 4),
        (of_sums_of_rows, 3),  # only the rows are in step
        (of_counters_that_stay, 4),
    ],
)
def test_matrices_that_are_not_read_element_by_element(f, count):
    types = (M,) if f is of_the_transposed else (M, INTEGER)
    assert loops(fused(f, *types)) == count


def test_counter_read_after_the_loop():
    def f(x, n):
        y = np.zeros(n)
        z = np.zeros(n)
        for i in range(n):
            y[i] = x[i] * x[i]
        for j in range(n):
            z[j] = y[j] * 2.0
        return z[j]

    found = fused(f, V, INTEGER)
    assert "for j in" in found or "j = i" in found


def test_statement_between_reads_the_elements_by_another_name():
    def f(x, w, c):
        y = np.zeros(len(x))
        if c > 0.0:  # noqa: SIM108
            u = y
        else:
            u = w
        for i in range(len(x)):
            y[i] = x[i] * x[i]
        s = u[0]
        z = 0.0
        for i in range(len(x)):
            z += x[i] * s
        return z

    found = fused(f, V, V, F, checked=False)
    assert found.index("y[i] =") < found.index("s = u[0]")


def test_the_same_places_at_an_offset():
    def f(x, n):
        y = np.zeros(n + 1)
        z = np.zeros(n + 1)
        for i in range(n):
            y[i + 1] = x[i]
        for j in range(n):
            z[j + 1] = 2.0 * y[j + 1]
        return z

    assert loops(fused(f, V, INTEGER)) == 1


def test_places_that_count_from_the_end():
    """With x[n] the element of both y[0 - 1] and y[n - 1]: the last value is the one that is read."""

    def f(x, n):
        y = np.zeros(n)
        z = np.zeros(n)
        for i in range(n + 1):
            y[i - 1] = x[i]
        for j in range(n + 1):
            z[j - 1] += y[j - 1]
        return z

    assert loops(fused(f, V, INTEGER)) == 2
