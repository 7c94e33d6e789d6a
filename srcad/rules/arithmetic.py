"""Derivatives of the operators and of the functions that are the same."""

import builtins
import math
import operator

import numpy as np

from srcad.rules.registry import constant, partials

# fmt: off
# ------------------------------------------------ sums, products


@partials("+", operator.add, np.add, result="same", holomorphic=True)
def _(y, a, b):
    return 1.0, 1.0


@partials("-", operator.sub, np.subtract, result="same", holomorphic=True)
def _(y, a, b):
    return 1.0, -1.0


@partials("*", operator.mul, np.multiply, result="same", holomorphic=True)
def _(y, a, b):
    return b, a


@partials("/", operator.truediv, np.divide, np.true_divide, holomorphic=True)
def _(y, a, b):
    return 1.0 / b, -a / (b * b)


@partials("%", operator.mod, np.mod, np.remainder, result="same")
def _(y, a, b):
    return 1.0, -(a // b)


@partials("**", operator.pow, np.power, math.pow, builtins.pow, np.float_power, result="same",
          singular=True, holomorphic=True)
def _(y, a, b):                                   # 0**0 -> 0, and 0**b with respect to b -> 0
    return (0.0 if b == 0 and a == 0.0 else b * a ** (b - 1.0)), (0.0 if a == 0.0 else y * math.log(a))


@partials("np.fmod", np.fmod, math.fmod)
def _(y, a, b):                                   # y = a - b trunc(a / b)
    return 1.0, -np.trunc(a / b)


@partials("neg", operator.neg, np.negative, result="same", holomorphic=True)
def _(y, a):
    return -1.0


@partials("pos", operator.pos, np.positive, result="same", holomorphic=True)
def _(y, a):
    return 1.0


# ------------------------------------------------ kinks


@partials("abs", builtins.abs, np.abs, np.absolute, np.fabs, math.fabs, result="same")
def _(y, x):                                      # abs'(0) = 0
    return np.sign(x)


# A tie of max or min is shared among the active arguments: that depends on activity, so it is in
# srcad.transform.reverse.expressions.
for _name, _function in (("max", builtins.max), ("min", builtins.min), ("np.maximum", np.maximum),
                         ("np.minimum", np.minimum), ("np.fmax", np.fmax), ("np.fmin", np.fmin)):
    partials(_name, _function, result="same")(lambda y, a, b: (1.0, 1.0))


# ------------------------------------------------ conversions


@partials("float", builtins.float, np.float64)
def _(y, x):
    return 1.0


@partials("np.float32", np.float32, result="float32")
def _(y, x):
    return 1.0


constant("//", operator.floordiv, np.floor_divide, arity=2, result="same")
constant("int", builtins.int, result="int")
constant("np.int64", np.int64, result="int")
constant("bool", builtins.bool, np.bool_, result="bool")
constant("np.floor", np.floor)
constant("np.ceil", np.ceil)
constant("np.trunc", np.trunc, np.fix)
constant("np.rint", np.rint)
constant("np.spacing", np.spacing)
constant("np.signbit", np.signbit, result="bool")
constant("round", builtins.round, result="int")
constant("np.sign", np.sign, result="same")
constant("math.floor", math.floor, result="int")
constant("math.ceil", math.ceil, result="int")
constant("math.trunc", math.trunc, result="int")
constant("math.isnan", math.isnan, np.isnan, result="bool")
constant("math.isinf", math.isinf, np.isinf, result="bool")
constant("math.isfinite", math.isfinite, np.isfinite, result="bool")
constant("stop_gradient", result="same", holomorphic=True)
