"""Expression swell: a formula's derivative explodes, a program's derivative does not.

The logistic map `x <- r x (1 - x)`, iterated `n` times, is a loop of two lines. Written as one
formula it doubles with each round, and its symbolic derivative (sympy) is longer still. A person
would not write that formula: differentiating by hand, one keeps the loop and carries `dx` along.
Automatic differentiation does the same without the person: srcad reads the loop and writes a loop,
whose operations are a constant multiple of those of the function.

The swell is one of notation. `sympy.cse` looks for common subexpressions and gives each a name: the
formula becomes a program, of a length that grows with `n^2`, because the values are shared again
but not the products of the chain rule, which a reverse sweep multiplies up one after the other.

The adjoint: each round multiplies the cotangent by `r (1 - 2 x)`, with the rounds' values of `x`
kept from the forward sweep, last to first.

The oracle: sympy's derivative and the hand-written loop, in exact rational arithmetic.
"""

import textwrap
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sympy
from cost_laws import operations

import srcad


def iterate(x, r, n):
    """The logistic map, n times."""
    for _ in range(n):
        x = r * x * (1.0 - x)
    return x


slope = srcad.grad(iterate)


def by_hand(x, r, n):
    """The derivative as a person writes it: the loop, with dx carried along."""
    dx = 1
    for _ in range(n):
        dx = r * (1 - 2 * x) * dx
        x = r * x * (1 - x)
    return dx


def formula(n):
    """The function and its derivative as formulas, with their symbols."""
    x, r = sympy.symbols("x r")
    value = x
    for _ in range(n):
        value = r * value * (1 - value)
    return value, sympy.diff(value, x), (x, r)


def lengths(n):
    """Operations: formula, its derivative, that after `cse`, by hand, srcad, and the function."""
    value, derivative, _ = formula(n)
    parts, rest = sympy.cse(derivative)
    shared = sum(sympy.count_ops(part) for _, part in parts) + sympy.count_ops(rest[0])
    interpreted = srcad.grad(iterate, jit=False)
    return (
        sympy.count_ops(value),
        sympy.count_ops(derivative),
        shared,
        operations(by_hand, lambda: by_hand(0.3, 3.7, n)),
        operations(iterate, lambda: interpreted(0.3, 3.7, n)),
        operations(iterate, lambda: iterate(0.3, 3.7, n)),
    )


def draw(sizes, table):
    """The operations of each derivative, and two of them in full."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.6), layout="constrained")
    names = (
        "the formula",
        "its symbolic derivative",
        "that, after sympy.cse",
        "derivative by hand",
        "srcad's derivative",
        "the loop",
    )
    styles = ("C1--", "C1-", "C2-", "k-", "C0-", "C0--")
    for column, name, style in zip(table.T, names, styles, strict=True):
        left.semilogy(sizes, column, style, marker="o", ms=3, label=name)
    left.set(xlabel="iterations n", ylabel="operations")
    left.legend(fontsize=8)
    text = "\n".join(textwrap.wrap(str(formula(3)[1]), 60))
    right.text(0.0, 1.0, "symbolic, n = 3:\n" + text, va="top", family="monospace", size=7.5)
    text = slope.source(0.3, 3.7, 3)
    right.text(0.0, 0.72, "srcad, any n:\n" + text, va="top", family="monospace", size=7.5)
    right.axis("off")
    return figure


def main():
    """Measure the derivatives' lengths, check that they agree, save the picture."""
    sizes = np.arange(1, 11)
    table = np.array([lengths(int(n)) for n in sizes], dtype=float)
    print(" n  formula  symbolic     cse  by hand  srcad  loop")
    for n, row in zip(sizes, table.astype(int), strict=True):
        print(f"{n:2}{row[0]:9}{row[1]:10}{row[2]:8}{row[3]:9}{row[4]:7}{row[5]:6}")
    exact = by_hand(Fraction(0.3), Fraction(3.7), 10)
    print(f"n = 10, derivative at 0.3: srcad {slope(0.3, 3.7, 10):.15g}, exact {float(exact):.15g}")
    _, derivative, symbols = formula(10)
    print(f"                           sympy {sympy.lambdify(symbols, derivative)(0.3, 3.7):.15g}")

    figure = draw(sizes, table)
    figure.savefig(Path(__file__).parent / "pictures" / "expression_swell.png", dpi=100)


if __name__ == "__main__":
    main()
