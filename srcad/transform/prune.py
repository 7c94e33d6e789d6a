"""Liveness: drop every statement whose effect nothing reads.

Reversal writes a complete adjoint: it restores whatever may have been overwritten and saves
whatever may be restored. This pass, run on what was really emitted, is the to-be-recorded
analysis: a restored value that nobody reads is dropped, then the tape that only it read, then the
statements that only filled that tape::

    x_tape[i] = x          # forward sweep
    ...
    x = x_tape[i]          # reverse sweep: nothing reads x below, so both go
    y_b += 2.0 * x_b

Scalars and array names are followed exactly through the structured control flow; the contents of
arrays as a whole for each allocation site, or for each name where names are only exchanged among
themselves and nothing else denotes their arrays (``srcad.analysis.alias``).
"""

from dataclasses import replace

from srcad.analysis.alias import Aliases, Sites, points_to, tapes_behind
from srcad.analysis.flow import assigned, reads_of, writes_of
from srcad.ir.nodes import (
    Assign,
    Bind,
    Block,
    Check,
    Comment,
    Copy,
    For,
    Function,
    Grow,
    If,
    IndexCheck,
    Invoke,
    Load,
    MatMul,
    Pop,
    Print,
    Push,
    Raise,
    Refill,
    Reshape,
    Return,
    Stmt,
    Store,
    While,
    Window,
    expressions,
    remembered,
    statements,
    walk,
    with_blocks,
)

_EFFECTS = (Check, IndexCheck, Raise, Print, Return, Invoke)


def prune(function: Function) -> Function:
    """The function without dead statements."""
    body, size = function.body, -1
    while size != (size := len(statements(body))):
        sites = points_to(body, set(function.arrays))
        pruner = _Pruner(sites, _exchanged(body, sites), tapes_behind(body))
        seen_outside = {c for name in function.exports for c in pruner.contents(name)}
        body, _ = pruner.block(body, frozenset(seen_outside))
    return replace(function, body=_without_idle_comments(body))


def pruned_block(body: Block, arrays: set[str], live: frozenset[str]) -> Block:
    """A piece of a function without what is dead, given the names live after it.

    The contents of every array are taken to be live.
    """
    sites = points_to(body, arrays)
    contents = {f"@{s}" for found in sites.values() for s in found}
    return _Pruner(sites, {}, {}).block(body, live | contents)[0]


def _exchanged(body: Block, sites: Sites) -> dict[str, frozenset[str]]:
    """Names whose arrays are exchanged with those of others: all of them, if there is no other.

    At every time each of them denotes another one of these arrays.
    """
    groups = Aliases(body, sites).apart
    holders: dict[str, set[str]] = {}
    for name, found in sites.items():
        for site in found:
            holders.setdefault(site, set()).add(name)
    return {
        name: group
        for name, group in groups.items()
        if all(holders[site] <= group for other in group for site in sites[other])
    }


@remembered("_contents")
def _contents_read(stmt: Stmt) -> set[str]:
    """The arrays whose contents a statement reads."""
    out = {e.array for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)}
    match stmt:
        case Copy():
            out.add(stmt.source)
        case MatMul():
            out |= {stmt.a, stmt.b}
        case Return() | Print():
            out |= {i for i in stmt.items if isinstance(i, str) and i.isidentifier()}
        case Invoke():
            out |= {a for a in stmt.args if isinstance(a, str)}
        case Grow():
            out.add(stmt.target)
    return out


