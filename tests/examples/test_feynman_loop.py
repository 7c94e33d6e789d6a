"""Derivatives of a one-loop amplitude are diagrams with insertions."""

import math

import feynman_loop as loop
import pytest

import srcad

ONES = (1.0, 1.0)
slope = srcad.grad(loop.amplitude, wrt=("g", "m2", "cutoff"))
lines = srcad.grad(loop.bubble, wrt="masses2")


def test_a_vertex_is_taken_out():
    g, channels = 0.3, (1.0, 2.0, 0.5)
    loops = sum(loop.bubble(ONES, (1.5, 1.5), p2, 20.0) for p2 in channels)
    assert slope(g, 1.5, *channels, 20.0)[0] == pytest.approx(g * loops - 1.0, rel=1e-12)


def test_a_mass_doubles_its_line():
    first, second = lines(ONES, (1.5, 1.5), 2.0, 5.0)
    assert first == pytest.approx(-loop.mass_insertion(1.5, 2.0, 5.0), rel=1e-9)
    assert second == pytest.approx(first, rel=1e-13)


@pytest.mark.parametrize("p2", [0.1, 1.0, 30.0])
def test_the_derivative_by_the_mass_is_finite(p2):
    near, far = (sum(lines(ONES, (1.0, 1.0), p2, L)) for L in (1e2, 1e4))
    exact = loop.bubble_slope(1.0, p2)
    assert near == pytest.approx(exact, rel=2e-3)
    assert far == pytest.approx(exact, rel=2e-7)  # the rest is of order 1 / L^2


def test_the_derivative_by_the_cutoff_is_the_beta_function():
    g, cutoff = 0.7, 1e4
    beta = cutoff * slope(g, 1.0, 1.0, 2.0, 0.5, cutoff)[2]
    assert beta == pytest.approx(3.0 * g * g / (16.0 * math.pi**2), rel=1e-7)
