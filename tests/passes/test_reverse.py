"""Reversal: what is saved and what is not, and the adjoint of each kind of statement.

The texts are those of whole adjoints, after the passes that make them lean.
"""

import cmath
import math

import numpy as np
import pytest

import srcad
from tests.passes.support import INTEGER, F, M, V, gradient_text, slopes_agree, text


def test_straight_line():
    def f(x, y):
        z = x * y
        return math.sin(z) * x

    assert gradient_text(f, (F, F), "x", "y") == text("""
        def f_grad(x, y):
            # forward sweep
            z = x * y
            # reverse sweep
            z_b = math.cos(z) * x
            x_b = math.sin(z)
            # z = x * y
            x_b += y * z_b
            y_b = x * z_b
            return x_b, y_b
    """)


def test_only_what_is_asked_for():
    def f(x, y):
        z = x * y
        return z * y

    found = gradient_text(f, (F, F), "x")
    assert "y_b" not in found
    assert "return x_b" in found


def test_linear_loop_saves_nothing():
    def f(x, w):
        s = 0.0
        for i in range(len(x)):
            s += w[i] * x[i]
        return s

    found = gradient_text(f, (V, V), "x", "w")
    assert "tape" not in found
    assert found.count("for ") == 1 or "raise" in found


def test_carried_value_is_saved():
    def f(x, n):
        for _ in range(n):
            x = math.sin(x)
        return x

    found = gradient_text(f, (F, INTEGER), "x")
    assert "x_tape[k] = x" in found
    assert "x = x_tape[k]" in found


def test_value_of_the_iteration_is_computed_again():
    def f(x):
        s = 0.0
        for i in range(len(x)):
            y = math.sin(x[i])
            s += y * y
        return s

    assert "tape" not in gradient_text(f, (V,), "x")


def test_overwritten_element():
    """The old element is saved because x[i] is read above its overwriting."""

    def f(x):
        u = x.copy()
        for i in range(1, len(x)):
            u[i] = u[i] * u[i - 1]
        return u[-1]

    found = gradient_text(f, (V,), "x")
    assert "u_tape[i - 1] = u[i]" in found
    assert "u[i] = u_tape[i - 1]" in found


def test_overwritten_element_that_nobody_needs():
    def f(x):
        u = x.copy()
        for i in range(1, len(x)):
            u[i] = u[i] + 2.0 * u[i - 1]
        return u[-1]

    assert "tape" not in gradient_text(f, (V,), "x")


def test_accumulated_element():
    """``u[i] += e`` leaves the adjoint of u[i] as it is."""

    def f(x, w):
        u = np.zeros(len(x))
        for i in range(len(x)):
            u[i] += w[i] * x[i]
        return np.sum(u)

    found = gradient_text(f, (V, V), "x")
    assert "u_b[i] = 0.0" not in found
    assert "x_b[i] = w[i] * u_b[i]" in found


def test_branch_is_decided_again():
    def f(x):
        if x > 0.0:  # noqa: SIM108
            y = x * x
        else:
            y = -x
        return y

    found = gradient_text(f, (F,), "x")
    assert "if x > 0.0:" in found
    assert "test" not in found


def test_branch_of_an_iteration_is_run_again_where_it_is_reversed():
    def f(x):
        s = 0.0
        for i in range(len(x)):
            for j in range(len(x)):
                if i != j:
                    d = x[j] - x[i]
                    s += d * d * d
        return s

    found = gradient_text(f, (V,), "x")
    assert "forward sweep" not in found and "tape" not in found
    assert found.count("if i != j:") == 1


def test_test_that_an_outer_loop_changes_afterwards_is_decided_as_it_was():
    def f(x, n):
        s, k = 1.0, 0
        for i in range(n):
            for j in range(n):
                if j > k:
                    d = s * x[j]
                    s += d * x[i]
            k = (3 * k + i) % n
        return s

    def forward(x, n):
        """The same with complex numbers, for the derivative by the complex step."""
        s, k = 1.0 + 0.0j, 0
        for i in range(n):
            for j in range(n):
                if j > k:
                    s += s * x[j] * x[i]
            k = (3 * k + i) % n
        return s

    x = np.linspace(0.2, 0.7, 6)
    steps = x + 1e-30j * np.eye(6)
    expected = [forward(row, 6).imag / 1e-30 for row in steps]
    np.testing.assert_allclose(srcad.grad(f)(x, 6), expected, rtol=1e-13)


def test_branch_whose_test_changes_is_saved():
    def f(x, n):
        s = x
        for _ in range(n):
            if s > 1.0:  # noqa: SIM108
                s = 0.5 * s
            else:
                s = 3.0 * s
        return s

    found = gradient_text(f, (F, INTEGER), "x")
    assert "np.bool_" in found or "s_tape" in found


