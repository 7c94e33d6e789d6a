"""What Numba supports, and what srcad makes of each function: the page ``docs/coverage.md``.

The names come from Numba's own typing tables and are kept in ``coverage.toml``, so that the page is
the same whatever Numba is installed. ``python -m docs.coverage`` takes them from the installed one.
A verdict is read off the registry of rules and the front end's catalogue; the file says only what
cannot be: which of the functions have a derivative of 0 though no rule says so, what is part of
the language, and a call of each function whose arguments are not vectors
(``tests/rules/test_coverage.py`` makes these calls).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np

from srcad.frontend import catalogue
from srcad.frontend.expressions import OPERATORS
from srcad.frontend.functions import BUILTINS
from srcad.frontend.refusals import ATTRIBUTES, Refusal, function_refusal
from srcad.rules.library import Rule, call_rule_of, expansion_of, rule_of

DATA = Path(__file__).with_name("coverage.toml")

SPELLED = {
    "builtins": "",
    "operator": "operator.",
    "math": "math.",
    "cmath": "cmath.",
    "numpy": "np.",
    "numpy.linalg": "np.linalg.",
    "numpy.fft": "np.fft.",
    "numpy.random": "np.random.",
    "numpy.lib.stride_tricks": "np.lib.stride_tricks.",
    "numpy.polynomial.polynomial": "np.polynomial.polynomial.",
}
"""The modules, and how a user writes them."""

TITLES = {
    "rule": "partial derivatives",
    "pullback": "pullback",
    "expand": "written out",
    "loops": "loops",
    "language": "language",
    "constant": "derivative 0",
    "refused": "refused",
}
"""The verdicts, and how the page calls them."""


@dataclass(frozen=True)
class Entry:
    """A function, method or attribute that Numba supports."""

    name: str
    """As a user writes it; ``ndarray.sum`` for a method."""
    function: Any
    verdict: str | None
    refusal: Refusal | None = None


def load() -> dict[str, Any]:
    """The committed data."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def entries(data: dict[str, Any]) -> list[Entry]:
    """Every name of the data that the installed NumPy has, with its verdict."""
    found = [
        _entry(f"{SPELLED[module]}{name}", getattr(importlib.import_module(module), name), data)
        for module in SPELLED
        for name in data["names"][module]
        if hasattr(importlib.import_module(module), name)
    ]
    return found + [_method(name, data) for name in data["names"]["ndarray"]]


def _entry(name: str, function: Any, data: dict[str, Any]) -> Entry:
    refusal = function_refusal(function)
    if refusal is not None:
        return Entry(name, function, "refused", refusal)
    if name in data["language"]:
        return Entry(name, function, "language")
    if name in data["constant"]:
        return Entry(name, function, "constant")
    return Entry(name, function, _how(function))


def _how(function: Any) -> str | None:
    """Where the derivative of a function comes from; None: from nowhere."""
    rule, call_rule = rule_of(function), call_rule_of(function)
    if rule is not None:
        return "constant" if rule.is_constant else "rule"
    if call_rule is not None:
        return "constant" if call_rule.is_constant else "pullback"
    if expansion_of(function) is not None:
        return "expand"
    if catalogue.library_function(function) is not None:
        return "loops"
    return "language" if function in BUILTINS or function in OPERATORS else None


def _method(name: str, data: dict[str, Any]) -> Entry:
    title = f"ndarray.{name}"
    if name in ATTRIBUTES:
        return Entry(title, None, "refused", ATTRIBUTES[name])
    for verdict in ("language", "constant"):
        if title in data[verdict]:
            return Entry(title, None, verdict)
    if catalogue.array_method(name) is not None:
        return Entry(title, None, "loops")
    return Entry(title, None, "expand" if name in catalogue.METHODS else None)


# ------------------------------------------------------------ Numba's names


def numba_names() -> dict[str, list[str]]:
    """What the installed Numba can type."""
    # Numba has no public list; both are filled when a function is first compiled.
    from numba.core.registry import cpu_target  # noqa: PLC0415
    from numba.core.types import Array, float64  # noqa: PLC0415

    cpu_target.target_context.refresh()
    context = cpu_target.typing_context
    context.refresh()
    found: dict[str, list[str]] = {}
    for module in SPELLED:
        members = vars(importlib.import_module(module))
        names = [n for n, f in sorted(members.items()) if n[0] != "_" and _is_typed(context, f)]
        found[module] = names
    attributes: set[str] = set()
    for template in context._get_attribute_templates(Array(float64, 2, "C")):
        attributes.update(n.removeprefix("resolve_") for n in dir(template) if n[:8] == "resolve_")
        attributes.add(getattr(template, "_attr", None) or "")
    own = dir(np.ndarray)
    found["ndarray"] = sorted(a for a in attributes if a in own and a[:1] != "_")
    return found


