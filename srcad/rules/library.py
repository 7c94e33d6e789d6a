"""All tables of rules: the one module that imports them, those of SciPy when the user has."""

import importlib
import sys

from srcad.rules import (
    arithmetic,
    choosing,
    comparisons,
    complexes,
    elementary,
    factors,
    fourier,
    linalg,
    matrices,
    polynomials,
    products,
    random,
    rearranging,
    registry,
    signals,
    sorting,
    statistics,
    surgery,
)
from srcad.rules.registry import CallRule, Rule, call_rule_of

_TABLES = {
    "scipy.fft": ["srcad.rules.scipy_fft"],
    "scipy.special": ["srcad.rules.special", "srcad.rules.softmax"],
    "scipy.linalg": ["srcad.rules.scipy_linalg", "srcad.rules.scipy_factors"],
    "scipy.sparse": ["srcad.rules.sparse"],
    "scipy.integrate": ["srcad.rules.quadrature"],
    "scipy.signal": ["srcad.rules.scipy_signal"],
    "scipy.stats": ["srcad.rules.distributions"],
}
"""By the module whose functions they are about."""


def rule_of(function: object) -> Rule | None:
    """The rule of a Python function object."""
    _load_tables()
    return registry.rule_of(function)


def expansion_of(function: object) -> object:
    """The function that stands for a Python function object when it is differentiated."""
    _load_tables()
    return registry.expansion_of(function)


def rule_named(name: str) -> Rule | None:
    """The rule of a function by the name that generated code uses, or of an operator."""
    found = registry.rule_named(name)
    if found is None and name.startswith(("special.", "digamma")):  # in partials of math's
        importlib.import_module("scipy.special")
        _load_tables()
        found = registry.rule_named(name)
    return found


def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of declaration."""
    _load_tables()
    return registry.all_rules()


def _load_tables() -> None:
    for module in [m for m in _TABLES if m in sys.modules]:
        for table in _TABLES.pop(module):
            importlib.import_module(table)


__all__ = [
    "CallRule",
    "Rule",
    "all_rules",
    "arithmetic",
    "call_rule_of",
    "choosing",
    "comparisons",
    "complexes",
    "elementary",
    "expansion_of",
    "factors",
    "fourier",
    "linalg",
    "matrices",
    "polynomials",
    "products",
    "random",
    "rearranging",
    "rule_named",
    "rule_of",
    "signals",
    "sorting",
    "statistics",
    "surgery",
]
