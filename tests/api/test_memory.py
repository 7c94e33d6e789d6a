"""Memory stays flat however often a derivative is called."""

import gc
import math

import numpy as np
import psutil
import pytest

from srcad import grad, vjp

CALLS, WARM = 100_000, 1_000
SLACK = 2 << 20
"""Bytes that the allocator may still move about after the first calls."""


def recurrence(x, n):
    s = 0.3
    for k in range(n):
        s = math.sin(s * x[k % x.size]) + x[k % x.size] * s
    return s


def until_large(x, limit):
    s = 1.0
    while s < limit:
        s = s * (1.0 + x[0] * x[1] / s)
    return s


def picky(x, k):
    s = 1.0
    for i in range(x.size):
        s = math.sin(s) * x[i] * x[k]
    return s


def resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def growth(call) -> int:
    """Bytes by which the process grows between call 1,000 and call 100,000."""
    for _ in range(WARM):
        call()
    before = resident()
    for _ in range(CALLS - WARM):
        call()
    return resident() - before


@pytest.mark.slow
def test_gradient_with_a_tape():
    g, x = grad(recurrence), np.linspace(0.1, 0.9, 200)
    assert growth(lambda: g(x, 200)) < SLACK


@pytest.mark.slow
def test_gradient_with_a_growing_tape():
    g, x = grad(until_large), np.array([0.3, 0.4])
    assert growth(lambda: g(x, 12.0)) < SLACK


@pytest.mark.slow
def test_strided_arguments_that_are_converted():
    g, x = grad(recurrence), np.linspace(0.1, 0.9, 400)[::2]
    x.flags.writeable = False
    assert growth(lambda: g(x, 5)) < SLACK


@pytest.mark.slow
def test_exceptions():
    g, x = grad(picky), np.ones(50)

    def call():
        with pytest.raises(IndexError):
            g(x, 99)

    assert growth(call) < SLACK


@pytest.mark.slow
def test_pullbacks():
    x = np.linspace(0.1, 0.9, 200)

    def call():
        _, pullback = vjp(recurrence, x, 20)
        pullback(1.0)

    assert growth(call) < SLACK
