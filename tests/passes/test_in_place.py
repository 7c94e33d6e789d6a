"""Arrays that a loop binds anew, written in place: never where somebody else has hold of one."""

import inspect

import numpy as np
import pytest

import srcad
from srcad.analysis.alias import points_to
from srcad.analysis.updates import updates
from srcad.ir.nodes import Bind, For, statements
from srcad.transform.coalesce import coalesce
from srcad.transform.in_place import in_place
from tests import oracles
from tests.passes.support import INTEGER, V, elaborated, lines, text

x5 = np.array([0.9, 0.4, 1.3, -0.6, 0.2])
y5 = np.array([0.1, -0.7, 0.8, 0.5, -0.3])


def after(function, *types) -> str:
    """The body of a function with arrays written in place."""
    program = elaborated(function, *types)
    body = coalesce(program.body)
    return lines(in_place(body, program.arrays, program.escaping(), program.names))


def rebinds(function, *types) -> list[str]:
    """The names that loops still bind anew."""
    program = elaborated(function, *types)
    body = in_place(coalesce(program.body), program.arrays, program.escaping(), program.names)
    loops = [s for s in statements(body) if isinstance(s, For)]
    return sorted({t for s in loops for b in s.body if isinstance(b, Bind) for t in b.targets})


def agrees(function, *args, jit=False) -> None:
    """The gradient is that of complex step, and the arguments are left alone."""
    before = [np.copy(a) for a in args]
    arrays = tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray))
    value, found = srcad.value_and_grad(function, wrt=arrays, jit=jit)(*args)  # type: ignore[misc]
    np.testing.assert_allclose(value, function(*map(np.copy, args)), rtol=1e-12)
    for k, gradient in zip(arrays, found, strict=True):
        expected = oracles.complex_step(function, args, k)
        np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-9)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)


def euler(x, n):
    for t in range(n):
        x = x + 0.1 * x * x
    return np.sum(x)


def test_what_is_written():
    assert after(euler, V, INTEGER) == text("""
        x_1 = x.copy()
        for t in range(n):
            x_new = np.empty(x_1.shape[0])
            for i in range(x_1.shape[0]):
                x_new[i] = x_1[i] + 0.1 * x_1[i] * x_1[i]
            for i_2 in range(x_new.shape[0]):
                x_1[i_2] = x_new[i_2]
        s = 0.0
        for i_1 in range(x_1.shape[0]):
            s += x_1[i_1]
    """)


def test_what_is_computed_only_to_be_stored_is_stored_at_once():
    source = srcad.grad(euler, jit=False).source(x5, 3)
    assert "x_1[i] += 0.1 * x_1[i] * x_1[i]" in source and "x_new" not in source

    def f(x, n):
        for t in range(n):
            z = np.sin(x)
            x = z
            x = x + 0.1 * z * x
        return np.sum(x)

    agrees(f, x5, 3)


def neighbours(x, y, n):
    for t in range(n):
        k = np.roll(x, 1) * np.roll(x, -2)
        x = x + 0.1 * np.sin(k) * y
    return np.sum(x * x)


def half_steps(x, y, n):
    for t in range(n):
        x = np.sin(x) * y
        x = x + 0.2 * x[::-1]
    return np.sum(x)


def two_names(x, y, n):
    u = x * 2.0
    for t in range(n):
        u_next = u * np.cos(y)
        y_next = y + 0.1 * u
        u, y = u_next, y_next
    return np.sum(u * y)


def leaves_a_branch(x, y, n):
    for t in range(n):
        z = x * y
        if t % 2 == 1:
            x = np.sin(z)
    return np.sum(x)


def borders(x, y, n):
    for t in range(n):
        x = x * y
        x[0] = y[1] * y[1]
    return np.sum(x * x)


def products(x, y, n):
    a = np.outer(y, y) + 0.1
    for t in range(n):
        x = a @ x * 0.3
    return np.sum(x * x)


def nested(x, y, n):
    s = 0.0
    for r in range(n):
        z = x * y[r]
        for t in range(n):
            z = z + 0.1 * np.sin(z) * y
        s += np.sum(z)
    return s


def never_runs(x, y, n):
    for t in range(0, n):
        x = np.sin(x)
    x = x * y
    return np.sum(x * x)


