"""Statistics and machine-learning kernels as they are written with NumPy loops and matrices."""

import math
from functools import partial

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave

LABELS = np.array([0, 2, 1, 2, 0])


@program(
    lambda: (grid(5, 4), LABELS, grid(4, 3, 1.1), wave(3), 0.01),
    oracle="differences",
    cross_checked=False,
)
def softmax_regression_loss(X, y, W, b, reg=1e-3):
    scores = X @ W + b
    scores = scores - scores.max(axis=1, keepdims=True)
    probs = np.exp(scores)
    probs /= probs.sum(axis=1, keepdims=True)
    n = X.shape[0]
    loss = -np.log(probs[np.arange(n), y]).mean()
    return loss + 0.5 * reg * np.sum(W * W)


@program(lambda: (grid(5, 4), LABELS, grid(4, 3, 1.1), wave(3)))
def softmax_regression_loops(X, y, W, b):
    total = 0.0
    for x, label in zip(X, y):
        logits = np.empty(len(b))
        for k in range(len(b)):
            logits[k] = b[k]
            for j in range(x.shape[0]):
                logits[k] += x[j] * W[j, k]
        top = max(logits)
        z = 0.0
        for value in logits:
            z += math.exp(value - top)
        total += math.log(z) + top - logits[label]
    return total / len(y)


def relu(x):
    return np.maximum(x, 0.0)


def softplus(x):
    return np.log1p(np.exp(x))


@program(
    lambda: (
        grid(3, 4),
        grid(4, 5),
        wave(5),
        grid(5, 3, 0.7),
        wave(3, 0.2),
        grid(3, 1, 1.7),
        wave(3),
    )
)
def mlp_list_of_layers(x, W1, b1, W2, b2, W3, target):
    layers = [(W1, b1), (W2, b2)]
    layers.append((W3, np.zeros(1)))
    h = x
    for W, b in layers[:-1]:
        h = np.tanh(h @ W + b)
    W, b = layers[-1]
    out = (h @ W + b)[:, 0]
    return np.mean((out - target) ** 2)


def forward(x, weights, biases, activation):
    for i, (W, b) in enumerate(zip(weights, biases)):
        x = W @ x + b
        if i < len(weights) - 1:
            x = activation(x)
    return x


@program(
    lambda: (
        wave(4),
        grid(5, 4),
        wave(5),
        grid(3, 5, 0.7),
        wave(3, 0.2),
        "softplus",
    ),
    whole=True,
)
def mlp_activation_by_name(x, W1, b1, W2, b2, name):
    if name == "relu":
        act = relu
    elif name == "softplus":
        act = softplus
    else:
        raise ValueError("unknown activation " + name)
    return forward(x, (W1, W2), (b1, b2), act)


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


@program(
    lambda: (grid(4, 6), grid(6, 6, 0.1), grid(6, 6, 0.9), grid(6, 6, 1.9), 2, True),
    whole=True,
    oracle="differences",
    cross_checked=False,
    heavy=True,
)
def multi_head_attention(x, Wq, Wk, Wv, heads, causal):
    n, d = x.shape
    dh = d // heads
    q = (x @ Wq).reshape(n, heads, dh).transpose(1, 0, 2)
    k = (x @ Wk).reshape(n, heads, dh).transpose(1, 0, 2)
    v = (x @ Wv).reshape(n, heads, dh).transpose(1, 0, 2)
    out = np.zeros((heads, n, dh))
    for h in range(heads):
        scores = q[h] @ k[h].T / np.sqrt(dh)
        if causal:
            mask = np.triu(np.ones((n, n)), 1)
            scores = np.where(mask > 0, -1e9, scores)
        out[h] = softmax(scores) @ v[h]
    return out.transpose(1, 0, 2).reshape(n, d)


@program(lambda: (grid(4, 3), grid(5, 3, 0.5), grid(5, 2, 1.5)), whole=True)
def attention_loops(q, k, v):
    n, d = q.shape
    out = np.zeros((n, v.shape[1]))
    scale = 1.0 / math.sqrt(d)
    for i in range(n):
        weights = [scale * np.dot(q[i], k[j]) for j in range(k.shape[0])]
        top = max(weights)
        norm = 0.0
        for j, w in enumerate(weights):
            e = np.exp(w - top)
            norm += e
            out[i] += e * v[j]
        out[i] /= norm
    return out


