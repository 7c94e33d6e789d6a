import heat_adjoint as ha
import numpy as np


def test_the_adjoint_by_hand_is_srcads():
    rng = np.random.default_rng(0)
    _, k, args = ha.experiment(20, 300)
    guess = k * rng.uniform(0.7, 1.3, size=k.shape)
    _, ours = ha.value_and_gradient(guess, *args)
    theirs, _ = ha.adjoint_by_hand(guess, *args)
    assert np.allclose(ours, theirs, rtol=1e-11, atol=1e-13 * np.max(np.abs(theirs)))


def test_gradient_predicts_the_misfits_change():
    args = ha.experiment(20, 300)[2]
    guess = np.full(20, 0.8)
    direction = np.random.default_rng(1).normal(size=20)
    up, down = (ha.misfit(guess + s * direction, *args) for s in (1e-4, -1e-4))
    slope = ha.value_and_gradient(guess, *args)[1] @ direction
    assert np.isclose((up - down) / 2e-4, slope, rtol=1e-6)


def test_gradient_approaches_the_continuous_adjoint_as_h_squared():
    errors = [np.max(np.abs(np.subtract(*ha.closed_case(n)))) for n in (10, 20, 40)]
    assert 3.6 < errors[0] / errors[1] < 4.4
    assert 3.8 < errors[1] / errors[2] < 4.2
    assert errors[2] < 1e-2 * np.max(np.abs(ha.closed_case(40)[1]))


def test_the_layer_is_found():
    _, k, args = ha.experiment(24, 1500)
    found, value = ha.invert(24, args, 200)
    assert value < 1e-5 * ha.misfit(np.full(24, np.exp(-0.3)), *args)
    assert found[k < 0.5].max() < found[k > 0.5].min()
