"""What ``jacobian`` and ``hessian`` return: a function of the same arguments.

The whole matrix of all outputs by all inputs is computed, column by column (forward mode) or row
by row (reverse mode), and taken apart into blocks, one for each pair of an output and an input.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from srcad.backend.samples import sampled
from srcad.binding import Signature, Wrt
from srcad.config import Options
from srcad.errors import ArgumentError, ArgumentValueError, UnsupportedError
from srcad.ir.typeof import describe, quick_key
from srcad.ir.types import Array, Scalar, Tuple, Type, is_complex
from srcad.outputs import Outputs, floats_of
from srcad.rules.registry import generation
from srcad.sparsity import Detector, Pattern, Planner, pattern_of, symmetrised
from srcad.specialise import Types, Variant, Variants, require_floats, types_of
from srcad.structure import arranged, as_leaves, count, number
from srcad.sweeps import (
    Leaves,
    Point,
    Seeds,
    Sweeps,
    leaves_of,
    pulled,
    pushed,
    types_of_floats,
    units,
)
from srcad.transformation import Transformation
from srcad.transformed import Transformed

Mode = Literal["auto", "fwd", "rev"]
_SIZES = 256
"""Kinds of arguments for which the number of outputs is remembered."""
_COLUMNS = 4
"""Columns that cost less than a row, where several share a run."""
Blocks = Callable[[int, int], Any]
"""The block of an output and an input, by the numbers of their leaves."""


class _Plan(NamedTuple):
    """How a dense matrix is made of columns, for arguments of given types and sizes."""

    variant: Variant
    inputs: Leaves
    out_type: Type
    like: tuple[Scalar | Array, ...]
    """The types of the outputs' floats."""
    types: tuple[Type, ...]
    """The types of the arguments in wrt."""


