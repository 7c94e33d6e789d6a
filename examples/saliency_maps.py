"""Saliency maps: which pixels made the network read this digit.

The gradient of a class's score with respect to the picture says what a small change of each pixel
would do: its saliency. It is local. Where a tanh unit is saturated it is small, though the pixels
brought the unit there. Integrated gradients mend that: the gradient, averaged on the straight way
from an empty picture to this one, times the pixel. They divide the score among the pixels without a
rest: their sum is `score(picture) - score(empty)`.

The adjoint: backpropagation of a score, not of a loss, to the input. All pictures and all points of
their ways are one `srcad.batch` of the gradient.

The oracle: the chain rule by hand, `W1 diag(1 - h^2) W2[:, class]`; the completeness of integrated
gradients; and an experiment: without its eight most salient pixels hardly any digit is read, while
three quarters still are without eight pixels of ink chosen at random.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from digits_mlp import accuracy, load, scores, train

import srcad

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def class_score(picture, net, label):
    """Return the score of one class."""
    return scores(net, picture.reshape(1, -1))[0, label]


# The gradient of the score with respect to the picture, of many pictures.
saliency = srcad.batch(srcad.grad(class_score), axes=(0, None, 0))


def integrated_gradients(pictures, net, labels):
    """Return what each pixel contributes to the score of the label, starting from no ink."""
    mean = np.zeros_like(pictures)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        mean += 0.5 * weight * saliency(0.5 * (1.0 + node) * pictures, net, labels)
    return mean * pictures


def erase(pictures, importance, count):
    """Return the pictures without their most important pixels."""
    erased = pictures.copy()
    most = np.argsort(-importance, axis=1)[:, :count]
    np.put_along_axis(erased, most, 0.0, axis=1)
    return erased


def accuracies(net, pictures, labels, importance, counts):
    """Return the accuracy after erasing more and more pixels."""
    return [accuracy(net, erase(pictures, importance, n), labels) for n in counts]


def random_importance(pictures, seed=0):
    """Return random numbers where there is ink."""
    return np.random.default_rng(seed).uniform(size=pictures.shape) * (pictures > 0.0)


def draw(pictures, maps, counts, curves):
    """Draw digits beside their maps, and the accuracy without the salient pixels."""
    figure = plt.figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subfigures(1, 2)
    panels = left.subplots(3, 4)
    for k, (picture, (gradient, integrated)) in enumerate(zip(pictures, maps, strict=True)):
        panels[0, k].imshow(picture.reshape(8, 8), cmap="gray_r")
        for row, importance in ((1, gradient), (2, integrated)):
            limit = np.max(np.abs(importance))
            panels[row, k].imshow(importance.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
    for panel in panels.flat:
        panel.set(xticks=[], yticks=[])
    for row, name in enumerate(("picture", "gradient", "integrated")):
        panels[row, 0].set_ylabel(name)
    left.suptitle("red: more ink here raises the score", fontsize=10)
    axes = right.subplots()
    for name, curve in curves.items():
        axes.plot(counts, curve, "o-", ms=3, label=name)
    axes.set(xlabel="pixels erased", ylabel="accuracy")
    axes.legend(fontsize=8)
    return figure


def main():
    """Explain what the network reads, and erase what it says it looks at."""
    images, labels, pictures, truth = load()
    net, _ = train(images, labels)
    integrated = integrated_gradients(pictures, net, truth)
    gradient = saliency(pictures, net, truth)
    ends = [
        class_score(x, net, c) - class_score(np.zeros(64), net, c)
        for x, c in zip(pictures, truth, strict=True)
    ]
    rest = np.max(np.abs(integrated.sum(axis=1) - ends))
    print(
        f"score {ends[0]:.6f} = sum of the map {integrated[0].sum():.6f}; largest rest {rest:.1e}"
    )
    counts = np.arange(0, 21, 2)
    curves = {
        name: accuracies(net, pictures, truth, importance, counts)
        for name, importance in (
            ("random pixels of ink", random_importance(pictures)),
            ("largest gradient times ink", gradient * pictures),
            ("largest integrated gradient", integrated),
        )
    }
    for name, curve in curves.items():
        print(f"accuracy without 8 pixels: {curve[4]:.3f}, {name}")
    shown = [np.flatnonzero(truth == digit)[0] for digit in (0, 3, 4, 7)]
    maps = [(gradient[i], integrated[i]) for i in shown]
    figure = draw(pictures[shown], maps, counts, curves)
    figure.savefig(Path(__file__).parent / "pictures" / "saliency_maps.png", dpi=100)


if __name__ == "__main__":
    main()
