"""A graph network on molecules: depth brings far atoms in, and then blurs all of them.

Each atom of a molecule has a vector; a layer replaces it by `tanh` of the mean over itself and its
neighbours, times a matrix that all atoms share. `L` layers see `L` bonds far. Molecules are made
here (random trees of carbon, nitrogen and oxygen, some with a ring), and the network is to learn the
charge of each atom in Hueckel's model, which feels atoms that are several bonds away.

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
        open_atoms = [i for i in range(j) if free[i] > 0 and (free[j] > 1 or i >= j - 3)]
        if not open_atoms:
            return make_molecule(rng, atoms)
        bind(int(rng.choice(open_atoms[-3:])), j)
    far = [(i, j) for i in range(atoms) for j in range(i + 4, atoms) if free[i] > 0 and free[j] > 0]
    if far:
        bind(*far[rng.integers(len(far))])
    return kinds, bonds


def charges(kinds, bonds):
    """Hueckel charges: electrons fill the lower half of the orbitals, two in each."""
    h = np.diag([COULOMB[k] for k in kinds])
    for i, j in bonds:
        h[i, j] = h[j, i] = 1.0
    _, orbitals = np.linalg.eigh(-h)
    filled = orbitals[:, : len(kinds) // 2]
    return 1.0 - 2.0 * np.sum(filled**2, axis=1)


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
