"""Many sweeps of one program at one point: columns or rows of a Jacobian.

The arguments are taken apart once. What varies from sweep to sweep are tangents (forward) or seeds
(reverse); both are columns of numbers, one for each float among the arguments or the outputs, in
the order of the leaves.

>>> leaves = Leaves([Leaf("float64", (2,), False), Leaf("float64", (), True)])
>>> leaves.size, leaves.spread(np.array([[1.0], [2.0], [3.0]]))
(3, [array([1., 2.]), 3.0])
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.backend.draws import state_of_numpy
from srcad.ir.types import Array, Scalar, Tuple, Type, is_inexact
from srcad.specialise import Types, Variant
from srcad.structure import as_leaves, lower, number


@dataclass(frozen=True, slots=True)
class Leaf:
    """A float number or array among arguments or outputs."""

    kind: str
    shape: tuple[int, ...]
    is_number: bool

    @property
    def size(self) -> int:
        """How many numbers it is."""
        size = 1
        for n in self.shape:
            size *= n
        return size


class Leaves:
    """Float leaves one after the other, as one vector."""

    def __init__(self, items: Sequence[Leaf]) -> None:
        self.items = tuple(items)
        self.slices: list[slice] = []
        self.size = 0
        for leaf in self.items:
            end = self.size + leaf.size
            self.slices.append(slice(self.size, end))
            self.size = end

    def spread(self, columns: np.ndarray, lanes: bool = False) -> list[Any]:
        """Columns of numbers as leaves: one column, or (``lanes``) all along a further last axis.

        What is returned shares no memory with ``columns``.
        """
        out: list[Any] = []
        for leaf, part in zip(self.items, self.slices, strict=True):
            if lanes:
                shape = (*leaf.shape, columns.shape[1])
                out.append(np.array(columns[part], leaf.kind).reshape(shape))
            elif leaf.is_number:
                out.append(number(columns[part.start, 0], leaf.kind))
            else:
                out.append(np.array(columns[part, 0], leaf.kind).reshape(leaf.shape))
        return out


def leaves_of(found: Sequence[Any], type_: Type) -> Leaves:
    """The leaves of a value of this type, of which ``found`` are the floats."""
    pairs = zip(types_of_floats(type_), found, strict=True)
    return Leaves([_leaf(t, np.shape(x)) for t, x in pairs])


def types_of_floats(type_: Type | None) -> Iterator[Scalar | Array]:
    """The types of the float leaves of a type."""
    match type_:
        case Tuple(items=items):
            for t in items:
                yield from types_of_floats(t)
        case Scalar(kind=kind) | Array(dtype=kind) if is_inexact(kind):
            yield type_


def _leaf(type_: Scalar | Array, shape: tuple[int, ...]) -> Leaf:
    if isinstance(type_, Scalar):
        return Leaf(type_.kind, (), True)
    return Leaf(type_.dtype, shape, False)


class Point:
    """The arguments of a call, taken apart for many runs.

    All runs draw the random numbers of the first, which alone moves the stream of ``np.random``
    on (``is_rehearsal``: not even that one).
    """

    def __init__(self, values: Sequence[Any], types: Types, *, is_rehearsal: bool = False) -> None:
        self.values = values
        self.types = types
        self._leaves = [x for v, t in zip(values, types, strict=True) for x in lower(v, t)]
        self._is_rehearsal = is_rehearsal
        self._state: Any = None

    @property
    def sizes(self) -> tuple[Any, ...]:
        """What the sizes of a result usually depend on: the shapes of arrays, and integers."""
        return tuple(
            x.shape if isinstance(x, np.ndarray) else x if isinstance(x, int) else None
            for x in self._leaves
        )

    def inputs(self, variant: Variant) -> list[Any]:
        """What a program takes before its tangents or seeds."""
        if variant.writes:
            variant.refuse_overlap(self.values)
        return [*self._leaves, *variant.require_captured()]

    def run(self, variant: Variant, leaves: Sequence[Any]) -> Any:
        """What a program returns for these leaves."""
        if not variant.draws:
            return variant.run(leaves)
        state = self._state
        if state is None:
            self._state = state_of_numpy()
            state = self._state if self._is_rehearsal else None
        return variant.run(leaves, state)


class Sweeps:
    """Runs of one program at one point with varying tangents or seeds."""

    def __init__(
        self, variant: Variant, point: Point, given: Leaves, skip: int, count: int
    ) -> None:
        self.given = given
        self._variant = variant
        self._point = point
        self._inputs = point.inputs(variant)
        self._skip = skip
        """How many leaves the program returns before those that are asked for."""
        self._size = skip + count

    def __call__(self, columns: np.ndarray) -> list[Any]:
        """The derivatives of the leaves asked for, for one column of tangents or seeds."""
        leaves = [*self._inputs, *self.given.spread(columns)]
        found = list(as_leaves(self._point.run(self._variant, leaves), self._size))
        return found[self._skip :]


def columns_of(sweeps: Sweeps, like: Sequence[Scalar | Array]) -> tuple[np.ndarray, Leaves]:
    """The whole Jacobian, column by column, and its outputs, which have these types."""
    size = sweeps.given.size
    matrix, out = np.empty((0, 0)), Leaves(())
    unit = np.zeros((size, 1))
    for j in range(size):
        unit[j] = 1.0
        found = sweeps(unit)
        unit[j] = 0.0
        if not j:
            out = Leaves([_leaf(t, np.shape(x)) for t, x in zip(like, found, strict=True)])
            matrix = _empty(out.size, size, out)
        for part, x in zip(out.slices, found, strict=True):
            matrix[part, j] = np.reshape(x, -1)
    return matrix, out


def rows_of(sweeps: Sweeps, wanted: Leaves) -> np.ndarray:
    """The whole Jacobian, row by row.

    ``J v`` of a real v has the real and the imaginary part of what the seeds 1 and 1j receive.
    """
    matrix = _empty(sweeps.given.size, wanted.size, sweeps.given)
    for leaf, rows in zip(sweeps.given.items, sweeps.given.slices, strict=True):
        units = (1.0, 1.0j) if np.dtype(leaf.kind).kind == "c" else (1.0,)
        for i in range(rows.start, rows.stop):
            matrix[i] = sum(unit * _row(sweeps, i, unit, wanted) for unit in units)
    return matrix


def _row(sweeps: Sweeps, i: int, unit: complex, wanted: Leaves) -> np.ndarray:
    seed = np.zeros((sweeps.given.size, 1), type(unit))
    seed[i] = unit
    found = sweeps(seed)
    row = np.empty(wanted.size)
    for part, x in zip(wanted.slices, found, strict=True):
        row[part] = np.reshape(x, -1)
    return row


def _empty(rows: int, columns: int, out: Leaves) -> np.ndarray:
    return np.empty((rows, columns), np.result_type(*(leaf.kind for leaf in out.items)))
