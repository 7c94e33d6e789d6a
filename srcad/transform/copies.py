"""Copies that change nothing: a value put back where it still is.

Reversal keeps ``x_old = x`` before ``x`` is overwritten and puts it back afterwards. Where the
overwriting itself was pruned, the way back is a copy onto itself::

    s_old = s
    s = s_old          (dropped, and with it s_old)
"""

from dataclasses import replace

from srcad.analysis.flow import assigned, writes_of
from srcad.ir.nodes import Assign, Bind, Block, For, Function, If, Stmt, Var, While

Pairs = frozenset[frozenset[str]]


def drop_copies(function: Function) -> Function:
    """The function without assignments of a value to a variable that already holds it."""
    return replace(function, body=_block(function.body, frozenset())[0])


def _block(block: Block, equal: Pairs) -> tuple[Block, Pairs]:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For() | While():
                head = _forget(equal, assigned((stmt,)))
                out.append(replace(stmt, body=_block(stmt.body, head)[0]))
                equal = head
                continue
            case If():
                body, one = _block(stmt.body, equal)
                orelse, two = _block(stmt.orelse, equal)
                out.append(replace(stmt, body=body, orelse=orelse))
                equal = one & two
                continue
            case Assign(value=Var()):
                pair = frozenset((stmt.target.name, stmt.value.name))  # type: ignore[union-attr]
                if pair in equal or len(pair) == 1:
                    continue
                equal = _forget(equal, {stmt.target.name}) | {pair}
            case Bind() if len(stmt.targets) == 1:
                pair = frozenset((stmt.targets[0], stmt.sources[0]))
                if pair in equal or len(pair) == 1:
                    continue
                equal = _forget(equal, set(stmt.targets)) | {pair}
            case _:
                equal = _forget(equal, set(writes_of(stmt)))
        out.append(stmt)
    return tuple(out), equal


def _forget(equal: Pairs, names: set[str]) -> Pairs:
    return frozenset(pair for pair in equal if not pair & names)
