"""Factor graphs: the gradient of log Z holds every marginal that message passing computes.

A factor graph is a list of tables, each over a few variables; a joint state has the weight
`exp(sum of its table entries)`, and `Z` sums the weights of all states. Eliminating the variables
one after the other (here from the leaves of a tree to its root) makes `Z` in linear time. With
respect to an entry of a table, the derivative of `log Z` is the probability of that entry: the
marginal that sum-product message passing needs a second round of messages for. Second derivatives
are covariances, so the Hessian says how two distant variables know of each other.

The example is a lineage of dividing cells: a mark is passed on to the daughters with a few errors
(`pair`), and some of the cells are tested, one test in five being wrong (`single`). Who carries it?

The adjoint: the forward sweep sends messages from leaves to root, the reverse sweep sends them from
the root to the leaves. The adjoint of a message is the message that runs the other way, scaled.

The oracle: sum-product messages written out in both directions, and the sum over all `K^n` states.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def log_partition(single, pair, parent):
    """`log Z` of a tree: `single[i, a]` of variable i, `pair[i, a, b]` of i and its parent.

    A parent has a smaller number than its children; the root has 0.
    """
    n, K = single.shape
    belief = single.copy()  # log of all that is summed below a variable
    terms = np.zeros(K)
    for i in range(n - 1, 0, -1):
        for b in range(K):
            for a in range(K):
                terms[a] = belief[i, a] + pair[i, a, b]
            top = np.max(terms)
            belief[parent[i], b] += top + np.log(np.sum(np.exp(terms - top)))
    top = np.max(belief[0])
    return top + np.log(np.sum(np.exp(belief[0] - top)))


marginals = srcad.grad(log_partition, wrt=("single", "pair"))
covariances = srcad.hessian(log_partition, wrt="single")


def sum_product(single, pair, parent):
    """The oracle: messages up and messages down, in probabilities scaled to 1."""
    n, K = single.shape
    children = [[j for j in range(1, n) if parent[j] == i] for i in range(n)]
    up, down = np.ones((n, K)), np.ones((n, K))

    def below(i, without=None):
        return np.exp(single[i]) * np.prod([up[j] for j in children[i] if j != without], axis=0)

    for i in range(n - 1, 0, -1):
        up[i] = below(i) @ np.exp(pair[i])
        up[i] /= up[i].sum()
    pairs = np.zeros_like(pair)
    for i in range(1, n):
        p = parent[i]
        outside = below(p, without=i) * down[p]
        down[i] = np.exp(pair[i]) @ outside
        down[i] /= down[i].sum()
        pairs[i] = below(i)[:, None] * np.exp(pair[i]) * outside
        pairs[i] /= pairs[i].sum()
    singles = np.array([below(i) * down[i] for i in range(n)])
    return singles / singles.sum(axis=1, keepdims=True), pairs


def lineage(n, tested, seed=0):
    """A tree of n dividing cells, of which the daughters of number 2 have the mark; some tests."""
    rng = np.random.default_rng(seed)
    parent = np.array([0] + [(i - 1) // 2 for i in range(1, n)])
    pair = np.tile(np.log([[0.95, 0.05], [0.05, 0.95]]), (n, 1, 1))  # of child a given parent b
    single = np.zeros((n, 2))
    single[0] = np.log([0.9, 0.1])
    marked = np.zeros(n, dtype=np.int64)
    for i in range(1, n):
        marked[i] = i == 2 or marked[parent[i]]
    tests = np.full(n, -1)
    for i in rng.choice(np.arange(3, n), tested, replace=False):
        tests[i] = marked[i] if rng.random() < 0.8 else 1 - marked[i]
        single[i, tests[i]] += np.log(0.8)
        single[i, 1 - tests[i]] += np.log(0.2)
    return single, pair, parent, tests


def draw(parent, marked, tests, reach):
    """The tree with the posterior of each cell, and the covariances."""
    n = len(parent)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, 4), layout="constrained", width_ratios=(1.6, 1)
    )
    level = np.floor(np.log2(np.arange(n) + 1.0))
    x = (np.arange(n) + 1.0 - 2.0**level + 0.5) / 2.0**level
    for i in range(1, n):
        left.plot([x[i], x[parent[i]]], [-level[i], -level[parent[i]]], "k", lw=0.6, zorder=0)
    dots = left.scatter(x, -level, c=marked, s=130, cmap="coolwarm", edgecolor="k", vmin=0, vmax=1)
    for i in np.flatnonzero(tests >= 0):
        left.annotate("+" if tests[i] else "-", (x[i], -level[i] - 0.3), ha="center", size=12)
    left.set(ylabel="generation", yticks=-np.arange(level[-1] + 1), ylim=(-level[-1] - 0.5, 0.4))
    left.set(xticks=[], title="tests (+, -), and who is marked: d log Z / d single")
    left.set_yticklabels(np.arange(int(level[-1]) + 1))
    figure.colorbar(dots, label="probability")
    image = right.imshow(np.sqrt(np.abs(reach)), cmap="magma")
    right.set(xlabel="cell", ylabel="cell", title="d2 log Z: who knows of whom")
    figure.colorbar(image, label="square root of the covariance", shrink=0.7)
    return figure


def main():
    """Infer which of 31 cells are marked, print, save the picture."""
    single, pair, parent, tests = lineage(31, 12)
    ours, ours_pair = marginals(single, pair, parent)
    theirs, theirs_pair = sum_product(single, pair, parent)
    print(f"marginals, gradient against messages: {np.max(np.abs(ours - theirs)):.1e}")
    print(f"of pairs:                             {np.max(np.abs(ours_pair - theirs_pair)):.1e}")
    for i in (0, 1, 2):
        print(f"cell {i} is marked with probability {ours[i, 1]:.4f} ({theirs[i, 1]:.4f})")
    reach = covariances(single, pair, parent)[:, 1, :, 1]
    figure = draw(parent, ours[:, 1], tests, reach)
    figure.savefig(Path(__file__).parent / "pictures" / "factor_graph.png", dpi=100)


if __name__ == "__main__":
    main()
