"""Every trap's gradient against differences of the plain function, or its closed form."""

import copy
import dataclasses
import importlib
import itertools
import warnings

import numpy as np
import pytest

import srcad
from tests.traps import registry

THEMES = (
    "aliasing",
    "mutation",
    "flow",
    "indexing",
    "functions",
    "values",
    "structures",
    "recursion",
    "lists",
    "closures",
    "shaping",
)
for _theme in THEMES:
    importlib.import_module(f"tests.traps.{_theme}")

FLOATS = (float, np.floating)


def is_float(x):
    return isinstance(x, FLOATS) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def members(x):
    """The members of a container, by key; None for a leaf."""
    if isinstance(x, dict):
        return dict(x)
    if isinstance(x, tuple | list):
        return dict(enumerate(x))
    if dataclasses.is_dataclass(x):
        return {f.name: getattr(x, f.name) for f in dataclasses.fields(x)}
    return None


def rebuild(x, parts):
    """A container like x, of other members."""
    if isinstance(x, dict):
        return parts
    if hasattr(x, "_fields"):
        return type(x)(*parts.values())
    if isinstance(x, tuple | list):
        return type(x)(parts.values())
    made = copy.copy(x)
    for name, part in parts.items():
        object.__setattr__(made, name, part)
    return made


def over(f, x):
    """x with every leaf replaced by f(leaf)."""
    parts = members(x)
    return f(x) if parts is None else rebuild(x, {k: over(f, v) for k, v in parts.items()})


def zero(x):
    if isinstance(x, np.ndarray) and is_float(x):
        return np.zeros_like(x)
    return 0.0 if is_float(x) else None


def widen(x):
    if isinstance(x, np.ndarray):
        return x.astype(np.float64) if x.dtype.kind == "f" else x.copy()
    return float(x) if isinstance(x, FLOATS) else x


def places(x, path=()):
    """The paths of all float numbers in x; the last step into an array is an index."""
    parts = members(x)
    if parts is not None:
        return [p for k, v in parts.items() for p in places(v, (*path, k))]
    if isinstance(x, np.ndarray):
        return [(*path, k) for k in np.ndindex(x.shape)] if is_float(x) else []
    return [path] if is_float(x) else []


def moved(x, path, d):
    """x, with d added to the number at the path."""
    if isinstance(x, np.ndarray):
        x[path[0]] += d
        return x
    if not path:
        return x + d
    parts = members(x)
    parts[path[0]] = moved(parts[path[0]], path[1:], d)
    return rebuild(x, parts)


def at(x, path):
    for k in path:
        x = x[k] if isinstance(x, np.ndarray) else members(x)[k]
    return float(x)


def differences(f, make, index, step=2e-3):
    """The gradient in the structure of the argument, None at what is no float."""
    base = over(widen, make()[index])
    out = over(zero, base)

    def run(path, d):
        args = [over(widen, a) for a in make()]
        args[index] = moved(args[index], path, d)
        return float(f(*args))

    for path in places(base):
        h = step * max(1.0, abs(at(base, path)))
        d = [(run(path, h / 2**j) - run(path, -h / 2**j)) / (2 * h / 2**j) for j in range(4)]
        for order in (4, 16, 64):
            d = [(order * b - a) / (order - 1) for a, b in itertools.pairwise(d)]
        out = moved(out, path, d[0])
    return out


def expected(trap, step=2e-3):
    """The gradients by the oracle, one for each argument of wrt."""
    wrt = (trap.wrt,) if isinstance(trap.wrt, int) else trap.wrt
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if trap.expect is None:
            return [differences(trap.fn, trap.args, i, step) for i in wrt]
        found = trap.expect(*trap.args())
    return [found] if isinstance(trap.wrt, int) else list(found)


