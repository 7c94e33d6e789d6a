"""``parallel=True`` compiled: the numbers of one thread, always the same, and its exceptions.

Four threads, whatever the machine has, run in a process of their own; the number is fixed when
Numba starts. Loops are divided however little there is to do.
"""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from srcad import grad
from tests.passes.test_parallel import PROGRAMS, eager, pointwise, stencil  # noqa: F401

REPEATS = 20


def in_four_threads(program):
    """The output of a program, in a process with four threads."""
    start = """
        import numba, numpy as np, pytest
        import srcad
        from srcad.analysis import work
        from tests.passes.test_parallel import PROGRAMS, U, X, looked_up, stencil
        work._GRAIN = work._ENOUGH = 1
        work._LONG = 2

        def leaves(found):
            return found if isinstance(found, tuple) else (found,)
    """
    text = textwrap.dedent(start) + textwrap.dedent(program)
    env = os.environ | {"NUMBA_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", text], env=env, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


REPEATED = f"""
    for name in NAMES:
        f, args, wrt, _ = PROGRAMS[name]
        given = [np.copy(a) for a in args]
        serial = srcad.grad(f, wrt=wrt)(*args)
        threads = srcad.grad(f, wrt=wrt, parallel=True)
        first = threads(*args)
        for k in range({REPEATS}):
            numba.set_num_threads(1 + k % 4)
            again = threads(*args)
            for a, b, c in zip(leaves(first), leaves(again), leaves(serial)):
                np.testing.assert_array_equal(a, b)
                np.testing.assert_allclose(a, c, rtol=1e-12)
        numba.set_num_threads(4)
        for a, b in zip(args, given):
            np.testing.assert_array_equal(a, b)
        print(name)
"""


def test_the_same_numbers_every_time():
    """Also with fewer threads: in what order is added depends on the sizes only."""
    names = ["stencil", "scratch", "newton"]
    assert in_four_threads(f"NAMES = {names}" + textwrap.dedent(REPEATED)) == names


@pytest.mark.slow
def test_the_same_numbers_every_time_in_all_programs():
    names = sorted(PROGRAMS)
    assert in_four_threads(f"NAMES = {names}" + textwrap.dedent(REPEATED)) == names


def test_exceptions_and_calls_from_threads():
    program = """
        from concurrent.futures import ThreadPoolExecutor

        gradient = srcad.grad(looked_up, parallel=True)
        at = np.zeros(len(U), int)
        for place in (5, 16):
            at[place] = 99
            with pytest.raises(IndexError, match="at"):
                gradient(U, at, X)
            at[place] = 0
            np.testing.assert_allclose(gradient(U, at, X), 2.0 * U * X[0])
        print("raised")

        gradient, expected = srcad.grad(stencil, parallel=True), srcad.grad(stencil)(U, 0.7)
        gradient(U, 0.7)
        if numba.threading_layer() != "workqueue":
            with ThreadPoolExecutor(3) as pool:
                for found in pool.map(lambda _: gradient(U, 0.7), range(30)):
                    np.testing.assert_allclose(found, expected, rtol=1e-12)
        print("called")
    """
    assert in_four_threads(program) == ["raised", "called"]


@pytest.mark.usefixtures("eager")
def test_ejected(tmp_path):
    u = np.random.default_rng(5).random((12, 7))
    derivative = grad(stencil, wrt=(0, 1), parallel=True)
    path = derivative.eject(tmp_path / "ejected.py", u, 0.7)
    space: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    assert "prange" in path.read_text()
    serial = grad(stencil, (0, 1))(u, 0.7)
    for found, expected in zip(space["stencil_grad"](u, 0.7), serial, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_small_calls_run_in_one_thread():
    """What is divided at all depends on the sizes: the serial function is called as it is."""
    x = np.linspace(0.1, 0.9, 9)
    np.testing.assert_array_equal(grad(pointwise, parallel=True)(x), grad(pointwise)(x))
