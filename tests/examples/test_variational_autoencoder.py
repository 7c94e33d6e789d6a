import numpy as np
import variational_autoencoder as vae


def _pictures():
    return vae.load_pictures()[0][:60, 10:22]


def test_gradient_of_the_bound_is_the_analytic_one():
    x = _pictures()
    p = vae.start(np.random.default_rng(0), x.shape[1], 3)
    value, found = vae.bound_gradient(
        p, vae.linear_encoder, vae.linear_decoder, x, vae.exact_noise(len(x), 3)
    )
    assert np.isfinite(value)
    for name, exact in vae.analytic_gradient(p, x).items():
        np.testing.assert_allclose(found[name], exact, rtol=1e-11, atol=1e-12)


def test_error_of_sampling_falls_with_the_root_of_the_samples():
    x = _pictures()
    p = vae.start(np.random.default_rng(0), x.shape[1], 3)
    rng = np.random.default_rng(1)
    few, many = (vae.gradient_error(p, x, rng.normal(size=(n, len(x), 3))) for n in (1, 400))
    assert 10.0 < few / many < 40.0  # 20 on average


def test_trained_linear_model_is_that_of_principal_components():
    x = _pictures()
    p, history = vae.fit_linear(vae.start(np.random.default_rng(0), x.shape[1], 2), x, 500)
    limit = vae.principal_components_likelihood(x, 2)
    assert abs(history[-1] - limit) < 1e-6
    assert max(history) < limit + 1e-9  # a lower bound of the likelihood
    _, _, components = np.linalg.svd(x, full_matrices=False)
    outside = p["D"] - p["D"] @ components[:2].T @ components[:2]
    assert np.max(np.abs(outside)) < 1e-3
