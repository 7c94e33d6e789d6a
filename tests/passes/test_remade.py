"""What lay in elements between two loops, made again instead of saved: where, and that it is right.

The oracle is central differences of the function as Python runs it (``slopes_agree``), and complex
step for loops in random directions.
"""

import itertools
import linecache
import random

import numpy as np
import pytest

from srcad import grad
from tests.oracles import complex_step
from tests.passes.support import INTEGER, F, M, V, gradient_text, slopes_agree

X = np.array([0.3, 1.2, 0.7, 0.45, 0.9])
C = np.array([0.4, -0.3, 0.6, 0.8, 0.5])
XX, CC = np.outer(X, 1.0 + C), np.outer(1.0 - C, X)


def solved(c, x, n):
    """Eliminated forward, substituted back: the middle is made again."""
    for _ in range(n):
        for i in range(1, x.size - 1):
            d = 0.5 * c[i]
            x[i] = c[i] * (d + x[i - 1])
        for i in range(x.size - 2, 0, -1):
            x[i] += c[i] * x[i + 1]
    return np.sum(x * x)


def by_rows(c, x, n):
    """Each row is solved on its own; the columns of it are made of the rows around."""
    y = x.copy()
    for _ in range(n):
        for i in range(1, x.shape[0] - 1):
            for j in range(1, x.shape[1] - 1):
                y[i, j] = c[i, j] * (x[i - 1, j] + x[i + 1, j] + y[i, j - 1])
            for j in range(x.shape[1] - 2, 0, -1):
                y[i, j] += c[i, j] * y[i, j + 1]
        for j in range(1, x.shape[1] - 1):
            for i in range(1, x.shape[0] - 1):
                x[i, j] = 0.5 * c[i, j] * (y[i, j - 1] * x[i - 1, j] + y[i, j + 1])
        for i in range(x.shape[0] - 2, 0, -1):
            for j in range(1, x.shape[1] - 1):
                x[i, j] = x[i, j] * c[i, j] - x[i + 1, j] * x[i, j]
    return np.sum(x * x) + np.sum(y)


def scaled(c, x, n):
    """No neighbours: in which direction the loops run does not matter, counters are shifted."""
    y = x.copy()
    h = 0.7
    for k in range(n):
        for i in range(x.size - 1):
            y[i + 1] = h * c[i] * c[i + 1] + k
        for j in range(1, x.size):
            y[j] *= y[j] * c[j]
            x[j] += y[j]
        h = h * y[2]
    return np.sum(x * x)


def in_one_loop(c, x, n):
    """Both statements in one iteration."""
    y = x.copy()
    for _ in range(n):
        for i in range(1, x.size):
            y[i] = c[i] * c[i] + 0.5 * y[i - 1]
            y[i] = y[i] * y[i] * c[i - 1]
    return np.sum(y)


MADE = [(solved, V, (C, X, 3)), (by_rows, M, (CC, XX, 2)), (scaled, V, (C, X, 3))]
MADE += [(in_one_loop, V, (C, X, 3))]


@pytest.mark.parametrize(("f", "kind", "args"), MADE)
def test_it_is_made_again(f, kind, args):
    text = gradient_text(f, (kind, kind, INTEGER), "c")
    found = [line for line in text.splitlines() if " = tape(" in line]
    expected = {solved: 1, by_rows: 2, scaled: 2, in_one_loop: 1}
    assert len(found) == expected[f], text
    slopes_agree(f, args, wrt=("c", "x"))


def along(c, x, n):
    """The second loop runs with the first: a neighbour is overwritten before it is needed."""
    for _ in range(n):
        for i in range(1, x.size):
            x[i] = c[i] * (0.5 + x[i - 1])
        for i in range(1, x.size):
            x[i] += c[i] * x[i] * x[i - 1]
    return np.sum(x * x)


def fewer(c, x, n):
    """The loops run over other elements."""
    for _ in range(n):
        for i in range(1, x.size):
            x[i] = c[i] * (0.5 + c[i - 1])
        for i in range(x.size):
            x[i] *= c[i] * x[i]
    return np.sum(x * x)


def changed(c, x, n):
    """What it is made of is written in between."""
    y = c.copy()
    for _ in range(n):
        for i in range(x.size):
            x[i] = y[i] * (0.5 + c[i])
        for i in range(x.size):
            y[i] = c[i] * x[i]
        for i in range(x.size):
            x[i] *= y[i] * x[i]
    return np.sum(x * x)


def changed_scalar(c, x, n):
    h = 0.5
    for _ in range(n):
        for i in range(x.size):
            x[i] = c[i] * h
        h = h * x[0] + 0.3
        for i in range(x.size):
            x[i] *= c[i] * x[i]
    return np.sum(x * x) * h


def carried(c, x, n):
    """A sum up to the element."""
    for _ in range(n):
        s = 0.2
        for i in range(x.size):
            s = s * c[i] + 0.1
            x[i] = s
        for i in range(x.size):
            x[i] *= c[i] * x[i]
    return np.sum(x * x)


def around(c, x, n):
    """-1 is the last element."""
    for _ in range(n):
        for i in range(x.size):
            x[i] = c[i] * (0.5 + x[i - 1])
        for i in range(x.size - 1, -1, -1):
            x[i] *= c[i] * x[i - 1]
    return np.sum(x * x)


