"""Many sweeps of one program at one point: columns or rows of a Jacobian.

The arguments are taken apart once. What varies from sweep to sweep are tangents (forward) or seeds
(reverse); both are columns of numbers, one for each float among the arguments or the outputs, in
the order of the leaves. A program whose tangents have lanes takes several columns in one run.

>>> leaves = Leaves([Leaf("float64", (2,), False), Leaf("float64", (), True)])
>>> leaves.size, leaves.spread(np.array([[1.0], [2.0], [3.0]]))
(3, [array([1., 2.]), 3.0])
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.backend.draws import state_of_numpy
from srcad.backend.pool import latest_need
from srcad.ir.types import Array, Scalar, Tuple, Type, is_complex, is_inexact
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
        """Columns of numbers as leaves: one column, or all (``lanes``) along a further last axis.

        What is returned shares no memory with ``columns``.
        """
        out: list[Any] = []
        for leaf, part in zip(self.items, self.slices, strict=True):
            own = columns[part]
            if not is_complex(leaf.kind):
                own = np.real(own)
            if lanes:
                out.append(np.array(own, leaf.kind).reshape((*leaf.shape, own.shape[1])))
            elif leaf.is_number:
                out.append(number(own[0, 0], leaf.kind))
            else:
                out.append(np.array(own[:, 0], leaf.kind).reshape(leaf.shape))
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
        self.sizes = tuple(
            [
                x.shape if isinstance(x, np.ndarray) else x if isinstance(x, int) else None
                for x in self._leaves
            ]
        )
        """What the sizes of a result usually depend on: the shapes of arrays, and integers."""

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

    def width(self, left: int) -> int:
        """How many of ``left`` columns the next run takes: about as many as the ones after it.

        As many as fit ``_MEMORY``; few where it is not known yet what a lane takes.
        """
        program = self._variant.program
        if not program.lanes:
            return 1
        bytes_ = self._variant.widths.get(self._point.sizes)
        if bytes_ is None:
            most = 1 if program.uses_pool else _FIRST
        else:
            most = max(1, min(_LANES, _MEMORY // bytes_))
        even = -(-left // -(-left // most))
        return min(left, most, -(-even // _FIRST) * _FIRST)

    def __call__(self, columns: np.ndarray) -> list[Any]:
        """The derivatives of the leaves asked for, for one column of tangents or seeds.

        Of a program with lanes, for any number of columns, along a further last axis.
        """
        has_lanes = self._variant.program.lanes
        leaves = [*self._inputs, *self.given.spread(columns, has_lanes)]
        found = list(as_leaves(self._point.run(self._variant, leaves), self._size))[self._skip :]
        if has_lanes and columns.shape[1]:
            self._note([*leaves, *found], columns.shape[1])
        return found

    def _note(self, leaves: Sequence[Any], lanes: int) -> None:
        """Remember what a run of so many lanes took."""
        variant, sizes = self._variant, self._point.sizes
        taken = sum(x.nbytes for x in leaves if isinstance(x, np.ndarray)) + 1
        taken += latest_need() if variant.program.uses_pool else 0
        if len(variant.widths) >= _KNOWN:
            variant.widths.clear()
        variant.widths[sizes] = max(taken // lanes, variant.widths.get(sizes, 1))


_LANES = 32
"""Columns in one run at most: more gain nothing, and leave the cache."""
_FIRST = 8
"""Columns in a run of which it is not known yet what it takes; and what vectorises well."""
_MEMORY = 2**26
"""Bytes that the arguments, results and tapes of one run may take together."""
_KNOWN = 64
"""Sizes of arguments for which that is remembered."""

Seeds = Callable[[int, int], np.ndarray]
"""Columns of tangents or seeds, from a number up to another one."""


def units(size: int) -> Seeds:
    """The columns of the unit matrix."""

    def columns(start: int, stop: int) -> np.ndarray:
        found = np.zeros((size, stop - start))
        found[np.arange(start, stop), np.arange(stop - start)] = 1.0
        return found

    return columns


def pushed(
    sweeps: Sweeps, seeds: Seeds, count: int, like: Sequence[Scalar | Array]
) -> tuple[np.ndarray, Leaves]:
    """The Jacobian times ``count`` tangents, and the outputs, which have these types."""
    matrix, out = np.empty((0, count)), Leaves(())
    start = 0
    while start < count:
        stop = start + sweeps.width(count - start)
        found = sweeps(seeds(start, stop))
        if not start:
            shapes = (np.shape(x)[: _rank(t)] for t, x in zip(like, found, strict=True))
            out = Leaves([_leaf(t, shape) for t, shape in zip(like, shapes, strict=True)])
            matrix = np.empty((out.size, count), _dtype(out))
        for part, x in zip(out.slices, found, strict=True):
            matrix[part, start:stop] = np.reshape(x, (-1, stop - start))
        start = stop
    return matrix, out


def _rank(type_: Scalar | Array) -> int:
    return 0 if isinstance(type_, Scalar) else type_.ndim


def pulled(sweeps: Sweeps, seeds: Seeds, count: int, wanted: Leaves) -> np.ndarray:
    """For each of ``count`` seeds: the sum of the rows of the Jacobian that it weighs.

    ``J v`` of a real v has the real and the imaginary part of what a seed and 1j times it receive.
    """
    out = sweeps.given
    matrix = np.empty((count, wanted.size), _dtype(out))
    is_real = np.ones((out.size, 1), np.bool_)
    for leaf, part in zip(out.items, out.slices, strict=True):
        is_real[part] = not is_complex(leaf.kind)
    for i in range(count):
        seed = seeds(i, i + 1)
        _collect(sweeps(seed), wanted, matrix[i])
        turned = np.where(is_real, 0.0, 1j * seed)
        if turned.any():
            imaginary = np.empty(wanted.size)
            _collect(sweeps(turned), wanted, imaginary)
            matrix[i] += 1j * imaginary
    return matrix


def _collect(found: Sequence[Any], wanted: Leaves, row: np.ndarray) -> None:
    for part, x in zip(wanted.slices, found, strict=True):
        row[part] = np.reshape(x, -1)


def _dtype(out: Leaves) -> np.dtype:
    return np.result_type(*(leaf.kind for leaf in out.items))
