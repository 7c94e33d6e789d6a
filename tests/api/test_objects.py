"""Objects of ordinary classes as arguments: their attributes have gradients."""

import copy

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, ArgumentValueError

DIFFERENCE = 1e-6


class Base:
    """A spring whose stiffness is an attribute, in a field that belongs to the class."""

    pull = 9.81

    def __init__(self, k):
        self.k = k

    def force(self, x):
        return -self.k * x


class Spring(Base):
    """A damped one with numbers, an array, a name and nothing as attributes."""

    def __init__(self, k, m):
        super().__init__(k)
        self.m = m
        self.name = "spring"
        self.steps = 3
        self.weights = np.array([1.0, 2.0])
        self.other = None

    @property
    def damping(self):
        return 0.1 * self.m

    def force(self, x):
        return super().force(x) - self.damping * x**3 + 0.1 * self.pull

    def stiffen(self):
        self.k += 1.0
        self.count = 1


class Layer:
    """One of a network."""

    def __init__(self, w):
        self.w, self.b = w, np.zeros(len(w))

    def __call__(self, x):
        return np.tanh(self.w @ x + self.b)


class Net:
    """Objects in a list in an object."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.layers = [Layer(rng.normal(size=(3, 2))), Layer(rng.normal(size=(1, 3)))]


def swung(spring, x):
    v = 0.0
    for _ in range(spring.steps):
        v += 0.1 * spring.force(x)
        x += 0.1 * v
    return x * x + spring.weights @ spring.weights


def stiffened(spring, x):
    spring.stiffen()
    spring.weights[0] = 3.0 * spring.k
    return spring.force(x) + spring.weights.sum() + spring.count


def fed(net, x):
    for layer in net.layers:
        x = layer(x)
    return np.sum(x)


def both(one, two):
    one.k = 2.0
    return one.force(0.5) + two.force(0.5)


def slope(f, args, path, index=None):
    """Central differences along one attribute."""

    def moved(h):
        given = copy.deepcopy(args)
        owner = given[0]
        for name in path[:-1]:
            owner = owner[name] if isinstance(name, int) else getattr(owner, name)
        if index is None:
            setattr(owner, path[-1], getattr(owner, path[-1]) + h)
        else:
            getattr(owner, path[-1])[index] += h
        return f(*given)

    return (moved(DIFFERENCE) - moved(-DIFFERENCE)) / (2 * DIFFERENCE)


@pytest.mark.parametrize("jit", [False, True], ids=["python", "compiled"])
@pytest.mark.parametrize("f", [swung, stiffened])
def test_gradient_is_an_object_of_the_class(f, jit):
    spring = Spring(2.0, 0.5)
    before = copy.deepcopy(vars(spring))
    g = srcad.grad(f, jit=jit)(spring, 0.3)
    assert type(g) is Spring
    assert g.name is None and g.steps is None and g.other is None
    for name in ("k", "m"):
        assert np.isclose(getattr(g, name), slope(f, (spring, 0.3), (name,)), rtol=1e-6)
    for k in range(2):
        expected = slope(f, (spring, 0.3), ("weights",), k)
        assert np.isclose(g.weights[k], expected, rtol=1e-6, atol=1e-8)
    assert vars(spring).keys() == before.keys()  # the caller's object is as it was
    assert all(np.array_equal(vars(spring)[n], v) for n, v in before.items())


def test_objects_within_objects():
    net, x = Net(), np.ones(2)
    g = srcad.grad(fed, jit=False)(net, x)
    assert type(g.layers[1]) is Layer
    expected = slope(fed, (net, x), ("layers", 0, "w"), (1, 0))
    assert np.isclose(g.layers[0].w[1, 0], expected, rtol=1e-6)
    srcad.check_grads(fed, (net, x), modes=("rev",))


def test_what_is_no_sum_of_attributes_is_refused():
    class Slots:
        __slots__ = ("k",)

    class Hidden:
        def __getattr__(self, name):
            if name == "k":
                return 1.0
            raise AttributeError(name)

    class Endless:
        def __init__(self):
            self.me = self

    def read(o):
        return 2.0 * o.k

    for value, word in ((Slots(), "Slots"), (Hidden(), "Hidden"), (Endless(), "holds itself")):
        with pytest.raises(ArgumentError, match=word):
            srcad.grad(read, jit=False)(value)


def test_one_object_given_twice():
    spring = Spring(2.0, 0.5)
    with pytest.raises(ArgumentValueError, match="given twice"):
        srcad.grad(both, jit=False)(spring, spring)
    g = srcad.grad(both, wrt=(0, 1), jit=False)(spring, Spring(1.0, 2.0))
    assert g[0].k == 0.0 and np.isclose(g[1].k, -0.5)
