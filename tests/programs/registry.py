"""The zoo's register: one decorator, which leaves the function as it is.

Each argument of ``@program`` makes one set of arguments, fresh at each call. All sets of a program
have the same types, so that one compilation serves them; they differ in which branches and how many
trips the program runs. Scalar results go through ``grad``; a program with ``outputs`` (arguments
that it mutates and whose final state counts) or ``whole=True`` (its result is an array or a tuple)
goes through ``vjp``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Program:
    """A function of the zoo, its arguments and the oracle of its derivative."""

    function: Callable[..., Any]
    samples: tuple[Callable[[], tuple[Any, ...]], ...]
    theme: str
    wrt: tuple[int, ...] | None = None
    """Positions of the arguments to differentiate; None for all that hold floats."""
    outputs: tuple[str, ...] = ()
    whole: bool = False
    oracle: str = "complex"
    waits: str = ""
    """What it needs that srcad refuses so far."""
    heavy: bool = False
    """Its adjoint takes long to compile: ten seconds and more."""
    cross_checked: bool = True
    """Whether complex step works on it as well as differences do."""
    single: bool = False
    """Works in float32: compared at its precision."""
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.theme}.{self.function.__name__}"


PROGRAMS: list[Program] = []


def program(*samples, **options):
    """Register a function of the zoo."""

    def register(function):
        plain = getattr(function, "py_func", function)
        theme = plain.__module__.rsplit(".", 1)[-1]
        PROGRAMS.append(Program(function, samples, theme, **options))
        return function

    return register


def wave(n, phase=0.3):
    """n different floats between -0.9 and 1.1, none near 0 or 1."""
    return np.sin(np.arange(n) * 1.7 + phase) + 0.1


def ramp(n, low=0.5, high=1.7):
    """n positive floats in ascending order."""
    return np.linspace(low, high, n)


def grid(rows, columns, phase=0.3):
    """A matrix of different floats."""
    return wave(rows * columns, phase).reshape(rows, columns)
