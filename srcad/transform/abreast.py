"""Points that take different paths run side by side, each until it is through.

A loop over points that each iterate to convergence, or branch, is scalar code for LLVM, with one
call of the C library after the other. Where the points do not depend on each other, a few of them
take each step together: those that are through, or took the other branch, keep what they have.
The innermost loops then run over lanes, and their elementary functions are vector instructions
(``vectorise.py``)::

    for i in range(n):                    for strip in range(0, n, 16):
        z = x[i]                              some = 0
        d = 1.0                               for lane in range(16):
        while abs(d) > 1e-9:                      z = x[strip + lane]
            d = z - math.sin(z) - k       ->      d = 1.0
            z = z - d                             going = abs(d) > 1e-9
        y[i] = z                                  some += 1 if going else 0
                                                  z_lanes[lane] = z; ...
                                              while some > 0:
                                                  some = 0
                                                  for lane in range(16):
                                                      z = z_lanes[lane]; ...
                                                      d = z - sin(z) - k
                                                      z = z - d if going else z
                                                      ...
                                              for lane in range(16):
                                                  y[strip + lane] = z_lanes[lane]

Few lanes, as a strip takes as many steps as the slowest of its points. Only what cannot fail is
computed for points that do not need it: arithmetic, elementary functions, and elements of arrays
that are there, which is tested before a strip. The loop as it was is kept for the last few points,
for elements that are not there, and for strips that take more steps than there is memory for: up to
there a strip writes nothing but what it has for itself.

So run points whose numbers are in the rows of a matrix, branches or not: elements of rows are moved
into arrays of the lanes, and back (``lane_group.py``). Short loops of an iteration are written out,
such as that over the rows of a Jacobian. Where the points only store what is their own, the last
strip takes the last point for all lanes that are left, and the loop as it was is not needed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed, mentions, names_of, scalars
from srcad.analysis.iterations import (
    Bounds,
    commute,
    is_still,
    of_each,
    span,
)
from srcad.analysis.liveness import Live
from srcad.analysis.set_in_branch import read_unset
from srcad.ir.build import (
    FALSE,
    ONE,
    add,
    compare,
    logic,
    negation,
    zero_of,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Check,
    Comment,
    For,
    Function,
    Grow,
    If,
    Stack,
    Stmt,
    Store,
    Var,
    While,
    all_expressions,
    blocks,
    expressions,
    names_read,
    statements,
    with_blocks,
)
from srcad.ir.types import BOOL
from srcad.transform.outermost import Outermost
from srcad.transform.points import Points, points_of
from srcad.transform.side_by_side import Strips
from srcad.transform.vectorise import has_lanes, is_elementary
from srcad.transform.write_out import values_of, written_out

STATEMENTS = 64
"""The most statements that a loop in an iteration is written out to."""
MORE = 256
"""The same for a loop of four iterations or fewer, as one over the rows of a Jacobian."""
_SHORT = 4


def abreast(function: Function, names: Names) -> Function:
    """The function with such loops over points in strips; itself if there is none."""
    body = function.body
    aliases = Aliases(body, points_to(body, set(function.arrays)))
    marcher = _Marcher(body, dict(function.arrays), aliases, names)
    made = marcher.block(body, frozenset(function.exports))
    if not marcher.found:
        return function
    return replace(function, body=(*marcher.memory, *made), arrays=marcher.arrays)


class _Marcher(Outermost):
    def __init__(
        self, body: Block, arrays: dict[str, tuple[str, int]], aliases: Aliases, names: Names
    ) -> None:
        self.arrays = arrays
        self.aliases = aliases
        self.names = names
        self.bounds = Bounds(body)
        self.stacks = {s.target for s in body if isinstance(s, Stack)}
        self.mentions = mentions(body)
        self.first = {id(s) for s in body}
        """The statements that no loop or branch is around, by identity."""
        self.memory: list[Stmt] = []
        """What the lanes of all loops need."""
        self.found = False
        """Whether there are such loops."""

    def written(self, loop: For, live: Live) -> For | None:
        """The loop in strips; None if it stays."""
        ends = span(loop)
        if ends is None or not _is_worth_it(loop, self.aliases):
            return None
        stands_alone = id(loop) in self.first
        checks, loop = _checked(loop)
        own = self._own_stacks(loop)
        changed = self._written_out(loop)
        changed = replace(changed, body=_with_whiles(changed.body, changed.body))
        changed = replace(changed, body=(*self._set_first(changed.body), *changed.body))
        plain = replace(changed, body=_without_grows(changed.body))
        if not commute(plain, live, self.aliases, self.bounds, own):
            return None
        disjoint = of_each(plain, self.aliases, self.bounds, own)
        points = points_of(changed, own, disjoint, live)
        if points is None or (own and points.filling is None):
            return None
        made = None
        if stands_alone and points.may_be_repeated():
            made = self._strips(loop, points, repeats=True)
        made = made or self._strips(loop, points, repeats=False)
        return None if made is None else replace(made, body=(*checks, *made.body))

    def _strips(self, loop: For, points: Points, *, repeats: bool) -> For | None:
        """The loop in strips, if LLVM makes vector instructions of that."""
        used, arrays = set(self.names.used), dict(self.arrays)
        own = replace(points, varying=set(points.varying))
        writer = Strips(own, self.names, arrays, repeats=repeats)
        strips = writer.strips(loop)
        lanes = (*writer.memory, strips)
        if not (writer.pays() and _become_vectors(lanes, writer.lane, arrays)):
            self.names.release(used)
            return None
        self.arrays.update(arrays)
        self.memory += writer.memory
        self.found = True
        return strips

    def _written_out(self, loop: For) -> For:
        """The loop with the loops in it that have few known iterations written out."""
        opened: set[int] = set()
        _size(loop.body, opened)
        if not opened:
            return loop
        counters = {s.var.name for s in statements(loop.body) if isinstance(s, For)}
        own = {counter for counter in counters if not _asks_for(counter, loop.body)}
        counts = Counter({n: k for n, k in self.mentions.items() if n not in own})
        return replace(loop, body=written_out(loop.body, frozenset(opened), counts, self.names))

    def _set_first(self, body: Block) -> Block:
        """Values, which nobody reads, for variables that an iteration sets in a branch.

        What a branch sets and another one reads, under the same test, is not from the iteration
        before.
        """
        kinds = scalars(body)
        early = assigned(body) & exposed(body) & kinds.keys()
        early -= read_unset(body, self.aliases)
        zeros = {n: FALSE if kinds[n].kind == BOOL else zero_of(kinds[n].kind) for n in early}
        return tuple(Assign(kinds[n], zeros[n]) for n in sorted(early))

    def _own_stacks(self, loop: For) -> set[str]:
        """Stacks that the points of a loop fill and read, each for itself."""
        inside = mentions(loop.body)
        found = {s for s in self.stacks if 0 < inside[s] == self.mentions[s] - 1}
        others = inside.keys() & self.arrays.keys() - found
        return {a for a in found if not any(self.aliases.may(a, b) for b in others)}


def _checked(loop: For) -> tuple[Block, For]:
    """The checks with which every iteration begins alike, and the loop without them."""
    changing = assigned((loop,))
    count = 0
    for stmt in loop.body:
        if not isinstance(stmt, Check) or not is_still(stmt.test, changing):
            break
        count += 1
    return loop.body[:count], replace(loop, body=loop.body[count:])


def _size(block: Block, opened: set[int]) -> int:
    """How many statements a block is written out to; ``opened`` gets the loops, by identity."""
    size = 0
    for stmt in block:
        inner = sum(_size(b, opened) for b in blocks(stmt))
        values = _written(stmt)
        most = STATEMENTS if values is not None and len(values) > _SHORT else MORE
        if values is not None and inner * len(values) <= most:
            opened.add(id(stmt))
            inner *= len(values)
        size += inner + (not isinstance(stmt, Comment))
    return size


def _written(stmt: Stmt) -> range | None:
    """The values of a counter, if its loop may be written out: it fills no stacks."""
    if not isinstance(stmt, For) or stmt.checkpoints is not None:
        return None
    if not all(isinstance(s, Assign | Store | If | For | Comment) for s in statements(stmt.body)):
        return None
    return values_of(stmt)


def _with_whiles(block: Block, whole: Block) -> Block:
    """The block, each statement an object of its own, its loops that may be left as ``while``."""
    out: list[Stmt] = []
    for stmt in block:
        parts = tuple(_with_whiles(b, whole) for b in blocks(stmt))
        made = with_blocks(stmt, parts) if parts else stmt
        if isinstance(made, For) and made.until is not None and _is_entered(made, out, whole):
            test = logic("and", (compare("<", made.var, made.stop), negation(made.until)))
            count = Assign(made.var, add(made.var, ONE))
            out += [Assign(made.var, made.start), While(test, (*made.body, count), made.at)]
        else:
            out.append(replace(made))
    return tuple(out)


def _is_entered(loop: For, before: list[Stmt], whole: Block) -> bool:
    """Whether a loop begins with its flag down and counts up, for itself and to a fixed end."""
    assert loop.until is not None
    setting = [s for s in before if loop.until.name in assigned((s,))]
    down = bool(setting) and setting[-1] == Assign(loop.until, FALSE)
    changing = assigned(loop.body)
    still = all(is_still(e, changing | {loop.var.name}) for e in (loop.start, loop.stop))
    own = loop.var.name not in changing and not _asks_for(loop.var.name, whole)
    return down and still and own and loop.step == ONE


def _asks_for(counter: str, block: Block) -> bool:
    """Whether a counter is read, or bound by something else, outside of its loops."""
    for stmt in block:
        if any(counter in names_read(e) for e in expressions(stmt)):
            return True
        own = isinstance(stmt, For) and stmt.var.name == counter
        if not own and counter in names_of(stmt):
            return True
        if not own and any(_asks_for(counter, b) for b in blocks(stmt)):
            return True
    return False


def _without_grows(block: Block) -> Block:
    return tuple(
        with_blocks(s, tuple(map(_without_grows, blocks(s)))) if blocks(s) else s
        for s in block
        if not isinstance(s, Grow)
    )


def _is_worth_it(loop: For, aliases: Aliases) -> bool:
    """Whether there are elementary functions, which are not in vector instructions as it is."""
    inner = [s for s in statements((loop,)) if isinstance(s, For)]
    if any(has_lanes(s, aliases) for s in inner):
        return False
    return any(map(is_elementary, all_expressions(loop.body)))


def _become_vectors(block: Block, lane: Var, arrays: dict[str, tuple[str, int]]) -> bool:
    """Whether the loops over lanes that call elementary functions are ones for LLVM."""
    aliases = Aliases(block, points_to(block, set(arrays)))
    return all(
        has_lanes(s, aliases)
        for s in statements(block)
        if isinstance(s, For) and s.var == lane and any(map(is_elementary, all_expressions(s.body)))
    )
