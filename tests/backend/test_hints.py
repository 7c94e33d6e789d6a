"""What compiled code is told: new arrays are apart, counters are not negative; values stay."""

import ast

import numpy as np
import pytest
from numba import njit

import srcad
from srcad.backend.hints import hinted
from srcad.runtime.hints import fresh
from srcad.runtime.tapes import tape

POOL = np.zeros(1 << 12, np.uint8), np.zeros(8, np.int64)


def test_every_way_to_make_an_array_is_marked():
    text = (
        "def f(x, pool):\n"
        "    a = np.zeros((2, 3))\n"
        "    b = tape(pool, 6, np.float64).reshape((2, 3))\n"
        "    c = x.copy()\n"
        "    d = c\n"
        "    # é: a = np.empty(3)\n"
        "    e, f = a.reshape(6), np.dot(a, b)\n"
        "    return a.shape[0] * x.sum()\n"
    )
    found = hinted(text)
    assert found.names["fresh"] == "fresh"
    assert found.text.split("\n") == [
        "def f(x, pool):",
        "    a = fresh(np.zeros((2, 3)))",
        "    b = fresh(tape(pool, 6, np.float64).reshape((2, 3)))",
        "    c = fresh(x.copy())",
        "    d = c",
        "    # é: a = np.empty(3)",
        "    e, f = a.reshape(6), np.dot(a, b)",
        "    return a.shape[0] * x.sum()",
        "",
    ]


@pytest.mark.parametrize("name", ["fresh", "fresh_"])
def test_the_mark_is_no_name_of_the_program(name):
    text = f"def f(fresh):\n    {name} = np.zeros(3)\n    return {name}\n"
    assert hinted(text).names["fresh"] not in ("fresh", name)


def test_counters_of_rows_that_are_taken_together():
    text = (
        "def f(n, m):\n"
        "    for i in range(0, rest, 4):\n"
        "        for j in range(1, m):\n"
        "            # a comment\n"
        "            a[i, j] = 0.0\n"
        "    for i in range(rest, n):\n"
        "        for j in range(m - 1, 0, -1):\n"
        "            a[i, j] = 0.0\n"
        "    for i in range(n):\n"
        "        for j in range(m):\n"
        "            a[i, j] = 0.0\n"
        "        for k in range(0, n, 64):\n"
        "            for j in range(-1, m):\n"
        "                b[k] = a[i, j]\n"
    )
    found = hinted(text)
    said = [line.strip() for line in found.text.split("\n") if "at_least" in line]
    assert said == ["at_least(i, 0)", "at_least(j, 1)", "at_least(j, 1)"]
    plain = [line for line in found.text.split("\n") if "at_least" not in line]
    assert "\n".join(plain) == text


def test_tapes_are_told_where_loops_over_their_rows_start():
    text = (
        "def f(x, n, pool):\n"
        "    a = tape(pool, 9 * n, np.float64).reshape((9, n))\n"
        "    b = tape(pool, n, np.float64)\n"
        "    c = tape(pool, n, np.float64)\n"
        "    d = tape(pool, n, np.float64)\n"
        "    e = np.zeros(n)\n"
        "    for i in range(n):\n"
        "        a[0, i] = b[i] + d[n - i]\n"
        "    for t in range(8):\n"
        "        y = a[t + 1]\n"
        "        for i in range(1, n - 1):\n"
        "            y[i] = a[t, i] + a[t, i + 1] + a[t, i - 1] + b[i - 1] + c[2 + i] + e[i]\n"
        "        for i in range(n - 1, 0, -1):\n"
        "            c[i] = d[i]\n"
        "        for i in range(1, n, 2):\n"
        "            c[i] = d[i]\n"
        "        for i in range(t, n):\n"
        "            c[i] = c[t] + c[i + 3]\n"
    )
    found = [line.strip() for line in hinted(text).text.split("\n") if "fresh" in line]
    assert found == [
        "a = fresh(tape(pool, 9 * n, np.float64, 1).reshape((9, n)))",
        *(f"{name} = fresh(tape(pool, n, np.float64))" for name in "bcd"),
        "e = fresh(np.zeros(n))",
    ]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.bool_])
