"""The conventions at kinks, ties and singular points (docs: the table of subgradients).

A zero cotangent wins over an infinite partial; a tie is shared equally among the arguments that
carry a derivative, and an argument that ties with a constant gets nothing.
"""

import math

import numpy as np
import pytest

import srcad


def absolute(x):
    return abs(x)


def relu(x):
    return max(x, 0.0)


def relu_reversed(x):
    return max(0.0, x)


def relu_from_below(x):
    return min(x, 0.0)


def relu_of_numpy(x):
    return np.maximum(x, 0.0)


def clipped(x):
    return np.clip(x, 0.0, 1.0)


def masked_root(x):
    return np.where(x > 0.0, np.sqrt(x), 0.0)


def unused_root(x):
    return 0.0 * math.sqrt(x)


def guarded_root(x):
    return math.sqrt(x) if x > 0.0 else 0.0


def to_the_zero(x):
    return x**0


def to_the_zero_as_float(x):
    return x**0.0


def square_of_zero(x):
    return x**2.0


def logarithm_unused(x):
    return 0.0 * math.log(x + 1e-300)


def norm_unused(x):
    return 0.0 * math.hypot(x, 0.0)


ZERO_AT_ZERO = (
    absolute,
    relu,
    relu_reversed,
    relu_from_below,
    relu_of_numpy,
    masked_root,
    unused_root,
    guarded_root,
    to_the_zero,
    to_the_zero_as_float,
    square_of_zero,
    logarithm_unused,
    norm_unused,
)


@pytest.mark.parametrize("function", ZERO_AT_ZERO, ids=lambda f: f.__name__)
def test_zero_at_zero(function):
    assert srcad.grad(function, jit=False)(0.0) == 0.0


def sum_of_relus(x):
    return np.sum(np.maximum(x, 0.0))


def sum_of_masked_roots(x):
    return np.sum(np.where(x > 0.0, np.sqrt(x), 0.0))


def sum_of_absolutes(x):
    return np.sum(np.abs(x))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (sum_of_relus, (0.0, 1.0, 0.0)),
        (sum_of_masked_roots, (0.0, 0.25, 0.0)),
        (sum_of_absolutes, (0.0, 1.0, -1.0)),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_elementwise(function, expected):
    found = srcad.grad(function, jit=False)(np.array([0.0, 4.0, -1.0]))
    assert found.tolist() == list(expected)


def test_root_at_zero_is_infinite():
    def root(x):
        return math.sqrt(x)

    assert srcad.grad(root, jit=False)(0.0) == math.inf


def larger(a, b):
    return max(a, b)


def largest(a, b, c):
    return max(a, b, c)


def larger_of_numpy(a, b):
    return np.maximum(a, b)


def twice(a):
    return max(a, a)


def power(a, b):
    return a**b


def test_tie_is_shared_by_active_arguments():
    assert srcad.grad(larger, wrt=(0, 1), jit=False)(2.0, 2.0) == (0.5, 0.5)
    assert srcad.grad(larger_of_numpy, wrt=(0, 1), jit=False)(2.0, 2.0) == (0.5, 0.5)
    assert srcad.grad(twice, jit=False)(2.0) == 1.0


def test_tie_with_an_inactive_argument():
    assert srcad.grad(larger, wrt=0, jit=False)(2.0, 2.0) == 0.0
    assert srcad.grad(larger, wrt=1, jit=False)(2.0, 2.0) == 0.0


def test_tie_of_three_keeps_the_sum():
    """Two of three that tie share equally, and no cotangent is lost."""
    found = srcad.grad(largest, wrt=(0, 1, 2), jit=False)(2.0, 2.0, 2.0)
    assert sum(found) == pytest.approx(1.0)
    found = srcad.grad(largest, wrt=(0, 1, 2), jit=False)(2.0, 1.0, 2.0)
    assert found == (0.5, 0.0, 0.5)


def test_exponent_of_zero():
    assert srcad.grad(power, wrt=(0, 1), jit=False)(0.0, 2.0) == (0.0, 0.0)
    assert srcad.grad(power, wrt=1, jit=False)(0.0, 0.0) == 0.0


def maximum(x):
    return np.max(x)


def minimum(x):
    return np.min(x)


def maximum_of_rows(x):
    return np.sum(np.max(x, axis=1) * np.array([1.0, 2.0]))


def maximum_by_hand(x):
    best = x[0]
    for i in range(1, len(x)):
        best = max(best, x[i])
    return best


def test_ties_of_an_array_are_shared():
    x = np.array([1.0, 3.0, 3.0, -2.0, 3.0])
    third = 1.0 / 3.0
    assert srcad.grad(maximum, jit=False)(x) == pytest.approx([0.0, third, third, 0.0, third])
    assert srcad.grad(minimum, jit=False)(-x) == pytest.approx([0.0, third, third, 0.0, third])
    assert srcad.grad(maximum, jit=False)(np.array([2.0])) == pytest.approx([1.0])


def test_ties_along_an_axis():
    found = srcad.grad(maximum_of_rows, jit=False)(np.array([[1.0, 1.0], [0.0, 5.0]]))
    assert found == pytest.approx(np.array([[0.5, 0.5], [0.0, 2.0]]))


def test_ties_in_a_loop_keep_the_sum():
    found = srcad.grad(maximum_by_hand, jit=False)(np.array([3.0, 3.0, 1.0]))
    assert found == pytest.approx([0.5, 0.5, 0.0])


def test_clip_at_its_limits():
    gradient = srcad.grad(clipped, jit=False)
    assert [gradient(x) for x in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.0, 0.0, 1.0, 0.0, 0.0]


def norm_of_numpy(x):
    return np.linalg.norm(x)


def test_norm_at_the_origin():
    """As one function its gradient at 0 is 0."""
    assert np.array_equal(srcad.grad(norm_of_numpy, jit=False)(np.zeros(2)), np.zeros(2))


def test_angle_of_the_origin_unused():
    def f(x):
        return 0.0 * math.atan2(x, 0.0)

    assert srcad.grad(f, jit=False)(0.0) == 0.0


def test_expm1_far_below_zero():
    def f(x):
        return math.expm1(x)

    assert srcad.grad(f, jit=False)(-40.0) == pytest.approx(math.exp(-40.0), rel=1e-12, abs=0.0)
