"""The source of a function: its text, its syntax tree, and the names that it sees.

The tree is taken from the whole file (or notebook cell, or any text known to ``linecache``), so
that positions are those of the file. What was found is compared with the code object that a call
would run: the text is compiled again (never run) and the function's code looked up in the result,
by content and position. So two lambdas on one line are told apart, and a file that was edited after
it was imported is refused instead of differentiated; a function that only moved is still found.

A wrapper is never looked through, for that would drop what it does. The exceptions are what Numba's
``njit`` returns, which runs the function that it holds, and srcad's own derivatives.
"""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import linecache
import re
import types
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gast

from srcad.errors import ArgumentError, SourceNotFoundError, UnsupportedError
from srcad.frontend.contexts import rewrite_contexts
from srcad.frontend.patterns import rewrite_matches
from srcad.frontend.scoping import rename_targets
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
        return function.__builtins__[name]  # type: ignore[attr-defined]

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
    while _is_own(function) or _is_dispatcher(function):
        function = function.__srcad_primal__ if _is_own(function) else _compiled_by_numba(function)
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
            f"{name} is a bound method, which holds its first argument",
            hint="pass the function of the class, and the object as its first argument",
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


# Their classes tell, not their attributes: functools.wraps copies those to any wrapper.


def _is_own(function: Any) -> bool:
    cls = type(function)
    return cls.__module__.partition(".")[0] == "srcad" and hasattr(function, "__srcad_primal__")


def _is_dispatcher(function: Any) -> bool:
    """Whether Numba's ``njit`` made it (Numba may not have been imported yet)."""
    return any(
        c.__module__ == "numba.core.registry" and c.__name__ == "CPUDispatcher"
        for c in type(function).__mro__
    )


def _compiled_by_numba(dispatcher: Any) -> Any:
    """The function that a dispatcher runs.

    Its ``py_func`` is another if the function was itself a wrapper, made by functools.wraps, around
    a dispatcher: Numba copies the attributes of what it compiles onto the dispatcher.
    """
    function = dispatcher.py_func
    if getattr(dispatcher, "__wrapped__", function) is not function:
        raise _skips_decorator(dispatcher)
    return function


def _skips_decorator(function: Any, at: Position | None = None) -> SourceNotFoundError:
    return SourceNotFoundError(
        f"{function.__qualname__} is wrapped by a decorator (functools.wraps), which would be "
        "skipped by differentiating the function inside",
        at,
        "apply srcad to the function itself, under the decorator",
    )


def _require_plain(function: types.FunctionType) -> None:
    code, name = function.__code__, function.__qualname__
    flags = code.co_flags
    if flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE):
        raise UnsupportedError(
            f"{name} is a coroutine (async def)",
            _culprit(function),
            "differentiate a plain function (def)",
        )
    if flags & inspect.CO_GENERATOR:
        raise UnsupportedError(
            f"{name} is a generator (it contains yield)",
            _culprit(function),
            "write into an array and return it",
        )
    if hasattr(function, "__wrapped__"):
        raise _skips_decorator(function, _start(function))


def _culprit(function: types.FunctionType) -> Position | None:
    """Where a coroutine or a generator says that it is one."""
    code = function.__code__
    text = _text(function)
    try:
        tree = gast.parse(text)
    except (SyntaxError, ValueError):
        return None
    node = _definition(tree, code.co_name, code.co_firstlineno)
    if node is None:
        return None
    found = node
    if isinstance(node, gast.FunctionDef):
        yields = (n for n in _own(node) if isinstance(n, gast.Yield | gast.YieldFrom))
        found = min(yields, key=lambda n: (n.lineno, n.col_offset), default=node)
    source = FunctionSource(function, node.name, node, code.co_filename, _lines(text))
    return source.position(found)


def _own(node: Any) -> Iterator[Any]:
    """The nodes below one, without the insides of nested functions."""
    for child in gast.iter_child_nodes(node):
        yield child
        if not isinstance(child, gast.FunctionDef | gast.AsyncFunctionDef | gast.Lambda):
            yield from _own(child)


