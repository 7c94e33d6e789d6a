"""Derivatives of derivatives: in any order, of functions that take derivatives themselves."""

import functools
import itertools
import math

import numpy as np
import pytest

import srcad

NO_JIT = {"jit": False}
x4 = np.array([0.3, 0.7, -0.4, 1.1])


def slopes(f, x, h=1e-3):
    """Central differences of fourth order."""
    x = np.asarray(x, float)
    out = np.zeros_like(x)
    for k in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[k] = h
        out[k] = (8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h)
    return out


# -------------------------------------------------------------------- one number, many orders


def wave(x):
    return math.sin(x) * x * x


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_closed_forms(order):
    g = wave
    for _ in range(order):
        g = srcad.grad(g, **NO_JIT)
    x = 0.7
    s, c = math.sin(x), math.cos(x)
    wanted = [
        c * x * x + 2 * x * s,
        -s * x * x + 4 * x * c + 2 * s,
        -c * x * x - 6 * x * s + 6 * c,
        s * x * x - 8 * x * c - 12 * s,
    ]
    assert g(x) == pytest.approx(wanted[order - 1], rel=1e-12)


def entry_of_inverse(t):
    a = np.array([[2.0 + t, 1.0], [t * t, 3.0]])
    return np.linalg.inv(a)[0, 1]


def test_rules_at_order_four():
    """What a rule binds is written at each use: earlier values may still be needed."""
    g = entry_of_inverse
    for _ in range(4):
        g = srcad.grad(g, **NO_JIT)
    assert g(0.7) == pytest.approx(-0.11557847057561739, rel=1e-11)  # sympy


# -------------------------------------------------------------------- perturbations


def constant_inside(x):
    return x * srcad.grad(lambda y: x + y)(1.0)


def product_inside(x):
    return x * srcad.grad(lambda y: x * y)(2.0)


def same_point(x):
    def g(y):
        return x * y * y

    return srcad.grad(g)(x)


def same_point_forward(x):
    def g(y):
        return x * y * y

    return srcad.jvp(g, (x,), (1.0,))[1]


def shadowed(x):
    return srcad.grad(lambda x: x * srcad.grad(lambda x: x * x * x)(x))(x)


PERTURBED = [
    (constant_inside, 1.0),
    (product_inside, 6.0),
    (same_point, 12.0),
    (same_point_forward, 12.0),
    (shadowed, 54.0),  # d/dx 9 x^2
]


@pytest.mark.parametrize(("f", "wanted"), PERTURBED)
def test_perturbations_are_not_confused(f, wanted):
    assert srcad.grad(f, **NO_JIT)(3.0) == pytest.approx(wanted, rel=1e-14)
    assert srcad.jvp(f, (3.0,), (1.0,), **NO_JIT)[1] == pytest.approx(wanted, rel=1e-14)


# -------------------------------------------------------------------- loops, arrays, tapes


def chained(x):
    s = 0.0
    for i in range(len(x) - 1):
        s += math.sin(x[i] * x[i + 1]) + s * 0.1 * x[i]
    return s


def steepness(x):
    return np.sum(srcad.grad(chained)(x) ** 2)


CHAINED = srcad.grad(chained)


def steepness_of_a_global(x):
    return np.sum(CHAINED(x) ** 2)


@pytest.mark.parametrize("f", [steepness, steepness_of_a_global])
def test_gradient_of_a_gradient(f):
    plain = srcad.grad(chained, **NO_JIT)
    wanted = slopes(lambda x: np.sum(plain(x) ** 2), x4)
    np.testing.assert_allclose(srcad.grad(f, **NO_JIT)(x4), wanted, rtol=1e-8)
    np.testing.assert_allclose(srcad.grad(f)(x4), wanted, rtol=1e-8)


def wandering(x, n):
    """Growing tapes, arrays that are replaced, a while loop, a triangle of loops."""
    u = x.copy()
    t = 0.0
    while t < 1.0:
        u = u + 0.1 * np.sin(u) * x[0]
        u[1:] += 0.05 * u[:-1] ** 2
        t += 0.2 + 0.1 * abs(u[0])
    for i in range(n):
        for j in range(i):
            u[i] *= math.cos(u[j])
    return np.sum(u * u)


def weighted(x, n):
    v, g = srcad.value_and_grad(wandering)(x, n)
    return v * np.sum(g * np.arange(len(x)))


