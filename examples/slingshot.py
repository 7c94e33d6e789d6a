"""A slingshot around Jupiter, designed by the gradient through three bodies in flight.

A spacecraft leaves the Earth's orbit with too little speed to leave the Sun. Its direction and the
place where Jupiter is at the launch are chosen such that the flyby sends it out with as much energy
as can be had without coming closer to Jupiter than a given distance. Sun, Jupiter and spacecraft
are stepped by leapfrog, with steps as short as the flyby needs, and derivatives of the energy and
of the closest approach go to a constrained optimiser (SLSQP).

The adjoint: the cotangents of places and speeds at the end, carried back through the flyby. They
grow there: a miss distance counts the more, the earlier it is corrected, which is what makes a
slingshot hard to fly, and to design without derivatives.

The oracle: Jacobi's integral `E - w L` is constant in the field of two bodies that circle each
other, so what is gained is `dE = w dL`, and the gradient of `E - w L` at the end is that at the
start, which is known. An integration by SciPy with an adaptive method of eighth order gives the
same gradient by differences. For the gain, the textbook's hyperbola around Jupiter.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numba import njit
from scipy.optimize import minimize

import srcad

SUN = 4.0 * math.pi**2  # G times mass; lengths in AU, times in years
JUPITER = SUN / 1047.35
BOTH = SUN + JUPITER
MASSES = np.array([SUN, JUPITER, 0.0])
RADIUS = 5.2044  # of Jupiter's orbit
RATE = math.sqrt(BOTH / RADIUS**3)  # its angular velocity
SPEED = 8.6  # of the spacecraft at the start: 40.8 km/s, where 42.1 would escape


@njit
def launch(design):
    """Return places and velocities at the start, for a direction and the angle of Jupiter."""
    direction, phase = design
    place, velocity = np.zeros((3, 2)), np.zeros((3, 2))
    east, north = math.cos(phase), math.sin(phase)
    for body, radius in ((0, -RADIUS * JUPITER / BOTH), (1, RADIUS * SUN / BOTH)):
        place[body, 0], place[body, 1] = radius * east, radius * north
        velocity[body, 0], velocity[body, 1] = -radius * RATE * north, radius * RATE * east
    place[2, 0] = 1.0
    velocity[2, 0], velocity[2, 1] = SPEED * math.sin(direction), SPEED * math.cos(direction)
    return place, velocity


@njit
def accelerate(velocity, place, dt):
    """Change the velocities by the pull of all bodies on each."""
    for i in range(3):
        for j in range(3):
            if i != j:
                dx, dy = place[j, 0] - place[i, 0], place[j, 1] - place[i, 1]
                strength = MASSES[j] / (dx * dx + dy * dy) ** 1.5
                velocity[i, 0] += dt * strength * dx
                velocity[i, 1] += dt * strength * dy


@njit
def fly(design, years, steps):
    """Return places and velocities at the end, and the least distance from Jupiter."""
    place, velocity = launch(design)
    dt = years / steps
    closest = 10.0
    accelerate(velocity, place, 0.5 * dt)
    for _ in range(steps):
        for i in range(3):
            for k in range(2):
                place[i, k] += dt * velocity[i, k]
        accelerate(velocity, place, dt)
        closest = min(closest, math.hypot(place[2, 0] - place[1, 0], place[2, 1] - place[1, 1]))
    accelerate(velocity, place, -0.5 * dt)
    return place, velocity, closest


@njit
def solar_energy(place, velocity):
    """Return the spacecraft's energy with respect to the Sun: positive is free."""
    x, y = place[2, 0] - place[0, 0], place[2, 1] - place[0, 1]
    u, v = velocity[2, 0] - velocity[0, 0], velocity[2, 1] - velocity[0, 1]
    return 0.5 * (u * u + v * v) - SUN / math.hypot(x, y)


@njit
def jacobi(place, velocity):
    """Return Jacobi's integral, `E - w L` in the field of both bodies."""
    x, y, u, v = place[2, 0], place[2, 1], velocity[2, 0], velocity[2, 1]
    energy = 0.5 * (u * u + v * v)
    for body in range(2):
        energy -= MASSES[body] / math.hypot(x - place[body, 0], y - place[body, 1])
    return energy - RATE * (x * v - y * u)


@njit
def outcome(design, years, steps):
    """Return the energy after the flyby, the least distance from Jupiter, and Jacobi's integral."""
    place, velocity, closest = fly(design, years, steps)
    return np.array([solar_energy(place, velocity), closest, jacobi(place, velocity)])


