"""The core IR: the small structured language between the user's program and its adjoint.

A program in it is a list of statements over scalar variables and arrays. Expressions are scalar
trees; whole-array operations are statements. The front end writes an access through a view as an
access to the array under it; a view is an array of its own only where a name denotes different
views, or where the memory is reshaped. Everything is immutable, compares by structure
(positions left out) and prints (``srcad.ir.printer``). The grammar::

    expr  = Const | Var | Unary | Binary | Compare | Logic | Select | Call | Load | Extent
    stmt  = Assign | Store                                  # x = e ; u[i, j] = e
          | Alloc | Copy | MatMul | Bind                    # arrays: made, multiplied, renamed
          | Window | Reshape                                # arrays: other views of their memory
          | For | While | If                                # structured control flow
          | Check | IndexCheck | Raise | Print | Invoke     # effects
          | Tape | Stack | Grow | Keep | Push | Pop         # written by reversal only
          | Refill                                          # the same, and gone when it is done
          | Attempt                                         # written for threads only
          | Comment | Return
"""

import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from srcad.position import NOWHERE, Position

# ---------------------------------------------------------------- what is remembered

N = TypeVar("N")
S = TypeVar("S", bound="Stmt")
R = TypeVar("R")


class _Expression:
    """Room for what was found out about a node, which never changes (``remembered``)."""

    __slots__ = ("_carriers", "_hash", "_names", "_parts")


class _Statement:
    """The same for a statement."""

    __slots__ = (
        *("_bound", "_contents", "_effects", "_exposed", "_flow", "_inside", "_named", "_names"),
        *("_reads", "_taken", "_tells", "_touched", "_within"),
    )


def remembered(slot: str) -> Callable[[Callable[[N], R]], Callable[[N], R]]:
    """A function of a node that is evaluated once for each node."""

    def once(function: Callable[[N], R]) -> Callable[[N], R]:
        @functools.wraps(function)
        def found(node: N) -> R:
            try:
                return getattr(node, slot)
            except AttributeError:
                out = function(node)
                object.__setattr__(node, slot, out)
                return out

        return found

    return once


# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Const(_Expression):
    """A literal: ``value`` is the bool, int, float or complex that its kind says."""

    value: Any
    kind: str