def test_tapes_are_reversed():
    both = srcad.value_and_grad(wandering, **NO_JIT)

    def plain(x):
        v, g = both(x, 4)
        return v * np.sum(g * np.arange(4))

    wanted = slopes(plain, x4, 1e-4)
    np.testing.assert_allclose(srcad.grad(weighted, **NO_JIT)(x4, 4), wanted, rtol=1e-7)
    moved = srcad.jvp(weighted, (x4, 4), (np.ones(4), None), **NO_JIT)[1]
    assert moved == pytest.approx(np.sum(wanted), rel=1e-7)


# -------------------------------------------------------------------- each transformation inside


def polynomial(x):
    return np.sum(np.sin(x) * x**2) + x[0] * x[1] ** 3


def pair(x, c):
    return np.array([x[0] * x[1] * c, math.sin(x[1]), x[0] ** 3])


def all_of_them(x):
    h = srcad.hessian(polynomial)(x)
    out, pullback = srcad.vjp(polynomial, x)
    (a,) = pullback(2.0)
    p = srcad.hvp(polynomial, (x,), np.ones(len(x)))
    j = srcad.jacobian(pair)(x, 2.0)
    _, t = srcad.jvp(pair, (x, 1.5), (np.ones(len(x)), None))
    value, (gx, gc) = srcad.value_and_grad(lambda x, c: np.sum(pair(x, c)), wrt=(0, 1))(x, 0.5)
    mixed = np.sum(h * np.outer(x, x)) + out * np.sum(a * p)
    return mixed + np.sum(j * j) + np.sum(t * t) + value * gc + np.sum(gx * gx)


def test_every_transformation_inside():
    value = srcad.jvp(all_of_them, (x4,), (np.zeros(4),), **NO_JIT)[0]

    def plain(x):  # the same from outside, each by itself
        c, s = np.cos(x), np.sin(x)
        g = c * x**2 + 2 * x * s
        g[:2] += np.array([x[1] ** 3, 3 * x[0] * x[1] ** 2])
        h = np.diag(-s * x**2 + 4 * x * c + 2 * s)
        h[0, 1] = h[1, 0] = 3 * x[1] ** 2
        h[1, 1] += 6 * x[0] * x[1]
        j = np.zeros((3, 4))
        j[0, :2] = 2 * x[1], 2 * x[0]
        j[1, 1] = math.cos(x[1])
        j[2, 0] = 3 * x[0] ** 2
        t = np.array([1.5 * (x[0] + x[1]), math.cos(x[1]), 3 * x[0] ** 2])
        gx = np.array([0.5 * x[1] + 3 * x[0] ** 2, 0.5 * x[0] + math.cos(x[1]), 0.0, 0.0])
        out = np.sum(s * x**2) + x[0] * x[1] ** 3
        v = 0.5 * x[0] * x[1] + math.sin(x[1]) + x[0] ** 3
        mixed = np.sum(h * np.outer(x, x)) + out * np.sum(2 * g * (h @ np.ones(4)))
        return mixed + np.sum(j * j) + np.sum(t * t) + v * x[0] * x[1] + np.sum(gx * gx)

    assert value == pytest.approx(plain(x4), rel=1e-12)
    wanted = slopes(plain, x4)
    np.testing.assert_allclose(srcad.grad(all_of_them, **NO_JIT)(x4), wanted, rtol=1e-8)


def test_auxiliary_results_inside():
    def loss(x):
        return x * x, 3.0 * x

    def f(x):
        g, aux = srcad.grad(loss, has_aux=True)(x)
        return g * aux

    assert srcad.grad(f, **NO_JIT)(2.0) == pytest.approx(24.0)


def test_structures_inside():
    def energy(state, k):
        return 0.5 * k * state["x"] ** 2 + np.sum(state["v"] ** 2)

    def f(x, v):
        g = srcad.grad(energy)({"x": x, "v": v}, 3.0)
        return g["x"] ** 2 + np.sum(g["v"] ** 3)

    gx, gv = srcad.grad(f, wrt=(0, 1), **NO_JIT)(2.0, np.array([1.0, -0.5]))
    assert gx == pytest.approx(36.0)
    np.testing.assert_allclose(gv, [24.0, 6.0])


# -------------------------------------------------------------------- learning to learn


def misfit(w, d):
    r = 0.0
    for i in range(len(d)):
        p = w[0] * d[i] + w[1] * math.sin(d[i])
        r += (p - math.cos(d[i])) ** 2
    return r / len(d)


