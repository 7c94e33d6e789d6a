"""ReLU's kinks do no harm, its flat side does: dead units get no gradient.

`max(x, 0)` has no derivative at 0. A program that differentiates it needs a value there, and
srcad's is 0 (docs/contract.md). That is a convention, with consequences that can be computed:
`relu(x) - relu(-x)` is `x`, but has the derivative 0 at 0. Almost no input lies on a kink, so
training does not notice; what training notices is the flat side. A unit that is negative for all
data is dead: its gradient is exactly zero, and descent leaves it where it is for ever. A slope on
the flat side (leaky ReLU) keeps it alive.

The adjoint: each unit passes on what arrives, or nothing, as it did with the value. So the gradient
of a unit's weights is a sum over those data for which the unit is on.

The oracle: one-sided differences at the kink; geometry away from it. For data that fill `[-1, 1]`,
a unit `relu(w x + b)` with normal `w` and `b` is dead if `b < -|w|`: one in four. And the straight
line of least squares.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def relu(z):
    """The positive part; its derivative at 0 is 0."""
    return max(z, 0.0)


def leaky(z):
    """A tenth of the slope where ReLU has none."""
    return max(z, 0.1 * z)


def identity(z):
    """A function without a kink, written with two."""
    return relu(z) - relu(-z)


def loss(w, b, v, x, y, activation):
    """Mean squared error of `sum_k v[k] activation(w[k] x + b[k])`."""
    total = 0.0
    for n in range(len(x)):
        found = 0.0
        for k in range(len(w)):
            found += v[k] * activation(w[k] * x[n] + b[k])
        total += (found - y[n]) ** 2
    return total / len(x)


gradient = srcad.grad(loss, wrt=("w", "b", "v"))


def one_sided(f, z, h=2.0**-20):
    """The differences to the left and to the right; exact for functions made of straight lines."""
    return (f(z) - f(z - h)) / h, (f(z + h) - f(z)) / h


def dead(w, b, x):
    """The units that are off for all data."""
    return np.max(np.outer(w, x) + b[:, None], axis=1) <= 0.0


def start(rng, units):
    """Normal weights and biases."""
    return rng.normal(size=units), rng.normal(size=units), rng.normal(size=units) / np.sqrt(units)


def train(p, x, y, activation, rate, steps):
    """Gradient descent; returns the parameters and the share of dead units at each step."""
    w, b, v = p
    shares = []
    for _ in range(steps):
        shares.append(np.mean(dead(w, b, x)))
        w_bar, b_bar, v_bar = gradient(w, b, v, x, y, activation)
        w, b, v = w - rate * w_bar, b - rate * b_bar, v - rate * v_bar
    return (w, b, v), shares


def revived(before, after, x):
    """How many units that were dead before are alive after."""
    return np.sum(dead(*before[:2], x) & ~dead(*after[:2], x))


def best_line(x, y):
    """The mean squared error of the best straight line."""
    return np.mean((np.polyval(np.polyfit(x, y, 1), x) - y) ** 2)


def draw(path, z, slopes, shares, rng, x):
    """Save derivatives near the kink, the plane of units, and the dead in training."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
    for name, slope in slopes.items():
        axes[0].plot(z, slope, "o", markersize=3, label=name)
    axes[0].set(xlabel="z", ylabel="derivative", ylim=(-0.1, 1.4))
    axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    w, b, _ = start(rng, 1500)
    off = dead(w, b, x)
    axes[1].plot(w[~off], b[~off], ".", markersize=3, label="alive for some data")
    axes[1].plot(w[off], b[off], ".", markersize=3, label=f"dead: {100 * np.mean(off):.1f} %")
    line = np.array([-4.0, 0.0, 4.0])
    axes[1].plot(line, -np.abs(line), "k", linewidth=1, label="b = -|w|")
    axes[1].set(xlabel="w", ylabel="b", xlim=(-4, 4), ylim=(-4, 4))
    axes[1].legend(frameon=False, fontsize=8, loc="upper left")
    for name, share in shares.items():
        axes[2].plot(100 * np.array(share), label=name)
    axes[2].set(xlabel="step", ylabel="dead units (%)", xlim=(0, 1500), ylim=(0, 105))
    axes[2].set_xscale("symlog", linthresh=1.0)
    axes[2].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    rng = np.random.default_rng(0)
    for name, f in {"relu": relu, "leaky": leaky, "relu(z) - relu(-z)": identity}.items():
        left, right = one_sided(f, 0.0)
        print(f"{name} at 0: derivative {srcad.grad(f)(0.0)}, differences {left}, {right}")

    x = np.linspace(-1.0, 1.0, 101)
    y = np.sin(3.0 * x)
    units = start(rng, 100_000)
    print(f"dead at the start: {100 * np.mean(dead(*units[:2], x)):.2f} %, geometry: 25 %")
    w, b, v = start(rng, 200)
    w_bar, b_bar, v_bar = gradient(w, b, v, x, y, relu)
    silent = (w_bar == 0.0) & (b_bar == 0.0) & (v_bar == 0.0)
    print(f"units with zero gradient: {np.sum(silent)}, dead: {np.sum(dead(w, b, x))}, ", end="")
    print(f"the same: {np.array_equal(silent, dead(w, b, x))}")

    shares = {}
    for rate in (0.005, 0.02, 0.05):
        after, share = train((w, b, v), x, y, relu, rate, 1500)
        shares[f"rate {rate}"] = share
        print(f"rate {rate}: dead in the end {100 * share[-1]:.0f} %, ", end="")
        print(f"revived {revived((w, b, v), after, x)}, loss {loss(*after, x, y, relu):.1e}")
    for activation in (relu, leaky):
        after, _ = train((w[:20], b[:20] - 5.0, v[:20]), x, y, activation, 0.05, 3000)
        print(f"all off, {activation.__name__}: loss {loss(*after, x, y, activation):.6f}")
    print(f"no line: {np.mean(y**2):.6f}, best line: {best_line(x, y):.6f}")
    z = np.linspace(-1.0, 1.0, 41)
    slopes = {f.__name__: [srcad.grad(f)(t) for t in z] for f in (relu, leaky, identity)}
    draw(Path(__file__).parent / "pictures" / "relu_kinks.png", z, slopes, shares, rng, x)


if __name__ == "__main__":
    main()
