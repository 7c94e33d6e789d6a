"""Write ``sixty_scalar.py`` and ``sixty_array.py``: functions of 60 statements, for compile times.

``python -m benchmarks.write_sixty``. Each statement is an expression such as code is made of, over
the latest variables; the seed is fixed, so the files do not change.
"""

import random
from pathlib import Path

HERE = Path(__file__).parent
STATEMENTS = 60
FUNCTIONS = (("sixty_scalar", "math", "{}"), ("sixty_array", "np", "np.sum({})"))
"""Name, module of the elementary functions, and what is returned of the last value."""
SHAPES = (
    "{a} * {b} + {k} * {c}",
    "{m}.sin({a}) * {b}",
    "{a} / (1.0 + {b} * {b})",
    "{m}.exp(-{a} * {a}) + {k} * {b}",
    "{a} - {k} * {b} * {c}",
    "{m}.tanh({a} + {b})",
    "{m}.sqrt(1.0 + {a} * {a}) - {c}",
    "{k} * ({a} + {b}) * {m}.cos({c})",
)


def write(name: str, module: str, result: str, statements: int = STATEMENTS) -> str:
    """The text of a module with one function ``name(x, y)``."""
    draw = random.Random(60)
    known = ["x", "y"]
    lines = []
    for number in range(1, statements):
        a = known[-1]  # so that no statement is dead
        b, c = (draw.choice(known[-6:]) for _ in range(2))
        shape = draw.choice(SHAPES)
        target = f"v{number}"
        value = shape.format(a=a, b=b, c=c, k=draw.choice((0.25, 0.5, 0.75)), m=module)
        lines.append(f"    {target} = {value}")
        known.append(target)
    total = " + ".join(known[-4:])
    imports = {"math": "import math", "np": "import numpy as np"}[module]
    header = f'"""A function of {statements} statements; written by ``python -m benchmarks.write_sixty``."""'
    body = "\n".join([*lines, f"    return {result.format(total)}"])
    return f"{header}\n\n{imports}\n\n\ndef {name}(x, y):\n{body}\n"


def main() -> None:
    for name, module, result in FUNCTIONS:
        (HERE / f"{name}.py").write_text(write(name, module, result), encoding="utf-8")


if __name__ == "__main__":
    main()
