"""Who sees what is written: two names for an object, objects replaced in loops and branches."""

import copy
import dataclasses
import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

REFUSED = []
"""Programs in which it depends on the path which object is written."""

ALIASES = []


def alias(function):
    """Register a program of two floats."""
    ALIASES.append(function)
    return function


def undecided(function):
    """Register a program of two floats that is refused."""
    REFUSED.append(function)
    return function


@dataclass
class S:
    u: float
    v: float = 1.0

    def bump(self):
        self.u = self.u * 1.1 + self.v
        return self.u


@dataclass
class Node:
    s: S
    w: np.ndarray


class P(NamedTuple):
    s: S
    t: S


@alias
def alias_then_replace(x, y):
    s = S(x, y)
    t = s
    s = S(y, x)
    t.u = 5.0 * x
    return s.u + t.u * s.v


@alias
def alias_replace_in_loop(x, y):
    s = S(x, y)
    t = s
    tot = 0.0
    for k in range(3):
        s = S(s.u + 0.1, s.v)
        t.u = t.u + x
        tot += s.u * t.u
        t = s
    return tot + t.u + s.u


@alias
def shared_loop_alias(x, y):
    s = S(x, y)
    t = s
    for k in range(3):
        s = S(s.v, s.u * 0.5)
        t = s
    t.u = t.u * x
    return s.u + t.v


@alias
def prev_conditional(x, y):
    s = S(x, y)
    best = S(0.0, 0.0)
    for k in range(4):
        s = S(s.u * 1.3 + k, s.v)
        if s.u > 2.0:
            best = s
    return best.u * best.v + s.u


@undecided
def best_then_mutate(x, y):
    s = S(x, y)
    best = S(0.0, 0.0)
    for k in range(4):
        if s.u > 1.0:
            best = s
        s.u = s.u + y
    return best.u * best.v + s.u


@alias
def swap_members(x, y):
    s = S(x, y)
    for k in range(3):
        s.u, s.v = (s.v, s.u * x)
    return s.u * 2 + s.v


@alias
def fib_objects(x, y):
    a = S(x)
    b = S(y)
    for k in range(5):
        a, b = (b, S(a.u + b.u * 0.5, k))
    return a.u * b.u + b.v * a.v


@alias
def rotate3(x, y):
    a = S(x)
    b = S(y)
    d = S(x * y)
    for k in range(4):
        a, b, d = (b, d, a)
        a.v = a.v + b.u
    return a.u * a.v + b.u * b.v * 2 + d.u * d.v * 3


@alias
def nested(x, y):
    n = Node(S(x, y), np.array([x, y]))
    inner = n.s
    for k in range(3):
        n.s.u = n.s.u + 0.5
        inner.v = inner.v * n.s.u
        n.w[0] += inner.v
    n.s = S(1.0 * x, 2.0)
    inner.u = 3.0 * y
    return n.s.u + inner.u + inner.v + np.sum(n.w)


@alias
def rebound_inner_loop(x, y):
    n = Node(S(x, y), np.array([x, y]))
    for k in range(3):
        n.s = S(n.s.v, n.s.u + n.w[0])
        n.w = n.w * 1.5
    return n.s.u * n.s.v + np.sum(n.w)


@alias
def arr_alias(x, y):
    n = Node(S(x), np.array([x, y]))
    m = Node(S(y), n.w)
    m.w[0] = 5.0 * x
    n.w = n.w * 2.0
    m.w[1] += n.w[0]
    return np.sum(n.w) + np.sum(m.w)


@alias
def order_of_eval(x, y):
    s = S(x, y)
    return s.u + s.bump() * s.u + (s.bump(), s.u)[0]


@alias
def order_tuple(x, y):
    s = S(x, y)
    t = ((s.u, s.v), s.bump(), s.u)
    return t[0][0] * t[1] + t[2]


@alias
def arg_detached(x, y):
    s = S(x, y)

    def g(a, o):
        o.u = 10.0 * y
        return a * o.u

    return g(s.u, s) + s.u


@alias
def closure_holds(x, y):
    s = S(x, y)

    def g():
        return s.u

    s.u = s.u * 3.0
    a = g()
    s = S(y, x)
    return a + g()


@alias
def cond_expr(x, y):
    s = S(x, y)
    t = S(y, x)
    r = s if x < y else t
    a = r.u
    return a * 3 + r.v


@alias
def cond_mut(x, y):
    s = S(x, y)
    a = s.bump() if x < y else 0.0
    b = s.bump() if x > y else s.u
    return a + b * s.u


