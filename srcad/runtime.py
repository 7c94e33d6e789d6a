"""The few functions that generated code may call: memory for tapes and stacks.

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

The functions run in Python and in compiled code alike. This module imports NumPy and Numba only,
so that its text can be copied into a module that runs without srcad.
"""

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir as llvm
from numba.core import cgutils, types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import lower_builtin, register_jitable, type_callable
from numba.np.arrayobj import make_array, populate_array
from numba.np.linalg import ensure_blas, ensure_lapack, get_blas_kind


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


def _sum(total: float, term: float) -> float:
    """``total + term``, a term of a sum in any order."""
    return total + term


def _type_sum(_context: Any) -> Callable[..., Any]:
    def typer(total: Any, term: Any) -> Any:
        return total if isinstance(total, types.Float) and isinstance(term, types.Number) else None

    return typer


def _lower_sum(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """``_sum`` in compiled code: LLVM may add several terms at a time."""
    total, term = (
        context.cast(builder, a, t, sig.return_type) for a, t in zip(args, sig.args, strict=True)
    )
    return builder.fadd(total, term, flags=("reassoc",))


def _alone(array: Any) -> Any:
    """``array``, made just now: no other array of this function shares memory with it."""
    return array


def _type_same(_context: Any) -> Callable[..., Any]:
    def typer(array: Any) -> Any:
        return array

    return typer


def _lower_alone(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """``_alone`` in compiled code: as if the array's memory came from ``malloc`` at this place.

    The address goes through a function that LLVM does not look into, whose result it takes for
    memory of its own. It is shown to the rest of the program too, so that calls count as reading
    and writing it: the one that frees it, and the next one that makes an array in its place.
    """
    (kind,) = sig.args
    if not isinstance(kind, types.Array):
        return impl_ret_borrowed(context, builder, kind, args[0])
    array, address = make_array(kind)(context, builder, args[0]), cgutils.voidptr_t
    function = builder.module.globals.get("srcad_alone")
    if function is None:
        passing = llvm.FunctionType(address, [address])
        function = llvm.Function(builder.module, passing, "srcad_alone")
        function.linkage = "internal"
        function.attributes.add("noinline")
        function.return_value.add_attribute("noalias")
        inside = llvm.IRBuilder(function.append_basic_block())
        same = llvm.InlineAsm(passing, "", "=r,0", side_effect=True)
        inside.ret(inside.call(same, function.args))
    data = builder.call(function, [builder.bitcast(array.data, address)])
    showing = llvm.FunctionType(llvm.VoidType(), [address])
    builder.call(llvm.InlineAsm(showing, "", "r,~{memory}", side_effect=True), [data])
    array.data = builder.bitcast(data, array.data.type)
    return impl_ret_borrowed(context, builder, kind, array._getvalue())


def _quotient(a: float, b: float) -> float:
    """``a / b``, or ``a`` times the reciprocal of ``b``."""
    return a / b


def _type_quotient(_context: Any) -> Callable[..., Any]:
    def typer(a: Any, b: Any) -> Any:
        return a if isinstance(a, types.Float) and a == b else None

    return typer


def _lower_quotient(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    """``_quotient`` in compiled code: LLVM may take the reciprocal out of a loop."""
    return builder.fdiv(*args, flags=("arcp",))


def _no_less(number: int, least: int) -> None:
    """``number`` is not less than ``least``; nothing is done about it."""


def _type_nothing(_context: Any) -> Callable[..., Any]:
    def typer(number: Any, least: Any) -> Any:
        return types.none

    return typer


def _lower_no_less(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """``_no_less`` in compiled code: what LLVM may count on."""
    numbers = (context.cast(builder, a, t, types.intp) for a, t in zip(args, sig.args, strict=True))
    kind = llvm.FunctionType(llvm.VoidType(), [cgutils.bool_t])
    assume = builder.module.declare_intrinsic("llvm.assume", (), kind)
    builder.call(assume, [builder.icmp_signed(">=", *numbers)])
    return context.get_dummy_value()


def _also_compiled(
    function: Callable[..., Any], typer: Any, lowering: Any, *kinds: Any
) -> Callable[..., Any]:
    """``function`` itself; compiled code that calls it takes ``lowering`` instead."""
    type_callable(function)(typer)
    lower_builtin(function, *kinds)(lowering)
    return function


_SLOTS = types.Array, types.Integer, types.Integer, types.Any
_take = _also_compiled(_slots, _type_slots, _lower_slots, *_SLOTS)
_lend = _also_compiled(_lent_slots, _type_slots, _lower_lent_slots, *_SLOTS)
plus = _also_compiled(_sum, _type_sum, _lower_sum, types.Float, types.Number)
fresh = _also_compiled(_alone, _type_same, _lower_alone, types.Any)
over = _also_compiled(_quotient, _type_quotient, _lower_quotient, types.Float, types.Float)
at_least = _also_compiled(_no_less, _type_nothing, _lower_no_less, types.Integer, types.Integer)


@register_jitable
def _reserved(pool: tuple[np.ndarray, np.ndarray], size: int, dtype: Any) -> int:
    """Where in the pool there is room for ``size`` elements; -1: nowhere."""
    buffer, mark = pool
    start = mark[0]
    end = start + size * _take(buffer, 0, 0, dtype).itemsize
    mark[0] = (end + 63) & -64  # whole cache lines
    return start if 0 <= size <= buffer.size and end <= buffer.size else -1


@register_jitable
def tape(pool: tuple[np.ndarray, np.ndarray], size: int, dtype: Any) -> np.ndarray:
    """An uninitialised array of ``size`` elements: from the pool, or fresh memory.

    Memory is handed out before it is there, so a tape that is too long would be noticed when the
    system has no more, which then ends some program.
    """
    start = _reserved(pool, size, dtype)
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


# ---------------------------------------------------------------- numbers that threads share


def _raise_to(marks: np.ndarray, place: int, value: int) -> int:
    """``marks[place] = max(marks[place], value)``, all at once; returns what was there."""
    found = marks[place]
    marks[place] = max(found, value)
    return found


def _add_to(marks: np.ndarray, place: int, value: int) -> int:
    """``marks[place] += value``, all at once; returns what was there."""
    found = marks[place]
    marks[place] += value
    return found


def _seen(marks: np.ndarray, place: int) -> int:
    """``marks[place]``, and all that its writer wrote before it."""
    return marks[place]


def _let_others_run() -> None:
    """The processor is free for another thread."""


def _type_change(_context: Any) -> Callable[..., Any]:
    return lambda marks, place, value: types.int64


def _type_look(_context: Any) -> Callable[..., Any]:
    return lambda marks, place: types.int64


def _type_no_result(_context: Any) -> Callable[..., Any]:
    return lambda: types.none


def _lower_mark(operation: str) -> Any:
    """An operation on one element of ``marks`` that threads see all at once."""

    def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        marks = make_array(sig.args[0])(context, builder, args[0])
        numbers = (
            context.cast(builder, a, t, types.int64)
            for a, t in zip(args[1:], sig.args[1:], strict=True)
        )
        place, *value = numbers
        element = builder.gep(marks.data, [place])
        if value:
            return builder.atomic_rmw(operation, element, value[0], "seq_cst")
        return builder.load_atomic(element, "seq_cst", 8)

    return lowering


def _lower_yield(context: Any, builder: Any, _sig: Any, _args: Any) -> Any:
    if sys.platform != "win32":
        kind = llvm.FunctionType(llvm.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
    return context.get_dummy_value()


_MARK = types.Array, types.Integer, types.Integer
_claim = _also_compiled(_raise_to, _type_change, _lower_mark("max"), *_MARK)
_count = _also_compiled(_add_to, _type_change, _lower_mark("add"), *_MARK)
_look = _also_compiled(_seen, _type_look, _lower_mark("load"), *_MARK[:2])
_rest = _also_compiled(_let_others_run, _type_no_result, _lower_yield)


_PATIENCE = 4096
"""How often a worker looks for the end of a phase before it does something else: some 10 us."""


@register_jitable
def goes_on(pool: tuple[np.ndarray, np.ndarray], kind: int) -> bool:
    """Count a step: forward (0), run again (1) or reversed (2); whether the run is to go on."""
    mark = pool[1]
    mark[4 + kind] += 1
    return _look(mark, 7) == 0  # another thread changes it


@register_jitable
def power_of_two(most: int) -> int:
    """The greatest one that is not more, and 1 at least: as many parts as any crew can share."""
    parts = 1
    while 2 * parts <= most:
        parts *= 2
    return parts


@register_jitable
def even_parts(most: int, workers: int) -> int:
    """As many parts for each worker, four at most; if there are more workers, ``most``."""
    if most < workers:
        return max(1, most)
    return workers * min(4, most // workers)


@register_jitable
def new_worker(worker: int, workers: int) -> np.ndarray:
    """What one of the workers of a crew keeps for itself, at the start of what they share.

    All of them go through the same phases, of some parts each. ``own`` is, in this order: its
    number, the number of workers, the phase, the parts of all phases before it; of this phase, how
    many parts it asked for, how many it has done and not yet said so, where its own share of them
    begins, and how long that is; and how often it looks whether others finish theirs.
    """
    own = np.zeros(16, np.int64)
    own[0], own[1], own[2], own[8] = worker, workers, 1, _PATIENCE
    return own


@register_jitable
def next_part(crew: np.ndarray, own: np.ndarray, parts: int) -> int:
    """A part of this phase for a worker to run; -1: there is none left.

    Its own share comes first, the same rows in all phases, which are in its cache. It gives the
    others time for theirs, then it takes what they have not begun, at once if nobody else was
    there in the phase before. ``crew[8 * part + 8]`` is the last phase in which somebody took that
    part.
    """
    if own[4] == 0:
        own[6] = (own[0] * parts + own[1] - 1) // own[1]
        own[7] = ((own[0] + 1) * parts + own[1] - 1) // own[1] - own[6]
    while own[4] < parts:
        if own[4] == own[7] and _are_done(crew, own, parts):
            own[4] = parts
            own[8] = _PATIENCE
            break
        part = own[6] + own[4]
        if part >= parts:
            part -= parts
        own[4] += 1
        place = 8 * part + 8
        if _look(crew, place) < own[2] and _claim(crew, place, own[2]) < own[2]:
            own[5] += 1
            return part
        own[8] = _PATIENCE  # somebody else has it
    return -1


@register_jitable
def _are_done(crew: np.ndarray, own: np.ndarray, parts: int) -> bool:
    """Whether all parts are done, now or soon; that somebody does them is not known."""
    if own[5] > 0:
        _count(crew, 0, own[5])
    own[5] = 0
    for _ in range(own[8]):
        if _look(crew, 0) >= own[3] + parts:
            return True
    own[8] = 0
    return False


@register_jitable
def end_phase(crew: np.ndarray, own: np.ndarray, parts: int) -> None:
    """Wait until all parts of this phase are done; ``crew[0]`` counts those of all phases.

    A part that is not done was taken by a worker that runs it: who waits has asked for all of
    them. So nobody waits for a worker that has not begun, and one alone can do everything.
    """
    own[2] += 1
    own[3] += parts
    if own[5] > 0:
        _count(crew, 0, own[5])
    own[4] = own[5] = 0
    looks = 0
    while _look(crew, 0) < own[3]:
        looks += 1
        if looks > _PATIENCE:
            _rest()


@register_jitable
def next_snapshot(step: int, end: int, free: int) -> int:
    """Where to take the next snapshot on the way from ``step``, whose state is kept, to ``end``.

    The iterations from ``step`` to ``end - 1`` are to be reversed, and ``free`` more snapshots can
    be kept meanwhile. It goes where the fewest iterations are run again: with c = free + 1 and
    beta(c, r) = (c + r)! / (c! r!), the most that can be reversed if none is run more than r times,
    that is beta(c, r - 1) iterations further on, or as few less as fill the rest (Griewank and
    Walther, ACM Trans. Math. Softw. 26, 2000). Without room for one it is the last iteration.
    """
    length = end - step
    if length <= 1:
        return end
    if free <= 0:
        return end - 1
    runs, most = 1, free + 2  # beta(c, 1)
    before, beside = 1, 1  # beta(c, r - 1) and beta(c - 1, r - 1)
    while most < length:
        runs += 1
        before, most = most, most * (free + 1 + runs) // runs
        beside = before * (free + 1) // (free + runs)
    return step + min(before, length - beside)


@register_jitable
def snapshot_distance(trips: int, snapshots: int) -> int:
    """How far snapshots are apart of which there are at most so many, at equal distances."""
    return max(1, (trips + snapshots - 1) // snapshots)


@register_jitable
def segment_length(trips: int, step: int, state: int) -> int:
    """How many steps of a run are on the tape at a time: all of them where that is not much.

    A step takes ``step`` bytes of tape. Before each segment, ``state`` bytes are kept to run it
    again; tape and states together are shortest where they are of the same length. 8 MB are not
    much: a processor's caches hold them.
    """
    if trips * step <= 1 << 23:
        return max(1, trips)
    return min(trips, max(8, math.ceil(math.sqrt(trips * state / step))))


@register_jitable
def disk_distance(trips: int, snapshots: int, most: int, turns: int) -> int:
    """How far snapshots on disk are apart, of which there are at most ``most`` (0: no limit).

    From one to the next, the snapshots in memory are enough to run no iteration again more than
    once. It is a multiple of ``turns``.
    """
    enough = max(1, (snapshots + 1) // turns)
    fewest = 0 if most == 0 else (trips + most * turns - 1) // (most * turns)
    return max(enough, fewest) * turns


@register_jitable
def next_periodic(step: int, _end: int, _free: int, distance: int) -> int:
    """As ``next_snapshot``, where there is a snapshot at every multiple of ``distance`` only."""
    return step + distance


@register_jitable
def next_in_distance(step: int, end: int, free: int, distance: int) -> int:
    """As ``next_snapshot``, where there is a snapshot at every multiple of ``distance`` too."""
    following = step - step % distance + distance
    return following if following < end else next_snapshot(step, end, free)


@register_jitable
def union(unions: tuple[np.ndarray, np.ndarray], a: int, b: int) -> int:
    """The number of the union of the sets a and b of inputs, 0 being the empty set.

    ``unions`` is ``(table: int32[:, 6], mark: int64[::1])``, ``mark[0]`` the next number. Row k of
    the table says what set k is: the two sets that it joins and, if it has at most 4 members, these
    in ascending order and zeros after them (-1 in place of the first: it has more). Where the table
    ends only the numbers go on, so that the caller can run again with one that is long enough.
    """
    if a == 0:
        return b
    if b in (0, a):
        return a
    table, mark = unions
    number = mark[0]
    size = 5
    if number < table.shape[0]:
        if table[a, 0] == b or table[a, 1] == b:
            return a
        if table[b, 0] == a or table[b, 1] == a:
            return b
        if table[a, 2] > 0 and table[b, 2] > 0:
            i, j, size = 2, 2, 0
            while size < 5:
                x = table[a, i] if i < 6 else 0
                y = table[b, j] if j < 6 else 0
                if x == 0 and y == 0:
                    break
                least = x if y == 0 or 0 < x <= y else y
                if size < 4:
                    table[number, 2 + size] = least
                size += 1
                i += least == x
                j += least == y
            if size == i - 2:  # all of b is in a
                return a
            if size == j - 2:
                return b
        for k in range(size, 4):
            table[number, 2 + k] = 0
        if size == 5:
            table[number, 2] = -1
        table[number, 0], table[number, 1] = a, b
    mark[0] = number + 1
    return number


@register_jitable
def stop_gradient(x: Any) -> Any:
    """``x``, which passes no derivative on."""
    return x


@register_jitable
def straight_through(hard: Any, _soft: Any) -> Any:
    """``hard``, which has the derivative of ``soft``."""
    return hard


@register_jitable
def matmul_into(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """``np.dot(a, b, out)`` of a matrix and a matrix or vector; BLAS is slow at small ones."""
    if a.size * b.shape[-1] >= 256:
        np.dot(a, b, out)
    elif b.ndim == 1:
        for i in range(a.shape[0]):
            out[i] = 0.0
            for k in range(a.shape[1]):
                out[i] += a[i, k] * b[k]
    else:
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                out[i, j] = 0.0
            for k in range(a.shape[1]):
                for j in range(b.shape[1]):
                    out[i, j] += a[i, k] * b[k, j]


# ---------------------------------------------------------------- products of small matrices


def _set_product(out: np.ndarray, a: np.ndarray, b: np.ndarray, ta: bool, tb: bool) -> None:
    """``out[:] = np.dot(a, b)`` of contiguous arrays; ``ta``, ``tb``: of ``a.T``, ``b.T``.

    Where there is little to do, loops do it faster than BLAS is called.
    """
    out[:] = np.dot(a.T if ta else a, b.T if tb else b)


def _add_product(out: np.ndarray, a: np.ndarray, b: np.ndarray, ta: bool, tb: bool) -> None:
    """``out += np.dot(a, b)``; see ``set_product``."""
    out += np.dot(a.T if ta else a, b.T if tb else b)


def _add_products(
    out: np.ndarray, rows: np.ndarray, columns: np.ndarray, terms: int, top: int, left: int
) -> None:
    """Add the outer products of the first ``terms`` rows of ``rows`` and of ``columns``.

    ``top`` and ``left`` are the first row and the first column of ``out`` that they reach.
    """
    below, right = slice(top, rows.shape[1]), slice(left, columns.shape[1])
    out[below, right] += np.dot(rows[:terms, below].T, columns[:terms, right])


def _multiply(
    out: Any,
    a: Any,
    b: Any,
    m: int,
    n: int,
    inner: int,
    down: int,
    right: int,
    over: int,
    along: int,
    width: int,
    add: bool,
) -> None:
    """A product of matrices given by their memory, and how far their elements are apart in it.

    Four elements at a time, two rows and two columns; a last one alone is taken twice.
    """
    if inner == 0:
        for i in range(m):
            for j in range(n):
                if not add:
                    out[i * width + j] = 0
        return
    for i in range(0, m, 2):
        below = i + 1 if i + 1 < m else i
        for j in range(0, n, 2):
            beside = j + 1 if j + 1 < n else j
            p, q, r, s = i * down, below * down, j * along, beside * along
            one, two, three, four = a[p] * b[r], a[p] * b[s], a[q] * b[r], a[q] * b[s]
            for _ in range(1, inner):
                p, q, r, s = p + right, q + right, r + over, s + over
                one += a[p] * b[r]
                two += a[p] * b[s]
                three += a[q] * b[r]
                four += a[q] * b[s]
            p, q = i * width + j, i * width + beside
            r, s = below * width + j, below * width + beside
            if add:
                one, two = one + out[p], two + out[q]
                three, four = three + out[r], four + out[s]
            out[p], out[q], out[r], out[s] = one, two, three, four


def _apply(out: Any, a: Any, x: Any, m: int, inner: int, down: int, right: int, add: bool) -> None:
    """A product of a matrix and a vector, two elements at a time; see ``_multiply``."""
    if inner == 0:
        for i in range(m):
            if not add:
                out[i] = 0
        return
    for i in range(0, m, 2):
        below = i + 1 if i + 1 < m else i
        p, q = i * down, below * down
        one, two = a[p] * x[0], a[q] * x[0]
        for k in range(1, inner):
            p, q = p + right, q + right
            one += a[p] * x[k]
            two += a[q] * x[k]
        if add:
            one, two = one + out[i], two + out[below]
        out[i], out[below] = one, two


def _are_plain(*arrays: Any) -> bool:
    """Whether these are types of arrays of one dtype, row after row."""
    rows = all(isinstance(t, types.Array) and t.layout == "C" for t in arrays)
    return rows and len({t.dtype for t in arrays}) == 1


def _type_product(_context: Any) -> Callable[..., Any]:
    def typer(out: Any, a: Any, b: Any, ta: Any, tb: Any) -> Any:
        return types.none if _are_plain(out, a, b) else None

    return typer


def _type_products(_context: Any) -> Callable[..., Any]:
    def typer(out: Any, rows: Any, columns: Any, terms: Any, top: Any, left: Any) -> Any:
        return types.none if _are_plain(out, rows, columns) else None

    return typer


def _lower_product(context: Any, builder: Any, sig: Any, args: Any, add: bool) -> Any:
    """``_set_product`` and ``_add_product`` in compiled code."""
    *arrays, ta, tb = args
    out, a, b = _made(context, builder, sig, arrays)
    if sig.args[1].ndim == 1:  # a @ b is b.T @ a
        a, b, ta = b, a, builder.not_(tb)
    rows, columns = cgutils.unpack_tuple(builder, a.shape)
    n, width = (cgutils.unpack_tuple(builder, x.shape)[-1] for x in (out, b))
    m, inner = builder.select(ta, columns, rows), builder.select(ta, rows, columns)
    data = out.data, a.data, b.data
    numbers = m, n, inner, columns, width, n
    return _call_product(context, builder, sig.args[0], data, numbers, ta, tb, add)


def _lower_products(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """``_add_products`` in compiled code."""
    out, rows, columns = _made(context, builder, sig, args[:3])
    terms, top, left = (
        context.cast(builder, x, t, types.intp) for x, t in zip(args[3:], sig.args[3:], strict=True)
    )
    width, height, length = (
        cgutils.unpack_tuple(builder, x.shape)[1] for x in (out, rows, columns)
    )
    start = builder.add(builder.mul(top, width), left)
    data = (
        builder.gep(out.data, [start]),
        builder.gep(rows.data, [top]),
        builder.gep(columns.data, [left]),
    )
    none = terms.type(0)
    m, n = builder.sub(height, top), builder.sub(length, left)
    m, n = (builder.select(builder.icmp_signed("<", x, none), none, x) for x in (m, n))
    numbers = m, n, terms, height, length, width
    flags = cgutils.true_bit, cgutils.false_bit
    return _call_product(context, builder, sig.args[0], data, numbers, *flags, add=True)


def _made(context: Any, builder: Any, sig: Any, arrays: Any) -> list[Any]:
    pairs = zip(sig.args[: len(arrays)], arrays, strict=True)
    return [make_array(t)(context, builder, x) for t, x in pairs]


def _call_product(
    context: Any, builder: Any, out: Any, data: Any, numbers: Any, ta: Any, tb: Any, add: bool
) -> Any:
    """Call the function of the module that multiplies: loops, or BLAS where there is more to do.

    ``numbers``: the rows, columns and terms of the product, and how wide the three matrices are:
    the first factor, the second (as they are in memory), and the result.
    """
    given = [*data, *numbers, ta, tb, cgutils.bool_t(add)]
    title = f"srcad_product_{out.dtype}_{out.ndim}"
    function = builder.module.globals.get(title)
    if function is None:
        kinds = [g.type for g in given]
        function = llvm.Function(builder.module, llvm.FunctionType(llvm.VoidType(), kinds), title)
        function.linkage = "internal"
        inside = llvm.IRBuilder(function.append_basic_block())
        _write_product(context, inside, out, function.args)
        inside.ret_void()
    builder.call(function, given)
    return context.get_dummy_value()


def _write_product(context: Any, builder: Any, out: Any, args: Any) -> None:
    """The body of the function."""
    *data, m, n, inner, of_a, of_b, width, ta, tb, add = args
    pointer, size = types.CPointer(out.dtype), types.intp
    one = m.type(1)
    down, right = builder.select(ta, one, of_a), builder.select(ta, of_a, one)
    work = builder.mul(m, inner)
    numbers = [m, inner, down, right]
    loops, enough = _apply, 256
    if out.ndim == 2:
        over, along = builder.select(tb, one, of_b), builder.select(tb, of_b, one)
        work = builder.mul(work, n)
        numbers = [m, n, inner, down, right, over, along, width]
        loops, enough = _multiply, 512
    few = builder.icmp_signed("<", work, m.type(enough))
    with builder.if_else(few) as (then, otherwise):
        with then:
            kinds = [*[pointer] * 3, *[size] * len(numbers), types.boolean]
            signature = types.none(*kinds)
            made = context.compile_subroutine(builder, loops, signature)
            given = [*data, *numbers, add]  # no exception can come from it
            context.call_internal_no_propagate(builder, made.fndesc, signature, given)
        with otherwise:
            _by_blas(context, builder, out, args)


def _by_blas(context: Any, builder: Any, out: Any, args: Any) -> None:
    """BLAS goes down columns: to it a matrix is its transpose, and a product turned around."""
    ensure_blas()
    *data, m, n, inner, of_a, of_b, width, ta, tb, add = args

    def number(x: float) -> Any:
        value = context.get_constant_generic(builder, out.dtype, x)
        return builder.bitcast(cgutils.alloca_once_value(builder, value), cgutils.voidptr_t)

    def letter(test: Any, yes: str, no: str) -> Any:
        return builder.select(test, cgutils.int8_t(ord(yes)), cgutils.int8_t(ord(no)))

    one = number(1.0)
    old = builder.select(add, one, number(0.0))
    result, first, second = (builder.bitcast(x, cgutils.voidptr_t) for x in data)
    kind = cgutils.int8_t(ord(get_blas_kind(out.dtype)))
    if out.ndim == 1:
        title = "numba_xxgemv"
        mode = letter(ta, "n", "t")
        height = builder.select(ta, inner, m)
        given = [kind, mode, of_a, height, one, first, of_a, second, old, result]
    else:
        title = "numba_xxgemm"
        modes = letter(tb, "t", "n"), letter(ta, "t", "n")
        given = [kind, *modes, n, m, inner, one, second, of_b, first, of_a, old, result, width]
    function_type = llvm.FunctionType(cgutils.int32_t, [g.type for g in given])
    builder.call(cgutils.get_or_insert_function(builder.module, function_type, title), given)


_PRODUCT = types.Array, types.Array, types.Array, types.Boolean, types.Boolean
set_product = _also_compiled(
    _set_product, _type_product, partial(_lower_product, add=False), *_PRODUCT
)
add_product = _also_compiled(
    _add_product, _type_product, partial(_lower_product, add=True), *_PRODUCT
)
_PRODUCTS = *_PRODUCT[:3], types.Integer, types.Integer, types.Integer
add_products = _also_compiled(_add_products, _type_products, _lower_products, *_PRODUCTS)


# ---------------------------------------------------------------- inverses and determinants


def _in_fortran(title: str, factored: bool) -> Callable[..., Any]:
    """Lowering of a call of what Numba has of LAPACK, for a matrix and its exchanged rows."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        ensure_lapack()
        a, pivots = (
            make_array(t)(context, builder, x) for t, x in zip(sig.args, args, strict=True)
        )
        _, n = cgutils.unpack_tuple(builder, a.shape)
        sizes = [n] if factored else [n, n]
        data = [builder.bitcast(x.data, cgutils.voidptr_t) for x in (a, pivots)]
        kind = cgutils.int8_t(ord(get_blas_kind(sig.args[0].dtype)))
        given = [kind, *sizes, data[0], n, data[1]]
        function_type = llvm.FunctionType(cgutils.int32_t, [g.type for g in given])
        function = cgutils.get_or_insert_function(builder.module, function_type, title)
        found = builder.call(function, given)
        return context.cast(builder, found, types.int32, sig.return_type)

    return lower


def _type_factors(_context: Any) -> Callable[..., Any]:
    def typer(a: Any, pivots: Any) -> Any:
        return types.intp

    return typer


def _factors(a: np.ndarray, pivots: np.ndarray) -> int:
    """The triangular factors of a matrix in its place; more than 0 if it is singular."""
    for k in range(a.shape[0]):
        row = k + int(np.argmax(np.abs(a[k:, k])))
        pivots[k] = row + 1
        a[[k, row]] = a[[row, k]]
        if a[k, k] == 0.0:
            return k + 1
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return 0


def _from_factors(a: np.ndarray, pivots: np.ndarray) -> int:
    """The inverse of a matrix in the place of its factors."""
    lower, upper = np.tril(a, -1) + np.eye(a.shape[0], dtype=a.dtype), np.triu(a)
    order = np.arange(a.shape[0])
    for k, row in enumerate(pivots):
        order[[k, row - 1]] = order[[row - 1, k]]
    a[:] = np.linalg.solve(upper, np.linalg.inv(lower))[:, np.argsort(order)]
    return 0


_lapack_factors = _also_compiled(
    _factors, _type_factors, _in_fortran("numba_xxgetrf", False), types.Array, types.Array
)
_lapack_inverse = _also_compiled(
    _from_factors, _type_factors, _in_fortran("numba_ez_xxgetri", True), types.Array, types.Array
)


@register_jitable
def set_inverse(out: np.ndarray, a: np.ndarray) -> None:
    """``out[:] = np.linalg.inv(a)`` of contiguous arrays, a matrix of 2 rows without LAPACK."""
    n = a.shape[0]
    if a.shape[1] != n:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if n == 0:
        return
    if n == 2:
        first = 1 if abs(a[1, 0]) > abs(a[0, 0]) else 0
        top, right = a[first, 0], a[first, 1]
        if top == 0.0:
            raise np.linalg.LinAlgError("Singular matrix")
        ratio = a[1 - first, 0] / top
        corner = a[1 - first, 1] - ratio * right
        if corner == 0.0:
            raise np.linalg.LinAlgError("Singular matrix")
        below, beside = -ratio / corner, 1.0 / corner
        out[0, first] = (1.0 - right * below) / top
        out[0, 1 - first] = -(right * beside) / top
        out[1, first], out[1, 1 - first] = below, beside
        return
    for i in range(n):
        for j in range(n):
            out[i, j] = a[i, j]
    pivots = np.empty(n, np.int32)
    if _lapack_factors(out, pivots) > 0 or _lapack_inverse(out, pivots) > 0:
        raise np.linalg.LinAlgError("Singular matrix")


@register_jitable
def determinant(a: np.ndarray) -> Any:
    """``np.linalg.det(a)``, of a matrix of 2 rows without LAPACK."""
    n = a.shape[0]
    if a.shape[1] != n:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if n == 2:
        first = 1 if abs(a[1, 0]) > abs(a[0, 0]) else 0
        top = a[first, 0]
        if top == 0.0:
            return top - top
        corner = a[1 - first, 1] - a[1 - first, 0] / top * a[first, 1]
        if corner == 0.0:
            return corner - corner
        return -(top * corner) if first == 1 else top * corner
    factors = np.empty((n, n), a.dtype)
    for i in range(n):
        for j in range(n):
            factors[i, j] = a[i, j]
    found = np.ones(1, a.dtype)[0]
    pivots = np.empty(n, np.int32)
    if n > 0 and _lapack_factors(factors, pivots) > 0:
        return found * 0.0
    for i in range(n):
        found = found * factors[i, i]
        if pivots[i] != i + 1:
            found = -found
    return found


@register_jitable
def digamma(x: float) -> float:
    """The derivative of ``log(gamma(x))``, to rounding; NaN at the poles.

    Recurrence to x >= 10, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.7, 6.3.18).
    """
    reflected = 0.0
    if x <= 0.0:
        if x == np.floor(x):
            return np.nan
        reflected = -np.pi / np.tan(np.pi * x)
        x = 1.0 - x
    shifted = 0.0
    while x < 10.0:
        shifted -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    series = r * (
        1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * 691 / 32760))))
    )
    return reflected + shifted + np.log(x) - 0.5 / x - series
