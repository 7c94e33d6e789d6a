"""Vector forward mode: the tangents of several directions at once, in loops over lanes.

From a function that carries tangents along (``srcad.transform.tangent``) comes one in which each of
them has a further last axis, the lanes. Values are computed once. Tangents of neighbouring
statements share a loop over the lanes, which are contiguous, so that it vectorises; what a tangent
needs of the values is read in front of the loop, and a tangent that lives in one such loop stays a
scalar. From ::

    t_d = 2.0 * u[i] * u_d[i]
    t = u[i] * u[i]
    x_d += k * t_d
    x += k * t

comes ::

    a = 2.0 * u[i]
    for lane in range(lanes):
        t_d = a * u_d[i, lane]
        x_d[lane] += k * t_d
    t = u[i] * u[i]
    x += k * t

Values, and so branches and indices, never depend on tangents: that is what makes this legal. A
product of matrices, or a function that is called as a whole, takes one lane after the other where
it cannot take all. Functions that call themselves are not done in lanes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from srcad.analysis.alias import points_to, strided_names
from srcad.analysis.dependents import dependents
from srcad.analysis.flow import exposed, reads_of, variables, writes_of
from srcad.ir.build import ONE, ZERO, accumulate, add, compare, times
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Check,
    Comment,
    Copy,
    Expr,
    Extent,
    For,
    Function,
    Grow,
    If,
    IndexCheck,
    Invoke,
    Keep,
    Load,
    Logic,
    MatMul,
    Pop,
    Push,
    Raise,
    Reshape,
    Return,
    Select,
    Span,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    Window,
    ZerosLike,
    blocks,
    children,
    expressions,
    rebuild,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.rename import with_expressions
from srcad.ir.types import INT, kind_of
from srcad.transform.initialise import initialise
from srcad.transform.nest import nest

_MATRIX = 2


class _NotInLanes(Exception):
    """The function holds something that takes one direction at a time."""


def lanes(
    function: Function, given: tuple[Var | str, ...], spared: int, names: Names
) -> Function | None:
    """The function with lanes in the tangents ``given`` and in all but ``spared`` of its results.

    None if it has to be run for each direction.
    """
    if not given:
        return None
    try:
        return _Spreader(function, given, spared, names).function()
    except _NotInLanes:
        return None


class _Spreader:
    def __init__(
        self, function: Function, given: tuple[Var | str, ...], spared: int, names: Names
    ) -> None:
        self.whole = function
        self.spared = spared
        self.given = tuple(g if isinstance(g, str) else g.name for g in given)
        self.names = names
        self.ranks = dict(function.arrays)
        """dtype and rank without lanes."""
        self.arrays = dict(function.arrays)
        self.sites = points_to(function.body, set(function.arrays))
        self.strided = strided_names(function.body)
        self.spread = dependents(function.body, set(self.given), self.sites)
        """Scalars and arrays that have lanes."""
        self.flat = {s.target for s in statements(function.body) if isinstance(s, Stack)}
        self.flat &= self.spread
        """Stacks, in which the lanes of a slot follow one another."""
        self._require_alone()
        self.lanes = Var(names.fresh("lanes"), INT)
        self.lane = Var(names.fresh("lane"), INT)
        self.out: list[Stmt] = []
        self.group: list[Stmt] = []
        """Statements that share a loop over the lanes, which is not closed yet."""
        self.needed: set[str] = set()
        """What these read."""
        self.after: list[Stmt] = []
        """Statements of the program since then."""
        self.changed: set[str] = set()
        """What those write."""
        self.is_guarded = False
        """Whether one of those is a check."""

    def function(self) -> Function:
        function, lanes = self.whole, self.lanes
        body = self.block(function.body)
        kinds = {p.name: p.kind for p in function.parameters if isinstance(p, Var)}
        kinds |= {n: v.kind for n, v in variables(body).items()}
        arrays = {n for n in self.spread if n in self.ranks}
        scalars = self.spread - arrays
        arrays -= self.flat
        self.arrays |= {n: (self.ranks[n][0], self.ranks[n][1] + 1) for n in arrays}
        loops = [s for s in statements(body) if isinstance(s, For) and s.var == self.lane]
        early = {name for loop in loops for name in exposed(loop.body)}
        stored = scalars & (early | set(self.given))
        self.arrays |= {n: (kinds[n], 1) for n in stored}
        first = self.given[0]
        head: list[Stmt] = [Assign(lanes, Extent(first, self.arrays[first][1] - 1))]
        written = {n for s in statements(body) for n in writes_of(s)}
        for name in sorted(stored):
            if name not in self.given:
                head.append(Alloc(name, (lanes,), kinds[name]))
            elif name in written:  # the caller's array
                head.append(Copy(name, name))
        placed = _Placed(self.spread, stored, self.flat, self.lane, self.lanes)
        parameters = tuple(
            p.name if isinstance(p, Var) and p.name in self.given else p
            for p in function.parameters
        )
        body = (*head, *placed.outside(body))
        made = replace(function, parameters=parameters, body=body, arrays=self.arrays)
        return initialise(made)

    def _require_alone(self) -> None:
        """A stack is its own array only, of which nobody asks the length."""
        for name, found in self.sites.items():
            self._require(not found & self.flat or name in self.flat)
        for stmt in statements(self.whole.body):
            if isinstance(stmt, Copy):
                self._require(stmt.source not in self.flat)
            read = (e for x in expressions(stmt) for e in walk(x))
            self._require(not any(isinstance(e, Extent) and e.array in self.flat for e in read))

    # ------------------------------------------------------------ statements

    def block(self, block: Block) -> Block:
        """The statements of a block, those of tangents in loops over the lanes."""
        outer, self.out = self.out, []
        for stmt in block:
            match stmt:
                case Assign() if stmt.target.name in self.spread:
                    self._join(stmt)
                case Store() if stmt.array in self.spread:
                    self._require(not any(map(self._has_lanes, stmt.index)))
                    self._join(stmt)
                case Assign() | Store() | Comment() | Check() | IndexCheck() | Raise():
                    self._require(not any(map(self._has_lanes, expressions(stmt))))
                    self._pass(stmt)
                case Return():
                    self._return(stmt)
                case _:
                    self._close()
                    self.out += self._other(stmt)
        self._close()
        made, self.out = tuple(self.out), outer
        return made

    def _require(self, holds: bool) -> None:
        if not holds:
            raise _NotInLanes

    def _has_lanes(self, expr: Expr) -> bool:
        return any(
            (isinstance(e, Var) and e.name in self.spread)
            or (isinstance(e, Load) and e.array in self.spread)
            for e in walk(expr)
        )

    def _contents(self, array: str) -> set[str]:
        return {f"@{site}" for site in self.sites.get(array, frozenset((array,)))}

    def _pass(self, stmt: Stmt) -> None:
        """A statement of the program, after the loop that is open."""
        if not self.group:
            self.out.append(stmt)
            return
        self.after.append(stmt)
        self.is_guarded |= isinstance(stmt, Check | IndexCheck | Raise)
        self.changed |= set(writes_of(stmt))
        if isinstance(stmt, Store):
            self.changed |= self._contents(stmt.array)

    def _join(self, stmt: Stmt) -> None:
        """A tangent, in the loop that is open if no statement since then stands in the way.

        The tangent moves up to the loop or else the loop down to the tangent. No tangent moves
        over the check of an index.
        """
        loads = (e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load))
        reads = reads_of(stmt).union(*map(self._contents, loads))
        if self.group and (self.is_guarded or reads & self.changed):
            if self.needed & self.changed:
                self._close()
            else:
                self._settle()
        self.group.append(stmt)
        self.needed |= reads

    def _settle(self) -> None:
        """Let what came after the loop that is open come before it."""
        self.out += self.after
        self.after, self.changed, self.is_guarded = [], set(), False

    def _close(self) -> None:
        if self.group:
            known: dict[Expr, Var] = {}
            body = tuple(
                with_expressions((s,), lambda e: self._ahead(e, known))[0] for s in self.group
            )
            self.out.append(self._loop(body))
        self.group, self.needed = [], set()
        self._settle()

    def _loop(self, body: Iterable[Stmt]) -> For:
        return For(self.lane, ZERO, self.lanes, ONE, tuple(body))

    def _ahead(self, expr: Expr, known: dict[Expr, Var], is_certain: bool = True) -> Expr:
        """The expression with what is the same for all lanes computed in front of their loop.

        What may not be evaluated (not ``is_certain``) stays where it is; but elements that only a
        zero tangent makes superfluous exist.
        """
        if not self._has_lanes(expr):
            if isinstance(expr, Load) or (is_certain and _is_dear(expr)):
                if expr not in known:
                    var = Var(self.names.fresh("a"), expr.kind)
                    self.out.append(Assign(var, expr))
                    if not isinstance(expr, Load):
                        return var
                    known[expr] = var
                return known[expr]
            if is_certain:
                return expr
        match expr:
            case Select(strong=True):
                test = self._ahead(expr.test, known, is_certain)
                return replace(expr, test=test, a=self._ahead(expr.a, known, False))
            case Select():
                return replace(expr, test=self._ahead(expr.test, known, is_certain))
            case Logic():
                first = self._ahead(expr.items[0], known, is_certain)
                return replace(expr, items=(first, *expr.items[1:]))
        parts = children(expr)
        return (
            rebuild(expr, tuple(self._ahead(e, known, is_certain) for e in parts))
            if parts
            else expr
        )

    def _other(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case For() | While() | If():
                self._require(not any(map(self._has_lanes, expressions(stmt))))
                return [with_blocks(stmt, tuple(map(self.block, blocks(stmt))))]
            case Alloc() | Tape() | Reshape() if stmt.target in self.spread:
                return [replace(stmt, shape=(*stmt.shape, self.lanes))]
            case ZerosLike() if (stmt.target in self.spread) != (stmt.source in self.spread):
                dtype, shape = self._like(stmt.source, stmt.target)
                return [Alloc(stmt.target, shape, dtype, True, stmt.at)]
            case Copy() if stmt.target in self.spread and stmt.source not in self.spread:
                return self._repeated(stmt.target, stmt.source)
            case Window() if stmt.target in self.spread:
                _, ndim = self.ranks[stmt.source]
                every = Span(ZERO, Extent(stmt.source, ndim), 1)
                return [replace(stmt, keys=(*stmt.keys, every), order=(*stmt.order, ndim))]
            case Keep() if stmt.target in self.spread:
                return [replace(stmt, ndim=stmt.ndim + 1)]
            case Bind():
                for target, source in zip(stmt.targets, stmt.sources, strict=True):
                    self._require((target in self.spread) == (source in self.spread))
            case Grow() if stmt.target in self.flat:
                return [replace(stmt, top=_times(stmt.top, self.lanes), room=self.lanes)]
            case MatMul() if stmt.target in self.spread:
                return self._product(stmt)
            case Invoke():
                if (reads_of(stmt) | set(stmt.writes) | set(writes_of(stmt))) & self.spread:
                    return self._call(stmt)
            case (
                Copy() | ZerosLike() | Alloc() | Tape() | Stack() | Grow() | Push() | Pop() | Keep()
            ):
                pass
            case _:
                self._require(not reads_of(stmt) & self.spread)
        return [stmt]

    def _like(self, source: str, target: str) -> tuple[str, tuple[Expr, ...]]:
        """dtype and shape of an array like ``source``, with lanes if ``target`` has them."""
        dtype, ndim = self.ranks[source]
        shape = tuple(Extent(source, k) for k in range(ndim))
        return dtype, (*shape, self.lanes) if target in self.spread else shape

    def _repeated(self, target: str, source: str) -> list[Stmt]:
        """An array that has the same elements in all lanes."""
        dtype, shape = self._like(source, target)
        kind = kind_of(dtype)

        def fill(at: tuple[Expr, ...]) -> list[Stmt]:
            return [self._loop([Store(target, at, Load(source, at, kind))])]

        return [Alloc(target, shape, dtype), *nest(self.names, source, len(shape) - 1, fill)]

    def _return(self, stmt: Return) -> None:
        """Values as they are, of tangents arrays of the function's own."""
        items: list[Expr | str] = list(stmt.items[: self.spared])
        made: list[Stmt] = []
        for item in stmt.items[self.spared :]:
            if item in self.spread and item not in (*items, *self.given):
                items.append(item)
                continue
            name = item if isinstance(item, str) else getattr(item, "name", "")
            out = self.names.fresh(f"{name}_out" if name else "result_d")
            items.append(out)
            if isinstance(item, str):
                self.ranks[out] = self.arrays[out] = self.ranks[item]
                self.spread.add(out)
                is_own = item in self.spread
                made += [Copy(out, item)] if is_own else self._repeated(out, item)
            else:
                self.ranks[out] = self.arrays[out] = item.kind, 0
                self.spread.add(out)
                self.out.append(Alloc(out, (self.lanes,), item.kind))
                self._join(Store(out, (), item))
        self._close()
        self.out += [*made, replace(stmt, items=tuple(items))]

    # ------------------------------------------------------------ as a whole

    def _product(self, stmt: MatMul) -> list[Stmt]:
        """Of a product all lanes at once where they are columns of one matrix."""
        a_spread, b_spread = stmt.a in self.spread, stmt.b in self.spread
        if not a_spread and not b_spread:
            share = self._array("share", self.ranks[stmt.target])
            return [replace(stmt, target=share), *self._repeated(stmt.target, share)]
        rows, columns = self.ranks[stmt.a][1], self.ranks[stmt.b][1]
        if stmt.batch is not None or {stmt.a, stmt.b} & self.spread & self.strided:
            return self._each(stmt, {stmt.target: stmt.target})
        if b_spread and columns == 1:
            return [stmt]
        if b_spread and not stmt.tb:
            return self._side_by_side(stmt, rows)
        if a_spread and rows == 1:
            return [
                replace(stmt, a=stmt.b, b=stmt.a, ta=not stmt.tb, tb=False, ca=stmt.cb, cb=stmt.ca)
            ]
        if a_spread and columns == 1 and not (stmt.ca or stmt.cb):
            return self._rows_by(stmt)
        return self._each(stmt, {stmt.target: stmt.target})

    def _side_by_side(self, stmt: MatMul, rows: int) -> list[Stmt]:
        """``a @ b`` where the lanes of b are further columns."""
        dtype, _ = self.ranks[stmt.b]
        flat, made = self._array(stmt.b, (dtype, 2)), self._array("share", (dtype, rows))
        wide = Binary("*", Extent(stmt.b, 1), self.lanes, INT)
        shape: tuple[Expr, ...] = (Extent(stmt.b, 1), self.lanes)
        if rows == _MATRIX:
            shape = (Extent(made, 0), *shape)
        return [
            Reshape(flat, stmt.b, (Extent(stmt.b, 0), wide)),
            replace(stmt, target=made, b=flat),
            Reshape(stmt.target, made, shape),
        ]

    def _rows_by(self, stmt: MatMul) -> list[Stmt]:
        """``a @ b`` of a matrix with lanes and a vector, element by element."""
        dtype, _ = self.ranks[stmt.target]
        place = Extent(stmt.a, 1 if stmt.ta else 0)

        def add(at: tuple[Expr, ...]) -> list[Stmt]:
            i, j = at[::-1] if stmt.ta else at
            factor = Var(self.names.fresh("a"), dtype)
            term = times(Load(stmt.a, at, dtype), factor)
            total = accumulate(Load(stmt.target, (i,), dtype), term)
            return [
                Assign(factor, Load(stmt.b, (j,), dtype)),
                self._loop([Store(stmt.target, (i,), total)]),
            ]

        made = Alloc(stmt.target, (place, self.lanes), dtype, True, stmt.at)
        return [made, *nest(self.names, stmt.a, _MATRIX, add)]

    def _call(self, stmt: Invoke) -> list[Stmt]:
        """A function that a rule calls, for one lane after the other."""
        targets = {t for t in stmt.targets if isinstance(t, str)}
        self._require(stmt.ruled and stmt.pushforward is None)
        self._require(targets | set(stmt.writes) <= self.spread)
        if stmt.function == "np.linalg.solve":
            matrix, right = stmt.args
            if matrix not in self.spread and right not in self.strided:
                return self._solved(stmt)
        return self._each(stmt, {t: self._array(t, self.ranks[t]) for t in sorted(targets)})

    def _solved(self, stmt: Invoke) -> list[Stmt]:
        """A linear equation with the lanes of its right side as further columns."""
        (target,), (matrix, right) = stmt.targets, stmt.args
        assert isinstance(target, str)
        assert isinstance(right, str)
        dtype, ndim = self.ranks[target]
        found, columns = self._array("share", (dtype, 2)), right
        made: list[Stmt] = []
        if ndim == _MATRIX:
            columns = self._array(right, (dtype, 2))
            wide = Binary("*", Extent(right, 1), self.lanes, INT)
            made.append(Reshape(columns, right, (Extent(right, 0), wide)))
        shape = (*(Extent(right, k) for k in range(ndim)), self.lanes)

        def put(at: tuple[Expr, ...]) -> list[Stmt]:
            start = _times(at[1], self.lanes) if ndim == _MATRIX else ZERO
            item = Load(found, (at[0], add(start, self.lane)), kind_of(dtype))
            return [self._loop([Store(target, at, item)])]

        return [
            *made,
            replace(stmt, targets=(found,), args=(matrix, columns)),
            Alloc(target, shape, dtype),
            *nest(self.names, right, ndim, put),
        ]

    def _each(self, stmt: MatMul | Invoke, made: dict[str, str]) -> list[Stmt]:
        """A statement for one lane after the other, on copies of the lane of each array."""
        front: list[Stmt] = []
        back: list[Stmt] = []
        own: dict[str, str] = {}

        def part(array: str) -> str:
            if array not in self.spread:
                return array
            if array not in own:
                dtype, ndim = self.ranks[array]
                view, own[array] = (self._array(array, (dtype, ndim)) for _ in range(2))
                spans = tuple(Span(ZERO, Extent(array, k), 1) for k in range(ndim))
                front.append(Window(view, array, (*spans, self.lane), tuple(range(ndim))))
                front.append(Copy(own[array], view))
            return own[array]

        def put(array: str, found: str) -> None:
            dtype, ndim = self.ranks[array]
            kind = kind_of(dtype)
            back.extend(
                nest(self.names, found, ndim, lambda at: [Store(array, at, Load(found, at, kind))])
            )

        def fresh(array: str) -> str:
            dtype, ndim = self.ranks[array]
            found = self._array(array, (dtype, ndim))
            shape = (*(Extent(found, k) for k in range(ndim)), self.lanes)
            back.append(If(compare("==", self.lane, ZERO), (Alloc(array, shape, dtype),)))
            put(array, found)
            return found

        if isinstance(stmt, MatMul):
            a, b = part(stmt.a), part(stmt.b)
            done: Stmt = replace(stmt, target=fresh(stmt.target), a=a, b=b)
            return [self._loop([*front, done, *back])]
        args = tuple(part(a) if isinstance(a, str) else a for a in stmt.args)
        targets: list[Var | str] = []
        for target in stmt.targets:
            if isinstance(target, str):
                targets.append(fresh(target))
            else:
                self._require(target.name in self.spread)
                found = replace(target, name=self.names.fresh(target.name))
                targets.append(found)
                back.append(Assign(target, found))
        for array in stmt.writes:
            put(array, own[array])
        writes = tuple(own[w] for w in stmt.writes)
        done = replace(stmt, targets=tuple(targets), args=args, writes=writes)
        return [self._loop([*front, done, *back])]

    def _array(self, base: str, type_: tuple[str, int]) -> str:
        """A new array without lanes."""
        name = self.names.fresh(base)
        self.arrays[name] = type_
        return name


