"""What every piece of core IR must satisfy, checked after any pass.

Types say what a node is made of; this module says what they cannot: names are bound before they
are read, kinds agree, indices fit the rank of their array, names can be printed. A pass that breaks
one of these fails here, at the statement, rather than in the generated program.
"""

from __future__ import annotations

from keyword import iskeyword

from srcad.ir.nodes import (
    Alloc,
    Assign,
    Binary,
    Bind,
    Block,
    Call,
    Check,
    Comment,
    Compare,
    Const,
    Copy,
    Expr,
    Extent,
    For,
    Function,
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
    Refill,
    Reshape,
    Return,
    Select,
    Span,
    Stack,
    Stmt,
    Store,
    Tape,
    Unary,
    Var,
    While,
    Window,
    ZerosLike,
    blocks,
    children,
    expressions,
    key_parts,
    statements,
    walk,
)
from srcad.ir.printer import print_block, print_expr
from srcad.ir.types import (
    BOOL,
    COMPLEX,
    COMPLEX64,
    FLOAT,
    FLOAT32,
    INT,
    is_complex,
    is_inexact,
    is_single,
    kind_of,
)

_POOL = "pool"
"""The kind of the names that denote neither numbers nor arrays."""
_TABLES = ("pool", "unions")
"""These names, as parameters."""
_KINDS = {
    BOOL: bool,
    INT: int,
    FLOAT: float,
    FLOAT32: float,
    COMPLEX: complex,
    COMPLEX64: complex,
}
_MATRIX = 2


class VerificationError(AssertionError):
    """The core IR is malformed: a pass wrote what no pass may write."""


def verify(function: Function) -> None:
    """Raise ``VerificationError`` unless the function is well formed."""
    arrays = {p for p in function.parameters if isinstance(p, str) and p not in _TABLES}
    unknown = (arrays | set(function.exports)) - set(function.arrays)
    _demand(not unknown, f"{function.name}: {_listed(unknown)} of no known dtype and rank")
    names = [p if isinstance(p, str) else p.name for p in function.parameters]
    _demand(len(set(names)) == len(names), f"{function.name}: a parameter is named twice")
    for name in (function.name, *names):
        _identifier(name)
    kinds = {p.name: p.kind for p in function.parameters if isinstance(p, Var)}
    kinds |= {name: _POOL for name in _TABLES if name in names}
    try:
        _Verifier(function.arrays, kinds).block(function.body, set(names))
    except VerificationError as error:
        raise VerificationError(f"{function.name}: {error}") from None


def verify_block(block: Block, arrays: dict[str, tuple[str, int]], bound: set[str]) -> None:
    """Raise ``VerificationError`` unless a body is well formed, given the names bound before it."""
    _Verifier(arrays, {}).block(block, set(bound))


def _demand(holds: bool, text: str) -> None:
    if not holds:
        raise VerificationError(text)


def _identifier(name: str) -> None:
    _demand(name.isidentifier() and not iskeyword(name), f"{name!r} is not a name")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