def adapted(w0, rate, d):
    w = w0.copy()
    for _ in range(10):
        w = w - rate * srcad.grad(misfit)(w, d)
    return misfit(w, d)


@pytest.mark.parametrize("jit", [False, True])
def test_through_ten_steps_of_descent(jit):
    d = np.linspace(0.0, 2.0, 7)
    w0 = np.array([0.5, -0.3])
    inner = srcad.grad(misfit, **NO_JIT)

    def plain(w, rate):
        for _ in range(10):
            w = w - rate * inner(w, d)
        return misfit(w, d)

    gw, gr = srcad.grad(adapted, wrt=(0, 1), jit=jit)(w0, 0.1, d)
    np.testing.assert_allclose(gw, slopes(lambda w: plain(w, 0.1), w0), rtol=1e-9)
    np.testing.assert_allclose(gr, slopes(lambda r: plain(w0, r), 0.1), rtol=1e-7)


# -------------------------------------------------------------------- forward and reverse, nested


def slope_reverse(f, x):
    return srcad.grad(f)(x)


def slope_forward(f, x):
    out = np.zeros(len(x))
    for k in range(len(x)):
        e = np.zeros(len(x))
        e[k] = 1.0
        out[k] = srcad.jvp(f, (x,), (e,))[1]
    return out


def saddle(outer, inner):
    """min over a of max over b, by descent in a of what ascent in b reaches."""

    def height(a, b):
        return np.sum((a - 0.5) ** 2) + np.sum(a * b) - np.sum((b - 0.25) ** 2)

    def highest(a):
        b = np.zeros(2)
        for _ in range(8):
            b = b + 0.2 * inner(lambda b: height(a, b), b)
        return height(a, b)

    def search(a0):
        a = a0.copy()
        for _ in range(5):
            a = a - 0.2 * outer(highest, a)
        return a

    return search


def particle(outer, inner):
    """A charge falls past two others, whose place is adjusted until it lands at x = 0."""

    def landing(w):
        def potential(p):
            one = math.hypot(p[0] - 10.0, p[1] - (10.0 - w[0]))
            two = math.hypot(p[0] - 10.0, p[1])
            return 1.0 / one + 1.0 / two

        p = np.array([0.0, 8.0])
        v = np.array([0.75, 0.0])
        dt = 0.1
        while p[1] + dt * v[1] > 0.0:
            p = p + dt * v
            v = v - dt * inner(potential, p)
        left = -p[1] / v[1]
        return (p[0] + left * v[0]) ** 2

    def search(w0):
        w = w0.copy()
        for _ in range(2):
            w = w - 1e-4 * outer(landing, w)
        return w

    return search


@pytest.mark.parametrize(("problem", "start"), [(saddle, [1.0, -1.0]), (particle, [0.0])])
def test_modes_nested_agree(problem, start):
    """The saddle and the particle of Siskind and Pearlmutter, in all four ways."""
    found = []
    for outer, inner in itertools.product((slope_forward, slope_reverse), repeat=2):
        search = problem(outer, inner)

        def size(x, search=search):
            out = search(x)
            return np.sum(out * np.arange(1.0, len(out) + 1.0))

        found.append(srcad.value_and_grad(size, **NO_JIT)(np.array(start)))
    for value, gradient in found[1:]:
        assert value == pytest.approx(found[0][0], rel=1e-10)
        np.testing.assert_allclose(gradient, found[0][1], rtol=1e-10)


# -------------------------------------------------------------------- what is refused


def test_state_outside_is_not_changed():
    def f(x):
        seen = [x]

        def g(y):
            seen.append(y)
            return y * y

        return srcad.grad(g)(x) + len(seen)

    with pytest.raises(
        srcad.UnsupportedError, match=r"held by 'seen'|changes an object from outside"
    ):
        srcad.grad(f, **NO_JIT)(1.0)


def test_arrays_outside_are_not_changed():
    """A derivative works on copies, also where the function writes what it is given."""

    def f(x):
        def g(y):
            y[0] *= y[1]
            x[1] = y[0] ** 2
            return x[1] * y[1]

        return np.sum(srcad.grad(g)(x * 1.0)) + x[0] * x[1]

    wanted = slopes(
        lambda x: (lambda a, b: 2 * a * b**3 + 3 * a**2 * b**2)(*x) + x[0] * x[1], [0.7, 1.3]
    )
    got = srcad.grad(f, **NO_JIT)(np.array([0.7, 1.3]))
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_integers_have_no_derivative():
    with pytest.raises(srcad.ArgumentError, match="no floats"):
        srcad.grad(lambda x: x * srcad.grad(lambda k: k * x)(3), **NO_JIT)(1.0)


