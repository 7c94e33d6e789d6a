"""Random programs from a small grammar, their gradients against complex step, and shrinking.

A program is a tree of statements whose expressions are trees too; it is a function
``f(x, y, a, b, m)`` of two arrays, two floats and an integer. All values stay bounded (every
assignment goes through sin, tanh or the like), indices are in range by construction, loops are
short, and kinks are away from ties, so that complex step in plain Python is exact to rounding.
One program in ten computes with complex numbers as well, and one in ten takes arguments of single
precision: their gradients are compared with differences, and with complex step in double
precision. What a wrong answer leaves behind is shrunk: statements are deleted, blocks replaced by their
bodies and expressions by their parts as long as the answer stays wrong.

    python -m tests.property.generator --count 1000 --seed 1 [--jit]

hunts from seed 1 on and prints the shrunk programs; a program is the same for the same seed, as
long as this file is. ``--kind complex`` or ``single`` makes all programs of one kind. Other modules
write programs like those that simulations are made of (``kernels.py``, ``points.py``), and two kinds
that are made on demand only, for the passes that they reach: fields that are stepped in time
(``fields.py``) and points whose numbers are rows of matrices (``rows.py``).
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from tests.property import fields, kernels, points, rows
from tests.property.judging import MODES, TOLERANCES, TWICE, Case, Outcome, judge, same
from tests.property.trees import Block, Expr, Line, Stmt, module, render, smaller

WRITERS = {"kernel": kernels, "points": points, "rows": rows, "fields": fields}
"""Modules that write programs of some kinds; the others are written here."""
SIZE = 4
"""Length of the argument arrays."""

HELPERS = """
def blend(p, q=0.5):
    if p > q:
        return p * q + 0.25
    return math.sin(p) - q


def soften(u, c):
    for i in range(u.size):
        u[i] = math.tanh(u[i] + c * u[0])


def halves(p, q):
    return 0.5 * (p + q), math.sin(p - q)


def tail(u, k=1):
    return u[k:]


def mixed(u, v, c):
    for i in range(u.size):
        if u[i] > 0.8:
            return u
        u[i] = math.sin(u[i] + c * v[i])
    return v


def folded(u, depth):
    if depth <= 0 or u.size < 2:
        return u * 0.5
    w = folded(u[::-1] * u[0], depth - 1)
    w[0] += math.sin(u[-1])
    return w


def smear(out, u, c):
    out[1:] = c * u[:-1] + 0.2 * out[1:]
    out[0] = math.sin(out[-1])


def ripple(u, k):
    if k <= 0 or k >= u.size:
        return
    u[k] = math.sin(u[k] + u[k - 1])
    ripple(u, k - 1)
    u[0] *= 0.5 + 0.1 * k


def conquer(u, depth):
    if depth <= 0 or u.size < 2:
        u *= 0.9
        return
    k = u.size // 2
    conquer(u[:k], depth - 1)
    u[k:] += 0.3 * u[: u.size - k]
    conquer(u[k:], depth - 1)


def ladder(u, v, k):
    if k <= 0:
        return 0.9 * u
    v[:] = np.sin(u[::-1] + 0.4 * v)
    w = ladder(v, u, k - 1)
    u[0] += 0.2 * w[-1]
    return w


def energy(u, depth):
    if depth <= 0:
        return 0.3
    return math.sin(u[0] * u[-1] + energy(u, depth - 1))
