"""Adjoint-state method: the adjoint of the heat equation by hand is the one srcad writes.

A rod, `u_t = (k u_x)_x`, is heated and cooled at its left end, and thermometers along it record the
temperature. The misfit `J = 1/2 int sum_s (u - d)^2 dt` depends on the conductivity `k(x)` through
the equation. The textbook's derivation multiplies the equation by `lambda`, integrates by parts in
space and time, and finds that `lambda` obeys a heat equation too, run backwards from zero at the
end, with the misfits as its sources:

`-lambda_t = (k lambda_x)_x + sum_s (u - d) delta(x - x_s)`,  `dJ/dk = -int u_x lambda_x dt`.

srcad knows nothing of this. It reverses the time loop of the explicit scheme, and what the loop
computes is that equation and that integral, discretised. Descending along the gradient finds the
insulating layer in the middle of the rod.

The adjoint: `lambda`, the cotangent of the temperature; heat that flows back in time.

The oracle: the adjoint scheme derived by hand, equal to rounding; and a case in which `u`, `lambda`
and the integral have closed forms, which srcad's gradient approaches as `h^2`.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad


def misfit(k, u0, left, data, sensors, h, dt, weight):
    """J of a rod with the conductivities `k` between its points; `left[t]` heats its left end."""
    u = u0.copy()
    new = u0.copy()
    total = 0.0
    for t in range(len(left)):
        new[0] = left[t]
        for i in range(1, len(u) - 1):
            flux = k[i] * (u[i + 1] - u[i]) - k[i - 1] * (u[i] - u[i - 1])
            new[i] = u[i] + dt / h**2 * flux
        u, new = new, u
        for s in range(len(sensors)):
            total += 0.5 * dt * weight * (u[sensors[s]] - data[t, s]) ** 2
    return total


value_and_gradient = srcad.value_and_grad(misfit)


def temperatures(k, u0, left, h, dt):
    """The rod's temperature in all steps, for the data and for the derivation by hand."""
    u = np.empty((len(left) + 1, len(u0)))
    u[0] = u0
    for t in range(len(left)):
        u[t + 1] = u[t]
        u[t + 1, 1:-1] += dt / h**2 * np.diff(k * np.diff(u[t]))
        u[t + 1, 0] = left[t]
    return u


def adjoint_by_hand(k, u0, left, data, sensors, h, dt, weight):
    """The oracle: heat with the misfits as sources, back in time, and `-sum u_x lambda_x`."""
    u = temperatures(k, u0, left, h, dt)
    back = np.zeros((len(left) + 1, len(u0)))  # lambda, zero at the held ends
    later = np.zeros(len(u0))
    g = np.zeros(len(k))
    for t in range(len(left), 0, -1):
        later[sensors] += dt * weight * (u[t, sensors] - data[t - 1])
        later[0] = 0.0
        back[t] = later
        back[t, -1] = 0.0
        g -= dt / h**2 * np.diff(u[t - 1]) * np.diff(back[t])
        later = later.copy()
        later[1:-1] = back[t, 1:-1] + dt / h**2 * np.diff(k * np.diff(back[t]))
    return g, back


def closed_form(x, T):
    """dJ/dk(x) of `k = 1`, `u0 = sin(pi x)`, `d = 0` everywhere, ends at zero."""
    a = 2.0 * np.pi**2
    return -0.5 * np.cos(np.pi * x) ** 2 * ((1.0 - np.exp(-a * T)) / a - T * np.exp(-a * T))


def closed_case(n, T=0.05):
    """srcad's gradient in that case, per length, and the closed form at the same places."""
    h = 1.0 / n
    steps = round(T / (0.4 * h * h))
    x = np.linspace(0.0, 1.0, n + 1)
    args = (np.sin(np.pi * x), np.zeros(steps), np.zeros((steps, n + 1)), np.arange(n + 1))
    _, g = value_and_gradient(np.ones(n), *args, h, T / steps, h)
    return g / h, closed_form(x[:-1] + 0.5 * h, T)


