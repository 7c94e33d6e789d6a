"""Functions that call themselves and read what is around them: defined inside, or given functions."""

import math

import numpy as np

import srcad
from tests.traps.registry import EITHER, REFUSE, trap


def vec(*values):
    return np.array(values, dtype=np.float64)


@trap(lambda: (0.7, 3), wrt=(0,))
def a_lambda_of_itself(x, n):
    """A lambda that its own name calls, in a conditional expression."""
    power = lambda k: 1.0 if k == 0 else x * power(k - 1)  # noqa: E731
    return power(n) + power(3)


@trap(lambda: (vec(0.3, 0.5, 0.9), 0.4), wrt=(0, 1))
def a_view_and_a_number(x, y):
    """A slice and a number of the function around, read at each depth."""
    tail, scale = x[1:], 2.0 * y

    def total(k, acc):
        if k == tail.size:
            return acc
        return total(k + 1, acc + scale * tail[k] ** 2)

    y = 0.0
    return total(0, x[0]) + y


@trap(lambda: (vec(0.3, 0.5, 0.9, 0.2),))
def an_array_written(x):
    """Halves fill an array of the function around, each reading what others wrote."""
    out = np.zeros_like(x)

    def fill(lo, hi):
        if hi - lo == 1:
            out[lo] = x[lo] ** 2 + (out[lo - 1] if lo > 0 else 0.0)
            return
        m = (lo + hi) // 2
        fill(lo, m)
        fill(m, hi)

    fill(0, x.size)
    s = np.sum(out * x)
    fill(1, 3)
    return s * out[2]


@trap(lambda: (vec(0.3, 0.5, 0.9, 0.2),))
def a_slice_written(x):
    """What is written is a reversed slice of an array that is read afterwards."""
    y = x * 1.0
    part = y[2:0:-1]

    def scale(k):
        if k < part.size:
            part[k] *= x[k]
            scale(k + 1)

    scale(0)
    return np.sum(y * y * x)


@trap(lambda: (vec(0.3, 0.5, 0.9, 0.2),), policy=EITHER)
def an_array_seen_twice(x):
    """The array that the recursion is given is one that it sees anyway."""
    y = x * 1.0

    def sweep(u, k):
        if k < u.size:
            u[k] = y[k - 1] * y[k]
            sweep(u, k + 1)

    sweep(y, 1)
    return np.sum(y)


@trap(lambda: (0.6, 4), wrt=(0,))
def two_that_call_each_other(x, n):
    """Each of two inner functions reads names of its own."""
    c, d = np.sin(x), x * 0.5

    def even(k):
        return c if k == 0 else c * odd(k - 1) + 0.1

    def odd(k):
        return d if k <= 0 else x + even(k - 1) * d

    return even(n) - odd(n)


def _halved(f, a, b, k):
    m = 0.5 * (a + b)
    if k == 0:
        return f(m) * (b - a)
    return _halved(f, a, m, k - 1) + _halved(f, m, b, k - 1)


@trap(lambda: (0.6, 0.9), wrt=(0, 1))
def functions_given(p, q):
    """One recursive function is given several: lambdas, one of another, and one of math."""
    f = lambda t: math.exp(-p * t) * q  # noqa: E731
    g = lambda t: f(t) * t  # noqa: E731
    return _halved(f, 0.0, 1.0, 2) + _halved(g, 0.0, q, 1) * _halved(math.sin, 0.0, p, 1)


@trap(lambda: (0.8, 3), wrt=(0,))
def names_that_change(x, n):
    """The function sees what a name means when it is called, not when it was defined."""
    s, w = 0.0, x

    def rec(k):
        return w if k <= 0 else rec(k - 1) * w + x

    for t in range(n):
        w = w * 0.9 + 0.1 * t
        s += rec(t)
    return s


def _maybe(x, n):
    if n > 2:
        tol = x * 0.5

    def rec(k):
        if k == 0:
            return x
        if n > 2:
            return tol * rec(k - 1)
        return rec(k - 1) + 1.0

    return rec(3)


@trap(lambda: (0.7, 3), wrt=(0,))
def a_name_bound_on_the_path_taken(x, n):
    """A name is bound where, and only where, it is read."""
    return _maybe(x, n)


@trap(lambda: (0.7, 1), wrt=(0,))
def a_name_not_bound_and_not_read(x, n):
    """The same where it is neither."""
    return _maybe(x, n)


