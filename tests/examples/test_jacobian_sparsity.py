import jacobian_sparsity as js
import numpy as np
import scipy.sparse as sp

_, LINKS = js.network(60)
ARGS = js.arguments(LINKS)
STEP = LINKS.toarray() | np.eye(60, dtype=bool)


def test_pattern_is_the_links_and_the_diagonal():
    assert np.array_equal(js.jacobian.pattern(*ARGS).toarray(), STEP)


def test_jacobian_is_that_of_the_formula():
    exact = js.by_hand(ARGS[0], LINKS)
    J = js.jacobian(*ARGS)
    assert sp.issparse(J)
    assert np.allclose(J.toarray(), exact, rtol=1e-14, atol=1e-14)
    assert np.allclose(J.sum(axis=1), 0.0, atol=1e-13)  # turning all phases changes nothing


def test_columns_of_one_colour_share_no_row_and_one_sweep():
    pattern = js.jacobian.pattern(*ARGS)
    colour = js.colours(pattern)
    assert colour.max() + 1 < 25
    for c in range(colour.max() + 1):
        assert np.max(pattern.toarray()[:, colour == c].sum(axis=1)) <= 1
    J = js.by_colours(pattern, colour, ARGS)
    assert np.allclose(J.toarray(), js.by_hand(ARGS[0], LINKS), rtol=1e-14, atol=1e-14)


def test_after_k_steps_the_pattern_is_the_kth_power():
    power = np.eye(60, dtype=bool)
    for k in (1, 2, 3):
        power = (power.astype(int) @ STEP) > 0
        assert np.array_equal(js.reach.pattern(*ARGS, k).toarray(), power)
    assert not power.all()
