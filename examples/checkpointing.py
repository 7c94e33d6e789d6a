"""Checkpointing: a few snapshots of the wave, more runs of its steps, the same gradient.

The gradient of full-waveform inversion (`full_waveform_inversion.py`) needs the wave of each time
step, in reverse order, and the tape that holds it grows with their number. The mark
`srcad.checkpoint` on the time loop keeps `k` snapshots instead, and runs the steps between them
again when the reverse sweep comes to them. A snapshot is all that a step goes on from, here three
fields, where the tape held one field of each step: only few snapshots save memory, and few suffice.
With 8 for 600 steps the tape takes a twentieth of the memory, and the gradient two to three times
as long. With very many the copies cost more than the steps they save.

Where to put the snapshots was solved by Griewank and Walther (2000). If no step is to be run more
than `r` times, `k` snapshots reach over `C(k + r, r)` steps, so `r` grows as the `k`-th root of
their number `n`, and as its logarithm if `k` does too. In all, `t(n, k) = r n - C(k + r, r - 1)`
steps are run, beside the `n` that are recorded and reversed one by one; no order needs fewer. (One
more is run here, the last one, for the misfit that the forward sweep gives back.)

The adjoint: the same numbers in the same order as without the mark. Before the wave goes back
through a step, the field is taken from the last snapshot, run to this step, and recorded there.
Snapshots that have been passed are free, and are taken anew nearer to the step that is next.

The oracle: the gradient of the unmarked loop, bit for bit; the closed formula against the number of
steps that the generated program runs, counted by a wavelet that notes when it is read; and the
bytes of the snapshots against the memory that Python sees allocated.
"""

import math
import time
import tracemalloc
from pathlib import Path

import full_waveform_inversion as fwi
import matplotlib.pyplot as plt
import numpy as np

import srcad
from srcad.runtime.tapes import no_pool


def misfit(speed, shot, data, receivers, wavelet, damping, dt, h, snapshots):
    """Half the squared difference between the waves at the receivers and the records."""
    nz, nx = speed.shape
    before = np.zeros((nz, nx))
    now = np.zeros((nz, nx))
    after = np.zeros((nz, nx))
    total = 0.0
    for t in srcad.checkpoint(range(len(wavelet)), snapshots=snapshots):
        for i in range(1, nz - 1):
            for j in range(1, nx - 1):
                bend = now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1] - 4 * now[i, j]
                flow = 2 * now[i, j] - (1 - damping[i, j]) * before[i, j]
                courant = speed[i, j] * dt / h
                after[i, j] = (flow + courant**2 * bend) / (1 + damping[i, j])
        after[shot[0], shot[1]] += wavelet[t]
        for r in range(len(receivers)):
            total += (after[receivers[r, 0], receivers[r, 1]] - data[t, r]) ** 2
        before, now, after = now, after, before
    return 0.5 * total


misfit_and_gradient = srcad.value_and_grad(misfit)


def fewest_steps(n, k):
    """The steps to be run, beside the n recorded ones: Griewank and Walther's t(n, k)."""
    r = 0
    while math.comb(k + r, r) < n:
        r += 1
    return r * n - math.comb(k + r, r - 1) if r else 0


class Noted(np.ndarray):
    """A wavelet that counts how often a sample of it is read: once in each step that is run."""

    reads = 0

    def __getitem__(self, index):
        Noted.reads += 1
        return super().__getitem__(index)


def count_steps(n, k):
    """How many steps the derivative runs, the recorded ones too: on a ground of one cell."""
    cell = np.full((3, 3), 2000.0)
    place = np.array([1, 1])
    arguments = [cell, place, np.zeros((n, 1)), place[None], np.zeros(n), 0.0 * cell, fwi.DT, fwi.H]
    space = {}
    exec(misfit_and_gradient.source(*arguments, k), space)  # runs as plain Python, too
    arguments[4] = arguments[4].view(Noted)
    Noted.reads = 0
    space["misfit_value_and_grad"](*arguments, k, no_pool())
    return Noted.reads


def tape_bytes(derivative, *arguments):
    """The memory of a call's tape: srcad keeps it for the next call, and Python sees it."""
    srcad.release_memory()
    tracemalloc.start()
    derivative(*arguments)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept


