"""What the objects that ``grad``, ``jacobian`` and their kin return have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from srcad.config import Options
from srcad.show import show

if TYPE_CHECKING:
    from srcad.backend.adapter import CompiledCalls


class Transformed:
    """A transformation of a function, called from Python, from srcad and from compiled code."""

    __srcad_primal__: Callable[..., Any]
    _options: Options

    @property
    def primal(self) -> Callable[..., Any]:
        """The user's own function."""
        return self.__srcad_primal__

    @functools.cached_property
    def _compiled_calls(self) -> CompiledCalls:
        from srcad.compiled import compiled_calls  # noqa: PLC0415 (imports Numba)

        return compiled_calls(self, self._options)

    @property
    def _numba_type_(self) -> Any:
        """What Numba takes it for in functions that it compiles: one of its own."""
        return self._compiled_calls.type

    def source(self, *args: Any, **kwargs: Any) -> str:
        """The generated Python source for arguments of these types."""
        raise NotImplementedError

    def show(self, *args: Any, **kwargs: Any) -> None:
        """Print the generated source, coloured if ``rich`` is installed."""
        show(self.source(*args, **kwargs))