def gradients(trap, jit):
    """The gradients by srcad, in the same form; the arguments are as they were, after each call."""
    derivative = srcad.grad(trap.fn, wrt=trap.wrt, jit=jit)
    args, untouched = trap.args(), trap.args()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = copy.deepcopy(derivative(*args))
        assert not differs(args, untouched, 0.0, 0.0), "the caller's arguments have changed"
        again = derivative(*args)
    assert not differs(again, found, 0.0, 0.0), "the second call differs from the first"
    return [found] if isinstance(trap.wrt, int) else list(found)


def differs(found, wanted, rtol, atol, like=None):
    """None if both are of one structure and close, else a sentence; `like` is the argument."""
    like = wanted if like is None else like
    parts = members(like)
    if parts is not None:
        if not places(like) and found is None:
            return None
        if type(found) is not type(like):
            return f"got a {type(found).__name__} for a {type(like).__name__}"
        a, b = members(found), members(wanted)
        if list(a) != list(parts):
            return f"got members {list(a)} for {list(parts)}"
        told = {k: differs(a[k], b[k], rtol, atol, parts[k]) for k in parts}
        return next((f"at {k}: {text}" for k, text in told.items() if text), None)
    if wanted is None:
        return None if found is None else f"got {found!r} for what is no float"
    if not is_float(wanted):
        return None if np.array_equal(found, wanted) else f"got {found!r} for {wanted!r}"
    if not is_float(found):
        return f"got {found!r} for {wanted!r}"
    if isinstance(like, np.ndarray) and like.ndim:
        if not isinstance(found, np.ndarray):
            return f"got a {type(found).__name__} for an array"
        if found.dtype != like.dtype or found.shape != like.shape:
            return f"got {found.dtype}{found.shape} for {like.dtype}{like.shape}"
    a, b = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
    if np.allclose(a, b, rtol=0.0, atol=rtol * scale + atol, equal_nan=True):
        return None
    return f"got {a}, expected {b}"


def judge(trap, jit):
    try:
        found = gradients(trap, jit)
    except srcad.SrcadError:
        if trap.policy == registry.VALUE:
            raise
        return
    wrt = (trap.wrt,) if isinstance(trap.wrt, int) else trap.wrt
    args = trap.args()
    for index, got, wanted in zip(wrt, found, expected(trap), strict=True):
        told = differs(got, wanted, trap.rtol, trap.atol, args[index])
        assert told is None, f"argument {index}: {told}"


def keyed(item):
    return item.key


@pytest.mark.parametrize("trap", registry.TRAPS, ids=keyed)
def test_interpreted(trap):
    judge(trap, jit=False)


@pytest.mark.parametrize(
    "trap",
    [pytest.param(t, marks=() if t.jit else pytest.mark.slow) for t in registry.TRAPS],
    ids=keyed,
)
def test_compiled(trap):
    judge(trap, jit=True)


@pytest.mark.parametrize("scenario", registry.SCENARIOS, ids=keyed)
def test_scenario(scenario):
    scenario.check(srcad)


def test_there_are_many():
    assert len(registry.TRAPS) + len(registry.SCENARIOS) >= 120
    keys = [item.key for item in registry.TRAPS + registry.SCENARIOS]
    assert len(set(keys)) == len(keys)
    assert {item.theme for item in registry.TRAPS} == set(THEMES)


@pytest.mark.parametrize("theme", THEMES)
def test_the_oracle_finds_something(theme):
    """A trap whose gradient is zero everywhere catches nothing; those meant to say so."""
    for trap in registry.TRAPS:
        if trap.theme != theme or trap.policy == registry.REFUSE:
            continue
        found = expected(trap)
        nonzero = any(abs(at(x, p)) > 1e-6 for x in found for p in places(x))
        finite = all(np.isfinite(at(x, p)) for x in found for p in places(x))
        assert nonzero != trap.zero, f"{trap.key}: the gradient is {found}"
        assert finite or trap.expect is not None, f"{trap.key}: the gradient is {found}"
        for one, other in zip(found, expected(trap, step=1e-3), strict=True):
            told = differs(other, one, trap.rtol, trap.atol)
            assert told is None, f"{trap.key}: there is a kink nearby: {told}"
