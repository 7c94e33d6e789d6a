"""Derivatives made anew at each call: written once, never of what the function was before."""

import functools
import gc
import pickle
import weakref

import numpy as np
import pytest

import srcad
import srcad.pipeline as pipeline

X = np.linspace(0.1, 0.9, 5)
SCALE = 2.0


@pytest.fixture
def written_anew():
    """Not here: what was written before is what these tests are about."""


@pytest.fixture
def writings(monkeypatch):
    """What was written, in order."""
    kinds = []
    write = pipeline.compile_request

    def counted(request):
        kinds.append(request.kind)
        return write(request)

    monkeypatch.setattr(pipeline, "compile_request", counted)
    return kinds


def cubes():
    def f(x):
        return np.sum(x**3)

    return f


def squares():
    def f(x):
        return x * x

    return f


FRESH = {
    "grad": (cubes, lambda f: srcad.grad(f, jit=False)(X), 3.0 * X**2),
    "value_and_grad": (cubes, lambda f: srcad.value_and_grad(f, jit=False)(X)[1], 3.0 * X**2),
    "jacobian": (squares, lambda f: srcad.jacobian(f, jit=False)(X), np.diag(2.0 * X)),
    "reverse": (squares, lambda f: srcad.jacobian(f, mode="rev", jit=False)(X), np.diag(2.0 * X)),
    "sparse": (
        squares,
        lambda f: srcad.jacobian(f, sparsity="detect", jit=False)(X).toarray(),
        np.diag(2.0 * X),
    ),
    "hessian": (cubes, lambda f: srcad.hessian(f, jit=False)(X), np.diag(6.0 * X)),
    "hvp": (cubes, lambda f: srcad.hvp(f, (X,), X, jit=False), 6.0 * X**2),
    "batch": (cubes, lambda f: srcad.batch(f, jit=False)(np.ones((2, 3))), np.full(2, 3.0)),
    "batch of grad": (
        cubes,
        lambda f: srcad.batch(srcad.grad(f), jit=False)(np.ones((2, 3))),
        np.full((2, 3), 3.0),
    ),
    "grad of grad": (
        lambda: lambda x: x**3,
        lambda f: srcad.grad(srcad.grad(f), jit=False)(2.0),
        12.0,
    ),
}


@pytest.mark.parametrize("name", FRESH)
def test_a_fresh_object_writes_nothing(name, writings):
    make, call, expected = FRESH[name]
    f = make()
    np.testing.assert_allclose(call(f), expected, rtol=1e-13)
    first = len(writings)
    assert first > 0
    for _ in range(3):
        np.testing.assert_allclose(call(f), expected, rtol=1e-13)
    assert len(writings) == first
    np.testing.assert_allclose(call(make()), expected, rtol=1e-13)
    assert len(writings) == 2 * first, "another function of the same text is another function"


