"""Wave inversion in one dimension: three buffers that rotate, a source, receivers at known points.

The gradient is with respect to the velocity, summed over all time steps. The mark by hand keeps the
whole history in a tape that has been touched before, and runs the adjoint recursion in gather form.
"""

import numpy as np

from benchmarks.kernel import jit, pooled, scaled

TITLE = "1-D acoustic wave inversion, 500 points, 1000 steps"
WRT = ("c",)


def arguments(scale=1.0):
    nx, nt = scaled(500, scale, 12), scaled(1000, scale, 9)
    random = np.random.default_rng(3)
    c = 1.5 + 0.5 * np.sin(np.linspace(0.0, 6.0, nx)) + 0.1 * random.random(nx)
    tau = np.pi * 8.0 * (np.arange(nt) * 2e-3 - 0.12)
    receivers = np.arange(3, nx - 2, max(1, nx // 25))
    return {
        "c": c,
        "scale": 0.2,
        "source": (1.0 - 2.0 * tau**2) * np.exp(-(tau**2)),
        "at": nx // 2,
        "receivers": receivers,
        "observed": 0.05 * random.normal(size=(nt, receivers.size)),
        "nt": nt,
    }


def wave(c, scale, source, at, receivers, observed, nt):
    nx = c.size
    before = np.zeros(nx)
    now = np.zeros(nx)
    after = np.zeros(nx)
    misfit = 0.0
    for t in range(nt):
        for i in range(1, nx - 1):
            q = scale * c[i]
            after[i] = 2.0 * now[i] - before[i] + q * q * (now[i + 1] - 2.0 * now[i] + now[i - 1])
        after[at] += source[t]
        for r in range(receivers.size):
            e = after[receivers[r]] - observed[t, r]
            misfit += 0.5 * e * e
        before, now, after = now, after, before
    return misfit


PRIMAL = wave


@jit
def step(before, now, after, k):
    for i in range(1, k.size - 1):
        after[i] = 2.0 * now[i] - before[i] + k[i] * (now[i + 1] - 2.0 * now[i] + now[i - 1])


@jit
def step_back(u, later, latest, k, k_b, u_b):
    """``u_b = 2 later - latest + laplacian(k later)``: the adjoint is a wave equation as well."""
    for i in range(1, k.size - 1):
        k_b[i] += later[i] * (u[i + 1] - 2.0 * u[i] + u[i - 1])
        u_b[i] = (
            2.0 * later[i]
            - latest[i]
            + k[i + 1] * later[i + 1]
            - 2.0 * k[i] * later[i]
            + k[i - 1] * later[i - 1]
        )


@jit
def history_saved(c, scale, source, at, receivers, observed, nt, tape):
    nx = c.size
    k = scale * scale * c * c
    tape[0] = 0.0
    tape[1] = 0.0
    for t in range(nt):
        u = tape[t + 2]
        u[0] = 0.0
        u[nx - 1] = 0.0
        step(tape[t], tape[t + 1], u, k)
        u[at] += source[t]
    k_b = np.zeros(nx)
    bars = np.zeros((3, nx))
    for t in range(nt - 1, -1, -1):
        u = tape[t + 2]
        later = bars[t % 3]
        for r in range(receivers.size):
            later[receivers[r]] += u[receivers[r]] - observed[t, r]
        step_back(tape[t + 1], later, bars[(t + 1) % 3], k, k_b, bars[(t + 2) % 3])
    return 2.0 * scale * scale * c * k_b


def adjoint(c, scale, source, at, receivers, observed, nt):
    tape = pooled("wave", nt + 2, c.size)
    return history_saved(c, scale, source, at, receivers, observed, nt, tape)


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(c, scale, source, at, receivers, observed, nt):
        k = (scale * c[1:-1]) ** 2

        def step(state, x):
            before, now = state
            pulse, seen = x
            inner = 2.0 * now[1:-1] - before[1:-1] + k * (now[2:] - 2.0 * now[1:-1] + now[:-2])
            after = jnp.pad(inner, 1).at[at].add(pulse)
            return (now, after), 0.5 * jnp.sum((after[receivers] - seen) ** 2)

        rest = jnp.zeros_like(c)
        _, misfits = scan(step, (rest, rest), (source, observed), nt)
        return misfits.sum()

    return primal


def torch_primal(torch):
    pad = torch.nn.functional.pad

    def primal(c, scale, source, at, receivers, observed, nt):
        k = (scale * c[1:-1]) ** 2
        before, now = torch.zeros_like(c), torch.zeros_like(c)
        pulses = torch.zeros((nt, c.shape[0]), dtype=torch.float64)
        pulses[:, at] = source
        misfit = 0.0
        for t in range(nt):
            inner = 2.0 * now[1:-1] - before[1:-1] + k * (now[2:] - 2.0 * now[1:-1] + now[:-2])
            before, now = now, pad(inner, (1, 1)) + pulses[t]
            misfit = misfit + 0.5 * ((now[receivers] - observed[t]) ** 2).sum()
        return misfit

    return primal


ENZYME = """
  const int nx = 500;
  double one[nx], two[nx], three[nx], misfit = 0;
  double *before = one, *now = two, *after = three;
  for (int i = 0; i < nx; i++) before[i] = now[i] = after[i] = 0;
  for (int t = 0; t < nt; t++) {
    for (int i = 1; i < nx - 1; i++) {
      double q = scale * c[i];
      after[i] = 2 * now[i] - before[i] + q * q * (now[i + 1] - 2 * now[i] + now[i - 1]);
    }
    after[at] += source[t];
    for (int r = 0; r < 25; r++) {
      double e = after[(int)receivers[r]] - observed[t][r];
      misfit += 0.5 * e * e;
    }
    double* free_ = before; before = now; now = after; after = free_;
  }
  out[0] = misfit;
"""


def warp_gradient(wp, c, scale, source, at, receivers, observed, nt):
    f64, line, plane = wp.float64, wp.array(dtype=wp.float64), wp.array2d(dtype=wp.float64)
    positions = wp.array(dtype=int)

    @wp.kernel
    def step(
        before: line, now: line, c: line, scale: f64, source: line, t: int, at: int, after: line
    ):
        i = wp.tid()
        if i > 0 and i < now.shape[0] - 1:
            q = scale * c[i]
            flux = now[i + 1] - f64(2.0) * now[i] + now[i - 1]
            value = f64(2.0) * now[i] - before[i] + q * q * flux
            if i == at:
                value = value + source[t]
            after[i] = value

    @wp.kernel
    def compare(u: line, receivers: positions, observed: plane, t: int, misfit: line):
        r = wp.tid()
        e = u[receivers[r]] - observed[t, r]
        wp.atomic_add(misfit, 0, f64(0.5) * e * e)

    misfit = wp.zeros(1, dtype=f64, requires_grad=True)
    speed = wp.array(c, dtype=f64, requires_grad=True)
    pulse, seen = wp.array(source, dtype=f64), wp.array(observed, dtype=f64)
    where = wp.array(receivers.astype(np.int32), dtype=int)
    history = [wp.zeros(c.size, dtype=f64, requires_grad=True) for _ in range(nt + 2)]

    def call():
        misfit.zero_()
        tape = wp.Tape()
        with tape:
            for t in range(nt):
                given = [history[t], history[t + 1], speed, scale, pulse, t, at]
                wp.launch(step, dim=c.size, inputs=given, outputs=[history[t + 2]])
                given = [history[t + 2], where, seen, t]
                wp.launch(compare, dim=receivers.size, inputs=given, outputs=[misfit])
        tape.backward(misfit)
        found = speed.grad.numpy().copy()
        tape.zero()
        return found

    return call


def taichi_gradient(ti, c, scale, source, at, receivers, observed, nt):
    nx, count = c.size, receivers.size
    misfit = ti.field(ti.f64, shape=(), needs_grad=True)
    u = ti.field(ti.f64, shape=(nt + 2, nx), needs_grad=True)
    speed = ti.field(ti.f64, shape=nx, needs_grad=True)
    pulse = ti.field(ti.f64, shape=nt)
    seen = ti.field(ti.f64, shape=(nt, count))
    where = ti.field(ti.i32, shape=count)
    speed.from_numpy(c)
    pulse.from_numpy(source)
    seen.from_numpy(observed)
    where.from_numpy(receivers.astype(np.int32))

    @ti.kernel
    def step(t: ti.i32):
        for i in range(nx):
            if i > 0 and i < nx - 1:
                q = scale * speed[i]
                flux = u[t + 1, i + 1] - 2 * u[t + 1, i] + u[t + 1, i - 1]
                value = 2 * u[t + 1, i] - u[t, i] + q * q * flux
                if i == at:
                    value += pulse[t]
                u[t + 2, i] = value

    @ti.kernel
    def compare():
        for t, r in ti.ndrange(nt, count):
            e = u[t + 2, where[r]] - seen[t, r]
            misfit[None] += 0.5 * e * e

    def call():
        with ti.ad.Tape(misfit):
            for t in range(nt):
                step(t)
            compare()
        return speed.grad.to_numpy()

    return call
