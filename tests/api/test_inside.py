"""What is used inside of functions: stop_gradient, straight_through, on_backward.

The oracles are derivatives by hand: a stopped factor is a constant.
"""

import numpy as np
import pytest

import srcad

K = np.arange(1.0, 10.0).reshape(3, 3)
either = pytest.mark.parametrize("jit", [True, False])


@either
def test_a_stopped_number_is_a_constant(jit):
    def f(x):
        return srcad.stop_gradient(3.0 * x) * x * x

    assert srcad.grad(f, jit=jit)(2.0) == 24.0
    assert srcad.jvp(f, (2.0,), (1.0,), jit=jit) == (24.0, 24.0)


@either
def test_of_what_is_stopped_the_array_may_change_when_it_is_not_read_again(jit):
    def f(k):
        s = 0.0
        for i in range(3):
            v = srcad.stop_gradient(k[i])
            s += np.sum(v * k[i])
            k[i] = 0.0
        return s

    np.testing.assert_array_equal(srcad.grad(f, jit=jit)(K), K)


@either
def test_what_was_just_computed_may_be_written(jit):
    def f(k):
        v = srcad.stop_gradient(k[0] - k[1])
        k[0] *= 2.0
        v[0] = 5.0
        return np.sum(v * k[0])

    expected = np.zeros((3, 3))
    expected[0] = [10.0, -6.0, -6.0]
    np.testing.assert_array_equal(srcad.grad(f, jit=jit)(K), expected)


def relaxed(k, stop=srcad.stop_gradient):
    for _ in range(2):
        k += np.tanh(stop(k)) * k[0, 1]
        k[1:] *= stop(k)[:-1]
        k[0, 0], k[0, 1] = stop(k)[0, 1] * k[0, 2], stop(k)[0, 0]
    return np.sum(k * k)


@either
def test_an_assignment_reads_before_it_writes(jit):
    """The oracle is complex step, where the real part passes no derivative on, and is a view too."""
    expected = np.zeros((3, 3))
    for at in np.ndindex(3, 3):
        k = 0.2 * K + 0j
        k[at] += 1e-30j
        expected[at] = relaxed(k, np.real).imag / 1e-30
    found = srcad.grad(relaxed, jit=jit)(0.2 * K)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def tail_written(k):
    k[0] = 5.0 * k[1]
    return k[1]


def changed_meanwhile(k):
    k += srcad.stop_gradient(k) * tail_written(k)
    return np.sum(k * k)


def changed_by_a_keyword(k):
    k += srcad.stop_gradient(k) * np.add(k, 1.0, out=k)
    return np.sum(k * k)


def changed_row_by_row(k):
    for row in srcad.stop_gradient(k):
        k[1] = row * 2.0
    return np.sum(k * k)


@pytest.mark.parametrize("f", [changed_meanwhile, changed_by_a_keyword, changed_row_by_row])
def test_what_is_written_before_it_is_read_is_refused(f):
    with pytest.raises(srcad.UnsupportedError, match="share memory"):
        srcad.grad(f, jit=False)(K)


def read_later(k):
    v = srcad.stop_gradient(k[0])
    k[0] *= 2.0
    return np.sum(v * k[0])


def written(k):
    v = srcad.stop_gradient(k[0])
    v[0] = 5.0
    return np.sum(v * k[0])


def returned(k):
    v = srcad.stop_gradient(k)
    k[0] = 0.0
    return np.sum(k * k), v


@pytest.mark.parametrize("f", [read_later, written, returned])
def test_a_copy_must_not_be_seen_to_be_one(f):
    with pytest.raises(srcad.UnsupportedError, match="may share memory"):
        srcad.grad(f, has_aux=f is returned, jit=False)(K)


@either
def test_straight_through_has_the_value_of_one_and_the_derivative_of_the_other(jit):
    def f(x):
        return np.sum(srcad.straight_through(np.round(x), np.sin(x)))

    x = np.array([0.3, 1.6])
    value, gradient = srcad.value_and_grad(f, jit=jit)(x)
    assert value == 2.0
    np.testing.assert_allclose(gradient, np.cos(x), rtol=1e-14)


@either
def test_on_backward_changes_the_cotangent(jit):
    def f(x):
        return 100.0 * np.sum(srcad.on_backward(x * x, lambda g: np.clip(g, -1.0, 1.0)))

    np.testing.assert_array_equal(srcad.grad(f, jit=jit)(np.array([3.0, -2.0])), [6.0, -4.0])
