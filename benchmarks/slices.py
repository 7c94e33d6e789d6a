"""``python -m benchmarks.slices``: the same programs in slices and in loops, both run by srcad.

A user who writes ``p[1:-1, 1:-1] = pn[1:-1, 2:] + ...`` should not pay for it: neither when the gradient
runs nor when it is compiled. Gradients are timed in turns, in the time of the thread; first calls each
in a process of its own, which has compiled another gradient before. ``--publish`` fills the table in
docs/performance.md.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import srcad
from benchmarks.kernels import cavity, fdtd

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
MARKS = "<!-- slices -->", "<!-- /slices -->"


def cavity_in_loops(lid, n, rho, nu, dt, steps, sweeps):
    """``benchmarks.kernels.cavity`` with a loop nest for each statement of slices."""
    m = lid.size
    dx = 2.0 / (m - 1)
    dy = 2.0 / (n - 1)
    u = np.zeros((n, m))
    v = np.zeros((n, m))
    p = np.zeros((n, m))
    b = np.zeros((n, m))
    for _ in range(steps):
        un = u.copy()
        vn = v.copy()
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                ux = (u[i, j + 1] - u[i, j - 1]) / (2 * dx)
                uy = (u[i + 1, j] - u[i - 1, j]) / (2 * dy)
                vx = (v[i, j + 1] - v[i, j - 1]) / (2 * dx)
                vy = (v[i + 1, j] - v[i - 1, j]) / (2 * dy)
                b[i, j] = rho * (1 / dt * (ux + vy) - ux**2 - 2 * (uy * vx) - vy**2)
        for _ in range(sweeps):
            pn = p.copy()
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    p[i, j] = (
                        (pn[i, j + 1] + pn[i, j - 1]) * dy**2
                        + (pn[i + 1, j] + pn[i - 1, j]) * dx**2
                    ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[i, j]
            for i in range(n):
                p[i, m - 1] = p[i, m - 2]
            for j in range(m):
                p[0, j] = p[1, j]
            for i in range(n):
                p[i, 0] = p[i, 1]
            for j in range(m):
                p[n - 1, j] = 0.0
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u[i, j] = (
                    un[i, j]
                    - un[i, j] * dt / dx * (un[i, j] - un[i, j - 1])
                    - vn[i, j] * dt / dy * (un[i, j] - un[i - 1, j])
                    - dt / (2 * rho * dx) * (p[i, j + 1] - p[i, j - 1])
                    + nu
                    * (
                        dt / dx**2 * (un[i, j + 1] - 2 * un[i, j] + un[i, j - 1])
                        + dt / dy**2 * (un[i + 1, j] - 2 * un[i, j] + un[i - 1, j])
                    )
                )
                v[i, j] = (
                    vn[i, j]
                    - un[i, j] * dt / dx * (vn[i, j] - vn[i, j - 1])
                    - vn[i, j] * dt / dy * (vn[i, j] - vn[i - 1, j])
                    - dt / (2 * rho * dy) * (p[i + 1, j] - p[i - 1, j])
                    + nu
                    * (
                        dt / dx**2 * (vn[i, j + 1] - 2 * vn[i, j] + vn[i, j - 1])
                        + dt / dy**2 * (vn[i + 1, j] - 2 * vn[i, j] + vn[i - 1, j])
                    )
                )
        for j in range(m):
            u[0, j] = 0.0
        for i in range(n):
            u[i, 0] = 0.0
            u[i, m - 1] = 0.0
        for j in range(m):
            u[n - 1, j] = lid[j]
            v[0, j] = 0.0
            v[n - 1, j] = 0.0
        for i in range(n):
            v[i, 0] = 0.0
            v[i, m - 1] = 0.0
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += u[i, j] ** 2 + v[i, j] ** 2
    return total


def fdtd_in_slices(k, pulse, steps):
    """``benchmarks.kernels.fdtd`` with a statement of slices for each loop nest."""
    n, m = k.shape
    ex = np.zeros((n, m))
    ey = np.zeros((n, m))
    hz = np.zeros((n, m))
    for t in range(steps):
        ey[0, :] = pulse[t]
        ey[1:, :] -= k[1:, :] * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= k[:, 1:] * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return np.sum(hz * hz)


PROGRAMS = {
    "cavity": (cavity, cavity.PRIMAL, cavity_in_loops),
    "fdtd": (fdtd, fdtd_in_slices, fdtd.PRIMAL),
}
"""The kernel with its arguments, in slices and in loops."""
STYLES = ("slices", "loops")


def stencil(x, n):
    """What is compiled before anything is timed."""
    for t in range(n):
        y = x.copy()
        x[1:-1] = y[2:] - t * y[:-2]
    return np.sum(x * x)


def first(name: str, style: str) -> float:
    """The seconds until the first gradient of a program is there, in this process."""
    srcad.grad(stencil, cache=False)(np.ones(4), 2)
    kernel, *styles = PROGRAMS[name]
    gradient = srcad.grad(styles[STYLES.index(style)], wrt=kernel.WRT[0], cache=False)
    began = time.thread_time()
    gradient(*kernel.arguments(0.1).values())
    return time.thread_time() - began


def first_alone(name: str, style: str) -> float:
    """``first`` in a process of its own."""
    call = [sys.executable, "-m", "benchmarks.slices", "--first", name, style]
    return float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def measure(name: str, rounds: int = 25, scale: float = 1.0) -> dict[str, float]:
    """The seconds of the gradient in each style; raises where the gradients differ."""
    kernel, *styles = PROGRAMS[name]
    given = tuple(kernel.arguments(scale).values())
    gradients = {
        style: srcad.grad(function, wrt=kernel.WRT[0])
        for style, function in zip(STYLES, styles, strict=True)
    }
    found = [gradient(*given) for gradient in gradients.values()]
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)
    samples: dict[str, list[float]] = {style: [] for style in STYLES}
    for _ in range(rounds):
        for style, gradient in gradients.items():
            began = time.thread_time()
            gradient(*given)
            samples[style].append(time.thread_time() - began)
    return {style: statistics.median(samples[style]) for style in STYLES}


def table(rows: list[dict]) -> str:
    """The rows as a table of Markdown."""
    heads = ("in slices (ms)", "in loops (ms)", "ratio", "first (s)", "in loops (s)", "ratio")
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    for row in rows:
        one, two = (row["gradient"][style] for style in STYLES)
        first, second = (row["first"][style] for style in STYLES)
        cells = (f"{1e3 * one:.2f}", f"{1e3 * two:.2f}", f"{one / two:.2f}")
        cells += (f"{first:.1f}", f"{second:.1f}", f"{first / second:.2f}")
        lines.append(f"| {' | '.join((row['program'], *cells))} |")
    return "\n".join(lines)


def publish(rows: list[dict]) -> None:
    """Put the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    PAGE.write_text(f"{head}{MARKS[0]}\n{table(rows)}\n{MARKS[1]}{tail}", encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slices", description=__doc__)
    parser.add_argument("--publish", action="store_true")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument(
        "--first", nargs=2, metavar=("PROGRAM", "STYLE"), help="time one first call"
    )
    options = parser.parse_args(argv)
    if options.first:
        print(first(*options.first))
        return
    rows = [
        {
            "program": name,
            "gradient": measure(name, options.rounds),
            "first": {style: first_alone(name, style) for style in STYLES},
        }
        for name in PROGRAMS
    ]
    print(table(rows))
    if options.publish:
        publish(rows)


if __name__ == "__main__":
    main()
