"""Every function for which HIPS autograd has a derivative, against autograd.

The yardstick is autograd's own registry: each of its primitives has calls here, which are
differentiated by both on the same arguments, or a reason why it has none. The calls are one text,
read once with autograd's modules in scope and once with those of NumPy and SciPy. Cotangents are
compared, not losses: a random seed is pulled back by both. Autograd's cotangents of complex numbers
are the conjugates of ours. What autograd refuses, or gets wrong, is compared with differences of
order four instead.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import autograd
import numpy as np
import pytest
from autograd.core import primitive_vjps
from scipy import integrate, signal, special, stats
from scipy import linalg as scipy_linalg

import srcad

RNG = np.random.default_rng(11)
GRID = np.linspace(0.0, 1.0, 3)


def slope(y: Any, t: float) -> Any:
    return -y


# ---------------------------------------------------------------- arguments


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape)


def complex_normal(*shape: int) -> Any:
    return normal(*shape) + 1j * normal(*shape)


def regular(*shape: int) -> Any:
    """Square matrices far from singular."""
    return normal(*shape) + 3.0 * np.eye(shape[-1])


def definite(*shape: int) -> Any:
    """Symmetric positive definite matrices."""
    a = regular(*shape)
    return a @ np.swapaxes(a, -1, -2)


V, W, M, N, T = normal(5), normal(5), normal(3, 4), normal(4, 2), normal(2, 3, 4)
S, SS = regular(4, 4), regular(2, 3, 3)
P, PP = definite(4, 4), definite(2, 3, 3)
ZV, ZM, ZT = complex_normal(5), complex_normal(3, 4), complex_normal(2, 3, 4)
ZS = complex_normal(4, 4) + 3.0 * np.eye(4)
ZP = ZS @ ZS.conj().T
LOW = np.tril(S)
BAND = normal(4, 5) + np.array([[0.0], [0.0], [6.0], [0.0]])
ANY, POSITIVE, UNIT, ABOVE = (-2.0, 2.0), (0.2, 3.0), (-0.9, 0.9), (1.1, 3.0)
PROBABILITY = (0.1, 0.9)

Call = tuple[Any, ...]
"""An expression in a, b, ... and their values."""


class Steps(str):
    """An expression that autograd 1.9 does not differentiate, or not rightly."""


def within(domain: tuple[float, float], *shape: int) -> Any:
    return RNG.uniform(*domain, size=shape)


def unary(
    expression: str, domain: tuple[float, float] = ANY, holomorphic: bool = False
) -> list[Call]:
    """An elementwise function of a number and of an array."""
    calls: list[Call] = [(expression, float(within(domain)))]
    calls += [(expression, within(domain, *shape)) for shape in ((2, 1, 3),)]
    if holomorphic:
        calls += [(expression, complex(0.6, 0.3)), (expression, within((0.2, 0.8), 4) + 0.4j)]
    return calls


BROADCAST = (((4,), (3, 4)), ((2, 3, 1), (1, 4)))


def binary(
    expression: str,
    one: tuple[float, float] = ANY,
    two: tuple[float, float] | None = None,
    holomorphic: bool = False,
) -> list[Call]:
    """An elementwise function of two arguments, with broadcasting."""
    domains = (one, two or one)
    calls: list[Call] = [(expression, *(float(within(d)) for d in domains))]
    calls += [(expression, within(domains[0], *s), within(domains[1], *t)) for s, t in BROADCAST]
    calls += [(expression, float(within(domains[0])), within(domains[1], 3))]
    calls += [(expression, within(domains[0], 2, 3), float(within(domains[1])))]
    if holomorphic:
        z = within((0.2, 0.8), 3, 1) + 0.4j
        calls += [
            (expression, z, within((0.3, 1.2), 4) - 0.2j),
            (expression, z, within((0.3, 1.2), 4)),
        ]
    return calls


def reduction(name: str, *keywords: str, complex_too: bool = False) -> list[Call]:
    """A reduction over all axes, along one, along several, kept or not."""
    forms = ("", ", axis=0", ", axis=1", ", axis=-1", ", axis=(0, 2)", ", axis=(-1, 0), keepdims=True",
             ", axis=1, keepdims=True", ", keepdims=True")  # fmt: skip
    values = (T, ZT) if complex_too else (T,)
    calls: list[Call] = [(f"np.{name}(a{f})", t) for t in values for f in (*forms, *keywords)]
    return [*calls, (f"np.{name}(a)", V), (f"np.{name}(a, 0)", M)]


# ---------------------------------------------------------------- the calls

CALLS: dict[str, list[Call]] = {
    # elementwise
    "add": binary("a + b", holomorphic=True),
    "subtract": binary("np.subtract(a, b)", holomorphic=True),
    "multiply": binary("a * b", holomorphic=True),
    "divide": binary("a / b", ANY, POSITIVE, holomorphic=True),
    "maximum": binary("np.maximum(a, b)"),
    "minimum": binary("np.minimum(a, b)"),
    "fmax": binary("np.fmax(a, b)"),
    "fmin": binary("np.fmin(a, b)"),
    "logaddexp": binary("np.logaddexp(a, b)"),
    "logaddexp2": binary("np.logaddexp2(a, b)"),
    "remainder": binary("np.mod(a, b)", (-4.0, 4.0), POSITIVE) + binary("a % b", ANY, POSITIVE),
    "power": [
        *binary("a ** b", POSITIVE, ANY, holomorphic=True),
        *[("np.power(a, 3)", V), ("a ** 2", M), ("a ** -1.5", np.abs(V)), ("2.0 ** a", V)],
    ],
    "arctan2": binary("np.arctan2(a, b)", POSITIVE),
    "hypot": binary("np.hypot(a, b)"),
    "negative": unary("-a", holomorphic=True) ,
    "absolute": [*unary("np.abs(a)", holomorphic=True), ("abs(a)", ZV)],
    "fabs": unary("np.fabs(a)"),
    "reciprocal": unary("np.reciprocal(a)", POSITIVE, holomorphic=True),
    "exp": unary("np.exp(a)", holomorphic=True),
    "exp2": unary("np.exp2(a)"),
    "expm1": unary("np.expm1(a)", holomorphic=True),
    "log": unary("np.log(a)", POSITIVE, holomorphic=True),
    "log2": unary("np.log2(a)", POSITIVE, holomorphic=True),
    "log10": unary("np.log10(a)", POSITIVE, holomorphic=True),
    "log1p": unary("np.log1p(a)", POSITIVE, holomorphic=True),
    "sin": unary("np.sin(a)", holomorphic=True),
    "cos": unary("np.cos(a)", holomorphic=True),
    "tan": unary("np.tan(a)", UNIT, holomorphic=True),
    "arcsin": unary("np.arcsin(a)", UNIT, holomorphic=True),
    "arccos": unary("np.arccos(a)", UNIT, holomorphic=True),
    "arctan": unary("np.arctan(a)", holomorphic=True),
    "sinh": unary("np.sinh(a)", holomorphic=True),
    "cosh": unary("np.cosh(a)", holomorphic=True),
    "tanh": unary("np.tanh(a)", holomorphic=True),
    "arcsinh": unary("np.arcsinh(a)", holomorphic=True),
    "arccosh": unary("np.arccosh(a)", ABOVE),
    "arctanh": unary("np.arctanh(a)", UNIT, holomorphic=True),
    "rad2deg": unary("np.rad2deg(a)"),
    "degrees": unary("np.degrees(a)"),
    "deg2rad": unary("np.deg2rad(a)"),
    "radians": unary("np.radians(a)"),
    "square": unary("np.square(a)", holomorphic=True),
    "sqrt": unary("np.sqrt(a)", POSITIVE, holomorphic=True),
    "sinc": unary("np.sinc(a)"),
    "real": unary("np.real(a)", holomorphic=True),
    "imag": unary("np.imag(a)", holomorphic=True),
    "conjugate": [*unary("np.conj(a)", holomorphic=True), ("np.conjugate(a)", ZM)],
    "angle": [("np.angle(a)", ZV), ("np.angle(a)", ZM), (Steps("np.angle(a, deg=True)"), ZV)],
    "clip": [("np.clip(a, -0.5, 0.5)", V), ("np.clip(a, -0.5, 0.5)", T), ("np.clip(a, 0.1, 9.0)", M)],
    "where": [
        ("np.where(a > 0.0, a, b)", V, W), ("np.where(a > 0.0, a * a, 0.0)", M),
        (Steps("np.where(b > 0.0, a, b)"), normal(4), M), (Steps("np.where(a > 0.0, 1.0, b)"), M, 2.5),
    ],
    "nan_to_num": [("np.nan_to_num(a)", V), ("np.nan_to_num(a)", M)],
    # other shapes
    "reshape": [
        ("np.reshape(a, (4, 3))", M), ("np.reshape(a, (-1, 2))", T), ("a.reshape(6, 4)", T),
        ("np.reshape(a, (4, 3), order='F')", M), ("np.reshape(a, 12)", ZM),
    ],
    "ravel": [("np.ravel(a)", T), ("a.ravel()", M), ("np.ravel(a, order='F')", M), ("a.flatten()", T)],
    "expand_dims": [("np.expand_dims(a, 0)", M), ("np.expand_dims(a, -1)", V), ("np.expand_dims(a, 1)", ZM)],
    "squeeze": [("np.squeeze(a)", normal(1, 3, 1)), ("np.squeeze(a, axis=0)", normal(1, 3, 1)),
                ("np.squeeze(a, axis=(0, -1))", normal(1, 3, 1))],
    "swapaxes": [("np.swapaxes(a, 0, 2)", T), ("np.swapaxes(a, -1, 0)", ZM)],
    "moveaxis": [("np.moveaxis(a, 0, -1)", T), ("np.moveaxis(a, (0, 1), (2, 0))", T)],
    "rollaxis": [("np.rollaxis(a, 2)", T), ("np.rollaxis(a, 1, 3)", T), ("np.rollaxis(a, 2, 1)", T)],
    "transpose": [("np.transpose(a)", T), ("np.transpose(a, (1, 2, 0))", T), ("a.T", ZM),
                  (Steps("np.transpose(a, (-1, 0, 1))"), T)],
    "atleast_1d": [("np.atleast_1d(a)", 1.3), ("np.atleast_1d(a)", V), ("np.atleast_1d(a)", T)],
    "atleast_2d": [("np.atleast_2d(a)", 1.3), ("np.atleast_2d(a)", V), ("np.atleast_2d(a)", T)],
    "atleast_3d": [("np.atleast_3d(a)", 1.3), ("np.atleast_3d(a)", V), ("np.atleast_3d(a)", M)],
    "broadcast_to": [(Steps("np.broadcast_to(a, (3, 5))"), V), (Steps("np.broadcast_to(a, (2, 3, 4))"), normal(3, 1))],
    # rearranged
    "roll": [("np.roll(a, 2)", V), ("np.roll(a, -1)", M), ("np.roll(a, 1, axis=0)", M),
             ("np.roll(a, -3, axis=-1)", T), (Steps("np.roll(a, (1, 2), axis=(0, 2))"), T)],
    "flipud": [("np.flipud(a)", V), ("np.flipud(a)", M)],
    "fliplr": [("np.fliplr(a)", M), ("np.fliplr(a)", T)],
    "rot90": [("np.rot90(a)", M), ("np.rot90(a, 2)", M), ("np.rot90(a, -1)", M), ("np.rot90(a, 3)", T)],
    "repeat": [("np.repeat(a, 3)", V), ("np.repeat(a, 2)", M), ("np.repeat(a, 2, axis=0)", M),
               (Steps("np.repeat(a, 3, axis=-1)"), T)],
    "tile": [("np.tile(a, 3)", V), ("np.tile(a, (2, 2))", M), ("np.tile(a, (2, 1, 3))", V),
             (Steps("np.tile(a, 2)"), T)],
    "pad": [("np.pad(a, 1, 'constant')", M), ("np.pad(a, ((1, 0), (2, 1)), 'constant')", M),
            ("np.pad(a, (2, 1), mode='constant')", V)],
    "concatenate_args": [
        ("np.concatenate((a, b))", V, W), ("np.concatenate((a, b), axis=1)", M, normal(3, 2)),
        ("np.concatenate([a, b, a], axis=-1)", M, M), ("np.vstack((a, b))", V, W),
        ("np.hstack((a, b))", V, W), ("np.hstack((a, b))", M, M), ("np.stack((a, b), axis=1)", M, M),
        ("np.append(a, b)", V, M), ("np.append(a, b, axis=0)", M, M), ("np.column_stack((a, b))", V, W),
    ],
    "split": [("np.split(a, 2)[1]", normal(4, 3)), ("np.split(a, [1, 3], axis=1)[1]", M)],
    "array_split": [("np.array_split(a, 3)[0]", V), ("np.array_split(a, 3, axis=1)[2]", M)],
    "vsplit": [("np.vsplit(a, 3)[2]", M)],
    "hsplit": [("np.hsplit(a, 2)[0]", M)],
    "dsplit": [("np.dsplit(a, 2)[1]", T)],
    "sort": [("np.sort(a)", V), (Steps("np.sort(a)"), M)],
    "partition": [("np.partition(a, 2)", V)],
    "diag": [("np.diag(a)", V), ("np.diag(a)", S), ("np.diag(a, 1)", V), ("np.diag(a, -1)", S)],
    "diagonal": [(Steps("np.diagonal(a)"), S), (Steps("np.diagonal(a, 1)"), S), (Steps("np.diagonal(a, offset=-1)"), S)],
    "triu": [("np.triu(a)", S), ("np.triu(a, 1)", S), ("np.triu(a, k=-1)", M)],
    "tril": [("np.tril(a)", S), ("np.tril(a, -1)", S), ("np.tril(a, k=1)", ZM)],
    "full": [("np.full((3, 2), a)", 1.7), ("np.full(4, a)", 0.3), (Steps("np.full((3, 4), a)"), normal(4))],
    "linspace": [("np.linspace(a, b, 5)", 0.3, 1.7), ("np.linspace(a, 2.0, 4)", 0.3)],
    "astype": [("np.astype(a, np.float64)", V), ("a.astype(np.float64)", V), (Steps("a.astype(np.complex128)"), V)],
    "array_from_args": [("np.array([a, b, a * b])", 1.3, 0.7), ("np.array([a, b])", V, W),
                        ("np.array([[a, b], [b, a]])", 1.3, 0.7)],
    "permute_dims": [("np.permute_dims(a, (2, 0, 1))", T)],
    "__getitem__": [
        ("a[1]", V), ("a[-1]", M), ("a[1:3]", V), ("a[::-1]", V), ("a[:, ::2]", M), ("a[..., 1]", T),
        ("a[None]", V), ("a[[0, 2, 0]]", V), ("a[a > 0.0]", V), ("a[1, 1:, -1]", T),
        ("a[np.array([[0, 1], [1, 1]])]", M), ("a[np.array([0, 2]), np.array([1, 1])]", M),
    ],
    # sums, products, extremes
    "sum": [*reduction("sum", complex_too=True), ("np.sum(a * a)", 1.3)],
    "mean": [*reduction("mean", complex_too=True), ("np.mean(a * a)", 1.3)],
    "prod": reduction("prod"),
    "var": reduction("var", ", ddof=1", ", axis=1, ddof=1", complex_too=True),
    "std": reduction("std", ", ddof=1", ", axis=1, ddof=1", complex_too=True),
    "max": reduction("max"),
    "min": reduction("min"),
    "amax": [("np.amax(a, axis=1)", T)],
    "amin": [("np.amin(a, axis=1)", T)],
    "cumsum": [("np.cumsum(a)", V), ("np.cumsum(a)", M), ("np.cumsum(a, axis=0)", M),
               ("np.cumsum(a, axis=-1)", T), ("np.cumsum(a, 1)", ZT)],
    "trace": [("np.trace(a)", S), ("np.trace(a, 1)", S), ("np.trace(a, offset=-1)", M), ("np.trace(a)", ZS)],
    "diff": [("np.diff(a)", V), ("np.diff(a, 2)", V), ("np.diff(a, axis=0)", M), ("np.diff(a, n=2, axis=-1)", T)],
    "gradient": [("np.gradient(a)", V), (Steps("np.gradient(a, axis=0)"), M), (Steps("np.gradient(a, axis=1)"), T)],
    # products of arrays
    "dot": [
        ("np.dot(a, b)", V, W), ("np.dot(a, b)", M, N), ("np.dot(a, b)", M, normal(4)),
        ("np.dot(a, b)", normal(3), M), ("np.dot(a, b)", T, N), ("np.dot(a, b)", T, normal(4)),
        ("np.dot(a, b)", normal(2, 4), normal(3, 4, 2)), ("np.dot(a, b)", 2.0, M), ("np.dot(a, b)", M, 2.0),
        (Steps("a.dot(b)"), ZM, N), ("np.dot(a, b)", ZM, complex_normal(4)),
    ],
    "matmul": [
        ("a @ b", M, N), ("a @ b", V, W), ("a @ b", M, normal(4)), ("a @ b", normal(3), M),
        ("np.matmul(a, b)", T, N), ("a @ b", T, normal(2, 4, 5)), ("a @ b", normal(2, 1, 3, 4), normal(3, 4, 2)),
        ("a @ b", T, normal(4)), ("a @ b", normal(3), T), ("a @ b", ZM, complex_normal(4, 2)),
    ],
    "inner": [("np.inner(a, b)", V, W), ("np.inner(a, b)", M, normal(2, 4)), ("np.inner(a, b)", T, normal(4)),
              ("np.inner(a, b)", 2.0, M), (Steps("np.inner(a, b)"), ZV, V)],
    "outer": [("np.outer(a, b)", V, normal(3)), (Steps("np.outer(a, b)"), M, V), ("np.outer(a, b)", ZV, V)],
    "tensordot": [
        ("np.tensordot(a, b, 1)", M, N), ("np.tensordot(a, b, axes=2)", T, normal(3, 4, 5)),
        ("np.tensordot(a, b, axes=([1], [0]))", T, normal(3, 2)), ("np.tensordot(a, b, 0)", V, M),
        ("np.tensordot(a, b, axes=([0, 2], [1, 0]))", T, normal(4, 2, 3)),
        ("np.tensordot(a, b, axes=(2, 0))", T, N), ("np.tensordot(a, b)", T, normal(3, 4)),
        ("np.tensordot(a, b, axes=([-1], [0]))", ZT, N),
    ],
    "kron": [("np.kron(a, b)", normal(2, 3), normal(3, 2)), ("np.kron(a, b)", V, W), ("np.kron(a, b)", ZM, N)],
    "cross": [
        ("np.cross(a, b)", normal(3), normal(3)), ("np.cross(a, b)", normal(4, 3), normal(4, 3)),
        (Steps("np.cross(a, b)"), normal(4, 3), normal(3)), ("np.cross(a, b, axis=0)", normal(3, 4), normal(3, 4)),
        ("np.cross(a, b, axisa=0, axisb=1, axisc=0)", normal(3, 4), normal(4, 3)),
    ],
    "einsum": [
        ("np.einsum('ij,jk->ik', a, b)", M, N), ("np.einsum('ij,jk', a, b)", M, N),
        (Steps("np.einsum('ii->i', a)"), S), (Steps("np.einsum('ii', a)"), S), ("np.einsum('ij->ji', a)", M),
        ("np.einsum('ij->', a)", M), ("np.einsum('ij->j', a)", M), ("np.einsum('i,i->', a, b)", V, W),
        ("np.einsum('i,j->ij', a, b)", V, normal(3)), ("np.einsum('ijk,ijk->i', a, b)", T, T),
        ("np.einsum('bij,bjk->bik', a, b)", T, normal(2, 4, 3)), ("np.einsum('...ij,jk->...ik', a, b)", T, N),
        ("np.einsum('...i,...i->...', a, b)", T, normal(4)), ("np.einsum('ij,ij,ij->i', a, b, a)", M, M),
        ("np.einsum('ij,jk,k->i', a, b, c)", M, N, normal(2)), (Steps("np.einsum('iij->j', a)"), SS.transpose(1, 2, 0)),
        ("np.einsum('ij,jk->ik', a, b)", ZM, N), ("np.einsum('ij,kj->ki', a, b)", ZM, complex_normal(2, 4)),
    ],
    # Fourier transforms
    "fft.fft": [("np.fft.fft(a)", ZV), ("np.fft.fft(a)", V), ("np.fft.fft(a, axis=0)", ZM), ("np.fft.fft(a, 3)", ZV),
            ("np.fft.fft(a, 8)", ZV), ("np.fft.fft(a, norm='ortho')", ZV), ("np.fft.fft(a)", ZT)],
    "fft.ifft": [("np.fft.ifft(a)", ZV), ("np.fft.ifft(a, axis=0)", ZM), ("np.fft.ifft(a, 7, axis=-1)", ZT),
             ("np.fft.ifft(a, norm='ortho')", ZV)],
    "fft.fft2": [("np.fft.fft2(a)", ZM), ("np.fft.fft2(a, axes=(0, 2))", ZT), ("np.fft.fft2(a, norm='ortho')", M)],
    "fft.ifft2": [("np.fft.ifft2(a)", ZM), ("np.fft.ifft2(a, axes=(0, 2))", ZT)],
    "fft.fftn": [("np.fft.fftn(a)", ZT), ("np.fft.fftn(a, axes=(1, 2))", T), ("np.fft.fftn(a, norm='ortho')", ZM)],
    "fft.ifftn": [("np.fft.ifftn(a)", ZT), ("np.fft.ifftn(a, axes=(0, 1))", ZT)],
    "fft.rfft": [("np.fft.rfft(a)", normal(6)), ("np.fft.rfft(a, axis=0)", normal(6, 4)), ("np.fft.rfft(a, 8)", normal(6)),
             ("np.fft.rfft(a, norm='ortho')", normal(2, 6))],
    "fft.irfft": [("np.fft.irfft(a)", ZV), ("np.fft.irfft(a, axis=0)", complex_normal(4, 3)), ("np.fft.irfft(a, 6)", ZV),
              ("np.fft.irfft(a, norm='ortho')", ZM)],
    "fft.rfft2": [("np.fft.rfft2(a)", normal(4, 6)), ("np.fft.rfft2(a, axes=(0, 2))", normal(4, 3, 6))],
    "fft.irfft2": [("np.fft.irfft2(a)", complex_normal(4, 4))],
    "fft.rfftn": [("np.fft.rfftn(a)", normal(4, 2, 6)), ("np.fft.rfftn(a, axes=(0, 2))", normal(4, 3, 6))],
    "fft.irfftn": [("np.fft.irfftn(a)", complex_normal(4, 2, 4))],
    "fft.fftshift": [("np.fft.fftshift(a)", V), ("np.fft.fftshift(a)", M), ("np.fft.fftshift(a, axes=1)", M)],
    "fft.ifftshift": [("np.fft.ifftshift(a)", V), ("np.fft.ifftshift(a)", ZM), ("np.fft.ifftshift(a, axes=0)", M)],
    # linear algebra
    "linalg.det": [("np.linalg.det(a)", S), ("np.linalg.det(a)", SS)],
    "linalg.slogdet": [("np.linalg.slogdet(a)[1]", S), ("np.linalg.slogdet(a)[1]", SS), ("np.linalg.slogdet(a)[1]", ZS)],
    "linalg.inv": [("np.linalg.inv(a)", S), ("np.linalg.inv(a)", SS), ("np.linalg.inv(a)", ZS)],
    "linalg.pinv": [("np.linalg.pinv(a)", M), ("np.linalg.pinv(a)", S), ("np.linalg.pinv(a)", normal(5, 3))],
    "linalg.solve": [
        ("np.linalg.solve(a, b)", S, normal(4)), ("np.linalg.solve(a, b)", S, normal(4, 2)),
        ("np.linalg.solve(a, b)", SS, normal(2, 3, 2)), ("np.linalg.solve(a, b)", ZS, complex_normal(4)),
        (Steps("np.linalg.solve(a, b)"), ZS, normal(4, 2)),
    ],
    "linalg.norm": [
        ("np.linalg.norm(a)", V), ("np.linalg.norm(a)", M), ("np.linalg.norm(a, axis=0)", M),
        ("np.linalg.norm(a, ord=2, axis=-1)", M), ("np.linalg.norm(a, 3)", V), ("np.linalg.norm(a, 1.5, axis=1)", M),
        ("np.linalg.norm(a, 'fro')", M), ("np.linalg.norm(a, 'nuc')", M), ("np.linalg.norm(a, axis=(0, 1))", T),
        ("np.linalg.norm(a, 'fro', axis=(1, 2))", T), ("np.linalg.norm(a)", ZV),
        *((Steps(f"np.linalg.norm(a, {order}, axis=({axes}))"), T)
          for order in ("1", "-1", "2", "-2", "np.inf", "-np.inf", "'nuc'") for axes in ("1, 2", "-1, 0")),
        (Steps("np.linalg.norm(a, 1, axis=(0, 1), keepdims=True)"), T),
        (Steps("np.linalg.norm(a, 2, axis=(0, 1), keepdims=True)"), T),
    ],
    "linalg.eigh": [
        ("np.linalg.eigh(a)[0]", P), ("np.linalg.eigh(a)[1] ** 2", P), ("np.linalg.eigh(a)[0]", PP),
        ("np.linalg.eigh(a, 'U')[0]", P), ("np.linalg.eigh(a)[0]", ZP), ("np.abs(np.linalg.eigh(a)[1])", ZP),
    ],
    "linalg.eig": [("np.linalg.eig(a)[0]", ZS), ("np.abs(np.linalg.eig(a)[1])", ZS)],
    "linalg.cholesky": [
        ("np.linalg.cholesky(a + a.T)", P), ("np.linalg.cholesky(a + np.swapaxes(a, -1, -2))", PP),
        (Steps("np.linalg.cholesky(a)"), P),  # one triangle is read, as NumPy does
    ],
    "linalg.svd": [
        ("np.linalg.svd(a, compute_uv=False)", M), ("np.linalg.svd(a, full_matrices=False)[1]", M),
        ("np.linalg.svd(a, full_matrices=False)[0] ** 2", M), ("np.linalg.svd(a, full_matrices=False)[2] ** 2", M),
        ("np.linalg.svd(a, full_matrices=False)[1]", normal(2, 4, 3)), ("np.linalg.svd(a, compute_uv=False)", ZM),
        ("np.abs(np.linalg.svd(a, full_matrices=False)[0])", ZM),
    ],
    # scipy.special
    "special.beta": binary("special.beta(a, b)", POSITIVE),
    "special.betainc": [("special.betainc(1.5, 2.5, a)", within(PROBABILITY, 4)), ("special.betainc(1.5, 2.5, a)", 0.4)],
    "special.betaln": binary("special.betaln(a, b)", POSITIVE),
    "special.gammasgn": [("special.gammasgn(a) * a", V), ("special.gammasgn(a) * a", -1.5)],
    "special.polygamma": [(f"special.polygamma({n}, a)", within(POSITIVE, 3)) for n in (0, 1, 2)],
    "special.psi": unary("special.psi(a)", POSITIVE),
    "special.digamma": unary("special.digamma(a)", POSITIVE),
    "special.gamma": unary("special.gamma(a)", POSITIVE),
    "special.gammaln": unary("special.gammaln(a)", POSITIVE),
    "special.rgamma": unary("special.rgamma(a)", POSITIVE),
    "special.multigammaln": [("special.multigammaln(a, 3)", 2.5), ("special.multigammaln(a, 2)", 1.0 + within(POSITIVE, 4)),
                             ("special.multigammaln(a, 1)", within(POSITIVE, 4))],
    "special.gammainc": [("special.gammainc(1.5, a)", within(POSITIVE, 4)), ("special.gammainc(2.0, a)", 0.4)],
    "special.gammaincc": [("special.gammaincc(1.5, a)", within(POSITIVE, 4)), ("special.gammaincc(2.0, a)", 0.4)],
    "special.j0": unary("special.j0(a)"),
    "special.j1": unary("special.j1(a)"),
    "special.y0": unary("special.y0(a)", POSITIVE),
    "special.y1": unary("special.y1(a)", POSITIVE),
    "special.jn": [("special.jn(2, a)", V), ("special.jn(0, a)", 0.7), ("special.jn(1, a)", within(ANY, 3))],
    "special.yn": [("special.yn(2, a)", within(POSITIVE, 4)), ("special.yn(1, a)", 0.7)],
    "special.i0": unary("special.i0(a)"),
    "special.i1": unary("special.i1(a)"),
    "special.iv": [("special.iv(1.5, a)", within(POSITIVE, 4)), ("special.iv(2, a)", 0.7)],
    "special.ive": [("special.ive(1.5, a)", within(POSITIVE, 4)), ("special.ive(2, a)", 0.7)],
    "special.erf": unary("special.erf(a)"),
    "special.erfc": unary("special.erfc(a)"),
    "special.erfinv": unary("special.erfinv(a)", UNIT),
    "special.erfcinv": unary("special.erfcinv(a)", (0.2, 1.8)),
    "special.logit": unary("special.logit(a)", PROBABILITY),
    "special.expit": unary("special.expit(a)"),
    "special.logsumexp": [
        ("special.logsumexp(a)", V), ("special.logsumexp(a)", M), ("special.logsumexp(a, axis=0)", M),
        ("special.logsumexp(a, axis=-1, keepdims=True)", T), (Steps("special.logsumexp(a, b=b)"), V, np.abs(W)),
        ("special.logsumexp(a, axis=1, b=2.0)", M), ("special.logsumexp(a, axis=(0, 2))", T),
        ("special.logsumexp(a, keepdims=True)", M),
    ],
    # scipy.linalg, scipy.signal
    "linalg.solve_triangular": [
        ("linalg.solve_triangular(a, b)", S, normal(4)), ("linalg.solve_triangular(a, b, lower=True)", S, normal(4, 2)),
        ("linalg.solve_triangular(a, b, trans=1)", S, normal(4)), ("linalg.solve_triangular(a, b, trans='T', lower=True)", S, normal(4)),
    ],
    "linalg.solve_banded": [("linalg.solve_banded((1, 2), a, b)", BAND, V)],
    "signal.convolve": [
        (f"signal.convolve(a, b{mode})", *pair)
        for mode in ("", ", mode='valid'", ", mode='full'")
        for pair in ((V, normal(3)), (normal(4, 5), normal(2, 3)), (normal(3, 4, 3), normal(2, 2, 2)))
    ],
    # scipy.stats
    **{
        f"stats.norm.{f}": [
            (f"stats.norm.{f}(a)", V), (f"stats.norm.{f}(a, b, 1.5)", 0.3, 0.8),
            (Steps(f"stats.norm.{f}(a, loc=b, scale=c)"), M, normal(4), within(POSITIVE, 3, 1)),
        ]
        for f in ("pdf", "cdf", "logpdf", "logcdf", "logsf", "sf")
    },
    **{
        f"stats.t.{f}": [
            (f"stats.t.{f}(a, b)", V, within(POSITIVE, 5)), (Steps(f"stats.t.{f}(a, b, loc=c)"), M, 2.5, normal(4)),
            (f"stats.t.{f}(a, b, 0.5, c)", M, within(POSITIVE, 4), within(POSITIVE, 3, 1)),
        ]
        for f in ("pdf", "logpdf")
    },
    **{
        f"stats.t.{f}": [
            (f"stats.t.{f}(a, 3.5)", V), (f"stats.t.{f}(a, 2.0, b)", 0.3, 0.9),
            (f"stats.t.{f}(a, 2.5, b, 1.4)", M, normal(4)), (Steps(f"stats.t.{f}(a, 2.5, b, c)"), M, normal(4), 1.3),
            (f"stats.t.{f}(a, 3.5)", 0.0),
        ]
        for f in ("cdf", "logcdf")
    },
    **{
        f"stats.gamma.{f}": [
            (f"stats.gamma.{f}(a, b)", within(POSITIVE, 5), within(POSITIVE, 5)),
            (f"stats.gamma.{f}(a, b)", within(POSITIVE, 3, 4), within(POSITIVE, 4)),
            (f"stats.gamma.{f}(a, b)", 1.3, 2.2),
            (Steps(f"stats.gamma.{f}(a, 2.5, b, c)"), ABOVE[1] + within(POSITIVE, 4), within(POSITIVE, 4), 1.4),
        ]
        for f in ("pdf", "logpdf")
    },
    "stats.gamma.cdf": [("stats.gamma.cdf(a, 2.5)", within(POSITIVE, 3, 4)), ("stats.gamma.cdf(a, 0.7)", 0.4),
                        (Steps("stats.gamma.cdf(a, 2.5, b, c)"), 3.5 + within(POSITIVE, 4), within(POSITIVE, 4), 1.4)],
    **{
        f"stats.chi2.{f}": [(f"stats.chi2.{f}(a, 3.0)", within(POSITIVE, 3, 4)), (f"stats.chi2.{f}(a, 4)", 0.7),
                            (Steps(f"stats.chi2.{f}(a, 2.6)"), within(POSITIVE, 4)),
                            *([(Steps(f"stats.chi2.{f}(a, b)"), within(POSITIVE, 4), 2.7)] if f != "cdf" else [])]
        for f in ("pdf", "logpdf", "cdf")
    },
    **{
        f"stats.beta.{f}": [
            (f"stats.beta.{f}(a, b, c)", within(PROBABILITY, 5), within(POSITIVE, 5), within(POSITIVE, 5)),
            (f"stats.beta.{f}(a, b, c)", within(PROBABILITY, 3, 4), within(POSITIVE, 4), 2.2),
            (f"stats.beta.{f}(a, b, c)", 0.3, 1.3, 2.2),
            (Steps(f"stats.beta.{f}(a, 2.0, 3.0, b, c)"), within(PROBABILITY, 4), -0.3, 1.7),
        ]
        for f in ("pdf", "logpdf")
    },
    "stats.beta.cdf": [("stats.beta.cdf(a, 2.5, 1.3)", within(PROBABILITY, 3, 4)), ("stats.beta.cdf(a, 0.7, 2.0)", 0.4),
                       (Steps("stats.beta.cdf(a, 2.5, 2.0, b, c)"), within(PROBABILITY, 4), -0.3, 1.7)],
    **{
        f"stats.poisson.{f}": [
            (f"stats.poisson.{f}(3, a)", 2.2), (f"stats.poisson.{f}(np.array([0, 2, 5]), a)", within(POSITIVE, 3)),
            (f"stats.poisson.{f}(np.array([0, 2, 5]), a)", 1.7), (f"stats.poisson.{f}(np.array([1.0, 4.0]), a)", within(POSITIVE, 3, 1)),
        ]
        for f in ("pmf", "logpmf", "cdf")
    },
    **{
        f"stats.dirichlet.{f}": [(f"stats.dirichlet.{f}(a, b)", np.array([0.2, 0.3, 0.5]), within(POSITIVE, 3))]
        for f in ("pdf", "logpdf")
    },
    **{
        f"stats.multivariate_normal.{f}": [
            (f"stats.multivariate_normal.{f}(a, b, c + c.T)", normal(4), normal(4), P),
            (Steps(f"stats.multivariate_normal.{f}(a, b, c)"), normal(3, 4), normal(4), P),
        ]
        for f in ("pdf", "logpdf")
    },
    "stats.multivariate_normal.entropy": [("stats.multivariate_normal.entropy(np.zeros(4), a + a.T)", P)],
}  # fmt: skip

REASONS = {
    "real_if_close": "whether the result is complex depends on the values",
    "make_diagonal": "autograd's own; np.diag, or a loop",
    "fft.truncate_pad": "autograd's own; the argument n of the transforms does this",
    "integrate.odeint": "a solver with steps of its own choice, in Fortran; write the steps as a loop",
    "linalg.sqrtm": "Numba has no Schur decomposition; by np.linalg.eigh where the matrix is Hermitian",
    "linalg.solve_sylvester": "Numba has no Schur decomposition; np.linalg.solve of np.kron for small ones",
}
"""Functions that have no derivative here, and why."""

INTERNAL = {
    "sparse_add", "mut_add", "inner_prod", "covector", "scalar_mul", "container_take", "container_untake",
    "sequence_extend_right", "sequence_extend_left", "make_sequence", "_make_dict", "dot_adjoint_0",
    "dot_adjoint_1", "tensordot_adjoint_0", "tensordot_adjoint_1", "_array_from_scalar_or_array", "untake",
    "fixed_point",
}  # fmt: skip
"""What autograd uses for its own sums, containers and transposes: no function of NumPy's."""


