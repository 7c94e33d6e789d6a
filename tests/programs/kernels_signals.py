"""Signals and images: sparse products, Fourier transforms, filters, histograms, convolutions."""

import numpy as np

from tests.programs.registry import grid, program, wave


@program(
    lambda: (
        wave(6),
        np.array([0, 2, 3, 5, 6]),
        np.array([0, 2, 1, 0, 3, 2], dtype=np.int32),
        wave(4, 1.0),
    ),
    whole=True,
)
def csr_matvec(data, indptr, indices, x):
    y = np.zeros(len(indptr) - 1)
    for i in range(len(y)):
        for k in range(indptr[i], indptr[i + 1]):
            y[i] += data[k] * x[indices[k]]
    return y


def fft_in_place(z):
    n = z.size
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            z[i], z[j] = z[j], z[i]
    size = 2
    while size <= n:
        step = np.exp(-2j * np.pi / size)
        for start in range(0, n, size):
            w = 1.0 + 0.0j
            for k in range(start, start + size // 2):
                even, odd = z[k], z[k + size // 2] * w
                z[k] = even + odd
                z[k + size // 2] = even - odd
                w *= step
        size *= 2


@program(lambda: (wave(8), wave(8, 1.2)), oracle="differences", cross_checked=False)
def fft_power_spectrum(x, weights):
    z = np.zeros(x.size, dtype=np.complex128)
    z[:] = x
    fft_in_place(z)
    return np.sum(weights * (z.real**2 + z.imag**2))


@program(lambda: (wave(8), np.array([0.2, 0.3, 0.2]), np.array([1.1, -0.4, 0.2])), whole=True)
def biquad(x, b, a):
    y = np.zeros_like(x)
    for n in range(len(x)):
        y[n] = b[0] * x[n]
        if n >= 1:
            y[n] += b[1] * x[n - 1] - a[1] * y[n - 1]
        if n >= 2:
            y[n] += b[2] * x[n - 2] - a[2] * y[n - 2]
        y[n] /= a[0]
    return y


@program(lambda: (wave(7), np.array([0.3, -0.2]), np.array([0.5, 0.1])))
def transposed_filter(x, b, a):
    s = np.zeros(2)
    energy = 0.0
    for v in x:
        out = v + s[0]
        s[0] = b[0] * v - a[0] * out + s[1]
        s[1] = b[1] * v - a[1] * out
        energy += out * out
    return energy


@program(lambda: (np.linspace(0.05, 0.93, 7), wave(7), 4), whole=True)
def weighted_histogram(x, w, bins):
    counts = np.zeros(bins)
    for i in range(len(x)):
        k = int(np.floor(x[i] * bins))
        if 0 <= k < bins:
            frac = x[i] * bins - k
            counts[k] += w[i] * (1.0 - frac)
            counts[min(k + 1, bins - 1)] += w[i] * frac
    return counts


def convolve(image, kernel, stride=1):
    kh, kw = kernel.shape
    h = (image.shape[0] - kh) // stride + 1
    w = (image.shape[1] - kw) // stride + 1
    out = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            top, left = i * stride, j * stride
            out[i, j] = np.sum(image[top : top + kh, left : left + kw] * kernel)
    return out


def max_pool(x, size):
    out = np.empty((x.shape[0] // size, x.shape[1] // size))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            best = x[i * size, j * size]
            for di in range(size):
                for dj in range(size):
                    if x[i * size + di, j * size + dj] > best:
                        best = x[i * size + di, j * size + dj]
            out[i, j] = best
    return out


@program(lambda: (grid(6, 6), grid(3, 3, 1.0), 0.1), whole=True)
def convolution_and_pooling(image, kernel, bias):
    hidden = convolve(image, kernel) + bias
    hidden = np.where(hidden > 0.0, hidden, 0.1 * hidden)
    pooled = max_pool(hidden, 2)
    return pooled, hidden.mean()


@program(lambda: (grid(7, 5), grid(2, 2, 1.0)), whole=True)
def strided_convolution(image, kernel):
    return convolve(image, kernel, stride=2)


@program(lambda: (grid(4, 4), 2))
def average_pooling_by_slices(x, size):
    out = np.zeros((x.shape[0] // size, x.shape[1] // size))
    for di in range(size):
        for dj in range(size):
            out += x[di::2, dj::2]
    out /= size * size
    return np.sum(out**3)


@program(lambda: (wave(9), 0.4, 1.3), whole=True)
def median_like_and_decimate(x, low, high):
    y = np.empty(len(x) - 2)
    for i in range(len(y)):
        a, b, c = x[i], x[i + 1], x[i + 2]
        y[i] = max(min(a, b), min(max(a, b), c))
    z = y[::3].copy()
    z[z.size // 2 :] *= high
    z *= low
    return z


@program(lambda: (wave(8),), whole=True)
def haar_wavelet(x):
    n = x.size
    out = x.copy()
    while n > 1:
        half = n // 2
        even, odd = out[:n:2].copy(), out[1:n:2].copy()
        out[:half] = (even + odd) / np.sqrt(2.0)
        out[half:n] = (even - odd) / np.sqrt(2.0)
        n = half
    return out
