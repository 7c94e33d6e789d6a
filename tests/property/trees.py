"""Programs as trees of statements whose expressions are trees too: their text, and smaller ones.

A wrong answer is shrunk on the tree: statements are deleted, blocks replaced by their bodies and
expressions by their parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Expr:
    """``text`` with its parts in braces."""

    text: str
    parts: tuple[Expr, ...] = ()

    def __str__(self) -> str:
        return self.text.format(*self.parts)


@dataclass(frozen=True)
class Line:
    """One line; ``text`` with its expressions in braces."""

    text: str
    parts: tuple[Expr, ...] = ()


@dataclass(frozen=True)
class Block:
    """A compound statement: lines before it, its head, fixed lines first in its body, the rest."""

    before: tuple[str, ...]
    head: str
    parts: tuple[Expr, ...]
    first: tuple[str, ...]
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()


Stmt = Line | Block


def render(body: tuple[Stmt, ...], indent: str = "    ") -> str:
    """Statements as source text."""
    out = []
    for s in body:
        if isinstance(s, Line):
            out.append(indent + s.text.format(*s.parts))
            continue
        out += [indent + text for text in s.before]
        out.append(indent + s.head.format(*s.parts) + ":")
        out += [indent + "    " + text for text in s.first]
        if s.body:
            out.append(render(s.body, indent + "    "))
        elif not s.first:
            out.append(indent + "    pass")
        if s.orelse:
            out += [indent + "else:", render(s.orelse, indent + "    ")]
    return "\n".join(out)


def module(imports: str, helpers: str, function: str) -> str:
    """The text of a program's module: imports, the helpers that it calls, and itself."""
    found = {h.split("(")[0][4:]: h for h in helpers.strip().split("\n\n\n")}
    used: set[str] = set()
    wanted = {name for name in found if _mentions(function, name)}
    while wanted - used:
        name = (wanted - used).pop()
        used.add(name)
        wanted |= {n for n in found if n != name and _mentions(found[name], n)}
    parts = [imports, *(h for name, h in found.items() if name in used), function]
    return "\n\n\n".join(parts) + "\n"


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def _smaller_exprs(e: Expr) -> Iterator[Expr]:
    yield from e.parts
    if len(e.text) > 5:
        yield Expr("0.5")
    for k, part in enumerate(e.parts):
        for p in _smaller_exprs(part):
            yield replace(e, parts=(*e.parts[:k], p, *e.parts[k + 1 :]))


def smaller(body: tuple[Stmt, ...]) -> Iterator[tuple[Stmt, ...]]:
    """Programs with one piece less, the largest pieces first."""
    n = len(body)
    for size in (n // 2, n // 4):
        if size > 1:
            for k in range(0, n, size):
                yield body[:k] + body[k + size :]
    for k in range(n):
        yield body[:k] + body[k + 1 :]
    for k, s in enumerate(body):
        head, tail = body[:k], body[k + 1 :]
        if isinstance(s, Block):
            yield head + s.body + tail
            if s.orelse:
                yield head + s.orelse + tail
                yield (*head, replace(s, orelse=()), *tail)
            for inner in smaller(s.body):
                yield (*head, replace(s, body=inner), *tail)
            for inner in smaller(s.orelse):
                yield (*head, replace(s, orelse=inner), *tail)
    for k, s in enumerate(body):
        for j, part in enumerate(s.parts):
            for p in _smaller_exprs(part):
                parts = (*s.parts[:j], p, *s.parts[j + 1 :])
                yield (*body[:k], replace(s, parts=parts), *body[k + 1 :])
