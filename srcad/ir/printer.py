"""Core IR to Python source: the only place that knows how generated code looks.

The text is made from IR nodes alone. Names are identifiers that the compiler checked or made,
strings are quoted by ``repr``, comments are cut to one line.
"""

import math
import re

from srcad.ir.build import ONE, ZERO, add, integer, scale, sub
from srcad.ir.names import RUNTIME
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Attempt,
    Binary,
    Bind,
    Block,
    Call,
    Check,
    Comment,
    Compare,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    Grow,
    If,
    IndexCheck,
    Invoke,
    Keep,
    Load,
    Logic,
    MatMul,
    Pop,
    Print,
    Push,
    Raise,
    Refill,
    Reshape,
    Return,
    Select,
    Span,
    Stack,
    Stmt,
    Store,
    Tape,
    Unary,
    Var,
    While,
    Window,
    ZerosLike,
)
from srcad.ir.types import is_complex

_BINDS = {
    "or": 1,
    "and": 2,
    "not": 3,
    "|": 5,
    "^": 6,
    "&": 7,
    "<<": 8,
    ">>": 8,
    "+": 9,
    "-": 9,
    "*": 10,
    "/": 10,
    "//": 10,
    "%": 10,
    "**": 12,
}
_SELECT, _COMPARE, _NEGATIVE, _ATOM = 0, 4, 11, 20
_IN_NUMPY = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "acosh": "arccosh",
    "asinh": "arcsinh",
    "atanh": "arctanh",
}
_INDENT = "    "


def print_expr(expr: Expr, level: int = -1) -> str:
    """The Python text of an expression, in parentheses where its place binds tighter than it."""
    text, own = _expr(expr)
    return f"({text})" if own < level else text


def _expr(expr: Expr) -> tuple[str, int]:
    match expr:
        case Const():
            return _const(expr)
        case Var():
            return expr.name, _ATOM
        case Unary(op="not"):
            return f"not {print_expr(expr.x, _BINDS['not'])}", _BINDS["not"]
        case Unary():
            return f"{expr.op}{print_expr(expr.x, _NEGATIVE)}", _NEGATIVE
        case Binary(op="/") if is_complex(expr.kind):  # the operator raises where NumPy gives inf
            return f"np.divide({print_expr(expr.a)}, {print_expr(expr.b)})", _ATOM
        case Binary(op="**"):
            return f"{print_expr(expr.a, 13)} ** {print_expr(expr.b, _NEGATIVE)}", 12
        case Binary():
            own = _BINDS[expr.op]
            return f"{print_expr(expr.a, own)} {expr.op} {print_expr(expr.b, own + 1)}", own
        case Compare():
            a, b = print_expr(expr.a, _COMPARE + 1), print_expr(expr.b, _COMPARE + 1)
            return f"{a} {expr.op} {b}", _COMPARE
        case Logic():
            own = _BINDS[expr.op]
            return f" {expr.op} ".join(print_expr(e, own + 1) for e in expr.items), own
        case Select():
            a, t = print_expr(expr.a, 1), print_expr(expr.test, 1)
            return f"{a} if {t} else {print_expr(expr.b, 0)}", _SELECT
        case Call(function="stop_gradient"):
            return _expr(expr.args[0])
        case Call(function="np.real" | "np.imag"):
            return f"{print_expr(expr.args[0], _ATOM)}.{expr.function[3:]}", _ATOM
        case Call(function="complex", kind="complex64"):
            return _complex64(expr), _ATOM
        case Call():
            return f"{_function(expr)}({', '.join(map(print_expr, expr.args))})", _ATOM
        case Load():
            return f"{expr.array}[{_index(expr.index)}]", _ATOM
        case Extent():
            return f"{expr.array}.shape[{expr.axis}]", _ATOM


def _function(expr: Call) -> str:
    """The function as it is called: those of ``math`` take no complex numbers, NumPy's do."""
    name = expr.function
    if not name.startswith("math.") or not any(is_complex(e.kind) for e in expr.args):
        return name
    return f"np.{_IN_NUMPY.get(name[5:], name[5:])}"


def _complex64(expr: Call) -> str:
    inner = ", ".join(map(print_expr, expr.args))
    return f"np.complex64({inner if len(expr.args) == 1 else f'complex({inner})'})"


def _complex_const(value: complex, kind: str) -> tuple[str, int]:
    parts = value.real, value.imag
    signs = [math.copysign(1.0, x) for x in parts]
    if kind == "complex64":
        text, _ = _complex_const(value, "complex128")
        return f"np.complex64({text})", _ATOM
    if parts[0] == 0.0 and math.isfinite(parts[1]) and signs[0] == signs[1]:
        text = f"{abs(parts[1])!r}j".replace(".0j", "j")
        return (text, _ATOM) if signs[0] > 0 else (f"-{text}", _NEGATIVE)
    return f"complex({', '.join(_const(Const(x, 'float64'))[0] for x in parts)})", _ATOM


