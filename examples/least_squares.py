"""Linear least squares: the adjoint of a residual is the normal equations.

Three noisy curves `B[:, k]` are written in one basis, the columns of `A`, by minimising
`|A X - B|^2`. The program forms the residuals in three nested loops and adds up their squares.
Its gradient is all that an optimiser needs: conjugate gradients ask for the gradient at the start
and for one product with the Hessian in each step, and end after at most as many steps as there
are basis functions (fewer here: the eigenvalues of cosines lie close). Steepest descent, with the
best constant step, shrinks the error by `(kappa - 1) / (kappa + 1)` a step only, with `kappa` the
condition number of `A^T A`.

The adjoint: each residual is sent back through the coefficients that made it, `2 A^T (A X - B)`.
The reverse sweep adds that up in the order of the loops, and where it is zero the residual is
orthogonal to every basis function.

The oracle: `2 A^T (A X - B)` in matrix notation, the Hessian `2 A^T A`, and `np.linalg.lstsq`,
which finds the minimum by the singular values of `A` without any gradient.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad


def misfit(X, A, B):
    """The sum of the squares of `A X - B`, entry by entry."""
    total = 0.0
    for i in range(A.shape[0]):
        for k in range(B.shape[1]):
            r = -B[i, k]
            for j in range(A.shape[1]):
                r += A[i, j] * X[j, k]
            total += r * r
    return total


gradient = srcad.grad(misfit)


def problem(rows, columns, curves, seed=0):
    """A basis of cosines and slopes on [0, 1], and noisy curves that it nearly spans."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0.0, 1.0, rows)
    A = np.stack([np.cos(np.pi * j * t) + 0.7 * t for j in range(columns)], axis=1)
    X = rng.normal(size=(columns, curves)) / (1.0 + np.arange(columns))[:, None]
    return t, A, A @ X + 0.1 * rng.normal(size=(rows, curves))


def conjugate_gradients(A, B, steps):
    """Minimise by conjugate gradients: each column has its own, and one product serves all."""
    X = np.zeros((A.shape[1], B.shape[1]))
    g = gradient(X, A, B)
    direction = -g
    norms = [np.linalg.norm(g)]
    for _ in range(steps):
        curved = srcad.hvp(misfit, (X, A, B), direction)
        square = np.sum(g * g, axis=0)
        length = square / np.sum(direction * curved, axis=0)
        X = X + length * direction
        g = g + length * curved
        direction = -g + np.sum(g * g, axis=0) / square * direction
        norms.append(np.linalg.norm(gradient(X, A, B)))
    return X, np.array(norms)


def steepest_descent(A, B, steps):
    """Minimise by steps along the gradient, of the length that is best for all of them."""
    X = np.zeros((A.shape[1], B.shape[1]))
    curvature = 2.0 * np.linalg.svd(A, compute_uv=False) ** 2
    norms = []
    for _ in range(steps + 1):
        g = gradient(X, A, B)
        norms.append(np.linalg.norm(g))
        X = X - 2.0 / (curvature[0] + curvature[-1]) * g
    return X, np.array(norms)


def draw(t, A, B, X, conjugate, steepest, rate):
    """The curves with their fits, and how the gradient vanishes."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    for k in range(B.shape[1]):
        left.plot(t, B[:, k], ".", color=f"C{k}", alpha=0.4)
        left.plot(t, A @ X[:, k], color=f"C{k}", label=f"curve {k + 1}")
    left.set(xlabel="t", ylabel="B, and the fit A X", title="three right-hand sides, one basis")
    left.legend()
    right.semilogy(conjugate, "o-", label="conjugate gradients")
    right.semilogy(steepest, label="steepest descent")
    right.semilogy(steepest[0] * rate ** np.arange(len(steepest)), "k:", label="rate, from kappa")
    right.set(xlabel="step", ylabel="norm of the gradient", title="the normal equations, solved")
    right.legend()
    return figure


def main():
    """Fit three curves, print what was found, save the picture."""
    t, A, B = problem(rows=200, columns=12, curves=3)
    X, conjugate = conjugate_gradients(A, B, A.shape[1] + 2)
    _, steepest = steepest_descent(A, B, 60)
    kappa = np.linalg.cond(A) ** 2
    exact = np.linalg.lstsq(A, B)[0]

    by_hand = 2.0 * A.T @ (A @ exact * 0.5 - B)
    error = np.max(np.abs(gradient(exact * 0.5, A, B) - by_hand)) / np.max(np.abs(by_hand))
    print(f"gradient against 2 A^T (A X - B): relative difference {error:.1e}")
    print(f"condition number of A^T A: {kappa:.1f}")
    print(f"conjugate gradients against lstsq: largest difference {np.max(np.abs(X - exact)):.1e}")
    print(f"residual along the basis, A^T r: {np.max(np.abs(A.T @ (A @ X - B))):.1e}")

    figure = draw(t, A, B, X, conjugate, steepest, (kappa - 1.0) / (kappa + 1.0))
    figure.savefig(Path(__file__).parent / "pictures" / "least_squares.png", dpi=100)


if __name__ == "__main__":
    main()
