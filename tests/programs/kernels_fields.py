"""Fields on grids: flow in a cavity, Maxwell's equations, diffusion, advection, phase separation."""

import numpy as np

from tests.programs.registry import grid, program, ramp, wave


def pressure_poisson(p, b, dx, dy, sweeps):
    pn = np.empty_like(p)
    for _ in range(sweeps):
        pn[:] = p
        p[1:-1, 1:-1] = (
            (pn[1:-1, 2:] + pn[1:-1, 0:-2]) * dy**2 + (pn[2:, 1:-1] + pn[0:-2, 1:-1]) * dx**2
        ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[:, 0] = p[:, 1]
        p[-1, :] = 0
    return p


def build_up_b(b, rho, dt, u, v, dx, dy):
    ux = (u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx)
    vy = (v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy)
    uy = (u[2:, 1:-1] - u[0:-2, 1:-1]) / (2 * dy)
    vx = (v[1:-1, 2:] - v[1:-1, 0:-2]) / (2 * dx)
    b[1:-1, 1:-1] = rho * ((ux + vy) / dt - ux**2 - 2 * uy * vx - vy**2)
    return b


@program(
    lambda: (0.1 * grid(4, 5), 0.1 * grid(4, 5, 1.0), np.zeros((4, 5)), 0.1, 1.2, 2),
    whole=True,
    heavy=True,
)
def lid_driven_cavity(u, v, p, nu, lid, steps):
    ny, nx = u.shape
    dx, dy, dt, rho = 2.0 / (nx - 1), 2.0 / (ny - 1), 0.01, 1.0
    b = np.zeros((ny, nx))
    for _ in range(steps):
        un = u.copy()
        vn = v.copy()
        b = build_up_b(b, rho, dt, u, v, dx, dy)
        p = pressure_poisson(p, b, dx, dy, 3)
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
        )
        u[0, :] = 0
        u[:, 0] = 0
        u[:, -1] = 0
        u[-1, :] = lid
        v[0, :] = v[-1, :] = 0
        v[:, 0] = v[:, -1] = 0
    return u, v, p


@program(lambda: (ramp(9), 0.5, 6), lambda: (ramp(9), 0.5, 0))
def fdtd_1d_mur(eps, courant, steps):
    n = eps.size
    ez, hy = np.zeros(n), np.zeros(n - 1)
    left, right, misfit = 0.0, 0.0, 0.0
    for t in range(steps):
        hy += courant * (ez[1:] - ez[:-1])
        keep_left, keep_right = ez[1], ez[-2]
        ez[1:-1] += courant / eps[1:-1] * (hy[1:] - hy[:-1])
        ez[n // 2] += np.exp(-((t - 2.0) ** 2))
        c = (courant - 1.0) / (courant + 1.0)
        ez[0] = left + c * (ez[1] - ez[0])
        ez[-1] = right + c * (ez[-2] - ez[-1])
        left, right = keep_left, keep_right
        misfit += ez[1] ** 2 + 0.5 * ez[-2] ** 2
    return misfit


@program(lambda: (1.0 + 0.3 * grid(6, 5), np.zeros((6, 5)), 4), outputs=("ez",))
def fdtd_2d_pec(eps, ez, steps):
    nx, ny = eps.shape
    hx, hy = np.zeros((nx, ny - 1)), np.zeros((nx - 1, ny))
    for t in range(steps):
        for i in range(nx):
            for j in range(ny - 1):
                hx[i, j] -= 0.5 * (ez[i, j + 1] - ez[i, j])
        for i in range(nx - 1):
            for j in range(ny):
                hy[i, j] += 0.5 * (ez[i + 1, j] - ez[i, j])
        for i in range(1, nx - 1):
            for j in range(1, ny - 1):
                curl = hy[i, j] - hy[i - 1, j] - hx[i, j] + hx[i, j - 1]
                ez[i, j] += 0.5 * curl / eps[i, j]
        ez[nx // 2, ny // 2] += np.sin(0.7 * (t + 1)) * eps[0, 0]
        ez[0, :] = 0.0
        ez[-1, :] = 0.0
        ez[:, 0] = ez[:, -1] = 0.0


def tridiagonal(a, b, c, d):
    n = len(d)
    cp, dp = np.zeros(n), np.zeros(n)
    cp[0] = c[0] / b[0]
    dp[0] = d[0] / b[0]
    for i in range(1, n):
        m = b[i] - a[i] * cp[i - 1]
        cp[i] = c[i] / m
        dp[i] = (d[i] - a[i] * dp[i - 1]) / m
    x = np.zeros(n)
    x[-1] = dp[-1]
    for i in range(n - 2, -1, -1):
        x[i] = dp[i] - cp[i] * x[i + 1]
    return x


@program(lambda: (ramp(5), 2.0 + ramp(5), ramp(5, 0.2, 0.4), wave(5)), whole=True)
def thomas(a, b, c, d):
    return tridiagonal(a, b, c, d)


@program(lambda: (grid(4, 5), 0.3, 2), whole=True)
def adi_diffusion(u, r, steps):
    ny, nx = u.shape
    for _ in range(steps):
        half = u.copy()
        for j in range(1, ny - 1):
            rhs = u[j, 1:-1] + r * (u[j + 1, 1:-1] - 2 * u[j, 1:-1] + u[j - 1, 1:-1])
            rhs[0] += r * u[j, 0]
            rhs[-1] += r * u[j, -1]
            ones = np.ones(nx - 2)
            half[j, 1:-1] = tridiagonal(-r * ones, (1 + 2 * r) * ones, -r * ones, rhs)
        for i in range(1, nx - 1):
            rhs = half[1:-1, i] + r * (half[1:-1, i + 1] - 2 * half[1:-1, i] + half[1:-1, i - 1])
            rhs[0] += r * half[0, i]
            rhs[-1] += r * half[-1, i]
            ones = np.ones(ny - 2)
            u[1:-1, i] = tridiagonal(-r * ones, (1 + 2 * r) * ones, -r * ones, rhs)
    return u


@program(lambda: (grid(4, 5), grid(4, 5, 1.1), 3), outputs=("u",))
def gauss_seidel(u, f, sweeps):
    for _ in range(sweeps):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j])


