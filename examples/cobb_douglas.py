"""Cobb and Douglas, 1928: three quarters of the product of US industry goes with labour.

Output, labour and capital of US manufacturing, 1899 to 1922, as indices. The production function
`Y = b L^k C^(1-k)` has two numbers, found by least squares in logarithms: the published ones are
`b = 1.01` and `k = 3/4`. The misfit is a quadratic function of `log b` and `k`, so that one Newton
step, from anywhere, with srcad's gradient and Hessian, is the answer. The Hessian also gives the
standard errors, `2 s^2 H^-1`. The same program with a third number does not assume that the
exponents add up to one (constant returns to scale).

The adjoint: differentiating the production function itself, and not the misfit, gives the marginal
products, which are wages and interest under perfect competition. Labour's share of the product,
`L dY/dL / Y`, is `k`, and `L dY/dL + C dY/dC = Y` (Euler), so that nothing is left over.

The oracle: ordinary least squares on the logarithms, by `np.linalg.lstsq`, and the published share.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad

DATA = Path(__file__).parent / "data" / "cobb_douglas.csv"


def production(labor, capital, log_b, k, m):
    """What is made with so much labour and capital."""
    return np.exp(log_b) * labor**k * capital**m


def misfit(p, output, labor, capital):
    """Squared logarithmic errors; with two numbers in `p`, the exponents add up to one."""
    m = p[2] if len(p) == 3 else 1.0 - p[1]
    total = 0.0
    for year in range(len(output)):
        made = production(labor[year], capital[year], p[0], p[1], m)
        total += np.log(output[year] / made) ** 2
    return total


def newton_step(p, data):
    """One Newton step from `p`, and the standard errors there."""
    gradient = srcad.grad(misfit)(p, *data)
    H = srcad.hessian(misfit)(p, *data)
    found = p - np.linalg.solve(H, gradient)
    variance = misfit(found, *data) / (len(data[0]) - len(p))
    return found, np.sqrt(np.diag(2.0 * variance * np.linalg.inv(H)))


def ordinary_least_squares(data, numbers):
    """The oracle: the same fit, and its standard errors, in matrices."""
    Y, L, C = np.log(data)
    if numbers == 2:
        A, b = np.stack([np.ones_like(L), L - C], axis=1), Y - C
    else:
        A, b = np.stack([np.ones_like(L), L, C], axis=1), Y
    p = np.linalg.lstsq(A, b)[0]
    variance = np.sum((A @ p - b) ** 2) / (len(b) - numbers)
    return p, np.sqrt(np.diag(variance * np.linalg.inv(A.T @ A)))


def read():
    """Years, and output, labour and capital, 1899 = 100."""
    table = np.loadtxt(DATA, delimiter=",", skiprows=2)
    return table[:, 0], table[:, 1:].T.copy()


def draw(years, data, start, found, error):
    """The record with the model, and the misfit's contours with Newton's step."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    names = ("output", "labour", "capital")
    for series, name, color in zip(data, names, ("k", "C0", "C1"), strict=True):
        left.plot(years, series, "o" if name == "output" else "--", ms=4, color=color, label=name)
    made = production(data[1], data[2], found[0], found[1], 1.0 - found[1])
    left.plot(
        years, made, "C3", label=f"{np.exp(found[0]):.2f} L^{found[1]:.2f} C^{1 - found[1]:.2f}"
    )
    left.set(xlabel="year", ylabel="index, 1899 = 100", yscale="log")
    left.set_yticks([100, 200, 400], ["100", "200", "400"])
    left.minorticks_off()
    left.legend()

    b, k = np.linspace(-0.6, 0.6, 61), np.linspace(0.2, 1.3, 61)
    height = [[misfit(np.array([x, y]), *data) for x in b] for y in k]
    right.contourf(b, k, np.log10(height), 20, cmap="Greys", alpha=0.6)
    right.annotate("", found, start, arrowprops={"arrowstyle": "->", "color": "C3", "lw": 2})
    right.plot(*start, "C3o", label="anywhere")
    right.errorbar(
        *found, 2.0 * error[1], 2.0 * error[0], color="C3", label="one Newton step, 2 sigma"
    )
    right.plot(np.log(1.01), 0.75, "k*", ms=9, label="published")
    right.set(xlabel="log b", ylabel="labour's exponent k", title="log10 of the misfit")
    right.legend(loc="upper left", fontsize=8)
    return figure


def main():
    """Fit the record, print what was found beside least squares, save the picture."""
    years, data = read()
    start = np.array([-0.45, 0.3])
    found, error = newton_step(start, data)
    oracle, their_error = ordinary_least_squares(data, 2)
    print(f"labour's share {found[1]:.4f} +- {error[1]:.4f}, b = {np.exp(found[0]):.4f}")
    print(f"least squares  {oracle[1]:.4f} +- {their_error[1]:.4f}, b = {np.exp(oracle[0]):.4f}")
    print("published      0.75, b = 1.01")
    three, error3 = newton_step(np.zeros(3), data)
    print(
        f"exponents not tied: labour {three[1]:.3f} +- {error3[1]:.3f}, capital {three[2]:.3f}",
        end="",
    )
    print(f" +- {error3[2]:.3f}, sum {three[1] + three[2]:.3f}")
    wage, interest = srcad.grad(production, wrt=("labor", "capital"))(
        193.0, 387.0, found[0], found[1], 1.0 - found[1]
    )
    print(f"marginal products in 1919: of labour {wage:.3f}, of capital {interest:.3f}")

    figure = draw(years, data, start, found, error)
    figure.savefig(Path(__file__).parent / "pictures" / "cobb_douglas.png", dpi=100)


if __name__ == "__main__":
    main()
