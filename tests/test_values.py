"""Values of all kinds and memory layouts: vjp and jvp against differences in double precision.

What must hold for each: the value and its dtype are NumPy's, cotangents and tangents have the
dtypes of what they belong to, <seed, J v> is the same from vjp, jvp and differences along one random
direction, and the caller's arrays are left alone. The differences cannot see a kink closer than
4e-3, nor an error orthogonal to the direction drawn.
"""

import enum
import math
import warnings

import numpy as np
import pytest

import srcad
from tests.rules.test_elementwise import doubles


def leaves(value):
    return [x for v in value for x in leaves(v)] if isinstance(value, tuple | list) else [value]


def carries(value):
    return np.asarray(value).dtype.kind in "fc"


def is_single(value):
    return np.asarray(value).dtype in (np.float32, np.complex64)


def wide(value):
    """The same number or array in double precision."""
    if not carries(value):
        return value
    kind = np.complex128 if np.iscomplexobj(value) else np.float64
    return value.astype(kind) if isinstance(value, np.ndarray) else kind(value)


def run(f, args):
    """f in plain Python on copies, also where it makes NaN on the way."""
    given = [a.copy(order="K") if isinstance(a, np.ndarray) else a for a in args]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f(*given)


def drawn(value, random):
    shape = np.shape(value)
    out = random.uniform(-1.0, 1.0, shape)
    return out + 1j * random.uniform(-1.0, 1.0, shape) if np.iscomplexobj(value) else out


def like(number, value):
    """Numbers in the dtype and class of a value; None where it carries none."""
    if number is None:
        return None
    made = np.asarray(number).astype(np.asarray(value).dtype.newbyteorder("="))
    return made if isinstance(value, np.ndarray) else made[()]


def paired(seeds, outs):
    pairs = zip(seeds, outs, strict=True)
    return sum(float(np.sum(np.conj(s) * o).real) for s, o in pairs if s is not None)


def check(f, args, jit=False):
    random = np.random.default_rng(5)
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    wanted = run(f, args)
    out, pullback = srcad.vjp(f, *args, jit=jit)
    single = any(map(is_single, args))
    for found, want in zip(leaves(out), leaves(wanted), strict=True):
        assert np.asarray(found).dtype == np.asarray(want).dtype.newbyteorder("=")
        tolerance = (1e-5, 1e-6) if single else (1e-12, 1e-14)
        np.testing.assert_allclose(found, want, *tolerance)
    seeds = [drawn(w, random) if carries(w) else None for w in leaves(wanted)]
    given = [like(s, w) for s, w in zip(seeds, leaves(wanted), strict=True)]
    cotangents = pullback(type(out)(given) if isinstance(out, tuple | list) else given[0])
    directions = [drawn(a, random) if carries(a) else None for a in args]

    def at(step):
        pairs = zip(map(wide, args), directions, strict=True)
        moved = [a if d is None else like(a + step * d, a) for a, d in pairs]
        return paired(seeds, leaves(run(f, moved)))

    slopes = [(at(h) - at(-h)) / (2 * h) for h in (4e-3, 2e-3, 1e-3)]
    slopes = [(4 * slopes[1] - slopes[0]) / 3, (4 * slopes[2] - slopes[1]) / 3]
    exact = (16 * slopes[1] - slopes[0]) / 15
    terms = []
    for argument, cotangent, direction in zip(args, cotangents, directions, strict=True):
        if direction is None:
            assert cotangent is None
            continue
        assert isinstance(cotangent, np.ndarray) == isinstance(argument, np.ndarray)
        assert np.asarray(cotangent).dtype == np.asarray(argument).dtype.newbyteorder("=")
        assert np.shape(cotangent) == np.shape(argument)
        terms += list(np.ravel(np.conj(cotangent) * direction).real)
    margin = (3e-4 if single else 1e-6) * max(1e-3, float(np.sum(np.abs(terms))))
    assert abs(sum(terms) - exact) <= margin
    tangents = tuple(like(d, a) for a, d in zip(args, directions, strict=True))
    values, ahead = srcad.jvp(f, tuple(args), tangents, jit=jit)
    for value, tangent in zip(leaves(values), leaves(ahead), strict=True):
        if carries(value):
            assert np.asarray(tangent).dtype == np.asarray(value).dtype
    assert abs(paired(seeds, leaves(ahead)) - exact) <= margin
    for one, two in zip(before, args, strict=True):
        np.testing.assert_array_equal(one, two)


X = np.random.default_rng(0).uniform(0.2, 1.0, 6)
Z = X + 1j * np.random.default_rng(1).uniform(-1.0, 1.0, 6)
A = np.random.default_rng(2).uniform(0.1, 1.0, (3, 4))
SINGLE = X.astype(np.float32)


