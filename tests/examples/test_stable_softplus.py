import numpy as np
import pytest
import stable_softplus as ss

import srcad

ULP = 2.0**-52


@pytest.mark.parametrize("form", [ss.branched, ss.logaddexp])
def test_forms_without_kinks_are_right_everywhere(form):
    points = [-700.0, -50.0, -1.0, -1e-3, 0.0, 1e-9, 0.5, 30.0, 800.0, 1e300]
    value, slope = ss.errors(form, points)
    assert np.max(value) < 4 * ULP
    # exp(x) for x = -700 carries the rounding of x: 700 / 2 of the last place, here none
    assert np.max(slope) < 4 * ULP


def test_naive_form_is_lost_on_both_sides():
    value, slope = ss.errors(ss.naive, [-50.0, 2.0, 800.0])
    assert value[0] == 1.0  # rounded to 0
    assert value[1] < 4 * ULP
    assert slope[1] < 4 * ULP
    assert np.isinf(value[2])
    assert np.isinf(slope[2])


def test_textbook_form_is_right_but_for_the_kink():
    value, slope = ss.errors(ss.textbook, [-700.0, -1e-9, 1e-9, 800.0])
    assert max(np.max(value), np.max(slope)) < 4 * ULP
    assert srcad.value_and_grad(ss.textbook)(0.0) == (np.log(2.0), 0.0)  # not 1 / 2
    assert srcad.grad(ss.branched)(0.0) == srcad.grad(ss.logaddexp)(0.0) == 0.5


def test_regression_with_large_scores_needs_a_stable_form():
    rng = np.random.default_rng(0)
    x, labels = 1000.0 * rng.normal(size=(20, 2)), np.sign(rng.normal(size=20))
    w = np.array([0.5, -0.5])
    gradient = srcad.grad(ss.negative_likelihood)
    slopes = np.array([ss.exact(-s)[1] for s in labels * (x @ w)])
    exact = -(labels * slopes) @ x / 20
    np.testing.assert_allclose(gradient(w, x, labels, ss.branched), exact, rtol=1e-12)
    with np.errstate(all="ignore"):
        assert not np.all(np.isfinite(gradient(w, x, labels, ss.naive)))