def read_afterwards(x, y, n):
    s = 0.0
    for t in range(n):
        z = x * y
        x = z
        s += np.sum(z * x) * x[0]
    return s


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize(
    "function",
    [
        neighbours,
        half_steps,
        two_names,
        leaves_a_branch,
        borders,
        products,
        nested,
        never_runs,
        read_afterwards,
    ],
)
def test_written_in_place(function, n):
    types = [V if name != "n" else INTEGER for name in inspect.signature(function).parameters]
    assert rebinds(function, *types) == []
    agrees(function, x5, y5, n)


def test_compiled():
    agrees(neighbours, x5, y5, 4, jit=True)


# ---------------------------------------------------------------- left as they are


def previous_kept(x, y, n):
    before = x
    for t in range(n):
        after = x * y
        before = x
        x = after
    return np.sum(before * x)


def swapped(x, y, n):
    u = x * 1.0
    v = y * 1.0
    for t in range(n):
        w = u * v
        u = v
        v = w
    return np.sum(u * v)


def bound_to_an_argument(x, y, n):
    u = x * 1.0
    for t in range(n):
        w = u * y
        u = w if t % 2 == 0 else y
    return np.sum(u * u)


def listed(x, y, n):
    states = []
    for t in range(n):
        x = x * y
        states.append(x)
    s = np.sum(x)
    for z in states:
        s += np.sum(np.sin(z))
    return s


def shrinking(x, y, n):
    for t in range(n):
        x = x[1:] * x[:-1]
    return np.sum(x) + y[0]


def start_is_written(x, y, n):
    z = x * 1.0
    w = z
    s = 0.0
    for t in range(n):
        z[0] = y[t]
        s += w[0] * w[1]
        w = w * y
    return s + np.sum(z)


def written_before_it_is_new(x, y, n):
    z = x * 1.0
    w = z
    for t in range(n):
        w[1] = y[0] * t
        w = w * y
    return np.sum(w) + np.sum(z * z)


def written_by_both_names(x, y, n):
    s = 0.0
    for t in range(n):
        z = x * y
        x = z
        x[0] = y[1]
        s += z[0] * y[2]
    return s + np.sum(x)


def whiled(x, y, n):
    while np.sum(x * x) > 0.1:
        x = 0.5 * x * np.cos(y)
    return np.sum(x) * n


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(
    "function",
    [
        previous_kept,
        swapped,
        bound_to_an_argument,
        listed,
        shrinking,
        start_is_written,
        written_before_it_is_new,
        written_by_both_names,
        whiled,
    ],
)
def test_somebody_else_has_hold_of_it(function, n):
    if n == 0 and function is shrinking:
        pytest.skip("x itself is returned")
    agrees(function, x5, y5, n)


@pytest.mark.parametrize(
    "function", [previous_kept, swapped, shrinking, start_is_written, written_before_it_is_new]
)
def test_bound_anew_as_it_was(function):
    assert rebinds(function, V, V, INTEGER) != []


def test_the_argument_itself_is_returned_unshared():
    def f(x, n):
        for t in range(n):
            x = np.sin(x)
        return x

    for n in (0, 2):
        out, pullback = srcad.vjp(f, x5, n, jit=False)
        assert not np.shares_memory(out, x5)
        np.testing.assert_allclose(out, f(x5, n))
        seed = np.arange(5.0)
        expected = [oracles.complex_step(lambda x: f(x, n)[k], (x5,), 0) for k in range(5)]
        np.testing.assert_allclose(pullback(seed)[0], seed @ np.array(expected), atol=1e-12)


# ---------------------------------------------------------------- put back first


def updated(function, *types) -> list[str]:
    """The arrays that the first loop updates once, after everything that reads them."""
    body = elaborated(function, *types).body
    arrays = elaborated(function, *types).arrays
    loop = next(s for s in body if isinstance(s, For))
    return sorted(updates(loop, points_to(body, set(arrays))))


def stepped(u, n):
    u = u.copy()
    for t in range(n):
        w = np.zeros(len(u))
        for i in range(1, len(u)):
            w[i] = np.sin(u[i]) * u[i - 1]
        for i in range(len(u)):
            u[i] = u[i] + 0.1 * np.sin(w[i])
    return np.sum(u)


def read_after_the_update(u, n):
    u = u.copy()
    s = 0.0
    for t in range(n):
        w = np.cumsum(u * u)
        for i in range(len(u)):
            u[i] = u[i] + 0.1 * np.sin(w[i])
        s += u[1]
    return s


def read_at_another_place(u, n):
    u = u.copy()
    for t in range(n):
        w = np.cumsum(u * u)
        for i in range(1, len(u)):
            u[i] = u[i - 1] * np.sin(w[i])
    return np.sum(u)


