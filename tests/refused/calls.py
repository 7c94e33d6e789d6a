"""Wrong calls: of ``grad``, of ``vjp`` and of what they return."""

import functools
import math
import operator

import numpy as np

from srcad.errors import ArgumentError, ArgumentValueError, SourceNotFoundError, UnsupportedError
from tests.refused.registry import refused, wrong_call

WRONG = (ArgumentError, ArgumentValueError)
SOURCELESS = (SourceNotFoundError, ArgumentError, UnsupportedError)


def square(x):
    return x * x


def product(x, y):
    return x * y


def scale(x, n):
    return x * n


def total(x):
    return np.sum(x * x)


def fill(x, y):
    for i in range(x.size):
        x[i] = y[i] * y[i]


def norm_and_fill(x, y):
    fill(x, y)
    return np.sum(x)


class Model:
    def energy(self, x):
        return x * x


@wrong_call(WRONG, "z", "product|parameter|argument")
def unknown_name_in_wrt(srcad, jit):
    srcad.grad(product, wrt="z", jit=jit)(0.5, 1.5)


@wrong_call((*WRONG, IndexError), "2", "wrt|argument|parameter")
def wrt_out_of_range(srcad, jit):
    srcad.grad(product, wrt=2, jit=jit)(0.5, 1.5)


@wrong_call(WRONG, "wrt|twice|duplicate|more than once")
def duplicate_in_wrt(srcad, jit):
    srcad.grad(product, wrt=(0, "x"), jit=jit)(0.5, 1.5)


@wrong_call(WRONG, "wrt")
def wrt_is_a_float(srcad, jit):
    srcad.grad(product, wrt=1.5, jit=jit)(0.5, 1.5)


@wrong_call(WRONG, "wrt", "empty|at least one|no argument|nothing|names no")
def wrt_is_empty(srcad, jit):
    srcad.grad(product, wrt=(), jit=jit)(0.5, 1.5)


@wrong_call(TypeError, "int", "float")
def gradient_of_an_integer(srcad, jit):
    srcad.grad(scale, wrt="n", jit=jit)(0.5, 3)


@wrong_call(TypeError, "int", "float")
def gradient_of_an_integer_first_argument(srcad, jit):
    srcad.grad(square, jit=jit)(3)


@wrong_call(TypeError, "bool", "float")
def gradient_of_a_bool(srcad, jit):
    srcad.grad(scale, wrt=1, jit=jit)(0.5, True)


@wrong_call(TypeError, "int", "float")
def gradient_of_an_integer_array(srcad, jit):
    srcad.grad(total, jit=jit)(np.array([1, 2, 3]))


@wrong_call(TypeError, "str|None|float")
def gradient_of_a_string(srcad, jit):
    srcad.grad(square, jit=jit)("text")


@wrong_call(TypeError, "y", "missing|argument")
def too_few_arguments(srcad, jit):
    srcad.grad(product, jit=jit)(0.5)


@wrong_call(TypeError, "too many|takes|positional|argument")
def too_many_arguments(srcad, jit):
    srcad.grad(product, jit=jit)(0.5, 1.5, 2.5)


@wrong_call(TypeError, "factor", "unexpected|keyword|argument")
def unexpected_keyword(srcad, jit):
    srcad.grad(product, jit=jit)(0.5, y=1.5, factor=2.0)


@wrong_call(TypeError, "x", "multiple|twice|both")
def argument_given_twice(srcad, jit):
    srcad.grad(product, jit=jit)(0.5, x=1.5)


@wrong_call((TypeError, NotImplementedError), "complex")
def complex_result(srcad, jit):
    srcad.grad(square, jit=jit)(1.0 + 2.0j)


@wrong_call((TypeError, NotImplementedError), "complex")
def complex_sum(srcad, jit):
    srcad.grad(total, jit=jit)(np.array([1.0 + 2.0j]))


@wrong_call((TypeError, NotImplementedError), "object")
def object_array(srcad, jit):
    srcad.grad(total, jit=jit)(np.array([0.5, 1.5], dtype=object))


@wrong_call((TypeError, NotImplementedError), "longdouble|float128")
def long_double_array(srcad, jit):
    srcad.grad(total, jit=jit)(np.array([0.5, 1.5], dtype=np.longdouble))


@wrong_call((TypeError, NotImplementedError), "float16")
def half_precision_array(srcad, jit):
    srcad.grad(total, jit=jit)(np.array([0.5, 1.5], dtype=np.float16))


@wrong_call((TypeError, NotImplementedError), "structured|void|dtype|record|[(")
def structured_array(srcad, jit):
    srcad.grad(total, jit=jit)(np.zeros(2, dtype=[("a", float), ("b", float)]))


@wrong_call((TypeError, NotImplementedError), "str|<U")
def string_array(srcad, jit):
    srcad.grad(total, jit=jit)(np.array(["a", "b"]))


@wrong_call(TypeError, "callable|function")
def not_a_function(srcad, jit):
    srcad.grad(3.5, jit=jit)(0.5)


