"""How Numba compiles what srcad writes: with the passes that it needs, and each function once.

Numba's pipeline is made for whatever a user may write. Generated code has no closures to inline,
few expressions of whole arrays, and variables of one type each, so that most functions need no SSA
form: those three passes take a third of the time that a long function takes, so they are left out
of functions that do not need them.

The functions of a module go into one library: Numba would optimise each by itself, and again in
every function that calls it, and make machine code of all of these.

This is the only module that knows how Numba compiles.
"""

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba.core import ir, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.errors import TypingError
from numba.core.typed_passes import (
    NativeLowering,
    NopythonRewrites,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import InlineClosureLikes, ReconstructSSA
from numba.extending import lower_builtin, type_callable
from numba.np.ufunc.dufunc import DUFunc

try:
    from numba.core.compiler import _LowerResult  # pyright: ignore[reportPrivateUsage]
except ImportError:  # a Numba that has it no more: each function gets a library of its own
    _LowerResult = None


def compiler_of(entry: str, shares: bool) -> type:
    """The class of Numba's compiler for the functions of one module.

    ``shares``: all of them go into the library of ``entry``, from which the others are called.
    """
    library: list[Any] = []
    shares = shares and _LowerResult is not None

    class Lean(CompilerBase):
        """The passes for one function."""

        def __init__(self, typing: Any, target: Any, given: Any, *rest: Any) -> None:
            self._is_inner = False
            if shares:
                if library and library[0].is_complete:  # compiled again, for other types
                    library.clear()
                if not library:
                    library.append(_Library(target.codegen(), entry))
                    library[0].enable_object_caching()
                given = library[0]
            super().__init__(typing, target, given, *rest)

        def compile_extra(self, func: Any) -> Any:
            self._is_inner = shares and func.__name__ != entry
            self._has_closures = any(hasattr(c, "co_code") for c in func.__code__.co_consts)
            return super().compile_extra(func)

        def define_pipelines(self) -> list[PassManager]:
            made = PassManager("nopython")  # as errors name it
            for each, why in DefaultPassBuilder.define_nopython_pipeline(self.state).passes:
                if each is InlineClosureLikes and not self._has_closures:
                    continue
                if each is NativeLowering and self._is_inner:
                    made.add_pass(_InLibrary, why)
                elif each not in (ReconstructSSA, PreLowerStripPhis):
                    made.add_pass(_INSTEAD.get(each, each), why)
            made.finalize()
            return [made]

    return Lean


class Separate(Compiler):
    """Numba's own passes for a function whose arrays are apart, so that loops need not ask."""

    def define_pipelines(self) -> Any:
        """The passes, and the flag."""
        self.state.flags.noalias = True  # as in the functions that Numba makes of a prange
        return super().define_pipelines()


class _Library(JITCodeLibrary):
    """A library whose functions call each other."""

    @property
    def is_complete(self) -> bool:
        """Whether it takes no more functions."""
        return self._finalized

    def add_linking_library(self, library: Any) -> None:
        if library is not self:
            super().add_linking_library(library)


@register_pass(mutates_CFG=True, analysis_only=False)
class _InLibrary(NativeLowering):
    """Lowers a function into a library that is not complete; it is called from there only."""

    _name = "srcad_in_library"

    def run_pass(self, state: Any) -> bool:
        state.flags.no_compile = True
        super().run_pass(state)
        found = state["cr"]
        entry = [].clear  # stands for it where Numba looks for what a call means
        state.targetctx.insert_user_function(entry, found.fndesc, [state.library])
        assert _LowerResult is not None
        state["cr"] = _LowerResult(found.fndesc, found.call_helper, cfunc=entry, env=found.env)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Types(NopythonTypeInference):
    """The types of variables; SSA form first, where one takes values of several types."""

    _name = "srcad_types"

    def run_pass(self, state: Any) -> bool:
        try:
            super().run_pass(state)
            if not _mixes_types(state):
                return True
        except TypingError:
            pass  # for this reason perhaps; if not, it comes again
        ReconstructSSA().run_pass(state)
        super().run_pass(state)
        return PreLowerStripPhis().run_pass(state)


def _mixes_types(state: Any) -> bool:
    """Whether a variable takes values of several types."""
    values: dict[str, list[Any]] = {}
    for block in state.func_ir.blocks.values():
        for assigned in block.find_insts(ir.Assign):
            values.setdefault(assigned.target.name, []).append(assigned.value)
    for name, found in values.items():
        own = types.unliteral(state.typemap[name])
        if len(found) > 1 and any(_type_of(value, state) != own for value in found):
            return True
    return False


def _type_of(value: Any, state: Any) -> Any:
    """The type of what is assigned; None if it is not known."""
    match value:
        case ir.Var():
            found = state.typemap[value.name]
        case ir.Arg():
            found = state.args[value.index]
        case ir.Const() | ir.Global() | ir.FreeVar():
            found = state.typingctx.resolve_value_type(value.value)
        case ir.Expr() if value in state.calltypes:
            signature = state.calltypes[value]
            found = None if signature is None else signature.return_type
        case _:
            found = None
    return None if found is None else types.unliteral(found)


@register_pass(mutates_CFG=True, analysis_only=False)
class _ArrayRewrites(NopythonRewrites):
    """Numba's fusion of array expressions, where there are any."""

    _name = "srcad_array_rewrites"

    def run_pass(self, state: Any) -> bool:
        for block in state.func_ir.blocks.values():
            for assigned in block.find_insts(ir.Assign):
                if _may_fuse(assigned, state.typemap):
                    return super().run_pass(state)
        return False


def _may_fuse(assigned: Any, typemap: Any) -> bool:
    value = assigned.value
    if not isinstance(value, ir.Expr) or not isinstance(typemap[assigned.target.name], types.Array):
        return False
    if value.op == "call":
        key = getattr(typemap[value.func.name], "typing_key", None)
        return isinstance(key, np.ufunc | DUFunc) or key is np.array
    return value.op in ("unary", "binop")


_INSTEAD: dict[Any, Any] = {NopythonRewrites: _ArrayRewrites, NopythonTypeInference: _Types}


# ---------------------------------------------------------------- both sides evaluated


def select(test: bool, a: Any, b: Any) -> Any:
    """``a if test else b``, where both are evaluated."""
    return a if test else b


def _type_select(context: Any) -> Callable[..., Any]:
    def typer(_test: Any, a: Any, b: Any) -> Any:
        return context.unify_types(types.unliteral(a), types.unliteral(b))

    return typer


def _lower_select(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    test = context.cast(builder, args[0], sig.args[0], types.boolean)
    a, b = (context.cast(builder, args[k], sig.args[k], sig.return_type) for k in (1, 2))
    return builder.select(test, a, b)


type_callable(select)(_type_select)
lower_builtin(select, types.Any, types.Any, types.Any)(_lower_select)


# ---------------------------------------------------------------- memory meanwhile


_lock = threading.Lock()
_pauses = [0, False]
"""How many compile at the moment, and whether to collect garbage when none does."""


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Without the search for cycles, which takes an eighth of the time and finds little."""
    with _lock:
        if _pauses[0] == 0:
            _pauses[1] = gc.isenabled()
        _pauses[0] += 1
    gc.disable()
    try:
        yield
    finally:
        with _lock:
            _pauses[0] -= 1
            if _pauses[0] == 0 and _pauses[1]:
                gc.enable()
