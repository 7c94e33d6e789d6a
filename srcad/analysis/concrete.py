"""The numbers and shapes of a program for given arguments, as far as they are known beforehand.

Where ``srcad.analysis.sizes`` knows integers as expressions, here everything is a number or unknown
(None). With 2.0 for ``T`` and 0.5 for ``dt``, and an array of 3 for ``u`` ::

    n = int(T / dt)             # 4
    for t in range(n):          # 4 iterations
        w = np.empty(len(u))    # of 3
        s += u[t]               # unknown, before the loop and after it
        u = w                   # of 3 in each iteration

A loop is followed until the shapes at its end are those at its start; what an iteration changes
otherwise is unknown in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from srcad.analysis.flow import assigned, writes_of
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Compare,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    If,
    Logic,
    MatMul,
    Pop,
    Push,
    Reshape,
    Select,
    Span,
    Stmt,
    Tape,
    Unary,
    Var,
    While,
    Window,
    ZerosLike,
)
from srcad.ir.types import BOOL, INT, width_of
from srcad.runtime.schedules import disk_distance, segment_length, snapshot_distance

Given = Mapping[str, float | int | tuple[int, ...]]
"""The numbers among the arguments of a program, and the shapes of its arrays."""
Shape = tuple[int | None, ...]
Visitor = Callable[[Stmt, "Known", int | None], None]
"""Is shown each statement with what is known after it, and how often it runs."""

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int,
    "float": float,
    "abs": abs,
    "max": max,
    "min": min,
    "len": len,
    "range": range,
    "round": round,
    "segment_length": segment_length,
    "snapshot_distance": snapshot_distance,
    "disk_distance": disk_distance,
    **{f"math.{f}": getattr(math, f) for f in ("floor", "ceil", "trunc", "sqrt", "log", "exp")},
}
_LARGEST = 1 << 63


class Known:
    """What is known at one place.

    >>> known = Known({}, {"n": 3, "u": (4,)})
    >>> known.number(Binary("*", Var("n", "int64"), Extent("u", 0), "int64"))
    12
    """

    def __init__(self, arrays: Mapping[str, tuple[str, int]], given: Given) -> None:
        self.arrays = arrays
        """dtype and rank of the arrays."""
        self.numbers = {n: v for n, v in given.items() if not isinstance(v, tuple)}
        self.shapes: dict[str, Shape] = {n: v for n, v in given.items() if isinstance(v, tuple)}
        self.lists: dict[str, Shape] = {}
        """The shapes of the arrays that lists hold."""
        self.is_certain = True
        """Whether the program comes to this place: no test before it is unknown."""

    def copy(self) -> Known:
        """The same knowledge, to be followed on another path."""
        made = Known(self.arrays, {})
        made.numbers, made.shapes = dict(self.numbers), dict(self.shapes)
        made.lists, made.is_certain = dict(self.lists), self.is_certain
        return made

    # ------------------------------------------------------------ questions

    def number(self, expr: Expr) -> Any:
        """What an expression is; None: not known."""
        try:
            return self._number(expr)
        except (ArithmeticError, ValueError, TypeError):
            return None

    def integer(self, expr: Expr) -> int | None:
        """What an integer is; None: not known."""
        found = self.number(expr)
        return found if isinstance(found, int) and abs(found) < _LARGEST else None

    def shape(self, array: str) -> Shape:
        """The lengths of an array."""
        return self.shapes.get(array) or (None,) * self.arrays.get(array, ("", 0))[1]

    def size(self, array: str) -> int | None:
        """The bytes of an array; None: not known."""
        return bytes_of(self.arrays[array][0], self.shape(array)) if array in self.arrays else None

    def trips(self, loop: For | While) -> int | None:
        """How many iterations a loop has."""
        if not isinstance(loop, For) or loop.until is not None:
            return None
        ends = [self.integer(e) for e in (loop.start, loop.stop, loop.step)]
        known = [n for n in ends if n is not None]
        return len(range(*known)) if len(known) == len(ends) and known[2] else None

    def _number(self, expr: Expr) -> Any:
        match expr:
            case Const(value=value):
                return value
            case Var(name=name):
                return self.numbers.get(name)
            case Extent(array=array, axis=axis):
                return self.shape(array)[axis]
            case Unary(op="-", x=x):
                found = self._number(x)
                return None if found is None else -found
            case Unary(op="not", x=x):
                found = self._number(x)
                return None if found is None else not found
            case Binary(op=op, a=a, b=b) if op in _ARITHMETIC:
                return self._applied(_ARITHMETIC[op], (a, b))
            case Compare(op=op, a=a, b=b) if op in _ORDER:
                return self._applied(_ORDER[op], (a, b))
            case Logic(op=op, items=items):
                return self._joined(op == "or", items)
            case Select(test=test, a=a, b=b):
                truth = self._number(test)
                return None if truth is None else self._number(a if truth else b)
            case Call(function=function, args=args) if function in _FUNCTIONS:
                return self._applied(_FUNCTIONS[function], args)
        return None

    def _applied(self, function: Callable[..., Any], args: Iterable[Expr]) -> Any:
        found = [self._number(a) for a in args]
        return None if any(x is None for x in found) else function(*found)

    def _joined(self, stop: bool, items: Iterable[Expr]) -> bool | None:
        found = [self._number(i) for i in items]
        if stop in found:
            return stop
        return None if None in found else not stop

    # ------------------------------------------------------------ what statements do

    def follow(self, block: Block, visit: Visitor, runs: int | None = 1) -> None:
        """Follow a block; ``visit`` sees its statements, those of loops once for all iterations."""
        for stmt in block:
            match stmt:
                case For() | While():
                    self._loop(stmt, visit, runs)
                case If():
                    self._branches(stmt, visit, runs)
                case _:
                    self._after(stmt)
            visit(stmt, self, runs)

    def _loop(self, loop: For | While, visit: Visitor, runs: int | None) -> None:
        trips = self.trips(loop)
        inside = self.inside(loop)
        inside.follow(loop.body, visit, None if runs is None or trips is None else runs * trips)
        self._join([inside] if trips else [self.copy(), inside])
        self._forget_numbers((loop,))

    def inside(self, loop: For | While) -> Known:
        """What is known at the start of every iteration of a loop."""
        while True:
            start = self.copy()
            start._forget_numbers((loop,))
            end = start.copy()
            end.follow(loop.body, lambda *_: None)
            before = dict(self.shapes), dict(self.lists)
            self._join([self.copy(), end], only_known=True)
            if before == (self.shapes, self.lists):
                return start

    def _branches(self, stmt: If, visit: Visitor, runs: int | None) -> None:
        truth = self.number(stmt.test)
        ends: list[Known] = []
        for part, holds in zip((stmt.body, stmt.orelse), (True, False), strict=True):
            if truth is None or bool(truth) == holds:
                ends.append(self.copy())
                ends[-1].is_certain &= truth is not None
                ends[-1].follow(part, visit, runs)
        self._join(ends)

    def _join(self, ends: list[Known], only_known: bool = False) -> None:
        """Know what is the same at all these ends; ``only_known``: of what was known here."""
        numbers, shapes, lists = ends[0].numbers, ends[0].shapes, ends[0].lists
        for end in ends[1:]:
            numbers = {n: v for n, v in numbers.items() if end.numbers.get(n) == v}
            shapes = _common(shapes, end.shapes, self.arrays)
            lists = _common(lists, end.lists, self.arrays)
        if only_known:
            numbers = self.numbers
            shapes = {n: s for n, s in shapes.items() if n in self.shapes}
        self.numbers, self.shapes, self.lists = numbers, shapes, lists

    def _forget_numbers(self, block: Block) -> None:
        for name in assigned(block):
            self.numbers.pop(name, None)

    def _after(self, stmt: Stmt) -> None:
        match stmt:
            case Assign(target=target, value=value):
                found = self.number(value)
                self.numbers.pop(target.name, None)
                if found is not None:
                    self.numbers[target.name] = _of_kind(found, target.kind)
                return
            case Push(target=target, array=array):
                shape = self.shape(array)
                self.lists[target] = _same(self.lists.get(target, shape), shape)
                return
        made = self._made(stmt)
        for name in writes_of(stmt):
            self.numbers.pop(name, None)
            if name in self.arrays:
                self.shapes[name] = made.get(name) or (None,) * self.arrays[name][1]

    def _made(self, stmt: Stmt) -> dict[str, Shape]:
        """The shapes of the arrays that a statement makes or binds."""
        match stmt:
            case Alloc(target=target, shape=shape) | Reshape(target=target, shape=shape):
                return {target: self._lengths(shape)}
            case Tape(target=target, shape=shape):
                return {target: self._lengths(shape)}
            case Copy(target=target, source=source) | ZerosLike(target=target, source=source):
                return {target: self.shape(source)}
            case MatMul(target=target, batch=batch) if batch is not None:
                return {target: self._lengths(batch.shape)}
            case MatMul(target=target, a=a, b=b):
                rows, columns = self.shape(a), self.shape(b)
                rows = rows[::-1] if stmt.ta else rows
                columns = columns[::-1] if stmt.tb else columns
                return {target: (*rows[:-1], *columns[1:])}
            case Bind(targets=targets, sources=sources):
                return dict(zip(targets, map(self.shape, sources), strict=True))
            case Window(target=target, keys=keys, order=order):
                spans = {k: key.length for k, key in enumerate(keys) if isinstance(key, Span)}
                return {target: tuple(1 if a is None else self.integer(spans[a]) for a in order)}
            case Pop(array=array, source=source):
                return {array: self.lists[source]} if source in self.lists else {}
        return {}

    def _lengths(self, shape: tuple[Expr, ...]) -> Shape:
        return tuple(self.integer(e) for e in shape)


def bytes_of(dtype: str, shape: Shape) -> int | None:
    """The bytes of an array of a shape; None: not known."""
    known = [n for n in shape if n is not None]
    return width_of(dtype) * math.prod(known) if len(known) == len(shape) else None


def _common(
    one: dict[str, Shape], two: dict[str, Shape], arrays: Mapping[str, tuple[str, int]]
) -> dict[str, Shape]:
    """What two paths agree on; an array that only one of them makes has that one's shape."""
    return {n: _same(one.get(n, two.get(n, ())), two.get(n, one.get(n, ()))) for n in {*one, *two}}


def _same(one: Shape, two: Shape) -> Shape:
    """The lengths that two shapes have in common."""
    if len(one) != len(two):
        return ()
    return tuple(a if a == b else None for a, b in zip(one, two, strict=True))


def _of_kind(value: Any, kind: str) -> Any:
    """A number as a variable of this kind holds it."""
    return int(value) if kind == INT else bool(value) if kind == BOOL else value
