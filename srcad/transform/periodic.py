"""Shadows of periodic arrays are gathered around the ends, from adjoints that are periodic too.

A padded copy (``srcad.transform.padded``) repeats elements of one end at the other. The adjoint of
a stencil that reads it scatters to the copy's shadow, and what came to the repeated elements is
then added to those that they repeat. But element ``i`` gets just what the neighbours of ``i`` send,
counted around the ends: if the adjoints that they send are repeated as the copy is, each element
can fetch it, in the loop that needs it, and the copy needs no shadow::

    for i in range(n):                          s = np.empty(n + 2)
        seed = k_b[i]                           for i in range(n):
        p_b[i] += p[i + 2] * seed                   s[i + 1] = k_b[i]
        p_b[i + 2] += p[i] * seed               s[0] = s[n]
    p_b[1] += p_b[n + 1]               ->       s[n + 1] = s[1]
    p_b[n] += p_b[0]                            for i in range(n):
    for i in range(n):                              x_b[i] += p[i + 3] * s[i + 2] + p[i - 1] * s[i]
        x_b[i] += p_b[i + 1]

Factors that are elements of periodic arrays are read again, not kept, and the copy is made longer
where they lie beyond its ends (so ``p[i - 1]`` above becomes ``p[i]`` of one with an element more).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TypeGuard

from srcad.analysis.flow import (
    assigned,
    exposed,
    mentions,
    named_in,
    names_of,
    reads_of,
    times_bound,
    writes_of,
)
from srcad.analysis.iterations import offset_from
from srcad.analysis.sizes import difference
from srcad.ir.build import ONE, ZERO, add, added_to, integer, is_const
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    Load,
    Stmt,
    Store,
    Unary,
    Var,
    ZerosLike,
    blocks,
    children,
    expressions,
    names_read,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.transform.terms import added

_OPERATIONS = 4
"""At most so many operations of a term are done again where it is fetched."""
_LONGER = 4
"""At most so many elements more has a periodic array at an end."""

Arrays = dict[str, tuple[str, int]]


@dataclass(frozen=True)
class _Periodic:
    """An array that a block makes: ``size`` elements from ``low`` on, repeated at both ends."""

    array: str
    size: Expr
    low: int
    high: int
    made: int
    """Where in the block it is made, and where the first repeated element is written."""
    ends: int

    @property
    def repeated(self) -> int:
        """How many elements are repeated, in as many statements."""
        return self.low + self.high


@dataclass(frozen=True)
class _Shadow:
    """The shadow of a periodic array: where it is made, added to, folded and read."""

    name: str
    of: _Periodic
    """The array, without a name if the sweep has none whose elements may be read."""
    made: int
    scatter: int
    folds: tuple[int, ...]
    use: int


@dataclass(frozen=True)
class _Term:
    """What iteration ``i`` adds to element ``i + offset`` of the shadow."""

    offset: int
    value: Expr


def periodic(block: Block, shadows: Collection[str], names: Names, arrays: Arrays) -> Block:
    """A reverse sweep in which shadows of periodic arrays are gathered where they are read."""
    return _Search(shadows, names, arrays, mentions(block)).block(block)


@dataclass
class _Search:
    shadows: Collection[str]
    names: Names
    arrays: Arrays
    mentions: Counter[str]
    """How many statements of the sweep mention each name."""

    def block(self, block: Block) -> Block:
        block = tuple(
            with_blocks(s, tuple(map(self.block, blocks(s)))) if blocks(s) else s for s in block
        )
        if not any(map(_makes_zeros, block)):
            return block
        changed = True
        while changed:
            changed = False
            found = {p.array: p for p in self._periodic(block)}
            for shadow in self._shadows(block, found):
                new = self._gathered(block, shadow)
                if new is not None:
                    block, changed = new, True
                    break
        return block

    # ------------------------------------------------------------ what is found

    def _where(self, block: Block, name: str) -> list[int] | None:
        """The statements of a block that mention a name, if no others of the sweep do."""
        naming = ((s,) if name in named_in(s) else () for s in block)
        counts = [sum(name in names_of(s) for s in statements(part)) for part in naming]
        if sum(counts) != self.mentions[name]:
            return None
        return [k for k, count in enumerate(counts) if count]

    def _periodic(self, block: Block) -> Iterator[_Periodic]:
        for k, stmt in enumerate(block):
            if not isinstance(stmt, Alloc) or stmt.zeros or len(stmt.shape) != 1:
                continue
            where = self._where(block, stmt.target)
            where = [j for j in where or () if not isinstance(block[j], ZerosLike)]
            if len(where) < 3 or where[0] != k:
                continue
            found = _filled(stmt, k, block, where)
            if found is not None:
                yield found

    def _shadows(self, block: Block, found: dict[str, _Periodic]) -> Iterator[_Shadow]:
        for k, stmt in enumerate(block):
            if not _makes_zeros(stmt) or stmt.target not in self.shadows:
                continue
            name, where = stmt.target, self._where(block, stmt.target) or []
            if len(where) < 4 or where[0] != k:
                continue
            _, scatter, *folds, use = where
            loop, user = block[scatter], block[use]
            if not isinstance(loop, For) or not _counts(loop, loop.stop):
                continue
            low = _read_at(user, name, loop.stop)
            if low is None or not _is_steady(loop.stop, block[scatter : use + 1]):
                continue
            added = [j for j in folds if not _is_zeroed(block[j])]
            of = _Periodic("", loop.stop, low, len(added) // 2 - low, 0, 0)
            own = found.get(stmt.source) if isinstance(stmt, ZerosLike) else None
            if own is not None and own.ends < scatter:
                same = (own.size, own.low, own.high) == (of.size, of.low, of.high)
                of = own if same else of
            if of.high < 0 or not of.repeated or not _are_taken([block[j] for j in folds], of):
                continue
            if self._are_folds([block[j] for j in added], name, of):
                yield _Shadow(name, of, k, scatter, tuple(folds), use)

    def _are_folds(self, block: list[Stmt], array: str, of: _Periodic) -> bool:
        """Whether statements add what came to the repeated elements to those that they repeat."""
        if len(block) != 2 * of.repeated:
            return False
        ends = reversed(_ends(of))
        for (target, taken), took, adds in zip(ends, block[::2], block[1::2], strict=True):
            match took, adds:
                case (
                    Assign(target=v, value=Load(index=(place,))),
                    Store(array=a, index=(into,), value=value),
                ) if a == array:
                    term = added_to(value, Load(array, (into,), value.kind))
                    if term != v or self.mentions[v.name] != 2:
                        return False
                    if difference(place, target) != 0 or difference(into, taken) != 0:
                        return False
                case _:
                    return False
        return True

    # ------------------------------------------------------------ what is made

    def _gathered(self, block: Block, shadow: _Shadow) -> Block | None:
        """The block without a shadow, or None."""
        loop, use, of = block[shadow.scatter], block[shadow.use], shadow.of
        assert isinstance(loop, For) and isinstance(use, For)
        written = assigned(block[shadow.scatter : shadow.use + 1])
        scatter = _Scatter(loop, shadow, written, self.names)
        terms = scatter.terms()
        kind = self.arrays[shadow.name][0]
        if terms is None or any(t.value.kind != kind for t in terms):
            return None
        reach = [r for t in terms for r in _reach(t, loop.var, shadow)]
        longer = max([0, *(-r for r in reach)]), max([0, *(r - of.repeated for r in reach)])
        if max(longer) > _LONGER:
            return None
        inside = (e for t in terms for e in walk(t.value))
        kept = {e.name: e for e in inside if isinstance(e, Var) and e.name in scatter.changing}
        kept.pop(loop.var.name, None)
        rows = {name: self._row(kept[name], terms, shadow) for name in sorted(kept)}
        first, *others = sorted(
            (_fetched(t, loop.var, use.var, shadow, rows) for t in terms),
            key=lambda e: isinstance(e, Unary),  # those that are added first
        )
        filled = tuple(
            Store(r.array, (add(loop.var, integer(r.low)),), kept[name], True)
            for name, r in rows.items()
        )
        gone = {shadow.made, *shadow.folds}
        if isinstance(block[shadow.folds[0] - 1], Comment):
            gone.add(shadow.folds[0] - 1)
        new: dict[int, list[Stmt]] = {j: [] for j in gone}
        new[shadow.scatter] = [
            *(Alloc(r.array, (_length(r),), kept[name].kind) for name, r in rows.items()),
            replace(loop, body=(*scatter.rest(set(kept), self.mentions), *filled)),
            *(s for name, r in rows.items() for s in _repeating(r, kept[name].kind)),
        ]
        new[shadow.use] = [_reading(use, shadow, added(first, others), self.names)]
        out = _lengthened(
            tuple(s for k, stmt in enumerate(block) for s in new.get(k, [stmt])), of, longer, kind
        )
        self.mentions -= mentions(block)
        self.mentions += mentions(out)
        return out

    def _row(self, var: Var, terms: list[_Term], shadow: _Shadow) -> _Periodic:
        """An array for the values of a variable in all iterations, repeated as far as is read."""
        low = shadow.of.low
        offsets = [t.offset for t in terms if var in walk(t.value)]
        name = self.names.fresh(f"{var.name}_row")
        self.arrays[name] = (var.kind, 1)
        ahead, behind = max(0, low - min(offsets)), max(0, max(offsets) - low)
        return _Periodic(name, shadow.of.size, behind, ahead, 0, 0)


def _filled(made: Alloc, k: int, block: Block, where: list[int]) -> _Periodic | None:
    """The periodic array that is made at ``k``, filled by a loop, and then repeated at its ends."""
    array, fill = made.target, block[where[1]]
    if not isinstance(fill, For) or not _counts(fill, fill.stop):
        return None
    own = [s for s in statements((fill,)) if array in names_of(s)]
    match own:
        case [Store(index=(place,), value=value) as store] if store in fill.body:
            low = offset_from(place, fill.var)
        case _:
            return None
    longer = difference(made.shape[0], fill.stop)
    if low is None or longer is None or not 0 <= low <= longer or longer == 0:
        return None
    if array in names_read(value) or not _is_steady(fill.stop, block[k:]):
        return None
    found = _Periodic(array, fill.stop, low, longer - low, k, where[2])
    rest = where[2:]
    ends, later = rest[:longer], rest[longer:]
    if ends != list(range(where[2], where[2] + longer)):
        return None
    for (target, taken), j in zip(_ends(found), ends, strict=True):
        match block[j]:
            case Store(index=(into,), value=Load(index=(place,)) as load) if load.array == array:
                if difference(into, target) != 0 or difference(place, taken) != 0:
                    return None
            case _:
                return None
    return found if all(_only_reads(block[j], array) for j in later) else None


def _is_steady(size: Expr, block: Block) -> bool:
    """Whether a length stays the same in a block."""
    return not any(isinstance(e, Load) for e in walk(size)) and not names_read(size) & assigned(
        block
    )


def _ends(found: _Periodic) -> list[tuple[Expr, Expr]]:
    """Which elements are repeated, and those that they repeat, from the inside outwards."""
    low, size = found.low, found.size
    ends: list[tuple[Expr, Expr]] = [
        (integer(h), add(size, integer(h))) for h in reversed(range(low))
    ]
    return ends + [(add(size, integer(low + h)), integer(low + h)) for h in range(found.high)]


def _are_taken(folds: list[Stmt], of: _Periodic) -> bool:
    """Whether only repeated elements are set to zero, each after its value was taken."""
    there = [target for target, _ in _ends(of)]
    for stmt in folds:
        match stmt:
            case Assign(value=Load(index=(place,))):
                there = [t for t in there if difference(place, t) != 0]
            case Store(index=(place,)) if _is_zeroed(stmt):
                gone = [t for t, _ in _ends(of) if t not in there]
                if not any(difference(place, t) == 0 for t in gone):
                    return False
    return True


def _repeating(found: _Periodic, kind: str) -> list[Stmt]:
    """The statements that repeat elements at both ends."""
    return [
        Store(found.array, (into,), Load(found.array, (taken,), kind), True)
        for into, taken in _ends(found)
    ]


def _length(found: _Periodic) -> Expr:
    return add(found.size, integer(found.repeated))


def _counts(stmt: Stmt, size: Expr) -> bool:
    """Whether a statement is a loop over ``size`` elements, one after the other."""
    return (
        isinstance(stmt, For)
        and (stmt.start, stmt.stop, stmt.step) == (ZERO, size, ONE)
        and stmt.until is None
        and stmt.checkpoints is None
        and stmt.var.name not in assigned(stmt.body)
    )


def _only_reads(stmt: Stmt, array: str) -> bool:
    """Whether a statement does no more with an array than to read elements, or its lengths once."""
    for inner in statements((stmt,)):
        if array in writes_of(inner) or (isinstance(inner, Store) and inner.array == array):
            return False
        inside = [e for x in expressions(inner) for e in walk(x)]
        if any(isinstance(e, Extent) and e.array == array for e in inside):
            return False
        read = {e.array for e in inside if isinstance(e, Load)}
        if array in reads_of(inner) and array not in read and not isinstance(inner, ZerosLike):
            return False
    return True


def _makes_zeros(stmt: Stmt) -> TypeGuard[ZerosLike | Alloc]:
    return isinstance(stmt, ZerosLike) or (isinstance(stmt, Alloc) and stmt.zeros)


def _is_zeroed(stmt: Stmt) -> bool:
    """Whether a statement sets an element to zero."""
    return isinstance(stmt, Store) and is_const(stmt.value, 0.0)


def _read_at(loop: Stmt, array: str, size: Expr) -> int | None:
    """How far from its counter are the elements that a loop reads, if it does no more with them."""
    if not isinstance(loop, For) or not _counts(loop, size):
        return None
    found: set[int | None] = set()
    for stmt in statements((loop,)):
        if array not in names_of(stmt):
            continue
        inside = [e for x in expressions(stmt) for e in walk(x)]
        own = [e for e in inside if isinstance(e, Load | Extent) and e.array == array]
        if not own or array in writes_of(stmt) or (isinstance(stmt, Store) and stmt.array == array):
            return None
        found |= {offset_from(e.index[0], loop.var) if isinstance(e, Load) else None for e in own}
    return found.pop() if len(found) == 1 else None


class _Scatter:
    """A loop that adds to a shadow: the terms, in what can be fetched, and the rest of it.

    ``written`` is what is assigned from the loop on to where the shadow is read.
    """

    def __init__(self, loop: For, shadow: _Shadow, written: set[str], names: Names) -> None:
        self.loop = loop
        self.shadow = shadow
        self.written = written
        self.names = names
        self.changing = assigned((loop,))
        times, early = times_bound(loop.body), exposed(loop.body)
        self.once = {
            s.target.name: s.value
            for s in loop.body
            if isinstance(s, Assign) and times[s.target.name] == 1 and s.target.name not in early
        }
        self.body: list[Stmt] = []

    def terms(self) -> list[_Term] | None:
        """What is added, or None if something else is done with the shadow."""
        out: list[_Term] = []
        for stmt in self.loop.body:
            if not mentions((stmt,))[self.shadow.name]:
                self.body.append(stmt)
                continue
            if not isinstance(stmt, Store) or stmt.array != self.shadow.name:
                return None
            own = Load(stmt.array, stmt.index, stmt.value.kind)
            term, offset = added_to(stmt.value, own), offset_from(stmt.index[0], self.loop.var)
            if term is None or offset is None or not 0 <= offset <= self.shadow.of.repeated:
                return None
            if self.shadow.name in names_read(term):
                return None
            value = self._expanded(term)
            if value is None or _operations(value) > _OPERATIONS:
                value = Var(self.names.fresh("share"), term.kind)
                self.changing.add(value.name)
                self.body.append(Assign(value, term, stmt.at))
            out.append(_Term(offset, value))
        return out or None

    def _expanded(self, expr: Expr) -> Expr | None:
        """An expression in elements of the periodic array, and in names that have one value each.

        The elements of others are not as far around the ends as may be needed.
        """
        match expr:
            case Const():
                return expr
            case Var(name=name) if name in self.once:
                value = self.once[name]
                if self.shadow.of.array not in names_read(value):
                    return expr
                value = self._expanded(value)
                return expr if value is None else value
            case Var(name=name):
                return None if name in self.written else expr
            case Load(array=array, index=(place,)) if array == self.shadow.of.array:
                return None if offset_from(place, self.loop.var) is None else expr
            case Unary(op="-") | Binary(op="+" | "-" | "*"):
                parts = [self._expanded(e) for e in children(expr)]
                whole = tuple(p for p in parts if p is not None)
                return rebuild(expr, whole) if len(whole) == len(parts) else None
        return None

    def rest(self, kept: set[str], mentioned: Counter[str]) -> tuple[Stmt, ...]:
        """What else the iterations do, without values that were for the shadow only."""
        body, own = list(self.body), mentions((self.loop,))
        while True:
            read = {n for s in statements(tuple(body)) for n in reads_of(s)} | kept
            live = [s for s in body if not self._is_dead(s, read, own, mentioned)]
            if len(live) == len(body):
                return tuple(body)
            body = live

    def _is_dead(
        self, stmt: Stmt, read: set[str], own: Counter[str], mentioned: Counter[str]
    ) -> bool:
        """Whether nobody reads what a statement assigns, in this loop or elsewhere."""
        if not isinstance(stmt, Assign) or stmt.target.name not in self.once:
            return False
        name = stmt.target.name
        return name not in read and own[name] == mentioned[name]


def _operations(expr: Expr) -> int:
    """How many operations an expression has, those of indices left out."""
    if isinstance(expr, Load):
        return 0
    return isinstance(expr, Binary) + sum(map(_operations, children(expr)))


def _reach(term: _Term, counter: Var, shadow: _Shadow) -> Iterator[int]:
    """How far from the counter of the loop that fetches a term its elements are."""
    for e in walk(term.value):
        if isinstance(e, Load):
            offset = offset_from(e.index[0], counter)
            assert offset is not None
            yield offset + shadow.of.low - term.offset


def _fetched(
    term: _Term, counter: Var, here: Var, shadow: _Shadow, rows: dict[str, _Periodic]
) -> Expr:
    """A term as the loop with the counter ``here`` fetches it."""
    ahead = shadow.of.low - term.offset

    def moved(expr: Expr) -> Expr:
        match expr:
            case Var(name=name) if name in rows:
                place = add(here, integer(ahead + rows[name].low))
                return Load(rows[name].array, (place,), expr.kind)
            case Load(index=(place,)):
                offset = offset_from(place, counter)
                assert offset is not None
                return replace(expr, index=(add(here, integer(ahead + offset)),))
        parts = children(expr)
        return rebuild(expr, tuple(map(moved, parts))) if parts else expr

    return moved(term.value)


def _reading(use: For, shadow: _Shadow, value: Expr, names: Names) -> For:
    """The loop that reads the shadow, with its element computed."""
    place = add(use.var, integer(shadow.of.low))
    element = Load(shadow.name, (place,), value.kind)
    readers = [s for s in statements((use,)) if shadow.name in names_of(s)]
    match readers:
        case [Assign(value=read) as reader] if read == element and reader in use.body:
            made = replace(reader, value=value)
            return replace(use, body=tuple(made if s is reader else s for s in use.body))
    var = Var(names.fresh("seed"), value.kind)

    def named(expr: Expr) -> Expr:
        if isinstance(expr, Load) and expr.array == shadow.name:
            return var
        parts = children(expr)
        return rebuild(expr, tuple(map(named, parts))) if parts else expr

    first = next((k for k, s in enumerate(use.body) if not isinstance(s, Comment)), 0)
    body = list(with_expressions(use.body, named))
    return replace(use, body=(*body[:first], Assign(var, value), *body[first:]))


def _lengthened(block: Block, of: _Periodic, longer: tuple[int, int], kind: str) -> Block:
    """The block with a periodic array that repeats more elements, in front and behind."""
    before, behind = longer
    if not before + behind:
        return block
    ends = [s for s in block if _is_end(s, of.array)]

    def moved(expr: Expr) -> Expr:
        parts = children(expr)
        expr = rebuild(expr, tuple(map(moved, parts))) if parts else expr
        if isinstance(expr, Load) and expr.array == of.array:
            return replace(expr, index=(add(expr.index[0], integer(before)),))
        return expr

    def stored(stmt: Stmt) -> Stmt:
        if isinstance(stmt, Store) and stmt.array == of.array:
            return replace(stmt, index=(add(stmt.index[0], integer(before)),))
        if isinstance(stmt, Alloc) and stmt.target == of.array:
            return replace(stmt, shape=(add(stmt.shape[0], integer(before + behind)),))
        return with_blocks(stmt, tuple(tuple(map(stored, b)) for b in blocks(stmt)))

    out: list[Stmt] = []
    for stmt in block:
        if stmt is ends[0]:
            out += _repeating(replace(of, low=of.low + before, high=of.high + behind), kind)
        elif not any(stmt is s for s in ends):
            out += map(stored, with_expressions((stmt,), moved))
    return tuple(out)


def _is_end(stmt: Stmt, array: str) -> bool:
    """Whether a statement repeats an element of a periodic array."""
    return isinstance(stmt, Store) and stmt.array == array