def test_the_element_of_a_tape_that_starts_a_cache_line(compiled, dtype):
    def addresses(pool):
        first = tape(pool, 5, np.bool_)
        taken = tape(pool, 20, dtype, 3)
        following = tape(pool, 4, dtype, 1)
        first[:] = True
        taken[:] = 0
        following[:] = 1
        return first.all(), taken[3:].ctypes.data, following[1:].ctypes.data, taken, following

    run = njit(addresses) if compiled else addresses
    memory = np.zeros((1 << 10) + 64, np.uint8)
    start = -memory.ctypes.data % 64
    pool = memory[start : start + (1 << 10)], np.zeros(8, np.int64)
    kept, third, second, taken, following = run(pool)
    assert kept and third % 64 == second % 64 == 0
    assert not taken.any() and following.all()
    assert pool[1][1] == 0  # nothing was fresh memory
    end = following.ctypes.data + following.nbytes - pool[0].ctypes.data
    assert pool[1][0] == -(-end // 64) * 64


def test_rows_that_begin_at_a_number_read_from_an_array():
    """Two loops, and only where counting from the end would be asked for in each iteration."""
    text = (
        "def f(x, at, n, low):\n"
        "    for i in range(n):\n"
        "        start = at[i]\n"
        "        for k in range(start, n):\n"
        "            x[k] = 0.0\n"
        "        for k in range(low, n):\n"
        "            x[k] = 0.0\n"
        "        for k in range(start, n):\n"
        "            x[i] += k\n"
        "        for k in range(n - 1, start - 1, -1):\n"
        "            x[k] = 1.0\n"
    )
    found = hinted(text)
    assert found.text.split("\n")[3:9] == [
        "        if 0 <= start:",
        "            for k in range(start, n):",
        "                at_least(k, 0)",
        "                x[k] = 0.0",
        "        else:",
        "            for k in range(start, n):",
    ]
    assert found.text.count("if 0 <= start:") == 2 and "at_least(k, 0)" in found.text
    assert found.lines[3:10] == [4, 4, 4, 5, 4, 4, 5]


def test_hints_are_at_the_lines_of_the_program():
    text = "def f(n):\n    for i in range(0, n, 4):\n        for j in range(n):\n            g(i)\n    for i in range(n, m):\n        h(i)\n"
    tree = hinted(text).tree()
    (call,) = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n) == "g(i)"]
    assert call.lineno == 4


def test_negative_numbers_stay_what_they_are():
    """A hint says of one counter what it is: indices that are negative count from the end."""

    def f(x, n):
        s = 0.0
        for i in range(-2, n, 2):
            for j in range(0, n, 2):
                s += x[i] * x[j] * x[j - n]
        return s

    x = np.array([1.0, 2.0, 3.0, 4.0])
    g = srcad.grad(f)
    for n in (0, 1, 4):
        expected = srcad.grad(f, jit=False)(x, n)
        np.testing.assert_allclose(g(x, n), expected, rtol=1e-14)
    ends = [f(x + 1e-6 * e, 4) - f(x - 1e-6 * e, 4) for e in np.eye(4)]
    np.testing.assert_allclose(g(x, 4), np.array(ends) / 2e-6, rtol=1e-8)


def test_names_of_the_user_stay():
    def f(x):
        fresh = np.zeros(3)
        for i in range(3):
            fresh[i] = x[i] * x[i]
        return np.sum(fresh)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(srcad.grad(f)(x), 2.0 * x)


def test_an_ejected_module_tells_them_apart_too(tmp_path):
    def f(x):
        y = x * x
        return np.sum(y * x)

    x = np.array([1.0, 2.0, 3.0])
    path = srcad.grad(f).eject(tmp_path / "made.py", x)
    assert "fresh(np.empty_like(x))" in path.read_text()
    assert "fresh" not in srcad.grad(f).source(x)


@pytest.mark.parametrize("marked", [False, True])
def test_loops_do_not_ask_whether_new_arrays_overlap(marked):
    mark = fresh if marked else njit(lambda array: array)

    @njit(error_model="numpy")
    def run(a, n, pool):
        b = mark(np.zeros(n))
        c = mark(np.zeros(n))
        d = mark(tape(pool, n, np.float64))
        for i in range(n):
            d[i] = b[i] + a[i]
            c[i] += d[i]
            b[i] = c[i] * d[i]
        return b

    a = np.arange(50.0)
    np.testing.assert_array_equal(run(a, 50, POOL), a * a)
    (made,) = run.inspect_llvm().values()
    assert ("vector.memcheck" in made) is not marked
    assert "vector.body" in made


def test_memory_that_is_freed_and_given_out_again():
    """Each array takes the memory of the one before it, whose elements were read until then."""

    @njit(error_model="numpy")
    def total(n):
        s = 0.0
        for k in range(n):
            a = fresh(np.empty(4))
            for i in range(4):
                a[i] = k + i
            b = a[3] * a[1]
            a = fresh(np.zeros(4))
            a[2] = b
            s += a[0] + a[2]
        return s

    assert total(100) == sum((k + 3.0) * (k + 1.0) for k in range(100))


def test_numbers_pass():
    @njit
    def twice(x):
        return fresh(np.dot(x, x)) + fresh(1.5)

    assert twice(np.ones(3)) == 4.5
    assert fresh(2.0) == 2.0


def test_arrays_that_are_written_by_number_are_not_marked():
    stores = "".join(f"    a[{k}] = 1.0\n    b[0, {k}] = 2.0\n" for k in range(4))
    text = f"def f():\n    a = np.empty(4)\n    b = np.empty((1, 4))\n{stores}    return a, b\n"
    found = hinted(text).text
    assert "a = np.empty(4)" in found
    assert "b = fresh(np.empty((1, 4)))" in found
