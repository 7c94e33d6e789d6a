"""Complex numbers: cotangents against differences of ``Re<seed, f>`` in every real direction."""

import cmath
import itertools
import math

import numpy as np
import pytest

import srcad
from tests.programs.complexes import PROGRAMS, Program

# ------------------------------------------------------------ the oracle


def leaves(value):
    """The numbers and arrays of a value."""
    if isinstance(value, tuple):
        return [x for item in value for x in leaves(item)]
    return [value]


def copied(value):
    """A copy of an argument."""
    if isinstance(value, tuple):
        return tuple(copied(v) for v in value)
    return value.copy() if isinstance(value, np.ndarray) else value


def seeds_like(out, random):
    """Random cotangents in the structure of an output."""
    if isinstance(out, tuple):
        return tuple(seeds_like(x, random) for x in out)
    drawn = random.uniform(-1.0, 1.0, np.shape(out))
    if np.iscomplexobj(out):
        drawn = drawn + 1j * random.uniform(-1.0, 1.0, np.shape(out))
    return drawn if isinstance(out, np.ndarray) else drawn[()].item()


def paired(seed, out):
    """``Re<seed, out>``."""
    pairs = zip(leaves(seed), leaves(out), strict=True)
    return sum(float(np.sum(np.conj(s) * x).real) for s, x in pairs)


def moved(args, which, place, step):
    """The arguments with one number changed."""
    flat = leaves(tuple(copied(a) for a in args))
    if isinstance(flat[which], np.ndarray):
        flat[which][place] += step
    else:
        flat[which] += step
    given = iter(flat)

    def built(value):
        return tuple(map(built, value)) if isinstance(value, tuple) else next(given)

    return tuple(map(built, args))


def slope(f, args, seed, which, place, unit):
    """The derivative of ``Re<seed, f>``: central differences, extrapolated twice."""

    def at(step):
        return paired(seed, f(*moved(args, which, place, step * unit)))

    found = [(at(h) - at(-h)) / (2 * h) for h in (8e-3, 4e-3, 2e-3, 1e-3)]
    for power in (4, 16, 64):
        found = [(power * b - a) / (power - 1) for a, b in itertools.pairwise(found)]
    return found[0]


def expected(f, args, seed):
    """The cotangents of the leaves of the arguments; None where they carry none."""
    out = []
    for which, leaf in enumerate(leaves(args)):
        array = np.asarray(leaf)
        if array.dtype.kind not in "fc":
            out.append(None)
            continue
        found = np.zeros(array.shape, array.dtype)
        for place in np.ndindex(array.shape):
            found[place] = slope(f, args, seed, which, place, 1.0)
            if array.dtype.kind == "c":
                found[place] += 1j * slope(f, args, seed, which, place, 1j)
        out.append(found)
    return out


def check(item: Program, jit: bool) -> None:
    """Value, cotangents and their classes."""
    args = item.args()
    out, pullback = srcad.vjp(item.f, *copied(args), jit=jit)
    want = item.f(*copied(args))
    for a, b in zip(leaves(out), leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
        assert np.asarray(a).dtype == np.asarray(b).dtype
    seed = seeds_like(out, np.random.default_rng(7))
    found = leaves(pullback(seed))
    wanted = expected(item.f, args, seed)
    scale = max(np.max(np.abs(w)) for w in wanted if w is not None)
    for got, want, leaf in zip(found, wanted, leaves(args), strict=True):
        if want is None:
            assert got is None
            continue
        assert np.iscomplexobj(got) == np.iscomplexobj(leaf)
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-7 * max(scale, 1.0))


NAMES = [p.f.__name__ for p in PROGRAMS]


@pytest.mark.parametrize("item", PROGRAMS, ids=NAMES)
def test_program(item):
    check(item, jit=False)


@pytest.mark.parametrize(
    "item", [p for p in PROGRAMS if p.compiled], ids=[p.f.__name__ for p in PROGRAMS if p.compiled]
)
def test_compiled(item):
    check(item, jit=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "item",
    [p for p in PROGRAMS if not p.compiled],
    ids=[p.f.__name__ for p in PROGRAMS if not p.compiled],
)
def test_compiled_too(item):
    check(item, jit=True)


# ------------------------------------------------------------ rules