@program(lambda: (grid(4, 2), grid(3, 3), grid(3, 2, 1.0), grid(1, 3, 2.0), wave(3), wave(4, 1.4)))
def rnn_loss(xs, Whh, Wxh, Why, bh, targets):
    hs = np.zeros((len(xs) + 1, Whh.shape[0]))
    loss = 0.0
    for t in range(len(xs)):
        hs[t + 1] = np.tanh(Wxh @ xs[t] + Whh @ hs[t] + bh)
        y = Why @ hs[t + 1]
        loss += 0.5 * (y[0] - targets[t]) ** 2
    return loss


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def lstm_cell(x, state, W, b):
    h, c = state
    n = h.size
    z = W @ np.concatenate((x, h)) + b
    i, f, o = sigmoid(z[:n]), sigmoid(z[n : 2 * n]), sigmoid(z[2 * n : 3 * n])
    g = np.tanh(z[3 * n :])
    c = f * c + i * g
    return o * np.tanh(c), c


@program(lambda: (grid(3, 2), grid(8, 4), wave(8)), whole=True)
def lstm(xs, W, b):
    n = b.size // 4
    state = (np.zeros(n), np.zeros(n))
    outputs = np.zeros((len(xs), n))
    for t, x in enumerate(xs):
        state = lstm_cell(x, state, W, b)
        outputs[t] = state[0]
    return outputs, state[1]


def im2col(x, kh, kw, stride=1):
    channels, height, width = x.shape
    oh = (height - kh) // stride + 1
    ow = (width - kw) // stride + 1
    cols = np.zeros((channels * kh * kw, oh * ow))
    for c in range(channels):
        for i in range(kh):
            for j in range(kw):
                row = (c * kh + i) * kw + j
                patch = x[c, i : i + stride * oh : stride, j : j + stride * ow : stride]
                cols[row] = patch.reshape(-1)
    return cols, oh, ow


@program(
    lambda: (wave(32).reshape(2, 4, 4), wave(24, 1.0).reshape(3, 2, 2, 2), wave(3)), whole=True
)
def conv2d_im2col(x, kernels, bias):
    filters, _, kh, kw = kernels.shape
    cols, oh, ow = im2col(x, kh, kw)
    out = kernels.reshape(filters, -1) @ cols + bias[:, None]
    return out.reshape(filters, oh, ow)


@program(
    lambda: (grid(5, 3), ramp(3), wave(3), None),
    whole=True,
    oracle="differences",
    cross_checked=False,
)
def batch_norm(x, gamma, beta, running, eps=1e-5, momentum=0.9):
    if running is None:
        mean = x.mean(axis=0)
        var = x.var(axis=0)
    else:
        mean = momentum * running[0] + (1 - momentum) * x.mean(axis=0)
        var = momentum * running[1] + (1 - momentum) * x.var(axis=0)
    xhat = (x - mean) / np.sqrt(var + eps)
    return gamma * xhat + beta, mean, var


