import broadcasting_bias as bb
import numpy as np
import pytest


@pytest.mark.parametrize("shape", [(5,), (4, 1), (1, 5), (3, 1, 1), (3, 4, 5)])
def test_gradient_of_what_is_stretched_is_the_transpose_of_stretching(shape):
    cotangent = np.random.default_rng(0).normal(size=(3, 4, 5))
    found = bb.stretched_gradient(np.zeros(shape), cotangent)
    assert found.shape == shape
    np.testing.assert_allclose(found, bb.transpose_of_broadcast(shape, cotangent), rtol=1e-13)


def test_gradient_of_the_bias_is_prediction_minus_truth():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(12, 4)), rng.integers(3, size=12)
    W, b = rng.normal(size=(4, 3)), rng.normal(size=3)
    _, (W_bar, b_bar) = bb.logistic_gradient(W, b, x, labels, 0.01)
    gap = (bb.probabilities(W, b, x) - np.eye(3)[labels]) / 12
    np.testing.assert_allclose(b_bar, np.sum(gap, axis=0), rtol=1e-12)
    np.testing.assert_allclose(W_bar, x.T @ gap + 0.02 * W, rtol=1e-12)


def test_trained_predictions_have_the_frequencies_of_the_classes():
    x, labels = bb.load_pictures()
    x, labels = x[:200], labels[:200]
    W, b = bb.train(x, labels, 300)
    mean = np.mean(bb.probabilities(W, b, x), axis=0)
    np.testing.assert_allclose(mean, np.bincount(labels) / len(labels), atol=1e-6)


def test_two_way_table_is_made_of_means():
    table = np.random.default_rng(0).normal(size=(4, 7))
    mu, row, column = bb.fit_table(table, 200)
    means = np.mean(table, axis=1, keepdims=True) + np.mean(table, axis=0) - np.mean(table)
    np.testing.assert_allclose(mu + row + column, means, rtol=1e-10)
