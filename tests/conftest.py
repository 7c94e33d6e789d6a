"""One cache of compiled code for all workers of a session, and one thread for each of them.

Both are environment variables: workers and the processes that tests start inherit them.
"""

import os
import shutil
import tempfile
from collections import Counter

import pytest

_made = pytest.StashKey[str]()

# Read when NumPy and Numba are imported, hence set before any test module is.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def pytest_configure(config: pytest.Config) -> None:
    """Make the cache, in the process that starts the workers; they find the variable set."""
    if "SRCAD_CACHE_DIR" not in os.environ:
        config.stash[_made] = tempfile.mkdtemp(prefix="srcad-tests-")  # of mode 700
        os.environ["SRCAD_CACHE_DIR"] = config.stash[_made]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the cache, in the process that made it."""
    made = config.stash.get(_made, None)
    if made is not None:
        del os.environ["SRCAD_CACHE_DIR"]
        shutil.rmtree(made, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark cases of tests that are sampled as slow, before those that are slow are left out."""
    counts: Counter[str] = Counter()
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is None:
            continue
        test = item.nodeid.partition("[")[0]
        if counts[test] % sampled.args[0]:
            item.add_marker(pytest.mark.slow)
        counts[test] += 1


LOOSE = "single_beside_double"
"""A program whose adjoint mixes kinds (``tests/passes/test_verify.py``)."""


@pytest.fixture
def verified():
    """Every function that is written for a test is well formed."""
    from srcad import pipeline
    from srcad.ir.verify import verify

    print_module = pipeline.print_module

    def checked(functions, *rest):
        for function in functions:
            if not function.name.startswith(LOOSE):
                verify(function)
        return print_module(functions, *rest)

    pipeline.print_module = checked
    yield
    pipeline.print_module = print_module


@pytest.fixture(autouse=True)
def written_anew(request: pytest.FixtureRequest) -> None:
    """A test that changes the compiler is not given what was written before it did, nor leaves it."""
    if "monkeypatch" in request.fixturenames:
        from srcad.specialise import Variants

        patch = request.getfixturevalue("monkeypatch")
        patch.setattr(Variants, "_common_found", lambda _: {})
