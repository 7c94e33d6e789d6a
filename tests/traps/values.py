"""Kinds of numbers and arrays, and what happens at the edges of functions."""

import math

import numpy as np

from tests.traps.registry import EITHER, scenario, trap


def vec(*values):
    return np.array(values, dtype=np.float64)


@trap(lambda: (np.array(0.7),))
def zero_dimensional(x):
    """An array without axes as an argument."""
    return x * x * np.sin(x)


@trap(lambda: (vec(0.7, 1.2),))
def zero_dimensional_inside(x):
    """An array without axes is made, written and read inside."""
    a = np.zeros(())
    a[()] = x[0] * x[1]
    a += x[0]
    return a[()] * a[()]


@trap(lambda: (np.float64(0.7), np.float32(1.25)), wrt=0)
def numpy_scalars(x, y):
    """NumPy scalars as arguments."""
    return x * y + x * 2


@trap(lambda: (vec(0.1, 0.5, 0.7), 1))
def computed_items(x, k):
    """Items that read the same array, picked by an index known at run time."""
    scales = (x * 2.0, x * x, x + 1.0)
    masks = (x > 0.6, x > 0.4)
    return np.sum(np.where((x > 0.6, x > 0.4)[k], scales[k], (x * 3.0, x * 5.0)[1 - k])) + np.sum(
        np.where(masks[1 - k], x, 0.0)
    )


@trap(lambda: (vec(),), zero=True)
def empty_array(x):
    """The gradient of an empty array is one."""
    return (x * x).sum() + 3.0


@trap(lambda: (np.zeros((0, 3)), vec(1.0, 2.0, 3.0)), wrt=(0, 1))
def empty_matrix(a, x):
    """A matrix without rows: a sum of nothing beside something."""
    return (a * x).sum() + (x * x).sum() + (a @ x).sum()


@trap(lambda: (vec(0.7, 1.2, -0.4), np.array([2, 0, 3])), jit=True)
def integers_beside_floats(x, n):
    """Powers and products with an integer array."""
    y = x**n
    z = x * n
    return (y * z).sum() + n.sum() * x[0] + (n / 4 * x).sum()


@trap(lambda: (vec(0.7, 1.2, -0.4), np.array([True, False, True])))
def bools_beside_floats(x, m):
    """A bool array is a number in a product."""
    return (x * x * m).sum() + m.sum() * x[1] + (x * ~m).sum()


@trap(lambda: (vec(0.7, 1.3, -0.5),))
def integer_array_truncates(x):
    """A float stored into an integer array is cut off and carries nothing."""
    n = np.zeros(3, dtype=np.int64)
    for i in range(3):
        n[i] = int(x[i] * 5.0)
    return (n * x * x).sum()


@trap(lambda: (2.7, 1.2), wrt=(0, 1))
def int_casts(x, y):
    """int(), round() and floor carry nothing, the rest does."""
    n = int(x)
    return y**n * x + round(x) * y + math.floor(y * 3.0) * x + (x - int(x)) ** 2


