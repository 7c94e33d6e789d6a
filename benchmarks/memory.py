"""Peak memory of one gradient: the most bytes that a call has at one time, tape and results together.

Each implementation runs in a process of its own: first at a small size, which compiles it, then at
full size. ``python -m benchmarks.memory KERNEL IMPLEMENTATION`` prints the peak in MB.

Counted are the bytes that are asked for: compiled code is made to allocate as Python does, and
``tracemalloc`` follows both. What Linux says of a process (``VmHWM``) is kept for each processor and
added up by batches of pages: a tape of 154 kB may come out as nothing, or as 258 kB.
"""

import subprocess
import sys
import tracemalloc
from pathlib import Path

from numba.core.runtime import _nrt_python

from benchmarks.kernel import load
from benchmarks.measure import own


def peak(name: str, implementation: str) -> float:
    """MB that one call at full size has at most, above what there was before it."""
    _nrt_python.memsys_use_cpython_allocator()
    kernel = load(name)
    run = own(kernel)[implementation]
    run(*kernel.arguments(0.0).values())
    arguments = kernel.arguments()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run(*arguments.values())
    return (tracemalloc.get_traced_memory()[1] - before) / 1e6


def measure(name: str) -> dict[str, float]:
    """The peak of each implementation that runs on Numba."""
    found = {}
    for label in ("primal", "hand", "srcad"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", name, label],
            cwd=Path(__file__).parent.parent, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode == 0:
            found[label] = float(done.stdout)
    return found


if __name__ == "__main__":
    print(peak(*sys.argv[1:]))
