"""Saliency maps: the chain rule, completeness, and what the network reads without these pixels."""

import digits_mlp as digits
import numpy as np
import pytest
import saliency_maps as maps

IMAGES, LABELS, PICTURES, TRUTH = digits.load()


@pytest.fixture(scope="module")
def net():
    return digits.train(IMAGES, LABELS, units=24, epochs=10)[0]


def test_the_gradient_is_that_of_the_chain_rule(net):
    hidden = np.tanh(PICTURES @ net.w1 + net.b1)
    by_hand = ((1.0 - hidden**2) * net.w2[:, TRUTH].T) @ net.w1.T
    np.testing.assert_allclose(maps.saliency(PICTURES, net, TRUTH), by_hand, atol=1e-13)


def test_integrated_gradients_leave_no_rest(net):
    found = maps.integrated_gradients(PICTURES, net, TRUTH).sum(axis=1)
    each = np.arange(len(TRUTH))
    with_ink = digits.scores(net, PICTURES)[each, TRUTH]
    without = digits.scores(net, np.zeros_like(PICTURES))[each, TRUTH]
    np.testing.assert_allclose(found, with_ink - without, atol=1e-9)


def test_the_salient_pixels_are_those_that_matter(net):
    integrated = maps.integrated_gradients(PICTURES, net, TRUTH)
    salient = maps.accuracies(net, PICTURES, TRUTH, integrated, [8])[0]
    at_random = maps.accuracies(net, PICTURES, TRUTH, maps.random_importance(PICTURES), [8])[0]
    assert salient < 0.1 < 0.6 < at_random
