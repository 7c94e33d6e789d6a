"""Waves, optics, circuits, rendering and images: loops, slices and complex numbers."""

import cmath
import math

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave


def sample_density(density, x, y):
    """Bilinear lookup, zero outside of the grid."""
    ny, nx = density.shape
    i, j = int(math.floor(y)), int(math.floor(x))
    if i < 0 or j < 0 or i >= ny - 1 or j >= nx - 1:
        return 0.0
    fy, fx = y - i, x - j
    top = (1 - fx) * density[i, j] + fx * density[i, j + 1]
    bottom = (1 - fx) * density[i + 1, j] + fx * density[i + 1, j + 1]
    return (1 - fy) * top + fy * bottom


@program(
    lambda: (
        np.abs(grid(5, 5)),
        np.array([-0.5, 1.3]),
        np.array([1.0, 0.31]),
        0.37,
        0.9,
    )
)
def ray_march(density, origin, direction, step, absorption):
    d = direction / np.sqrt(np.sum(direction**2))
    transmittance = 1.0
    radiance = 0.0
    pos = origin + 0.5 * step * d
    t = 0.0
    while t < 6.0:
        rho = sample_density(density, pos[0], pos[1])
        alpha = 1.0 - math.exp(-absorption * rho * step)
        radiance += transmittance * alpha * (0.3 + 0.7 * rho)
        transmittance *= 1.0 - alpha
        if transmittance < 1e-3:
            break
        pos = pos + step * d
        t += step
    return radiance


def intersect(origin, direction, center, radius):
    oc = origin - center
    b = oc @ direction
    c = oc @ oc - radius * radius
    disc = b * b - c
    if disc <= 0.0:
        return None
    t = -b - math.sqrt(disc)
    if t > 1e-6:
        return t
    return None


@program(
    lambda: (
        np.array([[0.0, 0.1, 3.0], [1.2, 0.2, 4.0], [-1.0, -0.3, 2.5]]),
        np.array([0.9, 0.7, 0.6]),
        ramp(3, 0.3, 0.8),
        np.array([0.5, 1.0, -0.7]),
        np.array([0.05, 0.02, -1.0]),
        3,
    ),
    heavy=True,
)
def trace_spheres(centers, radii, albedo, light, eye, bounces):
    light = light / math.sqrt((light * light).sum())
    image = 0.0
    for px in (-0.21, 0.07, 0.33):
        d = np.array([px, 0.04, 1.0])
        d /= math.sqrt(d @ d)
        o = eye.copy()
        weight = 1.0
        for bounce in range(bounces):
            nearest, hit = 1e9, -1
            for s in range(len(radii)):
                t = intersect(o, d, centers[s], radii[s])
                if t is not None and t < nearest:
                    nearest, hit = t, s
            if hit < 0:
                image += weight * (0.2 + 0.1 * d[1])
                break
            o = o + nearest * d
            normal = (o - centers[hit]) / radii[hit]
            image += weight * albedo[hit] * max(np.dot(normal, light), 0.0)
            d = d - 2 * np.dot(d, normal) * normal
            weight *= 0.5
    return image


@program(
    lambda: (
        np.array([[0.0, 0.1, 3.0, 0.9], [1.2, 0.2, 4.0, 0.7]]),
        np.array([0.5, 0.8, -0.33]),
        np.array([0.05, 0.02, 1.0]),
    ),
    oracle="differences",
    cross_checked=False,
)
def nearest_sphere_as_arrays(spheres, light, direction):
    best = np.inf
    color = 0.0
    d = direction / np.linalg.norm(direction)
    for cx, cy, cz, radius in spheres:
        center = np.array([cx, cy, cz])
        b = -np.dot(center, d)
        disc = b * b - center.dot(center) + radius**2
        if disc < 0:
            continue
        t = -b - np.sqrt(disc)
        if t < best:
            best = t
            n = (t * d - center) / radius
            color = np.clip(np.dot(n, light), 0.0, 1.0) + 0.1 * t
    return color


