"""Loops with snapshots: how often their iterations run, and that their gradients are the same."""

import math
import types
from dataclasses import replace

import numba
import numpy as np
import pytest

import srcad
from srcad import pipeline
from srcad.backend.pool import latest_need
from srcad.errors import UnsupportedError
from srcad.ir.build import integer
from srcad.ir.nodes import Checkpoints, For, If, While, blocks, with_blocks
from srcad.runtime.schedules import next_snapshot
from tests import oracles
from tests.programs.load import PROGRAMS
from tests.programs.registry import Program
from tests.property import generator, judging
from tests.test_programs import active, is_vjp, like_output, make_seeds, plain, positions

MOST_STEPS, MOST_SNAPSHOTS = 200, 20


# ---------------------------------------------------------------- how often iterations run


def optimum(n: int, c: int) -> int:
    """The fewest iterations to be run, without those recorded (Griewank and Walther 2000)."""
    r = next(r for r in range(n + 1) if n <= math.comb(c + r, r))
    return r * n - (math.comb(c + r, r - 1) if r else 0)


@numba.njit
def runs(n: int, snapshots: int) -> tuple[int, int]:
    """How many iterations generated code runs plainly, and the most states that it keeps."""
    taken = np.empty(n + 1, np.int64)
    held, due, count, most = 0, 0, 0, 0
    for last in range(n, -1, -1):
        end = n if last == n else last + 1
        first = 0 if last == n else taken[held - 1]
        if last < n:
            if first == last:
                held -= 1
            due = next_snapshot(first, end, snapshots - held)
        for t in range(first, last):
            if t == due:
                taken[held] = t
                held += 1
                due = next_snapshot(t, end, snapshots - held)
            count += 1
        most = max(most, held)
    return count, most


def every_case():
    return [(n, c) for n in range(1, MOST_STEPS + 1) for c in range(1, MOST_SNAPSHOTS + 1)]


def test_the_iterations_run_again_are_the_proved_optimum():
    """The forward sweep runs all n of them, the last one too, and the optimum ends before that."""
    for n, c in every_case():
        count, most = runs(n, c)
        assert count - n == optimum(n, c) - (n - 1), (n, c)
        assert most <= min(c + 1, n), (n, c)


@pytest.mark.slow
def test_the_optimum_is_that_of_checkpoint_schedules():
    schedules = pytest.importorskip("checkpoint_schedules")
    for n, c in every_case():
        if n == 1 or c >= n:
            continue
        steps = 0
        for action in schedules.Revolve(n, c):
            if isinstance(action, schedules.Forward):
                steps += min(action.n1, n) - action.n0
        assert steps - n == optimum(n, c), (n, c)  # it counts the recorded ones too


def logistic(x, n, snapshots):
    for _ in srcad.checkpoint(range(n), snapshots=snapshots):
        x = math.sin(3.0 * x)
    return x


@pytest.mark.parametrize(("n", "snapshots"), [(1, 1), (2, 1), (9, 1), (9, 3), (40, 4), (5, 30)])
def test_the_generated_code_runs_as_many(n, snapshots):
    """The reverse of an iteration calls the cosine: the sine is that of a plain one."""
    calls = []

    def sin(x):
        calls.append(x)
        return math.sin(x)

    derivative = srcad.grad(logistic)
    space = {}
    exec(derivative.source(0.3, 1, 1), space)
    space["math"] = types.SimpleNamespace(sin=sin, cos=math.cos)
    pool = np.empty(0, np.uint8), np.zeros(8, np.int64)
    found = space["logistic_grad"](0.3, n, snapshots, pool)
    assert len(calls) == optimum(n, snapshots) + 1
    assert found == derivative(0.3, n, snapshots)


# ---------------------------------------------------------------- the same gradient


