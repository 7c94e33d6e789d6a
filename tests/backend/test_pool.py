"""Tape memory between calls: kept, never handed out twice, bounded."""

import gc
import threading
import timeit
from collections.abc import Iterator

import numpy as np
import pytest

from srcad import config
from srcad.backend.pool import Pool, acquire, release, release_memory

KEY = "a program"


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    release_memory()
    yield
    release_memory()


def _call(size: int, key: object = KEY) -> Pool:
    """What a call that uses ``size`` bytes does."""
    pool = acquire(key)
    pool[1][0] = size
    release(key, pool)
    return pool


def test_a_pool_has_the_types_that_compiled_code_expects() -> None:
    for _ in range(2):
        buffer, mark = _call(100)
        assert buffer.dtype == np.uint8
        assert buffer.flags.c_contiguous
        assert buffer.flags.writeable
        assert mark.dtype == np.int64
        assert mark.shape == (8,)


def test_the_next_call_finds_what_the_last_one_needed() -> None:
    assert _call(1000)[0].size == 0
    buffer, mark = acquire(KEY)
    assert buffer.size >= 1000
    assert buffer.ctypes.data % 64 == 0
    assert mark[0] == 0
    release(KEY, (buffer, mark))
    assert acquire(KEY)[0] is buffer


def test_a_smaller_call_keeps_the_memory() -> None:
    _call(1000)
    _call(10)
    assert acquire("another program")[0].size >= 1000


def test_a_pool_in_use_is_not_handed_out_again() -> None:
    _call(1000)
    outer = acquire(KEY)
    inner = acquire(KEY)
    assert inner[0] is not outer[0]
    assert inner[1] is not outer[1]
    inner[1][0] = 500
    release(KEY, inner)
    release(KEY, outer)
    again = acquire(KEY)
    assert again[0] is outer[0]
    assert acquire(KEY)[0].size >= 500


def test_the_length_of_stacks_is_remembered_for_each_program() -> None:
    pool = acquire(KEY)
    pool[1][2] = 4096
    release(KEY, pool)
    assert acquire("another program")[1][2] == 0
    assert acquire(KEY)[1][2] == 4096


def test_nothing_is_kept_beyond_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "memory_cap", 10_000)
    _call(10_001)
    assert acquire(KEY)[0].size == 0
    _call(9_000)
    _call(50_000)
    outer = acquire(KEY)
    assert outer[0].size == 9_000
    inner = acquire(KEY)
    inner[1][0] = 5_000
    release(KEY, inner)
    release(KEY, outer)  # together they would be too much
    assert acquire(KEY)[0].size + acquire(KEY)[0].size <= 10_000
    monkeypatch.setattr(config, "memory_cap", 0)
    _call(100)
    assert acquire(KEY)[0].size == 0


def test_nonsense_from_a_call_that_failed_does_no_harm() -> None:
    _call(-(2**62))
    _call(2**62)
    assert acquire(KEY)[0].size == 0


def test_memory_of_all_threads_is_released() -> None:
    freed = threading.Event()
    ready = threading.Event()
    sizes: list[int] = []

    def work() -> None:
        _call(1000)
        ready.set()
        assert freed.wait(10)
        sizes.append(acquire(KEY)[0].size)

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    _call(1000)
    release_memory()
    freed.set()
    thread.join()
    sizes.append(acquire(KEY)[0].size)
    assert sizes == [0, 0]


def test_threads_do_not_share() -> None:
    found: list[Pool] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        _call(1000)
        for _ in range(100):
            pool = acquire(KEY)
            pool[0][:8] = threading.get_ident() % 251
            release(KEY, pool)
        found.append(acquire(KEY))
        barrier.wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({pool[0].ctypes.data for pool in found}) == 4
    gc.collect()
    release_memory()


def test_acquire_and_release_cost_little() -> None:
    _call(1000)

    def pair() -> None:
        release(KEY, acquire(KEY))

    assert min(timeit.repeat(pair, number=2000, repeat=5)) / 2000 < 20e-6
