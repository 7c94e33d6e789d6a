"""Random programs over points: each iterates until it is through, branches, or adds up its own row.

The arguments and expressions are those of ``kernels.py``. A program is a few loops over points. Most
loops are such that their iterations could run side by side, with numbers of their own, tests that
some of the points pass, loops of different lengths, rows of a sparse matrix that start where an
array says, and sums over all points; some carry a number from one point to the next, write what
another point reads, or end early, and are none.
"""

from __future__ import annotations

import random
from dataclasses import replace

from tests.property import kernels
from tests.property.kernels import Counter, Grammar, Scope
from tests.property.trees import Block, Expr, Line, Stmt


class Points(Grammar):
    """Writes one random program of loops over n points."""

    apart = False
    """Whether no point of the loop that is being written has to do with another one."""

    def program(self) -> tuple[Stmt, ...]:
        scope = Scope(["a", "b"], {"x": "n", "y": "n", "A": "n3", "K": "33"})
        lengths = [self.random.choice([0, 1, 1, 2, 3, 5]) for _ in range(self.n)]
        starts = [sum(lengths[:k]) for k in range(self.n + 1)]
        columns = [self.random.randrange(self.n) for _ in range(starts[-1])]
        body: list[Stmt] = [
            Line("n = x.size"),
            Line("d = K.shape[0]"),
            Line(f"starts = np.array({starts})"),
            Line(f"columns = np.array({columns}, np.int64)"),
            Line("w = np.sin(0.7 * np.arange(starts[-1]) + a)"),
            Line("u = np.zeros(n)"),
            Line("v = {0} * x" if self.chance(0.5) else "v = x + {0}", (self.leaf(scope),)),
            Line("s = {0}", (self.bounded(scope),)),
        ]
        scope.arrays |= {"u": "n", "v": "n"}
        scope.floats.append("s")
        for _ in range(self.random.randint(1, 3)):
            body.append(self.points(scope))
        parts = [Expr(f"{0.5 + 0.25 * k} * np.sum({u} * {u})") for k, u in enumerate("uvxyA")]
        return (*body, Line("return s * s + 0.1 * a + {0} + {1} + {2} + {3} + {4}", tuple(parts)))

    def points(self, scope: Scope) -> Stmt:
        """One loop over points."""
        i = self.name("i")
        self.apart = self.chance(0.7)
        numbers, counter = self.range_over("n", i)
        if self.chance(0.9 if self.apart else 0.5):
            numbers, counter = "range(n)", Counter(i, "n")
        inner = scope.inner(counter)
        if self.apart:
            inner.arrays = {"x": "n", "y": "n"}
            if self.chance(0.2):  # columns do not become vectors
                inner.arrays["A"] = "n3"
            inner.loops = 2  # few sums over whole arrays
        if self.apart or self.chance(0.7):
            inner.floats.remove("s")  # otherwise what one point leaves there reaches the next
        own = [self.name("z") for _ in range(self.random.randint(1, 3))]
        body: list[Stmt] = []
        for name in own:
            body.append(Line(f"{name} = {{0}}", (self.bounded(inner),)))
            inner.floats.append(name)
        for _ in range(self.random.randint(1, 3)):
            body.append(self.worked(inner, own))
        body += self.delivered(inner, i, own)
        if not self.apart and self.chance(0.15):
            body.insert(self.random.randrange(len(body)), self.jump(scope.inner(counter)))
        return Block((), f"for {i} in {numbers}", (), (), tuple(body))

    def worked(self, scope: Scope, own: list[str]) -> Stmt:
        """What a point does with its numbers."""
        if scope.depth > (2 if self.apart else 3):
            return self.updated(scope, own)
        return self.pick(
            (3, lambda: self.updated(scope, own)),
            (3, lambda: self.iterated(scope, own)),
            (2, lambda: self.repeated(scope, own)),
            (2.5, lambda: self.parted(scope, own)),
            (2 if scope.depth == 1 else 0.3, lambda: self.row(scope, own)),
        )

    def updated(self, scope: Scope, own: list[str]) -> Stmt:
        name = self.random.choice(own)
        text = self.random.choice(["= {0}", "+= 0.3 * {0}", "-= 0.3 * {0}", "*= {0}"])
        return Line(f"{name} {text}", (self.bounded(scope),))

    def iterated(self, scope: Scope, own: list[str]) -> Stmt:
        """A loop until a change is small."""
        z, change, k = self.random.choice(own), self.name("c"), self.name("k")
        inner = scope.inner(Counter(k, "t"))
        inner.floats.append(change)
        steps, enough = self.random.choice([1, 3, 6]), self.random.choice([0.6, 0.2, 0.01])
        body: list[Stmt] = [Line(f"{change} = 0.5 * {{0}} - 0.7 * {z}", (self.bounded(inner),))]
        if self.chance(0.5):
            body.append(self.worked(inner, own))
        if self.chance(0.2):
            body.append(self.jump_out(inner))
        body.append(Line(f"{z} = {z} + {change}"))
        before = (f"{change} = 1.0", f"{k} = 0")
        head = f"while abs({change}) > {enough} and {k} < {steps}"
        if self.chance(0.3):  # the test stands at the end
            head = "while True"
            body.append(
                Block((), f"if abs({change}) < {enough} or {k} > {steps}", (), (), (_BREAK,))
            )
        return Block(before, head, (), (f"{k} += 1",), tuple(body))

    def repeated(self, scope: Scope, own: list[str]) -> Stmt:
        """A loop of a number of steps, which may be left."""
        j = self.name("j")
        count = self.random.choice(["2", "3", "m", "d", scope.counters[0].name + " % 4"])
        inner = scope.inner(Counter(j, "3" if count in "2 3 d" else "t"))
        body = [self.worked(inner, own) for _ in range(self.random.randint(1, 2))]
        if self.chance(0.5):
            body.insert(self.random.randrange(len(body) + 1), self.jump_out(inner))
        return Block((), f"for {j} in range({count})", (), (), tuple(body))

    def jump_out(self, scope: Scope) -> Stmt:
        word = _BREAK if self.chance(0.7) else Line("continue")
        if word != _BREAK and scope.counters[-1].name.startswith("k"):
            word = _BREAK  # the counter of a while loop would stand still
        return Block((), "if {0}", (self.test(scope),), (), (word,))

    def parted(self, scope: Scope, own: list[str]) -> Stmt:
        """A branch that some points take."""
        inner = scope.inner()
        body = [self.worked(inner, own) for _ in range(self.random.randint(1, 2))]
        orelse = [self.worked(scope.inner(), own)] if self.chance(0.5) else []
        if self.chance(0.15):
            body += self.delivered(inner, scope.counters[0].name, own)
        return Block((), "if {0}", (self.test(scope),), (), tuple(body), tuple(orelse))

    def row(self, scope: Scope, own: list[str]) -> Stmt:
        """A row of a sparse matrix."""
        i, p, z = scope.counters[0].name, self.name("p"), self.random.choice(own)
        read = self.random.choice("xy" if self.apart else "xyv")
        texts = [
            f"{z} += 0.3 * w[{p}] * {read}[columns[{p}]]",
            f"{z} += 0.2 * w[{p}] * math.sin({read}[columns[{p}]])",
            f"{z} = math.sin({z} + w[{p}] * {read}[columns[{p}]])",
            f"u[columns[{p}]] += 0.2 * w[{p}] * {z}",
        ]
        body: tuple[Stmt, ...] = (Line(self.random.choice(texts[: 3 if self.apart else 4])),)
        if self.chance(0.3):
            body = (Block((), f"if w[{p}] > {self.random.uniform(-0.5, 0.5):.2f}", (), (), body),)
        if self.chance(0.2):
            body = (*body, self.updated(replace(scope, counters=scope.counters[:1]), own))
        return Block((), f"for {p} in range(starts[{i}], starts[{i} + 1])", (), (), body)

    def delivered(self, scope: Scope, i: str, own: list[str]) -> list[Stmt]:
        """What is left of a point when it is through."""
        value = Expr(self.random.choice(own if self.chance(0.9) else scope.floats))
        k = self.random.randrange(3)
        texts = [
            f"u[{i}] = {{0}}",
            f"u[{i}] += 0.5 * {{0}}",
            f"v[{i}] = math.sin({{0}} + v[{i}])",
            f"u[{i}] = {{0}} * v[{i}]",
            "s += 0.1 * {0}",
            "s += 0.1 * {0} * {0}",
            f"x[{i}] = 0.7 * {{0}}",
            f"A[{i}, {k}] = {{0}}",
            f"A[{i}, {k}] += 0.3 * {{0}} * A[{i}, {2 - k}]",
            f"u[(3 * {i} + 1) % n] += 0.3 * {{0}}",
        ]
        if self.apart:
            texts = texts[:6]
        count = self.random.randint(1, 2)
        return [Line(text, (value,)) for text in self.random.sample(texts, count)]

    def index(self, scope: Scope, axis: str) -> str | None:
        if not self.apart or self.chance(0.05):
            return super().index(scope, axis)
        return scope.counters[0].name if axis == "n" else str(self.random.randrange(3))

    def bounded(self, scope: Scope, depth: int = 2) -> Expr:
        if not self.apart:
            return super().bounded(scope, depth)
        text = self.random.choice(["math.sin({0})", "math.tanh({0})", "math.cos({0})"])
        return Expr(text, (self.number(scope, depth),))


_BREAK = Line("break")


def size(seed: int) -> int:
    """The number of points of a program: few, and around one and two strips."""
    rng = random.Random(seed * 5 + 3)
    return rng.choice([0, 1, 2, 3, 5, 5, 7, 9, 15, 16, 17, 18, 31, 33, 40])


def make(seed: int) -> tuple[Stmt, ...]:
    """The program of a seed."""
    return Points(seed, size(seed)).program()


source = kernels.source


def arguments(seed: int):
    """The arguments of a program, fresh."""
    return kernels.given(seed, size(seed))