def wave(c, u0, n, snapshots):
    u, v = u0.copy(), u0.copy()
    loss = 0.0
    for _ in srcad.checkpoint(range(n), snapshots=snapshots):
        for i in range(1, u.size - 1):
            v[i] = 2.0 * u[i] - v[i] + c[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
        loss += u[u.size // 2] ** 2
    return loss


def whole_arrays(c, u0, n, snapshots):
    u, v = u0, 0.5 * u0
    for _ in srcad.checkpoint(range(n), snapshots=snapshots):
        u, v = u + c * np.sin(v), u
    return np.sum(u * v)


def in_place(c, u0, n, snapshots):
    u = u0 * u0
    record = np.zeros(n)
    for t in srcad.checkpoint(range(n), snapshots=snapshots):
        for i in range(1, u.size):
            u[i] = u[i] * c[i] + u[i - 1] * u[i]
        record[t] = u[-1] ** 2
    return np.sum(record)


def nested(c, u0, n, snapshots):
    u = u0.copy()
    for t in srcad.checkpoint(range(n), snapshots=snapshots):
        for _ in srcad.checkpoint(range(t), snapshots=snapshots):
            for i in range(1, u.size):
                u[i] = np.sin(u[i] * c[i] + u[i - 1])
    return np.sum(u)


def inside_of_one_without(c, u0, n, snapshots):
    """The outer loop would store what the inner one changes."""
    u = u0.copy()
    for k in range(4):
        u[0] = u[0] * c[1]
        for _ in srcad.checkpoint(range(n + k), snapshots=snapshots):
            for i in range(1, u.size):
                u[i] = np.sin(u[i] * c[i] + u[i - 1])
        u = u * c + 0.1
    return np.sum(u)


def inside_of_a_while(c, u0, n, snapshots):
    u, k = u0.copy(), 0
    while k < 4:
        for _ in srcad.checkpoint(range(n), snapshots=snapshots):
            for i in range(1, u.size):
                u[i] = np.sin(u[i] * c[i] + u[i - 1])
        u[2] *= c[k]
        k += 1
    return np.sum(u)


def strided_range(c, u0, n, snapshots):
    u = u0.copy()
    for t in srcad.checkpoint(range(2 * n, 0, -2), snapshots=snapshots):
        u[t % 3] = np.sin(u[t % 4] * c[2]) + t
    return np.sum(u)


def until_small(c, u0, n, snapshots):
    u = u0.copy()
    steps = 0
    while srcad.checkpoint(steps < 2 * n and np.sum(u * u) > 0.5, snapshots=snapshots):
        u = u * (1.0 - 0.3 * c * np.cos(u))
        steps += 1
    return np.sum(u * u) * steps


def leaves_by_break(c, u0, n, snapshots):
    u = u0.copy()
    for t in srcad.checkpoint(range(3 * n), snapshots=snapshots):
        for i in range(1, u.size):
            u[i] = u[i] * (1.0 - c[i]) + 0.1 * u[i - 1] * u[i]
        if t > 2 * n or u[2] * u[2] < 0.3:
            break
    return np.sum(u * u)


def leaves_a_while(c, u0, n, snapshots):
    x = u0[1]
    k = 0
    while srcad.checkpoint(x > 0.01, snapshots=snapshots):
        x = x * c[k % 7] * 3.0
        k += 1
        if k > n:
            break
    return x * x


def bound_and_not_read(c, u0, n, snapshots):
    """The name ``w`` denotes, after the loop, an array that had a name before it."""
    x, w = u0 * c, u0 + c
    s = 1.0
    for _ in srcad.checkpoint(range(n), snapshots=snapshots):
        s = s * u0[1] + x[2]
        w = x
    return np.sum(x * w) * s


def argument_written_and_bound(c, u0, n, snapshots):
    """The first iteration writes what the caller passed, which statements before have read."""
    s = u0[0] * u0[1] * c[2]
    for _ in srcad.checkpoint(range(n), snapshots=snapshots):
        u0[0] += u0[1] * c[0]
        u0 = u0 * c
        u0[1] *= u0[0]
    return np.sum(u0) * s


def other_name_asked_its_length_only(c, u0, n, snapshots):
    u = u0.copy()
    first = u
    for _ in srcad.checkpoint(range(n), snapshots=snapshots):
        u[0] += u[1] * c[0]
        u = np.sin(u[: first.size]) * c
    return np.sum(u) * len(first)


SAME = [
    argument_written_and_bound,
    other_name_asked_its_length_only,
    bound_and_not_read,
    wave,
    whole_arrays,
    in_place,
    nested,
    inside_of_one_without,
    inside_of_a_while,
    strided_range,
    until_small,
    leaves_by_break,
    leaves_a_while,
]


def arguments():
    return np.linspace(0.1, 0.3, 7), np.sin(np.arange(7.0))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("function", SAME, ids=lambda f: f.__name__)
def test_gradients_are_those_of_all_states_stored(function):
    derivative = srcad.grad(function, wrt=(0, 1))
    for n in (0, 1, 2, 7, 12):
        expected = derivative(*arguments(), n, 1000)
        for snapshots in (1, 2, 3, 11):
            found = derivative(*arguments(), n, snapshots)
            for one, two in zip(found, expected, strict=True):
                assert np.array_equal(one, two), (n, snapshots)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("function", SAME, ids=lambda f: f.__name__)
def test_gradients_are_right(function):
    srcad.check_grads(function, (*arguments(), 5, 2))


def test_loops_of_unknown_length_keep_no_more_than_they_may():
    """1500 iterations of 7 numbers each; the record of all would take more than 80 kB."""
    for function in (until_small, leaves_by_break, leaves_a_while):
        few = srcad.grad(function)(np.full(7, 1e-5), np.ones(7), 500, 3)
        needed = latest_need()
        stored = srcad.grad(function)(np.full(7, 1e-5), np.ones(7), 500, 1000)
        assert needed < 1500
        assert np.array_equal(few, stored)


def marked(block, snapshots: int):
    """The block with snapshots in each of its outermost loops."""
    out = []
    for stmt in block:
        if isinstance(stmt, For | While):
            stmt = replace(stmt, checkpoints=Checkpoints(integer(snapshots)))
        elif isinstance(stmt, If):
            stmt = with_blocks(stmt, tuple(marked(b, snapshots) for b in blocks(stmt)))
        out.append(stmt)
    return tuple(out)


def gradients(program: Program, make):
    """The gradients of a program of the zoo, as plain Python."""
    args = make()
    if not is_vjp(program):
        return srcad.grad(plain(program), wrt=active(program, args), jit=False)(
            *args, **program.kwargs
        )
    out, pullback = srcad.vjp(plain(program), *args, outputs=program.outputs, jit=False)
    primal = oracles.outputs_of(plain(program), positions(program), make(), program.kwargs)
    return tuple(c for c in pullback(like_output(out, make_seeds(primal))) if c is not None)


MARKED = [
    pytest.param(p, id=p.name, marks=() if p.theme == "views_swaps" else pytest.mark.slow)
    for p in PROGRAMS
    if not p.heavy and not p.waits
]


def require_the_same(compute, monkeypatch) -> None:
    """What is computed is the same where every outermost loop has snapshots."""
    expected = compute()
    write = pipeline.write_adjoint
    for snapshots in (1, 2):
        monkeypatch.setattr(
            pipeline,
            "write_adjoint",
            lambda p, body, *rest, k=snapshots, **how: write(p, marked(body, k), *rest, **how),
        )
        try:
            found = compute()
        except UnsupportedError:
            pytest.skip("refused with snapshots")
        except ValueError as error:
            assert "keep its shape" in str(error)
            pytest.skip("an array grows")
        for one, two in zip(oracles.leaves(found), oracles.leaves(expected), strict=True):
            assert oracles.mismatch(one, two, 1e-12) is None


@pytest.mark.parametrize("program", MARKED)
def test_programs_with_every_outer_loop_marked(program, monkeypatch):
    require_the_same(lambda: [gradients(program, m) for m in program.samples], monkeypatch)


RANDOM = [*range(60, 68), *(pytest.param(s, marks=pytest.mark.slow) for s in range(1000, 1200))]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", RANDOM)
def test_random_programs_with_every_outer_loop_marked(seed, monkeypatch):
    function, _ = judging.load(generator.source(generator.make(seed, "real")))
    args = generator.arguments(seed)
    wrt = tuple(k for k, a in enumerate(args) if oracles.is_differentiable(a))
    require_the_same(lambda: srcad.grad(function, wrt=wrt, jit=False)(*args), monkeypatch)


# ---------------------------------------------------------------- functions


@srcad.checkpoint
def settles(u, c):
    for _ in range(6):
        u = np.sin(u * c) + 0.5 * u
    return u.copy()


@srcad.checkpoint
def drifts(s, c):
    for _ in range(6):
        s = math.sin(s * c)
    return s


def calls_functions(c, u0, n):
    u, s = u0, 0.3
    for _ in range(n):
        u = settles(u, c)
        s = drifts(s, c[1]) + u[2]
    return np.sum(u * u) * s


def calls_the_same_inlined(c, u0, n):
    u, s = u0, 0.3
    for _ in range(n):
        for _ in range(6):
            u = np.sin(u * c) + 0.5 * u
        for _ in range(6):
            s = math.sin(s * c[1])
        s = s + u[2]
    return np.sum(u * u) * s


def test_functions_under_the_mark_are_run_again():
    args = (*arguments(), 4)
    source = srcad.grad(calls_functions).source(*args)
    assert "settles_reverse(" in source
    assert "drifts_reverse(" in source
    few, every = (
        srcad.grad(f, wrt=(0, 1))(*args) for f in (calls_functions, calls_the_same_inlined)
    )
    for one, two in zip(few, every, strict=True):
        assert np.allclose(one, two, rtol=1e-13, atol=0.0)
    srcad.check_grads(calls_functions, args)
    assert drifts(1.0, 0.5) == numba.njit(drifts)(1.0, 0.5)


# ---------------------------------------------------------------- the mark


def exchanged(x, y, a, steps):
    """The arguments change places and are not written, but a snapshot holds them by name."""
    for _ in srcad.checkpoint(range(steps), snapshots=2):
        a[1:] = np.sin(a[:-1] + x[0])
        x, y = y, x
    return np.sum(a * x[0])


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 6])
def test_arguments_that_change_places_stay_as_they_are(steps):
    given = np.array([0.3]), np.array([0.7]), np.array([0.2, 0.4, 0.9])
    args = tuple(a.copy() for a in given)
    for jit in (False, True):
        for place in range(3):
            expected = oracles.complex_step(exchanged, (*given, steps), place)
            found = srcad.grad(exchanged, wrt=place, jit=jit)(*args, steps)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        _, pullback = srcad.vjp(exchanged, *args, steps, jit=jit)
        pullback(1.0)
        for a, b in zip(args, given, strict=True):
            np.testing.assert_array_equal(a, b)


