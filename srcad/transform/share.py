"""What both branches of an ``if`` begin with runs before it.

Loops with snapshots put a state back in two branches, since what is only run again needs other
parts of it than what is reversed at once. Once pruning has dropped what each of them does not need,
the loops that are left in both come first::

    if first == last:                  for i in range(n):
        for i in range(n):                 u[i] = u_snapshots[held - 1, i]
            u[i] = u_snapshots[...]    if first == last:
        held -= 1                          held -= 1
    else:                          ->  else:
        for i in range(n):                 for i in range(n):
            u[i] = u_snapshots[...]            v[i] = v_snapshots[held - 1, i]
        for i in range(n):                 ...
            v[i] = v_snapshots[...]
        ...
"""

from srcad.analysis.flow import assigned
from srcad.ir.nodes import Block, For, If, Load, Stmt, Store, blocks, names_read, walk, with_blocks


def share(block: Block) -> Block:
    """The block with the loops that branches have in common before them."""
    out: list[Stmt] = []
    for stmt in block:
        if blocks(stmt):
            stmt = with_blocks(stmt, tuple(map(share, blocks(stmt))))
        if isinstance(stmt, If):
            count = _shared(stmt)
            out += stmt.body[:count]
            stmt = with_blocks(stmt, (stmt.body[count:], stmt.orelse[count:]))
        out.append(stmt)
    return tuple(out)


def _shared(stmt: If) -> int:
    """How many loops both branches begin with, which the test does not depend on."""
    count = 0
    for one, two in zip(stmt.body, stmt.orelse, strict=False):
        if not isinstance(one, For) or one != two:
            break
        stored = {s.array for s in one.body if isinstance(s, Store)}
        read = {e.array for e in walk(stmt.test) if isinstance(e, Load)}
        if read or (assigned((one,)) | stored) & names_read(stmt.test):
            break
        count += 1
    return max(0, min(count, len(stmt.body) - 1))
