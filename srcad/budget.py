"""A call within a given memory: which loops keep snapshots in place of tapes, and how many.

The sizes of the arguments say what a program keeps (``srcad.plan``). One that fits runs as it is.
Of one that does not, the loop with the longest tape gets snapshots, then the next one, until what
is left of the memory for snapshots lets few iterations run again:

>>> split([Room(1000, 80, 1.0)], 4000), split([Room(1000, 80, 1.0)], 100)
([49], None)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from srcad.errors import TapeMemoryError, UnsupportedError
from srcad.plan import Plan, Row, bytes_text, extra_steps
from srcad.position import Position

Marks = frozenset[Position]
Amounts = Mapping[str, int]
"""How many snapshots, by the names of the parameters that say so; one where nothing is said."""
PlanOf = Callable[[Marks, Amounts], Plan]
"""The plan of the program with snapshots in these loops, so many in each."""

_FEW = 2.0
"""So many runs of a loop are not worth the snapshots of a further one."""
_LITTLE = 0.1
"""A tape that takes such a part of the memory is left alone, where the rest is enough."""
_MOST = 1 << 16
"""Snapshots of a loop of which nobody knows how long it is, at most."""
_ROUNDING = 1024
"""Bytes that the tapes of a loop take beyond what is on them: whole cache lines."""


@dataclass(frozen=True)
class Choice:
    """The loops that keep snapshots, how many each, and what that takes."""

    marks: Marks
    amounts: Amounts
    plan: Plan

    def limit(self, memory: int) -> int | None:
        """The bytes that tapes may grow to, if it is not known what they take."""
        return None if self.plan.is_bound else max(1, memory - (self.plan.array_bytes or 0))


@dataclass(frozen=True)
class Room:
    """A loop that is to get snapshots."""

    trips: int | None
    state: int
    """Bytes of a snapshot."""
    weight: float
    """What running one of its iterations costs, beside those of other loops."""
    copies: int = 1
    """How often there is room for the snapshots: twice where an outer loop makes it anew."""

    def size(self, amount: int) -> int:
        """The bytes that so many snapshots take, with that of the last iteration."""
        if self.trips is None:
            return amount * self.state * self.copies
        return min(amount + 1, self.trips) * self.state * self.copies

    def work(self, amount: int) -> float:
        """What the iterations cost that run again."""
        if self.trips is None:
            return self.weight
        return self.weight * (self.trips + extra_steps(self.trips, amount))


def choose(entry: str, memory: int, plan_of: PlanOf) -> Choice:
    """How a call takes no more than ``memory`` bytes; raises ``TapeMemoryError`` if it must."""
    marks: Marks = frozenset()
    plan = plan_of(marks, {})
    if plan.is_bound and plan.memory_bytes <= memory:
        return Choice(marks, {}, plan)
    best: tuple[float, Choice] | None = None
    refused: dict[Position, str] = {}
    weights: dict[Position, float] = {}
    while (row := _longest(plan, marks, refused)) is not None:
        if best is not None and row.bytes is not None and row.bytes < memory * _LITTLE:
            break
        try:
            trial = plan_of(marks | {row.at}, {})
        except UnsupportedError as error:
            refused[row.at] = error.what
            continue
        if any(r.asked and r.snapshot_bytes is None for r in trial.rows):
            refused[row.at] = "the size of its state is not known before it runs"
            continue
        if plan.is_bound and trial.memory_bytes >= plan.memory_bytes:
            refused[row.at] = "two states of it take as much"
            continue
        weights[row.at] = row.step_bytes or 1.0
        marks, plan = marks | {row.at}, trial
        found = _within(marks, plan, memory, plan_of, weights)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
        if best is not None and best[1].plan.is_bound and _runs(best[1].plan) <= _FEW:
            break
    if best is not None:
        return best[1]
    if not plan.is_bound and plan.memory_bytes <= memory:
        return Choice(marks, {}, plan)
    raise _too_little(entry, memory, plan, refused)


def split(rooms: Sequence[Room], free: int) -> list[int] | None:
    """How many snapshots each loop gets of so many bytes; None: they are not enough for one each.

    One after the other gets a quarter more, that for which they save the most work.
    """
    amounts = [1] * len(rooms)
    for k, room in enumerate(rooms):
        if room.trips is None and room.state:
            amounts[k] = max(1, min(_MOST, free // len(rooms) // (room.state * room.copies)))
    free -= sum(room.size(n) for room, n in zip(rooms, amounts, strict=True))
    if free < 0:
        return None
    while True:
        steps: list[tuple[float, int, int, int]] = []
        for k, (room, n) in enumerate(zip(rooms, amounts, strict=True)):
            for more in (max(n + 1, n + n // 4), n + free // max(1, room.state * room.copies)):
                price = room.size(more) - room.size(n)
                gain = room.work(n) - room.work(more)
                if 0 < price <= free and gain > 0.0:
                    steps.append((gain / price, k, more, price))
                    break
        if not steps:
            return amounts
        _, k, amounts[k], price = max(steps)
        free -= price


def _longest(plan: Plan, marks: Marks, refused: dict[Position, str]) -> Row | None:
    """The loop with the longest tape of those that might get snapshots; unknown ones first."""
    sizes: dict[Position, float] = {}
    rows: dict[Position, Row] = {}
    for row in plan.rows:
        if not row.is_marked and row.at not in marks and row.at not in refused:
            size = float("inf") if row.bytes is None else row.bytes
            sizes[row.at] = sizes.get(row.at, 0.0) + size
            rows[row.at] = row
    at = max(sizes, key=lambda at: sizes[at], default=None)
    return None if at is None or not sizes[at] else rows[at]


def _within(
    marks: Marks, plan: Plan, memory: int, plan_of: PlanOf, weights: Mapping[Position, float]
) -> tuple[float, Choice] | None:
    """The choice with these loops, and the work of the iterations that run again.

    ``weights``: what an iteration would store tells how much it computes.
    """
    rows = [r for r in plan.rows if r.asked]
    rooms = [
        Room(r.trips, r.snapshot_bytes or 0, weights[r.at], 2 if r.list_bytes else 1) for r in rows
    ]
    used = plan.memory_bytes - sum(r.bytes or 0 for r in rows) + _ROUNDING * len(rows)
    # one each if there is no room for the reserve: the plan says whether it is needed
    counts = split(rooms, memory - used) or [1] * len(rooms)
    amounts = {row.asked: n for row, n in zip(rows, counts, strict=True)}
    found = plan_of(marks, amounts)
    if found.memory_bytes > memory:
        return None
    work = sum(room.work(n) for room, n in zip(rooms, counts, strict=True))
    return work, Choice(marks, amounts, found)


def _runs(plan: Plan) -> float:
    """How often the iterations of the loops with snapshots run, before they are recorded."""
    return max(
        (1.0 + (r.extra_steps or 0) / max(1, r.trips or 1) for r in plan.rows if r.asked),
        default=0.0,
    )


def _too_little(
    entry: str, memory: int, plan: Plan, refused: dict[Position, str]
) -> TapeMemoryError:
    """The error of a memory that holds not even one snapshot of each loop."""
    longest = max(plan.rows, key=lambda row: row.bytes or 0, default=None)
    text = (
        f"memory={bytes_text(memory)} is too little for {entry}, which takes "
        f"{bytes_text(plan.memory_bytes)} at least: {bytes_text(plan.array_bytes)} for arrays, "
        f"results included, and {bytes_text(plan.total_bytes)} for what its loops keep"
    )
    hint = f'memory="{_rounded_up(plan.memory_bytes)}"'
    if longest is None:
        return TapeMemoryError(text, hint=hint)
    return TapeMemoryError(f"{text}; {_kept(longest, refused)}", longest.at, hint)


def _kept(row: Row, refused: dict[Position, str]) -> str:
    """What the loop that keeps the most keeps, and why it is not less."""
    if row.is_marked:
        return f"this loop keeps states of {bytes_text(row.snapshot_bytes)}, two at least"
    each = "" if row.step_bytes is None else f", {bytes_text(int(row.step_bytes))} an iteration"
    why = refused.get(row.at)
    without = "" if why is None else f", and it can have no snapshots: {why}"
    return f"this loop stores {bytes_text(row.bytes)}{each}{without}"


def _rounded_up(size: int) -> str:
    """An amount of memory in words, of two digits, that is no less.

    >>> _rounded_up(1_234_567), _rounded_up(990), _rounded_up(9_990_000)
    ('1.3MB', '990B', '10MB')
    """
    step = max(1, 10 ** (len(str(size)) - 2))
    return bytes_text(-(-size // step) * step).replace(" ", "")