def _const(expr: Const) -> tuple[str, int]:
    value = expr.value
    if isinstance(value, complex):
        return _complex_const(value, expr.kind)
    if isinstance(value, bool):
        return repr(value), _ATOM
    if isinstance(value, int):
        return (repr(value), _ATOM) if value >= 0 else (f"{value!r}", _NEGATIVE)
    if math.isnan(value):
        return "math.nan", _ATOM
    if value in (float("inf"), float("-inf")):
        return ("math.inf", _ATOM) if value > 0 else ("-math.inf", _NEGATIVE)
    text = repr(float(value))
    if expr.kind == "float32":
        return f"np.float32({text})", _ATOM
    return text, (_NEGATIVE if text.startswith("-") else _ATOM)


def _index(index: tuple[Expr, ...]) -> str:
    return ", ".join(print_expr(e) for e in index) if index else "()"


def _shape(shape: tuple[Expr, ...]) -> str:
    if len(shape) == 1:
        return print_expr(shape[0])
    return "(" + ", ".join(print_expr(e) for e in shape) + ")"


def _tuple(items: tuple[Expr, ...]) -> str:
    return f"({', '.join(map(print_expr, items))}{',' if len(items) == 1 else ''})"


def _window(stmt: Window) -> str:
    """``source[...]``, the axes then brought into order and those that run backwards turned."""
    keys = [_key(stmt.source, k, key) for k, key in enumerate(stmt.keys)]
    while len(keys) > 1 and keys[-1] == ":":
        keys.pop()
    text = f"{stmt.source}[{', '.join(keys)}]" if keys != [":"] else stmt.source
    kept = [k for k, key in enumerate(stmt.keys) if isinstance(key, Span)]
    order = [kept.index(k) for k in stmt.order if k is not None]
    if order != sorted(order):
        text += (
            ".T" if order == sorted(order)[::-1] else f".transpose(({', '.join(map(str, order))}))"
        )
    turned = ["None" if k is None else _turn(stmt.keys[k]) for k in stmt.order]
    while turned and turned[-1] == ":":
        turned.pop()
    return f"{text}[{', '.join(turned)}]" if turned else text


def _key(source: str, axis: int, key: Expr | Span) -> str:
    """A key as Python writes it; a span that runs backwards is written forwards."""
    if not isinstance(key, Span):
        return print_expr(key)
    size = abs(key.step)
    reach = scale(key.length, size)
    if key.step > 0:
        low, high = key.start, add(key.start, reach)
    else:
        low, high = sub(add(key.start, integer(size)), reach), add(key.start, ONE)
    whole = size == 1 and low == ZERO and high == Extent(source, axis)
    text = ":" if whole else f"{'' if low == ZERO else print_expr(low)}:{print_expr(high)}"
    return text if size == 1 else f"{text}:{size}"


def _turn(key: Expr | Span) -> str:
    return "::-1" if isinstance(key, Span) and key.step < 0 else ":"


def _item(item: Expr | str) -> str:
    return item if isinstance(item, str) else print_expr(item)


def _dtype(dtype: str) -> str:
    return "np.bool_" if dtype == "bool" else f"np.{dtype}"


def print_block(block: Block, depth: int) -> list[str]:
    """The lines of a block, indented ``depth`` times; ``pass`` for an empty one."""
    lines = [line for stmt in block for line in _stmt(stmt, depth)]
    if all(line.lstrip().startswith("#") for line in lines):
        lines.append(_INDENT * depth + "pass")
    return lines


