"""The registry of traps: small functions that are known to break AD compilers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

VALUE = "value"
REFUSE = "refuse"
EITHER = "either"


@dataclass(frozen=True)
class Trap:
    """One differentiable function, how to call it and what may come of it."""

    name: str
    theme: str
    fn: Callable[..., Any]
    args: Callable[[], tuple]
    wrt: int | tuple[int, ...] = 0
    policy: str = VALUE
    expect: Callable[..., Any] | None = None
    zero: bool = False
    jit: bool = False
    rtol: float = 1e-6
    atol: float = 1e-8

    @property
    def key(self) -> str:
        """The theme and the name, which is unique over all modules."""
        return f"{self.theme}.{self.name}"


@dataclass(frozen=True)
class Scenario:
    """A story of several calls, which makes its own assertions."""

    name: str
    theme: str
    check: Callable[[Any], None]
    policy: str = VALUE

    @property
    def key(self) -> str:
        """The theme and the name, which is unique over all modules."""
        return f"{self.theme}.{self.name}"


TRAPS: list[Trap] = []
SCENARIOS: list[Scenario] = []


def trap(args: Callable[[], tuple], **options: Any) -> Callable:
    """Register the decorated function as a trap and leave it as it is.

    `args` makes fresh arguments.  `expect(*args)` gives the gradient in
    closed form where central differences do not hold (at a kink).
    """

    def register(fn: Callable) -> Callable:
        theme = fn.__module__.rpartition(".")[2]
        TRAPS.append(Trap(fn.__name__, theme, fn, args, **options))
        return fn

    return register


def scenario(check: Callable[[Any], None]) -> Callable:
    """Register a function of the `srcad` package that asserts by itself."""
    theme = check.__module__.rpartition(".")[2]
    SCENARIOS.append(Scenario(check.__name__, theme, check))
    return check
