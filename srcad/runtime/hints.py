"""What LLVM may count on, or may do, for which Python has no words. ::

    u_b = np.zeros_like(u)       ->    u_b = fresh(np.zeros_like(u))
    s += x[i] * y[i]             ->    s = plus(s, x[i] * y[i])

Run in Python they are identities and plain arithmetic.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir as llvm
from numba.core import cgutils, types
from numba.core.imputils import impl_ret_borrowed
from numba.np.arrayobj import make_array

from srcad.runtime.intrinsics import also_compiled


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


plus = also_compiled(_sum, _type_sum, _lower_sum, types.Float, types.Number)
fresh = also_compiled(_alone, _type_same, _lower_alone, types.Any)
over = also_compiled(_quotient, _type_quotient, _lower_quotient, types.Float, types.Float)
at_least = also_compiled(_no_less, _type_nothing, _lower_no_less, types.Integer, types.Integer)
