"""Broadcasting copies on the way there, so it sums on the way back: the gradient of a bias.

In `x @ W + b` each row of the batch gets the same `b`. What is copied in the program is summed in
its adjoint: the gradient of `b` is the sum over the batch of what arrives at the rows. This holds
for every axis along which an array is stretched, be it missing or of length one.

For a classifier trained on the logarithmic loss the sum has a meaning. What arrives at a row is
"probability given minus what is true", so the gradient of the bias is how much more often each
class is predicted than it occurs; where it vanishes, predictions are right on average, class by
class. For a table `mu + row + column` the vanishing sums are the textbook's means of rows and
columns.

The adjoint: the sum of the cotangent over the axes that were stretched.

The oracle: the matrix of the broadcast, made from unit vectors, and its transpose; the closed form
of the two-way table; the frequencies of the digits among scikit-learn's pictures.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits

import srcad


def weighted(b, weight):
    """The sum of `b`, stretched to the shape of `weight`, times `weight`."""
    return np.sum((np.zeros(weight.shape) + b) * weight)


def logistic_loss(W, b, x, labels, decay):
    """Mean negative logarithm of the probability of what is true; large `W` are punished."""
    scores = x @ W + b
    loss = 0.0
    for n in range(len(x)):
        top = np.max(scores[n])
        loss += top + np.log(np.sum(np.exp(scores[n] - top))) - scores[n, labels[n]]
    return loss / len(x) + decay * np.sum(W**2)


def table_loss(mu, row, column, table):
    """Squared differences of a table to `mu + row + column`; `row` has the shape (rows, 1)."""
    return np.sum((mu + row + column - table) ** 2)


stretched_gradient = srcad.grad(weighted)
logistic_gradient = srcad.value_and_grad(logistic_loss, wrt=("W", "b"))
table_gradient = srcad.grad(table_loss, wrt=("mu", "row", "column"))


def transpose_of_broadcast(shape, cotangent):
    """The transpose of broadcasting, made from unit vectors: one number at a time."""
    result = np.empty(shape)
    for index in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[index] = 1.0
        result[index] = np.sum(np.broadcast_to(unit, cotangent.shape) * cotangent)
    return result


def probabilities(W, b, x):
    """The probability of each class for each picture."""
    scores = x @ W + b
    weights = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    return weights / np.sum(weights, axis=1, keepdims=True)


def load_pictures():
    """Digits and their labels; some of the classes are made rare, so that frequencies differ."""
    x, labels = load_digits(return_X_y=True)
    keep = np.arange(len(labels)) % 10 >= labels
    return (x / 16.0)[keep], labels[keep]


def train(x, labels, iterations, decay=1e-3):
    """L-BFGS on weights and biases; returns both."""
    classes = np.max(labels) + 1
    W, b = np.zeros((x.shape[1], classes)), np.zeros(classes)

    def objective(vector):
        W, b = vector[classes:].reshape(-1, classes), vector[:classes]
        value, (W_bar, b_bar) = logistic_gradient(W, b, x, labels, decay)
        return value, np.concatenate([b_bar, W_bar.ravel()])

    start = np.concatenate([b, W.ravel()])
    options = {"maxiter": iterations, "gtol": 1e-9, "ftol": 1e-16}
    vector = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    return vector[classes:].reshape(-1, classes), vector[:classes]


def fit_table(table, steps):
    """Gradient descent on the two-way table."""
    rows, columns = table.shape
    mu, row, column = 0.0, np.zeros((rows, 1)), np.zeros(columns)
    for _ in range(steps):
        mu_bar, row_bar, column_bar = table_gradient(mu, row, column, table)
        mu -= 0.15 / table.size * mu_bar
        row = row - 0.15 / columns * row_bar
        column = column - 0.15 / rows * column_bar
    return mu, row, column


def draw(path, gap, b_bar, frequency, before, after):
    """Save what arrives at each picture with its sum, and the predictions against the truth."""
    figure, axes = plt.subplots(
        1, 2, figsize=(9.0, 3.8), layout="constrained", width_ratios=(1.2, 1)
    )
    picture = axes[0].imshow(gap.T, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    axes[0].set(xlabel="picture", ylabel="class", yticks=range(10))
    axes[0].set_title("what arrives at the rows; right: its sum, the bias's gradient", fontsize=9)
    side = axes[0].inset_axes((1.02, 0.0, 0.25, 1.0), sharey=axes[0])
    side.barh(range(10), b_bar * len(gap), color="0.4")
    side.tick_params(labelleft=False)
    figure.colorbar(picture, ax=axes[0], location="left", shrink=0.6)
    axes[1].plot([0, 0.25], [0, 0.25], color="0.7", linewidth=1)
    axes[1].plot(frequency, before, "o", fillstyle="none", label="before training")
    axes[1].plot(frequency, after, "o", label="after: gradient of the bias is 0")
    axes[1].set(xlabel="frequency of the class", ylabel="mean probability that is predicted")
    axes[1].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    rng = np.random.default_rng(0)
    cotangent = rng.normal(size=(4, 5, 6))
    for shape in [(6,), (5, 1), (4, 1, 1), (1, 6), (4, 5, 6)]:
        found = stretched_gradient(np.zeros(shape), cotangent)
        error = np.max(np.abs(found - transpose_of_broadcast(shape, cotangent)))
        print(f"{shape!s:10} stretched to (4, 5, 6): gradient - transpose {error:.0e}")

    x, labels = load_pictures()
    frequency = np.bincount(labels) / len(labels)
    W, b = np.zeros((64, 10)), np.zeros(10)
    before = np.mean(probabilities(W, b, x), axis=0)
    _, (_, b_bar) = logistic_gradient(W, b, x[:60], labels[:60], 1e-3)
    gap = probabilities(W, b, x[:60]) - np.eye(10)[labels[:60]]
    W, b = train(x, labels, 500)
    after = np.mean(probabilities(W, b, x), axis=0)
    print(f"mean prediction - frequency: {np.max(np.abs(before - frequency)):.3f} before training,")
    print(f"{np.max(np.abs(after - frequency)):.0e} after")
    path = Path(__file__).parent / "pictures" / "broadcasting_bias.png"
    draw(path, gap, b_bar, frequency, before, after)


if __name__ == "__main__":
    main()
