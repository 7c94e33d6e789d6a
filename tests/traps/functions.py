"""Calls: what is read when, what is shared, and what changes between two of them."""
# ruff: noqa: SIM108

import contextlib
import dataclasses
import functools
import math
from collections import namedtuple

import numpy as np

from tests.traps.registry import EITHER, REFUSE, scenario, trap


def vec(*values):
    return np.array(values, dtype=np.float64)


def x4():
    return (vec(0.7, -1.3, 2.1, 0.4),)


SCALE = 1.5
TABLE = np.array([1.0, -2.0, 3.0, 0.5])


@trap(x4, jit=True)
def closure_over_local(x):
    """A nested function reads a local at its call, not at its definition."""
    c = x[0]

    def f(u):
        return u * c

    s = f(x[1])
    c = x[2] * x[2]
    return s + f(x[1]) * 3.0


@trap(x4)
def closure_over_array_mutated(x):
    """A nested function reads an array that is changed between its calls."""
    a = x.copy()

    def f(i):
        return a[i] * a[0]

    s = f(1)
    a[0] = s * x[3]
    a[1] += f(2)
    return s + f(1)


@trap(x4)
def closure_writes_array(x):
    """A nested function writes an array of the outer one."""
    a = x.copy()

    def bump(i, d):
        a[i] = a[i] * d + a[i - 1]

    for i in range(1, 4):
        bump(i, x[i])
    bump(0, a[3])
    return (a * a).sum()


@trap(lambda: (0.7,), policy=EITHER)
def closure_nonlocal(x):
    """A nested function rebinds an outer scalar."""
    s = x

    def step(u):
        nonlocal s
        s = s * u + 1.0

    step(x)
    step(s)
    return s * x


def _outer(u):
    v = u * u

    def inner(w):
        return v * w + u

    return inner(v) * inner(2.0)


@trap(lambda: (0.7,))
def closure_in_helper(x):
    """The closure lives in a helper that is called twice, with different cells."""
    return _outer(x) * _outer(x * x)


def _make(k):
    def scaled(u):
        return u * k

    return scaled


@trap(lambda: (0.7,), policy=EITHER)
def function_made_by_function(x):
    """A function is made by a function, with an active cell."""
    f = _make(x * x)
    g = _make(3.0)
    return f(x) + g(f(2.0))


@trap(lambda: (0.7,), policy=EITHER)
def late_binding(x):
    """Lambdas made in a loop all see the last value of the counter."""
    fs = []
    for k in range(3):
        fs.append(lambda u: u * (k + 1.0))
    return fs[0](x) * fs[1](x)


@trap(lambda: (0.7,))
def late_binding_of_local(x):
    """A lambda sees the value that the name has when it is called."""
    k = 1.0
    f = lambda u: u * k  # noqa: E731
    k = x * x
    y = f(x)
    k = 10.0
    return y + f(x)


@trap(lambda: (0.7,))
def lambda_default_binds_early(x):
    """A default binds the value at the definition."""
    k = x * x
    f = lambda u, k=k: u * k  # noqa: E731
    k = 10.0
    return f(x) + k * x


@trap(lambda: (0.7,))
def lambda_in_loop_called_at_once(x):
    """A lambda made anew in each iteration, called in it."""
    s = x
    for k in range(3):
        f = lambda u: u * u + k * x  # noqa: E731
        s = f(s) * 0.5
    return s


def _square(u):
    return u * u


def _cube(u):
    return u * u * u


@trap(lambda: (0.7,), jit=True)
def functions_in_tuple(x):
    """A loop over a tuple of functions."""
    s = x
    for f in (_square, math.sin, _cube, math.exp):
        s = f(s) + x
    return s


@trap(lambda: (0.7, _cube))
def function_as_argument(x, f):
    """A function is an argument; it is called on two different kinds."""
    return f(x) + f(2) * f(f(x))


def _apply(f, u, n):
    for _ in range(n):
        u = f(u)
    return u


@trap(lambda: (0.7,))
def higher_order(x):
    """A helper is given different functions at different calls."""
    c = x + 1.0
    return _apply(_square, x, 2) + _apply(math.sin, x, 3) * _apply(lambda u: u * c, x, 2)


@trap(lambda: (0.7, True), policy=EITHER)
def function_chosen_in_branch(x, flag):
    """Which function a name means is decided by a branch."""
    if flag:
        f = _square
    else:
        f = _cube
    return f(x) * 3.0


def _affine(a, b, u):
    return a * u + b * b


