"""The verifier: each kind of damage is found, and looked for in what is written."""

from dataclasses import replace

import pytest

from srcad import pipeline
from srcad.frontend.source import find_source
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Batch,
    Binary,
    Bind,
    Block,
    Compare,
    Const,
    Copy,
    Expr,
    For,
    Function,
    If,
    Load,
    Logic,
    MatMul,
    Return,
    Select,
    Store,
    Var,
    While,
)
from srcad.ir.types import Array
from srcad.ir.verify import VerificationError, verify, verify_block
from srcad.pipeline import Request, compile_request
from tests.passes.support import F, gradient_text
from tests.programs.dtypes import single_beside_double

X, COUNTER = Var("x", "float64"), Var("i", "int64")
T = Var("t", "float64")
ONE, TWO = Const(1, "int64"), Const(2.0, "float64")
ARRAYS = {"u": ("float64", 1), "w": ("float32", 2), "k": ("int32", 1), "v": ("float64", 1)}
ARRAYS |= {"m": ("float64", 3), "p": ("float64", 3), "q": ("float64", 2)}


def function(*body) -> Function:
    return Function("f", (X, Var("n", "int64"), "u", "w", "k", "m"), body, ARRAYS)


@pytest.mark.xfail(raises=VerificationError, strict=True, reason="a_b[i, j] += x[j] * seed")
def test_an_adjoint_in_two_precisions():
    """The other programs of the zoo are verified where they run (``tests/conftest.py``)."""
    types = (("a", Array("float32", 2, (False, False))), ("x", Array("float64", 1, (False,))))
    names = tuple(name for name, _ in types)
    request = Request(find_source(single_beside_double), types, names, "gradient")
    function = compile_request(request).function
    assert function is not None
    verify(function)


@pytest.mark.usefixtures("verified")
def test_what_is_written_is_verified(monkeypatch):
    monkeypatch.setattr(pipeline, "named_extents", lambda f: replace(f, name="not a name"))
    with pytest.raises(VerificationError, match="is not a name"):
        gradient_text(lambda x: x * x, (F,), "x")


LOOP = For(COUNTER, Const(0, "int64"), Var("n", "int64"), ONE, ())
CUBE = Batch(COUNTER, (ONE, ONE, ONE), "float64")
SOUND: dict[str, Block] = {
    "products of a batch": (MatMul("p", "m", "m", batch=CUBE), Return(("p",))),
    "stores": (Store("u", (ONE,), X), Store("k", (ONE,), Var("n", "int64"))),
    "bound in an earlier iteration": (For(COUNTER, ONE, ONE, ONE, (Assign(X, T), Assign(T, X))),),
    "bound in one branch": (
        If(Compare("<", X, TWO), (Assign(T, X),)),
        Return((T,)),
    ),
    "a copy": (Copy("v", "u"), Bind(("u", "v"), ("v", "u")), Return(("u",))),
}

DAMAGED: dict[str, tuple[Block, str]] = {
    "unbound scalar": ((Return((Var("y", "float64"),)),), "y is read before it is bound"),
    "unbound array": ((Return(("v",)),), "v is read before it is bound"),
    "bound too late": ((Bind(("u",), ("v",)), Copy("v", "u")), "v is read before"),
    "two kinds": ((Assign(Var("x", "int64"), ONE),), "x is of kind float64 and of kind int64"),
    "scalar and array": ((Assign(Var("u", "float64"), TWO),), "u is a scalar and an array"),
    "wrong value": ((Assign(X, ONE),), "x is of kind int64, not float64"),
    "wrong element": ((Store("u", (ONE,), ONE),), "of kind int64, not float64"),
    "wrong rank": ((Assign(X, Load("u", (ONE, ONE), "float64")),), "u has 1 axes, 2 indices"),
    "float index": ((Store("u", (X,), X),), "x is of kind float64, not int64"),
    "float bound": ((For(COUNTER, ONE, X, ONE, ()),), "x is of kind float64, not int64"),
    "number as condition": ((While(ONE, ()),), "1 is of kind int64, not bool"),
    "number in logic": ((If(Logic("and", (X, X)), ()),), "x is of kind float64, not bool"),
    "mixed choice": (
        (Assign(X, Select(Compare("<", X, TWO), X, ONE, "float64")),),
        "a choice is of kind int64, not float64",
    ),
    "integer of floats": (
        (Assign(Var("m", "int64"), Binary("+", X, X, "int64")),),
        r"x \+ x is int64, made of floats",
    ),
    "arity": ((Bind(("u", "v"), ("u",)),), "2 names for 1 arrays"),
    "rank of a name": ((Alloc("u", (ONE, ONE), "float64"),), "u is .*, but gets"),
    "unknown array": ((Alloc("z", (ONE,), "float64"),), "z is no array"),
    "product of ranks": ((MatMul("p", "m", "m"),), "no matrices"),
    "batch of vectors": ((MatMul("p", "u", "m", batch=CUBE),), "no matrices"),
    "rank of a batch": ((MatMul("q", "m", "m", batch=CUBE),), "q is .*, but gets"),
    "counter of a batch": (
        (MatMul("p", "m", "m", batch=Batch(X, (ONE, ONE, ONE), "float64")),),
        "x is of kind float64, not int64",
    ),
    "name": ((Assign(Var("x$", "float64"), TWO),), "is not a name"),
    "constant": ((Assign(X, Const(1, "float64")),), "1 is not of kind float64"),
    "inside a loop": (
        (For(COUNTER, ONE, ONE, ONE, (Assign(X, Var("y", "float64")),)),),
        "y is read before",
    ),
}


@pytest.mark.parametrize("body", SOUND.values(), ids=SOUND)
def test_sound(body: Block):
    verify(function(*body))


@pytest.mark.parametrize(("body", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damage(body: Block, message: str):
    with pytest.raises(VerificationError, match=message):
        verify(function(*body))


def test_says_where():
    expr: Expr = Var("y", "float64")
    with pytest.raises(VerificationError, match=r"f: y is read before it is bound, in\nx = y"):
        verify(function(Assign(X, TWO), Assign(X, expr)))


def test_block():
    verify_block((Assign(X, TWO),), {}, set())
    with pytest.raises(VerificationError):
        verify_block((Assign(X, Var("y", "float64")),), {}, {"x"})
    verify_block((Assign(X, Var("y", "float64")),), {}, {"y"})
