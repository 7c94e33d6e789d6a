"""Objects of ordinary classes that the program makes: attributes, methods, inheritance, sharing."""

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from tests.programs.registry import grid, program, wave


class Oscillator:
    """Attributes that methods change; a class constant that becomes an attribute."""

    damping = 0.1
    steps = 0

    def __init__(self, rate, *, angle=0.4):
        self.rate = rate
        self.angle = angle
        self.speed = 0.0

    def step(self, dt):
        self.speed -= dt * (self.rate * np.sin(self.angle) + self.damping * self.speed)
        self.angle += dt * self.speed
        self.steps += 1

    def energy(self):
        return 0.5 * self.speed**2 + self.rate * (1.0 - np.cos(self.angle))


class Driven(Oscillator):
    """``super()`` in ``__init__``, in a method and in a property."""

    damping = 0.3

    def __init__(self, rate, force):
        super().__init__(rate, angle=0.2)
        self.force = force

    def step(self, dt):
        super().step(dt)
        self.speed += dt * self.force

    @property
    def period(self):
        return 2.0 * np.pi / np.sqrt(self.rate)

    @period.setter
    def period(self, value):
        self.rate = (2.0 * np.pi / value) ** 2


class Vector:
    """Operators that make new objects, in slots."""

    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def squared(self):
        return self.x**2 + self.y**2

    @staticmethod
    def along(angle):
        return Vector(np.cos(angle), np.sin(angle))

    @classmethod
    def diagonal(cls, size):
        return cls(size, size)


class Particle:
    def __init__(self, mass, place):
        self.mass = mass
        self.place = place
        self.speed = 0.0


class Rod:
    """Arrays as attributes, written in place and replaced."""

    def __init__(self, n):
        super().__init__()
        self.u = np.zeros(n)
        self.taken = 0

    def heat(self, place, value):
        self.u[place] = value

    def run(self, k, steps):
        for _ in range(steps):
            new = self.u.copy()
            new[1:-1] += k * (self.u[2:] - 2.0 * self.u[1:-1] + self.u[:-2])
            self.u = new
            self.taken += 1
        return self.u


class Layer:
    def __init__(self, w, b):
        self.w, self.b = w, b

    def __call__(self, x):
        return np.tanh(x @ self.w + self.b)


class Network:
    def __init__(self, *layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Shape(ABC):
    @abstractmethod
    def area(self): ...

    def twice(self):
        return 2.0 * self.area()


class Disc(Shape):
    def __init__(self, r):
        self.r = r

    def area(self):
        return np.pi * self.r**2


class Remembering:
    def __init__(self, x):
        self.x = x

    @functools.cached_property
    def square(self):
        return self.x**2


@dataclass
class Interval:
    low: float
    width: float = 1.0

    def __init__(self, middle):
        self.low = middle - 0.5
        self.width = middle


@program(lambda: (1.3, 0.01), lambda: (0.7, 0.05))
def an_object_steps(rate, dt):
    pendulum = Oscillator(rate)
    for _ in range(20):
        pendulum.step(dt)
    return pendulum.energy() + pendulum.steps * pendulum.angle


@program(lambda: (1.3, 0.4, 6), lambda: (1.3, 0.4, 0))
def an_object_of_a_subclass(rate, force, n):
    pendulum = Driven(rate, force)
    for _ in range(n):
        pendulum.step(0.05)
    pendulum.period = pendulum.period * 1.5
    pendulum.step(0.05)
    return pendulum.angle * pendulum.period + pendulum.energy()


@program(lambda: (0.3, 0.4), lambda: (-0.3, 0.4))
def objects_by_operators(a, b):
    place, speed = Vector(a, 1.0), Vector(0.0, b)
    for _ in range(5):
        place = place + 0.1 * speed
        speed = speed + place * -0.1
    chosen = place if a > 0.0 else speed + Vector.along(b)
    return chosen.squared() * Vector.diagonal(b).squared()


@program(lambda: (1.0, 2.0, 0.1))
def objects_in_a_list(m1, m2, dt):
    bodies = [Particle(m1, 0.0), Particle(m2, 1.0), Particle(1.0, 2.5)]
    for _ in range(4):
        for p in bodies:
            force = 0.0
            for q in bodies:
                if q is not p:
                    d = q.place - p.place
                    force += q.mass * d / (abs(d) ** 3 + 0.1)
            p.speed += dt * force
        for p in bodies:
            p.place += dt * p.speed
    return sum(p.mass * p.speed**2 for p in bodies)


@program(lambda: (0.1, 0.8, 4), lambda: (0.2, 0.8, 0), oracle="differences", cross_checked=False)
def an_object_with_arrays(k, value, steps):
    rod = Rod(9)
    rod.heat(4, value)
    u = rod.run(k, steps)
    rod.heat(3, 2.0 * value)  # ``u`` is the array of the object
    return np.sum(u**2) + rod.taken * u[3]


@program(lambda: (grid(3, 4), wave(4), grid(4, 2), wave(2), grid(5, 3)))
def objects_that_are_called(w1, b1, w2, b2, x):
    network = Network(Layer(w1, b1), Layer(w2, b2))
    return np.sum(network(x) ** 2)


@program(lambda: (0.7,))
def an_abstract_method(r):
    return Disc(r).twice() * Disc(2.0 * r).area()


@program(lambda: (0.7, 1.3))
def an_object_under_two_names(x, y):
    one = Particle(x, y)
    other = one
    other.place *= x
    two = Particle(y, x)
    two.mass = one.mass * one.place
    return one.place * two.mass + (10.0 if other is one else 0.0) * x


def _kick(particle, force):
    particle.speed += force / particle.mass
    return particle


@program(lambda: (0.7, 1.3), lambda: (-0.7, 1.3))
def an_object_written_by_a_function(x, y):
    p = Particle(y, x)
    if x > 0.0:
        _kick(p, x * y)
    q = _kick(p, y)
    return q.speed * p.speed + p.place


@program(lambda: (0.7, 1.3))
def a_cached_property(x, y):
    kept = Remembering(x)
    first = kept.square
    kept.x = y
    return first * kept.square + kept.x


@program(lambda: (0.7,))
def a_dataclass_with_its_own_init(x):
    found = Interval(x)
    found.low *= 3.0
    return found.low * found.width


@program(lambda: (0.7, 1.3), whole=True)
def an_object_is_returned(x, y):
    particle = Particle(x * y, y)
    particle.speed = x
    return particle.mass, particle.speed


class Linked:
    def __init__(self, value, rest=None):
        self.value = value
        self.rest = rest


@program(lambda: (0.7, 1.3))
def an_object_in_an_object(x, y):
    chain = Linked(x, Linked(x * y, Linked(y)))
    chain.rest.value *= 2.0
    chain.extra = chain.rest.rest.value
    return chain.value * chain.rest.value + chain.extra
