"""What vector mode saves: k directions in one run, against k runs of forward mode.

``python -m benchmarks.lanes`` prints a table for ``jvp(..., directions=k)`` and ``jacobian`` against
k calls of ``jvp``, and for ``hessian`` against k calls of ``hvp``; they are checked to agree first.
"""

import numpy as np

import srcad
from benchmarks.kernels import gmm, heat, lotka_volterra
from benchmarks.measure import in_turns

DIRECTIONS = (4, 8, 16, 64)
SIZES = (8, 16, 64)


def network(x, w, v):
    """Two layers, from len(x) numbers to as many."""
    return np.tanh(v @ np.tanh(w @ x))


def rosenbrock(x):
    total = 0.0
    for i in range(x.shape[0] - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def programs(small=False):
    """Name, function, arguments and how many of them change."""
    random = np.random.default_rng(5)
    n = 4 if small else 32
    x, w, v = random.normal(size=n), random.normal(size=(n, n)), random.normal(size=(n, n))
    whole, part = (0.0, 0.0) if small else (1.0, 0.25)
    yield "Lotka-Volterra", lotka_volterra.PRIMAL, lotka_volterra.arguments(whole), 1
    yield "heat", heat.PRIMAL, heat.arguments(part), 2
    yield "mixture model", gmm.PRIMAL, gmm.arguments(part), 3
    yield "network", network, {"x": x, "w": w, "v": v}, 1


def along(f, arguments, moving, k):
    """k calls of ``jvp``, and one for k directions."""
    args, random = tuple(arguments.values()), np.random.default_rng(k)
    several = [random.normal(size=(*np.shape(a), k)) for a in args[:moving]]
    each = [[np.ascontiguousarray(s[..., j]) for s in several] for j in range(k)]
    still = [None] * (len(args) - moving)
    return {
        "apart": lambda: np.stack([srcad.jvp(f, args, [*one, *still])[1] for one in each], -1),
        "lanes": lambda: srcad.jvp(f, args, [*several, *still], directions=k)[1],
    }


def chain(x, steps):
    """Heat along a rod: the result is as long as the input."""
    u, v = x.copy(), x.copy()
    for _ in range(steps):
        for i in range(1, x.shape[0] - 1):
            v[i] = u[i] + 0.2 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
    return u


def dense(n):
    """n calls of ``jvp``, and the Jacobian."""
    x, jacobian, steps = np.linspace(-1.0, 1.0, n), srcad.jacobian(chain, mode="fwd"), 200
    units = np.eye(n)
    return {
        "apart": lambda: np.stack(
            [srcad.jvp(chain, (x, steps), (unit, None))[1] for unit in units], -1
        ),
        "lanes": lambda: jacobian(x, steps),
    }


def second(n):
    """n calls of ``hvp``, and the Hessian."""
    x, hessian = np.linspace(-1.0, 1.0, n), srcad.hessian(rosenbrock)
    units = np.eye(n)
    return {
        "apart": lambda: np.stack([srcad.hvp(rosenbrock, (x,), unit) for unit in units]),
        "lanes": lambda: hessian(x),
    }


def measure(directions=DIRECTIONS, sizes=SIZES, small=False, seconds=1.5, rounds=9):
    """Rows of a name, the number of directions, and the times of both."""
    cases = [
        (name, k, along(f, given, n, k))
        for name, f, given, n in programs(small)
        for k in directions
    ]
    cases += [("Jacobian, heat in 1-D", n, dense(n)) for n in sizes]
    cases += [("Hessian, Rosenbrock", n, second(n)) for n in sizes]
    rows = []
    for name, k, calls in cases:
        np.testing.assert_allclose(calls["lanes"](), calls["apart"](), rtol=1e-9, atol=1e-12)
        rows.append((name, k, in_turns(calls, seconds, rounds)))
    return rows


def show(rows):
    print(f"{'':22}{'k':>4}{'k runs (us)':>14}{'one run (us)':>14}{'ratio':>8}")
    for name, k, times in rows:
        apart, lanes = times["apart"], times["lanes"]
        print(f"{name:22}{k:4}{apart * 1e6:14.0f}{lanes * 1e6:14.0f}{apart / lanes:8.1f}")


if __name__ == "__main__":
    show(measure())
