"""The compiler on one page: from a function and the types of its arguments to a program.

Each pass is one call, in order; a pass takes what it needs as arguments and returns a new value.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from srcad.analysis.alias import points_to
from srcad.config import Options
from srcad.disk import DiskCall
from srcad.errors import UnsupportedError
from srcad.frontend.elaborate import Elaborated, elaborate
from srcad.frontend.program import MODES, Outlined
from srcad.frontend.source import FunctionSource
from srcad.frontend.values import type_of
from srcad.ir.loss import require_loss
from srcad.ir.nodes import (
    Block,
    Call,
    For,
    Function,
    Invoke,
    Pullback,
    Pushforward,
    Return,
    Var,
    blocks,
    expressions,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.printer import print_module
from srcad.ir.types import INT, Type, is_inexact
from srcad.position import Position
from srcad.transform.abreast import abreast
from srcad.transform.adjoint import (
    Leaf,
    Written,
    mutated_parameters,
    write_adjoint,
    write_callee,
    write_primal,
)
from srcad.transform.blit import blit
from srcad.transform.borrow import borrow
from srcad.transform.bounds import settle_checks
from srcad.transform.centre import centre
from srcad.transform.chains import chains
from srcad.transform.cleave import cleave
from srcad.transform.coalesce import coalesce
from srcad.transform.common import common
from srcad.transform.contract import contract
from srcad.transform.deliver import deliver
from srcad.transform.distribute import distribute
from srcad.transform.exchange import exchange
from srcad.transform.extents import named_extents
from srcad.transform.first_writes import first_writes
from srcad.transform.forward import Forward
from srcad.transform.fuse import fuse
from srcad.transform.in_place import in_place
from srcad.transform.inverses import inverses
from srcad.transform.jam import jam
from srcad.transform.join_checks import join_checks
from srcad.transform.lanes import lanes
from srcad.transform.latest import latest
from srcad.transform.lift import lift
from srcad.transform.mark import mark
from srcad.transform.memory import own_memory
from srcad.transform.next_slot import next_slot
from srcad.transform.originals import originals
from srcad.transform.overwrite import overwrite
from srcad.transform.padded import padded
from srcad.transform.parallel import parallel
from srcad.transform.pattern import Dependence, reads_floats
from srcad.transform.products import products
from srcad.transform.quotients import free_quotients
from srcad.transform.ragged import ragged
from srcad.transform.recycle import recycle
from srcad.transform.reserve import reserve
from srcad.transform.resident import resident
from srcad.transform.reuse import reuse
from srcad.transform.rotate import rotate
from srcad.transform.rows import rows
from srcad.transform.scalarise import scalarise
from srcad.transform.segments import segments
from srcad.transform.settle import settle
from srcad.transform.shape import shaped
from srcad.transform.spent import spent
from srcad.transform.steps import count_steps, counted_loops
from srcad.transform.tangent import tangent
from srcad.transform.vectorise import vectorise

Kind = Literal[
    "gradient",
    "value_and_gradient",
    "vjp",
    "jvp",
    "hvp",
    "primal",
    "pattern",
    "hessian_pattern",
]


@dataclass(frozen=True)
class Request:
    """What is to be written: a function, its argument types, and which derivative."""

    source: FunctionSource
    parameters: tuple[tuple[str, Type], ...]
    """Name and type of each parameter, in the order of f's signature, defaults filled in."""
    wrt: tuple[str, ...]
    """Parameters that the derivative is asked for, in the order of the answer.

    vjp, jvp: none means all.
    """
    kind: Kind
    outputs: tuple[str, ...] = ()
    """vjp, jvp: mutated arguments whose final state is an output."""
    has_aux: bool = False
    options: Options = field(default_factory=Options)
    lanes: bool = False
    """jvp, hvp: whether tangents are to have lanes, a further last axis of directions."""
    called: object = None
    """A derivative of the function, of which this derivative is asked for; None: the function."""
    marks: frozenset[Position] = frozenset()
    """Loops that get snapshots, beside those that the function asks for."""


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
    captured values, then (vjp) one seed for each float leaf of the outputs or (jvp, hvp) one
    tangent for each float leaf of the parameters in ``wrt``, then the number of snapshots of each
    loop of ``rooms``, then the tape pool ``(buffer: uint8[::1], mark: int64[8])`` if ``uses_pool``.

    It returns, as a bare value where there is one and else as a flat tuple: ``primal``: the leaves
    of the result (then the named outputs); ``gradient``: the leaves of the gradients in the order
    of ``wrt``; ``value_and_gradient``: the leaves of the result and then those of the gradients;
    ``vjp``: the cotangents of the float leaves of the parameters in ``wrt``; ``jvp``: what
    ``primal`` returns and then the tangents of the float leaves of that; ``hvp``: the tangents of
    the gradients; ``pattern``, ``hessian_pattern``: the sets of inputs in place of the tangents of
    the result or of the gradients (``srcad.transform.pattern``). These take sets in place of
    tangents and then the table ``unions`` (``srcad.runtime.unions``). The caller's arrays are never
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
    lanes: bool = False
    """Whether all tangents have lanes; the request asked for them if so, but need not get them."""
    reads_floats: bool = True
    """Patterns: whether it hangs on more than shapes and integers."""
    function: Function | None = None
    """The entry as it was before it was printed."""
    rooms: tuple[str, ...] = ()
    """The parameters that say how many snapshots the loops of ``marks`` keep."""
    rounds: bool = False
    """Whether it makes integers of floats: lengths and trip counts may hang on these."""
    apart: tuple[str, ...] = ()
    """Functions that write no memory which two of their arrays share."""


