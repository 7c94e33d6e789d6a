"""Tapes as arrays of the function's own: the language that reversal reads again.

What reversal writes takes the memory of its tapes from a pool, which belongs to the caller. A
derivative that is part of a larger program has no pool; its tapes are arrays like the user's own,
so that they carry derivatives too::

    x_tape = tape(pool, n, np.float64)           x_tape = np.empty(n)
    n_tape = stack(pool, np.int64)               n_tape = np.empty(256)
    if top == n_tape.size:                       if top == n_tape.shape[0]:
        n_tape = grow(pool, n_tape)                  longer = np.empty(2 * n_tape.shape[0])
                                                     ... # the same contents
                                                     n_tape = longer
    x_b = np.zeros_like(x)                       x_b = np.zeros(x.shape[0])

A slot of a tape that is filled once is stored for the first time; one in a tape that an outer loop
fills again is overwritten.
"""

from dataclasses import replace

from srcad.ir.build import ONE, ZERO, integer
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Alloc,
    Binary,
    Bind,
    Block,
    Compare,
    Extent,
    For,
    Function,
    Grow,
    If,
    Load,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    ZerosLike,
    blocks,
    names_read,
    with_blocks,
)
from srcad.ir.types import INT, kind_of
from srcad.transform.cost import tapes_of

_CAPACITY = 256


def own_memory(function: Function, names: Names) -> Function:
    """The function with its tapes in arrays that it makes itself."""
    arrays = dict(function.arrays)
    body = _Settler(arrays, names, tapes_of(function)).block(function.body, ())
    return replace(function, body=body, arrays=arrays)


class _Settler:
    def __init__(self, arrays: dict[str, tuple[str, int]], names: Names, tapes: set[str]) -> None:
        self.arrays = arrays
        self.names = names
        self.tapes = tapes
        self.around: dict[str, int] = {}
        """How many loops are around the place where a tape is made."""

    def block(self, block: Block, loops: tuple[For | While, ...]) -> Block:
        return tuple(made for stmt in block for made in self.statement(stmt, loops))

    def statement(self, stmt: Stmt, loops: tuple[For | While, ...]) -> tuple[Stmt, ...]:
        match stmt:
            case Tape():
                self.around[stmt.target] = len(loops)
                return (Alloc(stmt.target, stmt.shape, stmt.dtype, False, stmt.at),)
            case Stack():
                return (Alloc(stmt.target, (integer(_CAPACITY),), stmt.dtype, False, stmt.at),)
            case ZerosLike():
                rank = self.arrays[stmt.source][1]
                shape = tuple(Extent(stmt.source, k) for k in range(rank))
                dtype = self.arrays[stmt.target][0]
                return (Alloc(stmt.target, shape, dtype, True, stmt.at),)
            case Grow():
                return (self._grown(stmt),)
            case Store() if stmt.array in self.tapes:
                return (replace(stmt, fresh=self._is_filled_once(stmt, loops)),)
            case For() | While():
                return (with_blocks(stmt, (self.block(stmt.body, (*loops, stmt)),)),)
            case If():
                parts = tuple(self.block(b, loops) for b in blocks(stmt))
                return (with_blocks(stmt, parts),)
        return (stmt,)

    def _is_filled_once(self, stmt: Store, loops: tuple[For | While, ...]) -> bool:
        """Whether each iteration of the loops around a store has a slot of its own."""
        if stmt.array not in self.around:
            return False
        index = set().union(*map(names_read, stmt.index))
        inner = loops[self.around[stmt.array] :]
        return all(isinstance(loop, For) and loop.var.name in index for loop in inner)

    def _grown(self, stmt: Grow) -> Stmt:
        dtype, _ = self.arrays[stmt.target]
        longer = self.names.fresh(f"{stmt.target}_longer")
        self.arrays[longer] = (dtype, 1)
        size = Extent(stmt.target, 0)
        k = Var(self.names.fresh("k"), INT)
        body = (
            Alloc(longer, (Binary("*", integer(2), size, INT),), dtype, False, stmt.at),
            For(
                k,
                ZERO,
                size,
                ONE,
                (Store(longer, (k,), Load(stmt.target, (k,), kind_of(dtype)), True, stmt.at),),
                None,
                stmt.at,
            ),
            Bind((stmt.target,), (longer,), stmt.at),
        )
        return If(Compare("==", stmt.top, size), body, (), stmt.at)
