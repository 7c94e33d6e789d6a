"""The compiler on one page: from a function and the types of its arguments to a program.

Each pass is one call, in order; a pass takes what it needs as arguments and returns a new value.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from srcad.analysis.alias import points_to
from srcad.config import Options
from srcad.frontend.elaborate import Elaborated, elaborate
from srcad.frontend.source import FunctionSource
from srcad.frontend.values import type_of
from srcad.ir.loss import require_loss
from srcad.ir.nodes import Block, Function, Invoke, Pullback, Pushforward, Var, blocks, with_blocks
from srcad.ir.printer import print_module
from srcad.ir.types import Type, is_inexact
from srcad.transform.adjoint import (
    Leaf,
    mutated_parameters,
    write_adjoint,
    write_callee,
    write_primal,
)
from srcad.transform.bounds import settle_checks
from srcad.transform.coalesce import coalesce
from srcad.transform.contract import contract
from srcad.transform.fuse import fuse
from srcad.transform.tangent import tangent

Kind = Literal["gradient", "value_and_gradient", "vjp", "jvp", "primal"]


@dataclass(frozen=True)
class Request:
    """What is to be written: a function, its argument types, and which derivative."""

    source: FunctionSource
    parameters: tuple[tuple[str, Type], ...]
    """Name and type of each parameter, in the order of f's signature, defaults filled in."""
    wrt: tuple[str, ...]
    """Parameters that the gradient is asked for, in the order of the answer."""
    kind: Kind
    outputs: tuple[str, ...] = ()
    """vjp, jvp: mutated arguments whose final state is an output."""
    has_aux: bool = False
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class Captured:
    """A number or array that the program reads from outside itself, fetched at each call."""

    fetch: Callable[[], object]
    name: str
    type: Type


@dataclass(frozen=True)
class Guard:
    """A captured function or static value: the program is valid while ``fetch() is value``."""

    fetch: Callable[[], object]
    value: object


@dataclass(frozen=True)
class Program:
    """A generated module and what a caller must know of it.

    Calling convention of ``entry``: the leaves of f's dynamic parameters in order (a parameter of
    type ``Static`` or ``Function`` is left out, a ``Tuple`` is passed as its leaves), then the
    captured values, then (vjp) one seed for each float leaf of the outputs or (jvp) one tangent for
    each float leaf of the parameters, then the tape pool ``(buffer: uint8[::1], mark: int64[4])``
    if ``uses_pool``.

    It returns, as a bare value where there is one and else as a flat tuple: ``primal``: the leaves
    of the result (then the named outputs); ``gradient``: the leaves of the gradients in the order
    of ``wrt``; ``value_and_gradient``: the leaves of the result and then those of the gradients;
    ``vjp``: the cotangents of every float leaf of the parameters; ``jvp``: what ``primal`` returns
    and then the tangents of the float leaves of that. The caller's arrays are never
    written.
    """

    text: str
    entry: str
    captured: tuple[Captured, ...]
    guards: tuple[Guard, ...]
    mutated: tuple[str, ...]
    """Names of array parameters that f writes: they must not overlap any other argument."""
    result: Type | None
    """Type of f's result; None for a procedure that returns nothing."""
    uses_pool: bool
    objects: tuple[Callable[[], object], ...] | None = None
    """If f writes members of arguments: the objects from outside that it reads; else None."""
    externals: tuple[tuple[str, object], ...] = ()
    """Python objects that the text calls by these names, though it does not import them."""


_MODES: dict[str, tuple[str, ...]] = {"primal": (), "jvp": ("forward",)}
"""What the rules of calls are read for; ("reverse",) where it is not said."""


