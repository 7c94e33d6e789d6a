"""What ``batch`` returns: a function that is called for each member of its arguments."""

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any

from srcad.binding import Signature
from srcad.config import Options
from srcad.derivative import Derivative
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.specialise import Variant
from srcad.structure import as_leaves, count, value
from srcad.transformation import Transformation


class Batched(Derivative):
    """A function of arrays of arguments, which returns arrays of results; made by ``srcad.batch``.

    It is called, compiled and shown like a derivative. Calls may come from several threads.
    """

    def __init__(self, function: Callable[..., Any], axes: Any, options: Options) -> None:
        inner = Signature(function)
        _require_axes(axes, inner)
        functools.update_wrapper(self, inner.function)
        self._axes = copy.deepcopy(axes)
        self.__srcad_primal__ = function
        self.__srcad_transformation__ = Transformation("batch", function, (), axes=self._axes)
        self._prepare(Signature(self), (), "primal", options)

    def __repr__(self) -> str:
        return f"<srcad.batch of {self._signature}, axes={self._axes!r}>"

    def _answer(self, variant: Variant) -> Callable[[Any], Any]:
        result = variant.program.result
        size = count(result, floats_only=False)
        return lambda returned: value(result, as_leaves(returned, size))

    def _written_to(self, out: Any, found: Any) -> Any:
        raise ArgumentError(f"{self!r} takes no out=: its results are new arrays")


def _require_axes(axes: Any, signature: Signature) -> None:
    """Raise ``ArgumentError`` or ``ArgumentValueError`` unless axes fit the parameters."""
    hint = "write axes=0, axes=(0, None) or axes={'x': 0}"
    if axes is None or not _is_axes(axes):
        raise ArgumentError(f"axes={axes!r} does not say which axes to map over", hint=hint)
    if isinstance(axes, tuple | list) and signature.rest is None:
        size = len(signature.positional)
        if len(axes) > size:
            raise ArgumentValueError(f"axes has {len(axes)} entries, {signature} takes {size}")
    if isinstance(axes, Mapping):
        for key in axes:
            known = range(len(signature.positional)) if isinstance(key, int) else signature.names
            if key not in known and (isinstance(key, int) or signature.keywords is None):
                raise ArgumentValueError(
                    f"axes names {key!r}, which is no parameter of {signature}"
                )
    if not isinstance(axes, int) and all(a is None for a in _entries(axes)):
        raise ArgumentError(f"axes={axes!r} names nothing to map over", hint=hint)


def _entries(axes: Any) -> list[Any]:
    return list(axes.values()) if isinstance(axes, Mapping) else list(axes)


def _is_axes(axes: Any) -> bool:
    """Whether it is an axis, None, or a structure of these."""
    if isinstance(axes, Mapping):
        return all(isinstance(k, str | int) and _is_axes(v) for k, v in axes.items())
    if isinstance(axes, tuple | list):
        return all(map(_is_axes, axes))
    return axes is None or (isinstance(axes, int) and not isinstance(axes, bool))
