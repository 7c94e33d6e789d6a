"""First writes: elements that a loop writes for the first time need not be restored.

A time step often makes an array and fills it in a loop, element by element::

    for t in range(T):
        new = np.zeros(n)
        for i in range(n):
            new[i] = u[i] * u[0]    # fresh
        u = new

Going back in time, nobody asks for the zeros that stood in ``new``: what is read of it comes later
in the program, so it was reversed before. Such a store is marked as ``fresh``, as those are that
elaboration writes for array expressions: reversal saves no old value, and restores none.

It is one if the loop nest is the first to store to the array after it was made, in the same block,
nothing has read it, the nest neither, which has one store to it, and the index is made of the
counters of the nest, each of which counts up from a literal or down to one, so that it is never
negative and each element is written once.
"""

from dataclasses import replace

from srcad.analysis.flow import assigned, names_of
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Const,
    For,
    If,
    IndexCheck,
    Load,
    Stmt,
    Store,
    Var,
    blocks,
    expressions,
    statements,
    walk,
    with_blocks,
)


def first_writes(body: Block) -> Block:
    """The body with stores that write elements for the first time marked as fresh."""
    new: set[str] = set()
    out: list[Stmt] = []
    for stmt in body:
        found: set[str] = set()
        for array in {n for s in statements((stmt,)) for n in names_of(s)} & new if new else ():
            stores = _stores((stmt,), array, ()) if _is_unread(stmt, array) else [False]
            if stores == [True]:
                found.add(array)
            if stores:
                new.discard(array)
        if isinstance(stmt, Alloc):
            new.add(stmt.target)
        if found:
            stmt = _marked(stmt, found)
        if parts := blocks(stmt):
            stmt = with_blocks(stmt, tuple(map(first_writes, parts)))
        out.append(stmt)
    return tuple(out)


def _is_unread(whole: Stmt, array: str) -> bool:
    """Whether a statement reads no element of an array, and gives it no other name."""
    for stmt in statements((whole,)):
        if array not in names_of(stmt):
            continue
        loads = {e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)}
        if array in loads or not isinstance(stmt, Assign | Store | For | If | Check | IndexCheck):
            return False
    return True


def _stores(block: Block, array: str, counters: tuple[Var, ...]) -> list[bool]:
    """For each store to the array: whether its index is made of the counters around it, one each.

    What is in other statements than loops and branches counts as not so.
    """
    found: list[bool] = []
    for stmt in block:
        match stmt:
            case Store() if stmt.array == array:
                found.append(len(stmt.index) == len(counters) and set(stmt.index) == set(counters))
            case For() if _counts_once(stmt):
                found += _stores(stmt.body, array, (*counters, stmt.var))
            case If():
                one, other = (_stores(b, array, counters) for b in (stmt.body, stmt.orelse))
                both = [*one, *other]  # of one store in each branch only one runs
                found += [all(both)] if both and max(len(one), len(other)) == 1 else both
            case _ if any(isinstance(s, Store) and s.array == array for s in statements((stmt,))):
                found.append(False)
    return found


def _counts_once(loop: For) -> bool:
    """Whether the counter takes no value twice, and none below 0."""
    if not isinstance(loop.step, Const) or loop.var.name in assigned(loop.body):
        return False
    end = loop.start if loop.step.value > 0 else loop.stop
    return isinstance(end, Const) and end.value >= (0 if loop.step.value > 0 else -1)


def _marked(stmt: Stmt, arrays: set[str]) -> Stmt:
    """The statement with all stores to the arrays marked."""
    if isinstance(stmt, Store) and stmt.array in arrays:
        return replace(stmt, fresh=True)
    parts = tuple(tuple(_marked(s, arrays) for s in b) for b in blocks(stmt))
    return with_blocks(stmt, parts) if parts else stmt
