"""Dicts and instances that can change: objects, whose members are cells of a heap.

A name, an argument or a cell that holds an object holds its id, so that what is written through one
is seen through all. The heap is a scope like those of functions, with a name for each cell; so a
cell is bound, and joined after a branch or over a loop, as a variable is.

Where a name holds one object on one path and another one on the other, a new object is made of
the joined members of both. It stands for either as long as nothing else holds one of the two; if
something does, the three are ``shared``, and to write any of them is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from srcad.frontend.expressions import CONFLICT, Marker, Scope
from srcad.frontend.records import Records
from srcad.frontend.values import (
    BoundCall,
    LocalFunction,
    MaybeUnbound,
    ObjectValue,
    OptionalValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.members import Keys
from srcad.ir.nodes import Assign, Bind, Expr, Stmt, Var, names_read

HEAP = "$heap"
Env = dict[str, Value]


@dataclass
class Moment:
    """What names and cells denote at one place of the program."""

    names: Env
    cells: Env
    writes: int
    """How many writes of cells came before."""


@dataclass
class Joins:
    """Two moments being joined: which objects meet, and what came of them."""

    one: Env
    two: Env
    site: str
    homes: set[str] = field(default_factory=set)
    """Objects that this loop made when it was read before; their cells may be written anew."""
    met: set[tuple[str | None, str | None]] = field(default_factory=set)
    made: dict[tuple[str, str], ObjectValue] = field(default_factory=dict)
    cells: Env = field(default_factory=dict)
    loop: bool = False
    """Whether they are the head of a loop and its end."""
    lists: set[str] = field(default_factory=set)
    """Arrays of lists that a name stands for now which may be another one as well."""

    def partners(self, pair: tuple[str, str]) -> int:
        """How many other pairs one of the two objects is in."""
        return sum(p != pair and (p[0] == pair[0] or p[1] == pair[1]) for p in self.met)


class Heap(Records):
    """Allocates objects, reads and writes their cells."""

    heap: Scope
    frames: list[Scope]
    """The scopes of the functions being inlined, the outermost first."""
    loci: dict[str, int]
    """How many objects each place of the program has made so far."""
    shared_objects: set[str]
    writes: list[str]
    """Objects whose cells were written after they were made, once for each write."""
    written_classes: set[type]
    """Their classes."""
    allocated: set[str]
    """Objects that the program makes, each of which is another one than the rest."""
    given: set[str]
    """Objects among the arguments, and those that stand for one of them."""
    joins: Joins | None = None

    # ------------------------------------------------------------ objects and cells

    def locus(self, what: str) -> str:
        """A name for this place of the program, the same at each reading of it."""
        place = f"{what}:{self.scope.key}@{self.b.here.line}:{self.b.here.column}"
        count = self.loci[place] = self.loci.get(place, 0) + 1
        return f"{place}#{count}"

    def allocate(self, cls: type, members: Iterable[tuple[Any, Value]], label: str) -> ObjectValue:
        """A new object."""
        made = ObjectValue(self.locus(label), label, cls)
        self.allocated.add(made.id)
        keys: list[Any] = []
        for key, value in members:
            keys.append(key)
            self._set(made, key, value)
        self.heap.env[made.id] = StaticValue(tuple(keys))
        return made

    def keys_of(self, owner: ObjectValue) -> Keys:
        """The keys of an object, in order."""
        found = self.heap.env[owner.id]
        if isinstance(found, MaybeUnbound):
            raise self.b.refuse(
                f"this {_kind(owner)} on other paths of the program",
                "give it all of them before the branch or the loop",
            )
        assert isinstance(found, StaticValue)
        return found.value  # type: ignore[return-value]

    def cell(self, owner: ObjectValue, key: object) -> Value:
        """The value of a member."""
        value = self.heap.env[cell_name(owner, key)]
        if isinstance(value, MaybeUnbound):
            raise self.b.refuse(
                f"the member {key!r} holds values of different kinds on its paths",
                "give it one kind of value (a number, or an array of one rank) on every path",
            )
        return value

    def write(self, owner: ObjectValue, key: object, value: Value) -> None:
        """``owner[key] = value`` or ``owner.key = value``."""
        if owner.id in self.shared_objects:
            raise self.b.refuse(
                "writing a member of an object that other names may hold as well: "
                "which of two objects they hold depends on the path",
                "make a new object of the members, or give each name an object of its own",
            )
        if owner.id in self.reachable(value):
            raise self.b.refuse(
                "an object that holds itself is not supported", "keep the two apart"
            )
        self.writes.append(owner.id)
        self.written_classes.add(owner.cls)
        keys = self.keys_of(owner)
        self._set(owner, key, value)
        if key not in keys:
            self.heap.env[owner.id] = StaticValue((*keys, key))

    def _set(self, owner: ObjectValue, key: object, value: Value) -> None:
        saved, self.scope = self.scope, self.heap
        try:
            self.assign_name(cell_name(owner, key), value)
        finally:
            self.scope = saved

    def are_distinct(self, one: ObjectValue, two: ObjectValue) -> bool:
        """Whether two objects are known to be different ones."""
        return one.id != two.id and {one.id, two.id} <= self.allocated - self.given

    def writes_given(self) -> bool:
        """Whether the program writes members of its arguments."""
        return not self.given.isdisjoint(self.writes)

    def members_of(self, owner: ObjectValue) -> list[tuple[Any, Value]]:
        """Keys and values of an object."""
        return [(k, self.cell(owner, k)) for k in self.keys_of(owner)]

    def snapshot(self, value: Value) -> Value:
        """The value with its objects as structures that do not change: a result."""
        match value:
            case ObjectValue(cls=cls):
                pairs = self.members_of(value)
                items = tuple(self.snapshot(v) for _, v in pairs)
                return TupleValue(items, cls, tuple(k for k, _ in pairs))
            case TupleValue():
                return value.of(self.snapshot(v) for v in value.items)
        return value

    def reachable(self, value: Value, cells: Env | None = None) -> set[str]:
        """The objects that a value holds, directly or through others."""
        cells = self.heap.env if cells is None else cells
        found: set[str] = set()
        scopes: list[Scope] = [*self.frames]
        pending = [value]
        while pending:
            match pending.pop():
                case ObjectValue() as owner if owner.id not in found:
                    found.add(owner.id)
                    pending += [cells[cell_name(owner, k)] for k in _keys(owner, cells)]
                case TupleValue(items=items):
                    pending += items
                case MaybeUnbound(value=inner) | OptionalValue(value=inner):
                    pending.append(inner)
                case BoundCall(function=function, args=args, keywords=keywords):
                    pending += [function, *args, *(v for _, v in keywords)]
                case LocalFunction(scope=Scope() as scope, defaults=defaults) as function:
                    pending += [*defaults, *(v for _, v in function.keyword_defaults)]
                    if all(scope is not known for known in scopes):
                        scopes.append(scope)
                        pending += scope.env.values()
        return found

    def scopes_around(self) -> list[Scope]:
        """The scopes of the functions being inlined, and those that functions see."""
        return [s for s in self._active_scopes(*self.frames) if s is not self.heap]

    # ------------------------------------------------------------ moments

    def moment(self) -> Moment:
        """What names and cells denote here."""
        return Moment(dict(self.scope.env), dict(self.heap.env), len(self.writes))

    def resume(self, moment: Moment) -> None:
        """Go on where names and cells denote this."""
        self.scope.env = dict(moment.names)
        self.heap.env = dict(moment.cells)

    def has_written(self, before: Moment) -> bool:
        """Whether an object that existed at a moment has changed since."""
        return any(owner in before.cells for owner in self.writes[before.writes :])

    def meet(self, joins: Joins, one: Env, two: Env, *, loop: bool) -> None:
        """Find which objects stand in the same place at two moments."""
        if not self.heap.env and not joins.one:
            return
        for name in dict.fromkeys([*one, *two]):
            if name in one and name in two:
                self._meet(joins, one[name], two[name])
            elif not loop:
                self._alone(joins, one.get(name), two.get(name))
        for scope in self.frames:
            if scope is not self.scope:
                for value in scope.env.values():
                    self._meet(joins, value, value)

    def _meet(self, joins: Joins, a: Value, b: Value) -> None:
        match a, b:
            case ObjectValue(), ObjectValue():
                if (a.id, b.id) in joins.met:
                    return
                joins.met.add((a.id, b.id))
                keys = _keys(a, joins.one)
                if keys == _keys(b, joins.two):
                    for key in keys:
                        self._meet(
                            joins, joins.one[cell_name(a, key)], joins.two[cell_name(b, key)]
                        )
            case TupleValue(), TupleValue() if len(a.items) == len(b.items):
                for x, y in zip(a.items, b.items, strict=True):
                    self._meet(joins, x, y)
            case MaybeUnbound(), _:
                self._meet(joins, a.value, b)
            case _, MaybeUnbound():
                self._meet(joins, a, b.value)
            case _:
                self._alone(joins, a, b)

    def _alone(self, joins: Joins, a: Value | None, b: Value | None) -> None:
        if a is not None:
            joins.met |= {(x, None) for x in self.reachable(a, joins.one)}
        if b is not None:
            joins.met |= {(None, x) for x in self.reachable(b, joins.two)}

    def note_sharing(self, joins: Joins) -> bool:
        """Forbid to write objects that were joined while others hold them; whether any is new."""
        before = len(self.shared_objects)
        for pair, home in joins.made.items():
            if joins.partners(pair):
                self.shared_objects |= {*pair, home.id}
        return len(self.shared_objects) > before

    def home(self, joins: Joins, name: str, a: ObjectValue, b: ObjectValue) -> ObjectValue:
        """The object that stands for either of two."""
        if a.id in joins.homes and not joins.partners((a.id, b.id)):
            return a
        made = ObjectValue(
            f"{joins.site}:{self.scope.key}:{name}".replace("|", "/"), a.label, a.cls
        )
        joins.homes.add(made.id)
        if self.given & {a.id, b.id}:
            self.given.add(made.id)
        return made


def _kind(owner: ObjectValue) -> str:
    if issubclass(owner.cls, dict):
        return "dict has other keys"
    return f"{owner.cls.__name__} has other attributes"


def _keys(owner: ObjectValue, cells: Env) -> Keys:
    found = cells.get(owner.id)
    return found.value if isinstance(found, StaticValue) else ()  # type: ignore[return-value]


def cell_name(owner: ObjectValue, key: object) -> str:
    """The name of a cell in the heap: the name of its variable, then what makes it unique."""
    spoken, unique = f"{owner.label}_{key}", repr(key)
    return f"{spoken.replace('|', '_')}|{unique.replace('|', '/')}|{owner.id}"


def conflict(why: Marker = CONFLICT) -> MaybeUnbound:
    """What a name holds that cannot be read."""
    return MaybeUnbound(StaticValue(why))


def sequenced(block: list[Stmt], start: int, fresh: Any) -> None:
    """Let the assignments from ``start`` on take place at once: each reads what was before all."""
    tail = block[start:]
    targets: set[str] = set()
    clash = False
    for stmt in tail:
        match stmt:
            case Assign(target=target, value=value):
                clash = clash or bool(names_read(value) & targets)
                targets.add(target.name)
            case Bind(targets=names, sources=sources):
                clash = clash or bool(set(sources) & targets)
                targets.update(names)
            case _:
                return
    if not clash:
        return
    binds = [s for s in tail if isinstance(s, Bind)]
    assigns = [s for s in tail if isinstance(s, Assign)]
    early: list[Stmt] = []
    late: list[Stmt] = []
    for stmt in assigns:
        value: Expr = stmt.value
        if names_read(value) & targets:
            kept = Var(fresh("kept"), value.kind)
            early.append(Assign(kept, value, stmt.at))
            value = kept
        late.append(Assign(stmt.target, value, stmt.at))
    if binds:
        sources = tuple(n for s in binds for n in s.sources)
        early.append(Bind(tuple(n for s in binds for n in s.targets), sources, binds[0].at))
    block[start:] = [*early, *late]
