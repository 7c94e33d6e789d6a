"""Where elaboration writes: the current block, fresh names, and what is decided for whole runs.

Some decisions (a name must hold a float from the start, an array name is rebound in a loop) are
seen only after code that depends on them was written. Then elaboration starts again with the
decision made. Where it can, it goes on to the end first (``Decisions.add``), so that one more
attempt serves many decisions; else ``Restart`` unwinds to the beginning.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from srcad.errors import ArgumentError, UnsupportedError
from srcad.frontend.precision import Numbers
from srcad.frontend.values import Site, TupleValue, Value
from srcad.ir.build import ONE, ZERO, converted
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Assign,
    Binary,
    Call,
    Check,
    Const,
    Expr,
    Extent,
    For,
    Load,
    Stmt,
    Unary,
    Var,
    children,
    names_read,
    rebuild,
    walk,
)
from srcad.ir.printer import print_expr
from srcad.ir.types import INT, is_complex, is_inexact, is_single
from srcad.position import NOWHERE, Position


class Restart(Exception):
    """A decision was added: elaborate again from the start."""


@dataclass
class Decisions:
    """What earlier attempts found out; keys name a variable by scope and name."""

    floats: set[tuple[str, str]] = field(default_factory=set)
    """Integers at first, floats later: floats from the start."""
    complexes: set[tuple[str, str]] = field(default_factory=set)
    """Real at first, complex later: complex numbers from the start."""
    singles: dict[tuple[str, Position], str] = field(default_factory=dict)
    """Literals, by the name that they are given to and where, that become numbers of single
    precision later: their kind from the start."""
    mixed: set[tuple[str, str]] = field(default_factory=set)
    """Numbers of Python's at one place and of NumPy's at another (``Numbers``)."""
    rebound: set[tuple[str, str]] = field(default_factory=set)
    """Array names that denote different arrays at one place: variables of their own."""
    flagged: set[tuple[str, str]] = field(default_factory=set)
    """Names that may be unbound when read: a flag tells."""
    strided: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that may denote memory that is not contiguous."""
    lists: dict[Site, str] = field(default_factory=dict)
    """Lists whose length is known at run time only, by where they are made; the kind of items."""
    ranks: dict[Site, int] = field(default_factory=dict)
    """The number of axes of the items of those lists that hold arrays."""
    records: dict[Site, TupleValue] = field(default_factory=dict)
    """Those lists that hold tuples: what these are made of, None in place of numbers and arrays."""
    unrolled: set[Site] = field(default_factory=set)
    """Loops of known length in which a list of arrays grows: written out."""
    outlined: set[int] = field(default_factory=set)
    """Functions (by id) that call themselves: functions of the module, not inlined."""

    changed: bool = False
    """Whether a decision was made in this attempt, so that its result is void."""

    def add(self, where: set, key: object) -> None:
        """Record a decision; another attempt follows this one."""
        where.add(key)
        self.changed = True

    def outline(self, identity: int) -> None:
        """Record that a function calls itself, and start again."""
        self.outlined.add(identity)
        raise Restart

    def make_list(self, site: Site, kind: str, ndim: int = 0) -> None:
        """Record that a list is made at run time, of arrays if ``ndim``, and start again."""
        self.lists[site] = kind
        if ndim:
            self.ranks[site] = ndim
        raise Restart

    def make_records(self, site: Site, shape: TupleValue) -> None:
        """Record that a list is made at run time, of tuples of one structure, and start again."""
        self.records[site] = shape
        raise Restart


@dataclass(frozen=True)
class Duplicate:
    """A copy made where NumPy may return a view: right while nobody writes to either.

    ``check`` makes sure, at run time, that NumPy copies too; None: that is not known even then.
    """

    copy: str
    source: str
    check: Check | None
    here: Position
    within: Position | None = None
    """The assignment that evaluates it before it writes anything, if it is made in one."""


