"""Partial derivatives of one operation, multiplied by what comes in: a seed or a tangent.

Both modes use them: reverse multiplies the seed of the result by the (conjugate) partial and hands
it to the argument, forward multiplies the tangent of the argument and adds up.
"""

from collections.abc import Callable, Sequence

from srcad.ir.build import compare, integer, is_const, join_kinds, literal, negate, real, times
from srcad.ir.nodes import Binary, Call, Const, Expr, Logic, Select, Unary, Var
from srcad.ir.types import is_complex, is_inexact

Namer = Callable[[Expr, str], Expr]
"""Gives an expression a name: emits an assignment and returns the variable."""

EXTREMES = ("max", "min", "np.maximum", "np.minimum", "np.fmax", "np.fmin")
"""Functions whose derivative depends on which arguments tie."""


def is_cheap(expr: Expr) -> bool:
    """Whether an expression may be written twice."""
    return isinstance(expr, Var | Const) or (isinstance(expr, Unary) and is_cheap(expr.x))


def logistic_of(expr: Expr) -> Expr | None:
    """The ``u`` of ``1.0 / (1.0 + exp(u))``, whose derivative is told by its value.

    >>> from srcad.ir.nodes import Call
    >>> u = Var("u", "float64")
    >>> e = Binary("+", real(1.0), Call("math.exp", (u,), u.kind), u.kind)
    >>> logistic_of(Binary("/", real(1.0), e, u.kind)), logistic_of(e)
    (Var(name='u', kind='float64'), None)
    """
    match expr:
        case Binary(op="/", a=one, b=Binary(op="+", a=a, b=b), kind=kind) if is_const(one, 1.0):
            for other, power in ((a, b), (b, a)):
                match power:
                    case Call(function="math.exp", args=(u,)) if is_const(other, 1.0):
                        return None if is_complex(kind) or is_complex(u.kind) else u
                    case _:
                        pass
    return None


def strong(partial: Expr, seed: Expr, singular: bool, name: Namer) -> Expr:
    """``partial * seed``; a zero seed wins over a partial that may be infinite."""
    if is_const(partial, 0.0):
        return partial
    if (
        isinstance(partial, Binary)
        and partial.op == "/"
        and isinstance(partial.a, Const)
        and partial.a.value in (1.0, -1.0)
    ):
        top = seed if partial.a.value == 1.0 else negate(seed)
        product: Expr = Binary("/", top, partial.b, join_kinds(seed.kind, partial.b.kind))
        if isinstance(top, Unary):
            product = negate(Binary("/", top.x, partial.b, product.kind))
    else:
        product = times(partial, seed)
    if not singular:
        return product
    if isinstance(seed, Const) and seed.value != 0.0:
        return product
    if not is_cheap(seed):
        held = name(seed, "seed")
        return strong(partial, held, True, name)
    zero = literal(0.0, product.kind)
    none = literal(0.0, seed.kind) if is_inexact(seed.kind) else integer(0)
    return Select(compare("!=", seed, none), product, zero, product.kind, strong=True)


def power_factor(base: Expr, exponent: Const) -> Expr | None:
    """The derivative of ``base ** exponent`` with respect to the base."""
    p = exponent.value
    if p == 0:
        return None
    if p == 1:
        return real(1.0, base.kind)
    if p == 2:
        return Binary("*", real(2.0, base.kind), base, base.kind)
    lower = Const(p - 1, exponent.kind)
    factor = Const(p, exponent.kind) if isinstance(p, complex) else real(float(p), base.kind)
    return Binary("*", factor, Binary("**", base, lower, base.kind), base.kind)


def is_natural(exponent: complex) -> bool:
    """Whether ``x**exponent`` has a finite derivative for all finite x."""
    return not isinstance(exponent, complex) and float(exponent).is_integer() and exponent >= 1


def extreme_share(
    operator: str, held: Sequence[Expr], live: Sequence[int], k: int, seed: Expr
) -> Expr:
    """``seed`` times the derivative of max or min with respect to argument ``k``.

    Active arguments (``live``) that tie share; it is 0 where an inactive one ties.
    """
    weak, strict = (">=", ">") if "max" in operator else ("<=", "<")
    zero = real(0.0, seed.kind)
    others = [j for j in range(len(held)) if j != k]
    wins = tuple(compare(weak if j in live else strict, held[k], held[j]) for j in others)
    test = wins[0] if len(wins) == 1 else Logic("and", wins)
    rivals = [j for j in others if j in live]
    share = seed
    if len(rivals) == 1:
        half = Binary("*", real(0.5, seed.kind), seed, seed.kind)
        share = Select(compare("==", held[k], held[rivals[0]]), half, seed, seed.kind)
    elif rivals:
        ties: Expr = real(1.0, seed.kind)
        for j in rivals:
            one = Select(compare("==", held[k], held[j]), real(1.0, seed.kind), zero, seed.kind)
            ties = Binary("+", ties, one, seed.kind)
        share = Binary("/", seed, ties, seed.kind)
    return Select(test, share, zero, seed.kind)
