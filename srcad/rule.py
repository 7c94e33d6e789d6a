"""Derivatives of the user's own: ``srcad.rule``.

A rule says how the derivative passes through the calls of a function, instead of what the compiler
would write from its source. The compiler reads the rule and writes it into the adjoint; it is not
called. There are five notations::

    @srcad.rule.partials(f)          # elementwise: the partial derivatives, from the result y
    def _(y, a, b):
        return a / y, b / y

    @srcad.rule.pullback(f)          # anything: accumulate into the adjoints of the arguments
    def _(y, a):
        d[a] -= y.T @ d[y] @ y.T

    srcad.rule.linear(f, transpose=g)    # f is linear in its first argument: g goes back
    srcad.rule.expand(f)(g)              # differentiate g in its place
    srcad.rule.constant(f)               # f has no derivative

``srcad.check_grads(f, args)`` compares the rule with the function.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any, TypeVar

from srcad.errors import ArgumentError
from srcad.rules import registry
from srcad.rules.registry import CallRule, d, read_signature

__all__ = ["constant", "d", "expand", "linear", "partials", "pullback", "pushforward"]

_F = TypeVar("_F", bound=Callable[..., Any])


def partials(f: Callable[..., Any], /, signature: str = "") -> Callable[[_F], _F]:
    """Declare the partial derivatives of a function of numbers, or an elementwise one.

    The rule takes the result and then the arguments of ``f``, and returns one partial derivative
    for each argument: a number, or an array of the shape of the result. Arguments that are integers
    have none; what is returned for them is not read. Where the adjoint of the result is 0, the
    contribution is 0, even if the partial is infinite.

    Parameters
    ----------
    f : callable
        The function, plain or compiled by Numba. If its source cannot be read (a ``cfunc``, a
        ``ctypes`` function), ``signature`` says what it takes and gives.
    signature : str
        The axes of arguments and results as in NumPy's generalised ufuncs, "(),()->()" for a
        function of two numbers; a result may say its kind, as in "(n)->int()".

    Raises
    ------
    ArgumentError
        If the rule does not have the parameters of ``f`` after the result.

    Examples
    --------
    >>> import numpy as np, srcad
    >>> def softplus(x):
    ...     return np.log1p(np.exp(x))
    >>> @srcad.rule.partials(softplus)
    ... def _(y, x):
    ...     return 1.0 / (1.0 + np.exp(-x))
    >>> srcad.grad(softplus)(-800.0)
    0.0
    """

    def declare(rule: _F) -> _F:
        _require_parameters(f, rule)
        _declare(f, signature, CallRule("", partials=rule))
        return rule

    return declare


def pullback(f: Callable[..., Any], /, signature: str = "") -> Callable[[_F], _F]:
    """Declare what the arguments of a function receive from the adjoint of its result.

    In the rule ``d[y]`` is the adjoint of the result y (a tuple of them for a tuple) and ``d[a]``
    that of the argument a, of the same shape: accumulate into it with ``+=`` or ``-=``. For complex
    numbers it is the Hermitian adjoint: ``Re<d[y], dy> == Re<d[a], da>``.

    Parameters and errors are those of ``partials``; ``d`` may be imported from ``srcad.rule``.

    Examples
    --------
    >>> import numpy as np, srcad
    >>> from srcad.rule import d
    >>> def total(x):
    ...     return np.sum(x)
    >>> @srcad.rule.pullback(total)
    ... def _(y, x):
    ...     d[x] += d[y]
    >>> srcad.grad(total)(np.ones(3))
    array([1., 1., 1.])
    """

    def declare(rule: _F) -> _F:
        _require_parameters(f, rule)
        _declare(f, signature, CallRule("", pullback=rule))
        return rule

    return declare


def pushforward(f: Callable[..., Any], /) -> Callable[[_F], _F]:
    """Declare the tangent of the result of a function that has a pullback.

    In the rule ``d[a]`` is the tangent of the argument a, and ``d[y]`` is assigned.
    """

    def declare(rule: _F) -> _F:
        known = registry.call_rule_of(f)
        if known is None or known.pullback is None:
            raise ArgumentError(
                f"{_name(f)} has no pullback", hint="declare it first: @srcad.rule.pullback(...)"
            )
        _require_parameters(f, rule)
        registry.declare_call(f, replace(known, pushforward=rule))
        return rule

    return declare


def linear(f: _F, /, transpose: Callable[..., Any], signature: str = "") -> _F:
    """Declare that a function is linear in its first argument; returns it.

    ``transpose(seed, *others)`` takes the adjoint of the result and the other arguments of ``f``,
    and returns the adjoint of the first: ``<seed, f(x)> == <transpose(seed), x>``.

    Examples
    --------
    >>> import numpy as np, srcad
    >>> def shift(x):
    ...     return np.roll(x, 1)
    >>> shift = srcad.rule.linear(shift, transpose=lambda seed: np.roll(seed, -1))
    >>> srcad.grad(lambda x, w: np.sum(w * shift(x)))(np.ones(3), np.arange(3.0))
    array([1., 2., 0.])
    """
    _require_plain(transpose)
    _declare(f, signature, CallRule("", transpose=transpose))
    return f


def expand(f: Callable[..., Any], /) -> Callable[[_F], _F]:
    """Declare a function that computes what ``f`` does: it is differentiated in its place.

    Examples
    --------
    >>> import srcad, cmath
    >>> def norm(x):
    ...     return abs(complex(x, 0.0))
    >>> @srcad.rule.expand(norm)
    ... def _(x):
    ...     return math.sqrt(x * x)
    >>> srcad.grad(norm)(3.0)
    1.0
    """

    def declare(expansion: _F) -> _F:
        _require_plain(expansion)
        registry.declare_expansion(f, expansion)
        return expansion

    return declare


def constant(f: _F, /, signature: str = "") -> _F:
    """Declare that a function has no derivative, so that it passes none on; returns it.

    Examples
    --------
    >>> import srcad
    >>> @srcad.rule.constant
    ... def level(x):
    ...     return 10.0 * x
    >>> srcad.grad(lambda x: x * level(x))(2.0)
    20.0
    """
    _declare(f, signature, CallRule("", is_constant=True))
    return f


def _declare(f: Any, signature: str, rule: CallRule) -> None:
    if not callable(f):
        raise ArgumentError(f"a rule is for a function, not for {type(f).__name__}")
    if signature:
        rule = replace(rule, name=_name(f), signature=read_signature(signature))
    registry.declare_call(f, rule)


def _name(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _require_plain(rule: Any) -> None:
    if not isinstance(rule, FunctionType):
        raise ArgumentError(f"a rule must be a plain Python function, not {type(rule).__name__}")


def _require_parameters(f: Any, rule: Any) -> None:
    """Raise unless a rule takes the result and the arguments of its function."""
    _require_plain(rule)
    plain = getattr(f, "py_func", f)
    if not isinstance(plain, FunctionType):
        return
    own = list(inspect.signature(plain).parameters)
    given = list(inspect.signature(rule).parameters)
    if len(given) != len(own) + 1:
        raise ArgumentError(
            f"the rule of {plain.__name__} takes {len(given)} parameters ({', '.join(given)})",
            hint=f"it takes the result and then the arguments: (y, {', '.join(own)})",
        )


class _Callable(ModuleType):
    """The module, which may be called: ``srcad.rule(f, pullback=...)``."""

    def __call__(self, f: _F, /, *, signature: str = "", **rules: Any) -> _F:
        """Declare rules of a function by keyword; returns the function."""
        known = {
            "partials": partials,
            "pullback": pullback,
            "pushforward": pushforward,
            "expand": expand,
        }
        for word, rule in rules.items():
            if word == "constant":
                constant(f, signature)
            elif word in ("linear", "transpose"):
                linear(f, rule, signature)
            elif word in known:
                extra = (signature,) if word in ("partials", "pullback") else ()
                known[word](f, *extra)(rule)
            else:
                raise ArgumentError(
                    f"srcad.rule has no notation {word!r}",
                    hint=f"use one of {', '.join(known)}, transpose or constant",
                )
        return f


sys.modules[__name__].__class__ = _Callable
