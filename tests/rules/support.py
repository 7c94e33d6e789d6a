"""Rows of the tables of rules: an expression, points inside its domain, values at its edges.

A row is tested three ways: as a scalar, as an array expression, and for each argument alone. The
derivatives inside the domain come from differences of order four, those at edges and ties from
the row itself.
"""

from __future__ import annotations

import importlib.util
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import srcad

STEP = 1e-3
TOLERANCE = 1e-9
Point = tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """A rule by its name, and the expression in ``a`` (and ``b``) that uses it."""

    rule: str
    scalar: str
    array: str | None
    """The same over arrays; None where there is no such function."""
    points: tuple[Point, ...]
    edges: tuple[tuple[Point, Point], ...] = ()
    """Points where differences fail, each with its partial derivatives."""

    @property
    def arguments(self) -> str:
        return ", ".join("ab"[: len(self.points[0])])


def _row(rule: str, scalar: str, array: str | None, points: tuple[Any, ...], edges: Any) -> Row:
    def tuples(point: Any) -> Point:
        return point if isinstance(point, tuple) else (point,)

    kinks = tuple((tuples(p), tuples(d)) for p, d in (edges or {}).items())
    return Row(rule, scalar, array, tuple(map(tuples, points)), kinks)


def row(rule: str, scalar: str, array: str | None, *points: Any, edges: Any = None) -> Row:
    """A row; a point of a function of one argument is a number."""
    return _row(rule, scalar, array, points, edges)


def write(rows: tuple[Row, ...]) -> ModuleType:
    """A module with ``scalar_k`` and ``array_k`` for each row; w weighs the result."""
    lines = ["import math", "import numpy as np", "from scipy import special", ""]
    for k, each in enumerate(rows):
        lines += [f"def scalar_{k}({each.arguments}, w):", f"    return w * ({each.scalar})", ""]
        if each.array is not None:
            lines += [f"def array_{k}({each.arguments}, w):"]
            lines += [f"    return np.sum(w * ({each.array}))", ""]
    folder = Path(tempfile.mkdtemp(prefix="srcad_rules_"))
    path = folder / f"rows_{folder.name[-8:]}.py"
    path.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def difference(function: Callable[..., float], point: Point, k: int) -> float:
    """The partial derivative by five points."""

    def at(h: float) -> float:
        return float(function(*point[:k], point[k] + h, *point[k + 1 :], 1.0))

    near, far = at(STEP) - at(-STEP), at(2.0 * STEP) - at(-2.0 * STEP)
    return (8.0 * near - far) / (12.0 * STEP)


def expected(function: Callable[..., float], each: Row) -> list[tuple[Point, Point]]:
    """Every point of a row with its partial derivatives."""
    inside = [(p, tuple(difference(function, p, k) for k in range(len(p)))) for p in each.points]
    return [*inside, *each.edges]


def close(found: Any, wanted: Any) -> bool:
    """Equal to rounding; infinities and zeros exactly, and NaN never."""
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    if found.shape != wanted.shape or np.isnan(found).any():
        return False
    finite = np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite]):
        return False
    gap = np.abs(found[finite] - wanted[finite])
    return bool(np.all(gap <= TOLERANCE * np.maximum(1.0, np.abs(wanted[finite]))))


def check_scalar(module: ModuleType, k: int, each: Row) -> None:
    """All arguments at once, then each alone (edges left out: a tie depends on who is active)."""
    function = getattr(module, f"scalar_{k}")
    count = len(each.points[0])
    together = srcad.grad(function, wrt=tuple(range(count)), jit=False)
    for point, partials in expected(function, each):
        found = together(*point, 1.3)
        wanted = tuple(1.3 * p for p in partials)
        assert close(found, wanted), f"{each.scalar} at {point}: {found}, expected {wanted}"
    for j in range(count):
        alone = srcad.grad(function, wrt=j, jit=False)
        for point in each.points:
            found = alone(*point, 0.7)
            wanted = 0.7 * difference(function, point, j)
            assert close(found, wanted), f"{each.scalar} at {point}: {found}, expected {wanted}"


def check_array(module: ModuleType, k: int, each: Row) -> None:
    """The same points as elements of arrays."""
    pairs = expected(getattr(module, f"scalar_{k}"), each)
    arguments = [np.array(column) for column in zip(*(p for p, _ in pairs), strict=True)]
    weights = np.linspace(0.5, 1.5, len(pairs))
    count = len(arguments)
    gradient = srcad.grad(getattr(module, f"array_{k}"), wrt=tuple(range(count)), jit=False)
    found = gradient(*arguments, weights)
    wanted = [weights * np.array(c) for c in zip(*(d for _, d in pairs), strict=True)]
    for f, w in zip(found, wanted, strict=True):
        assert close(f, w), f"{each.array}: {f}, expected {w}"


INF = math.inf
