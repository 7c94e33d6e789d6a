"""Products of matrices and vectors into arrays that are there. ::

    out[:] = np.dot(a, b.T)      ->    set_product(out, a, b, False, True)
    out += np.dot(a, b)          ->    add_product(out, a, b, False, False)

Where there is little to do loops are faster than a call of BLAS, which is for the rest.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir as llvm
from numba.core import cgutils, types
from numba.extending import register_jitable
from numba.np.arrayobj import make_array
from numba.np.linalg import ensure_blas, get_blas_kind

from srcad.runtime.intrinsics import also_compiled


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


_COLUMNS = 4, 2, 1
"""So many columns of a product are made at a time, while there are as many."""


def _write_tiles(builder: Any, element: Any, data: Any, numbers: Any, add: Any) -> None:
    """``_multiply`` for real numbers, in LLVM's terms: the sums of several columns are one vector.

    Where ``b`` is transposed, the vectors are gathered from several of its rows.
    """
    m, n, *_, along, _ = numbers
    zero = m.type(0)
    with builder.if_else(builder.icmp_signed("==", along, along.type(1))) as branches:
        for branch, together in zip(branches, (True, False), strict=True):
            with branch:
                start = zero
                for columns in _COLUMNS:
                    end, kind = builder.and_(n, n.type(-columns)), llvm.VectorType(element, columns)
                    with (
                        cgutils.for_range_slice(builder, start, end, n.type(columns)) as (j, _),
                        cgutils.for_range_slice(builder, zero, m, m.type(2)) as (i, _),
                    ):
                        _write_tile(builder, kind, data, numbers, (i, j, together), add)
                    start = end


def _write_tile(builder: Any, kind: Any, data: Any, numbers: Any, tile: Any, add: Any) -> None:
    """Two rows of a product, as vectors of type ``kind``, from element ``i, j`` on."""
    out, a, b = data
    m, _, inner, down, right, over, along, width = numbers
    i, j, together = tile
    size, place = 4 if kind.element == llvm.FloatType() else 8, llvm.IntType(32)
    nothing = llvm.Constant(kind, llvm.Undefined)

    def address(array: Any, index: Any, *terms: Any) -> Any:
        for number, step in terms:
            index = builder.add(index, builder.mul(number, step))
        return builder.gep(array, [index])

    def vector_at(pointer: Any) -> Any:
        return builder.bitcast(pointer, kind.as_pointer())

    def spread(number: Any) -> Any:
        first = builder.insert_element(nothing, number, place(0))
        order = llvm.Constant(llvm.VectorType(place, kind.count), [0] * kind.count)
        return builder.shuffle_vector(first, nothing, order)

    def row_of_b(k: Any) -> Any:
        if together:
            return builder.load(vector_at(address(b, j, (k, over))), align=size)
        found = nothing
        for c in range(kind.count):
            column = builder.add(j, j.type(c))
            number = builder.load(address(b, builder.mul(k, over), (column, along)))
            found = builder.insert_element(found, number, place(c))
        return found

    below = builder.add(i, i.type(1))
    below = builder.select(builder.icmp_signed("<", below, m), below, i)
    starts = [builder.mul(row, down) for row in (i, below)]
    sums = [cgutils.alloca_once(builder, kind) for _ in starts]
    for total in sums:
        builder.store(llvm.Constant(kind, None), total)
    with cgutils.for_range(builder, inner) as loop:
        row = row_of_b(loop.index)
        for total, start in zip(sums, starts, strict=True):
            factor = spread(builder.load(address(a, start, (loop.index, right))))
            term = builder.fmul(factor, row)
            builder.store(builder.fadd(builder.load(total), term), total)
    results = [vector_at(address(out, j, (row, width))) for row in (i, below)]
    with builder.if_then(add):
        for total, result in zip(sums, results, strict=True):
            old = builder.load(result, align=size)
            builder.store(builder.fadd(builder.load(total), old), total)
    for total, result in zip(sums, results, strict=True):
        builder.store(builder.load(total), result, align=size)


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
        function.attributes.add("optsize")  # loops of few trips, which are not to be unrolled
        inside = llvm.IRBuilder(function.append_basic_block())
        _write_product(context, inside, out, function.args)
        inside.ret_void()
    builder.call(function, given)
    return context.get_dummy_value()


def _write_product(context: Any, builder: Any, out: Any, args: Any) -> None:
    """The body of the function."""
    *data, m, n, inner, of_a, of_b, width, ta, tb, add = args
    one = m.type(1)
    down, right = builder.select(ta, one, of_a), builder.select(ta, of_a, one)
    work, enough = builder.mul(m, inner), 256
    if out.ndim == 2:
        over, along = builder.select(tb, one, of_b), builder.select(tb, of_b, one)
        loops = data, (m, n, inner, down, right, over, along, width)
        work, enough = builder.mul(work, n), 512
    else:  # the row that is the vector, times the transposed matrix
        row = data[0], data[2], data[1]
        loops = row, (one, m, inner, m.type(0), one, right, down, m)
    few = builder.icmp_signed("<", work, m.type(enough))
    with builder.if_else(few) as (then, otherwise):
        with then:
            _write_loops(context, builder, out.dtype, *loops, add)
        with otherwise:
            _by_blas(context, builder, out, args)


def _write_loops(context: Any, builder: Any, dtype: Any, data: Any, numbers: Any, add: Any) -> None:
    """A small product: in vectors if its numbers are real."""
    if isinstance(dtype, types.Float):
        _write_tiles(builder, context.get_data_type(dtype), data, numbers, add)
        return
    kinds = [*[types.CPointer(dtype)] * 3, *[types.intp] * len(numbers), types.boolean]
    signature = types.none(*kinds)
    made = context.compile_subroutine(builder, _multiply, signature)
    given = [*data, *numbers, add]  # no exception can come from it
    context.call_internal_no_propagate(builder, made.fndesc, signature, given)


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
set_product = also_compiled(
    _set_product, _type_product, partial(_lower_product, add=False), *_PRODUCT
)
add_product = also_compiled(
    _add_product, _type_product, partial(_lower_product, add=True), *_PRODUCT
)
_PRODUCTS = *_PRODUCT[:3], types.Integer, types.Integer, types.Integer
add_products = also_compiled(_add_products, _type_products, _lower_products, *_PRODUCTS)