def experiment(n, steps):
    """A rod with an insulating layer: its conductivity, and the arguments of the misfit."""
    h = 1.0 / n
    dt = 0.4 * h * h
    x = h * (np.arange(n) + 0.5)
    k = np.where(np.abs(x - 0.55) < 0.12, 0.25, 1.0)
    left = 1.0 - np.cos(2.0 * np.pi * 8.0 * dt * np.arange(1, steps + 1))
    sensors = np.arange(2, n, 4)
    data = temperatures(k, np.zeros(n + 1), left, h, dt)[1:, sensors].copy()
    return x, k, (np.zeros(n + 1), left, data, sensors, h, dt, 1.0)


def invert(n, args, iterations):
    """L-BFGS on log k, from a uniform rod."""

    def objective(log_k):
        value, g = value_and_gradient(np.exp(log_k), *args)
        return 1e4 * value, 1e4 * g * np.exp(log_k)

    options = {"maxiter": iterations, "ftol": 1e-15, "gtol": 1e-10}
    bounds = [(np.log(0.05), np.log(1.2))] * n
    found = minimize(
        objective, np.full(n, -0.3), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return np.exp(found.x), found.fun / 1e4


def draw(x, k, found, back, times, sizes, errors):
    """The adjoint field, the conductivity found, the order of convergence."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    top = np.max(np.abs(back))
    shown = axes[0].imshow(
        back,
        aspect="auto",
        origin="lower",
        extent=(0, 1, 0, times[-1]),
        cmap="RdBu_r",
        vmin=-top,
        vmax=top,
    )
    axes[0].set(xlabel="x", ylabel="time t", title="lambda, backwards in time")
    figure.colorbar(shown, label="lambda")
    axes[1].step(x, k, "k", where="mid", label="true")
    axes[1].step(x, found, "C3", where="mid", label="found")
    axes[1].set(xlabel="x", ylabel="conductivity k", ylim=(0.0, 1.3), title="the insulating layer")
    axes[1].legend()
    axes[2].loglog(1.0 / sizes, errors, "o-", label="srcad - closed form")
    axes[2].loglog(1.0 / sizes, errors[0] * (sizes[0] / sizes) ** 2, "k:", label="h^2")
    axes[2].set(xlabel="cell h", ylabel="largest error of dJ/dk", title="the continuous gradient")
    axes[2].set_xticks(1.0 / sizes, [f"1/{m}" for m in sizes])
    axes[2].minorticks_off()
    axes[2].legend()
    return figure


def main():
    """Compare the gradients, find the layer, print, save the picture."""
    n, steps = 48, 4000
    x, k, args = experiment(n, steps)
    start = np.full(n, np.exp(-0.3))
    value, ours = value_and_gradient(start, *args)
    theirs, back = adjoint_by_hand(start, *args)
    error = np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))
    print(f"srcad against the adjoint scheme by hand: relative difference {error:.1e}")
    sizes = np.array([10, 20, 40, 80])
    errors = np.array([np.max(np.abs(np.subtract(*closed_case(m)))) for m in sizes])
    orders = np.log2(errors[:-1] / errors[1:])
    print(f"srcad against the closed form: errors {errors}, orders {np.round(orders, 2)}")
    found, rest = invert(n, args, 400)
    print(f"misfit {value:.2e} -> {rest:.2e}")
    layer = k < 0.5
    inside, outside = found[layer].mean(), found[~layer].mean()
    print(f"k in the layer {inside:.3f} (true 0.25), outside {outside:.3f} (true 1)")

    figure = draw(x, k, found, back[::40] / args[4], args[5] * np.arange(steps + 1), sizes, errors)
    figure.savefig(Path(__file__).parent / "pictures" / "heat_adjoint.png", dpi=100)


if __name__ == "__main__":
    main()
