"""Tape memory that each thread keeps between calls.

The pages of fresh memory cost more to touch than a reverse sweep costs to run, so a compiled
derivative is handed memory that an earlier call of any derivative has touched already. A thread has
a list of free pools: a call takes the last one and gives it back, a call inside that call takes
another. What a pool is and how generated code uses it is said in ``srcad.runtime.tapes``.

A call is told how much memory is free, so that it ends with ``MemoryError`` before it fills a tape
that is longer.
"""

import threading
import weakref
from time import monotonic
from typing import TypeAlias

import numpy as np

from srcad import config

Pool: TypeAlias = tuple[np.ndarray, np.ndarray]
"""``(buffer: uint8[::1], mark: int64[8])``"""

_LINE = 64
"""Bytes of a cache line: buffers start at a multiple of it."""
_STACK = 256
"""Stacks are at least so long (as in ``srcad.runtime.tapes``)."""
_FRESH = 0.1
"""Seconds for which the amount of free memory is not asked for again."""


class _Free(list[Pool]):
    """The free pools of one thread (a list that can be referred to weakly)."""


class _Kept:
    """What one thread keeps: its free pools, and how long the stacks of each program became."""

    __slots__ = ("free", "longest", "needed")

    def __init__(self) -> None:
        self.free = _Free()
        self.needed = 0
        self.longest: dict[int, int] = {}
        with _lock:
            _threads[:] = [t for t in _threads if t() is not None]
            _threads.append(weakref.ref(self.free))


class _Here(threading.local):
    """What this thread keeps; an attribute of this object is slower to find than one of that."""

    def __init__(self) -> None:
        self.kept = _Kept()


_lock = threading.Lock()
_threads: list[weakref.ref[_Free]] = []
"""The free pools of all threads that are alive."""
_here = _Here()
_memory = [0, 0.0]
"""How many bytes are free, and when to ask again."""


def acquire(key: object, limit: int | None = None) -> Pool:
    """A pool for one call of the program ``key``; no one else has it until it is released.

    ``limit``: the bytes that the call may take at most, beside what the pool has already.
    """
    kept = _here.kept
    try:
        pool = kept.free.pop()
    except IndexError:
        pool = _buffer(0), np.zeros(8, np.int64)
    mark = pool[1]
    mark.fill(0)
    if monotonic() >= _memory[1]:
        _memory[:] = free_memory(), monotonic() + _FRESH
    mark[3] = _memory[0] if config.refuse_long_tapes else 0
    if limit is not None:
        mark[3] = min(mark[3] or limit, limit)
    if kept.longest:
        mark[2] = kept.longest.get(id(key), 0)
    return pool


def release(key: object, pool: Pool) -> int:
    """Give a pool back after the call; if the call needed more memory, the next one will find it.

    Returns how many bytes the call took from it, or would have taken.

    A thread keeps at most ``srcad.config.memory_cap`` bytes. What a program needs beyond that is
    fresh memory at every call.
    """
    kept = _here.kept
    buffer, mark = pool
    needed, _, longest, *_ = mark.tolist()
    kept.needed = needed
    if longest > _STACK:  # the id of a program that is gone gives a wrong hint at worst
        kept.longest[id(key)] = longest
    others = sum([other.size for other, _ in kept.free]) if kept.free else 0
    cap = config.memory_cap - others
    if needed > buffer.size and needed <= cap:
        pool = _buffer(needed), mark
    elif buffer.size > cap:
        return needed
    kept.free.append(pool)
    return needed


def latest_need() -> int:
    """How many bytes the latest call in this thread took from its pool, or would have taken."""
    return _here.kept.needed


def shortage(pool: Pool) -> tuple[int, int] | None:
    """The bytes of fresh memory that a call asked for, and those that were free, if too few."""
    asked, free = int(pool[1][1]), int(pool[1][3])
    if not 0 < free < asked:
        return None
    _memory[1] = 0.0
    return asked, free


def free_memory() -> int:
    """Bytes that the system can hand out without swapping; 0 if nobody knows."""
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import psutil  # noqa: PLC0415 (optional, where there is no /proc)
    except ImportError:
        return 0
    return int(psutil.virtual_memory().available)


def release_memory() -> None:
    """Give the tape memory that srcad keeps between calls back to the system, for all threads."""
    _memory[1] = 0.0
    with _lock:
        for thread in _threads:
            free = thread()
            if free is not None:
                free.clear()


def _buffer(size: int) -> np.ndarray:
    """Fresh memory that starts at a cache line."""
    if size == 0:
        return np.empty(0, np.uint8)
    memory = np.empty(size + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size]
