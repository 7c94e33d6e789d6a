"""Full-waveform inversion: the misfit of seismograms finds an anomaly in layered ground.

Shots at the surface send waves through the ground, receivers at the surface and in two boreholes
record them. The ground has three layers, which are known, and a slow body, which is not. The
misfit, half the squared difference between the records and those of a model, is differentiated
with respect to the wave speed in each of 4000 cells, and L-BFGS descends: the body appears.

The shots know nothing of each other, and compiled code does not hold Python's lock: a pool of
threads runs the gradients of all shots at the same time, each with a tape of its own.

The adjoint: the residuals of all receivers are sent back as sources of a second wave in reverse
time. Where it meets the curvature of the first wave, sample by sample, the speed must change:
`dJ/dc = 2 c (dt/h)^2 sum_t lambda (d2u/dx2 + d2u/dz2)`, `lambda` being the wave sent back.

The oracle: this adjoint-state method coded by hand in NumPy, to rounding, and differences of the
misfit; and the model that made the records, which the inversion does not see.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad

H, DT = 10.0, 0.0015  # metres, seconds
FREQUENCY = 14.0  # of the shots, hertz


def record(speed, shot, receivers, wavelet, damping, dt, h):
    """The waves at the receivers in each step; `speed` in m/s, in cells of h metres."""
    nz, nx = speed.shape
    nt = len(wavelet)
    before = np.zeros((nz, nx))
    now = np.zeros((nz, nx))
    after = np.zeros((nz, nx))
    traces = np.zeros((nt, len(receivers)))
    for t in range(nt):
        for i in range(1, nz - 1):
            for j in range(1, nx - 1):
                bend = now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1] - 4 * now[i, j]
                flow = 2 * now[i, j] - (1 - damping[i, j]) * before[i, j]
                courant = speed[i, j] * dt / h
                after[i, j] = (flow + courant**2 * bend) / (1 + damping[i, j])
        after[shot[0], shot[1]] += wavelet[t]
        for r in range(len(receivers)):
            traces[t, r] = after[receivers[r, 0], receivers[r, 1]]
        before, now, after = now, after, before
    return traces


def misfit(speed, shot, data, receivers, wavelet, damping, dt, h):
    """Half the squared difference between a shot's records and those of the model."""
    return 0.5 * np.sum((record(speed, shot, receivers, wavelet, damping, dt, h) - data) ** 2)


record_shots = srcad.batch(record, axes=(None, 0, None, None, None))
misfit_and_gradient = srcad.value_and_grad(misfit)


def misfit_shots(speed, shots, data, *fixed):
    """Misfit and gradient of each shot, in threads: compiled code does not hold Python's lock."""
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda s, d: misfit_and_gradient(speed, s, d, *fixed), shots, data))
    return np.array([value for value, _ in results]), np.array([g for _, g in results])


def ground(nz, nx):
    """The wave speed of three layers, and the same with a slow body."""
    z, x = np.mgrid[0:nz, 0:nx]
    layers = 2000.0 + 300.0 / (1.0 + np.exp(0.35 * nz - z)) + 400.0 / (1.0 + np.exp(0.7 * nz - z))
    away = np.hypot(z - 0.52 * nz, 0.8 * (x - 0.58 * nx))
    return layers, layers - 350.0 / (1.0 + np.exp(2.0 * (away - 0.13 * nz)))


def survey(nz, nx, nt, shots):
    """Places of shots and receivers, the wavelet, and damping that rises towards the edges."""
    z, x = np.mgrid[0:nz, 0:nx]
    edge = np.minimum(np.minimum(z, nz - 1 - z), np.minimum(x, nx - 1 - x))
    damping = 0.1 * np.maximum(0.0, 1.0 - edge / 8.0) ** 2
    columns = np.linspace(9, nx - 10, shots).round()
    places = np.stack([np.full(shots, 4.0), columns], axis=1).astype(np.int64)
    surface = [(4, j) for j in range(6, nx - 6, 2)]
    boreholes = [(i, j) for i in range(6, nz - 4, 2) for j in (5, nx - 6)]
    t = FREQUENCY * DT * np.arange(nt) - 1.2
    ricker = (1.0 - 2.0 * (np.pi * t) ** 2) * np.exp(-((np.pi * t) ** 2))
    return places, np.array(surface + boreholes), ricker, damping


def invert(start, shots, data, fixed, iterations):
    """Descend by L-BFGS from a model, in units of 100 m/s; the six upper rows stay."""
    course = []

    def objective(x):
        values, gradients = misfit_shots(100.0 * x.reshape(start.shape), shots, data, *fixed)
        course.append(values.sum())
        gradient = 100.0 * gradients.sum(axis=0)
        gradient[:6] = 0.0  # the sources stand here
        return values.sum(), gradient.ravel()

    options = {"maxiter": iterations, "maxcor": 20}
    found = minimize(objective, start.ravel() / 100, jac=True, method="L-BFGS-B", options=options)
    return 100.0 * found.x.reshape(start.shape), np.minimum.accumulate(course)


def draw(true, start, found, places, receivers, course):
    """The ground, what was found, and the misfit."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 2.9), layout="constrained")
    extent = (0, true.shape[1] * H, true.shape[0] * H, 0)
    limits = {"vmin": -350.0, "vmax": 350.0, "cmap": "RdBu", "extent": extent}
    for axis, model, title in zip(axes, (true, found), ("the slow body", "found"), strict=False):
        shown = axis.imshow(model - start, interpolation="nearest", **limits)
        axis.contour(
            start, [2150.0, 2500.0], colors="k", linewidths=0.7, extent=(*extent[:2], 0, extent[2])
        )
        axis.plot(*(H * receivers[:, ::-1].T), "k.", ms=2, label="receivers")
        axis.plot(*(H * places[:, ::-1].T), "C1*", ms=8, label="shots")
        axis.set(xlabel="x (m)", ylabel="depth (m)", title=title)
    axes[0].legend(loc="lower left", fontsize=7)
    figure.colorbar(shown, ax=axes[1], label="speed - layers (m/s)", shrink=0.9)
    axes[2].semilogy(course / course[0])
    axes[2].set(xlabel="evaluations", ylabel="misfit / misfit at the start")
    return figure


def main():
    """Shoot, invert, print what was found beside the truth, save the picture."""
    nz, nx, nt = 50, 80, 280
    start, true = ground(nz, nx)
    places, receivers, wavelet, damping = survey(nz, nx, nt, 8)
    fixed = (receivers, wavelet, damping, DT, H)
    data = record_shots(true, places, *fixed)
    found, course = invert(start, places, data, fixed, 30)

    body = true - start < -175.0
    deepest = np.unravel_index(np.argmin(found - start), found.shape)
    print(f"misfit: {course[0]:.4f} -> {course[-1]:.2e} in {len(course)} evaluations")
    print(f"speed in the body: {found[body].mean():.0f} m/s (true {true[body].mean():.0f}", end="")
    print(f", start {start[body].mean():.0f})")
    error = np.linalg.norm(found - true) / np.linalg.norm(start - true)
    print(f"largest decrease in cell {tuple(map(int, deepest))}: in the body: {body[deepest]}")
    print(f"error of the model: {error:.0%} of that at the start")

    figure = draw(true, start, found, places, receivers, course)
    figure.savefig(Path(__file__).parent / "pictures" / "full_waveform_inversion.png", dpi=100)


if __name__ == "__main__":
    main()
