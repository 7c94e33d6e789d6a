"""A progress bar over the steps of a call, with the package numba-progress.

Compiled code counts its steps in its pool (``srcad.runtime.threads.goes_on``); a thread of the bar
looks at them ten times a second.
"""

import sys
from importlib.util import find_spec
from typing import Any

import numpy as np

from srcad.errors import ArgumentError

_LONG = 100_000
"""From here on numbers are shown as 1.2M."""


def require_bar() -> None:
    """Raise ``ArgumentError`` if there is no package for progress bars."""
    if find_spec("numba_progress") is None:
        raise ArgumentError(
            "progress=True needs the package numba-progress, which is not installed",
            hint="pip install 'srcad[progress]'",
        )


def bar_of(title: str, total: int | None, steps: np.ndarray) -> Any:
    """A bar that shows the sum of ``steps`` until it is closed."""
    from numba_progress import ProgressBar  # noqa: PLC0415 (optional)

    class Bar(ProgressBar):
        """The bar of numba-progress, over numbers that are not its own."""

        def _update_tqdm(self) -> None:
            self._tqdm.n = int(steps.sum())
            self._tqdm.refresh()

    short = total is None or total >= _LONG
    return Bar(file=sys.stderr, total=total, desc=title, unit=" steps", unit_scale=short)
