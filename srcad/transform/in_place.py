"""Arrays that a loop makes anew and binds to the name of the last one are written in place.

A program in the style of formulas makes an array for each value that a name takes on. Where all of
them have one shape, and nobody else has hold of one, the name denotes a single array all along, and
each value is written into it. Loops that are fused then leave no array but that one; and reversal
saves elements in a tape instead of references to arrays, with one shadow for all of them::

    x_1 = x                                     x_1 = x.copy()
    for t in range(n):                          for t in range(n):
        x_new = np.empty(x_1.shape[0])              x_new = np.empty(x_1.shape[0])
        for i in range(x_1.shape[0]):      ->       for i in range(x_1.shape[0]):
            x_new[i] = x_1[i] + h * k[i]                x_new[i] = x_1[i] + h * k[i]
        x_1 = x_new                                 for i in range(x_1.shape[0]):
                                                        x_1[i] = x_new[i]

Where the new value is computed from neighbours of the old one, the two are exchanged instead::

    x_new = np.empty(x_1.shape[0])
    for t in range(n):
        for i in range(1, x_1.shape[0]):
            x_new[i] = x_1[i] + h * x_1[i - 1]
        x_1, x_new = x_new, x_1

A name stays as it is if another name can denote what it denotes, if what it denotes at the start is
written while it may denote that, or if a loop around it runs for a number of times not known before
(its tape would grow by the element).
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.alias import Sites, points_to
from srcad.analysis.flow import assigned, fixed_names, names_of, reads_of, writes_of
from srcad.analysis.places import Place, arrays_written, places_of
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.ir.build import zero_of
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Bind,
    Block,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    If,
    Invoke,
    Load,
    MatMul,
    Pop,
    Push,
    Reshape,
    Stmt,
    Store,
    While,
    Window,
    blocks,
    expressions,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import kind_of
from srcad.transform.nest import nest

Arrays = dict[str, tuple[str, int]]

_Making = Alloc | Copy | MatMul | Invoke
_Holding = Bind | Window | Reshape | Push | Pop
"""Statements after which something else has hold of an array that they name."""


def in_place(body: Block, arrays: Arrays, kept: set[str], names: Names) -> Block:
    """The body with such arrays written in place; ``kept`` are needed afterwards."""
    single = _one_by_one(body)
    rebound = _Rebound(single, arrays, kept)
    found = rebound.found()
    exchanged = {n: new for n in found if (new := rebound.exchanged(n)) is not None}
    return _written(single, found, exchanged, arrays, names) if found else body


class _Rebound:
    """Which names can be written in place."""

    def __init__(self, body: Block, arrays: Arrays, kept: set[str]) -> None:
        self.body = body
        self.arrays = arrays
        self.kept = kept
        self.sites: Sites = points_to(body, set(arrays))
        self.fixed = fixed_names(body, set(arrays))
        self.places: dict[str, list[Place]] = {}
        for place in places_of(body):
            for name in names_of(place.stmt) & arrays.keys():
                self.places.setdefault(name, []).append(place)

    def found(self) -> dict[str, Stmt]:
        """The names, each with the statement that binds it first."""
        again = {
            s.targets[0]
            for s in statements(self.body)
            if isinstance(s, For | While)
            for s in statements(s.body)
            if isinstance(s, Bind) and len(s.targets) == 1
        }
        able = {name for name in sorted(again) if self._is_able(name)}
        first = {name: self.places[name][0].stmt for name in able}
        changing = _changing_shape(self.body, first, Sizes(self.arrays)) if able else set[str]()
        return {name: stmt for name, stmt in first.items() if name not in changing}

    def exchanged(self, name: str) -> str | None:
        """The array that a name is exchanged with, which is made before the loop then.

        It is made in each iteration, of neighbours of the old one, and not looked at once it has
        been given away.
        """
        first, *others = self.places[name]
        again = [p for p in others if name in writes_of(p.stmt)]
        if len(again) != 1:
            return None
        (at,) = again
        assert isinstance(at.stmt, Bind)
        made, *uses = self.places[at.stmt.sources[0]]
        if not isinstance(made.stmt, Alloc | Copy) or made.around != at.around:
            return None
        if len(at.around) != len(first.around) + 1 or not at.is_within(first):
            return None
        if any(use.order > at.order for use in uses):
            return None
        if any(isinstance(s, For) and s.checkpoints is not None for s in at.loops()):
            return None  # its snapshots would keep both
        loads = [p for p in others if made.order < p.order < at.order]
        return made.stmt.target if any(reads_neighbours(p, name) for p in loads) else None

    def _is_able(self, name: str) -> bool:
        """Whether a name can be written in place, if its arrays have one shape."""
        first, *others = self.places[name]
        if not self._starts(name, first) or not all(p.is_within(first) for p in others):
            return False
        if name in self.kept and first.around:
            return False
        again = [p for p in others if name in writes_of(p.stmt)]
        if not all(self._takes_new(name, p, first) for p in again):
            return False
        given = [p for p in others if p not in again]
        if any(isinstance(p.stmt, _Holding) or _writes(p.stmt, name, Invoke) for p in given):
            return False
        return not isinstance(first.stmt, Bind) or self._is_left_alone(name, first, again)

    def _starts(self, name: str, first: Place) -> bool:
        """Whether the first mention of a name binds it."""
        if name in reads_of(first.stmt):
            return False
        match first.stmt:
            case Bind(targets=(_,)) | Alloc() | Copy() | MatMul():
                return True
        return False

    def _takes_new(self, name: str, at: Place, first: Place) -> bool:
        """Whether a statement binds the name to an array of the same iteration, for good."""
        inner = at.loops()[len(first.loops()) :]
        if not isinstance(at.stmt, Bind) or not self._are_counted(at.loops(), inner):
            return False
        new = at.stmt.sources[0]
        if new in self.kept or self.arrays[new] != self.arrays[name]:
            return False
        made, *uses = self.places[new]
        if not isinstance(made.stmt, _Making) or new not in writes_of(made.stmt):
            return False
        if not at.is_within(made) or made.order > at.order or len(made.loops()) < len(at.loops()):
            return False
        later = [p for p in self.places[name] if p.order > at.order]
        for use in uses:
            if use is at:
                continue
            if new in writes_of(use.stmt) or isinstance(use.stmt, _Holding):
                return False
            if not use.is_within(made):
                return False
            if use.order > at.order:
                written = any(_writes(p.stmt, name) for p in later)
                if _writes(use.stmt, new) or (written and not _is_measured(use.stmt, new)):
                    return False
        return True

    def _are_counted(self, loops: list[For | While], inner: list[For | While]) -> bool:
        """Whether the iterations of the inner loops have numbers known before the first of them."""
        changing = assigned((inner[0],)) if inner else set[str]()
        if any(not isinstance(loop, For) or loop.until is not None for loop in loops):
            return False
        for loop in inner:
            assert isinstance(loop, For)
            ends = names_read(loop.start) | names_read(loop.stop) | names_read(loop.step)
            at_top = any(inner[0] is s for s in self.body)
            if ends & changing or not (ends <= self.fixed or at_top):
                return False
        return True

    def _is_left_alone(self, name: str, first: Place, again: list[Place]) -> bool:
        """Whether nobody writes the array that a name denotes at first, while it may do so."""
        assert isinstance(first.stmt, Bind)
        (source,) = first.stmt.sources
        sites = self.sites.get(source, frozenset((source,)))
        for place in places_of(self.body):
            if place.order <= first.order or not place.is_within(first):
                continue
            for array in arrays_written(place.stmt):
                if array == name:
                    if not any(_certainly_before(p, place) for p in again):
                        return False
                elif sites & self.sites.get(array, frozenset((array,))):
                    return False
        return True


def reads_neighbours(place: Place, name: str) -> bool:
    """Whether a statement reads an element that is not at the counters of the loops around it."""
    counters = {loop.var for loop in place.loops() if isinstance(loop, For)}
    return any(
        isinstance(e, Load)
        and e.array == name
        and any(not isinstance(k, Const) and k not in counters for k in e.index)
        for x in expressions(place.stmt)
        for e in walk(x)
    )


def _certainly_before(one: Place, two: Place) -> bool:
    """Whether a statement of a loop's body runs before another one in the same iteration."""
    return one.order < two.order and two.is_within(one)


