"""Elementary functions: nanoseconds an element and largest error, of srcad, the C library, NumPy, JAX.

``python -m benchmarks.elementary [--points 200000]`` prints the table of docs/elementary.md, and
then what the functions are worth in gradients: with ``vector_math`` and without.
"""

import argparse
import math
import time
import warnings

import numpy as np
from numba import njit

from srcad import value_and_grad
from srcad.elementary import exponentials, logarithms, trigonometry

RANGES = {
    "exp": (exponentials.exp, -745.0, 710.0),
    "exp2": (exponentials.exp2, -1074.0, 1024.0),
    "expm1": (exponentials.expm1, -60.0, 710.0),
    "log": (logarithms.log, 0.0, 1e308),
    "log2": (logarithms.log2, 0.0, 1e308),
    "log10": (logarithms.log10, 0.0, 1e308),
    "log1p": (logarithms.log1p, -1.0, 1e308),
    "sin": (trigonometry.sin, -1.6e6, 1.6e6),
    "cos": (trigonometry.cos, -1.6e6, 1.6e6),
    "tan": (trigonometry.tan, -1.6e6, 1.6e6),
    "sinh": (exponentials.sinh, -710.0, 710.0),
    "cosh": (exponentials.cosh, -710.0, 710.0),
    "tanh": (exponentials.tanh, -25.0, 25.0),
}
SIZE, ROUNDS = 4096, 400


def looped(function):
    @njit(error_model="numpy")
    def loop(x, y):
        for i in range(len(x)):
            y[i] = function(x[i])

    return loop


def points(low, high, count):
    random = np.random.default_rng(0)
    sizes = np.exp(random.uniform(-700.0, math.log(high), count))
    found = [random.uniform(low, high, count), sizes, -sizes, random.uniform(-5.0, 5.0, count)]
    found.append(1.0 + random.normal(size=count) * 10.0 ** random.uniform(-16, 0, count))
    found.append(random.integers(-1000000, 1000000, count) * (math.pi / 2))
    found = np.concatenate(found)
    return found[(found > low) & (found < high)]


def error(name, x, y):
    """The largest error in units of the last place; the reference has 64 bits, 11 more.

    Subnormal results do not count: JAX makes zeros of them.
    """
    exact = getattr(np, name)(x.astype(np.longdouble))
    rounded = abs(exact.astype(np.float64))
    normal = np.isfinite(rounded) & np.isfinite(y) & (rounded > 2.3e-308)
    return float(np.max(abs(y - exact)[normal] / np.spacing(rounded[normal])))


def best(calls, rounds=ROUNDS):
    """The shortest time of each call, taken in turns."""
    times = dict.fromkeys(calls, math.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name] = min(times[name], time.perf_counter() - start)
    return times


def jax_function(name, x):
    """A call of JAX's function; None where JAX is not installed."""
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    function, given = jax.jit(getattr(jax.numpy, name)), jax.numpy.asarray(x)
    function(given).block_until_ready()
    return lambda: np.asarray(function(given).block_until_ready())


def row(name, count):
    own, low, high = RANGES[name]
    x = np.random.default_rng(1).uniform(max(low, -10.0), min(high, 10.0), SIZE)
    y = np.empty_like(x)
    library = getattr(math, name)
    loops = {"srcad": looped(own), "C library": looped(library)}
    calls = {key: (lambda loop=loop: loop(x, y)) for key, loop in loops.items()}
    calls["NumPy"] = lambda: getattr(np, name)(x, y)
    jax_call = jax_function(name, x)
    if jax_call:
        calls["JAX"] = jax_call
    for call in calls.values():
        call()
    times = best(calls)
    where = points(low, high, count)
    errors = {}
    for key, loop in loops.items():
        found = np.empty_like(where)
        loop(where, found)
        errors[key] = error(name, where, found)
    errors["NumPy"] = error(name, where, getattr(np, name)(where))
    if jax_call:
        errors["JAX"] = error(name, where, jax_function(name, where)())
    return {key: (times[key] / SIZE * 1e9, errors[key]) for key in calls}


def table(count):
    rows = {name: row(name, count) for name in RANGES}
    heads = list(next(iter(rows.values())))
    yield "| | " + " | ".join(f"{head}, ns | ulp" for head in heads) + " |"
    yield "|---|" + "---|---|" * len(heads)
    for name, found in rows.items():
        cells = (f"{found[head][0]:.1f} | {found[head][1]:.2f}" for head in heads)
        yield f"| `{name}` | " + " | ".join(cells) + " |"


# ---------------------------------------------------------------- gradients


def logistic(w, x, y):
    z = x @ w
    return np.sum(np.log1p(np.exp(-y * z)))


def softmax(x, target):
    e = np.exp(x - np.max(x))
    return -np.sum(target * np.log(e / np.sum(e)))


def activations(x):
    return np.sum(np.tanh(x) * np.sin(x) * np.exp(-x * x))


def oscillators(phase, coupling, steps):
    """Phases that follow their mean field: vector statements inside of a sequential loop."""
    for _ in range(steps):
        pull = np.sum(np.sin(phase)) / len(phase)
        phase = phase + 0.01 * coupling * np.cos(phase) * pull
    return np.sum(np.cos(phase))


def gradients():
    """Kernels of many elementary functions, and the arguments of each."""
    random = np.random.default_rng(0)
    yield logistic, (random.normal(size=10), random.normal(size=(2000, 10)), np.ones(2000))
    yield softmax, (random.normal(size=1000), random.random(1000))
    yield activations, (random.normal(size=4000),)
    yield oscillators, (random.normal(size=500), 0.5, 100)


def benchmark_kernels():
    """The kernels of the benchmarks that call these functions."""
    from benchmarks.kernels import gmm, hmm, lstm

    for module in (gmm, hmm, lstm):
        yield module.PRIMAL, tuple(module.arguments().values()), module.WRT


def ratios():
    yield "| value and gradient | with vector_math=False, µs | with, µs | ratio |"
    yield "|---|---|---|---|"
    for function, args, wrt in [*((f, a, 0) for f, a in gradients()), *benchmark_kernels()]:
        pair = {on: value_and_grad(function, wrt=wrt, vector_math=on) for on in (False, True)}
        calls = {on: (lambda g=g, args=args: g(*args)) for on, g in pair.items()}
        for call in calls.values():
            call()
        times = best(calls, 40)
        cells = f"{times[False] * 1e6:.0f} | {times[True] * 1e6:.0f}"
        yield f"| {function.__name__} | {cells} | {times[False] / times[True]:.2f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200000, help="points of each kind")
    points_of_each = parser.parse_args().points
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for line in [*table(points_of_each), "", *ratios()]:
            print(line, flush=True)


if __name__ == "__main__":
    main()
