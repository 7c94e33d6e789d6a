"""Reads of a copy in place of the original: up to where either can differ from the other."""

from typing import Any

import numpy as np
import pytest

import srcad
from srcad.transform.originals import originals
from tests import oracles
from tests.passes.support import INTEGER, M, V, elaborated, lines

x6 = np.array([0.9, 0.4, 1.3, -0.6, 0.2, 0.7])


def after(function, *types) -> str:
    """The body of a function with such reads of copies."""
    program = elaborated(function, *types)
    return lines(originals(program.body, set(program.arrays)))


def agrees(function, *args, jit=False) -> None:
    before = [np.copy(a) for a in args]
    found: Any = srcad.grad(function, jit=jit)(*args)
    expected = oracles.complex_step(function, args, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)


def step(u, n):
    u = u.copy()
    b = np.zeros(len(u))
    for t in range(n):
        un = u.copy()
        b[1:-1] = u[2:] * u[:-2]
        u[1:-1] = un[1:-1] + 0.1 * b[1:-1] * un[:-2]
        u[0] = 0.25 * t
    return np.sum(u * u)


def test_reads_before_the_original_is_written():
    assert "= un[i + 2] * un[i]" in after(step, V, INTEGER)
    gradient = srcad.grad(step, jit=False).source(x6, 3)
    assert "u_1_tape" not in gradient and "_list" not in gradient and "un_tape" in gradient
    for n in (0, 1, 3):
        agrees(step, x6, n)


def test_compiled():
    agrees(step, x6, 3, jit=True)


def fields(u, n):
    """In two dimensions, as the cavity: all that is read of a field is in its copy."""
    u = u.copy()
    v = np.zeros_like(u)
    for t in range(n):
        un = u.copy()
        vn = v.copy()
        d = u[1:-1, 2:] * v[1:-1, :-2] + u[2:, 1:-1]
        u[1:-1, 1:-1] = un[1:-1, 1:-1] * 0.9 + 0.1 * d * un[1:-1, :-2]
        v[1:-1, 1:-1] = vn[1:-1, 1:-1] + 0.1 * un[:-2, 1:-1] ** 2
        u[:, 0] = u[:, 1]
        u[-1, :] = u[-2, :]
        v[:, -1] = v[:, -2] * 0.5
        v[0] = 0.3
    return np.sum(u * v)


def test_fields():
    gradient = srcad.grad(fields, jit=False).source(np.ones((4, 5)), 3)
    assert "un_tape" in gradient and "_list" not in gradient
    random = np.random.default_rng(3)
    for n in (0, 1, 2, 4):
        agrees(fields, random.normal(size=(4, 5)), n)
    agrees(fields, random.normal(size=(4, 5)), 3, jit=True)


def copy_is_written(u, n):
    u = u.copy()
    for t in range(n):
        w = u.copy()
        w[0] = 2.0 * u[1]
        u[1:] = u[1:] + 0.1 * w[:-1] * u[:-1]
    return np.sum(u * u)


def copy_by_another_name(u, n):
    u = u.copy()
    for t in range(n):
        w = u.copy()
        z = w[1:] if t % 2 else w[:-1]
        z[0] = 0.5
        u[1:] = u[1:] + 0.1 * w[:-1] * z * u[:-1]
    return np.sum(u * u)


def original_by_another_name(u, n):
    u = u.copy()
    v = u * 2.0
    for t in range(n):
        w = u.copy()
        z = u if t % 2 else v
        z[1] = z[2] * 3.0
        v[:] = np.sin(u * w + v)
    return np.sum(u * v)


def bound_anew(u, n):
    s = 0.0
    for t in range(n):
        w = u.copy()
        u = u * 1.5
        s += np.sum(w * u)
    return s


def in_a_branch(u, n):
    u = u.copy()
    for t in range(n):
        w = np.zeros(len(u))
        if t % 2 == 0:
            w = u.copy()
        u[1:] = u[1:] * 0.5 + w[:-1] * u[:-1]
    return np.sum(u * u)


def written_in_the_loop(u, n):
    u = u.copy()
    s = 0.0
    for t in range(n):
        w = u.copy()
        for i in range(1, len(u)):
            s += u[i - 1] * w[i]
            u[i] = 0.5 * u[i] * u[i - 1]
    return s + np.sum(u)


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(
    "function",
    [
        copy_is_written,
        copy_by_another_name,
        original_by_another_name,
        bound_anew,
        in_a_branch,
        written_in_the_loop,
    ],
)
def test_either_changes(function, n):
    agrees(function, x6, n)


def test_a_written_copy_is_not_read():
    assert "w[0] = 2.0 * u" in after(copy_is_written, V, INTEGER)


def test_a_loop_that_writes_reads_the_original():
    assert "s += u" in after(written_in_the_loop, V, INTEGER)


def test_outside_of_loops_nothing_changes():
    def f(u):
        w = u.copy()
        s = np.sum(u * u)
        return s + w[0]

    assert "s += u[i] * u[i]" in after(f, V)


# ---------------------------------------------------------------- rows that are apart


def edges(u, n):
    u = u.copy()
    for t in range(n):
        u[0] = u[1] * u[2]
        u[-1] = np.sin(u[-2])
        u[:, -1] = u[:, -2] ** 2
        u[:, 0] = 0.5 * u[:, 1] + u[:, 2]
    return np.sum(u * u)


def ends_that_meet(u, n):
    u = u.copy()
    for t in range(n):
        u[0] = u[-1][::-1] * 0.7
        u[:, -1] = u[:, 1][::-1] + u[:, 0]
    return np.sum(u * u)


def test_a_row_is_copied_where_it_may_be_the_one_that_is_written():
    program = elaborated(edges, M, INTEGER)
    assert "t_1" not in lines(program.body) and " t = np" not in lines(program.body)
    program = elaborated(ends_that_meet, M, INTEGER)
    assert "t_1 = np.empty" in lines(program.body)


@pytest.mark.parametrize("shape", [(1, 2), (3, 3), (2, 4), (4, 3)])
def test_edges(shape):
    u = np.random.default_rng(5).normal(size=shape)
    if shape[1] > 2 and shape[0] > 2:
        agrees(edges, u, 2)
    agrees(ends_that_meet, u, 2)
