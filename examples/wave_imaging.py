"""Wave imaging: the adjoint sends recorded sound back to where it came from.

Three sources fire at once in a medium with a slow lens, and a ring of receivers records the
pressure. The map from the initial pressure to the records, `d = F p`, is linear. Its adjoint plays
every record backwards into the place where it was made: the waves run back, pass the lens again,
meet at the sources at time zero, and `F^T d` is a picture of them. No one has to derive `F^T`: it
is the pullback of the program that computes `F`. With both at hand, conjugate gradients (CGLS)
minimise `|F p - d|^2` and turn the blurred picture into the pressure itself.

The adjoint: the wave equation run in reverse time, with the residuals of the receivers as sources.

The oracle: the dot-product identity `<F p, d> = <p, F^T d>` to rounding; the matrix of `F` on a
small grid, transposed; and time reversal coded by hand, which for uniform speed is the adjoint.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def record(pressure, speed, receivers, steps):
    """The pressure at the receivers in each step; `speed` is in cells a step, below 0.7."""
    n, m = pressure.shape
    now = pressure.copy()
    before = pressure.copy()
    after = np.zeros((n, m))
    traces = np.zeros((steps, len(receivers)))
    for t in range(steps):
        for r in range(len(receivers)):
            traces[t, r] = now[receivers[r, 0], receivers[r, 1]]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                bend = now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1] - 4 * now[i, j]
                after[i, j] = 2 * now[i, j] - before[i, j] + speed[i, j] ** 2 * bend
        before, now, after = now, after, before
    return traces


def forward(pressure, speed, receivers, steps):
    """`record`, compiled: a derivative along the pressure is the map itself, as it is linear."""
    zeros = np.zeros(speed.shape)
    return srcad.jvp(record, (zeros, speed, receivers, steps), (pressure, None, None, None))[1]


def back_propagate(traces, speed, receivers):
    """The adjoint of `record` with respect to the pressure, applied to traces."""
    _, pullback = srcad.vjp(record, np.zeros(speed.shape), speed, receivers, len(traces))
    return pullback(traces)[0]


def conjugate_gradients(traces, speed, receivers, iterations):
    """Minimise `|F p - d|^2` (CGLS): one run of `F` and one of its adjoint in each iteration."""
    pressure = np.zeros(speed.shape)
    left = traces.copy()
    direction = gradient = back_propagate(left, speed, receivers)
    misfits = [np.sum(left**2)]
    for _ in range(iterations):
        image = forward(direction, speed, receivers, len(traces))
        square = np.sum(gradient**2)
        length = square / np.sum(image**2)
        pressure = pressure + length * direction
        left = left - length * image
        gradient = back_propagate(left, speed, receivers)
        direction = gradient + np.sum(gradient**2) / square * direction
        misfits.append(np.sum(left**2))
    return pressure, np.array(misfits)


def scene(n, seed=0):
    """Three sources, a medium with a slow lens, and a ring of receivers."""
    i, j = np.mgrid[0:n, 0:n] / (n - 1.0)
    speed = 0.5 - 0.12 * np.exp(-((i - 0.5) ** 2 + (j - 0.45) ** 2) / 0.02)
    places = np.array([[0.35, 0.3], [0.6, 0.65], [0.7, 0.35]])
    sources = np.round(places * (n - 1)).astype(np.int64)
    pressure = np.zeros((n, n))
    for (a, b), strength in zip(places, (1.0, 0.8, 0.6), strict=True):
        pressure += strength * np.exp(-((i - a) ** 2 + (j - b) ** 2) / (2.0 * (2.5 / n) ** 2))
    angle = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    ring = 0.5 + 0.42 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return pressure, speed, np.round(ring * (n - 1)).astype(np.int64), sources


def draw(traces, speed, receivers, sources, image, pressure):
    """The records, and the two pictures that are made of them."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained")
    top = np.max(np.abs(traces)) / 2.0
    axes[0].imshow(traces, cmap="gray", aspect="auto", vmin=-top, vmax=top, interpolation="nearest")
    axes[0].set(xlabel="receiver", ylabel="time (steps)", title="records, d = F p")
    for axis, what, title in zip(
        axes[1:], (image, pressure), ("adjoint, F^T d", "30 iterations of CGLS"), strict=True
    ):
        top = np.max(what)
        shown = axis.imshow(what, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
        axis.contour(speed, [0.42, 0.46], colors="k", linewidths=0.6)
        axis.plot(receivers[:, 1], receivers[:, 0], "kv", ms=3)
        axis.plot(sources[:, 1], sources[:, 0], "o", mfc="none", mec="k", ms=17)
        axis.set(xlabel="x (cells)", ylabel="y (cells)", title=title)
        figure.colorbar(shown, shrink=0.8, label="pressure")
    return figure


def peaks(image, count):
    """The cells of the highest maxima that are not next to a higher one."""
    image = image.copy()
    found = []
    for _ in range(count):
        i, j = np.unravel_index(np.argmax(image), image.shape)
        found.append((i, j))
        image[max(0, i - 5) : i + 6, max(0, j - 5) : j + 6] = -np.inf
    return np.array(sorted(found))


def main():
    """Record, send back, invert; print what was found, save the picture."""
    pressure, speed, receivers, sources = scene(101)
    traces = forward(pressure, speed, receivers, 240)
    image = back_propagate(traces, speed, receivers)
    d = np.random.default_rng(0).normal(size=traces.shape)
    left, right = np.sum(traces * d), np.sum(pressure * back_propagate(d, speed, receivers))
    print(f"<F p, d> = {left:.14f}")
    print(f"<p, F^T d> = {right:.14f}")
    print("sources:", sources.tolist(), "peaks of the adjoint:", peaks(image, 3).tolist())
    inverted, misfits = conjugate_gradients(traces, speed, receivers, 30)
    error = np.linalg.norm(inverted - pressure) / np.linalg.norm(pressure)
    print(f"CGLS: misfit down to {misfits[-1] / misfits[0]:.1e}, error of the pressure {error:.1%}")

    figure = draw(traces, speed, receivers, sources, image, inverted)
    figure.savefig(Path(__file__).parent / "pictures" / "wave_imaging.png", dpi=100)


if __name__ == "__main__":
    main()
