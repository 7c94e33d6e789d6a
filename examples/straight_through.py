"""Straight-through: a network of signs learns, by a gradient that is not its own.

A network whose weights and units are all -1 or 1 is small and fast, and has the derivative zero
nearly everywhere: a step is flat. The straight-through estimator computes with the step and
differentiates something else in its place, here `clip(z, -1, 1)`. Real numbers behind the weights
collect these gradients until a sign turns. The digits are read nearly as well as with real weights.

It is not the derivative of anything, so how wrong is it? For units that are 1 with probability `p`
and 0 else, the derivative of the expected loss can be enumerated. The estimator's mean is right if
the loss is linear in the units, and else, for a quadratic loss, off by `p' (p - 1/2)` times its
second derivative: right again for fair coins only.

The adjoint: what arrives at the step passes it as if the clip had been there: unchanged where `|z|
< 1`, and stopped elsewhere.

The oracle: the sweep by hand in NumPy, and the enumeration of all states of a few units.
"""

import itertools
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import srcad


def soft(z):
    """What stands for the step in the reverse sweep."""
    return np.clip(z, -1.0, 1.0)


def step(z):
    """The sign, without zero; its derivative is zero."""
    return np.where(z >= 0.0, 1.0, -1.0)


def passed(z):
    """The sign, with the derivative of the clip."""
    return srcad.straight_through(step(z), soft(z))


def scores(V, b, W, x, unit):
    """A network with one hidden layer, whose weights and units are `unit` of real numbers."""
    pixels, hidden = V.shape
    h = unit(x @ unit(V) / np.sqrt(pixels) + b)
    return h @ unit(W) / np.sqrt(hidden)


def loss(V, b, W, x, truth, unit):
    """Mean logistic loss; `truth` has a 1 for the class of each picture."""
    s = scores(V, b, W, x, unit)
    total = 0.0
    for n in range(len(s)):
        top = np.max(s[n])
        total += top + np.log(np.sum(np.exp(s[n] - top))) - truth[n] @ s[n]
    return total / len(s)


gradient = srcad.grad(loss, wrt=("V", "b", "W"))


def by_hand(V, b, W, x, truth):
    """The straight-through gradient, written out."""
    pixels, hidden = V.shape
    inner = x @ step(V) / np.sqrt(pixels) + b
    h = step(inner)
    s = h @ step(W) / np.sqrt(hidden)
    weights = np.exp(s - np.max(s, axis=1, keepdims=True))
    s_bar = (weights / np.sum(weights, axis=1, keepdims=True) - truth) / len(x) / np.sqrt(hidden)
    inner_bar = s_bar @ step(W).T * (np.abs(inner) < 1.0)
    V_bar = x.T @ inner_bar / np.sqrt(pixels) * (np.abs(V) < 1.0)
    return V_bar, np.sum(inner_bar, axis=0), h.T @ s_bar * (np.abs(W) < 1.0)


def start(rng, pixels, hidden, classes):
    """Real numbers behind the weights, well within -1 and 1."""
    V, W = rng.normal(size=(pixels, hidden)), rng.normal(size=(hidden, classes))
    return [0.3 * V, np.zeros(hidden), 0.3 * W]


def train(p, x, labels, unit, steps, rate, rng, test):
    """Adam, with weights held in -1 to 1; returns them and the accuracy on `test` on the way."""
    truth, history = np.eye(10)[labels], []
    first, second = [0.0] * 3, [0.0] * 3
    for t in range(1, steps + 1):
        batch = rng.integers(len(x), size=100)
        for k, g in enumerate(gradient(*p, x[batch], truth[batch], unit)):
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.999 * second[k] + 0.001 * g * g
            size = rate * min(1.0, 2.0 * (1.0 - t / steps)) / (1 - 0.9**t)
            p[k] = p[k] - size * first[k] / np.sqrt(second[k] / (1 - 0.999**t) + 1e-16)
            p[k] = np.clip(p[k], -1.0, 1.0)
        if t % 20 == 0:
            history.append(accuracy(p, *test, unit))
    return p, history


