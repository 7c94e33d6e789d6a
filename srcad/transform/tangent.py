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
from srcad.ir.build import literal
from srcad.ir.names import Names
from srcad.ir.nodes import Assign, Function, Return, Stmt, Var, ZerosLike, statements
from srcad.transform.forward import Forward
from srcad.transform.initialise import initialise
from srcad.transform.prune import prune


def tangent(function: Function, moving: list[Var | str], names: Names, title: str = "") -> Function:
    """The function with the tangents of ``moving`` as further parameters.

    ``title`` is the name of a callee, which also writes the tangents of the arrays it writes.
    """
    arrays = dict(function.arrays)
    starts = {m if isinstance(m, str) else m.name for m in moving}
    ends = set(function.exports)
    for stmt in statements(function.body):
        for item in stmt.items if isinstance(stmt, Return) else ():
            ends |= {item} if isinstance(item, str) else carriers(item)
    alive = active(function.body, starts, ends, points_to(function.body, set(arrays)))
    forward = Forward(arrays, alive | starts, names)
    given = [forward.dot(m) if isinstance(m, str) else forward.dot_var(m) for m in moving]
    head: list[Stmt] = []
    for item in function.parameters:
        if isinstance(item, str) and item in alive - starts:
            head.append(ZerosLike(forward.dot(item), item))
        elif isinstance(item, Var) and item.name in alive - starts:
            head.append(Assign(forward.dot_var(item), literal(0.0, item.kind)))
    body = (*head, *forward.block(function.body))
    written = [forward.dot(e) for e in function.exports if e in starts]
    made = replace(
        function,
        name=title or names.fresh(f"{function.name}_tangent"),
        parameters=(*function.parameters, *given),
        body=body,
        arrays=arrays,
        exports=(*function.exports, *written),
    )
    return initialise(prune(made))
