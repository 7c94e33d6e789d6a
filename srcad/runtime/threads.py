"""What threads share: numbers that all of them see, and work that a crew of them takes in parts. ::

own = new_worker(worker, workers)
for t in range(steps):
    part = next_part(crew, own, parts)
    while part >= 0:
        ...                                 # this part of step t
        part = next_part(crew, own, parts)
    end_phase(crew, own, parts)             # all parts of step t are done
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir as llvm
from numba.core import cgutils, types
from numba.extending import register_jitable
from numba.np.arrayobj import make_array

from srcad.runtime.intrinsics import also_compiled


def _raise_to(marks: np.ndarray, place: int, value: int) -> int:
    """``marks[place] = max(marks[place], value)``, all at once; returns what was there."""
    found = marks[place]
    marks[place] = max(found, value)
    return found


def _add_to(marks: np.ndarray, place: int, value: int) -> int:
    """``marks[place] += value``, all at once; returns what was there."""
    found = marks[place]
    marks[place] += value
    return found


def _seen(marks: np.ndarray, place: int) -> int:
    """``marks[place]``, and all that its writer wrote before it."""
    return marks[place]


def _let_others_run() -> None:
    """The processor is free for another thread."""


def _type_change(_context: Any) -> Callable[..., Any]:
    return lambda marks, place, value: types.int64


def _type_look(_context: Any) -> Callable[..., Any]:
    return lambda marks, place: types.int64


def _type_no_result(_context: Any) -> Callable[..., Any]:
    return lambda: types.none


def _lower_mark(operation: str) -> Any:
    """An operation on one element of ``marks`` that threads see all at once."""

    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        marks = make_array(sig.args[0])(context, builder, args[0])
        numbers = (
            context.cast(builder, a, t, types.int64)
            for a, t in zip(args[1:], sig.args[1:], strict=True)
        )
        place, *value = numbers
        element = builder.gep(marks.data, [place])
        if value:
            return builder.atomic_rmw(operation, element, value[0], "seq_cst")
        return builder.load_atomic(element, "seq_cst", 8)

    return lowering


def _lower_yield(context: Any, builder: Any, _sig: Any, _args: Any) -> Any:
    if sys.platform != "win32":
        kind = llvm.FunctionType(llvm.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
    return context.get_dummy_value()


_MARK = types.Array, types.Integer, types.Integer
_claim = also_compiled(_raise_to, _type_change, _lower_mark("max"), *_MARK)
_count = also_compiled(_add_to, _type_change, _lower_mark("add"), *_MARK)
_look = also_compiled(_seen, _type_look, _lower_mark("load"), *_MARK[:2])
_rest = also_compiled(_let_others_run, _type_no_result, _lower_yield)


_PATIENCE = 4096
"""How often a worker looks for the end of a phase before it does something else: some 10 us."""


@register_jitable
def goes_on(pool: tuple[np.ndarray, np.ndarray], kind: int) -> bool:
    """Count a step: forward (0), run again (1) or reversed (2); whether the run is to go on."""
    mark = pool[1]
    mark[4 + kind] += 1
    return _look(mark, 7) == 0  # another thread changes it


@register_jitable
def power_of_two(most: int) -> int:
    """The greatest one that is not more, and 1 at least: as many parts as any crew can share."""
    parts = 1
    while 2 * parts <= most:
        parts *= 2
    return parts


@register_jitable
def even_parts(most: int, workers: int) -> int:
    """As many parts for each worker, four at most; if there are more workers, ``most``."""
    if most < workers:
        return max(1, most)
    return workers * min(4, most // workers)


@register_jitable
def new_worker(worker: int, workers: int) -> np.ndarray:
    """What one of the workers of a crew keeps for itself, at the start of what they share.

    All of them go through the same phases, of some parts each. ``own`` is, in this order: its
    number, the number of workers, the phase, the parts of all phases before it; of this phase, how
    many parts it asked for, how many it has done and not yet said so, where its own share of them
    begins, and how long that is; and how often it looks whether others finish theirs.
    """
    own = np.zeros(16, np.int64)
    own[0], own[1], own[2], own[8] = worker, workers, 1, _PATIENCE
    return own


@register_jitable
def next_part(crew: np.ndarray, own: np.ndarray, parts: int) -> int:
    """A part of this phase for a worker to run; -1: there is none left.

    Its own share comes first, the same rows in all phases, which are in its cache. It gives the
    others time for theirs, then it takes what they have not begun, at once if nobody else was
    there in the phase before. ``crew[8 * part + 8]`` is the last phase in which somebody took that
    part.
    """
    if own[4] == 0:
        own[6] = (own[0] * parts + own[1] - 1) // own[1]
        own[7] = ((own[0] + 1) * parts + own[1] - 1) // own[1] - own[6]
    while own[4] < parts:
        if own[4] == own[7] and _are_done(crew, own, parts):
            own[4] = parts
            own[8] = _PATIENCE
            break
        part = own[6] + own[4]
        if part >= parts:
            part -= parts
        own[4] += 1
        place = 8 * part + 8
        if _look(crew, place) < own[2] and _claim(crew, place, own[2]) < own[2]:
            own[5] += 1
            return part
        own[8] = _PATIENCE  # somebody else has it
    return -1


@register_jitable
def _are_done(crew: np.ndarray, own: np.ndarray, parts: int) -> bool:
    """Whether all parts are done, now or soon; that somebody does them is not known."""
    if own[5] > 0:
        _count(crew, 0, own[5])
    own[5] = 0
    for _ in range(own[8]):
        if _look(crew, 0) >= own[3] + parts:
            return True
    own[8] = 0
    return False


@register_jitable
def end_phase(crew: np.ndarray, own: np.ndarray, parts: int) -> None:
    """Wait until all parts of this phase are done; ``crew[0]`` counts those of all phases.

    A part that is not done was taken by a worker that runs it: who waits has asked for all of
    them. So nobody waits for a worker that has not begun, and one alone can do everything.
    """
    own[2] += 1
    own[3] += parts
    if own[5] > 0:
        _count(crew, 0, own[5])
    own[4] = own[5] = 0
    looks = 0
    while _look(crew, 0) < own[3]:
        looks += 1
        if looks > _PATIENCE:
            _rest()
