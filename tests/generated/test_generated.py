"""Adjoints as they are written, compared to the letter.

``SRCAD_UPDATE_GENERATED=1 pytest tests/generated`` writes them anew; every change is then read
in the difference.
"""

import inspect
import os
import re
import textwrap
from pathlib import Path

import pytest

from tests.generated.programs import PROGRAMS, Generated
from tests.passes.support import written

FOLDER = Path(__file__).parent
UPDATE = os.environ.get("SRCAD_UPDATE_GENERATED") == "1"


def module(each: Generated) -> str:
    """The program as a comment above its adjoint; messages without the place in this folder."""
    source = textwrap.dedent(inspect.getsource(each.function))
    primal = re.sub("  # noqa.*", "", source[source.index("def ") :].rstrip())
    program = written(each.function, each.types, each.wrt, each.kind, each.outputs)
    text = re.sub(r" \([^()]*programs\.py:\d+\)", "", program.text)
    return textwrap.indent(primal, "# ", lambda _: True) + "\n\n" + text


@pytest.mark.parametrize("each", PROGRAMS, ids=lambda p: p.function.__name__)
def test_as_written(each: Generated):
    path = FOLDER / f"{each.function.__name__}.txt"
    text = module(each)
    if UPDATE:
        path.write_text(text)
    assert path.exists(), "run with SRCAD_UPDATE_GENERATED=1"
    assert text == path.read_text()


@pytest.mark.parametrize("each", PROGRAMS, ids=lambda p: p.function.__name__)
def test_is_python(each: Generated):
    compile(module(each), each.function.__name__, "exec")


def test_no_file_without_a_program():
    names = {each.function.__name__ for each in PROGRAMS}
    assert {path.stem for path in FOLDER.glob("*.txt")} == names
