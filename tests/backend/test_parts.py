"""Long functions in parts: every program gives the same derivatives, whatever its parts are."""

import ast

import numpy as np
import pytest

import srcad
from benchmarks.statements import PROGRAMS as LONG
from benchmarks.statements import function_of
from srcad.backend import compile as backend
from srcad.backend import parts as splitting
from srcad.backend.compiler import select
from srcad.backend.parts import parts
from srcad.backend.plain import compile_plain
from srcad.backend.selects import SELECT, selects
from tests import oracles
from tests.programs.load import PROGRAMS
from tests.test_programs import is_vjp, run_gradient, run_pullback, waiting


def few(monkeypatch, size: int) -> None:
    monkeypatch.setattr(splitting, "_LONG", 1)
    monkeypatch.setattr(splitting, "_SIZE", size)


@pytest.mark.parametrize("program", [waiting(p, k) for k, p in enumerate(PROGRAMS[::3])])
def test_the_zoo_in_parts_of_two_statements(program, monkeypatch):
    """As Python, so that a name which a part was not given is an error, not some number."""
    few(monkeypatch, 2)
    key_of = backend.key_of

    def compile_in_parts(text: str, file: str):
        made = ast.unparse(parts(selects(ast.parse(text))))
        return compile_plain(f"from srcad.backend.compiler import select as {SELECT}\n{made}", file)

    monkeypatch.setattr(backend, "compile_plain", compile_in_parts)
    monkeypatch.setattr(backend, "key_of", lambda *about: f"parts{key_of(*about)}")
    (run_pullback if is_vjp(program) else run_gradient)(program, jit=False)


@pytest.mark.parametrize(("name", "count"), [("scalars", 60), ("slices", 12)])
def test_a_long_function_compiled(name, count, tmp_path):
    f, args = function_of(name, count, tmp_path), LONG[name][1]
    gradient = srcad.grad(f, wrt=(0, 1), cache=False)
    tree = parts(ast.parse(gradient.source(*args)))
    assert sum(isinstance(n, ast.FunctionDef) for n in tree.body) > 3
    for found, k in zip(gradient(*args), (0, 1), strict=True):
        expected = oracles.ORACLES["complex"](f, args, k, {})
        assert oracles.mismatch(found, expected, 1e-11) is None


def test_an_error_in_a_part_is_that_of_the_function(monkeypatch):
    few(monkeypatch, 1)

    def f(x, n):
        y = x * x
        z = y * x
        if n > 2:
            raise ValueError("too many")
        return z * y

    gradient = srcad.grad(f, cache=False)
    assert gradient(2.0, 1) == 80.0
    with pytest.raises(ValueError, match="too many"):
        gradient(2.0, 3)
    assert gradient(1.0, 1) == 5.0


BEFORE = """
def f(x, n):
    a = x[0] * 2.0
    b = a * a
    for i in range(n):
        a += x[i]
        c = a
    if n > 3:
        b = c
    return a + b
"""
AFTER = """
def f_part_1(x):
    a = x[0] * 2.0
    b = a * a
    return (a, b)

def f_part_2(a, n, x):
    for i in range(n):
        a += x[i]
        c = a
    return (a, c)

def f_part_3(b, c, n):
    if n > 3:
        b = c
    return b

def f(x, n):
    a, b = f_part_1(x)
    a, c = f_part_2(a, n, x)
    b = f_part_3(b, c, n)
    return a + b
"""


def test_what_a_part_reads_is_given_and_what_is_read_later_returned(monkeypatch):
    few(monkeypatch, 2)
    assert ast.unparse(parts(ast.parse(BEFORE))) == ast.unparse(ast.parse(AFTER))


def test_statements_keep_their_lines(monkeypatch):
    few(monkeypatch, 2)
    divided = parts(ast.parse(BEFORE))
    lines = BEFORE.splitlines()
    for part in divided.body[:-1]:
        for stmt in part.body[:-1]:
            assert lines[stmt.lineno - 1].strip() == ast.unparse(stmt).splitlines()[0]


@pytest.mark.parametrize("line", ["y = [x]", "return x", "for i in prange(3):\n        x += 1.0"])
def test_a_function_stays_whole_where_a_part_cannot(line, monkeypatch):
    few(monkeypatch, 1)
    tree = ast.parse(
        f"def f(x):\n    z = x\n    if z > 1.0:\n        z = x\n    {line}\n    return x"
    )
    assert parts(tree) is tree


def test_a_short_function_stays_whole():
    tree = ast.parse(BEFORE)
    assert parts(tree) is tree


# ---------------------------------------------------------------- conditional expressions


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y = a / x if a != 0.0 else 0.0", f"y = {SELECT}(a != 0.0, a / x, 0.0)"),
        ("y = -(v * s if s != 0.0 else 0.0)", f"y = -{SELECT}(s != 0.0, v * s, 0.0)"),
        ("y = x[i] if i < n else 0.0", None),
        ("y = i // n if n != 0 else 0", None),
        ("y = math.exp(x) if x < 0.0 else 1.0", None),
        ("y = x ** 7.5 if x > 0.0 else 0.0", None),
        ("y = a * b * c * d * e * f if a != 0.0 else 0.0", None),
    ],
)
def test_both_sides_are_evaluated_where_that_cannot_raise(before, after):
    expected = ast.unparse(ast.parse(after or before))
    assert ast.unparse(selects(ast.parse(before))) == expected


def test_select_in_compiled_code():
    from numba import njit

    @njit(error_model="numpy")
    def f(x, y, k):
        return select(x != 0.0, y / x, 0.0), select(k > 0, k, 1.5), select(k > 0, True, False)

    assert f(2.0, 3.0, 2) == (1.5, 2.0, True)
    assert f(0.0, np.inf, -1) == (0.0, 1.5, False)


RECURSIVE = """
def f(x, n):
    y = x
    if n > 0:
        y = g(x, n - 1)
    z = y * x
    return z

def g(x, n):
    y = f(x, n) * 0.5
    z = y + x
    return z

def h(x, n):
    y = f(x, n)
    z = y * y
    return z
"""


def test_functions_that_call_themselves_stay_whole(monkeypatch):
    few(monkeypatch, 1)
    made = [n.name for n in parts(ast.parse(RECURSIVE)).body if isinstance(n, ast.FunctionDef)]
    assert made == ["f", "g", "h_part_1", "h_part_2", "h"]
