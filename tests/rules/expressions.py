"""Expressions of NumPy's functions, against NumPy itself and central differences.

An expression (or a body that returns) is one of ``x``, ``y`` (vectors of 6), ``z`` (of 3), ``a``
(3 x 4), ``q`` (3 x 3), ``t`` (2 x 3 x 4), ``s`` and ``u`` (numbers), all different and between 0.1 and
0.9, and ``n`` (3 x 4 with NaN). The value is NumPy's own; the derivative that of central
differences of NumPy's function, along one direction for each argument: an error that is orthogonal
to it is not seen.
"""

import importlib.util
import re
import textwrap

import numpy as np
import pytest

import srcad

SHAPES = {
    "x": (6,),
    "y": (6,),
    "z": (3,),
    "a": (3, 4),
    "q": (3, 3),
    "t": (2, 3, 4),
    "s": (),
    "u": (),
    "n": (3, 4),
}


def value_of(name):
    """The same numbers at each call."""
    rng = np.random.default_rng(ord(name))
    value = rng.uniform(0.1, 0.9, SHAPES[name])
    if name == "n":
        value[0, 1] = value[2, 2] = value[2, 3] = np.nan
    return float(value) if SHAPES[name] == () else value


def names_of(text):
    """The arguments that an expression mentions."""
    bare = re.sub(r"\b\w+\s*=(?!=)|\"\w*\"", "", text)
    return [n for n in SHAPES if re.search(rf"(?<![\w.]){n}(?!\w)", bare)]


def written(folder, title, texts):
    """A module of functions: the sums of results, each element with a weight of its own."""
    lines = ["import builtins, cmath, functools, math, operator", "import numpy as np", ""]
    for k, text in enumerate(texts):
        args = ", ".join(names_of(text) or ["x"])
        body = text if "return " in text else f"return {text}"
        lines += [f"def r{k}({args}):", textwrap.indent(body, "    "), ""]
        lines += [f"def f{k}({args}):"]
        lines += ["    np.random.seed(5)"] if "np.random." in text else []
        lines += [f"    r = np.ravel(r{k}({args}))"]
        lines += ["    return np.sum(np.sin(1.0 + np.arange(r.size)) * r)", ""]
    path = folder / f"{title}.py"
    path.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location(title, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {text: getattr(module, f"f{k}") for k, text in enumerate(texts)}


def slope(function, args, k, direction):
    """The derivative along a direction by central differences of order six."""

    def at(h):
        moved = [*args]
        moved[k] = args[k] + h * direction
        return function(*moved)

    total = 0.0
    h = 2e-4
    for step, weight in ((1, 45.0), (2, -9.0), (3, 1.0)):
        total += weight * (at(step * h) - at(-step * h))
    return total / (60.0 * h)


def check(function, text, *, is_constant=False, rel=1e-7, jit=False):
    """Value, gradient and tangent; a function of derivative 0 has it exactly, another has not."""
    args = [value_of(name) for name in names_of(text) or ["x"]]
    wanted = tuple(range(len(args)))
    value, found = srcad.value_and_grad(function, wrt=wanted, jit=jit)(*args)
    assert value == pytest.approx(function(*args), rel=1e-12, abs=1e-12)
    if is_constant:
        assert all(np.all(np.asarray(gradient) == 0.0) for gradient in found)
        return
    moves = 0.0
    total = 0.0
    directions = []
    for k, (arg, gradient) in enumerate(zip(args, found, strict=True)):
        rng = np.random.default_rng(k)
        direction = rng.uniform(-1.0, 1.0, np.shape(arg))
        expected = slope(function, args, k, direction)
        kept = np.where(np.isnan(arg), 0.0, gradient)
        assert np.all(np.isfinite(kept)), gradient
        assert np.sum(kept * direction) == pytest.approx(expected, rel=rel, abs=0.1 * rel)
        moves += abs(expected)
        total += expected
        directions.append(direction if np.ndim(direction) else float(direction))
    assert moves > 1e-3, "the derivative is 0 here, so that the row shows nothing"
    try:
        _, tangent = srcad.jvp(function, tuple(args), tuple(directions), jit=jit)
    except srcad.UnsupportedError as error:
        assert "reverse mode only" in str(error)
        return
    assert tangent == pytest.approx(total, rel=rel, abs=0.1 * rel), "forward mode"
