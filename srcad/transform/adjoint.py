"""The functions of a generated module: the primal, and its adjoint from the two sweeps.

Here the sweeps of ``srcad.transform.reverse`` become one function: copies of the arrays that the
program writes, the forward sweep, what is returned of the primal, shadows and seeds, the reverse
sweep, and the gradients. Then the passes that make it lean.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from srcad.analysis.activity import active, carriers
from srcad.analysis.alias import Sites, points_to, stored_sites
from srcad.analysis.flow import variables
from srcad.analysis.places import REVERSE
from srcad.errors import ArgumentError
from srcad.frontend.elaborate import Elaborated
from srcad.frontend.values import ArrayValue, GivenValue, StaticValue, TupleValue, Value
from srcad.ir.build import accumulate, literal, real
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Block,
    Call,
    Comment,
    Copy,
    Expr,
    Function,
    Grow,
    Invoke,
    Keep,
    Load,
    Refill,
    Return,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
    ZerosLike,
    blocks,
    names_read,
    statements,
    with_blocks,
)
from srcad.ir.types import FLOAT, is_inexact
from srcad.position import NOWHERE, Position
from srcad.transform.accumulate import sum_in_variables
from srcad.transform.copies import drop_copies
from srcad.transform.cost import cost, saved, tapes_of
from srcad.transform.hold import hold, repeated
from srcad.transform.initialise import initialise
from srcad.transform.interchange import interchange
from srcad.transform.lengths import lengths
from srcad.transform.once import run_once
from srcad.transform.privatise import hoist, privatise
from srcad.transform.prune import prune
from srcad.transform.put_back import put_back
from srcad.transform.read_saved import read_saved
from srcad.transform.remade import Maker, remade
from srcad.transform.results import own_results
from srcad.transform.reverse.around import around
from srcad.transform.reverse.expressions import contributions
from srcad.transform.reverse.sweep import Reverser, Sweeps
from srcad.transform.share import share
from srcad.transform.strips import in_strips
from srcad.transform.unread import unread
from srcad.transform.zeros import propagate_zeros

Leaf = Expr | str


@dataclass(frozen=True)
class Written:
    """A function of the module, whether it takes the tape pool, and its adjoints by name."""

    function: Function
    uses_pool: bool
    adjoints: frozenset[str] = frozenset()
    rooms: tuple[str, ...] = ()
    """Parameters that say how many snapshots loops keep."""


def result_leaves(value: Value | None, at: Position = NOWHERE) -> list[Leaf]:
    """The numbers and arrays (by name) of a result."""
    match value:
        case None | GivenValue():
            return []
        case ArrayValue():
            assert value.view is not None and value.view.is_identity
            return [value.view.base]
        case TupleValue():
            members = [v for v in value.items if not _is_label(v)]
            return [leaf for item in members for leaf in result_leaves(item, at)]
        case StaticValue():
            given = type(value.value).__name__
            raise ArgumentError(
                f"the function returns {given} {value.value!r}, not numbers and arrays", at
            )
    if isinstance(value, Expr):
        return [value]
    raise ArgumentError("the function returns something that is not made of numbers and arrays", at)


def _is_label(value: Value) -> bool:
    """Whether a member of a result is known beforehand: a string, ``None`` or an enum member."""
    known = str | None | enum.Enum
    return isinstance(value, StaticValue) and isinstance(value.value, known)


def mutated_parameters(program: Elaborated, body: Block) -> tuple[str, ...]:
    """Array parameters (and captured arrays) that the program writes."""
    sites = points_to(body, set(program.arrays))
    written = stored_sites(body, sites)
    names = [p for p in program.parameters if isinstance(p, str)]
    names += [c.name for c in program.captured if c.name in program.arrays]
    return tuple(n for n in names if n in written)


def _copies(names: tuple[str, ...]) -> list[Stmt]:
    """The caller's arrays are never written: ``x = x.copy()``."""
    return [Copy(n, n) for n in names]


def _inputs(program: Elaborated) -> tuple[Var | str, ...]:
    captured: list[Var | str] = []
    for c in program.captured:
        captured.append(c.name if c.name in program.arrays else Var(c.name, c.type.kind))  # type: ignore[union-attr]
    return (*program.parameters, *captured)