_CARRIED: dict[str, type[Forward]] = {
    "jvp": Forward,
    "hvp": Forward,
    "pattern": Dependence,
    "hessian_pattern": Dependence,
}
"""What is carried along with the values of the primal or of the adjoint."""


def compile_request(request: Request) -> Program:
    """Write the program that a request asks for.

    Raises ``UnsupportedError`` and the other errors of ``srcad.errors``.
    """
    modes = MODES.get(request.kind, ("reverse",))
    checked = request.options.boundscheck

    def derive(program: Elaborated, kind: str, wrt: list[Var | str]) -> Function:
        return derivative_of(program, cast(Kind, kind), wrt, checked)

    # types, calls inlined, loops, derivatives that the function takes itself
    program = elaborate(request.source, request.parameters, modes, derive, request.called)
    if request.kind in ("gradient", "value_and_gradient", "hvp", "hessian_pattern"):
        result = None if program.result is None else type_of(program.result)
        require_loss(result, request.source.name, request.has_aux)
    if request.kind in ("hvp", "hessian_pattern"):
        _refuse_disks(program)
    body = _prepared(program, checked)
    outputs: list[Leaf] = [_final(program, name) for name in request.outputs]
    written = _written(request, program, body, outputs)
    function, spread = written.function, None
    if request.kind in _CARRIED:
        moving = _float_leaves(program, request.wrt or tuple(program.leaves))
        title = program.names.fresh(f"{program.name}_{request.kind}")
        values, carry = request.kind == "jvp", _CARRIED[request.kind]
        primal = function
        function = tangent(function, moving, program.names, title, values=values, carry=carry)
        spread = (
            _in_lanes(function, primal, len(moving), values, program) if request.lanes else None
        )
        function = spread or function
    callees = [f for callee in program.callees for f in _callees(callee, request)]
    functions = (*callees, function)
    if request.kind == "primal" and program.members and request.options.parallel:
        functions = _in_threads(functions, program, request)
    functions = (*functions[:-1], borrow(functions[-1]))
    functions = tuple(lift(deliver(f, program.names)) for f in functions)
    functions = (*functions[:-1], inverses(functions[-1]))
    functions = tuple(reuse(f, program.names) for f in functions)
    functions = (*functions[:-1], products(_in_rows(functions[-1], request, program)))
    functions = tuple(map(overwrite, functions))
    functions = (*functions[:-1], spent(functions[-1]))
    if not request.options.parallel:  # a loop that may raise does not run in threads
        functions = tuple(map(join_checks, functions))
        functions = (*functions[:-1], ragged(functions[-1], program.names))
        if _is_compiled(request):
            functions = tuple(jam(f, program.names) for f in functions)
    every = request.kind == "gradient"
    if every:
        functions = tuple(map(latest, functions))
    functions = (*functions[:-1], chains(functions[-1], written.adjoints, every=every))
    functions = tuple(
        free_quotients(f, written.adjoints, program.names, every=every) for f in functions
    )
    functions = tuple(common(f, program.names) for f in functions)
    elementary: dict[str, str] = {}
    vectors = _is_compiled(request) and request.options.vector_math
    if vectors and not request.options.parallel:
        functions = (*functions[:-1], abreast(functions[-1], program.names))
        functions = tuple(cleave(f, program.names) for f in functions)
    if request.kind in ("gradient", "value_and_gradient", "vjp"):
        functions = (*functions[:-1], reserve(functions[-1], program.names))
    if vectors:
        functions, elementary = vectorise(functions, program.names)
    if _may_divide(request, functions):
        counted = counted_loops(functions[-1], request.options.progress)
        functions = parallel(functions, program.names, counted)
    functions = (*functions[:-1], recycle(functions[-1], program.names))
    if _is_compiled(request) and not request.options.parallel:
        functions = (*functions[:-1], blit(functions[-1]))
    if request.kind in ("gradient", "value_and_gradient", "vjp"):
        functions = (*functions[:-1], count_steps(functions[-1], request.options.progress))
    text = print_module(tuple(map(named_extents, functions)), elementary)
    return Program(
        text,
        function.name,
        tuple(Captured(c.fetch, c.name, c.type) for c in program.captured),
        tuple(Guard(fetch, value) for fetch, value in program.guards.values()),
        _written_names(program, body),
        None if program.result is None else type_of(program.result),
        "pool" in functions[-1].parameters,
        program.objects,
        _called(program.externals, text),
        spread is not None,
        reads_floats(function),
        functions[-1],
        written.rooms,
        _rounds(function),
        tuple(f.name for f in functions if f.apart),
    )


