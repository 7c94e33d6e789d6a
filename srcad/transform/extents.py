"""Lengths that have a name are read by it.

The passes that prove things know a length as that of an array. Where the program has a name for it,
the text is shorter by that, and Numba has less to compile::

    m = lid.shape[0]                            m = lid.shape[0]
    for i in range(lid.shape[0]):       ->      for i in range(m):
        for j in range(lid.shape[0] - 2):           for j in range(m - 2):
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.flow import times_bound, writes_of
from srcad.ir.nodes import Assign, Expr, Extent, Function, Stmt, Var, children, rebuild
from srcad.ir.rename import with_expressions


def named_extents(function: Function) -> Function:
    """The function with lengths read by the names that they have all along."""
    times = times_bound(function.body)
    named: dict[Extent, Var] = {}
    given = {p if isinstance(p, str) else p.name for p in function.parameters}
    seen = dict.fromkeys(given, 0)
    out: list[Stmt] = []

    def by_name(expr: Expr) -> Expr:
        if isinstance(expr, Extent):
            return named.get(expr, expr)
        parts = children(expr)
        return rebuild(expr, tuple(map(by_name, parts))) if parts else expr

    for stmt in function.body:
        out += with_expressions((stmt,), by_name) if named else (stmt,)
        for name in writes_of(stmt):
            seen[name] = seen.get(name, 0) + 1
        match stmt:
            case Assign(target=target, value=Extent() as extent) if extent not in named:
                fixed = seen.get(extent.array) == times[extent.array]
                if fixed and times[target.name] == 1 and target.name not in given:
                    named[extent] = target
    return replace(function, body=tuple(out))
