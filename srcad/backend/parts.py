"""Long functions in parts, before they are compiled.

Numba takes a time that grows faster than a function, as several of its passes look at every block
for every variable. So the statements of a long function are compiled as several functions, called
one after the other: what a part reads is given to it, and what the rest reads of what it wrote is
returned. What srcad shows stays in one piece. From ::

    def f_grad(x):
        a = math.sin(x)
        b = a * a
        ...
        return x_b

comes ::

    def f_grad_part_1(x):
        a = math.sin(x)
        b = a * a
        return a, b

    def f_grad(x):
        a, b = f_grad_part_1(x)
        ...
        return x_b

A loop is in one part, whole, so that a part is called once.
"""

import ast
from collections.abc import Iterator
from copy import copy

_LONG = 150
"""Functions of fewer statements, those in their loops included, stay whole."""
_SIZE = 60
"""A part ends where it has so many."""


def parts(tree: ast.Module) -> ast.Module:
    """The module with its long functions in parts; every statement keeps its line."""
    taken = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    taken |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    whole = recursive(tree)
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name not in whole and _is_divisible(node):
            body += _divided(node, taken)
        else:
            body.append(node)
    return tree if len(body) == len(tree.body) else ast.Module(body, [])


def recursive(tree: ast.Module) -> set[str]:
    """The functions of a module that call themselves, directly or through others.

    They stay whole: Numba finds the type of such a call by the paths that end without one, and a
    part would have none.
    """
    defs = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    names = {d.name for d in defs}
    calls = {d.name: {n.id for n in ast.walk(d) if isinstance(n, ast.Name)} & names for d in defs}
    for _ in defs:
        calls = {f: found.union(*(calls[g] for g in found)) for f, found in calls.items()}
    return {f for f, found in calls.items() if f in found}


def _is_divisible(function: ast.FunctionDef) -> bool:
    """Whether it is long, ends where it returns, and holds nothing that a part cannot be given."""
    if _count(function.body) < _LONG or not isinstance(function.body[-1], ast.Return):
        return False
    if len(_chunks(function.body[:-1])) < 2:
        return False
    inner = [n for stmt in function.body[:-1] for n in ast.walk(stmt)]
    return not any(isinstance(n, _WHOLE) or getattr(n, "id", "") == "prange" for n in inner)


_WHOLE = ast.Return | ast.Try | ast.FunctionDef | ast.Lambda | ast.List | ast.ListComp
"""What keeps a function whole: results on the way, threads, and lists, which Numba copies."""


def _divided(function: ast.FunctionDef, taken: set[str]) -> Iterator[ast.stmt]:
    chunks = _chunks(function.body[:-1])
    live, after = _read(function.body[-1]), []
    for chunk in reversed(chunks):
        after.append(live)
        live = _live_before(chunk, live)
    known = {a.arg for a in function.args.args}
    calls: list[ast.stmt] = []
    for number, (chunk, needed) in enumerate(zip(chunks, reversed(after), strict=True), 1):
        stored = {n for stmt in chunk for n in _stored(stmt)}
        results = sorted(stored & needed)
        given = sorted(_live_before(chunk, set(results)) & known)
        title = f"{function.name}_part_{number}"
        while title in taken:
            title += "_"
        yield _part(title, given, chunk, results)
        calls.append(_call(title, given, results, chunk[0]))
        known |= stored
    whole = copy(function)
    whole.body = [*calls, function.body[-1]]
    yield whole


def _chunks(block: list[ast.stmt]) -> list[list[ast.stmt]]:
    """The statements in groups of about the size of a part."""
    chunks: list[list[ast.stmt]] = [[]]
    for stmt in block:
        if _count(chunks[-1]) >= _SIZE:
            chunks.append([])
        chunks[-1].append(stmt)
    return chunks


def _part(title: str, given: list[str], chunk: list[ast.stmt], results: list[str]) -> ast.stmt:
    text = f"def {title}({', '.join(given)}):\n    return {', '.join(results)}"
    (made,) = _placed(ast.parse(text), chunk[0]).body
    assert isinstance(made, ast.FunctionDef)
    made.body[:0] = chunk
    return made


def _call(title: str, given: list[str], results: list[str], at: ast.stmt) -> ast.stmt:
    text = f"{title}({', '.join(given)})"
    if results:
        text = f"{', '.join(results)} = {text}"
    (made,) = _placed(ast.parse(text), at).body
    return made


def _placed(tree: ast.Module, at: ast.stmt) -> ast.Module:
    """The tree, changed in place: all of it where a statement of the original begins."""
    for node in ast.walk(tree):
        ast.copy_location(node, at)
    return tree


def _count(block: list[ast.stmt]) -> int:
    return sum(isinstance(n, ast.stmt) for stmt in block for n in ast.walk(stmt))


# ---------------------------------------------------------------- what is live


def _live_before(block: list[ast.stmt], live: set[str]) -> set[str]:
    """The names that the block, or what follows it and reads ``live``, reads before it writes."""
    for stmt in reversed(block):
        live = _live_before_one(stmt, live)
    return live


def _live_before_one(stmt: ast.stmt, live: set[str]) -> set[str]:
    match stmt:
        case ast.Assign():
            return live - _stored(stmt) | _read(stmt)
        case ast.For(target=target, iter=count, body=body):
            again = live | _live_before(body, live)
            inside = _live_before(body, again) - _stored(target)
            return live | inside | _read(count)
        case ast.While(test=test, body=body):
            again = live | _read(test)
            again |= _live_before(body, again)
            return again | _live_before(body, again)
        case ast.If(test=test, body=body, orelse=orelse):
            return _read(test) | _live_before(body, live) | _live_before(orelse, live)
        case _:
            return live | _read(stmt)


def _read(node: ast.AST) -> set[str]:
    return {name for n in ast.walk(node) for name in _read_by(n)}


def _read_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Load()) | ast.AugAssign(target=ast.Name(id=name)):
            yield name
        case _:
            pass


def _stored(node: ast.AST) -> set[str]:
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
