"""Index checks: dropped where proved, hoisted where affine, and else left where they are."""

import numpy as np
import pytest

import srcad
from srcad.transform.bounds import settle_checks
from tests.passes.support import INTEGER, IV, F, V, elaborated, lines, settled, text


def test_proved_by_the_range():
    def f(u):
        s = 0.0
        for i in range(len(u)):
            s += u[i]
        return s

    assert settled(f, V) == text("""
        s = 0.0
        for i in range(u.shape[0]):
            s += u[i]
    """)


def test_proved_by_the_allocation():
    def f(n):
        u = np.zeros(n + 1)
        for i in range(n):
            u[i + 1] = u[i] + 1.0
        return u[n - 1] + u[-1]

    assert settled(f, INTEGER).count("raise IndexError") == 2  # n - 1 and -1, where n may be 0


def test_hoisted():
    def f(u, n):
        s = 0.0
        for i in range(1, n - 1):
            s += u[i + 1]
        return s

    assert settled(f, V, INTEGER) == text("""
        s = 0.0
        if 1 < n - 1 and n - 1 >= u.shape[0]:
            raise IndexError('index i + 1 is out of bounds for axis 0 of u')
        for i in range(1, n - 1):
            s += u[i + 1]
    """)


def test_hoisted_below_zero():
    def f(u, n):
        s = 0.0
        for i in range(n):
            s += u[i - 2]
        return s

    found = settled(f, V, INTEGER)
    assert "if 0 < n and (-u.shape[0] > -2 or n - 3 >= u.shape[0]):" in found


def test_checked_once():
    def f(u):
        return u[2] + u[0] + u[-1] * u[2] + u[-3] + u[3]

    found = settled(f, V)
    assert found.count("raise IndexError") == 2  # the others follow from that of u[2]
    assert "if u.shape[0] <= 2:" in found
    assert "if u.shape[0] <= 3:" in found


def test_checked_again_where_the_first_may_not_run():
    def f(u, n):
        s = 0.0
        if n > 0:
            s += u[2]
        for i in range(n):
            s += u[i] * u[1]
        s += u[2]
        u = u[1:]
        return s + u[2]

    assert settled(f, V, INTEGER).count("raise IndexError") == 5


def test_backwards():
    def f(u, n):
        s = 0.0
        for i in range(n, 0, -1):
            s += u[i]
        return s

    found = settled(f, V, INTEGER)
    assert found.index("raise IndexError") < found.index("for i")
    assert "n >= u.shape[0]" in found


def test_hoisted_as_far_as_the_counter_allows():
    def f(u, n):
        s = 0.0
        for i in range(n):
            for j in range(i):
                s += u[i - j]
        return s

    assert settled(f, V, INTEGER) == text("""
        s = 0.0
        for i in range(n):
            if 0 < i and i >= u.shape[0]:
                raise IndexError('index i - j is out of bounds for axis 0 of u')
            for j in range(i):
                s += u[i - j]
    """)


def test_guarded_check_stays():
    def f(u, k, n):
        s = 0.0
        for i in range(n):
            if k[i] > 0:
                s += u[i]
        return s

    assert settled(f, V, IV, INTEGER) == text("""
        s = 0.0
        if 0 < n and n - 1 >= k.shape[0]:
            raise IndexError('index i is out of bounds for axis 0 of k')
        for i in range(n):
            if k[i] > 0:
                if not -u.shape[0] <= i < u.shape[0]:
                    raise IndexError('index i is out of bounds for axis 0 of u')
                s += u[i]
    """)


def test_loop_under_a_condition_keeps_its_check_there():
    def f(u, n, c):
        s = 0.0
        if c > 0.0:
            for i in range(n):
                s += u[i]
        return s

    assert settled(f, V, INTEGER, F) == text("""
        s = 0.0
        if c > 0.0:
            if 0 < n and n - 1 >= u.shape[0]:
                raise IndexError('index i is out of bounds for axis 0 of u')
            for i in range(n):
                s += u[i]
    """)


def test_check_under_a_condition_proves_nothing_after_it():
    def f(u, c):
        s = 0.0
        if c > 0.0:
            s += u[2]
        s += u[2]
        return s

    assert settled(f, V, F).count("raise IndexError") == 2


