"""Elements that a loop writes for the first time are not saved, all others are."""

import numpy as np
import pytest

import srcad

X = np.array([0.3, 0.5, 0.7, 0.9])
M = np.add.outer(X, 2.0 * X)


def step_up(x, steps):
    for t in range(steps):
        new = np.zeros(len(x))
        for i in range(len(x)):
            new[i] = x[i] * x[0]
        x = new
    return np.sum(x)


def step_down_inside(x, steps):
    for t in range(steps):
        n = len(x)
        new = np.empty(n)
        for i in range(n - 1, -1, -1):
            if x[i] > 0.2:
                new[i] = x[i] * x[0]
            else:
                new[i] = x[i]
        x = new
    return np.sum(x)


def some_of_them(x, steps):
    for t in range(steps):
        new = np.zeros(len(x))
        for i in range(1, len(x) - 1):
            if x[i] > 0.1:
                new[i] = x[i - 1] * x[i + 1]
        x = x + 0.1 * new
    return np.sum(x * x)


def transposed(a, steps):
    for t in range(steps):
        new = np.empty((a.shape[1], a.shape[0]))
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                new[j, i] = a[i, j] * a[0, 0]
        a = new
    return np.sum(a * a)


def reads_what_it_wrote(x, steps):
    for t in range(steps):
        new = np.zeros(len(x))
        for i in range(len(x)):
            new[i] = x[i] * (1.0 + new[i - 1])
        x = x * new
    return np.sum(x)


def comes_round(x, steps):
    for t in range(steps):
        new = np.zeros(len(x))
        for i in range(len(x) + 1):
            new[i - 1] = x[(i + 1) % 4] * x[0]
        x = new
    return np.sum(x * x)


def writes_twice(x, steps):
    for t in range(steps):
        new = np.zeros(len(x))
        for i in range(len(x)):
            new[i] = x[i] * x[0]
        total = np.sum(new * new)
        for i in range(len(x)):
            new[i] = new[i] * total
        x = new
    return np.sum(x)


def same_element(x, steps):
    for t in range(steps):
        new = np.zeros(len(x))
        s = 0.0
        for k in range(3):
            for i in range(len(x)):
                s += x[i] * k
                new[i] = s * x[i]
        x = 0.1 * new * new
    return np.sum(x)


def one_buffer(x, steps):
    new = np.zeros(len(x))
    for t in range(steps):
        for i in range(1, len(x)):
            new[i] = x[i] * x[0] + 0.1 * t
        x = x + x * new
        new[0] = x[1]
    return np.sum(x)


def seen_by_another_name(x, steps):
    for t in range(steps):
        new = np.zeros(len(x))
        seen = new
        for i in range(len(x)):
            new[i] = x[i] * (1.0 + seen[0])
        x = seen * x
    return np.sum(x)


FIRST = [(step_up, X), (step_down_inside, X), (transposed, M)]
NOT = [reads_what_it_wrote, writes_twice, one_buffer]


@pytest.mark.parametrize(("f", "x"), FIRST, ids=lambda p: getattr(p, "__name__", ""))
def test_first_writes_are_not_saved(f, x):
    assert "new_tape" not in srcad.grad(f).source(x, 3)


@pytest.mark.parametrize("f", NOT)
def test_what_may_be_read_again_is_saved(f):
    assert "new_tape" in srcad.grad(f).source(X, 3)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        *FIRST,
        *((f, X) for f in (some_of_them, comes_round, *NOT, same_element, seen_by_another_name)),
    ],
    ids=lambda p: getattr(p, "__name__", ""),
)
def test_derivatives_are_right(f, x):
    srcad.check_grads(f, (x, 3), jit=False)
    if f.__name__ != "seen_by_another_name":
        srcad.check_grads(f, (x, 2), order=2, modes=("rev",), jit=False)
