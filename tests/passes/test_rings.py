"""Loops with a ring, divided among threads: what parts are given by their neighbours."""

import math

import numpy as np
import pytest

from srcad import grad
from srcad.analysis import work
from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.rings import ring_of
from srcad.ir.build import ONE, ZERO, add, compare, integer, real
from srcad.ir.nodes import Assign, Binary, Extent, For, If, Load, Store, Var
from srcad.ir.types import FLOAT, INT
from tests.passes.test_parallel import close, eager, run, text_of, workers_of

__all__ = ["eager"]

BOX = np.random.default_rng(5).random((23, 6, 5))
SHEET = np.random.default_rng(6).random((29, 7))


def diffusion(u, steps):
    a = u.copy()
    b = u.copy()
    n, m, p = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, p - 1):
                    b[i, j, k] = 0.4 * a[i, j, k] + 0.1 * (
                        a[i + 1, j, k]
                        + a[i - 1, j, k]
                        + a[i, j + 1, k]
                        + a[i, j - 1, k]
                        + a[i, j, k + 1]
                        + a[i, j, k - 1]
                    )
        a, b = b, a
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += a[i, j, k] * a[i, j, k] * (1 + i + 2 * j)
    return s


def there_and_back(u, steps):
    a = u.copy()
    b = u.copy()
    n, m, p = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, p - 1):
                    b[i, j, k] = 0.4 * a[i, j, k] + 0.1 * (
                        a[i + 1, j, k]
                        + a[i - 1, j, k]
                        + a[i, j + 1, k]
                        + a[i, j - 1, k]
                        + a[i, j, k + 1]
                        - a[i, j, k - 1]
                    )
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, p - 1):
                    a[i, j, k] = 0.3 * b[i, j, k] + 0.1 * (
                        b[i + 1, j, k]
                        - b[i - 1, j, k]
                        + b[i, j + 1, k]
                        + b[i, j - 1, k]
                        + b[i, j, k + 1]
                        + b[i, j, k - 1]
                    )
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += math.sin(a[i, j, k]) * (1 + i + 2 * j)
    return s


def one_step(u):
    """No exchange: the shadow of what is written is another array."""
    n, m, p = u.shape
    v = np.zeros((n, m, p))
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            for k in range(1, p - 1):
                v[i, j, k] = math.sin(
                    u[i, j, k]
                    + 0.3
                    * (
                        u[i + 1, j, k]
                        + u[i - 1, j, k]
                        + u[i, j + 1, k]
                        - u[i, j - 1, k]
                        + u[i, j, k + 1]
                        + 2.0 * u[i, j, k - 1]
                    )
                )
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += v[i, j, k] * v[i, j, k] * (1 + i)
    return s


def far_behind(u):
    """Rows from three behind to one ahead."""
    n, m, p = u.shape
    v = np.zeros((n, m, p))
    for i in range(3, n - 1):
        for j in range(1, m - 1):
            for k in range(p):
                v[i, j, k] = math.tanh(
                    u[i - 3, j, k]
                    - u[i + 1, j, k] * 0.5
                    + 0.3 * u[i, j + 1, k]
                    + 0.2 * u[i - 1, j - 1, k]
                    + 0.7 * u[i - 2, j, k]
                    + 0.1 * u[i, j, k]
                )
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += v[i, j, k] * v[i, j, k] * (1 + i)
    return s


def ahead_only(u):
    """No row before its own."""
    n, m, p = u.shape
    v = np.zeros((n, m, p))
    for i in range(n - 2):
        for j in range(1, m - 1):
            for k in range(p):
                v[i, j, k] = math.tanh(
                    u[i, j, k]
                    - u[i + 1, j, k] * 0.5
                    + 0.3 * u[i, j + 1, k]
                    + 0.2 * u[i + 2, j - 1, k]
                    + 0.7 * u[i + 2, j, k]
                )
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += v[i, j, k] * v[i, j, k] * (1 + i)
    return s


def behind_only(u):
    """No row after its own."""
    n, m, p = u.shape
    v = np.zeros((n, m, p))
    for i in range(2, n):
        for j in range(1, m - 1):
            for k in range(p):
                v[i, j, k] = math.tanh(
                    u[i, j, k]
                    - u[i - 1, j, k] * 0.5
                    + 0.3 * u[i, j + 1, k]
                    + 0.2 * u[i - 2, j - 1, k]
                    + 0.7 * u[i - 2, j, k]
                )
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += v[i, j, k] * v[i, j, k] * (1 + i)
    return s


def within_a_plane(u):
    """No other plane: the ring has one."""
    n, m, p = u.shape
    v = np.zeros((n, m, p))
    for i in range(n):
        for j in range(2, m - 2):
            for k in range(p):
                v[i, j, k] = math.tanh(
                    u[i, j, k]
                    - u[i, j - 1, k] * 0.5
                    + 0.3 * u[i, j + 1, k]
                    + 0.2 * u[i, j - 2, k]
                    + 0.7 * u[i, j + 2, k]
                )
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += v[i, j, k] * v[i, j, k] * (1 + i)
    return s


