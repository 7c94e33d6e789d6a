"""The programs of one derivative: one variant for each combination of argument types.

A variant is written when a call first needs it, and compiled when it first runs. It stays valid
while the functions and options that it captured are the same objects, which every call checks;
captured numbers and arrays are fetched at every call.
"""

from __future__ import annotations

import functools
import signal
import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from copy import copy as copy_of
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from srcad.backend.compile import load
from srcad.backend.draws import drawing
from srcad.backend.hints import aligned
from srcad.backend.interrupts import ENDS, listener
from srcad.backend.pool import acquire, release, shortage
from srcad.backend.progress import bar_of
from srcad.binding import Signature
from srcad.budget import Amounts, Marks, choose
from srcad.config import Options
from srcad.disk import DiskCall, disk_run
from srcad.errors import ArgumentError, ArgumentValueError, UnsupportedError
from srcad.frontend.source import find_source
from srcad.ir.compressed import SPARSE
from srcad.ir.loss import require_loss
from srcad.ir.members import can_change, members, shape_of
from srcad.ir.typeof import describe, has_float, has_single, typeof, with_origin
from srcad.ir.types import FLOAT, Scalar, Type
from srcad.plan import Plan, out_of_memory
from srcad.rules.registry import generation
from srcad.structure import NamedArray, arrays, lower
from srcad.transformation import recipe_of

if TYPE_CHECKING:
    from srcad.pipeline import Kind, Program

Types = tuple[Type, ...]

_FLOAT = Scalar(FLOAT)
_REVERSED = ("gradient", "value_and_gradient", "vjp")
"""The programs that keep what they reverse."""
_SIZES = 256
"""Sizes of arguments for which it is remembered what is run within a limited memory."""
_KEPT = 8
"""Variants kept for the same types, when captured functions change back and forth."""


