"""Tuples, lists, dicts, namedtuples and dataclasses, in one another."""
# ruff: noqa: SIM108, RUF005, RUF007, B905

import dataclasses
from collections import namedtuple
from typing import NamedTuple

import numpy as np

from tests.traps.registry import EITHER, REFUSE, scenario, trap


def vec(*values):
    return np.array(values, dtype=np.float64)


Pair = namedtuple("Pair", "left right")


class Layer(NamedTuple):
    """A typed namedtuple with a default."""

    w: np.ndarray
    b: float
    name: str = "relu"


@dataclasses.dataclass(frozen=True)
class Rod:
    """A frozen dataclass with a static field."""

    length: float
    ends: np.ndarray
    count: int = 2


@dataclasses.dataclass
class World:
    """A dataclass of dataclasses."""

    rod: Rod
    masses: tuple
    options: dict


@trap(lambda: ((0.7, vec(1.0, -2.0), 3),), jit=True)
def tuple_argument(t):
    """A tuple of a number, an array and an int."""
    return t[0] * t[1].sum() * t[2] + t[-2][1] * t[0]


@trap(lambda: ((0.7, (vec(1.0, -2.0), (1.5,)), "tag", None),))
def tuple_of_tuples(t):
    """Tuples in tuples, with members that are no numbers."""
    a, (v, (b,)), _, _ = t
    return a * v[0] * b + v[1] * v[1] * a


@trap(lambda: (Pair(vec(0.3, 0.4), Pair(1.2, vec(2.0))),))
def nested_namedtuple(p):
    """A namedtuple in a namedtuple."""
    return p.left[0] * p.right.left * p.right.right[0] + (p.left * p.left).sum()


@trap(lambda: (Layer(vec(0.3, 0.4), 0.5), vec(1.0, 2.0)), wrt=(0, 1), jit=True)
def namedtuple_with_string(layer, x):
    """A string field selects the code, and comes back as None."""
    y = (layer.w * x).sum() + layer.b
    if layer.name == "relu":
        y = max(y, 0.0)
    return y * y


@trap(lambda: ([Layer(vec(0.3, 0.4), 0.5), Layer(vec(-0.3, 0.9), 0.1, "id")], 0.7), wrt=(0, 1))
def list_of_namedtuples(layers, x):
    """A loop over a list of namedtuples."""
    for layer in layers:
        x = (layer.w * x).sum() + layer.b
        if layer.name == "relu":
            x = x * x
    return x


@trap(lambda: ({"a": 0.7, "b": vec(1.0, 2.0), "n": 3},))
def dict_argument(d):
    """A dict with literal keys."""
    return d["a"] * d["b"].sum() * d["n"] + d["b"][0] ** 2


@trap(lambda: ({"outer": {"inner": (0.7, vec(1.0, 2.0))}, "x": 1.5},))
def dict_of_dicts(d):
    """Dicts and a tuple in a dict."""
    t = d["outer"]["inner"]
    return t[0] * t[1][1] * d["x"] + d["x"] ** 2


@trap(lambda: ({"w": vec(0.3, 0.4), "b": 0.5},))
def loop_over_dict(d):
    """Iteration over the items of a dict, in their order."""
    s = 1.0
    for key, v in d.items():
        if key == "w":
            s = s * v.sum() + v[0]
        else:
            s = s * v
    return s * d["b"]


@trap(lambda: (Rod(1.3, vec(0.2, 0.9), 3), 0.7), wrt=(0, 1))
def dataclass_argument(rod, x):
    """A frozen dataclass; its int field has no gradient."""
    return rod.length * x * rod.count + (rod.ends * rod.ends).sum() * rod.length


@trap(lambda: (World(Rod(1.3, vec(0.2, 0.9)), (0.5, vec(1.0)), {"g": 9.8, "mode": "fast"}),))
def dataclass_of_everything(w):
    """A dataclass that holds a dataclass, a tuple and a dict."""
    e = w.rod.length * w.masses[0] * w.options["g"]
    if w.options["mode"] == "fast":
        e = e * w.masses[1][0]
    return e + w.rod.ends[0] * w.rod.ends[1]


