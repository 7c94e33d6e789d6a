"""Calls of functions that have a rule of their own: what their pullback says, for this call.

A pullback is elaborated like the user's code, in a scope where its parameters stand for result
and arguments and ``d[x]`` is an adjoint::

    @pullback(np.linalg.inv, "same[:, :]")
    def _(y, a):                      y_b, a_b: the adjoints
        w = y.conj().T
        d[a] -= w @ d[y] @ w          share = w @ y_b @ w; a_b -= share
"""

from __future__ import annotations

import ast
import contextlib
import copy
import types
from collections.abc import Iterator, Sequence
from typing import Any

import gast
import numpy as np

from srcad import inside
from srcad.analysis.alias import points_to
from srcad.analysis.flow import assigned, exposed, reads_of, variables, writes_of
from srcad.callback import callback
from srcad.errors import ArgumentError, SourceNotFoundError, UnsupportedError
from srcad.frontend import arrays, library, scalars, stores
from srcad.frontend.calls import Calls
from srcad.frontend.expressions import Scope
from srcad.frontend.source import FunctionSource, find_source
from srcad.frontend.surgery import stand_in, stopped
from srcad.frontend.values import (
    ArrayValue,
    BoundCall,
    LocalFunction,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import compare, conjugate, join_kinds, literal
from srcad.ir.names import RUNTIME_NAMES, Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Block,
    Check,
    Const,
    Expr,
    Extent,
    IndexCheck,
    Invoke,
    MatMul,
    Pullback,
    Pushforward,
    Select,
    Store,
    Var,
    blocks,
    statements,
    with_blocks,
)
from srcad.ir.types import BOOL, FLOAT, INT, complex_kind, is_complex, is_inexact, real_kind
from srcad.rules.registry import Adjoints, CallRule, Dims, Signature


