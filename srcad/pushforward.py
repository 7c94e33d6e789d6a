"""What ``jvp`` does: one run of the program that carries tangents along with the values.

With ``directions`` the tangents have lanes (``srcad.transform.lanes``); a program that cannot have
them is run for each direction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from srcad.binding import Signature
from srcad.config import Options
from srcad.errors import ArgumentError
from srcad.ir.members import described
from srcad.ir.typeof import has_float
from srcad.ir.types import Array, Scalar, Tuple, Type
from srcad.outputs import Outputs, apart, float_leaves, floats_of
from srcad.specialise import Types, Variant, Variants, types_of
from srcad.structure import arranged, as_leaves, count, gradient, lower, number
from srcad.sweeps import Point, types_of_floats


class Jvp:
    """The derivatives of one function along directions, for one choice of outputs and options."""

    def __init__(self, signature: Signature, outputs: tuple[str, ...], options: Options) -> None:
        self.signature = signature
        self.outputs = Outputs(signature, outputs)
        self.variants = Variants(signature, "jvp", options, outputs)
        self.lanes = Variants(signature, "jvp", options, outputs, lanes=True)

    def along(
        self,
        args: Sequence[Any],
        tangents: Sequence[Any],
        directions: int,
        kwargs: Mapping[str, Any],
    ) -> tuple[Any, Any]:
        """The result and its tangents along several directions."""
        values, types, variant = self.variant_for(args, kwargs, self.lanes)
        named, result = self.outputs.named(types), variant.program.result
        out_type = self.outputs.type_of(result, named)
        moving = list(self._tangents(args, tangents, values, types, directions))
        point = Point(values, types)
        inputs = point.inputs(variant)
        plain = count(result, floats_only=False) + len(named)
        kinds = list(types_of_floats(out_type))

        def run(leaves: list[Any]) -> list[Any]:
            return list(as_leaves(point.run(variant, [*inputs, *leaves]), plain + len(kinds)))

        if not directions:  # one, along which nothing moves
            moving = [np.zeros((*m.shape[:-1], 1), m.dtype) for m in moving]
        if variant.program.lanes:
            found = run(moving)
            changes = found[plain:]
        else:
            floats = [t for type_ in types for t in types_of_floats(type_)]
            columns = [run(_column(moving, floats, j)) for j in range(max(directions, 1))]
            found = columns[0]
            changes = [
                np.stack([np.asarray(c[plain + k], _kind(t)) for c in columns], axis=-1)
                for k, t in enumerate(kinds)
            ]
        held = [x for x in inputs if isinstance(x, np.ndarray)]
        out = self.outputs.value_of(result, named, iter([apart(x, held) for x in found[:plain]]))
        return out, arranged(out_type, iter([x[..., :directions] for x in changes]))

    def __call__(
        self, args: Sequence[Any], tangents: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """The result and its tangent."""
        values, types, variant = self.variant_for(args, kwargs)
        named = self.outputs.named(types)
        out_type = self.outputs.type_of(variant.program.result, named)
        moving = list(self._tangents(args, tangents, values, types))
        if variant.writes:
            variant.refuse_overlap(values)
        leaves = [x for v, t in zip(values, types, strict=True) for x in lower(v, t)]
        captured = variant.require_captured()
        result = variant.program.result
        held = [x for x in (*leaves, *captured) if isinstance(x, np.ndarray)]
        plain = count(result, floats_only=False) + len(named)
        size = plain + count(out_type, floats_only=True)
        found = as_leaves(variant.run([*leaves, *captured, *moving]), size)
        primal = [apart(x, held) for _, x in zip(range(plain), found, strict=False)]
        out = self.outputs.value_of(result, named, iter(primal))
        return out, gradient(out_type, found)

    def variant_for(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], variants: Variants | None = None
    ) -> tuple[Sequence[Any], Types, Variant]:
        """The values of all parameters, their types, and the program for these."""
        names = self.signature.names
        values = self.signature.bind(args, kwargs)
        types = types_of(names, values)
        wrt = tuple(n for n, t in zip(names, types, strict=True) if has_float(t))
        return values, types, (variants or self.variants).find(types, wrt)

    def _tangents(
        self,
        args: Sequence[Any],
        tangents: Sequence[Any],
        values: Sequence[Any],
        types: Types,
        directions: int | None = None,
    ) -> Iterator[Any]:
        """The tangents of all float leaves; zeros for arguments that have none.

        With ``directions`` these are arrays, which have a further last axis of that length.
        """
        if not isinstance(tangents, tuple | list) or len(tangents) != len(args):
            many = f"{len(args)} argument{'s' if len(args) != 1 else ''}"
            raise ArgumentError(
                f"tangents must be a tuple with one entry for each of {many}, "
                f"not {described(tangents)}",
                hint="give None for an argument that does not change",
            )
        signature = self.signature
        by_name: dict[str, Any] = dict(zip(signature.positional, tangents, strict=False))
        if signature.rest is not None:
            by_name[signature.rest] = tuple(tangents[len(signature.positional) :])
        for name, value, type_ in zip(signature.names, values, types, strict=True):
            shapes = iter([np.shape(x) for x in floats_of(value, type_)])
            title, what = f"the tangent of {name}", f"the argument {name}"
            if directions is not None:
                shapes = iter([(*shape, directions) for shape in shapes])
                what += f" in {directions} direction{'s' if directions != 1 else ''}"
                type_ = _of_arrays(type_)
            yield from float_leaves(by_name.get(name), type_, shapes, title, what, optional=True)


def _of_arrays(type_: Type) -> Type:
    """A type with arrays in place of numbers."""
    match type_:
        case Tuple(items=items):
            return replace(type_, items=tuple(map(_of_arrays, items)))
        case Scalar(kind=kind):
            return Array(kind, 1)
    return type_


def _column(moving: Sequence[np.ndarray], floats: Sequence[Scalar | Array], j: int) -> list[Any]:
    """The tangents along one of several directions."""
    return [
        number(m[..., j][()], t.kind) if isinstance(t, Scalar) else m[..., j].copy()
        for m, t in zip(moving, floats, strict=True)
    ]


def _kind(type_: Scalar | Array) -> str:
    return type_.kind if isinstance(type_, Scalar) else type_.dtype
