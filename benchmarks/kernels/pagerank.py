"""PageRank by power iteration, in loops; the gradient is with respect to the weights of all links.

The expert's adjoint does not update the matrix of adjoints at each iteration: it keeps the vectors
of both sweeps and multiplies them once at the end (a rank-k update, BLAS 3).
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "PageRank power iteration, 300 pages, 50 iterations"
WRT = ("weights",)


def arguments(scale=1.0):
    n, iterations = scaled(300, scale, 5), scaled(50, scale, 4)
    random = np.random.default_rng(6)
    return {
        "weights": random.random((n, n)) ** 3,
        "value": random.normal(size=n),
        "damping": 0.85,
        "iterations": iterations,
    }


def pagerank(weights, value, damping, iterations):
    n = value.size
    out = np.zeros(n)
    for i in range(n):
        for j in range(n):
            out[j] += weights[i, j]
    links = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            links[i, j] = weights[i, j] / out[j]
    rank = np.full(n, 1.0 / n)
    new = np.empty(n)
    for _ in range(iterations):
        for i in range(n):
            s = 0.0
            for j in range(n):
                s += links[i, j] * rank[j]
            new[i] = damping * s + (1.0 - damping) / n
        rank, new = new, rank
    total = 0.0
    for i in range(n):
        total += value[i] * rank[i]
    return total


PRIMAL = pagerank


@jit
def adjoint(weights, value, damping, iterations):
    n = value.size
    out = np.zeros(n)
    for i in range(n):
        for j in range(n):
            out[j] += weights[i, j]
    share = np.empty(n)
    for j in range(n):
        share[j] = 1.0 / out[j]
    links = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            links[i, j] = weights[i, j] * share[j]
    ranks = np.empty((iterations, n))
    rank = np.full(n, 1.0 / n)
    for t in range(iterations):
        for j in range(n):
            ranks[t, j] = rank[j]
        rank = np.dot(links, ranks[t])
        for j in range(n):
            rank[j] = damping * rank[j] + (1.0 - damping) / n
    bars = np.empty((iterations, n))
    rank_b = value
    for t in range(iterations - 1, -1, -1):
        for j in range(n):
            bars[t, j] = damping * rank_b[j]
        rank_b = np.dot(links.T, bars[t])
    links_b = np.dot(bars.T, ranks)
    out_b = np.zeros(n)
    for i in range(n):
        for j in range(n):
            out_b[j] += links_b[i, j] * links[i, j]
    for i in range(n):
        for j in range(n):
            links_b[i, j] = (links_b[i, j] - out_b[j]) * share[j]
    return links_b


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(weights, value, damping, iterations):
        n = value.size
        links = weights / weights.sum(axis=0)

        def step(rank, _):
            return damping * (links @ rank) + (1.0 - damping) / n, None

        rank, _ = scan(step, jnp.full(n, 1.0 / n), None, iterations)
        return jnp.dot(value, rank)

    return primal


def torch_primal(torch):
    def primal(weights, value, damping, iterations):
        n = value.shape[0]
        links = weights / weights.sum(0)
        rank = torch.full((n,), 1.0 / n, dtype=torch.float64)
        for _ in range(iterations):
            rank = damping * (links @ rank) + (1.0 - damping) / n
        return value @ rank

    return primal


def autograd_primal(np):
    def primal(weights, value, damping, iterations):
        n = value.size
        links = weights / np.sum(weights, axis=0)
        rank = np.full(n, 1.0 / n)
        for _ in range(iterations):
            rank = damping * np.dot(links, rank) + (1.0 - damping) / n
        return np.dot(value, rank)

    return primal


ENZYME = """
  const int n = 300;
  double* links = (double*)malloc(n * n * 8);
  double sums[n], rank[n], next[n];
  for (int j = 0; j < n; j++) { sums[j] = 0; rank[j] = 1.0 / n; }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) sums[j] += weights[i][j];
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) links[i * n + j] = weights[i][j] / sums[j];
  for (int t = 0; t < iterations; t++) {
    for (int i = 0; i < n; i++) {
      double s = 0;
      for (int j = 0; j < n; j++) s += links[i * n + j] * rank[j];
      next[i] = damping * s + (1 - damping) / n;
    }
    // With the two arrays swapped by pointer, enzyme_ad 0.0.16 returns a wrong gradient.
    for (int i = 0; i < n; i++) rank[i] = next[i];
  }
  double total = 0;
  for (int i = 0; i < n; i++) total += value[i] * rank[i];
  out[0] = total;
  free(links);
"""