def rodrigues(rvec, p):
    theta = math.sqrt(rvec[0] ** 2 + rvec[1] ** 2 + rvec[2] ** 2)
    if theta < 1e-12:
        return p + np.cross(rvec, p)
    k = rvec / theta
    c, s = math.cos(theta), math.sin(theta)
    cross = np.array(
        [k[1] * p[2] - k[2] * p[1], k[2] * p[0] - k[0] * p[2], k[0] * p[1] - k[1] * p[0]]
    )
    dot = k[0] * p[0] + k[1] * p[1] + k[2] * p[2]
    return p * c + cross * s + k * dot * (1.0 - c)


@program(
    lambda: (
        np.hstack((0.2 * grid(2, 3), grid(2, 3, 1.0) + [0, 0, 5.0], [[1.2, 0.01, 0.002]] * 2)),
        grid(4, 3, 2.0),
        np.array([0, 0, 1, 1, 0]),
        np.array([0, 1, 2, 3, 3]),
        grid(5, 2, 0.5),
    ),
    whole=True,
)
def bundle_adjustment(cameras, points, camera_indices, point_indices, observed):
    n = len(camera_indices)
    residuals = np.zeros(2 * n)
    for i in range(n):
        cam = cameras[camera_indices[i]]
        P = rodrigues(cam[:3], points[point_indices[i]]) + cam[3:6]
        p = P[:2] / P[2]
        f, k1, k2 = cam[6:9]
        r2 = p[0] ** 2 + p[1] ** 2
        distortion = 1.0 + k1 * r2 + k2 * r2**2
        residuals[2 * i : 2 * i + 2] = f * distortion * p - observed[i]
    return residuals


@program(
    lambda: (np.array([1.38, 2.3, 1.45]), np.array([0.1, 0.06, 0.09]), 1.52, ramp(3, 0.45, 0.7)),
    oracle="differences",
    cross_checked=False,
)
def thin_film_reflectance(indices, thicknesses, n_substrate, wavelengths):
    total = 0.0
    for lam in wavelengths:
        M = np.eye(2, dtype=np.complex128)
        for n, d in zip(indices, thicknesses):
            delta = 2 * np.pi * n * d / lam
            layer = np.array(
                [
                    [np.cos(delta), 1j * np.sin(delta) / n],
                    [1j * n * np.sin(delta), np.cos(delta)],
                ]
            )
            M = M @ layer
        b = M[0, 0] + M[0, 1] * n_substrate
        c = M[1, 0] + M[1, 1] * n_substrate
        r = (b - c) / (b + c)
        total += abs(r) ** 2
    return total / len(wavelengths)


@program(
    lambda: (
        np.array([0.5, 1.0, 0.7]),
        np.array([0.2, 0.3, 0.1]),
        np.array([0.05, 0.02, 0.04]),
        7.0,
    ),
    oracle="differences",
    cross_checked=False,
)
def rlc_ladder_impedance(R, L, C, omega):
    z = complex(50.0, 0.0)
    for k in range(len(R) - 1, -1, -1):
        series = R[k] + 1j * omega * L[k]
        shunt = 1j * omega * C[k]
        z = series + 1.0 / (shunt + 1.0 / z)
    return abs(z) + 0.3 * cmath.phase(z) + z.real


@program(
    lambda: (ramp(6, 0.5, 9.0), 0.3, 0.05, 2.0),
    oracle="differences",
    cross_checked=False,
    whole=True,
)
def bode_magnitude(omegas, L, C, R):
    s = 1j * omegas
    H = 1.0 / (L * C * s**2 + R * C * s + 1.0)
    return 20 * np.log10(np.abs(H)), np.angle(H)


@program(lambda: (-0.4, 0.7, 30), lambda: (0.5, 0.6, 30), oracle="differences", cross_checked=False)
def mandelbrot_complex(re, im, limit):
    c = complex(re, im)
    z = 0j
    for n in range(limit):
        z = z * z + c
        if abs(z) > 4.0:
            return n + 1 - math.log(math.log(abs(z))) / math.log(2.0)
    return abs(z)


@program(lambda: (np.array([-0.4, 0.5, 0.37]), np.array([0.75, 0.6, -0.8]), 12), whole=True)
@njit
def mandelbrot_smooth(cx, cy, limit):
    out = np.zeros(cx.size)
    for k in range(cx.size):
        x = y = 0.0
        n = 0
        while x * x + y * y <= 16.0 and n < limit:
            x, y = x * x - y * y + cx[k], 2 * x * y + cy[k]
            n += 1
        r2 = x * x + y * y
        out[k] = n - math.log(0.5 * math.log(r2)) if n < limit else r2
    return out