def _writes(stmt: Stmt, array: str, kind: type = object) -> bool:
    return isinstance(stmt, kind) and array in arrays_written(stmt)


def _is_measured(stmt: Stmt, array: str) -> bool:
    """Whether a statement asks for nothing but the lengths of an array."""
    read = [e for x in expressions(stmt) for e in walk(x)]
    asked = any(isinstance(e, Extent) and e.array == array for e in read)
    loaded = any(isinstance(e, Load) and e.array == array for e in read)
    named = reads_of(stmt) - set[str]().union(*map(names_read, expressions(stmt)))
    return asked and not loaded and array not in named


def _changing_shape(block: Block, first: dict[str, Stmt], sizes: Sizes) -> set[str]:
    """The names that are bound to an array of a shape that may be another one.

    ``first`` says what binds each name first.
    """
    out: set[str] = set()
    for stmt in block:
        match stmt:
            case For() | While():
                out |= _changing_shape(stmt.body, first, sizes_inside(stmt, sizes))
            case If():
                for inner in blocks(stmt):
                    out |= _changing_shape(inner, first, sizes.copy())
            case Bind(targets=(name,), sources=(new,)) if stmt is not first.get(name, stmt):
                if sizes.shape(name) != sizes.shape(new):
                    out.add(name)
        sizes = sizes_after((stmt,), sizes)
    return out


