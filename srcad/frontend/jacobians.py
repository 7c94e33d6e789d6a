"""Jacobians and Hessians that a program takes itself: ``srcad.jacobian(g)(x)``.

A matrix of derivatives is filled by one of two loops, around a derivative of the call: by columns,
one tangent for each element of the argument, or by rows, one seed for each element of the result.
Which is less work is decided by the lengths, as far as they are known when the code is written::

    J = srcad.jacobian(g)(x)        J = np.empty((2, x.shape[0]))
                                    for i in range(2):
                              ->        seed = ...          # row i of a unit matrix
                                        ...                 # the adjoint of g(x), which makes x_b
                                        J[i] = x_b
"""

from __future__ import annotations

from srcad.analysis.sizes import sizes_after
from srcad.frontend import arrays
from srcad.frontend.derived import Call, Derived, Given
from srcad.frontend.values import ArrayValue, DerivedFunction, TupleValue, Value
from srcad.ir.build import compare, converted, literal, logic
from srcad.ir.nodes import Expr, Select, Store
from srcad.ir.types import is_inexact

Index = tuple[Expr, ...]
Spot = int | str


class Jacobians(Derived):
    """Fills matrices of derivatives of functions that the program calls."""

    def call_derived(
        self, derived: DerivedFunction, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A call of what ``jacobian`` or ``hessian`` returns, or of another derivative."""
        if derived.kind not in ("hessian", "jacobian"):
            return super().call_derived(derived, values, keywords)
        call = Call(derived.function, list(values), dict(keywords))
        spots = [self._spot(call, w) for w in derived.wrt]
        self._require_floats(call, spots)
        given = [self._moving(call, spot, derived.kind) for spot in spots]
        if derived.kind == "hessian":
            if not derived.is_single:
                raise self.b.refuse(
                    "hessian with respect to several values is not supported inside of a function",
                    "put them into one array",
                )
            return self._hessian(call, spots, given[0])
        found = self._jacobian(call, spots, given, derived.mode)
        return found[0] if derived.is_single else TupleValue(tuple(found))

    def _moving(self, call: Call, spot: Spot, kind: str) -> Given:
        """An argument that the derivative is taken of, as it is now: a number or an array."""
        value = self.snapshot(call.at(spot))
        if not isinstance(value, ArrayValue | Expr):
            raise self.b.refuse(
                f"{kind} with respect to a structure is not supported inside of a function",
                "put its values into one array",
            )
        if isinstance(value, ArrayValue) and not value.ndim:
            return value.element(())
        if isinstance(value, ArrayValue):
            call.put(spot, self.kept(value))
        return value

    # ------------------------------------------------------------ Jacobians

    def _jacobian(
        self, call: Call, spots: list[Spot], given: list[Given], mode: str
    ) -> list[Value]:
        """The Jacobian by each argument; the gradient, of what returns a number."""
        if mode != "rev" and all(isinstance(v, Expr) for v in given):
            return [self._by_number(call, s, v) for s, v in zip(spots, given, strict=True)]
        first = self.taken("primal", call, spots)
        found = self.rebuilt(first.result, first.leaves)
        if isinstance(found, Expr) and is_inexact(found.kind):
            return list(self.taken("gradient", call, spots).leaves)
        if not isinstance(found, ArrayValue) or not is_inexact(found.dtype):
            raise self.b.refuse(
                "jacobian of a function that returns no array or number is not supported inside "
                "of a function",
                "return one array",
            )
        if mode == "rev" or (mode == "auto" and self._has_fewer_rows(found, given)):
            return self._by_rows(call, spots, given, found)
        pairs = zip(spots, given, strict=True)
        return [
            self._by_number(call, s, v)
            if isinstance(v, Expr)
            else self._by_columns(call, s, v, found)
            for s, v in pairs
        ]

    def _has_fewer_rows(self, result: ArrayValue, given: list[Given]) -> bool:
        """Whether there are certainly fewer elements of the result than of the arguments."""
        sizes = sizes_after(self.b.block)
        rows, columns = 1, 0
        for extent in result.extents:
            _, high = sizes.range(sizes.known(extent))
            if high is None:
                return False
            rows *= high
        for value in given:
            count = 1
            for extent in value.extents if isinstance(value, ArrayValue) else ():
                low, _ = sizes.range(sizes.known(extent))
                count *= low or 0
            columns += count
        return rows < columns

    def _by_number(self, call: Call, spot: Spot, value: Given) -> Value:
        """The derivative by one number."""
        assert isinstance(value, Expr)
        one = self.b.hold(literal(1.0, value.kind), "one")
        taken = self.taken("jvp", call, [spot], lambda *_: [one])
        self.rebuilt(taken.result, taken.leaves)
        return self._derivative_like(taken.result, taken.leaves)

    def _by_columns(
        self, call: Call, spot: Spot, value: ArrayValue, result: ArrayValue
    ) -> ArrayValue:
        """One tangent for each element of an argument."""
        shape, rows = value.extents, result.extents
        out = arrays.unwritten(self.b, "jacobian", (*rows, *shape), result.dtype)
        base = _base(out)

        def column(at: Index) -> None:
            taken = self.taken("jvp", call, [spot], lambda *_: [self._unit(value, at)])
            self.rebuilt(taken.result, taken.leaves)
            change = next(taken.leaves)
            assert isinstance(change, ArrayValue)
            arrays.over(
                self.b,
                rows,
                lambda k: self.b.emit(Store(base, (*k, *at), change.element(k), True, self.b.at)),
            )

        arrays.over(self.b, shape, column)
        return out

    def _by_rows(
        self, call: Call, spots: list[Spot], given: list[Given], result: ArrayValue
    ) -> list[Value]:
        """One seed for each element of the result."""
        rows = result.extents
        shapes = [v.extents if isinstance(v, ArrayValue) else () for v in given]
        outs = [
            arrays.unwritten(self.b, "jacobian", (*rows, *shape), result.dtype) for shape in shapes
        ]

        def row(at: Index) -> None:
            taken = self.taken("vjp", call, spots, lambda *_: [self._unit(result, at)])
            for out, shape, share in zip(outs, shapes, taken.leaves, strict=True):
                base = _base(out)

                def put(k: Index, base: str = base, share: Value = share) -> None:
                    item = share.element(k) if isinstance(share, ArrayValue) else share
                    assert isinstance(item, Expr)
                    item = converted(item, result.dtype)
                    self.b.emit(Store(base, (*at, *k), item, True, self.b.at))

                arrays.over(self.b, shape, put)

        arrays.over(self.b, rows, row)
        return list(outs)

    def _unit(self, like: ArrayValue, at: Index) -> ArrayValue:
        """An array of zeros with a one."""
        one, zero = literal(1.0, like.dtype), literal(0.0, like.dtype)

        def element(k: Index) -> Expr:
            here = logic("and", tuple(compare("==", a, b) for a, b in zip(k, at, strict=True)))
            return Select(here, one, zero, like.dtype)

        value = ArrayValue(like.dtype, like.extents, like.units, element, frozenset())
        return arrays.materialise(self.b, value, "unit")

    # ------------------------------------------------------------ Hessians

    def _hessian(self, call: Call, spots: list[Spot], value: Given) -> Value:
        """One product with a unit vector for each element."""
        if isinstance(value, Expr):
            one = literal(1.0, value.kind)
            return next(self.taken("hvp", call, spots, lambda *_: [one]).leaves)
        shape, kind = value.extents, value.dtype
        out = arrays.unwritten(self.b, "hessian", (*shape, *shape), kind)
        base = _base(out)

        def row(at: Index) -> None:
            unit = self._unit(value, at)
            found = next(self.taken("hvp", call, spots, lambda *_: [unit]).leaves)
            assert isinstance(found, ArrayValue)
            arrays.over(
                self.b,
                shape,
                lambda k: self.b.emit(Store(base, (*at, *k), found.element(k), True, self.b.at)),
            )

        arrays.over(self.b, shape, row)
        return out


def _base(array: ArrayValue) -> str:
    """The name of an array of its own."""
    assert array.view is not None
    return array.view.base
