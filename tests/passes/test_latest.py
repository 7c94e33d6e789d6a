"""Sums in which the element of the iteration before comes last: which, and the derivatives."""

import numpy as np
import pytest

import srcad
from tests.passes.support import INTEGER, F, M, V, is_exact, written


def agrees(f, args, *wrt):
    is_exact(f, args, *wrt, tolerance=(1e-12, 0.0))


def sweeps(u, f, n):
    for _ in range(n):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = 0.25 * (u[i, j - 1] + u[i - 1, j] + u[i + 1, j] + u[i, j + 1] - f[i, j])
    return np.sum(u * u)


def field(n, m, scale=1.0):
    return scale * np.cos(np.arange(n * m, dtype=float)).reshape(n, m)


def test_the_neighbour_before_comes_last():
    text = written(sweeps, (M, M, INTEGER), ("u", "f")).text
    assert "0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j + 1] - f[i, j] + u[i, j - 1])" in text


@pytest.mark.parametrize("shape", [(0, 0), (1, 4), (2, 2), (3, 3), (3, 4), (6, 5)])
def test_sweeps(shape):
    agrees(sweeps, (field(*shape), field(*shape, 0.3), 3), "u", "f")


def test_what_gives_the_value_keeps_its_order():
    text = written(sweeps, (M, M, INTEGER), ("u", "f"), "value_and_gradient").text
    assert "0.25 * (u[i, j - 1] + u[i - 1, j]" in text
    value, _ = srcad.value_and_grad(sweeps)(field(5, 6), field(5, 6, 0.3), 2)
    assert value == pytest.approx(sweeps(field(5, 6), field(5, 6, 0.3), 2), rel=1e-14)


def test_downwards_and_at_an_offset():
    def f(x, y):
        for i in range(len(x) - 3, -1, -1):
            x[i + 1] = -y[i] - (x[i + 2] * y[i] - x[i]) - 0.5 * y[i]
        return np.sum(x * x)

    text = written(f, (V, V), ("x", "y")).text
    assert "x[i + 1] = -y[i] + x[i] - 0.5 * y[i] - x[i + 2] * y[i]" in text
    for n in (0, 2, 3, 4, 7):
        agrees(f, (np.linspace(0.1, 0.9, n), np.linspace(0.3, 1.2, n)), "x", "y")


def test_only_negative_terms_beside_it():
    def f(x, y):
        for i in range(1, len(x)):
            x[i] = x[i - 1] * y[i] - y[i] - y[i - 1] - 1.0
        return np.sum(x * x)

    assert "x[i] = -y[i] - y[i - 1] - 1.0 + x[i - 1] * y[i]" in written(f, (V, V), ("x", "y")).text
    agrees(f, (np.linspace(0.1, 0.9, 5), np.linspace(0.3, 1.2, 5)), "x", "y")


def test_sums_in_sums():
    def f(x, y):
        for i in range(1, len(x)):
            x[i] = (0.3 * (y[i] + x[i - 1] + y[i - 1] + 2.0) + y[i]) * y[i] + 1.0
        return np.sum(x * x)

    text = written(f, (V, V), ("x", "y")).text
    assert "x[i] = (0.3 * (y[i] + y[i - 1] + 2.0 + x[i - 1]) + y[i]) * y[i] + 1.0" in text
    agrees(f, (np.linspace(0.1, 0.9, 5), np.linspace(0.3, 1.2, 5)), "x", "y")


def test_sums_without_the_element_stay_together():
    """A large number and what nearly cancels it do not part."""

    def f(x, y):
        for i in range(1, len(x)):
            x[i] = y[i] - (y[i] * 1e16 - y[i] * 1e16) + x[i - 1] + 2.0 - y[i - 1]
        return np.sum(x * x)

    text = written(f, (V, V), ("x", "y")).text
    assert "(y[i] * 1e+16 - y[i] * 1e+16)" in text
    assert "+ 2.0 - y[i - 1] + x[i - 1]" in text


def test_what_a_sum_was_rounded_by():
    def f(x, y):
        for i in range(1, len(x)):
            x[i] = (x[i - 1] - y[i]) - y[i - 1]
        return np.sum(x * x)

    assert "x[i] = x[i - 1] - y[i] - y[i - 1]" in written(f, (V, V), ("x", "y")).text


def test_two_terms_that_wait_stay():
    def f(x, y):
        for i in range(1, len(x)):
            x[i] = 0.1 * x[i - 1] + y[i] * x[i - 1] + y[i] + y[i - 1] + 1.0
        return np.sum(x * x)

    text = written(f, (V, V), ("x", "y")).text
    assert "0.1 * x[i - 1] + y[i] * x[i - 1] + y[i] + y[i - 1] + 1.0" in text
    agrees(f, (np.linspace(0.1, 0.9, 5), np.linspace(0.3, 1.2, 5)), "x", "y")


@pytest.mark.parametrize(
    "line",
    [
        "x[i] = x[i + 1] + y[i] + y[i - 1] + 1.0",  # not yet written
        "x[i] = x[i - 2] + y[i] + y[i - 1] + 1.0",  # long since
        "x[i] = x[0] + y[i] + y[i - 1] + 1.0",
        "x[i] = y[i] + y[i - 1] + 1.0",
    ],
)
def test_other_elements_stay_where_they_are(line, tmp_path):
    source = f"def f(x, y):\n    for i in range(2, len(x) - 1):\n        {line}\n    return x @ x\n"
    path = tmp_path / "m.py"
    path.write_text(source)
    space = {"np": np}
    exec(compile(source, str(path), "exec"), space)
    f = space["f"]
    text = written(f, (V, V), ("x", "y"), "gradient").text
    assert line in text or "x[i] =" not in text
    agrees(f, (np.linspace(0.1, 0.9, 6), np.linspace(0.3, 1.2, 6)), "x", "y")


def test_where_a_digit_decides_nothing_is_changed():
    def f(x, c):
        for i in range(1, len(x)):
            x[i] = x[i - 1] + x[i] + c + 1.0 - x[0]
        return x[-1] if x[-1] > 0.2 else 0.0

    text = written(f, (V, F), ("x", "c")).text
    assert "x[i - 1] + x[i] + c + 1.0 - x[0]" in text or "x[i] =" not in text
    agrees(f, (np.linspace(0.1, 0.9, 6), 0.3), "x", "c")
