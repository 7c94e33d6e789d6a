"""Hidden Markov model, the scaled forward algorithm: small products, a normalisation, a logarithm.

The gradient is with respect to transitions and emissions. The mark by hand saves the scaled
probabilities and the scales, and turns its inner loops so that they run over contiguous states.
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
def adjoint(transition, emission, first, seen):
    n = first.size
    length = seen.size
    emitted = emission.T.copy()
    backward = transition.T.copy()
    now = np.empty((length, n))
    inverse = np.empty(length)
    new = np.empty(n)
    scale = 0.0
    for j in range(n):
        new[j] = first[j] * emitted[seen[0], j]
        scale += new[j]
    inverse[0] = 1.0 / scale
    for j in range(n):
        now[0, j] = new[j] * inverse[0]
    for t in range(1, length):
        for j in range(n):
            new[j] = 0.0
        for i in range(n):
            for j in range(n):
                new[j] += now[t - 1, i] * transition[i, j]
        scale = 0.0
        for j in range(n):
            new[j] *= emitted[seen[t], j]
            scale += new[j]
        inverse[t] = 1.0 / scale
        for j in range(n):
            now[t, j] = new[j] * inverse[t]

    transition_b = np.zeros((n, n))
    emitted_b = np.zeros(emitted.shape)
    now_b = np.zeros(n)
    before_b = np.empty(n)
    product_b = np.empty(n)
    for t in range(length - 1, 0, -1):
        symbol = seen[t]
        s = 0.0
        for j in range(n):
            s += now_b[j] * now[t, j]
        for j in range(n):
            new_b = (now_b[j] + 1.0 - s) * inverse[t]
            emitted_b[symbol, j] += new_b * now[t, j] / (inverse[t] * emitted[symbol, j])
            product_b[j] = new_b * emitted[symbol, j]
            before_b[j] = 0.0
        for j in range(n):
            for i in range(n):
                before_b[i] += product_b[j] * backward[j, i]
        for i in range(n):
            for j in range(n):
                transition_b[i, j] += now[t - 1, i] * product_b[j]
        now_b, before_b = before_b, now_b
    s = 0.0
    for j in range(n):
        s += now_b[j] * now[0, j]
    for j in range(n):
        emitted_b[seen[0], j] += (now_b[j] + 1.0 - s) * inverse[0] * first[j]
    return transition_b, emitted_b.T.copy()


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
