"""Copies that change nothing: a value put back where it still is."""

from srcad.transform.copies import drop_copies
from tests.passes.support import INTEGER, F, V, function_of, text, without_return


def after(function, *types, kept=frozenset({"old"})) -> str:
    """What is left of a function; ``kept`` are the names that reversal would have made."""
    return without_return(drop_copies(function_of(function, *types), set(kept)))


def test_value_put_back():
    def f(s):
        old = s
        s = old
        return s

    assert after(f, F) == "old = s"


def test_value_put_back_after_a_change():
    def f(s):
        old = s
        s = s * 2.0
        r = s
        s = old
        return r + s

    assert after(f, F) == "old = s\ns *= 2.0\nr = s\ns = old"


def test_change_on_one_path():
    def f(s, c):
        old = s
        if c > 0.0:
            s = 2.0 * s
        s = old
        return s

    assert after(f, F, F).endswith("\ns = old")


def test_change_in_a_loop():
    def f(s, n):
        old = s
        for k in range(n):
            s = old
            s = 2.0 * s
        return s

    assert after(f, F, INTEGER) == text("""
        old = s
        for k in range(n):
            s = old
            s = 2.0 * s
    """)


def test_value_put_back_under_a_condition():
    def f(s, c):
        old = s
        if c > 0.0:
            s = old
        return s

    assert after(f, F, F) == "old = s\nif c > 0.0:\n    pass"


def test_value_held_from_an_earlier_iteration():
    def f(x, n):
        old = 0.0
        s = 0.0
        for i in range(n):
            y = s * i
            if x > 0.0:
                old = y
            y = old
            s = s + y
        return s

    assert "    y = old\n" in after(f, F, INTEGER, kept=())


def test_arrays():
    def f(x, n):
        u = x.copy()
        v = x.copy()
        for k in range(n):
            u, v = v, u
        return u

    assert "u, v = v, u" in after(f, V, INTEGER)
