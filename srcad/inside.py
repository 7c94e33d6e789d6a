"""What is called inside of a function to shape its derivative: identities when it is just run.

In plain Python, and under the user's own ``@njit``, these return their first argument. In a
function that srcad differentiates they say what the derivative is to be.
"""

import os
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

_T = TypeVar("_T")


def stop_gradient(x: _T) -> _T:
    """The value of ``x``, which counts as a constant from here on.

    Parameters
    ----------
    x : number, array, or a tuple of those

    Examples
    --------
    The weight ``x`` of ``x * y`` is held fixed, so only one of the two terms is left:

    >>> import srcad
    >>> srcad.grad(lambda x: srcad.stop_gradient(x) * x)(3.0)
    3.0
    """
    return x


def straight_through(hard: _T, soft: Any) -> _T:
    """The value of ``hard`` with the derivative of ``soft``.

    Parameters
    ----------
    hard : number or array
        What is computed, such as a rounded or quantised value.
    soft : number or array of the same shape
        What it stands for, which has a useful derivative.

    Examples
    --------
    >>> import numpy as np, srcad
    >>> srcad.value_and_grad(lambda x: srcad.straight_through(np.round(x), x) ** 2)(2.6)
    (9.0, 6.0)
    """
    return hard


def on_backward(x: _T, fn: Callable[[Any], Any]) -> _T:
    """``x`` itself; on the way back its cotangent is replaced by ``fn`` of it.

    Parameters
    ----------
    x : number or array
    fn : callable
        Takes the cotangent, of the shape of ``x``, and returns the one that is passed on (None:
        the same), such as a clipped one. It may print, and write into arrays that it captures. It
        is compiled with the derivative; what cannot be compiled, such as the ``append`` of a list,
        is called in Python.

    Examples
    --------
    >>> import numpy as np, srcad
    >>> def loss(x):
    ...     y = srcad.on_backward(x * x, lambda g: np.clip(g, -1.0, 1.0))
    ...     return 100.0 * y
    >>> srcad.grad(loss)(3.0)
    6.0
    """
    return x


def checkpoint(
    iterable: _T,
    snapshots: int = 0,
    memory: int | str = 0,
    schedule: str = "binomial",
    disk: str | os.PathLike[str] = "",
    disk_snapshots: int = 0,
) -> _T:
    """``iterable``, which a loop runs over; the states of the loop are recomputed, not stored.

    Reverse mode needs what each iteration found. A loop without this mark stores it for all of
    them. With it, the state at the start of at most ``snapshots`` iterations is kept at a time;
    the others are recomputed from these, in the order that takes the fewest iterations (the
    binomial one of Griewank and Walther).

    As a decorator of a function, ``@srcad.checkpoint``, it lets each call be run again where it is
    reversed; between the sweeps only the arguments of the call are kept.

    Parameters
    ----------
    iterable : range, array, ...
        What a ``for`` loop runs over; the condition of a ``while`` loop; or a function.
    snapshots : int
        The number of states that are kept. A ``for`` loop keeps one more, for its last iteration.
    memory : int or str
        In place of that: the bytes that they may take, such as ``"200MB"``.
    schedule : {"binomial", "two-level", "periodic"}
        Where a ``for`` loop takes snapshots. ``"periodic"``: all of them at equal distances.
        ``"two-level"``: half of them so, and the others in between in the binomial order.
    disk : str or path
        A directory for further snapshots of a ``for`` loop, at equal distances, those in memory
        being used between two of them. They are removed when the call ends. A call that was killed
        goes on from them when the same call is made again.
    disk_snapshots : int
        The most snapshots on disk. 0: as many as it takes to run no iteration again more than once.

    Examples
    --------
    A million steps, and 20 numbers kept:

    >>> import srcad
    >>> def logistic(x, n):
    ...     for t in srcad.checkpoint(range(n), snapshots=20):
    ...         x = 3.2 * x * (1.0 - x)
    ...     return x
    >>> round(srcad.grad(logistic)(0.3, 3), 6)
    1.851626
    """
    if callable(iterable):
        setattr(iterable, _RERUN, True)
    return iterable


_RERUN = "__srcad_rerun__"


def is_rerun(function: object) -> bool:
    """Whether calls of a function are run again where they are reversed."""
    return any(hasattr(f, _RERUN) for f in (function, getattr(function, "py_func", None)))


def refuse(what: str, hint: str = "") -> NoReturn:
    """In srcad's own tables: this form of a call is not supported, said at the user's call."""
    raise NotImplementedError(f"{what}: {hint}" if hint else what)
