"""The adjoint of a matrix product ``c = a @ b`` (either factor possibly transposed).

For matrices ``a_b += c_b @ b.T`` and ``b_b += a.T @ c_b``; with a vector, one of the two is an
outer product, written as loops. Complex factors are conjugated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from srcad.ir.build import accumulate, conjugate, times
from srcad.ir.names import Names
from srcad.ir.nodes import Expr, Load, MatMul, Stmt, Store
from srcad.ir.types import is_complex

Body = Callable[[tuple[Expr, ...]], list[Stmt]]
"""From an index to the statements for that element."""


class Writer(Protocol):
    """What of the reverser is needed here."""

    names: Names
    arrays: dict[str, tuple[str, int]]

    def bar(self, name: str) -> str:
        """The shadow of an array."""
        ...

    def is_active(self, name: str) -> bool:
        """Whether a name carries a derivative."""
        ...

    def nest(self, array: str, ndim: int, body: Body) -> list[Stmt]:
        """Loops over all elements of an array."""
        ...


def reverse_product(stmt: MatMul, writer: Writer) -> list[Stmt]:
    """What the factors receive from the shadow of the product."""
    rank_a, rank_b = writer.arrays[stmt.a][1], writer.arrays[stmt.b][1]
    seed = writer.bar(stmt.target)
    out: list[Stmt] = []
    if writer.is_active(stmt.a):
        if rank_b == 1:
            out += _outer(writer, stmt.a, seed, seed, stmt.b, stmt.ta)
        elif rank_a == 1:
            out += _product(writer, stmt.a, seed, MatMul("", stmt.b, seed, stmt.tb, False))
        elif stmt.ta:
            out += _product(writer, stmt.a, seed, MatMul("", stmt.b, seed, stmt.tb, True))
        else:
            out += _product(writer, stmt.a, seed, MatMul("", seed, stmt.b, False, not stmt.tb))
    if writer.is_active(stmt.b):
        if rank_a == 1:
            out += _outer(writer, stmt.b, seed, stmt.a, seed, stmt.tb)
        elif rank_b == 1:
            out += _product(writer, stmt.b, seed, MatMul("", stmt.a, seed, not stmt.ta, False))
        elif stmt.tb:
            out += _product(writer, stmt.b, seed, MatMul("", seed, stmt.a, True, stmt.ta))
        else:
            out += _product(writer, stmt.b, seed, MatMul("", stmt.a, seed, not stmt.ta, False))
    return out


def _product(writer: Writer, factor: str, seed: str, product: MatMul) -> list[Stmt]:
    """``factor_b += product``."""
    share = writer.names.fresh("share")
    writer.arrays[share] = writer.arrays[factor]
    dtype = writer.arrays[factor][0]
    if is_complex(dtype):
        product = replace(product, ca=product.a != seed, cb=product.b != seed)
    made = replace(product, target=share)

    def body(at: tuple[Expr, ...]) -> list[Stmt]:
        place = Load(writer.bar(factor), at, dtype)
        return [Store(place.array, at, accumulate(place, Load(share, at, dtype)))]

    return [made, *writer.nest(share, writer.arrays[factor][1], body)]


def _outer(
    writer: Writer, factor: str, seed: str, left: str, right: str, transposed: bool
) -> list[Stmt]:
    """``factor_b += outer(left, right)``, transposed where the factor was."""
    if transposed:
        left, right = right, left

    dtype = writer.arrays[factor][0]

    def item(array: str, at: tuple[Expr, ...]) -> Expr:
        found = Load(array, at, dtype)
        return found if array == seed else conjugate(found)

    def body(at: tuple[Expr, ...]) -> list[Stmt]:
        place = Load(writer.bar(factor), at, dtype)
        term = times(item(left, at[:1]), item(right, at[1:]))
        return [Store(place.array, at, accumulate(place, term))]

    return writer.nest(writer.bar(factor), 2, body)
