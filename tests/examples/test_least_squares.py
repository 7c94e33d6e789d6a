import least_squares as ls
import numpy as np

import srcad

T, A, B = ls.problem(rows=40, columns=6, curves=3)


def test_gradient_is_that_of_the_normal_equations():
    X = np.random.default_rng(1).normal(size=(6, 3))
    by_hand = 2.0 * A.T @ (A @ X - B)
    assert np.allclose(ls.gradient(X, A, B), by_hand, rtol=1e-13, atol=1e-12)


def test_hessian_product_is_twice_the_gram_matrix():
    X, V = np.random.default_rng(2).normal(size=(2, 6, 3))
    product = srcad.hvp(ls.misfit, (X, A, B), V)
    assert np.allclose(product, 2.0 * A.T @ A @ V, rtol=1e-13, atol=1e-12)


def test_conjugate_gradients_end_at_the_minimum_of_lstsq():
    X, norms = ls.conjugate_gradients(A, B, 6)
    assert np.allclose(X, np.linalg.lstsq(A, B)[0], rtol=1e-10, atol=1e-12)
    assert norms[6] < 1e-10 * norms[0]
    assert norms[3] > 1e-4 * norms[0]  # and not earlier


def test_steepest_descent_shrinks_by_the_rate_of_the_condition_number():
    _, norms = ls.steepest_descent(A, B, 60)
    kappa = np.linalg.cond(A) ** 2
    assert np.isclose(norms[60] / norms[59], (kappa - 1.0) / (kappa + 1.0), rtol=1e-3)
