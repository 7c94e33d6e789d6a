"""Definitions and uses: what a block assigns, and what it reads before it assigns it."""

from srcad.ir.nodes import (
    Alloc,
    Assign,
    Bind,
    Block,
    Copy,
    For,
    Grow,
    If,
    Invoke,
    Keep,
    MatMul,
    Pop,
    Print,
    Push,
    Reshape,
    Return,
    Stack,
    Stmt,
    Store,
    Tape,
    Var,
    While,
    Window,
    ZerosLike,
    expressions,
    names_read,
    statements,
    walk,
)


def writes_of(stmt: Stmt) -> tuple[str, ...]:
    """Names that a statement itself binds (scalars and arrays; not elements)."""
    match stmt:
        case Assign():
            return (stmt.target.name,)
        case Alloc() | Copy() | ZerosLike() | MatMul() | Tape() | Stack() | Keep() | Grow():
            return (stmt.target,)
        case Window() | Reshape():
            return (stmt.target,)
        case Bind():
            return stmt.targets
        case Pop():
            return (stmt.array,)
        case For():
            return (stmt.var.name,)
        case Invoke():
            return tuple(t if isinstance(t, str) else t.name for t in stmt.targets)
        case _:
            return ()


def reads_of(stmt: Stmt) -> set[str]:
    """Names that a statement itself reads."""
    out: set[str] = set()
    for e in expressions(stmt):
        out |= names_read(e)
    match stmt:
        case Store():
            out.add(stmt.array)
        case Copy() | ZerosLike() | Window() | Reshape():
            out.add(stmt.source)
        case MatMul():
            out |= {stmt.a, stmt.b}
        case Bind():
            out |= set(stmt.sources)
        case Push():
            out |= {stmt.target, stmt.array}
        case Pop():
            out.add(stmt.source)
        case Grow():
            out |= {stmt.target, "pool"}
        case Tape() | Stack():
            out.add("pool")
        case Invoke():
            out |= {a for a in stmt.args if isinstance(a, str)}
        case Print() | Return():
            out |= {i for i in stmt.items if isinstance(i, str) and i.isidentifier()}
    return out


def assigned(block: Block) -> set[str]:
    """Names that a block binds, in nested blocks too."""
    return {name for stmt in statements(block) for name in writes_of(stmt)}


def scalars(block: Block) -> dict[str, Var]:
    """The scalar variables that a block assigns."""
    out: dict[str, Var] = {}
    for stmt in statements(block):
        match stmt:
            case Assign():
                out[stmt.target.name] = stmt.target
            case For():
                out[stmt.var.name] = stmt.var
            case Invoke():
                out |= {t.name: t for t in stmt.targets if isinstance(t, Var)}
    return out


def variables(block: Block) -> dict[str, Var]:
    """All scalar variables that a block mentions."""
    out = scalars(block)
    for stmt in statements(block):
        for expr in expressions(stmt):
            out |= {e.name: e for e in walk(expr) if isinstance(e, Var)}
    return out


def exposed(block: Block) -> set[str]:
    """Names that a block may read before it assigns them."""
    found: set[str] = set()
    _exposed(block, set(), found)
    return found


def _exposed(block: Block, defined: set[str], found: set[str]) -> set[str]:
    """Collect reads of undefined names; returns what is certainly defined at the end."""
    for stmt in block:
        match stmt:
            case If():
                found |= reads_of(stmt) - defined
                one = _exposed(stmt.body, set(defined), found)
                two = _exposed(stmt.orelse, set(defined), found)
                defined = one & two
            case For():
                found |= reads_of(stmt) - defined
                inner = defined | {stmt.var.name}
                _exposed(stmt.body, set(inner), found)
            case While():
                found |= reads_of(stmt) - defined
                _exposed(stmt.body, set(defined), found)
            case _:
                found |= reads_of(stmt) - defined
                defined = defined | set(writes_of(stmt))
    return defined
