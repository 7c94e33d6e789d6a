"""Generated code run as plain Python, for a debugger: with the arithmetic of compiled code.

Compiled code computes with IEEE floats: ``1.0 / 0.0`` is inf and ``math.sqrt(-1.0)`` is nan, where
Python raises. So that both give the same, the division, power and remainder of floats and the
functions of ``math`` are replaced; line numbers stay as they are. ::

    y = math.log(x) / n        # runs as: y = _ieee_divide(ieee_math.log(x), n)
"""

import ast
import functools
import math
import operator
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

import numpy as np


def compile_plain(text: str, filename: str) -> CodeType:
    """The code of a generated module; its names are completed by ``use_ieee``."""
    return compile(_with_ieee(ast.parse(text, filename)), filename, "exec")


def use_ieee(module: ModuleType) -> None:
    """Give a module that was run the arithmetic that its code asks for."""
    vars(module).update(_OPERATIONS)
    if hasattr(module, "math"):
        vars(module)["math"] = ieee_math


def quietly(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without NumPy's warnings about inf and nan."""

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args)

    return call


def _with_ieee(tree: Any) -> Any:
    """The tree, changed in place: calls instead of the operators that raise for Python's floats."""
    for field in tree._fields:
        part = getattr(tree, field)
        if isinstance(part, list):
            part[:] = [_with_ieee(p) if isinstance(p, ast.AST) else p for p in part]
        elif isinstance(part, ast.expr | ast.stmt | ast.arguments | ast.keyword):
            setattr(tree, field, _with_ieee(part))
    name = _NAMES.get(type(getattr(tree, "op", None)))  # type: ignore[arg-type]
    if name is None:
        return tree
    if isinstance(tree, ast.AugAssign):
        if not isinstance(tree.target, ast.Name):
            return tree  # an element of an array is NumPy's own number
        old = _at(tree, ast.Name(tree.target.id, ast.Load()))
        return _at(tree, ast.Assign([tree.target], _call(name + "_in", old, tree.value, tree)))
    return _call(name, tree.left, tree.right, tree)


def _call(name: str, a: Any, b: Any, origin: Any) -> Any:
    return _at(origin, ast.Call(_at(origin, ast.Name(name, ast.Load())), [a, b], []))


def _at(origin: Any, made: Any) -> Any:
    return ast.copy_location(made, origin)


def _on_floats(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The operation on NumPy's numbers instead of Python's floats and complex numbers."""

    def apply(a: Any, b: Any) -> Any:
        return operation(_as_numpy(a), _as_numpy(b))

    return apply


def _as_numpy(x: Any) -> Any:
    make = _NUMPY.get(type(x))
    return x if make is None else make(x)


_NUMPY: dict[type, Callable[[Any], Any]] = {float: np.float64, complex: np.complex128}


_NAMES: dict[type[ast.operator], str] = {
    ast.Div: "_ieee_divide",
    ast.Pow: "_ieee_power",
    ast.Mod: "_ieee_remainder",
    ast.FloorDiv: "_ieee_quotient",
}
_OPERATIONS = {
    "_ieee_divide": _on_floats(operator.truediv),
    "_ieee_power": _on_floats(operator.pow),
    "_ieee_remainder": _on_floats(operator.mod),
    "_ieee_quotient": _on_floats(operator.floordiv),
    "_ieee_divide_in": _on_floats(operator.itruediv),
    "_ieee_power_in": _on_floats(operator.ipow),
    "_ieee_remainder_in": _on_floats(operator.imod),
    "_ieee_quotient_in": _on_floats(operator.ifloordiv),
}


def _gamma(x: Any) -> Any:
    if x == 0.0:
        return np.copysign(np.inf, x)
    return np.inf if x > 0.0 else np.nan


def _lgamma(x: Any) -> Any:
    return np.nan if np.isnan(x) else np.inf


def _nan(*_args: Any) -> Any:
    return np.nan


_BEYOND: dict[str, Callable[..., Any]] = {
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "cbrt": np.cbrt,
    "copysign": np.copysign,
    "cos": np.cos,
    "cosh": np.cosh,
    "degrees": np.degrees,
    "erf": math.erf,
    "erfc": math.erfc,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "fabs": np.fabs,
    "fmod": np.fmod,
    "gamma": _gamma,
    "hypot": np.hypot,
    "ldexp": np.ldexp,
    "lgamma": _lgamma,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "nextafter": np.nextafter,
    "pow": np.power,
    "radians": np.radians,
    "remainder": _nan,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
"""What the functions of ``math`` that return floats give where ``math`` itself raises."""


def _ieee(function: Callable[..., Any], beyond: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, or ``beyond`` where it raises; float32 for float32, as in compiled code."""

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        try:
            y = function(*args)
        except (ValueError, OverflowError):
            with np.errstate(all="ignore"):
                y = beyond(*[float(x) for x in args])
        return np.float32(y) if all(type(x) is np.float32 for x in args) else np.float64(y)

    return call


def _ieee_module() -> ModuleType:
    module = ModuleType("ieee_math", "The module math, with IEEE results where it raises.")
    vars(module).update({k: v for k, v in vars(math).items() if not k.startswith("_")})
    for name, beyond in _BEYOND.items():
        if hasattr(math, name):
            setattr(module, name, _ieee(getattr(math, name), beyond))
    return module


ieee_math = _ieee_module()
"""``math`` for generated code that runs as plain Python."""
