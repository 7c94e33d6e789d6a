"""Responses of the mean-field magnet: a dense linear solve, and the law of Curie and Weiss."""

import ising_mean_field as ising
import numpy as np
import pytest

import srcad

FIELD, RIGHT, DOWN = ising.disorder(5)
TEMPERATURE = 4.6


@pytest.fixture(scope="module")
def solution():
    return ising.solve(FIELD, RIGHT, DOWN, TEMPERATURE)


@pytest.fixture(scope="module")
def gradients():
    derivative = srcad.grad(ising.magnetisation, wrt=("field", "right", "down"))
    return derivative(FIELD, RIGHT, DOWN, TEMPERATURE)


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
    unrolled = srcad.grad(ising.unrolled_magnetisation)

    def error(steps):
        found = unrolled(FIELD, RIGHT, DOWN, TEMPERATURE, solution, steps)
        return np.sum(gradients[0] - found)

    assert error(61) / error(60) == pytest.approx(rho, rel=1e-6)
    assert abs(error(600)) < 1e-11


def test_the_uniform_magnet_obeys_curie_and_weiss():
    ones = np.ones((5, 5))
    chi = srcad.grad(ising.magnetisation)(1e-9 * ones, ones, ones, 4.5)
    assert np.sum(chi) == pytest.approx(1.0 / (4.5 - 4.0), rel=1e-9)