@alias
def and_mut(x, y):
    s = S(x, y)
    k = 0.0
    if x < y and s.bump() > 0.0:
        k = s.u
    if x > y and s.bump() > 0.0:
        k = k * 100.0
    return k + s.u


@alias
def while_obj(x, y):
    s = S(x, y)
    while s.u < 10.0:
        s = S(s.u * 2.0, s.v + s.u)
        if s.v > 8.0:
            break
    return s.u * s.v


@alias
def while_mut_test(x, y):
    s = S(x, y)
    while s.bump() < 10.5:
        s.v = s.v * 0.9
    return s.u * s.v


@alias
def early_return(x, y):
    d = {"a": x, "b": y}
    for k in range(5):
        d["a"] = d["a"] + d["b"]
        if d["a"] > 3.0:
            return d["a"] * d["b"]
        d["b"] = d["b"] * 1.2
    return d["b"]


@alias
def return_obj(x, y):

    def mk(z):
        if z > 1.0:
            return S(z, z * z)
        return S(z * z * z, z)

    a = mk(x)
    b = mk(y)
    a.u = a.u + b.v
    return a.u * a.v + b.u


@alias
def int_to_float_member(x, y):
    d = {"n": 0, "t": 0}
    for k in range(3):
        d["t"] = d["t"] + x * k
        d["n"] = d["n"] + 1
    return d["t"] * d["n"] * y


@alias
def items_mutated(x, y):
    d = {"a": x, "b": 1, "c": y}
    for k, v in d.items():
        d["c"] = d["c"] + v
        d["b"] = x * 2.0
    return d["a"] * d["b"] * d["c"]


@alias
def list_of_objects(x, y):
    ss = [S(x, y), S(y, x)]
    for k in range(3):
        for s in ss:
            s.u = s.u + s.v * 0.1
    for s in ss:
        s.bump()
    return ss[0].u * ss[1].u


@alias
def same_twice_list(x, y):
    s = S(x, y)
    ss = [s, s]
    for t in ss:
        t.u = t.u * 2.0
    return s.u


@alias
def namedtuple_of_objects(x, y):
    p = P(S(x, y), S(y, x))
    for k in range(3):
        p.s.u = p.s.u + p.t.v
        p = P(p.t, p.s)
    return p.s.u * p.t.u + p.s.v


@undecided
def opt_obj(x, y):
    s = None
    for k in range(3):
        if s is None:
            s = S(x, y)
        else:
            s.u = s.u + 1.0
    return s.u


@alias
def partial_obj(x, y):
    s = S(x, y)

    def g(o, z):
        o.u = o.u * z
        return o.u

    h = functools.partial(g, s)
    return h(2.0) + h(y) + s.u


@alias
def default_obj(x, y):
    s = S(x, y)

    def g(z, o=s):
        o.u = o.u * z
        return o.u

    s2 = s
    s = S(y, x)
    return g(2.0) + s2.u + s.u


@undecided
def lost_after_loop(x, y):
    for k in range(4):
        s = S(x * k, y)
        if k == 2:
            t = s
    return t.u + s.u


@alias
def inner_loop(x, y):
    s = S(x, y)
    tot = 0.0
    for i in range(3):
        r = S(s.u, i)
        for j in range(2):
            r = S(r.u * 1.1 + j, r.v + s.v)
            s.v = s.v + 0.1 * r.u
        tot += r.u * r.v
        s = S(r.v, s.u)
    return tot * s.u + s.v


@undecided
def branch_alias(x, y):
    a = S(x, y)
    b = S(y, x)
    s = a if x < y else b
    s.u = 100.0 * x
    return a.u + b.u


@undecided
def branch_alias2(x, y):
    a = S(x, y)
    if x < y:  # noqa: SIM108
        s = a
    else:
        s = S(y, x)
    a.u = 7.0 * y
    return s.u + a.u


@undecided
def param_rebound(x, y):

    def h(p, cnd):
        if cnd:
            p = S(y * 2.0, x)
        p.u = p.u + 3.0 * x
        return p.u

    s = S(x, y)
    r = h(s, x > y)
    q = h(s, x < y)
    return r + q * s.u


@alias
def dict_of_dict_replace(x, y):
    d = {"p": {"a": x}, "q": {"a": y}}
    for k in range(3):
        d["p"], d["q"] = (d["q"], {"a": d["p"]["a"] * 1.5 + k})
    return d["p"]["a"] * d["q"]["a"]


@alias
def dict_keys_in_branch(x, y):
    d = {"a": x}
    if x < y:
        d["b"] = y
    else:
        d["b"] = x * x
    return d["a"] * d["b"]


