"""The reverse half: one function for each statement, written for it last first."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.activity import carriers
from srcad.analysis.flow import assigned, scalars, writes_of
from srcad.ir.build import ONE, accumulate, add, added_to, converted, integer, literal, sub
from srcad.ir.names import value_name
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Comment,
    Copy,
    Expr,
    For,
    If,
    Invoke,
    Load,
    MatMul,
    Pop,
    Pullback,
    Reshape,
    Stmt,
    Store,
    Var,
    While,
    Window,
    ZerosLike,
    names_read,
    walk,
    with_blocks,
)
from srcad.ir.rename import renamed
from srcad.ir.types import INT, is_complex, is_inexact, kind_of
from srcad.transform.hold import known_by_name
from srcad.transform.results import tells
from srcad.transform.reverse.expressions import contributions
from srcad.transform.reverse.forward import Forward
from srcad.transform.reverse.levels import Level, counted_step
from srcad.transform.reverse.loops import backwards, position, times_step
from srcad.transform.reverse.products import reverse_product
from srcad.transform.reverse.slots import Loop, floating


class Backward(Forward):
    """Writes the reverse of each statement."""

    def _reverse(self, block: Block, level: Level) -> list[Stmt]:
        """Reverse the statements of a level, last first."""
        out: list[Stmt] = []
        for k, stmt in reversed(list(enumerate(block))):
            made = self._reverse_statement(stmt, level)
            if isinstance(stmt, Assign | Store):
                made = known_by_name(made, block, k)
            if made:
                line = (stmt.at.file, stmt.at.line)
                if line != self.comment and stmt.at.text and not isinstance(stmt, For | While | If):
                    out.append(Comment(stmt.at.text.strip()))
                    self.comment = line
                out += made
        return out

    def _reverse_statement(self, stmt: Stmt, level: Level) -> list[Stmt]:
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
                return out + self._unmade(stmt, level)
            case MatMul():
                out = reverse_product(stmt, self) if self.is_active(stmt.target) else []
                return out + self._unmade(stmt, level)
            case Alloc():
                return self._unmade(stmt, level)
            case Window() | Reshape():
                return self._restored(stmt, level, [stmt.target])
            case Bind(targets=(name,)) if name in self.moved.variables:
                return self._moved_back(stmt) + self._restored(stmt, level, [name])
            case Bind() | Pop():
                return self._restored(stmt, level, list(writes_of(stmt)))
            case Invoke():
                return self._reverse_invoke(stmt, level)
        return []

    def _restored(self, stmt: Stmt, level: Level, names: list[str]) -> list[Stmt]:
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

    def _unmade(self, stmt: Alloc | Copy | MatMul, level: Level) -> list[Stmt]:
        """Give a name back the array that it denoted before one was made under it."""
        out: list[Stmt] = []
        if stmt.target in self.moved.variables and self.is_active(stmt.target):
            out = self._filled(stmt.target, None)
        return out + self._restored(stmt, level, [stmt.target])

    def _moved_back(self, stmt: Bind) -> list[Stmt]:
        """``x = y`` of arrays by value: ``y_b += x_b``, and then ``x_b`` is zero."""
        (target,), (source,) = stmt.targets, stmt.sources
        if not self.is_active(target):
            return []
        return self._filled(target, source if self.is_active(source) else None)

    def _filled(self, name: str, receiver: str | None) -> list[Stmt]:
        """Let the shadow of a variable be zero, what it holds being passed on."""
        dtype, ndim = self.arrays[name]
        kind = kind_of(dtype)

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            share = Load(self.bar(name), at, kind)
            out: list[Stmt] = [Store(share.array, at, literal(0.0, kind))]
            if receiver is not None:
                place = Load(self.bar(receiver), at, kind)
                out.insert(0, Store(place.array, at, accumulate(place, share)))
            return out

        return self.nest(self.bar(name), ndim, body)

    def _permuted_back(self, stmt: Bind) -> list[Stmt]:
        out: list[Stmt] = [Bind(stmt.sources, stmt.targets, stmt.at)]
        for shadow in self._shadow_of(stmt):
            assert isinstance(shadow, Bind)
            out.append(Bind(shadow.sources, shadow.targets, stmt.at))
        return out

    def _reverse_assign(self, stmt: Assign, level: Level) -> list[Stmt]:
        if self._counts(stmt, level):
            step = counted_step(stmt)
            assert step is not None
            return [Assign(stmt.target, add(stmt.target, integer(-step)), stmt.at)]
        restore = self._restored(stmt, level, [stmt.target.name])
        if not is_inexact(stmt.target.kind) or not self.is_active(stmt.target.name):
            return restore
        target = stmt.target
        seed = self.bar_var(target)
        value = stmt.value
        own = target.name not in names_read(value)
        result: Expr | None = target if own and not restore else None
        out: list[Stmt] = []
        if own and restore and tells(value):
            result = Var(self.names.fresh(f"{target.name}_after"), target.kind)
            out.append(Assign(result, target))
        out += restore
        found = contributions(value, seed, self.active, self.namer(out), result, stmt.at)
        kept = [term for leaf, term in found if leaf == target]
        for leaf, term in found:
            if leaf != target:
                out.append(self.add_to(leaf, term))
        total: Expr = literal(0.0, seed.kind)
        for k, term in enumerate(kept):
            term = floating(term, seed.kind)
            total = _of_kind(term, seed.kind) if k == 0 else accumulate(total, term)
        if total != seed:
            out.append(Assign(seed, total))
        return out

    def _reverse_store(self, stmt: Store, level: Level) -> list[Stmt]:
        out: list[Stmt] = []
        kept = level.kept.get((id(stmt), "element"))
        kind = stmt.value.kind
        result: Expr | None = None
        taken = id(stmt) in self.results and not self._is_put_back(stmt)
        if taken and self.is_active(stmt.array):
            stored = Load(stmt.array, stmt.index, kind)
            result = self.namer(out)(stored, value_name(stored))
        if kept is not None:
            out.append(Store(stmt.array, stmt.index, Var(kept, kind)))
        elif not (
            stmt.fresh or level.loop is None or self._reruns(stmt, level) or self._is_put_back(stmt)
        ):
            out += self._overwritten(stmt, level)
        if not is_inexact(kind) or not self.is_active(stmt.array):
            return out
        place = Load(self.bar(stmt.array), stmt.index, kind)
        own = Load(stmt.array, stmt.index, kind)
        rest = added_to(stmt.value, own)
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
                out.append(Store(place.array, place.index, literal(0.0, kind)))
            return out
        overlaps = bool(touched & family)
        seed: Expr = place
        if overlaps:
            seed = Var(self.names.fresh("seed"), kind)
            out.append(Assign(seed, place))
        found = contributions(value, seed, self.active, self.namer(out), result, stmt.at)
        if not overlaps and sum(_mentions(term, place) for _, term in found) > 2:
            seed = Var(self.names.fresh("seed"), kind)
            out.append(Assign(seed, place))
            found = contributions(value, seed, self.active, self.namer(out), result, stmt.at)
        if keeps:
            out += [self.add_to(leaf, term) for leaf, term in found]
            return out
        selfs = [term for leaf, term in found if leaf == own]
        others = [(leaf, term) for leaf, term in found if leaf != own]
        aliased = any(isinstance(leaf, Load) and leaf.array in family for leaf, _ in others)
        if aliased and selfs and not stmt.fresh:
            out.append(Store(place.array, place.index, _total(selfs, kind)))
            return out + [self.add_to(leaf, term) for leaf, term in others]
        if aliased or not overlaps:
            if overlaps and not stmt.fresh:
                out.append(Store(place.array, place.index, literal(0.0, kind)))
            out += [self.add_to(leaf, term) for leaf, term in found]
            if not overlaps and not stmt.fresh:
                out.append(Store(place.array, place.index, literal(0.0, kind)))
            return out
        out += [self.add_to(leaf, term) for leaf, term in others]
        out.append(Store(place.array, place.index, _total(selfs, kind)))
        return out

    def _overwritten(self, stmt: Store, level: Level) -> list[Stmt]:
        """Put back what a store overwrote: it is made again, or on the tape."""
        maker = self.makers.get(id(stmt))
        if maker is None:
            assert level.chain is not None
            old = self.saved((id(stmt), "old"), stmt.array, stmt.value.kind, level.chain)
            return [Store(stmt.array, stmt.index, old)]
        fresh = {s.target.name: self.names.fresh(s.target.name) for s in maker.steps}
        made = Store(stmt.array, stmt.index, maker.value)
        return list(renamed((*maker.steps, made), fresh))

    def _copied_back(self, stmt: Copy) -> list[Stmt]:
        dtype, ndim = self.arrays[stmt.target]

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            share = Load(self.bar(stmt.target), at, dtype)
            place = Load(self.bar(stmt.source), at, dtype)
            return [Store(place.array, at, accumulate(place, share))]

        return self.nest(self.bar(stmt.target), ndim, body)

    def _reverse_loop(self, stmt: Loop, level: Level) -> list[Stmt]:
        skipped = level.loop is not None and id(stmt) in level.skipped
        idle = skipped and self._reruns(stmt, level)
        outer = level.chain.loops if skipped and not idle and level.chain is not None else ()
        chain = self.chain(outer, stmt)
        self.comment = None
        inner = self.reversed_iteration(stmt, chain)
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

    def _reverse_invoke(self, stmt: Invoke, level: Level) -> list[Stmt]:
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
        restore = self._restored(stmt, level, list(writes_of(stmt)))
        if stmt.pullback is not None:
            return out + self._reverse_by_rule(stmt, stmt.pullback) + restore
        involved = set(writes_of(stmt)) | set(stmt.writes)
        if not involved & self.active:
            return out + restore
        args: list[Expr | str] = list(stmt.args)
        shadows: list[str] = []
        for t in stmt.targets:
            if isinstance(t, str):
                if is_inexact(self.arrays[t][0]):
                    shadows.append(self._shadow_or_scratch(t, out))
                    args.append(shadows[-1])
            elif is_inexact(t.kind):
                args.append(self.bar_var(t) if self.is_active(t.name) else literal(0.0, t.kind))
        results: list[Var] = []
        shares: list[tuple[Var, Var]] = []
        for a in stmt.args[: stmt.count]:
            if isinstance(a, str):
                if is_inexact(self.arrays[a][0]):
                    shadows.append(self._shadow_or_scratch(a, out))
                    args.append(shadows[-1])
            elif is_inexact(a.kind):
                share = Var(self.names.fresh("share"), a.kind)
                results.append(share)
                if isinstance(a, Var) and self.is_active(a.name):
                    shares.append((a, share))
        out += restore
        title, many = f"{stmt.function}_reverse", len(args)
        out.append(Invoke(tuple(results), title, tuple(args), tuple(shadows), many, stmt.at))
        for t in stmt.targets:
            if isinstance(t, Var) and is_inexact(t.kind) and self.is_active(t.name):
                out.append(Assign(self.bar_var(t), literal(0.0, t.kind)))
        return out + [self.add_to(var, share) for var, share in shares]

    def _reverse_by_rule(self, stmt: Invoke, rule: Pullback) -> list[Stmt]:
        """What a rule says, with the names of this call."""
        involved = set(writes_of(stmt)) if stmt.function else {_name(stmt.args[0])}
        if not involved & self.active:
            return []
        out: list[Stmt] = []
        names: dict[str, str] = {}
        for stand, given in zip(
            (*rule.args, *rule.results), (*stmt.args, *stmt.targets), strict=True
        ):
            self._stand_in(stand, given, names, out)
        for stand, given in zip(
            (*rule.seeds, *rule.shares), (*stmt.targets, *stmt.args), strict=True
        ):
            if isinstance(stand, str):
                assert isinstance(given, str)
                names[stand] = self._shadow_or_scratch(given, out)
            elif stand is not None:
                alive = isinstance(given, Var) and self.is_active(given.name)
                bar = self.bar_var(given) if alive else literal(0.0, stand.kind)  # type: ignore[arg-type]
                self._stand_in(stand, bar, names, out)
        out += renamed(rule.body, names | self._own_names(rule.body, names))
        for t in stmt.targets:
            if isinstance(t, Var) and is_inexact(t.kind) and self.is_active(t.name):
                out.append(Assign(self.bar_var(t), literal(0.0, t.kind)))
        return out

    def _stand_in(
        self, stand: Var | str, given: Expr | str, names: dict[str, str], out: list[Stmt]
    ) -> None:
        """Let a name of a rule be that of a call, or hold its expression."""
        if isinstance(given, str | Var):
            names[_name(stand)] = _name(given)
        else:
            assert isinstance(stand, Var)
            names[stand.name] = self.names.write(stand.name)
            out.append(Assign(replace(stand, name=names[stand.name]), given))

    def _own_names(self, body: Block, names: dict[str, str]) -> dict[str, str]:
        """Names for what a rule binds: it may be written several times."""
        found = {n: self.names.write(n) for n in sorted(assigned(body) - set(names))}
        self.arrays |= {new: self.arrays[n] for n, new in found.items() if n in self.arrays}
        return found

    def _shadow_or_scratch(self, array: str, out: list[Stmt]) -> str:
        """The shadow of an array that a call is given; zeros for one that is not active."""
        if self.is_active(array):
            return self.bar(array)
        scratch = self.names.fresh(f"{array}_b")
        self.arrays[scratch] = self.arrays[array]
        out.append(ZerosLike(scratch, array))
        return scratch

    def _contents(self, target: str, source: str) -> list[Stmt]:
        """``target[:] = source``."""
        kind = kind_of(self.arrays[target][0])

        def body(at: tuple[Expr, ...]) -> list[Stmt]:
            return [Store(target, at, Load(source, at, kind))]

        return self.nest(target, self.arrays[target][1], body)


def _name(item: Expr | str) -> str:
    """The name of an array or a variable."""
    return item if isinstance(item, str) else item.name  # type: ignore[union-attr]


def _of_kind(term: Expr, kind: str) -> Expr:
    """A contribution alone, where the adjoint is complex and it may be real."""
    return converted(term, kind) if is_complex(kind) else term


def _total(terms: list[Expr], kind: str) -> Expr:
    """The sum of contributions."""
    total = _of_kind(terms[0], kind)
    for term in terms[1:]:
        total = accumulate(total, term)
    return total


def _mentions(term: Expr, place: Load) -> int:
    return sum(1 for e in walk(term) if e == place)
