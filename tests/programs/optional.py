"""Values that are None on some paths: results of helpers, running bests, missing arguments."""

import numpy as np

from tests.programs.registry import grid, program, wave


def hit(origin, direction, center, radius):
    gap = center - origin
    along = gap * direction
    inside = radius**2 - gap**2 + along**2
    if inside < 0.0:
        return None
    root = np.sqrt(inside)
    return along - root, along + root


@program(
    lambda: (0.2, 0.9, wave(4)), lambda: (0.2, 0.9, wave(4) * 0.1), lambda: (5.0, 0.2, wave(4))
)
def nearest_hit(origin, direction, centers):
    best = None
    for c in centers:
        found = hit(origin, direction, c + 1.5, 0.8)
        if found is None:
            continue
        near, _far = found
        if best is None or near < best:
            best = near
    if best is None:
        return origin * 0.5
    return best**2 + origin


def first_above(x, level):
    for v in x:
        if v > level:
            return v


@program(lambda: (wave(5), 0.3), lambda: (wave(5), 3.0))
def falls_off_the_end(x, level):
    v = first_above(x, level)
    return v * v * level if v is not None else np.sum(x) * level


@program(lambda: (grid(3, 2), 0.1), lambda: (grid(3, 2), 9.0))
def row_or_nothing(a, level):
    chosen = None
    for row in a:
        if row[0] > level:
            chosen = row
    if chosen is not None:
        chosen[1] *= chosen[0]
    return np.sum(a * a) + (0.0 if chosen is None else chosen[1])


@program(lambda: (wave(4), 3), lambda: (wave(4), 0))
def previous_step(x, n):
    previous = None
    s = 0.0
    for k in range(n):
        y = np.sin(x * (k + 1.0))
        if previous is not None:
            s += np.dot(y, previous)
        previous = y
    return s + x[0]


@program(lambda: (0.4, 0.9, True), lambda: (0.4, 0.9, False))
def truth_of_a_result(x, y, c):
    def pair(a, b, wanted):
        return (a * b, a - b) if wanted else None

    p = pair(x, y, c)
    if p:
        u, v = p
        return u * v
    return x * y


@program(lambda: (0.4, 0.9, 2), lambda: (0.4, 0.9, 0))
def handed_on(x, y, n):
    def scaled(a, factor=None):
        if factor is None:
            factor = y
        return a * factor

    found = None
    for k in range(n):
        found = x * (k + 1.0)
    copy = found
    found = None
    return scaled(x, copy) + (1.0 if found is None else 2.0)
