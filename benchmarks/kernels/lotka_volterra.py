"""Lotka-Volterra, a Runge-Kutta loop of scalars: the time of one step is a few dozen operations.

So whatever an adjoint does for each step beside arithmetic (a push, a lookup, a call) shows at once.
The mark by hand saves the states of all stages, and sums in an order that waits for little.
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Lotka-Volterra, RK4, 10,000 steps"
WRT = ("p",)


def arguments(scale=1.0):
    p = np.array([1.1, 0.4, 0.1, 0.4])
    return {"p": p, "x": 10.0, "y": 5.0, "dt": 0.001, "steps": scaled(10_000, scale, 7)}


def lotka_volterra(p, x, y, dt, steps):
    a, b, c, d = p[0], p[1], p[2], p[3]
    for _ in range(steps):
        k1 = a * x - b * x * y
        l1 = c * x * y - d * y
        x2 = x + 0.5 * dt * k1
        y2 = y + 0.5 * dt * l1
        k2 = a * x2 - b * x2 * y2
        l2 = c * x2 * y2 - d * y2
        x3 = x + 0.5 * dt * k2
        y3 = y + 0.5 * dt * l2
        k3 = a * x3 - b * x3 * y3
        l3 = c * x3 * y3 - d * y3
        x4 = x + dt * k3
        y4 = y + dt * l3
        k4 = a * x4 - b * x4 * y4
        l4 = c * x4 * y4 - d * y4
        x = x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        y = y + dt / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    return x * x + 2.0 * y * y


PRIMAL = lotka_volterra


@jit
def adjoint(p, x, y, dt, steps):
    a, b, c, d = p[0], p[1], p[2], p[3]
    half = 0.5 * dt
    sixth = dt / 6.0
    tape = np.empty((steps, 8))
    for t in range(steps):
        k1 = a * x - b * x * y
        l1 = c * x * y - d * y
        x2 = x + half * k1
        y2 = y + half * l1
        k2 = a * x2 - b * x2 * y2
        l2 = c * x2 * y2 - d * y2
        x3 = x + half * k2
        y3 = y + half * l2
        k3 = a * x3 - b * x3 * y3
        l3 = c * x3 * y3 - d * y3
        x4 = x + dt * k3
        y4 = y + dt * l3
        k4 = a * x4 - b * x4 * y4
        l4 = c * x4 * y4 - d * y4
        tape[t, 0], tape[t, 1] = x, y
        tape[t, 2], tape[t, 3] = x2, y2
        tape[t, 4], tape[t, 5] = x3, y3
        tape[t, 6], tape[t, 7] = x4, y4
        x += sixth * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        y += sixth * (l1 + 2.0 * l2 + 2.0 * l3 + l4)

    x_b = 2.0 * x
    y_b = 4.0 * y
    a_b = b_b = c_b = d_b = 0.0
    for t in range(steps - 1, -1, -1):
        x, y = tape[t, 0], tape[t, 1]
        x2, y2 = tape[t, 2], tape[t, 3]
        x3, y3 = tape[t, 4], tape[t, 5]
        x4, y4 = tape[t, 6], tape[t, 7]
        k4_b = sixth * x_b
        l4_b = sixth * y_b
        x4_b = k4_b * (a - b * y4) + l4_b * (c * y4)
        y4_b = l4_b * (c * x4 - d) - k4_b * (b * x4)
        k3_b = 2.0 * k4_b + dt * x4_b
        l3_b = 2.0 * l4_b + dt * y4_b
        x3_b = k3_b * (a - b * y3) + l3_b * (c * y3)
        y3_b = l3_b * (c * x3 - d) - k3_b * (b * x3)
        k2_b = 2.0 * k4_b + half * x3_b
        l2_b = 2.0 * l4_b + half * y3_b
        x2_b = k2_b * (a - b * y2) + l2_b * (c * y2)
        y2_b = l2_b * (c * x2 - d) - k2_b * (b * x2)
        k1_b = k4_b + half * x2_b
        l1_b = l4_b + half * y2_b
        a_b += (k1_b * x + k2_b * x2) + (k3_b * x3 + k4_b * x4)
        b_b -= (k1_b * (x * y) + k2_b * (x2 * y2)) + (k3_b * (x3 * y3) + k4_b * (x4 * y4))
        c_b += (l1_b * (x * y) + l2_b * (x2 * y2)) + (l3_b * (x3 * y3) + l4_b * (x4 * y4))
        d_b -= (l1_b * y + l2_b * y2) + (l3_b * y3 + l4_b * y4)
        x_b += (k1_b * (a - b * y) + l1_b * (c * y)) + (x2_b + (x3_b + x4_b))
        y_b += (l1_b * (c * x - d) - k1_b * (b * x)) + (y2_b + (y3_b + y4_b))
    return np.array([a_b, b_b, c_b, d_b])


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(p, x, y, dt, steps):
        a, b, c, d = p

        def slope(x, y):
            return a * x - b * x * y, c * x * y - d * y

        def step(state, _):
            x, y = state
            k1, l1 = slope(x, y)
            k2, l2 = slope(x + 0.5 * dt * k1, y + 0.5 * dt * l1)
            k3, l3 = slope(x + 0.5 * dt * k2, y + 0.5 * dt * l2)
            k4, l4 = slope(x + dt * k3, y + dt * l3)
            x = x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            y = y + dt / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
            return (x, y), None

        (x, y), _ = scan(step, (jnp.asarray(x, float), jnp.asarray(y, float)), None, steps)
        return x * x + 2.0 * y * y

    return primal


def torch_primal(torch):
    def primal(p, x, y, dt, steps):
        a, b, c, d = p.unbind()

        def slope(x, y):
            return a * x - b * x * y, c * x * y - d * y

        for _ in range(steps):
            k1, l1 = slope(x, y)
            k2, l2 = slope(x + 0.5 * dt * k1, y + 0.5 * dt * l1)
            k3, l3 = slope(x + 0.5 * dt * k2, y + 0.5 * dt * l2)
            k4, l4 = slope(x + dt * k3, y + dt * l3)
            x = x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            y = y + dt / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
        return x * x + 2.0 * y * y

    return primal


ENZYME = """
  double a = p[0], b = p[1], c = p[2], d = p[3], u = x, v = y;
  for (int t = 0; t < steps; t++) {
    double k1 = a * u - b * u * v, l1 = c * u * v - d * v;
    double x2 = u + 0.5 * dt * k1, y2 = v + 0.5 * dt * l1;
    double k2 = a * x2 - b * x2 * y2, l2 = c * x2 * y2 - d * y2;
    double x3 = u + 0.5 * dt * k2, y3 = v + 0.5 * dt * l2;
    double k3 = a * x3 - b * x3 * y3, l3 = c * x3 * y3 - d * y3;
    double x4 = u + dt * k3, y4 = v + dt * l3;
    double k4 = a * x4 - b * x4 * y4, l4 = c * x4 * y4 - d * y4;
    u += dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    v += dt / 6 * (l1 + 2 * l2 + 2 * l3 + l4);
  }
  out[0] = u * u + 2 * v * v;
"""
