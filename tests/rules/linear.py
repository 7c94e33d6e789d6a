"""Functions that are linear in their arguments, checked against NumPy itself.

Where f is linear in an argument, ``f(x + v) - f(x)`` is the derivative along v without any error
but rounding: NumPy, called twice, is the oracle. It cannot see an error in a value that NumPy
shares, and says nothing of functions that are not linear in each argument by itself.

A row is an expression of arrays of all ranks, named by their letters in ``ARGUMENTS``.
"""

import importlib.util
import re
import textwrap

import numpy as np

import srcad

SHAPES = {
    "s": (),
    "x": (5,),
    "y": (3,),
    "z": (5,),
    "a": (3, 4),
    "c": (4, 4),
    "d": (3, 4),
    "t": (2, 3, 4),
    "q": (2, 1, 3, 2),
    "e": (0, 3),
}
INTEGERS = {
    "k": np.array([2, 0, 1]),
    "n": 2,
    "m": np.array([[0, 2, 1, 0], [1, 1, 0, 2], [2, 0, 0, 1]]),
}
ARGUMENTS = (*SHAPES, *INTEGERS)


def arguments(names, dtype):
    """Arrays of different numbers, the same at each call."""
    out = []
    for name in names:
        if name in INTEGERS:
            out.append(np.copy(INTEGERS[name]) if np.ndim(INTEGERS[name]) else INTEGERS[name])
            continue
        rng = np.random.default_rng(ord(name))
        shape = SHAPES[name]
        value = rng.uniform(-1.0, 1.0, shape)
        if np.issubdtype(dtype, np.complexfloating):
            value = value + 1j * rng.uniform(-1.0, 1.0, shape)
        out.append(np.asarray(value, dtype)[()] if shape == () else np.asarray(value, dtype))
    return tuple(complex(v) if isinstance(v, np.complex128) else v for v in out)


def parameters(text):
    """The arguments that an expression or a body mentions."""
    bare = re.sub(r"\w+\s*=(?!=)(?!\s)|[\"'].*?[\"']", "", text)
    return tuple(name for name in ARGUMENTS if re.search(rf"(?<![\w.]){name}(?!\w)", bare))


def written(folder, name, texts):
    """Functions of a module written to a file: each text is an expression, or a body."""
    lines = ["import numpy as np\n\n"]
    for number, text in enumerate(texts):
        body = text if "return" in text else f"return {text}"
        head = f"def f{number}({', '.join(parameters(text))}):\n"
        lines.append(head + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n\n")
    path = folder / f"{name}.py"
    path.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [getattr(module, f"f{number}") for number in range(len(texts))]


def leaves(value):
    """The numbers and arrays of a result."""
    if value is None:
        return []
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def check_linear(function, args, jit=False):
    """Value, shape, dtype and pullback of a function that is linear in each argument."""
    copies = [np.copy(v) if isinstance(v, np.ndarray) else v for v in args]
    out, pullback = srcad.vjp(function, *args, jit=jit)
    for given, copy in zip(args, copies, strict=True):
        np.testing.assert_array_equal(given, copy)
    found, expected = leaves(out), leaves(function(*copies))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert np.shape(one) == np.shape(other), (np.shape(one), np.shape(other))
        if isinstance(other, np.ndarray):
            assert np.asarray(one).dtype == other.dtype, (one.dtype, other.dtype)
        np.testing.assert_allclose(one, other, rtol=tolerance(other), atol=tolerance(other))
    rng = np.random.default_rng(7)
    seeds = [_seed(rng, leaf) for leaf in found]
    cotangents = pullback(_like(out, iter(seeds)))
    for position, (arg, cotangent) in enumerate(zip(args, cotangents, strict=True)):
        if not np.issubdtype(np.asarray(arg).dtype, np.inexact):
            assert cotangent is None
            continue
        assert np.shape(cotangent) == np.shape(arg)
        expected_cotangent = _pulled(function, args, position, seeds)
        tol = 50 * tolerance(arg)
        np.testing.assert_allclose(cotangent, expected_cotangent, rtol=tol, atol=tol)


def tolerance(value):
    """A few roundings."""
    dtype = np.asarray(value).dtype
    return 4 * np.finfo(dtype).eps if np.issubdtype(dtype, np.inexact) else 0.0


def _seed(rng, leaf):
    dtype = np.asarray(leaf).dtype
    if not np.issubdtype(dtype, np.inexact):
        return leaf
    value = rng.uniform(-1.0, 1.0, np.shape(leaf))
    if np.issubdtype(dtype, np.complexfloating):
        value = value + 1j * rng.uniform(-1.0, 1.0, np.shape(leaf))
    return np.asarray(value, dtype) if np.ndim(leaf) else dtype.type(value).item()


def _like(out, seeds):
    if isinstance(out, tuple | list):
        return type(out)(_like(item, seeds) for item in out)
    return None if out is None else next(seeds)


def _pulled(function, args, position, seeds):
    """What an argument receives: Re<seed, J v> for v along each of its real and imaginary parts."""
    wide = [_widened(v) for v in args]
    before = leaves(function(*wide))
    directions = (1.0, 1j) if np.iscomplexobj(wide[position]) else (1.0,)
    shape = np.shape(wide[position])
    out = np.zeros(shape, np.asarray(wide[position]).dtype)
    for index in np.ndindex(*shape):
        for direction in directions:
            moved = [np.copy(v) if isinstance(v, np.ndarray) else v for v in wide]
            if shape:
                moved[position][index] += direction
            else:
                moved[position] = moved[position] + direction
            after = leaves(function(*moved))
            out[index] += direction * sum(
                np.vdot(np.asarray(new) - np.asarray(old), seed).real
                for new, old, seed in zip(after, before, seeds, strict=True)
                if np.issubdtype(np.asarray(new).dtype, np.inexact)
            )
    return out


def _widened(value):
    if isinstance(value, np.ndarray):
        wide = {"float32": np.float64, "complex64": np.complex128}.get(value.dtype.name)
        return np.copy(value) if wide is None else value.astype(wide)
    return value