# ------------------------------------------------------------ single precision


def mean_of_squares(x):
    m = x.mean()
    return ((x - m) ** 2).mean() / (1 + m)


def accumulated(x):
    total, best, k = 0, -np.inf, 0
    while k < len(x):
        total += x[k] * k / 3
        best = max(best, x[k] * x[k])
        k += 1
    return total * best + len(x) * x[0]


def convected(x, dt):
    for t in range(3):
        for i in range(1, len(x)):
            x[i] += dt * x[i - 1] * i / len(x) + math.sin(x[t]) * 0.1
    return x.sum()


def decayed(x, c):
    s = c
    for v in x:
        s = s * v + c
    return s


def inner_function(x, dt):
    def step(u, h):
        return u * h + 1

    v = x[0]
    for _ in range(3):
        v = step(v, dt)
    return v**3 + (x[1] if dt > 0.05 else 0.5)


def pair_of_numbers(x, dt):
    a, b = 0.0, 1.0
    for v in x:
        a, b = b, a * dt + v
    return a * b


def appended(x):
    found = []
    for v in x:
        found.append(v * 0.5)
    return np.array(found).sum()


def matrix_of(x):
    a = np.empty((2, len(x)), x.dtype)
    a[0], a[1] = x, x**2
    return (a @ a.T)[0, 1] / np.linalg.norm(x)


def softmax_entropy(x):
    p = np.exp(x - x.max())
    p /= p.sum()
    return -(p * np.log(p)).sum()


ALL_SINGLE = [
    (mean_of_squares, (SINGLE,)),
    (accumulated, (SINGLE,)),
    (convected, (SINGLE, np.float32(0.1))),
    (decayed, (SINGLE, np.float32(0.3))),
    (inner_function, (SINGLE, np.float32(0.1))),
    (pair_of_numbers, (SINGLE, np.float32(0.1))),
    (appended, (SINGLE,)),
    (matrix_of, (SINGLE,)),
    (softmax_entropy, (SINGLE,)),
]


@pytest.mark.parametrize(("f", "args"), ALL_SINGLE, ids=lambda p: getattr(p, "__name__", ""))
def test_single_throughout(f, args):
    """Nothing in double precision: no literal, no array, no result."""
    check(f, args)
    gradient = srcad.value_and_grad(f, wrt=tuple(range(len(args))), jit=False)
    assert doubles(gradient.source(*args)) == []


@pytest.mark.parametrize("f", [convected, decayed, inner_function, pair_of_numbers])
@pytest.mark.parametrize("kind", [float, np.float64])
def test_number_beside_single(f, kind):
    """A Python number has the precision of what it meets, a number of NumPy's its own."""
    check(f, (SINGLE, kind(0.1)))


def test_compiled_single():
    check(convected, (SINGLE, 0.1), jit=True)


def widened(x):
    s = np.float64(0.0)
    for v in x:
        s += v * v
    return s


def by_both(x, y):
    s = t = 0.1
    for i in range(len(x)):
        s = s * x[i] + 1
        t = t * y[i] + 1
    return s, t, s * t, x * y[0], x * 2.0, (x * y).sum()


def literal_or_single(x, y, c):
    """The 0.1 is no float32: it keeps its digits where it meets a float64."""
    a = 0.1
    if c > 0:
        a = x[0]
    return a * y.sum()


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (widened, (SINGLE,)),
        (by_both, (SINGLE, X)),
        (literal_or_single, (SINGLE, X, 1)),
        (literal_or_single, (SINGLE, X, -1)),
        (lambda x, a: x * a + a, (SINGLE, 0.5)),
        (lambda x, a: x * a + a, (SINGLE, np.float64(0.5))),
        (lambda x, a: x * a + a, (SINGLE, np.complex128(0.5 + 1j))),
        (lambda x, a: x * a + a, (SINGLE, 0.5 + 1j)),
        (lambda x, k: x * k, (SINGLE, np.arange(6))),
        (lambda x, k: x * k, (SINGLE, np.arange(6, dtype=np.int16))),
        (lambda x, k: x * k[2], (SINGLE, np.arange(6))),
        (lambda x, k: x * k[2], (SINGLE, np.arange(6, dtype=np.int16))),
        (lambda x: np.asarray(0.3) * x, (SINGLE,)),
        (lambda x: np.polyval(x, 0.3), (SINGLE,)),
        (lambda x: np.polyval(x, 3), (Z.astype(np.complex64),)),
        (lambda z, x: z * x, (Z.astype(np.complex64), X)),
        (lambda z, x: z * x, (Z.astype(np.complex64), SINGLE)),
    ],
)
def test_promotion(f, args):
    check(f, args)


def test_literal_keeps_its_digits():
    value = srcad.value_and_grad(literal_or_single, wrt=1, jit=False)(SINGLE, X, -1)[0]
    assert value == pytest.approx(0.1 * X.sum(), rel=1e-15)