@program(lambda: (grid(5, 5), grid(5, 5, 1.1), 1.4, 2))
def red_black_sor(u, f, omega, sweeps):
    for _ in range(sweeps):
        for color in (0, 1):
            for i in range(1, u.shape[0] - 1):
                for j in range(1 + (i + color) % 2, u.shape[1] - 1, 2):
                    new = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j])
                    u[i, j] += omega * (new - u[i, j])
    residual = 0.0
    for i in range(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            r = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4 * u[i, j] - f[i, j]
            residual += r * r
    return residual


@program(lambda: (wave(7), 0.4, 3), lambda: (wave(7), -0.4, 3), whole=True)
def upwind_advection(q, c, steps):
    for _ in range(steps):
        if c > 0:
            q[1:] -= c * (q[1:] - q[:-1])
        else:
            q[:-1] -= c * (q[1:] - q[:-1])
    return q


def minmod(a, b):
    if a * b <= 0.0:
        return 0.0
    return a if abs(a) < abs(b) else b


def van_leer(a, b):
    return 2.0 * a * b / (a + b) if a * b > 0.0 else 0.0


def limited(q, c, steps, limiter):
    n = q.size
    flux = np.zeros(n + 1)
    for _ in range(steps):
        for i in range(1, n):
            left = q[i - 1] - q[(i - 2) % n]
            right = q[i] - q[i - 1]
            flux[i] = c * (q[i - 1] + 0.5 * (1.0 - c) * limiter(left, right))
        flux[0] = flux[n] = c * q[-1]
        q = q - (flux[1:] - flux[:-1])
    return q


@program(lambda: (wave(6), 0.4, 3), whole=True)
def minmod_advection(q, c, steps):
    return limited(q, c, steps, minmod)


@program(lambda: (ramp(6) ** 2, 0.4, 3), whole=True)
def van_leer_advection(q, c, steps):
    return limited(q, c, steps, van_leer)


@program(lambda: (0.5 * grid(4, 4), 0.05, 1.3, 3))
def allen_cahn(phi, dt, m, steps):
    for _ in range(steps):
        lap = -4.0 * phi
        lap[1:, :] += phi[:-1, :]
        lap[:-1, :] += phi[1:, :]
        lap[:, 1:] += phi[:, :-1]
        lap[:, :-1] += phi[:, 1:]
        phi = phi + dt * (lap - m * phi * (phi**2 - 1.0))
    return np.sum((phi**2 - 1.0) ** 2)


@program(lambda: (0.5 * grid(4, 4), 0.01, 2), whole=True)
def cahn_hilliard(c, dt, steps):
    n, m = c.shape
    mu = np.empty_like(c)
    for _ in range(steps):
        for i in range(n):
            for j in range(m):
                lap = (
                    c[(i + 1) % n, j] + c[i - 1, j] + c[i, (j + 1) % m] + c[i, j - 1] - 4 * c[i, j]
                )
                mu[i, j] = c[i, j] ** 3 - c[i, j] - 0.5 * lap
        new = np.empty_like(c)
        for i in range(n):
            for j in range(m):
                lap = mu[(i + 1) % n, j] + mu[i - 1, j] + mu[i, (j + 1) % m] + mu[i, j - 1]
                new[i, j] = c[i, j] + dt * (lap - 4 * mu[i, j])
        c = new
    return c


def relax(u, f, h, sweeps):
    for _ in range(sweeps):
        for i in range(1, len(u) - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1] - h * h * f[i])


@program(lambda: (wave(9), wave(9, 1.0)), whole=True)
def multigrid_with_lists(u, f):
    us, fs = [u], [f]
    h = 1.0
    for _ in range(2):
        relax(us[-1], fs[-1], h, 1)
        fine, rhs = us[-1], fs[-1]
        r = np.zeros_like(fine)
        r[1:-1] = rhs[1:-1] - (fine[2:] - 2 * fine[1:-1] + fine[:-2]) / (h * h)
        us.append(np.zeros(len(fine) // 2 + 1))
        fs.append(r[::2].copy())
        h = 2 * h
    relax(us[2], fs[2], h, 4)
    for level in (1, 0):
        h = h / 2
        coarse = us[level + 1]
        us[level][::2] += coarse
        us[level][1::2] += 0.5 * (coarse[:-1] + coarse[1:])
        relax(us[level], fs[level], h, 1)
    return us[0]
