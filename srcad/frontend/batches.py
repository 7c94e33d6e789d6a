"""Batches: ``srcad.batch(f)(x)``, a call of a function for each member of arrays.

The call becomes a loop over the members. The function is elaborated once, for the rows of the
arguments, and what it returns is stored into arrays made before the loop::

    y = srcad.batch(f)(x, k)          y = np.empty(x.shape[0])
                                 ->   for member in range(x.shape[0]):
                                          ... # f(x[member], k[member])
                                          y[member] = ...

The shape of a result is written in terms of what is known before the loop. Where that cannot be
done, the first member runs ahead of the others, and each of those is checked against it.

A member works on arrays of its own: where the function writes an argument, the members write rows
of one copy of it, or, if they have it in common, each a copy.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from srcad.analysis.alias import points_to, stored_sites
from srcad.analysis.flow import assigned, reads_of
from srcad.analysis.invariant import before_loop
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.frontend import arrays, indexing, scalars
from srcad.frontend.builder import Duplicate
from srcad.frontend.derived import OPTIONS
from srcad.frontend.heap import Moment
from srcad.frontend.jacobians import Jacobians
from srcad.frontend.values import (
    ArrayValue,
    DerivedFunction,
    ListValue,
    ObjectValue,
    OptionalValue,
    Outside,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import ONE, ZERO, compare
from srcad.ir.members import label
from srcad.ir.nodes import (
    Block,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Stmt,
    Store,
    Var,
    statements,
)
from srcad.ir.types import INT, kind_of
from srcad.transformation import is_transform

Axes = int | None | tuple["Axes", ...] | Mapping[str | int, "Axes"]
"""Which axis of the arrays of an argument the members lie along; None: all have it in common."""


@dataclass(eq=False)
class _Array:
    """An array among the arguments of a batch."""

    value: ArrayValue
    axis: int | None
    """The axis that the members lie along; None for an array that they have in common."""
    label: str
    is_written: bool = False


@dataclass(frozen=True)
class _Structure:
    """A structure among the arguments."""

    value: TupleValue
    items: tuple[_Argument, ...]


_Argument = _Array | _Structure | Value


@dataclass(frozen=True)
class _Call:
    """A call of a function for each member."""

    function: Value
    values: list[_Argument]
    keywords: dict[str, _Argument]
    title: str

    def arrays(self) -> list[_Array]:
        """The arrays among the arguments."""
        return [a for v in (*self.values, *self.keywords.values()) for a in _arrays(v)]


@dataclass(frozen=True)
class _Mark:
    """Where elaboration stood before a batch was tried."""

    moment: Moment
    names: set[str]
    loci: dict[str, int]
    put_off: tuple[list[Duplicate], dict[str, Any], dict[str, Any], dict[str, Any]]


class Batches(Jacobians):
    """Maps functions over the members of arrays."""

    members: list[str]
    """The counters of the loops over members."""

    @abstractmethod
    def _kept_names(self) -> set[str]:
        """Names of variables that stay when a piece of the program is elaborated again."""

    def call_special(
        self, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """A call of ``srcad.batch`` itself, or of what is no batch."""
        if is_transform(function) and function.__name__ == "batch":
            return self._batch(*values, **{k: v for k, v in keywords.items() if k not in OPTIONS})
        return super().call_special(function, values, keywords)

    def _batch(self, function: Value, axes: Value = ZERO) -> Value:
        """``srcad.batch(f, axes)``."""
        return DerivedFunction("batch", function, (), True, axes=self._known_axes(axes))

    def _known_axes(self, value: Value) -> Axes:
        """Axes that are written in the program."""
        value = self.snapshot(value)
        known = self.b.constant(value)
        if known is not None:
            return known
        match value:
            case StaticValue(value=None):
                return None
            case TupleValue(items=items, keys=keys):
                found = [self._known_axes(v) for v in items]
                return dict(zip(keys, found, strict=True)) if keys else tuple(found)
        raise self.b.refuse(
            "the axes of a batch must be known beforehand", "write axes=0 or axes=(0, None)"
        )

    def call_derived(
        self, derived: DerivedFunction, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A call of what ``batch`` returns, or of a derivative."""
        if derived.kind != "batch":
            return super().call_derived(derived, values, keywords)
        names, axes = self._parameters_of(derived.function), derived.axes
        titles = [*names, *(f"argument {k}" for k in range(len(names), len(values)))]
        titles = titles[: len(values)]
        call = _Call(
            derived.function,
            [
                self._argument(
                    v,
                    _axis_of(axes, k, names[k : k + 1]),
                    names[k] if k < len(names) else f"argument {k}",
                )
                for k, v in enumerate(values)
            ],
            {
                n: self._argument(v, _axis_of(axes, names.index(n) if n in names else None, [n]), n)
                for n, v in keywords.items()
            },
            self.title_of(derived.function),
        )
        return self._batched(call)

    # ------------------------------------------------------------ arguments

    def _argument(self, value: Value, axes: tuple[Axes, bool], label: str) -> _Argument:
        """An argument, its arrays found; ``axes``: where members lie, and whether they must."""
        found = self._planned(self.kept(self.snapshot(value)), axes[0], label)
        if axes[1] and axes[0] is not None and all(a.axis is None for a in _arrays(found)):
            raise ArgumentError(
                f"axes maps over {label!r}, which holds no array",
                self.b.here,
                "give None for what all members have in common",
            )
        return found

    def _planned(self, value: Value, axes: Axes, title: str) -> _Argument:
        if isinstance(value, OptionalValue) and axes is not None:
            value = scalars.given(self.b, value)
        match value:
            case TupleValue():
                parts = self._axes_of_items(value, axes, title)
                pairs = enumerate(zip(value.items, parts, strict=True))
                items = [
                    self._planned(v, a, title + label(value.cls, value.keys, k))
                    for k, (v, a) in pairs
                ]
                return _Structure(value, tuple(items))
            case ListValue() if axes is not None:
                listed = arrays.listed(self.b, value)
                return self._planned(arrays.materialise(self.b, listed, "items"), axes, title)
            case ArrayValue(ndim=0):
                return value.element(())
            case ArrayValue(ndim=ndim):
                if axes is None or isinstance(axes, int):
                    if axes is not None and not -ndim <= axes < ndim:
                        raise ArgumentValueError(
                            f"{title} has {ndim} axes: there is no axis {axes} to map over",
                            self.b.here,
                        )
                    return _Array(value, None if axes is None else axes % ndim, title)
        if not (axes is None or isinstance(axes, int)):
            raise ArgumentError(f"axes has members for {title}, which is no structure", self.b.here)
        return value

    def _axes_of_items(self, value: TupleValue, axes: Axes, label: str) -> list[Axes]:
        """The axes of the members of a structure."""
        size = len(value.items)
        if axes is None or isinstance(axes, int):
            return [axes] * size
        if isinstance(axes, Mapping) and value.keys and set(axes) <= set(value.keys):
            return [axes.get(key) for key in value.keys]
        names = getattr(value.cls, "_fields", ())
        if isinstance(axes, Mapping) and names and set(axes) <= set(names):
            return [axes.get(key) for key in names]
        if not isinstance(axes, Mapping) and not value.keys and len(axes) == size:
            return list(axes)
        raise ArgumentError(f"axes does not have the structure of {label}", self.b.here)

    def _count_of(self, call: _Call) -> Expr:
        """The number of members, on which all arguments must agree."""
        mapped = [a for a in call.arrays() if a.axis is not None]
        if not mapped:
            raise ArgumentError(
                f"a batch of {call.title} has no array to map over",
                self.b.here,
                "give an array with one more axis, and name its axis in axes",
            )
        first = mapped[0]
        count = first.value.extents[first.axis]  # type: ignore[index]
        for other in mapped[1:]:
            extent = other.value.extents[other.axis]  # type: ignore[index]
            if extent == count:
                continue
            message = f"batch: {first.label} and {other.label} have different numbers of members"
            test = compare("==", count, extent)
            if isinstance(test, Const) and not test.value:
                raise ArgumentValueError(message, self.b.here)
            self.b.check(test, "ValueError", message)
        return self.b.hold(count, "n") if not isinstance(count, Extent) else count

    def _for_member(self, argument: _Argument, member: Expr) -> Value:
        """The argument of one member."""
        if isinstance(argument, _Structure):
            items = [self._for_member(a, member) for a in argument.items]
            return self._of_structure(argument.value, items)
        if not isinstance(argument, _Array):
            return argument
        value = argument.value
        if argument.axis is not None:
            return _row(self.b, value, argument.axis, member)
        return self._copy_of(value, argument.label) if argument.is_written else value

    def _copy_of(self, value: ArrayValue, base: str) -> ArrayValue:
        """A copy of an array, to be written."""
        view = value.view
        if view is None or view.base in self.b.strided or not arrays.is_base(self.b, value):
            return arrays.materialise(self.b, value, base)
        name = self.b.names.fresh(base)
        arrays.declare(self.b, name, value.dtype, self.b.extents[view.base])
        self.b.emit(Copy(name, view.base, self.b.at))
        return arrays.whole(self.b, name, value.units)

    # ------------------------------------------------------------ the loop

    def _batched(self, call: _Call) -> Value:
        """The loop over the members; what it collects."""
        count = self._count_of(call)
        mark = self._mark()
        body, counter, result = self._looped(call)
        written = self._written_by_members(call, body)
        if written:
            self._reset(mark)
            for array in written:
                array.is_written = True
                if array.axis is not None:
                    array.value = self._copy_of(array.value, array.label)
            mark = self._mark()
            body, counter, result = self._looped(call)
            self._written_by_members(call, body)
        leaves = list(_leaves(result))
        shapes = [_shape(leaf, tuple(body), counter) for leaf in leaves]
        start: Expr = ZERO
        if all(shape is not None for shape in shapes):
            outs = [
                self._collector(count, shape, leaf)
                for leaf, shape in zip(leaves, shapes, strict=True)
                if shape is not None
            ]
        else:
            self._reset(mark)
            start, outs = ONE, self._run_first(call, count)
            body, counter, result = self._looped(call)
            leaves = list(_leaves(result))
        with self.b.into(body):
            for out, leaf in zip(outs, leaves, strict=True):
                self._collect(out, counter, leaf, is_checked=start == ONE)
        self.b.emit(For(counter, start, count, ONE, tuple(body), None, self.b.at))
        self.members.append(counter.name)
        return self.rebuilt(result, iter(outs))

    def _run_first(self, call: _Call, count: Expr) -> list[ArrayValue]:
        """Run the first member, whose result tells the shapes of all; returns what collects."""
        self.b.check(
            compare(">", count, ZERO),
            "ValueError",
            f"an empty batch of {call.title}: the shape of its result is known when it ran only",
        )
        outs: list[ArrayValue] = []
        for leaf in _leaves(self._run_member(call, ZERO, self.b.block)):
            shape = leaf.extents if isinstance(leaf, ArrayValue) else ()
            outs.append(self._collector(count, shape, leaf))
            self._collect(outs[-1], ZERO, leaf, is_checked=False)
        return outs

    def _looped(self, call: _Call) -> tuple[list[Stmt], Var, Value]:
        """The statements of one member, their counter, and the result."""
        counter = Var(self.b.names.fresh("member"), INT)
        body: list[Stmt] = []
        self.b.counters.append((counter.name, True))
        with self.b.into(body):
            result = self._run_member(call, counter, body)
        self.b.counters.pop()
        return body, counter, result

    def _run_member(self, call: _Call, member: Expr, block: list[Stmt]) -> Value:
        """The statements of one member, written into the current block; its result."""
        before, seen = self.moment(), [(s, dict(s.env)) for s in self.frames]
        start = len(block)
        found = self.call_value(
            call.function,
            [self._for_member(a, member) for a in call.values],
            {n: self._for_member(a, member) for n, a in call.keywords.items()},
            self.scope.source.node,
        )
        if self.changes_outside(tuple(block[start:]), before, seen):
            raise self.b.refuse(
                f"{call.title}, which is called for each member of a batch, changes an object from "
                "outside",
                "return what it computes",
            )
        if isinstance(found, StaticValue) and found.value is None:
            raise self.b.refuse(
                f"a batch of {call.title}, which returns nothing", "return what is to be collected"
            )
        return self._settled_result(self.snapshot(found))

    def _settled_result(self, value: Value) -> Value:
        """A result whose leaves are numbers and arrays."""
        match value:
            case TupleValue():
                return value.of(self._settled_result(v) for v in value.items)
            case OptionalValue():
                return self._settled_result(scalars.given(self.b, value))
            case ArrayValue(ndim=0):
                return value.element(())
            case ArrayValue() if value.scatter is not None or value.masked is not None:
                return arrays.materialise(self.b, value, "t")
            case ObjectValue() | Outside():
                return self.returned(value)
            case ArrayValue() | StaticValue():
                return value
        if isinstance(value, Expr):
            return value
        raise self.b.refuse(
            "what a batch collects is made of numbers and arrays", "return np.array(...) of it"
        )

    def _written_by_members(self, call: _Call, block: list[Stmt]) -> list[_Array]:
        """The arguments that the function writes, of which the members have no copies yet."""
        body = tuple(block)
        sites = points_to(body, set(self.b.arrays))
        made = assigned(body) | {
            a.value.view.base for a in call.arrays() if a.is_written and a.value.view is not None
        }
        outside = stored_sites(body, sites) - made
        if not outside:
            return []
        bases = {a.value.view.base: a for a in call.arrays() if a.value.view is not None}
        read = {n for s in statements(body) for n in reads_of(s)} & set(self.b.arrays) - made
        for name in outside:
            if name not in bases:
                raise self.b.refuse(
                    f"{call.title}, which is called for each member of a batch, writes an array "
                    "from outside",
                    "return what it computes",
                )
            twins = [
                a for a in call.arrays() if a.value.view is not None and a.value.view.base == name
            ]
            others = (n for n in read if n != name and arrays.may_alias(self.b, n, name))
            if len(twins) > 1 or any(others):
                raise self.b.refuse(
                    f"{call.title} writes {twins[0].label}, an array that it may be given twice",
                    "pass a copy: a.copy()",
                )
            self.lent.add(name)
        return [bases[name] for name in sorted(outside)]

    # ------------------------------------------------------------ results

    def _collector(
        self, count: Expr, shape: tuple[Expr, ...], leaf: Expr | ArrayValue
    ) -> ArrayValue:
        """A new array for a leaf of all results."""
        dtype = leaf.dtype if isinstance(leaf, ArrayValue) else leaf.kind
        return arrays.unwritten(self.b, "result", (count, *shape), dtype)

    def _collect(
        self, out: ArrayValue, member: Expr, leaf: Expr | ArrayValue, *, is_checked: bool
    ) -> None:
        """Store a leaf of the result of a member."""
        assert out.view is not None
        base, kind = out.view.base, kind_of(out.dtype)

        def put(at: tuple[Expr, ...], item: Expr) -> None:
            item = self.b.convert(item, kind)
            self.b.emit(Store(base, (member, *at), item, True, self.b.at))

        if isinstance(leaf, Expr):
            put((), leaf)
            return
        if is_checked:
            for k, extent in enumerate(leaf.extents, 1):
                test = compare("==", extent, Extent(base, k))
                message = "batch: the results of the members have different shapes"
                if not (isinstance(test, Const) and test.value):
                    self.b.check(test, "ValueError", message)
        arrays.over(self.b, leaf.extents, lambda at: put(at, leaf.element(at)))

    # ------------------------------------------------------------ a second attempt

    def _mark(self) -> _Mark:
        b = self.b
        put_off = [*b.duplicates], dict(b.snapshots), dict(b.grown), dict(b.kept)
        return _Mark(self.moment(), set(b.names.used), dict(self.loci), put_off)

    def _reset(self, mark: _Mark) -> None:
        """Forget what was elaborated since: it is elaborated again."""
        b = self.b
        self.resume(mark.moment)
        b.names.release(mark.names | self._kept_names())
        self.loci = dict(mark.loci)
        b.duplicates, b.snapshots, b.grown, b.kept = mark.put_off


