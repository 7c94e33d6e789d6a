"""The source of a function: its text, its syntax tree, and the names that it sees.

The tree is taken from the whole file (or notebook cell, or any text known to ``linecache``), so
that positions are those of the file. What was found is compared with the code object that a call
would run: the text is compiled again and the function's code looked up in the result, by position
and content. So two lambdas on one line are told apart, and a file that was edited after it was
imported is refused instead of differentiated.
"""

from __future__ import annotations
import __future__

import builtins
import functools
import inspect
import linecache
import types
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gast

from srcad.errors import ArgumentError, SourceNotFoundError, UnsupportedError
from srcad.position import Position

_FUTURE = functools.reduce(
    lambda a, b: a | b,
    (getattr(__future__, n).compiler_flag for n in __future__.all_feature_names),
)


@dataclass(frozen=True, eq=False)
class FunctionSource:
    """A function and where its text stands.

    ``node`` is its definition (a gast ``FunctionDef``, decorators left out; a lambda becomes one
    with a single ``return``); ``lines`` are those of the file.
    """

    function: types.FunctionType
    name: str
    node: Any
    file: str
    lines: tuple[str, ...]

    def position(self, node: Any) -> Position:
        """Where a node of the tree stands."""
        line = getattr(node, "lineno", 0) or 0
        if not 0 < line <= len(self.lines):
            return Position(self.file, line, 0)
        text = self.lines[line - 1]
        end = -1
        if getattr(node, "end_lineno", None) == line:
            end = _column(text, node.end_col_offset)
        elif getattr(node, "end_lineno", None) is not None:
            end = len(text.rstrip())
        return Position(self.file, line, _column(text, node.col_offset), end, text)

    def lookup(self, name: str) -> object:
        """The value that a free name has now: a closure cell, a global or a builtin.

        Raises ``KeyError`` if there is none.
        """
        function = self.function
        free = function.__code__.co_freevars
        if name in free and function.__closure__ is not None:
            try:
                return function.__closure__[free.index(name)].cell_contents
            except ValueError:
                raise KeyError(name) from None
        if name in function.__globals__:
            return function.__globals__[name]
        return vars(builtins)[name]

    def identity(self) -> tuple[object, ...]:
        """What the function is, as text: for keys of compiled code."""
        return (self.name, gast.dump(self.node))


def find_source(function: Any) -> FunctionSource:
    """The source of a function that a call of it would run.

    Raises ``SourceNotFoundError`` if the text cannot be read or is not what the function runs,
    ``UnsupportedError`` for coroutines, generators and methods, ``ArgumentError`` for what is no
    function at all.

    >>> def double(x):
    ...     return 2.0 * x
    >>> find_source(double).name
    'double'
    """
    plain = _unwrapped(function)
    code = plain.__code__
    found = _found.get(id(code))
    if found is None or found[0]() is not code:  # equal code may come from another file
        gone = weakref.ref(code, functools.partial(_forget, id(code)))
        _found[id(code)] = found = (gone, _located(plain))
    name, node, lines = found[1]
    return FunctionSource(plain, name, node, code.co_filename, lines)


_found: dict[int, tuple[weakref.ref[types.CodeType], tuple[str, Any, tuple[str, ...]]]] = {}


def _forget(key: int, _: object) -> None:
    _found.pop(key, None)


# ---------------------------------------------------------------- from a callable to a function


def _unwrapped(function: Any) -> types.FunctionType:
    """The plain function whose code a call runs."""
    for _ in range(100):
        if hasattr(type(function), "__srcad_primal__") or "__srcad_primal__" in getattr(
            function, "__dict__", {}
        ):
            function = function.__srcad_primal__
        elif hasattr(function, "py_func"):
            function = function.py_func
        else:
            break
    if isinstance(function, types.FunctionType):
        _require_plain(function)
        return function
    name = (
        getattr(function, "__qualname__", None)
        or getattr(function, "__name__", None)
        or repr(function)
    )
    if isinstance(function, types.MethodType):
        raise UnsupportedError(
            f"{name} is a bound method: methods are not supported yet",
            hint="write a function of the numbers and arrays that it uses",
        )
    if isinstance(function, functools.partial):
        raise ArgumentError(
            f"{function!r} is a functools.partial: not supported yet",
            hint="write `def g(x): return f(x, ...)` and differentiate g",
        )
    if hasattr(function, "__wrapped__"):
        raise SourceNotFoundError(
            f"{name} is wrapped by {type(function).__name__}: differentiating the function inside "
            "would skip what the wrapper does",
            hint="pass the function itself",
        )
    if isinstance(function, type):
        raise ArgumentError(f"{name} is a class, not a function", hint="pass a function")
    if not callable(function):
        raise ArgumentError(
            f"a function is expected, not {type(function).__name__} {function!r}",
            hint="pass a function",
        )
    raise SourceNotFoundError(
        f"the source of {name} ({type(function).__name__}) cannot be read: not a Python function",
        hint="call it inside a Python function and differentiate that",
    )


