"""Generated code as a module of its own, which runs where srcad is not installed.

The text of the program, with the source of the few runtime functions that it calls in place of
their import, and Numba's decorator on its functions. From ::

    from srcad.runtime.tapes import tape

    def f_grad(x, pool): ...

comes ::

    @njit
    def tape(pool, size, dtype): ...

    @njit
    def _f_grad(x, pool): ...

    @njit
    def f_grad(x):
        return _f_grad(x, (np.empty(0, np.uint8), np.zeros(8, np.int64)))
"""

import ast
import inspect
import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from srcad.backend.hints import hinted
from srcad.config import Options
from srcad.elementary import exponentials, lanes, logarithms, powers, primitives, trigonometry
from srcad.errors import ArgumentError
from srcad.pipeline import Program
from srcad.runtime import (
    copies,
    hints,
    intrinsics,
    inverses,
    marks,
    products,
    schedules,
    special,
    tapes,
    threads,
    unions,
)

_RUNTIME = (
    intrinsics,  # the others are made with it
    copies,
    hints,
    inverses,
    marks,
    products,
    schedules,
    special,
    tapes,
    threads,
    unions,
)
_ELEMENTARY = lanes, primitives, exponentials, logarithms, powers, trigonometry


class Matrix(NamedTuple):
    """A Jacobian or Hessian to be ejected: all columns in one run of the entry."""

    title: str
    """The name of its function."""
    spot: int
    """The position of the leaf that moves."""
    is_number: bool
    """Whether that is a number."""
    has_values: bool
    """Whether the entry returns the values before the tangents."""


def eject(program: Program, path: Path, options: Options, matrix: Matrix | None = None) -> Path:
    """Write the module; returns its path. Captured values are its function's last arguments.

    With ``matrix`` it has one more function, that of a Jacobian or Hessian.
    """
    text = ejected(program, options)
    if matrix is not None:
        text += f"\n\n{_all_columns(program, matrix)}\n"
    pending = path.with_name(f".{path.name}.{os.getpid()}")
    pending.write_text(text, encoding="utf-8")
    pending.replace(path)
    return path


def _all_columns(program: Program, matrix: Matrix) -> str:
    """The function of a matrix: the entry, along the columns of the unit matrix."""
    tree = ast.parse(program.text)
    (entry,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == program.entry]
    names = [a.arg for a in entry.args.args[: -2 if program.uses_pool else -1]]
    x, columns = names[matrix.spot], "columns"
    while columns in names:
        columns += "_"
    units = f"np.eye({x}.size, dtype={x}.dtype).reshape((*{x}.shape, {x}.size))"
    call = f"{program.entry}({', '.join([*names, 'np.ones(1)' if matrix.is_number else units])})"
    shape = f"{columns}.shape[:-1]" + ("" if matrix.is_number else f" + {x}.shape")
    return (
        f"def {matrix.title}({', '.join(names)}):\n"
        f"    {columns} = {call}{'[-1]' if matrix.has_values else ''}\n"
        f"    return {columns}.reshape({shape})[()]"
    )