def test_swap_turns_the_shadows_too():
    def f(x, n):
        u = x.copy()
        v = x.copy()
        for _ in range(n):
            for i in range(len(x)):
                v[i] = 2.0 * u[i]
            u, v = v, u
        return u[0] + v[1]

    found = gradient_text(f, (V, INTEGER), "x")
    assert "u_b, v_b = v_b, u_b" in found
    assert "v_b, u_b = u_b, v_b" in found
    assert "tape" not in found


def test_while_counts_its_trips():
    def f(x):
        while x < 10.0:
            x = x * x
        return x

    found = gradient_text(f, (F,), "x")
    assert "stack(pool, np.float64)" in found
    assert "grow(pool, x_tape)" in found


def test_product_of_matrices():
    def f(a, b):
        return np.sum(a @ b)

    found = gradient_text(f, (M, M), "a", "b")
    assert "add_product(a_b, result_b, b, False, True)" in found
    assert "add_product(b_b, a, result_b, True, False)" in found


def test_zero_cotangent_wins():
    def f(x, w):
        return w * math.sqrt(x)

    assert "if w != 0.0 else 0.0" in gradient_text(f, (F, F), "x")


def test_no_guard_where_the_partial_is_finite():
    def f(x, w):
        return w * math.sin(x)

    assert "!= 0.0" not in gradient_text(f, (F, F), "x")


def test_constant_function():
    def f(x):
        return 2.0

    assert gradient_text(f, (F,), "x").endswith("return 0.0")


@pytest.mark.parametrize("power", ["x ** 2", "x * x"])
def test_square(power):
    def by_power(x):
        return x**2

    def by_product(x):
        return x * x

    function = by_power if "**" in power else by_product
    assert "x_b = 2.0 * x" in gradient_text(function, (F,), "x")


def cube_of_root(x, w):
    return w * (x * math.sqrt(x)) + np.sqrt(x + 1.0) * (x + 1.0)


def test_the_product_with_its_own_root():
    """Its slope is finite at zero, where the root's is not, and needs no quotient."""
    text = gradient_text(cube_of_root, (F, F), "x")
    assert "/" not in text and "!= 0.0" not in text
    for x in (0.0, 1e-300, 0.49, 2.0, 1e200):
        expected = 1.5 * math.sqrt(x) * 2.0 + 1.5 * math.sqrt(x + 1.0)
        assert srcad.grad(cube_of_root)(x, 2.0) == pytest.approx(expected, rel=1e-14)
    found = srcad.grad(srcad.grad(cube_of_root))(0.64, 2.0)
    assert found == pytest.approx(0.75 / 0.8 * 2.0 + 0.75 / math.sqrt(1.64), rel=1e-14)
    assert srcad.jvp(cube_of_root, (0.49, 2.0), (1.0, 0.0))[1] == pytest.approx(
        srcad.grad(cube_of_root)(0.49, 2.0), rel=1e-14
    )


def test_the_root_of_something_else():
    def f(x, y):
        return x * math.sqrt(y) + y * math.sqrt(x * y)

    x, y = 0.7, 1.3
    found = srcad.grad(f, wrt=("x", "y"))(x, y)
    assert found[0] == pytest.approx(math.sqrt(y) + y * y / (2.0 * math.sqrt(x * y)), rel=1e-14)
    assert found[1] == pytest.approx(x / (2.0 * math.sqrt(y)) + 1.5 * math.sqrt(x * y), rel=1e-14)


def test_complex_numbers_with_their_roots():
    def f(x, y):
        z = complex(x, y)
        w = z * cmath.sqrt(z)
        return w.real + 2.0 * w.imag

    z = complex(0.7, 1.3)
    slope = 1.5 * z**0.5
    found = srcad.grad(f, wrt=("x", "y"))(z.real, z.imag)
    expected = slope.real + 2.0 * slope.imag, 2.0 * slope.real - slope.imag
    assert found == pytest.approx(expected, rel=1e-13)


def half_square(x):
    return 0.5 * x * x


def by_another(x, j):
    """An element divided by one of the same array, which may be itself."""
    for i in range(x.size):
        x[i] = x[i] / x[j] + x[i] * x[j]
    return np.sum(x * x)


def test_half_a_square_is_one_contribution():
    assert "x_b = x\n" in gradient_text(half_square, (F,), "x")
    assert srcad.grad(half_square)(3.0) == 3.0


def test_own_element_is_assigned_before_others_are_added_to():
    text = gradient_text(by_another, (V, INTEGER), "x")
    assert "x_b[i] = 0.0" not in text
    for j in range(3):
        slopes_agree(by_another, (np.array([0.3, 1.2, -0.7]), j), wrt=("x",))
