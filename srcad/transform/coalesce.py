"""One name for an array that is made only to be bound to another name.

A name that a loop rebinds is a variable of its own, so that making an array and binding it are
two statements; where nothing comes between them they are one::

    u_new = u0.copy()          u = u0.copy()
    u = u_new            ->
"""

from dataclasses import replace

from srcad.analysis.flow import reads_of, writes_of
from srcad.ir.nodes import Alloc, Bind, Block, Copy, For, If, MatMul, Stmt, While, statements


def coalesce(body: Block) -> Block:
    """The body with arrays made directly under the name that they are bound to."""
    uses: dict[str, int] = {}
    for stmt in statements(body):
        for name in (*reads_of(stmt), *writes_of(stmt)):
            uses[name] = uses.get(name, 0) + 1
    return _block(body, uses)


def _block(block: Block, uses: dict[str, int]) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For() | While():
                out.append(replace(stmt, body=_block(stmt.body, uses)))
            case If():
                both = _block(stmt.body, uses), _block(stmt.orelse, uses)
                out.append(replace(stmt, body=both[0], orelse=both[1]))
            case Bind() if out and len(stmt.targets) == 1:
                last = out[-1]
                (target,), (source,) = stmt.targets, stmt.sources
                made = isinstance(last, Alloc | Copy | MatMul) and last.target == source
                if made and uses[source] == 2 and target not in reads_of(last):
                    out[-1] = replace(last, target=target)
                else:
                    out.append(stmt)
            case _:
                out.append(stmt)
    return tuple(out)
