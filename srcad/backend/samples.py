"""Values of a type: what a derivative is compiled for, where only types are given.

A type is one of Numba's, or its name, as Numba prints it::

    gradient.compile(numba.float64[:, ::1], numba.float64)
    gradient.compile("float64[:, ::1]", "float64")

Compiling reads of a value its type and nothing else, so that any value of the type will do.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np

from srcad.errors import ArgumentError
from srcad.ir.members import assemble, members, shape_of

_NAME = re.compile(r"(bool(ean)?|u?int(8|16|32|64)|float(32|64)|complex(64|128))(\[[:, 1]+\])?")
_SIZE = 2
"""Elements along an axis: an axis of length 1 would be taken for one that is broadcast."""


def sampled(value: Any) -> Any:
    """The value itself, with a value of the type in place of each type in it.

    >>> sampled("float64[:, ::1]").shape, sampled((3.0, "int64"))
    ((2, 2), (3.0, 1))
    """
    if isinstance(value, str):
        return _of(_named(value)) if _NAME.fullmatch(value) else value
    if _is_type(value):
        return _of(value)
    shape = shape_of(value)
    if shape is None:
        return value
    items = members(value, *shape)
    found = [sampled(item) for item in items]
    if all(new is old for new, old in zip(found, items, strict=True)):
        return value
    return assemble(*shape, found)


def _is_type(value: Any) -> bool:
    """Whether a value is a type of Numba's, which need not have been imported."""
    numba = sys.modules.get("numba.core.types")
    return numba is not None and isinstance(value, numba.Type)


def _named(name: str) -> Any:
    """Numba's type of this name."""
    from numba.core import types  # noqa: PLC0415 (0.5 s)

    scalar, bracket, axes = name.partition("[")
    kind = types.boolean if scalar.startswith("bool") else getattr(types, scalar)
    if not bracket:
        return kind
    found = [axis.strip() for axis in axes[:-1].split(",")]
    if not set(found) <= {":", "::1"} or found.count("::1") > 1 or "::1" in found[1:-1]:
        raise ArgumentError(
            f"{name!r} is no type of an array", hint="write 'float64[:]' or 'float64[:, ::1]'"
        )
    layout = "A" if "::1" not in found else "C" if found[-1] == "::1" else "F"
    return types.Array(kind, len(found), layout)


def _of(kind: Any) -> Any:
    """A value of a type of Numba's."""
    from numba.core import types  # noqa: PLC0415
    from numba.np.numpy_support import as_dtype  # noqa: PLC0415

    match kind:
        case types.Array():
            return _array(as_dtype(kind.dtype), kind.ndim, kind.layout, kind.mutable)
        case types.BaseTuple():
            parts: Any = kind
            items = [_of(item) for item in parts]
            return (
                parts.instance_class(*items) if hasattr(parts, "instance_class") else tuple(items)
            )
        case types.Boolean():
            return True
        case types.Number():
            value = as_dtype(kind).type(1)
            return value.item() if kind in (types.int64, types.float64, types.complex128) else value
    raise ArgumentError(
        f"{kind} is no type of an argument", hint="give a value of that argument in its place"
    )


def _array(dtype: np.dtype, rank: int, layout: str, mutable: bool) -> np.ndarray:
    shape = (_SIZE,) * rank
    if layout == "A" and rank:
        found = np.ones((*shape[:-1], 2 * _SIZE), dtype)[..., ::2]
    else:
        found = np.ones(shape, dtype, order="F" if layout == "F" else "C")
    found.flags.writeable = mutable
    return found
