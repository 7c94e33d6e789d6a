"""One name for an array that is made only to be bound to another name."""

import numpy as np

from srcad.ir.nodes import Alloc, Bind, Const, Copy, Return
from srcad.transform.coalesce import coalesce
from tests.passes.support import INTEGER, V, body_of, lines, text

ONE = Const(1, "int64")


def test_swapped_buffers():
    def f(x, n):
        u = x.copy()
        v = x.copy()
        for k in range(n):
            u, v = v, u
        return u

    before = body_of(f, V, INTEGER)
    assert lines(before).startswith("u_new = x.copy()\nu = u_new")
    assert lines(coalesce(before)) == text("""
        u = x.copy()
        v = x.copy()
        for k in range(n):
            u, v = v, u
    """)


def test_array_used_under_both_names():
    body = (Copy("a", "x"), Bind(("u",), ("a",)), Return(("u", "a")))
    assert coalesce(body) == body


def test_target_read_by_the_maker():
    body = (Copy("a", "u"), Bind(("u",), ("a",)), Return(("u",)))
    assert coalesce(body) == body


def test_something_between():
    body = (Alloc("a", (ONE,), "float64"), Copy("w", "u"), Bind(("u",), ("a",)), Return(("u", "w")))
    assert coalesce(body) == body


def test_several_made_and_then_bound():
    def f(x, n):
        u, v = x.copy(), np.zeros(3)
        for k in range(n):
            u, v = v, u
        return u

    assert lines(coalesce(body_of(f, V, INTEGER))) == text("""
        u = x.copy()
        v = np.zeros(3)
        for k in range(n):
            u, v = v, u
    """)


def test_what_is_read_meanwhile_is_not_bound_early():
    body = (Copy("a", "x"), Copy("b", "u"), Bind(("u",), ("a",)), Return(("u", "b")))
    assert coalesce(body) == body


def test_several_at_once():
    body = (Copy("a", "x"), Bind(("u", "v"), ("a", "u")), Return(("u", "v")))
    assert coalesce(body) == body


def test_a_name_that_is_bound_anew():
    def f(u, n):
        u = u.copy()
        v = u.copy()
        for k in range(n):
            u, v = v, u
        return u

    assert lines(coalesce(body_of(f, V, INTEGER))) == text("""
        u_1 = u.copy()
        v = u_1.copy()
        for k in range(n):
            u_1, v = v, u_1
    """)


def test_a_name_whose_source_is_bound_meanwhile():
    body = (
        Bind(("w",), ("u",)),
        Copy("u", "x"),
        Copy("v", "w"),
        Copy("w", "v"),
        Return(("u", "v", "w")),
    )
    assert coalesce(body) == body


def test_what_is_kept_keeps_its_name():
    """A result that is bound to another name as well, as in the adjoint of an adjoint."""
    body = (Copy("made", "x"), Bind(("v",), ("made",)))
    assert coalesce(body) == (Copy("v", "x"),)
    assert coalesce(body, {"made"}) == body
