"""Copies of arrays into arrays that are there. ::

    for i in range(n):
        for j in range(m):
            un[i, j] = u[i, j]      ->    set_copy(un, u)

One move of memory takes half the time of such a nest where the rows are short.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.np.arrayobj import make_array

from srcad.runtime.intrinsics import also_compiled


def _set_copy(target: np.ndarray, source: np.ndarray) -> None:
    """``target[:] = source`` of arrays of one shape and dtype."""
    target[...] = source


def _type_copy(_context: Any) -> Callable[..., Any]:
    def typer(target: Any, source: Any) -> Any:
        arrays = isinstance(target, types.Array) and isinstance(source, types.Array)
        alike = arrays and (target.dtype, target.ndim) == (source.dtype, source.ndim)
        return types.none if alike else None

    return typer


def _one_by_one(target: np.ndarray, source: np.ndarray) -> None:
    for at in np.ndindex(target.shape):
        target[at] = source[at]


def _lower_copy(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """``_set_copy`` in compiled code: a move of memory, if both arrays lie row after row."""
    if any(kind.layout != "C" for kind in sig.args):
        return context.compile_internal(builder, _one_by_one, sig, args)
    target, source = (
        make_array(t)(context, builder, x) for t, x in zip(sig.args, args, strict=True)
    )
    width = context.get_abi_sizeof(context.get_data_type(sig.args[0].dtype))
    cgutils.raw_memmove(builder, target.data, source.data, target.nitems, width)
    return context.get_dummy_value()


set_copy = also_compiled(_set_copy, _type_copy, _lower_copy, types.Array, types.Array)
