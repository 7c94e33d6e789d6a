"""Calls of derivatives from compiled code: the program for the types that Numba tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srcad.backend.adapter import Adapter, CompiledCalls, type_of_compiled
from srcad.backend.compile import load
from srcad.binding import Signature
from srcad.config import Options
from srcad.errors import ArgumentError
from srcad.specialise import Variants, types_of


@dataclass(frozen=True)
class _Given:
    """An argument that compiled code gives, of a Numba type."""

    type: Any


def compiled_calls(derivative: object, options: Options) -> CompiledCalls:
    """What Numba takes a derivative for: a dispatcher that compiles it for each call."""

    signature = Signature(derivative)  # type: ignore[arg-type]
    variants = Variants(signature, "primal", options)

    def compiled(args: Sequence[Any], kws: dict[str, Any]) -> Any:
        return _compiled(signature, variants, args, kws)

    return CompiledCalls(repr(derivative), compiled)


def _compiled(
    signature: Signature, variants: Variants, args: Sequence[Any], kws: dict[str, Any]
) -> Any:
    """A dispatcher for a call with arguments of these Numba types."""
    given = [*signature.positional[: len(args)], *kws]
    values = signature.bind([_Given(t) for t in args], {name: _Given(t) for name, t in kws.items()})
    names = signature.names
    types = tuple(
        type_of_compiled(value.type, name)
        if isinstance(value, _Given)
        else types_of((name,), (value,))[0]
        for name, value in zip(names, values, strict=True)
    )
    variant = variants.find(types, ())
    if variant.writes:
        raise ArgumentError(
            f"{signature.name} writes arrays that it is given: compiled code cannot call its "
            "derivative",
            hint="let the function write into a copy",
        )
    program, adapter = variant.program, Adapter()
    leaves: list[str] = []
    for name, value, type_ in zip(names, values, types, strict=True):
        source = name if isinstance(value, _Given) else adapter.constant(name, value)
        leaves += adapter.leaves(source, type_)
    for captured, value in zip(program.captured, variant.require_captured(), strict=True):
        leaves.append(adapter.constant(captured.name, value))
    assert program.result is not None
    title = f"{program.entry}_call"
    text = adapter.text(title, program.entry, given, leaves, program.result)
    loaded = load(
        _with_numpy(program.text) + text,
        title,
        variant.options,
        "",
        externals=(*program.externals, *adapter.externals),
    )
    return loaded.compile_types((*args, *kws.values()))


def _with_numpy(text: str) -> str:
    return text if "import numpy as np" in text else f"import numpy as np\n\n\n{text}"
