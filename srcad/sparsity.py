"""Sparse Jacobians and Hessians: which entries there are, and how few sweeps give them all.

A pattern is found by running the program on sets of inputs (``srcad.transform.pattern``), or given.
Colours say which columns, or rows, one sweep can serve together (``srcad.colouring``); from the
sweeps each entry is read at the place that the plan has for it.
"""

import functools
import hashlib
import inspect
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal

import numpy as np

from srcad import colouring
from srcad.backend.compile import load
from srcad.config import Options
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.specialise import Variant
from srcad.structure import as_leaves
from srcad.sweeps import Leaves, Point

Direction = Literal["fwd", "rev"]

_PLANS = 16
"""Plans kept for each Jacobian."""
_SETS = 2**31 - 1
"""Sets are numbered with 32 bits."""


class Pattern:
    """The places of the entries of a sparse matrix, by rows and, in each row, by columns."""

    def __init__(self, indptr: np.ndarray, indices: np.ndarray, shape: tuple[int, int]) -> None:
        self.indptr = indptr
        self.indices = indices
        self.shape = shape

    def is_same(self, other: "Pattern") -> bool:
        """Whether another pattern has entries at the same places."""
        return (
            self.shape == other.shape
            and np.array_equal(self.indptr, other.indptr)
            and np.array_equal(self.indices, other.indices)
        )

    def matrix(self, data: np.ndarray) -> Any:
        """The matrix with these entries; it shares nothing with the pattern."""
        from scipy.sparse import csr_array  # noqa: PLC0415 (0.1 s, and not needed otherwise)

        arrays = data, self.indices.copy(), self.indptr.astype(self.indices.dtype)
        found = csr_array(arrays, shape=self.shape)
        found.has_sorted_indices = found.has_canonical_format = True
        return found


def pattern_of(given: Any) -> Pattern:
    """The pattern that a user gives, as a sparse matrix or as an array of which it is the nonzeros.

    All stored entries of a sparse matrix count, zeros too.
    """
    from scipy.sparse import coo_array, csr_array, issparse  # noqa: PLC0415

    if issparse(given):
        entries = coo_array(given)
        ones = np.ones(entries.nnz, np.int8)
        matrix = csr_array((ones, entries.coords), shape=entries.shape)
    elif isinstance(given, np.ndarray) and given.dtype.kind in "biuf":
        if given.ndim != 2:
            raise ArgumentValueError(f"sparsity must have 2 axes, not {given.ndim}")
        matrix = csr_array(given != 0)
    else:
        raise ArgumentError(
            "sparsity must be 'detect', a matrix of scipy.sparse or a boolean array, "
            f"not {given!r:.60}"
        )
    matrix.sum_duplicates()
    matrix.sort_indices()
    shape: Any = matrix.shape
    return Pattern(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), shape)


class Detector:
    """Finds patterns by running a program on sets; remembers those that cannot be different."""

    def __init__(self, options: Options) -> None:
        self._helpers = Helpers(options)
        self._known: dict[Hashable, Pattern] = {}
        self._lengths: dict[Variant, int] = {}

    def __call__(self, variant: Variant, point: Point, inputs: Leaves, count: int) -> Pattern:
        """The pattern at a point, by a program that returns ``count`` leaves of sets.

        A program that reads no floats has one pattern for all arguments of these shapes with these
        integers, and is not run twice for them.
        """
        given = point.inputs(variant)
        key = None if variant.program.reads_floats else (variant, _digest(given))
        found = None if key is None else self._known.get(key)
        if found is None:
            found = self._found(variant, point, given, inputs, count)
            if key is not None:
                _keep(self._known, key, found)
        return found

    def _found(
        self, variant: Variant, point: Point, given: list[Any], inputs: Leaves, count: int
    ) -> Pattern:
        numbers = np.arange(1, inputs.size + 1).reshape(-1, 1)
        sets: list[Any] = []
        for leaf, part in zip(inputs.items, inputs.slices, strict=True):
            own = np.array(numbers[part]).reshape(leaf.shape)
            sets.append(int(own[()]) if leaf.is_number else own)
        length = self._lengths.get(variant, 0)
        length = max(length, inputs.size + 1) + 1024
        while True:
            table = np.empty((length, 6), np.int32)
            table[: inputs.size + 1] = 0
            table[: inputs.size + 1, 2] = np.arange(inputs.size + 1)
            mark = np.array([inputs.size + 1])
            returned = point.run(variant, [*given, *sets, (table, mark)])
            used = int(mark[0])
            if used <= length:
                break
            if used > _SETS:
                raise ArgumentValueError(
                    f"{variant.program.entry} joins {used} sets of inputs, which are too many",
                    hint="give the pattern as sparsity=..., a sparse matrix",
                )
            length = used
        self._lengths[variant] = used
        leaves = [np.reshape(x, -1) for x in as_leaves(returned, count)]
        outputs = np.concatenate(leaves) if leaves else np.empty(0)
        outputs = outputs.astype(np.int64)
        indptr, indices = self._helpers("reached")(table, used, inputs.size, outputs)
        return Pattern(indptr, indices, (outputs.size, inputs.size))


