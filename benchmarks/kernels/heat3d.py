"""Heat equation in three dimensions, two steps in each iteration: from a to b and back (PolyBench).

Linear with constant coefficients, so an adjoint needs no tape: the reverse sweep is the same stencil,
on an array of adjoints whose border is zero. The border of both arrays is the first field's, which
collects what flows over it.
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "3-D heat equation, 48 x 48 x 48, 60 steps"
WRT = ("u",)


def arguments(scale=1.0):
    random = np.random.default_rng(11)
    n = scaled(48, scale, 4)
    shape = (n, n + 1, n) if scale < 1.0 else (n, n, n)
    return {
        "u": random.random(shape),
        "target": random.random(shape),
        "steps": scaled(30, scale),
    }


def heat3d(u, target, steps):
    a = u.copy()
    b = u.copy()
    n, m, l = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, l - 1):
                    b[i, j, k] = (
                        0.125 * (a[i + 1, j, k] - 2.0 * a[i, j, k] + a[i - 1, j, k])
                        + 0.125 * (a[i, j + 1, k] - 2.0 * a[i, j, k] + a[i, j - 1, k])
                        + 0.125 * (a[i, j, k + 1] - 2.0 * a[i, j, k] + a[i, j, k - 1])
                        + a[i, j, k]
                    )
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, l - 1):
                    a[i, j, k] = (
                        0.125 * (b[i + 1, j, k] - 2.0 * b[i, j, k] + b[i - 1, j, k])
                        + 0.125 * (b[i, j + 1, k] - 2.0 * b[i, j, k] + b[i, j - 1, k])
                        + 0.125 * (b[i, j, k + 1] - 2.0 * b[i, j, k] + b[i, j, k - 1])
                        + b[i, j, k]
                    )
    misfit = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(l):
                misfit += (a[i, j, k] - target[i, j, k]) ** 2
    return misfit


PRIMAL = heat3d


@jit
def step(a, b):
    n, m, l = a.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            for k in range(1, l - 1):
                b[i, j, k] = 0.25 * a[i, j, k] + 0.125 * (
                    a[i + 1, j, k]
                    + a[i - 1, j, k]
                    + a[i, j + 1, k]
                    + a[i, j - 1, k]
                    + a[i, j, k + 1]
                    + a[i, j, k - 1]
                )


@jit
def over_the_border(v, border_b):
    """What one step takes from each face of the border: an eighth of the neighbour's adjoint."""
    n, m, l = v.shape
    for j in range(1, m - 1):
        for k in range(1, l - 1):
            border_b[0, j, k] += 0.125 * v[1, j, k]
            border_b[n - 1, j, k] += 0.125 * v[n - 2, j, k]
    for i in range(1, n - 1):
        for k in range(1, l - 1):
            border_b[i, 0, k] += 0.125 * v[i, 1, k]
            border_b[i, m - 1, k] += 0.125 * v[i, m - 2, k]
        for j in range(1, m - 1):
            border_b[i, j, 0] += 0.125 * v[i, j, 1]
            border_b[i, j, l - 1] += 0.125 * v[i, j, l - 2]


@jit
def adjoint(u, target, steps):
    n, m, l = u.shape
    a = u.copy()
    b = u.copy()
    for _ in range(steps):
        step(a, b)
        step(b, a)
    u_b = np.empty((n, m, l))
    b[:] = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(l):
                a[i, j, k] = u_b[i, j, k] = 2.0 * (a[i, j, k] - target[i, j, k])
    for i in range(n):
        for j in range(m):
            a[i, j, 0] = a[i, j, l - 1] = 0.0
        for k in range(l):
            a[i, 0, k] = a[i, m - 1, k] = 0.0
    a[0] = 0.0
    a[n - 1] = 0.0
    for _ in range(steps):
        over_the_border(a, u_b)
        step(a, b)
        over_the_border(b, u_b)
        step(b, a)
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            for k in range(1, l - 1):
                u_b[i, j, k] = a[i, j, k]
    return u_b


def jax_primal(jax, scan):
    jnp = jax.numpy

    def half(a):
        neighbours = (
            a[2:, 1:-1, 1:-1]
            + a[:-2, 1:-1, 1:-1]
            + a[1:-1, 2:, 1:-1]
            + a[1:-1, :-2, 1:-1]
            + a[1:-1, 1:-1, 2:]
            + a[1:-1, 1:-1, :-2]
        )
        inner = 0.25 * a[1:-1, 1:-1, 1:-1] + 0.125 * neighbours
        return a.at[1:-1, 1:-1, 1:-1].set(inner)

    def primal(u, target, steps):
        a, _ = scan(lambda a, _: (half(half(a)), None), u, None, steps)
        return jnp.sum((a - target) ** 2)

    return primal


def torch_primal(torch):
    def primal(u, target, steps):
        mask = torch.zeros_like(u)
        mask[1:-1, 1:-1, 1:-1] = 1.0
        border = u * (1.0 - mask)
        pad = torch.nn.functional.pad
        for _ in range(2 * steps):
            neighbours = (
                u[2:, 1:-1, 1:-1]
                + u[:-2, 1:-1, 1:-1]
                + u[1:-1, 2:, 1:-1]
                + u[1:-1, :-2, 1:-1]
                + u[1:-1, 1:-1, 2:]
                + u[1:-1, 1:-1, :-2]
            )
            u = border + pad(0.25 * u[1:-1, 1:-1, 1:-1] + 0.125 * neighbours, (1,) * 6)
        return ((u - target) ** 2).sum()

    return primal


ENZYME = """
  const int n = 48, z = n * n;
  double* a = (double*)malloc(n * n * n * 8);
  double* b = (double*)malloc(n * n * n * 8);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      for (int k = 0; k < n; k++) a[i * z + j * n + k] = b[i * z + j * n + k] = u[i][j][k];
  for (int t = 0; t < 2 * steps; t++) {
    double* from = t % 2 ? b : a;
    double* to = t % 2 ? a : b;
    for (int i = 1; i < n - 1; i++)
      for (int j = 1; j < n - 1; j++)
        for (int k = 1; k < n - 1; k++) {
          int p = i * z + j * n + k;
          to[p] = 0.125 * (from[p + z] - 2 * from[p] + from[p - z])
                + 0.125 * (from[p + n] - 2 * from[p] + from[p - n])
                + 0.125 * (from[p + 1] - 2 * from[p] + from[p - 1]) + from[p];
        }
  }
  double misfit = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      for (int k = 0; k < n; k++) {
        double e = a[i * z + j * n + k] - target[i][j][k];
        misfit += e * e;
      }
  out[0] = misfit;
  free(a);
  free(b);
"""
