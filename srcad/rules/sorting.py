"""Sorting and searching: integers come out, so the derivative is that of the gather after it."""

import numpy as np

from srcad.rules.registry import expand


@expand(np.searchsorted)
def searchsorted(a, v, side="left"):
    """Where v would be inserted into a sorted vector, by bisection."""
    a = np.asarray(a)
    if np.ndim(v) == 0:
        return insertion_point(a, v, side)
    v = np.asarray(v)
    found = np.empty(v.shape, dtype=np.int64)
    for at in np.ndindex(v.shape):
        found[at] = insertion_point(a, v[at], side)
    return found


def insertion_point(a, v, side):
    """The number of elements that come before v."""
    low = 0
    high = a.shape[0]
    while low < high:
        middle = (low + high) // 2
        if goes_after(a[middle], v, side):
            low = middle + 1
        else:
            high = middle
    return low


def goes_after(item, v, side):
    """Whether v is inserted somewhere after an item."""
    if side == "right":
        return not comes_before(v, item)
    return comes_before(item, v)


def comes_before(x, y):
    """Whether x is sorted strictly before y: NaN comes last."""
    return x < y or (np.isnan(y) and not np.isnan(x))


@expand(np.argsort)
def argsort(a, axis=-1, kind=None):
    """The indices that sort a lane of an axis, by a stable merge sort."""
    if axis is None:
        return order_of(np.ravel(a))
    if a.ndim == 1:
        return order_of(a)
    order = np.empty(a.shape, dtype=np.int64)
    lanes = np.moveaxis(a, axis, -1)
    found = np.moveaxis(order, axis, -1)
    for at in np.ndindex(lanes.shape[:-1]):
        found[at] = order_of(lanes[at])
    return order


def order_of(a):
    """The indices that sort a vector, by a stable merge sort from the bottom up."""
    n = a.shape[0]
    order = np.arange(n)
    merged = np.empty(n, dtype=np.int64)
    width = 1
    while width < n:
        start = 0
        while start < n:
            middle = min(start + width, n)
            end = min(start + 2 * width, n)
            left = start
            right = middle
            for k in range(start, end):
                take_left = left < middle
                if left < middle and right < end:
                    take_left = not comes_before(a[order[right]], a[order[left]])
                if take_left:
                    merged[k] = order[left]
                    left += 1
                else:
                    merged[k] = order[right]
                    right += 1
            start += 2 * width
        order[:] = merged
        width *= 2
    return order


@expand(np.sort)
def sort(a, axis=-1, kind=None):
    """The elements of each lane of an axis in ascending order."""
    if axis is None:
        flat = np.ravel(a)
        return flat[order_of(flat)]
    if a.ndim == 1:
        return a[order_of(a)]
    out = np.empty_like(a)
    lanes = np.moveaxis(a, axis, -1)
    found = np.moveaxis(out, axis, -1)
    for at in np.ndindex(lanes.shape[:-1]):
        found[at] = lanes[at][order_of(lanes[at])]
    return out


@expand(np.partition)
def partition(a, kth, axis=-1):
    """An array sorted around some places: here it is sorted everywhere."""
    return np.sort(a, axis)


@expand(np.argpartition)
def argpartition(a, kth, axis=-1):
    """The indices of that order."""
    return np.argsort(a, axis)


@expand(np.digitize)
def digitize(x, bins, right=False):
    """The number of the bin that each number lies in; the bins ascend or descend."""
    bins = np.asarray(bins)
    last = bins.shape[0] - 1
    if not (np.all(np.diff(bins) >= 0.0) or np.all(np.diff(bins) <= 0.0)):
        raise ValueError("bins must be monotonically increasing or decreasing")
    if last > 0 and bins[0] > bins[last]:
        return last + 1 - np.searchsorted(bins[::-1], x, side="right" if right else "left")
    return np.searchsorted(bins, x, side="left" if right else "right")
