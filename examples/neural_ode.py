"""A neural ODE: the gradient of the steps becomes the continuous adjoint as the step shrinks.

A network says how fast a state moves, `u' = W2 tanh(W1 u + b1) + b2`, and is trained until the
curve that it draws passes through the data, here a spiral. Its gradient can be had in two ways.
"Optimise, then discretise": the exact equation has an adjoint equation, `a' = -(df/du)^T a`, solved
backward, with a jump at each datum. "Discretise, then optimise": differentiate the Runge-Kutta
steps that are really made. The second is the exact gradient of what the program computes, whatever
its step, and so what an optimiser wants; the first is what it tends to.

The adjoint: the reverse sweep carries `a` from step to step, back from the last, and adds at each
step what that step owes to the weights: the integral of the continuous theory, as a sum.

The oracle: the adjoint equation, solved by SciPy with a tight tolerance and Jacobians by hand. The
difference must fall with the order of the method: 1 for Euler's, 4 for Runge and Kutta's.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

import srcad


def velocity(u, W1, b1, W2, b2):
    """The network: how fast the state moves."""
    return W2 @ np.tanh(W1 @ u + b1) + b2


def euler_step(u, h, W1, b1, W2, b2):
    """A step of first order."""
    return u + h * velocity(u, W1, b1, W2, b2)


def runge_kutta_step(u, h, W1, b1, W2, b2):
    """A step of fourth order."""
    k1 = velocity(u, W1, b1, W2, b2)
    k2 = velocity(u + 0.5 * h * k1, W1, b1, W2, b2)
    k3 = velocity(u + 0.5 * h * k2, W1, b1, W2, b2)
    k4 = velocity(u + h * k3, W1, b1, W2, b2)
    return u + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def misfit(W1, b1, W2, b2, u0, data, spacing, step, substeps):
    """Mean squared distance to the data, one each `spacing` of time, with `substeps` in between."""
    u, total = u0, 0.0
    for k in range(len(data)):
        for _ in range(substeps):
            u = step(u, spacing / substeps, W1, b1, W2, b2)
        total += np.sum((u - data[k]) ** 2)
    return total / len(data)


WEIGHTS = ("W1", "b1", "W2", "b2", "u0")
misfit_gradient = srcad.value_and_grad(misfit, wrt=WEIGHTS)


def spiral(count, spacing):
    """The data: `u' = A u^3`, from (2, 0)."""
    A = np.array([[-0.1, 2.0], [-2.0, -0.1]])
    t = spacing * np.arange(1, count + 1)
    solution = solve_ivp(lambda _, u: A @ u**3, (0, t[-1]), (2.0, 0.0), t_eval=t, rtol=1e-9)
    return solution.y.T


def start(rng, hidden):
    """Random weights, and where the curve begins."""
    W1, W2 = rng.normal(size=(hidden, 2)), rng.normal(size=(2, hidden)) / np.sqrt(hidden)
    return [W1, rng.normal(size=hidden), W2, np.zeros(2), np.array([2.0, 0.0])]


def continuous_adjoint(p, data, spacing):
    """The gradient of the exact solution, in one vector: the adjoint equation, solved backward."""
    W1, b1, W2, b2, u0 = p
    accuracy = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}
    end = spacing * len(data)
    forward = solve_ivp(
        lambda _, u: velocity(u, W1, b1, W2, b2), (0.0, end), u0, dense_output=True, **accuracy
    )

    def backward(t, state):
        u, a = forward.sol(t), state[:2]
        hidden = np.tanh(W1 @ u + b1)
        inner = (W2.T @ a) * (1.0 - hidden**2)
        terms = [W1.T @ inner, np.outer(inner, u), inner, np.outer(a, hidden), a]
        return -np.concatenate([np.ravel(term) for term in terms])

    state = np.zeros(2 + sum(np.size(weight) for weight in p[:4]))
    for k in range(len(data), 0, -1):
        now = spacing * k
        state[:2] += 2.0 * (forward.sol(now) - data[k - 1]) / len(data)
        state = solve_ivp(backward, (now, now - spacing), state, **accuracy).y[:, -1]
    return np.concatenate([state[2:], state[:2]])


def ravel(p):
    """The weights, or their gradient, in one vector."""
    return np.concatenate([np.ravel(weight) for weight in p])


def unravel(vector, like):
    """The weights in their shapes again."""
    ends = np.cumsum([weight.size for weight in like])[:-1]
    parts = np.split(vector, ends)
    return [part.reshape(weight.shape) for part, weight in zip(parts, like, strict=True)]


def gradient_errors(p, data, spacing, step, counts):
    """Relative difference to the continuous adjoint with each number of substeps."""
    exact = continuous_adjoint(p, data, spacing)
    found = [ravel(misfit_gradient(*p, data, spacing, step, n)[1]) for n in counts]
    return np.array([np.linalg.norm(g - exact) / np.linalg.norm(exact) for g in found])


def train(p, data, spacing, substeps, iterations):
    """L-BFGS along the gradient of the steps: at first a short piece of the curve."""

    def objective(vector, data):
        q = unravel(vector, p)
        value, gradient = misfit_gradient(*q, data, spacing, runge_kutta_step, substeps)
        return value, ravel(gradient)

    vector, options = ravel(p), {"maxiter": iterations, "maxfun": 2 * iterations}
    for part in (8, 4, 2, 1):
        piece = (data[: len(data) // part],)
        found = minimize(objective, vector, piece, jac=True, method="L-BFGS-B", options=options)
        vector = found.x
    return unravel(vector, p), found.fun


def curve(p, end):
    """The trained curve, by SciPy's integrator."""
    t = np.linspace(0.0, end, 500)
    return solve_ivp(lambda _, u: velocity(u, *p[:4]), (0.0, end), p[4], t_eval=t, rtol=1e-8).y


