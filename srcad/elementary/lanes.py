"""Numbers in code that is being written, and functions for compiled code made of it.

An elementary function is plain Python without branches. Called with numbers or arrays it computes;
called with a ``Lane`` it leaves the instructions that compute. They go into a function of LLVM's
that is inlined wherever compiled code calls the elementary function: a loop that does so can become
vector instructions. Options of the caller such as ``fastmath`` do not reach them, so error terms
stay what they are.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import llvm_version_info
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer, infer_global, signature
from numba.extending import lower_builtin

Number = Any
"""A float or an integer, an array of such, or a ``Lane``."""

_DOUBLE, _LONG, _INT = ir.DoubleType(), ir.IntType(64), ir.IntType(32)
_WIDTHS = (2, 4, 8)
"""Doubles in a vector register of 128, 256 and 512 bits."""


class Lane:
    """A double, an integer of 64 bits or a truth value, in code that is being written."""

    def __init__(self, builder: Any, value: Any, fuses: bool) -> None:
        self.builder = builder
        self.value = value
        self.fuses = fuses
        """Whether the processor has fused multiplication and addition."""

    def of(self, value: Any) -> "Lane":
        """Another lane of the same code."""
        return Lane(self.builder, value, self.fuses)

    def given(self, other: Number) -> Any:
        """The value of an operand: a literal has the type of the lane."""
        if isinstance(other, Lane):
            return other.value
        return ir.Constant(self.value.type, other)

    def _does(self, name: str, other: Number, swapped: bool = False) -> "Lane":
        a, b = self.value, self.given(other)
        operation = getattr(self.builder, f"f{name}" if self.value.type == _DOUBLE else name)
        return self.of(operation(b, a) if swapped else operation(a, b))

    def _compares(self, sign: str, other: Number) -> "Lane":
        is_double = self.value.type == _DOUBLE
        compare = self.builder.fcmp_ordered if is_double else self.builder.icmp_signed
        return self.of(compare(sign, self.value, self.given(other)))

    def intrinsic(self, name: str, *others: Number) -> "Lane":
        """A function of doubles that LLVM knows."""
        kind = ir.FunctionType(_DOUBLE, [_DOUBLE] * (1 + len(others)))
        function = self.builder.module.declare_intrinsic(name, [_DOUBLE], kind)
        return self.of(self.builder.call(function, [self.value, *map(self.given, others)]))

    def __add__(self, other: Number) -> "Lane":
        return self._does("add", other)

    def __sub__(self, other: Number) -> "Lane":
        return self._does("sub", other)

    def __mul__(self, other: Number) -> "Lane":
        return self._does("mul", other)

    def __truediv__(self, other: Number) -> "Lane":
        return self._does("div", other)

    def __radd__(self, other: Number) -> "Lane":
        return self._does("add", other, swapped=True)

    def __rsub__(self, other: Number) -> "Lane":
        return self._does("sub", other, swapped=True)

    def __rmul__(self, other: Number) -> "Lane":
        return self._does("mul", other, swapped=True)

    def __neg__(self) -> "Lane":
        return self.of(self.builder.fneg(self.value))

    def __abs__(self) -> "Lane":
        return self.intrinsic("llvm.fabs")

    def __lshift__(self, count: int) -> "Lane":
        return self._does("shl", count)

    def __rshift__(self, count: int) -> "Lane":
        return self._does("ashr", count)

    def __and__(self, other: Number) -> "Lane":
        return self._does("and_", other)

    def __or__(self, other: Number) -> "Lane":
        return self._does("or_", other)

    def __xor__(self, other: Number) -> "Lane":
        return self._does("xor", other)

    def __lt__(self, other: Number) -> "Lane":
        return self._compares("<", other)

    def __gt__(self, other: Number) -> "Lane":
        return self._compares(">", other)

    def bits(self) -> "Lane":
        """The bits of a double, as an integer."""
        return self.of(self.builder.bitcast(self.value, _LONG))

    def from_bits(self) -> "Lane":
        """The double of these bits."""
        return self.of(self.builder.bitcast(self.value, _DOUBLE))

    def select(self, a: Number, b: Number) -> "Lane":
        """a where this truth value is true, b where it is not."""
        kind = next((x.value.type for x in (a, b) if isinstance(x, Lane)), _DOUBLE)
        a, b = (x.value if isinstance(x, Lane) else ir.Constant(kind, x) for x in (a, b))
        return self.of(self.builder.select(self.value, a, b))

    def is_nan(self) -> "Lane":
        """Whether it is no number."""
        return self.of(self.builder.fcmp_unordered("uno", self.value, self.value))


def compiled(arity: int, lower: Callable[..., Any]) -> Callable[..., Any]:
    """Let compiled code call the decorated function: of float32 it is one, else a double."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        class Typed(AbstractTemplate):
            """What Numba asks for the type of a call."""

            key = function

            def generic(self, args: Any, kws: Any) -> Any:
                if kws or len(args) != arity or not all(isinstance(a, types.Number) for a in args):
                    return None
                kind = types.float32 if all(a == types.float32 for a in args) else types.float64
                return signature(*(kind,) * (arity + 1))

        infer(Typed)
        infer_global(function, types.Function(Typed))
        for kind in (types.float32, types.float64):
            lower_builtin(function, *(kind,) * arity)(lower)
        return function

    return decorate


