"""``batch``: against the plain Python loop, its derivatives against the complex step."""

import dataclasses
import math
from typing import NamedTuple

import numba
import numpy as np
import pytest

import srcad
from tests.oracles import complex_step

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 3))
K = RNG.normal(size=5)


class Layer(NamedTuple):
    w: object
    b: object


@dataclasses.dataclass
class Body:
    x: object
    mass: float


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: object
    mass: float


def stacked(results):
    """The results of a loop, in the structure of one of them, the members along a new axis."""
    first = results[0]
    if isinstance(first, dict):
        return {k: stacked([r[k] for r in results]) for k in first}
    if dataclasses.is_dataclass(first):
        names = [f.name for f in dataclasses.fields(first)]
        return type(first)(*(stacked([getattr(r, n) for r in results]) for n in names))
    if isinstance(first, tuple | list):
        items = [stacked(list(column)) for column in zip(*results, strict=True)]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    return first if isinstance(first, str | None) else np.stack([np.asarray(r) for r in results])


def assert_same(found, expected):
    """Equal structures, shapes and dtypes; numbers equal to rounding."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        found, expected = list(found.values()), list(expected.values())
    elif dataclasses.is_dataclass(expected):
        found, expected = list(vars(found).values()), list(vars(expected).values())
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, str | None):
        assert found == expected
    else:
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def kinetic(x, k):
    return 0.5 * k * np.sum(np.sin(x) * x)


def mixed(x, k):
    return x * k, 3, k > 0.0, {"name": "mixed", "outer": np.outer(x, x), "none": None}


def layer(p, x):
    return Layer(np.tanh(p.w @ x + p.b), [x[0], p.b])


def moved(body, x):
    return Body(body.x + x / body.mass, body.mass)


def shifted(body, x):
    return Frozen(body.x - x, body.mass)


def scaled_entries(d, x):
    return {"a": d["a"] * x[0], "b": d["b"] * d["c"]}


def writes(x, k):
    x[0] = k[1] * x[2]
    k[0] += x[1]
    return x + k, k[0]


def early(x):
    if x > 0.5:
        return x
    y = 0.0
    while y < abs(x):
        y += 0.25
    return y


def chosen(x):
    y = x if x[0] > 0.0 else 2.0 * x
    return y


def factorial(n):
    return 1.0 if n < 1 else n * factorial(n - 1)


def cumulated(x, i):
    s = np.cumsum(x)
    return s[i:], s[i]


def cube(x):
    return x * x * x


def solved(a, b):
    return np.linalg.solve(a, b)


A = RNG.normal(size=(5, 3, 3)) + 4.0 * np.eye(3)


def members(arg, axis, k):
    """Argument ``k`` of a batch: arrays indexed and copied."""
    if isinstance(arg, np.ndarray):
        return arg.copy() if axis is None else np.take(arg, k, axis)
    if isinstance(arg, dict):
        return {n: members(v, axis, k) for n, v in arg.items()}
    if dataclasses.is_dataclass(arg):
        return type(arg)(*(members(v, axis, k) for v in vars(arg).values()))
    if isinstance(arg, tuple | list):
        items = [members(v, axis, k) for v in arg]
        return type(arg)(*items) if hasattr(arg, "_fields") else type(arg)(items)
    return arg


CASES = {
    "numbers": (early, (K,), (0,)),
    "rows": (kinetic, (X, K), (0, 0)),
    "in common": (kinetic, (X[0], K), (None, 0)),
    "a number": (kinetic, (X, 2.0), (0, None)),
    "other axis": (kinetic, (X.T, K), (1, 0)),
    "last axis": (cube, (RNG.normal(size=(2, 3, 4)),), (-1,)),
    "structure of results": (mixed, (X, K), (0, 0)),
    "namedtuple": (layer, (Layer(A, RNG.normal(size=(5, 3))), X), (0, 0)),
    "namedtuple in common": (layer, (Layer(A[0], X[1]), X), (None, 0)),
    "dataclass": (moved, (Body(X, 2.0), X[::-1]), (0, 0)),
    "frozen dataclass": (shifted, (Frozen(X, 2.0), X[:, ::-1]), (0, 0)),
    "dict": (scaled_entries, ({"a": X, "b": K, "c": 2.0}, X), (0, 0)),
    "list": (lambda both: both[0] * both[1], ([X, K],), (0,)),
    "single precision": (mixed, (X.astype(np.float32), K.astype(np.float32)), (0, 0)),
    "complex": (lambda z: abs(z) * z, (K + 1j * X[:, 0],), (0,)),
    "views": (kinetic, (np.repeat(X, 2, axis=0)[::2], K[::-1]), (0, 0)),
    "read only": (cube, (np.broadcast_to(X[0], (4, 3)),), (0,)),
    "written": (writes, (X, X[0] + 0.5), (0, None)),
    "both written": (writes, (X, X + 1.0), (0, 0)),
    "a branch": (chosen, (X,), (0,)),
    "recursion": (factorial, (np.array([0, 1, 5, 7]),), (0,)),
    "shapes known later": (cumulated, (X, np.full(5, 1)), (0, 0)),
    "mask": (lambda x: x[x > -9.0], (X,), (0,)),
    "lapack": (solved, (A, X), (0, 0)),
    "one member": (kinetic, (X[:1], K[:1]), (0, 0)),
}


def looped(f, args, axes):
    n = next(
        np.shape(leaf)[axis]
        for arg, axis in zip(args, axes, strict=True)
        for leaf in (arg.values() if isinstance(arg, dict) else [getattr(arg, "x", arg)])
        if axis is not None
        for leaf in (leaf if isinstance(leaf, tuple | list) else [leaf])[:1]
    )
    calls = (f(*(members(a, x, k) for a, x in zip(args, axes, strict=True))) for k in range(n))
    return stacked(list(calls))


@pytest.mark.parametrize("name", CASES)
def test_equals_the_loop(name):
    f, args, axes = CASES[name]
    before = str(args)
    found = srcad.batch(f, axes=axes, jit=False)(*args)
    assert_same(found, looped(f, args, axes))
    assert str(args) == before


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("name", ["structure of results", "written", "shapes known later"])
def test_equals_the_loop_compiled(name, parallel):
    f, args, axes = CASES[name]
    found = srcad.batch(f, axes=axes, parallel=parallel)(*args)
    assert_same(found, looped(f, args, axes))


def test_axes():
    def product(x, k, c=2.0):
        return x * k * c

    expected = X * K[:, None] * 2.0
    run = srcad.batch(product, jit=False)
    np.testing.assert_allclose(run(X, K), expected)
    np.testing.assert_allclose(run(X, k=K, c=3.0), 1.5 * expected)
    by_name = srcad.batch(product, axes={"k": 0}, jit=False)
    np.testing.assert_allclose(by_name(X[0], K), X[0] * K[:, None] * 2.0)
    np.testing.assert_allclose(by_name(k=K, x=X[0]), X[0] * K[:, None] * 2.0)
    np.testing.assert_allclose(srcad.batch(product, axes=(0,), jit=False)(X, K[:3]), X * K[:3] * 2)
    inside = srcad.batch(lambda d, x: d["w"] * x + d["b"], axes=({"w": 0}, None), jit=False)
    np.testing.assert_allclose(inside({"w": K, "b": 1.0}, X[0]), np.outer(K, X[0]) + 1.0)
    pairs = srcad.batch(lambda p, x: p[0] * x + p[1], axes=((0, None), 0), jit=False)
    np.testing.assert_allclose(pairs((K, X[0]), X), K[:, None] * X + X[0])
    decorated = srcad.batch(axes=(0, None), jit=False)(product)
    np.testing.assert_allclose(decorated(K, K), 2.0 * np.outer(K, K))


# ---------------------------------------------------------------- derivatives


def rows_complex_step(f, x, *more):
    return np.array([complex_step(f, (row, *(m[k] for m in more)), 0) for k, row in enumerate(x)])


@pytest.mark.parametrize("options", [{"jit": False}, {}, {"parallel": True}])
def test_a_gradient_for_each_member(options):
    found = srcad.batch(srcad.grad(kinetic), axes=(0, 0), **options)(X, K)
    np.testing.assert_allclose(found, rows_complex_step(kinetic, X, K), rtol=1e-12)
    value, gradient = srcad.batch(srcad.value_and_grad(kinetic, wrt=("k", 0)), jit=False)(X, K)
    np.testing.assert_allclose(value, [kinetic(x, k) for x, k in zip(X, K, strict=True)])
    np.testing.assert_allclose(gradient[1], found)
    np.testing.assert_allclose(gradient[0], [kinetic(x, 1.0) for x in X])


def test_batches_of_batches():
    run = srcad.batch(srcad.batch(lambda x, k=3.0: math.sin(k * x)), jit=False)
    np.testing.assert_allclose(run(X), np.sin(3.0 * X), rtol=1e-14)
    inner = srcad.batch(lambda x, k: x * k, axes=(0, None))
    found = srcad.batch(inner, axes=(None, 0), jit=False)(X[0], K)
    np.testing.assert_allclose(found, np.outer(K, X[0]))
    second = srcad.batch(srcad.grad(srcad.grad(lambda x: x**4)), jit=False)
    np.testing.assert_allclose(second(K), 12.0 * K * K)


SUMS = srcad.batch(kinetic, axes=(0, None))


def through_object(x, k):
    return np.sum(SUMS(x, k) ** 2)


def through_call(x, k):
    weights = np.cos(x[:, 0])

    def member(row, w):
        row[1] *= row[0]
        return w * k * np.sum(row * row)

    return np.sum(np.sin(srcad.batch(member)(x, weights)))


def through_gradients(x, k):
    gradients = srcad.batch(srcad.grad(kinetic), axes=(0, None))(x, k)
    return np.sum(gradients**3)


def plain_object(x, k):
    total = 0.0
    for row in range(5):
        s = 0.0
        for j in range(3):
            s += np.sin(x[row, j]) * x[row, j]
        total += (0.5 * k * s) ** 2
    return total


def plain_call(x, k):
    total = 0.0
    for r in range(5):
        second = x[r, 1] * x[r, 0]
        s = x[r, 0] ** 2 + second**2 + x[r, 2] ** 2
        total += np.sin(np.cos(x[r, 0]) * k * s)
    return total


def plain_gradients(x, k):
    total = 0.0
    for r in range(5):
        for j in range(3):
            total += (0.5 * k * (np.cos(x[r, j]) * x[r, j] + np.sin(x[r, j]))) ** 3
    return total


PAIRS = {
    "object": (through_object, plain_object),
    "call": (through_call, plain_call),
    "gradients": (through_gradients, plain_gradients),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("wrt", [0, 1])
def test_derivatives_of_functions_with_batches(name, wrt):
    f, plain = PAIRS[name]
    expected = complex_step(plain, (X, 1.3), wrt)
    np.testing.assert_allclose(srcad.grad(f, wrt=wrt, jit=False)(X, 1.3), expected, rtol=1e-11)
    direction = [np.zeros((5, 3)), 0.0]
    direction[wrt] = np.ones((5, 3)) if wrt == 0 else 1.0
    _, moving = srcad.jvp(f, (X, 1.3), tuple(direction), jit=False)
    np.testing.assert_allclose(moving, np.sum(expected), rtol=1e-11)


def test_pullback_and_pushforward_of_a_batch():
    run = srcad.batch(kinetic)
    out, pullback = srcad.vjp(run, X, K, jit=False)
    seed = RNG.normal(size=5)
    x_b, k_b = pullback(seed)
    rows = rows_complex_step(kinetic, X, K)
    np.testing.assert_allclose(x_b, seed[:, None] * rows, rtol=1e-12)
    np.testing.assert_allclose(k_b, seed * np.array([kinetic(x, 1.0) for x in X]), rtol=1e-12)
    _, moving = srcad.jvp(run, (X, K), (np.ones_like(X), None), jit=False)
    np.testing.assert_allclose(moving, rows.sum(axis=1), rtol=1e-12)
    assert out.shape == (5,)


def test_called_from_compiled_code():
    gradients = srcad.batch(srcad.grad(kinetic), axes=(0, None))

    @numba.njit
    def steps(x, n):
        for _ in range(n):
            x = x - 0.1 * gradients(x, 2.0)
        return x

    x = X
    for _ in range(3):
        x = x - 0.1 * rows_complex_step(kinetic, x, np.full(5, 2.0))
    np.testing.assert_allclose(steps(X, 3), x, rtol=1e-12)


# ---------------------------------------------------------------- members, shapes, threads


def test_members_do_not_see_each_other():
    def counted(x, seen):
        seen[0] += x
        return seen[0]

    shared = np.zeros(1)
    for options in ({"jit": False}, {"parallel": True}):
        found = srcad.batch(counted, axes=(0, None), **options)(K, shared)
        np.testing.assert_array_equal(found, K)
    assert shared[0] == 0.0


def test_no_members():
    found = srcad.batch(mixed, jit=False)(X[:0], K[:0])
    assert [a.shape for a in found[:3]] == [(0, 3), (0,), (0,)]
    assert [a.dtype for a in found[:3]] == [np.float64, np.int64, np.bool_]
    assert found[3]["outer"].shape == (0, 3, 3)
    for parallel in (False, True):
        run = srcad.batch(kinetic, parallel=parallel)
        assert run(X[:0], K[:0]).shape == (0,)
    with pytest.raises(ValueError, match=r"empty batch of cumulated"):
        srcad.batch(cumulated, jit=False)(X[:0], np.zeros(0, int))


def positive(x):
    return x[x > 0.0]


@pytest.mark.parametrize("options", [{"jit": False}, {"parallel": True}])
def test_results_of_different_shapes(options):
    x = np.array([[1.0, -1.0, 2.0], [-1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(srcad.batch(positive, **options)(x[:2]), [[1, 2], [2, 3]])
    with pytest.raises(ValueError, match="the results of the members have different shapes"):
        srcad.batch(positive, **options)(x)


def picked(x, i, table):
    x[0] += 1.0
    if i > 90:
        raise ArithmeticError("far too large")
    return table[i] * x[0]


def test_the_first_exception_is_raised_in_threads_too():
    n = 4000
    x, i = np.zeros((n, 2)), np.zeros(n, int)
    table = np.array([2.0, 3.0])
    serial = srcad.batch(picked, axes=(0, 0, None))
    threads = srcad.batch(picked, axes=(0, 0, None), parallel=True)
    np.testing.assert_array_equal(threads(x, i, table), np.full(n, 2.0))
    for places, error in (((3900, 700), IndexError), ((), None), ((3900,), ArithmeticError)):
        i[:] = 0
        i[list(places)] = 99 if error is ArithmeticError else 50
        if error is IndexError:
            i[3900] = 99
        for run in (serial, threads):
            if error is None:
                np.testing.assert_array_equal(run(x, i, table), np.full(n, 2.0))
                continue
            with pytest.raises(error):
                run(x, i, table)
    assert not x.any()


def test_threads_give_the_same_numbers():
    x = RNG.normal(size=(1001, 4))
    serial, threads = (srcad.batch(srcad.grad(kinetic), parallel=p) for p in (False, True))
    np.testing.assert_array_equal(serial(x, 0.7), threads(x, 0.7))
    assert "prange" in threads.source(x, 0.7)
    assert "prange" not in srcad.batch(kinetic, jit=False, parallel=True).source(x, 0.7)


def test_ejected(tmp_path):
    path = srcad.batch(kinetic, parallel=True).eject(tmp_path / "ejected.py", X, K)
    space: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    found = space["kinetic_batch"](X, K)
    np.testing.assert_allclose(found, [kinetic(x, k) for x, k in zip(X, K, strict=True)])


# ---------------------------------------------------------------- refusals

SEEN = np.zeros(1)


def remembers(x):
    SEEN[0] += x
    return x


def prints(x):
    print(x)
    return x


def draws(x):
    return x + np.random.random_sample()


def returns_nothing(x):
    x[0] = 1.0


def both(x, y):
    x[0] = 7.0
    return x + y


def local(x):
    total = np.zeros(1)

    def member(row):
        total[0] += row[0]
        return row[0]

    srcad.batch(member)(x)
    return total[0]


def given_twice(x):
    return np.sum(srcad.batch(both)(x, x))


REFUSED = {
    "lengths": (ValueError, "x and k have different numbers", kinetic, 0, (X, K[:3]), {}),
    "nothing": (srcad.ArgumentError, "no array to map over", kinetic, 0, (1.0, 2.0), {}),
    "a number": (srcad.ArgumentError, "'k', which holds no array", kinetic, (0, 0), (X, 2.0), {}),
    "axis": (srcad.ArgumentValueError, "no axis 2", kinetic, (2, None), (X, 2.0), {}),
    "structure": (srcad.ArgumentError, "which is no structure", kinetic, ((0,), 0), (X, K), {}),
    "global": (srcad.UnsupportedError, "an array from outside", remembers, 0, (K,), {}),
    "no result": (srcad.UnsupportedError, "returns nothing", returns_nothing, 0, (X,), {}),
    "overlap": (srcad.ArgumentValueError, "overlap in memory", both, 0, (X, X), {}),
    "print": (srcad.UnsupportedError, "prints", prints, 0, (K,), {"parallel": True}),
    "draw": (srcad.UnsupportedError, "draws random", draws, 0, (K,), {"parallel": True}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    error, message, f, axes, args, options = REFUSED[name]
    with pytest.raises(error, match=message):
        srcad.batch(f, axes=axes, **(options or {"jit": False}))(*args)


@pytest.mark.parametrize(
    ("f", "message"), [(local, "an array from outside"), (given_twice, "may be given twice")]
)
def test_refused_inside(f, message):
    with pytest.raises(srcad.UnsupportedError, match=message):
        srcad.grad(f, jit=False)(X)


@pytest.mark.parametrize(
    ("axes", "error"),
    [
        (None, srcad.ArgumentError),
        ((None, None), srcad.ArgumentError),
        ("x", srcad.ArgumentError),
        (True, srcad.ArgumentError),
        (0.0, srcad.ArgumentError),
        ((0, 0, 0), srcad.ArgumentValueError),
        ({"z": 0}, srcad.ArgumentValueError),
    ],
)
def test_axes_that_do_not_fit(axes, error):
    with pytest.raises(error, match="axes"):
        srcad.batch(kinetic, axes=axes)


def test_no_out():
    with pytest.raises(srcad.ArgumentError, match="takes no out="):
        srcad.batch(kinetic, jit=False)(X, K, out=np.zeros(5))
