"""Full waveform inversion in two dimensions: three buffers that rotate, a source, a row of receivers.

The gradient is with respect to the velocity. The mark by hand runs the adjoint wave equation in gather
form, the gradient in the same sweep, and computes the field once more in segments, which stay in cache.
"""

import numpy as np

from benchmarks.kernel import jit, pooled, scaled

TITLE = "2-D acoustic wave inversion, 120 x 120, 250 steps"
WRT = ("c",)


def arguments(scale=1.0):
    random = np.random.default_rng(12)
    n, nt = scaled(120, scale, 8), scaled(250, scale, 9)
    tau = np.pi * 8.0 * (np.arange(nt) * 4e-3 - 0.12)
    return {
        "c": 1.5 + 0.3 * random.random((n, n + 1 if scale < 1.0 else n)),
        "ratio": 0.3,
        "source": (1.0 - 2.0 * tau**2) * np.exp(-(tau**2)),
        "row": n // 2,
        "column": n // 3,
        "observed": 0.05 * random.normal(size=(nt, n)),
        "nt": nt,
    }


def wave2d(c, ratio, source, row, column, observed, nt):
    n, m = c.shape
    before = np.zeros((n, m))
    now = np.zeros((n, m))
    after = np.zeros((n, m))
    misfit = 0.0
    for t in range(nt):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                q = ratio * c[i, j]
                after[i, j] = (
                    2.0 * now[i, j]
                    - before[i, j]
                    + q
                    * q
                    * (
                        now[i + 1, j]
                        + now[i - 1, j]
                        + now[i, j + 1]
                        + now[i, j - 1]
                        - 4.0 * now[i, j]
                    )
                )
        after[row, column] += source[t]
        for j in range(observed.shape[1]):
            misfit += 0.5 * (after[1, j] - observed[t, j]) ** 2
        before, now, after = now, after, before
    return misfit


PRIMAL = wave2d


@jit
def step(before, now, after, k):
    n, m = k.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            after[i, j] = (
                2.0 * now[i, j]
                - before[i, j]
                + k[i, j]
                * (now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1] - 4.0 * now[i, j])
            )


@jit
def step_back(u, later, latest, k, k_b, u_b):
    n, m = k.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            k_b[i, j] += later[i, j] * (
                u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j]
            )
            u_b[i, j] = (
                2.0 * later[i, j]
                - latest[i, j]
                + k[i + 1, j] * later[i + 1, j]
                + k[i - 1, j] * later[i - 1, j]
                + k[i, j + 1] * later[i, j + 1]
                + k[i, j - 1] * later[i, j - 1]
                - 4.0 * k[i, j] * later[i, j]
            )


@jit
def segments_saved(c, ratio, source, row, column, observed, nt, snapshots, tape):
    """Two fields at the start of each segment, and one segment's history on the tape.

    The borders of all of this memory are zero and stay so.
    """
    n, m = c.shape
    length = tape.shape[0] - 2
    k = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            k[i, j] = (ratio * c[i, j]) ** 2
    tape[0] = 0.0
    tape[1] = 0.0
    last = snapshots.shape[0] - 1
    for s in range(last):
        snapshots[s] = tape[:2]
        for t in range(length):
            step(tape[t], tape[t + 1], tape[t + 2], k)
            tape[t + 2, row, column] += source[s * length + t]
        tape[:2] = tape[length:]
    snapshots[last] = tape[:2]
    k_b = np.zeros((n, m))
    bars = np.zeros((3, n, m))
    for s in range(last, -1, -1):
        start = s * length
        count = min(length, nt - start)
        tape[:2] = snapshots[s]
        for t in range(count):
            step(tape[t], tape[t + 1], tape[t + 2], k)
            tape[t + 2, row, column] += source[start + t]
        for t in range(count - 1, -1, -1):
            later = bars[(start + t) % 3]
            for j in range(1, min(m - 1, observed.shape[1])):  # the border is no wave
                later[1, j] += tape[t + 2, 1, j] - observed[start + t, j]
            latest, u_b = bars[(start + t + 1) % 3], bars[(start + t + 2) % 3]
            step_back(tape[t + 1], later, latest, k, k_b, u_b)
    for i in range(n):
        for j in range(m):
            k_b[i, j] *= 2.0 * ratio * ratio * c[i, j]
    return k_b


def adjoint(c, ratio, source, row, column, observed, nt, length=16):
    length = min(length, nt)
    snapshots = pooled("wave2d snapshots", -(-nt // length), 2, *c.shape)
    tape = pooled("wave2d tape", length + 2, *c.shape)
    return segments_saved(c, ratio, source, row, column, observed, nt, snapshots, tape)


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(c, ratio, source, row, column, observed, nt):
        k = (ratio * c[1:-1, 1:-1]) ** 2
        seen = observed.shape[1]

        def step(state, x):
            before, u = state
            pulse, wanted = x
            flux = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
            inner = 2.0 * u[1:-1, 1:-1] - before[1:-1, 1:-1] + k * flux
            after = jnp.pad(inner, 1).at[row, column].add(pulse)
            return (u, after), 0.5 * jnp.sum((after[1, :seen] - wanted) ** 2)

        rest = jnp.zeros_like(c)
        _, misfits = scan(step, (rest, rest), (source, observed), nt)
        return misfits.sum()

    return primal


def torch_primal(torch):
    pad = torch.nn.functional.pad

    def primal(c, ratio, source, row, column, observed, nt):
        k = (ratio * c[1:-1, 1:-1]) ** 2
        place = torch.zeros_like(c)
        place = place.detach()
        place[row, column] = 1.0
        before, u = torch.zeros_like(place), torch.zeros_like(place)
        misfit = 0.0
        for t in range(nt):
            flux = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
            inner = 2.0 * u[1:-1, 1:-1] - before[1:-1, 1:-1] + k * flux
            before, u = u, pad(inner, (1, 1, 1, 1)) + source[t] * place
            seen = u[1, : observed.shape[1]]
            misfit = misfit + 0.5 * ((seen - observed[t]) ** 2).sum()
        return misfit

    return primal
