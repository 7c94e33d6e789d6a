"""Loops that keep their last rows in a ring, in parts: each begins with rows of its neighbours.

In a first phase, each part puts aside what its neighbours need of its first and last rows, in a
*halo*. In the second it takes theirs, and runs its own rows with a ring of its own::

    for i in range(first, first + 1):           if part > 0:
        halo[part, 0, i - first] = ...              ring[(first - 1) % 3] = halo[part - 1, 1, ...]
    for i in range(last - 1, last):             for i in range(first, last + 1):
        halo[part, 1, i - last + 1] = ...           if i < last:
                                                        ring[i % 3] = ...
                                                    elif part + 1 == parts:
                                                        ring[i % 3] = 0.0
                                                    else:
                                                        ring[i % 3] = halo[part + 1, 0, i - last]
                                                    if part == 0 or i >= first + 1:
                                                        u[i - 1] += ring[...]

Which loops these are, and what they fill the ring with, is in ``srcad.analysis.rings``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from srcad.analysis.rings import Ring
from srcad.analysis.work import most_parts, operations
from srcad.ir.build import ONE, ZERO, add, compare, integer, sub
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Call,
    Expr,
    Function,
    If,
    Invoke,
    Logic,
    Select,
    Stmt,
    names_read,
)
from srcad.ir.types import INT
from srcad.transform.threads import Threads, stored


class RingParts:
    """Writes parts of the loops with a ring of a function."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self._halos: dict[str, str] = {}

    def halo(self, ring: Ring) -> dict[str, str]:
        """Where a part leaves what its neighbours need, by ring."""
        for name in sorted(ring.rings - self._halos.keys()):
            kind, rank = self.threads.known[name]
            self._halos[name] = self.threads.array(f"{name}_halo", kind, rank + 2)
        return {name: self._halos[name] for name in sorted(ring.rings)}

    def memory(self, ring: Ring, changing: set[str]) -> Iterator[Alloc]:
        """The statements that make these arrays, for the most parts that there can be.

        They stand where what is ``changing`` is not known.
        """
        count = sub(ring.stop, ring.start)
        most = most_parts()
        if not names_read(count) & changing:
            most = Call("max", (ONE, most_parts((count,), ring.spread)), INT)
        for name, halo in self.halo(ring).items():
            made = self.threads.division.made[name]
            shape = made.shape[1:] if isinstance(made, Alloc) else ()
            depth = integer(max(ring.most, -ring.least))
            kind, _ = self.threads.known[name]
            yield Alloc(halo, (most, integer(2), depth, *shape), kind, True)

    def phases(self, ring: Ring) -> Iterator[Stmt]:
        """What a worker does: what neighbours need, and then the rows of each part."""
        threads, loop = self.threads, ring.loop
        part, parts, count = threads.local("part"), threads.local("parts"), threads.local("count")
        yield Assign(count, sub(ring.stop, ring.start))
        most = most_parts((count,), ring.spread, operations(loop, count))
        yield Assign(parts, Call("even_parts", (most, threads.local("workers")), INT))

        def rows_and(function: Function) -> list[Stmt]:
            first, last = (threads.border(k, ring.start, count) for k in (part, add(part, ONE)))
            given = function.parameters
            return [
                Assign(threads.local("first"), first),
                Assign(threads.local("last"), last),
                Invoke((), function.name, given, function.exports, at=loop.at),
            ]

        ahead, own = self._ahead(ring), self._own(ring)
        yield If(compare(">", parts, ONE), tuple(threads.each_part(rows_and(ahead))))
        yield from threads.each_part(rows_and(own))

    def _ahead(self, ring: Ring) -> Function:
        """The function that puts aside what the neighbours of a part need."""
        loop, row, halo = ring.loop, ring.loop.var, self.halo(ring)
        given = part, first, last = tuple(map(self.threads.local, ("part", "first", "last")))
        above, below = integer(-ring.least), integer(ring.most)
        heads = ring.ahead(halo, (part, ZERO, sub(row, first)))
        tails = ring.ahead(halo, (part, ONE, add(sub(row, last), below)))
        body = (
            replace(loop, start=first, stop=add(first, above), body=heads),
            replace(loop, start=sub(last, below), stop=last, body=tails),
        )
        return self.threads.function("ends", given, body, stored(body))

    def _own(self, ring: Ring) -> Function:
        """The function that runs the rows of a part."""
        loop, row, halo = ring.loop, ring.loop.var, self.halo(ring)
        names = ("part", "parts", "first", "last")
        given = part, _, first, last = tuple(map(self.threads.local, names))
        is_first, is_last = self.threads.is_first, self.threads.is_last
        above, below = integer(-ring.least), integer(ring.most)
        before = ring.taken(halo, (sub(part, ONE), ONE, add(sub(row, first), below)))
        after = ring.taken(halo, (add(part, ONE), ZERO, sub(row, last)))
        begins = replace(loop, start=sub(first, below), stop=first, body=(*ring.slots, *before))
        beyond = If(is_last, ring.cleared, after)
        filled = If(compare("<", row, last), ring.filled, (beyond,))
        complete = Logic("or", (is_first, compare(">=", row, add(first, above))))
        rows = (*ring.slots, filled, If(complete, ring.gathered))
        stop: Expr = add(last, Select(is_last, integer(ring.spread), above, INT))
        body = (
            ring.clear,
            If(compare(">", part, ZERO), (begins,)),
            replace(loop, start=first, stop=stop, body=rows),
        )
        return self.threads.function("part", given, body, stored(body))
