"""A stable softplus: of four forms of one function, two lose its derivative somewhere.

`log(1 + exp(x))` is a smooth step from 0 to `x`, with the derivative `1 / (1 + exp(-x))`. Typed in
as it stands it overflows from x = 710 on, and its derivative is then `inf / inf`; far to the left,
`1 + exp(x)` is rounded to 1 and the value to 0. The textbook's cure, `max(x, 0) +
log1p(exp(-|x|))`, is right for all numbers; but differentiating it is differentiating a program,
and where `max` and `abs` have their kinks the two one-sided derivatives must be halved, not
dropped. A branch, or NumPy's `logaddexp`, has no kink at all.

The adjoint: the derivative of each form as it was executed. At 0 the textbook's form has the fixed
values 0 for both kinks, so its derivative is 0 instead of 1/2: a derivative that is exact for each
operation and useless for the function. The contract (docs/contract.md) says so.

The oracle: 50 digits of mpmath, and a logistic regression whose scores are too large for the first.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import mpmath
import numpy as np

import srcad


def naive(x):
    """As it stands in the book of mathematics."""
    return math.log(1.0 + math.exp(x))


def textbook(x):
    """As it stands in the book of numerics: no overflow, but two kinks that cancel."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def branched(x):
    """The same without kinks: on each side of 0 the form that is good there."""
    if x > 0.0:
        return x + math.log1p(math.exp(-x))
    return math.log1p(math.exp(x))


def logaddexp(x):
    """NumPy's own: the logarithm of the sum of `exp(0)` and `exp(x)`."""
    return np.logaddexp(0.0, x)


FORMS = {"naive": naive, "textbook": textbook, "branched": branched, "logaddexp": logaddexp}


def negative_likelihood(w, x, labels, softplus):
    """Minus the logarithm of the likelihood of a logistic regression, for labels of -1 and 1."""
    total = 0.0
    for n in range(len(x)):
        score = 0.0
        for k in range(len(w)):
            score += w[k] * x[n, k]
        total += softplus(-labels[n] * score)
    return total / len(x)


def exact(x):
    """Value and derivative, to 50 digits, rounded."""
    with mpmath.workdps(50):
        power = mpmath.exp(mpmath.mpf(x))
        return float(mpmath.log1p(power)), float(power / (1 + power))


def errors(form, points):
    """Relative errors of value and derivative; infinite where there is none."""
    derivative = srcad.value_and_grad(form)
    with np.errstate(all="ignore"):
        found = np.array([derivative(x) for x in points])
        truth = np.array([exact(x) for x in points])
        error = np.abs(found - truth) / np.abs(truth)
    return np.where(np.isfinite(error), error, np.inf).T


def draw(path, points, found):
    """Save the errors of the four derivatives."""
    figure, axes = plt.subplots(1, 2, figsize=(10.0, 3.8), layout="constrained", sharey=True)
    for axis, part, what in ((axes[0], 0, "value"), (axes[1], 1, "derivative")):
        for k, (name, error) in enumerate(found.items()):
            shown = np.clip(error[part], 3e-18, 10.0)
            axis.semilogy(points, shown, ".", markersize=3 + 3 * (3 - k), label=name, zorder=k)
        axis.axhline(2.0**-52, color="0.6", linewidth=1.0)
        axis.set(xlabel="x", title=f"of the {what}")
        axis.set_xscale("symlog", linthresh=1.0)
    axes[0].set(ylabel="relative error (10: wrong or lost)")
    axes[1].legend(frameon=False, fontsize=8, loc="center left")
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    positive = np.logspace(-2, 3, 120)
    points = np.concatenate([-positive[::-1], [0.0], positive])
    points = points[points > -700.0]
    found = {name: errors(form, points) for name, form in FORMS.items()}
    for name, error in found.items():
        value, slope = np.max(error, axis=1)
        at_zero = srcad.grad(FORMS[name])(0.0)
        print(f"{name:10} largest error: value {value:.1e}, derivative {slope:.1e};", end=" ")
        print(f"derivative at 0: {at_zero}")
    rng = np.random.default_rng(0)
    x = 3000.0 * rng.normal(size=(50, 2))
    labels = np.sign(x @ np.array([1.0, -2.0]) + 2000.0 * rng.normal(size=50))
    for name, form in FORMS.items():
        with np.errstate(all="ignore"):
            gradient = srcad.grad(negative_likelihood)(np.array([0.5, -0.5]), x, labels, form)
        print(f"logistic regression, large scores, {name:10}: gradient {gradient}")
    draw(Path(__file__).parent / "pictures" / "stable_softplus.png", points, found)


if __name__ == "__main__":
    main()
