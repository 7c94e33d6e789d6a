"""Lists whose length is known at run time only: of tuples, as stacks and queues, bound anew."""

from typing import NamedTuple

import numpy as np

from tests.programs.registry import grid, program, ramp, wave

MATRIX = np.array([[0.3, 0.7], [-0.2, 0.5]])


class Instant(NamedTuple):
    """A time and a state."""

    t: float
    y: np.ndarray


# ------------------------------------------------------------------------------ lists of tuples


def neighbours(x, radius):
    pairs = []
    for i in range(len(x)):
        for j in range(i):
            if abs(x[i] - x[j]) < radius:
                pairs.append((i, j))
    return pairs


@program(lambda: (wave(6), 0.6, 4), lambda: (wave(6), 3.0, 7))
def neighbour_list_made_again(x, radius, steps):
    x = x.copy()
    pairs = neighbours(x, radius)
    energy = 0.0
    for step in range(steps):
        if step % 3 == 2:
            pairs = neighbours(x, 1.5 * radius)
        force = np.zeros_like(x)
        for i, j in pairs:
            d = x[i] - x[j]
            force[i] += 0.1 * d
            force[j] -= 0.1 * d
            energy += d * d
        x += force
    return energy + len(pairs)


@program(lambda: (wave(5), 0.4))
def numbers_of_two_kinds(x, mu):
    chain = []
    y = 0.0
    for k, v in enumerate(x):
        if v > 0.0:
            y = y + mu * v
        chain.append((k, y))
    return sum(k * v * v for k, v in chain) / len(chain)


