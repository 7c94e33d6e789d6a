"""Every function that Numba supports has a verdict, and every verdict is true."""

import inspect

import numba
import numpy as np
import pytest

import srcad
from docs import coverage
from tests.rules.expressions import check, written

DATA = coverage.load()
ENTRIES = coverage.entries(DATA)


def call_of(entry):
    """The call of a function that the data has, or one with vectors (numbers for ``math``)."""
    if entry.name in DATA["calls"]:
        return DATA["calls"][entry.name]
    head, _, name = entry.name.rpartition(".")
    if head == "ndarray":
        return f"a.{name}()" if entry.refusal is None else f"a.{name}"
    if entry.refusal is not None:
        return f"{entry.name}(s)"
    if head == "cmath":
        is_predicate = name[:2] == "is"
        return (
            f"{entry.name}(complex(s, u))" if is_predicate else f"abs({entry.name}(complex(s, u)))"
        )
    arguments = ("s", "u") if head == "math" or isinstance(entry.function, type) else ("x", "y")
    return f"{entry.name}({', '.join(arguments[: arity(entry.function, head)])})"


def arity(function, head):
    if isinstance(function, np.ufunc):
        return function.nin
    if head in ("operator", "math"):
        return len(inspect.signature(function).parameters)
    return 1


CALLS = {entry.name: call_of(entry) for entry in ENTRIES}


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    texts = list(dict.fromkeys(CALLS.values()))
    return written(tmp_path_factory.mktemp("rows"), "rows_of_coverage", texts)


def test_every_function_of_the_installed_numba_has_a_verdict():
    """If this fails: ``python -m docs.coverage``, then a rule or a refusal for what it names."""
    names = {**DATA, "names": coverage.numba_names()}
    assert [e.name for e in coverage.entries(names) if e.verdict is None] == []
    assert sum(map(len, names["names"].values())) > 500


def test_the_names_are_numbas():
    if numba.__version__ != DATA["numba"]:
        pytest.skip(f"the data is of Numba {DATA['numba']}")
    assert coverage.numba_names() == DATA["names"]


def test_the_data_names_functions_that_exist():
    known = {entry.name for entry in ENTRIES}
    for key in ("constant", "language", "calls"):
        assert set(DATA[key]) - known == set(), key


def test_what_is_derived_is_not_written_down():
    derived = {"rule", "refused", "constant"}
    without = coverage.entries({**DATA, "constant": []})
    listed = [e.name for e in without if e.name in DATA["constant"] and e.verdict in derived]
    assert listed == []


@pytest.mark.sampled(4)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_the_verdict_is_true(functions, entry):
    text = CALLS[entry.name]
    if entry.name in ("np.empty", "np.empty_like"):
        pytest.skip("their values are what was in memory")
    if entry.verdict == "refused":
        with pytest.raises(srcad.UnsupportedError) as caught:
            srcad.grad(functions[text], jit=False).source(np.full((2, 2), 0.5))
        assert f"{entry.refusal.what} is not supported: {entry.refusal.why}" in str(caught.value)
        assert caught.value.hint == entry.refusal.instead
    else:
        is_short = entry.name in ("np.float32", "np.single", "np.complex64", "np.csingle")
        rel = 1e-2 if is_short else 1e-7
        check(functions[text], text, is_constant=entry.verdict == "constant", rel=rel)
