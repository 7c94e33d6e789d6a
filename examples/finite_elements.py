"""Nonlinear finite elements: from the energy of one triangle to quadratic convergence.

A rubber plate with a hole is pulled to one and a half of its length. Its energy is a sum over
triangles, and only the energy of one triangle is written: compressible neo-Hookean rubber,
`W = mu/2 (|F|^2 - 2 - 2 log J) + lambda/2 (log J)^2`, with `F` the deformation gradient and `J` its
determinant. The forces at its nodes are the gradient, the tangent stiffness the Hessian, 6 by 6.
`srcad.batch` computes all of them in a compiled loop, the sparse matrix is their sum, and Newton's
method solves `R(u) = 0`.

With a stiffness that is nearly right, for example the one of some steps before, the residual falls
by a constant factor in each step, if it falls. Only the exact derivative squares it, so the last
steps are the best test of the derivative.

The adjoint: of the deformation gradient, the stress `P = dW/dF`; carried back to the nodes, forces.

The oracle: stress and forces coded by hand from the first Piola stress, their complex step, and the
uniform stretch of a plate without a hole, whose sides contract so that the stress across vanishes.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from matplotlib.collections import PolyCollection
from scipy.sparse.linalg import spsolve

import srcad

MU, LAMBDA = 1.0, 2.0  # of the rubber


def energy(u, X, mu, lam):
    """Of one triangle, by the displacements `u[corner]` and the places `X[corner]` at rest."""
    ax, ay = X[1, 0] - X[0, 0], X[1, 1] - X[0, 1]
    bx, by = X[2, 0] - X[0, 0], X[2, 1] - X[0, 1]
    cx, cy = ax + u[1, 0] - u[0, 0], ay + u[1, 1] - u[0, 1]  # the sides a and b, deformed
    dx, dy = bx + u[2, 0] - u[0, 0], by + u[2, 1] - u[0, 1]
    area = 0.5 * (ax * by - ay * bx)
    fxx, fxy = 0.5 * (cx * by - dx * ay) / area, 0.5 * (dx * ax - cx * bx) / area
    fyx, fyy = 0.5 * (cy * by - dy * ay) / area, 0.5 * (dy * ax - cy * bx) / area
    log_j = np.log(fxx * fyy - fxy * fyx)
    squares = fxx * fxx + fxy * fxy + fyx * fyx + fyy * fyy
    return area * (0.5 * mu * (squares - 2.0 - 2.0 * log_j) + 0.5 * lam * log_j * log_j)


forces = srcad.batch(srcad.grad(energy), axes=(0, 0, None, None))
stiffnesses = srcad.batch(srcad.hessian(energy), axes=(0, 0, None, None))


def residual(u, places, triangles):
    """The forces at all nodes, added up over the triangles."""
    R = np.zeros_like(u)
    np.add.at(R, triangles, forces(u[triangles], places[triangles], MU, LAMBDA))
    return R.ravel()


def tangent(u, places, triangles):
    """The Jacobian of the residual, sparse."""
    blocks = stiffnesses(u[triangles], places[triangles], MU, LAMBDA).reshape(-1, 6, 6)
    numbers = (2 * triangles[:, :, None] + np.arange(2)).reshape(-1, 6)
    rows = np.repeat(numbers, 6, axis=1).ravel()
    columns = np.tile(numbers, (1, 6)).ravel()
    return sp.csr_array((blocks.ravel(), (rows, columns)), shape=(u.size, u.size))


def newton(u, free, places, triangles, steps, renewed=99):
    """Solve for the free displacements; the Jacobian is renewed in so many steps only."""
    u = u.copy()
    norms = [np.linalg.norm(residual(u, places, triangles)[free])]
    for step in range(steps):
        if step < renewed:
            K = tangent(u, places, triangles)[free][:, free]
        u.ravel()[free] -= spsolve(K.tocsc(), residual(u, places, triangles)[free])
        norms.append(np.linalg.norm(residual(u, places, triangles)[free]))
    return u, np.array(norms)


def by_hand(u, X):
    """The oracle: the forces of one triangle, from the first Piola stress."""
    sides = np.stack([X[1] - X[0], X[2] - X[0]], axis=1)
    inverse = np.linalg.inv(sides)
    F = np.eye(2) + np.stack([u[1] - u[0], u[2] - u[0]], axis=1) @ inverse
    J = F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]
    cofactor = np.array([[F[1, 1], -F[1, 0]], [-F[0, 1], F[0, 0]]]) / J  # F^-T
    P = MU * (F - cofactor) + LAMBDA * np.log(J) * cofactor
    shape = np.vstack([-inverse.sum(axis=0), inverse])  # gradients of the shape functions
    return 0.5 * np.linalg.det(sides) * shape @ P.T


def plate(n, m, hole):
    """A quarter of a plate of half-width 1, in rays from the hole's rim to the edge."""
    angle = np.linspace(0.0, 0.5 * np.pi, n + 1)
    rim = hole * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    edge = rim / np.max(rim, axis=1, keepdims=True)
    t = np.linspace(0.0, 1.0, m + 1)[None, :, None] ** 1.3
    places = ((1.0 - t) * rim[:, None] + t * edge[:, None]).reshape(-1, 2)
    return places, split(n, m)


