"""``python -m srcad demo``: Lotka-Volterra fitted to the lynx and hare record, 1900-1920.

The model is what a scientist writes without thinking of derivatives: scalars, two nested loops and
a Runge-Kutta step. srcad writes its adjoint, SciPy's L-BFGS-B descends along the gradient, and a
picture of data and fit is saved. Data: pelts, in thousands, of the Hudson's Bay Company.
"""

import argparse
import csv
import functools
import importlib.util
import inspect
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import srcad

SUBSTEPS = 20
"""Runge-Kutta steps in a year."""

NAMES = ("alpha", "beta", "gamma", "delta", "hare0", "lynx0")

PUBLISHED = {"alpha": 0.55, "beta": 0.028, "gamma": 0.80, "delta": 0.024}
"""Where published fits of these data lie (for example Carpenter, Stan case study, 2018)."""


def misfit(log_p, hare, lynx, substeps):
    """Sum of squared log residuals between the record and the populations that the model gives.

    hare' = (alpha - beta lynx) hare,  lynx' = (delta hare - gamma) lynx
    """
    p = np.exp(log_p)
    alpha, beta, gamma, delta = p[0], p[1], p[2], p[3]
    x, y = p[4], p[5]
    h = 1.0 / substeps
    total = 0.0
    for year in range(hare.size):
        total += np.log(x / hare[year]) ** 2 + np.log(y / lynx[year]) ** 2
        for _ in range(substeps):
            k1 = (alpha - beta * y) * x
            l1 = (delta * x - gamma) * y
            x2 = x + 0.5 * h * k1
            y2 = y + 0.5 * h * l1
            k2 = (alpha - beta * y2) * x2
            l2 = (delta * x2 - gamma) * y2
            x3 = x + 0.5 * h * k2
            y3 = y + 0.5 * h * l2
            k3 = (alpha - beta * y3) * x3
            l3 = (delta * x3 - gamma) * y3
            x4 = x + h * k3
            y4 = y + h * l3
            k4 = (alpha - beta * y4) * x4
            l4 = (delta * x4 - gamma) * y4
            x += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            y += h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    return total


class Record(NamedTuple):
    """Pelts of each year, in thousands."""

    year: np.ndarray
    hare: np.ndarray
    lynx: np.ndarray


class Fit(NamedTuple):
    """What the optimiser found, by name, and how it got there."""

    parameters: dict[str, float]
    misfit: float
    calls: int
    seconds: float


def load_record() -> Record:
    """The record, from the package's data."""
    text = Path(__file__).with_name("data").joinpath("lynx_hare.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    table = [(float(row["year"]), float(row["hare"]), float(row["lynx"])) for row in rows]
    return Record(*(np.array(column) for column in zip(*table, strict=True)))


def first_guess(record: Record) -> np.ndarray:
    """What the equations say at a glance, as the logarithms in which the fit works.

    Small oscillations have the period 2 pi / sqrt(alpha gamma), about ten years in the record, and
    surround the equilibrium hare = gamma / delta, lynx = alpha / beta, near the record's means.
    """
    rate = 2.0 * math.pi / 10.0
    beta, delta = rate / record.lynx.mean(), rate / record.hare.mean()
    return np.log(np.array([rate, beta, rate, delta, record.hare[0], record.lynx[0]]))


def fit(gradient: Callable, record: Record) -> Fit:
    """Descend from the first guess with L-BFGS-B; ``gradient`` returns value and gradient."""
    from scipy.optimize import minimize

    began = time.perf_counter()
    found = minimize(
        gradient,
        first_guess(record),
        args=(record.hare, record.lynx, SUBSTEPS),
        jac=True,
        method="L-BFGS-B",
        options={"ftol": 1e-12, "gtol": 1e-8},
    )
    if not found.success:
        raise RuntimeError(f"L-BFGS-B did not converge: {found.message}")
    parameters: dict[str, float] = dict(zip(NAMES, np.exp(found.x).tolist(), strict=True))
    return Fit(parameters, float(found.fun), found.nfev, time.perf_counter() - began)


def complex_step(log_p: np.ndarray, *rest) -> np.ndarray:
    """The gradient of ``misfit`` by complex step, in plain Python: exact to rounding, and slow."""
    result = np.empty(log_p.size)
    for i in range(log_p.size):
        nudged = log_p.astype(complex)
        nudged[i] += 1e-30j
        result[i] = misfit(nudged, *rest).imag / 1e-30
    return result


def worst_error(found: np.ndarray, exact: np.ndarray) -> float:
    """The largest relative error of an entry."""
    return float(np.max(np.abs(found - exact) / np.abs(exact)))


def seconds_per_call(call: Callable[[], object], rounds: int = 7) -> float:
    """The best of a few rounds of about 10 ms each."""
    call()
    began = time.perf_counter()
    call()
    count = max(1, int(0.01 / (time.perf_counter() - began)))
    best = math.inf
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - began) / count)
    return best


