"""Hidden Markov model: the gradient of the log-likelihood is Baum-Welch's table of counts.

A casino changes between a fair die and a loaded one; only the rolls are seen. The forward
recursion gives the likelihood of the rolls, summed over all sequences of dice, in `K^2` operations
a roll. Baum and Welch's algorithm needs a second, backward recursion, to count how often each
change and each roll is expected. It does not have to be written: with respect to the logarithm of
a probability, the derivative of the log-likelihood is the expected number of times that the
probability was used.

So expectation maximisation is: take the gradient, normalise its rows. Gradient ascent on the same
function (L-BFGS, the probabilities as softmax of free numbers) finds the same maximum.

The adjoint: the reverse sweep of the forward recursion is the backward recursion. The derivative
with respect to the log-emission of state `i` at time `t` is the posterior probability of `i`.

The oracle: the forward-backward formulas written out, and for a short sequence the sum over each
of the `K^T` paths.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

import srcad

START = np.array([0.5, 0.5])
CHANGE = np.array([[0.97, 0.03], [0.06, 0.94]])
FACES = np.array([[1 / 6] * 6, [0.06, 0.06, 0.06, 0.06, 0.06, 0.7]])


def forward(log_start, log_change, log_emission):
    """The log-likelihood, by the forward recursion, scaled to 1 after each step."""
    T, K = log_emission.shape
    change = np.exp(log_change)
    p = np.exp(log_start + log_emission[0])
    total = 0.0
    for t in range(T):
        if t > 0:
            new = np.zeros(K)
            for j in range(K):
                reached = 0.0
                for i in range(K):
                    reached += p[i] * change[i, j]
                new[j] = reached * np.exp(log_emission[t, j])
            p = new
        scale = np.sum(p)
        total += np.log(scale)
        p = p / scale
    return total


def log_likelihood(log_change, log_faces, rolls):
    """The log-likelihood of the rolls; the log-probabilities need not be normalised."""
    return forward(np.log(START), log_change, log_faces[:, rolls].T)


@srcad.value_and_grad(wrt=("free_change", "free_faces"))
def cost(free_change, free_faces, rolls):
    """Minus the log-likelihood, of probabilities that are softmax of free numbers."""
    log_change = free_change - np.log(np.sum(np.exp(free_change), axis=1))[:, np.newaxis]
    log_faces = free_faces - np.log(np.sum(np.exp(free_faces), axis=1))[:, np.newaxis]
    return -log_likelihood(log_change, log_faces, rolls)


counts = srcad.value_and_grad(log_likelihood, wrt=("log_change", "log_faces"))
posterior = srcad.grad(forward, wrt="log_emission")


def expectation_maximisation(parameters, rolls, iterations):
    """Baum-Welch: the counts are the gradient, and normalised they are the new probabilities."""
    course = []
    for _ in range(iterations):
        value, (changes, faces) = counts(*parameters, rolls)
        course.append(value)
        parameters = (
            np.log(changes / changes.sum(axis=1, keepdims=True)),
            np.log(faces / faces.sum(axis=1, keepdims=True)),
        )
    return parameters, np.array(course)


def gradient_ascent(parameters, rolls):
    """The same maximum by L-BFGS on free numbers."""
    shapes = [np.shape(p) for p in parameters]
    cuts = np.cumsum([np.size(p) for p in parameters])[:-1]
    course = []

    def split(x):
        return [part.reshape(s) for part, s in zip(np.split(x, cuts), shapes, strict=True)]

    def objective(x):
        value, gradient = cost(*split(x), rolls)
        course.append(-value)
        return value, np.concatenate([g.ravel() for g in gradient])

    start = np.concatenate([p.ravel() for p in parameters])
    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-8}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return [log_softmax(p, axis=-1) for p in split(found.x)], np.maximum.accumulate(course)


def throw(T, seed=0):
    """Rolls of the casino, and which die was used."""
    rng = np.random.default_rng(seed)
    die = np.zeros(T, dtype=np.int64)
    for t in range(1, T):
        die[t] = rng.choice(2, p=CHANGE[die[t - 1]])
    return np.array([rng.choice(6, p=FACES[d]) for d in die]), die


def guess():
    """Where both searches start: dice that are a little different."""
    faces = np.array([[0.18, 0.18, 0.17, 0.16, 0.16, 0.15], [0.14, 0.14, 0.15, 0.16, 0.16, 0.25]])
    return np.log([[0.8, 0.2], [0.2, 0.8]]), np.log(faces)


def draw(rolls, die, loaded, em, ascent, truth):
    """The posterior of the loaded die, and the likelihood as the searches go on."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    shown = slice(0, 300)
    left.fill_between(np.arange(300), die[shown], step="mid", alpha=0.3, label="loaded die used")
    left.plot(loaded[shown], "C3", label="posterior: gradient by log-emission")
    six = np.flatnonzero(rolls[shown] == 5)
    left.plot(six, np.full(len(six), 1.04), "k|", markersize=5, label="a six was rolled")
    left.set(xlabel="roll", ylabel="probability of the loaded die", ylim=(0.0, 1.35))
    left.legend(loc="upper left", fontsize=8)
    best = max(em[-1], ascent[-1])
    right.loglog(best - em + 1e-9, label="EM: gradient, normalised")
    right.loglog(best - ascent + 1e-9, label="L-BFGS on softmax parameters")
    right.axhline(best - truth, color="k", ls=":", label="the casino's own parameters")
    right.set(xlabel="gradients", ylabel="log-likelihood below the maximum", ylim=(1e-9, None))
    right.legend(fontsize=8)
    return figure


def main():
    """Learn the dice from 3000 rolls, print what was found, save the picture."""
    rolls, die = throw(3000)
    (changes, faces), em = expectation_maximisation(guess(), rolls, 100)
    _, ascent = gradient_ascent(guess(), rolls)
    truth = counts(np.log(CHANGE), np.log(FACES), rolls)[0]
    loaded = posterior(np.log(START), changes, faces[:, rolls].T)[:, 1]

    print(f"log-likelihood: EM {em[-1]:.6f}, L-BFGS {ascent[-1]:.6f}, the casino {truth:.6f}")
    print("a six from the loaded die:", np.round(np.exp(faces[1, 5]), 3), "(true 0.7)")
    print("changes of the dice:", np.round(np.exp(changes), 3).tolist())
    print(f"rolls whose die is recognised: {np.mean((loaded > 0.5) == (die == 1)):.1%}")

    figure = draw(rolls, die, loaded, em, ascent, truth)
    figure.savefig(Path(__file__).parent / "pictures" / "hmm_baum_welch.png", dpi=100)


if __name__ == "__main__":
    main()
