"""Loops along two rows of one array, cut for vector instructions: what is cut, and the derivatives."""

import math

import numpy as np
import pytest

from tests.passes.support import INTEGER, M, V, is_exact, written
from tests.passes.test_vectorise import primal


def agrees(f, args, *wrt):
    is_exact(f, args, *wrt, tolerance=(1e-12, 0.0))


def gated(state, w, n):
    total = 0.0
    for t in range(n):
        for q in range(state.shape[0] // 2):
            k = 2 * q
            for j in range(state.shape[1]):
                gate = 1.0 / (1.0 + math.exp(-state[k, j] * w[j]))
                change = math.tanh(state[k, j] + w[j])
                state[k + 1, j] = state[k + 1, j] * gate + change
                state[k, j] = gate * math.tanh(state[k + 1, j])
        for j in range(state.shape[1]):
            total += state[0, j] * state[1, j]
    return total


def state(width, rows=4):
    return np.linspace(-0.7, 0.9, rows * width).reshape(rows, width)


def innermost(text):
    """How many loops call srcad's own functions."""
    parts = text.split("for j in range(state.shape[1]):")
    return sum("exp(-" in p or "tanh(" in p for p in parts[1:])


def test_the_forward_sweep_is_cut_and_reads_tapes():
    text = written(gated, (M, V, INTEGER), ("state", "w")).text
    forward = text[: text.index("# reverse sweep")]
    assert "math.exp" not in forward and "math.tanh" not in forward
    assert "_row" not in text[: text.index("# reverse sweep")]


@pytest.mark.parametrize("width", [0, 1, 2, 5, 16])
def test_gradients(width):
    agrees(gated, (state(width), np.linspace(0.2, 1.0, width), 3), "state", "w")


def test_without_tapes_there_are_buffers_before_the_loops():
    text = primal(gated, M, V, INTEGER)
    assert text.count("gate_row = np.empty(") == 1
    assert text.index("gate_row = np.empty(") < text.index("for t in range(")
    assert "math.exp" not in text and innermost(text) == 2


def test_downwards():
    def f(state, w):
        for q in range(state.shape[0] // 2):
            for j in range(state.shape[1] - 2, 0, -1):
                g = math.exp(state[2 * q, j] * w[j])
                state[2 * q + 1, j] = state[2 * q + 1, j] * g + w[j]
        return np.sum(state)

    text = primal(f, M, V)
    assert "math.exp" not in text and "[j - 1] = g" in text
    for width in (0, 1, 2, 3, 9):
        agrees(f, (state(width), np.linspace(0.2, 1.0, width)), "state", "w")


def test_neighbours_are_not_cut():
    """The next iteration reads what this one writes, through another row perhaps."""

    def f(state, a, b):
        for j in range(1, state.shape[1]):
            g = math.exp(0.1 * state[a, j - 1])
            state[b, j] = state[b, j] * g
        return np.sum(state)

    assert "math.exp" in primal(f, M, INTEGER, INTEGER)
    for rows in ((0, 1), (1, 1)):
        agrees(f, (state(6, 2), *rows), "state")


def test_rows_that_are_the_same():
    """Each iteration has elements of its own, whichever rows they are in."""

    def f(state, a, b):
        for k in range(2):
            for j in range(state.shape[1]):
                g = math.exp(0.3 * state[a + k, j])
                state[b + k, j] += g
                state[a + k, j] = state[b + k, j] * g - math.sin(state[a + k, j])
        return np.sum(state * state)

    assert "math.exp" not in primal(f, M, INTEGER, INTEGER)
    for rows in ((0, 1), (1, 1), (1, 0), (0, 0), (2, 0)):
        agrees(f, (state(6, 4), *rows), "state")


def test_numbers_that_change_on_the_way():
    """One that both parts assign is not passed on: the loop stays."""

    def f(state, k):
        s = 0.0
        for i in range(2):
            for j in range(state.shape[1]):
                g = math.exp(0.3 * state[k + i, j])
                state[k - i, j] = g * 1.5
                g = g + state[k + i, j]
                s += g
        return s * s

    for k in (1, 2):
        agrees(f, (state(5, 4), k), "state")


def test_what_is_read_after_the_loop():
    def f(state, w):
        last = 0.0
        for q in range(state.shape[0] // 2):
            for j in range(state.shape[1]):
                g = math.exp(state[2 * q, j] * w[j])
                state[2 * q + 1, j] = state[2 * q + 1, j] * g
                last = g * state[2 * q + 1, j]
        return last * np.sum(state)

    for width in (0, 1, 5):
        agrees(f, (state(width), np.linspace(0.2, 1.0, width)), "state", "w")


def test_integers_are_not_passed_on():
    def f(state, w, n):
        for q in range(state.shape[0] // 2):
            for j in range(state.shape[1]):
                k = j // 2
                g = math.exp(state[2 * q, j])
                state[2 * q + 1, j] = state[2 * q + 1, j] * g + k
        return np.sum(state)

    agrees(f, (state(5), np.ones(5), 1), "state", "w")


def test_lengths_that_change():
    def f(state, w):
        for q in range(state.shape[0] // 2):
            m = state.shape[1] - q
            for j in range(m):
                g = math.exp(state[2 * q, j] * w[j])
                state[2 * q + 1, j] = state[2 * q + 1, j] * g
        return np.sum(state)

    text = primal(f, M, V)
    assert text.index("g_row = np.empty(") > text.index("for q in range(")
    agrees(f, (state(5), np.linspace(0.2, 1.0, 5)), "state", "w")


def test_sums_stay_in_their_part():
    def f(state, w):
        s = 0.0
        for q in range(state.shape[0] // 2):
            for j in range(state.shape[1]):
                g = math.exp(state[2 * q, j] * w[j])
                s += g
                state[2 * q + 1, j] = state[2 * q + 1, j] * g
        return s * np.sum(state)

    assert "s = plus(s, " in primal(f, M, V)
    agrees(f, (state(5), np.linspace(0.2, 1.0, 5)), "state", "w")


def test_single_precision_is_stored_as_it_is():
    def f(state, w):
        out = np.zeros(state.shape, np.float32)
        for q in range(state.shape[0] // 2):
            for j in range(state.shape[1]):
                g = math.exp(state[2 * q, j] * w[j])
                out[q, j] = g
                state[2 * q + 1, j] = state[2 * q + 1, j] * g
        return np.sum(state) + np.sum(out)

    text = primal(f, M, V)
    assert "* out[" not in text and "g_row" in text
    from srcad import value_and_grad

    x, w = state(5), np.linspace(0.2, 1.0, 5)
    value, _ = value_and_grad(f)(x, w)
    assert value == pytest.approx(f(x.copy(), w), rel=1e-14)
