"""Discrete Fourier transforms.

Compiled code has them from the package rocket-fft (the extra ``fft``). The adjoint of a transform
is, but for a factor, its inverse; that of a transform of real numbers counts the frequencies that
stand for two of them once more.
"""

import math

import numpy as np

from srcad.rules.registry import d, expand, pullback

# ---------------------------------------------------------------- along the last axis


def fft_line(a):
    """The transform of a complex vector."""
    return np.fft.fft(a)


def fft_rows(a):
    """The transforms of the rows of a complex matrix."""
    return np.fft.fft(a)


def fft_plane(a):
    """The transform of a complex matrix along both axes."""
    return np.fft.fft2(a)


def ifft_line(a):
    """The inverse transform of a complex vector."""
    return np.fft.ifft(a)


def ifft_rows(a):
    """The inverse transforms of the rows of a complex matrix."""
    return np.fft.ifft(a)


def ifft_plane(a):
    """The inverse transform of a complex matrix along both axes."""
    return np.fft.ifft2(a)


@pullback(fft_line, "(n)->(n)", name="np.fft.fft", linear=True)
def _(y, a):
    d[a] += a.size * ifft_line(d[y])


@pullback(fft_rows, "(m,n)->(m,n)", name="np.fft.fft", linear=True)
def _(y, a):
    d[a] += a.shape[1] * ifft_rows(d[y])


@pullback(fft_plane, "(m,n)->(m,n)", name="np.fft.fft2", linear=True)
def _(y, a):
    d[a] += a.size * ifft_plane(d[y])


@pullback(ifft_line, "(n)->(n)", name="np.fft.ifft", linear=True)
def _(y, a):
    d[a] += fft_line(d[y]) / a.size


@pullback(ifft_rows, "(m,n)->(m,n)", name="np.fft.ifft", linear=True)
def _(y, a):
    d[a] += fft_rows(d[y]) / a.shape[1]


@pullback(ifft_plane, "(m,n)->(m,n)", name="np.fft.ifft2", linear=True)
def _(y, a):
    d[a] += fft_plane(d[y]) / a.size


def rfft_rows(a):
    """The frequencies that are not negative, of the rows of a real matrix."""
    return np.fft.rfft(a)


def irfft_rows(a, n):
    """The real matrix whose rows, of length n, have these frequencies."""
    return np.fft.irfft(a, n)


@pullback(rfft_rows, "(m,n)->complex(m,k)", name="np.fft.rfft", linear=True)
def _(y, a):
    n = a.shape[1]
    d[a] += n * irfft_rows(d[y] / counts(n), n)


@pullback(irfft_rows, "(m,k),n->real(m,n)", name="np.fft.irfft", linear=True)
def _(y, a, n):
    d[a] += rfft_rows(d[y]) * counts(n) / n


