"""A loop that is left with nothing but index checks makes them where the indices are used.

Where only the gradient is asked for, often nothing remains of a loop of the forward sweep but its
checks. If the reverse sweep begins with the same loop, its iterations can make them: they read the
indices anyhow. What they have written when one fails, nobody sees::

    for i in range(n):                          for i in range(n):
        k = index[i]                                k = index[i]
        if not -m <= k < m:                         if not -m <= k < m:
            raise IndexError(...)       ->              raise IndexError(...)
    for i in range(n):                              x_b[k] += 2.0 * x[k] * s_b
        k = index[i]
        x_b[k] += 2.0 * x[k] * s_b
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import assigned, exposed, reads_of, times_bound
from srcad.analysis.places import start_of_reverse
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Comment,
    Expr,
    For,
    Function,
    If,
    IndexCheck,
    Load,
    Store,
    Tape,
    ZerosLike,
    expressions,
    statements,
    walk,
)

_BETWEEN = Assign | ZerosLike | Alloc | Tape | Comment
_PLAIN = Assign | Store | For | If | Comment


def join_checks(function: Function) -> Function:
    """The function with the checks of such a loop made where the reverse sweep begins."""
    body = function.body
    start = start_of_reverse(body) or 0
    after = next((k for k in range(start + 1, len(body)) if not isinstance(body[k], _BETWEEN)), 0)
    checking, using = body[start - 1], body[after]
    if start == 0 or not isinstance(checking, For) or not isinstance(using, For):
        return function
    between, rest = body[start:after], body[after + 1 :]
    if not _may_join(checking, using, between, rest, function):
        return function
    joined = replace(using, body=_joined(checking.body, using.body))
    return replace(function, body=(*body[: start - 1], *between, joined, *rest))


def _may_join(checking: For, using: For, between: Block, rest: Block, function: Function) -> bool:
    """Whether the checks can wait for the iterations of the other loop."""
    own = assigned((checking,))
    made = {s.target for s in statements(function.body) if isinstance(s, ZerosLike | Alloc)}
    stored = {s.array for s in statements(using.body) if isinstance(s, Store)}
    read = set[str]().union(*map(reads_of, statements((checking,))))
    aliases = Aliases(function.body, points_to(function.body, set(function.arrays)))
    return (
        _only_checks(checking)
        and _same_header(checking, using)
        and all(isinstance(s, _PLAIN) for s in statements(using.body))
        and stored <= made
        and not stored & set(function.exports)
        and not any(aliases.may(a, b) for a in stored for b in read & set(function.arrays))
        and not (exposed(using.body) - {using.var.name} | exposed(between) | exposed(rest)) & own
        and not (assigned(between) | assigned(using.body) - own) & read
    )


def _only_checks(loop: For) -> bool:
    """Whether a loop does nothing but check, and find out what it checks."""
    kinds = Assign | Check | IndexCheck | For | Comment
    found = list(statements(loop.body))
    checks = any(isinstance(s, Check | IndexCheck) for s in found)
    return checks and all(isinstance(s, kinds) for s in found)


def _same_header(one: For, other: For) -> bool:
    """Whether two loops have the same iterations, in the same order."""
    plain = one.until is None and other.until is None
    return plain and one.var == other.var and _range(one) == _range(other)


def _range(loop: For) -> tuple[Expr, Expr, Expr]:
    return loop.start, loop.stop, loop.step


def _joined(checking: Block, using: Block) -> Block:
    """An iteration that checks and then does what the other one does."""
    first, last = checking, None
    if isinstance(checking[-1], For) and not any(isinstance(s, For) for s in checking[:-1]):
        place = next((k for k, s in enumerate(using) if isinstance(s, For)), None)
        inner = None if place is None else using[place]
        if isinstance(inner, For) and _same_header(checking[-1], inner):
            assert place is not None
            if _loads(using[:place]) <= _loads(checking[:-1]):
                first, last = checking[:-1], checking[-1]
                joined = replace(inner, body=_joined(last.body, inner.body))
                using = (*using[:place], joined, *using[place + 1 :])
    bound = times_bound(using)
    known = [s for s in first if isinstance(s, Assign)]
    rest = tuple(
        s for s in using if not (isinstance(s, Assign) and s in known and bound[s.target.name] == 1)
    )
    return (*first, *rest)


def _loads(block: Block) -> set[Expr]:
    """The elements that a block reads; it has no loops."""
    found: set[Expr] = set()
    for stmt in statements(block):
        found |= {e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)}
        if isinstance(stmt, Store):
            found.add(Load(stmt.array, stmt.index, stmt.value.kind))
    return found
