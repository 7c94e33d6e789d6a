"""Arrays in the memory of others: who gives it and who gets it, and that gradients are right.

The oracles are complex step, and for memory what NumPy itself allocates (``tracemalloc``).
"""

import math
import tracemalloc

import numpy as np
import pytest

import srcad
from srcad.ir.build import ONE, ZERO, integer, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Check,
    Compare,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    If,
    Invoke,
    Load,
    Return,
    Stmt,
    Store,
    Var,
    ZerosLike,
)
from srcad.ir.types import INT
from srcad.ir.verify import verify
from srcad.transform.recycle import recycle
from tests import oracles
from tests.passes.support import lines, text

ROW, COLUMN, N = (Var(n, INT) for n in "ijn")
S = Var("s", "float64")
WHOLE = ((ROW, Extent("x", 0)), (COLUMN, Extent("x", 1)))


def at(array: str, *index: Expr) -> Load:
    return Load(array, index or (ROW, COLUMN), "float64")


def plus(a: Expr, b: Expr) -> Expr:
    return Binary("+", a, b, "float64")


def nest(*body: Stmt, over=WHOLE) -> Stmt:
    """Loops over all elements of ``x``, unless it is said over what."""
    for counter, stop in reversed(over):
        body = (For(counter, ZERO, stop, ONE, body),)
    return body[0]


def added(array: str, value: Expr, *index: Expr) -> Store:
    place = at(array, *index)
    return Store(array, place.index, plus(place, value))


HALF = Const(0.5, "float64")
READ = nest(Assign(S, plus(S, at("a"))))
TRANSPOSED = ((ROW, Extent("x", 1)), (COLUMN, Extent("x", 0)))


def recycled(*body: Stmt, arrays=(), returned=("y",)) -> str:
    """What becomes of statements with a parameter ``x`` and a copy ``a`` of it."""
    known = {n: ("float64", 2) for n in ("x", "a", "b", "y", "z")} | dict(arrays)
    whole = (Copy("a", "x"), *body, Return(returned))
    function = recycle(Function("f", ("x", N, S), whole, known), Names({"n", "s", *known}))
    verify(function)
    return lines(function.body)


def test_a_shadow_that_follows_its_array_takes_its_place():
    found = recycled(ZerosLike("y", "a"), nest(added("y", at("a"))))
    assert found == text(
        """
        a = x.copy()
        # y takes the place of a
        y = a
        return y
        """
    )


def test_what_an_iteration_reads_before_may_be_more_than_the_element():
    body = (
        Assign(S, at("a")),
        added("y", plus(S, at("a"))),
        Assign(S, at("y")),
    )
    found = recycled(ZerosLike("y", "a"), nest(*body))
    assert "y = a\n" in found and "y[i, j] = s + a[i, j]" in found and "+=" not in found


def test_an_array_that_was_done_with_before_is_filled():
    part = nest(added("y", HALF), over=((ROW, N), (COLUMN, N)))
    found = recycled(READ, ZerosLike("y", "a"), part)
    assert found.index("y = a\n") < found.index("] = 0.0") < found.index("] += 0.5")


def test_a_sum_into_every_element_in_another_order_is_a_value():
    every = nest(added("y", HALF, COLUMN, ROW), over=TRANSPOSED)
    found = recycled(READ, ZerosLike("y", "a"), every)
    assert "y = a\n" in found and "y[j, i] = 0.5" in found


def test_it_is_made_where_it_is_used_first():
    found = recycled(
        ZerosLike("y", "a"),
        ZerosLike("b", "a"),
        nest(Store("b", (ROW, COLUMN), at("a"))),
        nest(Assign(S, plus(S, at("b")))),
        nest(added("y", at("b"))),
    )
    assert "y = b\n" in found and "+=" in found
    assert found.index("y = b") > found.index("s += b[i, j]")


def test_the_latest_gives_first():
    body = (
        Copy("b", "x"),
        nest(Assign(S, plus(S, at("a")))),
        nest(Assign(S, plus(S, at("b")))),
        ZerosLike("y", "x"),
        nest(added("y", S)),
    )
    assert "# y takes the place of b\n" in recycled(*body)


def test_empty_arrays_need_no_zeros():
    one, other = (Alloc(n, (Extent("x", 0), Extent("x", 1)), "float64") for n in "by")
    written = nest(Store("b", (ROW, COLUMN), at("a")))
    found = recycled(one, written, other, Store("y", (ZERO, ZERO), S))
    assert "y = b\n" in found and "0.0" not in found