@trap(lambda: (0.7, 2), wrt=(0,))
def defaults_of_the_inner_function(x, n):
    """A default is evaluated where the function is defined."""
    a = x * 2

    def rec(k, scale=a * x, *, shift=a):
        if k == 0:
            return scale + shift
        return rec(k - 1) + scale * rec(k - 1, x, shift=1.0)

    a = 0.0
    return rec(n) + rec(n, 3.0) + a


@trap(lambda: (0.7, 2), wrt=(0,))
def recursion_inside_recursion(x, n):
    """A recursive function defines one that reads a name of each level."""
    y = x * x

    def outer(k):
        z = y + k

        def inner(j):
            return z * x if j == 0 else inner(j - 1) * y + z

        return inner(2) if k == 0 else outer(k - 1) + inner(k)

    return outer(n)


@trap(lambda: (0.7, 2), wrt=(0,))
def rec(x, n):
    """The inner function and its names are called as the outer one and its."""
    k = x * 3

    def rec(n, acc):
        if n == 0:
            return acc
        x = k * acc
        return rec(n - 1, x)

    return rec(n, x)


@trap(lambda: (0.7, 2), wrt=(0,))
def lists_dicts_and_tables(x, n):
    """It reads items of a list, of a dict, and calls functions in a tuple."""
    cs, d = [x, x * x, 3.0], {"a": x, "b": 2.0}
    fs = (lambda t: t * x, lambda t: t + cs[0])

    def rec(k):
        if k == 0:
            return cs[1]
        return fs[0](rec(k - 1)) * cs[0] + d["a"] * fs[1](d["b"])

    return rec(n)


@trap(lambda: (0.7, 2), wrt=(0,), policy=REFUSE)
def a_list_that_grows(x, n):
    """It appends to a list of the function around."""
    seen = [x]

    def rec(k):
        if k > 0:
            seen.append(x * k)
            rec(k - 1)

    rec(n)
    return sum(seen)


def _chosen(x, f):
    m = 3

    def rec(k, c):
        if k == 0:
            s = 0.0
            for i in range(m):
                s += c[i] * f(x)
            return s
        return rec(k - 1, c) + f(x * k)

    return rec(2, (x, 1.0, x * x))


@trap(lambda: (0.7,))
def one_closure_and_another(x):
    """The same inner function, of two functions around that see different ones."""
    return _chosen(x, lambda t: t * x) * _chosen(x, lambda t: t + x * x) + _chosen(x, np.cos)


@trap(lambda: (vec(1.0, 2.0, 0.5, 0.3, 0.8, 1.0, 0.2, 0.4, 0.9),))
def a_determinant_by_minors(x):
    """Matrices of each order, made by the recursion itself."""

    def det(m):
        n = m.shape[0]
        if n == 1:
            return m[0, 0]
        s = 0.0
        for j in range(n):
            minor = np.empty((n - 1, n - 1))
            for c in range(n - 1):
                minor[:, c] = m[1:, c if c < j else c + 1]
            s += (-1.0) ** j * m[0, j] * det(minor)
        return s

    return det(x.reshape(3, 3))


@trap(lambda: (0.7, 3), wrt=(0,))
def defined_anew_in_a_loop(x, n):
    """The function is defined in each iteration and reads the counter."""
    s = 0.0
    for t in range(n):

        def rec(k):
            return x if k == 0 else rec(k - 1) * x + t

        s += rec(2)
    return s


@trap(lambda: (0.7, 2), wrt=(0,))
def a_derivative_seen(x, n):
    """It calls a derivative that the function around has taken."""
    df = srcad.grad(lambda t: np.sin(t * x))

    def rec(k):
        return df(x) if k == 0 else rec(k - 1) * df(x * k)

    return rec(n)


@trap(lambda: (vec(0.3, 0.5), 2), wrt=(0,))
def an_array_seen_comes_back(x, n):
    """It returns an array of the function around, which is written then."""
    y = x * 2

    def rec(k):
        return y if k == 0 else rec(k - 1)

    z = rec(n)
    z[0] = 5.0
    return np.sum(y * x)


class _Chain:
    def __init__(self):
        self.gain, self.weights = 2.0, vec(0.5, 1.5)

    def along(self, x, n):
        if n == 0:
            return x * self.gain
        return self.along(x * self.weights[0], n - 1) + self.weights[n % 2] * x

    def inner(self, x, n):
        def rec(k):
            return x if k == 0 else rec(k - 1) * self.gain + self.weights[k % 2] * x

        return rec(n)


_CHAIN = _Chain()


@trap(lambda: (0.5, 3), wrt=(0,))
def methods_and_their_object(x, n):
    """A method that calls itself, and one whose inner function does and reads the object."""
    return _CHAIN.along(x, n) * _CHAIN.inner(x * x, n - 1)
