"""From the text of a generated module to a function that runs.

The text is run as a module of its own, in ``sys.modules`` under a name that hashes everything it
depends on, and Numba's decorator is put on its functions. The entry is compiled at once for the
types of the arguments at hand, so that what ``compile`` returns is Numba's own dispatcher, with
nothing around it; its machine code is read from disk if an earlier process left it there.

This is the only module that knows how Numba stores compiled code.
"""

import ast
import importlib
import linecache
import pickle
import platform
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from srcad.backend.cache import (
    cache_directory,
    entry_path,
    key_of,
    read_entry,
    remove_entry,
    write_entry,
)
from srcad.backend.hints import hinted
from srcad.backend.parts import parts, recursive
from srcad.backend.plain import compile_plain, quietly, use_ieee
from srcad.backend.selects import SELECT, selects
from srcad.callback import ArrayCall, Callback
from srcad.config import Options
from srcad.disk import DiskCall
from srcad.errors import CompilationError
from srcad.position import Position

Explain = Callable[[int], Position | None]
"""From a line of the generated module to the user's own line."""

_FORMAT = 2
"""Counts the ways in which a module of the same text was compiled or stored."""
_ONLY_LOOPS: Any = {
    "prange": True,
    **dict.fromkeys(("comprehension", "fusion", "inplace_binop", "numpy"), False),
    **dict.fromkeys(("reduction", "setitem", "stencil"), False),
}
"""What Numba is to run in threads: the loops that say so, and nothing of its own choice."""
_CODE = "code.bin"
_KEY = "__srcad_key__"


@dataclass(frozen=True)
class Loaded:
    """A generated module that is ready to be compiled."""

    text: str
    entry: str
    options: Options
    types_key: str
    explain: Explain | None = None
    externals: tuple[tuple[str, object], ...] = ()
    apart: tuple[str, ...] = ()

    def compile(self, args: Sequence[Any]) -> Callable[..., Any]:
        """The entry compiled for arguments of the types of these, or read from disk.

        Raises ``CompilationError`` where Numba rejects the program, ``CacheError`` where the
        directory for compiled code is not safe.
        """
        if not self.options.jit:
            return _plain(self)
        from numba.core import config  # noqa: PLC0415 (0.5 s, and not needed above)
        from numba.core.typing.typeof import Purpose, typeof  # noqa: PLC0415

        if getattr(config, "DISABLE_JIT", False):
            return _plain(self)
        return _compiled(self, tuple(typeof(arg, Purpose.argument) for arg in args))

    def compile_types(self, types: Sequence[Any]) -> Callable[..., Any]:
        """The same for Numba's types, as they are known when compiled code calls the entry."""
        return _compiled(self, tuple(types))


def load(
    text: str,
    entry: str,
    options: Options,
    types_key: str,
    explain: Explain | None = None,
    externals: tuple[tuple[str, object], ...] = (),
    apart: tuple[str, ...] = (),
) -> Loaded:
    """The program ``text``, whose function ``entry`` is to be called.

    ``types_key`` tells programs of the same text apart. ``explain`` gives the user's line for a
    line of the text, for the error that says that Numba rejects it. ``externals`` are objects of
    this process that the text calls by name: such a program is not kept on disk. Functions named in
    ``apart`` write no memory which two of their arrays share.
    """
    return Loaded(text, entry, options, types_key, explain, externals, apart)


def _plain(loaded: Loaded) -> Callable[..., Any]:
    """The entry as plain Python, which a debugger can step through."""
    key = key_of("plain", loaded.text, loaded.entry, _identities(loaded))
    name = f"_srcad_plain_{key[:16]}"
    module = sys.modules.get(name)
    if getattr(module, _KEY, None) != key:
        file = f"<srcad {loaded.entry} {key[:16]}>"
        module = _new_module(name, key, file, loaded.text)
        vars(module).update(loaded.externals)
        exec(compile_plain(loaded.text, file), vars(module))
        use_ieee(module)
    return quietly(getattr(module, loaded.entry))