def counts(n):
    """How many frequencies of a real signal each of those that are not negative stands for."""
    out = np.full(n // 2 + 1, 2.0)
    out[0] = 1.0
    if n % 2 == 0:
        out[n // 2] = 1.0
    return out


# ---------------------------------------------------------------- lengths, axes, norms


def fitted(a, n):
    """An array cut or filled with zeros to the length n of its last axis."""
    size = a.shape[-1]
    out = np.zeros((*a.shape[:-1], n), dtype=a.dtype)
    kept = min(size, n)
    out[..., :kept] = a[..., :kept]
    return out


def scale_of(norm, n, inverse):
    """The factor of a transform of length n, besides that of NumPy's default."""
    if norm is None or norm == "backward":
        return 1.0
    if norm == "ortho":
        return math.sqrt(n) if inverse else 1.0 / math.sqrt(n)
    if norm == "forward":
        return 1.0 * n if inverse else 1.0 / n
    raise ValueError('Invalid norm value; should be "backward", "ortho" or "forward".')


def transformed(a, n, axis, norm, inverse):
    """A complex transform along an axis."""
    a = np.asarray(a) + 0j
    if n is not None or axis not in (-1, a.ndim - 1):
        a = np.moveaxis(a, axis, -1)
        length = a.shape[-1] if n is None else n
        out = along_last(fitted(a, length), inverse)
        return np.moveaxis(out, -1, axis) * scale_of(norm, length, inverse)
    if norm is None:
        return along_last(a, inverse)
    return along_last(a, inverse) * scale_of(norm, a.shape[-1], inverse)


def along_last(a, inverse):
    """A complex transform along the last axis."""
    if a.ndim == 1:
        return ifft_line(a) if inverse else fft_line(a)
    rows = a.reshape((-1, a.shape[-1]))
    out = ifft_rows(rows) if inverse else fft_rows(rows)
    return out.reshape(a.shape)


@expand(np.fft.fft)
def fft(a, n=None, axis=-1, norm=None):
    """The Fourier transform along an axis."""
    return transformed(a, n, axis, norm, False)


@expand(np.fft.ifft)
def ifft(a, n=None, axis=-1, norm=None):
    """The inverse Fourier transform along an axis."""
    return transformed(a, n, axis, norm, True)


@expand(np.fft.rfft)
def rfft(a, n=None, axis=-1, norm=None):
    """The frequencies that are not negative, of real numbers along an axis."""
    a = np.moveaxis(np.asarray(a), axis, -1)
    length = a.shape[-1] if n is None else n
    if n is not None:
        a = fitted(a, n)
    half = length // 2 + 1
    out = rfft_rows(a.reshape((-1, length))).reshape((*a.shape[:-1], half))
    return np.moveaxis(out, -1, axis) * scale_of(norm, length, False)


@expand(np.fft.irfft)
def irfft(a, n=None, axis=-1, norm=None):
    """The real numbers whose frequencies along an axis, those that are not negative, are these."""
    a = np.moveaxis(np.asarray(a) + 0j, axis, -1)
    length = 2 * (a.shape[-1] - 1) if n is None else n
    rows = fitted(a, length // 2 + 1).reshape((-1, length // 2 + 1))
    out = irfft_rows(rows, length).reshape((*a.shape[:-1], length))
    return np.moveaxis(out, -1, axis) * scale_of(norm, length, True)


@expand(np.fft.hfft)
def hfft(a, n=None, axis=-1, norm=None):
    """The transform of a signal that is Hermitian, from its first half."""
    length = 2 * (a.shape[axis] - 1) if n is None else n
    return irfft(np.conj(a), length, axis, None) * hermitian_scale(norm, length)


@expand(np.fft.ihfft)
def ihfft(a, n=None, axis=-1, norm=None):
    """The inverse of ``hfft``."""
    length = a.shape[axis] if n is None else n
    return np.conj(rfft(a, length, axis, None)) / hermitian_scale(norm, length)


def hermitian_scale(norm, n):
    """The factor of ``hfft`` compared with ``irfft``."""
    return n * scale_of(norm, n, False)


# ---------------------------------------------------------------- along several axes


def axes_of(a, s, axes):
    """The axes of a transform: those given, or the last ones, or all."""
    first = 0 if s is None else a.ndim - len(s)
    return tuple(range(first, a.ndim)) if axes is None else axes


def along_axes(a, s, axes, norm, inverse):
    """A complex transform along several axes."""
    a = np.asarray(a) + 0j
    if a.ndim == 2 and s is None and norm is None and (axes is None or axes == (-2, -1)):
        return ifft_plane(a) if inverse else fft_plane(a)
    for k, axis in enumerate(axes_of(a, s, axes)):
        a = transformed(a, None if s is None else s[k], axis, norm, inverse)
    return a


@expand(np.fft.fftn)
def fftn(a, s=None, axes=None, norm=None):
    """The Fourier transform along several axes."""
    return along_axes(a, s, axes, norm, False)


@expand(np.fft.ifftn)
def ifftn(a, s=None, axes=None, norm=None):
    """The inverse Fourier transform along several axes."""
    return along_axes(a, s, axes, norm, True)


@expand(np.fft.fft2)
def fft2(a, s=None, axes=(-2, -1), norm=None):
    """The Fourier transform along two axes."""
    return along_axes(a, s, axes, norm, False)


@expand(np.fft.ifft2)
def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse Fourier transform along two axes."""
    return along_axes(a, s, axes, norm, True)


@expand(np.fft.rfftn)
def rfftn(a, s=None, axes=None, norm=None):
    """The Fourier transform of real numbers along several axes, the last of them halved."""
    own = axes_of(a, s, axes)
    out = rfft(a, None if s is None else s[-1], own[-1], norm)
    for k, axis in enumerate(own[:-1]):
        out = transformed(out, None if s is None else s[k], axis, norm, False)
    return out


@expand(np.fft.irfftn)
def irfftn(a, s=None, axes=None, norm=None):
    """The inverse of ``rfftn``."""
    own = axes_of(a, s, axes)
    for k, axis in enumerate(own[:-1]):
        a = transformed(a, None if s is None else s[k], axis, norm, True)
    return irfft(a, None if s is None else s[-1], own[-1], norm)


@expand(np.fft.rfft2)
def rfft2(a, s=None, axes=(-2, -1), norm=None):
    """``rfftn`` along two axes."""
    return rfftn(a, s, axes, norm)


@expand(np.fft.irfft2)
def irfft2(a, s=None, axes=(-2, -1), norm=None):
    """``irfftn`` along two axes."""
    return irfftn(a, s, axes, norm)


# ---------------------------------------------------------------- frequencies


@expand(np.fft.fftfreq)
def fftfreq(n, d=1.0):
    """The frequencies of a transform of length n, of samples at a distance d."""
    out = np.empty(n)
    for k in range(n):
        out[k] = (k if k < (n + 1) // 2 else k - n) / (n * d)
    return out


@expand(np.fft.rfftfreq)
def rfftfreq(n, d=1.0):
    """Those of them that are not negative."""
    return np.arange(n // 2 + 1) / (n * d)


@expand(np.fft.fftshift)
def fftshift(x, axes=None):
    """The frequency 0 moved to the middle."""
    moved = tuple(range(x.ndim)) if axes is None else axes
    for axis in moved if isinstance(moved, tuple) else (moved,):
        x = np.roll(x, x.shape[axis] // 2, axis)
    return x


@expand(np.fft.ifftshift)
def ifftshift(x, axes=None):
    """The inverse of ``fftshift``."""
    moved = tuple(range(x.ndim)) if axes is None else axes
    for axis in moved if isinstance(moved, tuple) else (moved,):
        x = np.roll(x, -(x.shape[axis] // 2), axis)
    return x