derivatives = srcad.jacobian(outcome, mode="rev")  # a sweep back in time for each of the three


def design_flyby(nearest, years, steps):
    """Return direction and phase of most energy: hit Jupiter first, then pass behind it."""
    flight = (years, steps)
    hit = minimize(
        lambda design: outcome(design, *flight)[1],
        np.array([0.0, 1.75]),
        jac=lambda design: derivatives(design, *flight)[1],
        method="L-BFGS-B",
    )
    # The energy in thousandths: SLSQP's first step is the gradient, and a long one gets lost.
    return minimize(
        lambda design: -1e-3 * outcome(design, *flight)[0],
        hit.x + np.array([0.0, 0.03]),
        jac=lambda design: -1e-3 * derivatives(design, *flight)[0],
        constraints={
            "type": "ineq",
            "fun": lambda design: outcome(design, *flight)[1] - nearest,
            "jac": lambda design: derivatives(design, *flight)[1],
        },
        method="SLSQP",
        options={"ftol": 1e-14},
    ).x


def hyperbola_energy(design, nearest):
    """Return the energy after the flyby by patched conics: Jupiter turns the relative velocity."""
    place, velocity = launch(design)
    (x, y), (u, v) = place[2] - place[0], velocity[2] - velocity[0]
    across = (x * v - y * u) / RADIUS
    speed2 = 2.0 * (solar_energy(place, velocity) + SUN / RADIUS)
    outward = math.sqrt(speed2 - across**2)
    relative = np.array([outward, across - RATE * RADIUS])
    turn = 2.0 * math.asin(1.0 / (1.0 + nearest * np.sum(relative**2) / JUPITER))
    c, s = math.cos(turn), math.sin(turn)
    after = np.array([[c, -s], [s, c]]) @ relative + np.array([0.0, RATE * RADIUS])
    return 0.5 * np.sum(after**2) - SUN / RADIUS


def track(design, years, steps, points):
    """Return times, places and velocities along the flight."""
    times = np.linspace(0.0, years, points)
    states = [fly(design, t, max(1, round(steps * t / years)))[:2] for t in times]
    return times, np.array([p for p, _ in states]), np.array([v for _, v in states])


def draw(times, place, velocity):
    """Draw the flight, and the speed against that of escape."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    for body, name in ((1, "Jupiter"), (2, "spacecraft")):
        left.plot(*(place[:, body] - place[:, 0]).T, label=name)
        left.plot(*(place[::20, body] - place[::20, 0]).T, "k.", ms=4)
    left.plot(0.0, 0.0, "o", color="orange")
    left.set(xlabel="x (AU)", ylabel="y (AU)", aspect="equal")
    left.legend(loc="lower right")
    apart = place[:, 2] - place[:, 0]
    speed = np.linalg.norm(velocity[:, 2] - velocity[:, 0], axis=1)
    escape = np.sqrt(2.0 * SUN / np.linalg.norm(apart, axis=1))
    right.semilogy(times, 4.7405 * speed, "C1", label="speed of the spacecraft")
    right.semilogy(times, 4.7405 * escape, "k--", lw=1, label="escape from the Sun")
    right.set(xlabel="time (years)", ylabel="speed (km/s)", yticks=[10, 20, 40])
    right.set_yticklabels(["10", "20", "40"])
    right.legend()
    return figure


def main():
    """Design the flyby, check what it gains, draw the flight."""
    years, steps, nearest = 2.5, 14_000, 0.02
    design = design_flyby(nearest, years, steps)
    energy, closest, last_jacobi = outcome(design, years, steps)
    slopes = derivatives(design, years, steps)
    first = solar_energy(*launch(design))
    print(f"direction {design[0]:.5f}, Jupiter at {design[1]:.5f}; nearest {closest:.5f} AU")
    print(f"energy {first:.3f} -> {energy:.3f}; hyperbola {hyperbola_energy(design, nearest):.3f}")
    print(f"Jacobi's integral {jacobi(*launch(design)):.6f} -> {last_jacobi:.6f}")
    print(f"gradients of energy and distance: {slopes[0]}, {slopes[1]}: parallel, at the optimum")
    figure = draw(*track(design, years, steps, 251))
    figure.savefig(Path(__file__).parent / "pictures" / "slingshot.png", dpi=100)


if __name__ == "__main__":
    main()
