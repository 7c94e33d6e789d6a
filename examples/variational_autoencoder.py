"""A variational autoencoder: the gradient of a bound passes through random samples.

A picture `x` is explained by a few latent numbers `z`. The decoder says `x = g(z) + noise`, the
encoder proposes `q(z | x)`, a Gaussian with mean `m(x)` and deviation `s(x)`, and both are trained
on the evidence lower bound `E_q[log p(x | z)] - KL(q || p)`. The expectation is an average over
samples; written as `z = m + s * noise` (the reparameterisation trick) each sample is a smooth
function of the encoder's weights, and the average can be differentiated like any program.

Where encoder and decoder are linear the bound is known in closed form, and so is its maximum: the
likelihood of probabilistic principal components. A network with one hidden layer does better.

The adjoint: the residual `x - g(z)` is carried back through the decoder to each sample, and from
there to the mean as it is and to the deviation multiplied with the noise that made the sample.

The oracle: the bound's gradient for a linear-Gaussian model, by hand. The integrand is quadratic in
the noise, so the few points `+-sqrt(k) e_j` give the expectation exactly, to rounding, and random
samples with an error that falls as `1 / sqrt(samples)`. The maximum: Tipping and Bishop (1999).
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits

import srcad


def linear_encoder(p, x):
    """Mean and logarithm of the deviation of each latent number."""
    return x @ p["E"], p["log_std"]


def linear_decoder(p, z):
    """The mean of the picture."""
    return z @ p["D"]


def network_encoder(p, x):
    """The same with a hidden layer; each picture has a deviation of its own."""
    hidden = np.tanh(x @ p["E1"] + p["e1"])
    return hidden @ p["E2"] + p["e2"], hidden @ p["E3"] + p["e3"]


def network_decoder(p, z):
    """The mean of the picture, a curved surface over the plane of `z`."""
    return np.tanh(z @ p["D1"] + p["d1"]) @ p["D2"] + p["d2"]


def negative_bound(p, encode, decode, x, noise):
    """Minus the evidence lower bound, per picture; `noise[s]` makes the sample `s` of all `z`."""
    mean, log_std = encode(p, x)
    std = np.exp(log_std)
    log_variance = p["log_variance"]
    square = 0.0
    for s in range(len(noise)):
        z = mean + std * noise[s]
        square += np.sum((x - decode(p, z)) ** 2) / len(noise)
    fit = -0.5 * (square * np.exp(-log_variance) + x.size * (np.log(2.0 * np.pi) + log_variance))
    divergence = 0.5 * np.sum(mean**2 + std**2 - 1.0 - 2.0 * log_std)
    return (divergence - fit) / len(x)


bound_gradient = srcad.value_and_grad(negative_bound)


def exact_noise(pictures, latent):
    """Points with mean 0 and covariance 1: they average any quadratic function exactly."""
    points = np.sqrt(latent) * np.concatenate([np.eye(latent), -np.eye(latent)])
    return np.repeat(points[:, None, :], pictures, axis=1)


def analytic_gradient(p, x):
    """By hand, for the linear model: the expectation of |x - z D|^2 is |x - m D|^2 + s^2 |D|^2."""
    n, mean, s2 = len(x), x @ p["E"], np.exp(2.0 * p["log_std"])
    inverse_variance = np.exp(-p["log_variance"])
    residual, lengths = x - mean @ p["D"], np.sum(p["D"] ** 2, axis=1)
    square = np.sum(residual**2) + n * np.sum(s2 * lengths)
    mean_bar = (mean - inverse_variance * residual @ p["D"].T) / n
    return {
        "log_variance": 0.5 * (x.size - inverse_variance * square) / n,
        "E": x.T @ mean_bar,
        "D": inverse_variance * (s2[:, None] * p["D"] - mean.T @ residual / n),
        "log_std": s2 - 1.0 + inverse_variance * s2 * lengths,
    }


def principal_components_likelihood(x, latent):
    """The largest log-likelihood per picture of the linear model (Tipping and Bishop, 1999)."""
    variances = np.linalg.eigvalsh(x.T @ x / len(x))
    variances[:-latent] = np.mean(variances[:-latent])
    return -0.5 * np.sum(np.log(2.0 * np.pi * variances) + 1.0)


def start(rng, pixels, latent, hidden=0):
    """Small random weights: of the linear model, or of one with a hidden layer."""
    p = {"log_variance": 0.0}
    sizes = {"E": (pixels, latent), "D": (latent, pixels), "log_std": (latent,)}
    if hidden:
        sizes = {"E1": (pixels, hidden), "e1": (hidden,), "E2": (hidden, latent), "e2": (latent,)}
        sizes |= {"E3": (hidden, latent), "e3": (latent,), "D1": (latent, hidden), "d1": (hidden,)}
        sizes |= {"D2": (hidden, pixels), "d2": (pixels,)}
    return p | {name: 0.3 / np.sqrt(s[0]) * rng.normal(size=s) for name, s in sizes.items()}


def ravel(p):
    """The parameters, or their gradient, in one vector."""
    return np.concatenate([np.ravel(value) for value in p.values()])


def unravel(vector, like):
    """The parameters in a dict again."""
    parts = np.split(vector, np.cumsum([np.size(value) for value in like.values()])[:-1])
    p = {name: part.reshape(np.shape(like[name])) for name, part in zip(like, parts, strict=True)}
    return p | {"log_variance": float(p["log_variance"])}


def fit_linear(p, x, iterations):
    """L-BFGS on the exact bound; returns the parameters and the bounds on the way."""
    noise, history = exact_noise(len(x), p["D"].shape[0]), []

    def objective(vector):
        q = unravel(vector, p)
        value, gradient = bound_gradient(q, linear_encoder, linear_decoder, x, noise)
        history.append(-value)
        return value, ravel(gradient)

    options = {"maxiter": iterations, "maxfun": 2 * iterations, "gtol": 1e-7, "ftol": 1e-15}
    found = minimize(objective, ravel(p), jac=True, method="L-BFGS-B", options=options)
    return unravel(found.x, p), np.array(history)


def fit_network(p, x, steps, rate, rng):
    """Adam, with fresh noise at each step."""
    vector, first, second, history = ravel(p), 0.0, 0.0, []
    for t in range(1, steps + 1):
        batch = x[rng.integers(len(x), size=200)]
        noise = rng.normal(size=(1, 200, len(p["e2"])))
        q = unravel(vector, p)
        value, gradient = bound_gradient(q, network_encoder, network_decoder, batch, noise)
        g = ravel(gradient)
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
        size = rate * min(1.0, 2.0 * (1.0 - t / steps))
        vector = vector - size * (first / (1 - 0.9**t)) / np.sqrt(second / (1 - 0.999**t) + 1e-12)
        history.append(-value)
    return unravel(vector, p), history


def gradient_error(p, x, noise):
    """Relative error of the gradient of the bound with this noise, against the one by hand."""
    exact = ravel(analytic_gradient(p, x))
    _, found = bound_gradient(p, linear_encoder, linear_decoder, x, noise)
    return np.linalg.norm(ravel(found) - exact) / np.linalg.norm(exact)


def load_pictures():
    """The digits of scikit-learn, 8 by 8, with their labels; centred, in units of one deviation."""
    x, labels = load_digits(return_X_y=True)
    return (x - np.mean(x, axis=0)) / np.std(x - np.mean(x, axis=0)), labels


def draw(path, means, labels, linear, adam, limit, counts, errors):
    """Save the bounds, the errors of sampling, and the latent plane."""
    figure, axes = plt.subplots(1, 3, figsize=(10.0, 3.4), layout="constrained")
    smooth = np.convolve(adam, np.ones(50) / 50, "valid")
    axes[0].plot(np.linspace(0, 1, len(smooth)), smooth, label="network, Adam on samples")
    axes[0].plot(np.linspace(0, 1, len(linear)), linear, label="linear, L-BFGS on exact points")
    axes[0].axhline(limit, color="black", linestyle="--", label="principal components, exact")
    axes[0].set(xlabel="training (fraction)", ylabel="bound per picture (nats)", ylim=(-100, -50))
    axes[0].legend(frameon=False, fontsize=8, loc="lower right")
    axes[1].loglog(counts, errors, "o", label="random noise")
    axes[1].loglog(counts, errors[0] / np.sqrt(counts), "k--", label="1 / sqrt(samples)")
    axes[1].set(xlabel="samples per picture", ylabel="error of the gradient", ylim=(0.01, 1.0))
    axes[1].legend(frameon=False, fontsize=8)
    dots = axes[2].scatter(*means.T, c=labels, cmap="tab10", s=3, vmin=-0.5, vmax=9.5)
    axes[2].set(xlabel="latent number 1", ylabel="latent number 2", title="encoder's means")
    figure.colorbar(dots, ax=axes[2], ticks=range(10), label="digit")
    figure.savefig(path, dpi=100)


def main():
    """Run at full size, print what was found, save the picture."""
    rng = np.random.default_rng(0)
    x, labels = load_pictures()
    linear, some, counts = start(rng, x.shape[1], 2), x[:200], np.array([1, 4, 16, 64, 256])
    errors = [gradient_error(linear, some, rng.normal(size=(n, 200, 2))) for n in counts]
    print("gradient from samples, relative error:", *(f"{error:.3f}" for error in errors))
    print(f"gradient from exact points: {gradient_error(linear, some, exact_noise(200, 2)):.1e}")
    linear, history = fit_linear(linear, x, 1000)
    limit = principal_components_likelihood(x, 2)
    print(f"linear model: bound {history[-1]:.6f}, principal components {limit:.6f}")
    network, adam = fit_network(start(rng, x.shape[1], 2, 64), x, 2000, 0.005, rng)
    print(f"network:      bound {np.mean(adam[-100:]):.2f} in nats per picture")
    path = Path(__file__).parent / "pictures" / "variational_autoencoder.png"
    draw(path, network_encoder(network, x)[0], labels, history, adam, limit, counts, errors)


if __name__ == "__main__":
    main()
