"""Dynamical models: neurons, epidemics, ecology, chemistry, power, structures, orbits."""

import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave


def lorenz96_rhs(x, forcing):
    n = len(x)
    d = np.zeros(n)
    for i in range(n):
        d[i] = (x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + forcing
    return d


def rk4_step(f, x, dt, *args):
    k1 = f(x, *args)
    k2 = f(x + 0.5 * dt * k1, *args)
    k3 = f(x + 0.5 * dt * k2, *args)
    k4 = f(x + dt * k3, *args)
    return x + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)


@program(lambda: (wave(6) + 2.0, 8.0, 0.05, 3), whole=True)
def lorenz96(x0, forcing, dt, steps):
    trajectory = np.zeros((steps + 1, len(x0)))
    trajectory[0] = x0
    for n in range(steps):
        trajectory[n + 1] = rk4_step(lorenz96_rhs, trajectory[n], dt, forcing)
    return trajectory


@program(lambda: (wave(6) + 2.0, 8.0, 0.05, 3), whole=True)
def lorenz96_rolled(x, forcing, dt, steps):
    rhs = lambda u: (np.roll(u, -1) - np.roll(u, 2)) * np.roll(u, 1) - u + forcing  # noqa: E731
    for _ in range(steps):
        x = rk4_step(rhs, x, dt)
    return x


def alpha_m(v):
    return 0.1 * (v + 40.0) / (1.0 - math.exp(-(v + 40.0) / 10.0))


def beta_m(v):
    return 4.0 * math.exp(-(v + 65.0) / 18.0)


def alpha_h(v):
    return 0.07 * math.exp(-(v + 65.0) / 20.0)


def beta_h(v):
    return 1.0 / (1.0 + math.exp(-(v + 35.0) / 10.0))


def alpha_n(v):
    return 0.01 * (v + 55.0) / (1.0 - math.exp(-(v + 55.0) / 10.0))


def beta_n(v):
    return 0.125 * math.exp(-(v + 65) / 80.0)


@program(lambda: (120.0, 36.0, 0.3, 10.0 + wave(12), 0.05), whole=True)
def hodgkin_huxley(g_na, g_k, g_l, current, dt):
    e_na, e_k, e_l = 50.0, -77.0, -54.387
    cm = 1.0
    v, m, h, n = -64.3, 0.05, 0.6, 0.32
    voltage = np.empty_like(current)
    for t, i_ext in enumerate(current):
        i_na = g_na * m**3 * h * (v - e_na)
        i_k = g_k * n**4 * (v - e_k)
        i_l = g_l * (v - e_l)
        dv = (i_ext - i_na - i_k - i_l) / cm
        m += dt * (alpha_m(v) * (1 - m) - beta_m(v) * m)
        h += dt * (alpha_h(v) * (1 - h) - beta_h(v) * h)
        n += dt * (alpha_n(v) * (1 - n) - beta_n(v) * n)
        v += dt * dv
        voltage[t] = v
    return voltage


FHN = namedtuple("FHN", "a b tau current")


@program(lambda: (-1.0, 1.0, FHN(0.7, 0.8, 12.5, 0.5), 0.2, 6), wrt=(0, 1, 3))
def fitzhugh_nagumo(v, w, p, dt, steps):
    for _ in range(steps):
        dv = v - v**3 / 3 - w + p.current
        dw = (v + p.a - p.b * w) / p.tau
        v, w = v + dt * dv, w + dt * dw
    return v + 2.0 * w


@program(lambda: (wave(6), 0.3 * wave(6, 1.0), 0.7, 0.8, 12.5, 0.5, 0.1, 3), outputs=("v", "w"))
@njit
def fitzhugh_nagumo_cable(v, w, a, b, tau, diffusion, dt, steps):
    n = v.size
    lap = np.zeros(n)
    for _ in range(steps):
        for i in range(n):
            lap[i] = v[(i - 1) % n] - 2.0 * v[i] + v[(i + 1) % n]
        for i in range(n):
            dv = v[i] - v[i] ** 3 / 3.0 - w[i] + diffusion * lap[i]
            dw = (v[i] + a - b * w[i]) / tau
            v[i] += dt * dv
            w[i] += dt * dw


