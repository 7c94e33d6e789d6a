"""Gradients grow or fade from layer to layer as a number says: He's start makes it one.

In a deep network `h[l] = phi(W[l] h[l-1])` with random weights of variance `sigma2 / width`, the
squared norm of the gradient is multiplied by `chi = sigma2 E[phi'(z)^2]` at each layer that it
passes on its way back, where `z` is Gaussian. Above one it explodes, below one it vanishes, and
thirty layers are enough for either. For ReLU half of all derivatives are one, so `chi = sigma2 /
2`, and the start of He et al. (2015), `sigma2 = 2`, is the one value at which signals reach both
ends.

The adjoint: nothing but `W^T` and `phi'`, layer after layer. To read it in the middle, a bump of
zeros is added to each layer's input: the gradient by the bump is the adjoint that passes there.

The oracle: mean-field theory for wide networks (Poole et al., 2016; Schoenholz et al., 2017): `chi`
from the fixed point of the variance of `z`, by Gauss-Hermite quadrature. At a finite width the mean
logarithm that is measured here falls short of it by about 2.5 / width per layer.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def relu(z):
    """The positive part."""
    return np.maximum(z, 0.0)


def tanh(z):
    """The hyperbolic tangent."""
    return np.tanh(z)


def read_out(bump, x, W, v, activation):
    """What a deep network says to `x`; `bump[l]` is added to the input of layer `l`."""
    h = x
    for layer in range(len(W)):
        h = activation(W[layer] @ h + bump[layer])
    return v @ h


passing_adjoint = srcad.grad(read_out)


def adjoint_norms(rng, activation, sigma2, variance, depth, width, networks):
    """Mean logarithm of the squared adjoint at each layer, over random networks."""
    logarithms = np.zeros(depth)
    for _ in range(networks):
        x = activation(np.sqrt(variance) * rng.normal(size=width))
        W = np.sqrt(sigma2 / width) * rng.normal(size=(depth, width, width))
        v = rng.normal(size=width) / np.sqrt(width)
        adjoint = passing_adjoint(np.zeros((depth, width)), x, W, v, activation)
        logarithms += np.log(np.sum(adjoint**2, axis=1)) / networks
    return logarithms


def growth(logarithms):
    """The factor by layer on the way back: the slope of a straight line."""
    return np.exp(-np.polyfit(np.arange(len(logarithms)), logarithms, 1)[0])


NODES, QUADRATURE = np.polynomial.hermite_e.hermegauss(101)
QUADRATURE = QUADRATURE / np.sqrt(2.0 * np.pi)


def tanh_theory(sigma2):
    """The fixed point of the variance of `z` for tanh, and `chi` there."""
    variance = 1.0
    for _ in range(10000):
        variance = sigma2 * QUADRATURE @ np.tanh(np.sqrt(variance) * NODES) ** 2
    slope = 1.0 - np.tanh(np.sqrt(variance) * NODES) ** 2
    return variance, sigma2 * QUADRATURE @ slope**2


def relu_theory(sigma2):
    """Any variance of `z` at the first layer, and `chi`: half of the units pass the adjoint."""
    return 1.0, 0.5 * sigma2


def draw(path, lines, found, theory):
    """Save the adjoint through the layers, and the factor against the weights' variance."""
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
    for sigma2, logarithms in lines.items():
        layers = np.arange(1, len(logarithms) + 1)
        (line,) = axes[0].semilogy(layers, np.exp(logarithms), "o", markersize=4)
        line.set_label(f"ReLU, sigma2 = {sigma2}" + (" (He)" if sigma2 == 2.0 else ""))
        chi = relu_theory(sigma2)[1]
        axes[0].semilogy(layers, np.exp(logarithms[-1]) * chi ** (layers[-1] - layers), "k:")
    axes[0].set(xlabel="layer", ylabel="squared norm of the adjoint")
    axes[0].plot([], [], "k:", label="chi ** (layers to go)")
    axes[0].legend(frameon=False, fontsize=8, loc="lower right")
    axes[0].set_ylim(1e-7, None)
    for name, (sigma2, chi) in found.items():
        (line,) = axes[1].plot(*theory[name], label=f"{name}, theory")
        axes[1].plot(sigma2, chi, "o", color=line.get_color(), label=f"{name}, measured")
    axes[1].axhline(1.0, color="0.7", linewidth=1.0)
    axes[1].set(xlabel="sigma2, the variance of the weights times the width")
    axes[1].set(ylabel="factor of the squared adjoint, per layer")
    axes[1].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    rng = np.random.default_rng(0)
    cases = {"ReLU": (relu, relu_theory), "tanh": (tanh, tanh_theory)}
    found, theory, fine = {}, {}, np.linspace(0.4, 3.2, 57)
    for name, (activation, predict) in cases.items():
        values, measured = np.array([0.5, 0.8, 1.3, 1.6, 2.0, 2.4, 3.0]), []
        for sigma2 in values:
            variance, chi = predict(sigma2)
            norms = adjoint_norms(rng, activation, sigma2, variance, 30, 200, 5)
            measured.append(growth(norms))
            print(f"{name}, sigma2 = {sigma2}: factor {measured[-1]:.3f}, theory {chi:.3f}")
        found[name] = values, measured
        theory[name] = fine, [predict(sigma2)[1] for sigma2 in fine]
    lines = {s: adjoint_norms(rng, relu, s, 1.0, 50, 400, 4) for s in (2.4, 2.0, 1.6)}
    draw(Path(__file__).parent / "pictures" / "signal_propagation.png", lines, found, theory)


if __name__ == "__main__":
    main()
