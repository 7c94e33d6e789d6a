"""``python -m benchmarks.statements``: what compiling costs, as the function gets longer.

For functions of 50 to 800 statements, of scalars, of whole arrays and of slices: the time in which
srcad writes the adjoint, and that in which Numba compiles it. Times are of the processor, so that a
shared machine does not matter. Prints a table; ``--publish`` draws it, and fills docs/performance.md.
"""

import argparse
import random
import sys
import tempfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

import srcad
from benchmarks.write_sixty import write

SIZES = (50, 100, 200, 400, 800)
ROOT = Path(__file__).resolve().parent.parent
PLOT = ROOT / "docs" / "images" / "statements.svg"
PAGE = ROOT / "docs" / "performance.md"
MARKS = "<!-- statements -->", "<!-- /statements -->"
X = np.linspace(0.1, 1.0, 64)


def stencils(count: int) -> str:
    """The text of a module whose function updates slices of three arrays, one after the other."""
    draw = random.Random(count)
    lines = ["    u, v, w = x * 1.0, y * 1.0, x * y"]
    for _ in range(count - 2):
        a, b, c = draw.sample("uvw", 3)
        k = draw.choice((0.125, 0.25))
        lines.append(f"    {a}[1:-1] += {k} * {b}[2:] * {c}[1:-1] - {k} * {b}[:-2]")
    body = "\n".join(lines)
    return f"import numpy as np\n\n\ndef slices(x, y):\n{body}\n    return np.sum(u * v)\n"


PROGRAMS = {
    "scalars": (lambda n: write("scalars", "math", "{}", n), (0.3, 0.7)),
    "arrays": (lambda n: write("arrays", "np", "np.sum({})", n), (X, 1.0 - X)),
    "slices": (stencils, (X, 1.0 - X)),
}
"""The text for a number of statements, and the arguments of the function in it."""


def function_of(name: str, count: int, folder: Path):
    """The function of a module of so many statements."""
    path = folder / f"{name}_{count}.py"
    path.write_text(PROGRAMS[name][0](count), encoding="utf-8")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def measure(name: str, count: int, folder: Path, compiles: bool = True) -> dict:
    """The seconds in which the gradient of a function is written, and compiled."""
    f, args = function_of(name, count, folder), PROGRAMS[name][1]
    gradient = srcad.grad(f, wrt=(0, 1), cache=False)
    times = [time.thread_time()]
    lines = gradient.source(*args).count("\n")
    times.append(time.thread_time())
    if compiles:
        gradient(*args)
    times.append(time.thread_time())
    return {
        "program": name,
        "statements": count,
        "lines": lines,
        "srcad": times[1] - times[0],
        "numba": times[2] - times[1] if compiles else None,
    }


def table(rows: list[dict]) -> str:
    """The rows as a table of Markdown."""
    lines = ["| statements of | number | lines written | srcad (s) | Numba (s) |"]
    lines.append("|---|---|---|---|---|")
    for row in rows:
        cells = (row["program"], row["statements"], row["lines"])
        compiled = "-" if row["numba"] is None else f"{row['numba']:.1f}"
        seconds = (f"{row['srcad']:.2f}", compiled)
        lines.append(f"| {' | '.join(map(str, (*cells, *seconds)))} |")
    return "\n".join(lines)


def draw(rows: list[dict], path: Path) -> None:
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(5.6, 3.4), layout="constrained")).add_subplot()
    for k, name in enumerate(PROGRAMS):
        own = [row for row in rows if row["program"] == name]
        counts = [row["statements"] for row in own]
        axes.loglog(counts, [r["srcad"] for r in own], f"C{k}o-", label=f"{name}: srcad")
        compiled = [(r["statements"], r["numba"]) for r in own if r["numba"] is not None]
        axes.loglog(*zip(*compiled, strict=True), f"C{k}s--", label=f"{name}: Numba")
    axes.set_xlabel("statements")
    axes.set_ylabel("seconds of processor time")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small", ncols=2)
    figure.savefig(path, metadata={"Date": None})


def publish(rows: list[dict]) -> None:
    """Draw the times, and put their table into the page."""
    draw(rows, PLOT)
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    PAGE.write_text(f"{head}{MARKS[0]}\n{table(rows)}\n{MARKS[1]}{tail}", encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statements", description=__doc__)
    parser.add_argument("--publish", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--compiled", type=int, default=SIZES[-1], help="up to so many statements")
    options = parser.parse_args(argv)
    sys.setrecursionlimit(10_000)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in PROGRAMS:
            measure(name, 10, Path(folder))  # what is compiled once in a process
            for count in options.sizes:
                rows.append(measure(name, count, Path(folder), count <= options.compiled))
                print(rows[-1], flush=True)
    print(table(rows))
    if options.publish:
        publish(rows)


if __name__ == "__main__":
    main()
