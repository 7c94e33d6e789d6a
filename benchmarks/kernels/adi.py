"""Alternating directions (Peaceman-Rachford) with varying conductivity: tridiagonal solves both ways.

Eliminations are computed once, before the time loop; each half step is explicit across the lines and
implicit along them. The gradient is with respect to the conductivity. The mark by hand saves the two
fields of a step and reverses a solve as a solve with the transposed matrix, whose elimination it also
computes once.
"""

import numpy as np

from benchmarks.kernel import jit, pooled, scaled

TITLE = "ADI, 100 x 100, 40 steps"
WRT = ("kappa",)


def arguments(scale=1.0):
    random = np.random.default_rng(20)
    n = scaled(100, scale, 5)
    shape = (n, n + 1 if scale < 1.0 else n)
    return {
        "kappa": 0.5 + random.random(shape),
        "u": random.random(shape),
        "steps": scaled(40, scale),
    }


def adi(kappa, u, steps):
    n, m = u.shape
    u = u.copy()
    v = u.copy()
    cx = np.zeros((n, m))  # eliminated, along rows and along columns
    cy = np.zeros((n, m))
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            cx[i, j] = kappa[i, j] / (1.0 + kappa[i, j] * (2.0 - cx[i, j - 1]))
            cy[i, j] = kappa[i, j] / (1.0 + kappa[i, j] * (2.0 - cy[i - 1, j]))
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                d = u[i, j] + kappa[i, j] * (u[i - 1, j] - 2.0 * u[i, j] + u[i + 1, j])
                v[i, j] = cx[i, j] * (d / kappa[i, j] + v[i, j - 1])
            for j in range(m - 2, 0, -1):
                v[i, j] += cx[i, j] * v[i, j + 1]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                d = v[i, j] + kappa[i, j] * (v[i, j - 1] - 2.0 * v[i, j] + v[i, j + 1])
                u[i, j] = cy[i, j] * (d / kappa[i, j] + u[i - 1, j])
        for i in range(n - 2, 0, -1):
            for j in range(1, m - 1):
                u[i, j] += cy[i, j] * u[i + 1, j]
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += u[i, j] * u[i, j]
    return total


PRIMAL = adi


@jit
def across_rows(u, kappa, share, v):
    """The first half step: explicit across the rows, then solved along each."""
    n, m = u.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            v[i, j] = share[i, j] * (
                u[i, j] + kappa[i, j] * (u[i - 1, j] - 2.0 * u[i, j] + u[i + 1, j])
            )
        for j in range(1, m - 1):
            v[i, j] += share[i, j] * kappa[i, j] * v[i, j - 1]
        for j in range(m - 2, 0, -1):
            v[i, j] += share[i, j] * kappa[i, j] * v[i, j + 1]


@jit
def across_columns(v, kappa, share, u):
    n, m = v.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            u[i, j] = share[i, j] * (
                v[i, j] + kappa[i, j] * (v[i, j - 1] - 2.0 * v[i, j] + v[i, j + 1] + u[i - 1, j])
            )
    for i in range(n - 2, 0, -1):
        for j in range(1, m - 1):
            u[i, j] += share[i, j] * kappa[i, j] * u[i + 1, j]


@jit
def solve_columns(w, kappa, share):
    """In place, with the transposed matrix; ``w`` is zero on the border."""
    n, m = w.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            w[i, j] = share[i, j] * (w[i, j] + kappa[i - 1, j] * w[i - 1, j])
    for i in range(n - 2, 0, -1):
        for j in range(1, m - 1):
            w[i, j] += share[i, j] * kappa[i + 1, j] * w[i + 1, j]


@jit
def solve_rows(w, kappa, share):
    n, m = w.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            w[i, j] = share[i, j] * (w[i, j] + kappa[i, j - 1] * w[i, j - 1])
        for j in range(m - 2, 0, -1):
            w[i, j] += share[i, j] * kappa[i, j + 1] * w[i, j + 1]


@jit
def explicit_back(w, u, v, kappa, kappa_b, columns, w_new):
    """What a half step from u to v, solved to ``w``, gives the conductivity and u."""
    n, m = w.shape
    p, q = (1, 0) if columns else (0, 1)  # the axis that the step from u is explicit along
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            kappa_b[i, j] += w[i, j] * (
                u[i - q, j - p]
                - 2.0 * (u[i, j] + v[i, j])
                + u[i + q, j + p]
                + v[i - p, j - q]
                + v[i + p, j + q]
            )
            w_new[i, j] = (
                w[i, j]
                + kappa[i - q, j - p] * w[i - q, j - p]
                - 2.0 * kappa[i, j] * w[i, j]
                + kappa[i + q, j + p] * w[i + q, j + p]
            )


