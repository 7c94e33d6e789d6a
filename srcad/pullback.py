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
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.ir.members import assemble, described, label, like, members
from srcad.ir.typeof import describe, has_float
from srcad.ir.types import Array, Scalar, Tuple, Type, is_complex, is_inexact
from srcad.specialise import Types, Variant, Variants, types_of
from srcad.structure import as_leaves, count, gradient, lower, number, value


class Vjp:
    """The pullbacks of one function, for one choice of outputs and options."""

    def __init__(self, signature: Signature, outputs: tuple[str, ...], options: Options) -> None:
        self.signature = signature
        self.outputs = outputs
        self._check_outputs()
        self.primal = Variants(signature, "primal", options, outputs)
        self.adjoint = Variants(signature, "vjp", options, outputs)

    def __call__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, "Pullback"]:
        """The result and the pullback at these arguments."""
        names = self.signature.names
        values = self.signature.bind(args, kwargs)
        types = types_of(names, values)
        named = self._named(types)
        wrt = tuple(n for n, t in zip(names, types, strict=True) if has_float(t))
        primal = self.primal.find(types, wrt)
        out_type = self._out_type(primal.program.result, named)
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
        out = self._out(result, named, (_apart(x, held) for x in returned))
        entries = _Entries(self.signature, types, len(args))
        back = Pullback(self.signature.name, adjoint, [*leaves, *kept], out, out_type, entries)
        back.draws_from(state)
        return out, back

    def _check_outputs(self) -> None:
        for k, name in enumerate(self.outputs):
            if not isinstance(name, str):
                raise ArgumentError(f"outputs must be names of parameters, not {name!r}")
            if name not in self.signature.names:
                raise ArgumentValueError(
                    f"outputs names {name!r}, which is no parameter of {self.signature}"
                )
            if name in self.outputs[:k]:
                raise ArgumentValueError(f"outputs names {name!r} twice")

    def _named(self, types: Types) -> list[Type]:
        by_name = dict(zip(self.signature.names, types, strict=True))
        for name in self.outputs:
            if not isinstance(by_name[name], Array):
                raise ArgumentError(
                    f"outputs names {name!r}, which is {describe(by_name[name])}: "
                    "only an array can be written by the function",
                    hint="return the value instead",
                )
        return [by_name[name] for name in self.outputs]

    def _out_type(self, result: Type | None, named: Sequence[Type]) -> Type:
        """The type of ``out``, and of the seed."""
        if not named:
            if result is None or not has_float(result):
                raise ArgumentError(
                    f"{self.signature.name} returns {describe(result)}: "
                    "there is nothing to pull back",
                    hint="return floats, or name in outputs the arrays that it fills",
                )
            return result
        flat = (*_float_leaves(result), *named)
        return flat[0] if len(flat) == 1 else Tuple(flat)

    def _out(self, result: Type | None, named: Sequence[Type], leaves: Iterator[Any]) -> Any:
        if not named:
            return value(result, leaves)
        flat = [value(t, leaves) for t in _all_leaves(result)]
        floats = [v for v, t in zip(flat, _all_leaves(result), strict=True) if has_float(t)]
        floats += [value(t, leaves) for t in named]
        return floats[0] if len(floats) == 1 else tuple(floats)


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
        self._shapes = [np.shape(x) for x in _members(out, out_type)]
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
        seeds = list(_seeds(seed, self._out_type, shapes, "the seed"))
        variant = self._variant
        if variant is None:
            return self._entries(iter(()))
        size = sum(count(t, floats_only=True) for t in variant.types)
        returned = variant.run([*self._leaves, *seeds], self._state)
        return self._entries(as_leaves(returned, size))

    def source(self) -> str:
        """The generated Python source of the pullback."""
        return "" if self._variant is None else self._variant.program.text


def _all_leaves(type_: Type | None) -> list[Type]:
    if isinstance(type_, Tuple):
        return [leaf for t in type_.items for leaf in _all_leaves(t)]
    return [type_] if isinstance(type_, Scalar | Array) else []


def _float_leaves(type_: Type | None) -> list[Type]:
    return [t for t in _all_leaves(type_) if has_float(t)]


def _members(out: Any, type_: Type) -> list[Any]:
    """The float leaves of a result."""
    if isinstance(type_, Tuple):
        pairs = zip(members(out, type_.cls, type_.keys), type_.items, strict=True)
        return [x for o, t in pairs for x in _members(o, t)]
    return [out] if has_float(type_) else []


def _apart(leaf: Any, held: Sequence[np.ndarray]) -> Any:
    """A leaf that shares no memory with what the pullback keeps."""
    if isinstance(leaf, np.ndarray) and any(np.may_share_memory(leaf, h) for h in held):
        return leaf.copy()
    return leaf


def _seeds(seed: Any, type_: Type, shapes: Iterator[tuple[int, ...]], name: str) -> Iterator[Any]:
    """The float leaves of a seed, checked."""
    match type_:
        case Tuple(items=items, cls=cls, keys=keys):
            given = like(seed, cls, keys, len(items))
            if given is None:
                wanted = described(assemble(cls, keys, [None] * len(items)))
                raise ArgumentError(
                    f"{name} must be {wanted}, like the output; it is {described(seed)}"
                )
            for k, (member, t) in enumerate(zip(given, items, strict=True)):
                yield from _seeds(member, t, shapes, name + label(cls, keys, k))
        case Scalar(kind=kind) | Array(dtype=kind) if is_inexact(kind):
            shape = next(shapes)
            array = _as_numbers(seed, kind, name)
            if array.shape != shape:
                raise ArgumentValueError(
                    f"{name} has shape {array.shape}, the output has shape {shape}"
                )
            if isinstance(type_, Scalar):
                yield number(array[()], kind)
            else:
                yield np.array(array, dtype=kind, order="C", copy=True)


def _as_numbers(seed: Any, kind: str, name: str) -> np.ndarray:
    try:
        array = np.asarray(seed)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in ("fciu" if is_complex(kind) else "fiu") or isinstance(seed, tuple):
        label = "complex" if array.dtype.kind == "c" else type(seed).__name__
        if isinstance(seed, np.ndarray):
            label = f"an array of dtype {seed.dtype}"
        wanted = "complex number or array" if is_complex(kind) else "float or a float array"
        raise ArgumentError(f"{name} must be a {wanted}, not {label}")
    return array
