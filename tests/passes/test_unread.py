"""Elements that nobody reads before they are written again are not saved and put back.

The oracle of the gradients is complex step; how many tapes there are is read off the source.
"""

import math

import numpy as np
import pytest

import srcad
from srcad.ir.build import ONE, ZERO, add, integer, sub
from srcad.ir.nodes import (
    Assign,
    Compare,
    Expr,
    For,
    Function,
    If,
    Load,
    Print,
    Return,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    Window,
)
from srcad.ir.types import BOOL, INT
from srcad.transform.unread import unread
from tests import oracles
from tests.passes.support import lines

i, j, k, n = (Var(name, INT) for name in "ijkn")
s, more = Var("s", "float64"), Var("more", BOOL)


def at(array: str, *index: Expr) -> Load:
    return Load(array, index, "float64")


def back(*index: Expr, tape: str = "t", slot: Expr = ZERO) -> Store:
    """An element of ``x`` is put back."""
    return Store("x", index, at(tape, slot))


def reading(*index: Expr, array: str = "x") -> Stmt:
    return Assign(s, at(array, *index))


def loop(counter: Var, *body: Stmt, start: Expr = ZERO, stop: Expr = n, down: bool = False) -> For:
    """A loop over a range, or over the same one from its end."""
    if down:
        return For(counter, sub(stop, ONE), sub(start, ONE), integer(-1), body)
    return For(counter, start, stop, ONE, body)


def stores(*body: Stmt, rank: int = 1, exports=()) -> int:
    """How many of the elements that are put back are left."""
    arrays = {"x": ("float64", rank), "y": ("float64", rank), "t": ("float64", 1)}
    arrays |= {"v": ("float64", 1)}
    whole = (Tape("t", (n,), "float64"), *body, Return(("y",)))
    function = Function("f", ("x", "y", n, more), whole, arrays, exports)
    return lines(unread(function).body).count("= t[")


@pytest.mark.parametrize(
    ("left", "rank", "body"),
    [
        (1, 1, (back(i), back(i), reading(i))),
        (2, 1, (back(i), reading(i), back(i), reading(i))),
        (2, 1, (back(i), reading(j), back(i), reading(i))),
        (2, 1, (back(i), reading(add(i, ONE)), back(i), reading(i))),  # i may be -1
        (2, 1, (back(i), Assign(i, add(i, ONE)), back(i), reading(j))),
        (2, 1, (back(i), Print(("x",)), back(i), reading(i))),
        (2, 1, (back(i), If(more, (back(i),)), reading(i))),
        (0, 1, (back(i), back(j), reading(i, array="y"))),
        (0, 1, (back(i), loop(j, back(j)))),
        (2, 1, (back(i), loop(j, back(j)), reading(i))),  # i may be n
        (1, 1, (loop(i, back(i)), loop(j, back(j)), reading(k))),
        (1, 1, (loop(i, back(i)), loop(j, back(j), down=True), reading(k))),
        (1, 1, (loop(i, back(i)), loop(j, back(j), stop=k), reading(k))),  # not of j < k
        (2, 1, (loop(i, back(i)), loop(j, back(j), stop=k), reading(ZERO))),
        (2, 1, (loop(i, back(i)), Assign(n, k), loop(j, back(j)), reading(k))),
        (2, 1, (loop(i, back(i)), loop(j, back(j), reading(k)), reading(k))),
        (1, 1, (loop(k, loop(i, back(i)), reading(j), loop(i, back(i))),)),
        (2, 1, (loop(k, loop(i, back(i)), reading(j), loop(i, back(i))), reading(j))),
        (2, 1, (While(more, (loop(i, back(i)), reading(j), loop(i, back(i)), reading(j))),)),
        (1, 1, (While(more, (loop(i, back(i)), reading(j), loop(i, back(i)))),)),
        (1, 1, (While(Compare("<", at("x", j), s), (loop(i, back(i)),)),)),
        (0, 1, (loop(i, reading(i), back(i), down=True),)),
        (1, 1, (loop(i, reading(i), back(i), down=True), reading(ZERO))),
        (0, 1, (loop(i, reading(i), back(i)),)),
        (0, 1, (loop(i, back(i), loop(j, reading(j), stop=i), down=True),)),
        (1, 1, (loop(i, back(i), loop(j, reading(j), stop=i)),)),  # j < i was put back before
        (1, 1, (loop(i, back(i), loop(j, reading(j), stop=add(i, ONE)), down=True),)),
        (1, 1, (loop(i, back(i), loop(j, reading(j), start=integer(-1), stop=i), down=True),)),
        (1, 1, (loop(i, back(i), reading(sub(i, ONE)), start=ZERO, down=True),)),  # x[-1]
        (0, 1, (loop(i, back(i), reading(sub(i, ONE)), start=ONE, down=True),)),
        (1, 1, (loop(k, loop(i, reading(i), back(i), down=True)),)),
        (1, 2, (loop(k, loop(i, reading(i, k), back(i, j)), down=True),)),
        (0, 2, (loop(k, loop(i, reading(i, k), back(i, k)), down=True),)),
    ],
)
def test_what_is_put_back(left, rank, body):
    assert stores(*body, rank=rank) == left


