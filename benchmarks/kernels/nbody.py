"""Gravity among bodies, leapfrog: a double loop over pairs with a square root and a division.

The gradient is with respect to the first velocities. The mark by hand saves the positions at which
the forces act and recomputes the forces; its inner loops run over the bodies that are written, so
that they vectorise.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "N-body leapfrog, 64 bodies, 100 steps"
WRT = ("v",)


def arguments(scale=1.0):
    n, steps = scaled(64, scale, 4), scaled(100, scale)
    random = np.random.default_rng(4)
    return {
        "x": random.normal(size=(3, n)),
        "v": 0.1 * random.normal(size=(3, n)),
        "mass": (0.5 + random.random(n)) / n,
        "steps": steps,
        "dt": 0.01,
        "soft": 0.01,
    }


def nbody(x, v, mass, steps, dt, soft):
    n = mass.size
    x = x.copy()
    v = v.copy()
    for _ in range(steps):
        for k in range(3):
            for i in range(n):
                x[k, i] += 0.5 * dt * v[k, i]
        for i in range(n):
            ax = 0.0
            ay = 0.0
            az = 0.0
            for j in range(n):
                dx = x[0, j] - x[0, i]
                dy = x[1, j] - x[1, i]
                dz = x[2, j] - x[2, i]
                r2 = dx * dx + dy * dy + dz * dz + soft
                s = mass[j] / (r2 * math.sqrt(r2))
                ax += s * dx
                ay += s * dy
                az += s * dz
            v[0, i] += dt * ax
            v[1, i] += dt * ay
            v[2, i] += dt * az
        for k in range(3):
            for i in range(n):
                x[k, i] += 0.5 * dt * v[k, i]
    total = 0.0
    for k in range(3):
        for i in range(n):
            total += x[k, i] * x[k, i] + 0.5 * v[k, i] * v[k, i]
    return total


PRIMAL = nbody


@jit
def drift(x, v, dt):
    for k in range(3):
        for i in range(x.shape[1]):
            x[k, i] += 0.5 * dt * v[k, i]


@jit
def accelerate(x, mass, soft, a):
    n = mass.size
    for k in range(3):
        for i in range(n):
            a[k, i] = 0.0
    for j in range(n):
        xj, yj, zj, mj = x[0, j], x[1, j], x[2, j], mass[j]
        for i in range(n):
            dx = xj - x[0, i]
            dy = yj - x[1, i]
            dz = zj - x[2, i]
            r2 = dx * dx + dy * dy + dz * dz + soft
            s = mj / (r2 * math.sqrt(r2))
            a[0, i] += s * dx
            a[1, i] += s * dy
            a[2, i] += s * dz


@jit
def accelerate_back(x, mass, soft, a_b, x_b):
    """Both roles of a body, pulled and pulling, at once: each pair adds to one body only."""
    n = mass.size
    for j in range(n):
        xj, yj, zj, mj = x[0, j], x[1, j], x[2, j], mass[j]
        aj, bj, cj = a_b[0, j], a_b[1, j], a_b[2, j]
        for i in range(n):
            dx = xj - x[0, i]
            dy = yj - x[1, i]
            dz = zj - x[2, i]
            wx = mj * a_b[0, i] - mass[i] * aj
            wy = mj * a_b[1, i] - mass[i] * bj
            wz = mj * a_b[2, i] - mass[i] * cj
            r2 = dx * dx + dy * dy + dz * dz + soft
            inverse = 1.0 / r2
            s = inverse / math.sqrt(r2)
            q = 3.0 * inverse * (dx * wx + dy * wy + dz * wz)
            x_b[0, i] -= s * (wx - q * dx)
            x_b[1, i] -= s * (wy - q * dy)
            x_b[2, i] -= s * (wz - q * dz)


@jit
def adjoint(x, v, mass, steps, dt, soft):
    n = mass.size
    x = x.copy()
    v = v.copy()
    a = np.empty((3, n))
    tape = np.empty((steps, 3, n))
    for t in range(steps):
        drift(x, v, dt)
        for k in range(3):
            for i in range(n):
                tape[t, k, i] = x[k, i]
        accelerate(x, mass, soft, a)
        for k in range(3):
            for i in range(n):
                v[k, i] += dt * a[k, i]
        drift(x, v, dt)
    x_b = 2.0 * x
    v_b = v.copy()
    for t in range(steps - 1, -1, -1):
        drift(v_b, x_b, dt)
        for k in range(3):
            for i in range(n):
                a[k, i] = dt * v_b[k, i]
        accelerate_back(tape[t], mass, soft, a, x_b)
        drift(v_b, x_b, dt)
    return v_b


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(x, v, mass, steps, dt, soft):
        def step(state, _):
            x, v = state
            x = x + 0.5 * dt * v
            d = x[:, None, :] - x[:, :, None]  # d[k, i, j] = x[k, j] - x[k, i]
            r2 = jnp.sum(d * d, axis=0) + soft
            v = v + dt * jnp.einsum("kij,ij->ki", d, mass / (r2 * jnp.sqrt(r2)))
            return (x + 0.5 * dt * v, v), None

        (x, v), _ = scan(step, (x, v), None, steps)
        return jnp.sum(x * x) + 0.5 * jnp.sum(v * v)

    return primal


def torch_primal(torch):
    def primal(x, v, mass, steps, dt, soft):
        for _ in range(steps):
            x = x + 0.5 * dt * v
            d = x[:, None, :] - x[:, :, None]
            r2 = (d * d).sum(0) + soft
            v = v + dt * (d * (mass / (r2 * torch.sqrt(r2)))).sum(-1)
            x = x + 0.5 * dt * v
        return (x * x).sum() + 0.5 * (v * v).sum()

    return primal


def autograd_primal(np):
    def primal(x, v, mass, steps, dt, soft):
        for _ in range(steps):
            x = x + 0.5 * dt * v
            d = x[:, None, :] - x[:, :, None]
            r2 = np.sum(d * d, axis=0) + soft
            v = v + dt * np.sum(d * (mass / (r2 * np.sqrt(r2))), axis=-1)
            x = x + 0.5 * dt * v
        return np.sum(x * x) + 0.5 * np.sum(v * v)

    return primal


ENZYME = """
  const int n = 64;
  double p[3][n], w[3][n];
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < n; i++) { p[k][i] = x[k][i]; w[k][i] = v[k][i]; }
  for (int t = 0; t < steps; t++) {
    for (int k = 0; k < 3; k++)
      for (int i = 0; i < n; i++) p[k][i] += 0.5 * dt * w[k][i];
    for (int i = 0; i < n; i++) {
      double ax = 0, ay = 0, az = 0;
      for (int j = 0; j < n; j++) {
        double dx = p[0][j] - p[0][i], dy = p[1][j] - p[1][i], dz = p[2][j] - p[2][i];
        double r2 = dx * dx + dy * dy + dz * dz + soft;
        double s = mass[j] / (r2 * sqrt(r2));
        ax += s * dx; ay += s * dy; az += s * dz;
      }
      w[0][i] += dt * ax; w[1][i] += dt * ay; w[2][i] += dt * az;
    }
    for (int k = 0; k < 3; k++)
      for (int i = 0; i < n; i++) p[k][i] += 0.5 * dt * w[k][i];
  }
  double total = 0;
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < n; i++) total += p[k][i] * p[k][i] + 0.5 * w[k][i] * w[k][i];
  out[0] = total;
