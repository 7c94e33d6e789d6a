import numpy as np
import pagerank as pr

import srcad

WEB = pr.web(16, 48)
N, PAGE, DAMPING = 16, 9, 0.85
RANKS, WORTH = pr.by_linear_algebra(*WEB, DAMPING, N, PAGE)
unrolled = srcad.value_and_grad(pr.unrolled)


def test_implicit_derivative_is_that_of_linear_algebra():
    rank, gradient = srcad.value_and_grad(pr.implicit)(*WEB, DAMPING, N, PAGE)
    assert np.isclose(rank, RANKS[PAGE], rtol=1e-12)
    assert np.allclose(gradient, WORTH, rtol=1e-10, atol=1e-14)


def test_unrolled_derivative_converges_to_it_and_lags_behind():
    def errors(k):
        rank, gradient = unrolled(*WEB, DAMPING, N, PAGE, k)
        return abs(rank - RANKS[PAGE]) / RANKS[PAGE], np.max(
            np.abs(gradient - WORTH) / np.max(WORTH)
        )

    assert errors(400)[1] < 1e-12
    rank, gradient = errors(40)
    assert gradient > 3.0 * rank


def test_worth_is_what_a_changed_weight_does():
    weights, tail, head = WEB
    for e in (0, 17, 40):
        moved = [weights.copy(), weights.copy()]
        moved[0][e] += 1e-4
        moved[1][e] -= 1e-4
        up, down = (pr.by_linear_algebra(w, tail, head, DAMPING, N, PAGE)[0][PAGE] for w in moved)
        assert np.isclose((up - down) / 2e-4, WORTH[e], rtol=1e-6, atol=1e-10)


def test_scaling_the_links_of_a_page_changes_nothing():
    gradient = srcad.grad(pr.implicit)(*WEB, DAMPING, N, PAGE)
    weights, tail, _ = WEB
    for page in range(N):
        assert abs(np.sum((gradient * weights)[tail == page])) < 1e-13
