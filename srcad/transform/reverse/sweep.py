"""Reversal: from a program to the forward sweep that records and the reverse sweep that reads.

The statement list is reversed, block by block. Where the reverse sweep needs a value that the
program overwrites, it is made available in one of three ways, decided for each statement of a
loop's body (``_Level.replays``):

- *rerun*: an iteration begins, in the reverse sweep, by running again those of its statements
  that depend on nothing it has overwritten; so an iteration's locals are never saved;
- *slot*: what cannot be rerun (carried scalars, values read from arrays that the loop writes) is
  saved once an iteration, in an array indexed by the loop counters, or in a growing one where
  the number of iterations is not known;
- *undo*: an element about to be overwritten is saved, and put back before the statement that
  wrote it is reversed, so that arrays always hold what they held at that point of the program.

Everything that might be needed is written; ``srcad.transform.prune`` then drops what is not. ::

    for i in range(n):            for i in range(n):
        s = sin(s) + x[i]             s_tape[i] = s
                                      s = sin(s) + x[i]
                                  for i in range(n - 1, -1, -1):
                                      s = s_tape[i]
                                      x_b[i] += s_b
                                      s_b = cos(s) * s_b
"""

from __future__ import annotations

from dataclasses import dataclass, field

from srcad.analysis.activity import carriers
from srcad.analysis.alias import Sites
from srcad.analysis.flow import assigned, exposed, reads_of, scalars, writes_of
from srcad.ir.build import ONE, ZERO, accumulate, add, at_least_zero, integer, real, scale, sub
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
    Compare,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Grow,
    If,
    IndexCheck,
    Invoke,
    Keep,
    Load,
    Logic,
    MatMul,
    Pop,
    Print,
    Push,
    Raise,
    Select,
    Stack,
    Stmt,
    Store,
    Tape,
    Unary,
    Var,
    While,
    ZerosLike,
    expressions,
    names_read,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import BOOL, FLOAT, FLOAT32, INT, is_float
from srcad.transform.prune import pruned_block
from srcad.transform.reverse.expressions import contributions
from srcad.transform.reverse.products import reverse_product

Loop = For | While
_EFFECTS = (Check, IndexCheck, Raise, Print)


@dataclass
class Sweeps:
    """The two sweeps, and what has to stand before each."""

    opening: list[Stmt]
    """Stacks and lists: before the forward sweep."""
    forward: list[Stmt]
    middle: list[Stmt]
    """Tapes and shadows of the reverse sweep: before it."""
    reverse: list[Stmt]


@dataclass
class _Chain:
    """How an iteration of a recorded loop is numbered: by counters, or by a running number."""

    loops: tuple[Loop, ...]
    shape: tuple[Expr, ...] | None
    """Trip counts, where they are known before the first loop; None: a running number."""
    number: Var | None
    tapes: list[str] = field(default_factory=list)
    """Growing tapes that one iteration fills one slot of."""


@dataclass
class _Level:
    """A loop whose iteration is reversed (or, ``loop`` None, the whole program)."""

    loop: Loop | None
    chain: _Chain | None
    unstable: frozenset[str]
    """Sites whose contents change within an iteration and cannot be rerun."""
    moving: frozenset[str]
    """Array names that the loop only permutes: bound right after an iteration, not before."""
    skipped: set[int] = field(default_factory=set)
    """Inner loops (by id) that are not rerun."""
    kept: dict[tuple[int, str], str] = field(default_factory=dict)
    """Where the old value of a name is kept while an iteration is reversed."""
    tests: dict[int, Expr] = field(default_factory=dict)