def test_it_is_the_range_itself_where_the_function_is_just_run():
    assert wave(*arguments(), 5, 2) == numba.njit(wave)(*arguments(), 5, 2)
    assert srcad.checkpoint(range(3), 2) == range(3)


def test_forward_mode_and_orders_above_one():
    args = arguments()
    tangents = (np.ones(7), np.ones(7))
    for function, jit in ((wave, False), (in_place, True)):
        gradient = srcad.grad(function, wrt=(0, 1), jit=False)(*args, 5, 2)
        _, along = srcad.jvp(function, (*args, 5, 2), (*tangents, None, None), jit=jit)
        assert along == pytest.approx(sum(g.sum() for g in gradient), rel=1e-12)
        few = srcad.hvp(function, (*args, 5, 2), (tangents[0],), wrt=(0,), jit=jit)
        all_kept = srcad.hvp(function, (*args, 5, 100), (tangents[0],), wrt=(0,), jit=jit)
        assert np.array_equal(few, all_kept)
        step = 1e-6
        ahead, behind = (
            srcad.grad(function, jit=False)(args[0] + s * tangents[0], args[1], 5, 2)
            for s in (step, -step)
        )
        assert np.ravel(few) == pytest.approx((ahead - behind) / (2.0 * step), rel=1e-6, abs=1e-8)


