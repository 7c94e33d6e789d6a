"""Gaussian mixture on Fisher's irises: gradient ascent ends where EM stands still.

150 flowers, four lengths each, and no names: a mixture of three normal distributions with full
covariances finds the species. The log-likelihood is written flower by flower, with a triangular
factor `L_k` of each precision matrix, `P_k = L_k^T L_k`, its diagonal as logarithms, so that every
set of free numbers is a mixture. L-BFGS climbs along srcad's gradient, from a point near the top:
the likelihood has no highest value, as a component may shrink onto a few flowers of equal width.

Expectation maximisation needs no gradient: it assigns each flower to the components by
responsibilities `r_nk`, and sets weights, means and covariances to the weighted averages. Its fixed
points are the stationary points of the likelihood, so both must meet.

The adjoint: of the sum over components, the responsibilities (the softmax that the logarithm of a
sum leaves behind); of a mean, `sum_n r_nk P_k (x_n - mu_k)`, zero at the weighted average.

The oracle: EM written in NumPy, one step of which does not move what L-BFGS found, and
scikit-learn's `GaussianMixture`, which gives the same log-likelihood.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_iris

import srcad


def log_likelihood(logits, means, factors, x):
    """Of the points `x` under the mixture; `factors[k]` is `L_k`, with log of its diagonal."""
    n, d = x.shape
    K = len(logits)
    normaliser = np.log(np.sum(np.exp(logits))) + 0.5 * d * np.log(2.0 * np.pi)
    logs = np.zeros(K)
    total = 0.0
    for i in range(n):
        for k in range(K):
            square = 0.0
            log_det = 0.0
            for a in range(d):
                z = np.exp(factors[k, a, a]) * (x[i, a] - means[k, a])
                for b in range(a):
                    z += factors[k, a, b] * (x[i, b] - means[k, b])
                square += z * z
                log_det += factors[k, a, a]
            logs[k] = logits[k] + log_det - 0.5 * square
        top = np.max(logs)
        total += top + np.log(np.sum(np.exp(logs - top))) - normaliser
    return total


climb = srcad.value_and_grad(log_likelihood, wrt=("logits", "means", "factors"))


def ascend(start, x):
    """Maximise by L-BFGS; the mixture found, and the log-likelihoods on the way."""
    shapes = [p.shape for p in start]
    cuts = np.cumsum([p.size for p in start])[:-1]
    course = []

    def split(v):
        return tuple(p.reshape(s) for p, s in zip(np.split(v, cuts), shapes, strict=True))

    def objective(v):
        value, gradient = climb(*split(v), x)
        course.append(value)
        return -value, -np.concatenate([g.ravel() for g in gradient])

    v = np.concatenate([p.ravel() for p in start])
    options = {"maxiter": 2000, "maxfun": 5000, "ftol": 1e-16, "gtol": 1e-7, "maxcor": 30}
    found = minimize(objective, v, jac=True, method="L-BFGS-B", options=options)
    return split(found.x), np.maximum.accumulate(course)


def mixture(logits, means, factors):
    """Weights, means and covariances of the free numbers."""
    weights = np.exp(logits - np.max(logits))
    lower = np.tril(factors, -1)
    for k in range(len(lower)):
        np.fill_diagonal(lower[k], np.exp(np.diag(factors[k])))
    return weights / weights.sum(), means, np.linalg.inv(lower.transpose(0, 2, 1) @ lower)


def em_step(weights, means, covariances, x):
    """The oracle: one step of expectation maximisation, and the responsibilities."""
    away = x[:, None] - means
    square = np.einsum("nka,kab,nkb->nk", away, np.linalg.inv(covariances), away)
    logs = np.log(weights) - 0.5 * (square + np.linalg.slogdet(2.0 * np.pi * covariances)[1])
    r = np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))
    counts = r.sum(axis=0)
    means = (r.T @ x) / counts[:, None]
    away = x[:, None] - means
    covariances = np.einsum("nk,nka,nkb->kab", r, away, away) / counts[:, None, None]
    return (counts / len(x), means, covariances), r, np.logaddexp.reduce(logs, axis=1).sum()


def free(weights, means, covariances):
    """The free numbers of a mixture: the opposite of `mixture`."""
    factors = np.linalg.inv(np.linalg.cholesky(covariances))
    for L in factors:
        np.fill_diagonal(L, np.log(np.diag(L)))
    return np.log(weights), means, factors


def start(x, steps=10):
    """Where both searches start: a few steps of EM from round components at three flowers."""
    found = np.full(3, 1 / 3), x[[10, 60, 110]], np.stack([0.5 * np.eye(x.shape[1])] * 3)
    for _ in range(steps):
        found, _, _ = em_step(*found, x)
    return found


def draw(x, species, found, ascent, em):
    """Petals with the components found, and the likelihood as the searches go on."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for s in range(3):
        rows = x[species == s]
        name = ("setosa", "versicolor", "virginica")[s]
        left.plot(rows[:, 2], rows[:, 3], "o^s"[s], ms=4, color=f"C{s}", alpha=0.6, label=name)
    circle = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 100))
    for mean, covariance in zip(found[1], found[2], strict=True):
        axes = 2.0 * np.linalg.cholesky(covariance[2:, 2:]) @ [circle.real, circle.imag]
        left.plot(*(mean[2:, None] + axes), "k", lw=1)
    left.plot([], [], "k", lw=1, label="2 sigma of a component")
    left.set(xlabel="petal length (cm)", ylabel="petal width (cm)")
    left.legend(loc="upper left", fontsize=8)
    best = max(em[-1], ascent[-1])
    right.loglog(best - em + 1e-10, label="EM")
    right.loglog(best - ascent + 1e-10, label="L-BFGS, by srcad's gradient")
    right.set(xlabel="evaluations", ylabel="log-likelihood below the maximum")
    right.legend()
    return figure


def main():
    """Fit the irises, print what was found beside EM, save the picture."""
    x, species = load_iris(return_X_y=True)
    parameters, ascent = ascend(free(*start(x)), x)
    found = mixture(*parameters)
    theirs, em = start(x), []
    for _ in range(200):
        theirs, r, value = em_step(*theirs, x)
        em.append(value)
    moved, _, _ = em_step(*found, x)

    right = sum(np.max(np.bincount(species[r.argmax(axis=1) == k])) for k in range(3))
    print(f"log-likelihood: L-BFGS {ascent[-1]:.6f}, EM {em[-1]:.6f}")
    change = max(np.max(np.abs(a - b)) for a, b in zip(found, moved, strict=True))
    print(f"an EM step from what L-BFGS found moves it by {change:.1e} cm")
    print(f"flowers with others of their species: {right} of {len(x)}")

    figure = draw(x, species, found, ascent, np.array(em))
    figure.savefig(Path(__file__).parent / "pictures" / "gaussian_mixture.png", dpi=100)


if __name__ == "__main__":
    main()
