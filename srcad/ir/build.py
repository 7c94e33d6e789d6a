"""Making expressions: constants folded and neutral operands dropped on the way.

Folding is exact: integers always, floats only for identities that hold for every IEEE value
(``1.0 * x``, ``x / 1.0``, ``-(-x)``), so generated code computes what the user wrote.
"""

from dataclasses import replace

from srcad.ir.nodes import Binary, Call, Compare, Const, Expr, Logic, Select, Unary, walk
from srcad.ir.types import (
    BOOL,
    COMPLEX,
    COMPLEX64,
    FLOAT,
    FLOAT32,
    INT,
    complex_kind,
    is_complex,
    is_inexact,
    real_kind,
)

ZERO, ONE = Const(0, INT), Const(1, INT)
TRUE, FALSE = Const(True, BOOL), Const(False, BOOL)

_FOLD = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
_CONVERSIONS = {
    BOOL: "bool",
    INT: "int",
    FLOAT: "float",
    FLOAT32: "np.float32",
    COMPLEX: "complex",
    COMPLEX64: "complex",
}
_TESTS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def integer(value: int) -> Const:
    """An int64 literal."""
    return Const(int(value), INT)


def real(value: float, kind: str = FLOAT) -> Const:
    """A float literal, of this kind or of the kind of its real part."""
    return Const(float(value), real_kind(kind))


def literal(value: complex, kind: str) -> Const:
    """A float or complex literal."""
    return Const(complex(value) if is_complex(kind) else float(value.real), kind)


def zero_of(kind: str) -> Const:
    """The zero of a kind of number."""
    return literal(0.0, kind) if is_inexact(kind) else Const(0, kind)


def join_kinds(a: str, b: str) -> str:
    """The kind of a sum of two numbers."""
    if is_complex(a) or is_complex(b):
        return complex_kind(join_kinds(real_kind(a), real_kind(b)))
    order = (BOOL, INT, FLOAT32, FLOAT)
    if {a, b} == {INT, FLOAT32}:
        return FLOAT
    return max(a, b, key=order.index)


def is_const(expr: Expr, value: float) -> bool:
    """Whether the expression is this literal (0.0 and -0.0 are told apart)."""
    return (
        isinstance(expr, Const)
        and not isinstance(expr.value, bool | complex)
        and expr.value == value
        and str(expr.value)[0] != "-"
    )


def add(a: Expr, b: Expr) -> Expr:
    """``a + b`` of integers, folded."""
    if isinstance(a, Const) and isinstance(b, Const):
        return integer(int(a.value) + int(b.value))
    if isinstance(b, Const):
        if b.value == 0:
            return a
        if isinstance(a, Binary) and a.op in "+-" and isinstance(a.b, Const) and a.kind == INT:
            offset = int(a.b.value) if a.op == "+" else -int(a.b.value)
            return add(a.a, integer(offset + int(b.value)))
        if b.value < 0:
            return Binary("-", a, integer(-int(b.value)), INT)
    if isinstance(a, Const):
        return b if a.value == 0 else add(b, a)
    return Binary("+", a, b, INT)


def sub(a: Expr, b: Expr) -> Expr:
    """``a - b`` of integers, folded."""
    if isinstance(b, Const):
        return add(a, integer(-int(b.value)))
    if a == b:
        return ZERO
    if (
        isinstance(a, Binary)
        and a.kind == INT
        and a.op in "+-"
        and isinstance(a.b, Const)
        and a.a == b
    ):
        return a.b if a.op == "+" else integer(-int(a.b.value))
    return Binary("-", a, b, INT)


def scale(a: Expr, k: int) -> Expr:
    """``k * a`` of an integer, folded."""
    if isinstance(a, Const):
        return integer(int(a.value) * k)
    if k == 0:
        return ZERO
    return a if k == 1 else Binary("*", integer(k), a, INT)


def at_least_zero(a: Expr) -> Expr:
    """``max(0, a)`` of an integer."""
    if isinstance(a, Const):
        return integer(max(0, int(a.value)))
    return Call("max", (ZERO, a), INT)


