"""Definitions and uses."""

from srcad.analysis.flow import assigned, exposed, reads_of, writes_of
from srcad.ir.nodes import (
    Assign,
    Bind,
    Const,
    Copy,
    Extent,
    For,
    If,
    Invoke,
    Load,
    Logic,
    Print,
    Return,
    Store,
    Var,
    While,
)

X, Y, K = Var("x", "float64"), Var("y", "float64"), Var("k", "int64")
ZERO, ONE, TRUE = Const(0, "int64"), Const(1, "int64"), Const(True, "bool")


def test_a_store_reads_its_array():
    stmt = Store("u", (K,), Load("v", (K,), "float64"))
    assert writes_of(stmt) == ()
    assert reads_of(stmt) == {"u", "v", "k"}


def test_a_shape_is_a_read():
    assert reads_of(Assign(K, Extent("u", 0))) == {"u"}


def test_bind_and_copy():
    assert writes_of(Bind(("u", "v"), ("v", "w"))) == ("u", "v")
    assert reads_of(Bind(("u", "v"), ("v", "w"))) == {"v", "w"}
    assert (writes_of(Copy("u", "v")), reads_of(Copy("u", "v"))) == (("u",), {"v"})


def test_strings_are_not_names():
    assert reads_of(Print(("'hello'", "u", X))) == {"u", "x"}


def test_a_call():
    stmt = Invoke((X,), "g", (Y, "u"), ("u",))
    assert writes_of(stmt) == ("x",)
    assert reads_of(stmt) == {"y", "u"}


def test_assigned_in_nested_blocks():
    inner = If(TRUE, (Assign(X, Y),), (Copy("u", "v"),))
    assert assigned((For(K, ZERO, ONE, ONE, (inner,)),)) == {"k", "x", "u"}


def test_exposed():
    assert exposed((Assign(X, Y), Return((X,)))) == {"y"}
    assert exposed((If(TRUE, (Assign(X, Y),)), Return((X,)))) == {"x", "y"}
    assert exposed((If(TRUE, (Assign(X, Y),), (Assign(X, Y),)), Return((X,)))) == {"y"}
    assert exposed((For(K, ZERO, ONE, ONE, (Assign(X, Y),)), Return((X, K)))) == {"y", "x", "k"}
    assert exposed((While(Logic("and", (TRUE,)), (Assign(X, X),)),)) == {"x"}
