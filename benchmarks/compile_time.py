"""What a user waits for the first gradient: of the kernels, and of functions of 60 statements.

Each time is a whole process, from its start to the gradient: the interpreter, ``import srcad`` and
the first call. Cold: the disk cache is empty. Warm: a second process with the same code.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = {
    "sixty_scalar": (
        "import srcad\n"
        "from benchmarks.sixty_scalar import sixty_scalar\n"
        "print(*srcad.grad(sixty_scalar, wrt=(0, 1))(0.3, 0.7))\n"
    ),
    "sixty_array": (
        "import numpy as np\n"
        "import srcad\n"
        "from benchmarks.sixty_array import sixty_array\n"
        "x = np.linspace(0.1, 1.0, 1000)\n"
        "print(*map(np.sum, srcad.grad(sixty_array, wrt=(0, 1))(x, 1.0 - x)))\n"
    ),
}


def seconds(program: str, cache: str) -> tuple[float, str]:
    """Time of a fresh process that runs the program, and what it prints."""
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"SRCAD_CACHE_DIR": cache}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    elapsed = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(done.stderr)
    return elapsed, done.stdout


def of_kernel(name: str) -> str:
    """The program of a kernel, at the size of the tests: to compile is what takes the time."""
    return (
        "import numpy as np\n"
        "from benchmarks.kernel import load\n"
        "from benchmarks.measure import as_tuple, gradient_of\n"
        f"kernel = load({name!r})\n"
        "gradient = gradient_of(kernel)(*kernel.arguments(0.0).values())\n"
        "print(*(np.sum(part) for part in as_tuple(gradient)))\n"
    )


def measure(programs: dict[str, str] = PROGRAMS, repeats: int = 3) -> list[dict]:
    """Cold and warm times of each program, the median of a few."""
    found = []
    for name, program in programs.items():
        pairs = []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                cold, first = seconds(program, folder)
                warm, second = seconds(program, folder)
            if first != second:
                raise RuntimeError(f"{name}: the cached gradient differs: {first} {second}")
            pairs.append((cold, warm))
        cold, warm = (sorted(times)[repeats // 2] for times in zip(*pairs, strict=True))
        found.append({"function": name, "cold": cold, "warm": warm})
    return found


def show(found: list[dict]) -> None:
    print("\nFirst gradient in a fresh process, import included (s)")
    print(f"{'':16}{'cold':>9}{'warm':>9}")
    for row in found:
        print(f"{row['function']:16}{row['cold']:9.2f}{row['warm']:9.2f}")


if __name__ == "__main__":
    show(measure())
