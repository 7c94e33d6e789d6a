"""What an iteration can rerun when it is reversed, and what has to be saved for it.

A statement of a loop's body is run again, at the start of the reversed iteration, if everything
it reads is then as it was: it reads no array whose contents the iteration changes (unless the
array is made in the iteration and its contents rerun too), and no array name that the loop
permutes. The answers hang on each other, so they are found by starting from the most and taking
away until nothing changes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from srcad.analysis.flow import assigned, exposed, names_of, reads_of, scalars, writes_of
from srcad.analysis.iterations import is_sum
from srcad.analysis.places import arrays_written
from srcad.analysis.updates import Update, updates
from srcad.ir.build import added_to
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Check,
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
    Reshape,
    Stmt,
    Store,
    Unary,
    Var,
    While,
    Window,
    all_blocks,
    blocks,
    expressions,
    names_read,
    plain_statements,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.transform.prune import pruned_block
from srcad.transform.reverse.slots import Chain, Loop, Slots

_EFFECTS = (Check, IndexCheck, Raise, Print)
_LISTS = (Keep, Push, Pop)
"""What an adjoint does with lists of arrays; a program that is one itself runs it once."""


@dataclass
class Level:
    """A loop whose iteration is reversed (or, ``loop`` None, the whole program)."""

    loop: Loop | None
    chain: Chain | None
    unstable: frozenset[str]
    """Sites whose contents change within an iteration and cannot be rerun."""
    moving: frozenset[str]
    """Array names that the loop only permutes: bound right after an iteration, not before."""
    skipped: set[int] = field(default_factory=set)
    """Inner loops (by id) that are not rerun."""
    kept: dict[tuple[int, str], str] = field(default_factory=dict)
    """Where the old value of a name is kept while an iteration is reversed."""
    again: bool = False
    """Whether it is an iteration that runs again as a whole, from a snapshot."""
    tests: dict[int, Expr] = field(default_factory=dict)


class Levels(Slots):
    """Decides, for each loop, what its iterations rerun."""

    def _late_shadows(self, parameters: set[str]) -> None:
        """Arrays with one binding, never aliased: their shadows wait for the reverse sweep.

        So do those of variables whose values are arrays.
        """
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
        self.shadowed_late |= self.moved.variables | (self.moved.arrays & self.fixed)

    def level_of(self, loop: Loop, chain: Chain) -> Level:
        """A loop whose iterations are reversed."""
        unstable, moving, skipped = self._facts(loop)
        return Level(loop, chain, unstable, moving, set(skipped))

    def reruns_array(self, name: str, loop: Loop) -> bool:
        """Whether the contents of an array that a loop makes are rerun, not saved."""
        unstable, _, _ = self._facts(loop)
        return name in self._local_sites(loop) and name not in unstable

    def _has_own_shadow(self, stmt: Alloc | Copy | MatMul, level: Level) -> bool:
        """Whether the shadow of an array is made when the iteration that makes it is reversed.

        So it is if nothing outside of the iteration can see the array, or what sees it has a
        shadow of its own.
        """
        if level.loop is None:
            return False
        return stmt.target in self._local_sites(level.loop) | self.moved.arrays

    def _facts(self, loop: Loop) -> tuple[frozenset[str], frozenset[str], frozenset[int]]:
        """What an iteration of a loop can rerun: unstable sites, moving names, skipped loops."""
        if id(loop) not in self.facts:
            self.facts[id(loop)] = self._decided(loop, self._restored_around(loop))
        return self.facts[id(loop)]

    def put_back(self, loop: Loop) -> dict[str, Update]:
        """Arrays that a reversed iteration begins by putting back, so that more can be rerun.

        Where no array of the iteration becomes one that is rerun, or where to rerun one takes more
        than a few operations for each element, they are put back where their update is reversed,
        as all others are.
        """
        if id(loop) not in self.early:
            self.early[id(loop)] = self._worth_putting_back(loop)
        return self.early[id(loop)]

    def _worth_putting_back(self, loop: Loop) -> dict[str, Update]:
        local = self._local_sites(loop)
        if not local or not isinstance(loop, For) or loop.checkpoints is not None:
            return {}
        found = {
            name: update
            for name, update in updates(loop, self.sites).items()
            if all(map(self._has_fixed_ends, update.loops))
        }
        if not found or not self._is_numbered(loop):
            return {}
        late, _, _ = self._decided(loop, frozenset())
        soon, _, _ = self._decided(loop, frozenset(found))
        more = local & (late - soon)
        return {} if not more or any(self._is_dear(array, loop) for array in more) else found

    def _is_dear(self, array: str, loop: For) -> bool:
        """Whether an iteration runs inner loops for each element of an array that it fills."""
        return any(
            _depth(s) > self.arrays[array][1]
            for s in loop.body
            if any(array in arrays_written(inner) for inner in statements((s,)))
        )

    def _is_put_back(self, store: Store) -> bool:
        """Whether an element is put back before the iteration that writes it is reversed."""
        return id(store) in self._put_back_anywhere()[0]

    def stores_saved(self, tapes: Collection[str]) -> set[int]:
        """The stores (by id) that put back, where they are reversed, what is on these tapes."""
        out: set[int] = set()
        for key, name in self.tape_names.items():
            match key:
                case ((int(store), "old"), _) if name in tapes:
                    out.add(store)
        return out - self._put_back_anywhere()[0]

    def _restored_around(self, loop: Loop) -> frozenset[str]:
        """Arrays that are, to the end of an iteration, as they were when it began."""
        return frozenset({*self.put_back(loop), *self._put_back_anywhere()[1].get(id(loop), ())})

    def _put_back_anywhere(self) -> tuple[set[int], dict[int, set[str]]]:
        """The stores (by id) that this is about, and for the loops around them the arrays."""
        if self.early_stores is None:
            stores: set[int] = set()
            inside: dict[int, set[str]] = {}
            for loop in self._loops():
                for name, update in self.put_back(loop).items():
                    stores.add(id(update.store))
                    for inner in update.loops:
                        inside.setdefault(id(inner), set()).add(name)
            self.early_stores = stores, inside
        return self.early_stores

    def _is_numbered(self, loop: For) -> bool:
        """Whether the iterations of a loop, in those around it, have numbers known beforehand."""
        around = [s for s in self._loops() if any(inner is loop for inner in statements((s,)))]
        return all(
            isinstance(s, For)
            and s.until is None
            and (self._has_fixed_ends(s) or self._is_plain_head(s))
            for s in around
        )

    def _loops(self) -> list[Loop]:
        """All loops of the program, from the outside in."""
        return [s for s in statements(self.body) if isinstance(s, For | While)]

    def _has_fixed_ends(self, loop: For) -> bool:
        return set[str]().union(*map(names_read, _ends(loop))) <= self.fixed

    def _is_plain_head(self, loop: For) -> bool:
        """Whether it is a loop outside of all others, that does not change its own ends."""
        names = set[str]().union(*map(names_read, _ends(loop)))
        at_top = any(loop is s for s in plain_statements(self.body))
        return at_top and not names & assigned((loop,))

    def _decided(
        self, loop: Loop, restored: frozenset[str]
    ) -> tuple[frozenset[str], frozenset[str], frozenset[int]]:
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
        changed = self._stored(body) - self._written_once(body) - restored
        while True:
            unstable = changed - candidates
            level = Level(loop, None, frozenset(unstable), frozenset(moving))
            spoiled = self._spoiled(body, level)
            if not spoiled & candidates:
                break
            candidates -= spoiled
        inner = [s for s in statements(body) if isinstance(s, For | While)]
        skipped = frozenset(id(s) for s in inner if not self._reruns(s, level))
        return level.unstable, level.moving, skipped

    def counters(self, loop: Loop) -> frozenset[str]:
        """Integers that the iterations of a loop only count up or down."""
        if id(loop) not in self.counted:
            early = exposed(loop.body)
            written = [(s, n) for s in statements(loop.body) for n in writes_of(s) if n in early]
            others = {n for s, n in written if counted_step(s) is None}
            for inner in [s for s in statements(loop.body) if isinstance(s, For)]:
                # A range is evaluated once, before its iterations count.
                others |= reads_of(inner) & assigned(inner.body)
            self.counted[id(loop)] = frozenset(n for _, n in written if n not in others)
        return self.counted[id(loop)]

    def _counts(self, stmt: Stmt, level: Level) -> bool:
        """Whether a statement counts what its loop counts."""
        return (
            level.loop is not None
            and isinstance(stmt, Assign)
            and stmt.target.name in self.counters(level.loop)
        )

    def _local_sites(self, loop: Loop) -> set[str]:
        """Arrays made in an iteration that nothing outside of it can see."""
        if id(loop) not in self.locals:
            self.locals[id(loop)] = self._made_inside(loop)
        return self.locals[id(loop)]

    def _own_results(self, loop: Loop) -> set[str]:
        """Arrays that calls make in an iteration, and that nothing outside of it can see."""
        if id(loop) not in self.call_results:
            calls = [s for s in statements(loop.body) if isinstance(s, Invoke)]
            made = {t for s in calls for t in s.targets if isinstance(t, str)}
            self.call_results[id(loop)] = self._unseen(made, loop)
        return self.call_results[id(loop)]

    def _made_inside(self, loop: Loop) -> set[str]:
        made = {s.target for s in statements(loop.body) if isinstance(s, Alloc | Copy | MatMul)}
        return self._unseen(made, loop)

    def _unseen(self, made: set[str], loop: Loop) -> set[str]:
        """Those of the arrays that an iteration makes that nothing outside of it can see."""
        # A name that is bound to other arrays as well has shadows that the loop records.
        made = {t for t in made if self.sites.get(t, frozenset((t,))) == frozenset((t,))}
        if not made:
            return set()
        outside = set(self.kept)
        for stmt in statements(_without(self.body, loop)):
            outside |= names_of(stmt)
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

    def _written_once(self, body: Block) -> set[str]:
        """Arrays from outside of which a loop only writes elements that nobody has read before.

        What it has read of them is there to the end.
        """
        first: set[str] = set()
        others: set[str] = set()
        for stmt in statements(body):
            for name in arrays_written(stmt):
                sites = self.sites.get(name, frozenset((name,)))
                own = name in self.fixed and sites == frozenset((name,))
                fresh = isinstance(stmt, Store) and stmt.fresh
                (first if fresh and own else others).update(sites)
        return first - others

    def _spoiled(self, body: Block, level: Level) -> set[str]:
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

    def _stable(self, stmt: Stmt, level: Level) -> bool:
        """Whether what a statement reads is, at the start of the reversed iteration, as it was."""
        if reads_of(stmt) & level.moving:
            return False
        if level.loop is not None and reads_of(stmt) & self.counters(level.loop):
            return False
        arrays = [e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)]
        match stmt:
            case Copy():
                arrays.append(stmt.source)
            case MatMul():
                arrays += [stmt.a, stmt.b]
        return not any(self._spoils(a, level) for a in arrays)

    def _spoils(self, array: str, level: Level) -> bool:
        """Whether an array that a statement reads may not be as it was."""
        unstable = self.sites.get(array, frozenset((array,))) & level.unstable
        if level.loop is not None and array not in unstable:
            unstable -= self._finished(level.loop)
        if unstable and level.loop is not None:
            return not self._is_untouched(array, level.loop)
        return bool(unstable)

    def _is_untouched(self, array: str, loop: Loop) -> bool:
        """Whether a loop only writes arrays that a loop around it exchanges with this one."""
        if id(loop) not in self.touched:
            inside = list(statements(loop.body))
            bound = {n for s in inside if isinstance(s, Bind) for n in s.targets}
            written = {n for s in inside for n in arrays_written(s)}
            self.touched[id(loop)] = bound, written
        bound, written = self.touched[id(loop)]
        return not bound and not any(self.aliases.may(array, name) for name in written)

    def _finished(self, loop: Loop) -> frozenset[str]:
        """Arrays that an iteration makes and fills before any other name can denote them.

        Whoever reads one by another name finds it as it is to the end; the array that this name
        denoted before is another one, which is not written::

            y = np.empty(n)
            for i in range(n):
                y[i] = x[i] + h * k[i]      # does not change what x denotes
            x = y
        """
        if id(loop) not in self.finished:
            self.finished[id(loop)] = frozenset(
                name
                for block in all_blocks(loop.body)
                for k, made in enumerate(block)
                if isinstance(made, Alloc | Copy | MatMul)
                for name in (made.target,)
                if self._is_finished(name, block[k + 1 :], loop)
            )
        return self.finished[id(loop)]

    def _is_finished(self, name: str, rest: Block, loop: Loop) -> bool:
        def fills(stmt: Stmt) -> bool:
            return any(
                name in self.sites.get(array, frozenset((array,))) for array in arrays_written(stmt)
            )

        if self.bound[name] > 1:
            return False
        filling = [s for s in statements(rest) if fills(s)]
        if len(filling) != sum(map(fills, statements(loop.body))):
            return False
        if any(set(arrays_written(s)) != {name} for s in filling):
            return False
        last = max((k for k, s in enumerate(rest) if any(map(fills, statements((s,))))), default=-1)
        return not any(
            name in names_of(s)
            for s in statements(rest[: last + 1])
            if isinstance(s, Bind | Window | Reshape | Push | Invoke)
        )

    def _reruns(self, stmt: Stmt, level: Level) -> bool:
        """Whether a statement of an iteration is run again when the iteration is reversed."""
        if level.loop is None:
            return True
        match stmt:
            case Assign(dear=True) if self._is_own(stmt, level.loop):
                return False
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
            case MatMul() if self._records(level.loop):
                return False  # a reference to what it made is kept: that costs nothing
            case Alloc() | Copy() | MatMul():
                return self._stable(stmt, level) and self._is_local({stmt.target}, level)
            case Invoke() | Keep() | Push() | Pop():
                return False
            case Bind():
                return not (set(stmt.targets) | set(stmt.sources)) & level.moving
            case Window() | Reshape():
                return stmt.target not in level.moving and self._stable(stmt, level)
        return self._stable(stmt, level)

    def _is_own(self, stmt: Stmt, loop: Loop) -> bool:
        """Whether a statement is in a loop, and in none inside of that."""
        return any(s is stmt for s in plain_statements(loop.body))

    def _inner_reruns(self, stmt: Stmt, level: Level) -> bool:
        if isinstance(stmt, (Bind, Window, Reshape, Invoke, *_LISTS)):
            return False
        if isinstance(stmt, *(_EFFECTS,)):
            return True
        if isinstance(stmt, If):
            return self._stable(stmt, level)
        return self._reruns(stmt, level)

    def _is_local(self, sites: set[str] | frozenset[str], level: Level) -> bool:
        assert level.loop is not None
        local = self._local_sites(level.loop)
        return set(sites) <= local and not set(sites) & level.unstable

    def _moved(self, loop: Loop) -> set[str]:
        """Array names that a loop only permutes: reversing it puts them back by itself."""
        return set(self._facts(loop)[1])

    def _all_names(self) -> set[str]:
        out: set[str] = set()
        for stmt in statements(self.body):
            out |= names_of(stmt)
        return out

    def _repeatable(self, test: Expr, stmt: If, level: Level) -> bool:
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
                        once = len(writes) == len(first) == 1 and e.name not in exposed(block)
                        if writes and not once:
                            return False
                case Const() | Compare() | Logic() | Extent() | Unary():
                    pass
                case _:
                    return False
        return True

    def _carried(self, loop: Loop) -> list[Var]:
        early = exposed(loop.body) - self.counters(loop)
        return [v for n, v in sorted(scalars(loop.body).items()) if n in early]

    def _carried_arrays(self, loop: Loop, level: Level) -> list[str]:
        early = exposed(loop.body)
        return sorted(
            n
            for n in assigned(loop.body)
            if n in self.arrays and n in early and n not in level.moving
        )

    def _outs(self, loop: Loop, level: Level) -> list[Var]:
        counted = frozenset() if level.loop is None else self.counters(level.loop)
        outs = [v for n, v in sorted(scalars((loop,)).items()) if n not in counted]
        if isinstance(loop, While) or loop.until is not None:
            outs.append(self._trips(loop))
        return outs

    def _bound_outs(self, loop: Loop, level: Level) -> list[str]:
        return sorted(n for n in assigned((loop,)) if n in self.arrays and n not in level.moving)

    def _is_idle(self, loop: Loop, level: Level) -> bool:
        """Whether the reversal of an inner loop needs nothing that rerunning it would record."""
        if level.loop is None:
            return False
        if not self._records(level.loop) and self._reruns(loop, level):
            return False  # its outs would be all that is saved: without them nothing runs twice
        if id(loop) not in self.idle:
            self.idle[id(loop)] = self._needs_no_rerun(loop)
        return self.idle[id(loop)]

    def _records(self, loop: Loop) -> bool:
        """Whether an iteration has to save what it changes: other than sums and its own arrays."""
        if id(loop) not in self.recording:
            self.recording[id(loop)] = self._changes_state(loop)
        return self.recording[id(loop)]

    def _changes_state(self, loop: Loop) -> bool:
        if any(not is_sum(v.name, loop.body) for v in self._carried(loop)):
            return True
        if any(n in self.arrays for n in assigned(loop.body) & exposed(loop.body)):
            return True
        local = self._local_sites(loop)
        return any(
            added_to(s.value, Load(s.array, s.index, s.value.kind)) is None
            for s in statements(loop.body)
            if isinstance(s, Store) and not s.fresh
            if not self.sites.get(s.array, frozenset((s.array,))) <= local
        )

    def _needs_no_rerun(self, loop: Loop) -> bool:
        made = any(
            isinstance(s, (Alloc, Copy, MatMul, Store, Bind, Window, Reshape, Invoke, *_LISTS))
            for s in statements(loop.body)
        )
        if made or isinstance(loop, While) or loop.until is not None:
            return False
        trial = type(self)(
            self.body,
            dict(self.arrays),
            self.active,
            self.sites,
            Names(frozenset(self._all_names())),
            self.kept,
            self.given,
            self.seeded,
        )
        trial.idle, trial.facts, trial.locals = self.idle, self.facts, self.locals
        trial.counted, trial.finished = self.counted, self.finished
        trial.recording, trial.results, trial.makers = self.recording, self.results, self.makers
        trial.early, trial.early_stores = self.early, self.early_stores
        chain = trial.chain((), loop)
        iteration = trial.reversed_iteration(loop, chain)
        live = (frozenset(self._all_names()) - assigned((loop,))) | frozenset(trial.bars.values())
        kept = pruned_block(tuple(iteration), set(trial.arrays), live)
        tapes = set(trial.tape_names.values())
        return not any(reads_of(s) & tapes for s in statements(kept) if not isinstance(s, Grow))


def _depth(stmt: Stmt) -> int:
    """How many loops a statement has inside of one another."""
    inner = max((_depth(s) for block in blocks(stmt) for s in block), default=0)
    return inner + isinstance(stmt, For | While)


def _ends(loop: For) -> tuple[Expr, Expr, Expr]:
    return loop.start, loop.stop, loop.step


def counted_step(stmt: Stmt) -> int | None:
    """The ``c`` of ``k = k + c``, of an integer and a literal."""
    match stmt:
        case Assign(target=target, value=Binary(op="+" | "-" as op, a=a, b=Const(value=int(step)))):
            if a == target and target.kind == INT:
                return step if op == "+" else -step
    return None


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
