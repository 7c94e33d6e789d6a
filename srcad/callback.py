"""Python functions that compiled code calls on the way back (``srcad.on_backward``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


class Callback:
    """A Python function of one number or array, which gives another of the same type.

    What gives None leaves its argument as it is.
    """

    def __init__(self, function: Callable[[Any], Any], kind: str, ndim: int) -> None:
        self.function = function
        self.kind = kind
        self.ndim = ndim

    def __call__(self, x: Any) -> Any:
        """The function's value, of the type of ``x``; it is given a copy, which it may keep."""
        import numpy as np  # noqa: PLC0415 (this module is imported with srcad)

        given = x.copy() if self.ndim else x
        found = self.function(given)
        if found is None:
            return x
        if np.shape(found) != np.shape(x):
            raise ValueError(
                f"the function of on_backward gives shape {np.shape(found)} for {np.shape(x)}"
            )
        kind = np.dtype(self.kind)
        return np.ascontiguousarray(found, kind) if self.ndim else kind.type(found)

    def compiled(self) -> Callable[[Any], Any]:
        """The same for Numba's compiled code."""
        import numba  # noqa: PLC0415
        from numba import objmode, types  # noqa: PLC0415

        element = getattr(types, self.kind)
        kind = types.Array(element, self.ndim, "C") if self.ndim else element
        call = self

        @numba.njit
        def callback(x: Any) -> Any:
            with objmode(found=kind):
                found = call(x)
            return found

        return callback


@cache
def callback(function: Callable[[Any], Any], kind: str, ndim: int) -> Callback:
    """The one object for these, so that a program is compiled once."""
    return Callback(function, kind, ndim)


class ArrayCall:
    """A Python function of arrays that compiled code calls.

    Its result is an array of the type of its last argument.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        """The function's value, as a C-contiguous array."""
        import numpy as np  # noqa: PLC0415

        return np.ascontiguousarray(self.function(*args))

    def compiled(self) -> Callable[..., Any]:
        """The same for Numba's compiled code."""
        from numba import objmode, types  # noqa: PLC0415
        from numba.extending import overload  # noqa: PLC0415

        call = self

        def array_call(*args: Any) -> Any:
            raise NotImplementedError

        @overload(array_call)
        def _(*args: Any) -> Any:  # pyright: ignore[reportUnusedFunction]
            kind = types.Array(args[-1].dtype, args[-1].ndim, "C")

            def implementation(*args: Any) -> Any:
                with objmode(found=kind):
                    found = call(*args)
                return found

            return implementation

        return array_call