@program(
    lambda: (np.array([0.3, 0.1, 0.25]), np.array([4, 8]), 0.2, 0.12, 0.98, 0.02, 10),
    lambda: (np.array([0.3, 0.1, 0.25]), np.array([2, 30]), 0.2, 0.12, 0.98, 0.02, 10),
    whole=True,
)
def seir_lockdowns(betas, switch_days, sigma, gamma, s, i, days):
    e, r = 0.0, 0.0
    infected = []
    phase = 0
    for day in range(days):
        while phase < len(switch_days) and day >= switch_days[phase]:
            phase += 1
        beta = betas[phase]
        new_e = beta * s * i
        new_i = sigma * e
        new_r = gamma * i
        s -= new_e
        e += new_e - new_i
        i += new_i - new_r
        r += new_r
        infected.append(i)
    return np.array(infected)


@program(
    lambda: (0.4, 0.1, ramp(6, 0.02, 0.2), 3.0, 0.5),
    lambda: (0.4, 0.1, ramp(6, 0.02, 0.2), 1e9, 0.5),
    wrt=(0, 1, 2, 4),
)
def sir_misfit(beta, gamma, observed, intervention=None, efficacy=1.0):
    state = np.array([0.99, 0.01, 0.0])
    misfit = 0.0
    for t, obs in enumerate(observed):
        rate = beta if intervention is None or t < intervention else beta * (1.0 - efficacy)
        s, i, r = state
        state = np.array([s - rate * s * i, i + rate * s * i - gamma * i, r + gamma * i])
        misfit += (state[1] - obs) ** 2
    return math.sqrt(misfit / len(observed))


@dataclass
class Ecology:
    growth: float
    capture: float
    conversion: float
    death: float
    capacity: float = 20.0


@program(lambda: (10.0, 5.0, Ecology(1.1, 0.4, 0.1, 0.4), 0.05, 5), wrt=(0, 1, 3), whole=True)
def predator_prey(prey, predator, eco, dt, steps):
    def rates(x, y):
        logistic = eco.growth * x * (1.0 - x / eco.capacity)
        response = eco.capture * x * y / (1.0 + 0.1 * x)
        return logistic - response, eco.conversion * response - eco.death * y

    for _ in range(steps):
        ax, ay = rates(prey, predator)
        bx, by = rates(prey + dt * ax, predator + dt * ay)
        prey += 0.5 * dt * (ax + bx)
        predator += 0.5 * dt * (ay + by)
    return prey, predator


def det3(m):
    return (
        m[0, 0] * (m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1])
        - m[0, 1] * (m[1, 0] * m[2, 2] - m[1, 2] * m[2, 0])
        + m[0, 2] * (m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0])
    )


def cramer3(a, b):
    d = det3(a)
    x = np.zeros(3)
    for k in range(3):
        m = a.copy()
        m[:, k] = b
        x[k] = det3(m) / d
    return x


@program(lambda: (np.array([1.0, 0.0, 0.0]), 0.04, 30.0, 10.0, 0.3, 3), whole=True)
def robertson_implicit_euler(y0, k1, k2, k3, h, steps):
    y = y0.copy()
    for _ in range(steps):
        z = y.copy()
        for it in range(20):
            r1, r2, r3 = k1 * z[0], k2 * z[1] ** 2, k3 * z[1] * z[2]
            f = np.array([-r1 + r3, r1 - r3 - r2, r2])
            residual = z - y - h * f
            J = np.eye(3)
            J[0] -= h * np.array([-k1, k3 * z[2], k3 * z[1]])
            J[1] -= h * np.array([k1, -k3 * z[2] - 2 * k2 * z[1], -k3 * z[1]])
            J[2] -= h * np.array([0.0, 2 * k2 * z[1], 0.0])
            dz = cramer3(J, -residual)
            z += dz
            if np.max(np.abs(dz)) < 1e-13:
                break
        y = z
    return y


