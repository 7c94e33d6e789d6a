"""Which memory an array name can denote.

A *site* is a place where array memory comes from: a parameter, or a statement that makes an
array; it is named by the array that it makes. ``points_to`` gives the sites of each name, over
the whole function at once (a name that is never rebound has one site, itself). Two names can
alias only if they share a site.
"""

import functools
from collections import Counter
from collections.abc import Iterator, Set

from srcad.analysis.flow import writes_of
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Copy,
    Expr,
    For,
    If,
    Invoke,
    Load,
    MatMul,
    Pop,
    Push,
    Reshape,
    Stmt,
    Store,
    While,
    Window,
    ZerosLike,
    names_read,
    statements,
    walk,
)

Sites = dict[str, frozenset[str]]


def points_to(body: Block, arrays: set[str]) -> Sites:
    """The sites of every array name.

    >>> body = (Bind(("u", "v"), ("a", "b")), Bind(("u", "v"), ("v", "u")))
    >>> sorted(points_to(body, {"a", "b", "u", "v"})["u"])
    ['a', 'b']
    """
    bound: set[str] = set()
    edges: list[tuple[str, str]] = []
    made: list[str] = []
    for stmt in statements(body):
        if isinstance(stmt, Assign | Store):
            continue
        match stmt:
            case Bind():
                edges += zip(stmt.targets, stmt.sources, strict=True)
                bound |= set(stmt.targets)
            case Window(own=False) | Reshape():
                edges.append((stmt.target, stmt.source))
                bound.add(stmt.target)
            case Push():
                edges.append((stmt.target, stmt.array))
                bound.add(stmt.target)
            case Pop():
                edges.append((stmt.array, stmt.source))
            case Alloc() | Copy() | MatMul() | ZerosLike() | Window():
                made.append(stmt.target)
            case Invoke():
                made += [name for name in stmt.targets if isinstance(name, str)]
    sites: dict[str, set[str]] = {a: (set() if a in bound else {a}) for a in arrays | bound}
    for name in made:
        if name in sites:
            sites[name].add(name)
    changed = bool(edges)
    while changed:
        changed = False
        for target, source in edges:
            more = sites.setdefault(source, {source})
            if not more <= sites.setdefault(target, set()):
                sites[target] |= more
                changed = True
    return {name: frozenset(found) for name, found in sites.items()}


class Flow:
    """What array names denote as a block runs, statement by statement.

    ``now`` are the sites of the names when it has run; a name that is not among them denotes the
    array of its own name. ``stored`` are the sites whose elements it writes.

    >>> body = (Bind(("u",), ("x",)), Copy("made", "u"), Bind(("u",), ("made",)))
    >>> sorted(Flow(body).now["u"]), sorted(points_to(body, {"x", "u", "made"})["u"])
    (['made'], ['made', 'x'])
    """

    def __init__(self, body: Block) -> None:
        self.stored: set[str] = set()
        self.now = self._after(body, {})

    def denoted(self, name: str) -> frozenset[str]:
        """The sites of a name when the block has run."""
        return _sites(self.now, name)

    def _after(self, body: Block, before: Sites) -> Sites:
        now = dict(before)
        for stmt in body:
            match stmt:
                case Bind():
                    found = [_sites(now, s) for s in stmt.sources]
                    now.update(zip(stmt.targets, found, strict=True))
                case Window(own=False) | Reshape():
                    now[stmt.target] = _sites(now, stmt.source)
                case Push():
                    now[stmt.target] = now.get(stmt.target, frozenset()) | _sites(now, stmt.array)
                case Pop():
                    now[stmt.array] = now.get(stmt.source, frozenset())
                case If():
                    now = _either(self._after(stmt.body, now), self._after(stmt.orelse, now))
                case For() | While():
                    ended: Sites | None = None
                    while now != ended:
                        ended = now
                        now = _either(now, self._after(stmt.body, now))
                case _:
                    for name in _written_through(stmt):
                        self.stored |= _sites(now, name)
                    now |= {name: frozenset((name,)) for name in writes_of(stmt)}
        return now


def _sites(now: Sites, name: str) -> frozenset[str]:
    return now.get(name, frozenset((name,)))


def _either(one: Sites, two: Sites) -> Sites:
    """What names denote after one of two blocks."""
    return {name: _sites(one, name) | _sites(two, name) for name in one.keys() | two.keys()}


def _written_through(stmt: Stmt) -> tuple[str, ...]:
    """The names through which a statement writes elements, other than for the first time."""
    match stmt:
        case Store():
            return (stmt.array,)
        case Invoke():
            return stmt.writes
    return ()


def strided_names(body: Block) -> frozenset[str]:
    """Array names that can denote memory that is not contiguous."""
    out: set[str] = set()
    size = -1
    while size != (size := len(out)):
        for stmt in statements(body):
            match stmt:
                case Window(own=False):
                    out.add(stmt.target)
                case Bind():
                    pairs = zip(stmt.targets, stmt.sources, strict=True)
                    out |= {t for t, s in pairs if s in out}
                case Push() if stmt.array in out:
                    out.add(stmt.target)
                case Pop() if stmt.source in out:
                    out.add(stmt.array)
    return frozenset(out)


