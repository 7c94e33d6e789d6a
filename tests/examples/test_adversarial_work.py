"""The work of the gradient is the difference of the loss; that of its sign is not."""

import adversarial_work as adversarial
import digits_mlp as digits
import numpy as np
import pytest

import srcad

LABEL = 3


@pytest.fixture(scope="module")
def net():
    images, labels, _, _ = digits.load()
    return digits.train(images, labels, units=16, epochs=3)[0]


@pytest.fixture(scope="module")
def paths(net):
    _, _, images, labels = digits.load()
    start, other = (images[np.flatnonzero(labels == digit)[0]] for digit in (LABEL, 0))
    return adversarial.three_paths(start, other, net, LABEL)


def ends(field, paths, net):
    return [adversarial.work(field, path, net, LABEL)[-1] for path in paths.values()]


def test_the_work_is_the_rise_of_the_loss_on_every_path(net, paths):
    first, *_, last = paths["straight line"]
    before, after = (adversarial.potential(x, net, LABEL) for x in (first, last))
    assert after - before > 1.0  # the attack climbs
    np.testing.assert_allclose(ends(adversarial.gradient, paths, net), after - before, rtol=1e-11)


def test_the_sign_of_the_gradient_has_no_potential(net, paths):
    assert np.ptp(ends(adversarial.sign_of_gradient, paths, net)) > 0.5


def test_the_field_has_no_curl(net, paths):
    end = paths["straight line"][-1]
    curvature = srcad.hessian(adversarial.potential)(end, net, LABEL)
    np.testing.assert_allclose(curvature, curvature.T, rtol=0.0, atol=1e-14)
    assert np.max(np.abs(curvature)) > 1e-3