@trap(lambda: (0.7,))
def partial_inside(x):
    """functools.partial within the function, with an active value."""
    f = functools.partial(_affine, x * x, b=3.0)
    return f(u=x) + f(u=2.0)


_half = functools.partial(_affine, 0.5, u=2.0)


@trap(lambda: (0.7,))
def partial_captured(x):
    """A captured functools.partial whose keyword is overridden."""
    return _half(x) * _half(x * x, u=x)


def _with_default(u, k=SCALE * 2.0, table=(1.0, 2.0)):
    return u * k + table[1] * u * u


@trap(lambda: (0.7,))
def default_of_helper(x):
    """Defaults of a helper, an expression of a global and a tuple."""
    return _with_default(x) * _with_default(x, 1.0) + _with_default(x, table=(0.0, x))


@trap(lambda: (0.7,), jit=True)
def default_of_function(x, k=2.5, n=3):
    """The function's own defaults are used where no argument is given."""
    for _ in range(n):
        x = x * k - x * x
    return x


_acc = vec(0.0, 0.0)


@trap(lambda: (0.7,))
def keyword_only(x):
    """Keyword-only arguments, given out of order."""
    return _keyword_only(x, c=x * x, b=2.0) - _keyword_only(x, b=x)


def _keyword_only(a, *, b, c=3.0):
    return a * b - c * c * b


def _star(a, *rest):
    s = a
    for v in rest:
        s = s * v + a
    return s


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def star_parameters(x, y):
    """*args of different lengths, also none."""
    return _star(x) + _star(x, y) * _star(y, x, x * y)


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def star_arguments(x, y):
    """A tuple is spread over the parameters."""
    t = (x, y * x)
    return _affine(*t, y) + _affine(y, *t) * _star(*t)


@trap(lambda: (0.7, 1.2, 0.4))
def star_of_function_itself(x, *more):
    """The function's own *args are differentiated."""
    s = x
    for v in more:
        s = s * v + x
    return s


def _normalise(a):
    s = 0.0
    for i in range(a.shape[0]):
        s += a[i] * a[i]
    for i in range(a.shape[0]):
        a[i] /= s
    return a


@trap(x4, jit=True)
def callee_mutates_and_returns(x):
    """The callee mutates its argument and returns it; caller uses both names."""
    a = x.copy()
    before = a[0]
    b = _normalise(a)
    b[0] = a[1] * before
    return (a * b).sum() + a[0]


@trap(x4)
def callee_mutates_expression(x):
    """The callee mutates a temporary: the operands stay as they are."""
    b = _normalise(x * x)
    c = _normalise(x + 0.0)
    return (b * c * x).sum()


@trap(x4)
def callee_rebinds_parameter(x):
    """The callee rebinds its parameter before it writes it: the caller's stays."""
    a = x.copy()
    r = _rebinds(a)
    return r * (a * a).sum()


def _rebinds(a):
    a = a * 2.0
    a[0] = a[1] * a[2]
    return a.sum()


@trap(x4)
def callee_mutates_then_rebinds(x):
    """The callee writes its parameter, rebinds it, and writes again."""
    a = x.copy()
    r = _mutates_then_rebinds(a)
    return r * (a * a).sum()


def _mutates_then_rebinds(a):
    a[0] = a[1] * a[2]
    a = a * a
    a[1] = 100.0 * a[0]
    return a.sum()


def _increment(s):
    s += 1.0
    s *= s
    return s


@trap(lambda: (0.7,))
def scalars_are_values(x):
    """An augmented scalar parameter does not change the caller's number."""
    y = _increment(x)
    return x * y + _increment(y)


def _two(a):
    a[0] *= 2.0
    return a[0], a[1] * a[0]


@trap(x4)
def callee_returns_tuple(x):
    """A callee with side effects returns a tuple, one of whose members is dropped."""
    a = x.copy()
    p, _ = _two(a)
    _, q = _two(a)
    return p * q + a[0]


@trap(x4)
def order_of_evaluation(x):
    """Arguments are evaluated left to right, with their side effects."""
    a = x.copy()
    return _affine(_two(a)[0], a[0], _two(a)[1]) + a[0]


Point = namedtuple("Point", "u v")


class Vector(namedtuple("Vector", "u v")):
    """A namedtuple with a method and a property."""

    def dot(self, other):
        return self.u * other.u + self.v * other.v

    @property
    def square(self):
        return self.dot(self)