class Reverser:
    """Writes the sweeps of one program; see the module's text."""

    def __init__(
        self,
        body: Block,
        arrays: dict[str, tuple[str, int]],
        active: set[str],
        sites: Sites,
        names: Names,
    ) -> None:
        self.body = body
        self.arrays = arrays
        self.active = active
        self.sites = sites
        self.names = names
        self.bars: dict[str, str] = {}
        self.opening: list[Stmt] = []
        self.middle: list[Stmt] = []
        self.tape_names: dict[tuple[object, ...], str] = {}
        self.chains: dict[tuple[int, ...], _Chain] = {}
        self.heads: dict[int, list[Stmt]] = {}
        self.trips: dict[int, Var] = {}
        self.shadowed_late: set[str] = set()
        self.fixed = self._fixed_names()
        self.stored = {
            s
            for stmt in statements(body)
            if isinstance(stmt, Store)
            for s in sites.get(stmt.array, ())
        }
        self.keepers: set[str] = set()
        """Variables that hold the old values of scalars."""
        self.comment: object = None
        self.facts: dict[int, tuple[frozenset[str], frozenset[str], frozenset[int]]] = {}
        self.locals: dict[int, set[str]] = {}
        self.idle: dict[int, bool] = {}

    # ------------------------------------------------------------ entry

    def run(self, parameters: set[str]) -> Sweeps:
        """Reverse the whole program; ``parameters`` are bound from the start."""
        top = _Level(None, None, frozenset(), frozenset())
        self._late_shadows(parameters)
        self.entry = parameters
        forward = self._forward(self.body, top, set(parameters))
        reverse = self._reverse(self.body, top)
        return Sweeps(self.opening, forward, self.middle, reverse)

    def bar(self, name: str) -> str:
        """The adjoint (of a scalar) or the shadow (of an array)."""
        if name not in self.bars:
            self.bars[name] = self.names.fresh(f"{name}_b")
            if name in self.arrays:
                self.arrays[self.bars[name]] = self.arrays[name]
        return self.bars[name]

    def bar_var(self, var: Var) -> Var:
        """The adjoint of a scalar."""
        return Var(self.bar(var.name), var.kind)

    def is_active(self, name: str) -> bool:
        """Whether a name carries a derivative."""
        return name in self.active

    # ------------------------------------------------------------ facts

    def _fixed_names(self) -> set[str]:
        """Names bound at most once, outside of loops and branches: the same all along."""
        counts: dict[str, int] = {}
        nested: set[str] = set()
        for stmt in self.body:
            for name in writes_of(stmt):
                counts[name] = counts.get(name, 0) + 1
            if isinstance(stmt, For | While | If):
                nested |= assigned((stmt,))
        every = set(self.arrays)
        for stmt in statements(self.body):
            every |= reads_of(stmt)
        return {n for n in every if counts.get(n, 0) <= 1 and n not in nested}

    def _late_shadows(self, parameters: set[str]) -> None:
        """Arrays with one binding, never aliased: their shadows wait for the reverse sweep."""
        held: dict[str, int] = {}
        for found in self.sites.values():
            for site in found:
                held[site] = held.get(site, 0) + 1
        for name in self.arrays:
            if (
                name in self.fixed
                and self.sites.get(name) == frozenset((name,))
                and held[name] == 1
            ):
                self.shadowed_late.add(name)

    def level_of(self, loop: Loop, chain: _Chain) -> _Level:
        """A loop whose iterations are reversed."""
        unstable, moving, skipped = self._facts(loop)
        return _Level(loop, chain, unstable, moving, set(skipped))

    def _facts(self, loop: Loop) -> tuple[frozenset[str], frozenset[str], frozenset[int]]:
        """What an iteration of a loop can rerun: unstable sites, moving names, skipped loops."""
        if id(loop) not in self.facts:
            self.facts[id(loop)] = self._decided(loop)
        return self.facts[id(loop)]

    def _decided(self, loop: Loop) -> tuple[frozenset[str], frozenset[str], frozenset[int]]:
        body = loop.body
        binds = [s for s in statements(body) if isinstance(s, Bind)]
        made = {n for s in statements(body) if not isinstance(s, Bind) for n in writes_of(s)}
        moving = {t for s in binds for t in s.targets} - made
        while True:
            fixed = {
                t
                for s in binds
                if not set(s.targets) == set(s.sources) <= moving
                for t in s.targets
            }
            if not fixed & moving:
                break
            moving -= fixed
        candidates = set(self._local_sites(loop))
        while True:
            unstable = self._stored(body) - candidates
            level = _Level(loop, None, frozenset(unstable), frozenset(moving))
            spoiled = self._spoiled(body, level)
            if not spoiled & candidates:
                break
            candidates -= spoiled
        inner = [s for s in statements(body) if isinstance(s, For | While)]
        skipped = frozenset(id(s) for s in inner if not self._reruns(s, level))
        return level.unstable, level.moving, skipped

    def _local_sites(self, loop: Loop) -> set[str]:
        """Arrays made in an iteration that nothing outside of it can see."""
        if id(loop) not in self.locals:
            self.locals[id(loop)] = self._made_inside(loop)
        return self.locals[id(loop)]

    def _made_inside(self, loop: Loop) -> set[str]:
        made = {s.target for s in statements(loop.body) if isinstance(s, Alloc | Copy | MatMul)}
        if not made:
            return set()
        outside: set[str] = set()
        for stmt in statements(_without(self.body, loop)):
            outside |= reads_of(stmt) | set(writes_of(stmt))
        early = exposed(loop.body)
        aliased = {s for name, found in self.sites.items() for s in found if name != s}
        return {t for t in made if t not in outside and t not in early and t not in aliased}

    def _stored(self, body: Block) -> set[str]:
        out: set[str] = set()
        for stmt in statements(body):
            match stmt:
                case Store():
                    out |= self.sites.get(stmt.array, frozenset((stmt.array,)))
                case Invoke():
                    for name in stmt.writes:
                        out |= self.sites.get(name, frozenset((name,)))
        return out

    def _spoiled(self, body: Block, level: _Level) -> set[str]:
        """Local arrays whose contents cannot be rerun after all."""
        out: set[str] = set()
        for stmt in body:
            match stmt:
                case For() | While():
                    if not self._reruns(stmt, level):
                        out |= self._stored(stmt.body)
                        out |= {
                            s.target
                            for s in statements(stmt.body)
                            if isinstance(s, Alloc | Copy | MatMul)
                        }
                case If():
                    out |= self._spoiled(stmt.body, level)
                    out |= self._spoiled(stmt.orelse, level)
                case Store():
                    if not self._stable(stmt, level):
                        out |= self.sites.get(stmt.array, frozenset((stmt.array,)))
                case Copy() | MatMul() | Alloc():
                    if not self._stable(stmt, level):
                        out.add(stmt.target)
                case Invoke():
                    for name in stmt.writes:
                        out |= self.sites.get(name, frozenset((name,)))
        return out

    def _stable(self, stmt: Stmt, level: _Level) -> bool:
        """Whether what a statement reads is, at the start of the reversed iteration, as it was."""
        if reads_of(stmt) & level.moving:
            return False
        arrays = [e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)]
        match stmt:
            case Copy():
                arrays.append(stmt.source)
            case MatMul():
                arrays += [stmt.a, stmt.b]
        return not any(self.sites.get(a, frozenset((a,))) & level.unstable for a in arrays)

    def _reruns(self, stmt: Stmt, level: _Level) -> bool:
        """Whether a statement of an iteration is run again when the iteration is reversed."""
        if level.loop is None:
            return True
        match stmt:
            case For() | While():
                return self._stable(stmt, level) and all(
                    self._inner_reruns(s, level) for s in statements(stmt.body)
                )
            case Store():
                sites = self.sites.get(stmt.array, frozenset((stmt.array,)))
                return (
                    self._stable(stmt, level)
                    and not sites & level.unstable
                    and self._is_local(sites, level)
                )
            case Alloc() | Copy() | MatMul():
                return self._stable(stmt, level) and self._is_local({stmt.target}, level)
            case Invoke():
                return False
            case Bind():
                return not (set(stmt.targets) | set(stmt.sources)) & level.moving
        return self._stable(stmt, level)

    def _inner_reruns(self, stmt: Stmt, level: _Level) -> bool:
        if isinstance(stmt, Bind | Invoke):
            return False
        if isinstance(stmt, *(_EFFECTS,)):
            return True
        if isinstance(stmt, If):
            return self._stable(stmt, level)
        return self._reruns(stmt, level)

    def _is_local(self, sites: set[str] | frozenset[str], level: _Level) -> bool:
        assert level.loop is not None
        local = self._local_sites(level.loop)
        return set(sites) <= local and not set(sites) & level.unstable

    # ------------------------------------------------------------ slots

    def chain(self, outer: tuple[Loop, ...], loop: Loop) -> _Chain:
        """How the iterations of a loop, recorded inside ``outer`` ones, are numbered."""
        loops = (*outer, loop)
        key = tuple(id(x) for x in loops)
        if key not in self.chains:
            shape = self._shape(loops)
            number = None if shape is not None else Var(self.names.fresh("trip"), INT)
            self.chains[key] = _Chain(loops, shape, number)
        return self.chains[key]

    def _shape(self, loops: tuple[Loop, ...]) -> tuple[Expr, ...] | None:
        changing = assigned((loops[0],)) if len(loops) > 1 else set()
        at_top = any(loops[0] is s for s in _plain_statements(self.body))
        shape: list[Expr] = []
        for loop in loops:
            if not isinstance(loop, For) or loop.until is not None:
                return None
            names = names_read(loop.start) | names_read(loop.stop) | names_read(loop.step)
            if names & changing or not (at_top or names <= self.fixed):
                return None
            size = trip_count(loop)
            shape.append(size if _certainly_positive(size) else at_least_zero(size))
        return tuple(shape)

    def slot(self, chain: _Chain) -> tuple[Expr, ...]:
        """The place of the current iteration on the tapes of a chain."""
        if chain.number is not None:
            return (chain.number,)
        return tuple(position(loop) for loop in chain.loops if isinstance(loop, For))

    def tape(self, key: tuple[object, ...], base: str, dtype: str, chain: _Chain) -> str:
        """The tape of one value that each iteration of a chain saves."""
        key = (key, tuple(id(x) for x in chain.loops))
        if key not in self.tape_names:
            name = self.names.fresh(f"{base}_tape")
            self.tape_names[key] = name
            self.arrays[name] = (dtype, len(chain.shape) if chain.shape else 1)
            if chain.shape is None:
                self.opening.append(Stack(name, dtype))
                chain.tapes.append(name)
            else:
                head = chain.loops[0]
                if any(head is s for s in _plain_statements(self.body)):
                    self.heads.setdefault(id(head), []).append(Tape(name, chain.shape, dtype))
                else:
                    self.middle.append(Tape(name, chain.shape, dtype))
        return self.tape_names[key]

    def saved(self, key: tuple[object, ...], base: str, kind: str, chain: _Chain) -> Load:
        """The slot, as an expression, of a value saved once an iteration."""
        return Load(self.tape(key, base, kind, chain), self.slot(chain), kind)

    def save(self, key: tuple[object, ...], base: str, value: Expr, chain: _Chain) -> Stmt:
        """Save a value in its slot."""
        place = self.saved(key, base, value.kind, chain)
        return Store(place.array, place.index, value, True)

    def list_of(self, key: tuple[object, ...], array: str, chain: _Chain) -> str:
        """The list of references to the arrays that a name denoted, one an iteration."""
        key = (key, tuple(id(x) for x in chain.loops))
        if key not in self.tape_names:
            name = self.names.fresh(f"{array}_list")
            self.tape_names[key] = name
            self.opening.append(Keep(name, *self.arrays[array]))
        return self.tape_names[key]

    def with_bars(self, names: list[str]) -> list[str]:
        """Array names and the shadows that are bound along with them."""
        extra = [self.bar(n) for n in names if self.is_active(n) and n not in self.shadowed_late]
        return [*names, *extra]

    # ------------------------------------------------------------ forward: a level

    def _forward(self, block: Block, level: _Level, defined: set[str]) -> list[Stmt]:
        """Run the statements of a level, keeping what its reversal needs (the rerun part)."""
        out: list[Stmt] = []
        for stmt in block:
            if level.loop is not None and isinstance(stmt, _EFFECTS):
                continue
            match stmt:
                case If():
                    out += self._forward_if(stmt, level, defined)
                    continue
                case For() | While():
                    out += self._forward_loop(stmt, level, defined)
                    continue
                case Bind() if set(stmt.targets) & level.moving:
                    continue
            out += self._keep(stmt, level, defined, set(writes_of(stmt)))
            if isinstance(stmt, Invoke) and level.loop is None:
                out += self._kept_copies(stmt, level)
            if self._reruns(stmt, level):
                if isinstance(stmt, Store) and not stmt.fresh:
                    out.append(self._keep_element(stmt, level))
                out.append(stmt)
                out += self._shadow_of(stmt)
            else:
                out += self._loaded(stmt, level)
            defined |= set(writes_of(stmt))
        return out

    def _forward_if(self, stmt: If, level: _Level, defined: set[str]) -> list[Stmt]:
        out: list[Stmt] = []
        test = stmt.test
        if level.loop is not None and not self._stable(If(stmt.test, (), ()), level):
            assert level.chain is not None
            test = self.saved((id(stmt), "test"), "test", BOOL, level.chain)
        if not self._repeatable(test, stmt, level):
            var = Var(self.names.fresh("test"), BOOL)
            out.append(Assign(var, test, stmt.at))
            test = var
        level.tests[id(stmt)] = test
        one, two = set(defined), set(defined)
        body = self._forward(stmt.body, level, one)
        orelse = self._forward(stmt.orelse, level, two)
        defined |= one | two
        out.append(If(test, tuple(body), tuple(orelse), stmt.at))
        return out

    def _repeatable(self, test: Expr, stmt: If, level: _Level) -> bool:
        """Whether a condition can simply be evaluated again when the branch is reversed."""
        if isinstance(test, Var):
            return False
        block = level.loop.body if level.loop is not None else self.body
        for e in walk(test):
            match e:
                case Load():
                    if (
                        e.array not in self.fixed
                        or self.sites.get(e.array, frozenset()) & self.stored
                    ):
                        return False
                case Var():
                    if e.name not in self.fixed and not (
                        isinstance(level.loop, For) and e.name == level.loop.var.name
                    ):
                        writes = [s for s in statements(block) if e.name in writes_of(s)]
                        first = [s for s in block if e.name in writes_of(s)]
                        if not (len(writes) == len(first) == 1) or e.name in exposed(block):
                            return False
                case Const() | Compare() | Logic() | Extent() | Unary():
                    pass
                case _:
                    return False
        return True

    def _forward_loop(self, stmt: Loop, level: _Level, defined: set[str]) -> list[Stmt]:
        changed = assigned((stmt,)) - self._moved(stmt)
        out = self._keep(stmt, level, defined, changed)
        if id(stmt) in level.skipped or self._is_idle(stmt, level):
            level.skipped.add(id(stmt))
            out += self._loaded_outs(stmt, level)
        else:
            recorded = self._recorded(stmt, ())
            out += recorded if level.loop is None else _silent(recorded)
        defined |= assigned((stmt,))
        return out

    def _moved(self, loop: Loop) -> set[str]:
        """Array names that a loop only permutes: reversing it puts them back by itself."""
        return set(self._facts(loop)[1])

    def _is_idle(self, loop: Loop, level: _Level) -> bool:
        """Whether the reversal of an inner loop needs nothing that rerunning it would record."""
        if level.loop is None:
            return False
        if id(loop) not in self.idle:
            self.idle[id(loop)] = self._needs_no_rerun(loop)
        return self.idle[id(loop)]

    def _needs_no_rerun(self, loop: Loop) -> bool:
        made = any(
            isinstance(s, Alloc | Copy | MatMul | Store | Bind | Invoke)
            for s in statements(loop.body)
        )
        if made or isinstance(loop, While) or loop.until is not None:
            return False
        trial = Reverser(
            self.body,
            dict(self.arrays),
            self.active,
            self.sites,
            Names(frozenset(self._all_names())),
        )
        trial.idle, trial.facts, trial.locals = self.idle, self.facts, self.locals
        chain = trial.chain((), loop)
        iteration = trial._reversed_iteration(loop, chain)
        live = (frozenset(self._all_names()) - assigned((loop,))) | frozenset(trial.bars.values())
        kept = pruned_block(tuple(iteration), set(trial.arrays), live)
        tapes = set(trial.tape_names.values())
        return not any(reads_of(s) & tapes for s in statements(kept) if not isinstance(s, Grow))

    def _all_names(self) -> set[str]:
        out: set[str] = set()
        for stmt in statements(self.body):
            out |= reads_of(stmt) | set(writes_of(stmt))
        return out

    def _keep(self, stmt: Stmt, level: _Level, defined: set[str], names: set[str]) -> list[Stmt]:
        """Keep the values of names that a statement is about to bind anew."""
        out: list[Stmt] = []
        kinds = scalars((stmt,))
        for name in sorted(names & defined):
            if isinstance(stmt, Bind) and set(stmt.targets) == set(stmt.sources):
                continue
            if name in self.arrays:
                for n in self.with_bars([name]):
                    kept = self.names.fresh(f"{n}_old")
                    self.arrays[kept] = self.arrays[n]
                    level.kept[id(stmt), n] = kept
                    out.append(Bind((kept,), (n,)))
            elif name in kinds:
                kept = self.names.fresh(f"{name}_old")
                self.keepers.add(kept)
                level.kept[id(stmt), name] = kept
                out.append(Assign(Var(kept, kinds[name].kind), kinds[name]))
        return out

    def _keep_element(self, stmt: Store, level: _Level) -> Stmt:
        kind = stmt.value.kind
        kept = self.names.fresh(f"{stmt.array}_old")
        level.kept[id(stmt), "element"] = kept
        return Assign(Var(kept, kind), Load(stmt.array, stmt.index, kind))

    def _shadow_of(self, stmt: Stmt) -> list[Stmt]:
        """The shadow of an array that a statement makes or binds."""
        match stmt:
            case Alloc() | Copy() | MatMul() if (
                self.is_active(stmt.target) and stmt.target not in self.shadowed_late
            ):
                return [ZerosLike(self.bar(stmt.target), stmt.target, stmt.at)]
            case Bind() if any(self.is_active(t) for t in stmt.targets):
                pairs = [
                    (self.bar(t), self.bar(s))
                    for t, s in zip(stmt.targets, stmt.sources, strict=True)
                    if self.is_active(t)
                ]
                targets, sources = zip(*pairs, strict=True)
                return [Bind(tuple(targets), tuple(sources), stmt.at)]
        return []

    def _loaded(self, stmt: Stmt, level: _Level) -> list[Stmt]:
        """What takes the place of a statement that is not rerun: its results from the tape."""
        assert level.chain is not None
        match stmt:
            case Assign():
                return [
                    Assign(
                        stmt.target,
                        self.saved(
                            (id(stmt), "value"), stmt.target.name, stmt.target.kind, level.chain
                        ),
                        stmt.at,
                    )
                ]
            case Alloc() | Copy() | MatMul():
                names = self.with_bars([stmt.target])
                return [Pop(n, self.list_of((id(stmt), n), n, level.chain), stmt.at) for n in names]
            case Bind():
                names = self.with_bars(list(stmt.targets))
                return [Pop(n, self.list_of((id(stmt), n), n, level.chain), stmt.at) for n in names]
            case Invoke():
                return [
                    Assign(t, self.saved((id(stmt), t.name), t.name, t.kind, level.chain), stmt.at)
                    for t in stmt.targets
                ]
        return []

    def _loaded_outs(self, loop: Loop, level: _Level) -> list[Stmt]:
        """What a loop that is not rerun leaves behind, from the tape."""
        assert level.chain is not None
        out: list[Stmt] = []
        for var in self._outs(loop):
            out.append(
                Assign(var, self.saved((id(loop), var.name), var.name, var.kind, level.chain))
            )
        for name in self._bound_outs(loop, level):
            out += [
                Pop(n, self.list_of((id(loop), n), n, level.chain)) for n in self.with_bars([name])
            ]
        return out

    def _outs(self, loop: Loop) -> list[Var]:
        outs = [v for _, v in sorted(scalars((loop,)).items())]
        if isinstance(loop, While) or loop.until is not None:
            outs.append(self._trips(loop))
        return outs

    def _bound_outs(self, loop: Loop, level: _Level) -> list[str]:
        return sorted(n for n in assigned((loop,)) if n in self.arrays and n not in level.moving)

    def _trips(self, loop: Loop) -> Var:
        if id(loop) not in self.trips:
            self.trips[id(loop)] = Var(self.names.fresh("trips"), INT)
        return self.trips[id(loop)]

    # ------------------------------------------------------------ forward: recorded loops

    def _recorded(self, loop: Loop, outer: tuple[Loop, ...]) -> list[Stmt]:
        """A loop that runs and saves, in slots, what the reversal of its iterations needs."""
        chain = self.chain(outer, loop)
        level = self.level_of(loop, chain)
        body = self._recorded_start(loop, level, chain)
        body += self._recorded_block(loop.body, level, chain)
        counts = isinstance(loop, While) or loop.until is not None
        if chain.number is not None:
            body = [*(Grow(t, chain.number) for t in chain.tapes), *body]
            body.append(Assign(chain.number, add(chain.number, ONE)))
        if counts:
            trips = self._trips(loop)
            body.append(Assign(trips, add(trips, ONE)))
        out: list[Stmt] = []
        if not outer:
            numbered = [
                c.number
                for c in self.chains.values()
                if c.loops[0] is loop and c.number is not None
            ]
            out += [Assign(n, ZERO) for n in numbered]
        if counts:
            out.append(Assign(self._trips(loop), ZERO))
        out += self.heads.pop(id(loop), [])
        out.append(with_blocks(loop, (tuple(body),)))
        return out

    def _recorded_start(self, loop: Loop, level: _Level, chain: _Chain) -> list[Stmt]:
        """Save what an iteration finds: the scalars and array names that it carries."""
        out: list[Stmt] = []
        for var in self._carried(loop):
            out.append(self.save((id(loop), "carried", var.name), var.name, var, chain))
        for name in self._carried_arrays(loop, level):
            out += [
                Push(self.list_of((id(loop), "carried", n), n, chain), n)
                for n in self.with_bars([name])
            ]
        return out

    def _carried(self, loop: Loop) -> list[Var]:
        early = exposed(loop.body)
        return [v for n, v in sorted(scalars(loop.body).items()) if n in early]

    def _carried_arrays(self, loop: Loop, level: _Level) -> list[str]:
        early = exposed(loop.body)
        return sorted(
            n
            for n in assigned(loop.body)
            if n in self.arrays and n in early and n not in level.moving
        )

    def _recorded_block(self, block: Block, level: _Level, chain: _Chain) -> list[Stmt]:
        out: list[Stmt] = []
        for stmt in block:
            match stmt:
                case If():
                    out += self._recorded_if(stmt, level, chain)
                case For() | While():
                    out += self._recorded_inner(stmt, level, chain)
                case Store() if not self._reruns(stmt, level):
                    if not stmt.fresh:
                        old = Load(stmt.array, stmt.index, stmt.value.kind)
                        out.append(self.save((id(stmt), "old"), stmt.array, old, chain))
                    out.append(stmt)
                case Bind():
                    out += [stmt, *self._shadow_of(stmt)]
                    if not self._reruns(stmt, level) and not set(stmt.targets) & level.moving:
                        names = self.with_bars(list(stmt.targets))
                        out += [Push(self.list_of((id(stmt), n), n, chain), n) for n in names]
                case _ if self._reruns(stmt, level):
                    out.append(stmt)
                case Assign():
                    out += [
                        stmt,
                        self.save((id(stmt), "value"), stmt.target.name, stmt.target, chain),
                    ]
                case Alloc() | Copy() | MatMul():
                    out += [stmt, *self._shadow_of(stmt)]
                    names = self.with_bars([stmt.target])
                    out += [Push(self.list_of((id(stmt), n), n, chain), n) for n in names]
                case Invoke():
                    out += self._invoke_recorded(stmt, chain)
                case _:
                    out.append(stmt)
        return out

    def _recorded_if(self, stmt: If, level: _Level, chain: _Chain) -> list[Stmt]:
        out: list[Stmt] = []
        test = stmt.test
        if not self._stable(If(stmt.test, (), ()), level):
            place = self.saved((id(stmt), "test"), "test", BOOL, chain)
            if not isinstance(test, Var):
                var = Var(self.names.fresh("test"), BOOL)
                out.append(Assign(var, test, stmt.at))
                test = var
            out.append(Store(place.array, place.index, test, True))
        body = self._recorded_block(stmt.body, level, chain)
        orelse = self._recorded_block(stmt.orelse, level, chain)
        out.append(If(test, tuple(body), tuple(orelse), stmt.at))
        return out

    def _recorded_inner(self, stmt: Loop, level: _Level, chain: _Chain) -> list[Stmt]:
        skipped = id(stmt) in level.skipped
        if not skipped and not self._is_idle(stmt, level):
            return [stmt]
        out: list[Stmt] = self._recorded(stmt, chain.loops) if skipped else [stmt]
        for var in self._outs(stmt):
            out.append(self.save((id(stmt), var.name), var.name, var, chain))
        for name in self._bound_outs(stmt, level):
            out += [Push(self.list_of((id(stmt), n), n, chain), n) for n in self.with_bars([name])]
        return out

    # ------------------------------------------------------------ reverse

    def _reverse(self, block: Block, level: _Level) -> list[Stmt]:
        """Reverse the statements of a level, last first."""
        out: list[Stmt] = []
        for stmt in reversed(block):
            made = self._reverse_statement(stmt, level)
            if made:
                line = (stmt.at.file, stmt.at.line)
                if line != self.comment and stmt.at.text and not isinstance(stmt, For | While | If):
                    out.append(Comment(stmt.at.text.strip()))
                    self.comment = line
                out += made
        return out

    def _reverse_statement(self, stmt: Stmt, level: _Level) -> list[Stmt]:
        match stmt:
            case Assign():
                return self._reverse_assign(stmt, level)
            case Store():
                return self._reverse_store(stmt, level)
            case If():
                body, orelse = self._reverse(stmt.body, level), self._reverse(stmt.orelse, level)
                if not body and not orelse:
                    return []
                self.comment = None
                return [If(level.tests[id(stmt)], tuple(body), tuple(orelse), stmt.at)]
            case For() | While():
                return self._reverse_loop(stmt, level)
            case Bind() if set(stmt.targets) == set(stmt.sources):
                return self._permuted_back(stmt)
            case Copy():
                out: list[Stmt] = []
                if self.is_active(stmt.target):
                    out = self._copied_back(stmt)
                return out + self._restored(stmt, level, [stmt.target])
            case MatMul():
                out = reverse_product(stmt, self) if self.is_active(stmt.target) else []
                return out + self._restored(stmt, level, [stmt.target])
            case Alloc():
                return self._restored(stmt, level, [stmt.target])
            case Bind():
                return self._restored(stmt, level, list(stmt.targets))
            case Invoke():
                return self._reverse_invoke(stmt, level)
        return []

    def _restored(self, stmt: Stmt, level: _Level, names: list[str]) -> list[Stmt]:
        """Give names back the values that they had before a statement."""
        out: list[Stmt] = []
        kinds = scalars((stmt,))
        for name in names:
            if name in self.arrays:
                for n in self.with_bars([name]):
                    kept = level.kept.get((id(stmt), n))
                    if kept is not None:
                        out.append(Bind((n,), (kept,)))
            else:
                kept = level.kept.get((id(stmt), name))
                if kept is not None:
                    out.append(Assign(kinds[name], Var(kept, kinds[name].kind)))
        return out

    def _permuted_back(self, stmt: Bind) -> list[Stmt]:
        out: list[Stmt] = [Bind(stmt.sources, stmt.targets, stmt.at)]
        for shadow in self._shadow_of(stmt):
            assert isinstance(shadow, Bind)
            out.append(Bind(shadow.sources, shadow.targets, stmt.at))
        return out

    def namer(self, out: list[Stmt]):
        """A function that gives expressions names by assignments written to ``out``."""

        def name(expr: Expr, base: str) -> Expr:
            if isinstance(expr, Var | Const):
                return expr
            var = Var(self.names.fresh(base), expr.kind)
            out.append(Assign(var, expr))
            return var

        return name

    def add_to(self, leaf: Var | Load, term: Expr) -> Stmt:
        """Accumulate a contribution."""
        term = _floating(term, leaf.kind)
        if isinstance(leaf, Var):
            bar = self.bar_var(leaf)
            return Assign(bar, accumulate(bar, term))
        place = Load(self.bar(leaf.array), leaf.index, leaf.kind)
        return Store(place.array, place.index, accumulate(place, term))

    def _reverse_assign(self, stmt: Assign, level: _Level) -> list[Stmt]:
        restore = self._restored(stmt, level, [stmt.target.name])
        if not is_float(stmt.target.kind) or not self.is_active(stmt.target.name):
            return restore
        target = stmt.target
        seed = self.bar_var(target)
        value = stmt.value
        result = None if restore or target.name in names_read(value) else target
        out: list[Stmt] = list(restore)
        found = contributions(value, seed, self.active, self.namer(out), result, stmt.at)
        own = [term for leaf, term in found if leaf == target]
        for leaf, term in found:
            if leaf != target:
                out.append(self.add_to(leaf, term))
        total: Expr = real(0.0, seed.kind)
        for k, term in enumerate(own):
            term = _floating(term, seed.kind)
            total = term if k == 0 else accumulate(total, term)
        if total != seed:
            out.append(Assign(seed, total))
        return out

    def _reverse_store(self, stmt: Store, level: _Level) -> list[Stmt]:
        out: list[Stmt] = []
        kept = level.kept.get((id(stmt), "element"))
        kind = stmt.value.kind
        if kept is not None:
            out.append(Store(stmt.array, stmt.index, Var(kept, kind)))
        elif not stmt.fresh and not (level.loop is None or self._reruns(stmt, level)):
            assert level.chain is not None
            out.append(
                Store(
                    stmt.array,
                    stmt.index,
                    self.saved((id(stmt), "old"), stmt.array, kind, level.chain),
                )
            )
        if not is_float(kind) or not self.is_active(stmt.array):
            return out
        place = Load(self.bar(stmt.array), stmt.index, kind)
        own = Load(stmt.array, stmt.index, kind)
        rest = _added_to(stmt.value, own)
        if rest is not None:
            value, keeps = rest, True
        else:
            value, keeps = stmt.value, False
        family = {
            n
            for n, s in self.sites.items()
            if s & self.sites.get(stmt.array, frozenset((stmt.array,)))
        }
        touched = carriers(value) & self.active
        if not touched:
            if not keeps and not stmt.fresh:
                out.append(Store(place.array, place.index, real(0.0, kind)))
            return out
        overlaps = bool(touched & family)
        seed: Expr = place
        if overlaps:
            seed = Var(self.names.fresh("seed"), kind)
            out.append(Assign(seed, place))
        found = contributions(value, seed, self.active, self.namer(out), None, stmt.at)
        if not overlaps and sum(_mentions(term, place) for _, term in found) > 2:
            seed = Var(self.names.fresh("seed"), kind)
            out.append(Assign(seed, place))
            found = contributions(value, seed, self.active, self.namer(out), None, stmt.at)
        if keeps:
            out += [self.add_to(leaf, term) for leaf, term in found]
            return out
        selfs = [term for leaf, term in found if leaf == own]
        others = [(leaf, term) for leaf, term in found if leaf != own]
        aliased = any(isinstance(leaf, Load) and leaf.array in family for leaf, _ in others)
        if aliased or not overlaps:
            if overlaps and not stmt.fresh:
                out.append(Store(place.array, place.index, real(0.0, kind)))
            out += [self.add_to(leaf, term) for leaf, term in found]
            if not overlaps and not stmt.fresh:
                out.append(Store(place.array, place.index, real(0.0, kind)))
            return out
        out += [self.add_to(leaf, term) for leaf, term in others]
        total = selfs[0]
        for term in selfs[1:]:
            total = accumulate(total, term)
        out.append(Store(place.array, place.index, total))
        return out

    def _copied_back(self, stmt: Copy) -> list[Stmt]:
        ndim = self.arrays[stmt.target][1]

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            share = Load(self.bar(stmt.target), at, FLOAT)
            place = Load(self.bar(stmt.source), at, FLOAT)
            return [Store(place.array, at, accumulate(place, share))]

        return self.nest(stmt.target, ndim, body)

    def nest(self, array: str, ndim: int, body) -> list[Stmt]:
        """Loops over all elements of an array."""
        counters = [Var(self.names.fresh("ijklmn"[k % 6]), INT) for k in range(ndim)]
        block: list[Stmt] = body(tuple(counters))
        for k in reversed(range(ndim)):
            block = [For(counters[k], ZERO, Extent(array, k), ONE, tuple(block))]
        return block

    def _reverse_loop(self, stmt: Loop, level: _Level) -> list[Stmt]:
        skipped = level.loop is not None and id(stmt) in level.skipped
        idle = skipped and self._reruns(stmt, level)
        outer = level.chain.loops if skipped and not idle and level.chain is not None else ()
        chain = self.chain(outer, stmt)
        self.comment = None
        inner = self._reversed_iteration(stmt, chain)
        self.comment = None
        counts = isinstance(stmt, While) or stmt.until is not None
        var = stmt.var if isinstance(stmt, For) else None
        if counts:
            trips = self._trips(stmt)
            k = Var(self.names.fresh("k"), INT)
            if var is not None and isinstance(stmt, For):
                inner = [Assign(var, add(stmt.start, times_step(k, stmt.step))), *inner]
            if chain.number is not None and len(chain.loops) == 1:
                inner = [Assign(chain.number, k), *inner]
            loop = For(k, sub(trips, ONE), integer(-1), integer(-1), tuple(inner), None, stmt.at)
        else:
            assert isinstance(stmt, For)
            if chain.number is not None and len(chain.loops) == 1:
                inner = [Assign(chain.number, position(stmt)), *inner]
            loop = backwards(stmt, inner, self.names)
        if chain.number is not None and len(chain.loops) > 1:
            step_back = Assign(chain.number, sub(chain.number, ONE))
            loop = with_blocks(loop, ((step_back, *loop.body),))
        restore = self._restored(stmt, level, sorted(assigned((stmt,)) - self._moved(stmt)))
        return [loop, *restore]

    def _reversed_iteration(self, loop: Loop, chain: _Chain) -> list[Stmt]:
        """One iteration reversed: take up what it found, rerun, reverse."""
        level = self.level_of(loop, chain)
        out: list[Stmt] = []
        for var in self._carried(loop):
            out.append(
                Assign(var, self.saved((id(loop), "carried", var.name), var.name, var.kind, chain))
            )
        for name in self._carried_arrays(loop, level):
            out += [
                Pop(n, self.list_of((id(loop), "carried", n), n, chain))
                for n in self.with_bars([name])
            ]
        defined = exposed(loop.body)
        rerun = self._forward(loop.body, level, defined)
        return [*out, *rerun, *self._reverse(loop.body, level)]

    # ------------------------------------------------------------ calls that are not inlined

    def _kept_copies(self, stmt: Invoke, level: _Level) -> list[Stmt]:
        """Copies of the arrays that a call writes, as they are before it."""
        out: list[Stmt] = []
        for name in stmt.writes:
            kept = self.names.fresh(f"{name}_before")
            self.arrays[kept] = self.arrays[name]
            level.kept[id(stmt), f"copy of {name}"] = kept
            out.append(Copy(kept, name))
        return out

    def _invoke_recorded(self, stmt: Invoke, chain: _Chain) -> list[Stmt]:
        out: list[Stmt] = []
        for name in stmt.writes:
            kept = self.names.fresh(f"{name}_before")
            self.arrays[kept] = self.arrays[name]
            out += [
                Copy(kept, name),
                Push(self.list_of((id(stmt), "copy", name), name, chain), kept),
            ]
        out.append(stmt)
        return out + [self.save((id(stmt), t.name), t.name, t, chain) for t in stmt.targets]

    def _reverse_invoke(self, stmt: Invoke, level: _Level) -> list[Stmt]:
        """``y = g(x, u)``: g is run again and reversed by a function of its own."""
        out: list[Stmt] = []
        for name in stmt.writes:
            kept = level.kept.get((id(stmt), f"copy of {name}"))
            if kept is None:
                assert level.chain is not None
                kept = self.names.fresh(f"{name}_before")
                self.arrays[kept] = self.arrays[name]
                out.append(Pop(kept, self.list_of((id(stmt), "copy", name), name, level.chain)))
            out += self._contents(name, kept)
        restore = self._restored(stmt, level, [t.name for t in stmt.targets])
        involved = {t.name for t in stmt.targets} | set(stmt.writes)
        if not involved & self.active:
            return out + restore
        args: list[Expr | str] = list(stmt.args)
        for t in stmt.targets:
            if is_float(t.kind):
                args.append(self.bar_var(t) if self.is_active(t.name) else real(0.0, t.kind))
        results: list[Var] = []
        shares: list[tuple[Var, Var]] = []
        for a in stmt.args[: stmt.count]:
            if isinstance(a, str):
                if self.arrays[a][0] not in (FLOAT, FLOAT32):
                    continue
                if self.is_active(a):
                    args.append(self.bar(a))
                else:
                    scratch = self.names.fresh(f"{a}_b")
                    self.arrays[scratch] = self.arrays[a]
                    out.append(ZerosLike(scratch, a))
                    args.append(scratch)
            elif is_float(a.kind):
                share = Var(self.names.fresh("share"), a.kind)
                results.append(share)
                if isinstance(a, Var) and self.is_active(a.name):
                    shares.append((a, share))
        out += restore
        out.append(
            Invoke(tuple(results), f"{stmt.function}_reverse", tuple(args), (), stmt.count, stmt.at)
        )
        for t in stmt.targets:
            if is_float(t.kind) and self.is_active(t.name):
                out.append(Assign(self.bar_var(t), real(0.0, t.kind)))
        return out + [self.add_to(var, share) for var, share in shares]

    def _contents(self, target: str, source: str) -> list[Stmt]:
        """``target[:] = source``."""
        kind = self.arrays[target][0]
        kind = kind if kind in (FLOAT, FLOAT32, BOOL) else INT

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            return [Store(target, at, Load(source, at, kind))]

        return self.nest(target, self.arrays[target][1], body)


