"""The cost laws: all n forces on a chain of atoms for the price of a few energies.

A chain of `n` atoms with springs between neighbours and a double well under each has the energy
`E(x)`, a loop of a few operations per atom. Forward mode follows one direction at a time, so the
forces `-dE/dx` cost `n` runs; so do the complex step and, twice over, central differences. Reverse
mode takes one run, and Baur and Strassen's law says that it costs at most a small constant times
the operations of `E`, whatever `n`.

Operations are counted here, not timed: srcad's derivatives are Python programs, `jit=False` runs
them as such, and a trace counts each arithmetic instruction and call. The count does not depend on
the machine. `main()` also times the compiled functions in turns.

The gradient check, beside it: a difference quotient errs by `h^2` for large steps and by rounding,
`1e-16 / h`, for small ones, and the complex step `Im E(x + ih) / h` has no rounding error. srcad's
derivative is exact to rounding without any step.

The adjoint: one sweep back through the loop, in which each atom gets the pull of its two springs.

The oracle: the forces by hand, in extended precision; and the counts.
"""

import dis
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numba
import numpy as np

import srcad


def energy(x):
    """Of a chain: a spring between neighbours, a double well for each."""
    total = 0.0 * x[0]
    for i in range(len(x) - 1):
        stretch = x[i + 1] - x[i]
        well = x[i] * x[i] - 1.0
        total = total + 0.5 * stretch * stretch + 0.25 * well * well
    return total


def gradient_by_hand(x):
    """The oracle, in extended precision."""
    x = x.astype(np.longdouble)
    g = np.append(x[:-1] * (x[:-1] ** 2 - 1), 0)
    g[:-1] -= x[1:] - x[:-1]
    g[1:] += x[1:] - x[:-1]
    return g


def operations(function, call):
    """How many arithmetic instructions and calls run in the function or in generated code."""
    counted = {}
    total = 0

    def arithmetic(code):
        instructions = list(dis.get_instructions(code))
        names = ("BINARY_OP", "UNARY_NEGATIVE", "CALL", "COMPARE_OP")
        return {i.offset for i in instructions if i.opname in names and i.argrepr != "[]"}

    def trace(frame, event, _):
        nonlocal total
        code = frame.f_code
        if code is not function.__code__ and not code.co_filename.startswith("<srcad"):
            return None
        if event == "call":
            counted.setdefault(code, arithmetic(code))
            frame.f_trace_opcodes = True
        total += event == "opcode" and frame.f_lasti in counted[code]
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return total


def counts(n):
    """Operations of the energy, of its gradient, and of forward mode along all n directions."""
    x = np.linspace(-1.0, 1.0, n)
    reverse = srcad.grad(energy, jit=False)

    def forward():
        for direction in np.eye(n):
            srcad.jvp(energy, (x,), (direction,), jit=False)

    calls = (lambda: energy(x), lambda: reverse(x), forward)
    return [operations(energy, call) for call in calls]


def times(n, rounds=30):
    """Seconds of the compiled energy, of its gradient and of one forward run, in turns."""
    x = np.linspace(-1.0, 1.0, n)
    f, reverse = numba.njit(energy), srcad.grad(energy)
    forward = srcad.batch(lambda x, v: srcad.jvp(energy, (x,), (v,))[1], axes=(None, 0))
    some = np.eye(4, n)
    calls = (lambda: f(x), lambda: reverse(x), lambda: forward(x, some))
    seconds = np.zeros((rounds, 3))
    for r in range(-1, rounds):
        for k, call in enumerate(calls):
            start = time.thread_time()
            call()
            seconds[r, k] = time.thread_time() - start
    f_time, reverse_time, forward_time = np.median(seconds, axis=0)
    return f_time, reverse_time, forward_time / 4


def check(x, atom, steps):
    """Errors of central differences and of the complex step at an atom, for each step h."""
    exact = float(gradient_by_hand(x)[atom])
    unit = np.eye(len(x))[atom]
    central = [(energy(x + h * unit) - energy(x - h * unit)) / (2.0 * h) for h in steps]
    imaginary = [energy(x + 1j * h * unit).imag / h for h in steps]
    return np.abs(np.array(central) - exact), np.abs(np.array(imaginary) - exact)


def draw(steps, central, imaginary, ours, sizes, counted, timed):
    """The gradient check, and the two laws."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    left.loglog(steps, np.maximum(central, 1e-17), "C1", label="central differences")
    left.loglog(steps, np.maximum(imaginary, 1e-17), "C2", label="complex step")
    left.axhline(max(ours, 1e-17), color="C0", label="srcad (no step)")
    left.set(xlabel="step h", ylabel="error of one force", title="gradient check")
    left.legend()
    for k, label in ((2, "forward mode, n runs"), (1, "reverse mode, one run")):
        color = "C3" if k == 2 else "C0"
        right.loglog(sizes, counted[:, k] / counted[:, 0], "o-", color=color, label=label)
        runs = timed[:, 0] if k == 2 else 1.0
        right.loglog(timed[:, 0], runs * timed[:, k + 1] / timed[:, 1], "x:", color=color)
    right.plot([], [], "k-o", label="operations, counted")
    right.plot([], [], "k:x", label="time, compiled")
    right.set(xlabel="atoms n", ylabel="cost of all forces / cost of E", title="cost laws")
    right.legend(fontsize=8)
    return figure


def main():
    """Check a gradient, count and time the two modes, print, save the picture."""
    x = np.random.default_rng(0).normal(size=30)
    steps = 10.0 ** np.arange(-14.0, 0.0, 0.25)
    central, imaginary = check(x, 7, steps)
    ours = abs(srcad.grad(energy)(x)[7] - float(gradient_by_hand(x)[7]))
    print(f"error of a force: srcad {ours:.1e}, complex step {imaginary[0]:.1e}", end="")
    print(f", best central difference {central.min():.1e}")

    sizes = np.array([4, 10, 30, 100])
    counted = np.array([counts(n) for n in sizes])
    print("   n  operations of E   reverse / E   forward / E")
    for n, (f, reverse, forward) in zip(sizes, counted, strict=True):
        print(f"{n:4}{f:17}{reverse / f:14.2f}{forward / f:14.1f}")
    timed = np.array([(n, *times(n)) for n in (5_000, 10_000, 20_000, 40_000)])
    n, f, reverse, forward = timed[-1]
    print(f"timed, n = {n:.0f}: reverse / E {reverse / f:.1f}, forward / E {n * forward / f:.0f}")

    figure = draw(steps, central, imaginary, ours, sizes, counted, timed)
    figure.savefig(Path(__file__).parent / "pictures" / "cost_laws.png", dpi=100)


if __name__ == "__main__":
    main()
