"""4D-Var on Lorenz-96: observations over two days correct the state at their beginning.

Forty variables on a circle of latitude, `dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + 8`, a toy of
the weather with its growth of errors. A forecast gives a background state with errors; every second
variable is observed every few hours, with errors too. The analysis is the initial state that
minimises

`J(x) = |x - x_b|^2 / (2 s_b^2) + sum_t |H x(t) - y_t|^2 / (2 s_o^2)`,

in which the model is a constraint: observations correct what was not observed, and what happened
before they were made.

The adjoint: the reverse sweep through the model steps is the adjoint model of the weather services,
the transpose of the tangent-linear model. It carries each observation's misfit back to the start of
the window. Where the model `M` is nearly linear, `1 / s_b^2 + sum_t M^T H^T H M / s_o^2`, put
together from rows of the adjoint, is the inverse of the analysis's error covariance.

The oracle: the tangent-linear model coded by hand, whose transpose the adjoint must be (the
dot-product test); and the true state, which the analysis comes closer to than the background.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad

N, DT = 40, 0.025  # variables; 0.05 units of time are six hours
EVERY = 2  # steps from one observation time to the next
SIGMA_B, SIGMA_O = 1.0, 0.5  # standard errors of background and observations


def tendency(x):
    """dx/dt of Lorenz's model of 1996."""
    n = len(x)
    out = np.empty(n)
    for i in range(n):
        out[i] = (x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + 8.0
    return out


def step(x):
    """One step of Runge and Kutta's method of fourth order."""
    k1 = tendency(x)
    k2 = tendency(x + 0.5 * DT * k1)
    k3 = tendency(x + 0.5 * DT * k2)
    k4 = tendency(x + DT * k3)
    return x + DT / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def forecast(x, steps):
    """The state after some steps."""
    for _ in range(steps):
        x = step(x)
    return x


def cost(x, background, observed):
    """J of an initial state; `observed[k]` are the observations at step `k EVERY`."""
    total = 0.5 * np.sum((x - background) ** 2) / SIGMA_B**2
    for y in observed:
        total += 0.5 * np.sum((x[::2] - y) ** 2) / SIGMA_O**2
        x = forecast(x, EVERY)
    return total


objective = srcad.value_and_grad(cost)


def tangent_linear(x, v, steps):
    """The oracle: a small change `v` carried along with the state, by hand, through each stage."""

    def both(x, v):
        ahead, behind, far = np.roll(x, -1), np.roll(x, 1), np.roll(x, 2)
        change = (np.roll(v, -1) - np.roll(v, 2)) * behind + (ahead - far) * np.roll(v, 1) - v
        return (ahead - far) * behind - x + 8.0, change

    for _ in range(steps):
        k1, l1 = both(x, v)
        k2, l2 = both(x + 0.5 * DT * k1, v + 0.5 * DT * l1)
        k3, l3 = both(x + 0.5 * DT * k2, v + 0.5 * DT * l2)
        k4, l4 = both(x + DT * k3, v + DT * l3)
        x = x + DT / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        v = v + DT / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    return v


def adjoint(x, w, steps):
    """A sensitivity `w` of the last state, carried back to the first."""
    return srcad.vjp(forecast, x, steps)[1](w)[0]


def information(x, times):
    """The Hessian of J without second derivatives of the model: a row of the adjoint for each y."""
    H = np.eye(N) / SIGMA_B**2
    for k in range(times):
        for i in range(0, N, 2):
            row = adjoint(x, np.eye(N)[i], k * EVERY)
            H += np.outer(row, row) / SIGMA_O**2
    return H


def twin(times, seed):
    """A true state, a background and observations of it."""
    rng = np.random.default_rng(seed)
    true = 8.0 + rng.normal(size=N)
    for _ in range(200):
        true = step(true)
    background = true + SIGMA_B * rng.normal(size=N)
    observed, x = np.empty((times, N // 2)), true
    for k in range(times):
        observed[k] = x[::2] + SIGMA_O * rng.normal(size=N // 2)
        x = forecast(x, EVERY)
    return true, background, observed


def analyse(background, observed):
    """The state that minimises J, and how many gradients that took."""
    args = (background, observed)
    found = minimize(objective, background, args, jac=True, method="L-BFGS-B", tol=1e-10)
    return found.x, found.nfev


def course(x, true, steps):
    """The root mean square error as both states run on."""
    errors = []
    for _ in range(steps):
        errors.append(np.sqrt(np.mean((x - true) ** 2)))
        x, true = step(x), step(true)
    return np.array(errors)


def draw(courses, window, sensitivity):
    """The errors in the window and after it, and how one observation's misfit is sent back."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    days = 5.0 * DT * np.arange(courses.shape[2])
    for name, color, lines in zip(("background", "analysis"), ("C1", "C0"), courses, strict=True):
        left.semilogy(days, lines.T, color, alpha=0.25)
        left.semilogy(days, np.exp(np.log(lines).mean(axis=0)), color, lw=3, label=name)
    left.axvspan(0.0, 5.0 * DT * window, color="k", alpha=0.08, label="observed")
    left.axhline(SIGMA_O, color="k", ls=":", label="error of an observation")
    left.set(xlabel="days", ylabel="root mean square error", title="20 twin experiments")
    left.set_ylim(0.1, 5.0)
    left.set_yticks([0.1, 0.2, 0.5, 1.0, 2.0, 5.0], ["0.1", "0.2", "0.5", "1", "2", "5"])
    left.minorticks_off()
    left.legend(loc="lower right", fontsize=8)
    top = np.max(np.abs(sensitivity))
    extent = (-0.5, N - 0.5, 5.0 * DT * len(sensitivity), 0.0)
    shown = right.imshow(
        sensitivity, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto", extent=extent
    )
    right.set(xlabel="variable", ylabel="days to the observation")
    right.set_title("variable 20 later, by the state at first")
    figure.colorbar(shown, label="sensitivity")
    return figure


def main():
    """Run twenty twin experiments, print what was found, save the picture."""
    times = 9
    window = EVERY * (times - 1)
    courses = np.zeros((2, 20, 2 * window))
    for seed in range(20):
        true, background, observed = twin(times, seed)
        analysis, gradients = analyse(background, observed)
        courses[0, seed] = course(background, true, 2 * window)
        courses[1, seed] = course(analysis, true, 2 * window)
    rng = np.random.default_rng(0)
    v, w = rng.normal(size=(2, N))
    left = np.dot(tangent_linear(true, v, window), w)
    right = np.dot(v, adjoint(true, w, window))
    print(f"<M v, w> = {left:.13f} by hand, <v, M^T w> = {right:.13f} by srcad")
    before, after = np.sqrt(np.mean(courses[:, :, 0] ** 2, axis=1))
    print(f"error at the start: background {before:.3f}, analysis {after:.3f}", end="")
    print(f" ({gradients} gradients in the last experiment)")
    covariance = np.linalg.inv(information(analysis, times))
    print(f"error that this matrix expects: {np.sqrt(np.trace(covariance) / N):.3f}")
    before, after = np.sqrt(np.mean(courses[:, :, window] ** 2, axis=1))
    print(f"error at the end of the window: background {before:.3f}, analysis {after:.3f}")

    sensitivity = np.array([adjoint(true, np.eye(N)[20], k) for k in range(2 * window)])
    figure = draw(courses, window, sensitivity)
    figure.savefig(Path(__file__).parent / "pictures" / "data_assimilation.png", dpi=100)


if __name__ == "__main__":
    main()
