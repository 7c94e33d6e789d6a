"""Modules that stand alone: what is copied into them does not meet names of the program's."""

import ast
import inspect
from collections import Counter

import numpy as np
import pytest

import srcad
from srcad.backend import eject
from srcad.errors import ArgumentError


def test_no_two_functions_that_can_be_copied_have_one_name():
    modules = (*eject._RUNTIME, *eject._ELEMENTARY)
    nodes = [n for m in modules for n in ast.parse(inspect.getsource(m)).body]
    names = Counter(name for node in nodes for name in eject._defined(node))
    assert {name for name, times in names.items() if times > 1} == set()


def _take(x, n):
    """Named as what ``tape`` calls."""
    return x if n == 0 else np.sin(_take(x, n - 1)) * x


def calls_take(x, n):
    for _ in range(n):
        x = np.sin(x) * x
    return _take(x, n)


def test_a_function_named_as_one_of_those_is_refused(tmp_path):
    path = tmp_path / "ejected.py"
    with pytest.raises(ArgumentError, match="a function named _take, as one of srcad's own is"):
        srcad.grad(calls_take).eject(path, 1.0, 3)
    assert not path.exists()


def test_only_what_is_called_is_imported(tmp_path):
    def stepped(x, n):
        for _ in range(n):
            x = np.sin(x) * x
        return x

    text = srcad.grad(stepped).eject(tmp_path / "ejected.py", 1.0, 3).read_text()
    assert "def tape(" in text and "ensure_blas" not in text
