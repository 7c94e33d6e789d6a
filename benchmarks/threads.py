"""What threads gain: the stencil kernels without ``parallel``, and with it in one and two threads.

``python -m benchmarks.threads`` prints a table, ``--publish`` fills that of docs/threads.md. The
machine must be quiet: two threads that wait for a processor wait for each other too. Beside srcad
stands the gradient by hand, its loops over rows written with ``prange``: what starting the threads
for every loop allows.
"""

import argparse
import functools
import inspect
import os
import re
import time
from pathlib import Path

import numba
import numpy as np

import srcad
from benchmarks.kernel import load
from benchmarks.measure import AGREEMENT, as_tuple, difference

KERNELS = {
    "heat": ("step", "step_back"),
    "heat3d": ("step", "over_the_border"),
    "wave2d": ("step", "step_back"),
    "fdtd": ("electric", "magnetic", "magnetic_back", "electric_back"),
}
"""The kernels, and the functions of the gradients by hand whose loops over rows are independent."""
NAMES = {
    "heat": "2-D heat",
    "heat3d": "3-D heat",
    "wave2d": "2-D wave",
    "fdtd": "FDTD-2D",
}
COLUMNS = ("without `parallel`", "with it, one thread", "two threads", "by hand, one", "two")
PAGE = Path(__file__).parents[1] / "docs" / "threads.md"


def by_hand(kernel, names):
    """The gradient by hand with ``prange`` in place of the outermost loops of some functions."""
    text = inspect.getsource(kernel)
    for name in names:
        start = text.index(f"@jit\ndef {name}(")
        end = text.index("\n\n\n", start)
        own = re.sub(
            r"^    for (\w+) in range\(", r"    for \1 in prange(", text[start:end], flags=re.M
        )
        text = text[:start] + own.replace("@jit", "@threaded", 1) + text[end:]
    space = {
        "__name__": f"{kernel.__name__}_threads",
        "prange": numba.prange,
        "threaded": numba.njit(error_model="numpy", parallel=True),
    }
    exec(compile(text, str(kernel.__file__), "exec"), space)
    return space["adjoint"]


def forms(name):
    """The gradients of a kernel, checked to agree; the threads that each is to have."""
    kernel = load(name)
    given = tuple(kernel.arguments().values())
    wrt = kernel.WRT if len(kernel.WRT) > 1 else kernel.WRT[0]
    serial = srcad.grad(kernel.PRIMAL, wrt=wrt)
    threads = srcad.grad(kernel.PRIMAL, wrt=wrt, parallel=True)
    hand = by_hand(kernel, KERNELS[name])
    expected = tuple(part.copy() for part in as_tuple(kernel.adjoint(*given)))
    calls = zip(COLUMNS, (serial, threads, threads, kernel.adjoint, hand), strict=True)
    found = {column: functools.partial(call, *given) for column, call in calls}
    for column, call in found.items():
        if not difference(call(), expected) <= AGREEMENT:
            raise AssertionError(f"{name}, {column}: another gradient than by hand")
    return found


def measured(calls, rounds):
    """Milliseconds of each call, the median of the fastest half of the rounds, in turns."""
    samples = {column: [] for column in calls}
    for _ in range(rounds):
        for column, call in calls.items():
            numba.set_num_threads(2 if column in ("two threads", "two") else 1)
            began = time.perf_counter()
            call()
            samples[column].append(time.perf_counter() - began)
    return {c: float(np.median(sorted(s)[: (rounds + 1) // 2])) * 1e3 for c, s in samples.items()}


def table(rounds):
    """The lines of the table."""
    yield f"| | {' | '.join(COLUMNS)} | one : two |"
    yield "|---|" + "---:|" * (len(COLUMNS) + 1)
    for name in KERNELS:
        found = measured(forms(name), rounds)
        gain = found["with it, one thread"] / found["two threads"]
        yield f"| {NAMES[name]} | {' | '.join(f'{v:.1f}' for v in found.values())} | {gain:.2f} |"


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--publish", action="store_true", help="fill the table of docs/threads.md")
    options = parser.parse_args(argv)
    if numba.config.NUMBA_NUM_THREADS < 2:
        parser.error("there is one thread: unset NUMBA_NUM_THREADS, or take another machine")
    rows = []
    for row in table(options.rounds):
        print(row, flush=True)
        rows.append(row)
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    if options.publish:
        text, begins, ends = PAGE.read_text(), "<!-- measured: threads -->\n", "<!-- /measured -->"
        head, rest = text.split(begins)
        PAGE.write_text(head + begins + "\n".join(rows) + "\n" + ends + rest.split(ends)[1])


if __name__ == "__main__":
    main()
