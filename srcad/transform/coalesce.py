"""One name for an array that is made only to be bound to another name.

A name that a loop rebinds is a variable of its own, so that making an array and binding it are
two statements; where nothing but other such statements comes between them they are one::

    u_new = u0.copy()          u = u0.copy()
    v_new = u0.copy()          v = u0.copy()
    u = u_new            ->
    v = v_new

A name for another array, that is bound anew before any loop rebinds it, is that array::

    u_1 = u                    n = u.shape[0]
    n = u_1.shape[0]     ->    u_1 = u.copy()
    u_1 = u_1.copy()
"""

from collections.abc import Collection
from dataclasses import replace

from srcad.analysis.flow import bound_in, reads_of, writes_of
from srcad.ir.nodes import (
    Alloc,
    Bind,
    Block,
    Copy,
    For,
    If,
    MatMul,
    Stmt,
    While,
    blocks,
    statements,
    with_blocks,
)
from srcad.ir.rename import renamed


def coalesce(body: Block, kept: Collection[str] = ()) -> Block:
    """The body with arrays made directly under the name that they are bound to.

    Those that are ``kept`` are needed afterwards, by their own names.
    """
    body = _renamed_everywhere(body)
    uses: dict[str, int] = {}
    for stmt in statements(body):
        for name in (*reads_of(stmt), *writes_of(stmt)):
            uses[name] = uses.get(name, 0) + 1
    return _block(body, uses | dict.fromkeys(kept, 0))


def _renamed_everywhere(body: Block) -> Block:
    body = tuple(with_blocks(s, tuple(map(_renamed_everywhere, blocks(s)))) for s in body)
    return _without_passing_names(body)


def _without_passing_names(body: Block) -> Block:
    """The body without names that stand for another array for a while, and for a new one then."""
    k = 0
    while k < len(body):
        match body[k]:
            case Bind(targets=(name,), sources=(source,)) if name != source:
                end = _bound_anew(body, k + 1, name, source)
                if end is not None:
                    body = (*body[:k], *renamed(body[k + 1 : end], {name: source}), *body[end:])
                    continue
        k += 1
    return body


def _bound_anew(body: Block, start: int, name: str, source: str) -> int | None:
    """Where a name is bound next, if until then neither it nor its source is in any other way."""
    for k in range(start, len(body)):
        stmt = body[k]
        if writes_of(stmt) == (name,) and not blocks(stmt):
            return k if name not in reads_of(stmt) else None
        if not bound_in(stmt).isdisjoint((name, source)):
            return None
    return None


def _made_at(block: list[Stmt], source: str, target: str) -> int | None:
    """Where an array is made, if only other arrays are made and bound since."""
    for place in range(len(block) - 1, -1, -1):
        stmt = block[place]
        if not isinstance(stmt, Alloc | Copy | MatMul | Bind) or target in reads_of(stmt):
            return None
        if source in writes_of(stmt):
            return place if not isinstance(stmt, Bind) else None
        if target in writes_of(stmt):
            return None
    return None


def _block(block: Block, uses: dict[str, int]) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case For() | While():
                out.append(with_blocks(stmt, (_block(stmt.body, uses),)))
            case If():
                both = _block(stmt.body, uses), _block(stmt.orelse, uses)
                out.append(with_blocks(stmt, both))
            case Bind() if out and len(stmt.targets) == 1:
                (target,), (source,) = stmt.targets, stmt.sources
                place = _made_at(out, source, target) if uses[source] == 2 else None
                if place is None:
                    out.append(stmt)
                else:
                    out[place] = replace(out[place], target=target)
            case _:
                out.append(stmt)
    return tuple(out)
