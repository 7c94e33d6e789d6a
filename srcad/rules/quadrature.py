"""Integrals of samples: the functions of ``scipy.integrate`` for arrays."""

import numpy as np
from scipy import integrate

from srcad.rules.registry import expand


@expand(integrate.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of a polygon."""
    v = np.moveaxis(y, axis, -1)
    means = 0.5 * (v[..., 1:] + v[..., :-1])
    if x is None:
        return dx * np.sum(means, axis=-1)
    return np.sum(np.diff(x) * means, axis=-1)


@expand(integrate.cumulative_trapezoid)
def cumulative_trapezoid(y, x=None, dx=1.0, axis=-1, initial=None):
    """The integrals of a polygon up to each of its points."""
    if y.ndim != 1:
        raise NotImplementedError("cumulative_trapezoid of arrays with more than one axis")
    if initial is None:
        out = np.empty(y.shape[0] - 1)
        start = 0
    else:
        out = np.empty(y.shape[0])
        out[0] = initial
        start = 1
    total = 0.0
    for i in range(1, y.shape[0]):
        width = dx if x is None else x[i] - x[i - 1]
        total += 0.5 * width * (y[i] + y[i - 1])
        out[i - 1 + start] = total
    return out


@expand(integrate.simpson)
def simpson(y, x=None, dx=1.0, axis=-1):
    """Simpson's rule on samples; an even number of them ends with a parabola through three."""
    if y.ndim != 1:
        raise NotImplementedError("simpson of arrays with more than one axis")
    n = y.shape[0]
    total = 0.0
    if n == 2:
        return 0.5 * spacing(x, dx, 0) * (y[0] + y[1])
    for i in range(0, n - 2, 2):
        h, k = spacing(x, dx, i), spacing(x, dx, i + 1)
        both = h + k
        total += (
            both / 6.0
            * (y[i] * (2.0 - k / h) + y[i + 1] * both * both / (h * k) + y[i + 2] * (2.0 - h / k))
        )  # fmt: skip
    if n % 2 == 0:
        h, k = spacing(x, dx, n - 2), spacing(x, dx, n - 3)
        total += y[n - 1] * (2.0 * h * h + 3.0 * h * k) / (6.0 * (k + h))
        total += y[n - 2] * (h * h + 3.0 * h * k) / (6.0 * k)
        total -= y[n - 3] * h * h * h / (6.0 * k * (k + h))
    return total


def spacing(x, dx, i):
    """The distance of two neighbours."""
    return dx if x is None else x[i + 1] - x[i]
