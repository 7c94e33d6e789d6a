"""The measurement: one gradient in several implementations, checked to agree, then timed in turns.

All that is timed runs in one process, so that what slows the machine slows all of them.
``python -m benchmarks.measure KERNEL`` prints the result of one kernel as JSON.
"""

import argparse
import functools
import json
import statistics
import sys
import time
from collections.abc import Callable
from types import ModuleType

import numpy as np

from benchmarks import rivals
from benchmarks.kernel import jit, load

AGREEMENT = 1e-10
"""Largest relative difference (in the norm) between two implementations of one gradient."""

SLOWEST = 20.0
"""Seconds: a rival whose first call takes longer is not called again."""


_LONG = 1.0
"""Seconds: a call that takes longer is not called only to warm up."""


class Disagreement(Exception):
    """An implementation's gradient is not the one by hand: its time would mean nothing."""


def as_tuple(gradient) -> tuple[np.ndarray, ...]:
    """A gradient or a tuple of them, as a tuple of arrays."""
    parts = gradient if isinstance(gradient, tuple) else (gradient,)
    return tuple(np.asarray(part) for part in parts)


def difference(found, expected) -> float:
    """The largest relative difference, in the norm, between the parts of two gradients."""
    pairs = zip(as_tuple(found), as_tuple(expected), strict=True)
    return max(float(np.linalg.norm(f - e) / np.linalg.norm(e)) for f, e in pairs)


def gradient_of(kernel: ModuleType, **options) -> Callable:
    """What a user of srcad calls."""
    import srcad

    if hasattr(kernel, "srcad_gradient"):
        return kernel.srcad_gradient(srcad, **options)
    wrt = kernel.WRT if len(kernel.WRT) > 1 else kernel.WRT[0]
    return srcad.grad(kernel.PRIMAL, wrt=wrt, **options)


def own(kernel: ModuleType) -> dict[str, Callable]:
    """What runs on Numba: the primal, the gradient by hand, and srcad's."""
    return {
        "primal": jit(kernel.PRIMAL),
        "hand": kernel.adjoint,
        "srcad": gradient_of(kernel),
    }


def timed(call: Callable[[], object], count: int = 1) -> float:
    """Seconds of one call, over ``count`` of them."""
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / count


def in_turns(calls: dict[str, Callable], seconds: float, rounds: int) -> dict[str, float]:
    """Median time of each call; each round times every call once, so drift hits all alike.

    A call that takes more than its share of the time sits out some of the rounds. How many calls
    fit into a share is told by the faster of two: the first may touch memory that is new. A turn
    starts with a call that is not timed (but for those of seconds), so that no time counts what the
    others left in the caches: who is called eight times in a turn would pay an eighth of it.
    """
    share = seconds / (rounds * len(calls))
    once = {name: timed(call) for name, call in calls.items()}
    once |= {name: min(t, timed(calls[name])) for name, t in once.items() if t < _LONG}
    counts = {name: max(1, int(share / once[name])) for name in calls}
    every = {
        name: max(1, min(rounds // 3, int(once[name] / (8 * share)))) if share else 1
        for name in calls
    }
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds):
        for name, call in calls.items():
            if turn % every[name] == 0:
                if once[name] < _LONG:
                    call()
                samples[name].append(timed(call, counts[name]))
    return {name: statistics.median(times) for name, times in samples.items()}


def measure(name: str, systems: tuple[str, ...], seconds=6.0, rounds=15, scale=1.0) -> dict:
    """Run every implementation, check that they agree, and time them in turns.

    Returns what goes into the report: for each implementation the median of a call, the time of the
    first, and the difference from the gradient by hand, and why others are missing.
    """
    kernel = load(name)
    arguments = kernel.arguments(scale)
    given = tuple(arguments.values())
    calls = {label: functools.partial(run, *given) for label, run in own(kernel).items()}
    skipped = {}
    for system in systems:
        try:
            found = rivals.forms(system, kernel, arguments)
        except rivals.Skipped as reason:
            skipped[system] = str(reason)
        else:
            calls |= {f"{system}: {form}": call for form, call in found.items()}
    expected = tuple(part.copy() for part in as_tuple(kernel.adjoint(*given)))
    first, errors, slow = {}, {}, {}
    for label, call in list(calls.items()):
        began = time.perf_counter()
        try:
            result = call()
            first[label] = time.perf_counter() - began
            if label != "primal":
                errors[label] = difference(result, expected)
                if not errors[label] <= AGREEMENT:
                    skipped[label] = f"differs by {errors[label]:.1e}"
        except Exception as problem:  # whatever a rival raises is its word
            skipped[label] = f"{type(problem).__name__}: {problem}".splitlines()[0][:200]
        if label in skipped:
            del calls[label]
        elif first[label] > SLOWEST:
            eager = label.startswith(("torch", "autograd"))
            again = first[label] if eager else timed(call)
            if again > SLOWEST / 4:
                slow[label] = again
                del calls[label]
    times = in_turns(calls, seconds, rounds) | slow
    return {
        "kernel": name,
        "title": kernel.TITLE,
        "seconds": times,
        "first": {label: first[label] for label in times},
        "difference": {label: errors[label] for label in times if label in errors},
        "skipped": skipped,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure", description=__doc__)
    parser.add_argument("kernel")
    parser.add_argument("--rivals", nargs="*", default=[], choices=rivals.SYSTEMS)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args(argv)
    row = measure(given.kernel, tuple(given.rivals), given.seconds, given.rounds, given.scale)
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