class Variant:
    """A program and, once it has run, its compiled form."""

    def __init__(
        self,
        program: Program,
        names: Sequence[str],
        types: Types,
        options: Options,
        kind: Kind,
        code: CodeType | None = None,
    ) -> None:
        self.program = program
        self.kind: Kind = kind
        self.names = tuple(names)
        self.types = types
        self.options = options
        self.code = code
        """The code of the function that the program was written from."""
        self.is_closed = not (program.captured or program.guards)
        """Whether the program reads nothing but its arguments."""
        self.draws = "np.random." in program.text
        """Whether the program draws random numbers."""
        self.generation = generation()
        """How often rules had been declared when the program was written."""
        self.writes = bool(program.mutated) or program.objects is not None
        """Whether the program writes arrays or members that it is given (its own copies)."""
        self.widths: dict[Hashable, int] = {}
        """Bytes that one lane took, by the sizes of the arguments."""
        self.tape_bytes = 0
        """What the tapes of the latest run took."""
        self.counts = "goes_on(" in program.text
        """Whether the program counts its steps."""
        self.steps: tuple[int, ...] = (0, 0, 0)
        """How many steps the latest run took: forward, run again, reversed."""
        self.within: _Within | None = None
        """The programs for a limited memory, if it is."""
        self.latest = self
        """The program that ran last."""
        self._uses_pool = program.uses_pool
        self._has_disk = any(isinstance(found, DiskCall) for _, found in program.externals)
        if self._has_disk and self.draws:
            raise UnsupportedError(
                f"{program.entry} keeps snapshots on disk, and draws random numbers, which would "
                "be others in a call that goes on after a kill",
                hint="draw them outside, and pass them as an argument",
            )
        self._function: Callable[..., Any] | None = None
        self.direct: Callable[..., Any] | None = None
        """The compiled function, if a run is a call of it and nothing else."""
        self._lock = threading.Lock()

    def twin(self) -> Variant:
        """The same program, as compiled as it is, for another derivative object."""
        made = copy_of(self)
        made._lock = threading.Lock()
        made.latest = made
        made.tape_bytes, made.steps = 0, (0, 0, 0)
        return made

    def fetch(self, copy: bool = False) -> list[Any] | None:
        """The captured values as they are now; None if the program is no longer valid."""
        try:
            return self._fetched(copy)
        except (LookupError, AttributeError, NameError, TypeError, ValueError):
            return None

    def is_valid(self, code: CodeType | None) -> bool:
        """Whether it is the program of a function with this code, and of what that captures now."""
        return self.code is code and (self.is_closed or self.fetch() is not None)

    def require_captured(self, copy: bool = False) -> list[Any]:
        """The captured values; raises if they do not fit a program that was just written."""
        values = self._fetched(copy)
        if values is None:
            raise ArgumentError(
                f"values that {self.program.entry} reads from outside changed while it was called"
            )
        return values

    def _fetched(self, copy: bool) -> list[Any] | None:
        for guard in self.program.guards:
            if guard.fetch() is not guard.value:
                return None
        values: list[Any] = []
        for captured in self.program.captured:
            value = captured.fetch()
            if type(value) is float and captured.type == _FLOAT:
                values.append(value)
            elif typeof(value, captured.name) == captured.type:
                values += lower(value, captured.type, copy)
            else:
                return None
        return values

    def run(self, leaves: Sequence[Any], state: Any = None) -> Any:
        """What the program returns for these leaves (arguments, captured values, seeds).

        ``state`` is where the stream of random numbers stands, if not where ``np.random`` is.
        """
        if self.within is None:
            return self._run_drawing(leaves, state) if self.draws else self._run(leaves)
        self.latest, leaves, limit = self._chosen(leaves)
        variant = self.latest
        try:
            if variant.draws:
                return variant._run_drawing(leaves, state, limit)
            return variant._run(leaves, limit)
        finally:
            self.tape_bytes, self.steps = variant.tape_bytes, variant.steps

    def _chosen(self, leaves: Sequence[Any]) -> tuple[Variant, Sequence[Any], int | None]:
        """The program that runs for leaves of these sizes, its leaves, what its tapes may take."""
        if self.within is None:
            return self, leaves, None
        variant, amounts, limit = self.within.chosen(leaves)
        return variant, [*leaves, *amounts], limit

    def _run(self, leaves: Sequence[Any], limit: int | None = None) -> Any:
        if not self._has_disk:
            return self._run_in_pool(leaves, limit)
        with disk_run(f"{self.program.text}{self.options}", leaves):
            return self._run_in_pool(leaves, limit)

    def _run_in_pool(self, leaves: Sequence[Any], limit: int | None) -> Any:
        function = self._function
        if not self._uses_pool:
            return (function or self._compiled(leaves))(*leaves)
        pool = acquire(self, limit)
        try:
            leaves = (*leaves, pool)
            function = function or self._compiled(leaves)
            return self._run_counted(function, leaves) if self.counts else function(*leaves)
        except MemoryError:
            short = shortage(pool)
            if short is None:
                raise
            plan = self.kept(leaves[:-1], None if limit is None else self.options.memory)
            raise out_of_memory(self.program.entry, plan, *short) from None
        finally:
            self.tape_bytes = release(self, pool)

    def _run_counted(self, function: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        """What a program returns that counts its steps: they are shown, and it can be stopped."""
        mark = leaves[-1][1]
        bar, listens = None, listener() if self.options.jit else None
        if self.options.progress:
            bar = bar_of(self.program.entry, self.kept(leaves[:-1]).steps, mark[4:7])
        other = -1 if listens is None else listens.start(mark)
        try:
            return function(*leaves)
        except RuntimeError:
            if mark[ENDS]:
                raise KeyboardInterrupt from None
            raise
        finally:
            if listens is not None:  # first of all: the signal itself is still to raise
                signal.set_wakeup_fd(other)
                listens.stop(mark)
            self.steps = tuple(mark[4:7].tolist())
            if bar is not None:
                bar.close()

    def plan(self, leaves: Sequence[Any]) -> Plan:
        """What a run with these leaves would keep."""
        variant, leaves, _ = self._chosen(leaves)
        return variant.kept(leaves, self.options.memory)

    def for_sizes(self, leaves: Sequence[Any]) -> Variant:
        """The program that a run with these leaves would run."""
        return self._chosen(leaves)[0]

    def kept(self, leaves: Sequence[Any], budget: int | None = None) -> Plan:
        """What this program keeps with these leaves."""
        from srcad.analysis.tapes import kept_by  # noqa: PLC0415 (a part of the compiler)

        function = self.program.function
        assert function is not None
        given: dict[str, float | int | tuple[int, ...]] = {}
        for name, leaf in zip(function.parameters, leaves, strict=False):
            if isinstance(name, str):
                given[name] = np.shape(leaf)
            elif isinstance(leaf, int | np.integer):
                given[name.name] = int(leaf)
            elif isinstance(leaf, float | np.floating):
                given[name.name] = float(leaf)
        found = kept_by(function, given, self.program.rooms, self._starts)
        return Plan(found.tapes, found.array_bytes, budget, found.steps)

    @functools.cached_property
    def _starts(self) -> dict[str, int]:
        """The elements of tapes that start a cache line, where it is not the first."""
        return aligned(self.program.text) if self.options.jit else {}

    def _run_drawing(self, leaves: Sequence[Any], state: Any, limit: int | None = None) -> Any:
        self._compile(leaves)
        with drawing(state, compiled=self.options.jit):
            return self._run(leaves, limit)

    def compile(self, leaves: Sequence[Any]) -> None:
        """Compile for these leaves without running."""
        variant, leaves, _ = self._chosen(leaves)
        variant._compile(leaves)

    def _compile(self, leaves: Sequence[Any]) -> None:
        if self._function is not None:
            return
        if not self._uses_pool:
            self._compiled(leaves)
            return
        pool = acquire(self)
        try:
            self._compiled((*leaves, pool))
        finally:
            release(self, pool)

    def _compiled(self, leaves: Sequence[Any]) -> Callable[..., Any]:
        with self._lock:
            function = self._function
            if function is None:
                program = self.program
                loaded = load(
                    program.text,
                    program.entry,
                    self.options,
                    "",
                    externals=program.externals,
                    apart=program.apart,
                )
                self._function = function = loaded.compile(tuple(leaves))
                if not (self._uses_pool or self._has_disk or self.draws or self.within):
                    self.direct = function
            return function

    def refuse_overlap(self, values: Sequence[Any]) -> None:
        """Raise ``ArgumentValueError`` if what f writes is given, or read, under another name."""
        if self.program.objects is not None:
            self._refuse_twins(values, [id(fetch()) for fetch in self.program.objects])
        mutated = self.program.mutated
        found: list[NamedArray] = []
        for name, value, type_ in zip(self.names, values, self.types, strict=True):
            found += arrays(value, type_, name)
        for captured in self.program.captured:
            found += arrays(captured.fetch(), captured.type, captured.name)
        written = [a for a in found if any(_is_called(m, a.label) for m in mutated)]
        if len(written) < len(mutated):
            written = found
        for a in written:
            for b in found:
                if a is not b and _share_memory(a.array, b.array):
                    raise ArgumentValueError(
                        f"the arguments {a.name!r} and {b.name!r} overlap in memory, "
                        f"and the function writes {a.name!r}",
                        hint=f"pass a copy of one of them, such as {b.name}.copy()",
                    )

    def _refuse_twins(self, values: Sequence[Any], outside: list[int]) -> None:
        """Refuse a dict or dataclass that is given twice, when members of arguments are written."""
        seen = set(outside)
        pending = list(values)
        while pending:
            value = pending.pop()
            shape = shape_of(value)
            if shape is None:
                continue
            if can_change(value):
                if id(value) in seen:
                    raise ArgumentValueError(
                        f"one {type(value).__name__} is given twice (or read from outside as well),"
                        f" and {self.program.entry} writes members of its arguments",
                        hint="pass a copy, such as copy.copy(...) of it",
                    )
                seen.add(id(value))
            pending += members(value, *shape)


class _Chosen(NamedTuple):
    """How a call runs within a limited memory."""

    variant: Variant
    amounts: tuple[int, ...]
    """How many snapshots its loops keep: its last arguments."""
    limit: int | None
    """What its tapes may grow to, if it is not known what they take."""


class _Within:
    """The programs that a variant is run as where memory is limited, by the sizes of its leaves."""

    def __init__(self, plain: Variant, write: Callable[[Marks], Variant]) -> None:
        self._plain = plain
        self._write = write
        self._reads_floats = plain.program.rounds
        self._written: dict[Marks, Variant | UnsupportedError] = {frozenset(): plain}
        self._chosen: dict[Hashable, _Chosen] = {}
        self._lock = threading.Lock()

    def chosen(self, leaves: Sequence[Any]) -> _Chosen:
        """The program for leaves of these sizes, and how many snapshots its loops keep."""
        sizes = tuple(
            [
                np.shape(x) if isinstance(x, np.ndarray) else x
                for x in leaves
                if self._reads_floats or not isinstance(x, float | np.inexact)
            ]
        )
        found = self._chosen.get(sizes)
        if found is None:
            with self._lock:
                found = self._choose(leaves)
                if len(self._chosen) >= _SIZES:
                    self._chosen.clear()
                self._chosen[sizes] = found
        return found

    def _choose(self, leaves: Sequence[Any]) -> _Chosen:
        plain = self._plain

        def given(variant: Variant, amounts: Amounts) -> tuple[int, ...]:
            return tuple([amounts.get(name, 1) for name in variant.program.rooms])

        def plan_of(marks: Marks, amounts: Amounts) -> Plan:
            variant = self._with(marks)
            return variant.kept([*leaves, *given(variant, amounts)])

        memory = plain.options.memory
        assert memory is not None
        choice = choose(plain.program.entry, memory, plan_of)
        variant = self._with(choice.marks)
        return _Chosen(variant, given(variant, choice.amounts), choice.limit(memory))

    def _with(self, marks: Marks) -> Variant:
        """The program with snapshots in these loops; raises if there can be none."""
        if marks not in self._written:
            try:
                self._written[marks] = self._write(marks)
            except UnsupportedError as error:
                self._written[marks] = error
        found = self._written[marks]
        if isinstance(found, UnsupportedError):
            raise found
        return found


_Key = tuple[Types, tuple[str, ...]]
"""Types of all arguments, and what the derivative is taken with respect to."""
_Found = dict[_Key, tuple[Variant, ...]]
_COMMON = "__srcad_variants__"
"""The attribute of a function that holds them: it lives as long as the function does."""


class _Common:
    """The variants of one function, for derivatives that are made anew at each call."""

    def __init__(self, owner: weakref.ref[FunctionType] | None = None) -> None:
        self.owner = owner
        """The function; ``functools.wraps`` gives the attribute to others too."""
        self.found: dict[Hashable, _Found] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """A function that is pickled by value takes nothing of this along."""
        return _Common, ()


class Variants:
    """The variants of one function for one kind of derivative.

    They are the same ones for all derivatives of a function: ``srcad.jacobian(f)(x)``, made anew at
    each call, writes and compiles once.
    """

    def __init__(
        self,
        signature: Signature,
        kind: Kind,
        options: Options,
        outputs: tuple[str, ...] = (),
        has_aux: bool = False,
        lanes: bool = False,
    ) -> None:
        self.signature = signature
        self.kind: Kind = kind
        self.options = options
        self.outputs = outputs
        self.has_aux = has_aux
        self.lanes = lanes
        """Whether tangents have lanes where they can (``srcad.transform.lanes``)."""
        self._found: _Found = {}
        self._generation = generation()
        self._lock = threading.Lock()
        self._common = self._common_found()

    def _common_found(self) -> _Found:
        """What all derivatives of this kind have found for this very function."""
        function, called = self.signature.function, self.signature.called
        recipe = () if called is None else recipe_of(called)
        if recipe is None or self.options.memory or not isinstance(function, FunctionType):
            return {}
        common = vars(function).get(_COMMON)
        if common is None or common.owner is None or common.owner() is not function:
            common = vars(function)[_COMMON] = _Common(weakref.ref(function))
        about = self.kind, self.options, self.outputs, self.has_aux, self.lanes
        return common.found.setdefault((*about, self.signature.names, recipe), {})

    def find(self, types: Types, wrt: tuple[str, ...]) -> Variant:
        """The variant for these types that is valid now; written if there is none."""
        if self._generation != generation():  # a rule was declared
            self._found, self._generation = {}, generation()
        key = types, wrt
        return self._valid(key) or self._written(key)

    def _valid(self, key: _Key) -> Variant | None:
        code = self.signature.code
        for variant in self._found.get(key, ()):
            if variant.is_valid(code):
                return variant
        return None

    def _borrowed(self, key: _Key) -> Variant | None:
        """A variant that another derivative of the function has, if it is valid now."""
        code, now = self.signature.code, generation()
        for variant in self._common.get(key, ()):
            if variant.generation == now and variant.is_valid(code):
                return variant.twin()
        return None

    def _written(self, key: _Key) -> Variant:
        types, wrt = key
        with self._lock:
            found = self._valid(key)
            if found is None:
                found = self._borrowed(key)
                if found is None:
                    found = self._write(types, wrt)
                    self._common[key] = (found, *self._common.get(key, ()))[:_KEPT]
                self._found[key] = (found, *self._found.get(key, ()))[:_KEPT]
            return found

    def _write(self, types: Types, wrt: tuple[str, ...]) -> Variant:
        made = self._program(types, wrt, frozenset())
        if self.options.memory is not None and self.kind in _REVERSED:
            made.within = _Within(made, lambda marks: self._program(types, wrt, marks))
        return made

    def _program(self, types: Types, wrt: tuple[str, ...], marks: Marks) -> Variant:
        # The compiler is imported when it is first needed: ``import srcad`` stays cheap.
        from srcad.pipeline import Request, compile_request  # noqa: PLC0415

        signature = self.signature
        code = signature.code
        source = find_source(signature.function)
        program = compile_request(
            Request(
                source,
                tuple(zip(signature.names, types, strict=True)),
                wrt,
                self.kind,
                self.outputs,
                self.has_aux,
                self.options,
                self.lanes,
                signature.called,
                marks,
            )
        )
        if not self._found:
            self._generation = generation()  # tables of rules are read when they are first needed
        if self.kind in ("gradient", "value_and_gradient", "hvp", "hessian_pattern"):
            require_loss(program.result, signature.name, self.has_aux)
        return Variant(program, signature.names, types, self.options, self.kind, code)


def types_of(names: Sequence[str], values: Sequence[Any]) -> Types:
    """The types of all arguments; refuses one by its name."""
    types = tuple([typeof(value, name) for name, value in zip(names, values, strict=True)])
    if not any(map(has_single, types)):
        return types
    return tuple([with_origin(t, value) for t, value in zip(types, values, strict=True)])


def require_floats(names: Sequence[str], types: Types, wrt: Sequence[str]) -> None:
    """Raise ``ArgumentError`` if a gradient is asked for with respect to what has no floats."""
    for name, type_ in zip(names, types, strict=True):
        if name in wrt and not has_float(type_):
            noun = describe(type_)
            raise ArgumentError(
                f"asking for the gradient with respect to {name!r}, which is {noun}: "
                "only floats carry derivatives",
                hint=_as_float(name, type_),
            )


def _as_float(name: str, type_: Type) -> str:
    if isinstance(type_, Scalar):
        return f"pass a float for {name!r}, such as float({name}) or 3.0 for 3"
    if hasattr(type_, "dtype"):
        return f"pass {name}.astype(np.float64), a float array"
    if getattr(type_, "cls", None) in SPARSE:
        return f"pass {name}.data, {name}.indices and {name}.indptr, and make the matrix inside"
    return "name a float, or an array or tuple of floats, in wrt"


def _is_called(name: str, label: str) -> bool:
    """Whether a generated name stands for ``label`` (``x_1`` for ``x`` after a collision)."""
    return name == label or (name.startswith(label + "_") and name[len(label) + 1 :].isdigit())


def _share_memory(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return np.shares_memory(a, b, max_work=1)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return np.may_share_memory(a, b)
