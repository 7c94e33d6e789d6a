"""A network reads handwritten digits: srcad's gradient trains it to 98 percent.

The data are scikit-learn's 1797 pictures of digits, 8 by 8 pixels. One hidden layer of tanh units,
the cross entropy, and stochastic gradient descent with momentum, written as in a textbook: matrix
products with `@`, and a loop over the pictures for the logarithm of the sum of exponentials.

The adjoint: backpropagation. The adjoint of the scores is `softmax - one-hot`, divided by the size
of the batch; a matrix product passes it on by the transposed weights, and the bias, broadcast over
the pictures on the way forward, sums over them on the way back. Nobody wrote these formulas here.

The oracle: autograd's gradients (in the test), scikit-learn's own network of the same size, and the
pictures that were not trained on.
"""

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import srcad


class Network(NamedTuple):
    """Weights and biases of a hidden layer and of the output."""

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray


def scores(net, images):
    """Return ten scores for each picture."""
    hidden = np.tanh(images @ net.w1 + net.b1)
    return hidden @ net.w2 + net.b2


def cross_entropy(net, images, labels):
    """Return the mean of `-log p(label)` over the pictures."""
    score = scores(net, images)
    loss = 0.0
    for i in range(len(labels)):
        top = np.max(score[i])
        loss += top + np.log(np.sum(np.exp(score[i] - top))) - score[i, labels[i]]
    return loss / len(labels)


def load():
    """Return pictures and labels to train with, and pictures and labels to test with."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images, labels = digits.data[order] / 16.0, digits.target[order]
    return images[:1400], labels[:1400], images[1400:], labels[1400:]


def new_network(units, rng):
    """Return random weights, with the variance that keeps the signal's size."""
    return Network(
        rng.normal(0.0, 1.0 / 8.0, (64, units)),
        np.zeros(units),
        rng.normal(0.0, 1.0 / np.sqrt(units), (units, 10)),
        np.zeros(10),
    )


def train(images, labels, units=32, epochs=30, batch=50, rate=0.1, momentum=0.9):
    """Return the trained network and the losses of the batches, an epoch in each row."""
    rng = np.random.default_rng(1)
    net = new_network(units, rng)
    velocity = Network(*(np.zeros_like(w) for w in net))
    descent = srcad.value_and_grad(cross_entropy)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        for start in range(0, len(labels), batch):
            chosen = order[start : start + batch]
            loss, slope = descent(net, images[chosen], labels[chosen])
            velocity = Network(
                *(momentum * v - rate * s for v, s in zip(velocity, slope, strict=True))
            )
            net = Network(*(w + v for w, v in zip(net, velocity, strict=True)))
            losses.append(loss)
    return net, np.array(losses).reshape(epochs, -1)


def accuracy(net, images, labels):
    """Return the fraction of pictures whose label has the highest score."""
    return np.mean(np.argmax(scores(net, images), axis=1) == labels)


def draw(losses, net, images, labels):
    """Draw the learning curve, and the pictures that are read wrongly."""
    figure = plt.figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subfigures(1, 2)
    axes = left.subplots()
    epochs, batches = losses.shape
    axes.semilogy(np.arange(losses.size) / batches, losses.ravel(), "C7", lw=0.5, label="one batch")
    axes.semilogy(np.arange(epochs) + 0.5, losses.mean(axis=1), "C3", label="mean of an epoch")
    axes.set(xlabel="epoch", ylabel="cross entropy (nats)")
    axes.legend()
    read = np.argmax(scores(net, images), axis=1)
    wrong = np.flatnonzero(read != labels)[:6]
    right.suptitle("not trained on, and read wrongly", fontsize=10)
    for panel in right.subplots(2, 3).flat:
        panel.axis("off")
    for panel, i in zip(right.axes, wrong, strict=False):
        panel.imshow(images[i].reshape(8, 8), cmap="gray_r")
        panel.set_title(f"{labels[i]} read as {read[i]}", fontsize=8)
    return figure


def main():
    """Train, count errors on pictures not seen, compare with scikit-learn's network."""
    images, labels, test_images, test_labels = load()
    net, losses = train(images, labels)
    print(f"loss {losses[0, 0]:.3f} -> {losses[-1].mean():.4f} in {losses.size} steps")
    print(f"accuracy, trained on: {accuracy(net, images, labels):.4f}")
    print(f"accuracy, not seen:   {accuracy(net, test_images, test_labels):.4f}")
    theirs = MLPClassifier((32,), activation="tanh", max_iter=1000, random_state=0)
    theirs.fit(images, labels)
    print(f"scikit-learn's, not seen: {theirs.score(test_images, test_labels):.4f}")
    figure = draw(losses, net, test_images, test_labels)
    figure.savefig(Path(__file__).parent / "pictures" / "digits_mlp.png", dpi=100)


if __name__ == "__main__":
    main()