def rbf_kernel(a, b, length, sigma):
    K = np.empty((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            d2 = ((a[i] - b[j]) ** 2).sum()
            K[i, j] = sigma**2 * math.exp(-0.5 * d2 / length**2)
    return K


def cholesky(A):
    n = A.shape[0]
    L = np.zeros_like(A)
    for j in range(n):
        s = A[j, j]
        for k in range(j):
            s -= L[j, k] ** 2
        L[j, j] = math.sqrt(s)
        for i in range(j + 1, n):
            L[i, j] = (A[i, j] - np.dot(L[i, :j], L[j, :j])) / L[j, j]
    return L


def forward_substitution(L, b):
    x = np.zeros(len(b))
    for i in range(len(b)):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


@program(lambda: (grid(4, 2), wave(4, 1.0), 0.8, 1.3, 0.2))
def gp_log_marginal_likelihood(X, y, length, sigma, noise):
    K = rbf_kernel(X, X, length, sigma)
    K[np.diag_indices(len(y))] += noise**2
    L = cholesky(K)
    z = forward_substitution(L, y)
    return -0.5 * z @ z - np.sum(np.log(np.diag(L))) - 0.5 * len(y) * math.log(2 * math.pi)


@njit(fastmath=True)
def logsumexp(a):
    m = a[0]
    for v in a:
        if v > m:
            m = v
    s = 0.0
    for v in a:
        s += math.exp(v - m)
    return m + math.log(s)


@program(lambda: (grid(6, 2), wave(3), grid(3, 2, 0.8), grid(3, 2, 0.2) * 0.3))
@njit
def gmm_log_likelihood(x, alphas, means, log_sigmas):
    n, d = x.shape
    k = means.shape[0]
    terms = np.empty(k)
    total = 0.0
    for i in range(n):
        for c in range(k):
            q = 0.0
            for j in range(d):
                q += ((x[i, j] - means[c, j]) / np.exp(log_sigmas[c, j])) ** 2
            terms[c] = alphas[c] - log_sigmas[c].sum() - 0.5 * q
        total += logsumexp(terms)
    return total - n * logsumexp(alphas)


def em_step(x, weights, means, variances):
    # E step: responsibilities, one row per observation
    diff = x[:, None] - means[None, :]
    logp = np.log(weights) - 0.5 * np.log(2 * np.pi * variances) - 0.5 * diff**2 / variances
    logp -= logp.max(axis=1)[:, np.newaxis]
    r = np.exp(logp)
    r = r / r.sum(axis=1)[:, np.newaxis]
    # M step
    nk = r.sum(axis=0)
    means = (r * x[:, None]).sum(axis=0) / nk
    variances = (r * (x[:, None] - means) ** 2).sum(axis=0) / nk + 1e-3
    return nk / len(x), means, variances


@program(
    lambda: (wave(8), np.array([0.4, 0.6]), np.array([-0.5, 0.6]), ramp(2, 0.2, 0.4), 2), whole=True
)
def gaussian_mixture_em(x, weights, means, variances, iterations):
    for _ in range(iterations):
        weights, means, variances = em_step(x, weights, means, variances)
    return weights, means, variances


@program(lambda: (grid(6, 2), 1.5 * wave(6, 1.0), wave(2), 0.5))
def huber_by_masks(A, y, beta, delta):
    r = y - A @ beta
    a = np.abs(r)
    small = a <= delta
    loss = np.zeros_like(r)
    loss[small] = 0.5 * r[small] ** 2
    loss[~small] = delta * (a[~small] - 0.5 * delta)
    return loss.sum()


@program(lambda: (grid(6, 2), 1.5 * wave(6, 1.0), 0.5, 3), whole=True)
def irls_huber(A, y, delta, iterations):
    beta = np.zeros(A.shape[1])
    for it in range(iterations):
        r = y - A @ beta
        w = np.ones(len(r))
        outside = np.abs(r) > delta
        w[outside] = delta / np.abs(r[outside])
        Aw = A * w[:, None]
        beta = np.linalg.solve(A.T @ Aw, Aw.T @ y)
    return beta


SOURCE = np.array([0, 1, 2, 3, 0, 2])
TARGET = np.array([1, 2, 0, 0, 3, 1])


@program(lambda: (grid(4, 3), wave(6, 0.9), SOURCE, TARGET, grid(3, 3, 1.2), 2), whole=True)
def message_passing_loops(h, weight, src, dst, W, rounds):
    for _ in range(rounds):
        out = np.zeros_like(h)
        for e in range(len(src)):
            out[dst[e]] += weight[e] * (h[src[e]] @ W)
        h = np.tanh(out + h)
    return h


@program(lambda: (grid(4, 3), grid(6, 2, 0.9), SOURCE, TARGET, grid(8, 1, 1.2)), whole=True)
def message_passing_fancy(h, edge_features, src, dst, W):
    pair = np.concatenate((h[src], h[dst], edge_features), axis=1)
    gate = sigmoid(pair @ W)
    messages = gate * h[src]
    out = np.empty_like(h)
    for node in range(h.shape[0]):
        out[node] = h[node] + messages[dst == node].sum(axis=0)
    return out


@program(
    lambda: (np.abs(grid(4, 4)) + 0.1, 0.85, 1e-12, 6),
    lambda: (np.abs(grid(4, 4)) + 0.1, 0.85, 0.05, 6),
    wrt=(0, 1),
    whole=True,
)
def pagerank(A, damping, tol, max_iter):
    n = A.shape[0]
    P = A / A.sum(axis=0)
    r = np.ones(n) / n
    for it in range(max_iter):
        new = damping * P.dot(r) + (1 - damping) / n
        if np.abs(new - r).sum() < tol:
            r = new
            break
        r = new
    return r


@program(lambda: (wave(5), wave(6, 0.8), 0.4), lambda: (wave(5), wave(6, 0.8), 0.05))
def soft_dtw(x, y, gamma):
    def softmin(*values):
        low = min(values)
        total = 0.0
        for v in values:
            total += math.exp(-(v - low) / gamma)
        return low - gamma * math.log(total)

    n, m = len(x), len(y)
    R = np.full((n + 1, m + 1), 1e10)
    R[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = (x[i - 1] - y[j - 1]) ** 2
            R[i, j] = cost + softmin(R[i - 1, j], R[i, j - 1], R[i - 1, j - 1])
    return R[n, m]


def squared_error(w, X, y):
    r = X @ w - y
    return r @ r / len(y)


def numeric_descent(loss, w, lr, steps):
    h = 1e-3
    for _ in range(steps):
        g = np.zeros_like(w)
        for i in range(w.size):
            e = np.zeros_like(w)
            e[i] = h
            g[i] = (loss(w + e) - loss(w - e)) / (2 * h)
        w = w - lr * g
    return w


@program(lambda: (grid(5, 2), wave(5, 1.0), wave(2), 0.1, 3))
def descent_with_partial(X, y, w, lr, steps):
    loss = partial(squared_error, X=X, y=y)
    w = numeric_descent(loss, w, lr, steps)
    return loss(w)


@program(lambda: (wave(5), ramp(5), 0.1, 0.9, 0.99, 3), whole=True)
def adam_on_quadratic(w, scale, lr, beta1, beta2, steps):
    m, v = np.zeros(w.shape), np.zeros(w.shape)
    for t in range(1, steps + 1):
        g = scale * w + 0.3 * np.sin(3 * w)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        mhat = m / (1 - beta1**t)
        vhat = v / (1 - beta2**t)
        w = w - lr * mhat / (np.sqrt(vhat) + 1e-8)
    return w


@program(
    lambda: (
        np.array([0, 1, 1, 0]),
        ramp(2),
        np.abs(grid(2, 2)) + 0.2,
        np.abs(grid(2, 2, 1.0)) + 0.2,
    )
)
def hmm_forward(observations, start, transition, emission):
    transition = transition / np.sum(transition, axis=1, keepdims=True)
    emission = emission / emission.sum(axis=1).reshape(-1, 1)
    alpha = start / start.sum() * emission[:, observations[0]]
    loglik = 0.0
    for o in observations[1:]:
        alpha = alpha @ transition * emission[:, o]
        c = alpha.sum()
        loglik += np.log(c)
        alpha /= c
    return loglik


@program(lambda: (wave(6), np.array([0.1, 0.2]), 0.9, 0.3, 0.2))
def kalman_filter(zs, x0, dt, q, r):
    F = np.array([[1.0, dt], [0.0, 1.0]])
    H = np.array([[1.0, 0.0]])
    Q = q * np.array([[dt**4 / 4, dt**3 / 2], [dt**3 / 2, dt**2]])
    R = np.array([[r]])
    x, P = x0, np.eye(2)
    loglik = 0.0
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + Q
        S = H @ P @ H.T + R
        K = P @ H.T @ np.linalg.inv(S)
        innovation = z - H @ x
        x = x + K @ innovation
        P = (np.eye(2) - K @ H) @ P
        loglik -= 0.5 * (innovation[0] ** 2 / S[0, 0] + math.log(S[0, 0]))
    return loglik
