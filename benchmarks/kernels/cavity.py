"""The lid-driven cavity in slice style: the steps of "CFD Python", with its pressure iteration.

The gradient is with respect to the velocity of the lid. The pressure is linear in what drives it, so
that its fifty sweeps need no tape; the mark by hand saves the velocities of each step, writes all
slices as loops, and gathers.
"""

import numpy as np

from benchmarks.kernel import jit, pooled, scaled

TITLE = "Lid-driven cavity in slices, 41 x 41, 60 steps of 50 sweeps"
WRT = ("lid",)


def arguments(scale=1.0):
    n = scaled(41, scale, 6)
    m = n + 1 if scale < 1.0 else n
    return {
        "lid": 1.0 + 0.1 * np.sin(np.linspace(0.0, 3.0, m)),
        "n": n,
        "rho": 1.0,
        "nu": 0.1,
        "dt": 0.001,
        "steps": scaled(60, scale),
        "sweeps": scaled(50, scale),
    }


def cavity(lid, n, rho, nu, dt, steps, sweeps):
    m = lid.size
    dx = 2.0 / (m - 1)
    dy = 2.0 / (n - 1)
    u = np.zeros((n, m))
    v = np.zeros((n, m))
    p = np.zeros((n, m))
    b = np.zeros((n, m))
    for _ in range(steps):
        un = u.copy()
        vn = v.copy()
        b[1:-1, 1:-1] = rho * (
            1
            / dt
            * ((u[1:-1, 2:] - u[1:-1, :-2]) / (2 * dx) + (v[2:, 1:-1] - v[:-2, 1:-1]) / (2 * dy))
            - ((u[1:-1, 2:] - u[1:-1, :-2]) / (2 * dx)) ** 2
            - 2
            * ((u[2:, 1:-1] - u[:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, :-2]) / (2 * dx))
            - ((v[2:, 1:-1] - v[:-2, 1:-1]) / (2 * dy)) ** 2
        )
        for _ in range(sweeps):
            pn = p.copy()
            p[1:-1, 1:-1] = (
                (pn[1:-1, 2:] + pn[1:-1, :-2]) * dy**2 + (pn[2:, 1:-1] + pn[:-2, 1:-1]) * dx**2
            ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]
            p[:, -1] = p[:, -2]
            p[0, :] = p[1, :]
            p[:, 0] = p[:, 1]
            p[-1, :] = 0.0
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, :-2])
            - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[:-2, 1:-1])
            - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, :-2])
            + nu
            * (
                dt / dx**2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, :-2])
                + dt / dy**2 * (un[2:, 1:-1] - 2 * un[1:-1, 1:-1] + un[:-2, 1:-1])
            )
        )
        v[1:-1, 1:-1] = (
            vn[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, :-2])
            - vn[1:-1, 1:-1] * dt / dy * (vn[1:-1, 1:-1] - vn[:-2, 1:-1])
            - dt / (2 * rho * dy) * (p[2:, 1:-1] - p[:-2, 1:-1])
            + nu
            * (
                dt / dx**2 * (vn[1:-1, 2:] - 2 * vn[1:-1, 1:-1] + vn[1:-1, :-2])
                + dt / dy**2 * (vn[2:, 1:-1] - 2 * vn[1:-1, 1:-1] + vn[:-2, 1:-1])
            )
        )
        u[0, :] = 0.0
        u[:, 0] = 0.0
        u[:, -1] = 0.0
        u[-1, :] = lid
        v[0, :] = 0.0
        v[-1, :] = 0.0
        v[:, 0] = 0.0
        v[:, -1] = 0.0
    return np.sum(u**2 + v**2)


PRIMAL = cavity


@jit
def source(u, v, rho, dt, dx, dy, b):
    n, m = u.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            ux = (u[i, j + 1] - u[i, j - 1]) / (2.0 * dx)
            uy = (u[i + 1, j] - u[i - 1, j]) / (2.0 * dy)
            vx = (v[i, j + 1] - v[i, j - 1]) / (2.0 * dx)
            vy = (v[i + 1, j] - v[i - 1, j]) / (2.0 * dy)
            b[i, j] = rho * ((ux + vy) / dt - ux * ux - 2.0 * uy * vx - vy * vy)


