"""What compiled code is told beside what people read.

LLVM cannot see that an array of Numba's is memory that nothing else in the function reaches: it
asks at the head of each loop whether arrays overlap, does not vectorise a loop of too many, and
stores an element in each iteration that could stay in a register. So what is compiled says of each
array that it makes that it is ``fresh`` (``srcad.runtime.hints``).

And Numba counts a negative index from the end. In a nest whose rows are taken several at a time
(``srcad.transform.jam``) LLVM loses track of the counters, and would take each element from an
address of its own; so what is compiled says what they are ``at_least``::

    u_b = np.zeros_like(u)                      u_b = fresh(np.zeros_like(u))
    for i in range(0, rest, 4):                 for i in range(0, rest, 4):
        for j in range(1, n):           ->          at_least(i, 0)
            u_b[j] += ...                           for j in range(1, n):
                                                        at_least(j, 1)
                                                        u_b[j] += ...

Both follow from the lines at hand alone. In other loops LLVM knows by itself, and is hindered. It
is not told of arrays that are written element by element, by number: it would copy them to where
they go by whole vectors, which wait for each of these stores.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

_MAKERS = frozenset(("np.empty", "np.zeros", "np.zeros_like", "np.dot", "tape", "stack", "grow"))
"""Functions that return memory of their own; those of a pool hand it out once."""


_FEW = 4
"""So many stores by number, each time that it is made, keep an array from being marked."""


class Hinted(NamedTuple):
    """A module with hints."""

    text: str
    lines: list[int]
    """For each line, the number of that of the module without hints."""
    names: dict[str, str]
    """What the functions of ``srcad.runtime.hints`` are called in it."""

    def tree(self) -> ast.Module:
        """Its syntax, at the lines of the module without hints."""
        found = ast.parse(self.text)
        for node in ast.walk(found):
            if isinstance(node, ast.stmt | ast.expr | ast.arg | ast.alias | ast.keyword):
                node.lineno = self.lines[node.lineno - 1]
                node.end_lineno = self.lines[(node.end_lineno or 1) - 1]
        return found


def hinted(text: str) -> Hinted:
    """The module with hints."""
    tree = ast.parse(text)
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    used |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    used |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    names = {name: _free(name, used) for name in ("fresh", "at_least")}
    lines = [line.encode() for line in text.split("\n")]  # columns count bytes
    written = _written_by_number(tree)
    made = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and _is_new(n.value)]
    times = Counter(ast.unparse(n.targets[0]) for n in made)
    makers = [n.value for n in made if written[t := ast.unparse(n.targets[0])] < _FEW * times[t]]
    for maker in sorted(makers, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        assert maker.lineno == maker.end_lineno
        line, start, end = lines[maker.lineno - 1], maker.col_offset, maker.end_col_offset
        marked = f"{names['fresh']}(".encode() + line[start:end] + b")"
        lines[maker.lineno - 1] = line[:start] + marked + line[end:]
    loops = {n.lineno: n for n in _nests(tree)}
    out: list[str] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, 1):
        new = [line.decode(), *_about(loops.get(number), names["at_least"])]
        out += new
        numbers += [number] * len(new)
    return Hinted("\n".join(out), numbers, names)


def _written_by_number(tree: ast.Module) -> Counter[str]:
    """How many stores each array has of elements whose numbers are written there."""
    stores = (n for n in ast.walk(tree) if isinstance(n, ast.Subscript))
    return Counter(
        ast.unparse(s.value)
        for s in stores
        if isinstance(s.ctx, ast.Store) and _literal(s.slice) is not None
    )


def _nests(tree: ast.Module) -> Iterator[ast.For]:
    """The loops that take several rows at a time, those that take the rest, and those in them."""
    blocks = (getattr(n, part, None) for n in ast.walk(tree) for part in ("body", "orelse"))
    for block in blocks:
        statements: list[ast.stmt] = block if isinstance(block, list) else []
        for stmt, following in zip_longest(statements, statements[1:]):
            if not isinstance(stmt, ast.For) or not isinstance(following, ast.For):
                continue
            if _is_rest(following, stmt):
                for loop in (stmt, following):
                    yield loop
                    yield from (s for s in loop.body if isinstance(s, ast.For))


def _is_rest(loop: ast.For, before: ast.For) -> bool:
    """Whether a loop goes on where the one before it, which takes several at a time, ends."""
    if not (isinstance(loop.iter, ast.Call) and isinstance(before.iter, ast.Call)):
        return False
    ours, theirs = loop.iter.args, before.iter.args
    if len(ours) != 2 or len(theirs) != 3 or ast.dump(ours[0]) != ast.dump(theirs[1]):
        return False
    return (_literal(theirs[2]) or 0) > 1


def _free(name: str, used: set[str]) -> str:
    while name in used:
        name += "_"
    return name


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


def _about(loop: ast.For | None, function: str) -> Iterator[str]:
    """The hint about the counter of a loop, if it is never negative."""
    if loop is None or not isinstance(loop.target, ast.Name):
        return
    least = _least(loop.iter)
    if least is not None and least >= 0:
        yield f"{' ' * (loop.col_offset + 4)}{function}({loop.target.id}, {least})"


def _least(iterated: ast.expr) -> int | None:
    """The least number that a range can have, if that is written there."""
    if not isinstance(iterated, ast.Call) or ast.unparse(iterated.func) != "range":
        return None
    match [_literal(arg) for arg in iterated.args]:
        case [_]:
            return 0
        case [start, _]:
            return start
        case [start, _, int(step)] if step > 0:
            return start
        case [_, int(stop), int(step)] if step < 0:
            return stop + 1
    return None


def _literal(expr: ast.expr) -> int | None:
    try:
        return int(ast.literal_eval(expr))
    except (ValueError, TypeError):
        return None
