"""What a function reads from outside, changed between the calls of one derivative."""

import enum
import functools
import math
from dataclasses import dataclass

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentValueError, UnsupportedError
from tests import oracles


def gradients(f, *points):
    """A derivative, called again and again."""
    g = srcad.grad(f, jit=False)
    return lambda: [g(x) for x in points or (2.0,)]


class Kind(enum.Enum):
    A = 1
    B = 2


class Model:
    scale = 2.0

    def __init__(self, k):
        self.k = k
        self.table = np.array([1.0, 2.0])

    def energy(self, x):
        return self.k * self.scale * x * x + self.table[0] * x

    @property
    def twice(self):
        return 2.0 * self.k


@dataclass
class Config:
    gain: float
    mode: str = "linear"
    inner: dict | None = None


def test_numbers_and_arrays_of_a_dict():
    config = {"k": 3.0, "w": np.array([1.0, 2.0])}

    def f(x):
        return config["k"] * x * x + np.sum(config["w"]) * x

    g = gradients(f)
    assert g() == [15.0]
    config["k"] = 5.0
    config["w"][0] = 2.0
    assert g() == [24.0]
    config["w"] = np.array([1.0])
    assert g() == [21.0]
    config["k"] = 2
    assert g() == [9.0]


def test_keys_of_a_dict():
    config = {"a": 3.0}

    def f(x):
        total = x
        for k, v in config.items():
            total = total + v * x * (2.0 if k == "b" else 1.0)
        return total * len(config)

    g = gradients(f)
    assert g() == [4.0]
    config["b"] = 1.0
    assert g() == [12.0]
    del config["a"]
    assert g() == [3.0]


def test_membership():
    config = {}

    def f(x):
        if "k" in config:
            return x * config["k"]
        return config.get("z", 7.0) * x

    g = gradients(f)
    assert g() == [7.0]
    config["k"] = 3.0
    assert g() == [3.0]


def test_a_missing_key_is_an_error_until_it_is_there():
    config = {}

    def f(x):
        return x * config["k"]

    g = srcad.grad(f, jit=False)
    with pytest.raises(TypeError, match="'k'"):
        g(2.0)
    config["k"] = 3.0
    assert g(2.0) == 3.0
    del config["k"]
    with pytest.raises(TypeError, match="'k'"):
        g(2.0)


def test_texts_and_enums_of_an_object():
    config = Config(3.0)
    kinds = {"kind": Kind.A}

    def f(x):
        y = x * x if config.mode == "square" else x
        return config.gain * y if kinds["kind"] is Kind.A else -y

    g = gradients(f)
    assert g() == [3.0]
    config.mode = "square"
    assert g() == [12.0]
    config.gain = 2.0
    assert g() == [8.0]
    kinds["kind"] = Kind.B
    assert g() == [-4.0]


def test_a_member_appears():
    config = Config(3.0)

    def f(x):
        if config.inner is None:
            return x
        return config.inner["c"] * x

    g = gradients(f)
    assert g() == [1.0]
    config.inner = {"c": 4.0}
    assert g() == [4.0]
    config.inner["c"] = 5.0
    assert g() == [5.0]
    config.inner = {"c": 6.0, "d": 1.0}
    assert g() == [6.0]


def test_length_of_tuples_and_lists():
    box = {"t": (1.0, 2.0), "l": [1.0]}

    def f(x):
        total = 0.0
        for v in box["t"]:
            total += v * x
        return total * len(box["l"]) * box["l"][-1]

    g = gradients(f)
    assert g() == [3.0]
    box["t"] = (1.0, 2.0, 4.0)
    assert g() == [7.0]
    box["l"].append(3.0)
    assert g() == [42.0]


TUPLE = (1.0, 2.0)


def over_a_global_tuple(x):
    total = 0.0
    for v in TUPLE:
        total += v * x
    return total


def test_a_global_tuple(monkeypatch):
    g = gradients(over_a_global_tuple)
    assert g() == [3.0]
    monkeypatch.setitem(globals(), "TUPLE", (1.0, 2.0, 3.0))
    assert g() == [6.0]