def along_rows(u, kappa, steps):
    """The shadows of two fields are one, though no row has to do with another."""
    a = u.copy()
    b = u.copy()
    n, m = u.shape
    for _ in range(steps):
        for i in range(n):
            for j in range(1, m - 1):
                b[i, j] = a[i, j] + 0.1 * kappa[i, j] * (a[i, j + 1] - a[i, j - 1])
        a, b = b, a
    s = 0.0
    for i in range(n):
        for j in range(m):
            s += a[i, j] * a[i, j] * (1 + i + 2 * j)
    return s


def conductive(u, kappa, steps):
    """The rows of the coefficient's gradient are added to where the ring is filled."""
    a = u.copy()
    b = u.copy()
    n, m = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = a[i, j] + 0.1 * kappa[i, j] * (
                    a[i + 1, j] + a[i - 1, j] + a[i, j + 1] + a[i, j - 1] - 4.0 * a[i, j]
                )
        a, b = b, a
    s = 0.0
    for i in range(n):
        for j in range(m):
            s += a[i, j] * a[i, j] * (1 + i + 2 * j)
    return s


def growing(u, steps):
    """The inner loop is longer in each step: what is in the ring is not in the same places."""
    a = u.copy()
    b = u.copy()
    n, m, p = u.shape
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, min(t + 2, p - 1)):
                    b[i, j, k] = 0.4 * a[i, j, k] + 0.1 * (
                        a[i + 1, j, k]
                        + a[i - 1, j, k]
                        + a[i, j + 1, k]
                        + a[i, j - 1, k]
                        + a[i, j, k + 1]
                        + a[i, j, k - 1]
                    )
        a, b = b, a
    s = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                s += a[i, j, k] * a[i, j, k] * (1 + i + 2 * j)
    return s


PROGRAMS = {
    "diffusion": (diffusion, (BOX, 3), 0, True),
    "there_and_back": (there_and_back, (BOX, 2), 0, True),
    "one_step": (one_step, (BOX,), 0, True),
    "far_behind": (far_behind, (BOX,), 0, True),
    "ahead_only": (ahead_only, (BOX,), 0, True),
    "behind_only": (behind_only, (BOX,), 0, True),
    "within_a_plane": (within_a_plane, (BOX,), 0, True),
    "along_rows": (along_rows, (SHEET, SHEET[::-1].copy(), 3), (0, 1), True),
    "conductive": (conductive, (SHEET, SHEET[::-1].copy(), 3), (0, 1), True),
    "growing": (growing, (BOX, 3), 0, None),
}


def along(f, args, wrt, seed=7):
    """The derivative along a direction, by differences, and the direction."""
    random = np.random.default_rng(seed)
    places = wrt if isinstance(wrt, tuple) else (wrt,)
    ways = {k: random.normal(size=args[k].shape) for k in places}

    def moved(h):
        return f(*(a + h * ways[k] if k in ways else a for k, a in enumerate(args)))

    h = 1e-4
    slope = (8.0 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12.0 * h)
    return slope, [ways[k] for k in places]


def agrees(found, f, args, wrt):
    slope, ways = along(f, args, wrt)
    found = found if isinstance(found, tuple) else (found,)
    dot = sum(float(np.sum(np.asarray(g) * w)) for g, w in zip(found, ways, strict=True))
    assert dot == pytest.approx(slope, rel=1e-7)


def copied(args):
    return [np.copy(a) if isinstance(a, np.ndarray) else a for a in args]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("parts", [1, 3, 5, 32])
def test_parts_are_given_what_they_need(name, parts, eager, monkeypatch):
    monkeypatch.setattr(work, "_PARTS", parts)
    f, args, wrt, has_ring = PROGRAMS[name]
    text = text_of(f, *args, wrt=wrt)
    found, threads = run(text, copied(args), 8)
    assert threads.meetings == 0
    if has_ring is not None:
        assert ("_ends(" in text) == has_ring
    if has_ring and parts > 1:
        assert threads.loops > 2
    close(found, grad(f, wrt=wrt, jit=False)(*args))
    agrees(found, f, args, wrt)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 7, 8, 9, 13])
@pytest.mark.parametrize("name", ["diffusion", "one_step", "far_behind", "conductive"])
def test_few_rows(name, rows, eager):
    f, args, wrt, _ = PROGRAMS[name]
    text = text_of(f, *args, wrt=wrt)
    short = [a[:rows].copy() if isinstance(a, np.ndarray) else a for a in args]
    found, threads = run(text, copied(short), 8)
    assert threads.meetings == 0
    close(found, grad(f, wrt=wrt, jit=False)(*short))


@pytest.mark.parametrize("shape", [(23, 2, 5), (23, 6, 2), (23, 1, 1), (23, 0, 4), (23, 3, 3)])
def test_few_columns(shape, eager):
    u = np.random.default_rng(2).random(shape)
    found, threads = run(text_of(diffusion, BOX, 2), [u.copy(), 2])
    assert threads.meetings == 0
    close(found, grad(diffusion, jit=False)(u, 2))