def stored_sites(body: Block, sites: Sites) -> frozenset[str]:
    """Sites whose elements the block writes, other than for the first time."""
    out: set[str] = set()
    for stmt in statements(body):
        for name in _written_through(stmt):
            out |= _sites(sites, name)
    return frozenset(out)


def tapes_behind(body: Block) -> dict[str, set[str]]:
    """The tapes that names are given rows of: the rows may be read by the name of the tape."""
    found: dict[str, set[str]] = {}
    for stmt in statements(body):
        if isinstance(stmt, Window) and stmt.own:
            found.setdefault(stmt.target, set()).add(stmt.source)
    return found


class Aliases:
    """Whether two names can denote the same memory at the same time.

    Beside the sites it knows of permutations: names that start as different arrays and are then
    only exchanged among themselves stay different arrays, though each denotes all of them in turn::

        u, v = u0.copy(), u0.copy()
        for t in range(n):
            u, v = v, u

    >>> body = (Copy("u", "x"), Copy("v", "x"), Bind(("u", "v"), ("v", "u")))
    >>> aliases = Aliases(body, points_to(body, {"x", "u", "v"}))
    >>> aliases.may("u", "v"), aliases.may("u", "u")
    (False, True)
    """

    def __init__(self, body: Block, sites: Sites) -> None:
        self.sites = sites
        self.body = body
        self._sharing: dict[str, frozenset[str]] = {}
        self.apart: dict[str, frozenset[str]] = {}
        """For each name, those that are exchanged with it and never the same."""
        for group in _permuted(body):
            if _start_apart(group, body, sites):
                self.apart |= dict.fromkeys(group, frozenset(group))

    @functools.cached_property
    def made(self) -> frozenset[str]:
        """Names of memory that is made here."""
        made = (s.target for s in statements(self.body) if isinstance(s, Alloc | ZerosLike | Copy))
        return frozenset(n for n in made if self.sites.get(n) == frozenset((n,)))

    @functools.cached_property
    def _holders(self) -> dict[str, set[str]]:
        """The names that can denote the memory of each site."""
        holders: dict[str, set[str]] = {}
        for name, found in self.sites.items():
            for site in found:
                holders.setdefault(site, set()).add(name)
        return holders

    def sharing(self, name: str) -> frozenset[str]:
        """All names that may share memory with one, itself included."""
        if name not in self._sharing:
            found = _sites(self.sites, name)
            alone = (s for s in found if s not in self.sites)
            others = frozenset(alone).union(*(self._holders.get(s, ()) for s in found))
            self._sharing[name] = others - self.apart.get(name, frozenset()) | {name}
        return self._sharing[name]

    def may(self, a: str, b: str) -> bool:
        """Whether they may share memory."""
        if a == b:
            return True
        if b in self.apart.get(a, ()):
            return False
        return bool(self.sites.get(a, frozenset((a,))) & self.sites.get(b, frozenset((b,))))

    def may_change(self, expr: Expr, bound: Set[str], stored: Set[str]) -> bool:
        """Whether the value of an expression may change where names are bound or stored to."""
        if not bound.isdisjoint(names_read(expr)):
            return True
        loads = {e.array for e in walk(expr) if isinstance(e, Load)}
        return any(self.may(a, b) for a in loads for b in stored)


def _permuted(body: Block) -> Iterator[set[str]]:
    """The groups of names that are exchanged among themselves."""
    groups: list[set[str]] = []
    for stmt in statements(body):
        if isinstance(stmt, Bind) and set(stmt.targets) == set(stmt.sources):
            joined = set(stmt.targets)
            for group in [g for g in groups if g & joined]:
                groups.remove(group)
                joined |= group
            groups.append(joined)
    yield from groups


def _start_apart(group: set[str], body: Block, sites: Sites) -> bool:
    """Whether the names of a group denote different arrays before they are exchanged.

    Each is made by statements that make arrays, bound once, outside of loops and branches, or both.
    """
    made: set[str] = set()
    bound: Counter[str] = Counter()
    first: list[frozenset[str]] = []
    for stmt in statements(body):
        for name in group.intersection(writes_of(stmt)):
            match stmt:
                case Alloc() | Copy() | ZerosLike() | MatMul() | Window(own=True):
                    made.add(name)
                case Bind() if set(stmt.targets) == set(stmt.sources):
                    pass
                case Bind() if any(stmt is s for s in body):
                    bound[name] += 1
                    source = stmt.sources[stmt.targets.index(name)]
                    first.append(sites.get(source, frozenset((source,))))
                case _:
                    return False
    if any(n > 1 for n in bound.values()):
        return False
    first += [frozenset((name,)) for name in group if name in made or name not in bound]
    return sum(map(len, first)) == len(frozenset[str]().union(*first))
