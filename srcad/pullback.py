"""What ``vjp`` does: run the primal once, keep copies of its arguments, pull seeds back.

The primal and its pullback are two programs. The pullback runs the forward sweep again on the
copies, so that it can be called many times and nothing of the caller's can change under it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from srcad.backend.draws import state_of_numpy
from srcad.binding import Signature
from srcad.config import Options
from srcad.ir.typeof import has_float
from srcad.ir.types import Tuple, Type
from srcad.outputs import Outputs, apart, float_leaves, floats_of
from srcad.specialise import Types, Variant, Variants, types_of
from srcad.structure import as_leaves, count, gradient, lower


class Vjp:
    """The pullbacks of one function, for one choice of outputs and options."""

    def __init__(self, signature: Signature, outputs: tuple[str, ...], options: Options) -> None:
        self.signature = signature
        self.outputs = Outputs(signature, outputs)
        self.primal = Variants(signature, "primal", options, outputs)
        self.adjoint = Variants(signature, "vjp", options, outputs)

    def __call__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, "Pullback"]:
        """The result and the pullback at these arguments."""
        names = self.signature.names
        values = self.signature.bind(args, kwargs)
        types = types_of(names, values)
        named = self.outputs.named(types)
        wrt = tuple(n for n, t in zip(names, types, strict=True) if count(t, floats_only=True))
        primal = self.primal.find(types, wrt)
        out_type = self.outputs.type_of(primal.program.result, named)
        adjoint = self.adjoint.find(types, wrt) if wrt else None
        if primal.writes:
            primal.refuse_overlap(values)
        leaves = [x for v, t in zip(values, types, strict=True) for x in lower(v, t, copy=True)]
        captured = primal.require_captured(copy=True)
        kept = [] if adjoint is None else adjoint.require_captured(copy=True)
        result = primal.program.result
        size = count(result, floats_only=False) + len(named)
        state = state_of_numpy() if primal.draws else None
        returned = as_leaves(primal.run([*leaves, *captured]), size)
        held = [x for x in (*leaves, *captured) if isinstance(x, np.ndarray)]
        out = self.outputs.value_of(result, named, (apart(x, held) for x in returned))
        entries = _Entries(self.signature, types, len(args))
        back = Pullback(self.signature.name, adjoint, [*leaves, *kept], out, out_type, entries)
        back.draws_from(state)
        return out, back


class _Entries:
    """How cotangents of leaves become one entry for each positional argument."""

    def __init__(self, signature: Signature, types: Types, given: int) -> None:
        self.types = types
        names = signature.names
        positional = signature.positional[:given]
        self.places = [names.index(n) for n in positional]
        self.rest = names.index(signature.rest) if signature.rest in names else None

    def __call__(self, leaves: Iterator[Any]) -> tuple[Any, ...]:
        found = [gradient(t, leaves) if has_float(t) else None for t in self.types]
        entries = [found[k] for k in self.places]
        if self.rest is not None:
            rest = self.types[self.rest]
            assert isinstance(rest, Tuple)
            entries += found[self.rest] or [None] * len(rest.items)
        return tuple(entries)


class Pullback:
    """The map of a seed to the cotangents of the arguments, at the point given to ``vjp``."""

    def __init__(
        self,
        name: str,
        variant: Variant | None,
        leaves: Sequence[Any],
        out: Any,
        out_type: Type,
        entries: Callable[[Iterator[Any]], tuple[Any, ...]],
    ) -> None:
        self._name = name
        self._variant = variant
        self._leaves = leaves
        self._shapes = [np.shape(x) for x in floats_of(out, out_type)]
        self._out_type = out_type
        self._entries = entries
        self._state: Any = None

    def draws_from(self, state: Any) -> None:
        """Draw the random numbers that the call of ``vjp`` drew."""
        self._state = state

    def __repr__(self) -> str:
        return f"<srcad pullback of {self._name}>"

    def __call__(self, seed: Any) -> tuple[Any, ...]:
        """The cotangents, one entry for each positional argument of ``vjp``.

        Raises ``ArgumentError`` or ``ArgumentValueError`` if the seed does not have the structure,
        the shapes or the dtypes of what the function returned.
        """
        shapes = iter(self._shapes)
        seeds = list(float_leaves(seed, self._out_type, shapes, "the seed", "the output"))
        variant = self._variant
        if variant is None:
            return self._entries(iter(()))
        size = sum(count(t, floats_only=True) for t in variant.types)
        returned = variant.run([*self._leaves, *seeds], self._state)
        return self._entries(as_leaves(returned, size))

    def source(self) -> str:
        """The generated Python source of the pullback."""
        return "" if self._variant is None else self._variant.program.text
