"""What ``jacobian`` and ``hessian`` return: a function of the same arguments.

The whole matrix of all outputs by all inputs is computed, column by column (forward mode) or row
by row (reverse mode), and taken apart into blocks, one for each pair of an output and an input.
"""

import functools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from srcad.binding import Signature, Wrt
from srcad.config import Options
from srcad.errors import ArgumentError, UnsupportedError
from srcad.ir.members import assemble
from srcad.ir.typeof import describe
from srcad.ir.types import Array, Scalar, Tuple, Type, is_complex, is_inexact
from srcad.outputs import Outputs, floats_of
from srcad.show import show
from srcad.specialise import Types, Variant, Variants, require_floats, types_of
from srcad.structure import as_leaves, count, number
from srcad.sweeps import Leaves, Point, Sweeps, columns_of, leaves_of, rows_of, types_of_floats

Mode = Literal["auto", "fwd", "rev"]
_SIZES = 256
"""Kinds of arguments for which the number of outputs is remembered."""
Blocks = Callable[[int, int], Any]
"""The block of an output and an input, by the numbers of their leaves."""


class _Matrix:
    """What Jacobians and Hessians have in common."""

    def __init__(self, function: Callable[..., Any], wrt: Wrt) -> None:
        self._signature = Signature(function)
        functools.update_wrapper(self, self._signature.function)  # pyright: ignore[reportArgumentType]
        self.__srcad_primal__ = function
        self._wrt = self._signature.resolve(wrt)
        self._is_single = not isinstance(wrt, tuple)
        self._latest: Variant | None = None

    def __repr__(self) -> str:
        wrt = self._wrt[0] if self._is_single else self._wrt
        name = type(self).__name__.lower()
        return f"<srcad.{name} of {self._signature}, wrt={wrt!r}>"

    @property
    def primal(self) -> Callable[..., Any]:
        """The user's own function."""
        return self.__srcad_primal__

    def source(self, *args: Any, **kwargs: Any) -> str:
        """The generated Python source of one sweep for arguments like these.

        Without arguments: that of the latest call.
        """
        if not args and not kwargs and self._latest is not None and self._signature.names:
            return self._latest.program.text
        return self._variant_for(self._point(args, kwargs, is_rehearsal=True)).program.text

    def show(self, *args: Any, **kwargs: Any) -> None:
        """Print the generated source, coloured if ``rich`` is installed."""
        show(self.source(*args, **kwargs))

    def compile(self, *args: Any, **kwargs: Any) -> Self:
        """Compile for arguments like these; returns the object itself."""
        point = self._point(args, kwargs, is_rehearsal=True)
        variant = self._variant_for(point)
        given = self._given(variant, point)
        columns = np.zeros((given.size, 1))
        variant.compile([*point.inputs(variant), *given.spread(columns)])
        return self

    def _point(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], is_rehearsal: bool = False
    ) -> Point:
        """The arguments of a call; refuses those that have no Jacobian."""
        names = self._signature.names
        values = self._signature.bind(args, kwargs)
        types = types_of(names, values)
        require_floats(names, types, self._wrt)
        _require_real(names, types, self._wrt)
        return Point(values, types, is_rehearsal=is_rehearsal)

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
        outputs: tuple[str, ...] = (),
        options: Options | None = None,
    ) -> None:
        super().__init__(function, wrt)
        chosen = options or Options()
        self._mode: Mode = mode
        self._outputs = Outputs(self._signature, outputs)
        self._primal = Variants(self._signature, "primal", chosen, outputs)
        self._forward = Variants(self._signature, "jvp", chosen, outputs)
        self._reverse = Variants(self._signature, "vjp", chosen, outputs)
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
        inputs = self._inputs(point)
        variant = self._variant_for(point)
        if variant.kind == "jvp" and inputs.size:
            out_type = self._out_type(variant, point)
            skip = self._returned(variant)
            like = list(types_of_floats(out_type))
            matrix, out = columns_of(Sweeps(variant, point, inputs, skip, len(like)), like)
        else:
            variant = self._reverse.find(point.types, self._wrt)
            out_type, out = self._evaluated(point)
            matrix = rows_of(Sweeps(variant, point, out, 0, len(inputs.items)), inputs)
        self._latest = variant
        return self._arranged(out_type, self._types(point), _dense(matrix, out, inputs))

    # ------------------------------------------------------------ which mode

    def _variant_for(self, point: Point) -> Variant:
        if self._mode == "rev" or point.types in self._without_forward:
            return self._reverse.find(point.types, self._wrt)
        if self._mode == "auto" and not self._is_tall(point):
            return self._reverse.find(point.types, self._wrt)
        try:
            return self._forward.find(point.types, self._wrt)
        except UnsupportedError:
            if self._mode == "fwd":
                raise
            variant = self._reverse.find(point.types, self._wrt)
            self._without_forward.add(point.types)
            return variant

    def _is_tall(self, point: Point) -> bool:
        """Whether there are at least as many outputs as inputs."""
        inputs = self._inputs(point)
        if inputs.size <= 1:
            return True
        key = point.types, point.sizes
        size = self._sizes.get(key)
        if size is None:
            if len(self._sizes) >= _SIZES:
                self._sizes.clear()
            size = self._sizes[key] = self._evaluated(point)[1].size
        return inputs.size <= size

    # ------------------------------------------------------------ outputs

    def _out_type(self, variant: Variant, point: Point) -> Type:
        """The type of the output."""
        return self._outputs.type_of(variant.program.result, self._outputs.named(point.types))

    def _returned(self, variant: Variant) -> int:
        """How many leaves the primal returns."""
        return count(variant.program.result, floats_only=False) + len(self._outputs.names)

    def _evaluated(self, point: Point) -> tuple[Type, Leaves]:
        """The type of the output and its leaves; the primal runs if their shapes are not known."""
        variant = self._primal.find(point.types, self._wrt)
        out_type = self._out_type(variant, point)
        types = list(types_of_floats(out_type))
        if all(isinstance(t, Scalar) for t in types):
            return out_type, leaves_of([0.0] * len(types), out_type)
        named = self._outputs.named(point.types)
        returned = as_leaves(point.run(variant, point.inputs(variant)), self._returned(variant))
        value = self._outputs.value_of(variant.program.result, named, returned)
        return out_type, leaves_of(floats_of(value, out_type), out_type)

    def _given(self, variant: Variant, point: Point) -> Leaves:
        return self._inputs(point) if variant.kind == "jvp" else self._evaluated(point)[1]

    def _arranged(self, out_type: Type, types: list[Type], blocks: Blocks) -> Any:
        """The blocks in the structure of the outputs and, within, of each argument."""
        found: list[Any] = []
        first = 0
        for type_ in types:
            columns = range(first, first + count(type_, floats_only=True))
            rows = range(count(out_type, floats_only=True))
            parts = (structure(type_, (blocks(i, j) for j in columns)) for i in rows)
            found.append(structure(out_type, parts))
            first = columns.stop
        return found[0] if self._is_single else tuple(found)


