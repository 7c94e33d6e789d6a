"""Options of a derivative, and the few settings that hold for the whole process.

``Options`` travels with each derivative and is part of the key of its compiled code. The settings
below it are read when they are needed, never frozen.
"""

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


memory_cap: int = 1 << 30
"""Bytes of tape memory that each thread may keep between calls (1 GiB)."""

refuse_long_tapes: bool = True
"""Whether tapes that are longer than the free memory raise ``TapeMemoryError``."""