def _digest(given: Sequence[Any]) -> Hashable:
    """What a program that reads no floats can tell apart."""
    parts: list[Hashable] = []
    for x in given:
        if isinstance(x, np.ndarray):
            parts.append(x.shape)
            if x.dtype.kind not in "fc":
                parts.append(hashlib.blake2b(x.tobytes(), digest_size=32).digest())
        else:
            parts.append(None if isinstance(x, float | complex | np.inexact) else x)
    return tuple(parts)


def _keep(known: dict[Any, Any], key: Hashable, found: object) -> None:
    """Remember; forget the oldest."""
    while len(known) >= _PLANS:
        known.pop(next(iter(known)), None)
    known[key] = found


class Helpers:
    """The functions of ``srcad.colouring``, compiled unless ``jit=False`` asks for Python."""

    def __init__(self, options: Options) -> None:
        self._options = Options(jit=options.jit, cache=options.cache)

    def __call__(self, name: str) -> Callable[..., Any]:
        """A function by its name."""
        return _Helper(name, self._options) if self._options.jit else getattr(colouring, name)


class _Helper:
    """A function of ``srcad.colouring``, compiled when it is first called."""

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._options = options

    def __call__(self, *args: Any) -> Any:
        key = self._name, self._options
        function = _compiled.get(key)
        if function is None:
            text = inspect.getsource(colouring)
            function = _compiled[key] = load(text, self._name, self._options, "").compile(args)
        return function(*args)


_compiled: dict[tuple[str, Options], Callable[..., Any]] = {}


class Plan:
    """Which columns (or rows) each sweep serves, and where in the sweeps each entry is found."""

    def __init__(self, pattern: Pattern, direction: Direction, colours: np.ndarray) -> None:
        self.pattern = pattern
        self.direction: Direction = direction
        self.count = int(colours.max(initial=-1)) + 1
        """The number of sweeps."""
        self.seeds = np.zeros((colours.size, self.count))
        """For each column (or row) a 1 in the sweep that serves it."""
        used = np.flatnonzero(colours >= 0)
        self.seeds[used, colours[used]] = 1.0
        self.places = np.empty(0, np.int64)

    @functools.cached_property
    def probe(self) -> "Probe":
        """What tells whether the pattern is complete."""
        return Probe(self)

    def columns(self, start: int, stop: int) -> np.ndarray:
        """Columns of tangents, or of seeds, for the sweeps from one number up to another."""
        return self.seeds[:, start:stop]

    def entries(self, sweeps: np.ndarray) -> np.ndarray:
        """The entries of the matrix from what the sweeps gave, one sweep a column."""
        rows = sweeps if sweeps.shape[1] == self.count else sweeps[:, : self.count]
        return np.ascontiguousarray(rows).reshape(-1).take(self.places)


