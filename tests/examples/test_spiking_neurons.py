import numpy as np
import spiking_neurons as sn


def _threshold(length=60, count=30, wanted=30):
    arrivals, times = sn.inputs(count, length)
    target = np.zeros(length)
    target[wanted] = 1.0
    return np.full(count, 0.06), arrivals, target, times


def test_surrogate_gradient_is_that_of_forward_sensitivities():
    w, arrivals, target, _ = _threshold()
    assert np.any(sn.spike_train(w, arrivals))
    _, found = sn.distance_gradient(w, arrivals, target)
    np.testing.assert_allclose(found, sn.by_hand(w, arrivals, target), rtol=1e-10, atol=1e-15)


def test_slope_is_that_of_the_smooth_step():
    for v in (-1.0, 0.3, 0.99, 1.2, 3.0):
        h = 1e-6
        assert abs((sn.soft(v + h) - sn.soft(v - h)) / (2.0 * h) - sn.slope(v)) < 1e-8


def test_neuron_that_fires_late_learns_by_the_order_of_spikes():
    arrivals, times = sn.inputs(90, 100)
    target = np.zeros(100)
    target[50] = 1.0
    w = np.full(90, 0.0302)
    assert np.flatnonzero(sn.spike_train(w, arrivals)).tolist() == [56]
    after, values = sn.learn(w, arrivals, target, 0.003, 20)
    assert values[-1] == 0.0
    assert np.flatnonzero(sn.spike_train(after, arrivals)).tolist() == [50]
    assert np.all(after[times < 48] > w[times < 48])
    assert np.all(after[times > 51] < w[times > 51])


def _window():
    differences = np.array([-25.0, -15.0, -10.0, -5.0, -3.0, 0.5, 1.0, 2.0, 4.0])
    t, rest = sn.protocol(0.025, 60.0, 35.0, differences)
    silent, potentials = np.zeros(len(differences)), np.zeros((len(t), 2))
    return differences, silent, rest, potentials


def test_window_has_the_sign_of_the_order_of_the_spikes():
    differences, silent, rest, potentials = _window()
    window = sn.window_of(silent, *rest, potentials)
    before = (differences >= -15.0) & (differences < 0.0)
    assert np.all(window[before] > 0.0)
    assert np.all(window[differences > 0.0] < 0.0)
    assert np.all(np.diff(window[:4]) > 0.0)  # the nearer before, the more


def test_window_is_the_complex_step():
    _, silent, rest, potentials = _window()
    window = sn.window_of(silent, *rest, potentials)
    for k in (2, 4, 6):
        nudged = silent.astype(complex)
        nudged[k] = 1e-30j
        exact = sn.log_likelihood(nudged, *rest, potentials.astype(complex)).imag / 1e-30
        np.testing.assert_allclose(window[k], exact, rtol=1e-9)


def test_soma_fires_once_and_the_spike_spreads_back():
    _, silent, rest, potentials = _window()
    sn.log_likelihood(silent, *rest, potentials)
    soma, dendrite = potentials.T
    crossings = np.flatnonzero((soma[1:] > 0.0) & (soma[:-1] <= 0.0))
    assert len(crossings) == 1
    assert 35.0 < 0.025 * crossings[0] < 37.0
    assert 15.0 < np.max(dendrite) + 65.0 < 40.0
    assert np.argmax(dendrite) > np.argmax(soma)
