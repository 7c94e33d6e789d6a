"""The adjoint of an expression: what each of its variables and elements receives from a seed.

``contributions`` walks the expression once, from the root, multiplying the seed by the partial
derivatives of the rules. Where a seed is used several times it gets a name, so that generated
code has expressions instead of one temporary for each operation. For ``x * sin(y)`` and the seed
``z_b`` the contributions are ``x: sin(y) * z_b`` and ``y: cos(y) * (x * z_b)``.
"""

from collections.abc import Callable

from srcad.analysis.activity import carriers
from srcad.errors import UnsupportedError
from srcad.ir.build import (
    compare,
    conjugate,
    doubled,
    is_const,
    join_kinds,
    literal,
    negate,
    real,
    real_part,
    times,
)
from srcad.ir.names import value_name
from srcad.ir.nodes import (
    Binary,
    Call,
    Const,
    Expr,
    Load,
    Select,
    Unary,
    Var,
    children,
    walk,
)
from srcad.ir.types import is_complex, is_inexact
from srcad.position import Position
from srcad.rules.library import Rule, rule_named
from srcad.rules.template import instantiate, is_unknown, reads_result
from srcad.transform.partials import (
    EXTREMES,
    Namer,
    extreme_share,
    is_cheap,
    is_natural,
    logistic_of,
    power_factor,
    strong,
)

Leaf = Var | Load
Contribution = tuple[Leaf, Expr]


def contributions(
    expr: Expr, seed: Expr, active: set[str], name: Namer, result: Expr | None, at: Position
) -> list[Contribution]:
    """What the active leaves of ``expr`` receive; ``result`` is an expression that already holds
    its value, if there is one.
    """
    found: list[Contribution] = []
    _pull(expr, seed, active, name, result, at, found)
    out: list[Contribution] = []
    for leaf, term in found:
        if (leaf, term) in out and is_inexact(term.kind):
            out[out.index((leaf, term))] = leaf, doubled(term)
        else:
            out.append((leaf, term))
    return out


def _leaves(expr: Expr, active: set[str]) -> int:
    """The number of active leaves, counted as often as they occur."""
    if not carriers(expr) & active:
        return 0
    if isinstance(expr, Var | Load):
        return 1
    match expr:
        case Unary():
            return _leaves(expr.x, active)
        case Binary():
            return _leaves(expr.a, active) + _leaves(expr.b, active)
        case Select():
            return _leaves(expr.a, active) + _leaves(expr.b, active)
        case Call():
            return sum(_leaves(a, active) for a in expr.args)
    return 0


def _pull(
    expr: Expr,
    seed: Expr,
    active: set[str],
    name: Namer,
    result: Expr | None,
    at: Position,
    out: list[Contribution],
) -> None:
    if not is_inexact(expr.kind) or not carriers(expr) & active:
        return
    if is_complex(seed.kind) and not is_complex(expr.kind):
        seed = real_part(seed)
    if isinstance(expr, Var | Load):
        out.append((expr, seed))
        return
    sums = isinstance(expr, Unary) or (isinstance(expr, Binary) and expr.op in "+-")
    if _leaves(expr, active) > 1 and not is_cheap(seed) and not (sums and _is_light(seed)):
        seed = name(seed, "seed")
    match expr:
        case Unary(op="-"):
            _pull(expr.x, negate(seed), active, name, None, at, out)
        case Unary():
            _pull(expr.x, seed, active, name, None, at, out)
        case Binary(op="+"):
            _pull(expr.a, seed, active, name, None, at, out)
            _pull(expr.b, seed, active, name, None, at, out)
        case Binary(op="-"):
            _pull(expr.a, seed, active, name, None, at, out)
            _pull(expr.b, negate(seed), active, name, None, at, out)
        case Binary(op="*") if expr.a == expr.b:
            _pull(
                expr.a,
                times(times(real(2.0, expr.kind), conjugate(expr.a)), seed),
                active,
                name,
                None,
                at,
                out,
            )
        case Binary(op="*", a=Binary(op="*", a=Const(value=float(factor)), b=x), b=y) if x == y:
            twice = times(real(2.0 * factor, expr.kind), conjugate(x))
            _pull(x, times(twice, seed), active, name, None, at, out)
        case Binary(op="*") if (x := _with_root(expr)) is not None:
            root = Call("math.sqrt", (x,), expr.kind)
            _pull(x, times(times(real(1.5, expr.kind), root), seed), active, name, None, at, out)
        case Binary(op="/"):
            _divide(expr, seed, active, name, result, at, out)
        case Binary(op="**", a=Call(function="abs", args=(z,)), b=Const(value=2)) if is_complex(
            z.kind
        ):
            _pull(z, times(times(real(2.0, z.kind), z), seed), active, name, None, at, out)
        case Binary(op="**") if isinstance(expr.b, Const):
            factor = power_factor(expr.a, expr.b)
            if factor is not None:
                share = strong(conjugate(factor), seed, not is_natural(expr.b.value), name)
                _pull(expr.a, share, active, name, None, at, out)
        case Select(strong=True):
            _pull(expr.a, seed, active, name, None, at, out)
        case Select():
            zero = literal(0.0, seed.kind)
            _pull(expr.a, Select(expr.test, seed, zero, seed.kind), active, name, None, at, out)
            _pull(expr.b, Select(expr.test, zero, seed, seed.kind), active, name, None, at, out)
        case Call(function="complex", args=(x,)):
            _pull(x, seed, active, name, None, at, out)
        case Binary() | Call():
            operator = expr.op if isinstance(expr, Binary) else expr.function
            args = (expr.a, expr.b) if isinstance(expr, Binary) else expr.args
            rule = rule_named(operator)
            if rule is not None and rule.adjoint and _is_complex(expr):
                _by_adjoint(expr, rule.adjoint, args, seed, active, name, result, at, out)
                return
            if rule is None or rule.partials is None:
                raise UnsupportedError(f"no derivative is known for {operator}", at)
            if operator in EXTREMES:
                _extreme(operator, args, seed, active, name, at, out)
            else:
                _by_rule(expr, rule, args, seed, active, name, result, at, out)
        case _:
            raise UnsupportedError(f"no derivative is known for this {type(expr).__name__}", at)


