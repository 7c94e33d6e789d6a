import numpy as np
import wave_network as wn


def test_adjoint_of_the_residual_network_is_a_matrix_power():
    rng = np.random.default_rng(0)
    A, v = wn.random_matrix(rng, 6), rng.normal(size=6)
    found = wn.adjoint_of_residual_network(A, v, 7)
    for layer in range(7):
        exact = np.linalg.matrix_power(np.eye(6) + A.T / 7, 6 - layer) @ v
        np.testing.assert_allclose(found[layer], exact, rtol=1e-11, atol=1e-13)


def test_adjoint_tends_to_the_adjoint_equation_as_layers_are_added():
    rng = np.random.default_rng(0)
    A, v = wn.random_matrix(rng, 6), rng.normal(size=6)
    errors = []
    for depth in (200, 400, 800):
        found = wn.adjoint_of_residual_network(A, v, depth)
        errors.append(np.max(np.abs(found - wn.adjoint_equation(A, v, depth))))
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 2.0, rtol=0.02)


def test_gradient_travels_as_dalembert_says():
    neurons, center, depth = 241, 120, 80
    v = wn.pulse(np.arange(neurons) - center, 6.0)
    for c in (1.0, 0.8, 0.5):
        found = wn.adjoint_of_wave_network(np.full(neurons, c), v, depth)
        exact = wn.alembert(c, center, 6.0, neurons, depth)
        # pulses disperse a little, and the clock starts between two steps
        assert np.max(np.abs(found - exact)) < 0.005
        place = wn.right_pulse(found, center)
        speed = -np.polyfit(np.arange(0, 30), place[:30], 1)[0]
        assert abs(speed / c - 1.0) < 0.002


def test_gradient_slows_down_where_the_wave_does():
    neurons, center, depth = 241, 100, 150
    c = np.where(np.arange(neurons) < 140, 0.8, 0.4)
    v = wn.pulse(np.arange(neurons) - center, 6.0)
    found = wn.adjoint_of_wave_network(c, v, depth)
    layers = depth - 0.5 - 40 / 0.8 - 30 / 0.4  # 40 neurons fast, 30 slow
    beyond = np.abs(found[round(layers), 145:])
    assert abs(145 + np.argmax(beyond) - 170) <= 1
