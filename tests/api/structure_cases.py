"""Programs over dicts, dataclasses and functions as values; test_structures.py differentiates them.

Each is registered with ``case(arguments)``: what makes fresh arguments, floats in any structure.
"""

import copy
import dataclasses
import enum
import functools
import math
import operator
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numba import njit

CASES = []


def case(*samples):
    """Register a program with the makers of its arguments."""

    def register(function):
        CASES.append((function, samples))
        return function

    return register


class Scheme(enum.Enum):
    UPWIND = "upwind"
    CENTRAL = 2


class Order(enum.IntEnum):
    FIRST = 1
    SECOND = 2


@dataclass
class State:
    u: float
    v: float = 0.25

    GAIN = 1.5

    def energy(self):
        return 0.5 * self.GAIN * self.u * self.u + self.v

    def bump(self, by=1.0):
        self.u = self.u + by * self.v
        return self

    @property
    def norm(self):
        return math.sqrt(self.u * self.u + self.v * self.v)

    @classmethod
    def at_rest(cls, u):
        return cls(u, 0.5)

    @staticmethod
    def mix(a, b):
        return a * b + a

    def __add__(self, other):
        return State(self.u + other.u, self.v + other.v)

    def __mul__(self, c):
        return State(self.u * c, self.v * c)

    def __rmul__(self, c):
        return self * c


@dataclass(frozen=True, slots=True)
class Params:
    k: float
    w: np.ndarray
    scheme: str = "square"
    n: int = 2

    def force(self, x):
        return -self.k * x


@dataclass(slots=True)
class Body:
    position: np.ndarray
    velocity: np.ndarray
    mass: float = 1.0


@dataclass
class World:
    first: State
    bodies: dict = field(default_factory=dict)
    label: str | None = None


class Pair(NamedTuple):
    a: float
    b: float = 2.0

    def product(self):
        return self.a * self.b

    @property
    def total(self):
        return self.a + self.b


Old = namedtuple("Old", "x y", defaults=(0.5,))


@dataclass
class Checked:
    x: float
    y: float = field(init=False)

    def __post_init__(self):
        self.y = self.x * self.x


@dataclass
class Derived(State):
    w: float = 0.125

    def energy(self):
        return self.w * self.u


def weights():
    return {"w": np.array([0.4, -0.7, 1.1]), "b": 0.3, "act": "tanh", "n": 2}


# ------------------------------------------------------------ dicts


@case(lambda: (weights(), 0.7))
def dict_argument(p, x):
    y = p["w"] * x + p["b"]
    if p["act"] == "tanh":
        y = np.tanh(y)
    return np.sum(y) * p["n"]


@case(lambda: ({"a": {"b": 0.7, "c": [0.2, 0.3]}, "d": (0.4, 1.1)},))
def nested_dicts(p):
    return p["a"]["b"] * p["a"]["c"][1] + p["d"][0] * p["a"]["c"][0] - p["d"][1] ** 2


@case(lambda: (0.7, 1.3))
def dict_literal(x, y):
    d = {"a": x * y, "b": y}
    e = dict(a=x, c=d["b"])
    return d["a"] * e["c"] + e["a"]


@case(lambda: ({"a": 0.7, "b": 1.3, "c": 0.2},))
def loop_over_a_dict(p):
    total = 0.0
    for k in p:
        total = total * 0.5 + p[k] * p[k]
    for k in p.keys():  # noqa: SIM118
        total += p[k]
    for v in p.values():
        total *= 1.0 + v
    for k, v in p.items():
        if k == "b":
            total += v * v
    return total + len(p)


@case(lambda: ({"a": 0.7, "b": 1.3},))
def membership_and_get(p):
    y = p.get("z", 2.0) * p["a"]
    if "b" in p:
        y = y + p.get("b")
    if "q" not in p and p.get("q") is None:
        y = y * 3.0
    return y


@case(lambda: (0.7, 1.3))
def dict_members_are_rebound(x, y):
    d = {"a": x, "b": y}
    d["a"] = d["a"] * d["b"]
    d["b"] += d["a"]
    d["c"] = d["a"] * x
    return d["a"] * d["b"] + d["c"]


@case(lambda: (0.7, 1.3), lambda: (1.7, 1.3))
def dict_written_in_a_branch(x, y):
    d = {"a": x, "b": y}
    if x > 1.0:
        d["a"] = y * y
    else:
        d["b"] = x * y
    return d["a"] * d["b"]


