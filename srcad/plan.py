"""What a call of a derivative keeps for its reverse sweep: told before the run, and after it.

>>> bytes_text(33_768), bytes_text(1_600_000_000), bytes_text(None)
('33.8 kB', '1.6 GB', 'not known')
"""

from __future__ import annotations

import io
import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from srcad.errors import TapeMemoryError
from srcad.position import Position

if TYPE_CHECKING:
    from rich.table import Table

    from srcad.analysis.tapes import Taped


@dataclass(frozen=True, slots=True)
class Row:
    """One loop of a plan; None stands for what is not known before the run, or does not apply."""

    at: Position
    """Where the loop is."""
    is_marked: bool
    """Whether it has snapshots."""
    trips: int | None
    """How many iterations it has."""
    bytes: int | None
    """What is kept for it: tapes and lists, or the states that there is room for."""
    snapshots: int | None
    """The snapshots asked for: one more state is kept, that of the last iteration."""
    snapshot_bytes: int | None
    """One state, and the number of its iteration."""
    extra_steps: int | None
    """How many iterations are run again, those that are recorded aside."""
    list_bytes: int | None = 0
    """What part of the bytes is arrays that the iterations make: no tape, and not in the pool."""
    is_certain: bool = True
    """Whether the program comes to the loop, whatever branches it takes."""
    asked: str = ""
    """The parameter of the generated program that says how many snapshots, if one does."""
    schedule: str = "binomial"
    """Where the snapshots are taken: "binomial", "two-level", "periodic" or "disk"."""
    disk_snapshots: int | None = 0
    """How many more there are on disk."""

    @property
    def step_bytes(self) -> float | None:
        """What is kept for each iteration of a loop without snapshots."""
        if self.is_marked or self.bytes is None or not self.trips:
            return None
        return self.bytes / self.trips


class Plan:
    """What a call keeps, loop by loop. Print it for a table."""

    def __init__(
        self,
        tapes: Sequence[Taped],
        array_bytes: int | None = 0,
        budget: int | None = None,
        once: int | None = None,
    ) -> None:
        self.rows = tuple(map(_row, tapes))
        self._once = once
        self.array_bytes = array_bytes
        """The arrays that the program makes beside its tapes, results included, at most."""
        self.budget = budget
        """What ``memory`` allows, if it was given."""

    @property
    def total_bytes(self) -> int:
        """What is kept for all loops of which it is known."""
        return sum(row.bytes or 0 for row in self.rows)

    @property
    def tape_bytes(self) -> int:
        """The part of it that is tapes and snapshots, as ``stats`` counts them."""
        return self.total_bytes - sum(row.list_bytes or 0 for row in self.rows)

    @property
    def steps(self) -> int | None:
        """The steps that a progress bar counts: forward, run again and reversed."""
        extra = [row.extra_steps for row in self.rows if row.is_marked]
        if self._once is None or None in extra:
            return None
        return self._once + sum(n or 0 for n in extra)

    @property
    def memory_bytes(self) -> int:
        """What is kept and the arrays beside it: the memory above the arguments."""
        return self.total_bytes + (self.array_bytes or 0)

    @property
    def is_complete(self) -> bool:
        """Whether it is known of all loops, and the program comes to all of them."""
        return self.is_bound and all(row.is_certain for row in self.rows)

    @property
    def is_bound(self) -> bool:
        """Whether nothing more is kept, whatever branches the program takes."""
        return all(row.bytes is not None for row in self.rows)

    def __rich__(self) -> Table:
        """The table that ``rich`` prints."""
        from rich import box  # noqa: PLC0415 (slow to import)
        from rich.table import Table  # noqa: PLC0415

        total, first = bytes_text(self.total_bytes), "total"
        if not self.is_complete:
            total = f"at most {total}" if self.is_bound else f"{total} and more"
        if self.budget is not None:
            first += f"\narrays beside it\nmemory={bytes_text(self.budget)}"
            total += f"\n{bytes_text(self.array_bytes)}"
        table = Table(box=box.SIMPLE, show_footer=True)
        table.add_column("loop", first)
        for title in ("iterations", "snapshots", "a snapshot", "run again"):
            table.add_column(title, justify="right")
        table.add_column("kept", total, justify="right")
        for row in self.rows:
            table.add_row(*_cells(row))
        return table

    def __str__(self) -> str:
        from rich.console import Console  # noqa: PLC0415 (slow to import)

        console = Console(file=io.StringIO(), width=200, color_system=None)
        with console.capture() as printed:
            console.print(self)
        return "\n".join(line.rstrip() for line in printed.get().strip("\n").splitlines())

    def __repr__(self) -> str:
        return f"<srcad plan of {len(self.rows)} loops, {bytes_text(self.total_bytes)}>"


