"""What a call keeps: told before the run, counted after it, refused where memory is too short."""

import numpy as np
import pytest

import srcad
from srcad import config
from srcad.backend import pool
from srcad.errors import TapeMemoryError
from srcad.plan import extra_steps
from tests.programs.load import PROGRAMS
from tests.test_checkpointing import in_place, runs, until_small, wave
from tests.test_programs import active, is_vjp, plain

CELLS = 64
STATE = 2 * CELLS * 8 + 8
"""Bytes: two arrays of floats, and the number of the iteration."""


def stored(u0, n):
    u = u0.copy()
    for _ in range(n):
        for i in range(1, u.size):
            u[i] = 0.9 * u[i - 1] * u[i]
    return np.sum(u)


def until(x, n):
    s = 0.0
    while n > 0:
        s = np.sin(s) + x
        n -= 1
    return s


def twice_as_long(u, n):
    k = 0
    for x in u:
        k += int(x > 0.0)
    s = 0.0
    for _ in range(k * n):
        s = np.sin(s + u[0])
    return s


@pytest.fixture
def start():
    return np.full(CELLS, 0.2), np.sin(np.arange(float(CELLS)))


@pytest.fixture
def free(monkeypatch):
    """Says how many bytes are free; 0: nobody knows."""

    def says(size):
        monkeypatch.setattr(pool, "free_memory", lambda: size)
        srcad.release_memory()

    yield says
    srcad.release_memory()


def test_the_plan_of_a_loop_with_snapshots_is_what_one_counts_by_hand(start):
    derivative = srcad.grad(wave, jit=False)
    plan = derivative.plan(*start, 100, 7)
    assert derivative.stats.tape_bytes == 0  # nothing has run
    (loop,) = plan.rows
    assert loop.at.text.strip().startswith("for _ in srcad.checkpoint(range(n)")
    assert (loop.trips, loop.snapshots, loop.snapshot_bytes) == (100, 7, STATE)
    assert loop.bytes == 8 * STATE  # one more, that of the last iteration
    assert plan.total_bytes == 8 * STATE  # nothing of an iteration is saved
    assert plan.is_complete
    derivative(*start, 100, 7)
    assert derivative.stats.tape_bytes == plan.total_bytes
    assert derivative.plan(*start, 3, 7).rows[0].trips == 3


def test_the_iterations_run_again_are_as_many_as_predicted():
    for n in (1, 2, 3, 10, 57, 200):
        for c in (1, 2, 5, 20):
            assert extra_steps(n, c) == runs(n, c)[0] - n


def test_the_plan_of_a_loop_that_stores_all(start):
    derivative = srcad.value_and_grad(stored, jit=False)
    plan = derivative.plan(start[1], 1000)
    (row,) = plan.rows
    assert (row.trips, row.snapshots, row.extra_steps) == (1000, None, None)
    assert row.bytes == 1000 * 63 * 8 == plan.total_bytes
    derivative(start[1], 10)
    assert derivative.stats.tape_bytes == 79 * 64  # 10 * 63 * 8 in whole cache lines


@pytest.mark.parametrize(
    ("function", "args"), [(until, (0.1, 40)), (twice_as_long, (np.ones(3), 5))]
)
def test_what_hangs_on_computed_numbers_is_not_known(function, args):
    plan = srcad.grad(function, jit=False).plan(*args)
    assert not plan.is_complete
    assert any(row.bytes is None for row in plan.rows)
    assert "not known" in str(plan)
    assert "and more" in str(plan)


def test_a_loop_of_unknown_length_keeps_what_was_asked_for(start):
    derivative = srcad.grad(until_small, jit=False)
    row = next(r for r in derivative.plan(*start, 50, 4).rows if r.is_marked)
    assert (row.trips, row.snapshots, row.extra_steps) == (None, 4, None)


def test_the_table_has_a_line_for_each_loop(start):
    lines = str(srcad.grad(wave, jit=False).plan(*start, 1_000_000, 99)).splitlines()
    (line,) = [x for x in lines if "1,000,000" in x]
    for cell in ("99", "1.03 kB", f"{extra_steps(1_000_000, 99):,}", "103 kB"):
        assert cell in line
    assert [x for x in lines if x][-1].split()[0] == "total"


FEW = [
    pytest.param(p, id=p.name, marks=() if p.theme == "views_swaps" else pytest.mark.slow)
    for p in PROGRAMS
    if not (p.heavy or p.waits or is_vjp(p))
]


@pytest.mark.parametrize("program", FEW)
def test_a_complete_plan_is_what_the_run_takes(program):
    for make in program.samples:
        args = make()
        derivative = srcad.grad(plain(program), wrt=active(program, args), jit=False)
        plan = derivative.plan(*args, **program.kwargs)
        derivative(*make(), **program.kwargs)
        used = derivative.stats.tape_bytes
        assert (
            plan.tape_bytes == used
            if plan.is_complete
            else plan.is_bound or plan.tape_bytes <= used
        )
        assert not plan.is_bound or plan.tape_bytes >= used


# ---------------------------------------------------------------- too little memory


@pytest.mark.parametrize("jit", [False, True])
def test_a_tape_that_is_longer_than_the_free_memory_is_refused(start, free, jit):
    derivative = srcad.grad(stored, jit=jit)
    u0 = start[1]
    expected = derivative(u0, 20)
    free(5000)
    with pytest.raises(TapeMemoryError, match=r"10\.1 kB.*5 kB of memory are free") as caught:
        derivative(u0, 20)
    assert isinstance(caught.value, MemoryError)
    assert "test_plan.py" in str(caught.value)
    assert "for _ in srcad.checkpoint(range(n), snapshots=20):" in str(caught.value)
    free(20_000)
    assert np.array_equal(derivative(u0, 20), expected)
    free(0)
    assert np.array_equal(derivative(u0, 20), expected)


def test_it_runs_where_that_is_asked_for(start, free, monkeypatch):
    free(5000)
    monkeypatch.setattr(config, "refuse_long_tapes", False)
    assert np.all(np.isfinite(srcad.grad(stored, jit=False)(start[1], 20)))


def test_no_page_of_it_is_touched(start):
    """Twice the memory that this machine has free: filling it would end the process."""
    if not pool.free_memory():
        pytest.skip("nobody knows how much memory is free")
    srcad.release_memory()
    trips = 2 * pool.free_memory() // (8 * CELLS)
    with pytest.raises(TapeMemoryError):
        srcad.grad(stored)(start[1], trips)


def test_a_stack_that_grows_beyond_the_free_memory_is_refused(free):
    derivative = srcad.grad(until, jit=False)
    free(100_000)
    with pytest.raises(TapeMemoryError, match="at least") as caught:
        derivative(0.1, 20_000)
    assert "while srcad.checkpoint(n > 0, snapshots=20):" in str(caught.value)
    assert np.isfinite(derivative(0.1, 100))


def test_snapshots_that_do_not_fit_are_refused(start, free):
    free(10_000)
    derivative = srcad.grad(in_place, jit=False)
    with pytest.raises(TapeMemoryError, match="fewer snapshots"):
        derivative(*start, 1000, 100)
    assert np.all(np.isfinite(derivative(*start, 100, 3)))