CONNECT = np.array([[0, 1], [1, 2], [0, 2], [1, 3], [2, 3], [0, 3]])


def gauss_solve(A, b):
    A, x = A.copy(), b.copy()
    n = len(x)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(A[i, k]) > abs(A[p, k]):
                p = i
        if p != k:
            A[[k, p]] = A[[p, k]]
            x[[k, p]] = x[[p, k]]
        for i in range(k + 1, n):
            f = A[i, k] / A[k, k]
            A[i, k:] -= f * A[k, k:]
            x[i] -= f * x[k]
    for k in range(n - 1, -1, -1):
        x[k] = (x[k] - A[k, k + 1 :] @ x[k + 1 :]) / A[k, k]
    return x


@program(
    lambda: (
        np.array([[0.0, 0.0], [1.0, 0.1], [0.2, 1.1], [1.2, 1.0]]),
        CONNECT,
        ramp(6),
        10.0,
        0.1 * wave(8),
        np.array([0, 1, 4]),
    )
)
def truss_compliance(xy, conn, areas, E, load, fixed):
    ndof = 2 * len(xy)
    K = np.zeros((ndof, ndof))
    for e, (i, j) in enumerate(conn):
        dx, dy = xy[j] - xy[i]
        length = math.hypot(dx, dy)
        c, s = dx / length, dy / length
        t = np.array([-c, -s, c, s])
        ke = E * areas[e] / length * np.outer(t, t)
        dofs = [2 * i, 2 * i + 1, 2 * j, 2 * j + 1]
        for a in range(4):
            for b in range(4):
                K[dofs[a], dofs[b]] += ke[a, b]
    f = load.copy()
    for d in fixed:
        K[d, :] = 0.0
        K[:, d] = 0.0
        K[d, d] = 1.0
        f[d] = 0.0
    u = gauss_solve(K, f)
    return f @ u


def thomas(lower, diag, upper, rhs):
    n = len(rhs)
    c = np.zeros(n)
    d = np.zeros(n)
    c[0] = upper[0] / diag[0]
    d[0] = rhs[0] / diag[0]
    for i in range(1, n):
        w = diag[i] - lower[i - 1] * c[i - 1]
        if i < n - 1:
            c[i] = upper[i] / w
        d[i] = (rhs[i] - lower[i - 1] * d[i - 1]) / w
    x = d
    for i in reversed(range(n - 1)):
        x[i] -= c[i] * x[i + 1]
    return x


@program(
    lambda: (ramp(9), 1.0 + wave(9) ** 2, 1.0, True),
    lambda: (ramp(9), wave(9), 1.3, True),
    whole=True,
)
def beam_deflection(EI, q, length, simply_supported=True):
    n = len(q)
    h = length / (n - 1)
    m = n - 2
    off = np.ones(m - 1)
    moment = np.zeros(n)
    moment[1:-1] = thomas(off, -2.0 * np.ones(m), off, h**2 * q[1:-1])
    w = np.zeros(n)
    if simply_supported:
        w[1:-1] = thomas(off, np.full(m, -2.0), off, h**2 * moment[1:-1] / EI[1:-1])
    else:
        for i in range(2, n):
            w[i] = 2 * w[i - 1] - w[i - 2] + h**2 * moment[i - 1] / EI[i - 1]
    return w


def power_mismatch(v, theta, G, B, p_spec, q_spec):
    n = len(v)
    mis = np.zeros(2 * (n - 1))
    for i in range(1, n):
        p = q = 0.0
        for k in range(n):
            t = theta[i] - theta[k]
            p += v[i] * v[k] * (G[i, k] * np.cos(t) + B[i, k] * np.sin(t))
            q += v[i] * v[k] * (G[i, k] * np.sin(t) - B[i, k] * np.cos(t))
        mis[i - 1] = p_spec[i] - p
        mis[n - 2 + i] = q_spec[i] - q
    return mis


