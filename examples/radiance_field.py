"""A radiance field: pictures from twelve sides give the scene, and its picture from others.

A cube of points holds a density and a colour at each. A ray that crosses it collects colour: where
the density is `s` a piece of length `d` stops the share `1 - exp(-s d)` of the light that comes so
far. That is all that NeRF (Mildenhall et al., 2020) does to make a picture; here numbers on a grid
stand for its network. The grid is fitted to views of a scene from twelve sides, and then shows a
side that it was not fitted to.

The adjoint: each pixel's difference walks its ray back, from the last sample to the first. A sample
in front learns from its own colour, and from the light that it takes away from all those behind it.

The oracle: the law of Lambert and Beer, `1 - exp(-s length)`, and its derivative; the complex step;
and a view that was held out, drawn from the formulas of the scene and not from a grid.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad

REACH = 1.75
"""Rays run from -REACH to REACH of where they are nearest to the centre: through the whole cube."""


def interpolate(field, x, y, z, value):
    """The field at a point in the cube of -1 to 1, between its eight neighbours on the grid."""
    last = field.shape[0] - 1
    u, v, w = 0.5 * (x + 1.0) * last, 0.5 * (y + 1.0) * last, 0.5 * (z + 1.0) * last
    i, j, k = min(int(u), last - 1), min(int(v), last - 1), min(int(w), last - 1)
    for c in range(len(value)):
        value[c] = 0.0
    for corner in range(8):
        a, b, e = corner & 1, (corner >> 1) & 1, corner >> 2
        weight = (u - i) if a == 1 else (1.0 - u + i)
        weight *= (v - j) if b == 1 else (1.0 - v + j)
        weight *= (w - k) if e == 1 else (1.0 - w + k)
        for c in range(len(value)):
            value[c] += weight * field[i + a, j + b, k + e, c]


def march(field, ray, samples, colour):
    """Collect the colour along a ray (point, direction); the background is black."""
    step = 2.0 * REACH / samples
    value = np.zeros_like(field[0, 0, 0])
    light = 1.0
    for c in range(3):
        colour[c] = 0.0
    for s in range(samples):
        t = (s + 0.5) * step - REACH
        x, y, z = ray[0] + t * ray[3], ray[1] + t * ray[4], ray[2] + t * ray[5]
        if max(abs(x), abs(y), abs(z)) < 1.0:
            interpolate(field, x, y, z, value)
            density = np.exp(value[3])
            stopped = 1.0 - np.exp(-density * step)
            for c in range(3):
                colour[c] += light * stopped / (1.0 + np.exp(-value[c]))
            light *= 1.0 - stopped


def misfit(field, rays, pixels, samples):
    """Mean squared difference of the colours, and a little for fields that are rough."""
    colour = np.zeros_like(field[0, 0, 0, :3])
    total = 0.0
    for n in range(len(rays)):
        march(field, rays[n], samples, colour)
        for c in range(3):
            total += (colour[c] - pixels[n, c]) ** 2
    rough = np.sum((field[1:] - field[:-1]) ** 2) + np.sum((field[:, 1:] - field[:, :-1]) ** 2)
    rough += np.sum((field[:, :, 1:] - field[:, :, :-1]) ** 2)
    return total / len(rays) + 2e-7 * rough


misfit_gradient = srcad.value_and_grad(misfit)


def camera(azimuth, elevation, size):
    """Parallel rays, one for each pixel: a point and a direction."""
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    forward, right = np.array([-ca * ce, -sa * ce, -se]), np.array([-sa, ca, 0.0])
    up = np.cross(right, forward)
    side = (np.arange(size) + 0.5) * 2.4 / size - 1.2
    points = side[None, :, None] * right - side[:, None, None] * up
    return np.concatenate([points, np.broadcast_to(forward, points.shape)], 2).reshape(-1, 6)


BALLS = [(0.3, 0.0, -0.2, 0.45, (0.9, 0.3, 0.2)), (-0.4, 0.2, 0.3, 0.3, (0.2, 0.8, 0.4))]
BALLS += [(-0.1, -0.5, 0.0, 0.25, (0.3, 0.4, 1.0))]


def photograph(rays, samples=200):
    """The colours along rays through the scene itself: three balls of fog, by their formulas."""
    step = 2.0 * REACH / samples
    colour, light = np.zeros((len(rays), 3)), np.ones(len(rays))
    for s in range(samples):
        point = rays[:, :3] + ((s + 0.5) * step - REACH) * rays[:, 3:]
        density, hue = np.zeros(len(rays)), np.zeros((len(rays), 3))
        for x, y, z, radius, tint in BALLS:
            distance = np.linalg.norm(point - np.array([x, y, z]), axis=1)
            part = 12.0 / (1.0 + np.exp((distance - radius) / 0.04))
            density += part
            hue += part[:, None] * np.array(tint)
        stopped = 1.0 - np.exp(-density * step)
        colour += (light * stopped / np.maximum(density, 1e-12))[:, None] * hue
        light *= 1.0 - stopped
    return colour


def view(field, rays, samples):
    """The colours that the field gives along rays."""
    colours = np.zeros((len(rays), 3))
    for ray, colour in zip(rays, colours, strict=True):
        march(field, ray, samples, colour)
    return colours


def fit(points, rays, pixels, samples, iterations):
    """L-BFGS from an empty grid; returns the field and the misfits."""
    values = []

    def objective(vector):
        value, gradient = misfit_gradient(vector.reshape(shape), rays, pixels, samples)
        values.append(value)
        return value, gradient.ravel()

    shape = (points, points, points, 4)
    start = np.zeros(shape)
    start[..., 3] = -1.0  # thin fog
    options = {"maxiter": iterations, "maxfun": 2 * iterations, "gtol": 1e-9}
    found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(shape), values


def quality(found, truth):
    """The signal-to-noise ratio of a picture whose peak is 1, in decibels."""
    return -10.0 * np.log10(np.mean((found - truth) ** 2))


def draw(path, size, given, held_out, found, field, values):
    """Save some views that were given, the held-out view, and the density in the middle."""
    figure, axes = plt.subplots(2, 4, figsize=(9.0, 4.8), layout="constrained")
    titles = ["given view"] * 4 + ["held-out view", "from the field"]
    for axis, title, picture in zip(axes.flat, titles, [*given, held_out, found], strict=False):
        axis.imshow(np.clip(picture, 0, 1).reshape(size, size, 3))
        axis.set_title(title, fontsize=10)
    axes[1, 2].imshow(
        np.exp(field[:, :, field.shape[2] // 2, 3]).T, origin="lower", cmap="gray_r", vmax=20
    )
    axes[1, 2].set_title("density in the middle", fontsize=10)
    for axis in axes.flat[:7]:
        axis.set(xticks=[], yticks=[])
    axes[1, 3].semilogy(values)
    axes[1, 3].set(xlabel="call of the gradient", ylabel="misfit")
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    size, samples = 24, 32
    angles = 2.0 * np.pi * np.arange(12) / 12
    views = [camera(a, 0.5 * np.sin(3 * k), size) for k, a in enumerate(angles)]
    pixels = [photograph(rays) for rays in views]
    field, values = fit(14, np.concatenate(views), np.concatenate(pixels), samples, 50)
    rays = camera(angles[0] + np.pi / 12, 0.2, size)
    held_out, found = photograph(rays), view(field, rays, samples)
    nearest = max(quality(picture, held_out) for picture in pixels)
    print(f"misfit {values[0]:.2e} at first, {values[-1]:.2e} after {len(values)} calls")
    print(f"held-out view: {quality(found, held_out):.1f} dB;", end=" ")
    print(f"the given view that is most like it: {nearest:.1f} dB")
    path = Path(__file__).parent / "pictures" / "radiance_field.png"
    draw(path, size, pixels[::3], held_out, found, field, values)


if __name__ == "__main__":
    main()
