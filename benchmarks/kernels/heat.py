"""Heat equation on a grid with varying conductivity, explicit loops, two buffers that are swapped.

The gradient is with respect to the first field and the conductivity. What decides the time:
whether the tape's memory is fresh at each call, whether a step is saved whole or element by element,
and whether the reversed stencil scatters or gathers. The marks by hand take a tape that has been
touched before, as a pooled tape is, and gather.
"""

import numpy as np

from benchmarks.kernel import jit, pooled, scaled

TITLE = "2-D heat equation, 256 x 256, 200 steps"
WRT = ("u", "kappa")


def arguments(scale=1.0):
    n, steps = scaled(256, scale, 6), scaled(200, scale, 4)
    random = np.random.default_rng(2)
    return {
        "u": random.random((n, n)),
        "kappa": 0.05 + 0.15 * random.random((n, n)),
        "steps": steps,
    }


def heat(u, kappa, steps):
    n, m = u.shape
    u = u.copy()
    v = u.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                v[i, j] = u[i, j] + kappa[i, j] * (
                    u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j]
                )
        u, v = v, u
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += u[i, j] * u[i, j]
    return total


PRIMAL = heat


@jit
def step(u, kappa, v):
    n, m = u.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            v[i, j] = u[i, j] + kappa[i, j] * (
                u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j]
            )


@jit
def step_back(u, inner, v_b, kappa_b, u_b):
    """Reverse one step in gather form; ``inner`` is the conductivity with zeros on the border."""
    n, m = u.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            here = v_b[i, j]
            kappa_b[i, j] += here * (
                u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j]
            )
            u_b[i, j] = (
                here
                - 4.0 * inner[i, j] * here
                + inner[i + 1, j] * v_b[i + 1, j]
                + inner[i - 1, j] * v_b[i - 1, j]
                + inner[i, j + 1] * v_b[i, j + 1]
                + inner[i, j - 1] * v_b[i, j - 1]
            )
    for j in range(1, m - 1):
        u_b[0, j] = v_b[0, j] + inner[1, j] * v_b[1, j]
        u_b[n - 1, j] = v_b[n - 1, j] + inner[n - 2, j] * v_b[n - 2, j]
    for i in range(1, n - 1):
        u_b[i, 0] = v_b[i, 0] + inner[i, 1] * v_b[i, 1]
        u_b[i, m - 1] = v_b[i, m - 1] + inner[i, m - 2] * v_b[i, m - 2]
    for i in (0, n - 1):
        for j in (0, m - 1):
            u_b[i, j] = v_b[i, j]


@jit
def copy(target, source):
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@jit
def copy_border(target, source):
    n, m = source.shape
    for j in range(m):
        target[0, j] = source[0, j]
        target[n - 1, j] = source[n - 1, j]
    for i in range(n):
        target[i, 0] = source[i, 0]
        target[i, m - 1] = source[i, m - 1]


@jit
def segments_by_hand(u, kappa, steps, snapshots, tape):
    """Two levels: a snapshot at the start of each segment, and one segment's steps on the tape.

    With one segment as long as the run this saves every step. The border never changes, so it is
    copied once into each slot of the tape.
    """
    n, m = u.shape
    length = tape.shape[0] - 1
    inner = np.zeros((n, m))
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            inner[i, j] = kappa[i, j]
    for t in range(length + 1):
        copy_border(tape[t], u)
    copy(snapshots[0], u)
    for s in range(snapshots.shape[0] - 1):
        copy(tape[0], snapshots[s])
        for t in range(length):
            step(tape[t % 2], kappa, tape[(t + 1) % 2])
        copy(snapshots[s + 1], tape[length % 2])

    u_b = np.empty((n, m))
    v_b = np.empty((n, m))
    kappa_b = np.zeros((n, m))
    for s in range(snapshots.shape[0] - 1, -1, -1):
        last = s == snapshots.shape[0] - 1
        count = steps - s * length if last else length
        copy(tape[0], snapshots[s])
        for t in range(count if last else count - 1):
            step(tape[t], kappa, tape[t + 1])
        if last:
            for i in range(n):
                for j in range(m):
                    u_b[i, j] = 2.0 * tape[count, i, j]
        for t in range(count - 1, -1, -1):
            u_b, v_b = v_b, u_b
            step_back(tape[t], inner, v_b, kappa_b, u_b)
    return u_b, kappa_b


