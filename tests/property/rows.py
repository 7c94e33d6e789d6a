"""Random programs over points whose numbers are the rows of matrices.

The arguments are those of ``kernels.py``. A program is one loop over points, or two: each takes
numbers from its rows, runs short loops along them, branches or iterates, and leaves what it found in
rows of others; it adds to what all points share. Some points look at their neighbours or at others
by an index, or change the rows that they read. Or the loop goes along the rows, two of which are of
one matrix, and its iterations evaluate elementary functions.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from itertools import count

from tests.property import kernels, points
from tests.property.trees import Block, Expr, Line, Stmt

COLUMNS = 5
"""The columns of the matrices."""


@dataclass
class Scope:
    """What may be named in an iteration."""

    i: str
    floats: list[str] = field(default_factory=list[str])
    columns: list[str] = field(default_factory=list[str])
    """Counters of loops along a row."""
    integers: list[str] = field(default_factory=list[str])
    depth: int = 0

    def inner(self, *counters: str, floats: tuple[str, ...] = ()) -> Scope:
        return replace(
            self,
            floats=[*self.floats, *floats],
            columns=[*self.columns, *counters],
            integers=[*self.integers, *counters],
            depth=self.depth + 1,
        )


class Rows:
    """Writes one random program of loops over n rows."""

    def __init__(self, seed: int, n: int) -> None:
        self.random = random.Random(seed)
        self.n = n
        self.fresh = count()
        self.stores = self.chance(0.75)
        self.deep = self.chance(0.3)
        """Whether there is an array of three axes."""
        self.beside = self.chance(0.2)
        """Whether points look at their neighbours."""
        self.others = self.chance(0.15)
        """Whether points look at others by an index."""
        self.changes = self.chance(0.2)
        """Whether points change the rows that they read."""
        self.iterates = self.chance(0.4)

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def name(self, letter: str) -> str:
        return f"{letter}{next(self.fresh)}"

    def threshold(self) -> str:
        return f"{self.random.uniform(-0.5, 0.8):.3f}"

    # ------------------------------------------------------------ numbers

    def column(self, scope: Scope) -> str:
        choices = [str(self.random.randrange(COLUMNS)) for _ in range(4)] + ["-1", "-2"]
        choices += scope.columns * 3
        if scope.integers:
            choices.append(f"{self.random.choice(scope.integers)} % {COLUMNS}")
        return self.random.choice(choices)

    def row(self, scope: Scope) -> str:
        near = [f"{scope.i} + 1", f"{scope.i} - 1"] if self.beside else []
        return self.random.choice([scope.i] * 8 + near)

    def leaf(self, scope: Scope) -> Expr:
        if scope.floats and self.chance(0.5):
            return Expr(self.random.choice(scope.floats))
        if self.chance(0.1):
            return Expr(f"{self.random.uniform(0.2, 1.5):.2f}")
        texts = [f"p[{self.row(scope)}, {self.column(scope)}]"] * 3
        texts += [f"x[{self.row(scope)}]", f"w[{self.column(scope)}]", "a"]
        if self.stores:
            texts += [f"out[{scope.i}, {self.column(scope)}]"] * 2
        if self.deep:
            texts.append(f"q[{scope.i}, {self.random.randrange(2)}, {self.column(scope)}]")
        if self.others:
            other = f"places[{scope.i}]"
            texts += [f"x[{other}]", f"p[{other}, {self.column(scope)}]"]
        return Expr(self.random.choice(texts))

    def number(self, scope: Scope, depth: int = 2) -> Expr:
        if depth == 0:
            return self.leaf(scope)
        texts = {
            "{0}": 2,
            "({0} + {1})": 2,
            "({0} - {1})": 1,
            "{0} * {1}": 3,
            "math.sin({0})": 2,
            "math.exp(-({0}) ** 2)": 1,
            "({0}) / (1.5 + ({1}) ** 2)": 1,
            f"({{1}} if {{2}} > {self.threshold()} else {{0}})": 1,
        }
        text = self.random.choices(list(texts), list(texts.values()))[0]
        parts = 1 + max(k for k in range(3) if f"{{{k}}}" in text)
        made = [self.number(scope, depth - 1) for _ in range(min(parts, 2))]
        return Expr(text, (*made, self.leaf(scope))[:parts])

    # ------------------------------------------------------------ what a point does

    def block(self, scope: Scope, most: int) -> tuple[Stmt, ...]:
        out: list[Stmt] = []
        for _ in range(self.random.randint(1, most)):
            out += self.statements(scope)
        return tuple(out)

    def statements(self, scope: Scope) -> list[Stmt]:
        deep = scope.depth >= 2
        kinds = {
            self.named: 6,
            self.renamed: 1.2 if scope.floats else 0,
            self.stored: 3.5 if self.stores else 0,
            self.added: 2,
            self.changed: 0.7 if self.changes else 0,
            self.along: 0 if deep else 3,
            self.branch: 0 if deep else 2.5,
            self.iterated: 0 if deep or not self.iterates else 1.5,
        }
        return self.random.choices(list(kinds), list(kinds.values()))[0](scope)

    def named(self, scope: Scope) -> list[Stmt]:
        name = self.name("z")
        line = Line(f"{name} = math.sin({{0}})", (self.number(scope),))
        scope.floats.append(name)
        return [line]

    def renamed(self, scope: Scope) -> list[Stmt]:
        name = self.random.choice(scope.floats)
        return [Line(f"{name} = math.cos({{0}})", (self.number(scope),))]

    def stored(self, scope: Scope) -> list[Stmt]:
        """A number is left in a row."""
        places = [f"out[{scope.i}, {self.column(scope)}]"] * 3 + [f"v[{scope.i}]"]
        if self.deep:
            places.append(f"q[{scope.i}, {self.random.randrange(2)}, {self.column(scope)}]")
        place, op = self.random.choice(places), self.random.choice(["=", "=", "+=", "-=", "*="])
        if self.chance(0.2):
            return [Line(f"{place} {op} {self.random.choice(['0.0', '0.5', '1.0'])}")]
        return [Line(f"{place} {op} math.tanh({{0}})", (self.number(scope),))]

    def added(self, scope: Scope) -> list[Stmt]:
        """A number is added to what all points share."""
        place = self.random.choice([f"shared[{self.column(scope)}]", "total"])
        return [Line(f"{place} += {{0}}", (self.number(scope, 1),))]

    def changed(self, scope: Scope) -> list[Stmt]:
        place = f"p[{scope.i}, {self.column(scope)}]"
        return [Line(f"{place} = math.sin({{0}})", (self.number(scope),))]

    def along(self, scope: Scope) -> list[Stmt]:
        """A loop along a row."""
        k = self.name("k")
        ranges = ["2", "3", "4, 1, -1", "w.size", "1, w.size", "0", "m"]
        head = f"for {k} in range({self.random.choice(ranges)})"
        return [Block((), head, (), (), self.block(scope.inner(k), 3))]

    def branch(self, scope: Scope) -> list[Stmt]:
        test = Expr(f"{{0}} > {self.threshold()}", (self.leaf(scope),))
        orelse = self.block(scope.inner(), 2) if self.chance(0.4) else ()
        return [Block((), "if {0}", (test,), (), self.block(scope.inner(), 3), orelse)]

    def iterated(self, scope: Scope) -> list[Stmt]:
        """A loop until a number is large."""
        k, z = self.name("k"), self.name("z")
        inner = scope.inner(floats=(z,))
        inner.integers.append(k)
        body = (*self.block(inner, 2), Line(f"{z} += 0.21 + 0.1 * math.sin({z})"))
        first = Line(f"{z} = {{0}}", (self.leaf(scope),))
        scope.floats.append(z)
        return [
            first,
            Block((f"{k} = 0",), f"while {z} < 0.7 and {k} < 4", (), (f"{k} += 1",), body),
        ]

    # ------------------------------------------------------------ loops that go along rows

    def lines(self) -> list[Stmt]:
        """A loop over rows, and one along each of them that evaluates elementary functions."""
        r, j = self.name("r"), self.name("j")
        numbers = self.random.choice(
            [
                "range(n // 2)",
                "range(n // 2)",
                "range(n // 2 - 1, -1, -1)",
                "range(m % (n // 2 + 1))",
            ]
        )
        one, two = self.random.choice([(f"2 * {r}", f"2 * {r} + 1"), (f"{r}", f"{r} + n // 2"),
                                       (f"2 * {r} + 1", f"2 * {r}"), (f"{r}", f"n - 1 - {r}")])  # fmt: skip
        low, high = self.random.choice([("", "p.shape[1]"), ("1, ", "p.shape[1]"), ("", "3")])
        g, h = self.name("g"), self.name("h")
        names: list[str] = []

        def number() -> Expr:
            texts = [
                f"p[{one}, {j}]",
                f"p[{two}, {j}]",
                f"w[{j}]",
                f"p[{r}, {j}]",
                f"x[{r}]",
                *names,
            ]
            text = self.random.choice(["{0}", "{0} * {1}", "({0} + {1})", "0.5 * {0}"])
            parts = 2 if "{1}" in text else 1
            return Expr(text, tuple(Expr(self.random.choice(texts)) for _ in range(parts)))

        body: list[Stmt] = [
            Line(f"{g} = math.{self.random.choice(['exp', 'sin', 'tanh'])}({{0}})", (number(),))
        ]
        names.append(g)
        if self.chance(0.5):
            body.append(Line(f"{h} = math.sin({{0}})", (number(),)))
            names.append(h)
        if self.chance(0.3):
            body.append(Line(f"total += 0.3 * {{0}} * {g}", (number(),)))
        for place in self.random.sample([one, two], self.random.choice([1, 1, 2])):
            op = self.random.choice(["*= 0.5 * {0}", "= math.sin({0})", "+= 0.1 * {0}"])
            body.append(Line(f"p[{place}, {j}] {op}", (Expr(f"{{0}} * {g}", (number(),)),)))
            if self.chance(0.3):
                body.append(Line(f"out[{r}, {j}] = {{0}}", (number(),)))
        inner = Block((), f"for {j} in range({low}{high})", (), (), tuple(body))
        return [Block((), f"for {r} in {numbers}", (), (), (inner,))]

    # ------------------------------------------------------------ the program

    def points(self) -> Stmt:
        i = self.name("i")
        numbers = self.random.choice(
            ["range(p.shape[0])"] * 3 + ["range(p.shape[0] - 1, -1, -1)", "range(x.size)"]
        )
        if self.beside:
            numbers = "range(1, p.shape[0] - 1)"
        return Block((), f"for {i} in {numbers}", (), (), self.block(Scope(i), 7))

    def program(self) -> tuple[Stmt, ...]:
        lines = self.chance(0.2)
        wide = "np.concatenate((A, y.reshape(n, 1), (x * a).reshape(n, 1)), axis=1)"
        body: list[Stmt] = [
            Line("n = x.size"),
            Line(f"p = {wide}" if self.chance(0.5) else f"p = np.zeros((n, {COLUMNS}))"),
            Line(f"w = np.sin(K.reshape(9)[:{COLUMNS}] + 0.3 * b)"),
            Line(f"out = np.zeros((n, {COLUMNS}))"),
            Line("v = np.zeros(n)"),
            Line(f"shared = np.zeros({COLUMNS})"),
            Line("total = 0.0"),
        ]
        if "zeros" in body[1].text:  # type: ignore[union-attr]
            body += [Line("p[:, :3] = A"), Line("p[:, 3] = y"), Line("p[:, 4] = x * a")]
        if self.deep:
            body += [
                Line(f"q = np.zeros((n, 2, {COLUMNS}))"),
                Line("q[:, 0, :3] = A"),
                Line("q[:, 1] = w"),
            ]
        if self.others:
            places = [self.random.randrange(self.n) for _ in range(self.n)]
            body.append(Line(f"places = np.array({places}, np.int64)"))
        for _ in range(self.random.choice([1, 1, 2])):
            body += self.lines() if lines and self.chance(0.7) else [self.points()]
        i, k = self.name("i"), self.name("k")
        weighed = (
            Block((), f"for {k} in range({COLUMNS})", (), (),
                  (Line(f"total += out[{i}, {k}] * (0.3 + 0.1 * {k}) * w[{k}]"),)),
            Line(f"total += v[{i}] * x[{i}]"),
        )  # fmt: skip
        body.append(Block((), f"for {i} in range(p.shape[0])", (), (), weighed))
        parts = [Expr(f"np.sum({u} * {u})") for u in ["shared", *(["q"] if self.deep else []), "p"]]
        text = "return total + 0.1 * a * b + " + " + ".join(f"{{{k}}}" for k in range(len(parts)))
        return (*body, Line(text, tuple(parts)))


def size(seed: int) -> int:
    """The number of points of a program."""
    return points.size(seed)


def make(seed: int) -> tuple[Stmt, ...]:
    """The program of a seed."""
    return Rows(seed, size(seed)).program()


source = kernels.source


def arguments(seed: int):
    """The arguments of a program, fresh."""
    return kernels.given(seed, size(seed))