# ---------------------------------------------------------------- both systems

HEADERS = {
    "autograd": "import autograd.numpy as np\nfrom autograd.scipy import integrate, linalg, signal, special, stats\n",
    "srcad": "import numpy as np\nfrom scipy import integrate, linalg, signal, special, stats\n",
}


@dataclass(frozen=True)
class Case:
    name: str
    expression: str
    arguments: Call
    function: str
    """Its name in the modules written."""


def cases() -> list[Case]:
    each = [(name, call) for name, calls in CALLS.items() for call in calls]
    return [Case(name, e, tuple(args), f"f{k}") for k, (name, (e, *args)) in enumerate(each)]


CASES = cases()


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModuleType]:
    folder = tmp_path_factory.mktemp("against_autograd")
    body = "".join(
        f"\n\ndef {c.function}({', '.join('abc'[: len(c.arguments)])}):\n    return {c.expression}\n"
        for c in CASES
    )
    return {
        system: _imported(folder / f"calls_{system}.py", h + body) for system, h in HEADERS.items()
    }


def _imported(path: Path, text: str) -> ModuleType:
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seed_for(value: Any) -> Any:
    rng = np.random.default_rng(3)
    shape = np.shape(value)
    seed = rng.normal(size=shape)
    if np.iscomplexobj(value):
        seed = seed + 1j * rng.normal(size=shape)
    return seed if shape or isinstance(value, np.ndarray) else seed[()]