def _stmt(stmt: Stmt, depth: int) -> list[str]:
    lead = _INDENT * depth

    def one(text: str) -> list[str]:
        return [lead + text]

    match stmt:
        case Assign():
            return one(_assignment(stmt.target.name, Var(stmt.target.name, ""), stmt.value))
        case Store():
            place = Load(stmt.array, stmt.index, stmt.value.kind)
            return one(_assignment(print_expr(place), place, stmt.value))
        case Alloc():
            maker = "np.zeros" if stmt.zeros else "np.empty"
            dtype = "" if stmt.dtype == "float64" else f", {_dtype(stmt.dtype)}"
            return one(f"{stmt.target} = {maker}({_shape(stmt.shape)}{dtype})")
        case Copy():
            return one(f"{stmt.target} = {stmt.source}.copy()")
        case ZerosLike():
            maker = "np.empty_like" if stmt.empty else "np.zeros_like"
            return one(f"{stmt.target} = {maker}({stmt.source})")
        case MatMul():
            return _product(stmt, depth)
        case Bind():
            return one(f"{', '.join(stmt.targets)} = {', '.join(stmt.sources)}")
        case Window():
            return one(f"{stmt.target} = {_window(stmt)}")
        case Reshape():
            return one(f"{stmt.target} = {stmt.source}.reshape({_tuple(stmt.shape)})")
        case For():
            return _for(stmt, depth)
        case While():
            return [f"{lead}while {print_expr(stmt.test)}:", *print_block(stmt.body, depth + 1)]
        case If():
            return _if(stmt, depth, "if")
        case Attempt():
            return [
                f"{lead}try:",
                *print_block(stmt.body, depth + 1),
                f"{lead}except Exception:",
                *print_block(stmt.otherwise, depth + 1),
            ]
        case Check():
            test = print_expr(_negated(stmt.test))
            return [f"{lead}if {test}:", f"{lead}{_INDENT}raise {stmt.error}({stmt.message!r})"]
        case IndexCheck(index=Const(value=int() as k)):
            bound = f"<= {k}" if k >= 0 else f"< {-k}"
            return [
                f"{lead}if {stmt.array}.shape[{stmt.axis}] {bound}:",
                f"{lead}{_INDENT}raise IndexError({index_message(stmt)!r})",
            ]
        case IndexCheck():
            index, extent = print_expr(stmt.index, 5), f"{stmt.array}.shape[{stmt.axis}]"
            return [
                f"{lead}if not -{extent} <= {index} < {extent}:",
                f"{lead}{_INDENT}raise IndexError({index_message(stmt)!r})",
            ]
        case Raise():
            return one(f"raise {stmt.error}({stmt.message!r})")
        case Print():
            return one(f"print({', '.join(_item(i) for i in stmt.items)})")
        case Invoke():
            call = f"{stmt.function}({', '.join(_item(a) for a in stmt.args)})"
            return one(", ".join(map(_item, stmt.targets)) + (" = " if stmt.targets else "") + call)
        case Tape():
            return one(_tape(stmt))
        case Stack():
            return one(f"{stmt.target} = stack(pool, {_dtype(stmt.dtype)})")
        case Grow():
            test = f"if {print_expr(stmt.top)} == {stmt.target}.size:"
            if stmt.room is not None:
                end = print_expr(add(stmt.top, stmt.room))
                test = f"while {stmt.target}.size < {end}:"
            return [lead + test, f"{lead}{_INDENT}{stmt.target} = grow(pool, {stmt.target})"]
        case Keep():
            shape = _shape(tuple(Const(0, "int64") for _ in range(stmt.ndim)))
            strided = "[::2]" if stmt.strided else ""
            return one(f"{stmt.target} = [np.empty({shape}, {_dtype(stmt.dtype)}){strided}]")
        case Push():
            return one(f"{stmt.target}.append({stmt.array})")
        case Pop():
            return one(f"{stmt.array} = {stmt.source}.pop()")
        case Refill():
            return []
        case Comment():
            return one("# " + " ".join(stmt.text.split()))
        case Return():
            return one(f"return {', '.join(_item(i) for i in stmt.items)}".rstrip())


def _product(stmt: MatMul, depth: int) -> list[str]:
    lead = _INDENT * depth
    if stmt.batch is None:
        a, b = _factor(stmt.a, stmt.ta, stmt.ca), _factor(stmt.b, stmt.tb, stmt.cb)
        return [f"{lead}{stmt.target} = np.dot({a}, {b})"]
    i = stmt.batch.counter.name
    a, b = _factor(f"{stmt.a}[{i}]", stmt.ta, stmt.ca), _factor(f"{stmt.b}[{i}]", stmt.tb, stmt.cb)
    dtype = "" if stmt.batch.dtype == "float64" else f", {_dtype(stmt.batch.dtype)}"
    return [
        f"{lead}{stmt.target} = np.empty({_shape(stmt.batch.shape)}{dtype})",
        f"{lead}for {i} in range({stmt.a}.shape[0]):",
        f"{lead}{_INDENT}matmul_into({a}, {b}, {stmt.target}[{i}])",
    ]


def _factor(name: str, transposed: bool, conjugated: bool) -> str:
    text = f"np.conj({name})" if conjugated else name
    return f"{text}.T" if transposed else text


def index_message(check: IndexCheck) -> str:
    """What the IndexError of a check says."""
    where = f" ({check.at})" if check.at.line else ""
    array, index = check.what
    return (
        f"index {index or print_expr(check.index)} is out of bounds for axis {check.axis} "
        f"of {array or check.array}{where}"
    )


