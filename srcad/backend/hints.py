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

A vector that lies across the end of a cache line is two accesses. What runs over the inside of a
field starts at element 1 of each row, so half of its vectors would: a tape is told which element
is to start a line, the one where most of the loops start that read and write it::

    x_tape = tape(pool, n, np.float64)          x_tape = fresh(tape(pool, n, np.float64, 1))
    for i in range(1, n):               ->      for i in range(1, n):
        x_tape[i] = ...                             x_tape[i] = ...

All this follows from the lines at hand alone. In other loops LLVM knows by itself, and is hindered.
But where a row begins at a number that is read from an array, nobody knows, and counting from the
end takes a third of the time of a loop over a row. So what is compiled has two such loops, one for
rows that begin at no negative number::

                                                if 0 <= start:
                                                    for k in range(start, stop):
    for k in range(start, stop):                        at_least(k, 0)
        s += data[k] * x[indices[k]]    ->              s += data[k] * x[indices[k]]
                                                else:
                                                    for k in range(start, stop):
                                                        s += data[k] * x[indices[k]]

It is not told of arrays that are written element by element, by number: it would copy them to where
they go by whole vectors, which wait for each of these stores.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

_MAKERS = frozenset(
    (*("np.empty", "np.empty_like", "np.zeros", "np.zeros_like"), "np.dot", "tape", "stack", "grow")
)
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
    starts = _starts(tree)
    for assigned in sorted(_makers(tree), key=lambda n: (n.lineno, n.col_offset), reverse=True):
        made, name = assigned.value, ast.unparse(assigned.targets[0])
        assert made.lineno == made.end_lineno
        line, start, end = lines[made.lineno - 1], made.col_offset, made.end_col_offset
        inside = line[start:end]
        taken = _tape(made)
        if taken is not None and starts.get(name):
            close = (taken.end_col_offset or 0) - start - 1
            inside = inside[:close] + f", {starts[name]}".encode() + inside[close:]
        marked = f"{names['fresh']}(".encode() + inside + b")"
        lines[made.lineno - 1] = line[:start] + marked + line[end:]
    loops = {n.lineno: n for n in _nests(tree)}
    rows = {loop.lineno: (loop, start) for loop, start in _rows(tree)}
    out: list[str] = []
    numbers: list[int] = []
    number = 1
    while number <= len(lines):
        if number in rows:
            found = list(_twice(*rows[number], lines, names["at_least"]))
            number = (rows[number][0].end_lineno or number) + 1
        else:
            hints = _about(loops.get(number), names["at_least"])
            found = [(line, number) for line in (lines[number - 1].decode(), *hints)]
            number += 1
        out += [line for line, _ in found]
        numbers += [at for _, at in found]
    return Hinted("\n".join(out), numbers, names)


def aligned(text: str) -> dict[str, int]:
    """The tapes of a module of which another element than the first starts a cache line."""
    tree = ast.parse(text)
    starts = _starts(tree)
    made = (n for n in _makers(tree) if _tape(n.value) is not None)
    names = (ast.unparse(n.targets[0]) for n in made)
    return {name: starts[name] for name in names if starts.get(name)}


def _makers(tree: ast.Module) -> list[ast.Assign]:
    """The statements that make arrays which LLVM is told to be memory of their own."""
    written = _written_by_number(tree)
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and _is_new(n.value)]
    times = Counter(ast.unparse(n.targets[0]) for n in found)
    names = [ast.unparse(n.targets[0]) for n in found]
    return [n for n, t in zip(found, names, strict=True) if written[t] < _FEW * times[t]]


def _written_by_number(tree: ast.Module) -> Counter[str]:
    """How many stores each array has of elements whose numbers are written there."""
    stores = (n for n in ast.walk(tree) if isinstance(n, ast.Subscript))
    return Counter(
        ast.unparse(s.value)
        for s in stores
        if isinstance(s.ctx, ast.Store) and _literal(s.slice) is not None
    )


def _starts(tree: ast.Module) -> dict[str, int]:
    """For each tape, the element of its rows at which most accesses in innermost loops start.

    Deep loops run more often: one access in them counts as much as eight one level further out.
    """
    tapes = {
        ast.unparse(n.targets[0])
        for n in ast.walk(tree)
        if isinstance(n, ast.Assign) and _tape(n.value) is not None
    }
    shows = {name: name for name in tapes}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            tape, target = ast.unparse(node.value.value), node.targets[0]
            if tape in tapes and isinstance(target, ast.Name):
                shows[target.id] = tape
    votes: dict[str, Counter[int]] = {name: Counter() for name in tapes}
    for loop, depth in _innermost(tree, 0):
        for node in ast.walk(loop):
            match node:
                case ast.Subscript(value=ast.Name(id=name)) if name in shows:
                    start = _first_element(loop, node)
                    if start is not None:
                        votes[shows[name]][start] += 8**depth
    return {name: found.most_common(1)[0][0] for name, found in votes.items() if found}