POINTS = (0.8 + 0.6j, -0.7 + 1.2j, -1.1 - 0.4j, 0.3 - 2.0j)
CLOSED_FORMS = [
    (lambda z: np.exp(z), np.exp),
    (lambda z: np.log(z), lambda z: 1 / z),
    (lambda z: np.sqrt(z), lambda z: 0.5 / np.sqrt(z)),
    (lambda z: np.sin(z), np.cos),
    (lambda z: np.cos(z), lambda z: -np.sin(z)),
    (lambda z: np.tan(z), lambda z: 1 / np.cos(z) ** 2),
    (lambda z: np.sinh(z), np.cosh),
    (lambda z: np.cosh(z), np.sinh),
    (lambda z: np.tanh(z), lambda z: 1 / np.cosh(z) ** 2),
    (lambda z: np.log10(z), lambda z: 1 / (z * np.log(10))),
    (lambda z: np.log2(z), lambda z: 1 / (z * np.log(2))),
    (lambda z: np.log1p(z), lambda z: 1 / (1 + z)),
    (lambda z: np.expm1(z), np.exp),
    (lambda z: np.exp2(z), lambda z: np.log(2) * 2**z),
    (lambda z: np.square(z), lambda z: 2 * z),
    (lambda z: np.reciprocal(z), lambda z: -1 / z**2),
    (lambda z: np.arcsin(z), lambda z: 1 / np.sqrt(1 - z * z)),
    (lambda z: np.arccos(z), lambda z: -1 / np.sqrt(1 - z * z)),
    (lambda z: np.arctan(z), lambda z: 1 / (1 + z * z)),
    (lambda z: np.arcsinh(z), lambda z: 1 / np.sqrt(1 + z * z)),
    (lambda z: np.arctanh(z), lambda z: 1 / (1 - z * z)),
    (lambda z: cmath.asin(z), lambda z: 1 / np.sqrt(1 - z * z)),
    (lambda z: z**3, lambda z: 3 * z**2),
    (lambda z: z**-1.5, lambda z: -1.5 * z**-2.5),
    (lambda z: 1 / z, lambda z: -1 / z**2),
]


@pytest.mark.parametrize("k", range(len(CLOSED_FORMS)))
@pytest.mark.parametrize("z", POINTS)
def test_holomorphic(k, z):
    f, derivative = CLOSED_FORMS[k]
    seed = 0.7 - 0.4j
    _, pullback = srcad.vjp(f, z, jit=False)
    np.testing.assert_allclose(pullback(seed)[0], np.conj(derivative(z)) * seed, rtol=1e-13)


def test_descent():
    """``z -= lr * grad`` descends."""

    def loss(z):
        return abs(z - (1 + 2j)) ** 2

    z = 0j
    for _ in range(50):
        z -= 0.25 * srcad.grad(loss, jit=False)(z)
    assert abs(z - (1 + 2j)) < 1e-12


# ------------------------------------------------------------ singular points, IEEE


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_modulus_at_zero(jit):
    assert srcad.grad(lambda z: abs(z), jit=jit)(0j) == 0
    assert srcad.grad(lambda z: np.abs(z) ** 2, jit=jit)(0j) == 0


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_division_by_zero(jit):
    out, _ = srcad.vjp(lambda z, w: z / w, 1 + 1j, 0j, jit=jit)
    assert np.isinf(out)
    out, _ = srcad.vjp(lambda z, x: z / x, 0j, 0.0, jit=jit)
    assert np.isnan(out)


# ------------------------------------------------------------ single precision


def single(z, x):
    w = z * 2.0 + 1j * z - x
    return np.sum(w * np.exp(z) / 3), np.abs(w)


@pytest.mark.parametrize("jit", [False, True])
def test_single_precision(jit):
    z = np.array([1 + 2j, 0.5 - 1j], np.complex64)
    x = np.array([0.5, 0.25], np.float32)
    out, pullback = srcad.vjp(single, z, x, jit=jit)
    assert type(out[0]) is np.complex64
    assert out[1].dtype == np.float32
    wanted = single(z, x)
    np.testing.assert_allclose(out[0], wanted[0], rtol=1e-6)
    seed = (0.5 + 1j, np.array([1.0, 2.0]))
    z_b, x_b = pullback(seed)
    assert (z_b.dtype, x_b.dtype) == (np.complex64, np.float32)
    exact = expected(single, (z.astype(complex), x.astype(float)), seed)
    np.testing.assert_allclose(z_b, exact[0], rtol=1e-5)
    np.testing.assert_allclose(x_b, exact[1], rtol=1e-5)


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_single_number(jit):
    f = lambda z: (z * np.conj(z) * 0.5 + np.sqrt(z) ** 3).real  # noqa: E731
    z = np.complex64(1 + 2j)
    value, gradient = srcad.value_and_grad(f, jit=jit)(z)
    assert (type(value), type(gradient)) == (np.float32, np.complex64)
    wide = srcad.grad(f, jit=False)(complex(z))
    np.testing.assert_allclose(gradient, wide, rtol=1e-5)