@dataclasses.dataclass
class Spring:
    """A dataclass with methods, one of which mutates."""

    k: float
    rest: float

    def energy(self, u):
        return 0.5 * self.k * (u - self.rest) ** 2

    def stiffen(self, c):
        self.k = self.k * c


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def methods_of_namedtuple(x, y):
    """A method and a property of a namedtuple made inside."""
    p = Vector(x, y)
    q = Vector(y * y, 2.0)
    return p.dot(q) * q.square


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def methods_of_dataclass(x, k):
    """A method of a dataclass made inside."""
    s = Spring(k, 0.1 * x)
    return s.energy(x) + s.energy(2.0) * s.k


@trap(lambda: (0.7, 1.2), wrt=(0, 1), policy=EITHER)
def method_mutates_dataclass(x, k):
    """A method that mutates its object, which has a second name."""
    s = Spring(k, 0.1)
    t = s
    e = s.energy(x)
    s.stiffen(x)
    return e + t.energy(x) * t.k


@trap(lambda: (Spring(1.2, 0.3), 0.7), wrt=(0, 1))
def method_of_argument(s, x):
    """A method of an argument."""
    return s.energy(x) * s.energy(2.0)


@trap(lambda: (Point(1.2, 0.3),))
def replaced_namedtuple(p):
    """_replace makes a new one."""
    q = p._replace(u=p.v * p.u)
    return q.u * p.u + q.v


@trap(lambda: (0.7, "cubic", None, True))
def static_options(x, kind, extra, flag):
    """A string, None and a bool select the code."""
    if kind == "cubic" and flag:
        x = x * x * x
    elif kind in ("linear", "none"):
        x = 5.0 * x
    if extra is not None:
        x = x * extra
    return x * (2.0 if flag else 1.0)


@trap(lambda: (0.7, 1.3), wrt=(0, 1))
def none_as_default(x, y, w=None):
    """A parameter that is None, replaced by an array."""
    if w is None:
        w = np.array([x, y])
    w[0] = w[1] * w[0]
    return w.sum() * w[0]


@trap(lambda: (0.7,))
def option_changes_between_calls(x):
    """A helper is specialised twice, by a string and by a bool."""
    return _mode(x, "square", True) + _mode(x, "cube", False) * _mode(x, "square", False)


def _mode(x, mode, negate):
    y = x * x if mode == "square" else x * x * x
    return -y if negate else y


@trap(lambda: (0.7,), policy=REFUSE)
def generator(x):
    """A generator expression."""
    return sum(x * k for k in range(3))


@trap(lambda: (0.7,), policy=EITHER)
def try_except(x):
    """try/except."""
    try:
        y = x * x
    except ValueError:
        y = x
    return y


@trap(lambda: (0.7,), policy=REFUSE)
def global_write(x):
    """A write to a global."""
    global LAST
    LAST = x * x
    return LAST * x


LAST = 0.0


@trap(lambda: (vec(0.7, 0.2),), policy=EITHER)
def captured_array_written(x):
    """A captured array is written: it would be changed for the caller."""
    _acc[0] = x[0] * x[0]
    return _acc[0] * x[1]


@trap(lambda: (0.7,), policy=REFUSE)
def evaluated(x):
    """eval."""
    return eval("x * x")


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def default_chain(x, y):
    """Defaults of a nested function that use a parameter of the enclosing one."""

    def g(u, c=x):
        def h(v, d=c * u):
            return v * d

        c = 3.0
        u = 2.0
        return h(y) + c * u

    x = 9.0
    return g(y) + x


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def default_in_loop(x, y):
    """A lambda with a default is made in each iteration, and its source rebound."""
    s = 0.0
    for k in range(3):
        g = lambda u, k=k * x: u * k  # noqa: E731
        k = 7
        s += g(y) * k
    return s


@trap(lambda: (vec(0.7, 1.2),), policy=EITHER)
def mutable_default_inside(x):
    """A default array of a nested function keeps its contents between calls."""

    def g(u, buf=np.zeros(2)):  # noqa: B008
        buf[0] += u
        return buf[0] * u

    return g(x[0]) + g(x[1])


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def closure_in_loop_over_carried(x, y):
    """A nested function is called in a loop that rebinds what it captures."""
    c = x

    def g(u):
        return u * c

    s = 0.0
    for k in range(3):
        c = c * y + k
        s += g(s + 1.0)
    return s


@trap(x4)
def lambdas_of_changing_array(x):
    """Lambdas in a tuple read an array that their own loop changes."""
    fs = (lambda u: u * x[0], lambda u: u * u * x[1])
    s = 1.0
    for f in fs:
        s = f(s) + f(x[2])
        x[0] = s
    return s


