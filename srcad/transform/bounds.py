"""Index checks: dropped where they cannot fail, hoisted out of loops where they are affine.

Elaboration checks every index that the user wrote. Here a check is proved from the bounds of the
loops around it and from what is known of the shapes; a check in a loop that runs on every
iteration and is affine in the counters moves in front of the loop nest, as one test of the
extreme indices::

    for i in range(1, n - 1):            if n - 1 > 1 and not n <= u.shape[0]: raise IndexError
        check(i + 1, u)            ->    for i in range(1, n - 1):
        v[i] = u[i + 1]                      v[i] = u[i + 1]

What a check outside of loops and branches says is known from there on: after that of ``u[2]``,
``u[0]`` and ``u[-3]`` need none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from srcad.analysis.flow import assigned, bound_within, times_bound
from srcad.ir.build import ONE, binary, compare, logic, negation, sub
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Batch,
    Binary,
    Bind,
    Block,
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
    Logic,
    MatMul,
    Reshape,
    Stmt,
    Unary,
    Var,
    While,
    Window,
    children,
    names_read,
    rebuild,
    statements,
    with_blocks,
)
from srcad.ir.printer import index_message
from srcad.ir.rename import with_expressions
from srcad.ir.types import INT

Affine = dict[object, int]
"""Coefficients of atoms (``None``: the constant term)."""


def settle_checks(body: Block, parameters: set[str], keep: bool = True) -> tuple[Block, Lengths]:
    """The block with checks dropped or hoisted, and what compares lengths in it.

    ``keep`` False drops all index checks.
    """
    settler = Lengths(body, parameters)
    if settler.sources:
        body = settler.settled(body)
    body = settler.block(body if keep else _dropped(body), [])
    settler.forget()
    body = settler.block(body, [])  # again, with what the hoisted checks say
    settler.forget()
    return body, settler


def _dropped(block: Block) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case IndexCheck():
                continue
            case For() | While():
                stmt = with_blocks(stmt, (_dropped(stmt.body),))
            case If():
                stmt = with_blocks(stmt, (_dropped(stmt.body), _dropped(stmt.orelse)))
        out.append(stmt)
    return tuple(out)


@dataclass
class _Loop:
    stmt: For | While
    changes: set[str]
    hoisted: list[Stmt] = field(default_factory=list)
    seen: set[object] = field(default_factory=set)
    straight: bool = True
    """Whether the statement at hand runs on every iteration."""


class Lengths:
    """What is known of integers and lengths, and the walk that uses it."""

    def __init__(self, body: Block, parameters: set[str]) -> None:
        counts = times_bound(body)
        self.once = {n for n, k in counts.items() if k == 1}
        self.never = parameters - set(counts)
        top = [s for s in body]
        self.values: dict[str, Expr] = {
            s.target.name: s.value
            for s in top
            if isinstance(s, Assign) and s.target.kind == INT and s.target.name in self.once
        }
        self.shapes: dict[str, tuple[Expr, ...]] = {}
        self.copies: dict[str, str] = {}
        self.equal: dict[Expr, Expr] = {}
        self.branches = 0
        self.facts: list[tuple[frozenset[Expr], Affine]] = []
        """Affine forms known not to be negative wherever the loops with these guards run."""
        self._shapes_of(body, top)

    def _shapes_of(self, body: Block, top: list[Stmt]) -> None:
        """Extents of arrays in terms of values that do not change."""
        sources: dict[str, set[str]] = {}
        for stmt in statements(body):
            if isinstance(stmt, Bind):
                for t, s in zip(stmt.targets, stmt.sources, strict=True):
                    sources.setdefault(t, set()).add(s)
            elif isinstance(stmt, Window):
                sources.setdefault(stmt.target, set()).add(f"window {stmt.target}")
        made: dict[str, int] = {}
        for stmt in statements(body):
            if isinstance(stmt, Alloc | Copy | MatMul | Reshape):
                made[stmt.target] = made.get(stmt.target, 0) + 1
        self.sources = sources
        self.made = frozenset(made)
        for stmt in statements(body):
            match stmt:
                case Alloc() | Reshape() if made[stmt.target] == 1 and all(
                    self._is_constant(e) for e in stmt.shape
                ):
                    self.shapes[stmt.target] = stmt.shape
                case MatMul(batch=Batch(shape=shape)) if made[stmt.target] == 1 and all(
                    map(self._is_constant, shape)
                ):
                    self.shapes[stmt.target] = shape
                case Copy() if made[stmt.target] == 1:
                    self.copies[stmt.target] = stmt.source
        self.made_as = dict(self.shapes)
        self.copied = dict(self.copies)
        for name in sources:  # what denotes several arrays has a shape if all of them agree
            shapes = {self.made_as.get(n) for n in self._origins(name)}
            if shapes != {self.shapes.get(name)}:
                self.shapes.pop(name, None)
            self.copies.pop(name, None)
        while unsure := [n for n, s in self.shapes.items() if not all(map(self._is_constant, s))]:
            for name in unsure:
                del self.shapes[name]
        for name, shape in self.shapes.items():  # in a few steps, however long the program is
            self.shapes[name] = tuple(
                self.shapes[e.array][e.axis]
                if isinstance(e, Extent) and e.array in self.shapes
                else e
                for e in shape
            )

    def _origins(self, array: str) -> set[str]:
        """Arrays, made here or given, that a name denotes in the course of the program."""
        found: set[str] = set()
        pending, seen = [array], set()
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            pending.extend(self.sources.get(name, ()))
            if name in self.made or name not in self.sources:
                found.add(name)
        return found

    def _is_constant(self, expr: Expr) -> bool:
        """Whether an expression has one value all along."""
        return all(
            n in self.never or n in self.values or n in self.shapes or n in self.copies
            for n in names_read(expr)
        )

    # ------------------------------------------------------------ extents

    def extent(self, array: str, axis: int, trail: frozenset[str] = frozenset()) -> Expr:
        """The extent of an array by something that other extents can be compared with."""
        if array in trail:
            return Extent(array, axis)
        trail |= {array}
        if array in self.shapes:
            return self.resolve(self.shapes[array][axis], trail)
        if array in self.copies:
            found = self._copied_extent(self.copies[array], axis, trail)
            if found is not None:
                return found
        if array in self.sources:
            found_all = {self._made_extent(name, axis, trail) for name in self._origins(array)}
            if array in self.never:
                found_all.add(Extent(array, axis))
            if len(found_all) == 1:
                (found,) = found_all
                if self._is_constant(found):
                    return found
        return Extent(array, axis)

    def _copied_extent(self, source: str, axis: int, trail: frozenset[str]) -> Expr | None:
        """The extent of a copy of an array, if it is certain."""
        known = (self.never, self.shapes, self.copies, self.sources)
        if any(source in names for names in known):
            found = self.extent(source, axis, trail)
            if self._is_constant(found):
                return found
        return None

    def _made_extent(self, name: str, axis: int, trail: frozenset[str]) -> Expr:
        """The extent of the array that is made (or given) under a name."""
        if name not in self.sources:
            return self.extent(name, axis, trail)
        if name in self.made_as:
            return self.resolve(self.made_as[name][axis], trail)
        found = None
        if name in self.copied:
            found = self._copied_extent(self.copied[name], axis, trail)
        return Extent(name, axis) if found is None else found

    def resolve(self, expr: Expr, trail: frozenset[str] = frozenset()) -> Expr:
        """The expression with variables that have one value replaced by it, as far as affine."""
        match expr:
            case Var() if expr.name in self.values and expr.name not in trail:
                value = self.values[expr.name]
                if self._is_constant(value):
                    return self.resolve(value, trail | {expr.name})
            case Extent():
                found = self.extent(expr.array, expr.axis, trail)
                return self.equal.get(found, found)
            case Binary(op="+" | "-" | "*"):
                return Binary(
                    expr.op, self.resolve(expr.a, trail), self.resolve(expr.b, trail), expr.kind
                )
            case Call(function="max" | "min"):
                return Call(
                    expr.function, tuple(self.resolve(a, trail) for a in expr.args), expr.kind
                )
        return expr

    def settled(self, body: Block) -> Block:
        """The body with the lengths of names that denote several arrays, all of one shape, as what
        they have in common: so a loop over two buffers that are swapped has known trips.
        """
        lengths: dict[str, Expr] = {}
        for stmt in statements(body):
            if isinstance(stmt, Assign) and stmt.target.kind == INT:
                value = self._settled(stmt.value)
                is_steady = names_read(value) <= self.never and _is_affine(value)
                if value != stmt.value and stmt.target.name in self.once and is_steady:
                    lengths[stmt.target.name] = value

        def change(expr: Expr) -> Expr:
            if isinstance(expr, Var):
                return lengths.get(expr.name, expr)
            parts = children(expr)
            return rebuild(expr, tuple(map(change, parts))) if parts else expr

        return with_expressions(body, lambda e: change(self._settled(e)))

    def _settled(self, expr: Expr) -> Expr:
        if isinstance(expr, Extent) and expr.array in self.sources:
            found = self.extent(expr.array, expr.axis)
            is_steady = isinstance(found, Extent) and found.array in self.never
            return found if is_steady or isinstance(found, Const) else expr
        parts = children(expr)
        return rebuild(expr, tuple(map(self._settled, parts))) if parts else expr

    def _direct(self, expr: Expr) -> Expr:
        """An extent of an array made here by what the array was made with."""
        if isinstance(expr, Extent) and expr.array in self.shapes:
            return self._direct(self.shapes[expr.array][expr.axis])
        return rebuild(expr, tuple(map(self._direct, children(expr))))

    # ------------------------------------------------------------ affine forms

    def affine(self, expr: Expr) -> Affine:
        """The affine form of an integer expression; what is not affine becomes an atom."""
        return _affine(self.resolve(expr))

    # ------------------------------------------------------------ walking

    def block(self, block: Block, loops: list[_Loop]) -> Block:
        """The block, inside ``loops``, with its checks settled."""
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case Alloc():
                    stmt = replace(stmt, shape=tuple(map(self._direct, stmt.shape)))
                case For():
                    stop = self._direct(stmt.stop)
                    stmt = stmt if stop is stmt.stop else replace(stmt, stop=stop)
            match stmt:
                case For() | While():
                    inner = _Loop(stmt, assigned((stmt,)))
                    body = self.block(stmt.body, [*loops, inner])
                    out += inner.hoisted
                    out.append(with_blocks(stmt, (body,)))
                case If():
                    body = self._branch(stmt.body, loops)
                    orelse = self._branch(stmt.orelse, loops)
                    out.append(with_blocks(stmt, (body, orelse)))
                case IndexCheck():
                    made = self._index(stmt, loops)
                    out += made
                    if made and not loops and not self.branches:
                        self._learn_index(stmt)
                case Check(error="ValueError" | "IndexError"):
                    if not self._holds(stmt.test, loops):
                        out.append(replace(stmt, test=self._direct(stmt.test)))
                        if not loops and not self.branches:
                            self.learn(stmt.test)
                case _:
                    out.append(stmt)
        return tuple(out)

    def forget(self) -> None:
        """Forget what checks said: a new walk begins."""
        self.equal.clear()
        self.facts.clear()

    def learn(self, test: Expr) -> None:
        """Take what a check before the loops says as known from there on."""
        self._learn_equality(test)
        self._learn_order(test)

    def _learn_equality(self, test: Expr) -> None:
        if isinstance(test, Compare) and test.op == "==":
            a, b = self.resolve(test.a), self.resolve(test.b)
            if isinstance(a, Extent) and self._is_constant(a) and self._is_constant(b) and a != b:
                self.equal = {k: (b if v == a else v) for k, v in self.equal.items()}
                self.equal[a] = b

    def _learn_order(self, test: Expr) -> None:
        """Take ``a < b`` (unless a loop does not run), checked before the loops, as known."""
        idle = test.items[:-1] if isinstance(test, Logic) and test.op == "or" else ()
        claim = test.items[-1] if isinstance(test, Logic) and test.op == "or" else test
        guards = frozenset(_flipped(t) if isinstance(t, Compare) else negation(t) for t in idle)
        claims = claim.items if isinstance(claim, Logic) and claim.op == "and" else (claim,)
        for c in claims:
            if (
                isinstance(c, Compare)
                and c.op in ("<", "<=")
                and self._is_constant(c.a)
                and self._is_constant(c.b)
            ):
                gap = _difference(self.affine(c.b), self.affine(c.a))
                self.facts.append((guards, _sum(gap, {None: -1}) if c.op == "<" else gap))

    def _learn_index(self, check: IndexCheck) -> None:
        """Take an index that was checked before the loops as one that fits from there on."""
        extent = Extent(check.array, check.axis)
        if self._is_constant(extent) and self._is_constant(check.index):
            size, index = self.affine(extent), self.affine(check.index)
            above, below = _difference(_difference(size, index), {None: 1}), _sum(index, size)
            self.facts += [(frozenset(), above), (frozenset(), below)]

    def _known(self, form: Affine, loops: list[_Loop]) -> bool:
        """Whether a form is not negative by what was checked before the loops."""
        for loop in reversed(loops):
            form = self._over(form, loop, largest=False)
        running = {
            r[2]
            for r in map(self._range, [x for x in loops if isinstance(x.stmt, For)])
            if r is not None
        }
        for guards, fact in self.facts:
            if all(g in running or self._holds(g, []) for g in guards):
                rest = _difference(form, fact)
                if set(rest) <= {None} and rest.get(None, 0) >= 0:
                    return True
        return False

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether two integers are certainly equal, wherever both can be read."""
        if not (self._is_constant(a) and self._is_constant(b)):
            return a == b
        return _difference(self.affine(a), self.affine(b)) == {}

    def _branch(self, block: Block, loops: list[_Loop]) -> Block:
        self.branches += 1
        out = self._conditional(block, loops)
        self.branches -= 1
        return out

    def _conditional(self, block: Block, loops: list[_Loop]) -> Block:
        saved = [x.straight for x in loops]
        for x in loops:
            x.straight = False
        out = self.block(block, loops)
        for x, was in zip(loops, saved, strict=True):
            x.straight = was
        return out

    def _holds(self, test: Expr, loops: list[_Loop]) -> bool:
        match test:
            case Const():
                return bool(test.value)
            case Compare(op="=="):
                return _difference(self.affine(test.a), self.affine(test.b)) == {}
            case Compare(op="<" | "<="):
                gap = _difference(self.affine(test.b), self.affine(test.a))
                low = self._extreme(gap, loops, largest=False)
                return low is not None and low >= (1 if test.op == "<" else 0)
            case Compare(op=">" | ">="):
                return self._holds(Compare("<" if test.op == ">" else "<=", test.b, test.a), loops)
            case Logic(op="and"):
                return all(self._holds(t, loops) for t in test.items)
        return False

    def _index(self, check: IndexCheck, loops: list[_Loop]) -> list[Stmt]:
        extent = self.extent(check.array, check.axis)
        index = self.affine(check.index)
        size = self.affine(extent)
        above = _difference(_difference(size, index), {None: 1})
        high = self._extreme(above, loops, largest=False)
        low = self._extreme(index, loops, largest=False)
        below = _sum(index, size)
        wrapped = self._extreme(below, loops, largest=False)
        fits_above = (high is not None and high >= 0) or self._known(above, loops)
        fits_below = (low is not None and low >= 0) or (wrapped is not None and wrapped >= 0)
        fits_below = fits_below or self._known(below, loops)
        if fits_above and fits_below:
            return []
        return self._hoisted(check, loops, not fits_below, not fits_above)

    def _extreme(self, form: Affine, loops: list[_Loop], largest: bool) -> int | None:
        """A lower (upper) bound of an affine form over the loops, if it is a number."""
        form = dict(form)
        for loop in reversed(loops):
            form = self._over(form, loop, largest)
        for atom in [a for a in form if isinstance(a, Extent)]:
            if (form[atom] > 0) == (not largest):
                del form[atom]
            else:
                return None
        for atom in [a for a in form if a is not None]:
            if (
                isinstance(atom, Call)
                and atom.function == "max"
                and (form[atom] > 0) == (not largest)
            ):
                floor = max((int(x.value) for x in atom.args if isinstance(x, Const)), default=None)
                if floor is not None:
                    form[None] = form.get(None, 0) + form.pop(atom) * floor
                    continue
            return None
        return form.get(None, 0)

    def _over(self, form: Affine, loop: _Loop, largest: bool) -> Affine:
        """The form with the counter of a loop at its extreme value."""
        if not isinstance(loop.stmt, For):
            return form
        counter = loop.stmt.var
        k = form.get(counter)
        if k is None or not isinstance(loop.stmt.step, Const):
            return form
        if counter.name in bound_within(loop.stmt):
            return form
        step = int(loop.stmt.step.value)
        first = loop.stmt.start
        last = sub(loop.stmt.stop, ONE) if step > 0 else loop.stmt.stop
        bound = (
            (last if step > 0 else first) if (k > 0) == largest else (first if step > 0 else None)
        )
        if bound is None:
            bound = Binary("+", loop.stmt.stop, ONE, INT)
        elif (k > 0) == largest and step < 0:
            bound = first
        out = dict(form)
        del out[counter]
        return _sum(out, _scaled(self.affine(bound), k))

    def _hoisted(
        self, check: IndexCheck, loops: list[_Loop], below: bool, above: bool
    ) -> list[Stmt]:
        """A check at the outermost place where its extreme indices are known."""
        plain: list[Stmt] = [check]
        if not loops or not loops[-1].straight:
            return plain
        if not _is_affine(check.index):
            return plain
        low: Expr = check.index
        high: Expr = check.index
        guards: list[Expr] = []
        best: tuple[int, Stmt] | None = None
        for depth in range(len(loops) - 1, -1, -1):
            loop = loops[depth]
            if not isinstance(loop.stmt, For) or not loop.straight or loop.stmt.until is not None:
                break
            bounds = self._range(loop)
            if bounds is None:
                break
            first, last, runs = bounds
            lowest = _substituted(low, loop.stmt.var, first, last, True)
            highest = _substituted(high, loop.stmt.var, first, last, False)
            if lowest is None or highest is None:
                break
            low, high = lowest, highest
            guards.insert(0, runs)
            reads = names_read(low) | names_read(high) | {check.array}
            for g in guards:
                reads |= names_read(g)
            if reads & loop.changes:
                break
            best = depth, self._test(check, low, high, guards, below, above)
        if best is None:
            return plain
        depth, stmt = best
        key = (stmt.test, check.array, check.axis) if isinstance(stmt, Check) else None
        if key not in loops[depth].seen:
            loops[depth].seen.add(key)
            loops[depth].hoisted.append(stmt)
        return []

    def _range(self, loop: _Loop) -> tuple[Expr, Expr, Expr] | None:
        """First and last (lowest and highest) counter of a loop, and the test that it runs."""
        stmt = loop.stmt
        assert isinstance(stmt, For)
        if stmt.var.name in bound_within(stmt) or not isinstance(stmt.step, Const):
            return None
        if stmt.step.value == 1:
            return stmt.start, sub(stmt.stop, ONE), compare("<", stmt.start, stmt.stop)
        if stmt.step.value == -1:
            return Binary("+", stmt.stop, ONE, INT), stmt.start, compare(">", stmt.start, stmt.stop)
        return None

    def _test(
        self, check: IndexCheck, low: Expr, high: Expr, guards: list[Expr], below: bool, above: bool
    ) -> Stmt:
        extent = Extent(check.array, check.axis)
        tests: list[Expr] = []
        if below:
            tests.append(compare("<=", Unary("-", extent, INT), low))
        if above:
            tests.append(compare("<", high, extent))
        runs = [g for g in guards if not self._holds(g, [])]
        inside = logic("and", tuple(tests))
        if runs:
            idle = tuple(negation(g) if not isinstance(g, Compare) else _flipped(g) for g in runs)
            inside = logic("or", (*idle, inside))
        return Check(inside, "IndexError", index_message(check), check.at)


