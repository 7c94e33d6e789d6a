"""Functions of which compiled code has a text of its own, with the same results.

As all modules of this package, it imports NumPy, Numba and its neighbours only, so that functions
of them can be copied into a module that runs without srcad.
"""

from collections.abc import Callable
from typing import Any

from numba.extending import lower_builtin, type_callable


def also_compiled(
    function: Callable[..., Any], typer: Any, lowering: Any, *kinds: Any
) -> Callable[..., Any]:
    """``function`` itself; compiled code that calls it takes ``lowering`` instead."""
    type_callable(function)(typer)
    lower_builtin(function, *kinds)(lowering)
    return function
