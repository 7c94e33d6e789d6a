"""``max``, ``min``, ``sorted`` and ``reduce``, and methods of ufuncs as ``np.maximum.accumulate``."""

import builtins
import functools

import numpy as np

from srcad.rules.registry import expand

# ---------------------------------------------------------------- by a key


@expand(builtins.max)
def _max_by(*items, key=None, default=None):
    """The first of the items whose key is the largest."""
    candidates = items[0] if len(items) == 1 else items
    if len(candidates) == 0:
        if default is None:
            raise ValueError("max() iterable argument is empty")
        return default
    best = candidates[0]
    largest = best if key is None else key(best)
    for item in candidates[1:]:
        found = item if key is None else key(item)
        if found > largest:
            best, largest = item, found
    return best


@expand(builtins.min)
def _min_by(*items, key=None, default=None):
    """The first of the items whose key is the smallest."""
    candidates = items[0] if len(items) == 1 else items
    if len(candidates) == 0:
        if default is None:
            raise ValueError("min() iterable argument is empty")
        return default
    best = candidates[0]
    smallest = best if key is None else key(best)
    for item in candidates[1:]:
        found = item if key is None else key(item)
        if found < smallest:
            best, smallest = item, found
    return best


@expand(builtins.sorted)
def _sorted_by(items, *, key=None, reverse=False):
    """The items in the order of their keys, those of equal keys in the order that they had.

    Keys that are tuples of numbers are sorted by the last member first.
    """
    keys = np.array([item if key is None else key(item) for item in items])
    ranks = -keys if reverse else keys
    if ranks.ndim == 1:
        order = np.argsort(ranks, kind="stable")
    else:
        order = np.arange(ranks.shape[0])
        for column in range(ranks.shape[1] - 1, -1, -1):
            order = order[np.argsort(ranks[order, column], kind="stable")]
    return [items[k] for k in order]


@expand(functools.reduce)
def _reduced(function, items, *initial):
    """A function of two arguments, called with what it gave before and the next item."""
    total = initial[0] if len(initial) == 1 else items[0]
    for item in items if len(initial) == 1 else items[1:]:
        total = function(total, item)
    return total


# ---------------------------------------------------------------- so far


@expand(np.maximum.accumulate)
def maximum_so_far(array, axis=0):
    """The largest of the elements up to each."""
    return _so_far(np.maximum, array, axis)


@expand(np.minimum.accumulate)
def minimum_so_far(array, axis=0):
    """The smallest of the elements up to each."""
    return _so_far(np.minimum, array, axis)


def _so_far(better, array, axis):
    out = np.array(array)
    lanes = np.moveaxis(out, axis, 0)
    for k in range(1, lanes.shape[0]):
        lanes[k] = better(lanes[k - 1], lanes[k])
    return out


@expand(np.add.accumulate)
def sum_so_far(array, axis=0):
    """The sum of the elements up to each."""
    return np.cumsum(array, axis=axis)


@expand(np.multiply.accumulate)
def product_so_far(array, axis=0):
    """The product of the elements up to each."""
    return np.cumprod(array, axis=axis)


# ---------------------------------------------------------------- along an axis


@expand(np.add.reduce)
def add_reduce(array, axis=0, dtype=None, *, keepdims=False):
    """The sum, along the first axis if no other is named."""
    return np.sum(array, axis=axis, dtype=dtype, keepdims=keepdims)


@expand(np.multiply.reduce)
def multiply_reduce(array, axis=0, dtype=None, *, keepdims=False):
    """The product, along the first axis if no other is named."""
    return np.prod(array, axis=axis, dtype=dtype, keepdims=keepdims)


@expand(np.maximum.reduce)
def maximum_reduce(array, axis=0, *, keepdims=False):
    """The largest element, along the first axis if no other is named."""
    return np.max(array, axis=axis, keepdims=keepdims)


@expand(np.minimum.reduce)
def minimum_reduce(array, axis=0, *, keepdims=False):
    """The smallest element, along the first axis if no other is named."""
    return np.min(array, axis=axis, keepdims=keepdims)


# ---------------------------------------------------------------- of all pairs


def _outer_of(ufunc):
    def outer(A, B):
        if np.ndim(A) == 0 or np.ndim(B) == 0:
            return ufunc(A, B)
        a, b = np.asarray(A), np.asarray(B)
        return ufunc(a.reshape(a.shape + (1,) * b.ndim), b)

    return outer


for _ufunc in (
    *(np.add, np.subtract, np.multiply, np.divide, np.power, np.hypot, np.arctan2),
    *(np.maximum, np.minimum, np.logaddexp),
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
):
    expand(_ufunc.outer)(_outer_of(_ufunc))
