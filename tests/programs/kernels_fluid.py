"""Fluids, fields and waves on grids: sweeps over cells, ghost points, limiters and implicit steps."""

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave


def build_up_b(b, rho, dt, u, v, dx, dy):
    b[1:-1, 1:-1] = rho * (
        1
        / dt
        * ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx) + (v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy))
        - ((u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx)) ** 2
        - 2 * ((u[2:, 1:-1] - u[0:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, 0:-2]) / (2 * dx))
        - ((v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy)) ** 2
    )
    return b


def pressure_poisson(p, dx, dy, b, nit):
    pn = np.empty_like(p)
    pn = p.copy()
    for _q in range(nit):
        pn = p.copy()
        p[1:-1, 1:-1] = (
            (pn[1:-1, 2:] + pn[1:-1, 0:-2]) * dy**2 + (pn[2:, 1:-1] + pn[0:-2, 1:-1]) * dx**2
        ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
        p[:, -1] = p[:, -2]  # dp/dx = 0 at x = 2
        p[0, :] = p[1, :]  # dp/dy = 0 at y = 0
        p[:, 0] = p[:, 1]  # dp/dx = 0 at x = 0
        p[-1, :] = 0  # p = 0 at y = 2
    return p


@program(
    lambda: (3, grid(5, 5) * 0.2, grid(5, 5, 0.9) * 0.2, 0.2, 0.8, 0.9, grid(5, 5, 2.0), 1.1, 0.1),
    whole=True,
)
def cavity_flow(nt, u, v, dt, dx, dy, p, rho, nu):
    """Lid-driven cavity flow in slices: pressure Poisson, then the momentum equations."""
    un = np.empty_like(u)
    vn = np.empty_like(v)
    b = np.zeros((u.shape[0], u.shape[1]))

    for _n in range(nt):
        un = u.copy()
        vn = v.copy()

        b = build_up_b(b, rho, dt, u, v, dx, dy)
        p = pressure_poisson(p, dx, dy, b, 3)

        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[0:-2, 1:-1])
            - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, 0:-2])
            + nu
            * (
                dt / dx**2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, 0:-2])
                + dt / dy**2 * (un[2:, 1:-1] - 2 * un[1:-1, 1:-1] + un[0:-2, 1:-1])
            )
        )

        v[1:-1, 1:-1] = (
            vn[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (vn[1:-1, 1:-1] - vn[0:-2, 1:-1])
            - dt / (2 * rho * dy) * (p[2:, 1:-1] - p[0:-2, 1:-1])
            + nu
            * (
                dt / dx**2 * (vn[1:-1, 2:] - 2 * vn[1:-1, 1:-1] + vn[1:-1, 0:-2])
                + dt / dy**2 * (vn[2:, 1:-1] - 2 * vn[1:-1, 1:-1] + vn[0:-2, 1:-1])
            )
        )

        u[0, :] = 0
        u[:, 0] = 0
        u[:, -1] = 0
        u[-1, :] = 1  # set velocity on cavity lid equal to 1
        v[0, :] = 0
        v[-1, :] = 0
        v[:, 0] = 0
        v[:, -1] = 0

    return u, v, p


@program(lambda: (np.zeros(10), np.zeros(9), ramp(10, 1.0, 2.5), 8), whole=True)
def fdtd_1d_mur(ez, hy, eps, steps):
    """Yee scheme in 1-D: a pulse into a graded dielectric, Mur boundaries at both ends."""
    imp0 = 377.0
    sc = 0.5
    left_old = ez[1]
    right_old = ez[-2]
    for t in range(steps):
        for m in range(hy.size):
            hy[m] += sc * (ez[m + 1] - ez[m]) / imp0
        for m in range(1, ez.size - 1):
            ez[m] += sc * (hy[m] - hy[m - 1]) * imp0 / eps[m]
        ez[3] += np.exp(-((t - 4.0) ** 2) / 6.0)
        cl = sc / np.sqrt(eps[0])
        kl = (cl - 1.0) / (cl + 1.0)
        new_left = left_old + kl * (ez[1] - ez[0])
        left_old = ez[1]
        ez[0] = new_left
        cr = sc / np.sqrt(eps[-1])
        kr = (cr - 1.0) / (cr + 1.0)
        new_right = right_old + kr * (ez[-2] - ez[-1])
        right_old = ez[-2]
        ez[-1] = new_right
    return ez, hy


@njit
def update_h(hx, hy, ez, ch):
    nx, ny = ez.shape
    for i in range(nx):
        for j in range(ny - 1):
            hx[i, j] -= ch * (ez[i, j + 1] - ez[i, j])
    for i in range(nx - 1):
        for j in range(ny):
            hy[i, j] += ch * (ez[i + 1, j] - ez[i, j])


@njit(fastmath=True)
def update_e(hx, hy, ez, ce):
    nx, ny = ez.shape
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            ez[i, j] += ce[i, j] * ((hy[i, j] - hy[i - 1, j]) - (hx[i, j] - hx[i, j - 1]))


@program(lambda: (grid(5, 6, 0.2) * 0.1, np.full((5, 6), 0.4) + grid(5, 6) * 0.05, 0.45, 4))
def fdtd_2d_pec(ez, ce, ch, steps):
    """TMz with perfectly conducting walls; compiled update helpers; the recorded signal's energy."""
    nx, ny = ez.shape
    hx = np.zeros((nx, ny - 1))
    hy = np.zeros((nx - 1, ny))
    record = np.zeros(steps)
    for n in range(steps):
        update_h(hx, hy, ez, ch)
        update_e(hx, hy, ez, ce)
        ez[nx // 2, ny // 2] += np.sin(0.3 * n)
        ez[0, :] = 0.0
        ez[-1, :] = 0.0
        ez[:, 0] = 0.0
        ez[:, -1] = 0.0
        record[n] = ez[nx // 2, 1]
    return np.sum(record**2) + 0.5 * (hx**2).sum() + 0.5 * (hy**2).sum()


def tridiag(lower, diag, upper, rhs, x, cp, dp):
    """Solve into x, with scratch."""
    n = len(diag)
    cp[0] = upper[0] / diag[0]
    dp[0] = rhs[0] / diag[0]
    for i in range(1, n):
        denom = diag[i] - lower[i] * cp[i - 1]
        cp[i] = upper[i] / denom
        dp[i] = (rhs[i] - lower[i] * dp[i - 1]) / denom
    x[n - 1] = dp[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = dp[i] - cp[i] * x[i + 1]


@program(lambda: (grid(4, 5), 0.7, 0.1, 0.5, 2), whole=True)
def adi_diffusion(u, alpha, dt, h, steps):
    """Peaceman-Rachford: implicit rows, then implicit columns, solved in place into views."""
    ny, nx = u.shape
    r = alpha * dt / (2 * h * h)
    cx, dx = np.empty(nx), np.empty(nx)
    cy, dy = np.empty(ny), np.empty(ny)
    half = np.zeros_like(u)
    for _ in range(steps):
        for j in range(ny):
            rhs = u[j, :].copy()
            if j > 0:
                rhs += r * (u[j - 1, :] - u[j, :])
            if j < ny - 1:
                rhs += r * (u[j + 1, :] - u[j, :])
            diag = np.ones(nx) * (1 + 2 * r)
            diag[0] = diag[-1] = 1 + r
            off = np.full(nx, -r)
            tridiag(off, diag, off, rhs, half[j, :], cx, dx)
        for i in range(nx):
            rhs = np.zeros(ny)
            for j in range(ny):
                lap = 0.0
                if i > 0:
                    lap += half[j, i - 1] - half[j, i]
                if i < nx - 1:
                    lap += half[j, i + 1] - half[j, i]
                rhs[j] = half[j, i] + r * lap
            diag = np.ones(ny) * (1 + 2 * r)
            diag[0] = diag[-1] = 1 + r
            off = np.full(ny, -r)
            tridiag(off, diag, off, rhs, u[:, i], cy, dy)
    return u


@program(
    lambda: (grid(5, 5), grid(5, 5, 1.1), 0.25, 3e-2, 40),
    lambda: (grid(5, 5), grid(5, 5), 0.1, 1e3, 9),
    wrt=(0, 1, 2),
)
def gauss_seidel_poisson(u, f, h, tol, max_sweeps):
    """Gauss-Seidel in place until the residual is small."""
    n, m = u.shape
    sweeps = 0
    while sweeps < max_sweeps:
        change = 0.0
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                old = u[i, j]
                u[i, j] = 0.25 * (
                    u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - h * h * f[i, j]
                )
                change = max(change, abs(u[i, j] - old))
        sweeps += 1
        if change < tol:
            break
    return np.sum(u * u)


def sor_sweep(u, f, h, omega, colour):
    for i in range(1, u.shape[0] - 1):
        start = 1 + (i + colour) % 2
        for j in range(start, u.shape[1] - 1, 2):
            gs = (u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - h**2 * f[i, j]) / 4
            u[i, j] = (1 - omega) * u[i, j] + omega * gs


@program(lambda: (grid(5, 6), grid(5, 6, 0.7), 0.2, 1.5, 4), outputs=("u",))
def red_black_sor(u, f, h, omega, sweeps):
    """Two colours, over-relaxed, in the argument."""
    for _ in range(sweeps):
        for colour in (0, 1):
            sor_sweep(u, f, h, omega, colour)


def red_black_mask_sweep(u, f, h, omega):
    for oi, oj in ((1, 1), (2, 2), (1, 2), (2, 1)):
        c = u[oi:-1:2, oj:-1:2]
        north = u[oi - 1 : -2 : 2, oj:-1:2]
        south = u[oi + 1 :: 2, oj:-1:2]
        west = u[oi:-1:2, oj - 1 : -2 : 2]
        east = u[oi:-1:2, oj + 1 :: 2]
        rhs = 0.25 * (north + south + west + east - h * h * f[oi:-1:2, oj:-1:2])
        c += omega * (rhs - c)


@program(lambda: (grid(6, 6), grid(6, 6, 0.7), 0.2, 1.3, 3), outputs=("u",))
def red_black_slices(u, f, h, omega, sweeps):
    """The same in strided slices, updated through a view."""
    for _ in range(sweeps):
        red_black_mask_sweep(u, f, h, omega)


def bumps(n, phase=0.3):
    """Smooth data with few extrema."""
    k = np.arange(n)
    return np.exp(-(((k - 4.3) / 2.1) ** 2)) + 0.05 * np.cos(0.9 * k + phase)


def minmod(a, b):
    if a * b <= 0.0:
        return 0.0
    if abs(a) < abs(b):
        return a
    return b


@program(
    lambda: (bumps(10), 1.3, 0.2, 0.6, 3), lambda: (bumps(10, 1.0), -0.8, 0.2, 0.6, 3), whole=True
)
def muscl_minmod(u, c, dt, dx, steps):
    """Second-order upwind advection with minmod slopes; periodic."""
    n = len(u)
    nu = c * dt / dx
    for _ in range(steps):
        slope = np.zeros(n)
        for i in range(n):
            slope[i] = minmod(u[i] - u[i - 1], u[(i + 1) % n] - u[i])
        flux = np.empty(n)
        for i in range(n):
            if c >= 0:
                flux[i] = c * (u[i - 1] + 0.5 * (1.0 - nu) * slope[i - 1])
            else:
                flux[i] = c * (u[i] - 0.5 * (1.0 + nu) * slope[i])
        for i in range(n - 1):
            u[i] -= dt / dx * (flux[i + 1] - flux[i])
        u[n - 1] -= dt / dx * (flux[0] - flux[n - 1])
    return u


@program(lambda: (wave(12) + np.sin(np.arange(12) * 0.5), 0.4, 3))
def van_leer_whole_arrays(q, cfl, steps):
    """Van Leer's limiter in whole arrays: np.roll, np.where, np.abs."""
    eps = 1e-6
    for _ in range(steps):
        dq = np.roll(q, -1) - q
        r = np.roll(dq, 1) / (dq + eps)
        phi = (r + np.abs(r)) / (1 + np.abs(r))
        face = q + 0.5 * (1 - cfl) * phi * dq
        q = q - cfl * (face - np.roll(face, 1))
        q = np.where(q > 2.5, 2.5, q)
    return np.sum(q**2) / q.size


@program(
    lambda: (ramp(8, 1.0, 1.6) + 0.1 * wave(8), 0.2 * wave(8, 1.0), 9.81, 0.01, 0.1, 4), whole=True
)
def shallow_water_lax_friedrichs(h, hu, g, dt, dx, steps):
    """Conservative shallow water; reflecting walls; the flux in a nested function."""

    def flux(h, hu):
        return hu, hu**2 / h + 0.5 * g * h**2

    for _ in range(steps):
        f1, f2 = flux(h, hu)
        hn = h.copy()
        hun = hu.copy()
        hn[1:-1] = 0.5 * (h[:-2] + h[2:]) - dt / (2 * dx) * (f1[2:] - f1[:-2])
        hun[1:-1] = 0.5 * (hu[:-2] + hu[2:]) - dt / (2 * dx) * (f2[2:] - f2[:-2])
        hn[0], hn[-1] = hn[1], hn[-2]
        hun[0], hun[-1] = -hun[1], -hun[-2]
        h, hu = hn, hun
    mass = h.sum() * dx
    return h, hu, mass


@program(
    lambda: (
        np.stack((1.5 + 0.1 * grid(4, 4), 0.1 * grid(4, 4, 0.8), 0.1 * grid(4, 4, 1.4))),
        0.02,
        3,
    )
)
def shallow_water_2d(state, dt, steps):
    """State as one array (3, ny, nx), ghost cells filled by a helper, unpacked views."""

    def fill_ghosts(padded, q):
        padded[:, 1:-1, 1:-1] = q
        padded[:, 0, :] = padded[:, 1, :]
        padded[:, -1, :] = padded[:, -2, :]
        padded[:, :, 0] = padded[:, :, 1]
        padded[:, :, -1] = padded[:, :, -2]
        padded[1, :, 0] *= -1
        padded[1, :, -1] *= -1
        padded[2, 0, :] *= -1
        padded[2, -1, :] *= -1

    ny, nx = state.shape[1:]
    q = np.zeros((3, ny + 2, nx + 2))
    g, dx = 1.0, 0.2
    for _ in range(steps):
        fill_ghosts(q, state)
        h, hu, hv = q[0], q[1], q[2]
        u = hu / h
        v = hv / h
        fx = np.stack((hu, hu * u + 0.5 * g * h * h, hu * v))
        fy = np.stack((hv, hu * v, hv * v + 0.5 * g * h * h))
        avg = 0.25 * (q[:, 1:-1, 2:] + q[:, 1:-1, :-2] + q[:, 2:, 1:-1] + q[:, :-2, 1:-1])
        state = (
            avg
            - dt / (2 * dx) * (fx[:, 1:-1, 2:] - fx[:, 1:-1, :-2])
            - dt / (2 * dx) * (fy[:, 2:, 1:-1] - fy[:, :-2, 1:-1])
        )
    return np.sum(state[0] ** 2) + np.sum(state[1] * state[2])


def laplacian_periodic(a, out, inv_h2):
    n, m = a.shape
    for i in range(n):
        up = (i - 1) % n
        down = (i + 1) % n
        for j in range(m):
            left = (j - 1) % m
            right = (j + 1) % m
            out[i, j] = (a[up, j] + a[down, j] + a[i, left] + a[i, right] - 4.0 * a[i, j]) * inv_h2


@program(lambda: (grid(4, 4) * 0.5, 1.2, 0.6, 0.01, 4), outputs=("c",))
def cahn_hilliard(c, mobility, kappa, dt, steps):
    """Two Laplacians through scratch arrays, the concentration in the argument."""
    mu = np.empty_like(c)
    lap = np.empty_like(c)
    for _ in range(steps):
        laplacian_periodic(c, lap, 1.0)
        mu[:] = c**3 - c - kappa * lap
        laplacian_periodic(mu, lap, 1.0)
        c += dt * mobility * lap


@program(lambda: (grid(4, 5) * 0.5, 0.3, 0.02, 5))
def allen_cahn(phi, eps, dt, steps):
    """np.roll Laplacian; free energy."""
    for _ in range(steps):
        lap = (
            np.roll(phi, 1, axis=0)
            + np.roll(phi, -1, axis=0)
            + np.roll(phi, 1, axis=1)
            + np.roll(phi, -1, axis=1)
            - 4 * phi
        )
        phi += dt * (lap - (phi**3 - phi) / eps**2)
    gx = np.diff(phi, axis=0)
    gy = np.diff(phi, axis=1)
    return 0.5 * np.sum(gx**2) + 0.5 * np.sum(gy**2) + np.sum((phi**2 - 1) ** 2) / (4 * eps**2)


def smooth(u, f, h, n):
    for _ in range(n):
        for i in range(1, len(u) - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1] + h * h * f[i])


def residual(u, f, h):
    r = np.zeros_like(u)
    r[1:-1] = f[1:-1] + (u[:-2] - 2 * u[1:-1] + u[2:]) / h**2
    return r


def restrict(r):
    coarse = np.zeros((len(r) - 1) // 2 + 1)
    for i in range(1, len(coarse) - 1):
        coarse[i] = 0.25 * (r[2 * i - 1] + 2 * r[2 * i] + r[2 * i + 1])
    return coarse


def prolong_add(u, e):
    for i in range(len(e)):
        u[2 * i] += e[i]
    for i in range(len(e) - 1):
        u[2 * i + 1] += 0.5 * (e[i] + e[i + 1])


def v_cycle(u, f, h):
    if len(u) <= 3:
        u[1] = 0.5 * (u[0] + u[2] + h * h * f[1])
        return u
    smooth(u, f, h, 2)
    r = restrict(residual(u, f, h))
    e = np.zeros_like(r)
    e = v_cycle(e, r, 2 * h)
    prolong_add(u, e)
    smooth(u, f, h, 1)
    return u


@program(lambda: (wave(9) * 0.1, wave(9, 0.8), 0.125, 2), whole=True)
def multigrid_recursive(u, f, h, cycles):
    """A recursive V-cycle for -u'' = f."""
    for _ in range(cycles):
        u = v_cycle(u, f, h)
    return u


@program(
    lambda: (wave(9) * 0.1, wave(9, 0.8), 0.125, 2),
    whole=True,
    heavy=True,
)
def multigrid_levels(u0, f0, h0, cycles):
    """The V-cycle over lists of arrays, one per level."""
    us = [u0]
    fs = [f0]
    levels = 3
    n = len(u0)
    for _ in range(levels - 1):
        n = (n - 1) // 2 + 1
        us.append(np.zeros(n))
        fs.append(np.zeros(n))
    for _ in range(cycles):
        h = h0
        for k in range(levels - 1):
            smooth(us[k], fs[k], h, 2)
            fs[k + 1][:] = restrict(residual(us[k], fs[k], h))
            us[k + 1][:] = 0.0
            h *= 2
        smooth(us[-1], fs[-1], h, 3)
        for k in range(levels - 2, -1, -1):
            h /= 2
            prolong_add(us[k], us[k + 1])
            smooth(us[k], fs[k], h, 1)
    return us[0]


@program(lambda: (wave(12) + 1.5, np.zeros(6) + 0.05 * wave(6), 0.8, 12), whole=True)
def lattice_boltzmann_d1q3(rho0, u0, omega, steps):
    """D1Q3: equilibrium, collision, streaming by shifted slices, bounce back at the walls."""
    nx = 6
    w = np.array([4 / 6, 1 / 6, 1 / 6])
    c = np.array([0, 1, -1])
    f = np.zeros((3, nx))
    for k in range(3):
        f[k] = w[k] * rho0[:nx] * (1 + 3 * c[k] * u0)
    for _ in range(steps // 3):
        rho = f.sum(axis=0)
        u = (f[1] - f[2]) / rho
        for k in range(3):
            cu = 3.0 * c[k] * u
            feq = rho * w[k] * (1.0 + cu + 0.5 * cu**2 - 1.5 * u**2)
            f[k] += omega * (feq - f[k])
        right = f[1, -1]
        left = f[2, 0]
        f[1, 1:] = f[1, :-1].copy()
        f[2, :-1] = f[2, 1:].copy()
        f[1, 0] = left
        f[2, -1] = right
    return rho, u


def sod_primitive(q, gamma):
    rho = q[0]
    vel = q[1] / rho
    pressure = (gamma - 1) * (q[2] - 0.5 * rho * vel**2)
    return rho, vel, pressure


def rusanov(left, right, gamma, out):
    rl, ul, pl = sod_primitive(left, gamma)
    rr, ur, pr = sod_primitive(right, gamma)
    speed = max(abs(ul) + np.sqrt(gamma * pl / rl), abs(ur) + np.sqrt(gamma * pr / rr))
    out[0] = 0.5 * (left[1] + right[1]) - 0.5 * speed * (right[0] - left[0])
    out[1] = 0.5 * (left[1] * ul + pl + right[1] * ur + pr) - 0.5 * speed * (right[1] - left[1])
    out[2] = 0.5 * (ul * (left[2] + pl) + ur * (right[2] + pr)) - 0.5 * speed * (right[2] - left[2])


@program(lambda: (1.0, 0.11, 1.4, 0.06), whole=True, oracle="differences", cross_checked=False)
def sod_shock_tube(rho_left, rho_right, gamma, t_end):
    """Euler equations, Rusanov fluxes, the step from the CFL condition, the last step cut."""
    n = 8
    dx = 1.0 / n
    q = np.zeros((n, 3))
    for i in range(n):
        if i < n // 2:
            q[i] = np.array([rho_left, 0.0, 1.0 / (gamma - 1)])
        else:
            q[i] = np.array([rho_right, 0.0, 0.1 / (gamma - 1)])
    flux = np.zeros((n + 1, 3))
    t = 0.0
    while t < t_end:
        fastest = 0.0
        for i in range(n):
            rho, vel, pressure = sod_primitive(q[i], gamma)
            fastest = max(fastest, abs(vel) + np.sqrt(gamma * pressure / rho))
        dt = min(0.5 * dx / fastest, t_end - t)
        for i in range(n + 1):
            rusanov(q[max(i - 1, 0)], q[min(i, n - 1)], gamma, flux[i])
        q -= dt / dx * (flux[1:] - flux[:-1])
        t += dt
    return q


@program(lambda: (grid(5, 5, 0.1) + 1.5, np.ones((5, 5)) + 0.1 * grid(5, 5), 0.1, 3))
def variable_coefficient_diffusion(t, k, dt, steps):
    """Harmonic means on the faces, Dirichlet below, Neumann elsewhere."""
    nr, nc = t.shape
    for _ in range(steps):
        kx = 2 * k[:, 1:] * k[:, :-1] / (k[:, 1:] + k[:, :-1])
        ky = 2 * k[1:] * k[:-1] / (k[1:] + k[:-1])
        qx = np.zeros((nr, nc + 1))
        qy = np.zeros((nr + 1, nc))
        qx[:, 1:-1] = -kx * (t[:, 1:] - t[:, :-1])
        qy[1:-1] = -ky * (t[1:] - t[:-1])
        t = t - dt * (qx[:, 1:] - qx[:, :-1] + qy[1:] - qy[:-1])
        t[0] = 1.0
    return (t**2).mean()


def superbee(r):
    return np.maximum(0.0, np.maximum(np.minimum(2.0 * r, 1.0), np.minimum(r, 2.0)))


def van_leer(r):
    return (r + abs(r)) / (1.0 + abs(r))


LIMITERS = {"superbee": superbee, "van_leer": van_leer}


@program(lambda: (bumps(9, 0.5), 0.4, 2, "van_leer"), oracle="differences", cross_checked=False)
def limiter_by_name(u, cfl, steps, name):
    """A limiter from a dictionary of functions; ghost cells by concatenation."""
    limiter = LIMITERS[name]
    for _ in range(steps):
        g = np.concatenate((u[-2:], u, u[:2]))
        d = np.diff(g)
        r = d[:-1] / np.where(np.abs(d[1:]) < 1e-12, 1e-12, d[1:])
        phi = limiter(r)
        face = g[1:-1] + 0.5 * (1 - cfl) * phi * d[1:]
        u = u - cfl * (face[1:-1] - face[:-2])
    return np.linalg.norm(u) ** 2


def weno_face(a, b, c, d, e):
    """The fifth-order reconstruction at the right face of the middle cell."""
    eps = 1e-6
    p0 = (2 * a - 7 * b + 11 * c) / 6
    p1 = (-b + 5 * c + 2 * d) / 6
    p2 = (2 * c + 5 * d - e) / 6
    b0 = 13 / 12 * (a - 2 * b + c) ** 2 + 0.25 * (a - 4 * b + 3 * c) ** 2
    b1 = 13 / 12 * (b - 2 * c + d) ** 2 + 0.25 * (b - d) ** 2
    b2 = 13 / 12 * (c - 2 * d + e) ** 2 + 0.25 * (3 * c - 4 * d + e) ** 2
    w = [0.1 / (eps + b0) ** 2, 0.6 / (eps + b1) ** 2, 0.3 / (eps + b2) ** 2]
    total = sum(w)
    return (w[0] * p0 + w[1] * p1 + w[2] * p2) / total


def weno_rhs(u, dx):
    n = len(u)
    f = 0.5 * u**2 + 0.5 * u
    face = np.array([weno_face(*[f[(i + k) % n] for k in range(-2, 3)]) for i in range(n)])
    return -(face - np.roll(face, 1)) / dx


@program(lambda: (1.0 + bumps(7), 0.1, 1), whole=True, heavy=True)
def weno5_tvd_rk3(u, dt, steps):
    """Burgers by WENO5 with lists and star arguments, and a strong-stability Runge-Kutta."""
    dx = 0.5
    for _ in range(steps):
        u1 = u + dt * weno_rhs(u, dx)
        u2 = 0.75 * u + 0.25 * (u1 + dt * weno_rhs(u1, dx))
        u = u / 3 + 2 / 3 * (u2 + dt * weno_rhs(u2, dx))
    return u


@program(lambda: (wave(6) * 0.1 + 1.0, wave(6, 1.0) * 0.1, 0.06, 0.3, 4), outputs=("u", "v"))
def gray_scott(u, v, feed, kill, steps):
    """Reaction and diffusion, both updated together by swapped buffers copied back."""
    n = len(u)
    a, b = u.copy(), v.copy()
    an, bn = np.empty(n), np.empty(n)
    for _ in range(steps):
        for i in range(n):
            uvv = a[i] * b[i] ** 2
            an[i] = a[i] + 0.2 * (a[i - 1] - 2 * a[i] + a[(i + 1) % n]) - uvv + feed * (1 - a[i])
            bn[i] = b[i] + 0.1 * (b[i - 1] - 2 * b[i] + b[(i + 1) % n]) + uvv - (feed + kill) * b[i]
        a, an = an, a
        b, bn = bn, b
    u[:] = a
    v[...] = b


@program(lambda: (0.4 * np.abs(grid(4, 4)), 0.8, 0.43, 1), whole=True)
def semi_lagrangian_stable_fluids(d, vx, dt, steps):
    """Backtrace with clipping, bilinear interpolation by index arrays, implicit diffusion."""
    n = d.shape[0]
    jj, ii = np.meshgrid(np.arange(n), np.arange(n))
    for _ in range(steps):
        x = np.clip(ii - dt * vx * (1.0 + 0.2 * d), 0.05, n - 1.05)
        y = np.clip(jj - dt * 0.7 * (0.5 + d), 0.05, n - 1.05)
        i0 = np.floor(x).astype(int)
        j0 = np.floor(y).astype(int)
        s, t = x - i0, y - j0
        d = (1 - s) * ((1 - t) * d[i0, j0] + t * d[i0, j0 + 1]) + s * (
            (1 - t) * d[i0 + 1, j0] + t * d[i0 + 1, j0 + 1]
        )
        new = d.copy()
        for _k in range(3):
            new[1:-1, 1:-1] = (
                d[1:-1, 1:-1]
                + 0.2 * (new[:-2, 1:-1] + new[2:, 1:-1] + new[1:-1, :-2] + new[1:-1, 2:])
            ) / 1.8
        d = new
    return d


class Grid:
    """Numbers of a mesh."""

    n = 6
    length = 1.5


@program(lambda: (wave(6), 0.8, 0.1, 3))
def chebyshev_free_helmholtz(f, k, source, sweeps):
    """Constants of a class, a keyword-only helper, enumerate and zip over stencil weights."""

    def apply(u, *, h, k):
        out = np.zeros(len(u))
        for offset, w in zip((-1, 0, 1), (1.0, -2.0, 1.0)):
            for i in range(1, len(u) - 1):
                out[i] += w * u[i + offset] / h**2
        return out + k**2 * u

    h = Grid.length / (Grid.n - 1)
    u = np.zeros(Grid.n)
    for _ in range(sweeps):
        r = f + source - apply(u, h=h, k=k)
        for i, ri in enumerate(r):
            u[i] -= 0.3 * h * h * ri
    return float(u @ u)


@program(lambda: (np.full((4, 4, 4), 0.5) + 0.2 * wave(64).reshape(4, 4, 4), 0.1, 2))
def heat_3d(a, alpha, steps):
    """Three dimensions, two buffers alternating as in polybench."""
    n = a.shape[0]
    b = a.copy()
    for _ in range(steps):
        for src, dst in ((a, b), (b, a)):
            for i in range(1, n - 1):
                for j in range(1, n - 1):
                    dst[i, j, 1:-1] = (
                        alpha * (src[i + 1, j, 1:-1] - 2.0 * src[i, j, 1:-1] + src[i - 1, j, 1:-1])
                        + alpha
                        * (src[i, j + 1, 1:-1] - 2.0 * src[i, j, 1:-1] + src[i, j - 1, 1:-1])
                        + alpha * (src[i, j, 2:] - 2.0 * src[i, j, 1:-1] + src[i, j, :-2])
                        + src[i, j, 1:-1]
                    )
    return np.sum(a[1:3, 1:3, 1:3] ** 2)


@program(lambda: (ramp(6, 0.2, 0.9), 0.7, 0.3, 1e-10), wrt=(0, 1, 2), whole=True)
def richards_picard(theta, ks, dt, tol):
    """Nonlinear diffusion: Picard iterations with tridiagonal solves, a report of the count."""

    def conductivity(t):
        return ks * t**2.5

    n = len(theta)
    old = theta.copy()
    for it in range(60):
        k = conductivity(0.5 * (theta[1:] + theta[:-1]))
        lower, upper = np.zeros(n), np.zeros(n)
        lower[1:] = -dt * k
        upper[:-1] = -dt * k
        diag = 1.0 - lower - upper
        new = np.empty(n)
        tridiag(lower, diag, upper, old, new, np.empty(n), np.empty(n))
        if np.max(np.abs(new - theta)) < tol:
            theta = new
            break
        theta = new
    else:
        theta = theta * np.nan
    return theta


@program(lambda: (bumps(8), 0.3, 5), lambda: (bumps(8), 0.3, 4), whole=True)
def ping_pong_rows(u0, k, steps):
    """Two time levels as rows of one array, addressed by the parity of the step."""
    u = np.zeros((2, len(u0)))
    u[0] = u0
    now = 0
    for _n in range(steps):
        new = 1 - now
        u[new, 1:-1] = u[now, 1:-1] + k * (u[now, 2:] - 2 * u[now, 1:-1] + u[now, :-2])
        u[new, 0], u[new, -1] = u[new, 1], u[new, -2]
        now = new
    return u[now], u


@program(lambda: (bumps(8), 0.3, 7), lambda: (bumps(8, 2.0), 0.1, 2))
def swap_on_condition(u, k, steps):
    """Buffers swapped in one branch only; the loop left early; both buffers in the result."""
    v = 0.5 * u
    for n in range(steps):
        v[1:-1] = u[1:-1] + k * (u[2:] - u[:-2])
        if n % 3 != 1:
            u, v = v, u
        elif v[2] > 5.0:
            break
        u[0] = v[-1] * 0.5
        if np.sum(u**2) > 6.0:
            break
    return np.sum(u**2) + np.sum(v**3)


@program(lambda: (bumps(9), 0.4, 3), outputs=("u",))
def overlapping_views_in_place(u, c, steps):
    """Assignments whose two sides are views of the same memory, forwards and backwards."""
    for _ in range(steps):
        u[1:] -= c * (u[1:] - u[:-1])
        u[:-1] += 0.1 * u[1:]
        u[::-1][2:5] *= 1.0 + 0.1 * u[2:5]
        u[:4], u[4:8] = u[4:8] * 0.9, u[:4].copy()
        inner = u[2:-2]
        inner[1:] += 0.05 * inner[:-1] ** 2
        inner *= 1.0 - 0.1 * inner[0]


@program(lambda: (grid(4, 4), 0.3, 3), whole=True)
def transposed_sweeps(a, k, steps):
    """The same line solver on a matrix and on its transposed view, which are one memory."""

    def relax(line):
        for i in range(1, len(line)):
            line[i] = (1 - k) * line[i] + k * line[i - 1] ** 2

    for _ in range(steps):
        for m in (a, a.T):
            for row in m:
                relax(row)
        np.fill_diagonal(a, 0.5 * np.diag(a))
    return a, a.T[1], a.sum(axis=0)


@program(lambda: (ramp(7, 0.3, 1.2), 0.4, 0.75), wrt=(0, 1), whole=True)
def subcycled_front(phi, speed, t_end):
    """Sub-steps limited by the gradient, a while in a for with continue and break."""
    t = 0.0
    count = np.zeros(len(phi), dtype=np.int64)
    for outer in range(6):
        if outer == 1:
            continue
        left = 0.25
        while left > 1e-12:
            slope = np.maximum(phi[1:] - phi[:-1], 0.0)
            dt = min(0.1 / (1e-3 + slope.max() * speed), left)
            phi[1:] = phi[1:] - dt * speed * np.sqrt(1.0 + slope**2)
            left -= dt
            count[1:] += slope > 0.1
            if count[1] > 12:
                break
        t += 0.25
        if t >= t_end:
            break
    return phi, t * phi[0]
