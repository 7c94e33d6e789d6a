"""What a time loop needs of its fields is read where it was saved, not put back first.

Reversal saves each element that is overwritten and puts it back, so that the arrays hold what they
held. Where all that the reversed iterations read of some fields is what the iterations found, or
what they left, the field as a whole can be saved at the start of each iteration, and be read from
the tape: nothing is put back, and the field itself is not touched on the way back::

    for t in range(n):                          for t in range(n):
        for i in range(1, m - 1):                   for i in range(m):
            v_tape[t, i - 1] = v[i]                     u_tape[t, i] = u[i]
            v[i] = sin(u[i - 1])                    for i in range(1, m - 1):
        u, v = v, u                                     v[i] = sin(u[i - 1])
    # reverse sweep                         ->      u, v = v, u
    for t in range(n - 1, -1, -1):              # reverse sweep
        v, u = u, v                             for t in range(n - 1, -1, -1):
        for i in range(1, m - 1):                   for i in range(1, m - 1):
            v[i] = v_tape[t, i - 1]                     y = cos(u_tape[t, i - 1])
            y = cos(u[i - 1])

That is done for arrays which the loop writes element by element and exchanges by name, and which
keep their shape. What is read in the reversed iteration t after all elements have been put back,
of a name as it is bound there, is what that name denoted at the start of iteration t; what is read
before any has been put back is what the array held at its end, which is the start of iteration
t + 1, where the array may have another name. What no longer has a reader is left to ``prune``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, names_of
from srcad.analysis.iterations import Bounds, accesses, is_still, offset_from
from srcad.analysis.sizes import Sizes, difference, sizes_after, sizes_inside
from srcad.ir.build import ONE, ZERO, add, unclamped
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Bind,
    Block,
    Check,
    Comment,
    Expr,
    Extent,
    For,
    Function,
    If,
    IndexCheck,
    Load,
    Logic,
    Select,
    Stmt,
    Store,
    Tape,
    Var,
    all_blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import kind_of
from srcad.transform.nest import nest_over
from srcad.transform.prune import prune

_BORDER = 8
"""How much longer than what is saved of it a field may be, along each axis."""
_PLAIN = (Assign, Store, For, If, Check, IndexCheck, Comment)


def read_saved(function: Function, names: Names) -> Function:
    """The adjoint with such fields saved whole and read from the tape."""
    while True:
        known = _Known(function)
        found = (_Fields(known, tapes, names).read() for tapes in _pairs(function.body))
        made = next((new for new in found if new is not None), None)
        if made is None:
            return function
        function = made


class _Known:
    """What is known of a function, for all of its loops."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.sites = points_to(function.body, set(function.arrays))
        self.aliases = Aliases(function.body, self.sites)
        self.bounds = Bounds(function.body)
        self._place, self._sizes = 0, Sizes(function.arrays)

    def sizes_before(self, place: int) -> Sizes:
        """What is known of lengths before a statement; quick where it is asked for in order."""
        if place < self._place:
            self._place, self._sizes = 0, Sizes(self.function.arrays)
        between = self.function.body[self._place : place]
        self._place, self._sizes = place, sizes_after(between, self._sizes)
        return self._sizes


@dataclass
class _Tapes:
    """The tapes that one loop of the forward sweep fills and one of the reverse sweep reads."""

    filling: int
    reading: int
    tapes: dict[str, Tape]


def _pairs(body: Block) -> list[_Tapes]:
    """The loops that fill and read tapes; each tape is filled by one loop, and read by one."""
    made = {s.target: s for s in body if isinstance(s, Tape)}
    places: dict[str, list[int]] = {}
    for k, stmt in enumerate(body):
        if isinstance(stmt, For) and made:
            for name in {n for s in statements((stmt,)) for n in names_of(s)} & made.keys():
                places.setdefault(name, []).append(k)
    found: dict[tuple[int, int], _Tapes] = {}
    for name, (*first, last) in places.items():
        if len(first) == 1:
            both = found.setdefault((first[0], last), _Tapes(first[0], last, {}))
            both.tapes[name] = made[name]
    return list(found.values())


