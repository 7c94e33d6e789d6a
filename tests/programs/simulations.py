"""Small simulations as scientists write them."""

import math

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


@program(lambda: (wave(6), 0.2, 3), lambda: (wave(6), 0.2, 0))
def heat_1d(u, k, steps):
    v = u.copy()
    for _ in range(steps):
        for i in range(1, u.size - 1):
            v[i] = u[i] + k * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
    s = 0.0
    for i in range(u.size):
        s += u[i] * u[i]
    return s


@program(lambda: (grid(4, 4), np.full((4, 4), 0.1), 2))
def heat_2d(u, k, steps):
    v = np.zeros_like(u)
    for _ in range(steps):
        for i in range(1, 3):
            for j in range(1, 3):
                flux = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                v[i, j] = u[i, j] + k[i, j] * flux
        u, v = v, u
    return np.sum(u * u)


@program(lambda: (10.0, 5.0, np.array([1.1, 0.4, 0.4, 0.1]), 5))
def lotka_volterra_euler(x, y, p, steps):
    h = 0.02
    for _ in range(steps):
        dx = p[0] * x - p[1] * x * y
        dy = p[3] * x * y - p[2] * y
        x += h * dx
        y += h * dy
    return x * x + y


@program(lambda: (1.2, 0.8, 0.5, 4))
def van_der_pol_rk4(x, v, mu, steps):
    h = 0.1
    for _ in range(steps):
        a1 = v
        b1 = mu * (1.0 - x * x) * v - x
        a2 = v + 0.5 * h * b1
        b2 = mu * (1.0 - (x + 0.5 * h * a1) ** 2) * a2 - (x + 0.5 * h * a1)
        x = x + h * a2
        v = v + h * b2
    return x * v


@program(lambda: (wave(6).reshape(2, 3), wave(6, 1.0).reshape(2, 3) * 0.1, ramp(2), 2))
def two_bodies(pos, vel, mass, steps):
    h = 0.05
    for _ in range(steps):
        for i in range(pos.shape[0]):
            for j in range(pos.shape[0]):
                if i == j:
                    continue
                r2 = 0.01
                for d in range(3):
                    r2 += (pos[j, d] - pos[i, d]) ** 2
                w = h * mass[j] / (r2 * math.sqrt(r2))
                for d in range(3):
                    vel[i, d] += w * (pos[j, d] - pos[i, d])
        pos += h * vel
    return np.sum(pos * pos)


@program(lambda: (wave(6), 0.4, 3))
def upwind_advection(u, c, steps):
    for _ in range(steps):
        left = u[u.size - 1]
        for i in range(u.size):
            here = u[i]
            u[i] = here - c * (here - left)
            left = here
    return np.sum(u**3)


@program(lambda: (wave(5) * 0.5, 0.3, 3))
def burgers(u, dt, steps):
    for _ in range(steps):
        new = u.copy()
        for i in range(1, u.size - 1):
            if u[i] > 0.0:
                new[i] = u[i] - dt * u[i] * (u[i] - u[i - 1])
            else:
                new[i] = u[i] - dt * u[i] * (u[i + 1] - u[i])
        u = new
    return np.sum(u * u)


@program(lambda: (wave(6), np.zeros(6) + 0.1, 3))
def wave_equation(now, before, steps):
    for _ in range(steps):
        after = np.zeros(6)
        after[1:-1] = 2.0 * now[1:-1] - before[1:-1]
        after[1:-1] += 0.25 * (now[2:] - 2.0 * now[1:-1] + now[:-2])
        before, now = now, after
    return np.sum(now * now) + before[2]


@program(lambda: (grid(3, 3) + 3.0 * np.eye(3), wave(3)))
def solve_by_elimination(a, b):
    n = b.size
    for k in range(n):
        for i in range(k + 1, n):
            m = a[i, k] / a[k, k]
            for j in range(k, n):
                a[i, j] -= m * a[k, j]
            b[i] -= m * b[k]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= a[i, j] * b[j]
        b[i] /= a[i, i]
    return np.sum(b * b)


