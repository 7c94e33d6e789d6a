"""What is read before it is set, where branches under one test are told apart."""

import cProfile

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.set_in_branch import read_unset
from srcad.ir.build import compare, negation
from srcad.ir.nodes import Assign, Const, For, If, Load, Store, Var, While

X, Y, Z, OLD = (Var(name, "float64") for name in ("x", "y", "z", "old"))
K = Var("k", "int64")
ZERO, ONE, HALF = Const(0, "int64"), Const(1, "int64"), Const(0.5, "float64")
UP, LEFT = compare(">", X, HALF), compare("<", Y, HALF)
KEEP, USE = Assign(OLD, X), Assign(Z, OLD)


def unset(*body):
    return read_unset(body, Aliases(body, points_to(body, {"u", "v"}))) - {"x", "y", "k", "u", "v"}


def when(test, *body):
    return If(test, body, ())


def test_one_test_twice():
    assert unset(when(UP, KEEP), when(UP, USE)) == set()
    assert unset(when(UP, KEEP), USE) == {"old"}
    assert unset(when(UP, KEEP), when(LEFT, USE)) == {"old"}
    assert unset(when(UP, KEEP), when(negation(UP), USE)) == {"old"}
    assert unset(If(UP, (), (KEEP,)), when(negation(UP), USE)) == set()


def test_a_test_that_changes_in_between():
    changed = Assign(X, HALF)
    assert unset(when(UP, KEEP), changed, when(UP, USE)) == {"old"}
    assert unset(when(UP, KEEP, changed), when(UP, USE)) == {"old"}
    assert unset(when(UP, KEEP), when(LEFT, changed), when(UP, USE)) == {"old"}
    assert unset(when(UP, KEEP), While(LEFT, (changed,)), when(UP, USE)) == {"old"}


def test_an_element_that_is_stored_in_between():
    at = compare(">", Load("u", (K,), "float64"), HALF)
    other = Store("v", (K,), HALF)
    assert unset(when(at, KEEP), other, when(at, USE)) == set()
    assert unset(when(at, KEEP), Store("u", (ZERO,), HALF), when(at, USE)) == {"old"}
    assert unset(when(at, when(UP, KEEP)), Store("u", (ZERO,), HALF), when(at, USE)) == {"old"}


def test_tests_in_branches():
    inner, used = when(LEFT, KEEP), when(LEFT, USE)
    assert unset(when(UP, inner), when(UP, used)) == set()
    assert unset(when(UP, inner), when(LEFT, when(UP, USE))) == {"old"}  # not found out
    assert unset(when(UP, inner), used) == {"old"}
    assert unset(when(UP, inner), Assign(Y, HALF), when(UP, used)) == {"old"}
    assert unset(when(UP, inner), when(UP, Assign(Y, HALF)), when(UP, used)) == {"old"}
    assert unset(when(UP, inner, Assign(Y, HALF)), when(UP, used)) == {"old"}


def test_what_was_known_before_a_branch_is_known_after_it():
    assert unset(when(UP, KEEP), when(LEFT, when(UP, USE)), when(UP, USE)) == set()
    second = Var("second", "float64")
    kept, used = Assign(second, X), Assign(Z, second)
    assert unset(when(UP, KEEP), when(UP, kept), when(UP, USE, used)) == set()
    assert unset(when(LEFT, KEEP), when(UP, when(LEFT, kept)), when(UP, when(LEFT, USE, used))) == (
        set()
    )


def test_loops():
    loop = For(K, ZERO, ONE, ONE, (when(UP, KEEP), when(UP, USE)))
    assert unset(loop) == set()
    assert unset(For(K, ZERO, ONE, ONE, (when(UP, KEEP),)), when(UP, USE)) == {"old"}
    carried = For(K, ZERO, ONE, ONE, (when(UP, USE), when(UP, KEEP)))
    assert unset(carried) == {"old"}
    assert unset(when(UP, KEEP), carried) == set()


def test_twice_the_branches_are_twice_the_work():
    def calls(count):
        tests = [compare(">", X, Const(float(k), "float64")) for k in range(count)]
        body = [If(t, (Assign(Var(f"s{k}", "float64"), Y),), (USE,)) for k, t in enumerate(tests)]
        body += [when(t, Assign(Z, Var(f"s{k}", "float64"))) for k, t in enumerate(tests)]
        profile = cProfile.Profile()
        assert profile.runcall(unset, *body) == {"old"}
        return sum(entry.callcount for entry in profile.getstats())

    calls(4)
    assert calls(60) < 2.5 * calls(30)
