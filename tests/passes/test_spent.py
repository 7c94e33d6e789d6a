"""Last shares of adjoints that are not stored, and those that somebody still reads."""

import math
import re

import numpy as np
import pytest

import srcad
from benchmarks.kernels import lorenz96
from srcad.ir.build import ONE, ZERO, integer
from srcad.ir.nodes import Assign, Binary, Comment, For, Function, Load, Return, Store, Var
from srcad.ir.types import FLOAT, INT
from srcad.transform.spent import spent
from tests import oracles
from tests.passes.support import lines

K, N, T = Var("i", INT), Var("n", INT), Var("t", INT)
SEED, C = Var("seed", FLOAT), Var("c", FLOAT)


def plus(a, b):
    return Binary("+", a, b, FLOAT)


def at(array, index=K):
    return Load(array, (index,), FLOAT)


def over(*body, start=ZERO, stop=N):
    return For(K, start, stop, ONE, body)


ASSIGNED = over(Store("k", (K,), Binary("*", C, at("x"), FLOAT)))
ADDED = Store("k", (K,), plus(at("k"), at("y")))
READ = Assign(SEED, at("k"))
GIVEN = Store("x", (K,), plus(at("x"), SEED))


def left(*steps, returned=("x",), exports=()):
    """What becomes of steps in a loop over time; ``k`` and ``x`` are arrays of length n."""
    arrays = {name: ("float64", 1) for name in "kxyz"}
    body = (For(T, ZERO, Var("m", INT), ONE, steps), Return(returned))
    names = ("k", "x", "y", "z", N, Var("m", INT), C)
    return lines(spent(Function("f", names, body, arrays, exports)).body)


def test_a_share_that_is_read_at_once():
    found = left(ASSIGNED, over(ADDED, Comment("used"), READ, GIVEN))
    assert "seed = k[i] + y[i]" in found
    assert "k[i] +=" not in found
    assert "seed = k[i]\n" not in found


@pytest.mark.parametrize(
    "steps",
    [
        (over(ADDED, READ, GIVEN),),  # the next step finds the sum
        (ASSIGNED, over(ADDED, READ, GIVEN), over(Store("z", (K,), at("k")))),
        (over(Store("z", (K,), at("k"))), ASSIGNED, over(ADDED, READ, GIVEN)),
        (over(*ASSIGNED.body, start=ONE), over(ADDED, READ, GIVEN)),
        (over(*ASSIGNED.body, stop=integer(3)), over(ADDED, READ, GIVEN)),
        (ASSIGNED, over(ADDED, READ, GIVEN, Store("z", (K,), at("k")))),
        (ASSIGNED, over(ADDED, READ, Store("z", (K,), at("k", ZERO)))),
        (ASSIGNED, over(ADDED, Store("z", (K,), SEED), READ, GIVEN)),
        (ASSIGNED, over(ADDED, Assign(K, plus(K, ONE)), READ, GIVEN)),
        (ASSIGNED, over(Store("k", (K,), plus(at("k"), SEED)), READ, GIVEN)),
    ],
)
def test_a_share_that_somebody_reads_is_stored(steps):
    assert re.search(r"k\[i\] \+= ", left(*steps))


def test_an_array_that_is_given_away_keeps_it():
    steps = ASSIGNED, over(ADDED, READ, GIVEN)
    assert "k[i] += " in left(*steps, returned=("x", "k"))
    assert "k[i] += " in left(*steps, exports=("k",))


def slope(x, c):
    return np.roll(x, 1) * x - c * x


def heun(x, c, steps):
    for _ in range(steps):
        k = slope(x, c)
        m = slope(x + 0.1 * k, c)
        x = x + 0.05 * (k + m * m)
    return np.sum(x * x)


def kept(x, c, steps):
    """Arrays that outlive a step."""
    k = np.zeros(x.shape[0])
    for t in range(steps):
        for i in range(x.shape[0]):
            k[i] = 0.5 * k[i] + math.sin(c * x[i])
        for i in range(1, x.shape[0]):
            x[i] += 0.1 * k[i] * k[i - 1]
    return np.sum(x * k)


@pytest.mark.parametrize("function", [heun, kept])
@pytest.mark.parametrize("jit", [False, True])
def test_gradients(function, jit):
    found = srcad.grad(function, wrt=("x", "c"), jit=jit)
    for n, steps in ((1, 2), (2, 1), (5, 0), (5, 3), (40, 4)):
        args = np.linspace(0.2, 1.1, n), 0.7, steps
        for k, gradient in enumerate(found(*args)):
            expected = oracles.complex_step(function, args, k)
            np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-12)


def test_stages_of_a_method_of_runge_and_kutta():
    text = srcad.grad(lorenz96.PRIMAL).source(*lorenz96.arguments(0.2).values())
    sweep = text[text.index("# reverse sweep") :]
    assert len(re.findall(r"seed\w* = k\d_b\[\w+\] \+ ", sweep)) == 3
    assert not re.search(r" k\d_b\[\w+\] \+= ", sweep)