class Hessian(_Matrix):
    """The second derivatives of a function of one float result.

    Made by ``srcad.hessian``. Calls may come from several threads.
    """

    def __init__(
        self, function: Callable[..., Any], wrt: Wrt = 0, options: Options | None = None
    ) -> None:
        super().__init__(function, wrt)
        self._products = Variants(self._signature, "hvp", options or Options())

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
        inputs = self._inputs(point)
        variant = self._latest = self._variant_for(point)
        like = [t for type_ in self._types(point) for t in types_of_floats(type_)]
        matrix, out = columns_of(Sweeps(variant, point, inputs, 0, len(like)), like)
        if not inputs.size:
            out, matrix = inputs, np.empty((0, 0))
        return self._arranged(self._types(point), _dense(matrix, out, inputs))

    def _variant_for(self, point: Point) -> Variant:
        return self._products.find(point.types, self._wrt)

    def _given(self, variant: Variant, point: Point) -> Leaves:
        return self._inputs(point)

    def _arranged(self, types: list[Type], blocks: Blocks) -> Any:
        """For each pair of arguments: the blocks in the structure of one and, within, the other."""
        ranges: list[range] = []
        for type_ in types:
            start = ranges[-1].stop if ranges else 0
            ranges.append(range(start, start + count(type_, floats_only=True)))

        def pair(one: int, other: int) -> Any:
            parts = (
                structure(types[other], (blocks(i, j) for j in ranges[other])) for i in ranges[one]
            )
            return structure(types[one], parts)

        pairs = tuple(tuple(pair(a, b) for b in range(len(types))) for a in range(len(types)))
        return pairs[0][0] if self._is_single else pairs


def structure(type_: Type, items: Iterator[Any]) -> Any:
    """One item for each float of a type, in its structure; None where it has no floats.

    >>> from srcad.ir.types import INT, FLOAT
    >>> structure(Tuple((Scalar(FLOAT), Scalar(INT), Scalar(FLOAT))), iter("ab"))
    ('a', None, 'b')
    """
    match type_:
        case Tuple(items=members, cls=cls, keys=keys):
            return assemble(cls, keys, [structure(t, items) for t in members])
        case Scalar(kind=kind) | Array(dtype=kind) if is_inexact(kind):
            return next(items)
        case _:
            return None


def _dense(matrix: np.ndarray, out: Leaves, inputs: Leaves) -> Blocks:
    """Blocks of an array, in the shape of the output and then of the input."""

    def block(i: int, j: int) -> Any:
        row, column = out.items[i], inputs.items[j]
        found = matrix[out.slices[i], inputs.slices[j]]
        if row.is_number and column.is_number:
            return number(found[0, 0], row.kind)
        return np.ascontiguousarray(found, row.kind).reshape(row.shape + column.shape)

    return block


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
