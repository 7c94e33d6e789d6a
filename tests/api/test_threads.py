"""One derivative called from many threads: one compilation, and the same bits in every thread."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from srcad import grad, pipeline, vjp

THREADS, CALLS = 16, 1000


def recurrence(x, n):
    """Needs the tape: every state is overwritten and read in the reverse sweep."""
    s = 0.3
    for k in range(n):
        s = math.sin(s * x[k % x.size]) + x[k % x.size] * s
    return s


def until_large(x, limit):
    """Needs a growing tape: the trip count is not known."""
    s = 1.0
    while s < limit:
        s = s * (1.0 + x * x / s)
    return s


def in_place(x, n):
    for _ in range(n):
        for i in range(1, x.size):
            x[i] = x[i] * x[i - 1] + 0.5
    return np.sum(x)


def start_together(work):
    """Run ``work(k)`` in all threads at once; returns the results."""
    barrier = threading.Barrier(THREADS)

    def run(k):
        barrier.wait()
        return work(k)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "python"])
def test_simultaneous_first_calls_compile_once(monkeypatch, jit):
    requests = []
    real = pipeline.compile_request

    def counted(request):
        requests.append(request)
        return real(request)

    monkeypatch.setattr(pipeline, "compile_request", counted)
    g = grad(recurrence, jit=jit)
    x = np.linspace(0.1, 0.9, 5)
    found = start_together(lambda k: g(x, 20))
    assert len(requests) == 1
    assert all(np.array_equal(found[0], f) for f in found)
    assert np.any(found[0] != 0.0)


def test_each_thread_has_its_own_tape():
    """Different arguments in different threads give what they give alone, to the bit."""
    g = grad(recurrence)
    xs = [np.linspace(0.1, 0.9, 5) + 0.01 * k for k in range(THREADS)]
    trips = [10 + 7 * k for k in range(THREADS)]
    alone = [g(x, n) for x, n in zip(xs, trips, strict=True)]

    def work(k):
        return all(np.array_equal(g(xs[k], trips[k]), alone[k]) for _ in range(CALLS))

    assert all(start_together(work))


def test_growing_tapes_and_mutation():
    grow, write = grad(until_large), grad(in_place)
    numbers = [0.2 + 0.01 * k for k in range(THREADS)]
    xs = [np.linspace(0.1, 0.9, 6) + 0.02 * k for k in range(THREADS)]
    alone = [(grow(n, 40.0), write(x, 4)) for n, x in zip(numbers, xs, strict=True)]

    def work(k):
        for _ in range(CALLS):
            number, array = grow(numbers[k], 40.0), write(xs[k], 4)
            if number != alone[k][0] or not np.array_equal(array, alone[k][1]):
                return False
        return True

    assert all(start_together(work))
    assert np.array_equal(xs[3], np.linspace(0.1, 0.9, 6) + 0.06)


def test_one_pullback_in_many_threads():
    _, pullback = vjp(recurrence, np.linspace(0.1, 0.9, 5), 30)
    alone = [pullback(float(k))[0] for k in range(THREADS)]

    def work(k):
        return all(np.array_equal(pullback(float(k))[0], alone[k]) for _ in range(CALLS))

    assert all(start_together(work))


def test_an_exception_in_one_thread_harms_no_other():
    g = grad(_picky)
    expected = g(np.ones(4), 2)

    def work(k):
        for _ in range(100):
            if k % 2:
                with pytest.raises(IndexError):
                    g(np.ones(4), 9)
            elif not np.array_equal(g(np.ones(4), 2), expected):
                return False
        return True

    assert all(start_together(work))


def _picky(x, k):
    s = 1.0
    for i in range(x.size):
        s = math.sin(s) * x[i] * x[k]
    return s