class _Verifier:
    def __init__(self, arrays: dict[str, tuple[str, int]], kinds: dict[str, str]) -> None:
        self.arrays = arrays
        self.kinds = kinds
        """The kind of each scalar, by its first mention."""
        self.lists: dict[str, tuple[str, int]] = {}

    # ------------------------------------------------------------ statements

    def block(self, block: Block, bound: set[str]) -> set[str]:
        """Check a block; returns the names that may be bound after it."""
        for stmt in block:
            try:
                bound = self.statement(stmt, bound)
            except VerificationError as error:
                if "\n" in str(error):
                    raise
                line = "\n".join(print_block((stmt,), 0)[:3])
                raise VerificationError(f"{error}, in\n{line}") from None
        return bound

    def statement(self, stmt: Stmt, bound: set[str]) -> set[str]:
        """Check a statement and those inside it; returns the names that may be bound after it."""
        for expr in expressions(stmt):
            self.expression(expr)
            for part in walk(expr):
                self.read(_name_of(part), bound)
        for name in _arrays_read(stmt):
            self.read(name, bound)
        self.kinds_of(stmt)
        bound = bound | set(_bound_by(stmt))
        if isinstance(stmt, For | While):  # an earlier iteration may have bound a name
            inside = {n for s in statements(stmt.body) for n in _bound_by(s)}
            bound = self.block(stmt.body, bound | inside)
            if isinstance(stmt, For) and stmt.until is not None:
                self.read(stmt.until.name, bound)
            return bound
        after = [self.block(inner, bound) for inner in blocks(stmt)]
        return bound.union(*after)

    def read(self, name: str | None, bound: set[str]) -> None:
        """A name that is read must be bound on some path."""
        _demand(name is None or name in bound, f"{name} is read before it is bound")

    def kinds_of(self, stmt: Stmt) -> None:  # noqa: PLR0912, RUF100 (one case for each statement)
        """The kinds, ranks and names of a statement itself."""
        match stmt:
            case Assign():
                self.scalar(stmt.target)
                self.same(stmt.target.kind, stmt.value.kind, stmt.target.name)
            case Store():
                dtype, _ = self.element(stmt.array, stmt.index)
                self.same(kind_of(dtype), stmt.value.kind, f"an element of {stmt.array}")
            case Alloc() | Tape():
                self.array(stmt.target, stmt.dtype, len(stmt.shape))
                self.integers(stmt.shape)
            case Copy() | ZerosLike():
                self.array(stmt.target, *self.known(stmt.source))
            case MatMul():
                self.product(stmt)
            case Bind():
                self.bind(stmt)
            case Window():
                self.window(stmt)
            case Reshape():
                self.array(stmt.target, self.known(stmt.source)[0], len(stmt.shape))
                self.integers(stmt.shape)
            case For():
                self.scalar(stmt.var)
                self.integers((Var(stmt.var.name, stmt.var.kind), stmt.start, stmt.stop, stmt.step))
                if stmt.until is not None:
                    self.scalar(stmt.until)
                    self.boolean(stmt.until)
            case While() | If() | Check():
                self.boolean(stmt.test)
            case IndexCheck():
                _, ndim = self.known(stmt.array)
                _demand(0 <= stmt.axis < ndim, f"{stmt.array} has no axis {stmt.axis}")
                self.integers((stmt.index,))
            case Invoke():
                for part in stmt.function.split(".") if stmt.function else ():
                    _identifier(part)
                for target in stmt.targets:
                    if isinstance(target, str):
                        self.known(target)
                    else:
                        self.scalar(target)
                given = {a for a in stmt.args if isinstance(a, str)}
                missing = set(stmt.writes) - given
                _demand(not missing, f"{stmt.function} writes {_listed(missing)}, not an argument")
            case Stack():
                self.array(stmt.target, stmt.dtype, 1)
            case Grow():
                self.array(stmt.target, self.known(stmt.target)[0], 1)
                self.integers((stmt.top,))
            case Keep():
                _identifier(stmt.target)
                self.lists[stmt.target] = (stmt.dtype, stmt.ndim)
            case Push():
                self.listed(stmt.target, stmt.array)
            case Pop():
                self.listed(stmt.source, stmt.array)
            case Raise() | Print() | Refill() | Comment() | Return():
                pass

    def product(self, stmt: MatMul) -> None:
        """``np.dot`` of matrices and vectors of one dtype."""
        (one, rows), (two, columns) = self.known(stmt.a), self.known(stmt.b)
        lead = 0 if stmt.batch is None else 1
        rows, columns = rows - lead, columns - lead
        _demand(1 <= rows <= _MATRIX and 1 <= columns <= _MATRIX, "no matrices")
        self.same(one, two, f"the factors of {stmt.target}")
        self.array(stmt.target, one, rows + columns - 2 + lead)
        if stmt.batch is not None:
            self.scalar(stmt.batch.counter)
            self.integers((stmt.batch.counter, *stmt.batch.shape))
            self.array(stmt.target, stmt.batch.dtype, len(stmt.batch.shape))

    def bind(self, stmt: Bind) -> None:
        """As many targets as sources, each of the dtype and rank of its source."""
        many, given = len(stmt.targets), len(stmt.sources)
        _demand(many == given > 0, f"{many} names for {given} arrays")
        _demand(len(set(stmt.targets)) == many, "a name is bound twice")
        for target, source in zip(stmt.targets, stmt.sources, strict=True):
            self.array(target, *self.known(source))

    def window(self, stmt: Window) -> None:
        """A key for each axis of the source; the target runs along each span once."""
        dtype, ndim = self.known(stmt.source)
        _demand(len(stmt.keys) == ndim, f"{stmt.source} has {ndim} axes, {len(stmt.keys)} keys")
        self.integers(tuple(e for key in stmt.keys for e in key_parts(key)))
        spans = [k for k, key in enumerate(stmt.keys) if isinstance(key, Span)]
        along = sorted(k for k in stmt.order if k is not None)
        _demand(along == spans, f"{stmt.target} runs along {along}, not {spans}")
        self.array(stmt.target, dtype, len(stmt.order))

    # ------------------------------------------------------------ names

    def scalar(self, var: Var) -> None:
        """A scalar has one kind, and its name is no array's."""
        _identifier(var.name)
        _demand(var.name not in self.arrays, f"{var.name} is a scalar and an array")
        known = self.kinds.setdefault(var.name, var.kind)
        _demand(known == var.kind, f"{var.name} is of kind {known} and of kind {var.kind}")
        _demand(var.kind in (*_KINDS, _POOL), f"{var.name} is of no kind: {var.kind!r}")

    def known(self, name: str) -> tuple[str, int]:
        """The dtype and rank of an array."""
        _demand(name in self.arrays, f"{name} is no array of the function")
        return self.arrays[name]

    def array(self, name: str, dtype: str, ndim: int) -> None:
        """An array made or bound has the dtype and rank of its name."""
        _identifier(name)
        found = self.known(name)
        _demand(found == (dtype, ndim), f"{name} is {found}, but gets {(dtype, ndim)}")

    def listed(self, target: str, array: str) -> None:
        """A list of arrays takes and gives arrays of its dtype and rank."""
        _demand(target in self.lists, f"{target} is no list of arrays")
        found, own = self.known(array), self.lists[target]
        _demand(found == own, f"{array} is {found}, but {target} holds {own}")

    # ------------------------------------------------------------ expressions

    def expression(self, expr: Expr) -> None:
        """Check the kinds in an expression."""
        for part in walk(expr):
            match part:
                case Const():
                    _demand(part.kind in _KINDS, f"a constant of no kind: {part}")
                    fits = isinstance(part.value, _KINDS[part.kind]) and (
                        isinstance(part.value, bool) == (part.kind == BOOL)
                    )
                    _demand(fits, f"{part.value!r} is not of kind {part.kind}")
                case Var():
                    self.scalar(part)
                case Load():
                    dtype, _ = self.element(part.array, part.index)
                    self.same(kind_of(dtype), part.kind, f"an element of {part.array}")
                case Extent():
                    _, ndim = self.known(part.array)
                    _demand(0 <= part.axis < ndim, f"{part.array} has no axis {part.axis}")
                    self.same(INT, part.kind, "an extent")
                case Compare() | Logic():
                    self.same(BOOL, part.kind, print_expr(part))
                    if isinstance(part, Logic):
                        for item in part.items:
                            self.boolean(item)
                case Select():
                    self.boolean(part.test)
                    self.same(part.kind, part.a.kind, "a choice")
                    self.same(part.kind, part.b.kind, "a choice")
                case Unary(op="not"):
                    self.same(BOOL, part.kind, print_expr(part))
                    self.boolean(part.x)
                case Unary() | Binary():
                    self.operation(part)
                case Call():
                    _demand(part.kind in (*_KINDS, _POOL), f"{part.function} is of no kind")

    def operation(self, expr: Unary | Binary) -> None:
        """Integers are made of integers, floats not of complex numbers or of wider floats."""
        kinds = {e.kind for e in children(expr)}
        text = print_expr(expr)
        if not is_inexact(expr.kind):
            _demand(not any(map(is_inexact, kinds)), f"{text} is {expr.kind}, made of floats")
        if not is_complex(expr.kind):
            _demand(not any(map(is_complex, kinds)), f"{text} is {expr.kind}, made of complex")
        if is_single(expr.kind):
            wider = {FLOAT, COMPLEX} & kinds
            _demand(not wider, f"{text} is {expr.kind}, made of {_listed(wider)}")

    def element(self, array: str, index: tuple[Expr, ...]) -> tuple[str, int]:
        """A place in an array: as many integers as it has axes."""
        dtype, ndim = self.known(array)
        _demand(len(index) == ndim, f"{array} has {ndim} axes, {len(index)} indices")
        self.integers(index)
        return dtype, ndim

    def integers(self, exprs: tuple[Expr, ...]) -> None:
        """Indices, extents and bounds of loops."""
        for expr in exprs:
            self.same(INT, expr.kind, print_expr(expr))

    def boolean(self, expr: Expr) -> None:
        """Conditions."""
        self.same(BOOL, expr.kind, print_expr(expr))

    def same(self, wanted: str, found: str, what: str) -> None:
        """One kind is demanded, another is there."""
        _demand(wanted == found, f"{what} is of kind {found}, not {wanted}")


