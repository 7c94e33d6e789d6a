"""What the documentation says is what srcad does: its code runs, its generated blocks are new."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from docs import gallery

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
# Pages of the site that MkDocs makes when it builds it.
MADE = {f"gallery/{name}.md" for names in gallery.SECTIONS.values() for name in names}
MADE |= {"gallery/index.md"}
RUN = [
    ROOT / "README.md",
    *(ROOT / "docs" / f"{p}.md" for p in ("ensembles", "nesting", "quickstart", "rules", "scipy")),
]

GENERATED = re.compile(r"<!-- generated: .*?<!-- /generated -->", re.DOTALL)
CODE = re.compile(
    r"(?P<skip><!-- skip -->\s*)?^```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


def _module(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _code(page):
    """The code of a page, each block at its own lines, so that an error points into the page."""
    text = GENERATED.sub(lambda m: "\n" * m.group().count("\n"), page.read_text(encoding="utf-8"))
    lines = []
    for block in CODE.finditer(text):
        if block["skip"] is None:
            start = text.count("\n", 0, block.start("code"))
            lines += [""] * (start - len(lines)) + block["code"].splitlines()
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("page", RUN, ids=lambda p: p.stem)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = _code(page)
    assert "srcad." in code
    path = tmp_path / f"page_{page.stem.lower()}.py"
    path.write_text(code, encoding="utf-8")
    try:
        _module(path, path.stem)
    finally:
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_generated_blocks_are_up_to_date(page):
    regenerate = _module(ROOT / "docs" / "regenerate.py", "docs_regenerate")
    text = page.read_text(encoding="utf-8")
    assert text == regenerate.regenerated(text), "run python -m docs.regenerate"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = [
        link for link in LINK.findall(text) if link not in MADE or page.parent != ROOT / "docs"
    ]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
