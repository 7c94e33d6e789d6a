"""Momentum is a particle with friction: its energy balance, and why it beats plain descent.

Heavy-ball descent, `v <- beta v - rate grad L(x)`, `x <- x + v`, is a particle of mass 1 in the
potential `L` with friction: `x'' = -grad L - gamma x'`, stepped by `dt`, with `rate = dt^2` and
`beta = 1 - gamma dt`. The particle trades potential for kinetic energy and loses to friction
`gamma |x'|^2` in unit time. It rolls through a shallow well and over its rim into a deeper one,
where plain descent stays in the first well. Near the minimum the best friction is critical
damping of the slowest mode; errors then fall as `1 - 1/sqrt(kappa)` to a step instead of
`1 - 1/kappa`, `kappa` being the condition number.

The adjoint: the reverse sweep of the loss is the force on the particle.

The oracle: the energy balance closes to `O(dt)` for the heavy ball, whose steps are Euler's, and
to `O(dt^2)` for symmetric steps; the rate of convergence is the spectral radius of the step,
linearised with the eigenvalues of the Hessian.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def loss(x):
    """Return the height of a landscape: a shallow well at x < 0, a deep one at x > 0."""
    return 0.25 * (x[0] ** 2 - 1.0) ** 2 - 0.15 * x[0] + 0.1 * x[0] * x[1] + 0.05 * x[1] ** 2


slope = srcad.grad(loss)


def heavy_ball(start, rate, beta, steps):
    """Return the points of descent with momentum."""
    points, v = [start], np.zeros_like(start)
    for _ in range(steps):
        v = beta * v - rate * slope(points[-1])
        points.append(points[-1] + v)
    return np.array(points)


def particle(start, friction, dt, steps):
    """Return places and velocities of the particle, by symmetric steps: kick, drift, kick."""
    x, v = start.copy(), np.zeros_like(start)
    places, velocities = [x], [v]
    slow = np.exp(-0.5 * friction * dt)
    for _ in range(steps):
        v = slow * v - 0.5 * dt * slope(x)
        x = x + dt * v
        v = slow * (v - 0.5 * dt * slope(x))
        places.append(x)
        velocities.append(v)
    return np.array(places), np.array(velocities)


def energies(places, velocities, friction, dt):
    """Return kinetic energy, potential, and the heat that friction made, along the path."""
    squares = np.sum(velocities**2, axis=1)
    heat = np.append(0.0, np.cumsum(0.5 * friction * dt * (squares[1:] + squares[:-1])))
    return 0.5 * squares, np.array([loss(x) for x in places]), heat


def imbalance(start, friction, dt, time, symmetric):
    """Return what is missing in the balance of energy at the end."""
    steps = round(time / dt)
    if symmetric:
        places, velocities = particle(start, friction, dt, steps)
    else:
        places = heavy_ball(start, dt * dt, 1.0 - friction * dt, steps)
        velocities = np.append(np.zeros((1, 2)), np.diff(places, axis=0) / dt, axis=0)
    kinetic, potential, heat = energies(places, velocities, friction, dt)
    return abs((kinetic + potential + heat)[-1] - potential[0])


def minimum_near(x):
    """Return the minimum by Newton's method, and the eigenvalues of the Hessian there."""
    found = srcad.argmin(loss, x)
    return found, np.linalg.eigvalsh(srcad.hessian(loss)(found))


def best_settings(eigenvalues):
    """Return the best rate of plain descent, and the best rate and momentum of the heavy ball."""
    low, high = eigenvalues[0], eigenvalues[-1]
    beta = ((np.sqrt(high) - np.sqrt(low)) / (np.sqrt(high) + np.sqrt(low))) ** 2
    return 2.0 / (low + high), 4.0 / (np.sqrt(high) + np.sqrt(low)) ** 2, beta


def predicted_factor(eigenvalues, rate, beta):
    """Return the spectral radius of a step of the heavy ball, linearised at the minimum."""
    steps = [np.array([[1.0 + beta - rate * k, -beta], [1.0, 0.0]]) for k in eigenvalues]
    return max(np.max(np.abs(np.linalg.eigvals(step))) for step in steps)


def measured_factor(rate, beta, first=10, last=45):
    """Return the mean factor by which a small error falls in a step."""
    best, _ = minimum_near(np.array([1.0, 0.0]))
    path = heavy_ball(best + np.array([1e-6, -2e-6]), rate, beta, last)
    errors = np.linalg.norm(path - best, axis=1)
    return (errors[last] / errors[first]) ** (1.0 / (last - first))


def draw(start, friction, dt, steps):
    """Draw the landscape with both paths, and the energies of the particle."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    x, y = np.meshgrid(np.linspace(-1.9, 1.8, 150), np.linspace(-2.6, 3.2, 150))
    left.contour(x, y, loss(np.array([x, y])), 20, colors="C7", linewidths=0.5)
    left.plot(*heavy_ball(start, dt * dt, 0.0, 100 * steps).T, "C1", label="plain descent")
    left.plot(*heavy_ball(start, dt * dt, 1.0 - friction * dt, steps).T, "C0", label="momentum")
    left.set(xlabel="x", ylabel="y")
    left.legend(fontsize=8)
    times = dt * np.arange(steps + 1)
    kinetic, potential, heat = energies(*particle(start, friction, dt, steps), friction, dt)
    for values, name in ((potential, "potential L"), (kinetic, "kinetic"), (heat, "heat")):
        right.plot(times, values, label=name)
    right.plot(times, kinetic + potential + heat, "k--", label="sum")
    right.set(xlabel="time", ylabel="energy")
    right.legend(fontsize=8)
    return figure


def main():
    """Roll a particle, balance its energy, and compare rates of convergence."""
    start, friction = np.array([-1.7, 2.0]), 0.15
    for symmetric, name in ((False, "heavy ball"), (True, "symmetric")):
        missing = [imbalance(start, friction, dt, 5.0, symmetric) for dt in (0.04, 0.02, 0.01)]
        print(f"{name}: energy missing at dt = 0.04, 0.02, 0.01:", *(f"{m:.2e}" for m in missing))
    best, eigenvalues = minimum_near(np.array([1.0, 0.0]))
    print(f"condition number at {best}: {eigenvalues[-1] / eigenvalues[0]:.1f}")
    plain, rate, beta = best_settings(eigenvalues)
    for name, setting in (("plain descent", (plain, 0.0)), ("momentum", (rate, 1.05 * beta))):
        predicted = predicted_factor(eigenvalues, *setting)
        print(f"{name}: factor per step {measured_factor(*setting):.5f}, predicted {predicted:.5f}")
    figure = draw(start, friction, 0.05, 1200)
    figure.savefig(Path(__file__).parent / "pictures" / "momentum.png", dpi=100)


if __name__ == "__main__":
    main()