class Ruled(Calls):
    """Calls whose derivative is given by a rule."""

    def call_ruled(
        self, rule: CallRule, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A call of a function of a library."""
        assert rule.signature is not None
        given = self._by_name(rule, function, values, keywords)
        integers = [n for k, n in enumerate(given) if k in rule.signature.integers]
        kind = _common_kind([v for n, v in given.items() if n not in integers])
        given = {n: self._prepared(v, INT if n in integers else kind) for n, v in given.items()}
        leaves = [leaf for v in given.values() for leaf in _leaves(v)]
        title = rule.name
        if not title.startswith("np.") and title not in RUNTIME_NAMES:
            title = self.b.external(getattr(function, "ctypes", function), title)
        base = self.b.wanted
        lengths = self._lengths(rule.signature, list(given.values()))
        targets = tuple(
            self._target(base, word, dims, lengths, kind) for word, dims in rule.signature.results
        )
        parts = tuple(arrays.whole(self.b, t) if isinstance(t, str) else t for t in targets)
        result = parts[0] if len(parts) == 1 else TupleValue(parts, rule.members)
        pairs = list(given.items())
        back = self.pullback_of(rule, result, pairs, [])
        ahead = self.pushforward_of(rule, function, result, pairs, [])
        many, at = len(leaves), self.b.at
        self.b.emit(Invoke(targets, title, tuple(leaves), (), many, at, back, ahead, ruled=True))
        if title.startswith("np.linalg."):  # compiled, LAPACK's: column by column
            self.b.strided |= {t for t in targets if isinstance(t, str)}
        return result

    def call_special(
        self, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """A call of ``stop_gradient`` or ``on_backward``; None if it is neither."""
        if function is inside.refuse:
            raise self.b.refuse(*(str(v.value) for v in values if isinstance(v, StaticValue)))
        if function is inside.checkpoint:
            raise self.b.refuse(
                "srcad.checkpoint stands in the head of a loop",
                "for t in srcad.checkpoint(range(n), snapshots=10):",
            )
        if function is inside.stop_gradient and len(values) == 1:
            return stopped(self.b, values[0])
        if function is inside.on_backward and len(values) == 2 and not keywords:
            return self._watched(values[0], values[1])
        return super().call_special(function, values, keywords)

    def _watched(self, value: Value, function: Value) -> Value:
        """``value``, whose adjoint passes through a function."""
        value = scalars.operand(self.b, value)
        if "reverse" not in self.shared.modes:
            return value
        if isinstance(value, Expr):
            kept: Value = self.b.store(value, "watched")
            name: Expr | str = kept  # type: ignore[assignment]
        else:
            kept = stand_in(self.b, value, value)
            assert kept.view is not None
            name = kept.view.base
        if not is_inexact(kept.dtype if isinstance(kept, ArrayValue) else kept.kind):  # type: ignore[union-attr]
            return kept
        args = _Stands(self)
        block: list[Any] = []
        with self.b.into(block):
            seed = args.adjoint(args.value(kept, "watched"), "watched")
            share = self._passed(function, seed, block)
            if isinstance(share, StaticValue) and share.value is None:
                pass
            elif isinstance(seed, ArrayValue):
                stores.assign_into(self.b, seed, scalars.operand(self.b, share))
            else:
                found = scalars.operand(self.b, share)
                assert isinstance(seed, Var)
                if not isinstance(found, Expr):
                    raise self.b.refuse("the function of on_backward returns an array for a number")
                self.b.emit(Assign(seed, self.b.convert(found, seed.kind)))
        free = self._free(tuple(block), {n for n in (*args.leaves, *args.bars) if n is not None})
        stands = (*args.leaves, *free)
        bars = (*args.bars, *(None for _ in free))
        rule = Pullback(tuple(block), stands, (), (), bars)
        self.b.emit(Invoke((), "", (name, *free), (), 1, self.b.at, rule))
        return kept

    def _passed(self, function: Value, seed: Value | None, block: list[Any]) -> Value:
        """What a function makes of an adjoint: compiled, or else by a call of Python."""
        assert seed is not None
        if not isinstance(function, LocalFunction | BoundCall) and not (
            isinstance(function, StaticValue) and isinstance(function.value, _FUNCTIONS)
        ):
            raise self.b.refuse(
                "on_backward takes a function of the cotangent",
                "pass a function or a lambda, such as lambda g: seen.append(g)",
            )
        read = dict(self.captures), dict(self.guards), dict(self.objects)
        try:
            return self.call_value(function, [seed], {}, self.scope.source.node)
        except (UnsupportedError, SourceNotFoundError, ArgumentError):
            known = self._python_function(function)
            if known is None:
                raise
        self.captures, self.guards, self.objects = read
        block.clear()
        kind, ndim = (seed.dtype, seed.ndim) if isinstance(seed, ArrayValue) else (seed.kind, 0)  # type: ignore[union-attr]
        made = self._declared(self.b.names.fresh("passed"), kind, ndim) if ndim else None
        target = made or Var(self.b.names.fresh("passed"), kind)
        title = self.b.external(callback(known, kind, ndim), "callback")
        self.b.emit(Invoke((target,), title, tuple(_leaves(seed)), (), 1, self.b.at))
        if made is None:
            return target  # type: ignore[return-value]
        assert isinstance(seed, ArrayValue)
        self.b.extents[made] = seed.extents
        return arrays.whole(self.b, made, seed.units)

    def _python_function(self, function: Value) -> Any:
        """The Python function that a value is, if it needs nothing of the program; else None."""
        if isinstance(function, StaticValue):
            return function.value if callable(function.value) else None
        if not isinstance(function, LocalFunction):
            return None
        source = self.scope.source
        node = gast.gast_to_ast(function.node)
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        own = {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)}
        if (names - own) & set(self.scope.env) or not isinstance(node, ast.Lambda):
            return None
        space = dict(source.function.__globals__)
        for name in names - own:
            with contextlib.suppress(KeyError):
                space[name] = source.lookup(name)
        body = ast.fix_missing_locations(ast.Expression(node))
        return eval(compile(body, source.file, "eval"), space)

    def _free(self, block: Block, own: set[Var | str]) -> list[Var | str]:
        """What a block reads of the program around it."""
        names = {n if isinstance(n, str) else n.name for n in own}
        found = variables(block)
        outside = exposed(block) | {n for s in statements(block) for n in reads_of(s)}
        outside -= assigned(block) | names
        return [found.get(n, n) for n in sorted(outside)]

    def fits(self, rule: CallRule, values: list[Value], keywords: dict[str, Value]) -> bool:
        """Whether a rule is made for arguments of these ranks and names."""
        if rule.signature is None or rule.pullback is None:
            return True
        code = rule.pullback.__code__
        if len(values) >= code.co_argcount or not set(keywords) <= set(code.co_varnames):
            return False
        pairs = zip(values, rule.signature.arguments, strict=False)
        return all(_rank(v) <= len(dims) for v, dims in pairs)

    def _lengths(self, signature: Signature, values: list[Value]) -> dict[str, Expr]:
        """The length of each axis that the arguments have."""
        found: dict[str, Expr] = {}
        for value, dims in zip(values, signature.arguments, strict=False):
            if not dims and isinstance(value, Expr):
                continue
            if dims and dims[0][0] == "=" and isinstance(value, Expr):
                found[dims[0][1:]] = value
                continue
            if not isinstance(value, ArrayValue) or value.ndim != len(dims):
                given = f"one with {value.ndim}" if isinstance(value, ArrayValue) else "a number"
                wanted = f"an array with {len(dims)} axes" if dims else "a number"
                raise self.b.refuse(f"{wanted} is expected here, not {given}")
            found = dict(zip(dims, value.extents, strict=True)) | found
        return found

    def _by_name(
        self, rule: CallRule, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> dict[str, Value]:
        """The arguments by the names that a rule gives them."""
        assert rule.signature is not None
        named: Any = rule.pullback or rule.partials
        title = rule.name
        names = tuple(f"x{k}" for k in range(len(rule.signature.arguments)))
        if named is not None:
            names = named.__code__.co_varnames[1 : named.__code__.co_argcount]
        if len(values) > len(names):
            raise self.b.refuse(f"{title} takes {len(names)} arguments here, not {len(values)}")
        given = dict(zip(names, values, strict=False))
        for name, value in keywords.items():
            if name not in names or name in given:
                raise self.b.refuse(f"the keyword {name!r} of {title} is not supported")
            given[name] = value
        defaults = getattr(named, "__defaults__", None) or ()
        for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            if name not in given:
                given[name] = self._python_value(default, name)
        missing = [n for n in names if n not in given]
        if missing:
            raise ArgumentError(f"{title} is missing the argument {missing[0]!r}", self.b.here)
        return {n: given[n] for n in names}

    def _prepared(self, value: Value, kind: str) -> Value:
        """An argument of a library function: an array of the common kind, or a number."""
        if isinstance(value, TupleValue):
            value = library.as_array(self.b, value)
        value = scalars.given(self.b, value)
        if isinstance(value, ArrayValue) and value.ndim:
            if value.dtype == kind or (kind == INT and not is_inexact(value.dtype)):
                return arrays.stored(self.b, value, "t")
            return arrays.materialise(self.b, value, "t", kind)
        if isinstance(value, ArrayValue):
            value = value.element(())
        return self.b.hold(value, "a") if isinstance(value, Expr) else value

    def _target(
        self, base: str, word: str, dims: Dims, lengths: dict[str, Expr], kind: str
    ) -> Var | str:
        kind = _KINDS[word](kind)
        name = self.b.names.fresh(base)
        if not dims:
            return Var(name, kind)
        self._declared(name, kind, len(dims))
        own = self.b.extents[name]
        self.b.extents[name] = tuple(lengths.get(n, e) for n, e in zip(dims, own, strict=True))
        return name

    def _declared(self, name: str, dtype: str, ndim: int) -> str:
        self.b.arrays[name] = (dtype, ndim)
        self.b.extents[name] = tuple(Extent(name, k) for k in range(ndim))
        return name

    @contextlib.contextmanager
    def taking(self, modes: tuple[str, ...]) -> Iterator[None]:
        """Read rules for these derivatives, one after the other."""
        saved, self.shared.modes = self.shared.modes, modes
        try:
            yield
        finally:
            self.shared.modes = saved

    # ------------------------------------------------------------ the pullback of one call

    def pullback_of(
        self,
        rule: CallRule,
        result: Value | None,
        given: list[tuple[str, Value]],
        extra: list[Expr | str],
    ) -> Pullback | None:
        """What a rule says for values like these; ``extra`` are arguments that it does not name."""
        if "reverse" not in self.shared.modes:
            return None
        if result is None:
            raise self.b.refuse("a function that has a rule must return its result")
        names = _parameters(rule.pullback or rule.partials, [n for n, _ in given])
        bars = {name: f"d[{name}]" for name in names}
        results, args = _Stands(self), _Stands(self)
        block: list[Any] = []
        with self.b.into(block), self._inside(rule.reverse, "reverse") as scope:
            _place(scope.env, names[0], result, results)
            for name, (_, value) in zip(names[1:], given, strict=True):
                _place(scope.env, name, value, args)
            starts = {n: scope.env[bars[n]] for n in names[1:] if bars[n] in scope.env}
            self._read_rule(rule, scope, names)
            for name, start in starts.items():
                self._accumulated(name, start, scope.env[bars[name]])
            self._require_untouched(block, (*results.leaves, *args.leaves))
        body = tuple(block) if rule.signature is None else _unchecked(tuple(block))
        none = [None] * len(extra)
        return Pullback(
            body,
            (*args.leaves, *map(_itself, extra)),
            tuple(results.leaves),
            tuple(results.bars),
            (*args.bars, *none),
        )

    @contextlib.contextmanager
    def _inside(self, rule: Any, mode: str) -> Iterator[Scope]:
        """A scope of its own, in which a rule is read: for the derivatives taken after this one."""
        at, wanted, here = self.b.at, self.b.wanted, self.b.here
        source = self.scope.source if rule is None else find_source(rule)
        scope = Scope(f"{self.scope.key}/{source.name}'@{here.line}:{here.column}", source)
        self.frames.append(scope)
        try:
            with self.taking(self.shared.modes[self.shared.modes.index(mode) + 1 :]):
                yield scope
        finally:
            self.frames.pop()
            self.b.here, self.b.at, self.b.wanted = here, at, wanted

    # ------------------------------------------------------------ the pushforward of one call

    def pushforward_of(
        self,
        rule: CallRule,
        function: Any,
        result: Value | None,
        given: list[tuple[str, Value]],
        extra: list[Expr | str],
    ) -> Pushforward | None:
        """The tangents of the results of a call, as its rule has them."""
        if "forward" not in self.shared.modes:
            return None
        read = rule.pushforward or rule.partials
        is_linear = rule.is_linear or rule.transpose is not None
        if result is None or not (read or is_linear or rule.is_constant):
            return None
        names = _parameters(read, [n for n, _ in given])
        results, args = _Stands(self), _Stands(self)
        block: list[Any] = []
        with self.b.into(block), self._inside(read, "forward") as scope:
            scope.env[names[0]] = results.value(result, names[0])
            for name, (_, value) in zip(names[1:], given, strict=True):
                _place(scope.env, name, value, args)
                own = scope.env[name]
                if isinstance(own, Const) and is_inexact(own.kind):
                    scope.env[f"d[{name}]"] = literal(0.0, own.kind)
            found = self._tangent(rule, function, scope, names)
            outputs = self._outputs(found, scope.env[names[0]], block)
            self._require_untouched(block, (*results.leaves, *args.leaves))
        body = tuple(block) if rule.signature is None else _unchecked(tuple(block))
        tangents = (*args.bars, *(None for _ in extra))
        stands = (*args.leaves, *map(_itself, extra))
        return Pushforward(body, stands, tuple(results.leaves), tangents, tuple(outputs))

    def _tangent(self, rule: CallRule, function: Any, scope: Scope, names: list[str]) -> Value:
        """The tangent of the result of a call, elaborated in the scope of its rule."""
        result = f"d[{names[0]}]"
        if rule.pushforward is not None:
            reader = _Adjoints(self, scope.source, names, names[0])
            self.body_of(reader.visit(copy.deepcopy(scope.source.node)), scope)
            if result not in scope.env:
                raise self.b.refuse(
                    f"this pushforward does not say what {result} is", f"assign it: {result} = ..."
                )
            return scope.env[result]
        if rule.partials is not None:
            total: Value = StaticValue(None)
            for name, part in zip(names[1:], self._partials(scope, names), strict=True):
                change = scope.env.get(f"d[{name}]")
                if change is None or part is None:
                    continue
                product = self._seeded(change, scalars.combine(self.b, "*", part, change))
                first = isinstance(total, StaticValue)
                total = product if first else scalars.combine(self.b, "+", total, product)
            return total
        if rule.is_linear or rule.transpose is not None:
            values = [scope.env[f"d[{names[1]}]"], *(scope.env[n] for n in names[2:])]
            return self.call_value(StaticValue(function), values, {}, scope.source.node)
        return StaticValue(None)

    def _outputs(self, found: Value, result: Value, block: list[Any]) -> list[Var | str | None]:
        """The names that hold the tangents of the leaves of a result."""
        if isinstance(result, TupleValue):
            parts = found.items if isinstance(found, TupleValue) else (found,) * len(result.items)
            if len(parts) != len(result.items):
                raise self.b.refuse(
                    f"this pushforward gives {len(parts)} tangents, for {len(result.items)} results"
                )
            pairs = zip(parts, result.items, strict=True)
            return [out for f, r in pairs for out in self._outputs(f, r, block)]
        if isinstance(result, StaticValue):
            return []
        if isinstance(found, StaticValue):
            return [None]
        found = scalars.operand(self.b, found)
        if isinstance(result, ArrayValue):
            if not is_inexact(result.dtype):
                return [None]
            return [self._own_array(found, result, block)]
        if isinstance(found, ArrayValue) and not found.ndim:
            found = found.element(())
        assert isinstance(result, Expr)
        if not isinstance(found, Expr):
            raise self.b.refuse("this pushforward gives an array for a number")
        if not is_inexact(result.kind):
            return [None]
        out = Var(self.b.names.fresh("tangent"), result.kind)
        self.b.emit(Assign(out, self.b.convert(found, out.kind)))
        return [out]

    def _own_array(self, found: Value, result: ArrayValue, block: list[Any]) -> str:
        """An array made here that holds a tangent."""
        if isinstance(found, Expr):
            made = arrays.allocate(self.b, "tangent", result.extents, result.dtype, found)
        else:
            assert isinstance(found, ArrayValue)
            if found.ndim != result.ndim:
                raise self.b.refuse(
                    f"this pushforward gives a tangent with {found.ndim} axes, for a result "
                    f"with {result.ndim}"
                )
            made = found
            fresh = {
                name
                for stmt in statements(tuple(block))
                if isinstance(stmt, Alloc | MatMul | Invoke)
                for name in writes_of(stmt)
            }
            is_own = arrays.is_base(self.b, made) and made.view is not None
            if not (is_own and made.view.base in fresh and made.dtype == result.dtype):  # type: ignore[union-attr]
                made = arrays.materialise(self.b, found, "tangent", result.dtype)
        assert made.view is not None
        return made.view.base

    def _partials(self, scope: Scope, names: list[str]) -> tuple[Value, ...]:
        """The partial derivatives that a rule gives, one for each argument."""
        found = self.body_of(scope.source.node, scope)
        parts = found.items if isinstance(found, TupleValue) else (found or StaticValue(None),)
        if len(parts) != len(names) - 1:
            raise self.b.refuse(
                f"this rule gives {len(parts)} partial derivatives, for {len(names) - 1} arguments",
                f"return one for each of {', '.join(names[1:])}",
            )
        return parts

    # ------------------------------------------------------------ what a rule says

    def _require_untouched(self, block: list[Any], leaves: Sequence[Var | str]) -> None:
        """Refuse a rule that writes an argument or the result: the sweep reads them again."""
        own = {leaf for leaf in leaves if isinstance(leaf, str)}
        sites = points_to(tuple(block), set(self.b.arrays))
        for stmt in statements(tuple(block)):
            written = (stmt.array,) if isinstance(stmt, Store) else getattr(stmt, "writes", ())
            if any(sites.get(w, frozenset((w,))) & own for w in written):
                self.b.here = stmt.at
                raise self.b.refuse(
                    "this rule writes an array that its function was given or returned",
                    "write into a copy",
                )

    def _read_rule(self, rule: CallRule, scope: Scope, names: list[str]) -> None:
        """Elaborate what a rule says, in its scope."""
        if rule.pullback is not None:
            node = _Adjoints(self, scope.source, names).visit(copy.deepcopy(scope.source.node))
            self.body_of(node, scope)
        elif rule.partials is not None:
            for name, part in zip(names[1:], self._partials(scope, names), strict=True):
                if f"d[{name}]" in scope.env and part is not None:
                    self._add_product(scope, name, names[0], part)
        elif rule.transpose is not None:
            values = [scope.env[f"d[{names[0]}]"], *(scope.env[n] for n in names[2:])]
            share = self.call_value(StaticValue(rule.transpose), values, {}, scope.source.node)
            self._add(scope, f"d[{names[1]}]", share)

    def _add_product(self, scope: Scope, name: str, result: str, partial: Value) -> None:
        """``d[name] += partial * d[result]``; where that adjoint is 0, nothing."""
        seed = scope.env[f"d[{result}]"]
        own = scope.env[f"d[{name}]"]
        if isinstance(partial, Expr) and is_complex(partial.kind):
            partial = conjugate(partial)
        if isinstance(partial, ArrayValue) and is_complex(partial.dtype):
            partial = arrays.elementwise(
                self.b, lambda e: conjugate(e[0]), [partial], partial.dtype
            )
        share = self._seeded(seed, scalars.combine(self.b, "*", partial, seed))
        if isinstance(share, ArrayValue) and isinstance(own, Expr):
            share = self.call_value(StaticValue(np.sum), [share], {}, scope.source.node)
        self._add(scope, f"d[{name}]", share)

    def _seeded(self, seed: Value, product: Value) -> Value:
        """A product with a seed (a tangent); where that is 0, nothing."""
        if isinstance(seed, Expr) and isinstance(product, Expr):
            return _where_seeded((seed, product))
        assert isinstance(product, ArrayValue) and isinstance(seed, ArrayValue | Expr)
        return arrays.elementwise(self.b, _where_seeded, [seed, product], product.dtype)

    def _add(self, scope: Scope, bar: str, share: Value) -> None:
        """``bar += share``."""
        own = scope.env[bar]
        if isinstance(own, ArrayValue):
            stores.assign_into(self.b, own, scalars.combine(self.b, "+", own, share))
        else:
            scope.env[bar] = scalars.combine(self.b, "+", own, share)

    def _accumulated(self, name: str, start: Value, end: Value) -> None:
        """Leave the adjoint of an argument in the name that stands for it."""
        if isinstance(start, Var) and isinstance(end, Expr):
            if end != start:
                self.b.emit(Assign(start, self.b.convert(end, start.kind)))
        elif end is not start and end != start:
            raise self.b.refuse(
                f"d[{name}] is bound anew in this rule", f"accumulate into it: d[{name}] += ..."
            )


class _Stands:
    """Names that stand for values in a rule, in the order of their leaves."""

    def __init__(self, owner: Ruled) -> None:
        self.owner = owner
        self.leaves: list[Var | str] = []
        self.bars: list[Var | str | None] = []

    def value(self, value: Value, base: str) -> Value:
        names: Names = self.owner.b.names
        match value:
            case ArrayValue(dtype=dtype, ndim=ndim):
                self.leaves.append(self.owner._declared(names.fresh(f"{base}_given"), dtype, ndim))
                return arrays.whole(self.owner.b, str(self.leaves[-1]), value.units)
            case TupleValue():
                return value.of(self.value(v, f"{base}_{k}") for k, v in enumerate(value.items))
        if not isinstance(value, Expr):
            return value
        var = Var(names.fresh(f"{base}_given"), value.kind)
        self.leaves.append(var)
        return value if isinstance(value, Const) else var

    def adjoint(self, value: Value, base: str) -> Value | None:
        """The adjoint of what stands for a value; None for what has none."""
        b = self.owner.b
        match value:
            case ArrayValue(dtype=dtype, ndim=ndim, view=view):
                assert view is not None
                if not is_inexact(dtype):
                    self.bars.append(None)
                    return None
                name = self.owner._declared(b.names.fresh(f"{base}_adjoint"), dtype, ndim)
                b.extents[name] = b.extents[view.base]
                self.bars.append(name)
                return arrays.whole(b, name, value.units)
            case TupleValue():
                items = [self.adjoint(v, f"{base}_{k}") for k, v in enumerate(value.items)]
                return value.of(StaticValue(None) if v is None else v for v in items)
        if not isinstance(value, Expr):
            return None
        if isinstance(value, Const) or not is_inexact(value.kind):
            self.bars.append(None)
            return None
        self.bars.append(Var(b.names.fresh(f"{base}_adjoint"), value.kind))
        return self.bars[-1]  # type: ignore[return-value]


def _place(env: dict[str, Value], name: str, value: Value, stands: _Stands) -> None:
    """Let a parameter of a rule, and its adjoint, stand for a value."""
    env[name] = stands.value(value, name)
    bar = stands.adjoint(env[name], name)
    if bar is not None:
        env[f"d[{name}]"] = bar


def _parameters(named: Any, given: list[str]) -> list[str]:
    """The names that a rule has for the result and the arguments."""
    if named is None:
        return ["the result", *given]
    code = named.__code__
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


_FUNCTIONS = types.FunctionType | types.BuiltinFunctionType | np.ufunc
"""What ``on_backward`` may be given, besides what is defined inside."""


def _where_seeded(items: Sequence[Expr]) -> Expr:
    """A product with a seed, 0 where the seed is 0."""
    seed, product = items
    test = compare("!=", seed, literal(0.0, seed.kind))
    return Select(test, product, literal(0.0, product.kind), product.kind, strong=True)


def _itself(item: Expr | str) -> Var | str:
    """An argument that stands for itself."""
    assert isinstance(item, str | Var)
    return item


def _leaves(value: Value) -> list[Expr | str]:
    match value:
        case ArrayValue(view=view):
            assert view is not None
            return [view.base]
        case StaticValue():
            return []
    assert isinstance(value, Expr)
    return [value]


def _common_kind(values: list[Value]) -> str:
    """The kind in which a library computes: that of all arguments that are no integers."""
    kinds = [v.dtype for v in values if isinstance(v, ArrayValue)]
    kinds += [v.kind for v in values if isinstance(v, Expr) and is_inexact(v.kind)]
    found = [k for k in kinds if is_inexact(k)]
    kind = found[0] if found else FLOAT
    for other in kinds:
        kind = join_kinds(kind, other)
    return kind


_KINDS: dict[str, Any] = {
    "same": lambda kind: kind,
    "real": real_kind,
    "complex": complex_kind,
    "int": lambda _: INT,
    "bool": lambda _: BOOL,
}


def _rank(value: Value) -> int:
    if isinstance(value, TupleValue):
        return 1 + max((_rank(v) for v in value.items), default=0)
    return value.ndim if isinstance(value, ArrayValue) else 0


def _unchecked(block: Block) -> Block:
    """A block without checks: that of a rule of ours, for a call that was checked."""
    return tuple(
        with_blocks(s, tuple(map(_unchecked, blocks(s)))) if blocks(s) else s
        for s in block
        if not isinstance(s, Check | IndexCheck)
    )


class _Adjoints(gast.NodeTransformer):
    """Makes ``d[x]`` a name of its own, which cannot be a name of the rule."""

    def __init__(
        self, owner: Ruled, source: FunctionSource, names: list[str], bound: str = ""
    ) -> None:
        self.owner = owner
        self.source = source
        self.names = names
        self.bound = bound
        """The name whose tangent the rule assigns; the others are read or accumulated into."""

    def visit_Assign(self, node: Any) -> Any:
        for target in node.targets:
            self._require_bound(target)
        return self.generic_visit(node)

    def visit_AugAssign(self, node: Any) -> Any:
        if self.bound or not isinstance(node.op, gast.Add | gast.Sub):
            self._require_bound(node.target)
        return self.generic_visit(node)

    def _require_bound(self, target: Any) -> None:
        """Refuse what overwrites an adjoint: other uses of the argument have added to it."""
        if isinstance(target, gast.Tuple | gast.List | gast.Starred):
            for item in getattr(target, "elts", None) or [target.value]:
                self._require_bound(item)
        while isinstance(target, gast.Subscript):
            if self._is_adjoints(target.value):
                name = getattr(target.slice, "id", "")
                if name == self.bound:
                    return
                self.owner.b.here = self.source.position(target)
                if self.bound:
                    raise self.owner.b.refuse(
                        f"a pushforward reads d[{name}]", f"assign d[{self.bound}]"
                    )
                raise self.owner.b.refuse(
                    f"d[{name}] is overwritten, and what was added to it is lost",
                    f"accumulate into it: d[{name}] += ...",
                )
            target = target.value

    def visit_Subscript(self, node: Any) -> Any:
        self.generic_visit(node)
        if not self._is_adjoints(node.value):
            return node
        name = getattr(node.slice, "id", None)
        if name not in self.names:
            self.owner.b.here = self.source.position(node)
            raise self.owner.b.refuse(
                "d[...] takes the name of a parameter of the rule",
                f"the parameters are {', '.join(self.names)}",
            )
        return gast.copy_location(gast.Name(f"d[{name}]", node.ctx, None, None), node)

    def _is_adjoints(self, node: Any) -> bool:
        if isinstance(node, gast.Attribute):
            return node.attr == "d"
        if not isinstance(node, gast.Name) or node.id in self.names:
            return False
        try:
            return isinstance(self.source.lookup(node.id), Adjoints)
        except KeyError:
            return node.id == "d"
