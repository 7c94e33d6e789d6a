import beam_thickness as bt
import numpy as np

N = 12
UNIT = bt.element(1.0 / N)


def test_uniform_beam_bends_as_the_textbook_says():
    h = np.ones(N)
    u = bt.displacements(h, bt.tip_load(N), UNIT)
    assert np.isclose(u[-2], 1.0 / 3.0 * 12.0, rtol=1e-10)  # P L^3 / 3 E I
    assert np.isclose(u[-1], 1.0 / 2.0 * 12.0, rtol=1e-10)
    u = bt.displacements(h, bt.even_load(N), UNIT)
    assert np.isclose(u[-2], 1.0 / 8.0 * 12.0, rtol=1e-10)


def test_gradient_is_minus_the_energies_of_the_elements():
    h = np.random.default_rng(0).uniform(0.5, 1.5, N)
    for load in (bt.tip_load(N), bt.even_load(N)):
        _, ours = bt.value_and_gradient(h, load, UNIT)
        assert np.allclose(ours, bt.by_energies(h, load, UNIT), rtol=1e-10)


def test_gradient_is_that_of_the_moments():
    h = np.random.default_rng(1).uniform(0.5, 1.5, N)
    edge = 1.0 - np.linspace(0.0, 1.0, N + 1)
    squares = (edge[:-1] ** 3 - edge[1:] ** 3) / 3.0  # integrals of M^2
    value, ours = bt.value_and_gradient(h, bt.tip_load(N), UNIT)
    assert np.isclose(value, np.sum(12.0 * squares / h**3), rtol=1e-10)
    assert np.allclose(ours, -36.0 * squares / h**4, rtol=1e-9)


def test_best_thickness_for_a_load_at_the_tip():
    found, course = bt.optimise(bt.tip_load(N), UNIT, N)
    h, best = bt.exact_for_tip_load(N)
    assert np.allclose(found, h, atol=1e-5)
    assert np.isclose(course[-1], best, rtol=1e-9)
    assert 16.0 / 27.0 < best < 1.03 * 16.0 / 27.0


def test_best_thickness_for_an_even_load_is_a_wedge():
    found, _ = bt.optimise(bt.even_load(N), UNIT, N)
    x = (np.arange(N) + 0.5) / N
    assert np.max(np.abs(found - 2.0 * (1.0 - x))[:-1]) < 0.02
