"""From the text of a rule to expressions: the rule is read, never run.

``math.cos(x)`` in a rule becomes the IR expression that calls ``math.cos`` on whatever expression
stands for x at the place of use. So the compiler knows exactly what a rule reads, and the
generated source shows the mathematics as the table states it.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from functools import cache

from srcad.ir.build import PARTS, compare, converted, join_kinds, negate
from srcad.ir.nodes import Binary, Call, Const, Expr, Logic, Select, Unary
from srcad.ir.types import BOOL, COMPLEX64, FLOAT, FLOAT32, INT, complex_kind, is_complex

_OPS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.FloorDiv: "//"}
_TESTS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@cache
def _definition(rule: Callable[..., object]) -> tuple[tuple[str, ...], tuple[ast.expr, ...]]:
    """Parameter names of a rule and the expressions that it returns."""
    code = rule.__code__
    tree = _tree(code.co_filename)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno:
                value = node.body[-1]
                assert isinstance(value, ast.Return) and value.value is not None
                parts = value.value.elts if isinstance(value.value, ast.Tuple) else [value.value]
                return tuple(a.arg for a in node.args.args), tuple(parts)
    raise LookupError(f"{code.co_filename}:{code.co_firstlineno}: no rule here")


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse("".join(linecache.getlines(file)))


def instantiate(rule: Callable[..., object], which: int, values: tuple[Expr, ...]) -> Expr:
    """Partial number ``which`` of a rule; ``values`` are the result and the arguments."""
    names, parts = _definition(rule)
    kinds = {v.kind for v in values}
    single = kinds & {COMPLEX64, FLOAT32} and kinds <= _SINGLE
    literals = FLOAT32 if single else FLOAT
    return _expr(parts[which], dict(zip(names, values, strict=True)), literals)


_SINGLE = {COMPLEX64, FLOAT32, BOOL}


def reads_result(rule: Callable[..., object], which: int) -> bool:
    """Whether a partial is written with the function's result."""
    names, parts = _definition(rule)
    return any(isinstance(n, ast.Name) and n.id == names[0] for n in ast.walk(parts[which]))


def is_unknown(rule: Callable[..., object], which: int) -> bool:
    """Whether a rule has no formula for a partial: it says None."""
    part = _definition(rule)[1][which]
    return isinstance(part, ast.Constant) and part.value is None


def _expr(node: ast.expr, env: dict[str, Expr], floats: str) -> Expr:
    """The expression that a node stands for; ``floats`` is the kind of its float literals."""
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            kind = BOOL if isinstance(value, bool) else INT if isinstance(value, int) else floats
            return Const(value, kind)  # type: ignore[arg-type]
        case ast.Constant(value=complex() as value):
            return Const(value, complex_kind(floats))
        case ast.Name():
            return env[node.id]
        case ast.UnaryOp(op=ast.USub()):
            return negate(_expr(node.operand, env, floats))
        case ast.UnaryOp(op=ast.Not()):
            return Unary("not", _expr(node.operand, env, floats), BOOL)
        case ast.BinOp():
            a, b = _expr(node.left, env, floats), _expr(node.right, env, floats)
            op = _OPS[type(node.op)]
            kind = join_kinds(a.kind, b.kind)
            return Binary(op, a, b, FLOAT if op == "/" and kind in (BOOL, INT) else kind)
        case ast.Compare(ops=[op], comparators=[right]):
            return compare(
                _TESTS[type(op)], _expr(node.left, env, floats), _expr(right, env, floats)
            )
        case ast.BoolOp():
            word = "and" if isinstance(node.op, ast.And) else "or"
            return Logic(word, tuple(_expr(v, env, floats) for v in node.values))
        case ast.IfExp():
            a, b = _expr(node.body, env, floats), _expr(node.orelse, env, floats)
            kind = join_kinds(a.kind, b.kind)
            if is_complex(kind):
                a, b = converted(a, kind), converted(b, kind)
            return Select(_expr(node.test, env, floats), a, b, kind)
        case ast.Attribute(value=ast.Name(id="math"), attr=attr):
            import math  # noqa: PLC0415 (constants such as math.pi)

            return Const(float(getattr(math, attr)), floats)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=attr)):
            return _call(f"{module}.{attr}", tuple(_expr(a, env, floats) for a in node.args))
        case ast.Call(func=ast.Name(id=name)):
            return _call(name, tuple(_expr(a, env, floats) for a in node.args))
    raise ValueError(f"line {node.lineno}: a rule cannot contain {ast.unparse(node)}")


def _call(function: str, args: tuple[Expr, ...]) -> Expr:
    if function in PARTS:
        return PARTS[function](args[0])
    kinds = {a.kind for a in args}
    real = FLOAT32 if FLOAT32 in kinds and kinds <= _SINGLE else FLOAT
    kind = next((a.kind for a in args if is_complex(a.kind)), real)
    return Call(function, args, kind)
