"""``with np.errstate(...)`` becomes the statements inside of it.

It tells NumPy not to warn of what happens to floats, and compiled code warns of nothing::

    with np.errstate(divide="ignore"):
        y = 1.0 / x                         ->    y = 1.0 / x

What stands in its head is left, without a body, before these statements: the head is looked at
where it would run, and another context than these is refused there.
"""

from __future__ import annotations

import contextlib
from typing import Any

import gast
import numpy as np

QUIET = np.errstate, contextlib.nullcontext
"""The contexts that change nothing of what a program computes."""


def rewrite_contexts(tree: Any) -> Any:
    """The tree, changed in place, with the bodies of its ``with`` statements after their heads."""
    return _Contexts().visit(tree)


class _Contexts(gast.NodeTransformer):
    def visit_With(self, node: Any) -> Any:
        self.generic_visit(node)
        body, node.body = node.body, []
        return [node, *body]


def is_quiet(context: object, call: Any) -> bool:
    """Whether entering ``context(...)``, a call as it is written, changes nothing."""
    if not any(context is quiet for quiet in QUIET) or call.args:
        return False
    modes = [k.value.value for k in call.keywords if isinstance(k.value, gast.Constant)]
    known = len(modes) == len(call.keywords) and all(k.arg is not None for k in call.keywords)
    return known and not {"raise", "call"} & set(modes)
