"""Conjugate gradients on a dense matrix, in arrays, a fixed number of iterations.

The gradient, of the iteration as it ran, is with respect to matrix and right side. The expert keeps
the directions and their adjoints, and forms the matrix of adjoints by one product at the end.
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Conjugate gradients, 250 x 250, 30 iterations"
WRT = ("a", "b")


def arguments(scale=1.0):
    random = np.random.default_rng(18)
    n = scaled(250, scale, 6)
    root = random.normal(size=(n, n))
    return {
        "a": root @ root.T / n + 0.5 * np.eye(n),
        "b": random.normal(size=n),
        "wanted": random.normal(size=n),
        "iterations": scaled(30, scale),
    }


def conjugate_gradients(a, b, wanted, iterations):
    x = np.zeros_like(b)
    r = b.copy()
    p = r.copy()
    rr = r @ r
    for _ in range(iterations):
        q = a @ p
        step = rr / (p @ q)
        x = x + step * p
        r = r - step * q
        new = r @ r
        p = r + new / rr * p
        rr = new
    return np.sum((x - wanted) ** 2)


PRIMAL = conjugate_gradients


@jit
def adjoint(a, b, wanted, iterations):
    n = b.size
    x = np.zeros(n)
    directions = np.empty((iterations + 1, n))
    products = np.empty((iterations, n))
    residuals = np.empty((iterations + 1, n))
    squares = np.empty(iterations + 1)
    curvatures = np.empty(iterations)
    residuals[0] = b
    directions[0] = b
    squares[0] = np.dot(b, b)
    for t in range(iterations):
        p = directions[t]
        q = np.dot(a, p)
        products[t] = q
        curvatures[t] = np.dot(p, q)
        step = squares[t] / curvatures[t]
        r = residuals[t + 1]
        for i in range(n):
            x[i] += step * p[i]
            r[i] = residuals[t, i] - step * q[i]
        squares[t + 1] = np.dot(r, r)
        again = squares[t + 1] / squares[t]
        for i in range(n):
            directions[t + 1, i] = r[i] + again * p[i]
    x_b = 2.0 * (x - wanted)
    p_b = np.zeros(n)
    r_b = np.zeros(n)
    square_b = 0.0
    bars = np.empty((iterations, n))
    for t in range(iterations - 1, -1, -1):
        p = directions[t]
        q = products[t]
        r = residuals[t + 1]
        again = squares[t + 1] / squares[t]
        again_b = np.dot(p_b, p)
        square_b += again_b / squares[t]
        before_b = -again_b * again / squares[t]
        for i in range(n):
            r_b[i] += p_b[i] + 2.0 * square_b * r[i]
            p_b[i] *= again
        step = squares[t] / curvatures[t]
        step_b = np.dot(x_b, p) - np.dot(r_b, q)
        before_b += step_b / curvatures[t]
        curvature_b = -step_b * step / curvatures[t]
        q_b = bars[t]
        for i in range(n):
            q_b[i] = curvature_b * p[i] - step * r_b[i]
            p_b[i] += step * x_b[i] + curvature_b * q[i]
        p_b += np.dot(a.T, q_b)
        square_b = before_b
    for i in range(n):
        r_b[i] += p_b[i] + 2.0 * square_b * b[i]
    return np.dot(bars.T, directions[:iterations]), r_b


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(a, b, wanted, iterations):
        def step(state, _):
            x, r, p, rr = state
            q = a @ p
            alpha = rr / (p @ q)
            r = r - alpha * q
            new = r @ r
            return (x + alpha * p, r, r + new / rr * p, new), None

        (x, _, _, _), _ = scan(step, (jnp.zeros_like(b), b, b, b @ b), None, iterations)
        return jnp.sum((x - wanted) ** 2)

    return primal


def eager(a, b, wanted, iterations):
    x, r, p = 0.0 * b, b, b
    rr = r @ r
    for _ in range(iterations):
        q = a @ p
        step = rr / (p @ q)
        x = x + step * p
        r = r - step * q
        new = r @ r
        p = r + new / rr * p
        rr = new
    return ((x - wanted) ** 2).sum()


def torch_primal(torch):
    return eager


def autograd_primal(np):
    return eager
