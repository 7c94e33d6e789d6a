"""What a run of the benchmarks says: lines for the terminal, tables and a picture for the docs.

The marks that srcad is held to (``marks``) are written beside the geometric means that are found.
"""

import importlib.metadata
import json
import math
import platform
from pathlib import Path

from benchmarks.kernel import NINE

DOCS = Path(__file__).resolve().parent.parent / "docs"
DATA = DOCS / "data" / "performance.json"
PICTURE = DOCS / "images" / "performance.svg"

NAMES = {
    "primal": "primal",
    "hand": "by hand",
    "srcad": "srcad",
    "jax": "JAX",
    "torch": "PyTorch",
    "autograd": "autograd",
    "enzyme": "Enzyme",
    "warp": "Warp",
    "taichi": "Taichi",
}
RIVALS = tuple(NAMES)[3:]


def best(row: dict, system: str) -> float | None:
    """The shortest time among the forms of a system."""
    times = [t for label, t in row.get("seconds", {}).items() if label.split(":")[0] == system]
    return min(times, default=None)


def ratio(row: dict, above: str, below: str) -> float | None:
    """A time as a multiple of another; None where one is missing."""
    a, b = best(row, above), best(row, below)
    return None if a is None or b is None else a / b


def mean(values: list[float | None]) -> float | None:
    """The geometric mean of those that are there."""
    there = [v for v in values if v is not None]
    return math.exp(sum(map(math.log, there)) / len(there)) if there else None


def digits(value: float | None, scale: float = 1.0) -> str:
    """Three digits, never as a power of ten; a dash for what is missing."""
    return "-" if value is None else f"{float(f'{value * scale:.3g}'):g}"


# ------------------------------------------------------------ the terminal

_COLUMNS = "{:20}" + "{:>9}" * 9 + "   {:>8}{:>8}{:>8}   {:>7}{:>9}{:>9}"


def heading() -> str:
    """The columns of ``line``: medians in ms, ratios, seconds, MB."""
    ratios = ("/primal", "/hand", "JAX/")
    return _COLUMNS.format("ms", *NAMES.values(), *ratios, "cold s", "MB hand", "MB srcad")


def line(row: dict) -> str:
    """One kernel: the best form of each system."""
    if "failed" in row:
        return f"{row['kernel']:20} failed: {row['failed']}"
    pairs = (("srcad", "primal"), ("srcad", "hand"), ("jax", "srcad"))
    memory = row.get("memory", {})
    text = _COLUMNS.format(
        row["kernel"],
        *(digits(best(row, system), 1e3) for system in NAMES),
        *(digits(ratio(row, *pair)) for pair in pairs),
        digits(row.get("first_gradient", {}).get("cold")),
        *(digits(memory.get(label)) for label in ("hand", "srcad")),
    )
    reasons = [f"{k}: {v}" for k, v in row["skipped"].items() if not v.startswith("not ")]
    return "\n".join([text, *(f"    {reason}" for reason in reasons)])