@program(lambda: (wave(2), 0.3))
def times_and_states(y0, h):
    history = [Instant(0.0, y0)]
    while history[-1].t < 1.0:
        last = history[-1]
        history.append(Instant(last.t + 0.3, last.y + h * MATRIX @ last.y))
    middle = history[len(history) // 2]
    return sum(p.t * p.y[0] for p in history) + middle.y[1] * len(history)


@program(lambda: (ramp(5),))
def stack_of_intervals(x):
    stack = [(0, len(x))]
    s = 0.0
    while stack:
        low, high = stack.pop()
        if high - low == 1:
            s += x[low] ** 2 * len(stack)
            continue
        middle = (low + high) // 2
        stack.append((low, middle))
        stack.append((middle, high))
    return s


@program(lambda: (0.7, 2))
def queue_of_tuples(x, depth):
    queue = [(0, x)]
    s = 0.0
    while len(queue) > 0:
        d, v = queue.pop(0)
        s = 0.9 * s + v * v
        if d < depth:
            queue.append((d + 1, 0.5 * v))
            queue.append((d + 1, v + 0.3))
    return s


@program(lambda: (grid(5, 2),))
def unzipped(xs):
    points = [(x, y * x) for x, y in xs if x > -0.5]
    us, vs = zip(*points)
    return np.dot(np.array(us), np.array(vs)) + np.array(points)[1, 1]


@program(lambda: (grid(4, 2),))
def segments(xs):
    found = [((xs[k, 0], xs[k, 1]), (xs[k + 1, 0], 1.0)) for k in range(len(xs) - 1)]
    s = 0.0
    for k, (a, b) in enumerate(reversed(found)):
        s += (k + 1) * (b[0] - a[0]) ** 2 * b[1] + a[1]
    return s


@program(lambda: (wave(5), wave(5, 0.8)))
def slices_copies_and_items(x, y):
    events = []
    for k in range(len(x)):
        if x[k] > -10.0:
            events.append((k, x[k], x[k] * y[:3]))
    later = events[1:]
    later.extend(events)
    later += events[:2]
    events.append((7, y[0], x[:3]))
    s = 0.0
    for (k, v, row), w in zip(later, y):
        s += (k + 1) * v * row[-1] * w
    return s * len(later) + events[-1][1] * events[-2][2][0]


@program(lambda: (grid(4, 2),))
def rows_of_lists(xs):
    rows = []
    for x, y in xs:
        rows.append([x, y * x])
    m = np.array(rows)
    rows[1] = [xs[0, 1], 2.0]
    return np.sum(m**2) + rows[1][0] * rows[2][1]


@program(lambda: (wave(5),))
def largest_of_candidates(x):
    best = (0, x[0])
    for c in [(k, x[k] * x[k]) for k in range(len(x))]:
        if c[1] > best[1]:
            best = c
    return best[0] * best[1]


@program(lambda: (wave(5),), lambda: (wave(5, 2.0),))
def filled_on_one_path(x):
    pairs = []
    if x[0] > 0.0:
        pairs = [(v, 2 * v) for v in x if v > -10.0]
    return sum(a * b for a, b in pairs) + len(pairs) * x[1]


# ---------------------------------------------------------------------- comprehensions of arrays


@program(lambda: (grid(4, 2),))
def rows_mapped(xs):
    ys = np.array([MATRIX @ x for x in xs])
    return np.sum(ys**2)


@program(lambda: (grid(4, 2),))
def rows_filtered(xs):
    ys = [MATRIX @ x for x in xs if x[0] > 0.0]
    return np.sum(np.array(ys) ** 2) + len(ys) * xs[0, 1]


@program(lambda: (wave(5),))
def rows_of_a_shape_made_inside(x):
    ys = [np.outer(x[:2] * v, np.ones(2)) for v in x]
    return sum(y[0, 1] * y[1, 0] for y in ys) + np.sum(ys[-1] ** 2)


@program(lambda: (grid(4, 2),))
def rows_copied_before_a_write(xs):
    u = xs.copy()
    ys = [2.0 * row for row in u]
    u[0, 0] = 5.0
    return np.vstack(ys)[0, 0] * u[1, 1]


@program(lambda: (wave(4),))
def appended_while_a_callee_assigns(x):
    def doubled(v):
        y = np.zeros(2)
        y[0] = 2.0 * v
        return y

    ys = []
    for k in (0, 1, 2):
        ys.append(doubled(x[k]))
    return ys[0][0] * ys[2][0] + ys[1][0]


# ------------------------------------------------------------------------------ lists of numbers


@program(lambda: (wave(5),))
def stack(x):
    pending = list(x)
    s = 0.0
    while pending:
        s = 0.5 * s + pending.pop() ** 2
    if not pending:
        s *= 2.0
    return s


@program(lambda: (ramp(5),))
def taken_by_place(x):
    pending = [v * v for v in x]
    s = 0.0
    while len(pending) > 1:
        j = int(np.argmin(np.array(pending)))
        s = 0.5 * s + pending.pop(j) * pending[-1]
    return s + pending[0]


@program(lambda: (ramp(5), 2), lambda: (ramp(5), -2), lambda: (ramp(5), 9))
def inserted_and_deleted(x, k):
    a = [2.0 * v for v in x]
    a.insert(k, x[0])
    a.insert(0, x[1])
    del a[3]
    a.extend([v * v for v in x if v > 0.0])
    return sum(i * v for i, v in enumerate(a)) + a.pop(-2)


@program(lambda: (0.7, 3), lambda: (0.7, 0))
def frontier(x, depth):
    front = [x]
    s = 0.0
    level = 0
    while front:
        following = []
        for v in front:
            s = 0.9 * s + v * v
            if level < depth:
                following.append(0.5 * v)
                following.append(v + 0.1)
        front = following
        level += 1
    return s


@program(lambda: (wave(5),), lambda: (wave(5, 2.0),))
def one_of_two_lists(x):
    a = [v for v in x if v > -10.0]
    if x[0] > 0.0:
        a = [2.0 * v for v in x[1:] if v > -10.0]
    return sum(v * v for v in a) + a[1] * len(a)


@program(lambda: (wave(5),))
def integers_then_floats(x):
    a = [1]
    for k in range(len(x)):
        if x[k] > 0.0:
            a = [v * k for v in x if v > -5.0]
    return sum(a) + a[0]
