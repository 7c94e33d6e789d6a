"""``.compile``: for values or types, without running; the first call then finds what it needs."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pytest

import srcad
from srcad.backend.samples import sampled
from srcad.ir.typeof import typeof


class Springs(NamedTuple):
    stiffness: np.ndarray
    rest: float


def loss(x, k):
    s = 0.0
    for i in range(x.shape[0]):
        s += math.sin(k * x[i]) * x[i]
    return s


def sheet(u, springs, mode, n):
    s = 0.0
    for i in range(u.shape[0]):
        for j in range(u.shape[1]):
            s += springs.stiffness[j] * (u[i, j] - springs.rest) ** 2
    return s * n if mode == "scaled" else s


def signatures(derivative, args):
    """What the program for these arguments is compiled for; None before it is."""
    variant = derivative._variant_for(args, {})
    return variant._function and list(variant._function.nopython_signatures)


X = np.linspace(0.0, 1.0, 7)


@pytest.mark.parametrize(
    "given",
    [
        (X, 0.5),
        (numba.float64[::1], numba.float64),
        ("float64[::1]", "float64"),
        (numba.float64[:], 2.0),
    ],
    ids=["values", "types", "names", "both"],
)
def test_a_call_finds_what_was_compiled(given):
    derivative = srcad.value_and_grad(loss, wrt=(0, 1), cache=False)
    assert derivative.compile(*given) is derivative
    compiled = signatures(derivative, (X, 0.5))
    assert compiled and len(compiled) == 1
    value, _ = derivative(X, 0.5)
    assert signatures(derivative, (X, 0.5)) == compiled
    assert value == pytest.approx(loss(X, 0.5))


def test_structures_of_types_and_values_beside_them():
    derivative = srcad.grad(sheet, wrt=("u", "springs"), cache=False)
    springs = Springs(numba.float32[::1], numba.float64)
    derivative.compile("float64[:, ::1]", springs, mode="scaled", n="int64")
    args = np.ones((2, 3)), Springs(np.ones(3, np.float32), 0.5), "scaled", 4
    assert signatures(derivative, args)
    assert "scaled" not in derivative.source(*args)


def test_source_for_types():
    assert srcad.grad(loss).source(numba.float64[:], "float64") == srcad.grad(loss).source(X, 0.5)


def test_jacobian():
    def field(x):
        return x * x

    matrix = srcad.jacobian(field)
    assert matrix.compile("float64[::1]") is matrix
    np.testing.assert_array_equal(matrix(X), np.diag(2.0 * X))


def test_the_next_process_compiles_nothing(tmp_path):
    """One process compiles for types, without arrays at hand; the next one finds it on disk."""
    module = tmp_path / "lossy.py"
    module.write_text(
        "import math\n\n\ndef loss(x, k):\n    s = 0.0\n    for i in range(x.shape[0]):\n"
        "        s += math.sin(k * x[i]) * x[i]\n    return s\n"
    )
    start = "import numpy as np, os, srcad, lossy; g = srcad.grad(lossy.loss); "
    stored = "print(*(p for _, _, names in os.walk(os.environ['SRCAD_CACHE_DIR']) for p in names))"
    env = {"SRCAD_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    found = []
    for program in ('g.compile("float64[::1]", "float64"); ', "g(np.ones(3), 0.5); "):
        done = subprocess.run(
            [sys.executable, "-c", start + program + stored],
            env=os.environ | env,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.append(done.stdout)
    assert found[0] == found[1] and "code.bin" in found[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float64", 1.0),
        ("int64", 1),
        ("bool", True),
        (numba.complex128, 1j),
        ("float32", np.float32(1)),
        ("float64[:, :]", np.ones((2, 2))),
        ("complex64[::1]", np.ones(2, np.complex64)),
        (numba.types.UniTuple(numba.float64, 2), (1.0, 1.0)),
        ({"a": "float64[::1]"}, {"a": np.ones(2)}),
    ],
)
def test_a_value_of_a_type(given, expected):
    assert typeof(sampled(given), "x") == typeof(expected, "x")


@pytest.mark.parametrize("value", ["linear", "float", X, 3.0, None, (1.0, X), {"a": 2}])
def test_what_is_no_type_stays(value):
    assert sampled(value) is value


def test_refusals():
    with pytest.raises(TypeError, match=r"float64\[:, ::1\]"):
        sampled("float64[::1, ::1]")
    with pytest.raises(TypeError, match="no type of an argument"):
        sampled(numba.types.unicode_type)
    with pytest.raises(TypeError, match=r"(?s)'n'.*int"):
        srcad.grad(sheet, wrt="n").compile(
            "float64[:, ::1]", Springs("float64[::1]", "float64"), "scaled", "int64"
        )
