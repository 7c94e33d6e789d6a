"""The registry of derivatives: what is declared in the tables of this package.

A rule belongs to a scalar or elementwise function. It is written as plain Python that the
compiler reads (``srcad.rules.template``): the function's result and its arguments come in, its
partial derivatives go out. An operator and its function are one entry. The registry imports no
table; ``srcad.rules.library`` imports them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Rule:
    """A function known to the compiler.

    ``name`` is how generated code calls it, ``result`` the kind of its value: "float" (a float,
    whatever the arguments), "same" (as the sum of its arguments), "real" (its real part's),
    "int" or "bool". ``partials`` is None for a function without derivative. ``singular``: a partial
    may be infinite where the value is finite, so that a zero cotangent has to win over it.

    The partials of a holomorphic function serve complex arguments too; a function of complex
    numbers that is not has an ``adjoint``: what its arguments receive from the seed of its value.
    """

    name: str
    arity: int
    result: str
    partials: Callable[..., object] | None
    singular: bool = False
    holomorphic: bool = False
    adjoint: Callable[..., object] | None = None
    is_real_linear: bool = False
    """Whether the function with an ``adjoint`` is linear over the real numbers."""

    @property
    def is_constant(self) -> bool:
        """Whether it has no derivative."""
        return self.partials is None and self.adjoint is None

    @property
    def takes_complex(self) -> bool:
        """Whether its arguments may be complex numbers."""
        return self.holomorphic or self.adjoint is not None


Dims = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """The axes of arguments and results, in NumPy's notation for generalised ufuncs.

    A result may say its kind: "real", "complex", "int" or "bool"; else it is that of the arguments.
    An argument without parentheses is an integer, the length of that axis.

    An array of integers is "int(n)".

    >>> read_signature("(m,n)->(m,k),real(k)")  # doctest: +NORMALIZE_WHITESPACE
    Signature(arguments=(('m', 'n'),), results=(('same', ('m', 'k')), ('real', ('k',))),
              integers=())
    """

    arguments: tuple[Dims, ...]
    results: tuple[tuple[str, Dims], ...]
    integers: tuple[int, ...] = ()
    """Which arguments are arrays of integers, and stay so."""


def read_signature(text: str) -> Signature:
    """The signature that a text stands for."""
    left, _, right = text.partition("->")
    found = re.findall(r"(\w*)\(([\w,]*)\)", right)
    results = tuple((kind or "same", _dims(dims)) for kind, dims in found)
    given = re.findall(r"(int)?\(([\w,]*)\)|(\w+)", left)
    arguments = tuple((f"={n}",) if n else _dims(dims) for _, dims, n in given)
    return Signature(arguments, results, tuple(k for k, (word, *_) in enumerate(given) if word))


def _dims(text: str) -> Dims:
    return tuple(text.split(",")) if text else ()


@dataclass(frozen=True, slots=True)
class CallRule:
    """A rule for a whole call, of arrays or numbers: how derivatives pass through it.

    ``pullback`` and ``pushforward`` are read like the user's code, with ``d[name]`` for the adjoint
    (the tangent) of what ``name`` stands for; the first parameter is the result. ``partials`` takes
    the place of both for an elementwise function.
    """

    name: str
    """How generated code calls it; empty: it is written out in the module."""
    signature: Signature | None = None
    """Axes of arguments and results; None for a function whose source says it."""
    members: type | None = None
    """The namedtuple that the function returns."""
    pullback: Callable[..., object] | None = None
    pushforward: Callable[..., object] | None = None
    partials: Callable[..., object] | None = None
    transpose: Callable[..., object] | None = None
    """For a linear function of its first argument: from the adjoint of the result to its own."""
    is_linear: bool = False
    """Whether the function is linear in its first argument, the only one that is a float."""
    is_constant: bool = False
    """Whether the result has no derivative."""

    @property
    def reverse(self) -> Callable[..., object] | None:
        """The function of the user's that says how to go back."""
        return self.pullback or self.partials or self.transpose


class Adjoints:
    """``d[x]`` in a pullback: the adjoint of x. It is read by the compiler, and never run."""

    def __getitem__(self, of: object) -> object:
        raise TypeError("d[...] has a meaning inside of pullback and pushforward rules only")

    def __setitem__(self, of: object, value: object) -> None:
        raise TypeError("d[...] has a meaning inside of pullback and pushforward rules only")


d: Any = Adjoints()

_F = TypeVar("_F", bound=Callable[..., object])

_by_name: dict[str, Rule] = {}
_by_object: dict[object, str] = {}
_expansions: dict[object, Callable[..., object]] = {}
_calls: dict[object, CallRule] = {}
_held: list[object] = []
"""Functions whose rules were declared: kept alive, so that no other takes their place."""


def partials(
    name: str,
    *aliases: object,
    result: str = "float",
    singular: bool = False,
    holomorphic: bool = False,
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Declare the partial derivatives of ``name`` and of the functions that are the same.

    ``None`` in place of a partial: it is not known, and its argument has to be constant.
    """

    def declare(rule: Callable[..., object]) -> Callable[..., object]:
        arity = rule.__code__.co_argcount - 1
        _add(Rule(name, arity, result, rule, singular, holomorphic), aliases)
        return rule

    return declare


def adjoint(
    name: str, *aliases: object, result: str = "real", linear: bool = False
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Declare what the complex arguments of ``name`` receive; the seed is the last parameter.

    ``linear``: the function is so over the real numbers, and its own tangent. A function that is
    not has one argument and a real value. A rule of this name for real arguments is kept.
    """

    def declare(rule: Callable[..., object]) -> Callable[..., object]:
        arity = rule.__code__.co_argcount - 2
        known = _by_name.get(name, Rule(name, arity, result, None))
        _add(replace(known, result=result, adjoint=rule, is_real_linear=linear), aliases)
        return rule

    return declare


def constant(
    name: str, *aliases: object, arity: int = 1, result: str = "float", holomorphic: bool = False
) -> None:
    """Declare that ``name`` has no derivative: it is piecewise constant."""
    _add(Rule(name, arity, result, None, holomorphic=holomorphic), aliases)


def same_as(name: str, *aliases: object) -> None:
    """Declare functions that are the same as the one with a rule of this name."""
    _add(_by_name[name], aliases)


def expand(*objects: object) -> Callable[[_F], _F]:
    """Declare a function that computes what these do, to be differentiated like user code."""

    def declare(function: _F) -> _F:
        for target in objects:
            _expansions[_identity(target)] = function
        return function

    return declare


def pullback(
    function: object,
    signature: str = "",
    *,
    members: type | None = None,
    name: str = "",
    linear: bool = False,
) -> Callable[[_F], _F]:
    """Declare what the arguments of a call receive from the adjoint of its result.

    ``signature`` are the axes of arguments and results (``Signature``). Arguments of a higher rank
    go to the expansion of the function. One that is ``linear`` in its first argument, and takes no
    other floats, is its own pushforward.
    """

    def declare(rule: _F) -> _F:
        axes = read_signature(signature) if signature else None
        title = name or (_spelled(function) if signature else "")
        declare_call(function, CallRule(title, axes, members, pullback=rule, is_linear=linear))
        return rule

    return declare


def pushforward(function: object) -> Callable[[_F], _F]:
    """Declare the tangent of the result of a call; its pullback was declared before."""

    def declare(rule: _F) -> _F:
        declare_call(function, replace(_calls[_identity(function)], pushforward=rule))
        return rule

    return declare


def _spelled(function: Any) -> str:
    """How generated code spells a function of NumPy.

    >>> import numpy as np
    >>> _spelled(np.linalg.inv), _spelled(np.fft.fft)
    ('np.linalg.inv', 'np.fft.fft')
    """
    return f"{function.__module__}.{function.__name__}".replace("numpy.", "np.", 1)


def declare_call(function: object, rule: CallRule) -> None:
    """Let a rule be that of a function; programs written before are written again."""
    _calls[_identity(function)] = rule
    _held.append(function)


def declare_expansion(function: object, expansion: Callable[..., object]) -> None:
    """Let a function be differentiated as if it were another one."""
    _expansions[_identity(function)] = expansion
    _held.append(function)


def _identity(function: object) -> object:
    """What rules are found by: a function, whatever compiled it, or the place of what has no hash."""
    function = getattr(function, "py_func", function)
    try:
        hash(function)
    except TypeError:
        return id(function)
    return function


def generation() -> int:
    """How often rules were declared."""
    return len(_held)


def call_rule_of(function: object) -> CallRule | None:
    """The rule for calls of a Python function object."""
    try:
        return _calls.get(_identity(function))
    except TypeError:
        return None


def _add(rule: Rule, aliases: tuple[object, ...]) -> None:
    _by_name[rule.name] = rule
    for alias in aliases:
        _by_object[alias] = rule.name


def rule_named(name: str) -> Rule | None:
    """The rule of a function by the name that generated code uses, or of an operator."""
    return _by_name.get(name)


def rule_of(function: object) -> Rule | None:
    """The rule of a Python function object."""
    try:
        return _by_name.get(_by_object.get(function, ""))
    except TypeError:
        return None


def expansion_of(function: object) -> Callable[..., object] | None:
    """The function that stands for a Python function object when it is differentiated."""
    try:
        return _expansions.get(_identity(function))
    except TypeError:
        return None


def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of declaration."""
    return tuple(_by_name.values())
