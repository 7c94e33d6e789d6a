import cost_laws as cl
import numpy as np
import pytest

import srcad

X = np.random.default_rng(0).normal(size=12)


def test_gradient_is_exact_to_rounding():
    ours = srcad.grad(cl.energy)(X)
    assert np.allclose(ours, cl.gradient_by_hand(X).astype(float), rtol=1e-15, atol=2e-15)


def test_differences_err_by_the_square_of_the_step_and_by_rounding():
    central, imaginary = cl.check(X, 3, np.array([1e-2, 1e-3, 1e-12]))
    assert 90.0 < central[0] / central[1] < 110.0
    assert central[2] > 1e-7
    assert imaginary[2] < 1e-14


def test_operations_of_a_loop_are_counted():
    # len, range, n - 1 and 0.0 * x[0]; ten in each round, one of them of an index
    assert cl.operations(cl.energy, lambda: cl.energy(X)) == 4 + 11 * 10


def test_reverse_costs_a_constant_and_forward_n():
    small, large = np.array(cl.counts(10)), np.array(cl.counts(40))
    assert large[1] / large[0] < 4.0  # Baur and Strassen: below 5
    assert abs(large[1] / large[0] - small[1] / small[0]) < 0.3
    per_direction = large[2] / large[0] / 40, small[2] / small[0] / 10
    assert per_direction[0] == pytest.approx(per_direction[1], rel=0.1)
    assert per_direction[0] > 1.0  # a forward run repeats E