def unclamped(a: Expr) -> Expr:
    """The ``e`` of ``max(0, e)``: the same thing as the bound of a range."""
    if isinstance(a, Call) and a.function == "max" and len(a.args) == 2 and a.args[0] == ZERO:
        return a.args[1]
    return a


def binary(op: str, a: Expr, b: Expr, kind: str) -> Expr:
    """``a op b``, folded where that is exact."""
    if op in ("//", "%") and a.kind == b.kind == INT:
        if isinstance(a, Const) and isinstance(b, Const) and b.value:
            x, y = int(a.value), int(b.value)
            return integer(x // y if op == "//" else x % y)
        return Binary(op, a, b, kind)
    if kind == INT and op in _FOLD and a.kind == INT and b.kind == INT:
        if isinstance(a, Const) and isinstance(b, Const):
            return integer(_FOLD[op](a.value, b.value))
        if op == "+":
            return add(a, b) if isinstance(b, Const) or is_const(a, 0) else Binary(op, a, b, kind)
        if op == "-":
            return sub(a, b)
    return Binary(op, a, b, kind)


def converted(a: Expr, kind: str) -> Expr:
    """The number as another kind; a complex number is given to no other but a complex kind."""
    if a.kind == kind:
        return a
    if isinstance(a, Const) and is_complex(kind):
        return Const(complex(a.value), kind)
    if isinstance(a, Const) and is_inexact(kind):
        return Const(float(a.value.real), kind)
    if isinstance(a, Const) and kind == INT:
        return integer(int(a.value.real))
    if isinstance(a, Const) and kind == BOOL:
        return Const(bool(a.value), BOOL)
    if a.kind == BOOL and is_inexact(kind):
        return Select(a, literal(1.0, kind), literal(0.0, kind), kind)
    return Call(_CONVERSIONS[kind], (a,), kind)


def real_part(a: Expr) -> Expr:
    """``a.real``."""
    return _part(a, "np.real")


def imag_part(a: Expr) -> Expr:
    """``a.imag``."""
    return _part(a, "np.imag")


def _rounded(part: Expr, kind: str) -> Expr:
    """A part of a number of a complex kind, in the precision of that kind."""
    return converted(part, real_kind(kind)) if part.kind == FLOAT else part


def _part(a: Expr, part: str) -> Expr:
    is_real = part == "np.real"
    if not is_complex(a.kind):
        if is_real:
            return a
        return ZERO if a.kind in (INT, BOOL) else real(0.0, a.kind)
    match a:
        case Const():
            return Const(a.value.real if is_real else a.value.imag, real_kind(a.kind))
        case Unary(op="-"):
            return negate(_part(a.x, part))
        case Call(function="complex", args=(x,)):
            return _rounded(_part(x, part), a.kind)
        case Call(function="complex", args=(x, y)):
            return _rounded(x if is_real else y, a.kind)
        case Binary(op="*", a=x, b=y) if not is_complex(x.kind):
            return times(x, _part(y, part))
        case Binary(op="*", a=x, b=y) if not is_complex(y.kind):
            return times(_part(x, part), y)
        case Binary(op="*", a=Const(value=1j), b=y):
            return negate(imag_part(y)) if is_real else real_part(y)
        case Select():
            kind = real_kind(a.kind)
            return replace(a, a=_part(a.a, part), b=_part(a.b, part), kind=kind)
    return Call(part, (a,), real_kind(a.kind))


def conjugate(a: Expr) -> Expr:
    """The complex conjugate; a real number is its own."""
    if not is_complex(a.kind):
        return a
    match a:
        case Const():
            return Const(a.value.conjugate() if a.value.real else -a.value, a.kind)
        case Unary(op="-"):
            return negate(conjugate(a.x))
        case Call(function="np.conj"):
            return a.args[0]
        case Call(function="complex", args=(x,)):
            return replace(a, args=(conjugate(x),))
        case Binary(op="*") if _has_easy_conjugate(a.a) or _has_easy_conjugate(a.b):
            return times(conjugate(a.a), conjugate(a.b))
        case Binary(op="/") if isinstance(a.a, Const):
            return Binary("/", conjugate(a.a), conjugate(a.b), a.kind)
    return Call("np.conj", (a,), a.kind)


PARTS = {"np.real": real_part, "np.imag": imag_part, "np.conj": conjugate}
"""Functions of complex numbers that are folded, by the names of their calls."""


def _has_easy_conjugate(a: Expr) -> bool:
    match a:
        case Const() | Call(function="np.conj"):
            return True
    return not is_complex(a.kind)


def negate(a: Expr) -> Expr:
    """``-a``."""
    if isinstance(a, Const) and not isinstance(a.value, bool):
        return Const(-a.value, a.kind)
    if isinstance(a, Unary) and a.op == "-":
        return a.x
    return Unary("-", a, a.kind if a.kind != BOOL else INT)


def times(a: Expr, b: Expr) -> Expr:
    """``a * b`` of floats, for derivative code: factors 1.0 and -1.0 fold, signs move outward."""
    if is_const(a, 1.0):
        return b
    if is_const(b, 1.0):
        return a
    if isinstance(a, Unary) and a.op == "-":
        return negate(times(a.x, b))
    if isinstance(b, Unary) and b.op == "-":
        return negate(times(a, b.x))
    if _is_negative(a):
        return negate(times(negate(a), b))
    if _is_negative(b):
        return negate(times(a, negate(b)))
    return Binary("*", a, b, join_kinds(a.kind, b.kind))


def _is_negative(a: Expr) -> bool:
    if not isinstance(a, Const) or a.kind == BOOL:
        return False
    if isinstance(a.value, complex):
        return a.value.real == 0 and a.value.imag < 0
    return a.value < 0


def doubled(a: Expr) -> Expr:
    """``2.0 * a``, exactly: a literal factor takes the 2."""
    if isinstance(a, Unary) and a.op == "-":
        return negate(doubled(a.x))
    if isinstance(a, Binary) and a.op == "*" and isinstance(a.a, Const) and a.a.kind == a.kind:
        return times(Const(2.0 * a.a.value, a.kind), a.b)
    return times(real(2.0, a.kind), a)


def accumulate(place: Expr, term: Expr) -> Expr:
    """``place + term``, as a subtraction where the term is negative."""
    if isinstance(term, Unary) and term.op == "-":
        return Binary("-", place, term.x, place.kind)
    return Binary("+", place, term, place.kind)


def added_to(value: Expr, place: Expr) -> Expr | None:
    """The ``e`` of ``place + e`` (or ``place - e``, negated), where it does not read the place."""
    if isinstance(value, Call) and value.function == "plus" and value.args[0] == place:
        return value.args[1]
    if not isinstance(value, Binary) or value.op not in "+-":
        return None
    if value.a == place:
        rest = value.b if value.op == "+" else Unary("-", value.b, value.b.kind)
    else:
        inner = added_to(value.a, place)
        if inner is None:
            return None
        rest = Binary(value.op, inner, value.b, value.kind)
    return None if any(e == place for e in walk(rest)) else rest


def compare(op: str, a: Expr, b: Expr) -> Expr:
    """``a op b``, folded for literals."""
    if isinstance(a, Const) and isinstance(b, Const) and op in _TESTS:
        return Const(bool(_TESTS[op](a.value, b.value)), BOOL)
    return Compare(op, a, b)


def negation(a: Expr) -> Expr:
    """``not a``."""
    if isinstance(a, Const):
        return Const(not a.value, BOOL)
    if isinstance(a, Unary) and a.op == "not":
        return a.x
    return Unary("not", a, BOOL)


def logic(op: str, items: tuple[Expr, ...]) -> Expr:
    """``and``/``or`` with literals dropped."""
    stop = op == "or"
    kept: list[Expr] = []
    for item in items:
        if isinstance(item, Const):
            if bool(item.value) == stop:
                return Logic(op, (*kept, Const(stop, BOOL)), BOOL) if kept else Const(stop, BOOL)
            continue
        kept.append(item)
    if not kept:
        return Const(not stop, BOOL)
    return kept[0] if len(kept) == 1 else Logic(op, tuple(kept), BOOL)