@program(
    lambda: (
        np.array([0.02, 0.03, 0.025]),
        np.array([0.1, 0.12, 0.08]),
        np.array([0.0, -0.3, -0.2]),
        np.array([0.0, -0.1, -0.05]),
        3,
    ),
    whole=True,
    heavy=True,
)
def power_flow_newton(r, x, p_spec, q_spec, iterations):
    n = 3
    lines = [(0, 1), (1, 2), (0, 2)]
    G, B = np.zeros((n, n)), np.zeros((n, n))
    for (i, k), rr, xx in zip(lines, r, x):
        z2 = rr**2 + xx**2
        g, b = rr / z2, -xx / z2
        G[i, k] = G[k, i] = -g
        B[i, k] = B[k, i] = -b
        G[i, i] += g
        G[k, k] += g
        B[i, i] += b
        B[k, k] += b
    v, theta = np.ones(n), np.zeros(n)
    eps = 1e-6
    for it in range(iterations):
        f = power_mismatch(v, theta, G, B, p_spec, q_spec)
        J = np.zeros((2 * n - 2, 2 * n - 2))
        for c in range(n - 1):
            t2 = theta.copy()
            t2[c + 1] += eps
            J[:, c] = (power_mismatch(v, t2, G, B, p_spec, q_spec) - f) / eps
            v2 = v.copy()
            v2[c + 1] += eps
            J[:, n - 1 + c] = (power_mismatch(v2, theta, G, B, p_spec, q_spec) - f) / eps
        step = gauss_solve(J, -f)
        theta[1:] += step[: n - 1]
        v[1:] += step[n - 1 :]
    return v, theta


@program(lambda: (0.8, 0.3, 1e-14), lambda: (2.5, 0.7, 1e-14), wrt=(0, 1), whole=True)
def kepler_position(M, ecc, tol):
    E = M if ecc < 0.5 else math.pi
    count = 0
    while True:
        delta = (E - ecc * math.sin(E) - M) / (1.0 - ecc * math.cos(E))
        E -= delta
        count += 1
        if abs(delta) < tol or count > 50:
            break
    x = math.cos(E) - ecc
    y = math.sqrt(1 - ecc**2) * math.sin(E)
    return x, y


@program(lambda: (wave(5), np.zeros(5), 4.0, 0.3, 50.0, 0.3, 0.02, 6), outputs=("x", "v"))
def spring_chain_with_wall(x, v, k, damping, k_wall, wall, dt, steps):
    n = len(x)
    force = np.zeros(n)
    for _ in range(steps):
        force[:] = 0.0
        for i in range(n):
            if i > 0:
                force[i] -= k * (x[i] - x[i - 1])
            if i < n - 1:
                force[i] += k * (x[i + 1] - x[i])
            penetration = max(0.0, x[i] - wall)
            force[i] -= damping * v[i] + k_wall * penetration
        v += dt * force
        x += dt * v


@program(
    lambda: (0.7, 0.0, 9.81, 1.0, 0.7, 0.05, 12), lambda: (-0.4, 1.0, 9.81, 1.5, 0.7, 0.05, 12)
)
def pendulum_hitting_stop(theta, omega, g, length, restitution, dt, steps):
    stop = -0.35
    hits = 0
    path = 0.0
    for _ in range(steps):
        omega -= dt * g / length * math.sin(theta)
        new = theta + dt * omega
        if new < stop:
            # reflect at the stop, within the step
            fraction = (stop - theta) / (new - theta)
            omega = -restitution * omega
            new = stop + (1.0 - fraction) * dt * omega
            hits += 1
            if hits == 3:
                break
        path += abs(new - theta)
        theta = new
    return theta + 0.1 * path


def quat_mul(p, q):
    w1, x1, y1, z1 = p
    w2, x2, y2, z2 = q
    return np.array(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ]
    )


