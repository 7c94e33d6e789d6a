import numpy as np
import splice_rnn as rnn


def _small():
    rng = np.random.default_rng(0)
    strands, labels, _ = rnn.make_strands(rng, 30, 20)
    return rnn.start(rng, 5), rnn.one_hot(strands), labels


def test_terms_of_the_letters_are_those_by_hand_and_sum_to_the_shared_gradient():
    p, x, labels = _small()
    terms = rnn.unshared_gradient(np.array([p[0]] * len(x)), *p[1:], x, labels)
    exact = rnn.by_hand(*p, x, labels)
    np.testing.assert_allclose(terms, exact, rtol=1e-10, atol=1e-15)
    shared = rnn.loss_gradient(*p, x, labels)[1][0]
    np.testing.assert_allclose(shared, np.sum(exact, axis=0), rtol=1e-11, atol=1e-15)


def test_gradients_by_the_letters_are_complex_steps():
    p, x, _ = _small()
    found = rnn.letter_gradient(*p[:4], x)
    W = np.array([p[0]] * len(x))
    for t, n, k in [(0, 3, 2), (7, 11, 0), (19, 29, 3)]:
        h, nudged = np.zeros((30, 5)), x.astype(complex)
        nudged[t, n, k] += 1e-30j
        total = 0.0
        for s in range(len(x)):
            h = np.tanh(h @ W[s].T + nudged[s] @ p[1].T + p[2])
            total = total + np.exp(h @ p[3])
        exact = np.sum(np.log(total)).imag / 1e-30
        np.testing.assert_allclose(found[t, n, k], exact, rtol=1e-11)


def test_motif_is_found():
    rng = np.random.default_rng(0)
    strands, labels, _ = rnn.make_strands(rng, 10000, 25)
    held_out = rnn.make_strands(rng, 1000, 25)
    p, _ = rnn.train(rnn.start(rng, 12), rnn.one_hot(strands), labels, 1000, 0.02, rng)
    best = rnn.best_accuracy(*held_out[:2])
    assert best - 0.04 < rnn.accuracy(p, rnn.one_hot(held_out[0]), held_out[1]) < best + 0.01
    effect, found = rnn.motif(p, *held_out)
    word = "".join(rnn.LETTERS[k] for k in np.argmax(effect, axis=1))
    assert word[1:] == rnn.CONSENSUS[1:]
    assert found > 0.7  # 3 of 17 places by chance