def snapshot_bytes(n, k, cells):
    """What the snapshots take: three fields and the number of the step, one more than asked."""
    return min(k + 1, n) * 8 * (3 * cells + 1)


def seconds(calls, repeats):
    """The least processor time of each call, taken in turn."""
    least = np.full(len(calls), np.inf)
    for _ in range(repeats):
        for k, call in enumerate(calls):
            start = time.thread_time()
            call()
            least[k] = min(least[k], time.thread_time() - start)
    return least


def problem(nz, nx, nt):
    """A shot over layered ground with a slow body: the arguments of `misfit`, but for `k`."""
    start, true = fwi.ground(nz, nx)
    places, receivers, wavelet, damping = fwi.survey(nz, nx, nt, 3)
    data = fwi.record_shots(true, places, receivers, wavelet, damping, fwi.DT, fwi.H)
    return start, places[1], data[1], receivers, wavelet, damping, fwi.DT, fwi.H


def draw(path, n, cells, unmarked_memory, snapshots, steps, memory, slowdown, fitted):
    """Save the steps beside the closed formula, the memory, and the time against the memory."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
    every = np.arange(1, n + 1)
    formula = np.array([fewest_steps(n, k) for k in every])
    axes[0].loglog(every, formula / n, "k", label="(r n - C(k + r, r - 1)) / n")
    axes[0].loglog(snapshots, steps / n, "o", label="counted")
    axes[0].set(xlabel="snapshots k", ylabel="times that each step is run, on average")
    taken = [snapshot_bytes(n, k, cells) / 1e6 for k in every]
    axes[1].loglog(every, taken, "k", label="the snapshots")
    axes[1].loglog(snapshots, memory / 1e6, "o", label="allocated")
    axes[1].axhline(unmarked_memory / 1e6, color="C1", label="without the mark")
    axes[1].set(xlabel="snapshots k", ylabel="memory of the tape (MB)")
    axes[2].loglog(memory / 1e6, fitted, "k", label="a + b t(n, k), fitted to k < 30")
    axes[2].loglog(memory / 1e6, slowdown, "o", label="measured")
    axes[2].loglog(unmarked_memory / 1e6, 1.0, "C1s", label="without the mark")
    axes[2].set(xlabel="memory of the tape (MB)", ylabel="time / time without the mark")
    axes[2].set_yticks([1, 2, 3, 5, 10], ["1", "2", "3", "5", "10"])
    for axis in axes:
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    n = 600
    arguments = problem(80, 128, n)
    snapshots = np.array([2, 3, 4, 6, 8, 12, 20, 40, 80, 160, 320, 600])
    value, gradient = fwi.misfit_and_gradient(*arguments)
    found = [misfit_and_gradient(*arguments, k)[1] for k in snapshots]
    same = all(np.array_equal(one, gradient) for one in found)
    print(f"misfit {value:.4f}; the gradients are those of the unmarked loop, bit for bit: {same}")

    steps = np.array([count_steps(n, k) for k in snapshots]) - n - 1
    memory = np.array([tape_bytes(misfit_and_gradient, *arguments, k) for k in snapshots])
    unmarked_memory = tape_bytes(fwi.misfit_and_gradient, *arguments)
    calls = [lambda: fwi.misfit_and_gradient(*arguments)]
    calls += [lambda k=k: misfit_and_gradient(*arguments, k) for k in snapshots]
    unmarked, *marked = seconds(calls, 3)
    slowdown, few = np.array(marked) / unmarked, snapshots < 30
    line = np.polyfit(steps[few], slowdown[few], 1, w=1.0 / slowdown[few])
    print("snapshots   steps counted, by formula   tape (MB)   time / time without the mark")
    for k, count, size, ratio in zip(snapshots, steps, memory / 1e6, slowdown, strict=True):
        print(f"{k:9d} {count:15d} {fewest_steps(n, k):12d} {size:11.2f} {ratio:11.2f}")
    print(f"unmarked: {unmarked_memory / 1e6:40.2f} {1.0:11.2f}")
    path = Path(__file__).parent / "pictures" / "checkpointing.png"
    results = snapshots, steps, memory, slowdown, np.polyval(line, steps)
    draw(path, n, arguments[0].size, unmarked_memory, *results)


if __name__ == "__main__":
    main()
