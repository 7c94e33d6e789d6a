import data_assimilation as da
import numpy as np

TRUE, BACKGROUND, OBSERVED = da.twin(9, 0)


def test_adjoint_is_the_transpose_of_the_tangent_linear_model():
    matrix = np.array([da.tangent_linear(TRUE, e, 16) for e in np.eye(da.N)]).T
    for w in np.random.default_rng(1).normal(size=(3, da.N)):
        assert np.allclose(da.adjoint(TRUE, w, 16), matrix.T @ w, rtol=1e-11, atol=1e-11)


def test_gradient_is_the_sum_of_the_misfits_sent_back_by_hand():
    x, expected = BACKGROUND, np.zeros(da.N)
    for k, y in enumerate(OBSERVED):
        matrix = np.array([da.tangent_linear(BACKGROUND, e, 2 * k) for e in np.eye(da.N)]).T
        misfit = np.zeros(da.N)
        misfit[::2] = (x[::2] - y) / da.SIGMA_O**2
        expected += matrix.T @ misfit
        x = da.forecast(x, 2)
    _, gradient = da.objective(BACKGROUND, BACKGROUND, OBSERVED)
    assert np.allclose(gradient, expected, rtol=1e-10, atol=1e-9)


def test_information_is_the_matrix_of_the_hand_written_model():
    expected = np.eye(da.N) / da.SIGMA_B**2
    for k in range(3):
        rows = np.array([da.tangent_linear(TRUE, e, 2 * k) for e in np.eye(da.N)]).T[::2]
        expected += rows.T @ rows / da.SIGMA_O**2
    assert np.allclose(da.information(TRUE, 3), expected, rtol=1e-10, atol=1e-10)


def test_analysis_is_better_than_the_background():
    errors = []
    for seed in range(6):
        true, background, observed = da.twin(9, seed)
        analysis, _ = da.analyse(background, observed)
        _, gradient = da.objective(analysis, background, observed)
        _, start = da.objective(background, background, observed)
        assert np.linalg.norm(gradient) < 1e-3 * np.linalg.norm(start)
        here = (da.course(x, true, 17)[[0, 16]] for x in (background, analysis))
        errors.append(list(here))
    (before, before_end), (after, after_end) = np.mean(errors, axis=0)
    assert after < 0.6 * before
    assert after_end < 0.4 * before_end
