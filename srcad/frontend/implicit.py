"""Solutions of equations: ``fixed_point``, ``root`` and ``argmin`` inside of a program.

A solution is a call of a function of the module, whose body is the solver::

    y = root_solution(a, x0)        # elaborated from srcad.implicit, with the user's residual

and whose rule is the implicit function theorem, elaborated for this equation. What the user's
function reads, its parameters and what it closes over, are the arguments of that call. The pullback
solves a linear system for ``w`` and pulls ``w`` back through one call of the user's function at the
solution; the pushforward does the same in the other direction.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from srcad.analysis.alias import points_to, stored_sites
from srcad.errors import ArgumentError
from srcad.frontend import arrays, scalars
from srcad.frontend.batches import Batches
from srcad.frontend.derived import OPTIONS, Call, Given, Leaf
from srcad.frontend.program import Outlined
from srcad.frontend.stores import assign_into
from srcad.frontend.values import ArrayValue, DerivedFunction, StaticValue, Value, type_of
from srcad.ir import nodes
from srcad.ir.build import accumulate, integer
from srcad.ir.loss import require_loss
from srcad.ir.nodes import Assign, Block, Const, Expr, Invoke, Pullback, Pushforward, Var
from srcad.ir.types import FLOAT, INT, is_complex, is_inexact, is_single
from srcad.transformation import Equation, equation_of

_SINGLE = 4e-7
"""The least tolerance in single precision, relative to the size of the solution."""


class Implicit(Batches):
    """Elaborates solutions of equations."""

    def call_special(
        self, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """A call of ``fixed_point``, ``root`` or ``argmin``."""
        equation = equation_of(function)
        if equation is None:
            return super().call_special(function, values, keywords)
        for name in keywords:
            if name not in ("tol", "max_iter", *OPTIONS):
                raise ArgumentError(f"{equation.name}() has no keyword {name!r}", self.b.here)
        if len(values) < 2:
            raise ArgumentError(f"{equation.name}() takes a function and a start", self.b.here)
        return self._solution(equation, function, values, keywords)

    def _solution(
        self, equation: Equation, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        start = scalars.operand(self.b, values[1])
        if isinstance(start, ArrayValue) and not start.ndim:
            start = start.element(())
        kind = start.dtype if isinstance(start, ArrayValue) else start.kind
        if is_complex(kind) or (isinstance(start, ArrayValue) and not is_inexact(kind)):
            raise self.b.refuse(f"{equation.name} of {kind} points", "use real floating numbers")
        if isinstance(start, Expr):
            start = self.b.hold(self.b.convert(start, kind if is_inexact(kind) else FLOAT), "x0")
        elif equation.name != "fixed_point" and start.ndim != 1:
            raise self.b.refuse(
                f"{equation.name} of a point with {start.ndim} axes",
                "use a vector, and reshape it in the function",
            )
        which = int(isinstance(start, ArrayValue))
        tol, limit = self._limits(
            function, keywords, is_single(start.dtype if which else start.kind)
        )
        at = values[0]
        if len(values) > 2:
            node = self.scope.source.node
            at = self.call_value(StaticValue(equation.of_point), [at, *values[2:]], {}, node)
        self._require_same(at, start, equation)
        solve = StaticValue(equation.solve[which])
        body, result = self.block_of(Call(solve, [at, start, tol, limit], {}), ())
        result = None if result is None else self._as_point(result, start, equation)
        assert isinstance(result, ArrayValue | Expr)
        free = self.read_by(body, [], result)
        self._require_unwritten(body, free, equation)
        names = self.b.names
        title = names.fresh(f"{equation.name}_solution")
        program = self.part_of_program(title, tuple(free), body, result)
        self.shared.outlined[title, equation.name] = Outlined(
            title, (), type_of(result), program=program, ruled=True
        )
        target: Var | str
        point: Value
        if isinstance(result, ArrayValue):
            assert isinstance(start, ArrayValue)
            target = names.fresh(self.b.wanted)
            arrays.declare(self.b, target, result.dtype, start.extents)
            point = arrays.whole(self.b, target, start.units)
        else:
            target = point = Var(names.fresh(self.b.wanted), result.kind)
        derived = DerivedFunction("grad", at, (0,), True) if equation.of_gradient else at
        back = self._pullback(equation.back[which], derived, point, free, (tol, limit))
        ahead = self._pushforward(equation.ahead[which], derived, point, free, (tol, limit))
        where = self.b.at
        self.b.emit(
            Invoke((target,), title, tuple(free), (), len(free), where, back, ahead, ruled=True)
        )
        return point

    def _limits(
        self, function: Any, keywords: dict[str, Value], single: bool
    ) -> tuple[Value, Value]:
        """The tolerance and the number of steps, held in variables."""
        defaults = function.__kwdefaults__ or {}
        tol = scalars.operand(self.b, keywords.get("tol") or Const(defaults["tol"], FLOAT))
        limit = scalars.operand(self.b, keywords.get("max_iter") or integer(defaults["max_iter"]))
        if not isinstance(tol, Expr) or not isinstance(limit, Expr) or limit.kind != INT:
            raise ArgumentError("tol is a number, and max_iter an integer", self.b.here)
        tol = self.b.convert(tol, FLOAT)
        if single:
            tol = nodes.Call("max", (tol, Const(_SINGLE, FLOAT)), FLOAT)
        return self.b.hold(tol, "tol"), self.b.hold(limit, "max_iter")

    def _require_same(self, function: Value, start: Given, equation: Equation) -> None:
        """Refuse a function of another kind of value, before the solver is read with it."""
        _, result = self.block_of(Call(function, [start], {}), ())
        if equation.of_gradient:
            type_ = None if result is None else type_of(result)
            require_loss(type_, self.title_of(function), False, self.b.here)
        else:
            self._as_point(StaticValue(None) if result is None else result, start, equation)

    def _as_point(self, result: Value, start: Given, equation: Equation) -> Given:
        """A solution, of the kind and rank of the start."""
        if isinstance(result, ArrayValue) and isinstance(start, ArrayValue):
            same = result.ndim == start.ndim and result.dtype == start.dtype
            if same:
                return result
        elif isinstance(result, Expr) and isinstance(start, Expr) and result.kind == start.kind:
            return result
        raise self.b.refuse(
            f"the function given to {equation.name} returns another kind of value than x0",
            "return a value of the shape and dtype of x0",
        )

    def _require_unwritten(self, body: Block, free: Sequence[Leaf], equation: Equation) -> None:
        """Refuse a function that writes what it reads from outside."""
        sites = points_to(body, set(self.b.arrays))
        written = stored_sites(body, sites)
        if any(isinstance(n, str) and sites.get(n, frozenset((n,))) & written for n in free):
            raise self.b.refuse(
                f"the function given to {equation.name} writes an array from outside",
                "let it write into a copy",
            )

    # ------------------------------------------------------------ the implicit function theorem

    def _pullback(
        self,
        back: Any,
        function: Value,
        point: Given,
        free: list[Leaf],
        limits: tuple[Value, Value],
    ) -> Pullback | None:
        """The cotangents of what the function reads, from that of the solution."""
        modes = self.shared.modes
        if "reverse" not in modes:
            return None
        own = _leaf(point)
        seed = self._like(own, "adjoint")
        bars = [self._like(n, "adjoint") if self._is_float(n) else None for n in free]
        block: list[Any] = []
        with self._reading(block, modes[modes.index("reverse") + 1 :]):
            node = self.scope.source.node
            given = [function, point, self._value_of(seed), *limits]
            weights = self.call_value(StaticValue(back), given, {}, node)
            taken = self.taken(
                "vjp",
                Call(function, [point], {}),
                [],
                lambda y, checks: self.directions(weights, y, "the cotangent", checks),
                of=lambda read: self._floats_among(free, read),
            )
            for name, share in zip(taken.of, taken.leaves, strict=True):
                bar = bars[free.index(name)]
                assert bar is not None
                self._accumulate(bar, share)
            body = self.settled_block(tuple(block), None)
        return Pullback(body, tuple(free), (own,), (seed,), tuple(bars))

    def _pushforward(
        self,
        ahead: Any,
        function: Value,
        point: Given,
        free: list[Leaf],
        limits: tuple[Value, Value],
    ) -> Pushforward | None:
        """The tangent of the solution, from those of what the function reads."""
        modes = self.shared.modes
        if "forward" not in modes:
            return None
        own = _leaf(point)
        dots = [self._like(n, "tangent") if self._is_float(n) else None for n in free]
        block: list[Any] = []
        with self._reading(block, modes[modes.index("forward") + 1 :]):
            tangents = dict(zip(free, dots, strict=True))
            moving: list[Given] = []

            def asked(read: list[Leaf]) -> list[Leaf]:
                names = self._floats_among(free, read)
                moving.extend(self._value_of(d) for n in names if (d := tangents[n]) is not None)
                return names

            taken = self.taken("jvp", Call(function, [point], {}), [], lambda *_: moving, of=asked)
            self.rebuilt(taken.result, taken.leaves)
            change = next(taken.leaves)
            node = self.scope.source.node
            given = [function, point, change, *limits]
            found = self.call_value(StaticValue(ahead), given, {}, node)
            (moved,) = self.directions(found, point, "the tangent")
            body = self.settled_block(tuple(block), None)
        out = _leaf(moved) if isinstance(moved, ArrayValue | Var) else None
        return Pushforward(body, tuple(free), (own,), tuple(dots), (out,))

    @contextlib.contextmanager
    def _reading(self, block: list[Any], modes: tuple[str, ...]) -> Iterator[None]:
        """Write what the theorem says, for the derivatives taken after this one.

        It may have an equation of the same kind in it, which is no recursion.
        """
        calls, self.calls = self.calls, []
        try:
            with self.b.apart(block), self.taking(modes):
                yield
        finally:
            self.calls = calls

    def _floats_among(self, free: list[Leaf], read: list[Leaf]) -> list[Leaf]:
        """The floats that the solver reads and the function too."""
        return [n for n in free if n in read and self._is_float(n)]

    def _is_float(self, item: Leaf) -> bool:
        return is_inexact(self.b.arrays[item][0] if isinstance(item, str) else item.kind)

    def _like(self, item: Leaf, word: str) -> Leaf:
        """A name for the adjoint or tangent of a number or array."""
        if isinstance(item, Var):
            return Var(self.b.names.fresh(f"{item.name}_{word}"), item.kind)
        made = self.b.names.fresh(f"{item}_{word}")
        dtype, ndim = self.b.arrays[item]
        self.b.arrays[made] = (dtype, ndim)
        self.b.extents[made] = self.b.extents[item]
        return made

    def _value_of(self, item: Leaf) -> Given:
        return arrays.whole(self.b, item) if isinstance(item, str) else item

    def _accumulate(self, bar: Leaf, share: Value) -> None:
        """``bar += share``."""
        if isinstance(bar, Var):
            assert isinstance(share, Expr)
            self.b.emit(Assign(bar, accumulate(bar, share), self.b.at))
            return
        assert isinstance(share, ArrayValue)
        own = arrays.whole(self.b, bar)
        assign_into(self.b, own, scalars.combine(self.b, "+", own, share))


def _leaf(value: Given) -> Leaf:
    if isinstance(value, ArrayValue):
        assert value.view is not None
        return value.view.base
    assert isinstance(value, Var)
    return value
