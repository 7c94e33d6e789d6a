"""Kalman filter, the likelihood of a series: products of small matrices, an inverse, a determinant.

A body in the plane with velocities, of which the position is measured. The gradient is with respect to
the covariances of both noises. The mark by hand writes all products as loops over arrays of known size
and saves the predicted covariance, the gain and the innovation of each step.
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Kalman filter, 4 states, 2 measured, 500 steps"
WRT = ("q", "r")


def arguments(scale=1.0):
    random = np.random.default_rng(21)
    length = scaled(500, scale, 4)
    f = np.eye(4) + 0.1 * np.eye(4, k=2)
    h = np.zeros((2, 4))
    h[0, 0] = h[1, 1] = 1.0
    return {
        "q": 0.02 * np.eye(4) + 0.005,
        "r": 0.3 * np.eye(2) + 0.05,
        "f": f,
        "h": h,
        "seen": np.cumsum(random.normal(size=(length, 2)), axis=0),
    }


def kalman(q, r, f, h, seen):
    x = np.zeros(f.shape[0])
    p = np.eye(f.shape[0])
    loss = 0.0
    for t in range(seen.shape[0]):
        x = f @ x
        p = f @ p @ f.T + q
        y = seen[t] - h @ x
        s = h @ p @ h.T + r
        inverse = np.linalg.inv(s)
        gain = p @ h.T @ inverse
        x = x + gain @ y
        p = p - gain @ h @ p
        loss += 0.5 * (y @ inverse @ y + np.log(np.linalg.det(s)))
    return loss


PRIMAL = kalman


@jit
def product(a, b, out):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            out[i, j] = 0.0
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                out[i, j] += a[i, k] * b[k, j]


@jit
def adjoint(q, r, f, h, seen):
    n, length = 4, seen.shape[0]
    ft = f.T.copy()
    ht = h.T.copy()
    xs = np.empty((length, n))  # predicted
    ps = np.empty((length, n, n))  # predicted
    ys = np.empty((length, 2))
    inverses = np.empty((length, 2, 2))
    x = np.zeros(n)
    p = np.eye(n)
    one = np.empty((n, n))
    hp = np.empty((2, n))
    gain_t = np.empty((2, n))
    for t in range(length):
        pp = ps[t]
        product(p, ft, one)
        product(f, one, pp)
        for i in range(n):
            xs[t, i] = 0.0
            for j in range(n):
                xs[t, i] += f[i, j] * x[j]
                pp[i, j] += q[i, j]
        product(h, pp, hp)
        s00, s01, s10, s11 = r[0, 0], r[0, 1], r[1, 0], r[1, 1]
        y0, y1 = seen[t, 0], seen[t, 1]
        for k in range(n):
            s00 += hp[0, k] * h[0, k]
            s01 += hp[0, k] * h[1, k]
            s10 += hp[1, k] * h[0, k]
            s11 += hp[1, k] * h[1, k]
            y0 -= h[0, k] * xs[t, k]
            y1 -= h[1, k] * xs[t, k]
        det = s00 * s11 - s01 * s10
        inverse = inverses[t]
        inverse[0, 0], inverse[0, 1] = s11 / det, -s01 / det
        inverse[1, 0], inverse[1, 1] = -s10 / det, s00 / det
        ys[t, 0], ys[t, 1] = y0, y1
        for a in range(2):  # the covariance before is symmetric, q and r need not be
            for i in range(n):
                gain_t[a, i] = 0.0
                for k in range(n):
                    gain_t[a, i] += pp[i, k] * (ht[k, 0] * inverse[0, a] + ht[k, 1] * inverse[1, a])
        for i in range(n):
            x[i] = xs[t, i] + gain_t[0, i] * y0 + gain_t[1, i] * y1
            for j in range(n):
                p[i, j] = pp[i, j] - gain_t[0, i] * hp[0, j] - gain_t[1, i] * hp[1, j]
    return backwards(q, r, f, h, ps, ys, inverses)


@jit
def backwards(q, r, f, h, ps, ys, inverses):
    n, length = 4, ys.shape[0]
    ft = f.T.copy()
    q_b = np.zeros((n, n))
    r_b = np.zeros((2, 2))
    x_b = np.zeros(n)
    p_b = np.zeros((n, n))
    pp_b = np.empty((n, n))
    one = np.empty((n, n))
    hp = np.empty((2, n))
    hp_b = np.empty((2, n))
    pht = np.empty((n, 2))
    pht_b = np.empty((n, 2))
    gain = np.empty((n, 2))
    gain_b = np.empty((n, 2))
    s_b = np.empty((2, 2))
    z = np.empty(2)
    for t in range(length - 1, -1, -1):
        pp, inverse, y = ps[t], inverses[t], ys[t]
        for a in range(2):
            for j in range(n):
                hp[a, j] = 0.0
                pht[j, a] = 0.0
                for k in range(n):
                    hp[a, j] += h[a, k] * pp[k, j]
                    pht[j, a] += pp[j, k] * h[a, k]
        for i in range(n):
            for a in range(2):
                gain[i, a] = pht[i, 0] * inverse[0, a] + pht[i, 1] * inverse[1, a]
                gain_b[i, a] = x_b[i] * y[a]  # x = xs + gain y
                for j in range(n):
                    gain_b[i, a] -= p_b[i, j] * hp[a, j]  # p = pp - gain hp
        for a in range(2):
            for j in range(n):
                hp_b[a, j] = 0.0
                for i in range(n):
                    hp_b[a, j] -= gain[i, a] * p_b[i, j]
        # loss: y' inverse y / 2 + log det(s) / 2; gain = pht inverse
        for a in range(2):
            for b in range(2):
                s_b[a, b] = 0.5 * y[a] * y[b]  # so far the adjoint of the inverse
                for i in range(n):
                    s_b[a, b] += pht[i, a] * gain_b[i, b]
        for i in range(n):
            for a in range(2):
                pht_b[i, a] = gain_b[i, 0] * inverse[a, 0] + gain_b[i, 1] * inverse[a, 1]
        c00, c01, c10, c11 = 0.0, 0.0, 0.0, 0.0
        for a in range(2):
            left0 = inverse[0, 0] * s_b[0, a] + inverse[1, 0] * s_b[1, a]
            left1 = inverse[0, 1] * s_b[0, a] + inverse[1, 1] * s_b[1, a]
            c00 -= left0 * inverse[0, a]
            c01 -= left0 * inverse[1, a]
            c10 -= left1 * inverse[0, a]
            c11 -= left1 * inverse[1, a]
        s_b[0, 0] = c00 + 0.5 * inverse[0, 0]
        s_b[0, 1] = c01 + 0.5 * inverse[1, 0]
        s_b[1, 0] = c10 + 0.5 * inverse[0, 1]
        s_b[1, 1] = c11 + 0.5 * inverse[1, 1]
        for a in range(2):
            z[a] = 0.5 * (
                (inverse[a, 0] + inverse[0, a]) * y[0] + (inverse[a, 1] + inverse[1, a]) * y[1]
            )
            for i in range(n):
                z[a] += gain[i, a] * x_b[i]
        for a in range(2):
            for b in range(2):
                r_b[a, b] += s_b[a, b]
                for k in range(n):
                    hp_b[a, k] += s_b[a, b] * h[b, k]
        for i in range(n):
            x_b[i] -= h[0, i] * z[0] + h[1, i] * z[1]
            for j in range(n):
                pp_b[i, j] = (
                    p_b[i, j]
                    + h[0, i] * hp_b[0, j]
                    + h[1, i] * hp_b[1, j]
                    + pht_b[i, 0] * h[0, j]
                    + pht_b[i, 1] * h[1, j]
                )
                q_b[i, j] += pp_b[i, j]
        product(pp_b, f, one)
        product(ft, one, p_b)
        for i in range(n):
            z4 = 0.0
            for k in range(n):
                z4 += f[k, i] * x_b[k]
            one[0, i] = z4
        for i in range(n):
            x_b[i] = one[0, i]
    return q_b, r_b


def jax_primal(jax, scan):
    jnp = jax.numpy
    inv, det = jnp.linalg.inv, jnp.linalg.det

    def primal(q, r, f, h, seen):
        def step(state, now):
            x, p = state
            x = f @ x
            p = f @ p @ f.T + q
            y = now - h @ x
            s = h @ p @ h.T + r
            inverse = inv(s)
            gain = p @ h.T @ inverse
            return (x + gain @ y, p - gain @ h @ p), 0.5 * (y @ inverse @ y + jnp.log(det(s)))

        _, terms = scan(step, (jnp.zeros(4), jnp.eye(4)), seen, seen.shape[0])
        return terms.sum()

    return primal


def torch_primal(torch):
    def primal(q, r, f, h, seen):
        x, p = torch.zeros(4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
        loss = 0.0
        for now in seen:
            x = f @ x
            p = f @ p @ f.T + q
            y = now - h @ x
            s = h @ p @ h.T + r
            inverse = torch.linalg.inv(s)
            gain = p @ h.T @ inverse
            x = x + gain @ y
            p = p - gain @ h @ p
            loss = loss + 0.5 * (y @ inverse @ y + torch.log(torch.linalg.det(s)))
        return loss

    return primal


def autograd_primal(np):
    def primal(q, r, f, h, seen):
        x, p = np.zeros(4), np.eye(4)
        loss = 0.0
        for now in seen:
            x = np.dot(f, x)
            p = np.dot(np.dot(f, p), f.T) + q
            y = now - np.dot(h, x)
            s = np.dot(np.dot(h, p), h.T) + r
            inverse = np.linalg.inv(s)
            gain = np.dot(np.dot(p, h.T), inverse)
            x = x + np.dot(gain, y)
            p = p - np.dot(np.dot(gain, h), p)
            loss = loss + 0.5 * (np.dot(y, np.dot(inverse, y)) + np.log(np.linalg.det(s)))
        return loss

    return primal
