"""The measurement: one gradient in several implementations, checked to agree, then timed in turns.

A kernel is a module with ``PRIMAL`` (a function as a user writes it), ``arguments()`` (seeded, sizes
as keywords; ``SMALL`` are sizes for tests), ``WRT`` (parameter names), ``HAND`` (adjoints by hand, by
name; they return one gradient, or a tuple in the order of ``WRT``) and, where JAX can express it,
``jax_primal``.
"""

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from types import ModuleType

import numba
import numpy as np

from benchmarks import jax_rivals

AGREEMENT = 1e-10
"""Largest relative difference (in the norm) between two implementations of one gradient."""


class Disagreement(Exception):
    """An implementation's gradient is not the one by hand: its time would mean nothing."""


@dataclass(frozen=True)
class Timing:
    """One implementation of one kernel."""

    implementation: str
    seconds: float
    """Median of a call."""
    first: float
    """The first call: compilation, or loading from a cache, included."""
    difference: float
    """From the adjoint by hand, relative, in the norm."""


@dataclass(frozen=True)
class Row:
    """A kernel's timings, and the ratios that the table shows."""

    kernel: str
    timings: tuple[Timing, ...]

    def best(self, kind: str) -> float | None:
        """The shortest time among implementations of a kind: ``hand``, ``jax``..."""
        times = [t.seconds for t in self.timings if t.implementation.split(":")[0] == kind]
        return min(times, default=None)

    def ratio(self, kind: str) -> float | None:
        """srcad's time over the best of a kind; None where one of them is missing."""
        ours, theirs = self.best("srcad"), self.best(kind)
        return None if ours is None or theirs is None else ours / theirs

    def as_dict(self) -> dict:
        """For JSON."""
        ratios = {kind: self.ratio(kind) for kind in ("primal", "hand", "jax")}
        return {
            "kernel": self.kernel,
            "srcad_over": ratios,
            "timings": [asdict(timing) for timing in self.timings],
        }


def as_tuple(gradient) -> tuple[np.ndarray, ...]:
    """A gradient or a tuple of them, as a tuple of arrays."""
    parts = gradient if isinstance(gradient, tuple) else (gradient,)
    return tuple(np.asarray(part) for part in parts)


def difference(found, expected) -> float:
    """The largest relative difference, in the norm, between the parts of two gradients."""
    pairs = zip(as_tuple(found), as_tuple(expected), strict=True)
    return max(float(np.linalg.norm(f - e) / np.linalg.norm(e)) for f, e in pairs)


def primal(kernel: ModuleType) -> Callable:
    """The kernel's primal, compiled by Numba as srcad compiles its own."""
    return numba.njit(error_model="numpy")(kernel.PRIMAL)


def implementations(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    """Name and call (without arguments) of every implementation that is installed."""
    positional = tuple(arguments.values())
    compiled = primal(kernel)
    yield "primal", lambda: compiled(*positional)
    for name, by_hand in kernel.HAND.items():
        yield f"hand: {name}", lambda by_hand=by_hand: by_hand(*positional)
    if importlib.util.find_spec("srcad.transforms") is not None:
        import srcad

        wrt = kernel.WRT if len(kernel.WRT) > 1 else kernel.WRT[0]
        gradient = srcad.grad(kernel.PRIMAL, wrt=wrt)
        yield "srcad", lambda: gradient(*positional)
    if hasattr(kernel, "jax_primal"):
        yield from jax_rivals.gradients(kernel, arguments)


def timed(call: Callable[[], object], count: int = 1) -> float:
    """Seconds of one call, over ``count`` of them."""
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / count


def in_turns(calls: dict[str, Callable], seconds: float, rounds: int) -> dict[str, float]:
    """Median time of each call; each round times every call once, so drift hits all alike."""
    once = {name: min(timed(call), timed(call)) for name, call in calls.items()}
    slice_ = seconds / (rounds * len(calls))
    counts = {name: max(1, int(slice_ / once[name])) for name in calls}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            samples[name].append(timed(call, counts[name]))
    return {name: statistics.median(times) for name, times in samples.items()}


def measure(name: str, kernel: ModuleType, seconds: float = 6.0, rounds: int = 15) -> Row:
    """Run every implementation, check that they agree, and time them in turns."""
    calls, first, errors = {}, {}, {}
    expected = None
    for label, call in implementations(kernel, kernel.arguments()):
        began = time.perf_counter()
        result = call()
        first[label] = time.perf_counter() - began
        calls[label] = call
        errors[label] = 0.0
        if label == "primal":
            continue
        if expected is None:
            expected = tuple(part.copy() for part in as_tuple(result))
        errors[label] = difference(result, expected)
        if not errors[label] <= AGREEMENT:
            raise Disagreement(f"{name}: {label} is {errors[label]:.1e} from the adjoint by hand")
    times = in_turns(calls, seconds, rounds)
    return Row(name, tuple(Timing(k, times[k], first[k], errors[k]) for k in calls))