def _with_root(product: Binary) -> Expr | None:
    """The ``x`` of ``x * sqrt(x)``: its derivative has no quotient, as that of the root has."""
    for x, other in ((product.a, product.b), (product.b, product.a)):
        root = Call("math.sqrt", (x,), product.kind)
        if other == root and not is_complex(product.kind):
            return x
    return None


def _is_light(seed: Expr) -> bool:
    """A seed that costs one operation or two to write again."""
    return sum(1 for _ in walk(seed)) <= 3 and not any(
        isinstance(e, Call | Load) for e in walk(seed)
    )


def _by_rule(
    expr: Expr,
    rule: Rule,
    args: tuple[Expr, ...],
    seed: Expr,
    active: set[str],
    name: Namer,
    result: Expr | None,
    at: Position,
    out: list[Contribution],
) -> None:
    assert rule.partials is not None
    wanted = [k for k, a in enumerate(args) if is_inexact(a.kind) and carriers(a) & active]
    if any(reads_result(rule.partials, k) for k in wanted) and result is None:
        result = name(expr, value_name(expr))
    for k in wanted:
        if is_unknown(rule.partials, k):
            raise UnsupportedError(
                f"the derivative of {rule.name} in argument {k} is not known",
                at,
                "pass a constant there",
            )
        partial = instantiate(rule.partials, k, (result if result is not None else expr, *args))
        share = strong(conjugate(partial), seed, rule.singular, name)
        _pull(args[k], share, active, name, None, at, out)


def _is_complex(expr: Expr) -> bool:
    """Whether an operation is one of complex numbers."""
    return is_complex(expr.kind) or any(is_complex(e.kind) for e in children(expr))


def _by_adjoint(
    expr: Expr,
    rule: Callable[..., object],
    args: tuple[Expr, ...],
    seed: Expr,
    active: set[str],
    name: Namer,
    result: Expr | None,
    at: Position,
    out: list[Contribution],
) -> None:
    """A function of complex numbers that is not holomorphic."""
    for k, arg in enumerate(args):
        if not is_inexact(arg.kind) or not carriers(arg) & active:
            continue
        if result is None and reads_result(rule, k):
            result = name(expr, value_name(expr))
        share = instantiate(rule, k, (result if result is not None else expr, *args, seed))
        if not is_const(share, 0.0):
            _pull(arg, share, active, name, None, at, out)


def _divide(
    expr: Binary,
    seed: Expr,
    active: set[str],
    name: Namer,
    result: Expr | None,
    at: Position,
    out: list[Contribution],
) -> None:
    """``a / b``: the quotient of the seed serves both operands; ``-a / b**2 = -(a / b) / b``.

    Where a is 1, the result is ``1 / b`` itself, and nothing has to be divided again; that of
    ``y = 1 / (1 + exp(u))`` is ``-y * (1 - y)``, also where the exponential overflows.
    """
    kind = join_kinds(seed.kind, expr.b.kind)
    u = logistic_of(expr)
    if u is not None:
        y = result if result is not None else name(expr, value_name(expr))
        slope = times(y, Binary("-", literal(1.0, y.kind), y, y.kind))
        _pull(u, negate(times(slope, seed)), active, name, None, at, out)
        return
    if is_const(expr.a, 1.0):
        inverse = conjugate(result if result is not None else name(expr, value_name(expr)))
        seed = seed if is_cheap(seed) else name(seed, "seed")
        share = times(inverse, times(inverse, seed))
        if not (isinstance(seed, Const) and seed.value):
            test = compare("!=", seed, literal(0.0, seed.kind))
            share = Select(test, share, literal(0.0, share.kind), share.kind, strong=True)
        _pull(expr.b, negate(share), active, name, None, at, out)
        return
    moving = bool(carriers(expr.b) & active)
    singular = not isinstance(expr.b, Const)
    share = strong(Binary("/", real(1.0, kind), conjugate(expr.b), kind), seed, singular, name)
    if moving:
        share = share if is_cheap(share) else name(share, "seed")
        _pull(expr.a, share, active, name, None, at, out)
        quotient = result if result is not None else expr
        turned = times(conjugate(quotient), share)
        if isinstance(share, Select | Var) and not (isinstance(seed, Const) and seed.value):
            zero = literal(0.0, turned.kind)
            test = compare("!=", share, literal(0.0, share.kind))
            turned = Select(test, turned, zero, turned.kind, strong=True)
        _pull(expr.b, negate(turned), active, name, None, at, out)
    else:
        _pull(expr.a, share, active, name, None, at, out)


def _extreme(
    operator: str,
    args: tuple[Expr, ...],
    seed: Expr,
    active: set[str],
    name: Namer,
    at: Position,
    out: list[Contribution],
) -> None:
    live = [k for k, a in enumerate(args) if is_inexact(a.kind) and carriers(a) & active]
    held = tuple(a if isinstance(a, Var | Const) else name(a, "a") for a in args)
    if not is_cheap(seed):
        seed = name(seed, "seed")
    for k in live:
        _pull(args[k], extreme_share(operator, held, live, k, seed), active, name, None, at, out)
