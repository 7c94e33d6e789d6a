"""Bundle adjustment, the objective of ADBench: the Jacobian of each residual, 2 x 15, block by block.

A residual depends on one camera (rotation as a vector, centre, focal length, principal point, two
distortions), one point and one weight. The mark by hand multiplies the Jacobians of the stages:
distortion and projection (2 x 3), and the rotation with its derivative by the rotation vector.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Bundle adjustment, Jacobians of 10,000 residuals"
WRT = ("cameras", "points", "weights")


def arguments(scale=1.0):
    random = np.random.default_rng(22)
    n = scaled(10_000, scale, 4)
    cameras = 0.3 * random.normal(size=(n, 11))
    cameras[:, 6] += 1.5
    cameras[:, 9:] *= 0.1
    return {
        "cameras": cameras,
        "points": random.normal(size=(n, 3)) + np.array([0.0, 0.0, 5.0]),
        "weights": random.random(n),
        "seen": random.normal(size=(n, 2)),
    }


def residual(camera, point, weight, seen):
    x = point - camera[3:6]
    angle = np.sqrt(np.sum(camera[:3] ** 2))
    axis = camera[:3] / angle
    turned = (
        x * np.cos(angle)
        + np.cross(axis, x) * np.sin(angle)
        + axis * (np.dot(axis, x) * (1.0 - np.cos(angle)))
    )
    p = turned[:2] / turned[2]
    r2 = np.sum(p**2)
    distorted = p * (1.0 + camera[9] * r2 + camera[10] * r2 * r2)
    return weight * (camera[6] * distorted + camera[7:9] - seen)


def bundle(cameras, points, weights, seen):
    residuals = np.empty(seen.shape)
    for k in range(weights.size):
        residuals[k] = compiled_residual(cameras[k], points[k], weights[k], seen[k])
    return residuals


compiled_residual = jit(residual)
PRIMAL = bundle


def srcad_gradient(srcad):
    return srcad.batch(srcad.jacobian(residual, wrt=("camera", "point", "weight")))


@jit
def adjoint(cameras, points, weights, seen):
    n = weights.size
    cameras_b = np.empty((n, 2, 11))
    points_b = np.empty((n, 2, 3))
    weights_b = np.empty((n, 2))
    for k in range(n):
        a, b, c = cameras[k, 0], cameras[k, 1], cameras[k, 2]
        angle = math.sqrt(a * a + b * b + c * c)
        a /= angle
        b /= angle
        c /= angle
        x = points[k, 0] - cameras[k, 3]
        y = points[k, 1] - cameras[k, 4]
        z = points[k, 2] - cameras[k, 5]
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
        k1 = cameras[k, 9]
        k2 = cameras[k, 10]
        factor = 1.0 + k1 * r2 + k2 * r2 * r2
        slope = 2.0 * (k1 + 2.0 * k2 * r2)
        focal = cameras[k, 6]
        w = weights[k]
        weights_b[k, 0] = focal * factor * p + cameras[k, 7] - seen[k, 0]
        weights_b[k, 1] = focal * factor * q + cameras[k, 8] - seen[k, 1]
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
            out = cameras_b[k, row]
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
            points_b[k, row, 0] = vx
            points_b[k, row, 1] = vy
            points_b[k, row, 2] = vz
    return cameras_b, points_b, weights_b


def in_arrays(xp):
    """The residual for the array functions of a system."""

    def residual(camera, point, weight, seen):
        x = point - camera[3:6]
        angle = xp.sqrt((camera[:3] ** 2).sum())
        axis = camera[:3] / angle
        turned = (
            x * xp.cos(angle)
            + xp.cross(axis, x) * xp.sin(angle)
            + axis * ((axis * x).sum() * (1.0 - xp.cos(angle)))
        )
        p = turned[:2] / turned[2]
        r2 = (p**2).sum()
        distorted = p * (1.0 + camera[9] * r2 + camera[10] * r2 * r2)
        return weight * (camera[6] * distorted + camera[7:9] - seen)

    return residual


def jax_gradient(jax):
    return jax.vmap(jax.jacrev(in_arrays(jax.numpy), argnums=(0, 1, 2)))


def torch_gradient(torch):
    one = in_arrays(type("functions", (), {
        "sqrt": torch.sqrt, "cos": torch.cos, "sin": torch.sin, "cross": torch.linalg.cross,
    }))  # fmt: skip
    return torch.func.vmap(torch.func.jacrev(one, argnums=(0, 1, 2)))
