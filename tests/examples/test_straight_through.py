import numpy as np
import pytest
import straight_through as st


def _small():
    rng = np.random.default_rng(0)
    p = st.start(rng, 9, 12, 4)
    p[0][0, :3] = 1.5  # beyond the clip
    return p, rng.normal(size=(20, 9)), np.eye(4)[rng.integers(4, size=20)]


def test_gradient_is_the_sweep_by_hand():
    p, x, truth = _small()
    for found, exact in zip(
        st.gradient(*p, x, truth, st.passed), st.by_hand(*p, x, truth), strict=True
    ):
        assert np.any(exact != 0.0)
        np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-16)


def test_gradient_of_the_steps_themselves_is_zero():
    p, x, truth = _small()
    assert all(np.all(part == 0.0) for part in st.gradient(*p, x, truth, st.step))


@pytest.mark.parametrize("curvature", [0.0, 1.0])
def test_mean_of_the_estimator_is_off_by_the_curvature(curvature):
    rng = np.random.default_rng(0)
    A, c, a = rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=5)
    A = curvature * (A + A.T)
    mean, exact = st.expected(a, A, c)
    p = 1.0 / (1.0 + np.exp(-a))
    bias = p * (1.0 - p) * (p - 0.5) * np.diag(A)
    assert np.max(np.abs(bias)) >= 0.04 * curvature
    np.testing.assert_allclose(mean - exact, bias, atol=1e-14)


def test_signs_learn_to_read():
    learn, test = st.load_pictures()
    rng = np.random.default_rng(0)
    p, history = st.train(st.start(rng, 64, 60, 10), *learn, st.passed, 400, 0.02, rng, test)
    assert history[-1] > 0.8
    assert set(np.unique(st.step(p[0]))) == {-1.0, 1.0}
