"""The shadow of a copy that a stencil reads is folded into that of the original.

A step that writes a field from a copy of it, ``pn = p.copy()``, has a shadow of the copy: cleared,
added to by the adjoint of the stencil, and added to the shadow of the field at last. What the
stencil scatters is kept instead, in a field with zeros around, and goes to the shadow of the
original at once::

    pn_b = np.zeros_like(p)                     for i in range(1, n - 1):
    for i in range(1, n - 1):                       w = c * p_b[i]
        w = c * p_b[i]                              p_b[i] = 0.0
        p_b[i] = 0.0                                w_field[i + 1] = w
        pn_b[i - 1] += w                ->      for i in range(0, n):
        pn_b[i + 1] += w                            p_b[i] += w_field[i + 2] + w_field[i]
    for i in range(n):
        p_b[i] += pn_b[i]

The field is made once, before the loop over time: its border stays zero, as the same elements are
written each time.
"""

from __future__ import annotations

from collections.abc import Collection

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned, mentions, names_of
from srcad.analysis.iterations import accesses, offset_from
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.analysis.zero_lines import zero_lines
from srcad.ir.build import (
    ONE,
    ZERO,
    add,
    compare,
    integer,
    is_const,
    logic,
    sub,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Binary,
    Block,
    Comment,
    Const,
    Expr,
    Extent,
    For,
    If,
    Load,
    Select,
    Stmt,
    Store,
    Var,
    While,
    ZerosLike,
    blocks,
    names_read,
    statements,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.boxes import box_of
from srcad.transform.scatter import (
    KEPT,
    Nest,
    Offsets,
    Scatter,
    nest_of,
    receiver,
    with_loads,
)
from srcad.transform.terms import added


def fold(
    body: Block,
    start: int,
    shadows: Collection[str],
    aliases: Aliases,
    names: Names,
    arrays: dict[str, tuple[str, int]],
) -> Block:
    """The body with such shadows folded; the reverse sweep is what follows ``start``.

    ``arrays`` learns of the fields, which are made at the start of the sweep.
    """
    inside = (s for stmt in body for part in blocks(stmt) for s in statements(part))
    if not any(isinstance(s, ZerosLike) and s.target in shadows for s in inside):
        return body
    folder = _Folder(body, body[start:], frozenset(shadows), aliases, names, arrays)
    folded = folder.block(body, Sizes(arrays), in_loop=False)
    return (*folded[: start + 1], *folder.fields, *folded[start + 1 :])


class _Folder:
    def __init__(
        self,
        body: Block,
        sweep: Block,
        shadows: frozenset[str],
        aliases: Aliases,
        names: Names,
        arrays: dict[str, tuple[str, int]],
    ) -> None:
        self.mentions = mentions(body)
        self.changing = assigned(sweep)
        self.shadows = shadows
        self.aliases = aliases
        self.names = names
        self.arrays = arrays
        self.fields: list[Stmt] = []

    def block(self, block: Block, sizes: Sizes, *, in_loop: bool) -> Block:
        """A block with its shadows folded; ``sizes``: what is known before it."""
        if in_loop:
            block = self._folded(block, sizes)
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case For() | While():
                    inner = self.block(stmt.body, sizes_inside(stmt, sizes.copy()), in_loop=True)
                    out.append(with_blocks(stmt, (inner,)))
                case If():
                    parts = (self.block(b, sizes.copy(), in_loop=in_loop) for b in blocks(stmt))
                    out.append(with_blocks(stmt, tuple(parts)))
                case _:
                    out.append(stmt)
            sizes = sizes_after((stmt,), sizes)
        return tuple(out)

    def _folded(self, block: Block, sizes: Sizes) -> Block:
        """A block without the shadows of copies that are made in it."""
        for k, stmt in enumerate(block):
            if isinstance(stmt, ZerosLike) and stmt.target in self.shadows:
                found = self._without(block, k, stmt.target, sizes)
                if found is not None:
                    return self._folded(found, sizes)
        return block

    def _without(self, block: Block, made: int, shadow: str, sizes: Sizes) -> Block | None:
        """A block without a shadow, which is made, added to in a nest, and added to another."""
        uses = [k for k, s in enumerate(block) if _mentions(s, shadow)]
        if (
            len(uses) != 3
            or sum(_mentions(block[k], shadow) for k in uses) != self.mentions[shadow]
        ):
            return None
        _, scattered, last = uses
        stencil, ending = block[scattered], block[last]
        if not isinstance(stencil, For) or not isinstance(ending, For):
            return None
        known = sizes_after(block[: made + 1], sizes.copy())
        original, nest = receiver(ending, shadow, known), nest_of(stencil, least=1)
        if original is None or nest is None or not self._is_alike(original, shadow):
            return None
        between = block[scattered + 1 : last]
        if any(self._touches(s, original) for s in statements(between)):
            return None
        emptied = self._emptied(stencil, nest, original, block[:scattered], sizes)
        loops = self._gathered(nest, shadow, original, emptied)
        if loops is None:
            return None
        comment = between[-1:] if between and isinstance(between[-1], Comment) else ()
        between = between[: len(between) - len(comment)]
        before = (*block[:made], *block[made + 1 : scattered])
        return (*before, loops[0], *comment, loops[1], *between, *block[last + 1 :])

    def _is_alike(self, original: str, shadow: str) -> bool:
        """Whether an array is another one than the shadow of a copy, and of its dtype."""
        other = original in self.shadows and not self.aliases.may(original, shadow)
        return other and self.arrays[original] == self.arrays[shadow]

    def _touches(self, stmt: Stmt, array: str) -> bool:
        return any(n in self.arrays and self.aliases.may(n, array) for n in names_of(stmt))

    def _emptied(
        self, stencil: For, nest: Nest, original: str, before: Block, sizes: Sizes
    ) -> tuple[int, ...] | None:
        """Which element of the original each iteration sets to zero, if then all of it is zero.

        As an offset from the counters. None: that is not so, or not known.
        """
        place = next((k for k, s in enumerate(nest.body) if _sets_zero(s, original)), None)
        if place is None or any(_mentions(s, original) for s in nest.body[place + 1 :]):
            return None
        (index,) = (a.index for a in accesses(nest.body[place : place + 1]))
        read = [a for a in accesses(nest.body[:place]) if self.aliases.may(a.array, original)]
        if any((a.array, a.index, a.how) != (original, index, "load") for a in read):
            return None
        inside = sizes_after(before, sizes.copy())
        found = box_of(stencil, original, index, inside, assigned((stencil,)))
        if found is None:
            return None
        box, _ = found
        around = {(k, i) for k, p in enumerate(box) for i in range(-p.after, p.before)}
        least = [p.before + p.after + 1 for p in box]

        def may(name: str) -> bool:
            return name in self.arrays and self.aliases.may(name, original)

        if not around <= zero_lines(before, original, len(box), least, sizes, may):
            return None
        pairs = zip(index, nest.loops, strict=True)
        offsets = [k for e, loop in pairs if (k := offset_from(e, loop.var)) is not None]
        return tuple(offsets) if len(offsets) == len(index) else None

    def _gathered(
        self, nest: Nest, shadow: str, original: str, emptied: tuple[int, ...] | None
    ) -> tuple[For, For] | None:
        """The nest with what it scatters kept, and the nest that adds that to the original.

        If it adds to all that the first nest would have ``emptied``, it assigns.
        """
        scatter = Scatter(nest, self.shadows, self.aliases, self.names, self.arrays)
        if not self._is_scattered(scatter, shadow):
            return None
        core, terms = scatter.left_in_place(original, *scatter.core(shadow))
        kept = scatter.kept(core, terms)
        if not 0 < len(kept) <= KEPT:
            return None
        least = [min(o[axis] for o in terms) for axis in range(len(nest.loops))]
        spread = [max(o[axis] for o in terms) - low for axis, low in enumerate(least)]
        fields = self._made(nest, kept, spread)
        place = tuple(scatter.place(axis, c, spread) for axis, c in enumerate(scatter.counters))
        filled = (*core, *(Store(fields[v.name], place, v, True) for v in kept))
        target = tuple(scatter.counters)
        sums = [_fetched(scatter, t, o, spread, fields) for o in sorted(terms) for t in terms[o]]
        if emptied is not None and all(
            low <= k <= low + more for k, low, more in zip(emptied, least, spread, strict=True)
        ):
            filled = tuple(s for s in filled if not _sets_zero(s, original))
            total = added(sums[0], sums[1:])
        else:
            total = added(Load(original, target, self.arrays[original][0]), sums)
        field = fields[kept[0].name]
        ranges = [_range(loop, axis, field, least, spread) for axis, loop in enumerate(nest.loops)]
        gathered = _nested(nest, ranges, (Store(original, target, total),))
        return scatter.around(filled), gathered

    def _is_scattered(self, scatter: Scatter, shadow: str) -> bool:
        """Whether a nest only adds to a shadow, at several offsets from its counters."""
        ends = (e for loop in scatter.nest.loops for e in (loop.start, loop.stop))
        if any(names_read(e) & self.changing for e in ends):
            return False
        found = {a for a in accesses(scatter.nest.body) if self.aliases.may(shadow, a.array)}
        if any(a.how != "add" or a.array != shadow for a in found):
            return False
        places = {scatter.offsets(a.index) for a in found}
        return None not in places and len(places) > 1

    def _made(self, nest: Nest, kept: list[Var], spread: list[int]) -> dict[str, str]:
        """The fields for what is kept of the iterations, with zeros around; empty without any."""
        runs = logic("and", tuple(compare("<", loop.start, loop.stop) for loop in nest.loops))
        shape = tuple(
            Select(runs, add(sub(loop.stop, loop.start), integer(2 * spread[axis])), ZERO, INT)
            for axis, loop in enumerate(nest.loops)
        )
        out: dict[str, str] = {}
        for var in kept:
            out[var.name] = name = self.names.fresh(f"{var.name}_field")
            self.arrays[name] = (var.kind, len(shape))
            self.fields.append(Alloc(name, shape, var.kind, True))
        return out


def _sets_zero(stmt: Stmt, array: str) -> bool:
    """Whether a statement sets an element of an array to zero."""
    return isinstance(stmt, Store) and stmt.array == array and is_const(stmt.value, 0)


def _mentions(stmt: Stmt, name: str) -> int:
    """How many statements of a statement mention a name."""
    return sum(name in names_of(s) for s in statements((stmt,)))


def _fetched(
    scatter: Scatter, term: Expr, offsets: Offsets, spread: list[int], fields: dict[str, str]
) -> Expr:
    """A term that was added at these offsets, for the element at the counters."""
    at = tuple(
        scatter.place(axis, add(c, integer(-offsets[axis])), spread)
        for axis, c in enumerate(scatter.counters)
    )
    return with_loads(term, fields, at)


def _range(
    loop: For, axis: int, field: str, least: list[int], spread: list[int]
) -> tuple[Expr, Expr]:
    """The elements along an axis that the iterations of a loop add to.

    It ends by the length of the field, which is short if there are no iterations.
    """
    low = add(loop.start, integer(least[axis]))
    count = add(Extent(field, axis), integer(-spread[axis]))
    high = add(count, low) if isinstance(low, Const) else Binary("+", low, count, INT)
    return low, high


def _nested(nest: Nest, ranges: list[tuple[Expr, Expr]], block: Block) -> For:
    """A block in loops with the counters of a nest."""
    for loop, (low, high) in reversed(list(zip(nest.loops, ranges, strict=True))):
        block = (For(loop.var, low, high, ONE, block, at=loop.at),)
    (outermost,) = block
    assert isinstance(outermost, For)
    return outermost