def written_twice(u, n):
    u = u.copy()
    for t in range(n):
        w = np.cumsum(u * u)
        for i in range(len(u)):
            u[i // 2] = u[i // 2] * np.sin(w[i])
    return np.sum(u)


def last_element_by_minus_one(u, n):
    u = u.copy()
    for t in range(n):
        w = np.cumsum(u * u)
        for i in range(len(u)):
            u[i - 1] = u[i - 1] * np.sin(w[i])
    return np.sum(u)


def sometimes(u, n):
    u = u.copy()
    for t in range(n):
        w = np.cumsum(u * u)
        for i in range(len(u)):
            if w[i] > 1.0:
                u[i] = u[i] * np.sin(w[i])
    return np.sum(u)


def with_another_name(u, n):
    u = u.copy()
    v = u * 2.0
    for t in range(n):
        w = np.cumsum(u * v)
        for i in range(len(u)):
            u[i] = u[i] * np.sin(w[i])
        u, v = v, u
    return np.sum(u - v)


def by_its_result(u, n):
    for t in range(n):
        w = np.roll(u, -1) * np.roll(u, 1)
        z = np.zeros(len(u))
        for i in range(1, len(u)):
            z[i] = w[i] * w[i - 1]
        u = np.tanh(z + w)
    return np.sum(u * u)


def counter_from_before(u, n):
    u = u.copy()
    s = 0.0
    i = 2
    for t in range(n):
        w = np.cumsum(u * u) * u[i - 1]
        for i in range(1, len(u) - t):
            u[i] = u[i] + np.sin(w[i])
    return np.sum(u) + s


STEPS = {
    stepped: True,
    read_after_the_update: False,
    read_at_another_place: False,
    written_twice: False,
    last_element_by_minus_one: False,
    sometimes: False,
    with_another_name: False,
    counter_from_before: True,
    by_its_result: False,
}


@pytest.mark.parametrize("function", STEPS)
def test_updates(function):
    assert any(name.startswith("u") for name in updated(function, V, INTEGER)) == STEPS[function]


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("function", STEPS)
def test_gradients_of_updates(function, n):
    agrees(function, x5, n)


def with_a_product(u, a, n):
    u = u.copy()
    for t in range(n):
        w = np.empty(len(u))
        for i in range(len(u)):
            s = 0.0
            for j in range(len(u)):
                s += a[i] * a[j] * u[j]
            w[i] = np.sin(s)
        for i in range(len(u)):
            u[i] = w[i] * w[0]
    return np.sum(u)


@pytest.mark.parametrize("n", [0, 3])
def test_inner_loops_are_not_run_again(n):
    text = srcad.grad(with_a_product, jit=False).source(x5, y5, n)
    reverse = text[text.index("# reverse sweep") :]
    assert "s = plus(s, a[i] * a[j] * u_1[j])" in text and "w[i] = math" not in reverse
    agrees(with_a_product, x5, y5, n)


def test_steps_are_run_again_from_the_state():
    source = srcad.grad(stepped, jit=False).source(x5, 3)
    assert source.count("u_1_tape[t, i] = u_1[i]") == 1
    assert "u_1[i] = u_1_tape[t, i]" not in source  # it is read where it stands
    assert "w_list" not in source and source.count(" = tape(pool") == 1


def test_all_of_a_new_array_from_neighbours():
    """The elements that it is exchanged with are overwritten, each with one of another iteration."""

    def f(u, k, steps):
        n = u.size
        for _ in range(steps):
            right = np.empty(n)
            for i in range(n):
                right[i] = k * u[i] * u[i - 1] + np.sin(u[n - 1 - i])
            u = right
        return np.sum(u * u)

    for steps in range(5):
        args = (np.linspace(0.2, 0.9, 4), 0.7, steps)
        for name in ("u", "k"):
            found = srcad.grad(f, wrt=name, jit=False)(*args)
            expected = oracles.complex_step(f, args, ("u", "k").index(name))
            np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_all_of_a_formula_of_slices():
    def f(u, k, steps):
        for _ in range(steps):
            u = np.concatenate((u[1:] * u[:-1], k * u[:1] + np.sin(u[-1:])))
        return np.sum(u * u)

    for steps in range(5):
        args = (np.linspace(0.2, 0.9, 4), 0.7, steps)
        for name in ("u", "k"):
            found = srcad.grad(f, wrt=name, jit=False)(*args)
            expected = oracles.complex_step(f, args, ("u", "k").index(name))
            np.testing.assert_allclose(found, expected, rtol=1e-11)
