"""The forward half: running what is rerun, and recording what is not.

``_forward`` runs the statements of a level (the whole program, or an iteration about to be
reversed) and keeps old values in variables; what is not rerun is read from the tape. A loop in it
runs *recorded*: each iteration saves what its own reversal will need.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.flow import assigned, scalars, writes_of
from srcad.ir.build import ONE, ZERO, add
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Check,
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
    MatMul,
    Pop,
    Print,
    Push,
    Raise,
    Reshape,
    Span,
    Stmt,
    Store,
    Var,
    While,
    Window,
    ZerosLike,
    children,
    rebuild,
    with_blocks,
)
from srcad.ir.types import BOOL
from srcad.transform.reverse.levels import Level, Levels
from srcad.transform.reverse.slots import Chain, Loop

_EFFECTS = (Check, IndexCheck, Raise, Print)


class Forward(Levels):
    """Writes what runs forward: the program, recorded loops, what an iteration reruns."""

    def _forward(self, block: Block, level: Level, defined: set[str]) -> list[Stmt]:
        """Run the statements of a level, keeping what its reversal needs (the rerun part)."""
        out: list[Stmt] = []
        for stmt in block:
            if (level.loop is not None or level.again) and isinstance(stmt, _EFFECTS):
                continue
            match stmt:
                case If():
                    out += self._forward_if(stmt, level, defined)
                    continue
                case For() | While():
                    out += self._forward_loop(stmt, level, defined)
                    continue
                case Bind() if set(stmt.targets) & level.moving:
                    if level.again:  # the shadows are already bound as after the iteration
                        out.append(stmt)
                    continue
                case Assign() if self._counts(stmt, level):
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

    def _forward_if(self, stmt: If, level: Level, defined: set[str]) -> list[Stmt]:
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

    def _forward_loop(self, stmt: Loop, level: Level, defined: set[str]) -> list[Stmt]:
        changed = assigned((stmt,)) - self._moved(stmt)
        if level.loop is not None:
            changed -= self.counters(level.loop)
        out = self._keep(stmt, level, defined, changed)
        if id(stmt) in level.skipped or self._is_idle(stmt, level):
            level.skipped.add(id(stmt))
            out += self._loaded_outs(stmt, level)
        else:
            recorded = self._recorded(stmt, ())
            out += silent(recorded) if level.loop is not None or level.again else recorded
        defined |= assigned((stmt,))
        return out

    def _keep(self, stmt: Stmt, level: Level, defined: set[str], names: set[str]) -> list[Stmt]:
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

    def _keep_element(self, stmt: Store, level: Level) -> Stmt:
        kind = stmt.value.kind
        kept = self.names.fresh(f"{stmt.array}_old")
        level.kept[id(stmt), "element"] = kept
        return Assign(Var(kept, kind), Load(stmt.array, stmt.index, kind))

    def _shadow_of(self, stmt: Stmt) -> list[Stmt]:
        """The shadow of an array that a statement makes or binds."""
        match stmt:
            case Invoke():
                made = [t for t in stmt.targets if isinstance(t, str) and self.is_active(t)]
                return [
                    ZerosLike(self.bar(t), t, stmt.at) for t in made if t not in self.shadowed_late
                ]
            case Alloc() | Copy() | MatMul() if (
                self.is_active(stmt.target) and stmt.target not in self.shadowed_late
            ):
                return [ZerosLike(self.bar(stmt.target), stmt.target, stmt.at)]
            case Bind() if any(self._is_shadowed(t) for t in stmt.targets):
                pairs = [
                    (self.bar(t), self.bar(s))
                    for t, s in zip(stmt.targets, stmt.sources, strict=True)
                    if self._is_shadowed(t)
                ]
                targets, sources = zip(*pairs, strict=True)
                return [Bind(tuple(targets), tuple(sources), stmt.at)]
            case Window() | Reshape() if self.is_active(stmt.target):
                return [self._same_view(stmt)]
            case Keep() if self.is_active(stmt.target):
                return [replace(stmt, target=self.bar(stmt.target))]
            case Push() if self.is_active(stmt.target):
                target, array = self.bar(stmt.target), self.bar(stmt.array)
                return [Push(target, array, stmt.at)]
            case Pop() if self.is_active(stmt.source):
                return [Pop(self.bar(stmt.array), self.bar(stmt.source), stmt.at)]
        return []

    def _is_shadowed(self, name: str) -> bool:
        """Whether the shadow of a name is that of the array that it denotes."""
        return self.is_active(name) and name not in self.moved.variables

    def _own_shadow(self, stmt: Alloc | Copy | MatMul, level: Level) -> list[Stmt]:
        """The shadow of an array of one iteration, without the array where that is possible."""
        match stmt:
            case Alloc() if self._stable(stmt, level):
                made: Stmt = replace(stmt, target=self.bar(stmt.target), zeros=True)
            case Copy() if stmt.source in self.fixed:
                made = ZerosLike(self.bar(stmt.target), stmt.source, stmt.at)
            case _:
                made = ZerosLike(self.bar(stmt.target), stmt.target, stmt.at)
        return [made] if self.is_active(stmt.target) else []

    def _same_view(self, stmt: Window | Reshape) -> Stmt:
        """The view of the shadow that a statement takes of the array.

        Extents are those of the shadows: that of the target still has those from before.
        """

        def own(expr: Expr) -> Expr:
            if isinstance(expr, Extent) and expr.array in (stmt.target, stmt.source):
                return Extent(self.bar(expr.array), expr.axis)
            return rebuild(expr, tuple(map(own, children(expr))))

        target, source = self.bar(stmt.target), self.bar(stmt.source)
        if isinstance(stmt, Reshape):
            return Reshape(target, source, tuple(map(own, stmt.shape)), stmt.at)
        keys = tuple(
            Span(own(key.start), own(key.length), key.step) if isinstance(key, Span) else own(key)
            for key in stmt.keys
        )
        return Window(target, source, keys, stmt.order, stmt.at)

    def _loaded(self, stmt: Stmt, level: Level) -> list[Stmt]:
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
            case Alloc() | Copy() | MatMul() if self._has_own_shadow(stmt, level):
                name = stmt.target
                taken = Pop(name, self.list_of((id(stmt), name), name, level.chain), stmt.at)
                return [taken, *self._own_shadow(stmt, level)]
            case Alloc() | Copy() | MatMul():
                names = self.with_bars([stmt.target])
                return [Pop(n, self.list_of((id(stmt), n), n, level.chain), stmt.at) for n in names]
            case Bind() | Window() | Reshape() | Pop():
                names = self.with_bars(list(writes_of(stmt)))
                return [Pop(n, self.list_of((id(stmt), n), n, level.chain), stmt.at) for n in names]
            case Invoke():
                out: list[Stmt] = [
                    Assign(t, self.saved((id(stmt), t.name), t.name, t.kind, level.chain), stmt.at)
                    for t in stmt.targets
                    if isinstance(t, Var)
                ]
                for t in stmt.targets:
                    if isinstance(t, str):
                        out += self._taken(stmt, t, level)
                return out
        return []

    def _taken(self, stmt: Invoke, target: str, level: Level) -> list[Stmt]:
        """An array that a call made, and its shadow."""
        assert level.chain is not None and level.loop is not None
        own = target in self._own_results(level.loop)
        names = [target] if own else self.with_bars([target])
        out: list[Stmt] = [
            Pop(n, self.list_of((id(stmt), n), n, level.chain), stmt.at) for n in names
        ]
        if own and self.is_active(target):
            out.append(ZerosLike(self.bar(target), target, stmt.at))
        return out

    def _loaded_outs(self, loop: Loop, level: Level) -> list[Stmt]:
        """What a loop that is not rerun leaves behind, from the tape."""
        assert level.chain is not None
        out: list[Stmt] = []
        for var in self._outs(loop, level):
            out.append(
                Assign(var, self.saved((id(loop), var.name), var.name, var.kind, level.chain))
            )
        for name in self._bound_outs(loop, level):
            out += [
                Pop(n, self.list_of((id(loop), n), n, level.chain)) for n in self.with_bars([name])
            ]
        return out

    def _kept_copies(self, stmt: Invoke, level: Level) -> list[Stmt]:
        """Copies of the arrays that a call writes, as they are before it."""
        out: list[Stmt] = []
        for name in stmt.writes:
            kept = self.names.fresh(f"{name}_before")
            self.arrays[kept] = self.arrays[name]
            level.kept[id(stmt), f"copy of {name}"] = kept
            out.append(Copy(kept, name))
        return out

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

    def _recorded_start(self, loop: Loop, level: Level, chain: Chain) -> list[Stmt]:
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

    def _recorded_block(self, block: Block, level: Level, chain: Chain) -> list[Stmt]:
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
                case Keep() | Push():
                    out += [stmt, *self._shadow_of(stmt)]
                case Bind() | Window() | Reshape() | Pop():
                    out += [stmt, *self._shadow_of(stmt)]
                    if not self._reruns(stmt, level) and not set(writes_of(stmt)) & level.moving:
                        names = self.with_bars(list(writes_of(stmt)))
                        out += [Push(self.list_of((id(stmt), n), n, chain), n) for n in names]
                case _ if self._reruns(stmt, level) or self._counts(stmt, level):
                    out.append(stmt)
                case Assign():
                    out += [
                        stmt,
                        self.save((id(stmt), "value"), stmt.target.name, stmt.target, chain),
                    ]
                case Alloc() | Copy() | MatMul() if self._has_own_shadow(stmt, level):
                    name = stmt.target
                    out += [stmt, Push(self.list_of((id(stmt), name), name, chain), name)]
                case Alloc() | Copy() | MatMul():
                    out += [stmt, *self._shadow_of(stmt)]
                    names = self.with_bars([stmt.target])
                    out += [Push(self.list_of((id(stmt), n), n, chain), n) for n in names]
                case Invoke():
                    out += self._invoke_recorded(stmt, chain)
                case _:
                    out.append(stmt)
        return out

    def _recorded_if(self, stmt: If, level: Level, chain: Chain) -> list[Stmt]:
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

    def _recorded_inner(self, stmt: Loop, level: Level, chain: Chain) -> list[Stmt]:
        skipped = id(stmt) in level.skipped
        if not skipped and not self._is_idle(stmt, level):
            return [stmt]
        out: list[Stmt] = self._recorded(stmt, chain.loops) if skipped else [stmt]
        for var in self._outs(stmt, level):
            out.append(self.save((id(stmt), var.name), var.name, var, chain))
        for name in self._bound_outs(stmt, level):
            out += [Push(self.list_of((id(stmt), n), n, chain), n) for n in self.with_bars([name])]
        return out

    def _invoke_recorded(self, stmt: Invoke, chain: Chain) -> list[Stmt]:
        out: list[Stmt] = []
        for name in stmt.writes:
            kept = self.names.fresh(f"{name}_before")
            self.arrays[kept] = self.arrays[name]
            out += [
                Copy(kept, name),
                Push(self.list_of((id(stmt), "copy", name), name, chain), kept),
            ]
        own = self._own_results(chain.loops[-1])
        shadows = [s for s in self._shadow_of(stmt) if isinstance(s, ZerosLike)]
        out += [stmt, *(s for s in shadows if s.source not in own)]
        for t in stmt.targets:
            if isinstance(t, Var):
                out.append(self.save((id(stmt), t.name), t.name, t, chain))
            else:
                names = [t] if t in own else self.with_bars([t])
                out += [Push(self.list_of((id(stmt), n), n, chain), n) for n in names]
        return out


def silent(block: list[Stmt]) -> list[Stmt]:
    """Statements that run again: checks were made and output was written the first time."""
    out: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, _EFFECTS):
            continue
        match stmt:
            case For() | While():
                stmt = with_blocks(stmt, (tuple(silent(list(stmt.body))),))
            case If():
                parts = tuple(silent(list(stmt.body))), tuple(silent(list(stmt.orelse)))
                stmt = with_blocks(stmt, parts)
        out.append(stmt)
    return out