# ---------------------------------------------------------------- loops


def position(loop: For) -> Expr:
    """The number of the current iteration, from 0."""
    if loop.step == ONE:
        return sub(loop.var, loop.start)
    if loop.step == integer(-1):
        return sub(loop.start, loop.var)
    return Binary("//", sub(loop.var, loop.start), loop.step, INT)


def trip_count(loop: For) -> Expr:
    """The number of iterations (not positive for none)."""
    if loop.step == ONE:
        return sub(loop.stop, loop.start)
    if loop.step == integer(-1):
        return sub(loop.start, loop.stop)
    if isinstance(loop.step, Const):
        size = int(loop.step.value)
        span = sub(loop.stop, loop.start) if size > 0 else sub(loop.start, loop.stop)
        return Binary("//", add(span, integer(abs(size) - 1)), integer(abs(size)), INT)
    return Call("len", (Call("range", (loop.start, loop.stop, loop.step), INT),), INT)


def times_step(k: Expr, step: Expr) -> Expr:
    """``k * step``."""
    return scale(k, int(step.value)) if isinstance(step, Const) else Binary("*", k, step, INT)


def backwards(loop: For, body: list[Stmt], names: Names) -> For:
    """The loop over the same iterations, last first."""
    if loop.step == ONE:
        start, stop, step = sub(loop.stop, ONE), sub(loop.start, ONE), integer(-1)
        return For(loop.var, start, stop, step, tuple(body), None, loop.at)
    if loop.step == integer(-1):
        return For(
            loop.var, add(loop.stop, ONE), add(loop.start, ONE), ONE, tuple(body), None, loop.at
        )
    k = Var(names.fresh("k"), INT)
    place = Assign(loop.var, add(loop.start, times_step(k, loop.step)))
    return For(
        k, sub(trip_count(loop), ONE), integer(-1), integer(-1), (place, *body), None, loop.at
    )