def _flipped(test: Compare) -> Expr:
    flips = {"<": ">=", ">": "<=", "<=": ">", ">=": "<"}
    return (
        Compare(flips[test.op], test.a, test.b) if test.op in flips else Unary("not", test, "bool")
    )


def _substituted(expr: Expr, counter: Var, first: Expr, last: Expr, lowest: bool) -> Expr | None:
    """An affine index at the counter that makes it extreme."""
    form = _affine(expr)
    if any(isinstance(a, Binary) and counter.name in names_read(a) for a in form):
        return None
    coefficient = form.get(counter, 0)
    if coefficient == 0:
        return None if counter.name in names_read(expr) else expr
    value = first if (coefficient > 0) == lowest else last
    return _replaced(expr, counter, value)


def _replaced(expr: Expr, counter: Var, value: Expr) -> Expr:
    if expr == counter:
        return value
    if isinstance(expr, Binary):
        a, b = _replaced(expr.a, counter, value), _replaced(expr.b, counter, value)
        return binary(expr.op, a, b, expr.kind)
    if isinstance(expr, Unary):
        return Unary(expr.op, _replaced(expr.x, counter, value), expr.kind)
    return expr


def _is_affine(expr: Expr) -> bool:
    match expr:
        case Const() | Var() | Extent():
            return True
        case Binary(op="+" | "-"):
            return _is_affine(expr.a) and _is_affine(expr.b)
        case Binary(op="*"):
            return (isinstance(expr.a, Const) and _is_affine(expr.b)) or (
                isinstance(expr.b, Const) and _is_affine(expr.a)
            )
        case Unary(op="-"):
            return _is_affine(expr.x)
        case Binary(op="//", a=a, b=Const(value=int(value))) if value > 0:
            return _is_affine(a)  # an atom, which is no counter
    return False


def _affine(expr: Expr) -> Affine:
    match expr:
        case Const():
            return {None: int(expr.value)} if expr.value else {}
        case Binary(op="+"):
            return _sum(_affine(expr.a), _affine(expr.b))
        case Binary(op="-"):
            return _difference(_affine(expr.a), _affine(expr.b))
        case Binary(op="*") if isinstance(expr.a, Const):
            return _scaled(_affine(expr.b), int(expr.a.value))
        case Binary(op="*") if isinstance(expr.b, Const):
            return _scaled(_affine(expr.a), int(expr.b.value))
        case Unary(op="-"):
            return _scaled(_affine(expr.x), -1)
    return {expr: 1}


def _sum(a: Affine, b: Affine) -> Affine:
    out = dict(a)
    for atom, k in b.items():
        out[atom] = out.get(atom, 0) + k
    return {atom: k for atom, k in out.items() if k}


def _scaled(a: Affine, k: int) -> Affine:
    return {atom: c * k for atom, c in a.items() if c * k}


def _difference(a: Affine, b: Affine) -> Affine:
    return _sum(a, _scaled(b, -1))
