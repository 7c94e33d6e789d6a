"""Numerical linear algebra and integrators: factorizations in place, solvers, adaptive steps."""

import math

import numpy as np
from numba import njit

from tests.programs.registry import program, wave


def dense(rows, columns, phase=0.3):
    """A matrix of full rank."""
    return np.cos(0.37 * np.arange(rows * columns) ** 2 + phase).reshape(rows, columns)


def spd(n, phase=0.3):
    a = dense(n, n, phase)
    return a @ a.T + n * np.eye(n)


@program(lambda: (spd(4),), outputs=("a",))
def cholesky_in_place(a):
    """The lower factor over the argument, zeros above."""
    n = a.shape[0]
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = math.sqrt(a[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    for i in range(n):
        for j in range(i + 1, n):
            a[i, j] = 0.0


def forward_substitution(l, b):
    for i in range(len(b)):
        b[i] = (b[i] - l[i, :i] @ b[:i]) / l[i, i]


def back_substitution_transposed(l, b):
    for i in range(len(b) - 1, -1, -1):
        b[i] = (b[i] - np.dot(l[i + 1 :, i], b[i + 1 :])) / l[i, i]


@program(lambda: (spd(4), wave(4)))
def gaussian_log_likelihood(cov, x):
    """Row-oriented Cholesky in slices, a triangular solve in place, the log determinant."""
    n = len(x)
    l = np.zeros_like(cov)
    for i in range(n):
        for j in range(i + 1):
            s = cov[i, j] - np.sum(l[i, :j] * l[j, :j])
            if i == j:
                if s <= 0.0:
                    return -np.inf
                l[i, i] = np.sqrt(s)
            else:
                l[i, j] = s / l[j, j]
    z = x.copy()
    forward_substitution(l, z)
    back_substitution_transposed(l, z)
    logdet = 0.0
    for i in range(n):
        logdet += 2.0 * np.log(l[i, i])
    return -0.5 * (x @ z + logdet + n * np.log(2 * np.pi))


def lu_decompose(a, perm):
    """Partial pivoting, rows swapped by hand, the sign of the permutation."""
    n = a.shape[0]
    sign = 1.0
    for k in range(n):
        p = k
        biggest = abs(a[k, k])
        for i in range(k + 1, n):
            if abs(a[i, k]) > biggest:
                biggest = abs(a[i, k])
                p = i
        if biggest == 0.0:
            return 0.0
        if p != k:
            for j in range(n):
                tmp = a[k, j]
                a[k, j] = a[p, j]
                a[p, j] = tmp
            perm[k], perm[p] = perm[p], perm[k]
            sign = -sign
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    return sign


@program(
    lambda: (dense(4, 4), wave(4, 1.0)),
    lambda: (dense(4, 4, 2.0) + 2 * np.eye(4)[::-1], wave(4)),
    whole=True,
)
def lu_solve_pivoted(a, b):
    """Factor, permute, two triangular solves; the determinant too."""
    n = len(b)
    perm = np.arange(n)
    sign = lu_decompose(a, perm)
    x = np.empty(n)
    for i in range(n):
        x[i] = b[perm[i]]
        for j in range(i):
            x[i] -= a[i, j] * x[j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            x[i] -= a[i, j] * x[j]
        x[i] /= a[i, i]
    det = sign
    for i in range(n):
        det *= a[i, i]
    return x, det


@program(lambda: (dense(4, 4), wave(4, 1.0)), outputs=("a", "b"))
def gauss_pivot_argmax(a, b):
    """Elimination with np.argmax for the pivot and rows swapped by fancy indices."""
    n = a.shape[0]
    for k in range(n - 1):
        p = k + np.argmax(np.abs(a[k:, k]))
        if p != k:
            a[[k, p]] = a[[p, k]]
            b[k], b[p] = b[p], b[k]
        factors = a[k + 1 :, k] / a[k, k]
        a[k + 1 :, k:] -= np.outer(factors, a[k, k:])
        b[k + 1 :] -= factors * b[k]
    for k in range(n - 1, -1, -1):
        b[k] = (b[k] - a[k, k + 1 :] @ b[k + 1 :]) / a[k, k]


@program(lambda: (dense(5, 3),), whole=True)
def householder_qr(a):
    """Reflectors applied to R in place and gathered into Q."""
    m, n = a.shape
    q = np.eye(m)
    r = a.copy()
    for k in range(min(m - 1, n)):
        x = r[k:, k]
        alpha = -np.sign(x[0]) * np.sqrt(np.sum(x**2))
        v = x.copy()
        v[0] -= alpha
        v /= np.sqrt(np.sum(v * v))
        r[k:, k:] -= 2.0 * np.outer(v, v @ r[k:, k:])
        q[:, k:] -= 2.0 * np.outer(q[:, k:] @ v, v)
    return q, r


def apply_reflector(a, v, beta, k, j):
    s = 0.0
    for i in range(k, a.shape[0]):
        s += v[i] * a[i, j]
    s *= beta
    for i in range(k, a.shape[0]):
        a[i, j] -= s * v[i]


@program(lambda: (dense(5, 3), wave(5, 1.2)))
def least_squares_householder(a, b):
    """Loops over reflectors kept in one scratch vector; the residual's norm."""
    m, n = a.shape
    rhs = b.reshape(m, 1)
    v = np.zeros(m)
    for k in range(n):
        norm = 0.0
        for i in range(k, m):
            norm += a[i, k] ** 2
        norm = math.sqrt(norm)
        if a[k, k] > 0:
            norm = -norm
        for i in range(k, m):
            v[i] = a[i, k]
        v[k] -= norm
        beta = 0.0
        for i in range(k, m):
            beta += v[i] * v[i]
        beta = 2.0 / beta
        for j in range(k, n):
            apply_reflector(a, v, beta, k, j)
        apply_reflector(rhs, v, beta, k, 0)
    x = np.zeros(n)
    for i in reversed(range(n)):
        x[i] = rhs[i, 0]
        for j in range(i + 1, n):
            x[i] -= a[i, j] * x[j]
        x[i] /= a[i, i]
    res = 0.0
    for i in range(n, m):
        res += rhs[i, 0] ** 2
    return np.sum(x) + res


@program(lambda: (dense(4, 3),), whole=True, oracle="differences", cross_checked=False)
def modified_gram_schmidt(a):
    """Q over the argument's columns."""
    m, n = a.shape
    r = np.zeros((n, n))
    for k in range(n):
        r[k, k] = np.linalg.norm(a[:, k])
        a[:, k] /= r[k, k]
        for j in range(k + 1, n):
            r[k, j] = a[:, k] @ a[:, j]
            a[:, j] -= r[k, j] * a[:, k]
    return a, r


@njit
def thomas(a, b, c, d):
    """Destroys b and d; the solution in d."""
    n = d.shape[0]
    for i in range(1, n):
        w = a[i - 1] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    d[-1] /= b[-1]
    for i in range(n - 2, -1, -1):
        d[i] = (d[i] - c[i] * d[i + 1]) / b[i]


@program(
    lambda: (0.4 * wave(5), 2.0 + 0.3 * wave(6), 0.4 * wave(5, 1.0), wave(6, 2.0)), outputs=("d",)
)
def thomas_algorithm(a, b, c, d):
    """A compiled solver that works in its arguments."""
    thomas(a, b, c, d)


@program(lambda: (wave(6), 0.5, 3), whole=True)
def crank_nicolson(u, r, steps):
    """A compiled tridiagonal solve in every step, on fresh bands."""
    n = u.size - 2
    for _ in range(steps):
        rhs = u[1:-1] + 0.5 * r * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        rhs[0] += 0.5 * r * u[0]
        rhs[-1] += 0.5 * r * u[-1]
        thomas(-0.5 * r * np.ones(n - 1), np.full(n, 1.0 + r), np.full(n - 1, -0.5 * r), rhs)
        u[1:-1] = rhs
    return u


@program(lambda: (spd(5), wave(5, 1.0), 2e-2), wrt=(0, 1), whole=True)
def conjugate_gradients(a, b, tol):
    """np.dot all over, a convergence test with break."""
    x = np.zeros_like(b)
    r = b - np.dot(a, x)
    p = r.copy()
    rs_old = np.dot(r, r)
    for it in range(len(b) * 2):
        ap = np.dot(a, p)
        alpha = rs_old / np.dot(p, ap)
        x += alpha * p
        r -= alpha * ap
        rs_new = np.dot(r, r)
        if np.sqrt(rs_new) < tol:
            break
        p = r + (rs_new / rs_old) * p
        rs_old = rs_new
    return x


def apply_laplacian(x, out, shift):
    n = len(x)
    for i in range(n):
        out[i] = (2.0 + shift) * x[i]
        if i > 0:
            out[i] -= x[i - 1]
        if i + 1 < n:
            out[i] -= x[i + 1]


@program(lambda: (wave(6), 0.4, 1e-3, 50), lambda: (np.zeros(6), 0.4, 1e-3, 50), wrt=(0, 1))
def matrix_free_cg(b, shift, tol, maxiter):
    """While loop, Jacobi preconditioner, early exit on a zero right-hand side."""
    n = b.size
    x = np.zeros(n)
    r = b.copy()
    norm_b = np.sqrt(np.sum(b * b))
    if norm_b == 0.0:
        return 0.0
    z = r / (2.0 + shift)
    p = z.copy()
    q = np.empty(n)
    rho = np.sum(r * z)
    k = 0
    while k < maxiter and np.sqrt(np.sum(r * r)) > tol * norm_b:
        apply_laplacian(p, q, shift)
        alpha = rho / np.sum(p * q)
        for i in range(n):
            x[i] += alpha * p[i]
            r[i] -= alpha * q[i]
        z[:] = r / (2.0 + shift)
        rho_old, rho = rho, np.sum(r * z)
        p[:] = z + rho / rho_old * p
        k += 1
    return x @ x


@program(lambda: (2.0, 0.7), lambda: (0.5, 0.1))
def kepler_newton(mean, ecc):
    """Newton with while and a tolerance, a safeguard on the count."""
    e = mean if ecc < 0.8 else math.pi
    delta = 1.0
    count = 0
    while abs(delta) > 1e-14:
        delta = (e - ecc * math.sin(e) - mean) / (1.0 - ecc * math.cos(e))
        e -= delta
        count += 1
        if count > 30:
            break
    return math.sqrt((1 + ecc) / (1 - ecc)) * math.tan(e / 2)


@program(lambda: (np.array([1.2, 0.8]), np.array([2.0, 0.5, 1.3])), whole=True)
def newton_system(x, p):
    """A 2x2 system, its Jacobian by hand, np.linalg.solve, damped."""
    x = x.copy()
    f = np.zeros(2)
    jac = np.zeros((2, 2))
    error = 1.0
    iterations = 0
    while error > 1e-13 and iterations < 40:
        f[0] = x[0] ** 2 + p[1] * x[1] ** 2 - p[0]
        f[1] = np.exp(x[0] - 1.0) - p[2] * x[1]
        jac[0, 0] = 2 * x[0]
        jac[0, 1] = 2 * p[1] * x[1]
        jac[1, 0] = np.exp(x[0] - 1.0)
        jac[1, 1] = -p[2]
        dx = np.linalg.solve(jac, -f)
        x += dx
        error = max(abs(dx[0]), abs(dx[1]))
        iterations += 1
    return x


def lorenz(s, p):
    x, y, z = s
    return np.array([p[0] * (y - x), x * (p[1] - z) - y, x * y - p[2] * z])


@program(lambda: (np.array([1.0, 1.2, 20.0]), np.array([10.0, 28.0, 8 / 3]), 0.02, 4), whole=True)
def lorenz_rk4(s, p, h, steps):
    """A right-hand side that builds an array from its unpacked state; the trajectory."""
    trajectory = np.zeros((steps + 1, 3))
    trajectory[0] = s
    for n in range(steps):
        k1 = lorenz(s, p)
        k2 = lorenz(s + h / 2 * k1, p)
        k3 = lorenz(s + h / 2 * k2, p)
        k4 = lorenz(s + h * k3, p)
        s = s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        trajectory[n + 1] = s
    return trajectory


A = np.array([0.0, 1 / 4, 3 / 8, 12 / 13, 1.0, 1 / 2])
B = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [1 / 4, 0.0, 0.0, 0.0, 0.0],
        [3 / 32, 9 / 32, 0.0, 0.0, 0.0],
        [1932 / 2197, -7200 / 2197, 7296 / 2197, 0.0, 0.0],
        [439 / 216, -8.0, 3680 / 513, -845 / 4104, 0.0],
        [-8 / 27, 2.0, -3544 / 2565, 1859 / 4104, -11 / 40],
    ]
)
C4 = np.array([25 / 216, 0.0, 1408 / 2565, 2197 / 4104, -1 / 5, 0.0])
C5 = np.array([16 / 135, 0.0, 6656 / 12825, 28561 / 56430, -9 / 50, 2 / 55])


def pendulum(t, y, p, dy):
    dy[0] = y[1]
    dy[1] = -p[0] * np.sin(y[0]) - p[1] * y[1] + 0.3 * np.cos(t)


@program(lambda: (np.array([1.0, 0.2]), np.array([1.4, 0.3]), 0.9, 1e-4), wrt=(0, 1), whole=True)
def rkf45_adaptive(y, p, t_end, tol):
    """Runge-Kutta-Fehlberg: stages in a matrix, accepted and rejected steps, the last one cut."""
    t = 0.0
    h = 0.6
    n = len(y)
    k = np.zeros((6, n))
    accepted = 0
    while t < t_end:
        if t + h > t_end:
            h = t_end - t
        for s in range(6):
            stage = y.copy()
            for j in range(s):
                stage += h * B[s, j] * k[j]
            pendulum(t + A[s] * h, stage, p, k[s])
        err = 0.0
        for i in range(n):
            e = 0.0
            for s in range(6):
                e += (C5[s] - C4[s]) * k[s, i]
            err = max(err, abs(h * e))
        if err <= tol:
            t += h
            y = y + h * (C4 @ k)
            accepted += 1
        factor = 0.84 * (tol / (err + 1e-30)) ** 0.25
        h *= min(4.0, max(0.1, factor))
    return y


@program(lambda: (np.array([1.0, 0.0]), np.array([1.3, 0.4, 0.2]), 3))
def implicit_midpoint_fixed_point(y, p, steps):
    """A fixed-point iteration in each step, with a closure over the parameters."""
    h = 0.1

    def rhs(v):
        return np.array([v[1], -p[0] * v[0] - p[1] * v[0] ** 3 - p[2] * v[1]])

    for _ in range(steps):
        ynew = y + h * rhs(y)
        for _it in range(60):
            candidate = y + h * rhs(0.5 * (y + ynew))
            change = np.max(np.abs(candidate - ynew))
            ynew = candidate
            if change < 1e-15:
                break
        y = ynew
    return 0.5 * y[1] ** 2 + 0.5 * p[0] * y[0] ** 2 + 0.25 * p[1] * y[0] ** 4


INDPTR = np.array([0, 2, 5, 7, 7, 9])
INDICES = np.array([0, 3, 1, 2, 4, 0, 2, 3, 4])


def csr_matvec(data, indices, indptr, x, y):
    for i in range(len(indptr) - 1):
        acc = 0.0
        for jj in range(indptr[i], indptr[i + 1]):
            acc += data[jj] * x[indices[jj]]
        y[i] = acc


@program(lambda: (wave(9), INDICES.copy(), INDPTR.copy(), wave(5, 1.0), 3), whole=True)
def csr_power_iteration(data, indices, indptr, x, steps):
    """Sparse products with normalization; an empty row."""
    y = np.zeros(len(indptr) - 1)
    eig = 0.0
    for _ in range(steps):
        csr_matvec(data, indices, indptr, x, y)
        eig = (x @ y) / (x @ x)
        x = y / np.sqrt(np.sum(y**2))
    return x, eig


@program(
    lambda: (wave(9), INDICES.copy(), INDPTR.copy(), wave(5, 1.0)),
    whole=True,
    oracle="differences",
    cross_checked=False,
)
def csr_transposed(data, indices, indptr, x):
    """Scatter by column, np.add.at, and rows as slices with fancy indices."""
    out = np.zeros(5)
    rows = np.zeros(len(indices), dtype=np.int64)
    for i in range(len(indptr) - 1):
        rows[indptr[i] : indptr[i + 1]] = i
    np.add.at(out, indices, data * x[rows])
    forward = np.empty(5)
    for i in range(5):
        lo, hi = indptr[i], indptr[i + 1]
        forward[i] = np.dot(data[lo:hi], x[indices[lo:hi]])
    return out, forward


@program(lambda: (spd(3) / 3.0 + np.diag([0.0, 1.0, 2.5]),), whole=True, oracle="differences")
def jacobi_eigenvalues(a):
    """Cyclic Jacobi rotations until the off-diagonal part is small."""
    n = a.shape[0]
    v = np.identity(n)
    for _sweep in range(12):
        off = 0.0
        for p in range(n - 1):
            for q in range(p + 1, n):
                off += a[p, q] ** 2
        if off < 1e-26:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(a[p, q]) < 1e-300:
                    continue
                theta = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
                t = 1.0 / (abs(theta) + math.sqrt(theta * theta + 1.0))
                if theta < 0.0:
                    t = -t
                c = 1.0 / math.sqrt(t * t + 1.0)
                s = t * c
                for k in range(n):
                    akp, akq = a[k, p], a[k, q]
                    a[k, p] = c * akp - s * akq
                    a[k, q] = s * akp + c * akq
                for k in range(n):
                    apk, aqk = a[p, k], a[q, k]
                    a[p, k] = c * apk - s * aqk
                    a[q, k] = s * apk + c * aqk
                for k in range(n):
                    vkp = v[k, p]
                    v[k, p] = c * vkp - s * v[k, q]
                    v[k, q] = s * vkp + c * v[k, q]
    w = np.zeros(n)
    for i in range(n):
        w[i] = a[i, i]
    return w


@program(lambda: (spd(4), wave(4), 4), whole=True, oracle="differences", cross_checked=False)
def lanczos(a, start, m):
    """Tridiagonal coefficients, full reorthogonalization by slices of the basis."""
    n = len(start)
    basis = np.zeros((m, n))
    alpha = np.zeros(m)
    beta = np.zeros(m - 1)
    basis[0] = start / np.linalg.norm(start)
    for j in range(m):
        w = a @ basis[j]
        alpha[j] = w @ basis[j]
        w -= basis[: j + 1].T @ (basis[: j + 1] @ w)
        if j + 1 < m:
            beta[j] = np.linalg.norm(w)
            if beta[j] < 1e-12:
                break
            basis[j + 1] = w / beta[j]
    return alpha, beta


@program(lambda: (spd(4), wave(4), 3))
def gmres_givens(a, b, m):
    """Arnoldi with Givens rotations, Hessenberg in place; x from a triangular solve."""
    n = b.size
    v = np.zeros((m + 1, n))
    h = np.zeros((m + 1, m))
    cs, sn = np.zeros(m), np.zeros(m)
    g = np.zeros(m + 1)
    beta = np.sqrt(b @ b)
    v[0] = b / beta
    g[0] = beta
    used = 0
    for j in range(m):
        w = a @ v[j]
        for i in range(j + 1):
            h[i, j] = w @ v[i]
            w -= h[i, j] * v[i]
        h[j + 1, j] = np.sqrt(w @ w)
        v[j + 1] = w / h[j + 1, j]
        for i in range(j):
            h[i, j], h[i + 1, j] = (
                cs[i] * h[i, j] + sn[i] * h[i + 1, j],
                -sn[i] * h[i, j] + cs[i] * h[i + 1, j],
            )
        rho = np.sqrt(h[j, j] ** 2 + h[j + 1, j] ** 2)
        cs[j], sn[j] = h[j, j] / rho, h[j + 1, j] / rho
        h[j, j], h[j + 1, j] = rho, 0.0
        g[j], g[j + 1] = cs[j] * g[j], -sn[j] * g[j]
        used = j + 1
        if abs(g[j + 1]) < 1e-9:
            break
    y = np.zeros(used)
    for i in range(used - 1, -1, -1):
        y[i] = (g[i] - np.sum(h[i, i + 1 : used] * y[i + 1 :])) / h[i, i]
    x = y @ v[:used]
    return np.sum(x * ramp_weights(n)) + abs(g[used])


def ramp_weights(n):
    return 1.0 + np.arange(n) / n


@program(lambda: (0.7 * dense(3, 3), 6), whole=True)
def matrix_exponential(a, terms):
    """Scaling and squaring of a Taylor series."""
    squarings = 0
    scale = 1.0
    while np.max(np.sum(np.abs(a), axis=1)) * scale > 0.5:
        scale /= 2.0
        squarings += 1
    b = a * scale
    term = np.eye(a.shape[0])
    total = term.copy()
    for k in range(1, terms):
        term = term @ b / k
        total += term
    for _ in range(squarings):
        total = total @ total
    return total


@program(lambda: (spd(5), wave(5, 1.0)), whole=True)
def blocked_cholesky_solve(a, b):
    """Blocks of two by slices: a factor per diagonal block, an update of the trailing part."""

    def factor(block):
        l = np.zeros(block.shape)
        for i in range(block.shape[0]):
            for j in range(i):
                l[i, j] = (block[i, j] - l[i, :j] @ l[j, :j]) / l[j, j]
            l[i, i] = np.sqrt(block[i, i] - np.sum(l[i, :i] ** 2))
        return l

    n, nb = a.shape[0], 2
    for k in range(0, n, nb):
        e = min(k + nb, n)
        a[k:e, k:e] = factor(a[k:e, k:e])
        if e < n:
            for i in range(e, n):
                for j in range(k, e):
                    a[i, j] = (a[i, j] - a[i, k:j] @ a[j, k:j]) / a[j, j]
            a[e:, e:] -= a[e:, k:e] @ a[e:, k:e].T
    l = np.tril(a)
    y = np.empty_like(b)
    for i in range(n):
        y[i] = (b[i] - l[i, :i] @ y[:i]) / l[i, i]
    return l, y


@program(lambda: (dense(4, 4) + 3 * np.eye(4),), whole=True)
def gauss_jordan_inverse(a, inverse=None):
    """An optional argument for the result."""
    n = len(a)
    if inverse is None:
        inverse = np.eye(n)
    for k in range(n):
        pivot = a[k, k]
        a[k] /= pivot
        inverse[k] /= pivot
        for i in range(n):
            if i != k:
                m = a[i, k]
                a[i] -= m * a[k]
                inverse[i] -= m * inverse[k]
    return inverse


@program(lambda: (dense(4, 3), wave(4), 0.1, 30), wrt=(0, 1, 2), whole=True)
def lasso_coordinate_descent(a, b, lam, sweeps):
    """Soft thresholding; the residual kept up to date in place."""
    m, n = a.shape
    x = np.zeros(n)
    r = b.copy()
    norms = (a**2).sum(axis=0)
    for _ in range(sweeps):
        biggest = 0.0
        for j in range(n):
            old = x[j]
            rho = a[:, j] @ r + norms[j] * old
            if rho > lam:
                x[j] = (rho - lam) / norms[j]
            elif rho < -lam:
                x[j] = (rho + lam) / norms[j]
            else:
                x[j] = 0.0
            if x[j] != old:
                r -= a[:, j] * (x[j] - old)
            biggest = max(biggest, abs(x[j] - old))
        if biggest < 1e-15:
            break
    return x


@program(lambda: (spd(3), wave(3), wave(3, 2.0)))
def bicgstab(a, b, x0):
    """Several scalars and vectors carried between iterations, two exits."""
    x = x0
    r = b - a @ x
    r0 = r.copy()
    rho = alpha = omega = 1.0
    v = np.zeros_like(b)
    p = np.zeros_like(b)
    for _ in range(6):
        rho_new = r0 @ r
        beta = (rho_new / rho) * (alpha / omega)
        p = r + beta * (p - omega * v)
        v = a @ p
        alpha = rho_new / (r0 @ v)
        s = r - alpha * v
        if np.sqrt(s @ s) < 1e-7:
            x = x + alpha * p
            break
        t = a @ s
        omega = (t @ s) / (t @ t)
        x = x + alpha * p + omega * s
        r = s - omega * t
        if np.sqrt(r @ r) < 1e-7:
            break
        rho = rho_new
    return x @ b


@program(lambda: (wave(2, 0.7), np.array([1.0, 3.0]), 25), wrt=(0, 1))
def bfgs_backtracking(x, p, maxiter):
    """Quasi-Newton on Rosenbrock's function, Armijo backtracking, fixed number of steps."""

    def f(x):
        return (p[0] - x[0]) ** 2 + p[1] * (x[1] - x[0] ** 2) ** 2

    def g(x):
        d = x[1] - x[0] ** 2
        return np.array([-2 * (p[0] - x[0]) - 4 * p[1] * x[0] * d, 2 * p[1] * d])

    h = np.eye(2)
    fx, gx = f(x), g(x)
    for _ in range(4):
        d = -h @ gx
        step = 1.0
        while f(x + step * d) > fx + 1e-4 * step * (gx @ d):
            step *= 0.5
            if step < 1e-10:
                return fx
        s = step * d
        new = x + s
        gn = g(new)
        y = gn - gx
        rho = 1.0 / (y @ s)
        left = np.eye(2) - rho * np.outer(s, y)
        h = left @ h @ left.T + rho * np.outer(s, s)
        x, fx, gx = new, f(new), gn
    return fx


@program(lambda: (0.3, 2.0, 1.1), lambda: (0.0, 4.0, 2.3))
def brent_like_root(lo, hi, target):
    """Bisection and secant steps; the root polished by one Newton step so that it is smooth."""
    f = lambda x: x**3 / 4 + np.sin(x) - target  # noqa: E731
    a, b = lo, hi
    fa, fb = f(a), f(b)
    if fa * fb > 0:
        raise ValueError("no sign change")
    while b - a > 1e-9:
        c = b - fb * (b - a) / (fb - fa)
        if not (a < c < b):
            c = 0.5 * (a + b)
        fc = f(c)
        if fc == 0.0:
            a = b = c
            break
        if fa * fc < 0:
            b, fb = c, fc
        else:
            a, fa = c, fc
        m = 0.5 * (a + b)
        fm = f(m)
        if fm == 0.0:
            a = b = m
        elif fa * fm < 0:
            b, fb = m, fm
        else:
            a, fa = m, fm
    x = 0.5 * (a + b)
    return x - f(x) / (0.75 * x * x + np.cos(x))


@program(
    lambda: (0.2, 1.7, np.array([1.3, 0.6])),
)
def adaptive_simpson(a, b, p):
    """Recursion until an error estimate is met."""

    def f(x):
        return math.exp(-p[0] * x) * math.sin(3 * p[1] * x)

    def step(a, fa, b, fb, m, fm, whole, depth):
        lm, rm = 0.5 * (a + m), 0.5 * (m + b)
        flm, frm = f(lm), f(rm)
        left = (m - a) / 6 * (fa + 4 * flm + fm)
        right = (b - m) / 6 * (fm + 4 * frm + fb)
        delta = left + right - whole
        if depth <= 0 or abs(delta) < 1e-5:
            return left + right + delta / 15
        return step(a, fa, m, fm, lm, flm, left, depth - 1) + step(
            m, fm, b, fb, rm, frm, right, depth - 1
        )

    m = 0.5 * (a + b)
    fa, fm, fb = f(a), f(m), f(b)
    return step(a, fa, b, fb, m, fm, (b - a) / 6 * (fa + 4 * fm + fb), 4)


@program(
    lambda: (wave(3), np.array([0.5, 0.2]), 1.0, 4),
    whole=True,
)
def dormand_prince_dense(y0, p, t_end, steps):
    """Stages in a list, a tableau of tuples, results appended to a list."""
    tableau = (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
    )
    weights = (0.1, 0.2, 0.3, 0.4)

    def rhs(y):
        return np.array([y[1], -p[0] * y[0] - p[1] * y[1], y[0] * y[2] * 0.1])

    h = t_end / steps
    y = y0
    history = [y0]
    for _ in range(steps):
        ks = []
        for row in tableau:
            stage = y.copy()
            for c, k in zip(row, ks):
                stage += h * c * k
            ks.append(rhs(stage))
        y = y + h * sum(w * k for w, k in zip(weights, ks))
        history.append(y)
    return np.array(history)


@program(lambda: (dense(4, 4) + 2 * np.eye(4), wave(4)), outputs=("a", "b"), whole=True)
def solve_and_refine(a, b):
    """The factors overwrite a copy, the solution overwrites b, one step of refinement."""
    lu = a.copy()
    rhs = b.copy()
    n = len(b)

    def solve(x):
        for i in range(n):
            for j in range(i):
                x[i] -= lu[i, j] * x[j]
        for i in range(n)[::-1]:
            x[i] = (x[i] - np.sum(lu[i, i + 1 :] * x[i + 1 :])) / lu[i, i]
        return x

    for k in range(n):
        lu[k + 1 :, k] /= lu[k, k]
        lu[k + 1 :, k + 1 :] -= lu[k + 1 :, k : k + 1] * lu[k : k + 1, k + 1 :]
    solve(b)
    for _ in range(2):
        b += solve(rhs - a @ b)
    a *= 0.5
    return lu, b @ b


@program(lambda: (dense(5, 5) + 3 * np.eye(5), wave(5), 2, 1), wrt=(0, 1))
def banded_lu(a, b, lower, upper):
    """Diagonals packed as rows by index arithmetic, a factorization in the packed form."""
    n = len(b)
    band = np.zeros((lower + upper + 1, n))
    for i in range(n):
        for j in range(max(0, i - lower), min(n, i + upper + 1)):
            band[upper + i - j, j] = a[i, j]
    x = b.copy()
    for k in range(n - 1):
        last = min(n, k + lower + 1)
        for i in range(k + 1, last):
            band[upper + i - k, k] /= band[upper, k]
            m = band[upper + i - k, k]
            for j in range(k + 1, min(n, k + upper + 1)):
                band[upper + i - j, j] -= m * band[upper + k - j, j]
            x[i] -= m * x[k]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for j in range(i + 1, min(n, i + upper + 1)):
            s -= band[upper + i - j, j] * x[j]
        x[i] = s / band[upper, i]
    return x.dot(x)


@program(
    lambda: (np.array([-1.0, 2.0, 0.5, 1.0]), 0.8),
    lambda: (np.array([-1.0, 0.2, -0.5, 1.0]), 3.0),
    wrt=(0,),
)
def polynomial_root_deflation(c, guess):
    """Horner with the derivative, Newton in a while True, deflation in place; -c if it diverges."""
    x = guess
    tries = 0
    while True:
        p, dp = c[-1], 0.0
        for k in range(len(c) - 2, -1, -1):
            dp = dp * x + p
            p = p * x + c[k]
        if abs(dp) < 1e-8 or tries == 60:
            return -c[0]
        step = p / dp
        x -= step
        tries += 1
        if abs(step) < 1e-13 * max(1.0, abs(x)):
            break
    q = np.zeros(len(c) - 1)
    q[-1] = c[-1]
    for k in range(len(q) - 2, -1, -1):
        q[k] = c[k + 1] + x * q[k + 1]
    return x + q @ q


def givens(a, b):
    if b == 0:
        return 1.0, 0.0
    if abs(b) > abs(a):
        t = -a / b
        s = 1 / math.sqrt(1 + t * t)
        return s * t, s
    t = -b / a
    c = 1 / math.sqrt(1 + t * t)
    return c, c * t


@program(lambda: (dense(4, 3), wave(4)), outputs=("a",), whole=True)
def givens_qr(a, b):
    """Rotations from a helper with three exits, rows combined through copies."""
    m, n = a.shape
    for j in range(n):
        for i in range(m - 1, j, -1):
            c, s = givens(a[i - 1, j], a[i, j])
            upper, lower = a[i - 1, j:].copy(), a[i, j:].copy()
            a[i - 1, j:] = c * upper - s * lower
            a[i, j:] = s * upper + c * lower
            b[i - 1], b[i] = c * b[i - 1] - s * b[i], s * b[i - 1] + c * b[i]
    return b[:n], b[n:] ** 2


@program(lambda: (spd(4), wave(4), 6), whole=True)
def power_iteration_deflated(a, x, iterations):
    """Two leading pairs, the matrix deflated in place, eigenvectors as rows of the result."""
    n = a.shape[0]
    vectors = np.empty((2, n))
    values = np.empty(2)
    for p in range(2):
        v = x.copy()
        for _ in range(iterations):
            v = a.dot(v)
            v /= np.sqrt((v * v).sum())
        values[p] = v @ (a @ v)
        vectors[p, :] = v
        a -= values[p] * np.outer(v, v)
    return values, vectors
