"""A recurrent network reads DNA: shared weights sum over time, and the motif appears.

Where an intron begins, the sequence reads much like `CAG|GTAAGT` (the donor splice site). Strands
of random letters are made here, half of them with such a site at a random place, and a recurrent
network learns to tell them apart: `h[t] = tanh(W h[t-1] + U x[t] + b)`, with a score `v . h[t]` at
each letter and their soft maximum as the score of the strand. Nobody tells it where the sites are.

The adjoint: backpropagation through time. The sweep walks the strand from its last letter to its
first, and each letter adds to the gradient of the one `W` that all letters share. If every letter
had a matrix of its own, each would get its own term, and the sum of these is the gradient of `W`.
The gradient by the letters, averaged along the straight way from "any letter" to the strand, says
what each of them does to the score.

The oracle: backpropagation through time by hand, in NumPy; the sum over the unshared copies; the
share that the likelihood ratio tells right, which no reader of the strands can beat; and the
planted consensus, which the gradients by the letters must spell.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad

LETTERS = "ACGT"
CONSENSUS = "CAGGTAAGT"
CERTAINTY = np.array([0.6, 0.8, 0.95, 1.0, 1.0, 0.85, 0.85, 0.95, 0.75])
"""How often the letter of the consensus is there; each of the others shares the rest."""


def make_strands(rng, count, length):
    """Strands of letters 0 to 3, labels (1: has a site), and where the site begins."""
    strands = rng.integers(4, size=(count, length))
    labels = (np.arange(count) % 2).astype(float)
    places = rng.integers(length - len(CONSENSUS) + 1, size=count)
    for n in range(1, count, 2):
        for k, letter in enumerate(CONSENSUS):
            others = [m for m in range(4) if LETTERS[m] != letter]
            keep = rng.random() < CERTAINTY[k]
            strands[n, places[n] + k] = LETTERS.index(letter) if keep else rng.choice(others)
    return strands, labels, places


def one_hot(strands):
    """Letters as vectors: `x[t, n]` is the letter `t` of strand `n`."""
    return np.eye(4)[strands.T]


def scores(W, U, b, v, x):
    """The score of each strand; `W[t]` is the matrix at letter `t`."""
    h = np.zeros((x.shape[1], len(b)))
    total = np.zeros(x.shape[1])
    for t in range(len(x)):
        h = np.tanh(h @ W[t].T + x[t] @ U.T + b)
        total += np.exp(h @ v)
    return np.log(total / len(x))


def loss(W, U, b, v, threshold, x, labels):
    """Mean logistic loss, with the same `W` at every letter."""
    shared = np.zeros((len(x), *W.shape)) + W
    return unshared_loss(shared, U, b, v, threshold, x, labels)


def unshared_loss(W, U, b, v, threshold, x, labels):
    """The same with a matrix for each letter."""
    s = scores(W, U, b, v, x) - threshold
    return np.mean(np.logaddexp(0.0, s) - labels * s)


def total_score(W, U, b, v, x):
    """The sum of all scores: strands do not mix, so its gradient is that of each."""
    return np.sum(scores(np.zeros((len(x), *W.shape)) + W, U, b, v, x))


loss_gradient = srcad.value_and_grad(loss, wrt=("W", "U", "b", "v", "threshold"))
unshared_gradient = srcad.grad(unshared_loss)
letter_gradient = srcad.grad(total_score, wrt="x")


def start(rng, hidden):
    """Random weights, zero biases, and the threshold of the score."""
    W = rng.normal(size=(hidden, hidden)) / np.sqrt(hidden)
    U = rng.normal(size=(hidden, 4))
    return [0.8 * W, U, np.zeros(hidden), 0.5 * rng.normal(size=hidden), 1.0]


def train(p, x, labels, steps, rate, rng):
    """Adam on batches of 100 strands, with noise on the letters: the network is to be smooth."""
    first, second, losses = [0.0] * len(p), [0.0] * len(p), []
    for step in range(1, steps + 1):
        batch = rng.integers(len(labels), size=100)
        noisy = x[:, batch] + 0.3 * rng.normal(size=(len(x), 100, 4))
        value, gradient = loss_gradient(*p, noisy, labels[batch])
        losses.append(value)
        size = rate * min(1.0, 2.0 * (1.0 - step / steps))
        for k, g in enumerate(gradient):
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.999 * second[k] + 0.001 * g * g
            mean, square = first[k] / (1 - 0.9**step), second[k] / (1 - 0.999**step)
            p[k] = p[k] - size * mean / np.sqrt(square + 1e-12)
    return p, losses


def accuracy(p, x, labels):
    """The share of strands that are told right."""
    s = scores(np.array([p[0]] * len(x)), *p[1:4], x)
    return np.mean((s > p[4]) == (labels > 0.5))


def by_hand(W, U, b, v, threshold, x, labels):
    """Backpropagation through time, written out: the terms of each letter in the gradient of W."""
    states = [np.zeros((x.shape[1], len(b)))]
    for letter in x:
        states.append(np.tanh(states[-1] @ W.T + letter @ U.T + b))
    heights = np.array([np.exp(h @ v) for h in states[1:]])
    s = np.log(np.mean(heights, axis=0)) - threshold
    s_bar = (1.0 / (1.0 + np.exp(-s)) - labels) / len(labels)
    terms, back = np.zeros((len(x), *W.shape)), np.zeros_like(states[0])
    for t in range(len(x) - 1, -1, -1):
        h_bar = np.outer(s_bar * heights[t] / np.sum(heights, axis=0), v) + back
        inner = h_bar * (1.0 - states[t + 1] ** 2)
        terms[t] = inner.T @ states[t]
        back = inner @ W
    return terms


def best_accuracy(strands, labels):
    """The share that the exact likelihood ratio tells right."""
    odds = np.repeat(4.0 * (1.0 - CERTAINTY[:, None]) / 3.0, 4, axis=1)
    for k, letter in enumerate(CONSENSUS):
        odds[k, LETTERS.index(letter)] = 4.0 * CERTAINTY[k]
    width = len(CONSENSUS)
    windows = np.lib.stride_tricks.sliding_window_view(strands, width, axis=1)
    ratio = np.mean(np.prod(odds[np.arange(width), windows], axis=2), axis=1)
    return np.mean((ratio > 1.0) == (labels > 0.5))


def letter_effects(p, strands, points=10):
    """The gradient of the score by the letters, averaged on the way from any letter to these."""
    x = one_hot(strands)
    way = (np.arange(points) + 0.5) / points
    mean = sum(letter_gradient(*p[:4], 0.25 + part * (x - 0.25)) for part in way) / points
    return mean - np.mean(mean, axis=2, keepdims=True)  # against the mean of the four letters


def motif(p, strands, labels, places):
    """The mean effect of each letter at each place of the site, and how often the site is found."""
    effect, width = letter_effects(p, strands), len(CONSENSUS)
    gain = np.sum(effect * one_hot(strands), axis=2).T
    windows = np.lib.stride_tricks.sliding_window_view(gain, width, axis=1).sum(axis=2)
    sites = np.flatnonzero(labels)
    found = np.mean(np.abs(np.argmax(windows, axis=1) - places)[sites] <= 1)
    return np.mean([effect[places[n] : places[n] + width, n] for n in sites], axis=0), found


def draw(path, terms, losses, effect):
    """Save the terms of the letters, the loss, and the motif."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
    axes[0].plot(np.convolve(losses, np.ones(20) / 20, "valid"))
    axes[0].set(xlabel="step", ylabel="logistic loss (mean of 20 steps)", ylim=(0, None))
    norms = np.linalg.norm(terms, axis=(1, 2))
    axes[1].bar(np.arange(len(terms)), norms, label="each letter's term")
    running = np.cumsum(terms[::-1], axis=0)[::-1]  # the sweep goes from the last letter back
    axes[1].plot(np.linalg.norm(running, axis=(1, 2)), "k", label="sum from letter t to the last")
    axes[1].set(xlabel="letter t of the strand", ylabel="norm of the gradient of W")
    axes[1].legend(frameon=False, fontsize=8)
    top = np.max(np.abs(effect))
    picture = axes[2].imshow(effect.T, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
    axes[2].set_xticks(range(len(CONSENSUS)), CONSENSUS)
    axes[2].set_yticks(range(4), LETTERS)
    axes[2].set(xlabel="planted consensus", ylabel="letter", title="effect on the score")
    figure.colorbar(picture, ax=axes[2])
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    rng = np.random.default_rng(0)
    strands, labels, _ = make_strands(rng, 20000, 40)
    held_out = make_strands(rng, 1000, 40)
    p, x = start(rng, 16), one_hot(strands)
    some = x[:, :1000], labels[:1000]
    terms = unshared_gradient(np.array([p[0]] * len(x)), *p[1:], *some)
    error = np.max(np.abs(loss_gradient(*p, *some)[1][0] - np.sum(terms, axis=0)))
    print(f"shared gradient - sum of the letters' terms: {error:.1e}")
    print(f"letters' terms - those by hand: {np.max(np.abs(terms - by_hand(*p, *some))):.1e}")
    p, losses = train(p, x, labels, 1500, 0.01, rng)
    right, best = accuracy(p, one_hot(held_out[0]), held_out[1]), best_accuracy(*held_out[:2])
    effect, found = motif(p, *held_out)
    word = "".join(LETTERS[k] for k in np.argmax(effect, axis=1))
    print(f"held-out strands told right: {100 * right:.1f} %, at best {100 * best:.1f} %")
    print(f"sites found, within a letter: {100 * found:.1f} %")
    print(f"what the gradients spell: {word}, planted: {CONSENSUS}")
    draw(Path(__file__).parent / "pictures" / "splice_rnn.png", terms, losses, effect)


if __name__ == "__main__":
    main()
