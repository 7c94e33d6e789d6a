"""Fill the generated blocks of README.md and docs/*.md with what srcad really writes.

A block stands between ``<!-- generated: NAME -->`` and ``<!-- /generated -->``; ``BLOCKS`` says
how each is made. ``python -m docs.regenerate``, in the root of the repository, rewrites the
files; with ``--check`` it only compares. Times come from ``docs/data/performance.json``, which
``python -m benchmarks --publish`` writes.
"""

# ruff: noqa: B007, D103 (the functions that are shown are as users write them)

import argparse
import ast
import inspect
import json
import math
import re
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy import fft, integrate, linalg, signal, special  # noqa: F401 (their rules are listed)

import srcad
from benchmarks import report, stages
from docs import coverage, gallery
from srcad import pipeline
from srcad.frontend import catalogue, library, refusals
from srcad.frontend.elaborate import Elaborated, elaborate
from srcad.frontend.ruleless import title_of
from srcad.frontend.source import find_source
from srcad.ir.nodes import Block
from srcad.ir.printer import print_block
from srcad.rules import registry
from srcad.rules.library import Rule, all_rules
from srcad.specialise import Variants, types_of
from srcad.transform import adjoint

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


# ------------------------------------------------------------ the functions that are shown


def energy(angle, speed, drag, dt, n):
    for t in range(n):
        speed = speed - dt * (9.81 * math.sin(angle) + drag * speed)
        angle = angle + dt * speed
    return 0.5 * speed * speed + 9.81 * (1.0 - math.cos(angle))


def string(u, k, dt, n):
    v = np.zeros_like(u)
    for t in range(n):
        for i in range(1, len(u) - 1):
            a = u[i - 1] - 2.0 * u[i] + u[i + 1]
            v[i] += dt * k * math.tanh(a)
        u += dt * v
        k -= dt * k * k
    return np.sum(v**2)


def depth(x, k):
    try:
        y = math.sqrt(x - k)
    except ValueError:
        y = 0.0
    return y * y


def smoothed(x):
    return np.sum(signal.savgol_filter(x, 3, 1) ** 2)


# ------------------------------------------------------------ the stages of the compiler


def _elaborated(f: Callable[..., Any], *args: Any) -> Elaborated:
    names = list(inspect.signature(f).parameters)
    return elaborate(find_source(f), tuple(zip(names, types_of(names, args), strict=True)))


def _stage(block: Block) -> str:
    return _fenced(_located("\n".join(print_block(block, 0))))


def _unpruned(f: Callable[..., Any], *args: Any, wrt: Any = 0) -> str:
    """The adjoint as reversal writes it, before the passes that make it lean."""
    with (
        patch.object(adjoint, "prune", lambda function: function),
        patch.object(adjoint, "propagate_zeros", lambda function, _: function),
        patch.object(adjoint, "drop_copies", lambda function, _: function),
        patch.object(adjoint, "read_saved", lambda function, _: function),
        patch.object(Variants, "_common_found", lambda _: {}),  # not what another call has written
    ):
        return _adjoint(f, *args, wrt=wrt)


# ------------------------------------------------------------ what has a derivative


def _functions() -> str:
    """A table of the rules, from the registry and from their texts."""
    rows = [
        "| function | the same | partial derivatives | complex | singular |",
        "|---|---|---|---|---|",
    ]
    for rule in all_rules():
        aliases = dict.fromkeys(_spelled(f) for f in functions_of(rule))
        if rule.name == "stop_gradient" or (aliases and all(a[:6] == "srcad." for a in aliases)):
            continue
        shown = ", ".join(f"`{a}`" for a in aliases if a not in (rule.name, f"scipy.{rule.name}"))
        notes = f"{'yes' if rule.takes_complex else ''} | {'yes' if rule.singular else ''}"
        rows.append(f"| `{rule.name}` | {shown} | {coverage.formulas(rule)} | {notes} |")
    return "\n".join(rows) + "\n"


def functions_of(rule: Rule) -> list[Any]:
    """The function objects that a rule serves."""
    return [f for f, name in registry._by_object.items() if name == rule.name]


def _array_functions() -> str:
    """The array functions and methods that Numba does not have."""
    known = {e.name for e in coverage.entries(coverage.load())}
    written = {**registry._expansions, **{f: r.reverse for f, r in registry._calls.items()}}
    own = [f for f, rule in written.items() if rule is not None and _is_ours(rule)]
    functions = {*library._functions, *own}  # not those that a user of this process declared
    names = {_spelled(f) for f in functions if not _is_ours(f)}
    methods = {f"ndarray.{name}" for name in (*library._methods, *catalogue.METHODS)}
    return ", ".join(f"`{name}`" for name in sorted((names | methods) - known)) + ".\n"


