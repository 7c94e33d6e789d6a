"""``check_grads``: a derivative against numbers that srcad has no part in.

The oracle is the function itself, run as it is: central differences with two Richardson
extrapolations, and the complex step (exact to rounding) where the function runs on complex numbers
and both agree. For a function with several results the derivative of a random weighted sum of them
is checked, which is the dot-product test entry by entry.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from srcad.binding import Signature
from srcad.errors import ArgumentValueError, GradientCheckError, UnsupportedError
from srcad.ir.members import assemble, label, members, shape_of
from srcad.ir.typeof import has_float
from srcad.ir.types import Array, Scalar, Static, Tuple, Type, is_complex, is_inexact, is_single
from srcad.specialise import types_of
from srcad.structure import fresh
from srcad.transforms import hvp, jvp, require_tuple, vjp

_STEP = 1e-3
_IMAGINARY = 1e-30
_AGREEMENT = 1e-5
"""Relative difference up to which complex step and central differences agree."""


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = ("rev", "fwd"),
    *,
    outputs: str | tuple[str, ...] = (),
    rtol: float | None = None,
    atol: float | None = None,
    entries: int = 200,
    seed: int = 0,
    **options: bool,
) -> None:
    """Compare srcad's derivative of ``f`` at ``args`` with a numerical one; raise if they differ.

    With random weights ``w`` over the outputs, ``d(w . f)/dx`` is found by ``vjp``, by ``jvp`` and
    by the oracle, ``(phi(x + h) - phi(x - h)) / 2h`` with ``phi = w . f``, extrapolated from h, h/2
    and h/4 to ``O(h**6)``. Every entry of every float argument is compared; of a large argument
    ``entries`` of them are drawn, and one random direction through all is compared as well.

    What this cannot see:

    - errors below about 1e-8 of the largest entry (1e-3 in float32, where f is run in double
      precision if it can be);
    - which derivative is right at a kink or a jump: near one the differences mix both sides;
    - an error in the primal, which is run, not judged; anything about time and memory;
    - an error in an entry that was not drawn, if it is orthogonal to the random direction, or that
      the random weights cancel (other ones are used with another ``seed``);
    - randomness in f: two runs must give the same.

    Parameters
    ----------
    f
        A function whose results, or the arrays named in ``outputs``, are floats of any shape.
    args
        Its arguments; copies of them are used. Floats, arrays and tuples of them are checked.
    order
        1, or 2 for a function that returns one float: then ``hvp`` along a random direction is
        compared as well, with differences of the gradient that was compared before.
    modes
        Which of reverse mode (``"rev"``) and forward mode (``"fwd"``) are compared.
    outputs
        Names of arguments that f fills, as for ``vjp``.
    rtol, atol
        Allowed difference, relative to the largest entry of the argument's derivative (1e-6; 1e-3
        in float32), and absolute (1e-8 of the size of ``phi``).
    entries
        How many entries of one array are compared at most.
    seed
        Of the random numbers.
    **options
        The options of ``grad``.

    Raises
    ------
    GradientCheckError
        Names the argument and index of the worst entry, the mode, both values and their
        difference. A NaN or an infinity on either side is an error too.
    UnsupportedError
        For order above 2; and if srcad cannot differentiate f.

    Examples
    --------
    >>> def energy(x):
    ...     return np.sum(x * x * x)
    >>> check_grads(energy, (np.array([1.0, 2.0]),), jit=False)
    """
    modes = _checked_modes(order, modes)
    require_tuple("args", args)
    signature = Signature(f)
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    if order > 1 and names:
        raise ArgumentValueError(
            "order=2 is for a function that returns one float; it takes no outputs",
            hint="return a weighted sum of what the function fills",
        )
    out, pullback = vjp(f, *args, outputs=names, **options)
    labels = [*signature.positional, *(f"{signature.rest}[{k}]" for k in range(len(args)))]
    types = types_of(labels[: len(args)], args)
    random = np.random.default_rng(seed)
    weights = _weights(out, random)
    found: list[_Found] = []
    if "rev" in modes:
        found.append(_Reverse(pullback(weights)))
    if "fwd" in modes:
        found.append(_Forward(f, args, weights, names, options))
    wide = [_widened(a, t) for a, t in zip(args, types, strict=True)]
    is_single = any(_has_single(t) for t in (*types, *types_of_leaves(out)))
    oracle = _Oracle(f, names, signature, wide, [np.asarray(w) for w in _leaves(weights)])
    relative = rtol if rtol is not None else 1e-3 if is_single else 1e-6
    floor = (1e-4 if is_single else 1e-8) * max(1.0, abs(oracle.base))
    tolerance = _Tolerance(relative, atol if atol is not None else floor)
    failures: list[_Difference] = []
    for k, (name, type_) in enumerate(zip(labels, types, strict=False)):
        if has_float(type_):
            failures += _compare(oracle, k, name, found, tolerance, entries, random)
    _require_none(failures, signature)
    if order == 1:
        return
    direction = [_random_like(a, random) for a in args]
    second: list[_Found] = [_Second(f, signature, args, direction, options)]
    slope = _Slope(f, signature, wide, direction, options)
    floor = (1e-3 if is_single else 1e-7) * max(1.0, abs(slope.base))
    tolerance = _Tolerance(relative, atol if atol is not None else floor)
    for k, (name, type_) in enumerate(zip(labels, types, strict=False)):
        if has_float(type_):
            failures += _compare(slope, k, name, second, tolerance, entries, random)
    _require_none(failures, signature)


def _require_none(failures: Sequence["_Difference"], signature: Signature) -> None:
    if failures:
        worst = max(failures, key=lambda d: d.size)
        raise GradientCheckError(worst.told(signature.name, len(failures)))


class _Found(Protocol):
    """The derivative that a mode has found, of the weighted sum of the outputs."""

    mode: str

    def along(self, which: int, direction: Any) -> float:
        """For one argument, along a direction in its structure."""
        ...


class _Reverse:
    """The cotangents, from one pullback."""

    mode = "reverse mode"

    def __init__(self, cotangents: Sequence[Any]) -> None:
        self.cotangents = cotangents

    def along(self, which: int, direction: Any) -> float:
        """``<cotangent, direction>``, of an entry or of all."""
        return float(_total(self.cotangents[which], direction))


class _Forward:
    """The tangents, from one run for each direction."""

    mode = "forward mode"

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        weights: Any,
        outputs: tuple[str, ...],
        options: dict[str, bool],
    ) -> None:
        self.f = f
        self.args = args
        self.weights = _leaves(weights)
        self.fixed: dict[str, Any] = {"outputs": outputs, **options}

    def along(self, which: int, direction: Any) -> float:
        """``<weights, tangent>``."""
        directions: list[Any] = [None] * len(self.args)
        directions[which] = _shaped(self.args[which], direction)
        _, tangent = jvp(self.f, self.args, directions, **self.fixed)
        moved = _leaves(tangent)
        pairs = zip(self.weights, moved, strict=True)
        return float(sum(_paired(np.asarray(w), np.asarray(x)) for w, x in pairs))


class _Second:
    """The Hessian times one direction through all arguments."""

    mode = "second order, forward over reverse mode"

    def __init__(
        self,
        f: Callable[..., Any],
        signature: Signature,
        args: Sequence[Any],
        direction: Sequence[Any],
        options: dict[str, bool],
    ) -> None:
        shaped = [_shaped(a, v) for a, v in zip(args, direction, strict=True)]
        named = dict(zip(signature.positional, zip(args, shaped, strict=True), strict=False))
        if signature.rest is not None:
            first = len(signature.positional)
            named[signature.rest] = tuple(args[first:]), tuple(shaped[first:])
        wrt = tuple(n for n, (a, _) in named.items() if any(map(_is_inexact, _leaves(a))))
        vectors = tuple(named[n][1] for n in wrt)
        by_name = dict(zip(wrt, hvp(f, args, vectors, wrt=wrt, **options), strict=True))
        self.products = [by_name.get(n) for n in signature.positional[: len(args)]]
        if signature.rest is not None:
            self.products += by_name.get(signature.rest) or [None] * len(named[signature.rest][0])

    def along(self, which: int, direction: Any) -> float:
        """``<H v, direction>``."""
        return float(_total(self.products[which], direction))


@dataclass(frozen=True)
class _Tolerance:
    relative: float
    absolute: float


@dataclass(frozen=True)
class _Difference:
    where: str
    mode: str
    got: float
    expected: float
    allowed: float

    @property
    def size(self) -> float:
        """How many times the allowed difference; infinite for a NaN."""
        ratio = abs(self.got - self.expected) / self.allowed if self.allowed else math.inf
        return math.inf if math.isnan(ratio) else ratio

    def told(self, name: str, count: int) -> str:
        """The message."""
        error = abs(self.got - self.expected)
        relative = error / abs(self.expected) if self.expected else math.inf
        more = f" ({count} entries differ; this is the worst)" if count > 1 else ""
        note = (
            ""
            if math.isfinite(self.expected)
            else ("\n  the numerical derivative is not finite there: check at another point")
        )
        return (
            f"the derivative of {name} is wrong at {self.where}, in {self.mode}{more}:\n"
            f"  got       {self.got!r}\n"
            f"  expected  {self.expected!r}\n"
            f"  absolute error {error:.3g} (allowed {self.allowed:.3g}), "
            f"relative error {relative:.3g}{note}"
        )


class _Oracle:
    """The weighted sum of f's outputs as a function of its arguments, and its derivatives."""

    def __init__(
        self,
        f: Callable[..., Any],
        outputs: tuple[str, ...],
        signature: Signature,
        args: list[Any],
        weights: list[np.ndarray],
    ) -> None:
        self.f = f
        self.plain = signature.function
        self.places = [signature.names.index(n) for n in outputs]
        self.args = args
        self.weights = weights
        self.base = float(self.run(f, args))

    def run(self, f: Callable[..., Any], args: list[Any]) -> Any:
        """The weighted sum; f gets copies."""
        copies = [_copied(a) for a in args]
        out = f(*copies)
        leaves = [] if out is None else [x for x in _leaves(out) if _is_inexact(x)]
        leaves += [copies[k] for k in self.places]
        pairs = zip(self.weights, leaves, strict=True)
        return sum((_paired(w, np.asarray(x)) for w, x in pairs), 0.0)

    def along(self, which: int, direction: Any, step: float) -> float:
        """The derivative for one argument, along a direction in its structure."""
        expected = self._differences(which, direction, step)
        exact = self._complex_step(which, direction)
        if exact is not None and abs(exact - expected) <= _AGREEMENT * max(abs(exact), 1e-3):
            return exact
        return expected

    def _moved(self, which: int, direction: Any, step: Any) -> list[Any]:
        return [_plus(a, direction, step) if k == which else a for k, a in enumerate(self.args)]

    def _differences(self, which: int, direction: Any, step: float) -> float:
        slopes = []
        for h in (step, step / 2, step / 4):
            up = self.run(self.f, self._moved(which, direction, h))
            down = self.run(self.f, self._moved(which, direction, -h))
            slopes.append(float((up - down) / (2 * h)))
        first = [(4 * b - a) / 3 for a, b in itertools.pairwise(slopes)]
        return (16 * first[1] - first[0]) / 15

    def _complex_step(self, which: int, direction: Any) -> float | None:
        if any(np.iscomplexobj(x) for x in (*_leaves(self.args), *self.weights)):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                moved = [_complex(a) for a in self._moved(which, direction, _IMAGINARY * 1j)]
                return float(np.imag(self.run(self.plain, moved))) / _IMAGINARY
        except Exception:  # f need not run on complex numbers: then it says nothing
            return None


