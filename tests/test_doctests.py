"""The examples in docstrings do what they say."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import srcad

PACKAGE = Path(srcad.__file__).parent


def _modules() -> list[str]:
    """The modules with an example in them, found without importing any."""
    return sorted(
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^ *>>> ", path.read_text(encoding="utf-8"), re.MULTILINE)
    )


@pytest.mark.parametrize("name", _modules())
def test_examples(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "srcad":
            raise
        pytest.skip(f"needs {error.name}")
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