def _is_ours(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").startswith("srcad.")


def _spelled(function: Any) -> str:
    """How a user writes a function."""
    name = function.__name__
    if function is np.bool_:
        return "np.bool_"  # NumPy 2 calls it bool
    if name == "at":
        return f"np.{function.__self__.__name__}.at"
    if isinstance(getattr(function, "__self__", None), np.random.RandomState):
        return f"np.random.{name}"
    return title_of(function)


# ------------------------------------------------------------ what is refused


def _refusals() -> str:
    """The table of refused constructs, from the one that the messages are made of."""
    rows = ["| not supported | because | write instead |", "|---|---|---|"]
    listed = {e.refusal for e in coverage.entries(coverage.load())}
    entries = dict.fromkeys([*refusals.REFUSALS.values(), *refusals.FUNCTIONS.values()])
    entries = {e: None for e in entries if e not in listed}
    rows += [f"| {e.what.removesuffix(' here')} | {e.why} | {e.instead} |" for e in entries]
    return "\n".join(rows) + "\n"


# ------------------------------------------------------------ the modules


def _modules() -> str:
    """One line for each module: the first of its docstring."""
    rows = ["| module | |", "|---|---|"]
    for path in sorted((ROOT / "srcad").rglob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if text:
            first = text.split("\n\n")[0].replace("\n", " ").replace("``", "`").replace("|", "\\|")
            rows.append(f"| `{path.relative_to(ROOT / 'srcad')}` | {first.rstrip(':')} |")
    return "\n".join(rows) + "\n"


# ------------------------------------------------------------ the times

_SHORT = ("primal", "hand", "srcad", "jax", "torch")


def _performance(part: Callable[..., str], *args: Any) -> Callable[[], str]:
    """A block of what a run of the benchmarks found, if one has been published."""
    return lambda: part(report.published(), *args) if report.DATA.exists() else ""


# ------------------------------------------------------------ the blocks


def _fenced(text: str, language: str = "python") -> str:
    # Shown as srcad writes it: ruff formats the code in pages too.
    return f"<!-- fmt: off -->\n```{language}\n{text.strip()}\n```\n<!-- fmt: on -->\n"


def _source(f: Callable[..., Any]) -> str:
    return _fenced(inspect.getsource(f))


def _adjoint(f: Callable[..., Any], *args: Any, wrt: Any = 0) -> str:
    return _fenced(_located(srcad.grad(f, wrt=wrt).source(*args)))


def _at_stage(name: str) -> str:
    """The reverse sweep of the kernel of ``benchmarks.stages``, as written at a stage.

    Where segments are new, the loop of the forward sweep stands before it.
    """
    (stage,) = (s for s in stages.STAGES if s.name == name)
    with stages.only(stage):
        text = stages.derivative(stages.heat, stage).source(*stages.arguments(8, 2))
    start = "length = " if name == "resident" else "# reverse sweep"
    before = re.compile(rf"\A.*?(?=^    {start})", re.DOTALL | re.MULTILINE)
    return _fenced(textwrap.dedent(before.sub("", text)))


def _stage_times() -> str:
    return stages.table(json.loads(stages.DATA.read_text(encoding="utf-8")))


def _refused(f: Callable[..., Any], *args: Any) -> str:
    try:
        srcad.grad(f).source(*args)
    except srcad.SrcadError as error:
        return _fenced(f"srcad.{type(error).__name__}: {_located(str(error))}", "text")
    raise AssertionError(f"{f.__name__} is not refused")


def _located(text: str) -> str:
    """The text as it reads when the function stands in a file ``simulation.py``, at any line."""
    name = re.escape(str(Path(__file__)))
    text = re.sub(rf'{name}", line \d+', 'simulation.py", line 2', text)
    return re.sub(rf"{name}:\d+", "simulation.py", text)


_U = np.ones(8)
_AT = (_U, 1.0, 0.1, 10)

BLOCKS: dict[str, Callable[[], str]] = {
    "energy": lambda: (
        f"From\n\n{_source(energy)}\n"
        '`srcad.grad(energy, wrt=("angle", "drag"))` writes, for four floats and an int,\n\n'
        + _adjoint(energy, 1.0, 0.0, 0.1, 0.01, 100, wrt=("angle", "drag"))
    ),
    "refused": lambda: f"{_source(depth)}\n{_refused(depth, 1.0, 3)}",
    "refused-function": lambda: f"{_source(smoothed)}\n{_refused(smoothed, _U)}",
    "refusals": _refusals,
    "modules": _modules,
    "functions": _functions,
    "gallery": gallery.table,
    "array-functions": _array_functions,
    "coverage-counts": coverage.counts,
    "coverage-modules": coverage.by_module,
    "coverage-refused": coverage.refusals,
    "performance": _performance(report.times),
    "performance-short": _performance(report.times, _SHORT),
    "performance-front": _performance(report.times, _SHORT, report.NINE),
    "performance-ratios": _performance(report.ratios),
    "performance-losses": _performance(report.losses),
    "performance-costs": _performance(report.costs),
    "performance-marks": _performance(report.verdict),
    "performance-versions": _performance(report.versions),
    "stages-heat": lambda: _source(stages.heat),
    **{f"stages-{s.name}": partial(_at_stage, s.name) for s in stages.STAGES},
    "stages-times": _stage_times,
    "string": lambda: _source(string),
    "string-elaborated": lambda: _stage(_elaborated(string, *_AT).body),
    "string-prepared": lambda: _stage(pipeline._prepared(_elaborated(string, *_AT), True)),
    "string-unpruned": lambda: _unpruned(string, *_AT, wrt=("u", "k")),
    "string-adjoint": lambda: _adjoint(string, *_AT, wrt=("u", "k")),
}


def regenerated(text: str) -> str:
    """The text of a page with its generated blocks made anew."""
    return _BLOCK.sub(lambda m: m.group(1) + BLOCKS[m.group(2)]() + m.group(3), text)


def pages() -> list[Path]:
    """The pages that may hold generated blocks."""
    return [
        ROOT / "README.md",
        ROOT / "examples" / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]


def main() -> int:
    """Rewrite the pages, or (with ``--check``) say which are out of date."""
    parser = argparse.ArgumentParser(prog="python -m docs.regenerate")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args()
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = regenerated(text)
        if new != text:
            stale.append(page.relative_to(ROOT))
            if not options.check:
                page.write_text(new, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"{name}\n")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
