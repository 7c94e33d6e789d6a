"""Tangents in lanes: what shares a loop, and what must not move."""

import math

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, ArgumentValueError, UnsupportedError
from srcad.specialise import Variant


def source(f, *args):
    """What a forward sweep for several columns runs."""
    text = srcad.jacobian(f, mode="fwd", jit=False).source(*args)
    return text.split("\n\n\n")[-1].strip()


def several(f, args, tangents, **options):
    """Tangents along several directions, which are those along each one."""
    k = next(np.shape(t)[-1] for t in tangents if t is not None)
    _, found = srcad.jvp(f, args, tangents, directions=k, jit=False, **options)
    for j in range(k):
        one = [None if t is None else np.asarray(t)[..., j] for t in tangents]
        one = [t[()] if t is not None and not np.ndim(t) else t for t in one]
        _, wanted = srcad.jvp(f, args, one, jit=False, **options)
        np.testing.assert_allclose(found[..., j], wanted, rtol=1e-13, atol=1e-14)
    return found


def predator(p, n):
    x = p[0]
    y = p[1]
    for t in range(n):
        dx = p[2] * x - x * y
        dy = x * y - y
        x += 0.01 * dx
        y += 0.01 * dy
    return x + y


def test_one_loop_for_a_step():
    """Values that are overwritten below are read in time; what does not outlive the loop is a scalar."""
    text = source(predator, np.ones(3), 5)
    step = text[text.index("    for t in range(n):") : text.index("    # result_d")]
    assert (
        step
        == """\
    for t in range(n):
        a = p[2]
        for lane in range(lanes):
            dx_d = p_d[2, lane] * x + a * x_d[lane] - (x_d[lane] * y + x * y_d[lane])
            dy_d = x_d[lane] * y + x * y_d[lane] - y_d[lane]
            x_d[lane] += 0.01 * dx_d
            y_d[lane] += 0.01 * dy_d
        dx = p[2] * x - x * y
        dy = x * y - y
        x += 0.01 * dx
        y += 0.01 * dy
"""
    )
    several(predator, (np.array([1.0, 2.0, 3.0]), 4), (np.eye(3), None))


def overwrites(u):
    for i in range(1, u.shape[0]):
        a = u[i] * u[i - 1]
        u[i] = u[i - 1]
        b = u[i] * a
        u[i - 1] = b * u[i]
    return u


def test_a_store_between_two_tangents():
    several(overwrites, (np.array([0.5, 1.5, -1.0, 2.0]),), (np.eye(4),))


def guarded(x, k):
    y = 2.0 * x[0]
    z = x[k] * y
    return y * z


def test_no_tangent_is_read_before_its_index_is_checked():
    x = np.ones(3)
    lines = source(guarded, x, 1).splitlines()
    check = next(k for k, line in enumerate(lines) if "<= k <" in line)
    assert all("x_d[k, lane]" not in line for line in lines[:check])
    with pytest.raises(IndexError):
        srcad.jvp(guarded, (x, 7), (np.ones((3, 2)), None), directions=2, jit=False)
    several(guarded, (x, 2), (np.eye(3), None))


def chosen(x, n):
    return sum(x[i + 1] / x[i] if i + 1 < n else x[i] for i in range(n))


def test_an_element_that_is_not_there_is_not_read():
    several(chosen, (np.arange(1.0, 4.0), 3), (np.eye(3), None))


def halved(x, n):
    """Its adjoint keeps values on stacks that grow."""
    total = 0.0
    while n > 0:
        x = math.sin(x) * 0.9 + x / n
        total += x * x
        n -= 1
    return total


def test_growing_stacks():
    """More iterations than a stack is long at first, and a number of lanes that does not divide it."""

    def f(x):
        return halved(x[0] * x[1], 300) + x[2] ** 3

    x = np.array([0.4, 1.1, 0.7])
    for jit in (False, True):
        hessian = srcad.hessian(f, jit=jit)
        assert "lanes" in hessian.source(x)
        for _ in range(2):  # a lane alone, then all
            found = hessian(x)
            wanted = [srcad.hvp(f, (x,), unit, jit=jit) for unit in np.eye(3)]
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def moved(x, c):
    x = x * c
    c = c + x
    x *= c
    return x, c


