"""Which variables carry derivatives: varied (depend on an input) and useful (reach an output).

The analysis is over names, not over program points, and array names that can share memory are
active together. It only has to be safe: a variable called active by mistake costs time.
"""

from collections.abc import Set

from srcad.analysis.alias import Sites
from srcad.ir.nodes import (
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Compare,
    Copy,
    Expr,
    Extent,
    Invoke,
    Load,
    Logic,
    MatMul,
    Reshape,
    Select,
    Store,
    Var,
    Window,
    children,
    remembered,
    statements,
)
from srcad.ir.types import is_inexact
from srcad.rules.library import rule_named


@remembered("_carriers")
def carriers(expr: Expr) -> frozenset[str]:
    """Float variables and arrays on which the value of an expression depends differentiably."""
    if not is_inexact(expr.kind):
        return frozenset()
    match expr:
        case Var():
            return frozenset((expr.name,))
        case Load():
            return frozenset((expr.array,))
        case Extent() | Compare() | Logic():
            return frozenset()
        case Select():
            return carriers(expr.a) | carriers(expr.b)
        case Call() | Binary():
            rule = rule_named(expr.function if isinstance(expr, Call) else expr.op)
            if rule is not None and rule.is_constant:
                return frozenset()
    return frozenset[str]().union(*map(carriers, children(expr)))


def active(body: Block, inputs: set[str], outputs: set[str], sites: Sites) -> set[str]:
    """Names of the active scalars and arrays, given those of the inputs and outputs."""
    flows: list[tuple[set[str], Set[str]]] = []
    for stmt in statements(body):
        match stmt:
            case Assign() if is_inexact(stmt.target.kind):
                flows.append(({stmt.target.name}, carriers(stmt.value)))
            case Store() if is_inexact(stmt.value.kind):
                flows.append(({stmt.array}, carriers(stmt.value)))
            case Copy():
                flows.append(({stmt.target}, {stmt.source}))
            case MatMul():
                flows.append(({stmt.target}, {stmt.a, stmt.b}))
            case Bind():
                flows += [({t}, {s}) for t, s in zip(stmt.targets, stmt.sources, strict=True)]
            case Window() | Reshape():
                flows.append(({stmt.target}, {stmt.source}))
            case Invoke():
                names = {a for a in stmt.args if isinstance(a, str)}
                for a in stmt.args:
                    if not isinstance(a, str):
                        names |= carriers(a)
                targets = set(stmt.writes)
                for t in stmt.targets:
                    targets |= (
                        {t} if isinstance(t, str) else {t.name} if is_inexact(t.kind) else set()
                    )
                flows.append((targets, names))
    together: dict[str, set[str]] = {}
    for name, found in sites.items():
        for site in found:
            together.setdefault(site, set()).update({name, site})

    def closed(start: set[str], forward: bool) -> set[str]:
        out = set(start)
        changed = True
        while changed:
            size = len(out)
            for targets, sources in flows:
                if forward and sources & out:
                    out |= targets
                elif not forward and targets & out:
                    out |= sources
            for group in together.values():
                if group & out:
                    out |= group
            changed = len(out) != size
        return out

    return closed(inputs, True) & closed(outputs, False)
