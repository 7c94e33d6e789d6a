"""A loop over the members of a batch, distributed over threads.

The loop becomes a function of its own, for a part of the members, so that its variables are its own
too. Each thread calls it for its parts::

    y = np.empty(n)                          def f_members(first, last, x, y):
    for member in range(n):                      for member in range(first, last):
        y[member] = ...                              y[member] = ...
    return y
                                             def f(x):
                                                 y = np.empty(n)
                                                 parts = min(n, 256)
                                                 for part in prange(parts):
                                                     f_attempt(part * n // parts, ...)
                                                 ...
                                                 return y

Numba loses the exceptions that threads raise. So the threads only note that there was one, and
everything runs again one member after the other: what is raised is what the loop raises.

A member may write its own elements of arrays that others see, and nothing else. That is checked
here, on what was really written.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.alias import points_to
from srcad.analysis.flow import assigned, exposed, reads_of, variables
from srcad.errors import UnsupportedError
from srcad.ir.build import ONE, TRUE, ZERO, add, integer, sub
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Attempt,
    Binary,
    Block,
    Call,
    Check,
    Expr,
    For,
    Function,
    If,
    IndexCheck,
    Invoke,
    Load,
    Print,
    Store,
    Var,
    expressions,
    statements,
    walk,
)
from srcad.ir.types import BOOL, INT
from srcad.position import Position
from srcad.transform.initialise import initialise
from srcad.transform.prune import prune

_PARTS = 256
"""In how many parts the members are divided: more than there are threads."""


def distribute(
    functions: tuple[Function, ...], counters: tuple[str, ...], names: Names
) -> tuple[Function, ...]:
    """The functions of a module, the loop with one of these counters in the last one distributed.

    Raises ``UnsupportedError`` if the members are not independent of each other.
    """
    *callees, function = functions
    places = [
        k for k, s in enumerate(function.body) if isinstance(s, For) and s.var.name in counters
    ]
    if not places:
        raise AssertionError("a batch is a loop")
    loop = function.body[places[0]]
    assert isinstance(loop, For)
    before, after = function.body[: places[0]], function.body[places[0] + 1 :]
    for part in functions:
        _require_silent(part.body, loop.at)
    outside = _written_outside(loop, function)
    inputs = _inputs(loop, function)
    at = loop.at
    first, last, part, count, parts = (
        Var(names.fresh(w), INT) for w in ("first", "last", "part", "count", "parts")
    )
    failed = names.fresh("failed")
    arrays = function.arrays | {failed: (BOOL, 1)}

    def call(to: str, start: Expr, stop: Expr, *more: str) -> Invoke:
        return Invoke((), to, (start, stop, *inputs, *more), (*outside, *more), at=at)

    members = Function(
        names.fresh(f"{function.name}_members"),
        (first, last, *inputs),
        (replace(loop, start=first, stop=last),),
        function.arrays,
        outside,
    )
    tried = call(members.name, first, last)
    noted = Store(failed, (ZERO,), TRUE, False, at)
    attempt = Function(
        names.fresh(f"{function.name}_attempt"),
        (first, last, *inputs, failed),
        (Attempt((tried,), (noted,), at),),
        arrays,
    )

    def border(k: Expr) -> Expr:
        """The first member of a part."""
        share = Binary("//", Binary("*", k, count, INT), parts, INT)
        return add(share, loop.start) if loop.start != ZERO else share

    body = (
        *before,
        Alloc(failed, (ONE,), BOOL, True, at),
        Assign(count, sub(loop.stop, loop.start), at),
        Assign(parts, Call("min", (count, integer(_PARTS)), INT), at),
        For(
            part,
            ZERO,
            parts,
            ONE,
            (call(attempt.name, border(part), border(add(part, ONE)), failed),),
            at=at,
            parallel=True,
        ),
        If(
            Load(failed, (ZERO,), BOOL),
            (*_unchecked(before), call(members.name, loop.start, loop.stop)),
            (),
            at,
        ),
        *after,
    )
    entry = replace(function, body=body, arrays=arrays)
    return (*callees, initialise(prune(members)), attempt, prune(entry))


def _unchecked(block: Block) -> Block:
    """Statements that have run once, without the checks that they passed."""
    return tuple(s for s in block if not isinstance(s, Check | IndexCheck))


def _refusal(what: str, at: Position, hint: str) -> UnsupportedError:
    return UnsupportedError(f"a batch with parallel=True {what}", at, hint)


def _require_silent(block: Block, at: Position) -> None:
    """Refuse what depends on the order of the members."""
    for stmt in statements(block):
        if isinstance(stmt, Print):
            raise _refusal(
                "prints: the order would be that of the threads", stmt.at, "return what is printed"
            )
        if isinstance(stmt, Invoke) and stmt.function.startswith("np.random."):
            raise _refusal(
                "draws random numbers, of which each thread has its own",
                stmt.at or at,
                "draw them before, and pass them as an argument",
            )


def _inputs(loop: For, function: Function) -> tuple[Var | str, ...]:
    """What the body of a loop reads of the function around it."""
    read = {n for s in statements(loop.body) for n in reads_of(s)}
    outside = sorted(read - assigned(loop.body) - {loop.var.name})
    known = variables(function.body)
    return tuple(n if n in function.arrays else known[n] for n in outside)


def _written_outside(loop: For, function: Function) -> tuple[str, ...]:
    """Arrays of others that the members write, each its own elements."""
    own = assigned(loop.body)
    sites = points_to(function.body, set(function.arrays))
    after = function.body[function.body.index(loop) + 1 :]
    found: set[str] = set()
    places: dict[str, list[tuple[Expr, ...]]] = {}
    for stmt in statements(loop.body):
        names = (stmt.array,) if isinstance(stmt, Store) else ()
        names += stmt.writes if isinstance(stmt, Invoke) else ()
        found |= {n for n in names if not sites[n] <= own}
        if isinstance(stmt, Store):
            places.setdefault(stmt.array, []).append(stmt.index)
        for expr in (e for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)):
            places.setdefault(expr.array, []).append(expr.index)
    shared = {n for n in places if sites[n] & {s for f in found for s in sites[f]}}
    independent = not (exposed(after) & (own | {loop.var.name})) and all(
        n in found and n not in own and _own_elements(places[n], loop.var) for n in shared
    )
    if not independent or any(n not in places for n in found):
        raise _refusal(
            "writes what other members read or write", loop.at, "leave parallel=True out"
        )
    return tuple(sorted(found))


def _own_elements(places: list[tuple[Expr, ...]], counter: Var) -> bool:
    """Whether all places lie at one position that is the counter itself."""
    return any(all(at[k] == counter for at in places) for k in range(len(places[0])))
