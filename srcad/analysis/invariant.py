"""What a number that a loop computes is, in terms of what is known before the loop.

In ::

    for k in range(x.shape[0]):
        n = x.shape[1] - 1
        y = np.empty(n)             # y.shape[0] is x.shape[1] - 1, before the loop too
        m = count[k]                # differs from one iteration to the next: not known

only sums, products, ``max`` and ``min`` of lengths and variables count: they can be computed
wherever the loop stands, even if it has no iteration.
"""

from srcad.analysis.flow import assigned, writes_of
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Block,
    Call,
    Const,
    Copy,
    Expr,
    Extent,
    Stmt,
    Unary,
    Var,
    ZerosLike,
    children,
    rebuild,
    statements,
)


def before_loop(expr: Expr, body: Block, counter: Var) -> Expr | None:
    """The same number without what the body of a loop assigns; None if it is not known.

    >>> k, n, x = Var("k", "int64"), Var("n", "int64"), Extent("x", 1)
    >>> body = (Assign(n, x), Alloc("y", (n,), "float64"))
    >>> before_loop(Extent("y", 0), body, k) == x, before_loop(k, body, k)
    (True, None)
    >>> before_loop(n, (Assign(n, Binary("+", n, Const(1, "int64"), "int64")),), k)
    """
    made: dict[str, list[Stmt]] = {}
    for stmt in statements(body):
        for name in writes_of(stmt):
            made.setdefault(name, []).append(stmt)
    return _known(expr, made, {counter.name} | assigned(body))


def _known(expr: Expr, made: dict[str, list[Stmt]], changing: set[str]) -> Expr | None:
    match expr:
        case Const():
            return expr
        case Var(name=name) | Extent(array=name) if name not in changing:
            return expr
        case Var(name=name) | Extent(array=name):
            found = made.get(name, [])
            source = _source(expr, found[0]) if len(found) == 1 else None
            return None if source is None else _known(source, made | {name: []}, changing)
        case Binary(op="+" | "-" | "*") | Unary(op="-") | Call(function="max" | "min"):
            parts = [_known(e, made, changing) for e in children(expr)]
            if any(p is None for p in parts):
                return None
            return rebuild(expr, tuple(p for p in parts if p is not None))
    return None


def _source(expr: Var | Extent, stmt: Stmt) -> Expr | None:
    """What the one statement that binds a name says of it."""
    match stmt:
        case Assign(value=value) if isinstance(expr, Var):
            return value
        case Alloc(shape=shape) if isinstance(expr, Extent):
            return shape[expr.axis]
        case Copy(source=source) | ZerosLike(source=source) if isinstance(expr, Extent):
            return None if source == expr.array else Extent(source, expr.axis)
    return None