@trap(lambda: ([vec(0.3, 0.4), (0.5, [1.5, 2.5])],))
def list_in_tuple_in_list(xs):
    """Lists and tuples in turns; the gradient keeps their kinds."""
    return xs[0].sum() * xs[1][0] * xs[1][1][0] + xs[1][1][1] ** 2


@trap(lambda: ((vec(0.3, 0.4), 2.0), (vec(0.3, 0.4), 2.0)), wrt=(0, 1))
def unused_members(s, t):
    """Members that are not used have a gradient of zeros."""
    return s[0][1] * t[1]


@trap(lambda: (((), 0.7, ()),), policy=EITHER)
def empty_tuples(t):
    """Empty tuples as members."""
    return t[1] * t[1]


def _split(x):
    return Pair(x[:2], (x[2:], x[0] * x[1]))


@trap(lambda: (vec(0.3, 0.4, 0.5, 0.6),))
def structured_result(x):
    """A helper returns views in a structure; they are written through."""
    p = _split(x)
    p.left[0] = p.right[1] * p.right[0][1]
    p.right[0][0] *= p.left[0]
    return (x * x).sum() + p.right[1]


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def tuple_rebuilt_in_loop(x, y):
    """A tuple is state: rebuilt in each iteration from its members."""
    state = (x, y)
    for _ in range(4):
        state = (state[1] * state[0], state[0] + 0.1)
    return state[0] * state[1]


@trap(lambda: (0.7, vec(1.2, 0.3)), wrt=(0, 1))
def namedtuple_rebuilt_in_loop(x, v):
    """A namedtuple of a number and an array is state."""
    s = Pair(x, v * 1.0)
    for k in range(3):
        old = s
        s = Pair(old.left * old.right[0], old.right * old.left)
        old.right[1] = s.left
        s.right[0] += old.right[1] * (k + 1.0)
    return s.left * s.right.sum()


@trap(lambda: (0.7, True))
def tuple_in_branches(x, flag):
    """A tuple is built in both branches."""
    if flag:
        t = (x, x * x)
    else:
        t = (x * x, 1.0)
    a, b = t
    return a * b + t[1]


@trap(lambda: (Pair(0.7, 1.2),))
def namedtuple_is_a_tuple(p):
    """Unpacking, indexing, len and iteration of a namedtuple."""
    a, b = p
    s = a * b * len(p)
    for v in p:
        s = s * v + p[0]
    return s


@trap(lambda: (Pair(0.7, vec(1.2, 0.3)),))
def member_argument_mutated(p):
    """An array in an argument is written; the caller's is not."""
    p.right[0] = p.right[1] * p.left
    p.right[:] *= p.right[0]
    return p.right.sum() * p.left


@trap(lambda: ([vec(1.2, 0.3), vec(0.5, -0.4)],))
def list_argument_mutated(xs):
    """Arrays in a list are written, and a row is swapped for another."""
    a, b = xs
    a[0], b[0] = b[0] * a[0], a[1]
    for v in xs:
        v *= v[1]
    return xs[0].sum() * b[0] + a[1]


@trap(lambda: ([0.7, 1.2, 0.4],))
def list_of_numbers(xs):
    """A list of numbers, summed and indexed."""
    s = 0.0
    for i, v in enumerate(xs):
        s += v * v * (i + 1.0)
    return s * xs[-1] + len(xs) * xs[0]


@trap(lambda: (vec(0.7, 1.2, 0.4),))
def list_grows(x):
    """A list of numbers that grows by append."""
    ys = []
    for i in range(3):
        ys.append(x[i] * x[i])
    ys[1] = ys[0] * 3.0
    return ys[0] * ys[1] + ys[2]


