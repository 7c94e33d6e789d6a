"""``stop_gradient`` of arrays and tuples, and what ``on_backward`` does to cotangents."""

from __future__ import annotations

from srcad.frontend import arrays, scalars
from srcad.frontend.builder import Builder, Duplicate
from srcad.frontend.values import ArrayValue, TupleValue, Value
from srcad.inside import stop_gradient
from srcad.ir.nodes import Expr
from srcad.rules.library import rule_of


def stopped(b: Builder, value: Value) -> Value:
    """A value that passes no derivative on."""
    rule = rule_of(stop_gradient)
    assert rule is not None
    match value:
        case TupleValue():
            return value.of(stopped(b, v) for v in value.items)
        case ArrayValue():
            return stand_in(b, value, scalars.apply(b, rule, [value]))
    return scalars.apply(b, rule, [value]) if isinstance(value, Expr) else value


def stand_in(b: Builder, value: ArrayValue, same: Value) -> ArrayValue:
    """A copy of an array that may be taken for it, as long as neither is written.

    What was just computed has no memory that a name or a view could show.
    """
    assert isinstance(same, ArrayValue)
    made = arrays.materialise(b, same, "held")
    assert made.view is not None
    for source in value.reads if value.view is not None or value.readonly else ():
        within = b.at if b.at in b.assignments else None
        b.duplicates.append(Duplicate(made.view.base, source, None, b.here, within))
    return made
