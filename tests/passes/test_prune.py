"""Liveness: what nothing reads is dropped, what somebody may read is kept."""

from srcad.ir.nodes import (
    Assign,
    Binary,
    Bind,
    Const,
    Copy,
    Expr,
    For,
    Function,
    Grow,
    Load,
    Pop,
    Push,
    Return,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
)
from srcad.transform.prune import prune, pruned_block
from tests.passes.support import INTEGER, F, V, function_of, lines, text, without_return

X, Y, S = (Var(name, "float64") for name in "xys")
K, N = Var("k", "int64"), Var("n", "int64")
ZERO, ONE = Const(0, "int64"), Const(1, "int64")
ARRAYS = {name: ("float64", 1) for name in ("u", "v", "w", "x_tape", "kept")}


def after(function, *types) -> str:
    return without_return(prune(function_of(function, *types)))


def pruned(*body: Stmt, exports: tuple[str, ...] = ()) -> str:
    function = Function("f", (X, Y, N, "u", "v"), body, dict(ARRAYS), exports)
    return lines(prune(function).body)


def over(var: Var, *body: Stmt) -> For:
    return For(var, ZERO, N, ONE, body)


def added(a: Expr, b: Expr) -> Binary:
    return Binary("+", a, b, "float64")


def test_unused_value():
    def f(x):
        a = x * x
        b = a + x
        b = 2.0  # noqa: F841
        return a

    assert after(f, F) == "a = x * x"


def test_value_read_on_one_path():
    def f(x, c):
        a = x * x
        if c > 0.0:
            a = 2.0
        return a

    assert after(f, F, F) == "a = x * x\nif c > 0.0:\n    a = 2.0"


def test_value_carried_by_a_loop():
    def f(x, n):
        a = 1.0
        b = 1.0
        for k in range(n):
            b = a
            a = a * x
        return b

    assert after(f, F, INTEGER) == text("""
        a = 1.0
        b = 1.0
        for k in range(n):
            b = a
            a *= x
    """)


def test_loop_of_dead_statements():
    def f(x, n):
        a = 1.0
        for k in range(n):
            a = a * x
        return x

    assert after(f, F, INTEGER) == ""


def test_loop_with_a_check_stays():
    def f(x, u, n):
        a = 0.0
        for i in range(n):
            a += u[i]
        return x

    found = after(f, F, V, INTEGER)
    assert "raise IndexError" in found
    assert "a +=" not in found


def test_elements():
    def f(x, n):
        dead = x.copy()
        live = x.copy()
        for i in range(len(x)):
            dead[i] = 2.0
            live[i] = 3.0
        return live[0]

    found = after(f, V, INTEGER)
    assert "dead[i] =" not in found
    assert "live[i] = 3.0" in found


# ---------------------------------------------------------------- what reversal writes


def test_restored_value_that_nobody_reads():
    """The restore goes, then the tape, then what filled it."""
    found = pruned(
        Tape("x_tape", (N,), "float64"),
        over(K, Store("x_tape", (K,), X), Assign(X, added(X, Y))),
        over(K, Assign(X, Load("x_tape", (K,), "float64"))),
        Return((Y,)),
    )
    assert found == "return y"


def test_restored_value_that_is_read():
    body = (
        Tape("x_tape", (N,), "float64"),
        over(K, Store("x_tape", (K,), X), Assign(X, added(X, Y))),
        over(K, Assign(X, Load("x_tape", (K,), "float64")), Assign(Y, added(Y, X))),
        Return((Y,)),
    )
    assert pruned(*body) == lines(body)


def test_restored_value_that_the_next_iteration_reads():
    body = (
        Tape("x_tape", (N,), "float64"),
        over(K, Store("x_tape", (K,), X), Assign(X, added(X, Y))),
        over(K, Assign(Y, added(Y, X)), Assign(X, Load("x_tape", (K,), "float64"))),
        Return((Y,)),
    )
    assert pruned(*body) == lines(body)


def test_stack():
    body = (
        Stack("x_tape", "float64"),
        over(K, Grow("x_tape", K), Store("x_tape", (K,), X), Assign(X, added(X, Y))),
        over(K, Assign(X, Load("x_tape", (K,), "float64")), Assign(Y, added(Y, X))),
    )
    assert pruned(*body, Return((Y,))) == lines((*body, Return((Y,))))
    assert "x_tape" not in pruned(*body, Return((N,)))


def test_list_of_arrays():
    body = (Push("kept", "u"), Bind(("u",), ("v",)), Pop("u", "kept"))
    assert lines((*body, Return(("v",)))).count("kept") == 2
    assert pruned(*body, Return(("v",))) == "return v"


# ---------------------------------------------------------------- arrays that share memory


def test_write_through_another_name():
    body = (Bind(("w",), ("u",)), Store("w", (ZERO,), X), Return(("u",)))
    assert pruned(*body) == lines(body)


def test_write_before_the_names_part():
    body = (
        Copy("w", "u"),
        Copy("kept", "v"),
        Store("w", (ZERO,), X),
        Bind(("w", "kept"), ("kept", "w")),
        Return(("kept",)),
    )
    assert "w[0] = x" in pruned(*body)


def test_swap_reduced_to_what_is_read():
    body = (Bind(("u", "v"), ("v", "u")), Return(("u",)))
    assert pruned(*body) == "u = v\nreturn u"


def test_remade_array():
    """What was written before a fresh array takes the name is dead."""
    body = (Copy("w", "u"), Store("w", (ZERO,), X), Copy("w", "v"), Return(("w",)))
    assert pruned(*body) == "w = v.copy()\nreturn w"


def test_remade_array_whose_old_memory_has_a_name():
    body = (
        Copy("w", "u"),
        Bind(("kept",), ("w",)),
        Store("w", (ZERO,), X),
        Copy("w", "v"),
        Return(("kept", "w")),
    )
    assert pruned(*body) == lines(body)


def test_exported_array():
    body = (Store("u", (ZERO,), X), Store("v", (ZERO,), X), Return(()))
    assert pruned(*body, exports=("u",)) == "u[0] = x\nreturn"


def test_piece_of_a_function():
    """Every array may be read after a piece; of the scalars those that are said to be."""
    piece = (Assign(S, X), Assign(Y, X), Store("u", (ZERO,), X))
    found = pruned_block(piece, {"u"}, frozenset({"y"}))
    assert lines(found) == "y = x\nu[0] = x"