class _Placed:
    """Gives each mention of what has lanes, in a loop over them, its place: ``x_d[i, lane]``."""

    def __init__(
        self, spread: set[str], stored: set[str], flat: set[str], lane: Var, lanes: Var
    ) -> None:
        self.spread = spread
        self.stored = stored
        """Scalars that have an array; the others are scalars of one iteration."""
        self.flat = flat
        self.lane = lane
        self.lanes = lanes

    def outside(self, block: Block) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            is_loop = isinstance(stmt, For) and stmt.var == self.lane
            parts = tuple(map(self.inside if is_loop else self.outside, blocks(stmt)))
            out.append(with_blocks(stmt, parts) if parts else stmt)
        return tuple(out)

    def inside(self, block: Block) -> Block:
        return tuple(map(self.statement, block))

    def statement(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Assign() if stmt.target.name in self.stored:
                return Store(stmt.target.name, (self.lane,), self.expr(stmt.value), at=stmt.at)
            case Assign():
                return replace(stmt, value=self.expr(stmt.value))
            case Store() if stmt.array in self.spread:
                index = self.place(stmt.array, stmt.index)
                return replace(stmt, index=index, value=self.expr(stmt.value))
            case Invoke():
                args = tuple(a if isinstance(a, str) else self.expr(a) for a in stmt.args)
                return replace(stmt, args=args)
        parts = tuple(map(self.inside, blocks(stmt)))
        return with_blocks(stmt, parts) if parts else stmt

    def place(self, array: str, index: tuple[Expr, ...]) -> tuple[Expr, ...]:
        if array in self.flat:
            return (add(_times(index[0], self.lanes), self.lane),)
        return (*map(self.expr, index), self.lane)

    def expr(self, expr: Expr) -> Expr:
        match expr:
            case Var() if expr.name in self.stored:
                return Load(expr.name, (self.lane,), expr.kind)
            case Load() if expr.array in self.spread:
                return replace(expr, index=self.place(expr.array, expr.index))
        parts = children(expr)
        return rebuild(expr, tuple(map(self.expr, parts))) if parts else expr


def _times(slot: Expr, lanes: Var) -> Expr:
    return Binary("*", slot, lanes, INT)


def _is_dear(expr: Expr) -> bool:
    """Whether an expression is worth a name: more than a few operations on scalars."""
    return any(
        isinstance(e, Load | Call) or (isinstance(e, Binary) and e.op in ("/", "**"))
        for e in walk(expr)
    )
