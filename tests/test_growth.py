"""The compiler's own work grows in proportion to the statements of a function: calls are counted."""

import cProfile

import pytest

from benchmarks.statements import PROGRAMS, function_of
from srcad import grad


def calls(name, count, folder):
    """The number of Python calls in which the gradient of a function is written."""
    f, args = function_of(name, count, folder), PROGRAMS[name][1]
    profile = cProfile.Profile()
    profile.runcall(grad(f, wrt=(0, 1)).source, *args)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("name", ["scalars", "arrays"])
def test_twice_the_statements_are_twice_the_work(name, tmp_path):
    calls(name, 10, tmp_path)  # what is done once in a process
    once, twice = (calls(name, count, tmp_path) for count in (40, 80))
    assert twice < 2.3 * once