def split(n, m):
    """Triangles of a grid of n by m quadrilaterals, all turning to the left."""
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(m), indexing="ij"))
    a = i * (m + 1) + j
    b, c, d = a + 1, a + m + 2, a + m + 1
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def pulled(places, stretch):
    """A first guess with the right edge moved, and which displacements are free."""
    u = places * [stretch - 1.0, 0.6 / stretch - 0.6]
    free = np.ones(places.shape, dtype=bool)
    free[places[:, 0] < 1e-9, 0] = False  # symmetry
    free[places[:, 1] < 1e-9, 1] = False
    free[places[:, 0] > 1.0 - 1e-9, 0] = False
    return u, np.flatnonzero(free.ravel())


def draw(places, triangles, u, norms, frozen):
    """The plate at rest and pulled, and the residuals."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained")
    density = np.array([energy(u[t], places[t], MU, LAMBDA) for t in triangles])
    sides = places[triangles][:, 1:] - places[triangles][:, :1]
    density /= 0.5 * np.linalg.det(sides)
    now = (places + u)[triangles]
    for signs in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        shapes = PolyCollection(
            now * signs, array=density, cmap="viridis", edgecolor="face", lw=0.1, antialiased=False
        )
        left.add_collection(shapes)
    left.plot([-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], "k:", lw=1, label="at rest")
    left.set(xlabel="x", ylabel="y", aspect="equal", xlim=(-1.7, 1.7), ylim=(-1.2, 1.2))
    left.legend(loc="upper left", fontsize=8)
    figure.colorbar(shapes, ax=left, label="energy density", shrink=0.7)
    right.semilogy(norms, "o-", label="Newton: Jacobian by srcad")
    right.semilogy(frozen, "s-", ms=3, label="Jacobian frozen after 3 steps")
    right.set(xlabel="step", ylabel="norm of the residual", xticks=range(0, len(frozen), 2))
    right.legend()
    return figure


def main():
    """Pull the plate, print the convergence, save the picture."""
    places, triangles = plate(16, 10, 0.35)
    u, free = pulled(places, 1.5)
    solution, norms = newton(u, free, places, triangles, 8)
    _, frozen = newton(u, free, places, triangles, 16, renewed=3)
    K = tangent(solution, places, triangles)
    print(f"{len(triangles)} triangles, {len(free)} unknowns, {K.nnz} entries of the Jacobian")
    print("norm of the residual:", " ".join(f"{r:.1e}" for r in norms))
    print("Jacobian frozen:     ", " ".join(f"{r:.1e}" for r in frozen[:9]))
    force = residual(solution, places, triangles)[::2][places[:, 0] > 1.0 - 1e-9].sum()
    print(f"force on the right edge (half): {force:.4f}")
    some = np.random.default_rng(0).choice(len(triangles), 20)
    ours = forces(solution[triangles[some]], places[triangles[some]], MU, LAMBDA)
    hand = [by_hand(solution[t], places[t]) for t in triangles[some]]
    print(f"forces of triangles against the Piola stress: {np.max(np.abs(ours - hand)):.1e}")

    figure = draw(places, triangles, solution, norms, frozen)
    figure.savefig(Path(__file__).parent / "pictures" / "finite_elements.png", dpi=100)


if __name__ == "__main__":
    main()
