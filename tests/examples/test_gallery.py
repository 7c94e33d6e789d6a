"""The gallery is whole: each example has its words, its picture, its test and its page."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs import gallery

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = [name for names in gallery.SECTIONS.values() for name in names]


def test_each_script_is_listed_once():
    assert sorted(NAMES) == sorted(path.stem for path in gallery.EXAMPLES.glob("*.py"))
    assert len(NAMES) == 48


@pytest.mark.parametrize("name", NAMES)
def test_has_all_its_parts(name):
    entry = gallery.example(name)
    assert len(entry.title) <= 90
    assert entry.idea and entry.adjoint and entry.oracle
    assert "import srcad" in entry.code and "def main()" in entry.code
    assert "jax" not in entry.code and "autograd" not in entry.code
    assert (gallery.EXAMPLES / "pictures" / f"{name}.png").stat().st_size < 300_000
    assert (ROOT / "tests" / "examples" / f"test_{name}.py").exists()


def test_the_overview_leads_to_each_page():
    overview = gallery.overview()
    assert all(f"({name}.md)" in overview for name in NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_runs_as_a_script(name, tmp_path):
    folder = tmp_path / "examples"
    shutil.copytree(gallery.EXAMPLES, folder)
    picture = folder / "pictures" / f"{name}.png"
    picture.unlink()
    command = [sys.executable, folder / f"{name}.py"]
    drawn = {**os.environ, "MPLBACKEND": "agg"}
    run = subprocess.run(command, capture_output=True, text=True, env=drawn, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert picture.exists()