# ---------------------------------------------------------------- from a function to its text


def _located(function: types.FunctionType) -> tuple[str, Any, tuple[str, ...]]:
    code, title = function.__code__, function.__qualname__
    text = _text(function)
    if not text:
        raise SourceNotFoundError(
            f"the source of {title} cannot be read: {code.co_filename!r} is not a file",
            hint="save the function in a module or a notebook cell (code given to exec, to "
            "`python -c` or on standard input has no text that can be read)",
        )
    flags = code.co_flags & _FUTURE
    try:
        tree, codes = _parsed(text, flags)
    except (SyntaxError, ValueError):
        raise _changed(function) from None
    wanted = _fingerprint(code)
    twins = [c for c in codes if c.co_name == code.co_name and _fingerprint(c) == wanted]
    if not twins:
        raise _changed(function)
    twin = min(twins, key=lambda c: _distance(c, code))
    if code.co_name == "<lambda>":
        node = _lambda(tree, text, flags, twin)
    else:
        node = _definition(tree, twin.co_name, twin.co_firstlineno)
    if node is None:
        raise SourceNotFoundError(
            f"the source of {title} cannot be told from that of others on its line",
            _start(function),
            "write it on a line of its own",
        )
    _refuse_private_names(function, node, _lines(text))
    if isinstance(node, gast.Lambda):
        name, body, returns = "lambda_", [_at(gast.Return(node.body), node.body)], None
    else:
        name, body, returns = node.name, node.body, node.returns
    # A new node, and a new body: the tree is shared by all functions of the file.
    body = _copied(body)
    made = _at(gast.FunctionDef(name, node.args, body, [], returns, None, []), node)
    return name, rename_targets(rewrite_contexts(rewrite_matches(made))), _lines(text)


def _copied(part: Any) -> Any:
    """A syntax tree of its own (``copy.deepcopy`` takes several times as long)."""
    if isinstance(part, list):
        return [_copied(p) for p in part]
    if not isinstance(part, gast.AST):
        return part
    made = type(part).__new__(type(part))
    vars(made).update({k: _copied(v) for k, v in vars(part).items()})
    return made


def _text(function: types.FunctionType) -> str:
    """The text of the file, cell or entry that a function stands in; empty if there is none."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines and hasattr(linecache, "_getlines_from_code"):  # Python 3.13: its own prompt, -c
        lines = linecache._getlines_from_code(code) or []  # type: ignore[attr-defined]
    return "".join(lines)


def _lines(text: str) -> tuple[str, ...]:
    """The lines as Python counts them: a form feed ends none, as it does for ``splitlines``."""
    return tuple(re.split(r"\r\n|\r|\n", text))


@functools.lru_cache(maxsize=16)
def _parsed(text: str, flags: int) -> tuple[Any, tuple[types.CodeType, ...]]:
    """The syntax tree of a file, and the code of all functions in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import of the file has told them
        return gast.parse(text), tuple(_codes(_compiled(text, flags)))


def _compiled(text: str | ast.Module, flags: int) -> types.CodeType:
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as notebooks do
    return compile(text, "<source>", "exec", flags, dont_inherit=True)


def _changed(function: types.FunctionType) -> SourceNotFoundError:
    code, title = function.__code__, function.__qualname__
    names = {n for c in (code, *_codes(code)) for n in c.co_names}
    if "@pytest_ar" in names:
        return SourceNotFoundError(
            f"the source of {title} is not what it runs: pytest has rewritten its assert",
            _start(function),
            "move the function to a module that is not a test, or write PYTEST_DONT_REWRITE in "
            "the docstring of this one",
        )
    return SourceNotFoundError(
        f"the source of {title} is not what it runs: {code.co_filename} changed after its import",
        _start(function),
        "reload the module, or restart Python",
    )


