"""Loops that both branches begin with run before them, if the test allows it."""

from srcad.ir.build import ZERO, add, compare
from srcad.ir.nodes import Assign, Extent, For, If, Load, Stmt, Store, Var
from srcad.transform.share import share
from tests.passes.support import lines

J, K = Var("i", "int64"), Var("k", "int64")
TEST = compare("==", K, ZERO)


def copied(target: str, source: str) -> Stmt:
    body = (Store(target, (J,), Load(source, (J,), "float64")),)
    return For(J, ZERO, Extent(target, 0), add(ZERO, ZERO), body)


def counted(by: int) -> Stmt:
    return Assign(K, add(K, Var(f"d{by}", "int64")))


def after(*block: Stmt) -> tuple[Stmt, ...]:
    return share(block)


def test_a_loop_of_both_branches_comes_first():
    one, two = copied("u", "a"), copied("v", "b")
    found = after(If(TEST, (one, counted(1)), (one, two, counted(2))))
    assert found == (one, If(TEST, (counted(1),), (two, counted(2))))
    assert lines(found).startswith("for i in range(")


def test_also_inside_of_a_loop():
    branch = If(TEST, (copied("u", "a"), counted(1)), (copied("u", "a"), counted(2)))
    (loop,) = after(For(Var("t", "int64"), ZERO, K, ZERO, (branch,)))
    assert isinstance(loop, For)
    assert loop.body[0] == copied("u", "a")


def test_other_loops_and_other_statements_stay():
    kept = If(TEST, (copied("u", "a"), counted(1)), (copied("u", "b"), counted(2)))
    assert after(kept) == (kept,)
    kept = If(TEST, (counted(1), counted(2)), (counted(1), counted(3)))
    assert after(kept) == (kept,)


def test_what_the_test_reads_is_not_changed_before_it():
    test = compare("==", Load("u", (ZERO,), "float64"), Load("v", (ZERO,), "float64"))
    kept = If(test, (copied("u", "a"), counted(1)), (copied("u", "a"), counted(2)))
    assert after(kept) == (kept,)
    counter = compare("==", J, ZERO)
    kept = If(counter, (copied("u", "a"), counted(1)), (copied("u", "a"), counted(2)))
    assert after(kept) == (kept,)


def test_a_branch_is_not_left_empty():
    one = copied("u", "a")
    for kept in (
        If(TEST, (one,), (one, counted(2))),
        If(TEST, (), (one, counted(2), counted(3))),
        If(TEST, (one, counted(2)), ()),
    ):
        assert after(kept) == (kept,)
