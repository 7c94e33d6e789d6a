"""Peak memory of one gradient: how much the process grows by a call, tape and results together.

Each implementation runs in a process of its own: first at a small size, which compiles it, then at
full size. ``python -m benchmarks.memory KERNEL IMPLEMENTATION`` prints the growth in MB. Linux only:
the high-water mark is set back after compilation, whose memory the C library would hand out again,
so that every array of some size is made to come from the system.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.kernel import load
from benchmarks.measure import own


def status(entry: str) -> float:
    """An entry of this process's status in MB: ``VmRSS`` is what it holds, ``VmHWM`` the most so far."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(entry)]
    return int(line.split()[1]) * 1024 / 1e6


def growth(name: str, implementation: str) -> float:
    """MB by which this process grows in one call at full size."""
    kernel = load(name)
    run = own(kernel)[implementation]
    run(*kernel.arguments(0.0).values())
    arguments = kernel.arguments()
    Path("/proc/self/clear_refs").write_text("5")  # the most so far is what is held now
    before = status("VmRSS")
    run(*arguments.values())
    return status("VmHWM") - before


def measure(name: str) -> dict[str, float]:
    """Growth for each implementation that runs on Numba."""
    found = {}
    for label in ("primal", "hand", "srcad"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", name, label],
            cwd=Path(__file__).parent.parent, env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "16384"},
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode == 0:
            found[label] = float(done.stdout)
    return found


if __name__ == "__main__":
    print(growth(*sys.argv[1:]))
