"""Inverses and determinants, of matrices of 2 rows without LAPACK."""

import contextlib
import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir as llvm
from numba.core import cgutils, types
from numba.extending import register_jitable
from numba.np.arrayobj import make_array
from numba.np.linalg import ensure_lapack, get_blas_kind

from srcad.runtime.intrinsics import also_compiled


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


_lapack_factors = also_compiled(
    _factors, _type_factors, _in_fortran("numba_xxgetrf", False), types.Array, types.Array
)
_lapack_inverse = also_compiled(
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
def cofactors(a: np.ndarray) -> np.ndarray:
    """The derivatives of ``np.linalg.det(a)``, of a singular matrix too."""
    out = np.empty(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i, j] = a[i, j]
    _cofactors(out)
    return out


def _make_cofactors(a: np.ndarray) -> None:
    """The cofactors of a matrix in its place; NaN if it has no singular values."""
    given = a.copy()
    a[:] = np.nan
    with contextlib.suppress(np.linalg.LinAlgError):
        u, s, vh = np.linalg.svd(given)
        others = np.array([np.prod(np.delete(s, k)) for k in range(s.size)], s.dtype)
        size = np.linalg.det(u) * np.linalg.det(vh)
        a[:] = size * ((u * others) @ vh).conj()


def _make_cofactors_at(kind: int, n: int, address: int) -> None:
    """``_make_cofactors`` of what stands at an address."""
    dtype = np.dtype(chr(kind))
    memory = (ctypes.c_char * (n * n * dtype.itemsize)).from_address(address)
    _make_cofactors(np.ndarray((n, n), dtype, memory))  # pyright: ignore[reportArgumentType]


def _named(symbol: str, function: Any) -> str:
    """``symbol``, by which compiled code finds a function that is made for ctypes, for good."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(function))
    llvmlite.binding.add_symbol(symbol, ctypes.cast(function, ctypes.c_void_p).value)
    return symbol


_COFACTORS = _named(
    "srcad_cofactors",
    ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p)(_make_cofactors_at),
)


def _type_cofactors(_context: Any) -> Callable[..., Any]:
    def typer(a: Any) -> Any:
        return types.none

    return typer


def _lower_cofactors(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """``_make_cofactors`` in compiled code, which calls Python: few programs ever do it."""
    a = make_array(sig.args[0])(context, builder, args[0])
    kind = cgutils.int32_t(ord(np.dtype(str(sig.args[0].dtype)).char))
    size, _ = cgutils.unpack_tuple(builder, a.shape)
    given = [kind, size, builder.bitcast(a.data, cgutils.voidptr_t)]
    function_type = llvm.FunctionType(llvm.VoidType(), [g.type for g in given])
    builder.call(cgutils.get_or_insert_function(builder.module, function_type, _COFACTORS), given)
    return context.get_dummy_value()


_cofactors = also_compiled(_make_cofactors, _type_cofactors, _lower_cofactors, types.Array)


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
