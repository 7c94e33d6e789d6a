"""A function's signature: which argument is which parameter, and what ``wrt`` names.

Arguments are bound as Python binds them, with Python's errors. ``*rest`` becomes one parameter
that holds a tuple, ``**keywords`` one that holds a dict. The arguments that a ``functools.partial``
or a bound method holds come before, or under, those of the call.
"""

import functools
import inspect
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from srcad.errors import (
    ArgumentError,
    ArgumentValueError,
    SourceNotFoundError,
)
from srcad.ir.members import is_dataclass_instance
from srcad.ir.types import Receiver
from srcad.transformation import innermost, is_made_of_another, transformation_of

Wrt = int | str | tuple[int | str, ...]
"""What a gradient is taken with respect to: positions and names of parameters."""

_ABSENT = inspect.Parameter.empty
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Signature:
    """The parameters of a user's function.

    With ``whole``, a partial or a bound method is called as a whole: what it holds is no argument.
    """

    def __init__(self, function: Callable[..., Any], *, whole: bool = False) -> None:
        released, self._held, self._held_keywords = (
            (function, (), {}) if whole else _released(function)
        )
        self.called = released if is_made_of_another(released) else None
        """What is called in place of the function: a derivative, a partial, a bound method."""
        self.function = require_function(innermost(released))
        self.name: str = getattr(self.function, "__name__", "f")
        parameters = _parameters(released)
        self.signature = inspect.Signature(parameters)
        self.names = tuple(p.name for p in parameters)
        self._all_positional = tuple(
            p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        )
        free = self._all_positional[len(self._held) :]
        named = [k for k, name in enumerate(free) if name in self._held_keywords]
        self.positional = free[: named[0]] if named else free
        """The parameters that a call gives by position."""
        self.rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.keywords = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
        self.arity = len(self.names) if self.positional == self.names else -1
        """Number of parameters if all of them can be given by position, else -1."""
        self._is_plain = not (self._held or self._held_keywords) and all(
            p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters
        )

    @property
    def code(self) -> types.CodeType | None:
        """The function's code as it is now (editors that reload modules replace it)."""
        return getattr(self.function, "__code__", None)

    def __str__(self) -> str:
        return f"{self.name}{self.signature}"

    def _nameable(self) -> str:
        """What wrt can name."""
        names = [n for n in self.names if n not in (self.rest, self.keywords)]
        if self.rest or self.keywords:
            rest = "what goes into * and ** has no name: write it out, or differentiate a lambda"
            return f"name {', '.join(names)}; {rest}" if names else rest
        return f"name {'one of ' if len(names) > 1 else ''}{', '.join(names)}" if names else ""

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """The value of each parameter, defaults filled in, in the order of ``names``.

        Raises ``ArgumentError`` (a ``TypeError``) where Python would refuse the call.
        """
        positional, names = self._all_positional, self.names
        many = len(args)
        if self._is_plain and many <= len(positional) and many + len(kwargs) == len(names):
            try:
                return [*args, *[kwargs[name] for name in names[many:]]]
            except KeyError:
                pass  # what follows says which name it is, or takes a default
        args, kwargs = (*self._held, *args), {**self._held_keywords, **kwargs}
        extra: dict[str, Any] = {}
        if len(args) > len(positional) and self.rest is None:
            raise ArgumentError(
                f"{self.name}() takes {_some(len(positional), 'positional argument')} but "
                f"{len(args)} {'was' if len(args) == 1 else 'were'} given: {self}"
            )
        given = dict(zip(positional, args, strict=False))
        parameters = self.signature.parameters
        for name, value in kwargs.items():
            parameter = parameters.get(name)
            if parameter is None or parameter.kind in _VARIADIC:
                if self.keywords is not None:
                    extra[name] = value
                    continue
                raise ArgumentError(
                    f"{self.name}() got an unexpected keyword argument {name!r}: {self}"
                )
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise ArgumentError(
                    f"{self.name}() got the positional-only argument {name!r} as a keyword: {self}"
                )
            if name in given:
                raise ArgumentError(
                    f"{self.name}() got multiple values for argument {name!r}: {self}"
                )
            given[name] = value
        if self.rest is not None:
            given[self.rest] = tuple(args[len(positional) :])
        if self.keywords is not None:
            given[self.keywords] = extra
        defaults = self._defaults()
        missing = [n for n in self.names if n not in given and n not in defaults]
        if missing:
            listed = ", ".join(repr(n) for n in missing)
            raise ArgumentError(
                f"{self.name}() missing {_some(len(missing), 'required argument')}: "
                f"{listed}: {self}"
            )
        return [given[n] if n in given else defaults[n] for n in self.names]

    def _defaults(self) -> dict[str, Any]:
        """The defaults as they are now."""
        if isinstance(self.function, types.FunctionType):
            values, code = self.function.__defaults__ or (), self.function.__code__
            own = code.co_varnames[: code.co_argcount]
            found = dict(zip(own[len(own) - len(values) :], values, strict=True))
            return found | (self.function.__kwdefaults__ or {})
        return {
            n: p.default for n, p in self.signature.parameters.items() if p.default is not _ABSENT
        }

    def resolve(self, wrt: Wrt) -> tuple[str, ...]:
        """The names that ``wrt`` stands for, in its order.

        Raises ``ArgumentError`` or ``ArgumentValueError`` with the signature.
        """
        items = wrt if isinstance(wrt, tuple) else (wrt,)
        if not items:
            raise ArgumentValueError(
                f"wrt is empty: it must name at least one parameter of {self}",
                hint="write wrt=0, wrt='name' or a tuple of these",
            )
        names = tuple(self._resolve_one(item) for item in items)
        for k, name in enumerate(names):
            if name in names[:k]:
                raise ArgumentValueError(
                    f"wrt names the parameter {name!r} of {self} twice: {wrt!r}"
                )
        return names

    def _resolve_one(self, item: object) -> str:
        if isinstance(item, str):
            if item not in self.names:
                raise ArgumentValueError(
                    f"wrt names {item!r}, which is no parameter of {self}", hint=self._nameable()
                )
            if item in self._all_positional[: len(self._held)]:
                raise ArgumentValueError(
                    f"wrt names {item!r}, which the partial or the bound method holds",
                    hint="differentiate the function itself",
                )
            return item
        try:
            if isinstance(item, bool):
                raise TypeError
            index = operator.index(item)  # type: ignore[arg-type]
        except TypeError:
            raise ArgumentError(
                f"wrt must be a position, a name or a tuple of these, "
                f"not {item!r} of type {type(item).__name__}",
                hint=f"name parameters of {self}",
            ) from None
        size = len(self.positional)
        if not -size <= index < size:
            hint = self._nameable() if self.rest or not size else ""
            if not hint and len(self.names) > size:
                hint = "name a keyword-only parameter by its name"
            raise ArgumentValueError(
                f"wrt={index} is out of range: {self} has {_some(size, 'positional parameter')}",
                hint=hint,
            )
        return self.positional[index]


