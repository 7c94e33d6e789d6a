"""Operators and elementwise functions on values: numbers stay expressions, arrays stay lazy.

Numbers follow Python where Numba differs: an integer division by zero raises, a negative integer
power of an integer is refused at run time, ``/`` of integers is a float. Arrays follow NumPy's
promotion: a Python number does not widen an array of float32.
"""

from srcad.errors import ArgumentError
from srcad.frontend import arrays
from srcad.frontend.builder import Builder
from srcad.frontend.precision import is_held_exactly
from srcad.frontend.values import (
    ArrayValue,
    ListValue,
    ObjectValue,
    OptionalValue,
    Outside,
    RangeValue,
    RecordsValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import (
    TRUE,
    ZERO,
    binary,
    compare,
    join_kinds,
    literal,
    logic,
    negate,
    negation,
)
from srcad.ir.nodes import Assign, Binary, Call, Const, Expr, If, Select, Unary, Var
from srcad.ir.types import (
    BOOL,
    FLOAT,
    FLOAT32,
    INT,
    is_complex,
    is_inexact,
    is_single,
    real_kind,
    single_kind,
)
from srcad.rules.registry import Rule


def operand(b: Builder, value: Value) -> Expr | ArrayValue:
    """A number or an array; 0-d arrays are numbers."""
    if isinstance(value, ArrayValue):
        return value.element(()) if value.ndim == 0 else value
    if isinstance(value, Expr):
        return value
    if isinstance(value, OptionalValue):
        return operand(b, given(b, value))
    if isinstance(value, StaticValue) and isinstance(value.value, int):
        return Const(int(value.value), INT)
    if isinstance(value, StaticValue):
        kind = type(value.value).__name__
        what = f"a number or an array is expected here, not {kind} {value.value!r}"
        raise b.refuse(what, "compute it outside the function and pass the number")
    raise b.refuse(
        f"a number or an array is expected here, not {_noun(value)}",
        "make it an array, with np.array(...)"
        if _noun(value) == "a list"
        else "use its members, which are numbers and arrays",
    )


def pointwise(expr: Expr) -> ArrayValue:
    """A number as an array without axes."""
    return ArrayValue(expr.kind, (), (), lambda at: expr)


def _noun(value: Value) -> str:
    match value:
        case ObjectValue(cls=cls) | TupleValue(cls=cls) if cls is not None:
            return f"a {cls.__name__}"
        case Outside(value=found):
            return f"a {type(found).__name__}"
        case TupleValue():
            return "a tuple"
        case RangeValue():
            return "a range"
        case ListValue() | RecordsValue():
            return "a list"
    return "a function"


def given(b: Builder, value: Value) -> Value:
    """The value of what may be None, where a value is needed: TypeError if there is none."""
    if not isinstance(value, OptionalValue):
        return value
    b.check(value.given, "TypeError", "this is None here, where a value is needed")
    return value.value


def combine(b: Builder, op: str, left: Value, right: Value) -> Expr | ArrayValue:
    """``left op right`` of an arithmetic or bitwise operator."""
    x, y = operand(b, left), operand(b, right)
    if isinstance(x, ArrayValue) or isinstance(y, ArrayValue):
        return _over_arrays(b, lambda e: _scalar(b, op, e[0], e[1], checked=False), [x, y], op)
    return _scalar(b, op, x, y, checked=True)


def _over_arrays(b: Builder, function, operands: list[Expr | ArrayValue], op: str) -> ArrayValue:
    single = _is_single(b, operands)

    def widened(items: list[Expr]) -> Expr:
        return function([b.convert(e, single_kind(e.kind)) for e in items] if single else items)

    probe = [
        Var("$p", arrays.kind_of(v.dtype)) if isinstance(v, ArrayValue) else v for v in operands
    ]
    with b.into([]):
        kind = widened(list(probe)).kind
    return arrays.elementwise(b, widened, operands, kind)


_SHORT = {"int8", "int16", "uint8", "uint16"}
"""Integers that do not widen numbers of single precision."""


def _is_single(b: Builder, operands: list[Expr | ArrayValue]) -> bool:
    """Whether the arrays are of single precision; numbers of Python's do not widen them."""
    kinds = {v.dtype for v in operands if isinstance(v, ArrayValue)}
    if not any(map(is_single, kinds)) or not all(
        is_single(k) or k == BOOL or k in _SHORT for k in kinds
    ):
        return False
    numbers = [v for v in operands if not isinstance(v, ArrayValue)]
    if any(dtype in _SHORT for dtype, _ in b.arrays.values()):  # of which the integers may be
        numbers = [v for v in numbers if v.kind != INT]
    return not any(map(b.numbers.widens, numbers))


def _scalar(b: Builder, op: str, x: Expr, y: Expr, *, checked: bool) -> Expr:
    if op in ("&", "|", "^", "<<", ">>"):
        if is_inexact(x.kind) or is_inexact(y.kind):
            raise b.refuse(f"the operator {op} takes integers or bools")
        return Binary(op, x, y, BOOL if x.kind == y.kind == BOOL and op in "&|^" else INT)
    if op == "@":
        raise b.refuse("@ takes arrays")
    kind = b.numbers.joined((x, y))
    if is_complex(kind):
        return _complex(b, op, x, y, kind)
    if kind == FLOAT32:
        x, y = b.convert(x, FLOAT32), b.convert(y, FLOAT32)
    if kind in (BOOL, INT):
        if op == "/":
            _nonzero(b, y, checked)
            return Binary("/", x, y, FLOAT)
        if op in ("//", "%"):
            _nonzero(b, y, checked)
        if op == "**":
            return _integer_power(b, x, y, checked)
        kind = INT
    return binary(op, x, y, kind)


def _complex(b: Builder, op: str, x: Expr, y: Expr, kind: str) -> Expr:
    if op in ("//", "%"):
        raise _no_complex(b, op)
    if is_single(kind):
        x, y = (b.convert(e, single_kind(e.kind)) for e in (x, y))
    if op == "**" and not is_complex(x.kind):
        x = b.convert(x, kind)
    return Binary(op, x, y, kind)


def _no_complex(b: Builder, function: str) -> ArgumentError:
    return ArgumentError(
        f"{function} does not take complex numbers", b.here, "take .real, .imag or abs(...)"
    )


def _nonzero(b: Builder, y: Expr, checked: bool) -> None:
    if checked and not (isinstance(y, Const) and y.value != 0):
        b.check(compare("!=", y, ZERO), "ZeroDivisionError", "integer division by zero")


def _integer_power(b: Builder, x: Expr, y: Expr, checked: bool) -> Expr:
    if isinstance(y, Const):
        return (
            Binary("**", b.convert(x, FLOAT), y, FLOAT) if y.value < 0 else Binary("**", x, y, INT)
        )
    if checked:
        what = "a negative integer power of an integer is a float: make the base a float"
        b.check(compare(">=", y, ZERO), "ValueError", what)
    return Binary("**", x, y, INT)


def apply(b: Builder, rule: Rule, values: list[Value]) -> Expr | ArrayValue:
    """An elementwise function of numbers or arrays."""
    items = [operand(b, v) for v in values]
    many = rule.name in ("max", "min")
    if len(items) != rule.arity and not (many and len(items) > 1):
        raise ArgumentError(
            f"{rule.name} takes {rule.arity} arguments, {len(items)} were given", b.here
        )
    if any(isinstance(v, ArrayValue) for v in items):
        return _over_arrays(b, lambda e: _call(b, rule, e, checked=False), items, rule.name)
    return _call(b, rule, [v for v in items if isinstance(v, Expr)], checked=True)


def _call(b: Builder, rule: Rule, items: list[Expr], *, checked: bool) -> Expr:
    match rule.name:
        case "neg":
            return negate(items[0])
        case "pos":
            return items[0]
        case "+" | "-" | "*" | "/" | "//" | "%" | "**":
            return _scalar(b, rule.name, items[0], items[1], checked=checked)
        case "float":
            return b.convert(items[0], FLOAT)
        case "np.square" if items[0].kind == INT:
            return Binary("*", items[0], items[0], INT)
    kind = b.numbers.joined(items)
    if is_single(kind):
        items = [b.convert(e, single_kind(e.kind)) for e in items]
    if is_complex(kind) and not rule.takes_complex:
        raise _no_complex(b, rule.name)
    if rule.name in ("max", "min", "np.maximum", "np.minimum"):
        items = [b.convert(e, kind) if isinstance(e, Const) else e for e in items]
    match rule.result:
        case "float":
            kind = kind if is_inexact(kind) else FLOAT
        case "real":
            kind = INT if kind == BOOL else real_kind(kind)
        case "int":
            kind = INT
        case "bool":
            kind = BOOL
        case "float32":
            return b.convert(items[0], FLOAT32)
        case _:
            kind = INT if kind == BOOL else kind
    if rule.name == "abs" and kind == INT:
        return Call("abs", tuple(items), INT)
    if rule.name == "math.isnan" and items[0].kind in (INT, BOOL):
        return Const(False, BOOL)
    return Call(rule.name, tuple(items), kind)


def unary(b: Builder, op: str, value: Value) -> Expr | ArrayValue:
    """``op value`` for ``-``, ``+``, ``~``."""
    x = operand(b, value)

    def one(e: Expr) -> Expr:
        if op == "-":
            return negate(b.convert(e, INT) if e.kind == BOOL else e)
        if op == "+":
            return e
        if is_inexact(e.kind):
            raise b.refuse("~ takes integers or bools")
        return negation(e) if e.kind == BOOL else Unary("~", e, INT)

    if isinstance(x, ArrayValue):
        return _over_arrays(b, lambda e: one(e[0]), [x], op)
    return one(x)


def relation(b: Builder, op: str, left: Value, right: Value) -> Expr | ArrayValue:
    """``left op right`` of a comparison."""
    x, y = operand(b, left), operand(b, right)
    if op not in ("==", "!=") and (_has_complex(x) or _has_complex(y)):
        raise ArgumentError(
            f"complex numbers have no order: {op} is not supported",
            b.here,
            "compare abs(...), .real or .imag",
        )
    if isinstance(x, ArrayValue) or isinstance(y, ArrayValue):
        return _over_arrays(b, lambda e: compare(op, e[0], e[1]), [x, y], op)
    if is_single(b.numbers.joined((x, y))):
        x, y = (b.convert(e, single_kind(e.kind)) if e.kind != INT else e for e in (x, y))
    return compare(op, x, y)


def _has_complex(x: Expr | ArrayValue) -> bool:
    return is_complex(x.dtype if isinstance(x, ArrayValue) else x.kind)


def truth(b: Builder, value: Value) -> Expr:
    """The value as a condition."""
    if isinstance(value, StaticValue):
        return Const(bool(value.value), BOOL)
    if isinstance(value, OptionalValue):
        inner = value.value
        holds = TRUE if isinstance(inner, TupleValue) and inner.items else truth(b, inner)
        return logic("and", (value.given, holds))
    if isinstance(value, ListValue | RecordsValue):
        return compare(">", value.count, ZERO)
    if isinstance(value, TupleValue) and value.cls in (None, list):
        return Const(bool(value.items), BOOL)
    x = operand(b, value)
    if isinstance(x, ArrayValue):
        raise b.refuse(
            "the truth value of an array is ambiguous",
            "compare elements, or use np.all / np.any in a loop",
        )
    if isinstance(x, Const):
        return Const(bool(x.value), BOOL)
    return (
        x if x.kind == BOOL else compare("!=", x, ZERO if x.kind == INT else literal(0.0, x.kind))
    )


def pick(b: Builder, test: Value, left: Value, right: Value) -> Expr | ArrayValue:
    """``left where test else right``; only the value chosen contributes, also to derivatives."""
    items = [operand(b, test), operand(b, left), operand(b, right)]

    def choose(e: list[Expr]) -> Expr:
        return choice(b, truth(b, e[0]), e[1], e[2])

    if any(isinstance(v, ArrayValue) for v in items):
        return _over_arrays_pick(b, choose, items)
    return choose([v for v in items if isinstance(v, Expr)])


def _over_arrays_pick(b: Builder, choose, items: list[Expr | ArrayValue]) -> ArrayValue:
    kind = _joined(items[1:])
    if _is_single(b, items[1:]):
        kind = single_kind(kind)

    def one(e: list[Expr]) -> Expr:
        return choose([e[0], b.convert(e[1], kind), b.convert(e[2], kind)])

    return arrays.elementwise(b, one, items, kind)


def _joined(items: list[Expr | ArrayValue]) -> str:
    kinds = [arrays.kind_of(v.dtype) if isinstance(v, ArrayValue) else v.kind for v in items]
    return join_kinds(kinds[0], kinds[1])


def choice(b: Builder, test: Expr, x: Expr, y: Expr) -> Expr:
    """``x if test else y`` of two expressions that are both safe to write."""
    if isinstance(test, Const):
        return x if test.value else y
    kind = alternative(b, x, y)
    if is_inexact(kind):
        out = picked(b, x, y, kind)
        yes, no = Assign(out, b.convert(x, kind), b.at), Assign(out, b.convert(y, kind), b.at)
        b.emit(If(test, (yes,), (no,), b.at))
        return out
    return Select(test, x, y, kind)


def alternative(b: Builder, x: Expr, y: Expr) -> str:
    """The kind of a number that is one of two.

    A literal is a number of single precision beside one, if it is exactly that.
    """
    literals = [e for e in (x, y) if isinstance(e, Const)]
    if all(map(is_held_exactly, literals)) and (literals or is_single(x.kind) == is_single(y.kind)):
        return b.numbers.joined((x, y))
    return join_kinds(x.kind, y.kind)


def picked(b: Builder, x: Expr, y: Expr, kind: str) -> Var:
    """A variable for one of two numbers."""
    out = Var(b.names.fresh("picked"), kind)
    for e in (x, y):
        b.numbers.note(out.name, b.numbers.origin(e), None)
    return out
