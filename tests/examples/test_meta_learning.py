"""Gradients through steps of learning: products of matrices for a linear model, and what they do."""

import meta_learning as meta
import numpy as np
import pytest

import srcad

STEPS, RATE = 4, 0.03


def cubic(w, x):
    """Return a polynomial, which is linear in its weights."""
    return w[0] + w[1] * x + w[2] * x**2 + w[3] * x**3


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    x, y = meta.draw_tasks(3, rng)
    w = rng.normal(size=4)
    x = 0.5 * x
    derivative = srcad.value_and_grad(meta.meta_loss, wrt=("w", "log_rate"))
    return w, x, y, derivative(w, np.log(RATE), x, y, cubic, STEPS)


def test_the_gradient_is_a_product_of_matrices(problem):
    w, x, y, (loss, (w_bar, rate_bar)) = problem
    expected_loss, expected_w, expected_rate = 0.0, np.zeros(4), 0.0
    for t in range(3):
        seen, asked = (np.vander(points, 4, increasing=True) for points in np.split(x[t], [5]))
        y_seen, y_asked = np.split(y[t], [5])
        H = 2.0 * seen.T @ seen / 5
        path = [w]
        for _ in range(STEPS):
            path.append(path[-1] - RATE * (H @ path[-1] - 2.0 * seen.T @ y_seen / 5))
        residual = asked @ path[-1] - y_asked
        expected_loss += np.mean(residual**2) / 3
        cotangent = 2.0 * asked.T @ residual / meta.QUERIES / 3
        for before, after in zip(path[-2::-1], path[:0:-1], strict=True):
            expected_rate += cotangent @ (after - before)  # by the logarithm of the rate
            cotangent = cotangent - RATE * H @ cotangent
        expected_w += cotangent
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    np.testing.assert_allclose(w_bar, expected_w, rtol=1e-10)
    assert rate_bar == pytest.approx(expected_rate, rel=1e-10)


def test_a_start_learned_through_the_steps_adapts():
    x, y = meta.draw_tasks(100, np.random.default_rng(100))
    w, log_rate = meta.learn(5, 1000)
    before, after = (meta.evaluate(w, log_rate, x, y, meta.network, n) for n in (0, 5))
    assert after < 0.4 * before
