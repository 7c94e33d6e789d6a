"""The compiler's own work grows in proportion to the statements of a function: calls are counted."""

import ast
import cProfile

import numpy as np
import pytest

from benchmarks.statements import PROGRAMS, function_of
from srcad import grad
from srcad.backend.parts import parts
from srcad.backend.selects import selects


def calls(name, count, folder):
    """The number of Python calls in which the gradient of a function is written."""
    f, args = function_of(name, count, folder), PROGRAMS[name][1]
    profile = cProfile.Profile()
    profile.runcall(grad(f, wrt=(0, 1)).source, *args)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("name", ["scalars", "arrays", "slices"])
def test_twice_the_statements_are_twice_the_work(name, tmp_path):
    calls(name, 10, tmp_path)  # what is done once in a process
    once, twice = (calls(name, count, tmp_path) for count in (40, 80))
    assert twice < 2.3 * once


def fields(count):
    """Fields that one loop computes, each from the next."""
    made = [f"u{k} = np.zeros(x.size)" for k in range(count)]
    steps = [f"u{k}[i] = math.sin(u{(k + 1) % count}[i - 1] + b * x[i])" for k in range(count)]
    loops = ["for t in range(5):", "    for i in range(1, x.size):"]
    total = " + ".join(f"np.sum(u{k})" for k in range(count))
    return [*made, *loops, *(f"        {s}" for s in steps), f"return {total}"]


def exchanges(count):
    """Fields that are exchanged, one with the next."""
    made = [f"u{k} = x * {k}.5" for k in range(count)]
    pairs = [(f"u{k}", f"u{(k + 1) % count}") for k in range(count)]
    total = " + ".join(f"np.sum({a} * {a})" for a, _ in pairs)
    steps = [f"    {a}, {c} = {c} * b, {a}" for a, c in pairs]
    return [*made, "for t in range(5):", *steps, f"return {total}"]


def breaks(count):
    """A loop that is left in many places."""
    lines = ["z = b", "for t in range(10):"]
    for k in range(count):
        lines += [f"    if z > {1 + 0.01 * k}:", "        break"]
        lines += [f"    z = math.sin(z) + x[t] * {0.1 * k}"]
    return [*lines, "return z"]


def chain(count):
    """One choice of many."""
    lines = ["z = b", "for t in range(10):"]
    for k in range(count):
        lines += [f"    {'el' if k else ''}if z > {count - 0.01 * k}:"]
        lines += [f"        z = math.sin(z) + x[t] * {k}.0"]
    return [*lines, "return z"]


@pytest.mark.parametrize("shape, count", [(fields, 8), (exchanges, 4), (breaks, 8), (chain, 8)])
def test_twice_the_arrays_or_exits_are_twice_the_work(shape, count, tmp_path):
    def work(count):
        path = tmp_path / f"{shape.__name__}_{count}.py"
        body = "".join(f"    {line}\n" for line in shape(count))
        path.write_text(f"import math\nimport numpy as np\n\n\ndef f(x, b):\n{body}")
        scope = {}
        exec(compile(path.read_text(), str(path), "exec"), scope)
        profile = cProfile.Profile()
        profile.runcall(grad(scope["f"], wrt=(0, 1)).source, np.linspace(0.1, 1.0, 20), 1.3)
        return sum(entry.callcount for entry in profile.getstats())

    work(3)  # what is done once in a process
    once, twice = work(count), work(2 * count)
    assert twice < 2.35 * once


def counts(name, number, folder):
    """Of the gradient of a function: its lines, loops and branches, and those of each part."""
    f, args = function_of(name, number, folder), PROGRAMS[name][1]
    text = grad(f, wrt=(0, 1)).source(*args)
    tree = parts(selects(ast.parse(text)))
    found = []
    for function in (n for n in tree.body if isinstance(n, ast.FunctionDef)):
        inner = list(ast.walk(function))
        jumps = sum(isinstance(n, ast.For | ast.While | ast.If | ast.IfExp) for n in inner)
        found.append((sum(isinstance(n, ast.stmt) for n in inner), jumps))
    return text.count("\n"), found


@pytest.mark.parametrize("name", ["scalars", "slices"])
def test_no_function_that_is_compiled_is_long(name, tmp_path):
    """So that the time to compile grows as the number of functions does, and that as the lines."""
    (lines, one), (more_lines, more) = (counts(name, count, tmp_path) for count in (40, 120))
    assert 2.6 * lines < more_lines < 3.3 * lines
    assert len(more) < 3.3 * len(one) + 1
    for statements, jumps in one[:-1] + more[:-1]:
        assert statements < 90
        assert jumps < 30
    assert more[-1][0] < len(more) + 5  # the function itself calls its parts


def test_scalar_code_has_no_branches(tmp_path):
    _, found = counts("scalars", 60, tmp_path)
    assert sum(jumps for _, jumps in found) == 0
