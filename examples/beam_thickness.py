"""Differentiable finite elements: the thickness that makes a cantilever stiffest.

A beam is clamped at its left end and loaded at its right end, or all along. Given so much material,
where should it be? The program assembles the stiffness matrix of Euler-Bernoulli elements, whose
bending stiffness goes with the cube of the thickness `h`, solves for deflections and slopes, and
returns the compliance, the work of the load. SLSQP lowers it along srcad's gradient, with the
volume held.

With the bending moment `M(x)`, which does not depend on `h` here, the compliance is the integral of
`12 M^2 / (E b h^3)`. So the best thickness is `h ~ sqrt(M)`: a parabola `sqrt(1 - x/L)` for a load
at the tip, which bends 16/27 as much as the uniform beam, and a wedge `1 - x/L` for a uniform load.

The adjoint: of a solve `K u = f`, a solve with `K^T`. The problem is self-adjoint: for the
compliance the adjoint displacements are the displacements, and a derivative is minus an element's
energy, `-u_e^T (dK_e/dh) u_e`.

The oracle: the closed forms. For the load at the tip the elements are exact, so that their best
thicknesses are known to rounding, `h_e ~ (integral of M^2 over the element)^(1/4)`.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import srcad


def element(length):
    """The stiffness matrix of a beam element of unit bending stiffness."""
    a = length
    rows = [[12, 6 * a, -12, 6 * a], [6 * a, 4 * a * a, -6 * a, 2 * a * a]]
    rows += [[-12, -6 * a, 12, -6 * a], [6 * a, 2 * a * a, -6 * a, 4 * a * a]]
    return np.array(rows) / a**3


def displacements(h, load, unit):
    """Deflections and slopes of the nodes that are free, for thicknesses `h` of the elements."""
    n = len(h)
    K = np.zeros((2 * n + 2, 2 * n + 2))
    for e in range(n):
        for i in range(4):
            for j in range(4):
                K[2 * e + i, 2 * e + j] += h[e] ** 3 / 12.0 * unit[i, j]
    return np.linalg.solve(K[2:, 2:], load[2:])


def compliance(h, load, unit):
    """The work of the load."""
    return np.dot(load[2:], displacements(h, load, unit))


value_and_gradient = srcad.value_and_grad(compliance)


def by_energies(h, load, unit):
    """The oracle for the gradient: minus each element's energy, as the problem is self-adjoint."""
    u = np.concatenate([np.zeros(2), displacements(h, load, unit)])
    return np.array(
        [
            -(h[e] ** 2) / 4.0 * u[2 * e : 2 * e + 4] @ unit @ u[2 * e : 2 * e + 4]
            for e in range(len(h))
        ]
    )


def tip_load(n):
    """A force of 1 at the free end."""
    load = np.zeros(2 * n + 2)
    load[-2] = 1.0
    return load


def even_load(n):
    """A force of 1 spread along the beam, as work-equivalent forces and moments of the nodes."""
    load, a = np.zeros(2 * n + 2), 1.0 / n
    for e in range(n):
        load[2 * e : 2 * e + 4] += a * np.array([0.5, a / 12.0, 0.5, -a / 12.0])
    return load


def optimise(load, unit, n):
    """The thicknesses of mean 1 with the least compliance, by SLSQP from the uniform beam."""
    scale = value_and_gradient(np.ones(n), load, unit)[0]
    course = []

    def objective(h):
        value, gradient = value_and_gradient(h, load, unit)
        course.append(value / scale)
        return value / scale, gradient / scale

    volume = {"type": "eq", "fun": lambda h: h.mean() - 1.0, "jac": lambda h: np.full(n, 1.0 / n)}
    found = minimize(
        objective,
        np.ones(n),
        jac=True,
        method="SLSQP",
        bounds=[(0.02, 5.0)] * n,
        constraints=volume,
        options={"maxiter": 300, "ftol": 1e-14},
    )
    return found.x, np.array(course)


def exact_for_tip_load(n):
    """The best thicknesses of n elements, and their compliance over the uniform beam's."""
    edge = 1.0 - np.linspace(0.0, 1.0, n + 1)
    squares = edge[:-1] ** 3 - edge[1:] ** 3  # integrals of M^2, over their sum
    h = squares**0.25 / np.mean(squares**0.25)
    return h, np.sum(squares / h**3)


def draw(x, tip, even, course, course_even):
    """Both beams beside the closed forms, and the compliance."""
    n = len(x)
    s = np.linspace(0.0, 1.0, 400)
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.6), layout="constrained")
    closed = ((1.5 * np.sqrt(1.0 - s), "load at the tip"), (2.0 * (1.0 - s), "even load"))
    for axis, h, (curve, title) in zip(axes, (tip, even), closed, strict=False):
        axis.bar(
            x, h, width=1.0 / n, bottom=-h / 2.0, color="C0", edgecolor="w", lw=0.5, label="found"
        )
        axis.plot(s, curve / 2.0, "C1", lw=2, label="closed form")
        axis.plot(s, -curve / 2.0, "C1", lw=2)
        axis.set(xlabel="x / L", ylabel="thickness / mean", title=title, ylim=(-1.2, 1.5))
        axis.legend(loc="upper right")
    axes[2].plot(course, "C0", label="load at the tip")
    axes[2].plot(course_even, "C1", label="even load")
    for exact in (16.0 / 27.0, 5.0 / 16.0):
        axes[2].axhline(exact, color="k", ls=":", label="16/27 and 5/16" if exact > 0.5 else None)
    axes[2].set(xlabel="evaluations", ylabel="compliance / uniform beam's", xlim=(0, 30))
    axes[2].legend()
    return figure


def main():
    """Shape the beam for both loads, print the closed forms beside, save the picture."""
    n = 24
    unit = element(1.0 / n)
    x = (np.arange(n) + 0.5) / n
    tip, course = optimise(tip_load(n), unit, n)
    even, course_even = optimise(even_load(n), unit, n)
    h, best = exact_for_tip_load(n)
    print(f"load at the tip: compliance {course[-1]:.9f} of the uniform beam's")
    print(f"    best of {n} elements {best:.9f}, of any beam 16/27 = {16 / 27:.6f}")
    print(f"    thickness against the fourth roots: {np.max(np.abs(tip - h)):.1e}")
    print(f"even load: compliance {course_even[-1]:.6f}, closed form 5/16 = {5 / 16:.6f}")
    print(f"    thickness against the wedge: {np.max(np.abs(even - 2 * (1 - x))):.1e}")
    h = np.random.default_rng(0).uniform(0.5, 1.5, n)
    ours, theirs = value_and_gradient(h, tip_load(n), unit)[1], by_energies(h, tip_load(n), unit)
    print(f"gradient against the energies: {np.max(np.abs(ours - theirs)) / np.max(-theirs):.1e}")

    figure = draw(x, tip, even, course, course_even)
    figure.savefig(Path(__file__).parent / "pictures" / "beam_thickness.png", dpi=100)


if __name__ == "__main__":
    main()
