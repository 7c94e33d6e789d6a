"""What ``jvp`` does: one run of the program that carries tangents along with the values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from srcad.binding import Signature
from srcad.config import Options
from srcad.errors import ArgumentError
from srcad.ir.members import described
from srcad.ir.typeof import has_float
from srcad.outputs import Outputs, apart, float_leaves, floats_of
from srcad.specialise import Types, Variant, Variants, types_of
from srcad.structure import as_leaves, count, gradient, lower


class Jvp:
    """The derivatives of one function along directions, for one choice of outputs and options."""

    def __init__(self, signature: Signature, outputs: tuple[str, ...], options: Options) -> None:
        self.signature = signature
        self.outputs = Outputs(signature, outputs)
        self.variants = Variants(signature, "jvp", options, outputs)

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
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Types, Variant]:
        """The values of all parameters, their types, and the program for these."""
        names = self.signature.names
        values = self.signature.bind(args, kwargs)
        types = types_of(names, values)
        wrt = tuple(n for n, t in zip(names, types, strict=True) if has_float(t))
        return values, types, self.variants.find(types, wrt)

    def _tangents(
        self, args: Sequence[Any], tangents: Sequence[Any], values: Sequence[Any], types: Types
    ) -> Iterator[Any]:
        """The tangents of all float leaves; zeros for arguments that have none."""
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
            yield from float_leaves(by_name.get(name), type_, shapes, title, what, optional=True)
