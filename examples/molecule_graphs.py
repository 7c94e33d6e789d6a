"""A graph network on molecules: depth brings far atoms in, and then blurs all of them.

Each atom of a molecule has a vector; a layer replaces it by `tanh` of the mean over itself and its
neighbours, times a matrix that all atoms share. `L` layers see `L` bonds far. Molecules are made
here (random trees of carbon, nitrogen and oxygen, some with a ring), and the network is to learn
each atom's charge in Hueckel's model, which feels atoms that are several bonds away.

Deeper is better, until it is worse: means of means tend to one value for the whole molecule
(over-smoothing). The differences between bonded atoms fall by the second eigenvalue of the
averaging matrix at each layer, and with them what the gradient can tell about where an atom is.

The adjoint: charges' errors are sent back along the bonds. The derivative of atom `i` after `L`
averages by atom `j` is the probability that a random walk of `L` steps goes from `i` to `j`; for
large `L` it is `degree(j) / sum of degrees`, whatever `i`: each atom has the same gradient.

The oracle: the power of the averaging matrix, its eigenvalue, and the walk's stationary law.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

import srcad

VALENCE = {"C": 4, "N": 3, "O": 2}
COULOMB = {"C": 0.0, "N": 0.5, "O": 1.0}
"""Hueckel's integral of the atom, in units of that of a bond."""


def make_molecule(rng, atoms):
    """Kinds of atoms and bonds (pairs): a random tree, and a bond that closes a ring, if it can."""
    kinds = list(rng.choice(list(VALENCE), size=atoms, p=[0.7, 0.15, 0.15]))
    kinds[0] = "C"
    free, bonds = [VALENCE[k] for k in kinds], []

    def bind(i, j):
        bonds.append((i, j))
        free[i] -= 1
        free[j] -= 1

    for j in range(1, atoms):
        open_atoms = [i for i in range(j) if free[i] > 0]
        if not open_atoms:  # closed too early, by oxygen say
            return make_molecule(rng, atoms)
        bind(int(rng.choice(open_atoms[-3:])), j)
    far = [(i, j) for i in range(atoms) for j in range(i + 4, atoms) if free[i] > 0 and free[j] > 0]
    if far:
        bind(*far[rng.integers(len(far))])
    return kinds, bonds


def charges(kinds, bonds, temperature=0.5):
    """Hueckel charges, in units of the bond's energy: one electron an atom, two in an orbital."""
    h = -np.diag([COULOMB[k] for k in kinds])
    for i, j in bonds:
        h[i, j] = h[j, i] = -1.0
    energies, orbitals = np.linalg.eigh(h)

    def filled(level):
        return 2.0 * expit((level - energies) / temperature)

    level = brentq(lambda level: np.sum(filled(level)) - len(kinds), -9.0, 9.0, xtol=1e-13)
    return 1.0 - orbitals**2 @ filled(level)


def join(molecules):
    """All molecules as one graph: features of atoms, ends of bonds, degrees, charges."""
    features, ends, target, first = [], [], [], 0
    for kinds, bonds in molecules:
        features += [[float(k == name) for name in VALENCE] for k in kinds]
        ends += [(first + i, first + j) for i, j in bonds]
        target += list(charges(kinds, bonds))
        first += len(kinds)
    ends = np.array(ends)
    degree = 1.0 + np.bincount(ends.ravel(), minlength=first)  # an atom is its own neighbour
    return np.array(features), ends, degree, np.array(target)


def average(h, ends, degree):
    """The mean over each atom and its neighbours."""
    total = h.copy()
    for bond in range(len(ends)):
        i, j = ends[bond]
        total[i] += h[j]
        total[j] += h[i]
    return total / degree[:, None]


def averages(x, ends, degree, layers):
    """The mean of the mean of ..., with nothing between."""
    for _ in range(layers):
        x = average(x, ends, degree)
    return x


def predicted(W, start, v, features, ends, degree):
    """The charges that the network gives; `W[l]` is the matrix of layer `l`."""
    h = features @ start
    for layer in range(len(W)):
        h = np.tanh(average(h, ends, degree) @ W[layer])
    return h @ v


def loss(W, start, v, features, ends, degree, target):
    """Mean squared error of the charges."""
    return np.mean((predicted(W, start, v, features, ends, degree) - target) ** 2)


def roughness(x, ends):
    """Squared differences of bonded atoms."""
    return np.sum((x[ends[:, 0]] - x[ends[:, 1]]) ** 2)