class _Slope(_Oracle):
    """The gradient times one direction, as a function of the arguments."""

    def __init__(
        self,
        f: Callable[..., Any],
        signature: Signature,
        args: list[Any],
        direction: Sequence[Any],
        options: dict[str, bool],
    ) -> None:
        fixed: dict[str, Any] = dict(options)

        def slope(*at: Any) -> float:
            _, pullback = vjp(f, *at, **fixed)
            pairs = zip(pullback(1.0), direction, strict=True)
            return sum(_total(cotangent, v) for cotangent, v in pairs)

        super().__init__(slope, (), signature, args, [np.asarray(1.0)])

    def _complex_step(self, which: int, direction: Any) -> float | None:
        return None  # the gradient is compiled for real numbers


def _compare(
    oracle: _Oracle,
    which: int,
    name: str,
    found: Sequence[_Found],
    tolerance: _Tolerance,
    entries: int,
    random: np.random.Generator,
) -> list[_Difference]:
    """The entries of one argument whose derivatives differ by more than is allowed."""
    argument = oracle.args[which]
    places = list(_places(argument))
    chosen = places
    if len(places) > entries:
        drawn = np.sort(random.choice(len(places), entries, replace=False))
        chosen = [places[k] for k in drawn]
    rows: list[tuple[str, Any, float]] = []
    for path in chosen:
        at, step = f"{name}{_shown(argument, path)}", _STEP * max(1.0, abs(_at(argument, path)))
        rows.append((at, _unit(argument, path, 1.0), step))
        if np.iscomplexobj(_at(argument, path)):
            rows.append((f"the imaginary part of {at}", _unit(argument, path, 1j), step))
    if len(chosen) < len(places):
        direction = _random_like(argument, random)
        rows.append((f"{name}, along a random direction", direction, _STEP))
    expected = [oracle.along(which, direction, step) for _, direction, step in rows]
    scale = max((abs(e) for e in expected if math.isfinite(e)), default=0.0)
    allowed = tolerance.relative * scale + tolerance.absolute
    differences = [
        _Difference(where, mode.mode, mode.along(which, direction), right, allowed)
        for mode in found
        for (where, direction, _), right in zip(rows, expected, strict=True)
    ]
    return [d for d in differences if not d.size <= 1.0]


