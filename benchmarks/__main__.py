"""``python -m benchmarks``: srcad against adjoints by hand, and against other systems, in one table.

    python -m benchmarks                        # every kernel, every rival that is installed
    python -m benchmarks heat lstm --rivals jax --quick
    python -m benchmarks --publish              # docs/performance.md and README, its data and its plot

Each kernel runs in a process of its own, all of its implementations in turns and in one thread, after
they have been found to agree. Peak memory and the first gradient of a process with an empty cache are
measured in further processes.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import compile_time, memory, report, rivals
from benchmarks.kernel import KERNELS

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = {
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",  # XLA's pool of threads
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}


def measured(name: str, options: argparse.Namespace) -> dict:
    """The times of a kernel, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.measure", name, "--rivals", *options.rivals]
    command += ["--seconds", str(options.seconds), "--rounds", str(options.rounds)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"kernel": name, "failed": (done.stderr.strip().splitlines() or ["?"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def first_gradient(name: str, row: dict) -> dict:
    """The entry of a row that says how long the first gradient takes, if srcad has one."""
    if "srcad" in row["skipped"]:
        return {}
    program = {name: compile_time.of_kernel(name)}
    return {"first_gradient": compile_time.measure(program, repeats=1)[0]}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=", ".join(KERNELS))
    parser.add_argument("--rivals", nargs="*", default=[*rivals.SYSTEMS], choices=rivals.SYSTEMS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    parser.add_argument("--seconds", type=float, default=10.0, help="spent timing each kernel")
    parser.add_argument("--rounds", type=int, default=15, help="medians are over so many")
    parser.add_argument("--quick", action="store_true", help="2 seconds, no memory, no first call")
    parser.add_argument("--publish", action="store_true", help="fill docs/ with this run")
    options = parser.parse_args(argv)
    if unknown := set(options.kernels) - set(KERNELS):
        parser.error(f"no kernel is called {', '.join(sorted(unknown))}")
    if options.quick:
        options.seconds, options.rounds = 2.0, 5
    if options.publish and options.kernels:
        parser.error("--publish is of all kernels")

    for system in options.rivals:
        if not rivals.installed(system):
            print(f"{report.NAMES[system]} is not installed: skipped.")
    rows: list[dict] = []
    found = {"machine": report.machine(), "kernels": rows}
    print(report.heading())
    for name in options.kernels or KERNELS:
        row = measured(name, options)
        if not options.quick and "failed" not in row:
            row["memory"] = memory.measure(name)
            row |= first_gradient(name, row)
        rows.append(row)
        print(report.line(row), flush=True)
        if options.json:  # at once: a run takes an hour on a busy machine
            options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(report.summary(rows))
    if options.publish:
        report.DATA.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        report.draw(found, report.PICTURE)
        subprocess.run([sys.executable, "-m", "docs.regenerate"], cwd=ROOT, check=False)
    return 1 if any("failed" in row or "srcad" in row["skipped"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