def write_primal(
    program: Elaborated, body: Block, outputs: list[Leaf], *, as_callee: bool = False
) -> Written:
    """The primal as a function of its own: the leaves of the result, then the named outputs.

    A callee writes into the arrays that it is given.
    """
    items = [*result_leaves(program.result), *outputs]
    names = program.names
    arrays = dict(program.arrays)
    inputs = {p for p in program.parameters if isinstance(p, str)}
    sites = points_to(body, set(arrays))
    tail: list[Stmt] = []
    returned: list[Leaf] = []
    mutated = mutated_parameters(program, body)
    for item in items:
        shared = isinstance(item, str) and (
            bool(sites.get(item, frozenset((item,))) & (inputs - set(mutated))) or item in returned
        )
        if isinstance(item, str) and shared:
            copy = names.fresh(f"{item}_out")
            arrays[copy] = arrays[item]
            tail.append(Copy(copy, item))
            item = copy
        returned.append(item)
    copies = [] if as_callee else _copies(mutated)
    whole = (*copies, *body, *tail, Return(tuple(returned)))
    exports = tuple(arrays_of(_inputs(program))) if as_callee else ()
    function = Function(program.name, _inputs(program), tuple(whole), arrays, exports)
    return Written(initialise(prune(function)), False)


def write_adjoint(
    program: Elaborated,
    body: Block,
    wrt: list[Var | str],
    outputs: list[Leaf],
    kind: str,
    *,
    strips: bool = False,
    rooms: tuple[Var, ...] = (),
) -> Written:
    """The adjoint: ``kind`` "gradient", "value_and_gradient", "vjp" or "reverse".

    For the gradients the first leaf of the result is the loss; for vjp every float leaf of the
    result and of ``outputs`` has a seed. "reverse" is the reverse of a function that the module
    calls: shadows are given as arguments and updated, adjoints of scalars are returned. ``strips``:
    iterations that can may run side by side, as no pass follows that takes longer for it.
    ``rooms``: further parameters, the numbers of snapshots of loops (``srcad.transform.mark``).
    """
    within = kind == "reverse"
    leaves = result_leaves(program.result)
    arrays, names = dict(program.arrays), program.names
    sites = points_to(body, set(arrays))
    body = sum_in_variables(body, sites, names)
    read = frozenset(n for leaf in (*leaves, *outputs) for n in _names_in(leaf))
    body = interchange(body, read, names, arrays)
    sites = points_to(body, set(arrays))
    items: list[Leaf] = [*leaves, *outputs] if kind in ("vjp", "reverse") else leaves[:1]
    floats = [i for i in items if _is_inexact(i, arrays)]
    ends: set[str] = set()
    for item in floats:
        ends |= {item} if isinstance(item, str) else carriers(item)
    given = [w for w in wrt if isinstance(w, str)] if within else []
    ends |= set(given)
    starts = {w if isinstance(w, str) else w.name for w in wrt}
    kept = program.escaping()
    alive = active(body, starts, ends, sites)
    body, private = _with_locals(body, arrays, alive, sites, names, kept)

    def reversed_by(body: Block, names: Names) -> Reverser:
        alive = active(body, starts, ends, sites)
        held = frozenset(kept), frozenset(given), frozenset(ends)
        return Reverser(body, dict(arrays), alive, sites, names, *held)

    def in_one(body: Block, results: bool) -> tuple[Function, Reverser]:
        def way(makers: dict[int, Maker]) -> tuple[Function, Reverser]:
            reverser = reversed_by(body, names)
            reverser.results = own_results(body) if results else frozenset()
            reverser.makers = makers
            return _in_one(program, body, wrt, given, floats, kind, rooms, reverser), reverser

        return _with_less_saved(body, sites, way, names)

    body = around(body, lambda b: reversed_by(b, Names(names.used)))
    used = names.used
    plain, reverser = in_one(body, False)
    written = names.used
    function = in_strips(plain, names) if strips else plain
    if function is plain:
        names.release(set(written))
        function, reverser = _cheapest((plain, reverser), body, in_one, names, used)
    function = hoist(function, private, reverser.bars, names)
    function = replace(function, body=run_once(_settled(function.body), frozenset()))
    function = initialise(_tidied(function))
    pooled = any(isinstance(s, Tape | Stack | Grow) for s in statements(function.body))
    if pooled and not within:
        function = replace(function, parameters=(*function.parameters, "pool"))
    return Written(function, pooled and not within, frozenset(reverser.bars.values()))


Way = Callable[[Block, bool], tuple[Function, Reverser]]
"""Writes the adjoint of a body; whether stores are reversed in terms of their results."""


def _cheapest(
    best: tuple[Function, Reverser], body: Block, way: Way, names: Names, used: frozenset[str]
) -> tuple[Function, Reverser]:
    """The adjoint written in other ways, if there are: that which costs least.

    ``used`` are the names before the first was written.
    """
    after, least = names.used, None

    def tried(body: Block, results: bool) -> None:
        nonlocal best, after, least
        least = cost(best[0]) if least is None else least
        other = way(body, results)
        if cost(other[0]) < least:
            best, after, least = other, names.used, cost(other[0])

    if own_results(body):
        names.release(set(used))
        tried(body, True)
    dear = repeated(best[0])
    if dear:
        names.release(set(used))
        named = hold(body, dear, names)
        tried(named, bool(best[1].results))
    names.release(set(after))
    return best


