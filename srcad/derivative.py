"""What ``grad`` and ``value_and_grad`` return: a function with the signature of the user's own.

A call looks up the variant for the types of its arguments (compiling it the first time), hands
over the leaves, and gives the gradient back in the structure of the argument. Plain calls by
position take the short way through ``__call__``; it decides most of the overhead of small
functions, and so it is written for speed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from srcad.backend.samples import sampled
from srcad.binding import Signature, Wrt
from srcad.config import Options
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.ir.members import assemble, described, label, like, members, shape_of
from srcad.ir.typeof import PLAIN, quick_key
from srcad.ir.types import Array, Scalar, Type
from srcad.plan import Plan, Stats
from srcad.rules.registry import generation
from srcad.specialise import Types, Variant, Variants, require_floats, types_of
from srcad.structure import as_leaves, count, gradient, lower, maker, number, plain, value
from srcad.transformation import Transformation
from srcad.transformed import Transformed

if TYPE_CHECKING:
    from srcad.pipeline import Kind

Lowering = Callable[[Sequence[Any]], list[Any]]
Answer = Callable[[Any], Any]
Current = tuple[Variant, Answer]

_ABSENT: Any = object()
_SAME = frozenset((float, np.float64, np.float32, complex, np.complex64, int, bool))
"""Numbers that compiled code takes as they are."""


class _Plan:
    """How a call with given quick keys proceeds."""

    __slots__ = ("current", "lower", "types")

    def __init__(self, types: Types, lower: Lowering | None, current: Current) -> None:
        self.types = types
        self.lower = lower
        """From the arguments to their leaves; None if each argument is its own leaf."""
        self.current = current
        """The variant, and what makes the answer of what it returns."""


class Derivative(Transformed):
    """The gradient of a function, as a function of the same arguments.

    Made by ``srcad.grad`` and ``srcad.value_and_grad``. Calls may come from several threads.
    """

    _is_single = True
    _with_value = False
    _has_aux = False

    def __init__(
        self,
        function: Callable[..., Any],
        wrt: Wrt = 0,
        *,
        with_value: bool = False,
        has_aux: bool = False,
        options: Options | None = None,
    ) -> None:
        signature = Signature(function)
        asked = signature.resolve(wrt)
        functools.update_wrapper(self, signature.function)
        self.__srcad_primal__ = function
        self.__srcad_transformation__ = Transformation(
            "value_and_grad" if with_value else "grad",
            function,
            asked,
            not isinstance(wrt, tuple),
            has_aux,
            refused=_outside_only(options or Options()),
        )
        self._is_single = not isinstance(wrt, tuple)
        self._with_value = with_value
        self._has_aux = has_aux
        kind = "value_and_gradient" if with_value or has_aux else "gradient"
        self._prepare(signature, asked, kind, options or Options())

    def _prepare(
        self, signature: Signature, wrt: tuple[str, ...], kind: Kind, options: Options
    ) -> None:
        """What calls need."""
        self._signature = signature
        self._function: Any = signature.function
        self._wrt = wrt
        self._options = options
        self._variants = Variants(signature, kind, options, has_aux=self._has_aux)
        self._plans: dict[Hashable, _Plan] = {}
        self._arity = signature.arity
        self._last: Variant | None = None
        self._ran: Variant | None = None

    def __repr__(self) -> str:
        what = "value_and_grad" if self._with_value else "grad"
        wrt = self._wrt[0] if self._is_single else self._wrt
        return f"<srcad.{what} of {self._signature}, wrt={wrt!r}>"

    def __call__(self, *args: Any, out: Any = _ABSENT, **kwargs: Any) -> Any:
        """The gradient (with the value, if asked for) at these arguments.

        Parameters
        ----------
        *args, **kwargs
            The arguments of the primal. They are never changed.
        out
            Arrays that the gradient is written into and that are returned in its place: one, or
            a tuple of them, in the structure of the gradient; None for a member that is a number.

        Raises
        ------
        UnsupportedError
            The function uses something that srcad cannot differentiate (at the first call).
        ArgumentError, ArgumentValueError
            The arguments do not fit the function, or carry no derivative.
        Exception
            Whatever the function itself raises.
        """
        values: Sequence[Any] = args
        if out is not _ABSENT and "out" in self._signature.names:
            kwargs["out"], out = out, _ABSENT
        if kwargs or len(args) != self._arity:
            values = self._signature.bind(args, kwargs)
        try:
            key = tuple([c if (c := type(v)) in PLAIN else quick_key(v) for v in values])
        except ArgumentError:
            types_of(self._signature.names, values)  # says which argument it is
            raise
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._new_plan(values)
        variant, answer = plan.current
        if variant.code is not self._function.__code__ or variant.generation != generation():
            variant, answer = plan.current = self._current(plan.types)
        leaves = values if plan.lower is None else plan.lower(values)
        if not variant.is_closed:
            captured = variant.fetch()
            if captured is None:
                variant, answer = plan.current = self._current(plan.types)
                captured = variant.require_captured()
            leaves = [*leaves, *captured]
        if variant.writes:
            variant.refuse_overlap(values)
        self._ran = variant
        run = variant.direct
        found = answer(variant.run(leaves) if run is None else run(*leaves))
        return found if out is _ABSENT or out is None else self._written_to(out, found)

    def source(self, *args: Any, **kwargs: Any) -> str:
        """The generated Python source for arguments, or types of arguments, like these.

        Without arguments: that of the latest call. Nothing is compiled or run.
        """
        return self._variant_for(args, kwargs).program.text

    def compile(self, *args: Any, **kwargs: Any) -> Self:
        """Compile for arguments of these types, without running; returns the derivative itself.

        In place of an argument its type may be given, one of Numba's or its name:
        ``compile(numba.float64[::1], "int64")``. The first call, and that of a later process, then
        find the machine code.
        """
        values = [sampled(value) for value in self._signature.bind(args, kwargs)]
        variant, leaves = self._with_leaves(values)
        variant.compile(leaves)
        return self

    def eject(self, path: str | Path, *args: Any, **kwargs: Any) -> Path:
        """Write the generated code as a module that imports NumPy and Numba only.

        Values that the function captures become arguments of the module's function, after its own.
        Returns the path.
        """
        from srcad.backend.eject import eject  # noqa: PLC0415 (imports Numba)

        variant = self._variant_for(args, kwargs)
        return eject(variant.program, Path(path), variant.options)

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """What a call with these arguments would keep, loop by loop; nothing is compiled or run.

        What hangs on numbers that the function computes is not known beforehand.
        """
        variant, leaves = self._with_leaves(self._signature.bind(args, kwargs))
        return variant.plan(leaves)

    @property
    def stats(self) -> Stats:
        """What the latest call kept, and how many steps it took."""
        if self._ran is None:
            return Stats(0)
        return Stats(self._ran.tape_bytes, *self._ran.steps)

    # ------------------------------------------------------------ from types to a plan

    def _variant_for(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Variant:
        if not args and not kwargs and self._last is not None and self._signature.names:
            return self._last.latest
        values = [sampled(value) for value in self._signature.bind(args, kwargs)]
        if self._options.memory is None:
            return self._find(types_of(self._signature.names, values))
        variant, leaves = self._with_leaves(values)
        return variant.for_sizes(leaves)

    def _with_leaves(self, values: Sequence[Any]) -> tuple[Variant, list[Any]]:
        """The variant for arguments like these, and the leaves that it takes."""
        variant = self._find(types_of(self._signature.names, values))
        leaves = [x for v, t in zip(values, variant.types, strict=True) for x in lower(v, t)]
        return variant, [*leaves, *variant.require_captured()]

    def _find(self, types: Types) -> Variant:
        require_floats(self._signature.names, types, self._wrt)
        self._last = self._variants.find(types, self._wrt)
        return self._last

    def _new_plan(self, values: Sequence[Any]) -> _Plan:
        types = types_of(self._signature.names, values)
        return _Plan(types, _lowering(values, types), self._current(types))

    def _current(self, types: Types) -> Current:
        variant = self._find(types)
        return variant, self._answer(variant)

    # ------------------------------------------------------------ from leaves to the answer

    def _answer(self, variant: Variant) -> Answer:
        """From what the program returns to what the call returns."""
        by_name = dict(zip(variant.names, variant.types, strict=True))
        asked = [by_name[name] for name in self._wrt]
        result = variant.program.result if self._with_value or self._has_aux else None
        with_value, has_aux, is_single = self._with_value, self._has_aux, self._is_single
        makers = [maker(t) for t in ([result] if with_value else []) + asked]
        if not has_aux and all(makers):
            return _flat([m for m in makers if m], with_value, is_single)
        size = count(result, floats_only=False) + sum(count(t, floats_only=True) for t in asked)

        def answer(returned: Any) -> Any:
            leaves = as_leaves(returned, size)
            primal = value(result, leaves)
            gradients = tuple([gradient(t, leaves) for t in asked])
            found = gradients[0] if is_single else gradients
            if not has_aux:
                return (primal, found) if with_value else found
            aux = primal[1] if len(primal) == 2 else tuple(primal[1:])
            return ((primal[0], aux), found) if with_value else (found, aux)

        return answer

    def _written_to(self, out: Any, found: Any) -> Any:
        if self._with_value:
            primal, gradients = found
            return primal, _copied(out, gradients, "out")
        if self._has_aux:
            gradients, aux = found
            return _copied(out, gradients, "out"), aux
        return _copied(out, found, "out")


def _flat(makers: list[Callable[[Any], Any]], with_value: bool, is_single: bool) -> Answer:
    """What makes the answer where value and gradients are numbers and arrays."""
    first, *rest = makers
    if not rest:
        return first if is_single else lambda returned: (first(returned),)
    if with_value and is_single:
        second = rest[0]
        return lambda returned: (first(returned[0]), second(returned[1]))
    if with_value:
        return lambda returned: (
            first(returned[0]),
            tuple([make(x) for make, x in zip(rest, returned[1:], strict=True)]),
        )
    return lambda returned: tuple([make(x) for make, x in zip(makers, returned, strict=True)])


def _outside_only(options: Options) -> str:
    """Why no function may call a derivative with these options, if none may."""
    if options.memory is not None:
        return "a derivative with memory=, which is divided when it is called, inside of a function"
    if options.progress:
        return "a derivative with progress=True inside of a function"
    return ""


def _lowering(values: Sequence[Any], types: Types) -> Lowering | None:
    """How arguments like these become leaves; None if they are their own."""
    if not all(isinstance(t, Scalar | Array) for t in types):
        return lambda args: [x for a, t in zip(args, types, strict=True) for x in lower(a, t)]
    steps = [(k, _step(v, t)) for k, (v, t) in enumerate(zip(values, types, strict=True))]
    taken = tuple([(k, step) for k, step in steps if step is not None])
    if not taken:
        return None

    def lowering(args: Sequence[Any]) -> list[Any]:
        leaves = list(args)
        for k, step in taken:
            leaves[k] = step(leaves[k])
        return leaves

    return lowering


def _step(argument: Any, type_: Type) -> Callable[[Any], Any] | None:
    """How an argument becomes its leaf; None for a number that is one."""
    if isinstance(type_, Array):
        return plain
    assert isinstance(type_, Scalar)
    return None if type(argument) in _SAME else functools.partial(number, kind=type_.kind)


def _fits(out: Any, found: Any) -> bool:
    """Whether both are plain arrays, one of which can be written into the other."""
    return (
        type(found) is type(out) is np.ndarray
        and out.shape == found.shape
        and out.dtype == found.dtype
        and out.flags.writeable
    )


def _copied(out: Any, found: Any, name: str) -> Any:
    """``found`` with its arrays in the memory of ``out``."""
    if _fits(out, found):
        np.copyto(out, found)
        return out
    shape = shape_of(found)
    if shape is not None:
        cls, keys = shape
        given = like(out, cls, keys, len(members(found, cls, keys)))
        if given is None:
            raise ArgumentError(
                f"{name} must be {described(found)}, in the structure of the gradient"
            )
        pairs = enumerate(zip(given, members(found, cls, keys), strict=True))
        items = [_copied(o, f, name + label(cls, keys, k)) for k, (o, f) in pairs]
        return assemble(cls, keys, items)
    if out is None:
        return found
    if not isinstance(found, np.ndarray | float | complex | np.inexact):
        raise ArgumentError(
            f"{name} is given, but that part of the gradient is {found!r}", hint="pass None"
        )
    if not isinstance(out, np.ndarray):
        raise ArgumentError(
            f"{name} must be a NumPy array, not {type(out).__name__}", hint="pass None for a number"
        )
    expected = np.asarray(found)
    if out.shape != expected.shape or out.dtype != expected.dtype:
        raise ArgumentValueError(
            f"{name} has shape {out.shape} and dtype {out.dtype}, "
            f"the gradient has shape {expected.shape} and dtype {expected.dtype}"
        )
    if not out.flags.writeable:
        raise ArgumentValueError(f"{name} is read-only")
    np.copyto(out, expected)
    return out