def triangle(*body: Stmt) -> For:
    """``for k down: for i from the end to k + 1``."""
    return loop(k, loop(i, *body, start=add(k, ONE), down=True), down=True)


@pytest.mark.parametrize(
    ("left", "body"),
    [
        (0, (reading(i, k), back(i, k), reading(k, k))),
        (0, (back(i, k), loop(j, reading(i, j), reading(k, j), stop=k))),
        (1, (back(i, k), loop(j, reading(i, j), stop=add(k, ONE)))),
        (1, (back(i, k), loop(j, reading(j, k)))),
        (0, (back(i, k), reading(k, i))),
        (0, (back(i, k), reading(add(k, ONE), i))),
        (1, (back(i, k), reading(add(i, ONE), k))),
        (0, (back(k, i), reading(i, k))),
        (1, (back(k, i), reading(k, i))),
    ],
)
def test_triangles(left, body):
    assert stores(triangle(*body), rank=2) == left


def test_who_is_given_the_array_reads_it():
    assert stores(loop(i, back(i)), exports=("x",)) == 1
    assert stores(loop(i, back(i))) == 0


def test_a_view_reads_the_array():
    view = Window("v", "x", (ONE, *()), (None,))
    assert stores(view, back(i), reading(ZERO, array="v"), back(i)) == 1
    assert stores(view, back(i), back(i), reading(ZERO, array="v")) == 1


# ---------------------------------------------------------------- programs


def leapfrog(x, v, n):
    """Half a step, a kick, half a step: the second half overwrites what the first one saved."""
    x, v = x.copy(), v.copy()
    for _ in range(n):
        for i in range(x.size):
            x[i] += 0.1 * v[i]
        for i in range(x.size):
            v[i] -= 0.2 * math.sin(x[i]) * x[0]
        for i in range(x.size):
            x[i] += 0.1 * v[i]
    return np.sum(x * v)


def kicked_before(x, v, n):
    """The same, but what the second half leaves is read in the next step."""
    x, v = x.copy(), v.copy()
    for _ in range(n):
        v[0] -= 0.3 * x[1] * x[2]
        for i in range(x.size):
            x[i] += 0.1 * v[i]
        for i in range(x.size):
            v[i] -= 0.2 * math.sin(x[i]) * x[0]
        for i in range(x.size):
            x[i] += 0.1 * v[i] * x[i]
    return np.sum(x * v)


def other_halves(x, v, n):
    """The second half leaves an element out."""
    x, v = x.copy(), v.copy()
    for _ in range(n):
        for i in range(x.size):
            x[i] += 0.1 * v[i] * x[i]
        for i in range(x.size):
            v[i] -= 0.2 * math.sin(x[i]) * x[0]
        for i in range(1, x.size):
            x[i] += 0.1 * v[i] * x[i]
    return np.sum(x * v)


