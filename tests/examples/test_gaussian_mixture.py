import gaussian_mixture as gm
import numpy as np
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris
from sklearn.mixture import GaussianMixture

X, SPECIES = load_iris(return_X_y=True)


def somewhere():
    rng = np.random.default_rng(0)
    logits, means, factors = gm.free(*gm.start(X, steps=0))
    return (
        logits + rng.normal(size=3),
        means + 0.3 * rng.normal(size=(3, 4)),
        factors + 0.3 * np.tril(rng.normal(size=(3, 4, 4))),
    )


def test_value_is_that_of_scipy():
    parameters = somewhere()
    weights, means, covariances = gm.mixture(*parameters)
    density = sum(
        w * multivariate_normal(m, c).pdf(X)
        for w, m, c in zip(weights, means, covariances, strict=True)
    )
    assert np.isclose(gm.climb(*parameters, X)[0], np.log(density).sum(), rtol=1e-12)


def test_gradient_is_made_of_responsibilities():
    parameters = somewhere()
    weights, means, covariances = gm.mixture(*parameters)
    _, r, _ = gm.em_step(weights, means, covariances, X)
    _, (logits_b, means_b, factors_b) = gm.climb(*parameters, X)
    assert np.allclose(logits_b, r.sum(axis=0) - len(X) * weights, atol=1e-10)
    away = X[:, None] - means
    precision = np.linalg.inv(covariances)
    pull = np.einsum("nk,kab,nkb->ka", r, precision, away)
    assert np.allclose(means_b, pull, rtol=1e-10, atol=1e-9)
    # d/dL of sum_n r (log det L - |L (x - mu)|^2 / 2), with the diagonal as logarithms
    lower = np.linalg.inv(np.linalg.cholesky(covariances))
    scatter = np.einsum("nk,nka,nkb->kab", r, away, away)
    push = np.tril(-lower @ scatter)
    for k in range(3):
        diagonal = r[:, k].sum() + np.diag(push[k]) * np.diag(lower[k])
        np.fill_diagonal(push[k], diagonal)
    assert np.allclose(factors_b, push, rtol=1e-9, atol=1e-8)


def test_gradient_ascent_ends_where_em_stands_still():
    parameters, course = gm.ascend(gm.free(*gm.start(X)), X)
    found = gm.mixture(*parameters)
    moved, r, value = gm.em_step(*found, X)
    assert np.isclose(value, course[-1], rtol=1e-12)
    for ours, theirs in zip(found, moved, strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)

    sklearn = GaussianMixture(
        3,
        means_init=found[1],
        weights_init=found[0],
        precisions_init=np.linalg.inv(found[2]),
        reg_covar=0.0,
        tol=1e-12,
        max_iter=1000,
    ).fit(X)
    assert abs(sklearn.score(X) * len(X) - value) < 1e-6
    assert sum(np.max(np.bincount(SPECIES[r.argmax(axis=1) == k])) for k in range(3)) >= 145
