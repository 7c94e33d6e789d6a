"""A 3-D acoustic wave whose states do not fit into memory: snapshots in memory and on disk.

``python -m benchmarks.two_tiers [cells] [steps]`` takes the gradient with respect to the medium of
a wave on ``cells`` to the power of 3 points. Storing all states of 160 cells and 620 steps would
take 20 GB. It prints what that would be, what the plan says with 6 snapshots in memory and 20 on
disk, the greatest amount of memory that the process had, and the times. A directional derivative,
by central differences of runs forward, says whether the gradient is right.
"""

import resource
import sys
import tempfile
import time

import numba
import numpy as np

import srcad
from srcad.plan import bytes_text

SCRATCH = tempfile.mkdtemp(prefix="srcad-benchmark-")
CELLS, STEPS = 160, 620


def acoustic(medium, steps):
    """The energy at the receivers, of a wave from a source near one corner."""
    n = medium.shape[0]
    u, v = np.zeros((n, n, n)), np.zeros((n, n, n))
    heard = 0.0
    for t in srcad.checkpoint(range(steps), snapshots=6, disk=SCRATCH, disk_snapshots=20):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                for k in range(1, n - 1):
                    around = u[i - 1, j, k] + u[i + 1, j, k] + u[i, j - 1, k] + u[i, j + 1, k]
                    around += u[i, j, k - 1] + u[i, j, k + 1]
                    v[i, j, k] = 2.0 * u[i, j, k] - v[i, j, k]
                    v[i, j, k] += medium[i, j, k] * (around - 6.0 * u[i, j, k])
        v[n // 4, n // 4, n // 4] += np.sin(0.2 * t)
        for i in range(n):
            heard += v[i, n // 2, n // 2] ** 2
        u, v = v, u
    return heard


def peak() -> int:
    """The greatest amount of memory that the process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(cells: int = CELLS, steps: int = STEPS) -> None:
    """Run and print."""
    rng = np.random.default_rng(1)
    medium = 0.1 + 0.05 * rng.random((cells, cells, cells))
    derivative = srcad.grad(acoustic)
    derivative(medium[:6, :6, :6].copy(), 40)  # compiled, all of its calls too
    plain = numba.njit(error_model="numpy")(acoustic)
    plain(medium[:6, :6, :6].copy(), 4)
    print(f"all states stored: {bytes_text(steps * medium.nbytes)}")
    print(derivative.plan(medium, steps))
    before = peak()
    start, used = time.monotonic(), time.thread_time()
    gradient = derivative(medium, steps)
    print(
        f"{cells}^3 cells, {steps} steps: {time.monotonic() - start:.0f} s, "
        f"{time.thread_time() - used:.0f} s of them computing\n"
        f"peak memory of the process {bytes_text(peak())}, {bytes_text(before)} before the call"
    )
    used = time.thread_time()
    direction, step = rng.random(medium.shape), 1e-5
    ahead, behind = (plain(medium + s * direction, steps) for s in (step, -step))
    print(f"a run forward takes {(time.thread_time() - used) / 2:.0f} s")
    along, expected = np.sum(gradient * direction), (ahead - behind) / (2.0 * step)
    print(f"along a direction {along:.10g}, by differences {expected:.10g}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
