"""What functions that rearrange arrays reject, as NumPy does, and what srcad refuses."""

import numpy as np
import pytest

import srcad
from tests.rules.linear import arguments, parameters, written

REJECTED = """
    np.moveaxis(t, 3, 0)
    np.moveaxis(t, (0, 1), (0, 0))
    np.moveaxis(t, (0, 1), 0)
    np.rollaxis(t, 0, 4)
    np.expand_dims(a, 4)
    np.expand_dims(a, (0, 0))
    np.squeeze(a, axis=0)
    np.squeeze(a, axis=2)
    np.transpose(t, (0, 1))
    np.transpose(t, (0, 1, 1))
    np.swapaxes(a, 0, 2)
    np.broadcast_to(x, (3, 4))
    np.broadcast_to(a, (4,))
    np.broadcast_arrays(x, y)
    np.broadcast_shapes((3, 2), (1, 4))
    np.lib.stride_tricks.sliding_window_view(x, 6)
    np.lib.stride_tricks.sliding_window_view(a, 2)
    np.diagonal(x)
    np.diagonal(a, 0, 1, 1)
    np.trace(x)
    a.reshape(5, -1)
    a.reshape(5, 2)
    a.reshape(-1, -1)
    np.concatenate((x, a))
    np.concatenate((a, c), axis=1)
    np.concatenate((a, d), axis=2)
    np.stack((x, y))
    np.stack((x, z), axis=2)
    np.dstack((a, c))
    np.column_stack((x, y))
    np.block([[a], [c, c]])
    np.block([[a, c]])
    np.block([x, [x]])
    np.append(a, x, axis=0)
    np.split(x, 2)
    np.hsplit(s, 1)
    np.vsplit(x, 1)
    np.dsplit(a, 1)
    np.array_split(x, 0)
    np.insert(x, 6, s)
    np.insert(x, [1, 7], s)
    np.insert(a, 1, x, axis=0)
    np.insert(a, 1, s, axis=2)
    np.delete(x, 5)
    np.delete(x, -6)
    np.delete(x, [7])
    np.delete(x, np.array([True]))
    np.delete(a, 0, axis=2)
    np.repeat(x, -1)
    np.repeat(x, [1, 2])
    np.repeat(y, [1, -2, 1])
    np.roll(a, (1, 2, 3), axis=(0, 1))
    np.roll(a, 1, axis=2)
    np.flip(a, 2)
    np.fliplr(x)
    np.rot90(x)
    np.rot90(t, axes=(1, 1))
    np.pad(x, -1)
    np.pad(a, ((1, 1), (1, 1), (1, 1)))
    np.pad(x, (1, 2, 3))
    np.pad(e, 1, mode="edge")
    np.take(x, 5)
    np.take(x, [0, -6])
    np.take(a, 1, axis=2)
    np.take_along_axis(a, k, axis=0)
    np.take_along_axis(a, m + 4, axis=0)
    np.take_along_axis(a, m[:2], axis=1)
    np.compress([True] * 5, a, axis=0)
    return np.put(x, [5], s), x
    return np.put_along_axis(a, m + 4, s, 0), a
    return np.place(a, m > 1, y[:0]), a
    return np.putmask(a, k > 1, s), a
    return np.copyto(a, x), a
    return np.fill_diagonal(x, s), x
    return np.fill_diagonal(t, s), t
    np.tril_indices_from(x)[0] * s
    np.diag_indices_from(a)[0] * s
    np.meshgrid(x, y, indexing="yx")
    np.cross(x, y)
    np.cross(a, d)
    np.apply_along_axis(np.sum, 2, a)
    np.apply_along_axis(np.sum, 1, e)
    np.array([x, y])
    np.array([x, [s, s]])
    np.array([[s, s], s])
    np.full((2, 2), y)
    np.zeros(-1) * s
    np.eye(-1) * s
    np.unravel_index(12, (3, 4))[0] * s
    np.ravel_multi_index((3, 4), (3, 4)) * s
"""
REFUSED = """
    np.reshape(t, 24, order="A") | order
    np.pad(x, 2, mode="mean") | modes
    np.pad(x, 2, mode="reflect", reflect_type="odd") | margins
    np.unstack(a) | rows
    np.array_split(x, n) |
    np.array(x, copy=False) | asarray
    np.vectorize(np.sin)(x) | loop
    np.frombuffer(x) | outside
    np.fromiter(x, float) | np.array
    np.apply_over_axes(np.sum, t, [0, 2]) | tuple
    np.fromfunction(lambda i, j: i + j, (3, 4)) * s | indices
    np.rot90(a, n) |
    np.r_["0,2", x] |
    np.mgrid[0:] * s | 0:n
    np.insert(x, slice(1, 3), s) |
    x.view(np.int64) * s |
    np.zeros(3, order="X") * s |
"""


def rows(text):
    return [line.strip() for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """Each row as a function of a module on disk."""
    texts = [*rows(REJECTED), *(row.split(" |")[0] for row in rows(REFUSED))]
    made = written(tmp_path_factory.mktemp("errors"), "rows_of_errors", texts)
    return dict(zip(texts, made, strict=True))


@pytest.mark.parametrize("row", rows(REJECTED))
def test_rejected(row, functions):
    args = arguments(parameters(row), np.dtype("float64"))
    with pytest.raises((ValueError, IndexError, TypeError)):
        functions[row](*[np.copy(v) if np.ndim(v) else v for v in args])
    with pytest.raises((ValueError, IndexError)) as caught:
        srcad.vjp(functions[row], *args, jit=False)
    assert not isinstance(caught.value, srcad.UnsupportedError)


@pytest.mark.parametrize("row", rows(REFUSED))
def test_refused(row, functions):
    text, hint = row.split(" |")
    args = arguments(parameters(text), np.dtype("float64"))
    with pytest.raises(srcad.UnsupportedError) as caught:
        srcad.vjp(functions[text], *args, jit=False)
    assert hint.strip() in str(caught.value)


def of_vectors(v):
    if v.ndim == 1:
        return v
    raise ValueError("a vector is expected")


def test_a_callee_that_only_raises_for_these_types():
    def f(a):
        of_vectors(a)
        return np.sum(a)

    with pytest.raises(ValueError, match="a vector is expected"):
        srcad.grad(f, jit=False)(np.ones((2, 2)))
    assert np.all(srcad.grad(f, jit=False)(np.ones(2)) == 1.0)


def test_squeeze_of_an_axis_whose_length_is_known_too_late():
    def f(x, n):
        return np.sum(np.squeeze(x[:n]))

    assert np.all(srcad.grad(f, jit=False)(np.ones(3), 2) == [1.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="give axis"):
        srcad.grad(f, jit=False)(np.ones(3), 1)