def test_single_is_allocated():
    def f(z):
        w = np.zeros(2, dtype=np.complex64)
        w[:] = z
        w.imag += 1.0
        return w * 2.0, z.astype(np.complex64), np.complex64(1.5) * w[0]

    out, _ = srcad.vjp(f, np.ones(2, np.complex64), jit=False)
    assert [np.asarray(x).dtype for x in out] == [np.complex64] * 3


def test_wide_beside_single():
    out, pullback = srcad.vjp(
        lambda z, w: z * w, np.ones(2, np.complex64), np.ones(2) * 1j, jit=False
    )
    assert out.dtype == np.complex128
    z_b, w_b = pullback(np.ones(2))
    assert (z_b.dtype, w_b.dtype) == (np.complex64, np.complex128)


# ------------------------------------------------------------ refusals


def _stored_in_floats(z):
    x = np.zeros(2)
    x[0] = z
    return np.sum(x)


def _slice_of_floats(z):
    x = np.zeros(2)
    x[:] = z
    return np.sum(x)


def _added_to_floats(z):
    x = np.zeros(2)
    x += z
    return np.sum(x)


REFUSED = [
    (_stored_in_floats, "complex number cannot become a float64"),
    (_slice_of_floats, "complex number cannot become a float64"),
    (_added_to_floats, "complex number cannot become a float64"),
    (lambda z: abs(z) if z < 1j else 0.0, "have no order"),
    (lambda z: abs(z) if z >= 0.0 else 0.0, "have no order"),
    (lambda z: float(z), "complex number cannot become a float64"),
    (lambda z: z.real * int(z), r"int\(\) does not take complex"),
    (lambda z: math.sin(z), r"math.sin does not take complex numbers"),
    (lambda z: np.fabs(z), "does not take complex"),
    (lambda z: max(z, 1.0).real, "max does not take complex"),
    (lambda z: np.maximum(z, 1.0).real, "does not take complex"),
    (lambda z: np.arctan2(z, 1.0).real, "does not take complex"),
    (lambda z: np.floor(z).real, "does not take complex"),
    (lambda z: (z % 2.0).real, "% does not take complex"),
    (lambda z: (z // 2.0).real, "// does not take complex"),
    (lambda z: np.max(np.array([z, 1.0])).real, "have no order"),
    (lambda z: np.array([z]).astype(float)[0], "complex number cannot become"),
    (lambda z: complex(z, 1.0).real, "two real numbers"),
    (lambda z: np.zeros(2)[z].real, "index"),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_refused(k):
    f, message = REFUSED[k]
    with pytest.raises((TypeError, NotImplementedError), match=message) as caught:
        srcad.grad(f, jit=False)(1 + 2j)
    assert isinstance(caught.value, srcad.SrcadError)


def test_complex_loss_is_refused():
    with pytest.raises(TypeError, match=r"returns a complex128(?s:.)*abs\(\.\.\.\)\*\*2"):
        srcad.grad(lambda z: z * z, jit=False)(1 + 2j)


def test_complex_seed_of_real_result_is_refused():
    _, pullback = srcad.vjp(lambda z: abs(z), 1 + 2j, jit=False)
    with pytest.raises(TypeError, match="the seed"):
        pullback(1j)


def test_gradients_have_the_class_of_the_argument():
    z_b, x_b = srcad.grad(lambda z, x: abs(z * x), wrt=(0, 1), jit=False)(1 + 2j, 2.0)
    assert (type(z_b), type(x_b)) == (complex, float)
    (z_b,) = srcad.vjp(lambda z: z.real, np.complex128(1j), jit=False)[1](1.0)
    assert type(z_b) is complex


@pytest.mark.parametrize("name", ["arithmetic", "in_a_tuple", "matrix_product", "writes_parts"])
def test_check_grads(name):
    item = next(p for p in PROGRAMS if p.f.__name__ == name)
    srcad.check_grads(item.f, item.args(), jit=False)


def test_check_grads_finds_the_imaginary_part(monkeypatch):
    vjp = srcad.vjp

    def wrong(f, *args, **options):
        out, pullback = vjp(f, *args, **options)
        return out, lambda seed: tuple(np.conj(x) for x in pullback(seed))

    monkeypatch.setattr("srcad.checking.vjp", wrong)
    with pytest.raises(srcad.GradientCheckError, match="imaginary part of z"):
        srcad.check_grads(lambda z: z * z, (1 + 2j,), jit=False)
