import itertools

import factor_graph as fg
import numpy as np

RNG = np.random.default_rng(0)
PARENT = np.array([0, 0, 0, 1, 1, 3, 2])
SINGLE = RNG.normal(size=(7, 3))
PAIR = RNG.normal(size=(7, 3, 3))


def by_enumeration():
    """log Z, marginals and joint probabilities of two variables, by the sum over 3^7 states."""
    Z, singles, pairs, joint = 0.0, np.zeros((7, 3)), np.zeros((7, 3, 3)), np.zeros((7, 3, 7, 3))
    for state in itertools.product(range(3), repeat=7):
        energy = sum(SINGLE[i, s] for i, s in enumerate(state))
        energy += sum(PAIR[i, state[i], state[PARENT[i]]] for i in range(1, 7))
        weight = np.exp(energy)
        Z += weight
        hot = np.zeros((7, 3))
        hot[np.arange(7), state] = 1.0
        singles += weight * hot
        joint += weight * np.multiply.outer(hot, hot)
        for i in range(1, 7):
            pairs[i, state[i], state[PARENT[i]]] += weight
    return np.log(Z), singles / Z, pairs / Z, joint / Z


def test_gradient_of_log_z_is_the_marginals_of_the_sum_over_states():
    log_z, singles, pairs, joint = by_enumeration()
    ours, ours_pair = fg.marginals(SINGLE, PAIR, PARENT)
    assert np.isclose(fg.log_partition(SINGLE, PAIR, PARENT), log_z, rtol=1e-13)
    assert np.allclose(ours, singles, rtol=1e-12)
    assert np.allclose(ours_pair, pairs, rtol=1e-12)
    covariance = joint - np.multiply.outer(singles, singles)
    assert np.allclose(fg.covariances(SINGLE, PAIR, PARENT), covariance, atol=1e-14)


def test_gradient_of_log_z_is_what_messages_find():
    single, pair, parent, _ = fg.lineage(63, 20)
    ours, ours_pair = fg.marginals(single, pair, parent)
    theirs, theirs_pair = fg.sum_product(single, pair, parent)
    assert np.allclose(ours, theirs, rtol=1e-12)
    assert np.allclose(ours_pair, theirs_pair, rtol=1e-12)
