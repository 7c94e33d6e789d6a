"""Boltzmann machine: a spin glass learns until its correlations are those of the data.

Eight spins `s_i = +-1` have the energy `E(s) = -sum w_ij s_i s_j - sum w_ii s_i`, with random
couplings of both signs: a spin glass, small enough to sum over its 256 states. It is observed in
thermal equilibrium; from the counts of the states, the couplings shall be found by maximum
likelihood. The gradient is Hebb's rule with its opposite, `<s_i s_j>_data - <s_i s_j>_model`:
awake, learn what is seen; asleep, unlearn what is dreamt.

Newton's method needs the Hessian of `log Z`, the covariance of the products `s_i s_j`. It is
Fisher's information as well: its inverse gives the error bars of the couplings, and says that the
learned machine differs from the true one by `KL = d / 2N` on average, for `d` couplings and `N`
observations.

The adjoint: the energy sends `-s_i s_j` to a coupling; `log Z` weighs that with the probability of
each state.

The oracle: averages over the states without any derivative; the chain without fields, whose
`Z = 2^n prod cosh w_i` is known; the couplings that made the data, and the law of the divergence.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def energy(s, w):
    """Of the spins s: couplings are above the diagonal of w, fields on it."""
    total = 0.0
    for i in range(len(s)):
        total -= w[i, i] * s[i]
        for j in range(i + 1, len(s)):
            total -= w[i, j] * s[i] * s[j]
    return total


def all_states(n):
    """The 2^n states of n spins, a row for each."""
    return 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)


def log_partition(w, states):
    """log Z, the sum over the states."""
    logs = np.zeros(len(states))
    for k in range(len(states)):
        logs[k] = -energy(states[k], w)
    top = np.max(logs)
    return top + np.log(np.sum(np.exp(logs - top)))


def log_likelihood(w, shares, states):
    """The mean log-probability of observations; `shares[k]` of them are in state k."""
    total = -log_partition(w, states)
    for k in range(len(states)):
        total -= shares[k] * energy(states[k], w)
    return total


climb = srcad.value_and_grad(log_likelihood)
curvature = srcad.hessian(log_likelihood)


def learn(shares, states, steps=10):
    """Maximise the likelihood by Newton's method; the couplings, their course, and the Hessian."""
    n = states.shape[1]
    upper = np.triu_indices(n)
    w = np.zeros((n, n))
    course = [w]
    value, gradient = climb(w, shares, states)
    for _ in range(steps):
        step = np.zeros((n, n))
        H = curvature(w, shares, states)[upper][:, *upper]
        step[upper] = -np.linalg.solve(H, gradient[upper])
        while (ahead := climb(w + step, shares, states))[0] < value - 1e-12:
            step *= 0.5  # the quadratic was too flat
        value, gradient = ahead
        w = w + step
        course.append(w)
    return w, course, H


def probabilities(w, states):
    """The oracle: Boltzmann's distribution, by NumPy."""
    upper = np.triu(w, 1)
    logs = np.einsum("ki,ij,kj->k", states, upper, states) + states @ np.diag(w)
    p = np.exp(logs - np.max(logs))
    return p / p.sum()


def moments(p, states):
    """The oracle: the means <s_i s_j> above the diagonal, <s_i> on it, of a distribution."""
    means = np.triu(np.einsum("k,ki,kj->ij", p, states, states), 1)
    return means + np.diag(p @ states)


def glass(n, seed=0):
    """Random couplings and weak fields."""
    rng = np.random.default_rng(seed)
    return np.triu(rng.normal(size=(n, n)) * 0.35, 1) + np.diag(0.15 * rng.normal(size=n))


def observe(w, states, count, seed):
    """The shares of the states among so many independent observations."""
    draws = np.random.default_rng(seed).multinomial(count, probabilities(w, states))
    return draws / count


def divergences(true, states, counts, repeats):
    """KL of the true distribution from learned ones, for each number of observations."""
    p = probabilities(true, states)
    found = np.zeros((len(counts), repeats))
    for row, count in zip(found, counts, strict=True):
        for r in range(repeats):
            w, _, _ = learn(observe(true, states, count, 1000 + r), states)
            row[r] = np.sum(p * np.log(p / probabilities(w, states)))
    return found


def draw(true, found, error, counts, kl):
    """Learned couplings beside the true ones, and the divergence's law."""
    n = len(true)
    upper = np.triu_indices(n)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    left.plot([-1, 1], [-1, 1], "k:", lw=1)
    left.errorbar(true[upper], found[upper], 2.0 * error, fmt="o", ms=4, label="learned, 2 sigma")
    left.set(xlabel="true couplings and fields", ylabel="learned, from 5000 observations")
    left.legend()
    right.loglog(counts, kl.mean(axis=1), "o", label="learned")
    right.loglog(np.repeat(counts, kl.shape[1]), kl.ravel(), "C0.", alpha=0.25)
    right.loglog(counts, len(upper[0]) / (2.0 * np.array(counts)), "k:", label="d / 2N")
    right.set(xlabel="observations N", ylabel="KL of the learned machine (nats)")
    right.legend()
    return figure


def main():
    """Learn a spin glass, print what was found beside the oracle, save the picture."""
    n, count = 8, 5000
    states, true = all_states(n), glass(n)
    shares = observe(true, states, count, 1)
    found, course, H = learn(shares, states)
    error = np.sqrt(np.diag(np.linalg.inv(-count * H)))
    upper = np.triu_indices(n)

    s = states[77]
    hebb = srcad.grad(energy, wrt="w")(s, true) + np.triu(np.outer(s, s), 1) + np.diag(s)
    print(f"dE/dw_ij + s_i s_j: largest {np.max(np.abs(hebb)):.0e}")
    for k, w in enumerate(course):
        gap = moments(shares, states) - moments(probabilities(w, states), states)
        print(f"step {k}: correlations differ from the data's by {np.max(np.abs(gap)):.1e}")
    squares = []
    for seed in range(20):
        w, _, H = learn(observe(true, states, count, seed), states)
        squares.append((w - true)[upper] ** 2 / np.diag(np.linalg.inv(-count * H)))
    print(f"mean square of (learned - true) / error bar: {np.mean(squares):.3f} (1 expected)")
    counts = (1000, 3000, 10_000, 30_000)
    kl = divergences(true, states, counts, 10)
    for size, row in zip(counts, kl, strict=True):
        print(f"N = {size:6}: KL {row.mean():.5f}, d / 2N = {len(error) / (2 * size):.5f}")

    figure = draw(true, found, error, counts, kl)
    figure.savefig(Path(__file__).parent / "pictures" / "boltzmann_machine.png", dpi=100)


if __name__ == "__main__":
    main()
