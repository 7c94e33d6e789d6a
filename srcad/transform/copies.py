"""Copies that change nothing: a value put back where it still is.

Reversal keeps ``x_old = x`` before ``x`` is overwritten and puts it back afterwards. Where the
overwriting itself was pruned, the way back is a copy onto itself::

    s_old = s
    s = s_old          (dropped, and with it s_old)
"""

from dataclasses import replace

from srcad.analysis.flow import assigned, writes_of
from srcad.ir.nodes import (
    Assign,
    Bind,
    Block,
    Expr,
    For,
    Function,
    If,
    Stmt,
    Var,
    While,
    statements,
    with_blocks,
)

Pairs = frozenset[frozenset[str]]


def drop_copies(function: Function, kept: set[str]) -> Function:
    """The function without assignments of a value to a variable that already holds it.

    ``kept`` are the variables in which reversal keeps old values: each is written before it is
    read, on the same paths of the same iteration.
    """
    body = _block(function.body, frozenset())[0]
    return replace(function, body=_steady(body, kept))


def _steady(block: Block, keepers: set[str]) -> Block:
    """Drop what puts variables back that nothing in the block (a loop's body) changes.

    Those are variables that the block assigns once, first, and else only from what reversal kept
    of them.
    """
    block = tuple(_inside(stmt, keepers) for stmt in block)
    first: dict[str, int] = {}
    values: dict[str, list[Expr | None]] = {}
    earliest: dict[str, int] = {}
    for k, outer in enumerate(block):
        for stmt in statements((outer,)):
            for name in writes_of(stmt):
                earliest.setdefault(name, k)
                value = stmt.value if isinstance(stmt, Assign) else None
                values.setdefault(name, []).append(value)
    for k, stmt in enumerate(block):
        if isinstance(stmt, Assign):
            first.setdefault(stmt.target.name, k)
    back: set[tuple[str, str]] = set()
    for name, found in values.items():
        k = first.get(name)
        if k is None or found[0] != block[k].value:  # type: ignore[union-attr]
            continue
        kept = [v.name if isinstance(v, Var) else None for v in found[1:]]
        if any(n is None for n in kept) or earliest[name] < k:
            continue
        copies = {n for n in kept if n is not None}
        if not copies <= keepers or any(earliest.get(n, k) < k for n in copies):
            continue  # a copy of what was there before
        if all(v == block[k].target for n in copies for v in values.get(n, [None])):  # type: ignore[union-attr]
            back |= {(name, n) for n in copies}
    return _dropped(block, back) if back else block


def _inside(stmt: Stmt, keepers: set[str]) -> Stmt:
    match stmt:
        case For() | While():
            return with_blocks(stmt, (_steady(stmt.body, keepers),))
        case If():
            parts = tuple(tuple(_inside(s, keepers) for s in b) for b in (stmt.body, stmt.orelse))
            return with_blocks(stmt, parts)
    return stmt


def _dropped(block: Block, back: set[tuple[str, str]]) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Assign(value=Var()) if (stmt.target.name, stmt.value.name) in back:  # type: ignore[union-attr]
                continue
            case For() | While():
                stmt = with_blocks(stmt, (_dropped(stmt.body, back),))
            case If():
                parts = _dropped(stmt.body, back), _dropped(stmt.orelse, back)
                stmt = with_blocks(stmt, parts)
        out.append(stmt)
    return tuple(out)


def _block(block: Block, equal: Pairs) -> tuple[Block, Pairs]:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For() | While():
                head = _forget(equal, assigned((stmt,)))
                out.append(with_blocks(stmt, (_block(stmt.body, head)[0],)))
                equal = head
                continue
            case If():
                body, one = _block(stmt.body, equal)
                orelse, two = _block(stmt.orelse, equal)
                out.append(with_blocks(stmt, (body, orelse)))
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
