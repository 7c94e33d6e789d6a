"""What elaboration makes of a function: its core IR and what was learned on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from srcad.frontend.builder import Decisions
from srcad.frontend.values import (
    ArrayValue,
    GivenValue,
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.names import Names
from srcad.ir.nodes import (
    Block,
    Expr,
    Function,
    Var,
    names_read,
)
from srcad.ir.types import Type


@dataclass(frozen=True)
class CapturedValue:
    """A number or array read from outside the program: its name there and how to get it."""

    fetch: Callable[[], object]
    name: str
    type: Type


@dataclass(frozen=True)
class Elaborated:
    """The core IR of a program and what was learned on the way."""

    name: str
    parameters: tuple[Var | str, ...]
    """Leaves of the dynamic parameters: scalars and array names."""
    leaves: dict[str, tuple[Var | str, ...]]
    """The leaves of each parameter."""
    body: Block
    result: Value | None
    arrays: dict[str, tuple[str, int]]
    rebindable: frozenset[str]
    captured: tuple[CapturedValue, ...]
    guards: dict[object, tuple[Callable[[], object], object]]
    names: Names
    memory_returned: frozenset[str] = frozenset()
    """Arrays whose memory the result shares."""
    callees: tuple[Outlined, ...] = ()
    """Functions that are called, not inlined: those that call themselves."""
    externals: tuple[tuple[str, object], ...] = ()
    """Python objects that are called, by the names that the program has for them."""
    objects: tuple[Callable[[], object], ...] | None = None
    """If members of arguments are written: the objects from outside that are read; else None."""
    members: tuple[str, ...] = ()
    """The counters of loops over the members of batches."""
    lent: frozenset[str] = frozenset()
    """Arrays of whose copies the members of batches write."""

    def escaping(self) -> set[str]:
        """Names that mean something outside of the body: parameters and results."""
        out = {p if isinstance(p, str) else p.name for p in self.parameters}
        out |= {c.name for c in self.captured}
        pending = [self.result] if self.result is not None else []
        while pending:
            match pending.pop():
                case ArrayValue(view=view) if view is not None:
                    out.add(view.base)
                case TupleValue(items=items):
                    pending += items
                case StaticValue() | GivenValue() | None:
                    pass
                case value if isinstance(value, Expr):
                    out |= names_read(value)
        return out


class Unknown:
    """The type of a result that is not known yet."""


UNKNOWN = Unknown()


class ResultUnknown(Exception):
    """A call of a recursive function is read before the type of its result is known."""


@dataclass
class Outlined:
    """A function that calls itself, elaborated on its own for some argument types."""

    name: str
    types: tuple[tuple[str, Type], ...]
    result: Type | Unknown | None = UNKNOWN
    """The type of its result, found from the branches that do not call it."""
    writes: frozenset[int] = frozenset()
    """Positions, among its leaves, of the arrays that it writes."""
    captured: tuple[tuple[object, CapturedValue], ...] = ()
    program: Elaborated | None = None
    ruled: bool = False
    """Whether its derivative is given by a rule, so that it has no reverse of its own."""


class Derive(Protocol):
    """Writes the derivative of a program with respect to some of its parameters."""

    def __call__(self, program: Elaborated, kind: str, wrt: list[Var | str]) -> Function:
        """The function of the module that computes it."""
        ...


MODES: dict[str, tuple[str, ...]] = {
    "primal": (),
    "pattern": (),
    "jvp": ("forward",),
    "hvp": ("reverse", "forward"),
}
"""The derivatives that a kind of program takes, the first one first; ("reverse",) if not said."""


@dataclass
class Shared:
    """What the elaborations of one module have in common."""

    title: str
    """The name of the outermost function."""
    modes: tuple[str, ...] = ("reverse",)
    """The derivatives to be taken, "reverse" or "forward", the first one first.

    Rules of calls are read for these; what a rule of one says is read for those after it.
    """
    derive: Derive | None = None
    """Writes the derivative of a part of the program."""
    called: object = None
    """The derivative of the function that the program is a call of, if it is one."""
    outlined: dict[object, Outlined] = field(default_factory=dict)
    decisions: Decisions = field(default_factory=Decisions)
    objects: dict[object, Callable[[], object]] = field(default_factory=dict)
    """The objects from outside whose members are read."""
