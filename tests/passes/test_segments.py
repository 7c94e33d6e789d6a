"""Long loops over fields that are reversed in segments, and those that are not."""

import math
import re

import numpy as np
import pytest

import srcad
from benchmarks.kernels import heat as heat_kernel
from benchmarks.kernels import wave2d as wave_kernel
from srcad.runtime import schedules
from tests.oracles import complex_step
from tests.passes.support import INTEGER, M, V, gradient_text
from tests.passes.test_parallel import eager, run
from tests.passes.test_read_saved import field
from tests.passes.test_resident import plane

__all__ = ["eager"]

ASKED = []


def eight(trips, step, state):
    ASKED.append((trips, step, state))
    return max(1, min(trips, 8) if step else trips)


@pytest.fixture
def short(monkeypatch):
    """Segments of 8 steps, whatever the tape takes; what the programs of the test ask for.

    A program that was loaded keeps its function, so all tests have the same one.
    """
    monkeypatch.setattr(schedules, "segment_length", eight)
    ASKED.clear()
    return ASKED


def is_exact(f, args, *wrt, segments=True):
    """Gradient and value are those of a complex step and of the program; arguments stay."""
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    found = srcad.value_and_grad(f, wrt=wrt, jit=False)
    value, gradients = found(*given)
    np.testing.assert_allclose(value, f(*args), rtol=1e-12)
    for name, gradient in zip(wrt, gradients, strict=True):
        expected = complex_step(f, args, names.index(name))
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)
        again = srcad.grad(f, wrt=name, jit=False)(*given)
        np.testing.assert_allclose(again, expected, rtol=1e-10, atol=1e-12)
    for a, b in zip(given, args, strict=True):
        np.testing.assert_array_equal(a, b)
    assert ("segment_length(" in found.source()) == segments


def heat(u, kappa, steps):
    n, m = u.shape
    u = u.copy()
    v = u * 0.5
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(2, m - 1):
                v[i, j] = u[i, j] + kappa[i, j] * u[i, j] * (u[i + 1, j] - u[i, j - 2])
        u, v = v, u
    return np.sum(u * u * v)


@pytest.mark.parametrize("steps", [0, 1, 7, 8, 9, 16, 21])
def test_two_buffers(short, steps):
    is_exact(heat, (plane(4, 5), plane(4, 5) * 0.1, steps), "u", "kappa")
    assert short[0] == (steps, 8 * 20, 8 * (20 + 2 * 5 + 3 * 4))


@pytest.mark.parametrize("shape", [(1, 1), (2, 6), (5, 3), (0, 4)])
def test_grids_without_an_inside(short, shape):
    is_exact(heat, (plane(*shape), plane(*shape), 11), "u", "kappa")
    assert bool(short) == (shape[0] > 0 and shape[1] > 1)


@pytest.mark.parametrize("shape", [(1, 1), (2, 6), (0, 4), (4, 0), (3, 2)])
def test_a_border_of_one_element_needs_no_test(short, shape):
    def f(u, kappa, steps):
        n, m = u.shape
        u = u.copy()
        v = u * 0.5
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m):
                    v[i, j] = u[i, j] + kappa[i, j] * u[i, j] * (u[i + 1, j] - u[i, j - 1])
            u, v = v, u
        return np.sum(u * u * v)

    is_exact(f, (plane(*shape), plane(*shape), 11), "u", "kappa")
    assert short and "else max(1" not in gradient_text(f, (M, M, INTEGER), "u")


def test_the_source():
    text = gradient_text(heat, (M, M, INTEGER), "u")
    forward, reverse = text.split("# reverse sweep")
    assert "if k == end:" in forward
    assert (
        " = segments + length - 1 - k % 2 if end < steps else segments + k - first + 1\n" in forward
    )
    assert " = end // length\n" in forward
    assert "v = u_1_tape[slot" in forward
    assert "if k < first:" in reverse
    assert " = first // length if k == first else segments + k - first\n" in reverse
    assert "range(first, first + length - 1)" in reverse
    assert not re.search(r"u_1_snapshots", text)
    assert "v_snapshots" in text


def rotated(c, start, wanted, at, steps):
    before, now, after = start * c, start + c, start - c
    misfit = 0.0
    for t in range(2, steps):
        for i in range(1, c.size - 1):
            after[i] = 1.9 * now[i] - before[i] + c[i] * (now[i + 1] - now[i - 1])
        after[at] += 0.1 * t
        misfit += (after[2] - wanted[t]) ** 2
        before, now, after = now, after, before
    return misfit + np.sum(now * before * after)