def test_memory_in_the_order_of_a_parameter_is_not_that_of_rows():
    made = Alloc("y", (Extent("x", 0), Extent("x", 1)), "float64")
    assert "takes the place" not in recycled(READ, made, Store("y", (ZERO, ZERO), S))


def test_a_copy_of_what_is_read_no_more_is_no_copy():
    found = recycled(Copy("y", "a"), nest(added("y", HALF)))
    assert "y = a\n" in found and "y = a.copy()" not in found


@pytest.mark.parametrize(
    "body",
    [
        (ZerosLike("y", "a"), nest(added("y", at("a"))), READ),
        (ZerosLike("y", "a"), nest(added("y", at("a")), Assign(S, at("a")))),
        (ZerosLike("y", "a"), nest(added("y", at("a", sub(ROW, ONE), COLUMN)))),
        (ZerosLike("y", "a"), nest(added("y", at("a", COLUMN, ROW)))),
        (ZerosLike("y", "a"), nest(added("y", plus(at("a"), at("y", ZERO, ZERO))))),
        (ZerosLike("y", "a"), nest(added("y", at("a"), ROW, ZERO))),
        (ZerosLike("y", "a"), nest(Assign(COLUMN, ZERO), added("y", at("a")))),
        (
            ZerosLike("y", "a"),
            nest(If(Compare("<", ROW, COLUMN), (added("y", at("a")),)), Assign(S, at("a"))),
        ),
        (ZerosLike("y", "a"), nest(added("y", at("a")), over=(*WHOLE, (Var("k", INT), N)))),
        (READ, Bind(("b",), ("a",)), ZerosLike("y", "a"), READ, nest(added("y", at("b")))),
        (Invoke((), "keep", ("a",)), ZerosLike("y", "a"), nest(added("y", S))),
        (For(N, ZERO, integer(2), ONE, (ZerosLike("y", "a"), nest(added("y", at("a"))))),),
    ],
    ids=[
        "read later",
        "read in the same iteration",
        "the neighbour",
        "transposed",
        "an element that another iteration began",
        "some elements",
        "a counter that is assigned",
        "in a branch",
        "several times",
        "another name",
        "given away",
        "in a loop",
    ],
)
def test_arrays_that_are_still_wanted_keep_their_memory(body):
    assert "takes the place" not in recycled(*body)


def test_what_is_returned_keeps_its_memory():
    body = (ZerosLike("y", "a"), nest(added("y", at("a"))))
    assert "takes the place" not in recycled(*body, returned=("y", "a"))


@pytest.mark.parametrize(
    "made",
    [
        Alloc("y", (Extent("x", 0), N), "float64", True),
        Alloc("y", (Extent("x", 0), Extent("x", 1)), "float32", True),
    ],
    ids=["shape", "dtype"],
)
def test_arrays_of_another_kind_keep_their_memory(made):
    kinds = {"y": (made.dtype, 2)}
    use = Check(Compare("==", Extent("y", 0), Extent("y", 1)), "ValueError", "")
    reading = Assign(Var("w", made.dtype), Load("y", (ZERO, ZERO), made.dtype))
    assert "takes the place" not in recycled(READ, made, reading, use, arrays=kinds)


def test_zeros_that_are_overwritten_are_not_written():
    """Where the next loops reach every element, and the first thing they do is to add to it."""
    held = Bind(("b",), ("a",))  # so that the memory of a is not to be had
    every, part = nest(added("y", HALF)), nest(added("y", HALF), over=((ROW, N), (COLUMN, N)))
    found = recycled(held, ZerosLike("y", "a"), every)
    assert "y = np.empty_like(a)" in found and "y[i, j] = 0.5" in found
    twice = nest(added("y", HALF), added("y", at("x")))
    found = recycled(held, ZerosLike("y", "a"), twice)
    assert "y[i, j] = 0.5" in found and "y[i, j] += x[i, j]" in found
    reading = nest(added("y", at("y", ROW, ZERO)))
    some = nest(If(Compare("<", ROW, COLUMN), (added("y", HALF),), ()))
    for loops in (part, reading, some, nest(part)):
        found = recycled(held, ZerosLike("y", "a"), loops)
        assert "y = np.zeros_like(a)" in found


def test_of_unknown_lengths_it_is_decided_when_they_are_known():
    square = Alloc("a", (N, N), "float64", True)
    loops = nest(added("y", at("a")), over=((ROW, N), (COLUMN, N)))
    known = {n: ("float64", 2) for n in ("x", "a", "y")}
    function = Function(
        "f", ("x", N, S), (square, ZerosLike("y", "x"), loops, Return(("y",))), known
    )
    found = lines(recycle(function, Names({"n", "s", *known})).body)
    assert found == text(
        """
        a = np.zeros((n, n))
        if x.shape[0] == n and x.shape[1] == n:
            # y takes the place of a
            y = a
        else:
            y = np.zeros_like(x)
            for i in range(n):
                for j in range(n):
                    y[i, j] = a[i, j]
        return y
        """
    )