@wrong_call(SOURCELESS, "source|sin|built")
def built_in_function(srcad, jit):
    srcad.grad(math.sin, jit=jit)(0.5)


@wrong_call(SOURCELESS, "source|mul|built|rule|derivative")
def operator_function(srcad, jit):
    srcad.grad(operator.neg, jit=jit)(0.5)


@wrong_call(SOURCELESS, "source|ufunc|function")
def numpy_function(srcad, jit):
    srcad.grad(np.unwrap.__wrapped__ if False else np.tanh, jit=jit)(0.5)


@wrong_call(SOURCELESS, "source")
def made_by_exec(srcad, jit):
    scope = {}
    exec("def f(x):\n    return x * x\n", scope)
    srcad.grad(scope["f"], jit=jit)(0.5)


@wrong_call(SOURCELESS, "class|source|function")
def a_class(srcad, jit):
    srcad.grad(Model, jit=jit)(0.5)


@wrong_call((*SOURCELESS, TypeError), "source|partial|function")
def partial_of_a_built_in(srcad, jit):
    srcad.grad(functools.partial(math.pow, 2.0), jit=jit)(0.5)


@wrong_call(SOURCELESS, "lambda|line")
def one_of_two_lambdas_on_a_line(srcad, jit):
    pair = (lambda x: x * x, lambda x: x + x)
    for f in pair:
        g = srcad.grad(f, jit=jit)(0.5)
        assert g == (1.0 if f is pair[0] else 2.0), "silently the other lambda"
    raise SourceNotFoundError("both were told apart: as good as an error naming the lambda's line")


@wrong_call((ArgumentError, ArgumentValueError, NameError), "z")
def unknown_output(srcad, jit):
    srcad.vjp(fill, np.zeros(2), np.ones(2), outputs=("z",), jit=jit)


@wrong_call(WRONG, "y", "scalar|float|array|number")
def output_is_a_number(srcad, jit):
    srcad.vjp(product, 0.5, 1.5, outputs=("y",), jit=jit)


@wrong_call(WRONG, "seed|shape")
def seed_of_the_wrong_shape(srcad, jit):
    _, pullback = srcad.vjp(fill, np.zeros(2), np.ones(2), outputs=("x",), jit=jit)
    pullback(np.ones(3))


@wrong_call(WRONG, "seed|tuple|2")
def seed_of_the_wrong_structure(srcad, jit):
    _, pullback = srcad.vjp(norm_and_fill, np.zeros(2), np.ones(2), outputs=("x",), jit=jit)
    pullback(1.0)


@wrong_call((ArgumentError, ArgumentValueError), "overlap|memory|same", "x", "y")
def same_array_twice(srcad, jit):
    a = np.ones(3)
    srcad.grad(norm_and_fill, wrt="y", jit=jit)(a, a)


@wrong_call((ArgumentError, ArgumentValueError), "overlap|memory|same", "x", "y")
def overlapping_views(srcad, jit):
    a = np.ones(5)
    srcad.grad(norm_and_fill, wrt="y", jit=jit)(a[:3], a[2:])


@wrong_call(TypeError, "option|unexpected|keyword")
def unknown_option(srcad, jit):
    srcad.grad(square, jit=jit, speed="high")(0.5)


@refused(lambda: (np.ones(3),), "scalar|number|float", "array", error=ArgumentError)
def array_result(x):
    return x * x


@refused(lambda: (0.5,), "tuple|two|results", "scalar|number|float|has_aux", error=ArgumentError)
def tuple_result(x):
    return x * x, x


@refused(lambda: (0.5,), "int", "float", error=ArgumentError)
def integer_result(x):
    return int(x) + 3


@refused(lambda: (0.5,), "bool", "float", error=ArgumentError)
def boolean_result(x):
    return x > 0.0


@refused(lambda: (np.ones(3),), "return|None", error=(ArgumentError, ArgumentValueError))
def no_result(x):
    x[0] = 2.0


@refused(lambda: (-0.5,), "return|None", error=(TypeError, ValueError, UnsupportedError))
def no_result_on_one_path(x):
    if x > 0.0:
        return x * x


@refused(lambda: (0.5,), "str|text", error=(ArgumentError, UnsupportedError))
def text_result(x):
    return "done"


@wrong_call(TypeError, "has_aux|tuple")
def has_aux_without_a_tuple(srcad, jit):
    srcad.value_and_grad(square, has_aux=True, jit=jit)(0.5)


class Called:
    def __call__(self, x):
        return x * x


@wrong_call(SourceNotFoundError, "class Called", "can be called", "__call__")
def object_that_can_be_called(srcad, jit):
    srcad.grad(Called(), jit=jit)(0.5)


@wrong_call(SourceNotFoundError, "sin", "math.sin")
def function_of_math(srcad, jit):
    srcad.grad(math.sin, jit=jit)(0.5)


def starred(*args, **options):
    return sum(args) * options["k"]


@wrong_call(ArgumentValueError, "'k'", "has no name")
def option_in_wrt(srcad, jit):
    srcad.grad(starred, wrt="k", jit=jit)(0.5, k=2.0)
