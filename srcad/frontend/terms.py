"""Arrays with labels for their axes: what a contraction multiplies."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from srcad.frontend import arrays
from srcad.frontend.values import ArrayValue
from srcad.ir.nodes import Const, Expr

Label = str | int
Labels = tuple[Label, ...]

_NOMINAL = 100
"""What an extent counts that is not known when the code is generated."""


@dataclass(frozen=True, slots=True)
class Term:
    """An array with a label for each axis."""

    value: ArrayValue
    labels: Labels

    def along(self, order: Labels) -> ArrayValue:
        """The array with its axes in the order of these labels."""
        return arrays.permuted(self.value, [self.labels.index(x) for x in order])


@dataclass(frozen=True, slots=True)
class Sizes:
    """The extent of each label, and whether it is known to be 1."""

    extents: dict[Label, Expr]
    units: dict[Label, bool]
    dtype: str

    def shape(self, labels: Labels) -> tuple[Expr, ...]:
        """The extents of several labels."""
        return tuple(self.extents[x] for x in labels)

    def flat(self, labels: Labels) -> tuple[bool, ...]:
        """Which of several labels are known to be 1."""
        return tuple(self.units[x] for x in labels)

    def cost(self, labels: Labels) -> int:
        """How many indices there are, as far as it is known."""
        known = (self.extents[x] for x in labels)
        return prod(int(e.value) if isinstance(e, Const) else _NOMINAL for e in known)