@pytest.mark.parametrize("at", [0, 2, -1])
@pytest.mark.parametrize("steps", [1, 2, 10, 11, 30])
def test_three_buffers_and_a_source(short, at, steps):
    args = (field(5) * 0.3, field(6)[:5], field(steps), at, steps)
    is_exact(rotated, args, "c", "start", "wanted")


def test_what_is_recorded(short):
    def f(c, start, steps):
        u = start.copy()
        v = start.copy()
        record = np.zeros(steps)
        for t in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] + c[i] * (u[i + 1] - u[i - 1])
            v[0] = 0.5 * v[1]
            record[t] = v[2]
            v[-1] = v[0]
            u, v = v, u
        return np.sum(record * record) * u[1]

    for steps in (1, 8, 19):
        is_exact(f, (field(5) * 0.2, field(6)[:5], steps), "c", "start")


def test_two_fields(short):
    def f(k, u0, w0, steps):
        u, w = u0.copy(), w0.copy()
        v, z = u0 + w0, u0 - w0
        for _ in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * w[i] * u[i - 1]
            for i in range(u.size - 1):
                z[i] = w[i] - k[i] * v[i + 1] * w[i + 1]
            u, v = v, u
            w, z = z, w
        return np.sum(u * w * k)

    for steps in (1, 8, 19):
        is_exact(f, (field(5) * 0.2, field(6)[:5], field(7)[:5], steps), "k", "u0", "w0")


def test_a_sum_over_each_step(short):
    def f(k, u0, steps):
        u, v = u0.copy(), u0 * 2.0
        total = 0.0
        for t in range(steps):
            drive = math.sin(0.1 * t)
            for i in range(1, k.size - 1):
                v[i] = u[i] + k[i] * (u[i - 1] + u[i + 1] * drive)
            for i in range(k.size):
                total += v[i] * v[i] * k[i]
            u, v = v, u
        return total

    for steps in (1, 8, 19):
        is_exact(f, (field(5) * 0.2, field(6)[:5], steps), "k", "u0", segments=False)


def test_a_probe(short):
    def f(k, u0, w0, at, steps):
        u, w = u0.copy(), w0.copy()
        v, z = u0 + w0, u0 - w0
        out = 0.0
        for t in range(steps):
            for i in range(1, u.size):
                v[i] = u[i] + k[i] * w[i - 1]
            for i in range(u.size - 1):
                z[i] = w[i] - 0.1 * v[i + 1]
            out += (t + 1) * v[at] ** 2
            u, v = v, u
            w, z = z, w
        return out

    for at in (1, -2):
        for steps in (1, 8, 19):
            args = (field(5) * 0.2, field(6)[:5], field(7)[:5], at, steps)
            is_exact(f, args, "k", "u0", "w0", segments=False)


STILL = ""
"""What is done to the border of one array after another was copied from it."""


def bordered(k, u0, steps):
    u = u0.copy()
    if STILL == "first":
        u[0] *= 2.0
    v = u.copy()
    if STILL == "second" or STILL == "both":
        v[0] *= 3.0
    if STILL == "both":
        u[-1] *= 4.0
    if STILL == "view":
        part = v[2:]
        part[-1] = 0.5
    if STILL == "after":
        u[-1] += 1.0
    for _ in range(steps):
        for i in range(1, u.size - 1):
            v[i] = u[i] + k[i] * u[i] * (u[i + 1] - u[i - 1])
        u, v = v, u
    return np.sum(u * u * v)


@pytest.mark.parametrize("steps", [0, 8, 17])
@pytest.mark.parametrize("what", ["", "first", "second", "both", "view", "after"])
def test_borders_that_never_change(short, monkeypatch, what, steps):
    monkeypatch.setitem(globals(), "STILL", what)
    is_exact(bordered, (field(5) * 0.2, field(6)[:5], steps), "k", "u0")


@pytest.mark.parametrize("what", ["", "first", "second", "both", "view", "after"])
def test_a_border_that_never_changes_is_brought_to_its_slots_once(monkeypatch, what):
    monkeypatch.setitem(globals(), "STILL", what)
    text = gradient_text(bordered, (V, V, INTEGER), "k")
    assert ("in range(1, segments + length):" in text) == (what in ("", "first"))
    assert ("v_snapshots" in text) == (what not in ("", "first"))


def test_three_buffers_with_one_border(short):
    def f(k, u0, steps):
        u = u0.copy()
        v = u.copy()
        w = v.copy()
        for _ in range(steps):
            for i in range(1, u.size - 1):
                v[i] = u[i] - 0.5 * w[i] + k[i] * u[i] * (u[i + 1] - u[i - 1])
            w, u, v = u, v, w
        return np.sum(u * u * v * w)

    for steps in (0, 1, 8, 9, 10, 19, 24):
        is_exact(f, (field(5) * 0.2, field(6)[:5], steps), "k", "u0")


