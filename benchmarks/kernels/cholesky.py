"""Cholesky factorisation in place, in loops; the loss is a Gaussian log-likelihood's.

The gradient is with respect to the matrix (its lower half is read). The factor is all that the reverse
sweep needs. The mark by hand factorises with LAPACK and reverses a row at a time, so that its inner
loops are updates of contiguous rows.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Cholesky in place with loops, 120 x 120"
WRT = ("a",)


def arguments(scale=1.0):
    random = np.random.default_rng(16)
    n = scaled(120, scale, 4)
    root = random.normal(size=(n, n))
    return {"a": root @ root.T + n * np.eye(n), "b": random.normal(size=n)}


def cholesky(a, b):
    n = b.size
    a = a.copy()
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = math.sqrt(a[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    x = b.copy()
    value = 0.0
    for i in range(n):
        for k in range(i):
            x[i] -= a[i, k] * x[k]
        x[i] /= a[i, i]
        value += 0.5 * x[i] * x[i] + math.log(a[i, i])
    return value


PRIMAL = cholesky


@jit
def adjoint(a, b):
    n = b.size
    l = np.linalg.cholesky(a)
    x = b.copy()
    for i in range(n):
        s = x[i]
        for k in range(i):
            s -= l[i, k] * x[k]
        x[i] = s / l[i, i]
    l_b = np.zeros((n, n))
    x_b = x.copy()
    for i in range(n - 1, -1, -1):
        s_b = x_b[i] / l[i, i]
        for k in range(i):
            x_b[k] -= s_b * l[i, k]
            l_b[i, k] = -s_b * x[k]
        l_b[i, i] = (1.0 - x[i] * x_b[i]) / l[i, i]
    for j in range(n - 1, -1, -1):
        diagonal_b = l_b[j, j]
        for i in range(j + 1, n):
            s_b = l_b[i, j] / l[j, j]
            l_b[i, j] = s_b
            diagonal_b -= s_b * l[i, j]
            for k in range(j):
                l_b[i, k] -= s_b * l[j, k]
                l_b[j, k] -= s_b * l[i, k]
        s_b = 0.5 * diagonal_b / l[j, j]
        l_b[j, j] = s_b
        for k in range(j):
            l_b[j, k] -= 2.0 * s_b * l[j, k]
    return l_b


def jax_primal(jax):
    jnp = jax.numpy

    def primal(a, b):
        # The lower half is the argument: the rule of jnp.linalg.cholesky is symmetric.
        half = jnp.tril(a)
        l = jnp.linalg.cholesky(half + jnp.tril(a, -1).T, symmetrize_input=False)
        x = jax.scipy.linalg.solve_triangular(l, b, lower=True)
        return 0.5 * jnp.dot(x, x) + jnp.sum(jnp.log(jnp.diag(l)))

    return primal


def torch_primal(torch):
    def primal(a, b):
        l = torch.linalg.cholesky(torch.tril(a) + torch.tril(a, -1).T)
        x = torch.linalg.solve_triangular(l, b[:, None], upper=False)
        return 0.5 * (x * x).sum() + torch.log(torch.diagonal(l)).sum()

    return primal


def autograd_primal(np):
    def primal(a, b):
        l = np.linalg.cholesky(np.tril(a) + np.tril(a, -1).T)
        x = np.linalg.solve(l, b)
        return 0.5 * np.dot(x, x) + np.sum(np.log(np.diag(l)))

    return primal


ENZYME = """
  const int n = 120;
  double* l = (double*)malloc(n * n * 8);
  double x[n], value = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) l[i * n + j] = a[i][j];
  for (int j = 0; j < n; j++) {
    for (int k = 0; k < j; k++) l[j * n + j] -= l[j * n + k] * l[j * n + k];
    l[j * n + j] = sqrt(l[j * n + j]);
    for (int i = j + 1; i < n; i++) {
      for (int k = 0; k < j; k++) l[i * n + j] -= l[i * n + k] * l[j * n + k];
      l[i * n + j] /= l[j * n + j];
    }
  }
  for (int i = 0; i < n; i++) {
    x[i] = b[i];
    for (int k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
    value += 0.5 * x[i] * x[i] + log(l[i * n + i]);
  }
  out[0] = value;
  free(l);
"""
