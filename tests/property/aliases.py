"""Random programs about names: arrays that have several, and lose and exchange them.

Four names of vectors are copied, bound to each other, exchanged, written in place and passed to
functions that write them and give them back, before, in and after a loop that may have snapshots.
Conditions compare with numbers that no element has. ``python -m tests.property.aliases FIRST COUNT``
runs as many from a seed on, and shows those that are wrong.
"""

import linecache
import random
import sys
from collections import Counter

import numpy as np

import srcad
from tests import oracles

NAMES = ("x", "u", "v", "w")
HEAD = """
def written(a, b):
    a[0] = b[1] * a[2]
    return a

def either(a, b):
    if a[0] > 0.2137:
        return a
    return b * 0.5

def both(a, b):
    a += b * b * 0.1
    b[2] = a[0] * 0.3

def f(x, n):
    u = x.copy()
"""


def _statement(r: random.Random, depth: int) -> list[str]:
    a, b, c = (r.choice(NAMES) for _ in range(3))
    i, j = r.randrange(3), r.randrange(3)
    simple = [
        [f"{a} = {b}.copy()"],
        [f"{a} = {b}"],
        [f"{a} = {b} * 0.7 + {c} * {b}[{i}] * 0.2"],
        [f"{a}[{i}] = {b}[{j}] * {c}[{i}] * 0.9 + 0.1"],
        [f"{a}, {b} = {b}, {a}"],
        [f"{a}, {b} = {b}.copy(), {c}"],
        [f"s += {a}[{i}] * {b}[{j}]"],
        [f"{a} += {b} * 0.3"],
        [f"{a}[1:] = {b}[:-1] * s * 0.1 + {a}[1:]"],
        [f"{a} = np.sin({b})"],
        [f"{a} = {b}[::-1].copy()"],
        [f"{a} = written({b}, {c})"],
        [f"{a} = either({b}, {c})"],
        [f"both({a}, {b})"],
        [f"t = {a}[1:]", f"t[{i % 2}] = {b}[{j}] * t[0]"],
        [f"t = {a}[::-1]", f"s += t[0] * {b}[{j}]", f"{b}[{i}] = s * 0.1"],
        [f"s = s * 0.5 + {a}[{i}]"],
    ]
    kind = r.randrange(len(simple) + 2 * depth)
    if kind < len(simple):
        return simple[kind]
    inner = _indented(_statement(r, depth - 1))
    if kind == len(simple):
        other = ["else:", *_indented(_statement(r, depth - 1))] if r.random() < 0.5 else []
        return [f"if {a}[{i}] > 0.37123:", *inner, *other]
    return ["for q in range(2):", *inner, *_indented(_statement(r, 0))]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def text_of(seed: int) -> str:
    """The program of a seed."""
    r = random.Random(seed)
    lines = [f"v = {r.choice(('x', 'u', 'x * x'))}", f"w = {r.choice(('x', 'v', 'np.cos(x)'))}"]
    lines.append("s = 0.1")
    for _ in range(r.randrange(3)):
        lines += _statement(r, 1)
    marked = f"srcad.checkpoint(range(n), snapshots={r.choice((1, 2, 3))})"
    lines.append(f"for k in {marked if r.random() < 0.5 else 'range(n)'}:")
    for _ in range(r.randrange(1, 4)):
        lines += _indented(_statement(r, 1))
    for _ in range(r.randrange(3)):
        lines += _statement(r, 1)
    a, b, c = (r.choice(NAMES) for _ in range(3))
    lines.append(f"return s + np.sum({a} * {b}) + {c}[1]")
    return HEAD.lstrip() + "\n".join(_indented(lines)) + "\n"


def outcome(seed: int, program) -> str:
    """``right``, ``refused``, or what is wrong; ``program`` makes a function of a text."""
    text = text_of(seed)
    f = program(text, f"aliases_{seed}")
    args = np.array([0.3, -0.5, 0.8]), 4
    expected = oracles.differences(f, args, 0)
    try:
        found = srcad.grad(f, jit=False)(*args)
    except srcad.UnsupportedError:
        return "refused"
    except Exception as error:
        return f"{type(error).__name__}: {error}\n{text}"
    if np.allclose(found, expected, rtol=1e-6, atol=1e-8):
        return "right"
    return f"seed {seed}: {found}, not {expected}\n{text}"


def program(text: str, title: str):
    """The function f of a text, whose source can be read."""
    file = f"<{title}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space = {"np": np, "srcad": srcad}
    exec(compile(text, file, "exec"), space)
    return space["f"]


def main() -> None:
    """Run programs and count what comes out."""
    first, count = map(int, sys.argv[1:3])
    found = [outcome(seed, program) for seed in range(first, first + count)]
    for text in found:
        if text not in ("right", "refused"):
            print(text)
    print(Counter(t if t in ("right", "refused") else "wrong" for t in found))


if __name__ == "__main__":
    main()