def ejected(program: Program, options: Options) -> str:
    """The text of the module."""
    if program.externals:
        names = ", ".join(name for name, _ in program.externals)
        raise ArgumentError(
            f"{program.entry} calls objects of this process ({names}), which no module can hold",
            hint="use functions whose source can be read",
        )
    tree = ast.parse(program.text)
    helpers = _imported(tree, "srcad.runtime")
    elementary = _imported(tree, "srcad.elementary")
    imports = [_segment(program.text, n) for n in tree.body if _is_foreign_import(n)]
    told = hinted(program.text)
    with_hints = options.jit and all(name == own for name, own in told.names.items())
    marked = told.text if with_hints else program.text
    functions = [
        _segment(marked, n) for n in ast.parse(marked).body if isinstance(n, ast.FunctionDef)
    ]
    inner = f"_{program.entry}" if program.uses_pool else program.entry
    functions = [
        f"{_decorator(options, f)}\n{f.replace(f'def {program.entry}(', f'def {inner}(', 1)}"
        for f in functions
    ]
    if program.uses_pool:
        functions.append(_without_pool(program, tree, inner, options))
    called = [a.name for a in helpers]
    called += [name for name in told.names if any(f"{name}(" in f for f in functions)]
    runtime_imports, definitions = _source_of(called, *_RUNTIME)
    if elementary:
        more_imports, more = _elementary(elementary)
        runtime_imports += more_imports
        definitions += more
    from_scipy = sorted(
        {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "special"
        }
    )
    if from_scipy and options.jit:
        from srcad.backend import special as bindings  # noqa: PLC0415 (imports SciPy)

        more_imports, more = _source_of(["bind", "_zeta"][: 1 + ("zeta" in from_scipy)], bindings)
        runtime_imports += more_imports
        calls = [f'bind("{name}")' for name in from_scipy if name != "zeta"]
        definitions += [*more, "\n".join(calls)]
    _check_names(program.entry, definitions, functions)
    numba = ["from numba import njit"] if options.jit else []
    head = sorted(
        {*imports, *runtime_imports, *numba}, key=lambda row: (row.startswith("from"), row)
    )
    needs = "NumPy, SciPy and Numba" if from_scipy else "NumPy and Numba only"
    title = f'"""{program.entry}, written by srcad; it needs {needs}."""'
    return "\n\n\n".join([f"{title}\n\n" + "\n".join(head), *definitions, *functions]) + "\n"


def _decorator(options: Options, function: str = "") -> str:
    if not options.jit:
        return "# runs as plain Python"
    given = ['error_model="numpy"']
    given += ["fastmath=True"] if options.fastmath else []
    given += ["parallel=True"] if "prange(" in function else []
    return f"@njit({', '.join(given)})"


def _without_pool(program: Program, tree: ast.Module, inner: str, options: Options) -> str:
    """The entry as a user calls it: without the pool, its tapes are allocated at each call."""
    (entry,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == program.entry]
    names = ", ".join(a.arg for a in entry.args.args[:-1])
    return (
        f"{_decorator(options)}\ndef {program.entry}({names}):\n"
        f"    return {inner}({names}, (np.empty(0, np.uint8), np.zeros(8, np.int64)))"
    )


def _imported(tree: ast.Module, package: str) -> list[ast.alias]:
    """What a program imports from a module of srcad's, or from the modules of a package."""
    return [
        alias
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}.")
        for alias in node.names
    ]


def _check_names(entry: str, definitions: list[str], functions: list[str]) -> None:
    """No function of the program may have the name of one that stands beside it."""
    theirs, ours = (
        {name for text in texts for n in ast.parse(text).body for name in _defined(n)}
        for texts in (definitions, functions)
    )
    if theirs & ours:
        raise ArgumentError(
            f"{entry} calls a function named {min(theirs & ours)}, as one of srcad's own is",
            hint="rename it",
        )


def _elementary(called: list[ast.alias]) -> tuple[list[str], list[str]]:
    """The imports and the definitions of elementary functions, under the names that they have."""
    imports, definitions = _source_of([a.name for a in called], *_ELEMENTARY)
    renamed = [f"{a.asname} = {a.name}" for a in called if a.asname]
    return imports, definitions + (["\n".join(renamed)] if renamed else [])


def _source_of(names: Iterable[str], *modules: ModuleType) -> tuple[list[str], list[str]]:
    """The imports and the definitions of functions of modules, and of all that they use there."""
    texts = [inspect.getsource(module) for module in modules]
    trees = [(text, ast.parse(text).body) for text in texts]
    by_name = {name: node for _, body in trees for node in body for name in _defined(node)}
    needed: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in needed or name not in by_name:
            continue
        needed.add(name)
        pending += [n.id for n in ast.walk(by_name[name]) if isinstance(n, ast.Name)]
    imports: list[str] = []
    used: list[str] = []
    for text, body in trees:
        found = [_segment(text, n) for n in body if needed & set(_defined(n))]
        used += found
        imports += [_segment(text, n) for n in body if found and _is_foreign_import(n)]
    return imports, used


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _is_foreign_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return not str(node.module).startswith(("srcad.", "__future__"))
    return isinstance(node, ast.Import)


def _segment(text: str, node: ast.stmt) -> str:
    """The text of a statement, its decorators included."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