@alias
def arrays_swapped(x, y):
    d = {"o": np.array([x, y]), "n": np.zeros(2)}
    for k in range(3):
        d["n"][0] = d["o"][1] * 0.5 + x
        d["n"][1] = d["o"][0] + k
        d["o"], d["n"] = (d["n"], d["o"])
    return np.sum(d["o"] * d["o"]) + d["n"][0]


@alias
def arrays_swapped_obj(x, y):
    n = Node(S(x), np.array([x, y]))
    m = Node(S(y), np.zeros(2))
    for k in range(3):
        m.w[:] = n.w * 0.5 + x
        n, m = (m, n)
    return np.sum(n.w) + m.w[1] * 2.0


@alias
def unrolled_break(x, y):
    s = S(x, y)
    for k in (1.0, 2.0, 3.0):
        s.u = s.u + k * x
        if s.u > 3.0:
            break
        s.v = s.v * y
    return s.u * s.v


@alias
def unrolled_replace_break(x, y):
    s = S(x, y)
    t = s
    for k in (1.0, 2.0, 3.0):
        s = S(s.u + k * x, s.v * y)
        if s.u > 3.0:
            break
    return s.u * s.v + t.u


@alias
def comp_mut(x, y):
    s = S(x, y)
    zs = [s.bump() * k for k in (1.0, 2.0, 3.0)]
    return zs[0] * zs[1] + zs[2] * s.u


@alias
def comp_objs(x, y):
    ss = [S(x * k, y) for k in (1.0, 2.0)]
    ss[0].u = ss[1].u * 3.0
    return sum([s.u * s.v for s in ss])


@alias
def comp_range(x, y):
    s = S(x, y)
    zs = [s.bump() for k in range(4)]
    return zs[0] * zs[3] + s.u


@alias
def lambdas_in_loop(x, y):
    s = S(x, y)
    fs = [lambda z: z * s.u, lambda z: z + s.v]
    s.u = s.u * 2.0
    s = S(s.v, s.u)
    return fs[0](x) * fs[1](y)


@alias
def append_objs(x, y):
    ss = []
    for k in (1.0, 2.0):
        ss.append(S(x * k, y))
    for s in ss:
        s.u = s.u + s.v
    return ss[0].u * ss[1].u


@alias
def append_same(x, y):
    s = S(x, y)
    ss = []
    for k in (1.0, 2.0):
        s.u = s.u * k
        ss.append(s)
    return ss[0].u + ss[1].u


@alias
def dict_holds(x, y):
    s = S(x, y)
    d = {"s": s, "t": S(y, x)}
    for k in range(3):
        d["s"].u = d["s"].u + 0.1 * d["t"].v
        d["t"] = S(d["s"].u, d["t"].v)
    return s.u + d["t"].u


@alias
def tuple_hold_loop(x, y):
    st = (S(x, y), 0.5)
    for k in range(3):
        st[0].u = st[0].u * 1.5
        st = (S(st[0].v, st[0].u), st[1] + x)
    return st[0].u * st[1]


@alias
def if_both_mutate(x, y):
    s = S(x, y)
    t = S(y, x)
    if x < y:
        s, t = (t, s)
    s.u = s.u + t.v
    return s.u * s.v + t.u


@alias
def if_swap_then_alias(x, y):
    s = S(x, y)
    t = S(y, x)
    a = s
    if x < y:
        s, t = (t, s)
    return a.u + s.u * t.v


@undecided
def nested_if_loop(x, y):
    s = S(x, y)
    for k in range(4):
        if k % 2 == 0:
            n = S(s.u * 1.1, s.v)
            if n.u < 1.5:
                s = n
            else:
                s.v = s.v + 1.0
        else:
            s.u = s.u + y
    return s.u * s.v


@alias
def early_ret_obj(x, y):

    def go(s):
        for k in range(4):
            s.u = s.u + x
            if s.u > 3.0:
                return s
        s.v = s.v * 5.0
        return s

    s = S(x, y)
    r = go(s)
    return r.u * s.v


@alias
def copy_semantics(x, y):
    n = Node(S(x, y), np.array([x, y]))
    m = copy.copy(n)
    m.s.u = 4.0 * x
    m.w[0] = 9.0 * y
    m.s = S(1.0, 1.0)
    m.s.u = 2.0
    return n.s.u + n.w[0] + m.s.u


@alias
def deep_semantics(x, y):
    n = Node(S(x, y), np.array([x, y]))
    m = copy.deepcopy(n)
    m.s.u = 4.0 * x
    m.w[0] = 9.0 * y
    return n.s.u * n.w[0] + m.s.u * m.w[0]


