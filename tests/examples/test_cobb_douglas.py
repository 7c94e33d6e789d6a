import cobb_douglas as cd
import numpy as np
import pytest

import srcad

YEARS, DATA = cd.read()


@pytest.mark.parametrize("start", [np.array([-0.5, 0.2]), np.array([0.3, -0.4, 1.5])])
def test_one_newton_step_is_ordinary_least_squares(start):
    found, error = cd.newton_step(start, DATA)
    oracle, their_error = cd.ordinary_least_squares(DATA, len(start))
    assert np.allclose(found, oracle, rtol=1e-10, atol=1e-12)
    assert np.allclose(error, their_error, rtol=1e-10)
    assert np.allclose(srcad.grad(cd.misfit)(found, *DATA), 0.0, atol=1e-10)


def test_labours_share_is_the_published_one():
    found, error = cd.newton_step(np.zeros(2), DATA)
    assert abs(found[1] - 0.75) < error[1]
    assert round(float(np.exp(found[0])), 2) == 1.01


def test_marginal_products_share_out_the_whole_product():
    L, C, log_b, k = 193.0, 387.0, 0.01, 0.75
    Y = cd.production(L, C, log_b, k, 1.0 - k)
    wage, interest = srcad.grad(cd.production, wrt=(0, 1))(L, C, log_b, k, 1.0 - k)
    assert np.isclose(L * wage / Y, k, rtol=1e-14)
    assert np.isclose(L * wage + C * interest, Y, rtol=1e-14)
