"""``break``, ``continue`` and early ``return`` become flags and nested branches.

Reversal needs structured control flow: every statement runs to its end. So what a jump skips is
put under a condition instead. Where a branch always jumps, the statements after it move into the
other branch, and no flag is needed::

    for i in range(n):            for i in range(n):      # until stop
        if x[i] < 0.0:                stop = False
            break          ->         if x[i] < 0.0:
        s += x[i]                         stop = True
    return s                          else:
                                          s += x[i]
                                  return s

Flags are names that no user can write (they hold a ``$``). A loop that a jump can leave carries
the name of its flag in the attribute ``until`` (for) or in its condition (while).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import gast

RESULT, RETURNED = "$result", "$returned"


@dataclass
class _Loop:
    stop: str
    skip: str
    stops: bool = False
    skips: bool = False


@dataclass
class _Context:
    numbers: Any = field(default_factory=count)
    loops: list[_Loop] = field(default_factory=list)
    plain: bool = False
    """The only return is the last statement of the function."""


@dataclass
class _Out:
    """A rewritten block; ``ends`` if it always jumps, ``flags`` those it may set."""

    body: list[Any]
    ends: bool
    flags: set[str]


def remove_jumps(body: list[Any]) -> list[Any]:
    """The body of a function without jumps but for at most one ``return``, its last statement.

    A body that returns from several places ends in ``return $result``. Where some path falls off
    the end of a function that returns a value elsewhere, ``$returned`` tells (it is assigned).
    """
    if not any(isinstance(s, gast.Return) for s in body[:-1]) and not _has_nested_return(body):
        return _block(body, _Context(plain=True)).body
    context = _Context()
    out = _block(body, context)
    at = body[-1]
    head = [_assign(RETURNED, _const(False, at), body[0])]
    return [*head, *out.body, _at(gast.Return(value=_name(RESULT, at)), at)]


def _has_nested_return(body: list[Any]) -> bool:
    pending = [s for s in body if not isinstance(s, gast.Return)]
    while pending:
        node = pending.pop()
        if isinstance(node, gast.Return):
            return True
        if isinstance(node, gast.FunctionDef | gast.AsyncFunctionDef | gast.Lambda | gast.ClassDef):
            continue
        pending.extend(gast.iter_child_nodes(node))
    return False


def _block(body: list[Any], context: _Context) -> _Out:
    out: list[Any] = []
    flags: set[str] = set()
    for k, stmt in enumerate(body):
        rest = body[k + 1 :]
        match stmt:
            case gast.Return() if context.plain:
                out.append(stmt)
                return _Out(out, True, flags)
            case gast.Return():
                value = stmt.value if stmt.value is not None else _const(None, stmt)
                out.append(_assign(RESULT, value, stmt))
                out.append(_assign(RETURNED, _const(True, stmt), stmt))
                flags.add(RETURNED)
                for loop in context.loops:
                    loop.stops = True
                    out.append(_assign(loop.stop, _const(True, stmt), stmt))
                    flags.add(loop.stop)
                return _Out(out, True, flags)
            case gast.Break():
                loop = context.loops[-1]
                loop.stops = True
                out.append(_assign(loop.stop, _const(True, stmt), stmt))
                return _Out(out, True, flags | {loop.stop})
            case gast.Continue():
                loop = context.loops[-1]
                loop.skips = True
                out.append(_assign(loop.skip, _const(True, stmt), stmt))
                return _Out(out, True, flags | {loop.skip})
            case gast.If():
                done = _if(stmt, rest, context)
                out += done.body
                flags |= done.flags
                if done.consumed:
                    return _Out(out, done.ends, flags)
            case gast.For() | gast.While():
                inner = _loop(stmt, context)
                out += inner.body
                flags |= inner.flags
                if inner.flags and rest:
                    tail = _block(rest, context)
                    flags |= tail.flags
                    out.append(_guarded(inner.flags, tail.body, rest[0]))
                    return _Out(out, False, flags)
                continue
            case _:
                out.append(stmt)
    return _Out(out, False, flags)


@dataclass
class _IfOut:
    body: list[Any]
    ends: bool
    flags: set[str]
    consumed: bool


def _if(stmt: Any, rest: list[Any], context: _Context) -> _IfOut:
    body, orelse = _block(stmt.body, context), _block(stmt.orelse, context)
    flags = body.flags | orelse.flags

    def rebuilt(new_body: list[Any], new_else: list[Any]) -> Any:
        return _at(
            gast.If(test=stmt.test, body=new_body or [_at(gast.Pass(), stmt)], orelse=new_else),
            stmt,
        )

    if not flags:
        return _IfOut([rebuilt(body.body, orelse.body)], False, flags, False)
    if body.ends and orelse.ends and stmt.orelse:
        return _IfOut([rebuilt(body.body, orelse.body)], True, flags, True)
    if body.ends and not orelse.flags:
        tail = _block(rest, context)
        both = rebuilt(body.body, orelse.body + tail.body)
        return _IfOut([both], tail.ends, flags | tail.flags, True)
    if orelse.ends and stmt.orelse and not body.flags:
        tail = _block(rest, context)
        both = rebuilt(body.body + tail.body, orelse.body)
        return _IfOut([both], tail.ends, flags | tail.flags, True)
    out = [rebuilt(body.body, orelse.body)]
    if not rest:
        return _IfOut(out, False, flags, True)
    tail = _block(rest, context)
    out.append(_guarded(flags, tail.body, rest[0]))
    return _IfOut(out, False, flags | tail.flags, True)


def _loop(stmt: Any, context: _Context) -> _Out:
    k = next(context.numbers)
    loop = _Loop(f"$stop_{k}", f"$skip_{k}")
    context.loops.append(loop)
    inner = _block(stmt.body, context)
    context.loops.pop()
    body = inner.body
    if loop.skips:
        body = [_assign(loop.skip, _const(False, stmt), stmt), *body]
    before = []
    if loop.stops:
        before.append(_assign(loop.stop, _const(False, stmt), stmt))
    if isinstance(stmt, gast.For):
        new = _at(gast.For(stmt.target, stmt.iter, body, [], None), stmt)
        new.until = loop.stop if loop.stops else None
    else:
        test = stmt.test
        if loop.stops:
            going = _at(gast.UnaryOp(gast.Not(), _name(loop.stop, stmt)), stmt.test)
            test = _at(gast.BoolOp(gast.And(), [going, stmt.test]), stmt.test)
        new = _at(gast.While(test, body, []), stmt)
    after: list[Any] = []
    outside = inner.flags - {loop.stop, loop.skip}
    if stmt.orelse:
        tail = _block(stmt.orelse, context)
        outside |= tail.flags
        after = [_guarded({loop.stop}, tail.body, stmt.orelse[0])] if loop.stops else tail.body
    return _Out([*before, new, *after], False, outside)


def _guarded(flags: set[str], body: list[Any], at: Any) -> Any:
    tests = [_at(gast.UnaryOp(gast.Not(), _name(f, at)), at) for f in sorted(flags)]
    test = tests[0] if len(tests) == 1 else _at(gast.BoolOp(gast.And(), tests), at)
    return _at(gast.If(test=test, body=body or [_at(gast.Pass(), at)], orelse=[]), at)


def _at(node: Any, like: Any) -> Any:
    for inner in gast.walk(node):
        if not hasattr(inner, "lineno"):
            gast.copy_location(inner, like)
    return node


def _name(name: str, like: Any) -> Any:
    return gast.copy_location(gast.Name(name, gast.Load(), None, None), like)


def _const(value: object, like: Any) -> Any:
    return gast.copy_location(gast.Constant(value, None), like)


def _assign(name: str, value: Any, like: Any) -> Any:
    target = gast.copy_location(gast.Name(name, gast.Store(), None, None), like)
    return gast.copy_location(gast.Assign([target], value, None), like)
