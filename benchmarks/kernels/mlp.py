"""A perceptron of two hidden layers in arrays, with ``@``: matrix products decide the time.

The gradient is with respect to all weights and biases.
"""

import math
from itertools import pairwise

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "MLP with `@`, 64-256-256-10, batch of 128"
WRT = ("w1", "b1", "w2", "b2", "w3", "b3")


def arguments(scale=1.0):
    random = np.random.default_rng(17)
    batch, sizes = scaled(128, scale, 4), [scaled(s, scale, 3) for s in (64, 256, 256, 10)]
    sizes[2] += scale < 1.0
    given = {}
    for layer, (m, n) in enumerate(pairwise(sizes), 1):
        given[f"w{layer}"] = random.normal(size=(m, n)) / math.sqrt(m)
        given[f"b{layer}"] = 0.1 * random.normal(size=n)
    return given | {
        "x": random.normal(size=(batch, sizes[0])),
        "y": random.normal(size=(batch, sizes[3])),
    }


def mlp(w1, b1, w2, b2, w3, b3, x, y):
    h1 = np.tanh(x @ w1 + b1)
    h2 = np.tanh(h1 @ w2 + b2)
    out = h2 @ w3 + b3
    return np.mean((out - y) ** 2)


PRIMAL = mlp


@jit
def activate(z, bias):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = math.tanh(z[i, j] + bias[j])


@jit
def activate_back(h, h_b, bias_b):
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            h_b[i, j] *= 1.0 - h[i, j] * h[i, j]
            bias_b[j] += h_b[i, j]


@jit
def adjoint(w1, b1, w2, b2, w3, b3, x, y):
    h1 = np.dot(x, w1)
    activate(h1, b1)
    h2 = np.dot(h1, w2)
    activate(h2, b2)
    z = np.dot(h2, w3)
    b1_b, b2_b, b3_b = np.zeros(b1.size), np.zeros(b2.size), np.zeros(b3.size)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = 2.0 / z.size * (z[i, j] + b3[j] - y[i, j])
            b3_b[j] += z[i, j]
    w3_b = np.dot(h2.T, z)
    h2_b = np.dot(z, w3.T)
    activate_back(h2, h2_b, b2_b)
    w2_b = np.dot(h1.T, h2_b)
    h1_b = np.dot(h2_b, w2.T)
    activate_back(h1, h1_b, b1_b)
    w1_b = np.dot(x.T, h1_b)
    return w1_b, b1_b, w2_b, b2_b, w3_b, b3_b


def forward(tanh):
    def primal(w1, b1, w2, b2, w3, b3, x, y):
        h1 = tanh(x @ w1 + b1)
        h2 = tanh(h1 @ w2 + b2)
        return ((h2 @ w3 + b3 - y) ** 2).mean()

    return primal


def jax_primal(jax):
    return forward(jax.numpy.tanh)


def torch_primal(torch):
    return forward(torch.tanh)


def autograd_primal(np):
    return forward(np.tanh)
