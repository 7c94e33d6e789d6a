"""Copies that stand for views: which reads come after the memory that they show was written."""

import numpy as np
import pytest

import srcad
from srcad.analysis.snapshots import rewritten, stale_reads
from srcad.ir.nodes import Alloc, Assign, Const, For, If, Load, Store, Var

ZERO, ONE = Const(0, "int64"), Const(1, "int64")
HALF = Const(0.5, "float64")
SITES = {name: frozenset((name,)) for name in ("x", "w", "y")}
MAKE = Alloc("w", (ONE,), "float64", False)
WRITE = Store("x", (ZERO,), HALF, False)
FIRST = Store("x", (ZERO,), HALF, True)
READ = Assign(Var("t", "float64"), Load("w", (ZERO,), "float64"))
TEST = Const(True, "bool")


def stale(*body, results=()):
    shown = {"w": frozenset(("x",))}
    return bool(stale_reads(body, shown, SITES, frozenset(results)))


def loop(*body):
    return For(Var("i", "int64"), ZERO, ONE, ONE, body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ((MAKE, READ, WRITE), False),
        ((MAKE, WRITE, READ), True),
        ((WRITE, MAKE, READ), False),
        ((MAKE, WRITE, MAKE, READ), False),
        ((MAKE, FIRST, READ), False),
        ((MAKE, loop(READ, WRITE)), True),
        ((loop(MAKE, READ, WRITE),), False),
        ((MAKE, If(TEST, (WRITE,), ()), READ), True),
        ((MAKE, If(TEST, (WRITE,), (READ,))), False),
    ],
)
def test_order(body, expected):
    assert stale(*body) is expected


def test_a_result_is_read_at_the_end():
    assert stale(MAKE, WRITE, results=("w",))
    assert not stale(WRITE, MAKE, results=("w",))
    assert not stale(MAKE, WRITE, results=("y",))


def test_rewritten():
    assert rewritten((loop(WRITE), FIRST), SITES) == {"x"}
    assert rewritten((FIRST,), SITES) == frozenset()


def diagonal_after_a_write(a):
    d = np.diagonal(a)
    a[0, 0] = 5.0
    return np.sum(d**2)


def broadcast_after_a_write(a):
    w = np.broadcast_to(a[0], (3, 3))
    a[0, 0] = 5.0
    return np.sum(w**2)


def windows_after_a_write(a):
    w = np.lib.stride_tricks.sliding_window_view(a, (2, 2))
    for k in range(2):
        a[k] = 2.0 * w[0, 0, 0, 0]
    return np.sum(a)


def of_a_part(a):
    row = np.diag(a)[1:]
    a[1, 1] = 2.0
    return np.sum(row)


@pytest.mark.parametrize(
    "function",
    [diagonal_after_a_write, broadcast_after_a_write, windows_after_a_write, of_a_part],
)
def test_refused(function):
    with pytest.raises(srcad.UnsupportedError, match="view of an array") as caught:
        srcad.grad(function, jit=False)(np.ones((3, 3)))
    assert ".copy()" in str(caught.value)


def test_views_that_cannot_be_written():
    def f(a):
        d = np.diagonal(a)
        d[0] = 1.0
        return np.sum(d)

    with pytest.raises(ValueError, match="read-only"):
        srcad.grad(f, jit=False)(np.ones((3, 3)))