def test_loop_that_may_end_early():
    def f(u, n):
        s = 0.0
        for i in range(n):
            s += u[i]
            if s > 3.0:
                break
        return s

    found = settled(f, V, INTEGER)
    assert found.index("for i") < found.index("raise IndexError")


def test_while():
    def f(u, n):
        s = 0.0
        i = 0
        while i < n:
            s += u[i]
            i += 1
        return s

    found = settled(f, V, INTEGER)
    assert found.index("while") < found.index("raise IndexError")


def test_a_quotient_is_checked_before_the_loop():
    def f(u, n):
        s = 0.0
        for i in range(n):
            s += u[u.shape[0] // 2] + u[i + n // 3]
        return s

    found = settled(f, V, INTEGER)
    assert "for i in range(n):\n    s += " in found
    assert "n - 1 + n // 3 >= u.shape[0]" in found


def test_a_quotient_of_the_counter_is_checked_in_the_loop():
    def f(u, n, k):
        s = 0.0
        for i in range(n):
            s += u[i - i // 2] + u[n // k]
        return s

    found = settled(f, V, INTEGER, INTEGER)
    assert found.index("for i") < found.index("of u")
    x = np.arange(6.0)
    for n, k in ((0, 0), (3, 2), (9, 3), (11, 2)):
        gradient = srcad.grad(f, jit=False)(x, n, k)
        expected = np.zeros(6)
        for i in range(n):
            expected[i - i // 2] += 1.0
            expected[n // k] += 1.0
        np.testing.assert_array_equal(gradient, expected)
    with pytest.raises(IndexError):
        srcad.grad(f, jit=False)(x, 13, 4)
    with pytest.raises(IndexError):
        srcad.grad(f, jit=False)(x, 7, -1)


def test_index_from_an_array():
    def f(u, k, n):
        s = 0.0
        for i in range(n):
            s += u[k[i]]
        return s

    found = settled(f, V, IV, INTEGER)
    assert found.index("for i") < found.index("of u")


def test_index_that_changes_in_the_loop():
    def f(u, k, n):
        s = 0.0
        for _ in range(n):
            k += 1
            s += u[k]
        return s

    found = settled(f, V, INTEGER, INTEGER)
    assert found.index("in range(n)") < found.index("raise IndexError")


def test_array_that_changes_in_the_loop():
    def f(u, v, n):
        s = 0.0
        for i in range(n):
            s += u[i]
            u, v = v, u
        return s

    found = settled(f, V, V, INTEGER)
    assert found.index("for i") < found.index("raise IndexError")


def test_bound_that_changes_in_the_outer_loop():
    def f(u, n, m):
        s = 0.0
        for _ in range(n):
            for i in range(m):
                s += u[i]
            m += 1
        return s

    found = settled(f, V, INTEGER, INTEGER)
    assert found.index("in range(n)") < found.index("raise IndexError") < found.index("for i")


def test_check_of_lengths_stays():
    def f(x, y):
        return x * y

    assert settled(f, V, V).startswith("if x.shape[0] != y.shape[0]:\n    raise ValueError")


def test_check_of_lengths_stays_once():
    def f(x, y):
        return x * y + y / x

    assert settled(f, V, V).count("raise ValueError") == 1


def test_without_checks():
    def f(u, n):
        s = 0.0
        for i in range(n):
            s += u[i + 3]
        return s

    e = elaborated(f, V, INTEGER)
    body, _ = settle_checks(e.body, {"u", "n"}, keep=False)
    assert "raise" not in lines(body)


def test_same_length():
    def f(x, w):
        y = np.sin(x)
        z = y.copy()
        return np.sum(z) + np.sum(w)

    e = elaborated(f, V, V)
    _, lengths = settle_checks(e.body, {"x", "w"})
    same = lengths.same
    extents = {s.stop for s in e.body if hasattr(s, "stop")}
    by_name = {getattr(x, "array", ""): x for x in extents}
    assert same(by_name["x"], by_name["z"])
    assert not same(by_name["x"], by_name["w"])