def accuracy(p, x, labels, unit):
    """The share of pictures that are read right."""
    return np.mean(np.argmax(scores(*p, x, unit), axis=1) == labels)


def quadratic(units, A, c):
    """A loss of a few units that are 0 or 1."""
    return 0.5 * units @ A @ units + c @ units


def sampled_loss(a, units, A, c):
    """The loss of units that were drawn: 1 with probability `sigmoid(a)`."""
    return quadratic(srcad.straight_through(units, 1.0 / (1.0 + np.exp(-a))), A, c)


sampled_gradient = srcad.grad(sampled_loss)


def expected(a, A, c):
    """The mean of the estimator, and the derivative of the mean loss, by all states of units."""
    p = 1.0 / (1.0 + np.exp(-a))
    mean, exact = np.zeros(len(a)), np.zeros(len(a))
    for state in itertools.product((0.0, 1.0), repeat=len(a)):
        units = np.array(state)
        probability = np.prod(np.where(units == 1.0, p, 1.0 - p))
        mean += probability * sampled_gradient(a, units, A, c)
        exact += probability * (units - p) * quadratic(units, A, c)
    return mean, exact


def load_pictures():
    """Digits, centred, split in 1200 to learn from and the rest."""
    x, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(x))
    x, labels = x[order] / 8.0 - 1.0, labels[order]
    return (x[:1200], labels[:1200]), (x[1200:], labels[1200:])


def draw(path, histories, p, mean, exact, law, V):
    """Save the training, the bias of the estimator, and some binary weights."""
    figure = plt.figure(figsize=(10.5, 3.6), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1, 1, 0.9))
    axis = left.subplots()
    for name, history in histories.items():
        axis.plot(20 * np.arange(1, len(history) + 1), 100 * np.array(history), label=name)
    axis.set(xlabel="step", ylabel="unseen digits read right (%)", ylim=(0, 100))
    axis.legend(frameon=False, fontsize=8)
    axis = middle.subplots()
    axis.plot(p, mean - exact, "o", markersize=4, label="mean of the estimator - derivative")
    axis.plot(p, law, "k", linewidth=1, label="p' (p - 1/2) times second derivative")
    axis.set(xlabel="probability p of the unit", ylabel="bias for a quadratic loss")
    axis.legend(frameon=False, fontsize=8, loc="upper left")
    axis.set_ylim(-0.014, 0.018)
    for k, axis in enumerate(right.subplots(3, 3).flat):
        axis.imshow(step(V[:, k]).reshape(8, 8), cmap="gray")
        axis.axis("off")
    right.suptitle("weights of nine units", fontsize=10)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    learn, test = load_pictures()
    histories = {}
    for name, unit in {"real": soft, "signs, straight through": passed, "signs": step}.items():
        rng = np.random.default_rng(0)
        p, history = train(start(rng, 64, 200, 10), *learn, unit, 800, 0.01, rng, test)
        histories[name] = history
        print(f"{name}: {100 * history[-1]:.1f} % of unseen digits read right")
        if unit is passed:
            V = p[0]

    rng = np.random.default_rng(0)
    A, c, a = rng.normal(size=(6, 6)), rng.normal(size=6), np.linspace(-4.0, 4.0, 6)
    A = A + A.T
    mean, exact = expected(a, 0.0 * A, c)
    print(f"linear loss: bias of the estimator {np.max(np.abs(mean - exact)):.0e}")
    probability, found = np.linspace(0.02, 0.98, 25), []
    for q in probability:
        a[0] = np.log(q / (1.0 - q))
        found.append([part[0] for part in expected(a, A, c)])
    mean, exact = np.array(found).T
    law = probability * (1.0 - probability) * (probability - 0.5) * A[0, 0]
    print(f"quadratic loss: bias - formula {np.max(np.abs(mean - exact - law)):.0e}")
    path = Path(__file__).parent / "pictures" / "straight_through.png"
    draw(path, histories, probability, mean, exact, law, V)


if __name__ == "__main__":
    main()