def _require_plain(function: types.FunctionType) -> None:
    code, name = function.__code__, function.__qualname__
    flags = code.co_flags
    at = _culprit(function)
    if flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE):
        raise UnsupportedError(
            f"{name} is a coroutine (async def)",
            at,
            "differentiate a plain function (def)",
        )
    if flags & inspect.CO_GENERATOR:
        raise UnsupportedError(
            f"{name} is a generator (it contains yield)",
            at,
            "write into an array and return it",
        )
    if hasattr(function, "__wrapped__"):
        inner = getattr(function.__wrapped__, "__qualname__", repr(function.__wrapped__))
        raise SourceNotFoundError(
            f"{name} is a wrapper around {inner}: its decorator would be skipped by "
            "differentiating the function inside, and the wrapper is not what was written",
            hint="apply srcad to the function itself, under the decorator",
        )


def _culprit(function: types.FunctionType) -> Position | None:
    """Where a coroutine or a generator says that it is one."""
    code = function.__code__
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    try:
        tree = gast.parse(text)
    except (SyntaxError, ValueError):
        return None
    lines = tuple(text.splitlines())
    for node in gast.walk(tree):
        if not isinstance(node, gast.AsyncFunctionDef | gast.FunctionDef):
            continue
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        if first == code.co_firstlineno:
            yields = [n for n in gast.walk(node) if isinstance(n, gast.Yield | gast.YieldFrom)]
            found = yields[0] if yields and isinstance(node, gast.FunctionDef) else node
            source = FunctionSource(function, node.name, node, code.co_filename, lines)
            return source.position(found)
    return None


# ---------------------------------------------------------------- from a function to its text


def _located(function: types.FunctionType) -> tuple[str, Any, tuple[str, ...]]:
    code = function.__code__
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    title = function.__qualname__
    if not text:
        raise SourceNotFoundError(
            f"the source of {title} cannot be read: {code.co_filename!r} is not a file",
            hint="save the function in a module or a notebook cell (code given to exec, to "
            "`python -c` or on standard input has no text that can be read)",
        )
    lines = tuple(line.rstrip("\r\n") for line in text.splitlines(keepends=True))
    changed = SourceNotFoundError(
        f"the source of {title} is not what it runs: {code.co_filename} changed after its import",
        Position(
            code.co_filename,
            code.co_firstlineno,
            0,
            -1,
            _line(lines, code.co_firstlineno),
        ),
        hint="reload the module, or restart Python",
    )
    try:
        compiled = compile(
            text, code.co_filename, "exec", code.co_flags & _FUTURE, dont_inherit=True
        )
        tree = gast.parse(text)
    except (SyntaxError, ValueError):
        raise changed from None
    wanted = _fingerprint(code)
    twins = [c for c in _codes(compiled) if c.co_name == code.co_name and _fingerprint(c) == wanted]
    if not twins:
        raise changed
    exact = [c for c in twins if list(c.co_positions()) == list(code.co_positions())]
    node = _node(tree, (exact or twins)[0])
    if node is None:
        raise changed
    if isinstance(node, gast.Lambda):
        body = [gast.copy_location(gast.Return(node.body), node.body)]
        definition = gast.FunctionDef("lambda_", node.args, body, [], None, None, [])
        return "lambda_", gast.copy_location(definition, node), lines
    node.decorator_list = []
    return node.name, node, lines


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            yield from _codes(const)


def _fingerprint(code: types.CodeType) -> tuple[object, ...]:
    """What a code object does, and where its text starts."""
    consts = tuple(
        _fingerprint(c) if isinstance(c, types.CodeType) else (type(c), repr(c))
        for c in code.co_consts
    )
    return (
        code.co_firstlineno,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_posonlyargcount,
        consts,
    )


def _node(tree: Any, code: types.CodeType) -> Any:
    """The definition that a code object was compiled from."""
    if code.co_name != "<lambda>":
        for node in gast.walk(tree):
            if not isinstance(node, gast.FunctionDef) or node.name != code.co_name:
                continue
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
        return None
    spans = [
        (p[0], p[2]) for p in code.co_positions() if p[0] is not None and p[2] is not None and p[3]
    ]
    inside = [
        node
        for node in gast.walk(tree)
        if isinstance(node, gast.Lambda)
        and all(
            (node.lineno, node.col_offset) <= s <= (node.end_lineno, node.end_col_offset)
            for s in spans
        )
        and node.lineno == code.co_firstlineno
    ]
    return max(inside, key=lambda n: (n.lineno, n.col_offset), default=None)


def _line(lines: tuple[str, ...], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _column(text: str, offset: int) -> int:
    """A column in characters from one in UTF-8 bytes."""
    return len(text.encode()[:offset].decode(errors="ignore"))
