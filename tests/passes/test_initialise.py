"""Neutral values for what may be read before it is bound, and for nothing else."""

from srcad.ir.nodes import Assign, Compare, Const, Copy, For, Function, If, Return, Var
from srcad.transform.initialise import initialise
from tests.passes.support import lines

X, T, K = Var("x", "float64"), Var("t", "float64"), Var("k", "int64")
ZERO, ONE = Const(0, "int64"), Const(1, "int64")
TEST = Compare(">", X, Const(0.0, "float64"))
ARRAYS = {"u": ("float64", 1), "v": ("float64", 2)}


def after(*body) -> str:
    return lines(initialise(Function("f", (X, "u"), body, ARRAYS)).body)


def test_bound_on_one_path():
    found = after(If(TEST, (Assign(T, X),)), Return((T,)))
    assert found == "t = 0.0\nif x > 0.0:\n    t = x\nreturn t"


def test_bound_on_both_paths():
    found = after(If(TEST, (Assign(T, X),), (Assign(T, TEST.b),)), Return((T,)))
    assert found.startswith("if x > 0.0:")


def test_bound_in_a_loop_only():
    found = after(For(K, ZERO, ONE, ONE, (Assign(T, X),)), Return((T, K)))
    assert found.startswith("k = 0\nt = 0.0\nfor k in range(1):")


def test_bound_in_each_iteration():
    found = after(For(K, ZERO, ONE, ONE, (Assign(T, X), Assign(X, T))), Return((X,)))
    assert found.startswith("for k in range(1):")


def test_array():
    found = after(If(TEST, (Copy("v", "v"),)), Return(("u",)))
    assert found.startswith("v = np.empty((0, 0))\nif")


def test_parameters_are_bound():
    assert after(Return((X, "u"))) == "return x, u"