def within_memory(c, u0, n, amount):
    u = u0.copy()
    for t in srcad.checkpoint(range(n), memory=amount):
        for i in range(1, u.size):
            u[i] = np.sin(u[i] * c[i] + u[i - 1]) + t
    return np.sum(u)


def within_a_kilobyte(c, u0, n):
    u = u0.copy()
    for t in srcad.checkpoint(range(n), memory="1KiB"):
        for i in range(1, u.size):
            u[i] = np.sin(u[i] * c[i] + u[i - 1]) + t
    return np.sum(u)


def test_memory_in_place_of_a_number():
    c, u0 = arguments()
    derivative = srcad.grad(within_memory)
    expected = derivative(c, u0, 40, 10**6)
    for amount in (3 * 64, 1024):  # a state takes 8 * 7 + 8 bytes
        assert np.array_equal(derivative(c, u0, 40, amount), expected)
    assert np.array_equal(srcad.grad(within_a_kilobyte)(c, u0, 40), expected)
    assert latest_need() <= 1024 + 3 * 64
    with pytest.raises(ValueError, match="holds no snapshot"):
        derivative(c, u0, 40, 100)


def test_the_tape_is_as_long_as_the_snapshots():
    """64 cells, 1000 iterations: all stored would take half a megabyte."""
    c, u0 = np.full(64, 0.2), np.sin(np.arange(64.0))
    srcad.grad(wave)(c, u0, 1000, 10)
    assert latest_need() <= 11 * (2 * 64 + 1) * 8 + 64 * 8 + 8 * 64


def written_output(x, z, n):
    for _ in srcad.checkpoint(range(n), snapshots=2):
        x[0] += x[1] * x[0]
        x = z.copy()


def test_an_output_that_the_first_step_writes_is_refused():
    """Its adjoint would have to pass the loop under a name that the loop has given away."""
    x = np.array([0.3, 0.5, 0.7])
    with pytest.raises(UnsupportedError, match="which are read after it"):
        srcad.vjp(written_output, x, x + 1.0, 3, outputs=("x",))
