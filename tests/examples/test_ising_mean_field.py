"""Responses of the mean-field magnet: a dense linear solve, and the law of Curie and Weiss."""

import ising_mean_field as ising
import numpy as np
import pytest

FIELD, RIGHT, DOWN = ising.disorder(5)
TEMPERATURE = 4.6


@pytest.fixture(scope="module")
def solution():
    return ising.solve(FIELD, RIGHT, DOWN, TEMPERATURE)


@pytest.fixture(scope="module")
def gradients():
    return ising.implicit(FIELD, RIGHT, DOWN, TEMPERATURE)


@pytest.mark.slow
def test_the_susceptibility_is_that_of_a_linear_solve(solution, gradients):
    exact, _ = ising.exact_response(solution, RIGHT, DOWN, TEMPERATURE)
    np.testing.assert_allclose(gradients[0], exact, rtol=1e-10)


def test_a_bond_acts_as_a_field_on_both_of_its_ends(solution, gradients):
    chi, _ = ising.exact_response(solution, RIGHT, DOWN, TEMPERATURE)
    for axis, bond in ((1, gradients[1]), (0, gradients[2])):
        other_chi, other_m = np.roll(chi, -1, axis), np.roll(solution, -1, axis)
        np.testing.assert_allclose(bond, chi * other_m + other_chi * solution, rtol=1e-10)


def test_unrolled_reaches_implicit_at_the_rate_of_the_iteration(solution, gradients):
    _, rho = ising.exact_response(solution, RIGHT, DOWN, TEMPERATURE)

    def error(steps):
        found = ising.unrolled(FIELD, RIGHT, DOWN, TEMPERATURE, solution, steps)
        return np.sum(gradients[0] - found)

    assert error(61) / error(60) == pytest.approx(rho, rel=1e-6)
    assert abs(error(600)) < 1e-11


@pytest.mark.parametrize("temperature", [2.5, 3.7, 4.5])
def test_the_uniform_magnet_obeys_curie_and_weiss(temperature):
    ones = np.ones((5, 5))
    chi, _, _ = ising.implicit(1e-10 * ones, ones, ones, temperature)
    assert np.sum(chi) == pytest.approx(ising.curie_weiss(temperature), rel=1e-8)
