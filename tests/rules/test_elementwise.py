"""Every elementwise rule over arrays: shapes broadcast, single precision, complex arguments.

One mechanism for all rows. With what a rule's own test says of points, the partial derivatives of a
broadcast call are those of its points, summed over the axes that an argument is repeated along.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.rules.library import all_rules
from tests.rules import test_arithmetic, test_elementary, test_special
from tests.rules.support import Row, difference, write

ROWS = tuple(
    row
    for row in (*test_arithmetic.ROWS, *test_elementary.ROWS, *test_special.ROWS)
    if row.array is not None
)
MODULE = write(ROWS)
ARRAYS = [pytest.param(k, row, id=row.rule) for k, row in enumerate(ROWS)]

ONE = ((), (1,), (2, 3), (2, 1, 2))
TWO = (
    ((), (3,)),
    ((3,), ()),
    ((2, 1), (1, 3)),
    ((3,), (2, 3)),
    ((2, 1, 2), (3, 1)),
    ((2, 2), (2, 2)),
)
"""Shapes of the arguments: () is an array with no axes, and a number beside a longer one."""


def spread(row: Row, j: int, shape: tuple[int, ...]) -> Any:
    """Argument ``j`` as an array of a shape, of values from the first two points."""
    values = [point[j] for point in row.points[:2]]
    return np.resize(np.array(values), shape)


@pytest.mark.parametrize(("k", "row"), ARRAYS)
def test_broadcast(k: int, row: Row):
    count = len(row.points[0])
    scalar, array = getattr(MODULE, f"scalar_{k}"), getattr(MODULE, f"array_{k}")
    gradient = srcad.value_and_grad(array, wrt=tuple(range(count)), jit=False)
    for pattern in ((s,) for s in ONE) if count == 1 else TWO:
        arguments = [spread(row, j, shape) for j, shape in enumerate(pattern)]
        if count == 2 and () in pattern:
            arguments = [float(a) if a.ndim == 0 else a for a in arguments]
        full = np.broadcast_arrays(*arguments)
        weights = 0.5 + np.arange(full[0].size).reshape(full[0].shape)
        value, found = gradient(*arguments, weights)
        assert value == pytest.approx(float(array(*arguments, weights)), rel=1e-13, abs=1e-13)
        for j, argument in enumerate(arguments):
            partials = np.vectorize(lambda *p, j=j: difference(scalar, p, j), otypes=[float])(*full)
            wanted = summed_to(weights * partials, np.shape(argument))
            assert np.shape(found[j]) == np.shape(argument)
            np.testing.assert_allclose(found[j], wanted, rtol=1e-8, atol=1e-8, err_msg=row.rule)


def summed_to(partials: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the axes along which an array of a shape was repeated."""
    total = partials.sum(axis=tuple(range(partials.ndim - len(shape))))
    repeated = tuple(k for k, n in enumerate(shape) if n == 1)
    return total.sum(axis=repeated, keepdims=True)


# ---------------------------------------------------------------- single precision


def doubles(source: str) -> list[str]:
    """What in generated code has double precision, beside its arguments."""
    tree = ast.parse(source)
    inside = {
        id(node)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "np.float32"
        for node in ast.walk(call)
    }
    found = ["float64"] if "float64" in source else []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, float)
            and id(node) not in inside
        ):
            found.append(ast.unparse(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [p for p in (node.left, node.right) if isinstance(p, ast.Constant)]
            found += [ast.unparse(node) for p in parts if isinstance(p.value, int)]
    return found


@pytest.mark.parametrize(("k", "row"), ARRAYS)
def test_single_precision(k: int, row: Row):
    """float32 in, float32 out and nothing else between; near the result in double precision."""
    count = len(row.points[0])
    gradient = srcad.grad(getattr(MODULE, f"array_{k}"), wrt=tuple(range(count)), jit=False)
    arguments = [np.array(column, np.float32) for column in zip(*row.points, strict=True)]
    weights = np.linspace(0.5, 1.5, len(row.points)).astype(np.float32)
    assert doubles(gradient.source(*arguments, weights)) == []
    found = gradient(*arguments, weights)
    wanted = gradient(*(a.astype(np.float64) for a in arguments), weights.astype(np.float64))
    for one, two in zip(found, wanted, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, two, rtol=2e-4, atol=2e-5, err_msg=row.rule)


def test_doubles_are_seen():
    assert doubles("y = x * 2.0") == ["2.0"]
    assert doubles("y = x / 3") == ["x / 3"]
    assert doubles("y = x * np.float32(-2.0)") == []


# ---------------------------------------------------------------- complex numbers

HOLOMORPHIC = [
    pytest.param(k, row, id=row.rule)
    for k, row in enumerate(ROWS)
    if row.rule in {rule.name for rule in all_rules() if rule.holomorphic}
]


@pytest.mark.parametrize(("k", "row"), HOLOMORPHIC)
def test_complex(k: int, row: Row):
    """``w conj(f')`` flows back from a real loss ``Re(conj(w) f)``, for each argument alone."""
    count = len(row.points[0])
    array = getattr(MODULE, f"array_{k}")
    points = [np.array([0.4 + 0.3j, 0.7 - 0.2j]), np.array([1.3 - 0.4j, 0.6 + 0.5j])][:count]
    weights = np.array([0.5 - 0.2j, 1.5 + 0.7j])
    _, pull = srcad.vjp(array, *points, weights, jit=False)
    found = pull(1.0 + 0.0j)
    for j in range(count):
        h = 1e-4

        def at(step: float, j: int = j) -> Any:
            moved = [p + step if i == j else p for i, p in enumerate(points)]
            return np.array(
                [array(*(m[n : n + 1] for m in moved), weights[n : n + 1]) for n in range(2)]
            )

        slope = (8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12.0 * h)
        np.testing.assert_allclose(found[j], np.conj(slope), rtol=1e-9, err_msg=row.rule)