@trap(lambda: (vec(0.7, 1.2, 0.4),))
def list_of_arrays_grows(x):
    """A history of states, kept in a list, copies and not."""
    kept = []
    a = x.copy()
    for k in range(3):
        a *= x
        kept.append(a.copy() if k < 2 else a)
    a[0] = 5.0
    return kept[0].sum() * kept[2][0] + kept[1][1] * kept[2][2]


@trap(lambda: (vec(0.7, 1.2, 0.4),))
def comprehension(x):
    """A list comprehension of numbers."""
    ys = [v * v + 1.0 for v in x]
    zs = [ys[i] * x[i] for i in range(3) if i != 1]
    return ys[0] * zs[1] + sum(zs)


@trap(lambda: (vec(0.7, 1.2, 0.4),))
def dict_made_inside(x):
    """A dict that is made, changed and read inside."""
    d = {"a": x[0] * x[1], "v": x * 2.0}
    d["v"][0] = d["a"]
    d["a"] = d["v"][1] * d["a"]
    return d["a"] * d["v"].sum()


@trap(lambda: (0.7, 1.2), wrt=(0, 1), policy=EITHER)
def dataclass_made_and_changed(x, y):
    """A field of a dataclass is rebound, which a second name sees."""
    w = World(Rod(x, vec(1.0, 2.0)), (y,), {})
    u = w
    w.masses = (y * x,)
    return u.masses[0] * u.rod.length + w.rod.ends[1] * y


@trap(lambda: (Rod(1.3, vec(0.2, 0.9), 3),))
def dataclass_replaced(rod):
    """dataclasses.replace makes a new one that shares the arrays."""
    other = dataclasses.replace(rod, length=rod.length * rod.length)
    other.ends[0] = rod.ends[1] * rod.ends[1]
    return other.length * rod.length + rod.ends.sum() * rod.ends[0]


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def chained_tuple_swaps(x, y):
    """Tuples of names on both sides, nested."""
    (a, b), c = (x, y), x * y
    a, (b, c) = c, (a, b)
    b, a = a * b, b * c
    return a + 2.0 * b + 3.0 * c


@trap(lambda: (vec(0.7, 1.2, 0.4, -0.8),))
def starred_target(x):
    """Starred targets take the rest."""
    a, *rest = (x[0], x[1] * 2.0, x[2])
    return a * rest[0] + rest[1] * rest[0]


@trap(lambda: ((1.0, 2.0, 3.0), 0.4), wrt=(0, 1))
def slices_of_tuples(t, x):
    """Slices, sums and products of tuples."""
    u = t[1:] + (x,)
    s = 0.0
    for v in u:
        s = s * x + v * v
    return s + len(u) * t[0] * u[-1]


@trap(lambda: (vec(1.0, 2.0),), policy=REFUSE)
def set_inside(x):
    """A set of numbers has no order."""
    s = 0.0
    for v in {x[0], x[1]}:
        s = s * v + 1.0
    return s


@trap(lambda: ({"a0": 1.5, "a1": 2.5},), policy=EITHER)
def computed_keys(d):
    """Keys that are computed."""
    s = 1.0
    for i in range(2):
        s = s * d["a" + str(i)]
    return s


@trap(lambda: ((vec(0.7, 1.2), vec(0.4, -0.8)),))
def zip_of_members(t):
    """zip over members of a tuple, one of which is written in the loop."""
    s = 0.0
    for u, v in zip(t[0], t[1], strict=True):
        t[1][1] = u * v
        s += u * v * v
    return s + t[1][1]


@scenario
def structure_comes_back(srcad):
    """The gradient has the classes, keys and Nones of the argument."""

    def f(p):
        return p.left[0] * p.right[1].left

    p = Pair((2.0, 3), [None, Pair(5.0, "s")])
    found = srcad.grad(f, jit=False)(p)
    assert found == Pair((5.0, None), [None, Pair(2.0, None)])
    assert type(found) is Pair
    assert type(found.right) is list