def test_objects_and_their_class(monkeypatch):
    model = Model(3.0)

    def f(x):
        return model.energy(x) + model.twice * x

    g = gradients(f)
    assert g() == [31.0]
    model.k = 1.0
    model.table[0] = 0.0
    assert g() == [10.0]
    model.scale = 3.0
    assert g() == [14.0]
    monkeypatch.setattr(Model, "energy", lambda self, x: self.k * x)
    assert g() == [3.0]
    model.energy = lambda x: 10.0 * x
    assert g() == [12.0]


def test_another_object_of_another_class():
    class Other:
        k = 10.0

        def energy(self, x):
            return self.k * x

    box = {"m": Model(3.0)}

    def f(x):
        return box["m"].energy(x)

    g = gradients(f)
    assert g() == [25.0]
    box["m"] = Other()
    assert g() == [10.0]
    box["m"] = Model(0.0)
    assert g() == [1.0]


def test_a_redefined_callee():
    table = {"f": lambda x: x * x}

    def f(x):
        return table["f"](x)

    g = gradients(f)
    assert g() == [4.0]
    table["f"] = lambda x: 3.0 * x
    assert g() == [3.0]


def test_partials_and_bound_methods():
    def power(a, x, n=2.0):
        return a * x**n

    model = Model(1.0)
    box = {"p": functools.partial(power, 3.0), "m": model.energy}

    def f(x):
        return box["p"](x) + box["m"](x)

    g = gradients(f)
    assert g() == [21.0]
    model.k = 2.0
    assert g() == [29.0]
    box["p"] = functools.partial(power, 3.0, n=1.0)
    assert g() == [20.0]
    box["p"] = functools.partial(power, 4.0, n=1.0)
    assert g() == [21.0]


def test_class_attributes():
    class Constants:
        g = 2.0

    def f(x):
        return Constants.g * x * x

    run = gradients(f)
    assert run() == [8.0]
    Constants.g = 3.0
    assert run() == [12.0]


def test_a_bound_method_is_differentiated():
    model = Model(3.0)
    g = srcad.grad(model.energy, jit=False)
    assert g(2.0) == 25.0
    model.k = 1.0
    assert g(2.0) == 9.0


def test_the_same_types_share_a_program():
    config = {"k": 3.0}

    def f(x):
        return config["k"] * x

    g = srcad.grad(f, jit=False)
    texts = set()
    for k in (1.0, 2.0, np.float64(3.0)):
        config["k"] = k
        assert g(2.0) == k
        texts.add(id(g._last))
    config["k"] = 4
    g(2.0)
    assert len(texts) == 1


def test_writing_what_is_outside():
    config = {"k": 3.0}
    state = Config(1.0)

    def f(x):
        config["k"] = x
        return config["k"]

    def h(x):
        state.gain = x
        return state.gain

    for function, name in ((f, "config"), (h, "state")):
        with pytest.raises(UnsupportedError, match=rf"writing into '{name}'(.|\n)*Instead"):
            srcad.grad(function, jit=False)(2.0)


def test_an_argument_that_is_read_from_outside_as_well():
    config = {"k": 3.0}

    def f(p, x):
        p["k"] = x
        return config["k"] * p["k"]

    g = srcad.grad(f, wrt=1, jit=False)
    assert g({"k": 1.0}, 2.0) == 3.0
    with pytest.raises(ArgumentValueError, match="twice"):
        g(config, 2.0)


def test_a_step_and_an_axis_from_outside():
    step, axis = 2, 1

    def f(x):
        x = x.copy()
        x[:, ::step] *= 2.0
        return np.sum(np.sum(x, axis=axis) ** 2)

    g, x = srcad.grad(f, jit=False), np.arange(6.0).reshape(2, 3)
    for step, axis in ((2, 1), (2, 0), (-1, 0), (3, 1), (2, 1)):
        np.testing.assert_allclose(g(x), oracles.differences(f, (x,), 0), rtol=1e-9)
    step = 0
    with pytest.raises(UnsupportedError, match="step of a slice"):
        g(x)


def test_a_function_of_numpy_that_a_name_no_longer_means():
    wave = np.sin

    def f(x):
        return wave(x)

    gradient = srcad.grad(f, jit=False)
    assert gradient(0.3) == pytest.approx(np.cos(0.3))
    wave = np.exp
    assert gradient(0.3) == pytest.approx(np.exp(0.3))
    wave = math.sin
    assert gradient(0.3) == pytest.approx(np.cos(0.3))
    wave = abs
    assert gradient(-0.3) == -1.0