def compile_request(request: Request) -> Program:
    """Write the program that a request asks for.

    Raises ``UnsupportedError`` and the other errors of ``srcad.errors``.
    """
    modes = _MODES.get(request.kind, ("reverse",))
    program = elaborate(request.source, request.parameters, modes)  # types, calls inlined, loops
    if request.kind in ("gradient", "value_and_gradient"):
        result = None if program.result is None else type_of(program.result)
        require_loss(result, request.source.name, request.has_aux)
    checked = request.options.boundscheck
    body = _prepared(program, checked)
    outputs: list[Leaf] = [_final(program, name) for name in request.outputs]
    if request.kind in ("primal", "jvp"):
        written = write_primal(program, body, outputs)
    else:
        names = request.wrt if request.kind != "vjp" else tuple(n for n, _ in request.parameters)
        wrt = [leaf for n in names for leaf in program.leaves[n] if _carries(leaf, program)]
        written = write_adjoint(program, body, wrt, outputs, request.kind)
    function = written.function
    if request.kind == "jvp":
        moving = [p for p in program.parameters if _carries(p, program)]
        function = tangent(function, moving, program.names)
    callees: list[Function] = []
    for callee in program.callees:  # functions that call themselves
        assert callee.program is not None
        inner = _prepared(callee.program, checked)
        reverses = request.kind not in ("primal", "jvp") and not callee.ruled
        callees += write_callee(callee.program, inner, reverses)
        if request.kind == "jvp" and not callee.ruled:
            primal, names = callees[-1], callee.program.names
            moving = [p for p in callee.program.parameters if _carries(p, callee.program)]
            callees.append(tangent(primal, moving, names, f"{primal.name}_tangent"))
    return Program(
        print_module((*callees, function)),
        function.name,
        tuple(Captured(c.fetch, c.name, c.type) for c in program.captured),
        tuple(Guard(fetch, value) for fetch, value in program.guards.values()),
        mutated_parameters(program, body),
        None if program.result is None else type_of(program.result),
        written.uses_pool,
        program.objects,
        program.externals,
    )


def _prepared(program: Elaborated, checked: bool) -> Block:
    """The body of a program, simplified, its index checks proved or hoisted."""
    inputs = {p if isinstance(p, str) else p.name for p in program.parameters}
    inputs |= {c.name for c in program.captured}
    return _simplified(program.body, program, inputs, program.escaping(), checked)


def _simplified(
    block: Block, program: Elaborated, inputs: set[str], escaping: set[str], checked: bool
) -> Block:
    """A block, and those of the rules in it, simplified."""
    block, lengths = settle_checks(coalesce(block), inputs, checked)
    block = fuse(block, points_to(block, set(program.arrays)), lengths)
    block = contract(block, escaping, program.names)

    def back_of(rule: Pullback) -> Pullback:
        names = _named(*rule.args, *rule.results, *rule.seeds, *rule.shares)
        return replace(rule, body=_simplified(rule.body, program, names, names, checked))

    def ahead_of(rule: Pushforward) -> Pushforward:
        names = _named(*rule.args, *rule.results, *rule.tangents)
        ends = names | _named(*rule.outputs)
        return replace(rule, body=_simplified(rule.body, program, names, ends, checked))

    return _with_rules(block, back_of, ahead_of)


def _named(*items: Var | str | None) -> set[str]:
    return {n if isinstance(n, str) else n.name for n in items if n is not None}


def _with_rules(
    block: Block,
    back_of: Callable[[Pullback], Pullback],
    ahead_of: Callable[[Pushforward], Pushforward],
) -> Block:
    out = []
    for stmt in block:
        if isinstance(stmt, Invoke):
            back = None if stmt.pullback is None else back_of(stmt.pullback)
            ahead = None if stmt.pushforward is None else ahead_of(stmt.pushforward)
            stmt = replace(stmt, pullback=back, pushforward=ahead)
        parts = tuple(_with_rules(b, back_of, ahead_of) for b in blocks(stmt))
        out.append(with_blocks(stmt, parts) if parts else stmt)
    return tuple(out)


def _carries(leaf: Var | str, program: Elaborated) -> bool:
    """Whether a leaf of a parameter carries a derivative: it is made of floats."""
    return is_inexact(program.arrays[leaf][0] if isinstance(leaf, str) else leaf.kind)


def _final(program: Elaborated, name: str) -> str:
    """The array that a parameter's name denotes at the start (its contents at the end count)."""
    (leaf,) = program.leaves[name]
    assert isinstance(leaf, str)
    return leaf