def by_autograd(function: Callable[..., Any], arguments: Call, seed: Any) -> tuple[Any, list[Any]]:
    pull, value = autograd.make_vjp(lambda args: function(*args))(tuple(arguments))
    return value, [np.conj(c) for c in pull(np.conj(seed))]


def by_steps(function: Callable[..., Any], arguments: Call, seed: Any) -> tuple[Any, list[Any]]:
    """``Re <seed, df>`` for a step in each element; in the imaginary direction too."""

    def along(k: int, place: Any, direction: complex) -> float:
        def at(h: float) -> Any:
            moved = [np.array(a) for a in arguments]
            moved[k][place] += h * direction
            return function(*(m if m.ndim else m[()] for m in moved))

        h = 1e-3
        slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
        return float(np.sum(np.real(np.conj(seed) * slope)))

    cotangents = []
    for k, argument in enumerate(map(np.asarray, arguments)):
        found = np.zeros_like(argument)
        for place in np.ndindex(argument.shape):
            found[place] = along(k, place, 1.0)
            if np.iscomplexobj(argument):
                found[place] += 1j * along(k, place, 1j)
        cotangents.append(found)
    return function(*arguments), cotangents


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.name}-{c.function}")
def test_call(case: Case, modules: dict[str, ModuleType]):
    function = getattr(modules["srcad"], case.function)
    value, pull = srcad.vjp(function, *case.arguments, jit=False)
    seed = seed_for(value)
    if isinstance(case.expression, Steps):
        expected, cotangents = by_steps(function, case.arguments, seed)
        tolerance = 1e-8
    else:
        other = getattr(modules["autograd"], case.function)
        expected, cotangents = by_autograd(other, case.arguments, seed)
        tolerance = 1e-10
    assert_same(value, expected, case.expression, 1e-12)
    for found, wanted in zip(pull(seed), cotangents, strict=True):
        assert_same(found, wanted, case.expression, tolerance)
    assert any(np.any(np.asarray(c) != 0.0) for c in cotangents) or case.name == "imag"


