"""All tables of rules: the one module that imports them."""

from srcad.rules import (
    arithmetic,
    complexes,
    elementary,
    factors,
    fourier,
    linalg,
    matrices,
    products,
    random,
    rearranging,
    sorting,
    surgery,
)
from srcad.rules.registry import (
    CallRule,
    Rule,
    all_rules,
    call_rule_of,
    expansion_of,
    rule_named,
    rule_of,
)

__all__ = [
    "CallRule",
    "Rule",
    "all_rules",
    "arithmetic",
    "call_rule_of",
    "complexes",
    "elementary",
    "expansion_of",
    "factors",
    "fourier",
    "linalg",
    "matrices",
    "products",
    "random",
    "rearranging",
    "rule_named",
    "rule_of",
    "sorting",
    "surgery",
]
