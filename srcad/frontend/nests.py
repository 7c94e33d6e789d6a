"""Loops over indices, products and combinations become nested loops over ranges and sequences. ::

    for i, j in np.ndindex(n, m):                for i in range(n):
        ...                              ->          for j in range(m):
                                                         ...

    for i, j in combinations(range(n), 2):       for i in range(n):
        ...                              ->          for j in range(i + 1, n):
                                                         ...

What leaves the loop leaves all of them: each has the flag of a jump (``jumps.py``), or one of its
own that follows it. Counters, bounds and what is run over are names that no user can write (they
hold a ``$``, and end in the mark of the loop). The caller binds ``$range``, ``$n0``, ``$n1``, ...,
``$pool0``, ``$pool1``, ..., and of combinations ``$start`` and ``$stop``.
"""

from collections.abc import Sequence
from typing import Any

import gast


def mark_of(loop: Any) -> str:
    """What the hidden names of a loop end in."""
    return f"{loop.lineno}{loop.col_offset:03}"


_COUNTERS = "ijklmnpq"


class _Writer:
    """Writes syntax at the place of a loop."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.mark = mark_of(loop)

    def placed(self, new: Any) -> Any:
        return gast.copy_location(new, self.loop)

    def name(self, name: str, *, store: bool = False) -> Any:
        return self.placed(gast.Name(name, gast.Store() if store else gast.Load(), None, None))

    def hidden(self, name: str, *, store: bool = False) -> Any:
        return self.name(self.title(name), store=store)

    def title(self, name: str) -> str:
        return f"${name}_{self.mark}"

    def tuple(self, items: list[Any]) -> Any:
        return self.placed(gast.Tuple(items, gast.Load()))

    def item(self, owner: Any, key: Any) -> Any:
        return self.placed(gast.Subscript(owner, key, gast.Load()))

    def range(self, *bounds: Any) -> Any:
        return self.placed(gast.Call(self.hidden("range"), list(bounds), []))

    def after(self, counter: str) -> Any:
        one = self.placed(gast.Constant(1, None))
        return self.placed(gast.BinOp(self.name(counter), gast.Add(), one))

    def counters(self, count: int, names: Sequence[str]) -> list[str]:
        """The names of counters, the outermost first: the program's, if it has them."""
        found = [_COUNTERS[k] if k < len(_COUNTERS) else f"k{k}" for k in range(count)]
        return list(names) or [self.title(c) for c in found]

    def set(self, name: str, value: bool) -> Any:
        constant = self.placed(gast.Constant(value, None))
        return self.placed(gast.Assign([self.hidden(name, store=True)], constant, None))

    def nest(self, counters: list[str], over: list[Any], item: Any) -> list[Any]:
        """Loops of counters, the first outermost, around the body for an item.

        Without an item, the counters are what the loop assigns.
        """
        until = getattr(self.loop, "until", None)
        body = list(self.loop.body)
        if item is not None:
            body.insert(0, self.placed(gast.Assign([self.loop.target], item, None)))
        for k in reversed(range(len(counters))):
            ahead = []
            flag = until
            if k and until is not None:
                ahead = [self.set(f"stop{k}", False)]
                stopped = self.placed(gast.If(self.name(until), [self.set(f"stop{k}", True)], []))
                body, flag = [*body, stopped], self.title(f"stop{k}")
            new = gast.For(self.name(counters[k], store=True), over[k], body, [], None)
            new.until = flag
            body = [*ahead, self.placed(new)]
        return body


def over_indices(loop: Any, count: int, names: Sequence[str], *, with_items: bool) -> list[Any]:
    """Loops over all indices of an array, ``$a``, with as many axes, of lengths ``$n0``, ...

    ``names``: those that the loop assigns, if it assigns nothing else; so for the others, too.
    """
    write = _Writer(loop)
    counters = write.counters(count, names)
    item = None if names else write.tuple([write.name(c) for c in counters])
    if with_items:
        item = write.tuple([item, write.item(write.hidden("a"), item)])
    over = [write.range(write.hidden(f"n{k}")) for k in range(count)]
    return write.nest(counters, over, item)


def over_product(loop: Any, is_range: list[bool], names: Sequence[str]) -> list[Any]:
    """Loops over the items of each pool."""
    write = _Writer(loop)
    counters = write.counters(len(is_range), names)
    for k, bounds in enumerate(is_range):
        if not bounds:
            counters[k] = write.title(f"item{k}")
    item = None if names else write.tuple([write.name(c) for c in counters])
    over = [write.hidden(f"pool{k}") for k in range(len(is_range))]
    return write.nest(counters, over, item)


def over_combinations(loop: Any, is_range: list[bool], names: Sequence[str]) -> list[Any]:
    """Loops over places in one pool, each after the one before, as many as it is named."""
    write = _Writer(loop)
    counters = write.counters(len(is_range), names)
    items = [write.name(c) for c in counters]
    start, stop = write.hidden("start"), write.hidden("stop")
    if not is_range[0]:
        start = write.placed(gast.Constant(0, None))
        items = [write.item(write.hidden("pool0"), c) for c in items]
    starts = [start, *map(write.after, counters[:-1])]
    item = None if names else write.tuple(items)
    return write.nest(counters, [write.range(s, stop) for s in starts], item)