@trap(x4)
def early_return_in_callee(x):
    """The callee writes until it returns, which the data decide."""
    s = 0.0
    for i in range(4):
        s = s * _until_large(x, i) + 1.0
    return s


def _until_large(a, i):
    for j in range(4):
        if a[j] > 1.0:
            a[j] *= 0.5
            return a[j] * a[i]
        a[i] += 0.1
    return a[i]


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def builtin_sum_max_min(x, y):
    """Python's sum, max and min of several values and of tuples."""
    return sum((x, y * x, x * x)) * max(x, y, x * y) + min((x, y, 2.0)) + sum([y, y * y], x)


@trap(x4)
def builtin_max_of_array(x):
    """Python's max and min of an array, which is then changed."""
    a = max(x[0], x[1])
    b = min(x)
    x[1] = a * b
    return a * b * max(x) + x[1]


@scenario
def changed_closure(srcad):
    """A captured scalar is read at each call."""
    c = 2.0

    def f(x):
        return c * x * x

    for jit in (False, True):
        c = 2.0
        g = srcad.grad(f, jit=jit)
        close(g(3.0), 12.0)
        c = 5.0
        close(g(3.0), 30.0)
        c = 7
        close(g(3.0), 42.0)


@scenario
def changed_global(srcad):
    """A global that a helper reads is read at each call."""
    global FACTOR
    for jit in (False, True):
        FACTOR = 2.0
        g = srcad.grad(_uses_factor, jit=jit)
        close(g(3.0), 12.0)
        FACTOR = -1.0
        close(g(3.0), -6.0)
        FACTOR = 3
        close(g(3.0), 18.0)
        FACTOR = 2.0


FACTOR = 2.0


def _uses_factor(x):
    return _factor_times(x * x)


def _factor_times(u):
    return FACTOR * u


@scenario
def redefined_callee(srcad):
    """A captured callee that is rebound between calls."""
    helper = _square

    def f(x):
        return helper(x) * 2.0

    g = srcad.grad(f, jit=False)
    close(g(3.0), 12.0)
    helper = _cube
    close(g(3.0), 54.0)
    helper = math.sin
    close(g(3.0), 2.0 * math.cos(3.0))


@scenario
def redefined_module_function(srcad):
    """A module's function is replaced between calls, and put back."""
    global _replaceable
    g = srcad.grad(_calls_replaceable, jit=False)
    close(g(3.0), 6.0)
    old, _replaceable = _replaceable, _cube
    try:
        close(g(3.0), 27.0)
    finally:
        _replaceable = old
    close(g(3.0), 6.0)


def _replaceable(u):
    return u * u


def _calls_replaceable(x):
    return _replaceable(x)


@scenario
def changed_default(srcad):
    """A default is evaluated once; replacing it changes the function."""
    k = 2.0

    def f(x, c=k):
        return x * x * c

    g = srcad.grad(f, jit=False)
    close(g(3.0), 12.0)
    k = 50.0
    close(g(3.0), 12.0)
    f.__defaults__ = (4.0,)
    close(srcad.grad(f, jit=False)(3.0), 24.0)


@scenario
def mutable_default(srcad):
    """A default array that changes is read at each call."""
    w = vec(1.0, 2.0)

    def f(x, w=w):
        return (x * x * w).sum()

    g = srcad.grad(f, jit=False)
    close(g(vec(1.0, 1.0)), [2.0, 4.0])
    w[0] = 10.0
    close(g(vec(1.0, 1.0)), [20.0, 4.0])


@scenario
def functions_of_one_source(srcad):
    """Closures of one source line with different cells are different functions."""

    def make(c):
        def f(x):
            return c * x * x

        return f

    gs = [srcad.grad(make(c), jit=False) for c in (1.0, 2.0, vec(3.0)[0], 4)]
    for _ in range(2):
        for g, c in zip(gs, (1.0, 2.0, 3.0, 4.0), strict=True):
            close(g(3.0), 6.0 * c)


@scenario
def lambdas_of_one_line(srcad):
    """Two lambdas on one line are told apart."""
    f, h = (lambda x: x * x), (lambda x: x * x * x)
    for g, wanted in ((srcad.grad(f, jit=False), 6.0), (srcad.grad(h, jit=False), 27.0)):
        with contextlib.suppress(srcad.SrcadError):  # an answer for the wrong one would be worse
            close(g(3.0), wanted)


