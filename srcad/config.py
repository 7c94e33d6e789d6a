"""Options of a derivative, and the few settings that hold for the whole process.

``Options`` travels with each derivative and is part of the key of its compiled code. The settings
below it are read when they are needed, never frozen.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How a derivative is generated and compiled; the same keywords everywhere in srcad."""

    jit: bool = True
    fastmath: bool = False
    parallel: bool = False
    boundscheck: bool = True
    vector_math: bool = True
    cache: bool = True
    memory: int | None = None
    """Bytes that a call may take above its arguments, in reverse mode; None: as many as it does."""
    progress: bool = False
    """Whether a call shows how many of its steps are done, in reverse mode."""


def in_bytes(text: str) -> int:
    """How many bytes a text such as "200MB" or "1.5 GiB" means.

    >>> in_bytes("200MB"), in_bytes("1.5 GiB"), in_bytes("64")
    (200000000, 1610612736, 64)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)(B?)\s*", text)
    if found is None:
        raise ValueError(f"{text!r} is no amount of memory, such as '200MB' or '1.5GiB'")
    number, prefix, binary, _ = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(prefix.upper() or " "))


memory_cap: int = 1 << 30
"""Bytes of tape memory that each thread may keep between calls (1 GiB)."""

refuse_long_tapes: bool = True
"""Whether tapes that are longer than the free memory raise ``TapeMemoryError``."""
