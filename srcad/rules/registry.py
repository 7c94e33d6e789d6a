"""The registry of derivatives: what is declared in the tables of this package.

A rule belongs to a scalar or elementwise function. It is written as plain Python that the
compiler reads (``srcad.rules.template``): the function's result and its arguments come in, its
partial derivatives go out. An operator and its function are one entry. The registry imports no
table; ``srcad.rules.library`` imports them all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Rule:
    """A function known to the compiler.

    ``name`` is how generated code calls it, ``result`` the kind of its value: "float" (a float,
    whatever the arguments), "same" (as the sum of its arguments), "int" or "bool". ``partials`` is
    None for a function without derivative. ``singular``: a partial may be infinite where the value
    is finite, so that a zero cotangent has to win over it.
    """

    name: str
    arity: int
    result: str
    partials: Callable[..., object] | None
    singular: bool = False


_F = TypeVar("_F", bound=Callable[..., object])

_by_name: dict[str, Rule] = {}
_by_object: dict[object, Rule] = {}
_expansions: dict[object, Callable[..., object]] = {}


def partials(
    name: str, *aliases: object, result: str = "float", singular: bool = False
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Declare the partial derivatives of ``name`` and of the functions that are the same."""

    def declare(rule: Callable[..., object]) -> Callable[..., object]:
        arity = rule.__code__.co_argcount - 1
        _add(Rule(name, arity, result, rule, singular), aliases)
        return rule

    return declare


def constant(name: str, *aliases: object, arity: int = 1, result: str = "float") -> None:
    """Declare that ``name`` has no derivative: it is piecewise constant."""
    _add(Rule(name, arity, result, None), aliases)


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
        _by_object[alias] = rule


def rule_named(name: str) -> Rule | None:
    """The rule of a function by the name that generated code uses, or of an operator."""
    return _by_name.get(name)


def rule_of(function: object) -> Rule | None:
    """The rule of a Python function object."""
    try:
        return _by_object.get(function)
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
