"""A function of a generated module that carries tangents along with its values.

From any function of the module: its parameters are those of the function and then the tangents of
some of them, what it returns is followed by the tangents of the floats among it::

    def f(x, u):              def f_tangent(x, u, x_d, u_d):
        ...                       ...
        return y                  return y, y_d
"""

from dataclasses import replace

from srcad.analysis.activity import active, carriers
from srcad.analysis.alias import points_to
from srcad.ir.build import ZERO, literal
from srcad.ir.names import Names
from srcad.ir.nodes import Assign, Function, Return, Stmt, Var, statements
from srcad.ir.types import is_inexact
from srcad.transform.forward import Forward
from srcad.transform.initialise import initialise
from srcad.transform.prune import prune


def tangent(
    function: Function,
    moving: list[Var | str],
    names: Names,
    title: str,
    *,
    values: bool = True,
    carry: type[Forward] = Forward,
) -> Function:
    """The function ``title`` with the tangents of ``moving`` as further parameters.

    Without ``values`` it returns the tangents only. ``carry`` says what is carried along.
    """
    arrays = dict(function.arrays)
    starts = {m if isinstance(m, str) else m.name for m in moving}
    ends = set(function.exports)
    for stmt in statements(function.body):
        for item in stmt.items if isinstance(stmt, Return) else ():
            ends |= {item} if isinstance(item, str) else carriers(item)
    alive = active(function.body, starts, ends, points_to(function.body, set(arrays)))
    forward = carry(arrays, alive | starts, names, values)
    given = [forward.dot(m) if isinstance(m, str) else forward.dot_var(m) for m in moving]
    inputs = [p for p in function.parameters if p != "pool"]
    pool = function.parameters[len(inputs) :]
    head: list[Stmt] = []
    for item in inputs:
        if isinstance(item, str) and item in alive - starts:
            head.append(forward.zeros(forward.dot(item), item))
        elif isinstance(item, Var) and item.name in alive - starts:
            dot = forward.dot_var(item)
            head.append(Assign(dot, literal(0.0, dot.kind) if is_inexact(dot.kind) else ZERO))
    body = (*head, *forward.block(function.body))
    written = [forward.dot(e) for e in function.exports if e in starts]
    made = replace(
        function,
        name=title,
        parameters=(*inputs, *given, *forward.extra, *pool),
        body=body,
        arrays=arrays,
        exports=(*function.exports, *written),
    )
    return initialise(prune(made))
