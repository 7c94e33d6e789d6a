"""Gradient descent follows gradient flow up to a step of 2 / lambda_max, and then leaves it.

`x' = -grad L(x)` is the flow; descent with step `h` is Euler's method for it. Three laws, on a
curved valley. (1) Near a minimum an error along an eigenvector of the Hessian is multiplied by
`1 - h lambda`, so descent is stable if `h < 2 / lambda_max`. (2) Descent differs from the flow by
`O(h)`. (3) It follows another flow to `O(h^2)`, that of the loss `L + h/4 |grad L|^2`: long steps
prefer flat ground, which is known as implicit regularisation.

The adjoint: the gradient is the velocity here, not a means to an end. The Hessian is a derivative
of it, and the flow of the modified loss needs the gradient of a loss that has a gradient inside.

The oracle: the Hessian at the minimum by hand, `[[1 + 4b, -2b], [-2b, b]]`; the flows by SciPy's
Runge-Kutta method of eighth order; the decay of the loss along the flow, `dL/dt = -|grad L|^2`.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import srcad

MINIMUM = np.array([1.0, 1.0])
BEND = 2.0


def loss(x):
    """Return the height over a curved valley with its minimum at (1, 1)."""
    return 0.5 * (1.0 - x[0]) ** 2 + 0.5 * BEND * (x[1] - x[0] ** 2) ** 2


def modified_loss(x, h):
    """Return the loss whose flow descent with step h follows to second order."""
    slope = srcad.grad(loss)(x)
    return loss(x) + 0.25 * h * np.sum(slope * slope)


slope_of_loss = srcad.grad(loss)
slope_of_modified = srcad.grad(modified_loss)


def descend(start, h, steps):
    """Return the points of gradient descent."""
    points = [start]
    for _ in range(steps):
        points.append(points[-1] - h * slope_of_loss(points[-1]))
    return np.array(points)


def flow(slope, start, time, *params):
    """Return the solution of `x' = -slope(x)` as a function of time."""
    return solve_ivp(
        lambda t, x: -slope(x, *params),
        (0.0, time),
        start,
        "DOP853",
        rtol=1e-12,
        atol=1e-13,
        dense_output=True,
    ).sol


def growth_factor(h, steps=4):
    """Return by how much an error along the steepest direction is multiplied in each step."""
    steepest = np.linalg.eigh(srcad.hessian(loss)(MINIMUM))[1][:, -1]
    points = descend(MINIMUM + 1e-8 * steepest, h, steps)
    return (np.linalg.norm(points[-1] - MINIMUM) / 1e-8) ** (1.0 / steps)


def distance_from_flows(start, time, steps):
    """Return how far descent ends from the flow of the loss, and of the modified loss."""
    h = time / steps
    end = descend(start, h, steps)[-1]
    plain = flow(slope_of_loss, start, time)(time)
    modified = flow(slope_of_modified, start, time, h)(time)
    return np.linalg.norm(end - plain), np.linalg.norm(end - modified)


def draw(start, largest, factors, distances):
    """Draw paths in the valley, the factor against the step, and the orders."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
    x, y = np.meshgrid(np.linspace(-1.6, 1.9, 120), np.linspace(-0.4, 2.6, 120))
    left.contour(
        x, y, loss(np.array([x, y])), 0.02 * 2.0 ** np.arange(11), colors="C7", linewidths=0.5
    )
    times = np.linspace(0.0, 12.0, 300)
    left.plot(*flow(slope_of_loss, start, 12.0)(times), "k", label="flow")
    for share, colour in ((2.4, "C3"), (1.9, "C1"), (0.5, "C0")):
        path = descend(start, share / largest, 300)
        left.plot(*path.T, ".-", color=colour, lw=0.6, ms=4, label=f"$h\\lambda_{{max}}$ = {share}")
    left.set(xlabel="x", ylabel="y")
    left.legend(fontsize=7, loc="upper center")
    shares = np.array(list(factors))
    middle.plot(shares, list(factors.values()), "o", ms=4, label="measured")
    middle.plot(shares, np.abs(1.0 - shares), "k-", lw=1, label=r"$|1 - h\lambda_{max}|$")
    middle.axhline(1.0, color="C3", lw=0.7)
    middle.set(xlabel=r"$h\,\lambda_{max}$", ylabel="factor of the error per step")
    middle.legend(fontsize=8)
    steps = np.array(list(distances))
    plain, modified = np.array(list(distances.values())).T
    right.loglog(2.0 / steps, plain, "o", ms=4, label="from the flow of L")
    right.loglog(2.0 / steps, modified, "s", ms=4, label=r"of $L + h|\nabla L|^2/4$")
    right.loglog(2.0 / steps, plain[-1] * steps[-1] / steps, "k-", lw=0.7, label="h")
    right.loglog(2.0 / steps, modified[-1] * (steps[-1] / steps) ** 2, "k--", lw=0.7, label="$h^2$")
    right.set(xlabel="step h", ylabel="distance of descent", xticks=[0.003, 0.01, 0.03])
    right.set_xticks([], minor=True)
    right.set_xticklabels(["0.003", "0.01", "0.03"])
    right.legend(fontsize=8)
    return figure


def main():
    """Measure the three laws and draw them."""
    largest = np.linalg.eigvalsh(srcad.hessian(loss)(MINIMUM))[-1]
    by_hand = np.array([[1.0 + 4.0 * BEND, -2.0 * BEND], [-2.0 * BEND, BEND]])
    print(f"lambda_max {largest:.12f}, by hand {np.linalg.eigvalsh(by_hand)[-1]:.12f}")
    factors = {share: growth_factor(share / largest) for share in np.linspace(0.1, 2.3, 23)}
    for share in (1.9, 2.1):
        factor = growth_factor(share / largest)
        print(f"h = {share}/lambda_max: an error is multiplied by {factor:.6f} in each step")
    start = np.array([-1.0, 1.2])
    distances = {n: distance_from_flows(start, 2.0, n) for n in (25, 50, 100, 200, 400, 800)}
    halved = np.array(distances[400]) / np.array(distances[800])
    print(f"halving h divides the distance from the flows by {halved[0]:.3f} and {halved[1]:.3f}")
    figure = draw(start, largest, factors, distances)
    figure.savefig(Path(__file__).parent / "pictures" / "gradient_flow.png", dpi=100)


if __name__ == "__main__":
    main()
