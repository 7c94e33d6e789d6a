import full_waveform_inversion as fwi
import numpy as np

NZ, NX, NT = 24, 30, 100
START, TRUE = fwi.ground(NZ, NX)
PLACES, RECEIVERS, WAVELET, DAMPING = fwi.survey(NZ, NX, NT, 4)
FIXED = (RECEIVERS, WAVELET, DAMPING, fwi.DT, fwi.H)
DATA = fwi.record_shots(TRUE, PLACES, *FIXED)


def bend_of(u):
    out = np.zeros_like(u)
    out[1:-1, 1:-1] = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
    return out


def bend_transposed(a):
    inside = np.zeros_like(a)
    inside[1:-1, 1:-1] = a[1:-1, 1:-1]
    out = -4.0 * inside
    out[1:] += inside[:-1]
    out[:-1] += inside[1:]
    out[:, 1:] += inside[:, :-1]
    out[:, :-1] += inside[:, 1:]
    return out


def adjoint_state(speed, shot, data):
    """Misfit and gradient, by the textbook: the wave forwards, the residuals backwards."""
    r = (speed * fwi.DT / fwi.H) ** 2
    rows, columns = RECEIVERS.T
    u = np.zeros((NT + 2, NZ, NX))
    for t in range(NT):
        new = (2.0 * u[t + 1] - (1.0 - DAMPING) * u[t] + r * bend_of(u[t + 1])) / (1.0 + DAMPING)
        u[t + 2, 1:-1, 1:-1] = new[1:-1, 1:-1]
        u[t + 2, shot[0], shot[1]] += WAVELET[t]
    residual = u[2:, rows, columns] - data
    a = np.zeros((NT + 2, NZ, NX))  # the wave sent back, over 1 + damping
    gradient = np.zeros((NZ, NX))
    for t in range(NT - 1, -1, -1):
        later = a[t + 1]
        wave = 2.0 * later + bend_transposed(r * later) - (1.0 - DAMPING) * a[t + 2] * (t + 2 <= NT)
        np.add.at(wave, (rows, columns), residual[t])
        a[t, 1:-1, 1:-1] = (wave / (1.0 + DAMPING))[1:-1, 1:-1]
        gradient += a[t] * bend_of(u[t + 1])
    return 0.5 * np.sum(residual**2), gradient * 2.0 * speed * (fwi.DT / fwi.H) ** 2


def test_gradient_is_that_of_the_adjoint_state_method():
    values, gradients = fwi.misfit_shots(START, PLACES, DATA, *FIXED)
    for shot in range(4):
        value, gradient = adjoint_state(START, PLACES[shot], DATA[shot])
        assert np.isclose(values[shot], value, rtol=1e-12)
        scale = np.max(np.abs(gradient))
        assert scale > 0.0
        assert np.allclose(gradients[shot], gradient, rtol=0.0, atol=1e-12 * scale)


def test_gradient_predicts_the_change_of_the_misfit():
    _, gradients = fwi.misfit_shots(START, PLACES, DATA, *FIXED)
    direction = np.random.default_rng(0).normal(size=START.shape)
    values = [
        fwi.misfit_shots(START + s * direction, PLACES, DATA, *FIXED)[0].sum() for s in (0.5, -0.5)
    ]
    slope = np.sum(gradients.sum(axis=0) * direction)
    assert np.isclose(values[0] - values[1], slope, rtol=1e-4)


def test_misfit_falls_and_the_body_is_found():
    found, course = fwi.invert(START, PLACES, DATA, FIXED, 25)
    assert course[-1] < 1e-2 * course[0]
    body = TRUE - START < -175.0
    assert body[np.unravel_index(np.argmin(found - START), found.shape)]
    assert (found - START)[body].mean() < 0.6 * (TRUE - START)[body].mean()