def marks(rows: list[dict]) -> list[tuple[str, str, str]]:
    """What is claimed, the mark, and what was found."""
    rows = [row for row in rows if "failed" not in row]
    by_hand = [ratio(row, "srcad", "hand") for row in rows]
    over_primal = [ratio(row, "srcad", "primal") for row in rows if row["kernel"] in NINE]
    memory = [
        row["memory"]["srcad"] / max(row["memory"]["hand"], 1.0)
        for row in rows
        if {"hand", "srcad"} <= row.get("memory", {}).keys()
    ]
    cold = sorted(row["first_gradient"]["cold"] for row in rows if "first_gradient" in row)
    found = [
        ("srcad / adjoint by hand, geometric mean", "at most 1.25", digits(mean(by_hand))),
        ("the largest of these", "at most 2", digits(_most(by_hand))),
        ("srcad / primal, geometric mean of nine", "at most 2.5", digits(mean(over_primal))),
    ]
    for system, mark in (("jax", "at least 2.8"), ("torch", "at least 50")):
        times = [ratio(row, system, "srcad") for row in rows]
        title = f"{NAMES[system]} / srcad, geometric mean"
        found += [
            (title, mark, digits(mean(times))),
            ("the smallest of these", "at least 1", digits(_least(times))),
        ]
    plain = [_plain_jax(row) for row in rows]
    found.insert(
        -2, ("JAX plain `jit(grad)` / srcad, geometric mean", "at least 6", digits(mean(plain)))
    )
    for system in ("enzyme", "warp", "taichi"):
        times = [ratio(row, system, "srcad") for row in rows]
        found.append(
            (f"{NAMES[system]} / srcad, the smallest", "at least 1", digits(_least(times)))
        )
    found += [
        ("peak memory, srcad / by hand, the largest", "at most 1.2", digits(_most(memory))),
        (
            "first gradient, empty cache, median (s)",
            "at most 4",
            digits(cold[len(cold) // 2] if cold else None),
        ),
        ("the longest of these (s)", "at most 12", digits(_most(cold))),
    ]
    return found


def _plain_jax(row: dict) -> float | None:
    """JAX in the first of its forms, as it is written without checkpoints, to srcad."""
    seconds = row["seconds"]
    first = next((n for n in seconds if n.startswith("jax")), None)
    return None if first is None else seconds[first] / seconds["srcad"]


def _most(values: list) -> float | None:
    return max((v for v in values if v is not None), default=None)


def _least(values: list) -> float | None:
    return min((v for v in values if v is not None), default=None)


def summary(rows: list[dict]) -> str:
    """The marks, a line for each."""
    return "\n".join(f"{title:48}{mark:>16}{found:>10}" for title, mark, found in marks(rows))


def machine() -> dict[str, str]:
    """What the numbers were measured with."""
    model = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        lines = cpu.read_text().splitlines()
        names = [x.partition(":")[2].strip() for x in lines if x.startswith("model name")]
        model = names[0] if names else model
    packages = ("numba", "numpy", "jax", "torch", "autograd", "enzyme_ad", "warp-lang", "taichi")
    found = {"processor": model, "python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


# ------------------------------------------------------------ the documentation


def published() -> dict:
    """The run that the documentation shows."""
    return json.loads(DATA.read_text(encoding="utf-8"))


def table(rows: list[str], columns: tuple[str, ...]) -> str:
    """A table in Markdown; the first column is text, the others are numbers."""
    head = f"| {' | '.join(columns)} |\n|---|{'---:|' * (len(columns) - 1)}\n"
    return head + "".join(f"{row}\n" for row in rows)


def times(
    found: dict, systems: tuple[str, ...] = tuple(NAMES), kernels: tuple[str, ...] = ()
) -> str:
    """Medians in ms, the best form of each system; of some kernels, or of all."""
    rows = []
    for row in found["kernels"]:
        if kernels and row["kernel"] not in kernels:
            continue
        cells = [digits(best(row, system), 1e3) for system in systems]
        rows.append(f"| {' | '.join([row.get('title', row['kernel']), *cells])} |")
    return table(rows, ("ms", *(NAMES[system] for system in systems)))


def ratios(found: dict) -> str:
    """srcad against the others; above 1 in the last columns, srcad is faster."""
    rows = []
    pairs = (("srcad", "primal"), ("srcad", "hand"), *((s, "srcad") for s in RIVALS))
    for row in found["kernels"]:
        cells = [digits(ratio(row, *pair)) for pair in pairs]
        rows.append(f"| {' | '.join([row['kernel'], *cells])} |")
    means = [digits(mean([ratio(row, *pair) for row in found["kernels"]])) for pair in pairs]
    rows.append(f"| {' | '.join(['**geometric mean**', *means])} |")
    columns = ("srcad / primal", "srcad / by hand", *(f"{NAMES[s]} / srcad" for s in RIVALS))
    return table(rows, ("", *columns))


def losses(found: dict) -> str:
    """The kernels on which srcad is the slower one, by system."""
    lines = []
    for system in RIVALS:
        both = [row for row in found["kernels"] if ratio(row, system, "srcad") is not None]
        lost = [
            row["kernel"].replace("_", " ") for row in both if ratio(row, system, "srcad") < 1.0
        ]
        if both:
            slower = f"slower on {', '.join(lost)}" if lost else "slower on none"
            lines.append(f"- {NAMES[system]}: {slower} (of {len(both)})")
    return "\n".join(lines) + "\n"


def costs(found: dict) -> str:
    """Peak memory of a call, and the first gradient of a process."""
    rows = []
    for row in found["kernels"]:
        memory, first = row.get("memory", {}), row.get("first_gradient", {})
        cells = [digits(memory.get(label)) for label in ("primal", "hand", "srcad")]
        cells += [digits(first.get(label)) for label in ("cold", "warm")]
        rows.append(f"| {' | '.join([row['kernel'], *cells])} |")
    return table(
        rows, ("", "primal, MB", "by hand, MB", "srcad, MB", "first, s", "from the cache, s")
    )


def verdict(found: dict) -> str:
    """The marks and what was found."""
    rows = [f"| {' | '.join(entry)} |" for entry in marks(found["kernels"])]
    return table(rows, ("", "mark", "found"))


def versions(found: dict) -> str:
    """One line: the machine and the packages."""
    return ", ".join(f"{name} {version}" for name, version in found["machine"].items()) + "\n"


def draw(found: dict, path: Path) -> None:
    """Each system's time as a multiple of the adjoint by hand, a row for each kernel."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = [row for row in found["kernels"] if best(row, "hand") is not None][::-1]
    figure = Figure(figsize=(7.2, 0.8 + 0.27 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    looks = dict(zip(("srcad", "primal", *RIVALS), "o|sDv^<>", strict=True))
    for system, marker in looks.items():
        points = [(ratio(row, system, "hand"), k) for k, row in enumerate(rows)]
        points = [(x, k) for x, k in points if x is not None]
        if points:
            size = 55 if system in ("srcad", "primal") else 22
            axes.scatter(
                *zip(*points, strict=True), marker=marker, s=size, label=NAMES[system], zorder=3
            )
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [row["kernel"] for row in rows])
    axes.set_xlabel("time / adjoint by hand")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    with matplotlib.rc_context({"svg.hashsalt": "srcad"}):  # the same text for the same numbers
        figure.savefig(path, metadata={"Date": None})
