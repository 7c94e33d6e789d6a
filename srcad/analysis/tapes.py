"""How much memory the tapes of a program take, for arguments of given sizes.

A tape that stands outside of all loops has a length that is computed from the arguments. In ::

    v_tape = tape(pool, max(0, steps) * max(0, u0.shape[0] - 2), np.float64)
    for t in range(steps):

with 100 for ``steps`` and an array of 50 for ``u0`` that is 4800 numbers, 38400 bytes. What hangs
on numbers that the program computes is not known before it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.concrete import Given, Known, bytes_of, width_of
from srcad.analysis.flow import names_of
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Check,
    Const,
    Copy,
    Expr,
    For,
    Function,
    Invoke,
    Keep,
    MatMul,
    Push,
    Stack,
    Stmt,
    Tape,
    Var,
    While,
    ZerosLike,
    plain_statements,
    statements,
)
from srcad.position import Position

_RULES = ("next_snapshot", "next_in_distance", "next_periodic")
"""The functions that say where the next snapshot is taken."""
_LINE = 64
"""A tape takes whole cache lines (as in ``srcad.runtime.tapes``)."""
_HEAD = 128
"""What an array on a list takes beside its elements: its head, and the reference."""


@dataclass
class Taped:
    """What is kept for one loop; None: not known before the run."""

    at: Position
    trips: int | None = None
    is_marked: bool = False
    """Whether the loop has snapshots."""
    snapshots: int | None = None
    """How many snapshots were asked for."""
    asked: str = ""
    """The parameter of the program that says how many, if it is one."""
    schedule: str = "binomial"
    """Where they are taken: "binomial", "two-level", "periodic" or "disk"."""
    distance: int | None = None
    """How far those are apart that are at equal distances."""
    slots: int | None = None
    """How many states there is room for."""
    sizes: list[int | None] = field(default_factory=list)
    """Bytes of each tape."""
    slot_sizes: list[int | None] = field(default_factory=list)
    """Bytes of one state on each of them, where the loop has snapshots."""
    names: list[str] = field(default_factory=list)
    """The tapes, stacks and lists themselves."""
    list_bytes: int | None = 0
    """Bytes of the arrays that the iterations put on lists."""
    is_certain: bool = True
    """Whether the program comes to the loop, whatever branches it takes."""

    @property
    def tape_bytes(self) -> int | None:
        """Bytes of all tapes of the loop."""
        return total(self.sizes) if self.sizes else 0

    @property
    def bytes(self) -> int | None:
        """Bytes of all that is kept for the loop."""
        return total([self.tape_bytes, self.list_bytes])

    @property
    def slot_bytes(self) -> int | None:
        """Bytes of one state."""
        return total(self.slot_sizes)


@dataclass
class Kept:
    """What a program keeps: tapes, loop by loop, and the arrays beside them."""

    tapes: list[Taped]
    array_bytes: int | None
    steps: int | None
    """How many steps it counts, those aside that run again."""


def kept_by(
    function: Function,
    given: Given,
    rooms: tuple[str, ...] = (),
    starts: Mapping[str, int] = MappingProxyType({}),
) -> Kept:
    """What a program keeps, for these numbers and shapes of arguments.

    ``rooms`` are parameters that say how many snapshots loops keep, and ``starts`` the elements of
    tapes that start a cache line, where it is not the first.

    An array counts once, and twice where a loop makes it anew: the last one goes when the next is
    there. Those that an iteration puts on a list stay, and count for every iteration.
    """
    finder = _Finder(function, rooms, starts)
    known = Known(function.arrays, given)
    known.follow(function.body, finder.see)
    made = finder.made
    seen = {taped.at for taped in made}
    made += [Taped(at, is_marked=True, sizes=[None]) for at in finder.marked if at not in seen]
    return Kept(made, total(list(finder.arrays.values())), total(finder.steps))


class _Finder:
    """Sees a program from its start to its end."""

    def __init__(
        self, function: Function, rooms: tuple[str, ...], starts: Mapping[str, int]
    ) -> None:
        self.rooms, self.starts = rooms, starts
        self.marked = dict.fromkeys(at for at, _ in _marks(function.body))
        self.sites = points_to(function.body, set(function.arrays))
        loops = [s for s in plain_statements(function.body) if isinstance(s, For | While)]
        self.listed = {id(loop): _listed(loop, self.sites) for loop in loops}
        self.outer = {loop.at for loop in loops}
        self.on_lists = frozenset[str]().union(*self.listed.values())
        self.made: list[Taped] = []
        self.waiting: dict[Position, Taped] = {}
        """The tapes of loops that are still to come."""
        self.arrays: dict[str, int | None] = {}
        """Bytes of the arrays made so far, and how many of each there are at a time."""
        self.grown: dict[str, int | None] = {}
        """Bytes of those that lists hold, of all iterations."""
        self.steps: list[int | None] = []

    def see(self, stmt: Stmt, known: Known, runs: int | None) -> None:
        """Take note of a statement."""
        match stmt:
            case Tape() | Stack() | Keep():
                self._add(stmt, known)
            case Alloc() if stmt.at in self.marked:
                self._room_again(stmt, known)
            case Alloc() | Copy() | MatMul() | ZerosLike():
                self._array(stmt.target, known.size(stmt.target), runs)
            case For() | While():
                self._leave(stmt, known)
            case Check(test=Call(function="goes_on", args=(_, Const(value=kind)))) if kind != 1:
                self.steps.append(runs)

    def _room_again(self, stmt: Alloc, known: Known) -> None:
        """Room for snapshots of a loop that runs several times: two of them, as of an array."""
        taped = self._taped(stmt.at, known)
        taped.names.append(stmt.target)
        self._slots(taped, stmt, known)
        size = known.size(stmt.target)
        taped.list_bytes = total([taped.list_bytes, size, size])

    def _array(self, name: str, size: int | None, runs: int | None) -> None:
        if name in self.on_lists:
            every = None if size is None or runs is None else (size + _HEAD) * runs
            self.grown[name] = total([self.grown.get(name, 0), every])
            return
        before = self.arrays.get(name, 0)
        times = 1 if runs == 1 else 2
        self.arrays[name] = None if size is None or before is None else max(before, times * size)

    def _add(self, tape: Tape | Stack | Keep, known: Known) -> None:
        """One more tape of a loop; a stack is as long as the loop makes it."""
        taped = self._taped(tape.at, known)
        taped.names.append(tape.target)
        if isinstance(tape, Keep):
            taped.list_bytes = None  # until the loop is there that fills it
            return
        size = None
        if isinstance(tape, Tape):
            size = known.size(tape.target)
            if taped.is_marked:
                self._slots(taped, tape, known)
        if size is not None:
            ahead = -self.starts.get(tape.target, 0) * width_of(tape.dtype) % _LINE
            size = -(-(ahead + size) // _LINE) * _LINE
        taped.sizes.append(size)

    def _taped(self, at: Position, known: Known) -> Taped:
        """The loop at a place that is still to come."""
        if at not in self.waiting:
            self.waiting[at] = Taped(at, is_marked=at in self.marked, is_certain=known.is_certain)
            self.made.append(self.waiting[at])
        return self.waiting[at]

    def _slots(self, taped: Taped, tape: Tape | Alloc, known: Known) -> None:
        """How many states there is room for, and how long a part of each is."""
        lengths = known.shape(tape.target)
        taped.slots = lengths[0]
        taped.asked = self._room(tape.shape[0])
        taped.slot_sizes.append(bytes_of(tape.dtype, lengths[1:]))

    def _room(self, amount: Expr) -> str:
        """The parameter that an amount is, if it is one of those."""
        return amount.name if isinstance(amount, Var) and amount.name in self.rooms else ""

    def _leave(self, loop: For | While, known: Known) -> None:
        """What the forward sweep of a loop says of it."""
        if loop.at in self.outer and id(loop) not in self.listed:
            return  # on the line of one that it is inside of
        taped = self.waiting.get(loop.at)
        if taped is None or not _mentions(loop, taped.names):
            return
        del self.waiting[loop.at]
        taped.trips = known.trips(loop)
        if taped.list_bytes is None:
            names = self.listed.get(id(loop), frozenset())
            taped.list_bytes = total([self.grown.get(n, 0) for n in names]) if names else 0
        for at, call in _marks((loop,)):
            free = call.args[2]
            if at == loop.at and isinstance(free, Binary):
                taped.snapshots = known.integer(free.a)
                taped.asked = self._room(free.a)
                if call.function != "next_snapshot":
                    self._scheduled(taped, loop, call, known)
                return
        taped.snapshots = taped.slots

    def _scheduled(self, taped: Taped, loop: For | While, call: Call, known: Known) -> None:
        """Where the snapshots of a loop are taken; one with a disk can begin later than at 0."""
        calls = (s for s in statements(loop.body) if isinstance(s, Invoke))
        taped.schedule = "periodic" if call.function == "next_periodic" else "two-level"
        if any(s.function.startswith("write_disk") for s in calls):
            taped.schedule = "disk"
        taped.trips, taped.distance = known.integer(call.args[1]), known.integer(call.args[3])


def _mentions(loop: For | While, names: list[str]) -> bool:
    return any(not names_of(s).isdisjoint(names) for s in statements((loop,)))


def _listed(loop: For | While, sites: Sites) -> frozenset[str]:
    """The arrays that a loop puts on lists, by the names under which they are made."""
    return frozenset(
        site
        for stmt in statements((loop,))
        if isinstance(stmt, Push)
        for site in sites.get(stmt.array, ())
    )


def total(numbers: list[int | None]) -> int | None:
    """The sum of numbers that are all known."""
    known = [n for n in numbers if n is not None]
    return sum(known) if len(known) == len(numbers) else None


def marked_loops(block: Block) -> frozenset[Position]:
    """Where the loops of a program stand that have snapshots."""
    return frozenset(at for at, _ in _marks(block))


def _marks(block: Block) -> Iterator[tuple[Position, Call]]:
    """Where loops with snapshots stand, and what computes the next one."""
    for loop in statements(block):
        if isinstance(loop, For | While):
            for stmt in plain_statements(loop.body):
                match stmt:
                    case Assign(value=Call(function=name) as call) if name in _RULES:
                        yield loop.at, call
