"""The targets of comprehensions get names that nothing else has.

In ``[x * k for k in range(3)]`` the name ``k`` means something inside the brackets only. So it is
renamed there to a name that no user can write, and the rest of the compiler may treat the
comprehension as a loop of the function around it.
"""

from __future__ import annotations

from typing import Any

import gast

COMPREHENSIONS = (gast.ListComp, gast.GeneratorExp, gast.SetComp, gast.DictComp)


def rename_targets(tree: Any) -> Any:
    """The tree, changed in place, with the targets of its comprehensions renamed."""
    for node in reversed(list(gast.walk(tree))):  # those inside others first
        if isinstance(node, COMPREHENSIONS):
            _rename(node)
    return tree


def _rename(node: Any) -> None:
    names = {
        n.id
        for generator in node.generators
        for n in gast.walk(generator.target)
        if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Store)
    }
    names = {n for n in names if not n.startswith("$")}
    mark = f"_{node.lineno}_{node.col_offset}"
    first, *others = node.generators
    _apply(first.target, names, mark)  # its iterable is evaluated outside
    for part in first.ifs:
        _apply(part, names, mark)
    for generator in others:
        _apply(generator, names, mark)
    parts = [node.key, node.value] if isinstance(node, gast.DictComp) else [node.elt]
    for part in parts:
        _apply(part, names, mark)


def _apply(tree: Any, names: set[str], mark: str) -> None:
    """Rename names in a tree; a lambda's own parameters hide them."""
    pending = [(tree, names)]
    while pending:
        node, wanted = pending.pop()
        if isinstance(node, gast.Name) and node.id in wanted:
            node.id = f"${node.id}{mark}"
        if isinstance(node, gast.Lambda):
            args = node.args
            own = {a.id for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
            pending += [(d, wanted) for d in args.defaults]
            pending.append((node.body, wanted - own))
            continue
        pending += [(child, wanted) for child in gast.iter_child_nodes(node)]
