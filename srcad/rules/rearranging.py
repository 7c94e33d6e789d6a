"""Elements inserted, removed and repeated; triangles and grids; written out as Python."""

import numpy as np

from srcad.rules.registry import expand

# ---------------------------------------------------------------- inserted and removed


@expand(np.insert)
def insert(arr, obj, values, axis=None):
    """The array with values before some places of an axis."""
    if axis is None:
        return inserted(np.ravel(arr), obj, values, 0)
    if not -np.ndim(arr) <= axis < np.ndim(arr):
        raise ValueError("axis of np.insert is out of bounds")
    return inserted(np.asarray(arr), obj, values, axis % np.ndim(arr))


def inserted(arr, obj, values, axis):
    """``np.insert`` along an axis counted from the start."""
    if np.ndim(obj) > 0:
        return inserted_each(arr, np.asarray(obj), with_ndim(values, arr.ndim), axis)
    n = arr.shape[axis]
    if not -n <= obj <= n:
        raise IndexError("index is out of bounds for the axis of np.insert")
    rows = np.moveaxis(with_ndim(values, arr.ndim), 0, axis)
    place = obj + n if obj < 0 else obj
    return spliced(arr, place, place, rows, axis)


def with_ndim(values, ndim):
    """An array with new axes in front until it has as many."""
    return np.expand_dims(values, tuple(range(ndim - np.ndim(values))))


def spliced(arr, start, stop, rows, axis):
    """The array with other rows (None: without) in place of some (``srcad.frontend.splitting``)."""
    front, _, back = np.split(arr, [start, stop], axis)
    if rows is None:
        return np.concatenate((front, back), axis)
    shape = (*arr.shape[:axis], rows.shape[axis], *arr.shape[axis + 1 :])
    return np.concatenate((front, np.broadcast_to(rows, shape), back), axis, dtype=arr.dtype)


def inserted_each(arr, places, values, axis):
    """Row k of the values inserted before ``places[k]``, in the order of the places."""
    n = arr.shape[axis]
    m = places.shape[0]
    targets = np.empty(m, dtype=np.int64)
    for k in range(m):
        if not -n <= places[k] <= n:
            raise IndexError("index is out of bounds for the axis of np.insert")
        targets[k] = places[k] + n if places[k] < 0 else places[k]
    order = np.argsort(targets, kind="stable")
    is_new = np.zeros(n + m, dtype=np.bool_)
    for k in range(m):
        targets[order[k]] += k
        is_new[targets[order[k]]] = True
    out = np.empty((*arr.shape[:axis], n + m, *arr.shape[axis + 1 :]), dtype=arr.dtype)
    rows = np.moveaxis(out, axis, 0)
    old = np.moveaxis(arr, axis, 0)
    rows[targets] = np.moveaxis(values, axis, 0)
    place = 0
    for k in range(n + m):
        if not is_new[k]:
            rows[k] = old[place]
            place += 1
    return out


@expand(np.delete)
def delete(arr, obj, axis=None):
    """The array without some places of an axis."""
    if axis is None:
        return deleted(np.ravel(arr), obj, 0)
    if not -np.ndim(arr) <= axis < np.ndim(arr):
        raise ValueError("axis of np.delete is out of bounds")
    return deleted(np.asarray(arr), obj, axis % np.ndim(arr))


def deleted(arr, obj, axis):
    """``np.delete`` along an axis counted from the start."""
    if np.ndim(obj) > 0:
        return deleted_each(arr, obj, axis)
    n = arr.shape[axis]
    if not -n <= obj < n:
        raise IndexError("index is out of bounds for the axis of np.delete")
    place = obj + n if obj < 0 else obj
    return spliced(arr, place, place + 1, None, axis)


def deleted_each(arr, places, axis):
    """The array without several places of an axis."""
    if np.size(places) == 0:
        return arr.copy()
    keep = np.ones(arr.shape[axis], dtype=np.bool_)
    if np.asarray(places).dtype == np.bool_ and np.size(places) != arr.shape[axis]:
        raise ValueError("boolean array argument obj to delete must be as long as the axis")
    keep[places] = False
    return np.moveaxis(np.moveaxis(arr, axis, 0)[keep], 0, axis)


@expand(np.resize)
def resize(a, new_shape):
    """The elements in another shape, repeated as often as they are needed."""
    flat = np.ravel(a)
    if flat.size == 0:
        return np.zeros(new_shape, dtype=flat.dtype)
    out = np.empty(new_shape, dtype=flat.dtype)
    filled = out.reshape(-1)
    for k in range(filled.size):
        filled[k] = flat[k % flat.size]
    return out


# ---------------------------------------------------------------- diagonals and triangles