@trap(lambda: (2.7, 7, -2))
def integer_division(x, n, m):
    """// and % of negative integers round towards minus infinity."""
    k = n // m
    r = n % m
    return x ** (-k) * r + x * (-n // 2) + x * (n / m)


@trap(lambda: (7.3, 2.1), wrt=(0, 1))
def float_modulo(x, y):
    """% of floats, of either sign, and //."""
    return x % y + (-x) % y * x + x // y * y + divmod_like(x, y)


def divmod_like(x, y):
    return (x - x % y) / y * x


@trap(lambda: (np.array([0.7, -1.2, 0.4], np.float32),), rtol=3e-5, jit=True)
def single_precision(x):
    """float32 stays float32, also beside Python's numbers."""
    y = x * 2.0 + 1
    y[1:] *= x[:-1]
    return (y * y).sum()


def _mixed(x, y):
    return (2.0 * x * y * y + 2.0 * x).astype(np.float32), 2.0 * x * x * y


@trap(
    lambda: (np.array([0.7, -1.2], np.float32), vec(0.3, 2.0)),
    wrt=(0, 1),
    rtol=3e-5,
    expect=_mixed,
)
def mixed_precision(x, y):
    """float32 times float64, stored in either."""
    a = x * y
    b = np.zeros(2, dtype=np.float32)
    b[:] = a
    return (a * b).sum() + (x * x).sum()


@trap(lambda: (np.asfortranarray([[0.5, -0.8, 1.1], [1.4, 0.3, -0.6]]),))
def fortran_order(a):
    """Fortran order: the gradient is for the same element."""
    b = a.copy()
    b[0] *= a[1]
    return (b * b * a).sum() + a[0, 2] * b[1, 0]


def _read_only():
    x = vec(0.7, -1.2, 0.4)
    x.flags.writeable = False
    return (x,)


@trap(_read_only, jit=True)
def read_only(x):
    """A read-only argument is copied and written."""
    a = x.copy()
    a[0] = a[1] * x[2]
    return (a * a * x).sum()


@trap(lambda: (np.arange(1.0, 13.0).reshape(3, 4)[:, 1:3] * 1.0, np.arange(10.0)[1::3]), wrt=(0, 1))
def not_contiguous(a, x):
    """Arguments with gaps, one of which is written."""
    x[1] = a[2, 1] * x[0]
    return (a[:, 0] * x).sum() + (x * x).sum()


@trap(lambda: (np.arange(1.0, 13.0).reshape(3, 4)[::-1, ::2],))
def negative_stride(a):
    """An argument of a negative stride, written."""
    a[0] = a[1] * a[2]
    return (a * a).sum() + a[0, 1] * a[2, 0]


@trap(lambda: (np.broadcast_to(vec(0.5, 1.5), (3, 2)),))
def stride_zero(a):
    """An argument of stride zero: three rows with one memory, three gradients."""
    return (a[0] * a[1]).sum() + a[2, 0] * 5.0


@trap(lambda: (vec(-0.5, 0.7),), jit=True)
def nan_in_branch_not_taken(x):
    """The logarithm of a negative number is guarded."""
    s = 0.0
    for v in x:
        if v > 0.0:
            s += math.log(v)
        else:
            s += v * v
    return s


@trap(lambda: (vec(0.0, 4.0),), expect=lambda x: vec(0.0, 0.25), jit=True)
def where_sqrt_at_zero(x):
    """A zero cotangent wins over the infinite slope of the square root."""
    return np.where(x > 0.0, np.sqrt(x), 0.0).sum()


@trap(lambda: (vec(0.0, 4.0),), expect=lambda x: vec(1.0, -0.0625))
def where_division_at_zero(x):
    """1 / x in the branch not taken."""
    return np.where(x == 0.0, x, 1.0 / x).sum()


@trap(lambda: (0.0, 2.0), wrt=(0, 1), expect=lambda x, y: (0.0, 0.0), zero=True)
def zero_times_sqrt(x, y):
    """0 * sqrt(x) at 0."""
    return 0.0 * math.sqrt(x) * y


@trap(lambda: (1.0, 1.0), wrt=(0, 1), expect=lambda x, y: (0.5, 0.5))
def tie_of_max(x, y):
    """A tie in max is shared."""
    return max(x, y)


@trap(lambda: (1.0,), expect=lambda x: 1.0)
def tie_of_one_variable(x):
    """A tie of a variable with itself."""
    return max(x, x) + min(x, x) - x


@trap(lambda: (vec(1.0, 3.0, 3.0, 2.0),), expect=lambda x: vec(0.0, 0.5, 0.5, 0.0))
def tie_of_max_reduction(x):
    """A tie in np.max is shared among those that tie."""
    return np.max(x)


@trap(lambda: (vec(0.0, 2.0, -1.0),), expect=lambda x: vec(0.0, 1.0, 0.0))
def tie_with_constant(x):
    """relu at 0 has derivative 0."""
    return np.maximum(x, 0.0).sum()


@trap(
    lambda: (vec(1.0, 2.0), vec(1.0, 1.0)),
    wrt=(0, 1),
    expect=lambda x, y: (vec(0.5, 0.0), vec(0.5, 1.0)),
)
def tie_of_minimum(x, y):
    """A tie in np.minimum, of one element only."""
    return np.minimum(x, y).sum()


@trap(lambda: (vec(0.0, -2.0, 3.0),), expect=lambda x: vec(0.0, -1.0, 1.0))
def abs_at_zero(x):
    """abs has derivative 0 at 0."""
    return np.abs(x).sum()


@trap(lambda: (0.0,), expect=lambda x: 5.0)
def abs_of_product_at_zero(x):
    """abs at 0 inside of something with a slope."""
    return abs(x) * 3.0 + 5.0 * x + abs(x * x)


@trap(lambda: (0.0, 0), expect=lambda x, n: 0.0, zero=True)
def power_zero_at_zero(x, n):
    """x ** 0 is constant, also at 0."""
    return x**n + x**0


@trap(lambda: (vec(0.0, 2.0),), expect=lambda x: vec(1.0, 17.0))
def powers_at_zero(x):
    """x**1 and x**2 and x**3 at 0."""
    return (x**1 + x**2 + x**3).sum()


@trap(lambda: (0.0, 2.0), wrt=(0, 1), expect=lambda x, p: (0.0, 0.0), zero=True)
def active_power_at_zero(x, p):
    """x ** p at 0 with an active exponent: no logarithm of 0."""
    return x**p


@trap(lambda: (-2.0, 3.0))
def negative_base(x, p):
    """A negative base with a whole exponent that is a float."""
    return x**p + (-x) ** 2.5


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def complex_inside(x, y):
    """A complex value within a real function."""
    z = complex(x, y)
    w = z * z + 1j
    return w.real * w.imag


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def complex_literal(x, y):
    """A complex literal and the modulus."""
    z = x + y * 1j
    return abs(z * z) + (z * z.conjugate()).real


@trap(lambda: (vec(0.7, -0.3),))
def argument_not_modified(x):
    """The argument is overwritten in the function; the caller's is not."""
    x[:] = x * x
    x += 1.0
    x[0] = x[1] * x[0]
    return x.sum()


@trap(lambda: (vec(0.7, -0.3), np.array([1, 0])))
def integer_argument_not_modified(x, n):
    """The same for an integer array."""
    n[0] = n[1]
    n += 1
    return (x * n).sum() * x[n[0] - 1]


@trap(lambda: (vec(np.inf, 2.0), vec(0.0, 3.0)), wrt=1, expect=lambda a, x: vec(0.0, 2.0))
def infinity_beside(a, x):
    """An infinite constant in a branch that is not taken."""
    return np.where(np.isinf(a), 0.0, a * x).sum()


@trap(lambda: (0.7,))
def big_integers(x):
    """Integers that a float does not hold, and literals of other bases."""
    n = 2**53 + 1
    return x * (n - 2**53) + x * 0x10 + x * 1_000 + x * (n % 7)


@trap(lambda: (0.7,))
def bool_arithmetic(x):
    """True and False as numbers."""
    b = x > 0.5
    return (b + 1) * x * x + (not b) * 100.0 * x + b * x


@trap(lambda: (0.7,))
def constant_folding(x):
    """Expressions of constants, with infinity and a signed zero."""
    big = float("inf")
    y = min(x, big)
    z = max(-big, y)
    return y * z + math.copysign(1.0, -0.0) * x + math.pi * x


@trap(lambda: (vec(0.7, -0.3),))
def integer_zeros_then_floats(x):
    """A number starts as an int and becomes a float in the loop."""
    s = 0
    p = 1
    for v in x:
        s += v * v
        p *= v
    return s * p


@trap(lambda: (vec(0.7, -0.3),))
def array_of_list(x):
    """np.array of a list of active values."""
    a = np.array([x[0] * x[1], 2.0, x[1] ** 2])
    b = np.array([a[0], a[2]]) * x
    a[0] = 100.0
    return (b * b).sum() + a[2]


@trap(lambda: (vec(0.7, -0.3),))
def likes(x):
    """zeros_like, ones_like, full_like, empty_like carry no value over."""
    a = np.ones_like(x) * x
    b = np.full_like(x, 2.0)
    c = np.empty_like(x)
    c[:] = a * b + np.zeros_like(x)
    b[0] = x[0] * x[1]
    return (c * b).sum() + np.full(2, x[1]).sum()


@trap(lambda: (vec(0.7, -0.3, 1.4),))
def underflow_is_fine(x):
    """A stable log-sum-exp with a subtracted maximum."""
    m = np.max(x)
    return m + math.log(np.exp(x - m).sum()) * x[0]


@trap(lambda: (vec(0.7, -0.3, 1.4), 800.0), wrt=0)
def overflow_not_taken(x, big):
    """exp overflows in the part that np.where drops."""
    y = np.where(x < 1.0, x * x, np.exp(-x))
    return y.sum() + np.where(x < 100.0, x, np.exp(x * big)).sum()


@trap(lambda: (vec(0.7, -0.3, 1.4),))
def mean_and_friends(x):
    """mean, dot and matmul of one array with itself."""
    return np.mean(x) * np.dot(x, x) + x @ x + x.mean() * x.sum()


@trap(lambda: (0.3,))
def catastrophic_constants(x):
    """Cancellation: expm1 and log1p near zero."""
    return math.expm1(1e-9 * x) * 1e9 + math.log1p(1e-9 * x) * 1e9 * x


@trap(lambda: (0.7, vec(1.0, 2.0)), wrt=(0, 1), policy=EITHER)
def reductions_of_numbers(x, y):
    """np.sum, np.max and np.mean of a number, and the attributes of one."""
    return np.sum(x * x) * np.max(x) + np.mean(y[0]) * np.sum(y.sum())


@trap(lambda: (np.float64(0.7), np.float64(1.2)), wrt=(0, 1), policy=EITHER)
def attributes_of_numbers(x, y):
    """The real part and the conjugate of a real number."""
    return x.real * y.conjugate() + y.imag * x


@scenario
def gradient_kind(srcad):
    """The gradient of a Python float is a float, of float32 is float32."""

    def f(x):
        return x * x

    assert isinstance(srcad.grad(f, jit=False)(3.0), float)
    g = srcad.grad(lambda x: (x * x).sum(), jit=False)(np.ones((2, 0), np.float32))
    assert g.shape == (2, 0)
    assert g.dtype == np.float32


@scenario
def nan_propagates(srcad):
    """A NaN in the argument is not hidden, and does not spread to other elements."""

    def f(x):
        return (x * x).sum()

    found = srcad.grad(f, jit=False)(vec(np.nan, 2.0))
    np.testing.assert_array_equal(found, [np.nan, 4.0])