loss_gradient = srcad.value_and_grad(loss, wrt=("W", "start", "v"))
influence = srcad.jacobian(averages)


def train(graph, depth, steps, rate, rng, width=8):
    """Adam; the layers start near a rotation, which keeps lengths."""
    p = [np.array([np.linalg.qr(rng.normal(size=(width, width)))[0] for _ in range(depth)])]
    p += [rng.normal(size=(len(VALENCE), width)), 0.1 * rng.normal(size=width)]
    first, second = [0.0] * 3, [0.0] * 3
    for step in range(1, steps + 1):
        _, gradient = loss_gradient(*p, *graph)
        size = rate * min(1.0, 2.0 * (1.0 - step / steps))
        for k, g in enumerate(gradient):
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.999 * second[k] + 0.001 * g * g
            mean, square = first[k] / (1 - 0.9**step), second[k] / (1 - 0.999**step)
            p[k] = p[k] - size * mean / np.sqrt(square + 1e-12)
    return p


def unexplained(p, graph):
    """The error's share of the variance of the charges: 1 if nothing was learned."""
    return loss(*p, *graph) / np.var(graph[-1])


def walk(ends, degree):
    """The averaging matrix, and the square of its second eigenvalue."""
    matrix = np.eye(len(degree))
    matrix[ends[:, 0], ends[:, 1]] = matrix[ends[:, 1], ends[:, 0]] = 1.0
    matrix /= degree[:, None]
    return matrix, np.sort(np.abs(np.linalg.eigvals(matrix)))[-2] ** 2


def draw(path, rows, stationary, rough, second, depths, errors):
    """Save what the gradient of two atoms sees, the decay of differences, and the errors."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
    for (layers, row), colour in zip(rows.items(), ("C0", "C1", "C2"), strict=True):
        axes[0].plot(row[0], "-", color=colour, label=f"of atom 0, {layers} layers")
        axes[0].plot(row[-1], ":", color=colour, label=f"of atom {len(row) - 1}, {layers} layers")
    axes[0].plot(stationary, "k.", label="stationary law")
    axes[0].set(xlabel="by the value of atom j", ylabel="derivative after averaging")
    axes[0].legend(frameon=False, fontsize=7)
    axes[1].semilogy(rough / rough[0], label="differences of bonded atoms")
    line = rough[-1] / rough[0] * second ** (np.arange(len(rough)) - len(rough) + 1.0)
    axes[1].semilogy(line, "k--", label="(second eigenvalue)^(2 L)")
    axes[1].set(xlabel="layers L", ylabel="squared differences, of those at L = 0")
    axes[1].legend(frameon=False, fontsize=8)
    axes[2].plot(depths, errors, "o-", label=["molecules learned from", "other molecules"])
    axes[2].set(xlabel="layers of the network", ylabel="variance not explained", ylim=(0, 1.05))
    axes[2].set_xscale("log", base=2)
    axes[2].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    rng = np.random.default_rng(0)
    _, ends, degree, _ = join([make_molecule(rng, 12)])
    stationary = degree / np.sum(degree)
    matrix, second = walk(ends, degree)
    x = rng.normal(size=(12, 1))
    rough = np.array([roughness(averages(x, ends, degree, n), ends) for n in range(81)])
    rows = {n: influence(x, ends, degree, n)[:, 0, :, 0] for n in (2, 8, 64)}
    for layers, row in rows.items():
        error = np.max(np.abs(row - np.linalg.matrix_power(matrix, layers)))
        spread = np.max(np.abs(row - stationary))
        print(f"{layers:2} layers: gradient - walks {error:.0e}, from stationary {spread:.1e}")
    print(f"differences fall by {rough[-1] / rough[-2]:.6f} a layer, eigenvalue {second:.6f}")

    graph = join([make_molecule(rng, 12) for _ in range(100)])
    others = join([make_molecule(rng, 12) for _ in range(100)])
    depths, errors = [1, 2, 3, 4, 6, 8, 12, 16], []
    for depth in depths:
        p = train(graph, depth, 400, 0.015, rng)
        errors.append((unexplained(p, graph), unexplained(p, others)))
        print(f"{depth:2} layers: variance not explained {errors[-1][1]:.3f}")
    path = Path(__file__).parent / "pictures" / "molecule_graphs.png"
    draw(path, rows, stationary, rough, second, depths, errors)


if __name__ == "__main__":
    main()