def _called(externals: tuple[tuple[str, object], ...], text: str) -> tuple[tuple[str, object], ...]:
    """The objects that a text names: one for the disk of a loop is needed in reverse mode only."""
    return tuple(e for e in externals if not isinstance(e[1], DiskCall) or f"{e[0]}(" in text)


def _refuse_disks(program: Elaborated) -> None:
    """Snapshots on disk belong to one call from Python, of a first derivative."""
    for _, found in program.externals:
        if isinstance(found, DiskCall) and found.at is not None:
            raise UnsupportedError(
                "a loop with snapshots on disk has first derivatives only, and those are called "
                "from Python",
                found.at,
                "leave out disk",
            )


def derivative_of(program: Elaborated, kind: Kind, wrt: list[Var | str], checked: bool) -> Function:
    """The derivative of a part of a program, as a function in the language of programs."""
    if kind not in ("primal", "jvp"):
        _refuse_disks(program)
    body = _prepared(program, checked)
    if kind in ("primal", "jvp"):
        function = write_primal(program, body, []).function
    else:
        title = "gradient" if kind == "hvp" else kind
        function = write_adjoint(program, body, wrt, [], title).function
    function = own_memory(function, program.names)
    if kind in ("jvp", "hvp"):
        title = program.names.fresh(f"{program.name}_{kind}")
        function = tangent(function, wrt, program.names, title, values=kind == "jvp")
    inputs = tuple(p for p in function.parameters if p != "pool")
    return own_memory(replace(function, parameters=inputs), program.names)


def _written(request: Request, program: Elaborated, body: Block, outputs: list[Leaf]) -> Written:
    """The primal or the adjoint: forward mode is that of either."""
    if request.kind in ("primal", "jvp", "pattern"):
        return write_primal(program, body, outputs)
    asked = request.wrt or tuple(program.leaves)
    kind = "gradient" if request.kind in ("hvp", "hessian_pattern") else request.kind
    final, valued = request.kind not in _CARRIED, request.kind != "gradient"
    leaves = _float_leaves(program, asked)
    body, rooms = mark(body, request.marks, program.names)
    if final:
        body = exchange(body, program.arrays, program.names)
    written = write_adjoint(program, body, leaves, outputs, kind, strips=final, rooms=rooms)
    adjoint = written.function
    threads = request.options.parallel
    adjoint = shaped(
        adjoint, written.adjoints, program.names, final=final, valued=valued, threads=threads
    )
    return replace(written, function=adjoint, rooms=tuple(v.name for v in rooms))


def _in_rows(function: Function, request: Request, program: Elaborated) -> Function:
    """The entry with what its reverse sweep needs of arrays in rows of others."""
    if request.kind not in ("gradient", "value_and_gradient", "vjp"):
        return function
    function, fields = resident(rows(function, program.names), program.names)
    return segments(next_slot(function, program.names), fields, program.names)


def _callees(callee: Outlined, request: Request) -> Iterator[Function]:
    """A function that is not inlined, and what the derivative needs of it."""
    program = callee.program
    assert program is not None
    body = _prepared(program, request.options.boundscheck)
    reverses = request.kind not in ("primal", "jvp", "pattern") and not callee.ruled
    written = write_callee(program, body, reverses)
    for function in written:
        yield function
        if request.kind in ("jvp", "hvp") and not callee.ruled:
            moving = _float_leaves(program, tuple(program.leaves))
            if function is not written[0]:
                moving = [p for p in function.parameters if _is_moving(p, function.arrays)]
            yield tangent(function, moving, program.names, f"{function.name}_tangent")


