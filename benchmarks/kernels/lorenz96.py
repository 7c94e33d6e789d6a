"""Lorenz-96 by RK4, in arrays as it is written in papers: ``np.roll`` for the neighbours.

The gradient is with respect to the first state, as in data assimilation. The mark by hand saves the
state of each step, recomputes the stages, and rolls by index.
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Lorenz-96, RK4, 40 variables, 1000 steps"
WRT = ("x",)


def arguments(scale=1.0):
    random = np.random.default_rng(15)
    n = scaled(40, scale, 6)
    return {
        "x": 8.0 + random.normal(size=n),
        "wanted": random.normal(size=n),
        "forcing": 8.0,
        "dt": 0.002,
        "steps": scaled(1000, scale, 3),
    }


@jit
def slope(x, forcing):
    return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + forcing


def lorenz96(x, wanted, forcing, dt, steps):
    for _ in range(steps):
        k1 = slope(x, forcing)
        k2 = slope(x + 0.5 * dt * k1, forcing)
        k3 = slope(x + 0.5 * dt * k2, forcing)
        k4 = slope(x + dt * k3, forcing)
        x = x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return np.sum((x - wanted) ** 2)


PRIMAL = lorenz96


@jit
def slope_back(x, k_b, x_b):
    """The adjoint of a slope, gathered. ``x`` and ``k_b`` have two members more on both sides."""
    n = x_b.size
    for i in range(n):
        p = i + 2
        x_b[i] = (
            k_b[p - 1] * x[p - 2]
            - k_b[p + 2] * x[p + 1]
            + k_b[p + 1] * (x[p + 2] - x[p - 1])
            - k_b[p]
        )


@jit
def wrap(x):
    """Two members of the end in front, two of the start behind: neighbours without a modulo."""
    n = x.size - 4
    x[0] = x[n]
    x[1] = x[n + 1]
    x[n + 2] = x[2]
    x[n + 3] = x[3]


@jit
def slope_of(x, forcing, k):
    for i in range(k.size):
        p = i + 2
        k[i] = (x[p + 1] - x[p - 2]) * x[p - 1] - x[p] + forcing


@jit
def moved(x, k, h, out):
    for i in range(k.size):
        out[i + 2] = x[i + 2] + h * k[i]
    wrap(out)


@jit
def adjoint(x, wanted, forcing, dt, steps):
    n = x.size
    tape = np.empty((steps + 1, n + 4))
    x2, x3, x4 = np.empty(n + 4), np.empty(n + 4), np.empty(n + 4)
    k1, k2, k3, k4 = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        tape[0, i + 2] = x[i]
    wrap(tape[0])
    for t in range(steps):
        now = tape[t]
        slope_of(now, forcing, k1)
        moved(now, k1, 0.5 * dt, x2)
        slope_of(x2, forcing, k2)
        moved(now, k2, 0.5 * dt, x3)
        slope_of(x3, forcing, k3)
        moved(now, k3, dt, x4)
        slope_of(x4, forcing, k4)
        new = tape[t + 1]
        for i in range(n):
            new[i + 2] = now[i + 2] + dt / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
        wrap(new)
    x_b = np.empty(n)
    for i in range(n):
        x_b[i] = 2.0 * (tape[steps, i + 2] - wanted[i])
    k_b = np.empty(n + 4)
    for t in range(steps - 1, -1, -1):
        now = tape[t]
        slope_of(now, forcing, k1)
        moved(now, k1, 0.5 * dt, x2)
        slope_of(x2, forcing, k2)
        moved(now, k2, 0.5 * dt, x3)
        slope_of(x3, forcing, k3)
        moved(now, k3, dt, x4)
        for i in range(n):
            k_b[i + 2] = dt / 6.0 * x_b[i]
        wrap(k_b)
        slope_back(x4, k_b, k4)  # from here on the adjoints of x4, x3, x2 and x
        for i in range(n):
            k_b[i + 2] = dt / 3.0 * x_b[i] + dt * k4[i]
        wrap(k_b)
        slope_back(x3, k_b, k3)
        for i in range(n):
            k_b[i + 2] = dt / 3.0 * x_b[i] + 0.5 * dt * k3[i]
        wrap(k_b)
        slope_back(x2, k_b, k2)
        for i in range(n):
            k_b[i + 2] = dt / 6.0 * x_b[i] + 0.5 * dt * k2[i]
        wrap(k_b)
        slope_back(now, k_b, k1)
        for i in range(n):
            x_b[i] += k1[i] + k2[i] + k3[i] + k4[i]
    return x_b


def jax_primal(jax, scan):
    jnp = jax.numpy

    def slope(x, forcing):
        return (jnp.roll(x, -1) - jnp.roll(x, 2)) * jnp.roll(x, 1) - x + forcing

    def primal(x, wanted, forcing, dt, steps):
        def step(x, _):
            k1 = slope(x, forcing)
            k2 = slope(x + 0.5 * dt * k1, forcing)
            k3 = slope(x + 0.5 * dt * k2, forcing)
            k4 = slope(x + dt * k3, forcing)
            return x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

        x, _ = scan(step, x, None, steps)
        return jnp.sum((x - wanted) ** 2)

    return primal


def eager(roll):
    def slope(x, forcing):
        return (roll(x, -1) - roll(x, 2)) * roll(x, 1) - x + forcing

    def primal(x, wanted, forcing, dt, steps):
        for _ in range(steps):
            k1 = slope(x, forcing)
            k2 = slope(x + 0.5 * dt * k1, forcing)
            k3 = slope(x + 0.5 * dt * k2, forcing)
            k4 = slope(x + dt * k3, forcing)
            x = x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return ((x - wanted) ** 2).sum()

    return primal


def torch_primal(torch):
    return eager(torch.roll)


def autograd_primal(np):
    return eager(np.roll)
