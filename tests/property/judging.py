"""Whether the derivative of a program is right: differentiate it, and ask the oracle of its kind.

A program of kind "real" or "single" is compared with complex step, one of kind "complex" with
differences, those of the kinds in ``KERNELS`` with complex step along a few directions. What is asked of srcad is
the mode: "reverse", "grad", "forward", "vjp", "second" and "hessian" are its transformations, "lanes"
is forward mode along several directions at once; "parallel" divides loops, which run as Python in an order of their own; "eager" is "reverse", where the limits from
which loops are put in strips, products batched and so on are so low that they are reached.
"""

from __future__ import annotations

import linecache
import random
import traceback
import unittest.mock
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from tests import oracles
from tests.property import fields, kernels

MODES = ("reverse", "grad", "forward", "lanes", "vjp", "second", "hessian", "parallel", "eager")
TWICE = ("second", "hessian")
"""Modes of second derivatives."""

KERNELS = {
    "kernel": kernels.NAMES,
    "points": kernels.NAMES,
    "rows": kernels.NAMES,
    "fields": fields.NAMES,
}
"""Kinds of programs that are compared along a few directions, and their arguments that are arrays."""
TOLERANCES = dict.fromkeys(KERNELS, 1e-9) | {"real": 1e-9, "complex": 1e-6, "single": 2e-3}
"""Relative to the largest entry of the gradient."""
SECOND = 1e-5
"""The tolerance of second derivatives, which are compared with differences of complex step."""

_names = count()


@dataclass(frozen=True)
class Case:
    """One program, and what is asked of it."""

    text: str
    by_hand: str
    """The same without srcad, for the oracle."""
    arguments: Callable[[], tuple[Any, ...]]
    """Fresh ones at each call."""
    kind: str
    mode: str
    jit: bool
    seed: int

    @property
    def wrt(self) -> tuple[int, ...]:
        """The arguments that are differentiated: all but the last, an integer."""
        return tuple(range(len(self.arguments()) - 1))

    @property
    def precision(self) -> str:
        """The kind of programs that it is as precise as."""
        single = any(np.asarray(a).dtype == np.float32 for a in self.arguments())
        return "single" if single else self.kind


@dataclass(frozen=True)
class Outcome:
    """What became of a program: "right", "wrong", "refused", "crashed", or "invalid" by itself."""

    kind: str
    detail: str = ""


def same(kind: Outcome, other: Outcome) -> bool:
    """Whether a smaller program fails in the same way."""
    if kind.kind != other.kind:
        return False
    if kind.kind in ("refused", "crashed"):
        return kind.detail.split("\n")[0] == other.detail.split("\n")[0]
    return True


def load(text: str):
    """The function of a program, with its source where ``inspect`` finds it."""
    filename = f"<random program {next(_names)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    scope = {"__name__": "random_program"}
    exec(compile(text, filename, "exec"), scope)
    return scope["f"], filename


def judge(case: Case) -> Outcome:
    """Differentiate a program and compare with the oracle of its kind."""
    f, filename = load(case.text)
    by_hand, other = load(case.by_hand)
    try:
        with low_limits(case):
            return _judged(case, f, by_hand)
    finally:
        linecache.cache.pop(filename, None)
        linecache.cache.pop(other, None)