"""


def source(body: tuple[Stmt, ...], kind: str = "real") -> str:
    """The whole module of a program."""
    if kind in WRITERS:
        return WRITERS[kind].source(body)
    function = "def f(x, y, a, b, m):\n" + render(body)
    return module("import math\n\nimport numpy as np", HELPERS, function)


# -------------------------------------------------------------------- the grammar


@dataclass
class Scope:
    """What may be named at a place: floats, arrays with their lengths, counters below SIZE."""

    floats: list[str]
    arrays: dict[str, int]
    counters: list[str]
    squares: list[str] = field(default_factory=list)
    """Matrices of 2 rows and 2 columns."""
    integer: bool = False
    """Whether there is an integer variable q, also among the counters."""
    pair: bool = False
    """Whether there is a tuple of two floats, p."""
    lists: dict[str, int] = field(default_factory=dict)
    """Lists of arrays of length SIZE, with their numbers of arrays."""
    histories: list[str] = field(default_factory=list)
    """Lists of arrays of length SIZE that grow anywhere, with one item at least."""
    couples: list[str] = field(default_factory=list)
    """Tuples of two arrays of length SIZE."""
    closures: list[str] = field(default_factory=list)
    """Functions of one float, defined inside."""
    tallies: list[str] = field(default_factory=list)
    """Lists of floats that grow anywhere, with one item at least."""
    numbers: list[str] = field(default_factory=list)
    """Complex variables."""
    rows: list[str] = field(default_factory=list)
    """Complex arrays of length SIZE."""
    places: bool = False
    """Whether there is an array n of four integers below SIZE."""
    loops: int = 0
    depth: int = 0

    def inner(self, loop: bool = False) -> Scope:
        return replace(
            self,
            floats=list(self.floats),
            arrays=dict(self.arrays),
            counters=list(self.counters),
            squares=list(self.squares),
            lists=dict(self.lists),
            histories=list(self.histories),
            couples=list(self.couples),
            closures=list(self.closures),
            tallies=list(self.tallies),
            numbers=list(self.numbers),
            rows=list(self.rows),
            loops=self.loops + loop,
            depth=self.depth + 1,
        )


class Grammar:
    """Writes one random program."""

    def __init__(self, seed: int, kind: str = "real") -> None:
        self.random = random.Random(seed)
        self.kind = kind
        self.fresh = count()
        self.budget = self.random.choice([6, 10, 16, 22])

    def pick(self, *weighted: tuple[float, Callable[[], object]]):
        weights = [w for w, _ in weighted]
        return self.random.choices([c for _, c in weighted], weights)[0]()

    # expressions

    def constant(self) -> Expr:
        return Expr(f"{self.random.uniform(0.1, 1.9):.3f}")

    def index(self, scope: Scope, length: int) -> str:
        choices = [str(self.random.randrange(length)), str(-1 - self.random.randrange(length))]
        if scope.counters:
            i = self.random.choice(scope.counters)
            c = self.random.randrange(1, 4)
            if length == SIZE:
                choices += [i, i, i, f"{SIZE - 1} - {i}", f"-1 - {i}"]
            choices += [
                f"({i} + {c}) % {length}",
                f"({i} * {c}) % {length}",
                f"({i} + m) % {length}",
            ]
        else:
            choices.append(f"m % {length}")
        if scope.places and self.random.random() < 0.3:
            place = f"n[{self.random.choice(['m', *scope.counters])} % 4]"
            return place if length == SIZE else f"{place} % {length}"
        return self.random.choice(choices)

    def past(self, name: str, scope: Scope) -> str:
        """The index of an item of a history."""
        counter = self.random.choice([*scope.counters, "m"])
        return self.random.choice(["0", "-1", f"{counter} % len({name})", f"len({name}) // 2"])

    def element(self, scope: Scope, *, written: bool = True) -> str:
        if scope.squares and self.random.random() < 0.3:
            i, j = self.index(scope, 2), self.index(scope, 2)
            return f"{self.random.choice(scope.squares)}[{i}, {j}]"
        if scope.lists and self.random.random() < 0.3:
            return f"{self.listed(scope)}[{self.index(scope, SIZE)}]"
        if scope.histories and not written and self.random.random() < 0.2:
            name = self.random.choice(scope.histories)
            return f"{name}[{self.past(name, scope)}][{self.index(scope, SIZE)}]"
        if scope.couples and self.random.random() < 0.3:
            name, k = self.random.choice(scope.couples), self.random.randrange(2)
            return f"{name}[{k}][{self.index(scope, SIZE)}]"
        name = self.random.choice(sorted(scope.arrays))
        return f"{name}[{self.index(scope, scope.arrays[name])}]"

    def listed(self, scope: Scope) -> str:
        """An array in a list."""
        name = self.random.choice(sorted(scope.lists))
        count = scope.lists[name]
        choices = [str(self.random.randrange(count)), "-1", f"m % {count}"]
        if scope.counters:
            choices.append(f"{self.random.choice(scope.counters)} % {count}")
        return f"{name}[{self.random.choice(choices)}]"

    def leaf(self, scope: Scope) -> Expr:
        def counter() -> Expr:
            return Expr(f"0.25 * {self.random.choice([*scope.counters, 'm'])}")

        return self.pick(
            (5, lambda: Expr(self.random.choice(scope.floats))),
            (3 if scope.pair else 0, lambda: Expr(self.random.choice(["p[0]", "p[1]"]))),
            (5, lambda: Expr(self.element(scope, written=False))),
            (1, self.constant),
            (0.5, counter),
            (1 if scope.tallies else 0, lambda: Expr(self.tally(scope))),
            (3 if scope.numbers else 0, lambda: self.part(scope)),
        )

    def tally(self, scope: Scope) -> str:
        """An item of a list of floats."""
        name = self.random.choice(scope.tallies)
        return f"{name}[{self.past(name, scope)}]"

    def part(self, scope: Scope) -> Expr:
        """A float of a complex number."""
        shape = self.random.choice(["{0}.real", "{0}.imag", "abs({0}) ** 2", "(1j * {0}).real"])
        return Expr(shape, (self.complex_leaf(scope),))

    def complex_leaf(self, scope: Scope) -> Expr:
        if scope.rows and self.random.random() < 0.5:
            return Expr(f"{self.random.choice(scope.rows)}[{self.index(scope, SIZE)}]")
        return Expr(self.random.choice(scope.numbers))

    def complex_expr(self, scope: Scope, depth: int = 2) -> Expr:
        """A complex number."""
        if depth == 0:
            return self.complex_leaf(scope)

        def some(text: str) -> Expr:
            parts = (self.complex_expr(scope, depth - 1) for _ in range(text.count("{")))
            return Expr(text, tuple(parts))

        def made(text: str) -> Expr:
            return Expr(text, tuple(self.bounded(scope, 1) for _ in range(text.count("{"))))

        return self.pick(
            (3, lambda: self.complex_leaf(scope)),
            (2, lambda: some("({0} + {1})")),
            (3, lambda: some("{0} * {1}")),
            (1, lambda: some("np.conj({0})")),
            (1, lambda: some("({0}) / (1.5 + abs({1}) ** 2)")),
            (1, lambda: some("(0.4 - 0.7j) * {0}")),
            (0.7, lambda: some("({0}) ** 2")),
            (0.7, lambda: made("np.exp(1j * {0})")),
            (1, lambda: made("complex({0}, {1})")),
            (1, lambda: made("({0} - 1j * {1})")),
            (0.5, lambda: some("np.sqrt(2.0 + {0})")),
        )

    def complex_bounded(self, scope: Scope) -> Expr:
        """A complex number of size at most about one."""
        value = self.complex_expr(scope)
        return Expr(self.random.choice(["({0}) / (1.2 + abs({0}))", "0.4 * np.sin({0})"]), (value,))

    def expr(self, scope: Scope, depth: int = 2) -> Expr:
        """A float, not too large where the leaves are of order one."""
        if depth == 0:
            return self.leaf(scope)

        def some(text: str) -> Callable[[], Expr]:
            parts = text.count("{")
            return lambda: Expr(text, tuple(self.expr(scope, depth - 1) for _ in range(parts)))

        def chosen() -> Expr:
            test, one, two = (
                self.test(scope),
                self.expr(scope, depth - 1),
                self.expr(scope, depth - 1),
            )
            return Expr("({1} if {0} else {2})", (test, one, two))

        def reduced() -> Expr:
            name = self.random.choice(sorted(scope.arrays))
            other = self.random.choice(
                [n for n, k in scope.arrays.items() if k == scope.arrays[name]]
            )
            return Expr(
                self.random.choice(
                    [f"np.sum({name})", f"np.dot({name}, {other})", f"np.mean({name} * {other})"]
                )
            )

        return self.pick(
            (2, lambda: self.leaf(scope)),
            (3, some("({0} + {1})")),
            (3, some("({0} - {1})")),
            (4, some("{0} * {1}")),
            (1, some("-({0})")),
            (1, some("({0}) ** 2")),
            (1, some("({0}) / (1.5 + ({1}) ** 2)")),
            (1, some("math.sin({0})")),
            (0.7, some("math.exp(-({0}) ** 2)")),
            (0.7, some("math.sqrt(1.2 + ({0}) ** 2)")),
            (0.5, some("abs({0} + 0.37)")),
            (0.5, some("max({0}, {1} + 0.29)")),
            (0.5, some("math.atan2({0}, 1.7 + ({1}) ** 2)")),
            (0.5, some("blend({0}, {1})")),
            (0.2, some("blend({0})")),
            (0.3, some("halves({0}, {1})[1]")),
            (0.7, chosen),
            (0.6, reduced),
            (0.8 if scope.closures else 0, lambda: some(f"{self.random.choice(scope.closures)}({{0}})")()),
        )  # fmt: skip

    def bounded(self, scope: Scope, depth: int = 2) -> Expr:
        """A float of size at most about one."""
        shape = self.random.choice(
            [
                "math.sin({0})",
                "math.tanh({0})",
                "math.cos({0})",
                "math.atan({0})",
                "({0}) / (1.0 + ({0}) ** 2)",
            ]
        )
        return Expr(shape, (self.expr(scope, depth),))

    def test(self, scope: Scope) -> Expr:
        compare = self.random.choice(["<", ">", "<=", ">="])

        def floats() -> Expr:
            return Expr(
                f"{{0}} {compare} {{1}}",
                (self.leaf(scope), Expr(f"{self.random.uniform(-0.5, 0.9):.3f}")),
            )

        def counters() -> Expr:
            return Expr(
                f"{self.random.choice([*scope.counters, 'm'])} {compare} {self.random.randrange(3)}"
            )

        def chain() -> Expr:
            low = self.random.uniform(-0.9, 0.2)
            return Expr(f"{low:.3f} < {{0}} < {low + 0.8:.3f}", (self.leaf(scope),))

        def both() -> Expr:
            word = self.random.choice(["and", "or"])
            return Expr(f"{{0}} {word} {{1}}", (self.test(scope), self.test(scope)))

        return self.pick(
            (4, floats),
            (2, counters),
            (1, chain),
            (1, both),
            (0.5, lambda: Expr("not ({0})", (self.test(scope),))),
        )

    # statements

    def block(self, scope: Scope, most: int) -> tuple[Stmt, ...]:
        out: list[Stmt] = []
        for _ in range(self.random.randint(1, most)):
            if self.budget <= 0:
                break
            self.budget -= 1
            out.append(self.statement(scope))
        return tuple(out)

    def statement(self, scope: Scope) -> Stmt:
        deep = scope.depth >= 3
        return self.pick(
            (4, lambda: self.assign(scope)),
            (2, lambda: self.augment(scope)),
            (4, lambda: self.store(scope)),
            (2, lambda: self.augmented_store(scope)),
            (1, lambda: self.pair(scope)),
            (1, lambda: self.swap(scope)),
            (1.5 if scope.pair else 0, lambda: self.tuple_statement(scope)),
            (1 if scope.integer else 0, lambda: self.integer_statement(scope)),
            (1.5, lambda: self.array_statement(scope)),
            (0.8, lambda: self.new_array(scope)),
            (0.8, lambda: self.rebound(scope)),
            (0.6, lambda: self.square(scope)),
            (1.0 if scope.squares else 0, lambda: self.square_statement(scope)),
            (0.5, lambda: self.call(scope)),
            (0.4, lambda: self.listing(scope)),
            (1.5 if scope.lists else 0, lambda: self.list_statement(scope)),
            (0.3, lambda: self.history(scope)),
            (1.5 if scope.histories else 0, lambda: self.history_statement(scope)),
            (0.3, lambda: self.couple(scope)),
            (1.0 if scope.couples else 0, lambda: self.couple_statement(scope)),
            (0.4 if scope.places else 0, lambda: self.place_statement(scope)),
            (0.4, lambda: self.new_tally(scope)),
            (1.5 if scope.tallies else 0, lambda: self.tally_statement(scope)),
            (5 if scope.numbers else 0, lambda: self.complex_statement(scope)),
            (0 if deep or scope.depth else 0.4, lambda: self.closure(scope)),
            (0 if deep else 0.4, lambda: self.nest(scope)),
            (0 if deep else 4, lambda: self.loop(scope)),
            (0 if deep else 2, lambda: self.branch(scope)),
            (0 if deep else 1, lambda: self.while_loop(scope)),
            (1.2 if scope.loops else 0, lambda: self.jump(scope)),
            (0.15, lambda: Block((), "if {0}", (self.test(scope),), (),
                                 (Line("return {0}", (self.bounded(scope),)),))),
        )  # fmt: skip

    def target(self, scope: Scope) -> str:
        if self.random.random() < 0.25:
            return f"t{next(self.fresh)}"
        return self.random.choice(scope.floats)

    def assign(self, scope: Scope) -> Stmt:
        value = self.bounded(scope)
        name = self.target(scope)
        if name not in scope.floats:
            scope.floats.append(name)
        return Line(f"{name} = {{0}}", (value,))

    def augment(self, scope: Scope) -> Stmt:
        name = self.random.choice(scope.floats)
        op = self.random.choice(["*=", "*=", "+=", "-="])
        if op == "*=":
            return Line(f"{name} *= {{0}}", (self.bounded(scope),))
        return Line(f"{name} = math.tanh({name} {op[0]} {{0}})", (self.expr(scope),))

    def store(self, scope: Scope) -> Stmt:
        return Line(f"{self.element(scope)} = {{0}}", (self.bounded(scope),))

    def augmented_store(self, scope: Scope) -> Stmt:
        op = self.random.choice(["*=", "*=", "+=", "-="])
        factor = "{0}" if op == "*=" else "0.3 * {0}"
        return Line(f"{self.element(scope)} {op} {factor}", (self.bounded(scope),))

    def pair(self, scope: Scope) -> Stmt:
        one, two = self.random.choice(scope.floats), self.random.choice(scope.floats)
        if self.random.random() < 0.3:
            return Line(
                f"{one}, {two} = halves({{0}}, {{1}})", (self.bounded(scope), self.bounded(scope))
            )
        return Line(f"{one}, {two} = {{0}}, {{1}}", (self.bounded(scope), self.bounded(scope)))

    def swap(self, scope: Scope) -> Stmt:
        if self.random.random() < 0.5:
            one, two = self.element(scope), self.element(scope)
            return Line(f"{one}, {two} = {two}, {one}")
        full = [n for n, k in scope.arrays.items() if k == SIZE]
        one, two = self.random.choice(full), self.random.choice(full)
        return Line(f"{one}, {two} = {two}, {one}")

    def tuple_statement(self, scope: Scope) -> Stmt:
        text = self.random.choice(
            ["p = p[1], {0}", "p = ({0}, p[0])", "p = {0}, {1}", "p = halves(p[0], {0})"]
        )
        if self.random.random() < 0.3:
            one, two = self.random.choice(scope.floats), self.random.choice(scope.floats)
            text = f"{one}, {two} = p"
        return Line(text, tuple(self.bounded(scope) for _ in range(text.count("{"))))

    def integer_statement(self, scope: Scope) -> Stmt:
        other = self.random.choice([*scope.counters, "m", "1", "2"])
        text = self.random.choice(
            [f"q = (q + {other}) % 4", f"q = (2 * {other} + 1) % 3", f"q = {other} // 2"]
        )
        if self.random.random() < 0.3:
            return Line("q = int(2.9 * abs({0}))", (self.bounded(scope, 1),))
        return Line(text)

    def array_statement(self, scope: Scope) -> Stmt:
        full = [n for n, k in scope.arrays.items() if k == SIZE]
        u, v = self.random.choice(full), self.random.choice(full)
        c = self.random.uniform(0.1, 0.6)
        text = self.random.choice(
            [
                f"{u}[1:] += {c:.2f} * ({v}[:-1] - {u}[1:])",
                f"{u}[:-1] *= np.cos({v}[1:])",
                f"{u}[1:-1] = 0.6 * {v}[1:-1] + 0.2 * ({v}[2:] - {v}[:-2])",
                f"{u}[:] = np.sin({u} * {v} + {{0}})",
                f"{u} *= {{0}}",
                f"{u} = np.tanh({u} + {v} * {{0}})",
                f"{u}[::2] = {{0}}",
                f"{u}[::-1] = np.tanh({u} + {v})",
                f"{u}[:2] -= {c:.2f} * {v}[2:] * {{0}}",
                f"{u}[{v} > {c:.2f}] *= {{0}}",
                f"{u}[{u} > {c:.2f}] = np.sin({v}[{u} > {c:.2f}] + {{0}})",
                f"{u}[np.array([2, 0, 2])] += {c:.2f} * {v}[np.array([1, 3, 0])]",
                f"{u}[[3, 1]] = {v}[[0, 3]] * {{0}}",
                f"{u}[:] = np.cumsum({v}) * {{0}} * 0.3",
                f"{u}[:] = np.array([{c:.2f} * e for e in {v}])",
                f"{u}[np.where({v} > {c:.2f})[0]] *= {{0}}",
                f"{u}[np.nonzero({u} < {c:.2f})] = {{0}}",
                f"{u}[:] = np.tanh(({u}[:, None] * {v}[None, :]).sum(axis=1))",
                f"{u}[...] = {v}[::-1].copy() * {{0}}",
                f"{u}[1:] = {u}[:-1]",
                f"{u}[2::-1] -= {c:.2f} * {u}[1:]",
                f"np.sin({v}, out={u})",
                f"{u} = np.clip({v}, -0.61, {c:.2f})",
                f"{u} = np.maximum({u}, {v} * {{0}})",
            ]
        )
        return Line(text, (self.bounded(scope),) if "{0}" in text else ())

    def new_array(self, scope: Scope) -> Stmt:
        full = [n for n, k in scope.arrays.items() if k == SIZE]
        u, name = self.random.choice(full), f"w{next(self.fresh)}"
        text, length = self.random.choice(
            [
                (f"{name} = {u}.copy()", SIZE),
                (f"{name} = np.zeros({u}.size)", SIZE),
                (f"{name} = np.full_like({u}, {{0}})", SIZE),
                (f"{name} = np.sin({u})", SIZE),
                (f"{name} = {u}", SIZE),
                (f"{name} = {u}[1:]", SIZE - 1),
                (f"{name} = {u}[::-1]", SIZE),
                (f"{name} = {u}[1:3]", 2),
                (f"{name} = tail({u})", SIZE - 1),
                (f"{name} = {u}[np.array([3, 1, 1])]", 3),
                (f"{name} = np.roll({u}, 1)", SIZE),
                (f"{name} = np.concatenate(({u}[2:], {u}[:2]))", SIZE),
                (f"{name} = tail({u}, 2)", SIZE - 2),
                (f"{name} = {u}.reshape(2, 2)[:, 1]", 2),
                *(
                    (f"{name} = {g}{view}", 2)
                    for g in scope.squares[:1]
                    for view in ("[:, 1]", ".T[0]", "[::-1, 0]", "[m % 2]", ".T[:, m % 2]")
                ),
            ]
        )
        line = Line(text, (self.bounded(scope),) if "{0}" in text else ())
        scope.arrays[name] = length
        return line

    def rebound(self, scope: Scope) -> Stmt:
        """An array name made to denote another view, of the same length."""
        full = [n for n, k in scope.arrays.items() if k == SIZE]
        u, v, w = (self.random.choice(full) for _ in range(3))
        choices: list[tuple[str, tuple[Expr, ...]]] = [
            (f"{u} = {v}[::-1]", ()),
            (f"{u} = {u}[::-1]", ()),
            (f"{u}, {v} = {v}[::-1], {u}" if u != v else f"{u} = {v}", ()),
            (f"{w} = {u} if {{0}} else {v}[::-1]", (self.test(scope),)),
            (f"{w} = mixed({u}, {v}, {{0}})" if u != v else f"{w} = {u}", (self.bounded(scope),)),
            (f"{w} = folded({u}, 2)", ()),
            (f"{w} = np.where({u} > {{0}}, {v}, 0.5)", (self.bounded(scope, 1),)),
        ]
        if scope.squares:
            choices.append((f"{w} = {self.random.choice(scope.squares)}.ravel()", ()))
        text, parts = self.random.choice(choices)
        return Line(text, parts if "{0}" in text else ())

    def square(self, scope: Scope) -> Stmt:
        """A matrix: another shape of an array, or a new one."""
        full = [n for n, k in scope.arrays.items() if k == SIZE]
        name, u = f"g{next(self.fresh)}", self.random.choice(full)
        text = self.random.choice(
            [
                f"{name} = {u}.copy().reshape(2, 2)",
                f"{name} = np.sin({u}).reshape(2, -1)",
                f"{name} = np.outer({u}[:2], {u}[2:])",
            ]
        )
        scope.squares.append(name)
        return Line(text)

    def square_statement(self, scope: Scope) -> Stmt:
        g, h = self.random.choice(scope.squares), self.random.choice(scope.squares)
        full = [n for n, k in scope.arrays.items() if k == SIZE]
        u = self.random.choice(full)
        text = self.random.choice(
            [
                f"{g}[0] *= {h}[1]",
                f"{g}[:, 0] = np.tanh({g}[:, 1] + {{0}})",
                f"{g} = {h}.T",
                f"{g}[:] = np.sin({g} @ {h})",
                f"{g} = np.cos({h} @ {g}.T)",
                f"{u}[1:3] = {g}[{self.index(scope, 2)}]",
                f"{g} = {g}[::-1]",
                f"{u}[:] = np.sin({g}.reshape(-1) * {u})",
                f"{g}[{self.index(scope, 2)}, :] += 0.3 * {{0}}",
                f"{u} = {h}.flatten()",
                f"{g}.T[0] += 0.3 * {h}[:, 1]",
                f"{g}[:, ::-1] = np.tanh({h} * {{0}})",
                f"{g}[{self.index(scope, 2)}], {g}[0] = {h}[1] * 0.7, {h}[0].copy()",
                f"{g}.T[:] = np.sin({h} + {{0}})",
                f"ripple({g}[:, {self.index(scope, 2)}], 1)",
                f"conquer({g}[{self.index(scope, 2)}], 1)",
                f"smear({g}.T[1], {h}[0].copy(), {{0}})",
            ]
        )
        if scope.depth < 3 and self.random.random() < 0.15:
            inner = scope.inner(loop=True)
            row = f"w{next(self.fresh)}"
            inner.arrays[row] = 2
            view = self.random.choice(["", ".T", "[::-1]"])
            return Block((), f"for {row} in {g}{view}", (), (), self.block(inner, 3))
        return Line(text, (self.bounded(scope),) if "{0}" in text else ())

    def full(self, scope: Scope) -> str:
        return self.random.choice([n for n, k in scope.arrays.items() if k == SIZE])

    def listing(self, scope: Scope) -> Stmt:
        """A list of arrays."""
        name, count = f"h{next(self.fresh)}", self.random.randint(1, 3)
        shapes = ["{u}", "{u}.copy()", "np.sin({u})", "{u} * 0.5"]
        views = ["{u}", "{u}[::-1]"] if self.random.random() < 0.2 else shapes
        items = [self.random.choice(views).format(u=self.full(scope)) for _ in range(count)]
        text = f"{name} = [{', '.join(items)}]"
        if self.random.random() < 0.2:
            text = f"{name} = [{self.full(scope)} * (0.3 + e) for e in range({count})]"
        scope.lists[name] = count
        return Line(text)

    def list_statement(self, scope: Scope) -> Stmt:
        u, one, two = self.full(scope), self.listed(scope), self.listed(scope)
        name = self.random.choice(sorted(scope.lists))
        w = f"w{next(self.fresh)}"
        if scope.depth == 0 and self.random.random() < 0.25:
            scope.lists[name] += 1
            return Line(f"{name}.append({u}{self.random.choice(['', '.copy()', ' * 0.5'])})")
        if scope.depth < 3 and self.random.random() < 0.25:
            inner = scope.inner(loop=True)
            inner.arrays[w] = SIZE
            return Block((), f"for {w} in {name}", (), (), self.block(inner, 3))
        text = self.random.choice(
            [
                f"{one}[:] = np.sin({two} + {{0}})",
                f"{one}, {two} = {two}, {one}",
                f"{u} = {one}",
                f"{one} = np.tanh({u} + {two})",
                f"{one} *= {{0}}",
                f"{u} += 0.3 * {one}",
                f"{one} = {u}",
                f"{name}.reverse()",
                f"{u} = sum({name}) * 0.4",
            ]
        )
        return Line(text, (self.bounded(scope),) if "{0}" in text else ())

    def history(self, scope: Scope) -> Stmt:
        """A list of arrays that grows."""
        name, u = f"o{next(self.fresh)}", self.full(scope)
        scope.histories.append(name)
        return Line(f"{name} = [{self.random.choice([u + '.copy()', 'np.sin(' + u + ')'])}]")

    def history_statement(self, scope: Scope) -> Stmt:
        name, u = self.random.choice(scope.histories), self.full(scope)
        past = self.past(name, scope)
        text = self.random.choice(
            [
                f"{name}.append({u}.copy())",
                f"{name}.append({u}[::-1].copy())",
                f"{name}.append(np.tanh({u} * {{0}}))",
                f"{name} += [{name}[{past}] * 0.5 + {u}]",
                f"{u}[:] = {name}[{past}]",
                f"{u} *= {name}[{past}]",
                f"{u} = np.sin({name}[{past}] - {u})",
                f"{u} = np.tanh(np.array({name})[{past}])",
                f"{u} = {name}[{past}].copy()",
            ]
        )
        return Line(text, (self.bounded(scope),) if "{0}" in text else ())

    def new_tally(self, scope: Scope) -> Stmt:
        """A list of floats that grows."""
        name = f"l{next(self.fresh)}"
        value = self.bounded(scope)
        scope.tallies.append(name)
        return Line(f"{name} = [{{0}}]", (value,))

    def tally_statement(self, scope: Scope) -> Stmt:
        name, item, s = self.random.choice(scope.tallies), self.tally(scope), scope.floats[0]
        text = self.random.choice(
            [
                f"{name}.append({{0}})",
                f"{name}.append({{0}})",
                f"{name} += [{{0}}, 0.5 * {item}]",
                f"{item} = {{0}}",
                f"{item} *= {{0}}",
                f"{s} = math.sin(sum({name}))",
                f"{s} = {item}",
                f"{self.full(scope)}[0] = {name}[-1]",
            ]
        )
        if self.random.random() < 0.2:
            return Block((), f"if len({name}) > 1", (), (f"{s} = {name}.pop()",), ())
        if scope.depth < 3 and self.random.random() < 0.15:
            inner = scope.inner(loop=True)
            inner.tallies.remove(name)
            v = f"v{next(self.fresh)}"
            inner.floats.append(v)
            return Block((), f"for {v} in {name}", (), (), self.block(inner, 3))
        return Line(text, (self.bounded(scope),) if "{0}" in text else ())

    def complex_statement(self, scope: Scope) -> Stmt:
        z, u = self.random.choice(scope.numbers), self.full(scope)
        if not scope.rows or self.random.random() < 0.4:
            if self.random.random() < 0.2:
                z = f"z{next(self.fresh)}"
                value = self.complex_bounded(scope)
                scope.numbers.append(z)
                return Line(f"{z} = {{0}}", (value,))
            text = self.random.choice(
                [f"{z} = {{0}}", f"{z} *= {{0}}", f"{z} = {z}.conjugate() * {{0}}"]
            )
            return Line(text, (self.complex_bounded(scope),))
        r, t = self.random.choice(scope.rows), self.random.choice(scope.rows)
        if self.random.random() < 0.15:
            name = f"r{next(self.fresh)}"
            scope.rows.append(name)
            made = [f"{r}", f"{r}[::-1]", f"{r}.conj()", f"{u} + 1j * {u}[::-1]", f"{r} * {t}"]
            return Line(f"{name} = {self.random.choice(made)}")
        text = self.random.choice(
            [
                f"{r}[{self.index(scope, SIZE)}] = {{0}}",
                f"{r}[{self.index(scope, SIZE)}] *= {{0}}",
                f"{r} *= {{0}}",
                f"{r}.real[1:] += 0.3 * {t}.imag[:-1]",
                f"{r}.imag[:] = {u}",
                f"{r}.real[{self.index(scope, SIZE)}] *= 0.7",
                f"{r} = np.exp(1j * {u}) * {t} / (1.1 + abs({r}) ** 2)",
                f"{r}[:] = np.conj({t}[::-1]) * 0.8",
                f"{r}[1:] = {r}[:-1] * {{0}}",
                f"{u}[:] = np.tanh({r}.real - {t}.imag)",
                f"{u} = np.sin(np.abs({r}) ** 2)",
                f"{z} = 0.3 * np.vdot({r}, {t}) / (1.0 + abs({z}) ** 2)",
                f"{z} = np.sum({r} * {u}) * 0.2",
                f"{r}, {t} = {t}, {r}",
                f"{r} = {t}[::-1]",
                f"{r}[::2] += 0.2 * {u}[1::2]",
                f"{r}[{u} > 0.2] *= {{0}}",
                f"{r} = np.fft.fft({t}) * 0.3",
            ]
        )
        return Line(text, (self.complex_bounded(scope),) if "{0}" in text else ())

    def couple(self, scope: Scope) -> Stmt:
        """A tuple of two arrays."""
        name = f"c{next(self.fresh)}"
        scope.couples.append(name)
        return Line(
            f"{name} = ({self.full(scope)}, {self.full(scope)}{self.random.choice(['', '.copy()'])})"
        )

    def couple_statement(self, scope: Scope) -> Stmt:
        name, u, v = self.random.choice(scope.couples), self.full(scope), self.full(scope)
        text = self.random.choice(
            [
                f"{u}, {v} = {name}" if u != v else f"{u} = {name}[0]",
                f"{name} = ({name}[1], {u})",
                f"{name}[0][:] = np.sin({name}[1] * {{0}})",
                f"{name}[1][1:] *= {{0}}",
                f"{u} = {name}[1]",
            ]
        )
        return Line(text, (self.bounded(scope),) if "{0}" in text else ())

    def place_statement(self, scope: Scope) -> Stmt:
        i, u = self.random.choice(["m", *scope.counters]), self.full(scope)
        text = self.random.choice(
            [f"n[{i} % 4] = (n[{i} % 4] + 1) % 4", f"{u} = {u}[n]", f"{u}[n] += 0.2 * {{0}}",
             "n[:] = n[::-1]", f"np.add.at({u}, n, {{0}})"]
        )  # fmt: skip
        return Line(text, (self.bounded(scope),) if "{0}" in text else ())

    def closure(self, scope: Scope) -> Stmt:
        """A function inside, which reads what is around it when it is called."""
        name, v = f"g{next(self.fresh)}_", f"v{next(self.fresh)}"
        inner = scope.inner()
        inner.floats += [v, v, v]
        value = self.bounded(inner)
        scope.closures.append(name)
        return Block((), f"def {name}({v})", (), (), (Line("return {0}", (value,)),))

    def nest(self, scope: Scope) -> Stmt:
        """Two loops, left together by a flag."""
        flag, i, j = f"d{next(self.fresh)}", f"i{next(self.fresh)}", f"i{next(self.fresh)}"
        outer = scope.inner(loop=True)
        outer.counters.append(i)
        inner = outer.inner(loop=True)
        inner.counters.append(j)
        body = self.block(inner, 2)
        leave = Block((), "if {0}", (self.test(inner),), (f"{flag} = True", "break"), ())
        rest = self.block(outer, 2)
        low = Block((), f"for {j} in range({self.random.choice(['4', 'm', f'{i} + 1'])})", (), (),
                    (*body, leave))  # fmt: skip
        out = Block((), f"if {flag}", (), ("break",), ())
        return Block((f"{flag} = False",), f"for {i} in range(4)", (), (), (low, out, *rest))

    def call(self, scope: Scope) -> Stmt:
        if self.random.random() < 0.4:
            u, v = self.full(scope), self.full(scope)
            if self.random.random() < 0.6:
                view = self.random.choice(["", "", "[1:]", "[::-1]", "[::2]", "[:3]"])
                part = self.random.choice(["", "[::-1]", ".copy()"])
                return Line(
                    self.random.choice(
                        [
                            f"ripple({u}{view}, {self.random.choice(['m', '2', '3'])})",
                            f"conquer({u}{view}, {self.random.choice(['m', '2', '1'])})",
                            f"{u}[:] = ladder({u}.copy(), {v}{part}, {self.random.choice('m2')})",
                            f"{u} = ladder({v}{part}, {u}.copy(), {self.random.choice('m2')})",
                            f"{self.random.choice(scope.floats)} = energy({u}{view}, m)",
                        ]
                    )
                )
            return Line(f"smear({u}, {v}, {{0}})", (self.bounded(scope),))
        name = self.random.choice(sorted(scope.arrays))
        if self.random.random() < 0.97:
            return Line(f"soften({name}, {{0}})", (self.bounded(scope),))
        target = self.random.choice(scope.floats)
        return Line(f"{target} = energy({name}, {self.random.choice(['m', '1', '2'])})")

    def loop(self, scope: Scope) -> Stmt:
        inner = scope.inner(loop=True)
        if self.random.random() < 0.15:
            name = f"v{next(self.fresh)}"
            array = self.random.choice(sorted(scope.arrays))
            inner.floats.append(name)
            # an array that is the loop's own must not change under it in a way Python hides
            return Block((), f"for {name} in {array}", (), (), self.block(inner, 4))
        if self.random.random() < 0.15:
            i, v, w = (f"{letter}{next(self.fresh)}" for letter in "ivv")
            one, two = self.random.choice(sorted(scope.arrays)), self.full(scope)
            inner.floats.append(v)
            head = self.random.choice(
                [f"for {i}, {v} in enumerate({two})", f"for {v} in reversed({one})",
                 f"for {v}, {w} in zip({one}, {two})"]
            )  # fmt: skip
            if head.startswith(f"for {i}"):
                inner.counters.append(i)
            if "zip" in head:
                inner.floats.append(w)
            return Block((), head, (), (), self.block(inner, 4))
        i = f"i{next(self.fresh)}"
        ranges = [
            f"range({SIZE})", "range(x.size)", "range(len(y))", "range(m)", "range(1, 4)", "range(0)",
            "range(3, -1, -1)", "range(0, 4, 2)", "range(m, 4)", "range(3, m, -1)",
        ]  # fmt: skip
        if scope.counters:
            # a loop may change q, not its own bounds
            ranges += [f"range({scope.counters[-1]})", f"range({scope.counters[-1]}, 4)"]
        inner.counters.append(i)
        head = f"for {i} in {self.random.choice(ranges)}"
        body = self.block(inner, 4)
        orelse = self.block(scope.inner(), 2) if self.random.random() < 0.15 else ()
        return Block((), head, (), (), body, orelse)

    def while_loop(self, scope: Scope) -> Stmt:
        k = f"k{next(self.fresh)}"
        inner = scope.inner(loop=True)
        head = f"while {k} < {self.random.randint(1, 4)}"
        parts: tuple[Expr, ...] = ()
        if self.random.random() < 0.6:
            head += self.random.choice([" and ({0})", " and not ({0})"])
            parts = (self.test(scope),)
        # k is 1..4 in the body: a counter only after a remainder
        body = self.block(inner, 3)
        orelse = self.block(scope.inner(), 2) if self.random.random() < 0.15 else ()
        return Block((f"{k} = 0",), head, parts, (f"{k} += 1",), body, orelse)

    def branch(self, scope: Scope) -> Stmt:
        test = self.test(scope)
        body = self.block(scope.inner(), 3)
        orelse = self.block(scope.inner(), 3) if self.random.random() < 0.5 else ()
        return Block((), "if {0}", (test,), (), body, orelse)

    def jump(self, scope: Scope) -> Stmt:
        word = self.random.choice(["break", "continue"])
        return Block((), "if {0}", (self.test(scope),), (), (Line(word),))

    def program(self) -> tuple[Stmt, ...]:
        scope = Scope(["a", "b"], {"x": SIZE, "y": SIZE}, [])
        body: list[Stmt] = []
        if self.random.random() < 0.8:
            scope.floats.append("s")
            body.append(
                Line("s = {0}", (self.bounded(Scope(["a", "b"], {"x": SIZE, "y": SIZE}, [])),))
            )
        if self.random.random() < 0.4:
            body.append(Line("p = ({0}, {1})", (self.bounded(scope, 1), self.bounded(scope, 1))))
            scope.pair = True
        if self.random.random() < 0.4:
            scope.integer = True
            body.append(Line("q = m"))
            scope.counters.append("q")
        if self.kind == "complex":
            scope.numbers.append("z")
            scope.rows.append("r")
            body += [Line("z = complex(a, 0.4 * b)"), Line("r = x + 1j * y")]
        if self.random.random() < 0.25:
            scope.places = True
            body.append(Line("n = np.array([2, 0, 3, 1])"))
        while self.budget > 0:
            body += self.block(scope, 6)
        parts = [Expr(n) for n in scope.floats if self.random.random() < 0.8]
        for k, name in enumerate(sorted(scope.arrays)):
            if self.random.random() < 0.8:
                parts.append(Expr(f"{0.5 + 0.25 * k} * np.sum({name} * {name})"))
        parts += [Expr(f"np.sum({g} ** 2)") for g in sorted(scope.squares)]
        parts += [Expr(f"np.sum({h}[-1] * {h}[0])") for h in sorted(scope.lists)]
        parts += [Expr(f"0.1 * np.sum(np.array({o}) ** 2)") for o in scope.histories]
        parts += [Expr(f"np.sum({c}[0] * {c}[1])") for c in sorted(scope.couples)]
        parts += [Expr(f"0.3 * sum({name})") for name in scope.tallies]
        parts += [Expr(f"({z} * {z} * (0.6 - 0.3j)).real") for z in scope.numbers]
        parts += [Expr(f"np.sum({r} * np.exp(0.3j * {r})).imag") for r in scope.rows]
        if scope.pair:
            parts.append(Expr("p[0] * p[1]"))
        parts.append(Expr(self.element(scope)))
        return (
            *body,
            Line("return " + " + ".join(f"{{{k}}}" for k in range(len(parts))), tuple(parts)),
        )


def arguments(seed: int, kind: str = "real"):
    """The arguments of a program, fresh."""
    if kind in WRITERS:
        return WRITERS[kind].arguments(seed)
    rng = np.random.default_rng(seed)
    dtype = np.float32 if kind == "single" else np.float64
    return (
        rng.uniform(-1.0, 1.0, SIZE).astype(dtype),
        rng.uniform(-1.0, 1.0, SIZE).astype(dtype),
        float(rng.uniform(-1.0, 1.0)),
        (float if seed % 2 else dtype)(rng.uniform(-1.0, 1.0)),
        int(rng.integers(0, 4)),
    )


def kind_of(seed: int) -> str:
    """The kind of the program of a seed, where it is not chosen."""
    kinds = {3: "complex", 7: "single", 2: "points"} | dict.fromkeys((1, 4, 6, 9), "kernel")
    return kinds.get(seed % 10, "real")


def mode_of(seed: int, kind: str) -> str:
    """What is asked of the program of a seed, where it is not chosen."""
    if kind not in WRITERS:
        return "reverse"
    modes = ["reverse", "grad", "forward", "lanes", "vjp", "second", "hessian", "parallel", "eager"]
    if WRITERS[kind].size(seed) > 9:
        modes.remove("hessian")
    return modes[seed // 10 % len(modes)]


# -------------------------------------------------------------------- shrinking


@dataclass(frozen=True)
class How:
    """How programs are tested."""

    seed: int
    kind: str = "real"
    mode: str = "reverse"
    jit: bool = False

    def case(self, body: tuple[Stmt, ...]) -> Case:
        """The test of one program."""
        text = source(body, self.kind)
        writer = WRITERS.get(self.kind)
        by_hand = text if writer is None else writer.source(body, by_hand=True)
        if self.mode in TWICE:  # differences would move what is stopped
            text = text.replace("srcad.stop_gradient", "")
            by_hand = by_hand.replace("return v.real * 1.0", "return v * 1.0")
        given = functools.partial(arguments, self.seed, self.kind)
        return Case(text, by_hand, given, self.kind, self.mode, self.jit, self.seed)


def shrink(body: tuple[Stmt, ...], how: How, outcome: Outcome, patience: int = 600):
    """The smallest program found that fails as the given one does, and how it fails."""
    tried = set()
    progress = True
    while progress and patience > 0:
        progress = False
        for candidate in smaller(body):
            text = render(candidate)
            if text in tried or not candidate:
                continue
            tried.add(text)
            patience -= 1
            if patience <= 0:
                break
            try:
                found = judge(how.case(candidate))
            except SyntaxError:
                continue
            if same(outcome, found):
                body, outcome, progress = candidate, found, True
                break
    return body, outcome


def make(seed: int, kind: str | None = None) -> tuple[Stmt, ...]:
    """The program of a seed."""
    kind = kind or kind_of(seed)
    if kind in WRITERS:
        return WRITERS[kind].make(seed)
    return Grammar(seed, kind).program()


def report(how: How, outcome: Outcome, body: tuple[Stmt, ...]) -> str:
    """A failing program, to be read and pasted."""
    args = ", ".join(repr(a) for a in arguments(how.seed, how.kind))
    title = f"seed {how.seed} ({how.kind}, {how.mode}): {outcome.kind}: {outcome.detail}"
    return f"{title}\n\n{source(body, how.kind)}\n\nf({args})\n"


def hunt(
    seeds,
    jit: Callable[[int], bool],
    shrinking: bool = True,
    kind: str | None = None,
    mode: str | None = None,
):
    """Run the programs of many seeds: counts by outcome, and the reports of those that failed."""
    counts = dict.fromkeys(("right", "wrong", "refused", "crashed", "invalid"), 0)
    reports: list[tuple[str, str]] = []
    for seed in seeds:
        of_seed = kind or kind_of(seed)
        how = How(seed, of_seed, mode or mode_of(seed, of_seed), jit(seed))
        body = make(seed, of_seed)
        outcome = judge(how.case(body))
        counts[outcome.kind] += 1
        if outcome.kind in ("wrong", "crashed", "refused"):
            if shrinking and outcome.kind != "refused":
                body, outcome = shrink(body, how, outcome, 100 if how.jit else 600)
            reports.append((outcome.kind, report(how, outcome, body)))
    return counts, reports


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Hunt for wrong gradients with random programs.")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jit", action="store_true", help="compile the gradients")
    parser.add_argument("--show", action="store_true", help="print the programs, run nothing")
    parser.add_argument("--kind", choices=TOLERANCES, help="programs of one kind only")
    parser.add_argument("--mode", choices=MODES, help="ask one thing of all programs")
    parser.add_argument("--whole", action="store_true", help="do not shrink what fails")
    parser.add_argument("--most", type=int, default=10, help="stop after so many failures")
    options = parser.parse_args()
    totals = dict.fromkeys(("right", "wrong", "refused", "crashed", "invalid"), 0)
    failures = 0
    for seed in range(options.seed, options.seed + options.count):
        if options.show:
            kind = options.kind or kind_of(seed)
            print(f"# seed {seed}\n{source(make(seed, kind), kind)}")
            continue
        counts, reports = hunt(
            [seed], lambda _: options.jit, not options.whole, options.kind, options.mode
        )
        for kind, n in counts.items():
            totals[kind] += n
        for kind, text in reports:
            print("-" * 80 + "\n" + text, flush=True)
            failures += kind != "refused"
        if failures >= options.most:
            break
    print(totals)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