@dataclass(frozen=True)
class _Saved:
    """A field as an iteration found it (``later``: as the next one finds it)."""

    name: str
    later: bool


class _Fields:
    """The fields of one loop: what of them is saved, and what of them is read."""

    def __init__(self, known: _Known, tapes: _Tapes, names: Names) -> None:
        self.known = known
        self.function = function = known.function
        self.names = names
        self.filling, self.reading = tapes.filling, tapes.reading
        self.tapes = tapes.tapes
        forward, reverse = function.body[tapes.filling], function.body[tapes.reading]
        assert isinstance(forward, For) and isinstance(reverse, For)
        self.forward, self.reverse = forward, reverse
        self.sites, self.aliases = known.sites, known.aliases

    def read(self) -> Function | None:
        """The function with the fields read from tapes; None: there are none, or it is no gain."""
        slots = self._slots()
        if slots is None:
            return None
        group = self._group()
        full = self._saved_whole(group) if group else set[str]()
        if not full or not self._is_followed(group):
            return None
        places = self._places(group)
        if places is None or len({p.name for p in places.values()}) > len(full):
            return None
        if not all(self._keeps_its_shape(p.name) for p in places.values()):
            return None
        found = {p.name for p in places.values()} - {p.name for p in places.values() if p.later}
        ready = {name: tape for name in sorted(found) if (tape := self._ready(name)) is not None}
        made = prune(self._rewritten(places, slots, ready))
        left = {s.target for s in made.body if isinstance(s, Tape)}
        return None if full & left - set(ready.values()) else made

    # ------------------------------------------------------------ the loops and their tapes

    def _slots(self) -> tuple[Expr, Expr] | None:
        """The number of an iteration in each of the loops, as the first index of their tapes."""
        if self.forward.until is not None or self.reverse.until is not None:
            return None
        if len({tape.shape[0] for tape in self.tapes.values()}) != 1:
            return None
        found: list[Expr] = []
        for loop in (self.forward, self.reverse):
            firsts = {a.index[0] for a in accesses(loop.body) if a.array in self.tapes}
            if len(firsts) != 1:
                return None
            found.append(firsts.pop())
            if not is_still(found[-1], assigned(loop.body)):
                return None
        return found[0], found[1]

    def _group(self) -> set[str]:
        """The arrays that are put back, and all names that can denote one of them."""
        back = {
            s.array
            for s in statements(self.reverse.body)
            if isinstance(s, Store) and isinstance(s.value, Load) and s.value.array in self.tapes
        }
        size = -1
        while size != (size := len(back)):
            sites = {site for n in back for site in self.sites.get(n, frozenset((n,)))}
            back |= {n for n, found in self.sites.items() if found & sites}
        return back

    def _saved_whole(self, group: set[str]) -> set[str]:
        """The tapes that hold all elements of one of the arrays, up to a border."""
        sizes = self._sizes()
        out: set[str] = set()
        for stmt in statements(self.forward.body):
            match stmt:
                case Store(array=tape, value=Load(array=array)) if (
                    tape in self.tapes and array in group
                ):
                    lengths = self.tapes[tape].shape[1:]
                    shape = sizes.shape(array)
                    if len(lengths) == len(shape) and all(
                        _is_near(sizes.known(unclamped(length)), extent)
                        for length, extent in zip(lengths, shape, strict=True)
                    ):
                        out.add(tape)
        return out

    def _sizes(self) -> Sizes:
        """What is known of lengths at the start of every iteration of the forward sweep's loop."""
        return sizes_inside(self.forward, self.known.sizes_before(self.filling))

    def _is_followed(self, group: set[str]) -> bool:
        """Whether both loops do nothing with the arrays but what is understood here.

        They are exchanged at the end of an iteration, after all stores, and first thing when it is
        reversed.
        """
        if group & set(self.function.exports):
            return False
        for loop in (self.forward, self.reverse):
            outer = {id(s) for s in loop.body}
            for stmt in statements(loop.body):
                if isinstance(stmt, Bind):
                    one, two = set(stmt.targets), set(stmt.sources)
                    if (one | two) & group and (one != two or id(stmt) not in outer):
                        return False
                elif not isinstance(stmt, _PLAIN) and names_of(stmt) & group:
                    return False
        binds = [k for k, s in enumerate(self.forward.body) if _exchanges(s, group)]
        stores = [
            k for k, s in enumerate(self.forward.body) if {x.array for x in _stores((s,))} & group
        ]
        if binds and stores and max(stores) > binds[0]:
            return False
        binds = [k for k, s in enumerate(self.reverse.body) if _exchanges(s, group)]
        uses = [
            k for k, s in enumerate(self.reverse.body) if {a.array for a in accesses((s,))} & group
        ]
        return not (binds and uses and uses[0] < binds[-1])

    def _keeps_its_shape(self, name: str) -> bool:
        """Whether a name denotes arrays of one shape, known before the loop."""
        shape, changing = self._sizes().shape(name), assigned((self.forward,))
        return not any(names_read(length) & changing for length in shape)

    # ------------------------------------------------------------ what is read

    def _places(self, group: set[str]) -> dict[tuple[int, str], _Saved] | None:
        """Where what each statement of a reversed iteration reads of each array is saved."""
        later = self._names_at_the_end(group)
        out: dict[tuple[int, str], _Saved] = {}
        for k, stmt in enumerate(self.reverse.body):
            read = {a.array for a in accesses((stmt,)) if a.how != "store"}
            for name in sorted(read & group):
                if self._is_as_found(name, k) or self._is_found_again(name, k):
                    out[k, name] = _Saved(name, False)
                elif self._is_as_left(name, k):
                    out[k, name] = _Saved(later.get(name, name), True)
                else:
                    return None
        return out

    def _is_as_found(self, name: str, place: int) -> bool:
        """Whether all that was written of an array has been put back before a statement."""
        before, rest = self.reverse.body[:place], self.reverse.body[place:]
        if any(self.aliases.may(name, s.array) for s in _stores(rest)):
            return False
        written = [s for s in _stores(self.forward.body) if self.aliases.may(name, s.array)]
        back = [s for s in _stores(before) if self.aliases.may(name, s.array)]
        saved = Counter(
            s.array
            for s in _stores(self.forward.body)
            if s.array in self.tapes
            and isinstance(s.value, Load)
            and self.aliases.may(name, s.value.array)
        )
        read = Counter(s.value.array for s in back if isinstance(s.value, Load))
        return len(written) == len(back) == saved.total() == len(saved) and saved == read

    def _is_found_again(self, name: str, place: int) -> bool:
        """Whether a nest puts back the last of an array, and reads of each element it after that.

        As the adjoint of ``u[i] += f(u[i])`` does: it reads no other element of the array.
        """
        nest = self.reverse.body[place]
        back = [s for s in _stores((nest,)) if self.aliases.may(name, s.array)]
        if len(back) != 1 or back[0].array != name or not self._is_made_once(back[0], nest):
            return False
        inner = next(b for b in all_blocks((nest,)) if any(s is back[0] for s in b))
        after = inner[next(k for k, s in enumerate(inner) if s is back[0]) + 1 :]
        touched, later = (
            [a for a in accesses(block) if self.aliases.may(name, a.array)]
            for block in ((nest,), after)
        )
        if len(touched) != len(later) + 1 or any(a.index != back[0].index for a in touched):
            return False
        return not names_of(back[0]) & assigned(after) and self._is_as_found(name, place + 1)

    def _is_made_once(self, store: Store, nest: Stmt) -> bool:
        """Whether nested loops make a store always, and for each element once."""
        counters: list[Var] = []
        inside: Stmt = nest
        with ExitStack() as entered:
            while isinstance(inside, For) and inside.until is None:
                entered.enter_context(self.known.bounds.within(inside))
                counters.append(inside.var)
                if any(s is store for s in inside.body):
                    least = [self.known.bounds.least(place) for place in store.index]
                    return all(n is not None and n >= 0 for n in least) and all(
                        any(offset_from(place, c) is not None for place in store.index)
                        for c in counters
                    )
                inside = next(s for s in inside.body if any(x is store for x in statements((s,))))
        return False

    def _is_as_left(self, name: str, place: int) -> bool:
        """Whether nothing of an array has been put back up to the end of a statement."""
        seen = self.reverse.body[: place + 1]
        return not any(self.aliases.may(name, s.array) for s in _stores(seen))

    def _names_at_the_end(self, group: set[str]) -> dict[str, str]:
        """Under which name the next iteration finds what an array is at the end of one."""
        denoted = {n: n for n in group}
        for stmt in self.forward.body:
            if isinstance(stmt, Bind) and set(stmt.targets) & group:
                moved = [denoted[s] for s in stmt.sources]
                denoted |= dict(zip(stmt.targets, moved, strict=True))
        return {old: new for new, old in denoted.items()}

    # ------------------------------------------------------------ the new loops

    def _ready(self, name: str) -> str | None:
        """The tape that holds a field as it is found: that of the one loop that writes it."""
        sizes = self._sizes()
        if sum(self.aliases.may(name, s.array) for s in _stores(self.forward.body)) > 1:
            return None
        for stmt in _always_stored(self.forward.body):
            match stmt:
                case Store(array=tape, index=(_, *place), value=Load(array=array, index=index)) if (
                    tape in self.tapes and array == name and tuple(place) == index
                ):
                    lengths = self.tapes[tape].shape[1:]
                    known = tuple(sizes.known(unclamped(length)) for length in lengths)
                    if known == sizes.shape(name):
                        return tape
        return None

    def _rewritten(
        self,
        places: dict[tuple[int, str], _Saved],
        slots: tuple[Expr, Expr],
        ready: dict[str, str],
    ) -> Function:
        """The function that saves whole fields and reads them; ``ready`` are saved already."""
        arrays = dict(self.function.arrays)
        sizes = self._sizes()
        trips = next(iter(self.tapes.values())).shape[0]
        made: list[Stmt] = []
        saving: list[Stmt] = []
        leaving: list[Stmt] = []
        last: list[Stmt] = []
        tapes = dict(ready)
        parts = {n: self._part(n, places) for n in {p.name for p in places.values()} - ready.keys()}
        for name, part in sorted(parts.items()):
            dtype, _ = arrays[name]
            tapes[name] = self.names.fresh(f"{name}_tape")
            shape = [n for n, at in zip(sizes.shape(name), part, strict=True) if at is None]
            arrays[tapes[name]] = (dtype, len(shape) + 1)
            one_more = any(p.later for p in places.values() if p.name == name)
            whole = len(shape) == len(part)
            count = add(trips, ONE) if one_more and whole else trips
            made.append(Tape(tapes[name], (count, *shape), dtype, self.forward.at))
            if not whole:
                leaving += self._saved(name, tapes[name], slots[0], part)
                continue
            saving += self._saved(name, tapes[name], slots[0], part)
            if one_more:
                last += self._saved(name, tapes[name], trips, part)
        forward = replace(self.forward, body=(*saving, *self.forward.body, *leaving))
        body: list[Stmt] = []
        for k, stmt in enumerate(self.reverse.body):
            fields: dict[str, _Slot] = {}
            for (at, n), p in places.items():
                if at == k:
                    part = parts.get(p.name, ())
                    whole = all(fixed is None for fixed in part)
                    slot = add(slots[1], ONE) if p.later and whole else slots[1]
                    fields[n] = _Slot(tapes[p.name], slot, part)
            body += with_expressions((stmt,), lambda e, f=fields: _from_tape(e, f))
        reverse = replace(self.reverse, body=tuple(body))
        old = self.function.body
        new = (
            *old[: self.filling],
            *made,
            forward,
            *last,
            *old[self.filling + 1 : self.reading],
            reverse,
            *old[self.reading + 1 :],
        )
        return replace(self.function, body=new, arrays=arrays)

    def _part(self, name: str, places: dict[tuple[int, str], _Saved]) -> _Part:
        """Which part of a field is read, if only what iterations leave of it is.

        Its place is in the array, as every iteration reads it there, and has checked it.
        """
        _, ndim = self.function.arrays[name]
        whole: _Part = (None,) * ndim
        changing = assigned(self.function.body[self.filling :])
        found: set[_Part] = set()
        for (k, local), saved in places.items():
            if saved.name != name:
                continue
            stmt = self.reverse.body[k]
            if not saved.later or not isinstance(stmt, Assign | Store) or _chooses(stmt):
                return whole
            for access in accesses((stmt,)):
                if access.array == local:
                    found.add(tuple(e if is_still(e, changing) else None for e in access.index))
        return found.pop() if len(found) == 1 else whole

    def _saved(self, name: str, tape: str, slot: Expr, part: _Part) -> list[Stmt]:
        """The part of a field that is read, saved in a slot of a tape."""
        kind = kind_of(self.function.arrays[name][0])
        ranges: list[tuple[Expr, Expr]] = [
            (ZERO, Extent(name, k)) for k, at in enumerate(part) if at is None
        ]

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            running = iter(at)
            place = tuple(next(running) if fixed is None else fixed for fixed in part)
            return [Store(tape, (slot, *at), Load(name, place, kind), True)]

        return nest_over(self.names, ranges, body)


