"""The lottery ticket: masks with an L1 price find an eighth of the weights that learns alone.

Each weight of a network is multiplied by a mask between 0 and 1. Weights and masks are trained
together, with a price on the sum of the masks (their L1 norm); most masks fall to exactly zero. The
weights that are left are set back to what they were before training and trained again, alone: the
winning ticket. It reads digits as well as the whole network; and as many weights at random places
do not. From other initial weights the same places win too: with these data the draw that counts is
that of the places.

The adjoint: of the product `w * m` each factor gets the cotangent times the other. A mask at zero
still has a gradient, and grows again where that outweighs the price; a weight behind a zero mask
has none and rests, which keeps the second training inside the ticket without further ado.

The oracle: pictures that were not trained on. In the test, where the masks of the last layer alone
are learned, the problem is convex, and its solution fulfils the conditions of Karush, Kuhn and
Tucker: `dL/dm = -price` where `0 < m < 1`, no less where `m = 0`, no more where `m = 1`. A pixel
that is never inked has no slope, and loses its masks.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from digits_mlp import Network, accuracy, cross_entropy, load, new_network

import srcad


def masked(net, first, second):
    """Return the network with each weight times its mask."""
    return Network(net.w1 * first, net.b1, net.w2 * second, net.b2)


def masked_loss(net, first, second, images, labels):
    """Return the cross entropy of the masked network."""
    return cross_entropy(masked(net, first, second), images, labels)


slopes = srcad.grad(masked_loss, wrt=("net", "first", "second"))


def train(net, masks, images, labels, price=None, epochs=40, batch=50, rate=0.1, momentum=0.9):
    """Return trained weights and masks; masks stay as they are if they have no price."""
    rng = np.random.default_rng(2)
    velocity = [np.zeros_like(w) for w in net]
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        for start in range(0, len(labels), batch):
            chosen = order[start : start + batch]
            slope, *mask_slopes = slopes(net, *masks, images[chosen], labels[chosen])
            velocity = [momentum * v - rate * s for v, s in zip(velocity, slope, strict=True)]
            net = Network(*(w + v for w, v in zip(net, velocity, strict=True)))
            if price is not None:
                pairs = zip(masks, mask_slopes, strict=True)
                masks = [np.clip(m - s - price, 0.0, 1.0) for m, s in pairs]
    return net, masks


def ones(net):
    """Return masks that let everything through."""
    return [np.ones_like(net.w1), np.ones_like(net.w2)]


def find_ticket(start, images, labels, price):
    """Return which weights are left after training with a price on masks."""
    _, masks = train(start, ones(start), images, labels, price)
    return [(m > 0.0).astype(float) for m in masks]


def shuffled(masks, rng):
    """Return masks with as many ones in each layer, at random places."""
    return [rng.permutation(m.reshape(-1)).reshape(m.shape) for m in masks]


def density(masks):
    """Return the fraction of weights that are left."""
    return sum(m.sum() for m in masks) / sum(m.size for m in masks)


def score(start, masks, images, labels, test_images, test_labels):
    """Train the weights that masks leave, from the start on; return accuracy on the tests."""
    net, _ = train(start, masks, images, labels)
    return accuracy(masked(net, *masks), test_images, test_labels)


def draw(whole, tickets, ticket):
    """Draw accuracy against density, and where the weights of one ticket look."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    densities = [100.0 * d for d, _, _, _ in tickets]
    left.axhline(whole, color="k", ls="--", label="all weights")
    left.semilogx(densities, [won for _, won, _, _ in tickets], "C0o-", label="ticket, set back")
    left.semilogx(densities, [new for *_, new in tickets], "C2^-", label="ticket, other start")
    lost = [np.mean(random) for _, _, random, _ in tickets]
    spread = [np.ptp(random) / 2 for _, _, random, _ in tickets]
    left.errorbar(densities, lost, spread, fmt="C1s-", capsize=3, label="random places")
    left.set(xlabel="weights left (percent)", ylabel="accuracy on digits not seen")
    left.set_xticks([5, 10, 20], ["5", "10", "20"])
    left.set_xticks([], minor=True)
    left.legend()
    picture = right.imshow(ticket[0].sum(axis=1).reshape(8, 8), cmap="viridis")
    right.set(title="units that each pixel still reaches", xticks=[], yticks=[])
    figure.colorbar(picture, ax=right, shrink=0.8)
    return figure


def main():
    """Find tickets at several prices, train them alone and beside random ones."""
    data = load()
    images, labels, _, _ = data
    start = new_network(48, np.random.default_rng(1))
    whole = score(start, ones(start), *data)
    print(f"all weights: accuracy {whole:.3f}")
    rng, tickets = np.random.default_rng(3), []
    for price in (0.0015, 0.003, 0.006, 0.012):
        masks = find_ticket(start, images, labels, price)
        won = score(start, masks, *data)
        random = [score(start, shuffled(masks, rng), *data) for _ in range(3)]
        other = np.mean([score(new_network(48, rng), masks, *data) for _ in range(3)])
        tickets.append((density(masks), won, random, other))
        print(
            f"price {price}: {density(masks):.1%} of the weights left, accuracy {won:.3f},"
            f" at random places {np.mean(random):.3f}, from another start {other:.3f}"
        )
    figure = draw(whole, tickets, masks)
    figure.savefig(Path(__file__).parent / "pictures" / "lottery_ticket.png", dpi=100)


if __name__ == "__main__":
    main()
