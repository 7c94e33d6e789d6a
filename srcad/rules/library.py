"""All tables of rules: the one module that imports them."""

from srcad.rules import arithmetic, complexes, elementary
from srcad.rules.registry import Rule, all_rules, rule_named, rule_of

__all__ = ["Rule", "all_rules", "arithmetic", "complexes", "elementary", "rule_named", "rule_of"]