def _with_less_saved(
    body: Block,
    sites: Sites,
    way: Callable[[dict[int, Maker]], tuple[Function, Reverser]],
    names: Names,
) -> tuple[Function, Reverser]:
    """The adjoint with elements made again in place of saved, where less is saved then."""
    used = names.used
    best = way({})
    makers = remade(body, sites, best[1].stores_saved(tapes_of(best[0])))
    if makers:
        after = names.used
        names.release(set(used))
        other = way(makers)
        if saved(other[0]) < saved(best[0]):
            return other
        names.release(set(after))
    return best


def _in_one(
    program: Elaborated,
    body: Block,
    wrt: list[Var | str],
    given: list[str],
    floats: list[Leaf],
    kind: str,
    rooms: tuple[Var, ...],
    reverser: Reverser,
) -> Function:
    """The two sweeps in one function: with what is seeded and returned, without what is dead."""
    within, seeded = kind == "reverse", kind in ("vjp", "reverse")
    arrays, names, alive = reverser.arrays, program.names, reverser.active
    inputs = _inputs(program)
    given_names = {p if isinstance(p, str) else p.name for p in (*inputs, *rooms)}
    sweeps = reverser.run(given_names)

    seeds: list[Var | str] = []
    start: list[Stmt] = []
    for item in floats:
        seed: Expr | str
        if not seeded:
            seed = real(1.0, FLOAT if isinstance(item, str) else item.kind)
        elif isinstance(item, str):
            seed = names.fresh("seed")
            arrays[seed] = arrays[item]
            seeds.append(seed)
        else:
            seed = Var(names.fresh("seed"), item.kind)
            seeds.append(seed)
        start += _seeded(reverser, item, seed)

    primal: list[Stmt] = []
    returned: list[Leaf] = []
    if kind == "value_and_gradient":
        for item in result_leaves(program.result):
            returned.append(_kept(item, primal, names, arrays))
    written = _written_parameters(program, body, sweeps, arrays)
    forward: list[Stmt] = [*_copies(written), *sweeps.opening]
    if within:
        forward.insert(0, Assign(Var("pool", "pool"), Call("no_pool", (), "pool")))
    for name in arrays_of(inputs):
        if name in alive and name not in reverser.shadowed_late and name not in given:
            forward.append(ZerosLike(reverser.bar(name), name))
    forward += [Comment("forward sweep"), *sweeps.forward, *primal]
    reverse: list[Stmt] = [REVERSE, *sweeps.middle]
    for name in sorted(reverser.shadowed_late):
        if name in alive and name not in given:
            reverse.append(ZerosLike(reverser.bar(name), name))
    gradients: list[Leaf] = []
    tail: list[Stmt] = []
    for w in wrt:
        if w not in given:
            gradients.append(_gradient(w, reverser, alive, tail, names, arrays))
    lists = {s.target for s in statements(body) if isinstance(s, Keep)}
    bars = {reverser.bars[n]: n for n in reverser.bars if n not in {*arrays, *lists}}
    kinds = _kinds((*body, *start, *sweeps.reverse, Return(tuple(g for g in gradients))))
    zero = [
        Assign(Var(bar, kinds.get(bar, FLOAT)), literal(0.0, kinds.get(bar, FLOAT)))
        for bar in sorted(bars)
    ]
    whole = (
        *forward,
        *reverse,
        *zero,
        *start,
        *sweeps.reverse,
        *tail,
        Return((*returned, *gradients)),
    )
    title = f"{program.name}_reverse" if within else names.fresh(_title(program.name, kind))
    shadows = tuple(reverser.bar(name) for name in given)
    arrays |= {reverser.bar(name): arrays[name] for name in given}
    exports = (*shadows, *_recorded(program, body))
    parameters = (*inputs, *seeds, *shadows, *rooms)
    function = Function(title, parameters, tuple(whole), arrays, exports)
    function = prune(propagate_zeros(prune(lengths(function)), set(bars)))
    function = prune(unread(lengths(function)))  # what was read before it was pruned is told now
    function = read_saved(prune(drop_copies(function, reverser.keepers)), names)
    function = put_back(function)
    return replace(function, body=share(function.body))


def _with_locals(
    body: Block,
    arrays: dict[str, tuple[str, int]],
    alive: set[str],
    sites: Sites,
    names: Names,
    kept: set[str],
) -> tuple[Block, list[str]]:
    """The body with work arrays made in the loops that can rerun them, and their names."""
    while True:
        found, made = privatise(body, sites, kept)
        if not made:
            return found, []
        trial = Reverser(found, dict(arrays), alive, sites, Names(names.used), frozenset(kept))
        fixed = {n for n, loop in made.items() if not trial.reruns_array(n, loop)}
        if not fixed:
            return found, list(made)
        kept = kept | fixed


