"""Lynx and hare: the rates of a hundred-year-old equation, from the record of pelts.

The Hudson's Bay Company counted the pelts that it bought, and from 1900 to 1920 they rise and fall
as in the equations of Lotka and Volterra: `hare' = (alpha - beta lynx) hare`, `lynx' = (delta hare
- gamma) lynx`. Four rates and two populations at the start are fitted, all positive, so their
logarithms are, by the squares of the logarithms of record over model.

The model is written as one would without thinking of derivatives: scalars, a loop over years, a
loop over Runge-Kutta steps in a year. The second derivative of the misfit at the fit says how well
the record knows each number.

The adjoint: what a year's mismatch says about the populations then, carried back to 1900 through
all steps, and to the rates at each of them.

The oracle: the complex step at the first guess; SciPy's least squares with its own integrator and
with differences, which must end at the same six numbers; and published fits (Carpenter, Stan case
study, 2018).
"""

from importlib.resources import files
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares, minimize

import srcad

NAMES = ("alpha", "beta", "gamma", "delta", "hare in 1900", "lynx in 1900")
PUBLISHED = (0.55, 0.028, 0.80, 0.024)
"""Of the four rates, per year (Carpenter, 2018)."""


def misfit(log_p, hare, lynx, substeps):
    """Sum of squared logarithms of model over record, with `substeps` Runge-Kutta steps a year."""
    p = np.exp(log_p)
    alpha, beta, gamma, delta = p[0], p[1], p[2], p[3]
    x, y = p[4], p[5]
    h = 1.0 / substeps
    total = 0.0
    for year in range(len(hare)):
        total += np.log(x / hare[year]) ** 2 + np.log(y / lynx[year]) ** 2
        for _ in range(substeps):
            k1, l1 = (alpha - beta * y) * x, (delta * x - gamma) * y
            x2, y2 = x + 0.5 * h * k1, y + 0.5 * h * l1
            k2, l2 = (alpha - beta * y2) * x2, (delta * x2 - gamma) * y2
            x3, y3 = x + 0.5 * h * k2, y + 0.5 * h * l2
            k3, l3 = (alpha - beta * y3) * x3, (delta * x3 - gamma) * y3
            x4, y4 = x + h * k3, y + h * l3
            k4, l4 = (alpha - beta * y4) * x4, (delta * x4 - gamma) * y4
            x += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            y += h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    return total


misfit_gradient = srcad.value_and_grad(misfit)
misfit_hessian = srcad.hessian(misfit)


def load_record():
    """Year, hare, lynx: pelts in thousands. The file is among srcad's own data."""
    text = files("srcad").joinpath("data/lynx_hare.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return np.loadtxt(lines[1:], delimiter=",").T


def first_guess(hare, lynx):
    """A period of ten years, around the mean populations, as logarithms."""
    rate = 2.0 * np.pi / 10.0
    return np.log([rate, rate / lynx.mean(), rate, rate / hare.mean(), hare[0], lynx[0]])


def fit(hare, lynx, substeps=20):
    """L-BFGS along the gradient, from the first guess; returns logarithms and the misfits."""
    values = []

    def objective(log_p):
        value, gradient = misfit_gradient(log_p, hare, lynx, substeps)
        values.append(value)
        return value, gradient

    guess = first_guess(hare, lynx)
    options = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 300}
    return minimize(objective, guess, jac=True, method="L-BFGS-B", options=options).x, values


def populations(log_p, t):
    """Hare and lynx at these times, by SciPy's integrator."""
    alpha, beta, gamma, delta, *start = np.exp(log_p)
    return solve_ivp(
        lambda _, u: ((alpha - beta * u[1]) * u[0], (delta * u[0] - gamma) * u[1]),
        (t[0], t[-1]),
        start,
        t_eval=t,
        method="DOP853",
        rtol=1e-9,
    ).y


def fit_without_srcad(hare, lynx):
    """SciPy's least squares, with differences through SciPy's integrator."""
    years, record = np.arange(len(hare), dtype=float), np.array([hare, lynx])
    return least_squares(
        lambda log_p: np.log(populations(log_p, years) / record).ravel(),
        first_guess(hare, lynx),
        jac="3-point",
        x_scale="jac",
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    ).x


def deviations(log_p, hare, lynx, substeps=20):
    """How well the record knows each number, as a share of it: from the curvature at the fit."""
    variance = misfit(log_p, hare, lynx, substeps) / (2 * len(hare) - len(log_p))
    curvature = 0.5 * misfit_hessian(log_p, hare, lynx, substeps)
    return np.sqrt(variance * np.diag(np.linalg.inv(curvature)))


def draw(path, year, hare, lynx, log_p, values):
    """Save record and fit, and the misfit on the way."""
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained", width_ratios=(2, 1))
    t = np.linspace(0.0, year[-1] - year[0], 600)
    curves = populations(log_p, t)
    for name, pelts, curve, colour in zip(
        ("hare", "lynx"), (hare, lynx), curves, ("C1", "C0"), strict=True
    ):
        axes[0].plot(year, pelts, "o", color=colour, markersize=5, label=f"{name}, record")
        axes[0].plot(year[0] + t, curve, color=colour, label=f"{name}, fit")
    axes[0].set(
        xlabel="year", ylabel="pelts (thousands)", ylim=(0, 95), xticks=year[::4].astype(int)
    )
    axes[0].legend(frameon=False, ncols=2)
    axes[1].semilogy(values)
    axes[1].set(xlabel="call of the gradient", ylabel="sum of squared logarithms")
    axes[1].set_yticks([2, 5, 10, 20, 40], ["2", "5", "10", "20", "40"])
    axes[1].minorticks_off()
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    year, hare, lynx = load_record()
    log_p, values = fit(hare, lynx)
    theirs = np.exp(fit_without_srcad(hare, lynx))
    error = deviations(log_p, hare, lynx)
    for k, (name, value) in enumerate(zip(NAMES, np.exp(log_p), strict=True)):
        print(f"{name:13} {value:8.4f} +- {value * error[k]:.4f}, ", end="")
        published = f", published {PUBLISHED[k]}" if k < len(PUBLISHED) else ""
        print(f"SciPy's least squares {theirs[k]:8.4f}{published}")
    print(f"sum of squared logarithms {values[-1]:.4f}, after {len(values)} calls")
    path = Path(__file__).parent / "pictures" / "lynx_hare.png"
    draw(path, year, hare, lynx, log_p, values)


if __name__ == "__main__":
    main()
