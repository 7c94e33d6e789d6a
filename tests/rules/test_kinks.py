"""The conventions at kinks, ties and singular points (docs: the table of subgradients).

A zero cotangent wins over an infinite partial; a tie is shared equally among the arguments that
carry a derivative, and an argument that ties with a constant gets nothing.


``KINKS`` has the rows of the table in docs/contract.md, each with the tests of it.
"""

import math
import re
from pathlib import Path

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


def matrix_norms(a):
    return np.sum(np.linalg.norm(a, axis=1)) + np.sum(np.linalg.norm(a, 3, axis=1, keepdims=True))


def deviation(a):
    return np.std(a[0]) + np.sum(np.std(a, axis=1))


@pytest.mark.parametrize("function", [matrix_norms, deviation])
def test_norms_along_an_axis_at_the_origin(function):
    a = np.array([[0.0, 0.0], [3.0, 4.0]])
    found = srcad.grad(function, jit=False)(a)
    assert np.array_equal(found[0], [0.0, 0.0])
    assert np.all(np.isfinite(found)) and np.any(found[1] != 0.0)


def median(x):
    return np.median(x)


def upper_quartile(x):
    return np.quantile(x, 0.75)


def test_ties_of_order_statistics():
    """The stable order of equal elements is that of their places."""
    assert srcad.grad(median, jit=False)(np.ones(3)).tolist() == [0.0, 1.0, 0.0]
    assert srcad.grad(median, jit=False)(np.ones(4)).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert srcad.grad(upper_quartile, jit=False)(np.ones(5)).tolist() == [0, 0, 0, 1.0, 0]


def polygon(x):
    return np.interp(x, np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 5.0]))


def test_interpolation_at_its_points():
    gradient = srcad.grad(polygon, jit=False)
    assert [gradient(x) for x in (-1.0, 0.0, 1.0, 2.0, 3.0)] == [0.0, 1.0, 4.0, 4.0, 0.0]


def angle(a, b):
    return math.atan2(a, b)


def test_angle_at_the_origin():
    found = srcad.grad(angle, wrt=(0, 1), jit=False)(0.0, 0.0)
    assert all(map(math.isnan, found))


def distance(a, b):
    return math.hypot(a, b)


def test_hypot_at_the_origin():
    assert srcad.grad(distance, wrt=(0, 1), jit=False)(0.0, 0.0) == (0.0, 0.0)


def with_sign(a, b):
    return math.copysign(a, b)


def test_copysign():
    gradient = srcad.grad(with_sign, wrt=(0, 1), jit=False)
    assert gradient(2.0, -3.0) == (-1.0, 0.0)
    assert gradient(-2.0, -3.0) == (1.0, 0.0)
    assert gradient(0.0, 3.0) == (0.0, 0.0)


def steps(x):
    rounded = math.floor(x) + math.ceil(x) + math.trunc(x) + round(x) + int(x)
    return rounded + np.floor(x) + np.rint(x) + np.sign(x) + x // 0.5


def test_steps():
    assert [srcad.grad(steps, jit=False)(x) for x in (-1.0, 0.3, 0.5, 2.0)] == [0.0] * 4


def remainders(x):
    return x % 0.5 + 3.0 * math.fmod(x, 0.25)


def test_remainders_at_their_jumps():
    assert [srcad.grad(remainders, jit=False)(x) for x in (-0.5, 0.1, 0.5)] == [4.0] * 3


def branches(x):
    left = x * 2.0 if x > 1.0 else x * 3.0
    if x < 1.0:
        left += x
    return left + np.where(x >= 1.0, 5.0 * x, 7.0 * x)


def test_branches_at_their_tests():
    assert [srcad.grad(branches, jit=False)(x) for x in (0.5, 1.0, 1.5)] == [11.0, 8.0, 7.0]


KINKS = {
    "`abs(x)` at 0": (test_zero_at_zero, test_elementwise),
    "`max(a, b)`, `np.maximum`, `min`, `np.minimum`, `np.fmax`, `np.fmin`, a tie of active "
    "arguments": (test_tie_is_shared_by_active_arguments, test_tie_of_three_keeps_the_sum),
    "the same, an active argument ties with a constant": (
        test_zero_at_zero,
        test_tie_with_an_inactive_argument,
    ),
    "`np.max(x)`, `np.min(x)`, a tie": (test_ties_of_an_array_are_shared, test_ties_along_an_axis),
    "`np.median`, `np.quantile`, `np.sort`, a tie": (test_ties_of_order_statistics,),
    "`np.interp` at a point of `xp`": (test_interpolation_at_its_points,),
    "`np.clip(x, low, high)` at `low` and `high`": (test_clip_at_its_limits,),
    "`sqrt(x)` at 0": (test_root_at_zero_is_infinite,),
    "`x ** 0`": (test_zero_at_zero,),
    "`0 ** b` with respect to `b`": (test_exponent_of_zero,),
    "`hypot(a, b)`, `np.linalg.norm` (of vectors along an axis too), `np.std` at the origin": (
        test_hypot_at_the_origin,
        test_norm_at_the_origin,
        test_norms_along_an_axis_at_the_origin,
    ),
    "`atan2(a, b)` at the origin": (test_angle_at_the_origin, test_angle_of_the_origin_unused),
    "`copysign(a, b)`": (test_copysign,),
    "`floor`, `ceil`, `trunc`, `round`, `rint`, `sign`, `//`, `int(x)`": (test_steps,),
    "`x % c`, `fmod`": (test_remainders_at_their_jumps,),
    "`if`, `a if c else b`, `np.where`, comparisons": (test_branches_at_their_tests,),
}


def test_every_row_of_the_table_has_a_test():
    page = Path(__file__).parents[2] / "docs" / "contract.md"
    table = page.read_text(encoding="utf-8").split("## Kinks")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| .+ \|$", table, re.MULTILINE)
    assert [r for r in rows if r != "at"] == list(KINKS)
    assert all(callable(test) for tests in KINKS.values() for test in tests)
