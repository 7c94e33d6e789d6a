"""A function of the user's compiled and run, without a derivative: the solvers of ``srcad``."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcad.binding import Signature
from srcad.config import Options
from srcad.outputs import apart
from srcad.specialise import Variants, types_of
from srcad.structure import as_leaves, count, lower, value


class Primal:
    """One function, compiled for the types of its arguments when it is called."""

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        self.signature = Signature(function)
        self.variants = Variants(self.signature, "primal", options)

    def __call__(self, *args: Any) -> Any:
        """What the function returns; its arguments are not changed."""
        names = self.signature.names
        types = types_of(names, args)
        variant = self.variants.find(types, ())
        if variant.writes:
            variant.refuse_overlap(args)
        leaves = [x for v, t in zip(args, types, strict=True) for x in lower(v, t)]
        captured = variant.require_captured()
        given: Sequence[Any] = [*leaves, *captured]
        result = variant.program.result
        size = count(result, floats_only=False)
        held = [x for x in given if isinstance(x, np.ndarray)]
        return value(result, (apart(x, held) for x in as_leaves(variant.run(given), size)))
