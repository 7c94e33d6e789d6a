"""New arrays are told apart when their module is compiled, and stay the arrays that they are."""

import numpy as np
import pytest
from numba import njit

import srcad
from srcad.backend.fresh import with_fresh_arrays
from srcad.runtime import fresh, tape

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
    marked, name = with_fresh_arrays(text)
    assert name == "fresh"
    assert marked.split("\n") == [
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
    _, mark = with_fresh_arrays(f"def f(fresh):\n    {name} = np.zeros(3)\n    return {name}\n")
    assert mark not in ("fresh", name)


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
    assert "fresh(np.zeros_like(x))" in path.read_text()
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
