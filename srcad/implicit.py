"""Functions that an equation defines: ``fixed_point``, ``root`` and ``argmin``.

The solution ``x`` of ``F(x, p) = 0`` is a function of ``p``, whose derivative follows from that of
``F`` alone: ``dx/dp = -(dF/dx)^-1 dF/dp``, the implicit function theorem. So nothing of the way to
the solution is kept: the memory of a derivative does not grow with the iterations, and it is exact
however the solution was found.

Where a program calls them, the compiler reads the solver and the linear systems of the theorem in
``srcad.solvers``. Those are written with the derivatives of srcad themselves, so that solutions
have derivatives of every order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad import solvers
from srcad.config import Options
from srcad.errors import ArgumentError
from srcad.primal import Primal
from srcad.transforms import options_of


def fixed_point(
    step: Callable[..., Any],
    x0: Any,
    /,
    *params: Any,
    tol: float = 1e-10,
    max_iter: int = 1000,
    **options: bool,
) -> Any:
    """The point with ``x = step(x, *params)``, by iteration from ``x0``.

    It stops when ``max|step(x) - x| <= tol * (1 + max|x|)``. The derivative with respect to the
    parameters, and to whatever else ``step`` reads, is that of the solution: the cotangent ``v``
    becomes the fixed point of ``w = v + (dstep/dx)^T w``, found by the same iteration. The start
    ``x0`` has none.

    Parameters
    ----------
    step : callable
        A contraction: takes a point and the parameters, returns a point of the same shape.
    x0 : float or array of floats, any shape
        Where to begin. It is not changed.
    *params
        Further arguments of ``step``.
    tol : float
        The error of the solution is about ``tol / (1 - rate)``, ``rate`` being the factor by which
        a step shortens distances; that of the derivative too.
    max_iter : int
        Steps after which ``RuntimeError`` is raised.
    **options
        The options of ``grad``.

    Returns
    -------
    float or array of the shape and dtype of ``x0``

    Raises
    ------
    RuntimeError
        No convergence within ``max_iter`` steps, on the way there or on the way back.

    Examples
    --------
    >>> import math, srcad
    >>> def step(x, a):
    ...     return 0.5 * (x + a / x)
    >>> round(srcad.fixed_point(step, 1.0, 2.0), 9)
    1.414213562
    >>> round(srcad.grad(lambda a: srcad.fixed_point(step, 1.0, a))(2.0), 9)
    0.353553391
    """
    return _solver(_solve_fixed_point, options_of("fixed_point", options))(
        step, _floats(x0), params, float(tol), int(max_iter)
    )


def root(
    residual: Callable[..., Any],
    x0: Any,
    /,
    *params: Any,
    tol: float = 1e-10,
    max_iter: int = 100,
    **options: bool,
) -> Any:
    """The point with ``residual(x, *params) = 0``, by Newton's method from ``x0``.

    The Jacobian is that of srcad, dense; steps that do not lower ``max|residual|`` are halved. It
    stops when ``max|step| <= tol * (1 + max|x|)``. The derivative with respect to the parameters,
    and to whatever else ``residual`` reads, is that of the solution: one linear system. The start
    ``x0`` has none.

    Parameters
    ----------
    residual : callable
        Takes a point and the parameters, returns as many numbers as the point has.
    x0 : float or vector of floats (n,)
        Where to begin. It is not changed.
    *params
        Further arguments of ``residual``.
    tol, max_iter
        See above; ``RuntimeError`` after ``max_iter`` steps.
    **options
        The options of ``grad``.

    Returns
    -------
    float or array (n,) of the dtype of ``x0``

    Raises
    ------
    RuntimeError
        No convergence, or no step lowers the residual any more.
    numpy.linalg.LinAlgError
        The Jacobian is singular.

    Examples
    --------
    >>> import srcad
    >>> def residual(x, a):
    ...     return x * x * x - a
    >>> round(srcad.root(residual, 1.0, 8.0), 9)
    2.0
    >>> round(srcad.grad(lambda a: srcad.root(residual, 1.0, a))(8.0), 9)
    0.083333333
    """
    return _solver(_solve_root, options_of("root", options))(
        residual, _floats(x0), params, float(tol), int(max_iter)
    )


def argmin(
    objective: Callable[..., Any],
    x0: Any,
    /,
    *params: Any,
    tol: float = 1e-10,
    max_iter: int = 100,
    **options: bool,
) -> Any:
    """The local minimum of ``objective(x, *params)``, by Newton's method from ``x0``.

    Gradient and Hessian are those of srcad, the Hessian dense; a step that does not lower the
    objective is repeated with a multiple of the identity added to the Hessian. It stops when
    ``max|step| <= tol * (1 + max|x|)``. The derivative of the solution is that of the root of the
    gradient.

    Parameters
    ----------
    objective : callable
        Takes a point and the parameters, returns one float.
    x0 : float or vector of floats (n,)
        Where to begin. It is not changed.
    *params
        Further arguments of ``objective``.
    tol, max_iter
        See above; ``RuntimeError`` after ``max_iter`` steps.
    **options
        The options of ``grad``.

    Returns
    -------
    float or array (n,) of the dtype of ``x0``

    Raises
    ------
    RuntimeError
        No convergence, or the point found is no minimum: the Hessian there is not positive
        definite.

    Examples
    --------
    >>> import numpy as np, srcad
    >>> def objective(x, a):
    ...     return np.sum((x - a) ** 2) + 0.5 * np.sum(x * x) ** 2
    >>> a = np.array([1.0, 2.0])
    >>> x = srcad.argmin(objective, np.zeros(2), a)
    >>> bool(np.allclose(x * (1.0 + np.sum(x * x)), a))
    True
    """
    return _solver(_solve_argmin, options_of("argmin", options))(
        objective, _floats(x0), params, float(tol), int(max_iter)
    )


@functools.lru_cache(maxsize=64)
def _solver(function: Callable[..., Any], options: Options) -> Primal:
    return Primal(function, options)


def _floats(x0: Any) -> Any:
    found = np.asarray(x0)
    if found.dtype.kind not in "fiu":
        raise ArgumentError(f"x0 must be a number or an array of floats, not {found.dtype}")
    return found if found.ndim and found.dtype.kind == "f" else (found * 1.0)[()]


def _solve_fixed_point(step, x0, params, tol, max_iter):
    return fixed_point(step, x0, *params, tol=tol, max_iter=max_iter)


def _solve_root(residual, x0, params, tol, max_iter):
    return root(residual, x0, *params, tol=tol, max_iter=max_iter)


def _solve_argmin(objective, x0, params, tol, max_iter):
    return argmin(objective, x0, *params, tol=tol, max_iter=max_iter)


fixed_point.__srcad_equation__ = solvers.FIXED_POINT  # type: ignore[attr-defined]
root.__srcad_equation__ = solvers.ROOT  # type: ignore[attr-defined]
argmin.__srcad_equation__ = solvers.ARGMIN  # type: ignore[attr-defined]