def _is_typed(context: Any, function: Any) -> bool:
    try:
        known = context._lookup_global(function) is not None or function in context._functions
    except TypeError:
        return False
    return callable(function) and known


# ------------------------------------------------------------ the page


def counts() -> str:
    """How many there are of each verdict."""
    data = load()
    total = entries(data)
    rows = ["| | functions, methods and attributes |", "|---|---:|"]
    for verdict, title in TITLES.items():
        rows.append(f"| {title} | {sum(e.verdict == verdict for e in total)} |")
    rows.append(f"| all that Numba {data['numba']} supports | {len(total)} |")
    return "\n".join(rows) + "\n"


def by_module() -> str:
    """The verdict of each name, module by module."""
    parts: list[str] = []
    known = entries(load())
    heads = {**{m: s for m, s in SPELLED.items() if s}, "methods and attributes": "ndarray."}
    named = {head: [e for e in known if _head(e.name) == head] for head in heads.values()}
    for title, group in [
        ("built-in functions", [e for e in known if "." not in e.name]),
        *((title, named[head]) for title, head in heads.items()),
    ]:
        parts.append(f"### {title}\n")
        for verdict, word in TITLES.items():
            names = [f"`{e.name}`" for e in group if e.verdict == verdict]
            if names:
                parts.append(f"- *{word}*: {', '.join(names)}")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _head(name: str) -> str:
    return name[: name.rfind(".") + 1]


def refusals() -> str:
    """What is refused, why, and what to write instead."""
    rows = ["| refused | because | write instead |", "|---|---|---|"]
    for entry in entries(load()):
        if entry.refusal is not None:
            rows.append(f"| `{entry.name}` | {entry.refusal.why} | {entry.refusal.instead} |")
    return "\n".join(rows) + "\n"


_CONSTANTS = {
    repr(value): name
    for name, value in (
        ("log(2)", math.log(2.0)),
        ("log(10)", math.log(10.0)),
        ("(2 / sqrt(pi))", 2.0 / math.sqrt(math.pi)),
        ("(sqrt(pi) / 2)", math.sqrt(math.pi) / 2.0),
        ("(1 / sqrt(pi))", 1.0 / math.sqrt(math.pi)),
        ("(1 / sqrt(2 pi))", 1.0 / math.sqrt(2.0 * math.pi)),
        ("sqrt(2 / pi)", math.sqrt(2.0 / math.pi)),
        ("sqrt(2 pi)", math.sqrt(2.0 * math.pi)),
        ("(pi / 180)", math.pi / 180.0),
        ("(180 / pi)", 180.0 / math.pi),
        ("(pi / 2)", math.pi / 2.0),
    )
}


def formulas(rule: Rule) -> str:
    """The partial derivatives of a rule, as its text has them."""
    if rule.name in ("max", "min", "np.maximum", "np.minimum", "np.fmax", "np.fmin"):
        return "1 for the argument taken, [shared at a tie](contract.md#kinks)"
    if rule.partials is None:
        return "0" if rule.is_constant else "of complex numbers: that of its real map"
    tree = ast.parse(inspect.getsource(rule.partials).lstrip())
    (function,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    (last,) = [s for s in function.body if isinstance(s, ast.Return)]
    assert last.value is not None
    if len(function.body) > 1:
        return "see its text"
    items = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    names = [a.arg for a in function.args.args][1:]
    shown = [f"{n}: {_formula(i)}" for n, i in zip(names, items, strict=True)]
    return "; ".join(shown).replace("|", "\\|")


def _formula(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and node.value is None:
        return "not known, so that it must be constant"
    return f"`{_tidy(ast.unparse(node))}`"


def _tidy(text: str) -> str:
    """A formula without the names of modules, and with names for constants."""
    for number, name in _CONSTANTS.items():
        text = text.replace(number, name)
    return re.sub(r"\b(math|np|special)\.", "", text)


def rewrite() -> None:
    """Put the names of the installed Numba into the data."""
    text = DATA.read_text(encoding="utf-8")
    names = ["[names]"]
    for module, found in numba_names().items():
        items = ", ".join(f'"{n}"' for n in found)
        names.append(f'"{module}" = [{items}]')
    text = re.sub(r"\[names\].*?(?=\n\[|\Z)", "\n".join(names) + "\n", text, flags=re.DOTALL)
    text = re.sub(r'^numba = ".*"$', f'numba = "{numba.__version__}"', text, flags=re.MULTILINE)
    DATA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
    unknown = [e.name for e in entries(load()) if e.verdict is None]
    sys.stdout.write("".join(f"no verdict: {name}\n" for name in unknown))
    sys.exit(bool(unknown))
