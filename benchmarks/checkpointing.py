"""A wave over a million steps with few snapshots: time and memory beside what theory says.

``python -m benchmarks.checkpointing`` measures the gradient of a 1-D wave equation (2,000 cells)
with k snapshots, k = 5 to 1000, and draws time against memory into
``docs/images/checkpointing.svg``, beside the curve of

    (plain steps of the proved optimum) x (time of a plain step) + n x (time of a reversed step)

The time of a plain step is that of the program itself; that of a reversed step is what the gradient
takes beyond its plain steps where it keeps all states of a short run. Times are those of the thread.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numba
import numpy as np

import srcad
from srcad.backend.pool import latest_need

CELLS, STEPS, SHORT = 2000, 1_000_000, 50
SNAPSHOTS = (5, 10, 20, 50, 100, 300, 1000)
REPEATS = 1
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "checkpointing.svg"


def wave(c, u0, steps, snapshots):
    """The square of the last field in the middle."""
    u, v = u0.copy(), u0.copy()
    for _ in srcad.checkpoint(range(steps), snapshots=snapshots):
        for i in range(1, u.size - 1):
            v[i] = 2.0 * u[i] - v[i] + c[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
    return u[u.size // 2] ** 2


def optimum(n: int, snapshots: int) -> int:
    """The plain steps of the proved optimum, and those of the rest of the forward sweep."""
    r = next(r for r in range(n + 1) if n <= math.comb(snapshots + r, r))
    return r * n - (math.comb(snapshots + r, r - 1) if r else 0) + 1


def taken(function, *args) -> float:
    """The least time of a few calls, in seconds."""
    function(*args[:-2], 10, 2)
    times = []
    for _ in range(REPEATS):
        start = time.thread_time()
        function(*args)
        times.append(time.thread_time() - start)
    return min(times)


def main(steps: int = STEPS, cells: int = CELLS, counts: tuple[int, ...] = SNAPSHOTS):
    """Measure, print and return rows: snapshots, bytes, seconds, seconds by theory."""
    args = np.full(cells, 0.2), np.exp(-((np.linspace(-8.0, 8.0, cells)) ** 2))
    derivative = srcad.grad(wave, wrt=(0, 1))
    short = min(SHORT, steps)
    plain = taken(numba.njit(error_model="numpy")(wave), *args, steps, 1) / steps
    reversed_step = taken(lambda *a: [derivative(*a) for _ in range(100)], *args, short, short)
    reversed_step = reversed_step / (100 * short) - plain
    print(f"a plain step takes {plain * 1e6:.2f} us, a reversed one {reversed_step * 1e6:.2f} us")
    rows = []
    for count in counts:
        seconds = taken(derivative, *args, steps, count)
        theory = optimum(steps, count) * plain + steps * reversed_step
        rows.append((count, latest_need(), seconds, theory))
        print(
            f"{count:5} snapshots  {latest_need() / 1e6:7.2f} MB  {seconds:6.2f} s, "
            f"{seconds / theory:.2f} of theory, {optimum(steps, count) / steps:.2f} plain steps each"
        )
    return rows


def draw(rows) -> None:
    """The picture: time against memory."""
    import matplotlib.pyplot as plt

    memory = [r[1] / 1e6 for r in rows]
    _, axes = plt.subplots(figsize=(6, 3.6))
    axes.plot(memory, [r[3] for r in rows], "-", color="0.6", label="theory")
    axes.plot(memory, [r[2] for r in rows], "o", color="C0", label="measured")
    for (count, *_), x, row in zip(rows, memory, rows, strict=True):
        axes.annotate(str(count), (x, row[2]), textcoords="offset points", xytext=(4, 5))
    axes.set(xscale="log", xlabel="memory of the snapshots, MB", ylabel="time of the gradient, s")
    axes.set_ylim(bottom=0.0)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    PICTURE.parent.mkdir(exist_ok=True)
    plt.tight_layout()
    plt.savefig(PICTURE)


if __name__ == "__main__":
    found = main(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS)
    draw(found)
