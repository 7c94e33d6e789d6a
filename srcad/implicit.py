"""Functions that an equation defines: ``fixed_point``, ``root`` and ``argmin``.

The solution ``x`` of ``F(x, p) = 0`` is a function of ``p``, whose derivative follows from that of
``F`` alone: ``dx/dp = -(dF/dx)^-1 dF/dp``, the implicit function theorem. So nothing of the way to
the solution is kept: the memory of a derivative does not grow with the iterations, and it is exact
however the solution was found.

What is below is read by the compiler where these functions are called, and elaborated there: the
solvers, and for each mode the linear system of the theorem. Those are written with the derivatives
of srcad themselves, so that solutions have derivatives of every order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.config import Options
from srcad.errors import ArgumentError
from srcad.primal import Primal
from srcad.transformation import Equation
from srcad.transforms import grad, jvp, options_of, vjp


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


def _of_point(function, *params):
    return lambda x: function(x, *params)


# -------------------------------------------------------------------- fixed points


def _iterated_number(step, x0, tol, max_iter):
    x = x0
    change = np.inf
    k = 0
    while not change <= tol * (1.0 + abs(x)):
        if k == max_iter:
            raise RuntimeError("fixed_point: not converged after max_iter steps")
        new = step(x)
        change = abs(new - x)
        x = new
        k += 1
    return x


def _iterated_array(step, x0, tol, max_iter):
    x = x0.copy()
    change = np.inf
    size = 0.0
    k = 0
    while not change <= tol * (1.0 + size):
        if k == max_iter:
            raise RuntimeError("fixed_point: not converged after max_iter steps")
        new = step(x.copy())
        change = 0.0
        size = 0.0
        for a, b in zip(new.ravel(), x.ravel()):
            change = a if a != a else max(change, abs(a - b))
            size = max(size, abs(a))
        x[...] = new
        k += 1
    return x


def _back_to_fixed_point(step, y, v, tol, max_iter):
    """``w = v + A^T w`` with ``A = dstep/dx``."""

    def transposed(w):
        _, pullback = vjp(step, y)
        (share,) = pullback(w)
        return v + share

    return fixed_point(transposed, v, tol=tol, max_iter=max_iter)


def _along_fixed_point(step, y, b, tol, max_iter):
    """``t = b + A t``."""

    def moved(t):
        _, change = jvp(step, (y,), (t,))
        return b + change

    return fixed_point(moved, b, tol=tol, max_iter=max_iter)


# -------------------------------------------------------------------- roots


def _slope(residual, x):
    _, slope = jvp(residual, (x,), (1.0,))
    return slope


def _jacobian(residual, x):
    n = x.shape[0]
    out = np.empty((n, n))
    for j in range(n):
        unit = np.zeros(n)
        unit[j] = 1.0
        _, column = jvp(residual, (x,), (unit,))
        for i in range(n):
            out[i, j] = column[i]
    return out


def _largest(r):
    out = 0.0
    for a in r:
        out = abs(a) if a != a else max(out, abs(a))
    return out


def _root_number(residual, x0, tol, max_iter):
    x = x0
    r = residual(x)
    k = 0
    done = False
    while not done:
        if k == max_iter:
            raise RuntimeError("root: not converged after max_iter steps")
        slope = _slope(residual, x)
        if slope == 0.0 and r != 0.0:
            raise RuntimeError("root: the derivative of the residual is 0 where it is not solved")
        change = -r / slope if r != 0.0 else 0.0
        done = abs(change) <= tol * (1.0 + abs(x))
        new = residual(x + change)
        halvings = 0
        while not done and not abs(new) < abs(r):
            if halvings == 60:
                raise RuntimeError("root: no step lowers the residual any more")
            change *= 0.5
            new = residual(x + change)
            halvings += 1
        x += change
        r = new
        k += 1
    return x


def _root_array(residual, x0, tol, max_iter):
    x = x0.copy()
    r = residual(x.copy())
    if r.shape[0] != x.shape[0]:
        raise ValueError("root: the residual must have as many numbers as the point")
    k = 0
    done = False
    while not done:
        if k == max_iter:
            raise RuntimeError("root: not converged after max_iter steps")
        change = -np.linalg.solve(_jacobian(residual, x), r)
        done = _largest(change) <= tol * (1.0 + _largest(x))
        new = residual(x + change)
        halvings = 0
        while not done and not _largest(new) < _largest(r):
            if halvings == 60:
                raise RuntimeError("root: no step lowers the residual any more")
            change *= 0.5
            new = residual(x + change)
            halvings += 1
        x += change
        r[:] = new
        k += 1
    return x


def _back_to_root_number(residual, y, v, tol, max_iter):
    return -v / _slope(residual, y)


def _back_to_root_array(residual, y, v, tol, max_iter):
    return -np.linalg.solve(_jacobian(residual, y).T, v)


def _along_root_array(residual, y, b, tol, max_iter):
    return -np.linalg.solve(_jacobian(residual, y), b)


# -------------------------------------------------------------------- minima


def _argmin_number(objective, x0, tol, max_iter):
    x = x0
    value = objective(x)
    k = 0
    shift = 0.0
    done = False
    while not done:
        if k == max_iter:
            raise RuntimeError("argmin: not converged after max_iter steps")
        slope = grad(objective)(x)
        curvature = grad(grad(objective))(x)
        if slope == 0.0 and not curvature > 0.0:
            raise RuntimeError("argmin: the point found is no minimum (its curvature is not > 0)")
        change = -slope / (abs(curvature) + shift) if slope != 0.0 else 0.0
        done = shift == 0.0 and curvature > 0.0 and abs(change) <= tol * (1.0 + abs(x))
        new = objective(x + change)
        if done or new <= value + 1e-14 * abs(value):
            x += change
            value = new
            shift *= 0.1
            if shift < 1e-8 * (1.0 + abs(curvature)):
                shift = 0.0
        else:
            shift = max(4.0 * shift, 1e-3 * (1.0 + abs(curvature)))
        k += 1
    return x


def _argmin_array(objective, x0, tol, max_iter):
    x = x0.copy()
    n = x.shape[0]
    value = objective(x.copy())
    k = 0
    shift = 0.0
    done = False
    while not done:
        if k == max_iter:
            raise RuntimeError("argmin: not converged after max_iter steps")
        slope = grad(objective)(x)
        hessian = _jacobian(grad(objective), x)
        lowest = np.linalg.eigvalsh(hessian)[0]
        if _largest(slope) == 0.0 and not lowest > 0.0:
            raise RuntimeError(
                "argmin: the point found is no minimum (its Hessian is not positive definite)"
            )
        extra = shift
        if lowest <= 0.0:
            extra = shift + 1e-3 - 2.0 * lowest
        for i in range(n):
            hessian[i, i] += extra
        change = -np.linalg.solve(hessian, slope)
        done = extra == 0.0 and _largest(change) <= tol * (1.0 + _largest(x))
        new = objective(x + change)
        if done or new <= value + 1e-14 * abs(value):
            x += change
            value = new
            shift *= 0.1
            if shift < 1e-8:
                shift = 0.0
        else:
            shift = max(4.0 * shift, 1e-3)
        k += 1
    return x


for _function, _equation in (
    (
        fixed_point,
        Equation(
            "fixed_point",
            (_iterated_number, _iterated_array),
            (_back_to_fixed_point, _back_to_fixed_point),
            (_along_fixed_point, _along_fixed_point),
            _of_point,
        ),
    ),
    (
        root,
        Equation(
            "root",
            (_root_number, _root_array),
            (_back_to_root_number, _back_to_root_array),
            (_back_to_root_number, _along_root_array),
            _of_point,
        ),
    ),
    (
        argmin,
        Equation(
            "argmin",
            (_argmin_number, _argmin_array),
            (_back_to_root_number, _back_to_root_array),
            (_back_to_root_number, _along_root_array),
            _of_point,
            of_gradient=True,
        ),
    ),
):
    _function.__srcad_equation__ = _equation  # type: ignore[attr-defined]
