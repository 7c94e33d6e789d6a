"""Gaussian mixture, the objective of ADBench: triangular products and log-sum-exp for each point.

The gradient is with respect to weights, means and inverse covariance factors (``factor[k]`` holds d
logarithms of the diagonal and then the columns below it). The mark by hand computes the products of
a block of points at once, so that its innermost loops run over points.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Gaussian mixture log-likelihood, d = 10, k = 25, n = 1000"
WRT = ("alpha", "mean", "factor")


def arguments(scale=1.0):
    d, k, n = scaled(10, scale), scaled(25, scale, 2), scaled(1000, scale, 5)
    random = np.random.default_rng(0)
    return {
        "alpha": random.normal(size=k),
        "mean": random.random((k, d)),
        "factor": 0.3 * random.normal(size=(k, d + d * (d - 1) // 2)),
        "points": random.normal(size=(n, d)),
        "gamma": 1.0,
    }


def gmm(alpha, mean, factor, points, gamma):
    k, d = mean.shape
    n = points.shape[0]
    diagonal = np.empty((k, d))
    trace = np.zeros(k)
    for a in range(k):
        for j in range(d):
            trace[a] += factor[a, j]
            diagonal[a, j] = math.exp(factor[a, j])
    centred = np.empty(d)
    scaled = np.empty(d)
    term = np.empty(k)
    total = 0.0
    for i in range(n):
        for a in range(k):
            for j in range(d):
                centred[j] = points[i, j] - mean[a, j]
                scaled[j] = diagonal[a, j] * centred[j]
            p = d
            for c in range(d):
                for r in range(c + 1, d):
                    scaled[r] += factor[a, p] * centred[c]
                    p += 1
            square = 0.0
            for j in range(d):
                square += scaled[j] * scaled[j]
            term[a] = alpha[a] + trace[a] - 0.5 * square
        top = term[0]
        for a in range(1, k):
            top = max(top, term[a])
        s = 0.0
        for a in range(k):
            s += math.exp(term[a] - top)
        total += top + math.log(s)
    top = alpha[0]
    for a in range(1, k):
        top = max(top, alpha[a])
    s = 0.0
    for a in range(k):
        s += math.exp(alpha[a] - top)
    total -= n * (top + math.log(s))
    for a in range(k):
        square = 0.0
        for j in range(d):
            square += diagonal[a, j] * diagonal[a, j]
        for p in range(d, factor.shape[1]):
            square += factor[a, p] * factor[a, p]
        total += 0.5 * gamma * gamma * square
    return total - 0.5 * n * d * math.log(2.0 * math.pi)


PRIMAL = gmm

BLOCK = 40
"""Points at once; a multiple of 4."""


@jit
def dot(x, y):
    """The sum in four parts, which do not wait for each other."""
    a = b = c = d = 0.0
    for i in range(0, x.size, 4):
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
    return (a + b) + (c + d)


@jit
def adjoint(alpha, mean, factor, points, gamma):
    k, d = mean.shape
    n = points.shape[0]
    alpha_b = np.zeros(k)
    mean_b = np.zeros((k, d))
    factor_b = np.zeros(factor.shape)
    diagonal = np.exp(factor[:, :d])
    diagonal_b = np.zeros((k, d))
    trace = np.zeros(k)
    for a in range(k):
        for j in range(d):
            trace[a] += factor[a, j]
    block = np.zeros((d, BLOCK))
    centred = np.empty((d, BLOCK))
    scaled = np.empty((k, d, BLOCK))
    term = np.empty((k, BLOCK))
    top = np.empty(BLOCK)
    inverse = np.empty(BLOCK)
    ones = np.ones(BLOCK)
    centred_b = np.empty(BLOCK)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)  # what a last block has left of the one before has no share
        for j in range(d):
            for i in range(size):
                block[j, i] = points[start + i, j]
        for a in range(k):
            for j in range(d):
                for i in range(BLOCK):
                    centred[j, i] = block[j, i] - mean[a, j]
                    scaled[a, j, i] = diagonal[a, j] * centred[j, i]
            p = d
            for c in range(d):
                for r in range(c + 1, d):
                    for i in range(BLOCK):
                        scaled[a, r, i] += factor[a, p] * centred[c, i]
                    p += 1
            for i in range(BLOCK):
                term[a, i] = alpha[a] + trace[a]
            for j in range(d):
                for i in range(BLOCK):
                    term[a, i] -= 0.5 * scaled[a, j, i] * scaled[a, j, i]
        for i in range(BLOCK):
            top[i] = term[0, i]
            inverse[i] = 0.0
        for a in range(1, k):
            for i in range(BLOCK):
                top[i] = max(top[i], term[a, i])
        for a in range(k):
            for i in range(BLOCK):
                term[a, i] = math.exp(term[a, i] - top[i])
                inverse[i] += term[a, i]
        for i in range(BLOCK):
            inverse[i] = 1.0 / inverse[i] if i < size else 0.0
        for a in range(k):
            for i in range(BLOCK):
                term[a, i] *= inverse[i]  # the share of component a in point i
            alpha_b[a] += dot(term[a], ones)
            for j in range(d):
                for i in range(BLOCK):
                    centred[j, i] = block[j, i] - mean[a, j]
                    scaled[a, j, i] *= -term[a, i]  # from here on its adjoint
                diagonal_b[a, j] += dot(scaled[a, j], centred[j])
            p = d
            for c in range(d):
                for i in range(BLOCK):
                    centred_b[i] = diagonal[a, c] * scaled[a, c, i]
                for r in range(c + 1, d):
                    factor_b[a, p] += dot(scaled[a, r], centred[c])
                    for i in range(BLOCK):
                        centred_b[i] += factor[a, p] * scaled[a, r, i]
                    p += 1
                mean_b[a, c] -= dot(centred_b, ones)
    highest = np.max(alpha)
    share = np.exp(alpha - highest)
    share *= n / np.sum(share)
    for a in range(k):
        for j in range(d):
            diagonal_b[a, j] += gamma * gamma * diagonal[a, j]
            factor_b[a, j] += diagonal_b[a, j] * diagonal[a, j] + alpha_b[a]
        for p in range(d, factor.shape[1]):
            factor_b[a, p] += gamma * gamma * factor[a, p]
    return alpha_b - share, mean_b, factor_b


def jax_primal(jax):
    jnp = jax.numpy
    logsumexp = jax.scipy.special.logsumexp

    def primal(alpha, mean, factor, points, gamma):
        k, d = mean.shape
        n = points.shape[0]
        columns, rows = np.array([(c, r) for c in range(d) for r in range(c + 1, d)]).T
        diagonal = jnp.exp(factor[:, :d])
        matrix = jnp.zeros((k, d, d)).at[:, rows, columns].set(factor[:, d:])
        matrix += jax.vmap(jnp.diag)(diagonal)
        scaled = jnp.einsum("kij,nkj->nki", matrix, points[:, None, :] - mean)
        term = alpha + factor[:, :d].sum(axis=1) - 0.5 * jnp.sum(scaled * scaled, axis=-1)
        prior = 0.5 * gamma**2 * (jnp.sum(diagonal**2) + jnp.sum(factor[:, d:] ** 2))
        total = logsumexp(term, axis=1).sum() - n * logsumexp(alpha) + prior
        return total - 0.5 * n * d * np.log(2.0 * np.pi)

    return primal


def torch_primal(torch):
    def primal(alpha, mean, factor, points, gamma):
        k, d = mean.shape
        n = points.shape[0]
        columns, rows = np.array([(c, r) for c in range(d) for r in range(c + 1, d)]).T
        diagonal = torch.exp(factor[:, :d])
        matrix = torch.zeros((k, d, d), dtype=torch.float64)
        matrix[:, rows, columns] = factor[:, d:]
        matrix = matrix + torch.diag_embed(diagonal)
        scaled = torch.einsum("kij,nkj->nki", matrix, points[:, None, :] - mean)
        term = alpha + factor[:, :d].sum(1) - 0.5 * (scaled * scaled).sum(-1)
        prior = 0.5 * gamma**2 * ((diagonal**2).sum() + (factor[:, d:] ** 2).sum())
        total = torch.logsumexp(term, 1).sum() - n * torch.logsumexp(alpha, 0) + prior
        return total - 0.5 * n * d * math.log(2.0 * math.pi)

    return primal


def autograd_primal(np):
    def logsumexp(x, axis):
        top = np.max(x, axis=axis, keepdims=True)
        return np.squeeze(top, axis) + np.log(np.sum(np.exp(x - top), axis=axis))

    def primal(alpha, mean, factor, points, gamma):
        n, d = points.shape
        pairs = [(c, r) for c in range(d) for r in range(c + 1, d)]
        place = np.zeros((len(pairs), d, d))
        for p, (c, r) in enumerate(pairs):
            place[p, r, c] = 1.0
        diagonal = np.exp(factor[:, :d])
        matrix = np.tensordot(factor[:, d:], place, 1) + diagonal[:, :, None] * np.eye(d)
        scaled = np.einsum("kij,nkj->nki", matrix, points[:, None, :] - mean)
        term = alpha + np.sum(factor[:, :d], axis=1) - 0.5 * np.sum(scaled * scaled, axis=-1)
        prior = 0.5 * gamma**2 * (np.sum(diagonal**2) + np.sum(factor[:, d:] ** 2))
        total = np.sum(logsumexp(term, 1)) - n * logsumexp(alpha, 0) + prior
        return total - 0.5 * n * d * math.log(2.0 * math.pi)

    return primal


ENZYME = """
  const int d = 10, k = 25, n = 1000;
  double diagonal[k][d], trace[k], centred[d], scaled[d], term[k], total = 0;
  for (int a = 0; a < k; a++) {
    trace[a] = 0;
    for (int j = 0; j < d; j++) { trace[a] += factor[a][j]; diagonal[a][j] = exp(factor[a][j]); }
  }
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < k; a++) {
      for (int j = 0; j < d; j++) {
        centred[j] = points[i][j] - mean[a][j];
        scaled[j] = diagonal[a][j] * centred[j];
      }
      int p = d;
      for (int c = 0; c < d; c++)
        for (int r = c + 1; r < d; r++) scaled[r] += factor[a][p++] * centred[c];
      double square = 0;
      for (int j = 0; j < d; j++) square += scaled[j] * scaled[j];
      term[a] = alpha[a] + trace[a] - 0.5 * square;
    }
    double top = term[0], s = 0;
    for (int a = 1; a < k; a++) top = term[a] > top ? term[a] : top;
    for (int a = 0; a < k; a++) s += exp(term[a] - top);
    total += top + log(s);
  }
  double top = alpha[0], s = 0;
  for (int a = 1; a < k; a++) top = alpha[a] > top ? alpha[a] : top;
  for (int a = 0; a < k; a++) s += exp(alpha[a] - top);
  total -= n * (top + log(s));
  for (int a = 0; a < k; a++) {
    double square = 0;
    for (int j = 0; j < d; j++) square += diagonal[a][j] * diagonal[a][j];
    for (int p = d; p < d + d * (d - 1) / 2; p++) square += factor[a][p] * factor[a][p];
    total += 0.5 * gamma * gamma * square;
  }
  out[0] = total;
"""
