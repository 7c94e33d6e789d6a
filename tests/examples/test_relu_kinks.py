import numpy as np
import relu_kinks as rk

import srcad


def test_derivative_at_the_kink_is_the_value_that_the_contract_fixes():
    assert srcad.grad(rk.relu)(0.0) == 0.0
    assert rk.one_sided(rk.relu, 0.0) == (0.0, 1.0)
    assert srcad.grad(rk.identity)(0.0) == 0.0
    assert rk.one_sided(rk.identity, 0.0) == (1.0, 1.0)
    for z in (-0.5, -(2.0**-10), 2.0**-10, 0.5):
        for f in (rk.relu, rk.leaky, rk.identity):
            left, right = rk.one_sided(f, z)
            assert abs(left - right) < 1e-9
            assert abs(srcad.grad(f)(z) - left) < 1e-9


def test_one_unit_in_four_is_dead_at_the_start():
    w, b, _ = rk.start(np.random.default_rng(0), 100_000)
    share = np.mean(rk.dead(w, b, np.array([-1.0, 0.0, 1.0])))
    assert abs(share - 0.25) < 3.0 * np.sqrt(0.25 * 0.75 / 100_000)


def test_units_without_gradient_are_the_dead_ones_and_stay_dead():
    p = w, b, v = rk.start(np.random.default_rng(0), 40)
    x = np.linspace(-1.0, 1.0, 21)
    y = np.sin(3.0 * x)
    off = rk.dead(w, b, x)
    assert 0 < np.sum(off) < 40
    for part in rk.gradient(w, b, v, x, y, rk.relu):
        np.testing.assert_array_equal(part == 0.0, off)
    after, _ = rk.train(p, x, y, rk.relu, 0.2, 100)
    assert rk.revived(p, after, x) == 0
    for before, now in zip(p, after, strict=True):
        np.testing.assert_array_equal(before[off], now[off])


def test_gradient_is_the_sum_over_the_data_for_which_a_unit_is_on():
    w, b, v = rk.start(np.random.default_rng(1), 7)
    x = np.linspace(-1.0, 1.0, 9)
    y = x**2
    inner = np.outer(w, x) + b[:, None]
    error = 2.0 * (v @ np.maximum(inner, 0.0) - y) / len(x)
    w_bar, b_bar, v_bar = rk.gradient(w, b, v, x, y, rk.relu)
    np.testing.assert_allclose(b_bar, v * ((inner > 0.0) @ error), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(w_bar, v * ((inner > 0.0) @ (error * x)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(v_bar, np.maximum(inner, 0.0) @ error, rtol=1e-12, atol=1e-15)


def test_network_that_is_off_learns_nothing_or_the_best_line():
    w, b, v = rk.start(np.random.default_rng(0), 20)
    x = np.linspace(-1.0, 1.0, 21)
    y = np.sin(3.0 * x)
    off = (w, b - 5.0, v)
    after, shares = rk.train(off, x, y, rk.relu, 0.05, 10)
    assert shares[0] == 1.0
    assert rk.loss(*after, x, y, rk.relu) == rk.loss(*off, x, y, rk.relu)
    after, shares = rk.train(off, x, y, rk.leaky, 0.05, 3000)
    assert shares[-1] == 1.0  # still on the flat side, which is not flat
    assert abs(rk.loss(*after, x, y, rk.leaky) - rk.best_line(x, y)) < 1e-9
