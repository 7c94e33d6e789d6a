"""Random programs that step fields in time: stencils, borders, sources, receivers, exchanges.

A program is ``f(u, w, k, c, g, steps)``: ``u``, ``w`` and ``k`` are fields of one shape, of one to
three axes, ``c`` and ``g`` are numbers and ``steps`` is the number of steps. It has a field or two
of its own, which start from ``u`` and ``w``. A step makes each of them anew: in another array that
is then exchanged with it (two, three or four of them take turns), in place by slices, from
another field or by a sweep, in a copy, or in a temporary. Stencils reach one or two elements to either side, and
fields may look at each other. Around that, borders are copied, fixed, mirrored, joined, sources
added and receivers read; some of it in some of the steps only.

Everything is in range by construction: the shape is known here, as it is that of the arguments. One
program in ten has fields of single precision.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count, pairwise

import numpy as np

from tests.property import kernels
from tests.property.trees import Block, Expr, Line, Stmt

NAMES = ("u", "w", "k")
"""The arguments that are fields."""
PARAMETERS = "u, w, k, c, g, steps"

_COUNTERS = ("i", "j", "l")

Reach = tuple[tuple[int, int], ...]
"""How many elements a stencil looks to the left and to the right, along each axis."""
Offset = tuple[int, ...]


@dataclass(frozen=True)
class Field:
    """A field of the program."""

    names: tuple[str, ...]
    """The field, the one that a step makes of it, and older ones; just the field: it is changed."""
    reach: Reach
    form: str
    """How a step makes it: "exchanged", "slices", "copied", "updated", "swept" or "anew"."""

    @property
    def now(self) -> str:
        """The field itself."""
        return self.names[0]

    @property
    def made(self) -> str:
        """What a step writes."""
        return self.names[1] if len(self.names) > 1 else self.names[0]


class Fields:
    """Writes one random program of fields of a shape."""

    def __init__(self, seed: int, shape: tuple[int, ...]) -> None:
        self.random = random.Random(seed)
        self.shape = shape
        self.fresh = count()
        self.fields: list[Field] = []
        self.readable: list[str] = []
        """Fields that nobody writes while one is made."""
        self.seen = ""
        """The field whose neighbours are looked at."""
        self.records = False
        self.carries = False
        """Whether there is a number that steps hand on."""
        self.plain = self.chance(0.6)
        """Whether a step is arithmetic, and changes nothing but what it makes."""

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def pick(self, *weighted: tuple[float, Callable[[], object]]):
        weights = [w for w, _ in weighted]
        return self.random.choices([c for _, c in weighted], weights)[0]()

    def name(self, letter: str) -> str:
        return f"{letter}{next(self.fresh)}"

    def constant(self, low: float = 0.05, high: float = 0.3) -> str:
        return f"{self.random.uniform(low, high):.2f}"

    # ------------------------------------------------------------ elements and slices

    @property
    def axes(self) -> range:
        return range(len(self.shape))

    def offset(self, reach: Reach, axis: int | None = None) -> Offset:
        """A neighbour: mostly along one axis."""
        if axis is None and self.chance(0.8):
            axis = self.random.choice(self.axes)
        return tuple(
            self.random.randint(-low, high) if axis in (None, k) else 0
            for k, (low, high) in enumerate(reach)
        )

    def at(self, offset: Offset, joined: bool = False) -> str:
        """The index of an element beside that of the counters; the ends may be joined."""
        pairs = zip(_COUNTERS, offset, strict=False)
        index = [f"{i} {'-+'[o > 0]} {abs(o)}" if o else i for i, o in pairs]
        if joined:
            index = [f"({p}) % n{k}" if " " in p else p for k, p in enumerate(index)]
        return ", ".join(index)

    def part(self, name: str, reach: Reach, offset: Offset) -> str:
        """A slice of a field beside that of its inside."""
        spans = []
        for (low, high), o in zip(reach, offset, strict=True):
            start, end = low + o, high - o
            spans.append(f"{start or ''}:{-end or ''}")
        return f"{name}[{', '.join(spans)}]"

    def point(self) -> str | None:
        """The index of one element; None: there is none."""
        if 0 in self.shape:
            return None
        places = [self.random.choice([0, 1, -1, -2, n // 2]) for n in self.shape]
        at = [p if -n <= p < n else 0 for p, n in zip(places, self.shape, strict=True)]
        return ", ".join(map(str, at))

    def loops(self, reach: Reach, body: tuple[Stmt, ...]) -> Stmt:
        """A nest over the elements that have all their neighbours."""
        for axis in reversed(self.axes):
            low, high = reach[axis]
            stop = f"n{axis} - {high}" if high else f"n{axis}"
            numbers = f"range({low}, {stop})" if low or self.chance(0.2) else f"range({stop})"
            (stmt,) = body = (Block((), f"for {_COUNTERS[axis]} in {numbers}", (), (), body),)
        return stmt

    # ------------------------------------------------------------ stencils

    def value(self, field: Field, element: Callable[[str, Offset], str], slices: bool) -> Expr:
        """What becomes of an element: ``element`` is the text of one beside it."""
        zero = (0,) * len(self.shape)
        here = element(field.now, zero)

        def beside(name: str | None = None) -> str:
            name = name or self.random.choice([self.seen, self.seen, *self.readable])
            return element(name, self.offset(field.reach))

        def laplace() -> str:
            terms = []
            for axis in self.axes:
                low, high = field.reach[axis]
                for o in (-low, high) if low and high else ():
                    terms.append(element(self.seen, tuple(o * (k == axis) for k in self.axes)))
            if not terms:
                return beside(self.seen)
            return "(" + " + ".join([*terms, f"{-len(terms):.1f} * {here}"]) + ")"

        def upwind() -> str:
            return f"({beside(self.seen)} - {beside(self.seen)})"

        def bounded() -> str:
            name = ("np" if slices else "math") + self.random.choice([".sin", ".tanh", ".cos"])
            return f"{name}({beside()})"

        factor = self.pick(
            (3, self.constant),
            (4, lambda: f"{self.constant()} * {element('k', zero)}"),
            (1, lambda: "0.2 * c"),
            (0 if self.plain else 1.5, lambda: f"0.1 * {bounded()}"),
            (1, lambda: f"0.1 * {element('k', self.offset(field.reach))} * {here}"),
        )
        rest = 0 if self.plain else 1
        parts = [
            Expr(f"{factor} * {self.pick((4, laplace), (4, upwind), (1, beside), (rest, bounded))}")
            for _ in range(self.random.choice([1, 1, 1, 2]))
        ]
        for older in field.names[2:]:
            if self.chance(0.8):
                parts.append(Expr(f"-{self.constant()} * {element(older, zero)}"))
        if self.readable and self.chance(0.6):
            parts.append(Expr(f"{self.constant()} * {beside(self.random.choice(self.readable))}"))
        if self.chance(0.1):
            parts.append(Expr("0.02 * t" if self.chance(0.5) else "0.1 * g"))
        first = self.random.choice([here, here, f"0.9 * {here}", f"{self.constant(0.5, 1.0)}"])
        text = " + ".join(f"{{{n}}}" for n in range(len(parts) + 1))
        return Expr(text, (Expr(first), *parts))

    def change(self, value: Expr) -> Expr:
        """A value without what the element was."""
        rest = value.parts[1:]
        return Expr(" + ".join(f"{{{n}}}" for n in range(len(rest))), rest)

    def in_loops(self, field: Field, made: str) -> Stmt:
        """A nest that makes a field."""
        zero = self.at((0,) * len(self.shape))
        joined = self.chance(0.1)

        def element(name: str, offset: Offset) -> str:
            return f"{name}[{self.at(offset, joined)}]"

        value = self.value(field, element, slices=False)
        change = self.change(value)
        body: list[Stmt] = []
        if self.chance(0.3):  # a value with a name, used again
            h = self.name("h")
            body.append(Line(f"{h} = {{0}}", (change,)))
            change = Expr(self.random.choice([h, f"{h} * (1.0 - 0.1 * {h})"]))
            value = Expr("{0} + {1}", (value.parts[0], change))
            if self.chance(0.1 if self.plain else 0.3):
                body.append(Line(f"total += 0.1 * {h} * {h}"))
        if made == field.now and self.chance(0.6):
            body.append(Line(f"{made}[{zero}] += {{0}}", (change,)))
        else:
            body.append(Line(f"{made}[{zero}] = {{0}}", (value,)))
        if self.chance(0.02 if self.plain else 0.1):
            body.append(Line(f"{made}[{zero}] *= 0.9"))
        inside = ((0, 0),) * len(self.shape) if joined else field.reach
        return self.loops(inside, tuple(body))

    def in_slices(self, field: Field, made: str) -> list[Stmt]:
        """Statements of slices that make a field."""
        zero = (0,) * len(self.shape)

        def element(name: str, offset: Offset) -> str:
            return self.part(name, field.reach, offset)

        value = self.value(field, element, slices=True)
        inside = element(made, zero)
        if made != field.now:
            return [Line(f"{inside} = {{0}}", (value,))]
        if self.chance(0.3):
            h = self.name("h")
            named = Line(f"{h} = {{0}}", (self.change(value),))
            again = Line(f"total += 0.1 * np.sum({h} * {h})")
            looked = self.chance(0.1 if self.plain else 0.3)
            return [named, Line(f"{inside} += {h}"), *([again] if looked else [])]
        if self.chance(0.6):
            return [Line(f"{inside} += {{0}}", (self.change(value),))]
        return [Line(f"{inside} = {{0}}", (value,))]

    def swept(self, field: Field) -> Stmt:
        """A sweep that meets its own new elements."""
        zero = (0,) * len(self.shape)
        near = [o for o in (self.offset(field.reach, axis) for axis in (*self.axes,) * 3) if any(o)]
        last = tuple(-1 if k == len(self.shape) - 1 else 0 for k in self.axes)
        near = sorted(set(near) - {last}, key=lambda _: self.random.random())
        if field.reach[-1][0]:
            near.insert(self.random.randrange(min(4, len(near) + 1)), last)
        terms = [Expr(f"{field.now}[{self.at(o)}]") for o in near[:5]]
        terms.append(Expr(f"k[{self.at(zero)}]"))
        text = " + ".join(f"{{{n}}}" for n in range(len(terms)))
        c = f"{0.9 / len(terms):.3f}"
        line = Line(f"{field.now}[{self.at(zero)}] = {c} * ({text})", tuple(terms))
        return self.loops(field.reach, (line,))

    # ------------------------------------------------------------ what a step does

    def advanced(self, field: Field) -> list[Stmt]:
        """A field is made anew."""
        now, made = field.now, field.made
        self.readable = [n for f in self.fields if f is not field for n in f.names[:1]] + ["w"]
        self.seen = now
        if field.form == "swept":
            return [self.swept(field)]
        if field.form == "updated":  # by a nest that looks at its neighbours in another one
            self.seen = self.random.choice(self.readable)
            return [self.in_loops(field, now)]
        if field.form == "slices":
            return self.in_slices(field, now)
        if field.form == "exchanged":
            inside = self.in_slices(field, made) if self.chance(0.2) else []
            inside = inside or [self.in_loops(field, made)]
            copied = [Line(f"{made}[:] = {now}")] if self.chance(0.05) else []
            return [*copied, *inside, *self.bordered(field, made), self.exchange(field)]
        new = self.name("new")
        if field.form == "anew":
            axis = "" if len(self.shape) == 1 else f", axis={self.random.choice(self.axes)}"
            left, right = f"np.roll({now}, 1{axis})", f"np.roll({now}, -1{axis})"
            value = self.random.choice(
                [
                    f"{now} + {self.constant()} * k * ({left} - 2.0 * {now} + {right})",
                    f"{now} + {self.constant()} * k * {now} * ({right} - {left})",
                    f"{now} + {self.constant()} * k * ({left} - {now})",
                    f"0.9 * {now} + 0.1 * np.sin({now}) * k",
                    f"{now} * (1.0 + 0.1 * c * {self.random.choice(self.readable)})",
                    f"{now} + {self.constant()} * np.roll({now}, -1) * k",
                ]
            )
            return [Line(f"{self.random.choice([now, now + '[:]', now + '[...]'])} = {value}")]
        if self.chance(0.3):  # the old one is copied, and the field changed
            inside = self.in_loops(field, new) if self.chance(0.6) else self.in_slices(field, new)
            swapped = self.exchanged_names(inside, now, new)
            return [Line(f"{new} = {now}.copy()"), *swapped]
        inside = [self.in_loops(field, new)] if self.chance(0.5) else self.in_slices(field, new)
        back = self.random.choice([f"{now} = {new}", f"{now} = {new}", f"{now}[:] = {new}"])
        looked = [Line(f"total += np.sum({new} * w)")] if self.chance(0.15) else []
        first = Line(f"{new} = {now}.copy()")
        return [first, *looked, *inside, *self.bordered(field, new), Line(back)]

    def exchanged_names(self, inside: Stmt | list[Stmt], one: str, two: str) -> list[Stmt]:
        """Statements with the roles of two names exchanged."""
        text = {one: two, two: one}

        def expr(e: Expr) -> Expr:
            return Expr(_renamed(e.text, text), tuple(map(expr, e.parts)))

        def stmt(s: Stmt) -> Stmt:
            parts = tuple(map(expr, s.parts))
            if isinstance(s, Line):
                return Line(_renamed(s.text, text), parts)
            return replace(s, parts=parts, body=tuple(map(stmt, s.body)))

        return [stmt(s) for s in (inside if isinstance(inside, list) else [inside])]

    def exchange(self, field: Field) -> Stmt:
        """The arrays of a field take turns."""
        now, made, *older = field.names
        if not older:
            return Line(f"{now}, {made} = {made}, {now}")
        # the new one is the field, that is the first of the older ones, and the oldest is free
        targets = ", ".join(field.names)
        sources = ", ".join((made, older[-1], now, *older[:-1]))
        return Line(f"{targets} = {sources}")

    def bordered(self, field: Field, made: str) -> list[Stmt]:
        """The border of what is made."""
        return [self.border(made)] if self.chance(0.35) else []

    def border(self, name: str) -> Stmt:
        """One side of a field is copied, fixed, mirrored, or joined with the other."""
        axis = self.random.choice(self.axes)
        n = self.shape[axis]
        if n == 0:
            return Line(f"{name} *= 0.9")
        side, beside, other = self.random.choice([(0, 1, -1), (-1, -2, 0)])
        beside = beside if n > 1 else 0
        in_loop = len(self.shape) == 2 and self.chance(0.5)

        def row(k: int) -> str:
            spans = [":"] * len(self.shape)
            spans[axis] = str(k)
            if len(self.shape) == 1:
                return f"{name}[{k}]"
            if in_loop:
                spans[1 - axis] = "e"
            return f"{name}[{', '.join(spans)}]"

        text = self.random.choice(
            [
                f"{row(side)} = {row(beside)}",
                f"{row(side)} = 0.0",
                f"{row(side)} = {self.constant()} * g",
                f"{row(side)} = {row(other)}",
                f"{row(side)} = 0.5 * {row(other)}",
                f"{row(side)} = -{row(beside)}",
                f"{row(side)} = 0.4 * {row(beside)} + 0.1 * {row(other)}",
                f"{row(side)} += 0.1 * t",
                f"{row(side)} *= 0.8",
            ]
        )
        if not in_loop:
            return Line(text)
        low, high = self.random.choice([(0, 0), (0, 0), (1, 1)])
        stop = f"n{1 - axis} - {high}" if high else f"n{1 - axis}"
        return Block((), f"for e in range({low}, {stop})", (), (), (Line(text),))

    def source(self) -> Stmt:
        """Something is added at a point."""
        point, name = self.point(), self.random.choice(self.fields)
        if point is None:
            return Line("total += 0.1 * g")
        texts = [f"{name.made}[{point}] += 0.1 * c", f"{name.made}[{point}] = 0.1 * g * t"]
        if self.carries:
            texts += [f"{name.made}[{point}] += 0.1 * carried"] * 2
        if self.plain:
            return Line(self.random.choice(texts))
        texts += [
            f"{name.made}[{point}] += 0.2 * g * math.sin(0.7 * t)",
            f"{name.now}[{point}] += 0.1 * c",
            f"{name.now}[{point}] = 0.3 * g + 0.1 * t",
            f"{name.now}[{point}] *= 0.9",
            f"{name.now}[{point}] += 0.1 * total / (1.0 + total * total)",
        ]
        return Line(self.random.choice(texts))

    def receiver(self) -> Stmt:
        """Something of the fields counts, or is kept."""
        point, name = self.point(), self.random.choice(self.fields)
        either = self.random.choice(name.names)
        texts = [
            f"total += 0.1 * np.sum({either} * w)",
            f"total += 0.1 * np.sum({either} ** 2) * g",
            f"total += 0.05 * np.sum(({either} - 0.3 * w) ** 2)",
        ]
        if point is not None:
            self.records = True
            texts = texts[:1] if self.plain else texts
            if self.chance(0.2):
                self.carries = True
                return Line(f"carried = 0.7 * carried + 0.2 * {either}[{point}]")
            texts += [
                f"record[t] = {either}[{point}]",
                f"record[t] += 0.5 * {name.now}[{point}]",
            ] * 2
            texts += [f"total += ({either}[{point}] - 0.2) ** 2", f"total += {either}[{point}] * t"]
        return Line(self.random.choice(texts))

    def damped(self) -> Stmt:
        """All of a field is scaled, or made anew."""
        name = self.random.choice(self.fields).now
        texts = [f"{name} *= 0.9", f"{name}[:] = 0.9 * {name}", f"{name} = {name} * 0.95"]
        return Line(self.random.choice([*texts, f"{name} = {name}.copy()", f"{name} += 0.05 * w"]))

    def beside(self) -> Stmt:
        """What a step does beside making its fields."""
        made = self.pick(
            (3, self.receiver),
            (2, self.source),
            (2, lambda: self.border(self.random.choice(self.fields).made)),
            (0 if self.plain else 1, lambda: self.border(self.random.choice(self.fields).now)),
            (0 if self.plain else 0.7, self.damped),
        )
        if not self.chance(0.2):
            return made
        test = self.random.choice(["t == 3", "t % 2 == 0", "t > 1", "t < steps - 2", "c > 0.1"])
        orelse = (self.beside(),) if self.chance(0.15) else ()
        return Block((), f"if {test}", (), (), (made,), orelse)

    # ------------------------------------------------------------ the program

    def reach(self) -> Reach:
        sides = [0, 1, 1, 1, 2]
        found = [(self.random.choice(sides), self.random.choice(sides)) for _ in self.axes]
        if self.chance(0.5):
            found = [(1, 1) for _ in self.axes]
        if all(low + high == 0 for low, high in found):
            found[-1] = (1, 1)
        return tuple(found)

    def begun(self, letter: str, given: str) -> list[Stmt]:
        """A field of the program, from one that is given, and what is exchanged with it."""
        form = self.random.choices(
            ["exchanged", "slices", "copied", "updated", "swept", "anew"],
            [11, 5, 5, 5, 2, 1] if self.plain else [8, 4, 4, 2, 2, 1],
        )[0]
        turns = self.random.choice([2, 2, 2, 2, 3, 3, 4]) if form == "exchanged" else 1
        names = tuple(letter + "_" * k for k in range(turns))
        self.fields.append(Field(names, self.reach(), form))
        copied = self.chance(0.95 if self.plain else 0.85)
        out: list[Stmt] = [Line(f"{letter} = {given}{'.copy()' if copied else ''}")]
        point = self.point()
        if self.chance(0.1) and point:
            out.append(Line(f"{letter}[{point}] *= 2.0"))
        for before, name in pairwise(names):
            values = [f"{before}.copy()"] * 4 + [f"{letter}.copy()", f"0.5 * {given}", "u + w"]
            values += [f"np.zeros_like({letter})", f"np.zeros({letter}.shape, {letter}.dtype)"]
            out.append(Line(f"{name} = {self.random.choice(values)}"))
            if self.chance(0.1) and point:
                out.append(Line(f"{name}[{point}] += 1.5"))
        return out

    def steps(self, stop: str) -> Stmt:
        """A loop over time."""
        step: list[Stmt] = []
        late: list[Stmt] = []
        together = self.chance(0.6)
        for field in self.fields:
            if self.chance(0.1 if self.plain else 0.25):
                step.append(self.beside())
            step += self.advanced(field)
            if together and field.form == "exchanged":  # at the end of the step
                late.append(step.pop())
            if self.chance(0.03):
                step[-1] = Block((), "if t % 3 > 0", (), (), (step[-1],))
        while self.chance(0.4):
            step.append(self.beside())
        step += late
        if self.chance(0.2):
            step.append(self.receiver() if self.plain else self.beside())
        if self.chance(0.05 if self.plain else 0.15):
            old = self.name("old")
            field = self.random.choice(self.fields)
            step = [Line(f"{old} = {field.now}.copy()"), *step]
            step.append(Line(f"total += 0.1 * np.sum(({field.now} - {old}) ** 2)"))
        if self.chance(0.02):
            step.append(Block((), "if total > 2.0", (), (), (Line("break"),)))
        start = self.random.choice(["", "", "", "", "", "", "1, ", "2, "])
        numbers = f"range({start}{stop})"
        if not self.plain and self.chance(0.05):
            numbers = f"range({stop} - 1, -1, -1)"
        return Block((), f"for t in {numbers}", (), (), tuple(step))

    def program(self) -> tuple[Stmt, ...]:
        body: list[Stmt] = [Line(f"n{k} = u.shape[{k}]") for k in self.axes]
        body += self.begun("p", "u")
        if self.chance(0.35):
            body += self.begun("q", "w")
        body.append(Line("total = 0.0"))
        other = self.chance(0.02 if self.plain else 0.1)
        if other:
            body.append(Line("view = p"))
        loops = [self.steps("steps")]
        if self.chance(0.12):
            count = self.random.choice(["steps", "steps // 2", "3"])
            loops.append(loops[0] if self.chance(0.3) else self.steps(count))
        if self.chance(0.06):
            loops = [Block((), "for r in range(2)", (), (), tuple(loops))]
        if self.records:
            body.append(Line("record = np.zeros(steps + 3)"))
        if self.carries:
            body.append(Line("carried = 0.5 * c"))
        body += loops
        if self.chance(0.1):
            body.append(self.random.choice([self.damped(), Line("p[:] = np.sin(p) * w")]))
        parts = [Expr(self.random.choice(["np.sum(p * p)", "np.sum(p * w)", "0.5 * np.sum(p)"]))]
        for name in (n for f in self.fields for n in f.names[1:] or f.names):
            if self.chance(0.4):
                parts.append(Expr(f"0.3 * np.sum({name} * {name})"))
        if self.records:
            parts.append(Expr("np.sum(record * record)"))
        if self.carries:
            parts.append(Expr("0.5 * carried * carried"))
        if other:
            parts.append(Expr("0.1 * np.sum(view)"))
        text = "return total + " + " + ".join(f"{{{n}}}" for n in range(len(parts)))
        return (*body, Line(f"{text} + 0.1 * c * g", tuple(parts)))


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(r"\w+", lambda found: names.get(found[0], found[0]), text)


def shape(seed: int) -> tuple[int, ...]:
    """The shape of the fields of a program: mostly just long enough for a stencil."""
    rng = random.Random(seed * 11 + 5)
    axes = rng.choice([1, 1, 2, 2, 3])
    lengths = {1: [3, 4, 5, 6, 7], 2: [3, 4, 5], 3: [3, 4]}[axes]
    if rng.random() < 0.12:
        lengths = [0, 1, 2, 3]
    return tuple(rng.choice(lengths) for _ in range(axes))


def size(seed: int) -> int:
    """The number of elements of the arguments of a program."""
    return 3 * math.prod(shape(seed))


def make(seed: int) -> tuple[Stmt, ...]:
    """The program of a seed."""
    return Fields(seed, shape(seed)).program()


def source(body: tuple[Stmt, ...], *, by_hand: bool = False) -> str:
    """The whole module of a program."""
    return kernels.source(body, by_hand=by_hand, parameters=PARAMETERS)


def arguments(seed: int):
    """The arguments of a program, fresh."""
    rng = np.random.default_rng(seed)
    of = shape(seed)
    dtype = np.float32 if seed % 10 == 3 else np.float64
    most = 12 if len(of) == 3 else 24
    steps = [0, 1, 2, 3, 5, 7, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 15, 16, 17, 18, 19, 24]
    return (
        rng.uniform(-1.0, 1.0, of).astype(dtype),
        rng.uniform(-1.0, 1.0, of).astype(dtype),
        rng.uniform(-1.0, 1.0, of).astype(dtype),
        float(rng.uniform(-1.0, 1.0)),
        float(rng.uniform(-1.0, 1.0)),
        int(rng.choice([s for s in steps if s <= most])),
    )
