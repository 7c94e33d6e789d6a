"""Hidden Markov model, the scaled forward algorithm: small products, a normalisation, a logarithm.

The gradient is with respect to transitions and emissions. The mark by hand saves what both sweeps
compute, runs its inner loops over contiguous states, four rows at once, and forms the adjoint of the
transitions by one product at the end.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "HMM forward, 16 states, 2000 observations"
WRT = ("transition", "emission")


def arguments(scale=1.0):
    states, symbols = scaled(16, scale), scaled(32, scale, 4)
    length = scaled(2000, scale, 6)
    random = np.random.default_rng(8)
    transition = random.random((states, states)) + 0.05
    emission = random.random((states, symbols)) + 0.05
    return {
        "transition": transition / transition.sum(axis=1, keepdims=True),
        "emission": emission / emission.sum(axis=1, keepdims=True),
        "first": np.full(states, 1.0 / states),
        "seen": random.integers(0, symbols, size=length),
    }


def hmm(transition, emission, first, seen):
    n = first.size
    now = np.empty(n)
    new = np.empty(n)
    scale = 0.0
    for j in range(n):
        now[j] = first[j] * emission[j, seen[0]]
        scale += now[j]
    for j in range(n):
        now[j] /= scale
    total = math.log(scale)
    for t in range(1, seen.size):
        scale = 0.0
        for j in range(n):
            s = 0.0
            for i in range(n):
                s += now[i] * transition[i, j]
            new[j] = s * emission[j, seen[t]]
            scale += new[j]
        for j in range(n):
            now[j] = new[j] / scale
        total += math.log(scale)
    return total


PRIMAL = hmm


@jit
def times_matrix(v, matrix, out):
    """``out = v @ matrix``, four rows at a time, so that ``out`` is stored less often."""
    n, m = matrix.shape
    for j in range(m):
        out[j] = 0.0
    full = n - n % 4
    for i in range(0, full, 4):
        a, b, c, d = v[i], v[i + 1], v[i + 2], v[i + 3]
        for j in range(m):
            out[j] += (
                a * matrix[i, j]
                + b * matrix[i + 1, j]
                + c * matrix[i + 2, j]
                + d * matrix[i + 3, j]
            )
    for i in range(full, n):
        for j in range(m):
            out[j] += v[i] * matrix[i, j]


@jit
def dot(v, w):
    """The sum in four parts, which do not wait for each other."""
    n = v.size
    a = b = c = d = 0.0
    full = n - n % 4
    for j in range(0, full, 4):
        a += v[j] * w[j]
        b += v[j + 1] * w[j + 1]
        c += v[j + 2] * w[j + 2]
        d += v[j + 3] * w[j + 3]
    for j in range(full, n):
        a += v[j] * w[j]
    return (a + b) + (c + d)


@jit
def adjoint(transition, emission, first, seen):
    n = first.size
    length = seen.size
    emitted = emission.T.copy()
    backward = transition.T.copy()
    now = np.empty((length, n))
    inverse = np.empty(length)
    product = np.empty((length, n))
    for t in range(length):
        row = product[t]
        if t == 0:
            row[:] = first
        else:
            times_matrix(now[t - 1], transition, row)
        chances = emitted[seen[t]]
        inverse[t] = 1.0 / dot(row, chances)
        for j in range(n):
            now[t, j] = row[j] * chances[j] * inverse[t]
    bars = np.empty((length, n))
    emitted_b = np.zeros(emitted.shape)
    now_b = np.zeros(n)
    for t in range(length - 1, -1, -1):
        chances = emitted[seen[t]]
        rest = 1.0 - dot(now_b, now[t])
        for j in range(n):
            new_b = (now_b[j] + rest) * inverse[t]
            emitted_b[seen[t], j] += new_b * product[t, j]
            bars[t, j] = new_b * chances[j]
        if t > 0:
            times_matrix(bars[t], backward, now_b)
    return np.dot(now[: length - 1].T, bars[1:]), emitted_b.T.copy()


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(transition, emission, first, seen):
        emitted = emission.T
        start = first * emitted[seen[0]]

        def step(now, symbol):
            new = (now @ transition) * emitted[symbol]
            return new / new.sum(), jnp.log(new.sum())

        _, logs = scan(step, start / start.sum(), seen[1:], seen.shape[0] - 1)
        return jnp.log(start.sum()) + logs.sum()

    return primal


def torch_primal(torch):
    def primal(transition, emission, first, seen):
        seen = seen.tolist()
        emitted = emission.T
        now = first * emitted[seen[0]]
        total = torch.log(now.sum())
        now = now / now.sum()
        for symbol in seen[1:]:
            new = (now @ transition) * emitted[symbol]
            scale = new.sum()
            total = total + torch.log(scale)
            now = new / scale
        return total

    return primal


def autograd_primal(np):
    def primal(transition, emission, first, seen):
        emitted = emission.T
        now = first * emitted[seen[0]]
        total = np.log(np.sum(now))
        now = now / np.sum(now)
        for symbol in seen[1:]:
            new = np.dot(now, transition) * emitted[symbol]
            scale = np.sum(new)
            total = total + np.log(scale)
            now = new / scale
        return total

    return primal


ENZYME = """
  const int n = 16, length = 2000;
  double now[n], next[n], scale = 0;
  int symbol = (int)seen[0];
  for (int j = 0; j < n; j++) { now[j] = first[j] * emission[j][symbol]; scale += now[j]; }
  for (int j = 0; j < n; j++) now[j] /= scale;
  double total = log(scale);
  for (int t = 1; t < length; t++) {
    scale = 0;
    symbol = (int)seen[t];
    for (int j = 0; j < n; j++) {
      double s = 0;
      for (int i = 0; i < n; i++) s += now[i] * transition[i][j];
      next[j] = s * emission[j][symbol];
      scale += next[j];
    }
    for (int j = 0; j < n; j++) now[j] = next[j] / scale;
    total += log(scale);
  }
  out[0] = total;
"""
