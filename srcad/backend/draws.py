"""One stream of random numbers: compiled code draws where ``np.random`` is, and leaves it there.

Numba keeps a Mersenne Twister of its own for each thread, with the algorithm of NumPy's global one.
Its state is set from NumPy's before a program that draws, and NumPy's from it afterwards, so that a
function and its derivative see the numbers that ``np.random.seed`` promises.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_STATE = np.dtype(
    [
        ("index", np.int32),
        ("mt", np.uint32, 624),
        ("has_gauss", np.int32),
        ("gauss", np.float64),
        ("is_initialized", np.int32),
    ],
    align=True,
)
"""Numba's ``rnd_state_t``."""


def state_of_numpy() -> Any:
    """The state of the global generator."""
    return np.random.get_state(legacy=True)


@contextmanager
def drawing(state: Any = None, *, compiled: bool) -> Iterator[None]:
    """Let a program draw from NumPy's stream, or anew from a state that the stream once had."""
    before = state_of_numpy()
    if state is not None:
        np.random.set_state(state)
    try:
        if compiled:
            with _in_numba():
                yield
        else:
            yield
    finally:
        if state is not None:
            np.random.set_state(before)


@contextmanager
def _in_numba() -> Iterator[None]:
    from numba import _helperlib  # noqa: PLC0415 (0.5 s)

    address = _helperlib.rnd_get_np_state_ptr()  # type: ignore[attr-defined]
    memory: Any = (ctypes.c_char * _STATE.itemsize).from_address(address)
    own = np.frombuffer(memory, _STATE)
    kept = own.copy()
    _, key, position, has_gauss, gauss = state_of_numpy()
    own["mt"], own["index"] = key, position
    own["has_gauss"], own["gauss"], own["is_initialized"] = has_gauss, gauss, 1
    try:
        yield
    finally:
        now = own[0]
        np.random.set_state(
            ("MT19937", now["mt"].copy(), int(now["index"]), int(now["has_gauss"]), now["gauss"])
        )
        own[:] = kept