# ------------------------------------------------------------ complex numbers


def in_parts(z):
    z.real *= 2
    z.imag[1:] += z.real[:-1]
    return (z * z).sum()


def until_large(z):
    k = 0
    while abs(z[0]) < 2 and k < 5:
        z[0] = z[0] ** 2 + z[1]
        k += 1
    return z


def horner(z):
    s = 0j
    for v in z:
        s = s * 0.5 + v * v
    return s


COMPLEX = [
    in_parts,
    until_large,
    horner,
    lambda z: np.exp(2j * np.pi * z.real) * z,
    lambda z: (np.vdot(z, z[::-1]), np.abs(z).sum(), np.angle(z).sum()),
    lambda z: (np.where(z.real > 0.5, z, z * 1j), 2.0**z + z**0.5, z / np.abs(z)),
    lambda z: (z[0] if abs(z[0]) > 5 else z[1] ** 3, np.cumsum(z)[-1], z.conj() @ z),
]


@pytest.mark.parametrize("k", range(len(COMPLEX)))
@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
def test_complex(k, dtype):
    check(COMPLEX[k], (Z.astype(dtype),))


# ------------------------------------------------------------ memory


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


BIG = np.random.default_rng(3).uniform(0.2, 1.0, (6, 8))
VECTORS = {
    "backwards": X[::-1],
    "every other": np.repeat(X, 2)[::2],
    "read-only": read_only(X),
    "column": BIG[:, 3],
    "byte-swapped": X.astype(">f8"),
    "byte-swapped single": X.astype(">f4"),
    "broadcast": np.broadcast_to(0.5, (6,)),
}
MATRICES = {
    "Fortran": np.asfortranarray(A),
    "transposed": np.ascontiguousarray(A.T).T,
    "backwards": A[::-1, ::-1],
    "part": BIG[::2, ::2],
    "read-only": read_only(A),
    "rows alike": np.broadcast_to(A[:1], (3, 4)),
    "single Fortran": np.asfortranarray(A.astype(np.float32)),
}


def written_in_place(x):
    x[1:] += x[:-1]
    x *= 2
    return x


@pytest.mark.parametrize("layout", VECTORS)
def test_layout_of_vectors(layout):
    check(written_in_place, (VECTORS[layout],))
    check(lambda x: (x**2).sum() + x.mean(), (VECTORS[layout],))


def rearranged(a):
    b = a.T
    b[0] *= 3
    return a.copy(), a.ravel()[::2] * 2, a.reshape(4, 3) ** 2, a.sum(axis=0), a.T @ a