def own(c, x, n):
    """It is made of what it was before."""
    for _ in range(n):
        for i in range(x.size):
            x[i] = c[i] * (0.5 + x[i] * x[i])
        for i in range(x.size):
            x[i] *= c[i] * x[i]
    return np.sum(x * x)


def sometimes(c, x, n):
    for k in range(n):
        for i in range(x.size):
            if c[i] > 0.1 * k:
                x[i] = c[i] * c[i]
        for i in range(x.size):
            x[i] *= c[i] * x[i]
    return np.sum(x * x)


def elsewhere(c, x, n):
    """A view of it is written in between."""
    y = x[1:]
    for _ in range(n):
        for i in range(x.size):
            x[i] = c[i] * c[i]
        y[0] = c[2] * x[2]
        for i in range(x.size):
            x[i] *= c[i] * x[i]
    return np.sum(x * x)


def dear(c, x, n):
    """Exponentials are not evaluated again."""
    for _ in range(n):
        s = 0.0
        for i in range(x.size):
            x[i] = np.exp(c[i]) * c[i]
            s += x[i]
        for i in range(x.size):
            x[i] /= s
    return np.sum(x * x)


REFUSED = [along, fewer, changed, changed_scalar, carried, around, own, sometimes, elsewhere, dear]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("f", REFUSED)
def test_it_is_saved(f):
    text = gradient_text(f, (V, V, INTEGER), "c")
    reverse = text[text.index("# reverse sweep") :].splitlines()
    assert any(" = x_tape" in line or " = y_tape" in line for line in reverse), text
    slopes_agree(f, (C, X, 3), wrt=("c", "x"))


def while_it_lasts(c, x, t):
    """An unknown number of steps, and a scalar that changes from one to the next."""
    while t < 1.0:
        h = 0.3 * t * c[0]
        for i in range(1, x.size - 1):
            x[i] = h * (c[i] + x[i - 1])
        for i in range(x.size - 2, 0, -1):
            x[i] += c[i] * x[i + 1] * x[i]
        t += 0.2 + 0.01 * x[1]
    return np.sum(x * x) * t


def test_scalars_of_the_step():
    text = gradient_text(while_it_lasts, (V, V, F), "c")
    assert "x[i] = h * (c[i] + x[i - 1])" in text[text.index("# reverse sweep") :]
    slopes_agree(while_it_lasts, (C, X, 0.1), wrt=("c", "x", "t"))


def test_snapshots_and_segments_agree():
    expected = grad(by_rows, wrt="c")(CC, XX.copy(), 12)
    found = grad(by_rows, wrt="c", memory="3kB")(CC, XX.copy(), 12)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# ---------------------------------------------------------------- loops in random directions

_COUNTERS = ("i", "j")


def _nest(value, order, upward, ends):
    """The lines of a nest, in this order of loops, each up or down."""
    out = []
    for depth, axis in enumerate(order):
        low, high = ends[axis]
        steps = f"{low}, {high}" if upward[axis] else f"{high} - 1, {low} - 1, -1"
        out.append("    " * (depth + 2) + f"for {_COUNTERS[axis]} in range({steps}):")
    return [*out, "    " * (len(order) + 2) + f"x[i, j] = {value}"]


def _random_pair(seed):
    """The text of a function with two nests that write the same field."""
    random_ = random.Random(seed)

    def near(name):
        di, dj = random_.choice(list(itertools.product((-1, 0, 1), repeat=2)))
        return f"{name}[i + {di}, j + {dj}]".replace("+ -", "- ").replace(" + 0", "")

    def value(own):
        terms = [f"0.3 * {near('x')}" for _ in range(own)]
        return " + ".join([*terms, f"c[i, j] * {near('w')}", f"0.1 * {near(random_.choice('cw'))}"])

    box = [(1, "m - 1"), (random_.choice((1, 2)), "m - 1")]
    other = box if random_.random() < 0.9 else box[::-1]
    order, upward = random_.sample((0, 1), 2), random_.choices((True, False), k=2)
    again = order if random_.random() < 0.7 else order[::-1]
    backward = [up == (random_.random() < 0.2) for up in upward]
    second = value(2) if random_.random() < 0.5 else f"x[i, j] * ({value(1)})"
    between = ["        w[2, 2] = 0.5 * w[2, 2] + c[1, 1]"] if random_.random() < 0.1 else []
    lines = [
        f"def pair_{seed}(c, x, w, n):",
        "    m = x.shape[0]",
        "    for _ in range(n):",
        *_nest(value(random_.choice((0, 1, 1, 2))), order, upward, box),
        *between,
        *_nest(second, again, backward, other),
        "    return np.sum(x * x)",
    ]
    return "\n".join(lines) + "\n"


def _function(text, name):
    file = f"<{name}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    namespace = {"np": np}
    exec(compile(text, file, "exec"), namespace)
    return namespace[name]


@pytest.mark.parametrize("seed", range(30))
def test_random_directions(seed):
    text = _random_pair(seed)
    f = _function(text, f"pair_{seed}")
    random_ = np.random.default_rng(seed)
    c, x, w = (0.2 + 0.6 * random_.random((5, 5)) for _ in range(3))

    found = grad(f, wrt="c", jit=False)(c, x.copy(), w.copy(), 2)
    np.testing.assert_allclose(
        found, complex_step(f, (c, x, w, 2), 0), rtol=1e-11, atol=1e-13, err_msg=text
    )
