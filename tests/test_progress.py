"""Steps of long runs: counted, shown, and interrupted between them."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import srcad
from srcad.backend import progress
from srcad.errors import ArgumentError, UnsupportedError
from srcad.plan import extra_steps

START = np.full(30, 0.2), np.sin(np.arange(30.0))


def wave(c, u0, n):
    u, v = u0.copy(), u0.copy()
    for _ in srcad.checkpoint(range(n), snapshots=3):
        for i in range(1, u.size - 1):
            v[i] = 2.0 * u[i] - v[i] + c[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
    return u[5] ** 2 + np.sum(v)


def stored(c, u0, n):
    u = u0.copy()
    for _ in range(n):
        for i in range(1, u.size):
            u[i] = np.sin(u[i] * c[i] + u[i - 1])
    return np.sum(u)


def until(c, u0, n):
    u, k = u0.copy(), 0
    while srcad.checkpoint(k < n and u[1] > -9.0, snapshots=4):
        for i in range(1, u.size):
            u[i] = np.sin(u[i] * c[i] + u[i - 1])
        k += 1
    return np.sum(u)


def linear(c, u0, n):
    """Nothing is kept, yet it may take long."""
    s = 0.0
    for _ in range(n):
        for i in range(u0.size):
            s += 0.5 * u0[i]
    return s


@pytest.fixture
def shown(capsys):
    """Says what has been written to the terminal."""
    pytest.importorskip("numba_progress")
    return lambda: capsys.readouterr().err


@pytest.mark.parametrize("jit", [False, True])
def test_steps_are_those_of_the_plan(jit, shown):
    derivative = srcad.grad(wave, jit=jit, progress=True)
    for n in (0, 1, 5, 40):
        found = derivative(*START, n)
        stats = derivative.stats
        steps = stats.forward_steps, stats.extra_steps, stats.reversed_steps
        assert steps == (n, extra_steps(n, 3), n)
        assert derivative.plan(*START, n).steps == sum(steps)
        assert f"{sum(steps)}/{sum(steps)}" in shown() or n == 0
        assert np.array_equal(found, srcad.grad(wave, jit=jit)(*START, n))


def test_without_snapshots_it_is_the_loops_with_tapes(shown):
    derivative = srcad.grad(stored, wrt=(0, 1), jit=False, progress=True)
    derivative(*START, 12)
    stats = derivative.stats
    assert (stats.forward_steps, stats.extra_steps, stats.reversed_steps) == (12, 0, 12)
    assert "24/24" in shown()
    assert "goes_on" not in srcad.grad(stored, jit=False).source(*START, 3)


def test_a_loop_of_unknown_length_has_no_total(shown):
    derivative = srcad.grad(until, jit=False, progress=True)
    derivative(*START, 12)
    stats = derivative.stats
    assert (stats.forward_steps, stats.reversed_steps) == (12, 12)
    total = sum((stats.forward_steps, stats.extra_steps, stats.reversed_steps))
    assert derivative.plan(*START, 12).steps is None
    assert f"{total}.0 steps" in shown()


def test_where_nothing_is_kept_it_is_loops_around_loops(shown):
    derivative = srcad.value_and_grad(linear, wrt=1, jit=False, progress=True)
    value, gradient = derivative(*START, 6)
    assert np.allclose(gradient, 3.0)
    assert value == pytest.approx(3.0 * np.sum(START[1]))
    assert derivative.stats.forward_steps == 6


def test_a_pullback_and_a_limited_memory_show_steps(shown):
    _, pullback = srcad.vjp(stored, *START, 30, jit=False, progress=True, memory=4000)
    pullback(1.0)
    assert "stored_vjp" in shown()
    assert "next_snapshot" in pullback._variant.latest.program.text


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match="numba-progress") as caught:
        srcad.grad(wave, progress=True)
    assert "pip install 'srcad[progress]'" in str(caught.value)


def test_no_function_may_call_what_shows_steps():
    pytest.importorskip("numba_progress")
    shows = srcad.grad(wave, progress=True)
    with pytest.raises(UnsupportedError, match="progress=True"):
        srcad.grad(lambda c, u: np.sum(shows(c, u, 3)), jit=False)(*START)
    with pytest.raises(ArgumentError, match="progress is an option of grad"):
        srcad.jacobian(wave, progress=True)


# ---------------------------------------------------------------- Ctrl-C

INTERRUPTED = """
    import os, signal, sys, threading
    import numpy as np
    import srcad

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

    def chain(x, u, n):
        for _ in srcad.checkpoint(range(n), snapshots=5):
            x = np.sin(x + u[0])
        return x * u[1]

    derivative = srcad.value_and_grad(chain, wrt=(0, 1))
    u = np.array([0.5, 2.0])
    expected = derivative(0.1, u, 1000)
    {before}
    for _ in range(3):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            derivative(0.1, u, 10**{digits})
            print("returned")
        except KeyboardInterrupt:
            print("interrupted", 0 < derivative.stats.forward_steps < 10**{digits})
        value, (x_b, u_b) = derivative(0.1, u, 1000)
        print(value == expected[0], x_b == expected[1][0], np.array_equal(u_b, expected[1][1]))
        print(np.array_equal(u, [0.5, 2.0]), signal.set_wakeup_fd(-1))
    {after}
"""


def run(tmp_path, before="", after="", digits=10):
    """What a program prints that signals itself; its loop would run for minutes."""
    script = tmp_path / "interrupted.py"
    text = textwrap.dedent(INTERRUPTED).format(before=before, after=after, digits=digits)
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process on Windows")
def test_an_interrupted_run_leaves_everything_as_it_was(tmp_path):
    assert run(tmp_path) == ["interrupted True", "True True True", "True -1"] * 3


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process on Windows")
def test_a_handler_of_the_users_own_is_run_after_the_call(tmp_path):
    lines = run(
        tmp_path,
        "seen = []; signal.signal(signal.SIGINT, lambda *_: seen.append(1))",
        "import time; time.sleep(0.5); print(len(seen))",
        digits=6,
    )
    assert lines == ["returned", "True True True", "True -1"] * 3 + ["3"]


def test_other_threads_just_run():
    found = []
    thread = threading.Thread(target=lambda: found.append(srcad.grad(wave)(*START, 20)))
    thread.start()
    thread.join()
    assert np.array_equal(found[0], srcad.grad(wave)(*START, 20))
    assert signal.set_wakeup_fd(-1) == -1
