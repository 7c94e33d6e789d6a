import neural_ode as node
import numpy as np
import pytest

SPACING = 0.2


@pytest.fixture(scope="module")
def problem():
    return node.start(np.random.default_rng(0), 5), node.spiral(6, SPACING)


@pytest.mark.parametrize(
    ("step", "order", "counts"),
    [(node.euler_step, 1, (64, 128, 256)), (node.runge_kutta_step, 4, (4, 8, 16))],
)
def test_gradient_of_the_steps_tends_to_the_continuous_adjoint(problem, step, order, counts):
    errors = node.gradient_errors(*problem, SPACING, step, counts)
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), order, atol=0.1)
    if order == 4:
        assert errors[-1] < 1e-7


def test_gradient_is_that_of_the_steps_however_long(problem):
    p, data = problem
    _, found = node.misfit_gradient(*p, data, SPACING, node.runge_kutta_step, 1)
    vector = node.ravel(p)
    for i in range(0, len(vector), 3):
        nudged = vector.astype(complex)
        nudged[i] += 1e-30j
        exact = node.misfit(*node.unravel(nudged, p), data, SPACING, node.runge_kutta_step, 1).imag
        assert abs(node.ravel(found)[i] - exact / 1e-30) < 1e-11 * np.linalg.norm(node.ravel(found))


def test_curve_learns_the_data(problem):
    p, data = problem
    _, value = node.train(p, data, SPACING, 2, 200)
    assert value < 1e-4
