"""Gradients within a given memory: the same gradients, and no more memory than that."""

import tracemalloc

import numba
import numpy as np
import pytest

import srcad
from srcad import specialise
from srcad.budget import Room, split
from srcad.errors import ArgumentError, ArgumentValueError, TapeMemoryError, UnsupportedError
from srcad.plan import extra_steps
from tests import oracles
from tests.programs.load import PROGRAMS
from tests.test_programs import active, is_vjp, plain

OBJECTS = 6000
"""What Python's own objects take beside the arrays, where the generated code runs in Python."""


def heat(u0, c, n):
    u = u0.copy()
    new = u0.copy()
    for _ in range(n):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                near = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
                new[i, j] = u[i, j] + c[i, j] * (near - 4.0 * u[i, j]) * u[i, j]
        u, new = new, u
    return np.sum(u * u)


def wave(u0, c, n):
    u, v = u0.copy(), u0.copy()
    heard = np.zeros(n)
    for t in range(n):
        for i in range(1, u.size - 1):
            v[i] = 2.0 * u[i] - v[i] + c[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
        heard[t] = u[3] ** 2
    return np.sum(heard)


def slope(u, c):
    return np.sin(u) * c


def runge_kutta(u0, c, n):
    u, h = u0, 0.01
    for _ in range(n):
        k1 = slope(u, c)
        k2 = slope(u + 0.5 * h * k1, c)
        k3 = slope(u + 0.5 * h * k2, c)
        k4 = slope(u + h * k3, c)
        u = u + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return np.sum(u * u)


def two_loops(u0, c, n):
    u = u0.copy()
    for _ in range(n):
        for i in range(1, u.size):
            u[i] = np.sin(u[i] * c[i] + u[i - 1])
    s = 0.0
    for _ in range(n):
        s = np.sin(s + u[2])
    for _ in range(n):
        for i in range(1, u.size):
            u[i] = np.cos(u[i] * c[i] + s)
    return np.sum(u)


def windows(u0, c, n):
    """A few long runs: one of them takes most of the memory."""
    u = u0.copy()
    for k in range(3):
        for _ in range(n):
            for i in range(1, u.size):
                u[i] = np.sin(u[i] * c[i] + u[i - 1])
        u[0] *= 0.9
    return np.sum(u)


def given_by_a_time(u0, c, end):
    u = u0.copy()
    for _ in range(int(end / 0.01)):
        for i in range(1, u.size):
            u[i] = np.sin(u[i] * c[i] + u[i - 1])
    return np.sum(u)


def until_small(u0, c, n):
    u = u0.copy()
    k = 0
    while k < n and np.sum(u * u) > 1e-9:
        u = u * (1.0 - 0.3 * c * np.cos(u))
        k += 1
    return np.sum(u * u)


def draws(u0, c, n):
    u = u0.copy()
    for _ in range(n):
        for i in range(1, u.size):
            u[i] = np.sin(u[i] * c[i] + u[i - 1]) + np.random.normal()
    return np.sum(u)


LINE = np.linspace(0.2, 0.9, 100), np.linspace(0.1, 0.3, 100)
PLANE = LINE[0].reshape(10, 10), LINE[1].reshape(10, 10)
RUNS = [
    pytest.param(heat, (*PLANE, 30), id="heat"),
    pytest.param(wave, (*LINE, 30), id="wave"),
    pytest.param(runge_kutta, (*LINE, 80), id="runge_kutta", marks=pytest.mark.slow),
    pytest.param(two_loops, (*LINE, 20), id="two_loops"),
    pytest.param(given_by_a_time, (*LINE, 0.2), id="given_by_a_time"),
    pytest.param(until_small, (*LINE, 20), id="until_small"),
    pytest.param(windows, (*LINE, 20), id="windows"),
]


def measured(function, *args):
    """What a call returns, and the most memory that it has above what was there before it."""
    srcad.release_memory()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = function(*args)
        return result, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def the_same(found, expected):
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def nearly_the_same(found, expected):
    """Up to rounding: a stencil may be gathered in one of the two programs only."""
    return all(
        np.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize(("function", "args"), RUNS)
def test_a_call_takes_no_more_than_it_may(function, args):
    """All memory is NumPy's where the generated code runs in Python, and all of it is counted."""
    everything = srcad.grad(function, wrt=(0, 1), jit=False)
    expected = everything(*args)
    _, most = measured(everything, *args)
    for part in (0.5,):
        memory = int(most * part)
        derivative = srcad.grad(function, wrt=(0, 1), jit=False, memory=memory)
        derivative(*args)
        found, peak = measured(derivative, *args)
        assert nearly_the_same(found, expected)
        assert peak <= memory + OBJECTS
        plan = derivative.plan(*args)
        assert plan.memory_bytes <= memory == plan.budget
        assert any(row.is_marked for row in plan.rows)
        assert derivative.stats.tape_bytes <= plan.tape_bytes


@pytest.mark.parametrize(("function", "args"), RUNS[:2])
def test_compiled_gradients_are_the_same(function, args):
    expected = srcad.grad(function, wrt=(0, 1))(*args)
    for memory in ("40kB", "20 kB"):
        derivative = srcad.grad(function, wrt=(0, 1), memory=memory)
        assert nearly_the_same(derivative(*args), expected)
        assert derivative.stats.tape_bytes == derivative.plan(*args).tape_bytes


def test_what_fits_is_run_as_it_is():
    args = (*LINE, 20)
    everything = srcad.value_and_grad(wave, wrt=(0, 1), jit=False)
    within = srcad.value_and_grad(wave, wrt=(0, 1), jit=False, memory="1GB")
    value, gradient = within(*args)
    assert within.source() == everything.source(*args) == within.source(*args)
    assert value == everything(*args)[0]
    assert the_same(gradient, everything(*args)[1])


def test_the_same_program_serves_all_sizes(monkeypatch):
    written = []
    program = specialise.Variants._program
    monkeypatch.setattr(
        specialise.Variants,
        "_program",
        lambda self, *given: written.append(given[2]) or program(self, *given),
    )
    derivative = srcad.grad(wave, wrt=(0, 1), jit=False, memory=14_000)
    expected = srcad.grad(wave, wrt=(0, 1), jit=False)
    for n in (3, 20, 21, 30, 20, 3):
        assert nearly_the_same(derivative(*LINE, n), expected(*LINE, n))
    within = [marks for marks in written if marks]
    assert len(within) == 1


def test_only_the_loops_with_long_tapes_get_snapshots():
    rows = srcad.grad(two_loops, jit=False, memory=20_000).plan(*LINE, 20).rows
    marked = [row.at.line for row in rows if row.is_marked]
    stored = [row.bytes for row in rows if not row.is_marked]
    assert len(marked) in (1, 2)
    assert min(stored) >= 20 * 8
    assert all(row.snapshots > 1 for row in rows if row.is_marked)


def test_a_pullback_may_have_a_limit():
    out, pullback = srcad.vjp(wave, *LINE, 20, jit=False)
    few, within = srcad.vjp(wave, *LINE, 20, jit=False, memory=14_000)
    assert few == out
    assert nearly_the_same(within(1.0)[:2], pullback(1.0)[:2])
    assert "next_snapshot" in within._variant.latest.program.text


def named_memory(x, memory):
    return x * x * memory


def test_a_parameter_of_that_name_is_one():
    assert srcad.vjp(named_memory, 3.0, memory=2.0, jit=False)[1](1.0) == (12.0,)


# ---------------------------------------------------------------- too little


def test_too_little_memory_is_refused_before_the_run():
    derivative = srcad.grad(wave, wrt=(0, 1), jit=False, memory="5kB")
    with pytest.raises(TapeMemoryError) as caught:
        derivative(*LINE, 30)
    text = str(caught.value)
    assert "memory=5 kB is too little for wave_grad" in text
    assert "states of 1.61 kB, two at least" in text  # two vectors of 100, and a number
    assert "for t in range(n):" in text
    needed = text.split('memory="')[1].split('"')[0]
    found = srcad.grad(wave, wrt=(0, 1), jit=False, memory=needed)(*LINE, 30)
    assert nearly_the_same(found, srcad.grad(wave, wrt=(0, 1), jit=False)(*LINE, 30))


def test_it_is_said_why_a_loop_has_no_snapshots():
    with pytest.raises(TapeMemoryError) as caught:
        srcad.grad(draws, wrt=(0, 1), jit=False, memory="10kB")(*LINE, 100)
    assert "792 B an iteration, and it can have no snapshots: random numbers" in str(caught.value)


def test_a_tape_of_unknown_length_is_stopped_at_the_limit():
    def unknown(u0, c, n):
        u = u0.copy()
        while np.sum(u * u) > 1e-3:
            for i in range(1, u.size):
                u[i] = u[i] * (1.0 - 0.01 * c[i]) + 1e-9 * np.random.normal() * u[i] * u[i]
            u[0] *= 0.99
        return np.sum(u * u)

    with pytest.raises(TapeMemoryError, match=r"10 kB(.|\n)*a larger memory="):
        srcad.grad(unknown, wrt=(0, 1), jit=False, memory="10kB")(*LINE, 0)


@pytest.mark.parametrize("given", [-1, 0, "lots", "-3MB"])
def test_amounts_that_are_none(given):
    with pytest.raises(ArgumentValueError):
        srcad.grad(wave, memory=given)


@pytest.mark.parametrize("given", [1.5, True, [1]])
def test_what_is_no_amount(given):
    with pytest.raises(ArgumentError, match="memory"):
        srcad.grad(wave, memory=given)


def test_it_is_an_option_of_what_is_reversed():
    for take in (srcad.jacobian, srcad.hessian, srcad.batch):
        with pytest.raises(ArgumentError, match="memory is an option of grad"):
            take(wave, memory="1GB")
    with pytest.raises(ArgumentError, match="memory is an option of grad"):
        srcad.jvp(wave, (*LINE, 3), (*LINE, None), memory="1GB")


limited = srcad.grad(wave, memory="1GB")


def uses_it(u0, c, n):
    return np.sum(limited(u0, c, n))


def test_no_function_may_call_it():
    """How the memory is divided is decided where the sizes are known: in a call from Python."""
    with pytest.raises(UnsupportedError, match="memory="):
        srcad.grad(uses_it, jit=False)(*LINE, 3)
    with pytest.raises((UnsupportedError, numba.core.errors.TypingError), match="memory="):
        numba.njit(lambda u, c: limited(u, c, 3))(*LINE)


# ---------------------------------------------------------------- how it is divided


def test_a_loop_gets_all_snapshots_that_fit():
    for trips, state, free in ((1000, 80, 4000), (1000, 80, 79_999), (10, 1000, 5500)):
        room = Room(trips, state, 1.0)
        (amount,) = split([room], free)
        assert room.size(amount) <= free
        assert amount + 1 >= trips or room.size(amount + 1) > free


def test_the_longer_loop_gets_more():
    long, short = split([Room(100_000, 80, 1.0), Room(100, 80, 1.0)], 80_000)
    assert (
        extra_steps(100_000, long) + extra_steps(100, short)
        <= min(extra_steps(100_000, k) + extra_steps(100, 998 - k) for k in range(1, 998, 7)) * 1.05
    )


FEW = [
    pytest.param(p, id=p.name, marks=() if p.theme == "views_swaps" else pytest.mark.slow)
    for p in PROGRAMS
    if not (p.heavy or p.waits or is_vjp(p))
]


@pytest.mark.parametrize("program", FEW)
def test_programs_in_less_memory(program):
    args = program.samples[0]()
    wrt, kwargs = active(program, args), program.kwargs
    everything = srcad.grad(plain(program), wrt=wrt, jit=False)
    expected = everything(*args, **kwargs)
    most = everything.plan(*args, **kwargs).memory_bytes
    for part in (0.8, 0.5):
        derivative = srcad.grad(plain(program), wrt=wrt, jit=False, memory=max(1, int(most * part)))
        try:
            found = derivative(*program.samples[0](), **kwargs)
        except TapeMemoryError:
            continue
        except ValueError as error:
            assert "keep its shape" in str(error)
            continue
        for one, two in zip(oracles.leaves(found), oracles.leaves(expected), strict=True):
            assert oracles.mismatch(one, two, 1e-12) is None
