"""Copies of which the inside is written next, and those that are looked at before."""

import numpy as np
import pytest

from srcad.runtime import schedules
from tests.passes.support import INTEGER, M, V, gradient_text
from tests.passes.test_exchange import agrees
from tests.passes.test_read_saved import field
from tests.passes.test_resident import plane
from tests.passes.test_segments import eight


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(schedules, "segment_length", eight)


def heat(u, k, steps):
    u = u.copy()
    for _ in range(steps):
        new = u.copy()
        new[1:-1, 1:-1] = u[1:-1, 1:-1] + k[1:-1, 1:-1] * u[1:-1, 1:-1] * (
            u[2:, 1:-1] - u[1:-1, :-2]
        )
        u = new
    return np.sum(u * u)


def wide(u, k, steps):
    u = u.copy()
    for _ in range(steps):
        new = u.copy()
        new[2:-1] = u[2:-1] + k[2:-1] * u[:-3] * u[3:]
        u = new
    return np.sum(u * u)


@pytest.mark.parametrize("steps", [0, 1, 9, 17])
@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (2, 5), (4, 5)])
def test_two_axes(shape, steps):
    agrees(heat, (plane(*shape), plane(*shape) * 0.1, steps), "u", "k")


@pytest.mark.parametrize("n", [3, 4, 6])
def test_more_elements_at_one_end(n):
    for steps in (0, 1, 9, 17):
        agrees(wide, (field(n)[:n], field(n)[:n] * 0.2, steps), "u", "k")


def test_the_source():
    text = gradient_text(heat, (M, M, INTEGER), "u", "k").split("# reverse sweep")[0]
    assert "set_copy(new" not in text
    assert "new[0, i" in text and "new[u.shape[0] - 1, i" in text


def copies(f, *types):
    """Whether the field is copied whole."""
    text = gradient_text(f, types, "u", "k").split("# reverse sweep")[0]
    return "set_copy(new" in text or "new[i" in text.split("for k")[-1]


def test_what_is_read_before_it_is_written():
    def f(u, k, steps):
        u = u.copy()
        total = 0.0
        for _ in range(steps):
            new = u.copy()
            total += new[2]
            new[1:-1] = u[1:-1] + k[1:-1] * u[:-2] * u[2:]
            u = new
        return np.sum(u * u) + total

    for steps in (0, 1, 9, 17):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_what_is_added_to():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            new = u.copy()
            new[1:-1] += k[1:-1] * u[:-2] * u[2:]
            u = new
        return np.sum(u * u)

    for steps in (0, 1, 9, 17):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_what_is_written_in_some_steps():
    def f(u, k, steps):
        u = u.copy()
        for t in range(steps):
            new = u.copy()
            if t % 2 == 0:
                for i in range(1, u.size - 1):
                    new[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u = new
        return np.sum(u * u)

    for steps in (0, 1, 9, 17):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_what_is_written_for_some_elements():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            new = u.copy()
            for i in range(1, u.size - 1):
                if u[i] > 0.4:
                    new[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u = new
        return np.sum(u * u)

    for steps in (0, 1, 9, 17):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_every_other_element():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            new = u.copy()
            for i in range(1, u.size - 1, 2):
                new[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u = new
        return np.sum(u * u)

    for steps in (0, 1, 9, 17):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_a_range_that_changes():
    def f(u, k, steps):
        u = u.copy()
        for t in range(steps):
            new = u.copy()
            for i in range(1, max(2, u.size - 1 - t)):
                new[i] = u[i] + k[i] * u[i - 1] * u[i + 1]
            u = new
        return np.sum(u * u)

    for steps in (0, 1, 3, 9, 17):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")


def test_compute_in_place_of_the_copy():
    def f(u, k, steps):
        u = u.copy()
        for _ in range(steps):
            new = u.copy()
            for i in range(1, u.size - 1):
                new[i] = u[i] + k[i] * new[i - 1] * u[i + 1]
            u = new
        return np.sum(u * u)

    assert copies(f, V, V, INTEGER)
    for steps in (0, 1, 9, 17):
        agrees(f, (field(6)[:6], field(6)[:6] * 0.2, steps), "u", "k")