def _written_parameters(
    program: Elaborated, body: Block, sweeps: Sweeps, arrays: dict[str, tuple[str, int]]
) -> tuple[str, ...]:
    """Array parameters and captured arrays that the program or its reversal writes.

    A loop that goes back to a snapshot also writes arrays that it only exchanges.
    """
    mutated = mutated_parameters(program, body)
    whole = (*sweeps.opening, *sweeps.forward, *sweeps.middle, *sweeps.reverse)
    stored = stored_sites(whole, points_to(whole, set(arrays)))
    more = stored.difference(mutated, _recorded(program, body))
    return (*mutated, *(n for n in arrays_of(_inputs(program)) if n in more))


def _recorded(program: Elaborated, body: Block) -> tuple[str, ...]:
    """Captured arrays into which functions of the reverse sweep write (``on_backward``)."""
    rules = [s.pullback for s in statements(body) if isinstance(s, Invoke) and s.pullback]
    stored = {s.array for r in rules for s in statements(r.body) if isinstance(s, Store)}
    return tuple(c.name for c in program.captured if c.name in stored)


def write_callee(program: Elaborated, body: Block, reverses: bool) -> list[Function]:
    """A function that is called, and its reverse."""
    primal = write_primal(program, body, [], as_callee=True).function
    if not reverses:
        return [primal]
    leaves = [p for p in program.parameters if _is_inexact(p, program.arrays)]
    return [primal, write_adjoint(program, body, leaves, [], "reverse").function]


def arrays_of(inputs: tuple[Var | str, ...]) -> list[str]:
    """The array names among parameters."""
    return [p for p in inputs if isinstance(p, str)]


def _title(name: str, kind: str) -> str:
    return f"{name}_{kind.replace('gradient', 'grad')}"


def _is_inexact(item: Leaf, arrays: dict[str, tuple[str, int]]) -> bool:
    return is_inexact(arrays[item][0] if isinstance(item, str) else item.kind)


def _names_in(item: Leaf) -> frozenset[str]:
    return frozenset((item,)) if isinstance(item, str) else names_read(item)


def _seeded(reverser: Reverser, item: Leaf, seed: Expr | str) -> list[Stmt]:
    out: list[Stmt] = []
    if isinstance(item, str):
        if not reverser.is_active(item):
            return []
        assert isinstance(seed, str)
        kind = reverser.arrays[item][0]

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            place = Load(reverser.bar(item), at, kind)
            return [Store(place.array, at, accumulate(place, Load(seed, at, kind)))]

        return reverser.nest(item, reverser.arrays[item][1], body)
    assert not isinstance(seed, str)
    found = contributions(item, seed, reverser.active, reverser.namer(out), None, NOWHERE)
    return out + [reverser.add_to(leaf, term) for leaf, term in found]


def _kept(item: Leaf, out: list[Stmt], names, arrays: dict[str, tuple[str, int]]) -> Leaf:
    """A value of the primal that the reverse sweep must not change."""
    if isinstance(item, str):
        copy = names.fresh(f"{item}_out")
        arrays[copy] = arrays[item]
        out.append(Copy(copy, item))
        return copy
    var = Var(names.fresh("value"), item.kind)
    out.append(Assign(var, item))
    return var


def _gradient(
    w: Var | str,
    reverser: Reverser,
    alive: set[str],
    tail: list[Stmt],
    names,
    arrays: dict[str, tuple[str, int]],
) -> Leaf:
    if isinstance(w, str):
        bar = reverser.bar(w)
        if w not in alive:
            arrays[bar] = arrays[w]
            tail.append(ZerosLike(bar, w))
        return bar
    if w.name not in alive:
        return literal(0.0, w.kind)
    return reverser.bar_var(w)


def _kinds(block: Block) -> dict[str, str]:
    return {n: v.kind for n, v in variables(block).items()}


def _settled(block: Block) -> Block:
    """The block without what is said to the passes before it is done."""
    kept = tuple(s for s in block if not isinstance(s, Refill))
    kept = tuple(replace(s, dear=False) if isinstance(s, Assign) and s.dear else s for s in kept)
    return tuple(with_blocks(s, tuple(map(_settled, blocks(s)))) if blocks(s) else s for s in kept)


def _tidied(function: Function) -> Function:
    """Without the heading of a sweep that has nothing under it."""
    body = list(function.body)
    for k, stmt in enumerate(body):
        if isinstance(stmt, Comment) and stmt.text == "forward sweep":
            following = body[k + 1] if k + 1 < len(body) else None
            if following is None or (
                isinstance(following, Comment) and following.text == "reverse sweep"
            ):
                del body[k]
            break
    return replace(function, body=tuple(body))