def _floating(term: Expr, kind: str) -> Expr:
    """A contribution as a float."""
    if is_float(term.kind):
        return term
    if isinstance(term, Const):
        return real(float(term.value), kind)
    if term.kind == BOOL:
        return Select(term, real(1.0, kind), real(0.0, kind), kind)
    return Call("float", (term,), FLOAT)


def _silent(block: list[Stmt]) -> list[Stmt]:
    """Statements that run again: checks were made and output was written the first time."""
    out: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, _EFFECTS):
            continue
        match stmt:
            case For() | While():
                stmt = with_blocks(stmt, (tuple(_silent(list(stmt.body))),))
            case If():
                parts = tuple(_silent(list(stmt.body))), tuple(_silent(list(stmt.orelse)))
                stmt = with_blocks(stmt, parts)
        out.append(stmt)
    return out


def _certainly_positive(size: Expr) -> bool:
    return isinstance(size, Extent) or (isinstance(size, Const) and size.value >= 0)


def _without(block: Block, loop: Loop) -> Block:
    """A block without one of its loops."""
    out: list[Stmt] = []
    for stmt in block:
        if stmt is loop:
            continue
        match stmt:
            case For() | While():
                out.append(with_blocks(stmt, (_without(stmt.body, loop),)))
            case If():
                out.append(
                    with_blocks(stmt, (_without(stmt.body, loop), _without(stmt.orelse, loop)))
                )
            case _:
                out.append(stmt)
    return tuple(out)


def _plain_statements(block: Block):
    """Statements outside of loops."""
    for stmt in block:
        yield stmt
        if isinstance(stmt, If):
            yield from _plain_statements(stmt.body)
            yield from _plain_statements(stmt.orelse)


def _added_to(value: Expr, own: Load) -> Expr | None:
    """The ``e`` of ``own + e`` (or ``own - e``, negated), where it does not read ``own``."""
    if not isinstance(value, Binary) or value.op not in "+-":
        return None
    if value.a == own:
        rest = value.b if value.op == "+" else Unary("-", value.b, value.b.kind)
    else:
        inner = _added_to(value.a, own)
        if inner is None:
            return None
        rest = Binary(value.op, inner, value.b, value.kind)
    return None if any(e == own for e in walk(rest)) else rest


def _mentions(term: Expr, place: Load) -> int:
    return sum(1 for e in walk(term) if e == place)