def _one_by_one(body: Block) -> Block:
    """``u, v = a, b`` as two statements, where neither depends on the other."""
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case Bind() if len(stmt.targets) > 1 and not set(stmt.targets) & set(stmt.sources):
                pairs = zip(stmt.targets, stmt.sources, strict=True)
                out += [Bind((t,), (s,), stmt.at) for t, s in pairs]
            case For() | While() | If():
                out.append(with_blocks(stmt, tuple(map(_one_by_one, blocks(stmt)))))
            case _:
                out.append(stmt)
    return tuple(out)


def _written(
    body: Block, first: dict[str, Stmt], exchanged: dict[str, str], arrays: Arrays, names: Names
) -> Block:
    """The body with these names bound once, or exchanged with others."""
    out: list[Stmt] = []
    news = {new: name for name, new in exchanged.items()}
    for stmt in body:
        match stmt:
            case Bind(targets=(name,), sources=(source,)) if stmt is first.get(name):
                out.append(Copy(name, source, stmt.at))
            case Bind(targets=(name,), sources=(new,)) if exchanged.get(name) == new:
                out.append(Bind((name, new), (new, name), stmt.at))
            case Bind(targets=(name,)) if name in first:
                out += _elements(stmt, *arrays[name], names)
            case Store(array=array) if array in news:
                out.append(replace(stmt, fresh=False))  # there are elements of another iteration
            case Alloc(target=new, zeros=zeros) if new in news:
                out += filled(stmt, arrays, names) if zeros else ()
            case Copy(target=new) if new in news:
                out += filled(stmt, arrays, names)
            case For() | While() | If():
                inside = {s.target for b in blocks(stmt) for s in b if isinstance(s, Alloc | Copy)}
                for new in sorted(inside & news.keys()):
                    dtype, ndim = arrays[new]
                    shape = tuple(Extent(news[new], k) for k in range(ndim))
                    out.append(Alloc(new, shape, dtype, at=stmt.at))
                parts = tuple(_written(b, first, exchanged, arrays, names) for b in blocks(stmt))
                out.append(with_blocks(stmt, parts))
            case _:
                out.append(stmt)
    return tuple(out)


def filled(stmt: Alloc | Copy, arrays: Arrays, names: Names) -> list[Stmt]:
    """The elements of an array that an iteration starts with."""
    dtype, ndim = arrays[stmt.target]
    kind = kind_of(dtype)

    def element(at: tuple[Expr, ...]) -> list[Stmt]:
        value = Load(stmt.source, at, kind) if isinstance(stmt, Copy) else zero_of(kind)
        return [Store(stmt.target, at, value, at=stmt.at)]

    return nest(names, stmt.target, ndim, element)


def _elements(stmt: Bind, dtype: str, ndim: int, names: Names) -> list[Stmt]:
    """The elements of an array written into another one, instead of binding its name."""
    (name,), (new,) = stmt.targets, stmt.sources

    def element(at: tuple[Expr, ...]) -> list[Stmt]:
        return [Store(name, at, Load(new, at, kind_of(dtype)), at=stmt.at)]

    return nest(names, new, ndim, element)
