"""``python -m benchmarks.growth``: the cost of a gradient, in calls of f, as the inputs grow.

Reverse mode gives the gradient of a float at a price that does not depend on the number of inputs;
forward mode takes one run for each. Prints a table, and draws it with ``--plot PATH``.
"""

import argparse

import numba
import numpy as np

import srcad
from benchmarks.measure import in_turns

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)


def loss(x):
    total = 0.0
    for i in range(x.shape[0] - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + np.sin(x[i]) ** 2
    return total


def measure(sizes=SIZES, seconds=1.5, rounds=7):
    """For each size: the times of f, of its gradient, and of the same by forward mode."""
    f, gradient = numba.njit(error_model="numpy")(loss), srcad.grad(loss)
    forward = srcad.jacobian(loss, mode="fwd")
    rows = []
    for n in sizes:
        x = np.linspace(-1.0, 1.0, n)
        np.testing.assert_allclose(forward(x), gradient(x), rtol=1e-12, atol=1e-12)
        calls = {
            "f": lambda x=x: f(x),
            "reverse": lambda x=x: gradient(x),
            "forward": lambda x=x: forward(x),
        }
        rows.append({"n": n, **in_turns(calls, seconds, rounds)})
    return rows


def show(rows):
    print(f"{'inputs':>8}{'f (us)':>10}{'gradient / f':>15}{'forward / f':>14}")
    for row in rows:
        ratios = row["reverse"] / row["f"], row["forward"] / row["f"]
        print(f"{row['n']:8}{row['f'] * 1e6:10.1f}{ratios[0]:15.1f}{ratios[1]:14.0f}")


def draw(rows, path):
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(5.6, 3.4), layout="constrained")).add_subplot()
    sizes = [row["n"] for row in rows]
    for mode, label in (("reverse", "grad"), ("forward", "jacobian, forward mode")):
        axes.loglog(sizes, [row[mode] / row["f"] for row in rows], marker="o", label=label)
    axes.set_xlabel("inputs")
    axes.set_ylabel("cost of the gradient / cost of f")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--plot", metavar="PATH", help="draw the ratios into a file")
    options = parser.parse_args(argv)
    rows = measure()
    show(rows)
    if options.plot:
        draw(rows, options.plot)


if __name__ == "__main__":
    main()
