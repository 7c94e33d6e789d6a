"""Calls of functions that have a rule of their own: what their pullback says, for this call.

A pullback is elaborated like the user's code, in a scope where its parameters stand for result
and arguments and ``d[x]`` is an adjoint::

    @pullback(np.linalg.inv, "same[:, :]")
    def _(y, a):                      y_b, a_b: the adjoints
        w = y.conj().T
        d[a] -= w @ d[y] @ w          share = w @ y_b @ w; a_b -= share
"""

from __future__ import annotations

import copy
from typing import Any

import gast

from srcad.errors import ArgumentError
from srcad.frontend import arrays, library, scalars
from srcad.frontend.calls import Calls
from srcad.frontend.expressions import Scope
from srcad.frontend.source import FunctionSource, find_source
from srcad.frontend.values import (
    ArrayValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import join_kinds
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Check,
    Const,
    Expr,
    Extent,
    IndexCheck,
    Invoke,
    Pullback,
    Var,
    blocks,
    with_blocks,
)
from srcad.ir.types import BOOL, FLOAT, INT, complex_kind, is_inexact, real_kind
from srcad.rules.registry import Adjoints, CallRule, Dims, Signature


class Ruled(Calls):
    """Calls whose derivative is given by a rule."""

    in_rule = False
    """Whether a rule is being read: what it calls is not reversed."""

    def call_ruled(
        self, rule: CallRule, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """A call of a function of a library."""
        assert rule.pullback is not None and rule.signature is not None
        given = self._given(rule, function, values, keywords)
        kind = _common_kind(list(given.values()))
        given = {n: self._prepared(v, kind) for n, v in given.items()}
        leaves = [leaf for v in given.values() for leaf in _leaves(v)]
        base = self.b.wanted
        lengths = self._lengths(rule.signature, list(given.values()))
        targets = tuple(
            self._target(base, word, dims, lengths, kind) for word, dims in rule.signature.results
        )
        parts = tuple(arrays.whole(self.b, t) if isinstance(t, str) else t for t in targets)
        result = parts[0] if len(parts) == 1 else TupleValue(parts, rule.members)
        found = None
        if not self.in_rule:
            found = self._pullback(rule.pullback, result, list(given.values()), trusted=True)
        self.b.emit(Invoke(targets, rule.name, tuple(leaves), (), len(leaves), self.b.at, found))
        return result

    def fits(self, rule: CallRule, values: list[Value], keywords: dict[str, Value]) -> bool:
        """Whether a rule is made for arguments of these ranks and names."""
        if rule.signature is None or rule.pullback is None:
            return True
        if not set(keywords) <= set(rule.pullback.__code__.co_varnames):
            return False
        pairs = zip(values, rule.signature.arguments, strict=False)
        return all(_rank(v) <= len(dims) for v, dims in pairs)

    def _lengths(self, signature: Signature, values: list[Value]) -> dict[str, Expr]:
        """The length of each axis that the arguments have."""
        found: dict[str, Expr] = {}
        for value, dims in zip(values, signature.arguments, strict=False):
            if not isinstance(value, ArrayValue) or value.ndim != len(dims):
                given = f"{value.ndim} axes" if isinstance(value, ArrayValue) else "a number"
                raise self.b.refuse(f"an array with {len(dims)} axes is expected here, not {given}")
            found = dict(zip(dims, value.extents, strict=True)) | found
        return found

    def _given(
        self, rule: CallRule, function: Any, values: list[Value], keywords: dict[str, Value]
    ) -> dict[str, Value]:
        """The arguments by the names that a rule gives them."""
        assert rule.pullback is not None
        code = rule.pullback.__code__
        names = code.co_varnames[1 : code.co_argcount]
        title = rule.name or function.__name__
        if len(values) > len(names):
            raise self.b.refuse(f"{title} takes {len(names)} arguments here, not {len(values)}")
        given = dict(zip(names, values, strict=False))
        for name, value in keywords.items():
            if name not in names or name in given:
                raise self.b.refuse(f"the keyword {name!r} of {title} is not supported")
            given[name] = value
        defaults = rule.pullback.__defaults__ or ()
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
            if value.dtype in (kind, INT) and is_inexact(value.dtype):
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

    # ------------------------------------------------------------ the pullback of one call

    def _pullback(
        self, rule: Any, result: Value | None, given: list[Value], trusted: bool
    ) -> Pullback:
        """What a rule says for values like these."""
        source = find_source(rule)
        node, adjoints = _with_adjoints(self, source)
        names = [a.id for a in [*node.args.posonlyargs, *node.args.args]]
        here, at, wanted = self.b.here, self.b.at, self.b.wanted
        scope = Scope(f"{self.scope.key}/{source.name}'@{here.line}:{here.column}", source)
        results, args = _Stands(self), _Stands(self)
        block: list[Any] = []
        with self.b.into(block):
            env = scope.env
            if result is not None:
                env[names[0]] = results.value(result, names[0])
                _bind(env, adjoints.get(names[0]), results.adjoint(env[names[0]], names[0]))
            own = names[1:] if result is not None else names
            for name, value in zip(own, given, strict=True):
                env[name] = args.value(value, name)
                _bind(env, adjoints.get(name), args.adjoint(env[name], name))
            starts = {n: env[a] for n, a in adjoints.items() if n in own and a in env}
            self.frames.append(scope)
            self.in_rule = True
            try:
                self.body_of(node, scope)
            finally:
                self.frames.pop()
                self.in_rule = False
                self.b.here, self.b.at, self.b.wanted = here, at, wanted
            for name, start in starts.items():
                self._accumulated(name, start, env[adjoints[name]])
        body = _unchecked(tuple(block)) if trusted else tuple(block)
        return Pullback(
            body, tuple(args.leaves), tuple(results.leaves), tuple(results.bars), tuple(args.bars)
        )

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


def _bind(env: dict[str, Value], name: str | None, value: Value | None) -> None:
    if name is not None and value is not None:
        env[name] = value


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


def _with_adjoints(owner: Ruled, source: FunctionSource) -> tuple[Any, dict[str, str]]:
    """The definition of a rule with ``d[x]`` made a name of its own, and those names by ``x``."""
    node = copy.deepcopy(source.node)
    used = {n.id for n in gast.walk(node) if isinstance(n, gast.Name)}
    parameters = [a.id for a in node.args.args]
    adjoints: dict[str, str] = {}
    for name in parameters:
        adjoints[name] = f"{name}_b"
        while adjoints[name] in used:
            adjoints[name] += "_"
    node = _Adjoints(owner, source, adjoints).visit(node)
    return node, adjoints


class _Adjoints(gast.NodeTransformer):
    def __init__(self, owner: Ruled, source: FunctionSource, adjoints: dict[str, str]) -> None:
        self.owner = owner
        self.source = source
        self.adjoints = adjoints

    def visit_Subscript(self, node: Any) -> Any:
        self.generic_visit(node)
        if not self._is_adjoints(node.value):
            return node
        name = getattr(node.slice, "id", None)
        if name not in self.adjoints:
            self.owner.b.here = self.source.position(node)
            raise self.owner.b.refuse(
                "d[...] takes the name of a parameter of the rule",
                f"the parameters are {', '.join(self.adjoints)}",
            )
        return gast.copy_location(gast.Name(self.adjoints[name], node.ctx, None, None), node)

    def _is_adjoints(self, node: Any) -> bool:
        if isinstance(node, gast.Attribute):
            return node.attr == "d"
        if not isinstance(node, gast.Name) or node.id in self.adjoints:
            return False
        try:
            return isinstance(self.source.lookup(node.id), Adjoints)
        except KeyError:
            return node.id == "d"