def _prepared(program: Elaborated, checked: bool) -> Block:
    """The body of a program, simplified, its index checks proved or hoisted."""
    inputs = {p if isinstance(p, str) else p.name for p in program.parameters}
    inputs |= {c.name for c in program.captured}
    return first_writes(_simplified(program.body, program, inputs, program.escaping(), checked))


def _simplified(
    block: Block, program: Elaborated, inputs: set[str], escaping: set[str], checked: bool
) -> Block:
    """A block, and those of the rules in it, simplified."""
    block = coalesce(block, escaping)
    rolled, _ = settle_checks(settle(block), inputs, checked)  # lengths as the program has them
    wide = padded(rolled, program.arrays, escaping, program.names)
    block = block if wide is rolled else wide
    block, lengths = settle_checks(settle(block, program.arrays), inputs, checked)
    few = scalarise(block, escaping, program.names)
    if few is not block:
        block, lengths = settle_checks(settle(few, program.arrays), inputs, checked)
    turned = rotate(block, program.arrays, escaping, program.names)
    written = in_place(turned, program.arrays, escaping, program.names)
    if written is not block:
        block, lengths = settle_checks(settle(written, program.arrays), inputs, checked)
    block = originals(block, set(program.arrays))
    block = fuse(block, points_to(block, set(program.arrays)), lengths)
    block = centre(settle(contract(block, escaping, program.names), program.arrays))

    def back_of(rule: Pullback) -> Pullback:
        names = _named(*rule.args, *rule.results, *rule.seeds, *rule.shares)
        return replace(rule, body=_simplified(rule.body, program, names, names, checked))

    def ahead_of(rule: Pushforward) -> Pushforward:
        names = _named(*rule.args, *rule.results, *rule.tangents)
        ends = names | _named(*rule.outputs)
        return replace(rule, body=_simplified(rule.body, program, names, ends, checked))

    return _with_rules(block, back_of, ahead_of)


def _rounds(function: Function) -> bool:
    """Whether a function makes integers of floats."""
    return any(
        isinstance(e, Call) and e.kind == INT and any(a.kind != INT for a in e.args)
        for stmt in statements(function.body)
        for x in expressions(stmt)
        for e in walk(x)
    )


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


def _in_lanes(
    function: Function, primal: Function, count: int, values: bool, program: Elaborated
) -> Function | None:
    """A function that carries ``count`` tangents along, for several directions at once."""
    start = sum(p != "pool" for p in primal.parameters)
    ends = [s for s in statements(primal.body) if isinstance(s, Return)]
    spared = len(ends[-1].items) if values and ends else 0
    return lanes(function, function.parameters[start : start + count], spared, program.names)


def _in_threads(
    functions: tuple[Function, ...], program: Elaborated, request: Request
) -> tuple[Function, ...]:
    """The functions of a module whose outermost batch runs in threads, where it is compiled."""
    if not _is_compiled(request):
        return functions
    if program.externals:
        names = ", ".join(name for name, _ in program.externals)
        raise UnsupportedError(
            f"a batch with parallel=True calls objects of this process: {names}",
            request.source.position(request.source.node),
            "leave parallel=True out",
        )
    return distribute(functions, program.members, program.names)


def _is_compiled(request: Request) -> bool:
    """Whether loops are written for a compiler: code that runs as Python is for people."""
    return request.options.jit


def _may_divide(request: Request, functions: tuple[Function, ...]) -> bool:
    """Whether loops may run in threads: not those of patterns, which all write one table."""
    if not (request.options.parallel and request.options.jit) or "pattern" in request.kind:
        return False
    return not any(isinstance(s, For) and s.parallel for f in functions for s in statements(f.body))


def _written_names(program: Elaborated, body: Block) -> tuple[str, ...]:
    """Array parameters and captured arrays that the program, or a copy made for it, writes."""
    inputs = [p for p in program.parameters if isinstance(p, str)]
    inputs += [c.name for c in program.captured]
    written = {*mutated_parameters(program, body), *program.lent}
    return tuple(n for n in inputs if n in written)


def _float_leaves(program: Elaborated, parameters: tuple[str, ...]) -> list[Var | str]:
    """The leaves of parameters that are made of floats."""
    leaves = (leaf for name in parameters for leaf in program.leaves[name])
    return [leaf for leaf in leaves if _is_moving(leaf, program.arrays)]


def _is_moving(leaf: Var | str, arrays: dict[str, tuple[str, int]]) -> bool:
    """Whether a leaf is made of floats."""
    return is_inexact(arrays[leaf][0] if isinstance(leaf, str) else leaf.kind)


def _final(program: Elaborated, name: str) -> str:
    """The array that a parameter's name denotes at the start (its contents at the end count)."""
    (leaf,) = program.leaves[name]
    assert isinstance(leaf, str)
    return leaf
