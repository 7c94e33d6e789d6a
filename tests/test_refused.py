"""Every refusal: its class, its line, its words; and that a program which raised works at the next call."""

import functools

import numpy as np
import pytest

from docs import coverage
from srcad.errors import SrcadError
from srcad.frontend.refusals import FUNCTIONS
from srcad.frontend.refusals import REFUSALS as REFUSALS_OF_SYNTAX
from tests.refused import (  # noqa: F401 (they fill the register)
    calls,
    constructs,
    rearranging,
    ruleless,
    runtime,
    structures,
)
from tests.refused.registry import REFUSALS, Refusal

srcad = pytest.importorskip("srcad")


def missing(words, text: str) -> list[str]:
    """The requirements that a text does not meet."""
    text = text.lower()
    return [w for w in words if not any(option.lower() in text for option in w.split("|"))]


@pytest.mark.parametrize("jit", [False, True], ids=["python", "compiled"])
@pytest.mark.parametrize("row", REFUSALS, ids=lambda r: r.name)
def test_refused(row: Refusal, jit: bool):
    if jit and not row.compiles:
        pytest.skip("refused before anything is compiled")
    with pytest.raises(row.error) as caught:
        row.call(srcad, jit)
    error = caught.value
    text = str(error)
    assert not missing(row.words, text), f"no {missing(row.words, text)} in: {text}"
    assert "numba" not in type(error).__module__
    if row.needs_hint:
        assert isinstance(error, SrcadError) and error.hint, f"nothing to write instead in: {text}"
    if row.hint:
        assert not missing(row.hint, error.hint), (
            f"no {missing(row.hint, error.hint)} in: {error.hint}"
        )
    if row.line is not None:
        assert isinstance(error, SrcadError)
        assert error.position is not None, f"no position in: {text}"
        assert error.position.line == row.line, (
            f"line {error.position.line}, expected {row.line}: {text}"
        )
        assert "^" in text and f"line {row.line}" in text


NUMBAS = {e.refusal for e in coverage.entries(coverage.load())}
"""What Numba supports and srcad refuses: tests/rules/test_coverage.py calls each."""

TABLE = [e for e in (*REFUSALS_OF_SYNTAX.values(), *FUNCTIONS.values()) if e not in NUMBAS]


@pytest.mark.parametrize("entry", TABLE, ids=lambda e: e.what)
def test_every_entry_of_the_table_has_a_row(entry):
    """What ``docs/limitations.md`` says of a construct is what happens."""
    assert any(entry.what in text for text in _refused_texts()), entry.what


@functools.cache
def _refused_texts() -> tuple[str, ...]:
    texts = []
    for row in REFUSALS:
        if not row.compiles:
            try:
                row.call(srcad, False)
            except row.error as error:
                texts.append(str(error))
    return tuple(texts)


def test_there_are_enough():
    assert len(REFUSALS) >= 60
    assert len({r.name for r in REFUSALS}) == len(REFUSALS)


@pytest.mark.parametrize("jit", [False, True], ids=["python", "compiled"])
def test_the_next_call_works(jit: bool):
    """An error in one call leaves nothing behind."""
    gradient = srcad.grad(runtime.raise_in_a_loop, jit=jit)
    for _ in range(3):
        with pytest.raises(ValueError, match="too large"):
            gradient(12.0)
        assert gradient(1.01) == pytest.approx(8 * 1.01**7, rel=1e-12)
    lookup = srcad.grad(runtime.index_from_data, jit=jit)
    for _ in range(3):
        with pytest.raises(IndexError):
            lookup(np.ones(3), np.array([0, 7]))
        assert np.array_equal(lookup(np.ones(3), np.array([0, 2])), [1.0, 0.0, 1.0])


class _Python:
    """Stands in for srcad: the "gradient" is the program itself."""

    @staticmethod
    def grad(function, **_):
        return function


@pytest.mark.parametrize("row", [r for r in REFUSALS if r.compiles], ids=lambda r: r.name)
def test_python_raises_the_same(row: Refusal):
    """The rows that fail at run time fail like this in plain Python, or are said to run there."""
    if row.python_runs:
        row.call(_Python, False)
        return
    with pytest.raises(row.error):
        row.call(_Python, False)