@program(lambda: (np.eye(3) * 2.0 + 0.3,))
def cholesky_log_det(a):
    n = a.shape[0]
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = math.sqrt(a[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    s = 0.0
    for j in range(n):
        s += 2.0 * math.log(a[j, j])
    return s


@program(lambda: (ramp(4) * 0.1, ramp(4) + 2.0, ramp(4) * 0.2, wave(4)))
def thomas_algorithm(low, diag, up, rhs):
    n = diag.size
    for i in range(1, n):
        w = low[i] / diag[i - 1]
        diag[i] -= w * up[i - 1]
        rhs[i] -= w * rhs[i - 1]
    x = np.zeros(n)
    x[n - 1] = rhs[n - 1] / diag[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = (rhs[i] - up[i] * x[i + 1]) / diag[i]
    return np.dot(x, x)


@program(lambda: (np.array([0.6, 0.4]), np.array([[0.7, 0.3], [0.2, 0.8]]),
                  np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 1, 1])))  # fmt: skip
def hidden_markov(start, transition, emission, seen):
    alpha = start * emission[:, seen[0]]
    loss = 0.0
    for t in range(1, seen.size):
        new = np.zeros(2)
        for j in range(2):
            for i in range(2):
                new[j] += alpha[i] * transition[i, j]
            new[j] *= emission[j, seen[t]]
        total = np.sum(new)
        loss -= math.log(total)
        alpha = new / total
    return loss


@program(lambda: (np.array([1.0, 0.1]), 0.05, 0.3, wave(4)))
def kalman_1d(state, q, r, observed):
    x = state[0]
    p = state[1]
    log_likelihood = 0.0
    for z in observed:
        p += q
        innovation = z - x
        s = p + r
        gain = p / s
        x += gain * innovation
        p *= 1.0 - gain
        log_likelihood -= 0.5 * (math.log(s) + innovation**2 / s)
    return log_likelihood


@program(lambda: (wave(6), np.array([0.3, -0.2]), np.array([0.5, 0.1])))
def iir_filter(x, a, b):
    y = np.zeros(x.size)
    for n in range(x.size):
        acc = 0.0
        for k in range(b.size):
            if n - k >= 0:
                acc += b[k] * x[n - k]
        for k in range(a.size):
            if n - k - 1 >= 0:
                acc -= a[k] * y[n - k - 1]
        y[n] = acc
    return np.sum(y * y)


@program(lambda: (wave(5), wave(4, 1.3)))
def soft_dynamic_time_warping(x, y):
    n = x.size
    m = y.size
    cost = np.full((n + 1, m + 1), 50.0)
    cost[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            a = math.exp(-cost[i - 1, j])
            b = math.exp(-cost[i, j - 1])
            c = math.exp(-cost[i - 1, j - 1])
            cost[i, j] = (x[i - 1] - y[j - 1]) ** 2 - math.log(a + b + c)
    return cost[n, m]


@program(lambda: (4.0, 5.0, 0.05, 0.3, 4))
def binomial_option_tree(spot, strike, rate, volatility, steps):
    dt = 0.5 / steps
    up = math.exp(volatility * math.sqrt(dt))
    p = (math.exp(rate * dt) - 1.0 / up) / (up - 1.0 / up)
    value = np.zeros(steps + 1)
    for i in range(steps + 1):
        value[i] = max(spot * up ** (2 * i - steps) - strike, 0.0)
    for step in range(steps, 0, -1):
        for i in range(step):
            value[i] = math.exp(-rate * dt) * (p * value[i + 1] + (1.0 - p) * value[i])
    return value[0]


@program(lambda: (wave(5), 8.0, 2))
def lorenz_96(x, forcing, steps):
    n = x.size
    rate = np.zeros(n)
    for _ in range(steps):
        for i in range(n):
            rate[i] = (x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + forcing
        for i in range(n):
            x[i] += 0.02 * rate[i]
    return np.mean(x * x)


@program(lambda: (-60.0, 0.3, 10.0, 4))
def leaky_neuron(v, leak, current, steps):
    spikes = 0
    w = 0.0
    for _ in range(steps):
        v += 0.5 * (leak * (-65.0 - v) + current - w)
        w += 0.1 * (v + 65.0)
        if v > -52.0:
            v = -65.0 + 0.1 * w
            spikes += 1
    return v * v + spikes * w


@program(lambda: (3.0 * np.eye(3) + 0.2, wave(3)))
def conjugate_gradients(a, b):
    x = np.zeros(3)
    r = b.copy()
    p = r.copy()
    rr = r @ r
    k = 0
    while rr > 1e-3 and k < 3:
        ap = a @ p
        alpha = rr / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        new = r @ r
        p = r + (new / rr) * p
        rr = new
        k += 1
    return x @ b


@program(lambda: (wave(3), grid(3, 2), grid(3, 3, 0.9), 2))
def recurrent_network(h, w_in, w, steps):
    x = np.array([0.5, -0.3])
    for t in range(steps):
        h = np.tanh(w @ h + w_in @ x * (t + 1))
    return np.sum(h * h)


@program(lambda: (wave(4), np.array([0, 2, 3]), np.array([0, 1, 1]), wave(3)))
def sparse_matrix_vector(values, start, columns, x):
    y = np.zeros(2)
    for row in range(start.size - 1):
        for k in range(start[row], start[row + 1]):
            y[row] += values[k] * x[columns[k]]
    return y[0] * y[1] + y[0]


@program(lambda: (5.0, 0.9, 1.2))
def ray_march_to_a_sphere(distance, radius, step):
    t = 0.0
    hit = 0.0
    while t < 10.0:
        d = abs(distance - t) - radius
        if d < 1e-6:
            hit = t * t
            break
        t += min(d, step)
    return hit + t * radius


@program(lambda: (wave(8), 2), outputs=("u",))
def multigrid_smoother(u, sweeps):
    n = u.size
    coarse = np.zeros(n // 2)
    for _ in range(sweeps):
        for i in range(1, n - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1])
    for i in range(n // 2):
        coarse[i] = 0.5 * (u[2 * i] + u[2 * i + 1]) ** 2
    for i in range(n // 2):
        u[2 * i] -= coarse[i]


@program(lambda: (wave(4), ramp(4), 0.1), outputs=("h", "m"))
def shallow_water_step(m, h, dt):
    n = h.size
    flux = np.zeros(n + 1)
    for i in range(1, n):
        flux[i] = 0.5 * (m[i - 1] + m[i]) - 0.2 * (h[i] - h[i - 1])
    for i in range(n):
        h[i] -= dt * (flux[i + 1] - flux[i])
        m[i] -= dt * 9.81 * h[i] * (flux[i + 1] + flux[i])
