import numpy as np
import renderer as r

SIZE = 20


def test_gradient_is_the_complex_step():
    target = r.draw_scene(r.SCENE, SIZE)
    _, found = r.misfit_gradient(r.GUESS, SIZE, target, np.zeros_like(target))
    for k in range(9):
        nudged = r.GUESS.astype(complex)
        nudged[k] += 1e-30j
        exact = r.misfit(nudged, SIZE, target, np.zeros(target.shape, complex)).imag / 1e-30
        np.testing.assert_allclose(found[k], exact, rtol=1e-10)


def test_scene_is_found_from_its_picture():
    found, _ = r.recover(r.GUESS, r.draw_scene(r.SCENE, SIZE))
    np.testing.assert_allclose(found, r.SCENE, atol=1e-5)


def test_errors_are_those_of_cramer_and_rao():
    noise, rng = 0.02, np.random.default_rng(0)
    _, covariance = r.deviations(r.SCENE, SIZE, noise)
    clean, squares = r.draw_scene(r.SCENE, SIZE), []
    for _ in range(40):
        found, _ = r.recover(r.SCENE, clean + noise * rng.normal(size=clean.shape))
        error = found - r.SCENE
        squares.append(error @ np.linalg.solve(covariance, error))
    # chi squared with 9 degrees of freedom: mean 9, deviation sqrt(18 / 40) of a mean of 40
    assert abs(np.mean(squares) - 9.0) < 4.0 * np.sqrt(18.0 / 40.0)
