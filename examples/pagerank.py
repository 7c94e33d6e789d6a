"""PageRank: what a link is worth, by the reverse of the iteration or by its fixed point.

A surfer follows a link of the page with probability `d`, chosen in proportion to the weights of the
links, and else jumps anywhere. The rank of a page is how often the surfer is there, the fixed point
of `x = (1 - d) / n + d P(w) x`. How does the rank of one page change with the weight of each link?

Two programs answer. The first iterates a given number of times, and its reverse sweep runs all
iterations backwards: the derivative of an iterate. The second calls `srcad.fixed_point`, whose
adjoint solves one linear fixed-point equation at the solution and keeps nothing of the way there.
The derivative of the iterates lags behind the iterates: an error about `k q^k` against `q^k`, where
`q` is `d` times the second eigenvalue of `P`, so a result that has converged may have a derivative
that has not.

The adjoint: importance flows against the links. `v = e + d P^T v` says how much a visit to each
page is worth to the page asked about, and a link is worth the rank at its tail times the value at
its head, less the mean of the values that the tail's links lead to.

The oracle: the linear system `(I - d P) x = (1 - d) / n`, and that formula with its transpose.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def visit(x, weights, tail, head, damping):
    """One step of the surfer: the ranks flow along the links."""
    n = len(x)
    out = np.zeros(n)
    for e in range(len(weights)):
        out[tail[e]] += weights[e]
    new = np.full(n, (1.0 - damping) / n)
    for e in range(len(weights)):
        new[head[e]] += damping * x[tail[e]] * weights[e] / out[tail[e]]
    return new


def unrolled(weights, tail, head, damping, n, page, iterations):
    """The rank of a page after a number of steps."""
    x = np.full(n, 1.0 / n)
    for _ in range(iterations):
        x = visit(x, weights, tail, head, damping)
    return x[page]


def implicit(weights, tail, head, damping, n, page):
    """The rank of a page, as a solution of the equation for the ranks."""
    start = np.full(n, 1.0 / n)
    x = srcad.fixed_point(visit, start, weights, tail, head, damping, tol=1e-14)
    return x[page]


def by_linear_algebra(weights, tail, head, damping, n, page):
    """The oracle: the rank and the worth of each link, by two linear systems."""
    P = np.zeros((n, n))
    np.add.at(P, (head, tail), weights)
    out = P.sum(axis=0)
    P = P / out
    x = np.linalg.solve(np.eye(n) - damping * P, np.full(n, (1.0 - damping) / n))
    v = np.linalg.solve(np.eye(n) - damping * P.T, np.eye(n)[page])
    return x, damping * x[tail] * (v[head] - (P.T @ v)[tail]) / out[tail]


def web(n, links, seed=0):
    """A random web in which each page links to some others, early ones more often."""
    rng = np.random.default_rng(seed)
    pairs = {(i, (i + 1) % n) for i in range(n)}
    while len(pairs) < links:
        i, j = rng.integers(n), int(n * rng.random() ** 2)
        if i != j:
            pairs.add((int(i), j))
    tail, head = np.array(sorted(pairs)).T.copy()
    return rng.uniform(0.5, 1.5, len(tail)), tail, head


def draw(ranks, worth, tail, head, page, errors):
    """The web with the worth of its links, and the errors of the unrolled derivative."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    where = np.exp(2j * np.pi * np.arange(len(ranks)) / len(ranks))
    scale = np.max(np.abs(worth))
    for e in np.argsort(np.abs(worth)):
        a, b = where[tail[e]], where[head[e]]
        color = plt.cm.coolwarm(0.5 + 0.5 * worth[e] / scale)
        arrow = {"arrowstyle": "->", "color": color, "lw": 0.5 + 2.5 * abs(worth[e]) / scale}
        arrow["connectionstyle"] = "arc3,rad=0.15"
        left.annotate("", (b.real, b.imag), (a.real, a.imag), arrowprops=arrow)
    color = ["C1" if i == page else "k" for i in range(len(ranks))]
    left.scatter(where.real, where.imag, s=3000 * ranks, c=color, zorder=3)
    left.set(title="red links raise the orange page", aspect="equal")
    left.axis("off")
    names = ("the rank, iterated", "its derivative, unrolled", "the derivative, implicit")
    for error, name, style in zip(errors, names, ("k-", "C3-", "C0--"), strict=True):
        right.semilogy(np.maximum(error, 1e-17), style, label=name)
    right.set(xlabel="iterations", ylabel="largest relative error", ylim=(1e-17, 10.0))
    right.legend()
    return figure


def main():
    """Rank a small web, print the links' worth beside the oracle's, save the picture."""
    weights, tail, head = web(16, 48)
    n, page, damping = 16, 9, 0.85
    ranks, worth = by_linear_algebra(weights, tail, head, damping, n, page)
    ours = srcad.grad(implicit)(weights, tail, head, damping, n, page)
    far = srcad.value_and_grad(unrolled)
    error = np.max(np.abs(ours - worth)) / np.max(np.abs(worth))
    errors = [[], [], []]
    for k in range(101):
        rank, gradient = far(weights, tail, head, damping, n, page, k)
        errors[0].append(abs(rank - ranks[page]) / ranks[page])
        errors[1].append(np.max(np.abs(gradient - worth)) / np.max(np.abs(worth)))
        errors[2].append(error)

    best = np.argsort(-ours)[:3]
    print(f"rank of page {page}: {rank:.6f} (linear system {ranks[page]:.6f})")
    for e in best:
        print(f"link {tail[e]} -> {head[e]}: worth {ours[e]:.6f} (oracle {worth[e]:.6f})")
    print(f"implicit derivative: relative error {error:.1e}")
    print(f"unrolled, after 50 iterations {errors[1][50]:.1e}, after 100 {errors[1][100]:.1e}")

    figure = draw(ranks, ours, tail, head, page, errors)
    figure.savefig(Path(__file__).parent / "pictures" / "pagerank.png", dpi=100)


if __name__ == "__main__":
    main()