class Probe:
    """One more sweep, along random numbers, that a wrong pattern does not survive.

    An entry that the pattern lacks is added to another one or lost; the product of the matrix with
    the random numbers is then not what the sweep gave, by much more than rounding.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.count = plan.count + 1
        random = np.random.default_rng(plan.pattern.indices.size)
        size = plan.seeds.shape[0]
        self._weights = random.uniform(0.5, 1.5, size) * random.choice((-1.0, 1.0), size)
        self._seeds = np.column_stack((plan.seeds, self._weights))

    def columns(self, start: int, stop: int) -> np.ndarray:
        """As those of the plan, and then the random numbers."""
        return self._seeds[:, start:stop]

    def check(self, sweeps: np.ndarray) -> None:
        """Raise ``ArgumentValueError`` if the last sweep disagrees with the others."""
        plan = self._plan
        matrix = plan.pattern.matrix(plan.entries(sweeps))
        matrix = matrix if plan.direction == "fwd" else matrix.T
        expected = sweeps[:, -1]
        size = abs(matrix) @ np.abs(self._weights)
        finite = np.isfinite(size) & np.isfinite(expected)
        with np.errstate(invalid="ignore"):
            error = np.where(finite, np.abs(matrix @ self._weights - expected), 0.0)
            relative = 1e-3 if sweeps.dtype.itemsize == 4 or sweeps.dtype == np.complex64 else 1e-6
            largest = np.max(np.where(finite, np.abs(expected), 0.0), initial=0.0)
            wrong = np.flatnonzero(
                error > relative * (np.where(finite, size, 0.0) + 1e-3 * largest)
            )
        if wrong.size:
            where = "row" if plan.direction == "fwd" else "column"
            raise ArgumentValueError(
                f"the pattern given as sparsity lacks entries: {where} {wrong[0]} has another one"
                + (f" ({wrong.size} {where}s have)" if wrong.size > 1 else ""),
                hint="use sparsity='detect', or add the missing entries",
            )


class Planner:
    """Makes plans; remembers the latest ones, for patterns that come again."""

    def __init__(self, options: Options) -> None:
        self._helpers = Helpers(options)
        self._plans: list[tuple[str, Plan]] = []
        self._lock = threading.Lock()

    def __call__(self, pattern: Pattern, mode: str) -> Plan:
        """A plan for a pattern; ``mode``: "fwd" by columns, "rev" by rows, "auto", "symmetric"."""
        for kind, plan in self._plans:
            if kind == mode and (plan.pattern is pattern or plan.pattern.is_same(pattern)):
                return plan
        made = self._symmetric(pattern) if mode == "symmetric" else self._apart(pattern, mode)
        with self._lock:
            self._plans = [(mode, made), *self._plans[: _PLANS - 1]]
        return made

    def _apart(self, pattern: Pattern, mode: str) -> Plan:
        """Columns, or rows, that are apart; whichever need fewer colours."""
        rows = pattern.indptr, pattern.indices
        columns = _transposed(pattern)
        bounds = {"fwd": _longest(rows[0]), "rev": _longest(columns[0])}
        directions: list[Direction] = sorted(bounds, key=bounds.__getitem__)  # type: ignore[assignment]
        best: tuple[Direction, np.ndarray] | None = None
        for direction in directions if mode == "auto" else [mode]:
            if best is not None and best[1].max(initial=-1) + 1 <= bounds[direction]:
                continue
            by, across = (rows, columns) if direction == "fwd" else (columns, rows)
            colours = self._coloured("columns_apart", (*by, *across), across[0], bounds[direction])
            if best is None or colours.max(initial=-1) < best[1].max(initial=-1):
                best = direction, colours  # type: ignore[assignment]
        assert best is not None
        direction, colours = best
        plan = Plan(pattern, direction, colours)
        row_of = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
        if direction == "fwd":
            plan.places = row_of * plan.count + colours[pattern.indices]
        else:
            plan.places = pattern.indices.astype(np.int64) * plan.count + colours[row_of]
        return plan

    def _symmetric(self, pattern: Pattern) -> Plan:
        """Colours of which each entry or its mirror image can be read."""
        degrees = np.diff(pattern.indptr)
        is_hub = degrees > max(64.0, 16.0 * float(np.median(degrees))) if degrees.size else degrees
        by = pattern.indptr, pattern.indices
        colours = self._coloured("star", by, pattern.indptr, 1, (is_hub.astype(np.bool_),))
        plan = Plan(pattern, "fwd", colours)
        plan.places = self._helpers("places_of_star")(*by, colours, plan.count)
        assert plan.places.min(initial=0) >= 0, "a star colouring from which an entry is not read"
        return plan

    def _coloured(
        self,
        name: str,
        pattern: tuple[np.ndarray, ...],
        indptr: np.ndarray,
        bound: int,
        rest: tuple[Any, ...] = (),
    ) -> np.ndarray:
        """The fewer colours of two orders: as they stand, and longest first."""
        colour, size = self._helpers(name), indptr.size - 1
        found = colour(*pattern, np.arange(size), *rest)
        if found.max(initial=-1) + 1 > bound:
            order = np.argsort(-np.diff(indptr), kind="stable")
            other = colour(*pattern, order, *rest)
            if other.max() < found.max():
                found = other
        return found


def _transposed(pattern: Pattern) -> tuple[np.ndarray, np.ndarray]:
    """The rows of each column."""
    from scipy.sparse import csr_array  # noqa: PLC0415

    ones = np.ones(pattern.indices.size, np.int8)
    by_columns = csr_array((ones, pattern.indices, pattern.indptr), shape=pattern.shape).tocsc()
    return by_columns.indptr.astype(np.int64), by_columns.indices.astype(np.int32)


def symmetrised(pattern: Pattern) -> Pattern:
    """The pattern with the mirror image of each entry."""
    from scipy.sparse import csr_array  # noqa: PLC0415

    ones = np.ones(pattern.indices.size, np.int8)
    matrix = csr_array((ones, pattern.indices, pattern.indptr), shape=pattern.shape)
    both = pattern_of(matrix + matrix.T)
    return pattern if both.is_same(pattern) else both


def _longest(indptr: np.ndarray) -> int:
    return int(np.diff(indptr).max(initial=0))