# ---------------------------------------------------------------- what stays in one piece


def test_a_number_that_goes_from_step_to_step(short):
    def f(k, u0, steps):
        u, v = u0.copy(), u0 * 2.0
        weight = 1.0
        for _ in range(steps):
            weight *= 0.9
            for i in range(1, k.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1] * weight
            u, v = v, u
        return np.sum(u * u)

    is_exact(f, (field(5) * 0.2, field(6)[:5], 19), "k", "u0", segments=False)


def test_another_array_that_goes_from_step_to_step(short):
    def f(k, u0, steps):
        u, v, w = u0.copy(), u0 * 2.0, u0 * 0.5
        for _ in range(steps):
            for i in range(1, k.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * w[i]
            for i in range(k.size):
                w[i] += 0.1 * k[i]
            u, v = v, u
        return np.sum(u * u)

    is_exact(f, (field(5) * 0.2, field(6)[:5], 19), "k", "u0", segments=False)


def test_dear_functions(short):
    def f(k, u0, steps):
        u, v = u0.copy(), u0 * 2.0
        for _ in range(steps):
            for i in range(1, k.size - 1):
                v[i] = u[i] + k[i] * math.exp(-u[i - 1])
            u, v = v, u
        return np.sum(u * u)

    is_exact(f, (field(5) * 0.2, field(6)[:5], 19), "k", "u0", segments=False)


def test_coefficients_that_are_exchanged_too(short):
    def f(k, c, u0, steps):
        u, v = u0.copy(), u0 * 2.0
        k, c = k * 1.0, c * 1.0
        for _ in range(steps):
            for i in range(1, k.size - 1):
                v[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u, v = v, u
            k, c = c, k
        return np.sum(u * u)

    is_exact(f, (field(5) * 0.2, field(6)[:5], field(7)[:5], 19), "k", "c", "u0", segments=False)


@pytest.mark.parametrize("steps", [3, 8, 21])
def test_divided_among_threads(steps, eager):
    """What fills the tape again is kept, though nobody reads it by the names that fill it."""

    def copied(u, k, steps):
        p = u
        for _ in range(steps):
            new = p.copy()
            for i in range(1, p.size - 1):
                d = 0.3 * (p[i + 1] - p[i - 1])
                new[i] = d * (1.0 - k[i] * d)
            p = new
        return np.sum(p)

    args = field(6), field(6)[::-1].copy(), steps
    text = srcad.grad(copied, wrt=("u", "k"), parallel=True).source(*args)
    found, threads = run(text, args, length=8)
    assert not threads.meetings
    assert "segment_length(" in text
    for position, gradient in enumerate(found):
        expected = complex_step(copied, args, position)
        np.testing.assert_allclose(np.asarray(gradient), expected, rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------- compiled, in full length


@pytest.mark.parametrize("parallel", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_heat_against_the_adjoint_by_hand(parallel):
    args = heat_kernel.arguments(1.0) | {"steps": 60}
    args["u"], args["kappa"] = args["u"][:160, :150].copy(), args["kappa"][:160, :150].copy()
    expected = heat_kernel.adjoint(**args)
    derivative = srcad.grad(heat_kernel.PRIMAL, wrt=heat_kernel.WRT, parallel=parallel)
    for _ in range(2):
        for found, exact in zip(derivative(**args), expected, strict=True):
            np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-12)
    (row,) = derivative.plan(**args).rows
    assert row.trips == 60
    assert row.bytes < 0.5 * 60 * args["u"].nbytes


def test_waves_against_the_adjoint_by_hand():
    args = wave_kernel.arguments(1.0)
    expected = wave_kernel.adjoint(**args)
    found = srcad.grad(wave_kernel.PRIMAL, wrt=wave_kernel.WRT)(**args)
    np.testing.assert_allclose(found[0], expected, rtol=1e-9, atol=1e-14)


def test_how_long_a_segment_is():
    assert schedules.segment_length(0, 8, 8) == 1
    assert schedules.segment_length(1000, 8000, 8000) == 1000  # 8 MB: all of it
    for trips, step, state in ((200, 524288, 524288), (250, 115200, 230400), (9, 1 << 30, 1)):
        length = schedules.segment_length(trips, step, state)
        assert 8 <= length <= trips

        def taken(n, trips=trips, step=step, state=state):
            return n * step + -(-trips // n) * state

        assert taken(length) <= 1.1 * min(taken(n) for n in range(8, trips + 1))
