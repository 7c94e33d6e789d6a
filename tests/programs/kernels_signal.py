"""Signals, images and small networks: transforms, filters, splines, histograms, layers."""

import math

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave


def bit_reverse(z):
    n = len(z)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j ^= bit
        if i < j:
            z[i], z[j] = z[j], z[i]


@program(lambda: (wave(8), ramp(8)), oracle="differences", cross_checked=False)
def fft_radix2_in_place(x, weight):
    """Bit reversal, butterflies in place on a complex array; the weighted power spectrum."""
    n = len(x)
    z = np.zeros(n, dtype=np.complex128)
    for i in range(n):
        z[i] = x[i]
    bit_reverse(z)
    size = 2
    while size <= n:
        half = size // 2
        for start in range(0, n, size):
            for k in range(half):
                w = np.exp(-2j * np.pi * k / size)
                even = z[start + k]
                odd = w * z[start + k + half]
                z[start + k] = even + odd
                z[start + k + half] = even - odd
        size *= 2
    power = 0.0
    for k in range(n):
        power += weight[k] * abs(z[k]) ** 2
    return power


def fft(z):
    n = len(z)
    if n == 1:
        return z.copy()
    even = fft(z[0::2])
    odd = fft(z[1::2])
    t = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
    out = np.empty(n, dtype=np.complex128)
    out[: n // 2] = even + t
    out[n // 2 :] = even - t
    return out


@program(lambda: (wave(8), ramp(8)), oracle="differences", cross_checked=False)
def fft_recursive(x, weight):
    """Even and odd halves by recursion, complex slices."""
    z = fft(x.astype(np.complex128))
    return np.sum(weight * (z.real**2 + z.imag**2))


@program(lambda: (wave(6), wave(6, 1.3)), whole=True, oracle="differences", cross_checked=False)
def dft_cross_spectrum(x, y):
    """A direct transform with math.cos and math.sin; coherence through a complex product."""
    n = x.size
    re = np.zeros(n)
    im = np.zeros(n)
    for k in range(n):
        fx = 0.0 + 0.0j
        fy = 0j
        for t in range(n):
            angle = 2.0 * math.pi * k * t / n
            w = complex(math.cos(angle), -math.sin(angle))
            fx += x[t] * w
            fy += y[t] * w
        cross = fx * fy.conjugate()
        re[k] = cross.real
        im[k] = cross.imag
    return re, im


@program(lambda: (wave(12), 0.3, 0.8), whole=True)
def biquad_lowpass(x, freq, q):
    """Coefficients from the frequency, direct form 1."""
    w0 = math.pi * freq
    alpha = math.sin(w0) / (2.0 * q)
    b0 = (1.0 - math.cos(w0)) / 2.0
    b1 = 1.0 - math.cos(w0)
    b2 = b0
    a0, a1, a2 = 1.0 + alpha, -2.0 * math.cos(w0), 1.0 - alpha
    y = np.zeros_like(x)
    x1 = x2 = y1 = y2 = 0.0
    for i, xi in enumerate(x):
        y[i] = (b0 * xi + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2) / a0
        x2, x1 = x1, xi
        y2, y1 = y1, y[i]
    return y


@program(lambda: (wave(10), grid(2, 3, 0.7) * 0.3, grid(2, 2, 1.1) * 0.3))
def sos_cascade(x, b, a):
    """Second-order sections with state in an array, transposed direct form 2, in place."""
    y = x.copy()
    state = np.zeros((len(b), 2))
    for n in range(len(y)):
        v = y[n]
        for s in range(len(b)):
            w = b[s, 0] * v + state[s, 0]
            state[s, 0] = b[s, 1] * v - a[s, 0] * w + state[s, 1]
            state[s, 1] = b[s, 2] * v - a[s, 1] * w
            v = w
        y[n] = v
    return np.sqrt(np.mean(y**2))


@program(lambda: (wave(16), wave(16, 1.1), 0.1), whole=True)
def lms_adaptive_filter(x, desired, mu):
    """Weights updated from reversed windows."""
    taps = 4
    w = np.zeros(taps)
    error = np.zeros(len(x) - taps + 1)
    for n in range(taps - 1, len(x)):
        window = x[n - taps + 1 : n + 1][::-1]
        e = desired[n] - np.dot(w, window)
        w += mu * e * window
        error[n - taps + 1] = e
    return w, error


@program(
    lambda: (ramp(6, 0.0, 2.0) + 0.1 * wave(6), wave(6, 0.8), np.array([0.35, 0.9, 1.45])),
    whole=True,
)
def natural_cubic_spline(x, y, xs):
    """Second derivatives by a tridiagonal solve, evaluation by a bisection per point."""
    n = len(x)
    m = np.zeros(n)
    u = np.zeros(n)
    for i in range(1, n - 1):
        sig = (x[i] - x[i - 1]) / (x[i + 1] - x[i - 1])
        p = sig * m[i - 1] + 2.0
        m[i] = (sig - 1.0) / p
        slope = (y[i + 1] - y[i]) / (x[i + 1] - x[i]) - (y[i] - y[i - 1]) / (x[i] - x[i - 1])
        u[i] = (6.0 * slope / (x[i + 1] - x[i - 1]) - sig * u[i - 1]) / p
    for k in range(n - 2, -1, -1):
        m[k] = m[k] * m[k + 1] + u[k]
    out = np.empty(len(xs))
    for j in range(len(xs)):
        klo, khi = 0, n - 1
        while khi - klo > 1:
            k = (khi + klo) // 2
            if x[k] > xs[j]:
                khi = k
            else:
                klo = k
        h = x[khi] - x[klo]
        a = (x[khi] - xs[j]) / h
        b = (xs[j] - x[klo]) / h
        out[j] = a * y[klo] + b * y[khi] + ((a**3 - a) * m[klo] + (b**3 - b) * m[khi]) * h**2 / 6.0
    return out


@program(lambda: (wave(8), 3, 2.4, ramp(12, 0.0, 1.0) ** 1.1), wrt=(0, 2))
def b_spline_de_boor(coef, degree, x, knots):
    """De Boor's recurrence in place on a slice of the coefficients."""
    x = x / 4.0
    k = degree
    while k < len(coef) - 1 and x >= knots[k + 1]:
        k += 1
    d = coef[k - degree : k + 1].copy()
    for r in range(1, degree + 1):
        for j in range(degree, r - 1, -1):
            left = knots[j + k - degree]
            alpha = (x - left) / (knots[j + 1 + k - r] - left)
            d[j] = (1.0 - alpha) * d[j - 1] + alpha * d[j]
    return d[degree]


@program(lambda: (wave(10), ramp(10), np.zeros(4)), wrt=(1, 2), outputs=("hist",))
def weighted_histogram(x, w, hist):
    """Bins by int(floor), out-of-range values skipped."""
    lo, hi = -0.8, 1.0
    nbins = len(hist)
    width = (hi - lo) / nbins
    for i in range(len(x)):
        b = int(math.floor((x[i] - lo) / width))
        if b < 0 or b >= nbins:
            continue
        hist[b] += w[i]


@program(lambda: (wave(10), ramp(10), np.array([0.4, 0.7])), whole=True)
def soft_histogram(x, w, edges_scale):
    """Triangular kernels on two neighbouring bins; the normalized density, and moments."""
    hist = np.zeros(6)
    for i in range(x.size):
        p = (x[i] + 1.0) * 2.0 * edges_scale[0] + edges_scale[1]
        b = int(np.floor(p))
        f = p - b
        if 0 <= b < 5:
            hist[b] += w[i] * (1.0 - f)
            hist[b + 1] += w[i] * f
    hist /= hist.sum()
    mean = np.dot(hist, np.arange(6))
    return hist, mean


@njit
def conv2d(x, k, bias):
    oh = x.shape[1] - k.shape[2] + 1
    ow = x.shape[2] - k.shape[3] + 1
    out = np.empty((k.shape[0], oh, ow))
    for o in range(k.shape[0]):
        for i in range(oh):
            for j in range(ow):
                s = bias[o]
                for c in range(x.shape[0]):
                    for di in range(k.shape[2]):
                        for dj in range(k.shape[3]):
                            s += x[c, i + di, j + dj] * k[o, c, di, dj]
                out[o, i, j] = s
    return out


def max_pool(x, size):
    c, h, w = x.shape
    out = np.zeros((c, h // size, w // size))
    for i in range(h // size):
        for j in range(w // size):
            patch = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
            out[:, i, j] = patch.reshape(c, -1).max(axis=1)
    return out


def average_pool(x, size):
    c, h, w = x.shape
    return x.reshape(c, h // size, size, w // size, size).mean(axis=(2, 4))


@program(
    lambda: (
        wave(36).reshape(1, 6, 6),
        wave(18, 0.8).reshape(2, 1, 3, 3),
        wave(2),
        grid(3, 4, 1.7),
    )
)
def convolution_network(image, kernels, bias, dense):
    """A compiled convolution, leaky ReLU, average pooling, dense, softmax cross entropy."""
    x = conv2d(image, kernels, bias)
    x = np.where(x > 0, x, 0.1 * x)
    x = average_pool(x, 2)
    flat = x.reshape(-1)
    logits = dense @ flat[:4] + 0.1 * flat[4:].sum()
    logits = logits - np.max(logits)
    return -logits[1] + np.log(np.sum(np.exp(logits)))


@program(
    lambda: (wave(36).reshape(1, 6, 6), wave(18, 0.8).reshape(2, 1, 3, 3), wave(2)), whole=True
)
def convolution_max_pool(image, kernels, bias):
    """Maxima over reshaped patches."""
    return max_pool(np.tanh(conv2d(image, kernels, bias)), 2)


def max_pool_loops(x, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            best = -np.inf
            for a in range(2):
                for b in range(2):
                    v = x[2 * i + a, 2 * j + b]
                    if v > best:
                        best = v
            out[i, j] = best


@program(
    lambda: (grid(6, 6), grid(3, 3, 1.0), np.zeros((2, 2))),
    outputs=("out",),
    oracle="differences",
    cross_checked=False,
)
def image_gradient_pool(img, k, out):
    """A correlation by shifted slices, ReLU, pooling by loops into the argument."""
    h, w = img.shape
    acc = np.zeros((h - 2, w - 2))
    for a in range(3):
        for b in range(3):
            acc += k[a, b] * img[a : h - 2 + a, b : w - 2 + b]
    np.maximum(acc, 0.0, out=acc)
    max_pool_loops(acc, out)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm_cell(x, h, c, wx, wh, b):
    n = h.shape[0]
    z = x @ wx + h @ wh + b
    i = sigmoid(z[:n])
    f = sigmoid(z[n : 2 * n])
    g = np.tanh(z[2 * n : 3 * n])
    o = sigmoid(z[3 * n :])
    c = f * c + i * g
    h = o * np.tanh(c)
    return h, c


@program(lambda: (grid(3, 2), 0.4 * grid(2, 8), 0.4 * grid(2, 8, 1.0), 0.1 * wave(8)), whole=True)
def lstm(xs, wx, wh, b):
    """A cell over time, iterating over rows."""
    n = wh.shape[0]
    h = np.zeros(n)
    c = np.zeros(n)
    for x in xs:
        h, c = lstm_cell(x, h, c, wx, wh, b)
    return h, c


@program(lambda: (grid(3, 2), 0.4 * grid(2, 3), 0.3 * grid(3, 3, 0.5), wave(3)))
def gru_batch(xs, w, u, b):
    """A tuple of weights, gates by loops over units, the hidden state in place."""
    layers = [(w, u, b)]
    w, u, b = layers[0]
    h = np.zeros(3)
    for t in range(xs.shape[0]):
        pre = xs[t] @ w + b
        for k in range(3):
            z = sigmoid(pre[k] + u[k] @ h)
            h[k] = (1.0 - z) * h[k] + z * math.tanh(pre[k])
    return float(np.sum(h * h))


@program(
    lambda: (grid(4, 3), grid(3, 3, 0.6), grid(3, 3, 1.2), grid(3, 3, 1.9)),
    whole=True,
    oracle="differences",
    cross_checked=False,
)
def self_attention_causal(x, wq, wk, wv):
    """Row-wise softmax over the past only, keepdims."""
    q, k, v = x @ wq, x @ wk, x @ wv
    n, d = q.shape
    scores = q @ k.T / np.sqrt(d)
    for i in range(n):
        scores[i, i + 1 :] = -1e9
    scores -= scores.max(axis=1, keepdims=True)
    e = np.exp(scores)
    a = e / e.sum(axis=1, keepdims=True)
    mean = x.mean(axis=-1, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) + a @ v


@program(lambda: (wave(8), wave(4, 0.6)))
def wavelet_lifting(x, target):
    """Lifting steps on even and odd views, in place; two levels, soft threshold."""
    y = x.copy()
    for _ in range(2):
        even = y[0::2].copy()
        odd = y[1::2].copy()
        odd -= 0.5 * (even + np.append(even[1:], even[-1]))
        even += 0.25 * (odd + np.concatenate((odd[:1], odd[:-1])))
        half = len(even)
        y[:half] = even
        y[half:] = odd
    shrunk = np.sign(y) * np.maximum(np.abs(y) - 0.05, 0.0)
    return np.sum((shrunk[:4] - target) ** 2)


@program(lambda: (wave(5), wave(6, 0.9), 0.7))
def soft_dtw(x, y, gamma):
    """Dynamic time warping with a soft minimum; infinite borders."""
    n, m = len(x), len(y)
    r = np.full((n + 1, m + 1), 1e8)
    r[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            a = -r[i - 1, j] / gamma
            b = -r[i, j - 1] / gamma
            c = -r[i - 1, j - 1] / gamma
            top = max(a, b, c)
            soft = -gamma * (
                math.log(math.exp(a - top) + math.exp(b - top) + math.exp(c - top)) + top
            )
            r[i, j] = (x[i - 1] - y[j - 1]) ** 2 + soft
    return r[n, m]


@program(lambda: (grid(5, 5), np.array([0.3, -0.2, 0.15])), whole=True)
def bilinear_warp(img, p):
    """An image rotated and shifted, bilinear samples, clamped at the border."""
    h, w = img.shape
    out = np.zeros((3, 3))
    c, s = np.cos(p[0]), np.sin(p[0])
    for i in range(3):
        for j in range(3):
            y = c * (i - 1) - s * (j - 1) + 2.0 + p[1]
            x = s * (i - 1) + c * (j - 1) + 2.0 + p[2]
            y0, x0 = int(y), int(x)
            fy, fx = y - y0, x - x0
            y1 = min(y0 + 1, h - 1)
            x1 = min(x0 + 1, w - 1)
            top = (1 - fx) * img[y0, x0] + fx * img[y0, x1]
            bottom = (1 - fx) * img[y1, x0] + fx * img[y1, x1]
            out[i, j] = (1 - fy) * top + fy * bottom
    return out


@program(lambda: (wave(6), 0.6, 4))
def total_variation_descent(noisy, lam, steps):
    """Gradient descent written by hand: smooth total variation."""
    u = noisy.copy()
    for _ in range(steps):
        d = np.diff(u)
        w = d / np.sqrt(d * d + 1e-2)
        g = u - noisy
        g[:-1] -= lam * w
        g[1:] += lam * w
        u -= 0.1 * g
    return 0.5 * np.sum((u - noisy) ** 2) + lam * np.sum(np.sqrt(np.diff(u) ** 2 + 1e-2))


def hann(n):
    return np.array([0.5 - 0.5 * math.cos(2 * math.pi * k / (n - 1)) for k in range(n)])


@program(lambda: (wave(16), ramp(5)), oracle="differences", cross_checked=False)
def short_time_spectrum(x, mel):
    """Overlapping frames by a window, np.fft.rfft, a log of weighted band powers."""
    size, hop = 8, 4
    window = hann(size)
    loss = 0.0
    for start in range(0, len(x) - size + 1, hop):
        spectrum = np.fft.rfft(window * x[start : start + size])
        power = np.abs(spectrum) ** 2
        loss += np.log(1e-3 + np.dot(mel, power))
    return loss


@program(lambda: (wave(8), ramp(8)), outputs=("re", "im"))
def fft_real_pairs(re, im):
    """Decimation in frequency over two real arrays, swaps at the end."""
    n = re.size
    length = n
    while length > 1:
        half = length // 2
        for k in range(half):
            wr = math.cos(2.0 * math.pi * k / length)
            wi = -math.sin(2.0 * math.pi * k / length)
            for i in range(k, n, length):
                j = i + half
                tr, ti = re[i] - re[j], im[i] - im[j]
                re[i] += re[j]
                im[i] += im[j]
                re[j] = wr * tr - wi * ti
                im[j] = wr * ti + wi * tr
        length = half
    j = 0
    for i in range(n - 1):
        if i < j:
            re[i], re[j] = re[j], re[i]
            im[i], im[j] = im[j], im[i]
        k = n // 2
        while k <= j:
            j -= k
            k //= 2
        j += k


@program(
    lambda: (0.3 * wave(8), 0.5, 0.1, 2), whole=True, oracle="differences", cross_checked=False
)
def split_step_schroedinger(x, g, dt, steps):
    """Half steps in a phase, a full step between by a transform matrix; complex throughout."""
    n = len(x)
    psi = x + 0.2j * x[::-1]
    k = np.arange(n)
    f = np.exp(-2j * np.pi * np.outer(k, k) / n) / np.sqrt(n)
    freq = np.where(k < n // 2, k, k - n)
    for _ in range(steps):
        psi = psi * np.exp(-0.5j * dt * g * np.abs(psi) ** 2)
        psi_k = f @ psi
        psi_k = psi_k * np.exp(-1j * dt * 0.5 * freq**2)
        psi = f.conj().T @ psi_k
        psi *= np.exp(-0.5j * dt * g * np.abs(psi) ** 2)
    return psi.real, np.abs(psi) ** 2


@program(lambda: (wave(9), wave(3, 0.7)), whole=True)
def convolve_and_correlate(x, k):
    """np.convolve in two modes, and the same by hand with clipped ranges."""
    same = np.convolve(x, k, mode="same")
    n, m = len(x), len(k)
    full = np.zeros(n + m - 1)
    for i in range(n + m - 1):
        for j in range(max(0, i - m + 1), min(i + 1, n)):
            full[i] += x[j] * k[i - j]
    return same, full


@program(lambda: (wave(10), 0.4), whole=True)
def median_and_exponential_smoothing(x, alpha):
    """A sliding median by sorting windows, then exponential smoothing in place."""
    y = x.copy()
    for i in range(1, len(x) - 1):
        window = np.sort(x[i - 1 : i + 2])
        y[i] = window[1]
    level = y[0]
    for i, v in enumerate(y):
        level = alpha * v + (1 - alpha) * level
        y[i] = level
    return y


@program(lambda: (wave(7), np.array([0.2, 0.5]), 0.6))
def holt_winters(y, p, gamma):
    """Level, trend and a seasonal array indexed by the remainder; one-step errors."""
    season = np.zeros(3)
    season[:] = y[:3] - np.mean(y[:3])
    level, trend = np.mean(y[:3]), (y[3] - y[0]) / 3
    sse = 0.0
    for t in range(3, len(y)):
        forecast = level + trend + season[t % 3]
        sse += (y[t] - forecast) ** 2
        last = level
        level = p[0] * (y[t] - season[t % 3]) + (1 - p[0]) * (level + trend)
        trend = p[1] * (level - last) + (1 - p[1]) * trend
        season[t % 3] = gamma * (y[t] - level) + (1 - gamma) * season[t % 3]
    return sse


@program(
    lambda: (grid(4, 3), wave(3), 0.9 + 0.1 * wave(3), 0.1 * wave(3, 2.0)),
    whole=True,
    oracle="differences",
    cross_checked=False,
)
def batch_normalization(x, gamma, running_mean, beta):
    """Axis statistics, an augmented update of the running mean, standard deviation by np.std."""
    mean = x.mean(axis=0)
    std = np.std(x, axis=0)
    running_mean *= 0.9
    running_mean += 0.1 * mean
    return gamma * (x - mean) / (std + 1e-5) + beta, running_mean


@program(
    lambda: (
        0.4 * grid(2, 4),
        0.4 * grid(4, 3, 0.5),
        grid(3, 1, 0.9),
        grid(5, 2),
        wave(5),
    ),
)
def backpropagation_by_hand(w1, w2, w3, x, y):
    """Training steps with gradients by hand through a list of layers; the loss afterwards."""
    weights = [w1, w2, w3]
    for _ in range(2):
        acts = [x]
        for w in weights:
            acts.append(np.tanh(acts[-1] @ w))
        delta = (acts[-1][:, 0] - y)[:, None] * (1 - acts[-1] ** 2)
        for k in reversed(range(3)):
            g = acts[k].T @ delta
            delta = (delta @ weights[k].T) * (1 - acts[k] ** 2)
            weights[k] = weights[k] - 0.1 * g
    out = x
    for w in weights:
        out = np.tanh(out @ w)
    return 0.5 * np.sum((out.ravel() - y) ** 2)


@program(lambda: (wave(6), grid(2, 6, 1.0)), whole=True)
def adam_optimizer(x, data):
    """Moments in place, bias correction by integer powers, np.clip of the gradient's norm."""
    m, v = np.zeros(6), np.zeros(6)
    b1, b2 = 0.9, 0.99
    for t in range(1, 4):
        g = np.zeros(6)
        for row in data:
            g += (x @ row - 0.3) * row
        norm = np.sqrt(np.sum(g * g))
        g *= np.minimum(1.0, 2.0 / norm)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        x -= 0.1 * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + 1e-3)
    return x


@program(lambda: (grid(4, 5), np.array([[0, 2], [1, 1], [3, 4]]), np.array([1.0, 0.5, 2.0])))
def embedding_bag(table, pairs, weights):
    """Rows gathered by index columns, a hinge over pairs, a mean over the active ones."""
    left = table[pairs[:, 0]]
    scores = (left * table[pairs[:, 1] % 4]).sum(axis=1)
    margin = 1.5 - weights * scores
    active = margin > 0
    return np.sum(margin[active] ** 2) / max(1, np.count_nonzero(active))


@program(lambda: (grid(5, 5), 0.4), whole=True)
def integral_image_and_bilateral(img, sigma):
    """Cumulative sums on two axes, box means, a bilateral filter in clipped windows."""
    ii = np.cumsum(np.cumsum(img, axis=0), axis=1)
    box = (ii[3:, 3:] - ii[:-3, 3:] - ii[3:, :-3] + ii[:-3, :-3]) / 9
    h, w = img.shape
    out = np.zeros_like(img)
    for i in range(h):
        for j in range(w):
            patch = img[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
            weight = np.exp(-((patch - img[i, j]) ** 2) / (2 * sigma**2))
            out[i, j] = np.sum(weight * patch) / np.sum(weight)
    return box, out


@program(lambda: (wave(4), np.array([0.6, -0.2]), 10), whole=True)
def autoregressive_levinson(x, extra, n):
    """Autocorrelation of a padded signal, Levinson-Durbin with a reversed slice in place."""
    y = np.pad(np.concatenate([x, extra]), (0, 4))
    order = 3
    r = np.array([np.sum(y[: n - k] * y[k:n]) for k in range(order + 1)])
    r[0] *= 1.01
    a = np.zeros(order + 1)
    a[0] = 1.0
    err = r[0]
    for i in range(1, order + 1):
        acc = r[i]
        for j in range(1, i):
            acc += a[j] * r[i - j]
        k = -acc / err
        a[1:i] = a[1:i] + k * a[1:i][::-1]
        a[i] = k
        err *= 1 - k**2
    return a, err


@program(lambda: (wave(8), 0.3, 0.2), outputs=("x",), whole=True)
def insertion_sort_soft(x, k, penalty):
    """A sort in place by insertion, costs for each move, the median of the sorted."""
    cost = 0.0
    for i in range(1, len(x)):
        key = x[i]
        j = i - 1
        while j >= 0 and x[j] > key:
            x[j + 1] = x[j]
            cost += penalty * (x[j] - key) ** 2
            j -= 1
        x[j + 1] = key + k * cost
    return cost, 0.5 * (x[3] + x[4])


@program(lambda: (wave(6), wave(4, 0.9), 1.3))
def edit_distance_rolling_rows(a, b, gap):
    """Dynamic programming with two rows swapped, nested minima."""
    prev = gap * np.arange(len(b) + 1)
    cur = np.zeros(len(b) + 1)
    for i in range(1, len(a) + 1):
        cur[0] = i * gap
        for j in range(1, len(b) + 1):
            swap = prev[j - 1] + (a[i - 1] - b[j - 1]) ** 2
            cur[j] = min(swap, min(prev[j] + 0.3 * gap, cur[j - 1] + 0.4 * gap))
        prev, cur = cur, prev
    return prev[-1] + 0.1 * cur[-1]


@program(lambda: (wave(9), 0.45, 0.2), whole=True)
def envelope_and_gate(x, attack, threshold):
    """A state machine: attack, hold and release; Boolean state, chained conditions."""
    env = 0.0
    hold = 0
    is_open = False
    out = np.empty_like(x)
    for i in range(x.size):
        level = abs(x[i])
        rate = attack if level > env else 0.5 * attack
        env += rate * (level - env)
        if env > threshold and not is_open:
            is_open, hold = True, 2
        elif is_open:
            hold -= 1
            if hold <= 0 and env < 1.5 * threshold:
                is_open = False
        gain = (env / threshold) if 0.0 < env < threshold or not is_open else 1.0 + 0.1 * env
        out[i] = gain * x[i]
    return out, env


@program(lambda: (grid(3, 4), 0.4 * grid(4, 4, 0.8), 0.1 * wave(4)), whole=True)
def recurrent_with_skip(xs, w, b):
    """States kept in a preallocated history, a skip to the one two steps before, in-place clip."""
    hist = np.zeros((len(xs) + 2, 4))
    for t, x in enumerate(xs):
        h = hist[t + 1]
        z = hist[t + 2]
        z[:] = x + b
        z += w @ h
        z += 0.5 * hist[t]
        z[z < 0] *= 0.1
        hist[t + 1] += 0.01 * z
    return hist[2:], hist[-1] @ hist[1]


@program(lambda: (wave(8), ramp(8), 0.2), oracle="differences", cross_checked=False)
def goertzel_complex_state(x, w, damping):
    """A resonator with a complex state, its phase and magnitude; the state rotated in place."""
    z = np.zeros(3, dtype=complex)
    rot = np.exp(1j * np.array([0.3, 0.9, 1.7]) - damping)
    energy = 0.0
    for n in range(len(x)):
        z *= rot
        z += x[n]
        z[1] -= 0.1j * z[0].conjugate()
        energy += w[n] * (z[0] * z[2].conj()).imag + np.abs(z[1])
    return energy + np.angle(z[2]) + z.real @ z.imag
