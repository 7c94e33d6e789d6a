"""What is refused of dicts, dataclasses, objects and functions as values."""

import dataclasses
import functools
from dataclasses import InitVar, dataclass
from typing import NamedTuple

import numpy as np

from srcad.errors import ArgumentError
from tests.refused.registry import refused

ONE = lambda: (0.7,)  # noqa: E731


@dataclass
class State:
    u: float
    v: float = 1.0


@dataclass(frozen=True)
class Fixed:
    u: float


@dataclass
class Cell:
    u: float
    next: object = None


class Pair(NamedTuple):
    a: float
    b: float


class Plain:
    def __init__(self, k):
        self.k = k


class Watched:
    """Reads and writes of its attributes run code."""

    def __init__(self, k):
        self.k = k

    def __getattr__(self, name):
        return 2.0


@dataclass
class Initialised:
    u: float
    scale: InitVar[float]

    def __post_init__(self, scale):
        self.u *= scale


@dataclass
class Guarded:
    u: float

    def __setattr__(self, name, value):
        object.__setattr__(self, name, 2.0 * value)


class Halved(Plain):
    @property
    def half(self):
        return self.k / 2.0


@dataclass
class Kept:
    u: float

    @functools.cached_property
    def square(self):
        return self.u**2


CONFIG = {"k": 2.0}
PLAIN = Plain(2.0)
WATCHED = Watched(2.0)


def _writes(s, n):
    if n == 0:
        return s.u
    s.u = s.u * 0.5
    return _writes(s, n - 1) + s.u


@refused(ONE, "Fixed is immutable", hint="dataclasses.replace")
def writes_a_frozen_dataclass(x):
    s = Fixed(x)
    s.u = x * x  # <-- here
    return s.u


@refused(ONE, "Pair is immutable", hint="_replace")
def writes_a_namedtuple(x):
    p = Pair(x, x)
    p.a = x * x  # <-- here
    return p.a


@refused(ONE, "writing into 'CONFIG'", "outside", hint="argument")
def writes_a_global_dict(x):
    CONFIG["k"] = x  # <-- here
    return CONFIG["k"]


@refused(ONE, "writing into 'PLAIN'", "outside", hint="argument")
def writes_a_global_object(x):
    PLAIN.k = x  # <-- here
    return PLAIN.k


@refused(lambda: (0.7, 1), "key of a dict", hint="literal")
def key_known_at_run_time(x, n):
    d = {0: x, 1: x * x}
    return d[n]  # <-- here


@refused(ONE, "no key 'b'", "['a']", error=ArgumentError)
def key_that_is_not_there(x):
    d = {"a": x}
    return d["b"]  # <-- here


@refused(lambda: (0.7, 3), "other keys", hint="before")
def keys_added_in_a_loop(x, n):
    d = {}
    for k in range(n):
        if k > 1:
            d["a"] = x  # <-- here
    return d["a"]


@refused(ONE, "'w' is no field of State", hint="declare")
def writes_no_field(x):
    s = State(x)
    s.w = x  # <-- here
    return s.w


@refused(ONE, "'State' object has no attribute 'w'", error=NameError)
def reads_no_field(x):
    return State(x).w  # <-- here


@refused(ONE, "Watched, which defines __getattr__, cannot be made", hint="dataclass")
def makes_an_object_with_hooks(x):
    return Watched(x).k  # <-- here


@refused(lambda: (0.7, 3), "Plain has other attributes on other paths", hint="before the branch")
def attributes_added_in_a_loop(x, n):
    p = Plain(x)
    for k in range(n):
        if k > 1:
            p.w = x  # <-- here
    return p.k * p.w


@refused(ONE, "Plain() takes no arguments|missing", error=TypeError)
def makes_an_object_of_nothing(x):
    return Plain().k * x  # <-- here


@refused(ONE, "'Plain' object has no attribute 'w'", error=NameError)
def reads_no_attribute(x):
    return Plain(x).w  # <-- here


@refused(ONE, "the property 'half' has no setter", error=TypeError)
def writes_a_property(x):
    p = Halved(x)
    p.half = x  # <-- here
    return p.k


@refused(ONE, "super() outside of a method", hint="name the class")
def super_of_nothing(x):
    return super().step(x)  # <-- here


@refused(ONE, "cached property 'square' of a Kept", hint="a property")
def cached_before_a_write(x):
    kept = Kept(x)
    first = kept.square
    kept.u = 2.0 * x
    return first + kept.square  # <-- here


@refused(ONE, "InitVar", hint="field")
def makes_with_init_var(x):
    return Initialised(x, 2.0).u  # <-- here


@refused(ONE, "Guarded defines __setattr__", hint="replace")
def writes_through_setattr(x):
    s = Guarded(x)
    s.u = 3.0 * x  # <-- here
    return s.u


@refused(ONE, "'rate' of a Watched comes from __getattr__", hint="outside")
def attribute_that_is_computed(x):
    return WATCHED.rate * x  # <-- here


@refused(ONE, "holds itself", hint="apart")
def object_that_holds_itself(x):
    c = Cell(x)
    c.next = c  # <-- here
    return c.next.u


@refused(ONE, "comparing dicts and objects", hint="members")
def compares_objects(x):
    s, t = State(x), State(x)
    if s == t:  # <-- here
        return x * x
    return x


@refused(ONE, "a State", hint="members")
def arithmetic_on_an_object(x):
    s = State(x)
    return s * 2.0  # <-- here


@refused(ONE, "dict method .pop", hint="get")
def pops(x):
    d = {"a": x}
    return d.pop("a")  # <-- here


@refused(lambda: (0.7, 3), "calls itself", "writes members", hint="return a new one")
def recursion_that_writes_members(x, n):
    return _writes(State(x), n)


@refused(ONE, "no field 'w'", error=ArgumentError)
def replaces_no_field(x):
    return dataclasses.replace(State(x), w=x).u  # <-- here


@refused(ONE, "missing the argument 'b'", error=ArgumentError)
def makes_an_incomplete_namedtuple(x):
    return Pair(x).a  # <-- here


@refused(lambda: (0.7, {"a": np.ones(2)}), "not a dict", hint="members")
def arithmetic_on_a_dict(x, d):
    return np.sum(d * x)  # <-- here