def _innermost(node: ast.AST, depth: int) -> Iterator[tuple[ast.For, int]]:
    """The loops that have none inside, and in how many each is."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.For):
            found = list(_innermost(child, depth + 1))
            yield from found or [(child, depth)]
        else:
            yield from _innermost(child, depth)


def _first_element(loop: ast.For, read: ast.Subscript) -> int | None:
    """The last index of an element at the first iteration, where it rises by one each time."""
    match loop.iter:
        case ast.Call(func=ast.Name("range"), args=[_] | [_, _]):
            first = _least(loop.iter)
        case _:
            return None
    index = read.slice.elts[-1] if isinstance(read.slice, ast.Tuple) else read.slice
    counter = ast.unparse(loop.target)
    match index:
        case ast.Name(id=name) if name == counter:
            shift: int | None = 0
        case ast.BinOp(ast.Name(id=name), ast.Add(), right) if name == counter:
            shift = _literal(right)
        case ast.BinOp(ast.Name(id=name), ast.Sub(), right) if name == counter:
            shift = _literal(ast.UnaryOp(ast.USub(), right))
        case _:
            return None
    return None if first is None or shift is None else max(0, first + shift)


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


_LARGEST = 12
"""Statements of a loop that is compiled twice."""


def _rows(tree: ast.Module) -> Iterator[tuple[ast.For, str]]:
    """Short loops inside of loops whose counters begin at a number that was read from an array.

    With each the name of that number.
    """
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        given: dict[str, bool] = {}
        for node in ast.walk(function):
            targets = (
                node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            )
            for target in targets:
                if isinstance(target, ast.Name):
                    read = isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)
                    given[target.id] = given.get(target.id, True) and read
        outer = (n for n in ast.walk(function) if isinstance(n, ast.For | ast.While))
        inner = {n for o in outer for n in ast.walk(o) if isinstance(n, ast.For) and n is not o}
        for loop in sorted(inner, key=lambda n: n.lineno):
            start = _start(loop)
            if start is not None and given.get(start, False) and _is_row(loop):
                yield loop, start


def _start(loop: ast.For) -> str | None:
    """The name of the least number of a counter, where the range has it as a name."""
    if not isinstance(loop.iter, ast.Call) or ast.unparse(loop.iter.func) != "range":
        return None
    match loop.iter.args:
        case [ast.Name(id=start), _]:
            return start
        case [_, ast.BinOp(ast.Name(id=start), ast.Sub(), one), step] if _literal(one) == 1:
            return start if _literal(step) == -1 else None
    return None


def _is_row(loop: ast.For) -> bool:
    """Whether a loop is short, has no other in it, and its counter is a position in an array."""
    inside = [n for stmt in loop.body for n in ast.walk(stmt)]
    if any(isinstance(n, ast.For | ast.While | ast.Return) for n in inside):
        return False
    if sum(isinstance(n, ast.stmt) for n in inside) > _LARGEST:
        return False
    counter = ast.unparse(loop.target)
    if any(
        isinstance(n, ast.Name) and n.id == counter and isinstance(n.ctx, ast.Store) for n in inside
    ):
        return False
    slices = (n.slice for n in inside if isinstance(n, ast.Subscript))
    places = (e for s in slices for e in (s.elts if isinstance(s, ast.Tuple) else (s,)))
    return any(isinstance(e, ast.Name) and e.id == counter for e in places)


def _twice(
    loop: ast.For, start: str, lines: list[bytes], function: str
) -> Iterator[tuple[str, int]]:
    """The lines of a loop for rows that begin at no negative number, and those for all others."""
    first, lead = loop.lineno, " " * loop.col_offset
    numbers = range(first, (loop.end_lineno or first) + 1)
    yield f"{lead}if 0 <= {start}:", first
    for number in numbers:
        yield f"    {lines[number - 1].decode()}", number
        if number == first:
            yield f"{lead}        {function}({ast.unparse(loop.target)}, 0)", first
    yield f"{lead}else:", first
    for number in numbers:
        yield f"    {lines[number - 1].decode()}", number


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


def _tape(value: ast.expr) -> ast.Call | None:
    """The call of ``tape`` in an expression that makes an array of it."""
    if not isinstance(value, ast.Call):
        return None
    if isinstance(value.func, ast.Attribute) and value.func.attr == "reshape":
        return _tape(value.func.value)
    return value if ast.unparse(value.func) == "tape" else None


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