@expand(np.diag)
def diag(v, k=0):
    """The matrix with a diagonal, or the diagonal of a matrix."""
    v = np.asarray(v)
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim == 1:
        return with_diagonal(v, k)
    raise ValueError("Input must be 1- or 2-d.")


def with_diagonal(v, k):
    """The matrix with a diagonal."""
    n = v.shape[0] + abs(k)
    out = np.zeros((n, n), dtype=v.dtype)
    for i in range(v.shape[0]):
        out[i + max(0, -k), i + max(0, k)] = v[i]
    return out


@expand(np.diagflat)
def diagflat(v, k=0):
    """The matrix with the elements on a diagonal."""
    return diag(np.ravel(v), k)


@expand(np.fill_diagonal)
def fill_diagonal(a, val, wrap=False):
    """Write the diagonal of a matrix, or of a cube."""
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    items = np.ravel(val)
    for n in a.shape:
        if a.ndim > 2 and n != a.shape[0]:
            raise ValueError("All dimensions of input must be of equal length")
    length = a.shape[0] if a.ndim > 2 else min(a.shape[0], a.shape[1])
    for i in range(length):
        a[(i,) * a.ndim] = items[i % items.size]
    if wrap and a.ndim == 2:
        step = a.shape[1] + 1
        for i in range(a.shape[1], (a.size + a.shape[1]) // step):
            a[i * step // a.shape[1], i * step % a.shape[1]] = items[i % items.size]


@expand(np.tri)
def tri(N, M=None, k=0, dtype=float):
    """Ones at and below a diagonal."""
    columns = N if M is None else M
    out = np.zeros((N, columns), dtype=dtype)
    for i in range(N):
        for j in range(min(columns, i + k + 1)):
            out[i, j] = 1
    return out


@expand(np.triu)
def triu(m, k=0):
    """The upper triangles of the matrices on the last two axes."""
    m = as_rows(m)
    out = np.zeros_like(m)
    for i in range(m.shape[-2]):
        for j in range(max(0, i + k), m.shape[-1]):
            out[..., i, j] = m[..., i, j]
    return out


@expand(np.tril)
def tril(m, k=0):
    """The lower triangles of the matrices on the last two axes."""
    m = as_rows(m)
    out = np.zeros_like(m)
    for i in range(m.shape[-2]):
        for j in range(min(m.shape[-1], i + k + 1)):
            out[..., i, j] = m[..., i, j]
    return out


def as_rows(m):
    """A matrix; of a vector the square one with this row everywhere."""
    m = np.asarray(m)
    return np.broadcast_to(m, (m.size, m.size)) if m.ndim == 1 else m


@expand(np.tril_indices)
def tril_indices(n, k=0, m=None):
    """The indices of the lower triangle of a matrix."""
    return np.nonzero(np.tri(n, m, k, np.bool_))


@expand(np.triu_indices)
def triu_indices(n, k=0, m=None):
    """The indices of the upper triangle of a matrix."""
    return np.nonzero(~np.tri(n, m, k - 1, np.bool_))


@expand(np.tril_indices_from)
def tril_indices_from(arr, k=0):
    """The indices of the lower triangle of this matrix."""
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    return tril_indices(arr.shape[0], k, arr.shape[1])


@expand(np.triu_indices_from)
def triu_indices_from(arr, k=0):
    """The indices of the upper triangle of this matrix."""
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    return triu_indices(arr.shape[0], k, arr.shape[1])


@expand(np.diag_indices_from)
def diag_indices_from(arr):
    """The indices of the main diagonal of this array."""
    if arr.ndim < 2:
        raise ValueError("input array must be at least 2-d")
    for n in arr.shape:
        if n != arr.shape[0]:
            raise ValueError("All dimensions of input must be of equal length")
    return np.diag_indices(arr.shape[0], arr.ndim)


# ---------------------------------------------------------------- along one axis


@expand(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """A function of vectors applied to every lane of an axis."""
    if not -np.ndim(arr) <= axis < np.ndim(arr):
        raise ValueError("axis of np.apply_along_axis is out of bounds")
    lanes = np.moveaxis(np.asarray(arr), axis, -1)
    for n in lanes.shape[:-1]:
        if n == 0:
            raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    first = func1d(lanes[(0,) * (lanes.ndim - 1)], *args, **kwargs)
    shape = (*lanes.shape[:-1], *np.shape(first))
    out = np.empty(shape, dtype=np.atleast_1d(first).dtype)
    for at in np.ndindex(lanes.shape[:-1]):
        out[at] = func1d(lanes[at], *args, **kwargs)
    return laid_back(out, axis % np.ndim(arr), lanes.ndim - 1, np.ndim(first))


def laid_back(out, axis, before, inner):
    """The axes of the results of ``np.apply_along_axis`` in the place of the axis that went."""
    return np.moveaxis(out, tuple(range(before, before + inner)), tuple(range(axis, axis + inner)))
