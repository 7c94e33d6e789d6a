"""``scipy.signal.convolve``, for arrays of up to three axes."""

import numpy as np
from scipy import signal

from srcad.rules.registry import expand


@expand(signal.convolve)
def convolve(in1, in2, mode="full", method="auto"):
    """Products of all pairs of elements, added up by the sum of their places."""
    if in1.ndim != in2.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if in1.ndim > 3:
        raise NotImplementedError("scipy.signal.convolve of arrays with more than three axes")
    full = overlapped(in1, in2)
    if mode == "full":
        return full
    if mode == "same":
        return centred(full, in1.shape)
    if mode != "valid":
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")
    one, two = np.array(in1.shape), np.array(in2.shape)
    if np.any(one < two) and np.any(one > two):
        raise ValueError(
            "For 'valid' mode, one must be at least as large as the other in every dimension"
        )
    return centred(full, np.abs(one - two) + 1)


def overlapped(a, v):
    """The convolution at every place where the two overlap; the loops over a are the inner ones."""
    kind = np.result_type(a, v)
    if a.ndim == 1:
        out = np.zeros(a.shape[0] + v.shape[0] - 1, dtype=kind)
        for p in range(v.shape[0]):
            for i in range(a.shape[0]):
                out[i + p] += a[i] * v[p]
        return out
    if a.ndim == 2:
        out = np.zeros((a.shape[0] + v.shape[0] - 1, a.shape[1] + v.shape[1] - 1), dtype=kind)
        for p in range(v.shape[0]):
            for q in range(v.shape[1]):
                for i in range(a.shape[0]):
                    for j in range(a.shape[1]):
                        out[i + p, j + q] += a[i, j] * v[p, q]
        return out
    out = np.zeros(
        (a.shape[0] + v.shape[0] - 1, a.shape[1] + v.shape[1] - 1, a.shape[2] + v.shape[2] - 1),
        dtype=kind,
    )
    for p in range(v.shape[0]):
        for q in range(v.shape[1]):
            for r in range(v.shape[2]):
                for i in range(a.shape[0]):
                    for j in range(a.shape[1]):
                        for k in range(a.shape[2]):
                            out[i + p, j + q, k + r] += a[i, j, k] * v[p, q, r]
    return out


def centred(full, shape):
    """The middle of an array, of this shape."""
    i = (full.shape[0] - shape[0]) // 2
    if full.ndim == 1:
        return full[i : i + shape[0]].copy()
    j = (full.shape[1] - shape[1]) // 2
    if full.ndim == 2:
        return full[i : i + shape[0], j : j + shape[1]].copy()
    k = (full.shape[2] - shape[2]) // 2
    return full[i : i + shape[0], j : j + shape[1], k : k + shape[2]].copy()