@dataclass(frozen=True, slots=True)
class Var(_Expression):
    """A scalar variable."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Unary(_Expression):
    """``op x`` with op one of ``-``, ``+``, ``not``, ``~``."""

    op: str
    x: "Expr"
    kind: str


@dataclass(frozen=True, slots=True)
class Binary(_Expression):
    """``a op b`` with an arithmetic or bitwise operator."""

    op: str
    a: "Expr"
    b: "Expr"
    kind: str


@dataclass(frozen=True, slots=True)
class Compare(_Expression):
    """``a op b``, a bool."""

    op: str
    a: "Expr"
    b: "Expr"
    kind: str = "bool"


@dataclass(frozen=True, slots=True)
class Logic(_Expression):
    """``and`` or ``or`` over bools, evaluated from the left as far as needed."""

    op: str
    items: tuple["Expr", ...]
    kind: str = "bool"


@dataclass(frozen=True, slots=True)
class Select(_Expression):
    """``a if test else b``; only the branch chosen is evaluated.

    ``strong``: no branch of the program, but a product ``a`` of the numbers that ``test`` compares
    with zero; where all of them are zero it is zero, though another factor may be infinite.
    """

    test: "Expr"
    a: "Expr"
    b: "Expr"
    kind: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Call(_Expression):
    """A scalar function by its canonical name, such as "math.sin", "np.exp", "abs", "int"."""

    function: str
    args: tuple["Expr", ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Load(_Expression):
    """An element of an array."""

    array: str
    index: tuple["Expr", ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Extent(_Expression):
    """``array.shape[axis]``."""

    array: str
    axis: int
    kind: str = "int64"


_kind: Any
for _kind in (Unary, Binary, Compare, Logic, Select, Call, Load):
    _kind.__hash__ = remembered("_hash")(_kind.__hash__)

Expr = Const | Var | Unary | Binary | Compare | Logic | Select | Call | Load | Extent

# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Assign(_Statement):
    """``target = value``; ``dear``: reversal saves the value, it does not compute it again."""

    target: Var
    value: Expr
    at: Position = field(default=NOWHERE, compare=False)
    dear: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Store(_Statement):
    """``array[index] = value``; ``fresh``: the element is written for the first time."""

    array: str
    index: tuple[Expr, ...]
    value: Expr
    fresh: bool = False
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Alloc(_Statement):
    """``target = np.empty(shape, dtype)``, or ``np.zeros``."""

    target: str
    shape: tuple[Expr, ...]
    dtype: str
    zeros: bool = False
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Copy(_Statement):
    """``target = source.copy()``."""

    target: str
    source: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ZerosLike(_Statement):
    """``target = np.zeros_like(source)``: a shadow of ``source``, of its shape and dtype.

    ``empty``: ``np.empty_like``, as the loops that follow give each element its first value.
    """

    target: str
    source: str
    at: Position = field(default=NOWHERE, compare=False)
    empty: bool = False


@dataclass(frozen=True, slots=True)
class MatMul(_Statement):
    """``target = np.dot(a, b)``, a fresh array.

    ``ta``/``tb`` take the transpose of a factor, ``ca``/``cb`` its complex conjugate.
    """

    target: str
    a: str
    b: str
    ta: bool = False
    tb: bool = False
    at: Position = field(default=NOWHERE, compare=False)
    ca: bool = False
    cb: bool = False
    batch: "Batch | None" = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One product for each index of a leading axis of all three arrays.

    ``shape`` and ``dtype`` are those of the target, ``counter`` is the index.
    """

    counter: Var
    shape: tuple[Expr, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Bind(_Statement):
    """``targets = sources``: array names made to denote other arrays, all at once."""

    targets: tuple[str, ...]
    sources: tuple[str, ...]
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Span:
    """``length`` positions of an axis: ``start``, ``start + step``, ..."""

    start: Expr
    length: Expr
    step: int


@dataclass(frozen=True, slots=True)
class Window(_Statement):
    """``target = source[keys]``: a view; each axis of the source has a position or a span.

    ``order`` lists, for each axis of the target, the axis of the source that it runs along (None:
    a new axis of length 1). ``own``: a row of a tape that is touched by this name only, for as long
    as it is written.
    """

    target: str
    source: str
    keys: tuple[Expr | Span, ...]
    order: tuple[int | None, ...]
    own: bool = field(default=False, kw_only=True)
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Reshape(_Statement):
    """``target = source.reshape(shape)`` of a contiguous array: another name for its memory."""

    target: str
    source: str
    shape: tuple[Expr, ...]
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """How the reversal of a loop gets back to its states: from so many snapshots of them."""

    amount: "Expr"
    in_bytes: bool = False
    """Whether the amount is that of the memory that the snapshots may take."""
    schedule: str = "binomial"
    """Where snapshots are taken: "binomial", "two-level" or "periodic"."""
    on_disk: "Expr | None" = None
    """At most so many further snapshots are on disk (0: as many as are useful); None: none."""
    calls: tuple[str, ...] = ()
    """The functions that write and read those, in the order of ``srcad.disk.calls_for``."""


@dataclass(frozen=True, slots=True)
class For(_Statement):
    """``for var in range(start, stop, step)``; leaves after an iteration that sets ``until``.

    ``parallel``: its iterations, each a call, run in threads. No pass but the last one writes that.
    """

    var: Var
    start: Expr
    stop: Expr
    step: Expr
    body: tuple["Stmt", ...]
    until: Var | None = None
    at: Position = field(default=NOWHERE, compare=False)
    parallel: bool = False
    checkpoints: Checkpoints | None = None


@dataclass(frozen=True, slots=True)
class While(_Statement):
    """``while test``."""

    test: Expr
    body: tuple["Stmt", ...]
    at: Position = field(default=NOWHERE, compare=False)
    checkpoints: Checkpoints | None = None


@dataclass(frozen=True, slots=True)
class If(_Statement):
    """``if test: body else: orelse``."""

    test: Expr
    body: tuple["Stmt", ...]
    orelse: tuple["Stmt", ...] = ()
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Attempt(_Statement):
    """``try: body except Exception: otherwise``; written by the last pass only."""

    body: tuple["Stmt", ...]
    otherwise: tuple["Stmt", ...]
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Check(_Statement):
    """``if not test: raise error(message)``."""

    test: Expr
    error: str
    message: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class IndexCheck(_Statement):
    """``index`` must be within ``-extent <= index < extent`` of an axis of an array.

    ``what`` is the array and the index in the words of the user.
    """

    array: str
    axis: int
    index: Expr
    what: tuple[str, str] = field(default=("", ""), compare=False)
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Raise(_Statement):
    """``raise error(message)``."""

    error: str
    message: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Print(_Statement):
    """``print(...)`` of scalars, arrays (by name) and string constants."""

    items: tuple[Expr | str, ...]
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Pullback:
    """What the arguments of a call receive, by a rule: statements for the reverse sweep.

    ``args``, ``results``, ``seeds`` (adjoints of the results) and ``shares`` (adjoints of the
    arguments) are the names that stand for those of the call in ``body``, in their order; a seed
    or share is None where there is no adjoint. Everything that the body reads from outside is one
    of them.
    """

    body: "Block"
    args: tuple[Var | str, ...]
    results: tuple[Var | str, ...]
    seeds: tuple[Var | str | None, ...]
    shares: tuple[Var | str | None, ...]


@dataclass(frozen=True, slots=True)
class Pushforward:
    """The tangents of the results of a call, by a rule: statements for forward mode.

    ``tangents`` stand for those of the arguments (None where there are none), ``outputs`` are what
    the body computes: the tangents of the results, None for one that has no derivative.
    """

    body: "Block"
    args: tuple[Var | str, ...]
    results: tuple[Var | str, ...]
    tangents: tuple[Var | str | None, ...]
    outputs: tuple[Var | str | None, ...]


@dataclass(frozen=True, slots=True)
class Invoke(_Statement):
    """``targets = function(args)``: a call of a function that is not inlined, by its name.

    Arrays are passed by reference (their names); ``writes`` are those that the callee writes.
    Its reverse is its ``pullback``, or else the function ``function + "_reverse"`` of the module.
    Without a ``function`` nothing is called: the adjoint of the first argument passes through the
    pullback.
    """

    targets: tuple[Var | str, ...]
    """Scalars, and arrays (by name) that the callee makes."""
    function: str
    args: tuple[Expr | str, ...]
    writes: tuple[str, ...] = ()
    count: int = 0
    """The number of leading arguments that can carry derivatives (captured values follow them)."""
    at: Position = field(default=NOWHERE, compare=False)
    pullback: Pullback | None = None
    pushforward: Pushforward | None = None
    """If forward mode needs it; else the tangent is that of ``function + "_tangent"``."""
    ruled: bool = False
    """Whether its derivative is given by a rule, and not by a function of the module."""


@dataclass(frozen=True, slots=True)
class Tape(_Statement):
    """``target = tape(pool, prod(shape), dtype).reshape(shape)``: one slot for each iteration."""

    target: str
    shape: tuple[Expr, ...]
    dtype: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Stack(_Statement):
    """``target = stack(pool, dtype)``: slots for a number of iterations not known beforehand."""

    target: str
    dtype: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Grow(_Statement):
    """``if top == target.size: target = grow(pool, target)``.

    With ``room``, that many slots from ``top`` on: ``while target.size < top + room``.
    """

    target: str
    top: Expr
    room: Expr | None = None
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Keep(_Statement):
    """``target = [example]; target.clear()``: an empty list of arrays like ``example``."""

    target: str
    dtype: str
    ndim: int
    strided: bool = False
    """Whether the arrays need not be contiguous."""
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Push(_Statement):
    """``target.append(array)``: keeps a reference to an array."""

    target: str
    array: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Pop(_Statement):
    """``array = source.pop()``."""

    array: str
    source: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Refill(_Statement):
    """All elements of some arrays are written next: nobody reads what they hold. Prints nothing."""

    arrays: tuple[str, ...]
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Comment(_Statement):
    """``# text``."""

    text: str
    at: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Return(_Statement):
    """``return items``: scalars, and arrays by name."""

    items: tuple[Expr | str, ...]
    at: Position = field(default=NOWHERE, compare=False)


Stmt = (
    Assign
    | Store
    | Alloc
    | Copy
    | ZerosLike
    | MatMul
    | Bind
    | Window
    | Reshape
    | For
    | While
    | If
    | Attempt
    | Check
    | IndexCheck
    | Raise
    | Print
    | Invoke
    | Tape
    | Stack
    | Grow
    | Keep
    | Push
    | Pop
    | Refill
    | Comment
    | Return
)
Block = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the generated module: parameters are scalars (Var) and arrays (by name)."""

    name: str
    parameters: tuple[Var | str, ...]
    body: Block
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict, compare=False)
    """dtype and rank of every array that the body names."""
    exports: tuple[str, ...] = ()
    """Arrays, given by the caller, whose contents at the end matter to it."""
    apart: bool = False
    """Whether no array that it writes shares memory with another one that it is given."""


# ---------------------------------------------------------------- walking


def children(expr: Expr) -> tuple[Expr, ...]:
    """The operands of an expression, from the left."""
    operands = _OPERANDS.get(type(expr))
    return () if operands is None else operands(expr)


_OPERANDS: dict[type, Callable[[Any], tuple[Expr, ...]]] = {
    Unary: lambda e: (e.x,),
    Binary: lambda e: (e.a, e.b),
    Compare: lambda e: (e.a, e.b),
    Logic: lambda e: e.items,
    Select: lambda e: (e.test, e.a, e.b),
    Call: lambda e: e.args,
    Load: lambda e: e.index,
}
"""Tables by type where every pass asks: a ``match`` tries one class after the other."""


def rebuild(expr: Expr, parts: tuple[Expr, ...]) -> Expr:
    """The expression with other operands: itself, if they are its own."""
    made = _REBUILT.get(type(expr))
    if made is None or all(map(operator.is_, parts, children(expr))):
        return expr
    return made(expr, parts)


_REBUILT: dict[type, Callable[[Any, tuple[Expr, ...]], Expr]] = {
    Unary: lambda e, parts: Unary(e.op, parts[0], e.kind),
    Binary: lambda e, parts: Binary(e.op, parts[0], parts[1], e.kind),
    Compare: lambda e, parts: Compare(e.op, parts[0], parts[1], e.kind),
    Logic: lambda e, parts: Logic(e.op, parts, e.kind),
    Select: lambda e, parts: Select(parts[0], parts[1], parts[2], e.kind, e.strong),
    Call: lambda e, parts: Call(e.function, parts, e.kind),
    Load: lambda e, parts: Load(e.array, parts, e.kind),
}


@remembered("_parts")
def walk(expr: Expr) -> tuple[Expr, ...]:
    """The expression and all expressions in it."""
    found, pending = [], [expr]
    while pending:
        part = pending.pop()
        found.append(part)
        operands = _OPERANDS.get(type(part))
        if operands is not None:
            pending += reversed(operands(part))
    return tuple(found)


def expressions(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions that a statement evaluates itself (not those in its blocks)."""
    evaluated = _EVALUATED.get(type(stmt))
    return () if evaluated is None else evaluated(stmt)


def all_expressions(block: "Block") -> Iterator[Expr]:
    """The expressions of a block and of the blocks in it, and those that they are made of."""
    return (part for stmt in statements(block) for e in expressions(stmt) for part in walk(e))


def _not_named(items: tuple[Expr | str, ...]) -> tuple[Expr, ...]:
    return tuple(a for a in items if not isinstance(a, str))


def _checkpoints(loop: For | While) -> tuple[Expr, ...]:
    marks = loop.checkpoints
    if marks is None:
        return ()
    return (marks.amount,) if marks.on_disk is None else (marks.amount, marks.on_disk)


_EVALUATED: dict[type, Callable[[Any], tuple[Expr, ...]]] = {
    Assign: lambda s: (s.value,),
    Store: lambda s: (*s.index, s.value),
    Alloc: lambda s: s.shape,
    Tape: lambda s: s.shape,
    Reshape: lambda s: s.shape,
    MatMul: lambda s: () if s.batch is None else s.batch.shape,
    Window: lambda s: tuple(e for key in s.keys for e in key_parts(key)),
    For: lambda s: (s.start, s.stop, s.step, *_checkpoints(s)),
    While: lambda s: (s.test, *_checkpoints(s)),
    If: lambda s: (s.test,),
    Check: lambda s: (s.test,),
    IndexCheck: lambda s: (s.index, Extent(s.array, s.axis)),
    Grow: lambda s: (s.top,) if s.room is None else (s.top, s.room),
    Invoke: lambda s: _not_named(s.args),
    Print: lambda s: _not_named(s.items),
    Return: lambda s: _not_named(s.items),
}


def key_parts(key: Expr | Span) -> tuple[Expr, ...]:
    """The expressions of a key of a window."""
    return (key.start, key.length) if isinstance(key, Span) else (key,)


def blocks(stmt: Stmt) -> tuple[Block, ...]:
    """The blocks inside a statement."""
    if type(stmt) not in _NESTING:
        return ()
    if isinstance(stmt, For | While):
        return (stmt.body,)
    return (stmt.body, stmt.orelse) if isinstance(stmt, If) else ()


def all_blocks(block: Block) -> Iterator[Block]:
    """A block and all blocks inside of it."""
    yield block
    for stmt in block:
        for inner in blocks(stmt):
            yield from all_blocks(inner)


def statements(block: Block) -> Sequence[Stmt]:
    """All statements of a block, those in nested blocks included, in order."""
    if _NESTING.isdisjoint(map(type, block)):
        return block
    found: list[Stmt] = []
    for stmt in block:
        found.append(stmt)
        if type(stmt) in _NESTING:
            found += _inside(stmt)
    return found


@remembered("_inside")
def _inside(stmt: Stmt) -> Block:
    """All statements in the blocks of a statement."""
    return tuple([inner for block in blocks(stmt) for inner in statements(block)])


def plain_statements(block: Block) -> Iterator[Stmt]:
    """The statements outside of loops, those of branches included, in order."""
    for stmt in block:
        yield stmt
        if isinstance(stmt, If):
            yield from plain_statements(stmt.body)
            yield from plain_statements(stmt.orelse)


_NESTING = frozenset({If, For, While})


def with_blocks(stmt: S, parts: tuple[Block, ...]) -> S:
    """The statement with other blocks inside: itself, if they hold its own statements."""
    if all(map(same_block, parts, blocks(stmt))):
        return stmt
    if isinstance(stmt, If):
        return replace(stmt, body=parts[0], orelse=parts[1])
    return replace(stmt, body=parts[0])


def same_block(one: Block, other: Block) -> bool:
    """Whether two blocks hold the very same statements."""
    return len(one) == len(other) and all(map(operator.is_, one, other))


@remembered("_names")
def names_read(expr: Expr) -> frozenset[str]:
    """Names of the scalars and arrays that an expression reads (shapes included)."""
    if isinstance(expr, Var):
        return _alone(expr.name)
    found = _alone(expr.array) if isinstance(expr, Load | Extent) else _NOTHING
    for part in children(expr):
        names = names_read(part)
        if not names <= found:
            found = found | names if found else names
    return found


@functools.lru_cache(maxsize=1 << 12)
def _alone(name: str) -> frozenset[str]:
    return frozenset((name,))


_NOTHING: frozenset[str] = frozenset()
