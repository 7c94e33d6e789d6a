"""All tables of rules: the one module that imports them."""

from srcad.rules import arithmetic, complexes, elementary, linalg, matrices, rearranging, sorting
from srcad.rules.registry import Rule, all_rules, expansion_of, rule_named, rule_of

__all__ = [
    "Rule",
    "all_rules",
    "arithmetic",
    "complexes",
    "elementary",
    "expansion_of",
    "linalg",
    "matrices",
    "rearranging",
    "rule_named",
    "rule_of",
    "sorting",
]
