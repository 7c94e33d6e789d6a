"""The network on digits: gradients against autograd's, accuracy on pictures not seen."""

import autograd
import autograd.numpy as anp
import digits_mlp as digits
import numpy as np

import srcad

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = digits.load()


def by_autograd(net, images, labels):
    """Return the same loss for autograd, whole arrays at a time."""
    w1, b1, w2, b2 = net
    score = anp.tanh(images @ w1 + b1) @ w2 + b2
    top = anp.max(score, axis=1, keepdims=True)
    log_sum = top[:, 0] + anp.log(anp.sum(anp.exp(score - top), axis=1))
    return anp.mean(log_sum - score[anp.arange(len(labels)), labels])


def test_gradients_are_autograds():
    net = digits.new_network(32, np.random.default_rng(2))
    ours = srcad.grad(digits.cross_entropy)(net, IMAGES[:50], LABELS[:50])
    theirs = autograd.grad(by_autograd)(tuple(net), IMAGES[:50], LABELS[:50])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0.0, atol=1e-14 + 1e-13 * np.max(np.abs(b)))


def test_digits_not_seen_are_read():
    net, losses = digits.train(IMAGES, LABELS)
    assert losses[-1].mean() < 0.02
    assert digits.accuracy(net, TEST_IMAGES, TEST_LABELS) >= 0.95
