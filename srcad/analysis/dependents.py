"""Which names depend on some of them: by the values that they are computed from, not by branches.

The analysis is over names, not over program points, and array names that can share memory go
together. The shape of an array is no value of it.
"""

from collections.abc import Iterable

from srcad.analysis.alias import Sites
from srcad.analysis.flow import writes_of
from srcad.ir.nodes import (
    Assign,
    Block,
    Copy,
    Expr,
    Invoke,
    Load,
    MatMul,
    Store,
    Var,
    expressions,
    statements,
    walk,
)


def dependents(body: Block, given: set[str], sites: Sites) -> set[str]:
    """The names ``given``, and those of scalars and arrays that depend on them.

    >>> from srcad.ir.nodes import Const
    >>> x, y = Var("x", "float64"), Var("y", "float64")
    >>> sorted(dependents((Assign(y, x), Assign(x, Const(2.0, "float64"))), {"x"}, {}))
    ['x', 'y']
    """
    flows: list[tuple[set[str], set[str]]] = []
    for stmt in statements(body):
        match stmt:
            case Assign():
                flows.append(({stmt.target.name}, _values_read(expressions(stmt))))
            case Store():
                flows.append(({stmt.array}, _values_read(expressions(stmt))))
            case Copy():
                flows.append(({stmt.target}, {stmt.source}))
            case MatMul():
                flows.append(({stmt.target}, {stmt.a, stmt.b}))
            case Invoke():
                names = {a for a in stmt.args if isinstance(a, str)}
                targets = {*writes_of(stmt), *stmt.writes}
                flows.append((targets, names | _values_read(expressions(stmt))))
    together: dict[str, set[str]] = {}
    for name, found in sites.items():
        for site in found:
            together.setdefault(site, set()).update({name, site})
    out, size = set(given), -1
    while size != (size := len(out)):
        for targets, sources in flows:
            if sources & out:
                out |= targets
        for group in together.values():
            if group & out:
                out |= group
    return out


def _values_read(found: Iterable[Expr]) -> set[str]:
    """Names of scalars and arrays of which the value is read."""
    parts = [e for expr in found for e in walk(expr)]
    scalars = {e.name for e in parts if isinstance(e, Var)}
    return scalars | {e.array for e in parts if isinstance(e, Load)}
