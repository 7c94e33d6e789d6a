"""Gauss-Seidel sweeps of Poisson's equation in place: each point reads neighbours that are new.

The gradient is with respect to the right side. Linear, so an adjoint needs no tape, and it is the same
iteration with the points in the opposite order: what a point passes on stays where it is collected.
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Gauss-Seidel in place, 128 x 128, 50 sweeps"
WRT = ("f",)


def arguments(scale=1.0):
    random = np.random.default_rng(14)
    n = scaled(128, scale, 5)
    shape = (n, n + 1 if scale < 1.0 else n)
    return {"f": random.normal(size=shape), "u": random.random(shape), "sweeps": scaled(50, scale)}


def gauss_seidel(f, u, sweeps):
    n, m = f.shape
    u = u.copy()
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j])
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += u[i, j] * u[i, j]
    return total


PRIMAL = gauss_seidel


@jit
def adjoint(f, u, sweeps):
    n, m = f.shape
    u = u.copy()
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j])
    f_b = np.zeros((n, m))
    g = np.zeros((n, m))
    for i in range(n - 2, 0, -1):  # the last sweep: nothing comes from a later one
        for j in range(m - 2, 0, -1):
            g[i, j] = 2.0 * u[i, j] + 0.25 * (g[i + 1, j] + g[i, j + 1])
            f_b[i, j] -= 0.25 * g[i, j]
    for _ in range(sweeps - 1):
        for i in range(n - 2, 0, -1):
            for j in range(m - 2, 0, -1):
                g[i, j] = 0.25 * (g[i - 1, j] + g[i + 1, j] + g[i, j - 1] + g[i, j + 1])
                f_b[i, j] -= 0.25 * g[i, j]
    return f_b


def jax_primal(jax, scan):
    """A row at a time: the recurrence along it is a product with a triangular matrix."""
    jnp = jax.numpy

    def primal(f, u, sweeps):
        m = f.shape[1] - 2
        distance = jnp.arange(m) - jnp.arange(m)[:, None]
        along = jnp.where(distance >= 0, 0.25 ** jnp.maximum(distance, 0), 0.0)

        def row(above, given):
            below, old, right = given
            known = 0.25 * (above[1:-1] + below[1:-1] + old[2:] - right[1:-1])
            new = old.at[1:-1].set(known.at[0].add(0.25 * old[0]) @ along)
            return new, new

        def sweep(u, _):
            _, rows = jax.lax.scan(row, u[0], (u[2:], u[1:-1], f[1:-1]))
            return jnp.concatenate([u[:1], rows, u[-1:]]), None

        u, _ = scan(sweep, u, None, sweeps)
        return jnp.sum(u * u)

    return primal


def torch_primal(torch):
    def primal(f, u, sweeps):
        m = f.shape[1] - 2
        distance = torch.arange(m) - torch.arange(m)[:, None]
        along = torch.where(distance >= 0, 0.25 ** distance.clamp(min=0).double(), 0.0)
        rows = list(u)
        first = torch.zeros(m, dtype=torch.float64)
        first[0] = 0.25
        for _ in range(sweeps):
            for i in range(1, len(rows) - 1):
                old = rows[i]
                known = 0.25 * (rows[i - 1][1:-1] + rows[i + 1][1:-1] + old[2:] - f[i, 1:-1])
                new = (known + first * old[0]) @ along
                rows[i] = torch.cat([old[:1], new, old[-1:]])
        return (torch.stack(rows) ** 2).sum()

    return primal


ENZYME = """
  const int n = 128;
  double* a = (double*)malloc(n * n * 8);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) a[i * n + j] = u[i][j];
  for (int t = 0; t < sweeps; t++)
    for (int i = 1; i < n - 1; i++)
      for (int j = 1; j < n - 1; j++) {
        int p = i * n + j;
        a[p] = 0.25 * (a[p - n] + a[p + n] + a[p - 1] + a[p + 1] - f[i][j]);
      }
  double total = 0;
  for (int p = 0; p < n * n; p++) total += a[p] * a[p];
  out[0] = total;
  free(a);
"""
