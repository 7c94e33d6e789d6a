"""A Feynman amplitude at one loop: a derivative inserts a vertex or a mass into the diagram.

Two particles of the scalar theory `g phi^4 / 4!` scatter off each other. In Euclidean momenta the
amplitude to one loop is `M = -g + g^2/2 (I(s) + I(t) + I(u))`, the bubble being
`I(p) = int d^4k / (2 pi)^4 1 / ((k + p/2)^2 + m^2) / ((k - p/2)^2 + m^2)`, cut off at `|k| = L`
and integrated numerically. It diverges as `log L`; two of its derivatives do not.

The adjoint: each vertex and each line of the diagram is a variable of its own here. The adjoint of
a vertex's coupling is the diagram without that vertex's factor; the adjoint of a line's squared
mass is minus the diagram with that line doubled, a mass insertion. `dM/dg` and `dM/dm^2` sum them
over all places. The derivative by `log L` is the beta function, the running of the coupling.

The oracle: the inserted diagrams, computed as such; with Feynman's parameter and no cutoff,
`dI/dm^2 = -1/(16 pi^2) int_0^1 dx / (m^2 + x(1-x) p^2)`, which has a closed form; and
`dM/dlog L = 3 g^2 / (16 pi^2)`, the beta function of the textbooks.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import dblquad

import srcad

NODES, WEIGHTS = np.polynomial.legendre.leggauss(120)  # for the length of the loop momentum
N_ANGLES = 24


def bubble(vertices, masses2, p2, cutoff):
    """Return the diagram: two vertices joined by two lines, p flowing through."""
    top = math.asinh(cutoff)  # k = sinh t: small momenta linear, large ones logarithmic
    total = 0.0
    for i in range(len(NODES)):
        t = 0.5 * top * (1.0 + NODES[i])
        k = math.sinh(t)
        volume = 0.5 * top * WEIGHTS[i] * math.cosh(t) * 4.0 * math.pi * k**3
        for j in range(1, N_ANGLES + 1):  # int sin^2(angle): Gauss and Chebyshev
            angle = math.pi * j / (N_ANGLES + 1)
            solid = math.pi / (N_ANGLES + 1) * math.sin(angle) ** 2
            across = k * math.sqrt(p2) * math.cos(angle)
            first = 1.0 / (k * k + 0.25 * p2 + across + masses2[0])
            second = 1.0 / (k * k + 0.25 * p2 - across + masses2[1])
            total += volume * solid * first * second
    return vertices[0] * vertices[1] * total / (2.0 * math.pi) ** 4


def amplitude(g, m2, s, t, u, cutoff):
    """Return M to one loop: the tree, and the bubble in three channels with its symmetry 1/2."""
    loops = 0.0
    for p2 in (s, t, u):
        loops += 0.5 * bubble((g, g), (m2, m2), p2, cutoff)
    return loops - g


def mass_insertion(m2, p2, cutoff):
    """Return the bubble with its first line doubled, by SciPy."""

    def integrand(angle, k):
        across = k * math.sqrt(p2) * math.cos(angle)
        first = 1.0 / (k * k + 0.25 * p2 + across + m2)
        second = 1.0 / (k * k + 0.25 * p2 - across + m2)
        return 4.0 * math.pi * k**3 * math.sin(angle) ** 2 * first * first * second

    found, _ = dblquad(integrand, 0.0, cutoff, 0.0, math.pi, epsabs=1e-11, epsrel=1e-11)
    return found / (2.0 * math.pi) ** 4


def bubble_slope(m2, p2):
    """Return dI/dm^2 without a cutoff: Feynman's parameter integrated in closed form."""
    p, root = np.sqrt(p2), np.sqrt(p2 + 4.0 * m2)
    return -np.log((root + p) / (root - p)) * 2.0 / (p * root) / (16.0 * np.pi**2)


def draw(p2, slopes, cutoffs, values, betas):
    """Draw the finite derivative by the mass, and the derivative by the cutoff."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    for cutoff, slope in slopes.items():
        left.loglog(p2, -np.array(slope), "o", ms=4, label=f"srcad, cutoff {cutoff:g} m")
    left.loglog(p2, -bubble_slope(1.0, p2), "k-", lw=1, label="Feynman's parameter, no cutoff")
    left.set(xlabel="$p^2$ ($m^2$)", ylabel=r"$-\partial I/\partial m^2$ ($m^{-2}$)")
    left.legend(fontsize=8)
    right.semilogx(cutoffs, values, "C1", label=r"$3I(p^2=m^2)/2$: grows for ever")
    right.semilogx(cutoffs, betas, "o", ms=4, label=r"srcad, $\partial M/\partial\log L\,/\,g^2$")
    right.axhline(3.0 / (16.0 * np.pi**2), color="k", lw=1, label=r"$3/16\pi^2$")
    right.set(xlabel="cutoff L (m)", ylabel="in units of $g^2$")
    right.legend(fontsize=8)
    return figure


def main():
    """Insert a vertex, a mass and a shell of momenta by differentiation."""
    g, m2, channels = 0.5, 1.0, (1.0, 2.0, 0.5)
    slope = srcad.grad(amplitude, wrt=("g", "m2", "cutoff"))
    g_bar, m2_bar, cutoff_bar = slope(g, m2, *channels, 1000.0)
    loops = sum(bubble((1.0, 1.0), (m2, m2), p2, 1000.0) for p2 in channels)
    print(f"dM/dg        = {g_bar:.9f}; tree and loops less one vertex {g * loops - 1.0:.9f}")
    no_cutoff = 0.5 * g * g * sum(bubble_slope(m2, p2) for p2 in channels)
    print(f"dM/dm^2      = {m2_bar:.9f}; Feynman's parameter {no_cutoff:.9f}")
    beta = 3.0 * g * g / (16.0 * math.pi**2)
    print(f"dM/dlog L    = {1000.0 * cutoff_bar:.9f}; beta function {beta:.9f}")

    line = srcad.grad(bubble, wrt="masses2")
    first, second = line((1.0, 1.0), (m2, m2), 2.0, 10.0)
    inserted = -mass_insertion(m2, 2.0, 10.0)
    print(f"one line     = {first:.12f}, {second:.12f}; the line doubled {inserted:.12f}")

    p2 = np.geomspace(0.05, 500.0, 25)
    slopes = {L: [sum(line((1.0, 1.0), (1.0, 1.0), q, L)) for q in p2] for L in (10.0, 1000.0)}
    cutoffs = np.geomspace(0.03, 1000.0, 40)
    values = [1.5 * bubble((1.0, 1.0), (1.0, 1.0), 1.0, L) for L in cutoffs]
    betas = [L * slope(g, 1.0, 1.0, 1.0, 1.0, L)[2] / g**2 for L in cutoffs]
    figure = draw(p2, slopes, cutoffs, values, betas)
    figure.savefig(Path(__file__).parent / "pictures" / "feynman_loop.png", dpi=100)


if __name__ == "__main__":
    main()
