"""LSTM, the objective of ADBench (elementwise gates): sigmoids in loops over time, layer and unit.

The gradient is with respect to the gates' weights and the input and output scales. The mark by hand
saves the four gates, tanh of the cell, and the state before, and recomputes the rest.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "LSTM, 2 layers of 14, 1024 steps"
WRT = ("main", "extra")


def arguments(scale=1.0):
    layers, width, length = 2, scaled(14, scale), scaled(1024, scale, 5)
    random = np.random.default_rng(1)
    return {
        "main": random.random((2 * layers, 4 * width)) - 0.5,
        "extra": random.random((3, width)) - 0.5,
        "state": random.random((2 * layers, width)) - 0.5,
        "sequence": random.integers(0, 2, size=(length, width)).astype(float),
    }


@jit
def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def lstm(main, extra, state, sequence):
    layers = main.shape[0] // 2
    length, width = sequence.shape
    state = state.copy()
    x = np.empty(width)
    total = 0.0
    for t in range(length - 1):
        for j in range(width):
            x[j] = sequence[t, j] * extra[0, j]
        for q in range(layers):
            weight = main[2 * q]
            bias = main[2 * q + 1]
            hidden = state[2 * q]
            cell = state[2 * q + 1]
            for j in range(width):
                forget = sigmoid(x[j] * weight[j] + bias[j])
                ingate = sigmoid(hidden[j] * weight[width + j] + bias[width + j])
                outgate = sigmoid(x[j] * weight[2 * width + j] + bias[2 * width + j])
                change = math.tanh(hidden[j] * weight[3 * width + j] + bias[3 * width + j])
                cell[j] = cell[j] * forget + ingate * change
                hidden[j] = outgate * math.tanh(cell[j])
                x[j] = hidden[j]
        s = 2.0
        for j in range(width):
            x[j] = x[j] * extra[1, j] + extra[2, j]
            s += math.exp(x[j])
        for j in range(width):
            total += sequence[t + 1, j] * (x[j] - math.log(s))
    return -total / ((length - 1) * width)


PRIMAL = lstm


@jit
def adjoint(main, extra, state, sequence):
    layers = main.shape[0] // 2
    length, width = sequence.shape
    state = state.copy()
    x = np.empty(width)
    tape = np.empty((length - 1, layers, 7, width))
    softmax = np.empty((length - 1, width))
    for t in range(length - 1):
        for j in range(width):
            x[j] = sequence[t, j] * extra[0, j]
        for q in range(layers):
            slot = tape[t, q]
            for j in range(width):
                h = state[2 * q, j]
                c = state[2 * q + 1, j]
                f = sigmoid(x[j] * main[2 * q, j] + main[2 * q + 1, j])
                i = sigmoid(h * main[2 * q, width + j] + main[2 * q + 1, width + j])
                o = sigmoid(x[j] * main[2 * q, 2 * width + j] + main[2 * q + 1, 2 * width + j])
                g = math.tanh(h * main[2 * q, 3 * width + j] + main[2 * q + 1, 3 * width + j])
                new = c * f + i * g
                squashed = math.tanh(new)
                slot[0, j] = f
                slot[1, j] = i
                slot[2, j] = o
                slot[3, j] = g
                slot[4, j] = squashed
                slot[5, j] = c
                slot[6, j] = h
                state[2 * q + 1, j] = new
                state[2 * q, j] = o * squashed
                x[j] = o * squashed
        s = 2.0
        for j in range(width):
            softmax[t, j] = math.exp(x[j] * extra[1, j] + extra[2, j])
            s += softmax[t, j]
        for j in range(width):
            softmax[t, j] /= s

    main_b = np.zeros(main.shape)
    extra_b = np.zeros(extra.shape)
    hidden_b = np.zeros((layers, width))
    cell_b = np.zeros((layers, width))
    x_b = np.empty(width)
    seed = -1.0 / ((length - 1) * width)
    for t in range(length - 2, -1, -1):
        s = 0.0
        for j in range(width):
            s += sequence[t + 1, j]
        for j in range(width):
            y_b = seed * (sequence[t + 1, j] - s * softmax[t, j])
            extra_b[1, j] += y_b * tape[t, layers - 1, 2, j] * tape[t, layers - 1, 4, j]
            extra_b[2, j] += y_b
            x_b[j] = y_b * extra[1, j]
        for q in range(layers - 1, -1, -1):
            slot = tape[t, q]
            for j in range(width):
                f = slot[0, j]
                i = slot[1, j]
                o = slot[2, j]
                g = slot[3, j]
                squashed = slot[4, j]
                h = slot[6, j]
                if q > 0:
                    x_in = tape[t, q - 1, 2, j] * tape[t, q - 1, 4, j]
                else:
                    x_in = sequence[t, j] * extra[0, j]
                h_b = hidden_b[q, j] + x_b[j]
                c_b = cell_b[q, j] + h_b * o * (1.0 - squashed * squashed)
                f_b = c_b * slot[5, j] * f * (1.0 - f)
                i_b = c_b * g * i * (1.0 - i)
                o_b = h_b * squashed * o * (1.0 - o)
                g_b = c_b * i * (1.0 - g * g)
                main_b[2 * q, j] += f_b * x_in
                main_b[2 * q + 1, j] += f_b
                main_b[2 * q, width + j] += i_b * h
                main_b[2 * q + 1, width + j] += i_b
                main_b[2 * q, 2 * width + j] += o_b * x_in
                main_b[2 * q + 1, 2 * width + j] += o_b
                main_b[2 * q, 3 * width + j] += g_b * h
                main_b[2 * q + 1, 3 * width + j] += g_b
                cell_b[q, j] = c_b * f
                hidden_b[q, j] = i_b * main[2 * q, width + j] + g_b * main[2 * q, 3 * width + j]
                x_b[j] = f_b * main[2 * q, j] + o_b * main[2 * q, 2 * width + j]
        for j in range(width):
            extra_b[0, j] += x_b[j] * sequence[t, j]
    return main_b, extra_b


def jax_primal(jax, scan):
    jnp, sigmoid = jax.numpy, jax.nn.sigmoid

    def primal(main, extra, state, sequence):
        length, width = sequence.shape

        def step(state, pair):
            seen, wanted = pair
            x = seen * extra[0]
            new = []
            for q in range(main.shape[0] // 2):
                w = main[2 * q].reshape(4, width)
                b = main[2 * q + 1].reshape(4, width)
                hidden, cell = state[2 * q], state[2 * q + 1]
                change = jnp.tanh(hidden * w[3] + b[3])
                cell = cell * sigmoid(x * w[0] + b[0]) + sigmoid(hidden * w[1] + b[1]) * change
                x = sigmoid(x * w[2] + b[2]) * jnp.tanh(cell)
                new += [x, cell]
            y = x * extra[1] + extra[2]
            return jnp.stack(new), jnp.dot(wanted, y - jnp.log(2.0 + jnp.sum(jnp.exp(y))))

        _, terms = scan(step, state, (sequence[:-1], sequence[1:]), length - 1)
        return -terms.sum() / ((length - 1) * width)

    return primal


def torch_primal(torch):
    def primal(main, extra, state, sequence):
        length, width = sequence.shape
        layers = main.shape[0] // 2
        weights = [main[2 * q].view(4, width).unbind() for q in range(layers)]
        biases = [main[2 * q + 1].view(4, width).unbind() for q in range(layers)]
        hidden = [state[2 * q] for q in range(layers)]
        cell = [state[2 * q + 1] for q in range(layers)]
        total = 0.0
        for t in range(length - 1):
            x = sequence[t] * extra[0]
            for q, (w, b) in enumerate(zip(weights, biases, strict=True)):
                change = torch.tanh(hidden[q] * w[3] + b[3])
                kept = cell[q] * torch.sigmoid(x * w[0] + b[0])
                cell[q] = kept + torch.sigmoid(hidden[q] * w[1] + b[1]) * change
                x = hidden[q] = torch.sigmoid(x * w[2] + b[2]) * torch.tanh(cell[q])
            y = x * extra[1] + extra[2]
            total = total + (sequence[t + 1] * (y - torch.log(2.0 + torch.exp(y).sum()))).sum()
        return -total / ((length - 1) * width)

    return primal


ENZYME = """
  const int width = 14, length = 1024;
  double st[4][width], x[width], total = 0;
  for (int q = 0; q < 4; q++)
    for (int j = 0; j < width; j++) st[q][j] = state[q][j];
  for (int t = 0; t < length - 1; t++) {
    for (int j = 0; j < width; j++) x[j] = sequence[t][j] * extra[0][j];
    for (int q = 0; q < 2; q++)
      for (int j = 0; j < width; j++) {
        double h = st[2 * q][j];
        double f = 1 / (1 + exp(-(x[j] * main[2 * q][j] + main[2 * q + 1][j])));
        double i = 1 / (1 + exp(-(h * main[2 * q][width + j] + main[2 * q + 1][width + j])));
        double o = 1 / (1 + exp(-(x[j] * main[2 * q][2 * width + j] + main[2 * q + 1][2 * width + j])));
        double g = tanh(h * main[2 * q][3 * width + j] + main[2 * q + 1][3 * width + j]);
        double c = st[2 * q + 1][j] * f + i * g;
        st[2 * q + 1][j] = c;
        x[j] = st[2 * q][j] = o * tanh(c);
      }
    double s = 2;
    for (int j = 0; j < width; j++) { x[j] = x[j] * extra[1][j] + extra[2][j]; s += exp(x[j]); }
    double ls = log(s);
    for (int j = 0; j < width; j++) total += sequence[t + 1][j] * (x[j] - ls);
  }
  out[0] = -total / ((length - 1) * width);
"""