def _checked_modes(order: int, modes: Sequence[str]) -> tuple[str, ...]:
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    unknown = [m for m in modes if m not in ("rev", "fwd")]
    if unknown or not modes:
        raise ArgumentValueError(f"modes must be of 'rev' and 'fwd', not {modes!r}")
    if order < 1:
        raise ArgumentValueError(f"order must be at least 1, not {order!r}")
    if order > 2:
        raise UnsupportedError(
            f"derivatives of order {order} are not available yet", hint="pass order=2"
        )
    return modes


# ------------------------------------------------------------ values as trees of floats

Path = tuple[tuple[str, Any], ...]


def _is_inexact(x: Any) -> bool:
    return np.asarray(x).dtype.kind in "fc"


def _leaves(value: Any) -> list[Any]:
    shape = shape_of(value)
    if shape is not None:
        return [leaf for item in members(value, *shape) for leaf in _leaves(item)]
    return [value] if isinstance(value, np.ndarray | np.generic | complex | float | int) else []


def types_of_leaves(out: Any) -> tuple[Type, ...]:
    """The types of the numbers and arrays in a result."""
    return types_of(["the result"] * len(_leaves(out)), _leaves(out))


def _has_single(type_: Type) -> bool:
    match type_:
        case Scalar(kind=kind) | Array(dtype=kind):
            return is_single(kind)
        case Tuple(items=items):
            return any(_has_single(t) for t in items)
        case _:
            return False


