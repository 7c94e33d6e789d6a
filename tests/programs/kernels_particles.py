"""Particles and state estimation: neighbour lists, smoothed densities, filters, Markov chains."""

import math

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave


def positions(n, d, phase=0.3):
    """Points in the unit box, no two close to each other's lines of cells."""
    k = np.arange(n * d).reshape(n, d) + 1.0
    return (k * 0.6180339887 + phase + 0.17 * np.arange(d)) % 1.0


def spread():
    """Seven points in a 3 x 3 box, at least half a unit from each other."""
    return np.array(
        [[0.3, 0.4], [0.9, 0.7], [1.6, 0.25], [2.75, 1.35], [1.2, 1.6], [2.2, 2.6], [0.35, 2.75]]
    )


def accelerations(pos, mass, soft, acc):
    n = pos.shape[0]
    acc[:, :] = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            d = pos[j] - pos[i]
            r2 = d[0] ** 2 + d[1] ** 2 + d[2] ** 2 + soft**2
            inv = r2**-1.5
            acc[i] += mass[j] * d * inv
            acc[j] -= mass[i] * d * inv


@program(lambda: (grid(3, 3), 0.2 * grid(3, 3, 1.0), ramp(3), 0.3, 0.1, 3), whole=True)
def nbody_leapfrog(pos, vel, mass, soft, dt, steps):
    """Kick-drift-kick with a half step shared between steps."""
    acc = np.zeros_like(pos)
    accelerations(pos, mass, soft, acc)
    for _ in range(steps):
        vel += 0.5 * dt * acc
        pos += dt * vel
        accelerations(pos, mass, soft, acc)
        vel += 0.5 * dt * acc
    return pos, vel


@program(lambda: (grid(4, 2), 0.2 * grid(4, 2, 1.0), ramp(4), 0.3, 2))
def nbody_broadcast(pos, vel, mass, soft, steps):
    """Pairwise differences by broadcasting; total energy."""
    dt = 0.05
    for _ in range(steps):
        diff = pos[np.newaxis, :, :] - pos[:, np.newaxis, :]
        r2 = (diff**2).sum(axis=-1) + soft**2
        acc = (mass[np.newaxis, :, None] * diff / (r2**1.5)[:, :, None]).sum(axis=1)
        vel = vel + dt * acc
        pos = pos + dt * vel
    kinetic = 0.5 * np.sum(mass[:, None] * vel**2)
    potential = 0.0
    for i in range(len(mass)):
        for j in range(i):
            r = np.sqrt(np.sum((pos[i] - pos[j]) ** 2) + soft**2)
            potential -= mass[i] * mass[j] / r
    return kinetic + potential


def build_cells(pos, ncell, cell_size, head, nxt):
    head[:] = -1
    for i in range(pos.shape[0]):
        cx = int(pos[i, 0] / cell_size) % ncell
        cy = int(pos[i, 1] / cell_size) % ncell
        c = cx * ncell + cy
        nxt[i] = head[c]
        head[c] = i


def pair_forces(pos, box, ncell, head, nxt, eps, sigma, rc, force):
    energy = 0.0
    for cx in range(ncell):
        for cy in range(ncell):
            i = head[cx * ncell + cy]
            while i != -1:
                for ox in (-1, 0, 1):
                    for oy in (-1, 0, 1):
                        other = ((cx + ox) % ncell) * ncell + (cy + oy) % ncell
                        j = head[other]
                        while j != -1:
                            if j < i:
                                dx = pos[i, 0] - pos[j, 0]
                                dy = pos[i, 1] - pos[j, 1]
                                dx -= box * round(dx / box)
                                dy -= box * round(dy / box)
                                r2 = dx * dx + dy * dy
                                if r2 < rc * rc:
                                    s6 = (sigma * sigma / r2) ** 3
                                    f = 24.0 * eps * (2.0 * s6 * s6 - s6) / r2
                                    force[i, 0] += f * dx
                                    force[i, 1] += f * dy
                                    force[j, 0] -= f * dx
                                    force[j, 1] -= f * dy
                                    energy += 4.0 * eps * (s6 * s6 - s6)
                            j = nxt[j]
                i = nxt[i]
    return energy