def elementary(function: Callable[..., Number]) -> Callable[..., Number]:
    """A function of doubles, for numbers, arrays and compiled code.

    Of a float32 it is the value of the double, rounded.
    """
    name = f"srcad_{function.__name__}"
    arity = len(inspect.signature(function).parameters)
    kind = ir.FunctionType(_DOUBLE, [_DOUBLE] * arity)

    @functools.cache
    def library(codegen: Any) -> Any:
        made = codegen.create_library(name)
        module = made.create_ir_module(name)
        written = ir.Function(module, kind, name)
        written.attributes.add("alwaysinline")
        builder = ir.IRBuilder(written.append_basic_block())
        fuses = _fuses(codegen)
        builder.ret(function(*(Lane(builder, x, fuses) for x in written.args)).value)
        made.add_ir_module(module)
        made.finalize()
        return made

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        context.active_code_library.add_linking_library(library(context.codegen()))
        callee = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        x = [
            context.cast(builder, a, t, types.float64) for a, t in zip(args, sig.args, strict=True)
        ]
        return context.cast(builder, builder.call(callee, x), types.float64, sig.return_type)

    @compiled(arity, lower)
    @functools.wraps(function)
    def of_numbers(*x: Number) -> Number:
        single = all(getattr(a, "dtype", None) == np.float32 for a in x)
        with np.errstate(all="ignore"):
            y = function(*(np.asarray(a, np.float64)[()] for a in x))
        return np.asarray(y, np.float32)[()] if single else y

    return of_numbers


def _fuses(codegen: Any) -> bool:
    machine, _, features = codegen.magic_tuple()
    return "+fma," in f"{features}," or machine.startswith(("aarch64", "arm64"))


def with_variants(module: Any, name: str, arity: int) -> Any:
    """``exceptional`` for one number, in a module of LLVM's, with the variants for vectors.

    They are named as LLVM's vector function ABI says.
    """
    library = ir.Function(module, ir.FunctionType(_DOUBLE, [_DOUBLE] * arity), name)
    title = f"srcad_exceptional_{name}"
    scalar = ir.Function(module, ir.FunctionType(_DOUBLE, [_DOUBLE] * (2 + arity)), title)
    scalar.linkage = "linkonce_odr"
    builder = ir.IRBuilder(scalar.append_basic_block())
    where, y, *x = scalar.args
    with builder.if_then(builder.fcmp_ordered(">", where, ir.Constant(_DOUBLE, 0.0)), likely=False):
        builder.ret(builder.call(library, x))
    builder.ret(y)
    for lanes in _WIDTHS:
        _variant(module, scalar, lanes)
    kinds = "v" * (2 + arity)
    variants = ",".join(f"_ZGV_LLVM_N{n}{kinds}_{title}({title}_{n})" for n in _WIDTHS)
    # llvmlite lists the attributes that it knows, and these are not among them
    pure = "memory(none)" if llvm_version_info >= (16, 0, 0) else "readnone"
    known = ["noinline", "nounwind", "willreturn", "speculatable", pure]
    for attribute in [*known, f'"vector-function-abi-variant"="{variants}"']:
        set.add(scalar.attributes, attribute)
    return scalar


def _variant(module: Any, scalar: Any, lanes: int) -> None:
    kind = ir.VectorType(_DOUBLE, lanes)
    of_vectors = ir.FunctionType(kind, [kind] * len(scalar.args))
    vector = ir.Function(module, of_vectors, f"{scalar.name}_{lanes}")
    vector.linkage = "weak_odr"  # only an attribute names it
    builder = ir.IRBuilder(vector.append_basic_block())
    where, y, *_ = vector.args
    zeros = ir.Constant(kind, [0.0] * lanes)
    flags = builder.bitcast(builder.fcmp_ordered(">", where, zeros), ir.IntType(lanes))
    any_lane = builder.icmp_unsigned("!=", flags, ir.Constant(ir.IntType(lanes), 0))
    with builder.if_then(any_lane, likely=False):
        result = y
        for lane in range(lanes):
            k = ir.Constant(_INT, lane)
            one = builder.call(scalar, [builder.extract_element(v, k) for v in vector.args])
            result = builder.insert_element(result, one, k)
        builder.ret(result)
    builder.ret(y)
