"""The positional parameters of what a program calls, of which ``*items`` fills those left."""

import inspect
import types
from dataclasses import dataclass, replace

import gast
import numpy as np

from srcad.frontend.values import BoundCall, LocalFunction, StaticValue, Value


@dataclass(frozen=True)
class Parameter:
    """One that can be given by position."""

    name: str
    has_default: bool


@dataclass(frozen=True)
class Parameters:
    """Those that can be given by position; a variadic function takes any number after them."""

    positional: tuple[Parameter, ...]
    is_variadic: bool


def parameters_of(function: Value) -> Parameters | None:
    """The parameters of a function or class; None if nothing tells them."""
    match function:
        case LocalFunction():
            return _of_local(function)
        case BoundCall(function=inner, args=args, keywords=keywords):
            found = parameters_of(inner)
            named = {name for name, _ in keywords}
            return found and replace(
                found,
                positional=tuple(p for p in found.positional[len(args) :] if p.name not in named),
            )
        case StaticValue(value=np.ufunc(nin=count)):
            return Parameters(tuple(Parameter(f"x{k}", False) for k in range(count)), False)
        case StaticValue(value=value) if callable(value):
            return _of_python(getattr(value, "py_func", value))
    return None


def _of_local(function: LocalFunction) -> Parameters:
    args = function.node.args  # type: ignore[attr-defined]
    nodes = [a for a in [*args.posonlyargs, *args.args] if isinstance(a, gast.Name)]
    required = len(nodes) - len(function.defaults)
    found = tuple(Parameter(a.id, k >= required) for k, a in enumerate(nodes))
    return Parameters(found, args.vararg is not None)


def _of_python(function: object) -> Parameters | None:
    try:
        known = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    positional = tuple(
        Parameter(p.name, p.default is not p.empty)
        for p in known
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    )
    is_variadic = any(p.kind is p.VAR_POSITIONAL for p in known)
    if is_variadic and not isinstance(function, types.FunctionType):
        return None
    return Parameters(positional, is_variadic)
