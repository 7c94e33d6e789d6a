"""Random programs about names of arrays, against central differences: each is right or refused."""

import pytest

from tests.property.aliases import outcome, program

CHUNK = 20


@pytest.mark.parametrize("first", range(1, 121, CHUNK))
def test_names_of_arrays(first: int):
    found = [outcome(seed, program) for seed in range(first, first + CHUNK)]
    bad = [text for text in found if text not in ("right", "refused")]
    assert not bad, "\n".join(bad)
    assert found.count("right") >= CHUNK // 2


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 13_000, 100))
def test_many_names_of_arrays(first: int):
    found = [outcome(seed, program) for seed in range(first, first + 100)]
    bad = [text for text in found if text not in ("right", "refused")]
    assert not bad, "\n".join(bad)