_Part = tuple[Expr | None, ...]
"""For each axis of a field, the one place that is read of it; None: all."""


@dataclass(frozen=True)
class _Slot:
    """Where a part of a field is saved."""

    tape: str
    slot: Expr
    part: _Part


def _from_tape(expr: Expr, fields: dict[str, _Slot]) -> Expr:
    parts = tuple(_from_tape(e, fields) for e in children(expr))
    if isinstance(expr, Load) and (found := fields.get(expr.array)) is not None:
        fixed = found.part or (None,) * len(parts)
        running = (e for e, at in zip(parts, fixed, strict=True) if at is None)
        return Load(found.tape, (found.slot, *running), expr.kind)
    return rebuild(expr, parts) if parts else expr


def _is_near(length: Expr, extent: Expr) -> bool:
    """Whether a length is an extent, or a little less.

    >>> from srcad.ir.build import integer, sub
    >>> from srcad.ir.nodes import Extent
    >>> n = Extent("u", 0)
    >>> _is_near(sub(n, integer(2)), n), _is_near(n, sub(n, integer(2)))
    (True, False)
    """
    missing = difference(extent, length)
    return missing is not None and 0 <= missing <= _BORDER


def _stores(block: Block) -> list[Store]:
    return [s for s in statements(block) if isinstance(s, Store)]


def _always_stored(block: Block) -> Iterator[Store]:
    """The stores that every iteration of the loops around them makes."""
    for stmt in block:
        if isinstance(stmt, Store):
            yield stmt
        elif isinstance(stmt, For):
            yield from _always_stored(stmt.body)


def _chooses(stmt: Stmt) -> bool:
    """Whether a statement may leave a part of its expressions."""
    return any(isinstance(e, Select | Logic) for x in expressions(stmt) for e in walk(x))


def _exchanges(stmt: Stmt, group: set[str]) -> bool:
    return isinstance(stmt, Bind) and bool(set(stmt.targets) & group)
