"""Random programs of the kind that simulations are made of: vectors, small matrices, time loops.

A program is ``f(x, y, A, K, a, b, m)``: ``x`` and ``y`` have ``n`` elements, ``A`` has ``n`` rows
of 3, ``K`` is a matrix of 3 rows, ``a`` and ``b`` are numbers and ``m`` is a number of steps. It has
work arrays made inside of loops, products of matrices in loops and with ``@``, stencils over
buffers that are swapped, slices of two axes, small arrays of fixed lengths, arrays bound anew in
each step, rolls, small linear systems, histories, and derivatives taken inside.

All values stay bounded, systems are well conditioned, and every index is in range by construction
(``n`` is known here: it is that of the program's arguments).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from tests.property.trees import Block, Expr, Line, Stmt, module, render

HELPERS = """
def rate(u, c):
    return c * np.sin(u) - 0.3 * u


def spread(u, c):
    return c * (np.roll(u, 1) - 2.0 * u + np.roll(u, -1))


def advance(u, c, dt):
    k1 = rate(u, c)
    k2 = rate(u + 0.5 * dt * k1, c)
    k3 = rate(u + 0.5 * dt * k2, c)
    k4 = rate(u + dt * k3, c)
    return u + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def laplace(u, out, c):
    for i in range(1, u.size - 1):
        out[i] = c * (u[i - 1] - 2.0 * u[i] + u[i + 1])


def sweep(u, v, c):
    w = np.empty_like(u)
    for i in range(u.size):
        w[i] = u[i] + c * v[i] * u[i - 1]
    return np.tanh(w)


def energy(v):
    total = 0.0
    for j in range(v.size):
        total += math.sin(v[j]) * v[j - 1]
    return total


def step(v):
    return np.array([math.sin(v[0] * v[1]), v[1] - 0.3 * v[2] * v[0], math.tanh(v[2]) + v[0]])


def step_jacobian(v):
    c, s = math.cos(v[0] * v[1]), math.tanh(v[2])
    return np.array([
        [c * v[1], c * v[0], 0.0 * v[0]],
        [-0.3 * v[2], 1.0 + 0.0 * v[0], -0.3 * v[0]],
        [1.0 + 0.0 * v[0], 0.0 * v[0], 1.0 - s * s],
    ])


def energy_gradient(v):
    out = np.zeros(v.size)
    for j in range(v.size):
        out[j] += math.cos(v[j]) * v[j - 1]
        out[j - 1] += math.sin(v[j])
    return out


def unfilled(shape):
    return np.full(shape, np.nan)


def norm(v):
    return math.sqrt(np.sum(v * v))


def stopped(v):
    return v.real * 1.0


def steps_of(rows):
    out = np.zeros(rows.shape)
    for i in range(rows.shape[0]):
        out[i] = step(rows[i])
    return out


def crossed(p, q):
    out = np.empty(3)
    out[0] = p[1] * q[2] - p[2] * q[1]
    out[1] = p[2] * q[0] - p[0] * q[2]
    out[2] = p[0] * q[1] - p[1] * q[0]
    return out


def turned(r, v):
    angle = math.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + 0.1)
    axis = np.empty(3)
    for i in range(3):
        axis[i] = r[i] / angle
    s, c = math.sin(angle), math.cos(angle)
    across = crossed(axis, v)
    along = 0.0
    for i in range(3):
        along += axis[i] * v[i]
    out = np.zeros(3)
    for i in range(3):
        out[i] = v[i] * c + across[i] * s + axis[i] * along * (1.0 - c)
    return out


def product(p, q):
    out = np.zeros((p.shape[0], q.shape[1]))
    for i in range(p.shape[0]):
        for j in range(q.shape[1]):
            for k in range(p.shape[1]):
                out[i, j] += p[i, k] * q[k, j]
    return out


def applied(p, v):
    out = np.empty(p.shape[0])
    for i in range(p.shape[0]):
        s = 0.0
        for j in range(p.shape[1]):
            s += p[i, j] * v[j]
        out[i] = s
    return out


def eliminated(p, v):
    p, v = p.copy(), v.copy()
    d = v.size
    for c in range(d):
        for r in range(c + 1, d):
            q = p[r, c] / p[c, c]
            for k in range(c, d):
                p[r, k] -= q * p[c, k]
            v[r] -= q * v[c]
    for r in range(d - 1, -1, -1):
        for k in range(r + 1, d):
            v[r] -= p[r, k] * v[k]
        v[r] /= p[r, r]
    return v
"""

STAND_INS = {
    "srcad.jacobian(step)(": "step_jacobian(",
    "srcad.grad(energy)(": "energy_gradient(",
    "srcad.batch(step)(": "steps_of(",
    "srcad.stop_gradient(": "stopped(",
    "srcad.checkpoint(": "(",
    ", snapshots=2)": ")",
    "np.linalg.norm(": "norm(",
    "np.empty(": "unfilled(",
}
"""What an oracle calls in place of srcad: the derivatives by hand, what is analytic, no chance values."""

AXES = {"n": ("n",), "3": ("3",), "n3": ("n", "3"), "33": ("3", "3")}
"""The axes of each shape."""


NAMES = ("x", "y", "A", "K")
"""The arguments that are arrays."""
PARAMETERS = "x, y, A, K, a, b, m"


def source(body: tuple[Stmt, ...], *, by_hand: bool = False, parameters: str = PARAMETERS) -> str:
    """The whole module of a program; ``by_hand``: with derivatives by hand, without srcad."""
    function = f"def f({parameters}):\n" + render(body)
    if by_hand:
        for call, stand_in in STAND_INS.items():
            function = function.replace(call, stand_in)
    imports = "import math\n\nimport numpy as np"
    return module(imports + "\n\nimport srcad" * ("srcad." in function), HELPERS, function)


@dataclass(frozen=True)
class Counter:
    """A loop's counter: the axis that it runs along, and the offsets that stay inside."""

    name: str
    axis: str
    low: int = 0
    high: int = 0