def test_the_result_must_be_a_number():
    with pytest.raises(srcad.ArgumentError, match="one float scalar"):
        srcad.grad(lambda x: np.sum(srcad.grad(lambda y: y * x)(x)), **NO_JIT)(x4)


def test_overlapping_arguments_are_refused():
    """Also where the derivative that is differentiated works on copies."""

    def f(x, y):
        x[0] = y[1] * y[0]
        return x[0] * y[0]

    a = np.array([0.7, 1.3])
    g = srcad.vjp(srcad.grad(f, **NO_JIT), a, a.copy(), **NO_JIT)[0]
    np.testing.assert_allclose(g, [0.0, 0.0])
    with pytest.raises(srcad.ArgumentValueError, match="overlap"):
        srcad.vjp(srcad.grad(f, **NO_JIT), a, a, **NO_JIT)


@pytest.mark.parametrize("options", [{"sparsity": "detect"}, {"outputs": "x"}])
def test_matrices_of_another_kind_are_refused(options):
    """Inside, a Jacobian is dense and of what the function returns."""

    def f(x):
        x *= x
        return 2.0 * x

    matrix = srcad.jacobian(f, **options)
    with pytest.raises(srcad.UnsupportedError, match=next(iter(options))):
        srcad.grad(lambda x: np.sum(matrix(x)), **NO_JIT)(x4)


def test_options_of_another_kind_are_refused():
    def f(x):
        return np.sum(srcad.jacobian(lambda y: y * y, sparsity="detect")(x))

    with pytest.raises(srcad.UnsupportedError, match="sparsity="):
        srcad.grad(f, **NO_JIT)(x4)


# -------------------------------------------------------------------- partials and bound methods


def scaled(a, b, x, y=3.0):
    return np.sum(a * x**3) * y + b * x[0] ** 2


class Scaled:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def at(self, x, y=3.0):
        return scaled(self.a, self.b, x, y)


HELD = (np.array([0.5, 2.0]), 1.5)
HOLDERS = {
    "partial": functools.partial(scaled, *HELD),
    "by name": functools.partial(scaled, HELD[0], b=HELD[1]),
    "in steps": functools.partial(functools.partial(scaled, HELD[0]), HELD[1]),
    "method": Scaled(*HELD).at,
}
SEES = {
    "gradient of gradient": lambda f, x: srcad.jacobian(srcad.grad(f, "x"), "x", **NO_JIT)(x=x),
    "hessian": lambda f, x: srcad.hessian(f, "x", **NO_JIT)(x=x),
    "hvp": lambda f, x: [srcad.hvp(f, (), v, "x", x=x, **NO_JIT) for v in np.eye(2)],
    "inside": lambda f, x: srcad.jacobian(lambda z: srcad.grad(f, "x")(x=z), **NO_JIT)(x),
}


@pytest.mark.parametrize("f", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("matrix", SEES.values(), ids=SEES)
def test_of_what_holds_arguments(f, matrix):
    """What a partial or a method holds is no parameter, however deep it lies."""
    x = np.array([0.3, 0.7])
    wanted = np.diag(18.0 * HELD[0] * x) + np.diag([2.0 * HELD[1], 0.0])
    np.testing.assert_allclose(matrix(f, x), wanted)


def test_of_derivatives_held_by_partials():
    """A partial of a derivative of a partial, and what a partial holds when it is called."""

    def f(a, b, c, d):
        return a * b**2 + c**3 * d

    inner = functools.partial(srcad.grad(functools.partial(f, 1.0), wrt="c"), 2.0)
    assert srcad.grad(srcad.grad(inner), **NO_JIT)(0.5, 3.0) == pytest.approx(18.0)
    model = Scaled(*HELD)
    each = srcad.batch(srcad.grad(model.at), **NO_JIT)
    x = np.array([[0.3, 0.7], [0.1, 0.2]])
    before = each(x)
    model.a = 2.0 * HELD[0]
    np.testing.assert_allclose(each(x) - before, 9.0 * HELD[0] * x**2)
    value, pullback = srcad.vjp(model.at, x[0], **NO_JIT)
    _, slope = srcad.jvp(model.at, (x[0],), (np.ones(2),), **NO_JIT)
    assert value == model.at(x[0])
    assert np.sum(pullback(1.0)[0]) == pytest.approx(slope)