def _start(function: types.FunctionType) -> Position:
    """The first line of a function, as its code object has it."""
    file, line = function.__code__.co_filename, function.__code__.co_firstlineno
    lines = _lines(_text(function))
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return Position(file, line, len(text) - len(text.lstrip()), len(text.rstrip()), text)


def _refuse_private_names(function: types.FunctionType, node: Any, lines: tuple[str, ...]) -> None:
    """Inside a class, Python reads ``__x`` as ``_Class__x``; the tree does not say so."""
    names = {
        name
        for c in (function.__code__, *_codes(function.__code__))
        for name in (*c.co_names, *c.co_varnames, *c.co_freevars, *c.co_cellvars)
    }
    for part in gast.walk(node):
        name = getattr(part, "id", None) or getattr(part, "attr", None) or ""
        is_private = name.startswith("__") and not name.endswith("__") and name not in names
        if is_private and any(n.endswith(name) for n in names):
            source = FunctionSource(function, name, node, function.__code__.co_filename, lines)
            raise UnsupportedError(
                f"{name} is a private name of the class around it",
                source.position(part),
                "name it without the leading underscores",
            )


def _at(node: Any, origin: Any) -> Any:
    return gast.copy_location(node, origin)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            yield from _codes(const)


def _fingerprint(code: types.CodeType) -> tuple[object, ...]:
    """What a code object does, wherever its text stands."""
    return (
        code.co_code,
        code.co_exceptiontable,
        code.co_flags,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_posonlyargcount,
        tuple(_constant(c) for c in code.co_consts),
    )


def _constant(value: object) -> object:
    """A constant, such that 1, 1.0 and True differ, 0.0 and -0.0 too, and nan equals itself."""
    if isinstance(value, types.CodeType):
        return _fingerprint(value)
    if isinstance(value, tuple | frozenset):
        return type(value), type(value)(_constant(v) for v in value)
    return type(value), repr(value)


def _distance(found: types.CodeType, code: types.CodeType) -> tuple[bool, int]:
    """How far from where it was a function stands now: not at all, or by lines."""
    is_elsewhere = list(found.co_positions()) != list(code.co_positions())
    return is_elsewhere, abs(found.co_firstlineno - code.co_firstlineno)


def _definition(tree: Any, name: str, line: int) -> Any:
    """The ``def`` of this name that starts, with its decorators, on a line."""
    for node in gast.walk(tree):
        if isinstance(node, gast.FunctionDef | gast.AsyncFunctionDef) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == line:
                return node
    return None


def _lambda(tree: Any, text: str, flags: int, code: types.CodeType) -> Any:
    """The lambda that a code object was compiled from.

    A code object knows the line that its function starts on, and the columns of what it runs, but
    not the column of the ``lambda``. So where a line has several, the text is compiled once more,
    with each of them moved to a line of its own far below.
    """
    line = code.co_firstlineno
    here = {n.col_offset: n for n in gast.walk(tree) if _is_lambda(n) and n.lineno == line}
    if len(here) < 2:
        return next(iter(here.values()), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        marked = ast.parse(text)
        far = text.count("\n") + text.count("\r") + 2
        columns: dict[int, int] = {}
        for node in ast.walk(marked):
            if _is_lambda(node) and node.lineno == line:
                mark = far + len(columns)
                columns[mark] = node.col_offset
                node.lineno = node.end_lineno = mark
                node.end_col_offset = node.col_offset + 1
        codes = list(_codes(_compiled(marked, flags)))
    wanted, spans = _fingerprint(code), list(code.co_positions())
    for found in codes:
        if found.co_firstlineno in columns and _fingerprint(found) == wanted:
            moved = found.co_positions()
            if all(m == s or m[0] in columns for m, s in zip(moved, spans, strict=True)):
                return here[columns[found.co_firstlineno]]
    return None


def _is_lambda(node: Any) -> bool:
    return isinstance(node, gast.Lambda | ast.Lambda)


def _column(text: str, offset: int) -> int:
    """A column in characters from one in UTF-8 bytes."""
    return len(text.encode()[:offset].decode(errors="ignore"))
