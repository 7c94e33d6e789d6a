"""Masks with a price: optimality where the problem is convex, and tickets that win."""

import lottery_ticket as lottery
import numpy as np
import pytest
from digits_mlp import load, new_network

DATA = load()
IMAGES, LABELS = DATA[:2]
START = new_network(32, np.random.default_rng(1))


def test_masks_of_the_last_layer_fulfil_the_conditions_of_optimality():
    first, second = lottery.ones(START)
    price, before = 0.002, second
    for k in range(3000):
        ahead = second + k / (k + 3) * (second - before)  # Nesterov's acceleration
        _, _, slope = lottery.slopes(START, first, ahead, IMAGES[:100], LABELS[:100])
        before, second = second, np.clip(ahead - slope - price, 0.0, 1.0)
    _, _, slope = lottery.slopes(START, first, second, IMAGES[:100], LABELS[:100])
    off, full = second == 0.0, second == 1.0
    between = ~off & ~full
    assert min(np.sum(off), np.sum(full), np.sum(between)) > 5
    np.testing.assert_allclose(slope[between], -price, atol=1e-6)
    assert np.all(slope[off] >= -price - 1e-9) and np.all(slope[full] <= -price + 1e-9)


def test_a_mask_has_the_slope_of_its_weight_times_the_other_factor():
    rng = np.random.default_rng(0)
    masks = [rng.uniform(size=m.shape) for m in lottery.ones(START)]
    net, first, second = lottery.slopes(START, *masks, IMAGES[:50], LABELS[:50])
    np.testing.assert_allclose(first * masks[0], net.w1 * START.w1, atol=1e-15)
    np.testing.assert_allclose(second * masks[1], net.w2 * START.w2, atol=1e-15)


@pytest.fixture(scope="module")
def ticket():
    return lottery.find_ticket(START, IMAGES, LABELS, 0.006)


def test_pixels_without_ink_lose_their_masks(ticket):
    never = ~np.any(IMAGES > 0.0, axis=0)
    assert np.sum(never) >= 3
    assert np.all(ticket[0][never] == 0.0)


def test_a_ticket_wins_and_random_places_lose(ticket):
    assert lottery.density(ticket) < 0.15
    won = lottery.score(START, ticket, *DATA)
    lost = lottery.score(START, lottery.shuffled(ticket, np.random.default_rng(0)), *DATA)
    assert won > 0.94 and lost < won - 0.04
