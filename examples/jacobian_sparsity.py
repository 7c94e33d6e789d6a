"""Jacobian sparsity: a network's derivative has the network's own links.

Phase oscillators (Kuramoto) pull at their neighbours, `w_i + K sum_j sin(theta_j - theta_i)`. The
Jacobian of the map has an entry where two nodes are linked, and on the diagonal: of 100^2 numbers,
some 700 can be other than zero. After `k` time steps a node knows of all that are at most `k`
links away, so the pattern of the Jacobian is that of the boolean power `(A + 1)^k`.

Columns that have no row in common can share one sweep, because what they give can be told apart
(Curtis, Powell and Reid). Colouring the columns so that no two of one colour share a row takes a
few colours whatever the size of the network; `colours` does it greedily, and `by_colours` reads the
Jacobian from one `jvp` with a direction for each colour. `srcad.jacobian(..., sparsity="detect")`
does all this: it finds the pattern from the program, colours it and returns a sparse matrix.

The adjoint: a row of the Jacobian is a reverse sweep, which runs along the links backwards. The
largest eigenvalues tell how slowly the synchronised state returns after a disturbance.

The oracle: the Jacobian by hand, `K cos(theta_j - theta_i)`, and the powers of the links' matrix.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from matplotlib.colors import ListedColormap
from scipy.spatial import Delaunay

import srcad

COUPLING = 1.0


def pull(theta, speed, first, neighbour):
    """How fast each phase turns; node i has the neighbours `neighbour[first[i]:first[i + 1]]`."""
    out = np.zeros_like(theta)
    for i in range(len(theta)):
        out[i] = speed[i]
        for e in range(first[i], first[i + 1]):
            out[i] += COUPLING * np.sin(theta[neighbour[e]] - theta[i])
    return out


def flow(theta, speed, first, neighbour, steps, dt=0.05):
    """The phases after some Euler steps."""
    for _ in range(steps):
        theta = theta + dt * pull(theta, speed, first, neighbour)
    return theta


jacobian = srcad.jacobian(pull, sparsity="detect")
reach = srcad.jacobian(flow, sparsity="detect")


def network(n, seed=0):
    """Nodes at random places, linked to those that share a side with them (Delaunay)."""
    places = np.random.default_rng(seed).random((n, 2))
    links = sp.lil_array((n, n), dtype=bool)
    for corners in Delaunay(places).simplices:
        for a in corners:
            links[a, corners[corners != a]] = True
    return places, sp.csr_array(links)


def arguments(links, seed=1):
    """Phases, speeds and the links as two arrays of integers."""
    theta, speed = np.random.default_rng(seed).normal(size=(2, links.shape[0]))
    return theta, speed, links.indptr.astype(np.int64), links.indices.astype(np.int64)


def by_hand(theta, links):
    """The oracle: each link's entry, and the diagonal, from the formula."""
    rows, columns = links.nonzero()
    pulls = COUPLING * np.cos(theta[columns] - theta[rows])
    J = sp.csr_array((pulls, (rows, columns)), shape=links.shape)
    return (J - sp.diags_array(J.sum(axis=1))).toarray()


def colours(pattern):
    """A colour for each column such that two of one colour share no row, greedily."""
    share = sp.csr_array(pattern.T.astype(int) @ pattern.astype(int))
    colour = np.full(pattern.shape[1], -1)
    for j in range(len(colour)):
        taken = set(colour[share.indices[share.indptr[j] : share.indptr[j + 1]]].tolist())
        colour[j] = next(c for c in range(len(colour)) if c not in taken)
    return colour


def by_colours(pattern, colour, args):
    """The Jacobian, read from one run along the sums of the columns of each colour."""
    together = np.eye(colour.max() + 1)[colour]  # which columns belong to which colour
    _, mixed = srcad.jvp(pull, args, (together, None, None, None), directions=together.shape[1])
    rows, columns = pattern.nonzero()
    return sp.csr_array((mixed[rows, colour[columns]], (rows, columns)), shape=pattern.shape)


def draw(places, links, colour, reached):
    """The network with the columns' colours, and the entries of the Jacobians."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for i, j in zip(*sp.triu(links).nonzero(), strict=True):
        left.plot(*places[[i, j]].T, "k", lw=0.4, zorder=0)
    left.scatter(*places.T, c=colour, cmap="tab20", s=35)
    left.set(title=f"{len(places)} columns, {colour.max() + 1} colours", aspect="equal")
    left.axis("off")
    level = sum(pattern.toarray().astype(int) for pattern in reached)
    tones = ListedColormap(["white", "C2", "C1", "C0"])
    right.imshow(level, cmap=tones, interpolation="nearest")
    for k, pattern in enumerate(reached):
        right.plot([], [], "s", color=f"C{k}", label=f"after step {k + 1}: {pattern.nnz} in all")
    right.set(xlabel="phase at the start", ylabel="phase after the steps")
    right.set_title("entries of the Jacobian")
    right.legend(fontsize=8, loc="upper right")
    return figure


def main():
    """Find patterns and Jacobians of a network of 100 oscillators, print, save the picture."""
    places, links = network(100)
    order = np.argsort(places[:, 0])  # numbered from left to right, for the picture
    places, links = places[order], links[order][:, order]
    args = arguments(links)
    pattern = jacobian.pattern(*args)
    colour = colours(pattern)
    J, exact = jacobian(*args), by_hand(args[0], links)

    print(f"entries: found {pattern.nnz}, links and diagonal {links.nnz + links.shape[0]}")
    print(f"{colour.max() + 1} sweeps in place of {len(colour)}")
    print(f"Jacobian against the formula: {np.max(np.abs(J.toarray() - exact)):.1e}")
    error = np.max(np.abs(by_colours(pattern, colour, args).toarray() - exact))
    print(f"the same read from {colour.max() + 1} directions by hand: {error:.1e}")
    step = sp.csr_array(links + sp.eye_array(links.shape[0], dtype=bool))
    power, reached = step, []
    for k in (1, 2, 3):
        reached.append(reach.pattern(*args, k))
        same = (reached[-1] != power).nnz == 0
        print(f"after {k} steps: {reached[-1].nnz} entries, as (A + 1)^{k}: {same}")
        power = (power.astype(int) @ step.astype(int)).astype(bool)
    still = jacobian(np.zeros(len(colour)), *args[1:])
    slow = np.linalg.eigvalsh(still.toarray())[-3:]
    print("slowest rates of return to synchrony:", np.round(slow, 4))

    figure = draw(places, links, colour, reached)
    figure.savefig(Path(__file__).parent / "pictures" / "jacobian_sparsity.png", dpi=100)


if __name__ == "__main__":
    main()
