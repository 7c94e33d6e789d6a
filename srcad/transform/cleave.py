"""Loops that evaluate elementary functions are cut where they go along two rows of one array.

LLVM tests once, before the loop outside, whether what a loop reads and writes may overlap. Rows of
one array whose numbers vary, as ``state[2 * q]`` and ``state[2 * q + 1]``, overlap there, and the
loop is not made of vector instructions. As each iteration has elements of its own, it can be cut in
two, of which neither reads one row and writes the other::

    for j in range(n):                              for j in range(n):
        g = math.exp(state[k, j])                       g = math.exp(state[k, j])
        g_tape[t, j] = g                                g_tape[t, j] = g
        state[k + 1, j] *= g                ->      for j in range(n):
                                                        state[k + 1, j] *= g_tape[t, j]

A number that is made in one part and read in another is read where it has been stored already, or
kept in a buffer. (``vectorise.py`` says which loops are made of vector instructions.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed
from srcad.ir.build import ONE, add, at_least_zero, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Expr,
    For,
    Function,
    Load,
    Stmt,
    Store,
    Var,
    While,
    blocks,
    children,
    names_read,
    rebuild,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import FLOAT, FLOAT32
from srcad.transform.vectorise import has_lanes, meets


def cleave(function: Function, names: Names) -> Function:
    """The function with such loops cut."""
    aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))
    cutter = _Cutter(aliases, dict(function.arrays), names)
    body = cutter.block(function.body, ())
    return replace(function, body=body, arrays=cutter.arrays)


@dataclass(frozen=True)
class _Around:
    """A loop around, the names that it binds, and the buffers that are made before it."""

    changing: frozenset[str]
    made: list[Stmt]


@dataclass(frozen=True)
class _Cutter:
    aliases: Aliases
    arrays: dict[str, tuple[str, int]]
    names: Names

    def block(self, block: Block, around: tuple[_Around, ...]) -> Block:
        """A block; ``around`` are the loops around it, outermost first."""
        out: list[Stmt] = []
        for stmt in block:
            if not isinstance(stmt, For | While):
                parts = tuple(self.block(b, around) for b in blocks(stmt))
                out.append(with_blocks(stmt, parts) if parts else stmt)
                continue
            here = _Around(frozenset(assigned((stmt,))), [])
            cut = self._cut(stmt, (*around, here)) if isinstance(stmt, For) else None
            if cut is None:
                parts = tuple(self.block(b, (*around, here)) for b in blocks(stmt))
                cut = [with_blocks(stmt, parts)]
            out += [*here.made, *cut]
        return tuple(out)

    def _cut(self, loop: For, around: tuple[_Around, ...]) -> list[For] | None:
        """The loops that a loop is cut into; None if it is not."""
        if loop.parallel or loop.checkpoints is not None or has_lanes(loop, self.aliases):
            return None
        if not has_lanes(loop, self.aliases, rows=False):
            return None
        parts = self._parts(loop.body)
        passed = _passed(parts)
        if passed is None:
            return None
        places = {var: self._stored(var, parts[k], loop.body) for var, k in passed.items()}
        kept = sorted((v for v in places if places[v] is None), key=lambda v: v.name)
        if kept and not self._keep(kept, places, loop, around):
            return None
        loops = [replace(loop, body=_reading(part, places, kept)) for part in parts]
        return loops if any(has_lanes(part, self.aliases) for part in loops) else None

    def _keep(
        self,
        kept: list[Var],
        places: dict[Var, Load | None],
        loop: For,
        around: tuple[_Around, ...],
    ) -> bool:
        """Make buffers for numbers, before the outermost loop where their length is known."""
        low, high = loop.start, loop.stop
        if loop.step != ONE:
            low, high = add(loop.stop, ONE), add(loop.start, ONE)
        names = names_read(low) | names_read(high)
        *outer, own = around
        if names & own.changing or any(v.kind not in (FLOAT, FLOAT32) for v in kept):
            return False
        place = own
        for place_outside in reversed(outer):
            if names & place_outside.changing:
                break
            place = place_outside
        for var in kept:
            name = self.names.fresh(f"{var.name}_row")
            self.arrays[name] = (var.kind, 1)
            places[var] = Load(name, (sub(loop.var, low),), var.kind)
            place.made.append(Alloc(name, (at_least_zero(sub(high, low)),), var.kind))
        return True

    def _parts(self, body: Block) -> list[Block]:
        """The statements in parts, none of which goes along two rows."""
        parts: list[list[Stmt]] = [[]]
        for stmt in body:
            if meets((*parts[-1], stmt), self.aliases):
                parts.append([])
            parts[-1].append(stmt)
        return list(map(tuple, parts))

    def _stored(self, var: Var, part: Block, body: Block) -> Load | None:
        """The element where a part leaves a number, if nothing else is written there."""
        found = None
        for stmt in part:
            match stmt:
                case Assign(target=target) if target == var:
                    found = None
                case Store(array=array, index=index) if stmt.value == var:
                    stores = (s.array for s in body if isinstance(s, Store))
                    if (
                        self.arrays[array][0] == var.kind
                        and sum(self.aliases.may(array, other) for other in stores) == 1
                    ):
                        found = Load(array, index, var.kind)
        return found


def _passed(parts: list[Block]) -> dict[Var, int] | None:
    """The numbers that a part reads and another one makes, and which; None if several do."""
    made = [assigned(part) for part in parts]
    read = set[str]().union(*(exposed(part) & (set().union(*made)) for part in parts))
    found: dict[Var, int] = {}
    for name in read:
        makers = [k for k, names in enumerate(made) if name in names]
        readers = [k for k, part in enumerate(parts) if name in exposed(part)]
        if readers == makers and len(makers) == 1:
            continue  # a sum
        if len(makers) > 1 or any(k <= makers[0] for k in readers):
            return None
        targets = (s.target for s in parts[makers[0]] if isinstance(s, Assign))
        found[next(t for t in targets if t.name == name)] = makers[0]
    return found


def _reading(part: Block, places: dict[Var, Load | None], kept: list[Var]) -> Block:
    """A part that reads what others made where it is, and stores what it made itself."""
    own = assigned(part)

    def read(expr: Expr) -> Expr:
        place = places.get(expr) if isinstance(expr, Var) and expr.name not in own else None
        if place is not None:
            return place
        inside = tuple(map(read, children(expr)))
        return rebuild(expr, inside) if inside else expr

    stores = (Store(p.array, p.index, v) for v in kept if v.name in own and (p := places[v]))
    return (*with_expressions(part, read), *stores)
