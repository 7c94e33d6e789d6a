"""Hamiltonian Monte Carlo samples a posterior by the motion of a particle.

A line with a kink is fitted to noisy points; the posterior of its three coefficients is wanted.
`U(w) = -log p(w | data)` is a potential. From a random momentum the particle moves by leapfrog for
a while; where it ends is the proposal, accepted with probability `min(1, exp(-dH))`, `dH` being the
error of the energy. Leapfrog preserves volume and can be run backwards, which makes that exact, and
its error of energy is `O(h^2)`, which makes acceptance likely, however far the particle went.

The adjoint: the force on the particle, `-grad U`, once in each step. The chain is compiled by
Numba, and calls srcad's gradient from within.

The oracle: the data are linear in the coefficients, so the posterior is Gaussian, with a mean and a
covariance from linear algebra. The mean of `exp(-dH)` over the chain is 1, an identity of exact
samplers. Trajectories are symplectic: tangents along them, again by srcad, keep their areas.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numba import njit

import srcad

NOISE, PRIOR = 0.3, 2.0  # standard deviations


@njit
def potential(w, x, y):
    """Return -log of prior times likelihood, up to a constant."""
    u = 0.0
    for k in range(len(w)):
        u += 0.5 * (w[k] / PRIOR) ** 2
    for i in range(len(x)):
        line = w[0] + w[1] * x[i] + w[2] * abs(x[i])
        u += 0.5 * ((y[i] - line) / NOISE) ** 2
    return u


slope = srcad.grad(potential)


@njit
def leapfrog(w, p, h, steps, x, y):
    """Return place and momentum after some steps."""
    force = -slope(w, x, y)
    for _ in range(steps):
        p = p + 0.5 * h * force
        w = w + h * p
        force = -slope(w, x, y)
        p = p + 0.5 * h * force
    return w, p


@njit
def energy(w, p, x, y):
    """Return the Hamiltonian."""
    return potential(w, x, y) + 0.5 * np.sum(p * p)


@njit
def chain(w, momenta, uniforms, h, steps, x, y):
    """Return the samples, the energy error of each proposal, and how many were accepted."""
    samples, errors, accepted = np.empty_like(momenta), np.empty_like(uniforms), 0
    for t in range(len(momenta)):
        new_w, new_p = leapfrog(w, momenta[t], h, steps, x, y)
        errors[t] = energy(new_w, new_p, x, y) - energy(w, momenta[t], x, y)
        if uniforms[t] < np.exp(-errors[t]):
            w = new_w
            accepted += 1
        samples[t] = w
    return samples, errors, accepted


def make_data(n=15):
    """Return points near a line with a kink."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1.0, 2.0, n)
    return x, 0.5 - 0.3 * x + 1.2 * np.abs(x) + NOISE * rng.normal(size=n)


def posterior(x, y):
    """Return the exact mean and covariance of the coefficients."""
    columns = np.stack([np.ones_like(x), x, np.abs(x)], axis=1)
    covariance = np.linalg.inv(columns.T @ columns / NOISE**2 + np.eye(3) / PRIOR**2)
    return covariance @ columns.T @ y / NOISE**2, covariance


def run(samples, h, steps, seed=1):
    """Return a chain of samples, the energy errors and the acceptance, from the exact mean on."""
    rng = np.random.default_rng(seed)
    x, y = make_data()
    momenta, uniforms = rng.normal(size=(samples, 3)), rng.uniform(size=samples)
    found, errors, accepted = chain(posterior(x, y)[0], momenta, uniforms, h, steps, x, y)
    return found, errors, accepted / samples


def energy_error(h, time):
    """Return the root mean square error of the energy of trajectories of one length."""
    _, errors, _ = run(2000, h, round(time / h))
    return np.sqrt(np.mean(errors**2))


def trajectory(state, h, steps, x, y):
    """Return place and momentum, in one array, after some steps of leapfrog."""
    w, p = leapfrog(state[:3], state[3:], h, steps, x, y)
    return np.concatenate((w, p))


def draw(samples, mean, covariance, steps, errors):
    """Draw the samples with the exact posterior, and the energy error against the step."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    left.plot(*samples[:3000, 1:].T, ".", ms=2, alpha=0.4, label="samples")
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    root = np.linalg.cholesky(covariance[1:, 1:])
    for k in (1, 2, 3):
        ellipse = mean[1:, None] + k * root @ np.array([np.cos(angle), np.sin(angle)])
        left.plot(*ellipse, "k", lw=0.8, label="exact, 1 to 3 sigma" if k == 1 else None)
    left.set(xlabel="slope", ylabel="kink")
    left.legend(fontsize=8)
    right.loglog(steps, errors, "o", label="error of the energy")
    right.loglog(steps, errors[-1] * (steps / steps[-1]) ** 2, "k--", lw=1, label="$h^2$")
    right.set(xlabel="step h of leapfrog", ylabel="root mean square of dH")
    right.set_xticks([0.005, 0.01, 0.02, 0.04], ["0.005", "0.01", "0.02", "0.04"])
    right.set_xticks([], minor=True)
    right.legend(fontsize=8)
    return figure


def main():
    """Sample, compare moments, measure the order of the energy error."""
    mean, covariance = posterior(*make_data())
    samples, errors, accepted = run(100_000, 0.05, 12)
    print(f"accepted {accepted:.3f}; mean of exp(-dH) = {np.mean(np.exp(-errors)):.4f}, exactly 1")
    print("mean      ", samples.mean(axis=0), "exact", mean)
    deviation = np.sqrt(np.diag(covariance))
    print("deviation ", samples.std(axis=0), "exact", deviation)
    steps = 0.04 / 2.0 ** np.arange(4)
    sizes = np.array([energy_error(h, 0.4) for h in steps])
    print("halving h divides the energy error by", *(f"{r:.3f}" for r in sizes[:-1] / sizes[1:]))
    figure = draw(samples, mean, covariance, steps, sizes)
    figure.savefig(Path(__file__).parent / "pictures" / "hamiltonian_monte_carlo.png", dpi=100)


if __name__ == "__main__":
    main()