def adjoint(u, kappa, steps, length=14):
    length = min(length, steps)
    snapshots = pooled("heat snapshots", -(-steps // length), *u.shape)
    tape = pooled("heat tape", length + 1, *u.shape)
    return segments_by_hand(u, kappa, steps, snapshots, tape)


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(u, kappa, steps):
        def step(u, _):
            flux = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
            return u.at[1:-1, 1:-1].add(kappa[1:-1, 1:-1] * flux), None

        u, _ = scan(step, u, None, steps)
        return jnp.sum(u * u)

    return primal


def torch_primal(torch):
    def primal(u, kappa, steps):
        inner = kappa[1:-1, 1:-1]
        top, bottom, left, right = u[:1], u[-1:], u[1:-1, :1], u[1:-1, -1:]
        for _ in range(steps):
            flux = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
            middle = torch.cat([left, u[1:-1, 1:-1] + inner * flux, right], 1)
            u = torch.cat([top, middle, bottom])
        return (u * u).sum()

    return primal


ENZYME = """
  const int n = 256;
  double* a = (double*)malloc(n * n * 8);
  double* b = (double*)malloc(n * n * 8);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) a[i * n + j] = b[i * n + j] = u[i][j];
  for (int t = 0; t < steps; t++) {
    for (int i = 1; i < n - 1; i++)
      for (int j = 1; j < n - 1; j++) {
        int p = i * n + j;
        b[p] = a[p] + kappa[i][j] * (a[p + n] + a[p - n] + a[p + 1] + a[p - 1] - 4.0 * a[p]);
      }
    double* c = a; a = b; b = c;
  }
  double total = 0;
  for (int p = 0; p < n * n; p++) total += a[p] * a[p];
  out[0] = total;
  free(a);
  free(b);
"""


def warp_gradient(wp, u, kappa, steps):
    f64, plane = wp.float64, wp.array2d(dtype=wp.float64)

    @wp.kernel
    def step(u: plane, kappa: plane, v: plane):
        i, j = wp.tid()
        if i > 0 and j > 0 and i < u.shape[0] - 1 and j < u.shape[1] - 1:
            v[i, j] = u[i, j] + kappa[i, j] * (
                u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - f64(4.0) * u[i, j]
            )
        else:
            v[i, j] = u[i, j]

    @wp.kernel
    def squares(u: plane, total: wp.array(dtype=wp.float64)):
        i, j = wp.tid()
        wp.atomic_add(total, 0, u[i, j] * u[i, j])

    total = wp.zeros(1, dtype=f64, requires_grad=True)
    k = wp.array(kappa, dtype=f64, requires_grad=True)
    history = [wp.array(u, dtype=f64, requires_grad=True) for _ in range(steps + 1)]

    def call():
        total.zero_()
        tape = wp.Tape()
        with tape:
            for t in range(steps):
                wp.launch(step, dim=u.shape, inputs=[history[t], k], outputs=[history[t + 1]])
            wp.launch(squares, dim=u.shape, inputs=[history[steps]], outputs=[total])
        tape.backward(total)
        found = history[0].grad.numpy().copy(), k.grad.numpy().copy()
        tape.zero()
        return found

    return call


def taichi_gradient(ti, u, kappa, steps):
    n, m = u.shape
    total = ti.field(ti.f64, shape=(), needs_grad=True)
    history = ti.field(ti.f64, shape=(steps + 1, n, m), needs_grad=True)
    k = ti.field(ti.f64, shape=(n, m), needs_grad=True)
    first = ti.field(ti.f64, shape=(n, m), needs_grad=True)
    first.from_numpy(u)
    k.from_numpy(kappa)

    @ti.kernel
    def start():
        for i, j in first:
            history[0, i, j] = first[i, j]

    @ti.kernel
    def step(t: ti.i32):
        for i, j in k:
            if i > 0 and j > 0 and i < n - 1 and j < m - 1:
                history[t + 1, i, j] = history[t, i, j] + k[i, j] * (
                    history[t, i + 1, j]
                    + history[t, i - 1, j]
                    + history[t, i, j + 1]
                    + history[t, i, j - 1]
                    - 4.0 * history[t, i, j]
                )
            else:
                history[t + 1, i, j] = history[t, i, j]

    @ti.kernel
    def squares():
        for i, j in k:
            total[None] += history[steps, i, j] ** 2

    def call():
        with ti.ad.Tape(total):
            start()
            for t in range(steps):
                step(t)
            squares()
        return first.grad.to_numpy(), k.grad.to_numpy()

    return call
