"""A network that is blind to rotations has forces that rotate with the atoms.

A network learns the energy of a cluster of atoms from forces. One sees distances only: each atom
counts its neighbours in soft shells, and a layer of tanh units makes an energy of the counts. So
`E(R x) = E(x)` for each rotation `R`, whatever the weights. Its gradient is then equivariant,
`grad E(R x) = R grad E(x)`. With `R` near 1 this says that the torque is zero, and with shifts in
place of rotations that the forces sum to zero: Noether's theorem for this network. The other
network reads coordinates. It learns the forces of clusters that lie one way, and of no others.

The adjoint: the forces are `-dE/dx`, by reverse mode, and the misfit of the forces is
differentiated by the weights: a gradient of a gradient, written as such.

The oracle: rotations that NumPy makes, applied before and after. The forces to be learned are those
of Morse's potential, which is written out.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad

ATOMS, SHELLS, UNITS = 5, 8, 10


def blind_energy(x, w):
    """Return the energy from distances: the weights are of `UNITS` units that see the shells."""
    total = 0.0
    for i in range(len(x)):
        counts = np.zeros(SHELLS)
        for j in range(len(x)):
            if j != i:
                r = math.sqrt(np.sum((x[i] - x[j]) ** 2))
                for k in range(SHELLS):
                    counts[k] += math.exp(-4.0 * (r - 0.6 - 0.3 * k) ** 2)
        for h in range(UNITS):
            unit = w[h * (SHELLS + 2) : (h + 1) * (SHELLS + 2)]
            total += unit[1] * math.tanh(unit[0] + np.sum(unit[2:] * counts))
    return total


def seeing_energy(x, w):
    """Return the energy from coordinates, by as many units of the same kind and more weights."""
    total, size = 0.0, 3 * ATOMS + 2
    for h in range(len(w) // size):
        unit = w[h * size : (h + 1) * size]
        total += unit[1] * math.tanh(unit[0] + np.sum(unit[2:] * x.reshape(-1)))
    return total


def misfit(w, energy, clusters, forces):
    """Return the mean square error of the forces, which are a gradient themselves."""
    total = 0.0
    for c in range(len(clusters)):
        total += np.sum((srcad.grad(energy)(clusters[c], w) + forces[c]) ** 2)
    return total / forces.size


def morse_forces(x):
    """Return the forces of Morse's potential `(1 - exp(-2 (r - 1)))^2` between all pairs."""
    apart = x[:, None] - x[None]
    r = np.sqrt(np.sum(apart**2, axis=-1)) + np.eye(len(x))
    decay = np.exp(-2.0 * (r - 1.0))
    return -np.sum((4.0 * (1.0 - decay) * decay / r)[..., None] * apart, axis=1)


def draw_clusters(count, rng):
    """Return distorted copies of one cluster: its own shape, in its own direction."""
    shape = np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.87, 0], [0.5, 0.29, 0.82], [0.5, 0.29, -0.82]])
    clusters = shape - shape.mean(axis=0) + rng.normal(0.0, 0.1, (count, ATOMS, 3))
    return clusters, np.array([morse_forces(x) for x in clusters])


def rotation(angle, axis):
    """Return the matrix of a rotation, by Rodrigues' formula."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * K + (1.0 - np.cos(angle)) * (K @ K)


def train(energy, n_weights, clusters, forces, iterations=200):
    """Return weights that make the forces, by L-BFGS."""
    start = np.random.default_rng(1).normal(0.0, 0.3, n_weights)
    found = minimize(
        srcad.value_and_grad(misfit),
        start,
        args=(energy, clusters, forces),
        jac=True,
        options={"maxiter": iterations},
        method="L-BFGS-B",
    )
    return found.x


def errors_of_turned(energy, w, clusters, forces, angles):
    """Return the error of the forces, relative to their size, for clusters that were turned."""
    force = srcad.grad(energy)
    errors = []
    for angle in angles:
        R = rotation(angle, (1.0, 2.0, 3.0))
        wrong = [force(x @ R.T, w) + f @ R.T for x, f in zip(clusters, forces, strict=True)]
        errors.append(np.sqrt(np.mean(np.square(wrong)) / np.mean(forces**2)))
    return np.array(errors)


def draw(angles, blind, seeing, example, turned):
    """Draw the errors against the angle, and one cluster with its forces before and after."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    left.semilogy(np.degrees(angles), seeing, "C1", label="network of coordinates")
    left.semilogy(np.degrees(angles), blind, "C0", label="network of distances")
    left.set(xlabel="rotation of clusters not trained on (degrees)", ylabel="error of the forces")
    left.legend(fontsize=8)
    arrows = {"angles": "xy", "scale_units": "xy", "scale": 1.5 * np.max(np.abs(example[1]))}
    for (x, force), colour, name in ((example, "C7", "as it lies"), (turned, "C0", "turned")):
        right.plot(x[:, 0], x[:, 1], "o", color=colour, ms=10, label=name)
        right.quiver(*x[:, :2].T, *force[:, :2].T, color=colour, width=0.006, **arrows)
    right.set(xlabel="x", ylabel="y", aspect="equal", title="forces turn with the atoms")
    right.margins(0.25)
    right.legend(fontsize=8)
    return figure


def main():
    """Train both networks on forces, then turn the clusters."""
    rng = np.random.default_rng(0)
    clusters, forces = draw_clusters(60, rng)
    new_clusters, new_forces = draw_clusters(20, rng)
    n_blind, n_seeing = UNITS * (SHELLS + 2), 30 * (3 * ATOMS + 2)
    angles = np.linspace(0.0, np.pi, 19)
    errors = {}
    for name, energy, n in (
        ("distances", blind_energy, n_blind),
        ("coordinates", seeing_energy, n_seeing),
    ):
        w = train(energy, n, clusters, forces)
        errors[name] = errors_of_turned(energy, w, new_clusters, new_forces, angles)
        pull, x = -srcad.grad(energy)(new_clusters[0], w), new_clusters[0]
        print(
            f"{name}: error of the forces {errors[name][0]:.4f}, turned {errors[name][-1]:.4f};"
            f" total force {np.linalg.norm(pull.sum(axis=0)):.1e},"
            f" torque {np.linalg.norm(np.cross(x, pull).sum(axis=0)):.1e}"
        )
        if name == "distances":
            turn = x @ rotation(2.0, (0.0, 0.0, 1.0)).T + np.array([2.2, -1.6, 0.0])
            pictures = (x, pull), (turn, -srcad.grad(energy)(turn, w))
    figure = draw(angles, errors["distances"], errors["coordinates"], *pictures)
    figure.savefig(Path(__file__).parent / "pictures" / "rotation_invariance.png", dpi=100)


if __name__ == "__main__":
    main()