class _Matrix(Transformed):
    """What Jacobians and Hessians have in common."""

    def __init__(
        self,
        function: Callable[..., Any],
        wrt: Wrt,
        sparsity: Any,
        options: Options,
        outputs: tuple[str, ...] = (),
        mode: Mode = "auto",
    ) -> None:
        self._signature = Signature(function)
        functools.update_wrapper(self, self._signature.function)  # pyright: ignore[reportArgumentType]
        self.__srcad_primal__ = function
        self._wrt = self._signature.resolve(wrt)
        self._is_single = not isinstance(wrt, tuple)
        self._options = options
        kind = type(self).__name__.lower()
        given = "outputs" if outputs else "sparsity" if sparsity is not None else ""
        self.__srcad_transformation__ = Transformation(
            kind,
            function,
            self._wrt,
            self._is_single,
            refused=f"a {kind} with {given}= inside of a function" if given else "",
            mode=mode,
        )
        self._latest: Variant | None = None
        self._accepted: dict[Hashable, Types] = {}
        """The types of arguments, by their quick keys, where they are known to have a matrix."""
        self._plans: dict[Hashable, _Plan] = {}
        """How dense matrices are made, by the types and sizes of arguments."""
        self._sparsity: Pattern | Literal["detect"] | None = sparsity
        if sparsity is not None and not (isinstance(sparsity, str) and sparsity == "detect"):
            self._sparsity = pattern_of(sparsity)
        self._detector = Detector(options)
        self._planner = Planner(options)

    def __repr__(self) -> str:
        wrt = self._wrt[0] if self._is_single else self._wrt
        name = type(self).__name__.lower()
        return f"<srcad.{name} of {self._signature}, wrt={wrt!r}>"

    def source(self, *args: Any, **kwargs: Any) -> str:
        """The generated Python source of one sweep for arguments like these.

        Without arguments: that of the latest call.
        """
        if not args and not kwargs and self._latest is not None and self._signature.names:
            return self._latest.program.text
        return self._variant_for(self._point(args, kwargs, is_rehearsal=True)).program.text

    def compile(self, *args: Any, **kwargs: Any) -> Self:
        """Compile for arguments, or types of arguments, like these; returns the object itself."""
        args, kwargs = sampled(args), sampled(kwargs)
        point = self._point(args, kwargs, is_rehearsal=True)
        variant = self._variant_for(point)
        given = self._given(variant, point)
        columns = np.zeros((given.size, 1))
        variant.compile([*point.inputs(variant), *given.spread(columns, variant.program.lanes)])
        return self

    def eject(self, path: str | Path, *args: Any, **kwargs: Any) -> Path:
        """Write a module that computes the matrix, and imports NumPy and Numba only.

        In forward mode, with all columns in one run, for one number or array by one number or
        array. Values that the function captures become arguments of the module's function, after
        its own. Returns the path.

        Raises
        ------
        ArgumentError
            There are several inputs or outputs, or ``sparsity``, or mode "rev" is asked for.
        UnsupportedError
            f calls itself.
        """
        from srcad.backend.eject import Matrix, eject  # noqa: PLC0415 (imports Numba)

        point = self._point(args, kwargs, is_rehearsal=True)
        variant, results = self._ejected(point)
        (first, *_), names = self._wrt, self._signature.names
        before = point.types[: names.index(first)]
        moving = [t for type_ in self._types(point) for t in types_of_floats(type_)]
        if self._sparsity is not None or len(results) != 1 or len(moving) != 1:
            raise ArgumentError(
                "only a dense matrix of one number or array by one number or array can be ejected"
            )
        if not variant.program.lanes:
            raise UnsupportedError(
                f"{self._signature.name} calls itself: its columns take a run each",
                hint="eject a derivative made by grad",
            )
        spot = sum(count(t, floats_only=False) for t in before)
        kind = type(self).__name__.lower()
        title = f"{variant.program.entry.rpartition(f'_{variant.kind}')[0]}_{kind}"
        matrix = Matrix(title, spot, isinstance(moving[0], Scalar), variant.kind == "jvp")
        return eject(variant.program, Path(path), variant.options, matrix)

    def _ejected(self, point: Point) -> tuple[Variant, list[Scalar | Array]]:
        """The program of forward mode, and the types of its results."""
        raise NotImplementedError

    def _point(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], is_rehearsal: bool = False
    ) -> Point:
        """The arguments of a call; refuses those that have no Jacobian."""
        signature = self._signature
        is_whole = not kwargs and len(args) == signature.arity
        values = args if is_whole else signature.bind(args, kwargs)
        try:
            key = tuple([quick_key(v) for v in values])
            types = self._accepted.get(key)
        except ArgumentError:
            types_of(signature.names, values)  # says which argument it is
            raise
        if types is None:
            types = types_of(signature.names, values)
            require_floats(signature.names, types, self._wrt)
            _require_real(signature.names, types, self._wrt)
            self._accepted[key] = types
        return Point(values, types, is_rehearsal=is_rehearsal)

    def _planned(self, point: Point) -> _Plan | None:
        """How the matrix is made at this point, if a call before has found that out."""
        plan = self._plans.get((point.types, point.sizes))
        if plan is None or plan.variant.generation != generation():
            return None
        return plan if plan.variant.is_valid(self._signature.code) else None

    def _keep(self, point: Point, plan: _Plan) -> _Plan:
        if len(self._plans) >= _SIZES:
            self._plans.clear()
        self._plans[point.types, point.sizes] = plan
        return plan

    def _types(self, point: Point) -> list[Type]:
        """The types of the arguments in wrt."""
        by_name = dict(zip(self._signature.names, point.types, strict=True))
        return [by_name[name] for name in self._wrt]

    def _inputs(self, point: Point) -> Leaves:
        """The floats in the arguments in wrt."""
        by_name = dict(zip(self._signature.names, point.values, strict=True))
        types = self._types(point)
        found = [x for n, t in zip(self._wrt, types, strict=True) for x in floats_of(by_name[n], t)]
        return leaves_of(found, Tuple(tuple(types)))

    def _variant_for(self, point: Point) -> Variant:
        raise NotImplementedError

    def _given(self, variant: Variant, point: Point) -> Leaves:
        """What a sweep is given: tangents or seeds."""
        raise NotImplementedError


