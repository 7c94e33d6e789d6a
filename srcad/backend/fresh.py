"""Compiled code is told which arrays are new.

LLVM cannot see that an array of Numba's is memory that nothing else in the function reaches: it
asks at the head of each loop whether arrays overlap, does not vectorise a loop of too many, and
stores an element in each iteration that could stay in a register. So what is compiled says, of each
array that it makes, that it is ``fresh`` (``srcad.runtime``). What people read does not::

    u_b = np.zeros_like(u)                      u_b = fresh(np.zeros_like(u))
    u_tape = tape(pool, n, np.float64)  ->      u_tape = fresh(tape(pool, n, np.float64))

It is a property of the calls, whatever becomes of the arrays; no analysis is needed for it.
"""

import ast

_MAKERS = frozenset(("np.empty", "np.zeros", "np.zeros_like", "np.dot", "tape", "stack", "grow"))
"""Functions that return memory of their own; those of a pool hand it out once."""


def with_fresh_arrays(text: str) -> tuple[str, str]:
    """The module with its new arrays marked, line by line the same, and the name of ``fresh``."""
    tree = ast.parse(text)
    name = "fresh"
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    used |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    used |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    while name in used:
        name += "_"
    lines = [line.encode() for line in text.split("\n")]  # columns count bytes
    makers = [n.value for n in ast.walk(tree) if isinstance(n, ast.Assign) and _is_new(n.value)]
    for made in sorted(makers, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        assert made.lineno == made.end_lineno
        line, start, end = lines[made.lineno - 1], made.col_offset, made.end_col_offset
        marked = f"{name}(".encode() + line[start:end] + b")"
        lines[made.lineno - 1] = line[:start] + marked + line[end:]
    return b"\n".join(lines).decode(), name


def _is_new(value: ast.expr) -> bool:
    """Whether an expression makes an array."""
    if not isinstance(value, ast.Call):
        return False
    function = value.func
    if isinstance(function, ast.Attribute) and function.attr == "reshape":
        return _is_new(function.value)
    if isinstance(function, ast.Attribute) and function.attr == "copy":
        return not value.args
    return ast.unparse(function) in _MAKERS