@jit
def sweep(p, a, c, share, b, new):
    """One sweep from ``p`` to ``new``; ``a`` and ``c`` weigh the neighbours in a row and a column."""
    n, m = p.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            new[i, j] = (
                a * (p[i, j + 1] + p[i, j - 1]) + c * (p[i + 1, j] + p[i - 1, j]) - share * b[i, j]
            )
    for i in range(1, n - 1):
        new[i, m - 1] = new[i, m - 2]
        new[i, 0] = new[i, 1]
    for j in range(m):
        new[0, j] = new[1, j]
        new[n - 1, j] = 0.0


@jit
def sweep_back(p_b, a, c, share, b_b, new_b):
    """From the adjoint after a sweep (changed) to the one before; its last row meets nothing."""
    n, m = p_b.shape
    for j in range(m):
        p_b[n - 1, j] = 0.0
        p_b[1, j] += p_b[0, j]
        p_b[0, j] = 0.0
    for i in range(1, n - 1):
        p_b[i, 1] += p_b[i, 0]
        p_b[i, m - 2] += p_b[i, m - 1]
        p_b[i, 0] = p_b[i, m - 1] = 0.0
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            b_b[i, j] -= share * p_b[i, j]
            new_b[i, j] = a * (p_b[i, j + 1] + p_b[i, j - 1]) + c * (p_b[i + 1, j] + p_b[i - 1, j])
        new_b[i, 0] = a * p_b[i, 1]
        new_b[i, m - 1] = a * p_b[i, m - 2]
    for j in range(m):
        new_b[0, j] = c * p_b[1, j]


@jit
def velocities(u, v, p, rho, nu, dt, dx, dy, u_new, v_new):
    n, m = u.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            left = dt / dx * u[i, j]
            down = dt / dy * v[i, j]
            u_new[i, j] = (
                u[i, j]
                - left * (u[i, j] - u[i, j - 1])
                - down * (u[i, j] - u[i - 1, j])
                - dt / (2.0 * rho * dx) * (p[i, j + 1] - p[i, j - 1])
                + nu * dt / dx**2 * (u[i, j + 1] - 2.0 * u[i, j] + u[i, j - 1])
                + nu * dt / dy**2 * (u[i + 1, j] - 2.0 * u[i, j] + u[i - 1, j])
            )
            v_new[i, j] = (
                v[i, j]
                - left * (v[i, j] - v[i, j - 1])
                - down * (v[i, j] - v[i - 1, j])
                - dt / (2.0 * rho * dy) * (p[i + 1, j] - p[i - 1, j])
                + nu * dt / dx**2 * (v[i, j + 1] - 2.0 * v[i, j] + v[i, j - 1])
                + nu * dt / dy**2 * (v[i + 1, j] - 2.0 * v[i, j] + v[i - 1, j])
            )


@jit
def velocities_back(u, v, g, h, p_b, rho, nu, dt, dx, dy, u_b, v_b):
    """``g`` and ``h`` are the adjoints of the new velocities, zero on the border."""
    n, m = u.shape
    a, e = dt / dx, dt / dy
    ax, ay = nu * dt / dx**2, nu * dt / dy**2
    px, py = dt / (2.0 * rho * dx), dt / (2.0 * rho * dy)
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            own = 1.0 - a * u[i, j] - e * v[i, j] - 2.0 * (ax + ay)
            u_b[i, j] = (
                (own - a * (u[i, j] - u[i, j - 1])) * g[i, j]
                - a * (v[i, j] - v[i, j - 1]) * h[i, j]
                + (a * u[i, j + 1] + ax) * g[i, j + 1]
                + ax * g[i, j - 1]
                + (e * v[i + 1, j] + ay) * g[i + 1, j]
                + ay * g[i - 1, j]
            )
            v_b[i, j] = (
                (own - e * (v[i, j] - v[i - 1, j])) * h[i, j]
                - e * (u[i, j] - u[i - 1, j]) * g[i, j]
                + (a * u[i, j + 1] + ax) * h[i, j + 1]
                + ax * h[i, j - 1]
                + (e * v[i + 1, j] + ay) * h[i + 1, j]
                + ay * h[i - 1, j]
            )
            p_b[i, j] += px * (g[i, j + 1] - g[i, j - 1]) + py * (h[i + 1, j] - h[i - 1, j])
    for i in range(1, n - 1):
        p_b[i, 0] += px * g[i, 1]
        p_b[i, m - 1] -= px * g[i, m - 2]
    for j in range(1, m - 1):
        p_b[0, j] += py * h[1, j]