def _judged(case: Case, f, by_hand) -> Outcome:
    from srcad.errors import UnsupportedError

    try:
        with np.errstate(all="raise", under="ignore"):
            value = by_hand(*case.arguments())
        expected = expected_of(case, by_hand)
    except Exception as error:
        return Outcome("invalid", f"{type(error).__name__}: {error}")
    if not isinstance(value, float | np.float32) or not all(
        np.all(np.isfinite(e)) for e in [value, *expected]
    ):
        return Outcome("invalid", "not a finite number")
    args = case.arguments()
    try:
        got, found = _found(case, f, args)
    except UnsupportedError as error:
        return Outcome("refused", str(error))
    except Exception as error:
        lines = traceback.format_exception(error)
        return Outcome("crashed", type(error).__name__ + "\n" + "".join(lines[-6:]))
    for before, after in zip(case.arguments(), args, strict=True):
        if not np.array_equal(before, after):
            return Outcome("wrong", "the caller's arguments were changed")
    tolerance = SECOND if case.mode in TWICE else TOLERANCES[case.precision]
    scale = max(1e-2, *(float(np.max(np.abs(e), initial=0.0)) for e in expected))
    likes = args[:-1] if len(expected) == len(args) - 1 and case.kind not in KERNELS else None
    problems = [
        f"{'' if likes is None else 'argument ' + 'xyab'[i] + ': '}{problem}"
        for i, (g, e) in enumerate(zip(found, expected, strict=True))
        if (
            problem := oracles.mismatch(
                g, e, tolerance, like=None if likes is None else likes[i], scale=scale
            )
        )
    ]
    loose = 1e-4 if case.precision == "single" else 1e-10
    if got is not None and abs(got - value) > loose * max(1.0, abs(value)):
        problems.append(f"value: got {got}, expected {value}")
    if not problems:
        return Outcome("right")
    if _ill_conditioned(case, by_hand, expected, scale, tolerance):
        return Outcome("invalid", "the derivative itself depends on the last bits")
    return Outcome("wrong", problems[0])


# -------------------------------------------------------------------- what srcad finds


