"""Variational inference minimises a free energy F = U - TS; its bound is tight if it can be.

A posterior `p(w | data)` is approximated by a Gaussian `q`. With the energy
`U(w) = -log p(data, w)`, the mean energy less the entropy of `q` is a free energy,
`F(q) = <U>_q - T S(q)`, and at `T = 1` it bounds the evidence: `F(q) = KL(q | p) - log p(data)`.
Here it is minimised over the mean and the Cholesky factor of `q`. A full factor reaches
`-log p(data)` itself; a diagonal one (mean field) stops above, with deviations that are too small.
At other temperatures `q` is the Boltzmann distribution of `U`: its covariance is `T` times that of
the posterior, and the derivative of the least free energy by `T` is `-S`.

The adjoint: the gradient of `F` by mean and factor, at samples `w = mean + L z` with nodes `z` that
integrate polynomials of third degree exactly; so `<U>` is exact for the quadratic `U` of this
model, and a cubature for others. What flows back through `w` is the reparameterisation gradient.

The oracle: linear regression with Gaussian noise and prior, whose posterior and evidence are
closed formulas. The mean field's deviations are known too, `1 / sqrt(precision_kk)`.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad

NOISE, PRIOR = 0.5, 1.5  # standard deviations


def energy(w, x, y):
    """Return -log of the joint density of data and weights: a parabola is fitted to points."""
    u = 0.0
    for k in range(3):
        u += 0.5 * (w[k] / PRIOR) ** 2 + math.log(PRIOR) + 0.5 * math.log(2.0 * math.pi)
    for i in range(len(x)):
        residual = y[i] - (w[0] + w[1] * x[i] + w[2] * x[i] ** 2)
        u += 0.5 * (residual / NOISE) ** 2 + math.log(NOISE) + 0.5 * math.log(2.0 * math.pi)
    return u


def free_energy(q, temperature, x, y, full):
    """Return `<U> - T S` of the Gaussian: three means, three log deviations, three couplings."""
    factor = np.zeros((3, 3))
    entropy = 1.5 * (1.0 + math.log(2.0 * math.pi))
    for k in range(3):
        factor[k, k] = math.exp(q[3 + k])
        entropy += q[3 + k]
    if full:
        factor[1, 0], factor[2, 0], factor[2, 1] = q[6], q[7], q[8]
    mean_energy = 0.0
    for k in range(3):  # the nodes are plus and minus sqrt(3) along each axis
        for sign in (-1.0, 1.0):
            w = q[:3] + sign * math.sqrt(3.0) * factor[:, k]
            mean_energy += energy(w, x, y) / 6.0
    return mean_energy - temperature * entropy


descent = srcad.value_and_grad(free_energy)


def fit(temperature, x, y, full):
    """Return the least free energy, and the mean and covariance of q."""
    options = {"gtol": 1e-10, "ftol": 1e-16, "maxiter": 1000}
    found = minimize(
        descent,
        np.zeros(9),
        args=(temperature, x, y, full),
        jac=True,
        method="L-BFGS-B",
        options=options,
    )
    q = found.x
    factor = np.diag(np.exp(q[3:6]))
    if full:
        factor[[1, 2, 2], [0, 0, 1]] = q[6:9]
    return found.fun, q[:3], factor @ factor.T


def make_data(n=12):
    """Return points near a parabola."""
    rng = np.random.default_rng(3)
    x = np.linspace(-0.5, 2.0, n)
    return x, 0.4 + 0.9 * x - 0.8 * x**2 + NOISE * rng.normal(size=n)


def exact(x, y):
    """Return -log evidence, posterior mean and covariance, by linear algebra."""
    columns = np.stack([np.ones_like(x), x, x**2], axis=1)
    covariance = np.linalg.inv(columns.T @ columns / NOISE**2 + np.eye(3) / PRIOR**2)
    marginal = NOISE**2 * np.eye(len(x)) + PRIOR**2 * columns @ columns.T
    _, log_det = np.linalg.slogdet(2.0 * np.pi * marginal)
    evidence = 0.5 * log_det + 0.5 * y @ np.linalg.solve(marginal, y)
    return evidence, covariance @ columns.T @ y / NOISE**2, covariance


def ellipse(axes, mean, covariance, style, label):
    """Draw two standard deviations of slope and bend."""
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    root = np.linalg.cholesky(covariance[1:, 1:])
    axes.plot(*(mean[1:, None] + 2.0 * root @ [np.cos(angle), np.sin(angle)]), style, label=label)


def draw(temperatures, full, mean_field, posterior, evidence):
    """Draw the distributions and the free energy against temperature."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    at_one = list(temperatures).index(1.0)
    ellipse(left, *posterior, "k", "posterior, exact")
    ellipse(left, *full[at_one][1:], "C0--", "q, full")
    ellipse(left, *mean_field[at_one][1:], "C1--", "q, mean field")
    left.set(xlabel="slope", ylabel="bend", title="two standard deviations")
    left.legend(fontsize=8)
    right.plot(temperatures, [f for f, _, _ in mean_field], "C1o-", ms=4, label="mean field")
    right.plot(temperatures, [f for f, _, _ in full], "C0o-", ms=4, label="full")
    right.plot(1.0, evidence, "k*", ms=12, label="-log evidence, exact")
    right.set(xlabel="temperature T", ylabel="least free energy F")
    right.legend(fontsize=8)
    return figure


def main():
    """Minimise the free energy, compare with evidence and posterior, vary the temperature."""
    x, y = make_data()
    evidence, mean, covariance = exact(x, y)
    bound, q_mean, q_covariance = fit(1.0, x, y, True)
    print(f"least F {bound:.10f}, -log evidence {evidence:.10f}")
    print(f"posterior mean {mean}, of q {q_mean}")
    print("largest error of the covariance", np.max(np.abs(q_covariance - covariance)))
    loose, _, field_covariance = fit(1.0, x, y, False)
    precision = np.diag(np.linalg.inv(covariance))
    print(f"mean field: F - log evidence = KL = {loose - evidence:.6f}")
    print(f"deviations {np.sqrt(np.diag(field_covariance))}, known {1.0 / np.sqrt(precision)}")
    temperatures = np.linspace(0.25, 2.0, 8)
    full = [fit(t, x, y, True) for t in temperatures]
    mean_field = [fit(t, x, y, False) for t in temperatures]
    figure = draw(temperatures, full, mean_field, (mean, covariance), evidence)
    figure.savefig(Path(__file__).parent / "pictures" / "variational_free_energy.png", dpi=100)


if __name__ == "__main__":
    main()
