"""Functions that reshape, join, split, pad and index arrays, against NumPy itself.

Each row is an expression of the arrays named in ``tests.rules.linear``, or the body of a function
that writes into one of them and returns it.
"""

import numpy as np
import pytest

from tests.rules.linear import arguments, check_linear, parameters, written

THEMES = {
    "axes": """
        np.moveaxis(t, 0, 2)
        np.moveaxis(t, -1, 0)
        np.moveaxis(t, (0, 1), (1, 2))
        np.moveaxis(t, [0, 1], [-1, -2])
        np.rollaxis(t, 2)
        np.rollaxis(t, 0, 3)
        np.rollaxis(t, 2, 1)
        np.expand_dims(a, 0)
        np.expand_dims(a, -1)
        np.expand_dims(a, (0, 2))
        np.expand_dims(a, axis=[0, -1])
        np.squeeze(q)
        np.squeeze(q, axis=1)
        np.squeeze(q, axis=(1,))
        q.squeeze(1)
        q.squeeze()
        np.transpose(t)
        np.transpose(t, (1, 0, 2))
        np.transpose(t, axes=(1, -1, 0))
        t.transpose(1, 0, 2)
        t.transpose((1, 0, 2))
        t.transpose()
        np.transpose(a, [1, 0])
        np.permute_dims(t, (1, 0, 2))
        np.swapaxes(t, 0, 2)
        t.swapaxes(0, -1)
        np.matrix_transpose(t)
        t.mT
        np.atleast_1d(s)
        np.atleast_1d(x)
        np.atleast_2d(x)
        np.atleast_2d(s)
        np.atleast_2d(t)
        np.atleast_3d(s)
        np.atleast_3d(x)
        np.atleast_3d(a)
        np.atleast_3d(t)
        np.atleast_1d(s, x)
        np.atleast_2d(x, a)
        x[np.newaxis].squeeze(axis=0)
        np.transpose(np.broadcast_to(y, (2, 3)))
        np.squeeze(s)
        np.squeeze(q[:, :, 0, :1], axis=(1, 2))
        np.moveaxis(q, [-1, 0], [0, -1])
        np.atleast_2d(s, x, a)
        q.transpose(3, 1, 0, 2).ravel()
        a.squeeze().swapaxes(0, 1).copy()
    """,
    "spreading": """
        np.broadcast_to(x, (3, 5))
        np.broadcast_to(x, 5)
        np.broadcast_to(s, (2, 2))
        np.broadcast_to(a, (2, 3, 4))
        np.broadcast_to(q, (2, 4, 3, 2))
        np.broadcast_to(a[:, :1], (3, 4))
        np.broadcast_to(x, (n, 5))
        np.broadcast_arrays(x[:, None], y)
        np.broadcast_arrays(x[:4], a, s)
        np.diag(x)
        np.diag(x, 1)
        np.diag(x, -2)
        np.diag(a)
        np.diag(a, 1)
        np.diag(a, k=-1)
        np.diag(a, 3)
        np.diagonal(a)
        np.diagonal(a, 1)
        np.diagonal(t)
        np.diagonal(t, 1, 1, 2)
        np.diagonal(t, offset=-1, axis1=2, axis2=0)
        t.diagonal(axis1=1, axis2=2)
        a.diagonal(1)
        np.linalg.diagonal(t)
        np.trace(a)
        a.trace(1)
        np.trace(a, offset=-1)
        np.trace(t)
        np.trace(t, 1, 1, 2)
        t.trace(axis1=2, axis2=1)
        np.linalg.trace(t)
        np.lib.stride_tricks.sliding_window_view(x, 3)
        np.lib.stride_tricks.sliding_window_view(a, (2, 2))
        np.lib.stride_tricks.sliding_window_view(a, 2, axis=1)
        np.lib.stride_tricks.sliding_window_view(a, 2, axis=0)
        np.broadcast_shapes((3, 1), (1, 4))[1] * s
        return np.fill_diagonal(a, s), a
        return np.fill_diagonal(a, y, wrap=True), a
        return np.fill_diagonal(a.T, y[:2], wrap=True), a
        return np.fill_diagonal(t[:, :2, :2], s), t
        np.diag(e)
        np.trace(e) * s
        np.diag(x, n)
        np.diag(a, n)
        np.diag(a, -n)
        np.diagonal(a, n - 5)
        np.broadcast_to(np.diagonal(c), (3, 4))
        np.diagonal(np.broadcast_to(x, (5, 5)))
        np.diagonal(c)[::-1].reshape(2, 2)
        np.lib.stride_tricks.sliding_window_view(x, n)[::2]
        np.lib.stride_tricks.sliding_window_view(x, 2).sum(axis=1)
        np.lib.stride_tricks.sliding_window_view(t, (2, 2), axis=(1, 2))
        np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(0, 0))
        np.broadcast_to(a[:, -1:], (3, 4))
    """,
    "shapes": """
        np.reshape(a, (2, 6))
        np.reshape(a, -1)
        a.reshape(2, -1)
        a.reshape((n, -1))
        a.reshape(4, 3, order="F")
        np.reshape(a, (2, -1), order="F")
        a.T.reshape(2, 6)
        np.reshape(a, shape=(2, 6))
        np.reshape(s, (1, 1))
        np.reshape(a[:1, :1], ())
        np.ravel(a)
        a.ravel(order="F")
        np.ravel(t, "F")
        a.T.ravel()
        np.ravel(s)
        a.flatten()
        a.flatten("F")
        a.T.flatten()
        np.resize(x, (2, 3))
        np.resize(a, (2, 3))
        np.resize(x, 12)
        np.resize(x, (n, n))
        np.resize(e, (2, 2)) * s
        q.reshape(2, -1).T.reshape(3, 2, 2)
        q.flatten()[::2]
        np.ravel(a.T, order="F")
        a.T.reshape((2, 6), order="F")
        np.resize(x, 3)
    """,
    "joining": """
        np.concatenate((x, y))
        np.concatenate([x, y])
        np.concatenate((a, d), axis=1)
        np.concatenate((a, d), axis=None)
        np.concatenate((t, t), axis=-1)
        np.concatenate((x, k))
        np.concatenate((x, y), dtype=np.complex128)
        np.concat((x, y))
        np.stack((x, z))
        np.stack((x, z), axis=1)
        np.stack((x, z), axis=-1)
        np.stack((a, d), 1)
        np.stack((s, s))
        np.stack([s, 2.0, s])
        np.hstack((x, y))
        np.hstack((a, d))
        np.hstack((s, s))
        np.hstack((t, t))
        np.vstack((x, z))
        np.vstack((a, x[:4]))
        np.vstack((s, s))
        np.dstack((x, z))
        np.dstack((a, d))
        np.dstack((t, t[:, :, :1]))
        np.column_stack((x, z))
        np.column_stack((a, y))
        np.column_stack((s, s))
        np.block([x, y])
        np.block([[a, d], [d, a]])
        np.block([[c, np.zeros((4, 2))], [np.ones((2, 4)), np.eye(2)]])
        np.block([x, s, y])
        np.block([[s, 2.0], [0.0, s]])
        np.block([[x], [z]])
        np.block([[[x, z]]])
        np.block([[t, t], [t, t]])
        np.block(a)
        np.append(x, y)
        np.append(x, s)
        np.append(x, [s, 1.0])
        np.append(a, d, axis=0)
        np.append(a, d)
        np.append(a, a[:, :1], axis=1)
        np.concatenate((e, a[:, :3]))
        np.vstack((e, e))
        np.block([[np.eye(2), np.zeros((2, 1))], [np.zeros((1, 2)), s]])
        np.block([[y, s], [s, y]])
        np.concatenate([v[:2] for v in (x, y, z)])
        np.stack([a[i] for i in range(3)], axis=1)
        np.stack(a)
        np.vstack(t)
        np.concatenate(t)
        np.concatenate(np.array_split(x, 3))
        np.concatenate(np.split(a, 2, axis=1)[::-1], axis=1)
        np.stack([s, s * 2.0])
        np.hstack([s, x])
        np.hstack(a)
        np.hstack(t)
        np.vstack(a)
        np.stack(t, axis=1)
        np.stack(t, axis=-1)
        np.concatenate(t, axis=1)
        np.concatenate(t * 2.0, axis=-1)
        np.concatenate(a)
    """,
    "splitting": """
        np.split(x[:4], 2)
        np.split(x, [1, 3])
        np.split(x, (2, 2, 7))
        np.split(a, 2, axis=1)
        np.split(t, [1], axis=-1)
        np.array_split(x, 3)
        np.array_split(a, 3, axis=1)
        np.array_split(x, [2])
        np.hsplit(a, 2)
        np.hsplit(x, [2])
        np.vsplit(a, 3)
        np.dsplit(t, 2)
        np.split(e, 3, axis=1)
    """,
    "inserting": """
        np.insert(x, 1, s)
        np.insert(x, n, 2.0)
        np.insert(x, -1, s)
        np.insert(x, [1, 3], s)
        np.insert(x, [1, 3], y[:2])
        np.insert(x, k, y)
        np.insert(x, 2, y)
        np.insert(x, [2, 2], [s, 1.0])
        np.insert(a, 1, s, axis=1)
        np.insert(a, 1, y, axis=1)
        np.insert(a, 1, x[:4], axis=0)
        np.insert(a, [1], [[s], [s], [s]], axis=1)
        np.insert(a, [1, 3], d[:, :2], axis=1)
        np.insert(a, 5, s)
        np.delete(x, 1)
        np.delete(x, -1)
        np.delete(x, n)
        np.delete(x, [1, 3])
        np.delete(x, k)
        np.delete(a, 1, axis=0)
        np.delete(a, 1, axis=1)
        np.delete(a, [0, 2], axis=1)
        np.delete(a, [0, -1], axis=1)
        np.delete(a, 5)
        np.delete(x, np.array([True, False, False, True, False]))
        np.delete(x, [])
        np.delete(e, 1, axis=1)
        np.insert(e, 1, s, axis=1)
        np.insert(t, n - 1, s, axis=1)
        np.insert(t, k, s, axis=-1)
        np.delete(t, n, axis=-1)
        np.delete(t, k, axis=-1)
        np.delete(q, 0, axis=1)
    """,
    "repeating": """
        np.repeat(x, 2)
        np.repeat(x, n)
        np.repeat(a, 2)
        np.repeat(a, 3, axis=1)
        np.repeat(a, n, axis=0)
        np.repeat(y, k)
        np.repeat(y, [1, 0, 2])
        np.repeat(a, k, axis=0)
        np.repeat(a, [2, 0, 1, 1], axis=1)
        x.repeat(2)
        a.repeat(2, axis=1)
        np.repeat(s, 3)
        np.tile(x, 2)
        np.tile(x, (2, 1))
        np.tile(a, 2)
        np.tile(a, (2, 1, 2))
        np.tile(a, [2, 2])
        np.tile(t, (2, 1))
        np.tile(s, 3)
        np.tile(x, ())
        np.roll(x, 2)
        np.roll(x, -1)
        np.roll(x, n)
        np.roll(a, 1)
        np.roll(a, 1, axis=0)
        np.roll(a, (1, 2), axis=(0, 1))
        np.roll(a, 1, axis=(0, 1))
        np.roll(a, (1, 2), axis=1)
        np.roll(t, (1, -1), (0, 2))
        np.flip(a)
        np.flip(a, 0)
        np.flip(a, (0, 1))
        np.fliplr(a)
        np.flipud(x)
        np.rot90(a)
        np.rot90(a, 2)
        np.rot90(a, -1)
        np.rot90(a, k=3)
        np.rot90(t, axes=(1, 2))
        np.rot90(t, 1, (2, 0))
        np.rot90(a, k=4)
        np.tile(e, 2)
        np.roll(e, 1, axis=0)
        np.flip(e)
        np.repeat(e, 2)
        np.roll(t, (n, -n), (0, -1))
        np.tile(x, (n, n, 1))
        np.repeat(a.T, k, axis=1)
        np.flip(np.flip(q, (1, 3)), -2)
        np.rot90(q, -1, (3, 0))
    """,
    "padding": """
        np.pad(x, 2)
        np.pad(x, (1, 2))
        np.pad(x, [(1, 2)])
        np.pad(a, 1)
        np.pad(a, (1, 2))
        np.pad(a, ((1, 2), (0, 3)))
        np.pad(a, ((1, 2),))
        np.pad(a, n)
        np.pad(x, 2, constant_values=3.0)
        np.pad(x, (1, 2), "constant", constant_values=(1.0, 2.0))
        np.pad(a, ((1, 1), (2, 2)), constant_values=((1.0, 2.0), (3.0, 4.0)))
        np.pad(x, 2, mode="edge")
        np.pad(a, ((1, 2), (3, 1)), mode="edge")
        np.pad(x, 2, mode="reflect")
        np.pad(x, 7, mode="reflect")
        np.pad(a, ((1, 2), (3, 1)), mode="reflect")
        np.pad(x, 2, mode="symmetric")
        np.pad(x, 12, mode="symmetric")
        np.pad(a, ((1, 2), (3, 1)), mode="symmetric")
        np.pad(x, 2, mode="wrap")
        np.pad(x, 13, mode="wrap")
        np.pad(a, ((1, 2), (3, 1)), mode="wrap")
        np.pad(x, 3, mode="linear_ramp")
        np.pad(x, (2, 3), mode="linear_ramp", end_values=(1.0, -1.0))
        np.pad(a, ((1, 2), (3, 1)), mode="linear_ramp", end_values=2.0)
        np.pad(x, 0)
        np.pad(t, ((0, 0), (1, 1), (2, 0)))
        np.pad(t, 1, mode="edge")
        np.pad(x, 3, mode="empty")[3:-3]
        np.pad(e, 1)
        np.pad(a, ((n, 1), (0, n)), mode="wrap")
        np.pad(x, (n, n + 1), mode="linear_ramp", end_values=(s, 2.0))
        np.pad(x, (n, n + 1), constant_values=s)
        np.pad(x, n, constant_values=(s, 2.0))
        np.pad(q, ((0, 1), (1, 0), (0, 0), (2, 2)), mode="reflect")
    """,
    "picking": """
        a.ravel()
        np.take(x, 2)
        np.take(x, [1, -1])
        np.take(x, k)
        np.take(a, k)
        np.take(a, k, axis=0)
        np.take(a, m, axis=0)
        np.take(a, 1, axis=1)
        np.take(a, [[0, 1], [2, 3]], axis=1)
        a.take(k, axis=0)
        a.take([0, 11])
        np.take(x, [7, -8], mode="wrap")
        np.take(x, [7, -8], mode="clip")
        np.take(x, 9, mode="clip")
        np.take_along_axis(a, m, axis=0)
        np.take_along_axis(a, m, axis=1)
        np.take_along_axis(a, m[:1], 0)
        np.take_along_axis(a, m[:, :1], axis=1)
        np.take_along_axis(a, m, axis=-1)
        np.take_along_axis(y, k, axis=0)
        np.take_along_axis(a, k, axis=None)
        np.compress([True, False, True], y)
        np.compress([True, False, True], a, axis=0)
        a.compress([True, False, True, False], axis=1)
        np.compress([True, False], a, axis=0)
        np.extract(m > 1, a)
        a[np.ix_([0, 2], [1, 3])]
        a[np.ix_(k, [1, 3])]
        a[np.unravel_index([7, 2], (3, 4))]
        a[np.unravel_index(k, (3, 4))]
        a[np.unravel_index(n, a.shape)]
        a.ravel()[np.ravel_multi_index((1, 2), (3, 4))]
        a.ravel()[np.ravel_multi_index((k, k), (3, 4))]
        a.ravel()[np.ravel_multi_index(([0, 1], [2, 3]), a.shape)]
        a.ravel()[np.ravel_multi_index((4, 5), (3, 4), mode="wrap")]
        a.ravel()[np.ravel_multi_index((4, 5), (3, 4), mode="clip")]
        a[np.nonzero(m)]
        a.ravel()[np.flatnonzero(m)]
        np.array([np.unravel_index(7, (3, 4))]) * s
        np.argwhere(m) * s
        return np.put(x, [0, 3], y[:2]), x
        return np.put(x, [0, 3, 1, 2], y[:2]), x
        return x.put([7, -8], s, mode="wrap"), x
        return np.put(a, k, s), a
        return np.put_along_axis(a, m, d, axis=0), a
        return np.put_along_axis(a, m[:1], s, axis=0), a
        return np.put_along_axis(a, m[:1], x[:4], axis=0), a
        return np.put_along_axis(x, k, y, None), x
        return np.putmask(a, m > 0, y), a
        return np.putmask(a, m > 0, d), a
        return np.putmask(a, m > 0, s), a
        return np.place(a, m > 0, y), a
        return np.copyto(a, d, where=m > 0), a
        return np.copyto(a, x[:4]), a
        return np.copyto(a, y[:, None], where=m[:, :1] > 0), a
        a.ravel()[np.ravel_multi_index((1, 2), (3, 4), order="F")]
        a[np.unravel_index(k, (3, 4), order="F")]
        np.take(t, m, axis=1)
        np.unravel_index(np.argmax(m), m.shape)[0] * s
        a[np.unravel_index(np.argmax(m), m.shape)]
        np.extract(np.array([True, False, True]), y)
        np.compress(m[:, 0] > 0, a, axis=0)
        np.compress(m[0] > 0, a, axis=1)
        return np.place(a, m > 1, [s, 1.0]), a
    """,
    "triangles": """
        np.diagflat(x)
        np.diagflat(y, 1)
        np.diagflat(a[:2, :2], -1)
        np.diagflat(s)
        np.tril(a)
        np.tril(a, 1)
        np.tril(a, -1)
        np.triu(a)
        np.triu(a, k=1)
        np.triu(t)
        np.tril(t, -1)
        np.tril(y)
        c[np.tril_indices(4)]
        c[np.tril_indices(4, 1)]
        a[np.tril_indices(3, 0, 4)]
        a[np.triu_indices(3, m=4)]
        c[np.triu_indices(4, k=1)]
        c[np.tril_indices_from(c)]
        c[np.triu_indices_from(c, 1)]
        c[np.diag_indices(4)]
        c[np.diag_indices_from(c)]
        c[np.diag_indices(n)]
        np.tri(3) * y
        np.tri(3, 4) * a
        np.tri(3, 4, 1) * a
        np.tri(3, 4, -1, dtype=float) * a
        return np.fill_diagonal(c, x[:4]), c
        return np.fill_diagonal(c, [s, 1.0]), c
        np.tril(e)
        np.tril(a, n)
        np.triu(t, n)
        np.tri(n, n + 1, n - 1) * s
    """,
    "grids": """
        np.eye(3) * y
        np.eye(3, 4) * a
        np.eye(3, 4, 1) * a
        np.eye(3, k=-1) * y
        np.eye(n)[:, 0] * s
        np.eye(3, M=4, k=2, dtype=np.float32)
        np.identity(3) * y
        np.identity(3, dtype=np.complex128)
        np.meshgrid(x, y)
        np.meshgrid(x, y, indexing="ij")
        np.meshgrid(x, y, sparse=True)
        np.meshgrid(x, y, z)
        np.meshgrid(x, y, z, indexing="ij")
        np.meshgrid(x, y, z, indexing="ij", sparse=True)
        np.meshgrid(x)
        np.meshgrid(x, y, copy=False)
        np.meshgrid(s, y)
        np.meshgrid(a, y)
        np.mgrid[0:3, 0:4] * s
        np.mgrid[0:3] * s
        np.mgrid[0:1:5j] * x
        np.mgrid[0:1:0.25, 2:3] * s
        np.indices((3, 4)) * a
        np.indices((3, 4), dtype=float) * a
        np.indices((3, 4), sparse=True)[0] * a
        np.r_[x, y]
        np.r_[x, 0.0, s]
        np.c_[x, z]
        np.c_[a, y]
        np.r_[0:3, 5] * s
        np.eye(n, n + 2, n - 1) * s
        np.eye(n + 2, n, n - 3) * s
        np.meshgrid(x, y[:1])
        np.meshgrid(x[:2], y, z, indexing="ij", copy=False)[2].T
        np.r_[0.0, x, [1.0, s]]
        np.c_[x, z, np.ones(5)]
        np.c_[a, d]
        np.r_[a, d]
        np.mgrid[0:2, 1:7:2, -1:1:3j] * s
        np.indices((n, 3))[1] * s
    """,
    "crossing": """
        np.cross(a[:, :3], d[:, :3])
        np.cross(a[:, :3], y)
        np.cross(a[:, 0], d[:, 0])
        np.cross(a, d, axis=0)
        np.cross(a.T, d, axisa=1, axisb=0)
        np.cross(a.T, d, axisa=1, axisb=0, axisc=0)
        np.linalg.cross(a[:, :3], y)
        np.apply_along_axis(np.sum, 0, a)
        np.apply_along_axis(np.cumsum, 1, a)
        np.apply_along_axis(lambda v: v[0] - v[-1], 1, a)
        np.apply_along_axis(lambda v: v[:2], 0, t)
        np.apply_along_axis(lambda v, w: v * w, 1, a, 2.0)
        np.apply_along_axis(np.sum, 0, x)
        np.apply_along_axis(np.diag, 0, a)
        np.cross(y, x[:3])
        np.cross(a[0, :3], y)
        np.cross(np.array([1.0, 2.0]), y)
        np.cross(y, np.array([1.0, 2.0]))
        np.cross(t[..., :3], y)
        np.cross(t, y, axisa=1)
        np.cross(y, t, axisb=1, axisc=0)
        np.cross(y, x[2:])
        np.cross(np.array([1.0, 2.0]), np.array([s, 1.0]))
    """,
    "making": """
        np.asarray(x)
        np.asarray(x, dtype=np.complex128)
        np.asarray(a, np.complex128)
        np.asanyarray(a)
        np.ascontiguousarray(a.T)
        np.asfortranarray(a)
        np.array(a)
        np.array(a, copy=True)
        np.array(x, dtype=complex)
        np.array([x, z])
        np.array([a, d])
        np.array([[s, 1.0], [2.0, s]])
        np.array([[[s, 1.0], [2.0, s]]])
        np.array((x, z), dtype=np.complex128)
        np.array(s)
        np.array(x, ndmin=2)
        np.array([x[0], x[1]])
        np.asarray([x, z])
        np.copy(a)
        a.copy()
        a.copy(order="C")
        np.copy(a.T, order="K")
        np.zeros_like(a) + a
        np.ones_like(a, dtype=np.complex128) * s
        np.ones_like(a, shape=(2, 2)) * s
        np.full_like(a, s)
        np.full_like(x, 1.0, shape=(3,)) * y
        np.full((2, 3), s)
        np.full(3, y)
        np.full((2, 3), y)
        np.zeros_like(s) + s
        np.ones_like(x, shape=3) * y
        np.where(m > 0, a, d)
        x.view()
        np.asarray(x, copy=True)
        np.zeros((2, 3), order="F") * s + np.ones((2, 3), dtype=np.float32, order="C")
        np.copy(a, order="F")
        a.copy("F")
        x.astype(np.complex128, copy=False)
        np.array([e, e])
        np.array(range(3)) * s
        np.full((3, 4), x[:4])
        np.full_like(a, y[:, None])
        np.array([v * 2.0 for v in x[:3]])
        np.array([[a[i, j] for j in range(2)] for i in range(2)])
        np.array([np.sum(v) for v in a])
        np.array((s, x[0], 1))
        np.array([k[0], 1.5]) * s
        np.array([True, False]) * s
        np.asarray(k, dtype=np.float64) * s
        np.asarray(a.T, order="C")
        np.asarray(a, order="F")
        np.full((2, 2), s, dtype=np.complex128)
        np.copy(s)
    """,
}
ROWS = [(theme, row.strip()) for theme, rows in THEMES.items() for row in rows.strip().splitlines()]
pytestmark = pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors")
KINDS = ("float64", "float32", "complex128")


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """Each row as a function of a module on disk."""
    texts = [row for _, row in ROWS]
    made = written(tmp_path_factory.mktemp("rows"), "rows_of_rearranging", texts)
    return dict(zip(texts, made, strict=True))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("theme", "row"), ROWS, ids=[row for _, row in ROWS])
def test_row(theme, row, kind, functions):
    check_linear(functions[row], arguments(parameters(row), np.dtype(kind)))


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_compiled(theme, tmp_path):
    """Some expressions of a theme as one program, compiled."""
    rows = [row for name, row in ROWS if name == theme and "return" not in row]
    text = f"return ({', '.join(rows[::8])},)"
    (function,) = written(tmp_path, f"compiled_{theme}", [text])
    check_linear(function, arguments(parameters(text), np.dtype("float64")), jit=True)