def _compiled(loaded: Loaded, types: tuple[Any, ...]) -> Callable[..., Any]:
    from numba.core.compiler_lock import global_compiler_lock  # noqa: PLC0415

    if "np.fft." in loaded.text:
        _require_transforms(loaded)
    key = _key(loaded, types)
    name = f"_srcad_{key[:16]}"
    # Numba's lock and no other: a caller that Numba is compiling may hold it already.
    with global_compiler_lock:
        module = sys.modules.get(name)
        if getattr(module, _KEY, None) == key:
            return getattr(module, loaded.entry)
        root = cache_directory() if loaded.options.cache else None
        if root is not None and (loaded.externals or _is_recursive(loaded.text)):
            root = None
        file = f"<srcad {loaded.entry} {key[:16]}>"
        if root is not None:
            file = str(entry_path(root, key) / f"{name}.py")
        module = _new_module(name, key, file, loaded.text)
        try:
            return _run(loaded, module, types, root, key)
        except BaseException:
            del sys.modules[name]
            raise


def _require_transforms(loaded: Loaded) -> None:
    """Import the package by which Numba knows ``np.fft``."""
    try:
        importlib.import_module("rocket_fft")
    except ImportError:
        raise CompilationError(
            f"{loaded.entry} calls np.fft, which Numba compiles with the package rocket-fft only",
            hint="install it with pip install 'srcad[fft]', or use jit=False",
        ) from None


def _is_recursive(text: str) -> bool:
    """Whether functions of a module call themselves, directly or through others.

    Their machine code crashes when Numba loads it in another process.
    """
    return bool(recursive(ast.parse(text)))


def _run(
    loaded: Loaded, module: ModuleType, types: tuple[Any, ...], root: Path | None, key: str
) -> Callable[..., Any]:
    """Run a module that is in ``sys.modules``, and compile its entry."""
    from numba import njit  # noqa: PLC0415
    from numba.core.caching import NullCache  # noqa: PLC0415
    from numba.core.errors import NumbaError, NumbaWarning  # noqa: PLC0415

    from srcad.backend.compiler import (  # noqa: PLC0415 (imports Numba)
        Separate,
        compiler_of,
        no_garbage_collection,
        select,
    )
    from srcad.runtime.hints import at_least, fresh  # noqa: PLC0415 (imports Numba)

    space = vars(module)
    for name, external in loaded.externals:
        is_ours = isinstance(external, ArrayCall | Callback | DiskCall)
        space[name] = external.compiled() if is_ours else external
    found = hinted(loaded.text)
    space |= {found.names["fresh"]: fresh, found.names["at_least"]: at_least}
    tree = found.tree()
    if not loaded.options.parallel:
        tree = parts(selects(tree))
        space[SELECT] = select
    exec(compile(tree, str(module.__file__), "exec"), space)
    if "special" in space:
        from srcad.backend.special import bind_all  # noqa: PLC0415 (imports SciPy)

        bind_all()
    options = loaded.options
    lean = None
    if not options.parallel:
        lean = compiler_of(loaded.entry, not _is_recursive(loaded.text))
    for name, value in list(space.items()):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            inner = name != loaded.entry  # not called from Python
            compiler: Any = njit
            passes = Separate if name in loaded.apart else lean
            space[name] = compiler(
                nogil=True,
                no_cpython_wrapper=inner,
                no_cfunc_wrapper=inner,
                error_model="numpy",
                fastmath=options.fastmath,
                parallel=options.parallel and starts_threads(name, loaded.text) and _ONLY_LOOPS,
                **({} if passes is None else {"pipeline_class": passes}),
            )(value)
    dispatcher = space[loaded.entry]
    if root is not None:
        dispatcher._cache = _stored(root, key, module, loaded.text)
    try:
        with warnings.catch_warnings(), no_garbage_collection():
            warnings.simplefilter("ignore", NumbaWarning)  # advice about code that is ours
            dispatcher.compile(types)
    except NumbaError as error:
        raise _rejected(error, loaded, str(module.__file__)) from error
    dispatcher._cache = NullCache()  # an entry on disk is for one signature
    return dispatcher


