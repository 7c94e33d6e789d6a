"""What counts as the output of a function: its result, and arrays that it fills.

Seeds of ``vjp`` and tangents of ``jvp`` have that structure, and are taken apart here.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from srcad.binding import Signature
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.ir.members import assemble, described, label, like, members
from srcad.ir.typeof import describe, has_float
from srcad.ir.types import Array, Scalar, Tuple, Type, is_complex, is_inexact
from srcad.specialise import Types
from srcad.structure import number, value


class Outputs:
    """The outputs of a function; ``names`` are arguments that it fills."""

    def __init__(self, signature: Signature, names: tuple[str, ...]) -> None:
        self.signature = signature
        self.names = names
        for k, name in enumerate(names):
            if not isinstance(name, str):
                raise ArgumentError(f"outputs must be names of parameters, not {name!r}")
            if name not in signature.names:
                raise ArgumentValueError(
                    f"outputs names {name!r}, which is no parameter of {signature}"
                )
            if name in names[:k]:
                raise ArgumentValueError(f"outputs names {name!r} twice")

    def named(self, types: Types) -> list[Type]:
        """The types of the arrays that are outputs."""
        by_name = dict(zip(self.signature.names, types, strict=True))
        for name in self.names:
            if not isinstance(by_name[name], Array):
                raise ArgumentError(
                    f"outputs names {name!r}, which is {describe(by_name[name])}: "
                    "only an array can be written by the function",
                    hint="return the value instead",
                )
        return [by_name[name] for name in self.names]

    def type_of(self, result: Type | None, named: Sequence[Type]) -> Type:
        """The type of the output, and of its seed or tangent."""
        if not named:
            if result is None or not has_float(result):
                raise ArgumentError(
                    f"{self.signature.name} returns {describe(result)}: it has no derivative",
                    hint="return floats, or name in outputs the arrays that it fills",
                )
            return result
        flat = (*_float_leaves(result), *named)
        return flat[0] if len(flat) == 1 else Tuple(flat)

    def value_of(self, result: Type | None, named: Sequence[Type], leaves: Iterator[Any]) -> Any:
        """The output, from the leaves that the primal returned."""
        if not named:
            return value(result, leaves)
        flat = [value(t, leaves) for t in _all_leaves(result)]
        floats = [v for v, t in zip(flat, _all_leaves(result), strict=True) if has_float(t)]
        floats += [value(t, leaves) for t in named]
        return floats[0] if len(floats) == 1 else tuple(floats)


def _all_leaves(type_: Type | None) -> list[Type]:
    if isinstance(type_, Tuple):
        return [leaf for t in type_.items for leaf in _all_leaves(t)]
    return [type_] if isinstance(type_, Scalar | Array) else []


def _float_leaves(type_: Type | None) -> list[Type]:
    return [t for t in _all_leaves(type_) if has_float(t)]


def floats_of(found: Any, type_: Type) -> list[Any]:
    """The float leaves of a value."""
    if isinstance(type_, Tuple):
        pairs = zip(members(found, type_.cls, type_.keys), type_.items, strict=True)
        return [x for o, t in pairs for x in floats_of(o, t)]
    return [found] if has_float(type_) else []


def apart(leaf: Any, held: Sequence[np.ndarray]) -> Any:
    """A leaf that shares no memory with arrays that others hold."""
    if isinstance(leaf, np.ndarray) and any(np.may_share_memory(leaf, h) for h in held):
        return leaf.copy()
    return leaf


def float_leaves(
    seed: Any,
    type_: Type,
    shapes: Iterator[tuple[int, ...]],
    name: str,
    like_what: str,
    *,
    optional: bool = False,
) -> Iterator[Any]:
    """The float leaves of a seed or a tangent, which has the structure of ``like_what``.

    ``optional``: None stands for zeros.
    """
    match type_:
        case Tuple(items=items, cls=cls, keys=keys):
            is_zero = optional and seed is None
            given = [None] * len(items) if is_zero else like(seed, cls, keys, len(items))
            if given is None:
                wanted = described(assemble(cls, keys, [None] * len(items)))
                raise ArgumentError(
                    f"{name} must be {wanted}, like {like_what}; it is {described(seed)}"
                )
            for k, (member, t) in enumerate(zip(given, items, strict=True)):
                yield from float_leaves(
                    member, t, shapes, name + label(cls, keys, k), like_what, optional=optional
                )
        case Scalar(kind=kind) | Array(dtype=kind) if is_inexact(kind):
            shape = next(shapes)
            is_zero = optional and seed is None
            array = np.zeros(shape, kind) if is_zero else _as_numbers(seed, kind, name)
            if array.shape != shape:
                raise ArgumentValueError(
                    f"{name} has shape {array.shape}, {like_what} has shape {shape}"
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
