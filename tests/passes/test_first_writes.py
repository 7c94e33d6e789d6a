"""Elements that a loop writes for the first time are not saved, all others are."""

import linecache
import random

import numpy as np
import pytest

import srcad
from tests.oracles import complex_step

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


def history(x, steps):
    """All states in one array, the boundary as well."""
    new = np.zeros((steps + 1, len(x)))
    new[0] = x
    for t in range(steps):
        new[t + 1, 0] = 0.5 * new[t, 1]
        for i in range(1, len(x) - 1):
            new[t + 1, i] = new[t, i] + new[t, i] * (new[t, i - 1] - new[t, i + 1])
    return np.sum(new[steps] * new[1])


def wall(x, steps):
    new = np.zeros((steps + 1, len(x)))
    new[0] = x
    for t in range(steps):
        for i in range(len(x) - 1):
            new[t + 1, i] = new[t, i] + new[t, i] * (x[i] - new[t, i + 1])
        new[t + 1, len(x) - 1] = new[t, 0] * new[t, 2]
    return np.sum(new[steps] * new[1])


def in_slices(x, steps):
    new = np.zeros((steps + 1, len(x)))
    new[0, :] = x * x
    for t in range(1, steps + 1):
        new[t, 1:-1] = new[t - 1, 1:-1] * (1.0 + 0.1 * new[t - 1, :-2]) - new[t - 1, 2:]
    return np.sum(new)


def numbers(x, steps):
    """Two sequences that hang on each other, and a value read before the write."""
    new, seen = np.zeros(steps + 2), np.zeros(steps + 3)
    new[0], seen[0], seen[1] = x[0], x[1], x[2] * x[3]
    for t in range(steps):
        a = new[t]
        seen[t + 2] = seen[t + 1] * a - 0.3 * seen[t] * a
        new[t + 1] = a + 0.1 * a * seen[t + 2]
    return new[steps] * seen[steps]


def backwards(x, steps):
    new = np.zeros((len(x), len(x) + 1))
    new[:, len(x)] = x
    for i in range(len(x)):
        for j in range(len(x) - 1, -1, -1):
            new[i, j] = new[i, j + 1] * (1.0 + x[j] * new[i, j + 1])
    return np.sum(new) * steps


def memory(x, steps):
    """Each number hangs on all before."""
    new = np.zeros((steps + 2, 2))
    new[0] = x[:2]
    for t in range(1, steps + 2):
        for i in range(2):
            s = x[i]
            for k in range(t):
                s += new[k, i] * new[k, 1 - i] * x[t - 1 - k]
            new[t, i] = s
    return np.sum(new[steps])


def neighbours(x, steps):
    """In two axes, with branches."""
    new = np.zeros((4, 5))
    for i in range(1, 4):
        for j in range(1, 4):
            if x[j] > 0.4:
                new[i, j] = x[i] * x[j] + new[i - 1, j + 1] * x[0] + new[i, j - 1] ** 2
            else:
                new[i, j] = x[j] * new[i - 1, j] + x[i] * new[i, j - 1] + 0.1
    return np.sum(new * new) * steps


def reads_ahead(x, steps):
    """Of the zeros that the next step overwrites."""
    new = np.zeros((steps + 1, len(x)))
    for t in range(steps):
        for i in range(1, len(x) - 1):
            new[t, i] = x[i] * x[i - 1] + new[t + 1, i] + new[t, i + 1] * x[0]
    return np.sum(new * new)


def ahead_in_the_row(x, steps):
    new = np.ones(len(x) + 1)
    new[len(x)] = x[0]
    for i in range(len(x)):
        new[i] = x[i] * x[i] + new[i + 1] * x[0] * new[i + 1]
    return np.sum(new * new)


def over_the_start(x, steps):
    """The second step writes what stood there before the loop."""
    new = np.zeros((steps + 1, len(x)))
    new[1] = x
    for t in range(steps):
        for i in range(len(x)):
            new[t, i] = x[i] * new[1, i] + x[0]
    return np.sum(new * new)


def boundary_too_far(x, steps):
    """What stands after the loop has been written in it, and read."""
    new = np.zeros((steps + 1, len(x)))
    new[0] = x
    for t in range(steps):
        for i in range(len(x)):
            new[t + 1, i] = new[t, i] * x[i] + 0.2
        new[t + 1, len(x) - 1] = new[t + 1, len(x) - 1] * new[t + 1, len(x) - 1] * x[0]
    return np.sum(new[steps])


def later_column(x, steps):
    """The inner loop goes on to columns that come later."""
    new = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        for i in range(len(x)):
            s = x[i] * x[j]
            for k in range(j + 1):
                s += new[i, k] * new[j, k] * x[0]
            new[i, j] = s
    return np.sum(new * new)


