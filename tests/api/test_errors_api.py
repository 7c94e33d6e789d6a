"""Wrong calls are refused in words: which argument, what it is, what to pass instead."""

import collections
import datetime
import decimal
import functools
import math
import types
from dataclasses import dataclass

import numpy as np
import pytest

import srcad
from srcad import ArgumentError, ArgumentValueError, SourceNotFoundError, UnsupportedError, grad


def product(x, y):
    return x * y


def keyword_only(x, *, factor=2.0):
    return x * factor


def positional_only(x, y, /):
    return x * y


def total(x):
    return np.sum(x * x)


def writes(x, y):
    for i in range(x.size):
        x[i] = y[i] * y[i]
    return np.sum(x)


def writes_in_tuple(pair):
    for i in range(pair[0].size):
        pair[0][i] = pair[1][i] * pair[1][i]
    return np.sum(pair[0])


def writes_beside_global(x):
    for i in range(x.size):
        x[i] = TABLE[i] * x[i]
    return np.sum(x)


TABLE = np.ones(4)


def any_keywords(x, **options):
    return x


@dataclass
class Parameters:
    k: float


class Masked(np.ndarray):
    pass


def same_as_python(error, call, plain):
    """Both raise the error; returns srcad's message."""
    with pytest.raises(error):
        plain()
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


class TestWrt:
    @pytest.mark.parametrize(
        ("wrt", "error"),
        [
            ("z", ArgumentValueError),
            (2, ArgumentValueError),
            (-3, ArgumentValueError),
            ((0, "x"), ArgumentValueError),
            ((0, -2), ArgumentValueError),
            ((), ArgumentValueError),
            (1.0, ArgumentError),
            (True, ArgumentError),
            (None, ArgumentError),
            ([0], ArgumentError),
            ((0, 1.0), ArgumentError),
        ],
    )
    def test_refused_before_any_call(self, wrt, error):
        with pytest.raises(error, match=r"wrt.*product\(x, y\)|product\(x, y\)") as caught:
            grad(product, wrt=wrt)
        assert "wrt" in str(caught.value)

    def test_keyword_only_has_no_position(self):
        with pytest.raises(ArgumentValueError, match="by its name"):
            grad(keyword_only, wrt=1)
        assert grad(keyword_only, wrt="factor", jit=False)(3.0) == 3.0

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (3, "int64"),
            (True, "bool"),
            (np.int32(3), "int64"),
            (np.array([1, 2]), "int64 array"),
            (np.array([True]), "bool array"),
            (None, "None"),
            ("text", "str"),
            ((1, 2), "tuple"),
            (math.sin, "sin"),
        ],
    )
    def test_what_carries_no_derivative(self, value, words):
        with pytest.raises(ArgumentError, match=words) as caught:
            grad(product, wrt="y", jit=False)(1.0, value)
        assert "'y'" in str(caught.value)
        assert "float" in str(caught.value)


class TestBinding:
    def test_like_python(self):
        g = grad(product, jit=False)
        p = product
        assert "y" in same_as_python(TypeError, lambda: g(1.0), lambda: p(1.0))
        assert "'x', 'y'" in same_as_python(TypeError, g, p)
        text = same_as_python(TypeError, lambda: g(1.0, 2.0, 3.0), lambda: p(1.0, 2.0, 3.0))
        assert "takes 2 positional arguments but 3 were given" in text
        text = same_as_python(TypeError, lambda: g(1.0, z=2.0), lambda: p(1.0, z=2.0))
        assert "unexpected keyword argument 'z'" in text
        text = same_as_python(TypeError, lambda: g(1.0, x=2.0), lambda: p(1.0, x=2.0))
        assert "multiple values for argument 'x'" in text

    def test_kinds_of_parameters(self):
        g, h = grad(keyword_only, jit=False), grad(positional_only, jit=False)
        same_as_python(TypeError, lambda: g(1.0, 2.0), lambda: keyword_only(1.0, 2.0))
        same_as_python(TypeError, lambda: h(1.0, y=2.0), lambda: positional_only(1.0, y=2.0))

    def test_any_keywords(self):
        assert grad(any_keywords, jit=False)(3.0, a=2.0) == 1.0
        with pytest.raises(TypeError, match="missing"):
            grad(any_keywords, jit=False)(a=2.0)


