"""Structures and functions as values: gradients against differences over the flattened leaves."""

import dataclasses

import numpy as np
import pytest

import srcad
from tests.api.structure_cases import CASES


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
