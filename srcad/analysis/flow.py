"""Definitions and uses: what a block assigns, and what it reads before it assigns it."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Copy,
    For,
    Grow,
    If,
    Invoke,
    Keep,
    MatMul,
    Pop,
    Print,
    Push,
    Reshape,
    Return,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    Window,
    ZerosLike,
    blocks,
    expressions,
    names_read,
    remembered,
    statements,
    walk,
)


def writes_of(stmt: Stmt) -> tuple[str, ...]:
    """Names that a statement itself binds (scalars and arrays; not elements)."""
    bound = _BOUND.get(type(stmt))
    return () if bound is None else bound(stmt)


def _target(stmt: Any) -> tuple[str, ...]:
    return (stmt.target,)


_BOUND: dict[type, Callable[[Any], tuple[str, ...]]] = {
    Assign: lambda s: (s.target.name,),
    **dict.fromkeys(
        (Alloc, Copy, ZerosLike, MatMul, Tape, Stack, Keep, Grow, Window, Reshape), _target
    ),
    Bind: lambda s: s.targets,
    Pop: lambda s: (s.array,),
    For: lambda s: (s.var.name,),
    Invoke: lambda s: tuple(t if isinstance(t, str) else t.name for t in s.targets),
}


@remembered("_reads")
def reads_of(stmt: Stmt) -> frozenset[str]:
    """Names that a statement itself reads."""
    named = _NAMED.get(type(stmt))
    found = frozenset[str]() if named is None else frozenset(named(stmt))
    return found.union(*map(names_read, expressions(stmt)))


_NAMED: dict[type, Callable[[Any], Iterable[str]]] = {
    Store: lambda s: (s.array,),
    **dict.fromkeys((Copy, ZerosLike, Window, Reshape), lambda s: (s.source,)),
    MatMul: lambda s: (s.a, s.b),
    Bind: lambda s: s.sources,
    Push: lambda s: (s.target, s.array),
    Pop: lambda s: (s.source,),
    Grow: lambda s: (s.target, "pool"),
    Tape: lambda s: ("pool",),
    Stack: lambda s: ("pool",),
    Invoke: lambda s: (a for a in s.args if isinstance(a, str)),
    Print: lambda s: (i for i in s.items if isinstance(i, str) and i.isidentifier()),
    Return: lambda s: (i for i in s.items if isinstance(i, str) and i.isidentifier()),
}
"""What a statement reads by name, beside its expressions."""


@remembered("_names")
def names_of(stmt: Stmt) -> frozenset[str]:
    """Names that a statement itself reads or binds."""
    return reads_of(stmt).union(writes_of(stmt))


@remembered("_named")
def named_in(stmt: Stmt) -> frozenset[str]:
    """Names that a statement and those in it read or bind."""
    return names_of(stmt).union(*(named_in(s) for block in blocks(stmt) for s in block))


def times_bound(block: Block) -> Counter[str]:
    """How many statements of a block, nested ones too, bind each name."""
    return Counter(chain.from_iterable(map(writes_of, statements(block))))


def mentions(block: Block) -> Counter[str]:
    """How many statements of a block, those in nested blocks included, name each name."""
    return Counter(chain.from_iterable(map(names_of, statements(block))))


def assigned(block: Block) -> set[str]:
    """Names that a block binds, in nested blocks too."""
    return set[str]().union(*map(bound_in, block))


@remembered("_bound")
def bound_in(stmt: Stmt) -> frozenset[str]:
    """Names that a statement and those in it bind."""
    own = frozenset(writes_of(stmt))
    if isinstance(stmt, For | While):
        return own | bound_within(stmt)
    return own.union(*map(assigned, blocks(stmt))) if isinstance(stmt, If) else own


@remembered("_within")
def bound_within(loop: For | While) -> frozenset[str]:
    """Names that the body of a loop binds."""
    return frozenset(assigned(loop.body))


def scalars(block: Block) -> dict[str, Var]:
    """The scalar variables that a block assigns."""
    out: dict[str, Var] = {}
    for stmt in statements(block):
        match stmt:
            case Assign():
                out[stmt.target.name] = stmt.target
            case For():
                out[stmt.var.name] = stmt.var
            case Invoke():
                out |= {t.name: t for t in stmt.targets if isinstance(t, Var)}
    return out


def variables(block: Block) -> dict[str, Var]:
    """All scalar variables that a block mentions."""
    out = scalars(block)
    for stmt in statements(block):
        for expr in expressions(stmt):
            out |= {e.name: e for e in walk(expr) if isinstance(e, Var)}
    return out


def exposed(block: Block) -> set[str]:
    """Names that a block may read before it assigns them."""
    return _exposed(block)[1]


def _exposed(block: Block) -> tuple[set[str], set[str]]:
    """What a block certainly defines, and the reads of what is not defined."""
    defined, found = set[str](), set[str]()
    for stmt in block:
        own, read = _exposure(stmt)
        found |= read - defined
        defined |= own
    return defined, found


@remembered("_exposed")
def _exposure(stmt: Stmt) -> tuple[frozenset[str], frozenset[str]]:
    """The same of a statement."""
    read = reads_of(stmt)
    if not (parts := blocks(stmt)):
        return frozenset(writes_of(stmt)), read
    counter = writes_of(stmt)
    inside = [_exposed(part) for part in parts]
    found = read.union(*(early.difference(counter) for _, early in inside))
    if not isinstance(stmt, If):
        return frozenset(), found
    one, two = inside
    return frozenset(one[0] & two[0]), found


def fixed_names(body: Block, arrays: set[str]) -> set[str]:
    """Names bound at most once, outside of loops and branches: the same all along."""
    counts: dict[str, int] = {}
    nested: set[str] = set()
    for stmt in body:
        for name in writes_of(stmt):
            counts[name] = counts.get(name, 0) + 1
        if isinstance(stmt, For | While | If):
            nested |= assigned((stmt,))
    every = set(arrays)
    for stmt in statements(body):
        every |= reads_of(stmt)
    return {n for n in every if counts.get(n, 0) <= 1 and n not in nested}
