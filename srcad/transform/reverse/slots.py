"""Where reversal saves: tapes indexed by loop counters, growing tapes, lists of arrays; shadows.

The iterations of a loop that is recorded are numbered by a *chain*: by the counters of the loops
around them where all trip counts are known beforehand (a tape then has exactly as many slots), or
by a running number (the tape grows). Adjoints and shadows get their names here, ``x_b`` for ``x``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from srcad.analysis.alias import Aliases, Sites, strided_names
from srcad.analysis.flow import assigned, fixed_names, times_bound
from srcad.analysis.moved import Moved
from srcad.analysis.updates import Update
from srcad.ir.build import accumulate, at_least_zero, converted, real_part
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Const,
    Expr,
    Extent,
    For,
    Keep,
    Load,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    names_read,
    plain_statements,
    statements,
)
from srcad.ir.types import COMPLEX64, INT, is_complex, is_inexact, is_single
from srcad.transform.nest import Body, nest
from srcad.transform.remade import Maker
from srcad.transform.reverse.loops import position, trip_count

Loop = For | While


@dataclass
class Chain:
    """How an iteration of a recorded loop is numbered: by counters, or by a running number."""

    loops: tuple[Loop, ...]
    shape: tuple[Expr, ...] | None
    """Trip counts, where they are known before the first loop; None: a running number."""
    number: Var | None
    tapes: list[str] = field(default_factory=list)
    """Growing tapes that one iteration fills one slot of."""


class Slots:
    """Names, tapes and shadows of one reversal."""

    def __init__(
        self,
        body: Block,
        arrays: dict[str, tuple[str, int]],
        active: set[str],
        sites: Sites,
        names: Names,
        kept: frozenset[str] = frozenset(),
        given: frozenset[str] = frozenset(),
        seeded: frozenset[str] = frozenset(),
    ) -> None:
        self.body = body
        self.kept = kept
        """Arrays that are needed after the body: results and outputs."""
        self.given = given
        """Parameters whose shadows are parameters too."""
        self.seeded = seeded
        """Arrays whose shadows hold something when the reverse sweep begins."""
        self.arrays = arrays
        self.active = active
        self.sites = sites
        self.aliases = Aliases(body, sites)
        self.strided = strided_names(body)
        self.names = names
        self.bars: dict[str, str] = {}
        self.opening: list[Stmt] = []
        self.middle: list[Stmt] = []
        self.tape_names: dict[tuple[object, ...], str] = {}
        self.chains: dict[tuple[int, ...], Chain] = {}
        self.heads: dict[int, list[Stmt]] = {}
        self.trips: dict[int, Var] = {}
        self.shadowed_late: set[str] = set()
        self.moved = Moved()
        """Variables whose values are arrays, each of which has one shadow; see ``moved``."""
        self.bound = times_bound(body)
        self.results: frozenset[int] = frozenset()
        """Stores (by id) whose own result serves their reversal, in place of what they compute."""
        self.makers: dict[int, Maker] = {}
        """Stores (by id) that overwrite what is computed again, and from what."""
        self.fixed = fixed_names(body, set(arrays))
        self.stored = {
            s
            for stmt in statements(body)
            if isinstance(stmt, Store)
            for s in sites.get(stmt.array, ())
        }
        self.keepers: set[str] = set()
        """Variables that hold the old values of scalars."""
        self.comment: object = None
        self.facts: dict[int, tuple[frozenset[str], frozenset[str], frozenset[int]]] = {}
        self.locals: dict[int, set[str]] = {}
        self.call_results: dict[int, set[str]] = {}
        self.counted: dict[int, frozenset[str]] = {}
        self.finished: dict[int, frozenset[str]] = {}
        self.touched: dict[int, tuple[set[str], set[str]]] = {}
        self.recording: dict[int, bool] = {}
        self.idle: dict[int, bool] = {}
        self.early: dict[int, dict[str, Update]] = {}
        self.early_stores: tuple[set[int], dict[int, set[str]]] | None = None

    def reversed_iteration(self, loop: Loop, chain: Chain) -> list[Stmt]:
        """One iteration reversed: take up what it found, rerun, reverse."""
        raise NotImplementedError

    def bar(self, name: str) -> str:
        """The adjoint (of a scalar) or the shadow (of an array)."""
        if name not in self.bars:
            self.bars[name] = self.names.fresh(f"{name}_b")
            if name in self.arrays:
                self.arrays[self.bars[name]] = self.arrays[name]
        return self.bars[name]

    def bar_var(self, var: Var) -> Var:
        """The adjoint of a scalar."""
        return Var(self.bar(var.name), var.kind)

    def is_active(self, name: str) -> bool:
        """Whether a name carries a derivative."""
        return name in self.active

    def chain(self, outer: tuple[Loop, ...], loop: Loop) -> Chain:
        """How the iterations of a loop, recorded inside ``outer`` ones, are numbered."""
        loops = (*outer, loop)
        key = tuple(id(x) for x in loops)
        if key not in self.chains:
            shape = self._shape(loops)
            number = None if shape is not None else Var(self.names.fresh("trip"), INT)
            self.chains[key] = Chain(loops, shape, number)
        return self.chains[key]

    def _shape(self, loops: tuple[Loop, ...]) -> tuple[Expr, ...] | None:
        head = loops[0]
        changing = assigned((head,)) if len(loops) > 1 else set()
        at_top = any(head is s for s in plain_statements(self.body))
        shape: list[Expr] = []
        for loop in loops:
            if not isinstance(loop, For) or loop.until is not None:
                return None
            names = names_read(loop.start) | names_read(loop.stop) | names_read(loop.step)
            if names & changing or not (at_top or names <= self.fixed):
                return None
            size = trip_count(loop)
            shape.append(size if _certainly_positive(size) else at_least_zero(size))
        return tuple(shape)

    def slot(self, chain: Chain) -> tuple[Expr, ...]:
        """The place of the current iteration on the tapes of a chain."""
        if chain.number is not None:
            return (chain.number,)
        return tuple(position(loop) for loop in chain.loops if isinstance(loop, For))

    def tape(self, key: tuple[object, ...], base: str, dtype: str, chain: Chain) -> str:
        """The tape of one value that each iteration of a chain saves."""
        key = (key, tuple(id(x) for x in chain.loops))
        if key not in self.tape_names:
            name = self.names.fresh(f"{base}_tape")
            self.tape_names[key] = name
            self.arrays[name] = (dtype, len(chain.shape) if chain.shape else 1)
            if chain.shape is None:
                self.opening.append(Stack(name, dtype, chain.loops[0].at))
                chain.tapes.append(name)
            else:
                head = chain.loops[0]
                made = Tape(name, chain.shape, dtype, head.at)
                if any(head is s for s in plain_statements(self.body)):
                    self.heads.setdefault(id(head), []).append(made)
                else:
                    self.middle.append(made)
        return self.tape_names[key]

    def saved(self, key: tuple[object, ...], base: str, kind: str, chain: Chain) -> Load:
        """The slot, as an expression, of a value saved once an iteration."""
        return Load(self.tape(key, base, kind, chain), self.slot(chain), kind)

    def save(self, key: tuple[object, ...], base: str, value: Expr, chain: Chain) -> Stmt:
        """Save a value in its slot."""
        place = self.saved(key, base, value.kind, chain)
        return Store(place.array, place.index, value, True)

    def list_of(self, key: tuple[object, ...], array: str, chain: Chain) -> str:
        """The list of references to the arrays that a name denoted, one an iteration."""
        key = (key, tuple(id(x) for x in chain.loops))
        if key not in self.tape_names:
            name = self.names.fresh(f"{array}_list")
            self.tape_names[key] = name
            dtype, ndim = self.arrays[array]
            strided = self._is_strided(array)
            self.opening.append(Keep(name, dtype, ndim, strided, chain.loops[0].at))
        return self.tape_names[key]

    def _is_strided(self, name: str) -> bool:
        """Whether an array (or the array of a shadow) can be a view that is not contiguous."""
        return name in self.strided or any(self.bars.get(n) == name for n in self.strided)

    def with_bars(self, names: list[str]) -> list[str]:
        """Array names and the shadows that are bound along with them."""
        extra = [self.bar(n) for n in names if self.is_active(n) and n not in self.shadowed_late]
        return [*names, *extra]

    def _trips(self, loop: Loop) -> Var:
        if id(loop) not in self.trips:
            self.trips[id(loop)] = Var(self.names.fresh("trips"), INT)
        return self.trips[id(loop)]

    def nest(self, array: str, ndim: int, body: Body) -> list[Stmt]:
        """Loops over all elements of an array."""
        return nest(self.names, array, ndim, body)

    def namer(self, out: list[Stmt]):
        """A function that gives expressions names by assignments written to ``out``."""

        def name(expr: Expr, base: str) -> Expr:
            if isinstance(expr, Var | Const):
                return expr
            var = Var(self.names.fresh(base), expr.kind)
            out.append(Assign(var, expr))
            return var

        return name

    def add_to(self, leaf: Var | Load, term: Expr) -> Stmt:
        """Accumulate a contribution."""
        term = floating(term, leaf.kind)
        if isinstance(leaf, Var):
            bar = self.bar_var(leaf)
            return Assign(bar, accumulate(bar, term))
        place = Load(self.bar(leaf.array), leaf.index, leaf.kind)
        return Store(place.array, place.index, accumulate(place, term))


def _certainly_positive(size: Expr) -> bool:
    return isinstance(size, Extent) or (isinstance(size, Const) and size.value >= 0)


def floating(term: Expr, kind: str) -> Expr:
    """A contribution to an adjoint of this kind: a float, or a complex number where it is one."""
    if is_complex(term.kind) and not is_complex(kind):
        return real_part(term)
    if kind == COMPLEX64 and is_inexact(term.kind) and not is_single(term.kind):
        return converted(term, kind)
    return term if is_inexact(term.kind) else converted(term, kind)