# ---------------------------------------------------------------- gradients


def two_fields(u, w, steps):
    """Two fields that are copies of one, and a misfit: five arrays, of which two are enough."""
    a = u.copy()
    b = u.copy()
    n, m = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = 0.3 * (a[i - 1, j] + a[i, j + 1]) + 0.2 * a[i, j]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = 0.3 * (b[i + 1, j] + b[i, j - 1]) - 0.1 * b[i, j]
    s = 0.0
    for i in range(n):
        for j in range(m):
            s += (a[i, j] - w[i, j]) ** 2
    return s


def layers(x, a, b):
    """Intermediate arrays of one shape, each made of the one before."""
    h = np.tanh(x @ a)
    h = np.sin(h) * h
    return np.sum(np.exp(h @ b - 1.0) * h)


def part_of_a_matrix(x, v):
    """A work matrix of the leading part of another one, of whatever size that is."""
    n = v.size
    links = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            links[i, j] = x[i, j] * x[i, j]
    s = 0.0
    for i in range(n):
        for j in range(n):
            s += math.sin(links[i, j] * v[j]) * v[i] * links[j, i]
    return s


def own_copies(x, k):
    """Copies that are changed, one of which the loss still reads."""
    y = x.copy()
    z = y.copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = y[i, j] * k + z[i, j]
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = z[i, j] * y[i, j]
    return np.sum(y * z)


def noise(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


PROGRAMS = [
    (two_fields, (noise(6, 7), noise(6, 7), 3)),
    (two_fields, (noise(2, 2), noise(2, 2), 3)),
    (two_fields, (noise(6, 7), noise(6, 7), 0)),
    (layers, (noise(5, 3), noise(3, 4), noise(4, 4))),
    (part_of_a_matrix, (noise(4, 4), noise(4))),
    (part_of_a_matrix, (noise(6, 5), noise(4))),
    (part_of_a_matrix, (noise(4, 5), noise(4))),
    (own_copies, (noise(3, 4), 0.7)),
]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    ("function", "args"), PROGRAMS, ids=[f"{f.__name__}-{k}" for k, (f, _) in enumerate(PROGRAMS)]
)
def test_gradients(function, args, jit):
    given = [np.copy(a) for a in args]
    wrt = tuple(k for k, a in enumerate(args) if not isinstance(a, int))
    value, found = srcad.value_and_grad(function, wrt=wrt, jit=jit)(*args)
    again = srcad.grad(function, wrt=wrt, jit=jit)(*args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-13)
    for k, one, other in zip(wrt, found, again, strict=True):
        expected = oracles.complex_step(function, args, k)
        np.testing.assert_allclose(one, expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(other, expected, rtol=1e-10, atol=1e-12)
    for before, now in zip(given, args, strict=True):
        np.testing.assert_array_equal(before, now)
    arrays = [a for a in (*found, *args) if isinstance(a, np.ndarray)]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])


def peak(derivative, *args) -> int:
    """The most bytes of arrays at one time in a call, where NumPy makes all of them."""
    derivative(*args)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        derivative(*args)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_two_fields_are_all_that_two_fields_need():
    u, w = noise(90, 91), noise(90, 91)
    most = peak(srcad.grad(two_fields, jit=False), u, w, 1)
    assert most < 3.2 * u.nbytes  # two fields, and what their stencils scatter


def test_the_gradient_of_a_part_takes_the_place_of_its_work_matrix():
    x, v = noise(90, 90), noise(90)
    most = peak(srcad.grad(part_of_a_matrix, jit=False), x, v)
    assert most < 2.2 * x.nbytes  # the matrix, and its shadow


def test_a_diagonal_is_not_the_whole():
    """What a loop over the diagonal begins with has zeros beside it."""

    def f(k, m):
        v = np.cross(k[0], k[:, m % 3])
        r = np.empty((3, 3))
        for i in range(3):
            for j in range(3):
                r[i, j] = v[i] - k[j, j]
        return np.sum(r * r) + r[m % 3, -2] * v[1]

    k = noise(3, 3)
    found = srcad.grad(f, jit=False)(k, 1)
    np.testing.assert_allclose(found, oracles.complex_step(f, (k, 1), 0), rtol=1e-11, atol=1e-13)