def assert_same(found: Any, wanted: Any, what: str, tolerance: float) -> None:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape, f"{what}: shape {found.shape}, expected {wanted.shape}"
    size = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * size, err_msg=what)


# ---------------------------------------------------------------- the whole list

DISTRIBUTIONS = (
    "beta",
    "chi2",
    "dirichlet",
    "gamma",
    "multivariate_normal",
    "norm",
    "poisson",
    "t",
)
MODULES = (
    "numpy", "numpy.linalg", "numpy.fft", "scipy.integrate", "scipy.linalg", "scipy.signal", "scipy.special",
    *(f"scipy.stats.{d}" for d in DISTRIBUTIONS),
)  # fmt: skip
"""Where autograd has functions that are NumPy's and SciPy's."""


def names_of(primitive: Any) -> set[str]:
    """The names of a primitive: ``exp``, ``linalg.inv``, ``special.erf``; else its own."""
    found = {
        f"{module.partition('.')[2]}.{name}".lstrip(".")
        .replace("_original_", "")
        .replace("_primitive_", "")
        for module in MODULES
        for name, value in vars(importlib.import_module(f"autograd.{module}")).items()
        if value is primitive
    }
    return found or {primitive.__name__}


def test_every_primitive_of_autograd():
    """Each is called here, or there is a reason."""
    listed = {*CALLS, *REASONS, *INTERNAL}
    for module in MODULES:
        importlib.import_module(f"autograd.{module}")
    known = [names_of(p) for p in primitive_vjps]
    missing = [sorted(names) for names in known if not names & listed]
    assert missing == []
    spare = listed - set().union(*known)
    assert spare - INTERNAL == set()