def _name_of(expr: Expr) -> str | None:
    match expr:
        case Var():
            return expr.name
        case Load() | Extent():
            return expr.array
    return None


def _arrays_read(stmt: Stmt) -> tuple[str, ...]:
    """Names that a statement reads outside its expressions."""
    match stmt:
        case Store():
            return (stmt.array,)
        case Copy() | ZerosLike() | Pop() | Window() | Reshape():
            return (stmt.source,)
        case MatMul():
            return (stmt.a, stmt.b)
        case Bind():
            return stmt.sources
        case Push():
            return (stmt.target, stmt.array)
        case Grow():
            return (stmt.target,)
        case Invoke():
            return tuple(a for a in stmt.args if isinstance(a, str))
        case Refill():
            return stmt.arrays
        case Return():
            return tuple(a for a in stmt.items if isinstance(a, str))
        case Print():
            return tuple(a for a in stmt.items if isinstance(a, str) and a.isidentifier())
    return ()


def _bound_by(stmt: Stmt) -> tuple[str, ...]:
    """Names that a statement itself binds."""
    match stmt:
        case Assign():
            return (stmt.target.name,)
        case For():
            return (stmt.var.name,)
        case Bind():
            return stmt.targets
        case Pop():
            return (stmt.array,)
        case Invoke():
            return tuple(t if isinstance(t, str) else t.name for t in stmt.targets)
        case Alloc() | Copy() | ZerosLike() | MatMul() | Tape() | Stack() | Keep():
            return (stmt.target,)
        case Window() | Reshape():
            return (stmt.target,)
    return ()