@dataclass
class Scope:
    """What may be named at a place."""

    floats: list[str]
    arrays: dict[str, str]
    """Arrays by name, with their shapes."""
    counters: list[Counter] = field(default_factory=list)
    loops: int = 0
    depth: int = 0

    def inner(self, *counters: Counter) -> Scope:
        return replace(
            self,
            floats=list(self.floats),
            arrays=dict(self.arrays),
            counters=[*self.counters, *counters],
            loops=self.loops + bool(counters),
            depth=self.depth + 1,
        )

    def of(self, shape: str) -> list[str]:
        return [n for n, s in self.arrays.items() if s == shape]


class Grammar:
    """Writes one random program for arguments with n elements."""

    def __init__(self, seed: int, n: int) -> None:
        self.random = random.Random(seed)
        self.n = n
        self.fresh = count()
        self.following: list[Stmt] = []
        """What stands after the statement that is being written."""
        self.budget = self.random.choice([3, 5, 8, 12]) if n < 30 else self.random.choice([2, 4])
        self.small = self.random.choice(["3", "3", "d", "K.shape[0]"])
        """How the program writes the length 3."""
        self.long = self.random.choice(["n", "n", "x.size", "len(x)", "A.shape[0]"])

    def pick(self, *weighted: tuple[float, Callable[[], object]]):
        weights = [w for w, _ in weighted]
        return self.random.choices([c for _, c in weighted], weights)[0]()

    def name(self, letter: str) -> str:
        return f"{letter}{next(self.fresh)}"

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def length(self, axis: str) -> str:
        return self.long if axis == "n" else self.small

    # indices

    def index(self, scope: Scope, axis: str) -> str | None:
        """An index along an axis; None if there is none."""
        size = self.n if axis == "n" else 3
        if size == 0:
            return None
        own = [c for c in scope.counters if c.axis == axis]
        others = [c for c in scope.counters if c.axis != axis]
        if own and self.chance(0.8):
            c = self.random.choice(own)
            offset = self.random.choice([0, 0, 0, *range(c.low, c.high + 1)])
            if self.chance(0.1):
                return self.random.choice(
                    [
                        f"{c.name} - 1" if c.low == 0 else c.name,
                        f"({c.name} + 1) % {self.length(axis)}",
                        f"{self.length(axis)} - 1 - {c.name}",
                    ]
                )
            return f"{c.name} {'-+'[offset > 0]} {abs(offset)}" if offset else c.name
        if others and self.chance(0.5):
            c = self.random.choice(others)
            return f"{c.name} % {self.length(axis)}"
        k = self.random.randrange(size)
        return self.random.choice([str(k), str(-1 - k), f"m % {self.length(axis)}"])

    def element(self, scope: Scope, names: list[str] | None = None) -> str | None:
        """An element of an array."""
        names = sorted(scope.arrays) if names is None else names
        axes = {c.axis for c in scope.counters}
        liked = [n for n in names if axes & set(AXES[scope.arrays[n]])]
        name = self.random.choice(liked if liked and self.chance(0.8) else names)
        index = [self.index(scope, axis) for axis in AXES[scope.arrays[name]]]
        return None if None in index else f"{name}[{', '.join(i for i in index if i)}]"

    # numbers

    def constant(self) -> Expr:
        return Expr(f"{self.random.uniform(0.1, 1.5):.2f}")

    def leaf(self, scope: Scope) -> Expr:
        def element() -> Expr:
            found = self.element(scope)
            return Expr(found or self.random.choice(scope.floats))

        counters = [c.name for c in scope.counters] + ["m"]
        return self.pick(
            (3, lambda: Expr(self.random.choice(scope.floats))),
            (7, element),
            (0.7, self.constant),
            (0.3, lambda: Expr(f"0.1 * {self.random.choice(counters)}")),
        )

    def some(self, scope: Scope, text: str, depth: int) -> Expr:
        """An expression of numbers by its text."""
        parts = 1 + max((k for k in range(3) if f"{{{k}}}" in text), default=-1)
        return Expr(text, tuple(self.number(scope, depth - 1) for _ in range(parts)))

    def number(self, scope: Scope, depth: int = 2) -> Expr:
        if depth <= 0:
            return self.leaf(scope)

        def some(text: str) -> Callable[[], Expr]:
            return lambda: self.some(scope, text, depth)

        outer = scope.loops < 2
        return self.pick(
            (3, lambda: self.leaf(scope)),
            (3, some("({0} + {1})")),
            (3, some("({0} - {1})")),
            (5, some("{0} * {1}")),
            (0.7, some("-({0})")),
            (0.7, some("({0}) ** 2")),
            (0.7, some("{0} / (1.5 + ({1}) ** 2)")),
            (1, some("math.sin({0})")),
            (0.5, some("math.tanh({0})")),
            (0.5, some("math.exp(-({0}) ** 2)")),
            (0.5, some("math.sqrt(1.2 + ({0}) ** 2)")),
            (0.4, some("math.log(1.3 + ({0}) ** 2)")),
            (0.4, some("max({0}, {1} + 0.29)")),
            (0.3, some("abs({0} + 0.37)")),
            (0.4, lambda: self.chosen(scope, depth)),
            (1.0 if outer else 0.1, lambda: self.reduced(scope)),
        )

    def chosen(self, scope: Scope, depth: int) -> Expr:
        one, two = self.number(scope, depth - 1), self.number(scope, depth - 1)
        return Expr("({1} if {0} else {2})", (self.test(scope), one, two))

    def test(self, scope: Scope) -> Expr:
        compare = self.random.choice(["<", ">", "<=", ">="])
        if self.chance(0.3):
            counters = [c.name for c in scope.counters] + ["m"]
            return Expr(f"{self.random.choice(counters)} {compare} {self.random.randrange(3)}")
        return Expr(f"{{0}} {compare} {self.random.uniform(-0.5, 0.9):.3f}", (self.leaf(scope),))

    def reduced(self, scope: Scope) -> Expr:
        """A number of whole arrays."""
        shape = self.random.choice(["n", "3", "3", "33", "n3"])
        parts = (self.array(scope, shape, 1), self.array(scope, shape, 1))
        texts = ["0.3 * np.sum({0})", "0.3 * np.sum({0} * {1})", "0.3 * ({0}).sum()"]
        if len(shape) == 1:
            texts += ["0.3 * (({0}) @ ({1}))", "0.3 * np.dot({0}, {1})", "0.3 * energy({0})"]
            texts += ["0.3 * sum({0} * {1})"]
        if shape in ("3", "33"):
            texts += ["np.mean({0})"]
        if shape == "3":
            texts += ["0.3 * np.linalg.norm(1.3 + ({0}) ** 2)"]
        if shape == "33":
            texts += ["np.trace({0})", "np.linalg.det(np.eye(3) + 0.2 * np.tanh({0}))"]
        return Expr(self.random.choice(texts), parts)

    def bounded(self, scope: Scope, depth: int = 2) -> Expr:
        shape = self.random.choice(["math.sin({0})", "math.tanh({0})", "math.atan({0})"])
        return Expr(shape, (self.number(scope, depth),))

    # arrays

    def array(self, scope: Scope, shape: str, depth: int = 2) -> Expr:
        """An array of a shape."""
        names = scope.of(shape)
        if names and (depth <= 0 or self.chance(0.25)):
            return Expr(self.random.choice(names))
        if depth <= 0:
            return Expr(self.random.choice(["K[0]", f"K[:, m % {self.small}]"]))  # of 3

        def some(text: str) -> Callable[[], Expr]:
            return lambda: self.of_shapes(scope, text, depth)

        u = f"<{shape}>"
        alike = [
            (2, f"({u} + {u})"),
            (2, f"({u} - {u})"),
            (3, f"{u} * {u}"),
            (2, f"<f> * {u}"),
            (1, f"np.sin({u})"),
            (0.7, f"np.tanh({u})"),
            (0.5, f"({u}) ** 2"),
            (0.5, f"-({u})"),
            (0.5, f"{u} / (1.5 + ({u}) ** 2)"),
            (0.5, f"np.exp(-({u}) ** 2)"),
            (0.5, f"np.where({u} > 0.13, {u}, <f>)"),
            (0.4, f"np.maximum({u}, {u} + 0.29)"),
            (0.4, f"({u})[::-1]"),
            (0.3, f"({u} + <f>)"),
            (0.2, f"srcad.stop_gradient({u})"),
        ]
        own = {
            "n": [
                (1.5, "np.roll(<n>, 1)"),
                (1.0, "np.roll(<n>, -2)"),
                (1.5, "spread(<n>, <f>)"),
                (1.5, "rate(<n>, <f>)"),
                (1.0, "advance(<n>, <f>, 0.1)"),
                (0.7, "sweep(<n>, <n>, <f>)"),
                (1.5, "((<n3>) @ (<3>))"),
                (1.0, "applied(<n3>, <3>)"),
                (0.7, "(<n3>)[:, $3]"),
                (0.5, "(<n3>).sum(axis=1)"),
                (0.4, "np.einsum('ij,j->i', <n3>, <3>)"),
                (0.4, "0.3 * np.cumsum(<n>)"),
                (0.3, "np.concatenate(((<n>)[1:], (<n>)[:1]))"),
            ],
            "3": [
                (2.0, "((<33>) @ (<3>))"),
                (1.0, "((<3>) @ (<33>))"),
                (1.0, "0.3 * ((<n>) @ (<n3>))"),
                (1.5, "crossed(<3>, <3>)"),
                (1.0, "turned(<3>, <3>)"),
                (1.0, "np.cross(<3>, <3>)"),
                (1.0, "applied(<33>, <3>)"),
                (1.0, "np.array([<f>, <f>, <f>])"),
                (1.0, "np.linalg.solve(<w>, <3>)"),
                (0.7, "eliminated(<w>, <3>)"),
                (0.7, "(np.linalg.inv(<w>) @ (<3>))"),
                (1.0, "step(<3>)"),
                (0.6, "(srcad.jacobian(step)(<3>) @ (<3>))"),
                (0.4, "srcad.grad(energy)(<3>)"),
                (0.5, "rate(<3>, <f>)"),
                (0.5, "advance(<3>, <f>, 0.1)"),
                (0.5, "np.roll(<3>, 1)"),
                (0.7, "(<33>)[$3]"),
                (0.5, "(<33>)[:, $3]"),
                (0.4, "0.3 * (<n3>).sum(axis=0)"),
                (0.7 if self.n else 0, "(<n3>)[$n]"),
            ],
            "n3": [
                (1.5, "((<n3>) @ (<33>))"),
                (1.0, "np.outer(<n>, <3>)"),
                (1.0, "<n3> * <3>"),
                (0.7, "<n3> * (<n>)[:, None]"),
                (0.5, "product(<n3>, <33>)"),
                (0.5 if self.n else 0, "srcad.batch(step)(<n3>)"),
                (0.5, "np.roll(<n3>, 1, axis=0)"),
                (0.5, "np.linalg.solve(<w>, (<n3>).T).T"),
            ],
            "33": [
                (2.0, "((<33>) @ (<33>))"),
                (1.0, "(<33>).T"),
                (1.0, "np.outer(<3>, <3>)"),
                (0.7, "product(<33>, <33>)"),
                (0.7, "np.linalg.inv(<w>)"),
                (0.5, "srcad.jacobian(step)(<3>)"),
                (0.5, "0.2 * ((<n3>).T @ (<n3>))"),
                (0.5, "<f> * np.eye(3)"),
                (0.5, "(<3>)[:, None] * (<3>)[None, :]"),
            ],
        }[shape]
        return self.pick(*((w, some(t)) for w, t in (*alike, *own)))

    def of_shapes(self, scope: Scope, text: str, depth: int) -> Expr:
        """An expression from a text with shapes in brackets, and places for indices."""
        parts: list[Expr] = []
        out = ""
        while "<" in text or "$" in text:
            at = min(k for k in (text.find("<"), text.find("$")) if k >= 0)
            if text[at] == "$":
                out += text[:at] + (self.index(scope, text[at + 1]) or "0")
                text = text[at + 2 :]
                continue
            end = text.find(">", at)
            inside = text[at + 1 : end]
            if inside not in ("f", "w", *AXES):  # a comparison
                out, text = out + text[: at + 1], text[at + 1 :]
                continue
            out += f"{text[:at]}{{{len(parts)}}}"
            parts.append(self.part(scope, inside, depth - 1))
            text = text[end + 1 :]
        return Expr(out + text, tuple(parts))

    def part(self, scope: Scope, shape: str, depth: int) -> Expr:
        if shape == "f":
            return self.number(scope, 1)
        if shape == "w":
            inner = self.array(scope, "33", depth - 1)
            return Expr("(np.eye(3) + 0.2 * np.tanh({0}))", (inner,))
        return self.array(scope, shape, depth)

    def bounded_array(self, scope: Scope, shape: str) -> Expr:
        text = self.random.choice(["np.tanh({0})", "np.sin({0})", "np.arctan({0})"])
        return Expr(text, (self.array(scope, shape),))

    def extents(self, shape: str) -> str:
        axes = [self.length(axis) for axis in AXES[shape]]
        return axes[0] if len(axes) == 1 else f"({', '.join(axes)})"

    def shape(self) -> str:
        return self.random.choice(["n", "n", "n", "3", "3", "n3", "33"])

    # statements

    def block(self, scope: Scope, most: int) -> tuple[Stmt, ...]:
        out: list[Stmt] = []
        for _ in range(self.random.randint(1, most)):
            if self.budget <= 0 and out:
                break
            self.budget -= 1
            out.append(self.statement(scope))
            out += self.following
            self.following.clear()
        return tuple(out)

    def statement(self, scope: Scope) -> Stmt:
        deep = scope.loops >= 3 or scope.depth >= 4
        inside = any(c.axis in "n3" for c in scope.counters)
        whole = 0.3 if inside else 1.0
        return self.pick(
            (2 + inside, lambda: self.assign(scope)),
            (1 + inside, lambda: self.augment(scope)),
            (1 + 4 * inside, lambda: self.store(scope)),
            (4 * whole, lambda: self.rebound(scope)),
            (3 * whole, lambda: self.made(scope)),
            (4 * whole, lambda: self.slices(scope)),
            (2 * whole, lambda: self.swap(scope)),
            (1 * whole, lambda: self.called(scope)),
            (0 if deep else 3, lambda: self.loop(scope)),
            (0 if deep or scope.loops > 1 else 2.5, lambda: self.filled(scope)),
            (0 if deep or scope.loops > 1 else 2, lambda: self.product(scope)),
            (0 if deep or scope.loops > 1 else 2, lambda: self.work(scope)),
            (0 if deep or scope.loops > 1 else 2, lambda: self.stencil(scope)),
            (0 if deep or scope.loops else 2, lambda: self.steps(scope)),
            (0 if deep or scope.loops else 1.2, lambda: self.recurrent(scope)),
            (0 if deep else 0.6, lambda: self.while_loop(scope)),
            (0 if deep or scope.loops > 1 else 0.5, lambda: self.over_rows(scope)),
            (0 if deep or scope.loops else 0.7, lambda: self.history(scope)),
            (0 if deep else 1, lambda: self.branch(scope)),
            (0.4 if scope.loops else 0, lambda: self.jump(scope)),
        )

    def assign(self, scope: Scope) -> Stmt:
        value = self.bounded(scope)
        name = self.name("s") if self.chance(0.3) else self.random.choice(scope.floats)
        if name not in scope.floats:
            scope.floats.append(name)
        return Line(f"{name} = {{0}}", (value,))

    def augment(self, scope: Scope) -> Stmt:
        name = self.random.choice(scope.floats)
        op = self.random.choice(["*=", "+=", "+=", "-="])
        if op == "*=":
            return Line(f"{name} *= {{0}}", (self.bounded(scope),))
        factor = "0.1 * " if scope.loops else ""
        return Line(f"{name} {op} {factor}{{0}}", (self.bounded(scope),))

    def store(self, scope: Scope) -> Stmt:
        place = self.element(scope)
        if place is None:
            return self.assign(scope)
        op = self.random.choice(["=", "=", "+=", "-=", "*="])
        factor = "0.2 * " if op in ("+=", "-=") else ""
        return Line(f"{place} {op} {factor}{{0}}", (self.bounded(scope),))

    def rebound(self, scope: Scope) -> Stmt:
        """An array bound anew."""
        shape = self.shape()
        name = self.random.choice(scope.of(shape) or ["x"])
        shape = scope.arrays[name]
        if self.chance(0.4):
            if len(shape) == 1 and self.chance(0.5):
                helper = self.random.choice(["rate({0}, {1})", "spread({0}, {1})"])
                inner = Expr(helper, (Expr(name), self.bounded(scope, 1)))
            else:
                inner = self.bounded_array(scope, shape)
            c = self.random.uniform(0.05, 0.3)
            return Line(f"{name} = {name} + {c:.2f} * {{0}}", (inner,))
        if len(shape) == 1 and self.chance(0.2):
            return Line(f"{name} = advance({name}, {{0}}, 0.1)", (self.bounded(scope, 1),))
        return Line(f"{name} = {{0}}", (self.bounded_array(scope, shape),))

    def made(self, scope: Scope) -> Stmt:
        """A new array."""
        shape = self.shape()
        letter = {"n": "u", "3": "v", "n3": "P", "33": "R"}[shape]
        made = [f"np.zeros({self.extents(shape)})"]
        parts: tuple[Expr, ...] = ()
        if scope.of(shape):
            old = self.random.choice(scope.of(shape))
            made += [f"np.zeros_like({old})", f"{old}.copy()", f"0.5 * {old}"]
            made += [f"np.full_like({old}, 0.3)", f"{old}"]
        i, j = self.index(scope, "n"), self.index(scope, "3")
        matrix, square = self.random.choice(scope.of("n3")), self.random.choice(scope.of("33"))
        views = {
            "n": [f"{matrix}[:, {j}]", f"{matrix}.T[{j}]", "x[::-1]"],
            "3": [f"{square}[{j}]", f"{square}[:, {j}]"] + [f"{matrix}[{i}]"] * (i is not None),
            "n3": [f"{matrix}[::-1]", f"{matrix}[:, ::-1]"],
            "33": [f"{square}.T", f"{square}[::-1]"],
        }
        text = self.random.choice(made)
        if self.chance(0.2):
            text = self.random.choice(views[shape])
        elif self.chance(0.6):
            text, parts = "{0}", (self.bounded_array(scope, shape),)
        name = self.name(letter)
        scope.arrays[name] = shape
        return Line(f"{name} = {text}", parts)

    def slices(self, scope: Scope) -> Stmt:
        """A statement of slices."""
        shape = self.random.choice(["n", "n", "n3", "n3", "33", "3"])
        names = scope.of(shape) or ["x"]
        u, v = self.random.choice(names), self.random.choice(names)
        shape = scope.arrays[u]
        c = f"{self.random.uniform(0.05, 0.3):.2f}"
        i = self.index(scope, shape[0]) or "0"
        j = self.index(scope, "3") or "0"
        q = self.random.choice(scope.of("3") or ["K[0]"])
        h = self.random.choice(scope.of("n") or ["x"])
        texts = [f"{u}[:] = <{shape}>", f"{u} += {c} * <{shape}>", f"{u} *= <f>", f"{u}[:] = {v}"]
        texts += [f"np.sin({v}, out={u})"]
        if shape == "n":
            texts += [
                f"{u}[1:-1] = {v}[1:-1] + {c} * ({v}[2:] - 2.0 * {v}[1:-1] + {v}[:-2])",
                f"{u}[1:-1] += {c} * ({u}[2:] - 2.0 * {u}[1:-1] + {u}[:-2])",
                f"{u}[1:-1] = np.sin({v}[2:] * {v}[:-2]) * <f>",
                f"{u}[1:] += {c} * ({v}[:-1] - {u}[1:])",
                f"{u}[:-1] *= np.cos({v}[1:])",
                f"{u}[::2] = <f>",
                f"{u}[1::2] *= <f>",
                f"{u}[2:-2] -= {c} * {v}[4:]" if self.n >= 4 else f"{u} -= {c} * {v}",
                f"{u}[{v} > {c}] *= <f>",
            ]
        elif len(shape) == 2:
            other = h if shape == "n3" else q
            texts += [
                f"{u}[1:] = np.sin({v}[:-1] + <f>)",
                f"{u}[1:] += {c} * ({v}[:-1] - {u}[1:])",
                f"{u}[:, 1:] += {c} * {v}[:, :-1]",
                f"{u}[:, {j}] = np.tanh({other} * <f>)",
                f"{u}[1:-1, 1:-1] = {c} * ({v}[2:, 1:-1] + {v}[:-2, 1:-1] + {v}[1:-1, 2:] - {v}[1:-1, :-2])",
                f"{u}[1:-1, :2] *= np.cos({v}[2:, 1:])",
                f"{u}[1:, 1:] -= {c} * {v}[:-1, :-1] * <f>",
                f"{u}[:, 0], {u}[:, 2] = {u}[:, 2].copy(), {u}[:, 0].copy()",
                f"{u}[:, ::2] = {v}[:, 1:] * <f>",
                f"{u}[:, 1] += {c} * {u}[:, 0] * {u}[:, 2]",
                f"{u} += {c} * {q}",
            ]
            if shape == "33" or self.n:
                texts += [
                    f"{u}[{i}] = np.sin({q})",
                    f"{u}[{i}] += {c} * {v}[{i}] * <f>",
                    f"{u}[{i}, 1:] = {c} * {q}[:-1]",
                ]
        else:
            texts += [
                f"{u}[1:] = np.sin({v}[:-1])",
                f"{u}[:2] *= {v}[1:]",
                f"{u}[::-1] = {v} * <f>",
            ]
        return self.spread_out(scope, self.random.choice(texts))

    def spread_out(self, scope: Scope, text: str) -> Line:
        """A line from a text with shapes in brackets, its numbers and arrays bounded."""
        for shape in ("n3", "33", "n", "3"):
            text = text.replace(f"<{shape}>", f"np.tanh(<{shape}>)")
        text = text.replace("<f>", "math.tanh(<f>)")
        found = self.of_shapes(scope, text, 2)
        return Line(found.text, found.parts)

    def swap(self, scope: Scope) -> Stmt:
        names = scope.of(self.shape())
        if len(names) < 2:
            return self.made(scope)
        one, two = self.random.sample(names, 2)
        return Line(f"{one}, {two} = {two}, {one}")

    def called(self, scope: Scope) -> Stmt:
        u, v = (self.random.choice(scope.of("n")) for _ in range(2))
        if u == v:
            return Line(f"{u} = sweep({u}, {v}, {{0}})", (self.bounded(scope, 1),))
        return Line(f"laplace({u}, {v}, {{0}})", (self.bounded(scope, 1),))

    def branch(self, scope: Scope) -> Stmt:
        test = self.test(scope)
        body = self.block(scope.inner(), 2)
        orelse = self.block(scope.inner(), 2) if self.chance(0.4) else ()
        return Block((), "if {0}", (test,), (), body, orelse)

    def jump(self, scope: Scope) -> Stmt:
        word = self.random.choice(["break", "continue", "continue"])
        return Block((), "if {0}", (self.test(scope),), (), (Line(word),))

    # loops

    def range_over(self, axis: str, i: str) -> tuple[str, Counter]:
        size = self.length(axis)
        return self.random.choice(
            [
                (f"range({size})", Counter(i, axis)),
                (f"range({size})", Counter(i, axis)),
                (f"range({size})", Counter(i, axis)),
                (f"range(1, {size} - 1)", Counter(i, axis, -1, 1)),
                (f"range(1, {size})", Counter(i, axis, -1, 0)),
                (f"range({size} - 1)", Counter(i, axis, 0, 1)),
                (f"range({size} - 1, -1, -1)", Counter(i, axis)),
                (f"range({size} - 2, 0, -1)", Counter(i, axis, -1, 1)),
                (f"range(0, {size}, 2)", Counter(i, axis)),
            ]
        )

    def loop(self, scope: Scope) -> Stmt:
        axis = self.random.choice("nn3")
        if axis == "n" and self.n > 30 and any(c.axis == "n" for c in scope.counters):
            axis = "3"
        i = self.name("i" if axis == "n" else "j")
        numbers, counter = self.range_over(axis, i)
        above = [c for c in scope.counters if c.axis == axis]
        if above and self.chance(0.3):
            c = self.random.choice(above)
            if self.chance(0.5):
                numbers, counter = f"range({c.name})", Counter(i, axis)
            else:
                numbers, counter = f"range({c.name}, {self.length(axis)})", Counter(i, axis)
        return Block((), f"for {i} in {numbers}", (), (), self.block(scope.inner(counter), 4))

    def filled(self, scope: Scope) -> Stmt:
        """A new array, filled in loops."""
        shape = self.shape()
        if shape in ("n", "n3") and any(c.axis == "n" for c in scope.counters):
            shape = "3"
        name = self.name({"n": "u", "3": "v", "n3": "P", "33": "R"}[shape])
        more = self.chance(0.3)
        how = "zeros" if more else self.random.choice(["empty", "zeros"])
        before = (f"{name} = np.{how}({self.extents(shape)})",)
        counters = [Counter(self.name("i"), axis) for axis in AXES[shape]]
        inner = scope.inner(*counters)
        value = self.bounded(inner)
        scope.arrays[name] = shape
        place = f"{name}[{', '.join(c.name for c in counters)}]"
        op = "=" if how == "empty" or self.chance(0.5) else "+="
        rest = self.block(inner, 2) if more else ()
        body: tuple[Stmt, ...] = (Line(f"{place} {op} {{0}}", (value,)), *rest)
        for c in reversed(counters[1:]):
            body = (Block((), f"for {c.name} in range({self.length(c.axis)})", (), (), body),)
        head = f"for {counters[0].name} in range({self.length(counters[0].axis)})"
        return Block(before, head, (), (), body)

    def product(self, scope: Scope) -> Stmt:
        """A product of matrices or of a matrix and a vector, in loops."""
        if self.chance(0.5):
            left = self.random.choice(["33", "n3"] if not scope.loops else ["33"])
            one, two = (
                self.random.choice(scope.of(left)),
                self.random.choice(scope.of("3") or ["K[1]"]),
            )
            out, s = self.name("u" if left == "n3" else "v"), self.name("s")
            i, j = self.name("i"), self.name("j")
            before = (f"{out} = np.empty({self.length(left[0])})",)
            transposed = left == "33" and self.chance(0.3)
            a = f"{one}[{j}, {i}]" if transposed else f"{one}[{i}, {j}]"
            inner = Block(
                (), f"for {j} in range({self.small})", (), (), (Line(f"{s} += {a} * {two}[{j}]"),)
            )
            end = Line(f"{out}[{i}] = math.tanh({s} + {{0}})", (self.bounded(scope, 1),))
            head = f"for {i} in range({self.length(left[0])})"
            scope.arrays[out] = left[0]
            return Block(before, head, (), (f"{s} = 0.0",), (inner, end))
        left = self.random.choice(["33", "n3"] if not scope.loops else ["33"])
        one, two = self.random.choice(scope.of(left)), self.random.choice(scope.of("33"))
        out = self.name("P" if left == "n3" else "R")
        i, j, k = self.name("i"), self.name("j"), self.name("k")
        before = (f"{out} = np.zeros({self.extents(left)})",)
        scope.arrays[out] = left
        c = self.random.choice(["", "0.5 * "])
        line = Line(f"{out}[{i}, {j}] += {c}{one}[{i}, {k}] * {two}[{k}, {j}]")
        if self.chance(0.5):
            j, k = k, j
        inner = Block((), f"for {k} in range({self.small})", (), (), (line,))
        middle = Block((), f"for {j} in range({self.small})", (), (), (inner,))
        return Block(before, f"for {i} in range({self.length(left[0])})", (), (), (middle,))

    def work(self, scope: Scope) -> Stmt:
        """Iterations that each solve a small problem in work arrays of their own."""
        axis = "3" if any(c.axis == "n" for c in scope.counters) else "n"
        i, w = self.name("i"), self.name("w")
        numbers, counter = self.range_over(axis, i)
        inner = scope.inner(counter)
        first: list[str] = []
        before: list[str] = []
        names = [w] if self.chance(0.5) else [w, self.name("w")]
        where = first if self.chance(0.75) else before
        for name in names:
            where.append(f"{name} = np.{self.random.choice(['empty', 'zeros'])}({self.small})")
        matrix = self.name("q") if self.chance(0.3) else None
        if matrix:
            first.append(f"{matrix} = np.zeros(({self.small}, {self.small}))")
        body: list[Stmt] = []
        for name in names:
            j = Counter(self.name("j"), "3")
            value = self.bounded(inner.inner(j))
            inner.arrays[name] = "3"
            line = Line(f"{name}[{j.name}] = {{0}}", (value,))
            body.append(Block((), f"for {j.name} in range({self.small})", (), (), (line,)))
        if matrix:
            inner.arrays[matrix] = "33"
        if self.chance(0.5):
            body.append(self.triangle(inner, names[-1]))
        if self.chance(0.5):
            body += self.block(inner, 2)
        s, j = self.name("s"), Counter(self.name("j"), "3")
        inner.floats.append(s)
        term = self.number(inner.inner(j), 1)
        total = Line(f"{s} += {names[-1]}[{j.name}] * {{0}}", (term,))
        head = f"for {j.name} in range({self.small})"
        body.append(Block((f"{s} = 0.0",), head, (), (), (total,)))
        target = self.element(inner, scope.of("n") if axis == "n" else scope.of("3") or ["x"])
        if target is not None and self.chance(0.6):
            body.append(Line(f"{target} {self.random.choice(['=', '+='])} math.tanh({s})"))
        else:
            body.append(Line(f"{self.random.choice(scope.floats)} += 0.1 * math.sin({s})"))
        return Block(tuple(before), f"for {i} in {numbers}", (), tuple(first), tuple(body))

    def triangle(self, scope: Scope, w: str) -> Stmt:
        """The loops of a triangular product or solution."""
        r, c = self.name("r"), self.name("c")
        one = self.random.choice(scope.of("33"))
        start, stop = self.random.choice([("0", c), (f"{c} + 1", self.small), ("0", self.small)])
        line = Line(f"{w}[{c}] -= 0.3 * math.tanh({one}[{c}, {r}]) * {w}[{r}]")
        if self.chance(0.5):
            line = Line(f"{w}[{r}] += 0.3 * math.tanh({one}[{r}, {c}]) * {w}[{c}]")
        inner = Block((), f"for {r} in range({start}, {stop})", (), (), (line,))
        order = self.random.choice([f"range({self.small})", f"range({self.small} - 1, -1, -1)"])
        return Block((), f"for {c} in {order}", (), (), (inner,))

    def stencil(self, scope: Scope) -> Stmt:
        """A stencil in loops, from one buffer to another."""
        c = f"{self.random.uniform(0.05, 0.3):.2f}"
        if self.chance(0.6) or len(scope.of("n3")) < 2:
            u, v = self.random.choice(scope.of("n")), self.random.choice(scope.of("n"))
            i = Counter(self.name("i"), "n", -1, 1)
            inner = scope.inner(i)
            value = self.number(inner, 1)
            op = self.random.choice(["=", "+=", "-="])
            terms = f"{u}[{i.name} - 1] - 2.0 * {u}[{i.name}] + {u}[{i.name} + 1]"
            line = Line(f"{v}[{i.name}] {op} {c} * ({terms}) * math.cos({{0}})", (value,))
            extra = self.block(inner, 2) if self.chance(0.3) else ()
            return Block((), f"for {i.name} in range(1, {self.long} - 1)", (), (), (line, *extra))
        u, v = self.random.choice(scope.of("n3")), self.random.choice(scope.of("n3"))
        i, j = Counter(self.name("i"), "n", -1, 1), Counter(self.name("j"), "3", -1, 1)
        inner = scope.inner(i, j)
        value = self.number(inner, 1)
        a, b = i.name, j.name
        terms = f"{u}[{a} - 1, {b}] + {u}[{a} + 1, {b}] + {u}[{a}, {b} - 1] - {u}[{a}, {b} + 1]"
        line = Line(f"{v}[{a}, {b}] = math.tanh({c} * ({terms}) * {{0}})", (value,))
        low = Block((), f"for {b} in range(1, {self.small} - 1)", (), (), (line,))
        return Block((), f"for {a} in range(1, {self.long} - 1)", (), (), (low,))

    def steps(self, scope: Scope) -> Stmt:
        """A loop over time."""
        t = Counter(self.name("t"), "t")
        count = self.random.choice(["m", "m", "3", "m + 1", "2 * m"])
        numbers = f"range({count})"
        if self.chance(0.15):
            numbers = f"srcad.checkpoint(range({count}), snapshots=2)"
        head = f"for {t.name} in {numbers}"
        inner = scope.inner(t)
        body = [*self.block(inner, 4)]
        if self.chance(0.4):
            body.append(self.swap(inner.inner()) if len(scope.of("n")) < 2 else self.swapped(scope))
        return Block((), head, (), (), tuple(body))

    def recurrent(self, scope: Scope) -> Stmt:
        """A loop over time with a product of a matrix and a vector in loops, and work arrays."""
        t, i, j = Counter(self.name("t"), "t"), self.name("i"), self.name("j")
        one = self.random.choice(scope.of("33"))
        v = self.name("v")
        inner = scope.inner(t)
        inner.arrays[v] = "3"
        bias = self.bounded(scope.inner(t, Counter(i, "3")), 1)
        out, s = self.name("w"), self.name("s")
        before = [f"{v} = {self.random.choice(['K[0]', 'K[:, 1]'])}.copy()"]
        first: list[str] = []
        (before if self.chance(0.6) else first).append(f"{out} = np.empty({self.small})")
        low = Block((f"{s} = {{0}}".format(str(bias)),), f"for {j} in range({self.small})", (), (),
                    (Line(f"{s} += {one}[{i}, {j}] * {v}[{j}]"),))  # fmt: skip
        end = Line(f"{out}[{i}] = math.tanh({s})")
        product = Block((), f"for {i} in range({self.small})", (), (), (low, end))
        take = self.random.choice(
            [f"{v}[:] = {out}", f"{v} = 0.5 * {out} + 0.1", f"{v}, {out} = {out}, {v}"]
        )
        rest = self.block(inner, 2) if self.chance(0.5) else ()
        scope.arrays[v] = "3"
        numbers = self.random.choice(
            ["range(m)", "range(m)", "range(2 * m)", f"range({self.long})"]
        )
        return Block(
            tuple(before),
            f"for {t.name} in {numbers}",
            (),
            tuple(first),
            (product, Line(take), *rest),
        )

    def while_loop(self, scope: Scope) -> Stmt:
        k = self.name("k")
        test = self.test(scope)
        inner = scope.inner(Counter(k, "t"))
        head = f"while {k} < {self.random.randint(1, 3)} and ({{0}})"
        return Block((f"{k} = 0",), head, (test,), (f"{k} += 1",), self.block(inner, 3))

    def over_rows(self, scope: Scope) -> Stmt:
        """A loop over the rows of a matrix."""
        shape = self.random.choice(["n3", "33"])
        u, row, i = self.random.choice(scope.of(shape)), self.name("v"), self.name("i")
        counter = Counter(i, shape[0])
        inner = (
            scope.inner(counter)
            if self.chance(0.5)
            else replace(scope.inner(), loops=scope.loops + 1)
        )
        inner.arrays[row] = "3"
        head = f"for {row} in {u}"
        if len(inner.counters) > len(scope.counters):
            head = f"for {i}, {row} in enumerate({u})"
        return Block((), head, (), (), self.block(inner, 3))

    def swapped(self, scope: Scope) -> Stmt:
        one, two = self.random.sample(scope.of("n"), 2)
        return Line(f"{one}, {two} = {two}, {one}")

    def history(self, scope: Scope) -> Stmt:
        """A loop over time that keeps every state."""
        shape = self.random.choice(["n", "3", "33"])
        u = self.random.choice(scope.of(shape) or ["x"])
        shape = scope.arrays[u]
        h, t = self.name("h"), Counter(self.name("t"), "t")
        extents = ", ".join(map(self.length, AXES[shape]))
        before = (f"{h} = np.zeros((m + 1, {extents}))", f"{h}[0] = {u}")
        inner = scope.inner(t)
        value = self.bounded_array(inner, shape)
        now = f"{h}[{self.random.choice([t.name, t.name, t.name + ' // 2'])}]"
        line = Line(f"{h}[{t.name} + 1] = {now} + 0.2 * {{0}}", (value,))
        rest = (
            (Line(f"{u} = {now} * 0.7"),)
            if self.chance(0.5)
            else (Line(f"{u}[:] = np.sin({now})"),)
        )
        body = (*self.block(inner, 2), line, *(rest if self.chance(0.7) else ()))
        s = self.name("s")
        scope.floats.append(s)
        self.following.append(Line(f"{s} = 0.1 * np.sum({h} * {h})"))
        return Block(before, f"for {t.name} in range(m)", (), (), body)

    def program(self) -> tuple[Stmt, ...]:
        scope = Scope(["a", "b"], {"x": "n", "y": "n", "A": "n3", "K": "33"})
        body: list[Stmt] = [Line("n = x.size"), Line("d = K.shape[0]")]
        if self.chance(0.7):
            value = self.bounded(scope)
            scope.floats.append("s")
            body.append(Line("s = {0}", (value,)))
        if self.chance(0.6):
            value = self.bounded_array(scope, "3")
            scope.arrays["v"] = "3"
            body.append(Line("v = {0}", (value,)))
        while self.budget > 0:
            body += self.block(scope, 4)
        parts = [Expr(n) for n in scope.floats if self.chance(0.8)]
        for k, name in enumerate(sorted(scope.arrays)):
            if self.chance(0.8):
                parts.append(Expr(f"{0.5 + 0.25 * k} * np.sum({name} * {name})"))
        parts.append(Expr("0.1 * a"))
        text = "return " + " + ".join(f"{{{k}}}" for k in range(len(parts)))
        return (*body, Line(text, tuple(parts)))


def size(seed: int) -> int:
    """The number of elements of the arguments of a program."""
    rng = random.Random(seed * 7 + 1)
    if rng.random() < 0.1:
        return rng.choice([63, 64, 65, 130])
    return rng.choice([0, 1, 2, 3, 4, 5, 5, 6, 7, 9])


def make(seed: int) -> tuple[Stmt, ...]:
    """The program of a seed."""
    return Grammar(seed, size(seed)).program()


def arguments(seed: int):
    """The arguments of a program, fresh."""
    return given(seed, size(seed))


def given(seed: int, n: int):
    """The arguments of a program of n elements, fresh."""
    rng = np.random.default_rng(seed)
    return (
        rng.uniform(-1.0, 1.0, n),
        rng.uniform(-1.0, 1.0, n),
        rng.uniform(-1.0, 1.0, (n, 3)),
        rng.uniform(-1.0, 1.0, (3, 3)),
        float(rng.uniform(-1.0, 1.0)),
        float(rng.uniform(-1.0, 1.0)),
        int(rng.integers(0, 5)),
    )