def draw(path: Path, record: Record, parameters: dict[str, float]) -> None:
    """Save a picture of the record and of the fitted populations.

    The curves come from SciPy's own integrator, so a mistake in the Runge-Kutta loop would show.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from scipy.integrate import solve_ivp

    alpha, beta, gamma, delta, hare0, lynx0 = parameters.values()
    t = np.linspace(0.0, record.year[-1] - record.year[0], 600)
    hare, lynx = solve_ivp(
        lambda _, u: ((alpha - beta * u[1]) * u[0], (delta * u[0] - gamma) * u[1]),
        (t[0], t[-1]),
        (hare0, lynx0),
        t_eval=t,
        rtol=1e-8,
    ).y

    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, pelts, curve, colour in (
        ("hare", record.hare, hare, "#c26a1d"),
        ("lynx", record.lynx, lynx, "#2b5f8a"),
    ):
        axes.plot(record.year, pelts, "o", color=colour, markersize=5, label=f"{name}, record")
        axes.plot(record.year[0] + t, curve, color=colour, linewidth=1.8, label=f"{name}, fit")
    axes.set_xticks(record.year[::2].astype(int))
    axes.set_ylim(0.0, 95.0)
    axes.set_ylabel("pelts (thousands)")
    axes.set_title("Lotka-Volterra fitted to the Hudson's Bay Company record", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2)
    figure.savefig(path, dpi=150)


def show_code(text: str) -> None:
    """Print Python source; coloured where the output is a terminal and ``rich`` is installed."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        from rich.console import Console
        from rich.syntax import Syntax

        Console().print(Syntax(text.rstrip(), "python", background_color="default"))
    else:
        print(text.rstrip())


def heading(text: str) -> None:
    """Print a heading, bold where the output is a terminal."""
    line = f"{text}\n{'-' * len(text)}"
    print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="srcad demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("lynx_hare.png"), help="the picture")
    output = parser.parse_args(argv).output

    import numba
    from scipy.optimize import approx_fprime

    began = time.perf_counter()
    record = load_record()
    gradient = srcad.value_and_grad(misfit)
    arguments = (first_guess(record), record.hare, record.lynx, SUBSTEPS)

    heading("The model, as you would write it")
    show_code(inspect.getsource(misfit))

    heading("Its adjoint, as srcad writes it")
    show_code(gradient.source(*arguments))

    heading("The gradient")
    compiling = time.perf_counter()
    _, found = gradient(*arguments)
    compiling = time.perf_counter() - compiling
    srcad.check_grads(misfit, arguments)
    exact = complex_step(*arguments)
    print(f"first call              {compiling:.2f} s (compiled, or loaded from the cache)")
    print("srcad.check_grads       passed")
    print(f"worst relative error    {worst_error(found, exact):.0e}, against complex step")

    primal = numba.njit(misfit)
    differences = functools.partial(approx_fprime, arguments[0], primal, 1.5e-8, *arguments[1:])
    ours = seconds_per_call(lambda: gradient(*arguments))
    plain = seconds_per_call(lambda: primal(*arguments))
    theirs = seconds_per_call(differences)
    error = worst_error(np.asarray(differences()), exact)
    print(f"one value, by Numba     {plain * 1e6:.0f} us")
    print(f"value and gradient      {ours * 1e6:.0f} us")
    print(
        f"finite differences      {theirs * 1e6:.0f} us (SciPy over Numba's primal: "
        f"{theirs / ours:.1f} x the time, worst relative error {error:.0e})"
    )

    heading("The fit, by SciPy's L-BFGS-B")
    result = fit(gradient, record)
    for name, value in result.parameters.items():
        note = ""
        if name in PUBLISHED:
            off = 100.0 * (value / PUBLISHED[name] - 1.0)
            note = f"   published fits: near {PUBLISHED[name]:g} ({off:+.1f} %)"
        print(f"{name:8}{value:10.4f}{note}")
    print(
        f"sum of squared log residuals {result.misfit:.3f}, after {result.calls} calls "
        f"in {result.seconds * 1e3:.0f} ms"
    )

    draw(output, record, result.parameters)
    print(f"\nPicture: {output}   ({time.perf_counter() - began:.1f} s in all)")
    return 0
