"""Which numbers are Python's own: they take the precision of the NumPy number that they meet.

NumPy's promotion (NEP 50): ``np.float32(2) * 0.1`` has single precision, and so it has where the
0.1 is the value of a variable, as long as that is a number of Python's and not ``np.float64(0.1)``.
The core IR has one kind for both, so it is noted here which variables hold which. Literals,
counters, lengths and what is computed of such numbers alone are Python's; elements of arrays are
NumPy's. Where it is not known, a number keeps its precision beside single numbers and does not
widen arrays.

>>> numbers = Numbers(set())
>>> x, dt = Var("x", "float32"), Var("dt", "float64")
>>> numbers.joined((x, dt))
'float64'
>>> numbers.note("dt", True, None)
>>> numbers.joined((x, dt))
'float32'
"""

import math
from collections.abc import Callable, Iterable

from srcad.ir.build import join_kinds
from srcad.ir.nodes import Call, Const, Expr, Extent, Load, Select, Var, children
from srcad.ir.types import BOOL, is_complex, is_single, single_kind

Key = tuple[str, str]
"""A variable of the program: its scope and its name."""


_WHOLE = ("int", "round", "math.floor", "math.ceil", "math.trunc")
"""Functions whose results are Python's integers."""


class Numbers:
    """What is known of the variables of one program.

    ``mixed`` are variables that were relied upon to hold Python's numbers only, until one was
    assigned a number of NumPy's: decided in an earlier attempt.
    """

    def __init__(self, mixed: set[Key], decide: Callable[[Key], None] = lambda _: None) -> None:
        self._mixed = mixed
        self._decide = decide
        self._python: dict[str, bool | None] = {}
        """True: Python's on every path; False: NumPy's on every path; None: not known."""
        self._relied: set[str] = set()

    def note(self, variable: str, python: bool | None, key: Key | None) -> None:
        """A variable of generated code was given such a number."""
        if python and key in self._mixed:
            python = None
        if self._python.setdefault(variable, python) is not python:
            self._python[variable] = python = None
        if key is not None and python is not True and variable in self._relied:
            self._decide(key)

    def origin(self, expr: Expr) -> bool | None:
        """Whether a number is Python's (True) or NumPy's (False); None if that is not known."""
        match expr:
            case Const() | Extent():
                return True
            case Var(name=name):
                return self._python.get(name)
            case Load():
                return False
            case Call(function=function, kind="int64") if function in _WHOLE:
                return True
            case Call(function="float" | "complex", args=(x,)) if is_single(x.kind):
                return None
            case Call(function="float" | "complex", args=(x,), kind=x.kind):
                return False
        parts = children(expr)
        if isinstance(expr, Select):
            parts = parts[1:]
        found = [self.origin(e) for e in parts if e.kind != BOOL]
        if all(o is True for o in found):
            return True
        return False if any(o is False for o in found) else None

    def of_numpy(self, expr: Expr) -> Expr:
        """The number as what ``np.float64`` or ``np.complex128`` makes of it."""
        if self.origin(expr) is not True:
            return expr
        return Call("complex" if is_complex(expr.kind) else "float", (expr,), expr.kind)

    def is_python(self, expr: Expr) -> bool:
        """Whether a number is Python's, on every path; this must stay so."""
        if self.origin(expr) is not True:
            return False
        pending = [expr]
        while pending:
            part = pending.pop()
            if isinstance(part, Var):
                self._relied.add(part.name)
            pending += children(part)
        return True

    def joined(self, items: Iterable[Expr]) -> str:
        """The kind of a sum of these numbers."""
        items = tuple(items)
        kind = items[0].kind
        for item in items[1:]:
            kind = join_kinds(kind, item.kind)
        if is_single(kind) or not any(is_single(e.kind) for e in items):
            return kind
        fits = all(is_single(e.kind) or e.kind == BOOL or self.is_python(e) for e in items)
        return single_kind(kind) if fits else kind

    def widens(self, expr: Expr) -> bool:
        """Whether a number beside arrays of single precision gives double precision."""
        if expr.kind == BOOL or is_single(expr.kind):
            return False
        return self.origin(expr) is False


def is_held_exactly(value: Const) -> bool:
    """Whether single precision holds this literal.

    >>> is_held_exactly(Const(0.5, "float64")), is_held_exactly(Const(0.1, "float64"))
    (True, False)
    """
    number = complex(value.value)
    return all(
        abs(part) < 1e38 and math.ldexp(math.frexp(part)[0], 24).is_integer()
        for part in (number.real, number.imag)
    )
