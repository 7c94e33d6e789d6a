"""What integers and lengths are at a place in the program, by what was computed and checked so far.

In ::

    k = min(3, p.shape[0])          # at most 3
    if p.shape[0] <= 14: raise      # from here on k is 3
    axis = np.empty(k)              # an array of 3
    if axis.shape[0] != y.shape[0]: raise       # and so is y

``Sizes`` follows a block statement by statement. A number is known as an expression in *atoms*:
lengths of arrays that come from elsewhere, and variables; of an atom it is known between which
numbers it lies. What a statement binds anew is forgotten first, so that a fact never outlives the
value that it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from srcad.analysis.flow import bound_in, writes_of
from srcad.ir.build import add, binary, compare, negation, sub
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Call,
    Check,
    Compare,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    If,
    IndexCheck,
    Invoke,
    Logic,
    MatMul,
    Pop,
    Push,
    Reshape,
    Span,
    Stmt,
    Tape,
    Unary,
    Var,
    While,
    Window,
    ZerosLike,
    blocks,
    children,
    names_read,
    rebuild,
    remembered,
    statements,
    walk,
)
from srcad.ir.types import INT

Range = tuple[int | None, int | None]
"""The least and the largest value; None: not known."""
_UNKNOWN: Range = (None, None)
Shape = tuple[Expr, ...]

_LARGEST = 12
"""Parts of an expression that a variable is known as: beyond that it is an atom itself."""
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


class Sizes:
    """What is known at one place.

    >>> n, k, x = Var("n", "int64"), Var("k", "int64"), Extent("x", 0)
    >>> sizes = Sizes()
    >>> sizes.after(Assign(k, Call("min", (Const(3, "int64"), x), "int64")))
    >>> sizes.range(k), sizes.after(IndexCheck("x", 0, Const(6, "int64"))), sizes.range(k)
    ((0, 3), None, (3, 3))
    """

    def __init__(self, arrays: Mapping[str, tuple[str, int]] | None = None) -> None:
        self.arrays = arrays or {}
        """dtype and rank of arrays: products have shapes where these are known."""
        self.values: dict[str, Expr] = {}
        self.shapes: dict[str, Shape] = {}
        self.alike: dict[str, str] = {}
        """Arrays of the shape of another one, which is not known."""
        self.lists: dict[str, Shape | None] = {}
        """The shape of all arrays that were put on a list; None: not known, or they differ."""
        self.ranges: dict[Expr, Range] = {}
        self.equal: dict[Expr, Expr] = {}
        self.claims: dict[tuple[Expr, Expr], dict[Expr, Expr]] = {}
        """Lengths that are equal wherever a loop over a range, first and end, has an iteration."""
        self.mentioned: set[str] = set()
        """All names in what is known, and some more: of others there is nothing to forget."""
        self._turns: dict[int, _Turn] = {}
        """The loops that were followed last, by identity; shared by all copies."""

    def copy(self) -> Sizes:
        """The same knowledge, to be followed on another path."""
        made = Sizes(self.arrays)
        made.values, made.ranges, made.equal = (
            dict(self.values),
            dict(self.ranges),
            dict(self.equal),
        )
        made.shapes, made.alike, made.lists = dict(self.shapes), dict(self.alike), dict(self.lists)
        made.claims = dict(self.claims)
        made.mentioned = set(self.mentioned)
        made._turns = self._turns
        return made

    # ------------------------------------------------------------ questions

    def known(self, expr: Expr) -> Expr:
        """The expression in atoms; a literal where it can be one number only."""
        match expr:
            case Var() if expr.kind == INT:
                found = self.values.get(expr.name, expr)
            case Extent():
                found = self._extent(expr)
            case Binary(op="+" | "-" | "*" | "//" | "%") if expr.kind == INT:
                found = _arithmetic(expr.op, self.known(expr.a), self.known(expr.b))
            case Call(function="max" | "min") if expr.kind == INT:
                found = self._extreme(expr)
            case Unary(op="-") if expr.kind == INT:
                found = sub(Const(0, INT), self.known(expr.x))
            case _:
                return expr
        found = self.equal.get(found, found) if self.equal else found
        if isinstance(found, Const):
            return found
        low, high = self.range(found)
        return Const(low, INT) if low is not None and low == high else found

    def origin(self, extent: Extent) -> Extent:
        """The length of the array that an array got its own length from."""
        while isinstance(found := self._extent(extent), Extent) and found != extent:
            extent = found
        return extent

    def shape(self, array: str) -> Shape:
        """The lengths of an array, in atoms."""
        return tuple(self.known(Extent(array, k)) for k in range(self.arrays[array][1]))

    def range(self, expr: Expr) -> Range:
        """Between which numbers an integer lies."""
        match expr:
            case Const(value=value):
                return int(value), int(value)
            case Var(name=name):
                found = self.values.get(name)
                return self.ranges.get(expr, _UNKNOWN) if found is None else self.range(found)
            case Extent():
                found = self._extent(expr)
                known = self.ranges.get(expr, _UNKNOWN) if found == expr else self.range(found)
                return max(0, known[0] or 0), known[1]
            case Binary(op="+" | "-", a=a, b=b):
                (a_low, a_high), (b_low, b_high) = self.range(a), self.range(b)
                if expr.op == "-":
                    b_low, b_high = _minus(b_high), _minus(b_low)
                return _plus(a_low, b_low), _plus(a_high, b_high)
            case Call(function="max" | "min" as pick, args=args):
                ranges = [self.range(a) for a in args]
                lows, highs = zip(*ranges, strict=True)
                if pick == "max":
                    return _best(max, lows), _all(max, highs)
                return _all(min, lows), _best(min, highs)
        return self.ranges.get(expr, _UNKNOWN)

    def truth(self, test: Expr) -> bool | None:
        """Whether a test holds; None: it is not known."""
        match test:
            case Const(value=value):
                return bool(value)
            case Unary(op="not", x=x):
                found = self.truth(x)
                return None if found is None else not found
            case Logic(op=op, items=items):
                found_all = [self.truth(i) for i in items]
                stop = op == "or"
                if stop in found_all:
                    return stop
                return None if None in found_all else not stop
            case Compare(op=op, a=a, b=b) if a.kind == b.kind == INT and op in _FLIPPED:
                a, b = self.known(a), self.known(b)
                if a == b:
                    return op in ("==", "<=", ">=")
                low, high = self.range(_arithmetic("-", a, b))
                return _order(op, low, high)
        return None

    def turn_of(self, loop: For | While) -> tuple[Sizes, Sizes] | None:
        """What is known at the start and the end of its iterations, if that was found out.

        A loop is followed with all that are around it, and then by itself.
        """
        turn = self._turns.get(id(loop))
        if turn is None or turn.loop is not loop or turn.before._facts() != self._facts():
            return None
        return turn.start.copy(), turn.end

    def note_turn(self, loop: For | While, start: Sizes, end: Sizes) -> None:
        """Take note of that."""
        self._turns[id(loop)] = _Turn(loop, self.copy(), start, end)

    def _facts(self) -> tuple[object, ...]:
        facts = (self.values, self.shapes, self.alike, self.lists, self.ranges)
        return (*facts, self.equal, self.claims)

    # ------------------------------------------------------------ what statements say

    def after(self, stmt: Stmt) -> None:
        """Take note of a statement without blocks."""
        said = _SAID.get(type(stmt))
        if said is None:
            self.forget(writes_of(stmt))
        else:
            said(self, stmt)

    def _after_assign(self, stmt: Assign) -> None:
        target = stmt.target
        found = self.known(stmt.value) if target.kind == INT else None
        self.forget((target.name,))
        if found is not None and _is_plain(found) and target.name not in names_read(found):
            self.values[target.name] = found
            self._mention(target.name, found)

    def _after_arrays(self, stmt: Stmt) -> None:
        """Take note of a statement that makes or binds arrays."""
        made = self._made(stmt)
        gone = set(writes_of(stmt))
        self.forget(n for n in gone if made.get(n) != n)
        for name, shape in made.items():
            if isinstance(shape, str) and shape not in gone:
                self.alike[name] = shape
                self.mentioned |= {name, shape}
            elif isinstance(shape, tuple) and not any(names_read(e) & gone for e in shape):
                self.learn_shape(name, shape)

    def _after_push(self, stmt: Push) -> None:
        shape = self.shape(stmt.array) if stmt.array in self.arrays else None
        same = self.lists.get(stmt.target, shape) == shape
        self.learn_list(stmt.target, shape if same else None)

    def _after_pop(self, stmt: Pop) -> None:
        self.forget((stmt.array,))
        shape = self.lists.get(stmt.source)
        if shape is not None and not any(stmt.array in names_read(e) for e in shape):
            self.learn_shape(stmt.array, shape)

    def _after_check(self, stmt: Check) -> None:
        self.learn(stmt.test)

    def _after_index_check(self, stmt: IndexCheck) -> None:
        low, high = self.range(self.known(stmt.index))
        at_least = [n for n in (_plus(low, 1), _minus(high)) if n is not None]
        extent = self.known(Extent(stmt.array, stmt.axis))
        self._narrow(extent, (max(at_least, default=None), None))

    def within(self, loop: For) -> None:
        """Take note of the counter of a loop, in its iterations."""
        self.forget((loop.var.name,))
        if isinstance(loop.step, Const) and int(loop.step.value) > 0:
            low, _ = self.range(self.known(loop.start))
            _, high = self.range(self.known(loop.stop))
            self.ranges[loop.var] = (low, _plus(high, -1))
            self.mentioned.add(loop.var.name)
        claimed = self.claims.get(self._span(loop), {}) if self.claims else {}
        for one, other in claimed.items():
            self._learn_equality(self.known(one), self.known(other))

    def claim(self, loop: For, end: Sizes, gone: frozenset[str]) -> None:
        """Take note of what the checks in a loop say of lengths that it does not change.

        Whoever runs over the same range later knows that they held: the loop did so as well.
        """
        kept = {a: b for a, b in end.equal.items() if not (names_read(a) | names_read(b)) & gone}
        if not kept or loop.until is not None:
            return
        first, last = span = self._span(loop)
        if not (names_read(first) | names_read(last)) & gone:
            self.claims[span] = kept
            self.mentioned.update(*map(names_read, (*span, *kept, *kept.values())))

    def _span(self, loop: For) -> tuple[Expr, Expr]:
        """The least counter of a loop with steps of one, in either direction, and the end."""
        start, stop = self.known(loop.start), self.known(loop.stop)
        if loop.step == Const(-1, INT):
            one = Const(1, INT)
            return add(stop, one), _arithmetic("+", start, one)
        return (start, stop) if loop.step == Const(1, INT) else (loop.var, loop.var)

    def learn(self, test: Expr) -> None:
        """Take a test that holds from here on as known."""
        match test:
            case Logic(op="and", items=items):
                for item in items:
                    self.learn(item)
            case Unary(op="not", x=Compare() as inner):
                flipped = negation(inner)
                if isinstance(flipped, Compare):
                    self.learn(flipped)
            case Compare(op=op, a=a, b=b) if a.kind == b.kind == INT and op in _FLIPPED:
                a, b = self.known(a), self.known(b)
                self._learn_order(op, a, b)
                self._learn_order(_FLIPPED[op], b, a)
                if op == "==":
                    self._learn_equality(a, b)

    def forget(self, names: Iterable[str]) -> None:
        """Forget everything about names that are bound anew."""
        gone = self.mentioned.intersection(names)
        if not gone:
            return
        self.mentioned -= gone

        def stays(expr: Expr) -> bool:
            return gone.isdisjoint(names_read(expr))

        def stay(exprs: Shape) -> bool:
            return all(map(stays, exprs))

        self.values = {n: e for n, e in self.values.items() if n not in gone and stays(e)}
        self.shapes = {n: s for n, s in self.shapes.items() if n not in gone and stay(s)}
        self.alike = {n: s for n, s in self.alike.items() if n not in gone and s not in gone}
        self.lists = {
            n: s if s is not None and stay(s) else None
            for n, s in self.lists.items()
            if n not in gone
        }
        self.ranges = {e: r for e, r in self.ranges.items() if stays(e)}
        self.equal = {a: b for a, b in self.equal.items() if stays(a) and stays(b)}
        self.claims = {
            span: {a: b for a, b in found.items() if stays(a) and stays(b)}
            for span, found in self.claims.items()
            if stay(span)
        }

    def learn_shape(self, array: str, shape: Shape) -> None:
        """Take the lengths of an array as known."""
        self.shapes[array] = shape
        self._mention(array, *shape)

    def learn_list(self, name: str, shape: Shape | None) -> None:
        """Take the lengths of all arrays on a list as known (None: they are not)."""
        self.lists[name] = shape
        self._mention(name, *(shape or ()))

    def _mention(self, name: str, *exprs: Expr) -> None:
        self.mentioned.add(name)
        self.mentioned.update(*map(names_read, exprs))

    def _learn_order(self, op: str, a: Expr, b: Expr) -> None:
        """``a op b`` narrows the atom in ``a``, if it is one plus a literal."""
        low, high = self.range(b)
        shift = 0
        if isinstance(a, Binary) and a.op in "+-" and isinstance(a.b, Const):
            shift = int(a.b.value) if a.op == "+" else -int(a.b.value)
            a = a.a
        bound: Range = (None, None)
        if op in (">", ">=", "=="):
            bound = _plus(low, (op == ">") - shift), None
        if op in ("<", "<=", "=="):
            bound = bound[0], _plus(high, -(op == "<") - shift)
        self._narrow(a, bound)

    def _learn_equality(self, a: Expr, b: Expr) -> None:
        if isinstance(b, Var | Extent) and not isinstance(a, Var | Extent):
            a, b = b, a
        if isinstance(a, Var | Extent) and a not in walk(b):
            self.equal = {k: (b if v == a else v) for k, v in self.equal.items()}
            self.equal[a] = b
            self.mentioned.update(names_read(a), names_read(b))

    def _narrow(self, atom: Expr, bound: Range) -> None:
        if isinstance(atom, Const):
            return
        low, high = self.range(atom)
        lows = [n for n in (low, bound[0]) if n is not None]
        highs = [n for n in (high, bound[1]) if n is not None]
        self.ranges[atom] = (max(lows, default=None), min(highs, default=None))
        self.mentioned |= names_read(atom)

    def _extent(self, expr: Extent) -> Expr:
        if expr.array in self.shapes:
            return self.shapes[expr.array][expr.axis]
        other = self.alike.get(expr.array)
        return expr if other is None else Extent(other, expr.axis)

    def _shape_of(self, array: str) -> Shape | str:
        """The shape of an array, or the array that has the same one."""
        return self.shapes.get(array) or self.alike.get(array, array)

    def _made(self, stmt: Stmt) -> dict[str, Shape | str | None]:
        """The shapes of the arrays that a statement makes or binds."""
        match stmt:
            case Alloc() | Reshape() | Tape():
                target, shape = stmt.target, stmt.shape
                return {target: self._plain_shape(shape)}
            case Copy(target=target, source=source) | ZerosLike(target=target, source=source):
                return {target: self._shape_of(source)}
            case MatMul(target=target, batch=batch) if batch is not None:
                return {target: self._plain_shape(batch.shape)}
            case MatMul(target=target, a=a, b=b) if {a, b} <= set(self.arrays):
                rows, columns = self.shape(a), self.shape(b)
                rows = rows[::-1] if stmt.ta else rows
                columns = columns[::-1] if stmt.tb else columns
                return {target: self._plain_shape((*rows[:-1], *columns[1:]))}
            case Invoke(targets=(str() as target,), function="np.linalg.inv", args=(str() as a,)):
                return {target: self._shape_of(a)}
            case Bind(targets=targets, sources=sources):
                found = map(self._shape_of, sources)
                return dict(zip(targets, found, strict=True))
            case Window(target=target, keys=keys, order=order):
                spans = {k: key.length for k, key in enumerate(keys) if isinstance(key, Span)}
                lengths = (Const(1, INT) if a is None else spans[a] for a in order)
                return {target: self._plain_shape(tuple(lengths))}
        return {}

    def _plain_shape(self, shape: Shape) -> Shape | None:
        found = tuple(map(self.known, shape))
        return found if all(map(_is_plain, found)) else None

    def _extreme(self, expr: Call) -> Expr:
        """``max`` or ``min`` without the arguments that cannot be the one."""
        args = [self.known(a) for a in expr.args]
        sign = 1 if expr.function == "max" else -1
        kept: list[Expr] = []
        for k, a in enumerate(args):
            others = [*kept, *args[k + 1 :]]
            if not any(self._at_least(other, a, sign) for other in others):
                kept.append(a)
        if len(kept) == 1:
            return kept[0]
        return Call(expr.function, tuple(kept), INT)

    def _at_least(self, a: Expr, b: Expr, sign: int) -> bool:
        """Whether ``a >= b`` is certain (``sign`` -1: ``a <= b``)."""
        low, high = self.range(_arithmetic("-", a, b))
        return low is not None and low >= 0 if sign > 0 else high is not None and high <= 0


@dataclass(frozen=True)
class _Turn:
    """What is known before a loop, and at the start and the end of its iterations."""

    loop: For | While
    before: Sizes
    start: Sizes
    end: Sizes


_ARRAYS = (Alloc, Copy, ZerosLike, MatMul, Bind, Window, Reshape, Invoke, Tape)
_SAID: dict[type, Callable[[Sizes, Any], None]] = {
    Assign: Sizes._after_assign,
    **dict.fromkeys(_ARRAYS, Sizes._after_arrays),
    Push: Sizes._after_push,
    Pop: Sizes._after_pop,
    Check: Sizes._after_check,
    IndexCheck: Sizes._after_index_check,
}
"""What statements without blocks say, beside which names they bind."""


@remembered("_tells")
def _tells(stmt: For | While | If) -> bool:
    """Whether something that is said in a loop or a branch may hold after it as well."""
    inside = (s for block in blocks(stmt) for s in statements(block))
    return any(isinstance(s, (*_ARRAYS, Push, Pop, Check)) for s in inside)


def sizes_after(block: Iterable[Stmt], sizes: Sizes | None = None) -> Sizes:
    """What is known at the end of a block, given what is known before it."""
    sizes = sizes or Sizes()
    for stmt in block:
        match stmt:
            case For() | While() | If() if not _tells(stmt):
                sizes.forget(bound_in(stmt))
            case For() | While():
                (inside, end), gone = _iteration(stmt, sizes), bound_in(stmt)
                kept = {a: s for a, s in inside.shapes.items() if a in gone}
                _leave(stmt, sizes, end.lists)
                for array, shape in kept.items():
                    sizes.learn_shape(array, shape)
                if isinstance(stmt, For):
                    sizes.claim(stmt, end, gone)
            case If():
                ends = [sizes_after(b, sizes.copy()) for b in blocks(stmt)]
                lists = {n: s for end in ends for n, s in end.lists.items()}
                same = {n: s for n, s in lists.items() if all(s == e.lists.get(n, s) for e in ends)}
                gone = bound_in(stmt)
                own = gone & sizes.arrays.keys()
                shapes = {a: end.shape(a) for end in ends for a in own & end.shapes.keys()}
                _leave(stmt, sizes, {n: same.get(n) for n in lists})
                for array, shape in shapes.items():
                    found = {end.shape(array) for end in ends}
                    if len(found) == 1 and not any(names_read(e) & gone for e in shape):
                        sizes.learn_shape(array, shape)
            case _:
                sizes.after(stmt)
    return sizes


def sizes_inside(stmt: Stmt, sizes: Sizes) -> Sizes:
    """What is known at the start of the blocks of a statement: of every iteration, if it is a loop.

    An array that the loop binds anew has the shape from before it if every iteration gives it back
    one of that shape.
    """
    return _iteration(stmt, sizes, ends=False)[0] if isinstance(stmt, For | While) else sizes.copy()


def _iteration(loop: For | While, sizes: Sizes, *, ends: bool = True) -> tuple[Sizes, Sizes]:
    """What is known at the start of every iteration, and (if ``ends``) at its end."""
    if (known := sizes.turn_of(loop)) is not None:
        return known
    changing = bound_in(loop)
    steady = {a: sizes.shape(a) for a in changing if a in sizes.arrays}
    steady = {
        a: s for a, s in steady.items() if not set[str]().union(*map(names_read, s)) & changing
    }
    while True:
        inside = sizes.copy()
        inside.forget(changing)
        for array, shape in steady.items():
            inside.learn_shape(array, shape)
        for name in _taken_early(loop):
            inside.learn_list(name, None)
        if isinstance(loop, For):
            inside.within(loop)
        if not steady and not ends:
            return inside, inside
        end = sizes_after(loop.body, inside.copy())
        held = {a: s for a, s in steady.items() if end.shape(a) == tuple(map(end.known, s))}
        if held == steady:
            sizes.note_turn(loop, inside, end)
            return inside.copy(), end
        steady = held


@remembered("_taken")
def _taken_early(loop: For | While) -> tuple[str, ...]:
    """Lists of which an iteration takes what an earlier one may have put there."""
    taken: set[str] = set()
    found: list[str] = []
    for stmt in statements(loop.body):
        if isinstance(stmt, Pop):
            taken.add(stmt.source)
        elif isinstance(stmt, Push) and stmt.target in taken:
            found.append(stmt.target)
    return tuple(found)


def _leave(stmt: Stmt, sizes: Sizes, lists: dict[str, Shape | None]) -> None:
    """What is known after a statement with blocks: only lists that it fills are new."""
    gone = bound_in(stmt)
    sizes.forget(gone)
    for name, shape in lists.items():
        lasting = shape is not None and not set[str]().union(*map(names_read, shape)) & gone
        sizes.learn_list(name, shape if lasting else None)


def difference(a: Expr, b: Expr) -> int | None:
    """``a - b`` where both are the same thing plus a literal.

    >>> n = Extent("u", 0)
    >>> difference(n, sub(n, Const(2, INT))), difference(n, Extent("v", 0))
    (2, None)
    """
    (one, more), (two, less) = map(with_offset, (a, b))
    return more - less if one == two else None


def with_offset(number: Expr) -> tuple[Expr, int]:
    """An integer as something and a literal.

    >>> with_offset(add(Var("i", INT), Const(-2, INT)))
    (Var(name='i', kind='int64'), -2)
    """
    match number:
        case Const(value=int(value)):
            return Const(0, INT), value
        case Binary(op="+" | "-" as op, a=a, b=Const(value=int(value))):
            return a, value if op == "+" else -value
    return number, 0


def _is_plain(expr: Expr) -> bool:
    """Whether an integer is made of lengths and variables, in a few steps."""
    simple = Const | Var | Extent | Binary | Call | Unary
    parts = list(walk(expr))
    return len(parts) <= _LARGEST and all(isinstance(e, simple) and e.kind == INT for e in parts)


def _arithmetic(op: str, a: Expr, b: Expr) -> Expr:
    """``a op b`` of integers, with sums of literals collected."""
    if op == "-" and isinstance(a, Binary) and a.op == "+" and a.a == b:
        return a.b
    if op == "+":
        return add(a, b)
    return sub(a, b) if op == "-" else binary(op, a, b, INT)


def _order(op: str, low: int | None, high: int | None) -> bool | None:
    """Whether a difference between these bounds is ``op`` zero."""
    always = {
        "<": high is not None and high < 0,
        "<=": high is not None and high <= 0,
        ">": low is not None and low > 0,
        ">=": low is not None and low >= 0,
        "==": low == high == 0,
    }
    never = {
        "<": always[">="],
        "<=": always[">"],
        ">": always["<="],
        ">=": always["<"],
        "==": always["<"] or always[">"],
    }
    if op == "!=":
        found = _order("==", low, high)
        return None if found is None else not found
    return True if always[op] else False if never[op] else None


def _minus(a: int | None) -> int | None:
    return None if a is None else -a


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _best(pick: type | object, bounds: Iterable[int | None]) -> int | None:
    """The best of the bounds that are known."""
    known = [n for n in bounds if n is not None]
    return pick(known) if known else None  # type: ignore[operator]


def _all(pick: type | object, bounds: Iterable[int | None]) -> int | None:
    """The best of the bounds, if all of them are known."""
    found = list(bounds)
    return None if None in found else pick(found)  # type: ignore[operator]


def folded(expr: Expr, sizes: Sizes) -> Expr:
    """The expression with literals for the integers that can be one number only.

    The length of an array of the shape of another one is that one's.
    """
    if expr.kind == INT and isinstance(expr, Var | Extent | Binary | Call):
        found = sizes.known(expr)
        if isinstance(found, Const):
            return found
        if isinstance(expr, Extent):
            return sizes.origin(expr)
    parts = children(expr)
    if not parts:
        return expr
    parts = tuple(folded(e, sizes) for e in parts)
    if isinstance(expr, Compare):
        return compare(expr.op, parts[0], parts[1])
    if isinstance(expr, Binary) and expr.kind == INT:
        return binary(expr.op, parts[0], parts[1], INT)
    return rebuild(expr, parts)