@scenario
def members_share_memory(srcad):
    """Two members share memory and one is written: refused, or right."""

    def f(p):
        p.left[0] = p.right[0] * p.right[1]
        return (p.left * p.right).sum()

    x = vec(2.0, 3.0)
    try:
        srcad.grad(f, jit=False)(Pair(x, x))
    except srcad.ArgumentValueError:
        return
    raise AssertionError("members that share memory were accepted, though one is written")


@scenario
def same_class_other_fields(srcad):
    """One derivative is called with structures of other shapes in turn."""

    def f(t):
        s = 0.0
        for v in t:
            s = s + v * v
        return s

    g = srcad.grad(f, jit=False)
    assert g((1.0, 2.0)) == (2.0, 4.0)
    assert g((1.0, 2.0, 3.0)) == (2.0, 4.0, 6.0)
    assert g([1.0]) == [2.0]
    assert g(Pair(1.0, 2.0)) == Pair(2.0, 4.0)


@scenario
def scalar_seed_of_structured_result(srcad):
    """The pullback of a structured result takes a seed of the same structure."""

    def f(x):
        return Pair(x[0] * x[1], (x * x, 3.0 * x[1]))

    out, pullback = srcad.vjp(f, vec(2.0, 5.0), jit=False)
    assert out.left == 10.0
    (found,) = pullback(Pair(1.0, (vec(1.0, 0.0), 2.0)))
    np.testing.assert_allclose(found, [5.0 + 4.0, 2.0 + 6.0])


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 12), wrt=(0, 1), jit=True)
def history_of_copies(x, c, n):
    """A list of copies that grows past its room, read backwards and in pairs."""
    u, out = x.copy(), []
    for _ in range(n):
        u[1:] += c * u[:-1] * 0.2
        out.append(u.copy())
    s = 0.0
    for k in range(n - 1, -1, -1):
        s += out[k][k % 3] * (k + 1)
    for a, b in zip(out, out[1:]):
        s += np.dot(a, b)
    return s + np.sum(np.array(out) ** 2)


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7), wrt=(0, 1))
def history_in_while(x, c):
    """What is appended has a name, which goes on to denote another array; the argument is first."""
    y, hist, t = x * 1.0, [x], 0.0
    while t < 1.0:
        y = y + 0.1 * np.sin(c * y)
        hist.append(y)
        t += 0.3
    s = 0.0
    for w in hist:
        s += np.sum(w * w)
    return s + hist[-1][0] * hist[0][1] + hist[len(hist) // 2][2]


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 10), wrt=(0, 1))
def row_held_while_list_grows(x, c, n):
    """A name of an item stays with it when the list moves to a longer array."""
    out = [x * c]
    first = out[0]
    for _ in range(n):
        out.append(out[-1] * c + first)
    return first @ out[-1] + out[3][0] * first[1]


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 3), wrt=(0, 1))
def histories_of_matrices(x, c, n):
    """Matrices appended in a branch, under two names of the list."""
    out = []
    again = out
    for k in range(n):
        if x[k] > 0.0:
            again.append(np.outer(x, x) * c)
    s = len(out) * c
    for i in range(len(out)):
        s += out[i][0, 1] * np.trace(again[i])
    return s


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 3), wrt=(0, 1))
def history_filled_by_elements(x, c, n):
    """Arrays filled by loops before they are appended; joined rows; an item that is a view."""
    out = []
    for k in range(n):
        w = np.zeros(3)
        for i in range(3):
            w[i] = x[i] * c**k
        out.append(w)
        out.append(out[-1][::-1])
    return np.sum(np.stack(out)[:, 1]) * out[-1][2] + np.vstack(out)[2, 0]


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 3), wrt=(0, 1), policy=EITHER)
def appended_array_changes(x, c, n):
    """The same array appended each time, and written in between."""
    u, out = x.copy(), []
    for _ in range(n):
        u[1:] += c * u[:-1]
        out.append(u)
    return np.sum(np.array(out) ** 2)


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 3), wrt=(0, 1), policy=EITHER)
def appended_array_changes_by_old_name(x, c, n):
    """The array of the iteration before is written by the name that it had there."""
    prev, out = x * 1.0, []
    for _ in range(n):
        w = x * c
        prev[0] = 5.0 * c
        out.append(w)
        prev = w
    return np.sum(np.array(out))


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 3), wrt=(0, 1), policy=EITHER)
def argument_appended_then_written(x, c, n):
    """The list begins with the argument, which is written afterwards."""
    out = [x]
    for _ in range(n):
        out.append(out[-1] * c)
    x[1] = c
    return np.sum(out[0]) + out[-1][1]


