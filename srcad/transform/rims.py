"""A copy whose inside is written next is a copy of its rim.

A step that starts with a copy of its field and then writes the inside reads and writes all of it
twice. What is written before anybody looks at it need not be copied::

    for i in range(n):                      v[0] = u[0]
        v[i] = u[i]                         v[n - 1] = u[n - 1]
    for i in range(1, n - 1):       ->      for i in range(1, n - 1):
        v[i] = f(u[i - 1], u[i])                v[i] = f(u[i - 1], u[i])
"""

from __future__ import annotations

from srcad.analysis.alias import Aliases
from srcad.analysis.flow import assigned
from srcad.analysis.iterations import accesses
from srcad.analysis.sizes import Sizes
from srcad.ir.names import Names
from srcad.ir.nodes import Assign, Block, Check, Comment, For, If, IndexCheck, Stmt
from srcad.ir.types import kind_of
from srcad.transform.boxes import Box, box_of, copied, edges, has_edges
from srcad.transform.nest import Copied, copied_by

_BETWEEN = Assign | Check | Comment | IndexCheck


def rims(
    block: Block,
    aliases: Aliases,
    sizes: Sizes,
    names: Names,
    arrays: dict[str, tuple[str, int]],
) -> Block:
    """A block with such copies of rims; ``sizes`` is what is known in it."""
    out: list[Stmt] = []
    for k, stmt in enumerate(block):
        found = copied_by(stmt)
        box = None if found is None else _written(found, block[k + 1 :], aliases, sizes)
        if found is None or box is None:
            out.append(stmt)
            continue
        kind = kind_of(arrays[found.source][0])
        pieces = edges(box, found.target)
        rim = [s for p in pieces for s in copied(names, found.source, found.target, (), kind, p)]
        narrow = all(p.width <= 1 for p in box)  # then arrays without a rim are empty
        out.append(If(has_edges(box), tuple(rim), () if narrow else (stmt,)))
    return tuple(out)


def _written(found: Copied, rest: Block, aliases: Aliases, sizes: Sizes) -> Box | None:
    """The elements of a copy that are written next, if none was read; None: that is not said."""
    target = found.target
    whole = sizes.shape(target)
    if not found.to == found.at == found.counters or tuple(map(sizes.known, found.ends)) != whole:
        return None
    if aliases.may(found.source, target):
        return None
    for k, stmt in enumerate(rest):
        touched = accesses((stmt,))
        own = [a for a in touched if a.array == target]
        if any(a.array != target and aliases.may(a.array, target) for a in touched):
            return None
        if own:
            if len(own) != 1 or own[0].how != "store" or not isinstance(stmt, For):
                return None
            box = box_of(stmt, target, own[0].index, sizes, assigned(rest[: k + 1]))
            return None if box is None or not any(p.width for p in box[0]) else box[0]
        if not isinstance(stmt, _BETWEEN):
            return None
    return None
