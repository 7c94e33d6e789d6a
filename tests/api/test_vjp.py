"""``vjp``: what comes out, what seeds may be, and what a pullback does not depend on."""

from collections import namedtuple

import numpy as np
import pytest

import srcad
from srcad import vjp

Pair = namedtuple("Pair", "a b")

FACTOR = 2.0


def product(x, y):
    return x * y


def scaled(x, c):
    return c * x


def scale_in_place(y, x, n):
    for i in range(n):
        y[i] = y[i] * x[i]


def fill_and_norm(y, x):
    s = 0.0
    for i in range(x.size):
        y[i] = x[i] * x[i]
        s += y[i]
    return s


def fill_two(u, v, x):
    for i in range(x.size):
        u[i] = 2.0 * x[i]
        v[i] = x[i] * x[i]


def several(x, c):
    return c * c, x * c, 3


def pair_of(p):
    return Pair(p.a * p.b, p.b * p.b)


def same(x):
    return x


def identity_and_scaled(x):
    return x, 2.0 * x


def counts(x):
    return 3


def captured(x):
    return FACTOR * x * x


def with_rest(x, *rest):
    return x * rest[0]


class TestOut:
    def test_number(self):
        out, pullback = vjp(product, 2.0, 3.0, jit=False)
        assert out == 6.0
        assert type(out) is float
        assert pullback(1.0) == (3.0, 2.0)
        assert pullback(10.0) == (30.0, 20.0)

    def test_array(self):
        x = np.array([1.0, 2.0])
        out, pullback = vjp(scaled, x, 3.0, jit=False)
        assert np.array_equal(out, [3.0, 6.0])
        x_b, c_b = pullback(np.array([1.0, 10.0]))
        assert np.array_equal(x_b, [3.0, 30.0])
        assert c_b == 21.0

    def test_structure_of_the_result(self):
        out, pullback = vjp(several, np.array([1.0, 2.0]), 3.0, jit=False)
        assert type(out) is tuple
        assert out[0] == 9.0
        assert np.array_equal(out[1], [3.0, 6.0])
        assert out[2] == 3
        x_b, c_b = pullback((1.0, np.array([1.0, 0.0]), None))
        assert np.array_equal(x_b, [3.0, 0.0])
        assert c_b == 7.0

    def test_namedtuples(self):
        out, pullback = vjp(pair_of, Pair(2.0, 3.0), jit=False)
        assert out == Pair(6.0, 9.0)
        assert type(out) is Pair
        (found,) = pullback(Pair(1.0, 10.0))
        assert found == Pair(3.0, 62.0)
        assert pullback((1.0, 10.0)) == (found,)

    def test_a_named_output_alone_is_bare(self):
        y, x = np.ones(3), np.arange(3.0)
        out, pullback = vjp(scale_in_place, y, x, 3, outputs=("y",), jit=False)
        assert np.array_equal(out, x)
        y_b, x_b, n_b = pullback(np.array([1.0, 10.0, 100.0]))
        assert np.array_equal(y_b, [0.0, 10.0, 200.0])
        assert np.array_equal(x_b, [1.0, 10.0, 100.0])
        assert n_b is None
        assert np.array_equal(y, np.ones(3))

    def test_outputs_as_a_string(self):
        out, _ = vjp(scale_in_place, np.ones(3), np.arange(3.0), 3, outputs="y", jit=False)
        assert np.array_equal(out, np.arange(3.0))

    def test_results_come_before_named_outputs(self):
        x = np.array([1.0, 2.0])
        out, pullback = vjp(fill_and_norm, np.zeros(2), x, outputs=("y",), jit=False)
        assert out[0] == 5.0
        assert np.array_equal(out[1], [1.0, 4.0])
        y_b, x_b = pullback((1.0, np.array([10.0, 0.0])))
        assert np.array_equal(x_b, [22.0, 4.0])
        assert np.array_equal(y_b, [0.0, 0.0])

    def test_several_named_outputs_in_the_order_given(self):
        x = np.array([3.0])
        out, pullback = vjp(fill_two, np.zeros(1), np.zeros(1), x, outputs=("v", "u"), jit=False)
        assert np.array_equal(out[0], [9.0])
        assert np.array_equal(out[1], [6.0])
        assert pullback((np.array([1.0]), np.array([100.0])))[2][0] == 206.0

    def test_without_floats(self):
        out, pullback = vjp(lambda_free_constant, 3, jit=False)
        assert out == 1.5
        assert pullback(1.0) == (None,)

    def test_keywords_get_no_cotangent(self):
        out, pullback = vjp(product, 2.0, y=3.0, jit=False)
        assert out == 6.0
        assert pullback(1.0) == (3.0,)

    def test_varargs(self):
        out, pullback = vjp(with_rest, 2.0, 3.0, 4, jit=False)
        assert out == 6.0
        assert pullback(1.0) == (3.0, 2.0, None)

    def test_float32(self):
        out, pullback = vjp(scaled, np.ones(2, np.float32), np.float32(3.0), jit=False)
        assert out.dtype == np.float32
        x_b, c_b = pullback(np.ones(2))
        assert x_b.dtype == np.float32
        assert type(c_b) is np.float32

    def test_compiled(self):
        out, pullback = vjp(scaled, np.array([1.0, 2.0]), 3.0)
        assert np.array_equal(out, [3.0, 6.0])
        assert pullback(np.array([1.0, 10.0]))[1] == 21.0