@program(
    lambda: (spread(), 0.1 * grid(7, 2), 0.3, 0.4, 3.0, 2), wrt=(0, 1, 2, 3), whole=True, heavy=True
)
def molecular_dynamics_cells(pos, vel, eps, sigma, box, steps):
    """Lennard-Jones with a linked list per cell, periodic box, velocity Verlet."""
    ncell = 3
    rc = box / ncell
    n = pos.shape[0]
    head = np.full(ncell * ncell, -1, dtype=np.int64)
    nxt = np.full(n, -1, dtype=np.int64)
    force = np.zeros((n, 2))
    dt = 0.004
    build_cells(pos, ncell, rc, head, nxt)
    energy = pair_forces(pos, box, ncell, head, nxt, eps, sigma, rc, force)
    for _ in range(steps):
        vel += 0.5 * dt * force
        pos += dt * vel
        for i in range(n):
            for d in range(2):
                if pos[i, d] >= box:
                    pos[i, d] -= box
                elif pos[i, d] < 0.0:
                    pos[i, d] += box
        build_cells(pos, ncell, rc, head, nxt)
        force[:] = 0.0
        energy = pair_forces(pos, box, ncell, head, nxt, eps, sigma, rc, force)
        vel += 0.5 * dt * force
    return energy, pos, vel