def damping_profile(n, width, strength):
    sigma = np.zeros(n)
    for i in range(width):
        sigma[i] = strength * ((width - i) / width) ** 2
        sigma[-i - 1] = sigma[i]
    return sigma


@program(lambda: (1.0 + 0.2 * wave(12), 0.6, 8, "ricker"), wrt=(0, 1), whole=True)
def wave_with_sponge(c, strength, steps, source):
    n = c.size
    dx, dt = 1.0, 0.4
    sigma = damping_profile(n, 3, strength)
    u, old = np.zeros(n), np.zeros(n)
    record = np.zeros(steps)
    for t in range(steps):
        new = np.zeros(n)
        lap = (u[2:] - 2 * u[1:-1] + u[:-2]) / dx**2
        new[1:-1] = 2 * u[1:-1] - old[1:-1] + (c[1:-1] * dt) ** 2 * lap
        new -= sigma * dt * (u - old)
        if source == "ricker":
            a = (math.pi * 0.3 * (t * dt - 1.0)) ** 2
            new[n // 2] += (1 - 2 * a) * math.exp(-a)
        else:
            new[n // 2] += math.sin(t * dt)
        old, u = u, new
        record[t] = u[n // 4]
    return record


def propagate(velocity, wavelet, src, receivers, dt, dx):
    n = len(velocity)
    nt = len(wavelet)
    data = np.zeros((nt, len(receivers)))
    p0 = np.zeros(n)
    p1 = np.zeros(n)
    for it in range(nt):
        p2 = np.zeros(n)
        for i in range(1, n - 1):
            k = (velocity[i] * dt / dx) ** 2
            p2[i] = 2.0 * p1[i] - p0[i] + k * (p1[i - 1] - 2.0 * p1[i] + p1[i + 1])
        # Mur's absorbing boundary
        for edge, inner in ((0, 1), (n - 1, n - 2)):
            q = (velocity[edge] * dt - dx) / (velocity[edge] * dt + dx)
            p2[edge] = p1[inner] + q * (p2[inner] - p1[edge])
        p2[src] += dt**2 * wavelet[it]
        for r, pos in enumerate(receivers):
            data[it, r] = p2[pos]
        p0, p1 = p1, p2
    return data


@program(
    lambda: (
        1.5 + 0.3 * wave(10),
        4.0 * wave(7, 1.0),
        [2, 6],
        np.array([1, 8]),
        grid(7, 2),
        0.4,
        1.0,
    ),
    wrt=(0, 1, 4, 5, 6),
)
def full_waveform_misfit(velocity, wavelet, sources, receivers, observed, dt, dx):
    misfit = 0.0
    for src in sources:
        synthetic = propagate(velocity, wavelet, src, receivers, dt, dx)
        residual = synthetic - observed
        misfit += 0.5 * dt * np.sum(residual**2)
    return misfit


@program(lambda: (1.0 + 0.5 * wave(8), 0.7, 1.5, 0.2, 2, 1e-10), wrt=(0, 1, 2, 3), whole=True)
def nonlinear_heat_picard(T, k0, exponent, dt, steps, tol):
    n = len(T)

    def conductivity(a, b):
        return k0 * (1.0 + 0.5 * (a + b)) ** exponent

    T = np.abs(T)
    for _ in range(steps):
        old = T.copy()
        guess = T.copy()
        for sweep in range(100):
            new = guess.copy()
            for i in range(1, n - 1):
                kw = conductivity(guess[i - 1], guess[i])
                ke = conductivity(guess[i], guess[i + 1])
                new[i] = (old[i] + dt * (kw * new[i - 1] + ke * guess[i + 1])) / (
                    1 + dt * (kw + ke)
                )
            change = np.abs(new - guess).max()
            guess = new
            if change < tol:
                break
        T = guess
    return T


@program(lambda: (grid(6, 6), 0.3, 1.0, 2), whole=True)
def reinitialise_level_set(phi, dt, dx, steps):
    phi0 = phi.copy()
    sign = phi0 / np.sqrt(phi0**2 + dx**2)
    phi = phi.copy()
    for _ in range(steps):
        padded = np.zeros((phi.shape[0] + 2, phi.shape[1] + 2))
        padded[1:-1, 1:-1] = phi
        padded[0, 1:-1] = phi[0]
        padded[-1, 1:-1] = phi[-1]
        padded[1:-1, 0] = phi[:, 0]
        padded[1:-1, -1] = phi[:, -1]
        a = (phi - padded[:-2, 1:-1]) / dx
        b = (padded[2:, 1:-1] - phi) / dx
        c = (phi - padded[1:-1, :-2]) / dx
        d = (padded[1:-1, 2:] - phi) / dx
        plus = np.maximum(np.maximum(a, 0) ** 2, np.minimum(b, 0) ** 2)
        plus += np.maximum(np.maximum(c, 0) ** 2, np.minimum(d, 0) ** 2)
        minus = np.maximum(np.minimum(a, 0) ** 2, np.maximum(b, 0) ** 2)
        minus += np.maximum(np.minimum(c, 0) ** 2, np.maximum(d, 0) ** 2)
        gradient = np.where(phi0 > 0, np.sqrt(plus + 1e-9), np.sqrt(minus + 1e-9))
        phi -= dt * sign * (gradient - 1.0)
    return phi


@program(
    lambda: (wave(8), 0.3 + 0.1 * wave(8, 1.0), 0.2, 0.5, 3, "upwind"),
    outputs=("u",),
)
def advect(u, velocity, dt, dx, steps, scheme):
    n = len(u)
    for _ in range(steps):
        flux = np.zeros(n + 1)
        for i in range(1, n):
            a = 0.5 * (velocity[i - 1] + velocity[i])
            if scheme == "upwind":
                flux[i] = a * u[i - 1] if a > 0 else a * u[i]
            elif scheme == "lax-wendroff":
                flux[i] = 0.5 * a * (u[i - 1] + u[i]) - 0.5 * a**2 * dt / dx * (u[i] - u[i - 1])
            else:
                raise NotImplementedError(scheme)
        u -= dt / dx * (flux[1:] - flux[:-1])


def gaussian_weights(sigma, radius):
    w = np.array([math.exp(-0.5 * (k / sigma) ** 2) for k in range(-radius, radius + 1)])
    return w / w.sum()


@program(lambda: (grid(5, 6), 0.9, 1), whole=True)
def separable_blur(image, sigma, radius):
    w = gaussian_weights(sigma, radius)
    rows, cols = image.shape
    tmp = np.zeros_like(image)
    for i in range(rows):
        for j in range(cols):
            for k in range(-radius, radius + 1):
                jj = min(max(j + k, 0), cols - 1)
                tmp[i, j] += w[k + radius] * image[i, jj]
    out = np.zeros_like(image)
    for k in range(-radius, radius + 1):
        ii = np.clip(np.arange(rows) + k, 0, rows - 1)
        out += w[k + radius] * tmp[ii]
    return out


@program(lambda: (grid(5, 5), 0.4 * grid(5, 5, 1.0), 0.4 * grid(5, 5, 2.0)), whole=True)
def bilinear_warp_loops(image, u, v):
    h, w = image.shape
    out = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            y = min(max(i + v[i, j], 0.0), h - 1.001)
            x = min(max(j + u[i, j], 0.0), w - 1.001)
            y0, x0 = int(y), int(x)
            dy, dx = y - y0, x - x0
            out[i, j] = (
                image[y0, x0] * (1 - dy) * (1 - dx)
                + image[y0, x0 + 1] * (1 - dy) * dx
                + image[y0 + 1, x0] * dy * (1 - dx)
                + image[y0 + 1, x0 + 1] * dy * dx
            )
    return out


@program(
    lambda: (grid(5, 5), ramp(4, 0.3, 3.2), ramp(4, 2.9, 0.6)),
    whole=True,
    oracle="differences",
    cross_checked=False,
)
def bilinear_samples_fancy(image, x, y):
    x0 = np.floor(x).astype(int)
    y0 = np.floor(y).astype(int)
    fx = x - x0
    fy = y - y0
    top = image[y0, x0] * (1 - fx) + image[y0, x0 + 1] * fx
    bottom = image[y0 + 1, x0] * (1 - fx) + image[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


@program(lambda: (grid(4, 5), 0.3, 0.1, 0.2, 3), whole=True)
def total_variation_denoise(noisy, weight, rate, eps, steps):
    u = noisy.copy()
    for _ in range(steps):
        dx = np.zeros_like(u)
        dy = np.zeros_like(u)
        dx[:, :-1] = u[:, 1:] - u[:, :-1]
        dy[:-1, :] = u[1:, :] - u[:-1, :]
        norm = np.sqrt(dx**2 + dy**2 + eps)
        px, py = dx / norm, dy / norm
        div = px + py
        div[:, 1:] -= px[:, :-1]
        div[1:, :] -= py[:-1, :]
        u += rate * (weight * div - (u - noisy))
    return u


@program(
    lambda: (grid(5, 5), np.abs(grid(5, 5, 1.0)), 0.9, 4, None),
    lambda: (grid(5, 5), np.abs(grid(5, 5, 1.0)), 1.4, 3, None),
)
def sor_poisson(u, f, omega, sweeps, mask):
    n, m = u.shape
    h2 = 1.0 / (n - 1) ** 2
    residual = 0.0
    for sweep in range(sweeps):
        residual = 0.0
        for colour in (0, 1):
            for i in range(1, n - 1):
                for j in range(1 + (i + colour) % 2, m - 1, 2):
                    if mask is not None and mask[i, j]:
                        continue
                    r = 0.25 * (
                        u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] + h2 * f[i, j]
                    )
                    r -= u[i, j]
                    u[i, j] += omega * r
                    residual += r**2
    return math.sqrt(residual) + u[n // 2, m // 2]


@program(
    lambda: (grid(6, 2), 0.2 * grid(6, 2, 1.0), 1.0, 0.8, 1.95, 0.01, 2), outputs=("pos", "vel")
)
@njit(fastmath=True)
def lennard_jones_periodic(pos, vel, eps, sigma, box, dt, steps):
    n, dim = pos.shape
    force = np.zeros((n, dim))
    for _ in range(steps):
        force[:, :] = 0.0
        for i in range(n):
            for j in range(i):
                r2 = 0.5
                for d in range(dim):
                    x = pos[i, d] - pos[j, d]
                    x -= box * round(x / box)
                    r2 += x * x
                s6 = (sigma * sigma / r2) ** 3
                g = 24.0 * eps * (2.0 * s6 * s6 - s6) / r2
                for d in range(dim):
                    x = pos[i, d] - pos[j, d]
                    x -= box * round(x / box)
                    force[i, d] += g * x
                    force[j, d] -= g * x
        vel += dt * force
        pos += dt * vel


@program(lambda: (1.0 + 0.1 * wave(6), 0.05 * wave(6, 1.0), 0.1, 2), whole=True)
def shallow_water_lax(h, hu, lam, steps):
    g = 9.81
    for _ in range(steps):
        q = np.stack((h, hu))
        f = np.stack((hu, hu**2 / h + 0.5 * g * h**2))
        left, right = np.roll(q, 1, axis=1), np.roll(q, -1, axis=1)
        fl, fr = np.roll(f, 1, axis=1), np.roll(f, -1, axis=1)
        q = 0.5 * (left + right) - 0.5 * lam * (fr - fl)
        h, hu = q
    return h, hu


@program(
    lambda: (0.3 * wave(8) + 0.5j, 1.0, 0.05, 2),
    wrt=(1, 2),
    oracle="differences",
    cross_checked=False,
)
def split_step_schroedinger(psi, strength, dt, steps):
    n = psi.size
    psi = psi.astype(np.complex128)
    for _ in range(steps):
        psi = psi * np.exp(-1j * dt * strength * np.abs(psi) ** 2)
        lap = np.zeros_like(psi)
        for i in range(n):
            lap[i] = psi[(i + 1) % n] - 2 * psi[i] + psi[i - 1]
        psi = psi + 0.5j * dt * lap
    return np.sum(np.abs(psi) ** 4)