class _Pruner:
    def __init__(
        self, sites: Sites, exchanged: dict[str, frozenset[str]], tapes: dict[str, set[str]]
    ) -> None:
        self.sites = sites
        self.exchanged = exchanged
        self.tapes = tapes
        holders: dict[str, int] = {}
        for found in sites.values():
            for site in found:
                holders[site] = holders.get(site, 0) + 1
        self.shared = {site for site, n in holders.items() if n > 1}
        self.found: dict[str, frozenset[str]] = {}
        self.read: dict[int, tuple[Stmt, frozenset[str]]] = {}
        self.loops: dict[tuple[int, frozenset[str]], tuple[Stmt | None, frozenset[str]]] = {}
        """Loops already gone through: an outer loop goes several times through an inner one."""
        self.ends: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
        """What was live after a loop, and at the end of its iterations: less is not, if more is."""

    def contents(self, array: str) -> frozenset[str]:
        """What stands for the elements of an array among what is live."""
        found = self.found.get(array)
        if found is None:
            sites = self.sites.get(array, frozenset((array,)))
            own = (array,) if array in self.exchanged else sites
            tapes = (tape for site in sites for tape in self.tapes.get(site, ()))
            found = frozenset(f"@{site}" for site in own).union(*map(self.contents, tapes))
            self.found[array] = found
        return found

    def reads(self, stmt: Stmt) -> frozenset[str]:
        """Names and contents that a statement reads itself."""
        found = self.read.get(id(stmt))
        if found is None:
            every = reads_of(stmt).union(*map(self.contents, _contents_read(stmt)))
            found = self.read[id(stmt)] = (stmt, every)
        return found[1]

    def block(self, block: Block, live: frozenset[str]) -> tuple[Block, frozenset[str]]:
        """The block without dead statements, and what is live before it."""
        kept: list[Stmt] = []
        for stmt in reversed(block):
            new, live = self.statement(stmt, live)
            if new is not None:
                kept.append(new)
        return tuple(reversed(kept)), live

    def statement(self, stmt: Stmt, live: frozenset[str]) -> tuple[Stmt | None, frozenset[str]]:
        match stmt:
            case Assign():
                name = stmt.target.name
                if name not in live or stmt.value == stmt.target:
                    return None, live
                return stmt, live - {name} | self.reads(stmt)
            case Comment():
                return stmt, live
            case Store():
                if live.isdisjoint(self.contents(stmt.array)):
                    return None, live
                return stmt, live | self.reads(stmt)
            case Refill():
                return stmt, live - self._refilled(stmt)
            case Bind():
                pairs = [
                    (t, s)
                    for t, s in zip(stmt.targets, stmt.sources, strict=True)
                    if t in live and t != s
                ]
                if not pairs:
                    return None, live
                targets, sources = (tuple(p) for p in zip(*pairs, strict=True))
                dead, read = {*targets}, {*sources}
                for t, s in zip(stmt.targets, stmt.sources, strict=True):
                    if t in self.exchanged:
                        dead.add(f"@{t}")
                        read |= {f"@{s}"} if f"@{t}" in live else set()
                return replace(stmt, targets=targets, sources=sources), live - dead | read
            case Push():
                return (stmt, live | self.reads(stmt)) if stmt.target in live else (None, live)
            case Grow():
                return (stmt, live | self.reads(stmt)) if stmt.target in live else (None, live)
            case If():
                return self._if(stmt, live)
            case For() | While():
                key = id(stmt), live
                if key not in self.loops:
                    self.loops[key] = self._loop(stmt, live)
                return self.loops[key]
        if _is_hook(stmt):
            return None, live
        if isinstance(stmt, _EFFECTS):
            return stmt, live - set(writes_of(stmt)) | self.reads(stmt)
        targets = set(writes_of(stmt))
        if not targets & live:
            return None, live
        dead = set(targets)
        if not isinstance(stmt, Pop | Window | Reshape):
            dead |= {f"@{t}" for t in targets if t in self.exchanged or t not in self.shared}
        return stmt, live - dead | self.reads(stmt)

    def _refilled(self, stmt: Refill) -> frozenset[str]:
        """What the arrays hold, if no other name may denote them."""
        filled = frozenset().union(*map(self.contents, stmt.arrays))
        others = (name for name in self.sites if name not in stmt.arrays)
        return filled.difference(*map(self.contents, others))

    def _if(self, stmt: If, live: frozenset[str]) -> tuple[Stmt | None, frozenset[str]]:
        body, one = self.block(stmt.body, live)
        orelse, two = self.block(stmt.orelse, live)
        if not _substance(body) and not _substance(orelse):
            return None, live
        return with_blocks(stmt, (body, orelse)), one | two | self.reads(stmt)

    def _loop(self, stmt: For | While, live: frozenset[str]) -> tuple[Stmt | None, frozenset[str]]:
        if not self._matters(stmt, live):
            return None, live
        own = self.reads(stmt)
        end = live | own if isinstance(stmt, While) else live
        if isinstance(stmt, For) and stmt.until is not None:
            end |= {stmt.until.name}
        after, known = self.ends.get(id(stmt), (None, frozenset[str]()))
        if after is not None and after <= live:
            end |= known
        while True:
            body, head = self.block(stmt.body, end)
            if isinstance(stmt, For):
                head -= {stmt.var.name}
            if head <= end:
                break
            end |= head
        self.ends[id(stmt)] = live, end
        if not _substance(body) and not (isinstance(stmt, For) and stmt.var.name in live):
            return None, live
        before = live | head | own
        return with_blocks(stmt, (body,)), before

    def _matters(self, stmt: For | While, live: frozenset[str]) -> bool:
        if isinstance(stmt, For) and stmt.var.name in live:
            return True
        changed, stored = _effects(stmt)
        if changed is None or not live.isdisjoint(changed):
            return True
        for array in stored:
            names = self.exchanged.get(array, (array,))
            if not all(live.isdisjoint(self.contents(name)) for name in names):
                return True
        return False


@remembered("_effects")
def _effects(loop: For | While) -> tuple[frozenset[str] | None, frozenset[str]]:
    """Names that a loop binds or puts something on, and arrays that it writes to.

    None for the names: its effects show, whatever is read later.
    """
    inside = statements(loop.body)
    if any(isinstance(s, _EFFECTS) and not _is_hook(s) for s in inside):
        return None, frozenset()
    pushed = {s.target for s in inside if isinstance(s, Push)}
    stored = frozenset([s.array for s in inside if isinstance(s, Store)])
    return frozenset(assigned(loop.body) | pushed), stored


def _is_hook(stmt: Stmt) -> bool:
    """Whether a statement acts on adjoints only."""
    return isinstance(stmt, Invoke) and not stmt.function


def _substance(block: Block) -> bool:
    return any(not isinstance(s, Comment | Refill) for s in block)


def _without_idle_comments(block: Block) -> Block:
    """Comments that announce nothing are dropped."""
    out: list[Stmt] = []
    for stmt in block:
        if out and isinstance(out[-1], Comment) and isinstance(stmt, Comment | Return):
            out.pop()
        match stmt:
            case For() | While():
                stmt = with_blocks(stmt, (_without_idle_comments(stmt.body),))
            case If():
                parts = _without_idle_comments(stmt.body), _without_idle_comments(stmt.orelse)
                stmt = with_blocks(stmt, parts)
        out.append(stmt)
    if out and isinstance(out[-1], Comment):
        out.pop()
    return tuple(out)