@jit
def source_back(u, v, b_b, rho, dt, dx, dy, parts, u_b, v_b):
    n, m = u.shape
    by_ux, by_uy, by_vx, by_vy = parts[0], parts[1], parts[2], parts[3]
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            seed = rho * b_b[i, j]
            ux = (u[i, j + 1] - u[i, j - 1]) / (2.0 * dx)
            uy = (u[i + 1, j] - u[i - 1, j]) / (2.0 * dy)
            vx = (v[i, j + 1] - v[i, j - 1]) / (2.0 * dx)
            vy = (v[i + 1, j] - v[i - 1, j]) / (2.0 * dy)
            by_ux[i, j] = seed * (1.0 / dt - 2.0 * ux) / (2.0 * dx)
            by_vy[i, j] = seed * (1.0 / dt - 2.0 * vy) / (2.0 * dy)
            by_uy[i, j] = -2.0 * seed * vx / (2.0 * dy)
            by_vx[i, j] = -2.0 * seed * uy / (2.0 * dx)
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            u_b[i, j] += by_ux[i, j - 1] - by_ux[i, j + 1] + by_uy[i - 1, j] - by_uy[i + 1, j]
            v_b[i, j] += by_vx[i, j - 1] - by_vx[i, j + 1] + by_vy[i - 1, j] - by_vy[i + 1, j]


@jit
def velocities_saved(lid, n, rho, nu, dt, steps, sweeps, us, vs):
    m = lid.size
    dx = 2.0 / (m - 1)
    dy = 2.0 / (n - 1)
    a = dy**2 / (2.0 * (dx**2 + dy**2))
    c = dx**2 / (2.0 * (dx**2 + dy**2))
    share = dx**2 * dy**2 / (2.0 * (dx**2 + dy**2))
    p = np.zeros((n, m))
    other = np.zeros((n, m))
    b = np.zeros((n, m))
    us[0] = 0.0
    vs[0] = 0.0
    for t in range(steps):
        u, v = us[t + 1], vs[t + 1]
        for i in range(n):
            u[i, 0] = u[i, m - 1] = v[i, 0] = v[i, m - 1] = 0.0
        for j in range(m):
            u[0, j] = v[0, j] = v[n - 1, j] = 0.0
            u[n - 1, j] = lid[j]
        source(us[t], vs[t], rho, dt, dx, dy, b)
        for _ in range(sweeps):
            sweep(p, a, c, share, b, other)
            p, other = other, p
        velocities(us[t], vs[t], p, rho, nu, dt, dx, dy, u, v)

    lid_b = 2.0 * lid
    g = 2.0 * us[steps]
    h = 2.0 * vs[steps]
    for i in range(n):
        g[i, 0] = g[i, m - 1] = 0.0
    g[n - 1] = 0.0
    u_b = np.zeros((n, m))
    v_b = np.zeros((n, m))
    p_b = np.zeros((n, m))
    other[:] = 0.0
    parts = np.zeros((4, n, m))
    for t in range(steps - 1, -1, -1):
        u, v = us[t], vs[t]
        velocities_back(u, v, g, h, p_b, rho, nu, dt, dx, dy, u_b, v_b)
        b[:] = 0.0
        for _ in range(sweeps):
            sweep_back(p_b, a, c, share, b, other)
            p_b, other = other, p_b
        source_back(u, v, b, rho, dt, dx, dy, parts, u_b, v_b)
        if t > 0:  # the lid rests at the start
            for j in range(1, m - 1):
                lid_b[j] += nu * dt / dy**2 * g[n - 2, j] + parts[1, n - 2, j]
        g, u_b = u_b, g
        h, v_b = v_b, h
    return lid_b


def adjoint(lid, n, rho, nu, dt, steps, sweeps):
    us, vs = (pooled(f"cavity {name}", steps + 1, n, lid.size) for name in "uv")
    return velocities_saved(lid, n, rho, nu, dt, steps, sweeps, us, vs)