def starts_threads(function: str, text: str) -> bool:
    """Whether a function of a module has a loop that runs in threads; none has by itself."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return "prange" in {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return False


def _identities(loaded: Loaded) -> list[int]:
    """The objects of this process that a program calls: the module keeps them alive."""
    return [id(external) for _, external in loaded.externals]


def _new_module(name: str, key: str, file: str, text: str) -> ModuleType:
    """A module in ``sys.modules`` whose lines tracebacks and debuggers can show."""
    module = ModuleType(name)
    module.__file__ = file
    module.__spec__ = ModuleSpec(name, None, origin=file)
    setattr(module, _KEY, key)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    sys.modules[name] = module
    return module


def _key(loaded: Loaded, types: tuple[Any, ...]) -> str:
    options = loaded.options
    return key_of(
        loaded.text,
        loaded.entry,
        options.fastmath,
        options.parallel,
        options.boundscheck,
        loaded.types_key,
        _identities(loaded),
        loaded.apart,
        [str(t) for t in types],
        *_environment(),
    )


def _called_sources() -> list[Path]:
    """The files of srcad's whose functions generated code calls, and that say how to compile it."""
    root = Path(__file__).parents[1]
    backend = ("compiler.py", "hints.py", "parts.py", "selects.py", "special.py")
    own = [root / "backend" / name for name in backend]
    return own + [f for p in ("runtime", "elementary") for f in sorted((root / p).glob("*.py"))]


@cache
def _environment() -> tuple[object, ...]:
    """What compiled code depends on besides its program."""
    import llvmlite  # noqa: PLC0415
    import numba  # noqa: PLC0415
    from numba.core import config  # noqa: PLC0415
    from numba.core.registry import cpu_target  # noqa: PLC0415

    target: Any = cpu_target
    return (
        _FORMAT,
        getattr(sys.modules.get("srcad"), "__version__", ""),
        *(sha256(file.read_bytes()).hexdigest() for file in _called_sources()),
        numba.__version__,
        llvmlite.__version__,
        np.__version__,
        platform.python_implementation(),
        sys.version,
        target.target_context.codegen().magic_tuple(),  # platform, processor, its features
        [
            getattr(config, name, None)
            for name in ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "USING_SVML")
        ],
    )


def _stored(root: Path, key: str, module: ModuleType, text: str) -> Any:
    """What a dispatcher asks for compiled code before it compiles, and gives it to afterwards."""
    from numba.core.caching import NullCache  # noqa: PLC0415
    from numba.core.compiler import CompileResult  # noqa: PLC0415
    from numba.core.serialize import dumps  # noqa: PLC0415

    source, content = f"{module.__name__}.py", text.encode()

    rebuild: Any = CompileResult._rebuild  # pyright: ignore[reportPrivateUsage]

    class Stored(NullCache):
        """Numba's interface to a cache of one entry, with one signature."""

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            files = read_entry(root, key, (source, _CODE))
            if files is None:
                return None
            target_context.refresh()
            try:
                return rebuild(target_context, *pickle.loads(files[_CODE]))
            except Exception:  # whatever a file of the right hash and the wrong content does
                remove_entry(root, key)
                return None

        def save_overload(self, sig: Any, cres: Any) -> None:
            if cres.library.has_dynamic_globals or any(not x.can_cache for x in cres.lifted):
                return  # holds addresses of this process
            write_entry(root, key, {source: content, _CODE: dumps(cres._reduce())})

    return Stored()


def _rejected(error: Any, loaded: Loaded, file: str) -> CompilationError:
    """Numba's reason on one line, at the user's line or else at the generated one."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    rows = [row.strip() for row in text.splitlines()]
    rows = [row for row in rows if row and not row.startswith("Failed in nopython mode pipeline")]
    reason = rows[0] if rows else type(error).__name__
    if reason.endswith(":") and len(rows) > 1:
        reason = f"{reason} {rows[1].removeprefix('>>> ')}"
    number = getattr(getattr(error, "loc", None), "line", 0) or 0
    lines = loaded.text.splitlines()
    at = loaded.explain(number) if loaded.explain and number else None
    if at is None and 0 < number <= len(lines):
        line = lines[number - 1]
        start = len(line) - len(line.lstrip())
        at = Position(file, number, start, len(line), line)
    what = f"Numba cannot compile {loaded.entry}: {reason}"
    return CompilationError(what, at, "jit=False runs the generated code as plain Python")
