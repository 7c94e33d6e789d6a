"""Adjoints known to be zero: ``+=`` becomes ``=`` only where nothing came before."""

from srcad.transform.zeros import propagate_zeros
from tests.passes.support import INTEGER, F, function_of, text, without_return


def after(function, *types) -> str:
    return without_return(propagate_zeros(function_of(function, *types), {"x_b", "w_b"}))


def test_first_contribution():
    def f(seed):
        x_b = 0.0
        x_b += 2.0 * seed
        x_b += 3.0 * seed
        return x_b

    assert after(f, F) == text("""
        x_b = 0.0
        x_b = 2.0 * seed
        x_b += 3.0 * seed
    """)


def test_difference():
    def f(seed):
        x_b = 0.0
        x_b -= seed
        return x_b

    assert after(f, F) == "x_b = 0.0\nx_b = -seed"


def test_contribution_on_some_path():
    def f(seed, c):
        x_b = 0.0
        if c > 0.0:
            x_b += seed
        x_b += 2.0 * seed
        return x_b

    assert after(f, F, F) == text("""
        x_b = 0.0
        if c > 0.0:
            x_b = seed
        x_b += 2.0 * seed
    """)


def test_zero_again_on_every_path():
    def f(seed, c):
        x_b = seed
        s = 0.0
        if c > 0.0:
            s += x_b
            x_b = 0.0
        else:
            x_b = 0.0
        x_b += seed
        return x_b + s

    assert after(f, F, F).endswith("\nx_b = seed")


def test_contribution_in_an_earlier_iteration():
    def f(seed, n):
        x_b = 0.0
        for k in range(n):
            x_b += seed
        x_b += seed
        return x_b

    assert after(f, F, INTEGER) == text("""
        x_b = 0.0
        for k in range(n):
            x_b += seed
        x_b += seed
    """)


def test_zero_at_the_end_of_each_iteration():
    def f(seed, n):
        s = 0.0
        x_b = 0.0
        for k in range(n):
            x_b += seed
            s += x_b
            x_b = 0.0
        return s + x_b

    assert "    x_b = seed\n    s += x_b\n    x_b = 0.0" in after(f, F, INTEGER)


def test_copy_of_zero():
    def f(seed):
        x_b = 0.0
        w_b = x_b
        w_b += seed
        x_b += w_b
        return x_b

    assert after(f, F).endswith("w_b = seed\nx_b = w_b")


def test_other_variables_are_left_alone():
    def f(seed):
        s = 0.0
        s += seed
        return s

    assert after(f, F) == "s = 0.0\ns += seed"