"""


def warp_gradient(wp, x, v, mass, steps, dt, soft):
    f64, n = wp.float64, mass.size
    vectors, line = wp.array(dtype=wp.vec3d), wp.array(dtype=wp.float64)

    @wp.kernel
    def drift(x: vectors, v: vectors, h: f64, later: vectors):
        i = wp.tid()
        later[i] = x[i] + h * v[i]

    @wp.kernel
    def kick(x: vectors, v: vectors, mass: line, dt: f64, soft: f64, n: int, later: vectors):
        i = wp.tid()
        a = wp.vec3d()
        for j in range(n):
            d = x[j] - x[i]
            r2 = wp.dot(d, d) + soft
            a = a + d * (mass[j] / (r2 * wp.sqrt(r2)))
        later[i] = v[i] + dt * a

    @wp.kernel
    def energy(x: vectors, v: vectors, total: line):
        i = wp.tid()
        wp.atomic_add(total, 0, wp.dot(x[i], x[i]) + f64(0.5) * wp.dot(v[i], v[i]))

    def array(rows):
        return wp.array(np.ascontiguousarray(rows.T), dtype=wp.vec3d, requires_grad=True)

    total = wp.zeros(1, dtype=f64, requires_grad=True)
    m = wp.array(mass, dtype=f64)
    xs = [array(x) for _ in range(2 * steps + 1)]
    vs = [array(v) for _ in range(steps + 1)]

    def call():
        total.zero_()
        tape = wp.Tape()
        with tape:
            for t in range(steps):
                now, half, new = xs[2 * t : 2 * t + 3]
                wp.launch(drift, dim=n, inputs=[now, vs[t], 0.5 * dt], outputs=[half])
                wp.launch(kick, dim=n, inputs=[half, vs[t], m, dt, soft, n], outputs=[vs[t + 1]])
                wp.launch(drift, dim=n, inputs=[half, vs[t + 1], 0.5 * dt], outputs=[new])
            wp.launch(energy, dim=n, inputs=[xs[-1], vs[-1]], outputs=[total])
        tape.backward(total)
        found = vs[0].grad.numpy().T.copy()
        tape.zero()
        return found

    return call


def taichi_gradient(ti, x, v, mass, steps, dt, soft):
    n = mass.size
    total = ti.field(ti.f64, shape=(), needs_grad=True)
    xs = ti.Vector.field(3, ti.f64, shape=(2 * steps + 1, n), needs_grad=True)
    vs = ti.Vector.field(3, ti.f64, shape=(steps + 1, n), needs_grad=True)
    x0 = ti.Vector.field(3, ti.f64, shape=n)
    v0 = ti.Vector.field(3, ti.f64, shape=n, needs_grad=True)
    m = ti.field(ti.f64, shape=n)
    x0.from_numpy(np.ascontiguousarray(x.T))
    v0.from_numpy(np.ascontiguousarray(v.T))
    m.from_numpy(mass)

    @ti.kernel
    def start():
        for i in range(n):
            xs[0, i] = x0[i]
            vs[0, i] = v0[i]

    @ti.kernel
    def drift(t: ti.i32):
        for i in range(n):
            xs[2 * t + 1, i] = xs[2 * t, i] + 0.5 * dt * vs[t, i]

    @ti.kernel
    def kick(t: ti.i32):
        for i in range(n):
            vs[t + 1, i] += vs[t, i]
        for i, j in ti.ndrange(n, n):
            d = xs[2 * t + 1, j] - xs[2 * t + 1, i]
            r2 = d.dot(d) + soft
            vs[t + 1, i] += dt * d * (m[j] / (r2 * ti.sqrt(r2)))

    @ti.kernel
    def drift_again(t: ti.i32):
        for i in range(n):
            xs[2 * t + 2, i] = xs[2 * t + 1, i] + 0.5 * dt * vs[t + 1, i]

    @ti.kernel
    def energy():
        for i in range(n):
            total[None] += xs[2 * steps, i].dot(xs[2 * steps, i]) + 0.5 * vs[steps, i].dot(
                vs[steps, i]
            )

    def call():
        vs.fill(0.0)
        with ti.ad.Tape(total):
            start()
            for t in range(steps):
                drift(t)
                kick(t)
                drift_again(t)
            energy()
        return v0.grad.to_numpy().T.copy()

    return call
