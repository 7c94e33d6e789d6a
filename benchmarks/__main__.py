"""``python -m benchmarks``: srcad against the primal, adjoints by hand, and JAX, from one run.

One thread for all; every gradient is checked against the one by hand before it is timed; all of a
kernel's implementations timed in turns, medians.
"""

import os

for variable in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["NPROC"] = "1"  # XLA's thread pool
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

import argparse  # noqa: E402 - the environment comes first
import importlib  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks import KERNELS, compile_time, einsum, memory  # noqa: E402
from benchmarks.measure import Disagreement, Row, measure  # noqa: E402


def milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.3g}"


def ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def show(row: Row) -> None:
    """A kernel's line in the table of ratios, and a line for each implementation below it."""
    times = [milliseconds(row.best(kind)) for kind in ("primal", "hand", "jax", "srcad")]
    ratios = [ratio(row.ratio(kind)) for kind in ("primal", "hand", "jax")]
    print("{:16}{:>9}{:>9}{:>9}{:>9}   {:>10}{:>10}{:>10}".format(row.kernel, *times, *ratios))


def show_details(rows: list[Row]) -> None:
    print("\nEvery implementation: median (ms), first call (s), difference from the first by hand")
    for row in rows:
        for t in row.timings:
            print(
                f"{row.kernel:16}{t.implementation:30}{milliseconds(t.seconds):>9}"
                f"{t.first:9.2f}{t.difference:10.0e}"
            )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = (*KERNELS, "compile_time", "einsum")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=str(names))
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every number there too")
    parser.add_argument("--seconds", type=float, default=6.0, help="spent timing each kernel")
    parser.add_argument("--memory", action="store_true", help="measure peak memory as well")
    options = parser.parse_args(argv)
    chosen = options.only or list(names)

    rows: list[Row] = []
    failed = []
    kernels = [name for name in chosen if name in KERNELS]
    if kernels:
        print("Median of a call (ms), the best form of each; then srcad's time as a multiple")
        print(
            "{:16}{:>9}{:>9}{:>9}{:>9}   {:>10}{:>10}{:>10}".format(
                "", "primal", "by hand", "JAX", "srcad", "x primal", "x by hand", "x JAX"
            )
        )
    for name in kernels:
        try:
            rows.append(
                measure(name, importlib.import_module(f"benchmarks.{name}"), options.seconds)
            )
        except Disagreement as problem:
            failed.append(str(problem))
            print(f"{name:16}{problem}")
        else:
            show(rows[-1])
    if rows:
        if all(row.best("jax") is None for row in rows):
            print("JAX is not installed: skipped.")
        show_details(rows)
    peaks = {row.kernel: memory.measure(row.kernel) for row in rows} if options.memory else {}
    for name, peak in peaks.items():
        print(f"{name}: MB that one call takes:", {k: round(v, 1) for k, v in peak.items()})
    compiled = compile_time.measure() if "compile_time" in chosen else []
    if compiled:
        compile_time.show(compiled)
    contractions = einsum.measure(options.seconds / 3.0) if "einsum" in chosen else []
    if contractions:
        einsum.show(contractions)
    if options.json:
        report = {
            "python": platform.python_version(),
            "machine": platform.processor() or platform.machine(),
            "kernels": [row.as_dict() for row in rows],
            "memory": peaks,
            "compile_time": compiled,
            "einsum": contractions,
            "failed": failed,
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
