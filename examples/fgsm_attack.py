"""An attack by the sign of the gradient: accuracy falls as first order predicts.

The fast gradient sign method changes every pixel by the same small amount `e`, up or down, such
that the loss rises: `x + e sign(grad L)`. Of all changes of that size it raises the linearised loss
the most, by `e |grad L|_1`; a random change of signs raises it by nothing on the average. The
network has learned digits almost perfectly, and loses most of them at a change that the eye
forgives. Nothing strange is needed for it: a straight line through the gradient foretells it.

The adjoint: the gradient of the loss by the picture gives the direction, one reverse sweep each.
How the ten scores move along it is their tangent, one sweep in forward mode for all pictures at
once: `scores(x) + e * tangent` is the first-order prediction, of the loss and of what is read.

The oracle: the attacked network itself, in plain NumPy. The error of the predicted scores falls as
`e^2`, the loss rises by `e |grad L|_1`, and no other choice of signs does better to first order.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from digits_mlp import cross_entropy, load, scores, train

import srcad


def summed_loss(images, net, labels):
    """Return the sum of the losses: each picture's gradient is that of its own loss."""
    return cross_entropy(net, images, labels) * len(labels)


slope = srcad.grad(summed_loss)


def attack_direction(images, net, labels):
    """Return the signs of the gradients of the losses, by the pictures."""
    return np.sign(slope(images, net, labels))


def tangent_of_scores(net, images, direction):
    """Return the scores, and how fast they change when the pictures change along a direction."""
    return srcad.jvp(scores, (net, images), (None, direction))


def losses(score, labels):
    """Return the loss of each picture from its scores."""
    top = score.max(axis=1)
    log_sum = top + np.log(np.sum(np.exp(score - top[:, None]), axis=1))
    return log_sum - score[np.arange(len(labels)), labels]


def read_rightly(score, labels):
    """Return the fraction of pictures whose label has the highest score."""
    return np.mean(np.argmax(score, axis=1) == labels)


def sweep(net, images, labels, sizes, direction):
    """Return measured and predicted accuracy for changes of several sizes."""
    score, tangent = tangent_of_scores(net, images, direction)
    measured = [read_rightly(scores(net, images + e * direction), labels) for e in sizes]
    predicted = [read_rightly(score + e * tangent, labels) for e in sizes]
    return np.array(measured), np.array(predicted)


def draw(examples, sizes, attacked, predicted, noisy):
    """Draw attacked pictures, and the accuracy against the size of the change."""
    figure = plt.figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.3))
    panels = left.subplots(4, 3)
    for row, (before, after, read) in zip(panels, examples, strict=True):
        for panel, picture in zip(row, (before, after - before, after), strict=True):
            panel.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=-0.3, vmax=1.3)
            panel.set(xticks=[], yticks=[])
        row[2].set_ylabel(f"read as {read}", fontsize=8)
    for panel, name in zip(panels[0], ("digit", "change", "attacked"), strict=True):
        panel.set_title(name, fontsize=9)
    axes = right.subplots()
    axes.plot(sizes, noisy, "C2", label="random signs")
    axes.plot(sizes, predicted, "k--", label="attack, first order")
    axes.plot(sizes, attacked, "C3o", ms=4, label="attack, measured")
    axes.set(xlabel="change of each pixel (1 is full ink)", ylabel="accuracy")
    axes.legend()
    return figure


def main():
    """Attack all pictures that were not trained on."""
    images, labels, pictures, truth = load()
    net, _ = train(images, labels)
    direction = attack_direction(pictures, net, truth)
    noise = np.random.default_rng(0).choice([-1.0, 1.0], size=direction.shape)
    sizes = np.linspace(0.0, 0.25, 26)
    attacked, predicted = sweep(net, pictures, truth, sizes, direction)
    noisy, _ = sweep(net, pictures, truth, sizes, noise)
    for e in (0, 5, 10, 15):
        print(
            f"change {sizes[e]:.2f}: accuracy {attacked[e]:.3f}, first order {predicted[e]:.3f},"
            f" random signs {noisy[e]:.3f}"
        )
    score, tangent = tangent_of_scores(net, pictures, direction)
    for e in (0.02, 0.01, 0.005):
        error = scores(net, pictures + e * direction) - (score + e * tangent)
        print(f"change {e}: largest error of the predicted scores {np.max(np.abs(error)):.5f}")
    after = pictures + 0.15 * direction
    read = np.argmax(scores(net, after), axis=1)
    shown = np.flatnonzero(read != truth)[:4]
    examples = [(pictures[i], after[i], read[i]) for i in shown]
    figure = draw(examples, sizes, attacked, predicted, noisy)
    figure.savefig(Path(__file__).parent / "pictures" / "fgsm_attack.png", dpi=100)


if __name__ == "__main__":
    main()