@case(lambda: (0.7, 4))
def dict_written_in_a_loop(x, n):
    d = {"a": x, "b": 1}
    for k in range(n):
        d["a"] = d["a"] * math.sin(d["a"] + k)
        d["b"] = d["b"] * 0.5 + d["a"]
    return d["a"] + d["b"]


@case(lambda: (0.7,))
def two_names_for_a_dict(x):
    d = {"a": x, "b": 2.0 * x}
    e = d
    e["a"] = x * x * x
    return d["a"] * d["b"]


@case(lambda: ({"w": np.array([0.4, 0.9]), "b": 0.3},))
def array_in_a_dict_in_place(p):
    p["w"][:] += p["b"]
    p["w"][0] *= 2.0
    w = p["w"]
    w[1] = w[0] * w[1]
    p["w"] *= 3.0
    return np.sum(p["w"] * p["w"])


@case(lambda: ({"u": np.array([0.4, 0.9, 0.1]), "v": np.array([1.4, 0.2, 0.8])}, 3))
def dict_of_arrays_stepped(s, n):
    for _ in range(n):
        s = {"u": s["u"] + 0.1 * s["v"], "v": s["v"] - 0.1 * s["u"]}
    return np.sum(s["u"] * s["v"])


def _shifted(p, c):
    return {**p, "b": p["b"] + c}


@case(lambda: (weights(), 0.7))
def dict_spread_in_a_display(p, c):
    q = _shifted(p, c)
    return q["b"] * q["b"] * np.sum(q["w"])


def _keyworded(x, *rest, scale=1.0, **more):
    total = x * scale
    for r in rest:
        total += r * r
    for k, v in more.items():
        total += v * (2.0 if k == "extra" else 1.0)
    return total


@case(lambda: (0.7, 1.3))
def stars_in_calls(x, y):
    args = (y, x * y)
    words = {"scale": 2.0 * y, "extra": x}
    return _keyworded(x, *args, **words) + _keyworded(*args) + _keyworded(x, other=y)


@case(lambda: ({"a": 0.7, "b": 1.3},))
def keyword_dict_of_an_argument(p):
    def g(a, b):
        return a * a * b

    return g(**p)


@case(lambda: ({"a": 0.7, "b": 1.3},))
def copies_of_a_dict(p):
    q = p.copy()
    q["a"] = 5.0 * p["a"]
    r = dict(p)
    r.update(b=q["a"], c=p["b"])
    return p["a"] * q["a"] + r["b"] * r["c"] + p["b"]


@case(lambda: (OrderedDict(b=0.7, a=np.array([1.3, 0.4])),))
def ordered_dict(p):
    return p["b"] * np.sum(p["a"])


@case(lambda: (0.4, 3))
def dict_result_of_a_helper(x, n):
    def split(z):
        return {"s": math.sin(z), "c": math.cos(z)}

    y = x
    for _ in range(n):
        d = split(y)
        y = d["s"] * d["c"] + x
    return y


# ------------------------------------------------------------ dataclasses


@case(lambda: (State(0.7, 1.3), 2.0))
def dataclass_argument(s, c):
    return s.u * s.v * c + State.GAIN * s.u


@case(lambda: (Params(0.7, np.array([0.2, 0.5])), 1.1))
def frozen_dataclass_with_statics(p, x):
    y = p.k * np.sum(p.w) * x
    for _ in range(p.n):
        y = y * y + p.force(x) if p.scheme == "square" else 0.0
    return y


@case(lambda: (World(State(0.7, 1.3), {"sun": Body(np.ones(2), np.full(2, 0.4), 2.0)}, "x"),))
def nested_dataclasses(w):
    sun = w.bodies["sun"]
    return w.first.u * np.sum(sun.position * sun.velocity) * sun.mass + w.first.v**2


@case(lambda: (0.7, 1.3))
def methods_and_properties(x, y):
    s = State(x, v=y)
    t = State.at_rest(x * y)
    return s.energy() * t.norm + s.mix(x, t.v) + State.mix(x, y) + s.GAIN


@case(lambda: (0.7, 1.3))
def attributes_are_assigned(x, y):
    s = State(x)
    s.u = s.u + y
    s.v += s.u * x
    s.u *= 2.0
    return s.u * s.v


@case(lambda: (0.7, 1.3))
def aliases_see_what_is_written(x, y):
    s = State(x, y)
    t = s
    t.u = x * y
    pair = (s, t)
    pair[0].v = s.u + 1.0
    return s.u * t.v + pair[1].u


