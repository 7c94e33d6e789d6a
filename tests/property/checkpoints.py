"""Random programs whose loops have snapshots, or whose memory is limited, against those without.

Each program of ``generator`` is differentiated as it is. Then random loops of it are marked by
``srcad.checkpoint``, with few snapshots; and it is given random parts of the memory that it takes.
The gradients must be the same, up to the order of additions in loops of another shape. ::

    python -m tests.property.checkpoints --count 200 --seed 1 [--jit]
"""

from __future__ import annotations

import argparse
import linecache
import random
import re
import sys
import traceback
from collections import Counter
from dataclasses import replace

import numpy as np

import srcad
from srcad.errors import TapeMemoryError, UnsupportedError
from tests import oracles
from tests.property import generator
from tests.property.generator import Block, Stmt

TOLERANCE = 1e-11
"""Relative to the largest entry of the gradient."""


def longer(body: tuple[Stmt, ...], rng: random.Random) -> tuple[Stmt, ...]:
    """The program with some of its outer statements many times: its own loops are short."""
    return tuple(
        Block((), f"for r{k} in range({rng.randint(5, 15)})", (), (), (stmt,))
        if isinstance(stmt, Block) and not stmt.head.startswith("def") and rng.random() < 0.6
        else stmt
        for k, stmt in enumerate(body)
    )


def marked(body: tuple[Stmt, ...], rng: random.Random, part: float = 0.5) -> tuple[Stmt, ...]:
    """The program with snapshots in some of its loops."""
    out: list[Stmt] = []
    for stmt in body:
        if isinstance(stmt, Block):
            head = stmt.head
            if rng.random() < part:
                head = _marked(head, rng.randint(1, 3))
            stmt = replace(
                stmt,
                head=head,
                body=marked(stmt.body, rng, part),
                orelse=marked(stmt.orelse, rng, part),
            )
        out.append(stmt)
    return tuple(out)


def _marked(head: str, snapshots: int) -> str:
    found = re.fullmatch(r"(for .+? in |while )(.+)", head)
    if found is None:
        return head
    return f"{found[1]}srcad.checkpoint({found[2]}, snapshots={snapshots})"


def judge(seed: int, jit: bool) -> Counter[str]:
    """What became of the gradients of one program; prints those that are wrong."""
    counts: Counter[str] = Counter()
    rng = random.Random(seed)
    kind = generator.kind_of(seed)
    body = longer(generator.make(seed, kind), rng)
    options = {"cache": False} if jit else {}
    texts = generator.source(body), "import srcad\n" + generator.source(marked(body, rng))
    (f, _), (g, _) = map(generator.load, texts)

    def run(function, **also):
        derivative = srcad.value_and_grad(function, wrt=(0, 1, 2, 3), jit=jit, **options, **also)
        with np.errstate(all="ignore"):
            return derivative, derivative(*generator.arguments(seed, kind))

    try:
        everything, expected = run(f)
        memory = everything.plan(*generator.arguments(seed, kind)).memory_bytes
    except (UnsupportedError, ArithmeticError, ValueError, IndexError) as error:
        counts[f"plain: {type(error).__name__}"] += 1
        return counts
    cases = [("marked", g, {})]
    cases += [("memory", f, {"memory": max(1, int(memory * part))}) for part in (0.8, 0.5)]
    for name, function, also in cases:
        try:
            derivative, found = run(function, **also)
        except TapeMemoryError:
            counts[f"{name}: too little"] += 1
            continue
        except UnsupportedError:
            counts[f"{name}: refused"] += 1
            continue
        except ValueError as error:
            if "keep its shape" in str(error):
                counts[f"{name}: refused"] += 1
                continue
            _report(counts, seed, name, also, texts, traceback.format_exc())
            continue
        except Exception:
            _report(counts, seed, name, also, texts, traceback.format_exc())
            continue
        _compare(counts, seed, name, also, texts, oracles.leaves(found), oracles.leaves(expected))
        again = "next_snapshot" in derivative.source()
        counts[f"{name}: {'with snapshots' if again else 'as it was'}"] += 1
    return counts


def _compare(counts, seed, name, also, texts, found, expected) -> None:
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(found, expected, strict=True)]
    if all(np.array_equal(a, b, equal_nan=True) for a, b in pairs):
        counts[f"{name}: the same bits"] += 1
        return
    single = any(a.dtype == np.float32 for a, _ in pairs)
    scale = max(1e-2, *(float(np.max(np.abs(b), initial=0.0)) for _, b in pairs))
    tolerance = (1e-4 if single else TOLERANCE) * scale
    if all(np.allclose(a, b, rtol=0.0, atol=tolerance, equal_nan=True) for a, b in pairs):
        counts[f"{name}: rounded"] += 1
        return
    _report(counts, seed, name, also, texts, f"{pairs}")


def _report(counts, seed, name, also, texts, what) -> None:
    counts["WRONG"] += 1
    text = texts[1] if name == "marked" else texts[0]
    print(f"{'-' * 80}\nseed {seed}: {name} {also}\n{what[-2000:]}\n\n{text}", flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Hunt for wrong gradients with snapshots.")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jit", action="store_true", help="compile the gradients")
    parser.add_argument("--most", type=int, default=5, help="stop after so many failures")
    options = parser.parse_args()
    totals: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.count):
        totals += judge(seed, options.jit)
        linecache.clearcache()
        if totals["WRONG"] >= options.most:
            break
    for name, count in sorted(totals.items()):
        print(f"{count:6}  {name}")
    return 1 if totals["WRONG"] else 0


if __name__ == "__main__":
    sys.exit(main())
