"""Peak memory of one gradient: how much the process grows by a call, tape and results together.

Each implementation runs in a process of its own: first at a small size, which compiles it, then at
full size. ``python -m benchmarks.memory KERNEL IMPLEMENTATION`` prints the growth in MB. JAX compiles
again for another size: of its gradients the compiler tells what they allocate.
"""

import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.kernel import load
from benchmarks.measure import own


def resident() -> float:
    """The largest resident size of this program so far, in MB.

    Linux: not ``ru_maxrss``, which a child process inherits from the one that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [x for x in status.read_text().splitlines() if x.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def growth(name: str, implementation: str) -> float:
    """MB by which this process grows in one call at full size."""
    kernel = load(name)
    own(kernel, kernel.arguments(0.0))[implementation]()
    call = own(kernel, kernel.arguments())[implementation]
    before = resident()
    call()
    return resident() - before


def measure(name: str) -> dict[str, float]:
    """Growth for each implementation that runs on Numba."""
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
    print(growth(*sys.argv[1:]))
