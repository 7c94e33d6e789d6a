"""What a batch costs: gradients for many members, by ``batch``, a Python loop, and by hand.

``python -m benchmarks.ensembles`` prints a table; the gradients are checked to agree first.
"""

import math
import time

import numba
import numpy as np

import srcad

MEMBERS = 100_000


def energy(x, k):
    s = 0.0
    for j in range(3):
        s += math.sin(k * x[j]) * x[j]
    return s


@numba.njit(error_model="numpy")
def by_hand(x, k):
    out = np.empty_like(x)
    for member in range(x.shape[0]):
        for j in range(3):
            u = k * x[member, j]
            out[member, j] = math.sin(u) + u * math.cos(u)
    return out


def in_python(x, k):
    gradient, out = GRADIENT, np.empty_like(x)
    for member in range(x.shape[0]):
        out[member] = gradient(x[member], k)
    return out


GRADIENT = srcad.grad(energy)
SERIAL = srcad.batch(GRADIENT, axes=(0, None))
THREADS = srcad.batch(GRADIENT, axes=(0, None), parallel=True)


def best(run, x, k, repeats):
    """The shortest time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(x, k)
        times.append(time.perf_counter() - start)
    return min(times)


def main(members=MEMBERS, repeats=20):
    """Measure, and print a table in microseconds and nanoseconds per member."""
    x = np.random.default_rng(3).normal(size=(members, 3))
    expected = by_hand(x, 1.3)
    most = numba.get_num_threads()
    rows = [("by hand, @njit", by_hand, most), ("srcad.batch", SERIAL, most)]
    rows += [(f"parallel, {n} threads", THREADS, n) for n in sorted({1, most})]
    rows += [("Python loop over grad", in_python, most)]
    for title, run, threads in rows:
        numba.set_num_threads(threads)
        np.testing.assert_allclose(run(x, 1.3), expected, rtol=1e-12, atol=1e-14)
        seconds = best(run, x, 1.3, 3 if run is in_python else repeats)
        print(f"{title:24} {1e3 * seconds:9.2f} ms {1e9 * seconds / members:8.0f} ns per member")


if __name__ == "__main__":
    main()