def _axis_of(axes: Any, position: int | None, names: list[str]) -> tuple[Axes, bool]:
    """The axes of an argument, and whether they were asked for by name or position."""
    if axes is None or isinstance(axes, int):
        return axes, False
    if isinstance(axes, Mapping):
        keys = [*names, position]
        found = next((k for k in keys if k in axes), None)
        return (None, False) if found is None else (axes[found], True)
    if position is None or position >= len(axes):
        return None, False
    return axes[position], True


def _arrays(argument: _Argument) -> Iterator[_Array]:
    if isinstance(argument, _Array):
        yield argument
    if isinstance(argument, _Structure):
        for item in argument.items:
            yield from _arrays(item)


def _row(b: Any, value: ArrayValue, axis: int, k: Expr) -> Expr | ArrayValue:
    """Element ``k`` along an axis of an array, known to exist."""
    assert value.view is not None
    rest = [a for a in range(value.ndim) if a != axis]
    if not rest:
        return value.element((k,))
    view = indexing.composed(value.view, {axis: k}, [(a, ZERO, 1) for a in rest])
    extents, units = ([e[a] for a in rest] for e in (value.extents, value.units))
    return arrays.viewed(b, view, tuple(extents), tuple(units))  # type: ignore[arg-type]


def _leaves(result: Value) -> Iterator[Expr | ArrayValue]:
    """The numbers and arrays of a result."""
    if isinstance(result, TupleValue):
        for item in result.items:
            yield from _leaves(item)
    elif isinstance(result, Expr | ArrayValue):
        yield result


def _shape(leaf: Expr | ArrayValue, body: Block, counter: Var) -> tuple[Expr, ...] | None:
    """The shape of a leaf as it is known before the loop; None if it is not."""
    if isinstance(leaf, Expr):
        return ()
    found = [before_loop(e, body, counter) for e in leaf.extents]
    known = tuple(e for e in found if e is not None)
    return known if len(known) == leaf.ndim else None