def _weights(out: Any, random: np.random.Generator) -> Any:
    """Random numbers in the structure of an output; None where it has no floats."""
    shape = shape_of(out)
    if shape is not None:
        return assemble(*shape, [_weights(x, random) for x in members(out, *shape)])
    if not (_is_number(out) or isinstance(out, np.ndarray)) or not _is_inexact(out):
        return None
    drawn = random.uniform(0.5, 1.5, np.shape(out)) * random.choice([-1.0, 1.0], np.shape(out))
    if np.iscomplexobj(out):
        drawn = drawn * np.exp(1j * random.uniform(-1.0, 1.0, np.shape(out)))
    return drawn if isinstance(out, np.ndarray) else np.asarray(drawn)[()].item()


def _widened(value: Any, type_: Type) -> Any:
    """A copy of an argument, its floats in double precision."""
    match type_:
        case Scalar(kind=kind) if is_inexact(kind):
            return complex(value) if is_complex(kind) else float(value)
        case Array(dtype=kind) if is_inexact(kind):
            return value.astype(np.complex128 if is_complex(kind) else np.float64)
        case Array():
            return fresh(value)
        case Tuple(items=items, cls=cls, keys=keys):
            pairs = zip(members(value, cls, keys), items, strict=True)
            return assemble(cls, keys, [_widened(v, t) for v, t in pairs])
        case Static():
            return value
        case _:
            return value


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    shape = shape_of(value)
    if shape is not None:
        return assemble(*shape, [_copied(v) for v in members(value, *shape)])
    return value