def _advance(state, h):
    state.u = state.u + h * state.v
    state.v = state.v - h * math.sin(state.u)


@case(lambda: (State(0.7, 1.3), 5))
def helper_changes_its_argument(s, n):
    for _ in range(n):
        _advance(s, 0.1)
    return s.u * s.u + s.v


@case(lambda: (State(0.7, 1.3), 4))
def method_changes_self(s, n):
    for k in range(n):
        s.bump(0.3 * k).bump()
    return s.energy()


@case(lambda: (0.7, 1.3, 4), lambda: (0.7, 1.3, 0))
def objects_replaced_in_a_loop(x, y, n):
    s = State(x, y)
    for _ in range(n):
        s = State(s.u + 0.1 * s.v, s.v - 0.1 * s.u)
    return s.u * s.v


@case(lambda: (0.7, 1.3, 4))
def previous_object_in_a_loop(x, y, n):
    s = State(x, y)
    before = State(y, x)
    total = 0.0
    for _ in range(n):
        total += before.u * s.v
        before = s
        s = State(s.u + 0.1 * s.v, s.v - 0.1 * s.u)
    return total + before.u * s.u


@case(lambda: (0.7, 1.3, 5))
def objects_swapped_in_a_loop(x, y, n):
    a, b = State(x, y), State(y * y, x)
    for _ in range(n):
        a, b = b, a
        a.u = a.u + 0.5 * b.v
    return a.u * 2.0 + b.u * a.v


@case(lambda: (0.7, 1.3), lambda: (1.7, 1.3))
def object_chosen_by_a_branch(x, y):
    if x > 1.0:  # noqa: SIM108
        s = State(x * x, y)
    else:
        s = State(y, x)
    s.u = s.u * 3.0
    t = State(x, x) if y > x else s
    return s.u * s.v + t.u


@case(lambda: (0.7, 1.3, 6))
def object_written_in_a_branch_of_a_loop(x, y, n):
    s = State(x, y)
    for k in range(n):
        if k % 2 == 0:
            s.u = s.u * y
        elif s.u > 0.5:
            s.v = s.v + s.u
            continue
        s.v = s.v * 0.9
        if s.v > 50.0:
            break
    return s.u + s.v * s.v


@case(lambda: (Body(np.array([0.4, 0.9]), np.array([0.3, -0.2])), 4))
def arrays_in_a_dataclass(body, n):
    for _ in range(n):
        body.position[:] += 0.1 * body.velocity
        body.velocity = body.velocity - 0.1 * body.position
        body.velocity[0] = body.velocity[0] * body.mass
    return np.sum(body.position * body.velocity)


@case(lambda: (0.7, 1.3))
def replaced_dataclasses(x, y):
    s = State(x, y)
    t = dataclasses.replace(s, u=x * y)
    t.v = 3.0 * y
    p = dataclasses.replace(Params(x, np.ones(2)), k=y)
    return s.u * t.u + s.v * t.v + p.k * p.n


@case(lambda: (0.7,))
def post_init_runs(x):
    c = Checked(x)
    c.x = 2.0 * x
    return c.x * c.y


@case(lambda: (Derived(0.7, 1.3, 0.4),))
def inherited_methods(d):
    return d.energy() + d.norm + d.bump(2.0).u


@case(lambda: (State(0.7, 1.3), State(0.2, 0.5)))
def operators_of_a_class(s, t):
    r = 0.5 * (s + t) * 3.0
    return r.u * r.v


@case(lambda: (0.7, 3))
def default_factory(x, n):
    w = World(State(x))
    w.bodies["a"] = x * x
    for _ in range(n):
        w.bodies["a"] = w.bodies["a"] + w.first.u
        w.first.u = w.first.u * 0.5
    return w.bodies["a"] * w.first.v


@case(lambda: (0.7, 1.3))
def copies_of_a_dataclass(x, y):
    s = State(x, y)
    t = copy.copy(s)
    t.u = y * y
    b = Body(np.array([x, y]), np.array([y, x]))
    c = copy.deepcopy(b)
    c.position[0] = 3.0
    d = copy.copy(b)
    d.velocity[0] = x * x
    return s.u * t.u + b.position[0] * c.position[0] + b.velocity[0] * c.velocity[0]


@case(lambda: (0.7, Scheme.UPWIND, Order.SECOND), lambda: (0.7, Scheme.CENTRAL, Order.FIRST))
def enums(x, scheme, order):
    y = x
    if scheme is Scheme.UPWIND:
        y = y * 3.0
    elif scheme == Scheme.CENTRAL:
        y = y * y * scheme.value
    if order == 2:
        y = y * x
    if order == Order.FIRST:
        y = y + 1.0
    return y * order


