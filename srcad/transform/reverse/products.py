"""The adjoint of a matrix product ``c = a @ b`` (either factor possibly transposed).

For matrices ``a_b += c_b @ b.T`` and ``b_b += a.T @ c_b``; with a vector, one of the two is an
outer product, written as loops. Complex factors are conjugated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from srcad.ir.build import accumulate, conjugate, times
from srcad.ir.names import Names
from srcad.ir.nodes import Batch, Expr, Extent, Load, MatMul, Stmt, Store, Var
from srcad.ir.types import INT, is_complex
from srcad.transform.nest import Body


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
    lead = 0 if stmt.batch is None else 1
    rank_a, rank_b = writer.arrays[stmt.a][1] - lead, writer.arrays[stmt.b][1] - lead
    seed = writer.bar(stmt.target)
    out: list[Stmt] = []
    if writer.is_active(stmt.a):
        if rank_b == 1:
            out += _outer(writer, lead, stmt.a, seed, seed, stmt.b, stmt.ta)
        elif rank_a == 1:
            out += _product(writer, lead, stmt.a, seed, MatMul("", stmt.b, seed, stmt.tb, False))
        elif stmt.ta:
            out += _product(writer, lead, stmt.a, seed, MatMul("", stmt.b, seed, stmt.tb, True))
        else:
            out += _product(
                writer, lead, stmt.a, seed, MatMul("", seed, stmt.b, False, not stmt.tb)
            )
    if writer.is_active(stmt.b):
        if rank_a == 1:
            out += _outer(writer, lead, stmt.b, seed, stmt.a, seed, stmt.tb)
        elif rank_b == 1:
            out += _product(
                writer, lead, stmt.b, seed, MatMul("", stmt.a, seed, not stmt.ta, False)
            )
        elif stmt.tb:
            out += _product(writer, lead, stmt.b, seed, MatMul("", seed, stmt.a, True, stmt.ta))
        else:
            out += _product(
                writer, lead, stmt.b, seed, MatMul("", stmt.a, seed, not stmt.ta, False)
            )
    return out


def _product(writer: Writer, lead: int, factor: str, seed: str, product: MatMul) -> list[Stmt]:
    """``factor_b += product``."""
    share = writer.names.fresh("share")
    writer.arrays[share] = writer.arrays[factor]
    dtype, ndim = writer.arrays[factor]
    if lead:
        shape = tuple(Extent(writer.bar(factor), k) for k in range(ndim))
        product = replace(product, batch=Batch(Var(writer.names.fresh("i"), INT), shape, dtype))
    if is_complex(dtype):
        product = replace(product, ca=product.a != seed, cb=product.b != seed)
    made = replace(product, target=share)

    def body(at: tuple[Expr, ...]) -> list[Stmt]:
        place = Load(writer.bar(factor), at, dtype)
        return [Store(place.array, at, accumulate(place, Load(share, at, dtype)))]

    return [made, *writer.nest(share, ndim, body)]


def _outer(
    writer: Writer, lead: int, factor: str, seed: str, left: str, right: str, transposed: bool
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
        row, column = at[: lead + 1], (*at[:lead], *at[lead + 1 :])
        term = times(item(left, row), item(right, column))
        return [Store(place.array, at, accumulate(place, term))]

    return writer.nest(writer.bar(factor), lead + 2, body)