@dataclass(frozen=True, slots=True)
class Stats:
    """What a call kept and did."""

    tape_bytes: int
    """Bytes of its tapes and of its snapshots."""
    forward_steps: int = 0
    """Iterations of the loops with snapshots; with ``progress=True`` those that the bar counts."""
    extra_steps: int = 0
    """Iterations that ran again."""
    reversed_steps: int = 0
    """Iterations that were reversed."""


def extra_steps(trips: int, snapshots: int, schedule: str = "binomial", distance: int = 1) -> int:
    """How many iterations run again, where snapshots are ``distance`` apart, or in binomial order.

    A stretch between two of them is reversed in the fewest iterations for the snapshots that are
    free then, and the forward sweep, which goes on to the end, has run the last one already.

    >>> extra_steps(100, 100), extra_steps(3, 1), extra_steps(6, 2, "periodic", 3)
    (0, 1, 6)
    """
    if schedule == "binomial":
        distance = max(1, trips)
    stretches = [min(distance, trips - start) for start in range(0, trips, distance)]
    if schedule == "periodic":
        return sum(n * (n - 1) // 2 for n in stretches)
    below = 0 if schedule == "disk" else 1
    again = [_fewest(n, snapshots - below * k) for k, n in enumerate(stretches)]
    return sum(again) - (stretches[-1] - 1) if stretches else 0


def _fewest(trips: int, snapshots: int) -> int:
    """The fewest iterations to be run (Griewank and Walther, ACM Trans. Math. Softw. 26, 2000).

    The optimum is ``r n - C(c + r, r - 1)`` with the smallest r for which ``n <= C(c + r, r)``.
    """
    most = 1
    while trips > math.comb(snapshots + most, most):
        most *= 2
    runs = bisect_left(range(most), trips, key=lambda r: math.comb(snapshots + r, r))
    return runs * trips - (math.comb(snapshots + runs, runs - 1) if runs else 0)


def out_of_memory(entry: str, plan: Plan, asked: int, free: int) -> TapeMemoryError:
    """The error of a call that asked for more memory than is free."""
    longest = max(plan.rows, key=lambda row: row.bytes or 0, default=None)
    what = f"the tapes of {entry} take {{}}, and {bytes_text(free)} of memory are free"
    if plan.budget is not None:
        what = f"the tapes of {entry} take {{}}, more than memory={bytes_text(plan.budget)} leaves"
    if longest is None:
        return TapeMemoryError(what.format(f"at least {bytes_text(asked)}"))
    total = f"at least {bytes_text(max(asked, plan.total_bytes))}"
    if plan.is_complete:
        total = f"{bytes_text(plan.total_bytes)}, {bytes_text(longest.bytes)} of it for this loop"
    return TapeMemoryError(what.format(total), longest.at, _with_fewer_states(longest))


def bytes_text(size: int | None) -> str:
    """An amount of memory in words."""
    if size is None:
        return "not known"
    number, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{number:.3g} {unit}"


def _row(taped: Taped) -> Row:
    trips, snapshots, distance = taped.trips, taped.snapshots, taped.distance
    extra, on_disk = None, 0
    if trips is not None and snapshots is not None:
        extra = extra_steps(trips, snapshots, taped.schedule, distance or 1)
    if taped.schedule == "disk":
        on_disk = None if trips is None or distance is None else -(-trips // distance)
    return Row(
        taped.at,
        taped.is_marked,
        taped.trips,
        taped.bytes,
        taped.snapshots,
        taped.slot_bytes,
        extra,
        taped.list_bytes,
        taped.is_certain,
        taped.asked,
        taped.schedule,
        on_disk,
    )


def _cells(row: Row) -> tuple[str, ...]:
    place, kept = str(row.at), bytes_text(row.bytes)
    if not row.is_marked:
        return place, "" if row.trips is None else f"{row.trips:,}", "", "", "", kept
    numbers = (row.trips, row.snapshots, row.extra_steps, row.disk_snapshots)
    trips, snapshots, extra, on_disk = ("not known" if n is None else f"{n:,}" for n in numbers)
    if row.schedule == "disk":
        snapshots += f" + {on_disk} on disk"
    return place, trips, snapshots, bytes_text(row.snapshot_bytes), extra, kept


def _with_fewer_states(row: Row) -> str:
    """The head of a loop to be written instead."""
    if row.is_marked:
        return "ask for fewer snapshots"
    head = re.search(r"\b(for .+? in|while) (.+):", row.at.text)
    if head is None:
        return "for t in srcad.checkpoint(range(n), snapshots=20):"
    return f"{head[1]} srcad.checkpoint({head[2]}, snapshots=20):"
