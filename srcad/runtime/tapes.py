"""Memory for tapes and stacks.

A ``pool`` is memory that outlives the call, so that its pages are touched once and not at every
call: ``(buffer: uint8[::1], mark: int64[::1])``. ``mark[0]`` counts the bytes used so far in this
call, also of what did not fit and is fresh memory, so that it tells what the next call needs;
``mark[1]`` counts the bytes of tapes that are fresh memory, and ``mark[3]`` is how many of them are
free (0: nobody knows); ``mark[2]`` is the greatest length that a stack reached; ``mark[4]`` to
``mark[6]`` count the steps of long runs, and ``mark[7]`` is not 0 once the run is to end. ::

    x_tape = tape(pool, n, np.float64)        # as np.empty(n, np.float64)

    taken_tape = stack(pool, np.bool_)        # a stack: as long as it once was
    if top == taken_tape.size:
        taken_tape = grow(pool, taken_tape)   # twice as long, same contents
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import register_jitable
from numba.np.arrayobj import make_array, populate_array

from srcad.runtime.intrinsics import also_compiled


def _slots(buffer: np.ndarray, start: int, size: int, dtype: Any) -> np.ndarray:
    """``size`` elements of the buffer from byte ``start`` on, without a check, in Python."""
    return buffer[start : start + size * np.dtype(dtype).itemsize].view(dtype)


def _lent_slots(buffer: np.ndarray, start: int, size: int, dtype: Any) -> np.ndarray:
    """As ``_slots``; in compiled code the array does not keep the buffer, whoever holds it does.

    A stack that may grow is bound anew in its loop, where references would be counted.
    """
    return _slots(buffer, start, size, dtype)


def _type_slots(_context: Any) -> Callable[..., Any]:
    def typer(_buffer: Any, _start: Any, _size: Any, dtype: Any) -> Any:
        return types.Array(dtype.dtype, 1, "C")

    return typer


def _lower_slots(context: Any, builder: Any, sig: Any, args: Any, owns: bool = True) -> Any:
    """``_slots`` in compiled code: the same as slicing and ``view``, which take 1 s to compile."""
    buffer = make_array(sig.args[0])(context, builder, args[0])
    slots = make_array(sig.return_type)(context, builder)
    width = context.get_abi_sizeof(context.get_data_type(sig.return_type.dtype))
    start = context.cast(builder, args[1], sig.args[1], types.intp)
    size = context.cast(builder, args[2], sig.args[2], types.intp)
    populate_array(
        slots,
        data=builder.bitcast(builder.gep(buffer.data, [start]), slots.data.type),
        shape=[size],
        strides=[context.get_constant(types.intp, width)],
        itemsize=context.get_constant(types.intp, width),
        meminfo=buffer.meminfo if owns else None,
        parent=buffer.parent if owns else None,
    )
    return impl_ret_borrowed(context, builder, sig.return_type, slots._getvalue())


def _lower_lent_slots(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _lower_slots(context, builder, sig, args, owns=False)


_SLOTS = types.Array, types.Integer, types.Integer, types.Any
_take = also_compiled(_slots, _type_slots, _lower_slots, *_SLOTS)
_lend = also_compiled(_lent_slots, _type_slots, _lower_lent_slots, *_SLOTS)


@register_jitable
def _reserved(pool: tuple[np.ndarray, np.ndarray], size: int, dtype: Any, aligned: int = 0) -> int:
    """Where in the pool there is room for ``size`` elements; -1: nowhere."""
    buffer, mark = pool
    width = _take(buffer, 0, 0, dtype).itemsize
    start = mark[0] + (-aligned * width) % 64
    end = start + size * width
    mark[0] = (end + 63) & -64  # whole cache lines
    return start if 0 <= size <= buffer.size and end <= buffer.size else -1


@register_jitable
def tape(
    pool: tuple[np.ndarray, np.ndarray], size: int, dtype: Any, aligned: int = 0
) -> np.ndarray:
    """An uninitialised array of ``size`` elements: from the pool, or fresh memory.

    In the pool, the element with the number ``aligned`` starts a cache line.

    Memory is handed out before it is there, so a tape that is too long would be noticed when the
    system has no more, which then ends some program.
    """
    start = _reserved(pool, size, dtype, aligned)
    if start >= 0:
        return _take(pool[0], start, size, dtype)
    _ask_for(pool[1], size * _take(pool[0], 0, 0, dtype).itemsize)
    return np.empty(size, dtype)


@register_jitable
def _ask_for(mark: np.ndarray, size: int) -> None:
    """Count ``size`` bytes of fresh memory, if there are as many."""
    mark[1] += size
    if 0 < mark[3] < mark[1]:
        raise MemoryError("the tapes of the reverse sweep are longer than the free memory")


@register_jitable
def stack(pool: tuple[np.ndarray, np.ndarray], dtype: Any) -> np.ndarray:
    """An uninitialised array for a stack, of the greatest length that one reached before."""
    size = max(256, pool[1][2])
    start = _reserved(pool, size, dtype)
    return np.empty(size, dtype) if start < 0 else _lend(pool[0], start, size, dtype)


@register_jitable
def grow(pool: tuple[np.ndarray, np.ndarray], array: np.ndarray) -> np.ndarray:
    """An array of twice the length with the same contents; the pool remembers the length."""
    size, mark = array.size, pool[1]
    _ask_for(mark, 2 * size * array.itemsize)
    longer = np.empty(2 * size, array.dtype)
    for i in range(size):  # a slice assignment takes 3 s to compile
        longer[i] = array[i]
    mark[1] -= size * array.itemsize
    mark[0] += size * array.itemsize
    mark[2] = max(mark[2], 2 * size)
    return longer


@register_jitable
def no_pool() -> tuple[np.ndarray, np.ndarray]:
    """A pool without memory, for functions that call themselves: their tapes are fresh."""
    return np.empty(0, np.uint8), np.zeros(8, np.int64)
