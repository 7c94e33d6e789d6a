"""Bundle adjustment, the objective of ADBench: the Jacobian of each residual, 2 x 15, block by block.

A residual depends on 15 numbers: a camera (rotation as a vector, centre, focal length, principal
point, two distortions), a point and a weight. The mark by hand multiplies the Jacobians of the stages:
distortion and projection (2 x 3), and the rotation with its derivative by the rotation vector.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Bundle adjustment, Jacobians of 10,000 residuals"
WRT = ("parameters",)


def arguments(scale=1.0):
    random = np.random.default_rng(22)
    n = scaled(10_000, scale, 4)
    parameters = 0.3 * random.normal(size=(n, 15))
    parameters[:, 6] += 1.5
    parameters[:, 9:11] *= 0.1
    parameters[:, 13] += 5.0
    return {"parameters": parameters, "seen": random.normal(size=(n, 2))}


def residual(parameters, seen):
    rotation, centre, focal = parameters[:3], parameters[3:6], parameters[6]
    principal, distortion = parameters[7:9], parameters[9:11]
    point, weight = parameters[11:14], parameters[14]
    x = point - centre
    angle = np.sqrt(np.sum(rotation**2))
    axis = rotation / angle
    turned = (
        x * np.cos(angle)
        + np.cross(axis, x) * np.sin(angle)
        + axis * (np.dot(axis, x) * (1.0 - np.cos(angle)))
    )
    p = turned[:2] / turned[2]
    r2 = np.sum(p**2)
    distorted = p * (1.0 + distortion[0] * r2 + distortion[1] * r2 * r2)
    return weight * (focal * distorted + principal - seen)


compiled_residual = jit(residual)


def bundle(parameters, seen):
    residuals = np.empty(seen.shape)
    for k in range(seen.shape[0]):
        residuals[k] = compiled_residual(parameters[k], seen[k])
    return residuals


PRIMAL = bundle


def srcad_gradient(srcad, **options):
    return srcad.batch(srcad.jacobian(residual, **options), **options)


@jit
def adjoint(parameters, seen):
    n = seen.shape[0]
    jacobians = np.empty((n, 2, 15))
    for k in range(n):
        a, b, c = parameters[k, 0], parameters[k, 1], parameters[k, 2]
        angle = math.sqrt(a * a + b * b + c * c)
        a /= angle
        b /= angle
        c /= angle
        x = parameters[k, 11] - parameters[k, 3]
        y = parameters[k, 12] - parameters[k, 4]
        z = parameters[k, 13] - parameters[k, 5]
        co = math.cos(angle)
        si = math.sin(angle)
        rest = 1.0 - co
        along = a * x + b * y + c * z
        ux = b * z - c * y
        uy = c * x - a * z
        uz = a * y - b * x
        tx = x * co + ux * si + a * along * rest
        ty = y * co + uy * si + b * along * rest
        tz = z * co + uz * si + c * along * rest
        share = 1.0 / tz
        p = tx * share
        q = ty * share
        r2 = p * p + q * q
        k1 = parameters[k, 9]
        k2 = parameters[k, 10]
        factor = 1.0 + k1 * r2 + k2 * r2 * r2
        slope = 2.0 * (k1 + 2.0 * k2 * r2)
        focal = parameters[k, 6]
        w = parameters[k, 14]
        for row in range(2):
            own = p if row == 0 else q
            # by the projected point, then by the turned one
            by_p = w * focal * (slope * own * p + (factor if row == 0 else 0.0))
            by_q = w * focal * (slope * own * q + (factor if row == 1 else 0.0))
            gx = by_p * share
            gy = by_q * share
            gz = -(by_p * p + by_q * q) * share
            # by x: the transposed rotation
            by_along = rest * (a * gx + b * gy + c * gz)
            vx = gx * co + (c * gy - b * gz) * si + a * by_along
            vy = gy * co + (a * gz - c * gx) * si + b * by_along
            vz = gz * co + (b * gx - a * gy) * si + c * by_along
            # by the axis, and by the angle
            na = (y * gz - z * gy) * si + x * by_along + gx * along * rest
            nb = (z * gx - x * gz) * si + y * by_along + gy * along * rest
            nc = (x * gy - y * gx) * si + z * by_along + gz * along * rest
            turning = (
                gx * (ux * co - x * si + a * along * si)
                + gy * (uy * co - y * si + b * along * si)
                + gz * (uz * co - z * si + c * along * si)
            )
            inward = a * na + b * nb + c * nc
            out = jacobians[k, row]
            out[0] = turning * a + (na - inward * a) / angle
            out[1] = turning * b + (nb - inward * b) / angle
            out[2] = turning * c + (nc - inward * c) / angle
            out[3] = -vx
            out[4] = -vy
            out[5] = -vz
            out[6] = w * factor * own
            out[7] = w if row == 0 else 0.0
            out[8] = w if row == 1 else 0.0
            out[9] = w * focal * own * r2
            out[10] = w * focal * own * r2 * r2
            out[11] = vx
            out[12] = vy
            out[13] = vz
            out[14] = focal * factor * own + parameters[k, 7 + row] - seen[k, row]
    return jacobians


def in_arrays(xp):
    """The residual for the array functions of a system."""

    def residual(parameters, seen):
        rotation, x = parameters[:3], parameters[11:14] - parameters[3:6]
        angle = xp.sqrt((rotation**2).sum())
        axis = rotation / angle
        turned = (
            x * xp.cos(angle)
            + xp.cross(axis, x) * xp.sin(angle)
            + axis * ((axis * x).sum() * (1.0 - xp.cos(angle)))
        )
        p = turned[:2] / turned[2]
        r2 = (p**2).sum()
        distorted = p * (1.0 + parameters[9] * r2 + parameters[10] * r2 * r2)
        return parameters[14] * (parameters[6] * distorted + parameters[7:9] - seen)

    return residual


def jax_gradient(jax):
    return jax.vmap(jax.jacrev(in_arrays(jax.numpy)))


def torch_gradient(torch):
    one = in_arrays(type("functions", (), {
        "sqrt": torch.sqrt, "cos": torch.cos, "sin": torch.sin, "cross": torch.linalg.cross,
    }))  # fmt: skip
    return torch.func.vmap(torch.func.jacrev(one))
