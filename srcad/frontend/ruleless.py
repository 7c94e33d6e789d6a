"""What to say of a function that has no rule: its name, and how to write a rule for it.

::

    no rule for scipy.special.owens_t
      Instead: write one like this:
        @srcad.rule.expand(scipy.special.owens_t)
        def _(h, a): return my_owens_t(h, a)  # the same in plain Python and NumPy
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np


def title_of(function: Any) -> str:
    """A function as a user writes it, with the shortest module that has it."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{title_of(owner)}.{function.__name__}"
    name = getattr(function, "__qualname__", getattr(function, "__name__", repr(function)))
    if getattr(np, name, None) is function:
        return f"np.{name}"
    module = getattr(function, "__module__", None) or ""
    if isinstance(function, np.ufunc):
        known = getattr(sys.modules.get("scipy.special"), name, None) is function
        module = "scipy.special" if known else ""
    parts = module.split(".")
    for k in range(1, len(parts)):
        short = ".".join(parts[:k])
        if getattr(sys.modules.get(short), name, None) is function:
            module = short
            break
    module = {"builtins": "", "__main__": "", "_operator": "operator"}.get(module, module)
    if module.split(".")[0] == "numpy":
        module = module.replace("numpy", "np", 1)
    return f"{module}.{name}" if module else name


def hint(function: Any, count: int, keywords: Iterable[str]) -> str:
    """Two lines that give a function a rule when they are pasted in front of the program."""
    names = ", ".join(_parameters(function, count, keywords))
    name = getattr(function, "__name__", "f")
    return (
        "write one like this:\n"
        f"    @srcad.rule.expand({title_of(function)})\n"
        f"    def _({names}): return my_{name}({names})  # the same in plain Python and NumPy"
    )


def _parameters(function: Any, count: int, keywords: Iterable[str]) -> list[str]:
    """The names of the arguments given."""
    try:
        known = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        known = []
    names = [p.name for p in known if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(names) < count:
        names = [f"x{k}" for k in range(count)]
    return [*names[:count], *(k for k in keywords if k not in names[:count])]