# ------------------------------------------------------------ namedtuples


@case(lambda: (Pair(0.7, 1.3), Old(0.2)))
def namedtuples(p, o):
    q = Pair(o.x)._replace(b=p.a)
    r = Old(p.b)
    a, b = q
    return p.product() * p.total + q.product() * r.y + a * b + o[0]


@case(lambda: (Pair(0.7, 1.3), 4))
def namedtuple_stepped(p, n):
    for _ in range(n):
        p = p._replace(a=p.a + 0.1 * p.b, b=p.b - 0.1 * p.a)
    return p.total


@case(lambda: ([0.7, {"q": (1.3, State(0.2, 0.4))}],))
def mixed_nesting(x):
    s = x[1]["q"][1]
    s.u = s.u * x[0]
    return x[1]["q"][0] * s.u + x[1]["q"][1].u * s.v


@case(lambda: ((0.7, 1.3, 0.2, 0.5),))
def starred_targets(t):
    a, *b, c = t
    d = (*b, a)
    return a * b[0] + b[1] * c + d[2] * len(b)


# ------------------------------------------------------------ functions


def _square(x):
    return x * x


def _cube(x, c=1.0, *, d=0.5):
    return c * x**3 + d


@case(lambda: (0.7,))
def functions_in_structures(x):
    fs = [_square, math.sin, lambda z: z + x]
    table = {"a": _cube, "b": np.exp}
    y = fs[0](x) + table["b"](x)
    for f in fs:
        y = f(y)
    for name, f in table.items():
        y = y + f(x) * (2.0 if name == "a" else 1.0)
    return y


@case(lambda: (0.7, 1.3))
def partials(x, y):
    f = functools.partial(_cube, c=y)
    g = functools.partial(f, d=x)
    h = functools.partial(operator.mul, x)
    y = 10.0
    return f(x) + g(x) * h(x)


@case(lambda: (0.7, 1.3))
def nested_definitions(x, y):
    @njit
    def f(a, b=x):
        return a * b

    @njit(cache=False)
    def g(a, b=y):
        return f(a, x) + b

    x = 2.0 * x
    h = lambda a, b=y: a * b * x  # noqa: E731
    return f(y) + g(x) + h(y)


@case(lambda: (0.7, 1.3))
def operators_of_the_module(x, y):
    pairs = [(operator.add, 1.0), (operator.sub, 2.0), (operator.mul, 3.0), (operator.truediv, 4.0)]
    total = operator.neg(x)
    for op, c in pairs:
        total = total + c * op(x, y)
    return operator.pow(total, 2.0) if operator.lt(x, y) else x


@case(lambda: (0.7, _square), lambda: (0.7, functools.partial(_cube, c=3.0)))
def functions_as_arguments(x, f):
    return f(x) * f(2.0 * x)


def _compose(*fs):
    def composed(x):
        for f in fs:
            x = f(x)
        return x

    return composed


@case(lambda: (0.7,))
def composed_closures(x):
    f = _compose(math.sin, _square, lambda z: z * x)
    return f(x) + f(2.0)


class _Adder:
    def __init__(self, c, table):
        self.c = c
        self.table = table

    def __call__(self, x):
        return x * self.c + self.table[1]

    @property
    def doubled(self):
        return 2.0 * self.c


_ADDER = _Adder(1.5, np.array([0.2, 0.4]))
_BOUND = _ADDER.__call__
_PARTIAL = functools.partial(_cube, c=2.5)
_CONFIG = {"k": 1.25, "w": np.array([0.5, 0.25]), "name": "x", "f": _square, "sub": {"c": 2}}
_SETTINGS = Params(0.75, np.array([0.1, 0.3]))


@case(lambda: (0.7,))
def captured_objects(x):
    y = _ADDER(x) + _ADDER.doubled * _ADDER.table[0] + _BOUND(x) + _PARTIAL(x)
    for k, v in _CONFIG["sub"].items():
        y += v * len(k)
    if _CONFIG["name"] == "x" and "k" in _CONFIG:
        y *= _CONFIG["k"] * _CONFIG["f"](x)
    return y * np.sum(_CONFIG["w"]) + _SETTINGS.force(x) * _SETTINGS.n


_square.gain = 4.0


@case(lambda: (0.7,))
def attributes_of_functions(x):
    return _square(x) * _square.gain
