"""Snapshots at equal distances: how often iterations run, against closed formulas."""

import math
import types

import numba
import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, ArgumentValueError, UnsupportedError
from srcad.runtime.schedules import (
    disk_distance,
    next_in_distance,
    next_snapshot,
    snapshot_distance,
)
from srcad.runtime.tapes import no_pool
from tests.test_checkpointing import arguments, every_case, optimum

PERIODIC, TWO_LEVEL, DISK = 1, 2, 3


def lengths(n: int, distance: int) -> list[int]:
    """How long the stretches between snapshots at equal distances are."""
    return [min(distance, n - start) for start in range(0, n, distance)]


def periodic_steps(n: int, snapshots: int) -> int:
    """All iterations, and for each stretch of p: 1 + 2 + ... + (p - 1)."""
    return n + sum(p * (p - 1) // 2 for p in lengths(n, -(-n // snapshots)))


def two_level_steps(n: int, snapshots: int) -> int:
    """All iterations, and the optimum for each stretch, with the snapshots that are free by then.

    Those of the last stretch are taken by the forward sweep: the first run there is that one.
    """
    parts = lengths(n, -(-n // ((snapshots + 1) // 2)))
    again = sum(optimum(p, snapshots - k) for k, p in enumerate(parts))
    return n + again - (parts[-1] - 1)


def disk_steps(n: int, snapshots: int, distance: int) -> int:
    """The same where each stretch has all the snapshots in memory."""
    parts = lengths(n, distance)
    return n + sum(optimum(p, snapshots) for p in parts) - (parts[-1] - 1)


@numba.njit
def steps_run(n: int, snapshots: int, schedule: int, distance: int) -> tuple[int, int, int]:
    """How many iterations generated code runs plainly, the most states it keeps, and on disk."""
    taken = np.empty(n + 1, np.int64)
    held, due, count, most, on_disk = 0, 0, 0, 0, 0
    for t in range(n):
        if t == due:
            if schedule == DISK and t % distance == 0:
                held = 0
                on_disk += 1
            taken[held] = t
            held += 1
            if schedule == PERIODIC:
                due = t + distance
            else:
                due = next_in_distance(t, n, snapshots - held, distance)
            most = max(most, held)
        count += 1
    for last in range(n - 1, -1, -1):
        if held == 0:
            taken[0] = last - last % distance
            held = 1
        first = taken[held - 1]
        if first == last:
            held -= 1
        due = next_snapshot(first, last + 1, snapshots - held)
        for t in range(first, last):
            if t == due and schedule != PERIODIC:
                taken[held] = t
                held += 1
                due = next_snapshot(t, last + 1, snapshots - held)
                most = max(most, held)
            count += 1
    return count, most, on_disk


def test_periodic_and_two_level_schedules_run_what_the_formulas_say():
    for n, k in every_case():
        count, most, _ = steps_run(n, k, PERIODIC, snapshot_distance(n, k))
        assert count == periodic_steps(n, k), (n, k)
        assert most <= k, (n, k)
        count, most, _ = steps_run(n, k, TWO_LEVEL, snapshot_distance(n, (k + 1) // 2))
        assert count == two_level_steps(n, k), (n, k)
        assert most <= min(k + 1, n), (n, k)


def test_the_schedule_of_two_tiers_runs_what_the_formula_says():
    for n, k in every_case():
        for limit in (0, 1, 2, 7):
            for turns in (1, 2, 3):
                distance = disk_distance(n, k, limit, turns)
                count, most, on_disk = steps_run(n, k, DISK, distance)
                assert count == disk_steps(n, k, distance), (n, k, limit)
                assert most <= min(k + 1, n)
                assert distance % turns == 0
                assert on_disk <= (limit or n)
                if limit == 0 and turns <= k + 1:
                    assert count <= 2 * n  # none runs again more than once


@pytest.mark.slow
def test_the_schedule_of_two_tiers_is_that_of_checkpoint_schedules():
    """Its forward sweep takes no snapshots in memory, so that the last stretch runs once more."""
    schedules = pytest.importorskip("checkpoint_schedules")
    memory = schedules.StorageType.RAM
    for n, k in every_case():
        for distance in (k + 1, 2 * k + 3, 50):
            if k < 2:
                continue  # the state at the start of a stretch is not counted there
            schedule = schedules.TwoLevelCheckpointSchedule(
                distance, k - 1, binomial_storage=memory
            )
            steps, ended = 0, False
            for action in schedule:
                if isinstance(action, schedules.Forward):
                    steps += min(action.n1, n) - action.n0
                    if not ended and action.n1 >= n:
                        schedule.finalize(n)
                        ended = True
                if isinstance(action, schedules.EndReverse):
                    break
            recorded, first = n, min(distance, n - (n - 1) // distance * distance)
            assert steps - recorded == disk_steps(n, k, distance) + first - 1, (n, k, distance)


# ---------------------------------------------------------------- generated code


def periodic(x, n, snapshots):
    for _ in srcad.checkpoint(range(n), snapshots=snapshots, schedule="periodic"):
        x = math.sin(3.0 * x)
    return x


def two_level(x, n, snapshots):
    for _ in srcad.checkpoint(range(n), snapshots=snapshots, schedule="two-level"):
        x = math.sin(3.0 * x)
    return x


def on_disk(x, n, snapshots):
    for _ in srcad.checkpoint(range(n), snapshots=snapshots, disk="/nowhere"):
        x = math.sin(3.0 * x)
    return x


class Disk:
    """Stands for the functions that write and read, and keeps states in a dict."""

    def __init__(self):
        self.states = {}
        self.named = {
            "open_disk": lambda *_: 0,
            "resume_steps": lambda *_: 0,
            "write_disk": lambda _, step, slots, *arrays: self.states.update({step: arrays[0][0]}),
            "read_disk": self.read,
            "resume_adjoints": lambda _, last, *_rest: last,
            "write_adjoints": lambda *_: 0,
        }

    def read(self, _disk, step, _slots, *arrays):
        arrays[0][0] = self.states[step]


def disk_steps_by_default(n: int, snapshots: int) -> int:
    return disk_steps(n, snapshots, snapshots + 1)


CASES = [(1, 1), (2, 1), (9, 1), (9, 3), (40, 4), (40, 7), (5, 30)]
FORMULAS = [
    (periodic, periodic_steps),
    (two_level, two_level_steps),
    (on_disk, disk_steps_by_default),
]


@pytest.mark.parametrize(("n", "snapshots"), CASES)
@pytest.mark.parametrize(("function", "formula"), FORMULAS, ids=lambda f: f.__name__)
def test_the_generated_code_runs_as_many(function, formula, n, snapshots):
    """The reverse of an iteration calls the cosine: the sine is that of a plain one."""
    calls = []

    def sin(x):
        calls.append(x)
        return math.sin(x)

    disk = Disk()
    space = dict(disk.named)
    exec(srcad.grad(function).source(0.3, 1, 1), space)
    space["math"] = types.SimpleNamespace(sin=sin, cos=math.cos)
    pool = no_pool()
    found = space[f"{function.__name__}_grad"](0.3, n, snapshots, pool)
    assert len(calls) == formula(n, snapshots)
    expected, x = 1.0, 0.3
    for _ in range(n):
        expected, x = expected * 3.0 * math.cos(3.0 * x), math.sin(3.0 * x)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("function", "formula"), FORMULAS, ids=lambda f: f.__name__)
def test_the_plan_tells_how_many(function, formula):
    derivative = srcad.grad(function, jit=False)
    for n, snapshots in CASES:
        (row,) = derivative.plan(0.3, n, snapshots).rows
        assert (row.trips, row.snapshots) == (n, snapshots)
        assert row.extra_steps == formula(n, snapshots) - n
    assert row.disk_snapshots == (1 if function is on_disk else 0)
    assert ("30 + 1 on disk" in str(derivative.plan(0.3, 5, 30))) == (function is on_disk)


def wave_periodic(c, u0, n, snapshots):
    u, v = u0.copy(), u0.copy()
    loss = 0.0
    for _ in srcad.checkpoint(range(n), snapshots=snapshots, schedule="periodic"):
        for i in range(1, u.size - 1):
            v[i] = 2.0 * u[i] - v[i] + c[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
        loss += u[u.size // 2] ** 2
    return loss


def nested_two_level(c, u0, n, snapshots):
    u = u0.copy()
    for t in srcad.checkpoint(range(n), snapshots=snapshots, schedule="two-level"):
        for _ in srcad.checkpoint(range(t), snapshots=snapshots, schedule="periodic"):
            for i in range(1, u.size):
                u[i] = np.sin(u[i] * c[i] + u[i - 1])
    return np.sum(u)


@pytest.mark.parametrize("function", [wave_periodic, nested_two_level], ids=lambda f: f.__name__)
def test_gradients_are_those_of_all_states_stored(function):
    derivative = srcad.grad(function, wrt=(0, 1))
    for n in (0, 1, 2, 7, 12):
        expected = derivative(*arguments(), n, 1000)
        for snapshots in (1, 2, 3, 11):
            found = derivative(*arguments(), n, snapshots)
            for one, two in zip(found, expected, strict=True):
                assert np.array_equal(one, two), (n, snapshots)
    srcad.check_grads(function, (*arguments(), 5, 2))


# ---------------------------------------------------------------- what is refused


def another_schedule(x, n):
    for _ in srcad.checkpoint(range(n), snapshots=3, schedule="uniform"):
        x = x * x
    return x


def of_unknown_length(x, n):
    while srcad.checkpoint(x < n, snapshots=3, schedule="periodic"):
        x = x * x
    return x


def a_limit_without_a_disk(x, n):
    for _ in srcad.checkpoint(range(n), snapshots=3, disk_snapshots=3):
        x = x * x
    return x


REFUSED = [
    (another_schedule, ArgumentValueError, "'binomial', 'two-level', 'periodic'"),
    (of_unknown_length, UnsupportedError, "whose length nobody knows"),
    (a_limit_without_a_disk, ArgumentError, "not the directory"),
]


@pytest.mark.parametrize(
    ("function", "error", "text"), REFUSED, ids=lambda x: getattr(x, "__name__", "")
)
def test_what_is_refused(function, error, text):
    with pytest.raises(error, match=text):
        srcad.grad(function, jit=False)(2.0, 5)
