"""Derivatives as compiled code calls them: ``srcad.grad(f)`` inside of the user's own ``@njit``.

Numba asks an object for its type when it meets it in a function that it compiles. A derivative says
that it is a dispatcher, like any compiled function, and makes, when a call of it is typed, the
program for these types with one more function that takes the arguments as they are::

    def f_grad_call(x, k):
        found = f_grad(np.ascontiguousarray(x), int(k))
        return found

What the function reads from outside is a constant of the compiled code, as in every function that
Numba compiles.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba.core import errors, types

from srcad.errors import SrcadError
from srcad.ir.types import (
    BOOL,
    COMPLEX,
    COMPLEX64,
    FLOAT,
    FLOAT32,
    INT,
    Array,
    Function,
    Scalar,
    Static,
    Tuple,
    Type,
)

_KINDS: dict[Any, str] = {
    types.float64: FLOAT,
    types.float32: FLOAT32,
    types.complex128: COMPLEX,
    types.complex64: COMPLEX64,
    types.boolean: BOOL,
}

_CONVERTED = {INT: "int({})", BOOL: "bool({})"}


def type_of_compiled(given: Any, name: str) -> Type:
    """The type of an argument of which Numba's type is known.

    Raises ``TypingError``, which tells of the call, for one that a derivative does not take.
    """
    if isinstance(given, types.StringLiteral):
        return Static(given.literal_value)
    kind: Any = types.unliteral(given)
    if kind in _KINDS:
        return Scalar(_KINDS[kind])
    if isinstance(kind, types.Integer):
        return Scalar(INT)
    if isinstance(kind, types.Array):
        return Array(np.dtype(str(kind.dtype)).name, kind.ndim, (False,) * kind.ndim)
    if isinstance(kind, types.NoneType):
        return Static(None)
    if isinstance(kind, types.BaseTuple):
        cls = getattr(kind, "instance_class", None)
        parts: Any = getattr(kind, "types", ())
        members = [type_of_compiled(t, f"{name}[{k}]") for k, t in enumerate(parts)]
        return Tuple(tuple(members), cls)
    if isinstance(kind, types.Dispatcher):
        found = kind.dispatcher
        return Function(getattr(found, "py_func", found))
    raise errors.TypingError(
        f"a derivative does not take the argument {name} of type {kind} from compiled code"
    )


@dataclass(eq=False)
class CompiledCalls:
    """What Numba takes for the dispatcher of a derivative.

    ``compile`` makes a dispatcher for the Numba types of the arguments of a call, given by position
    and by name.
    """

    title: str
    compile: Callable[[Sequence[Any], dict[str, Any]], Any]
    is_compiling: bool = False
    nopython_signatures: list[Any] = field(default_factory=list)
    known: dict[Any, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.title

    @property
    def type(self) -> Any:
        """The type that Numba is told."""
        return types.Dispatcher(self)

    def get_call_template(self, args: Sequence[Any], kws: dict[str, Any]) -> Any:
        """Numba types a call: the dispatcher for these types answers in place of this one."""
        try:
            dispatcher = self.compile(args, kws)
        except SrcadError as error:
            raise errors.TypingError(str(error)) from error
        found = dispatcher.get_call_template(args, kws)
        for signature in dispatcher.nopython_signatures:
            self.known[signature.args] = dispatcher
        return found

    def get_overload(self, args: Any) -> Any:
        """Numba lowers a call that it has typed."""
        return self.known[tuple(args)].get_overload(args)


class Adapter:
    """Writes the function that compiled code calls; ``externals`` are the objects that it names."""

    def __init__(self) -> None:
        self.externals: list[tuple[str, object]] = []

    def text(
        self, name: str, entry: str, given: Sequence[str], leaves: Sequence[str], result: Type
    ) -> str:
        """A function of the arguments ``given``: a call of ``entry`` with ``leaves``."""
        size = _count(result)
        items = iter([f"found[{k}]" for k in range(size)] if size > 1 else ["found"])
        return (
            f"\n\ndef {name}({', '.join(given)}):\n"
            f"    found = {entry}({', '.join(leaves)})\n"
            f"    return {self._built(result, items)}\n"
        )

    def constant(self, name: str, value: Any) -> str:
        """A value that is known when the code is compiled."""
        if type(value) in (bool, int, float, complex) and not cmath.isnan(value):
            return repr(value)
        self.externals.append((name, value))
        return f"{name}.copy()" if isinstance(value, np.ndarray) else name

    def leaves(self, source: str, type_: Type) -> Iterator[str]:
        """The expressions of the leaves of an argument."""
        match type_:
            case Scalar(kind=kind):
                yield _CONVERTED.get(kind, "{}").format(source)
            case Array():
                yield f"np.ascontiguousarray({source})"
            case Tuple(items=items):
                for k, item in enumerate(items):
                    yield from self.leaves(f"{source}[{k}]", item)

    def _built(self, type_: Type, leaves: Iterator[str]) -> str:
        match type_:
            case Scalar() | Array():
                return next(leaves)
            case Tuple(items=items, cls=cls):
                parts = [self._built(t, leaves) for t in items]
                if cls is None:
                    return f"({', '.join(parts)},)"
                self.externals.append((cls.__name__, cls))
                return f"{cls.__name__}({', '.join(parts)})"
        return "None"


def _count(type_: Type) -> int:
    match type_:
        case Scalar() | Array():
            return 1
        case Tuple(items=items):
            return sum(map(_count, items))
    return 0
