"""Derivatives of derivatives: ``hvp``, forward mode over reverse mode.

The Hessian times a vector is the derivative of the gradient along it. The compiler writes the
adjoint and then carries tangents through that, so the product costs a small multiple of one
gradient and the Hessian is never formed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from srcad.binding import Signature, Wrt
from srcad.config import Options
from srcad.errors import ArgumentError
from srcad.ir.members import described
from srcad.outputs import float_leaves, floats_of
from srcad.specialise import Types, Variant, Variants, require_floats, types_of
from srcad.structure import as_leaves, count, gradient, lower


class Hvp:
    """The products of the Hessian of one function with vectors."""

    def __init__(self, signature: Signature, wrt: Wrt, options: Options) -> None:
        self.signature = signature
        self.wrt = signature.resolve(wrt)
        self.is_single = not isinstance(wrt, tuple)
        self.variants = Variants(signature, "hvp", options)

    def __call__(self, args: Sequence[Any], vectors: Any, kwargs: Mapping[str, Any]) -> Any:
        """The product, in the structure of the arguments in ``wrt``."""
        values, types, variant = self.variant_for(args, kwargs)
        by_name = dict(zip(self.signature.names, zip(values, types, strict=True), strict=True))
        asked = [by_name[name] for name in self.wrt]
        given = (vectors,) if self.is_single else vectors
        if not isinstance(given, tuple | list) or len(given) != len(asked):
            raise ArgumentError(
                f"vectors must be a tuple with one entry for each of {len(asked)} arguments in "
                f"wrt, not {described(vectors)}"
            )
        moving: list[Any] = []
        for name, vector, (value, type_) in zip(self.wrt, given, asked, strict=True):
            shapes = iter([np.shape(x) for x in floats_of(value, type_)])
            title, what = f"the vector for {name}", f"the argument {name}"
            moving += float_leaves(vector, type_, shapes, title, what, optional=True)
        if variant.writes:
            variant.refuse_overlap(values)
        leaves = [x for v, t in zip(values, types, strict=True) for x in lower(v, t)]
        captured = variant.require_captured()
        size = sum(count(t, floats_only=True) for _, t in asked)
        found = as_leaves(variant.run([*leaves, *captured, *moving]), size)
        products = tuple([gradient(t, found) for _, t in asked])
        return products[0] if self.is_single else products

    def variant_for(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Types, Variant]:
        """The values of all parameters, their types, and the program for these."""
        names = self.signature.names
        values = self.signature.bind(args, kwargs)
        types = types_of(names, values)
        require_floats(names, types, self.wrt)
        return values, types, self.variants.find(types, self.wrt)