def test_tangents_of_the_caller_stay():
    tangents = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    kept = [t.copy() for t in tangents]
    _, found = srcad.jvp(moved, (2.0, 3.0), tangents, directions=2, jit=False)
    for t, before in zip(tangents, kept, strict=True):
        np.testing.assert_array_equal(t, before)
        assert not any(np.shares_memory(t, x) for x in found)
    _, same = srcad.jvp(lambda x, y: (x, x, y), (2.0, 3.0), tangents, directions=2, jit=False)
    assert not np.shares_memory(same[0], same[1])
    assert not np.shares_memory(same[0], tangents[0])


def noisy(x):
    print("once")
    return x * np.random.normal()


def test_values_are_computed_once(capsys):
    """Prints are printed once, random numbers are the same for all directions."""
    x = np.array([1.0, 2.0])
    y, y_d = srcad.jvp(noisy, (x,), (np.stack([x, 2.0 * x], -1),), directions=2, jit=False)
    assert capsys.readouterr().out == "once\n"
    np.testing.assert_allclose(y_d, np.stack([y, 2.0 * y], -1))


def solved(a, b):
    return np.linalg.solve(a, b) @ (a @ b) + np.linalg.inv(a)


def test_matrices():
    random = np.random.default_rng(3)
    a, b = random.normal(size=(3, 3)) + 3.0 * np.eye(3), random.normal(size=(3, 3))
    found = several(solved, (a, b), (random.normal(size=(3, 3, 4)), random.normal(size=(3, 3, 4))))
    assert found.shape == (3, 3, 4)
    several(
        lambda a, x: x @ (a.T @ (a @ x)) * a[0], (a, b[0]), (random.normal(size=(3, 3, 2)), None)
    )


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_right_sides_are_solved_for_together(shape):
    random = np.random.default_rng(4)
    a, b = random.normal(size=(3, 3)) + 3.0 * np.eye(3), random.normal(size=shape)
    tangents = random.normal(size=(3, 3, 4)), random.normal(size=(*shape, 4))

    def f(a, b):
        return np.linalg.solve(a, np.sin(b))

    several(f, (a, b), tangents)
    several(f, (a, b), (None, tangents[1]))
    text = srcad.jacobian(f, wrt=(0, 1), mode="fwd", jit=False).source(a, b)
    assert text.count("np.linalg.solve") == 2
    assert "[:, lane]" not in text


def power(x, n):
    return x * power(x, n - 1) if n else 1.0


def test_a_function_that_calls_itself(monkeypatch):
    """It is run for each direction."""
    runs, run = [], Variant.run
    monkeypatch.setattr(Variant, "run", lambda *args: runs.append(1) or run(*args))
    _, y_d = srcad.jvp(power, (1.5, 3), ([1.0, 2.0, -1.0], None), directions=3, jit=False)
    np.testing.assert_allclose(y_d, 3 * 1.5**2 * np.array([1.0, 2.0, -1.0]))
    assert len(runs) == 3


def scaled(x, c, n=2):
    return x * c**n, n, {"twice": 2.0 * x, "c": c}


@pytest.mark.parametrize("k", [0, 1, 3])
def test_structures(k):
    x, moving = np.array([1.0, 2.0], np.float32), np.ones((2, k))
    y, y_d = srcad.jvp(scaled, (x, 3.0), (moving, None), directions=k, jit=False)
    assert y[1] == 2
    assert y_d[1] is None
    assert y_d[0].shape == y_d[2]["twice"].shape == (2, k)
    assert y_d[2]["c"].shape == (k,)
    assert y_d[2]["twice"].dtype == np.float32
    np.testing.assert_allclose(y_d[0], 9.0 * moving)


def filled(out, x):
    out[:] = x * x
    out[0] = 1.0


def test_outputs():
    found = several(filled, (np.zeros(3), np.arange(3.0)), (None, np.eye(3)), outputs="out")
    np.testing.assert_allclose(found, np.diag([0.0, 2.0, 4.0]))


def test_errors():
    x = np.ones(2)
    with pytest.raises(ArgumentValueError, match=r"shape \(2, 2\), the argument x in 3 directions"):
        srcad.jvp(scaled, (x, 3.0), (np.eye(2), None), directions=3)
    with pytest.raises(ArgumentValueError, match="must not be negative"):
        srcad.jvp(scaled, (x, 3.0), (np.eye(2), None), directions=-1)
    with pytest.raises(ArgumentError, match="directions must be their number"):
        srcad.jvp(scaled, (x, 3.0), (np.eye(2), None), directions=True)
    with pytest.raises(UnsupportedError, match="directions= is not supported inside"):
        srcad.grad(lambda x: srcad.jvp(abs, (x,), (1.0,), directions=2)[1], jit=False)(2.0)