def lambda_free_constant(n):
    return 0.5 * n


class TestIndependence:
    def test_of_later_changes_of_the_arguments(self):
        x = np.array([1.0, 2.0])
        _, pullback = vjp(fill_and_norm, np.zeros(2), x, outputs=("y",), jit=False)
        x[:] = 100.0
        assert np.array_equal(pullback((1.0, np.zeros(2)))[1], [2.0, 4.0])

    def test_of_changes_of_the_output(self):
        x = np.array([1.0, 2.0])
        out, pullback = vjp(identity_and_scaled, x, jit=False)
        out[0][:] = 50.0
        out[1][:] = 50.0
        assert np.array_equal(x, [1.0, 2.0])
        (x_b,) = pullback((np.ones(2), np.ones(2)))
        assert np.array_equal(x_b, [3.0, 3.0])

    def test_of_the_seed(self):
        seed = np.ones(2)
        _, pullback = vjp(same, np.array([1.0, 2.0]), jit=False)
        (first,) = pullback(seed)
        first[:] = 9.0
        assert np.array_equal(seed, np.ones(2))
        assert np.array_equal(pullback(seed)[0], np.ones(2))

    def test_of_globals_that_change(self, monkeypatch):
        out, pullback = vjp(captured, 3.0, jit=False)
        assert out == 18.0
        monkeypatch.setitem(globals(), "FACTOR", 10.0)
        assert pullback(1.0) == (12.0,)
        assert vjp(captured, 3.0, jit=False)[1](1.0) == (60.0,)

    def test_many_calls_are_linear(self):
        _, pullback = vjp(scaled, np.array([1.0, 2.0]), 3.0, jit=False)
        first = pullback(np.array([1.0, 2.0]))
        for _ in range(3):
            again = pullback(np.array([2.0, 4.0]))
            assert np.array_equal(again[0], 2.0 * first[0])
            assert again[1] == 2.0 * first[1]


class TestSeeds:
    @pytest.mark.parametrize(
        "seed", [np.ones(3), np.ones((2, 1)), 1.0, [1.0, 2.0, 3.0], np.ones((1, 2))]
    )
    def test_wrong_shape(self, seed):
        _, pullback = vjp(scaled, np.ones(2), 3.0, jit=False)
        with pytest.raises(srcad.ArgumentValueError, match=r"seed has shape .* \(2,\)"):
            pullback(seed)

    @pytest.mark.parametrize("seed", [None, "1", 1j, np.ones(2, complex), np.ones(2, bool), {}])
    def test_wrong_kind(self, seed):
        _, pullback = vjp(scaled, np.ones(2), 3.0, jit=False)
        with pytest.raises(srcad.ArgumentError, match="seed"):
            pullback(seed)

    @pytest.mark.parametrize("seed", [1.0, (1.0,), (1.0, np.ones(2), 0, 0), np.ones(3)])
    def test_wrong_structure(self, seed):
        _, pullback = vjp(several, np.ones(2), 3.0, jit=False)
        with pytest.raises(srcad.ArgumentError, match="tuple of 3"):
            pullback(seed)

    def test_the_member_is_named(self):
        _, pullback = vjp(several, np.ones(2), 3.0, jit=False)
        with pytest.raises(srcad.ArgumentValueError, match=r"seed\[1\]"):
            pullback((1.0, np.ones(3), None))

    def test_what_is_converted(self):
        _, pullback = vjp(scaled, np.ones(2), 3.0, jit=False)
        for seed in ([1, 2], np.array([1, 2]), np.array([1.0, 9.0, 2.0])[::2], [1.0, 2.0]):
            assert np.array_equal(pullback(seed)[0], [3.0, 6.0])
        _, pullback = vjp(product, 2.0, 3.0, jit=False)
        for seed in (1, np.float32(1.0), np.array(1.0), np.int64(1)):
            assert pullback(seed) == (3.0, 2.0)


class TestRefused:
    def test_outputs(self):
        args = np.zeros(2), np.ones(2)
        for outputs in (("z",), ("y", "y")):
            with pytest.raises(srcad.ArgumentValueError, match="outputs"):
                vjp(fill_and_norm, *args, outputs=outputs, jit=False)
        with pytest.raises(srcad.ArgumentError, match="float64"):
            vjp(product, 0.5, 1.5, outputs=("y",), jit=False)

    def test_nothing_to_pull_back(self):
        with pytest.raises(srcad.ArgumentError, match="outputs"):
            vjp(fill_two, np.zeros(1), np.zeros(1), np.ones(1), jit=False)
        with pytest.raises(srcad.ArgumentError, match="int64"):
            vjp(counts, 1.0, jit=False)

    def test_keywords(self):
        with pytest.raises(TypeError, match="fastmath"):
            vjp(product, 1.0, 2.0, speed=3)
        with pytest.raises(TypeError, match="multiple"):
            vjp(product, 1.0, 2.0, x=3.0)

    def test_overlap(self):
        a = np.ones(4)
        with pytest.raises(srcad.ArgumentValueError, match="'y' and 'x' overlap"):
            vjp(fill_and_norm, a[:3], a[1:], outputs=("y",), jit=False)
