"""What is written for threads: functions, their variables, and the parts that workers take.

All loops of a function that are divided have the same variables. How parts are taken is in
``srcad.runtime.threads``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from srcad.analysis.division import Division
from srcad.analysis.flow import exposed
from srcad.ir.build import ONE, ZERO, add, compare, zero_of
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Block,
    Expr,
    For,
    Function,
    If,
    Invoke,
    Return,
    Stmt,
    Store,
    Var,
    While,
    statements,
)
from srcad.ir.types import INT
from srcad.transform.initialise import initialise
from srcad.transform.prune import prune


class Threads:
    """The functions that are made of one function, for its threads."""

    def __init__(self, function: Function, names: Names, division: Division) -> None:
        self.title = function.name
        self.names = names
        self.division = division
        self.crew, self.own = names.fresh("crew"), names.fresh("own")
        self.known = function.arrays | {self.crew: (INT, 1), self.own: (INT, 1)}
        """dtype and rank of every array."""
        self.made: list[Function] = []
        self._locals: dict[str, Var] = {}
        self._of_rows: dict[int, Function] = {}

    # ------------------------------------------------------------ variables

    def local(self, base: str, number: str = "", kind: str = INT) -> Var:
        """A variable of the division, the same for all loops."""
        if base + number not in self._locals:
            self._locals[base + number] = Var(self.names.fresh(base), kind)
        return self._locals[base + number]

    def array(self, base: str, kind: str, rank: int) -> str:
        """A new array."""
        name = self.names.fresh(base)
        self.known[name] = kind, rank
        return name

    def before(self, array: str) -> str:
        """How an array is called after its name was given to another one."""
        name = self.local(f"{array}_before").name
        self.known[name] = self.known[array]
        return name

    # ------------------------------------------------------------ parts

    @property
    def is_first(self) -> Expr:
        """Whether a part is the first one."""
        return compare("==", self.local("part"), ZERO)

    @property
    def is_last(self) -> Expr:
        """Whether a part is the last one."""
        return compare("==", add(self.local("part"), ONE), self.local("parts"))

    def border(self, part: Expr, start: Expr, count: Expr) -> Expr:
        """The row at which a part begins, of so many from ``start`` on."""
        return add(
            Binary("//", Binary("*", part, count, INT), self.local("parts"), INT),
            start,
        )

    def each_part(self, body: Iterable[Stmt]) -> Iterator[Stmt]:
        """A phase: the body for each part that the worker takes."""
        parts = self.local("parts")
        again = self._next(parts)
        yield again
        yield While(compare(">=", self.local("part"), ZERO), (*body, again))
        yield self._end(parts)

    def one_part(self, body: Iterable[Stmt]) -> Iterator[Stmt]:
        """A phase in which one worker does everything."""
        yield self._next(ONE)
        yield If(compare(">=", self.local("part"), ZERO), tuple(body))
        yield self._end(ONE)

    def _next(self, parts: Expr) -> Stmt:
        writes = self.crew, self.own
        return Invoke((self.local("part"),), "next_part", (*writes, parts), writes)

    def _end(self, parts: Expr) -> Stmt:
        writes = self.crew, self.own
        return Invoke((), "end_phase", (*writes, parts), writes)

    # ------------------------------------------------------------ functions

    def function(
        self,
        title: str,
        given: tuple[Var | str, ...],
        body: Block,
        exports: tuple[str, ...],
        *,
        waits: bool = False,
    ) -> Function:
        """A function that is given these variables, and after them what its body reads beside.

        ``exports`` are all arrays that it writes to and that are read elsewhere, also those that
        it names itself. If it waits for other threads, it reads what these wrote meanwhile to the
        same memory.
        """
        title = self.names.fresh(f"{self.title}_{title}")
        body = prune(Function(title, given, body, self.known, exports)).body
        parameters = (*given, *self.inputs(body, given))
        exports = tuple(a for a in exports if a in parameters)
        apart = not waits and self._are_apart(parameters, exports)
        function = Function(title, parameters, body, self.known, exports, apart)
        self.made.append(initialise(function))
        return self.made[-1]

    def of_rows(self, loop: For, sums: tuple[Var, ...]) -> Function:
        """The function that runs some iterations of a loop, and returns what they sum up."""
        if id(loop) not in self._of_rows:
            first, last = self.local("first"), self.local("last")
            start = (Assign(s, zero_of(s.kind)) for s in sums)
            total = (Return(sums),) if sums else ()
            body = (*start, replace(loop, start=first, stop=last), *total)
            self._of_rows[id(loop)] = self.function("part", (first, last), body, stored(loop.body))
        return self._of_rows[id(loop)]

    def inputs(self, body: Block, given: tuple[Var | str, ...]) -> tuple[Var | str, ...]:
        """What a body reads before it assigns it, beside what it is given."""
        read = exposed(body) - {v if isinstance(v, str) else v.name for v in given}
        scalars = self.division.scalars
        return tuple(n if n in self.known else scalars[n] for n in sorted(read))

    def _are_apart(self, parameters: tuple[Var | str, ...], written: tuple[str, ...]) -> bool:
        """Whether no array that is written shares memory with another one."""
        arrays = [p for p in parameters if isinstance(p, str)]
        pairs = ((a, b) for a in written for b in arrays if a != b)
        return not any(self.division.aliases.may(a, b) for a, b in pairs)


def stored(block: Block) -> tuple[str, ...]:
    """The arrays of which a block stores elements, in order."""
    return tuple(sorted({s.array for s in statements(block) if isinstance(s, Store)}))
