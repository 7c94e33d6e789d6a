"""Independent loops run in threads, several of them in one region.

Which loops can be divided into parts is proved in ``srcad.analysis.division``; which are, is said
in ``srcad.transform.pieces``. A *region* is a run of statements with such loops, the loop over time
around them included where that can be, so that threads are started once for all of them. Each
thread, a *worker*, goes through the same statements with variables of its own. Statements that need
not wait for each other (``srcad.analysis.turns``) are a *phase* (``srcad.transform.phases``), of
which a worker runs the parts that no other one has taken, and which ends when all parts are done::

    for t in range(n):                        def f_part(first, last, m, u, v):
        for i in range(1, k - 1):                 for i in range(first, last):
            for j in range(m):                        for j in range(m):
                v[i, j] = ...                             v[i, j] = ...
        u[0, 0] = s[t]
        u, v = v, u                           def f_worker(worker, workers, crew, k, m, n, s, u, v):
                                                  own = new_worker(worker, workers)
                                                  for t in range(n):
                                                      parts = even_parts(min(32, k - 2, ...))
                                                      part = next_part(crew, own, parts)
                                                      while part >= 0:
                                                          f_part(1 + part * (k - 2) // parts, ...)
                                                          if part == 0:
                                                              u[0, 0] = s[t]
                                                          part = next_part(crew, own, parts)
                                                      end_phase(crew, own, parts)
                                                      u, v = v, u

What a part leaves near its borders is done in a second phase, where neighbours need each other
(``srcad.transform.bands``). Where iterations hand on rows in a ring, it is the other way round: in
a first phase, each part puts aside what its neighbours need of its first and last rows, and in the
second it runs its own rows (``srcad.transform.ring_parts``).

Of what is not divided, every worker assigns the scalars and binds the names for itself, and one of
them writes the elements. So scalars must not hang on elements that the region writes: a worker may
be late, and reads them when the others are many phases ahead. No worker waits for one that has not
begun, whichever threads there are (see ``end_phase`` in ``srcad.runtime.threads``).

Afterwards the caller binds its own names as the workers did. If there is little to do
(``srcad.analysis.work``), it runs the statements as they were. Where the results hang on how many
parts there are, that depends on the sizes, not on the number of threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to, tapes_behind
from srcad.analysis.division import Division
from srcad.analysis.flow import assigned, mentions
from srcad.analysis.sizes import Sizes, sizes_after, sizes_inside
from srcad.analysis.turns import Turns
from srcad.analysis.work import is_worth, most_parts
from srcad.ir.build import ONE, ZERO, add, integer, scale
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Comment,
    Expr,
    For,
    Function,
    If,
    Invoke,
    Load,
    Stmt,
    Store,
    Var,
    While,
    Window,
    expressions,
    statements,
    walk,
    with_blocks,
)
from srcad.ir.types import INT
from srcad.position import Position
from srcad.transform.bands import Bands
from srcad.transform.phases import Phases
from srcad.transform.pieces import Piece, divided_in, pieces_of
from srcad.transform.prune import prune
from srcad.transform.ring_parts import RingParts
from srcad.transform.threads import Threads, stored


def parallel(
    functions: tuple[Function, ...], names: Names, counted: Collection[Position] = ()
) -> tuple[Function, ...]:
    """The functions of a module, independent loops of the last one divided among threads.

    The loops at the places ``counted`` stay where they are, but for those that are divided
    themselves: between their steps a run can end.
    """
    *others, function = functions
    regions = _Regions(function, names, counted)
    pieces = pieces_of(function.body, frozenset(function.exports), regions.division)
    body = regions.block(pieces, Sizes(function.arrays))
    if not regions.threads.made:
        return functions
    divided = replace(function, body=body, arrays=regions.threads.known)
    return (*others, *regions.threads.made, prune(divided))


_Pieces = tuple[Piece, ...]


class _Regions:
    def __init__(self, function: Function, names: Names, counted: Collection[Position]) -> None:
        self.counted = counted
        self.sites = points_to(function.body, set(function.arrays))
        self.rows = tapes_behind(function.body)
        self.division = Division(function, Aliases(function.body, self.sites))
        self.turns = Turns(self.division, self.rows)
        self.threads = Threads(function, names, self.division)
        self.rings = RingParts(self.threads)

    # ------------------------------------------------------------ which regions

    def block(self, pieces: _Pieces, sizes: Sizes) -> Block:
        """The statements, with regions in place of those that can run in threads.

        ``sizes`` are known before them, and followed.
        """
        out: list[Stmt] = []
        while pieces:
            region = self._region(pieces)
            if region:
                out.append(self._in_threads(region, sizes.copy()))
                sizes_after((p.stmt for p in region), sizes)
                pieces = pieces[len(region) :]
                continue
            stmt, inner = pieces[0].stmt, pieces[0].parts
            parts = tuple(self.block(b, sizes_inside(stmt, sizes)) for b in inner)
            out.append(with_blocks(stmt, parts) if parts else stmt)
            sizes_after((stmt,), sizes)
            pieces = pieces[1:]
        return tuple(out)

    def _region(self, pieces: _Pieces) -> _Pieces:
        """The statements that these begin with and that make up a region, from divided ones on.

        A number that is summed up in parts is not asked for before the end of the region.
        """
        if not pieces[0].divided:
            return ()
        found: _Pieces = ()
        steady, written = set[str](), set[str]()
        named, summed = Counter[str](), Counter[str]()
        for k, piece in enumerate(pieces):
            needs = self._needs(piece)
            if needs is None:
                break
            steady |= needs
            written.update(*map(self._places, stored((piece.stmt,))))
            named += mentions((piece.stmt,))
            for loop, plan, *_ in divided_in((piece,)):
                within = mentions((loop,))
                summed.update({total.name: within[total.name] for total in plan.sums})
            asked_for = any(named[name] != count for name, count in summed.items())
            if steady & written or asked_for:
                break
            if piece.divided:
                found = pieces[: k + 1]
        return found

    def _places(self, array: str) -> frozenset[str]:
        """All memory that a name denotes at some time: a late worker reads what is there then."""
        found = self.sites.get(array, frozenset((array,)))
        tapes = (tape for name in found for tape in self.rows.get(name, ()))
        return found.union(*map(self._places, tapes))

    def _needs(self, piece: Piece) -> set[str] | None:
        """The memory that a worker reads at its own pace, which the region must not write.

        None: workers cannot go through the statement, each at its own pace.
        """
        stmt = piece.stmt
        if isinstance(stmt, For) and piece.plan is not None:
            return self._read((stmt.start, stmt.stop))
        inside = statements((stmt,))
        if any(isinstance(s, For | While) and s.at in self.counted for s in inside):
            return None
        if piece.parts:
            found = [self._needs(p) for part in piece.parts for p in part]
            known = [needs for needs in found if needs is not None]
            return self._read(expressions(stmt)).union(*known) if len(known) == len(found) else None
        if piece.writes:
            simple = all(isinstance(s, Assign | Store | For | If | While | Comment) for s in inside)
            return set() if simple and not assigned((stmt,)) & piece.live else None
        own = Assign | Bind | Window | For | If | While | Comment
        if not all(isinstance(s, own) for s in inside):
            return None
        return self._read(e for s in inside for e in expressions(s))

    def _read(self, exprs: Iterable[Expr]) -> set[str]:
        """The memory of which expressions read elements."""
        loads = (e for x in exprs for e in walk(x) if isinstance(e, Load))
        return set[str]().union(*(self._places(e.array) for e in loads))

    # ------------------------------------------------------------ what replaces a region

    def _in_threads(self, region: _Pieces, sizes: Sizes) -> Stmt:
        """The statement in place of a region; its functions are added to those of the module."""
        loops = list(divided_in(region))
        sums = {v.name: v for d in loops for v in d.plan.sums}
        cells = {s: self.threads.array(f"{s}_parts", v.kind, 1) for s, v in sums.items()}
        crew = self._crew(self._worker(region, cells, sizes))
        call = Invoke((), crew.name, crew.parameters, crew.exports, at=region[0].stmt.at)
        memory = [Alloc(k, (most_parts(),), sums[s].kind, True) for s, k in cells.items()]
        serial = tuple(p.stmt for p in region)
        changing = assigned(serial)
        memory += [a for d in loops if d.ring for a in self.rings.memory(d.ring, changing)]
        part = self.threads.local("part")
        added = tuple(_added(sums[s], Load(k, (part,), sums[s].kind)) for s, k in cells.items())
        total = [For(part, ZERO, most_parts(), ONE, added)] if added else []
        threads = (*memory, call, *total, *_followed(region))
        worth = is_worth(((d.loop, d.around) for d in loops), changing)
        return If(worth, threads, serial, region[0].stmt.at)

    def _crew(self, worker: Function) -> Function:
        """The function that starts the workers.

        Threads are started in a function in which no array is bound to another name: Numba writes
        the second value of ``u`` as ``u_1``, which may be the name of another array.
        """
        threads, inputs = self.threads, worker.parameters[3:]
        number, workers = threads.local("worker"), threads.local("workers")
        call = Invoke((), worker.name, worker.parameters, worker.exports)
        size = add(scale(most_parts(), 8), integer(8))
        body = (
            Alloc(threads.crew, (size,), INT, True),
            Assign(workers, Call("get_num_threads", (), INT)),
            For(number, ZERO, workers, ONE, (call,), parallel=True),
        )
        exports = tuple(a for a in worker.exports if a != threads.crew)
        title = threads.names.fresh(f"{threads.title}_crew")
        threads.made.append(Function(title, inputs, body, threads.known, exports))
        return threads.made[-1]

    def _worker(self, region: _Pieces, cells: dict[str, str], sizes: Sizes) -> Function:
        """The function that each thread runs."""
        threads, loops = self.threads, list(divided_in(region))
        given = *_, crew = threads.local("worker"), threads.local("workers"), threads.crew
        private = {a for d in loops for a in d.plan.scratch}
        made = (stmt for name, stmt in self.division.made.items() if name in private)
        start = Invoke((threads.own,), "new_worker", given[:2])
        phases = Phases(self.turns, Bands(threads, cells), self.rings)
        body = (start, *made, *phases.of(region, sizes))
        halos = {h for d in loops if d.ring for h in self.rings.halo(d.ring).values()}
        written = {*stored(tuple(p.stmt for p in region)), *cells.values(), *halos} - private
        places = frozenset[str]().union(*map(self._places, written))
        arrays = (a for a in threads.inputs(body, given) if isinstance(a, str))
        written.update(a for a in arrays if self._places(a) & places)  # it has views of these
        return threads.function("worker", given, body, (crew, *sorted(written)), waits=True)


def _followed(pieces: _Pieces) -> Iterator[Stmt]:
    """What workers do with their own variables, for the caller to do the same with its own."""
    for piece in pieces:
        if piece.parts:
            yield with_blocks(piece.stmt, tuple(tuple(_followed(b)) for b in piece.parts))
        elif piece.plan is None and not piece.writes:
            yield piece.stmt


def _added(total: Var, value: Expr) -> Assign:
    """``total += value``."""
    return Assign(total, Binary("+", total, value, total.kind))
