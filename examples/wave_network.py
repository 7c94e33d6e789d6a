"""Layers as time steps: the gradient obeys an adjoint equation, or travels as a wave.

A residual network `h[l+1] = h[l] + A h[l] / L` is Euler's method for `h' = A h`, with depth as
time. What is sent back through it obeys the adjoint equation `g' = -A^T g`, up to `1 / L`: its
length changes by what `A` does in unit depth, not by a factor for each of the `L` layers, so it
neither vanishes nor explodes as layers are added.

If the layers are steps of the wave equation, `h[l+1] = 2 h[l] - h[l-1] + c^2 (h[l] of the
neighbours - 2 h[l])`, the gradient is a wave too. Sent out by the neurons that the loss reads, it
splits into two pulses, which move `c` neurons a layer and keep their shape, whatever the depth:
each layer learns from one place, that from which what it says arrives in time.

The adjoint: it is read at each layer by a bump of zeros that is added to what the layer computes.

The oracle: the matrix exponential, and the formula of d'Alembert; travel times where `c` varies.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import expm

import srcad


def residual_network(bump, h, A, v):
    """A linear residual network, one layer for each row of `bump`, read by `v`."""
    depth = len(bump)
    for layer in range(depth):
        h = h + A @ h / depth + bump[layer]
    return v @ h


def wave_network(bump, before, now, c, v):
    """Layers that are steps of the wave equation; `v` reads how fast the last one changes."""
    for layer in range(len(bump)):
        after = np.zeros(len(now))
        for i in range(1, len(now) - 1):
            bend = now[i + 1] - 2.0 * now[i] + now[i - 1]
            after[i] = 2.0 * now[i] - before[i] + c[i] ** 2 * bend + bump[layer, i]
        before, now = now, after
    return v @ (now - before)


residual_adjoint = srcad.grad(residual_network)
wave_adjoint = srcad.grad(wave_network)


def adjoint_of_residual_network(A, v, depth):
    """The adjoint behind each layer; it does not depend on the state, as the network is linear."""
    return residual_adjoint(np.zeros((depth, len(v))), np.ones(len(v)), A, v)


def adjoint_equation(A, v, depth):
    """The solution of `g' = -A^T g` that ends with `v`, at the same depths."""
    return np.array([expm((1.0 - k / depth) * A.T) @ v for k in range(1, depth + 1)])


def adjoint_of_wave_network(c, v, depth):
    """The adjoint behind each layer of the wave network."""
    silent = np.zeros(len(c))
    return wave_adjoint(np.zeros((depth, len(c))), silent, silent, c, v)


def alembert(c, center, width, neurons, depth):
    """Two pulses of half the height, `c` neurons further with each layer on the way back.

    The loss reads the last layer and, with a minus, the one before. The adjoint of such a pair is
    the same just behind the last layer and one step further on: its clock starts between these.
    """
    x, adjoint = np.arange(neurons) - center, np.empty((depth, neurons))
    for layer in range(depth):
        way = c * (depth - layer - 0.5)
        adjoint[layer] = 0.5 * (pulse(x - way, width) + pulse(x + way, width))
    return adjoint


def pulse(x, width):
    """A Gaussian of height 1."""
    return np.exp(-0.5 * (x / width) ** 2)


def right_pulse(adjoint, center):
    """The centre of gravity of what moves to the right, at each layer."""
    weight = adjoint[:, center:] ** 2
    return center + weight @ np.arange(weight.shape[1]) / np.sum(weight, axis=1)


def random_matrix(rng, size):
    """A matrix with eigenvalues within a circle of radius about 2."""
    return 2.0 * rng.normal(size=(size, size)) / np.sqrt(size)


def draw(path, norms, depths, errors, adjoint, arrival):
    """Save the length of the adjoint, its distance to the equation's, and the wave."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
    for depth, (found, _) in norms.items():
        at = np.arange(1, depth + 1) / depth
        axes[0].plot(at, found, "o", markersize=3, label=f"{depth} layers")
    axes[0].plot(at, norms[depth][1], "k", linewidth=1.0, label="adjoint equation")
    axes[0].set(xlabel="depth, of all", ylabel="norm of the adjoint", ylim=(0, None))
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].loglog(depths, errors, "o", label="residual network")
    axes[1].loglog(depths, errors[-1] * depths[-1] / depths, "k--", label="1 / L")
    axes[1].set(xlabel="layers L", ylabel="relative distance to the adjoint equation")
    axes[1].legend(frameon=False, fontsize=8)
    top = np.max(np.abs(adjoint)) / 2
    picture = axes[2].imshow(
        adjoint, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto", origin="lower"
    )
    axes[2].plot(*arrival, "k:", label="predicted arrival")
    axes[2].set(xlabel="neuron", ylabel="layer", title="adjoint of the wave network")
    axes[2].legend(frameon=False, fontsize=8, loc="lower left")
    figure.colorbar(picture, ax=axes[2])
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    rng = np.random.default_rng(0)
    A, v = random_matrix(rng, 20), rng.normal(size=20)
    norms, depths, errors = {}, np.array([5, 10, 20, 40, 80, 160, 320]), []
    for depth in depths:
        found, exact = adjoint_of_residual_network(A, v, depth), adjoint_equation(A, v, depth)
        errors.append(np.linalg.norm(found[0] - exact[0]) / np.linalg.norm(exact[0]))
        if depth in (5, 20, 80):
            norms[depth] = np.linalg.norm(found, axis=1), np.linalg.norm(exact, axis=1)
    print("distance to the adjoint equation, for twice the layers:", end=" ")
    print(np.round(np.array(errors[1:]) / errors[:-1], 3))

    neurons, center, width, depth = 241, 120, 7.0, 140
    v = pulse(np.arange(neurons) - center, width)
    found = adjoint_of_wave_network(np.full(neurons, 0.7), v, depth)
    error = np.max(np.abs(found - alembert(0.7, center, width, neurons, depth)))
    speed = -np.polyfit(np.arange(40, 100), right_pulse(found, center)[40:100], 1)[0]
    print(f"largest difference to d'Alembert: {error:.4f} of 1")
    print(f"speed of the gradient: {speed:.4f} neurons a layer, c = 0.7")

    c = np.where(np.arange(neurons) < 160, 0.8, 0.4)
    found = adjoint_of_wave_network(c, v, depth)
    place = np.arange(center, neurons)
    layer = depth - 0.5 - np.cumsum(1.0 / c[center:])
    kept = layer > 0
    path = Path(__file__).parent / "pictures" / "wave_network.png"
    draw(path, norms, depths, np.array(errors), found, (place[kept], layer[kept]))


if __name__ == "__main__":
    main()
