"""Lotka-Volterra, a Runge-Kutta loop of scalars: the time of one step is a few dozen operations.

So whatever an adjoint does for each step beside arithmetic (a push, a lookup, a call) shows at once.
The mark by hand saves the two state variables of each step and recomputes the stages.
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
    tape = np.empty((steps, 2))
    for t in range(steps):
        tape[t, 0] = x
        tape[t, 1] = y
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
        x += dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        y += dt / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)

    x_b = 2.0 * x
    y_b = 4.0 * y
    a_b = b_b = c_b = d_b = 0.0
    half = 0.5 * dt
    sixth = dt / 6.0
    for t in range(steps - 1, -1, -1):
        x = tape[t, 0]
        y = tape[t, 1]
        xy = x * y
        x2 = x + half * (a * x - b * xy)
        y2 = y + half * (c * xy - d * y)
        xy2 = x2 * y2
        x3 = x + half * (a * x2 - b * xy2)
        y3 = y + half * (c * xy2 - d * y2)
        xy3 = x3 * y3
        x4 = x + dt * (a * x3 - b * xy3)
        y4 = y + dt * (c * xy3 - d * y3)
        xy4 = x4 * y4

        k_b = sixth * x_b  # fourth stage
        l_b = sixth * y_b
        a_b += k_b * x4
        b_b -= k_b * xy4
        c_b += l_b * xy4
        d_b -= l_b * y4
        xy_b = c * l_b - b * k_b
        xi_b = a * k_b + y4 * xy_b
        yi_b = x4 * xy_b - d * l_b
        x0_b = x_b + xi_b
        y0_b = y_b + yi_b

        k_b = 2.0 * sixth * x_b + dt * xi_b  # third stage
        l_b = 2.0 * sixth * y_b + dt * yi_b
        a_b += k_b * x3
        b_b -= k_b * xy3
        c_b += l_b * xy3
        d_b -= l_b * y3
        xy_b = c * l_b - b * k_b
        xi_b = a * k_b + y3 * xy_b
        yi_b = x3 * xy_b - d * l_b
        x0_b += xi_b
        y0_b += yi_b

        k_b = 2.0 * sixth * x_b + half * xi_b  # second stage
        l_b = 2.0 * sixth * y_b + half * yi_b
        a_b += k_b * x2
        b_b -= k_b * xy2
        c_b += l_b * xy2
        d_b -= l_b * y2
        xy_b = c * l_b - b * k_b
        xi_b = a * k_b + y2 * xy_b
        yi_b = x2 * xy_b - d * l_b
        x0_b += xi_b
        y0_b += yi_b

        k_b = sixth * x_b + half * xi_b  # first stage
        l_b = sixth * y_b + half * yi_b
        a_b += k_b * x
        b_b -= k_b * xy
        c_b += l_b * xy
        d_b -= l_b * y
        xy_b = c * l_b - b * k_b
        x_b = x0_b + a * k_b + y * xy_b
        y_b = y0_b + x * xy_b - d * l_b
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