@alias
def deep_shared(x, y):
    s = S(x, y)
    d = copy.deepcopy({"a": s, "b": s})
    d["a"].u = 5.0 * y
    return d["b"].u + s.u


@alias
def star_objs(x, y):
    a, *r = (S(x, y), S(y, x), S(x, x))
    r[0].u = r[1].u * a.u
    return r[0].u


@alias
def kwargs_copy(x, y):
    d = {"a": x}

    def g(**k):
        k["a"] = k["a"] * 9.0
        return k["a"]

    return g(**d) + d["a"]


@alias
def chained(x, y):
    s = S(x, y)
    t = S(y, x)
    s.u = t.u = x * y
    t.u = t.u + 1.0
    a = b = S(x, x)
    a.u = 7.0 * y
    return s.u * t.u + b.u


@alias
def del_alias_while(x, y):
    s = S(x, y)
    p = s
    n = 0
    while s.u < 6.0:
        p = s
        s = S(s.u * 1.7, s.v + p.u)
        n = n + 1
    return p.u * s.v + n


@alias
def arr_member_branch(x, y):
    d = {"w": np.array([x, y])}
    e = d["w"]
    if x < y:
        d["w"] = np.array([y, y * y])
    d["w"][0] = 5.0 * x
    return np.sum(d["w"]) + np.sum(e)


@alias
def arr_member_loop(x, y):
    d = {"w": np.array([x, y])}
    keep = d["w"]
    for k in range(3):
        old = d["w"]
        d["w"] = old * 1.5
        d["w"][0] += old[1]
    return np.sum(d["w"] * d["w"]) + np.sum(keep)


@alias
def list_in_dict(x, y):
    row = [x]
    d = {"l": row}
    row.append(2.0 * x)
    d["l"].append(y * y)
    return d["l"][-1] * row[1] + len(row)


@alias
def list_in_dict_only(x, y):
    d = {"l": [x]}
    d["l"].append(y)
    d["l"][0] = y * y
    return d["l"][0] + d["l"][1] * 3.0 + len(d["l"])


@alias
def list_in_dict_branch(x, y):
    d = {"l": [x, y]}
    if x < y:
        d["l"][0] = y * 5.0
    return d["l"][0] * d["l"][1]


@alias
def list_in_dict_loop(x, y):
    d = {"l": [x]}
    for k in range(4):
        d["l"].append(d["l"][k] * y)
    s = 0.0
    for v in d["l"]:
        s += v
    return s


@alias
def list_in_obj_callee(x, y):

    def add(d, v):
        d["l"].append(v)

    d = {"l": [x]}
    add(d, y)
    add(d, x * y)
    return d["l"][1] * d["l"][2]


@alias
def copy_list(x, y):
    row = [x, y]
    m = copy.copy(row)
    m.append(3.0 * x)
    m[0] = y * y
    return row[0] * m[0] + len(row) * m[2]


@alias
def copy_dict_list(x, y):
    d = {"l": [x, y]}
    e = d.copy()
    e["l"].append(7.0 * x)
    return d["l"][-1] * e["l"][0]


@alias
def replace_keeps(x, y):
    n = Node(S(x, y), np.array([x, y]))
    m = dataclasses.replace(n, s=S(y, x))
    m.w[0] = 5.0 * y
    m.s.u = 2.0
    return n.w[0] + n.s.u * m.s.u


@alias
def list_alias_in_objs(x, y):
    row = [x, y]
    d = {"a": row, "b": row}
    d["a"][0] = y * y
    return d["b"][0] + row[0]


@alias
def asdict_nt(x, y):
    p = P(S(x, y), S(y, x))
    d = p._asdict()
    d["s"].u = 4.0 * y
    d["t"] = S(1.0, 1.0)
    return p.s.u + p.t.u * x


@alias
def lists_of_dicts(x, y):
    ds = [{"a": x}, {"a": y}]
    for d in ds:
        d["a"] = d["a"] * 2.0
    ds.append({"a": ds[0]["a"] * x})
    t = 0.0
    for i, d in enumerate(ds):
        t += d["a"] * (i + 1)
    return t


def _marks(d):
    d["mode"] = "b"
    return 1.0


@undecided
def text_written_in_a_conditional_expression(x, y):
    d = {"mode": "a"}
    c = _marks(d) if x > 1.0 else 2.0
    return c * x if d["mode"] == "a" else c * y


@undecided
def text_written_behind_and(x, y):
    d = {"mode": "a"}
    if x < 1.0 and _marks(d) > 0.0:
        y = y * 2.0
    return x if d["mode"] == "a" else y