def draw(path, data, before, after, counts, errors):
    """Save the curves and the differences of the gradients."""
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
    axes[0].plot(*data.T, "ko", markersize=4, label="data")
    axes[0].plot(*before, color="0.7", label="before training")
    axes[0].plot(*after, color="C0", label="after")
    axes[0].set(
        xlabel="first component",
        ylabel="second component",
        aspect="equal",
        xlim=(-2.6, 2.6),
        ylim=(-2.6, 2.6),
    )
    axes[0].legend(frameon=False, fontsize=8)
    for (name, error), order in zip(errors.items(), (1, 4), strict=True):
        axes[1].loglog(1.0 / counts, error, "o", label=f"{name} steps")
        line = error[0] * (counts[0] / counts) ** order
        axes[1].loglog(1.0 / counts, line, "k:", label=f"order {order}")
    axes[1].set(xlabel="step (of the time between data)")
    axes[1].set(ylabel="relative difference to the continuous adjoint")
    axes[1].set_xscale("log", base=2)
    axes[1].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    spacing = 0.05
    data = spiral(80, spacing)
    p = start(np.random.default_rng(0), 30)
    counts, errors = np.array([1, 2, 4, 8]), {}
    for name, step in {"Euler": euler_step, "Runge-Kutta": runge_kutta_step}.items():
        errors[name] = gradient_errors(p, data, spacing, step, counts)
        orders = np.log2(errors[name][:-1] / errors[name][1:])
        print(f"{name}: order of the gradient's difference", np.round(orders, 2))
    before = curve(p, spacing * len(data))
    p, value = train(p, data, spacing, 2, 1500)
    print(f"root mean squared distance to the data after training: {np.sqrt(value):.4f}")
    after = curve(p, spacing * len(data))
    path = Path(__file__).parent / "pictures" / "neural_ode.png"
    draw(path, data, before, after, counts, errors)


if __name__ == "__main__":
    main()