def test_the_result_does_not_hang_on_the_number_of_parts(eager, monkeypatch):
    """Each element receives the same sum."""
    found = []
    for parts in (1, 3, 32):
        monkeypatch.setattr(work, "_PARTS", parts)
        vars(diffusion).pop("__srcad_variants__", None)
        found.append(np.array(run(text_of(diffusion, BOX, 3), [BOX.copy(), 3])[0]))
    assert all(np.array_equal(found[0], f) for f in found)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_other_numbers(dtype, eager):
    def energy(u, steps):
        a = u.copy()
        b = u.copy()
        n, m, p = u.shape
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    for k in range(1, p - 1):
                        b[i, j, k] = 0.5 * a[i, j, k] + 0.25 * (
                            a[i + 1, j, k]
                            + a[i - 1, j, k]
                            + a[i, j + 1, k]
                            + a[i, j - 1, k]
                            + a[i, j, k + 1]
                            + a[i, j, k - 1]
                        )
            a, b = b, a
        s = 0.0
        for i in range(n):
            for j in range(m):
                for k in range(p):
                    s += abs(a[i, j, k]) ** 2
        return s

    u = BOX.astype(dtype)
    if dtype == "complex128":
        u = u + 1j * BOX[::-1]
    found, threads = run(text_of(energy, u, 2), [u.copy(), 2])
    assert threads.meetings == 0
    expected = grad(energy, jit=False)(u, 2)
    np.testing.assert_allclose(
        np.asarray(found), expected, rtol=1e-5 if dtype == "float32" else 1e-12
    )
    assert np.asarray(found).dtype == u.dtype


def test_a_step_in_threads_is_one_region(eager):
    (*_, reverse) = workers_of(text_of(diffusion, BOX, 3))
    assert "_ends(" in reverse
    assert reverse.count("_ring = ") == 1  # each thread has its own


def test_compiled(eager):
    found = grad(diffusion, parallel=True)(BOX, 3)
    close(found, grad(diffusion)(BOX, 3))
    agrees(found, diffusion, (BOX, 3), 0)


# -------------------------------------------------------------------- what is no such loop


ROW, J, P = Var("i", INT), Var("j", INT), Var("plane", INT)
A, B, C = (Var(name, INT) for name in "abc")
N, M = Var("n", INT), Var("m", INT)


def slot(var, k):
    return Assign(var, Binary("%", add(ROW, integer(k)), integer(3), INT))


def cleared(place):
    zero = Store("ring", (place, J), real(0.0), True)
    return (For(J, ZERO, Extent("ring", 1), ONE, (zero,)),)


def ring_loop(filled, *, gathered=None, start=ONE, stop=None):
    taken = add(Load("u", (add(ROW, integer(-1)), J), FLOAT), Load("ring", (B, J), FLOAT))
    gathered = gathered or (Store("u", (add(ROW, integer(-1)), J), taken),)
    choice = If(compare("<", ROW, N), (For(J, ZERO, M, ONE, filled),), cleared(A))
    body = (slot(A, 0), slot(B, -1), slot(C, -2), choice, For(J, ZERO, M, ONE, gathered))
    return For(ROW, start, stop or add(N, integer(2)), ONE, body)


def asked(loop, clear=None):
    clear = clear or For(P, ZERO, integer(3), ONE, cleared(P))
    arrays = {"u", "v", "w", "ring"}
    return ring_of(clear, loop, Aliases((clear, loop), points_to((clear, loop), arrays)))


V = Load("v", (ROW, J), FLOAT)
PUT = Store("ring", (A, J), V, True)


def test_it_is_taken_apart():
    ring = asked(ring_loop((PUT,)))
    assert ring is not None
    assert (ring.least, ring.most, ring.spread, ring.stop) == (-1, 1, 2, N)


@pytest.mark.parametrize(
    "loop",
    [
        ring_loop((Store("ring", (B, J), V, True),)),  # the slot of another row
        ring_loop((Store("v", (ROW, J), real(1.0)), PUT)),  # overwritten before it is read
        ring_loop((PUT, Store("v", (ROW, add(J, ONE)), V))),  # read after it is overwritten
        ring_loop((Store("ring", (A, J), Load("ring", (B, J), FLOAT), True),)),  # a recurrence
        ring_loop((PUT,), gathered=(Store("ring", (A, J), real(1.0)),)),
        ring_loop((PUT,), stop=add(N, ONE)),  # the last row is not gathered
    ],
)
def test_it_is_none(loop):
    assert asked(loop) is None


def test_the_ring_has_to_be_cleared():
    few = For(P, ZERO, integer(2), ONE, cleared(P))
    assert asked(ring_loop((PUT,)), few) is None
    assert asked(ring_loop((PUT,)), Assign(M, integer(3))) is None
