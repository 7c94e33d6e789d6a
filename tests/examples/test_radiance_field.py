import numpy as np
import radiance_field as rf


def test_fog_obeys_lambert_and_beer():
    # straight through the cube along x, samples 3.5 / 70 = 0.05 long: 40 of them lie within
    ray, density = np.array([0.0, 0.1, -0.2, 1.0, 0.0, 0.0]), 0.7
    field = np.zeros((4, 4, 4, 4))
    field[..., 3] = np.log(density)
    stopped = 1.0 - np.exp(-density * 2.0)
    np.testing.assert_allclose(rf.view(field, ray[None], 70)[0], 0.5 * stopped, rtol=1e-12)
    pixel = np.array([[0.5 * stopped - 0.5, 0.5 * stopped, 0.5 * stopped]])
    _, found = rf.misfit_gradient(field, ray[None], pixel, 70)
    # d (colour - pixel)^2 = 2 * 0.5 * d colour, and interpolation shares it without loss
    by_log_density = 0.5 * density * 2.0 * np.exp(-density * 2.0)
    np.testing.assert_allclose(np.sum(found[..., 3]), by_log_density, rtol=1e-11)
    np.testing.assert_allclose(np.sum(found[..., 0]), 0.25 * stopped, rtol=1e-11)
    np.testing.assert_allclose(found[..., 1:3], 0.0, atol=1e-13)


def test_gradient_is_the_complex_step():
    rng = np.random.default_rng(0)
    field, rays = rng.normal(size=(3, 3, 3, 4)), rf.camera(0.3, 0.4, 3)
    pixels = rng.random((9, 3))
    _, found = rf.misfit_gradient(field, rays, pixels, 12)
    for index in [(0, 0, 0, 3), (1, 1, 1, 3), (1, 1, 1, 0), (2, 1, 1, 2), (1, 2, 0, 1)]:
        nudged = field.astype(complex)
        nudged[index] += 1e-30j
        exact = rf.misfit(nudged, rays, pixels, 12).imag / 1e-30
        np.testing.assert_allclose(found[index], exact, rtol=1e-10, atol=1e-15)


def test_held_out_view_is_predicted():
    size, angles = 12, 2.0 * np.pi * np.arange(8) / 8
    views = [rf.camera(a, 0.5 * np.sin(3 * k), size) for k, a in enumerate(angles)]
    pixels = [rf.photograph(rays) for rays in views]
    field, _ = rf.fit(10, np.concatenate(views), np.concatenate(pixels), 24, 60)
    rays = rf.camera(angles[0] + np.pi / 8, 0.2, size)
    truth = rf.photograph(rays)
    found = rf.quality(rf.view(field, rays, 24), truth)
    assert found > 23.0
    assert found > max(rf.quality(picture, truth) for picture in pixels) + 6.0