class Jacobian(_Matrix):
    """The derivative of all outputs of a function by all floats of arguments.

    Made by ``srcad.jacobian``. Calls may come from several threads.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        wrt: Wrt = 0,
        mode: Mode = "auto",
        sparsity: Any = None,
        outputs: tuple[str, ...] = (),
        options: Options | None = None,
    ) -> None:
        chosen = options or Options()
        super().__init__(function, wrt, sparsity, chosen, outputs, mode)
        self._mode: Mode = mode
        self._outputs = Outputs(self._signature, outputs)
        self._primal = Variants(self._signature, "primal", chosen, outputs)
        self._forward = Variants(self._signature, "jvp", chosen, outputs)
        self._lanes = Variants(self._signature, "jvp", chosen, outputs, lanes=True)
        self._reverse = Variants(self._signature, "vjp", chosen, outputs)
        self._sets = Variants(self._signature, "pattern", chosen, outputs)
        self._without_forward: set[Types] = set()
        self._sizes: dict[Hashable, int] = {}
        """How many outputs there were for arguments like these; only the mode hangs on it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The Jacobian at these arguments, which are those of the primal and are never changed.

        Raises
        ------
        UnsupportedError
            The function uses something that srcad cannot differentiate (at the first call).
        ArgumentError, ArgumentValueError
            The arguments do not fit the function, or have no Jacobian.
        Exception
            Whatever the function itself raises.
        """
        point = self._point(args, kwargs)
        if self._sparsity is not None:
            return self._sparse(point, self._inputs(point), self._sparsity)
        plan = self._planned(point) or self._new_plan(point)
        variant = self._latest = plan.variant
        inputs, out_type = plan.inputs, plan.out_type
        if variant.kind == "jvp" and inputs.size:
            sweeps = Sweeps(variant, point, inputs, self._returned(variant), len(plan.like))
            matrix, out = pushed(sweeps, units(inputs.size), inputs.size, plan.like)
        else:
            variant = self._latest = self._reverse.find(point.types, self._wrt)
            out = self._evaluated(point)
            sweeps = Sweeps(variant, point, out, 0, len(inputs.items))
            matrix = pulled(sweeps, units(out.size), out.size, inputs)
        return self._arranged(out_type, plan.types, _dense(matrix, out, inputs))

    def _new_plan(self, point: Point) -> _Plan:
        variant = self._variant_for(point)
        out_type, types = self._out_type(variant, point), tuple(self._types(point))
        like = tuple(types_of_floats(out_type))
        return self._keep(point, _Plan(variant, self._inputs(point), out_type, like, types))

    def _pushed(
        self, variant: Variant, point: Point, inputs: Leaves, seeds: Seeds, count: int
    ) -> tuple[np.ndarray, Leaves]:
        """What tangents become, and the outputs."""
        like = tuple(types_of_floats(self._out_type(variant, point)))
        sweeps = Sweeps(variant, point, inputs, self._returned(variant), len(like))
        return pushed(sweeps, seeds, count, like)

    # ------------------------------------------------------------ sparse

    def pattern(self, *args: Any, **kwargs: Any) -> Any:
        """Where the Jacobian has entries: a sparse matrix of bools, by all outputs and all inputs.

        It can be given as ``sparsity`` to ``srcad.jacobian``, for arguments at which the function
        takes the same branches.
        """
        point = self._point(args, kwargs, is_rehearsal=True)
        found = self._detected(point, self._inputs(point))
        return found.matrix(np.ones(found.indices.size, np.bool_))

    def _detected(self, point: Point, inputs: Leaves) -> Pattern:
        variant = self._sets.find(point.types, self._wrt)
        count = len(list(types_of_floats(self._out_type(variant, point))))
        return self._detector(variant, point, inputs, count)

    def _sparse(self, point: Point, inputs: Leaves, given: Pattern | Literal["detect"]) -> Any:
        """Blocks of a sparse matrix, from few sweeps."""
        mode = self._mode
        if mode == "auto" and self._ahead_or_none(point.types, inputs.size) is None:
            mode = "rev"
        pattern = self._detected(point, inputs) if given == "detect" else given
        _require_shape(pattern, None, inputs.size)
        plan = self._planner(pattern, mode)
        probe = None if given == "detect" else plan.probe
        seeds, count = (plan.columns, plan.count) if probe is None else (probe.columns, probe.count)
        if plan.direction == "fwd" and count:
            variant = self._ahead(point.types, count)
            found, out = self._pushed(variant, point, inputs, seeds, count)
            _require_shape(pattern, out.size, inputs.size)
        else:
            variant = self._reverse.find(point.types, self._wrt)
            out = self._evaluated(point)
            _require_shape(pattern, out.size, inputs.size)
            sweeps = Sweeps(variant, point, out, 0, len(inputs.items))
            found = pulled(sweeps, seeds, count, inputs).T
        self._latest = variant
        if probe is not None:
            probe.check(found)
        matrix = pattern.matrix(plan.entries(found))
        out_type = self._out_type(variant, point)
        return self._arranged(out_type, self._types(point), _sparse_blocks(matrix, out, inputs))

    # ------------------------------------------------------------ which mode

    def _variant_for(self, point: Point) -> Variant:
        inputs = self._inputs(point).size
        if self._mode == "fwd":
            return self._ahead(point.types, inputs)
        if self._mode == "auto":
            size = inputs if inputs <= 1 else self._count(point)
            if inputs <= (_COLUMNS * size if size >= _COLUMNS else size):
                found = self._ahead_or_none(point.types, inputs)
                if found is not None and (found.program.lanes or inputs <= size):
                    return found
        return self._reverse.find(point.types, self._wrt)

    def _ahead(self, types: Types, count: int) -> Variant:
        """The program in forward mode, for ``count`` columns."""
        return (self._forward if count == 1 else self._lanes).find(types, self._wrt)

    def _ahead_or_none(self, types: Types, count: int) -> Variant | None:
        """The same; None if a rule is for reverse mode only."""
        if types in self._without_forward:
            return None
        try:
            return self._ahead(types, count)
        except UnsupportedError:
            self._reverse.find(types, self._wrt)  # raises if that is refused too
            self._without_forward.add(types)
            return None

    def _count(self, point: Point) -> int:
        """How many outputs there are."""
        key = point.types, point.sizes
        size = self._sizes.get(key)
        if size is None:
            if len(self._sizes) >= _SIZES:
                self._sizes.clear()
            size = self._sizes[key] = self._evaluated(point).size
        return size

    # ------------------------------------------------------------ outputs

    def _out_type(self, variant: Variant, point: Point) -> Type:
        """The type of the output."""
        return self._outputs.type_of(variant.program.result, self._outputs.named(point.types))

    def _returned(self, variant: Variant) -> int:
        """How many leaves the primal returns."""
        return count(variant.program.result, floats_only=False) + len(self._outputs.names)

    def _evaluated(self, point: Point) -> Leaves:
        """The outputs; the primal runs if their shapes are not known."""
        variant = self._primal.find(point.types, self._wrt)
        out_type = self._out_type(variant, point)
        types = list(types_of_floats(out_type))
        if all(isinstance(t, Scalar) for t in types):
            return leaves_of([0.0] * len(types), out_type)
        named = self._outputs.named(point.types)
        returned = as_leaves(point.run(variant, point.inputs(variant)), self._returned(variant))
        value = self._outputs.value_of(variant.program.result, named, returned)
        return leaves_of(floats_of(value, out_type), out_type)

    def _given(self, variant: Variant, point: Point) -> Leaves:
        return self._inputs(point) if variant.kind == "jvp" else self._evaluated(point)

    def _ejected(self, point: Point) -> tuple[Variant, list[Scalar | Array]]:
        if self._mode == "rev":
            raise ArgumentError("a Jacobian of mode 'rev' cannot be ejected", hint="use mode 'fwd'")
        variant = self._lanes.find(point.types, self._wrt)
        return variant, list(types_of_floats(self._out_type(variant, point)))

    def _arranged(self, out_type: Type, types: Sequence[Type], blocks: Blocks) -> Any:
        """The blocks in the structure of the outputs and, within, of each argument."""
        found: list[Any] = []
        first = 0
        for type_ in types:
            columns = range(first, first + count(type_, floats_only=True))
            rows = range(count(out_type, floats_only=True))
            parts = (arranged(type_, (blocks(i, j) for j in columns)) for i in rows)
            found.append(arranged(out_type, parts))
            first = columns.stop
        return found[0] if self._is_single else tuple(found)


class Hessian(_Matrix):
    """The second derivatives of a function of one float result.

    Made by ``srcad.hessian``. Calls may come from several threads.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        wrt: Wrt = 0,
        sparsity: Any = None,
        options: Options | None = None,
    ) -> None:
        chosen = options or Options()
        super().__init__(function, wrt, sparsity, chosen)
        if isinstance(self._sparsity, Pattern):
            rows, columns = self._sparsity.shape
            if rows != columns:
                raise ArgumentValueError(
                    f"the pattern of a Hessian is square, not of shape {self._sparsity.shape}"
                )
            self._sparsity = symmetrised(self._sparsity)
        self._products = Variants(self._signature, "hvp", chosen)
        self._lanes = Variants(self._signature, "hvp", chosen, lanes=True)
        self._sets = Variants(self._signature, "hessian_pattern", chosen)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The Hessian at these arguments, which are those of the primal and are never changed.

        Raises
        ------
        UnsupportedError
            The function uses something that srcad cannot differentiate (at the first call).
        ArgumentError, ArgumentValueError
            The arguments do not fit the function, or have no Hessian.
        Exception
            Whatever the function itself raises.
        """
        point = self._point(args, kwargs)
        plan = self._planned(point) or self._new_plan(point)
        variant, inputs, types = plan.variant, plan.inputs, plan.types
        self._latest = variant
        given = self._sparsity
        if given is None:
            matrix = self._pushed(plan, point, units(inputs.size), inputs.size)
            return self._arranged(types, _dense(matrix, inputs, inputs))
        pattern = self._detected(point, inputs) if given == "detect" else given
        _require_shape(pattern, inputs.size, inputs.size)
        colours = self._planner(pattern, "symmetric")
        probe = None if given == "detect" else colours.probe
        chosen = colours if probe is None else probe
        seeds, count = chosen.columns, chosen.count
        found = self._pushed(plan, point, seeds, count)
        if probe is not None:
            probe.check(found)
        matrix = pattern.matrix(colours.entries(found))
        return self._arranged(types, _sparse_blocks(matrix, inputs, inputs))

    def pattern(self, *args: Any, **kwargs: Any) -> Any:
        """Where the Hessian has entries: a symmetric sparse matrix of bools.

        It can be given as ``sparsity`` to ``srcad.hessian``, for arguments at which the function
        takes the same branches.
        """
        point = self._point(args, kwargs, is_rehearsal=True)
        found = self._detected(point, self._inputs(point))
        return found.matrix(np.ones(found.indices.size, np.bool_))

    def _detected(self, point: Point, inputs: Leaves) -> Pattern:
        variant = self._sets.find(point.types, self._wrt)
        return symmetrised(self._detector(variant, point, inputs, len(inputs.items)))

    def _new_plan(self, point: Point) -> _Plan:
        types = tuple(self._types(point))
        like = tuple(t for type_ in types for t in types_of_floats(type_))
        inputs, whole = self._inputs(point), Tuple(types)
        return self._keep(point, _Plan(self._variant_for(point), inputs, whole, like, types))

    def _pushed(self, plan: _Plan, point: Point, seeds: Seeds, count: int) -> np.ndarray:
        """The Hessian times vectors."""
        sweeps = Sweeps(plan.variant, point, plan.inputs, 0, len(plan.like))
        matrix, _ = pushed(sweeps, seeds, count, plan.like)
        return matrix if count else np.empty((plan.inputs.size, 0))

    def _variant_for(self, point: Point) -> Variant:
        products = self._products if self._inputs(point).size == 1 else self._lanes
        return products.find(point.types, self._wrt)

    def _given(self, variant: Variant, point: Point) -> Leaves:
        return self._inputs(point)

    def _ejected(self, point: Point) -> tuple[Variant, list[Scalar | Array]]:
        variant = self._lanes.find(point.types, self._wrt)
        return variant, [t for type_ in self._types(point) for t in types_of_floats(type_)]

    def _arranged(self, types: Sequence[Type], blocks: Blocks) -> Any:
        """For each pair of arguments: the blocks in the structure of one and, within, the other."""
        ranges: list[range] = []
        for type_ in types:
            start = ranges[-1].stop if ranges else 0
            ranges.append(range(start, start + count(type_, floats_only=True)))

        def pair(one: int, other: int) -> Any:
            parts = (
                arranged(types[other], (blocks(i, j) for j in ranges[other])) for i in ranges[one]
            )
            return arranged(types[one], parts)

        pairs = tuple(tuple(pair(a, b) for b in range(len(types))) for a in range(len(types)))
        return pairs[0][0] if self._is_single else pairs


def _dense(matrix: np.ndarray, out: Leaves, inputs: Leaves) -> Blocks:
    """Blocks of an array, in the shape of the output and then of the input."""

    def block(i: int, j: int) -> Any:
        row, column = out.items[i], inputs.items[j]
        found = matrix[out.slices[i], inputs.slices[j]]
        if row.is_number and column.is_number:
            return number(found[0, 0], row.kind)
        return np.ascontiguousarray(found, row.kind).reshape(row.shape + column.shape)

    return block


def _sparse_blocks(matrix: Any, out: Leaves, inputs: Leaves) -> Blocks:
    """Blocks of a sparse matrix, each by all numbers of the output and of the input."""

    def block(i: int, j: int) -> Any:
        found = matrix
        if len(out.items) > 1 or len(inputs.items) > 1:
            found = matrix[out.slices[i], inputs.slices[j]]
        kind = out.items[i].kind
        found = found if is_complex(kind) else found.real
        return found.astype(kind, copy=False)

    return block


def _require_shape(pattern: Pattern, rows: int | None, columns: int) -> None:
    """Refuse a pattern that is not one of so many outputs (None: not known yet) and inputs."""
    if pattern.shape != (pattern.shape[0] if rows is None else rows, columns):
        outputs = "" if rows is None else f"{rows} outputs and "
        raise ArgumentValueError(
            f"the pattern given as sparsity has shape {pattern.shape}; there are {outputs}"
            f"{columns} inputs"
        )


def _require_real(names: Sequence[str], types: Types, wrt: Sequence[str]) -> None:
    for name, type_ in zip(names, types, strict=True):
        if name not in wrt:
            continue
        for t in types_of_floats(type_):
            if is_complex(t.kind if isinstance(t, Scalar) else t.dtype):
                raise ArgumentError(
                    f"asking for the Jacobian with respect to {name!r}, which is "
                    f"{describe(type_)}: a function of complex numbers has one only if it is "
                    "holomorphic",
                    hint="differentiate by real and imaginary parts, or use jvp and vjp",
                )
