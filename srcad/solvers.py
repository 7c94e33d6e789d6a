"""The solvers of ``srcad.implicit``, and the linear systems of the implicit function theorem.

The compiler reads these functions where a program calls ``fixed_point``, ``root`` or ``argmin``;
they do not run as they stand. ``vjp``, ``jvp`` and ``grad`` in them are derivatives of the user's
function, which a derivative of the solution differentiates again.
"""

# What a derivative of a function of the program gives is known to the compiler only.
# pyright: reportOperatorIssue=false, reportCallIssue=false, reportArgumentType=false

from typing import Any, NoReturn

import numpy as np

from srcad.transformation import Equation
from srcad.transforms import grad, jvp, vjp


def fixed_point(step: Any, x0: Any, *, tol: float, max_iter: int) -> NoReturn:
    """``srcad.fixed_point``, as the compiler reads it here."""
    raise NotImplementedError


def of_point(function, *params):
    return lambda x: function(x, *params)


# -------------------------------------------------------------------- fixed points


def iterated_number(step, x0, tol, max_iter):
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


def iterated_array(step, x0, tol, max_iter):
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
        for a, b in zip(new.ravel(), x.ravel(), strict=True):
            change = a if a != a else max(change, abs(a - b))
            size = max(size, abs(a))
        x[...] = new
        k += 1
    return x


def back_to_fixed_point(step, y, v, tol, max_iter):
    """``w = v + A^T w`` with ``A = dstep/dx``."""

    def transposed(w):
        _, pullback = vjp(step, y)
        (share,) = pullback(w)
        return v + share

    return fixed_point(transposed, v, tol=tol, max_iter=max_iter)


def along_fixed_point(step, y, b, tol, max_iter):
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


def root_number(residual, x0, tol, max_iter):
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


def root_array(residual, x0, tol, max_iter):
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


def back_to_root_number(residual, y, v, tol, max_iter):
    return -v / _slope(residual, y)


def back_to_root_array(residual, y, v, tol, max_iter):
    return -np.linalg.solve(_jacobian(residual, y).T, v)


def along_root_array(residual, y, b, tol, max_iter):
    return -np.linalg.solve(_jacobian(residual, y), b)


# -------------------------------------------------------------------- minima


def argmin_number(objective, x0, tol, max_iter):
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


def argmin_array(objective, x0, tol, max_iter):
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


FIXED_POINT = Equation(
    "fixed_point",
    (iterated_number, iterated_array),
    (back_to_fixed_point, back_to_fixed_point),
    (along_fixed_point, along_fixed_point),
    of_point,
)
ROOT = Equation(
    "root",
    (root_number, root_array),
    (back_to_root_number, back_to_root_array),
    (back_to_root_number, along_root_array),
    of_point,
)
ARGMIN = Equation(
    "argmin",
    (argmin_number, argmin_array),
    (back_to_root_number, back_to_root_array),
    (back_to_root_number, along_root_array),
    of_point,
    of_gradient=True,
)
fixed_point.__srcad_equation__ = FIXED_POINT  # type: ignore[attr-defined]
