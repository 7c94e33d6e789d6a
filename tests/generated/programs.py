"""Well-known small programs, whose adjoints are read as they are written.

Each is registered with the types of its arguments and what is differentiated; the adjoint that
srcad writes for it is in the file of its name in this folder.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import srcad
from srcad.ir.types import Type
from srcad.pipeline import Kind
from tests.passes.support import INTEGER, F, M, V


@dataclass(frozen=True)
class Generated:
    """A program and the derivative that is asked for."""

    function: Callable[..., Any]
    types: tuple[Type, ...]
    wrt: tuple[str, ...]
    kind: Kind
    outputs: tuple[str, ...]


PROGRAMS: list[Generated] = []


def adjoint(*types: Type, wrt: str = "", kind: Kind = "gradient", outputs: str = ""):
    """Register a function; ``wrt`` and ``outputs`` are names separated by spaces."""

    def register(function):
        PROGRAMS.append(
            Generated(function, types, tuple(wrt.split()), kind, tuple(outputs.split()))
        )
        return function

    return register


@adjoint(V, INTEGER, wrt="x")
def energy(x, n):
    s = 0.0
    for i in range(n):
        s = math.sin(s + x[i] * x[i])
    return s


@adjoint(M, M, INTEGER, wrt="u0 kappa")
def heat(u0, kappa, steps):
    n, m = u0.shape
    u = u0.copy()
    v = u0.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                flow = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j]
                v[i, j] = u[i, j] + kappa[i, j] * flow
        u, v = v, u
    return np.sum(u * u)


@adjoint(V, F, INTEGER, wrt="p")
def lotka_volterra(p, h, steps):
    alpha, beta, gamma, delta = p
    prey = 1.0
    predator = 0.5
    for _ in range(steps):
        born = (alpha - beta * predator) * prey
        fed = (delta * prey - gamma) * predator
        prey += h * born
        predator += h * fed
    return prey * prey + predator


@adjoint(M, V, INTEGER, wrt="a b")
def gauss_seidel(a, b, sweeps):
    n = b.shape[0]
    x = np.zeros(n)
    for _ in range(sweeps):
        for i in range(n):
            rest = b[i]
            for j in range(n):
                if j != i:
                    rest -= a[i, j] * x[j]
            x[i] = rest / a[i, i]
    return np.sum(x)


@adjoint(V, V, wrt="x w")
def bubble_sort(x, w):
    y = x.copy()
    n = len(y)
    for i in range(n):
        for j in range(n - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    s = 0.0
    for i in range(n):
        s += w[i] * y[i]
    return s


@adjoint(F, F, wrt="a")
def newton(a, tolerance):
    x = a
    while abs(x * x - a) > tolerance:
        x = 0.5 * (x + a / x)
    return x


@adjoint(V, F, wrt="x limit")
def early_return(x, limit):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
        if s > limit:
            return limit * s
    return s


@adjoint(V, INTEGER, wrt="x")
def buffer_swap(x, steps):
    old = x.copy()
    new = np.empty_like(x)
    for _ in range(steps):
        for i in range(len(x)):
            new[i] = math.sin(old[i]) * old[i - 1]
        old, new = new, old
    return old[0]


@adjoint(V, wrt="x")
def slices(x):
    d = x[1:] - x[:-1]
    return np.sum(d * d)


@adjoint(F, INTEGER, wrt="x")
def recursion(x, n):
    if n <= 0:
        return 1.0
    return x * recursion(x, n - 1)


@adjoint(V, V, wrt="x y")
def array_expression(x, y):
    z = np.exp(-x * x) + y
    return np.sum(z / (1.0 + z * z))


@adjoint(V, V, wrt="x")
def softmax(x, target):
    e = np.exp(x - np.max(x))
    p = e / np.sum(e)
    return -np.sum(target * np.log(p))


@adjoint(M, V, V, wrt="w b x")
def layer(w, b, x):
    return np.sum(np.tanh(w @ x + b))


@adjoint(V, F, kind="vjp", outputs="x")
def relax(x, rate):
    for i in range(1, len(x)):
        x[i] = x[i - 1] + rate * (x[i] - x[i - 1])


@adjoint(F, F, kind="vjp")
def polar(x, y):
    return math.hypot(x, y), math.atan2(y, x)


@adjoint(V, F, wrt="c x")
def horner(c, x):
    y = 0.0
    for i in range(len(c) - 1, -1, -1):
        y = y * x + c[i]
    return y


@adjoint(V, V, F, wrt="x slope")
def leaky(x, slope, rate):
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:  # noqa: SIM108
            y = x[i] ** 2
        else:
            y = slope[i] * x[i]
        s = rate * s + y
    return s


@adjoint(V, V, INTEGER, wrt="c u0")
def wave_with_snapshots(c, u0, steps):
    u, v = u0.copy(), u0.copy()
    for _ in srcad.checkpoint(range(steps), snapshots=20):
        for i in range(1, u.size - 1):
            v[i] = 2.0 * u[i] - v[i] + c[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
    return u[u.size // 2] ** 2
