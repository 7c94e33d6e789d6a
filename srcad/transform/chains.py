"""Loops whose iterations wait for each other get short chains of operations.

The adjoint of a step of scalars, as of an ODE, cannot begin before that of the next step has ended,
so that its time is that of the longest chain of operations. The chain rule multiplies a seed by one
partial derivative after the other; but all partials are there before the seed is. So they are
multiplied first, and those that one seed is multiplied by are added first::

    seed = y * l_b                              x_b = c * y * l_b
    x_b = c * seed                      ->      x_b += (a - b * y) * k_b
    seed_1 = -(y * k_b)
    x_b += a * k_b
    x_b += b * seed_1

``seed`` stays if others read it. Where nothing but the gradient is asked for, and no digit decides
anything (as in ``quotients.py``), terms of the program that share a factor are factored in such
loops: ``a * x - b * x * y`` is ``x * (a - b * y)``, whose second factor the adjoint needs too.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from srcad.analysis.flow import exposed, mentions, names_of, times_bound
from srcad.analysis.iterations import is_sum
from srcad.ir.build import accumulate, added_to, negate, times
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Call,
    Const,
    Expr,
    For,
    Function,
    Load,
    Select,
    Stmt,
    Unary,
    Var,
    While,
    blocks,
    children,
    names_read,
    rebuild,
    walk,
    with_blocks,
)
from srcad.ir.types import FLOAT
from srcad.transform.quotients import derived_from, is_smooth


def chains(function: Function, adjoints: Set[str], *, every: bool) -> Function:
    """The function with short chains; with ``every``, those of the program may be changed too."""
    body = function.body
    derived = derived_from(body, adjoints)
    factored = every and is_smooth(body)
    mentioned = mentions(body)

    def changed(block: Block) -> Block:
        return tuple(inside(s) if blocks(s) else s for s in block)

    def inside(stmt: Stmt) -> Stmt:
        if isinstance(stmt, For | While) and _is_chain(stmt.body):
            new = _factored(stmt.body, derived) if factored else stmt.body
            return replace(stmt, body=_Chain(new, derived, adjoints, mentioned).block())
        return with_blocks(stmt, tuple(map(changed, blocks(stmt))))

    return replace(function, body=changed(body))


def _is_chain(body: Block) -> bool:
    """Whether a body computes scalars, some of them from what the iteration before left."""
    if any(blocks(s) for s in body):
        return False
    floats = {s.target.name for s in body if isinstance(s, Assign) and s.target.kind == FLOAT}
    return any(not is_sum(name, body) for name in floats & exposed(body))


# ------------------------------------------------ terms with a common factor


def _factored(body: Block, derived: Set[str]) -> Block:
    """The statements of the program with the common factors of their sums taken out."""
    return tuple(
        replace(s, value=_with_factor(s.value))
        if isinstance(s, Assign) and s.target.name not in derived
        else s
        for s in body
    )


def _with_factor(expr: Expr) -> Expr:
    """An expression with ``a * x - b * x`` as ``x * (a - b)``.

    >>> a, b, x, y = (Var(name, FLOAT) for name in "abxy")
    >>> from srcad.ir.printer import print_expr
    >>> xy = times(times(b, x), y)
    >>> print_expr(_with_factor(Binary("-", times(a, x), xy, FLOAT)))
    'x * (a - b * y)'
    """
    parts = children(expr)
    if isinstance(expr, Load | Call | Select):
        return expr
    expr = rebuild(expr, tuple(map(_with_factor, parts))) if parts else expr
    match expr:
        case Binary(op="+" | "-" as op, a=a, b=b, kind=kind) if kind == FLOAT:
            one, two = _factors(a), _factors(b)
            common = [f for f in one if isinstance(f, Var) and f in two]
            if not common or min(len(one), len(two)) < 2:
                return expr
            factor = common[0]
            one.remove(factor)
            two.remove(factor)
            return times(factor, Binary(op, _product(one), _product(two), kind))
    return expr


def _factors(expr: Expr) -> list[Expr]:
    match expr:
        case Binary(op="*", a=a, b=b, kind=kind) if kind == FLOAT:
            return [*_factors(a), *_factors(b)]
    return [expr]


def _product(factors: Iterable[Expr]) -> Expr:
    return functools.reduce(times, factors)


# ------------------------------------------------ partials before seeds


@dataclass(frozen=True)
class _Term:
    """A seed with the partials that it is multiplied by, and the sign."""

    seed: Var
    partial: Expr | None
    negative: bool

    def whole(self) -> Expr:
        """The term as an expression."""
        value = self.seed if self.partial is None else times(self.partial, self.seed)
        return negate(value) if self.negative else value

    def times(self, partial: Expr | None, negative: bool) -> _Term:
        """The term times another partial, which comes first."""
        both = [p for p in (partial, self.partial) if p is not None]
        return _Term(self.seed, _product(both) if both else None, negative != self.negative)


class _Chain:
    """The statements of a loop's body, in their order."""

    def __init__(
        self, body: Block, derived: Set[str], adjoints: Set[str], mentioned: Counter[str]
    ) -> None:
        self.body = body
        own = mentions(body)
        self.local = {n for n, count in own.items() if count == mentioned[n]}
        self.derived = derived
        self.adjoints = adjoints
        self.times = times_bound(body)
        self.early = exposed(body)
        self.places: dict[str, list[int]] = {}
        for k, stmt in enumerate(body):
            if isinstance(stmt, Assign):
                self.places.setdefault(stmt.target.name, []).append(k)
        self.made = {n: k for n, (k, *more) in self.places.items() if not more}

    def block(self) -> Block:
        """The body with partials multiplied first."""
        new: dict[int, Stmt | None] = {}
        for name, places in self.places.items():
            if name in self.adjoints and self._is_read(name):
                for group in self._groups(name, places):
                    new |= self._summed(name, group)
        body = {k: new.get(k, stmt) for k, stmt in enumerate(self.body)}
        left = {k: s for k, s in body.items() if s is not None}
        return self._without_dead(tuple(self._shared(left).values()))

    def _shared(self, body: dict[int, Stmt]) -> dict[int, Stmt]:
        """The statements with products of a seed that others make too, by their places.

        Where ``b_b += x * seed``, the only reader of ``seed = y * k_b``, stands beside
        ``a_b += x * k_b``, it is ``b_b += x * k_b * y``.
        """
        parts = [e for s in body.values() if isinstance(s, Assign) for e in walk(s.value)]
        read = Counter(e.name for e in parts if isinstance(e, Var))
        products = {e for e in parts if isinstance(e, Binary) and e.op == "*"}
        out = dict(body)
        for k, stmt in body.items():
            added = added_to(stmt.value, stmt.target) if isinstance(stmt, Assign) else None
            match added:
                case Binary(op="*", a=partial, b=Var(name=name)) if read[name] == 1:
                    j = self.made.get(name, k)
                    made = body.get(j)
                case _:
                    continue
            if not isinstance(made, Assign) or j >= k or name in self.early | self.adjoints:
                continue
            value = made.value
            minus = isinstance(value, Unary) and value.op == "-"
            if isinstance(value, Unary) and minus:
                value = value.x
            match value:
                case Binary(op="*", a=other, b=Var() as seed) if name in self.local:
                    product = times(partial, seed)
                    if product in products and self._is_same(_Term(seed, other, False), j, k):
                        whole = times(product, other)
                        assert isinstance(stmt, Assign)
                        total = accumulate(stmt.target, negate(whole) if minus else whole)
                        out[k] = replace(stmt, value=total)
        return out

    def _is_read(self, name: str) -> bool:
        """Whether more than a sum is made of an adjoint."""
        return any(
            name in names_of(s)
            for s in self.body
            if not (isinstance(s, Assign) and s.target.name == name)
        )

    def _groups(self, name: str, places: list[int]) -> list[list[int]]:
        """The statements that add to an adjoint, without one that reads it in between."""
        groups: list[list[int]] = [[]]
        for k in places:
            stmt = self.body[k]
            assert isinstance(stmt, Assign)
            starts = name not in names_read(stmt.value)
            if not starts and added_to(stmt.value, stmt.target) is None:
                groups.append([])
                continue
            between = self.body[groups[-1][-1] + 1 : k] if groups[-1] else ()
            if starts or any(name in names_of(s) for s in between):
                groups.append([])
            groups[-1].append(k)
        return [g for g in groups if g]

    def _summed(self, name: str, group: list[int]) -> dict[int, Stmt | None]:
        """What takes the place of these statements."""
        first = self.body[group[0]]
        assert isinstance(first, Assign)
        anew = name not in names_read(first.value)
        target, terms = first.target, dict[int, list[_Term]]()
        for k in group:
            stmt = self.body[k]
            assert isinstance(stmt, Assign)
            added = stmt.value if anew and k == group[0] else added_to(stmt.value, target)
            found = None if added is None else self._term(added, k, k)
            if found is None:
                return {}
            terms[k] = [found]
        for k in reversed(group):
            for j in (j for j in group if j < k and j in terms and k in terms):
                if terms[j][0].seed == terms[k][0].seed and self._may_move(terms[j], j, k):
                    terms[k] = [*terms.pop(j), *terms[k]]
        out: dict[int, Stmt | None] = dict.fromkeys(group)
        for k in sorted(terms):
            stmt = self.body[k]
            assert isinstance(stmt, Assign)
            whole = _together(terms[k]).whole()
            fresh = anew and k == min(terms)
            out[k] = replace(stmt, value=whole if fresh else accumulate(target, whole))
        return out

    def _may_move(self, terms: list[_Term], start: int, end: int) -> bool:
        return all(self._is_same(t, start, end) for t in terms)

    def _is_same(self, term: _Term, start: int, end: int) -> bool:
        """Whether a term has the same value at two statements."""
        names = {term.seed.name}
        if term.partial is not None:
            names |= names_read(term.partial)
        return not any(start <= k < end for n in names for k in self.places.get(n, ()))

    def _term(self, expr: Expr, start: int, end: int) -> _Term | None:
        """An expression as one seed times partials; ``end`` is where its value is needed."""
        match expr:
            case Var(name=name) if name in self.derived:
                term = _Term(expr, None, False)
                k = self.made.get(name)
                if k is None or k >= end or name in self.early | self.adjoints:
                    return term
                inner = self.body[k]
                assert isinstance(inner, Assign)
                found = self._term(inner.value, k, end)
                if found is None or found.partial is None or not self._is_same(found, k, end):
                    return term
                return found if names_read(found.partial) & self.places.keys() else term
            case Unary(op="-", x=x):
                found = self._term(x, start, end)
                return None if found is None else found.times(None, True)
            case Binary(op="*", a=a, b=b) if expr.kind == FLOAT:
                sides = [names_read(e) & self.derived for e in (a, b)]
                if bool(sides[0]) == bool(sides[1]):
                    return None
                partial, rest = (b, a) if sides[0] else (a, b)
                found = self._term(rest, start, end)
                if found is None or not _is_light(partial):
                    return None
                return found.times(partial, False)
        return None

    def _without_dead(self, body: Block) -> Block:
        """The body without seeds that nobody reads any more."""
        while True:
            read = {n for s in body for n in _read_by(s)}
            kept = tuple(
                s
                for s in body
                if not (
                    isinstance(s, Assign)
                    and s.target.name in (self.derived - self.adjoints) & self.local
                    and s.target.name in self.made
                    and s.target.name not in read
                )
            )
            if len(kept) == len(body):
                return body
            body = kept


def _read_by(stmt: Stmt) -> Set[str]:
    return names_read(stmt.value) if isinstance(stmt, Assign) else names_of(stmt)


def _is_light(partial: Expr) -> bool:
    """Whether a partial is made of scalars by plain arithmetic."""
    return all(isinstance(e, Var | Const | Binary | Unary) for e in walk(partial))


def _together(terms: list[_Term]) -> _Term:
    """Terms of one seed as one term."""
    (first, *rest) = sorted(terms, key=lambda t: t.negative)  # those that are added first
    if not rest:
        return first
    one = Const(1.0, FLOAT)
    total = first.partial or one
    for term in rest:
        op = "+" if term.negative == first.negative else "-"
        total = Binary(op, total, term.partial or one, FLOAT)
    return _Term(first.seed, total, first.negative)