def _assignment(target: str, place: Expr, value: Expr) -> str:
    """``target = value``, or ``target += ...`` where the value adds to the target itself."""
    if isinstance(value, Binary) and value.op in _in_place(value.kind) and _same(value.a, place):
        return f"{target} {value.op}= {print_expr(value.b)}"
    return f"{target} = {print_expr(value)}"


def _in_place(kind: str) -> str:
    """The operators of augmented assignments; a quotient of complex numbers is a call."""
    return "+-*" if is_complex(kind) else "+-*/"


def _same(a: Expr, b: Expr) -> bool:
    if isinstance(a, Var) and isinstance(b, Var):
        return a.name == b.name
    if isinstance(a, Load) and isinstance(b, Load):
        return a.array == b.array and a.index == b.index
    return False


_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _negated(test: Expr) -> Expr:
    """``not test``, the negation moved inward where that is exact (an order of floats is not)."""
    match test:
        case Compare() if test.op in ("==", "!=") or test.a.kind == test.b.kind == "int64":
            return Compare(_OPPOSITE[test.op], test.a, test.b)
        case Logic():
            return Logic("and" if test.op == "or" else "or", tuple(map(_negated, test.items)))
        case Unary(op="not"):
            return test.x
    return Unary("not", test, "bool")


def _tape(stmt: Tape) -> str:
    size: Expr = stmt.shape[0]
    for extent in stmt.shape[1:]:
        size = Binary("*", size, extent, "int64")
    text = f"{stmt.target} = tape(pool, {print_expr(size)}, {_dtype(stmt.dtype)})"
    return text if len(stmt.shape) == 1 else f"{text}.reshape({_shape(stmt.shape)})"


def _for(stmt: For, depth: int) -> list[str]:
    lead = _INDENT * depth
    zero, one = Const(0, "int64"), Const(1, "int64")
    bounds = [stmt.start, stmt.stop, stmt.step]
    if stmt.step == one:
        bounds = [stmt.stop] if stmt.start == zero else [stmt.start, stmt.stop]
    numbers = "prange" if stmt.parallel else "range"
    head = f"{lead}for {stmt.var.name} in {numbers}({', '.join(map(print_expr, bounds))}):"
    lines = [head, *print_block(stmt.body, depth + 1)]
    if stmt.until is not None:
        lines += [f"{lead}{_INDENT}if {stmt.until.name}:", f"{lead}{_INDENT * 2}break"]
    return lines


def _if(stmt: If, depth: int, word: str) -> list[str]:
    lead = _INDENT * depth
    if not stmt.body and stmt.orelse:
        stmt = If(_negated(stmt.test), stmt.orelse, ())
    lines = [f"{lead}{word} {print_expr(stmt.test)}:", *print_block(stmt.body, depth + 1)]
    if len(stmt.orelse) == 1 and isinstance(stmt.orelse[0], If) and stmt.orelse[0].body:
        lines += _if(stmt.orelse[0], depth, "elif")
    elif stmt.orelse:
        lines += [f"{lead}else:", *print_block(stmt.orelse, depth + 1)]
    return lines


def print_function(function: Function) -> str:
    """The text of a function."""
    names = [p if isinstance(p, str) else p.name for p in function.parameters]
    lines = [f"def {function.name}({', '.join(names)}):"]
    return "\n".join(lines + print_block(function.body, 1)) + "\n"


def print_module(functions: tuple[Function, ...], elementary: dict[str, str] | None = None) -> str:
    """The text of a module: imports, then the functions in order.

    ``elementary`` says which function of ``srcad.elementary`` a name stands for: ``module.name``.
    """
    body = "\n\n".join(print_function(f) for f in functions)
    called = set(re.findall(r"\b(\w+)\(", body))
    lines = []
    if "math." in body:
        lines.append("import math\n")
    lines.append("import numpy as np")
    if re.search(r"^[^#\n]*\bspecial\.\w+\(", body, re.MULTILINE):
        lines.append("from scipy import special")
    threads = [name for name in ("get_num_threads", "prange") if name in called]
    if threads:
        lines.append(f"from numba import {', '.join(threads)}")
    own = _imports(elementary or {})
    for module, names in RUNTIME.items():
        helpers = [name for name in names if name in called]
        if helpers:
            own.append(f"from srcad.runtime.{module} import {', '.join(helpers)}")
    if own:
        lines.append("\n" + "\n".join(own))
    return "\n".join(lines) + "\n\n\n" + body


def _imports(elementary: dict[str, str]) -> list[str]:
    """The lines that import elementary functions, one for each module."""
    by_module: dict[str, list[str]] = {}
    for local, path in elementary.items():
        module, _, name = path.rpartition(".")
        by_module.setdefault(module, []).append(name if name == local else f"{name} as {local}")
    return [
        f"from srcad.elementary.{module} import {', '.join(sorted(items))}"
        for module, items in sorted(by_module.items())
    ]
