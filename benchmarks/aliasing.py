"""What names, views and buffers cost: each program beside one that needs no notion of aliasing.

A pair computes the same: once as people write it, with swapped buffers, views of rows, helpers that
write into what they are given, tuples of arrays; once with indices into one array, each name in its
place. The adjoints hold no run-time bookkeeping (``machinery``) in any of them, and should take the
same time, also where a branch decides which array a name denotes.

    python -m benchmarks.aliasing
"""

import re

import numpy as np

from benchmarks.measure import in_turns


def arguments(n=4096, steps=60):
    """A field and a number of steps."""
    return 0.5 + 0.4 * np.sin(np.linspace(0.0, 6.0, n)), steps


# ------------------------------------------------------------ two buffers that are swapped


def swapped(x, steps):
    """The usual way to step: two names change places."""
    u, v = x.copy(), x.copy()
    for _ in range(steps):
        for i in range(1, len(u) - 1):
            v[i] = u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1]) * u[i]
        u, v = v, u
    return np.sum(u * u)


def unswapped(x, steps):
    """Two steps at a time, each name in its place."""
    u, v = x.copy(), x.copy()
    for _ in range(steps // 2):
        for i in range(1, len(u) - 1):
            v[i] = u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1]) * u[i]
        for i in range(1, len(u) - 1):
            u[i] = v[i] + 0.1 * (v[i - 1] - 2.0 * v[i] + v[i + 1]) * v[i]
    return np.sum(u * u)


# ------------------------------------------------------------ views, helpers, tuples


def advance(out, u, c):
    """One step, written into the first argument."""
    for i in range(1, len(u) - 1):
        out[i] = u[i] + c * (u[i - 1] - 2.0 * u[i] + u[i + 1]) * u[i]


def with_views(x, steps):
    """Rows of a history by name, and a helper that writes into one."""
    history = np.zeros((steps + 1, len(x)))
    history[0] = x
    for t in range(steps):
        new, old = history[t + 1], history[t]
        advance(new, old, 0.1)
    return np.sum(history[steps] ** 2)


def with_indices(x, steps):
    """The same by two indices."""
    history = np.zeros((steps + 1, len(x)))
    for i in range(len(x)):
        history[0, i] = x[i]
    for t in range(steps):
        for i in range(1, len(x) - 1):
            history[t + 1, i] = (
                history[t, i]
                + 0.1
                * (history[t, i - 1] - 2.0 * history[t, i] + history[t, i + 1])
                * history[t, i]
            )
    s = 0.0
    for i in range(len(x)):
        s += history[steps, i] ** 2
    return s


def with_tuple(x, steps):
    """The state is a tuple of arrays, under two names."""
    state = (x.copy(), x * 0.5)
    alias = state
    for _ in range(steps):
        u, v = state
        for i in range(len(u)):
            v[i] += 0.1 * np.sin(u[i])
            u[i] -= 0.1 * alias[1][i] * u[i]
    return np.sum(alias[0] * state[1])


def without_tuple(x, steps):
    """Two arrays under one name each."""
    u, v = x.copy(), x * 0.5
    for _ in range(steps):
        for i in range(len(u)):
            v[i] += 0.1 * np.sin(u[i])
            u[i] -= 0.1 * v[i] * u[i]
    return np.sum(u * v)


def chosen(x, steps):
    """Which array a name denotes depends on the data."""
    u, v = x.copy(), x.copy()
    for _ in range(steps):
        for i in range(1, len(u) - 1):
            v[i] = u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1]) * u[i]
        if v[5] < 10.0:
            u, v = v, u
    return np.sum(u * u)


PAIRS = {
    "views of rows, a helper that writes": (with_views, with_indices),
    "a tuple of arrays, two names": (with_tuple, without_tuple),
    "buffers swapped in a loop": (swapped, unswapped),
    "buffers swapped in a branch": (chosen, unswapped),
}


def machinery(source: str) -> list[str]:
    """What generated code does for aliasing at run time: references kept, and taken back."""
    return re.findall(r"\w+\.(?:append|pop)\(.*\)", source)


def main() -> None:
    """Print the ratio of the times of both gradients of each pair."""
    import srcad

    given = arguments()
    for label, pair in PAIRS.items():
        gradients = [srcad.grad(f) for f in pair]
        one, two = (g(*given) for g in gradients)
        np.testing.assert_allclose(one, two, rtol=1e-10)
        calls = {g.__name__: lambda g=g: g(*given) for g in gradients}
        times = in_turns(calls, 3.0, 15)
        ours, plain = times.values()
        kept = len(machinery(gradients[0].source(*given)))
        print(
            f"{label:38}{1e3 * ours:8.3f} ms  without {1e3 * plain:8.3f} ms  "
            f"ratio {ours / plain:.2f}  run-time statements {kept}"
        )


if __name__ == "__main__":
    main()
