"""Maxwell's equations in two dimensions (FDTD, PolyBench's scheme), three fields updated in place.

The gradient is with respect to the material, which multiplies the curl in the electric field. Only the
magnetic field at the start of each step meets an adjoint; its last row and column are never written.
"""

import numpy as np

from benchmarks.kernel import jit, pooled, scaled

TITLE = "FDTD-2D, 120 x 120, 100 steps"
WRT = ("k",)


def arguments(scale=1.0):
    random = np.random.default_rng(13)
    n, steps = scaled(120, scale, 5), scaled(100, scale, 4)
    m = n + 1 if scale < 1.0 else n
    return {
        "k": 0.4 + 0.2 * random.random((n, m)),
        "pulse": random.normal(size=steps),
        "steps": steps,
    }


def fdtd(k, pulse, steps):
    n, m = k.shape
    ex = np.zeros((n, m))
    ey = np.zeros((n, m))
    hz = np.zeros((n, m))
    for t in range(steps):
        for j in range(m):
            ey[0, j] = pulse[t]
        for i in range(1, n):
            for j in range(m):
                ey[i, j] -= k[i, j] * (hz[i, j] - hz[i - 1, j])
        for i in range(n):
            for j in range(1, m):
                ex[i, j] -= k[i, j] * (hz[i, j] - hz[i, j - 1])
        for i in range(n - 1):
            for j in range(m - 1):
                hz[i, j] -= 0.7 * (ex[i, j + 1] - ex[i, j] + ey[i + 1, j] - ey[i, j])
    energy = 0.0
    for i in range(n):
        for j in range(m):
            energy += hz[i, j] * hz[i, j]
    return energy


PRIMAL = fdtd


@jit
def electric(k, hz, ex, ey):
    n, m = k.shape
    for j in range(1, m):
        ex[0, j] -= k[0, j] * (hz[0, j] - hz[0, j - 1])
    for i in range(1, n):
        ey[i, 0] -= k[i, 0] * (hz[i, 0] - hz[i - 1, 0])
        for j in range(1, m):
            ey[i, j] -= k[i, j] * (hz[i, j] - hz[i - 1, j])
            ex[i, j] -= k[i, j] * (hz[i, j] - hz[i, j - 1])


@jit
def magnetic(ex, ey, hz, new):
    n, m = hz.shape
    for i in range(n - 1):
        for j in range(m - 1):
            new[i, j] = hz[i, j] - 0.7 * (ex[i, j + 1] - ex[i, j] + ey[i + 1, j] - ey[i, j])


@jit
def magnetic_back(hz_b, ex_b, ey_b):
    """``hz_b`` is zero in the last row and column."""
    n, m = hz_b.shape
    for j in range(1, m):
        ex_b[0, j] += 0.7 * (hz_b[0, j] - hz_b[0, j - 1])
    for i in range(1, n):
        ey_b[i, 0] += 0.7 * (hz_b[i, 0] - hz_b[i - 1, 0])
        for j in range(1, m):
            ex_b[i, j] += 0.7 * (hz_b[i, j] - hz_b[i, j - 1])
            ey_b[i, j] += 0.7 * (hz_b[i, j] - hz_b[i - 1, j])


@jit
def electric_back(k, hz, ex_b, ey_b, k_b, hz_b):
    """``ex_b`` is zero in column 0 and ``ey_b`` in row 0: what is written there is not computed."""
    n, m = k.shape
    for i in range(n - 1):
        for j in range(m - 1):
            hz_b[i, j] += (
                k[i, j + 1] * ex_b[i, j + 1]
                - k[i, j] * ex_b[i, j]
                + k[i + 1, j] * ey_b[i + 1, j]
                - k[i, j] * ey_b[i, j]
            )
    for j in range(1, m):
        k_b[0, j] -= ex_b[0, j] * (hz[0, j] - hz[0, j - 1])
    for i in range(1, n):
        k_b[i, 0] -= ey_b[i, 0] * (hz[i, 0] - hz[i - 1, 0])
        for j in range(1, m):
            k_b[i, j] -= ex_b[i, j] * (hz[i, j] - hz[i, j - 1]) + ey_b[i, j] * (
                hz[i, j] - hz[i - 1, j]
            )


@jit
def magnetic_saved(k, pulse, steps, tape):
    n, m = k.shape
    ex = np.zeros((n, m))
    ey = np.zeros((n, m))
    tape[0] = 0.0
    for t in range(steps):
        new = tape[t + 1]
        for j in range(m):
            ey[0, j] = pulse[t]
            new[n - 1, j] = 0.0
        for i in range(n):
            new[i, m - 1] = 0.0
        electric(k, tape[t], ex, ey)
        magnetic(ex, ey, tape[t], new)
    k_b = np.zeros((n, m))
    ex_b = np.zeros((n, m))
    ey_b = np.zeros((n, m))
    hz_b = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            hz_b[i, j] = 2.0 * tape[steps, i, j]
    for t in range(steps - 1, -1, -1):
        magnetic_back(hz_b, ex_b, ey_b)
        electric_back(k, tape[t], ex_b, ey_b, k_b, hz_b)
    return k_b


def adjoint(k, pulse, steps):
    return magnetic_saved(k, pulse, steps, pooled("fdtd", steps + 1, *k.shape))


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(k, pulse, steps):
        def step(state, now):
            ex, ey, hz = state
            ey = jnp.concatenate(
                [jnp.full((1, k.shape[1]), now), ey[1:] - k[1:] * (hz[1:] - hz[:-1])]
            )
            ex = ex.at[:, 1:].add(-k[:, 1:] * (hz[:, 1:] - hz[:, :-1]))
            curl = ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1]
            return (ex, ey, hz.at[:-1, :-1].add(-0.7 * curl)), None

        rest = jnp.zeros_like(k)
        (_, _, hz), _ = scan(step, (rest, rest, rest), pulse, steps)
        return jnp.sum(hz * hz)

    return primal


def torch_primal(torch):
    pad = torch.nn.functional.pad

    def primal(k, pulse, steps):
        n, m = k.shape
        ex = torch.zeros((n, m), dtype=torch.float64)
        ey = torch.zeros((n, m), dtype=torch.float64)
        hz = torch.zeros((n, m), dtype=torch.float64)
        for t in range(steps):
            ey = torch.cat([pulse[t].expand(1, m), ey[1:] - k[1:] * (hz[1:] - hz[:-1])])
            ex = ex - pad(k[:, 1:] * (hz[:, 1:] - hz[:, :-1]), (1, 0))
            curl = ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1]
            hz = hz - pad(0.7 * curl, (0, 1, 0, 1))
        return (hz * hz).sum()

    return primal
