"""A differentiable renderer: one noisy picture tells where a ball is, and where its light.

A matt ball hangs before a wall; light falls on it from one side, and its shadow on the wall. Nine
numbers say where the ball is, how large, from where the light comes, and which colour it has. A
program draws the picture, ray by ray, and the numbers are found by descending along the gradient of
the squared differences to the picture that was taken. How far the ball is from the wall is seen in
its shadow only. Every edge is softened over the width of a pixel, as a lens does: of a hard edge
the pixels tell nothing about where it is until it crosses one.

The adjoint: differences at the pixels are sent back along the rays, to the ball that they hit and
to the light that fell there, and summed over all rays.

The oracle: the complex step (the program is analytic), and the law of Cramer and Rao: with noise in
the picture the error of the nine numbers has the covariance of the inverse information matrix.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad

NAMES = ("x", "y", "height", "radius", "azimuth", "tilt", "red", "green", "blue")
SCENE = np.array([0.1, -0.1, 0.7, 0.35, 2.2, 0.7, 0.9, 0.5, 0.2])
GUESS = np.array([-0.2, 0.1, 0.5, 0.25, 1.5, 0.5, 0.5, 0.5, 0.5])


def edge(distance, width):
    """One inside, zero outside, smooth in between."""
    return 1.0 / (1.0 + np.exp(-distance / width))


def positive(z, width):
    """The positive part, with the kink rounded."""
    return 0.5 * (z + np.sqrt(z * z + width * width))


def render(scene, size, picture):
    """Fill `picture[row, column, colour]`; the wall is `z = 0`, seen from far along `z`."""
    x, y, z, radius = scene[0], scene[1], scene[2], scene[3]
    light_x = np.sin(scene[5]) * np.cos(scene[4])
    light_y = np.sin(scene[5]) * np.sin(scene[4])
    light_z = np.cos(scene[5])
    pixel = 2.0 / size
    for row in range(size):
        for column in range(size):
            dx = (column + 0.5) * pixel - 1.0 - x
            dy = 1.0 - (row + 0.5) * pixel - y
            # the wall: is the ball between this point and the light?
            along = dx * light_x + dy * light_y - z * light_z
            nearest = np.sqrt(dx * dx + dy * dy + z * z - along * along)
            wall = 0.2 + 0.7 * light_z * edge(nearest - radius, pixel)
            # the ball: its normal in the direction of the light
            across = dx * dx + dy * dy
            depth = np.sqrt(positive(radius * radius - across, 0.2 * pixel))
            lit = positive((dx * light_x + dy * light_y + depth * light_z) / radius, 0.05)
            covered = edge(radius - np.sqrt(across), pixel)
            for colour in range(3):
                ball = scene[6 + colour] * (0.2 + 0.8 * lit)
                picture[row, column, colour] = covered * ball + (1.0 - covered) * wall


def misfit(scene, size, target, picture):
    """The sum of squared differences to the picture that was taken."""
    render(scene, size, picture)
    return np.sum((picture - target) ** 2)


misfit_gradient = srcad.value_and_grad(misfit)
sensitivity = srcad.jacobian(render, outputs="picture")


def draw_scene(scene, size):
    """The picture of a scene."""
    picture = np.zeros((size, size, 3), np.asarray(scene).dtype)
    render(scene, size, picture)
    return picture


def recover(guess, target):
    """L-BFGS from a guess; returns the scene and all on the way."""
    size, way = len(target), [guess]
    room = np.zeros_like(target)
    found = minimize(
        lambda scene: misfit_gradient(scene, size, target, room),
        guess,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-1, 1), (-1, 1), (0.1, 2), (0.05, 1), (None, None), (0.05, 1.4)] + [(0, 2)] * 3,
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 500},
        callback=lambda scene: way.append(scene.copy()),
    )
    return found.x, way


def deviations(scene, size, noise):
    """The smallest possible deviations of the nine numbers (Cramer, Rao), and their covariance."""
    rows = sensitivity(scene, size, np.zeros((size, size, 3))).reshape(-1, len(scene))
    covariance = noise**2 * np.linalg.inv(rows.T @ rows)
    return np.sqrt(np.diag(covariance)), covariance


def draw(path, pictures, rows, errors):
    """Save pictures on the way, some of their derivatives, and the errors."""
    figure, axes = plt.subplots(2, 4, figsize=(10.0, 5.0), layout="constrained")
    for axis, (title, picture) in zip(axes[0], pictures.items(), strict=True):
        axis.imshow(np.clip(picture, 0.0, 1.0), extent=(-1, 1, -1, 1))
        axis.set_title(title, fontsize=10)
    for axis, name in zip(axes[1, :3], ("x", "height", "azimuth"), strict=True):
        part = rows[:, :, 0, NAMES.index(name)]
        top = np.quantile(np.abs(part), 0.995)
        axis.imshow(part, cmap="RdBu_r", vmin=-top, vmax=top, extent=(-1, 1, -1, 1))
        axis.set_title(f"derivative of red by {name}", fontsize=10)
    for axis in axes.flat[:7]:
        axis.set(xticks=[], yticks=[])
    axes[1, 3].axvspan(-1, 1, color="0.9", label="one deviation (Cramer-Rao)")
    axes[1, 3].plot(errors, NAMES, "o")
    axes[1, 3].set(xlabel="error, in deviations", xlim=(-4, 4), ylim=(-2.5, 8.5))
    axes[1, 3].legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    size, noise = 64, 0.05
    target = draw_scene(SCENE, size)
    found, _ = recover(GUESS, target)
    print(f"picture without noise: largest error {np.max(np.abs(found - SCENE)):.1e}")
    target = target + noise * np.random.default_rng(0).normal(size=target.shape)
    found, way = recover(GUESS, target)
    deviation, _ = deviations(SCENE, size, noise)
    for name, truth, value, error in zip(NAMES, SCENE, found, deviation, strict=True):
        print(f"{name:8} {value:8.4f}, true {truth:5.2f}, deviation expected {error:.4f}")
    pictures = {"taken, with noise": target, "first guess": draw_scene(GUESS, size)}
    pictures["on the way"] = draw_scene(way[8], size)
    pictures[f"found, after {len(way) - 1} steps"] = draw_scene(found, size)
    rows = sensitivity(SCENE, size, np.zeros((size, size, 3)))
    path = Path(__file__).parent / "pictures" / "renderer.png"
    draw(path, pictures, rows, (found - SCENE) / deviation)


if __name__ == "__main__":
    main()
