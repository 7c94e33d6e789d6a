"""Programs over complex numbers, for ``tests.test_complex`` and its oracle of differences."""

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Program:
    """A function over complex numbers and how its arguments are made."""

    f: Callable[..., Any]
    args: Callable[[], tuple[Any, ...]]
    compiled: bool = False
    """Whether it is compiled in every run of the tests."""


PROGRAMS: list[Program] = []


def program(
    args: Callable[[], tuple[Any, ...]], compiled: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function to the list."""

    def add(f: Callable[..., Any]) -> Callable[..., Any]:
        PROGRAMS.append(Program(f, args, compiled))
        return f

    return add


def line(n: int, shift: float = 0.0) -> np.ndarray:
    """A complex vector without zeros."""
    k = np.arange(n)
    return (0.7 + 0.3 * np.cos(1.7 * k + shift)) * np.exp(1j * (0.4 + 0.9 * k + shift))


def table(n: int, m: int, shift: float = 0.0) -> np.ndarray:
    """A complex matrix."""
    return line(n * m, shift).reshape(n, m)


def wave(n: int) -> np.ndarray:
    """A real vector."""
    return 0.8 + 0.4 * np.sin(1.3 * np.arange(n))


ONE = lambda: (0.8 + 0.6j,)  # noqa: E731
TWO = lambda: (0.8 + 0.6j, -0.4 + 1.1j)  # noqa: E731
MIXED = lambda: (0.8 + 0.6j, 1.3)  # noqa: E731
ROW = lambda: (line(5),)  # noqa: E731
ROWS = lambda: (line(5), line(5, 0.5))  # noqa: E731
BLEND = lambda: (line(5), wave(5))  # noqa: E731

GAIN = 0.3 - 0.8j
WEIGHTS = line(5, 2.0)


# ------------------------------------------------------------ numbers


@program(TWO, compiled=True)
def arithmetic(z, w):
    return (z + w) * (z - 2 * w) / (w + 3.0) - z / 2 + 1j * w - 0.5


@program(ONE)
def holomorphic_result(z):
    return z * z * z + 2j * z - 1


@program(MIXED)
def real_and_complex(z, x):
    return z * x + x / z - (x - z) * 1j + x**2


@program(MIXED)
def parts_of_both(z, x):
    return z.real * x + z.imag * x.real + x.imag - 3.0 * z.imag**2


@program(ONE)
def conjugates(z):
    return z.conjugate() * z + np.conj(z) ** 2 + 1j * np.conjugate(z * 1j)


@program(TWO)
def modulus(z, w):
    return abs(z) + np.abs(z * w) ** 2 + abs(z - w) ** 3


@program(TWO)
def angles(z, w):
    return np.angle(z) * cmath.phase(w) + np.angle(z * w)


@program(ONE)
def powers(z):
    return z**2 + z**3 + z**-2 + z**0.5 + z**-1.5 + z ** (0.3 + 0.2j) + z**1 + z**0


@program(MIXED)
def powers_of_reals(z, x):
    return x**z + 2.0**z + z**x + (1 + 1j) ** x + x ** (1 + 2j)


@program(TWO)
def complex_exponent(z, w):
    return z**w


@program(lambda: (0.8 + 0.6j, 3))
def integer_exponent(z, n):
    return z**n + z ** (-n)


@program(MIXED, compiled=True)
def made_of_parts(z, x):
    w = complex(x, 2.0 * x) + complex(x) * z + complex(1, x * z.real)
    return complex(w.imag, w.real) * np.complex128(x)


@program(ONE, compiled=True)
def elementary(z):
    a = np.exp(z) + np.log(z) + np.sqrt(z) + np.sin(z) + np.cos(z) + np.tan(z)
    b = np.sinh(z) + np.cosh(z) + np.tanh(z) + np.log10(z) + np.log2(z)
    return a * b + np.square(z) + np.reciprocal(z) + np.expm1(z) + np.log1p(z)


@program(ONE)
def functions_of_cmath(z):
    a = cmath.exp(z) + cmath.log(z) + cmath.sqrt(z) + cmath.sin(z) * cmath.cos(z)
    return a + cmath.tan(z) - cmath.sinh(z) + cmath.cosh(z) * cmath.tanh(z) + cmath.log(z, 2.0)


@program(lambda: (-1.7, 0.4))
def cmath_of_reals(x, y):
    return cmath.sqrt(x) * cmath.exp(y) + cmath.log(x) * y


@program(lambda: (1.4, 0.6))
def polar_form(r, phi):
    z = cmath.rect(r, phi)
    modulus_, angle = cmath.polar(z * (1 + 0.5j))
    return z + modulus_ * angle


@program(ONE)
def helpers_of_numpy(z):
    return np.real(z) * 2.0 + np.imag(z) ** 2 * 1j + np.negative(z) + np.multiply(z, z)


@program(lambda: ((0.8 + 0.6j, 1.5),))
def in_a_tuple(pair):
    z, x = pair
    return z * x, (z.conjugate(), x * abs(z))


@program(TWO)
def tuple_of_results(z, w):
    return z * w, abs(w), z.real


@program(ONE)
def captured_number(z):
    return z * GAIN + GAIN.real * np.conj(z)


@program(ROW)
def captured_array(z):
    return np.sum(z * WEIGHTS) + np.vdot(WEIGHTS, z) * WEIGHTS[1]


@program(MIXED)
def real_at_first(z, x):
    s = 0.0
    p = 1
    for k in range(3):
        s += z * x * k
        p *= z + s
    return s * p


@program(MIXED)
def real_on_one_branch(z, x):
    if x > 1.0:
        y = x * z
    else:
        y = x
    return y * (z if x > 2.0 else x) + (1j if z.real > 0 else 2)


@program(TWO)
def equality(z, w):
    if z == w or z != z:
        return z * w
    return z - 2.0 * w


@program(ONE)
def truth(z):
    if z:
        return z * z
    return z


@program(ONE)
def default_argument(z, unit=1j):
    return z * unit + unit


def _turned(z, by):
    return z * np.exp(1j * by)


@program(MIXED)
def calls_another(z, x):
    return _turned(_turned(z, x), -2.0 * x) + _turned(x, z.imag)


@program(lambda: (0.8 + 0.6j, 4), compiled=True)
def mandelbrot_orbit(c, n):
    z = 0j
    for _ in range(n):
        z = z * z + c * 0.5
    return abs(z) ** 2


@program(lambda: (0.9 + 0.2j,))
def newton_root(a):
    z = 1.0 + 0.5j
    while abs(z**3 - a) > 1e-3:
        z -= (z**3 - a) / (3.0 * z**2)
    for _ in range(6):
        z -= (z**3 - a) / (3.0 * z**2)
    return z


def _recursive(z, n):
    if n == 0:
        return z
    return z * _recursive(z + 0.1j, n - 1)


@program(lambda: (0.8 + 0.6j, 3))
def recursion(z, n):
    return _recursive(z, n)


# ------------------------------------------------------------ arrays


@program(ROWS, compiled=True)
def elementwise(z, w):
    return z * w + np.exp(z) / w - np.conj(z) * 2.0 + np.abs(w) * z.real


@program(BLEND)
def broadcast_with_real(z, x):
    return np.sum(z[:, None] * x[:3], axis=1) + np.sum(z * x + x)


@program(lambda: (table(2, 3), line(3), wave(2)))
def broadcasting(a, z, x):
    return a * z + x[:, None] * a


@program(ROWS)
def sums_and_means(z, w):
    return np.sum(z) * z.mean() + np.mean(w * z) + w.sum()


@program(lambda: (table(2, 3),))
def along_an_axis(a):
    return np.sum(a * a, axis=0), a.mean(axis=1)


@program(ROWS)
def inner_products(z, w):
    return np.dot(z, w) + np.vdot(z, w) * 2.0 + z @ w.conj()


@program(BLEND)
def inner_products_with_real(z, x):
    return np.dot(z, x) + np.vdot(x, z) + np.vdot(z, x)


@program(lambda: (table(2, 3), table(3, 2, 0.3)), compiled=True)
def matrix_product(a, b):
    return a @ b


@program(lambda: (table(3, 2), table(2, 3, 0.3)))
def transposed_products(a, b):
    return a.T @ b.T + np.dot(a.T, a) @ (b @ b.T), a @ b @ a.conj() @ a.conj().T


@program(lambda: (table(3, 3), line(3)))
def matrix_and_vector(a, z):
    return a @ z, z @ a, a.T @ z, z.conj() @ a.T


@program(lambda: (np.arange(6.0).reshape(2, 3) * 0.3, table(3, 2)))
def real_times_complex_matrix(a, b):
    return a @ b + np.eye(2, dtype=complex)


@program(lambda: (table(3, 3), line(3), line(2)))
def outer_and_trace(a, z, w):
    return np.trace(a @ a), np.outer(z, w)


@program(BLEND)
def stores(z, x):
    u = np.zeros(5, dtype=np.complex128)
    v = np.empty(5, dtype=complex)
    for i in range(5):
        u[i] = z[i] * x[i]
        v[i] = x[4 - i]
    u[1:] += v[:-1] * 1j
    u[0] *= z[1]
    u[2] = 3
    return u


@program(ROW)
def in_place(z):
    z = z.copy()
    z *= 2.0 - 1j
    z[1:3] -= z[2:4]
    z /= z[4] + 1.0
    z **= 2
    return z


@program(BLEND)
def writes_parts(z, x):
    u = np.zeros(5, dtype=np.complex128)
    u.real[...] = x * 2.0
    u.imag[:] = z.imag
    u.real[1] = x[0] * z.real[2]
    u.imag += x * z.real
    u.real *= x
    u.imag[2:4] -= u.real[:2]
    u.real[3] += 2.0 * x[3]
    u.real[0] -= u.imag[4]
    return u * z


@program(BLEND)
def assigns_parts(z, x):
    u = z * 1.0
    u.real = x
    u.imag = u.real * 3.0
    u.imag -= x
    return u * u


@program(ROW, compiled=True)
def swaps_parts(z):
    u = z.copy()
    t = u.real.copy()
    u.real[:] = u.imag
    u.imag[:] = -t
    return u * z


@program(ROW)
def views_of_parts(z):
    u = z.copy()
    r = u.real
    u[0] = 2.0 * u[1]
    tail = r[1:]
    tail[0] = 5.0 * r[3]
    return np.sum(r * r) * u[2] + np.sum(np.imag(u) * np.real(z))


@program(BLEND)
def conversions(z, x):
    y = x.astype(complex)
    y += z
    w = np.ones(5, dtype=complex) * y + np.full(5, 2j)
    v = np.array([z[0], x[1], 1.0])
    return w * y.astype(np.complex128), v, np.zeros_like(z) + np.ones_like(z) * z


@program(BLEND)
def choices(z, x):
    a = np.where(x > 0.9, z, x)
    b = np.where(z.real > 0.0, 1j, z)
    return a * b + np.where(x > 1.1, 0.0, z)


@program(BLEND)
def angles_of_arrays(z, x):
    return np.angle(z) * x, np.abs(z) ** 2, np.angle(z[1] * x[0])


@program(lambda: (table(2, 3), np.array([2, 0])))
def gathers(a, k):
    return a[:, k] * 2.0 + a[0, k] * a[1, 2]


@program(lambda: (table(3, 4),))
def slices(a):
    return a[::2, 1:] * a[0, ::-1][1:] + a[1:, :3] * 1j


@program(lambda: ((line(3), wave(3)),))
def arrays_in_a_tuple(pair):
    z, x = pair
    return np.sum(z * x), z.conj()


@program(BLEND)
def real_array_functions(z, x):
    return z * np.conj(x) + x.conj() + x.real * x.imag + np.imag(x)


@program(ROW)
def swaps_buffers(z):
    a = z.copy()
    b = np.zeros_like(a)
    for _ in range(3):
        for i in range(1, 4):
            b[i] = 0.5j * a[i - 1] + a[i] * a[i + 1]
        a, b = b, a
    return a


# ------------------------------------------------------------ physics


@program(lambda: (line(8),), compiled=True)
def fft_in_place(z):
    z = z.copy()
    n = z.size
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j ^= bit
        if i < j:
            t = z[i]
            z[i] = z[j]
            z[j] = t
    size = 2
    while size <= n:
        half = size // 2
        for k in range(half):
            w = cmath.exp(-2j * math.pi * k / size)
            for s in range(k, n, size):
                t = w * z[s + half]
                z[s + half] = z[s] - t
                z[s] += t
        size *= 2
    return z


@program(lambda: (wave(4), 0.5 * wave(4), wave(4) + 0.3, 1.7), compiled=True)
def rlc_ladder(resistance, inductance, capacitance, omega):
    z = 50.0 + 0j
    for k in range(resistance.size - 1, -1, -1):
        z += resistance[k] + 1j * omega * inductance[k]
        y = 1.0 / z + 1j * omega * capacitance[k]
        z = 1.0 / y
    return abs((z - 50.0) / (z + 50.0)) ** 2


@program(lambda: (line(6), wave(6), 0.1), compiled=True)
def split_step(psi, potential, dt):
    n = psi.size
    psi = psi.copy()
    spectrum = np.zeros(n, dtype=np.complex128)
    for _ in range(2):
        psi *= np.exp(-0.5j * dt * potential)
        for k in range(n):
            s = 0j
            for j in range(n):
                s += psi[j] * np.exp(-2j * np.pi * j * k / n)
            spectrum[k] = s * np.exp(-0.5j * dt * k**2)
        for j in range(n):
            s = 0j
            for k in range(n):
                s += spectrum[k] * np.exp(2j * np.pi * j * k / n)
            psi[j] = s / n
        psi *= np.exp(-0.5j * dt * potential)
    return np.sum(np.abs(psi[: n // 2]) ** 2) + np.sum((np.conj(psi) * psi).real * potential)


@program(lambda: (0.3, 1.1, 4))
def transfer_matrix(x, k, n):
    m = np.eye(2, dtype=np.complex128)
    for i in range(n):
        q = cmath.sqrt(k * k - 2.0 * x * (i % 2))
        step = np.array([[np.exp(1j * q), 0.1 * q], [0.1 * np.conj(q), np.exp(-1j * q)]])
        m = m @ step
    return 1.0 / abs(m[0, 0]) ** 2


@program(lambda: (wave(3), 0.7))
def damped_oscillators(x, t):
    z = np.zeros(3, dtype=np.complex128)
    for i in range(3):
        z[i] = x[i] * np.exp((-0.1 * x[i] + 1j * (i + 1)) * t)
    return z.real.sum() + np.max(np.abs(z))


@program(lambda: (line(4).real.copy(), 0.3))
def real_part_of_what_each_step_makes(x, h):
    u = x
    for _ in range(3):
        u = np.real(np.fft.ifft(np.fft.fft(u + h * u**2) * 0.9))
    return u @ u