def counted_by_hand(x, steps):
    new = np.zeros(2 * len(x))
    k = 0
    while k < len(x):
        new[k] = x[k] * new[k - 1] + x[0]
        k += 1
    return np.sum(new * new) * steps


def put_back_otherwise(x, steps):
    """A step that is run again from the state that it began with."""
    new, slope = np.zeros((steps + 1, len(x))), np.zeros(len(x))
    new[0] = x
    for t in range(1, steps + 1):
        for i in range(len(x)):
            slope[i] = new[t - 1, i] * new[t - 1, i - 1]
        for i in range(len(x)):
            new[t, i] = new[t - 1, i] + slope[i] * slope[i]
    return np.sum(new[steps])


FIRST = [(step_up, X), (step_down_inside, X), (transposed, M)]
FIRST += [(f, X) for f in (history, wall, in_slices, numbers, backwards, memory, neighbours)]
FIRST += [(put_back_otherwise, X)]
NOT = [reads_what_it_wrote, writes_twice, one_buffer, reads_ahead, ahead_in_the_row]
NOT += [over_the_start, boundary_too_far, later_column, counted_by_hand]


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


# ---------------------------------------------------------------- random histories


def _place(random_, counters):
    """An index of the array: near the counters, or a literal."""
    out = []
    for counter in counters:
        ahead = random_.choice((-2, -1, -1, 0, 0, 0, 1))
        near = counter if ahead == 0 else f"{counter} {'+' if ahead > 0 else '-'} {abs(ahead)}"
        out.append(near if random_.random() < 0.9 else str(random_.choice((0, 1, 5, -1))))
    return ", ".join(out)


def _random_history(seed):
    """The text of a function that fills an array of two axes, in random directions."""
    random_ = random.Random(seed)
    lines = [f"def history_{seed}(x, steps):", "    new = np.zeros((7, 7))"]
    if random_.random() < 0.7:
        rows = random_.choice(("0", "1", "6"))
        lines += [
            f"    for j in range({random_.choice((5, 7))}):",
            f"        new[{rows}, j] = x[j % 4]",
        ]
    if random_.random() < 0.3:
        lines.append("    new[:, 6] = 0.3 * x[1]")
    ups = [random_.random() < 0.7 for _ in range(2)]
    order = random_.sample(("i", "j"), 2)

    def behind():
        """An element that the loops have come by."""
        steps = dict(zip(order, ups, strict=True))
        ahead = {order[0]: random_.choice((0, 1)), order[1]: random_.choice((-1, 0, 1))}
        if ahead[order[0]] == 0:
            ahead[order[1]] = 1
        return ", ".join(f"{c} {'-' if steps[c] else '+'} ({ahead[c]})" for c in "ij")

    def value():
        terms = [f"x[{random_.choice(('i % 4', 'j % 4'))}] * x[0]"]
        for _ in range(random_.randint(1, 2)):
            read = behind() if random_.random() < 0.8 else _place(random_, "ij")
            terms.append(f"0.3 * new[{read}] * new[{behind()}]")
        return " + ".join(terms)

    for depth, (counter, up) in enumerate(zip(order, ups, strict=True)):
        ends = random_.choice(("2, 6", "1, 6") if up else ("5, 1, -1", "5, 0, -1", "5, 1, -2"))
        lines.append("    " * (depth + 1) + f"for {counter} in range({ends}):")
        if depth == 0 and random_.random() < 0.3:
            lines.append(f"        a = x[0] * new[{_place(random_, (counter, '2'))}]")
            lines.append(f"        new[{_place(random_, (counter, '0'))}] = a * x[2] + 0.1")
    target = _place(random_, "ij") if random_.random() < 0.2 else "i, j"
    if random_.random() < 0.3:
        lines += ["            if x[j % 4] > 0.4:", f"                new[{target}] = {value()}"]
        lines += ["            else:", f"                new[{target}] = x[1] * x[j % 4]"]
    else:
        lines.append(f"            new[{target}] = {value()}")
    if random_.random() < 0.3:
        lines.append(f"            new[{_place(random_, 'ij')}] = new[{target}] * x[3] * x[3]")
    lines.append("    return np.sum(new * new * new) * steps")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(60))
def test_random_histories(seed):
    text = _random_history(seed)
    file = f"<history_{seed}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    namespace = {"np": np}
    exec(compile(text, file, "exec"), namespace)
    f = namespace[f"history_{seed}"]
    found = srcad.grad(f, jit=False)(X.copy(), 2)
    expected = complex_step(f, (X, 2), 0)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13, err_msg=text)
