"""The Hessian's spectrum says how slow gradient descent is; Newton's method does not care.

Logistic regression on real data: 569 tumours, 30 measurements, benign or malignant. Measurements
are correlated (radius, perimeter, area), so the loss is a long valley: the condition number
`kappa = lambda_max / lambda_min` of its Hessian is a thousand. Descent with the best fixed
step multiplies the error by `(kappa - 1) / (kappa + 1)` each step. Newton's step solves with the
Hessian, and the number of its correct digits doubles each time, whatever `kappa`.

The adjoint: the Hessian is forward mode over the adjoint, all columns in a few runs. Lanczos'
method finds the two extreme eigenvalues from products with vectors alone: `srcad.hvp` gives them
without the matrix.

The oracle: the Hessian of logistic regression, `X^T diag(p (1 - p)) X / n + ridge`, by hand.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.datasets import load_breast_cancer

import srcad

RIDGE = 1e-4


def loss(w, x, side):
    """Return the mean of `log(1 + exp(-side * w.x))` and a ridge penalty."""
    total = 0.0
    for i in range(len(side)):
        total += np.logaddexp(0.0, -side[i] * np.sum(x[i] * w))
    return total / len(side) + 0.5 * RIDGE * np.sum(w * w)


slope = srcad.grad(loss)
curvature = srcad.hessian(loss)


def load():
    """Return measurements, each with mean 0 and deviation 1, and the side: +1 benign, -1 not."""
    data = load_breast_cancer()
    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    return np.ascontiguousarray(x), 2.0 * data.target - 1.0


def hessian_by_hand(w, x):
    """Return the Hessian from its formula."""
    p = 1.0 / (1.0 + np.exp(-x @ w))
    return x.T @ (x * (p * (1.0 - p))[:, None]) / len(x) + RIDGE * np.eye(len(w))


def newton(w, x, side, steps):
    """Return the points of Newton's method."""
    points = [w]
    for _ in range(steps):
        w = points[-1]
        points.append(w - np.linalg.solve(curvature(w, x, side), slope(w, x, side)))
    return np.array(points)


def descend(w, x, side, rate, steps):
    """Return the points of gradient descent."""
    points = [w]
    for _ in range(steps):
        points.append(points[-1] - rate * slope(points[-1], x, side))
    return np.array(points)


def extremes(w, x, side):
    """Return the least and the largest eigenvalue by Lanczos, from Hessian-vector products."""
    product = LinearOperator(
        (len(w), len(w)), matvec=lambda v: srcad.hvp(loss, (w, x, side), v.ravel()), dtype=float
    )
    return np.sort(eigsh(product, k=2, which="BE", ncv=len(w), return_eigenvectors=False))


def draw(eigenvalues, newton_errors, descent_errors, factor):
    """Draw the spectrum, and the error of both methods."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    left.semilogy(np.arange(1, len(eigenvalues) + 1), eigenvalues[::-1], "o", ms=4)
    left.axhline(RIDGE, color="k", ls=":", lw=1, label="ridge")
    kappa = eigenvalues[-1] / eigenvalues[0]
    left.set(xlabel="number", ylabel="eigenvalue of the Hessian", title=f"$\\kappa$ = {kappa:.0f}")
    left.legend()
    right.loglog(np.arange(1, len(newton_errors) + 1), newton_errors, "o-", label="Newton")
    steps = np.arange(1, len(descent_errors) + 1)
    right.loglog(steps, descent_errors, label="gradient descent")
    law = descent_errors[-1] * factor ** (steps - steps[-1])
    right.loglog(steps, law, "k--", lw=1, label=r"$((\kappa-1)/(\kappa+1))^n$")
    right.set(xlabel="step", ylabel="distance from the minimum", ylim=(1e-15, 1e2))
    right.legend(fontsize=8)
    return figure


def main():
    """Find the minimum, its spectrum, and the speed of both methods."""
    x, side = load()
    points = newton(np.zeros(30), x, side, 12)
    best = points[-1]
    print(f"accuracy {np.mean(np.sign(x @ best) == side):.3f}")
    eigenvalues = np.linalg.eigvalsh(curvature(best, x, side))
    by_hand = np.linalg.eigvalsh(hessian_by_hand(best, x))
    print(f"largest error of the spectrum {np.max(np.abs(eigenvalues - by_hand)):.1e}")
    low, high = extremes(best, x, side)
    print(
        f"extremes by Lanczos {low:.8f} {high:.8f}, all {eigenvalues[0]:.8f} {eigenvalues[-1]:.8f}"
    )
    newton_errors = np.linalg.norm(points[:-1] - best, axis=1)
    print("error of Newton's method:", *(f"{e:.1e}" for e in newton_errors))
    path = descend(np.zeros(30), x, side, 2.0 / (low + high), 8000)
    descent_errors = np.linalg.norm(path - best, axis=1)
    measured, factor = descent_errors[-1] / descent_errors[-2], (high - low) / (high + low)
    print(f"descent: error multiplied by {measured:.8f}, predicted {factor:.8f}")
    figure = draw(eigenvalues, newton_errors, descent_errors, factor)
    figure.savefig(Path(__file__).parent / "pictures" / "hessian_spectrum.png", dpi=100)


if __name__ == "__main__":
    main()
