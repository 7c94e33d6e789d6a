"""Adjoints of the functions of complex numbers that are not holomorphic.

The cotangent of a complex number is the Hermitian adjoint: ``Re(conj(z_b) dz)`` is the change of
the loss. What an argument receives is linear in the seed over the real numbers, and is written
here with the seed ``s``; a real argument takes the real part of it.
"""

import builtins

import numpy as np

from srcad.rules.registry import adjoint

# fmt: off


@adjoint("np.real", linear=True)
def _(y, z, s):
    return s


@adjoint("np.imag", linear=True)
def _(y, z, s):
    return 1j * s


@adjoint("np.conj", result="same", linear=True)
def _(y, z, s):
    return np.conj(s)


@adjoint("abs", builtins.abs, np.abs, np.absolute)
def _(y, z, s):                                   # 0 at 0
    return 0.0 if y == 0.0 else z * (s / y)


@adjoint("complex", result="complex", linear=True)
def _(y, a, b, s):
    return np.real(s), np.imag(s)
