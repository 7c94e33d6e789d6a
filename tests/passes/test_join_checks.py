"""Checks made where indices are used: in which loops, and that errors and gradients are right.

The oracle is central differences of the function as Python runs it (``slopes_agree``).
"""

import numpy as np
import pytest

from srcad import grad, value_and_grad
from tests.passes.support import IV, V, gradient_text, slopes_agree


def csr(data, indices, starts, x):
    total = 0.0
    for i in range(starts.size - 1):
        s = 0.0
        for k in range(starts[i], starts[i + 1]):
            s += data[k] * x[indices[k]]
        total += 0.5 * s * s
    return total


def gather(x, index):
    total = 0.0
    for i in range(index.size):
        total += x[index[i]] ** 2
    return total


def overwritten(x, index):
    """The loop before changes what is read: its forward sweep is more than checks."""
    total = 0.0
    for i in range(index.size):
        x[index[i]] = x[index[i]] * x[i]
        total += x[i]
    return total


def later(x, index):
    """An element outside of the inner loop, whose index that has checked."""
    total = 0.0
    for i in range(index.size - 1):
        k = 0
        for j in range(i, i + 2):
            k = index[j]
            total += x[k] ** 3
        total += x[k] * x[k]
    return total


STARTS, INDICES = np.array([0, 2, 2, 5]), np.array([1, 3, 0, -1, 1])
DATA, X = np.array([0.3, -1.2, 0.5, 2.0, 0.9]), np.array([0.4, 1.1, -0.6, 0.8])


def test_gradients():
    slopes_agree(csr, (DATA, INDICES, STARTS, X), wrt=("data", "x"))
    for f in (gather, overwritten, later):
        slopes_agree(f, (X, np.array([3, 0, -2, 1])), wrt=("x",))


def loops(text: str) -> int:
    return sum(line.strip().startswith("for ") for line in text.splitlines())


def test_one_loop():
    text = gradient_text(csr, (V, IV, IV, V), "data", "x")
    assert loops(text[: text.index("# reverse sweep")]) == 0
    assert text.index("raise IndexError") < text.index("s = plus(")
    assert loops(gradient_text(gather, (V, IV), "x")) == 1
    assert loops(gradient_text(overwritten, (V, IV), "x")) > 1


@pytest.mark.parametrize("jit", [True, False])
def test_errors(jit):
    for wrong in (4, -5):
        indices = INDICES.copy()
        indices[3] = wrong
        with pytest.raises(IndexError, match=r"indices\[k\] is out of bounds for axis 0 of x"):
            grad(csr, wrt=("data", "x"), jit=jit)(DATA, indices, STARTS, X)
        with pytest.raises(IndexError, match=r"index\[i\]"):
            grad(gather, jit=jit)(X, indices)
        with pytest.raises(IndexError, match="of x"):
            grad(later, jit=jit)(X, indices)
        with pytest.raises(IndexError, match=r"index\[i\]"):
            value_and_grad(gather, jit=jit)(X, indices)
    starts = STARTS.copy()
    starts[3] = 6
    with pytest.raises(IndexError, match="of data"):
        grad(csr, wrt=("data", "x"), jit=jit)(DATA, INDICES, starts, X)
    found = grad(csr, wrt=("data", "x"), jit=jit)(DATA, INDICES, STARTS, X)
    assert found[0].shape == DATA.shape


def test_gradient_given_keeps_its_contents_when_a_check_fails():
    """The error leaves arrays of the caller as they are."""
    out = np.full(4, 7.0)
    with pytest.raises(IndexError):
        grad(gather)(X, np.array([0, 9]), out=out)
    assert set(out) == {7.0}