@pytest.mark.parametrize("name", REASONS)
def test_reasons_hold(name: str, modules: dict[str, ModuleType]):
    """What has a reason is refused; the test fails when it has been added."""
    refused = {
        "real_if_close": lambda a: np.real_if_close(a),
        "integrate.odeint": lambda a: integrate.odeint(slope, a, GRID),
        "linalg.sqrtm": lambda a: scipy_linalg.sqrtm(a),
        "linalg.solve_sylvester": lambda a: scipy_linalg.solve_sylvester(a, a, a),
    }
    if name in refused:
        with pytest.raises(srcad.UnsupportedError, match="no rule"):
            srcad.vjp(refused[name], P, jit=False)
    else:
        path = name.rpartition(".")[0]
        owner = {"": np, "fft": np.fft}[path]
        assert not hasattr(owner, name.rpartition(".")[2])


# ---------------------------------------------------------------- compiled


def sample(x: Any, t: Any, k: Any) -> Any:
    """What has no other test that compiles it."""
    total = (
        np.sum(stats.norm.logpdf(x, 0.3, k[0]))
        + stats.t.cdf(x[0], 2.5)
        + special.multigammaln(4.0 + x[1], 2)
    )
    total += np.sum(np.linalg.norm(t, 1, axis=(1, 2))) + np.sum(
        np.linalg.svd(t, full_matrices=False)[1]
    )
    return total + np.sum(np.sin(signal.convolve(x, k, mode="same")))


def test_compiled():
    arguments = (V, T, within(POSITIVE, 3))
    gradient = srcad.grad(sample, wrt=(0, 1, 2))(*arguments)
    for found, wanted in zip(gradient, by_steps(sample, arguments, 1.0)[1], strict=True):
        assert_same(found, wanted, "sample", 1e-8)