@pytest.mark.parametrize("layout", MATRICES)
def test_layout_of_matrices(layout):
    check(rearranged, (MATRICES[layout],))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_empty(shape, dtype):
    def over(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = x[i]
        y[1:] += y[:-1]
        return y.sum() + np.prod(x), y, x[::-1], x.ravel(), np.where(x > 0, x, -x), x.sum(axis=0)

    check(over, (np.zeros(shape, dtype),))


# ------------------------------------------------------------ arrays without axes, numbers


def repeated(a, x):
    for i in range(3):
        a = a * x[i] + 1
    return a if a > 0 else -a


NUMBERS = [0.7, np.float64(0.7), np.float32(0.7), np.array(0.7), np.array(0.7, np.float32)]


@pytest.mark.parametrize("a", NUMBERS, ids=lambda a: f"{type(a).__name__}-{np.asarray(a).dtype}")
def test_numbers(a):
    check(repeated, (a, X))
    check(repeated, (a, SINGLE))
    check(lambda a, b: a * b + a**2, (a, 1.3))
    check(lambda a, b: a * b + a**2, (a, np.array(1.3)))


def test_update_of_what_may_be_an_array():
    """The update would change ``a`` where ``b`` is ``a`` itself, and not where it is a number."""

    def f(a, x):
        b = a
        for i in range(3):
            b = a * x[i] if i else b
        b += 2
        return a * b

    check(f, (0.7, X))
    with pytest.raises(srcad.UnsupportedError, match="array without axes"):
        srcad.grad(f, jit=False)(np.array(0.7), X)


# ------------------------------------------------------------ what carries no derivative


class Scheme(enum.Enum):
    UPWIND = 1
    CENTRAL = 2


def optioned(x, k, mask, flag, name, scale, scheme):
    y = x * k
    y = y[mask] if flag else y
    if name == "square":
        y = y**2
    elif name in ("a", "b"):
        y = y * 3
    y = y + 1 if scale is None else y * scale
    if scheme is Scheme.UPWIND:
        y = y - 1
    match name:
        case "square":
            y = y * 2
        case _:
            y = y * 5
    return y.sum() + (k * mask).sum() + k.sum() / 2


@pytest.mark.parametrize("flag", [True, np.False_])
@pytest.mark.parametrize("name", ["square", "a", "z"])
@pytest.mark.parametrize(("scale", "scheme"), [(None, Scheme.UPWIND), (2.0, Scheme.CENTRAL)])
def test_static_options(flag, name, scale, scheme):
    mask = np.array([True, False, True, True, False, True])
    check(optioned, (X, np.arange(6), mask, flag, name, scale, scheme))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers(dtype):
    def f(x, k):
        counts = np.bincount(k.astype(int), weights=x)
        return x * k, (k // 2) * x, x**k, x[k % 4], k.astype(float) * x, (k > 1) * x, counts

    check(f, (X, np.arange(6).astype(dtype)))


def test_bools():
    def f(x, m):
        return x * m, ~m, np.where(m, x, 0), x[m], x[~m] * 2, m.sum() * x, (m & (x > 0.5)) * x

    check(f, (X, np.array([True, False, True, True, False, True])))


# ------------------------------------------------------------ NaN and infinity that leave no trace

ROOTS = np.array([0.0, 4.0, -1.0, 2.0])
GAPS = np.array([np.nan, 2.0, 3.0, np.nan])


def replaced(x):
    y = np.sqrt(x)
    y[x <= 0] = 0.0
    return (y * y).sum()


def quotient_replaced(x):
    y = x / x
    y[0] = 1.0
    return y.sum()


def quotient_unused(x):
    s = 0.0
    for i in range(len(x)):
        t = x[i] * x[i] / x[i]
        if i > 0:
            s += t
    return s


def branches(x):
    s = 0.0
    for v in x:
        if v > 0:
            s += math.sqrt(v) + math.log(v)
    return s


def smallest(x):
    best, where = np.inf, -1
    for i in range(len(x)):
        if x[i] < best:
            best, where = x[i], i
    return best**2 + 0.0 * where


def filled(x):
    y = np.full(4, np.nan)
    y[:] = x * 2
    z = np.full(4, np.inf)
    for i in range(4):
        z[i] = min(z[i], x[i] ** 2)
    return y.sum() + z.sum()


def distances(x):
    d = x[:, None] - x[None, :]
    r = np.sqrt(d**2)
    return np.where(r > 0, 1 / r, 0.0).sum()


HALF = 0.5 / math.sqrt(2.0)
UNTOUCHED = [
    (replaced, ROOTS, [0.0, 1.0, 0.0, 1.0]),
    (quotient_replaced, ROOTS, [0.0, 0.0, 0.0, 0.0]),
    (quotient_unused, ROOTS, [0.0, 1.0, 1.0, 1.0]),
    (branches, ROOTS, [0.0, 0.5, 0.0, HALF + 0.5]),
    (smallest, ROOTS, [0.0, 0.0, -2.0, 0.0]),
    (filled, ROOTS, [2.0, 10.0, 0.0, 6.0]),
    (distances, np.array([1.0, 2.0, 4.0]), [2 * 10 / 9, -1.5, -2 * (1 / 9 + 1 / 4)]),
    (lambda x: np.where(x > 0, np.sqrt(x), 0.0).sum(), ROOTS, [0.0, 0.25, 0.0, HALF]),
    (lambda x: np.where(x > 0, np.log(x), x).sum(), ROOTS, [1.0, 0.25, 1.0, 0.5]),
    (lambda x: sum([math.sqrt(v) if v > 0 else 0.0 for v in x]), ROOTS, [0.0, 0.25, 0.0, HALF]),
    (lambda x: np.where(np.isnan(GAPS), 0.0, GAPS * x).sum(), ROOTS, [0.0, 2.0, 3.0, 0.0]),
    (lambda x: np.nanmax(np.where(x > 1, x, np.nan)), ROOTS, [0.0, 1.0, 0.0, 0.0]),
    (lambda x: np.linalg.norm(x[:1]) + np.linalg.norm(x), ROOTS, ROOTS / math.sqrt(21.0)),
]


@pytest.mark.parametrize("k", range(len(UNTOUCHED)))
def test_nan_leaves_no_trace(k):
    f, x, expected = UNTOUCHED[k]
    np.testing.assert_allclose(srcad.grad(f, jit=False)(x), expected, rtol=1e-12)
    for direction in np.eye(len(x)):
        tangent = srcad.jvp(f, (x,), (direction,), jit=False)[1]
        np.testing.assert_allclose(tangent, np.dot(expected, direction), rtol=1e-12)


def test_compiled_nan_leaves_no_trace():
    for f, x, expected in UNTOUCHED[:3]:
        np.testing.assert_allclose(srcad.grad(f)(x), expected, rtol=1e-12)