def _complex(value: Any) -> Any:
    """The argument with its float arrays complex, so that f may store complex numbers in them."""
    if isinstance(value, np.ndarray):
        return value.astype(complex) if _is_inexact(value) else value
    shape = shape_of(value)
    if shape is not None:
        return assemble(*shape, [_complex(v) for v in members(value, *shape)])
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, float | complex | np.inexact)


def _places(value: Any) -> Iterator[Path]:
    """Where the floats in an argument are."""
    if _is_number(value):
        yield ()
    elif isinstance(value, np.ndarray) and _is_inexact(value):
        for index in np.ndindex(value.shape):
            yield (("index", index),)
    elif (shape := shape_of(value)) is not None:
        for k, item in enumerate(members(value, *shape)):
            for path in _places(item):
                yield (("member", k), *path)


def _at(value: Any, path: Path) -> Any:
    for kind, key in path:
        shape = shape_of(value)
        value = value[key] if kind == "index" or shape is None else members(value, *shape)[key]
    return value


def _shown(value: Any, path: Path) -> str:
    parts = []
    for kind, key in path:
        if kind == "index":
            inner = ", ".join(str(k) for k in key)
            parts.append(f"[{inner}]" if inner else "")
            continue
        shape = shape_of(value)
        assert shape is not None
        parts.append(label(*shape, key))
        value = members(value, *shape)[key]
    return "".join(parts)


def _paired(weight: Any, x: Any) -> Any:
    """``<weight, x>``: the real part of it where the weight is complex."""
    if np.iscomplexobj(weight):
        return np.sum((np.conj(weight) * x).real)
    return np.sum(weight * x)


def _total(value: Any, direction: Any) -> float:
    """``Re<value, direction>``; None in a direction is zero."""
    if direction is None or value is None:
        return 0.0
    shape = shape_of(value)
    if shape is not None:
        return sum(_total(v, d) for v, d in zip(members(value, *shape), direction, strict=True))
    moving = np.asarray(direction) != 0
    return float(_paired(np.asarray(value)[moving], np.asarray(direction)[moving]))


def _shaped(value: Any, direction: Any) -> Any:
    """A direction as a structure like that of ``value``."""
    shape = shape_of(value)
    if direction is None or shape is None:
        return direction
    pairs = zip(members(value, *shape), direction, strict=True)
    return assemble(*shape, [_shaped(v, d) for v, d in pairs])


def _unit(value: Any, path: Path, one: complex) -> Any:
    """``one`` at a place, zero elsewhere (None: nothing there)."""
    if not path:
        return one
    (kind, key), *rest = path
    if kind == "index":
        direction = np.zeros(value.shape, type(one))
        direction[key] = one
        return direction
    shape = shape_of(value)
    assert shape is not None
    inner = members(value, *shape)
    return [_unit(v, tuple(rest), one) if k == key else None for k, v in enumerate(inner)]


def _random_like(value: Any, random: np.random.Generator) -> Any:
    if _is_number(value):
        return _normal(value, random)
    if isinstance(value, np.ndarray):
        return _normal(value, random) if _is_inexact(value) else None
    shape = shape_of(value)
    return None if shape is None else [_random_like(v, random) for v in members(value, *shape)]


def _normal(value: Any, random: np.random.Generator) -> Any:
    """Random numbers, complex for complex ones."""
    drawn = random.standard_normal(np.shape(value))
    if np.iscomplexobj(value):
        drawn = drawn + 1j * random.standard_normal(np.shape(value))
    return drawn if isinstance(value, np.ndarray) else drawn[()].item()


def _plus(value: Any, direction: Any, step: Any) -> Any:
    """``value + step * direction``, in the structure of ``value``."""
    if direction is None:
        return value
    shape = shape_of(value)
    if shape is not None:
        pairs = zip(members(value, *shape), direction, strict=True)
        return assemble(*shape, [_plus(v, d, step) for v, d in pairs])
    return value + step * direction
