"""Descent and flow: the stability limit, and the flows that descent follows."""

import gradient_flow
import numpy as np
import pytest

import srcad

START = np.array([-1.0, 1.2])
BY_HAND = np.array([[9.0, -4.0], [-4.0, 2.0]])


def test_the_hessian_at_the_minimum():
    found = srcad.hessian(gradient_flow.loss)(gradient_flow.MINIMUM)
    np.testing.assert_allclose(found, BY_HAND, rtol=1e-14)


@pytest.mark.parametrize("share", [0.5, 1.9, 1.99, 2.01, 2.1])
def test_an_error_is_multiplied_by_one_minus_h_lambda(share):
    largest = np.linalg.eigvalsh(BY_HAND)[-1]
    factor = gradient_flow.growth_factor(share / largest)
    assert factor == pytest.approx(abs(1.0 - share), rel=1e-6)
    assert (factor < 1.0) == (share < 2.0)


def test_the_loss_decays_along_the_flow_by_the_square_of_its_slope():
    solution = gradient_flow.flow(gradient_flow.slope_of_loss, START, 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    slopes = [gradient_flow.slope_of_loss(solution(0.5 * (1.0 + t))) for t in nodes]
    lost = 0.5 * weights @ np.sum(np.square(slopes), axis=1)
    fall = gradient_flow.loss(START) - gradient_flow.loss(solution(1.0))
    assert lost == pytest.approx(fall, rel=1e-6)


def test_descent_follows_one_flow_to_first_order_and_another_to_second():
    coarse = gradient_flow.distance_from_flows(START, 2.0, 200)
    fine = gradient_flow.distance_from_flows(START, 2.0, 400)
    assert coarse[0] / fine[0] == pytest.approx(2.0, abs=0.05)
    assert coarse[1] / fine[1] == pytest.approx(4.0, abs=0.1)