@trap(lambda: (vec(0.3, 0.7, -0.2), 0.7, 3), wrt=(0, 1), policy=EITHER)
def list_made_again_while_row_is_held(x, c, n):
    """A row of the list of the iteration before."""
    last, s = x * 1.0, 0.0
    for j in range(2):
        s += last[0] * (j + 1)
        out = []
        for k in range(n):
            out.append(x * c * k)
        last = out[-1]
    return s + last[1]


@trap(lambda: (vec(0.3, 0.7, -0.2),), policy=EITHER)
def loop_over_a_list_whose_end_is_replaced(x):
    """The last round sees the item that the first one put there (found by a random program)."""
    rows, s = [x, 2.0 * x, 3.0 * x], 0.0
    for row in rows:
        rows[2] = np.tanh(x + rows[1])
        s += np.sum(row * x)
    return s


@trap(lambda: (vec(0.3, 0.7, -0.2),))
def loop_replaces_the_item_of_each_round(x):
    """Items that the loop has passed may be replaced."""
    rows, s = [x, 2.0 * x, 3.0 * x], 0.0
    for k, row in enumerate(rows):
        rows[k] = np.sin(row) * x
        s += np.sum(rows[k] * row)
    return s + rows[1][0] * rows[0][1]


@trap(lambda: (vec(0.3, 0.7, -0.2),), policy=EITHER)
def loop_backwards_over_a_list_that_changes(x):
    """reversed() reads the list as it goes, too."""
    rows, s = [x, 2.0 * x, 3.0 * x], 0.0
    for row in reversed(rows):
        rows[0] = np.cos(x + rows[1])
        s += np.sum(row * x)
    return s


@trap(lambda: (vec(0.9, 0.7, -0.2, 0.8),), policy=EITHER)
def loop_pops_from_its_list(x):
    """Python stops where the list has become short."""
    found, s = [], 0.0
    for v in x:
        found.append(v * v)
    for v in found:
        if v > 0.5:
            s += 2.0 * found.pop()
        s += v
    return s


@trap(lambda: (vec(0.3, 0.7, -0.2),))
def loop_over_a_copy_of_a_list(x):
    """A copy stays what it is."""
    rows, s = [x, 2.0 * x, 3.0 * x], 0.0
    for row in list(rows):
        rows[2] = np.tanh(x + rows[1])
        s += np.sum(row * x)
    return s + rows[2][0]


@trap(lambda: (np.array([0.3, 0.7, -0.2, 0.9]), 1), wrt=(0,))
def list_extended_by_its_own_items(x, m):
    """All items of the right side are read before the list grows."""
    a = [x[0]]
    a += [x[1], 0.5 * a[-1]]
    for i in range(m, 4):
        a += [x[i] * x[0], 0.5 * a[len(a) // 2], a[-1] * a[-1]]
    rows = [x * 2.0]
    for i in range(m, 4):
        rows += [x * x[i], 0.5 * rows[-1], rows[-1] * rows[0]]
    return sum(a) * a[-1] + np.sum(rows[-1] * rows[-2]) + np.sum(rows[2])
