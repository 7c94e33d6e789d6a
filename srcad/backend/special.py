"""The functions of ``scipy.special`` in compiled code: calls of SciPy's own, written in C.

``scipy.special.cython_special`` exports their addresses. Compiled code is kept on disk, where an
address of this process means nothing: each is a named symbol, resolved when the code is loaded.
This module imports SciPy and Numba only, so that its text can be copied into a module that runs
without srcad.
"""

import ctypes
from functools import cache
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer, infer_global, signature
from numba.extending import lower_builtin, overload
from scipy import special
from scipy.special import cython_special


def bind(name: str) -> None:
    """Let compiled code call ``scipy.special.<name>`` with numbers."""
    address, arity = _exported(name)
    symbol = f"scipy_special_{name}"
    llvmlite.binding.add_symbol(symbol, address)
    function = getattr(special, name)

    class Typed(AbstractTemplate):
        """All numbers: a float32 for float32, else a double."""

        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            number = types.Number | types.Boolean
            if kws or len(args) != arity or not all(isinstance(a, number) for a in args):
                return None
            single = all(a == types.float32 for a in args)
            return signature(types.float32 if single else types.float64, *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        double = ir.DoubleType()
        kind = ir.FunctionType(double, [double] * arity + [ir.IntType(32)])
        callee = cgutils.get_or_insert_function(builder.module, kind, symbol)
        given = [
            context.cast(builder, a, t, types.float64) for a, t in zip(args, sig.args, strict=True)
        ]
        y = builder.call(callee, [*given, ir.Constant(ir.IntType(32), 0)])
        return context.cast(builder, y, types.float64, sig.return_type)

    infer(Typed)
    infer_global(function, types.Function(Typed))
    lower_builtin(function, types.VarArg(types.Any))(lower)


def _exported(name: str) -> tuple[int, int]:
    """The address of the variant for doubles, and its number of arguments."""
    api = ctypes.pythonapi
    read_name, read_pointer = api.PyCapsule_GetName, api.PyCapsule_GetPointer
    read_name.restype, read_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    read_pointer.restype = ctypes.c_void_p
    read_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    exported = cython_special.__pyx_capi__
    for key in (name, *(f"__pyx_fuse_{k}{name}" for k in range(3))):
        if key in exported:
            kinds_of = read_name(exported[key])
            words = kinds_of.decode().replace("(", ",").replace(")", ",").split(",")
            kinds = [w.strip() for w in words if w.strip()]
            if set(kinds) == {"double", "int __pyx_skip_dispatch"}:
                return read_pointer(exported[key], kinds_of), len(kinds) - 2
    raise LookupError(f"scipy.special.cython_special exports no {name} of doubles")


@overload(special.zeta, jit_options={"error_model": "numpy", "fastmath": False})
def _zeta(s: Any, q: Any) -> Any:
    """The zeta function of Hurwitz: Euler and Maclaurin's sum, as in SciPy (Cephes)."""
    factors = np.array(
        [
            12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1.8924375803183791606e9,
            7.47242496e10, -2.950130727918164224e12, 1.1646782814350067249e14,
            -4.5979787224074726105e15, 1.8152105401943546773e17, -7.1661652561756670113e18,
        ]
    )  # fmt: skip
    single = s == types.float32 and q == types.float32
    result = np.float32 if single else np.float64

    def zeta(s: Any, q: Any) -> Any:
        s, q = np.float64(s), np.float64(q)
        if not s >= 1.0 or np.isnan(q):
            return result(np.nan)
        if s == 1.0:
            return result(np.inf)
        if q <= 0.0:
            if q == np.floor(q):
                return result(np.inf)
            if s != np.floor(s):
                return result(np.nan)
        if q > 1e8:
            return result((1.0 / (s - 1.0) + 0.5 / q) * q ** (1.0 - s))
        total = q**-s
        shifted, term, count = q, 0.0, 0
        while count < 9 or shifted <= 9.0:
            count += 1
            shifted += 1.0
            term = shifted**-s
            total += term
            if abs(term) < 1.1102230246251565e-16 * abs(total):
                return result(total)
        total += term * shifted / (s - 1.0) - 0.5 * term
        rising, k = 1.0, 0.0
        for factor in factors:
            rising *= s + k
            term /= shifted
            correction = rising * term / factor
            total += correction
            if abs(correction) < 1.1102230246251565e-16 * abs(total):
                break
            rising *= s + k + 1.0
            term /= shifted
            k += 2.0
        return result(total)

    return zeta


@cache
def bind_all() -> None:
    """Bind every function that has a rule."""
    for name in NAMES:
        bind(name)


NAMES = (
    *("beta", "betainc", "betaln", "binom", "boxcox", "boxcox1p", "cosm1", "dawsn", "ellipe"),
    *("ellipk", "entr", "erfcinv", "erfcx", "erfi", "erfinv", "exp1", "exp10", "expi", "expit"),
    *("gamma", "gammainc", "gammaincc", "gammaln", "huber", "i0", "i0e", "i1", "i1e"),
    *("inv_boxcox", "iv", "ive", "j0", "j1", "jv", "k0", "k0e", "k1", "k1e", "kl_div", "kn"),
    *("kv", "kve", "log_expit", "log_ndtr", "loggamma", "logit", "ndtr", "ndtri"),
    *("pseudo_huber", "psi", "rel_entr", "rgamma", "spence", "xlog1py", "xlogy", "y0", "y1"),
    *("yn", "yv"),
)
"""The functions that generated code may call."""
