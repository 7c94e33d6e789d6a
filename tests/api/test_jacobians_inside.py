"""Jacobians that a program takes itself: by rows or by columns, by one argument or several."""

import re

import numpy as np
import pytest

import srcad

NO_JIT = {"jit": False}


def many_to_two(x, c, y):
    first, second = x[0] * x[4] * c, np.sin(x[1] * y[0]) + c * x[3]
    return np.array([first, second])


def two_to_many(x):
    return np.array([x[0] ** 2, x[0] * x[1], np.sin(x[1]), x[1], 3.0 * x[0]])


def by_hand(x, c, y):
    wave = np.cos(x[1] * y[0])
    by_x = np.array([[x[4] * c, 0, 0, 0, x[0] * c], [0, y[0] * wave, 0, c, 0]])
    return by_x, np.array([x[0] * x[4], x[3]]), np.array([[0.0, 0.0], [x[1] * wave, 0.0]])


ARGUMENTS = (np.array([0.5, 1.5, -1.0, 2.0, 0.7]), 1.3, np.array([0.4, 0.9]))
FEW = np.array([0.7, 1.9])
BY_FEW = np.array([[2 * FEW[0], 0], [FEW[1], FEW[0]], [0, np.cos(FEW[1])], [0, 1], [3, 0]])


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev"])
def test_by_several_arguments(mode):
    def f(x, c, y):
        return srcad.jacobian(many_to_two, wrt=(0, "c", 2), mode=mode)(x, c, y)

    found = srcad.vjp(f, *ARGUMENTS, **NO_JIT)[0]
    for part, expected in zip(found, by_hand(*ARGUMENTS), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-14)


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev"])
def test_more_results_than_arguments(mode):
    found = srcad.vjp(lambda x: srcad.jacobian(two_to_many, mode=mode)(x), FEW, **NO_JIT)[0]
    np.testing.assert_allclose(found, BY_FEW, rtol=1e-14)


def way(function, *args) -> str:
    """Whether a Jacobian inside of a program carries tangents or shadows."""
    text = srcad.jvp(function, args, args, **NO_JIT) and srcad.batch(function).source(
        *(np.array([a, a]) for a in args)
    )
    return "columns" if re.search(r"_d\w* = ", text) else "rows"


def test_what_is_less_work_is_chosen():
    def wide(x):
        return srcad.jacobian(lambda x: np.array([x[0] * x[4], np.sin(x[1])]))(x)

    def tall(x):
        return srcad.jacobian(two_to_many)(x)

    assert way(wide, ARGUMENTS[0]) == "rows"
    assert way(tall, FEW) == "columns"


def test_a_batch_of_jacobians_by_several_arguments():
    rows = [(x * k, 1.0 + k, y - k) for k in range(3) for x, _, y in [ARGUMENTS]]
    stacked = tuple(np.array(part) for part in zip(*rows, strict=True))
    found = srcad.batch(srcad.jacobian(many_to_two, wrt=(0, 1, 2)), **NO_JIT)(*stacked)
    for k, row in enumerate(rows):
        for part, expected in zip(found, by_hand(*row), strict=True):
            np.testing.assert_allclose(part[k], expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_it_can_be_differentiated_again(mode):
    def f(x, c, y):
        a, b, d = srcad.jacobian(many_to_two, wrt=(0, 1, 2), mode=mode)(x, c, y)
        return np.sum(a * a) + b[0] * b[1] + d[1, 0] ** 3

    def plain(x, c, y):
        a, b, d = by_hand(x, c, y)
        return np.sum(a * a) + b[0] * b[1] + d[1, 0] ** 3

    found, step = srcad.grad(f, wrt=0, **NO_JIT)(*ARGUMENTS), 1e-6
    for k, unit in enumerate(np.eye(5) * step):
        x, c, y = ARGUMENTS
        expected = (plain(x + unit, c, y) - plain(x - unit, c, y)) / (2 * step)
        assert found[k] == pytest.approx(expected, abs=1e-7)


def test_by_numbers_only():
    def f(a, b):
        return srcad.jacobian(lambda a, b: np.array([a * b, a**2]), wrt=(0, 1))(a, b)

    found = srcad.vjp(f, 2.0, 3.0, **NO_JIT)[0]
    np.testing.assert_allclose(found, [[3.0, 4.0], [2.0, 0.0]], rtol=1e-14)


def test_of_a_number_by_several_arguments():
    def f(x, c):
        return srcad.jacobian(lambda x, c: x[0] * x[1] * c, wrt=(0, 1))(x, c)

    by_x, by_c = srcad.vjp(f, FEW, 2.0, **NO_JIT)[0]
    np.testing.assert_allclose(by_x, 2.0 * FEW[::-1], rtol=1e-14)
    assert by_c == pytest.approx(FEW[0] * FEW[1])


def test_one_argument_twice():
    def f(x):
        return srcad.jacobian(many_to_two, wrt=(0, 2))(x, 1.3, x)

    x = ARGUMENTS[0]
    by_x, by_y = srcad.vjp(f, x, **NO_JIT)[0]
    np.testing.assert_allclose(by_x, by_hand(x, 1.3, x)[0], rtol=1e-14)
    expected = np.zeros((2, 5))
    expected[1, 0] = x[1] * np.cos(x[1] * x[0])
    np.testing.assert_allclose(by_y, expected, rtol=1e-14)


def test_by_a_structure_is_refused():
    def f(x):
        return srcad.jacobian(lambda p: p[0] * p[1])((x, x))

    with pytest.raises(srcad.UnsupportedError, match="structure"):
        srcad.jvp(f, (FEW,), (FEW,), **NO_JIT)