@scenario
def late_binding_list(srcad):
    """Lambdas of a loop, differentiated after it: all see the last value."""
    fs = []
    for k in range(3):
        fs.append(lambda x: x * x * k)
    close(srcad.grad(fs[0], jit=False)(3.0), 12.0)


@scenario
def types_change_between_calls(srcad):
    """One derivative is called with an int, a float, a bool, arrays of other ranks."""

    def f(x, c):
        return (x * x * c).sum()

    g = srcad.grad(f, jit=False)
    close(g(vec(1.0, 2.0), 2), [4.0, 8.0])
    close(g(vec(1.0, 2.0), 2.5), [5.0, 10.0])
    close(g(vec(1.0, 2.0), True), [2.0, 4.0])
    close(g(np.ones((2, 2)), vec(1.0, 3.0)), [[2.0, 6.0], [2.0, 6.0]])
    close(g(np.ones((2, 1)), vec(1.0, 3.0)), [[8.0], [8.0]])
    close(g(vec(1.0, 2.0), 2), [4.0, 8.0])


@scenario
def option_between_calls(srcad):
    """A string option selects other code at the next call."""
    g = srcad.grad(static_options, jit=False)
    close(g(2.0, "cubic", None, True), 24.0)
    close(g(2.0, "linear", None, False), 5.0)
    close(g(2.0, "linear", 3.0, False), 15.0)
    close(g(2.0, "other", None, True), 2.0)
    close(g(2.0, "cubic", None, True), 24.0)


@scenario
def code_replaced(srcad):
    """The code of a function, or of its callee, is replaced, as reloaders do."""

    def inner(x):
        return x * x

    def f(x):
        return inner(x)

    def right_or_refused(g, wanted):
        with contextlib.suppress(srcad.SrcadError):
            close(g(2.0), wanted)

    g, h = srcad.grad(f, jit=False), srcad.grad(inner, jit=False)
    close(g(2.0), 4.0)
    close(h(2.0), 4.0)
    inner.__code__ = _cube.__code__
    right_or_refused(g, 12.0)
    right_or_refused(h, 12.0)
    right_or_refused(srcad.grad(inner, jit=False), 12.0)


OPTION = None


def _by_option(x):
    if OPTION is None:
        return x * x
    if OPTION == "cube":
        return x * x * x
    return x * OPTION


@scenario
def captured_option_changes(srcad):
    """A captured None becomes a string, a float and a bool."""
    global OPTION
    for jit in (False, True):
        g = srcad.grad(_by_option, jit=jit)
        for option, wanted in ((None, 4.0), ("cube", 12.0), (5.0, 5.0), (True, 1.0), (None, 4.0)):
            OPTION = option
            close(g(2.0), wanted)


CHOICES = (_square, _cube)


def _all_choices(x):
    s = 0.0
    for f in CHOICES:
        s = s + f(x)
    return s


@scenario
def captured_functions_change(srcad):
    """A captured tuple of functions becomes another one."""
    global CHOICES
    g = srcad.grad(_all_choices, jit=False)
    close(g(2.0), 16.0)
    CHOICES = (_cube,)
    close(g(2.0), 12.0)
    CHOICES = (_square, _cube)
    close(g(2.0), 16.0)


BOX = (1.0, vec(2.0, 3.0))


@scenario
def captured_tuple_changes(srcad):
    """An array in a captured tuple is written, then the tuple is another one."""
    global BOX
    box = BOX

    def f(x):
        return BOX[0] * x * BOX[1].sum() * x

    g = srcad.grad(f, jit=False)
    close(g(1.0), 10.0)
    BOX[1][0] = 7.0
    close(g(1.0), 20.0)
    BOX = (2.0, vec(1.0))
    close(g(1.0), 4.0)
    box[1][0] = 2.0
    BOX = box


@scenario
def shadowed_builtins(srcad):
    """Names of built-in functions and modules mean what the program says."""

    def f(x, len=3.0, x_b=2.0):
        abs = lambda u: u * u * u  # noqa: E731
        math = x * x_b
        return abs(x) * len + math

    close(srcad.grad(f, jit=False)(2.0), 38.0)


@scenario
def argument_is_captured_array(srcad):
    """An array is an argument and captured; the function writes it: refused, or right."""
    w = vec(1.0, 2.0)

    def f(x):
        x[0] = 5.0 * x[1]
        return (w * x).sum()

    try:
        srcad.grad(f, jit=False)(w)
    except srcad.ArgumentValueError:
        return
    raise AssertionError("a captured array that is also a written argument was accepted")
