"""Solvers: factorisations and substitutions in place, iterations with tests, time steppers."""

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave


def full(rows, columns):
    """A matrix of full rank."""
    return grid(rows, columns) + np.eye(rows, columns)


def spd(n):
    """A symmetric positive definite matrix."""
    a = grid(n, n)
    return a @ a.T + n * np.eye(n)


@njit
def cholesky_in_place(a):
    n = a.shape[0]
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = np.sqrt(a[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]


def forward_substitution(low, b):
    for i in range(len(b)):
        for j in range(i):
            b[i] -= low[i, j] * b[j]
        b[i] /= low[i, i]


def back_substitution(up, b):
    for i in range(len(b) - 1, -1, -1):
        b[i] = (b[i] - np.dot(up[i, i + 1 :], b[i + 1 :])) / up[i, i]


@program(lambda: (spd(4), wave(4)), outputs=("a", "b"))
def cholesky_solve(a, b):
    cholesky_in_place(a)
    forward_substitution(a, b)
    back_substitution(a.T, b)


@program(lambda: (full(4, 4), wave(4)), whole=True)
def lu_with_pivoting(a, b):
    n = a.shape[0]
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(a[i, k]) > abs(a[p, k]):
                p = i
        if p != k:
            for j in range(n):
                a[k, j], a[p, j] = a[p, j], a[k, j]
            b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
            b[i] -= a[i, k] * b[k]
    back_substitution(a, b)
    return b, a


@program(lambda: (full(4, 3),), whole=True)
def householder_qr(a):
    m, n = a.shape
    q = np.eye(m)
    for k in range(n):
        x = a[k:, k].copy()
        alpha = np.sqrt(np.sum(x * x))
        if x[0] > 0:
            alpha = -alpha
        x[0] -= alpha
        beta = 2.0 / np.dot(x, x)
        a[k:, k:] -= beta * np.outer(x, x @ a[k:, k:])
        q[:, k:] -= beta * np.outer(q[:, k:] @ x, x)
    return q, a


@program(lambda: (full(4, 3),), whole=True)
def modified_gram_schmidt(a):
    m, n = a.shape
    r = np.zeros((n, n))
    for k in range(n):
        q = a[:, k]
        r[k, k] = np.sqrt(np.dot(q, q))
        q /= r[k, k]
        for j in range(k + 1, n):
            r[k, j] = np.dot(q, a[:, j])
            a[:, j] -= r[k, j] * q
    return a, r


@program(
    lambda: (spd(4), wave(4), 1e-10),
    lambda: (spd(4), wave(4), 0.5),
    whole=True,
    cross_checked=False,
)
def conjugate_gradients(a, b, tol):
    x = np.zeros_like(b)
    r = b.copy()
    p = r.copy()
    rs = np.dot(r, r)
    for _ in range(2 * len(b)):
        if rs < tol * tol:
            break
        ap = a @ p
        alpha = rs / np.dot(p, ap)
        x += alpha * p
        r -= alpha * ap
        rs_new = np.dot(r, r)
        p = r + (rs_new / rs) * p
        rs = rs_new
    return x


@program(lambda: (1.7, 0.4), lambda: (0.9, 2.4))
def newton_root(a, x):
    n = 0
    while abs(x * x * x + a * x - 2.0) > 1e-13 and n < 50:
        x -= (x * x * x + a * x - 2.0) / (3.0 * x * x + a)
        n += 1
    return x * a


def rkf45(f, t, y, h):
    k1 = h * f(t, y)
    k2 = h * f(t + h / 4, y + k1 / 4)
    k3 = h * f(t + 3 * h / 8, y + 3 * k1 / 32 + 9 * k2 / 32)
    k4 = h * f(t + 12 * h / 13, y + 1932 * k1 / 2197 - 7200 * k2 / 2197 + 7296 * k3 / 2197)
    k5 = h * f(t + h, y + 439 * k1 / 216 - 8 * k2 + 3680 * k3 / 513 - 845 * k4 / 4104)
    y4 = y + 25 * k1 / 216 + 1408 * k3 / 2565 + 2197 * k4 / 4104 - k5 / 5
    error = np.max(np.abs(y4 - y - 0.2 * (k1 + k2 + k3 + k4 + k5)))
    return y4, error


@program(lambda: (np.array([0.9, 0.1]), 1.3, 0.8), lambda: (np.array([0.4, -0.3]), 0.7, 0.8))
def adaptive_runge_kutta(y, stiffness, t_end):
    def field(t, s):
        return np.array([s[1], stiffness * (1.0 - s[0] ** 2) * s[1] - s[0]])

    t, h = 0.0, 0.3
    while t < t_end:
        if t + h > t_end:
            h = t_end - t
        new, error = rkf45(field, t, y, h)
        if error > 0.2:
            h *= 0.5
            continue
        t += h
        y = new
        if error < 0.02:
            h *= 1.5
    return y[0] + y[1] ** 2


@program(lambda: (ramp(5) ** 2, wave(5), 1.1), lambda: (ramp(5) ** 2, wave(5), 0.3))
def cubic_spline(x, y, at):
    n = len(x) - 1
    h = x[1:] - x[:-1]
    alpha = np.zeros(n)
    for i in range(1, n):
        alpha[i] = 3.0 * ((y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1])
    low, mu, z = np.ones(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    for i in range(1, n):
        low[i] = 2.0 * (x[i + 1] - x[i - 1]) - h[i - 1] * mu[i - 1]
        mu[i] = h[i] / low[i]
        z[i] = (alpha[i] - h[i - 1] * z[i - 1]) / low[i]
    b, c, d = np.zeros(n), np.zeros(n + 1), np.zeros(n)
    for j in range(n - 1, -1, -1):
        c[j] = z[j] - mu[j] * c[j + 1]
        b[j] = (y[j + 1] - y[j]) / h[j] - h[j] * (c[j + 1] + 2.0 * c[j]) / 3.0
        d[j] = (c[j + 1] - c[j]) / (3.0 * h[j])
    k = 0
    while k < n - 1 and x[k + 1] < at:
        k += 1
    s = at - x[k]
    return y[k] + b[k] * s + c[k] * s**2 + d[k] * s**3


@program(lambda: (spd(3), wave(3), 6), oracle="complex")
def power_iteration(a, v, steps):
    value = 0.0
    for _ in range(steps):
        w = a @ v
        value = np.dot(v, w) / np.dot(v, v)
        v = w / np.sqrt(np.dot(w, w))
    return value