def factors(a):
    """Cholesky in place."""
    n = a.shape[0]
    a = a @ a.T + 3.0 * np.eye(n)
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = math.sqrt(a[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    s = 0.0
    for i in range(n):
        for j in range(i + 1):
            s += a[i, j] * math.sin(a[i, j])
    return s


def elimination(a, b):
    """Gauss: rows below are changed again and again, so what they were is asked for."""
    n = b.size
    a, b = a + 4.0 * np.eye(n), b.copy()
    for k in range(n):
        for i in range(k + 1, n):
            f = a[i, k] / a[k, k]
            for j in range(k, n):
                a[i, j] -= f * a[k, j]
            b[i] -= f * b[k]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= a[i, j] * b[j]
        b[i] /= a[i, i]
    return np.sum(b * b)


def substitution(a, b):
    x = b.copy()
    for i in range(b.size):
        for k in range(i):
            x[i] -= a[i, k] * x[k] * x[k]
        x[i] /= 1.0 + x[i] * x[i]
    return np.sum(x * x)


def reaching_ahead(x, n):
    """Elements that come later are read as they were."""
    x = x.copy()
    for _ in range(n):
        for i in range(x.size - 1):
            x[i] = x[i] * x[i + 1] + math.sin(x[i])
    return np.sum(x * x)


def around_the_end(x, n):
    """The index of the neighbour is -1 once."""
    x = x.copy()
    for _ in range(n):
        for i in range(x.size):
            x[i] = x[i] * x[i - 1] + math.sin(x[i])
    return np.sum(x * x)


def twice_in_branches(x, n):
    x = x.copy()
    for t in range(n):
        for i in range(x.size):
            x[i] = x[i] * x[i]
            if t == i:
                x[i] = math.sin(x[i])
            x[i] = x[i] * 0.7 + x[i] * x[i]
    return np.sum(x * x)


def through_a_view(x, n):
    x = x.copy()
    head = x[:2]
    for _ in range(n):
        for i in range(2):
            head[i] = head[i] * x[i]
        for i in range(x.size):
            x[i] = x[i] * head[0] + 0.3
    return np.sum(x * x)


def until(x, limit):
    x = x.copy()
    k = 0
    while np.real(x[0]) < limit:
        for i in range(x.size):
            x[i] = x[i] * 1.5 + 0.1
        for i in range(x.size):
            x[i] = x[i] * x[i] * 0.5 + 0.8
        k += 1
    return np.sum(x * x) * k


def noise(*shape):
    return 0.5 + np.random.default_rng(sum(shape)).random(shape)


PROGRAMS = [
    (leapfrog, (noise(4), noise(4), 3), 1),
    (leapfrog, (noise(1), noise(1), 3), 1),
    (leapfrog, (noise(4), noise(4), 0), 1),
    (kicked_before, (noise(4), noise(4), 3), None),
    (other_halves, (noise(4), noise(4), 3), None),
    (factors, (noise(5, 5),), 0),
    (factors, (noise(1, 1),), 0),
    (elimination, (noise(4, 4), noise(4)), None),
    (substitution, (noise(4, 4), noise(4)), None),
    (reaching_ahead, (noise(5), 2), None),
    (around_the_end, (noise(5), 2), None),
    (twice_in_branches, (noise(5), 4), None),
    (through_a_view, (noise(5), 2), None),
    (until, (noise(4), 2.0), None),
]


@pytest.mark.parametrize(
    ("function", "args", "tapes"),
    PROGRAMS,
    ids=[f"{f.__name__}-{k}" for k, (f, _, _) in enumerate(PROGRAMS)],
)
def test_gradients(function, args, tapes):
    wrt = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray))
    derivative = srcad.grad(function, wrt=wrt, jit=False)
    found = derivative(*args)
    for index, one in zip(wrt, found, strict=True):
        expected = oracles.complex_step(function, args, index)
        np.testing.assert_allclose(one, expected, rtol=1e-9, atol=1e-11)
    if tapes is not None:
        assert derivative.source(*args).count("= tape(") == tapes
    if wrt == (0, 1):  # with respect to one of them, less is asked for
        one = srcad.grad(function, wrt=1, jit=False)(*args)
        np.testing.assert_allclose(one, found[1], rtol=1e-9, atol=1e-11)
