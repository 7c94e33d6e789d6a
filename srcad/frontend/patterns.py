"""``match`` becomes ``if`` and ``elif``.

The subject is held under a hidden name, each pattern becomes a test, each name that a pattern
binds an assignment::

    match mode:                    if mode == 0 or mode == 1:
        case 0 | 1:                    y = x
            y = x            ->    elif mode == k and x > 0.0:
        case Mode.k if x > 0.0:        y = -x
            y = -x                 else:
        case other:                    other = mode
            y = x * other              y = x * other

Constants, dotted names, ``None``, ``|``, ``_``, names, ``as`` and tuples or lists of these are
understood. A statement with another pattern is left as it is, and refused where it would run.
"""

from __future__ import annotations

from typing import Any

import gast


class _Unknown(Exception):
    """A pattern that is not understood."""


def rewrite_matches(tree: Any) -> Any:
    """The tree, changed in place, with its ``match`` statements written as ``if``."""
    return _Matches().visit(tree)


class _Matches(gast.NodeTransformer):
    def visit_Match(self, node: Any) -> Any:
        self.generic_visit(node)
        try:
            return _statements(node)
        except _Unknown:
            return node


def _statements(node: Any) -> list[Any]:
    name = f"$subject_{node.lineno}_{node.col_offset}"
    subject = gast.Name(name, gast.Load(), None, None)
    orelse: list[Any] = []
    for case in reversed(node.cases):
        found: list[tuple[str, Any]] = []
        tests = _tests(case.pattern, subject, found)
        body = case.body
        if case.guard is not None:
            tests += [_bound(n, value) for n, value in found]
            tests.append(case.guard)
        else:
            body = [*(_assign(n, value) for n, value in found), *body]
        test = _all(tests)
        orelse = body if test is None else [gast.If(test, body, orelse)]
        for stmt in orelse:
            _place(stmt, case.pattern)
    out = [_assign(name, node.subject), *orelse]
    for stmt in out:
        _place(stmt, node.subject)
    return out


def _tests(pattern: Any, subject: Any, found: list[tuple[str, Any]]) -> list[Any]:
    """The conditions of a pattern; ``found`` receives the names that it binds."""
    match pattern:
        case gast.MatchValue(value=value):
            return [gast.Compare(subject, [gast.Eq()], [value])]
        case gast.MatchSingleton(value=value):
            return [gast.Compare(subject, [gast.Is()], [gast.Constant(value, None)])]
        case gast.MatchAs(pattern=inner, name=name):
            tests = [] if inner is None else _tests(inner, subject, found)
            if name is not None:
                found.append((name, subject))
            return tests
        case gast.MatchOr(patterns=patterns):
            return _alternatives(patterns, subject)
        case gast.MatchSequence(patterns=patterns):
            return _items(patterns, subject, found)
    raise _Unknown


def _alternatives(patterns: list[Any], subject: Any) -> list[Any]:
    found: list[tuple[str, Any]] = []
    tests = [_all(_tests(p, subject, found)) for p in patterns]
    if found:
        raise _Unknown
    if any(t is None for t in tests):
        return []
    return [gast.BoolOp(gast.Or(), tests)]


def _items(patterns: list[Any], subject: Any, found: list[tuple[str, Any]]) -> list[Any]:
    if any(isinstance(p, gast.MatchStar) for p in patterns):
        raise _Unknown
    kinds = gast.Tuple([gast.Constant(tuple, None), gast.Constant(list, None)], gast.Load())
    length = gast.Call(gast.Constant(len, None), [subject], [])
    tests = [
        gast.Call(gast.Constant(isinstance, None), [subject, kinds], []),
        gast.Compare(length, [gast.Eq()], [gast.Constant(len(patterns), None)]),
    ]
    for k, pattern in enumerate(patterns):
        item = gast.Subscript(subject, gast.Constant(k, None), gast.Load())
        tests += _tests(pattern, item, found)
    return tests


def _all(tests: list[Any]) -> Any | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    return gast.BoolOp(gast.And(), tests)


def _bound(name: str, value: Any) -> Any:
    """A condition that holds, and binds a name: a guard may read it."""
    target = gast.Name(name, gast.Store(), None, None)
    pair = gast.Tuple([gast.NamedExpr(target, value), gast.Constant(True, None)], gast.Load())
    return gast.Subscript(pair, gast.Constant(1, None), gast.Load())


def _assign(name: str, value: Any) -> Any:
    return gast.Assign([gast.Name(name, gast.Store(), None, None)], value, None)


def _place(tree: Any, like: Any) -> None:
    for node in gast.walk(tree):
        if not hasattr(node, "lineno"):
            gast.copy_location(node, like)
