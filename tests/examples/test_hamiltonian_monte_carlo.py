"""Hamiltonian Monte Carlo: exact moments, order of the energy error, symplectic steps."""

import hamiltonian_monte_carlo as hmc
import numpy as np
import pytest

import srcad

DATA = hmc.make_data()


@pytest.fixture(scope="module")
def sampled():
    return hmc.run(40_000, 0.05, 12)


def test_the_moments_are_those_of_the_posterior(sampled):
    samples, _, accepted = sampled
    mean, covariance = hmc.posterior(*DATA)
    deviation = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 0.03 * deviation)
    scale = np.outer(deviation, deviation)
    np.testing.assert_allclose(np.cov(samples.T) / scale, covariance / scale, atol=0.04)
    assert accepted > 0.8


def test_the_mean_of_exp_of_minus_the_energy_error_is_one(sampled):
    weights = np.exp(-sampled[1])
    assert abs(np.mean(weights) - 1.0) < 4.0 * np.std(weights) / np.sqrt(len(weights))
    assert np.std(weights) > 0.01


def test_the_energy_error_is_of_second_order():
    coarse, fine = hmc.energy_error(0.01, 0.4), hmc.energy_error(0.005, 0.4)
    assert coarse / fine == pytest.approx(4.0, rel=0.01)


def test_a_trajectory_is_symplectic_and_can_be_run_backwards():
    state = np.array([0.3, -0.2, 0.9, 0.5, -1.0, 0.2])
    args = (state, 0.05, 12, *DATA)
    directions = np.random.default_rng(0).normal(size=(4, 6))
    moved = [srcad.jvp(hmc.trajectory, args, (u, None, None, None, None))[1] for u in directions]
    omega = np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(3))
    areas = directions @ omega @ directions.T
    np.testing.assert_allclose(moved @ omega @ np.transpose(moved), areas, atol=1e-11)
    flip = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    there = hmc.trajectory(*args)
    back = flip * hmc.trajectory(flip * there, 0.05, 12, *DATA)
    np.testing.assert_allclose(back, state, atol=1e-13)
