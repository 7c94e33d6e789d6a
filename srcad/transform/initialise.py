"""Definite assignment: every variable is bound on every path to where it is read.

The program itself raises ``UnboundLocalError`` where Python would (by flags, written during
elaboration). What is left are variables that are read on paths where the value does not matter,
such as an old value kept in case it is needed; they get a neutral value at the start, because
plain Python would refuse to read them and Numba needs their type.
"""

from dataclasses import replace

from srcad.analysis.flow import exposed, variables
from srcad.ir.nodes import Alloc, Assign, Const, Function, Var
from srcad.ir.types import BOOL, COMPLEX, COMPLEX64, FLOAT, FLOAT32, INT

_NEUTRAL = {BOOL: False, INT: 0, FLOAT: 0.0, FLOAT32: 0.0, COMPLEX: 0j, COMPLEX64: 0j}


def initialise(function: Function) -> Function:
    """The function with neutral values for what may be read before it is bound."""
    bound = {p if isinstance(p, str) else p.name for p in function.parameters}
    early = exposed(function.body) - bound
    scalars = variables(function.body)
    head: list[Assign | Alloc] = []
    for name in sorted(early):
        if name in scalars:
            kind = scalars[name].kind
            head.append(Assign(Var(name, kind), Const(_NEUTRAL[kind], kind)))
        elif name in function.arrays:
            dtype, ndim = function.arrays[name]
            head.append(Alloc(name, tuple(Const(0, INT) for _ in range(ndim)), dtype))
    return replace(function, body=(*head, *function.body))