def _found(case: Case, f, args: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """The value, if it is asked for, and what is compared with the oracle."""
    import srcad

    options: dict[str, Any] = {"jit": case.jit}
    if case.jit:
        options["cache"] = False
    wrt, kernel = case.wrt, case.kind in KERNELS
    directions = directions_of(case)
    match case.mode:
        case "forward":
            outs = [srcad.jvp(f, args, (*d, None), **options) for d in directions]
            return outs[0][0], [np.array([out[1] for out in outs])]
        case "lanes":
            together = [np.stack(v, axis=-1) for v in zip(*directions, strict=True)]
            count = len(directions)
            got, out = srcad.jvp(f, args, (*together, None), directions=count, **options)
            return got, [out]
        case "hessian":
            blocks = srcad.hessian(f, wrt=wrt, **options)(*args)
            return None, [np.array([_both(blocks, *pair) for pair in _pairs(directions)])]
        case "vjp":
            outputs = outputs_of(case)
            out, pullback = srcad.vjp(f, *args, outputs=outputs, **options)
            out = out if outputs else (out,)
            seed = seed_of(case, [np.asarray(o) for o in out])
            found = pullback(tuple(seed) if outputs else seed[0])
            for _ in range(2):  # a pullback may be called again
                found = pullback(tuple(seed) if outputs else seed[0])
            return out[0], [_along(found[:-1], directions)]
        case "second":
            found = [srcad.hvp(f, args, one, wrt=wrt, **options) for one, _ in _pairs(directions)]
            along = [
                _along(g, [two])[0] for g, (_, two) in zip(found, _pairs(directions), strict=True)
            ]
            return None, [np.array(along)]
        case "grad":
            got, gradient = None, srcad.grad(f, wrt=wrt, **options)(*args)
        case _:
            if case.mode == "parallel":
                options["parallel"] = True
            got, gradient = srcad.value_and_grad(f, wrt=wrt, **options)(*args)
    for g, a in zip(gradient, args, strict=False):
        assert np.shape(g) == np.shape(a), (np.shape(g), np.shape(a))
    return got, [_along(gradient, directions)] if kernel else list(gradient)


def _along(gradient, directions) -> np.ndarray:
    return np.array(
        [
            sum(float(np.sum(np.asarray(g) * v)) for g, v in zip(gradient, d, strict=True))
            for d in directions
        ]
    )


def _both(blocks, one, two) -> float:
    """A Hessian along two directions."""
    return sum(
        float(np.sum(np.tensordot(np.asarray(block), v, np.ndim(v)) * u))
        for row, u in zip(blocks, one, strict=True)
        for block, v in zip(row, two, strict=True)
    )


def _short_segments(length: int) -> Any:
    """Segments of so many steps, wherever there is a tape at all."""

    @register_jitable
    def segment_length(trips: int, step: int, state: int) -> int:
        return max(1, min(trips, length) if step else trips)

    return segment_length


_segment_length = {turns: _short_segments(2 * turns) for turns in (2, 4)}
"""By the number of arrays that are exchanged: a segment is longer than twice as many steps."""


@contextmanager
def low_limits(case: Case) -> Iterator[None]:
    """Limits of passes that small programs reach; threads that run one after another."""
    from srcad import pipeline
    from srcad.analysis import work
    from srcad.backend import parts
    from srcad.runtime import schedules
    from srcad.transform import outer, roll, scalarise, segments, side_by_side, strips

    rng, other = random.Random(case.seed), random.Random(case.seed + 1)
    with ExitStack() as stack:

        def limit(module: Any, name: str, value: Any) -> None:
            stack.enter_context(unittest.mock.patch.object(module, name, value))

        if case.mode in ("eager", "parallel", "vjp"):
            limit(strips, "LANES", rng.choice([2, 3, 4]))
            limit(strips, "FEWEST", rng.choice([0, 1, 2]))
            limit(outer, "TERMS", rng.choice([1, 2, 3]))
            limit(scalarise, "STATEMENTS", rng.choice([0, 48, 300]))
            limit(roll, "ROWS", other.choice([1, 2, 4]))
            turns = other.choice([2, 4, 4])
            limit(segments, "_ARRAYS", turns)
            limit(schedules, "segment_length", _segment_length[turns])
        if case.mode == "eager":  # loops as they are written for a compiler, also run as Python
            limit(pipeline, "_is_compiled", lambda request: True)
            limit(side_by_side, "LANES", rng.choice([2, 3, 16]))
            limit(side_by_side, "STEPS", rng.choice([2, 5, 512]))
            limit(side_by_side, "_MOVES", other.choice([6, 1000]))
            limit(side_by_side, "_IN_LOOPS", other.choice([1, 1000]))
        if case.mode == "parallel":
            limit(work, "_GRAIN", 1)
            limit(work, "_ENOUGH", 1)
            limit(work, "_TRIPS", 2)
            limit(work, "_LONG", 2)
            limit(work, "_PARTS", rng.choice([2, 3, 5]))
            if not case.jit:
                limit(pipeline, "_may_divide", lambda request, _: request.options.parallel)
                limit(numba, "prange", lambda n: reversed(range(n)))
        if case.jit:
            limit(parts, "_LONG", 1)
            limit(parts, "_SIZE", rng.choice([4, 12, 60]))
        yield


# -------------------------------------------------------------------- what the oracles find


def directions_of(case: Case) -> list[list[Any]]:
    """The directions in which the derivative is compared: one entry each if there are few."""
    if case.kind not in KERNELS and case.mode in ("reverse", "grad", "parallel", "eager"):
        return []
    given = [oracles.widen(case.arguments()[k]) for k in case.wrt]
    rng = np.random.default_rng(case.seed + 1)
    out = [[_direction(rng, a) for a in given] for _ in range(3)]
    if sum(np.size(a) for a in given) <= 30 and case.mode not in TWICE:
        for i, a in enumerate(given):
            for k in range(np.size(a)):
                one = [np.zeros(np.shape(b)) for b in given]
                one[i].reshape(-1)[k] = 1.0
                out.append([e if np.ndim(b) else float(e) for e, b in zip(one, given, strict=True)])
        return out
    for _ in range(3):  # few entries
        some = [rng.uniform(size=np.shape(a)) < 0.2 for a in given]
        found = [_direction(rng, a) * s for a, s in zip(given, some, strict=True)]
        out.append([e if np.ndim(b) else float(e) for e, b in zip(found, given, strict=True)])
    return out


def _direction(rng, a) -> Any:
    v = rng.uniform(-1.0, 1.0, np.shape(a))
    return v if np.ndim(a) else float(v)


def _pairs(directions):
    return list(zip(directions, [*directions[1:], directions[0]], strict=True))


def outputs_of(case: Case) -> tuple[str, ...]:
    """Arguments whose final state is an output."""
    if case.kind not in KERNELS:
        return ()
    return tuple(n for k, n in enumerate(KERNELS[case.kind]) if case.seed >> k & 1)


def seed_of(case: Case, outs: list[np.ndarray]) -> list[Any]:
    """The seed of a pullback."""
    rng = np.random.default_rng(case.seed + 2)
    return [_direction(rng, o) for o in outs]


def expected_of(case: Case, f, shift: float = 0.0) -> list[np.ndarray]:
    """What the oracle finds, for arguments that differ from the program's by a relative shift."""
    wide = [oracles.widen(a) for a in case.arguments()]
    given = [a * (1.0 + shift) if isinstance(a, float | np.ndarray) else a for a in wide]
    directions = directions_of(case)
    step = 1e-3 if shift == 0.0 else 7e-4
    if case.mode in TWICE:
        pairs = _pairs(directions)
        curvature = _curvature if case.kind != "complex" else _curvature_by_differences
        return [np.array([curvature(f, given, one, two, shift) for one, two in pairs])]
    if case.kind == "complex":  # complex step is for real programs
        found = [np.asarray(oracles.differences(f, given, i, step=step)) for i in case.wrt]
        if case.mode == "vjp":
            (seed,) = seed_of(case, [np.asarray(0.0)])
            found = [seed * part for part in found]
        return [_along(found, directions)] if directions else found
    if directions:
        outputs = outputs_of(case) if case.mode == "vjp" else ()
        positions = tuple(KERNELS[case.kind].index(n) for n in outputs)
        tangents = [_tangent(f, given, d, positions) for d in directions]
        if case.mode != "vjp":
            return [np.array([t[0] for t in tangents])]
        seed = seed_of(case, [np.asarray(t) for t in tangents[0]])
        totals = [
            sum(float(np.sum(s * t)) for s, t in zip(seed, ts, strict=True)) for ts in tangents
        ]
        return [np.array(totals)]
    return [np.asarray(oracles.complex_step(f, given, i)) for i in case.wrt]


def _tangent(f, given, direction, positions=()) -> list[Any]:
    return oracles.tangent(f, [oracles.fresh(a) for a in given], [*direction, None], positions)


def _curvature(f, given, one, two, shift: float) -> float:
    """The second derivative along two directions: differences of complex step."""

    def slope(h: float) -> float:
        moved = [a + h * d for a, d in zip(given, one, strict=False)]
        return _tangent(f, [*moved, given[-1]], two)[0]

    h = 1e-3 if shift == 0.0 else 7e-4
    return _extrapolated(lambda h: (slope(h) - slope(-h)) / (2 * h), h)


def _curvature_by_differences(f, given, one, two, shift: float) -> float:
    """The same of a program of complex numbers: differences of differences."""

    def value(h: float, k: float) -> float:
        moved = [a + h * d + k * e for a, d, e in zip(given, one, two, strict=False)]
        return f(*(oracles.fresh(a) for a in moved), given[-1])

    def mixed(h: float) -> float:
        return (value(h, h) - value(h, -h) - value(-h, h) + value(-h, -h)) / (4 * h * h)

    return _extrapolated(mixed, 8e-3 if shift == 0.0 else 6e-3)


def _extrapolated(at: Callable[[float], float], h: float) -> float:
    """A quotient of central differences for a step that goes to 0 (Richardson)."""
    d = [at(h / 2**j) for j in range(3)]
    d1 = [(4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3]
    return (16 * d1[1] - d1[0]) / 15


def _ill_conditioned(case: Case, f, expected, scale: float, tolerance: float) -> bool:
    """Whether the oracle moves by more than a tenth of the tolerance for a change in the last bits."""
    shifts = {"complex": (1e-9,), "single": (2e-7, -2e-7, 1e-6, -1e-6)}.get(
        case.precision, (4e-16,)
    )
    if case.mode in TWICE:
        shifts = (1e-9,)
    return any(
        bool(np.max(np.abs(moved - e), initial=0.0) > 0.1 * tolerance * scale)
        for shift in shifts
        for moved, e in zip(expected_of(case, f, shift), expected, strict=True)
    )
