"""The fast gradient sign attack: first-order predictions of scores, loss and accuracy."""

import digits_mlp as digits
import fgsm_attack as fgsm
import numpy as np
import pytest

IMAGES, LABELS, PICTURES, TRUTH = digits.load()


@pytest.fixture(scope="module")
def net():
    return digits.train(IMAGES, LABELS, units=32, epochs=15)[0]


@pytest.fixture(scope="module")
def direction(net):
    return fgsm.attack_direction(PICTURES, net, TRUTH)


def test_the_scores_are_predicted_to_second_order(net, direction):
    score, tangent = fgsm.tangent_of_scores(net, PICTURES, direction)
    far, near = (
        np.linalg.norm(digits.scores(net, PICTURES + e * direction) - score - e * tangent)
        for e in (2e-4, 1e-4)
    )
    assert far / near == pytest.approx(4.0, rel=1e-2)


def test_the_loss_rises_by_the_sum_of_absolute_slopes_and_no_signs_do_better(net, direction):
    score, tangent = fgsm.tangent_of_scores(net, PICTURES, direction)
    e = 1e-6
    rise = (fgsm.losses(score + e * tangent, TRUTH) - fgsm.losses(score - e * tangent, TRUTH)) / (
        2 * e
    )
    slope = fgsm.slope(PICTURES, net, TRUTH)
    np.testing.assert_allclose(rise, np.sum(np.abs(slope), axis=1), rtol=1e-5, atol=1e-8)
    noise = np.random.default_rng(0).choice([-1.0, 1.0], size=(200, 64))
    assert np.all(slope @ noise.T <= np.sum(np.abs(slope), axis=1)[:, None])


def test_the_accuracy_falls_as_predicted(net, direction):
    sizes = np.array([0.0, 0.05, 0.1, 0.15])
    measured, predicted = fgsm.sweep(net, PICTURES, TRUTH, sizes, direction)
    assert measured[0] > 0.95 and measured[-1] < 0.4
    np.testing.assert_allclose(measured, predicted, atol=0.08)
    noise = np.random.default_rng(0).choice([-1.0, 1.0], size=direction.shape)
    harmless, _ = fgsm.sweep(net, PICTURES, TRUTH, sizes, noise)
    assert harmless[-1] > 0.9