@program(
    lambda: (np.array([0.9, 0.1, -0.3, 0.2]), wave(3) + 1.0, ramp(3), 0.1 * wave(3, 1.0), 0.1, 3),
    whole=True,
)
def rigid_body(q, w, inertia, torque, dt, steps):
    q = q / np.linalg.norm(q)
    for _ in range(steps):
        w = w + dt * (torque - np.cross(w, inertia * w)) / inertia
        q = q + 0.5 * dt * quat_mul(q, np.array([0.0, w[0], w[1], w[2]]))
        q /= np.sqrt(np.dot(q, q))
    energy = 0.5 * np.sum(inertia * w**2)
    return q, w, energy


@program(lambda: (0.3, 0.7, 1.2, 0.4, 0.3), lambda: (0.9, 0.7, 1.2, 0.4, 0.3))
def ising_mean_field(beta, J, h, m0, mix):
    m = m0
    for it in range(200):
        new = math.tanh(beta * (4 * J * m + h))
        if abs(new - m) < 1e-15:
            break
        m = (1 - mix) * m + mix * new
    else:
        m = new
    return -J * 2 * m * m - h * m


@program(lambda: (0.5 + 0.4 * grid(5, 5), 4.0, 0.3, 2), whole=True)
def smooth_life(cells, sharpness, dt, steps):
    n, m = cells.shape

    def bump(x, lo, hi):
        up = 1.0 / (1.0 + np.exp(-sharpness * (x - lo)))
        return up * (1.0 - 1.0 / (1.0 + np.exp(-sharpness * (x - hi))))

    for _ in range(steps):
        new = np.empty((n, m))
        for i in range(n):
            for j in range(m):
                neighbours = 0.0
                for di in (-1, 0, 1):
                    for dj in (-1, 0, 1):
                        if di == 0 and dj == 0:
                            continue
                        neighbours += cells[(i + di) % n, (j + dj) % m]
                alive = cells[i, j]
                target = alive * bump(neighbours, 1.5, 3.5) + (1 - alive) * bump(
                    neighbours, 2.5, 3.5
                )
                new[i, j] = alive + dt * (target - alive)
        cells = new
    return cells


@program(
    lambda: (
        np.array([0.0, 0.4, 1.0, 1.7, 2.0]),
        wave(5),
        np.array([0.2, 0.9, 1.31, 1.9, 2.4, -0.3]),
    ),
    whole=True,
)
def table_lookup(xs, ys, queries):
    out = np.zeros(len(queries))
    for k, x in enumerate(queries):
        if x <= xs[0]:
            out[k] = ys[0]
            continue
        if x >= xs[-1]:
            out[k] = ys[-1]
            continue
        lo, hi = 0, len(xs) - 1
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if xs[mid] > x:
                hi = mid
            else:
                lo = mid
        t = (x - xs[lo]) / (xs[lo + 1] - xs[lo])
        out[k] = (1 - t) * ys[lo] + t * ys[lo + 1]
    return out


def bezier_point(points, t):
    work = points.copy()
    while len(work) > 1:
        work = (1 - t) * work[:-1] + t * work[1:]
    return work[0]


@program(lambda: (grid(4, 2), 6), oracle="differences", cross_checked=False)
def bezier_length(control, segments):
    previous = control[0]
    total = 0.0
    for k in range(1, segments + 1):
        point = bezier_point(control, k / segments)
        total += np.linalg.norm(point - previous)
        previous = point
    return total


NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)


@program(lambda: (np.array([[0.0, 0.1], [0.6, 1.0], [1.4, -0.5], [2.0, 0.4]]), 5))
def bezier_length_by_quadrature(p, n):
    total = 0.0
    for u, w in zip(NODES[:n], WEIGHTS[:n]):
        t = 0.5 * (u + 1.0)
        d = (
            3 * (1 - t) ** 2 * (p[1] - p[0])
            + 6 * (1 - t) * t * (p[2] - p[1])
            + 3 * t**2 * (p[3] - p[2])
        )
        total += 0.5 * w * math.sqrt(d[0] ** 2 + d[1] ** 2)
    return total