def test_transformations_are_told_apart():
    def f(x):
        return x**3 * 1.0

    assert srcad.grad(f, jit=False)(2.0) == 12.0
    assert srcad.grad(srcad.grad(f), jit=False)(2.0) == 12.0
    assert srcad.grad(srcad.grad(srcad.grad(f)), jit=False)(2.0) == 6.0
    batched = srcad.batch(srcad.grad(f), jit=False)(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(batched, [3.0, 12.0])
    np.testing.assert_array_equal(srcad.batch(f, jit=False)(np.array([1.0, 2.0])), [1.0, 8.0])

    def g(x, y):
        return np.sum(x) * y

    x, y = np.ones((2, 3)), np.array([1.0, 2.0])
    np.testing.assert_array_equal(srcad.batch(g, axes=(0, None), jit=False)(x, 2.0), [6.0, 6.0])
    np.testing.assert_array_equal(srcad.batch(g, axes=(1, None), jit=False)(x, 2.0), [4.0] * 3)
    np.testing.assert_array_equal(srcad.batch(g, axes=(0, 0), jit=False)(x, y), [3.0, 6.0])
    assert srcad.grad(g, wrt=1, jit=False)(X, 2.0) == pytest.approx(np.sum(X))
    np.testing.assert_array_equal(srcad.grad(g, wrt=0, jit=False)(X, 2.0), np.full(5, 2.0))


def test_partials_and_methods_hold_values_of_their_own():
    def f(k, x):
        return k * x * x

    for k in (1.0, 3.0):
        assert srcad.grad(functools.partial(f, k), jit=False)(2.0) == 4.0 * k
        assert srcad.grad(srcad.grad(functools.partial(f, k)), jit=False)(2.0) == 2.0 * k

    class Spring:
        def __init__(self, k):
            self.k = k

        def energy(self, x):
            return self.k * x * x

    for k in (1.0, 3.0):
        assert srcad.grad(Spring(k).energy, jit=False)(2.0) == 4.0 * k


def test_what_a_closure_captures_is_read_at_each_call():
    k, inner = 1.0, np.sin

    def f(x):
        return k * inner(x)

    assert srcad.grad(f, jit=False)(0.3) == pytest.approx(np.cos(0.3))
    k = 5.0
    assert srcad.grad(f, jit=False)(0.3) == pytest.approx(5.0 * np.cos(0.3))
    k = np.array([1.0, 2.0])  # another type
    with pytest.raises(srcad.SrcadError):
        srcad.grad(f, jit=False)(0.3)
    k, inner = 2.0, np.exp
    assert srcad.grad(f, jit=False)(0.3) == pytest.approx(2.0 * np.exp(0.3))
    inner = np.sin
    assert srcad.grad(f, jit=False)(0.3) == pytest.approx(2.0 * np.cos(0.3))


def test_globals_are_read_at_each_call(monkeypatch):
    def f(x):
        return SCALE * x * x

    assert srcad.grad(f, jit=False)(1.0) == 4.0
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert srcad.grad(f, jit=False)(1.0) == 6.0


def test_code_that_is_replaced():
    def f(x):
        return x * x

    def g(x):
        return x * x * x

    assert srcad.grad(f, jit=False)(2.0) == 4.0
    f.__code__ = g.__code__
    assert srcad.grad(f, jit=False)(2.0) == 12.0


def test_defaults_that_are_replaced():
    def f(x, k=2.0):
        return k * x

    assert srcad.grad(f, jit=False)(1.0) == 2.0
    f.__defaults__ = (7.0,)
    assert srcad.grad(f, jit=False)(1.0) == 7.0


def test_a_wrapper_is_not_taken_for_what_it_wraps():
    def f(x):
        return x * x

    assert srcad.grad(f, jit=False)(2.0) == 4.0

    def g(x):
        return x * x * x

    functools.update_wrapper(g, f)
    del g.__wrapped__
    assert srcad.grad(g, jit=False)(2.0) == 12.0
    assert srcad.grad(f, jit=False)(2.0) == 4.0


def test_options_are_told_apart():
    def f(x, n):
        return x[n]

    with pytest.raises(IndexError):
        srcad.grad(f, jit=False)(X, 7)
    source = srcad.grad(f, boundscheck=False, jit=False).source(X, 7)
    assert "IndexError" not in source
    assert "IndexError" in srcad.grad(f, jit=False).source(X, 7)


def test_stats_are_of_the_object_that_was_called():
    def f(x, n):
        for _ in range(n):
            x = np.sin(x) * x
        return np.sum(x)

    one, other = srcad.grad(f, jit=False), srcad.grad(f, jit=False)
    one(X, 20)
    kept = one.stats
    other(X, 400)
    assert one.stats == kept
    assert other.stats.tape_bytes > kept.tape_bytes


def test_a_function_is_let_go():
    data = np.ones(3)

    def f(x):
        return np.sum(data * x)

    srcad.grad(f, jit=False)(np.ones(3))
    srcad.hessian(f, jit=False)(np.ones(3))
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


def test_a_function_that_is_pickled_by_value_takes_nothing_along():
    def f(x):
        return x * x

    srcad.grad(f, jit=False)(2.0)
    (found,) = [v for k, v in vars(f).items() if k.startswith("__srcad")]
    assert pickle.loads(pickle.dumps(found)).found == {}


def test_compiled_once():
    def f(x):
        return x * x * x

    one = srcad.grad(f, cache=False)
    assert one(2.0) == 12.0
    assert srcad.grad(f, cache=False)(2.0) == 12.0
    (variant,) = [v for v, _ in (p.current for p in one._plans.values())]
    fresh = srcad.grad(f, cache=False)
    fresh(2.0)
    (again,) = [v for v, _ in (p.current for p in fresh._plans.values())]
    assert again is not variant
    assert again._function is variant._function