@program(lambda: (positions(6, 2) * 2.0, 1.0, 0.5, 0.9), wrt=(0, 1, 2))
def verlet_neighbour_list(pos, eps, sigma, cutoff):
    """A neighbour list of pairs in an integer array with a counter; Morse-like energy."""
    n = len(pos)
    pairs = np.zeros((n * (n - 1) // 2, 2), dtype=np.int32)
    count = 0
    for i in range(n - 1):
        for j in range(i + 1, n):
            if np.sum((pos[i] - pos[j]) ** 2) < cutoff**2:
                pairs[count, 0] = i
                pairs[count, 1] = j
                count += 1
    energy = 0.0
    for k in range(count):
        i, j = pairs[k]
        r = np.sqrt((pos[i, 0] - pos[j, 0]) ** 2 + (pos[i, 1] - pos[j, 1]) ** 2)
        energy += eps * (1.0 - np.exp(-(r - sigma) / sigma)) ** 2
    return energy


@njit
def kernel(r, h):
    q = r / h
    c = 10.0 / (7.0 * math.pi * h * h)
    if q < 1.0:
        return c * (1.0 - 1.5 * q * q + 0.75 * q * q * q)
    elif q < 2.0:
        return c * 0.25 * (2.0 - q) ** 3
    else:
        return 0.0


@njit
def kernel_slope(r, h):
    q = r / h
    c = 10.0 / (7.0 * math.pi * h * h) / h
    if q < 1.0:
        return c * (-3.0 * q + 2.25 * q * q)
    if q < 2.0:
        return -c * 0.75 * (2.0 - q) ** 2
    return 0.0


@njit
def sph_density(x, m, h, rho):
    for i in range(x.shape[0]):
        rho[i] = m[i] * kernel(0.0, h)
        for j in range(x.shape[0]):
            if j == i:
                continue
            dx = x[i, 0] - x[j, 0]
            dy = x[i, 1] - x[j, 1]
            rho[i] += m[j] * kernel(math.sqrt(dx * dx + dy * dy), h)


@program(lambda: (positions(6, 2), 0.1 * grid(6, 2), 0.2 * ramp(6), 0.31, 1.5, 0.02, 2), whole=True)
def sph(x, v, m, h, stiffness, dt, steps):
    """Density, pressure and symmetric forces with compiled spline kernels."""
    n = x.shape[0]
    rho = np.empty(n)
    for _ in range(steps):
        sph_density(x, m, h, rho)
        p = stiffness * (rho / 1.2 - 1.0)
        a = np.zeros((n, 2))
        for i in range(n):
            for j in range(i):
                d = x[i] - x[j]
                r = math.sqrt(d[0] * d[0] + d[1] * d[1])
                if r > 2.0 * h:
                    continue
                g = kernel_slope(r, h) / r
                common = p[i] / rho[i] ** 2 + p[j] / rho[j] ** 2
                for k in range(2):
                    a[i, k] -= m[j] * common * g * d[k]
                    a[j, k] += m[i] * common * g * d[k]
        v += dt * a
        x += dt * v
    return x, rho


@program(
    lambda: (wave(6), np.array([0.5, 0.1]), np.eye(2), 0.5, np.array([0.3, 0.2]), 0.4), whole=True
)
def kalman_filter(z, x, p, dt, q, r):
    """Constant velocity; np.outer, matrix products, the likelihood; all states."""
    f = np.array([[1.0, dt], [0.0, 1.0]])
    h = np.array([1.0, 0.0])
    qm = np.diag(q)
    n = len(z)
    states = np.zeros((n, 2))
    loglik = 0.0
    for k in range(n):
        x = f @ x
        p = f @ p @ f.T + qm
        innovation = z[k] - h @ x
        s = h @ p @ h + r
        gain = p @ h / s
        x = x + gain * innovation
        p = (np.eye(2) - np.outer(gain, h)) @ p
        loglik -= 0.5 * (np.log(2 * np.pi * s) + innovation**2 / s)
        states[k] = x
    return states, loglik


def inverse_2x2(a):
    det = a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
    inv = np.empty((2, 2))
    inv[0, 0] = a[1, 1] / det
    inv[1, 1] = a[0, 0] / det
    inv[0, 1] = -a[0, 1] / det
    inv[1, 0] = -a[1, 0] / det
    return inv


@program(lambda: (grid(4, 2), 0.3 * grid(3, 3) + np.eye(3), np.array([0.4, 0.6]), 0.2), heavy=True)
def extended_kalman(zs, f, r, q):
    """Three states, two measurements (range and bearing), the Joseph form."""
    x = np.array([1.0, 0.5, 0.1])
    p = np.eye(3) * 0.5
    total = 0.0
    for z in zs:
        x = np.tanh(f @ x) + 0.5
        jac = f * (1.0 - (x[:, None] - 0.5) ** 2)
        p = jac @ p @ jac.T + q * np.eye(3)
        rng = np.sqrt(x[0] ** 2 + x[1] ** 2)
        predicted = np.array([rng, np.arctan2(x[1], x[0])])
        h = np.zeros((2, 3))
        h[0, :2] = x[:2] / rng
        h[1, 0] = -x[1] / rng**2
        h[1, 1] = x[0] / rng**2
        y = z - predicted
        s = h @ p @ h.T + np.diag(r)
        si = inverse_2x2(s)
        k = p @ h.T @ si
        x = x + k @ y
        ikh = np.eye(3) - k @ h
        p = ikh @ p @ ikh.T + k @ np.diag(r) @ k.T
        total += y @ si @ y
    return total + np.trace(p)


@program(
    lambda: (wave(3), wave(8, 0.5), grid(3, 8, 1.3), 0.8, 0.6, np.array([0.37, 0.52, 0.11])),
    wrt=(0, 1, 2, 3, 4),
    whole=True,
)
def particle_filter(obs, particles, noise, a, sigma, offsets):
    """Fixed noise, systematic resampling by the cumulative sum into integer indices."""
    n = len(particles)
    loglik = 0.0
    for t in range(len(obs)):
        particles = a * particles + 0.5 * np.sin(particles) + 0.3 * noise[t]
        logw = -0.5 * ((obs[t] - particles) / sigma) ** 2 - np.log(sigma)
        top = np.max(logw)
        w = np.exp(logw - top)
        total = np.sum(w)
        loglik += top + np.log(total / n)
        w /= total
        c = np.cumsum(w)
        index = np.zeros(n, dtype=np.int64)
        j = 0
        for i in range(n):
            u = (i + offsets[t]) / n
            while j < n - 1 and c[j] < u:
                j += 1
            index[i] = j
        particles = particles[index]
    return loglik, particles


@program(
    lambda: (
        np.array([0.5, 0.3, 0.2]),
        0.3 + 0.2 * np.abs(grid(3, 3)),
        0.2 + 0.3 * np.abs(grid(3, 4)),
        np.array([0, 2, 1, 3, 0]),
    )
)
def hmm_forward_scaled(start, trans, emit, obs):
    """Loops, scaling factors, the log likelihood."""
    ns = len(start)
    nt = len(obs)
    alpha = np.zeros((nt, ns))
    scale = np.zeros(nt)
    for s in range(ns):
        alpha[0, s] = start[s] * emit[s, obs[0]]
        scale[0] += alpha[0, s]
    alpha[0] /= scale[0]
    for t in range(1, nt):
        for s in range(ns):
            for r in range(ns):
                alpha[t, s] += alpha[t - 1, r] * trans[r, s]
            alpha[t, s] *= emit[s, obs[t]]
            scale[t] += alpha[t, s]
        for s in range(ns):
            alpha[t, s] /= scale[t]
    return -np.log(scale).sum()


def log_sum_exp(x):
    m = x.max()
    return m + np.log(np.exp(x - m).sum())


@program(lambda: (wave(3), grid(3, 3), grid(3, 4), np.array([0, 2, 1, 3])), whole=True)
def hmm_forward_backward_log(start, trans, emit, obs):
    """Log space, the posterior marginals."""
    n, s = len(obs), len(start)
    fwd = np.empty((n, s))
    bwd = np.zeros((n, s))
    fwd[0] = start + emit[:, obs[0]]
    for t in range(1, n):
        for j in range(s):
            fwd[t, j] = log_sum_exp(fwd[t - 1] + trans[:, j]) + emit[j, obs[t]]
    for t in range(n - 2, -1, -1):
        for i in range(s):
            bwd[t, i] = log_sum_exp(trans[i] + emit[:, obs[t + 1]] + bwd[t + 1])
    evidence = log_sum_exp(fwd[-1])
    return np.exp(fwd + bwd - evidence), evidence


@program(lambda: (wave(3), grid(3, 3), grid(3, 4), np.array([0, 2, 1, 3])))
def viterbi(start, trans, emit, obs):
    """Dynamic programming with back pointers, then the score of the best path."""
    n, s = obs.size, start.size
    score = start + emit[:, obs[0]]
    back = np.zeros((n, s), dtype=np.int64)
    for t in range(1, n):
        new = np.empty(s)
        for j in range(s):
            best = 0
            for i in range(1, s):
                if score[i] + trans[i, j] > score[best] + trans[best, j]:
                    best = i
            back[t, j] = best
            new[j] = score[best] + trans[best, j] + emit[j, obs[t]]
        score = new
    path = np.zeros(n, dtype=np.int64)
    path[-1] = np.argmax(score)
    for t in range(n - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    total = start[path[0]] ** 2
    for t in range(1, n):
        total += trans[path[t - 1], path[t]] ** 2 + emit[path[t], obs[t]] ** 2
    return total


@program(
    lambda: (positions(8, 1).ravel() * 3.7, wave(8), np.zeros(5)), wrt=(0, 1), outputs=("rho",)
)
def particle_in_cell_deposit(x, charge, rho):
    """Linear weights on a periodic grid by int(np.floor())."""
    n = rho.shape[0]
    for p in range(x.size):
        cell = int(np.floor(x[p]))
        w = x[p] - cell
        rho[cell % n] += charge[p] * (1.0 - w)
        rho[(cell + 1) % n] += charge[p] * w


@program(lambda: (positions(5, 1).ravel() * 4.0, 0.2 * wave(5), 0.3, 2), whole=True)
def particle_in_cell(x, v, dt, steps):
    """Deposit, field by cumulative sums, gather, push; periodic wrap by the remainder."""
    n = 4
    for _ in range(steps):
        rho = np.zeros(n)
        for p in range(len(x)):
            c = int(x[p])
            w = x[p] - c
            rho[c] += 1.0 - w
            rho[(c + 1) % n] += w
        rho -= rho.mean()
        e = np.cumsum(rho)
        e -= np.mean(e)
        for p in range(len(x)):
            c = int(x[p])
            w = x[p] - c
            v[p] += dt * ((1.0 - w) * e[c] + w * e[(c + 1) % n])
        x = (x + dt * v) % n
    return x, v


@program(lambda: (grid(5, 2), 0.3, 2), whole=True)
def spring_chain_constraints(pos, rest, sweeps):
    """Position-based dynamics: constraints projected in place, one after the other."""

    def project(a, b, rest):
        d = b - a
        length = np.sqrt(d @ d)
        corr = 0.5 * (length - rest) / length * d
        a += corr
        b -= corr

    anchor = pos[0].copy()
    for _ in range(sweeps):
        for i in range(len(pos) - 1):
            project(pos[i], pos[i + 1], rest)
        pos[0] = anchor
    return pos


@program(lambda: (grid(4, 3), 0.5 * grid(4, 3, 1.1)))
def kabsch_rmsd_rodrigues(a, b):
    """Centre, rotate one frame by a fixed axis and a fitted angle, np.cross; root mean square."""
    a = a - a.mean(axis=0)
    b = b - b.mean(axis=0)
    axis = np.array([0.0, 0.6, 0.8])
    num, den = 0.0, 0.0
    for i in range(len(a)):
        num += np.dot(axis, np.cross(b[i], a[i]))
        den += b[i] @ a[i] - (b[i] @ axis) * (a[i] @ axis)
    theta = math.atan2(num, den)
    rotated = np.zeros_like(b)
    for i in range(len(b)):
        rotated[i] = (
            b[i] * math.cos(theta)
            + np.cross(axis, b[i]) * math.sin(theta)
            + axis * np.dot(axis, b[i]) * (1 - math.cos(theta))
        )
    return np.sqrt(np.mean(np.sum((a - rotated) ** 2, axis=1)))


class Body:
    """Constants of an oblate planet."""

    mu = 1.3
    j2 = 0.05
    radius = 0.8


def gravity(r):
    x, y, z = r
    d = math.sqrt(x * x + y * y + z * z)
    k = 1.5 * Body.j2 * Body.mu * Body.radius**2 / d**5
    q = 5 * z * z / (d * d)
    return (
        -Body.mu * x / d**3 + k * x * (q - 1),
        -Body.mu * y / d**3 + k * y * (q - 1),
        -Body.mu * z / d**3 + k * z * (q - 3),
    )


@program(lambda: (np.array([1.1, 0.2, 0.3]), np.array([0.1, 0.9, 0.2]), 3), whole=True)
def orbit_j2(r, v, steps):
    """Accelerations as tuples of floats, Yoshida's fourth-order coefficients."""
    cbrt = 2.0 ** (1 / 3)
    w1 = 1 / (2 - cbrt)
    w0 = -cbrt * w1
    drifts = [w1 / 2, (w0 + w1) / 2, (w0 + w1) / 2, w1 / 2]
    kicks = [w1, w0, w1]
    h = 0.05
    for _ in range(steps):
        for i, c in enumerate(drifts):
            for k in range(3):
                r[k] += c * h * v[k]
            if i < len(kicks):
                ax, ay, az = gravity(r)
                v[0] += kicks[i] * h * ax
                v[1] += kicks[i] * h * ay
                v[2] += kicks[i] * h * az
    lx, ly, lz = np.cross(r, v)
    return r, v, lx + ly + lz


@program(
    lambda: (positions(6, 2, 0.2), ramp(6), 0.5, 0.1),
)
def barnes_hut_quadrants(pos, mass, theta, soft):
    """One level of a tree: masses and centres per quadrant, far ones as a whole."""
    total = np.zeros((2, 2))
    centre = np.zeros((2, 2, 2))
    members = [[], [], [], []]
    for i in range(len(pos)):
        a, b = int(pos[i, 0] > 0.5), int(pos[i, 1] > 0.5)
        total[a, b] += mass[i]
        centre[a, b] += mass[i] * pos[i]
        members[2 * a + b].append(i)
    for a in range(2):
        for b in range(2):
            if total[a, b] > 0:
                centre[a, b] /= total[a, b]
    energy = 0.0
    for i in range(len(pos)):
        for a in range(2):
            for b in range(2):
                d = centre[a, b] - pos[i]
                dist = math.sqrt(d[0] ** 2 + d[1] ** 2 + soft**2)
                if 0.5 < theta * dist * 1.1:
                    energy -= mass[i] * total[a, b] / dist
                else:
                    for j in members[2 * a + b]:
                        if j != i:
                            e = pos[j] - pos[i]
                            energy -= mass[i] * mass[j] / np.sqrt(e @ e + soft**2)
    return 0.5 * energy


@program(lambda: (positions(6, 2), 0.37), wrt=(0, 1))
def sorted_sweep_overlaps(pos, radius):
    """Particles sorted along x; a sweep with an early break; overlaps squared."""
    order = np.argsort(pos[:, 0])
    p = pos[order]
    e = 0.0
    for i in range(len(p)):
        for j in range(i + 1, len(p)):
            if p[j, 0] - p[i, 0] > 2 * radius:
                break
            r = np.hypot(p[j, 0] - p[i, 0], p[j, 1] - p[i, 1])
            if r < 2 * radius:
                e += 0.5 * (2 * radius - r) ** 2
    return e


@program(lambda: (wave(12), np.array([0.05, 0.1, 0.85]), 0.3), whole=True)
def garch_volatility(returns, p, start):
    """A list comprehension inside, the variance's recurrence, dictionary of moments."""
    omega, alpha, beta = p
    sigma2 = np.empty(len(returns))
    sigma2[0] = start
    for t in range(1, len(returns)):
        sigma2[t] = omega + alpha * returns[t - 1] ** 2 + beta * sigma2[t - 1]
    terms = [np.log(s) + r**2 / s for s, r in zip(sigma2, returns)]
    moments = {"likelihood": 0.5 * sum(terms), "kurtosis": np.mean(returns**4 / sigma2**2)}
    return moments["likelihood"], moments["kurtosis"], sigma2


@program(lambda: (grid(5, 2), np.array([[0.1, 0.2], [0.8, -0.4]]), 4), whole=True)
def k_means(points, centres, rounds):
    """Assignment by argmin, means with counts, stops when nothing moves."""
    labels = np.full(len(points), -1)
    for _ in range(rounds):
        d = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        new = np.argmin(d, axis=1)
        if np.array_equal(new, labels):
            break
        labels = new
        for k in range(len(centres)):
            chosen = labels == k
            if chosen.any():
                centres[k] = points[chosen].mean(axis=0)
    inertia = 0.0
    for i in range(len(points)):
        inertia += np.sum((points[i] - centres[labels[i]]) ** 2)
    return centres, inertia


@program(lambda: (wave(6), 0.6 + 0.0 * wave(2), np.array([0.3, 0.7])), whole=True, heavy=True)
def em_gaussian_mixture(x, sigma, weights):
    """Expectation and maximization, responsibilities by broadcasting."""
    mu = np.array([x.min(), x.max()])
    for _ in range(3):
        dens = (
            weights / (np.sqrt(2 * np.pi) * sigma) * np.exp(-0.5 * ((x[:, None] - mu) / sigma) ** 2)
        )
        resp = dens / dens.sum(axis=1)[:, None]
        nk = resp.sum(axis=0)
        mu = (resp * x[:, None]).sum(axis=0) / nk
        sigma = np.sqrt((resp * (x[:, None] - mu) ** 2).sum(axis=0) / nk)
        weights = nk / len(x)
    return mu, sigma, weights


@program(lambda: (wave(5), grid(3, 5, 1.0), 0.4), whole=True)
def metropolis_fixed_noise(x, noise, step):
    """Accept or reject against fixed uniform numbers, the chain kept."""
    uniform = [0.3, 0.9, 0.05]
    chain = np.zeros((4, len(x)))
    chain[0] = x
    logp = -0.5 * np.sum(x**2) - 0.1 * np.sum(x**4)
    accepted = 0
    for k, u in enumerate(uniform):
        proposal = x + step * noise[k]
        new = -0.5 * np.sum(proposal**2) - 0.1 * np.sum(proposal**4)
        if math.log(u) < new - logp:
            x, logp = proposal, new
            accepted += 1
        chain[k + 1] = x
    return chain, logp * accepted


@program(lambda: (grid(3, 2), 0.5 * grid(3, 2, 1.4), np.array([0.3, 0.1, 0.7])))
def hamiltonian_monte_carlo(q0, p0, beta):
    """Leapfrog with a gradient by hand inside a nested function that uses a variable of its parent."""
    target = beta[0] + np.outer(np.arange(3.0), beta[1:])

    def grad(q):
        diff = q - target
        return diff + 0.4 * diff**3

    def leapfrog(q, p, eps, n):
        p = p - 0.5 * eps * grad(q)
        for i in range(n):
            q = q + eps * p
            if i != n - 1:
                p = p - eps * grad(q)
        return q, -(p - 0.5 * eps * grad(q))

    q, p = leapfrog(q0, p0, eps=0.2, n=3)
    return 0.5 * np.sum(p * p) + np.sum(0.5 * (q - target) ** 2 + 0.1 * (q - target) ** 4)


@program(lambda: (0.3 * np.abs(grid(3, 3)) + 0.1, np.array([0.5, 0.3, 0.2]), 0.7), whole=True)
def population_leslie(a, n, harvest):
    """Growth by a matrix until the population doubles; the stage at which it does."""
    a = a + np.diag([0.4, 0.5], k=-1)
    start = n.sum()
    years = 0
    while n.sum() < 2 * start:
        n = a @ n + 0.3 * n
        n[1:] *= harvest
        years += 1
        if years >= 5:
            break
    return n, np.log(n.sum() / start) / years


@njit
def wrap(d, box):
    return d - box * np.rint(d / box)


@njit(fastmath=True)
def minimum_image(pi, pj, box):
    total = 0.0
    for k in range(pi.shape[0]):
        total += wrap(pi[k] - pj[k], box) ** 2
    return np.sqrt(total)


@program(lambda: (spread(), wave(7), 3.0, 1.1), wrt=(0, 1, 3))
def ewald_real_space(pos, charge, box, kappa):
    """Screened pairs by math.erfc plus a few reciprocal vectors with complex structure factors."""
    e = 0.0
    n = len(pos)
    for i in range(n):
        for j in range(i):
            r = minimum_image(pos[i], pos[j], box)
            e += charge[i] * charge[j] * math.erfc(kappa * r) / r
    for kx in range(-1, 2):
        for ky in range(-1, 2):
            if kx == 0 and ky == 0:
                continue
            gx, gy = 2 * np.pi * kx / box, 2 * np.pi * ky / box
            cs, sn = 0.0, 0.0
            for i in range(n):
                phase = gx * pos[i, 0] + gy * pos[i, 1]
                cs += charge[i] * np.cos(phase)
                sn += charge[i] * np.sin(phase)
            g2 = gx**2 + gy**2
            e += np.pi / box**2 * np.exp(-g2 / (4 * kappa**2)) / g2 * (cs**2 + sn**2)
    return e - kappa / np.sqrt(np.pi) * np.sum(charge**2)


@program(lambda: (grid(4, 2), 0.37 * grid(4, 2, 1.1), 0.8, 6), whole=True)
def billiard_with_walls(pos, vel, restitution, steps):
    """Reflections at walls, a collision resolved at once, events counted, all in place."""
    dt = 0.3
    hits = 0
    for _ in range(steps):
        pos += dt * vel
        for i in range(len(pos)):
            for d in range(pos.shape[1]):
                if pos[i, d] > 1.2:
                    pos[i, d] = 2.4 - pos[i, d]
                    vel[i, d] = -restitution * vel[i, d]
                    hits += 1
                elif pos[i, d] < -1.2:
                    pos[i, d] = -2.4 - pos[i, d]
                    vel[i, d] *= -restitution
                    hits += 1
        for i in range(len(pos)):
            for j in range(i):
                n = pos[i] - pos[j]
                r = np.sqrt(np.sum(n * n))
                if 0.0 < r < 0.4:
                    n /= r
                    approach = (vel[i] - vel[j]) @ n
                    if approach < 0:
                        vel[i] -= approach * n
                        vel[j] += approach * n
    return pos, vel, hits * restitution


@program(lambda: (wave(3), 0.2 * wave(3, 1.0), np.array([0.4, 0.5, 0.3]), 8), whole=True)
def ring_buffer_delay(x, v, p, steps):
    """A delay equation with its history in a ring addressed by the remainder."""
    delay = 3
    ring = np.zeros((delay, len(x)))
    for k in range(delay):
        ring[k] = x
    total = 0.0
    for t in range(steps):
        slot = t % delay
        delayed = ring[slot]
        v = v + 0.1 * (-p[0] * x + p[1] * np.tanh(delayed) - p[2] * v)
        total += delayed[0] * x[1]
        x = x + 0.1 * v
        ring[slot] = x
        total += delayed[2]
    return x, ring, total


@program(lambda: (wave(6), np.array([3, 0, 5, 1, 4, 2]), 0.5), wrt=(0, 2), outputs=("x",))
def permutation_cycles(x, perm, w):
    """A permutation applied in place along its cycles, marks in a boolean array."""
    seen = np.zeros(len(x), dtype=bool)
    for start in range(len(x)):
        if seen[start]:
            continue
        i = start
        held = x[start]
        while not seen[i]:
            seen[i] = True
            j = perm[i]
            if j == start:
                x[i] = w * held
            else:
                x[i] = x[j] + w * x[i] ** 2
            i = j


@program(lambda: (wave(7), np.array([0, 0, 1, 1, 2, 5, -1]), 0.3), wrt=(0, 2), whole=True)
def tree_accumulation(x, parent, k):
    """Leaves to root and back through parent indices, a stack in an integer array."""
    n = len(x)
    total = x.copy()
    for i in range(n - 1, 0, -1):
        if parent[i] >= 0:
            total[parent[i]] += k * total[i] ** 2
    depth = np.zeros(n)
    stack = np.empty(n, dtype=np.int64)
    stack[0] = 0
    top = 1
    while top > 0:
        top -= 1
        node = stack[top]
        for child in range(1, n):
            if parent[child] == node:
                depth[child] = depth[node] + np.sin(x[child])
                stack[top] = child
                top += 1
    return total, depth
