"""A loss is a potential: the work along an adversarial path does not depend on the path.

The gradient of a loss with respect to the picture is a force field on pictures. It has a potential,
the loss, so the work `int grad L . dx` from a digit `x0` to an adversarial example `x1` is
`L(x1) - L(x0)` whichever way is taken: the zigzag of the attack, the straight line, or a detour
through the picture of another digit. Fields that are made of the gradient need not be
conservative: the sign of the gradient, along which the fast gradient sign attack steps, does
different work on different paths, so no loss has it as its gradient.

The adjoint: the reverse sweep of the network, carried one layer further than for training, to the
picture. It is taken at many points of a path at once, with `srcad.batch`.

The oracle: the loss itself, evaluated at the ends; the integral is by Gauss and Legendre on the
pieces of the path, to rounding. The curl of the field is zero: the Jacobian of the gradient is
symmetric.
"""

from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from digits_mlp import cross_entropy, load, train

import srcad

NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)


def potential(picture, net, label):
    """Return the loss of one picture."""
    return cross_entropy(net, picture.reshape(1, -1), np.array([label]))


# The gradient of the loss with respect to the picture, at many pictures.
gradient = srcad.batch(srcad.grad(potential), axes=(0, None, None))


def sign_of_gradient(pictures, net, label):
    """Return the direction of the fast gradient sign attack, at many pictures."""
    return np.sign(gradient(pictures, net, label))


def attack(picture, net, label, step=0.02, steps=20):
    """Return the path of pictures that climbs the loss by signs of the gradient."""
    path = [picture]
    for _ in range(steps):
        path.append(path[-1] + step * sign_of_gradient(path[-1][None], net, label)[0])
    return np.array(path)


def refine(corners, pieces):
    """Return a path of straight lines through the corners, each cut in pieces."""
    t = np.linspace(0.0, 1.0, pieces + 1)[1:, None]
    path = [corners[:1]]
    for a, b in pairwise(corners):
        path.append(a + t * (b - a))
    return np.concatenate(path)


def work(field, path, net, label):
    """Return the work of a field from the start of the path to each of its points."""
    done = [0.0]
    for a, b in pairwise(path):
        points = a + 0.5 * (1.0 + NODES)[:, None] * (b - a)
        done.append(done[-1] + 0.5 * WEIGHTS @ (field(points, net, label) @ (b - a)))
    return np.array(done)


def three_paths(start, other, net, label):
    """Return the attack's zigzag, the straight line to its end, and a detour to it."""
    zigzag = attack(start, net, label)
    return {
        "zigzag of the attack": refine(zigzag, 2),
        "straight line": refine(zigzag[[0, -1]], 40),
        "detour by another digit": refine(np.array([start, other, zigzag[-1]]), 20),
    }


def draw(works, sign_works, rise):
    """Draw the work done along each path, by the gradient and by its sign."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    for axes, all_works in ((left, works), (right, sign_works)):
        for name, done in all_works.items():
            axes.plot(np.linspace(0.0, 1.0, len(done)), done, label=name)
        axes.set_xlabel("part of the path")
    left.axhline(rise, color="k", ls=":", lw=1)
    left.annotate("$L(x_1) - L(x_0)$", (0.0, rise), va="top")
    left.set(ylabel="work (nats)", title="gradient: one end")
    right.set(ylabel="work (pixels of full ink)", title="sign of the gradient: three ends")
    left.legend(fontsize=8)
    return figure


def main():
    """Attack a picture, and compare the work along three paths to the same end."""
    images, labels, test_images, test_labels = load()
    net, _ = train(images, labels)
    start = test_images[np.flatnonzero(test_labels == 3)[0]]
    other = test_images[np.flatnonzero(test_labels == 0)[0]]
    paths = three_paths(start, other, net, 3)
    end = paths["straight line"][-1]
    rise = potential(end, net, 3) - potential(start, net, 3)
    print(f"L(x1) - L(x0) = {rise:.12f}")
    works = {name: work(gradient, path, net, 3) for name, path in paths.items()}
    sign_works = {name: work(sign_of_gradient, path, net, 3) for name, path in paths.items()}
    for name, done in works.items():
        print(f"work {done[-1]:.12f}, of the sign {sign_works[name][-1]:.3f}: {name}")
    curl = srcad.hessian(potential)(end, net, 3)
    curl -= curl.T
    print(f"largest curl {np.max(np.abs(curl)):.1e}")
    figure = draw(works, sign_works, rise)
    figure.savefig(Path(__file__).parent / "pictures" / "adversarial_work.png", dpi=100)


if __name__ == "__main__":
    main()
