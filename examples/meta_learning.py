"""Meta-learning: start and step size are learned through the steps of learning.

A task is a sine wave with an amplitude and a phase of its own, seen at five points. A small network
is to fit it in a few steps of gradient descent. Where descent starts, and how long its steps are,
is learned over many tasks, such that after these steps the network is right between the five points
(model-agnostic meta-learning). A start that is best for the average of all tasks, learned with the
same effort, is as good before these steps, and far behind after them.

The adjoint: the loss after adaptation is differentiated through the steps, whose updates are
gradients: reverse mode over reverse mode. Each step `w - rate grad L(w)` multiplies the cotangent
by `1 - rate H`, with `H` the Hessian of the task; the rate's derivative sums `-grad L . w_bar` over
the steps.

The oracle: for a model that is linear in its weights the Hessians are constant, and the gradient is
the product of matrices `(1 - rate H)^n` times the gradient after adaptation (in the test, with the
same functions). First-order meta-learning leaves out these factors; it is another gradient.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import srcad

UNITS, SHOTS, QUERIES = 16, 5, 20


def network(w, x):
    """Return the output of a layer of tanh units."""
    out = w[3 * UNITS]
    for h in range(UNITS):
        out += w[2 * UNITS + h] * np.tanh(w[h] * x + w[UNITS + h])
    return out


def task_loss(w, x, y, predict):
    """Return the mean square error."""
    total = 0.0
    for i in range(len(x)):
        total += (predict(w, x[i]) - y[i]) ** 2
    return total / len(x)


def adapt(w, rate, x, y, predict, steps):
    """Return the weights after some steps of gradient descent."""
    for _ in range(steps):
        w = w - rate * srcad.grad(task_loss)(w, x, y, predict)
    return w


def meta_loss(w, log_rate, x, y, predict, steps):
    """Return the error after adaptation: the first points of each task are to learn from."""
    total = 0.0
    for t in range(len(x)):
        adapted = adapt(w, np.exp(log_rate), x[t, :SHOTS], y[t, :SHOTS], predict, steps)
        total += task_loss(adapted, x[t, SHOTS:], y[t, SHOTS:], predict)
    return total / len(x)


def draw_tasks(count, rng):
    """Return points of sine waves with random amplitudes and phases."""
    amplitude, phase = rng.uniform(0.5, 2.0, (count, 1)), rng.uniform(0.0, np.pi, (count, 1))
    x = rng.uniform(-3.0, 3.0, (count, SHOTS + QUERIES))
    return x, amplitude * np.sin(x + phase)


def learn(steps, iterations, batch=10, pace=0.01, seed=0):
    """Return weights and log rate, by Adam with steps that shrink to zero."""
    rng = np.random.default_rng(seed)
    params = np.append(rng.normal(0.0, 1.0, 3 * UNITS + 1), np.log(0.01))
    params[2 * UNITS : -1] *= 1.0 / np.sqrt(UNITS)
    first, second = np.zeros_like(params), np.zeros_like(params)
    slope = srcad.grad(meta_loss, wrt=("w", "log_rate"))
    for t in range(1, iterations + 1):
        x, y = draw_tasks(batch, rng)
        w_bar, rate_bar = slope(params[:-1], params[-1], x, y, network, steps)
        gradient = np.append(w_bar, rate_bar)
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        step = first / (1.0 - 0.9**t) / (np.sqrt(second / (1.0 - 0.99**t)) + 1e-8)
        params -= pace * min(1.0, 2.0 - 2.0 * t / iterations) * step
    return params[:-1], params[-1]


def curve(w, log_rate, x, y, most=10):
    """Return the error on new tasks after 0, 1, 2, ... steps."""
    return [evaluate(w, log_rate, x, y, network, n) for n in range(most + 1)]


# The loss of each of many tasks, compiled.
one_task = srcad.batch(meta_loss, axes=(None, None, 0, 0, None, None))


def evaluate(w, log_rate, x, y, predict, steps):
    """Return the error on many tasks."""
    return np.mean(one_task(w, log_rate, x[:, None], y[:, None], predict, steps))


def draw(task, starts, curves):
    """Draw how one new task is learned, and the errors of all."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    x, y = task
    dense = np.linspace(-3.0, 3.0, 200)
    wave = np.linalg.lstsq(np.stack([np.sin(x), np.cos(x)], axis=1), y)[0]
    left.plot(dense, wave @ [np.sin(dense), np.cos(dense)], "k", lw=0.8, label="the wave")
    left.plot(x[:SHOTS], y[:SHOTS], "ko", label="five points")
    w, log_rate = starts["through 5 steps"]
    for n, style in ((0, ":"), (1, "--"), (5, "-")):
        fitted = adapt(w, np.exp(log_rate), x[:SHOTS], y[:SHOTS], network, n)
        left.plot(dense, network(fitted, dense), "C0", ls=style, label=f"after {n} steps")
    left.set(xlabel="x", ylabel="y", title="a new task")
    left.legend(fontsize=8)
    for name, values in curves.items():
        right.semilogy(values, "o-", ms=3, label=f"start learned {name}")
    right.set(xlabel="steps of adaptation", ylabel="mean square error, new tasks")
    right.legend(fontsize=8)
    return figure


def main():
    """Learn starts with and without looking through the steps; compare on new tasks."""
    x, y = draw_tasks(200, np.random.default_rng(100))
    starts, curves = {}, {}
    for steps, name in ((0, "for the average"), (5, "through 5 steps")):
        w, log_rate = learn(steps, 3000)
        if steps == 0:
            log_rate = min(
                np.log([0.003, 0.01, 0.03, 0.1]), key=lambda r: evaluate(w, r, x, y, network, 5)
            )
        starts[name], curves[name] = (w, log_rate), curve(w, log_rate, x, y)
        print(
            f"start learned {name}: step {np.exp(log_rate):.4f}, error of new tasks "
            f"{curves[name][0]:.3f} before, {curves[name][5]:.3f} after 5 steps"
        )
    figure = draw((x[0], y[0]), starts, curves)
    figure.savefig(Path(__file__).parent / "pictures" / "meta_learning.png", dpi=100)


if __name__ == "__main__":
    main()
