"""Which inputs each value depends on: forward mode with sets in place of tangents.

What is carried along with a float is the number of a set of inputs: 0 is the empty set, input k is
the set k, and ``union`` (``srcad.runtime.unions``) numbers the others as they come up. Copies and
stores move numbers, so that the cost is that of the program, however large the sets are. From ::

    y = math.exp(x) * x + a
    u[i] = y

comes, and nothing of the values is left unless a branch or an index needs it ::

    y_d = union(unions, x_d, a_d)
    u_d[i] = y_d

A set may be too large, never too small: a branch that is taken counts with all that it computes,
and every result of a function that is called as a whole depends on everything that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srcad.analysis.activity import carriers
from srcad.ir.build import ZERO
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Call,
    Copy,
    Expr,
    Extent,
    Function,
    Invoke,
    Keep,
    Load,
    MatMul,
    Select,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
    ZerosLike,
    children,
    expressions,
    statements,
    walk,
)
from srcad.ir.types import INT, is_inexact
from srcad.position import NOWHERE, Position
from srcad.transform.forward import Forward, Made, Result
from srcad.transform.nest import nest

_UNIONS = Var("unions", "pool")
"""The table of the sets, which is handed through."""


class Dependence(Forward):
    """Writes the sets of inputs beside the statements of one program."""

    extra = ("unions",)

    def type_of(self, array: str) -> tuple[str, int]:
        """The sets of the elements of an array are an array of integers."""
        return INT, self.arrays[array][1]

    def dot_var(self, var: Var) -> Var:
        """The set of a scalar."""
        return Var(self.dot(var.name), INT)

    def zeros(self, target: str, source: str, at: Position = NOWHERE) -> Stmt:
        """Empty sets for an array of the shape of ``source``."""
        ndim = self.arrays[source][1]
        return Alloc(target, tuple(Extent(source, k) for k in range(ndim)), INT, True, at)

    def _of_kind(self, tangent: Expr | None, kind: str) -> Expr:
        return ZERO if tangent is None else tangent

    # ------------------------------------------------------------ statements

    def _on_tangents(self, stmt: Made) -> None:
        target = self.dot(stmt.target)
        match stmt:
            case Alloc() | Tape():  # memory that is not written yet holds no numbers of sets
                self.out += [Alloc(target, stmt.shape, INT, True, stmt.at), stmt]
            case Stack() | Keep():
                self.out += [replace(stmt, target=target, dtype=INT), stmt]
            case ZerosLike():
                self.out += [self.zeros(target, stmt.source, stmt.at), stmt]
            case Copy() if stmt.source not in self.active:
                self.out += [self.zeros(target, stmt.source, stmt.at), stmt]
            case _:
                super()._on_tangents(stmt)

    def _product(self, stmt: MatMul) -> None:
        """Element (i, j) of a product depends on row i of one factor, column j of the other."""
        lead = 0 if stmt.batch is None else 1
        ndim = self.arrays[stmt.target][1]
        rows = self._along(stmt.a, stmt.ta, 1, lead)
        columns = self._along(stmt.b, stmt.tb, 0, lead)
        shape = [Extent(stmt.a, 0)] if lead else []
        for array, turned, inner in ((stmt.a, stmt.ta, 1), (stmt.b, stmt.tb, 0)):
            if self.arrays[array][1] - lead == 2:
                outer = inner if turned else 1 - inner
                shape.append(Extent(array, lead + outer))
        made = self.names.fresh("sets")
        self.arrays[made] = INT, ndim
        self.out.append(Alloc(made, tuple(shape), INT, True, stmt.at))
        has_rows = self.arrays[stmt.a][1] - lead == 2

        def fill(at: tuple[Expr, ...]) -> list[Stmt]:
            batch, own = at[:lead], at[lead:]
            parts = [
                Load(sets, (*batch, *index), INT)
                for sets, index in (
                    (rows, own[:1] if has_rows else ()),
                    (columns, own[1:] if has_rows else own),
                )
                if sets is not None
            ]
            return [Store(made, at, _union(parts) or ZERO)]

        self.out += [*nest(self.names, made, ndim, fill), stmt]
        self.out.append(Bind((self.dot(stmt.target),), (made,), stmt.at))

    def _along(self, factor: str, turned: bool, inner: int, lead: int) -> str | None:
        """The unions of the sets of a factor along the axis that is summed over."""
        if factor not in self.active:
            return None
        dot, ndim = self.dot(factor), self.arrays[factor][1]
        matrix = ndim - lead == 2
        summed = lead + ((1 - inner if turned else inner) if matrix else 0)
        kept = [k for k in range(ndim) if k != summed]
        sets = self.names.fresh("sets")
        self.arrays[sets] = INT, len(kept)
        self.out.append(Alloc(sets, tuple(Extent(factor, k) for k in kept), INT, True))

        def join(at: tuple[Expr, ...]) -> list[Stmt]:
            place = Load(sets, tuple(at[k] for k in kept), INT)
            both = _union([place, Load(dot, at, INT)])
            assert both is not None
            return [Store(sets, place.index, both)]

        self.out += nest(self.names, dot, ndim, join)
        return sets

    def _invoke(self, stmt: Invoke) -> None:
        """Every result of a function that is called depends on everything that it is given."""
        if not stmt.function:
            return
        targets = [t for t in stmt.targets if self._is_inexact(t)]
        made = [t for t in targets if (t if isinstance(t, str) else t.name) in self.active]
        writes = [w for w in stmt.writes if w in self.active]
        if not made and not writes:
            self.out.append(stmt)
            return
        everything = Var(self.names.fresh("set"), INT)
        self.out.append(Assign(everything, ZERO, stmt.at))
        for arg in stmt.args:
            self._collect(arg, everything)
        self.out.append(stmt)
        for item in (*made, *writes):
            if isinstance(item, Var):
                self.out.append(Assign(self.dot_var(item), everything, stmt.at))
                continue
            dot = self.dot(item)
            if item not in writes:
                self.out.append(self.zeros(dot, item, stmt.at))

            def fill(at: tuple[Expr, ...], dot: str = dot) -> list[Stmt]:
                return [Store(dot, at, everything)]

            self.out += nest(self.names, dot, self.arrays[item][1], fill)

    def _is_inexact(self, item: Var | str) -> bool:
        return is_inexact(self.arrays[item][0] if isinstance(item, str) else item.kind)

    def _collect(self, arg: Expr | str, everything: Var) -> None:
        """Add what an argument depends on to a set."""

        def add(more: Expr) -> list[Stmt]:
            both = _union([everything, more])
            assert both is not None
            return [Assign(everything, both)]

        if not isinstance(arg, str):
            node = self._node(arg)
            if node is not None:
                self.out += add(node)
        elif arg in self.active and is_inexact(self.arrays[arg][0]):
            dot = self.dot(arg)
            self.out += nest(
                self.names, dot, self.arrays[arg][1], lambda at: add(Load(dot, at, INT))
            )

    # ------------------------------------------------------------ expressions

    def _dual(self, expr: Expr, result: Result | None = None) -> tuple[Expr, Expr | None]:
        return expr, self._node(expr)

    def _node(self, expr: Expr) -> Expr | None:
        """The set of an expression; None where it is empty."""
        if not carriers(expr) & self.active:
            return None
        match expr:
            case Var():
                return self.dot_var(expr)
            case Load():
                return Load(self.dot(expr.array), expr.index, INT)
            case Select(strong=True):
                return self._node(expr.a)
            case Select():
                sets = [self._node(expr.a), self._node(expr.b)]
                if any(isinstance(e, Load) for s in sets if s is not None for e in walk(s)):
                    # An element of the branch that is not taken may not exist.
                    return Select(expr.test, sets[0] or ZERO, sets[1] or ZERO, INT)
                return _union([s for s in sets if s is not None])
        return _union([s for s in map(self._node, children(expr)) if s is not None])


def reads_floats(function: Function) -> bool:
    """Whether a function reads the value of a float: what it returns hangs on no other otherwise.

    Reading shapes does not count, nor passing floats on without looking at them.
    """
    for stmt in statements(function.body):
        if isinstance(stmt, Invoke | MatMul):
            return True
        for expr in (e for top in expressions(stmt) for e in walk(top)):
            if isinstance(expr, Var | Load) and is_inexact(expr.kind):
                return True
            if isinstance(expr, Call) and expr.function.startswith("np.random."):
                return True
    return False


def _union(sets: Sequence[Expr]) -> Expr | None:
    """The union of sets, each of which counts once."""
    found: Expr | None = None
    for one in dict.fromkeys(leaf for s in sets for leaf in _members(s)):
        found = one if found is None else Call("union", (_UNIONS, found, one), INT)
    return found


def _members(sets: Expr) -> list[Expr]:
    """The sets that a union joins."""
    if isinstance(sets, Call) and sets.function == "union":
        return [leaf for s in sets.args[1:] for leaf in _members(s)]
    return [sets]
