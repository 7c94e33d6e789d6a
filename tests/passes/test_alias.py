"""Sites: which memory an array name can denote."""

from srcad.analysis.alias import Aliases, Flow, points_to, stored_sites
from srcad.ir.nodes import Bind, Const, Copy, For, If, Pop, Push, Store, Var

ZERO, ONE = Const(0, "int64"), Const(1, "int64")
HALF = Const(0.5, "float64")
NAMES = {"u", "v", "a", "b"}


def sites(*body) -> dict[str, str]:
    return {name: "".join(sorted(found)) for name, found in points_to(body, NAMES).items()}


def test_names_of_their_own():
    assert sites() == {"u": "u", "v": "v", "a": "a", "b": "b"}


def test_a_copy_is_new_memory():
    assert sites(Copy("u", "a"))["u"] == "u"


def test_bound_name():
    found = sites(Bind(("u",), ("a",)))
    assert found["u"] == "a"
    assert found["a"] == "a"


def test_swap_in_a_loop():
    swap = For(Var("i", "int64"), ZERO, ONE, ONE, (Bind(("u", "v"), ("v", "u")),))
    found = sites(Bind(("u",), ("a",)), Bind(("v",), ("b",)), swap)
    assert found["u"] == found["v"] == "ab"


def test_made_and_bound():
    assert sites(Copy("u", "a"), Bind(("u",), ("b",)))["u"] == "bu"


def test_names_that_are_made_and_bound_are_apart_when_they_are_exchanged():
    """Unless what one is bound to can be an array that was made for either."""
    made = (Copy("a", "x"), Bind(("u",), ("a",)), Copy("u", "x"), Copy("v", "x"))
    swap = Bind(("u", "v"), ("v", "u"))
    for between, apart in ((), True), ((Bind(("a",), ("u",)),), False):
        body = (*made[:3], *between, made[3], swap)
        if between:
            body = (Copy("u", "x"), *between, Bind(("u",), ("a",)), made[3], swap)
        aliases = Aliases(body, points_to(body, {"x", "a", "u", "v"}))
        assert aliases.may("u", "v") != apart


def test_list():
    found = points_to((Push("kept", "a"), Push("kept", "b"), Pop("u", "kept")), NAMES)
    assert found["u"] >= {"a", "b"}


def test_stored():
    body = (Bind(("u",), ("a",)), Store("u", (ZERO,), HALF))
    assert stored_sites(body, points_to(body, NAMES)) == {"a"}


def flow(*body) -> dict[str, str]:
    return {name: "".join(sorted(found)) for name, found in Flow(body).now.items()}


def test_a_name_denotes_what_it_was_bound_to_last():
    assert flow(Bind(("u",), ("a",)), Copy("b", "u"), Bind(("u",), ("b",)))["u"] == "b"
    assert flow(Bind(("u", "v"), ("a", "b")), Bind(("u", "v"), ("v", "u"))) == {"u": "b", "v": "a"}


def test_both_paths_of_a_branch():
    test = Const(True, "bool")
    assert flow(If(test, (Bind(("u",), ("a",)),), (Bind(("u",), ("b",)),)))["u"] == "ab"
    assert flow(If(test, (Bind(("u",), ("a",)),)))["u"] == "au"


def test_a_loop_goes_on_until_nothing_changes():
    shift = Bind(("u", "v"), ("v", "a"))
    found = flow(For(Var("i", "int64"), ZERO, ONE, ONE, (shift,)))
    assert found == {"u": "auv", "v": "av"}


def test_what_is_written_is_what_a_name_denotes_there():
    before = Store("u", (ZERO,), HALF), Bind(("u",), ("a",)), Bind(("u",), ("b",))
    assert Flow(before).stored == {"u"}
    assert Flow((Bind(("u",), ("a",)), Bind(("u",), ("b",)), before[0])).stored == {"b"}
    twice = For(Var("i", "int64"), ZERO, ONE, ONE, (before[0], Bind(("u",), ("a",))))
    assert Flow((twice,)).stored == {"u", "a"}
