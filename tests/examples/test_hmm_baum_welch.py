import itertools

import hmm_baum_welch as hmm
import numpy as np

ROLLS, _ = hmm.throw(400)


def forward_backward(start, change, faces, rolls):
    """The expected counts by the textbook's two recursions, in probabilities scaled to 1."""
    T, K = len(rolls), len(start)
    alpha, beta, scale = np.zeros((T, K)), np.ones((T, K)), np.zeros(T)
    for t in range(T):
        p = (start if t == 0 else alpha[t - 1] @ change) * faces[:, rolls[t]]
        scale[t] = p.sum()
        alpha[t] = p / scale[t]
    for t in range(T - 2, -1, -1):
        beta[t] = change @ (faces[:, rolls[t + 1]] * beta[t + 1]) / scale[t + 1]
    gamma = alpha * beta
    changes = np.zeros((K, K))
    for t in range(T - 1):
        ahead = faces[:, rolls[t + 1]] * beta[t + 1] / scale[t + 1]
        changes += alpha[t][:, None] * change * ahead
    shown = np.stack([gamma[rolls == face].sum(axis=0) for face in range(6)], axis=1)
    return np.log(scale).sum(), gamma, changes, shown


def test_gradient_is_the_table_of_expected_counts():
    parameters = hmm.guess()
    value, (changes, faces) = hmm.counts(*parameters, ROLLS)
    expected, gamma, expected_changes, shown = forward_backward(
        hmm.START, *(np.exp(p) for p in parameters), ROLLS
    )
    assert np.isclose(value, expected, rtol=1e-13)
    assert np.allclose(changes, expected_changes, rtol=1e-12)
    assert np.allclose(faces, shown, rtol=1e-12)
    assert np.isclose(changes.sum(), 399.0)  # a count of the changes
    assert np.isclose(faces.sum(), 400.0)  # and of the rolls
    emission = parameters[1][:, ROLLS].T.copy()
    assert np.allclose(hmm.posterior(np.log(hmm.START), parameters[0], emission), gamma, rtol=1e-12)


def test_counts_are_those_of_all_paths():
    rolls = ROLLS[:8]
    total, changes = 0.0, np.zeros((2, 2))
    for path in itertools.product((0, 1), repeat=8):
        p = hmm.START[path[0]] * hmm.FACES[path[0], rolls[0]]
        for t in range(1, 8):
            p *= hmm.CHANGE[path[t - 1], path[t]] * hmm.FACES[path[t], rolls[t]]
        total += p
        for t in range(1, 8):
            changes[path[t - 1], path[t]] += p
    parameters = (np.log(hmm.CHANGE), np.log(hmm.FACES))
    value, (got, _) = hmm.counts(*parameters, rolls)
    assert np.isclose(value, np.log(total), rtol=1e-13)
    assert np.allclose(got, changes / total, rtol=1e-12)


def test_em_climbs_and_gradient_ascent_ends_at_the_same_maximum():
    _, em = hmm.expectation_maximisation(hmm.guess(), ROLLS, 400)
    _, ascent = hmm.gradient_ascent(hmm.guess(), ROLLS)
    assert np.all(np.diff(em) > -1e-9)
    assert abs(em[-1] - ascent[-1]) < 1e-5
    assert em[-1] - em[0] > 5.0
