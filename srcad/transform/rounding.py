"""Whether products may be rounded together with the sums that they are added to.

Processors have an instruction for ``a * b + c`` that takes no longer than a product, and rounds
once where the two operations round twice. LLVM uses it only if it is told that it may, as the last
digit can differ. Where each step waits for the one before it, as in an ODE, it saves a third of the
time.

It is told so where nothing but the gradient is asked for and no digit decides anything (as in
``quotients.py``). Besides, what cancels must not matter: ``x * x - y * y`` is 0 where x is y, but
rounded once it is what ``y * y`` was rounded by. So a function that has a kink (abs, max) is
compiled as it is, and so is one with a root or a logarithm of anything but a sum of what cannot be
negative::

    math.sqrt(x * x + y * y + soft)         may be rounded once
    math.sqrt(b * b - a * c)                may not

Numbers that the program is given count as terms of such sums, but products of them do not. Programs
whose loops keep snapshots run steps again, and their gradient is the same to the bit, however many
snapshots there are: these are compiled as they are, too (``srcad.pipeline``).
"""

from __future__ import annotations

from collections.abc import Iterable

from srcad.analysis.flow import names_of
from srcad.analysis.iterations import BY_ELEMENT
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Call,
    Const,
    Copy,
    Expr,
    Function,
    Load,
    Return,
    Select,
    Store,
    Tape,
    Var,
    ZerosLike,
    all_expressions,
    statements,
)
from srcad.ir.types import FLOAT, INT, is_complex
from srcad.transform.quotients import is_smooth

_ENTIRE = frozenset(
    {
        *("float", "plus", "np.float32", "np.float64", "math.exp", "np.exp2", "math.expm1"),
        *("math.sin", "math.cos", "math.sinh", "math.cosh", "math.tanh", "math.atan", "math.asinh"),
        *("np.square", "np.reciprocal", "math.erf", "math.erfc"),
    }
)
"""Functions that are smooth for all numbers."""
_ROOTS = frozenset({"math.sqrt", "math.log", "math.log2", "math.log10"})
"""Functions of what is not negative."""
_POSITIVE = frozenset({"math.exp", "np.exp2", "math.cosh", "np.square", "math.sqrt"})
"""Functions that are not negative."""
_SAME = frozenset({"float", "plus", "np.float32", "np.float64", "np.reciprocal"})
"""Functions that are not negative if their arguments are not."""


def rounds_once(functions: Iterable[Function]) -> bool:
    """Whether that may be said of the functions of a module."""
    return all(map(_may_round, functions))


def _may_round(function: Function) -> bool:
    if not is_smooth(function.body):
        return False
    sums = _Sums(function)
    for expr in all_expressions(function.body):
        if is_complex(expr.kind):
            return False
        match expr:
            case Call(function=name, args=args) if name not in _ENTIRE:
                floats = [a for a in args if a.kind != INT]
                if floats and not (name in _ROOTS and all(map(sums.are_positive, floats))):
                    return False
            case Binary(op="**", a=a, b=b) if expr.kind != INT:
                whole = isinstance(b, Const) and float(b.value).is_integer()
                if not whole and not sums.are_positive(a):
                    return False
    return not any(is_complex(kind) for kind, _ in function.arrays.values())


class _Sums:
    """What is known of the signs of sums."""

    def __init__(self, function: Function) -> None:
        self.values: dict[str, list[Expr | None]] = {}
        """What is assigned to each variable, or stored in each array; None: not known."""
        self.given = {p if isinstance(p, str) else p.name for p in function.parameters}
        self.asked: set[tuple[str, bool]] = set()
        for stmt in statements(function.body):
            match stmt:
                case Assign(target=Var(name=name), value=value) | Store(array=name, value=value):
                    self.values.setdefault(name, []).append(value)
                case Copy(target=target, source=source):
                    self.values.setdefault(target, []).append(Load(source, (), FLOAT))
                case _ if not isinstance(stmt, BY_ELEMENT | Alloc | ZerosLike | Tape | Return):
                    for name in names_of(stmt):
                        self.values.setdefault(name, []).append(None)

    def are_positive(self, expr: Expr) -> bool:
        """Whether a sum is one of what cannot be negative, or was read."""
        self.asked = set()
        return self._is(expr, read=True)

    def _is(self, expr: Expr, *, read: bool) -> bool:
        """The same; ``read``: whether numbers that were read count."""
        match expr:
            case Const(value=float() | int() as value):
                return value >= 0
            case Var(name=name) | Load(array=name):
                return self._is_name(name, read)
            case Binary(op="+", a=a, b=b):
                return self._is(a, read=read) and self._is(b, read=read)
            case Binary(op="*", a=a, b=b):
                return a == b or (self._is(a, read=False) and self._is(b, read=False))
            case Binary(op="/", a=a, b=b):
                return self._is(a, read=read) and self._is(b, read=read)
            case Binary(op="**", a=a, b=b):
                return b == Const(2, INT) or self._is(a, read=False)
            case Call(function=name, args=args):
                same = name in _SAME and all(self._is(a, read=read) for a in args)
                return name in _POSITIVE or same
            case Select(a=a, b=b):
                return self._is(a, read=read) and self._is(b, read=read)
        return False

    def _is_name(self, name: str, read: bool) -> bool:
        if name not in self.values or (name in self.given and not read):
            return read
        if (name, read) in self.asked:
            return True
        self.asked.add((name, read))
        return all(v is not None and self._is(v, read=read) for v in self.values[name])
