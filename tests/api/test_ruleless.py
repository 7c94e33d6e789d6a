"""The two lines that the error of a function without a rule shows work when they are pasted."""

import importlib.util

import numpy as np
import pytest

import srcad

PROGRAM = """
import numpy as np
import scipy.signal
import scipy.special
import srcad

def my_owens_t(h, a):  # by the trapezoidal rule
    t = np.linspace(0.0, a, 2001)
    return np.trapezoid(np.exp(-0.5 * h * h * (1.0 + t * t)) / (1.0 + t * t), t) / (2.0 * np.pi)

def my_detrend(data):
    t = np.arange(data.size) - 0.5 * (data.size - 1)
    return data - np.mean(data) - t * (np.sum(t * data) / np.sum(t * t))

{lines}

def number(h, a):
    return scipy.special.owens_t(h, a)

def array(x):
    return np.sum(scipy.signal.detrend(x) ** 3)
"""


def written(folder, title, lines):
    path = folder / f"{title}.py"
    path.write_text(PROGRAM.format(lines=lines))
    spec = importlib.util.spec_from_file_location(title, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pasted(function, *args):
    """The lines of the hint."""
    with pytest.raises(srcad.UnsupportedError, match="no rule for scipy") as caught:
        srcad.grad(function, jit=False)(*args)
    first, *lines = caught.value.hint.splitlines()
    assert first == "write one like this:" and len(lines) == 2
    return "\n".join(line.strip() for line in lines)


def test_the_lines_work(tmp_path):
    bare = written(tmp_path, "bare", "")
    x = np.array([0.3, -0.2, 0.9, 0.4])
    lines = pasted(bare.number, 0.7, 0.4) + "\n" + pasted(bare.array, x)
    ruled = written(tmp_path, "ruled", lines)
    found = srcad.grad(ruled.number, jit=False)(0.7, 0.4)
    h = 1e-6
    slope = (bare.number(0.7 + h, 0.4) - bare.number(0.7 - h, 0.4)) / (2.0 * h)
    assert found == pytest.approx(slope, rel=1e-5)
    found = srcad.grad(ruled.array, jit=False)(x)
    slopes = [(bare.array(x + h * e) - bare.array(x - h * e)) / (2.0 * h) for e in np.eye(4)]
    assert found == pytest.approx(slopes, rel=1e-6, abs=1e-8)