@jit
def fields_saved(kappa, u, steps, us, vs):
    n, m = u.shape
    share_x = np.zeros((n, m))
    share_y = np.zeros((n, m))
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            k = kappa[i, j]
            share_x[i, j] = 1.0 / (1.0 + k * (2.0 - kappa[i, j - 1] * share_x[i, j - 1]))
            share_y[i, j] = 1.0 / (1.0 + k * (2.0 - kappa[i - 1, j] * share_y[i - 1, j]))
    us[0] = u
    for t in range(steps):
        for field in (us[t + 1], vs[t]):
            field[0] = u[0]
            field[n - 1] = u[n - 1]
            for i in range(n):
                field[i, 0] = u[i, 0]
                field[i, m - 1] = u[i, m - 1]
        across_rows(us[t], kappa, share_x, vs[t])
        across_columns(vs[t], kappa, share_y, us[t + 1])
    kappa_b = np.zeros((n, m))
    w = np.zeros((n, m))
    other = np.zeros((n, m))
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            w[i, j] = 2.0 * us[steps, i, j]
    for t in range(steps - 1, -1, -1):
        solve_columns(w, kappa, share_y)
        explicit_back(w, vs[t], us[t + 1], kappa, kappa_b, True, other)
        solve_rows(other, kappa, share_x)
        explicit_back(other, us[t], vs[t], kappa, kappa_b, False, w)
    return kappa_b


def adjoint(kappa, u, steps):
    us, vs = pooled("adi u", steps + 1, *u.shape), pooled("adi v", steps, *u.shape)
    return fields_saved(kappa, u, steps, us, vs)


def jax_primal(jax, scan):
    jnp = jax.numpy

    def solve(c, d_over_k, first, last):
        """Along axis 0: c, d are (lines, points) with the points first."""

        def down(e, given):
            c, d = given
            e = c * (d + e)
            return e, e

        def up(x, given):
            c, e = given
            x = e + c * x
            return x, x

        _, e = jax.lax.scan(down, first, (c, d_over_k))
        _, x = jax.lax.scan(up, last, (c, e), reverse=True)
        return x

    def eliminate(k):
        def down(c, k):
            c = k / (1.0 + k * (2.0 - c))
            return c, c

        return jax.lax.scan(down, jnp.zeros_like(k[0]), k)[1]

    def primal(kappa, u, steps):
        k = kappa[1:-1, 1:-1]
        cx, cy = eliminate(k.T), eliminate(k)
        border = u

        def step(u, _):
            inner = u[1:-1, 1:-1]
            d = inner / k + (u[:-2, 1:-1] - 2.0 * inner + u[2:, 1:-1])
            x = solve(cx, d.T, border[1:-1, 0], border[1:-1, -1]).T
            v = border.at[1:-1, 1:-1].set(x)
            d = x / k + (v[1:-1, :-2] - 2.0 * x + v[1:-1, 2:])
            return border.at[1:-1, 1:-1].set(solve(cy, d, border[0, 1:-1], border[-1, 1:-1])), None

        u, _ = scan(step, u, None, steps)
        return jnp.sum(u * u)

    return primal


def torch_primal(torch):
    def eliminate(k):
        rows = [torch.zeros_like(k[0])]
        for line in k:
            rows.append(line / (1.0 + line * (2.0 - rows[-1])))
        return rows[1:]

    def solve(c, d, e, x):
        eliminated = []
        for c_i, d_i in zip(c, d, strict=True):
            e = c_i * (d_i + e)
            eliminated.append(e)
        found = []
        for c_i, e_i in zip(c[::-1], eliminated[::-1], strict=True):
            x = e_i + c_i * x
            found.append(x)
        return torch.stack(found[::-1])

    def primal(kappa, u, steps):
        k = kappa[1:-1, 1:-1]
        cx, cy = eliminate(k.T), eliminate(k)
        border = u

        def framed(inner):
            middle = torch.cat([border[1:-1, :1], inner, border[1:-1, -1:]], 1)
            return torch.cat([border[:1], middle, border[-1:]])

        for _ in range(steps):
            inner = u[1:-1, 1:-1]
            d = inner / k + (u[:-2, 1:-1] - 2.0 * inner + u[2:, 1:-1])
            x = solve(cx, d.T, border[1:-1, 0], border[1:-1, -1]).T
            v = framed(x)
            d = x / k + (v[1:-1, :-2] - 2.0 * x + v[1:-1, 2:])
            u = framed(solve(cy, d, border[0, 1:-1], border[-1, 1:-1]))
        return (u * u).sum()

    return primal
