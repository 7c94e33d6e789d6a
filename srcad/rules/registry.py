"""The registry of derivatives: what is declared in the tables of this package.

A rule belongs to a scalar or elementwise function. It is written as plain Python that the
compiler reads (``srcad.rules.template``): the function's result and its arguments come in, its
partial derivatives go out. An operator and its function are one entry. The registry imports no
table; ``srcad.rules.library`` imports them all.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar


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

    @property
    def is_constant(self) -> bool:
        """Whether it has no derivative."""
        return self.partials is None and self.adjoint is None

    @property
    def takes_complex(self) -> bool:
        """Whether its arguments may be complex numbers."""
        return self.holomorphic or self.adjoint is not None


_F = TypeVar("_F", bound=Callable[..., object])

_by_name: dict[str, Rule] = {}
_by_object: dict[object, str] = {}
_expansions: dict[object, Callable[..., object]] = {}


def partials(
    name: str,
    *aliases: object,
    result: str = "float",
    singular: bool = False,
    holomorphic: bool = False,
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Declare the partial derivatives of ``name`` and of the functions that are the same."""

    def declare(rule: Callable[..., object]) -> Callable[..., object]:
        arity = rule.__code__.co_argcount - 1
        _add(Rule(name, arity, result, rule, singular, holomorphic), aliases)
        return rule

    return declare


def adjoint(
    name: str, *aliases: object, result: str = "real"
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Declare what the complex arguments of ``name`` receive; the seed is the last parameter.

    A rule of this name for real arguments is kept.
    """

    def declare(rule: Callable[..., object]) -> Callable[..., object]:
        arity = rule.__code__.co_argcount - 2
        known = _by_name.get(name, Rule(name, arity, result, None))
        _add(replace(known, result=result, adjoint=rule), aliases)
        return rule

    return declare


def constant(
    name: str, *aliases: object, arity: int = 1, result: str = "float", holomorphic: bool = False
) -> None:
    """Declare that ``name`` has no derivative: it is piecewise constant."""
    _add(Rule(name, arity, result, None, holomorphic=holomorphic), aliases)


def expand(*objects: object) -> Callable[[_F], _F]:
    """Declare a function that computes what these do, to be differentiated like user code."""

    def declare(function: _F) -> _F:
        for target in objects:
            _expansions[target] = function
        return function

    return declare


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
        return _expansions.get(function)
    except TypeError:
        return None


def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of declaration."""
    return tuple(_by_name.values())