def _released(function: object) -> tuple[object, tuple[Any, ...], dict[str, Any]]:
    """A function, and the arguments that partials and a bound method around it hold."""
    args: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    while transformation_of(function) is None:
        if isinstance(function, functools.partial):
            args, keywords = (*function.args, *args), {**function.keywords, **keywords}
            function = function.func
        elif isinstance(function, types.MethodType):
            args = (_receiver(function.__self__), *args)
            function = function.__func__
        else:
            break
    return function, args, keywords


def _parameters(function: Any) -> list[inspect.Parameter]:
    """The parameters that a function leaves to its caller.

    A derivative of a partial has those that the partial does not hold; those behind one that is
    held by its name are given by name.
    """
    known = transformation_of(function)
    if known is not None:
        return _parameters(known.function)
    if isinstance(function, types.MethodType):
        return _parameters(function.__func__)[1:]
    if not isinstance(function, functools.partial):
        own = require_function(function)
        return list(inspect.signature(own, follow_wrapped=False).parameters.values())
    found = _parameters(function.func)
    held = [p for p in found if p.kind not in (*_VARIADIC, p.KEYWORD_ONLY)][: len(function.args)]
    words = function.keywords
    out: list[inspect.Parameter] = []
    behind = False
    for p in found:
        behind |= p.name in words
        if p in held or p.name in words or (behind and p.kind is p.VAR_POSITIONAL):
            continue
        is_named = behind and p.kind is p.POSITIONAL_OR_KEYWORD
        out.append(p.replace(kind=p.KEYWORD_ONLY) if is_named else p)
    return out


def _receiver(owner: object) -> object:
    """What stands for ``self``: a structure is an argument, any other object is captured."""
    is_structure = is_dataclass_instance(owner) or isinstance(owner, tuple | dict | list)
    return owner if is_structure else Receiver(owner)


def require_function(function: object) -> Callable[..., Any]:
    """The Python function that can be differentiated, taken out of Numba's wrapper if need be.

    Raises ``ArgumentError`` for what is no function, ``SourceNotFoundError`` for a built-in one.
    """
    inner = getattr(function, "py_func", function)
    if isinstance(inner, types.FunctionType):
        return inner
    label = getattr(inner, "__qualname__", getattr(inner, "__name__", repr(inner)))
    if isinstance(inner, type):
        raise ArgumentError(
            f"{label} is a class, not a function",
            hint=f"pass a function that makes one and returns a number, such as "
            f"lambda x: {inner.__name__}(x).value",
        )
    if callable(inner) and isinstance(type(inner).__call__, types.FunctionType):
        raise SourceNotFoundError(
            f"an object of the class {type(inner).__qualname__} can be called, but is no function",
            hint="pass a function that calls it, such as lambda x: model(x), or its method: "
            "model.__call__",
        )
    if callable(inner):
        raise SourceNotFoundError(
            f"{label} is not a function written in Python (it is built in): it has no source to "
            "differentiate",
            hint=f"write a function that calls it, such as lambda x: {_title(inner)}(x)",
        )
    raise ArgumentError(
        f"{inner!r} of type {type(inner).__name__} is not callable",
        hint="pass a function",
    )


def _title(function: Any) -> str:
    """A built-in function as a user writes it."""
    name = getattr(function, "__name__", repr(function))
    if getattr(np, name, None) is function:
        return f"np.{name}"
    module = getattr(function, "__module__", None) or "builtins"
    return name if module == "builtins" else f"{module}.{name}"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
