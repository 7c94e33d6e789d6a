import numpy as np
import wave_imaging as wi

RNG = np.random.default_rng(0)


def time_reversal(traces, speed, receivers, shape):
    """By hand, for one speed everywhere: the wave equation with the records as its sources."""
    now, later = np.zeros(shape), np.zeros(shape)
    for t in range(len(traces) - 1, -1, -1):
        new = np.zeros(shape)
        new[1:-1, 1:-1] = 2.0 * now[1:-1, 1:-1] - later[1:-1, 1:-1]
        inside = np.zeros(shape)  # the edges are held, and send nothing
        inside[1:-1, 1:-1] = now[1:-1, 1:-1]
        bend = np.roll(inside, 1, 0) + np.roll(inside, -1, 0) - 4.0 * inside
        bend += np.roll(inside, 1, 1) + np.roll(inside, -1, 1)
        new = new + speed**2 * bend
        for r, (i, j) in enumerate(receivers):
            new[i, j] += traces[t, r]
        now, later = new, now
    return now, later


def test_dot_product_identity():
    pressure, speed, receivers, _ = wi.scene(41)
    pressure = RNG.normal(size=pressure.shape)
    traces = wi.record(pressure, speed, receivers, 60)
    assert np.allclose(wi.forward(pressure, speed, receivers, 60), traces, atol=1e-13)
    d = RNG.normal(size=traces.shape)
    there, back = np.sum(traces * d), np.sum(pressure * wi.back_propagate(d, speed, receivers))
    assert abs(there - back) < 1e-13 * np.linalg.norm(traces) * np.linalg.norm(d)


def test_adjoint_is_the_transposed_matrix():
    n, steps = 7, 12
    speed = RNG.uniform(0.3, 0.6, size=(n, n))
    receivers = np.array([[1, 2], [4, 4], [5, 1]])
    columns = [wi.record(e.reshape(n, n), speed, receivers, steps) for e in np.eye(n * n)]
    matrix = np.array([c.ravel() for c in columns]).T
    d = RNG.normal(size=(steps, 3))
    image = wi.back_propagate(d, speed, receivers)
    assert np.allclose(image.ravel(), matrix.T @ d.ravel(), rtol=1e-12, atol=1e-13)


def test_adjoint_is_time_reversal():
    n, steps = 31, 50
    speed = np.full((n, n), 0.5)
    receivers = np.array([[3, 15], [27, 12], [15, 4], [14, 26]])
    d = RNG.normal(size=(steps, 4))
    # p is the field of the first two steps: the later one comes in with -1, by the leapfrog rule
    now, later = time_reversal(d, speed, receivers, (n, n))
    image = wi.back_propagate(d, speed, receivers)
    assert np.allclose(image[1:-1, 1:-1], (now - later)[1:-1, 1:-1], rtol=1e-12, atol=1e-12)


def test_waves_sent_back_meet_at_the_sources():
    pressure, speed, receivers, sources = wi.scene(61)
    traces = wi.forward(pressure, speed, receivers, 150)
    image = wi.back_propagate(traces, speed, receivers)
    assert np.max(np.abs(wi.peaks(image, 3) - sources)) <= 1
    inverted, misfits = wi.conjugate_gradients(traces, speed, receivers, 30)
    assert np.all(np.diff(misfits) < 0.0) and misfits[-1] < 1e-4 * misfits[0]
    error = np.linalg.norm(inverted - pressure) / np.linalg.norm(pressure)
    assert error < 0.02