class TestKinds:
    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (np.clongdouble(1j), "clongdouble|complex256"),
            (np.float16(1.0), "float16"),
            (np.longdouble(1.0), "longdouble"),
            (np.ones(2, np.clongdouble), "clongdouble|complex256"),
            (np.ones(2, np.float16), "float16"),
            (np.ones(2, np.longdouble), "longdouble"),
            (np.ones(2, object), "object"),
            (np.zeros(2, [("a", float)]), "structured"),
            (np.zeros(2, "M8[s]"), "datetime64"),
            (np.array(["a"]), "str"),
            (np.ma.masked_array([1.0, 2.0]), "MaskedArray"),
            (np.ones(2).view(Masked), "Masked"),
            (np.matrix([[1.0]]), "matrix"),
            ({1.5: 1.0}, "key 1.5"),
            (types.MappingProxyType({"k": 1.0}), "no plain dict"),
            (collections.defaultdict(float), "no plain dict"),
            (object.__new__(Parameters), "field 'k' is not set"),
            ({1.0}, "set"),
            (object(), "object"),
            (decimal.Decimal(1), "Decimal"),
            (datetime.date(2026, 1, 1), "date"),
            (range(3), "range"),
            (slice(3), "slice"),
            (b"text", "bytes"),
            ([1.0] * 1000, "1000"),
            ((1.0, {2.0}), r"y\[1\]"),
        ],
    )
    def test_refused_by_name(self, value, words):
        with pytest.raises(ArgumentError, match=words) as caught:
            grad(product, jit=False)(1.0, value)
        assert "argument 'y" in str(caught.value)
        assert caught.value.hint
        with pytest.raises(ArgumentError, match="argument 'y"):
            grad(product, jit=False)(1.0, y=value)


class TestFunctions:
    @pytest.mark.parametrize("thing", [3.5, "f", np.ones(2)])
    def test_no_function(self, thing):
        with pytest.raises(ArgumentError, match="callable"):
            grad(thing)

    @pytest.mark.parametrize("thing", [math.sin, np.tanh, np.unwrap, abs, len])
    def test_built_in(self, thing):
        with pytest.raises((SourceNotFoundError, ArgumentError), match="source"):
            grad(thing)

    def test_classes_methods_partials(self):
        with pytest.raises(ArgumentError, match="class"):
            grad(Parameters)
        with pytest.raises(SourceNotFoundError, match="source"):
            grad(Parameters(1.0).__init__, jit=False)(1.0)
        with pytest.raises(ArgumentError, match="class"):
            grad(functools.partial(Parameters, 1.0))
        assert grad(functools.partial(product, 2.0), jit=False)(3.0) == 2.0


class TestOptions:
    @pytest.mark.parametrize("transform", [grad, srcad.value_and_grad])
    def test_unknown(self, transform):
        for call in (lambda: transform(product, speed=True), lambda: transform(speed=True)):
            with pytest.raises(TypeError, match=r"speed(.|\n)*jit, fastmath, parallel, bound"):
                call()

    def test_wrong_value(self):
        with pytest.raises(TypeError, match="jit"):
            grad(product, jit="yes")


class TestOverlap:
    def test_named(self):
        a = np.ones(6)
        g = grad(writes, wrt="y", jit=False)
        for x, y in ((a, a), (a[:4], a[2:]), (a[::2], a[:3]), (a[:3], a[2::-1])):
            with pytest.raises(ArgumentValueError, match="'x' and 'y' overlap"):
                g(x, y)
        assert np.array_equal(a, np.ones(6))

    def test_in_a_tuple(self):
        a = np.ones(3)
        with pytest.raises(ArgumentValueError, match=r"'pair\[0\]' and 'pair\[1\]' overlap"):
            grad(writes_in_tuple, jit=False)((a, a))

    def test_with_a_global(self):
        with pytest.raises(ArgumentValueError, match="'x' and 'TABLE' overlap"):
            grad(writes_beside_global, jit=False)(TABLE[:2])

    def test_the_next_call_works(self):
        a = np.ones(3)
        g = grad(writes, wrt="y", jit=False)
        with pytest.raises(ArgumentValueError):
            g(a, a)
        assert np.array_equal(g(a, a.copy()), [2.0, 2.0, 2.0])


def array_result(x):
    return x * np.ones(2)


def tuple_result(x):
    return x, x


def integer_result(x):
    return int(x)


def bool_result(x):
    return x > 0.0


def no_result(x):
    return None


class TestResults:
    @pytest.mark.parametrize(
        ("function", "words"),
        [
            (array_result, "array"),
            (tuple_result, "tuple of 2"),
            (integer_result, "int64"),
            (bool_result, "bool"),
            (no_result, "None"),
        ],
    )
    def test_not_a_float(self, function, words):
        with pytest.raises(ArgumentError, match=words) as caught:
            grad(function, jit=False)(1.0)
        assert "float" in str(caught.value)

    def test_aux(self):
        with pytest.raises(ArgumentError, match="has_aux"):
            grad(product, has_aux=True, jit=False)(1.0, 2.0)


@grad(jit=False)
def slope(x):
    return x * x * x


def uses_a_gradient(x):
    return slope(x) * x


def test_a_gradient_inside_a_function_is_never_taken_for_its_primal():
    """``3 x**3`` has the derivative ``9 x**2``; where it is not available it is refused."""
    try:
        found = grad(uses_a_gradient, jit=False)(2.0)
    except UnsupportedError:
        return
    assert found == pytest.approx(36.0)
