"""Bodies and chances: particles that attract or repel, smoothed fluids, filters on hidden states."""

import math

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


def accelerations(pos, mass, soft):
    n = len(mass)
    acc = np.zeros_like(pos)
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            d = pos[j] - pos[i]
            r2 = np.sum(d * d) + soft**2
            acc[i] += mass[j] * d / (r2 * np.sqrt(r2))
    return acc


@program(lambda: (grid(3, 2), 0.3 * grid(3, 2, 1.0), ramp(3), 0.1, 3), whole=True)
def leapfrog_n_body(pos, vel, mass, dt, steps):
    acc = accelerations(pos, mass, 0.3)
    for _ in range(steps):
        vel += 0.5 * dt * acc
        pos += dt * vel
        acc = accelerations(pos, mass, 0.3)
        vel += 0.5 * dt * acc
    return pos, vel


def lennard_jones(r2, eps, sigma):
    s6 = (sigma * sigma / r2) ** 3
    return 4.0 * eps * (s6 * s6 - s6), 24.0 * eps * (2.0 * s6 * s6 - s6) / r2


@program(
    lambda: (np.array([[0.4, 0.5], [1.5, 0.7], [0.6, 1.8], [2.4, 2.2], [1.7, 1.9]]), 0.7, 0.9),
    outputs=("pos",),
    heavy=True,
    cross_checked=False,
)
def cell_list_dynamics(pos, eps, sigma):
    n, cells, size = pos.shape[0], 3, 1.0
    force = np.zeros_like(pos)
    energy = 0.0
    for _ in range(2):
        head = -np.ones((cells, cells), dtype=np.int64)
        following = -np.ones(n, dtype=np.int64)
        for i in range(n):
            cx = min(max(int(pos[i, 0] / size), 0), cells - 1)
            cy = min(max(int(pos[i, 1] / size), 0), cells - 1)
            following[i] = head[cx, cy]
            head[cx, cy] = i
        force[:] = 0.0
        for cx in range(cells):
            for cy in range(cells):
                i = head[cx, cy]
                while i >= 0:
                    for ox in (-1, 0, 1):
                        for oy in (-1, 0, 1):
                            if not (0 <= cx + ox < cells and 0 <= cy + oy < cells):
                                continue
                            j = head[cx + ox, cy + oy]
                            while j >= 0:
                                if j < i:
                                    d = pos[i] - pos[j]
                                    r2 = d[0] ** 2 + d[1] ** 2
                                    if r2 < 2.5:
                                        e, f = lennard_jones(r2, eps, sigma)
                                        energy += e
                                        force[i] += f * d
                                        force[j] -= f * d
                                j = following[j]
                    i = following[i]
        pos += 0.002 * force
    return energy


def kernel_w(r, h):
    q = r / h
    if q < 1.0:
        return (1.0 - 1.5 * q * q + 0.75 * q**3) / (math.pi * h * h)
    if q < 2.0:
        return 0.25 * (2.0 - q) ** 3 / (math.pi * h * h)
    return 0.0


@program(lambda: (grid(4, 2), ramp(4), 0.8, 0.05), whole=True)
def smoothed_particles(pos, mass, h, dt):
    n = len(mass)
    rho, press = np.zeros(n), np.zeros(n)
    vel = np.zeros((n, 2))
    for _ in range(2):
        for i in range(n):
            rho[i] = 0.0
            for j in range(n):
                dx, dy = pos[i, 0] - pos[j, 0], pos[i, 1] - pos[j, 1]
                rho[i] += mass[j] * kernel_w(math.sqrt(dx * dx + dy * dy + 1e-6), h)
            press[i] = 2.0 * (rho[i] - 1.0)
        for i in range(n):
            for j in range(n):
                if i != j:
                    d = pos[i] - pos[j]
                    r = np.sqrt(np.sum(d**2)) + 1e-3
                    slope = (kernel_w(r + 1e-3, h) - kernel_w(r - 1e-3, h)) / 2e-3
                    pair = press[i] / rho[i] ** 2 + press[j] / rho[j] ** 2
                    vel[i] -= dt * mass[j] * pair * slope * d / r
        pos = pos + dt * vel
    return pos, rho


@program(lambda: (wave(6), 0.9, 0.3, 0.5))
def kalman_log_likelihood(z, a, q, r):
    m, p, total = 0.0, 1.0, 0.0
    for k in range(z.size):
        m, p = a * m, a * a * p + q
        s = p + r
        v = z[k] - m
        total -= 0.5 * (math.log(2.0 * math.pi * s) + v * v / s)
        gain = p / s
        m += gain * v
        p *= 1.0 - gain
    return total


@program(lambda: (wave(3), 0.8, 0.4, grid(3, 5), np.array([0.13, 0.57, 0.81])))
def particle_filter(observed, a, noise, draws, u):
    n = draws.shape[1]
    x = noise * draws[0]
    total = 0.0
    for t in range(len(observed)):
        x = a * x + noise * draws[t]
        logw = -0.5 * ((observed[t] - x) / 0.7) ** 2
        top = logw.max()
        w = np.exp(logw - top)
        total += top + np.log(np.sum(w) / n)
        w /= np.sum(w)
        ancestors = np.zeros(n, dtype=np.int64)
        cumulative, j = w[0], 0
        for i in range(n):
            while cumulative < (i + u[t]) / n and j < n - 1:
                j += 1
                cumulative += w[j]
            ancestors[i] = j
        x = x[ancestors]
    return total


@program(lambda: (np.abs(grid(3, 3)) + 0.2, np.abs(grid(3, 2)) + 0.3, np.array([0, 1, 1, 0])))
def hmm_forward(trans, emit, seen):
    n = trans.shape[0]
    a = trans / np.sum(trans, axis=1).reshape(n, 1)
    b = emit / emit.sum(axis=1)[:, np.newaxis]
    alpha = np.ones(n) / n * b[:, seen[0]]
    total = 0.0
    for t in range(1, len(seen)):
        scale = alpha.sum()
        total += np.log(scale)
        alpha = (alpha / scale) @ a * b[:, seen[t]]
    return total + np.log(np.sum(alpha))


@program(lambda: (wave(5), ramp(6), 0.6))
def soft_dynamic_time_warping(x, y, gamma):
    n, m = len(x), len(y)
    r = np.full((n + 1, m + 1), 1e6)
    r[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            d = (x[i - 1] - y[j - 1]) ** 2
            a, b, c = -r[i - 1, j] / gamma, -r[i, j - 1] / gamma, -r[i - 1, j - 1] / gamma
            top = max(a, b, c)
            soft = top + math.log(math.exp(a - top) + math.exp(b - top) + math.exp(c - top))
            r[i, j] = d - gamma * soft
    return r[n, m]