def jax_primal(jax, scan):
    jnp = jax.numpy
    west, east, south, north, here = (
        (slice(1, -1), slice(None, -2)),
        (slice(1, -1), slice(2, None)),
        (slice(None, -2), slice(1, -1)),
        (slice(2, None), slice(1, -1)),
        (slice(1, -1), slice(1, -1)),
    )

    def primal(lid, n, rho, nu, dt, steps, sweeps):
        m = lid.size
        dx, dy = 2.0 / (m - 1), 2.0 / (n - 1)
        sizes = 2.0 * (dx**2 + dy**2)

        def step(state, _):
            u, v, p = state
            ux, uy = (u[east] - u[west]) / (2 * dx), (u[north] - u[south]) / (2 * dy)
            vx, vy = (v[east] - v[west]) / (2 * dx), (v[north] - v[south]) / (2 * dy)
            b = rho * ((ux + vy) / dt - ux**2 - 2 * uy * vx - vy**2)

            def sweep(p, _):
                inner = (p[east] + p[west]) * dy**2 + (p[north] + p[south]) * dx**2
                inner = inner / sizes - dx**2 * dy**2 / sizes * b
                return jnp.pad(
                    jnp.pad(inner, ((1, 0), (1, 1)), mode="edge"), ((0, 1), (0, 0))
                ), None

            p, _ = jax.lax.scan(sweep, p, None, sweeps)

            def moved(w, slope):
                return (
                    w[here]
                    - u[here] * dt / dx * (w[here] - w[west])
                    - v[here] * dt / dy * (w[here] - w[south])
                    - dt / (2 * rho) * slope
                    + nu * dt / dx**2 * (w[east] - 2 * w[here] + w[west])
                    + nu * dt / dy**2 * (w[north] - 2 * w[here] + w[south])
                )

            u_new = jnp.pad(moved(u, (p[east] - p[west]) / dx), 1).at[-1].set(lid)
            return (u_new, jnp.pad(moved(v, (p[north] - p[south]) / dy), 1), p), None

        rest = jnp.zeros((n, m))
        (u, v, _), _ = scan(step, (rest, rest, rest), None, steps)
        return jnp.sum(u**2 + v**2)

    return primal


def torch_primal(torch):
    pad = torch.nn.functional.pad

    def primal(lid, n, rho, nu, dt, steps, sweeps):
        m = lid.shape[0]
        dx, dy = 2.0 / (m - 1), 2.0 / (n - 1)
        sizes = 2.0 * (dx**2 + dy**2)
        u, v, p = (torch.zeros((n, m), dtype=torch.float64) for _ in range(3))
        for _ in range(steps):
            ux, uy = (
                (u[1:-1, 2:] - u[1:-1, :-2]) / (2 * dx),
                (u[2:, 1:-1] - u[:-2, 1:-1]) / (2 * dy),
            )
            vx, vy = (
                (v[1:-1, 2:] - v[1:-1, :-2]) / (2 * dx),
                (v[2:, 1:-1] - v[:-2, 1:-1]) / (2 * dy),
            )
            b = dx**2 * dy**2 / sizes * rho * ((ux + vy) / dt - ux**2 - 2 * uy * vx - vy**2)
            for _ in range(sweeps):
                inner = (p[1:-1, 2:] + p[1:-1, :-2]) * (dy**2 / sizes)
                inner = inner + (p[2:, 1:-1] + p[:-2, 1:-1]) * (dx**2 / sizes) - b
                inner = torch.cat([inner[:, :1], inner, inner[:, -1:]], 1)
                p = torch.cat([inner[:1], inner, torch.zeros((1, m), dtype=torch.float64)])

            def moved(w, slope, u=u, v=v):
                c = w[1:-1, 1:-1]
                return (
                    c
                    - u[1:-1, 1:-1] * dt / dx * (c - w[1:-1, :-2])
                    - v[1:-1, 1:-1] * dt / dy * (c - w[:-2, 1:-1])
                    - dt / (2 * rho) * slope
                    + nu * dt / dx**2 * (w[1:-1, 2:] - 2 * c + w[1:-1, :-2])
                    + nu * dt / dy**2 * (w[2:, 1:-1] - 2 * c + w[:-2, 1:-1])
                )

            new = moved(u, (p[1:-1, 2:] - p[1:-1, :-2]) / dx)
            v = pad(moved(v, (p[2:, 1:-1] - p[:-2, 1:-1]) / dy), (1, 1, 1, 1))
            u = torch.cat([pad(new, (1, 1, 1, 0)), lid[None]])
        return (u**2 + v**2).sum()

    return primal
