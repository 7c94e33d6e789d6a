"""A fuel-optimal moon landing: the adjoints of the states are Pontryagin's costates.

A lander falls to the Moon from 100 km. Throttle `u`, constant in each of many intervals, and the
time of touchdown are chosen such that it arrives at height and speed zero with the most mass:
`h' = v`, `v' = u T / m - 1`, `m' = -u T / c`. Lengths are in units of 100 km and accelerations in
units of the Moon's gravity. The flight is integrated by Runge and Kutta from controls to the end
(single shooting), and the constraints enter by an augmented Lagrangian, minimised by L-BFGS-B.

The adjoint: what the reverse sweep carries back along the flight are the costates `p = dL/d(state)`
of Pontryagin's principle, for a minimum. They are read off as the gradient with respect to small
kicks to the state at each interval's start. The gradient by the throttle is the switching function
`S = (p_v / m - p_m / c) T`, integrated over the interval: burn fully where it is negative, not at
all where it is positive. Nothing in the program says that the optimum is of that kind.

The oracle: the costates solve `p_h' = 0`, `p_v' = -p_h`, `p_m' = p_v u T / m^2`. The Hamiltonian
`p_h v + p_v (u T / m - 1) - p_m u T / c` is constant where the throttle is, and its mean is zero,
for the time is free. The least fuel is that of a free fall and one full burn, by Tsiolkovsky's
rocket equation.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq, minimize

import srcad

START = np.array([1.0, -0.2, 1.0])  # height, velocity, mass
THRUST, EXHAUST = 3.0, 7.6  # at full mass three times the weight; 3060 m/s


def motion(state, throttle):
    """Return the time derivative of height, velocity and mass."""
    push = throttle * THRUST
    return np.array([state[1], push / state[2] - 1.0, -push / EXHAUST])


def land(throttles, duration, kicks, substeps):
    """Return the state at the end. Kicks, which are zero, add to the states on the way."""
    state = START.copy()
    dt = duration / (len(throttles) * substeps)
    for k in range(len(throttles)):
        state = state + kicks[k]
        for _ in range(substeps):
            k1 = motion(state, throttles[k])
            k2 = motion(state + 0.5 * dt * k1, throttles[k])
            k3 = motion(state + 0.5 * dt * k2, throttles[k])
            k4 = motion(state + dt * k3, throttles[k])
            state = state + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return state


def lagrangian(plan, kicks, multipliers, weight, substeps):
    """Return what is minimised, and height and velocity at the end. `plan` ends with the time."""
    end = land(plan[:-1], plan[-1], kicks, substeps)
    touchdown = end[:2]
    fuel = START[2] - end[2]
    penalty = np.sum((multipliers + 0.5 * weight * touchdown) * touchdown)
    return fuel + penalty, touchdown


descent = srcad.value_and_grad(lagrangian, wrt=("plan", "kicks"), has_aux=True)


def optimise(intervals, weight=10.0, rounds=12, substeps=3):
    """Return the optimal plan and the multipliers of the touchdown."""
    kicks = np.zeros((intervals, 3))
    plan, multipliers = np.append(np.full(intervals, 0.5), 2.5), np.zeros(2)

    def objective(plan):
        (value, _), (slope, _) = descent(plan, kicks, multipliers, weight, substeps)
        return value, slope

    bounds = [(0.0, 1.0)] * intervals + [(0.5, 10.0)]
    options = {"maxiter": 2000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-9}
    for _ in range(rounds):
        plan = minimize(objective, plan, jac=True, bounds=bounds, options=options).x
        (_, touchdown), _ = descent(plan, kicks, multipliers, weight, substeps)
        multipliers = multipliers + weight * touchdown
    return plan, multipliers


def costates(plan, multipliers, substeps=3):
    """Return the adjoints of the states, and the gradient by the throttles over the interval."""
    intervals = len(plan) - 1
    kicks = np.zeros((intervals, 3))
    _, (slope, p) = descent(plan, kicks, multipliers, 0.0, substeps)
    return p, slope[:-1] * intervals / plan[-1]


def states(plan, substeps=3):
    """Return height, velocity and mass at the start of each interval."""
    n = len(plan) - 1
    none = np.zeros((n, 3))
    after = [land(plan[:k], plan[-1] * k / n, none, substeps) for k in range(1, n)]
    return np.array([START, *after])


def least_fuel():
    """Return the fuel of a free fall and a full burn, in closed form, and the times of both."""
    h0, v0, m0 = START
    flow = THRUST / EXHAUST

    def burn(fall):
        """Return how long to burn until the velocity is zero, and the height then."""
        h, v = h0 + v0 * fall - 0.5 * fall**2, v0 - fall

        def velocity(t):
            """Return the velocity during the burn: Tsiolkovsky's equation, with gravity."""
            return v - t - EXHAUST * np.log(1.0 - flow * t / m0)

        t = brentq(velocity, 0.0, 0.9 * m0 / flow, xtol=1e-15)
        m = m0 - flow * t
        rise = EXHAUST * (t + m / flow * np.log(m / m0))
        return t, h + v * t - 0.5 * t**2 + rise

    fall = brentq(lambda fall: burn(fall)[1], 0.0, 1.15, xtol=1e-15)
    return flow * burn(fall)[0], fall, burn(fall)[0]


def draw(plan, flight, p, switching):
    """Draw the throttle with the switching function, and the costates with Pontryagin's."""
    times = np.linspace(0.0, plan[-1], len(plan))
    middle = 0.5 * (times[1:] + times[:-1])
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    left.stairs(plan[:-1], times, fill=True, alpha=0.4, label="throttle")
    left.plot(times[:-1], flight[:, 0], "k", label="height (100 km)")
    left.plot(middle, switching, "C3.", label="gradient by the throttle")
    left.axhline(0.0, color="C3", lw=0.5)
    left.set(xlabel="time (248 s)", title="burn where the gradient is negative")
    left.legend(fontsize=8)
    exact = p[0, 1] - p[0, 0] * times[:-1]
    slope = p[:, 1] * plan[:-1] * THRUST / flight[:, 2] ** 2
    mass = p[0, 2] + np.append(0.0, np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(middle)))
    for i, (name, law) in enumerate(
        (("height", np.full(len(p), p[0, 0])), ("velocity", exact), ("mass", mass))
    ):
        right.plot(times[:-1], p[:, i], f"C{i}.", label=f"adjoint of the {name}")
        right.plot(times[:-1], law, "k", lw=0.8, label="Pontryagin" if i == 0 else None)
    right.set(xlabel="time (248 s)")
    right.legend(fontsize=8)
    return figure


def main():
    """Land, compare with the closed form, draw the costates."""
    plan, multipliers = optimise(60)
    end = land(plan[:-1], plan[-1], np.zeros((60, 3)), 3)
    fuel, fall, burn = least_fuel()
    print(f"touchdown at height {end[0]:.1e}, velocity {end[1]:.1e}")
    print(f"fuel {START[2] - end[2]:.7f}, least possible {fuel:.7f}")
    print(f"time {plan[-1]:.5f}, in closed form {fall + burn:.5f}")
    between = np.flatnonzero((plan[:-1] > 1e-3) & (plan[:-1] < 1.0 - 1e-3))
    print(f"throttles neither 0 nor 1: {[round(float(plan[k]), 3) for k in between]}")
    p, switching = costates(plan, multipliers)
    figure = draw(plan, states(plan), p, switching)
    figure.savefig(Path(__file__).parent / "pictures" / "moon_landing.png", dpi=100)


if __name__ == "__main__":
    main()