class Builder:
    """The core IR under construction."""

    def __init__(self, names: Names, decisions: Decisions) -> None:
        self.names = names
        self.decisions = decisions
        self.block: list[Stmt] = []
        self.at: Position = NOWHERE
        """The statement being read: where emitted statements say they come from."""
        self.here: Position = NOWHERE
        """The expression being read: where errors point."""
        self.assignments: set[Position] = set()
        """Assignments whose right-hand side writes into nothing (``out=``) while it is read."""
        self.wanted = "t"
        """The name that the result of a call would like to have."""
        self.arrays: dict[str, tuple[str, int]] = {}
        self.extents: dict[str, tuple[Expr, ...]] = {}
        self.rebindable: set[str] = set()
        """Array variables: names that denote different arrays in the course of the program."""
        self.duplicates: list[Duplicate] = []
        self.snapshots: dict[str, tuple[frozenset[str], Position]] = {}
        """Copies in place of views that cannot be written, the arrays that they show, and where."""
        self.borrowed: set[str] = set()
        """Names of what array variables denoted at one moment: never rebound themselves."""
        self.strided: set[str] = set()
        """Those of them that may denote memory that is not contiguous."""
        self.reshaped: dict[str, str] = {}
        """Names that are other shapes of an array's memory, and that array."""
        self.short: set[str] = set()
        """Variables that hold the length of a slice that is one element at most."""
        self.deciders: dict[str, Callable[[], int]] = {}
        """Integers from outside by name, and what makes the program one for their present value."""
        self.constants: dict[str, Const] = {}
        """Variables that hold one integer wherever they are bound."""
        self.numbers = Numbers(decisions.mixed, lambda key: decisions.add(decisions.mixed, key))
        self.has_single = False
        """Whether a variable of the program has single precision."""
        self.externals: dict[str, object] = {}
        """Python objects that the program calls, by the names that it has for them."""
        self.open_loops: list[Site] = []
        """Loops around the place being read that could be written out."""
        self.grown: dict[str, Position] = {}
        """Arrays whose rows are the items of a list that grows, and where it is made."""
        self.kept: dict[str, dict[str, Position]] = {}
        """The arrays that such a list has copied, and where."""
        self.growth: dict[str, tuple[Site, set[Site]]] = {}
        """Where such a list is made, and loops that it grows in which could be written out."""
        self.counters: list[tuple[str, bool]] = []
        """Counters of the enclosing loops, and whether each is known to be non-negative."""

    # ------------------------------------------------------------ statements

    def emit(self, stmt: Stmt) -> None:
        """Append a statement to the current block."""
        self.block.append(stmt)

    @contextmanager
    def into(self, block: list[Stmt]) -> Iterator[list[Stmt]]:
        """Write into another block for a while."""
        saved, self.block = self.block, block
        try:
            yield block
        finally:
            self.block = saved

    @contextmanager
    def apart(self, block: list[Stmt]) -> Iterator[None]:
        """Write into a block whose put-off decisions are its own."""
        saved = self.duplicates, self.snapshots, self.grown, self.kept
        self.duplicates, self.snapshots, self.grown, self.kept = [], {}, {}, {}
        try:
            with self.into(block):
                yield
        finally:
            self.duplicates, self.snapshots, self.grown, self.kept = saved

    @contextmanager
    def loop(self, extent: Expr, base: str) -> Iterator[Var]:
        """``for base in range(extent)`` around what is written inside."""
        var = Var(self.names.fresh(base), INT)
        self.numbers.note(var.name, True, None)
        body: list[Stmt] = []
        self.counters.append((var.name, True))
        with self.into(body):
            yield var
        self.counters.pop()
        self.emit(For(var, ZERO, extent, ONE, tuple(body), None, self.at))

    def check(self, test: Expr, error: str, message: str) -> None:
        """Raise ``error`` at run time unless ``test`` holds."""
        if isinstance(test, Const) and test.value:
            return
        where = f" ({self.at})" if self.at.line else ""
        self.emit(Check(test, error, message + where, self.at))

    def memory_of(self, array: str) -> str:
        """The array whose memory a name stands for."""
        while array in self.reshaped:
            array = self.reshaped[array]
        return array

    def is_settled(self, array: str) -> bool:
        """Whether it is known beforehand which memory an array name denotes."""
        return self.memory_of(array) not in self.rebindable | self.borrowed

    def write_out(self, array: str) -> None:
        """Decide that a list of arrays is its items after all, the loops it grows in written out.

        So are other lists that grow in these loops.
        """
        _, loops = self.growth.get(array, (None, set()))
        for made, others in self.growth.values():
            if loops & others:
                self.decisions.lists.pop(made, None)
                self.decisions.ranks.pop(made, None)
        for loop in loops:
            self.decisions.add(self.decisions.unrolled, loop)

    # ------------------------------------------------------------ expressions

    def hold(self, expr: Expr, base: str) -> Expr:
        """The expression in a variable of its own, unless it is a literal or a variable."""
        if isinstance(expr, Const | Var):
            return expr
        return self.store(expr, base)

    def store(self, expr: Expr, base: str) -> Var:
        """A new variable that holds the expression."""
        var = Var(self.names.fresh(base), expr.kind)
        self.numbers.note(var.name, self.numbers.origin(expr), None)
        self.emit(Assign(var, expr, self.at))
        return var

    def convert(self, expr: Expr, kind: str) -> Expr:
        """The number as another kind."""
        if is_complex(expr.kind) and not is_complex(kind):
            raise ArgumentError(
                f"a complex number cannot become {'an' if kind == INT else 'a'} {kind}",
                self.here,
                "take its .real, its .imag or its abs(...)",
            )
        return converted(expr, kind)

    def of_numpy(self, value: Value) -> Value:
        """A number as ``np.float64`` and arrays have it: beside single numbers none of Python's."""
        if not isinstance(value, Expr) or not is_inexact(value.kind):
            return value
        single = self.has_single or any(is_single(d) for d, _ in self.arrays.values())
        return self.numbers.of_numpy(value) if single else value

    def simple_index(self, expr: Expr) -> Expr:
        """An index that is cheap to write several times: arithmetic on variables and literals."""
        if any(isinstance(e, Load | Call) for e in walk(expr)):
            return self.store(expr, "k")
        return expr

    def is_nonnegative(self, expr: Expr) -> bool:
        """Whether an integer is certainly >= 0."""
        match expr:
            case Const():
                return bool(expr.value >= 0)
            case Extent():
                return True
            case Var():
                return any(name == expr.name and safe for name, safe in self.counters)
            case Call(function="max"):
                return any(self.is_nonnegative(a) for a in expr.args)
        op = getattr(expr, "op", "")
        if op == "%" and isinstance(expr.b, Const):  # type: ignore[union-attr]
            return bool(expr.b.value > 0)  # type: ignore[union-attr]
        if op in ("+", "*", "//"):
            return self.is_nonnegative(expr.a) and self.is_nonnegative(expr.b)  # type: ignore[union-attr]
        return False

    def spelled(self, expr: Expr) -> str:
        """An expression in the user's names."""
        return print_expr(self._in_words(expr))

    def _in_words(self, expr: Expr) -> Expr:
        match expr:
            case Var():
                return Var(self.names.shown(expr.name), expr.kind)
            case Extent():
                return Extent(self.names.shown(expr.array), expr.axis)
            case Load():
                at = tuple(map(self._in_words, expr.index))
                return Load(self.names.shown(expr.array), at, expr.kind)
        return rebuild(expr, tuple(map(self._in_words, children(expr))))

    def constant(self, expr: object) -> int | None:
        """The integer that an expression is certain to be; None if it is not known."""
        match expr:
            case Const(value=int() as value):
                return int(value)
            case Var() if expr.name in self.constants:
                return int(self.constants[expr.name].value)
            case Unary(op="-", x=x):
                known = self.constant(x)
                return None if known is None else -known
            case Binary(op="+" | "-" | "*" as op):
                a, b = self.constant(expr.a), self.constant(expr.b)
                if a is None or b is None:
                    return None
                return a + b if op == "+" else a - b if op == "-" else a * b
        return None

    def decided(self, expr: object) -> int | None:
        """The integer that an expression is: one from outside, too, of which a change then counts.

        None if it is known only when the program runs.
        """
        if isinstance(expr, Var) and expr.name in self.deciders:
            return self.deciders[expr.name]()
        return self.constant(expr)

    def external(self, function: object, base: str) -> str:
        """The name of a Python object in the generated module."""
        for name, known in self.externals.items():
            if known is function:
                return name
        name = self.names.fresh(base)
        self.externals[name] = function
        return name

    def refuse(self, what: str, hint: str = "") -> UnsupportedError:
        """The error for the piece of the program being read."""
        return UnsupportedError(what, self.here, hint)


def mentions(expr: Expr, names: set[str]) -> bool:
    """Whether an expression reads one of the scalars or arrays."""
    return bool(names_read(expr) & names)
