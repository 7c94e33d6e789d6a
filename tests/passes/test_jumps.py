"""break, continue and early return become flags and branches: the texts, and the same results."""

import inspect
import textwrap

import gast
import pytest

from srcad.frontend.jumps import remove_jumps
from tests.passes.support import text


def parsed(function) -> gast.FunctionDef:
    return gast.parse(textwrap.dedent(inspect.getsource(function))).body[0]


def after(function) -> str:
    return "\n".join(gast.unparse(s).strip("\n") for s in remove_jumps(parsed(function).body))


def leaves_loop(x):
    s = 0.0
    for v in x:
        if v < 0.0:
            break
        s += v
    return s


def skips(x):
    s = 0.0
    for v in x:
        if v < 0.0:
            continue
        s += v
    return s


def returns_from_loop(x):
    for v in x:
        if v > 1.0:
            return v
    return 0.0


def returns_from_branches(x):
    if x[0] > 0.0:
        return x[0]
    return -x[0]


def breaks_inner_loop(x):
    s = 0.0
    for v in x:
        for w in x:
            if s > 2.0:
                break
            s += v * w
        s += 1.0
    return s


def loop_with_else(x):
    n = len(x)
    while n > 0:
        n -= 1
        if x[n] > 1.0:
            break
    else:
        n = -5
    return n


def jumps_both_ways(x):
    s = 0.0
    for v in x:
        if v > 0.5:
            if v > 1.5:
                break
            s += 1.0
        elif v < -0.5:
            s -= 1.0
            continue
        s += v
    return s


def returns_from_two_loops(x):
    for v in x:
        for w in x:
            if v + w > 2.5:
                return v
            if w > 1.9:
                break
        if v > 1.7:
            return 10.0
    return 0.0


def falls_off_the_end(x):
    for v in x:
        if v > 1.0:
            return v


def plain(x):
    s = 0.0
    for v in x:
        s += v
    return s


def test_break():
    assert after(leaves_loop) == text("""
        s = 0.0
        $stop_0 = False
        for v in x:
            if v < 0.0:
                $stop_0 = True
            else:
                s += v
        return s
    """)


def test_continue():
    assert after(skips) == text("""
        s = 0.0
        for v in x:
            $skip_0 = False
            if v < 0.0:
                $skip_0 = True
            else:
                s += v
        return s
    """)


def test_return_from_loop():
    assert after(returns_from_loop) == text("""
        $returned = False
        $stop_0 = False
        for v in x:
            if v > 1.0:
                $result = v
                $returned = True
                $stop_0 = True
        if not $returned:
            $result = 0.0
            $returned = True
        return $result
    """)


def test_return_from_branches():
    assert after(returns_from_branches) == text("""
        $returned = False
        if x[0] > 0.0:
            $result = x[0]
            $returned = True
        else:
            $result = -x[0]
            $returned = True
        return $result
    """)


def test_inner_break_leaves_the_outer_loop_alone():
    loop = remove_jumps(parsed(breaks_inner_loop).body)[1]
    assert loop.until is None
    assert loop.body[1].until == "$stop_1"


def test_a_function_without_jumps_stays():
    assert after(plain) == "\n".join(gast.unparse(s).strip("\n") for s in parsed(plain).body)


class _Runnable(gast.NodeTransformer):
    """Flags with names that Python takes, and a break where a loop carries ``until``."""

    def visit_Name(self, node):
        node.id = node.id.replace("$", "flag_")
        return node

    def visit_For(self, node):
        self.generic_visit(node)
        if getattr(node, "until", None):
            name = gast.Name(node.until.replace("$", "flag_"), gast.Load(), None, None)
            node.body.append(gast.If(name, [gast.Break()], []))
        return node


def rewritten(function):
    tree = parsed(function)
    tree.body = remove_jumps(tree.body)
    target = gast.Name("$result", gast.Store(), None, None)
    tree.body.insert(0, gast.Assign([target], gast.Constant(None, None), None))
    module = gast.Module([_Runnable().visit(tree)], [])
    names: dict = {}
    exec(gast.unparse(gast.fix_missing_locations(module)), names)
    return names[function.__name__]


FUNCTIONS = (
    leaves_loop,
    skips,
    returns_from_loop,
    returns_from_branches,
    breaks_inner_loop,
    loop_with_else,
    jumps_both_ways,
    returns_from_two_loops,
    falls_off_the_end,
    plain,
)
DATA = ([0.1, 0.2], [0.1, -0.7, 0.4], [1.6, 0.2], [0.3, 1.2, -1.0, 2.0], [-0.1], [0.9, 1.95])


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_same_results(function):
    new = rewritten(function)
    for x in DATA:
        assert new(x) == function(x)
