"""Ising magnet in mean field: the susceptibility is the gradient through a fixed point.

In mean field each spin of a magnet feels the mean of its neighbours, `m = tanh((h + J m) / T)`. The
equation is solved by iterating it. Its response to a field, the susceptibility `dm/dh`, diverges at
the Curie temperature, the largest eigenvalue of `J`. Here the bonds of a square lattice differ.

The adjoint: `srcad.fixed_point` differentiates the solution, not the iterations: the cotangent `v`
of the magnetisation becomes the solution of `w = v + (dF/dm)^T w`, found by the same iteration.
Reversing the iterations one by one instead gives a truncation of the Neumann series of that `w`.
Its error falls by the factor `rho`, the largest eigenvalue of `dF/dm`, each step, as the iteration
itself does; near the Curie point `rho` is close to 1, and unrolling needs many steps and a tape.

The oracle: `chi = (T / (1 - m^2) - J)^-1`, by a dense linear solve, for the field; for a bond,
`d<m>/dJ_ij = chi_i m_j + chi_j m_i` with `chi_i = d<m>/dh_i`. In the uniform magnet all spins are
one, and Curie and Weiss have `chi = 1 / (T / (1 - m^2) - 4)`, which is `1 / (T - 4)` where `m = 0`.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

import srcad


def relax(m, field, right, down, temperature):
    """One step of the iteration: each spin in the mean field of its neighbours (a torus)."""
    n = len(m)
    new = np.empty_like(m)
    for i in range(n):
        for j in range(n):
            left, above = j - 1, i - 1
            across, below = (j + 1) % n, (i + 1) % n
            force = right[i, j] * m[i, across] + right[i, left] * m[i, left]
            force += down[i, j] * m[below, j] + down[above, j] * m[above, j]
            new[i, j] = math.tanh((field[i, j] + force) / temperature)
    return new


def solve(field, right, down, temperature):
    """Return the mean spins, from all up."""
    up = np.ones_like(field)
    return srcad.fixed_point(
        relax, up, field, right, down, temperature, tol=1e-13, max_iter=100_000
    )


def magnetisation(field, right, down, temperature):
    """Return the mean over the lattice: what is differentiated is the solution."""
    return np.mean(solve(field, right, down, temperature))


def unrolled_magnetisation(field, right, down, temperature, start, steps):
    """Return the mean after some steps: what is differentiated is the iteration."""
    m = start.copy()
    for _ in range(steps):
        m = relax(m, field, right, down, temperature)
    return np.mean(m)


implicit = srcad.grad(magnetisation, wrt=("field", "right", "down"))
unrolled = srcad.grad(unrolled_magnetisation)


def coupling_matrix(right, down):
    """Return `J`, dense: one row for each spin."""
    n = len(right)
    spin = np.arange(n * n).reshape(n, n)
    J = np.zeros((n * n, n * n))
    for bonds, neighbour in ((right, np.roll(spin, -1, 1)), (down, np.roll(spin, -1, 0))):
        for a, b, bond in zip(spin.ravel(), neighbour.ravel(), bonds.ravel(), strict=True):
            J[a, b] += bond
            J[b, a] += bond
    return J


def exact_response(m, right, down, temperature):
    """Return `d<m>/dh` by a linear solve, and the contraction rate `rho` of the iteration."""
    J = coupling_matrix(right, down)
    slope = 1.0 - m.ravel() ** 2
    chi = np.linalg.solve(np.diag(temperature / slope) - J, np.full(m.size, 1.0 / m.size))
    root = np.sqrt(slope)
    rho = np.max(np.abs(np.linalg.eigvalsh(root[:, None] * J * root))) / temperature
    return chi.reshape(m.shape), rho


def curie_weiss(temperature):
    """Return the susceptibility of the uniform magnet, by its equation for one spin."""
    m = 0.0
    if temperature < 4.0:
        m = brentq(lambda m: math.tanh(4.0 * m / temperature) - m, 1e-3, 1.0, xtol=1e-15)
    return 1.0 / (temperature / (1.0 - m * m) - 4.0)


def disorder(n, seed=0):
    """Return bonds between 0.5 and 1.5, and a small field."""
    rng = np.random.default_rng(seed)
    right, down = rng.uniform(0.5, 1.5, (2, n, n))
    return np.full((n, n), 0.05), right, down


def draw(temperatures, chi, errors, rates):
    """Draw the Curie-Weiss law and the error of unrolling."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    left.semilogy(temperatures, chi, "o", ms=4, label="srcad, through the fixed point")
    name = r"Curie-Weiss, $1\,/\,(T/(1-m^2) - 4)$"
    for dense in (np.linspace(2.5, 3.97, 100), np.linspace(4.03, 6.0, 100)):
        left.semilogy(dense, [curie_weiss(T) for T in dense], "k-", lw=1, label=name)
        name = None
    left.set(xlabel="temperature (units of the bond)", ylabel="susceptibility dm/dh")
    left.legend(fontsize=8)
    for (temperature, error), rho in zip(errors.items(), rates, strict=True):
        steps = np.array(list(error))
        values = np.array(list(error.values()))
        (line,) = right.semilogy(steps, values, "o", ms=4, label=f"T = {temperature}")
        right.semilogy(steps, values[4] * rho ** (steps - steps[4]), color=line.get_color(), lw=1)
    right.plot([], [], "k-", lw=1, label=r"slope $\rho^n$, $\rho$ the largest eigenvalue")
    right.set(xlabel="steps unrolled", ylabel="relative error of dm/dh", ylim=(1e-13, 1e4))
    right.legend(fontsize=8, loc="upper right")
    return figure


def main():
    """Compare implicit, unrolled and exact derivatives; draw the divergence at the Curie point."""
    field, right, down = disorder(12)
    curie = np.linalg.eigvalsh(coupling_matrix(right, down))[-1]
    print(f"Curie temperature of the disordered magnet: {curie:.3f}")
    errors, rates = {}, []
    for temperature in (3.0, 4.4, 6.0):
        m = solve(field, right, down, temperature)
        exact, rho = exact_response(m, right, down, temperature)
        chi, _, _ = implicit(field, right, down, temperature)
        print(
            f"T = {temperature}: chi = {np.sum(chi):.6f} by fixed_point, {np.sum(exact):.6f} exact;"
            f" largest difference of a spin {np.max(np.abs(chi - exact)):.1e}, rho = {rho:.3f}"
        )
        # From the solution on, so that what is left is the truncation of the reverse sweep alone.
        errors[temperature] = {
            steps: np.abs(
                np.sum(unrolled(field, right, down, temperature, m, steps)) / np.sum(exact) - 1.0
            )
            for steps in range(5, 101, 5)
        }
        rates.append(rho)

    uniform = np.ones((4, 4))
    temperatures = np.concatenate([np.linspace(2.5, 3.9, 15), np.linspace(4.1, 6.0, 20)])
    chi = [np.sum(implicit(1e-7 * uniform, uniform, uniform, T)[0]) for T in temperatures]
    figure = draw(temperatures, chi, errors, rates)
    figure.savefig(Path(__file__).parent / "pictures" / "ising_mean_field.png", dpi=100)


if __name__ == "__main__":
    main()
