"""Forward mode: beside each statement the one that computes the tangent of what it computes.

A value and its tangent are carried along together, in the order of the program, so that nothing is
saved: ``x_d`` is the tangent of ``x``, an array ``u`` has the array ``u_d`` of its shape, and what
is done to array names is done to those of their tangents. From ::

    y = math.exp(x) * x
    u[i] = y

comes ::

    y_1 = math.exp(x)
    y_d = y_1 * x_d * x + y_1 * x_d
    y = y_1 * x
    u_d[i] = y_d
    u[i] = y

The partial derivatives are those of reverse mode. A tangent that is zero wins over a partial that
is infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from srcad.analysis.activity import carriers
from srcad.analysis.flow import assigned
from srcad.errors import UnsupportedError
from srcad.ir.build import (
    PARTS,
    accumulate,
    compare,
    conjugate,
    converted,
    join_kinds,
    literal,
    logic,
    negate,
    real,
    real_part,
    times,
)
from srcad.ir.names import Names, value_name
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
    Grow,
    Invoke,
    Keep,
    Load,
    Logic,
    MatMul,
    Pop,
    Push,
    Pushforward,
    Reshape,
    Return,
    Select,
    Stack,
    Stmt,
    Store,
    Tape,
    Unary,
    Var,
    Window,
    ZerosLike,
    blocks,
    names_read,
    rebuild,
    walk,
    with_blocks,
)
from srcad.ir.rename import renamed
from srcad.ir.types import is_complex, is_inexact
from srcad.position import NOWHERE, Position
from srcad.rules.library import Rule, rule_named
from srcad.rules.template import instantiate, is_unknown, reads_result
from srcad.transform.nest import nest
from srcad.transform.partials import (
    EXTREMES,
    extreme_share,
    is_cheap,
    is_natural,
    power_factor,
    strong,
)

Made = Alloc | Copy | ZerosLike | Window | Reshape | Tape | Stack | Grow | Keep | Push
"""Statements that make an array, or a list of arrays, or write to one as a whole."""

Result = Callable[[Expr], Var]
"""Gives the value of an expression to the variable that it is computed for, and returns that."""


class Forward:
    """Writes the tangents of one program."""

    extra: tuple[str, ...] = ()
    """What the functions of the module take beside values and tangents."""

    def __init__(
        self,
        arrays: dict[str, tuple[str, int]],
        active: set[str],
        names: Names,
        values: bool = True,
    ) -> None:
        self.arrays = arrays
        self.active = active
        self.names = names
        self.values = values
        """Whether what the program returns is returned too, before its tangents."""
        self.dots: dict[str, str] = {}
        self.at = NOWHERE
        self.out: list[Stmt] = []

    def dot(self, name: str) -> str:
        """The tangent of a scalar or an array, by name."""
        if name not in self.dots:
            self.dots[name] = self.names.fresh(f"{name}_d")
            if name in self.arrays:
                self.arrays[self.dots[name]] = self.type_of(name)
        return self.dots[name]

    def type_of(self, array: str) -> tuple[str, int]:
        """The dtype and rank of the tangent of an array."""
        return self.arrays[array]

    def dot_var(self, var: Var) -> Var:
        """The tangent of a scalar."""
        return Var(self.dot(var.name), var.kind)

    def zeros(self, target: str, source: str, at: Position = NOWHERE) -> Stmt:
        """Zeros as the tangent of an array that has the shape of ``source``."""
        return ZerosLike(target, source, at)

    # ------------------------------------------------------------ statements

    def block(self, block: Block) -> Block:
        """The statements of a block, each with the tangent of what it computes."""
        outer, self.out = self.out, []
        for stmt in block:
            self.at = stmt.at
            self._statement(stmt)
        made, self.out = tuple(self.out), outer
        return made

    def _statement(self, stmt: Stmt) -> None:
        match stmt:
            case Assign() if stmt.target.name in self.active and is_inexact(stmt.target.kind):
                self._assign(stmt)
            case Store() if stmt.array in self.active and is_inexact(stmt.value.kind):
                self._store(stmt)
            case Invoke():
                self._invoke(stmt)
            case MatMul() if stmt.target in self.active:
                self._product(stmt)
            case _ if isinstance(stmt, Made) and stmt.target in self.active:
                self._on_tangents(stmt)
            case Pop() if stmt.source in self.active:
                array, source = self.dot(stmt.array), self.dot(stmt.source)
                self.out += [replace(stmt, array=array, source=source), stmt]
            case Return():
                self._return(stmt)
            case Bind():
                pairs = zip(stmt.targets, stmt.sources, strict=True)
                moved = [(self.dot(t), self.dot(s)) for t, s in pairs if t in self.active]
                self.out.append(stmt)
                if moved:
                    targets, sources = zip(*moved, strict=True)
                    self.out.append(replace(stmt, targets=targets, sources=sources))
            case _:
                parts = tuple(self.block(b) for b in blocks(stmt))
                self.out.append(with_blocks(stmt, parts) if parts else stmt)

    def _on_tangents(self, stmt: Made) -> None:
        """What is done to an array, done to its tangent too."""
        target = self.dot(stmt.target)
        if isinstance(stmt, Push):
            self.out += [replace(stmt, target=target, array=self.dot(stmt.array)), stmt]
        elif isinstance(stmt, Alloc | Tape | Stack | Grow | Keep):
            self.out += [replace(stmt, target=target), stmt]
        elif isinstance(stmt, ZerosLike):
            self.out += [stmt, replace(stmt, target=target)]
        elif stmt.source not in self.active:
            self.out += [stmt, self.zeros(target, stmt.target, stmt.at)]
        else:
            self.out += [replace(stmt, target=target, source=self.dot(stmt.source)), stmt]

    def _assign(self, stmt: Assign) -> None:
        target = stmt.target
        done = False

        def give(value: Expr) -> Var:
            nonlocal done
            done = True
            self.out.append(Assign(target, value, stmt.at))
            return target

        result = None if target.name in names_read(stmt.value) else give
        value, tangent = self._dual(stmt.value, result)
        tangent = self._of_kind(tangent, target.kind)
        if tangent != self.dot_var(target):
            self.out.append(Assign(self.dot_var(target), tangent, stmt.at))
        if not done:
            self.out.append(replace(stmt, value=value))

    def _store(self, stmt: Store) -> None:
        value, tangent = self._dual(stmt.value)
        place = Load(self.dot(stmt.array), stmt.index, stmt.value.kind)
        tangent = self._of_kind(tangent, stmt.value.kind)
        if tangent != place:
            self.out.append(replace(stmt, array=place.array, value=tangent))
        self.out.append(replace(stmt, value=value))

    def _return(self, stmt: Return) -> None:
        """The values, and then the tangents of those that are floats."""
        values: list[Expr | str] = []
        tangents: list[Expr | str] = []
        for item in stmt.items:
            value, change = self._argument(item)
            values.append(value)
            if change is not None:
                tangents.append(change)
        items = (*values, *tangents) if self.values else tuple(tangents)
        self.out.append(replace(stmt, items=items))

    def _of_kind(self, tangent: Expr | None, kind: str) -> Expr:
        if tangent is None:
            return literal(0.0, kind)
        if is_complex(tangent.kind) and not is_complex(kind):
            return real_part(tangent)
        return converted(tangent, kind)

    def _product(self, stmt: MatMul) -> None:
        """``c_d = a_d @ b + a @ b_d``."""
        target = self.dot(stmt.target)
        terms = [
            replace(stmt, **{side: self.dot(factor)})
            for side, factor in (("a", stmt.a), ("b", stmt.b))
            if factor in self.active
        ]
        if not terms:
            self.out += [stmt, self.zeros(target, stmt.target, stmt.at)]
            return
        self.out.append(replace(terms[0], target=target))
        dtype, ndim = self.arrays[stmt.target]
        for term in terms[1:]:
            other = self.names.fresh("share")
            self.arrays[other] = dtype, ndim
            self.out.append(replace(term, target=other))

            def add(at: tuple[Expr, ...], other: str = other) -> list[Stmt]:
                place = Load(target, at, dtype)
                return [Store(target, at, accumulate(place, Load(other, at, dtype)))]

            self.out += nest(self.names, target, ndim, add)
        self.out.append(stmt)

    # ------------------------------------------------------------ calls

    def _invoke(self, stmt: Invoke) -> None:
        """A call that is not inlined: by its rule, or of the function that carries tangents too."""
        if not stmt.function:  # acts on adjoints only
            return
        written = {t if isinstance(t, str) else t.name for t in stmt.targets} | set(stmt.writes)
        if not written & self.active:
            self.out.append(stmt)
        elif stmt.pushforward is not None:
            self._by_rule(stmt, stmt.pushforward)
        elif stmt.ruled:
            raise UnsupportedError(
                f"{stmt.function} has a rule for reverse mode only",
                stmt.at,
                "declare the tangent of its result with @srcad.rule.pushforward",
            )
        else:
            self._with_tangents(stmt)

    def _with_tangents(self, stmt: Invoke) -> None:
        args: list[Expr | str] = []
        tangents: list[Expr | str] = []
        for k, arg in enumerate(stmt.args):
            value, tangent = self._argument(arg)
            args.append(value)
            if k < stmt.count and tangent is not None:
                tangents.append(tangent)
        targets: list[Var | str] = list(stmt.targets)
        for t in stmt.targets:
            if isinstance(t, str):
                if is_inexact(self.arrays[t][0]):
                    targets.append(self.dot(t))
            elif is_inexact(t.kind):
                targets.append(self.dot_var(t))
        writes = (*stmt.writes, *(self.dot(w) for w in stmt.writes if w in self.active))
        self.out.append(
            replace(
                stmt,
                targets=tuple(targets),
                function=f"{stmt.function}_tangent",
                args=(*args, *tangents),
                writes=writes,
            )
        )

    def _argument(self, arg: Expr | str) -> tuple[Expr | str, Expr | str | None]:
        """An argument and its tangent; None for what carries none."""
        if isinstance(arg, str):
            if not is_inexact(self.arrays[arg][0]):
                return arg, None
            return arg, self._tangent_of(arg)
        value, tangent = self._dual(arg)
        if not is_inexact(arg.kind):
            return value, None
        return value, self._of_kind(tangent, arg.kind)

    def _tangent_of(self, array: str) -> str:
        """The tangent of an array that a call is given; zeros for one that is not active."""
        if array in self.active:
            return self.dot(array)
        scratch = self.names.fresh(f"{array}_d")
        self.arrays[scratch] = self.type_of(array)
        self.out.append(self.zeros(scratch, array))
        return scratch

    def _by_rule(self, stmt: Invoke, rule: Pushforward) -> None:
        """What a rule says, with the names of this call."""
        names: dict[str, str] = {}
        args: list[Expr | str] = []
        for given, stand, moving in zip(stmt.args, rule.args, rule.tangents, strict=True):
            value, tangent = self._argument(given)
            args.append(value)
            self._stand_in(stand, value, names)
            if moving is not None and tangent is not None:
                self._stand_in(moving, tangent, names)
        for target, stand, output in zip(stmt.targets, rule.results, rule.outputs, strict=True):
            self._stand_in(stand, target, names)
            if isinstance(output, str):
                assert isinstance(target, str)
                names[output] = self.dot(target)
            elif output is not None:
                assert isinstance(target, Var)
                names[output.name] = self.dot(target.name)
        self.out.append(replace(stmt, args=tuple(args)))
        found = {n: self.names.write(n) for n in sorted(assigned(rule.body) - set(names))}
        self.arrays |= {new: self.arrays[n] for n, new in found.items() if n in self.arrays}
        self.out += renamed(rule.body, names | found)
        for target, output in zip(stmt.targets, rule.outputs, strict=True):
            if output is not None:
                continue
            if isinstance(target, Var):
                if is_inexact(target.kind):
                    self.out.append(Assign(self.dot_var(target), literal(0.0, target.kind)))
            elif is_inexact(self.arrays[target][0]):
                self.out.append(ZerosLike(self.dot(target), target))

    def _stand_in(self, stand: Var | str, given: Expr | str, names: dict[str, str]) -> None:
        """Let a name of a rule be that of a call, or hold its expression."""
        own = stand if isinstance(stand, str) else stand.name
        if isinstance(given, str):
            names[own] = given
        elif isinstance(given, Var):
            names[own] = given.name
        else:
            assert isinstance(stand, Var)
            names[own] = self.names.write(own)
            self.out.append(Assign(replace(stand, name=names[own]), given))

    # ------------------------------------------------------------ expressions

    def _name(self, expr: Expr, base: str) -> Expr:
        """A variable that holds an expression."""
        if isinstance(expr, Var | Const):
            return expr
        var = Var(self.names.fresh("t_d" if base == "seed" else base), expr.kind)
        self.out.append(Assign(var, expr))
        return var

    def _result(self, expr: Expr, result: Result | None) -> Expr:
        """The value of an expression under a name."""
        return self._name(expr, value_name(expr)) if result is None else result(expr)

    def _held(self, expr: Expr) -> Expr:
        """A value that is used twice: under a name, if it is dear."""
        dear = any(
            isinstance(e, Call) or (isinstance(e, Binary) and e.op in "/**") for e in walk(expr)
        )
        return self._name(expr, "a") if dear else expr

    def _dual(self, expr: Expr, result: Result | None = None) -> tuple[Expr, Expr | None]:
        """The value of an expression and its tangent; None for a tangent that is zero.

        ``result`` may be used to give the value a name at once.
        """
        if not is_inexact(expr.kind) or not carriers(expr) & self.active:
            return expr, None
        match expr:
            case Var():
                return expr, self.dot_var(expr)
            case Load():
                return expr, Load(self.dot(expr.array), expr.index, expr.kind)
            case Unary():
                x, tangent = self._dual(expr.x)
                if tangent is not None and expr.op == "-":
                    tangent = negate(tangent)
                return replace(expr, x=x), tangent
            case Binary(op="+" | "-"):
                return self._sum(expr)
            case Binary(op="*"):
                return self._times(expr)
            case Binary(op="/"):
                return self._divide(expr, result)
            case Binary(op="**", b=Const()):
                return self._power(expr)
            case Select():
                return self._select(expr)
            case Binary() | Call():
                return self._by_partials(expr, result)
        raise UnsupportedError(f"no derivative is known for this {type(expr).__name__}", self.at)

    def _sum(self, expr: Binary) -> tuple[Expr, Expr | None]:
        a, a_d = self._dual(expr.a)
        b, b_d = self._dual(expr.b)
        if b_d is not None and expr.op == "-":
            b_d = negate(b_d)
        return replace(expr, a=a, b=b), _plus(a_d, b_d)

    def _times(self, expr: Binary) -> tuple[Expr, Expr | None]:
        if expr.a == expr.b:
            a, a_d = self._dual(expr.a)
            a = self._held(a)
            two = times(real(2.0, expr.kind), a)
            return replace(expr, a=a, b=a), None if a_d is None else times(two, a_d)
        a, a_d = self._dual(expr.a)
        b, b_d = self._dual(expr.b)
        a = a if b_d is None else self._held(a)
        b = b if a_d is None else self._held(b)
        left = None if a_d is None else times(a_d, b)
        right = None if b_d is None else times(a, b_d)
        return replace(expr, a=a, b=b), _plus(left, right)

    def _divide(self, expr: Binary, result: Result | None) -> tuple[Expr, Expr | None]:
        """``(a / b)_d = (a_d - (a / b) * b_d) / b``."""
        a, a_d = self._dual(expr.a)
        b, b_d = self._dual(expr.b)
        b = self._held(b)
        value: Expr = replace(expr, a=a, b=b)
        if b_d is None:
            if a_d is None:
                return value, None
            one = Binary("/", real(1.0, expr.kind), b, expr.kind)
            return value, strong(one, a_d, not isinstance(b, Const), self._name)
        value = self._result(value, result)
        held = [t if is_cheap(t) else self._name(t, "seed") for t in (a_d, b_d) if t is not None]
        top = _plus(held[0] if a_d is not None else None, negate(times(value, held[-1])))
        assert top is not None
        tests = tuple(compare("!=", t, literal(0.0, t.kind)) for t in held)
        quotient = Binary("/", top, b, expr.kind)
        zero = literal(0.0, expr.kind)
        return value, Select(logic("or", tests), quotient, zero, expr.kind, strong=True)

    def _power(self, expr: Binary) -> tuple[Expr, Expr | None]:
        assert isinstance(expr.b, Const)
        match expr.a:
            case Call(function="abs", args=(z,)) if is_complex(z.kind) and expr.b.value == 2:
                z, z_d = self._dual(z)
                z = self._held(z)
                value = replace(expr, a=replace(expr.a, args=(z,)))
                if z_d is None:
                    return value, None
                return value, times(real(2.0, expr.kind), real_part(times(conjugate(z), z_d)))
        a, a_d = self._dual(expr.a)
        a = self._held(a)
        value = replace(expr, a=a)
        factor = power_factor(a, expr.b)
        if factor is None or a_d is None:
            return value, None
        return value, strong(factor, a_d, not is_natural(expr.b.value), self._name)

    def _select(self, expr: Select) -> tuple[Expr, Expr | None]:
        a, a_d = self._dual(expr.a)
        b, b_d = self._dual(expr.b)
        value = replace(expr, a=a, b=b)
        if a_d is None and b_d is None:
            return value, None
        kind = expr.kind
        if expr.strong:
            assert a_d is not None
            test = logic("or", (expr.test, *self._changes(expr.test)))
            return value, Select(test, self._of_kind(a_d, kind), literal(0.0, kind), kind, True)
        return value, Select(expr.test, self._of_kind(a_d, kind), self._of_kind(b_d, kind), kind)

    def _changes(self, test: Expr) -> list[Expr]:
        """Whether the numbers that a test compares with zero change."""
        if isinstance(test, Logic):
            return [t for item in test.items for t in self._changes(item)]
        assert isinstance(test, Compare)
        _, tangent = self._dual(test.a)
        return [] if tangent is None else [compare("!=", tangent, literal(0.0, tangent.kind))]

    def _by_partials(self, expr: Binary | Call, result: Result | None) -> tuple[Expr, Expr | None]:
        """An operation that has a rule."""
        operator = expr.op if isinstance(expr, Binary) else expr.function
        given = (expr.a, expr.b) if isinstance(expr, Binary) else expr.args
        duals = [self._dual(a) for a in given]
        live = [k for k, (_, t) in enumerate(duals) if t is not None]
        args = tuple(self._held(v) for v, _ in duals) if live else tuple(v for v, _ in duals)
        value: Expr = (
            replace(expr, a=args[0], b=args[1])
            if isinstance(expr, Binary)
            else replace(expr, args=args)
        )
        tangents = [t for _, t in duals]
        if operator == "complex" and len(args) == 1:
            return value, None if tangents[0] is None else converted(tangents[0], expr.kind)
        rule = rule_named(operator)
        complexes = is_complex(expr.kind) or any(is_complex(a.kind) for a in args)
        if rule is not None and rule.adjoint and complexes:
            return self._by_adjoint(value, operator, rule, args, tangents, result)
        if rule is None or rule.partials is None:
            raise UnsupportedError(f"no derivative is known for {operator}", self.at)
        if not live:
            return value, None
        if operator in EXTREMES:
            held = tuple(self._name(a, "a") for a in args)
            value = rebuild(expr, held)
            total: Expr | None = None
            for k in live:
                tangent = tangents[k]
                assert tangent is not None
                t = tangent if is_cheap(tangent) else self._name(tangent, "seed")
                total = _plus(total, extreme_share(operator, held, live, k, t))
            return value, total
        return self._chained(value, operator, rule, args, tangents, result)

    def _chained(
        self,
        value: Expr,
        operator: str,
        rule: Rule,
        args: tuple[Expr, ...],
        tangents: list[Expr | None],
        result: Result | None,
    ) -> tuple[Expr, Expr | None]:
        """The sum of the partial derivatives, each times the tangent of its argument."""
        assert rule.partials is not None
        live = [k for k, t in enumerate(tangents) if t is not None]
        if any(reads_result(rule.partials, k) for k in live):
            value = self._result(value, result)
        total: Expr | None = None
        for k in live:
            tangent = tangents[k]
            assert tangent is not None
            if is_unknown(rule.partials, k):
                raise UnsupportedError(
                    f"the derivative of {operator} in argument {k} is not known",
                    self.at,
                    "pass a constant there",
                )
            partial = instantiate(rule.partials, k, (value, *args))
            total = _plus(total, strong(partial, tangent, rule.singular, self._name))
        return value, total

    def _by_adjoint(
        self,
        value: Expr,
        operator: str,
        rule: Rule,
        args: tuple[Expr, ...],
        tangents: list[Expr | None],
        result: Result | None,
    ) -> tuple[Expr, Expr | None]:
        """A function of complex numbers that is not holomorphic.

        One that is linear over the real numbers takes the tangents as it takes the values; of one
        with a real value, ``y_d = Re(conj(c) z_d)`` where c is what z receives from the seed 1.
        """
        assert rule.adjoint is not None
        if rule.is_real_linear:
            if all(t is None for t in tangents):
                return value, None
            moved = [
                literal(0.0, a.kind) if t is None else t
                for a, t in zip(args, tangents, strict=True)
            ]
            part = PARTS.get(operator)
            return value, part(moved[0]) if part else Call(operator, tuple(moved), value.kind)
        (arg,), (tangent,) = args, tangents
        if tangent is None:
            return value, None
        if reads_result(rule.adjoint, 0):
            value = self._result(value, result)
        share = instantiate(rule.adjoint, 0, (value, arg, literal(1.0, value.kind)))
        return value, real_part(times(conjugate(share), tangent))


def _is_dear(expr: Expr) -> bool:
    return isinstance(expr, Call) or (isinstance(expr, Binary) and expr.op in ("/", "**"))


def _plus(a: Expr | None, b: Expr | None) -> Expr | None:
    """The sum of two tangents."""
    if a is None or b is None:
        return b if a is None else a
    return replace(accumulate(a, b), kind=join_kinds(a.kind, b.kind))
