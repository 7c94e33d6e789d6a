"""``python -m benchmarks.stages``: one kernel through the passes, switched on one after the other.

For each stage the gradient as it is written then, and its time; docs/optimisations.md shows both.
With ``--publish`` the times are kept in docs/data/stages.json.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import srcad
from srcad import pipeline
from srcad.specialise import Variants
from srcad.transform import adjoint, shape

DATA = Path(__file__).resolve().parent.parent / "docs" / "data" / "stages.json"
WRT = ("u", "kappa", "c")


def heat(u, kappa, c, steps):
    n, m = u.shape
    v = u.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                near = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1]
                v[i, j] = u[i, j] + c * kappa[i, j] * (near - 4.0 * u[i, j])
        u, v = v, u
    return np.sum(u * np.exp(-u))


def arguments(n: int = 100, steps: int = 20) -> tuple[Any, ...]:
    random = np.random.default_rng(7)
    return random.random((n, n)), 0.05 + 0.15 * random.random((n, n)), 0.9, steps


def _same(first: Any, *rest: Any, **options: Any) -> Any:
    return first


def _same_and_nothing(block: Any, *rest: Any, **options: Any) -> Any:
    return block, set()


@dataclass(frozen=True)
class Stage:
    """A pass, or a few, and what takes their place while they are switched off."""

    name: str
    title: str
    off: tuple[tuple[Any, str, Callable[..., Any]], ...] = ()


STAGES = (
    Stage("reversed", "as reversal writes it"),
    Stage(
        "pruned",
        "without what nothing reads",
        (
            (adjoint, "prune", _same),
            (adjoint, "propagate_zeros", _same),
            (adjoint, "drop_copies", _same),
            (adjoint, "read_saved", _same),
        ),
    ),
    Stage("reordered", "loops run forward", ((shape, "reorder", _same),)),
    Stage(
        "gathered",
        "scatters made gathers",
        ((shape, "gather", _same), (shape, "keep_sums", _same_and_nothing)),
    ),
    Stage("freed", "sums in any order", ((shape, "free_sums", _same),)),
    Stage(
        "resident",
        "fields in their tape, the run in segments",
        ((pipeline, "resident", lambda function, _: (function, ())),),
    ),
    Stage("vectorised", "elementary functions in lanes"),
)
"""The stages, each with all that were before it."""


@contextmanager
def only(stage: Stage) -> Iterator[None]:
    """The passes of later stages switched off."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Variants, "_common_found", lambda _: {}))  # written anew
        for later in STAGES[STAGES.index(stage) + 1 :]:
            for place, name, stand_in in later.off:
                stack.enter_context(patch.object(place, name, stand_in))
        yield


def derivative(f: Callable[..., Any], stage: Stage, wrt: Any = WRT) -> srcad.derivative.Derivative:
    """The gradient of a function, which is to be written while only this stage is on."""
    return srcad.grad(f, wrt=wrt, vector_math=stage is STAGES[-1], cache=False)


def measure(seconds: float = 12.0) -> dict[str, float]:
    """The least time of a call for each stage, in ms of the processor; all in turns."""
    args = arguments()
    srcad.grad(heat)(*args)  # Numba imports SciPy, and what was written before is written again
    found: dict[str, Any] = {}
    results = []
    for stage in STAGES:
        with only(stage):
            found[stage.name] = derivative(heat, stage)
            results.append(found[stage.name](*args))
    for result in results:
        for a, b in zip(result, results[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    times: dict[str, list[float]] = {name: [] for name in found}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for name, gradient in found.items():
            start = time.thread_time()
            gradient(*args)
            times[name].append(time.thread_time() - start)
    return {name: 1e3 * min(each) for name, each in times.items()}


def table(times: dict[str, float]) -> str:
    """The stages and their times as a table of Markdown."""
    lines = ["| stage | ms | of the first |", "|---|---:|---:|"]
    first = times[STAGES[0].name]
    for stage in STAGES:
        ms = times[stage.name]
        lines.append(f"| {stage.title} | {ms:.3g} | {ms / first:.2f} |")
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args(argv)
    times = measure()
    print(table(times))
    if options.publish:
        DATA.write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
