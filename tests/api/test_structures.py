"""Structures and functions as values: gradients against differences over the flattened leaves."""

import dataclasses
import functools

import numpy as np
import pytest

import srcad
from srcad.errors import (
    ArgumentError,
    ArgumentValueError,
    GradientCheckError,
    UnsupportedError,
)
from tests.api.alias_cases import ALIASES, REFUSED
from tests.api.structure_cases import CASES, Body, Pair, Params, State, World


def leaves(value, path=()):
    """Paths and floats of a structure."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            for index in np.ndindex(value.shape):
                yield (*path, ("array", index))
    elif isinstance(value, float):
        yield path
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from leaves(v, (*path, ("item", k)))
    elif isinstance(value, tuple | list):
        for k, v in enumerate(value):
            yield from leaves(v, (*path, ("item", k)))
    elif dataclasses.is_dataclass(value):
        for f in dataclasses.fields(value):
            yield from leaves(getattr(value, f.name), (*path, ("field", f.name)))


def at(value, path):
    for kind, key in path:
        value = getattr(value, key) if kind == "field" else value[key]
    return value


def moved(value, path, step):
    """The structure with one float moved."""
    if not path:
        return value + step
    (kind, key), *rest = path
    if kind == "array":
        out = value.copy()
        out[key] += step
        return out
    inner = moved(getattr(value, key) if kind == "field" else value[key], rest, step)
    if kind == "field":
        out = object.__new__(type(value))
        for f in dataclasses.fields(value):
            changed = inner if f.name == key else getattr(value, f.name)
            object.__setattr__(out, f.name, changed)
        return out
    if isinstance(value, dict):
        return type(value)({k: inner if k == key else v for k, v in value.items()})
    items = [inner if k == key else v for k, v in enumerate(value)]
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def difference(f, make, path):
    """The derivative for one leaf, by central differences of order 6."""

    def run(step):
        return f(*moved(make(), path, step))

    h = 2e-3
    terms = ((1, 45.0), (2, -9.0), (3, 1.0))
    return sum(c * (run(k * h) - run(-k * h)) for k, c in terms) / (60.0 * h)


def assert_same_structure(gradient, argument):
    if isinstance(argument, np.ndarray):
        assert gradient is None or gradient.shape == argument.shape
    elif isinstance(argument, dict | tuple | list) or dataclasses.is_dataclass(argument):
        assert type(gradient) is type(argument)
        if isinstance(argument, dict):
            assert list(gradient) == list(argument)
            pairs = [(gradient[k], argument[k]) for k in argument]
        elif isinstance(argument, tuple | list):
            pairs = list(zip(gradient, argument, strict=True))
        else:
            names = [f.name for f in dataclasses.fields(argument)]
            pairs = [(getattr(gradient, n), getattr(argument, n)) for n in names]
        for g, a in pairs:
            assert_same_structure(g, a)
    elif isinstance(argument, float):
        assert isinstance(gradient, float)
    else:
        assert gradient is None


def check(function, make, jit):
    arguments = make()
    wrt = tuple(k for k, a in enumerate(arguments) if list(leaves(a)))
    found_value, gradients = srcad.value_and_grad(function, wrt=wrt, jit=jit)(*arguments)
    assert found_value == pytest.approx(function(*make()), rel=1e-12)
    for k, gradient in zip(wrt, gradients, strict=True):
        assert_same_structure(gradient, arguments[k])
        for path in leaves(arguments[k]):
            expected = difference(function, make, (("item", k), *path))
            assert at(gradient, path) == pytest.approx(expected, rel=1e-7, abs=1e-8), path


PAIRS = [
    pytest.param(function, make, id=f"{function.__name__}-{k}")
    for function, samples in CASES
    for k, make in enumerate(samples)
]


@pytest.mark.parametrize(("function", "make"), PAIRS)
def test_gradient(function, make):
    check(function, make, jit=False)


@pytest.mark.parametrize("function", ALIASES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("point", [(0.7, 1.3), (1.7, 0.4)])
def test_aliases(function, point):
    check(function, lambda: point, jit=False)


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_undecided(function):
    with pytest.raises(UnsupportedError, match="Instead"):
        srcad.grad(function, jit=False)(0.7, 1.3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["dict_argument", "objects_replaced_in_a_loop", "functions_in_structures"]
)
def test_compiled(name):
    function, samples = next(c for c in CASES if c[0].__name__ == name)
    check(function, samples[0], jit=True)


def step(p, s):
    """A dict and a dataclass in, both out."""
    new = {"u": p["u"] * s.u, "name": p["name"], "none": None}
    s.v = s.v + np.sum(p["u"])
    return new, s


def arguments():
    return {"u": np.array([0.4, 0.9]), "name": "x"}, State(0.7, 1.3)


def test_vjp_of_structures():
    out, pullback = srcad.vjp(step, *arguments(), jit=False)
    assert out[0]["name"] == "x"
    assert out[0]["none"] is None
    assert out[1] == State(0.7, 1.3 + 1.3)
    p, s = pullback(({"u": np.array([1.0, 2.0]), "name": None, "none": None}, State(3.0, 4.0)))
    np.testing.assert_allclose(p["u"], [0.7 + 4.0, 1.4 + 4.0])
    assert p["name"] is None
    assert s == State(pytest.approx(3.0 + 0.4 + 1.8), 4.0)


def test_seeds_must_have_the_structure():
    _, pullback = srcad.vjp(step, *arguments(), jit=False)
    with pytest.raises(ArgumentError, match=r"seed\[0\] must be a dict with the keys"):
        pullback(({"w": np.ones(2)}, State(1.0, 1.0)))
    with pytest.raises(ArgumentError, match=r"seed\[1\] must be a State"):
        pullback(({"u": np.ones(2), "name": None, "none": None}, (1.0, 1.0)))
    with pytest.raises(ArgumentValueError, match=r"seed\[0\]\['u'\] has shape"):
        pullback(({"u": np.ones(3), "name": None, "none": None}, State(1.0, 1.0)))


def total(p):
    return np.sum(p["u"] * p["u"]) * p["c"]


def test_out_in_the_structure():
    p = {"u": np.array([0.4, 0.9]), "c": 2.0}
    out = {"u": np.zeros(2), "c": None}
    found = srcad.grad(total, jit=False)(p, out=out)
    assert found["u"] is out["u"]
    np.testing.assert_allclose(out["u"], 4.0 * p["u"])
    assert found["c"] == pytest.approx(0.97)
    with pytest.raises(ArgumentError, match="dict with the keys"):
        srcad.grad(total, jit=False)(p, out={"u": np.zeros(2)})


def with_aux(p):
    return p["c"] * p["c"], {"twice": 2.0 * p["c"], "label": "x", "nothing": None, "at": p["u"]}


def test_aux_is_a_dict():
    p = {"u": np.array([0.4, 0.9]), "c": 2.0}
    (loss, aux), gradient = srcad.value_and_grad(with_aux, has_aux=True, jit=False)(p)
    assert loss == 4.0
    assert gradient["c"] == 4.0
    assert list(aux) == ["twice", "label", "nothing", "at"]
    assert (aux["twice"], aux["label"], aux["nothing"]) == (4.0, "x", None)
    aux["at"][0] = 7.0
    assert p["u"][0] == 0.4


def test_check_grads_of_structures():
    srcad.check_grads(total, ({"u": np.array([0.4, 0.9]), "c": 2.0},), jit=False)
    srcad.check_grads(step, arguments(), jit=False)
    with pytest.raises(GradientCheckError, match=r"p\['u'\]\[1\]"):
        srcad.check_grads(jumps, ({"u": np.array([0.4, 1.0]), "c": 2.0},), jit=False)


def jumps(p):
    """Steps up at 1, where differences see it."""
    return (1.0 if p["u"][1] >= 1.0 else 0.0) + p["u"][0]


def test_wrt_names_a_structure():
    def f(x, p, s):
        return x * p["c"] * s.u

    p, s = {"c": 2.0}, State(3.0, 1.0)
    assert srcad.grad(f, wrt="s", jit=False)(5.0, p, s) == State(10.0, 0.0)
    assert srcad.grad(f, wrt=("p", 0), jit=False)(5.0, p, s) == ({"c": 15.0}, 6.0)
    with pytest.raises(ArgumentError, match="dict"):
        srcad.grad(f, wrt=1, jit=False)(5.0, {"c": 2}, s)


def test_the_argument_is_untouched():
    p, s = arguments()
    srcad.grad(lambda p, s: np.sum(step(p, s)[0]["u"]) + step(p, s)[1].v, wrt=1, jit=False)(p, s)
    assert s == State(0.7, 1.3)
    assert list(p["u"]) == [0.4, 0.9]


def test_programs_are_shared_and_told_apart():
    def f(p):
        return p["a"] * 2.0 if "b" not in p else p["a"] * p["b"]

    g = srcad.grad(f, jit=False)
    assert g({"a": 1.0}) == {"a": 2.0}
    first = g._last
    assert g({"a": 5.0}) == {"a": 2.0}
    assert g._last is first
    assert g({"a": 5.0, "b": 3.0}) == {"a": 3.0, "b": 5.0}
    assert list(g({"b": 3.0, "a": 5.0})) == ["b", "a"]

    def h(s):
        return s.k if s.scheme == "square" else 3.0 * s.k

    g = srcad.grad(h, jit=False)
    assert g(Params(1.0, np.ones(1))).k == 1.0
    assert g(Params(1.0, np.ones(1), "other")).k == 3.0
    assert g(Params(1.0, np.ones(1))).k == 1.0


def test_one_object_given_twice():
    def f(s, t):
        s.u = s.u * 2.0
        return s.u * t.u

    g = srcad.grad(f, jit=False)
    s = State(3.0, 1.0)
    assert g(s, State(4.0, 1.0)).u == 8.0
    with pytest.raises(ArgumentValueError, match="twice"):
        g(s, s)
    assert srcad.grad(lambda s, t: s.u * t.u, jit=False)(s, s).u == 3.0


def test_partials_and_methods_of_structures():
    s = State(0.7, 1.3)
    assert srcad.grad(s.bump, jit=False, wrt="by") is not None
    assert srcad.grad(State.energy, jit=False)(s) == State(pytest.approx(1.05), 1.0)
    assert srcad.grad(Pair.product, jit=False)(Pair(3.0, 4.0)) == Pair(4.0, 3.0)

    def f(p, x, *, c=1.0):
        return p["c"] * x * x * c

    g = srcad.grad(functools.partial(functools.partial(f, {"c": 2.0}), c=3.0), jit=False)
    assert g(2.0) == 24.0
    with pytest.raises(ArgumentValueError, match="holds"):
        srcad.grad(functools.partial(f, {"c": 2.0}), wrt="p")


def test_keywords_are_a_dict():
    def f(x, **options):
        total = x
        for v in options.values():
            total = total * v
        return total

    g = srcad.grad(f, wrt=("x", "options"), jit=False)
    assert g(2.0, a=3.0, b=4.0) == (12.0, {"a": 8.0, "b": 6.0})


def test_nested_worlds():
    world = World(State(0.7, 1.3), {"sun": Body(np.ones(2), np.ones(2), 2.0)})
    gradient = srcad.grad(lambda w: w.bodies["sun"].mass * w.first.u, jit=False)(world)
    assert gradient.bodies["sun"].mass == 0.7
    assert gradient.label is None
